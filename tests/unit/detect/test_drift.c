/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is an update told that does much more that is new than updates do as a rule, once, and as a note only? */
#include "detect/behaviour/drift.h"
#include "phone.h"

#include <criterion/criterion.h>
#include <stdio.h>

static size_t told;
static char last[4096];
static uint16_t worst;

static int on_finding(void *c, const struct trn_finding *f)
{
    (void)c;
    told++;
    worst = TRN_MAX(worst, f->score);
    trn_escape_into(last, sizeof last, f->summary);
    trn_profiles_finding(p, f);
    return 0;
}

static void setup(void)
{
    phone_setup();
    ctx.findings = (struct trn_finding_sink){on_finding, NULL};
    told = worst = 0;
}

static void does(uint32_t pid, enum trn_feature_class class, const char *text)
{
    struct trn_event ev;
    ask(pid, class, text);
    trn_event_init(&ev, TRN_EV_CONNECT);
    cr_assert_eq(trn_drift_push(p, &ctx, &ev), 0);
}

TestSuite(drift, .init = setup, .fini = phone_teardown);

Test(drift, divergence_is_what_was_computed_by_hand)
{
    const uint32_t same[2] = {3, 3}, twice[2] = {6, 6}, left[2] = {4, 0}, right[2] = {0, 4}, none[2] = {0, 0};
    cr_assert_float_eq(trn_divergence(same, twice, 2), 0, 1e-12);
    cr_assert_float_eq(trn_divergence(left, right, 2), 1, 1e-12);
    cr_assert_float_eq(trn_divergence(left, same, 2), 0.311278, 1e-6);
    cr_assert_eq(trn_divergence(left, none, 2), 0);
}

Test(drift, an_implant_in_an_update_is_told_once)
{
    grow("1.0", 20);
    uint32_t pid = grow("1.1", 1);
    does(pid, TRN_FEATURE_DESTINATION, "raw.code.example");
    does(pid, TRN_FEATURE_MEMORY, "anonymous");
    does(pid, TRN_FEATURE_SENSITIVE, "browser-history");
    does(pid, TRN_FEATURE_CHILD, "dash");
    does(pid, TRN_FEATURE_INTERPRETER, "dash");
    does(pid, TRN_FEATURE_PERSISTENCE, "systemd");
    cr_assert_eq(told, 1);
    cr_assert_leq(worst, 20);
    cr_assert_str_eq(last,
                     "does 2 things that it never did in 20 runs of the version before: talks to raw.code.example, "
                     "has executable memory: anonymous");
}

Test(drift, the_same_in_a_first_version_or_by_hand_is_not)
{
    uint32_t pid = grow("1.0", 20);
    does(pid, TRN_FEATURE_MEMORY, "anonymous");
    does(pid, TRN_FEATURE_SENSITIVE, "browser-history");
    cr_assert_eq(told, 0);
}

Test(drift, one_new_host_of_an_update_is_not)
{
    grow("1.0", 20);
    uint32_t pid = grow("1.1", 1);
    does(pid, TRN_FEATURE_DESTINATION, "telemetry.example");
    cr_assert_eq(told, 0);
}

Test(drift, twenty_six_weekly_releases_stay_notes_and_the_lineage_grows_up)
{
    size_t early = 0;
    double grown = 0;
    grow("1.0", 14);
    for (unsigned week = 1; week <= 26; week++) {
        char version[16], text[64];
        snprintf(version, sizeof version, "1.%u", week);
        for (unsigned day = 0; day < 7; day++) {
            uint32_t pid = grow(version, 1);
            if (day == 1) { /* an ordinary release: a helper, a host, a library */
                snprintf(text, sizeof text, "acme-helper-%u", week);
                does(pid, TRN_FEATURE_CHILD, text);
                snprintf(text, sizeof text, "cdn%u.example", week);
                does(pid, TRN_FEATURE_DESTINATION, text);
                snprintf(text, sizeof text, "~/.cache/acme/%u", week);
                does(pid, TRN_FEATURE_MODULE, text);
            }
        }
        cr_assert_geq(phone()->maturity, grown);
        grown = phone()->maturity;
        if (week == 8)
            early = told;
    }
    cr_assert_gt(grown, 0.99);
    cr_assert_leq(worst, 20, "a note");
    cr_assert_leq(early, 2u, "%zu", early);
    cr_assert_eq(told, early, "what its updates bring as a rule is not told");
    cr_assert_eq(phone()->version_seq, 27);

    /* And the one that is different is told. */
    uint32_t pid = grow("2.0", 1);
    does(pid, TRN_FEATURE_MEMORY, "anonymous");
    does(pid, TRN_FEATURE_SENSITIVE, "browser-history");
    does(pid, TRN_FEATURE_REACH, "ptrace");
    does(pid, TRN_FEATURE_PERSISTENCE, "systemd");
    cr_assert_eq(told, early + 1);
}

Test(drift, a_browser_that_always_goes_to_new_places_does_not_drift_by_them)
{
    unsigned host = 0;
    char text[64];
    for (unsigned day = 0; day < 40; day++) {
        uint32_t pid = grow("1.0", 1);
        for (unsigned i = 0; i < 5; i++) {
            snprintf(text, sizeof text, "site%u.example", host++);
            does(pid, TRN_FEATURE_DESTINATION, text);
        }
    }
    uint32_t pid = grow("1.1", 1);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "site%u.example", host++);
        does(pid, TRN_FEATURE_DESTINATION, text);
    }
    cr_assert_eq(told, 0);
}
