/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what only the whole release shows about its Windows images: a library that reads a sibling as data, one that was built
 * long after all others. Must not own: looks at single images.
 * Hand-offs: works on traits; findings are told about the member.
 */
#include "artifact/check_pe.h"
#include "artifact/kinds.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#define SIBLINGS_MIN 5u
#define WITHIN (14 * 86400ll)
#define LATER (30 * 86400ll)
#define IMAGES_MAX 20000u
#define FIELDS 7
#define MAKERS_TOLD 64u
#define RESIGNED_SCORE 8u /* vendors sign the libraries of others */
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

/* ---- says another maker than its signer ---- */

static bool is_word(struct trn_str word)
{
    static const char *const common[] = {"and",        "company", "corp",    "corporation",  "foundation",
                                         "gmbh",       "group",   "inc",     "incorporated", "limited",
                                         "llc",        "ltd",     "open",    "project",      "pty",
                                         "software",   "source",  "systems", "team",         "technologies",
                                         "technology", "the"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(common); i++)
        if (same_name(word, trn_str_of(common[i])))
            return false;
    return word.n >= 3;
}

/* The next run of letters and digits (and of whatever is no ASCII). */
static bool next_word(struct trn_str *rest, struct trn_str *ret)
{
    size_t from = 0, n = 0;
    while (from < rest->n && !isalnum((unsigned char)rest->p[from]) && (unsigned char)rest->p[from] < 0x80)
        from++;
    while (from + n < rest->n &&
           (isalnum((unsigned char)rest->p[from + n]) || (unsigned char)rest->p[from + n] >= 0x80))
        n++;
    *ret = trn_str_slice(*rest, from, n);
    *rest = trn_str_slice(*rest, from + n, rest->n);
    return n > 0;
}

/* They share a word that is not one of every firm's, or one of them has none. */
static bool is_same_maker(struct trn_str company, struct trn_str signer)
{
    uint32_t of_company = 0, of_signer = 0;
    struct trn_str rest = company, word, other;
    while (next_word(&rest, &word)) {
        struct trn_str in = signer;
        if (!is_word(word))
            continue;
        of_company++;
        for (of_signer = 0; next_word(&in, &other);) {
            of_signer += is_word(other);
            if (same_name(word, other))
                return true;
        }
    }
    return of_company == 0 || of_signer == 0 || trn_str_contains(company, TRN_STR("TODO"));
}

static bool is_signer_here(const struct trn_trait *t, size_t n, struct trn_str company)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(t[i].trait, "signature.signer") == 0 && is_same_maker(company, t[i].value))
            return true;
    return false;
}

static int check_makers(struct trn_look *l, const struct trn_trait *t, size_t n)
{
    char name[160], company[160], signer[160];
    for (size_t i = 0, told = 0; i < n && told < MAKERS_TOLD; i++) {
        size_t k = i; /* traits of one file stand together */
        if (strcmp(t[i].trait, TRN_TRAIT_PE_COMPANY) != 0)
            continue;
        while (k < n && t[k].artifact == t[i].artifact && strcmp(t[k].trait, "signature.signer") != 0)
            k++;
        if (k == n || t[k].artifact != t[i].artifact || is_same_maker(t[i].value, t[k].value))
            continue;
        struct trn_finding f;
        trn_finding_init(&f, trn_check_find(TRN_STR("pe.version-mismatch")));
        f.score = is_signer_here(t, n, t[i].value) ? f.check->score : RESIGNED_SCORE;
        trn_look_say(l, &f, "'%s' says that it is made by '%s', but '%s' signed it",
                     trn_escape_into(name, sizeof(name), trn_path_base(t[i].name)),
                     trn_escape_into(company, sizeof(company), t[i].value),
                     trn_escape_into(signer, sizeof(signer), t[k].value));
        trn_finding_add(&f, "company", t[i].value);
        trn_finding_add(&f, "signer", t[k].value);
        int e = trn_look_found_in(l, t[i].artifact, &f);
        if (e < 0)
            return e;
        told++;
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
    if (e == 0)
        e = check_makers(l, traits, n);
    return e < 0 ? e : check_times(l, traits, n);
}
