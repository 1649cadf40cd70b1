/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the wire form of what a scan tells, and every check of it.
 * Must not: hand on a message of which any byte was not understood, a number that was not told before, or a check that is not
 * in the registry.
 */
#include "inspect/scan_messages.h"

static struct trn_str cut(struct trn_str s, size_t max)
{
    return trn_str_slice(s, 0, max);
}

/* ---- writing ---- */

void trn_item_put_artifact(struct trn_buf *b, const struct trn_artifact *a)
{
    trn_put_u32(b, a->id);
    trn_put_u32(b, a->parent);
    trn_put_u32(b, a->depth);
    trn_put_lstr(b, cut(a->name, TRN_SCAN_NAME_MAX));
    trn_put_u16(b, (uint16_t)a->format);
    trn_put_u64(b, a->size);
    trn_put_u64(b, a->offset);
    trn_put_u8(b, a->has_offset);
    trn_put_u32(b, a->mode);
    trn_put_u32(b, a->entropy_milli);
    trn_put(b, a->sha256, sizeof(a->sha256));
    trn_put(b, a->md5, sizeof(a->md5));
}

void trn_item_put_signature(struct trn_buf *b, uint32_t artifact, const struct trn_signature *s)
{
    const struct trn_str texts[] = {s->signer, s->issuer, s->serial, s->team, s->digest_name, s->content_digest};
    trn_put_u32(b, artifact);
    trn_put_u8(b, (uint8_t)s->kind);
    trn_put_u8(b, (uint8_t)s->digest);
    trn_put_u8(b, (uint8_t)s->chain);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++)
        trn_put_lstr(b, cut(texts[i], TRN_SCAN_TEXT_MAX));
    trn_put_u64(b, (uint64_t)s->signed_at);
    trn_put_u32(b, s->signatures);
    trn_put_u64(b, s->uncovered_total);
    trn_put_u8(b, (uint8_t)s->n_uncovered);
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        trn_put_u64(b, s->uncovered[i].at);
        trn_put_u64(b, s->uncovered[i].size);
        trn_put_lstr(b, cut(trn_str_of(s->uncovered[i].what), 100));
        trn_put_u8(b, s->uncovered[i].expected);
    }
}

void trn_item_put_property(struct trn_buf *b, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    trn_put_u32(b, artifact);
    trn_put_lstr(b, cut(key, 64));
    trn_put_lstr(b, cut(value, TRN_SCAN_TEXT_MAX));
}

void trn_item_put_finding(struct trn_buf *b, uint32_t artifact, const struct trn_finding *f)
{
    struct trn_finding sent = *f;
    sent.summary = cut(f->summary, TRN_SCAN_TEXT_MAX);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        sent.evidence[i].value = cut(f->evidence[i].value, TRN_SCAN_TEXT_MAX);
    trn_put_u32(b, artifact);
    trn_finding_encode(&sent, b);
}

void trn_item_put_gap(struct trn_buf *b, uint32_t artifact, const struct trn_gap *g)
{
    trn_put_u32(b, artifact);
    trn_put_u8(b, (uint8_t)g->kind);
    trn_put_lstr(b, cut(g->what, TRN_SCAN_TEXT_MAX));
    trn_put_lstr(b, cut(g->member, TRN_SCAN_NAME_MAX));
    trn_put_u64(b, g->value);
    trn_put_u64(b, g->limit);
}

void trn_item_put_feature(struct trn_buf *b, uint32_t artifact, const struct trn_feature *f)
{
    trn_put_u32(b, artifact);
    trn_put_u8(b, (uint8_t)f->kind);
    trn_put_lstr(b, cut(f->key, TRN_FEATURE_KEY_MAX));
    trn_put_lstr(b, cut(f->value, TRN_FEATURE_VALUE_MAX));
    trn_put_u64(b, f->number);
    trn_put_u64(b, f->at);
}

void trn_item_put_end(struct trn_buf *b, int code, struct trn_str why)
{
    trn_put_u32(b, (uint32_t)code);
    trn_put_lstr(b, cut(why, TRN_SCAN_TEXT_MAX));
}

/* ---- reading ---- */

struct reading {
    uint64_t job;
    struct trn_scan_state *state;
    struct trn_arena *arena;
    const struct trn_scan_pool_sink *sink; /* NULL: only check */
};

static bool bad_text(struct trn_str s, size_t max)
{
    return s.n > max;
}

