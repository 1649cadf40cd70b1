/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that word a story share. Not for outsiders. */
#ifndef TRN_STORY_WORDS_H
#define TRN_STORY_WORDS_H

#include "story/internal.h"

bool trn_words_is(const struct trn_finding *f, const char *id); /* of this check */
/* Name of whose data it is; the other end of a contact. */
void trn_words_owner(struct trn_buf *b, const struct trn_finding *f);
void trn_words_place(struct trn_buf *b, const struct trn_finding *f);

struct trn_lines {
    struct trn_str *lines;
    uint32_t *n;
    struct trn_arena *a;
    bool failed;
};
/* What b holds becomes a line, each once; b is empty then. */
void trn_lines_add(struct trn_lines *l, struct trn_buf *b);

int trn_words_why(const struct trn_stories *s, const struct trn_case *c, struct trn_buf *b) TRN_MUST_CHECK;
int trn_words_benign(struct trn_story *st, struct trn_arena *a, struct trn_buf *b) TRN_MUST_CHECK;

#endif
