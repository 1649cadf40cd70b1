/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the compiled form of a set: "TRNI", version, count, then per entry kind, value and note in sorted order, so
 * that the same set gives the same bytes. Must not: trust them when they come back.
 */
#include "detect/indicator/set.h"

#define MAGIC 0x494e5254u /* "TRNI" */
#define SET_VERSION 1

int trn_indicators_save(const struct trn_indicators *x, struct trn_buf *out)
{
    if (!x->sealed)
        return -EINVAL;
    trn_put_u32(out, MAGIC);
    trn_put_u32(out, SET_VERSION);
    trn_put_u64(out, x->n);
    for (size_t i = 0; i < x->n; i++) {
        const struct trn_ind_entry *e = &x->entries[i];
        trn_put_u8(out, e->kind);
        trn_put_varint(out, e->value_n);
        trn_put_str(out, trn_entry_value(x, e));
        trn_put_varint(out, e->note_n);
        trn_put(out, x->blob.p + e->note, e->note_n);
    }
    return out->bad ? -ENOMEM : 0;
}

static bool fits(uint8_t kind, struct trn_str value)
{
    struct trn_ip_key ip;
    if (kind == TRN_IND_SHA256)
        return value.n == TRN_SHA256_SIZE;
    if (kind == TRN_IND_IP) {
        if (value.n != sizeof(ip))
            return false;
        memcpy(&ip, value.p, sizeof(ip));
        struct trn_ip_key masked = ip;
        trn_ip_mask(&masked, ip.prefix);
        return ip.prefix > 0 && ((ip.family == 4 && ip.prefix <= 32) || (ip.family == 6 && ip.prefix <= 128)) &&
               !memcmp(&masked, &ip, sizeof(ip));
    }
    return kind < TRN_IND_KIND_MAX && value.n > 0 && value.n <= TRN_INDICATOR_VALUE_MAX;
}

static int read_entry(struct trn_cursor *in, struct trn_indicators *x)
{
    uint8_t kind = trn_cur_u8(in);
    struct trn_str value = trn_cur_bytes(in, trn_cur_varint(in));
    struct trn_str note = trn_cur_bytes(in, trn_cur_varint(in));
    if (in->bad || !fits(kind, value) || note.n > TRN_INDICATOR_NOTE_MAX)
        return -EBADMSG;
    return trn_indicators_put(x, (enum trn_indicator_kind)kind, value, note);
}

static void freep(struct trn_indicators **x)
{
    *x = trn_indicators_free(*x);
}

int trn_indicators_load(struct trn_str bytes, struct trn_indicators **ret, struct trn_err *err)
{
    struct trn_cursor in = trn_cur_of(bytes);
    TRN_AUTO(freep) struct trn_indicators *x = NULL;
    uint32_t magic = trn_cur_u32le(&in), version = trn_cur_u32le(&in);
    uint64_t n = trn_cur_u64le(&in);
    if (in.bad || magic != MAGIC || version != SET_VERSION)
        return trn_fail(err, -EBADMSG, "cannot load the compiled indicators: not version %d of their format",
                        SET_VERSION);
    int r = trn_indicators_new(&x);
    for (uint64_t i = 0; !r && i < n; i++)
        r = read_entry(&in, x);
    if (!r && !trn_cur_end(&in))
        r = -EBADMSG;
    if (!r)
        r = trn_indicators_seal(x);
    if (r)
        return trn_fail(err, r, "cannot load the compiled indicators: %s", trn_errno_name(r));
    *ret = TRN_STEAL(x);
    return 0;
}
