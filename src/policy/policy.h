/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be done without asking a person: one small file, read in a worker (parse.c), handed on as this struct in bytes
 * (codec.c), asked by the engine for each finding and by turncoatd for each request (match.c). turncoatd links codec.c and
 * match.c only.
 *
 *   policy.yaml --parse--> struct trn_policy --encode--> bytes --decode--> turncoatd, engine
 */
#ifndef TRN_POLICY_POLICY_H
#define TRN_POLICY_POLICY_H

#include "event/event.h"
#include "policy/host.h"

#define TRN_POLICY_RULES 64u
#define TRN_POLICY_HOSTS 64u /* of all rules together, of manager, dns and administration */
#define TRN_POLICY_MOUNTS 16u
#define TRN_POLICY_VITAL 64u
#define TRN_POLICY_TEXT 128u /* bytes of a check, a name, a version; with the NUL */
#define TRN_POLICY_HOST 256u
#define TRN_POLICY_PATH 256u
#define TRN_POLICY_FILE_MAX (64u << 10) /* bytes of the file */
#define TRN_POLICY_WORDS (60u << 10)    /* no encoded policy is larger: it fits into one message */

struct trn_policy_host { /* as written: an address, a range or a name; the port apart */
    char text[TRN_POLICY_HOST];
    uint16_t port; /* 0: any */
};
struct trn_policy_hosts { /* a part of trn_policy.hosts */
    uint16_t first, n;
};

struct trn_policy_rule {         /* what is empty or 0 asks for nothing */
    char check[TRN_POLICY_TEXT]; /* an id, or its beginning and '*' */
    char name[TRN_POLICY_TEXT], version[TRN_POLICY_TEXT];
    uint16_t score;   /* at least, of the finding */
    uint8_t stages;   /* at least so many different stages in the story */
    uint8_t stage;    /* enum trn_stage + 1: the story has it */
    uint8_t verdict;  /* enum trn_verdict, at least */
    bool fail_closed; /* block: what is not decided in time is refused */
    uint32_t acts;    /* 1 << enum trn_respond */
    uint64_t seconds; /* for how long; 0: each act's own default */
    struct trn_policy_hosts except;
    uint32_t line; /* in the file, to name it */
};

struct trn_policy {
    bool protect;     /* false: detect, nothing is done by itself */
    bool fail_closed; /* of opens on protected mounts that nobody decided in time */
    bool survive;     /* actions by policy hold over a restart of turncoatd */
    bool hold_new;    /* programs that were never seen here wait before their first instruction */
    bool hold_refuse; /* and are refused when nobody decided in time */
    uint32_t hold_ms, fresh_sec;
    uint32_t deadline_ms; /* of opens on protected mounts */
    uint32_t acts_per_minute, kills_per_minute;
    struct trn_policy_hosts manager, dns, administration; /* stay reachable when the host is isolated */
    uint32_t n_rules, n_hosts, n_mounts, n_vital;
    struct trn_policy_rule rules[TRN_POLICY_RULES];
    struct trn_policy_host hosts[TRN_POLICY_HOSTS];
    char mounts[TRN_POLICY_MOUNTS][TRN_POLICY_PATH]; /* where unknown contents wait too */
    char vital[TRN_POLICY_VITAL][TRN_POLICY_PATH];   /* added to the list that is built in */
};

/* Detect, and the numbers that hold where the file says nothing. */
void trn_policy_default(struct trn_policy *p);

/* ---- codec.c ---- */
void trn_policy_encode(const struct trn_policy *p, struct trn_buf *out);
/* Believes nothing: every number in its range, every text without NUL and within its limit, no byte left over. */
int trn_policy_decode(struct trn_cursor *in, struct trn_policy *ret) TRN_MUST_CHECK;

/* ---- match.c ---- */
/* Acts that a policy may name: block hold kill isolate shield quarantine. */
#define TRN_POLICY_ACTS                                                                                      \
    (1u << TRN_RESPOND_BLOCK | 1u << TRN_RESPOND_HOLD | 1u << TRN_RESPOND_KILL | 1u << TRN_RESPOND_ISOLATE | \
     1u << TRN_RESPOND_SHIELD | 1u << TRN_RESPOND_QUARANTINE)

struct trn_policy_case { /* a finding, and the story that it belongs to */
    struct trn_str check, name, version;
    uint16_t score;
    uint32_t stages; /* 1 << enum trn_stage: that the story has, with the finding's own */
    enum trn_verdict verdict;
};
/* For each act the first rule that names it and fits; NULL: not wanted. Index: enum trn_respond. */
struct trn_policy_wish {
    const struct trn_policy_rule *rules[TRN_RESPOND_KINDS];
    bool any;
};
void trn_policy_match(const struct trn_policy *p, const struct trn_policy_case *c, struct trn_policy_wish *ret);

/* May this be done without a person? For turncoatd, whose only witness is the engine: some rule names the act, the check and
 * the score that are claimed, and the software when the target is one. A request without a check never may. */
struct trn_policy_claim {
    enum trn_respond act;
    enum trn_target target;
    struct trn_str text; /* of the target */
    struct trn_str check;
    uint16_t score;
    uint64_t seconds;
};
int trn_policy_allows(const struct trn_policy *p, const struct trn_policy_claim *c, struct trn_err *err) TRN_MUST_CHECK;
/* May the engine refuse a new program that waits at its start? */
bool trn_policy_may_refuse(const struct trn_policy *p);

/* ---- parse.c: in a worker only ---- */
struct trn_policy_error { /* where the first thing is wrong, both from 1; 0: the file as a whole */
    uint32_t line, column;
    char message[300], hint[300];
};
/* 0, or -EINVAL with *err filled. */
int trn_policy_parse(struct trn_str file, struct trn_policy *ret, struct trn_policy_error *err) TRN_MUST_CHECK;

#include "policy/accept.h" /* outsiders include this header only */

#endif
