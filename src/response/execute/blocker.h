/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of "block": rules, and who may open or start what because of them. Rules name contents (sha256, build-id,
 * the files of a software) or a path. They take effect
 *   - on the very files that are known, by permission marks (EPERM, also for ld.so FILE, interpreters, dlopen, io_uring),
 *   - at the gate: exec and executable mapping of a known file (killed), memory files (held, hashed, decided),
 *   - on protected file systems: the first open of each content is held, hashed when a rule could mean it, decided.
 * Nothing is opened, started or asked for until the first rule, or until new programs are to be held.
 *
 * Threads: one answers the kernel about files, one about protected file systems, one the gate; none of them ever waits
 * or reads. One more, the judge, reads and hashes. All functions may be called from any other thread.
 */
#ifndef TRN_RESPONSE_EXECUTE_BLOCKER_H
#define TRN_RESPONSE_EXECUTE_BLOCKER_H

#include "response/execute/execute.h"

#define TRN_BLOCKER_RULES 256u
#define TRN_BLOCKER_FILES 65536u /* of all rules together */
#define TRN_BLOCKER_PROTECT 32u

struct trn_blocker_options {
    size_t sz;
    struct trn_gate *gate; /* borrowed; NULL: BPF is refused here. Its ring is read by the blocker, by nobody else */
    uint32_t deadline_ms;  /* of what waits for a verdict about its content; 0: 1000, at most 10000 */
    uint32_t held_ms;      /* of a new program that waits for trn_blocker_judged; 0: 1000 */
    /* A new program was held, and no rule refuses it: whoever is told answers with trn_blocker_judged. In a
     * thread of the blocker: must not wait; may call back. NULL: new programs are not held. */
    void (*held)(void *ctx, const struct trn_held_question *q);
    /* Starts a second turncoat-inspect, which parses for build-ids: its jobs socket (to write to) and its results socket
     * (to read from), both the blocker's from then on; its process is to be named to trn_blocker_own. Called at the first
     * build-id rule, and again when the sockets have ended, by who adds the rule or by the judge. NULL: files that the
     * engine does not know have no build-id here. */
    int (*inspector)(void *ctx, int *ret_jobs, int *ret_results, struct trn_err *err);
    void *ctx;
    struct trn_vital *vital; /* borrowed; what the policy adds to the list of what is never refused; NULL */
};

int trn_blocker_new(const struct trn_blocker_options *o, struct trn_blocker **ret, struct trn_err *err) TRN_MUST_CHECK;
/* All rules end; whoever waits is allowed. Before the gate is closed. Takes NULL, returns NULL. */
struct trn_blocker *trn_blocker_free(struct trn_blocker *b);
/* Siblings are only ever allowed; as trn_permission_own: old_pid 0 for a new one, pid 0 to take one out. */
void trn_blocker_own(struct trn_blocker *b, uint32_t old_pid, uint32_t pid);
bool trn_blocker_may_hold(struct trn_blocker *b); /* somebody may wait for us: as long as there is a rule */
/* A thread that answers the kernel has not come back for 200 ms: no heartbeat then. Does not wait. */
bool trn_blocker_stuck(struct trn_blocker *b);

/* The file systems where unknown contents are judged, by the place where each is mounted, in place of those before.
 * Wholly or not at all. -EINVAL: not a mount point. */
int trn_blocker_protect(struct trn_blocker *b, const char *const *paths, size_t n, struct trn_err *err) TRN_MUST_CHECK;
/* The policy's: as in the options; fail_closed: what is late on a protected file system is refused, whatever its rule says. */
void trn_blocker_limits(struct trn_blocker *b, uint32_t deadline_ms, uint32_t held_ms, bool fail_closed);
/* New programs: fresh_sec 0: not held; otherwise what changed less than that ago is held at its start and asked about. */
int trn_blocker_hold_new(struct trn_blocker *b, uint32_t fresh_sec, bool fail_closed, struct trn_err *err)
    TRN_MUST_CHECK;
/* The answer to held(). An unknown question is passed over: its time may be over. */
void trn_blocker_judged(struct trn_blocker *b, uint64_t question, bool refuse);

struct trn_blocker_counts {
    uint64_t asked, refused, allowed; /* by the kernel about files, and by the gate */
    uint64_t cached;                  /* allowed, and not asked about again until written */
    uint64_t hashed, hashed_bytes;
    uint64_t late, late_refused; /* decided by the deadline, or by lack of room; of these: refused */
    uint64_t killed;             /* by the gate's table, or after it was held */
    uint64_t held, judged;       /* new programs: told, answered in time */
    uint64_t slowest_ns;         /* from the question to its answer */
    uint32_t rules, files, contents, protect;
};
void trn_blocker_counts(struct trn_blocker *b, struct trn_blocker_counts *ret);

/* ---- for block.c: one rule ---- */

struct trn_block_file {
    struct trn_permit_key key; /* as fstat tells */
    uint8_t sha256[TRN_SHA256_SIZE];
    bool has_sha256;
    bool spread; /* the same content elsewhere is refused, too */
    bool unsure; /* was that content when somebody looked: it is hashed when it is opened next (key.ctime_ns is 0) */
};
struct trn_block_content {
    uint64_t size; /* TRN_NO_U64: not known */
    uint8_t sha256[TRN_SHA256_SIZE];
};
struct trn_block_rule {
    uint64_t id; /* of the action */
    bool fail_closed;
    const struct trn_block_file *files;
    uint32_t n_files;
    const struct trn_block_content *contents; /* beside those of the files */
    uint32_t n_contents;
    struct trn_str build_id; /* raw bytes; absent */
    const char *path;        /* of a path rule: refused whatever is there; NULL */
};
/* Takes effect before it returns, or not at all; about its known files, with trn_blocker_watch of each. -EEXIST: the id
 * has a rule; -ENOSPC. */
int trn_blocker_add(struct trn_blocker *b, const struct trn_block_rule *r, struct trn_err *err) TRN_MUST_CHECK;
/* One of the files of a rule, by any descriptor, O_PATH too: from now on it is refused. */
int trn_blocker_watch(struct trn_blocker *b, int fd, struct trn_err *err) TRN_MUST_CHECK;
/* One that is unsure: each open of it is asked about, and refused when its content is a rule's. */
int trn_blocker_ask_about(struct trn_blocker *b, int fd, struct trn_err *err) TRN_MUST_CHECK;
int trn_blocker_remove(struct trn_blocker *b, uint64_t id); /* -ENOENT */
bool trn_blocker_has_gate(const struct trn_blocker *b);
bool trn_blocker_has_inspector(const struct trn_blocker *b);
uint32_t trn_blocker_protected(struct trn_blocker *b); /* how many file systems */

#endif
