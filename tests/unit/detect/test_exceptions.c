/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does an exception lower exactly what it is bound to, for its time, visibly, and nothing else ever? */
#include "detect/exceptions.h"
#include "script.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.second-stage"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define DAY_NS (86400 * TRN_NS_PER_SEC)
#define DAY_MS (86400ull * 1000)
#define REASON "vendor confirmed it, ticket 4711"

static struct script *s;
static struct machine *m;
static uint32_t pid;
static size_t played;

static void setup(void)
{
    s = script_new();
    m = machine_new(NULL);
    pid = 2000;
    played = 0;
    softphone(s, "1.1");
}

static void teardown(void)
{
    machine_free(m);
    script_free(s);
}

static void play(void)
{
    machine_run(m, s, played, s->n);
    played = s->n;
}

/* An EXCEPTION event now: of alice, for the softphone 1.1 and its file, for a week. */
static struct trn_event *exception(enum trn_action action, uint64_t id, const char *check)
{
    act_tick(s);
    struct trn_event *place = &s->ev[s->n - 1], ev;
    trn_event_init(&ev, TRN_EV_EXCEPTION);
    ev.seq = place->seq;
    ev.boot_ns = place->boot_ns;
    ev.wall_ns = place->wall_ns;
    ev.action = (uint16_t)action;
    ev.uid = 1000;
    ev.exception = (struct trn_ev_exception){.id = id,
                                             .check = trn_str_of(check),
                                             .name = TRN_STR("acme-softphone"),
                                             .version = TRN_STR("1.1"),
                                             .by = TRN_STR("alice"),
                                             .reason = TRN_STR(REASON),
                                             .until_wall_ns = place->wall_ns + 7 * DAY_NS};
    for (size_t i = 0; i < TRN_SHA256_SIZE; i++) /* as act_identity gives it */
        ev.exception.sha256[i] = (uint8_t)(strlen(PHONE) + i);
    *place = ev;
    return place;
}

