/* SPDX-License-Identifier: Apache-2.0 */
/* What people see: small tables, colours, times and sizes; every foreign text escaped on its way. */
#ifndef TRN_CLI_RENDER_H
#define TRN_CLI_RENDER_H

#include "cli/cli.h"

#include <jansson.h>

enum trn_colour { TRN_PLAIN, TRN_BOLD, TRN_DIM, TRN_RED, TRN_YELLOW, TRN_GREEN };
const char *trn_colour_on(bool colour, enum trn_colour which); /* "" without colour */
const char *trn_colour_off(bool colour, enum trn_colour which);
enum trn_colour trn_verdict_colour(struct trn_str verdict_name);

/* Values out of answers: dotted path of keys; absent, 0 or false when it is not there. */
struct trn_str trn_json_text(const json_t *o, const char *path);
uint64_t trn_json_count(const json_t *o, const char *path);
bool trn_json_true(const json_t *o, const char *path);
const json_t *trn_json_at(const json_t *o, const char *path);

/* "HH:MM:SS" (or with the date) of an ISO time in the viewer's own zone; the text itself when it is none. */
void trn_put_clock(struct trn_buf *out, struct trn_str iso, bool with_date);
void trn_put_size(struct trn_buf *out, uint64_t bytes); /* "12.3 MB" */
/* "name version", or "unknown software". */
void trn_put_software_json(struct trn_buf *out, const json_t *software);
/* "23 Nov 07:01:02  exec /usr/bin/id (812)"; the arena is reset. */
/* A {"type":"warning"} line of an answer goes to cli->err; false when it is none. */
bool trn_print_warning(struct trn_cli *cli, const char *type, const json_t *payload);
void trn_print_event_line(FILE *out, struct trn_arena *arena, const json_t *event);
/* Writes a buffer to a stream and clears it. */
void trn_print(FILE *out, struct trn_buf *b);
/* One JSON text and a line end. */
void trn_print_json(FILE *out, const json_t *value);

#define TRN_TABLE_COLUMNS 8
struct trn_table {
    const char *const *heads; /* NULL: no head line */
    size_t columns;
    unsigned right; /* bit set of columns with numbers */
    size_t rows, cells;
    struct trn_buf text; /* per row a colour byte, per cell escaped text and NUL */
};
void trn_table_init(struct trn_table *t, const char *const *heads, size_t columns, unsigned right);
void trn_table_done(struct trn_table *t);
void trn_table_row(struct trn_table *t, enum trn_colour colour);
void trn_table_cell(struct trn_table *t, struct trn_str text); /* foreign text: escaped here */
void trn_table_number(struct trn_table *t, uint64_t v);
void trn_table_print(const struct trn_table *t, FILE *out, bool colour);

#endif
