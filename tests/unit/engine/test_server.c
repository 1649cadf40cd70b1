/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is every request answered whole and in order, whoever else is connected, and does no client, however it
 * behaves, hold up the engine? The test's thread is the engine's main thread.
 */
#include "engine/server.h"
#include "folder.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

static void write_event(struct trn_writer *w, const struct trn_event *ev, struct trn_str path)
{
    struct trn_str bytes = encoded(ev);

    trn_writer_event(w, bytes, path);
    free((char *)bytes.p);
}

struct bench {
    char dir[64], store[96];
    struct sockaddr_un where;
    struct trn_writer *writer;
    struct trn_server *server;
    unsigned asked;
};

static void answer(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    struct bench *b = ctx;
    b->asked++;
    if (ask == TRN_ASK_DECIDE) {
        struct trn_event ev;
        struct trn_cursor in = trn_cur_of(name);
        cr_assert(trn_event_decode(&in, &ev) == 0 && ev.type == TRN_EV_DECISION);
        trn_put_fmt(out, "{\"type\":\"test\",\"%s\":%llu,\"uid\":%u,\"text\":\"%.*s\"}\n",
                    trn_action_name((enum trn_action)ev.action), (unsigned long long)ev.decision.story, ev.uid,
                    TRN_STR_ARG(ev.decision.text));
        return;
    }
    trn_put_fmt(out, "{\"type\":\"test\",\"ask\":%d,\"name\":\"%.*s\"}\n", (int)ask, TRN_STR_ARG(name));
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    folder_new(b->dir);
    snprintf(b->store, sizeof b->store, "%s/store.db", b->dir);
    b->where.sun_family = AF_UNIX;
    snprintf(b->where.sun_path, sizeof b->where.sun_path, "%s/sock", b->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&b->where, sizeof b->where) == 0 && listen(fd, 64) == 0);
    cr_assert_eq(trn_writer_new(b->store, &b->writer), 0);
    const struct trn_server_options o = {
        .sz = sizeof o, .listen_fd = fd, .store_path = b->store, .writer = b->writer, .respond_gid = TRN_NO_U32};
    cr_assert_eq(trn_server_new(&o, &b->server), 0);
}

static void bench_done(struct bench *b)
{
    b->server = trn_server_free(b->server);
    b->writer = trn_writer_free(b->writer);
    folder_done(b->dir);
}

static int client(const struct bench *b)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&b->where, sizeof b->where), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One round of the main thread. */
static void serve(struct bench *b, int ms)
{
    struct pollfd p = {.fd = trn_server_ask_fd(b->server), .events = POLLIN};
    if (poll(&p, 1, ms) > 0)
        trn_server_serve(b->server, answer, b);
}

/* Reads until `text` came or the peer closed; what was read stands in out. */
static bool read_until(struct bench *b, int fd, const char *text, struct trn_buf *out)
{
    for (int i = 0; i < 1000; i++) {
        char chunk[4096];
        if (b)
            serve(b, 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10) <= 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return false;
        trn_put(out, chunk, (size_t)n);
        if (strstr(out->p, text))
            return true;
    }
    return false;
}

static void expect(struct bench *b, int fd, const char *text)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    cr_assert(read_until(b, fd, text, &out), "wanted '%s', got '%s'", text, out.p ? out.p : "");
}

static bool closed(int fd)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 64u << 20);
    return !read_until(NULL, fd, "\n never comes", &out);
}

Test(server, the_main_thread_answers_what_is_live, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    say(fd, "{\"ask\":\"software\",\"name\":\"acme\"}\n");
    expect(&b, fd, "{\"type\":\"test\",\"ask\":1,\"name\":\"acme\"}\n{\"type\":\"end\"}\n");
    cr_assert_eq(b.asked, 1);
    close(fd);
    bench_done(&b);
}

Test(server, a_decision_goes_to_the_main_thread_with_who_asked, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\"assigned\":7,\"uid\":%u,\"text\":\"ana\"", (unsigned)getuid());
    say(fd, "{\"ask\":\"assign\",\"id\":7,\"who\":\"ana\"}\n");
    expect(&b, fd, getuid() == 0 ? wanted : "EPERM"); /* no group may act here */
    say(fd, "{\"ask\":\"close\",\"id\":7,\"why\":\"seen\"}\n");
    expect(&b, fd, getuid() == 0 ? "\"closed\":7" : "EPERM");
    close(fd);
    bench_done(&b);
}

Test(server, requests_sent_at_once_are_answered_in_order, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    say(fd, "{\"ask\":\"status\"}\n{\"ask\":\"nonsense\"}\n{\"ask\":\"proc");
    cr_assert(read_until(&b, fd, "ENOSYS", &out));
    cr_assert_lt(strstr(out.p, "\"ask\":0"), strstr(out.p, "ENOSYS"));
    say(fd, "esses\"}\n");
    expect(&b, fd, "\"ask\":2");
    close(fd);
    bench_done(&b);
}

