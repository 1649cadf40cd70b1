/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how small things look: colours, times, sizes, tables; the one place where the command line
 * escapes foreign text.
 * Must not: decide what is shown.
 */
#include "cli/render.h"

#include <time.h>

static const char *const CODES[] = {"", "\033[1m", "\033[2m", "\033[1;31m", "\033[33m", "\033[32m"};

const char *trn_colour_on(bool colour, enum trn_colour which)
{
    return colour ? CODES[which] : "";
}

const char *trn_colour_off(bool colour, enum trn_colour which)
{
    return colour && which != TRN_PLAIN ? "\033[0m" : "";
}

enum trn_colour trn_verdict_colour(struct trn_str name)
{
    enum trn_verdict v;
    if (trn_verdict_parse(name, &v) < 0)
        return TRN_PLAIN;
    return v == TRN_VERDICT_MALICIOUS ? TRN_RED : v == TRN_VERDICT_SUSPICIOUS ? TRN_YELLOW : TRN_PLAIN;
}

const json_t *trn_json_at(const json_t *o, const char *path)
{
    struct trn_str rest = trn_str_of(path), key;
    char name[64];
    while (o && trn_str_split(&rest, '.', &key)) {
        if (key.n >= sizeof(name))
            return NULL;
        memcpy(name, key.p, key.n);
        name[key.n] = '\0';
        o = json_object_get(o, name);
    }
    return o;
}

struct trn_str trn_json_text(const json_t *o, const char *path)
{
    const json_t *v = trn_json_at(o, path);
    return json_is_string(v) ? (struct trn_str){json_string_value(v), json_string_length(v)} : TRN_STR_NONE;
}

uint64_t trn_json_count(const json_t *o, const char *path)
{
    json_int_t v = json_integer_value(trn_json_at(o, path));
    return v > 0 ? (uint64_t)v : 0;
}

bool trn_json_true(const json_t *o, const char *path)
{
    return json_is_true(trn_json_at(o, path));
}

void trn_put_clock(struct trn_buf *out, struct trn_str iso, bool with_date)
{
    uint64_t wall;
    struct tm tm;
    char text[32];
    time_t t;
    if (trn_str_is_empty(iso) || trn_time_parse(iso, 0, &wall) < 0) {
        trn_escape(out, iso);
        return;
    }
    t = (time_t)(wall / TRN_NS_PER_SEC);
    if (localtime_r(&t, &tm) && strftime(text, sizeof(text), with_date ? "%d %b %H:%M:%S" : "%H:%M:%S", &tm) > 0)
        trn_put_c(out, text);
}

void trn_put_size(struct trn_buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 1000 && u + 1 < TRN_ARRAY_SIZE(units)) {
        v /= 1000;
        u++;
    }
    trn_put_fmt(out, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

void trn_put_software_json(struct trn_buf *out, const json_t *software)
{
    struct trn_str name = trn_json_text(software, "name"), version = trn_json_text(software, "version");
    if (trn_str_is_empty(name)) {
        trn_put_c(out, "unknown software");
        return;
    }
    trn_escape(out, name);
    if (!trn_str_is_empty(version)) {
        trn_put_c(out, " ");
        trn_escape(out, version);
    }
}

bool trn_print_warning(struct trn_cli *cli, const char *type, const json_t *payload)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    if (strcmp(type, "warning") != 0)
        return false;
    trn_buf_init(&b, 65536);
    trn_put_c(&b, "turncoat: ");
    trn_escape(&b, trn_json_text(payload, "message"));
    trn_put_c(&b, "\nhint: turncoat status tells more; what happened is in the live view and in the event log\n");
    trn_print(cli->err, &b);
    return true;
}

