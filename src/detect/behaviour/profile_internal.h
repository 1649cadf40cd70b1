/* SPDX-License-Identifier: Apache-2.0 */
/* How the profile keeps what it knows. For profile*.c and drift.c only. */
#ifndef TRN_DETECT_PROFILE_INTERNAL_H
#define TRN_DETECT_PROFILE_INTERNAL_H

#include "detect/behaviour/profile.h"

/* The most: together they stay below 8 MB (a unit test holds it). */
#define TRN_LINEAGES 512
#define TRN_LINEAGE_FEATURES 192
#define TRN_PROFILE_FEATURES 40960
#define TRN_LINEAGE_VERSIONS 8

#define TRN_FEATURE_TEXT 47
#define TRN_LINEAGE_NAME 63
#define TRN_VERSION_TEXT 47

#define TRN_DAY_SEC 86400u
#define TRN_LEARN_SEC (35u * TRN_DAY_SEC)
#define TRN_MATURE 0.5

#define TRN_FEATURE_YOUNG 1u   /* first seen before the lineage was mature: baseline once it is */
#define TRN_FEATURE_TAINTED 2u /* first seen after a finding, or part of one: never learned */
#define TRN_FEATURE_LEARNED 4u /* ordinary for good */

struct trn_profile_feature {
    uint32_t first_s, last_s; /* wall clock */
    uint32_t first_seq;       /* low bits of the event's; 0 after a restart */
    uint32_t runs, last_run;  /* runs of the lineage with it; the last of them */
    float bits;               /* weighted surprise when it was first seen */
    uint16_t first_version, last_version;
    uint8_t class, flags, n;
    char text[TRN_FEATURE_TEXT + 1];
};

struct trn_profile_version {
    uint64_t hash;     /* of the whole text; 0: it has none */
    uint64_t since_ns; /* installed, else first seen */
    uint32_t runs, days, last_day;
    float drift;  /* what was new in it, see drift.c */
    uint16_t seq; /* from 1 */
    bool installed, told;
    uint8_t n;
    char text[TRN_VERSION_TEXT + 1];
};

struct trn_lineage {
    uint64_t key, signer; /* signer: hash, 0 none */
    uint64_t first_ns, last_ns;
    uint64_t written_boot_ns;
    double maturity;
    uint32_t runs, days, last_day, forgotten;
    uint16_t version_seq, tainted; /* versions so far; the version that a finding was about, 0 none */
    uint8_t origin, category, quarter, n_name, n_versions;
    bool dirty;
    uint16_t n, cap;
    uint64_t *keys;                 /* of the features, apart so that a search reads little */
    struct trn_profile_feature *of; /* the same order */
    struct trn_profile_version versions[TRN_LINEAGE_VERSIONS]; /* the oldest first */
    char name[TRN_LINEAGE_NAME + 1];
};

struct trn_pending_exec { /* an exec whose identity is not told yet */
    uint64_t entity, exec_seq, boot_ns;
    struct trn_event ev; /* header only */
};
#define TRN_PENDING 64

enum trn_profile_category {
    TRN_PROFILE_APPLICATION = 0,
    TRN_PROFILE_BROWSER,
    TRN_PROFILE_INSTALLER,
    TRN_PROFILE_BASE,
    TRN_PROFILE_LOOSE, /* outside any package */
    TRN_PROFILE_CATEGORIES,
};

struct trn_drift_due {             /* a version did something new: its drift is to be weighed */
    uint64_t lineage, entity, seq; /* entity 0: a person at a prompt, that is never told */
    uint16_t version;
};
#define TRN_DRIFT_DUE 16

