/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the thread that reads the gate's questions, and the programs that are stopped there until somebody has
 * decided or their time is over. Must not: wait for the judge, read a file.
 *
 * Whoever takes an entry out of the list (with lock) answers for it (without): so each is answered once.
 */
#include "response/execute/blocker_internal.h"

#include <poll.h>
#include <unistd.h>

static struct block_pending *find(struct trn_blocker *b, uint64_t question)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (b->pending[i].state != PENDING_FREE && b->pending[i].question == question)
            return &b->pending[i];
    }
    return NULL;
}

int block_gate_pending(struct trn_blocker *b, uint64_t question, struct trn_gate_question *ret)
{
    block_lock(b);
    const struct block_pending *p = find(b, question);
    if (p)
        *ret = p->q;
    block_unlock(b);
    return p ? 0 : -ESRCH;
}

static void let_go(struct trn_blocker *b, const struct trn_gate_question *q, bool kill)
{
    (void)!trn_gate_let_go(b->o.gate, q->tgid, q->start_boot_ns, kill);
    block_lock(b);
    b->counts.killed += kill;
    b->counts.refused += kill;
    b->counts.allowed += !kill;
    b->counts.slowest_ns = TRN_MAX(b->counts.slowest_ns, trn_boot_ns() - q->asked_boot_ns);
    block_unlock(b);
}

/* A memory file that can still be written is allowed for this one start only. */
static void decide(struct trn_blocker *b, const struct trn_gate_question *q, const struct block_told *verdict)
{
    if (verdict->why != BLOCK_ALLOWED || !q->memfd || q->sealed)
        block_tell(b, verdict);
    let_go(b, q, verdict->why != BLOCK_ALLOWED);
}

static void late(struct trn_blocker *b, const struct trn_gate_question *q, bool kill)
{
    block_lock(b);
    b->counts.late++;
    b->counts.late_refused += kill;
    block_unlock(b);
    let_go(b, q, kill);
}

/* ---- questions ---- */

/* True: it waits. refuse: whether it would be refused for lack of room. */
static bool put_pending(struct trn_blocker *b, const struct trn_gate_question *q, bool *ret_refuse)
{
    struct block_job job = {.kind = FOR_GATE, .fd = -1};
    bool put = false;

    block_lock(b);
    for (size_t i = 0; i < PENDING_MAX && !put; i++) {
        if (b->pending[i].state != PENDING_FREE)
            continue;
        job.question = ++b->questions;
        if (block_job_put(b, &job) != 0)
            break;
        b->pending[i] = (struct block_pending){.state = PENDING_JUDGE,
                                               .question = job.question,
                                               .until_boot_ns = trn_boot_ns() + b->o.deadline_ms * TRN_NS_PER_MS,
                                               .q = *q};
        put = true;
    }
    *ret_refuse = block_index_may_be_closed(b->index, q->key.size) || (b->fresh_sec && b->fresh_closed && !q->map);
    block_unlock(b);
    return put;
}

static void on_question(void *blocker, const struct trn_gate_question *q)
{
    struct trn_blocker *b = blocker;
    bool refuse;

    block_lock(b);
    b->counts.asked += !q->refused;
    b->counts.killed += q->refused;
    b->counts.refused += q->refused;
    const bool look = block_index_may_be(b->index, q->key.size) || block_index_counts(b->index).build_ids > 0 ||
                      (b->fresh_sec && !q->map);
    block_unlock(b);
    if (q->refused)
        return;
    if (!look)
        decide(b, q, &(struct block_told){.key = q->key, .why = BLOCK_ALLOWED});
    else if (put_pending(b, q, &refuse))
        block_wake(b->judge_wake);
    else
        late(b, q, refuse);
}

