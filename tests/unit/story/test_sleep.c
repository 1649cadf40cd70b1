/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a deed of weeks later still name the update that it came with, over a restart and a reboot? */
#include "../detect/script.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DAY_NS (86400 * TRN_NS_PER_SEC)

/* A later boot: the clock since boot begins anew, the wall clock does not. */
static void later(struct script *s, uint64_t days)
{
    for (size_t i = 0; i < s->n; i++)
        s->ev[i].wall_ns += days * DAY_NS;
}

/* The rows alone: nothing runs any more of what ran. */
static void reboot(struct machine *after, const struct machine *before)
{
    static const struct script none;
    machine_restore(after, before, &none, 0);
}

static void deed(struct script *s, bool second)
{
    act_start(s, 1, 812, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone");
    act_identity(s, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone", "1.1", TRN_ORIGIN_DPKG,
                 TRN_SW_MODIFIED_KNOWN);
    act_open(s, 812, second ? "/x/Login Data" : "/x/places.sqlite", second ? "browser-logins" : "browser-history",
             second ? "chromium" : "firefox");
    act_stop(s);
}

static void names_the_update(const struct machine *m, uint64_t at)
{
    const struct trn_story *st = m->told[1];
    cr_assert(st != NULL);
    cr_assert(trn_str_eq_c(st->change_from, "1.0") && trn_str_eq_c(st->change_to, "1.1") &&
              trn_str_eq_c(st->change_by, "apt"));
    cr_assert_eq(st->change_wall_ns, at);
}

Test(sleep, weeks_after_the_update)
{
    static const unsigned days[] = {7, 14, 28, 34};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(days); i++) {
        struct script *s = script_new(), *after = script_new();
        struct machine *m = machine_new(NULL), *second = machine_new(NULL);
        act_update(s, "acme-softphone", "1.0", "1.1");
        uint64_t at = s->ev[s->n - 1].wall_ns;
        act_stop(s);
        machine_run(m, s, 0, s->n);
        deed(after, false);
        later(after, days[i]);
        reboot(second, m);
        machine_run(second, after, 0, after->n);
        names_the_update(second, at);
        char when[32];
        snprintf(when, sizeof(when), "+%u days", days[i]);
        cr_assert(strstr(machine_page(second, 1), when), "%s", second->page);
        machine_free(m);
        machine_free(second);
        script_free(s);
        script_free(after);
    }
}

Test(sleep, an_open_story_gets_its_second_deed_28_days_later)
{
    struct script *s = script_new(), *after = script_new();
    struct machine *m = machine_new(NULL), *second = machine_new(NULL);
    act_update(s, "acme-softphone", "1.0", "1.1");
    uint64_t at = s->ev[s->n - 1].wall_ns;
    deed(s, false);
    machine_run(m, s, 0, s->n);
    deed(after, true);
    later(after, 28);
    reboot(second, m);
    machine_run(second, after, 0, after->n);
    cr_assert_eq(machine_stories(second, TRN_VERDICT_NOTE), 1);
    names_the_update(second, at);
    cr_assert_eq(second->told[1]->n_findings, 2);
    machine_free(m);
    machine_free(second);
    script_free(s);
    script_free(after);
}

/* A distribution's own upgrade: thousands of packages within a day. The oldest go, and are forgotten in the store too. */
Test(sleep, too_many_updates_push_out_the_oldest, .timeout = 60)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    static struct machine *after;
    char name[32];
    struct trn_event ev;
    act_update(s, "acme-softphone", "1.0", "1.1");
    ev = s->ev[s->n - 1];
    uint64_t first = ev.wall_ns;
    after = machine_new(NULL);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "package-%u", i);
        ev.software.software.name = trn_str_of(name);
        ev.wall_ns = first - 4000 + i; /* all before it */
        cr_assert_eq(trn_stories_event(after->stories, &ev), 0);
        after->n_state = 0;
    }
    machine_push(after, &s->ev[s->n - 1]);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "later-%u", i);
        ev.software.software.name = trn_str_of(name);
        ev.wall_ns = first + 1 + i;
        after->n_state = 0;
        cr_assert_eq(trn_stories_event(after->stories, &ev), 0);
    }
    cr_assert(after->n_state == 2 && trn_str_is_empty(after->state[0].state.value), "one is forgotten, one remembered");
    deed(s, false);
    machine_run(after, s, s->n - 5, s->n);
    names_the_update(after, first);
    cr_assert_leq(trn_stories_bytes(after->stories), 4u << 20);
    machine_free(after);
    machine_free(m);
    script_free(s);
}
