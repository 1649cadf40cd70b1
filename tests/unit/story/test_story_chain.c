/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the whole chain become exactly one story, the same one after a restart and for any order of equal times? */
#include "../detect/script.h"
#include "chain.h"

#include <criterion/criterion.h>

static void chain_and_run(struct script *s, struct machine *m)
{
    the_chain(s);
    machine_run(m, s, 0, s->n);
}

static enum trn_stage stage_of(const struct trn_story *st, uint32_t i)
{
    return st->findings[i].check->stage;
}

Test(chain, one_story_its_stages_in_order_of_time)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    chain_and_run(s, m);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    const struct trn_story *st = m->told[1];
    cr_assert_eq(st->id, 1);
    cr_assert_eq(st->verdict, TRN_VERDICT_MALICIOUS, "score %u", st->score);
    cr_assert(trn_str_eq_c(st->software.name, "acme-softphone") && trn_str_eq_c(st->software.version, "1.1"));
    cr_assert_eq(st->n_findings, 7);
    cr_assert_eq(stage_of(st, 0), TRN_STAGE_SECOND_STAGE);
    for (uint32_t i = 1; i < st->n_findings; i++) {
        cr_assert_eq(stage_of(st, i), i < 5    ? TRN_STAGE_COLLECTION
                                      : i == 5 ? TRN_STAGE_EXFILTRATION
                                               : TRN_STAGE_HANDS_ON_KEYBOARD);
        cr_assert_geq(st->findings[i].wall_ns, st->findings[i - 1].wall_ns);
    }
    cr_assert(trn_str_eq_c(st->change_from, "1.0") && trn_str_eq_c(st->change_to, "1.1") &&
              trn_str_eq_c(st->change_by, "apt"));
    cr_assert(!st->loss_overlap);
    machine_free(m);
    script_free(s);
}

Test(chain, hosts_have_names_and_bytes_also_from_before_the_story)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    chain_and_run(s, m);
    const struct trn_story *st = m->told[1];
    cr_assert_eq(st->n_hosts, 3, "%u", st->n_hosts);
    cr_assert(trn_str_eq_c(st->hosts[0].address, "127.0.0.3:5060") && trn_str_eq_c(st->hosts[0].name, "pbx.acme.test"));
    cr_assert(trn_str_eq_c(st->hosts[1].name, "raw.codehost.test"));
    cr_assert(trn_str_eq_c(st->hosts[2].address, "10.9.0.5:8443"));
    cr_assert_eq(st->hosts[2].count, 3);
    cr_assert_eq(st->hosts[2].bytes_out, 6 + 6 + 612);
    cr_assert_eq(st->hosts[2].bytes_in, 3 + 16000 + 3);
    machine_free(m);
    script_free(s);
}

Test(chain, processes_are_a_tree_and_files_have_roles)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    chain_and_run(s, m);
    const struct trn_story *st = m->told[1];
    cr_assert_eq(st->n_processes, 6, "%u", st->n_processes);
    cr_assert_eq(st->processes[0].pid, 812);
    cr_assert_eq(st->processes[0].parent, 0, "the service manager is no part of it");
    cr_assert_eq(st->processes[1].parent, entity_of(812));
    cr_assert(trn_str_eq_c(st->files[0].path, "/home/alice/.cache/acme/helper") &&
              trn_str_eq_c(st->files[0].role, "wrote and ran"));
    cr_assert_eq(st->files[0].sha256.n, 64);
    cr_assert(trn_str_eq_c(st->files[1].role, "read"));
    machine_free(m);
    script_free(s);
}

/* The order of adding differs with equal times, the story does not. */
Test(chain, events_of_equal_time_in_any_order)
{
    char *expected = NULL;
    for (uint32_t seed = 0; seed < 40; seed++) {
        struct script *s = script_new();
        struct machine *m = machine_new(NULL);
        the_chain(s);
        uint64_t h = seed;
        for (size_t i = 0; i + 1 < s->n; i++) {
            /* An exec before its own fork, a file event and its exec, an identity before what it names. */
            h = trn_hash64_mix(h, i);
            bool twin = s->ev[i].boot_ns == s->ev[i + 1].boot_ns && s->ev[i].type != s->ev[i + 1].type;
            bool close = s->ev[i].type == TRN_EV_CLOCK;
            if (seed && twin && !close && h % 2) {
                struct trn_event e = s->ev[i];
                s->ev[i] = s->ev[i + 1];
                s->ev[i + 1] = e;
                i++;
            }
        }
        machine_run(m, s, 0, s->n);
        cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1, "seed %u", seed);
        if (!expected)
            expected = strdup(machine_page(m, 1));
        cr_assert_str_eq(machine_page(m, 1), expected, "seed %u", seed);
        machine_free(m);
        script_free(s);
    }
    free(expected);
}

Test(chain, a_restart_at_any_moment_changes_nothing, .timeout = 60)
{
    struct script *s = script_new();
    struct machine *whole = machine_new(NULL);
    chain_and_run(s, whole);
    for (size_t cut = 1; cut < s->n; cut++) {
        struct machine *first = machine_new(NULL), *second = machine_new(NULL);
        machine_run(first, s, 0, cut);
        machine_restore(second, first, s, cut);
        machine_run(second, s, cut, s->n);
        const struct trn_story *a = whole->told[1], *b = second->told[1] ? second->told[1] : first->told[1];
        cr_assert(b != NULL, "cut at %zu", cut);
        cr_assert_leq(machine_stories(second, TRN_VERDICT_NOTE), 1, "cut at %zu", cut);
        cr_assert_eq(b->score, a->score, "cut at %zu (%s): %u", cut, trn_event_type_name(s->ev[cut].type), b->score);
        cr_assert_eq(b->n_findings, a->n_findings, "cut at %zu", cut);
        for (uint32_t i = 0; i < a->n_findings; i++)
            cr_assert_eq(a->findings[i].id, b->findings[i].id, "cut at %zu", cut);
        machine_free(first);
        machine_free(second);
    }
    machine_free(whole);
    script_free(s);
}

