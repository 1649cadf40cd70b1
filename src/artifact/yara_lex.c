/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of a rule file, and where its rules, their conditions and its imports stand.
 * Must not: judge: what it does not understand is -EBADMSG, and the file is then used as it is.
 */
#include "artifact/yara_lex.h"

#include <ctype.h>

#define TOKENS_MAX (8u << 20)

struct lex {
    struct trn_yara_parsed *p;
    const char *s;
    uint32_t at, n;
};

/* Room for one more of each bytes in *list. */
static int room(void **list, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 64;
    void *bigger = reallocarray(*list, more, each);
    if (!bigger)
        return -ENOMEM;
    *list = bigger;
    *cap = more;
    return 0;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool next_is(const struct lex *l, const char *what)
{
    size_t n = strlen(what);
    return l->n - l->at >= n && memcmp(l->s + l->at, what, n) == 0;
}

/* White space and comments. False: a comment that does not end. */
static bool skip_space(struct lex *l)
{
    while (l->at < l->n) {
        if (isspace((unsigned char)l->s[l->at])) {
            l->at++;
        } else if (next_is(l, "//")) {
            const char *end = memchr(l->s + l->at, '\n', l->n - l->at);
            l->at = end ? (uint32_t)(end - l->s) : l->n;
        } else if (next_is(l, "/*")) {
            const char *end = memmem(l->s + l->at + 2, l->n - l->at - 2, "*/", 2);
            if (!end)
                return false;
            l->at = (uint32_t)(end - l->s) + 2;
        } else {
            return true;
        }
    }
    return true;
}

/* "..." or /.../ with \ before what does not end it; l->at stands behind it. */
static bool skip_quoted(struct lex *l, char quote)
{
    for (l->at++; l->at < l->n && l->s[l->at] != '\n'; l->at++) {
        if (l->s[l->at] == '\\') {
            l->at++;
        } else if (l->s[l->at] == quote) {
            l->at++;
            return true;
        }
    }
    return false;
}

static uint64_t number_of(struct trn_str text)
{
    uint64_t unit = 1, v;
    if (trn_str_ends(text, TRN_STR("KB")))
        unit = 1024;
    else if (trn_str_ends(text, TRN_STR("MB")))
        unit = 1024 * 1024;
    text = trn_str_slice(text, 0, text.n - (unit > 1 ? 2 : 0));
    if (trn_str_u64(text, &v) < 0 || __builtin_mul_overflow(v, unit, &v))
        return UINT64_MAX;
    return v;
}

static bool word(struct lex *l, struct trn_yara_token *t)
{
    static const char pairs[][3] = {"==", "!=", "<=", ">=", "..", "<<", ">>"};
    char c = l->s[l->at];
    if (is_word(c) || strchr("$#@!", c)) {
        t->kind = isdigit((unsigned char)c) ? TRN_YARA_NUMBER : is_word(c) ? TRN_YARA_IDENT : TRN_YARA_STRING;
        if (c == '!' && l->at + 1 < l->n && l->s[l->at + 1] == '=')
            t->kind = TRN_YARA_PUNCT;
        else
            for (l->at++; l->at < l->n && is_word(l->s[l->at]);)
                l->at++;
        if (t->kind == TRN_YARA_NUMBER)
            t->value = number_of((struct trn_str){l->s + t->at, l->at - t->at});
        if (t->kind != TRN_YARA_PUNCT)
            return true;
    }
    if (c == '"' || c == '/') {
        t->kind = TRN_YARA_TEXT;
        if (!skip_quoted(l, c))
            return false;
        while (c == '/' && l->at < l->n && (l->s[l->at] == 'i' || l->s[l->at] == 's'))
            l->at++;
        return true;
    }
    t->kind = TRN_YARA_PUNCT;
    t->op = (uint8_t)c;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(pairs); i++)
        if (next_is(l, pairs[i]))
            t->op = TRN_YARA_OP((uint8_t)pairs[i][0], (uint8_t)pairs[i][1]);
    l->at += t->op > 255 ? 2 : 1;
    return true;
}

/* The next word as a new last token; 0 at the end of the text, 1, or negative. */
static int next(struct lex *l)
{
    struct trn_yara_parsed *p = l->p;
    if (!skip_space(l))
        return -EBADMSG;
    if (l->at == l->n)
        return 0;
    if (p->n_tokens >= TOKENS_MAX)
        return -EBADMSG;
    int e = room((void **)&p->tokens, p->n_tokens, &p->cap_tokens, sizeof(*p->tokens));
    if (e < 0)
        return e;
    struct trn_yara_token *t = &p->tokens[p->n_tokens];
    *t = (struct trn_yara_token){.at = l->at, .value = UINT64_MAX};
    if (!word(l, t))
        return -EBADMSG;
    t->n = l->at - t->at;
    p->n_tokens++;
    return 1;
}

