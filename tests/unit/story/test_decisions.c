/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does what a person decided stay, and does closing a story silence nothing that comes later? */
#include "../detect/script.h"

#include <criterion/criterion.h>

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

TestSuite(decisions, .init = setup, .fini = teardown);

static void decides(enum trn_action action, uint64_t story, const char *text)
{
    act_tick(s);
    struct trn_event *ev = &s->ev[s->n - 1];
    struct trn_event tick = *ev;
    trn_event_init(ev, TRN_EV_DECISION);
    ev->seq = tick.seq;
    ev->boot_ns = tick.boot_ns;
    ev->wall_ns = tick.wall_ns;
    ev->action = (uint16_t)action;
    ev->uid = 1000;
    ev->decision.story = story;
    ev->decision.text = trn_str_of(text);
    wait_ms(s, 100);
}

static void run(void)
{
    act_stop(s);
    machine_run(m, s, 0, s->n);
}

Test(decisions, closed_with_a_reason_and_who)
{
    decides(TRN_ACT_ASSIGNED, 1, "ana");
    decides(TRN_ACT_CLOSED, 1, "import asked for");
    run();
    const struct trn_story *st = m->told[1];
    cr_assert(st->closed && trn_str_eq_c(st->close_why, "import asked for") && st->close_uid == 1000);
    cr_assert(trn_str_eq_c(st->assigned, "ana") && st->assign_wall_ns && st->close_wall_ns > st->assign_wall_ns);
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "closed by user 1000") && strstr(page, "import asked for") && strstr(page, "given to ana"));
    cr_assert(!strstr(page, "--close"), "nothing to close any more");
}

Test(decisions, what_is_not_there_or_not_known_changes_nothing)
{
    decides(TRN_ACT_CLOSED, 9, "x");
    decides(TRN_ACT_CLOSED, 1, "");
    decides(TRN_ACT_UPDATED, 1, "x");
    run();
    cr_assert(!m->told[1]->closed && m->told[1]->revision == 1);
}

Test(decisions, traffic_does_not_open_it)
{
    decides(TRN_ACT_CLOSED, 1, "x");
    wait_ms(s, 1200000); /* long after the read: no exfiltration */
    act_connect(s, 812, "10.9.0.5", 443);
    act_close(s, 812, "10.9.0.5", 443, 10, 20);
    wait_ms(s, 2000);
    act_tick(s);
    run();
    cr_assert(m->told[1]->closed);
    cr_assert_eq(m->told[1]->hosts[0].bytes_in, 20, "but it belongs to it");
}

Test(decisions, the_same_finding_with_news_does_not_open_it)
{
    decides(TRN_ACT_CLOSED, 1, "x");
    for (int i = 0; i < 20; i++)
        act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    run();
    cr_assert(m->told[1]->closed);
}

Test(decisions, new_evidence_opens_it_under_its_number)
{
    decides(TRN_ACT_CLOSED, 1, "import asked for");
    wait_ms(s, 86400000);
    act_open(s, 812, "/x/Login Data", "browser-logins", "chromium");
    run();
    const struct trn_story *st = m->told[1];
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert(!st->closed && st->n_findings == 2);
    cr_assert(st->reopened_wall_ns > st->close_wall_ns && trn_str_eq_c(st->reopen_why, "browser data"));
    const char *page = machine_page(m, 1);
    cr_assert(strstr(page, "was closed by user 1000") && strstr(page, "by new evidence: browser data"));
}

Test(decisions, the_software_started_again_opens_it_too)
{
    decides(TRN_ACT_CLOSED, 1, "x");
    act_exit(s, 812);
    wait_ms(s, 86400000);
    act_start(s, 1, 2812, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone");
    act_open(s, 2812, "/x/places.sqlite", "browser-history", "firefox");
    run();
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
    cr_assert(!m->told[1]->closed && m->told[1]->reopened_wall_ns);
}

Test(decisions, closed_again_it_says_nothing_of_the_time_before)
{
    decides(TRN_ACT_CLOSED, 1, "first");
    act_open(s, 812, "/x/Login Data", "browser-logins", "chromium");
    decides(TRN_ACT_CLOSED, 1, "second");
    run();
    cr_assert(m->told[1]->closed && trn_str_eq_c(m->told[1]->close_why, "second") && !m->told[1]->reopened_wall_ns);
}

/* As a restart does, at any moment; and a replay of the whole log. */
Test(decisions, they_survive_a_restart)
{
    decides(TRN_ACT_ASSIGNED, 1, "ana");
    decides(TRN_ACT_CLOSED, 1, "x");
    size_t closed = s->n;
    act_open(s, 812, "/x/Login Data", "browser-logins", "chromium");
    run();
    char *whole = strdup(machine_page(m, 1));
    for (size_t cut = closed - 1; cut < s->n; cut++) {
        struct machine *first = machine_new(NULL), *second = machine_new(NULL);
        machine_run(first, s, 0, cut);
        machine_restore(second, first, s, cut);
        machine_run(second, s, cut, s->n);
        struct machine *last = second->told[1] ? second : first;
        cr_assert_str_eq(machine_page(last, 1), whole, "cut at %zu", cut);
        machine_free(first);
        machine_free(second);
    }
    struct machine *again = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_str_eq(machine_page(again, 1), whole);
    machine_free(again);
    free(whole);
}

Test(decisions, a_story_of_the_form_before_them_is_still_read)
{
    static struct trn_story st, back;
    struct trn_buf b, old;
    st.id = 7;
    st.close_why = TRN_STR("then");
    st.sentence = TRN_STR("x");
    trn_buf_init(&b, 1 << 16);
    trn_buf_init(&old, 1 << 16);
    trn_story_encode(&st, &b);
    /* version, id, revision, verdict, score, bits, close_why (4 + 4 bytes), then 40 bytes that it did not have */
    size_t head = 1 + 8 + 4 + 1 + 2 + 1 + 8, fresh = 4 + 8 + 4 + 4 + 8 + 8 + 4;
    trn_put_u8(&old, 1);
    trn_put(&old, b.p + 1, head - 1);
    trn_put(&old, b.p + head + fresh, b.n - head - fresh - 1); /* nor the number of actions at its end */
    struct trn_cursor in = trn_cur_of(trn_buf_str(&old));
    cr_assert_eq(trn_story_decode(&in, &back), 0);
    cr_assert(trn_cur_end(&in) && trn_str_eq_c(back.sentence, "x") && !back.assign_wall_ns && !back.close_wall_ns);
    trn_buf_done(&b);
    trn_buf_done(&old);
}
