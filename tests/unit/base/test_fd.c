/* SPDX-License-Identifier: Apache-2.0 */
/* Are reads and writes whole or an error, replacements atomic, and roots not left? */
#include "base/base.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh folder, removed with what the tests put there. */
struct scratch {
    char path[64];
};

static void scratch_done(struct scratch *s)
{
    static const char *const names[] = {"f", "f.tmp", "link", "in/f", "in/up", "in/abs", "in/magic", "in"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", s->path, names[i]);
        (void)remove(path);
    }
    (void)rmdir(s->path);
}

static const char *in(const struct scratch *s, const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", s->path, name);
    return path;
}

#define SCRATCH(s)                                                         \
    TRN_AUTO(scratch_done) struct scratch s = {"/tmp/trn-test-fd-XXXXXX"}; \
    cr_assert_not_null(mkdtemp(s.path))

Test(fd, replacement_is_whole_and_keeps_nothing_behind)
{
    SCRATCH(s);
    struct trn_err e = {0};
    cr_assert_eq(trn_write_file_atomic(in(&s, "f"), TRN_STR("one\0two"), 0640, &e), 0, "%s", e.message);
    cr_assert_eq(trn_write_file_atomic(in(&s, "f"), TRN_STR("three"), 0600, &e), 0, "%s", e.message);
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    cr_assert_eq(trn_read_file(in(&s, "f"), 100, &b, &e), 0, "%s", e.message);
    cr_assert(trn_str_eq_c(trn_buf_str(&b), "three"));
    struct stat st;
    cr_assert(stat(in(&s, "f"), &st) == 0 && (st.st_mode & 0777) == 0600);
    cr_assert_neq(access(in(&s, "f.tmp"), F_OK), 0);
}

Test(fd, a_temporary_that_is_a_link_is_refused)
{
    SCRATCH(s);
    struct trn_err e = {0};
    cr_assert_eq(symlink("f", in(&s, "f.tmp")), 0);
    cr_assert_eq(trn_write_file_atomic(in(&s, "f"), TRN_STR("x"), 0600, &e), -ELOOP);
    cr_assert(strstr(e.message, "ELOOP") != NULL);
}

Test(fd, reading_holds_its_maximum)
{
    SCRATCH(s);
    struct trn_err e = {0};
    struct trn_buf b = {0};
    cr_assert_eq(trn_write_file_atomic(in(&s, "f"), TRN_STR("12345"), 0600, &e), 0);
    cr_assert_eq(trn_read_file(in(&s, "f"), 4, &b, &e), -EFBIG);
    cr_assert_null(b.p, "untouched on failure");
    cr_assert_eq(trn_read_file(in(&s, "f"), 5, &b, &e), 0);
    trn_buf_done(&b);
    cr_assert_eq(trn_read_file(in(&s, "gone\x1b"), 5, &b, &e), -ENOENT);
    cr_assert(strstr(e.message, "gone\\x1b") != NULL, "%s", e.message);
}

Test(fd, short_files_are_an_error_for_full_reads)
{
    int p[2];
    char got[4] = "";
    cr_assert_eq(pipe2(p, O_CLOEXEC), 0);
    cr_assert_eq(trn_write_full(p[1], "abc", 3), 0);
    p[1] = trn_fd_close(p[1]);
    cr_assert_eq(trn_read_full(p[0], got, 4), -ENODATA);
    trn_fd_closep(&p[0]);
    cr_assert_eq(p[0], -1);

    TRN_AUTO(trn_fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(trn_pread_full(fd, got, 4, 0), 0);
    cr_assert_arr_eq(got,
                     "\x7f"
                     "ELF",
                     4);
    cr_assert_eq(trn_pread_full(fd, got, 4, 1ull << 40), -ENODATA);
    cr_assert_eq(trn_pread_full(fd, got, 4, UINT64_MAX - 1), -EOVERFLOW);
    cr_assert_eq(trn_write_full(fd, "x", 1), -EBADF);
}

Test(fd, a_root_is_not_left)
{
    SCRATCH(s);
    struct trn_err e = {0};
    cr_assert_eq(trn_write_file_atomic(in(&s, "f"), TRN_STR("out"), 0600, &e), 0);
    cr_assert_eq(mkdir(in(&s, "in"), 0700), 0);
    cr_assert_eq(trn_write_file_atomic(in(&s, "in/f"), TRN_STR("inside"), 0600, &e), 0);
    cr_assert_eq(symlink("../../../../../f", in(&s, "in/up")), 0);
    cr_assert_eq(symlink("/f", in(&s, "in/abs")), 0);
    cr_assert_eq(symlink("/proc/self/root/etc/passwd", in(&s, "in/magic")), 0);
    TRN_AUTO(trn_fd_closep) int root = open(in(&s, "in"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    static const char *const paths[] = {"f", "/f", "../f", "up", "/abs"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++) {
        char got[6];
        TRN_AUTO(trn_fd_closep) int fd = trn_open_in_root(root, paths[i], O_RDONLY);
        cr_assert_geq(fd, 0, "%s: %s", paths[i], trn_errno_name(fd));
        cr_assert_eq(trn_read_full(fd, got, 6), 0);
        cr_assert_arr_eq(got, "inside", 6);
        cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    cr_assert_eq(trn_open_in_root(root, "magic", O_RDONLY), -ENOENT);
    cr_assert_eq(trn_open_in_root(-1, "f", O_RDONLY), -EBADF);
}

Test(fd, nonblock_goes_on_and_off)
{
    int p[2];
    cr_assert_eq(pipe2(p, O_CLOEXEC), 0);
    cr_assert_eq(trn_set_nonblock(p[0], true), 0);
    cr_assert(fcntl(p[0], F_GETFL) & O_NONBLOCK);
    cr_assert_eq(trn_set_nonblock(p[0], false), 0);
    cr_assert(!(fcntl(p[0], F_GETFL) & O_NONBLOCK));
    cr_assert_eq(trn_set_nonblock(-1, true), -EBADF);
    int taken = trn_fd_steal(&p[0]);
    cr_assert(taken >= 0 && p[0] == -1);
    trn_fd_close(taken);
    trn_fd_close(p[1]);
}
