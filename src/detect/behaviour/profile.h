/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each software has always done: one profile a lineage of versions (origin and name, whatever the version).
 * Detectors ask it about one feature of one act and hear how new that is for this software; asking also records.
 *
 * Pure and bounded: time is the event's wall clock, a full table forgets what was seen least and longest ago, and counts it.
 * Private: a feature is a template (a program's package, a registrable domain, a folder's kind), never an argument, a user's
 * name, a URL or a file's own name.
 */
#ifndef TRN_DETECT_PROFILE_H
#define TRN_DETECT_PROFILE_H

#include "detect/internal.h"

/* Classes of features and their weight (reference: behaviour profile, section 5). */
enum trn_feature_class {
    TRN_FEATURE_CHILD = 0,   /* program it starts: its package, or a templated path */
    TRN_FEATURE_ARGUMENTS,   /* shape of its arguments: flags only */
    TRN_FEATURE_DESTINATION, /* registrable domain, or block of a literal address */
    TRN_FEATURE_HOST_KIND,   /* raw code hosting, paste, chat webhook, dynamic DNS ... */
    TRN_FEATURE_SENSITIVE,   /* class of sensitive files that it reads: browser-cookies, ssh-key ... */
    TRN_FEATURE_WRITE_EXEC,  /* kind of place where it writes what then runs */
    TRN_FEATURE_MODULE,      /* library from outside its package */
    TRN_FEATURE_MEMORY,      /* executable memory: anonymous, writable, memfd, deleted */
    TRN_FEATURE_REACH,       /* ptrace, other processes' memory */
    TRN_FEATURE_PRIVILEGE,   /* becomes another user, gains capabilities */
    TRN_FEATURE_LISTEN,      /* ports that it opens */
    TRN_FEATURE_PERSISTENCE, /* kind of place that starts things: systemd, cron, autostart ... */
    TRN_FEATURE_INTERPRETER, /* interpreters and shells that it starts */
    TRN_FEATURE_HOURS,       /* quarter of the day in which it acts */
    TRN_FEATURE_CLASS_MAX,
};
const char *trn_feature_class_name(enum trn_feature_class c); /* "child", "destination" ... */

/* How new a feature is. */
enum trn_feature_state {
    TRN_FEATURE_ORDINARY = 0, /* learned: the lineage has always done it */
    TRN_FEATURE_WAITING,      /* seen before, not yet learned (35 days, or after a finding: never) */
    TRN_FEATURE_NEW,          /* this is the first time */
};

struct trn_novelty {
    enum trn_feature_state state;
    bool first_in_version; /* first time since this version runs */
    bool before_version;   /* an earlier version of the lineage did it, learned or not */
    double surprise;       /* weighted bits, 0: ordinary; back-off lineage -> vendor -> category -> all software */
    double maturity;       /* of the lineage, 0..1: (1 - exp(-runs / 20)) x min(1, days / 7) */
    uint32_t runs, days, versions; /* of the lineage before this act */
    uint32_t lineages_with;        /* other software here that does the same */
    uint64_t version_wall_ns;      /* since when this version is here (installed, else first seen); 0 unknown */
    uint32_t version_starts;       /* its runs, or its days when it runs for longer than that */
};
/* Enough history that "never before" means something (maturity >= 0.5); below it only class rules open stories. */
bool trn_novelty_mature(const struct trn_novelty *n);
/* "first in 41 runs and 12 days" "not in 1.0 (41 runs, 12 days)" ...; into b. */
void trn_novelty_words(const struct trn_novelty *n, struct trn_buf *b);

struct trn_profiles;
struct trn_profiles *trn_profiles_new(void) TRN_MUST_CHECK;
struct trn_profiles *trn_profiles_free(struct trn_profiles *p);
/* Runs (EXEC of an acting root), versions (SOFTWARE events), STATE rows "profile", hours; and the features that no detector
 * asks about (child, arguments, privilege, listen, hours). Before the detectors. */
int trn_profiles_push(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
    TRN_MUST_CHECK;
/* About the acting software of e (session only: the image's): records the feature and says how new it was. text is the
 * template, at most 47 bytes are kept. 0; -ENODATA: this software has no profile (unknown name); -ENOMEM. */
int trn_profiles_ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
                     const struct trn_event *ev, enum trn_feature_class class, struct trn_str text,
                     struct trn_novelty *ret) TRN_MUST_CHECK;
/* The same without recording: for a detector that judges later. */
bool trn_profiles_look(const struct trn_profiles *p, const struct trn_software *s, enum trn_feature_class class,
                       struct trn_str text, struct trn_novelty *ret);
/* The lineage's features of one class, in no order that means anything: size_t it = 0; while (trn_profiles_next(...)).
 * Borrowed until the next ask or push. False: no more, or no profile. */
bool trn_profiles_next(const struct trn_profiles *p, const struct trn_software *s, enum trn_feature_class class,
                       size_t *it, struct trn_str *ret_text);
/* A finding about this software was told: what is new from now on in this version is never learned. */
void trn_profiles_finding(struct trn_profiles *p, const struct trn_finding *f);
/* One line {"type":"profile", ...} for each software of this name. */
void trn_profiles_json(const struct trn_profiles *p, struct trn_str name, struct trn_buf *out);
size_t trn_profiles_bytes(const struct trn_profiles *p);

#endif
