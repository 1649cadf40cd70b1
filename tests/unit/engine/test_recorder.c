/* SPDX-License-Identifier: Apache-2.0 */
/* Does the recorder give one order whatever the arrival, wait no longer than it may, and lose nothing? */
#include "engine/recorder.h"

#include <criterion/criterion.h>

#define MS TRN_NS_PER_MS
#define WINDOW (150 * MS)

struct taken {
    struct trn_buf bytes; /* all numbered events, encoded: what a log would hold */
    uint64_t n, late, times[4096], types[4096];
};

static int take(void *ctx, const struct trn_event *ev)
{
    struct taken *t = ctx;
    trn_event_encode(ev, &t->bytes);
    cr_assert_lt(t->n, TRN_ARRAY_SIZE(t->times));
    t->times[t->n] = ev->boot_ns;
    t->types[t->n++] = ev->type;
    t->late += (ev->flags & TRN_EVF_LATE) != 0;
    cr_assert_eq(ev->seq, t->n, "numbers have no gap");
    return 0;
}

static void taken_init(struct taken *t)
{
    memset(t, 0, sizeof *t);
    trn_buf_init(&t->bytes, 8u << 20);
}

static struct trn_event fork_at(uint64_t boot_ns, uint64_t entity)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_FORK);
    ev.boot_ns = boot_ns;
    ev.entity = entity;
    ev.pid = (uint32_t)entity;
    return ev;
}

static struct trn_recorder *recorder(struct taken *t, bool (*waiting)(void *, const struct trn_event *), void *ctx)
{
    struct trn_recorder *r = NULL;
    const struct trn_recorder_options o = {
        .sz = sizeof o, .lateness_ns = WINDOW, .out = {take, t}, .waiting = waiting, .ctx = ctx};
    cr_assert_eq(trn_recorder_new(&o, &r), 0);
    return r;
}

