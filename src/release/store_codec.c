/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a finished release as bytes, and back: told again, item by item, to a new one, so that what is read is checked by the same
 * code that checks what workers tell.
 * Must not: trust a byte of what is read; know a database.
 * Hand-offs: the decoded release is the caller's and borrows nothing.
 */
#include "release/release_internal.h"

#define FORM 1u
#define TEXT_MAX 65536u
#define MEMBERS_MAX 1000000u

enum tag {
    TAG_FILE = 1, /* path */
    TAG_ARTIFACT, /* of the last file; what follows is of the last artifact */
    TAG_SIGNATURE,
    TAG_PROPERTY,
    TAG_FEATURE,
    TAG_FINDING,
    TAG_GAP,
    TAG_END,
};

static struct trn_str cut(struct trn_str s)
{
    return trn_str_slice(s, 0, TEXT_MAX);
}

/* ---- writing ---- */

static void put_signature(struct trn_buf *b, const struct trn_signature *s)
{
    const struct trn_str texts[] = {s->signer, s->issuer, s->serial, s->team, s->digest_name, s->content_digest};
    trn_put_u8(b, TAG_SIGNATURE);
    trn_put_u8(b, (uint8_t)s->kind);
    trn_put_u8(b, (uint8_t)s->digest);
    trn_put_u8(b, (uint8_t)s->chain);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++)
        trn_put_lstr(b, cut(texts[i]));
    trn_put_u64(b, (uint64_t)s->signed_at);
    trn_put_varint(b, s->signatures);
    trn_put_varint(b, s->uncovered_total);
    trn_put_u8(b, (uint8_t)s->n_uncovered);
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        trn_put_varint(b, s->uncovered[i].at);
        trn_put_varint(b, s->uncovered[i].size);
        trn_put_lstr(b, cut(trn_str_of(s->uncovered[i].what)));
        trn_put_u8(b, s->uncovered[i].expected);
    }
}

static void put_items(struct trn_buf *b, const struct trn_release_member *m)
{
    if (m->signature)
        put_signature(b, m->signature);
    for (size_t i = 0; i < m->n_properties; i++) {
        trn_put_u8(b, TAG_PROPERTY);
        trn_put_lstr(b, cut(m->properties[i].key));
        trn_put_lstr(b, cut(m->properties[i].value));
    }
    for (size_t i = 0; i < m->n_features; i++) {
        const struct trn_feature *f = &m->features[i];
        trn_put_u8(b, TAG_FEATURE);
        trn_put_u8(b, (uint8_t)f->kind);
        trn_put_lstr(b, cut(f->key));
        trn_put_lstr(b, cut(f->value));
        trn_put_varint(b, f->number);
        trn_put_varint(b, f->at);
    }
    for (size_t i = 0; i < m->n_findings; i++) {
        trn_put_u8(b, TAG_FINDING);
        trn_finding_encode(m->findings[i], b);
    }
}

/* first: of its file. */
static void put_member(struct trn_buf *b, const struct trn_release *r, uint32_t i, uint32_t first)
{
    const struct trn_release_member *m = &r->members[i];
    if (i == first) {
        trn_put_u8(b, TAG_FILE);
        trn_put_lstr(b, m->path);
    }
    trn_put_u8(b, TAG_ARTIFACT);
    trn_put_varint(b, i == first ? 0 : m->parent - first + 1);
    trn_put_lstr(b, i == first ? m->name : trn_member_inner_path(r, m));
    trn_put_u16(b, (uint16_t)m->format);
    trn_put_varint(b, m->size);
    trn_put_u32(b, m->mode);
    trn_put_u32(b, m->entropy_milli);
    trn_put(b, m->sha256, TRN_SHA256_SIZE);
    trn_put_varint(b, m->gaps);
    put_items(b, m);
}

