/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act "hold": trees of processes are stopped, to look before deciding, and continued by its undo.
 * Must not own: who belongs (tree.c), who continues them when turncoatd is gone (the guard, by the table of held ones).
 * Hand-offs: tree and thread are the act's until ops->done.
 *
 * By SIGSTOP, not by cgroup.freeze (docs/adr/0015-hold-by-signal.md). Each stands in the table before it gets the signal. A
 * thread sends the signal again every 20 ms: to who is stopped that does nothing, and who was continued by somebody else
 * runs no longer than that. Whether one ran is read five times a second from how often the kernel gave it a processor;
 * then children that it may have made are looked for, too.
 * Who was stopped already, by somebody else, is held too, but not continued by us, nor by the guard.
 */
#include "response/execute/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STOP_MS 2000u
#define AGAIN_MS 20u
#define LOOK_EVERY 10u /* of these */

struct hold {
    const struct trn_act_tools *tools; /* the executor's: outlives all acts */
    struct trn_tree tree;
    uint64_t *turns; /* a row each of the tree: how often it had a processor; grows with it */
    uint32_t n_turns;
    uint64_t continued; /* by others, as far as it was seen */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool running, stop;
};

int trn_hold_join(void *ctx, struct trn_tree_one *one, struct trn_err *err)
{
    const struct trn_act_tools *t = ctx;
    int r;

    if (!t->held || one->joined)
        return 0;
    one->joined = trn_held_share(t->held, one->pid, one->start_boot_ns);
    if (one->joined) {
        one->was_stopped = false; /* by the gate or another act, on our account: the last of us continues it */
        return 0;
    }
    if (one->was_stopped)
        return 0;
    r = trn_held_add(t->held, one->pid, one->start_boot_ns, TRN_HELD_BY_ACT);
    one->joined = r == 0;
    if (r == 0)
        return 0;
    r = trn_fail(err, r, "cannot hold process %u: %s", one->pid,
                 r == -ENOSPC ? "too many processes are held" : trn_errno_name(r));
    trn_hint(err, "continue some ('turncoat respond list'), or kill instead");
    return r;
}

void trn_hold_leave(const struct trn_act_tools *t, struct trn_tree *tree)
{
    for (uint32_t i = 0; i < tree->n && t->held; i++) {
        if (tree->v[i].joined)
            trn_held_remove(t->held, tree->v[i].pid, tree->v[i].start_boot_ns);
        tree->v[i].joined = false;
    }
}

uint32_t trn_hold_let_go(const struct trn_act_tools *t, struct trn_tree *tree, uint32_t *ret_others)
{
    uint32_t n;

    for (uint32_t i = 0; i < tree->n && t->held; i++) {
        struct trn_tree_one *one = &tree->v[i];

        if (!one->joined || !trn_held_is_shared(t->held, one->pid, one->start_boot_ns))
            continue;
        one->was_stopped = true; /* the other one continues it */
        if (ret_others && !one->ended)
            ++*ret_others;
    }
    n = trn_tree_continue(tree);
    trn_hold_leave(t, tree); /* afterwards: were we to end in between, the guard would continue them */
    return n;
}

/* ---- the thread ---- */

/* How often the kernel gave its first thread a processor; 0 where it does not tell. */
static uint64_t turns_of(uint32_t pid)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char path[40], text[96];
    struct trn_str rest, word = TRN_STR_NONE;
    uint64_t v;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (n <= 0)
        return 0;
    rest = trn_str_trim((struct trn_str){text, (size_t)n});
    for (unsigned i = 0; i < 3; i++) {
        if (!trn_str_split(&rest, ' ', &word))
            return 0;
    }
    return trn_str_u64(word, &v) == 0 ? v : 0;
}

/* Returns how many ran since the last look. */
static uint32_t look_who_ran(struct hold *h)
{
    uint32_t ran = 0;

    if (h->n_turns < h->tree.n) {
        uint64_t *more = reallocarray(h->turns, h->tree.n, sizeof(*more));

        if (!more)
            return 0;
        h->turns = more;
    }
    for (uint32_t i = 0; i < h->tree.n; i++) {
        uint64_t now = h->tree.v[i].ended ? 0 : turns_of(h->tree.v[i].pid);

        ran += i < h->n_turns && now > h->turns[i];
        h->turns[i] = now;
    }
    h->n_turns = h->tree.n;
    return ran;
}

static void stop_again(struct hold *h, bool look)
{
    const struct trn_tree_join join = {trn_hold_join, (void *)h->tools};
    struct trn_err ignored; /* the next look tries again */
    uint32_t ran;

    (void)trn_tree_signal(&h->tree, SIGSTOP);
    if (!look)
        return;
    (void)trn_tree_alive(&h->tree); /* who has ended is asked no more */
    ran = look_who_ran(h);
    if (ran == 0)
        return;
    h->continued += ran;
    trn_tree_unsettle(&h->tree);
    (void)!trn_tree_stop(h->tools, &h->tree, &join, trn_mono_ns() + AGAIN_MS * TRN_NS_PER_MS, &ignored);
    trn_tree_unfollow(&h->tree);
    (void)look_who_ran(h); /* from here on: what we did just now does not count */
}

