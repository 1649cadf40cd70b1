/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a request to act read strictly, passed on whole and with the socket of whoever asks, and is turncoatd's answer told?
 * turncoatd is the other end of a socket pair: its answer lies there before it is asked.
 */
#include "engine/server_internal.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

struct stage {
    struct trn_request_env env;
    struct trn_buf out;
    int turncoatd, client;
    unsigned asked;  /* how often the main thread was */
    int32_t refusal; /* what it answers; 0: two ACT_FILES and the request */
};

static int live(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    struct stage *s = ctx;
    s->asked++;
    cr_assert_eq(ask, TRN_ASK_RESPOND);
    trn_put_u32(out, (uint32_t)s->refusal);
    trn_put_lstr(out, s->refusal ? TRN_STR("nothing runs of it") : TRN_STR_NONE);
    trn_put_lstr(out, s->refusal ? TRN_STR("look") : TRN_STR_NONE);
    trn_put_u32(out, s->refusal ? 0 : 2);
    if (s->refusal)
        return 0;
    trn_put_lstr(out, TRN_STR("files 1"));
    trn_put_lstr(out, TRN_STR("files 2"));
    trn_put_lstr(out, name);
    return 0;
}

static struct stage *stage_new(void)
{
    struct stage *s = calloc(1, sizeof *s);
    int pair[2], client[2];
    cr_assert(s && trn_ipc_pair(pair, 0) == 0 && pipe(client) == 0);
    s->env = (struct trn_request_env){.acts_fd = pair[0], .live = live, .ctx = s};
    s->turncoatd = pair[1];
    s->client = client[0];
    close(client[1]);
    trn_buf_init(&s->out, 1u << 20);
    return s;
}

static void stage_free(struct stage *s)
{
    close(s->env.acts_fd);
    close(s->turncoatd);
    close(s->client);
    trn_buf_done(&s->out);
    free(s);
}

static const char *ask(struct stage *s, bool may_act, const char *line)
{
    struct trn_request_client c = {.fd = s->client, .uid = 1000, .pid = 7, .may_act = may_act, .out = &s->out};
    trn_buf_clear(&s->out);
    trn_request(&s->env, &c, trn_str_of(line));
    return s->out.p ? s->out.p : "";
}

static void answer(struct stage *s, struct trn_act_answer a)
{
    struct trn_buf b;
    trn_buf_init(&b, 65536);
    trn_acted_encode(&a, &b);
    cr_assert_eq(trn_ipc_send(s->turncoatd, TRN_CH_ACTED, trn_buf_str(&b), NULL, 0), 0);
    trn_buf_done(&b);
}

#define ISOLATE                                                                                                    \
    "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"acme=1.1\",\"seconds\":60,"       \
    "\"story\":7,\"why\":\"odd\",\"except\":[{\"address\":\"10.9.0.5\",\"port\":443},{\"address\":\"2001:db8::\"," \
    "\"prefix\":32}]}"

Test(respond, passed_on_whole_with_the_clients_socket)
{
    struct stage *s = stage_new();
    char buf[TRN_IPC_MAX];
    struct trn_msg m;
    struct trn_act_request q;
    struct trn_arena *arena = trn_arena_new(1 << 20);
    struct stat ours, theirs;
    answer(s, (struct trn_act_answer){.job = 1, .id = 12, .plan = TRN_STR("refuse \"it\"\nabort 2 connections\n")});
    const char *said = ask(s, true, ISOLATE);
    cr_assert_str_eq(said, "{\"type\":\"respond\",\"respond\":{\"id\":12,\"plan\":[\"refuse \\\"it\\\"\",\"abort 2 "
                           "connections\"]}}\n{\"type\":\"end\"}\n");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(trn_ipc_recv(s->turncoatd, buf, sizeof buf, &m), 0);
        cr_expect(m.type == TRN_CH_ACT_FILES && m.n_fds == 0);
        trn_msg_done(&m);
    }
    cr_assert_eq(trn_ipc_recv(s->turncoatd, buf, sizeof buf, &m), 0);
    cr_assert(m.type == TRN_CH_ACT && m.n_fds == 1);
    cr_assert(fstat(m.fds[0], &theirs) == 0 && fstat(s->client, &ours) == 0 && theirs.st_ino == ours.st_ino);
    cr_assert_eq(trn_act_decode(&m.body, arena, &q), 0);
    cr_expect(q.act == TRN_RESPOND_ISOLATE && q.target == TRN_TARGET_SOFTWARE && trn_str_eq_c(q.text, "acme=1.1"));
    cr_expect(q.job == 1 && q.seconds == 60 && q.story == 7 && trn_str_eq_c(q.why, "odd") && trn_str_is_none(q.check));
    cr_assert_eq(q.n_hosts, 2);
    cr_expect(q.hosts[0].family == 4 && q.hosts[0].prefix == 32 && q.hosts[0].port == 443 &&
              q.hosts[0].address[1] == 9);
    cr_expect(q.hosts[1].family == 6 && q.hosts[1].prefix == 32 && q.hosts[1].port == 0);
    trn_msg_done(&m);
    trn_arena_free(arena);
    stage_free(s);
}

