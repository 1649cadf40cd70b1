/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the questions asked of a sealed set. Must not: change it; it is shared.
 */
#include "detect/indicator/set.h"

#define LABELS_MAX 128

static bool answer(const struct trn_indicators *x, const struct trn_ind_entry *e, struct trn_indicator *ret)
{
    if (!e)
        return false;
    if (ret) {
        ret->kind = (enum trn_indicator_kind)e->kind;
        ret->value = trn_entry_value(x, e);
        ret->note = e->note_n ? (struct trn_str){x->blob.p + e->note, e->note_n} : TRN_STR_NONE;
    }
    return true;
}

bool trn_indicators_sha256(const struct trn_indicators *x, const uint8_t hash[TRN_SHA256_SIZE],
                           struct trn_indicator *ret)
{
    uint64_t probes = 0;
    struct trn_str key = {(const char *)hash, TRN_SHA256_SIZE};
    return answer(x, trn_indicators_probe(x, TRN_IND_SHA256, key, &probes), ret);
}

bool trn_indicators_domain(const struct trn_indicators *x, struct trn_str name, struct trn_indicator *ret)
{
    char lower[TRN_DOMAIN_MAX + 1];
    size_t n;
    uint64_t probes = 0;
    if (!trn_domain_normal(name, lower, &n))
        return false;
    struct trn_str rest = {lower, n};
    for (int i = 0; i < LABELS_MAX && rest.n; i++) {
        const struct trn_ind_entry *e = trn_indicators_probe(x, TRN_IND_DOMAIN, rest, &probes);
        if (e)
            return answer(x, e, ret);
        ptrdiff_t dot = trn_str_find(rest, '.');
        if (dot < 0)
            break;
        rest = trn_str_slice(rest, (size_t)dot + 1, rest.n);
    }
    return false;
}

bool trn_indicators_ip(const struct trn_indicators *x, const uint8_t *address, uint8_t family,
                       struct trn_indicator *ret)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint64_t probes = 0;
    if (family != 4 && family != 6)
        return false;
    /* ::ffff:10.0.0.1 is how an IPv6 socket speaks to 10.0.0.1. */
    if (family == 6 && !memcmp(address, mapped, sizeof(mapped)) && trn_indicators_ip(x, address + 12, 4, ret))
        return true;
    /* The narrowest match tells most, so from the longest prefix down. */
    for (int prefix = family == 4 ? 32 : 128; prefix > 0; prefix--) {
        struct trn_ip_key key = {.family = family};
        if (!x->prefixes[family == 6][prefix])
            continue;
        memcpy(key.address, address, family == 4 ? 4 : 16);
        trn_ip_mask(&key, (uint8_t)prefix);
        struct trn_str bytes = {(const char *)&key, sizeof(key)};
        const struct trn_ind_entry *e = trn_indicators_probe(x, TRN_IND_IP, bytes, &probes);
        if (e)
            return answer(x, e, ret);
    }
    return false;
}

bool trn_indicators_url(const struct trn_indicators *x, struct trn_str url, struct trn_indicator *ret)
{
    TRN_AUTO(trn_buf_done) struct trn_buf normal;
    const char *why;
    uint64_t probes = 0;
    trn_buf_init(&normal, TRN_INDICATOR_VALUE_MAX * 2);
    if (trn_indicator_normal(TRN_IND_URL, url, &normal, &why))
        return false;
    return answer(x, trn_indicators_probe(x, TRN_IND_URL, trn_buf_str(&normal), &probes), ret);
}

uint64_t trn_indicators_probe_sha256(const struct trn_indicators *x, const uint8_t hash[TRN_SHA256_SIZE])
{
    uint64_t probes = 0;
    (void)trn_indicators_probe(x, TRN_IND_SHA256, (struct trn_str){(const char *)hash, TRN_SHA256_SIZE}, &probes);
    return probes;
}
