/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: "turncoat.scan/1": one object, artifacts as they come, each on a line; limits, verdict and sums behind them.
 * Must not: keep more than what it says at the end.
 */
#include "cli/scan.h"

#include <inttypes.h>

#define LIMITS_MAX ((size_t)8 << 20)
#define FLUSH ((size_t)64 << 10)
#define PROPERTIES 64u

void trn_scan_json_init(struct trn_scan_json *j, FILE *out)
{
    *j = (struct trn_scan_json){0};
    trn_out_init(&j->out, out);
    trn_buf_init(&j->limits, LIMITS_MAX);
    trn_put_c(&j->out.b, "{\"schema\":\"turncoat.scan/1\",\"artifacts\":[");
}

static void put_uncovered(struct trn_buf *b, const struct trn_signature *s)
{
    trn_out_key(b, "uncovered");
    trn_put_c(b, "[");
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        trn_out_comma(b);
        trn_put_c(b, "{");
        trn_out_u64(b, "offset", s->uncovered[i].at);
        trn_out_u64(b, "size", s->uncovered[i].size);
        trn_out_c(b, "what", s->uncovered[i].what);
        trn_out_bool(b, "expected", s->uncovered[i].expected);
        trn_put_c(b, "}");
    }
    trn_put_c(b, "]");
}

void trn_out_signature(struct trn_buf *b, const struct trn_signature *s)
{
    trn_put_c(b, "{");
    trn_out_c(b, "state", trn_signature_state_name(s));
    trn_out_c(b, "kind", trn_signature_kind_name(s->kind));
    trn_out_str(b, "signer", s->signer);
    trn_out_c(b, "digest", trn_digest_state_name(s->digest));
    trn_out_c(b, "chain", trn_chain_state_name(s->chain));
    trn_out_str(b, "issuer", s->issuer);
    trn_out_hex(b, "serial", s->serial);
    trn_out_str(b, "team", s->team);
    trn_out_str(b, "digest_name", s->digest_name);
    trn_out_hex(b, "content_digest", s->content_digest);
    trn_out_key(b, "signed_at");
    if (s->signed_at > 0 && s->signed_at < (int64_t)(UINT64_MAX / TRN_NS_PER_SEC)) {
        trn_put_c(b, "\"");
        trn_put_time_iso(b, (uint64_t)s->signed_at * TRN_NS_PER_SEC);
        trn_put_c(b, "\"");
    } else {
        trn_put_c(b, "null");
    }
    trn_out_u64(b, "signatures", s->signatures);
    trn_out_u64(b, "uncovered_total", s->uncovered_total);
    put_uncovered(b, s);
    trn_put_c(b, "}");
}

/* The first signature is the one; what else signs it stands beside. */
static int put_signatures(struct trn_buf *b, struct trn_results *x, const struct trn_scan_node *node)
{
    struct trn_item item;
    uint32_t n = 0;
    for (uint32_t l = node->first; l; l = x->links[l - 1].next) {
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_SIGNATURE)
            continue;
        if (n == 0)
            trn_out_key(b, "signature");
        else if (n == 1)
            trn_put_c(b, ",\"more_signatures\":[");
        else
            trn_put_c(b, ",");
        trn_out_signature(b, &item.s);
        n++;
    }
    if (n == 0)
        trn_out_str(b, "signature", TRN_STR_NONE);
    if (n > 1)
        trn_put_c(b, "]");
    return 0;
}

/* Values of one key, from its first place on: a text, or a list of them. */
static int put_values(struct trn_buf *b, struct trn_results *x, uint32_t from, struct trn_str key)
{
    struct trn_item item;
    size_t open = b->n;
    uint32_t n = 0;
    trn_put_c(b, "[");
    for (uint32_t l = from; l; l = x->links[l - 1].next) {
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_PROPERTY || !trn_str_eq(item.p.key, key))
            continue;
        trn_out_comma(b);
        (void)trn_json_str(b, item.p.value);
        n++;
    }
    if (n == 1 && !b->bad) { /* a text alone */
        memmove(b->p + open, b->p + open + 1, b->n - open - 1);
        b->n--;
        return 0;
    }
    trn_put_c(b, "]");
    return 0;
}

