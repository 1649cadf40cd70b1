/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a watch subscription as a person (or a program, with --json) reads them. */
#ifndef TRN_CLI_VIEW_H
#define TRN_CLI_VIEW_H

#include "cli/render.h"

struct trn_view {
    struct trn_cli *cli;
    FILE *to;
    bool colour, json;
    enum trn_verdict worst; /* of the stories seen */
    uint64_t findings, stories, losses;
    struct trn_arena *arena;
    struct trn_map *said; /* story id -> verdict last shown, so that each change is one line */
};

int trn_view_init(struct trn_view *v, struct trn_cli *cli, FILE *to, bool colour, bool json) TRN_MUST_CHECK;
void trn_view_done(struct trn_view *v);
void trn_view_line(struct trn_view *v, const char *type, json_t *payload);

#endif
