/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a CycloneDX 1.5 inventory: every file and every member, nested as they lie in each other.
 * Reproducible: the serial number is made from all names and hashes; there is no time unless SOURCE_DATE_EPOCH gives one.
 * Must not: guess: name and version are what the artifact says of itself, else the file's name.
 */
#include "cli/scan.h"

#define FLUSH ((size_t)64 << 10)

void trn_scan_sbom_init(struct trn_scan_sbom *s, FILE *out)
{
    *s = (struct trn_scan_sbom){.digest = trn_digest_new(false)};
    trn_out_init(&s->out, out);
    trn_put_c(&s->out.b, "{\"$schema\":\"http://cyclonedx.org/schema/bom-1.5.schema.json\",\"bomFormat\":\"CycloneDX\","
                         "\"specVersion\":\"1.5\",\"version\":1,\"components\":[");
}

/* The first value of a property; absent when there is none. Lives until the next read: copied. */
static int property(struct trn_results *x, uint32_t id, const char *key, struct trn_buf *ret, bool *ret_has)
{
    struct trn_item item;
    trn_buf_clear(ret);
    *ret_has = false;
    for (uint32_t l = x->nodes[id - 1].first; l; l = x->links[l - 1].next) {
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_PROPERTY || !trn_str_eq_c(item.p.key, key))
            continue;
        trn_put_str(ret, item.p.value);
        *ret_has = true;
        return 0;
    }
    return 0;
}

const char *trn_sbom_type(enum trn_format f, bool has_version)
{
    switch (f) {
    case TRN_FORMAT_DEB:
    case TRN_FORMAT_RPM:
    case TRN_FORMAT_MSI:
    case TRN_FORMAT_APPIMAGE:
    case TRN_FORMAT_DMG:
    case TRN_FORMAT_XAR:
        return "application";
    case TRN_FORMAT_ELF:
    case TRN_FORMAT_PE:
    case TRN_FORMAT_MACHO:
    case TRN_FORMAT_MACHO_FAT:
        return has_version ? "library" : "file";
    case TRN_FORMAT_JSON: /* a package.json that says what it is of */
        return has_version ? "library" : "file";
    default:
        return "file";
    }
}

void trn_sbom_pair(struct trn_buf *b, const char *name, struct trn_str value)
{
    trn_out_comma(b);
    trn_put_c(b, "{");
    trn_out_c(b, "name", name);
    trn_out_str(b, "value", value);
    trn_put_c(b, "}");
}

void trn_sbom_signer(struct trn_buf *b, const struct trn_signature *s)
{
    trn_sbom_pair(b, "turncoat:signature", trn_str_of(trn_signature_kind_name(s->kind)));
    trn_sbom_pair(b, "turncoat:signature:digest", trn_str_of(trn_digest_state_name(s->digest)));
    trn_sbom_pair(b, "turncoat:signature:chain", trn_str_of(trn_chain_state_name(s->chain)));
    if (!trn_str_is_none(s->signer))
        trn_sbom_pair(b, "turncoat:signer", s->signer);
    if (!trn_str_is_none(s->team))
        trn_sbom_pair(b, "turncoat:team", s->team);
}

/* What has no place of its own in the standard. */
static int put_properties(struct trn_scan_sbom *s, struct trn_scanned *f, uint32_t id, struct trn_str member)
{
    struct trn_buf *b = &s->out.b;
    struct trn_results *x = &f->index;
    struct trn_item item;
    trn_out_key(b, "properties");
    trn_put_c(b, "[");
    int e = trn_results_artifact(x, id, &item);
    if (e < 0)
        return e;
    trn_sbom_pair(b, "turncoat:format", trn_str_of(trn_format_name(item.a.format)));
    trn_sbom_pair(b, "turncoat:path", f->path);
    if (id > 1)
        trn_sbom_pair(b, "turncoat:member", member);
    for (uint32_t l = x->nodes[id - 1].first; l; l = x->links[l - 1].next) {
        char name[80];
        e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind == TRN_ITEM_SIGNATURE)
            trn_sbom_signer(b, &item.s);
        if (item.kind != TRN_ITEM_PROPERTY)
            continue;
        (void)snprintf(name, sizeof(name), "turncoat:property:%.*s", (int)TRN_MIN(item.p.key.n, (size_t)40),
                       item.p.key.p ? item.p.key.p : "");
        trn_sbom_pair(b, name, item.p.value);
    }
    trn_put_c(b, "]");
    return 0;
}

