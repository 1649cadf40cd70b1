/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a change of a program's form means: what it offers, memory that is written and executed, code that runs early,
 * where and what it loads, constants of ciphers, blocks that look random.
 * Must not: tell what grows as the program does.
 */
#include "release/compare_code.h"

#include <stdio.h>

/* Visual C++ brings two such functions of its own with the first thread_local variable, never one. */
#define CRT_CALLBACKS 2u
#define CRT_SCORE ((uint16_t)8)
#define HIDDEN_MIN 14336u /* 16 KiB, wherever it begins in blocks of 2 */

/* ---- exports ---- */

static uint64_t told_exports(const struct trn_release_member *m)
{
    size_t n = 0;
    (void)trn_member_features(m, TRN_FEATURE_EXPORT, &n);
    return n;
}

static int exports_changed(struct trn_compare *c)
{
    const struct trn_feature *const *fresh = NULL, *const *gone = NULL;
    struct trn_finding f;
    size_t n_fresh = 0, n_gone = 0;
    uint64_t before = told_exports(c->old_member), after = told_exports(c->new_member);
    if (!before || !after || !trn_member_is_library(c->new_member))
        return 0;
    int e = trn_compare_new(c, TRN_FEATURE_EXPORT, false, &fresh, &n_fresh);
    if (e == 0)
        e = trn_compare_gone(c, TRN_FEATURE_EXPORT, false, &gone, &n_gone);
    if (e < 0 || (n_gone * 20 < before && n_fresh * 5 < before) || n_fresh + n_gone < 2)
        return e;
    e = trn_compare_begin(c, "diff.exports-changed", &f);
    if (e < 0)
        return e;
    bool small = trn_code_small_change(c->old_member, c->new_member); /* much that is new comes with other functions */
    f.score = n_gone * 5 >= before ? (small ? f.check->score : 12) : n_gone ? 8 : 5;
    struct trn_str lost = trn_compare_list(c, gone, n_gone, false), won = trn_compare_list(c, fresh, n_fresh, false);
    trn_compare_say(c, &f, "of %llu functions that it offered %zu are gone, and %zu are new",
                    (unsigned long long)before, n_gone, n_fresh);
    trn_compare_values(c, &f, n_gone ? lost : TRN_STR_NONE, n_fresh ? won : TRN_STR_NONE, TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* ---- memory ---- */

static const struct trn_feature *writable_code(const struct trn_release_member *m, enum trn_feature_kind kind)
{
    size_t n = 0;
    const struct trn_feature *f = trn_member_features(m, kind, &n);
    for (size_t i = 0; i < n; i++)
        if (f[i].value.n == 3 && f[i].value.p[1] == 'w' && f[i].value.p[2] == 'x')
            return &f[i];
    return NULL;
}

static int memory_permissions(struct trn_compare *c)
{
    struct trn_finding f;
    char name[80];
    const struct trn_feature *now = writable_code(c->new_member, TRN_FEATURE_SECTION);
    if (!now)
        now = writable_code(c->new_member, TRN_FEATURE_SEGMENT);
    if (!now || writable_code(c->old_member, TRN_FEATURE_SECTION) || writable_code(c->old_member, TRN_FEATURE_SEGMENT))
        return 0;
    int e = trn_compare_begin(c, "diff.memory-permissions", &f);
    if (e < 0)
        return e;
    bool stack = now->kind == TRN_FEATURE_SEGMENT && trn_str_eq_c(now->key, "stack");
    const struct trn_feature *was = trn_member_feature(c->old_member, now->kind, now->key, TRN_STR_NONE);
    f.score = stack ? 25 : f.check->score; /* one file of assembler without a note does that */
    trn_compare_say(c, &f, "%s '%s' (%llu bytes) can be written and executed now; in the old one nothing could",
                    now->kind == TRN_FEATURE_SECTION ? "its section" : "its segment",
                    trn_escape_into(name, sizeof(name), now->key), (unsigned long long)now->number);
    trn_compare_values(c, &f, was ? was->value : TRN_STR_NONE, now->value, now->at);
    return trn_compare_found(c, c->change, &f);
}

/* ---- early code ---- */

static uint64_t early(const struct trn_release_member *m, const char *key)
{
    return trn_code_number(m, TRN_FEATURE_EARLY, key);
}

static int tell_early(struct trn_compare *c, const char *what, uint16_t score, struct trn_str before,
                      struct trn_str after, uint64_t at)
{
    struct trn_finding f;
    char a[80], b[80];
    int e = trn_compare_begin(c, "diff.early-code", &f);
    if (e < 0)
        return e;
    f.score = score;
    trn_compare_say(c, &f, "%s: %s before, %s now", what, trn_escape_into(a, sizeof(a), before),
                    trn_escape_into(b, sizeof(b), after));
    trn_compare_values(c, &f, before, after, at);
    return trn_compare_found(c, c->change, &f);
}

/* More than twice as fast as the file, and by more than a twentieth. */
static bool faster(const struct trn_compare *c, uint64_t more, uint64_t before)
{
    uint64_t a = c->old_member->size, b = c->new_member->size, grown = b > a ? b - a : 0;
    return more * 20 > before && (double)more / (double)before > 2.0 * (double)grown / (double)TRN_MAX(a, (uint64_t)1);
}

static struct trn_str functions(struct trn_compare *c, uint64_t n)
{
    return trn_arena_printf(c->arena, "%llu function%s", (unsigned long long)n, n == 1 ? "" : "s");
}

static int early_code(struct trn_compare *c)
{
    static const struct {
        const char *key, *what;
        uint16_t fresh, more; /* where there was none; where there was some */
    } rows[] = {{"tls", "it has code that runs for each thread before its own begins", 22, 12},
                {"preinit_array", "it has code that runs before all libraries are ready", 35, 28},
                {"init_array", "it has code that runs as soon as it is loaded", 20, 15},
                {"mod_init", "it has code that runs as soon as it is loaded", 25, 15}};
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(rows); i++) {
        uint64_t a = early(c->old_member, rows[i].key), b = early(c->new_member, rows[i].key);
        const struct trn_feature *now =
            trn_member_feature(c->new_member, TRN_FEATURE_EARLY, trn_str_of(rows[i].key), TRN_STR_NONE);
        bool grew = b > a && (a == 0 || faster(c, b - a, a));
        uint16_t score = a ? rows[i].more : rows[i].fresh;
        if (i == 0 && a == 0 && b == CRT_CALLBACKS &&
            trn_member_feature(c->new_member, TRN_FEATURE_TOOLCHAIN, TRN_STR("rich"), TRN_STR_NONE))
            score = TRN_MIN(score, CRT_SCORE);
        if (grew)
            e = tell_early(c, rows[i].what, score, functions(c, a), functions(c, b), now->at);
    }
    const struct trn_feature *was =
        trn_member_feature(c->old_member, TRN_FEATURE_EARLY, TRN_STR("entry"), TRN_STR_NONE);
    const struct trn_feature *now =
        trn_member_feature(c->new_member, TRN_FEATURE_EARLY, TRN_STR("entry"), TRN_STR_NONE);
    if (e < 0 || !was || !now || trn_str_eq(was->value, now->value))
        return e;
    return tell_early(c, "the section that it begins in", 35, was->value, now->value, now->at);
}

/* ---- where it looks for libraries, which it loads ---- */

static bool below(struct trn_str path, const char *folder)
{
    return trn_str_starts(path, trn_str_of(folder));
}

static uint16_t score_of_path(struct trn_str p, const char **ret_why)
{
    if (below(p, "/tmp") || below(p, "/var/tmp") || below(p, "/dev/shm") || below(p, "/Users/Shared")) {
        *ret_why = "everybody can write there";
        return 45;
    }
    if (p.n == 0 || (p.p[0] != '/' && p.p[0] != '$' && p.p[0] != '@')) {
        *ret_why = "it depends on where the program is started";
        return 45;
    }
    if (p.p[0] == '$' || p.p[0] == '@' || below(p, "/usr/lib") || below(p, "/lib") || below(p, "/System/")) {
        *ret_why = "a folder of its own or of the system";
        return 5;
    }
    *ret_why = "a folder that is not its own";
    return 20;
}

static int rpath(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    const struct trn_feature *worst = NULL;
    const char *why = "", *one;
    struct trn_finding f;
    char shown[160];
    uint16_t score = 0;
    size_t n, n_old = 0;
    int e = trn_compare_new(c, TRN_FEATURE_RPATH, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        uint16_t s = score_of_path(fresh[i]->value, &one);
        if (s > score) {
            score = s;
            worst = fresh[i];
            why = one;
        }
    }
    if (e < 0 || !worst)
        return e;
    e = trn_compare_begin(c, "diff.rpath", &f);
    if (e < 0)
        return e;
    f.score = score;
    const struct trn_feature *old = trn_member_features(c->old_member, TRN_FEATURE_RPATH, &n_old);
    trn_compare_say(c, &f, "it looks for libraries in '%s' now, and did not before: %s",
                    trn_escape_into(shown, sizeof(shown), worst->value), why);
    trn_compare_values(c, &f, n_old ? old->value : TRN_STR("no folder of its own"), worst->value, worst->at);
    return trn_compare_found(c, c->change, &f);
}

static bool is_of_system(struct trn_str lib)
{
    return below(lib, "/usr/lib/") || below(lib, "/System/") || trn_glob(TRN_STR("api-ms-win-*"), lib, true) ||
           TRN_ONE_OF(lib, "kernel32.dll", "ntdll.dll", "user32.dll", "advapi32.dll", "ole32.dll", "libc.so.6",
                      "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
                      "vcruntime140.dll", "msvcrt.dll", "bcryptprimitives.dll", "ld-linux-x86-64.so.2");
}

static int new_library(struct trn_compare *c)
{
    const struct trn_feature *const *fresh, *const *can;
    struct trn_finding f;
    size_t n, n_can;
    uint16_t score = 0;
    int e = trn_compare_new(c, TRN_FEATURE_LIBRARY, false, &fresh, &n);
    if (e == 0)
        e = trn_compare_new(c, TRN_FEATURE_ABILITY, false, &can, &n_can);
    bool loads = false;
    for (size_t i = 0; e == 0 && i < n_can; i++)
        loads = loads || trn_str_eq_c(can[i]->value, "dlopen");
    for (size_t i = 0; e == 0 && i < n; i++) {
        struct trn_str lib = fresh[i]->value;
        uint16_t s = trn_str_eq_c(fresh[i]->key, "audit")                                                 ? 45
                     : is_of_system(lib)                                                                  ? 4
                     : trn_release_program_named(c->diff->new_release, trn_path_base(lib), c->new_member) ? 6
                                                                                                          : 8;
        score = TRN_MAX(score, s);
    }
    score = loads ? TRN_MAX(score, (uint16_t)16) : score;
    if (e < 0 || !score)
        return e;
    e = trn_compare_begin(c, "diff.new-library", &f);
    if (e < 0)
        return e;
    f.score = score;
    struct trn_str names = n ? trn_compare_list(c, fresh, n, false) : TRN_STR_NONE;
    if (loads)
        trn_compare_say(c, &f, "it loads libraries by name while it runs, and did not before%s%.*s",
                        n ? "; it also needs " : "", TRN_STR_ARG(names));
    else
        trn_compare_say(c, &f, "it needs %.*s now", TRN_STR_ARG(names));
    trn_compare_values(c, &f, TRN_STR("not needed"), loads && !n ? TRN_STR("dlopen") : names, TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* ---- constants of ciphers, random blocks ---- */

static int crypto_table(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    struct trn_finding f;
    size_t n;
    uint16_t score = 0;
    int e = trn_compare_new(c, TRN_FEATURE_TABLE, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        score =
            TRN_MAX(score, (uint16_t)(TRN_ONE_OF(fresh[i]->value, "rc4", "aes", "chacha", "blowfish", "sm4") ? 20 : 8));
    if (e < 0 || !n)
        return e;
    const struct trn_family *family = trn_family_of(c->new_member);
    e = trn_compare_begin(c, "diff.crypto-table", &f);
    if (e < 0)
        return e;
    bool small = trn_code_small_change(c->old_member, c->new_member);
    f.score = family && strcmp(family->name, "crypto") == 0 ? 3 : small ? score : TRN_MIN(score, (uint16_t)10);
    struct trn_str names = trn_compare_list(c, fresh, n, false);
    trn_compare_say(c, &f, "constants or loops of %.*s stand in it, which did not before", TRN_STR_ARG(names));
    trn_compare_values(c, &f, TRN_STR("no such constants"), names, fresh[0]->at);
    return trn_compare_found(c, c->change, &f);
}

/* Bytes that look random, those of a format that is packed by nature or the others; the largest run. */
static uint64_t random_bytes(const struct trn_release_member *m, bool packed, const struct trn_feature **ret_largest)
{
    size_t n = 0;
    uint64_t sum = 0;
    const struct trn_feature *f = m ? trn_member_features(m, TRN_FEATURE_RANDOM, &n) : NULL;
    *ret_largest = NULL;
    for (size_t i = 0; i < n; i++) {
        if ((trn_str_find(f[i].value, ' ') >= 0) != packed)
            continue;
        sum += f[i].number;
        if (!*ret_largest || f[i].number > (*ret_largest)->number)
            *ret_largest = &f[i];
    }
    return sum;
}

static int hidden_growth(struct trn_compare *c)
{
    const struct trn_feature *was, *now;
    struct trn_finding f;
    char where[80];
    bool packed = false;
    uint64_t before = random_bytes(c->old_member, false, &was), after = random_bytes(c->new_member, false, &now);
    if (!now || after < before + HIDDEN_MIN) { /* a known beginning is soon written before anything */
        packed = true;
        before = random_bytes(c->old_member, true, &was);
        after = random_bytes(c->new_member, true, &now);
    }
    if (!now || after < before + HIDDEN_MIN || (packed && before))
        return 0;
    int e = trn_compare_begin(c, "diff.hidden-growth", &f);
    if (e < 0)
        return e;
    bool data = c->new_member->format == TRN_FORMAT_DATA && c->old_member;
    f.score = packed ? 10 : before ? 12 : data ? 8 : f.check->score;
    ptrdiff_t gap = trn_str_find(now->value, ' ');
    size_t end = gap >= 0 ? (size_t)gap : now->value.n;
    char bits[32], what[32];
    trn_escape_into(bits, sizeof(bits), trn_str_slice(now->value, 0, end));
    trn_escape_into(what, sizeof(what), trn_str_slice(now->value, end + 1, now->value.n));
    trn_compare_say(c, &f,
                    "%llu bytes of it look random (%s bits a byte%s%s), %llu did in the old one; most stand %s%s%s",
                    (unsigned long long)after, bits, what[0] ? "; they begin as " : "", what,
                    (unsigned long long)before, now->key.n ? "in section '" : "in one block",
                    now->key.n ? trn_escape_into(where, sizeof(where), now->key) : "", now->key.n ? "'" : "");
    trn_compare_values(c, &f, trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)before),
                       trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)after), now->at);
    return trn_compare_found(c, c->change, &f);
}

static bool is_data_of_both(const struct trn_compare *c)
{
    return c->old_member && c->new_member && c->new_member->format == TRN_FORMAT_DATA &&
           c->old_member->format == TRN_FORMAT_DATA;
}

/* New bytes of no format behind the end of a program that both releases have. */
static bool is_behind_program(const struct trn_compare *c)
{
    const struct trn_release_member *m = c->new_member;
    const struct trn_release_member *up =
        m && !c->old_member && m->parent != TRN_NO_MEMBER ? trn_release_at(c->diff->new_release, m->parent) : NULL;
    return up && m->format == TRN_FORMAT_DATA && (up->format == TRN_FORMAT_PE || up->format == TRN_FORMAT_ELF);
}

int trn_compare_code_shape(struct trn_compare *c)
{
    int (*const all[])(struct trn_compare *) = {exports_changed, memory_permissions, early_code,   rpath,
                                                new_library,     crypto_table,       hidden_growth};
    int e = 0;
    if (is_data_of_both(c) || is_behind_program(c))
        return hidden_growth(c);
    for (size_t i = 0; e == 0 && trn_code_pair(c) && i < TRN_ARRAY_SIZE(all); i++)
        e = all[i](c);
    return e;
}