void trn_print_event_line(FILE *out, struct trn_arena *arena, const json_t *event)
{
    TRN_AUTO(trn_freep) char *text = json_dumps(event, JSON_COMPACT);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_event ev;
    trn_buf_init(&b, 1 << 20);
    trn_arena_reset(arena);
    if (!text || trn_event_from_json(trn_str_of(text), arena, &ev, NULL) < 0)
        return;
    trn_put_time_iso(&b, ev.wall_ns);
    struct trn_buf line;
    trn_buf_init(&line, 1 << 20);
    trn_put_clock(&line, trn_buf_str(&b), true);
    trn_put_c(&line, "  ");
    trn_event_describe(&ev, &line);
    trn_put_c(&line, "\n");
    trn_print(out, &line);
    trn_buf_done(&line);
}

void trn_print(FILE *out, struct trn_buf *b)
{
    if (b->n)
        (void)fwrite(b->p, 1, b->n, out);
    trn_buf_clear(b);
}

void trn_print_json(FILE *out, const json_t *value)
{
    /* ASCII: a C1 control or a bidi mark in a name would act on the terminal, in JSON too. */
    (void)json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    fputc('\n', out);
}

void trn_table_init(struct trn_table *t, const char *const *heads, size_t columns, unsigned right)
{
    *t = (struct trn_table){.heads = heads, .columns = columns, .right = right};
    trn_buf_init(&t->text, (size_t)64 << 20);
}

void trn_table_done(struct trn_table *t)
{
    trn_buf_done(&t->text);
}

void trn_table_row(struct trn_table *t, enum trn_colour colour)
{
    while (t->cells % t->columns)
        trn_table_cell(t, TRN_STR_NONE);
    trn_put_u8(&t->text, (uint8_t)(colour + 1));
    t->rows++;
}

void trn_table_cell(struct trn_table *t, struct trn_str text)
{
    trn_escape(&t->text, text);
    trn_put_u8(&t->text, 0);
    t->cells++;
}

void trn_table_number(struct trn_table *t, uint64_t v)
{
    trn_put_fmt(&t->text, "%llu", (unsigned long long)v);
    trn_put_u8(&t->text, 0);
    t->cells++;
}

/* Columns on a terminal, near enough: code points. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* One line, without blanks at its end. */
static void print_line(const struct trn_table *t, FILE *out, const char *const *cells, const size_t *width)
{
    size_t pad = 0; /* owed before the next text */
    for (size_t c = 0; c < t->columns; c++) {
        size_t own = width_of(cells[c]), rest = width[c] > own ? width[c] - own : 0;
        bool right = t->right & 1u << c;
        if (right)
            pad += rest;
        if (own) {
            fprintf(out, "%*s%s", (int)pad, "", cells[c]);
            pad = 0;
        }
        pad += (right ? 0 : rest) + 2;
    }
}

static void measure(const struct trn_table *t, size_t *width)
{
    const char *p = t->text.p;
    for (size_t c = 0; c < t->columns; c++)
        width[c] = t->heads ? width_of(t->heads[c]) : 0;
    for (size_t r = 0; r < t->rows; r++) {
        p++;
        for (size_t c = 0; c < t->columns; c++, p += strlen(p) + 1)
            width[c] = TRN_MAX(width[c], width_of(p));
    }
}

void trn_table_print(const struct trn_table *t, FILE *out, bool colour)
{
    size_t width[TRN_TABLE_COLUMNS];
    const char *cells[TRN_TABLE_COLUMNS];
    if (t->rows == 0 || t->text.bad || t->cells != t->rows * t->columns)
        return;
    measure(t, width);
    if (t->heads) {
        fputs(trn_colour_on(colour, TRN_DIM), out);
        print_line(t, out, t->heads, width);
        fprintf(out, "%s\n", trn_colour_off(colour, TRN_DIM));
    }
    const char *p = t->text.p;
    for (size_t r = 0; r < t->rows; r++) {
        enum trn_colour row = (enum trn_colour)(*p++ - 1);
        fputs(trn_colour_on(colour, row), out);
        for (size_t c = 0; c < t->columns; c++, p += strlen(p) + 1)
            cells[c] = p;
        print_line(t, out, cells, width);
        fprintf(out, "%s\n", trn_colour_off(colour, row));
    }
}
