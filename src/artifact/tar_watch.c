/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: following the blocks of a tar beside libarchive, for what libarchive throws away. Must not: give members, say damage.
 * Memory: one extended header and the first megabyte of each kind of hidden bytes.
 */
#include "artifact/tar_watch.h"

#define VALUE_MAX 1024u /* a comment of a person or of git */
#define ATTRIBUTE_MAX \
    65536u /* attributes of files are content that file systems have; larger ones no common system keeps */

void trn_tar_watch_init(struct trn_tar_watch *w)
{
    *w = (struct trn_tar_watch){0};
    trn_buf_init(&w->text, TRN_TAR_PAX_MAX);
    trn_pieces_init(&w->padding);
    trn_pieces_init(&w->values);
}

void trn_tar_watch_done(struct trn_tar_watch *w)
{
    trn_buf_done(&w->text);
    trn_pieces_done(&w->padding);
    trn_pieces_done(&w->values);
}

/* ---- one header ---- */

/* Octal digits, or binary behind a byte with its highest bit set. */
static uint64_t number(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    if (p[0] & 0x80) {
        for (size_t i = n - 8; i < n; i++)
            v = v << 8 | p[i];
        return v;
    }
    for (size_t i = 0; i < n; i++)
        if (p[i] >= '0' && p[i] <= '7')
            v = v * 8 + (uint64_t)(p[i] - '0');
        else if (p[i] != ' ' || v)
            break;
    return v;
}

/* Of the oldest writers the sum is one of signed bytes; libarchive takes both. */
static bool is_header(const uint8_t *b)
{
    uint64_t sum = 0, high = 0, told = number(b + 148, 8);
    for (size_t i = 0; i < TRN_TAR_BLOCK; i++) {
        uint8_t c = i >= 148 && i < 156 ? ' ' : b[i];
        sum += c;
        high += c >> 7;
    }
    return sum == told || sum - 256 * high == told;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    return p[0] == 0 && (n == 1 || memcmp(p, p + 1, n - 1) == 0);
}

static void lose(struct trn_tar_watch *w)
{
    w->over = true;
    w->lost = true;
}

static void set_payload(struct trn_tar_watch *w, uint64_t size)
{
    w->payload = size;
    w->pad = (uint32_t)((TRN_TAR_BLOCK - size % TRN_TAR_BLOCK) % TRN_TAR_BLOCK);
    if (size > UINT64_MAX / 2)
        lose(w);
}

static void on_header(struct trn_tar_watch *w, const uint8_t *b)
{
    uint64_t size = number(b + 124, 12);
    char type = (char)b[156];
    w->about = type && strchr("xXgLKA", type) ? type : 0;
    if (!w->about) {
        size = w->has_size ? w->pax_size : size;
        w->has_size = false;
    }
    trn_buf_clear(&w->text);
    w->sparse = type == 'S' && b[482] && memcmp(b + 257, "ustar  ", 8) == 0;
    if (type == '1' && size) {
        w->maybe_payload = true;
        w->link_size = size;
        size = 0;
    }
    set_payload(w, type >= '2' && type <= '6' ? 0 : type == 'V' ? 0 : size);
    if (w->about && size > TRN_TAR_PAX_MAX)
        lose(w);
}

static void on_block(struct trn_tar_watch *w)
{
    const uint8_t *b = w->block;
    if (w->sparse) {
        w->sparse = b[504];
        return;
    }
    bool header = is_header(b), end = all_zero(b, TRN_TAR_BLOCK);
    if (w->maybe_payload && !header && !end) { /* it has: this was the first block of it */
        w->maybe_payload = false;
        set_payload(w, w->link_size);
        uint64_t first = TRN_MIN(w->payload, (uint64_t)TRN_TAR_BLOCK);
        w->payload -= first;
        if (first < TRN_TAR_BLOCK) {
            trn_pieces_add(&w->padding, w->at - TRN_TAR_BLOCK + first, b + first, TRN_TAR_BLOCK - (size_t)first);
            w->pad = 0;
        }
        return;
    }
    w->maybe_payload = false;
    if (end)
        w->over = true;
    else if (header)
        on_header(w, b);
    else
        lose(w); /* libarchive says what is wrong */
}

/* ---- one extended header ---- */

static bool is_attribute(struct trn_str key)
{
    return trn_str_starts(key, TRN_STR("SCHILY.xattr.")) || trn_str_starts(key, TRN_STR("LIBARCHIVE.xattr.")) ||
           trn_str_starts(key, TRN_STR("SCHILY.acl.")) || trn_str_starts(key, TRN_STR("RHT.security.")) ||
           trn_str_starts(key, TRN_STR("GNU.sparse.")) || trn_str_eq_c(key, "path") || trn_str_eq_c(key, "linkpath");
}

