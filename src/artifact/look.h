/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: one artifact being looked at. A reader of a format (check_X.c, unpack_X.c) gets a struct trn_look and
 * tells what it found; the driver (scan.c) numbers, hashes, recurses, and holds the limits.
 *
 *   kinds.c: format -> { look, open }
 *   look:  what is it, is it signed, what does not belong: properties, signature, findings, parts to be looked at
 *   open:  its members, one after another: member() data()... end(), or part() for what lies there uncompressed
 *
 * Every function that returns int gives 0, or a negative errno that the reader hands on at once (a limit of the whole job
 * was hit, or the sink is gone): never go on after it. -ECANCELED from trn_look_member means: skip this one member.
 */
#ifndef TRN_ARTIFACT_LOOK_H
#define TRN_ARTIFACT_LOOK_H

#include "artifact/artifact.h"

/* What a container knows of the members of one of its members: an MSI's File table names the keys in its cabinets. */
struct trn_look_names {
    struct trn_str (*name_of)(void *ctx, struct trn_str key); /* absent: not known */
    void *ctx;
};

struct trn_look {
    const struct trn_source *bytes;
    struct trn_arena *arena; /* of this artifact: 64 MiB at most */
    const struct trn_artifact *self;
    struct trn_str name; /* base name, raw */
    enum trn_format parent_format;
    struct trn_scan *scan;                     /* the driver's */
    const struct trn_look_names *names;        /* from the container of this one; NULL: none */
    const struct trn_look_names *names_within; /* set by open, for the members it tells from then on */
};

struct trn_member {
    struct trn_str name;       /* raw, as it stands there, whole path */
    uint64_t size;             /* as stated; TRN_SIZE_UNKNOWN */
    uint64_t packed;           /* bytes it takes in the container; 0: not known */
    uint32_t mode;             /* type and permission bits of stat(2), 0: nothing said */
    struct trn_str capability; /* the attribute "security.capability", raw; absent: none */
};
#define TRN_SIZE_UNKNOWN UINT64_MAX

/* ---- what was found ---- */
/* Completes (telemetry, id) and tells it. */
int trn_look_found(struct trn_look *l, const struct trn_finding *f) TRN_MUST_CHECK;
int trn_look_signature(struct trn_look *l, const struct trn_signature *s) TRN_MUST_CHECK;
int trn_look_property(struct trn_look *l, const char *key, struct trn_str value)
    TRN_MUST_CHECK; /* absent or empty: nothing */
/* Something that could not be looked at; what: our own words with foreign text escaped. */
int trn_look_gap(struct trn_look *l, enum trn_gap_kind kind, struct trn_str member, const char *what, ...)
    TRN_PRINTF(4, 5) TRN_MUST_CHECK;

/* Evidence that every finding about bytes has: offset (0x..., in this artifact), size, entropy, a hex excerpt of the first 32. */
void trn_look_evidence(struct trn_look *l, struct trn_finding *f, uint64_t at, uint64_t size);
/* summary from a format, in the look's arena; foreign text escaped by the caller */
void trn_look_say(struct trn_look *l, struct trn_finding *f, const char *fmt, ...) TRN_PRINTF(3, 4);
/* Entropy in thousandths of a bit per byte over a range (0 when it cannot be read). */
uint32_t trn_look_entropy(struct trn_look *l, uint64_t at, uint64_t size);

/* ---- features, for who compares releases (feature.h); nothing unless somebody asked ---- */
bool trn_look_wants_features(const struct trn_look *l); /* false: do not even collect them */
int trn_look_feature(struct trn_look *l, const struct trn_feature *f) TRN_MUST_CHECK;
int trn_look_fact(struct trn_look *l, enum trn_feature_kind kind, const char *key, struct trn_str value,
                  uint64_t number, uint64_t at) TRN_MUST_CHECK;

/* ---- what is inside ---- */
/* A member whose bytes follow. -ECANCELED: do not unpack this one (a folder, a link, a limit that was told already). */
int trn_look_member(struct trn_look *l, const struct trn_member *m) TRN_MUST_CHECK;
int trn_look_data(struct trn_look *l, const void *p, size_t n) TRN_MUST_CHECK;
/* code 0: whole. Negative: cut off or damaged, why in words: what came is still looked at, and the gap told. */
int trn_look_end(struct trn_look *l, int code, const char *why) TRN_MUST_CHECK;
/* A member that lies in this artifact as it is: nothing is copied. */
int trn_look_part(struct trn_look *l, const struct trn_member *m, uint64_t at, uint64_t size) TRN_MUST_CHECK;
/* SHA-256 of the member that was looked at last (after trn_look_end, trn_look_part); NULL: none yet. ret_id may be NULL. */
const uint8_t *trn_look_last(struct trn_look *l, uint32_t *ret_id);
/* Time is over: stop, the driver tells it. Cheap enough to be asked in every loop. */
bool trn_look_over(struct trn_look *l);

/* ---- siblings: what a later check wants to know of all members of a release ---- */
/* Remembers a trait of this artifact ("pe.signed", "elf.compiler") for trn_look_siblings of an artifact above it. */
int trn_look_trait(struct trn_look *l, const char *trait, struct trn_str value) TRN_MUST_CHECK;
struct trn_trait {
    uint32_t artifact;
    const char *trait;
    struct trn_str value;
    struct trn_str name;   /* of that artifact */
    const uint8_t *sha256; /* of that artifact */
};
/* Is a file of this name (base name, any case) in the release so far? For checks that run in `after`. */
bool trn_look_has_sibling(struct trn_look *l, struct trn_str base_name);
/* Traits of all members below this artifact, in the order told. For `after`. */
const struct trn_trait *trn_look_traits(struct trn_look *l, size_t *ret_count);
/* Tells a finding about a member (for `after`): one that has a trait, so that its hash is known. */
int trn_look_found_in(struct trn_look *l, uint32_t artifact, const struct trn_finding *f) TRN_MUST_CHECK;

/* ---- kinds.c ---- */
struct trn_kind_ops {
    enum trn_format format;
    int (*look)(struct trn_look *l, struct trn_err *err);  /* NULL: nothing special */
    int (*open)(struct trn_look *l, struct trn_err *err);  /* NULL: no container */
    int (*after)(struct trn_look *l, struct trn_err *err); /* when all members were seen; NULL: none */
};
/* Static; NULL: a format that is only hashed and matched. A look or open that fails with an error that is not the job's end
 * becomes a gap of kind damaged with err's words. */
const struct trn_kind_ops *trn_kind_of(enum trn_format f);
/* Looks that are the same for every format (text, names): run for each artifact, in this order, NULL-ended. */
extern int (*const trn_look_always[])(struct trn_look *l, struct trn_err *err);
/* What tells features, run for each artifact, but only when they are wanted; each knows itself of which formats. */
extern int (*const trn_look_features[])(struct trn_look *l, struct trn_err *err);
/* Checks over a whole release, run once for the top artifact when all is seen, NULL-ended. */
extern int (*const trn_look_release[])(struct trn_look *l, struct trn_err *err);

#endif