struct trn_profiles {
    struct trn_map *lineages;  /* key -> struct trn_lineage *, in order of their coming */
    struct trn_map *with;      /* feature -> how many lineages have it */
    struct trn_map *installed; /* lineage and version -> when, for what never ran yet */
    struct trn_map *vendors;   /* signer -> how many lineages */
    uint32_t of_category[TRN_PROFILE_CATEGORIES];
    size_t features; /* in all lineages */
    uint64_t forgotten_lineages, forgotten_features;
    uint64_t next_write_boot_ns;
    struct trn_pending_exec pending[TRN_PENDING];
    size_t n_pending;
    uint64_t actor; /* entity whose act is being recorded; 0: a session */
    struct trn_drift_due due[TRN_DRIFT_DUE];
    size_t n_due;
};

/* ---- profile_lineage.c ---- */
uint64_t trn_lineage_key(const struct trn_software *s);
struct trn_lineage *trn_lineage_find(const struct trn_profiles *p, const struct trn_software *s);
/* Made when it is not there; the least useful one goes when there are too many. NULL: out of memory. */
struct trn_lineage *trn_lineage_for(struct trn_profiles *p, const struct trn_detect_ctx *ctx,
                                    const struct trn_software *s, uint64_t wall_ns);
/* The one with the least history; NULL when there is none. */
struct trn_lineage *trn_lineage_least(const struct trn_profiles *p, bool with_features);
struct trn_lineage *trn_lineage_free(struct trn_lineage *l);
int trn_lineage_add(struct trn_profiles *p, struct trn_lineage *l) TRN_MUST_CHECK; /* a restored one */
struct trn_profile_version *trn_lineage_version(struct trn_profiles *p, struct trn_lineage *l, struct trn_str version,
                                                uint64_t wall_ns);
const struct trn_profile_version *trn_lineage_version_find(const struct trn_lineage *l, struct trn_str version);
void trn_lineage_touch(struct trn_lineage *l, struct trn_profile_version *v, uint64_t wall_ns);
void trn_lineage_matures(struct trn_lineage *l); /* after a change of runs or days */

/* ---- profile_feature.c ---- */
uint64_t trn_feature_key(enum trn_feature_class class, struct trn_str text);
struct trn_profile_feature *trn_feature_find(const struct trn_lineage *l, uint64_t key);
enum trn_feature_state trn_feature_state(const struct trn_lineage *l, const struct trn_profile_feature *f,
                                         uint32_t now_s);
/* Records it; ret may be NULL. */
int trn_feature_record(struct trn_profiles *p, struct trn_lineage *l, struct trn_profile_version *v,
                       const struct trn_event *ev, enum trn_feature_class class, struct trn_str text,
                       struct trn_novelty *ret) TRN_MUST_CHECK;
void trn_feature_drop(struct trn_profiles *p, struct trn_lineage *l, size_t i); /* forget it */

/* ---- profile_novelty.c ---- */
double trn_maturity(uint32_t runs, uint32_t days);
/* -log2 of (c + a p) / (n + a) */
double trn_dirichlet(double c, double n, double parent);
/* Weighted bits of a feature that this lineage has not. */
double trn_surprise(const struct trn_profiles *p, const struct trn_lineage *l, enum trn_feature_class class,
                    uint64_t key);
void trn_novelty_fill(const struct trn_profiles *p, const struct trn_lineage *l, const struct trn_profile_version *v,
                      uint64_t key, struct trn_novelty *ret);

/* ---- profile_words.c ---- */
void trn_feature_words(const struct trn_profile_feature *f, struct trn_buf *b); /* "talks to cdn.example" */

/* ---- profile_acts.c: what no detector asks ---- */
int trn_profile_acts(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
    TRN_MUST_CHECK;

/* ---- profile_row.c ---- */
void trn_lineage_encode(const struct trn_lineage *l, struct trn_buf *out);
int trn_lineage_decode(struct trn_str bytes, struct trn_lineage **ret) TRN_MUST_CHECK; /* -EBADMSG, -ENOMEM */
int trn_profile_restore(struct trn_profiles *p, const struct trn_event *ev) TRN_MUST_CHECK;
int trn_profile_write(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
    TRN_MUST_CHECK;
int trn_profile_unwrite(const struct trn_detect_ctx *ctx, const struct trn_event *ev, uint64_t key) TRN_MUST_CHECK;

#endif