Test(chain, the_quiet_version_gives_none)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.0");
    act_connect(s, 812, "127.0.0.3", 5060);
    wait_ms(s, 6000);
    act_close(s, 812, "127.0.0.3", 5060, 60, 60);
    act_exit(s, 812);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->n_findings, 0);
    machine_free(m);
    script_free(s);
}

Test(chain, a_loss_beside_it_is_said_and_one_of_the_store_is_not)
{
    for (int evidence = 0; evidence < 2; evidence++) {
        struct script *s = script_new();
        struct machine *m = machine_new(NULL);
        the_chain(s);
        act_loss(s, evidence ? TRN_CLASS_FILE : TRN_CLASS_STORE);
        machine_run(m, s, 0, s->n);
        cr_assert_eq(m->told[1]->loss_overlap, evidence == 1);
        machine_free(m);
        script_free(s);
    }
}

Test(chain, the_helper_reparented_and_reading_still_belongs)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/helper");
    act_start(s, 812, 845, "/tmp/helper", "helper");
    act_identity_hash(s, "/tmp/helper", 1);
    wait_ms(s, 60000);
    act_start(s, 1, 950, "/tmp/helper", "helper");
    wait_ms(s, 10);
    act_open(s, 950, "/home/alice/.config/chromium/Default/Cookies", "browser-cookies", "chromium");
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert_eq(m->told[1]->verdict, TRN_VERDICT_MALICIOUS);
    cr_assert(trn_str_eq_c(m->told[1]->software.name, "acme-softphone"));
    machine_free(m);
    script_free(s);
}

Test(chain, the_software_started_again_is_the_same_software)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/helper");
    act_start(s, 812, 845, "/tmp/helper", "helper");
    act_exit(s, 812);
    wait_ms(s, 86400000);
    act_start(s, 1, 2812, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone");
    act_open(s, 2812, "/x/places.sqlite", "browser-history", "firefox");
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert_eq(m->told[1]->verdict, TRN_VERDICT_MALICIOUS);
    machine_free(m);
    script_free(s);
}

Test(chain, what_the_helper_talks_to_is_part_of_it)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    act_start(s, 812, 845, "/opt/acme-softphone/bin/other", "other");
    act_connect(s, 845, "10.9.0.6", 443);
    act_close(s, 845, "10.9.0.6", 443, 100, 200);
    wait_ms(s, 2000);
    act_tick(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->told[1]->n_hosts, 1);
    cr_assert_eq(m->told[1]->hosts[0].bytes_in, 200);
    machine_free(m);
    script_free(s);
}

Test(chain, two_stories_that_turn_out_to_be_one)
{
    /* two programs below the softphone are two stories until the softphone itself does something */
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_start(s, 812, 901, "/home/alice/a/a", "a");
    act_start(s, 812, 902, "/home/alice/b/b", "b");
    act_open(s, 901, "/x/places.sqlite", "browser-history", "firefox");
    act_open(s, 902, "/x/Login Data", "browser-logins", "chromium");
    act_open(s, 812, "/x/Cookies", "browser-cookies", "chromium");
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert_eq(m->told[1]->n_findings, 3);
    cr_assert(trn_str_eq_c(m->told[1]->software.name, "acme-softphone"));
    cr_assert(m->told[2]->closed && trn_str_eq_c(m->told[2]->close_why, "part of story 1"));
    machine_free(m);
    script_free(s);
}

Test(chain, the_finding_about_the_helper_comes_first)
{
    /* a story about the helper becomes the softphone's when the softphone's own deed is told */
    struct script *s = script_new();
    struct trn_indicators *x;
    struct trn_indicator i = {TRN_IND_SHA256,
                              TRN_STR("0101010101010101010101010101010101010101010101010101010101010101"),
                              TRN_STR_NONE};
    cr_assert(trn_indicators_new(&x) == 0 && trn_indicators_add(x, &i) == 0 && trn_indicators_seal(x) == 0);
    struct machine *m = machine_new(x);
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/helper");
    act_start(s, 812, 845, "/tmp/helper", "helper");
    act_identity_hash(s, "/tmp/helper", 1);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert_eq(m->told[1]->n_findings, 2);
    cr_assert(trn_str_eq_c(m->told[1]->software.name, "acme-softphone"));
    machine_free(m);
    script_free(s);
    trn_indicators_free(x);
}

Test(chain, two_softwares_are_two_stories)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_start(s, 1, 700, "/opt/other/other", "other");
    act_identity(s, "/opt/other/other", "other", "3", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    act_open(s, 700, "/x/places.sqlite", "browser-history", "firefox");
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 2);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one stage each");
    machine_free(m);
    script_free(s);
}

Test(chain, closed_by_an_empty_row)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    struct trn_event ev;
    chain_and_run(s, m);
    trn_event_init(&ev, TRN_EV_STATE);
    ev.state.kind = TRN_STR("story");
    ev.state.key = 1;
    ev.state.value = TRN_STR("");
    cr_assert(trn_stories_get(m->stories, 1) != NULL);
    machine_push(m, &ev);
    cr_assert(trn_stories_get(m->stories, 1) == NULL);
    machine_free(m);
    script_free(s);
}
