/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoat-guard: a second pair of eyes on turncoatd. No heartbeat for 500 ms while opens may wait for its verdict or
 * processes are held, or for 5 s while neither can be: it is ended, and with it the kernel releases every open that
 * waits. Then, or when turncoatd is gone without us, whoever is still in the table of the held is continued.
 * Descriptors: 3 heartbeats (end of stream: turncoatd left), 4 pidfd of turncoatd, 5 the table of held processes (may be
 * missing). Root with CAP_KILL only; it opens nothing, holds no fanotify descriptor, parses nothing.
 */
#include "base/base.h"
#include "daemon/heartbeat.h"
#include "sensor/sensor.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEARTBEAT_FD 3
#define DAEMON_FD 4
#define HELD_FD 5

#define LOOK_MS 100      /* how long a slot that was just taken may stay unseen */
#define GONE_MS 200      /* from the end of the stream to the end of turncoatd, when that is why it ended */
#define KILLED_MS 1000   /* it may be in the middle of a system call */
#define RELEASE_ROUNDS 3 /* a program of the gate that was just running may take a slot after the first look */
#define RELEASE_PAUSE_MS 20

struct watch {
    const struct trn_held_table *held; /* NULL: there is none */
    uint64_t heard_ns, holds_ns;       /* last heartbeat; since when somebody is held, 0: nobody */
    int told_ms;                       /* the patience that the last heartbeat asked for */
};

static const struct trn_held_table *map_held(void)
{
    void *p = mmap(NULL, sizeof(struct trn_held_table), PROT_READ, MAP_SHARED, HELD_FD, 0);
    return p == MAP_FAILED ? NULL : p;
}

static uint32_t tgid_of(const struct trn_held_slot *s)
{
    return __atomic_load_n(&s->tgid, __ATOMIC_ACQUIRE);
}

/* ---- release ---- */

/* By a descriptor that was opened while the slot still named it. Who ended just then leaves a number that may be
 * another's: continuing somebody who is not stopped does nothing. */
static bool release(const struct trn_held_slot *s)
{
    uint32_t tgid = tgid_of(s);
    if (tgid == 0)
        return false;
    TRN_AUTO(trn_fd_closep) int fd = (int)syscall(SYS_pidfd_open, (pid_t)tgid, 0);
    return fd >= 0 && tgid_of(s) == tgid && syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0) == 0;
}

static void release_all(const struct watch *w)
{
    uint32_t n = 0;
    for (int round = 0; w->held && round < RELEASE_ROUNDS; round++) {
        uint32_t now = 0;
        if (round > 0)
            poll(NULL, 0, RELEASE_PAUSE_MS);
        for (size_t i = 0; i < TRN_HELD_SLOTS; i++)
            now += release(&w->held->slots[i]);
        n = TRN_MAX(n, now);
    }
    if (n > 0)
        fprintf(stderr, "turncoat-guard: %u held process%s continued\n", n, n == 1 ? " was" : "es were");
}

/* Whether turncoatd has ended; links of the gate are gone then. */
static bool wait_end(int timeout_ms)
{
    struct pollfd p = {.fd = DAEMON_FD, .events = POLLIN};
    return poll(&p, 1, timeout_ms) > 0;
}

/* ---- watch ---- */

/* 1: alive, 0: it closed its end, -1: silent. Monotonic time: a suspended machine is not a silent daemon. */
static int listen_once(struct watch *w, int timeout_ms)
{
    char beat[64];
    ssize_t got;
    struct pollfd p = {.fd = HEARTBEAT_FD, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    if (n < 0)
        return errno == EINTR ? -1 : 0;
    if (n == 0)
        return -1;
    got = read(HEARTBEAT_FD, beat, sizeof beat);
    if (got <= 0)
        return 0;
    w->told_ms = beat[got - 1] == TRN_BEAT_IDLE ? TRN_BEAT_IDLE_MS : TRN_BEAT_HOLDING_MS;
    w->heard_ns = trn_mono_ns();
    return 1;
}

static bool holds_somebody(const struct watch *w)
{
    for (size_t i = 0; w->held && i < TRN_HELD_SLOTS; i++)
        if (tgid_of(&w->held->slots[i]) != 0)
            return true;
    return false;
}

/* How long silence is still borne, in ms. We look ourselves: a slot is taken between two heartbeats. */
static int patience_left(struct watch *w, int *ret_patience)
{
    uint64_t now = trn_mono_ns(), told = w->heard_ns + (uint64_t)w->told_ms * TRN_NS_PER_MS, end = told;
    if (!holds_somebody(w))
        w->holds_ns = 0;
    else if (w->holds_ns == 0)
        w->holds_ns = now;
    if (w->holds_ns)
        end = TRN_MIN(told, TRN_MAX(w->heard_ns, w->holds_ns) + TRN_BEAT_HOLDING_MS * TRN_NS_PER_MS);
    *ret_patience = end < told ? TRN_BEAT_HOLDING_MS : w->told_ms;
    return end <= now ? 0 : (int)((end - now + TRN_NS_PER_MS - 1) / TRN_NS_PER_MS);
}

/* Returns when turncoatd has left (0) or was silent for that many ms. */
static int watch(struct watch *w)
{
    for (;;) {
        int patience, left = patience_left(w, &patience);
        int heard = listen_once(w, TRN_MIN(left, LOOK_MS));
        if (heard == 0)
            return 0;
        /* Silent: once more without waiting, in case it was us who did not run. */
        if (heard < 0 && left == 0) {
            heard = listen_once(w, 0);
            if (heard <= 0)
                return heard == 0 ? 0 : patience;
        }
    }
}

int main(void)
{
    struct trn_err err = {0};
    const struct trn_sandbox_options o = {.profile = TRN_SANDBOX_GUARD,
                                          .uid = (uid_t)-1,
                                          .gid = (gid_t)-1,
                                          .keep_cap_kill = true};
    /* It begins without anything that could wait. */
    struct watch w = {.held = map_held(), .heard_ns = trn_mono_ns(), .told_ms = TRN_BEAT_IDLE_MS};
    if (trn_sandbox_enter(&o, NULL, &err) < 0) {
        fprintf(stderr, "turncoat-guard: %s\n", err.message);
        return 3;
    }
    int silent_ms = watch(&w);
    if (silent_ms == 0) {
        wait_end(GONE_MS);
        release_all(&w);
        return 0;
    }
    if (syscall(SYS_pidfd_send_signal, DAEMON_FD, SIGKILL, NULL, 0) == 0)
        fprintf(stderr, "turncoat-guard: turncoatd was silent for %d ms and was ended; what it held is released\n",
                silent_ms);
    wait_end(KILLED_MS);
    release_all(&w);
    return 1;
}
