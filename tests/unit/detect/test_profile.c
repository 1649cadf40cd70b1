/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a profile know what a software always did, learn only what it should, and stay small? */
#include "phone.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void find(const char *version, uint16_t score)
{
    struct trn_finding f = {.score = score, .wall_ns = 1795417260000000000ull + days * DAY_NS};
    f.software =
        (struct trn_software){trn_str_of("acme-softphone"), trn_str_of(version), TRN_STR_NONE, TRN_ORIGIN_DPKG, 0};
    trn_profiles_finding(p, &f);
}

TestSuite(profile, .init = phone_setup, .fini = phone_teardown);

Test(profile, maturity_is_what_was_computed_by_hand)
{
    cr_assert_float_eq(trn_maturity(20, 7), 0.632121, 1e-6);
    cr_assert_float_eq(trn_maturity(41, 12), 0.871265, 1e-6);
    cr_assert_float_eq(trn_maturity(1000, 1), 0.142857, 1e-6);
    cr_assert_float_eq(trn_maturity(1, 60), 0.950213, 1e-6, "one long run of sixty days");
    cr_assert_eq(trn_maturity(0, 0), 0);
}

Test(profile, surprise_is_what_was_computed_by_hand)
{
    cr_assert_float_eq(trn_dirichlet(0, 2, 0.5), 2, 1e-9);  /* (0 + 2 / 2) / (2 + 2) = 1/4 */
    cr_assert_float_eq(trn_dirichlet(3, 6, 0.5), 1, 1e-9);  /* (3 + 1) / 8 = 1/2 */
    cr_assert_float_eq(trn_dirichlet(0, 0, 0.25), 2, 1e-9); /* nothing known: the parent's */
    /* alone on the machine, no runs: all levels are the base rate of 1/1024, 10 bits, times the weight of a child */
    const struct trn_software sw = {.name = TRN_STR("x"), .origin = TRN_ORIGIN_DPKG};
    struct trn_lineage *l = trn_lineage_for(p, &ctx, &sw, 1);
    cr_assert_float_eq(trn_surprise(p, l, TRN_FEATURE_CHILD, 7), 30, 1e-9);
    l->runs = 6; /* (0 + 2/1024) / 8 = 2^-12 */
    cr_assert_float_eq(trn_surprise(p, l, TRN_FEATURE_SENSITIVE, 7), 96, 1e-9);
}

Test(profile, what_others_do_is_less_surprising)
{
    uint32_t pid = grow("1.0", 3);
    double alone = ask(pid, TRN_FEATURE_DESTINATION, "rare.example").surprise;
    for (int i = 0; i < 8; i++) {
        char path[64], name[16];
        uint32_t other = next_pid++;
        snprintf(path, sizeof path, "/usr/bin/other%d", i);
        snprintf(name, sizeof name, "other%d", i);
        act_start(s, 1, other, path, name);
        act_identity(s, path, name, "1", TRN_ORIGIN_DPKG, 0);
        play();
        ask(other, TRN_FEATURE_DESTINATION, "common.example");
    }
    struct trn_novelty n = ask(pid, TRN_FEATURE_DESTINATION, "common.example");
    cr_assert_eq(n.state, TRN_FEATURE_NEW);
    cr_assert_eq(n.lineages_with, 8);
    cr_assert_lt(n.surprise, alone - 10);
}

Test(profile, runs_days_and_versions_are_counted)
{
    uint32_t pid = grow("1.0", 12);
    struct trn_novelty n = ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    cr_assert_eq(n.runs, 12);
    cr_assert_eq(n.days, 12);
    cr_assert_eq(n.versions, 1);
    /* its own helper process is no run */
    act_start(s, pid, next_pid, PHONE, "acme-softphone --helper");
    play();
    cr_assert_eq(phone()->runs, 12);
    /* nor is the process that was there when the sensor came back */
    act_start(s, 1, next_pid + 1, PHONE, "acme-softphone");
    s->ev[s->n - 1].flags |= TRN_EVF_EXISTING;
    play();
    cr_assert_eq(phone()->runs, 12);
}

