/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is everybody but the browser told when its data is opened, once, and with the right weight? */
#include "script_and_machine.h"

#include <criterion/criterion.h>

#define CHECK "behaviour.browser-data"
#define PLACES "/home/alice/.mozilla/firefox/x.default/places.sqlite"

static size_t run(void)
{
    machine_run(m, s, 0, s->n);
    return machine_count(m, CHECK);
}

TestSuite(browser_data, .init = setup, .fini = teardown);

Test(browser_data, another_program)
{
    softphone(s, "1.1");
    act_open(s, 812, PLACES, "browser-history", "firefox");
    cr_assert_eq(run(), 1);
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert_eq(f->score, 45);
    cr_assert_eq(f->acting, entity_of(812));
    cr_assert(trn_str_eq_c(f->summary, "read Firefox places.sqlite; its owner is firefox"), "%.*s",
              TRN_STR_ARG(f->summary));
}

Test(browser_data, its_tools_read_for_it)
{
    softphone(s, "1.1");
    act_start(s, 812, 820, "/usr/bin/dash", "sh -c cat");
    act_start(s, 820, 821, "/usr/bin/cat", "cat x");
    act_open(s, 821, PLACES, "browser-history", "firefox");
    cr_assert_eq(run(), 1);
    cr_assert_eq(machine_finding(m, CHECK, 0)->acting, entity_of(812));
}

Test(browser_data, the_browser_its_package_and_its_helpers)
{
    act_start(s, 1, 300, "/usr/lib/firefox-esr/firefox-esr", "firefox-esr");
    act_identity(s, "/usr/lib/firefox-esr/firefox-esr", "firefox-esr", "128", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_open(s, 300, PLACES, "browser-history", "firefox");
    act_start(s, 300, 301, "/usr/lib/firefox-esr/pingsender", "pingsender");
    act_identity(s, "/usr/lib/firefox-esr/pingsender", "firefox-esr", "128", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_open(s, 301, PLACES, "browser-history", "firefox");
    act_start(s, 300, 302, "/usr/bin/cat", "cat");
    act_open(s, 302, PLACES, "browser-history", "firefox");
    cr_assert_eq(run(), 0);
}

Test(browser_data, a_browser_unpacked_by_hand)
{
    act_start(s, 101, 300, "/home/alice/firefox/firefox", "firefox");
    act_open(s, 300, PLACES, "browser-history", "firefox*");
    cr_assert_eq(run(), 0);
}

Test(browser_data, a_mask_with_the_browsers_name)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 443);
    act_write(s, 812, "/tmp/firefox");
    act_start(s, 812, 813, "/tmp/firefox", "firefox");
    act_open(s, 813, PLACES, "browser-history", "firefox");
    cr_assert_eq(run(), 1);
}

Test(browser_data, a_person_at_a_prompt_is_a_low_note)
{
    act_start(s, 101, 300, "/usr/bin/cat", "cat places.sqlite");
    act_open(s, 300, PLACES, "browser-history", "firefox");
    cr_assert_eq(run(), 1);
    cr_assert_leq(machine_finding(m, CHECK, 0)->score, 20);
    cr_assert_eq(machine_finding(m, CHECK, 0)->acting, 0);
}

Test(browser_data, many_opens_one_finding_with_a_count)
{
    softphone(s, "1.1");
    for (int i = 0; i < 57; i++)
        act_open(s, 812, PLACES, "browser-history", "firefox");
    act_open(s, 812, PLACES, "browser-cookies", "firefox");
    cr_assert_eq(run(), 3);
    const struct trn_finding *first = machine_finding(m, CHECK, 0), *again = machine_finding(m, CHECK, 1);
    cr_assert_eq(first->id, again->id, "told again, the same finding");
    cr_assert_neq(first->id, machine_finding(m, CHECK, 2)->id, "cookies are another");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert_eq(m->told[1]->n_findings, 2);
}

Test(browser_data, other_sensitive_files_are_not_its_business)
{
    softphone(s, "1.1");
    act_open(s, 812, "/home/alice/.ssh/id_rsa", "ssh-key", NULL);
    cr_assert_eq(run(), 0);
}
