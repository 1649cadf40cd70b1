/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct seen {
    uint32_t artifacts, gaps, findings, last_parent;
    uint64_t last_size;
    char gap[64];
    int refuse_at;
};

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    struct seen *s = ctx;
    s->artifacts++;
    s->last_parent = a->parent;
    s->last_size = a->size;
    return s->refuse_at && (int)s->artifacts == s->refuse_at ? -EPIPE : 0;
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return 0;
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    ((struct seen *)ctx)->findings++;
    return 0;
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct seen *s = ctx;
    s->gaps++;
    snprintf(s->gap, sizeof(s->gap), "%s %.*s", trn_gap_kind_name(g->kind), TRN_STR_ARG(g->what));
    return 0;
}

static int scan(struct seen *s, struct trn_str bytes, struct trn_limits limits)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1, .limits = limits};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, s};
    struct trn_source src = trn_source_mem(bytes);
    return trn_scan_run(&src, TRN_STR("x"), 0, &o, &sink, NULL);
}

Test(scan, plain_bytes_are_one_artifact)
{
    struct seen s = {0};
    cr_assert_eq(scan(&s, TRN_STR("hello"), (struct trn_limits){0}), 0);
    cr_expect_eq(s.artifacts, 1);
    cr_expect_eq(s.gaps, 0);
    cr_expect_eq(s.last_size, 5);
}

Test(scan, a_sink_that_says_no_ends_it)
{
    struct seen s = {.refuse_at = 1};
    cr_assert_eq(scan(&s, TRN_STR("hello"), (struct trn_limits){0}), -EPIPE);
}

Test(entropy, of_constant_and_of_all_values)
{
    uint64_t counts[256] = {0};
    uint8_t all[1024], same[1024] = {0};
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    trn_histogram_add(counts, same, sizeof(same));
    cr_expect_eq(trn_histogram_entropy(counts, sizeof(same)), 0);
    memset(counts, 0, sizeof(counts));
    trn_histogram_add(counts, all, sizeof(all));
    cr_expect_eq(trn_histogram_entropy(counts, sizeof(all)), 8000);
}
