/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is what hooks and iterators both tell while the sensor starts told once, and what is left out counted? */
#include "sensor/reader.h"
#include "wire_build.h"

#include <criterion/criterion.h>

#define SECOND TRN_NS_PER_SEC

static struct trn_event program(uint64_t entity, uint64_t when, uint32_t flags, const char *argv)
{
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = entity;
    ev.boot_ns = when;
    ev.flags = flags;
    ev.exec.file.ino = 7;
    ev.exec.argv = trn_str_of(argv);
    return ev;
}

static bool repeats(struct trn_startup *s, uint64_t entity, uint64_t when, uint32_t flags, const char *argv)
{
    struct trn_event ev = program(entity, when, flags, argv);

    return trn_startup_repeats(s, &ev);
}

Test(sensor_startup, an_exec_of_the_stream_is_not_listed_again)
{
    struct trn_startup *s = trn_startup_new(SECOND);

    cr_expect(!repeats(s, 1, 2 * SECOND, 0, "a"));
    cr_expect(repeats(s, 1, 3 * SECOND, TRN_EVF_EXISTING, "a rewritten"), "it is older than the listing");
    cr_expect(!repeats(s, 2, 3 * SECOND, TRN_EVF_EXISTING, "b"));
    cr_expect(!repeats(s, 3, 2 * SECOND, 0, "c"));
    cr_expect(!repeats(s, 3, SECOND, TRN_EVF_EXISTING, "before c"), "an older image of the same process");
    cr_expect(!repeats(s, 3, 4 * SECOND, 0, "c"), "and a later exec of the same again");
    cr_expect_null(trn_startup_free(s));
}

Test(sensor_startup, the_listing_may_see_the_image_before_the_hook_fires)
{
    struct trn_startup *s = trn_startup_new(SECOND);

    cr_expect(!repeats(s, 1, 2 * SECOND, TRN_EVF_EXISTING, "a"));
    cr_expect(repeats(s, 1, 2 * SECOND + 1000, 0, "a"));
    cr_expect(!repeats(s, 2, 2 * SECOND, TRN_EVF_EXISTING, "shell"));
    cr_expect(!repeats(s, 2, 2 * SECOND + 1000, 0, "program"));
    cr_expect(!repeats(s, 3, 2 * SECOND, TRN_EVF_EXISTING, "a"));
    cr_expect(!repeats(s, 3, 4 * SECOND, 0, "a"), "much later the same program again is another exec");
    trn_startup_free(s);
}

Test(sensor_startup, long_after_the_start_nothing_is_kept_back)
{
    struct trn_startup *s = trn_startup_new(SECOND);

    cr_expect(!repeats(s, 1, 2 * SECOND, 0, "a"));
    cr_expect(!repeats(s, 2, 100 * SECOND, 0, "b"));
    cr_expect(!repeats(s, 1, 101 * SECOND, TRN_EVF_EXISTING, "a"));
    trn_startup_free(s);
}

Test(sensor_startup, mappings_of_an_image_that_the_stream_told_are_there_too)
{
    struct trn_startup *s = trn_startup_new(SECOND);
    struct trn_event ev;

    cr_expect(!repeats(s, 1, 2 * SECOND, 0, "a"));
    trn_event_init(&ev, TRN_EV_LIB_LOAD);
    ev.flags = TRN_EVF_EXISTING;
    ev.boot_ns = 3 * SECOND;
    ev.entity = 1;
    cr_expect(trn_startup_repeats(s, &ev));
    ev.entity = 2;
    cr_expect(!trn_startup_repeats(s, &ev));
    ev.flags = 0;
    ev.entity = 1;
    cr_expect(!trn_startup_repeats(s, &ev), "what perf tells is for seen.c");
    trn_startup_free(s);
}

Test(sensor_startup, a_flood_of_processes_stays_bounded)
{
    struct trn_startup *s = trn_startup_new(SECOND);

    for (uint64_t i = 1; i < 100000; i++)
        cr_assert(!repeats(s, i, 2 * SECOND, i % 2 ? 0 : TRN_EVF_EXISTING, "x"));
    trn_startup_free(s);
}