static int put_properties(struct trn_buf *b, struct trn_results *x, const struct trn_scan_node *node)
{
    char seen[PROPERTIES][40];
    uint32_t n = 0;
    struct trn_item item;
    trn_out_key(b, "properties");
    trn_put_c(b, "{");
    for (uint32_t l = node->first; l && n < PROPERTIES; l = x->links[l - 1].next) {
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_PROPERTY || item.p.key.n >= sizeof(seen[0]))
            continue;
        bool again = false;
        for (uint32_t i = 0; i < n; i++)
            again = again || trn_str_eq_c(item.p.key, seen[i]);
        if (again)
            continue;
        (void)snprintf(seen[n], sizeof(seen[n]), "%.*s", TRN_STR_ARG(item.p.key));
        trn_out_comma(b);
        (void)trn_json_str(b, item.p.key);
        trn_put_c(b, ":");
        e = put_values(b, x, l, trn_str_of(seen[n++]));
        if (e < 0)
            return e;
    }
    trn_put_c(b, "}");
    return 0;
}

static int put_findings(struct trn_buf *b, struct trn_results *x, const struct trn_scan_node *node)
{
    struct trn_item item;
    trn_out_key(b, "findings");
    trn_put_c(b, "[");
    for (uint32_t l = node->first; l; l = x->links[l - 1].next) {
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_FINDING)
            continue;
        trn_out_comma(b);
        item.f.score = trn_score_alone(&item.f, NULL); /* as everywhere: after the caps */
        trn_finding_to_json(&item.f, b);
    }
    trn_put_c(b, "]");
    return 0;
}

/* One entry of "limits"; a gap, or words of our own with kind. */
static void put_limit(struct trn_scan_json *j, struct trn_str path, struct trn_str member, const char *kind,
                      const struct trn_gap *g)
{
    struct trn_buf *b = &j->limits;
    size_t before = b->n;
    if (b->n)
        trn_put_c(b, ",");
    trn_put_c(b, "\n{");
    trn_out_name(b, "path", path);
    trn_out_name(b, "member", member);
    trn_out_c(b, "kind", kind);
    trn_out_str(b, "what", g->what);
    if (g->kind == TRN_GAP_LIMIT && g->limit) {
        trn_out_u64(b, "value", g->value);
        trn_out_u64(b, "limit", g->limit);
    }
    trn_put_c(b, "}");
    if (b->bad) { /* full: what was told stays, the rest is counted */
        b->bad = false;
        b->n = before;
        j->limits_left_out++;
    }
}

static int put_gaps(struct trn_scan_json *j, struct trn_scanned *f, uint32_t id)
{
    struct trn_results *x = &f->index;
    struct trn_item item;
    if (!x->nodes[id - 1].told)
        return 0;
    for (uint32_t l = x->nodes[id - 1].first; l; l = x->links[l - 1].next) {
        TRN_AUTO(trn_buf_done) struct trn_buf member;
        trn_buf_init(&member, 1u << 20);
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e == 0 && item.kind == TRN_ITEM_GAP)
            e = trn_results_member(x, id, &member);
        if (e == 0 && item.kind == TRN_ITEM_GAP) /* the way to it was read through the same window */
            e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind != TRN_ITEM_GAP)
            continue;
        if (!trn_str_is_empty(item.g.member)) {
            trn_put_c(&member, member.n ? "!/" : "");
            trn_put_str(&member, item.g.member);
        }
        put_limit(j, f->path, member.n ? trn_buf_str(&member) : TRN_STR_NONE, trn_gap_kind_name(item.g.kind), &item.g);
    }
    return 0;
}

