/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: indicator lists as text lines: "kind,value[,note]", a bare value, a header that names the columns, # comments.
 * A bad line is told with its number and skipped. Must not: keep anything between calls.
 */
#include "detect/indicator/indicator.h"

#define LINE_MAX_BYTES 8192
#define COLUMNS 24
#define NONE (-1)

struct columns {
    int kind, value, note; /* NONE: not there */
};

struct line {
    struct trn_str fields[COLUMNS];
    int n;
};

/* One field from *rest; a quoted one is copied unquoted into out. false: a quote without end. */
static bool field(struct trn_str *rest, char separator, struct trn_buf *out, size_t *ret_from, size_t *ret_n)
{
    size_t i = 0;
    *ret_from = out->n;
    while (i < rest->n && rest->p[i] == ' ')
        i++;
    if (i < rest->n && rest->p[i] == '"') {
        for (i++; i < rest->n; i++) {
            if (rest->p[i] != '"')
                trn_put(out, &rest->p[i], 1);
            else if (i + 1 < rest->n && rest->p[i + 1] == '"')
                trn_put(out, &rest->p[i++], 1);
            else
                break;
        }
        if (i == rest->n)
            return false;
        i++;
        while (i < rest->n && rest->p[i] != separator)
            i++;
    } else {
        for (; i < rest->n && rest->p[i] != separator; i++)
            trn_put(out, &rest->p[i], 1);
    }
    *ret_n = out->n - *ret_from;
    *rest = i < rest->n ? trn_str_slice(*rest, i + 1, rest->n) : TRN_STR_NONE;
    return true;
}

static const char *split(struct trn_str text, struct trn_buf *out, struct line *ret)
{
    size_t from[COLUMNS], n[COLUMNS];
    char separator = trn_str_find(text, ',') >= 0 ? ',' : trn_str_find(text, '\t') >= 0 ? '\t' : ';';
    trn_buf_clear(out);
    ret->n = 0;
    while (text.p && ret->n < COLUMNS) {
        if (!field(&text, separator, out, &from[ret->n], &n[ret->n]))
            return "a quote has no end";
        ret->n++;
    }
    if (out->bad)
        return "the line is too long";
    for (int i = 0; i < ret->n; i++)
        ret->fields[i] = trn_str_trim(trn_str_slice(trn_buf_str(out), from[i], n[i]));
    return NULL;
}

static bool is_word(struct trn_str s, const char *const *words)
{
    for (; *words; words++)
        if (s.n == strlen(*words) && trn_glob(trn_str_of(*words), s, true))
            return true;
    return false;
}

/* A first line such as "type,indicator,description" says which column is what. */
static bool header(const struct line *l, struct columns *ret)
{
    static const char *const kinds[] = {"kind", "type", "indicator_type", "indicator type", "ioc_type", NULL};
    static const char *const values[] = {"value", "indicator", "ioc", "ioc_value", "observable", NULL};
    static const char *const notes[] = {"note", "description", "comment", "name", "title", NULL};
    struct columns c = {NONE, NONE, NONE};
    for (int i = 0; i < l->n; i++) {
        if (c.kind == NONE && is_word(l->fields[i], kinds))
            c.kind = i;
        else if (c.value == NONE && is_word(l->fields[i], values))
            c.value = i;
        else if (c.note == NONE && is_word(l->fields[i], notes))
            c.note = i;
    }
    if (c.value == NONE)
        return false;
    *ret = c;
    return true;
}

static struct trn_str at(const struct line *l, int column)
{
    return column >= 0 && column < l->n ? l->fields[column] : TRN_STR_NONE;
}

static int row(const struct line *l, const struct columns *c, uint64_t number, const struct trn_indicator_sink *sink)
{
    enum trn_indicator_kind kind;
    if (c) {
        if (c->kind != NONE && !trn_indicator_kind_parse(at(l, c->kind), &kind))
            return trn_indicator_bad(sink, number, "the kind is not one of sha256, domain, ip, url");
        return trn_indicator_emit(sink, number, c->kind == NONE ? NULL : &kind, at(l, c->value), at(l, c->note));
    }
    if (l->n >= 2 && trn_indicator_kind_parse(l->fields[0], &kind))
        return trn_indicator_emit(sink, number, &kind, l->fields[1], at(l, 2));
    return trn_indicator_emit(sink, number, NULL, l->fields[0], at(l, 1));
}

int trn_indicators_parse_csv(struct trn_str content, const struct trn_indicator_sink *sink)
{
    struct trn_cursor in = trn_cur_of(content);
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    struct columns columns = {NONE, NONE, NONE};
    bool first = true, named = false;
    uint64_t number = 0;
    trn_buf_init(&out, LINE_MAX_BYTES);
    for (struct trn_str text = trn_cur_line(&in); text.p; text = trn_cur_line(&in)) {
        struct line l;
        int r = 0;
        number++;
        if (number == 1 && trn_str_starts(text, TRN_STR("\xef\xbb\xbf")))
            text = trn_str_slice(text, 3, text.n);
        text = trn_str_trim(text);
        if (text.n == 0 || text.p[0] == '#')
            continue;
        const char *why = text.n > LINE_MAX_BYTES ? "the line is too long" : split(text, &out, &l);
        if (why)
            r = trn_indicator_bad(sink, number, why);
        else if (first && header(&l, &columns))
            named = true;
        else
            r = row(&l, named ? &columns : NULL, number, sink);
        first = false;
        if (r)
            return r;
    }
    return 0;
}