int trn_release_encode(const struct trn_release *r, struct trn_buf *out)
{
    uint32_t first = 0;
    trn_put_u8(out, FORM);
    trn_put_lstr(out, r->label);
    for (uint32_t i = 0; i < r->n_members && !out->bad; i++) {
        first = r->members[i].parent == TRN_NO_MEMBER ? i : first;
        put_member(out, r, i, first);
    }
    for (size_t i = 0; i < r->n_gaps; i++) {
        const struct trn_release_gap *g = &r->gaps[i].g;
        trn_put_u8(out, TAG_GAP);
        trn_put_u32(out, g->member);
        trn_put_u8(out, (uint8_t)g->gap.kind);
        trn_put_lstr(out, cut(g->gap.what));
        trn_put_lstr(out, cut(g->gap.member));
        trn_put_varint(out, g->gap.value);
        trn_put_varint(out, g->gap.limit);
    }
    trn_put_u8(out, TAG_END);
    return out->bad ? -EFBIG : 0;
}

/* ---- reading ---- */

struct reader {
    struct trn_release *r;
    struct trn_cursor c;
    uint32_t file, artifact; /* the last ones; artifact 0: none */
    struct trn_release_place *places;
    size_t n_places, cap_places;
};

static uint32_t read_u32(struct trn_cursor *c)
{
    uint64_t v = trn_cur_varint(c);
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void reader_done(struct reader *x)
{
    free(x->places);
    x->r = trn_release_free(x->r);
}

/* Members are counted in the order written, which is the order that they will have again. */
static int note_place(struct reader *x, uint32_t gaps)
{
    if (x->n_places >= MEMBERS_MAX)
        return -EBADMSG;
    if (x->n_places == x->cap_places) {
        size_t cap = x->cap_places ? x->cap_places * 2 : 64;
        struct trn_release_place *more = reallocarray(x->places, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        x->places = more;
        x->cap_places = cap;
    }
    x->places[x->n_places++] = (struct trn_release_place){x->file, x->artifact, gaps};
    return 0;
}

static int read_artifact(struct reader *x)
{
    struct trn_artifact a = {.id = x->artifact + 1};
    a.parent = read_u32(&x->c);
    a.name = trn_cur_lstr(&x->c);
    uint16_t format = trn_cur_u16le(&x->c);
    a.format = format < TRN_FORMAT_MAX ? (enum trn_format)format : TRN_FORMAT_DATA;
    a.size = trn_cur_varint(&x->c);
    a.mode = trn_cur_u32le(&x->c);
    a.entropy_milli = trn_cur_u32le(&x->c);
    trn_cur_copy(&x->c, a.sha256, TRN_SHA256_SIZE);
    uint32_t gaps = read_u32(&x->c);
    if (x->c.bad)
        return -EBADMSG;
    int e = trn_release_artifact(x->r, x->file, &a);
    if (e < 0)
        return e;
    x->artifact = a.id;
    return note_place(x, gaps);
}

static int read_signature(struct reader *x)
{
    struct trn_cursor *c = &x->c;
    struct trn_signature s = {0};
    char what[TRN_UNCOVERED_MAX][100];
    uint8_t kind = trn_cur_u8(c), digest = trn_cur_u8(c), chain = trn_cur_u8(c);
    struct trn_str *const texts[] = {&s.signer, &s.issuer, &s.serial, &s.team, &s.digest_name, &s.content_digest};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++)
        *texts[i] = trn_cur_lstr(c);
    s.signed_at = (int64_t)trn_cur_u64le(c);
    s.signatures = read_u32(c);
    s.uncovered_total = trn_cur_varint(c);
    s.n_uncovered = trn_cur_u8(c);
    if (c->bad || kind >= TRN_SIGNATURE_KIND_MAX || digest >= TRN_DIGEST_STATE_MAX || chain >= TRN_CHAIN_STATE_MAX ||
        s.n_uncovered > TRN_UNCOVERED_MAX)
        return -EBADMSG;
    s.kind = (enum trn_signature_kind)kind;
    s.digest = (enum trn_digest_state)digest;
    s.chain = (enum trn_chain_state)chain;
    for (uint32_t i = 0; i < s.n_uncovered; i++) {
        s.uncovered[i].at = trn_cur_varint(c);
        s.uncovered[i].size = trn_cur_varint(c);
        s.uncovered[i].what = trn_escape_into(what[i], sizeof(what[i]), trn_cur_lstr(c));
        s.uncovered[i].expected = trn_cur_u8(c) != 0;
    }
    return c->bad ? -EBADMSG : trn_release_signature(x->r, x->file, x->artifact, &s);
}

static int read_feature(struct reader *x)
{
    struct trn_feature f = {0};
    uint8_t kind = trn_cur_u8(&x->c);
    f.key = trn_cur_lstr(&x->c);
    f.value = trn_cur_lstr(&x->c);
    f.number = trn_cur_varint(&x->c);
    f.at = trn_cur_varint(&x->c);
    if (x->c.bad || kind == TRN_FEATURE_NONE || kind >= TRN_FEATURE_KIND_MAX)
        return -EBADMSG;
    f.kind = (enum trn_feature_kind)kind;
    return trn_release_feature(x->r, x->file, x->artifact, &f);
}

static int read_gap(struct reader *x)
{
    uint32_t member = trn_cur_u32le(&x->c);
    uint8_t kind = trn_cur_u8(&x->c);
    struct trn_gap g = {.what = trn_cur_lstr(&x->c), .member = trn_cur_lstr(&x->c)};
    uint32_t file;
    g.value = trn_cur_varint(&x->c);
    g.limit = trn_cur_varint(&x->c);
    if (x->c.bad || kind >= TRN_GAP_KIND_MAX || (member != TRN_NO_MEMBER && member >= x->n_places))
        return -EBADMSG;
    g.kind = (enum trn_gap_kind)kind;
    if (member != TRN_NO_MEMBER)
        return trn_release_gap(x->r, x->places[member].file, x->places[member].artifact, &g);
    int e = trn_release_file(x->r, g.member, &file); /* a file of which nothing but this is known */
    return e < 0 ? e : trn_release_end(x->r, file, -EIO, g.what);
}

static int read_item(struct reader *x, uint8_t tag)
{
    struct trn_str text;
    struct trn_finding f;
    switch (tag) {
    case TAG_FILE:
        text = trn_cur_lstr(&x->c);
        x->artifact = 0;
        return x->c.bad ? -EBADMSG : trn_release_file(x->r, text, &x->file);
    case TAG_ARTIFACT:
        return read_artifact(x);
    case TAG_SIGNATURE:
        return read_signature(x);
    case TAG_PROPERTY:
        text = trn_cur_lstr(&x->c);
        struct trn_str value = trn_cur_lstr(&x->c);
        return x->c.bad ? -EBADMSG : trn_release_property(x->r, x->file, x->artifact, text, value);
    case TAG_FEATURE:
        return read_feature(x);
    case TAG_FINDING:
        return trn_finding_decode(&x->c, &f) < 0 || x->c.bad ? -EBADMSG
                                                             : trn_release_finding(x->r, x->file, x->artifact, &f);
    case TAG_GAP:
        return read_gap(x);
    default:
        return -EBADMSG;
    }
}

int trn_release_decode(struct trn_str bytes, struct trn_release **ret)
{
    TRN_AUTO(reader_done) struct reader x = {.c = trn_cur_of(bytes)};
    struct trn_release_options o = {.sz = sizeof(o)};
    uint8_t form = trn_cur_u8(&x.c), tag;
    o.label = trn_cur_lstr(&x.c);
    if (x.c.bad || form != FORM)
        return -EBADMSG;
    int e = trn_release_new(&o, &x.r);
    while (e == 0 && (tag = trn_cur_u8(&x.c)) != TAG_END)
        e = x.c.bad ? -EBADMSG : read_item(&x, tag);
    if (e < 0)
        return e == -ENOMEM ? e : -EBADMSG;
    if (!trn_cur_end(&x.c))
        return -EBADMSG;
    e = trn_release_restore(x.r, x.places, x.n_places);
    if (e < 0)
        return e == -ENOMEM ? e : -EBADMSG;
    *ret = TRN_STEAL(x.r);
    return 0;
}
