/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a profile outlive a restart and weeks of sleep, and is a replay the same byte for byte? */
#include "script_and_machine.h"

#include <criterion/criterion.h>

#define DAY_MS (24u * 3600 * 1000)
#define PHONE "/opt/acme-softphone/bin/acme-softphone"

TestSuite(profile_restart, .init = setup, .fini = teardown);

static uint32_t daily(const char *version, unsigned days, uint32_t pid)
{
    for (unsigned i = 0; i < days; i++) {
        wait_ms(s, DAY_MS);
        act_identity(s, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
        act_start(s, 1, pid, PHONE, "acme-softphone --quiet");
        act_start(s, pid, pid + 1, "/usr/bin/cat", "cat");
        act_exit(s, pid + 1);
        if (i + 1 < days)
            act_exit(s, pid);
        pid += 2;
    }
    return pid - 2;
}

static void profile(const struct machine *of, struct trn_buf *out)
{
    trn_buf_init(out, 1 << 16);
    trn_detect_profile(of->detect, TRN_STR("acme-softphone"), out);
    cr_assert(!out->bad && out->n > 0);
}

static bool says(const struct machine *of, const char *text)
{
    struct trn_buf out;
    profile(of, &out);
    bool found = trn_str_contains(trn_buf_str(&out), trn_str_of(text));
    trn_buf_done(&out);
    return found;
}

Test(profile_restart, it_is_the_same_after_a_restart)
{
    struct trn_buf before, after;
    daily("1.0", 20, 1000);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    struct machine *again = machine_new(NULL);
    machine_restore(again, m, s, s->n);
    profile(m, &before);
    profile(again, &after);
    cr_assert_str_eq(before.p, after.p);
    cr_assert(says(again, "\"runs\":20,\"days\":20"));
    trn_buf_done(&before);
    trn_buf_done(&after);
    machine_free(again);
}

Test(profile_restart, a_crash_costs_a_minute_at_most)
{
    daily("1.0", 20, 1000);
    for (unsigned i = 0; i < 70; i++) {
        wait_ms(s, 1000);
        act_tick(s);
    }
    machine_run(m, s, 0, s->n); /* and no stop */
    struct machine *again = machine_new(NULL);
    machine_restore(again, m, s, 0);
    cr_assert(says(again, "\"runs\":20,\"days\":20"));
    machine_free(again);
}

Test(profile_restart, an_implant_that_sleeps_four_weeks_over_a_reboot)
{
    daily("1.0", 20, 1000);
    act_update(s, "acme-softphone", "1.0", "1.1");
    daily("1.1", 28, 2000);
    act_stop(s);
    machine_run(m, s, 0, s->n);

    /* The machine boots anew: no process of before, boot time from the start. */
    struct machine *again = machine_new(NULL);
    machine_restore(again, m, s, 0);
    uint64_t wall = s->ev[s->n - 1].wall_ns;
    struct script *first = s;
    s = script_new();
    daily("1.1", 1, 3000);
    act_start(s, 3000, 3002, "/usr/bin/dash", "sh");
    for (size_t i = 0; i < s->n; i++)
        s->ev[i].wall_ns += wall - 1795417260000000000ull;
    machine_run(again, s, 0, s->n);
    cr_assert(says(again, "\"runs\":49,\"days\":49"));
    cr_assert(says(again, "\"version\":\"1.1\",\"since\":\"2026-12-13T"), "since it was installed");
    cr_assert(says(again, "\"words\":\"starts the interpreter dash\",\"version\":\"1.1\""));
    cr_assert(says(again, "\"state\":\"waiting\",\"new\":true"), "new, after 28 days of quiet");
    machine_free(again);
    script_free(first);
}

Test(profile_restart, a_replay_writes_the_same_rows_byte_for_byte)
{
    daily("1.0", 20, 1000);
    act_update(s, "acme-softphone", "1.0", "1.1");
    uint32_t pid = daily("1.1", 3, 2000);
    act_start(s, pid, 2100, "/usr/bin/dash", "sh");
    act_start(s, pid, 2101, "/tmp/a1/tool", "tool");
    act_stop(s);
    machine_run(m, s, 0, s->n);
    struct machine *again = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_gt(m->n_state, 0);
    cr_assert_eq(m->n_state, again->n_state);
    for (size_t i = 0; i < m->n_state; i++)
        cr_assert(trn_str_eq(m->state[i].state.value, again->state[i].state.value) &&
                      m->state[i].state.key == again->state[i].state.key,
                  "row %zu", i);
    cr_assert_eq(m->n_findings, again->n_findings);
    for (size_t i = 0; i < m->n_findings; i++)
        cr_assert(trn_str_eq(m->findings[i].summary, again->findings[i].summary));
    machine_free(again);
}