Test(profile, the_baseline_is_ordinary_once_the_lineage_is_mature)
{
    uint32_t pid = grow("1.0", 5);
    struct trn_novelty n = ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    cr_assert_eq(n.state, TRN_FEATURE_WAITING);
    cr_assert_not(trn_novelty_mature(&n));
    pid = grow("1.0", 15);
    n = ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    cr_assert(trn_novelty_mature(&n));
    cr_assert_eq(n.state, TRN_FEATURE_ORDINARY);
    cr_assert_eq(n.surprise, 0);
}

Test(profile, new_things_wait_35_days)
{
    uint32_t pid = grow("1.0", 20);
    struct trn_novelty n = ask(pid, TRN_FEATURE_DESTINATION, "new.example");
    cr_assert_eq(n.state, TRN_FEATURE_NEW);
    cr_assert_gt(n.surprise, 30);
    days += 34;
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_WAITING);
    days += 1;
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_ORDINARY);
    days -= 30; /* a clock that is set back takes nothing away */
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_ORDINARY);
}

Test(profile, after_a_finding_nothing_is_learned)
{
    uint32_t pid = grow("1.0", 20);
    ask(pid, TRN_FEATURE_DESTINATION, "before.example");
    days += 2;
    ask(pid, TRN_FEATURE_DESTINATION, "cause.example");
    find("1.0", 30);
    ask(pid, TRN_FEATURE_DESTINATION, "after.example");
    days += 100;
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "before.example").state, TRN_FEATURE_ORDINARY);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "cause.example").state, TRN_FEATURE_WAITING);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "after.example").state, TRN_FEATURE_WAITING);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "acme.example").state, TRN_FEATURE_ORDINARY);
    pid = grow("1.1", 1); /* the next version learns again */
    ask(pid, TRN_FEATURE_DESTINATION, "next.example");
    days += 36;
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "next.example").state, TRN_FEATURE_ORDINARY);
}

Test(profile, a_note_ends_no_learning)
{
    uint32_t pid = grow("1.0", 20);
    find("1.0", 20);
    ask(pid, TRN_FEATURE_DESTINATION, "new.example");
    days += 36;
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_ORDINARY);
}

Test(profile, a_young_one_with_a_finding_does_not_make_it_its_baseline)
{
    uint32_t pid = grow("1.0", 3);
    find("1.0", 45);
    ask(pid, TRN_FEATURE_DESTINATION, "bad.example");
    pid = grow("1.0", 30);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "bad.example").state, TRN_FEATURE_WAITING);
}

Test(profile, versions)
{
    uint32_t pid = grow("1.0", 20);
    act_update(s, "acme-softphone", "1.0", "1.1");
    play();
    uint64_t since = 1795417260000000000ull + days * DAY_NS;
    days += 3;
    pid = start("1.1");
    struct trn_novelty n = ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    cr_assert_eq(n.versions, 2);
    cr_assert(n.first_in_version && n.before_version);
    cr_assert_eq(n.state, TRN_FEATURE_ORDINARY);
    cr_assert_lt(n.version_wall_ns - since, DAY_NS / 24, "installed, not first run");
    n = ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    cr_assert_not(n.first_in_version);
    n = ask(pid, TRN_FEATURE_DESTINATION, "new.example");
    cr_assert(n.first_in_version && !n.before_version);
    struct trn_buf b;
    trn_buf_init(&b, 256);
    trn_novelty_words(&n, &b);
    cr_assert_str_eq(b.p, "first in 21 runs, 21 days and 2 versions; no other software here does it");
    trn_buf_clear(&b);
    n.runs = 0; /* in a log that tells its signer only after the start */
    trn_novelty_words(&n, &b);
    cr_assert_str_eq(b.p, "first in 21 days and 2 versions; no other software here does it");
    trn_buf_done(&b);
}

Test(profile, one_act_is_as_new_for_every_detector_that_asks)
{
    uint32_t pid = grow("1.0", 20);
    ask(pid, TRN_FEATURE_DESTINATION, "new.example");
    seq--; /* the same event */
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_NEW);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "new.example").state, TRN_FEATURE_WAITING);
}

