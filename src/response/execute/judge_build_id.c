/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the question to a strict worker what the build-id of a file is, and the sockets to turncoat-inspect for it.
 * Must not: parse (src/channel/facts.c reads the worker's message, and nothing reads the file here but its first four
 * bytes). inspect is started before the first rule of that kind holds: it must not wait, at its own start, for the judge
 * that waits for it.
 */
#include "response/execute/blocker_internal.h"

#include <poll.h>
#include <unistd.h>

#define AGAIN_NS (2 * TRN_NS_PER_SEC) /* after inspect was started; turncoatd looks after its process once a second */

static void hang_up(struct trn_blocker *b)
{
    b->inspect_jobs = trn_fd_close(b->inspect_jobs);
    b->inspect_results = trn_fd_close(b->inspect_results);
}

static int connect_inspect(struct trn_blocker *b)
{
    const uint64_t now = trn_mono_ns();

    if (b->inspect_jobs >= 0)
        return 0;
    if (b->inspect_tried_ns && now - b->inspect_tried_ns < AGAIN_NS)
        return -EAGAIN;
    b->inspect_tried_ns = now;
    int r = b->o.inspector(b->o.ctx, &b->inspect_jobs, &b->inspect_results, NULL);
    if (r == 0)
        r = trn_set_nonblock(b->inspect_results, true);
    if (r == 0)
        r = trn_set_nonblock(b->inspect_jobs, true);
    if (r != 0)
        hang_up(b);
    return r;
}

/* 1: the job has ended; 0: something else came; negative: the peer is no good. */
static int take_message(struct trn_blocker *b, char *buf, uint64_t job, uint8_t ret[BLOCK_BUILD_ID_MAX], size_t *ret_n)
{
    struct trn_channel_facts facts;
    struct trn_msg m;
    uint64_t of = 0;
    int r = trn_ipc_recv(b->inspect_results, buf, TRN_IPC_MAX, &m);

    if (r != 0)
        return r;
    if (m.type == TRN_CH_INSPECT_FACTS) {
        r = trn_channel_facts_decode(&m.body, &facts);
        if (r == 0 && facts.job == job) {
            memcpy(ret, facts.build_id.n ? facts.build_id.p : "", facts.build_id.n);
            *ret_n = facts.build_id.n;
        }
    } else {
        r = m.type == TRN_CH_INSPECT_END ? trn_channel_end_decode(&m.body, &of) : -EPROTO;
    }
    trn_msg_done(&m);
    return r == 0 ? of == job : r;
}

static int wait_for(struct trn_blocker *b, uint64_t job, uint8_t ret[BLOCK_BUILD_ID_MAX], size_t *ret_n)
{
    const uint64_t until = trn_mono_ns() + b->o.deadline_ms * TRN_NS_PER_MS;
    TRN_AUTO(trn_freep) char *buf = malloc(TRN_IPC_MAX);

    for (uint64_t now = trn_mono_ns(); buf && now < until; now = trn_mono_ns()) {
        struct pollfd in = {.fd = b->inspect_results, .events = POLLIN};
        int r = poll(&in, 1, (int)((until - now) / TRN_NS_PER_MS) + 1);
        if (r == 0 || (r < 0 && errno == EINTR))
            continue;
        r = r < 0 ? -errno : take_message(b, buf, job, ret, ret_n);
        if (r == 1)
            return 0;
        if (r < 0 && r != -EAGAIN) {
            hang_up(b);
            return r;
        }
    }
    return buf ? -ETIME : -ENOMEM;
}

/* Who holds the lock waits for an answer: there is one, and whoever calls us must not wait, too. */
int block_inspect_ready(struct trn_blocker *b)
{
    if (pthread_mutex_trylock(&b->inspect) != 0)
        return 0;
    const int r = connect_inspect(b);
    pthread_mutex_unlock(&b->inspect);
    return r;
}

static int ask_inspect(struct trn_blocker *b, int fd, uint8_t ret[BLOCK_BUILD_ID_MAX], size_t *ret_n)
{
    const uint64_t job = ++b->inspect_job;
    int r = connect_inspect(b);

    if (r != 0)
        return r;
    r = trn_channel_job(b->inspect_jobs, job, TRN_CH_INSPECT_FACTS_JOB, TRN_STR_NONE, fd);
    if (r == 0)
        r = wait_for(b, job, ret, ret_n);
    if (r != 0) /* also when it hangs: the next question is for another, and does not wait in vain again */
        hang_up(b);
    return r;
}

int block_build_id(struct trn_blocker *b, int fd, uint8_t ret[BLOCK_BUILD_ID_MAX], size_t *ret_n)
{
    uint8_t first[4];
    int r = trn_pread_full(fd, first, sizeof(first), 0);

    _Static_assert(TRN_CH_BUILD_ID_MAX <= BLOCK_BUILD_ID_MAX, "it fits");
    *ret_n = 0;
    if (r == -ENODATA || (r == 0 && memcmp(first, "\177ELF", sizeof(first)) != 0))
        return 0;
    if (r != 0)
        return r;
    pthread_mutex_lock(&b->inspect);
    r = ask_inspect(b, fd, ret, ret_n);
    pthread_mutex_unlock(&b->inspect);
    return r;
}
