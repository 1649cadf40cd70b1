/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that print a story share. Not for outsiders. */
#ifndef TRN_STORY_PRINT_H
#define TRN_STORY_PRINT_H

#include "story/internal.h"

size_t trn_print_columns(struct trn_str s);
void trn_print_pad(struct trn_buf *b, size_t have, size_t want);
/* s in lines of `room` columns, each further one indented; returns the columns of the last line. */
size_t trn_print_wrapped(struct trn_buf *b, struct trn_str s, size_t indent, size_t room);
bool trn_print_has_change(const struct trn_story *s);

/* ---- print_stages.c ---- */
void trn_print_stages(const struct trn_story *s, unsigned width, struct trn_buf *b);

#endif
