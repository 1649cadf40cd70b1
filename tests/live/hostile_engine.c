/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in the place of turncoat-engine: the first time it takes what turncoatd hands over and sends
 * one malformed request, then waits; the next time it becomes the real engine beside it.
 */
#include "channel/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define CONTROL_FD 3
#define MARK "hostile-engine-was-here"

static int become_the_real_one(char **argv)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    if (n <= 0)
        return 1;
    snprintf(path + n, sizeof path - (size_t)n, ".real");
    execv(path, argv);
    return 1;
}

int main(int argc, char **argv)
{
    static char buf[TRN_IPC_MAX];
    int mark = open(MARK, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600); /* the working folder is the state folder */
    if (mark < 0)
        return become_the_real_one(argv);
    for (;;) {
        struct trn_msg m;
        if (trn_ipc_recv(CONTROL_FD, buf, sizeof buf, &m) < 0)
            return 1;
        if (m.type == TRN_CH_SOCKETS && m.n_fds == TRN_CH_SOCK_COUNT) {
            int files = trn_msg_take_fd(&m, TRN_CH_SOCK_FILES);
            if (trn_ipc_send(files, TRN_CH_OPEN, TRN_STR("not a request"), NULL, 0) < 0)
                return 1;
            poll(NULL, 0, 20000); /* turncoatd ends us long before */
            return 1;
        }
        trn_msg_done(&m);
    }
}
