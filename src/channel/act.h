/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What turncoatd is asked to do about a threat. The engine resolves names to processes, files and addresses; turncoatd
 * looks at each of them again (start time, device, inode, ctime, vital list, rates) and decides by itself.
 *   acts socket     ACT_FILES* then ACT, with the client's own socket; the answer ACTED comes back on it at once
 *   respond socket  the same by policy, without a client; from turncoatd ACTION (an encoded RESPONSE event) and HELD;
 *                   from the engine JUDGED
 */
#ifndef TRN_CHANNEL_ACT_H
#define TRN_CHANNEL_ACT_H

#include "event/event.h"

#define TRN_ACT_PROCESSES 512u
#define TRN_ACT_HOSTS 64u
#define TRN_ACT_FILES 8192u /* in all messages of one job */

struct trn_act_process {
    uint64_t entity, start_boot_ns;
    uint32_t pid; /* in turncoatd's pid namespace */
};

struct trn_act_host { /* an address that stays reachable */
    uint8_t family;   /* 4 or 6 */
    uint8_t prefix;   /* bits, at most 32 or 128 */
    uint16_t port;    /* 0: any */
    uint8_t address[16];
};

struct trn_act_file {
    struct trn_file_key key; /* none: not known */
    uint64_t size;           /* TRN_NO_U64: not known */
    uint8_t sha256[TRN_SHA256_SIZE];
    struct trn_str path; /* absolute; may be absent when the hash is there */
};

enum { /* trn_act_request.flags */
       TRN_ACT_DRY_RUN = 1,
       TRN_ACT_FAIL_CLOSED = 2,        /* block: what is not decided in time is refused */
       TRN_ACT_RUN_SCRIPTS = 4,        /* remove, rollback: the suspected version's own scripts may run */
       TRN_ACT_EXCEPT_ESTABLISHED = 8, /* isolate: connections that stand stay */
       TRN_ACT_FLAGS = 15
};

struct trn_act_request {
    uint64_t job;
    uint8_t act;    /* enum trn_respond */
    uint8_t target; /* enum trn_target */
    uint8_t score;  /* by policy: of the finding */
    uint32_t flags;
    uint64_t seconds;       /* 0: the act's default */
    uint64_t id;            /* UNDO, CONFIRM: of the action; UNDO 0: by undo_of and text */
    uint8_t undo_of;        /* enum trn_respond */
    uint64_t story;         /* 0: none */
    uint64_t found_boot_ns; /* by policy: when the finding was made, for the measured delay; 0 */
    struct trn_str check;   /* by policy: which check; absent: a person asked */
    struct trn_str text;    /* the target as people write it: "acme-softphone=1.1", a path, hex */
    struct trn_str version; /* rollback: to which */
    struct trn_str why;
    const struct trn_act_process *processes;
    const struct trn_act_host *hosts;
    const struct trn_act_file *files; /* from ACT_FILES; not part of the encoded request */
    uint32_t n_processes, n_hosts, n_files;
};
void trn_act_encode(const struct trn_act_request *q, struct trn_buf *out);
/* Arrays in the arena, texts views into the cursor; files stay empty. */
int trn_act_decode(struct trn_cursor *in, struct trn_arena *arena, struct trn_act_request *ret) TRN_MUST_CHECK;
int trn_act_copy(const struct trn_act_request *q, struct trn_arena *arena, struct trn_act_request *ret) TRN_MUST_CHECK;

/* As many of files as fit into one message; returns how many. */
uint32_t trn_act_files_encode(uint64_t job, const struct trn_act_file *files, uint32_t n, struct trn_buf *out);
/* Appends to a growing array (at most TRN_ACT_FILES), deep copies in the arena. */
int trn_act_files_decode(struct trn_cursor *in, struct trn_arena *arena, uint64_t *ret_job, struct trn_act_file *files,
                         uint32_t *n) TRN_MUST_CHECK;

struct trn_act_answer {
    uint64_t job, id;    /* id 0: dry run, or refused */
    int32_t code;        /* 0 or a negative errno */
    struct trn_str plan; /* lines: what is (or would be) done */
    struct trn_str message, hint;
};
void trn_acted_encode(const struct trn_act_answer *a, struct trn_buf *out);
int trn_acted_decode(struct trn_cursor *in, struct trn_act_answer *ret) TRN_MUST_CHECK;

/* A new program was stopped before its first instruction; whoever asks waits until deadline_boot_ns. */
struct trn_held_question {
    uint64_t question, start_boot_ns, deadline_boot_ns;
    uint32_t pid;
    struct trn_file_key key;
};
void trn_held_encode(const struct trn_held_question *h, struct trn_buf *out);
int trn_held_decode(struct trn_cursor *in, struct trn_held_question *ret) TRN_MUST_CHECK;

struct trn_judged {
    uint64_t question;
    bool refuse;
};
void trn_judged_encode(const struct trn_judged *j, struct trn_buf *out);
int trn_judged_decode(struct trn_cursor *in, struct trn_judged *ret) TRN_MUST_CHECK;

#endif
