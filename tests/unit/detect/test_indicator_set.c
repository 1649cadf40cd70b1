/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are indicators found, exactly, at a cost that does not grow with their number? */
#include "detect/indicator/set.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static void add(struct trn_indicators *x, enum trn_indicator_kind kind, const char *value, const char *note)
{
    struct trn_indicator i = {kind, trn_str_of(value), trn_str_of(note)};
    cr_assert_eq(trn_indicators_add(x, &i), 0, "%s", value);
}

static struct trn_indicators *small(bool reverse)
{
    static const struct {
        enum trn_indicator_kind kind;
        const char *value, *note;
    } table[] = {
        {TRN_IND_SHA256, "5e1f00000000000000000000000000000000000000000000000000000000abcd", "helper"},
        {TRN_IND_DOMAIN, "evil.example", "C2"},
        {TRN_IND_DOMAIN, "evil.example", "C2 again"},
        {TRN_IND_DOMAIN, "evil.example", NULL},
        {TRN_IND_IP, "10.9.0.5", NULL},
        {TRN_IND_IP, "10.8.0.0/16", "net"},
        {TRN_IND_IP, "10.8.7.0/24", "smaller net"},
        {TRN_IND_IP, "2001:db8::/32", NULL},
        {TRN_IND_URL, "http://bad.example/a", "page"},
    };
    struct trn_indicators *x;
    cr_assert_eq(trn_indicators_new(&x), 0);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        size_t k = reverse ? TRN_ARRAY_SIZE(table) - 1 - i : i;
        add(x, table[k].kind, table[k].value, table[k].note);
    }
    cr_assert_eq(trn_indicators_seal(x), 0);
    return x;
}

static bool ip(const struct trn_indicators *x, const char *text, struct trn_indicator *ret)
{
    uint8_t a[16];
    bool six = strchr(text, ':');
    cr_assert_eq(inet_pton(six ? AF_INET6 : AF_INET, text, a), 1);
    return trn_indicators_ip(x, a, six ? 6 : 4, ret);
}

Test(indicator_set, lookups)
{
    struct trn_indicators *x = small(false);
    struct trn_indicator i;
    uint8_t hash[32] = {0x5e, 0x1f};
    hash[30] = 0xab;
    hash[31] = 0xcd;
    cr_assert_eq(trn_indicators_count(x), 7);
    cr_assert(trn_indicators_sha256(x, hash, &i) && trn_str_eq_c(i.note, "helper"));
    hash[0]++;
    cr_assert(!trn_indicators_sha256(x, hash, &i));
    cr_assert(trn_indicators_domain(x, TRN_STR("EVIL.example."), &i) && trn_str_eq_c(i.note, "C2"));
    cr_assert(trn_indicators_domain(x, TRN_STR("a.b.evil.example"), &i));
    cr_assert(!trn_indicators_domain(x, TRN_STR("notevil.example"), &i));
    cr_assert(!trn_indicators_domain(x, TRN_STR("example"), &i));
    cr_assert(!trn_indicators_domain(x, TRN_STR(""), &i));
    cr_assert(ip(x, "10.9.0.5", &i) && !ip(x, "10.9.0.6", &i));
    cr_assert(ip(x, "10.8.7.1", &i) && trn_str_eq_c(i.note, "smaller net"), "the narrowest says most");
    cr_assert(ip(x, "10.8.255.255", &i) && trn_str_eq_c(i.note, "net"));
    cr_assert(!ip(x, "10.7.255.255", &i));
    cr_assert(ip(x, "2001:db8:1::1", &i) && !ip(x, "2001:db9::1", &i));
    cr_assert(ip(x, "::ffff:10.9.0.5", &i), "an IPv6 socket to an IPv4 address");
    cr_assert(trn_indicators_url(x, TRN_STR("HTTP://bad.example:80/a#top"), &i));
    cr_assert(!trn_indicators_url(x, TRN_STR("http://bad.example/b"), &i));
    cr_assert(!trn_indicators_domain(x, TRN_STR("bad.example"), &i), "a page is not its host");
    cr_assert_eq(trn_indicators_add(x, &i), -EBUSY);
    trn_indicators_free(x);
}

Test(indicator_set, the_same_bytes_whatever_the_order)
{
    struct trn_indicators *a = small(false), *b = small(true), *c;
    struct trn_buf x, y, z;
    struct trn_err err;
    trn_buf_init(&x, 1 << 20);
    trn_buf_init(&y, 1 << 20);
    trn_buf_init(&z, 1 << 20);
    cr_assert_eq(trn_indicators_save(a, &x), 0);
    cr_assert_eq(trn_indicators_save(b, &y), 0);
    cr_assert(trn_str_eq(trn_buf_str(&x), trn_buf_str(&y)));
    cr_assert_eq(trn_indicators_load(trn_buf_str(&x), &c, &err), 0);
    cr_assert_eq(trn_indicators_save(c, &z), 0);
    cr_assert(trn_str_eq(trn_buf_str(&x), trn_buf_str(&z)));
    cr_assert(ip(c, "10.8.7.1", NULL));
    trn_indicators_free(c);
    for (size_t cut = 0; cut < x.n; cut++) {
        cr_assert_neq(trn_indicators_load(trn_str_slice(trn_buf_str(&x), 0, cut), &c, NULL), 0, "cut at %zu", cut);
    }
    trn_indicators_free(a);
    trn_indicators_free(b);
    trn_buf_done(&x);
    trn_buf_done(&y);
    trn_buf_done(&z);
}

static void hash_of(uint32_t i, uint8_t ret[32])
{
    for (uint32_t k = 0; k < 4; k++) {
        uint64_t h = trn_hash64_mix(i, k);
        memcpy(ret + 8 * k, &h, 8);
    }
}

/* Entries looked at per lookup, on average over 1000 that are there and 1000 that are not, in thousandths. */
static uint64_t probes(uint32_t count, size_t *ret_bytes)
{
    struct trn_indicators *x;
    uint64_t sum = 0;
    cr_assert_eq(trn_indicators_new(&x), 0);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t hash[32];
        hash_of(i, hash);
        cr_assert_eq(trn_indicators_put(x, TRN_IND_SHA256, (struct trn_str){(const char *)hash, 32}, TRN_STR_NONE), 0);
    }
    cr_assert_eq(trn_indicators_seal(x), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t there[32], not_there[32];
        hash_of(i % count, there);
        hash_of(count + i, not_there);
        cr_assert(trn_indicators_sha256(x, there, NULL) && !trn_indicators_sha256(x, not_there, NULL));
        sum += trn_indicators_probe_sha256(x, there) + trn_indicators_probe_sha256(x, not_there);
    }
    *ret_bytes = trn_indicators_bytes(x);
    trn_indicators_free(x);
    return sum / 2;
}

Test(indicator_set, a_lookup_among_a_million_costs_what_it_costs_among_ten, .timeout = 60)
{
    size_t bytes;
    uint64_t ten = probes(10, &bytes), million = probes(1000000, &bytes);
    cr_assert_leq(million, 2000, "%llu thousandths of a probe", (unsigned long long)million);
    cr_assert_leq(million, ten * 2, "%llu against %llu", (unsigned long long)million, (unsigned long long)ten);
    cr_assert_leq(bytes / 1000000, 80, "%zu bytes an indicator", bytes / 1000000);
}
