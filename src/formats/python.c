/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: Python's tokens (language reference, 2). Must not own: indentation, a grammar, what names mean.
 * Hand-offs: views into the text.
 */
#include "formats/python.h"

void trn_py_begin(struct trn_py *p, struct trn_str text)
{
    *p = (struct trn_py){.text = text};
}

static uint8_t at(const struct trn_py *p, size_t i)
{
    return i < p->text.n ? (uint8_t)p->text.p[i] : 0;
}

static bool is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The quote stands at p->at. */
static void string(struct trn_py *p, struct trn_py_token *t)
{
    uint8_t quote = at(p, p->at);
    bool three = at(p, p->at + 1) == quote && at(p, p->at + 2) == quote;
    size_t width = three ? 3 : 1, from = p->at += width;
    for (; p->at < p->text.n; p->at++) {
        uint8_t c = at(p, p->at);
        if (c == '\\')
            p->at++;
        else if (c == '\n' && !three)
            break;
        else if (c == quote && (!three || (at(p, p->at + 1) == quote && at(p, p->at + 2) == quote)))
            break;
    }
    p->at = TRN_MIN(p->at, p->text.n);
    t->kind = TRN_PY_STRING;
    t->text = trn_str_slice(p->text, from, p->at - from);
    if (at(p, p->at) == quote)
        p->at += width;
    p->at = TRN_MIN(p->at, p->text.n);
}

static void name(struct trn_py *p, struct trn_py_token *t)
{
    size_t from = p->at;
    while (is_name(at(p, p->at)) || is_digit(at(p, p->at)))
        p->at++;
    t->kind = TRN_PY_NAME;
    t->text = trn_str_slice(p->text, from, p->at - from);
    uint8_t quote = at(p, p->at);
    if (t->text.n <= 2 && (quote == '"' || quote == '\'') && strchr("rRbBuUfF", t->text.p[0]))
        string(p, t); /* a prefix */
}

static void punct(struct trn_py *p, struct trn_py_token *t)
{
    uint8_t c = at(p, p->at);
    p->brackets += c == '(' || c == '[' || c == '{';
    if ((c == ')' || c == ']' || c == '}') && p->brackets)
        p->brackets--;
    t->kind = TRN_PY_PUNCT;
    t->text = trn_str_slice(p->text, p->at++, 1);
}

/* Space, comments, joined lines. True: the end of a line is next. */
static bool skip(struct trn_py *p)
{
    while (p->at < p->text.n) {
        uint8_t c = at(p, p->at);
        if (c == '#')
            while (p->at < p->text.n && at(p, p->at) != '\n')
                p->at++;
        else if (c == '\n' && !p->brackets)
            return true;
        else if (c == '\\' && at(p, p->at + 1) == '\n')
            p->at += 2;
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f')
            p->at++;
        else
            return false;
    }
    return false;
}

bool trn_py_next(struct trn_py *p, struct trn_py_token *ret)
{
    bool line = skip(p);
    *ret = (struct trn_py_token){.kind = TRN_PY_END, .at = p->at};
    if (p->at >= p->text.n)
        return false;
    uint8_t c = at(p, p->at);
    if (line) {
        ret->kind = TRN_PY_LINE;
        ret->text = trn_str_slice(p->text, p->at++, 1);
    } else if (is_name(c)) {
        name(p, ret);
    } else if (is_digit(c)) {
        size_t from = p->at;
        while (is_digit(at(p, p->at)) || is_name(at(p, p->at)) || at(p, p->at) == '.')
            p->at++;
        ret->kind = TRN_PY_NUMBER;
        ret->text = trn_str_slice(p->text, from, p->at - from);
    } else if (c == '"' || c == '\'') {
        string(p, ret);
    } else {
        punct(p, ret);
    }
    return true;
}
