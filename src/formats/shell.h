/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell script as simple commands: words with their quotes taken off, which of them a pipe joins, what is written to a file.
 * Bounded and forgiving: what a shell would refuse gives commands that mean little. Commands inside $( ), ` ` and <( ) come
 * before the one they stand in, which says so.
 */
#ifndef TRN_FORMATS_SHELL_H
#define TRN_FORMATS_SHELL_H

#include "base/base.h"

#define TRN_SHELL_WORDS 48u
#define TRN_SHELL_DEPTH 8u
#define TRN_SHELL_COMMANDS 100000u

struct trn_shell_word {
    struct trn_str text;  /* quotes and backslashes taken off; a substitution inside is left out */
    bool substitution;    /* holds $( ), ` ` or <( ) */
    uint32_t first, last; /* numbers of the commands in it, when it has some: [first, last) */
};

struct trn_shell_command {
    uint32_t number;   /* from 0, in the order told */
    uint32_t pipeline; /* commands of one pipeline have the same */
    uint32_t position; /* in it, from 0 */
    uint32_t depth;    /* of substitutions it stands in */
    size_t at;         /* where it begins */
    uint32_t line;     /* from 1 */
    struct trn_shell_word words[TRN_SHELL_WORDS];
    uint32_t n_words;        /* assignments in front and redirections are not among them */
    struct trn_str output;   /* > file; absent: none */
    bool input;              /* < file or here-document or here-string */
    struct trn_str here;     /* text of a here-string; absent: none */
    struct trn_str assigned; /* NAME of NAME=word in front, when there is no command; its value is words[0] */
};

/* Calls fn with each command; it says false to end. Texts are the arena's and stay until it dies. 0, -ENOMEM, or -EFBIG after
 * TRN_SHELL_COMMANDS. */
int trn_shell_parse(struct trn_str text, struct trn_arena *a, bool (*fn)(void *ctx, const struct trn_shell_command *c),
                    void *ctx) TRN_MUST_CHECK;

#endif
