/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do stories stay bounded and keep their numbers? */
#include "../detect/script.h"

#include <criterion/criterion.h>

static uint64_t told_id;
static uint64_t state_rows, forgotten;

static int on_story(void *ctx, const struct trn_story *st)
{
    (void)ctx;
    told_id = st->id;
    return 0;
}

static int on_state(void *ctx, const struct trn_event *ev)
{
    (void)ctx;
    state_rows++;
    forgotten += ev->state.value.n == 0;
    return 0;
}

static struct trn_finding finding(uint64_t acting, uint16_t score, const char *name)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("behaviour.browser-data")));
    f.acting = f.entity = acting;
    f.id = acting * 1000 + score;
    f.score = score;
    f.wall_ns = f.boot_ns = acting;
    f.summary = TRN_STR("read something");
    f.software = (struct trn_software){trn_str_of(name), TRN_STR("1"), TRN_STR_NONE, TRN_ORIGIN_MANUAL, 0};
    return f;
}

Test(stories, past_the_limit_the_lowest_score_goes)
{
    struct trn_process_table *t;
    struct trn_stories *s;
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    struct trn_stories_options o = {
        .sz = sizeof(o), .processes = t, .story = on_story, .state = {on_state, NULL}, .max_open = 4};
    cr_assert_eq(trn_stories_new(&o, &s), 0);
    for (uint64_t i = 1; i <= 10; i++) {
        struct trn_finding f = finding(i, i == 2 ? 10 : 30, "prog");
        cr_assert_eq(trn_stories_finding(s, &f), 0);
        cr_assert_eq(told_id, i, "a number is given once");
    }
    cr_assert_eq(trn_stories_dropped(s), 6);
    cr_assert_eq(forgotten, 6);
    cr_assert(!trn_stories_get(s, 2) && trn_stories_get(s, 10));
    cr_assert_leq(trn_stories_bytes(s), 1 << 20);
    trn_stories_free(s);
    trn_process_table_free(t);
}

/* Without a limit of one's own: 1,024, in 8 MiB of contents. What was closed goes before what is open. */
Test(stories, a_thousand_stories_and_no_more, .timeout = 60)
{
    struct trn_process_table *t;
    struct trn_stories *s;
    struct trn_event ev;
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    struct trn_stories_options o = {.sz = sizeof(o), .processes = t, .story = on_story};
    cr_assert_eq(trn_stories_new(&o, &s), 0);
    for (uint64_t i = 1; i <= 1024; i++) {
        struct trn_finding f = finding(i, i == 500 ? 26 : 30, "prog");
        cr_assert_eq(trn_stories_finding(s, &f), 0);
    }
    cr_assert_eq(trn_stories_dropped(s), 0);
    trn_event_init(&ev, TRN_EV_DECISION);
    ev.action = TRN_ACT_CLOSED;
    ev.decision.story = 700;
    ev.decision.text = TRN_STR("looked at");
    cr_assert_eq(trn_stories_event(s, &ev), 0);
    for (uint64_t i = 1025; i <= 1026; i++) {
        struct trn_finding f = finding(i, 30, "prog");
        cr_assert_eq(trn_stories_finding(s, &f), 0);
        cr_assert_eq(trn_stories_dropped(s), i - 1024);
        cr_assert(!trn_stories_get(s, 700), "what was closed goes first");
        cr_assert_eq(trn_stories_get(s, 500) == NULL, i == 1026, "then the lowest score");
    }
    cr_assert_leq(trn_stories_bytes(s), 12u << 20, "%zu", trn_stories_bytes(s));
    trn_stories_free(s);
    trn_process_table_free(t);
}

Test(stories, past_the_bytes_the_lowest_score_goes)
{
    struct trn_process_table *t;
    struct trn_stories *s;
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    struct trn_stories_options o = {.sz = sizeof(o), .processes = t, .story = on_story, .max_bytes = 20000};
    cr_assert_eq(trn_stories_new(&o, &s), 0);
    for (uint64_t i = 1; i <= 100; i++) {
        struct trn_finding f = finding(i, i == 1 ? 45 : 30, "prog");
        cr_assert_eq(trn_stories_finding(s, &f), 0);
    }
    cr_assert_gt(trn_stories_dropped(s), 0);
    cr_assert(trn_stories_get(s, 1) && trn_stories_get(s, 100) && !trn_stories_get(s, 2));
    trn_stories_free(s);
    trn_process_table_free(t);
}

