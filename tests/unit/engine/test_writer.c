/* SPDX-License-Identifier: Apache-2.0 */
/* Does everything queued reach the store, is everything that does not counted, and does nobody wait? */
#include "engine/writer.h"
#include "folder.h"

#include <pthread.h>
#include <sys/stat.h>

static void write_event(struct trn_writer *w, const struct trn_event *ev, struct trn_str path)
{
    struct trn_str bytes = encoded(ev);

    trn_writer_event(w, bytes, path);
    free((char *)bytes.p);
}

struct bench {
    char dir[64], store[96];
    struct trn_writer *w;
};

static void bench_init(struct bench *b)
{
    folder_new(b->dir);
    snprintf(b->store, sizeof b->store, "%s/store.db", b->dir);
    cr_assert_eq(trn_writer_new(b->store, &b->w), 0);
}

static struct trn_event exit_number(uint64_t n)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXIT);
    ev.seq = ev.entity = ev.boot_ns = n;
    ev.wall_ns = trn_wall_ns();
    return ev;
}

static int count_line(void *ctx, struct trn_str json)
{
    ++*(uint64_t *)ctx;
    return 0;
}

static uint64_t stored(const char *path)
{
    struct trn_arena *arena = trn_arena_new(0);
    struct trn_store *s = NULL;
    struct trn_str note;
    struct trn_err err = {0};
    struct trn_hunt_summary sum = {0};
    uint64_t lines = 0;
    const struct trn_store_options o = {.sz = sizeof o, .read_only = true};
    const struct trn_json_sink sink = {count_line, &lines};
    cr_assert_eq(trn_store_open(path, &o, trn_wall_ns(), arena, &s, &note, &err), 0, "%s", err.message);
    cr_assert_eq(trn_store_hunt(s, TRN_STR("type=exit"), trn_wall_ns(), 10, &sink, &sum, &err), 0, "%s", err.message);
    trn_store_close(s);
    trn_arena_free(arena);
    return sum.matches;
}

Test(writer, what_is_queued_is_written_before_the_end, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct trn_event ev = exit_number(i);
        write_event(b.w, &ev, TRN_STR("/bin/sh"));
    }
    b.w = trn_writer_free(b.w);
    cr_assert_eq(stored(b.store), 1000, "%llu", (unsigned long long)stored(b.store));
    folder_done(b.dir);
}

Test(writer, a_flood_is_bounded_counted_and_does_not_wait, .timeout = 30)
{
    struct bench b;
    bench_init(&b);
    static char big[2000];
    memset(big, 'a', sizeof big);
    uint64_t before = trn_mono_ns();
    for (uint64_t i = 1; i <= 20000; i++) { /* 40 MB against a queue of 4 */
        struct trn_event ev = exit_number(i);
        write_event(b.w, &ev, (struct trn_str){big, sizeof big});
    }
    cr_assert_lt(trn_mono_ns() - before, 5 * TRN_NS_PER_SEC);
    struct trn_writer_stats st;
    trn_writer_stats(b.w, &st);
    cr_assert_gt(st.lost, 0);
    cr_assert_leq(st.queued_bytes, 4u << 20);
    uint64_t lost = st.lost;
    b.w = trn_writer_free(b.w);
    cr_assert_eq(stored(b.store) + lost, 20000, "%llu stored, %llu lost", (unsigned long long)stored(b.store),
                 (unsigned long long)lost);
    folder_done(b.dir);
}

Test(writer, a_store_that_cannot_be_opened_is_a_state, .timeout = 20)
{
    struct trn_writer *w = NULL;
    struct trn_writer_stats st;
    cr_assert_eq(trn_writer_new("/nowhere/store.db", &w), 0);
    trn_writer_stats(w, &st);
    cr_assert(strncmp(st.state, "off: ", 5) == 0, "%s", st.state);
    const struct trn_event_sink none = {0};
    cr_assert_eq(trn_writer_states(w, &none, NULL), 0, "no memory is no error");
    struct trn_event ev = exit_number(1);
    write_event(w, &ev, TRN_STR_NONE);
    for (int i = 0; i < 100 && st.lost == 0; i++) {
        usleep(20000);
        trn_writer_stats(w, &st);
    }
    cr_assert_eq(st.lost, 1);
    trn_writer_free(w);
}

