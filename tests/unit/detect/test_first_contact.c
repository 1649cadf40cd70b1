/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the first contact of a software with a new place told, once, by kind, and only where history allows? */
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.first-contact"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start(const char *path, const char *name, const char *version)
{
    act_start(s, 1, ++pid, path, name);
    act_identity(s, path, name, version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

/* One run a day, with its own server and its name. */
static void grow(const char *path, const char *name, const char *version, unsigned days)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t run = start(path, name, version);
        act_contact(s, run, "pbx.acmephone.example", "198.51.100.7", 5060);
        wait_ms(s, 1000);
        act_exit(s, run);
        wait_ms(s, DAY_MS - 1000);
    }
    play_on();
    cr_assert_eq(machine_count(m, CHECK), 0, "its own server is ordinary");
}

static const struct trn_finding *only(void)
{
    play_on();
    cr_assert_eq(machine_count(m, CHECK), 1, "%zu findings", machine_count(m, CHECK));
    return machine_finding(m, CHECK, 0);
}

static void none(void)
{
    play_on();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

TestSuite(first_contact, .init = play_setup, .fini = play_teardown);

Test(first_contact, a_grown_up_program_goes_to_raw_code_after_an_update)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    act_update(s, "acme-softphone", "1.0", "1.1");
    wait_ms(s, 8 * 60 * 1000);
    uint32_t run = start(PHONE, "acme-softphone", "1.1");
    act_contact(s, run, "raw.codehost.test", "203.0.113.8", 443);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 35);
    cr_assert(trn_str_eq_c(evidence(f, "kind"), "raw-code"));
    cr_assert(trn_str_eq_c(evidence(f, "domain"), "raw.codehost.test"));
    cr_assert(trn_str_eq_c(evidence(f, "address"), "203.0.113.8:443"));
    cr_assert(trn_str_eq_c(evidence(f, "since_version"), "8m 00s"), "%.*s", TRN_STR_ARG(evidence(f, "since_version")));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("first in 26 runs, 26 days and 2 versions")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
    cr_assert(trn_str_starts(f->summary, TRN_STR("talks to raw.codehost.test (raw code hosting); first in 26 runs")),
              "%.*s", TRN_STR_ARG(f->summary));
    cr_assert_eq(f->n_events, 1);
    cr_assert_eq(f->acting, entity_of(run));
}

Test(first_contact, each_place_once_a_version)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    for (int i = 0; i < 50; i++) {
        uint32_t run = start(PHONE, "acme-softphone", "1.1");
        act_contact(s, run, "raw.codehost.test", "203.0.113.8", 443);
        act_contact(s, run, "raw.codehost.test", "203.0.113.9", 443);
        wait_ms(s, DAY_MS / 2);
    }
    cr_assert_eq(only()->score, 35);
}

Test(first_contact, what_is_merely_new_is_a_note)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    act_contact(s, start(PHONE, "acme-softphone", "1.1"), "telemetry.other.example", "203.0.113.8", 443);
    cr_assert_leq(only()->score, 20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(first_contact, who_talks_to_many_may_talk_to_one_more)
{
    for (int i = 0; i < 30; i++) {
        char name[32];
        snprintf(name, sizeof(name), "feed.site%d.example", i);
        act_contact(s, start(PHONE, "acme-softphone", "1.0"), name, "203.0.113.8", 443);
        wait_ms(s, DAY_MS);
    }
    play_on();
    size_t before = machine_count(m, CHECK);
    act_contact(s, start(PHONE, "acme-softphone", "1.0"), "feed.onemore.example", "203.0.113.8", 443);
    play_on();
    cr_assert_eq(machine_count(m, CHECK), before);
    act_contact(s, start(PHONE, "acme-softphone", "1.0"), "pastebin.com", "203.0.113.8", 443);
    play_on();
    cr_assert_eq(machine_count(m, CHECK), before + 1, "a kind of place it never used is still told");
}

Test(first_contact, a_name_made_to_look_like_its_own_server)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    act_contact(s, start(PHONE, "acme-softphone", "1.1"), "pbx.acrnephone.example", "203.0.113.8", 443);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 40);
    cr_assert(trn_str_eq_c(evidence(f, "looks_like"), "acmephone.example"));
}

Test(first_contact, bare_addresses)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    uint32_t run = start(PHONE, "acme-softphone", "1.0");
    act_connect(s, run, "127.0.0.9", 8443);
    act_connect(s, run, "224.0.0.251", 5353);
    act_connect(s, run, "198.51.100.9", 5060); /* its server's block, whose name it had asked for on other days */
    none();
    act_connect(s, run, "203.0.113.9", 443);
    cr_assert_eq(only()->score, 25);
}

Test(first_contact, without_history_only_what_no_such_program_does)
{
    uint32_t run = start(PHONE, "acme-softphone", "1.0");
    act_contact(s, run, "pbx.acme.test", "127.0.0.5", 5060);
    act_contact(s, run, "cdn.other.example", "203.0.113.8", 443);
    act_contact(s, run, "github.com", "203.0.113.8", 443);
    act_connect(s, run, "203.0.113.77", 443);
    none();
    act_contact(s, run, "raw.codehost.test", "203.0.113.8", 443);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 25);
    cr_assert(trn_str_contains(evidence(f, "novelty"), TRN_STR("too little history")));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one stage is a note");
}