Test(profile, looking_records_nothing)
{
    grow("1.0", 20);
    const struct trn_software sw = {.name = TRN_STR("acme-softphone"),
                                    .version = TRN_STR("1.0"),
                                    .origin = TRN_ORIGIN_DPKG};
    struct trn_novelty n;
    for (int i = 0; i < 2; i++) {
        cr_assert(trn_profiles_look(p, &sw, TRN_FEATURE_DESTINATION, TRN_STR("new.example"), &n));
        cr_assert_eq(n.state, TRN_FEATURE_NEW);
    }
    cr_assert(trn_profiles_look(p, &sw, TRN_FEATURE_DESTINATION, TRN_STR("acme.example"), &n));
    cr_assert_eq(n.state, TRN_FEATURE_ORDINARY);
    const struct trn_software other = {.name = TRN_STR("other"), .origin = TRN_ORIGIN_DPKG};
    cr_assert_not(trn_profiles_look(p, &other, TRN_FEATURE_CHILD, TRN_STR("x"), &n));
}

static const char *text_of(enum trn_feature_class class, size_t nth)
{
    const struct trn_lineage *l = phone();
    for (size_t i = 0; l && i < l->n; i++)
        if (l->of[i].class == class && nth-- == 0)
            return l->of[i].text;
    return "";
}

Test(profile, what_no_detector_asks)
{
    uint32_t pid = start("1.0");
    act_start(s, pid, 5000, "/usr/bin/dash", "sh -c secret");
    act_start(s, 5000, 5001, "/usr/bin/cat", "cat /home/alice/private");
    act_start(s, pid, 5002, "/home/alice/.cache/acme/deadbeef01/tool", "tool");
    wait_ms(s, 6000); /* nobody says what it is */
    act_tick(s);
    play();
    cr_assert_str_eq(text_of(TRN_FEATURE_ARGUMENTS, 0), "--quiet -c");
    cr_assert_str_eq(text_of(TRN_FEATURE_INTERPRETER, 0), "dash");
    cr_assert_str_eq(text_of(TRN_FEATURE_CHILD, 0), "base-files");
    cr_assert_str_eq(text_of(TRN_FEATURE_CHILD, 1), "~/.cache/acme/<hex>");
    cr_assert_str_eq(text_of(TRN_FEATURE_HOURS, 0), "06-12 UTC");
}

Test(profile, a_flood_of_features_is_bounded_and_counted)
{
    uint32_t pid = grow("1.0", 20);
    for (unsigned i = 0; i < 1000000; i++) {
        char name[32];
        snprintf(name, sizeof name, "host%u.example", i);
        ask(pid, TRN_FEATURE_DESTINATION, name);
    }
    cr_assert_leq(phone()->n, TRN_LINEAGE_FEATURES);
    cr_assert_gt(phone()->forgotten, 999000u);
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "acme.example").state, TRN_FEATURE_ORDINARY, "what it knew stays");
}

