/* SPDX-License-Identifier: Apache-2.0 */
/* Is what a person sees aligned, escaped, and without colours where they do not belong? */
#include "cli/render.h"
#include "cli/view.h"

#include <criterion/criterion.h>

struct text {
    char *p;
    size_t n;
    FILE *f;
};

static void text_done(struct text *t)
{
    if (t->f)
        fclose(t->f);
    free(t->p);
}

static void text_open(struct text *t)
{
    t->f = open_memstream(&t->p, &t->n);
}

static const char *text_close(struct text *t)
{
    fclose(t->f);
    t->f = NULL;
    return t->p;
}

Test(render, a_table_is_aligned_by_what_is_seen)
{
    static const char *const heads[] = {"name", "n", "why"};
    TRN_AUTO(text_done) struct text out = {0};
    struct trn_table t;
    text_open(&out);
    trn_table_init(&t, heads, 3, 2);
    trn_table_row(&t, TRN_RED);
    trn_table_cell(&t, TRN_STR("g\xc3\xbcn"));
    trn_table_number(&t, 7);
    trn_table_cell(&t, TRN_STR("x"));
    trn_table_row(&t, TRN_PLAIN);
    trn_table_cell(&t, TRN_STR("longer"));
    trn_table_number(&t, 1234);
    trn_table_cell(&t, TRN_STR_NONE);
    trn_table_print(&t, out.f, false);
    trn_table_done(&t);
    cr_assert_str_eq(text_close(&out), "name       n  why\n"
                                       "g\xc3\xbcn        7  x\n"
                                       "longer  1234\n");
}

Test(render, foreign_text_is_escaped)
{
    TRN_AUTO(text_done) struct text out = {0};
    struct trn_table t;
    text_open(&out);
    trn_table_init(&t, NULL, 1, 0);
    trn_table_row(&t, TRN_PLAIN);
    trn_table_cell(&t, (struct trn_str){"a\033[2J\n\xff", 7});
    trn_table_print(&t, out.f, false);
    trn_table_done(&t);
    cr_assert_str_eq(text_close(&out), "a\\x1b[2J\\n\\xff\n");
}

Test(render, sizes)
{
    const struct {
        uint64_t n;
        const char *text;
    } cases[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {12345678, "12.3 MB"}, {UINT64_MAX, "18446744.1 TB"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        trn_buf_init(&b, 100);
        trn_put_size(&b, cases[i].n);
        cr_assert(trn_str_eq_c(trn_buf_str(&b), cases[i].text), "%s", b.p);
    }
}

Test(render, values_by_path_and_of_the_wrong_kind)
{
    json_t *o = json_loads("{\"a\":{\"b\":\"text\",\"n\":-3,\"m\":5},\"t\":true}", 0, NULL);
    cr_assert(trn_str_eq_c(trn_json_text(o, "a.b"), "text"));
    cr_assert(trn_str_is_none(trn_json_text(o, "a.n")));
    cr_assert(trn_str_is_none(trn_json_text(o, "a.x.y")));
    cr_assert_eq(trn_json_count(o, "a.n"), 0);
    cr_assert_eq(trn_json_count(o, "a.m"), 5);
    cr_assert_eq(trn_json_count(o, "a.b"), 0);
    cr_assert(trn_json_true(o, "t"));
    cr_assert(!trn_json_true(o, "a"));
    json_decref(o);
}

static void show(const char *type, const char *json, bool as_json, struct trn_view *view)
{
    json_t *o = json_loads(json, 0, NULL);
    cr_assert(o);
    view->json = as_json;
    trn_view_line(view, type, o);
    json_decref(o);
}

Test(view, a_story_is_said_again_only_when_its_verdict_changes)
{
    TRN_AUTO(text_done) struct text out = {0};
    struct trn_cli cli = {0};
    struct trn_view v;
    text_open(&out);
    cr_assert_eq(trn_view_init(&v, &cli, out.f, false, false), 0);
    show("story",
         "{\"id\":7,\"verdict\":\"note\",\"score\":45,\"software\":{\"name\":\"acme\",\"version\":\"1.1\"},"
         "\"sentence\":\"s\"}",
         false, &v);
    show("story",
         "{\"id\":7,\"verdict\":\"note\",\"score\":50,\"software\":{\"name\":\"acme\",\"version\":\"1.1\"},"
         "\"sentence\":\"s\"}",
         false, &v);
    cr_assert_eq(v.worst, TRN_VERDICT_NOTE);
    show("story",
         "{\"id\":7,\"verdict\":\"malicious\",\"score\":96,\"software\":{\"name\":\"acme\",\"version\":\"1.1\"},"
         "\"sentence\":\"s\"}",
         false, &v);
    cr_assert_eq(v.worst, TRN_VERDICT_MALICIOUS);
    cr_assert_eq(v.stories, 1);
    trn_view_done(&v);
    cr_assert_str_eq(text_close(&out), "note        45  acme 1.1  s  (turncoat stories 7)\n"
                                       "malicious   96  acme 1.1  s  (turncoat stories 7)\n");
}

Test(view, findings_losses_and_health)
{
    TRN_AUTO(text_done) struct text out = {0};
    struct trn_cli cli = {0};
    struct trn_view v;
    text_open(&out);
    cr_assert_eq(trn_view_init(&v, &cli, out.f, false, false), 0);
    show("finding", "{\"check\":\"indicator.ip\",\"score\":50,\"summary\":\"talked\\u001b\",\"software\":{}}", false,
         &v);
    show("loss", "{\"class\":\"open\",\"count\":12}", false, &v);
    show("health", "{\"message\":\"store is full\"}", false, &v);
    show("loss", "{\"class\":\"open\",\"count\":1}", true, &v);
    cr_assert_eq(v.findings, 1);
    cr_assert_eq(v.losses, 13);
    trn_view_done(&v);
    cr_assert_str_eq(text_close(&out), "  finding     50  unknown software  indicator.ip: talked\\x1b\n"
                                       "loss  12 of class open\n"
                                       "health  store is full\n"
                                       "{\"type\":\"loss\",\"class\":\"open\",\"count\":1}\n");
}

Test(render, json_has_nothing_that_acts_on_a_terminal)
{
    TRN_AUTO(text_done) struct text t = {0};
    text_open(&t);
    json_t *o = json_pack("{s:s}", "path",
                          "a\xc2\x9b"
                          "31m\xe2\x80\xae\xc3\xa9\n");
    trn_print_json(t.f, o);
    json_decref(o);
    cr_assert_str_eq(text_close(&t), "{\"path\":\"a\\u009B31m\\u202E\\u00E9\\n\"}\n");
}
