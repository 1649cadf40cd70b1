/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Isolating the host: are the messages to the kernel whole and bounded, are its answers read with care, and does the
 * kernel take all of a batch or nothing? What is done to packets: tests/live/test_isolate_host.py.
 */
#include "response/execute/host.h"

#include <criterion/criterion.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <sched.h>
#include <unistd.h>

static const struct trn_act_host manager = {4, 32, 8443, {10, 9, 0, 5}};

/* ---- batches ---- */

Test(host, a_batch_is_messages_in_order_of_which_the_last_is_acknowledged)
{
    struct trn_nft_batch b;
    struct trn_str bytes;
    cr_assert_eq(trn_nft_batch_init(&b, TRN_HOST_TABLE), 0);
    trn_host_rules(&b, &manager, 1, 602000);
    cr_assert_eq(trn_nft_batch_close(&b, &bytes), 0);
    struct trn_cursor c = trn_cur_of(bytes);
    uint32_t n = 0, acknowledged = 0;
    while (trn_cur_left(&c)) {
        size_t at = c.at;
        uint32_t len = trn_cur_u32le(&c);
        uint16_t type = trn_cur_u16le(&c), flags = trn_cur_u16le(&c);
        uint32_t sequence = trn_cur_u32le(&c);
        bool frame = type == 0x10 || type == 0x11;
        cr_assert_eq(sequence, frame ? 0 : ++n, "message at %zu", at);
        cr_assert_eq(frame, at == 0 || at + len == bytes.n);
        if (flags & NLM_F_ACK)
            acknowledged = sequence;
        trn_cur_seek(&c, at + NLMSG_ALIGN(len));
        cr_assert_not(c.bad);
    }
    cr_expect_eq(n, b.n_messages);
    cr_expect_eq(acknowledged, n);
    trn_nft_batch_done(&b);
}

Test(host, as_many_hosts_as_a_request_has_fit_into_a_batch)
{
    struct trn_act_host hosts[TRN_ACT_HOSTS];
    struct trn_nft_batch b;
    struct trn_str bytes;
    for (unsigned i = 0; i < TRN_ACT_HOSTS; i++)
        hosts[i] = (struct trn_act_host){6, 100, (uint16_t)(1000 + i), {0x20, 1, 0xd, 0xb8}};
    cr_assert_eq(trn_nft_batch_init(&b, TRN_HOST_TABLE), 0);
    trn_host_rules(&b, hosts, TRN_ACT_HOSTS, 0);
    cr_expect_eq(trn_nft_batch_close(&b, &bytes), 0);
    trn_nft_batch_done(&b);
}

Test(host, a_batch_that_grows_too_large_is_refused_not_cut)
{
    struct trn_nft_batch b;
    struct trn_str bytes;
    cr_assert_eq(trn_nft_batch_init(&b, TRN_HOST_TABLE), 0);
    for (unsigned i = 0; i <= TRN_NFT_MESSAGES_MAX; i++)
        trn_nft_put_counter(&b, "counter");
    cr_expect_eq(trn_nft_batch_close(&b, &bytes), -E2BIG);
    trn_nft_batch_done(&b);
}

Test(host, a_batch_without_a_message_is_none)
{
    struct trn_nft_batch b;
    struct trn_str bytes;
    cr_assert_eq(trn_nft_batch_init(&b, TRN_HOST_TABLE), 0);
    cr_expect_eq(trn_nft_batch_close(&b, &bytes), -E2BIG);
    trn_nft_batch_done(&b);
}

/* ---- answers ---- */

static void put_message(struct trn_buf *b, uint16_t type, uint16_t flags, uint32_t sequence, struct trn_str body)
{
    trn_put_u32(b, (uint32_t)(16 + body.n));
    trn_put_u16(b, type);
    trn_put_u16(b, flags);
    trn_put_u32(b, sequence);
    trn_put_u32(b, 0);
    trn_put_str(b, body);
}

static const char refusal[] = "\xfe\xff\xff\xff"                             /* ENOENT */
                              "\x24\0\0\0\x06\x0a\x05\x0c\x02\0\0\0\0\0\0\0" /* of what was asked */
                              "\x0b\0\x01\0no way\0\0";                      /* and why */
static const char object[] = "\x01\0\0\0"                                    /* family inet */
                             "\x0a\0\x02\0tried\0\0\0"                       /* name */
                             "\x1c\0\x04\x80\x0c\0\x01\0\0\0\0\0\0\0\0\x54\x0c\0\x02\0\0\0\0\0\0\0\0\x03"; /* counter */

