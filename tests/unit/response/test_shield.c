/* SPDX-License-Identifier: Apache-2.0 */
/* Does shield refuse one process sensitive files, see that it does, and give them back? On a home of the test's own, on a file system of its own. */
#include "mark_stage.h"

#include <sched.h>
#include <sys/mount.h>

static char home[64], ssh[80];

static void make_home(struct stage *s)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;

    (void)snprintf(home, sizeof(home), "/tmp/trn-shield-%d", getpid());
    (void)snprintf(ssh, sizeof(ssh), "%s/.ssh", home);
    (void)snprintf(s->file, sizeof(s->file), "%s/id_made_up", ssh);
    cr_assert_eq(mkdir(home, 0700), 0);
    cr_assert_eq(unshare(CLONE_NEWNS), 0);
    cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    cr_assert_eq(mount("none", home, "tmpfs", 0, NULL), 0);
    cr_assert_eq(mkdir(ssh, 0700), 0);
    fd = open(s->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert_geq(fd, 0);
}

static void remove_home(void)
{
    cr_expect_eq(umount2(home, MNT_DETACH), 0);
    cr_expect_eq(rmdir(home), 0);
}

static void open_shield(struct stage *s)
{
    const char *const homes[] = {home};
    const struct trn_shield_options o = {.sz = sizeof(o), .cut = s->tools.cut, .homes = homes, .n_homes = 1};
    char path[200];
    struct trn_err err = {0};

    (void)snprintf(path, sizeof(path), "%s/response", home);
    cr_assert_eq(mkdir(path, 0700), 0);
    s->tools.response_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->tools.state_dir = home;
    cr_assert_eq(trn_shield_new(&o, &s->tools.shield, &err), 0);
}

Test(shield, from_plan_to_undo, .timeout = 20)
{
    struct stage s = {0};
    struct trn_err err = {0};
    struct trn_str text;
    struct trn_buf b;

    if (geteuid() == 0)
        make_home(&s);
    stage_open(&s);
    open_shield(&s);
    trn_buf_init(&b, 1u << 16);
    s.act.q = (struct trn_act_request){.processes = &s.process, .n_processes = 1};
    cr_assert_eq(trn_act_shield.plan(&s.tools, &s.act.q, &b, &err), 0, "%s", err.message);
    text = trn_buf_str(&b);
    cr_expect(trn_str_contains(text, TRN_STR("1 files in 1 folders")), "%.*s", TRN_STR_ARG(text));
    cr_expect_not(trn_shield_is_open(s.tools.shield), "a plan watches nothing");
    cr_expect_eq(stage_ask(&s, 0), 0);

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_shield.act(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    cr_expect(trn_shield_is_open(s.tools.shield));
    cr_expect_eq(stage_ask(&s, 0), EPERM);
    cr_expect_eq(stage_ask(&s, 4444), 0, "the network is left alone");
    TRN_AUTO(trn_fd_closep) int own = open(s.file, O_RDONLY | O_CLOEXEC);
    cr_expect_geq(own, 0);

    trn_buf_clear(&b);
    cr_assert_eq(trn_act_shield.check(&s.tools, &s.act, &b, &err), 0, "%s", err.message);
    text = trn_buf_str(&b);
    cr_expect(trn_str_contains(text, TRN_STR("also of a real sensitive file")), "%.*s", TRN_STR_ARG(text));
    cr_expect(trn_str_contains(text, TRN_STR("1 opens were refused so far")), "%.*s", TRN_STR_ARG(text));

    cr_assert_eq(trn_act_shield.undo(&s.tools, &s.act, &b, &err), 0);
    cr_expect_eq(stage_ask(&s, 0), 0);
    trn_act_shield.done(&s.act);
    trn_shield_free(s.tools.shield);
    trn_buf_done(&b);
    stage_close(&s);
    remove_home();
}

Test(shield, nothing_is_watched_when_there_is_nobody_to_mark, .timeout = 20)
{
    struct trn_act_process gone = {.pid = 4194304, .start_boot_ns = 1};
    struct trn_act_tools none = {.scope_fd = -1, .response_fd = -1};
    struct stage s = {0};
    struct trn_err err = {0};
    struct trn_buf b;

    if (geteuid() == 0)
        make_home(&s);
    stage_open(&s);
    open_shield(&s);
    trn_buf_init(&b, 1u << 16);
    s.act.q = (struct trn_act_request){.processes = &gone, .n_processes = 1};
    cr_expect_eq(trn_act_shield.act(&s.tools, &s.act, &b, &err), -ESRCH);
    cr_expect_null(s.act.live);
    cr_expect_eq(stage_ask(&s, 0), 0);
    cr_expect_eq(trn_act_shield.plan(&none, &s.act.q, &b, &err), -EOPNOTSUPP);
    cr_expect(err.hint[0] != '\0');
    trn_shield_free(s.tools.shield);
    trn_shield_free(NULL);
    trn_buf_done(&b);
    stage_close(&s);
    remove_home();
}
