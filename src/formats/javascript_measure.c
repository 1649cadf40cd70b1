/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: counting what tokens of JavaScript show: names, literals, decoding, evaluation, network, processes.
 * Must not own: a verdict (src/artifact/check_javascript.c). Hand-offs: numbers only.
 */
#include "formats/javascript.h"

#include <math.h>

#define BACK 8u     /* tokens looked back */
#define TAINTED 32u /* names that hold something decoded */
#define CALLS 16u   /* evaluations that are open: eval( ... */

struct counter {
    struct trn_js j;
    struct trn_js_measures m;
    struct trn_js_token ring[BACK]; /* the last ones; back() */
    uint32_t n_ring;
    uint32_t list; /* strings in the list that is open */
    uint32_t parens;
    uint32_t calls[CALLS]; /* depth of parentheses at which an evaluation's argument ends */
    uint32_t n_calls;
    struct trn_str target; /* name that is being assigned to */
    struct trn_str tainted[TAINTED];
    uint32_t n_tainted;
    uint64_t histogram[256];
};

/* The token before the last `i` ones. */
static const struct trn_js_token *back(const struct counter *c, uint32_t i)
{
    return &c->ring[(c->n_ring - i) % BACK];
}

static bool is(const struct trn_js_token *t, const char *text)
{
    return t->text.n && t->text.p[0] == text[0] && trn_str_eq_c(t->text, text);
}

static bool is_punct(const struct trn_js_token *t, char c)
{
    return t->kind == TRN_JS_PUNCT && t->text.n == 1 && t->text.p[0] == c;
}

