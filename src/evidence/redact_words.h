/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the words that must not leave, between redact_words.c (finding them) and redact.c (where). */
#ifndef TRN_EVIDENCE_REDACT_WORDS_H
#define TRN_EVIDENCE_REDACT_WORDS_H

#include "evidence/internal.h"

enum trn_private { /* the first one wins when a word is several */
                   TRN_PRIVATE_HOME,
                   TRN_PRIVATE_USER,
                   TRN_PRIVATE_HOST,
                   TRN_PRIVATE_NOTE, /* what a person wrote */
                   TRN_PRIVATE_ARGUMENT,
};

struct trn_private_word {
    struct trn_str text; /* lower case, in the arena */
    enum trn_private kind;
};

struct trn_redactor {
    struct trn_arena *arena;
    struct trn_private_word *words; /* sorted by text once sealed */
    size_t n, cap, longest;
    struct trn_map *index; /* hash of a word -> its place + 1, until sealed */
    struct trn_map *kept;  /* hashes of texts that are evidence: no argument takes them away */
    uint8_t begins[8192];  /* a bit for each two bytes that a word begins with */
    struct trn_buf folded, out;
    struct trn_evidence_counts counts;
    bool sealed;
};

/* Too short ones are left alone: one letter is no name. 0, -ENOMEM, -E2BIG. */
int trn_private_add(struct trn_redactor *r, struct trn_str text, enum trn_private kind) TRN_MUST_CHECK;
void trn_private_keep(struct trn_redactor *r, struct trn_str evidence);
/* Homes in a text, and whose they are. */
int trn_private_learn(struct trn_redactor *r, struct trn_str text) TRN_MUST_CHECK;
/* Like trn_redact_text, for a path or a name: what looks like an argument in it is evidence. */
int trn_redact_name(struct trn_redactor *r, struct trn_str *text, struct trn_arena *arena) TRN_MUST_CHECK;

#endif
