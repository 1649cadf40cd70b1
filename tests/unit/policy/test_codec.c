/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a policy survive its bytes, and does turncoatd refuse bytes that a captured worker could send? */
#include "policy/policy.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_policy *p, *q;
static struct trn_buf bytes;

static void set_up(void)
{
    p = malloc(sizeof *p);
    q = malloc(sizeof *q);
    cr_assert(p && q);
    trn_policy_default(p);
    p->protect = true;
    p->fail_closed = true;
    p->hold_new = true;
    p->n_rules = 2;
    snprintf(p->rules[0].check, TRN_POLICY_TEXT, "behaviour.*");
    snprintf(p->rules[0].name, TRN_POLICY_TEXT, "acme-softphone");
    snprintf(p->rules[0].version, TRN_POLICY_TEXT, "1.1");
    p->rules[0].acts = 1u << TRN_RESPOND_ISOLATE;
    p->rules[0].score = 100;
    p->rules[0].seconds = 3600;
    p->rules[0].except = (struct trn_policy_hosts){.first = 1, .n = 1};
    p->rules[0].line = 4;
    p->rules[1].acts = 1u << TRN_RESPOND_KILL;
    p->rules[1].fail_closed = true;
    p->n_hosts = 2;
    snprintf(p->hosts[0].text, TRN_POLICY_HOST, "10.0.0.1");
    snprintf(p->hosts[1].text, TRN_POLICY_HOST, "pbx.acme.test");
    p->hosts[1].port = 5060;
    p->manager = (struct trn_policy_hosts){.first = 0, .n = 1};
    p->n_mounts = 1;
    snprintf(p->mounts[0], TRN_POLICY_PATH, "/home");
    p->n_vital = 1;
    snprintf(p->vital[0], TRN_POLICY_PATH, "/usr/bin/acme");
    trn_buf_init(&bytes, TRN_POLICY_WORDS);
}

static void tear_down(void)
{
    trn_buf_done(&bytes);
    free(p);
    free(q);
}

TestSuite(policy_codec, .init = set_up, .fini = tear_down);

static int decode(size_t n)
{
    struct trn_cursor in = trn_cur(bytes.p, n);
    return trn_policy_decode(&in, q);
}

static int round_trip(void)
{
    trn_buf_clear(&bytes);
    trn_policy_encode(p, &bytes);
    cr_assert_not(bytes.bad);
    return decode(bytes.n);
}

Test(policy_codec, the_same_comes_back)
{
    cr_assert_eq(round_trip(), 0);
    cr_expect_eq(memcmp(p, q, sizeof *p), 0);
}

Test(policy_codec, cut_at_every_byte)
{
    cr_assert_eq(round_trip(), 0);
    for (size_t n = 0; n < bytes.n; n++) {
        cr_expect_eq(decode(n), -EPROTO, "%zu", n);
        cr_expect(!q->protect && q->n_rules == 0, "what is refused leaves nothing behind");
    }
    trn_put_u8(&bytes, 0);
    cr_expect_eq(decode(bytes.n), -EPROTO, "a byte left over");
}

Test(policy_codec, nothing_out_of_range)
{
    cr_assert_eq(round_trip(), 0);
#define REFUSED(change, back)                         \
    do {                                              \
        change;                                       \
        cr_expect_eq(round_trip(), -EPROTO, #change); \
        back;                                         \
    } while (0)
    struct trn_policy_rule *r = &p->rules[0];
    REFUSED(r->acts = 0, );
    REFUSED(r->acts = 1u << TRN_RESPOND_ISOLATE_HOST, );
    REFUSED(r->acts = 1u << TRN_RESPOND_REMOVE, r->acts = 1u << TRN_RESPOND_ISOLATE);
    REFUSED(r->score = 101, r->score = 0);
    REFUSED(r->stage = TRN_STAGE_MAX + 1, r->stage = 0);
    REFUSED(r->stages = TRN_STAGE_MAX + 1, r->stages = 0);
    REFUSED(r->verdict = TRN_VERDICT_MAX, r->verdict = 0);
    REFUSED(r->seconds = TRN_RESPOND_MAX_SEC + 1ull, r->seconds = 0);
    REFUSED(r->except.n = 2, r->except.n = 1);
    REFUSED(r->except.first = 65535, r->except.first = 1);
    REFUSED(r->name[0] = 0, r->name[0] = 'a'); /* a version of nothing */
    REFUSED(p->manager.n = 3, p->manager.n = 1);
    REFUSED(p->hold_ms = 0, p->hold_ms = 1500);
    REFUSED(p->deadline_ms = 60001, p->deadline_ms = 1500);
    REFUSED(p->kills_per_minute = 1u << 30, p->kills_per_minute = 1);
    REFUSED(p->vital[0][0] = 'x', p->vital[0][0] = '/');
    REFUSED(p->mounts[0][0] = 0, p->mounts[0][0] = '/');
    REFUSED(p->hosts[0].text[0] = 0, p->hosts[0].text[0] = '1');
    cr_expect_eq(round_trip(), 0);
}

Test(policy_codec, counts_past_the_arrays_are_refused)
{
    cr_assert_eq(round_trip(), 0);
    for (size_t at = 2 + 5 * 4; at < 2 + 9 * 4; at += 4) { /* n_rules, n_hosts, n_mounts, n_vital */
        char before = bytes.p[at];
        bytes.p[at] = 127;
        cr_expect_eq(decode(bytes.n), -EPROTO);
        bytes.p[at] = before;
    }
    cr_expect_eq(decode(bytes.n), 0);
}
