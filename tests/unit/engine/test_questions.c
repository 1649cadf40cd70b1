/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is each file named once and rightly, whatever order the answers come in, whoever does not answer, and
 * whatever a taken-over worker says? The test is turncoatd and inspect.
 */
#include "channel/channel.h"
#include "engine/enrich.h"
#include "inspect/messages.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define OWN 77 /* our mount namespace */
#define SEC TRN_NS_PER_SEC
#define STAMP 4242

struct bench {
    int daemon, inspect; /* our ends */
    struct trn_process_table *processes;
    struct trn_enrich *e;
    uint64_t boot, wall;
    unsigned told, changes;
    char name[64], version[64], path[128];
    bool hashed;
    char buf[TRN_IPC_MAX];
    struct trn_view_request view;
    unsigned views;
};

static int on_event(void *ctx, const struct trn_event *ev)
{
    struct bench *b = ctx;
    if (ev->type == TRN_EV_SOFTWARE) {
        b->changes++;
        return 0;
    }
    const struct trn_identity *id = &ev->identity.id;
    cr_assert_eq(ev->type, TRN_EV_IDENTITY);
    b->told++;
    snprintf(b->name, sizeof b->name, "%.*s", TRN_STR_ARG(id->software.name));
    snprintf(b->version, sizeof b->version, "%.*s", TRN_STR_ARG(id->software.version));
    snprintf(b->path, sizeof b->path, "%.*s", TRN_STR_ARG(ev->identity.path));
    b->hashed = !trn_sha256_is_none(id->sha256);
    return trn_process_apply(b->processes, ev);
}

static struct bench *bench_new(uint32_t run)
{
    struct bench *b = calloc(1, sizeof *b);
    int files[2], results[2];
    cr_assert(b && trn_ipc_pair(files, 1 << 20) == 0 && trn_ipc_pair(results, 1 << 20) == 0);
    for (int i = 0; i < 2; i++)
        cr_assert(trn_set_nonblock(files[i], true) == 0 && trn_set_nonblock(results[i], true) == 0);
    cr_assert_eq(trn_process_table_new(NULL, &b->processes), 0);
    b->daemon = files[1];
    b->inspect = results[1];
    b->boot = 100 * SEC;
    b->wall = 1000000 * SEC;
    const struct trn_enrich_options o = {.sz = sizeof o,
                                         .files_sock = files[0],
                                         .results_sock = results[0],
                                         .mntns = OWN,
                                         .run = run,
                                         .processes = b->processes,
                                         .tell = {on_event, b}};
    cr_assert_eq(trn_enrich_new(&o, &b->e), 0);
    return b;
}

static void bench_free(struct bench *b)
{
    trn_enrich_free(b->e);
    trn_process_table_free(b->processes);
    trn_fd_close(b->daemon);
    trn_fd_close(b->inspect);
    free(b);
}

static void tick(struct bench *b, uint64_t ns)
{
    b->boot += ns;
    b->wall += ns;
    cr_assert_eq(trn_enrich_tick(b->e, b->boot, b->wall), 0);
}

/* The engine reads what we sent. */
static void read_all(struct bench *b)
{
    cr_assert_eq(trn_enrich_read_answers(b->e), 0);
    cr_assert_eq(trn_enrich_read_results(b->e, NULL), 0);
}

struct request {
    uint16_t type; /* 0: none came */
    struct trn_open_request open;
    struct trn_dpkg_request dpkg;
};

static struct request next_request(struct bench *b)
{
    struct request q = {0};
    struct trn_msg m;
    int r = trn_ipc_recv(b->daemon, b->buf, sizeof b->buf, &m);
    if (r == -EAGAIN)
        return q;
    cr_assert_eq(r, 0);
    if (m.type == TRN_CH_VIEW) { /* no question: nobody answers */
        cr_assert_eq(trn_view_decode(&m.body, &b->view), 0);
        b->views++;
        return next_request(b);
    }
    q.type = m.type;
    cr_assert_eq(m.type == TRN_CH_OPEN ? trn_open_decode(&m.body, &q.open) : trn_dpkg_decode(&m.body, &q.dpkg), 0);
    return q;
}

