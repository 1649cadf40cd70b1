/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One artifact from its bytes to findings. Impure in nothing but reading the source, the scratch file and the clock (for its
 * time limit). Everything told to the sink is borrowed during the call.
 */
#ifndef TRN_ARTIFACT_ARTIFACT_H
#define TRN_ARTIFACT_ARTIFACT_H

#include "artifact/feature.h"
#include "event/event.h"
#include "signature/signature.h"

/* The one structure of limits. What hits one is told as a gap; the rest of the artifact is still looked at. 0: the default. */
struct trn_limits {
    uint64_t bytes;        /* unpacked from one artifact, all levels together: 8 GiB */
    uint64_t member_bytes; /* of one member: 4 GiB */
    uint64_t
        ratio; /* unpacked / packed of one container, once it gave more than 64 MiB: 200; of all together 5 times that */
    uint64_t memory;   /* contents of members held in memory at once, the rest goes to the scratch file: 64 MiB */
    uint32_t members;  /* all levels together: 500,000 */
    uint32_t depth;    /* containers in containers: 16 */
    uint32_t findings; /* told for one artifact: 10,000 */
    uint32_t seconds;  /* 600 */
};
struct trn_limits trn_limits_default(void);
/* Fills zeroes with the defaults. */
void trn_limits_fill(struct trn_limits *l);

struct trn_artifact {
    uint32_t id, parent; /* from 1 in the order told; a parent comes before its members; 0: none, this is the top */
    uint32_t depth;
    struct trn_str name; /* raw, as it stands in its container; of the top: what the caller said */
    enum trn_format format;
    uint64_t size;
    uint64_t offset; /* in the parent when it lies there as it is (has_offset) */
    bool has_offset;
    uint32_t mode;             /* as the container says; 0: nothing said */
    struct trn_str capability; /* the attribute "security.capability" as the container has it, raw; absent: none */
    uint32_t entropy_milli;    /* of all its bytes, thousandths of a bit per byte: 0 to 8000 */
    uint8_t sha256[TRN_SHA256_SIZE];
    uint8_t md5[TRN_MD5_SIZE]; /* only when options say so, else 0 */
};

/* Something that was not looked at. */
enum trn_gap_kind {
    TRN_GAP_LIMIT = 0,   /* a limit was hit: which stands in what */
    TRN_GAP_DAMAGED,     /* cut off or not as its format wants it */
    TRN_GAP_ENCRYPTED,   /* needs a password */
    TRN_GAP_UNSUPPORTED, /* a format or method that is not opened here */
    TRN_GAP_REPEATED,    /* the same content was looked at above it: a container in itself */
    TRN_GAP_CRASHED,     /* told by who runs the worker, never by it */
    TRN_GAP_KIND_MAX,
};
struct trn_gap {
    enum trn_gap_kind kind;
    struct trn_str what;   /* "bytes", "ratio"; or what was wrong, in words, escaped */
    struct trn_str member; /* raw name of the member when it became no artifact of its own; else absent */
    uint64_t value, limit; /* of a limit */
};
const char *trn_gap_kind_name(enum trn_gap_kind k); /* limit damaged encrypted unsupported repeated crashed */

struct trn_scan_sink {
    int (*artifact)(void *ctx, const struct trn_artifact *a);
    int (*signature)(void *ctx, uint32_t artifact, const struct trn_signature *s); /* only where there is one */
    /* what an inventory wants to know: version product company license dependency arch build_id ...; key [a-z_]+ */
    int (*property)(void *ctx, uint32_t artifact, struct trn_str key, struct trn_str value);
    int (*finding)(void *ctx, uint32_t artifact, const struct trn_finding *f);
    int (*gap)(void *ctx, uint32_t artifact, const struct trn_gap *g);
    void *ctx;
    int (*feature)(void *ctx, uint32_t artifact, const struct trn_feature *f); /* NULL: not wanted */
};

/* A matcher of contents (YARA), behind an interface. */
struct trn_matcher {
    /* Tells each match through `found`: a finding of check "yara.*" with evidence rule, string, offset. 0 or negative errno;
     * -ETIME: gave up in time (what it found before is told). bytes in memory or not: the matcher reads what it needs. */
    int (*match)(void *ctx, const struct trn_source *bytes, const struct trn_artifact *a, struct trn_str name,
                 uint64_t deadline_mono_ns, struct trn_arena *arena,
                 int (*found)(void *found_ctx, const struct trn_finding *f), void *found_ctx);
    void *ctx;
    const char *(*slow)(
        void *ctx); /* after -ETIME: "file:rule" that took too long (raw), "" when not known; may be NULL */
};

struct trn_scan_options {
    size_t sz;
    struct trn_limits limits;
    int scratch; /* a file for large members, read and written, owned by the caller; -1: none, then they are a gap */
    bool with_md5;
    const struct trn_matcher *matcher; /* NULL: none */
    /* Is this hash named as bad? Fills *ret (views live as long as ctx) and says true. NULL: nobody asks. */
    bool (*known_bad)(void *ctx, const struct trn_artifact *a, struct trn_finding *ret);
    void *known_bad_ctx;
    bool features; /* tell features too: for who compares releases */
    /* Was this content looked at before under this base name, and everything in it? Then it is told (artifact) and no more: no
     * look, no members. NULL: nobody knows. */
    bool (*known)(void *ctx, const struct trn_artifact *a, struct trn_str name);
    void *known_ctx;
    const struct trn_trust_roots *roots; /* whom chains of signatures may end at; NULL: every chain is unknown */
};

/* name: base name of the file. 0 when all was told (gaps included); negative errno when it could not be read at all, or what
 * the sink said. */
int trn_scan_run(const struct trn_source *bytes, struct trn_str name, uint32_t mode, const struct trn_scan_options *o,
                 const struct trn_scan_sink *sink, struct trn_err *err) TRN_MUST_CHECK;

/* ---- warm.c ---- */
/* Once in each process that scans, before its sandbox closes: touches what libraries open lazily. LC_CTYPE becomes C.UTF-8:
 * names in archives are UTF-8 or UTF-16, and libarchive converts those by its own tables only then. */
void trn_scan_warm(void);

/* ---- score.c ---- */
struct trn_score { /* of one top artifact: feed it each finding, of whatever member, in any order */
    struct {
        const struct trn_check *check;
        uint16_t score; /* the strongest finding of this check */
    } strongest[96];
    uint32_t n;
};
void trn_score_add(struct trn_score *s, const struct trn_finding *f);
/* 0-99. clean 0, note below 40, suspicious below 85 (only with one check that weighs 30), malicious from 85: only with a structural proof or two independent
 * categories; text alone is never more than suspicious. */
uint16_t trn_score_of(const struct trn_score *s, enum trn_verdict *ret_verdict);
/* The same of one finding alone: what it weighs after the caps, so what is shown beside it. ret_verdict may be NULL. */
uint16_t trn_score_alone(const struct trn_finding *f, enum trn_verdict *ret_verdict);

#include "artifact/yara_rules.h" /* outsiders include this header only */

#endif
