/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: does it matter later that an update was found suspicious? The version that it brought is marked: what it does then
 * joins that story and is suspicious at the first act, where the same act alone is a note.
 */
#include "../detect/script_and_machine.h"

#include <criterion/criterion.h>

TestSuite(mark, .init = setup, .fini = teardown);

static void acts(void)
{
    softphone(s, "1.1");
    act_open(s, 812, "/home/alice/.mozilla/firefox/x/places.sqlite", "browser-history", "firefox");
    wait_ms(s, 50);
}

static void judge(void)
{
    act_tick(s);
    act_stop(s);
    machine_run(m, s, 0, s->n);
}

Test(mark, without_it_one_act_is_a_note)
{
    acts();
    judge();
    cr_assert(machine_stories(m, TRN_VERDICT_NOTE) == 1 && machine_stories(m, TRN_VERDICT_SUSPICIOUS) == 0);
}

Test(mark, a_suspicious_update_alone_is_a_note)
{
    act_brought(s, "acme-softphone", "1.1", "diff.signer-changed", 35, "suspicious");
    judge();
    cr_assert(machine_stories(m, TRN_VERDICT_NOTE) == 1 && machine_stories(m, TRN_VERDICT_SUSPICIOUS) == 0);
}

/* The strongest part of it; and many small ones, none of which would be a stage by itself. */
Test(mark, with_it_the_first_act_is_suspicious_and_one_story)
{
    static const uint64_t parts[] = {35, 20};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++) {
        act_brought(s, "acme-softphone", "1.1", "diff.signer-changed", parts[i], "suspicious");
        acts();
        judge();
        cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1, "%llu", (unsigned long long)parts[i]);
        cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1, "%llu", (unsigned long long)parts[i]);
        cr_assert(m->told[1]->n_findings >= 2 && m->told[1]->score > 40, "%u", m->told[1]->score);
        teardown();
        setup();
    }
}

Test(mark, it_is_that_version_s_and_no_other_s)
{
    act_brought(s, "acme-softphone", "1.0", "diff.signer-changed", 35, "suspicious");
    act_brought(s, "acme-other", "1.1", "diff.signer-changed", 35, "suspicious");
    acts();
    judge();
    cr_assert(machine_stories(m, TRN_VERDICT_NOTE) == 3 && machine_stories(m, TRN_VERDICT_SUSPICIOUS) == 0);
}

Test(mark, it_outlives_a_restart_and_a_month)
{
    act_brought(s, "acme-softphone", "1.1", "diff.signer-changed", 35, "suspicious");
    act_tick(s);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    struct machine *after = machine_new(NULL);
    size_t from = s->n;
    machine_restore(after, m, s, s->n);
    wait_ms(s, 28ull * 86400 * 1000);
    acts();
    act_tick(s);
    act_stop(s);
    machine_run(after, s, from, s->n);
    size_t found = machine_stories(after, TRN_VERDICT_SUSPICIOUS);
    machine_free(after);
    cr_assert_eq(found, 1);
}

Test(mark, a_bad_file_of_it_is_the_software_s_and_no_session_s)
{
    act_brought(s, "acme-softphone", "1.1", "indicator.sha256", 90, "suspicious");
    act_brought(s, "acme-softphone", "1.1", "yara.Made_Up", 50, "suspicious");
    judge();
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1, "one story");
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "acme-softphone 1.1 holds what does not belong there") && !strstr(page, "at a prompt"), "%s",
              page);
}