static void *keep_stopped(void *arg)
{
    struct hold *h = arg;
    unsigned n = 0;

    pthread_mutex_lock(&h->lock);
    (void)look_who_ran(h);
    while (!h->stop) {
        uint64_t due = trn_mono_ns() + AGAIN_MS * TRN_NS_PER_MS;
        const struct timespec t = {(time_t)(due / TRN_NS_PER_SEC), (long)(due % TRN_NS_PER_SEC)};

        (void)pthread_cond_timedwait(&h->wake, &h->lock, &t);
        if (!h->stop)
            stop_again(h, ++n % LOOK_EVERY == 0);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static int start_thread(struct hold *h, struct trn_err *err)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&h->thread, NULL, keep_stopped, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    h->running = r == 0;
    return r == 0 ? 0 : trn_fail(err, r, "cannot start a thread: %s", trn_errno_name(r));
}

static void end_thread(struct hold *h)
{
    if (!h->running)
        return;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    h->running = false;
}

/* ---- the act ---- */

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    struct trn_tree tree;
    int r;

    trn_tree_init(&tree);
    r = trn_tree_roots(t, q->processes, q->n_processes, &tree, err);
    if (r == 0)
        r = trn_tree_look(t, &tree, err);
    if (r == 0 && trn_tree_met(&tree) > TRN_HELD_SLOTS) {
        r = trn_fail(err, -E2BIG, "%u processes: not more than %u can be held", trn_tree_met(&tree), TRN_HELD_SLOTS);
        trn_hint(err, "kill them instead");
    }
    if (r == 0) {
        trn_put_fmt(ret_plan, "stop %u process%s where %s\n", trn_tree_met(&tree), trn_tree_met(&tree) == 1 ? "" : "es",
                    trn_tree_met(&tree) == 1 ? "it stands" : "they stand");
        trn_tree_lines(&tree, ret_plan);
        if (!t->held)
            trn_put_c(ret_plan, "  warning: nobody continues them should turncoatd be killed\n");
    }
    trn_tree_done(&tree);
    return r;
}

static struct hold *new_hold(const struct trn_act_tools *t)
{
    struct hold *h = calloc(1, sizeof(*h));
    pthread_condattr_t attr;

    if (!h)
        return NULL;
    h->tools = t;
    trn_tree_init(&h->tree);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    return h;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    const struct trn_tree_join join = {trn_hold_join, (void *)t};
    struct hold *h = new_hold(t);
    int r;

    if (!h)
        return trn_fail(err, -ENOMEM, "out of memory");
    a->live = h; /* freed by done */
    trn_tree_follow(&h->tree);
    r = trn_tree_roots(t, a->q.processes, a->q.n_processes, &h->tree, err);
    if (r == 0)
        r = trn_tree_stop(t, &h->tree, &join, trn_mono_ns() + STOP_MS * TRN_NS_PER_MS, err);
    trn_tree_unfollow(&h->tree);
    if (r == 0)
        r = start_thread(h, err);
    if (r < 0) {
        (void)trn_hold_let_go(t, &h->tree, NULL); /* none, or all */
        return r;
    }
    trn_put_fmt(ret_did, "%u process%s stopped", trn_tree_met(&h->tree), trn_tree_met(&h->tree) == 1 ? "" : "es");
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    struct hold *h = a->live;
    uint32_t stopped = 0, ended = 0;
    int r = 0;

    pthread_mutex_lock(&h->lock);
    for (uint32_t i = 0; i < h->tree.n && r == 0; i++) {
        if (h->tree.v[i].pidfd < 0)
            continue;
        char state = trn_tree_state(&h->tree.v[i]);

        stopped += state == 'T' || state == 'D'; /* 'D': stops before it comes back to its program */
        ended += state == 'X';
        if (state == 'R')
            r = trn_fail(err, -EAGAIN, "process %u runs", h->tree.v[i].pid);
    }
    if (r == 0)
        trn_put_fmt(ret_seen, "%u of %u processes are stopped, with all threads, and %u ended", stopped,
                    trn_tree_met(&h->tree), ended);
    pthread_mutex_unlock(&h->lock);
    return r;
}

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    struct hold *h = a->live;
    uint32_t n, others = 0;

    if (!h) { /* a restart in between: the guard, or our end, has continued them */
        trn_put_c(ret_did, "nobody is held any more");
        return 0;
    }
    end_thread(h);
    n = trn_hold_let_go(t, &h->tree, &others);
    trn_put_fmt(ret_did, "%u of %u processes go on", n, trn_tree_met(&h->tree));
    if (others)
        trn_put_fmt(ret_did, "; %u %s held by another action", others, others == 1 ? "is" : "are");
    if (h->continued)
        trn_put_fmt(ret_did, "; somebody else had let them run %llu time%s, and they were stopped again",
                    (unsigned long long)h->continued, h->continued == 1 ? "" : "s");
    return 0;
}

static void done(struct trn_act *a)
{
    struct hold *h = a->live;

    if (!h)
        return;
    end_thread(h);
    trn_tree_done(&h->tree);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->wake);
    free(h->turns);
    free(h);
    a->live = NULL;
}

const struct trn_act_ops trn_act_hold = {
    .kind = TRN_RESPOND_HOLD,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .done = done,
};
