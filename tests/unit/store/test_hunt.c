/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a hunt find exactly what was recorded, by index, and refuse what it cannot read? */
#include "store_fixture.h"

#include "store/hunt_sql.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define N 1000u

TestSuite(hunt, .init = store_set_up, .fini = store_tear_down);

static uint64_t count(struct trn_store *s, const char *expr)
{
    struct trn_hunt_summary sum = {.matches = 77777};
    struct trn_err err = {0};

    cr_assert_eq(trn_store_hunt(s, trn_str_of(expr), NOW, 10, NULL, &sum, &err), 0, "%s: %s", expr, err.message);
    return sum.matches;
}

Test(hunt, counts)
{
    static const struct {
        const char *expr;
        uint64_t matches;
    } cases[] = {
        {"type=exec", 200},
        {"type!=exec", 800},
        {"type=exec process=curl", 50},
        {"process=curl", 250},
        {"process=/usr/bin/curl", 250},
        {"process=/usr/bin/*", 750},
        {"process=*", 1000},
        {"process=c*l", 250},
        {"process=wget", 0},
        {"process=CURL", 0},
        {"process!=curl", 750},
        {"process=curl or process=id", 500},
        {"type=exec and process=curl or type=dns process=id", 100},
        {"type=exec process=curl process=id", 0},
        {"process.name=python3.11 type=connect", 50},
        {"process.executable=\"/usr/bin/curl\"", 250},
        {"path=helper type=file", 134},
        {"path=/tmp/helper", 67},
        {"path=/tmp/*", 200},
        {"path=part", 200},
        {"file.path=/tmp/*", 67},
        {"file.Ext.original.path=/tmp/part", 200},
        {"file.path=/usr/bin/id", 50},
        {"domain=raw.codehost.test", 67},
        {"domain=RAW.codehost.TEST.", 67},
        {"domain=*.example.test", 133},
        {"dns.question.name=mail.*", 66},
        {"ip=10.9.0.5", 10},
        {"ip=10.9.0.0/28", 160},
        {"ip=10.8.0.0/15", 200},
        {"ip=0.0.0.0/0", 200},
        {"ip=::/0", 0},
        {"ip=10.9.0.1?", 100},
        {"destination.ip=10.9.0.5", 10},
        {"port=443", 200},
        {"port=44?", 200},
        {"software=acme-softphone", 100}, /* what it is, and each start of it */
        {"software=acme*", 100},
        {"package.name=acme-softphone", 50},
        {"software=nothing", 0},
        {"sha256=0300000000000000000000000000000000000000000000000000000000000000", 100},
        {"sha256=ff00000000000000000000000000000000000000000000000000000000000000", 0},
        {"entity=0000000000000064", 20},
        {"pid=1000", 20},
        {"user=1000", 1000},
        {"seq=5", 1},
        {"args=*--flag*", 200},
        {"process.args=--flag", 200},
        {"answer=10.9.0.77", 200},
        {"env=LD_PRELOAD=*", 50},
        {"process.env_vars=https_proxy=http://proxy", 50},
        {"env=x.so", 0},
        {"container=web-1 env=LD_*", 50},
        {"container.id=web*", 50},
        {"action=renamed", 200},
        {"event.action=exec", 200},
        {"since=100s", 100},
        {"since=100s until=50s", 50},
        {"type=exec since=100s", 20},
        {"process=curl or process=id since=100s", 50},
    };
    struct trn_store *s = store_open(NULL);

    store_history(s, N);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        uint64_t n = count(s, cases[i].expr);
        cr_expect_eq(n, cases[i].matches, "%s: %llu, expected %llu", cases[i].expr, (unsigned long long)n,
                     (unsigned long long)cases[i].matches);
    }
    trn_store_close(s);
}

Test(hunt, hits_are_newest_first_and_bounded)
{
    struct trn_store *s = store_open(NULL);
    struct trn_hunt_summary sum;
    struct lines l = {0};
    const struct trn_json_sink sink = {gather_line, &l};

    store_history(s, N);
    cr_assert_eq(trn_store_hunt(s, TRN_STR("type=connect process=curl"), NOW, 3, &sink, &sum, NULL), 0);
    cr_expect_eq(sum.matches, 50);
    cr_expect_eq(l.n, 3);
    cr_expect_eq(sum.first_wall_ns, NOW - (N - 1) * SECOND);
    cr_expect_not_null(strstr(l.first, "\"destination\":{\"ip\":\"10.9.0."));
    cr_expect_not_null(strstr(l.first, "\"executable\":\"/usr/bin/curl\""), "who acted stands beside it: %s", l.first);
    cr_expect_gt(strcmp(l.first, l.last), 0, "by time");
    trn_store_close(s);
}

