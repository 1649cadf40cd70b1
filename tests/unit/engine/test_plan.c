/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a finding become the requests that the policy wants, about the right target, once; and who waits is answered? */
#include "engine/plan.h"

#include "../process/story.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define BIT(a) (1u << TRN_RESPOND_##a)

static struct trn_arena *arena;
static struct machine m;
static struct trn_names *names;
static struct trn_plan *plan;
static struct trn_policy *policy;
static struct trn_act_request sent[8]; /* with their files */
static struct trn_act_file sent_files[8][16];
static uint32_t n_sent, n_files;
static struct trn_judged judged[8];
static uint32_t n_judged;
static char said[500];
static bool full; /* turncoatd takes nothing */

static int take(void *ctx, uint16_t type, struct trn_str body)
{
    struct trn_cursor in = trn_cur(trn_arena_str(arena, body).p, body.n);
    if (full)
        return -EAGAIN;
    if (type == TRN_CH_ACT_FILES) {
        uint64_t job;
        cr_assert_eq(trn_act_files_decode(&in, arena, &job, sent_files[n_sent], &n_files), 0);
    } else if (type == TRN_CH_ACT) {
        cr_assert_eq(trn_act_decode(&in, arena, &sent[n_sent]), 0, "turncoatd would end the connection");
        sent[n_sent].files = sent_files[n_sent];
        sent[n_sent].n_files = n_files;
        n_files = 0;
        n_sent++;
    } else {
        cr_assert_eq(type, TRN_CH_JUDGED);
        cr_assert_eq(trn_judged_decode(&in, &judged[n_judged++]), 0);
    }
    return 0;
}

static void say(void *ctx, const char *text)
{
    snprintf(said, sizeof said, "%s", text);
}

/* 10 the softphone, 13 the helper that it dropped, 14 a shell below it, 20 another program */
static void set_up(void)
{
    arena = trn_arena_new(8 << 20);
    names = trn_names_new();
    policy = calloc(1, sizeof *policy);
    cr_assert(arena && names && policy);
    m = machine_new(0);
    act_existing(&m, 0, 1, "/usr/lib/systemd/systemd");
    act_identity(&m, "/usr/bin/softphone", "acme-softphone", "1.1", TRN_ORIGIN_DPKG, 0);
    act_identity(&m, "/usr/bin/other", "other", "2", TRN_ORIGIN_DPKG, 0);
    act_run(&m, 1, 10, "/usr/bin/softphone", "softphone");
    act_run(&m, 10, 13, "/home/u/helper", "helper");
    act_run(&m, 10, 14, "/usr/bin/sh", "sh");
    act_run(&m, 1, 20, "/usr/bin/other", "other");
    cr_assert_eq(trn_plan_new(&(struct trn_plan_options){.sz = sizeof(struct trn_plan_options),
                                                         .processes = m.t,
                                                         .names = names,
                                                         .send = take,
                                                         .say = say},
                              &plan),
                 0);
    trn_policy_default(policy);
    policy->protect = true;
}

static void tear_down(void)
{
    plan = trn_plan_free(plan);
    machine_done(&m);
    names = trn_names_free(names);
    arena = trn_arena_free(arena);
    free(policy);
}

TestSuite(engine_plan, .init = set_up, .fini = tear_down);

static struct trn_policy_rule *rule(const char *check, uint32_t acts)
{
    struct trn_policy_rule *r = &policy->rules[policy->n_rules++];
    snprintf(r->check, sizeof r->check, "%s", check);
    r->acts = acts;
    r->line = 3;
    return r;
}

static struct trn_finding finding(const char *check, uint64_t entity)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(trn_str_of(check)));
    f.score = 60;
    f.entity = entity;
    f.acting = 10;
    f.software = (struct trn_software){.name = TRN_STR("acme-softphone"), .version = TRN_STR("1.1")};
    return f;
}

static void tell(const struct trn_finding *f, uint64_t story)
{
    struct trn_story *s = calloc(1, sizeof *s);
    s->id = story;
    s->verdict = TRN_VERDICT_SUSPICIOUS;
    s->findings[s->n_findings++] = *f;
    trn_plan_policy(plan, policy);
    trn_plan_finding(plan, f, 777);
    trn_plan_story(plan, s);
    trn_plan_story(plan, s); /* told again when its bytes change */
    free(s);
}