static int read_artifact(struct trn_cursor *c, struct reading *r)
{
    struct trn_artifact a = {.id = trn_cur_u32le(c), .parent = trn_cur_u32le(c), .depth = trn_cur_u32le(c)};
    a.name = trn_cur_lstr(c);
    uint16_t format = trn_cur_u16le(c);
    a.size = trn_cur_u64le(c);
    a.offset = trn_cur_u64le(c);
    uint8_t has_offset = trn_cur_u8(c);
    a.mode = trn_cur_u32le(c);
    a.entropy_milli = trn_cur_u32le(c);
    (void)trn_cur_copy(c, a.sha256, sizeof(a.sha256));
    (void)trn_cur_copy(c, a.md5, sizeof(a.md5));
    if (!trn_cur_end(c) || format >= TRN_FORMAT_MAX || has_offset > 1 || a.entropy_milli > 8000 ||
        bad_text(a.name, TRN_SCAN_NAME_MAX) || r->state->artifacts == UINT32_MAX || a.id != r->state->artifacts + 1 ||
        a.parent >= a.id || (a.parent == 0) != (a.id == 1) || (a.depth == 0) != (a.id == 1))
        return -EPROTO;
    a.format = (enum trn_format)format;
    a.has_offset = has_offset;
    r->state->artifacts = a.id;
    return r->sink ? r->sink->artifact(r->sink->ctx, r->job, &a) : 0;
}

/* The number of an artifact that was told. */
static uint32_t told(struct trn_cursor *c, const struct reading *r)
{
    uint32_t id = trn_cur_u32le(c);
    if (id == 0 || id > r->state->artifacts)
        c->bad = true;
    return id;
}

static int read_uncovered(struct trn_cursor *c, struct reading *r, struct trn_signature *s)
{
    s->n_uncovered = trn_cur_u8(c);
    if (s->n_uncovered > TRN_UNCOVERED_MAX)
        return -EPROTO;
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        struct trn_uncovered *u = &s->uncovered[i];
        u->at = trn_cur_u64le(c);
        u->size = trn_cur_u64le(c);
        struct trn_str what = trn_cur_lstr(c);
        u->expected = trn_cur_u8(c) != 0;
        if (c->bad || what.n > 100)
            return -EPROTO;
        u->what = r->sink ? trn_arena_str(r->arena, what).p : "";
        if (!u->what)
            return r->sink && what.p ? -ENOMEM : -EPROTO;
    }
    return 0;
}

static int read_signature(struct trn_cursor *c, struct reading *r)
{
    struct trn_signature s = {0};
    struct trn_str *texts[] = {&s.signer, &s.issuer, &s.serial, &s.team, &s.digest_name, &s.content_digest};
    uint32_t id = told(c, r);
    uint8_t kind = trn_cur_u8(c), digest = trn_cur_u8(c), chain = trn_cur_u8(c);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++) {
        *texts[i] = trn_cur_lstr(c);
        if (bad_text(*texts[i], TRN_SCAN_TEXT_MAX))
            return -EPROTO;
    }
    s.signed_at = (int64_t)trn_cur_u64le(c);
    s.signatures = trn_cur_u32le(c);
    s.uncovered_total = trn_cur_u64le(c);
    int e = read_uncovered(c, r, &s);
    if (e < 0)
        return e;
    if (!trn_cur_end(c) || kind >= TRN_SIGNATURE_KIND_MAX || digest >= TRN_DIGEST_STATE_MAX ||
        chain >= TRN_CHAIN_STATE_MAX)
        return -EPROTO;
    s.kind = (enum trn_signature_kind)kind;
    s.digest = (enum trn_digest_state)digest;
    s.chain = (enum trn_chain_state)chain;
    return r->sink ? r->sink->signature(r->sink->ctx, r->job, id, &s) : 0;
}

static int read_property(struct trn_cursor *c, struct reading *r)
{
    uint32_t id = told(c, r);
    struct trn_str key = trn_cur_lstr(c), value = trn_cur_lstr(c);
    if (!trn_cur_end(c) || key.n == 0 || key.n > 64 || !value.p || bad_text(value, TRN_SCAN_TEXT_MAX))
        return -EPROTO;
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] != '_' && (key.p[i] < 'a' || key.p[i] > 'z') && (key.p[i] < '0' || key.p[i] > '9'))
            return -EPROTO;
    return r->sink ? r->sink->property(r->sink->ctx, r->job, id, key, value) : 0;
}