static bool is_hex_name(struct trn_str s)
{
    if (s.n < 5 || memcmp(s.p, "_0x", 3) != 0)
        return false;
    for (size_t i = 3; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

static size_t place(const struct counter *c, const struct trn_js_token *t)
{
    return (size_t)(t->text.p - c->j.text.p);
}

static bool is_tainted(const struct counter *c, struct trn_str s)
{
    for (uint32_t i = 0; i < c->n_tainted; i++)
        if (trn_str_eq(c->tainted[i], s))
            return true;
    return false;
}

static void decoder(struct counter *c, const struct trn_js_token *t)
{
    c->m.decoders++;
    if (c->n_calls) {
        c->m.eval_decoded_at = c->m.evals_decoded ? c->m.eval_decoded_at : place(c, t);
        c->m.evals_decoded++;
    }
    if (c->target.n && !is_tainted(c, c->target) && c->n_tainted < TAINTED)
        c->tainted[c->n_tainted++] = c->target;
}

/* The name (or the text in brackets) that a '(' calls: eval ( , ["eval"] ( */
static const struct trn_js_token *called(const struct counter *c)
{
    if (back(c, 0)->kind == TRN_JS_NAME)
        return back(c, 0);
    return is_punct(back(c, 0), ']') && back(c, 1)->kind == TRN_JS_STRING && is_punct(back(c, 2), '[') ? back(c, 1)
                                                                                                       : NULL;
}

static void opens_call(struct counter *c)
{
    const struct trn_js_token *t = called(c);
    if (!t)
        return;
    bool member = is_punct(back(c, 1), '.') || t == back(c, 1), defined = is(back(c, 1), "function");
    if (defined)
        return;
    bool sink = (!member && TRN_ONE_OF(t->text, "eval", "Function")) ||
                (member && TRN_ONE_OF(t->text, "eval", "runInThisContext", "runInNewContext", "_compile"));
    if (sink) {
        c->m.evals++;
        c->m.evaluates = true;
        if (c->n_calls < CALLS)
            c->calls[c->n_calls++] = c->parens;
    }
    if ((!member && TRN_ONE_OF(t->text, "atob", "unescape")) || (t == back(c, 1) && TRN_ONE_OF(t->text, "atob")))
        decoder(c, t);
    if (!member && is(t, "fetch")) {
        c->m.network = true;
        c->m.network_at = c->m.network_at ? c->m.network_at : place(c, t);
    }
    if (TRN_ONE_OF(t->text, "execSync", "spawnSync", "execFile", "execFileSync", "spawn") ||
        (!member && is(t, "exec"))) {
        c->m.process = true;
        c->m.process_at = c->m.process_at ? c->m.process_at : place(c, t);
    }
    c->m.makes_executable |= TRN_ONE_OF(t->text, "chmod", "chmodSync");
    c->m.writes_files |= TRN_ONE_OF(t->text, "writeFile", "writeFileSync", "createWriteStream");
}

/* require('https'), from 'https', import('https') */
static void module_name(struct counter *c, const struct trn_js_token *t)
{
    bool wanted = (is_punct(back(c, 0), '(') && TRN_ONE_OF(back(c, 1)->text, "require", "import")) ||
                  is(back(c, 0), "from") || is(back(c, 0), "import");
    struct trn_str s = t->text;
    if (!wanted)
        return;
    if (trn_str_starts(s, TRN_STR("node:")))
        s = trn_str_slice(s, 5, SIZE_MAX);
    if (TRN_ONE_OF(s, "http", "https", "http2", "axios", "node-fetch", "got", "request", "follow-redirects", "undici",
                   "needle", "superagent", "phin", "bent")) {
        c->m.network = true;
        c->m.network_at = place(c, t);
    }
    if (trn_str_eq_c(s, "child_process")) {
        c->m.process = true;
        c->m.process_at = c->m.process_at ? c->m.process_at : place(c, t);
    }
}

static void name(struct counter *c, const struct trn_js_token *t)
{
    c->m.names++;
    c->m.hex_names += is_hex_name(t->text);
    if (is(t, "fromCharCode"))
        decoder(c, t);
    if (c->n_calls && is_tainted(c, t->text) && !is_punct(back(c, 0), '.')) {
        c->m.eval_decoded_at = c->m.evals_decoded ? c->m.eval_decoded_at : place(c, t);
        c->m.evals_decoded++;
    }
    /* x.push(x.shift */
    bool dots = is(t, "shift") && is_punct(back(c, 0), '.') && is_punct(back(c, 2), '(') && is(back(c, 3), "push");
    c->m.rotates |= dots && back(c, 1)->kind == TRN_JS_NAME;
}

static void literal(struct counter *c, const struct trn_js_token *t)
{
    c->m.strings++;
    c->m.string_bytes += t->text.n;
    c->m.escapes += t->escapes;
    c->m.plain_escapes += t->plain_escapes;
    if (t->text.n > c->m.longest_string) {
        c->m.longest_string = t->text.n;
        c->m.longest_string_at = place(c, t);
    }
    for (size_t i = 0; i < t->text.n; i++)
        c->histogram[(uint8_t)t->text.p[i]]++;
    if (t->kind != TRN_JS_STRING)
        return;
    if (is_punct(back(c, 0), '[') || (c->list && is_punct(back(c, 0), ',')))
        c->list++;
    c->m.largest_string_list = TRN_MAX(c->m.largest_string_list, c->list);
    /* x['push'](x['shift'] */
    c->m.rotates |= is(t, "shift") && is_punct(back(c, 0), '[') && is_punct(back(c, 2), '(') &&
                    is_punct(back(c, 3), ']') && is(back(c, 4), "push");
    if (is_punct(back(c, 0), ',') && TRN_ONE_OF(t->text, "base64", "hex") && c->parens)
        for (uint32_t i = 1; i < BACK; i++) /* Buffer.from(x, 'base64') */
            if (is(back(c, i), "from") && is_punct(back(c, i - 1), '(')) {
                decoder(c, t);
                break;
            }
    module_name(c, t);
}

static bool looks_packed(const struct counter *c)
{
    return is(back(c, 0), "c") && is_punct(back(c, 1), ',') && is(back(c, 2), "a") && is_punct(back(c, 3), ',') &&
           is(back(c, 4), "p") && is_punct(back(c, 5), '(') && is(back(c, 6), "function") && c->n_calls;
}

static void punct(struct counter *c, const struct trn_js_token *t)
{
    char p = t->text.n == 1 ? t->text.p[0] : 0;
    c->m.symbols += p && strchr("[]()!+{}", p) != NULL;
    if (p != ',' && p != '[')
        c->list = 0;
    if (p == '(') {
        opens_call(c);
        c->parens++;
    } else if (p == ')') {
        c->parens -= c->parens > 0;
        while (c->n_calls && c->parens <= c->calls[c->n_calls - 1])
            c->n_calls--;
    } else if (p == '=' && back(c, 0)->kind == TRN_JS_NAME) {
        c->target = back(c, 0)->text;
    } else if (p == ';' || p == '}') {
        c->target = TRN_STR_NONE;
    } else if (p == ',') {
        c->m.packed |= looks_packed(c);
        if (!c->parens)
            c->target = TRN_STR_NONE;
    }
}

static void count(struct counter *c, const struct trn_js_token *t)
{
    c->m.tokens++;
    switch (t->kind) {
    case TRN_JS_NAME:
        name(c, t);
        c->list = 0;
        break;
    case TRN_JS_STRING:
    case TRN_JS_TEMPLATE:
        literal(c, t);
        break;
    case TRN_JS_PUNCT:
        punct(c, t);
        break;
    default:
        c->list = 0;
        break;
    }
    c->ring[++c->n_ring % BACK] = *t;
}

static void lines(struct trn_str text, struct trn_js_measures *m)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        const char *q = memchr(p, '\n', (size_t)(end - p));
        q = q ? q : end;
        m->lines++;
        m->longest_line = TRN_MAX(m->longest_line, (uint64_t)(q - p));
        p = q + 1;
    }
}

void trn_js_measure(struct trn_str text, struct trn_js_measures *ret)
{
    struct counter c = {0};
    struct trn_js_token t;
    double bits = 0;
    trn_js_begin(&c.j, text);
    lines(text, &c.m);
    while (trn_js_next(&c.j, &t))
        count(&c, &t);
    for (size_t i = 0; i < 256; i++)
        if (c.histogram[i]) {
            double p = (double)c.histogram[i] / (double)c.m.string_bytes;
            bits -= p * log2(p);
        }
    c.m.string_entropy_milli = (uint32_t)(bits * 1000);
    *ret = c.m;
}

void trn_js_commands(struct trn_str text, bool (*fn)(void *ctx, struct trn_str command, size_t at), void *ctx)
{
    struct trn_js j;
    struct trn_js_token t, last = {0}, before = {0};
    trn_js_begin(&j, text);
    while (trn_js_next(&j, &t)) {
        bool starts =
            is_punct(&last, '(') && before.kind == TRN_JS_NAME &&
            TRN_ONE_OF(before.text, "exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "system");
        if (starts && (t.kind == TRN_JS_STRING || t.kind == TRN_JS_TEMPLATE) &&
            !fn(ctx, t.text, (size_t)(t.text.p - text.p)))
            return;
        before = last;
        last = t;
    }
}
