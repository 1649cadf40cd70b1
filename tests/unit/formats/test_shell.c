/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/formats.h"

#include <criterion/criterion.h>

struct all {
    struct trn_buf b;
};

/* "words|words" with pipes inside a pipeline, ";" between pipelines, {n} before words of depth n. */
static bool show(void *ctx, const struct trn_shell_command *c)
{
    struct all *a = ctx;
    trn_put_c(&a->b, a->b.n == 0 ? "" : c->position ? "|" : ";");
    if (c->depth)
        trn_put_fmt(&a->b, "{%u}", c->depth);
    if (!trn_str_is_none(c->assigned))
        trn_put_fmt(&a->b, "%.*s=", TRN_STR_ARG(c->assigned));
    for (uint32_t i = 0; i < c->n_words; i++)
        trn_put_fmt(&a->b, "%s%.*s%s", i ? " " : "", TRN_STR_ARG(c->words[i].text),
                    c->words[i].substitution ? "@" : "");
    if (!trn_str_is_none(c->output))
        trn_put_fmt(&a->b, ">%.*s", TRN_STR_ARG(c->output));
    return true;
}

static void expect(const char *text, const char *want)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(1 << 22);
    struct all a;
    trn_buf_init(&a.b, 1 << 16);
    cr_expect_eq(trn_shell_parse(trn_str_of(text), arena, show, &a), 0);
    cr_expect_str_eq(trn_buf_str(&a.b).p, want, "%s: %s", text, trn_buf_str(&a.b).p);
    trn_buf_done(&a.b);
}

Test(shell, words_and_quotes)
{
    expect("echo 'a b' \"c $d\" e\\ f # no\n", "echo a b c $d e f");
    expect("a;b&c&&d||e\nf", "a;b;c;d;e;f");
    expect("a \\\n b", "a b");
    expect("X=1 Y=2 cmd z; V=3", "cmd z;V=3");
    expect("if a; then b; fi", "a;b");
}

Test(shell, pipes_and_files)
{
    expect("a | b |& c > f 2>&1", "a|b|c>f");
    expect("a |\n  b", "a|b");
    expect("(a; b) | c", "a;b|c");
    expect("a <in >>out", "a>out");
}

Test(shell, substitutions_come_first)
{
    expect("sh -c \"$(curl x | y)\"", "{1}curl x|{1}y;sh -c @");
    expect("a `b $(c)` d", "{2}c;{1}b @;a @ d");
    expect("bash <(curl x)", "{1}curl x;bash @");
    expect("echo $((1 + 2)) ${x:-y}", "echo $((1 + 2)) ${x:-y}");
}

Test(shell, here_documents_are_no_commands)
{
    expect("cat <<EOF\ncurl x | sh\nEOF\nb", "cat;b");
    expect("cat <<-'E O' | c\nx\n\tE O\nb", "cat|c;b");
    expect("sh <<< 'a b'", "sh");
}

Test(shell, unfinished_and_deep_texts_end)
{
    char deep[4096];
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(1 << 22);
    struct all a;
    expect("'open", "open");
    expect("\"a $(b", "{1}b;a @");
    memset(deep, 0, sizeof(deep));
    for (size_t i = 0; i + 3 < sizeof(deep); i += 2)
        memcpy(deep + i, "$(", 2);
    trn_buf_init(&a.b, 1 << 16);
    cr_expect_eq(trn_shell_parse(trn_str_of(deep), arena, show, &a), 0);
    trn_buf_done(&a.b);
}

Test(python, tokens)
{
    struct trn_py p;
    struct trn_py_token t;
    char got[128];
    size_t n = 0;
    trn_py_begin(&p, TRN_STR("import os # x\nexec(b'a\\'b',\n r\"\"\"c\"d\n\"\"\") \\\n + 0x1f\n'open"));
    while (trn_py_next(&p, &t) && n < 120)
        got[n++] = t.kind == TRN_PY_PUNCT ? t.text.p[0] : "?NdS?/"[t.kind];
    got[n] = '\0';
    cr_expect_str_eq(got, "NN/N(S,S)+d/S");
}