/* The softphone fetches a helper and runs it; what that weighs. */
static const struct trn_finding *second_stage(void)
{
    char *path = trn_arena_alloc(s->arena, 80);
    size_t before;
    snprintf(path, 80, "/home/alice/.cache/acme/helper-%u", ++pid);
    play();
    before = machine_count(m, CHECK);
    act_connect(s, 812, "203.0.113.8", 443);
    act_write(s, 812, path);
    act_start(s, 812, pid, path, "helper");
    act_identity_hash(s, path, 7);
    wait_ms(s, 1000);
    act_exit(s, pid);
    act_tick(s);
    play();
    cr_assert_eq(machine_count(m, CHECK), before + 1);
    return machine_finding(m, CHECK, before);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static size_t held(void)
{
    const struct trn_event *set;
    size_t n = 0;
    for (size_t it = 0; trn_detect_exceptions(m->detect, &it, &set);)
        n++;
    return n;
}

TestSuite(exceptions, .init = setup, .fini = teardown);

Test(exceptions, what_is_excepted_is_told_as_a_note_with_who_and_why)
{
    cr_assert_eq(second_stage()->score, 45, "before");
    exception(TRN_ACT_SET, 1, CHECK);
    const struct trn_finding *f = second_stage();
    cr_assert_eq(f->score, 20);
    cr_assert_eq(f->full_score, 45);
    cr_assert_eq(f->exception, 1);
    cr_assert(trn_str_eq_c(evidence(f, "exception"), "by alice until 2026-11-30 07:01 UTC: " REASON), "%.*s",
              TRN_STR_ARG(evidence(f, "exception")));
    cr_assert(!trn_sha256_is_none(f->image_sha256), "the file that acted, for whoever is to be convinced");
    exception(TRN_ACT_REMOVED, 1, CHECK);
    cr_assert_eq(second_stage()->score, 45, "after");
}

Test(exceptions, every_part_of_the_binding_counts)
{
    for (int i = 0; i < 7; i++) {
        struct trn_ev_exception *e = &exception(TRN_ACT_SET, (uint64_t)i + 1, CHECK)->exception;
        switch (i) {
        case 0:
            e->check = TRN_STR("behaviour.beacon");
            break;
        case 1:
            e->name = TRN_STR("acme-softphon");
            break;
        case 2:
            e->version = TRN_STR("1.0");
            break;
        case 3:
            e->version = TRN_STR("1.1.1");
            break;
        case 4:
            e->sha256[31] ^= 1;
            break;
        case 5:
            e->only = TRN_STR("/home/alice/.cache/acme/helper");
            break;
        default:
            e->until_wall_ns = s->ev[s->n - 1].wall_ns + TRN_NS_PER_SEC / 2;
            wait_ms(s, 500);
        }
        const struct trn_finding *f = second_stage();
        cr_expect_eq(f->score, 45, "case %d", i);
        cr_expect_eq(f->exception, 0, "case %d", i);
    }
    cr_assert_eq(held(), 7, "they are there");
}

Test(exceptions, only_is_one_value_of_the_evidence)
{
    exception(TRN_ACT_SET, 1, CHECK)->exception.only = TRN_STR("/home/alice/.cache/acme/helper-2001");
    cr_assert_eq(second_stage()->score, 20);
    cr_assert_eq(second_stage()->score, 45, "the next one has another name");
}

Test(exceptions, a_file_whose_hash_is_not_known_is_not_excepted)
{
    memset(s->ev[s->n - 1].identity.id.sha256, 0, TRN_SHA256_SIZE);
    exception(TRN_ACT_SET, 1, CHECK);
    cr_assert_eq(second_stage()->score, 45);
}

Test(exceptions, an_update_ends_it_for_good)
{
    exception(TRN_ACT_SET, 1, CHECK);
    act_update(s, "acme-other", "1.1", "1.2");
    cr_assert_eq(second_stage()->score, 20, "other software");
    act_update(s, "acme-softphone", "1.1", "1.2");
    cr_assert_eq(second_stage()->score, 45, "though the old program still runs");
    act_update(s, "acme-softphone", "1.2", "1.1");
    cr_assert_eq(second_stage()->score, 45, "it does not wait for the old version");
    struct trn_event over;
    cr_assert(trn_detect_exception_over(m->detect, 0, &over));
    cr_assert(over.action == TRN_ACT_EXPIRED && over.exception.id == 1 && over.uid == TRN_NO_U32);
}

Test(exceptions, it_is_dead_at_its_time_without_anybodys_act)
{
    struct trn_event over;
    exception(TRN_ACT_SET, 1, CHECK);
    wait_ms(s, 7 * DAY_MS - 10000);
    cr_assert_eq(second_stage()->score, 20);
    wait_ms(s, 10000);
    cr_assert_eq(second_stage()->score, 45);
    cr_assert_not(trn_detect_exception_over(m->detect, s->ev[0].wall_ns, &over));
    cr_assert(trn_detect_exception_over(m->detect, s->ev[s->n - 1].wall_ns, &over));
}

Test(exceptions, a_clock_that_is_set_back_gives_it_no_time)
{
    exception(TRN_ACT_SET, 1, CHECK);
    wait_ms(s, 6 * DAY_MS);
    act_tick(s);
    play();
    struct trn_event back;
    trn_event_init(&back, TRN_EV_CLOCK);
    back.boot_ns = s->boot_ns;
    back.wall_ns = s->ev[s->n - 1].wall_ns - 5 * DAY_NS;
    back.meta.delta_ns = -(int64_t)(5 * DAY_NS);
    machine_push(m, &back);
    wait_ms(s, 2 * DAY_MS);
    act_connect(s, 812, "203.0.113.8", 443);
    act_write(s, 812, "/home/alice/.cache/acme/late");
    act_start(s, 812, 3000, "/home/alice/.cache/acme/late", "late");
    act_identity_hash(s, "/home/alice/.cache/acme/late", 7);
    act_tick(s);
    for (size_t i = played; i < s->n; i++)
        s->ev[i].wall_ns -= 5 * DAY_NS;
    play();
    cr_assert_eq(machine_count(m, CHECK), 1);
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 45, "eight days have passed, whatever the clock says");
}

Test(exceptions, when_it_ends_the_story_weighs_again)
{
    exception(TRN_ACT_SET, 1, CHECK);
    (void)second_stage();
    act_open(s, 812, "/home/alice/.mozilla/firefox/x.default/places.sqlite", "browser-history", "firefox");
    play();
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one stage and a note");
    cr_assert(strstr(machine_page(m, 1), "exception for second stage, by alice until"), "%s", machine_page(m, 1));
    exception(TRN_ACT_EXPIRED, 1, CHECK);
    play();
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1);
    const struct trn_finding *f = &m->told[1]->findings[0];
    cr_assert(f->score == 45 && f->exception == 0);
    cr_assert(trn_str_starts(evidence(f, "exception"), TRN_STR("over, it was by alice")));
}

