/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that writes what it is told as lines of text, for tests of readers: "2<1 text a/b 5 @0x200". */
#ifndef TRN_TEST_SEEN_H
#define TRN_TEST_SEEN_H

#include "artifact/artifact.h"

#include <stdio.h>

struct seen_lines {
    struct trn_buf text;
    uint32_t artifacts, findings, gaps;
};

static void seen_text(struct trn_buf *b, const char *before, struct trn_str s, const char *after)
{
    char escaped[512];
    trn_put_fmt(b, "%s%s%s", before, trn_escape_into(escaped, sizeof(escaped), s), after);
}

static int seen_artifact(void *ctx, const struct trn_artifact *a)
{
    struct seen_lines *s = ctx;
    s->artifacts++;
    trn_put_fmt(&s->text, "%u<%u %s", a->id, a->parent, trn_format_name(a->format));
    seen_text(&s->text, " ", a->name, "");
    trn_put_fmt(&s->text, " %llu", (unsigned long long)a->size);
    if (a->has_offset)
        trn_put_fmt(&s->text, " @0x%llx", (unsigned long long)a->offset);
    trn_put_c(&s->text, "\n");
    return 0;
}
static int seen_signature(void *ctx, uint32_t a, const struct trn_signature *sig)
{
    return 0;
}
static int seen_property(void *ctx, uint32_t a, struct trn_str key, struct trn_str value)
{
    struct seen_lines *s = ctx;
    trn_put_fmt(&s->text, "%u: %.*s=", a, TRN_STR_ARG(key));
    seen_text(&s->text, "", value, "\n");
    return 0;
}
static int seen_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct seen_lines *s = ctx;
    s->findings++;
    trn_put_fmt(&s->text, "%u! %s %u", a, f->check->id, f->score);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        trn_put_fmt(&s->text, " %.*s=%.*s", TRN_STR_ARG(f->evidence[i].key), TRN_STR_ARG(f->evidence[i].value));
    trn_put_c(&s->text, "\n");
    return 0;
}
static int seen_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct seen_lines *s = ctx;
    s->gaps++;
    trn_put_fmt(&s->text, "%u? %s %.*s", a, trn_gap_kind_name(g->kind), TRN_STR_ARG(g->what));
    seen_text(&s->text, " [", g->member, "]\n");
    return 0;
}

static TRN_UNUSED int seen_scan_source(struct seen_lines *s, const struct trn_source *bytes, const char *name,
                                       struct trn_limits limits)
{
    trn_scan_warm();
    FILE *scratch = tmpfile();
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = scratch ? fileno(scratch) : -1, .limits = limits};
    struct trn_scan_sink sink = {seen_artifact, seen_signature, seen_property, seen_finding, seen_gap, s};
    *s = (struct seen_lines){0};
    trn_buf_init(&s->text, 8 << 20);
    int e = trn_scan_run(bytes, trn_str_of(name), 0, &o, &sink, NULL);
    if (scratch)
        fclose(scratch);
    return e;
}
/* Scans bytes; the text is s->text (NUL-terminated), to be freed by seen_done. What trn_scan_run said. */
static TRN_UNUSED int seen_scan(struct seen_lines *s, struct trn_str bytes, const char *name, struct trn_limits limits)
{
    struct trn_source src = trn_source_mem(bytes);
    return seen_scan_source(s, &src, name, limits);
}
static TRN_UNUSED int64_t seen_read(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *bytes = ctx;
    n = TRN_MIN(n, (size_t)1009); /* a file may give less than it was asked for */
    memcpy(dst, bytes->p + at, TRN_MIN(n, bytes->n - (size_t)at));
    return (int64_t)TRN_MIN(n, bytes->n - (size_t)at);
}
/* The same by windows: neither the whole nor any member is held in memory. */
static TRN_UNUSED int seen_scan_windows(struct seen_lines *s, struct trn_str bytes, const char *name)
{
    struct trn_source src = {.size = bytes.n, .read = seen_read, .ctx = &bytes};
    return seen_scan_source(s, &src, name, (struct trn_limits){.memory = 2});
}
static TRN_UNUSED bool seen_has(const struct seen_lines *s, const char *text)
{
    return trn_str_contains(trn_buf_str(&s->text), trn_str_of(text));
}
static TRN_UNUSED void seen_done(struct seen_lines *s)
{
    trn_buf_done(&s->text);
}
#define EXPECT_SEEN(s, what) cr_expect(seen_has((s), (what)), "'%s' is not in\n%s", (what), (s)->text.p)
#define EXPECT_NOT_SEEN(s, what) cr_expect(!seen_has((s), (what)), "'%s' is in\n%s", (what), (s)->text.p)

#endif
