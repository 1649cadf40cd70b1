/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: at every exec and every executable mapping of a file in the scope the kernel looks the file up in a table of
 * verdicts. Known and refused: SIGKILL before the first instruction. Not known, where unknown ones are to be held:
 * SIGSTOP (seen by nobody but the kernel before user space runs), a question on the gate's ring, and turncoatd decides.
 * Nothing is attached, and nothing costs anything, until the gate is armed.
 *
 * Keys: device as the kernel numbers it inside (as in trn_file_key), inode, change time and size: a verdict is about one
 * content. No policy in here.
 */
#ifndef TRN_SENSOR_GATE_H
#define TRN_SENSOR_GATE_H

#include "sensor/held.h"
#include "sensor/sensor.h"

struct trn_gate;

enum { /* a set */
       TRN_GATE_EXEC = 1,
       TRN_GATE_MAP = 2,           /* mmap, mprotect of files with PROT_EXEC */
       TRN_GATE_HOLD_MEMFD = 4,    /* hold unknown programs that have no name on any file system */
       TRN_GATE_HOLD_FRESH = 8,    /* hold unknown programs (with MAP: libraries) changed less than fresh_sec ago */
       TRN_GATE_HOLD_UNKNOWN = 16, /* hold every unknown program (with MAP: and library) */
       /* Kill unknown programs without a name at once: somebody who helps can make a held one run, see docs/adr/0021. */
       TRN_GATE_REFUSE_MEMFD = 32
};

struct trn_gate_key {
    uint64_t dev, ino, ctime_ns, size;
};

struct trn_gate_question {
    struct trn_gate_key key;
    uint64_t start_boot_ns, asked_boot_ns;
    uint32_t tgid, uid;
    bool map; /* a mapping, not the program itself */
    bool memfd;
    bool refused;  /* the kernel has already killed it by the table: nothing to decide, only to tell */
    bool sealed;   /* memfd: nobody can write it any more. Otherwise a verdict is good for this one start only */
    bool not_held; /* it runs on: it is traced, there was no room, or it is stopped for another question already */
};

struct trn_gate_options {
    size_t sz;
    const char *scope_cgroup; /* NULL: all */
    struct trn_held *held;    /* borrowed until the gate is closed */
    uint32_t own[4];   /* pids that are never stopped: turncoatd (first, with all that it starts) and its siblings */
    bool kill_unasked; /* who cannot be held, or asked about, is killed; otherwise it is let go */
};

/* Loads the programs, attaches none. Fails when BPF is refused, or before Linux 5.17. */
int trn_gate_open(const struct trn_gate_options *o, struct trn_gate **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_gate *trn_gate_close(struct trn_gate *g); /* detaches; continues whom the gate holds; takes NULL */
/* what 0: detached; whom it holds waits on, for trn_gate_let_go. -ENOTSUP: what this kernel cannot do, as the hook says. */
int trn_gate_arm(struct trn_gate *g, unsigned what, uint32_t fresh_sec, struct trn_err *err) TRN_MUST_CHECK;
void trn_gate_own(struct trn_gate *g, const uint32_t own[4]);
int trn_gate_fd(const struct trn_gate *g); /* for poll */
/* Gives what was asked since; by one thread. Everything else may be called by any thread. Returns how many, or negative. */
int trn_gate_read(struct trn_gate *g, void (*question)(void *ctx, const struct trn_gate_question *q), void *ctx)
    TRN_MUST_CHECK;
/* True when nobody has read for 200 ms what was asked: no heartbeat then. By one thread, some times a second. */
bool trn_gate_stuck(struct trn_gate *g);

/* The verdict about a content; refused ones are never evicted by others (-ENOSPC), allowed ones are. */
int trn_gate_decide(struct trn_gate *g, const struct trn_gate_key *key, bool refuse) TRN_MUST_CHECK;
void trn_gate_forget(struct trn_gate *g, const struct trn_gate_key *key);
int trn_gate_key_of(int fd, struct trn_gate_key *ret)
    TRN_MUST_CHECK; /* dev in the kernel's numbering: see trn_file_key */
/* Ends the wait of one that the gate stopped; with kill also of one that is not held. -ESRCH: gone, or not the one that
 * started then. */
int trn_gate_let_go(struct trn_gate *g, uint32_t tgid, uint64_t start_boot_ns, bool kill) TRN_MUST_CHECK;

struct trn_gate_counts {
    uint64_t asked, refused;
    uint64_t lost;                /* could not be held, and was let go (or killed, if asked so) */
    uint64_t continued_by_others; /* SIGCONT of somebody else: killed */
};
void trn_gate_counts(const struct trn_gate *g, struct trn_gate_counts *ret);
const struct trn_sensor_hook *trn_gate_hook(const struct trn_gate *g);

#endif
