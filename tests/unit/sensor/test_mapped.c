/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a mapping told once per image, and again after a fork or an exec? */
#include "sensor/reader.h"

#include <criterion/criterion.h>

static struct trn_event library(uint32_t pid, const char *path)
{
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_LIB_LOAD);
    ev.pid = pid;
    ev.map.path = trn_str_of(path);
    return ev;
}

static bool is_new(struct trn_mapped *s, uint32_t pid, const char *path)
{
    struct trn_event ev = library(pid, path);

    return trn_mapped_is_new(s, &ev);
}

Test(sensor_mapped, once_per_process_and_file)
{
    struct trn_mapped *s = trn_mapped_new();

    cr_assert_not_null(s);
    cr_expect(is_new(s, 1, "/lib/libc.so.6"));
    cr_expect(!is_new(s, 1, "/lib/libc.so.6"));
    cr_expect(is_new(s, 1, "/lib/libz.so"));
    cr_expect(is_new(s, 2, "/lib/libc.so.6"));
    cr_expect_null(trn_mapped_free(s));
}

Test(sensor_mapped, again_after_fork_and_exec)
{
    struct trn_mapped *s = trn_mapped_new();

    cr_expect(is_new(s, 1, "/lib/a.so"));
    trn_mapped_fork(s, 1, 100); /* the pid was used again */
    cr_expect(is_new(s, 1, "/lib/a.so"));
    trn_mapped_exec(s, 1, 200);
    cr_expect(!is_new(s, 1, "/usr/bin/program"), "the program itself");
    cr_expect(is_new(s, 1, "/lib/a.so"));
    cr_expect(!is_new(s, 1, "/usr/bin/program"));
    trn_mapped_free(s);
}

Test(sensor_mapped, the_loader_goes_without_saying)
{
    struct trn_mapped *s = trn_mapped_new();

    cr_expect(!is_new(s, 1, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
    cr_expect(is_new(s, 1, "/tmp/ld-linux-x86-64.so.2"), "a loader of somebody's own");
    cr_expect(is_new(s, 1, "/tmp/ld/evil.so"));
    trn_mapped_free(s);
}

Test(sensor_mapped, kinds_and_build_ids_differ)
{
    struct trn_mapped *s = trn_mapped_new();
    struct trn_event ev = library(1, "/lib/a.so");

    ev.map.build_id = TRN_STR("one");
    cr_expect(trn_mapped_is_new(s, &ev));
    ev.map.build_id = TRN_STR("two");
    cr_expect(trn_mapped_is_new(s, &ev));
    ev.type = TRN_EV_MEM_EXEC;
    cr_expect(trn_mapped_is_new(s, &ev));
    ev.action = TRN_ACT_WRITABLE;
    cr_expect(trn_mapped_is_new(s, &ev));
    cr_expect(!trn_mapped_is_new(s, &ev));
    trn_mapped_free(s);
}

Test(sensor_mapped, a_flood_stays_bounded_and_loses_no_event)
{
    struct trn_mapped *s = trn_mapped_new();

    for (uint32_t pid = 1; pid < 200000; pid++) {
        trn_mapped_exec(s, pid, pid);
        cr_assert(!is_new(s, pid, "/usr/bin/true"));
        cr_assert(is_new(s, pid, "/lib/a.so"));
        if (pid % 2)
            trn_mapped_exit(s, pid);
    }
    trn_mapped_free(s);
}
