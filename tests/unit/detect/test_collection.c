/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is private data that a software never read told, by its history and not by its name, and a backup not? */
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.collection"
#define BROWSER "behaviour.browser-data"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define RESTIC "/usr/bin/restic"
#define KEY "/home/alice/.ssh/id_ed25519"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start(const char *path, const char *name, const char *version)
{
    act_start(s, 1, ++pid, path, name);
    act_identity(s, path, name, version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static void walk_home(uint32_t who)
{
    act_open(s, who, "/home/alice/.config/chromium/Default/Login Data", "browser-logins", "chromium");
    act_open(s, who, "/home/alice/.mozilla/firefox/x/places.sqlite", "browser-history", "firefox");
    act_open(s, who, "/home/alice/.aws/credentials", "cloud-credentials", "awscli");
    act_open(s, who, "/home/alice/.gnupg/private-keys-v1.d/a.key", "gpg-key", "gnupg");
    act_open(s, who, KEY, "ssh-key", "openssh");
}

static void grow(const char *path, const char *name, const char *version, unsigned days, bool reads)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t run = start(path, name, version);
        if (reads)
            walk_home(run);
        wait_ms(s, 1000);
        act_exit(s, run);
        wait_ms(s, DAY_MS - 1000);
    }
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

TestSuite(collection, .init = play_setup, .fini = play_teardown);

Test(collection, a_kind_that_it_never_read)
{
    grow(PHONE, "acme-softphone", "1.0", 25, false);
    uint32_t run = start(PHONE, "acme-softphone", "1.1");
    for (int i = 0; i < 20; i++)
        act_open(s, run, KEY, "ssh-key", "openssh");
    act_open(s, start(PHONE, "acme-softphone", "1.1"), KEY, "ssh-key", "openssh");
    cr_assert_eq(told_of(CHECK), 1, "once a version");
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert_eq(f->score, 30);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert(trn_str_eq_c(f->summary, "read SSH keys: ~/.ssh/id_ed25519"), "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("first in 26 runs")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
}

Test(collection, its_owner_and_what_acts_for_it)
{
    grow(PHONE, "acme-softphone", "1.0", 25, false);
    uint32_t run = start(PHONE, "acme-softphone", "1.0");
    act_start(s, run, 800, "/usr/bin/ssh", "ssh host");
    act_identity(s, "/usr/bin/ssh", "openssh-client", "9.2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_open(s, 800, KEY, "ssh-key", "openssh");
    cr_assert_eq(told_of(CHECK), 0);
}

Test(collection, many_kinds_in_a_short_time_without_history)
{
    softphone(s, "1.1");
    act_connect(s, 812, "203.0.113.9", 443);
    act_open(s, 812, KEY, "ssh-key", "openssh");
    act_open(s, 812, KEY, "ssh-key", "openssh");
    act_open(s, 812, "/home/alice/.aws/credentials", "cloud-credentials", "awscli");
    cr_assert_eq(told_of(CHECK), 0, "two kinds may be anybody's business");
    act_open(s, 812, "/home/alice/.bitcoin/wallet.dat", "wallet", "bitcoin");
    cr_assert_eq(told_of(CHECK), 1);
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert_eq(f->score, 35);
    cr_assert_eq(f->n_events, 3);
    cr_assert(trn_str_eq_c(evidence(f, "kinds"), "SSH keys, credentials of cloud services and wallets"), "%.*s",
              TRN_STR_ARG(evidence(f, "kinds")));
}

Test(collection, many_kinds_over_a_long_time)
{
    softphone(s, "1.1");
    act_connect(s, 812, "203.0.113.9", 443);
    act_open(s, 812, KEY, "ssh-key", "openssh");
    wait_ms(s, 200000);
    act_open(s, 812, "/home/alice/.aws/credentials", "cloud-credentials", "awscli");
    wait_ms(s, 200000);
    act_open(s, 812, "/home/alice/.bitcoin/wallet.dat", "wallet", "bitcoin");
    cr_assert_eq(told_of(CHECK), 0);
}

Test(collection, a_backup_tool_on_its_first_day_is_a_note)
{
    uint32_t run = start(RESTIC, "restic", "0.14");
    act_connect(s, run, "203.0.113.9", 443);
    walk_home(run);
    cr_assert_gt(told_of(CHECK), 0);
    for (size_t i = 0; i < m->n_findings; i++)
        cr_assert_leq(m->findings[i].score, 20, "%s", m->findings[i].check->id);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(collection, a_backup_tool_that_nobody_knows_by_name_talks_to_nobody)
{
    walk_home(start("/opt/keeper/keeper", "acme-keeper", "1"));
    cr_assert_gt(told_of(CHECK), 0);
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(collection, a_backup_tool_that_has_always_done_it_is_silent)
{
    grow(RESTIC, "restic", "0.14", 25, true);
    size_t collected = told_of(CHECK), browsers = told_of(BROWSER);
    grow(RESTIC, "restic", "0.15", 3, true);
    cr_assert_eq(told_of(CHECK), collected);
    cr_assert_eq(told_of(BROWSER), browsers, "also about browsers, and in a new version");
}

Test(collection, a_backup_tool_that_never_did_it_is_not_saved_by_its_name)
{
    grow(RESTIC, "restic", "0.14", 25, false);
    walk_home(start(RESTIC, "restic", "0.15"));
    cr_assert_gt(told_of(BROWSER), 0);
    cr_assert_eq(machine_finding(m, BROWSER, 0)->score, 45);
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 30);
}

Test(collection, a_program_that_took_the_name_has_no_package)
{
    act_start(s, 1, 700, "/home/alice/bin/restic", "restic");
    walk_home(700);
    cr_assert_gt(told_of(BROWSER), 0);
    cr_assert_eq(machine_finding(m, BROWSER, 0)->score, 45);
}

Test(collection, a_person_at_a_prompt)
{
    act_start(s, 101, 700, "/usr/bin/cat", "cat");
    act_open(s, 700, KEY, "ssh-key", "openssh");
    cr_assert_eq(told_of(CHECK), 0, "one kind is nothing");
    act_start(s, 101, 701, "/usr/bin/cat", "cat");
    walk_home(701);
    cr_assert_gt(told_of(CHECK), 0);
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(collection, its_identity_comes_later)
{
    grow(RESTIC, "restic", "0.14", 25, true);
    size_t collected = told_of(CHECK), browsers = told_of(BROWSER);
    act_start(s, 1, 700, "/usr/bin/restic-helper", "restic-helper");
    walk_home(700);
    cr_assert_eq(told_of(BROWSER), browsers, "not judged before it is known whose it is");
    act_identity(s, "/usr/bin/restic-helper", "restic", "0.14", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    cr_assert_eq(told_of(BROWSER), browsers);
    cr_assert_eq(told_of(CHECK), collected);
    act_start(s, 1, 701, "/usr/bin/never-identified", "x");
    walk_home(701);
    wait_ms(s, 6000);
    act_tick(s);
    cr_assert_gt(told_of(BROWSER), browsers, "nobody waits for ever");
}

Test(collection, a_flood_is_bounded)
{
    uint32_t run = start(PHONE, "acme-softphone", "1.0");
    act_open(s, run, KEY, "ssh-key", "openssh");
    told_of(CHECK);
    struct trn_event ev = s->ev[s->n - 1];
    size_t bytes = trn_detect_bytes(m->detect);
    for (unsigned i = 0; i < 20000; i++) {
        char klass[32];
        snprintf(klass, sizeof(klass), "class-%u", i);
        ev.file.sensitive = trn_str_of(klass);
        ev.seq++;
        machine_push(m, &ev);
    }
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 512 * 1024, "%zu", trn_detect_bytes(m->detect));
    cr_assert_leq(machine_count(m, CHECK), 8);
}

Test(collection, a_restart_tells_it_not_again_and_a_replay_the_same)
{
    grow(PHONE, "acme-softphone", "1.0", 25, false);
    act_open(s, start(PHONE, "acme-softphone", "1.1"), KEY, "ssh-key", "openssh");
    wait_ms(s, 120000);
    act_tick(s);
    act_stop(s);
    cr_assert_eq(told_of(CHECK), 1);
    struct machine *again = machine_new(NULL), *next = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_eq(machine_count(again, CHECK), 1);
    cr_assert(trn_str_eq(machine_finding(again, CHECK, 0)->summary, machine_finding(m, CHECK, 0)->summary));
    machine_restore(next, m, s, s->n);
    size_t from = s->n;
    uint32_t run = start(PHONE, "acme-softphone", "1.1");
    act_open(s, run, KEY, "ssh-key", "openssh");
    act_open(s, run, "/home/alice/.bitcoin/wallet.dat", "wallet", "bitcoin");
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "only the kind that is new");
    machine_free(again);
    machine_free(next);
}
