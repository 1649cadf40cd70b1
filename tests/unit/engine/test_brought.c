/* SPDX-License-Identifier: Apache-2.0 */
/* Does what the gate found become events as it was told, from root only, and is a request that is not right refused whole? */
#include "engine/server_internal.h"
#include "folder.h"

#define HASH "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f"
#define HEAD                                                                                                 \
    "{\"ask\":\"brought\",\"name\":\"acme\",\"version\":\"1.1\",\"from\":\"1.0\",\"verdict\":\"malicious\"," \
    "\"sha256\":\"" HASH "\","
#define ONE "{\"check\":\"diff.same-authentihash\",\"score\":85,\"path\":\"data.tar!./x.dll\",\"summary\":\"it grew\"}"

struct told {
    unsigned n;
    uint64_t score;
    char name[32], check[64], path[64];
    uint32_t uid;
};

static int live(void *ctx, enum trn_ask ask, struct trn_str body, struct trn_buf *out)
{
    struct told *t = ctx;
    struct trn_cursor in = trn_cur_of(body);
    struct trn_event ev;
    cr_assert(ask == TRN_ASK_DECIDE && trn_event_decode(&in, &ev) == 0 && ev.type == TRN_EV_BROUGHT);
    t->n++;
    t->score = ev.brought.score;
    t->uid = ev.uid;
    trn_escape_into(t->name, sizeof t->name, ev.brought.name);
    trn_escape_into(t->check, sizeof t->check, ev.brought.check);
    trn_escape_into(t->path, sizeof t->path, ev.brought.path);
    (void)out;
    return 0;
}

static struct told ask(uint32_t uid, const char *line, const char *answer)
{
    struct told t = {0};
    struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    struct trn_request_env env = {.live = live, .ctx = &t};
    struct trn_request_client client = {.fd = -1, .uid = uid, .pid = 77, .may_act = true, .out = &out};
    trn_request(&env, &client, trn_str_of(line));
    cr_assert(strstr(out.p, answer), "%s: %s", line, out.p);
    trn_buf_done(&out);
    return t;
}

Test(brought, each_finding_is_an_event)
{
    struct told t = ask(0, HEAD "\"findings\":[" ONE "," ONE "]}", "end");
    cr_assert(t.n == 2 && t.score == 85 && t.uid == 0);
    cr_assert_str_eq(t.name, "acme");
    cr_assert_str_eq(t.check, "diff.same-authentihash");
    cr_assert_str_eq(t.path, "data.tar!./x.dll");
}

Test(brought, the_gate_compares_a_new_package_with_nothing)
{
    static const char *const by[] = {"gate", "diff"};
    for (size_t i = 0; i < 2; i++) {
        char line[1000];
        snprintf(line, sizeof(line),
                 "{\"ask\":\"brought\",\"by\":\"%s\",\"name\":\"acme\",\"version\":\"1\",\"verdict\":\"suspicious\","
                 "\"sha256\":\"" HASH "\",\"findings\":[" ONE "]}",
                 by[i]);
        cr_expect_eq(ask(0, line, i == 0 ? "end" : "error").n, i == 0 ? 1 : 0, "%s", by[i]);
    }
}

Test(brought, a_scan_compares_with_nothing)
{
    struct told t = ask(0,
                        "{\"ask\":\"brought\",\"by\":\"scan\",\"origin\":\"npm\",\"name\":\"acme\",\"version\":\"1\","
                        "\"verdict\":\"note\",\"sha256\":\"" HASH "\",\"findings\":[" ONE "]}",
                        "end");
    cr_assert_eq(t.n, 1);
}

Test(brought, only_root_may_tell)
{
    cr_assert_eq(ask(1001, HEAD "\"findings\":[" ONE "]}", "EPERM").n, 0);
}

Test(brought, what_is_not_right_is_refused_before_any_of_it_is_told)
{
    static const char *const bad[] = {
        HEAD "\"findings\":[]}",
        HEAD "\"by\":\"somebody\",\"findings\":[" ONE "]}",
        HEAD "\"origin\":\"nowhere\",\"findings\":[" ONE "]}",
        "{\"ask\":\"brought\",\"name\":\"acme\",\"version\":\"1\",\"verdict\":\"note\",\"sha256\":\"" HASH
        "\",\"findings\":[" ONE "]}", /* compared with nothing, and no scan */
        HEAD "\"findings\":7}",
        HEAD "\"x\":1}",
        HEAD "\"findings\":[" ONE ",7]}",
        HEAD "\"findings\":[" ONE ",{\"check\":\"x\",\"score\":0,\"summary\":\"y\"}]}",
        HEAD "\"findings\":[" ONE ",{\"check\":\"x\",\"score\":101,\"summary\":\"y\"}]}",
        HEAD "\"findings\":[" ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "]}",
        "{\"ask\":\"brought\",\"name\":\"acme\",\"findings\":[" ONE "]}",
        "{\"ask\":\"brought\",\"name\":\"acme\",\"version\":\"1\",\"from\":\"1\",\"verdict\":\"bad\",\"sha256\":\"" HASH
        "\",\"findings\":[" ONE "]}",
        "{\"ask\":\"brought\",\"name\":\"acme\",\"version\":\"1\",\"from\":\"1\",\"verdict\":\"note\",\"sha256\":"
        "\"5e\",\"findings\":[" ONE "]}",
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert_eq(ask(0, bad[i], "EINVAL").n, 0, "%s", bad[i]);
}
