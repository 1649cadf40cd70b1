/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what a release holds while it is being told, and how known contents are found again. */
#ifndef TRN_RELEASE_INTERNAL_H
#define TRN_RELEASE_INTERNAL_H

#include "release/release.h"

#define TRN_RELEASE_DEPTH 80u /* containers in containers: more than a worker goes down */

enum trn_release_item_kind { TRN_RELEASE_PROPERTY, TRN_RELEASE_FEATURE, TRN_RELEASE_FINDING, TRN_RELEASE_ITEM_MAX };

struct trn_release_item { /* told of an artifact */
    uint32_t artifact;
    enum trn_release_item_kind kind;
    union {
        struct trn_property p;
        struct trn_feature f;
        const struct trn_finding *finding;
    };
};

struct trn_release_node { /* one artifact; numbers of others from 1, 0: none */
    uint32_t parent, child, last_child, next;
    uint32_t index; /* among the members, once it is one */
    size_t count[TRN_RELEASE_ITEM_MAX];
    struct trn_property *properties;
    struct trn_feature *features;
    const struct trn_finding **findings;
    struct trn_release_member m;
};

struct trn_release_source { /* one file */
    struct trn_str path;
    uint32_t number; /* as it was given out */
    struct trn_release_node *nodes;
    struct trn_release_item *items;
    size_t n_nodes, cap_nodes, n_items, cap_items;
};

struct trn_release_told_gap {
    uint32_t file, artifact; /* artifact 0: the file as a whole */
    struct trn_release_gap g;
};

struct trn_release_key {
    uint8_t key[TRN_KNOWN_KEY];
    uint32_t member;
};

struct trn_release {
    struct trn_arena *arena;
    const struct trn_release *other;
    struct trn_str label;
    struct trn_release_source *files;
    struct trn_release_member *members;
    struct trn_release_told_gap *gaps;
    struct trn_release_key *by_key; /* in the order of members, then sorted */
    size_t n_files, cap_files, n_members, cap_members, n_gaps, cap_gaps, n_keys, cap_keys;
    uint32_t *programs; /* of a finished one, by name in lower case */
    size_t n_programs;
    struct trn_map *first;       /* while it is finished: hash of key -> member that was looked at */
    uint32_t copies, copies_max; /* members that came with known contents */
    uint64_t path_bytes;         /* of all paths that were put together */
    bool finished, undecided;
};

/* member.c */
int trn_feature_compare(const struct trn_feature *a, const struct trn_feature *b); /* by kind, key, value */
int trn_release_note_key(struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY], uint32_t member) TRN_MUST_CHECK;
int trn_release_sort_programs(struct trn_release *r) TRN_MUST_CHECK;
void trn_release_sort_keys(struct trn_release *r);
/* Of a finished one; TRN_NO_MEMBER: not there. */
uint32_t trn_release_by_key(const struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY]);
/* Of one that is being finished: a member before `before` that has this key. */
uint32_t trn_release_first_of(const struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY], uint32_t before);

/* What was told of an artifact beside its items: how many gaps were in it. */
struct trn_release_place {
    uint32_t file, artifact, gaps;
};

/* release.c: finishes one that is read back. */
int trn_release_restore(struct trn_release *r, const struct trn_release_place *places, size_t n) TRN_MUST_CHECK;

/* member.c */
/* As its container names it: its path without the container's. */
struct trn_str trn_member_inner_path(const struct trn_release *r, const struct trn_release_member *m);
/* Separators in its path: how far inside it stands. */
uint32_t trn_member_level(const struct trn_release_member *m);

/* store_codec.c */
int trn_release_encode(const struct trn_release *r, struct trn_buf *out) TRN_MUST_CHECK; /* -EFBIG: past out->max */
/* -EBADMSG: not what encode writes. */
int trn_release_decode(struct trn_str bytes, struct trn_release **ret) TRN_MUST_CHECK;

/* pair_name.c: version numbers in names */
/* The text with each version number as one "#" (loose: each run of digits); at most max bytes. */
size_t trn_versionless(struct trn_str text, bool loose, char *out, size_t max);
struct trn_str trn_version_in(struct trn_str name); /* the first version number in it; absent: none */

#endif