Test(sensor_startup, perf_and_the_iterator_tell_one_mapping_once)
{
    struct trn_mapped *s = trn_mapped_new();
    struct trn_event perf, before;

    trn_event_init(&perf, TRN_EV_LIB_LOAD);
    perf.pid = 1;
    perf.boot_ns = 50;
    perf.map.path = TRN_STR("/lib/a.so");
    perf.map.build_id = TRN_STR("one");
    before = perf;
    before.flags = TRN_EVF_EXISTING;
    before.boot_ns = 100;
    before.map.build_id = TRN_STR_NONE;
    before.map.file.ino = 5;
    cr_expect(trn_mapped_is_new(s, &before));
    cr_expect(!trn_mapped_is_new(s, &perf), "loaded while the iterator was on its way");
    perf.boot_ns = 200;
    cr_expect(trn_mapped_is_new(s, &perf), "loaded later: perhaps another file of that name");
    cr_expect(!trn_mapped_is_new(s, &perf));
    perf.pid = before.pid = 2;
    cr_expect(trn_mapped_is_new(s, &perf));
    cr_expect(!trn_mapped_is_new(s, &before));
    trn_mapped_free(s);
}

Test(sensor_losses, each_counter_has_its_class_and_its_cpu)
{
    struct trn_wire_losses cpus[2] = {0};
    struct trn_losses_read l = {.counters = cpus, .n_cpus = 2};
    struct trn_loss_row rows[TRN_LOSS_ROWS];
    uint64_t lost[TRN_CLASS_MAX];
    size_t n;

    cr_assert_eq(trn_losses_init(&l, 2), 0);
    for (unsigned i = 0; i < TRN_WIRE_LOST_MAX; i++)
        cpus[1].lost[i] = 10 + i;
    cpus[0].lost[TRN_WIRE_LOST_PROCESS] = 30;
    l.perf[1] = 4;
    l.made[TRN_CLASS_FILE][TRN_WIRE_LOSS_QUEUE] = 2;
    l.made[TRN_CLASS_FILE][TRN_WIRE_LOSS_PIPE] = 3;
    l.throttled_files = 100;
    trn_losses_sum(&l, lost);
    cr_expect_eq(lost[TRN_CLASS_PROCESS], 40, "the busy scratch is among it");
    cr_expect_eq(lost[TRN_CLASS_NETWORK], 11);
    cr_expect_eq(lost[TRN_CLASS_DNS], 12);
    cr_expect_eq(lost[TRN_CLASS_TLS], 13);
    cr_expect_eq(lost[TRN_CLASS_ACCESS], 14);
    cr_expect_eq(lost[TRN_CLASS_MAPPING], 4);
    cr_expect_eq(lost[TRN_CLASS_FILE], 5);
    cr_expect_eq(lost[TRN_CLASS_OPEN] + lost[TRN_CLASS_STORE] + lost[TRN_CLASS_CLIENT] + lost[TRN_CLASS_IDENTITY], 0);
    n = trn_losses_rows(&l, rows);
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = 0;

        for (uint32_t cpu = 0; cpu < rows[i].cpus; cpu++)
            sum += rows[i].per_cpu[cpu];
        if (strcmp(rows[i].name, "throttled") == 0)
            cr_expect(rows[i].count == 115 && sum == 15);
        else if (rows[i].cpus)
            cr_expect_eq(sum, rows[i].count, "%s", rows[i].name);
        if (strcmp(rows[i].reason, "scratch busy") == 0)
            cr_expect(rows[i].count == 17 && rows[i].per_cpu[1] == 17);
        if (strcmp(rows[i].name, "process") == 0 && strcmp(rows[i].reason, "ring full") == 0)
            cr_expect_eq(rows[i].per_cpu[0], 30);
    }
    cr_expect_eq(n, 11);
    trn_losses_done(&l);
}
