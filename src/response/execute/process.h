/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the room, and for tests: processes as /proc tells them, and whole trees of them, each known by a pidfd that was
 * compared with its start time. Nothing here signals a number.
 */
#ifndef TRN_RESPONSE_EXECUTE_PROCESS_H
#define TRN_RESPONSE_EXECUTE_PROCESS_H

#include "response/execute/execute.h"

/* /proc/PID/stat, what we need of it. */
struct trn_stat {
    char state; /* 'R' 'S' 'D' 'T' 't' 'Z' 'X' 'I' */
    uint32_t pid, parent, session, threads;
    uint64_t flags, start_ticks; /* the kernel's flags; start as this time namespace sees it */
};
#define TRN_STAT_KERNEL_THREAD 0x00200000u

int trn_stat_parse(struct trn_str text, struct trn_stat *ret) TRN_MUST_CHECK; /* -EPROTO */
/* -ESRCH: gone. A process of which only the exit status is left has state 'Z' and one thread. */
int trn_stat_read(uint32_t pid, struct trn_stat *ret) TRN_MUST_CHECK;
int trn_thread_read(uint32_t pid, uint32_t tid, struct trn_stat *ret) TRN_MUST_CHECK;
static inline bool trn_stat_ended(const struct trn_stat *s)
{
    return s->state == 'X' || (s->state == 'Z' && s->threads <= 1);
}
/* Whether this is the process that was seen then, at its start or later: it started no later. /proc counts in ticks. */
bool trn_stat_is(const struct trn_stat *s, uint64_t start_boot_ns);
uint64_t trn_stat_start_ns(const struct trn_stat *s);

/* ---- follow.c: the kernel's word of every fork ---- */
int trn_follow_open(void); /* -1: not here */
int trn_follow_close(int fd);
int trn_follow_next(int fd, uint32_t *forks, uint32_t *ret_parent, uint32_t *ret_child) TRN_MUST_CHECK;

/* ---- tree.c ---- */

#define TRN_TREE_MAX 8192u

struct trn_tree_one {
    uint64_t start_boot_ns, entity; /* entity 0: found here, not named in the request */
    int pidfd;                      /* -1: it had ended before; what it left behind belongs */
    uint32_t pid, parent;
    bool leads;       /* a session: who is in it descends from this one */
    bool was_stopped; /* when we first saw it: it is not continued by us */
    bool told_stop;   /* SIGSTOP was sent by us */
    bool joined;      /* stands in the table of held ones on our account */
    bool settled;     /* seen stopped, or ended, after that */
    bool ended;
};

struct trn_tree {
    struct trn_tree_one *v;
    uint32_t n, cap;
    struct trn_map *by_pid; /* pid -> index, also of those that ended */
    int follow_fd;          /* -1: not here */
    uint32_t forks;         /* of all the machine, told since then */
    uint32_t n_told, cap_told;
    struct trn_fork {
        uint32_t parent, child; /* 0: taken in */
    } * told;                   /* kept: the parent may be found later than the child was told */
};

/* Called with each one before it is told to stop; a negative return ends the whole. */
struct trn_tree_join {
    int (*join)(void *ctx, struct trn_tree_one *one, struct trn_err *err);
    void *ctx;
};

void trn_tree_init(struct trn_tree *t);
void trn_tree_done(struct trn_tree *t); /* closes; continues nobody */
/* From now on the kernel tells every fork. Before the roots: what one of them forks after it was seen alive is not lost.
 * It costs something at every fork of the machine, as long as it goes on. */
void trn_tree_follow(struct trn_tree *tree);
void trn_tree_unfollow(struct trn_tree *tree);
/* Who was forked since by one of the tree: joins, stopped. What began to fork before it was told to stop may have waited for
 * long within the kernel. */
int trn_tree_late(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *join,
                  uint32_t *ret_new, struct trn_err *err) TRN_MUST_CHECK;
/* These processes, as named; those that are gone are left out (-ESRCH when all are). */
int trn_tree_roots(const struct trn_act_tools *t, const struct trn_act_process *p, uint32_t n, struct trn_tree *tree,
                   struct trn_err *err) TRN_MUST_CHECK;
/* The descendants of all that are in it, repeated until nothing new appears. Changes nothing on the machine: what runs
 * may fork meanwhile. */
int trn_tree_look(const struct trn_act_tools *t, struct trn_tree *tree, struct trn_err *err) TRN_MUST_CHECK;
/* The same, each stopped as soon as it is found, until all are seen stopped and none of them has an unknown child.
 * -ETIMEDOUT and other failures leave some stopped: the caller continues them, or goes on. */
int trn_tree_stop(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *join,
                  uint64_t deadline_mono_ns, struct trn_err *err) TRN_MUST_CHECK;
/* SIGCONT for those that we stopped. Returns how many. */
uint32_t trn_tree_continue(struct trn_tree *tree);
/* hold.c: a row in the table of held processes, by which the guard continues them; ctx: the tools. */
int trn_hold_join(void *ctx, struct trn_tree_one *one, struct trn_err *err) TRN_MUST_CHECK;
/* Takes the rows away; afterwards the guard does not care any more. */
void trn_hold_leave(const struct trn_act_tools *t, struct trn_tree *tree);
/* Continues whom nobody else holds, and leaves the table; *ret_others (or NULL) grows by those that another action holds. */
uint32_t trn_hold_let_go(const struct trn_act_tools *t, struct trn_tree *tree, uint32_t *ret_others);
/* They are to be seen stopped once more. */
void trn_tree_unsettle(struct trn_tree *tree);
uint32_t trn_tree_signal(const struct trn_tree *tree, int signal); /* returns how many got it */
/* Without those that had ended before a pidfd could be got. */
uint32_t trn_tree_met(const struct trn_tree *tree);
/* How many have not ended; asks the pidfds, waits for none. */
uint32_t trn_tree_alive(struct trn_tree *tree);
/* When all have ended: how many live that name one of them as parent, or as leader of their session. */
int trn_tree_left(const struct trn_tree *tree, uint32_t *ret_left) TRN_MUST_CHECK;
/* A line each, for people; not more than some. */
void trn_tree_lines(const struct trn_tree *tree, struct trn_buf *out);
/* 'T': all its threads are stopped, 'D': some wait for what cannot be interrupted, 'X': ended, 'R': it runs. */
char trn_tree_state(struct trn_tree_one *one);

#endif
