/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a story tell what was done about it, once, in every state, after restarts and replays too? */
#include "../detect/script.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HELPER "/home/alice/.cache/acme/helper"

static struct script *s;
static struct machine *m;

static void setup(void)
{
    s = script_new();
    m = machine_new(NULL);
    softphone(s, "1.1");
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    wait_ms(s, 100);
}

static void teardown(void)
{
    machine_free(m);
    script_free(s);
}

TestSuite(actions, .init = setup, .fini = teardown);

struct what {
    uint64_t id, story;
    const char *act, *kind, *target, *text;
    enum trn_action_state state;
};

static struct trn_event *step(struct what w)
{
    act_tick(s);
    struct trn_event *ev = &s->ev[s->n - 1];
    struct trn_event tick = *ev;
    trn_event_init(ev, TRN_EV_RESPONSE);
    ev->seq = tick.seq;
    ev->boot_ns = tick.boot_ns;
    ev->wall_ns = tick.wall_ns;
    ev->uid = 1000;
    ev->response.id = w.id;
    ev->response.story = w.story;
    ev->response.act = trn_str_of(w.act ? w.act : "isolate");
    ev->response.target_kind = trn_str_of(w.kind ? w.kind : "software");
    ev->response.target = trn_str_of(w.target ? w.target : "acme-softphone=1.1");
    ev->response.text = trn_str_of(w.text);
    ev->response.state = trn_str_of(trn_action_state_name(w.state ? w.state : TRN_ACTION_SEEN));
    wait_ms(s, 100);
    return ev;
}

/* Enough that something should be done. */
static void grow(uint32_t pid)
{
    act_open(s, pid, "/x/Login Data", "browser-logins", "chromium");
    act_connect(s, pid, "10.9.0.5", 8443);
    act_close(s, pid, "10.9.0.5", 8443, 612, 3);
    wait_ms(s, 2000);
}

static const struct trn_story *run(void)
{
    act_stop(s);
    machine_run(m, s, 0, s->n);
    return m->told[1];
}

Test(actions, each_step_changes_the_row_of_its_number)
{
    step((struct what){.id = 3, .story = 1, .state = TRN_ACTION_REQUESTED});
    step((struct what){.id = 3, .story = 1, .state = TRN_ACTION_DONE, .text = "marked"});
    step((struct what){.id = 3, .story = 1, .state = TRN_ACTION_SEEN, .text = "refused"});
    const struct trn_story *st = run();
    cr_assert_eq(st->n_actions, 1);
    const struct trn_story_action *a = &st->actions[0];
    cr_assert(a->id == 3 && trn_str_eq_c(a->act, "isolate") && trn_str_eq_c(a->state, "seen"));
    cr_assert(trn_str_eq_c(a->text, "refused") && trn_str_eq_c(a->by, "user 1000") && a->wall_ns > a->since_wall_ns);
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "stopped: isolated since ") && strstr(page, "What was done") &&
                  strstr(page, "isolated acme-softphone=1.1, seen to hold, by user 1000:"),
              "%s", page);
    cr_assert(strstr(page, "turncoat respond undo 3") && !strstr(page, "not stopped"), "%s", page);
}

Test(actions, who_asked_is_the_name_the_check_or_the_policy)
{
    step((struct what){.id = 1})->response.by = TRN_STR("alice");
    struct trn_event *ev = step((struct what){.id = 2});
    ev->uid = TRN_NO_U32;
    ev->response.check = TRN_STR("behaviour.beacon");
    step((struct what){.id = 3})->uid = 0;
    const struct trn_story *st = run();
    cr_assert(trn_str_eq_c(st->actions[0].by, "user alice") &&
              trn_str_eq_c(st->actions[1].by, "policy behaviour.beacon") && trn_str_eq_c(st->actions[2].by, "root"));
}

Test(actions, found_by_what_they_were_done_to)
{
    char entity[20];
    snprintf(entity, sizeof entity, "%016llx", (unsigned long long)entity_of(812));
    step((struct what){.id = 1});
    step((struct what){.id = 2, .target = "acme-softphone"});
    step((struct what){.id = 3, .act = "hold", .kind = "entity", .target = entity});
    step((struct what){.id = 4, .act = "quarantine", .kind = "path", .target = "/x/places.sqlite"});
    cr_assert_eq(run()->n_actions, 4);
}

