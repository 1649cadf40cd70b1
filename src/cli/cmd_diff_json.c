/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: turncoat.diff/1: verdict, both releases, reasons in order, every change, what was not looked at, the policy.
 * Must not: show a weight before the caps; leave out a gap.
 */
#include "cli/diff.h"

#define FLUSH ((size_t)64 << 10)

static void put_finding(struct trn_buf *b, const struct trn_finding *f)
{
    struct trn_finding shown = *f;
    shown.score = f->score ? trn_score_alone(f, NULL) : 0; /* as everywhere: after the caps */
    trn_out_comma(b);
    trn_finding_to_json(&shown, b);
}

static void put_sha256(struct trn_buf *b, const char *key, const struct trn_release_member *m)
{
    trn_out_hex(b, key, m ? (struct trn_str){(const char *)m->sha256, TRN_SHA256_SIZE} : TRN_STR_NONE);
}

static void put_release(struct trn_buf *b, const char *key, const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    uint64_t files = 0, bytes = 0;
    for (size_t i = 0; i < trn_release_count(r); i++)
        if (trn_release_at(r, i)->parent == TRN_NO_MEMBER) {
            files++;
            bytes += trn_release_at(r, i)->size;
        }
    trn_out_key(b, key);
    trn_put_c(b, "{");
    trn_out_name(b, "path", trn_release_label(r));
    trn_out_name(b, "product", trn_release_product(r));
    trn_out_name(b, "version", trn_release_version(r));
    if (top && top->path.n == 0) { /* a file: it has a hash */
        trn_out_c(b, "format", trn_format_name(top->format));
        put_sha256(b, "sha256", top);
    }
    trn_out_u64(b, "size", bytes);
    trn_out_u64(b, "files", files);
    trn_out_u64(b, "members", trn_release_count(r));
    trn_put_c(b, "}");
}

static void put_signature(struct trn_buf *b, const char *key, const struct trn_release_member *m)
{
    trn_out_key(b, key);
    if (m && m->signature)
        trn_out_signature(b, m->signature);
    else
        trn_put_c(b, "null");
}

static void put_sides(struct trn_buf *b, const struct trn_release_member *before,
                      const struct trn_release_member *after)
{
    static const char *const sizes[] = {"old_size", "new_size"}, *const hashes[] = {"old_sha256", "new_sha256"},
                             *const signatures[] = {"old_signature", "new_signature"},
                             *const modes[] = {"old_mode", "new_mode"};
    const struct trn_release_member *sides[] = {before, after};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(sides); i++) {
        if (!sides[i])
            continue;
        trn_out_u64(b, sizes[i], sides[i]->size);
        put_sha256(b, hashes[i], sides[i]);
        if (sides[i]->mode)
            trn_out_u64(b, modes[i], sides[i]->mode);
        if (sides[i]->signature)
            put_signature(b, signatures[i], sides[i]);
    }
}

static void put_change(struct trn_buf *b, const struct trn_diff *d, const struct trn_change *c)
{
    const struct trn_release_member *m = trn_diff_shown(c);
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_name(b, "path", trn_diff_path(trn_diff_side(d, c), m));
    if (c->old_member && c->new_member && !trn_str_eq(c->old_member->path, c->new_member->path))
        trn_out_name(b, "old_path", trn_diff_path(d->old_release, c->old_member));
    trn_out_c(b, "kind", trn_change_kind_name(c->kind));
    if (c->by != TRN_PAIR_NONE)
        trn_out_c(b, "paired_by", trn_pair_reason_name(c->by));
    if (c->by == TRN_PAIR_SIMILAR) {
        trn_out_key(b, "similarity");
        trn_put_fmt(b, "%u.%03u", c->similarity / 1000, c->similarity % 1000);
    }
    trn_out_c(b, "format", trn_format_name(m->format));
    if (c->old_member && c->old_member->format != m->format)
        trn_out_c(b, "old_format", trn_format_name(c->old_member->format));
    put_sides(b, c->old_member, c->new_member);
    trn_out_key(b, "findings");
    trn_put_c(b, "[");
    for (size_t k = 0; k < c->n_findings; k++)
        put_finding(b, &c->findings[k]);
    trn_put_c(b, "]");
    if (c->scanned_before)
        trn_out_u64(b, "scanned_before", c->scanned_before);
    trn_put_c(b, "}");
}