Test(host, a_refusal_is_read_with_its_reason)
{
    struct trn_nft_answer a;
    struct trn_buf b;
    trn_buf_init(&b, 1000);
    put_message(&b, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 7, (struct trn_str){refusal, sizeof refusal - 1});
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_nft_answer_next(&c, &a), 0);
    cr_expect_eq(a.code, -ENOENT);
    cr_expect_eq(a.sequence, 7);
    cr_expect(trn_str_eq_c(a.note, "no way"));
    cr_expect_eq(trn_nft_answer_next(&c, &a), -ENODATA);
    trn_buf_done(&b);
}

Test(host, a_counter_is_read)
{
    struct trn_nft_answer a;
    struct trn_buf b;
    trn_buf_init(&b, 1000);
    put_message(&b, 0xa00 | NFT_MSG_NEWOBJ, 0, 7, (struct trn_str){object, sizeof object - 1});
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_nft_answer_next(&c, &a), 0);
    cr_expect(a.has_packets);
    cr_expect_eq(a.packets, 3);
    cr_expect(trn_str_eq_c(a.name, "tried"));
    trn_buf_done(&b);
}

Test(host, no_part_of_an_answer_is_taken_for_one)
{
    struct trn_nft_answer a;
    struct trn_buf b;
    trn_buf_init(&b, 1000);
    put_message(&b, 0xa00 | NFT_MSG_NEWOBJ, 0, 7, (struct trn_str){object, sizeof object - 1});
    for (size_t n = 1; n < b.n; n++) {
        struct trn_cursor c = trn_cur(b.p, n);
        cr_expect_eq(trn_nft_answer_next(&c, &a), -EBADMSG, "%zu bytes", n);
        cr_expect_eq(trn_nft_answer_next(&c, &a), -EBADMSG, "%zu bytes, again", n);
    }
    trn_buf_done(&b);
}

Test(host, an_error_that_is_none_is_refused)
{
    static const char positive[20] = {1};
    struct trn_nft_answer a;
    struct trn_buf b;
    trn_buf_init(&b, 1000);
    put_message(&b, NLMSG_ERROR, 0, 7, (struct trn_str){positive, sizeof positive});
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    cr_expect_eq(trn_nft_answer_next(&c, &a), -EBADMSG);
    trn_buf_done(&b);
}

/* ---- requests ---- */

