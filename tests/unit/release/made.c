/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: releases made by hand. Must not own: any test. */
#include "made.h"

#include <stdio.h>

struct made made_new(const char *label, const struct trn_release *other)
{
    struct made m = {.r = NULL};
    const struct trn_release_options o = {.sz = sizeof(o), .label = trn_str_of(label), .other = other};
    cr_assert_eq(trn_release_new(&o, &m.r), 0);
    return m;
}

void made_file(struct made *m, const char *path)
{
    cr_assert_eq(trn_release_file(m->r, trn_str_of(path), &m->file), 0);
    m->last = 0;
}

uint32_t made_put(struct made *m, uint32_t parent, const char *name, enum trn_format format, const char *content)
{
    struct trn_artifact a = {.id = m->last + 1, .parent = parent, .name = trn_str_of(name), .format = format};
    a.size = strlen(content);
    a.mode = 0644;
    cr_assert_eq(trn_sha256(content, strlen(content), a.sha256), 0);
    cr_assert_eq(trn_release_artifact(m->r, m->file, &a), 0);
    return m->last = a.id;
}

uint32_t made_plain(struct made *m, const char *path, enum trn_format format, const char *content)
{
    made_file(m, path);
    return made_put(m, 0, trn_path_base(trn_str_of(path)).p, format, content);
}

void made_size(struct made *m, uint64_t size)
{
    m->r->files[m->file].nodes[m->last - 1].m.size = size;
}

static void feature(struct made *m, enum trn_feature_kind kind, const char *key, const char *value, uint64_t number)
{
    const struct trn_feature f = {kind, trn_str_of(key), trn_str_of(value), number, TRN_FEATURE_NOWHERE};
    cr_assert_eq(trn_release_feature(m->r, m->file, m->last, &f), 0);
}

void made_feature(struct made *m, enum trn_feature_kind kind, const char *key, const char *value)
{
    feature(m, kind, key, value, 0);
}

void made_number(struct made *m, enum trn_feature_kind kind, const char *key, uint64_t number)
{
    feature(m, kind, key, NULL, number);
}

void made_features(struct made *m, enum trn_feature_kind kind, const char *prefix, unsigned from, unsigned to)
{
    char value[64];
    for (unsigned i = from; i < to; i++) {
        snprintf(value, sizeof(value), "%s%u", prefix, i);
        feature(m, kind, "", value, 0);
    }
}

void made_property(struct made *m, const char *key, const char *value)
{
    cr_assert_eq(trn_release_property(m->r, m->file, m->last, trn_str_of(key), trn_str_of(value)), 0);
}

void made_finding(struct made *m, const char *check, uint16_t score)
{
    struct trn_finding f;
    const struct trn_check *k = trn_check_find(trn_str_of(check));
    cr_assert_not_null(k, "%s", check);
    trn_finding_init(&f, k);
    f.score = score;
    f.summary = TRN_STR("made");
    cr_assert_eq(trn_release_finding(m->r, m->file, m->last, &f), 0);
}

struct trn_signature made_signature(const char *signer, const char *serial, const char *digest)
{
    return (struct trn_signature){.kind = TRN_SIGNATURE_AUTHENTICODE,
                                  .digest = TRN_DIGEST_OK,
                                  .chain = TRN_CHAIN_OK,
                                  .signer = trn_str_of(signer),
                                  .serial = trn_str_of(serial),
                                  .content_digest = trn_str_of(digest),
                                  .signatures = 1};
}

void made_signature_put(struct made *m, const struct trn_signature *s)
{
    cr_assert_eq(trn_release_signature(m->r, m->file, m->last, s), 0);
}

void made_signed(struct made *m, const char *signer, const char *serial, const char *digest)
{
    const struct trn_signature s = made_signature(signer, serial, digest);
    made_signature_put(m, &s);
}

struct trn_release *made_done(struct made *m)
{
    cr_assert_eq(trn_release_finish(m->r), 0);
    return TRN_STEAL(m->r);
}

struct trn_diff *made_diff_with(const struct trn_release *a, const struct trn_release *b,
                                const struct trn_diff_options *o)
{
    struct trn_diff *d = NULL;
    struct trn_err err = {0};
    cr_assert_eq(trn_diff_new(a, b, o, &d, &err), 0, "%s", err.message);
    return d;
}

struct trn_diff *made_diff(const struct trn_release *a, const struct trn_release *b)
{
    const struct trn_diff_options o = {.sz = sizeof(o)};
    return made_diff_with(a, b, &o);
}

const struct trn_change *change_at(const struct trn_diff *d, const char *path)
{
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        if (trn_str_eq_c((c->new_member ? c->new_member : c->old_member)->path, path))
            return c;
    }
    cr_assert_fail("nothing is at %s", path);
    return NULL;
}

const struct trn_finding *found_in(const struct trn_change *c, const char *check)
{
    for (size_t i = 0; i < c->n_findings; i++)
        if (strcmp(c->findings[i].check->id, check) == 0)
            return &c->findings[i];
    return NULL;
}

const struct trn_finding *found(const struct trn_diff *d, const char *check)
{
    for (size_t i = 0; i < d->n_reasons; i++)
        if (strcmp(d->reasons[i].finding->check->id, check) == 0)
            return d->reasons[i].finding;
    return NULL;
}

const struct trn_release_member *member_at(const struct trn_release *r, const char *path)
{
    for (size_t i = 0; i < trn_release_count(r); i++)
        if (trn_str_eq_c(trn_release_at(r, i)->path, path))
            return trn_release_at(r, i);
    return NULL;
}