Test(engine_plan, kill_is_the_tree_that_did_it)
{
    struct trn_finding f = finding("behaviour.hands-on-keyboard", 14);
    act_run(&m, 14, 15, "/usr/bin/id", "id");
    rule("behaviour.hands-on-keyboard", BIT(KILL));
    tell(&f, 7);
    cr_assert_eq(n_sent, 1);
    cr_expect_eq(sent[0].act, TRN_RESPOND_KILL);
    cr_expect_eq(sent[0].target, TRN_TARGET_ENTITY);
    cr_expect(trn_str_eq_c(sent[0].text, "000000000000000e"));
    cr_assert_eq(sent[0].n_processes, 2);
    cr_expect(sent[0].processes[0].pid == 14 && sent[0].processes[1].pid == 15, "the softphone is not in it");
    cr_expect(sent[0].story == 7 && sent[0].score == 60 && sent[0].found_boot_ns == 777 && sent[0].seconds == 0);
    cr_expect(trn_str_eq_c(sent[0].check, "behaviour.hands-on-keyboard"));
}

Test(engine_plan, once_for_each_story_act_and_target)
{
    struct trn_finding f = finding("behaviour.hands-on-keyboard", 14);
    rule("*", BIT(KILL));
    tell(&f, 7);
    tell(&f, 7);
    cr_expect_eq(n_sent, 1);
    tell(&f, 8);
    cr_expect_eq(n_sent, 2, "another story");
    f.entity = 13;
    tell(&f, 8);
    cr_expect_eq(n_sent, 3, "another process");
}

Test(engine_plan, block_is_the_file_that_the_finding_is_about)
{
    struct trn_finding f = finding("behaviour.second-stage", 13);
    struct trn_file_key k = key_of("/home/u/helper");
    char key[40], hash[65];
    memset(hash, 'a', 64);
    hash[64] = 0;
    snprintf(key, sizeof key, "%llx:%llx", (unsigned long long)k.dev, (unsigned long long)k.ino);
    trn_finding_add(&f, "path", TRN_STR("/home/u/helper"));
    trn_finding_add(&f, "sha256", trn_str_of(hash));
    trn_finding_add(&f, "file", trn_str_of(key));
    rule("behaviour.second-stage", BIT(BLOCK))->fail_closed = true;
    tell(&f, 1);
    cr_assert_eq(n_sent, 1);
    cr_expect_eq(sent[0].target, TRN_TARGET_SHA256);
    cr_expect(trn_str_eq_c(sent[0].text, hash));
    cr_expect_eq(sent[0].flags, TRN_ACT_FAIL_CLOSED);
    cr_assert_eq(sent[0].n_files, 1);
    cr_expect(trn_str_eq_c(sent[0].files[0].path, "/home/u/helper"));
    cr_expect(sent[0].files[0].key.ino == k.ino && sent[0].files[0].key.ctime_ns == k.ctime_ns, "as it runs now");
    cr_expect_eq(sent[0].files[0].sha256[31], 0xaa);
}

Test(engine_plan, a_file_that_was_read_is_not_blocked)
{
    struct trn_finding f = finding("behaviour.browser-data", 10);
    trn_finding_add(&f, "path", TRN_STR("/home/u/.mozilla/places.sqlite"));
    rule("*", BIT(BLOCK));
    tell(&f, 1);
    cr_assert_eq(n_sent, 1);
    cr_expect_eq(sent[0].target, TRN_TARGET_PATH);
    cr_expect(trn_str_eq_c(sent[0].text, "/usr/bin/softphone"), "who read it is");
    f.entity = 14;
    tell(&f, 2);
    cr_expect_eq(n_sent, 1, "and never a shell");
    cr_expect(strstr(said, "line 3: 'block' for a finding of behaviour.browser-data has nothing to act on"), "%s",
              said);
}

Test(engine_plan, what_was_put_where_things_start_is_taken_away)
{
    struct trn_finding f = finding("behaviour.persistence", 10);
    trn_finding_add(&f, "path", TRN_STR("/home/u/.config/autostart/x.desktop"));
    rule("behaviour.persistence", BIT(QUARANTINE) | BIT(BLOCK));
    tell(&f, 1);
    cr_assert_eq(n_sent, 2);
    cr_expect(sent[0].act == TRN_RESPOND_BLOCK && trn_str_eq_c(sent[0].text, "/usr/bin/softphone"));
    cr_expect(sent[1].act == TRN_RESPOND_QUARANTINE && sent[1].target == TRN_TARGET_PATH);
    cr_expect(trn_str_eq_c(sent[1].text, "/home/u/.config/autostart/x.desktop"));
}

