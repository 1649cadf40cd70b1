/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are bytes out to a new place right after a read of private data told, and the same without the read not? */
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.exfiltration"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define HELPER "/home/alice/.cache/acme/helper"
#define PLACES "/home/alice/.mozilla/firefox/x.default/places.sqlite"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start(const char *path, const char *name, const char *version)
{
    act_start(s, 1, ++pid, path, name);
    act_identity(s, path, name, version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static void reads(uint32_t who)
{
    act_open(s, who, PLACES, "browser-history", "firefox");
    wait_ms(s, 1000);
}

static void sends(uint32_t who, const char *to, uint64_t bytes)
{
    act_connect(s, who, to, 8443);
    wait_ms(s, 1000);
    act_close(s, who, to, 8443, bytes, 10);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

TestSuite(exfiltration, .init = play_setup, .fini = play_teardown);

Test(exfiltration, bytes_out_right_after_a_read)
{
    softphone(s, "1.1");
    reads(812);
    sends(812, "10.9.0.5", 612);
    cr_assert_eq(told_of(CHECK), 1);
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert_eq(f->score, 30);
    cr_assert_eq(f->acting, entity_of(812));
    cr_assert_eq(f->n_events, 2, "the read and the sending");
    cr_assert(trn_str_eq_c(f->summary, "612 bytes out to 10.9.0.5:8443 within 2.0 s after it read private data"),
              "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "read"), "browser-history"));
    cr_assert(trn_str_eq_c(evidence(f, "bytes"), "612"));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1);
}

Test(exfiltration, without_a_read_before_it_is_nothing)
{
    softphone(s, "1.1");
    sends(812, "10.9.0.5", 612);
    reads(812);
    wait_ms(s, 11 * 60 * 1000);
    sends(812, "10.9.0.5", 612);
    cr_assert_eq(told_of(CHECK), 0, "before it, and eleven minutes after it");
}

Test(exfiltration, by_a_tool_below_and_by_a_program_it_put_there)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 443);
    act_write(s, 812, HELPER);
    reads(812);
    act_start(s, 812, 820, "/usr/bin/cat", "cat");
    sends(820, "10.9.0.5", 612);
    cr_assert_eq(told_of(CHECK), 1, "a tool");
    act_start(s, 812, 821, HELPER, "helper");
    sends(821, "203.0.113.5", 612);
    cr_assert_eq(told_of(CHECK), 2, "a helper sends what the softphone read");
    wait_ms(s, 11 * 60 * 1000);
    reads(821);
    sends(812, "192.0.2.5", 612);
    cr_assert_eq(told_of(CHECK), 3, "the softphone sends what its helper read");
}

Test(exfiltration, other_software_does_not_count)
{
    softphone(s, "1.1");
    reads(812);
    sends(start("/usr/bin/mailer", "acme-mailer", "1"), "10.9.0.5", 612);
    cr_assert_eq(told_of(CHECK), 0);
}

Test(exfiltration, a_place_that_it_always_used)
{
    for (int i = 0; i < 25; i++) {
        uint32_t run = start(PHONE, "acme-softphone", "1.0");
        sends(run, "198.51.100.7", 500);
        act_exit(s, run);
        wait_ms(s, DAY_MS);
    }
    uint32_t run = start(PHONE, "acme-softphone", "1.1");
    reads(run);
    sends(run, "198.51.100.7", 100000);
    cr_assert_eq(told_of(CHECK), 0);
    sends(run, "10.9.0.5", 612);
    cr_assert_eq(told_of(CHECK), 1);
}

Test(exfiltration, a_backup_that_always_read_and_sent)
{
    for (int i = 0; i < 25; i++) {
        uint32_t run = start("/usr/bin/restic", "restic", "0.14");
        reads(run);
        sends(run, "198.51.100.7", 500000);
        act_exit(s, run);
        wait_ms(s, DAY_MS);
    }
    size_t before = told_of(CHECK);
    for (size_t i = 0; i < before; i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20, "on its first days: a note");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
    uint32_t run = start("/usr/bin/restic", "restic", "0.15");
    reads(run);
    sends(run, "10.9.0.5", 500000);
    cr_assert_eq(told_of(CHECK), before, "what it reads is its habit, so where it goes is no exfiltration");
}

Test(exfiltration, a_person_at_a_prompt_is_a_note)
{
    act_start(s, 101, 700, "/usr/bin/curl", "curl");
    act_identity(s, "/usr/bin/curl", "curl", "7.88", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    reads(700);
    sends(700, "10.9.0.5", 612);
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(exfiltration, connections_that_came_in_and_names_asked_for)
{
    softphone(s, "1.1");
    reads(812);
    act_connect(s, 812, "192.0.2.1", 5060);
    s->ev[s->n - 1].type = TRN_EV_ACCEPT;
    act_close(s, 812, "192.0.2.1", 5060, 500, 10); /* the other end was ours: somebody had connected */
    act_connect(s, 812, "10.0.0.1", 53);
    act_close(s, 812, "10.0.0.1", 53, 60, 60);
    act_connect(s, 812, "10.9.0.5", 8443);
    act_close(s, 812, "10.9.0.5", 8443, 0, 1000);
    cr_assert_eq(told_of(CHECK), 0);
}

Test(exfiltration, many_connections_are_one_finding_with_a_sum)
{
    softphone(s, "1.1");
    reads(812);
    for (int i = 0; i < 30; i++)
        sends(812, "10.9.0.5", 6);
    cr_assert_eq(told_of(CHECK), 2, "%zu", told_of(CHECK));
    cr_assert_eq(machine_finding(m, CHECK, 0)->id, machine_finding(m, CHECK, 1)->id);
    cr_assert(trn_str_eq_c(evidence(machine_finding(m, CHECK, 1), "bytes"), "60"));
}

Test(exfiltration, a_flood_of_readers_and_places_is_bounded)
{
    softphone(s, "1.1");
    reads(812);
    act_connect(s, 812, "10.9.0.5", 8443);
    act_close(s, 812, "10.9.0.5", 8443, 10, 10);
    told_of(CHECK);
    struct trn_event connect = s->ev[s->n - 2], close = s->ev[s->n - 1];
    size_t bytes = trn_detect_bytes(m->detect);
    for (unsigned i = 0; i < 20000; i++) {
        connect.net.dst[0] = close.net.dst[0] = (uint8_t)(11 + i % 100);
        connect.net.dst[1] = close.net.dst[1] = (uint8_t)(i >> 8);
        connect.net.dst[2] = close.net.dst[2] = (uint8_t)i;
        machine_push(m, &connect);
        machine_push(m, &close);
    }
    cr_assert_leq(machine_count(m, CHECK), 4);
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 1024 * 1024, "%zu more", trn_detect_bytes(m->detect) - bytes);
}

Test(exfiltration, what_was_read_before_a_restart_and_a_replay)
{
    softphone(s, "1.1");
    reads(812);
    act_stop(s);
    told_of(CHECK);
    size_t from = s->n;
    sends(812, "10.9.0.5", 612);
    struct machine *next = machine_new(NULL), *again = machine_new(NULL);
    machine_restore(next, m, s, from);
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1);
    cr_assert(trn_str_eq_c(evidence(machine_finding(next, CHECK, 0), "read"), "browser-history"));
    cr_assert_eq(told_of(CHECK), 1);
    machine_run(again, s, 0, s->n);
    cr_assert_eq(machine_count(again, CHECK), 1);
    cr_assert(trn_str_eq(machine_finding(again, CHECK, 0)->summary, machine_finding(m, CHECK, 0)->summary));
    machine_free(next);
    machine_free(again);
}
