/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling what a script can do and how it is written: calls by group, measures, its longest run of base64.
 * Must not own: the languages (feature_script_*.c); judge.
 * Hand-offs: features, each call once.
 */
#include "artifact/feature_script.h"
#include "artifact/kinds.h"
#include "artifact/script.h"
#include "formats/formats.h"

#define CALLS_MAX 512u
#define BASE64_LEAST 256u
#define HEAD 256u

int trn_calls_begin(struct trn_calls *c, struct trn_look *l)
{
    *c = (struct trn_calls){.l = l, .seen = trn_map_new(CALLS_MAX)};
    return c->seen ? 0 : -ENOMEM;
}

void trn_calls_done(struct trn_calls *c)
{
    c->seen = trn_map_free(c->seen);
}

void trn_calls_tell(struct trn_calls *c, const char *group, struct trn_str call, uint64_t at)
{
    uint64_t unused, key = trn_hash64_mix(trn_hash64_str(call), trn_hash64_str(trn_str_of(group)));
    if (c->error < 0 || c->told >= CALLS_MAX || trn_map_get(c->seen, key, &unused))
        return;
    c->told++;
    c->error = trn_map_put(c->seen, key, 1);
    if (c->error == 0)
        c->error = trn_look_fact(c->l, TRN_FEATURE_CALL, group, call, 1, at);
}

const char *trn_call_group(struct trn_str name, const struct trn_call_name *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name.n && name.p[0] == table[i].name[0] && trn_str_eq_c(name, table[i].name))
            return table[i].group;
    return NULL;
}

int trn_measure(struct trn_look *l, const char *key, uint64_t number)
{
    return trn_look_fact(l, TRN_FEATURE_MEASURE, key, TRN_STR_NONE, number, TRN_FEATURE_NOWHERE);
}

static uint64_t share(uint64_t part, uint64_t all)
{
    return all ? part * 1000 / all : 0;
}

/* How it is written; of what is looked at again as numbers of it, thousandths of one. */
static int measures(struct trn_look *l, struct trn_str text)
{
    struct trn_js_measures m;
    trn_js_measure(text, &m);
    const struct {
        const char *key;
        uint64_t number;
    } told[] = {
        {"js.tokens", m.tokens * 1000},
        {"js.lines", m.lines * 1000},
        {"js.longest-line", m.longest_line * 1000},
        {"js.longest-string", m.longest_string * 1000},
        {"js.string-entropy", m.string_entropy_milli},
        {"js.string-list", m.largest_string_list * 1000ull},
        {"js.hex-names", share(m.hex_names, m.names)},
        {"js.coded-letters", share(4 * m.plain_escapes, m.string_bytes)},
        {"js.hex-name-count", m.hex_names * 1000},
        {"js.coded-letter-count", m.plain_escapes * 1000},
        {"js.symbols", share(m.symbols, m.tokens)},
        {"js.evaluations", m.evals * 1000ull},
        {"js.decoders", m.decoders * 1000ull},
        {"js.evaluates-decoded", (m.evals_decoded + m.packed) * 1000ull},
        {"js.rotates", m.rotates * 1000ull},
    };
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(told); i++)
        e = trn_measure(l, told[i].key, told[i].number);
    return e;
}

static bool is_coded(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '-' || c == '_' || c == '=';
}

/* The longest run of code letters in [from, to) that is no plain word, number or hash. */
static void longest(struct trn_str text, size_t from, size_t to, struct trn_base64_run *best)
{
    struct trn_base64_finder finder;
    trn_base64_begin(&finder, from);
    trn_base64_feed(&finder, (const uint8_t *)text.p + from, to - from);
    struct trn_base64_run run = trn_base64_end(&finder, BASE64_LEAST);
    *best = run.size > best->size ? run : *best;
}

/* A run so long covers one of every so many places: most of a script is passed over. */
static int encoded(struct trn_look *l, struct trn_str text)
{
    struct trn_base64_run best = {0};
    for (size_t i = BASE64_LEAST / 2, done = 0; i < text.n; i += BASE64_LEAST / 2) {
        if (i < done || !is_coded(text.p[i]))
            continue;
        size_t from = i, to = i;
        while (from > done && is_coded(text.p[from - 1]))
            from--;
        while (to < text.n && is_coded(text.p[to]))
            to++;
        if (to - from >= BASE64_LEAST)
            longest(text, from, to, &best);
        done = to;
    }
    return best.size ? trn_look_fact(l, TRN_FEATURE_EMBEDDED, "base64", TRN_STR_NONE, best.size, best.at) : 0;
}

/* Of what has no format of its own. */
static int read_language(struct trn_look *l, const char **ret)
{
    struct trn_str head = TRN_STR("");
    enum trn_format f = l->self->format;
    *ret = NULL;
    if (f != TRN_FORMAT_TEXT && f != TRN_FORMAT_SCRIPT && f != TRN_FORMAT_SHELL)
        return 0;
    int e = trn_source_take(l->bytes, 0, (size_t)TRN_MIN(l->bytes->size, (uint64_t)HEAD), l->arena, &head);
    *ret = e == 0 ? trn_words_language(l->name, head) : NULL;
    return e == 0 && *ret
               ? trn_look_fact(l, TRN_FEATURE_MEASURE, "script.language", trn_str_of(*ret), 0, TRN_FEATURE_NOWHERE)
               : e;
}

int trn_feature_script(struct trn_look *l, struct trn_err *err)
{
    enum trn_format f = l->self->format;
    struct trn_str text;
    const char *language;
    TRN_AUTO(trn_calls_done) struct trn_calls c = {0};
    int e = read_language(l, &language);
    if (e == 0 && !language && f != TRN_FORMAT_JAVASCRIPT && f != TRN_FORMAT_PYTHON && f != TRN_FORMAT_SHELL)
        return 0;
    if (e == 0)
        e = trn_source_take(l->bytes, 0, (size_t)TRN_MIN(l->bytes->size, (uint64_t)TRN_SCRIPT_MAX), l->arena, &text);
    if (e == 0)
        e = trn_calls_begin(&c, l);
    if (e == 0)
        e = language                     ? trn_words_calls(&c, l->name, text)
            : f == TRN_FORMAT_JAVASCRIPT ? trn_javascript_calls(&c, text)
            : f == TRN_FORMAT_PYTHON     ? trn_python_calls(&c, text)
                                         : trn_shell_calls(&c, text, 0);
    if (e == 0 && f == TRN_FORMAT_JAVASCRIPT)
        e = measures(l, text);
    if (e == 0)
        e = encoded(l, text);
    return e < 0 ? trn_fail(err, e, "cannot tell what the script does: %s", trn_errno_name(e)) : 0;
}