static void on_value(struct trn_tar_watch *w, struct trn_str key, struct trn_str value)
{
    if (trn_str_eq_c(key, "size") && w->about != 'g') { /* libarchive passes over what is said of all */
        w->pax_size = 0;
        for (size_t i = 0; i < value.n && i < 18 && value.p[i] >= '0' && value.p[i] <= '9'; i++)
            w->pax_size = w->pax_size * 10 + (uint64_t)(value.p[i] - '0');
        w->has_size = true;
    }
    bool quiet = is_attribute(key) ? value.n <= ATTRIBUTE_MAX : trn_is_short_text(value, VALUE_MAX);
    if (!quiet)
        trn_pieces_add(&w->values, TRN_NOWHERE, value.p, value.n);
}

/* "27 path=some/name\n": the length counts itself. */
static void on_pax(struct trn_tar_watch *w)
{
    struct trn_str rest = trn_buf_str(&w->text);
    while (rest.n) {
        size_t n = 0, i = 0;
        for (; i < rest.n && i < 8 && rest.p[i] >= '0' && rest.p[i] <= '9'; i++)
            n = n * 10 + (size_t)(rest.p[i] - '0');
        if (i == 0 || i >= rest.n || rest.p[i] != ' ' || n <= i + 1 || n > rest.n)
            break;
        struct trn_str line = trn_str_slice(rest, i + 1, n - i - 2); /* without the line's end */
        ptrdiff_t is = trn_str_find(line, '=');
        if (is > 0)
            on_value(w, trn_str_slice(line, 0, (size_t)is), trn_str_slice(line, (size_t)is + 1, line.n));
        rest = trn_str_slice(rest, n, rest.n);
    }
    if (rest.n && !trn_is_short_text(rest, VALUE_MAX) && rest.p[0])
        trn_pieces_add(&w->values, TRN_NOWHERE, rest.p, rest.n);
}

/* A name, or access rights, as text that ends with a NUL. */
static void on_text(struct trn_tar_watch *w)
{
    struct trn_str all = trn_buf_str(&w->text);
    const char *end = memchr(all.p, '\0', all.n);
    size_t n = end ? (size_t)(end - all.p) : all.n;
    bool quiet = n <= ATTRIBUTE_MAX && (w->about != 'A' || trn_is_short_text(trn_str_slice(all, 0, n), n));
    size_t from = quiet ? n : 0;
    if (from < all.n && !all_zero((const uint8_t *)all.p + from, all.n - from))
        trn_pieces_add(&w->values, TRN_NOWHERE, all.p + from, all.n - from);
}

static void on_about(struct trn_tar_watch *w)
{
    if (w->text.n && (w->about == 'x' || w->about == 'X' || w->about == 'g'))
        on_pax(w);
    else if (w->text.n)
        on_text(w);
    trn_buf_clear(&w->text);
}

/* ---- the bytes ---- */

uint64_t trn_tar_watch_skip(const struct trn_tar_watch *w)
{
    return w->over ? UINT64_MAX : w->about || w->sparse ? 0 : w->payload;
}

void trn_tar_watch_pass(struct trn_tar_watch *w, uint64_t n)
{
    w->at += n;
    w->payload -= TRN_MIN(n, w->payload);
}

static size_t feed_some(struct trn_tar_watch *w, const uint8_t *p, size_t n)
{
    size_t now;
    if (w->payload && !w->sparse) {
        now = (size_t)TRN_MIN((uint64_t)n, w->payload);
        if (w->about)
            trn_put(&w->text, p, now);
        trn_tar_watch_pass(w, now);
        if (w->payload == 0 && w->about)
            on_about(w);
        return now;
    }
    if (w->pad && !w->sparse) {
        now = TRN_MIN(n, (size_t)w->pad);
        if (!all_zero(p, now))
            trn_pieces_add(&w->padding, w->at, p, now);
        w->pad -= (uint32_t)now;
        w->at += now;
        return now;
    }
    now = TRN_MIN(n, (size_t)(TRN_TAR_BLOCK - w->have));
    memcpy(w->block + w->have, p, now);
    w->have += (uint32_t)now;
    w->at += now;
    if (w->have == TRN_TAR_BLOCK) {
        w->have = 0;
        on_block(w);
    }
    return now;
}

void trn_tar_watch_feed(struct trn_tar_watch *w, const uint8_t *p, size_t n)
{
    while (n && !w->over) {
        size_t now = feed_some(w, p, n);
        p += now;
        n -= now;
    }
}

int trn_tar_watch_tell(struct trn_tar_watch *w, struct trn_look *l, bool in_artifact)
{
    static const struct trn_unowned padding = {"between-members", "[padding behind the members]",
                                               "fill the archive's last blocks of members, where zeroes belong: who "
                                               "unpacks it never sees them",
                                               45};
    static const struct trn_unowned values = {
        "extended-header", "[values of extended headers]",
        "stand in extended headers as values that are no short texts: who unpacks "
        "the archive never sees them",
        0};
    if (!in_artifact)
        w->padding.first = TRN_NOWHERE;
    int e = trn_pieces_tell(l, &padding, &w->padding);
    if (e == 0)
        e = trn_pieces_tell(l, &values, &w->values);
    return e == 0 && w->lost ? trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE,
                                            "a header that is not understood: bytes between the members are not "
                                            "looked at behind it")
                             : e;
}
