/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is told of the parts of an image that viewers pass over: texts, comments, profiles, private blocks. Judged by
 * size, alphabet, entropy and what encoded text stands for; a part's kind says what is ordinary in it.
 * Must not own: finding those parts (src/formats/image_*.c), telling what bytes are (src/formats/payload.c).
 * Hand-offs: a program or archive in a part becomes a member.
 */
#include "artifact/check_image.h"

#include <zlib.h>

#define CONTENT_MAX (8u << 20)
#define LONG_TEXT (64u << 10)
#define LARGE_ENCODED (8u << 10)
#define LARGE_PRIVATE 4096u
#define RANDOM_TEXT 256u
#define ICC_HEAD 128u
#define ICC_SEGMENT 14u /* of a JPEG: "ICC_PROFILE", NUL, number, count */
#define PROFILE_MAX (4u << 20)
#define RUNS_MAX 24u /* pieces of one part that are searched for encoded text */
#define SHOWN 64u
#define SMALL_LARGE 8192u

struct part {
    struct trn_look *l;
    const struct trn_image_carried *c;
    struct trn_arena *arena; /* of this part only */
    const uint8_t *p;        /* the content, unpacked */
    size_t n;
    bool cut;         /* there is more of it */
    bool exact;       /* a place in it is a place in the image */
    bool whole;       /* what is packed unpacks to its end */
    uint64_t rest_at; /* behind the packed stream */
};

/* ---- the content ---- */

static int unpack_zlib(struct part *x, const uint8_t *raw, size_t n)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t out[16384];
    z_stream z = {0};
    int r = Z_OK;
    trn_buf_init(&b, CONTENT_MAX);
    if (inflateInit(&z) != Z_OK)
        return -ENOMEM;
    z.next_in = (uint8_t *)(uintptr_t)raw; /* zlib does not write there */
    z.avail_in = (uInt)n;
    while (r == Z_OK && b.n < CONTENT_MAX) {
        z.next_out = out;
        z.avail_out = sizeof(out);
        r = inflate(&z, Z_NO_FLUSH);
        trn_put(&b, out, TRN_MIN(sizeof(out) - z.avail_out, CONTENT_MAX - b.n));
    }
    (void)inflateEnd(&z);
    x->whole = r == Z_STREAM_END;
    x->cut = r == Z_OK || x->cut;
    x->rest_at = x->c->at + n - z.avail_in;
    struct trn_str copy = trn_arena_str(x->arena, trn_buf_str(&b));
    if (b.bad || (b.n && !copy.p))
        return -ENOMEM;
    x->p = (const uint8_t *)copy.p;
    x->n = copy.n;
    return 0;
}

/* A GIF's blocks one after another, without their sizes. */
static int join_blocks(struct part *x, const uint8_t *raw, size_t n)
{
    size_t k = 0;
    uint8_t *out = trn_arena_alloc(x->arena, n);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n && raw[i]; i += 1u + raw[i]) {
        size_t part = TRN_MIN((size_t)raw[i], n - i - 1);
        memcpy(out + k, raw + i + 1, part);
        k += part;
    }
    x->p = out;
    x->n = k;
    return 0;
}

static int take_content(struct part *x)
{
    const struct trn_image_carried *c = x->c;
    struct trn_str raw;
    x->cut = c->size > CONTENT_MAX;
    int e = trn_source_take(x->l->bytes, c->at, (size_t)TRN_MIN(c->size, (uint64_t)CONTENT_MAX), x->arena, &raw);
    if (e < 0)
        return e;
    x->p = (const uint8_t *)raw.p;
    x->n = raw.n;
    if (c->packing == TRN_IMAGE_ZLIB) {
        e = unpack_zlib(x, (const uint8_t *)raw.p, raw.n);
        if (e < 0 || x->whole || x->n >= raw.n / 2)
            return e;
        x->p = (const uint8_t *)raw.p; /* it says that it is packed and is not */
        x->n = raw.n;
    }
    if (c->packing == TRN_IMAGE_BLOCKS && c->kind != TRN_IMAGE_META) /* XMP stands there without blocks */
        return join_blocks(x, x->p, x->n);
    return 0;
}

/* ---- telling ---- */

struct told {
    uint16_t score;
    size_t at, size; /* in the content */
    const struct trn_encoded *encoded;
    const struct trn_payload *payload;
};

static struct trn_str escaped(struct trn_look *l, struct trn_str s)
{
    char text[4 * SHOWN + 4];
    return trn_arena_str(l->arena, trn_str_of(trn_escape_into(text, sizeof(text), trn_str_slice(s, 0, SHOWN))));
}

