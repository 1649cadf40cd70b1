/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inspect fork server and the wire of its jobs. turncoatd (or the CLI) sends a job with one
 * descriptor on the jobs socket; a fresh strict worker parses it and sends typed results on the
 * results socket; the server adds JOB_END. The reader of the results treats them as hostile.
 */
#ifndef TRN_INSPECT_INSPECT_H
#define TRN_INSPECT_INSPECT_H

#include "detect/detect.h"
#include "evidence/evidence.h"
#include "inspect/scan.h"
#include "policy/policy.h"
#include "software/software.h"

enum trn_job_kind {
    TRN_JOB_FACTS = 1,  /* one file -> struct trn_file_facts */
    TRN_JOB_DPKG,       /* a bundle -> packages and files */
    TRN_JOB_MANIFEST,   /* package.json and friends -> software; name of the file in the job */
    TRN_JOB_INDICATORS, /* CSV or STIX -> indicators */
    TRN_JOB_EVIDENCE,   /* an evidence bundle -> what it holds; the job's code says whether it is proven */
    TRN_JOB_POLICY, /* the policy file -> its encoded struct, or one BAD_LINE: "column N: what", a line break, a hint */
    TRN_JOB_ACCEPT, /* a file of accepted changes -> its encoded list, or one BAD_LINE as of a policy */
    TRN_JOB_KIND_MAX,
};

enum trn_inspect_message {
    TRN_INSPECT_JOB = 0x10, /* u64 id, u16 kind, lstr name; one fd */
    TRN_INSPECT_FACTS = 0x20,
    TRN_INSPECT_PACKAGES, /* a batch */
    TRN_INSPECT_FILES,    /* a batch */
    TRN_INSPECT_SOFTWARE,
    TRN_INSPECT_INDICATORS, /* a batch */
    TRN_INSPECT_BAD_LINE,
    TRN_INSPECT_EVIDENCE,
    TRN_INSPECT_JOB_END, /* u64 id, i32 code (0, -errno, -EPIPE crashed, -ETIME too slow), lstr message */
    TRN_INSPECT_POLICY,  /* u64 job, then the bytes of trn_policy_encode */
    TRN_INSPECT_ACCEPT,  /* u64 job, then the bytes of trn_accept_encode */
};

struct trn_job {
    uint64_t id;
    enum trn_job_kind kind;
    struct trn_str name; /* base name or hint for the parser; may be absent */
};
int trn_job_send(int jobs_sock, const struct trn_job *job, int fd) TRN_MUST_CHECK;
/* Announces on the results socket that a job never ran (turncoatd could not open its file). */
int trn_job_failed(int results_sock, uint64_t id, int code, struct trn_str why) TRN_MUST_CHECK;

struct trn_inspect_sink { /* decoded results; every view is borrowed during the call */
    int (*facts)(void *ctx, uint64_t job, const struct trn_file_facts *f);
    int (*package)(void *ctx, uint64_t job, uint32_t index, const struct trn_package *p);
    int (*file)(void *ctx, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5);
    int (*software)(void *ctx, uint64_t job, const struct trn_software *s);
    int (*indicator)(void *ctx, uint64_t job, const struct trn_indicator *i);
    int (*bad_line)(void *ctx, uint64_t job, uint64_t line, struct trn_str why);
    int (*evidence)(void *ctx, uint64_t job, const struct trn_evidence_facts *f);
    int (*policy)(void *ctx, uint64_t job, const struct trn_policy *p);
    int (*end)(void *ctx, uint64_t job, int code, struct trn_str message);
    void *ctx;
    int (*accept)(void *ctx, uint64_t job, const struct trn_accept_list *a);
};
/* One received message to the sink. 0, -EPROTO when malformed (the caller drops the peer and counts). */
int trn_inspect_decode(struct trn_msg *m, const struct trn_inspect_sink *sink) TRN_MUST_CHECK;

struct trn_inspect_options {
    size_t sz;
    uid_t uid; /* -1: keep */
    gid_t gid;
    uint32_t workers;    /* at once, 0: 2 */
    uint64_t job_sec;    /* wall limit of one job, 0: 30 */
    uint64_t job_memory; /* RLIMIT_AS, 0: 512 MiB */
};
/* The server's life: enters its sandbox, serves until the jobs socket closes. Returns its exit code. */
int trn_inspect_serve(int jobs_sock, int results_sock, const struct trn_inspect_options *o, struct trn_err *err);

/* One job in a server of its own, as a child of the caller (the command line: no daemon, no root). fd is borrowed. 0 when
 * the job ended and the sink heard so; err otherwise. */
int trn_inspect_once(const struct trn_job *job, int fd, const struct trn_inspect_sink *sink, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