Test(hunt, a_second_handle_reads_while_the_first_writes)
{
    struct trn_store *w = store_open(NULL);
    struct trn_event ev;

    store_history(w, N);
    const struct trn_store_options o = {.sz = sizeof(o), .read_only = true};
    struct trn_store *r = store_open(&o);
    cr_expect_eq(count(r, "process=/usr/*"), 750);
    history_event(&ev, 0, 1);
    cr_assert_eq(trn_store_event(w, &ev, TRN_STR_NONE, NULL), 0);
    cr_expect_eq(count(r, "process=/usr/*"), 750, "not before the commit");
    cr_assert_eq(trn_store_commit(w, NULL), 0);
    cr_expect_eq(count(r, "process=/usr/*"), 751);
    cr_expect_eq(trn_store_event(r, &ev, TRN_STR_NONE, NULL), -EROFS);
    trn_store_close(r);
    trn_store_close(w);
}

Test(hunt, bad_expressions)
{
    static const char *const bad[] = {
        "",
        "   ",
        "curl",
        "process=",
        "process= curl",
        "=curl",
        "nofield=1",
        "or process=curl",
        "process=curl or",
        "process=curl or or process=id",
        "process=\"curl",
        "since=yesterday",
        "port=https",
        "ip=nowhere",
        "ip=10.0.0.0/33",
        "ip=10.0.0.0/x",
        "sha256=abc",
        "entity=7",
        "type=nothing",
        "process!curl",
        "seq=99999999999999999999",
    };
    struct trn_store *s = store_open(NULL);
    char many[2000] = "";
    size_t n = 0;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_hunt_summary sum = {.matches = 5};
        struct trn_err err = {0};
        cr_expect_eq(trn_store_hunt(s, trn_str_of(bad[i]), NOW, 10, NULL, &sum, &err), -EINVAL, "%s", bad[i]);
        cr_expect(err.message[0] && err.hint[0], "%s", bad[i]);
        cr_expect_eq(sum.matches, 5, "untouched on failure");
    }
    for (int i = 0; i <= TRN_HUNT_TERMS; i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "pid=%d or ", i);
    cr_expect_eq(trn_store_hunt(s, (struct trn_str){many, n - 4}, NOW, 10, NULL, &(struct trn_hunt_summary){0}, NULL),
                 -E2BIG);
    trn_store_close(s);
}

Test(hunt, expressions_never_become_sql)
{
    struct trn_store *s = store_open(NULL);

    store_history(s, 100);
    cr_expect_eq(count(s, "process=\"' OR 1=1 --\""), 0);
    cr_expect_eq(count(s, "args=\"x'; DROP TABLE event; --\""), 0);
    cr_expect_eq(count(s, "type=exec"), 20);
    trn_store_close(s);
}

Test(hunt, stars_can_be_meant)
{
    struct trn_store *s = store_open(NULL);
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_FILE);
    ev.file.path = TRN_STR("/tmp/a*b");
    cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    ev.file.path = TRN_STR("/tmp/a\xff \"b");
    cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    cr_expect_eq(count(s, "path=a\\*b"), 1);
    cr_expect_eq(count(s, "path=a*b"), 2);
    cr_expect_eq(count(s, "path=\"/tmp/a\xff \\\"b\""), 1);
    trn_store_close(s);
}

/* The plan of each hunt that people will run again and again: by index, never over all events. */
Test(hunt, plans_are_pinned)
{
    static const struct {
        const char *expr, *index, *also;
    } cases[] = {
        {"process=curl", "event_process", NULL},
        {"process=/usr/*", "event_process", NULL},
        {"path=/tmp/helper", "event_path (", "event_path2 ("},
        {"sha256=0300000000000000000000000000000000000000000000000000000000000000", "event_file", NULL},
        {"domain=raw.codehost.test", "event_name", NULL},
        {"ip=10.9.0.5", "event_ip", NULL},
        {"ip=10.9.0.0/28", "event_ip", NULL},
        {"software=acme-softphone", "event_software", "event_file"},
        {"entity=0000000000000064", "event_entity", NULL},
        {"seq=5", "event_seq", NULL},
        {"since=2h", "event_wall", NULL},
        {"process=curl since=2h", "event_process", NULL},
        {"process=curl type=exec", "event_process", NULL},
    };

    for (int analysed = 0; analysed < 2; analysed++) {
        struct trn_store *s = store_open(NULL);
        if (!analysed)
            store_history(s, 5 * N);
        else
            cr_assert_eq(trn_db_exec(s, "ANALYZE", NULL, "analyse"), 0);
        for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
            struct trn_buf TRN_AUTO(trn_buf_done) plan;
            trn_buf_init(&plan, 1 << 16);
            cr_assert_eq(trn_hunt_plan(s, trn_str_of(cases[i].expr), NOW, &plan, NULL), 0);
            cr_expect_not_null(strstr(plan.p, cases[i].index), "%s goes by\n%s", cases[i].expr, plan.p);
            if (cases[i].also)
                cr_expect_not_null(strstr(plan.p, cases[i].also), "%s goes by\n%s", cases[i].expr, plan.p);
            cr_expect_null(strstr(plan.p, "SCAN e"), "%s goes by\n%s", cases[i].expr, plan.p);
        }
        trn_store_close(s);
    }
}