Test(exceptions, the_profile_learns_nothing_from_it)
{
    TRN_AUTO(trn_buf_done) struct trn_buf profile;
    trn_buf_init(&profile, 1 << 20);
    exception(TRN_ACT_SET, 1, CHECK);
    cr_assert_eq(second_stage()->score, 20);
    trn_detect_profile(m->detect, TRN_STR("acme-softphone"), &profile);
    cr_assert(strstr(profile.p, "never learned"), "%s", profile.p);
}

/* ---- what can be no exception ---- */

Test(exceptions, what_is_asked_for_is_checked)
{
    static const char *const nevers[] = {"indicator.sha256", "exceptions.many"};
    struct trn_event good = *exception(TRN_ACT_SET, 1, CHECK), bad;
    struct trn_err err = {0};
    s->n--;
    cr_assert_eq(trn_exception_check(&good, &err), 0, "%s", err.message);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(nevers); i++) {
        bad = good;
        bad.exception.check = trn_str_of(nevers[i]);
        cr_expect_eq(trn_exception_check(&bad, &err), -EINVAL, "%s", nevers[i]);
    }
    bad = good;
    bad.exception.until_wall_ns = good.wall_ns + 15 * DAY_NS;
    cr_expect_eq(trn_exception_check(&bad, &err), -ERANGE);
    bad.exception.until_wall_ns = good.wall_ns;
    cr_expect_eq(trn_exception_check(&bad, &err), -ERANGE, "over before it began");
    for (int i = 0; i < 7; i++) {
        struct trn_ev_exception *e = &bad.exception;
        bad = good;
        switch (i) {
        case 0:
            e->check = TRN_STR("behaviour.nothing");
            break;
        case 1:
            e->version = TRN_STR_NONE;
            break;
        case 2:
            e->name = TRN_STR("");
            break;
        case 3:
            memset(e->sha256, 0, sizeof(e->sha256));
            break;
        case 4:
            e->reason = TRN_STR("  because   ");
            break;
        case 5:
            e->reason = TRN_STR("ten bytes \xff and more");
            break;
        default:
            e->by = TRN_STR_NONE;
        }
        cr_expect_eq(trn_exception_check(&bad, &err), -EINVAL, "case %d", i);
        machine_push(m, &bad);
    }
    cr_assert_eq(held(), 0, "what comes from a log is checked too");
}

Test(exceptions, what_no_such_software_does_cannot_be_excepted)
{
    exception(TRN_ACT_SET, 1, CHECK);
    exception(TRN_ACT_SET, 2, "indicator.domain");
    const struct trn_finding *f = second_stage();
    struct trn_exceptions *x = trn_exceptions_new();
    struct trn_detect_ctx ctx = {.processes = m->processes};
    for (size_t i = 0; i < s->n; i++)
        if (s->ev[i].type == TRN_EV_EXCEPTION)
            cr_assert_eq(trn_exceptions_push(x, &ctx, &s->ev[i]), 0);
    struct trn_finding own = *f;
    own.score = 46;
    own.exception = 0;
    trn_exceptions_apply(x, &ctx, &own);
    cr_assert(own.score == 46 && !own.exception, "more than a stage can weigh");
    own.score = 45;
    trn_exceptions_apply(x, &ctx, &own);
    cr_assert(own.score == 20 && own.exception == 1);
    own = *f;
    own.exception = 0;
    own.score = 45;
    own.n_evidence = 0;
    trn_finding_add(&own, "impossible", TRN_STR("no such program writes there"));
    trn_exceptions_apply(x, &ctx, &own);
    cr_assert(own.score == 45 && !own.exception, "its evidence says so");
    own.n_evidence = 0;
    own.check = trn_check_find(TRN_STR("indicator.domain"));
    own.score = 60;
    trn_exceptions_apply(x, &ctx, &own);
    cr_assert(own.score == 20 && own.exception == 2, "a list may name what many share");
    trn_exceptions_free(x);
}