static void answer(struct bench *b, uint16_t type, struct trn_buf *body)
{
    cr_assert_eq(trn_ipc_send(b->daemon, type, trn_buf_str(body), NULL, 0), 0);
    trn_buf_done(body);
}

static void opened(struct bench *b, const struct trn_open_request *q)
{
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    const struct trn_file_key found = {1, 500, 10 * SEC};
    trn_opened_encode(
        &(struct trn_opened){.job = q->job, .size = 3, .key = trn_file_key_is_none(&q->want) ? found : q->want}, &body);
    answer(b, TRN_CH_OPENED, &body);
}

static void failed(struct bench *b, uint64_t job, int code)
{
    struct trn_buf body;
    trn_buf_init(&body, 64);
    trn_failed_encode(&(struct trn_failed){job, code}, &body);
    answer(b, TRN_CH_FAILED, &body);
}

static void result(struct bench *b, uint16_t type, struct trn_buf *body)
{
    cr_assert_eq(trn_ipc_send(b->inspect, type, trn_buf_str(body), NULL, 0), 0);
    trn_buf_done(body);
}

static void ended(struct bench *b, uint64_t job, int code)
{
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_inspect_put_end(&body, job, code, TRN_STR_NONE);
    result(b, TRN_INSPECT_JOB_END, &body);
}

static void facts(struct bench *b, uint64_t job)
{
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_inspect_put_facts(&body, job,
                          &(struct trn_file_facts){.size = 3, .sha256 = {7}, .md5 = {9}, .kind = TRN_STR("elf")});
    result(b, TRN_INSPECT_FACTS, &body);
}

/* turncoatd's and inspect's part for a database with /opt/acme/run of acme `version`. */
static void database(struct bench *b, const struct trn_dpkg_request *q, uint64_t stamp, const char *version)
{
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_dpkg_answer_encode(&(struct trn_dpkg_answer){q->job, stamp}, &body);
    answer(b, q->stamp == stamp ? TRN_CH_DPKG_SAME : TRN_CH_DPKG_STAMP, &body);
    read_all(b); /* two sockets: turncoatd's answer is there before the worker began */
    if (q->stamp == stamp)
        return;
    trn_buf_init(&body, 4096);
    trn_put_u64(&body, q->job);
    trn_put_u32(&body, 1);
    trn_inspect_put_package(&body, 0, &(struct trn_package){.name = TRN_STR("acme"), .version = trn_str_of(version)});
    result(b, TRN_INSPECT_PACKAGES, &body);
    const uint8_t md5[TRN_MD5_SIZE] = {9};
    trn_buf_init(&body, 4096);
    trn_put_u64(&body, q->job);
    trn_put_u32(&body, 1);
    trn_inspect_put_file(&body, 0, TRN_STR("/opt/acme/run"), md5);
    result(b, TRN_INSPECT_FILES, &body);
    ended(b, q->job, 0);
    read_all(b);
}

static struct trn_event exec_of(const char *path, uint64_t ino, uint32_t mntns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.pid = 100;
    ev.mntns = mntns;
    ev.exec.path = trn_str_of(path);
    ev.exec.file = (struct trn_file_key){1, ino, 10 * SEC};
    return ev;
}

/* Our own index, as it is after the first second. */
static void index_ready(struct bench *b)
{
    tick(b, 0);
    struct request q = next_request(b);
    cr_assert_eq(q.type, TRN_CH_DPKG);
    cr_assert(q.dpkg.pid == 0 && q.dpkg.stamp == 0);
    database(b, &q.dpkg, STAMP, "1.0");
    cr_assert_not_null(trn_enrich_packages(b->e));
}

Test(questions, a_packaged_file_is_named_and_hashed)
{
    for (int order = 0; order < 2; order++) {
        struct bench *b = bench_new(0);
        index_ready(b);
        struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
        trn_enrich_exec(b->e, &ev);
        cr_assert(trn_enrich_waiting(b->e, &ev));
        struct request q = next_request(b);
        cr_assert_eq(q.type, TRN_CH_OPEN);
        cr_assert(q.open.image && q.open.kind == TRN_JOB_FACTS && q.open.pid == 100 && q.open.want.ino == 5);
        if (order == 0)
            opened(b, &q.open);
        facts(b, q.open.job);
        ended(b, q.open.job, 0);
        read_all(b);
        if (order == 1)
            opened(b, &q.open);
        read_all(b);
        cr_assert_eq(b->told, 1, "order %d", order);
        cr_assert_str_eq(b->name, "acme");
        cr_assert_str_eq(b->version, "1.0");
        cr_assert(b->hashed);
        cr_assert(!trn_enrich_waiting(b->e, &ev));
        trn_enrich_exec(b->e, &ev);
        cr_assert_eq(next_request(b).type, 0, "what is known is not asked again");
        bench_free(b);
    }
}