static void put_reason(struct trn_buf *b, const struct trn_diff *d, const struct trn_reason *r)
{
    char name[160];
    enum trn_verdict alone;
    const struct trn_finding *f = r->finding;
    const struct trn_check *check = f->check;
    uint16_t weight = trn_score_alone(f, &alone);
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_c(b, "check", trn_finding_name(f, name, sizeof(name)));
    trn_out_u64(b, "score", weight);
    trn_out_c(b, "severity", trn_verdict_name(alone));
    trn_out_name(b, "path", trn_diff_path(trn_diff_side(d, r->change), trn_diff_shown(r->change)));
    trn_out_c(b, "kind", trn_change_kind_name(r->change->kind));
    put_sha256(b, "sha256", trn_diff_shown(r->change));
    trn_out_str(b, "summary", f->summary);
    trn_out_str(b, "old", trn_finding_value(f, "old"));
    trn_out_str(b, "new", trn_finding_value(f, "new"));
    trn_out_str(b, "offset", trn_finding_value(f, "offset"));
    trn_out_key(b, "evidence");
    trn_put_c(b, "{");
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        trn_out_comma(b);
        (void)trn_json_str(b, f->evidence[i].key);
        trn_put_c(b, ":");
        (void)trn_json_str(b, f->evidence[i].value);
    }
    trn_put_c(b, "}");
    trn_out_key(b, "attack");
    trn_put_c(b, "[");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(check->attack) && check->attack[i]; i++) {
        trn_out_comma(b);
        trn_put_fmt(b, "\"%s\"", check->attack[i]);
    }
    trn_put_c(b, "]}");
}

/* The findings of changes in the order of the report. */
static void put_reasons(struct trn_out *o, const struct trn_diff *d, size_t n)
{
    trn_out_key(&o->b, "reasons");
    trn_put_c(&o->b, "[");
    for (size_t i = 0; i < n; i++) {
        put_reason(&o->b, d, &d->reasons[i]);
        trn_out_flush(o, FLUSH);
    }
    trn_put_c(&o->b, "]");
}

static void put_counts(struct trn_buf *b, const struct trn_diff *d, const struct trn_diff_counts *c)
{
    trn_out_key(b, "counts");
    trn_put_c(b, "{");
    for (size_t k = 0; k < TRN_CHANGE_KIND_MAX; k++)
        trn_out_u64(b, trn_change_kind_name((enum trn_change_kind)k), d->counts[k]);
    trn_out_u64(b, "findings", d->n_reasons);
    trn_out_u64(b, "accepted", c->accepted);
    trn_out_u64(b, "found_before", c->before);
    trn_out_key(b, "paired_by");
    trn_put_c(b, "{");
    for (size_t k = TRN_PAIR_PATH; k <= TRN_PAIR_SIMILAR; k++)
        trn_out_u64(b, trn_pair_reason_name((enum trn_pair_reason)k), c->paired[k]);
    trn_put_c(b, "}}");
}

static void put_limits(struct trn_out *o, const char *side, const struct trn_release *r)
{
    struct trn_buf *b = &o->b;
    const struct trn_release_gap *g;
    for (size_t i = 0; (g = trn_release_gap_at(r, i)) != NULL; i++) {
        const struct trn_release_member *m = trn_release_at(r, g->member);
        trn_out_comma(b);
        trn_put_c(b, "\n{");
        trn_out_c(b, "side", side);
        trn_out_name(b, "path", m ? trn_diff_path(r, m) : g->gap.member);
        if (m && g->gap.member.n)
            trn_out_name(b, "member", g->gap.member);
        trn_out_c(b, "kind", m ? trn_gap_kind_name(g->gap.kind) : "unreadable");
        trn_out_str(b, "what", g->gap.what);
        if (g->gap.kind == TRN_GAP_LIMIT && g->gap.limit) {
            trn_out_u64(b, "value", g->gap.value);
            trn_out_u64(b, "limit", g->gap.limit);
        }
        trn_put_c(b, "}");
        trn_out_flush(o, FLUSH);
    }
}