Test(host, the_port_says_what_a_host_is_for)
{
    static const struct {
        struct trn_act_host h;
        enum trn_host_role role;
        const char *text;
    } cases[] = {
        {{4, 32, 0, {10, 9, 0, 5}}, TRN_HOST_ANY, "10.9.0.5"},
        {{4, 24, 22, {10, 9, 0, 0}}, TRN_HOST_ADMIN, "10.9.0.0/24:22"},
        {{6, 128, 53, {0xfd, 0, 0, 9, [15] = 9}}, TRN_HOST_DNS, "[fd00:9::9]:53"},
        {{6, 64, 8443, {0xfd, 0, 0, 9}}, TRN_HOST_MANAGER, "[fd00:9::]/64:8443"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_buf b;
        trn_buf_init(&b, 100);
        trn_host_put(&b, &cases[i].h);
        cr_expect(trn_str_eq_c(trn_buf_str(&b), cases[i].text), "%s", cases[i].text);
        cr_expect_eq(trn_host_role_of(&cases[i].h), cases[i].role, "%s", cases[i].text);
        cr_expect_eq(trn_host_check(&cases[i].h, NULL), 0, "%s", cases[i].text);
        trn_buf_done(&b);
    }
}

Test(host, what_is_no_isolation_of_this_host_is_refused)
{
    static const struct trn_act_host all = {4, 0, 443, {0}}, wrong = {5, 32, 443, {0}}, wide = {4, 33, 443, {0}};
    const struct trn_act_tools scoped = {.scope_cgroup = "/sys/fs/cgroup/test"};
    const struct {
        struct trn_act_request q;
        int code;
        const char *says;
    } cases[] = {
        {{.why = TRN_STR("it")}, -EPERM, "one cgroup only"}, /* the test itself stands in the machine's network */
        {{.hosts = &manager, .n_hosts = 1}, -EPERM, "one cgroup only"},
        {{.why = TRN_STR(" ")}, -EINVAL, "needs a reason"},
        {{.hosts = &manager, .n_hosts = 1, .flags = TRN_ACT_EXCEPT_ESTABLISHED}, -EINVAL, "that stand"},
        {{.hosts = &manager, .n_hosts = 1, .target = TRN_TARGET_PATH}, -EINVAL, "target"},
        {{.hosts = &manager, .n_hosts = 1, .seconds = 86401}, -EINVAL, "who confirms"},
        {{.hosts = &all, .n_hosts = 1}, -EINVAL, "no isolation"},
        {{.hosts = &wrong, .n_hosts = 1}, -EINVAL, "family"},
        {{.hosts = &wide, .n_hosts = 1}, -EINVAL, "/33"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_err err = {0};
        struct trn_act a = {.q = cases[i].q};
        struct trn_buf b;
        trn_buf_init(&b, 4096);
        cr_expect_eq(trn_act_host.plan(&scoped, &cases[i].q, &b, &err), cases[i].code, "%zu: %s", i, err.message);
        cr_expect(strstr(err.message, cases[i].says), "%zu: %s", i, err.message);
        cr_expect_eq(trn_act_host.act(&scoped, &a, &b, &err), cases[i].code, "%zu", i);
        cr_expect_null(a.live);
        trn_buf_done(&b);
    }
}

Test(host, what_was_not_confirmed_is_not_resumed)
{
    const struct trn_act_tools t = {0};
    struct trn_act a = {.q = {.hosts = &manager, .n_hosts = 1}, .until_wall_ns = trn_wall_ns() + TRN_NS_PER_SEC};
    cr_expect_eq(trn_act_host.resume(&t, &a, NULL), -ECANCELED);
    cr_expect_null(a.live);
}

/* ---- the kernel, in a network namespace of this test ---- */

static void own_network(void)
{
    if (geteuid() != 0)
        cr_skip("a network namespace of its own needs root");
    if (unshare(CLONE_NEWNET) < 0)
        cr_skip("no network namespace of its own here: %s", trn_errno_name(-errno));
}

static struct trn_nft *opened(void)
{
    struct trn_err err = {0};
    struct trn_nft *n = NULL;
    cr_assert_eq(trn_nft_open(&n, &err), 0, "%s", err.message);
    return n;
}

static struct trn_nft_table found(struct trn_nft *n, const char *name)
{
    struct trn_nft_table table = {0};
    struct trn_err err = {0};
    cr_assert_eq(trn_nft_find_table(n, name, &table, &err), 0, "%s", err.message);
    return table;
}

static int commit(struct trn_nft *n, const char *table, bool owner, const char *rule_in, struct trn_err *err)
{
    struct trn_nft_batch b;
    cr_assert_eq(trn_nft_batch_init(&b, table), 0);
    trn_nft_put_table(&b, owner);
    trn_nft_put_chain(&b, "first");
    if (rule_in) {
        trn_nft_rule_begin(&b, rule_in, "in the middle");
        trn_nft_rule_verdict(&b, TRN_NFT_DROP, NULL);
        trn_nft_rule_end(&b);
    }
    trn_nft_put_counter(&b, "behind");
    int r = trn_nft_commit(n, &b, err);
    trn_nft_batch_done(&b);
    return r;
}

Test(host, a_refusal_in_the_middle_leaves_nothing_behind)
{
    own_network();
    struct trn_nft *n = opened();
    struct trn_err err = {0};
    cr_expect_eq(commit(n, "test", true, "nowhere", &err), -ENOENT);
    cr_expect(strstr(err.message, "rule 'in the middle' of 'nowhere'"), "%s", err.message);
    cr_expect_not(found(n, "test").there);
    cr_expect_eq(commit(n, "test", true, "first", &err), 0, "the same socket, after a refusal: %s", err.message);
    cr_expect(found(n, "test").own);
    trn_nft_close(n);
}

Test(host, a_table_dies_with_the_socket_that_owns_it)
{
    own_network();
    struct trn_nft *n = opened(), *other = opened();
    cr_assert_eq(commit(n, "test", true, NULL, NULL), 0);
    cr_expect(found(n, "test").own);
    cr_expect(found(other, "test").there);
    cr_expect_not(found(other, "test").own);
    trn_nft_close(n);
    cr_expect_not(found(other, "test").there);
    trn_nft_close(other);
}

Test(host, another_ones_table_is_left_alone)
{
    own_network();
    const struct trn_act_tools scoped = {.scope_cgroup = "/sys/fs/cgroup/test"};
    struct trn_act a = {.q = {.hosts = &manager, .n_hosts = 1}, .arena = trn_arena_new(0)};
    struct trn_nft *n = opened();
    struct trn_err err = {0};
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    cr_assert_eq(commit(n, TRN_HOST_TABLE, false, NULL, NULL), 0);
    cr_expect_eq(trn_act_host.plan(&scoped, &a.q, &b, &err), -EEXIST);
    cr_expect_eq(trn_act_host.act(&scoped, &a, &b, &err), -EEXIST);
    cr_expect(strstr(err.message, "nobody owns it"), "%s", err.message);
    cr_expect_eq(trn_act_host.undo(&scoped, &a, &b, &err), -EBUSY);
    cr_expect(found(n, TRN_HOST_TABLE).there);
    trn_act_host.done(&a);
    trn_arena_free(a.arena);
    trn_buf_done(&b);
    trn_nft_close(n);
}