Test(actions, what_was_done_to_others_is_not_theirs)
{
    step((struct what){.id = 1, .target = "acme-softphone=1.0"});
    step((struct what){.id = 2, .target = "acme"});
    step((struct what){.id = 3, .kind = "entity", .target = "0000000000000001"});
    step((struct what){.id = 4, .kind = "path", .target = "/x/other"});
    step((struct what){.id = 5, .act = "isolate-host", .kind = "host", .target = "host"});
    step((struct what){.id = 0});
    cr_assert_eq(run()->n_actions, 0);
}

/* A later step need not say the story again, nor be about what the first was. */
Test(actions, a_later_step_finds_the_story_by_the_number)
{
    step((struct what){.id = 5, .story = 1, .act = "isolate-host", .kind = "host", .target = "host"});
    step((struct what){.id = 5, .act = "isolate-host", .kind = "host", .target = "host", .state = TRN_ACTION_EXPIRED});
    const struct trn_story *st = run();
    cr_assert(st->n_actions == 1 && trn_str_eq_c(st->actions[0].state, "expired"));
    cr_assert(strstr(machine_page(m, 1), "not stopped (no action holds)"));
}

Test(actions, what_did_not_take_is_said_at_the_head)
{
    step((struct what){.id = 1, .state = TRN_ACTION_NOT_SEEN, .text = "it still connects"});
    run();
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "not stopped (what was tried did not take)") && strstr(page, "DID NOT TAKE"), "%s", page);
}

/* A new engine is told all that holds, a repetition is no news. */
Test(actions, told_again_is_no_news)
{
    step((struct what){.id = 1, .text = "refused"});
    step((struct what){.id = 1, .text = "refused"});
    step((struct what){.id = 1, .text = "told again"})->flags |= TRN_EVF_EXISTING;
    const struct trn_story *st = run();
    cr_assert(st->revision == 2 && trn_str_eq_c(st->actions[0].text, "refused"));
}

Test(actions, the_rows_are_bounded_and_what_is_over_goes_first)
{
    step((struct what){.id = 1});
    step((struct what){.id = 2, .state = TRN_ACTION_UNDONE});
    for (uint64_t id = 3; id < 3 + TRN_STORY_ACTIONS; id++)
        step((struct what){.id = id});
    const struct trn_story *st = run();
    cr_assert_eq(st->n_actions, TRN_STORY_ACTIONS);
    cr_assert_eq(st->actions[0].id, 3, "%llu", (unsigned long long)st->actions[0].id);
    cr_assert_eq(st->actions[TRN_STORY_ACTIONS - 1].id, 2 + TRN_STORY_ACTIONS);
}

Test(actions, long_words_are_cut_between_characters)
{
    char text[1200];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    memmove(text + 1, text, sizeof text - 1); /* so that the limit falls into one */
    text[0] = 'x';
    text[sizeof text - 1] = '\0';
    step((struct what){.id = 1, .text = text});
    const struct trn_story *st = run();
    cr_assert(st->actions[0].text.n <= 400 && trn_utf8_valid(st->actions[0].text), "%zu", st->actions[0].text.n);
    cr_assert_gt(st->actions[0].text.n, 390);
}

Test(actions, after_a_restart_the_same)
{
    size_t first_step = s->n;
    step((struct what){.id = 3, .story = 1, .state = TRN_ACTION_DONE, .text = "marked"});
    step((struct what){.id = 4, .act = "hold", .state = TRN_ACTION_SEEN});
    step((struct what){.id = 3, .state = TRN_ACTION_UNDONE, .text = "connects again"});
    run();
    char *whole = strdup(machine_page(m, 1));
    for (size_t cut = first_step; cut < s->n; cut++) {
        struct machine *first = machine_new(NULL), *second = machine_new(NULL);
        machine_run(first, s, 0, cut);
        machine_restore(second, first, s, cut);
        machine_run(second, s, cut, s->n);
        struct machine *last = second->told[1] ? second : first;
        cr_assert_str_eq(machine_page(last, 1), whole, "cut at %zu", cut);
        machine_free(first);
        machine_free(second);
    }
    free(whole);
}

