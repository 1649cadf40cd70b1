/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the lists of comparers and contexts, and what they may say.
 * Must not: know any format.
 */
#include "release/compare.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
trn_comparer *const trn_comparers[] = {
    trn_compare_scan,
    trn_compare_signature,
    trn_compare_code,
    trn_compare_code_shape,
    trn_compare_code_elf,
    trn_compare_code_macho,
    trn_compare_code_build,
    trn_compare_code_program,
    trn_compare_obfuscation,
    trn_compare_lifecycle,
    trn_compare_maintainer,
    trn_compare_actions,
    trn_compare_embedded,
    trn_compare_closed,
    NULL,
};

trn_comparer *const trn_contexts[] = {
    trn_context_place, /* first: it tells what comparers would */
    trn_context_contacts,
    trn_context_browsers,
    trn_context_abilities,
    trn_context_starts,
    trn_context_rights,
    trn_context_archives,
    trn_context_built,
    trn_context_dependencies,
    trn_context_signature,
    trn_context_outlier,
    trn_context_upstream,
    trn_context_mass,
    trn_context_version, /* last */
    NULL,
};
/* clang-format on */

#define SHOWN 300u /* bytes of one value that are shown */
#define LIST_MAX 8u

int trn_compare_begin(struct trn_compare *c, const char *check, struct trn_finding *ret)
{
    const struct trn_check *k = trn_check_find(trn_str_of(check));
    if (!k)
        return -EINVAL;
    trn_finding_init(ret, k);
    ret->telemetry = TRN_TEL_ARTIFACT;
    return 0;
}

void trn_compare_say(struct trn_compare *c, struct trn_finding *f, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f->summary = trn_arena_str(c->arena, trn_str_of(text));
}

static struct trn_str shown(struct trn_compare *c, struct trn_str raw)
{
    char text[SHOWN + 40];
    if (trn_str_is_none(raw) || raw.n == 0)
        return TRN_STR("none");
    return trn_arena_str(c->arena, trn_str_of(trn_escape_into(text, sizeof(text), trn_str_slice(raw, 0, SHOWN))));
}

void trn_compare_values(struct trn_compare *c, struct trn_finding *f, struct trn_str before, struct trn_str after,
                        uint64_t at)
{
    trn_finding_add(f, "old", shown(c, before));
    trn_finding_add(f, "new", shown(c, after));
    if (at != TRN_FEATURE_NOWHERE)
        trn_finding_add(f, "offset", trn_arena_printf(c->arena, "0x%llx", (unsigned long long)at));
}

struct trn_str trn_compare_list(struct trn_compare *c, const struct trn_feature *const *f, size_t n, bool keys)
{
    char text[1200] = "", one[140];
    size_t at = 0, take = n <= LIST_MAX ? n : LIST_MAX - 1;
    for (size_t i = 0; i < take; i++) {
        struct trn_str s = keys || f[i]->value.n == 0 ? f[i]->key : f[i]->value;
        trn_escape_into(one, sizeof(one), trn_str_slice(s, 0, 100));
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", one);
        at = TRN_MIN(at, sizeof(text) - 1);
    }
    if (take < n)
        (void)snprintf(text + at, sizeof(text) - at, " and %zu more", n - take);
    return trn_arena_str(c->arena, trn_str_of(text));
}

/* Does it stand in a file of which the old release is known in part only? */
static bool in_broken(const struct trn_compare *c, const struct trn_change *change)
{
    const struct trn_release *r = change->new_member ? c->diff->new_release : c->diff->old_release;
    return trn_diff_is_broken(c->broken, r, change->new_member ? change->new_member : change->old_member);
}

int trn_compare_found(struct trn_compare *c, struct trn_change *change, const struct trn_finding *f)
{
    struct trn_told *t = trn_arena_alloc(c->arena, sizeof(*t));
    struct trn_finding *copy = trn_arena_alloc(c->arena, sizeof(*copy));
    const struct trn_release_member *m = change->new_member ? change->new_member : change->old_member;
    if (in_broken(c, change))
        return 0; /* that is not known, and told as not seen */
    if (!t || !copy || trn_finding_copy(f, c->arena, copy) < 0)
        return -ENOMEM;
    copy->id = trn_hash64_mix(trn_hash64_str(trn_str_of(f->check->id)),
                              trn_hash64_mix(trn_hash64(m->sha256, TRN_SHA256_SIZE), trn_hash64_str(f->summary)));
    memcpy(copy->image_sha256, m->sha256, TRN_SHA256_SIZE);
    copy->full_score = copy->full_score ? copy->full_score : copy->score;
    *t = (struct trn_told){change, copy, NULL};
    *c->told_end = t;
    c->told_end = &t->next;
    c->n_told++;
    return 0;
}

void trn_compare_lower(struct trn_compare *c, struct trn_told *t, uint16_t score, struct trn_str why)
{
    if (score >= t->finding->score)
        return;
    t->finding->score = score;
    trn_finding_add(t->finding, "context", trn_arena_str(c->arena, why));
}

/* ---- features of one side only ---- */

static int key_cmp(const struct trn_feature *a, const struct trn_feature *b, bool by_key)
{
    int d = trn_str_cmp(a->key, b->key);
    return d || by_key ? d : trn_str_cmp(a->value, b->value);
}

/* Those of `in` that `from` has not; both are sorted. */
static int only_in(struct trn_compare *c, const struct trn_release_member *in, const struct trn_release_member *from,
                   enum trn_feature_kind kind, bool by_key, const struct trn_feature *const **ret, size_t *ret_n)
{
    size_t n_in = 0, n_from = 0, k = 0, n = 0;
    const struct trn_feature *a = in ? trn_member_features(in, kind, &n_in) : NULL;
    const struct trn_feature *b = from ? trn_member_features(from, kind, &n_from) : NULL;
    const struct trn_feature **out = trn_arena_array(c->arena, n_in + 1, sizeof(*out));
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n_in; i++) {
        while (k < n_from && key_cmp(&b[k], &a[i], by_key) < 0)
            k++;
        if (k < n_from && key_cmp(&b[k], &a[i], by_key) == 0)
            continue;
        if (!(by_key && n && trn_str_eq(out[n - 1]->key, a[i].key)))
            out[n++] = &a[i];
    }
    *ret = out;
    *ret_n = n;
    return 0;
}

int trn_compare_new(struct trn_compare *c, enum trn_feature_kind kind, bool by_key,
                    const struct trn_feature *const **ret, size_t *ret_n)
{
    return only_in(c, c->new_member, c->old_member, kind, by_key, ret, ret_n);
}

int trn_compare_gone(struct trn_compare *c, enum trn_feature_kind kind, bool by_key,
                     const struct trn_feature *const **ret, size_t *ret_n)
{
    return only_in(c, c->old_member, c->new_member, kind, by_key, ret, ret_n);
}
