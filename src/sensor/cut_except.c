/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: addresses that stay reachable, as rows of the kernel's table of prefixes. Pure. Must not touch a map.
 */
#include "sensor/cut_internal.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void clear_behind(uint8_t *address, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        address[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
}

bool trn_cut_except_key(uint32_t rule, const struct trn_cut_host *h, struct trn_cut_except_key *ret)
{
    struct trn_cut_except_key k = {.rule = (uint8_t)(rule % TRN_CUT_NUMBERS), .family = h->family};
    unsigned prefix = h->prefix;

    if ((h->family != 4 && h->family != 6) || prefix > (h->family == 4 ? 32u : 128u))
        return false;
    memcpy(k.address, h->address, h->family == 4 ? 4 : 16);
    if (h->family == 6 && prefix >= 96 && memcmp(k.address, mapped, sizeof(mapped)) == 0) {
        memmove(k.address, k.address + 12, 4);
        memset(k.address + 4, 0, 12);
        k.family = 4;
        prefix -= 96;
    }
    clear_behind(k.address, prefix);
    k.bits = TRN_CUT_EXCEPT_HEAD_BITS + prefix;
    *ret = k;
    return true;
}

static bool contains(const struct trn_cut_except_key *wide, const struct trn_cut_except_key *narrow)
{
    uint8_t cut[16];

    if (wide->family != narrow->family || wide->bits > narrow->bits)
        return false;
    memcpy(cut, narrow->address, sizeof(cut));
    clear_behind(cut, wide->bits - TRN_CUT_EXCEPT_HEAD_BITS);
    return memcmp(cut, wide->address, sizeof(cut)) == 0;
}

bool trn_cut_host_is_good(const struct trn_cut_host *h)
{
    struct trn_cut_except_key k;

    return trn_cut_except_key(0, h, &k);
}

bool trn_cut_host_has(const struct trn_cut_host *h, const struct trn_cut_host *one)
{
    struct trn_cut_except_key wide, narrow;

    return trn_cut_except_key(0, h, &wide) && trn_cut_except_key(0, one, &narrow) && contains(&wide, &narrow) &&
           (h->port == 0 || h->port == one->port);
}

static bool has_port(const struct trn_cut_except *e, uint16_t port)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->ports[i] == port)
            return true;
    }
    return false;
}

void trn_cut_except_fold(const struct trn_cut_except_key *key, const struct trn_cut_host *all, size_t n,
                         struct trn_cut_except *ret)
{
    struct trn_cut_except e = {0};

    for (size_t i = 0; i < n && e.n != TRN_CUT_ANY_PORT; i++) {
        struct trn_cut_except_key one;

        if (!trn_cut_except_key(key->rule, &all[i], &one) || !contains(&one, key))
            continue;
        if (all[i].port == 0)
            e.n = TRN_CUT_ANY_PORT;
        else if (e.n < TRN_CUT_PORTS && !has_port(&e, all[i].port))
            e.ports[e.n++] = all[i].port;
    }
    *ret = e;
}
