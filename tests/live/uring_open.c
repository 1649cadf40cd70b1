/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: opens a file by io_uring and does nothing with it. Exit 0, or the errno; 77 where the kernel refuses io_uring.
 *
 *   uring-open PATH
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>

int main(int argc, char **argv)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    int r;

    if (argc != 2)
        return 2;
    r = io_uring_queue_init(2, &ring, 0);
    if (r < 0)
        return 77;
    io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, argv[1], O_RDONLY | O_CLOEXEC, 0);
    r = io_uring_submit_and_wait(&ring, 1);
    if (r >= 0)
        r = io_uring_wait_cqe(&ring, &cqe);
    r = r < 0 ? r : cqe->res;
    io_uring_queue_exit(&ring);
    return r < 0 ? -r : 0;
}