static struct trn_str where(const struct part *x)
{
    static const char *const kinds[] = {"a text", "known data", "a colour profile", "a private part"};
    struct trn_str keyword = escaped(x->l, trn_str_of(x->c->keyword));
    if (keyword.n)
        return trn_arena_printf(x->l->arena, "%s of the image (%s '%.*s')", kinds[x->c->kind], x->c->block,
                                TRN_STR_ARG(keyword));
    return trn_arena_printf(x->l->arena, "%s of the image (%s)", kinds[x->c->kind], x->c->block);
}

/* A program or archive is looked at like any file. */
static int hand_on(const struct part *x, const struct told *t)
{
    struct trn_member m = {.name = TRN_STR("in-the-metadata")};
    struct trn_str bytes = t->encoded ? t->encoded->decoded : (struct trn_str){(const char *)x->p, x->n};
    if (t->payload->kind != TRN_PAYLOAD_PROGRAM && t->payload->kind != TRN_PAYLOAD_ARCHIVE)
        return 0;
    if (!t->encoded && x->exact) {
        m.size = x->c->size - t->payload->at;
        return trn_look_part(x->l, &m, x->c->at + t->payload->at, m.size);
    }
    bytes = trn_str_slice(bytes, t->payload->at, bytes.n);
    m.size = bytes.n;
    int e = trn_look_member(x->l, &m);
    if (e == 0)
        e = trn_look_data(x->l, bytes.p, bytes.n);
    if (e == 0)
        e = trn_look_end(x->l, 0, NULL);
    return e == -ECANCELED ? 0 : e;
}

static int tell(const struct part *x, const struct told *t, struct trn_str words)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("image.hidden-data")));
    f.score = t->score;
    f.summary = words;
    trn_look_evidence(x->l, &f, x->exact ? x->c->at + t->at : x->c->at, x->exact ? t->size : x->c->size);
    trn_finding_add(&f, "block", trn_str_of(x->c->block));
    if (t->encoded) {
        trn_finding_add(&f, "text", escaped(x->l, (struct trn_str){(const char *)x->p + t->at, t->size}));
        trn_finding_add(&f, "decoded_size", trn_arena_printf(x->l->arena, "%zu", t->encoded->decoded.n));
    }
    if (t->payload->what[0])
        trn_finding_add(&f, "format", trn_str_of(t->payload->what));
    int e = trn_look_found(x->l, &f);
    return e == 0 ? hand_on(x, t) : e;
}

/* ---- judging ---- */

/* What encoded text weighs. Readable text and pictures are encoded by honest programs too (drawings, thumbnails). */
static uint16_t worth_encoded(const struct part *x, const struct trn_encoded *d)
{
    bool meta = x->c->kind == TRN_IMAGE_META, profile = strncmp(x->c->keyword, "Raw profile type", 16) == 0;
    switch (d->payload.kind) {
    case TRN_PAYLOAD_PROGRAM:
        return 75;
    case TRN_PAYLOAD_ARCHIVE:
        return 60;
    case TRN_PAYLOAD_RANDOM:
        if (profile || !d->even)
            return d->size >= LARGE_ENCODED && !profile && !meta ? 45 : 0;
        return meta ? 20 : 60; /* cameras keep encrypted notes in XMP */
    case TRN_PAYLOAD_COMPRESSED:
        return profile ? 0 : meta ? 15 : 45;
    case TRN_PAYLOAD_TEXT:
    case TRN_PAYLOAD_IMAGE:
        if (meta || profile)
            return 0;
        return d->size >= LONG_TEXT ? 45 : 10;
    default:
        if (meta || profile || !d->even)
            return 0;
        return d->size >= LARGE_ENCODED ? 45 : 15;
    }
}

static int look_at_encoded(const struct part *x, const struct trn_encoded *d, uint16_t score)
{
    struct told t = {score, d->at, d->size, d, &d->payload};
    const char *name = trn_payload_name(d->payload.kind), *what = d->payload.what;
    struct trn_str place = where(x);
    return tell(
        x, &t,
        trn_arena_printf(x->l->arena,
                         "%zu characters of encoded text (%s) stand in %.*s; they decode to %zu bytes: %s%s%s%s",
                         d->size, d->hex ? "hexadecimal" : "base64", TRN_STR_ARG(place), d->decoded.n, name,
                         what[0] ? " (" : "", what, what[0] ? ")" : ""));
}