Test(profile, a_flood_of_software_is_bounded_and_keeps_what_is_known)
{
    uint32_t pid = grow("1.0", 20);
    for (unsigned i = 0; i < 3000; i++) {
        char name[32], dest[32];
        snprintf(name, sizeof name, "program%u", i);
        const struct trn_software sw = {.name = trn_str_of(name), .origin = TRN_ORIGIN_MANUAL};
        struct trn_lineage *l = trn_lineage_for(p, &ctx, &sw, days * DAY_NS);
        struct trn_profile_version *v = trn_lineage_version(p, l, TRN_STR_NONE, 1);
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_CONNECT);
        ev.wall_ns = days * DAY_NS;
        for (unsigned k = 0; k < 190; k++) {
            snprintf(dest, sizeof dest, "%u.%u.example", i % 700, k);
            cr_assert_eq(trn_feature_record(p, l, v, &ev, TRN_FEATURE_DESTINATION, trn_str_of(dest), NULL), 0);
        }
        trn_lineage_touch(l, v, ev.wall_ns);
    }
    cr_assert_leq(trn_map_count(p->lineages), TRN_LINEAGES);
    cr_assert_leq(p->features, TRN_PROFILE_FEATURES);
    cr_assert_gt(p->forgotten_lineages, 2400u);
    cr_assert_lt(trn_profiles_bytes(p), 8u << 20, "%zu", trn_profiles_bytes(p));
    cr_assert_eq(ask(pid, TRN_FEATURE_DESTINATION, "acme.example").state, TRN_FEATURE_ORDINARY);
    /* Full of software that nobody knows: the known one still has room for what is new. */
    uint16_t n = phone()->n;
    for (unsigned i = 0; i < 20; i++) {
        char dest[32];
        snprintf(dest, sizeof dest, "fresh%u.example", i);
        ask(pid, TRN_FEATURE_DESTINATION, dest);
    }
    cr_assert_eq(phone()->n, n + 20);
    cr_assert_leq(p->features, TRN_PROFILE_FEATURES);
}

Test(profile, a_row_brings_all_back_and_is_the_same_again)
{
    uint32_t pid = grow("1.0", 20);
    ask(pid, TRN_FEATURE_MODULE, "~/.acme");
    find("1.0", 30);
    struct trn_buf a, b;
    trn_buf_init(&a, 1 << 16);
    trn_buf_init(&b, 1 << 16);
    trn_lineage_encode(phone(), &a);
    struct trn_lineage *l;
    cr_assert_eq(trn_lineage_decode(trn_buf_str(&a), &l), 0);
    trn_lineage_encode(l, &b);
    cr_assert(trn_str_eq(trn_buf_str(&a), trn_buf_str(&b)));
    cr_assert_eq(l->maturity, phone()->maturity);
    for (size_t n = 0; n < a.n; n++) {
        struct trn_lineage *cut;
        cr_assert_eq(trn_lineage_decode((struct trn_str){a.p, n}, &cut), -EBADMSG, "%zu bytes", n);
    }
    trn_lineage_free(l);
    trn_buf_done(&a);
    trn_buf_done(&b);
}

Test(profile, a_busy_lineage_is_written_seldom_and_when_the_engine_stops)
{
    uint32_t pid = grow("1.0", 1);
    rows = 0;
    for (unsigned i = 0; i < 600; i++) { /* ten minutes, something new every second */
        char name[32];
        snprintf(name, sizeof name, "host%u.example", i);
        wait_ms(s, 1000);
        act_tick(s);
        play();
        ask(pid, TRN_FEATURE_DESTINATION, name);
    }
    cr_assert_leq(rows, 16u, "%zu", rows);
    rows = 0;
    act_stop(s);
    play();
    cr_assert_eq(rows, 1);
}

Test(profile, it_can_be_shown)
{
    grow("1.0", 20);
    uint32_t pid = grow("1.1", 1);
    ask(pid, TRN_FEATURE_MODULE, "~/.acme/\"x");
    struct trn_buf b;
    trn_buf_init(&b, 1 << 16);
    trn_profiles_json(p, TRN_STR("nobody"), &b);
    cr_assert_eq(b.n, 0);
    trn_profiles_json(p, TRN_STR("acme-softphone"), &b);
    struct trn_str text = trn_buf_str(&b);
    cr_assert(trn_str_contains(text,
                               TRN_STR("\"runs\":21,\"days\":21,\"maturity\":0.65,\"mature\":true,\"n_versions\":2")),
              "%s", b.p);
    cr_assert(trn_str_contains(text, TRN_STR("\"words\":\"talks to acme.example\",\"version\":\"1.0\"")), "%s", b.p);
    cr_assert(trn_str_contains(text, TRN_STR("\"words\":\"loads code from ~/.acme/\\\"x\",\"version\":\"1.1\"")), "%s",
              b.p);
    cr_assert(trn_str_contains(text, TRN_STR("\"state\":\"waiting\",\"new\":true")), "%s", b.p);
    trn_buf_done(&b);
}