Test(engine_plan, isolate_is_the_software_except_its_hosts)
{
    struct trn_finding f = finding("behaviour.first-contact", 10);
    struct trn_policy_rule *r = rule("behaviour.*", BIT(ISOLATE) | BIT(SHIELD));
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_DNS);
    ev.action = TRN_ACT_ANSWER;
    ev.dns.name = TRN_STR("pbx.acme.test");
    ev.dns.answers = TRN_STR("10.9.0.7\0");
    cr_assert_eq(trn_names_see(names, &ev, arena), 0);
    snprintf(policy->hosts[0].text, TRN_POLICY_HOST, "pbx.acme.test");
    policy->hosts[0].port = 5060;
    snprintf(policy->hosts[1].text, TRN_POLICY_HOST, "10.0.0.0/8");
    snprintf(policy->hosts[2].text, TRN_POLICY_HOST, "unknown.test");
    policy->n_hosts = 3;
    r->except = (struct trn_policy_hosts){.first = 0, .n = 3};
    r->seconds = 600;
    tell(&f, 1);
    cr_assert_eq(n_sent, 2);
    cr_expect_eq(sent[0].act, TRN_RESPOND_ISOLATE);
    cr_expect(trn_str_eq_c(sent[0].text, "acme-softphone=1.1"));
    cr_expect_eq(sent[0].seconds, 600);
    cr_expect_eq(sent[0].n_processes, 3);
    cr_assert_eq(sent[0].n_hosts, 2);
    cr_expect(sent[0].hosts[0].address[3] == 7 && sent[0].hosts[0].port == 5060 && sent[0].hosts[1].prefix == 8);
    cr_expect(strstr(said, "'unknown.test' is not kept reachable"), "%s", said);
    cr_expect(sent[1].act == TRN_RESPOND_SHIELD && sent[1].n_hosts == 0);
    cr_assert_geq(sent[1].n_files, 1);
    cr_expect(trn_str_eq_c(sent[1].files[0].path, "/usr/bin/softphone"));
}

Test(engine_plan, nothing_in_detect_nor_for_what_has_an_exception)
{
    struct trn_finding f = finding("behaviour.second-stage", 13);
    rule("*", BIT(KILL));
    policy->protect = false;
    tell(&f, 1);
    cr_expect_eq(n_sent, 0);
    policy->protect = true;
    f.exception = 3;
    tell(&f, 1);
    cr_expect_eq(n_sent, 0);
}

Test(engine_plan, what_turncoatd_does_not_take_waits_in_order)
{
    struct trn_finding f = finding("behaviour.first-contact", 10);
    struct trn_plan_stats st;
    rule("*", BIT(ISOLATE) | BIT(KILL));
    full = true;
    tell(&f, 1);
    cr_expect_eq(n_sent, 0);
    full = false;
    trn_plan_tick(plan, 1);
    cr_assert_eq(n_sent, 2);
    cr_expect(sent[0].act == TRN_RESPOND_ISOLATE && sent[1].act == TRN_RESPOND_KILL);
    full = true;
    for (uint64_t story = 2; story < 200; story++)
        tell(&f, story);
    trn_plan_stats(plan, &st);
    cr_expect_gt(st.dropped, 0, "bounded, and counted");
}

/* ---- who waits ---- */

static struct trn_held_question question(uint64_t number, uint64_t entity)
{
    const struct trn_entity *e = at(&m, entity);
    return (struct trn_held_question){.question = number,
                                      .pid = e->pid,
                                      .start_boot_ns = e->start_boot_ns,
                                      .key = e->image.file,
                                      .deadline_boot_ns = m.now + 1500 * TRN_NS_PER_MS};
}

static void numbered(uint64_t entity)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = entity;
    ev.pid = (uint32_t)entity;
    ev.boot_ns = m.now;
    trn_plan_numbered(plan, &ev);
}

static void hold_new(void)
{
    rule("behaviour.second-stage", BIT(BLOCK) | BIT(KILL));
    policy->hold_new = true;
    trn_plan_policy(plan, policy);
}

