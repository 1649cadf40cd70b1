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
void trn_print_clock(struct trn_buf *b, uint64_t wall_ns, uint64_t day_of); /* "23 Nov 07:01"; "07:01" on that day */
/* One line behind the title (only before the first), in the page's third column. */
void trn_print_line(struct trn_buf *b, const char *title, struct trn_str text, bool first, unsigned width);

/* ---- print_stages.c ---- */
void trn_print_stages(const struct trn_story *s, unsigned width, struct trn_buf *b);
uint64_t trn_print_zero(const struct trn_story *s); /* from when its times count */
void trn_print_when(struct trn_buf *b, uint64_t wall_ns, uint64_t zero, size_t want);

/* ---- print_actions.c ---- */
void trn_print_stopped(const struct trn_story *s, struct trn_buf *b); /* "not stopped (detect mode)"; "stopped: ..." */
/* "isolated acme-softphone=1.1, seen to hold, by user alice: a connection was refused" */
void trn_print_action(const struct trn_story *s, const struct trn_story_action *a, struct trn_buf *b);
void trn_print_actions(const struct trn_story *s, unsigned width, struct trn_buf *b);
/* Commands that fit this story and were not done yet; each may be pasted. */
void trn_print_respond(const struct trn_story *s, struct trn_buf *out);

#endif