Test(exceptions, half_of_an_impossible_act_does_not_excuse_the_whole)
{
    exception(TRN_ACT_SET, 1, "behaviour.browser-data");
    act_open(s, 812, "/home/alice/.mozilla/firefox/x.default/logins.json", "browser-logins", "firefox");
    play();
    cr_assert_eq(machine_finding(m, "behaviour.browser-data", 0)->score, 20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
    act_connect(s, 812, "10.9.0.5", 8443);
    wait_ms(s, 1000);
    act_close(s, 812, "10.9.0.5", 8443, 612, 10);
    play();
    cr_assert_eq(machine_count(m, "behaviour.exfiltration"), 1);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_MALICIOUS), 1, "%s", machine_page(m, 1));
}

Test(exceptions, its_words_find_room)
{
    exception(TRN_ACT_SET, 1, CHECK);
    struct trn_finding own = *second_stage();
    struct trn_exceptions *x = trn_exceptions_new();
    struct trn_detect_ctx ctx = {.processes = m->processes};
    for (size_t i = 0; i < s->n; i++)
        if (s->ev[i].type == TRN_EV_EXCEPTION)
            cr_assert_eq(trn_exceptions_push(x, &ctx, &s->ev[i]), 0);
    own.n_evidence = 0;
    while (own.n_evidence < TRN_FINDING_EVIDENCE)
        trn_finding_add(&own, "path", TRN_STR("/x"));
    trn_exceptions_apply(x, &ctx, &own);
    cr_assert(trn_str_starts(evidence(&own, "exception"), TRN_STR("by alice")));
    trn_exceptions_free(x);
}

/* ---- several ---- */

Test(exceptions, two_for_one_file_are_a_finding)
{
    exception(TRN_ACT_SET, 1, CHECK);
    exception(TRN_ACT_SET, 1, CHECK)->exception.reason = TRN_STR("the same again, with another reason");
    (void)second_stage();
    cr_assert_eq(machine_count(m, TRN_CHECK_MANY_EXCEPTIONS), 0);
    exception(TRN_ACT_SET, 2, "behaviour.beacon");
    play();
    cr_assert_eq(machine_count(m, TRN_CHECK_MANY_EXCEPTIONS), 1);
    const struct trn_finding *f = machine_finding(m, TRN_CHECK_MANY_EXCEPTIONS, 0);
    cr_assert_eq(f->score, 30);
    cr_assert_eq(f->acting, entity_of(812), "it runs, so it is part of its story");
    cr_assert(trn_str_eq_c(f->summary,
                           "two exceptions for one file of acme-softphone 1.1: " CHECK ", behaviour.beacon"),
              "%.*s", TRN_STR_ARG(f->summary));
    exception(TRN_ACT_SET, 3, "behaviour.first-contact");
    play();
    cr_assert_eq(machine_count(m, TRN_CHECK_MANY_EXCEPTIONS), 2);
    const struct trn_finding *g = machine_finding(m, TRN_CHECK_MANY_EXCEPTIONS, 1);
    cr_assert(g->id == f->id && trn_str_starts(g->summary, TRN_STR("three exceptions for one file")));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
}

Test(exceptions, two_for_one_version_are_a_finding_though_nothing_runs)
{
    act_exit(s, 812);
    exception(TRN_ACT_SET, 1, CHECK);
    exception(TRN_ACT_SET, 2, "behaviour.beacon")->exception.sha256[0] ^= 1;
    play();
    const struct trn_finding *f = machine_finding(m, TRN_CHECK_MANY_EXCEPTIONS, 0);
    cr_assert_not_null(f);
    cr_assert(f->acting == 0 && trn_str_starts(f->summary, TRN_STR("two exceptions for acme-softphone 1.1: ")));
    cr_assert(strstr(machine_page(m, 1), "acme-softphone 1.1 has several exceptions"), "%s", machine_page(m, 1));
}

Test(exceptions, of_different_software_they_are_none)
{
    exception(TRN_ACT_SET, 1, CHECK);
    struct trn_ev_exception *e = &exception(TRN_ACT_SET, 2, "behaviour.beacon")->exception;
    e->name = TRN_STR("acme-mail");
    e->sha256[0] ^= 1;
    play();
    cr_assert_eq(machine_count(m, TRN_CHECK_MANY_EXCEPTIONS), 0);
}

