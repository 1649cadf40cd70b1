/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: cutting bytes into JSON objects. A file whose first line is a whole object has one a line, so a damaged line
 * costs that line; one that begins with a lone bracket (printed over several lines, or an array) is cut by counting
 * brackets. Must not own: parsing. A record over the limit is passed over in constant memory and told as too long.
 */
#include "ingest/internal.h"

void trn_records_init(struct trn_records *r)
{
    *r = (struct trn_records){.line = 1, .first_line = 1};
    trn_buf_init(&r->text, TRN_RECORD_MAX);
}

void trn_records_done(struct trn_records *r)
{
    trn_buf_done(&r->text);
}

static int give(struct trn_records *r, trn_record_fn *fn, void *ctx)
{
    struct trn_str text = trn_str_trim(trn_buf_str(&r->text));
    bool too_long = r->too_long || r->text.bad;
    int e = text.n || too_long ? fn(ctx, r->first_line, text, too_long) : 0;
    trn_buf_clear(&r->text);
    r->too_long = false;
    return e;
}

static void keep(struct trn_records *r, const char *p, size_t n)
{
    if (r->text.n + n > TRN_RECORD_MAX)
        r->too_long = true;
    if (!r->too_long)
        trn_put(&r->text, p, n);
}

static int by_line(struct trn_records *r, struct trn_str *bytes, trn_record_fn *fn, void *ctx)
{
    const char *end = memchr(bytes->p, '\n', bytes->n);
    size_t n = end ? (size_t)(end - bytes->p) : bytes->n;
    if (r->text.n == 0 && !r->too_long)
        r->first_line = r->line;
    keep(r, bytes->p, n);
    *bytes = trn_str_slice(*bytes, n + (end ? 1 : 0), bytes->n);
    if (!end)
        return 0;
    r->line++;
    return give(r, fn, ctx);
}

/* One byte of a file whose objects take several lines. */
static int by_bracket(struct trn_records *r, char c, trn_record_fn *fn, void *ctx)
{
    bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
    if (c == '\n')
        r->line++;
    if (r->depth == 0 && c != '{')
        return 0; /* between objects: white space, commas, the brackets of an array */
    if (r->depth == 0)
        r->first_line = r->line;
    keep(r, &c, 1);
    if (r->in_string) {
        r->in_string = r->escaped || c != '"';
        r->escaped = !r->escaped && c == '\\';
        return 0;
    }
    r->in_string = c == '"';
    r->depth += opens;
    r->depth -= closes;
    return closes && r->depth == 0 ? give(r, fn, ctx) : 0;
}

/* Looks at the first bytes that are not white space; false while there are too few. */
static bool begins(struct trn_records *r, struct trn_str *bytes)
{
    static const char bom[] = "\xef\xbb\xbf \t\r";
    while (bytes->n && (strchr(bom, bytes->p[0]) || bytes->p[0] == '\n')) {
        if (bytes->p[0] == '\0')
            break;
        r->line += bytes->p[0] == '\n';
        *bytes = trn_str_slice(*bytes, 1, bytes->n);
    }
    size_t i = 1;
    while (i < bytes->n && strchr(" \t\r", bytes->p[i]) && bytes->p[i])
        i++;
    if (i >= bytes->n && bytes->n < 64)
        return false;
    r->several_lines = bytes->p[0] == '[' || (bytes->p[0] == '{' && i < bytes->n && bytes->p[i] == '\n');
    return true;
}

int trn_records_feed(struct trn_records *r, struct trn_str bytes, trn_record_fn *fn, void *ctx)
{
    int e = 0;
    if (!r->began) {
        if (!begins(r, &bytes) && bytes.n)
            r->several_lines = false; /* so short a beginning: the next bytes decide nothing better */
        r->began = bytes.n > 0;
    }
    while (e == 0 && bytes.n) {
        if (!r->several_lines) {
            e = by_line(r, &bytes, fn, ctx);
            continue;
        }
        e = by_bracket(r, bytes.p[0], fn, ctx);
        bytes = trn_str_slice(bytes, 1, bytes.n);
    }
    return e;
}

int trn_records_end(struct trn_records *r, trn_record_fn *fn, void *ctx)
{
    return give(r, fn, ctx);
}
