/* SPDX-License-Identifier: Apache-2.0 */
/* Releases made of facts, without any bytes: members with their properties and features. */
#ifndef TRN_TEST_RELEASE_BUILD_H
#define TRN_TEST_RELEASE_BUILD_H

#include "release/release.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct built {
    struct trn_release *r;
    uint32_t file, ids;
};

/* One file of the release, "" its path unless given: an artifact in parent (0: the file itself). */
static TRN_UNUSED uint32_t built_member(struct built *b, uint32_t parent, const char *name, enum trn_format format,
                                        uint64_t size, uint8_t content)
{
    struct trn_artifact a = {.id = ++b->ids,
                             .parent = parent,
                             .depth = parent ? 1 : 0,
                             .name = trn_str_of(name),
                             .format = format,
                             .size = size,
                             .sha256 = {content, (uint8_t)b->ids}};
    cr_assert_eq(trn_release_artifact(b->r, b->file, &a), 0);
    return a.id;
}

static TRN_UNUSED struct built built_begin(const char *label)
{
    struct trn_release_options o = {.sz = sizeof(o), .label = trn_str_of(label)};
    struct built b = {0};
    cr_assert_eq(trn_release_new(&o, &b.r), 0);
    cr_assert_eq(trn_release_file(b.r, TRN_STR(""), &b.file), 0);
    (void)built_member(&b, 0, "release.tar", TRN_FORMAT_TAR, 1 << 20, label[0] ? (uint8_t)label[strlen(label) - 1] : 0);
    return b;
}

static TRN_UNUSED void built_property(struct built *b, uint32_t id, const char *key, const char *value)
{
    cr_assert_eq(trn_release_property(b->r, b->file, id, trn_str_of(key), trn_str_of(value)), 0);
}

static TRN_UNUSED void built_fact(struct built *b, uint32_t id, enum trn_feature_kind kind, const char *key,
                                  const char *value, uint64_t number, uint64_t at)
{
    struct trn_feature f = {kind, trn_str_of(key), trn_str_of(value), number, at};
    cr_assert_eq(trn_release_feature(b->r, b->file, id, &f), 0);
}

/* Words between spaces, each a feature of that kind. */
static TRN_UNUSED void built_facts(struct built *b, uint32_t id, enum trn_feature_kind kind, const char *key,
                                   const char *words)
{
    struct trn_str rest = trn_str_of(words), one;
    while (trn_str_split(&rest, ' ', &one)) {
        struct trn_feature f = {kind, trn_str_of(key), one, 0, TRN_FEATURE_NOWHERE};
        if (one.n)
            cr_assert_eq(trn_release_feature(b->r, b->file, id, &f), 0);
    }
}

static TRN_UNUSED struct trn_diff *built_diff(struct built *before, struct built *after)
{
    struct trn_diff_options o = {.sz = sizeof(o)};
    struct trn_diff *d = NULL;
    cr_assert_eq(trn_release_finish(before->r), 0);
    cr_assert_eq(trn_release_finish(after->r), 0);
    cr_assert_eq(trn_diff_new(before->r, after->r, &o, &d, NULL), 0);
    return d;
}

static TRN_UNUSED const struct trn_finding *built_find(const struct trn_diff *d, const char *check)
{
    for (size_t i = 0; i < d->n_reasons; i++)
        if (strcmp(d->reasons[i].finding->check->id, check) == 0)
            return d->reasons[i].finding;
    return NULL;
}

static TRN_UNUSED struct trn_str built_evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

/* What this finding alone would make of the release. */
static TRN_UNUSED enum trn_verdict built_alone(const struct trn_finding *f)
{
    enum trn_verdict v = TRN_VERDICT_CLEAN;
    (void)trn_score_alone(f, &v);
    return v;
}

static TRN_UNUSED void built_done(struct trn_diff *d, struct built *before, struct built *after)
{
    trn_diff_free(d);
    before->r = trn_release_free(before->r);
    after->r = trn_release_free(after->r);
}

#endif
