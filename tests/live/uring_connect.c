/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: connects to a TCP port of 127.0.0.1 by io_uring and sends a byte. Exit 0, or the errno; 77 where the kernel
 * refuses io_uring.
 *
 *   uring-connect PORT [async]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
    struct io_uring_sqe *sqe;
    struct io_uring_cqe *cqe;
    struct io_uring ring;

    if (argc < 2 || fd < 0)
        return 2;
    to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    r = io_uring_queue_init(2, &ring, 0);
    if (r < 0)
        return 77;
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_connect(sqe, fd, (struct sockaddr *)&to, sizeof(to));
    if (argc > 2)
        sqe->flags |= IOSQE_ASYNC;
    r = io_uring_submit_and_wait(&ring, 1);
    if (r >= 0)
        r = io_uring_wait_cqe(&ring, &cqe);
    r = r < 0 ? r : cqe->res;
    io_uring_queue_exit(&ring);
    if (r == 0 && send(fd, "x", 1, 0) != 1)
        r = -errno;
    return r < 0 ? -r : 0;
}