static void put_policy(struct trn_buf *b, const struct trn_accepts *a)
{
    trn_out_key(b, "policy");
    trn_put_c(b, "{");
    trn_out_name(b, "path", trn_str_of(a->path));
    trn_out_key(b, "entries");
    trn_put_c(b, "[");
    for (uint32_t i = 0; i < a->list->n; i++) {
        const struct trn_accept *e = &a->list->entries[i];
        const char *state = trn_accepts_state(a, i);
        trn_out_comma(b);
        trn_put_c(b, "{");
        trn_out_u64(b, "line", e->line);
        trn_out_c(b, "check", e->check);
        trn_out_c(b, "path", e->path);
        trn_out_c(b, "reason", e->reason);
        trn_out_key(b, "expires");
        trn_put_c(b, "\"");
        trn_put_day(b, e->expires);
        trn_put_c(b, "\"");
        trn_out_c(b, "state", state ? state : "used");
        trn_out_u64(b, "findings", a->used[i]);
        trn_put_c(b, "}");
    }
    trn_put_c(b, "]}");
}

void trn_diff_report_json(const struct trn_diff_report *r, FILE *out)
{
    const struct trn_diff *d = r->diff;
    const struct trn_diff_counts counts = trn_diff_count(d);
    struct trn_out o;
    trn_out_init(&o, out);
    struct trn_buf *b = &o.b;
    trn_put_c(b, "{");
    trn_out_c(b, "schema", "turncoat.diff/1");
    trn_out_c(b, "verdict", trn_verdict_name(d->verdict));
    trn_out_u64(b, "score", d->score);
    trn_out_bool(b, "equal", d->equal);
    trn_out_bool(b, "undecided", d->undecided);
    put_release(b, "old", d->old_release);
    put_release(b, "new", d->new_release);
    if (r->basis)
        trn_out_c(b, "compared", r->basis);
    put_counts(b, d, &counts);
    put_reasons(&o, d, counts.reasons);
    trn_out_key(b, "changes");
    trn_put_c(b, "[");
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        if (c->kind != TRN_CHANGE_SAME || c->n_findings || r->all)
            put_change(b, d, c);
        trn_out_flush(&o, FLUSH);
    }
    trn_put_c(b, "],\"limits\":[");
    put_limits(&o, "old", d->old_release);
    put_limits(&o, "new", d->new_release);
    trn_put_c(b, "]");
    if (r->policy)
        put_policy(b, r->policy);
    trn_put_c(b, "}\n");
    trn_out_flush(&o, 0);
    trn_out_done(&o);
}

void trn_diff_report_first(const struct trn_release *r, bool json, bool remembered, FILE *out)
{
    struct trn_out o;
    trn_out_init(&o, out);
    struct trn_buf *b = &o.b;
    if (json) {
        trn_put_c(b, "{\"schema\":\"turncoat.diff/1\",\"verdict\":\"clean\",\"score\":0,\"equal\":false,"
                     "\"undecided\":true,\"first\":true,\"old\":{}");
        trn_out_bool(b, "remembered", remembered);
        put_release(b, "new", r);
        trn_put_c(b, ",\"reasons\":[],\"changes\":[],\"limits\":[");
        put_limits(&o, "new", r);
        trn_put_c(b, "]}\n");
    } else {
        struct trn_str name = trn_release_product(r), version = trn_release_version(r);
        trn_put_c(b, "first: ");
        trn_escape(b, name.n ? name : trn_path_base(trn_release_label(r)));
        trn_put_c(b, version.n ? " " : "");
        trn_escape(b, version);
        trn_put_fmt(b,
                    ", %zu %s; no other release of it was seen, so nothing was compared (%s; turncoat scan judges it "
                    "alone)\n",
                    trn_release_count(r), trn_release_count(r) == 1 ? "member" : "members",
                    remembered ? "it is remembered now" : "it is not remembered");
    }
    trn_out_flush(&o, 0);
    trn_out_done(&o);
}

void trn_diff_print_json(const struct trn_diff *d, FILE *out)
{
    const struct trn_diff_report r = {.diff = d};
    trn_diff_report_json(&r, out);
}
