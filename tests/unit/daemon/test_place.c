/* SPDX-License-Identifier: Apache-2.0 */
/* Is the state folder what we say, whatever an earlier engine left in it? */
#include "daemon/daemon.h"
#include "folder.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct folder state(void)
{
    if (geteuid() != 0)
        cr_skip_test("giving a folder away needs root");
    return folder_new();
}

Test(place, the_host_id_is_made_once)
{
    struct folder f = state();
    struct trn_place a, b;
    struct trn_err err = {0};
    struct stat st;
    cr_assert_eq(trn_place_open(f.path, &a, &err), 0, "%s", err.message);
    cr_assert_eq(trn_place_open(f.path, &b, &err), -EBUSY, "two in one folder");
    trn_place_close(&a);
    cr_assert_eq(trn_place_open(f.path, &b, &err), 0, "%s", err.message);
    cr_assert_arr_eq(a.host_id, b.host_id, 16);
    cr_assert_neq(a.engine_uid, a.inspect_uid, "one may not trace the other");
    cr_assert_eq(stat(f.path, &st), 0);
    cr_assert(st.st_uid == a.engine_uid && (st.st_mode & 0777) == 0750);
    trn_place_close(&b);
    folder_done(&f);
}

Test(place, a_host_id_that_is_no_file_is_refused_and_does_not_hang, .timeout = 10)
{
    struct folder f = state();
    struct trn_place p;
    struct trn_err err = {0};
    cr_assert_eq(mkfifoat(f.fd, "host-id", 0644), 0);
    cr_assert_eq(trn_place_open(f.path, &p, &err), -EBADMSG);
    cr_assert_neq(err.hint[0], 0);
    cr_assert_eq(unlinkat(f.fd, "host-id", 0), 0);
    cr_assert_eq(symlinkat("/etc/hostname", f.fd, "host-id"), 0);
    cr_assert_eq(trn_place_open(f.path, &p, &err), -EBADMSG);
    folder_done(&f);
}

Test(place, the_socket_is_for_the_group_only_and_replaces_an_old_one)
{
    struct folder f = state();
    struct trn_place p;
    struct trn_err err = {0};
    struct stat st;
    cr_assert_eq(trn_place_open(f.path, &p, &err), 0, "%s", err.message);
    TRN_AUTO(trn_fd_closep) int first = trn_place_listen(&p, &err);
    TRN_AUTO(trn_fd_closep) int second = trn_place_listen(&p, &err);
    cr_assert(first >= 0 && second >= 0, "%s", err.message);
    cr_assert_eq(fstatat(f.fd, "turncoat.sock", &st, AT_SYMLINK_NOFOLLOW), 0);
    cr_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 0117) == 0, "mode %o", st.st_mode);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s/turncoat.sock", f.path);
    TRN_AUTO(trn_fd_closep) int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&a, sizeof a), 0);
    trn_place_close(&p);
    folder_done(&f);
}

Test(place, a_folder_of_somebody_s_is_not_taken)
{
    struct folder f = state();
    struct trn_place p;
    struct trn_err err = {0};
    struct stat st;
    folder_put(&f, "thesis.txt", "x");
    cr_assert_eq(trn_place_open(f.path, &p, &err), -ENOTEMPTY);
    cr_assert_eq(stat(f.path, &st), 0);
    cr_assert_eq(st.st_uid, 0, "and it was not given away");
    folder_done(&f);
}

Test(place, a_folder_without_a_parent_is_an_error_with_a_hint)
{
    struct trn_place p;
    struct trn_err err = {0};
    cr_assert_eq(trn_place_open("/nowhere/at/all", &p, &err), -ENOENT);
    cr_assert(strstr(err.message, "'/nowhere/at/all'"));
    cr_assert_neq(err.hint[0], 0);
}
