/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permission to open a file: a second fanotify group, of turncoatd only, whose descriptor never leaves it. Nothing is
 * asked, and nothing costs anything, until the first file is watched. No policy is in here: whoever uses it fills the
 * table of verdicts; what the table does not know is allowed (or refused, if so declared) when its time is over.
 *
 * The holder of such a group that does not answer makes every opener wait. So a thread of its own answers, each
 * question has a deadline of some milliseconds, and turncoatd stops its heartbeat when the thread is stuck: the guard
 * then ends turncoatd, and the kernel lets the openers go on.
 */
#ifndef TRN_SENSOR_PERMISSION_H
#define TRN_SENSOR_PERMISSION_H

#include "base/base.h"

struct trn_permission;

enum { /* what is asked for; a set */
       TRN_PERMIT_OPEN = 1,
       TRN_PERMIT_EXEC = 2,
       TRN_PERMIT_CHILDREN = 4, /* to watch a folder: of the files that have a name in it, not below it */
       TRN_PERMIT_WRITTEN =
           8 /* to watch: when who could write has closed it, what was allowed is asked about again. The
                                 * kernel sees by itself every write but a store through a mapping */
};

/* A file's content at one moment; a verdict is about that and nothing else. */
struct trn_permit_key {
    uint64_t dev, ino, ctime_ns, size;
};

struct trn_permit_question {
    struct trn_permit_key key;
    int fd; /* the file, for reading; borrowed */
    uint32_t pid;
    unsigned what; /* TRN_PERMIT_OPEN or TRN_PERMIT_EXEC */
};

enum trn_permit_now {
    TRN_PERMIT_ASK_TABLE = 0,
    TRN_PERMIT_ALLOW_ONCE,
    TRN_PERMIT_DENY_ONCE,
    TRN_PERMIT_ALLOW_KEEP /* and this file is not asked about again until it is written (or trn_permission_reset) */
};

struct trn_permission_options {
    size_t sz;
    uint32_t deadline_us; /* from reading the question to the answer; 0: 3000, at most 10000000 */
    bool fail_closed;     /* what is not decided in time is refused; default: allowed */
    /* Told once about each question that the table does not answer; in the answering thread: must not wait, and must
     * not call back. NULL: nobody. */
    void (*ask)(void *ctx, const struct trn_permit_question *q);
    /* Asked first, in the answering thread, about who opens rather than what: must not wait, and must not call back.
     * What it answers is answered at once and, but for ALLOW_KEEP, not remembered. NULL: nobody. */
    enum trn_permit_now (*at_once)(void *ctx, const struct trn_permit_question *q);
    void *ctx;
    /* Asked when the time of a question is over, or there is no room for it; in the answering thread: must not wait, must
     * not call back. True: refused. NULL: as fail_closed says. */
    bool (*late)(void *ctx, const struct trn_permit_question *q);
    bool ask_always; /* what is allowed by the table is asked about again the next time */
};

struct trn_permit_counts {
    uint64_t asked, allowed, denied;
    uint64_t late;       /* of these: answered by the deadline, or by the lack of room */
    uint64_t own;        /* of the allowed: about our own processes */
    uint64_t cached;     /* of the allowed: not asked again until the file is written */
    uint64_t slowest_ns; /* from reading a question to its answer */
};

/* Asks the kernel for nothing yet. */
int trn_permission_new(const struct trn_permission_options *o, struct trn_permission **ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* Whoever still waits is allowed. Takes NULL, returns NULL. */
struct trn_permission *trn_permission_free(struct trn_permission *p);

/* Another deadline for the questions that come from now on; as in the options. */
void trn_permission_deadline(struct trn_permission *p, uint32_t deadline_us);

/* Processes that are only ever allowed, besides our own; at most 8. pid 0 in place of an old one takes it out. */
int trn_permission_own(struct trn_permission *p, uint32_t old_pid, uint32_t pid) TRN_MUST_CHECK;

/* From now on opens (or execs) of this very file are asked about; the first call opens the group and starts the
 * thread. fd: any descriptor, O_PATH too, of a plain file (with TRN_PERMIT_CHILDREN of a folder); -EINVAL otherwise. */
int trn_permission_watch(struct trn_permission *p, int fd, unsigned what, struct trn_err *err) TRN_MUST_CHECK;
int trn_permission_unwatch(struct trn_permission *p, int fd, unsigned what) TRN_MUST_CHECK;

/* The same for every file of the file system in which fd lies, whichever mount shows it. Files that are no plain ones
 * are allowed without a question to anybody. */
int trn_permission_watch_file_system(struct trn_permission *p, int fd, unsigned what, struct trn_err *err)
    TRN_MUST_CHECK;
int trn_permission_unwatch_file_system(struct trn_permission *p, int fd, unsigned what) TRN_MUST_CHECK;
void trn_permission_forget_all(struct trn_permission *p); /* all verdicts */
/* The same, and what is not asked about any more is asked about again. Only where no single file is watched
 * (its watch would end, too). */
void trn_permission_reset(struct trn_permission *p);

int trn_permit_key_of(int fd, struct trn_permit_key *ret) TRN_MUST_CHECK;
/* The verdict about this content: what of it is refused (0: nothing). Answers who waits for it; the oldest verdict makes
 * room. fd: of the file, or -1; needed (-EBADF) to refuse what was allowed before and is not asked about any more. */
int trn_permission_decide(struct trn_permission *p, const struct trn_permit_key *key, unsigned refused, int fd)
    TRN_MUST_CHECK;

void trn_permission_counts(struct trn_permission *p, struct trn_permit_counts *ret);
bool trn_permission_is_open(const struct trn_permission *p);
/* True when the thread has been busy with one round for 200 ms: no heartbeat then. Does not wait for the thread. */
bool trn_permission_stuck(struct trn_permission *p);

#endif