struct trn_str trn_yara_token_text(const struct trn_yara_parsed *p, size_t i)
{
    return (struct trn_str){p->text.p + p->tokens[i].at, p->tokens[i].n};
}

static bool last_is(const struct lex *l, const char *what)
{
    return l->p->n_tokens > 0 && trn_str_eq_c(trn_yara_token_text(l->p, l->p->n_tokens - 1), what);
}

/* One word that must come. */
static int take(struct lex *l, const char *what)
{
    int e = next(l);
    if (e < 0)
        return e;
    return e == 1 && (!what || last_is(l, what)) ? 0 : -EBADMSG;
}

/* To the brace that ends a hex string; comments in it may hold braces. */
static bool skip_hex(struct lex *l)
{
    while (l->at < l->n && l->s[l->at] != '}') {
        uint32_t before = l->at++;
        if (l->s[before] == '/') {
            l->at = before;
            if (!skip_space(l))
                return false;
            l->at += l->at == before;
        }
    }
    return l->at < l->n;
}

/* Up to "condition" ":"; hex strings are skipped, their words are not ours. */
static int to_condition(struct lex *l)
{
    for (;;) {
        int e = take(l, NULL);
        if (e < 0)
            return e;
        if (last_is(l, "condition")) {
            if (!skip_space(l))
                return -EBADMSG;
            if (next_is(l, ":"))
                return take(l, ":");
        } else if (last_is(l, "=")) {
            if (!skip_space(l))
                return -EBADMSG;
            if (next_is(l, "{") && !skip_hex(l))
                return -EBADMSG;
        } else if (last_is(l, "{")) {
            return -EBADMSG;
        }
    }
}

static int rule(struct lex *l, uint32_t from, bool global)
{
    struct trn_yara_parsed *p = l->p;
    int e = room((void **)&p->rules, p->n_rules, &p->cap_rules, sizeof(*p->rules));
    if (e == 0)
        e = take(l, NULL);
    if (e < 0)
        return e;
    struct trn_yara_rule_text r = {.from = from, .global = global, .name = trn_yara_token_text(p, p->n_tokens - 1)};
    while (e == 0 && !last_is(l, "{"))
        e = take(l, NULL);
    if (e == 0)
        e = to_condition(l);
    r.condition = (uint32_t)p->n_tokens;
    while (e == 0 && (e = take(l, NULL)) == 0 && !last_is(l, "}"))
        if (last_is(l, "{"))
            e = -EBADMSG;
    r.condition_end = (uint32_t)p->n_tokens - 1;
    r.to = l->at;
    if (e == 0)
        p->rules[p->n_rules++] = r;
    return e;
}

static int import(struct lex *l, uint32_t from)
{
    struct trn_yara_parsed *p = l->p;
    int e = room((void **)&p->imports, p->n_imports, &p->cap_imports, sizeof(*p->imports));
    if (e == 0)
        e = take(l, NULL);
    if (e < 0)
        return e;
    struct trn_str quoted = trn_yara_token_text(p, p->n_tokens - 1);
    if (quoted.n < 2)
        return -EBADMSG;
    p->imports[p->n_imports++] = (struct trn_yara_import){from, l->at, trn_str_slice(quoted, 1, quoted.n - 2)};
    return 0;
}

int trn_yara_lex(struct trn_str text, struct trn_yara_parsed *ret)
{
    struct lex l = {.p = ret, .s = text.p, .n = (uint32_t)text.n};
    uint32_t from = UINT32_MAX;
    bool global = false;
    int e;
    *ret = (struct trn_yara_parsed){.text = text};
    if (text.n > UINT32_MAX / 2)
        return -EBADMSG;
    while ((e = next(&l)) == 1) {
        if (from == UINT32_MAX)
            from = ret->tokens[ret->n_tokens - 1].at;
        if (last_is(&l, "private") || last_is(&l, "global")) {
            global = global || last_is(&l, "global");
            continue;
        }
        e = last_is(&l, "rule") ? rule(&l, from, global) : last_is(&l, "import") ? import(&l, from) : -EBADMSG;
        if (e < 0)
            return e;
        from = UINT32_MAX;
        global = false;
    }
    return e;
}

void trn_yara_parsed_done(struct trn_yara_parsed *p)
{
    free(p->tokens);
    free(p->rules);
    free(p->imports);
}
