/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: CycloneDX 1.5 of both releases and their difference: two components, "old" and "new", with all that is in each, nested
 * as it lies; each says what became of it (turncoat:change) and which component of the other side it is (turncoat:counterpart).
 * Reproducible, like scan's. Must not: guess names or versions.
 */
#include "cli/diff.h"

#include <stdlib.h>

#define FLUSH ((size_t)64 << 10)

struct sbom {
    const struct trn_diff *d;
    struct trn_out out;
    struct trn_digest *digest;
    const struct trn_change **of; /* of each member of the side that is written */
};

static void sbom_done(struct sbom *s)
{
    free(s->of);
    trn_digest_free(s->digest);
    trn_out_done(&s->out);
}

static void put_claims(struct trn_buf *b, const struct trn_release_member *m, bool *ret_version)
{
    struct trn_str name = trn_member_property(m, "name"), version = trn_member_property(m, "version");
    struct trn_str company = trn_member_property(m, "company"), license = trn_member_property(m, "license");
    if (name.n == 0)
        name = trn_member_property(m, "product");
    trn_out_str(b, "name", name.n ? name : m->name.n ? m->name : TRN_STR("(without a name)"));
    *ret_version = version.n > 0;
    if (version.n)
        trn_out_str(b, "version", version);
    if (company.n) {
        trn_out_key(b, "supplier");
        trn_put_c(b, "{");
        trn_out_str(b, "name", company);
        trn_put_c(b, "}");
    }
    if (license.n) {
        trn_out_key(b, "licenses");
        trn_put_c(b, "[{\"license\":{");
        trn_out_str(b, "name", license);
        trn_put_c(b, "}}]");
    }
}

static void put_change(struct trn_buf *b, const struct trn_diff *d, const struct trn_change *c, bool is_new)
{
    char ref[40];
    const struct trn_release_member *other = is_new ? c->old_member : c->new_member;
    trn_sbom_pair(b, "turncoat:change", trn_str_of(trn_change_kind_name(c->kind)));
    if (c->by != TRN_PAIR_NONE)
        trn_sbom_pair(b, "turncoat:paired-by", trn_str_of(trn_pair_reason_name(c->by)));
    if (other) {
        (void)snprintf(ref, sizeof(ref), "%s.%u", is_new ? "old" : "new",
                       trn_member_index(is_new ? d->old_release : d->new_release, other) + 1);
        trn_sbom_pair(b, "turncoat:counterpart", trn_str_of(ref));
    }
    for (size_t i = 0; is_new && i < c->n_findings; i++) {
        char text[200], name[160];
        const struct trn_finding *f = &c->findings[i];
        (void)snprintf(text, sizeof(text), "%s %d", trn_finding_name(f, name, sizeof(name)),
                       f->score ? trn_score_alone(f, NULL) : 0);
        trn_sbom_pair(b, "turncoat:finding", trn_str_of(text));
    }
}

static int open_component(struct sbom *s, const struct trn_release *r, size_t i, bool is_new)
{
    struct trn_buf *b = &s->out.b;
    const struct trn_release_member *m = trn_release_at(r, i);
    bool version = false;
    int e = trn_sbom_digest(s->digest, m->path);
    if (e == 0)
        e = trn_digest_update(s->digest, m->sha256, TRN_SHA256_SIZE);
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_key(b, "bom-ref");
    trn_put_fmt(b, "\"%s.%zu\"", is_new ? "new" : "old", i + 1);
    put_claims(b, m, &version);
    trn_out_c(b, "type", trn_sbom_type(m->format, version));
    trn_out_key(b, "hashes");
    trn_put_c(b, "[{\"alg\":\"SHA-256\",\"content\":\"");
    trn_put_hex(b, m->sha256, TRN_SHA256_SIZE);
    trn_put_c(b, "\"}]");
    trn_out_key(b, "properties");
    trn_put_c(b, "[");
    trn_sbom_pair(b, "turncoat:format", trn_str_of(trn_format_name(m->format)));
    trn_sbom_pair(b, "turncoat:path", m->path);
    if (m->signature)
        trn_sbom_signer(b, m->signature);
    if (s->of[i])
        put_change(b, s->d, s->of[i], is_new);
    trn_put_c(b, "]");
    return e;
}