Test(stories, full_of_findings_the_weakest_goes_and_is_counted)
{
    struct trn_process_table *t;
    struct trn_stories *s;
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    struct trn_stories_options o = {.sz = sizeof(o), .processes = t, .story = on_story};
    cr_assert_eq(trn_stories_new(&o, &s), 0);
    for (uint64_t i = 0; i < 100; i++) {
        struct trn_finding f = finding(7, 30, "prog");
        f.id = i + 1;
        f.wall_ns = f.boot_ns = 1000 + i;
        f.score = i == 99 ? 45 : 30;
        cr_assert_eq(trn_stories_finding(s, &f), 0);
    }
    const struct trn_story *st = trn_stories_get(s, 1);
    cr_assert_eq(st->n_findings, TRN_STORY_FINDINGS);
    cr_assert_eq(st->n_findings_dropped, 100 - TRN_STORY_FINDINGS);
    cr_assert_eq(st->findings[TRN_STORY_FINDINGS - 1].score, 45);
    trn_stories_free(s);
    trn_process_table_free(t);
}

Test(stories, foreign_text_is_escaped_on_the_page)
{
    static struct trn_story st;
    struct trn_buf b;
    st.id = 3;
    st.verdict = TRN_VERDICT_NOTE;
    st.score = 9;
    st.sentence = TRN_STR("made of escaped parts");
    st.n_processes = 1;
    st.processes[0].pid = 4;
    st.processes[0].path = TRN_STR("/tmp/\033[2J\xff\n");
    st.n_hosts = 1;
    st.hosts[0].address = TRN_STR("1.2.3.4:5");
    st.hosts[0].name = TRN_STR("x\033[31m.test");
    st.change_to = TRN_STR("1\n2");
    st.change_wall_ns = 1;
    trn_buf_init(&b, 1 << 16);
    trn_story_print(&st, 80, false, &b);
    cr_assert(!b.bad && !memchr(b.p, '\033', b.n) && strstr(b.p, "\\x1b[2J\\xff") && strstr(b.p, "1\\n2"));
    trn_buf_done(&b);
}

Test(stories, what_stands_for_many_connections_counts_as_many)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    machine_run(m, s, 0, s->n);
    size_t from = s->n;
    act_connect(s, 812, "10.0.0.1", 443);
    act_close(s, 812, "10.0.0.1", 443, 1, 2);
    act_connect(s, 812, "10.0.0.1", 443); /* a sum: asked for, and ended */
    s->ev[s->n - 1].action = TRN_ACT_ATTEMPTED;
    s->ev[s->n - 1].net.count = 5000;
    act_close(s, 812, "10.0.0.1", 443, 600, 700);
    s->ev[s->n - 1].net.count = 4999;
    act_tick(s);
    machine_run(m, s, from, s->n);
    cr_assert_eq(m->told[1]->hosts[0].count, 5000, "%u", m->told[1]->hosts[0].count);
    cr_assert_eq(m->told[1]->hosts[0].bytes_out, 601);
    cr_assert_eq(m->told[1]->hosts[0].bytes_in, 702);
    machine_free(m);
    script_free(s);
}

Test(stories, a_storm_of_connections_is_told_a_few_times_a_second_and_wholly_at_the_tick)
{
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    softphone(s, "1.1");
    act_open(s, 812, "/x/places.sqlite", "browser-history", "firefox");
    machine_run(m, s, 0, s->n);
    uint64_t before = m->tellings;
    size_t from = s->n;
    for (int i = 0; i < 500; i++) {
        act_connect(s, 812, "10.0.0.1", 443);
        wait_ms(s, 1);
        act_close(s, 812, "10.0.0.1", 443, 10, 20);
    }
    act_tick(s);
    machine_run(m, s, from, s->n);
    cr_assert_leq(m->tellings - before, 9, "and at 10, 100, 1000 bytes out: %llu",
                  (unsigned long long)(m->tellings - before));
    cr_assert_eq(m->told[1]->hosts[0].count, 500);
    cr_assert_eq(m->told[1]->hosts[0].bytes_in, 10000);
    machine_free(m);
    script_free(s);
}