Test(exceptions, there_is_room_for_so_many)
{
    static char names[TRN_EXCEPTIONS_MAX + 1][16];
    struct trn_err err = {0};
    uint64_t id = 0;
    for (uint64_t i = 0; i <= TRN_EXCEPTIONS_MAX; i++) {
        struct trn_event *ev = exception(TRN_ACT_SET, i + 1, CHECK);
        snprintf(names[i], sizeof(names[i]), "software-%d", (int)i);
        ev->exception.name = trn_str_of(names[i]);
        ev->exception.sha256[0] = (uint8_t)i;
        int r = trn_detect_exception_room(m->detect, ev, &id, &err);
        cr_assert_eq(r, i < TRN_EXCEPTIONS_MAX ? 0 : -ENOSPC);
        cr_assert_eq(id, TRN_MIN(i + 1, (uint64_t)TRN_EXCEPTIONS_MAX));
        play();
    }
    cr_assert_eq(held(), TRN_EXCEPTIONS_MAX);
    cr_assert_eq(trn_detect_exception_room(m->detect, &s->ev[s->n - 3], &id, &err), 0, "one that is there");
    cr_assert_eq(id, TRN_EXCEPTIONS_MAX - 1);
}

/* ---- restart and replay ---- */

Test(exceptions, it_survives_a_restart_with_its_number)
{
    exception(TRN_ACT_SET, 1, CHECK);
    exception(TRN_ACT_SET, 2, "behaviour.beacon")->exception.name = TRN_STR("acme-mail");
    exception(TRN_ACT_REMOVED, 2, "behaviour.beacon");
    (void)second_stage();
    struct machine *before = m;
    m = machine_new(NULL);
    machine_restore(m, before, s, s->n);
    machine_free(before);
    cr_assert_eq(held(), 1);
    cr_assert_eq(second_stage()->score, 20);
    uint64_t id;
    struct trn_event *ev = exception(TRN_ACT_SET, 0, "behaviour.drift");
    cr_assert_eq(trn_detect_exception_room(m->detect, ev, &id, NULL), 0);
    cr_assert_eq(id, 3, "a number is never used again");
}

Test(exceptions, a_damaged_row_is_none)
{
    exception(TRN_ACT_SET, 1, CHECK);
    play();
    struct trn_event row = {0};
    for (size_t i = 0; i < m->n_state; i++)
        if (trn_str_eq_c(m->state[i].state.kind, "exception") && m->state[i].state.key == 1)
            row = m->state[i];
    cr_assert_gt(row.state.value.n, 50);
    struct machine *fresh = machine_new(NULL);
    struct machine *whole = m;
    m = fresh;
    for (size_t n = 0; n < row.state.value.n; n++) {
        struct trn_event cut = row;
        cut.state.value.n = n;
        machine_push(m, &cut);
    }
    cr_assert_eq(held(), 0, "cut at whichever byte");
    row.state.key = 2;
    machine_push(m, &row);
    cr_assert_eq(held(), 0, "another's number");
    row.state.key = 1;
    machine_push(m, &row);
    cr_assert_eq(held(), 1);
    machine_free(whole);
}

Test(exceptions, a_replay_tells_the_same)
{
    struct trn_buf told[2];
    exception(TRN_ACT_SET, 1, CHECK);
    (void)second_stage();
    exception(TRN_ACT_SET, 2, "behaviour.beacon");
    wait_ms(s, 8 * DAY_MS);
    (void)second_stage();
    exception(TRN_ACT_EXPIRED, 1, CHECK);
    play();
    struct machine *again = machine_new(NULL), *both[] = {m, again};
    machine_run(again, s, 0, s->n);
    for (int i = 0; i < 2; i++) {
        trn_buf_init(&told[i], 1 << 20);
        for (size_t k = 0; k < both[i]->n_findings; k++)
            trn_finding_encode(&both[i]->findings[k], &told[i]);
        trn_put_str(&told[i], trn_buf_str(&both[i]->blobs[1]));
    }
    cr_assert(told[0].n > 100 && trn_str_eq(trn_buf_str(&told[0]), trn_buf_str(&told[1])));
    for (int i = 0; i < 2; i++)
        trn_buf_done(&told[i]);
    machine_free(again);
}
