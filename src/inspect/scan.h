/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of strict workers for who scans many files: the command line, later the gate. The caller opens files and hands over
 * descriptors; a worker has those, a scratch file and a socket, nothing else. A worker that crashes, hangs or says nonsense
 * costs the file it was at; a fresh one takes its place. The reader of the results treats them as hostile.
 *
 *   caller --descriptor--> worker (seccomp, landlock, rlimits) --typed results--> caller
 *             pool's mother (sandboxed too): compiles the rules once, forks workers that share them
 */
#ifndef TRN_INSPECT_SCAN_H
#define TRN_INSPECT_SCAN_H

#include "artifact/artifact.h"

/* The system's list of root certificates, and how much of it is read. */
#define TRN_SCAN_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define TRN_SCAN_ROOTS_MAX (16u << 20)

struct trn_scan_pool;

struct trn_scan_pool_options {
    size_t sz;
    uint32_t workers;         /* 0: one a processor this process may use, at most 16 */
    struct trn_limits limits; /* zeroes: the defaults */
    uint64_t worker_memory;   /* RLIMIT_AS of one, 0: 1 GiB */
    const char *scratch_dir;  /* for unlinked files; NULL: $TMPDIR, else /var/tmp */
    bool with_md5;
    uint32_t files_per_worker; /* plain files one worker may read, 0: 64; 1: a fresh one for each */
    int rules;                 /* YARA sources as a bundle (software/software.h: names are paths), borrowed; -1: none */
    int rules_compiled;        /* what an earlier pool wrote for these very rules, borrowed; -1: none */
    int rules_save;            /* where to write them compiled, borrowed; -1: nowhere */
    const char *roots; /* PEM of the certificates that signatures may end at; NULL: the system's list, "": none */
    int indicators;    /* a CSV or STIX file, borrowed; -1: none */
    bool features;     /* tell features too */
    bool late;         /* rules, indicators and roots are read at trn_scan_pool_begin, not before */
};

struct trn_scan_pool_sink { /* during trn_scan_pool_wait; every view is borrowed during the call */
    int (*artifact)(void *ctx, uint64_t job, const struct trn_artifact *a);
    int (*signature)(void *ctx, uint64_t job, uint32_t artifact, const struct trn_signature *s);
    int (*property)(void *ctx, uint64_t job, uint32_t artifact, struct trn_str key, struct trn_str value);
    int (*finding)(void *ctx, uint64_t job, uint32_t artifact, const struct trn_finding *f);
    int (*gap)(void *ctx, uint64_t job, uint32_t artifact, const struct trn_gap *g);
    /* code 0; negative: the file could not be read, -EPIPE its worker crashed, -ETIME it hung; why is for people, escaped */
    int (*end)(void *ctx, uint64_t job, int code, struct trn_str why);
    /* a rule file that could not be used, with the compiler's words; line 0: the whole file */
    int (*bad_rule)(void *ctx, struct trn_str file, uint32_t line, struct trn_str why);
    void *ctx;
    int (*feature)(void *ctx, uint64_t job, uint32_t artifact, const struct trn_feature *f); /* NULL: not wanted */
};

/* Starts the mother and, unless late, waits until the rules are ready. The caller must have one thread only. */
int trn_scan_pool_new(const struct trn_scan_pool_options *o, const struct trn_scan_pool_sink *sink,
                      struct trn_scan_pool **ret, struct trn_err *err) TRN_MUST_CHECK;
/* Of a late pool, before the first file: waits until the rules are ready. Again: nothing, 0. */
int trn_scan_pool_begin(struct trn_scan_pool *p, struct trn_err *err) TRN_MUST_CHECK;
struct trn_scan_pool *trn_scan_pool_free(struct trn_scan_pool *p); /* ends the workers; takes NULL */
/* Hands one file over; name: its base name. fd is borrowed. -EAGAIN: all workers have enough to do: wait first. */
int trn_scan_pool_submit(struct trn_scan_pool *p, uint64_t job, int fd, struct trn_str name, uint32_t mode)
    TRN_MUST_CHECK;
/* The same; known: a file of keys (trn_known_key), sorted by memcmp, of contents that need not be looked at again (artifact.h),
 * borrowed; -1: none. At most TRN_SCAN_KNOWN_MAX bytes. With features, a content that comes again under its name within one
 * file is known as well. */
int trn_scan_pool_submit_but(struct trn_scan_pool *p, uint64_t job, int fd, struct trn_str name, uint32_t mode,
                             int known) TRN_MUST_CHECK;
#define TRN_SCAN_KNOWN_MAX (64u << 20)
/* Takes what has come, at most timeout_ms late. 0, or what the sink said, or an error of the pool itself. */
int trn_scan_pool_wait(struct trn_scan_pool *p, int timeout_ms, struct trn_err *err) TRN_MUST_CHECK;
uint32_t trn_scan_pool_busy(const struct trn_scan_pool *p); /* jobs that have not ended */

#endif
