/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: known words in any content, found by looking at every fifth place only. */
#ifndef TRN_ARTIFACT_FEATURE_TEXT_H
#define TRN_ARTIFACT_FEATURE_TEXT_H

#include "base/base.h"

#define TRN_TEXT_WORDS_LEAST 8u /* bytes of the shortest word: five places in it have four bytes each */
#define TRN_TEXT_WORDS_STEP 5u

struct trn_text_word {
    const char *class, *text; /* class: key of the feature; text: in lower case */
};
extern const struct trn_text_word trn_text_words[];
extern const size_t trn_text_words_count; /* at most 128 */

/* Which words stand somewhere: asked of every fifth place, in one byte a letter and in UTF-16, whatever the case. */
struct trn_word_table;
struct trn_word_table *trn_word_table_new(struct trn_arena *a) TRN_MUST_CHECK; /* NULL: no memory */
/* Calls fn for each word that begins before or at and reaches behind one of the places from, from + 5, ... below to. p has n
 * bytes; at: where in p the word begins. */
void trn_word_table_scan(const struct trn_word_table *t, const uint8_t *p, size_t n, size_t from, size_t to,
                         void (*fn)(void *ctx, size_t word, size_t at), void *ctx);

#endif