Test(server, who_closes_his_half_still_gets_the_answer, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    say(fd, "{\"ask\":\"stories\"}\n");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    expect(&b, fd, "{\"type\":\"end\"}\n");
    cr_assert(closed(fd));
    close(fd);
    bench_done(&b);
}

Test(server, a_busy_engine_is_an_error_and_not_a_hang, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    say(fd, "{\"ask\":\"status\"}\n");
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    cr_assert(read_until(NULL, fd, "ETIMEDOUT", &out), "got '%s'", out.p ? out.p : "");
    serve(&b, 0); /* too late: nobody waits, nothing is written to who is gone */
    cr_assert_eq(b.asked, 0);
    say(fd, "{\"ask\":\"status\"}\n");
    expect(&b, fd, "\"ask\":0");
    close(fd);
    bench_done(&b);
}

/* What is not understood must not become a wider or a longer filter than was asked for. */
Test(server, a_filter_is_asked_for_exactly, .timeout = 20)
{
    static const char *const cases[][2] = {
        {"\"classes\":[\"dns\"],\"seconds\":60", "turncoatd cannot be asked"},
        {"\"classes\":[]", "turncoatd cannot be asked"},
        {"\"classes\":\"dns\"", "that are known"},
        {"\"classes\":{\"dns\":1}", "that are known"},
        {"\"classes\":[1]", "that are known"},
        {"\"classes\":[\"dns\",\"odd\"]", "that are known"},
        {"\"seconds\":\"60\"", "are numbers from 1 on"},
        {"\"seconds\":-1", "are numbers from 1 on"},
        {"\"seconds\":0", "are numbers from 1 on"},
        {"\"seconds\":1.5", "are numbers from 1 on"},
        {"\"pid\":\"5\"", "are numbers from 1 on"},
        {"\"pid\":-5", "are numbers from 1 on"},
    };
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        char line[300];
        snprintf(
            line, sizeof line,
            "{\"ask\":\"filter\",\"act\":\"set\",\"what\":\"program\",\"path\":\"/srv/x\",\"why\":\"a test\",%s}\n",
            cases[i][0]);
        say(fd, line);
        expect(&b, fd, cases[i][1]);
    }
    close(fd);
    bench_done(&b);
}

Test(server, foreign_text_is_an_error_answer, .timeout = 20)
{
    static const char *const bad[] = {"\n",
                                      "{\n",
                                      "[]\n",
                                      "{\"ask\":7}\n",
                                      "\xff\xfe\n",
                                      "{\"ask\":\"story\",\"id\":\"x\"}\n",
                                      "{\"ask\":\"story\",\"id\":-1}\n",
                                      "{\"ask\":\"stories\",\"min\":\"odd\"}\n",
                                      "{\"ask\":\"hunt\",\"expr\":\"((\"}\n",
                                      "{\"ask\":\"findings\",\"since\":\"then\"}\n",
                                      "{\"ask\":\"close\",\"id\":1}\n",
                                      "{\"ask\":\"assign\",\"id\":1,\"why\":\"x\"}\n",
                                      "{\"ask\":\"close\",\"id\":0,\"why\":\"x\"}\n"};
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        say(fd, bad[i]);
        expect(&b, fd, "\"type\":\"error\"");
    }
    say(fd, "{\"ask\":\"story\",\"id\":77}\n");
    expect(&b, fd, "ENOENT");
    close(fd);
    bench_done(&b);
}

Test(server, a_line_without_an_end_costs_the_connection_only, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b), other = client(&b);
    char filler[8192];
    memset(filler, 'x', sizeof filler);
    for (int i = 0; i < 32 && send(fd, filler, sizeof filler, MSG_NOSIGNAL) > 0; i++)
        ;
    cr_assert(closed(fd));
    say(other, "{\"ask\":\"status\"}\n");
    expect(&b, other, "\"ask\":0");
    close(fd);
    close(other);
    bench_done(&b);
}

Test(server, watchers_are_told_and_events_go_to_those_who_asked, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int quiet = client(&b), all = client(&b);
    say(quiet, "{\"ask\":\"watch\"}\n");
    cr_assert(!trn_server_wants_events(b.server));
    say(all, "{\"ask\":\"watch\",\"events\":true}\n");
    for (int i = 0; i < 200 && !trn_server_wants_events(b.server); i++)
        usleep(10000);
    cr_assert(trn_server_wants_events(b.server));
    trn_server_tell(b.server, TRN_STR("{\"n\":1}"), true);
    trn_server_tell(b.server, TRN_STR("{\"n\":2}"), false);
    expect(NULL, all, "{\"n\":1}\n{\"n\":2}\n");
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 4096);
    cr_assert(read_until(NULL, quiet, "{\"n\":2}\n", &out));
    cr_assert_null(strstr(out.p, "{\"n\":1}"));
    close(quiet);
    close(all);
    for (int i = 0; i < 200 && trn_server_wants_events(b.server); i++)
        usleep(10000);
    cr_assert(!trn_server_wants_events(b.server), "a watcher that left is forgotten");
    bench_done(&b);
}

