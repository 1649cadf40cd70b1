/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoat-engine: started by turncoatd with its control socket as descriptor 3 and the state folder
 * as working folder. It makes that folder its whole world, drops every right, then runs the pipeline. The one thing
 * that it takes with it is the text of the list of users, as it is now: who makes an exception shall have a name.
 */
#include "engine/engine.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CONTROL_FD 3
#define USERS_MAX (1u << 20)

static volatile int stopping;

static void on_stop(int sig)
{
    stopping = sig;
}

static bool number(const char *text, uint64_t *ret)
{
    return trn_str_u64(trn_str_of(text), ret) == 0;
}

static int fail(const struct trn_err *err)
{
    fprintf(stderr, "turncoat-engine: %s\n", err->message);
    if (err->hint[0])
        fprintf(stderr, "hint: %s\n", err->hint);
    return 3;
}

/* Arguments, all from turncoatd: UID GID STDOUT(0|1). */
int main(int argc, char **argv)
{
    struct trn_err err = {0};
    uint64_t uid, gid, to_stdout;
    if (argc != 4 || !number(argv[1], &uid) || !number(argv[2], &gid) || !number(argv[3], &to_stdout)) {
        fprintf(stderr, "turncoat-engine: started by turncoatd only\n");
        return 2;
    }
    /* Not SA_RESTART: a stop must wake poll. */
    struct sigaction sa = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGTERM, &sa, NULL) < 0 || sigaction(SIGINT, &ignore, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return 3;
    struct trn_buf users = {0}; /* read here, looked at only behind the walls */
    bool have_users = trn_read_file("/etc/passwd", USERS_MAX, &users, NULL) == 0;
    if (geteuid() == 0 && chroot(".") < 0) {
        trn_fail(&err, -errno, "cannot make the state folder the only one: %s", trn_errno_name(-errno));
        return fail(&err);
    }
    const struct trn_sandbox_options o = {
        .profile = TRN_SANDBOX_ENGINE, .uid = (uid_t)uid, .gid = (gid_t)gid, .state_dir = "/", .max_files = 1024};
    if (trn_sandbox_enter(&o, NULL, &err) < 0)
        return fail(&err);
    const struct trn_pipeline_options p = {.sz = sizeof p,
                                           .control_fd = CONTROL_FD,
                                           .state_dir = "",
                                           .stories_to_stdout = to_stdout == 1,
                                           .users = have_users ? trn_buf_str(&users) : TRN_STR_NONE};
    return trn_pipeline_run(&p, &stopping, &err) < 0 ? fail(&err) : 0;
}
