/* SPDX-License-Identifier: Apache-2.0 */
/* Scans bytes in memory with features wanted and remembers them as lines of text: "text url=https://x.test/ 2 @0x10". */
#ifndef TRN_TEST_ARTIFACT_FACTS_H
#define TRN_TEST_ARTIFACT_FACTS_H

#include "artifact/artifact.h"

#include <criterion/criterion.h>

struct facts {
    struct trn_buf lines;
    enum trn_feature_kind only; /* NONE: all */
};

static int facts_artifact(void *ctx, const struct trn_artifact *a)
{
    (void)ctx, (void)a;
    return 0;
}
static int facts_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    (void)ctx, (void)a, (void)s;
    return 0;
}
static int facts_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    (void)ctx, (void)a, (void)k, (void)v;
    return 0;
}
static int facts_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    (void)ctx, (void)a, (void)f;
    return 0;
}
static int facts_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    (void)ctx, (void)a, (void)g;
    return 0;
}
static int facts_feature(void *ctx, uint32_t a, const struct trn_feature *f)
{
    struct facts *s = ctx;
    (void)a;
    if (s->only && f->kind != s->only)
        return 0;
    trn_put_fmt(&s->lines, "%s %.*s=%.*s %llu", trn_feature_kind_name(f->kind), TRN_STR_ARG(f->key),
                TRN_STR_ARG(f->value), (unsigned long long)f->number);
    if (f->at != TRN_FEATURE_NOWHERE)
        trn_put_fmt(&s->lines, " @0x%llx", (unsigned long long)f->at);
    trn_put_c(&s->lines, "\n");
    return 0;
}

/* Of source; the lines are facts->lines, to be freed by facts_done. */
static inline void facts_of_source(struct facts *s, const struct trn_source *source, const char *name,
                                   enum trn_feature_kind only)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1, .features = true};
    struct trn_scan_sink sink = {facts_artifact, facts_signature, facts_property, facts_finding, facts_gap, s,
                                 facts_feature};
    *s = (struct facts){.only = only};
    trn_buf_init(&s->lines, 4u << 20);
    cr_assert_eq(trn_scan_run(source, trn_str_of(name), 0, &o, &sink, NULL), 0);
}
static inline void facts_of(struct facts *s, struct trn_str bytes, const char *name, enum trn_feature_kind only)
{
    struct trn_source source = trn_source_mem(bytes);
    facts_of_source(s, &source, name, only);
}
static inline void facts_done(struct facts *s)
{
    trn_buf_done(&s->lines);
}
#define EXPECT_FACTS(s, want) \
    cr_expect(trn_str_eq_c(trn_buf_str(&(s)->lines), (want)), "told\n%s\nnot\n%s", trn_buf_str(&(s)->lines).p, (want))

#endif
