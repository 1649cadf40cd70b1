/* SPDX-License-Identifier: Apache-2.0 */
/* Two releases as tar archives of texts, scanned as a worker does and compared: what the diff says as lines of text,
 * "diff.lifecycle-script 50 package/package.json", in the order of weight. Or told by hand, a feature at a time. */
#ifndef TRN_TEST_RELEASE_TOLD_RELEASES_H
#define TRN_TEST_RELEASE_TOLD_RELEASES_H

#include "release/release.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct packed { /* a member; text NULL: the end */
    const char *path, *text;
    size_t n; /* 0: of the text up to its NUL */
    unsigned mode;
};

static int to_artifact(void *ctx, const struct trn_artifact *a)
{
    return trn_release_artifact(ctx, 0, a);
}
static int to_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    return trn_release_signature(ctx, 0, a, s);
}
static int to_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return trn_release_property(ctx, 0, a, k, v);
}
static int to_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    return trn_release_finding(ctx, 0, a, f);
}
static int to_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    return trn_release_gap(ctx, 0, a, g);
}
static int to_feature(void *ctx, uint32_t a, const struct trn_feature *f)
{
    return trn_release_feature(ctx, 0, a, f);
}

static inline void put_tar(struct trn_buf *b, const struct packed *m)
{
    char head[512] = {0};
    size_t n = m->n ? m->n : strlen(m->text);
    unsigned sum = 0;
    snprintf(head, 100, "%s", m->path);
    snprintf(head + 100, 8, "%07o", (m->mode ? m->mode : 0644) & 07777);
    snprintf(head + 108, 8, "%07o", 0);
    snprintf(head + 116, 8, "%07o", 0);
    snprintf(head + 124, 12, "%011zo", n);
    snprintf(head + 136, 12, "%011o", 0);
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(head); i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum & 0777777);
    trn_put(b, head, sizeof(head));
    trn_put(b, m->text, n);
    while (b->n % 512)
        trn_put_u8(b, 0);
}

static inline struct trn_release *release_of(const struct packed *members)
{
    struct trn_scan_options so = {.sz = sizeof(so), .scratch = -1, .features = true};
    struct trn_release_options ro = {.sz = sizeof(ro), .label = TRN_STR("x")};
    struct trn_release *r = NULL;
    TRN_AUTO(trn_buf_done) struct trn_buf tar;
    uint32_t file;
    trn_buf_init(&tar, 4u << 20);
    for (const struct packed *m = members; m->path; m++)
        put_tar(&tar, m);
    for (size_t i = 0; i < 1024; i++)
        trn_put_u8(&tar, 0);
    cr_assert(!tar.bad);
    struct trn_source source = trn_source_mem(trn_buf_str(&tar));
    cr_assert_eq(trn_release_new(&ro, &r), 0);
    cr_assert_eq(trn_release_file(r, TRN_STR(""), &file), 0);
    struct trn_scan_sink sink = {to_artifact, to_signature, to_property, to_finding, to_gap, r, to_feature};
    cr_assert_eq(trn_scan_run(&source, TRN_STR("x.tar"), 0, &so, &sink, NULL), 0);
    cr_assert_eq(trn_release_finish(r), 0);
    return r;
}

struct told_diff {
    struct trn_buf lines;
    enum trn_verdict verdict;
    uint16_t score;
};

/* Frees both. only: findings whose check begins with it. */
static inline void diff_of(struct told_diff *t, struct trn_release *before, struct trn_release *after, const char *only)
{
    struct trn_diff_options o = {.sz = sizeof(o)};
    struct trn_diff *d = NULL;
    cr_assert_eq(trn_diff_new(before, after, &o, &d, NULL), 0);
    *t = (struct told_diff){.verdict = d->verdict, .score = d->score};
    trn_buf_init(&t->lines, 1u << 20);
    for (size_t i = 0; i < d->n_reasons; i++) {
        const struct trn_finding *f = d->reasons[i].finding;
        const struct trn_change *c = d->reasons[i].change;
        const struct trn_release_member *m = c->new_member ? c->new_member : c->old_member;
        if (!trn_str_starts(trn_str_of(f->check->id), trn_str_of(only)))
            continue;
        trn_put_fmt(&t->lines, "%s %u %.*s\n", f->check->id, f->score, TRN_STR_ARG(m->name));
    }
    trn_diff_free(d);
    trn_release_free(before);
    trn_release_free(after);
}
static inline void told_diff_done(struct told_diff *t)
{
    trn_buf_done(&t->lines);
}

#define EXPECT_TOLD(before, after, only, want)                                                                      \
    do {                                                                                                            \
        TRN_AUTO(told_diff_done) struct told_diff t_;                                                               \
        diff_of(&t_, release_of(before), release_of(after), only);                                                  \
        cr_expect(trn_str_eq_c(trn_buf_str(&t_.lines), want), "told\n%s\nnot\n%s", trn_buf_str(&t_.lines).p, want); \
    } while (0)

#endif
