/* SPDX-License-Identifier: Apache-2.0 */
/* Does a request for an exception reach the main thread whole, by whom the kernel says, and only from who may act? */
#include "engine/pipeline_internal.h"
#include "engine/server_internal.h"
#include "folder.h"

#define HASH "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f"
#define ADD "{\"ask\":\"exception\",\"act\":\"add\",\"check\":\"behaviour.beacon\",\"reason\":\"vendor confirmed it\""

struct bench {
    char dir[64], store[96];
    struct trn_writer *writer;
    struct trn_buf out, passed; /* what the main thread was given */
    struct trn_event ev;
    unsigned asked;
};

static int live(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    struct bench *b = ctx;
    b->asked++;
    if (ask == TRN_ASK_EXCEPTION) {
        trn_buf_clear(&b->passed);
        trn_put_str(&b->passed, name);
        struct trn_cursor in = trn_cur_of(trn_buf_str(&b->passed));
        cr_assert_eq(trn_event_decode(&in, &b->ev), 0);
    }
    trn_put_c(out, "{\"type\":\"end\"}\n");
    return 0;
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    folder_new(b->dir);
    snprintf(b->store, sizeof b->store, "%s/store.db", b->dir);
    cr_assert_eq(trn_writer_new(b->store, &b->writer), 0);
    trn_buf_init(&b->out, 1u << 20);
    trn_buf_init(&b->passed, 1u << 16);
}

static void bench_done(struct bench *b)
{
    b->writer = trn_writer_free(b->writer);
    trn_buf_done(&b->out);
    trn_buf_done(&b->passed);
    folder_done(b->dir);
}

static const char *ask(struct bench *b, bool may_act, const char *line)
{
    struct trn_request_env env = {.store_path = b->store, .writer = b->writer, .live = live, .ctx = b};
    struct trn_request_client client = {.fd = -1, .uid = 1001, .pid = 77, .may_act = may_act, .out = &b->out};
    trn_buf_clear(&b->out);
    trn_request(&env, &client, trn_str_of(line));
    trn_store_close(env.store);
    return b->out.p;
}

Test(exceptions, who_may_only_look_gets_nothing_done)
{
    struct bench b;
    bench_init(&b);
    cr_assert(strstr(ask(&b, false, ADD ",\"name\":\"acme\",\"version\":\"1.1\",\"sha256\":\"" HASH "\"}"), "EPERM"));
    cr_assert(strstr(ask(&b, false, "{\"ask\":\"exception\",\"act\":\"remove\",\"id\":1}"), "EPERM"));
    cr_assert_eq(b.asked, 0);
    cr_assert(strstr(ask(&b, false, "{\"ask\":\"exceptions\"}"), "end"));
    cr_assert_eq(b.asked, 1, "but may look");
    bench_done(&b);
}

Test(exceptions, the_event_says_what_was_asked_and_by_whom)
{
    struct bench b;
    bench_init(&b);
    ask(&b, true, ADD ",\"name\":\"acme\",\"version\":\"1.1\",\"sha256\":\"" HASH "\",\"by\":\"mallory\",\"uid\":0}");
    cr_assert_eq(b.asked, 1);
    const struct trn_ev_exception *e = &b.ev.exception;
    cr_assert(b.ev.type == TRN_EV_EXCEPTION && b.ev.action == TRN_ACT_SET && b.ev.uid == 1001 && b.ev.pid == 77);
    cr_assert(trn_str_eq_c(e->check, "behaviour.beacon") && trn_str_eq_c(e->name, "acme"));
    cr_assert(trn_str_eq_c(e->version, "1.1") && e->sha256[0] == 0x5e && e->sha256[31] == 0x1f);
    cr_assert(trn_str_is_none(e->by), "nobody names himself");
    uint64_t week = 7 * 86400 * TRN_NS_PER_SEC, now = trn_wall_ns();
    cr_assert(e->until_wall_ns > now + week - 60 * TRN_NS_PER_SEC && e->until_wall_ns <= now + week);
    ask(&b, true, ADD ",\"name\":\"acme\",\"version\":\"1.1\",\"sha256\":\"5e1f\",\"seconds\":1e3}");
    cr_assert(trn_sha256_is_none(b.ev.exception.sha256), "half a hash is none, and will be refused");
    cr_assert_leq(b.ev.exception.until_wall_ns, trn_wall_ns(), "a time that is no number is none, and will be refused");
    ask(&b, true, "{\"ask\":\"exception\",\"act\":\"remove\",\"id\":3}");
    cr_assert(b.ev.action == TRN_ACT_REMOVED && b.ev.exception.id == 3);
    cr_assert(strstr(ask(&b, true, "{\"ask\":\"exception\",\"act\":\"remove\"}"), "EINVAL"));
    bench_done(&b);
}

