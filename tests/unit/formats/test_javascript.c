/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/formats.h"

#include <criterion/criterion.h>

/* Kinds as letters: Name, number (d), String, Template, Regex, and signs as they are. */
static const char *kinds(const char *text, char dst[128])
{
    struct trn_js j;
    struct trn_js_token t;
    size_t n = 0;
    trn_js_begin(&j, trn_str_of(text));
    while (trn_js_next(&j, &t) && n < 120)
        dst[n++] = t.kind == TRN_JS_PUNCT ? t.text.p[0] : "?NdSTR"[t.kind];
    dst[n] = '\0';
    return dst;
}

Test(javascript, tokens)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"#!/usr/bin/env node\nvar a = 1.5e-3;", "NN=d;"},
        {"a /* b */ // c\n d", "NN"},
        {"x = a / b / c", "N=N/N/N"},
        {"x = /a\\/[/]b/gi.test(y)", "N=R.N(N)"},
        {"return /x/", "NR"},
        {"(a) / 2", "(N)/d"},
        {"'it\\'s' + \"\\x41\"", "S+S"},
        {"`a${b + `c${d}e`}f` / 2", "TN+TNTT/d"},
        {"`${{a: 1}.a}`", "T{N:d}.NT"},
        {"() => x", "()=N"},
        {"'open", "S"},
        {"/* open", ""},
        {"0xff_u + 1n", "d+d"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        char b[128];
        cr_expect_str_eq(kinds(cases[i].text, b), cases[i].want, "%s: %s", cases[i].text, b);
    }
}

static struct trn_js_measures measure(const char *text)
{
    struct trn_js_measures m;
    trn_js_measure(trn_str_of(text), &m);
    return m;
}

Test(javascript, counts_names_escapes_and_lists)
{
    struct trn_js_measures m = measure("var _0x1a2b=['a','b','c'],x='\\x41\\x0a\\u0042';_0x1a2b[0];");
    cr_expect_eq(m.hex_names, 2);
    cr_expect_eq(m.largest_string_list, 3);
    cr_expect_eq(m.escapes, 3);
    cr_expect_eq(m.plain_escapes, 2);
    cr_expect_eq(measure("x=[f('a'),'b']").largest_string_list, 0);
}

Test(javascript, the_rotation_of_a_list_in_both_ways_of_writing)
{
    cr_expect(measure("a.push(a.shift())").rotates);
    cr_expect(measure("a['push'](a['shift']())").rotates);
    cr_expect_not(measure("a.push(b); a.shift()").rotates);
}

Test(javascript, what_is_decoded_is_followed_to_where_it_is_run)
{
    static const struct {
        const char *text;
        bool hit;
    } cases[] = {
        {"eval(atob('YQ=='))", true},
        {"var s = atob('YQ=='); eval(s)", true},
        {"new Function(Buffer.from(x, 'base64').toString())()", true},
        {"eval(String.fromCharCode(97,98))", true},
        {"vm.runInThisContext(Buffer.from('61', 'hex'))", true},
        {"eval(x); atob('YQ==')", false},
        {"eval('1+1')", false},
        {"Buffer.from(x, 'base64'); y = 1; eval(y)", false},
        {"function eval(atob) {}", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(measure(cases[i].text).evals_decoded > 0, cases[i].hit, "%s", cases[i].text);
}

Test(javascript, what_it_can_do_to_the_machine)
{
    struct trn_js_measures m = measure("const h = require('node:https'), c = require('child_process');"
                                       "fs.writeFileSync(p, d); fs.chmodSync(p, 0o755); c.execFileSync(p)");
    cr_expect(m.network && m.process && m.writes_files && m.makes_executable);
    m = measure("const fs = require('fs'); /re/.exec(s); console.log('https')");
    cr_expect_not(m.network || m.process || m.writes_files);
}

static bool keep(void *ctx, struct trn_str command, size_t at)
{
    *(struct trn_str *)ctx = command;
    return false;
}

Test(javascript, commands_given_to_a_shell)
{
    struct trn_str got = TRN_STR_NONE;
    trn_js_commands(TRN_STR("a('x'); cp.execSync('id', {})"), keep, &got);
    cr_expect(trn_str_eq_c(got, "id"));
}

Test(javascript, slashes_that_begin_nothing_cost_little)
{
    static const char part[] = "a=/[";
    size_t n = (4u << 20) / 4;
    char *text = malloc(4 * n);
    struct trn_js j;
    struct trn_js_token t;
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++)
        memcpy(text + 4 * i, part, 4);
    trn_js_begin(&j, (struct trn_str){text, 4 * n});
    uint64_t start = trn_mono_ns();
    while (trn_js_next(&j, &t))
        tokens++;
    cr_expect_geq(tokens, n);
    cr_expect_lt(trn_mono_ns() - start, 20 * TRN_NS_PER_SEC); /* quadratic, it would be an hour */
    free(text);
}
