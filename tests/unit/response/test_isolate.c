/* SPDX-License-Identifier: Apache-2.0 */
/* Does isolate say what it will do, do it, see that it holds, take it back, and come again after a restart? */
#include "mark_stage.h"

#include <sys/syscall.h>

static const struct trn_act_host pbx = {.family = 4, .prefix = 32, .port = 5060, .address = {127, 0, 0, 1}};

static struct trn_str text(struct trn_buf *b)
{
    return trn_buf_str(b);
}

Test(isolate, from_plan_to_undo, .timeout = 20)
{
    struct stage s = {0};
    struct trn_err err = {0};
    struct trn_buf b;

    stage_open(&s);
    trn_buf_init(&b, 1u << 16);
    s.act.q = (struct trn_act_request){
        .act = TRN_RESPOND_ISOLATE, .processes = &s.process, .n_processes = 1, .hosts = &pbx, .n_hosts = 1};
    cr_assert_eq(trn_act_isolate.plan(&s.tools, &s.act.q, &b, &err), 0, "%s", err.message);
    cr_expect(trn_str_contains(text(&b), TRN_STR("still reached: 127.0.0.1 port 5060\n")));
    cr_expect(trn_str_contains(text(&b), TRN_STR("names are not asked for")));
    cr_expect_not(trn_cut_attached(s.tools.cut), "a plan changes nothing");
    cr_expect_eq(stage_ask(&s, 4444), 0);

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_isolate.act(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_expect(trn_str_starts(text(&b), TRN_STR("1 process and 0 programs cut off")), "%.*s", TRN_STR_ARG(text(&b)));
    cr_expect_eq(stage_ask(&s, 4444), EPERM);
    cr_expect_eq(stage_ask(&s, 5060), 0);

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_isolate.check(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_expect(trn_str_contains(text(&b), TRN_STR("got EPERM, and was let through")), "%.*s", TRN_STR_ARG(text(&b)));
    cr_expect(trn_str_contains(text(&b), TRN_STR("1 attempt of the software refused")), "%.*s", TRN_STR_ARG(text(&b)));

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_isolate.check(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_expect(trn_str_contains(text(&b), TRN_STR("1 attempt of")), "its own tries do not count: %.*s",
              TRN_STR_ARG(text(&b)));

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_isolate.undo(&s.tools, &s.act, &b, &err), 0);
    cr_expect(trn_str_contains(text(&b), TRN_STR("; 1 attempt")), "%.*s", TRN_STR_ARG(text(&b)));
    cr_expect_eq(stage_ask(&s, 4444), 0);
    cr_expect_eq(trn_act_isolate.undo(&s.tools, &s.act, &b, &err), 0, "again");
    trn_act_isolate.done(&s.act);
    trn_buf_done(&b);
    stage_close(&s);
}

Test(isolate, comes_again_after_a_restart_with_its_programs, .timeout = 20)
{
    char program[] = "/tmp/trn-isolate-XXXXXX";
    int fd = mkstemp(program);
    struct trn_act_file file = {.path = trn_str_of(program)};
    struct stage s = {0};
    struct trn_err err = {0};
    struct trn_marked_keep *k = NULL;
    struct stat st;
    struct trn_buf b;

    cr_assert_geq(fd, 0);
    cr_assert_eq(fchmod(fd, 0755), 0);
    cr_assert_eq(fstat(fd, &st), 0);
    (void)close(fd);
    stage_open(&s);
    trn_buf_init(&b, 1u << 16);
    s.act.q = (struct trn_act_request){
        .act = TRN_RESPOND_ISOLATE, .processes = &s.process, .n_processes = 1, .files = &file, .n_files = 1};
    cr_assert_eq(trn_act_isolate.act(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_assert_eq(trn_marked_read_keep(s.act.keep, &k), 0);
    cr_expect_eq(k->n, 1);
    cr_expect_eq(k->programs[0].ino, st.st_ino);
    free(k);

    /* turncoatd is gone, and the kernel's side with it; another one reads the journal. */
    trn_act_isolate.done(&s.act);
    trn_cut_rule_clear(s.tools.cut, 1);
    cr_expect_eq(stage_ask(&s, 4444), 0);
    s.act.q.files = NULL;
    s.act.q.n_files = 0;
    s.act.resumed = true;
    cr_assert_eq(trn_act_isolate.resume(&s.tools, &s.act, &err), 0, "%s", err.message);
    cr_expect_eq(stage_ask(&s, 4444), EPERM);
    cr_expect_eq(((struct trn_marked *)s.act.live)->programs, 1);
    cr_assert_eq(trn_act_isolate.undo(&s.tools, &s.act, &b, &err), 0);
    trn_buf_done(&b);
    (void)unlink(program);
    stage_close(&s);
}

Test(isolate, what_stands_stays_when_asked_so, .timeout = 20)
{
    struct stage s = {0};
    struct trn_err err = {0};
    struct trn_buf b;

    stage_open(&s);
    trn_buf_init(&b, 1u << 16);
    s.act.q = (struct trn_act_request){.processes = &s.process, .n_processes = 1, .flags = TRN_ACT_EXCEPT_ESTABLISHED};
    cr_assert_eq(trn_act_isolate.act(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_expect_eq(stage_ask(&s, 4444), EPERM, "new ones are refused");
    cr_assert_eq(trn_act_isolate.check(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_assert_eq(trn_act_isolate.undo(&s.tools, &s.act, &b, &err), 0);
    trn_buf_done(&b);
    stage_close(&s);
}

Test(isolate, what_cannot_or_must_not_be_is_refused_and_nothing_is_attached, .timeout = 20)
{
    const struct trn_act_host all[] = {{.family = 4}, {.family = 6}}, bad = {.family = 4, .prefix = 40};
    const struct trn_act_file sh = {.path = TRN_STR("/usr/bin/sh")};
    struct trn_act_process gone = {.pid = 4194304, .start_boot_ns = 1}, init = {.pid = 1};
    struct trn_act_tools none = {.scope_fd = -1, .response_fd = -1};
    struct stage s = {0};
    struct trn_stat stat;
    struct trn_err err = {0};
    struct trn_buf b;

    stage_open(&s);
    trn_buf_init(&b, 1u << 16);
    cr_assert_eq(trn_stat_read(1, &stat), 0);
    init.start_boot_ns = trn_stat_start_ns(&stat);
    s.act.q = (struct trn_act_request){.processes = &s.process, .n_processes = 1, .hosts = all, .n_hosts = 2};
    cr_expect_eq(trn_act_isolate.plan(&s.tools, &s.act.q, &b, &err), -EINVAL, "everything excepted");
    s.act.q = (struct trn_act_request){.processes = &s.process, .n_processes = 1, .hosts = &bad, .n_hosts = 1};
    cr_expect_eq(trn_act_isolate.plan(&s.tools, &s.act.q, &b, &err), -EINVAL, "no address");
    s.act.q = (struct trn_act_request){.processes = &gone, .n_processes = 1};
    cr_expect_eq(trn_act_isolate.plan(&s.tools, &s.act.q, &b, &err), -ESRCH);
    cr_expect_eq(trn_act_isolate.act(&s.tools, &s.act, &b, &err), -ESRCH);
    s.act.q = (struct trn_act_request){.processes = &init, .n_processes = 1};
    cr_expect_eq(trn_act_isolate.act(&s.tools, &s.act, &b, &err), -EPERM, "vital");
    s.act.q = (struct trn_act_request){.files = &sh, .n_files = 1};
    cr_expect_eq(trn_act_isolate.plan(&s.tools, &s.act.q, &b, &err), -EPERM, "a vital program");
    cr_expect_eq(trn_act_isolate.plan(&none, &s.act.q, &b, &err), -EOPNOTSUPP);
    cr_expect(err.hint[0] != '\0');
    trn_buf_done(&b);
    stage_close(&s);
}

Test(isolate, what_is_kept_is_read_back_and_nothing_else)
{
    const struct trn_marked_program v[2] = {{.ino = 7, .ctime_ns = 8}, {.ino = 9, .ctime_ns = 10}};
    struct trn_marked_keep *k = NULL;
    struct trn_buf b;
    struct trn_str s;

    trn_buf_init(&b, TRN_ACT_KEEP_MAX);
    trn_marked_put_keep(77, v, 2, &b);
    s = trn_buf_str(&b);
    cr_assert_eq(trn_marked_read_keep(s, &k), 0);
    cr_expect_eq(k->set_boot_ns, 77);
    cr_expect_eq(k->n, 2);
    cr_expect_eq(k->programs[1].ctime_ns, 10);
    free(k);
    for (size_t n = 0; n < s.n; n++)
        cr_expect_neq(trn_marked_read_keep((struct trn_str){s.p, n}, &k), 0, "%zu bytes", n);
    trn_put_u8(&b, 0);
    cr_expect_neq(trn_marked_read_keep(trn_buf_str(&b), &k), 0, "a byte too many");
    cr_expect_neq(trn_marked_read_keep(TRN_STR_NONE, &k), 0);
    trn_buf_done(&b);
}

Test(isolate, as_many_programs_are_kept_as_the_journal_takes)
{
    struct trn_marked_program v[400] = {0};
    struct trn_marked_keep *k = NULL;
    struct trn_buf b;

    trn_buf_init(&b, TRN_ACT_KEEP_MAX);
    trn_marked_put_keep(1, v, 400, &b);
    cr_assert_not(b.bad);
    cr_assert_eq(trn_marked_read_keep(trn_buf_str(&b), &k), 0);
    cr_expect_eq(k->n, 255);
    free(k);
    trn_buf_done(&b);
}
