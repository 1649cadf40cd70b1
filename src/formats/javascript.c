/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: JavaScript's tokens: strings, templates, regular expressions told from divisions by what stands before.
 * Must not own: a grammar, what tokens mean. Hand-offs: views into the text.
 */
#include "formats/javascript.h"

#define VAIN_MAX (64u << 20) /* each '/' of a line without end could be followed to that end */

enum class { OTHER = 0, SPACE, NAME, DIGIT, QUOTE };

static const uint8_t classes[256] = {
    [' '] = SPACE,          ['\t'] = SPACE,        ['\n'] = SPACE,       ['\r'] = SPACE, ['\f'] = SPACE,
    ['\v'] = SPACE,         ['a' ... 'z'] = NAME,  ['A' ... 'Z'] = NAME, ['_'] = NAME,   ['$'] = NAME,
    [0x80 ... 0xff] = NAME, ['0' ... '9'] = DIGIT, ['"'] = QUOTE,        ['\''] = QUOTE, ['`'] = QUOTE,
};

void trn_js_begin(struct trn_js *j, struct trn_str text)
{
    *j = (struct trn_js){.text = text};
    if (trn_str_starts(text, TRN_STR("#!"))) {
        ptrdiff_t end = trn_str_find(text, '\n');
        j->at = end < 0 ? text.n : (size_t)end;
    }
}

static uint8_t at(const struct trn_js *j, size_t i)
{
    return i < j->text.n ? (uint8_t)j->text.p[i] : 0;
}

static size_t find_from(const struct trn_js *j, size_t from, char c)
{
    const char *q = from < j->text.n ? memchr(j->text.p + from, c, j->text.n - from) : NULL;
    return q ? (size_t)(q - j->text.p) : j->text.n;
}

static size_t comment_end(const struct trn_js *j)
{
    if (at(j, j->at + 1) == '/')
        return find_from(j, j->at, '\n');
    for (size_t i = j->at + 2; (i = find_from(j, i, '*')) < j->text.n; i++)
        if (at(j, i + 1) == '/')
            return i + 2;
    return j->text.n;
}

static void skip_space(struct trn_js *j)
{
    while (j->at < j->text.n) {
        uint8_t c = at(j, j->at);
        if (classes[c] == SPACE)
            j->at++;
        else if (c == '/' && (at(j, j->at + 1) == '/' || at(j, j->at + 1) == '*'))
            j->at = comment_end(j);
        else
            return;
    }
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* \x41 and \u0041 at i (the backslash). */
static void count_escape(const struct trn_js *j, size_t i, struct trn_js_token *t)
{
    uint8_t kind = at(j, i + 1);
    int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 0, v = 0;
    for (int k = 0; k < digits; k++) {
        int d = digit(at(j, i + 2 + (size_t)k));
        if (d < 0)
            return;
        v = v * 16 + d;
    }
    t->escapes += digits > 0;
    t->plain_escapes += digits > 0 && ((v >= '0' && v <= '9') || (v >= 'A' && v <= 'Z') || (v >= 'a' && v <= 'z'));
}

static void string(struct trn_js *j, struct trn_js_token *t)
{
    uint8_t quote = at(j, j->at);
    size_t from = ++j->at;
    for (; j->at < j->text.n; j->at++) {
        uint8_t c = at(j, j->at);
        if (c == quote || c == '\n')
            break;
        if (c == '\\') {
            count_escape(j, j->at, t);
            j->at += at(j, j->at + 1) == '\r' ? 2 : 1;
        }
    }
    j->at = TRN_MIN(j->at, j->text.n);
    t->kind = TRN_JS_STRING;
    t->text = trn_str_slice(j->text, from, j->at - from);
    j->at += j->at < j->text.n;
    j->divides = true;
}

/* From behind a ` or behind the } that closes a ${. */
static void template_part(struct trn_js *j, struct trn_js_token *t)
{
    size_t from = j->at;
    t->kind = TRN_JS_TEMPLATE;
    for (; j->at < j->text.n; j->at++) {
        uint8_t c = at(j, j->at);
        if (c == '`' || (c == '$' && at(j, j->at + 1) == '{' && j->depth < TRN_JS_TEMPLATES))
            break;
        if (c == '\\') {
            count_escape(j, j->at, t);
            j->at++;
        }
    }
    j->at = TRN_MIN(j->at, j->text.n);
    t->text = trn_str_slice(j->text, from, j->at - from);
    if (at(j, j->at) == '$') {
        j->braces[j->depth++] = 0;
        j->at += 2;
        j->divides = false;
    } else {
        j->at += j->at < j->text.n;
        j->divides = true;
    }
}

static bool regex(struct trn_js *j, struct trn_js_token *t)
{
    bool set = false;
    size_t i = j->at + 1;
    if (j->vain > VAIN_MAX)
        return false;
    for (;; i++) {
        uint8_t c = at(j, i);
        if (i >= j->text.n || c == '\n') {
            j->vain += i - j->at;
            return false;
        }
        if (c == '\\')
            i++;
        else if (c == '[')
            set = true;
        else if (c == ']')
            set = false;
        else if (c == '/' && !set)
            break;
    }
    for (i++; classes[at(j, i)] == NAME; i++)
        continue;
    t->kind = TRN_JS_REGEX;
    t->text = trn_str_slice(j->text, j->at, i - j->at);
    j->at = i;
    j->divides = true;
    return true;
}

/* Words behind which an expression begins. */
static bool expects_value(struct trn_str w)
{
    static const char *const words[] = {"return", "typeof", "case", "in", "of",         "delete", "void",
                                        "throw",  "new",    "else", "do", "instanceof", "await",  "yield"};
    if (w.n < 2 || w.n > 10)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++)
        if (w.p[0] == words[i][0] && trn_str_eq_c(w, words[i]))
            return true;
    return false;
}