Test(first_contact, tools_and_its_own_vendor_without_history)
{
    act_contact(s, start("/usr/bin/git", "git", "2.39"), "raw.codehost.test", "203.0.113.8", 443);
    act_contact(s, start("/usr/share/code/code", "code", "1.90"), "raw.codehost.test", "203.0.113.8", 443);
    act_contact(s, start("/usr/share/discord/Discord", "discord", "0.1"), "discord.com", "203.0.113.8", 443);
    act_contact(s, start("/usr/lib/firefox-esr/firefox-esr", "firefox-esr", "128"), "pastebin.com", "203.0.113.8", 443);
    none();
}

Test(first_contact, a_person_with_curl)
{
    act_start(s, 101, 300, "/usr/bin/curl", "curl");
    act_identity(s, "/usr/bin/curl", "curl", "7.88", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_contact(s, 300, "raw.codehost.test", "203.0.113.8", 443);
    none();
}

Test(first_contact, a_browser_is_one_low_note_a_kind)
{
    for (int i = 0; i < 25; i++) {
        act_contact(s, start("/usr/lib/firefox-esr/firefox-esr", "firefox-esr", "128"), "www.example.org",
                    "203.0.113.8", 443);
        wait_ms(s, DAY_MS);
    }
    uint32_t run = start("/usr/lib/firefox-esr/firefox-esr", "firefox-esr", "128");
    act_contact(s, run, "news.example", "203.0.113.8", 443);
    act_contact(s, run, "pastebin.com", "203.0.113.8", 443);
    act_contact(s, run, "paste.other.example", "203.0.113.8", 443);
    cr_assert_leq(only()->score, 10);
}

Test(first_contact, its_identity_comes_later)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    act_start(s, 1, 600, "/opt/acme-softphone/bin/other", "other");
    act_contact(s, 600, "raw.codehost.test", "203.0.113.8", 443);
    none();
    act_identity(s, "/opt/acme-softphone/bin/other", "acme-softphone", "1.1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    cr_assert_eq(only()->score, 35);
    cr_assert(trn_str_eq_c(only()->software.version, "1.1"));
}

Test(first_contact, time_sync_is_no_stage)
{
    for (int i = 0; i < 25; i++) {
        start("/usr/sbin/chronyd", "chrony", "4.3");
        wait_ms(s, DAY_MS);
    }
    act_contact(s, pid, "2.debian.pool.ntp.org", "203.0.113.8", 123);
    s->ev[s->n - 1].net.proto = 17;
    act_contact(s, pid, "time.example", "203.0.113.9", 123);
    s->ev[s->n - 1].net.proto = 17;
    play_on();
    for (size_t i = 0; i < machine_count(m, CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 10);
}

Test(first_contact, a_flood_of_places_is_bounded_and_the_real_one_is_still_told)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    uint32_t run = start(PHONE, "acme-softphone", "1.1");
    play_on();
    struct trn_event ev = s->ev[s->n - 1];
    size_t bytes = 0;
    act_contact(s, run, "x", "203.0.113.8", 443);
    ev = s->ev[--s->n];
    for (unsigned i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "h%u.s%u.example", i, i);
        ev.extras[0].value = trn_str_of(name);
        ev.seq++;
        ev.boot_ns += 1000;
        machine_push(m, &ev);
        if (i == 2000)
            bytes = trn_detect_bytes(m->detect);
    }
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 1024 * 1024, "%zu", trn_detect_bytes(m->detect));
    size_t before = machine_count(m, CHECK);
    cr_assert_leq(before, 32, "%zu", before);
    act_contact(s, run, "raw.codehost.test", "203.0.113.8", 443);
    play_on();
    cr_assert_eq(machine_count(m, CHECK), before + 1);
    cr_assert_eq(machine_finding(m, CHECK, before)->score, 35);
}

Test(first_contact, a_restart_tells_it_not_again_and_a_replay_the_same)
{
    grow(PHONE, "acme-softphone", "1.0", 25);
    act_contact(s, start(PHONE, "acme-softphone", "1.1"), "raw.codehost.test", "203.0.113.8", 443);
    wait_ms(s, 120000);
    act_tick(s);
    act_stop(s);
    struct trn_str told = only()->summary;
    struct machine *again = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_eq(machine_count(again, CHECK), 1);
    cr_assert(trn_str_eq(machine_finding(again, CHECK, 0)->summary, told));
    machine_free(again);

    struct machine *next = machine_new(NULL);
    machine_restore(next, m, s, s->n);
    size_t from = s->n;
    act_contact(s, start(PHONE, "acme-softphone", "1.1"), "raw.codehost.test", "203.0.113.8", 443);
    act_contact(s, pid, "pastebin.com", "203.0.113.8", 443);
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "only the place that is new");
    cr_assert_eq(machine_finding(next, CHECK, 0)->score, 40);
    machine_free(next);
}
