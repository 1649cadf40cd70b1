/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the grammar of JSON. Must not own: a tree of it, what members mean.
 * Hand-offs: pieces are borrowed from the text.
 */
#include "formats/json.h"

static const struct trn_json_piece nothing = {.kind = TRN_JSON_END};

void trn_json_begin(struct trn_json *j, struct trn_str text)
{
    *j = (struct trn_json){.text = text};
    if (trn_str_starts(text, TRN_STR("\xef\xbb\xbf"))) /* a mark that editors leave */
        j->at = 3;
}

static bool in_object(const struct trn_json *j)
{
    return j->depth && (j->is_object[(j->depth - 1) / 64] >> ((j->depth - 1) % 64) & 1);
}

static int peek(struct trn_json *j)
{
    while (j->at < j->text.n) {
        char c = j->text.p[j->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return (uint8_t)c;
        j->at++;
    }
    return -1;
}

static int open_level(struct trn_json *j, bool object, struct trn_json_piece *ret)
{
    if (j->depth == TRN_JSON_DEPTH)
        return -EBADMSG;
    uint64_t bit = 1ull << (j->depth % 64);
    if (object)
        j->is_object[j->depth / 64] |= bit;
    else
        j->is_object[j->depth / 64] &= ~bit;
    j->depth++;
    j->at++;
    j->wants_value = j->after_value = false;
    *ret = (struct trn_json_piece){.kind = object ? TRN_JSON_OBJECT : TRN_JSON_ARRAY, .at = j->at - 1};
    return 0;
}

static int close_level(struct trn_json *j, bool object, struct trn_json_piece *ret)
{
    if (!j->depth || in_object(j) != object || j->wants_value)
        return -EBADMSG;
    j->depth--;
    j->at++;
    j->after_value = true;
    *ret = (struct trn_json_piece){.kind = object ? TRN_JSON_OBJECT_END : TRN_JSON_ARRAY_END, .at = j->at - 1};
    return 0;
}

static int string(struct trn_json *j, struct trn_json_piece *ret)
{
    struct trn_json_piece p = {.kind = TRN_JSON_STRING, .at = j->at};
    size_t from = ++j->at;
    for (; j->at < j->text.n && j->text.p[j->at] != '"'; j->at++) {
        uint8_t c = (uint8_t)j->text.p[j->at];
        if (c < ' ')
            return -EBADMSG;
        if (c == '\\') {
            p.escaped = true;
            j->at++;
        }
    }
    if (j->at >= j->text.n)
        return -EBADMSG;
    p.raw = trn_str_slice(j->text, from, j->at - from);
    j->at++;
    *ret = p;
    return 0;
}

static int word(struct trn_json *j, const char *w, enum trn_json_kind kind, struct trn_json_piece *ret)
{
    if (!trn_str_starts(trn_str_slice(j->text, j->at, SIZE_MAX), trn_str_of(w)))
        return -EBADMSG;
    *ret = (struct trn_json_piece){.kind = kind, .at = j->at};
    j->at += strlen(w);
    return 0;
}

static int number(struct trn_json *j, struct trn_json_piece *ret)
{
    size_t from = j->at;
    while (j->at < j->text.n &&
           (strchr("+-.eE", j->text.p[j->at]) || (j->text.p[j->at] >= '0' && j->text.p[j->at] <= '9')))
        if (!j->text.p[j->at++])
            return -EBADMSG;
    if (j->at == from)
        return -EBADMSG;
    *ret =
        (struct trn_json_piece){.kind = TRN_JSON_NUMBER, .raw = trn_str_slice(j->text, from, j->at - from), .at = from};
    return 0;
}

static int value(struct trn_json *j, int c, struct trn_json_piece *ret)
{
    int e;
    if (c == '{' || c == '[')
        return open_level(j, c == '{', ret);
    if (c == '"')
        e = string(j, ret);
    else if (c == 't')
        e = word(j, "true", TRN_JSON_TRUE, ret);
    else if (c == 'f')
        e = word(j, "false", TRN_JSON_FALSE, ret);
    else if (c == 'n')
        e = word(j, "null", TRN_JSON_NULL, ret);
    else
        e = number(j, ret);
    j->after_value = true;
    j->wants_value = false;
    return e;
}

static int key(struct trn_json *j, struct trn_json_piece *ret)
{
    struct trn_json_piece p = nothing;
    int e = string(j, &p);
    if (e < 0 || peek(j) != ':')
        return -EBADMSG;
    j->at++;
    j->wants_value = true;
    p.kind = TRN_JSON_KEY;
    *ret = p;
    return 0;
}

int trn_json_next(struct trn_json *j, struct trn_json_piece *ret)
{
    int c = peek(j);
    if (!j->depth && j->started) { /* one value, then nothing */
        *ret = (struct trn_json_piece){.kind = TRN_JSON_END, .at = j->at};
        return c < 0 ? 0 : -EBADMSG;
    }
    j->started = true;
    if (c == '}' || c == ']')
        return close_level(j, c == '}', ret);
    if (j->after_value && j->depth) {
        if (c != ',')
            return -EBADMSG;
        j->at++;
        j->after_value = false;
        c = peek(j);
        if (c == '}' || c == ']')
            return -EBADMSG;
    }
    if (in_object(j) && !j->wants_value)
        return c == '"' ? key(j, ret) : -EBADMSG;
    return c < 0 ? -EBADMSG : value(j, c, ret);
}

int trn_json_skip(struct trn_json *j, const struct trn_json_piece *first)
{
    struct trn_json_piece p;
    if (first->kind != TRN_JSON_OBJECT && first->kind != TRN_JSON_ARRAY)
        return 0;
    for (uint32_t until = j->depth - 1; j->depth > until;) {
        int e = trn_json_next(j, &p);
        if (e < 0)
            return e;
    }
    return 0;
}

/* ---- escapes ---- */

static int hex4(struct trn_str s, size_t at)
{
    int v = 0;
    if (s.n < 4 || at > s.n - 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* \uXXXX at s.p + *at (behind the u), which goes behind it, and behind a second half. */
static uint32_t unicode(struct trn_str s, size_t *at)
{
    int v = hex4(s, *at);
    if (v < 0)
        return '?'; /* never longer than the escape itself */
    *at += 4;
    if (v < 0xd800 || v > 0xdfff)
        return (uint32_t)v;
    int low = v <= 0xdbff && *at + 2 <= s.n && s.p[*at] == '\\' && s.p[*at + 1] == 'u' ? hex4(s, *at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + (((uint32_t)v - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}

struct trn_str trn_json_unescape(const struct trn_json_piece *p, struct trn_arena *a)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    struct trn_str s = p->raw;
    if (!p->escaped)
        return s;
    char *dst = trn_arena_alloc(a, s.n + 1); /* no escape is shorter than what it means */
    size_t n = 0;
    if (!dst)
        return TRN_STR_NONE;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '\\' || i + 1 >= s.n) {
            dst[n++] = s.p[i++];
            continue;
        }
        char c = s.p[i + 1];
        const char *known = c ? strchr(from, c) : NULL;
        i += 2;
        if (c == 'u')
            n += trn_utf8_of(unicode(s, &i), dst + n);
        else
            dst[n++] = known ? to[known - from] : c;
    }
    return (struct trn_str){dst, n};
}