static void put_hashes(struct trn_buf *b, const struct trn_artifact *a)
{
    bool md5 = false;
    for (size_t i = 0; i < TRN_MD5_SIZE; i++)
        md5 = md5 || a->md5[i];
    trn_out_key(b, "hashes");
    trn_put_c(b, "[{\"alg\":\"SHA-256\",\"content\":\"");
    trn_put_hex(b, a->sha256, TRN_SHA256_SIZE);
    trn_put_c(b, "\"}");
    if (md5) {
        trn_put_c(b, ",{\"alg\":\"MD5\",\"content\":\"");
        trn_put_hex(b, a->md5, TRN_MD5_SIZE);
        trn_put_c(b, "\"}");
    }
    trn_put_c(b, "]");
}

int trn_sbom_digest(struct trn_digest *d, struct trn_str s)
{
    uint8_t size[4] = {(uint8_t)s.n, (uint8_t)(s.n >> 8), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 24)};
    int e = d ? trn_digest_update(d, size, sizeof(size)) : -ENOMEM;
    return e < 0 || s.n == 0 ? e : trn_digest_update(d, s.p, s.n);
}

/* Its version, maker, licence, as it says itself. */
static int put_claims(struct trn_scan_sbom *s, struct trn_scanned *f, uint32_t id, bool *ret_version)
{
    static const struct {
        const char *property, *before, *after;
    } claims[] = {
        {"version", "\"version\":", ""},
        {"company", "\"supplier\":{\"name\":", "}"},
        {"license", "\"licenses\":[{\"license\":{\"name\":", "}}]"},
        {"copyright", "\"copyright\":", ""},
        {"description", "\"description\":", ""},
    };
    TRN_AUTO(trn_buf_done) struct trn_buf value;
    struct trn_buf *b = &s->out.b;
    trn_buf_init(&value, 1u << 20);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(claims); i++) {
        bool has;
        int e = property(&f->index, id, claims[i].property, &value, &has);
        if (e < 0)
            return e;
        if (i == 0)
            *ret_version = has;
        if (!has)
            continue;
        trn_out_comma(b);
        trn_put_c(b, claims[i].before);
        (void)trn_json_str(b, trn_buf_str(&value));
        trn_put_c(b, claims[i].after);
    }
    return 0;
}

/* "name", else "product" that it says it is, else the name of its file. */
static int put_name(struct trn_scan_sbom *s, struct trn_scanned *f, uint32_t id, const struct trn_artifact *a)
{
    static const char *const keys[] = {"name", "product"};
    TRN_AUTO(trn_buf_done) struct trn_buf value, own;
    bool has = false;
    trn_buf_init(&value, 1u << 20);
    trn_buf_init(&own, 1u << 20);
    trn_put_str(&own, trn_path_base(id == 1 ? f->path : a->name));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(keys) && !has; i++) {
        int e = property(&f->index, id, keys[i], &value, &has);
        if (e < 0)
            return e;
    }
    trn_out_str(&s->out.b, "name", has ? trn_buf_str(&value) : trn_buf_str(&own));
    return 0;
}