static void name(struct trn_js *j, struct trn_js_token *t)
{
    size_t from = j->at++;
    while (classes[at(j, j->at)] == NAME || classes[at(j, j->at)] == DIGIT)
        j->at++;
    t->kind = TRN_JS_NAME;
    t->text = trn_str_slice(j->text, from, j->at - from);
    j->divides = !expects_value(t->text);
}

static void number(struct trn_js *j, struct trn_js_token *t)
{
    size_t from = j->at++;
    for (;; j->at++) {
        uint8_t c = at(j, j->at), before = at(j, j->at - 1);
        bool exponent = (c == '+' || c == '-') && (before == 'e' || before == 'E') && at(j, from + 1) != 'x';
        if (classes[c] != DIGIT && classes[c] != NAME && c != '.' && !exponent)
            break;
    }
    t->kind = TRN_JS_NUMBER;
    t->text = trn_str_slice(j->text, from, j->at - from);
    j->divides = true;
}

static void punct(struct trn_js *j, struct trn_js_token *t)
{
    uint8_t c = at(j, j->at);
    size_t n = c == '=' && at(j, j->at + 1) == '>' ? 2 : 1;
    if (j->depth && c == '{')
        j->braces[j->depth - 1]++;
    if (j->depth && c == '}') {
        if (j->braces[j->depth - 1] == 0) { /* the template goes on */
            j->depth--;
            j->at++;
            template_part(j, t);
            return;
        }
        j->braces[j->depth - 1]--;
    }
    t->kind = TRN_JS_PUNCT;
    t->text = trn_str_slice(j->text, j->at, n);
    j->at += n;
    j->divides = c == ')' || c == ']';
}

bool trn_js_next(struct trn_js *j, struct trn_js_token *ret)
{
    *ret = (struct trn_js_token){.kind = TRN_JS_END};
    skip_space(j);
    if (j->at >= j->text.n)
        return false;
    uint8_t c = at(j, j->at);
    switch (classes[c]) {
    case NAME:
        name(j, ret);
        break;
    case DIGIT:
        number(j, ret);
        break;
    case QUOTE:
        if (c != '`') {
            string(j, ret);
            break;
        }
        j->at++;
        template_part(j, ret);
        break;
    default:
        if (c != '/' || j->divides || !regex(j, ret))
            punct(j, ret);
        break;
    }
    return true;
}
