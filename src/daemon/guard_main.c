/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoat-guard: a second pair of eyes on turncoatd. No heartbeat for 500 ms while opens may wait for its verdict, or
 * for 5 s while none can: it is ended, and with it the kernel releases every open that waits.
 * Descriptors: 3 heartbeats (end of stream: turncoatd left in good order), 4 pidfd of turncoatd.
 * Root with CAP_KILL only; it opens nothing, holds no fanotify descriptor, parses nothing.
 */
#include "base/base.h"
#include "daemon/heartbeat.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEARTBEAT_FD 3
#define DAEMON_FD 4

/* 1: alive, 0: it closed its end, -1: silent. Poll counts monotonic time: a suspended machine is not
 * a silent daemon. */
static int listen_once(int timeout_ms, int *patience_ms)
{
    char beat[64];
    ssize_t got;
    struct pollfd p = {.fd = HEARTBEAT_FD, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 1 : 0;
    if (n == 0)
        return -1;
    got = read(HEARTBEAT_FD, beat, sizeof beat);
    if (got <= 0)
        return 0;
    *patience_ms = beat[got - 1] == TRN_BEAT_IDLE ? TRN_BEAT_IDLE_MS : TRN_BEAT_HOLDING_MS;
    return 1;
}

int main(void)
{
    struct trn_err err = {0};
    const struct trn_sandbox_options o = {.profile = TRN_SANDBOX_GUARD,
                                          .uid = (uid_t)-1,
                                          .gid = (gid_t)-1,
                                          .keep_cap_kill = true};
    if (trn_sandbox_enter(&o, NULL, &err) < 0) {
        fprintf(stderr, "turncoat-guard: %s\n", err.message);
        return 3;
    }
    int patience_ms = TRN_BEAT_IDLE_MS; /* it begins without anything that could wait */
    for (;;) {
        int heard = listen_once(patience_ms, &patience_ms);
        if (heard == 0)
            return 0;
        /* Silent: once more without waiting, in case it was us who did not run. */
        if (heard > 0 || listen_once(0, &patience_ms) > 0)
            continue;
        if (syscall(SYS_pidfd_send_signal, DAEMON_FD, SIGKILL, NULL, 0) == 0)
            fprintf(stderr, "turncoat-guard: turncoatd was silent for %d ms and was ended; what it held is released\n",
                    patience_ms);
        return 1;
    }
}