Test(server, a_watcher_that_does_not_read_loses_lines_and_delays_nobody, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    static char line[4096];
    memset(line, 'y', sizeof line);
    say(fd, "{\"ask\":\"watch\",\"events\":true}\n");
    for (int i = 0; i < 200 && !trn_server_wants_events(b.server); i++)
        usleep(10000);
    uint64_t before = trn_mono_ns();
    for (int i = 0; i < 2000; i++) /* 8 MB */
        trn_server_tell(b.server, (struct trn_str){line, sizeof line}, true);
    cr_assert_lt(trn_mono_ns() - before, 2 * TRN_NS_PER_SEC);
    cr_assert_gt(trn_server_dropped(b.server), 100);
    close(fd);
    bench_done(&b);
}

/* Pipes far more questions than their answers find room for, and reads nothing. */
Test(server, who_does_not_read_is_not_heard_either, .timeout = 30)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    cr_assert_eq(trn_set_nonblock(fd, true), 0);
    const char *ask = "{\"ask\":\"hunt\",\"expr\":\"((((((((((((((((((((\"}\n";
    size_t sent = 0;
    for (int quiet = 0; quiet < 30;) {
        ssize_t n = send(fd, ask, strlen(ask), MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n, quiet = 0;
        else
            quiet++, usleep(10000);
        cr_assert_lt(sent, 16u << 20, "it takes questions without an end");
    }
    int other = client(&b);
    say(other, "{\"ask\":\"status\"}\n");
    expect(&b, other, "\"ask\":0");
    close(fd);
    close(other);
    bench_done(&b);
}

Test(server, the_thirty_third_client_is_turned_away, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fds[33];
    for (int i = 0; i < 32; i++) {
        fds[i] = client(&b);
        say(fds[i], "{\"ask\":\"status\"}\n");
        expect(&b, fds[i], "\"ask\":0");
    }
    fds[32] = client(&b);
    cr_assert(closed(fds[32]));
    close(fds[0]);
    usleep(50000);
    int next = client(&b);
    say(next, "{\"ask\":\"status\"}\n");
    expect(&b, next, "\"ask\":0");
    for (int i = 1; i < 33; i++)
        close(fds[i]);
    close(next);
    bench_done(&b);
}

Test(server, stopping_does_not_wait_for_a_question, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    int fd = client(&b);
    say(fd, "{\"ask\":\"status\"}\n");
    struct pollfd p = {.fd = trn_server_ask_fd(b.server), .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 5000), 1);
    uint64_t before = trn_mono_ns();
    b.server = trn_server_free(b.server);
    cr_assert_lt(trn_mono_ns() - before, TRN_NS_PER_SEC);
    close(fd);
    bench_done(&b);
}

/* ---- all threads at once: what -Db_sanitize=thread looks at ---- */

static void *busy_client(void *arg)
{
    static const char *const asks[] = {"{\"ask\":\"status\"}\n",
                                       "{\"ask\":\"hunt\",\"expr\":\"type=exit\",\"limit\":20}\n",
                                       "{\"ask\":\"close\",\"id\":1,\"why\":\"test\"}\n", "{\"ask\":\"stories\"}\n"};
    const struct bench *b = arg;
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    int fd = client(b);
    trn_buf_init(&out, 8u << 20);
    say(fd, "{\"ask\":\"watch\",\"events\":true}\n");
    for (size_t i = 0; i < 24; i++) {
        say(fd, asks[i % TRN_ARRAY_SIZE(asks)]);
        if (!read_until(NULL, fd, "\"type\":\"e", &out))
            break;
        trn_buf_clear(&out);
    }
    close(fd);
    return NULL;
}

Test(server, main_serving_writing_and_four_clients, .timeout = 60)
{
    enum { CLIENTS = 4 };
    struct bench b;
    bench_init(&b);
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, busy_client, &b), 0);
    struct trn_writer_stats st = {0};
    for (uint32_t i = 0; i < 600; i++) {
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_EXIT);
        ev.seq = ev.entity = ev.boot_ns = ev.wall_ns = i + 1;
        write_event(b.writer, &ev, TRN_STR("/bin/sh"));
        trn_server_tell(b.server, TRN_STR("{\"type\":\"event\"}"), true);
        serve(&b, 5);
        trn_writer_stats(b.writer, &st);
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct timespec soon;
        do {
            serve(&b, 5);
            clock_gettime(CLOCK_REALTIME, &soon);
        } while (pthread_timedjoin_np(threads[i], NULL, &soon) != 0);
    }
    cr_assert_gt(b.asked, 0);
    cr_assert_eq(st.lost, 0);
    bench_done(&b);
}