void block_gate_verdict(struct trn_blocker *b, uint64_t question, const struct block_told *verdict)
{
    struct trn_held_question told = {.question = question};
    struct trn_gate_question q;

    block_lock(b);
    struct block_pending *p = find(b, question);
    const bool ask = p && verdict->why == BLOCK_ALLOWED && b->fresh_sec && b->o.held && !p->q.map;
    if (p) {
        q = p->q;
        p->state = ask ? PENDING_ASKED : PENDING_FREE;
        p->until_boot_ns = trn_boot_ns() + b->o.held_ms * TRN_NS_PER_MS;
        told.start_boot_ns = q.start_boot_ns;
        told.deadline_boot_ns = p->until_boot_ns;
        b->counts.held += ask;
    }
    block_unlock(b);
    if (!p)
        return;
    if (!ask) {
        decide(b, &q, verdict);
        return;
    }
    told.pid = q.tgid;
    told.key = (struct trn_file_key){verdict->key.dev, verdict->key.ino, verdict->key.ctime_ns};
    block_wake(b->gate_wake); /* another deadline */
    b->o.held(b->o.ctx, &told);
}

void block_gate_judged(struct trn_blocker *b, uint64_t question, bool refuse)
{
    struct trn_gate_question q;

    block_lock(b);
    struct block_pending *p = find(b, question);
    const bool ours = p && p->state == PENDING_ASKED;
    if (ours) {
        q = p->q;
        p->state = PENDING_FREE;
        b->counts.judged++;
    }
    block_unlock(b);
    /* Refused is this one start: what is to be refused from now on comes as a rule, and a rule can be taken back. */
    if (ours && refuse)
        let_go(b, &q, true);
    else if (ours)
        decide(b, &q, &(struct block_told){.key = q.key, .why = BLOCK_ALLOWED});
}

/* ---- time ---- */

/* One whose time is over, taken out. */
static bool take_late(struct trn_blocker *b, bool all, struct trn_gate_question *ret, bool *ret_kill)
{
    const uint64_t now = trn_boot_ns();
    bool found = false;

    block_lock(b);
    for (size_t i = 0; i < PENDING_MAX && !found; i++) {
        struct block_pending *p = &b->pending[i];
        if (p->state == PENDING_FREE || (!all && p->until_boot_ns > now))
            continue;
        *ret = p->q;
        *ret_kill = !all && ((b->fresh_sec && b->fresh_closed && !p->q.map) ||
                             (p->state == PENDING_JUDGE && block_index_may_be_closed(b->index, p->q.key.size)));
        p->state = PENDING_FREE;
        found = true;
    }
    block_unlock(b);
    return found;
}

void block_gate_release_all(struct trn_blocker *b)
{
    struct trn_gate_question q;
    bool kill;

    while (take_late(b, true, &q, &kill))
        let_go(b, &q, false);
}

/* In ms, at least 1; -1: nobody waits. */
static int time_left(struct trn_blocker *b)
{
    const uint64_t now = trn_boot_ns();
    uint64_t until = UINT64_MAX;

    block_lock(b);
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (b->pending[i].state != PENDING_FREE)
            until = TRN_MIN(until, b->pending[i].until_boot_ns);
    }
    block_unlock(b);
    if (until == UINT64_MAX)
        return -1;
    return until <= now ? 1 : (int)TRN_MIN((until - now) / TRN_NS_PER_MS + 1, UINT64_C(60000));
}

void *block_gate_main(void *blocker)
{
    struct trn_blocker *b = blocker;
    struct trn_gate_question q;
    uint64_t count;
    bool kill;

    for (;;) {
        struct pollfd fds[] = {{.fd = b->gate_wake, .events = POLLIN},
                               {.fd = trn_gate_fd(b->o.gate), .events = POLLIN}};

        block_lock(b);
        const bool stop = b->stop;
        block_unlock(b);
        if (stop)
            return NULL;
        if (poll(fds, TRN_ARRAY_SIZE(fds), time_left(b)) > 0) {
            if (fds[0].revents)
                (void)!read(b->gate_wake, &count, sizeof(count));
            if (fds[1].revents && trn_gate_read(b->o.gate, on_question, b) < 0)
                (void)poll(NULL, 0, 10); /* its ring is broken: the deadlines go on */
        }
        while (take_late(b, false, &q, &kill))
            late(b, &q, kill);
    }
}
