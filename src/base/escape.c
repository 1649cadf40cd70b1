/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: turning raw foreign bytes into text that is safe on a terminal and valid in JSON.
 * Must not: change what is stored; it is used at output edges only.
 */
#include "base/escape.h"

#include <stdio.h>

#define NOT_UTF8 UINT32_MAX
#define ESCAPE_MAX 12

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Decodes the code point at s[at]; NOT_UTF8 (length 1) for a stray byte, an overlong form, a
 * surrogate or a value above U+10FFFF. */
static uint32_t decode(struct trn_str s, size_t at, size_t *ret_len)
{
    const uint8_t *p = (const uint8_t *)s.p + at;
    size_t left = s.n - at, len;
    uint32_t cp, least;
    *ret_len = 1;
    if (p[0] < 0x80)
        return p[0];
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2, cp = p[0] & 0x1f, least = 0x80;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3, cp = p[0] & 0x0f, least = 0x800;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4, cp = p[0] & 0x07, least = 0x10000;
    } else {
        return NOT_UTF8;
    }
    if (len > left)
        return NOT_UTF8;
    for (size_t i = 1; i < len; i++) {
        if (!is_continuation(p[i]))
            return NOT_UTF8;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return NOT_UTF8;
    *ret_len = len;
    return cp;
}

/* Code points that move the cursor, hide, or reorder text: never shown as they are. */
static bool is_unsafe(uint32_t cp)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},   {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ranges); i++) {
        if (cp >= ranges[i].from && cp <= ranges[i].to)
            return true;
    }
    return false;
}

/* Writes the form of one code point for a terminal, at most ESCAPE_MAX bytes. */
static size_t terminal_form(struct trn_str s, size_t at, char out[ESCAPE_MAX], size_t *ret_len)
{
    uint32_t cp = decode(s, at, ret_len);
    int n;
    if (cp == NOT_UTF8)
        n = snprintf(out, ESCAPE_MAX, "\\x%02x", (uint8_t)s.p[at]);
    else if (cp == '\n' || cp == '\t' || cp == '\r')
        n = snprintf(out, ESCAPE_MAX, "%s", cp == '\n' ? "\\n" : cp == '\t' ? "\\t" : "\\r");
    else if (cp == '\\')
        n = snprintf(out, ESCAPE_MAX, "\\\\");
    else if (!is_unsafe(cp))
        n = snprintf(out, ESCAPE_MAX, "%.*s", (int)*ret_len, s.p + at);
    else if (cp < 0x80)
        n = snprintf(out, ESCAPE_MAX, "\\x%02x", cp);
    else if (cp < 0x10000)
        n = snprintf(out, ESCAPE_MAX, "\\u%04x", cp);
    else
        n = snprintf(out, ESCAPE_MAX, "\\U%08x", cp);
    return n > 0 ? (size_t)n : 0;
}

/* Length of the run of plain ASCII at s[at] that needs no escape in any form. */
static size_t plain_run(struct trn_str s, size_t at)
{
    size_t from = at;
    while (at < s.n && s.p[at] >= 0x20 && s.p[at] < 0x7f && s.p[at] != '\\' && s.p[at] != '"')
        at++;
    return at - from;
}

void trn_escape(struct trn_buf *out, struct trn_str s)
{
    for (size_t at = 0; at < s.n;) {
        size_t len = plain_run(s, at);
        if (len > 0) {
            trn_put(out, s.p + at, len);
        } else {
            char form[ESCAPE_MAX];
            size_t n = terminal_form(s, at, form, &len);
            trn_put(out, form, n);
        }
        at += len;
    }
}

const char *trn_escape_into(char *dst, size_t size, struct trn_str s)
{
    size_t n = 0, fits = 0; /* fits: the last end that leaves room for the dots */
    if (size == 0)
        return "";
    for (size_t at = 0; at < s.n;) {
        char form[ESCAPE_MAX];
        size_t len;
        size_t form_n = terminal_form(s, at, form, &len);
        if (n + form_n + 1 > size) {
            size_t dots = TRN_MIN((size_t)3, size - 1 - fits);
            memcpy(dst + fits, "...", dots);
            n = fits + dots;
            break;
        }
        memcpy(dst + n, form, form_n);
        n += form_n;
        if (n + 4 <= size)
            fits = n;
        at += len;
    }
    dst[n] = '\0';
    return dst;
}

/* JSON knows only 16-bit escapes: two surrogates above that. */
static void json_escape(struct trn_buf *out, uint32_t cp)
{
    static const char short_of[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof(short_of); i += 2) {
        if (cp == (uint8_t)short_of[i]) {
            trn_put(out, "\\", 1);
            trn_put(out, &short_of[i + 1], 1);
            return;
        }
    }
    if (cp >= 0x10000) {
        cp -= 0x10000;
        trn_put_fmt(out, "\\u%04x\\u%04x", 0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
        return;
    }
    trn_put_fmt(out, "\\u%04x", cp);
}

bool trn_json_str(struct trn_buf *out, struct trn_str s)
{
    bool faithful = true;
    if (!s.p) {
        trn_put_c(out, "null");
        return true;
    }
    trn_put(out, "\"", 1);
    for (size_t at = 0; at < s.n;) {
        size_t len = plain_run(s, at);
        if (len > 0) {
            trn_put(out, s.p + at, len);
            at += len;
            continue;
        }
        uint32_t cp = decode(s, at, &len);
        if (cp == NOT_UTF8) {
            trn_put_c(out, "\xef\xbf\xbd"); /* U+FFFD */
            faithful = false;
        } else if (is_unsafe(cp) || cp == '"' || cp == '\\') {
            json_escape(out, cp);
        } else {
            trn_put(out, s.p + at, len);
        }
        at += len;
    }
    trn_put(out, "\"", 1);
    return faithful;
}

bool trn_utf8_valid(struct trn_str s)
{
    for (size_t at = 0; at < s.n;) {
        size_t len = plain_run(s, at);
        if (len == 0 && decode(s, at, &len) == NOT_UTF8)
            return false;
        at += len;
    }
    return true;
}

void trn_html_text(struct trn_buf *out, struct trn_str s)
{
    static const char *const marks[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
    };
    for (size_t i = 0; i < s.n; i++) {
        const char *mark = marks[(unsigned char)s.p[i]];
        if (mark)
            trn_put_c(out, mark);
        else
            trn_put(out, &s.p[i], 1);
    }
}