Test(writer, stories_are_kept_for_a_store_that_comes_back, .timeout = 30)
{
    struct bench b;
    char late[160], path[200];
    folder_new(b.dir);
    snprintf(late, sizeof late, "%s/not-yet", b.dir);
    snprintf(path, sizeof path, "%s/store.db", late);
    cr_assert_eq(trn_writer_new(path, &b.w), 0);
    struct trn_story *story = calloc(1, sizeof *story);
    story->id = 7;
    story->verdict = TRN_VERDICT_MALICIOUS;
    story->sentence = TRN_STR("kept");
    trn_writer_story(b.w, story);
    free(story);
    struct trn_writer_stats st;
    usleep(600000); /* the batch with the story meets no store */
    cr_assert_eq(mkdir(late, 0700), 0);
    for (int i = 0; i < 100; i++) { /* any later item makes the writer look for its store again, every five seconds */
        struct trn_event ev = exit_number((uint64_t)i + 1);
        write_event(b.w, &ev, TRN_STR_NONE);
        usleep(100000);
        trn_writer_stats(b.w, &st);
        if (strncmp(st.state, "ok", 2) == 0)
            break;
    }
    cr_assert_eq(strncmp(st.state, "ok", 2), 0, "%s", st.state);
    b.w = trn_writer_free(b.w);
    struct trn_arena *arena = trn_arena_new(0);
    struct trn_store *s = NULL;
    struct trn_str note;
    struct trn_buf json;
    trn_buf_init(&json, 1u << 20);
    const struct trn_store_options o = {.sz = sizeof o, .read_only = true};
    cr_assert_eq(trn_store_open(path, &o, trn_wall_ns(), arena, &s, &note, NULL), 0);
    cr_assert_eq(trn_store_story_json(s, 7, &json, NULL), 0, "the story is lost");
    trn_store_close(s);
    trn_buf_done(&json);
    trn_arena_free(arena);
    folder_done(late);
    folder_done(b.dir);
}

static int count_row(void *ctx, const struct trn_event *row)
{
    ++*(unsigned *)ctx;
    return 0;
}

Test(writer, rows_come_back_in_the_next_run_and_only_before_it_begins, .timeout = 20)
{
    struct bench b;
    bench_init(&b);
    struct trn_event row;
    trn_event_init(&row, TRN_EV_STATE);
    row.state.kind = TRN_STR("test");
    row.state.value = TRN_STR("kept");
    for (row.state.key = 1; row.state.key <= 3; row.state.key++)
        trn_writer_state(b.w, &row);
    unsigned n = 0;
    const struct trn_event_sink sink = {count_row, &n};
    cr_assert_eq(trn_writer_states(b.w, &sink, NULL), -EBUSY, "the handle is the other thread's now");
    trn_writer_free(b.w);
    cr_assert_eq(trn_writer_new(b.store, &b.w), 0);
    cr_assert_eq(trn_writer_states(b.w, &sink, NULL), 0);
    cr_assert_eq(n, 3);
    trn_writer_free(b.w);
    folder_done(b.dir);
}

static void *decider(void *arg)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_DECISION);
    ev.action = TRN_ACT_CLOSED;
    ev.decision.text = TRN_STR("test");
    for (ev.decision.story = 1; ev.decision.story <= 200; ev.decision.story++)
        trn_writer_decision(arg, &ev);
    return NULL;
}

Test(writer, two_threads_may_begin_it_at_once, .timeout = 20)
{
    for (int round = 0; round < 5; round++) {
        struct bench b;
        pthread_t thread;
        bench_init(&b);
        cr_assert_eq(pthread_create(&thread, NULL, decider, b.w), 0);
        for (uint64_t i = 1; i <= 200; i++) {
            struct trn_event ev = exit_number(i);
            write_event(b.w, &ev, TRN_STR_NONE);
        }
        pthread_join(thread, NULL);
        b.w = trn_writer_free(b.w);
        cr_assert_eq(stored(b.store), 200, "%llu", (unsigned long long)stored(b.store));
        folder_done(b.dir);
    }
}