/* A story with two findings of one check: the last one counts, unless 'only' names the other. */
static void store_story(struct bench *b, const char *version, uint8_t hash)
{
    struct trn_story *s = calloc(1, sizeof *s);
    cr_assert(s);
    static uint32_t revision;
    s->id = 7;
    s->revision = ++revision;
    s->software = (struct trn_software){.name = TRN_STR("acme"), .version = trn_str_of(version)};
    for (uint64_t i = 0; i < 2; i++) {
        struct trn_finding *f = &s->findings[s->n_findings++];
        trn_finding_init(f, trn_check_find(TRN_STR("behaviour.beacon")));
        f->id = i + 1;
        f->wall_ns = trn_wall_ns();
        f->summary = TRN_STR("calls");
        f->software = s->software;
        memset(f->image_sha256, hash ? hash + (int)i : 0, sizeof f->image_sha256);
        trn_finding_add(f, "address", i ? TRN_STR("10.9.0.6:1") : TRN_STR("10.9.0.5:1"));
    }
    trn_writer_story(b->writer, s);
    free(s);
    b->writer = trn_writer_free(b->writer); /* written */
    cr_assert_eq(trn_writer_new(b->store, &b->writer), 0);
}

Test(exceptions, a_story_says_what_acted)
{
    struct bench b;
    bench_init(&b);
    store_story(&b, "1.1", 5);
    ask(&b, true, ADD ",\"story\":7}");
    cr_assert_eq(b.asked, 1, "%s", b.out.p);
    cr_assert(trn_str_eq_c(b.ev.exception.version, "1.1") && b.ev.exception.sha256[0] == 6, "the last one");
    ask(&b, true, ADD ",\"story\":7,\"only\":\"10.9.0.5:1\"}");
    cr_assert_eq(b.ev.exception.sha256[0], 5);
    cr_assert(strstr(ask(&b, true, ADD ",\"story\":7,\"only\":\"10.9.0.7:1\"}"), "ENOENT"));
    cr_assert(strstr(ask(&b, true, ADD ",\"story\":8}"), "ENOENT"));
    cr_assert_eq(b.asked, 2);
    bench_done(&b);
}

Test(exceptions, a_story_that_does_not_say_it_is_not_enough)
{
    struct bench b;
    bench_init(&b);
    store_story(&b, "1.1", 0);
    cr_assert(strstr(ask(&b, true, ADD ",\"story\":7}"), "by its hash"), "%s", b.out.p);
    store_story(&b, "", 5);
    cr_assert(strstr(ask(&b, true, ADD ",\"story\":7}"), "which version"), "%s", b.out.p);
    cr_assert_eq(b.asked, 0);
    bench_done(&b);
}

Test(exceptions, a_user_has_the_name_of_the_list)
{
    const struct trn_str users =
        TRN_STR("root:x:0:0::/root:/bin/sh\n\nbad line\nx:y\nodd:x:1001x:\nalice:x:1001:1001::/:\n"
                "bob:x:1001:1:\ncut:x:7");
    char text[32];
    cr_assert(trn_str_eq_c(trn_user_name(users, 0, text), "root"));
    cr_assert(trn_str_eq_c(trn_user_name(users, 1001, text), "alice"), "the first of that number");
    cr_assert(trn_str_eq_c(trn_user_name(users, 7, text), "cut"));
    cr_assert(trn_str_eq_c(trn_user_name(users, 1002, text), "user 1002"));
    cr_assert(trn_str_eq_c(trn_user_name(TRN_STR_NONE, 0, text), "user 0"));
}