static int open_component(struct trn_scan_sbom *s, struct trn_scanned *f, uint32_t id)
{
    TRN_AUTO(trn_buf_done) struct trn_buf member;
    struct trn_buf *b = &s->out.b;
    struct trn_item item;
    bool version = false;
    trn_buf_init(&member, 1u << 20);
    int e = trn_results_member(&f->index, id, &member);
    if (e == 0)
        e = trn_results_artifact(&f->index, id, &item);
    if (e < 0)
        return e;
    const struct trn_artifact a = item.a; /* its name lives only until the next read */
    e = trn_sbom_digest(s->digest, f->path);
    if (e == 0)
        e = trn_sbom_digest(s->digest, trn_buf_str(&member));
    if (e == 0)
        e = trn_digest_update(s->digest, a.sha256, TRN_SHA256_SIZE);
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_key(b, "bom-ref");
    trn_put_fmt(b, "\"%llu.%u\"", (unsigned long long)s->files, id);
    if (e == 0)
        e = put_name(s, f, id, &a);
    if (e == 0)
        e = put_claims(s, f, id, &version);
    trn_out_c(b, "type", trn_sbom_type(a.format, version));
    put_hashes(b, &a);
    return e < 0 ? e : put_properties(s, f, id, trn_buf_str(&member));
}

int trn_scan_sbom_file(struct trn_scan_sbom *s, struct trn_scanned *f)
{
    struct trn_results *x = &f->index;
    struct trn_buf *b = &s->out.b;
    s->files += x->n > 0;
    for (uint32_t id = x->n ? 1 : 0, up; id;) { /* down, then on, then up again: no deeper than the bytes are */
        int e = open_component(s, f, id);
        if (e < 0)
            return e;
        if (x->nodes[id - 1].child) {
            trn_out_key(b, "components");
            trn_put_c(b, "[");
            id = x->nodes[id - 1].child;
            continue;
        }
        trn_put_c(b, "}");
        for (up = id; up && !x->nodes[up - 1].next; up = x->nodes[up - 1].parent)
            trn_put_c(b, x->nodes[up - 1].parent ? "]}" : "");
        id = up ? x->nodes[up - 1].next : 0;
        trn_out_flush(&s->out, FLUSH);
    }
    return b->bad ? -ENOMEM : 0;
}

/* A name-based UUID (RFC 9562, version 8): the same inventory, the same number. */
static void serial(struct trn_buf *b, const uint8_t hash[TRN_SHA256_SIZE])
{
    uint8_t u[16];
    memcpy(u, hash, sizeof(u));
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x80);
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    trn_out_key(b, "serialNumber");
    trn_put_c(b, "\"urn:uuid:");
    for (size_t i = 0; i < sizeof(u); i++) {
        trn_put_c(b, i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
        trn_put_hex(b, &u[i], 1);
    }
    trn_put_c(b, "\"");
}

void trn_sbom_about(struct trn_buf *b, const uint8_t hash[TRN_SHA256_SIZE], enum trn_verdict verdict, bool complete)
{
    uint64_t epoch;
    serial(b, hash);
    trn_out_key(b, "metadata");
    trn_put_c(b, "{");
    if (trn_str_u64(trn_str_of(getenv("SOURCE_DATE_EPOCH")), &epoch) == 0 && epoch < UINT64_MAX / TRN_NS_PER_SEC) {
        trn_out_key(b, "timestamp");
        trn_put_c(b, "\"");
        trn_put_time_iso(b, epoch * TRN_NS_PER_SEC);
        trn_put_c(b, "\"");
    }
    trn_out_key(b, "tools");
    trn_put_c(b, "{\"components\":[{\"type\":\"application\",\"name\":\"turncoat\",\"version\":\"" TRN_VERSION "\"}]}");
    trn_out_key(b, "properties");
    trn_put_c(b, "[");
    trn_sbom_pair(b, "turncoat:verdict", trn_str_of(trn_verdict_name(verdict)));
    trn_sbom_pair(b, "turncoat:complete", !complete ? TRN_STR("false") : TRN_STR("true"));
}

void trn_scan_sbom_end(struct trn_scan_sbom *s, const struct trn_scan_sum *sum)
{
    struct trn_buf *b = &s->out.b;
    uint8_t hash[TRN_SHA256_SIZE] = {0};
    if (s->digest)
        (void)trn_digest_end(s->digest, hash, NULL);
    trn_put_c(b, "]");
    trn_sbom_about(b, hash, sum->verdict, !sum->undecided && !sum->interrupted);
    trn_put_c(b, "]}}\n");
    trn_out_flush(&s->out, 0);
    trn_out_done(&s->out);
    s->digest = trn_digest_free(s->digest);
}