static int read_finding(struct trn_cursor *c, struct reading *r)
{
    struct trn_finding f;
    uint32_t id = told(c, r);
    if (c->bad || trn_finding_decode(c, &f) < 0 || !trn_cur_end(c) || f.check->category == TRN_CATEGORY_NONE ||
        f.score > 100 || bad_text(f.summary, TRN_SCAN_TEXT_MAX))
        return -EPROTO;
    for (uint32_t i = 0; i < f.n_evidence; i++)
        if (bad_text(f.evidence[i].value, TRN_SCAN_TEXT_MAX) || f.evidence[i].key.n > 64)
            return -EPROTO;
    return r->sink ? r->sink->finding(r->sink->ctx, r->job, id, &f) : 0;
}

static int read_gap(struct trn_cursor *c, struct reading *r)
{
    struct trn_gap g = {0};
    uint32_t id = told(c, r);
    uint8_t kind = trn_cur_u8(c);
    g.what = trn_cur_lstr(c);
    g.member = trn_cur_lstr(c);
    g.value = trn_cur_u64le(c);
    g.limit = trn_cur_u64le(c);
    if (!trn_cur_end(c) || kind >= TRN_GAP_CRASHED || bad_text(g.what, TRN_SCAN_TEXT_MAX) ||
        bad_text(g.member, TRN_SCAN_NAME_MAX))
        return -EPROTO;
    g.kind = (enum trn_gap_kind)kind;
    return r->sink ? r->sink->gap(r->sink->ctx, r->job, id, &g) : 0;
}

static int read_feature(struct trn_cursor *c, struct reading *r)
{
    uint32_t id = told(c, r);
    uint8_t kind = trn_cur_u8(c);
    struct trn_feature f = {.key = trn_cur_lstr(c)};
    f.value = trn_cur_lstr(c);
    f.number = trn_cur_u64le(c);
    f.at = trn_cur_u64le(c);
    if (!trn_cur_end(c) || kind == TRN_FEATURE_NONE || kind >= TRN_FEATURE_KIND_MAX ||
        bad_text(f.key, TRN_FEATURE_KEY_MAX) || bad_text(f.value, TRN_FEATURE_VALUE_MAX))
        return -EPROTO;
    f.kind = (enum trn_feature_kind)kind;
    return r->sink && r->sink->feature ? r->sink->feature(r->sink->ctx, r->job, id, &f) : 0;
}

static int read_end(struct trn_cursor *c, struct reading *r)
{
    int code = (int)trn_cur_u32le(c);
    struct trn_str why = trn_cur_lstr(c);
    if (!trn_cur_end(c) || code > 0 || code < -4095 || bad_text(why, TRN_SCAN_TEXT_MAX) ||
        (code == 0 && r->state->artifacts == 0))
        return -EPROTO;
    r->state->ended = true;
    return r->sink ? r->sink->end(r->sink->ctx, r->job, code, why) : 0;
}

static int read_item(struct trn_cursor *all, struct reading *r)
{
    static int (*const readers[TRN_ITEM_MAX])(struct trn_cursor *, struct reading *) = {
        [TRN_ITEM_ARTIFACT] = read_artifact, [TRN_ITEM_SIGNATURE] = read_signature,
        [TRN_ITEM_PROPERTY] = read_property, [TRN_ITEM_FINDING] = read_finding,
        [TRN_ITEM_GAP] = read_gap,           [TRN_ITEM_END] = read_end,
        [TRN_ITEM_FEATURE] = read_feature,
    };
    uint8_t kind = trn_cur_u8(all);
    struct trn_str body = trn_cur_bytes(all, trn_cur_u32le(all));
    if (all->bad || kind == 0 || kind >= TRN_ITEM_MAX || r->state->ended)
        return -EPROTO;
    struct trn_cursor c = trn_cur_of(body);
    return readers[kind](&c, r);
}

int trn_scan_results_decode(struct trn_cursor *in, uint64_t job, struct trn_scan_state *state, struct trn_arena *arena,
                            const struct trn_scan_pool_sink *sink)
{
    struct trn_scan_state trial = *state;
    struct trn_cursor again = *in;
    struct reading check = {.job = job, .state = &trial, .arena = arena};
    struct reading deliver = {.job = job, .state = state, .arena = arena, .sink = sink};
    int e = trn_cur_left(in) ? 0 : -EPROTO; /* a worker that says nothing would only be waited for */
    while (e == 0 && trn_cur_left(in))
        e = read_item(in, &check);
    if (e < 0 || in->bad)
        return -EPROTO;
    while (e == 0 && trn_cur_left(&again))
        e = read_item(&again, &deliver);
    return e;
}
