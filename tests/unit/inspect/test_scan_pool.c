/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/scan_messages.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define JOBS 200

struct seen {
    uint32_t artifacts[JOBS], ends[JOBS];
    int code[JOBS];
    uint32_t ended;
    char why[JOBS][96];
    uint64_t size[JOBS];
};

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct seen *s = ctx;
    s->artifacts[job]++;
    s->size[job] = a->size;
    return 0;
}
static int on_signature(void *ctx, uint64_t job, uint32_t a, const struct trn_signature *s)
{
    return 0;
}
static int on_property(void *ctx, uint64_t job, uint32_t a, struct trn_str k, struct trn_str v)
{
    return 0;
}
static int on_finding(void *ctx, uint64_t job, uint32_t a, const struct trn_finding *f)
{
    return 0;
}
static int on_gap(void *ctx, uint64_t job, uint32_t a, const struct trn_gap *g)
{
    return 0;
}
static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    struct seen *s = ctx;
    s->ends[job]++;
    s->code[job] = code;
    s->ended++;
    snprintf(s->why[job], sizeof(s->why[job]), "%.*s", TRN_STR_ARG(why));
    return 0;
}

static int file_of(const char *text)
{
    int fd = memfd_create("scanned", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static struct trn_scan_pool_options options(void)
{
    return (struct trn_scan_pool_options){.sz = sizeof(struct trn_scan_pool_options),
                                          .workers = 2,
                                          .rules = -1,
                                          .rules_compiled = -1,
                                          .rules_save = -1,
                                          .indicators = -1};
}

static struct trn_scan_pool_sink sink_of(struct seen *s)
{
    return (struct trn_scan_pool_sink){.artifact = on_artifact,
                                       .signature = on_signature,
                                       .property = on_property,
                                       .finding = on_finding,
                                       .gap = on_gap,
                                       .end = on_end,
                                       .ctx = s};
}

/* Gives n files named by name(i) and waits for all. */
static void run_all(struct trn_scan_pool *p, struct seen *s, uint64_t n, const char *(*name)(uint64_t i))
{
    struct trn_err err = {0};
    for (uint64_t i = 0; i < n; i++) {
        int fd = file_of(name(i)), e;
        while ((e = trn_scan_pool_submit(p, i, fd, trn_str_of(name(i)), 0)) == -EAGAIN)
            cr_assert_eq(trn_scan_pool_wait(p, 10000, &err), 0, "%s", err.message);
        cr_assert_eq(e, 0);
        close(fd);
    }
    for (int rounds = 0; s->ended < n && rounds < 5000; rounds++)
        cr_assert_eq(trn_scan_pool_wait(p, 10000, &err), 0, "%s", err.message);
    cr_assert_eq(trn_scan_pool_busy(p), 0);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(s->ends[i], 1, "job %u ended %u times", (unsigned)i, s->ends[i]);
}

static const char *plain(uint64_t i)
{
    return i % 2 ? "a file" : "another";
}

Test(scan_pool, many_files_are_read_each_once, .timeout = 120)
{
    struct seen s = {0};
    struct trn_scan_pool *p = NULL;
    struct trn_scan_pool_options o = options();
    struct trn_scan_pool_sink sink = sink_of(&s);
    struct trn_err err = {0};
    o.files_per_worker = 7; /* so that workers are replaced on the way */
    cr_assert_eq(trn_scan_pool_new(&o, &sink, &p, &err), 0, "%s", err.message);
    run_all(p, &s, JOBS, plain);
    for (uint64_t i = 0; i < JOBS; i++) {
        cr_expect_eq(s.code[i], 0, "%s", s.why[i]);
        cr_expect_eq(s.artifacts[i], 1);
        cr_expect_eq(s.size[i], i % 2 ? 6 : 7);
    }
    cr_expect_null(trn_scan_pool_free(p));
}

Test(scan_pool, a_late_pool_reads_its_rules_when_it_is_told_to, .timeout = 60)
{
    struct seen s = {0};
    struct trn_scan_pool *p = NULL;
    struct trn_scan_pool_options o = options();
    struct trn_scan_pool_sink sink = sink_of(&s);
    struct trn_err err = {0};
    o.late = true;
    o.roots = "no/such/file";
    cr_assert_eq(trn_scan_pool_new(&o, &sink, &p, &err), 0, "%s", err.message);
    int fd = file_of("a file");
    cr_expect_eq(trn_scan_pool_submit(p, 0, fd, TRN_STR("a file"), 0), -EINVAL, "not before it has begun");
    close(fd);
    cr_expect_lt(trn_scan_pool_begin(p, &err), 0, "these roots cannot be read");
    cr_expect_null(trn_scan_pool_free(p));
    o.roots = "";
    cr_assert_eq(trn_scan_pool_new(&o, &sink, &p, &err), 0, "%s", err.message);
    cr_assert_eq(trn_scan_pool_begin(p, &err), 0, "%s", err.message);
    cr_assert_eq(trn_scan_pool_begin(p, &err), 0, "again is nothing");
    run_all(p, &s, 3, plain);
    cr_expect_null(trn_scan_pool_free(p));
    cr_assert_eq(trn_scan_pool_new(&o, &sink, &p, &err), 0, "%s", err.message);
    cr_expect_null(trn_scan_pool_free(p), "one that never begins ends too");
}

/* A worker that does what the file's name says. */
static int odd_worker(int sock, const struct trn_scan_setup *setup)
{
    static uint8_t buf[TRN_IPC_MAX];
    struct trn_msg m;
    while (trn_ipc_recv(sock, buf, sizeof(buf), &m) == 0) {
        struct trn_cursor c = m.body;
        uint64_t job = trn_cur_u64le(&c);
        trn_cur_u32le(&c);
        struct trn_str name = trn_cur_lstr(&c);
        struct trn_buf b, item;
        trn_buf_init(&b, 4096);
        trn_buf_init(&item, 4096);
        trn_put_u64(&b, job);
        if (trn_str_eq_c(name, "crash"))
            abort();
        if (trn_str_eq_c(name, "open")) {
            (void)!open("/etc/passwd", O_RDONLY);
            _exit(3); /* reached in a sanitizer build only */
        }
        if (trn_str_eq_c(name, "nonsense"))
            trn_put_c(&b, "what is this");
        if (trn_str_eq_c(name, "leave"))
            return 0;
        if (trn_str_eq_c(name, "hang"))
            for (;;)
                sleep(1);
        if (trn_str_eq_c(name, "good")) {
            struct trn_artifact a = {.id = 1, .name = name};
            trn_item_put_artifact(&item, &a);
            trn_put_u8(&b, TRN_ITEM_ARTIFACT);
            trn_put_u32(&b, (uint32_t)item.n);
            trn_put_str(&b, trn_buf_str(&item));
            trn_buf_clear(&item);
            trn_item_put_end(&item, 0, TRN_STR_NONE);
            trn_put_u8(&b, TRN_ITEM_END);
            trn_put_u32(&b, (uint32_t)item.n);
            trn_put_str(&b, trn_buf_str(&item));
        }
        (void)!trn_ipc_send(sock, TRN_SCAN_RESULTS, trn_buf_str(&b), NULL, 0);
        trn_msg_done(&m);
    }
    return 0;
}

static const char *mixed(uint64_t i)
{
    static const char *const names[] = {"good", "crash", "good", "nonsense", "good", "leave", "good", "open"};
    return names[i % TRN_ARRAY_SIZE(names)];
}

Test(scan_pool, a_bad_file_costs_itself_only, .timeout = 120)
{
    struct seen s = {0};
    struct trn_scan_pool *p = NULL;
    struct trn_scan_pool_options o = options();
    struct trn_scan_pool_sink sink = sink_of(&s);
    struct trn_err err = {0};
    cr_assert_eq(trn_scan_pool_new_with(&o, &sink, odd_worker, &p, &err), 0, "%s", err.message);
    run_all(p, &s, 80, mixed);
    for (uint64_t i = 0; i < 80; i++) {
        if (strcmp(mixed(i), "good") == 0)
            cr_expect_eq(s.code[i], 0, "job %u: %s", (unsigned)i, s.why[i]);
        else
            cr_expect_lt(s.code[i], 0, "job %u", (unsigned)i);
    }
    cr_expect_str_eq(s.why[1], "its worker crashed (signal 6)");
    cr_expect_str_eq(s.why[3], "its worker sent a malformed message");
    cr_expect_str_eq(s.why[5], "its worker ended without an answer");
#ifndef __SANITIZE_ADDRESS__ /* whose builds may open files */
    cr_expect_str_eq(s.why[7], "its worker made a refused system call");
#endif
    trn_scan_pool_free(p);
}

static const char *one_hangs(uint64_t i)
{
    return i == 1 ? "hang" : "good";
}

Test(scan_pool, who_hangs_is_ended_and_the_rest_goes_on, .timeout = 60)
{
    struct seen s = {0};
    struct trn_scan_pool *p = NULL;
    struct trn_scan_pool_options o = options();
    struct trn_scan_pool_sink sink = sink_of(&s);
    struct trn_err err = {0};
    o.limits.seconds = 1;
    cr_assert_eq(trn_scan_pool_new_with(&o, &sink, odd_worker, &p, &err), 0, "%s", err.message);
    for (uint64_t i = 0; i < 6; i++) {
        int fd = file_of("x");
        cr_assert_eq(trn_scan_pool_submit(p, i, fd, trn_str_of(one_hangs(i)), 0), 0);
        close(fd);
    }
    while (s.ended < 6)
        cr_assert_eq(trn_scan_pool_wait(p, 500, &err), 0, "%s", err.message);
    cr_expect_eq(s.code[1], -ETIME);
    for (uint64_t i = 0; i < 6; i++)
        cr_expect(i == 1 || s.code[i] == 0, "job %u: %s", (unsigned)i, s.why[i]);
    trn_scan_pool_free(p);
}

Test(scan_messages, a_result_that_lies_is_refused_whole)
{
    struct seen s = {0};
    struct trn_scan_pool_sink sink = sink_of(&s);
    struct trn_arena *arena = trn_arena_new(1 << 16);
    struct trn_buf b, item;
    struct trn_scan_state state = {0};
    trn_buf_init(&b, 4096);
    trn_buf_init(&item, 4096);
    struct trn_artifact good = {.id = 1, .name = TRN_STR("a")}, stranger = {.id = 2, .parent = 2, .depth = 1};
    trn_item_put_artifact(&item, &good);
    trn_put_u8(&b, TRN_ITEM_ARTIFACT);
    trn_put_u32(&b, (uint32_t)item.n);
    trn_put_str(&b, trn_buf_str(&item));
    trn_buf_clear(&item);
    trn_item_put_artifact(&item, &stranger); /* its own parent */
    trn_put_u8(&b, TRN_ITEM_ARTIFACT);
    trn_put_u32(&b, (uint32_t)item.n);
    trn_put_str(&b, trn_buf_str(&item));
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    cr_expect_eq(trn_scan_results_decode(&c, 0, &state, arena, &sink), -EPROTO);
    cr_expect_eq(s.artifacts[0], 0, "the good half was delivered");
    trn_buf_done(&b);
    trn_buf_done(&item);
    trn_arena_free(arena);
}
