/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: the wire of a scan pool.
 *   caller -> mother: BEGIN (nothing; only when the pool is late), SPAWN (u32 slot; the worker's socket, its scratch file), KILL (u32 slot)
 *   mother -> caller: BAD_RULE..., READY (u32 rules, i32 code, lstr why), GONE (u32 slot, i32 wait status) for each KILL
 *   caller -> worker: SCAN (u64 job, u32 mode, lstr name; the file, and a list of known hashes or not)
 *   worker -> caller: RESULTS (u64 job, items), the last item of a job is its END
 */
#ifndef TRN_INSPECT_SCAN_MESSAGES_H
#define TRN_INSPECT_SCAN_MESSAGES_H

#include "inspect/worker.h"

enum trn_scan_message {
    TRN_SCAN_SPAWN = 0x40,
    TRN_SCAN_KILL,
    TRN_SCAN_READY,
    TRN_SCAN_BAD_RULE, /* lstr file, u32 line, lstr why */
    TRN_SCAN_GONE,
    TRN_SCAN_JOB,
    TRN_SCAN_RESULTS,
    TRN_SCAN_BEGIN,
};

enum trn_scan_item { /* u8 kind, u32 length, body */
                     TRN_ITEM_ARTIFACT = 1,
                     TRN_ITEM_SIGNATURE,
                     TRN_ITEM_PROPERTY,
                     TRN_ITEM_FINDING,
                     TRN_ITEM_GAP,
                     TRN_ITEM_END, /* i32 code, lstr why */
                     TRN_ITEM_FEATURE,
                     TRN_ITEM_MAX,
};

#define TRN_SCAN_NAME_MAX 8192u  /* bytes of one name; the worker cuts longer ones */
#define TRN_SCAN_TEXT_MAX 2048u  /* of one text */
#define TRN_SCAN_ITEM_MAX 49152u /* one item */
#define TRN_SCAN_BODY_MAX (TRN_IPC_MAX - 64u)

/* Bodies of items. Texts that are too long are cut. */
void trn_item_put_artifact(struct trn_buf *b, const struct trn_artifact *a);
void trn_item_put_signature(struct trn_buf *b, uint32_t artifact, const struct trn_signature *s);
void trn_item_put_property(struct trn_buf *b, uint32_t artifact, struct trn_str key, struct trn_str value);
void trn_item_put_finding(struct trn_buf *b, uint32_t artifact, const struct trn_finding *f);
void trn_item_put_gap(struct trn_buf *b, uint32_t artifact, const struct trn_gap *g);
void trn_item_put_feature(struct trn_buf *b, uint32_t artifact, const struct trn_feature *f);
void trn_item_put_end(struct trn_buf *b, int code, struct trn_str why);

/* What one job has said so far: the reader checks that it makes sense as a whole. */
struct trn_scan_state {
    uint32_t artifacts; /* the last number told */
    bool ended;
};
/* Reads a RESULTS body (behind the job's number): first all of it is checked, then delivered, so that a sink never sees the
 * good half of a bad message. Views live in the message and the arena. 0, -EPROTO, -ENOMEM, or what the sink said. */
int trn_scan_results_decode(struct trn_cursor *in, uint64_t job, struct trn_scan_state *state, struct trn_arena *arena,
                            const struct trn_scan_pool_sink *sink) TRN_MUST_CHECK;

/* scan_worker.c: the life of one worker, entered already. Returns its exit code. */
struct trn_scan_setup {
    struct trn_limits limits;
    bool with_md5, features;
    int scratch;
    const struct trn_matcher *matcher; /* NULL: none */
    const struct trn_indicators *indicators;
    const struct trn_trust_roots *roots;
};
typedef int trn_scan_worker_fn(int sock, const struct trn_scan_setup *setup);
trn_scan_worker_fn trn_scan_worker;
/* scan_mother.c: its life, in the child. */
void trn_scan_mother(int sock, const struct trn_scan_pool_options *o, trn_scan_worker_fn *run) TRN_NORETURN;
/* scan_pool.c: a pool whose workers do something else (tests). */
int trn_scan_pool_new_with(const struct trn_scan_pool_options *o, const struct trn_scan_pool_sink *sink,
                           trn_scan_worker_fn *run, struct trn_scan_pool **ret, struct trn_err *err) TRN_MUST_CHECK;

#endif
