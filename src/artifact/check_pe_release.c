/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what only the whole release shows about its Windows images: a library that reads a sibling as data, one that was built
 * long after all others. Must not own: looks at single images.
 * Hand-offs: works on traits; findings are told about the member.
 */
#include "artifact/check_pe.h"
#include "artifact/kinds.h"

#include <stdio.h>
#include <strings.h>

#define SIBLINGS_MIN 5u
#define WITHIN (14 * 86400ll)
#define LATER (30 * 86400ll)
#define IMAGES_MAX 20000u
#define FIELDS 7
#define DELPHI 0x2a425e19u

/* ---- reads a sibling ---- */

static bool same_name(struct trn_str a, struct trn_str b)
{
    return a.n == b.n && a.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Is another member of that name a Windows image? */
static bool is_image(const struct trn_trait *t, size_t n, struct trn_str name, uint32_t not_this)
{
    for (size_t i = 0; i < n; i++)
        if (t[i].artifact != not_this && strcmp(t[i].trait, TRN_TRAIT_PE_TIME) == 0 &&
            same_name(trn_path_base(t[i].name), name))
            return true;
    return false;
}

static int tell_read(struct trn_look *l, const struct trn_trait *t, const struct trn_str v[FIELDS], uint64_t score)
{
    struct trn_finding f;
    char name[160], sibling[160];
    uint64_t at = 0, used = 0, decrypts = 0;
    (void)!trn_str_u64(v[1], &at);
    (void)!trn_str_u64(v[2], &used);
    (void)!trn_str_u64(v[5], &decrypts);
    trn_finding_init(&f, trn_check_find(TRN_STR("pe.sibling-read")));
    f.score = (uint16_t)score;
    trn_look_say(l, &f,
                 "'%s' names its sibling '%s' at 0x%llx, opens and reads files%s%s, but does not load it as a library",
                 trn_escape_into(name, sizeof(name), trn_path_base(t->name)),
                 trn_escape_into(sibling, sizeof(sibling), v[0]), (unsigned long long)at, v[4].n ? ", can decrypt" : "",
                 v[6].n ? ", changes memory protection" : "");
    trn_finding_add(&f, "sibling", v[0]);
    trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)at));
    trn_finding_add(&f, "size", trn_arena_printf(l->arena, "%zu", v[0].n));
    if (used)
        trn_finding_add(&f, "code_offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)used));
    if (v[4].n) {
        trn_finding_add(&f, "decrypts", v[4]);
        if (decrypts)
            trn_finding_add(&f, "decrypts_offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)decrypts));
    }
    return trn_look_found_in(l, t->artifact, &f);
}

static int check_reads(struct trn_look *l, const struct trn_trait *traits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct trn_str rest = traits[i].value, v[FIELDS] = {{0}};
        size_t k = 0;
        uint64_t score = 0;
        if (strcmp(traits[i].trait, TRN_TRAIT_PE_READS) != 0)
            continue;
        while (k < FIELDS && trn_str_split(&rest, '\n', &v[k]))
            k++;
        if (k < FIELDS || trn_str_u64(v[3], &score) < 0 || !trn_look_has_sibling(l, v[0]) ||
            !is_image(traits, n, v[0], traits[i].artifact))
            continue;
        int e = tell_read(l, &traits[i], v, score);
        if (e < 0)
            return e;
    }
    return 0;
}

/* ---- built later ---- */

struct built {
    int64_t time;
    const struct trn_trait *t;
};

static int by_time(const void *a, const void *b)
{
    const struct built *x = a, *y = b;
    return x->time < y->time ? -1 : x->time > y->time;
}

/* 0, whole days (somebody wrote a date there), the constant of Delphi, and what lies in the future say nothing. */
static bool is_meant(uint64_t t, uint64_t now)
{
    return t > 86400 * 365ull * 20 && t % 86400 && t != DELPHI && t <= now;
}

static int tell_outlier(struct trn_look *l, const struct built *one, const struct built *before, size_t others)
{
    struct trn_finding f;
    char name[160];
    trn_finding_init(&f, trn_check_find(TRN_STR("pe.timestamp-outlier")));
    trn_look_say(l, &f, "'%s' was built %lld days after the last of %zu others, which were built within two weeks",
                 trn_escape_into(name, sizeof(name), trn_path_base(one->t->name)),
                 (long long)(one->time - before->time) / 86400, others);
    trn_finding_add(&f, "timestamp", one->t->value);
    trn_finding_add(&f, "siblings_until", before->t->value);
    return trn_look_found_in(l, one->t->artifact, &f);
}

static int check_times(struct trn_look *l, const struct trn_trait *traits, size_t n)
{
    TRN_AUTO(trn_freep) struct built *list = NULL;
    uint64_t now = trn_wall_ns() / TRN_NS_PER_SEC;
    size_t k = 0;
    if (n <= SIBLINGS_MIN)
        return 0;
    list = calloc(TRN_MIN(n, IMAGES_MAX), sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < n && k < IMAGES_MAX; i++) {
        uint64_t t = 0;
        if (strcmp(traits[i].trait, TRN_TRAIT_PE_TIME) == 0 && trn_str_u64(traits[i].value, &t) == 0 &&
            is_meant(t, now))
            list[k++] = (struct built){(int64_t)t, &traits[i]};
    }
    if (k <= SIBLINGS_MIN)
        return 0;
    qsort(list, k, sizeof(*list), by_time);
    const struct built *newest = &list[k - 1], *before = &list[k - 2];
    bool together = before->time - list[0].time <= WITHIN;
    return together && newest->time - before->time > LATER ? tell_outlier(l, newest, before, k - 1) : 0;
}

int trn_look_pe_release(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0;
    const struct trn_trait *traits = trn_look_traits(l, &n);
    int e = check_reads(l, traits, n);
    return e < 0 ? e : check_times(l, traits, n);
}