Test(questions, one_question_for_many_starts_of_one_file)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    for (int i = 0; i < 10; i++)
        trn_enrich_exec(b->e, &ev);
    cr_assert_eq(next_request(b).type, TRN_CH_OPEN);
    cr_assert_eq(next_request(b).type, 0);
    bench_free(b);
}

Test(questions, what_cannot_be_opened_has_a_name_and_no_hash)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    trn_enrich_exec(b->e, &ev);
    failed(b, next_request(b).open.job, -ESTALE);
    read_all(b);
    cr_assert_eq(b->told, 1);
    cr_assert_str_eq(b->name, "acme");
    cr_assert(!b->hashed);
    bench_free(b);
}

Test(questions, nobody_answers_and_the_answer_comes_poorer)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    tick(b, 2 * SEC);
    cr_assert_eq(b->told, 0);
    tick(b, SEC / 10);
    cr_assert_eq(b->told, 1);
    cr_assert(!trn_enrich_waiting(b->e, &ev));
    opened(b, &q.open); /* too late: nobody's any more */
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 1);
    struct trn_enrich_stats st;
    trn_enrich_stats(b->e, &st);
    cr_assert(st.given_up == 1 && st.pending == 0);
    bench_free(b);
}

Test(questions, a_file_that_changed_after_the_index_waits_for_a_new_look)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 6, OWN);
    tick(b, SEC);
    ev.exec.file.ctime_ns = b->wall; /* unpacked this moment */
    tick(b, SEC / 10);
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    opened(b, &q.open);
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 0, "the index is older than the file");
    q = next_request(b);
    cr_assert_eq(q.type, TRN_CH_DPKG);
    database(b, &q.dpkg, STAMP + 1, "1.1");
    tick(b, SEC / 20);
    cr_assert_eq(b->told, 1);
    cr_assert_str_eq(b->version, "1.1");
    cr_assert_eq(b->changes, 1, "and the update is an event");
    bench_free(b);
}

Test(questions, a_file_of_no_package_is_named_by_the_nearest_manifest)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/srv/node_modules/left-pad/bin/run", 8, OWN);
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    opened(b, &q.open);
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    read_all(b);
    q = next_request(b);
    cr_assert(q.type == TRN_CH_OPEN && q.open.kind == TRN_JOB_MANIFEST);
    cr_assert(trn_str_ends(q.open.path, TRN_STR("/left-pad/package.json")));
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_inspect_put_software(&body, q.open.job,
                             &(struct trn_software){.name = TRN_STR("left-pad"),
                                                    .version = TRN_STR("1.3.0"),
                                                    .origin = TRN_ORIGIN_NPM});
    result(b, TRN_INSPECT_SOFTWARE, &body);
    ended(b, q.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 1);
    cr_assert_str_eq(b->name, "left-pad");
    bench_free(b);
}

Test(questions, results_of_a_lost_engine_s_jobs_are_nobody_s)
{
    struct bench *old = bench_new(0), *b = bench_new(1);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    index_ready(b);
    trn_enrich_exec(old->e, &ev);
    trn_enrich_exec(b->e, &ev);
    struct request before = next_request(old), q = next_request(b);
    cr_assert_neq(before.open.job, q.open.job);
    opened(b, &q.open);
    facts(b, before.open.job);
    ended(b, before.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 0);
    bench_free(old);
    bench_free(b);
}

