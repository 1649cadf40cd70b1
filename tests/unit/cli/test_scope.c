/* SPDX-License-Identifier: Apache-2.0 */
/* Is a cgroup of our own made, entered and taken down, without ending what is still in it? */
#include "cli/watch_run.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Test(scope, made_entered_and_removed)
{
    struct trn_watch_scope s = {0};
    struct trn_err err = {0};
    if (trn_scope_make(&s, &err) < 0)
        cr_skip("%s", err.message);
    char path[600];
    snprintf(path, sizeof(path), "%s", s.path);
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char code = (char)trn_scope_enter(&s);
        if (write(ready[1], &code, 1) == 1)
            pause();
        _exit(1);
    }
    char code = 1;
    cr_assert_eq(read(ready[0], &code, 1), 1);
    cr_assert_eq(code, 0);
    cr_assert_eq(trn_scope_remove(&s), 1, "the process in it goes back to the parent");
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_eq(kill(pid, 0), 0, "and lives on");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(scope, removing_what_was_never_made_is_fine)
{
    struct trn_watch_scope s = {0};
    cr_assert_eq(trn_scope_remove(&s), 0);
}