/* Small deterministic generator; quality does not matter here. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Events with many equal times, arriving in an order that `seed` shuffles inside the window. */
static void run_shuffled(uint32_t seed, struct taken *t)
{
    enum { N = 1000, SPREAD = 20 };
    taken_init(t);
    struct trn_recorder *r = recorder(t, NULL, NULL);
    uint32_t order[N], s = seed;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    for (uint32_t i = 0; seed && i + 1 < N; i++) { /* each stays among its SPREAD: at most 20 ms too late */
        uint32_t end = TRN_MIN((uint32_t)N, (i / SPREAD + 1) * SPREAD);
        uint32_t j = i + next(&s) % (end - i), keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
    for (uint32_t i = 0; i < N; i++) {
        struct trn_event ev = fork_at(1000 * MS + order[i] / 4 * 4 * MS, order[i] + 1); /* fours share a time */
        if (order[i] % 5 == 0)
            ev.type = TRN_EV_EXIT, ev.exit.code = 0, ev.exit.signal = TRN_NO_U32;
        cr_assert_eq(trn_recorder_add(r, &ev), 0);
        cr_assert_eq(trn_recorder_advance(r, 1000 * MS + i * MS, 5000 * MS + i * MS), 0);
    }
    cr_assert_eq(trn_recorder_flush(r), 0);
    trn_recorder_free(r);
}

Test(recorder, arrival_order_inside_the_window_does_not_matter)
{
    static struct taken straight, shuffled;
    run_shuffled(0, &straight);
    cr_assert_eq(straight.n - 1000, 0, "no ticks while events flow");
    for (uint32_t seed = 1; seed <= 50; seed++) {
        run_shuffled(seed, &shuffled);
        cr_assert_eq(shuffled.late, 0, "seed %u: the shuffle must stay inside the window", seed);
        cr_assert(trn_str_eq(trn_buf_str(&straight.bytes), trn_buf_str(&shuffled.bytes)), "seed %u gives another log",
                  seed);
        trn_buf_done(&shuffled.bytes);
    }
    trn_buf_done(&straight.bytes);
}

Test(recorder, passes_on_only_what_left_the_window)
{
    static struct taken t;
    taken_init(&t);
    struct trn_recorder *r = recorder(&t, NULL, NULL);
    struct trn_event a = fork_at(1000 * MS, 1), b = fork_at(1100 * MS, 2);
    cr_assert_eq(trn_recorder_add(r, &b), 0);
    cr_assert_eq(trn_recorder_add(r, &a), 0);
    cr_assert_eq(trn_recorder_advance(r, 1149 * MS, 0), 0);
    cr_assert_eq(t.n, 0);
    cr_assert_eq(trn_recorder_advance(r, 1151 * MS, 2 * MS), 0);
    cr_assert(t.n == 1 && t.times[0] == 1000 * MS);
    cr_assert_eq(trn_recorder_advance(r, 1251 * MS, 102 * MS), 0);
    cr_assert(t.n == 2 && t.times[1] == 1100 * MS);
    struct trn_event late = fork_at(1050 * MS, 3);
    cr_assert_eq(trn_recorder_add(r, &late), 0);
    cr_assert_eq(trn_recorder_advance(r, 1252 * MS, 103 * MS), 0);
    cr_assert(t.n == 3 && t.late == 1, "what comes too late is passed on, and says so");
    trn_recorder_free(r);
    trn_buf_done(&t.bytes);
}

static bool always(void *ctx, const struct trn_event *ev)
{
    const bool *on = ctx;
    return *on && (!ev || ev->type == TRN_EV_EXEC);
}

Test(recorder, waits_for_an_identity_but_not_for_ever)
{
    static struct taken t;
    taken_init(&t);
    bool wanting = true;
    struct trn_recorder *r = recorder(&t, always, &wanting);
    struct trn_event exec, after = fork_at(1001 * MS, 9);
    trn_event_init(&exec, TRN_EV_EXEC);
    exec.boot_ns = 1000 * MS;
    exec.exec.path = TRN_STR("/bin/true");
    cr_assert_eq(trn_recorder_add(r, &exec), 0);
    cr_assert_eq(trn_recorder_add(r, &after), 0);
    cr_assert_eq(trn_recorder_advance(r, 1400 * MS, 0), 0);
    cr_assert_eq(t.n, 0, "all behind it waits too: order is one");
    struct trn_event told;
    trn_event_init(&told, TRN_EV_IDENTITY);
    cr_assert_eq(trn_recorder_tell(r, &told), 0);
    cr_assert(t.n == 1 && t.types[0] == TRN_EV_IDENTITY, "the answer goes before what waits for it");
    cr_assert_eq(trn_recorder_advance(r, 1751 * MS, 0), 0);
    cr_assert_eq(t.n, 3, "past the deadline it goes without");
    struct trn_recorder_stats st;
    trn_recorder_stats(r, &st);
    cr_assert_eq(st.identity_timeouts, 1);
    trn_recorder_free(r);
    trn_buf_done(&t.bytes);
}

Test(recorder, a_flood_is_bounded_and_loses_nothing)
{
    static struct taken t;
    taken_init(&t);
    struct trn_recorder *r = NULL;
    const struct trn_recorder_options o = {.sz = sizeof o, .max_bytes = 16 << 10, .out = {take, &t}};
    cr_assert_eq(trn_recorder_new(&o, &r), 0);
    for (uint32_t i = 0; i < 4000; i++) {
        struct trn_event ev = fork_at(1000 * MS + i, i + 1);
        cr_assert_eq(trn_recorder_add(r, &ev), 0);
        struct trn_recorder_stats st;
        trn_recorder_stats(r, &st);
        cr_assert_leq(st.bytes, 16u << 10);
    }
    cr_assert_eq(trn_recorder_flush(r), 0);
    cr_assert_eq(t.n, 4000);
    struct trn_recorder_stats st;
    trn_recorder_stats(r, &st);
    cr_assert_gt(st.hurried, 0, "and it is counted");
    trn_recorder_free(r);
    trn_buf_done(&t.bytes);
}

Test(recorder, a_clock_jump_is_an_event_and_moves_wall_time)
{
    static struct taken t;
    taken_init(&t);
    struct trn_recorder *r = recorder(&t, NULL, NULL);
    cr_assert_eq(trn_recorder_advance(r, 1000 * MS, 9000 * MS), 0);
    cr_assert_eq(trn_recorder_advance(r, 1100 * MS, 9101 * MS), 0);
    cr_assert_eq(t.n, 0, "a millisecond of drift is none");
    cr_assert_eq(trn_recorder_advance(r, 1200 * MS, 99200 * MS), 0);
    cr_assert(t.n == 1 && t.types[0] == TRN_EV_CLOCK);
    trn_recorder_free(r);
    trn_buf_done(&t.bytes);
}

Test(recorder, who_waits_is_served_after_a_shorter_window)
{
    struct taken t;
    taken_init(&t);
    struct trn_recorder *r = recorder(&t, NULL, NULL);
    struct trn_event first = fork_at(1000 * MS, 1), later = fork_at(1030 * MS, 2), before = fork_at(999 * MS, 3);
    cr_assert(trn_recorder_add(r, &first) == 0 && trn_recorder_add(r, &later) == 0);
    trn_recorder_hurry(r, 1010 * MS);
    cr_assert_eq(trn_recorder_advance(r, 1020 * MS, 1020 * MS), 0);
    cr_expect_eq(t.n, 0, "what was told before it may still be on its way");
    cr_assert_eq(trn_recorder_add(r, &before), 0);
    cr_assert_eq(trn_recorder_advance(r, 1055 * MS, 1055 * MS), 0);
    cr_expect_eq(t.n, 2, "and no further than asked for");
    cr_expect(t.times[0] == 999 * MS && t.late == 0);
    cr_assert_eq(trn_recorder_advance(r, 1185 * MS, 1185 * MS), 0);
    cr_expect_eq(t.n, 3);
    trn_recorder_free(r);
    trn_buf_done(&t.bytes);
}
