/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: what a comparison of one pair is given, and how it tells what it found.
 *
 *   comparers[] (compare.c): run for each pair that is not the same, each knows itself of which formats and changes
 *   contexts[]  (compare.c): run once, when all pairs were compared: they see all findings, may tell more, may lower some
 *
 * A comparer tells facts with the check's weight, or less where the facts are weak; what the rest of the release says about
 * them (everything changed like that, the vendor always did) is for a context to weigh.
 */
#ifndef TRN_RELEASE_COMPARE_H
#define TRN_RELEASE_COMPARE_H

#include "release/release.h"

struct trn_told { /* one finding so far */
    struct trn_change *change;
    struct trn_finding *finding;
    struct trn_told *next;
};

/* What is known of the old release and those before it: hashes of features (known.c). */
enum trn_known_set {
    TRN_KNOWN_WHO = 0, /* hosts: with who can put something there, alone, their domain */
    TRN_KNOWN_HOST,
    TRN_KNOWN_DOMAIN,
    TRN_KNOWN_BROWSER,
    TRN_KNOWN_CALL,       /* groups of what scripts can do */
    TRN_KNOWN_START_NAME, /* what starts by itself: by name, with its program, with all */
    TRN_KNOWN_START_PROGRAM,
    TRN_KNOWN_START,
    TRN_KNOWN_DEPENDENCY,
    TRN_KNOWN_MAX,
};

struct trn_compare {
    struct trn_diff *diff; /* all changes; findings of changes are filled when everything is over: use told */
    const struct trn_diff_options *o;
    struct trn_arena *arena;                                  /* lives as long as the diff */
    struct trn_change *change;                                /* the pair that is compared; NULL in a context */
    const struct trn_release_member *old_member, *new_member; /* of it; NULL: none */
    struct trn_told *told, **told_end;                        /* all findings, in the order told */
    size_t n_told;
    struct trn_map
        *broken; /* hashes of paths of files of the old release that are known in part only: nothing is told of them */
    const struct trn_abilities
        *old_abilities; /* compare_code.c: of all programs of the old release; NULL: not asked yet */
    struct trn_map *known[TRN_KNOWN_MAX];
    bool ask_history; /* releases before the old one may say that it is not new */
};
/* known.c */
int trn_known_add(struct trn_compare *c, const struct trn_release *r) TRN_MUST_CHECK;
void trn_known_forget(struct trn_compare *c);
/* context_history.c: asks all releases before the old one, one after another: between comparers and contexts. */
int trn_history_ask(struct trn_compare *c) TRN_MUST_CHECK;

/* A finding of the check (a literal of the registry), its words by trn_compare_say, evidence by trn_finding_add. */
int trn_compare_begin(struct trn_compare *c, const char *check, struct trn_finding *ret) TRN_MUST_CHECK;
void trn_compare_say(struct trn_compare *c, struct trn_finding *f, const char *fmt, ...) TRN_PRINTF(3, 4);
/* Evidence "old" and "new" (raw values are escaped here; absent: "none"), and "offset" of the new one unless it is nowhere. */
void trn_compare_values(struct trn_compare *c, struct trn_finding *f, struct trn_str before, struct trn_str after,
                        uint64_t at);
/* Names of some features as one text, "a, b, c and 12 more", escaped. */
struct trn_str trn_compare_list(struct trn_compare *c, const struct trn_feature *const *f, size_t n, bool keys);
/* Tells it of the pair (or, in a context, of change). */
int trn_compare_found(struct trn_compare *c, struct trn_change *change, const struct trn_finding *f) TRN_MUST_CHECK;
/* Lowers one: its evidence says why ("context"). */
void trn_compare_lower(struct trn_compare *c, struct trn_told *t, uint16_t score, struct trn_str why);

/* Features of one kind that only the new one has (by kind, key and value; by_key: by kind and key alone). In the arena; an
 * old_member that is NULL has none. */
int trn_compare_new(struct trn_compare *c, enum trn_feature_kind kind, bool by_key,
                    const struct trn_feature *const **ret, size_t *ret_n) TRN_MUST_CHECK;
int trn_compare_gone(struct trn_compare *c, enum trn_feature_kind kind, bool by_key,
                     const struct trn_feature *const **ret, size_t *ret_n) TRN_MUST_CHECK;

/* ---- diff.c ---- */
/* Does a member of r stand in one of these files (hashes of paths)? */
bool trn_diff_is_broken(const struct trn_map *broken, const struct trn_release *r, const struct trn_release_member *m);

/* ---- pair.c ---- */
/* Fills diff->changes and counts. */
int trn_pair_members(struct trn_diff *d) TRN_MUST_CHECK;

/* ---- what is run: one line each in compare.c ---- */
typedef int trn_comparer(struct trn_compare *c);
extern trn_comparer *const trn_comparers[]; /* NULL-ended */
extern trn_comparer *const trn_contexts[];
trn_comparer trn_compare_scan;      /* compare_scan.c: findings of the scan that only the new one has */
trn_comparer trn_compare_signature; /* compare_signature.c */
/* compare_code*.c: programs */
trn_comparer trn_compare_code;         /* what it can do now */
trn_comparer trn_compare_code_shape;   /* its form: exports, memory, early code, libraries, tables, random blocks */
trn_comparer trn_compare_code_elf;     /* resolvers */
trn_comparer trn_compare_code_macho;   /* entitlements, slices */
trn_comparer trn_compare_code_build;   /* built in the same run, yet another one */
trn_comparer trn_compare_code_program; /* new programs */
trn_comparer trn_context_place;        /* context_place.c: what takes the place of an old one unpaired */
trn_comparer trn_context_signature;    /* context_signature.c: a signature beside those of the rest */
trn_comparer trn_context_outlier;      /* context_outlier.c: tools and times of build */
trn_comparer trn_context_upstream;     /* context_upstream.c: reference builds */
trn_comparer trn_context_mass;         /* context_mass.c: what most files changed alike */
trn_comparer trn_context_version;      /* context_version.c: last: weighs what is left */
trn_comparer trn_compare_obfuscation, trn_context_abilities;                     /* compare_script.c */
trn_comparer trn_compare_lifecycle, trn_compare_maintainer, trn_compare_actions; /* compare_package.c */
trn_comparer trn_compare_embedded, trn_compare_closed;                           /* compare_embedded.c */
trn_comparer trn_context_archives, trn_context_built;                            /* compare_embedded.c */
trn_comparer trn_context_contacts, trn_context_browsers;                         /* compare_text.c */
trn_comparer trn_context_starts, trn_context_rights;                             /* compare_service.c */
trn_comparer trn_context_dependencies; /* compare_dependency.c: behind those that tell scripts */

#endif
