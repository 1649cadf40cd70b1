/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the blocker only. Order of locks: api, then one of a permission group, then lock. What answers the kernel comes
 * in with its group's lock and takes lock only; so nobody calls a permission group, or the gate, with lock held.
 */
#ifndef TRN_RESPONSE_EXECUTE_BLOCKER_INTERNAL_H
#define TRN_RESPONSE_EXECUTE_BLOCKER_INTERNAL_H

#include "response/execute/block_index.h"
#include "response/execute/blocker.h"

#include <pthread.h>

#define PENDING_MAX 1024u /* as many as the table of held processes has slots */
#define JOBS_MAX (PENDING_MAX + 256u)
#define BLOCK_HASH_MAX (UINT64_C(4) << 30) /* a larger file is not hashed: its deadline decides */

enum { FOR_FILES, FOR_PLACES, FOR_GATE, FOR_PATHS, FOR_NOBODY };

struct block_job {
    int kind;
    int fd;                    /* owned; -1 */
    struct trn_permit_key key; /* FOR_FILES, FOR_PLACES */
    uint64_t until_mono_ns;    /* of these: who asked has been answered by then; 0: never */
    uint64_t question;         /* FOR_GATE */
};

enum block_why { BLOCK_ALLOWED, BLOCK_BY_FILE, BLOCK_BY_CONTENT, BLOCK_BY_BUILD_ID };

struct block_told { /* of what the gate's table holds */
    struct trn_gate_key key;
    enum block_why why;
    struct trn_permit_key file; /* BY_FILE */
    uint8_t sha256[64];         /* BY_CONTENT; BY_BUILD_ID: that, build_id_n bytes */
    size_t build_id_n;
};

enum { PENDING_FREE = 0, PENDING_JUDGE, PENDING_ASKED };

struct block_pending { /* stopped at the gate, and waits */
    int state;
    uint64_t question, until_boot_ns;
    struct trn_gate_question q;
};

struct trn_blocker {
    struct trn_blocker_options o;
    struct trn_permission *files, *places; /* files and folders that rules name; protected file systems */
    pthread_mutex_t api;                   /* one call at a time from outside; of what follows */
    int place_fds[TRN_BLOCKER_PROTECT];    /* O_PATH */
    uint32_t n_places;                     /* written with lock, too */
    bool places_watched, armed;
    uint32_t fresh_sec;

    pthread_mutex_t inspect;           /* held as long as a worker takes; never with lock */
    int inspect_jobs, inspect_results; /* -1 */
    uint64_t inspect_job, inspect_tried_ns;

    pthread_mutex_t lock; /* short; of all that follows */
    struct block_index *index;
    struct trn_map *told; /* hash of the key -> struct block_told, owned */
    bool fresh_closed, places_closed, stop, started;
    pthread_t judge, gate_thread;
    int judge_wake, gate_wake, notify; /* eventfds; inotify of the folders of path rules */
    struct block_job jobs[JOBS_MAX];
    size_t first_job, n_jobs;
    struct block_pending pending[PENDING_MAX];
    uint64_t questions;
    struct trn_blocker_counts counts;
};

static inline void block_lock(struct trn_blocker *b)
{
    pthread_mutex_lock(&b->lock);
}
static inline void block_unlock(struct trn_blocker *b)
{
    pthread_mutex_unlock(&b->lock);
}
void block_wake(int eventfd);
/* Refused by its number, and not another file that was given the number of a deleted one. With lock held. */
bool block_is_known(const struct trn_blocker *b, int fd, const struct trn_permit_key *key);
/* Without the machine's own shell or loader nobody could undo it, whatever rule or content it has been taken for. */
bool block_is_vital(const struct trn_blocker *b, int fd);

/* With lock held. -ENOSPC. Takes fd only on success. */
int block_job_put(struct trn_blocker *b, const struct block_job *job) TRN_MUST_CHECK;

/* blocker_told.c: without lock. */
void block_tell(struct trn_blocker *b, const struct block_told *what);
void block_untell(struct trn_blocker *b); /* what no rule means any more, and all that was allowed */
void block_told_free(struct trn_blocker *b);
/* judge.c */
void *block_judge_main(void *blocker);
/* judge_build_id.c: in the judge's thread. 0 also when it has none. */
int block_build_id(struct trn_blocker *b, int fd, uint8_t ret[BLOCK_BUILD_ID_MAX], size_t *ret_n) TRN_MUST_CHECK;
int block_inspect_ready(struct trn_blocker *b) TRN_MUST_CHECK;
/* blocker_gate.c */
void *block_gate_main(void *blocker);
/* The judge's answer about a content; then, for a new program, somebody else is asked. */
void block_gate_verdict(struct trn_blocker *b, uint64_t question, const struct block_told *verdict);
void block_gate_judged(struct trn_blocker *b, uint64_t question, bool refuse);
/* -ESRCH: nobody waits any more. */
int block_gate_pending(struct trn_blocker *b, uint64_t question, struct trn_gate_question *ret) TRN_MUST_CHECK;
void block_gate_release_all(struct trn_blocker *b);
/* blocker_answer.c: what the answering threads are told */
enum trn_permit_now block_files_at_once(void *blocker, const struct trn_permit_question *q);
enum trn_permit_now block_places_at_once(void *blocker, const struct trn_permit_question *q);
void block_files_ask(void *blocker, const struct trn_permit_question *q);
void block_places_ask(void *blocker, const struct trn_permit_question *q);
bool block_files_late(void *blocker, const struct trn_permit_question *q);
bool block_places_late(void *blocker, const struct trn_permit_question *q);
/* blocker_path.c: path rules */
/* The file at the path now, and its folder, are watched. From any thread without lock. */
void block_paths_look(struct trn_blocker *b);
void block_paths_notified(struct trn_blocker *b);

#endif