/* Members stand each container before what is in it: the next one's depth says how many are over. */
static int put_members(struct sbom *s, const struct trn_release *r, bool is_new)
{
    struct trn_buf *b = &s->out.b;
    size_t n = trn_release_count(r);
    int e = 0;
    for (size_t i = 0; e == 0 && i < n; i++) {
        const struct trn_release_member *m = trn_release_at(r, i), *next = trn_release_at(r, i + 1);
        e = open_component(s, r, i, is_new);
        if (next && next->depth > m->depth) {
            trn_put_c(b, ",\"components\":[");
            continue;
        }
        trn_put_c(b, "}");
        for (uint32_t up = m->depth; up > (next ? next->depth : 0); up--)
            trn_put_c(b, "]}");
        trn_out_flush(&s->out, FLUSH);
    }
    return e;
}

static int put_side(struct sbom *s, const struct trn_release *r, bool is_new)
{
    struct trn_buf *b = &s->out.b;
    const struct trn_diff_title t = trn_diff_title_of(s->d);
    size_t n = trn_release_count(r);
    free(s->of);
    s->of = calloc(n + 1, sizeof(struct trn_change *));
    if (!s->of)
        return -ENOMEM;
    for (size_t i = 0; i < s->d->n_changes; i++) {
        const struct trn_change *c = &s->d->changes[i];
        const struct trn_release_member *m = is_new ? c->new_member : c->old_member;
        if (m)
            s->of[trn_member_index(r, m)] = c;
    }
    struct trn_str product = trn_release_product(r), version = trn_release_version(r);
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_c(b, "bom-ref", is_new ? "new" : "old");
    trn_out_c(b, "type", "application");
    trn_out_str(b, "name", product.n ? product : is_new ? t.after : t.before);
    if (version.n)
        trn_out_str(b, "version", version);
    trn_out_key(b, "components");
    trn_put_c(b, "[");
    int e = put_members(s, r, is_new);
    trn_put_c(b, "]}");
    return e;
}

static void put_end(struct sbom *s)
{
    struct trn_buf *b = &s->out.b;
    const struct trn_diff *d = s->d;
    uint8_t hash[TRN_SHA256_SIZE] = {0};
    (void)trn_digest_end(s->digest, hash, NULL);
    trn_put_c(b, "]");
    trn_sbom_about(b, hash, d->verdict, !d->undecided);
    for (size_t k = 0; k < TRN_CHANGE_KIND_MAX; k++) {
        char name[60], number[24];
        (void)snprintf(name, sizeof(name), "turncoat:changes:%s", trn_change_kind_name((enum trn_change_kind)k));
        (void)snprintf(number, sizeof(number), "%zu", d->counts[k]);
        trn_sbom_pair(b, name, trn_str_of(number));
    }
    trn_put_c(b, "]}}\n");
    trn_out_flush(&s->out, 0);
}

int trn_diff_report_sbom(const struct trn_diff_report *r, FILE *out)
{
    TRN_AUTO(sbom_done) struct sbom s = {.d = r->diff, .digest = trn_digest_new(false)};
    trn_out_init(&s.out, out);
    if (!s.digest)
        return -ENOMEM;
    trn_put_c(&s.out.b, "{\"$schema\":\"http://cyclonedx.org/schema/bom-1.5.schema.json\",\"bomFormat\":\"CycloneDX\","
                        "\"specVersion\":\"1.5\",\"version\":1,\"components\":[");
    int e = put_side(&s, s.d->old_release, false);
    if (e == 0)
        e = put_side(&s, s.d->new_release, true);
    put_end(&s);
    return e < 0 ? e : s.out.b.bad ? -ENOMEM : 0;
}