Test(questions, garbage_from_inspect_is_counted_and_from_turncoatd_ends_it)
{
    struct bench *b = bench_new(0);
    struct trn_enrich_stats st;
    cr_assert_eq(trn_ipc_send(b->inspect, TRN_INSPECT_FACTS, TRN_STR("short"), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(b->inspect, 0x7777, TRN_STR(""), NULL, 0), 0);
    read_all(b);
    trn_enrich_stats(b->e, &st);
    cr_assert_eq(st.malformed, 2);
    cr_assert_eq(trn_ipc_send(b->daemon, TRN_CH_OPENED, TRN_STR("short"), NULL, 0), 0);
    cr_assert_eq(trn_enrich_read_answers(b->e), -EPROTO);
    cr_assert_eq(trn_ipc_send(b->daemon, TRN_CH_HELLO, TRN_STR(""), NULL, 0), 0);
    cr_assert_eq(trn_enrich_read_answers(b->e), -EPROTO);
    bench_free(b);
}

/* Answers that nobody asked for, for every step a question can be in. */
Test(questions, answers_out_of_turn_change_nothing)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_inspect_put_software(&body, q.open.job,
                             &(struct trn_software){.name = TRN_STR("evil"), .version = TRN_STR("1")});
    result(b, TRN_INSPECT_SOFTWARE, &body);
    trn_buf_init(&body, 4096);
    trn_put_u64(&body, q.open.job);
    trn_put_u32(&body, 1);
    trn_inspect_put_package(&body, 9, &(struct trn_package){.name = TRN_STR("evil"), .version = TRN_STR("1")});
    result(b, TRN_INSPECT_PACKAGES, &body);
    ended(b, 1ull << 60, 0);
    ended(b, 0, -1);
    opened(b, &(struct trn_open_request){.job = UINT64_MAX});
    opened(b, &q.open);
    opened(b, &q.open);
    facts(b, q.open.job);
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    ended(b, q.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 1);
    cr_assert_str_eq(b->name, "acme");
    bench_free(b);
}

Test(questions, questions_are_bounded)
{
    struct bench *b = bench_new(0);
    struct trn_enrich_stats st;
    index_ready(b);
    for (uint64_t i = 0; i < 1000; i++) {
        struct trn_event ev = exec_of("/opt/acme/run", 100 + i, OWN);
        trn_enrich_exec(b->e, &ev);
        while (next_request(b).type)
            ;
    }
    trn_enrich_stats(b->e, &st);
    cr_assert_eq(st.pending, 512);
    cr_assert_eq(st.refused, 488);
    tick(b, 3 * SEC);
    trn_enrich_stats(b->e, &st);
    cr_assert_eq(st.pending, 0);
    bench_free(b);
}

Test(questions, a_lost_inspect_is_asked_again)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("/opt/acme/run", 5, OWN);
    trn_enrich_exec(b->e, &ev);
    struct request first = next_request(b);
    opened(b, &first.open);
    read_all(b);
    trn_enrich_inspect_lost(b->e);
    struct request again = next_request(b);
    cr_assert(again.type == TRN_CH_OPEN && again.open.job == first.open.job);
    opened(b, &again.open);
    facts(b, again.open.job);
    ended(b, again.open.job, 0);
    read_all(b);
    cr_assert(b->told == 1 && b->hashed);
    bench_free(b);
}

Test(questions, a_script_is_looked_at_before_it_is_read)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    struct trn_event ev = exec_of("", 0, OWN);
    ev.exec.script = TRN_STR("/opt/acme/run");
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    cr_assert(q.type == TRN_CH_OPEN && q.open.kind == 0, "a look only");
    opened(b, &q.open);
    read_all(b);
    q = next_request(b);
    cr_assert(q.open.kind == TRN_JOB_FACTS && q.open.want.ino == 500, "that content and no other");
    opened(b, &q.open);
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    read_all(b);
    cr_assert_eq(b->told, 1);
    trn_enrich_exec(b->e, &ev); /* the same script again: each start is looked at, the content is known */
    q = next_request(b);
    opened(b, &q.open);
    read_all(b);
    cr_assert_eq(next_request(b).type, 0);
    cr_assert_eq(b->told, 2);
    trn_enrich_exec(b->e, &ev);
    failed(b, next_request(b).open.job, -ENOENT);
    read_all(b);
    cr_assert_eq(b->told, 2, "no such file: nothing to say");
    cr_assert(!trn_enrich_waiting(b->e, &ev));
    bench_free(b);
}

/* ---- other mount namespaces ---- */

