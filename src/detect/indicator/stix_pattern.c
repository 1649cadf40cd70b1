/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what can be looked up of one STIX 2.1 pattern: comparisons (= and IN) of file hashes, domain names, addresses
 * and URLs, joined by OR. Where AND narrows a comparison, only a SHA-256 is taken: it says all by itself; an address
 * without its port would match more than was meant. Must not: guess at what it does not understand; it says so.
 */
#include "detect/indicator/indicator.h"

#define VALUES_MAX 64
#define TOKENS_MAX 4096

enum token_kind { T_END, T_WORD, T_STRING, T_OPEN, T_CLOSE, T_COMMA, T_EQUAL, T_LEFT, T_RIGHT, T_BAD };

struct token {
    enum token_kind kind;
    struct trn_str text; /* WORD: as written; STRING: without quotes, escapes still in */
};

struct comparison {
    bool known, negated;
    enum trn_indicator_kind kind;
    struct trn_str values[VALUES_MAX];
    uint32_t n_values;
};

struct parser {
    struct trn_str rest;
    const struct trn_indicator_sink *sink;
    struct trn_str note;
    uint64_t object;
    uint32_t tokens, taken;
    bool dry;              /* first pass: is it understood to its end? nothing is handed on */
    bool brackets, joined; /* round brackets; AND */
    const char *why;       /* of what was passed over */
};

static bool word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == ':' || c == '.';
}

static size_t string_end(struct trn_str s) /* s starts with the quote; index of the closing one, or s.n */
{
    size_t i = 1;
    while (i < s.n && s.p[i] != s.p[0])
        i += s.p[i] == '\\' ? 2 : 1;
    return TRN_MIN(i, s.n);
}

/* An object path is one word, with its quoted parts: file:hashes.'SHA-256'. */
static struct token word(struct parser *p)
{
    size_t n = 0;
    while (n < p->rest.n) {
        if (word_byte(p->rest.p[n])) {
            n++;
        } else if (p->rest.p[n] == '\'' && n && p->rest.p[n - 1] == '.') {
            n += string_end(trn_str_slice(p->rest, n, p->rest.n)) + 1;
        } else if (p->rest.p[n] == '[' && n) { /* an index: list[*] */
            while (n < p->rest.n && p->rest.p[n] != ']')
                n++;
            n++;
        } else {
            break;
        }
    }
    struct token t = {n && n <= p->rest.n ? T_WORD : T_BAD, trn_str_slice(p->rest, 0, n)};
    p->rest = trn_str_slice(p->rest, n, p->rest.n);
    return t;
}

static struct token next(struct parser *p)
{
    static const char marks[] = "(),=[]";
    static const enum token_kind kinds[] = {T_OPEN, T_CLOSE, T_COMMA, T_EQUAL, T_LEFT, T_RIGHT};
    if (++p->tokens > TOKENS_MAX)
        return (struct token){T_BAD, TRN_STR_NONE};
    p->rest = trn_str_trim(p->rest);
    if (p->rest.n == 0)
        return (struct token){T_END, TRN_STR_NONE};
    char c = p->rest.p[0];
    const char *mark = c ? strchr(marks, c) : NULL;
    if (mark) {
        p->rest = trn_str_slice(p->rest, 1, p->rest.n);
        return (struct token){kinds[mark - marks], TRN_STR_NONE};
    }
    if (c == '\'') {
        size_t end = string_end(p->rest);
        struct token t = {end < p->rest.n ? T_STRING : T_BAD, trn_str_slice(p->rest, 1, end - 1)};
        p->rest = trn_str_slice(p->rest, end + 1, p->rest.n);
        return t;
    }
    return word(p);
}

static struct token peek(const struct parser *p)
{
    struct parser ahead = *p;
    return next(&ahead);
}

static bool is(struct token t, const char *keyword)
{
    return t.kind == T_WORD && t.text.n == strlen(keyword) && trn_glob(trn_str_of(keyword), t.text, true);
}

static bool object_kind(struct trn_str path, enum trn_indicator_kind *ret)
{
    static const struct {
        const char *path;
        enum trn_indicator_kind kind;
    } table[] = {
        {"file:hashes.'SHA-256'", TRN_IND_SHA256},
        {"file:hashes.SHA256", TRN_IND_SHA256},
        {"file:hashes.'SHA256'", TRN_IND_SHA256},
        {"domain-name:value", TRN_IND_DOMAIN},
        {"ipv4-addr:value", TRN_IND_IP},
        {"ipv6-addr:value", TRN_IND_IP},
        {"url:value", TRN_IND_URL},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        if (path.n == strlen(table[i].path) && trn_glob(trn_str_of(table[i].path), path, true)) {
            *ret = table[i].kind;
            return true;
        }
    }
    return false;
}