Test(actions, the_form_of_a_story_holds_them_exactly)
{
    static struct trn_story back;
    struct trn_buf b, again;
    step((struct what){.id = 3, .text = "refused"})->response.until_wall_ns = 77;
    const struct trn_story *st = run();
    trn_buf_init(&b, 1 << 20);
    trn_buf_init(&again, 1 << 20);
    trn_story_encode(st, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_assert(trn_story_decode(&in, &back) == 0 && trn_cur_end(&in));
    trn_story_encode(&back, &again);
    cr_assert(trn_str_eq(trn_buf_str(&b), trn_buf_str(&again)) && back.actions[0].until_wall_ns == 77);
    for (size_t cut = 1; cut < 40; cut++) { /* the end is the actions: no shorter one is whole */
        struct trn_cursor part = trn_cur(b.p, b.n - cut);
        cr_assert_lt(trn_story_decode(&part, &back), 0, "cut %zu", cut);
    }
    trn_buf_done(&b);
    trn_buf_done(&again);
}

Test(actions, the_page_offers_what_fits_and_is_not_done)
{
    grow(812);
    act_update(s, "acme-softphone", "1.0", "1.1");
    cr_assert(run()->verdict >= TRN_VERDICT_SUSPICIOUS);
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "turncoat respond isolate acme-softphone=1.1 --story 1\n"), "%s", page);
    cr_assert(strstr(page, "turncoat respond shield acme-softphone=1.1 --story 1\n"), "%s", page);
    cr_assert(strstr(page, "turncoat respond rollback acme-softphone --to 1.0 --story 1\n"), "%s", page);
}

Test(actions, what_holds_is_not_offered_again)
{
    grow(812);
    step((struct what){.id = 1});
    cr_assert(run()->verdict >= TRN_VERDICT_SUSPICIOUS);
    cr_assert(!strstr(machine_page(m, 1), "turncoat respond isolate") &&
              strstr(machine_page(m, 1), "turncoat respond shield"));
}

/* The command is pasted into a shell. */
Test(actions, no_command_with_a_word_that_a_shell_reads_otherwise)
{
    act_start(s, 1, 900, "/opt/odd/odd", "odd");
    act_identity(s, "/opt/odd/odd", "odd;reboot", "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_open(s, 900, "/x/places.sqlite", "browser-history", "firefox");
    grow(900);
    run();
    cr_assert(m->told[2] && m->told[2]->verdict >= TRN_VERDICT_SUSPICIOUS);
    const char *page = machine_page(m, 2);
    cr_assert(strstr(page, "What now") && !strstr(page, "turncoat respond"), "%s", page);
}

Test(actions, a_host_of_earlier_versions_stays_reachable)
{
    struct script *old = s;
    s = script_new();
    act_start(s, 1, 700, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone 20");
    act_identity(s, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone", "1.0", TRN_ORIGIN_DPKG,
                 TRN_SW_MODIFIED_KNOWN);
    act_dns(s, 700, "pbx.acme.test", "198.51.100.7");
    act_contact(s, 700, "pbx.acme.test", "198.51.100.7", 5060);
    wait_ms(s, 5000);
    act_exit(s, 700);
    act_update(s, "acme-softphone", "1.0", "1.1");
    wait_ms(s, 5000);
    softphone(s, "1.1");
    act_dns(s, 812, "pbx.acme.test", "198.51.100.7");
    act_contact(s, 812, "pbx.acme.test", "198.51.100.7", 5060);
    act_contact(s, 812, "raw.codehost.test", "203.0.113.8", 443);
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    wait_ms(s, 5000);
    act_open(s, 812, "/x/Login Data", "browser-logins", "chromium");
    const struct trn_story *st = run();
    const char *page = machine_page(m, st->id);
    cr_assert(strstr(page, "isolate acme-softphone=1.1 --except pbx.acme.test --story "), "%s", page);
    script_free(old);
}