/* Bytes that are a colour profile say how long it is, and have a mark. 0: it is one, whole. */
static size_t behind_profile(const uint8_t *p, size_t n)
{
    if (n < ICC_HEAD || memcmp(p + 36, "acsp", 4) != 0)
        return n;
    struct trn_cursor c = trn_cur(p, n);
    uint32_t size = trn_cur_u32be(&c);
    return size >= ICC_HEAD && size < n ? n - size : 0;
}

static uint16_t worth_text(const struct trn_payload *p, size_t n)
{
    switch (p->kind) {
    case TRN_PAYLOAD_RANDOM:
        return n >= RANDOM_TEXT ? 60 : 25;
    case TRN_PAYLOAD_ARCHIVE:
        return 60;
    case TRN_PAYLOAD_COMPRESSED:
    case TRN_PAYLOAD_IMAGE:
        return 40;
    case TRN_PAYLOAD_TEXT:
        return n >= LONG_TEXT ? 10 : 0;
    default:
        return 15;
    }
}

static uint16_t worth_private(const struct trn_payload *p, size_t n)
{
    switch (p->kind) {
    case TRN_PAYLOAD_RANDOM:
        return n >= LARGE_PRIVATE ? 45 : n >= RANDOM_TEXT ? 25 : 10;
    case TRN_PAYLOAD_ARCHIVE:
        return 60;
    case TRN_PAYLOAD_COMPRESSED:
    case TRN_PAYLOAD_IMAGE:
        return 15;
    default:
        return 8;
    }
}

static int say_plain(const struct part *x, const struct told *t)
{
    struct trn_str place = where(x);
    const char *what = t->payload->what;
    return tell(x, t,
                trn_arena_printf(x->l->arena, "%zu bytes stand in %.*s and are %s%s%s%s: viewers do not show them",
                                 t->size, TRN_STR_ARG(place), trn_payload_name(t->payload->kind), what[0] ? " (" : "",
                                 what, what[0] ? ")" : ""));
}

/* Of a JPEG, whose profile may go over several segments, the walker counts. */
static int look_at_profile(const struct part *x)
{
    bool jpeg = strcmp(x->c->keyword, "ICC_PROFILE") == 0;
    size_t head = jpeg ? ICC_SEGMENT : 0;
    if (x->n <= head || (jpeg && x->p[12] != 1))
        return 0;
    size_t n = x->n - head, extra = behind_profile(x->p + head, n);
    struct trn_payload p = {.what = ""};
    struct told t = {15, head, n, NULL, &p};
    if (n > PROFILE_MAX && extra < n)
        return tell(x, &t,
                    trn_arena_printf(x->l->arena, "the image carries a colour profile of %zu bytes: unusually large",
                                     n));
    if (extra < TRN_IMAGE_CARRIED_LEAST || (jpeg && extra < n))
        return 0;
    p = trn_payload_of(x->p + x->n - extra, extra);
    bool hidden = p.kind == TRN_PAYLOAD_RANDOM || p.kind == TRN_PAYLOAD_COMPRESSED || p.kind == TRN_PAYLOAD_ARCHIVE;
    t.score = hidden && extra >= RANDOM_TEXT ? 60 : 15;
    t.at = x->n - extra;
    t.size = extra;
    return say_plain(x, &t);
}

/* XMP is text, whatever its pictures are encoded as. */
static bool is_no_xmp(const struct part *x, const struct trn_payload *p)
{
    const char *k = x->c->keyword;
    bool xmp = strncmp(k, "http:", 5) == 0 || strncmp(k, "XMP", 3) == 0 || strncmp(k, "XML:com.adobe", 13) == 0;
    return xmp &&
           (p->kind == TRN_PAYLOAD_RANDOM || p->kind == TRN_PAYLOAD_COMPRESSED || p->kind == TRN_PAYLOAD_ARCHIVE);
}

static int look_at_plain(const struct part *x)
{
    struct trn_payload p = trn_payload_of(x->p, x->n);
    struct told t = {0, 0, x->n, NULL, &p};
    if (p.kind == TRN_PAYLOAD_PROGRAM) {
        t.score = 70;
        t.at = p.at;
        t.size = x->n - p.at;
        return say_plain(x, &t);
    }
    if (x->c->kind == TRN_IMAGE_META && !is_no_xmp(x, &p))
        return 0;
    if (x->c->kind == TRN_IMAGE_PROFILE)
        return look_at_profile(x);
    t.score = x->c->kind == TRN_IMAGE_TEXT ? worth_text(&p, x->n) : worth_private(&p, x->n);
    return t.score ? say_plain(x, &t) : 0;
}

