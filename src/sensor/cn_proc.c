/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: opening and asking for the kernel's process events. Must not own: reading them. */
#include "sensor/cn_proc.h"

#include <sys/socket.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>

_Static_assert(TRN_CN_PROC_WHAT == NLMSG_HDRLEN + sizeof(struct cn_msg), "where the event begins");

int trn_cn_proc_socket(const struct sock_fprog *filter, int receive_bytes)
{
    TRN_AUTO(trn_fd_closep) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    const struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) != 0 ||
        bind(fd, (const struct sockaddr *)&group, sizeof(group)) != 0)
        return -errno;
    return trn_fd_steal(&fd);
}

int trn_cn_proc_ask(int fd, uint32_t op, uint32_t mask)
{
    const uint32_t n = TRN_CN_PROC_WHAT + (mask ? 8 : 4);
    const uint32_t words[] = {n, NLMSG_DONE, 0, 0, CN_IDX_PROC, CN_VAL_PROC, 0, 0, n - TRN_CN_PROC_WHAT, op, mask};

    return send(fd, words, n, 0) == (ssize_t)n ? 0 : -errno;
}
