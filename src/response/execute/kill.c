/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act "kill": a whole tree of processes ends, or, when one of it is vital, none does.
 * Must not own: who belongs to the tree (tree.c).
 * Hand-offs: the tree is the act's until ops->done.
 *
 * All are stopped first, so that nothing forks away, then all are ended, each through its pidfd. What cannot be stopped in
 * time (it waits for a device) is ended all the same, and what it left is looked for again. It cannot be undone.
 */
#include "response/execute/process.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define STOP_MS 2000u
#define END_MS 2000u
#define PAUSE_US 500u

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    struct trn_tree tree;
    int r;

    trn_tree_init(&tree);
    r = trn_tree_roots(t, q->processes, q->n_processes, &tree, err);
    if (r == 0)
        r = trn_tree_look(t, &tree, err);
    if (r == 0) {
        trn_put_fmt(ret_plan, "end %u process%s, all of the tree, at once; this cannot be undone\n",
                    trn_tree_met(&tree), trn_tree_met(&tree) == 1 ? "" : "es");
        trn_tree_lines(&tree, ret_plan);
    }
    trn_tree_done(&tree);
    return r;
}

/* Should turncoatd be killed in between, the guard continues who is stopped. No room there: killed all the same. */
static int join(void *ctx, struct trn_tree_one *one, struct trn_err *err)
{
    int r = trn_hold_join(ctx, one, err);

    return r == -ENOSPC ? 0 : r;
}

static void wait_ended(struct trn_tree *tree, uint64_t deadline)
{
    (void)trn_tree_signal(tree, SIGKILL);
    while (trn_tree_alive(tree) > 0 && trn_mono_ns() < deadline)
        (void)usleep(PAUSE_US);
}

/* Until all have ended, and nobody is left that one of them forked in its last moment: who has ended forks no more. One of
 * these that is vital is continued, and not one of the tree. */
static void end_all(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *j)
{
    uint64_t deadline = trn_mono_ns() + END_MS * TRN_NS_PER_MS;
    struct trn_err ignored;
    uint32_t late = 1;

    while (late > 0 && trn_mono_ns() < deadline) {
        uint32_t before = tree->n;

        wait_ended(tree, deadline);
        late = 0;
        if (trn_tree_late(t, tree, j, &late, &ignored) < 0 && tree->n > before)
            late = tree->n - before;
    }
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    const struct trn_tree_join j = {join, (void *)t};
    struct trn_tree *tree = calloc(1, sizeof(*tree));
    int r;

    if (!tree)
        return trn_fail(err, -ENOMEM, "out of memory");
    trn_tree_init(tree);
    a->live = tree; /* freed by done */
    trn_tree_follow(tree);
    r = trn_tree_roots(t, a->q.processes, a->q.n_processes, tree, err);
    if (r == 0)
        r = trn_tree_stop(t, tree, &j, trn_mono_ns() + STOP_MS * TRN_NS_PER_MS, err);
    if (r < 0 && r != -ETIMEDOUT) {
        trn_tree_unfollow(tree);
        (void)trn_hold_let_go(t, tree, NULL); /* nothing at all */
        return r;
    }
    end_all(t, tree, &j);
    trn_tree_unfollow(tree);
    trn_hold_leave(t, tree);
    trn_put_fmt(ret_did, "%u process%s told to end, each stopped before", trn_tree_met(tree),
                trn_tree_met(tree) == 1 ? "" : "es");
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    struct trn_tree *tree = a->live;
    uint32_t alive = trn_tree_alive(tree), left = 0;
    int r;

    if (alive > 0) {
        (void)trn_fail(err, -EAGAIN, "%u of %u processes have not ended", alive, trn_tree_met(tree));
        trn_hint(err, "what waits for a device ends when that answers: look at 'ps -o pid,stat,wchan'");
        return -EAGAIN;
    }
    r = trn_tree_left(tree, &left);
    if (r < 0)
        return trn_fail(err, r, "cannot read /proc: %s", trn_errno_name(r));
    if (left > 0)
        return trn_fail(err, -ECHILD, "%u process%s of their sessions go on", left, left == 1 ? "" : "es");
    trn_put_fmt(ret_seen, "all %u have ended, and no child of them is left", trn_tree_met(tree));
    return 0;
}

static void done(struct trn_act *a)
{
    struct trn_tree *tree = a->live;

    if (tree)
        trn_tree_done(tree);
    free(tree);
    a->live = NULL;
}

const struct trn_act_ops trn_act_kill = {
    .kind = TRN_RESPOND_KILL,
    .plan = plan,
    .act = act,
    .check = check,
    .done = done,
};
