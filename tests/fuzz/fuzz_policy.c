/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the policy: what the parser takes must survive its own bytes, what it refuses must say why; and whatever the
 * decoder takes must be in range and come out the same when it is packed again. First byte: 'y' a file, 'a' a file of
 * accepted changes, 'b' bytes of such a list, else bytes.
 */
#include "policy/accept.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct trn_policy *p)
{
    struct trn_policy_wish w;
    const struct trn_policy_case c = {.check = TRN_STR("behaviour.beacon"), .score = 100, .stages = ~0u};
    assert(p->n_rules <= TRN_POLICY_RULES && p->n_hosts <= TRN_POLICY_HOSTS && p->n_mounts <= TRN_POLICY_MOUNTS &&
           p->n_vital <= TRN_POLICY_VITAL);
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const struct trn_policy_rule *r = &p->rules[i];
        assert(r->acts && !(r->acts & ~TRN_POLICY_ACTS) && r->seconds <= TRN_RESPOND_MAX_SEC && r->score <= 100);
        assert(r->except.first + r->except.n <= p->n_hosts);
    }
    trn_policy_match(p, &c, &w);
    assert(p->protect || !w.any);
}

static void packed(const struct trn_policy *p, struct trn_policy *q)
{
    struct trn_buf b;
    trn_buf_init(&b, TRN_POLICY_WORDS);
    trn_policy_encode(p, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    assert(!b.bad && trn_policy_decode(&in, q) == 0);
    trn_buf_done(&b);
}

static void accepted(const struct trn_accept_list *a, struct trn_accept_list *again)
{
    struct trn_buf b;
    trn_buf_init(&b, TRN_POLICY_WORDS);
    trn_accept_encode(a, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    assert(b.bad || trn_accept_decode(&in, again) == 0);
    for (uint32_t i = 0; i < a->n; i++)
        assert(a->entries[i].check[0] && a->entries[i].path[0] && a->entries[i].reason[0] &&
               a->entries[i].expires <= TRN_ACCEPT_DAYS_MAX);
    trn_buf_done(&b);
}

static void accepts(const uint8_t *data, size_t size)
{
    struct trn_accept_list *a = calloc(2, sizeof *a);
    struct trn_policy_error err = {0};
    if (!a)
        abort();
    struct trn_cursor in = trn_cur(data + 1, size - 1);
    if (data[0] == 'b') {
        if (trn_accept_decode(&in, a) == 0)
            accepted(a, a + 1);
    } else if (trn_accept_parse((struct trn_str){(const char *)data + 1, size - 1}, a, &err) == 0) {
        accepted(a, a + 1);
    } else {
        assert(err.message[0]);
    }
    free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_policy_error err = {0};
    if (size == 0)
        return 0;
    if (data[0] == 'a' || data[0] == 'b') {
        accepts(data, size);
        return 0;
    }
    struct trn_policy *p = calloc(2, sizeof *p);
    if (!p)
        abort();
    if (data[0] == 'y') {
        if (trn_policy_parse((struct trn_str){(const char *)data + 1, size - 1}, p, &err) == 0) {
            check(p);
            packed(p, p + 1);
        } else {
            assert(err.message[0]);
        }
    } else {
        struct trn_cursor in = trn_cur(data + 1, size - 1);
        if (trn_policy_decode(&in, p) == 0) {
            check(p);
            packed(p, p + 1);
        }
    }
    free(p);
    return 0;
}
