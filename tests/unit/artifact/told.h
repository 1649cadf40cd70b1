/* SPDX-License-Identifier: Apache-2.0 */
/* Scans bytes in memory and remembers what was told, as lines of text: "finding image.trailing-data 60 offset=0x10 ...". */
#ifndef TRN_TEST_ARTIFACT_TOLD_H
#define TRN_TEST_ARTIFACT_TOLD_H

#include "artifact/artifact.h"

#include <stdio.h>

struct told {
    struct trn_buf lines;
    uint32_t findings, gaps, artifacts;
};

static int told_artifact(void *ctx, const struct trn_artifact *a)
{
    struct told *t = ctx;
    t->artifacts++;
    trn_put_fmt(&t->lines, "artifact %u in %u %s '%.*s' at 0x%llx size %llu\n", a->id, a->parent,
                trn_format_name(a->format), TRN_STR_ARG(a->name), (unsigned long long)a->offset,
                (unsigned long long)a->size);
    return 0;
}
static int told_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    (void)ctx, (void)a, (void)s;
    return 0;
}
static int told_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    trn_put_fmt(&((struct told *)ctx)->lines, "property %.*s=%.*s of %u\n", TRN_STR_ARG(k), TRN_STR_ARG(v), a);
    return 0;
}
static int told_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct told *t = ctx;
    t->findings++;
    trn_put_fmt(&t->lines, "finding %s %u in %u", f->check->id, f->score, a);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        trn_put_fmt(&t->lines, " %.*s=%.*s", TRN_STR_ARG(f->evidence[i].key), TRN_STR_ARG(f->evidence[i].value));
    trn_put_fmt(&t->lines, ": %.*s\n", TRN_STR_ARG(f->summary));
    return 0;
}
static int told_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct told *t = ctx;
    t->gaps++;
    trn_put_fmt(&t->lines, "gap %s %.*s in %u\n", trn_gap_kind_name(g->kind), TRN_STR_ARG(g->what), a);
    return 0;
}

static void told_done(struct told *t)
{
    trn_buf_done(&t->lines);
}

static int64_t told_read(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *s = ctx;
    if (at >= s->n)
        return 0;
    n = TRN_MIN(n, s->n - (size_t)at);
    memcpy(dst, s->p + at, n);
    return (int64_t)n;
}

/* Everything that is told of these bytes under that name; free with told_done. reads: as of a file too large for memory. */
static struct told told_by(struct trn_str bytes, const char *name, bool reads)
{
    struct told t = {0};
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1, .limits = {.memory = reads ? 2 : 0}};
    struct trn_scan_sink sink = {told_artifact, told_signature, told_property, told_finding, told_gap, &t};
    struct trn_source src = trn_source_mem(bytes);
    if (reads)
        src = (struct trn_source){.size = bytes.n, .read = told_read, .ctx = &bytes};
    trn_buf_init(&t.lines, 1 << 20);
    if (trn_scan_run(&src, trn_str_of(name), 0, &o, &sink, NULL) < 0)
        trn_put_c(&t.lines, "failed\n");
    return t;
}

static inline struct told told_of(struct trn_str bytes, const char *name)
{
    return told_by(bytes, name, false);
}

static inline bool told_has(const struct told *t, const char *line)
{
    return trn_str_contains(trn_buf_str(&t->lines), trn_str_of(line));
}
#define TOLD(t) ((t).lines.p ? (t).lines.p : "")

/* The same bytes in every run that look random. */
static inline void random_bytes(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        p[i] = (uint8_t)(seed >> 56);
    }
}

#endif
