/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of behaviour.hands-on-keyboard share. Inside src/detect/behaviour only. */
#ifndef TRN_DETECT_HANDS_H
#define TRN_DETECT_HANDS_H

#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

#define TRN_HANDS_COMMANDS 14
#define TRN_HANDS_GAPS 16
#define TRN_HANDS_TEXT 31
#define TRN_HANDS_MANY 3 /* different commands that look around */

/* Where a shell has its commands from; later ones say more. */
enum trn_shell_how {
    TRN_SHELL_NONE = 0, /* no shell in between */
    TRN_SHELL_ORDERS,   /* its arguments, a script, a file */
    TRN_SHELL_UNTOLD,   /* it waits for them; the recording does not say where from */
    TRN_SHELL_TERMINAL,
    TRN_SHELL_FED,     /* a pipe or a socket within this machine */
    TRN_SHELL_NETWORK, /* a connection: input and output */
    TRN_SHELL_MAX,
};

struct trn_hands_command {
    uint64_t boot_ns, seq;
    uint8_t n;
    char text[TRN_HANDS_TEXT]; /* "id", "cat /etc/passwd": words of our table */
};

/* What was run below one shell that waits for commands, or below one software. */
struct trn_hands {
    uint64_t key;   /* of the row: the shell's entity, or the software's root mixed */
    uint64_t root;  /* who acts: trn_root_of */
    uint64_t shell; /* entity of the shell; 0: none */
    uint64_t shell_seq, shell_boot_ns;
    uint64_t first_seq;                 /* names the finding */
    uint64_t last_entity, last_boot_ns; /* of the latest command */
    struct trn_novelty novelty;         /* of the shell, else of a command, for this software */
    bool has_novelty, network, placed;  /* placed: the software is a file that another program put there */
    uint8_t how;                        /* enum trn_shell_how */
    uint32_t runs, others;              /* commands that look around, and that do not, in this burst */
    uint32_t n, told;                   /* different ones; how many the last telling named */
    uint16_t told_score;
    uint32_t gaps_ms[TRN_HANDS_GAPS]; /* from the end of one to the start of the next; the latest */
    uint32_t n_gaps;
    uint8_t n_name, n_stdio;
    char name[TRN_HANDS_TEXT], stdio[64]; /* "sh"; "pipe, null, null" */
    struct trn_hands_command commands[TRN_HANDS_COMMANDS];
};

/* ---- hands_row.c ---- */
struct trn_map *trn_hands_rows_new(void) TRN_MUST_CHECK; /* key -> struct trn_hands *, oldest first */
struct trn_map *trn_hands_rows_free(struct trn_map *rows);
/* Found or made. */
int trn_hands_row(struct trn_map *rows, const struct trn_detect_ctx *ctx, const struct trn_event *ev, uint64_t key,
                  struct trn_hands **ret) TRN_MUST_CHECK;
int trn_hands_forget(struct trn_map *rows, const struct trn_detect_ctx *ctx, const struct trn_event *because,
                     uint64_t key) TRN_MUST_CHECK;
int trn_hands_remember(const struct trn_detect_ctx *ctx, const struct trn_event *ev, const struct trn_hands *row)
    TRN_MUST_CHECK;
int trn_hands_restore(struct trn_map *rows, const struct trn_event *ev) TRN_MUST_CHECK;
/* At most max bytes of from; how many. */
uint8_t trn_hands_keep(char *to, size_t max, struct trn_str from);

/* ---- hands_shell.c: of an exec of a shell ---- */
enum trn_shell_how trn_shell_how_of(const struct trn_event *ev, bool *ret_network);
/* "dash", "dash on a terminal": a habit of the one is none of the other. */
struct trn_str trn_shell_feature(struct trn_str name, enum trn_shell_how how, struct trn_buf *b);
/* As people know it: "sh" where dash was started by that name. out has TRN_TEMPLATE_MAX bytes. */
struct trn_str trn_shell_name(const struct trn_event *ev, char *out);

/* ---- hands_judge.c ---- */
/* 0: nothing to tell. starter: who acts. */
uint16_t trn_hands_weigh(const struct trn_hands *h, const struct trn_software *s, const char **ret_why);
int trn_hands_tell(const struct trn_detect_ctx *ctx, const struct trn_hands *h, const struct trn_entity *e,
                   const struct trn_entity *starter, const struct trn_event *ev, uint16_t score, const char *why)
    TRN_MUST_CHECK;

#endif
