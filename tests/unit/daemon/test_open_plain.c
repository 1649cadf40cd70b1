/* SPDX-License-Identifier: Apache-2.0 */
/* Is only a plain file of a real file system opened, whatever name a hostile engine says? */
#include "daemon/daemon.h"
#include "folder.h"

Test(open_plain, opens_a_file_for_reading_and_nothing_more)
{
    struct folder f = folder_new();
    struct stat st = {0};
    char text[8] = "";
    folder_put(&f, "plain", "hello");
    TRN_AUTO(trn_fd_closep) int fd = trn_open_plain(f.fd, "/plain", &st);
    cr_assert_geq(fd, 0);
    cr_assert_eq(st.st_size, 5);
    cr_assert(read(fd, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0);
    cr_assert(write(fd, "x", 1) < 0 && errno == EBADF);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    folder_done(&f);
}

Test(open_plain, what_is_no_plain_file_is_not_opened)
{
    static const char *const no_files[] = {"/dev/null",         "/dev/tty",         "/tmp",
                                           "/proc/version",     "/proc/self/mem",   "/proc/kmsg",
                                           "/sys/kernel/notes", "/proc/self/ns/mnt"};
    struct stat st;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(no_files); i++) {
        int r = trn_open_plain(-1, no_files[i], &st);
        cr_assert(r == -EINVAL || r == -ENOENT, "%s: %d", no_files[i], r);
    }
    cr_assert_eq(trn_open_plain(-1, "/proc/version", &st), -EINVAL);
    cr_assert_eq(trn_open_plain(-1, "/dev/null", &st), -EINVAL);
}

Test(open_plain, a_fifo_does_not_hang_and_its_writer_is_not_woken, .timeout = 10)
{
    struct folder f = folder_new();
    struct stat st;
    cr_assert_eq(mkfifoat(f.fd, "fifo", 0644), 0);
    pid_t pid = fork();
    if (pid == 0) { /* stays in open() until somebody reads */
        int fd = openat(f.fd, "fifo", O_WRONLY);
        _exit(fd >= 0 ? 7 : 8);
    }
    usleep(50000);
    cr_assert_eq(trn_open_plain(f.fd, "/fifo", &st), -EINVAL);
    usleep(50000);
    int status;
    cr_assert_eq(waitpid(pid, &status, WNOHANG), 0, "the writer went on: somebody had opened the other end");
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    folder_done(&f);
}

Test(open_plain, links_do_not_lead_out_of_a_root)
{
    struct folder f = folder_new();
    struct stat st;
    folder_put(&f, "inside", "x");
    cr_assert_eq(symlinkat("/etc/passwd", f.fd, "out"), 0);
    cr_assert_eq(symlinkat("../../../../../../etc/passwd", f.fd, "up"), 0);
    cr_assert_eq(symlinkat("/inside", f.fd, "in"), 0);
    cr_assert_eq(trn_open_plain(f.fd, "/out", &st), -ENOENT);
    cr_assert_eq(trn_open_plain(f.fd, "/up", &st), -ENOENT);
    TRN_AUTO(trn_fd_closep) int fd = trn_open_plain(f.fd, "/in", &st);
    cr_assert_geq(fd, 0, "a link inside is followed");
    folder_done(&f);
}

Test(open_plain, an_image_that_was_deleted_is_still_found)
{
    struct folder f = folder_new();
    struct stat st;
    char path[64];
    folder_put(&f, "gone", "still here");
    int held = openat(f.fd, "gone", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(unlinkat(f.fd, "gone", 0), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d",
             held); /* as /proc/PID/exe: a link that only the kernel can follow */
    TRN_AUTO(trn_fd_closep) int fd = trn_open_plain(-1, path, &st);
    cr_assert_geq(fd, 0);
    cr_assert_eq(st.st_size, 10);
    trn_fd_close(held);
    folder_done(&f);
}