/* Drawings are kept in PNGs as percent-encoded XML, whose encoded text would fall apart. */
static bool unquote(struct part *x)
{
    size_t k = 0;
    if (x->n < 3 || memcmp(x->p, "%3C", 3) != 0)
        return true;
    uint8_t *out = trn_arena_alloc(x->arena, x->n);
    for (size_t i = 0; out && i < x->n; i++) {
        char digits[3] = {0};
        if (x->p[i] == '%' && i + 2 < x->n) {
            memcpy(digits, x->p + i + 1, 2);
            i += 2;
        }
        out[k++] = digits[0] ? (uint8_t)strtoul(digits, NULL, 16) : x->p[i];
    }
    if (!out)
        return false;
    x->p = out;
    x->n = k;
    x->exact = false;
    return true;
}

/* The run of encoded text that weighs most. What stands before and behind each run is searched too, so that a harmless long
 * one hides no other. */
static int heaviest(const struct part *x, struct trn_encoded *ret, uint16_t *ret_score, size_t *ret_encoded)
{
    struct {
        size_t from, to;
    } todo[RUNS_MAX] = {{0, x->n}};
    struct trn_encoded best = {.payload = {.what = ""}};
    uint16_t most = 0;
    size_t sum = 0;
    for (uint32_t k = 0, n = 1; k < n && !trn_look_over(x->l); k++) {
        struct trn_encoded d;
        int e = trn_encoded_find(x->p + todo[k].from, todo[k].to - todo[k].from, x->arena, &d);
        if (e < 0)
            return e;
        if (!d.size)
            continue;
        sum += d.size;
        d.at += todo[k].from;
        uint16_t score = worth_encoded(x, &d);
        if (score > most || !best.size)
            best = d;
        most = TRN_MAX(most, score);
        if (n < RUNS_MAX && d.at - todo[k].from >= TRN_ENCODED_LEAST)
            todo[n++] = (typeof(todo[0])){todo[k].from, d.at};
        if (n < RUNS_MAX && todo[k].to - d.at - d.size >= TRN_ENCODED_LEAST)
            todo[n++] = (typeof(todo[0])){d.at + d.size, todo[k].to};
    }
    *ret = best;
    *ret_score = most;
    *ret_encoded = sum;
    return 0;
}

static int judge(const struct part *x)
{
    struct trn_encoded d;
    uint16_t score = 0;
    size_t encoded = 0;
    int e = heaviest(x, &d, &score, &encoded);
    if (e == 0 && score)
        e = look_at_encoded(x, &d, score);
    /* where all of it is encoded text, that was said */
    return e < 0 || encoded >= x->n / 4 * 3 ? e : look_at_plain(x);
}

static int look_at_part(struct trn_look *l, const struct trn_image_carried *c)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(64u << 20);
    struct part x = {.l = l, .c = c, .arena = a, .exact = c->packing == TRN_IMAGE_PLAIN};
    int e = a ? take_content(&x) : -ENOMEM;
    if (e == 0 && x.n && !unquote(&x))
        e = -ENOMEM;
    if (e == 0 && x.cut)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE,
                         "bytes looked at in one part of an image (%s: those behind %u left out)", c->block,
                         CONTENT_MAX);
    if (e == 0 && x.n)
        e = judge(&x);
    uint64_t end = c->at + c->size;
    if (e == 0 && c->packing == TRN_IMAGE_ZLIB && x.whole && x.rest_at < end)
        e = trn_look_image_rest(l, (struct trn_image_rest){x.rest_at, end - x.rest_at, TRN_IMAGE_IN_BLOCK});
    return e;
}

/* Each alone says nothing; a program can put many together. */
static int tell_small(struct trn_look *l, const struct trn_image_extent *i)
{
    struct trn_finding f;
    if (i->small < SMALL_LARGE)
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("image.hidden-data")));
    f.score = 10;
    trn_look_say(l, &f, "%llu bytes stand in %u small parts of the image that viewers pass over (texts, private parts)",
                 (unsigned long long)i->small, i->n_small);
    trn_finding_add(&f, "size", trn_arena_printf(l->arena, "%llu", (unsigned long long)i->small));
    return trn_look_found(l, &f);
}

int trn_look_image_carried(struct trn_look *l, const struct trn_image_extent *i)
{
    int e = 0;
    for (uint32_t k = 0; e == 0 && k < i->n_carried && !trn_look_over(l); k++)
        e = look_at_part(l, &i->carried[k]);
    if (e == 0)
        e = tell_small(l, i);
    if (e == 0 && i->carried_left_out)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "parts looked at in one image (%u smaller ones left out)",
                         i->carried_left_out);
    return e;
}