static void ask_in(struct bench *b, uint64_t ino, uint32_t mntns)
{
    struct trn_event ev = exec_of("/opt/acme/run", ino, mntns);
    trn_enrich_exec(b->e, &ev);
    struct request q = next_request(b);
    cr_assert_eq(q.type, TRN_CH_OPEN);
    opened(b, &q.open);
    facts(b, q.open.job);
    ended(b, q.open.job, 0);
    read_all(b);
}

Test(questions, a_service_with_our_root_shares_our_index)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    ask_in(b, 5, 1000);
    struct request q = next_request(b);
    cr_assert(q.type == TRN_CH_DPKG && q.dpkg.pid == 100);
    cr_assert_eq(q.dpkg.stamp, STAMP, "is it ours?");
    database(b, &q.dpkg, STAMP, "1.0");
    tick(b, SEC / 20);
    cr_assert_eq(b->told, 1);
    cr_assert_str_eq(b->name, "acme");
    bench_free(b);
}

/* Who runs there; what is asked about the program is another test's. */
static void exec_in(struct bench *b, uint64_t ino, uint32_t mntns)
{
    struct trn_event ev = exec_of("/opt/acme/run", ino, mntns);
    trn_enrich_exec(b->e, &ev);
    while (next_request(b).type)
        continue;
}

Test(questions, who_execs_in_another_mount_namespace_is_named_now_and_then)
{
    struct bench *b = bench_new(0);
    exec_in(b, 4, OWN);
    cr_assert_eq(b->views, 0, "turncoatd sees its own mounts itself");
    exec_in(b, 5, 1000);
    cr_assert(b->views == 1 && b->view.pid == 100);
    exec_in(b, 6, 1000);
    cr_assert_eq(b->views, 1, "a moment ago");
    tick(b, SEC);
    exec_in(b, 7, 1000);
    cr_assert_eq(b->views, 2, "another process may be the only one that is left");
    bench_free(b);
}

Test(questions, a_container_has_an_index_of_its_own)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    ask_in(b, 5, 1000);
    struct request q = next_request(b);
    database(b, &q.dpkg, 9999, "0.9");
    tick(b, SEC / 20);
    cr_assert_str_eq(b->version, "0.9");
    cr_assert_eq(b->changes, 0, "its packages are not our updates");
    ask_in(b, 6, OWN);
    cr_assert_str_eq(b->version, "1.0");
    bench_free(b);
}

Test(questions, a_process_that_is_gone_is_not_a_root_without_packages)
{
    struct bench *b = bench_new(0);
    index_ready(b);
    ask_in(b, 5, 1000);
    failed(b, next_request(b).dpkg.job, -ENOENT);
    read_all(b);
    tick(b, SEC / 20);
    cr_assert_eq(b->told, 0);
    struct request q = next_request(b);
    cr_assert_eq(q.type, TRN_CH_DPKG, "the next process there is asked about");
    failed(b, q.dpkg.job, -ENODATA);
    read_all(b);
    tick(b, SEC / 20);
    cr_assert(b->told == 1 && b->hashed, "there really is no dpkg");
    bench_free(b);
}

Test(questions, many_containers_never_borrow_each_other_s_packages)
{
    enum { N = 100 };
    static struct request asked[N];
    struct bench *b = bench_new(0);
    index_ready(b);
    for (uint32_t i = 0; i < N; i++) { /* all wait for an index at once */
        ask_in(b, 100 + i, 1000 + i);
        asked[i] = next_request(b);
        cr_assert_eq(asked[i].type, TRN_CH_DPKG);
    }
    for (uint32_t i = 0; i < N; i++) {
        char version[16];
        snprintf(version, sizeof version, "9.%u", i);
        database(b, &asked[i].dpkg, 10000 + i, version);
    }
    tick(b, 3 * SEC);
    struct trn_enrich_stats st;
    trn_enrich_stats(b->e, &st);
    cr_assert_eq(b->told, N, "each is told, some without an owner");
    cr_assert_eq(st.pending, 0);
    while (next_request(b).type) /* a look at our own database now and then */
        ;
    ask_in(b, 5, OWN);
    cr_assert_eq(b->told, N + 1);
    cr_assert_str_eq(b->version, "1.0", "and ours stays ours");
    bench_free(b);
}
