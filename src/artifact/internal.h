/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the driver's own structures; readers of formats use look.h only. */
#ifndef TRN_ARTIFACT_INTERNAL_H
#define TRN_ARTIFACT_INTERNAL_H

#include "artifact/look.h"

#define TRN_DEPTH_MAX 64u
#define TRN_WHOLE_MAX (32ull << 20) /* a content up to this size is held in memory whole */

/* ---- spool.c: the content of one member, in memory while it is small, else in the scratch file ---- */
struct trn_spool {
    struct trn_scan *scan;
    uint8_t *mem; /* owned */
    size_t cap;
    uint64_t size;
    uint64_t scratch_at; /* place in the scratch file, when it is there */
    bool in_scratch, open;
};
void trn_spool_begin(struct trn_spool *s, struct trn_scan *scan);
/* -ENOSPC: no scratch file, or it is full; -ENOMEM. */
int trn_spool_put(struct trn_spool *s, const void *p, size_t n) TRN_MUST_CHECK;
struct trn_source trn_spool_source(const struct trn_spool *s); /* borrowed from it */
void trn_spool_done(struct trn_spool *s);                      /* frees memory and its part of the scratch file */

struct trn_frame { /* one artifact on the way down */
    struct trn_look look;
    struct trn_artifact self;
    struct trn_frame *up;
    struct trn_spool spool; /* of the member that is being read */
    struct trn_member member;
    struct trn_str member_name; /* a copy */
    bool member_skipped;        /* no more of it is wanted */
    uint64_t unpacked;          /* of all members so far */
    size_t first_trait;
    uint8_t last_sha256[TRN_SHA256_SIZE]; /* of the artifact below it that was looked at last */
    uint32_t last_id;                     /* 0: none yet */
    uint64_t features;                    /* that readers told of it */
    bool stopped;                         /* a limit of this container was hit and told */
};

struct trn_scan {
    const struct trn_scan_options *o;
    struct trn_limits limits;
    const struct trn_scan_sink *sink;
    uint64_t deadline_ns;
    uint64_t memory, unpacked, scratch_top;
    uint64_t top_size; /* of the artifact that everything came out of */
    uint32_t artifacts, findings;
    int stop;          /* sticky: why nothing more is opened (-ETIME, -EDQUOT), told already */
    int fatal;         /* sticky: what the sink said, or -ENOMEM */
    bool told_members; /* the limit of members */
    bool told_findings;
    struct trn_arena *arenas[TRN_DEPTH_MAX + 1]; /* one a depth, reset after each artifact */
    struct trn_arena *keep;                      /* traits and names: of the whole scan */
    struct trn_trait *traits;
    size_t n_traits, cap_traits;
    struct trn_map *names; /* hashes of base names in lower case */
};

/* scan.c: looks at one content and everything in it. up NULL: the top. */
int trn_scan_one(struct trn_scan *s, struct trn_frame *up, const struct trn_source *bytes,
                 const struct trn_artifact *as, uint64_t *ret_id) TRN_MUST_CHECK;
/* look.c: a gap of an artifact by its number. */
int trn_scan_gap(struct trn_scan *s, uint32_t artifact, enum trn_gap_kind kind, struct trn_str member,
                 struct trn_str what, uint64_t value, uint64_t limit) TRN_MUST_CHECK;
/* look.c: ends the member that is open, if any. */
int trn_frame_end(struct trn_frame *f, int code, const char *why) TRN_MUST_CHECK;
/* feature.c: says how many were not told. */
int trn_frame_features_end(struct trn_frame *f) TRN_MUST_CHECK;
/* entropy.c */
void trn_histogram_add(uint64_t counts[256], const uint8_t *p, size_t n);
uint32_t trn_histogram_entropy(const uint64_t counts[256], uint64_t n);

#endif