static int put_artifact(struct trn_scan_json *j, struct trn_scanned *f, uint32_t id)
{
    TRN_AUTO(trn_buf_done) struct trn_buf member;
    struct trn_results *x = &f->index;
    struct trn_buf *b = &j->out.b;
    struct trn_item item;
    trn_buf_init(&member, 1u << 20);
    int e = trn_results_member(x, id, &member);
    if (e == 0)
        e = trn_results_artifact(x, id, &item);
    if (e != 0)
        return e;
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_name(b, "path", f->path);
    trn_out_name(b, "member", id > 1 ? trn_buf_str(&member) : TRN_STR_NONE);
    trn_out_c(b, "format", trn_format_name(item.a.format));
    trn_out_u64(b, "size", item.a.size);
    trn_out_hex(b, "sha256", (struct trn_str){(const char *)item.a.sha256, TRN_SHA256_SIZE});
    trn_out_key(b, "entropy");
    trn_put_fmt(b, "%u.%03u", item.a.entropy_milli / 1000, item.a.entropy_milli % 1000);
    if (item.a.has_offset)
        trn_out_u64(b, "offset", item.a.offset);
    if (id == 1) {
        trn_out_c(b, "verdict", trn_verdict_name(f->verdict));
        trn_out_u64(b, "score", f->score);
    }
    e = put_signatures(b, x, &x->nodes[id - 1]);
    if (e == 0)
        e = put_properties(b, x, &x->nodes[id - 1]);
    if (e == 0)
        e = put_findings(b, x, &x->nodes[id - 1]);
    trn_put_c(b, "}");
    trn_out_flush(&j->out, FLUSH);
    return e;
}

int trn_scan_json_file(struct trn_scan_json *j, struct trn_scanned *f)
{
    int e = 0;
    for (uint32_t id = 1; e == 0 && id <= f->index.n; id++) {
        e = put_artifact(j, f, id);
        if (e == 0)
            e = put_gaps(j, f, id);
    }
    if (f->code < 0) {
        const char *kind = f->note                                   ? "unreadable"
                           : f->code == -EPIPE || f->code == -EPROTO ? "crashed"
                           : f->code == -ETIME                       ? "hung"
                           : f->code == -ECANCELED                   ? "interrupted"
                                                                     : "unreadable";
        put_limit(j, f->path, TRN_STR_NONE, kind, &(struct trn_gap){.kind = TRN_GAP_CRASHED, .what = f->why});
    }
    if (f->changed)
        put_limit(j, f->path, TRN_STR_NONE, "changed",
                  &(struct trn_gap){.kind = TRN_GAP_REPEATED, .what = TRN_STR("it was changed while it was read")});
    return e < 0 ? e : j->out.b.bad ? -ENOMEM : 0;
}

void trn_scan_json_end(struct trn_scan_json *j, const struct trn_scan_sum *sum)
{
    struct trn_buf *b = &j->out.b;
    trn_put_c(b, "],\"limits\":[");
    trn_put_str(b, trn_buf_str(&j->limits));
    trn_put_c(b, "]");
    if (j->limits_left_out)
        trn_out_u64(b, "limits_left_out", j->limits_left_out);
    trn_out_c(b, "verdict", trn_verdict_name(sum->verdict));
    trn_out_u64(b, "score", sum->score);
    trn_out_bool(b, "undecided", sum->undecided);
    trn_out_bool(b, "interrupted", sum->interrupted);
    trn_out_key(b, "sum");
    trn_put_c(b, "{");
    trn_out_u64(b, "files", sum->files);
    trn_out_u64(b, "artifacts", sum->artifacts);
    trn_out_u64(b, "bytes", sum->bytes);
    trn_out_u64(b, "findings", sum->findings);
    for (size_t i = 0; i < TRN_VERDICT_MAX; i++)
        trn_out_u64(b, trn_verdict_name((enum trn_verdict)i), sum->verdicts[i]);
    trn_out_u64(b, "failed", sum->failed);
    trn_out_u64(b, "changed", sum->changed);
    trn_out_u64(b, "other_names", sum->links);
    trn_out_u64(b, "no_files", sum->skipped);
    trn_put_c(b, "}}\n");
    trn_out_flush(&j->out, 0);
    trn_out_done(&j->out);
    trn_buf_done(&j->limits);
}