/* PATH [NOT] = 'x'   PATH [NOT] IN ('x', 'y')   PATH OTHER-OPERATOR value (passed over) */
static bool comparison(struct parser *p, struct comparison *c)
{
    struct token path = next(p), operator= next(p);
    if (path.kind != T_WORD)
        return false;
    c->n_values = 0;
    c->known = object_kind(path.text, &c->kind);
    c->negated = is(operator, "NOT");
    if (c->negated)
        operator= next(p);
    if (is(operator, "IN") && peek(p).kind == T_OPEN) {
        next(p);
        for (struct token t = next(p); t.kind != T_CLOSE; t = next(p)) {
            if (t.kind != T_STRING && t.kind != T_COMMA && t.kind != T_WORD)
                return false;
            if (t.kind == T_STRING && c->n_values < VALUES_MAX)
                c->values[c->n_values++] = t.text;
        }
        return true;
    }
    struct token value = next(p);
    if (operator.kind == T_EQUAL && value.kind == T_STRING) {
        c->values[c->n_values++] = value.text;
        return true;
    }
    /* ISSUBSET of a network is what a CIDR indicator means; other operators are not looked up. */
    if (is(operator, "ISSUBSET") && value.kind == T_STRING && c->known && c->kind == TRN_IND_IP) {
        c->values[c->n_values++] = value.text;
        return true;
    }
    c->known = false;
    return (operator.kind == T_WORD || operator.kind == T_EQUAL) && (value.kind == T_STRING || value.kind == T_WORD);
}

static int take(struct parser *p, const struct comparison *c)
{
    for (uint32_t i = 0; i < c->n_values; i++) {
        struct trn_buf plain;
        p->taken++;
        if (p->dry)
            continue;
        trn_buf_init(&plain, TRN_INDICATOR_VALUE_MAX);
        for (size_t k = 0; k < c->values[i].n; k++) {
            if (c->values[i].p[k] == '\\' && k + 1 < c->values[i].n)
                k++;
            trn_put(&plain, &c->values[i].p[k], 1);
        }
        int r = plain.bad ? trn_indicator_bad(p->sink, p->object, "a value is too long")
                          : trn_indicator_emit(p->sink, p->object, &c->kind, trn_buf_str(&plain), p->note);
        trn_buf_done(&plain);
        if (r)
            return r;
    }
    return 0;
}

/* Comparisons joined by AND; *ret_ok false: not understood. */
static int conjunction(struct parser *p, struct comparison *c, bool *ret_ok)
{
    struct comparison *hash = c + 1; /* the SHA-256 of the group, if any */
    bool have_hash = false, alone = true;
    for (;;) {
        *ret_ok = comparison(p, c);
        if (!*ret_ok)
            return 0;
        if (c->known && !c->negated && c->kind == TRN_IND_SHA256 && !have_hash) {
            *hash = *c;
            have_hash = true;
        }
        if (!is(peek(p), "AND"))
            break;
        next(p);
        alone = false;
        p->joined = true;
    }
    if (have_hash)
        return take(p, hash);
    if (alone && c->known && !c->negated)
        return take(p, c);
    p->why = alone ? "its comparison is of a kind that is not looked up" : "it joins comparisons by AND";
    return 0;
}

static int expression(struct parser *p, bool *ret_ok)
{
    TRN_AUTO(trn_freep) struct comparison *scratch = calloc(2, sizeof(*scratch));
    if (!scratch)
        return -ENOMEM;
    for (;;) {
        struct token t = peek(p);
        if (t.kind == T_LEFT || t.kind == T_OPEN) {
            p->brackets = p->brackets || t.kind == T_OPEN;
            next(p);
            continue;
        }
        int r = conjunction(p, scratch, ret_ok);
        if (r || !*ret_ok)
            return r;
        for (t = next(p); t.kind == T_RIGHT || t.kind == T_CLOSE; t = next(p))
            ;
        if (t.kind == T_END)
            return 0;
        *ret_ok = is(t, "OR");
        if (!*ret_ok)
            return 0;
    }
}

int trn_stix_pattern(struct trn_str pattern, struct trn_str note, uint64_t object,
                     const struct trn_indicator_sink *sink)
{
    struct parser look = {.rest = pattern, .sink = sink, .note = note, .object = object, .dry = true};
    struct parser p = {.rest = pattern, .sink = sink, .note = note, .object = object};
    bool ok = true;
    int r = expression(&look, &ok);
    if (r)
        return r;
    /* Brackets bind nothing while only OR joins; with AND in sight the meaning could be narrower than what is taken. */
    if (!ok || (look.brackets && look.joined))
        return trn_indicator_bad(sink, object, "the pattern is not understood");
    if (look.taken == 0)
        return trn_indicator_bad(sink, object, look.why ? look.why : "the pattern compares nothing");
    return expression(&p, &ok);
}