Test(engine_plan, a_program_that_a_finding_is_about_is_refused)
{
    struct trn_finding f = finding("behaviour.second-stage", 13);
    trn_finding_add(&f, "path", TRN_STR("/home/u/helper"));
    hold_new();
    act_fork(&m, 10, 30);
    struct trn_held_question q = question(1, 30);
    q.key = key_of("/home/u/helper3");
    trn_plan_held(plan, &q, m.now);
    cr_expect_eq(n_judged, 0, "its exec is still to come");
    numbered(14);
    cr_expect_eq(n_judged, 0, "another's exec");
    act_exec(&m, 30, "/home/u/helper3", "helper3");
    f.entity = 30;
    f.evidence[0].value = TRN_STR("/home/u/helper3");
    tell(&f, 1);
    numbered(30);
    cr_assert_eq(n_judged, 1);
    cr_expect(judged[0].question == 1 && judged[0].refuse);
}

Test(engine_plan, the_others_are_let_go)
{
    hold_new();
    struct trn_held_question q = question(2, 13);
    trn_plan_held(plan, &q, m.now);
    cr_assert_eq(n_judged, 1, "its exec was numbered before the question came");
    cr_expect_not(judged[0].refuse);
    act_fork(&m, 10, 30);
    q = question(3, 30);
    q.key = key_of("/home/u/x");
    trn_plan_held(plan, &q, m.now);
    act_exec(&m, 30, "/home/u/x", "x");
    numbered(30);
    cr_assert_eq(n_judged, 2);
    cr_expect(judged[1].question == 3 && !judged[1].refuse);
}

Test(engine_plan, an_answer_before_the_deadline_in_any_case)
{
    hold_new();
    for (int closed = 0; closed < 2; closed++) {
        policy->hold_refuse = closed;
        trn_plan_policy(plan, policy);
        act_fork(&m, 10, 30 + (uint64_t)closed);
        struct trn_held_question q = question(4, 30 + (uint64_t)closed);
        q.key = key_of("/home/u/x");
        trn_plan_held(plan, &q, m.now);
        cr_expect(trn_plan_waits(plan));
        trn_plan_tick(plan, q.deadline_boot_ns - 200 * TRN_NS_PER_MS);
        cr_expect_eq(n_judged, (uint32_t)closed, "there is time left");
        trn_plan_tick(plan, q.deadline_boot_ns - 10 * TRN_NS_PER_MS);
        cr_assert_eq(n_judged, (uint32_t)closed + 1);
        cr_expect_eq(judged[closed].refuse, closed == 1);
        cr_expect_not(trn_plan_waits(plan));
    }
}

Test(engine_plan, nobody_waits_where_no_rule_could_refuse)
{
    struct trn_held_question q = question(5, 13);
    rule("*", BIT(ISOLATE));
    policy->hold_new = true;
    trn_plan_policy(plan, policy);
    trn_plan_held(plan, &q, m.now);
    cr_assert_eq(n_judged, 1);
    cr_expect_not(judged[0].refuse);
}

static void starts(uint64_t entity, bool refused)
{
    uint32_t before = n_judged;
    act_run(&m, 10, entity, "/home/u/helper", "helper");
    struct trn_held_question q = question(entity, entity);
    trn_plan_held(plan, &q, m.now);
    cr_assert_eq(n_judged, before + 1);
    cr_expect_eq(judged[before].refuse, refused, "start of %d", (int)entity);
}

static void stepped(const char *act, const char *state, const char *target)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_RESPONSE);
    ev.response.act = trn_str_of(act);
    ev.response.state = trn_str_of(state);
    ev.response.target = trn_str_of(target);
    trn_plan_numbered(plan, &ev);
}

Test(engine_plan, what_was_taken_back_may_start_again)
{
    struct trn_finding f = finding("behaviour.second-stage", 13);
    trn_finding_add(&f, "path", TRN_STR("/home/u/helper"));
    rule("behaviour.second-stage", BIT(BLOCK));
    policy->hold_new = true;
    tell(&f, 1);
    starts(40, true);
    stepped("block", "seen", "/home/u/helper");
    stepped("isolate", "undone", "/home/u/helper");
    stepped("block", "undone", "/home/u/other");
    starts(41, true);
    stepped("block", "undone", "/home/u/helper");
    starts(42, false);
    tell(&f, 1);
    cr_expect_eq(n_sent, 1, "and is not blocked again by the same story");
    tell(&f, 2);
    starts(43, true);
    trn_plan_refused(plan, 99);
    starts(44, true);
    trn_plan_refused(plan, 2);
    starts(45, false);
}
