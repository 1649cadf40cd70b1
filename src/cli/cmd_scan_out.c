/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: JSON written by hand, piece by piece, so that a scan of many files needs no memory for all of them.
 * Must not: know what is written.
 */
#include "cli/scan.h"

#define OUT_MAX ((size_t)64 << 20)

void trn_out_init(struct trn_out *o, FILE *f)
{
    *o = (struct trn_out){.f = f};
    trn_buf_init(&o->b, OUT_MAX);
}

void trn_out_done(struct trn_out *o)
{
    trn_buf_done(&o->b);
}

void trn_out_flush(struct trn_out *o, size_t from)
{
    if (o->b.n < from)
        return;
    /* The last byte stays: it says whether a comma is owed. */
    if (from && o->b.n > 1) {
        char last = o->b.p[o->b.n - 1];
        (void)fwrite(o->b.p, 1, o->b.n - 1, o->f);
        trn_buf_clear(&o->b);
        trn_put(&o->b, &last, 1);
    } else {
        trn_print(o->f, &o->b);
    }
}

void trn_out_comma(struct trn_buf *b)
{
    size_t n = b->n;
    while (n && b->p[n - 1] == '\n')
        n--;
    char last = n ? b->p[n - 1] : '[';
    if (last != '{' && last != '[' && last != ':')
        trn_put_c(b, ",");
}

void trn_out_key(struct trn_buf *b, const char *key)
{
    trn_out_comma(b);
    trn_put_fmt(b, "\"%s\":", key);
}

void trn_out_str(struct trn_buf *b, const char *key, struct trn_str s)
{
    trn_out_key(b, key);
    (void)trn_json_str(b, s);
}

void trn_out_c(struct trn_buf *b, const char *key, const char *s)
{
    trn_out_str(b, key, trn_str_of(s));
}

void trn_out_u64(struct trn_buf *b, const char *key, uint64_t v)
{
    trn_out_key(b, key);
    trn_put_fmt(b, "%llu", (unsigned long long)v);
}

void trn_out_bool(struct trn_buf *b, const char *key, bool v)
{
    trn_out_key(b, key);
    trn_put_c(b, v ? "true" : "false");
}

void trn_out_hex(struct trn_buf *b, const char *key, struct trn_str raw)
{
    trn_out_key(b, key);
    if (trn_str_is_none(raw)) {
        trn_put_c(b, "null");
        return;
    }
    trn_put_c(b, "\"");
    trn_put_hex(b, raw.p, raw.n);
    trn_put_c(b, "\"");
}

void trn_out_name(struct trn_buf *b, const char *key, struct trn_str raw)
{
    char hex[64];
    trn_out_str(b, key, raw);
    if (trn_str_is_none(raw) || trn_utf8_valid(raw))
        return;
    (void)snprintf(hex, sizeof(hex), "%s_hex", key);
    trn_out_hex(b, hex, raw);
}

void trn_put_count(struct trn_buf *b, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            trn_put_c(b, ",");
        trn_put(b, &digits[i], 1);
    }
}