Test(respond, what_turncoatd_refuses_is_said)
{
    struct stage *s = stage_new();
    answer(s, (struct trn_act_answer){.job = 99, .id = 5}); /* to somebody who does not wait any more */
    answer(s, (struct trn_act_answer){
                  .job = 1, .code = -EPERM, .message = TRN_STR("init is vital"), .hint = TRN_STR("no")});
    const char *said = ask(s, true, ISOLATE);
    cr_assert_str_eq(said, "{\"type\":\"error\",\"message\":\"init is vital\",\"hint\":\"no\",\"code\":\"EPERM\"}\n");
    stage_free(s);
}

Test(respond, what_is_not_there_reaches_nobody)
{
    struct stage *s = stage_new();
    s->refusal = -ENOENT;
    const char *said = ask(s, true, ISOLATE);
    cr_assert(strstr(said, "nothing runs of it") && strstr(said, "ENOENT"), "%s", said);
    cr_assert_eq(send(s->env.acts_fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    char byte;
    cr_assert_eq(recv(s->turncoatd, &byte, 1, MSG_DONTWAIT), 0, "only our own empty packet came");
    stage_free(s);
}

Test(respond, who_may_not_act_is_told_at_once)
{
    struct stage *s = stage_new();
    const char *said = ask(s, false, ISOLATE);
    cr_assert(strstr(said, "EPERM") && strstr(said, "turncoat-respond") && s->asked == 0, "%s", said);
    stage_free(s);
}

Test(respond, what_makes_no_sense_asks_nobody)
{
    static const char *const lines[] = {
        "{\"ask\":\"respond\"}",
        "{\"ask\":\"respond\",\"act\":\"explode\"}",
        "{\"ask\":\"respond\",\"act\":\"kill\",\"target\":\"entity\",\"text\":\"812\"}",
        "{\"ask\":\"respond\",\"act\":\"kill\",\"target\":\"software\",\"text\":\"acme\"}",
        "{\"ask\":\"respond\",\"act\":\"kill\",\"target\":\"entity\",\"text\":\"2AB94E4BC2998C2B\"}",
        "{\"ask\":\"respond\",\"act\":\"block\",\"target\":\"sha256\",\"text\":\"5e1f\"}",
        "{\"ask\":\"respond\",\"act\":\"block\",\"target\":\"path\",\"text\":\"helper\"}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"=1\"}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"a\",\"seconds\":99999999}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"a\",\"except\":\"all\"}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"a\",\"except\":[{\"address\":"
        "\"x\"}]}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"a\",\"except\":[{\"address\":"
        "\"10.0.0.1\",\"prefix\":33}]}",
        "{\"ask\":\"respond\",\"act\":\"isolate\",\"target\":\"software\",\"text\":\"a\\u0000b\"}",
        "{\"ask\":\"respond\",\"act\":\"undo\"}",
        "{\"ask\":\"respond\",\"act\":\"undo\",\"undo_of\":\"kill\",\"target\":\"software\",\"text\":\"a\"}",
        "{\"ask\":\"respond\",\"act\":\"confirm\",\"undo_of\":\"isolate\",\"target\":\"software\",\"text\":\"a\"}",
    };
    struct stage *s = stage_new();
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lines); i++) {
        const char *said = ask(s, true, lines[i]);
        cr_expect(strstr(said, "\"type\":\"error\"") && (strstr(said, "EINVAL") || strstr(said, "ERANGE")), "%s: %s",
                  lines[i], said);
    }
    cr_assert_eq(s->asked, 0);
    stage_free(s);
}

Test(respond, an_order_is_about_a_number_or_about_what_was_done)
{
    struct stage *s = stage_new();
    answer(s, (struct trn_act_answer){.job = 1, .id = 12});
    answer(s, (struct trn_act_answer){.job = 2, .id = 12});
    const char *said = ask(s, true, "{\"ask\":\"respond\",\"act\":\"undo\",\"id\":12}");
    cr_expect(strstr(said, "\"id\":12"), "%s", said);
    said = ask(
        s, true,
        "{\"ask\":\"respond\",\"act\":\"undo\",\"undo_of\":\"isolate-host\",\"target\":\"host\",\"text\":\"host\"}");
    cr_expect(strstr(said, "\"id\":12"), "%s", said);
    stage_free(s);
}
