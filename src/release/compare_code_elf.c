/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: IFUNC resolvers that an ELF library gained, and what makes them the shape of the backdoor of xz.
 * Must not: tell of a library that always had resolvers what every new routine brings.
 */
#include "release/compare_code.h"

#define CONSTANTS_MIN 14336u /* bytes that look random and were not there */

struct hook {
    const struct trn_feature *evidence[8];
    size_t n;
    bool reaches, opens, asks, block;
};

static uint64_t resolvers(const struct trn_release_member *m)
{
    size_t n = 0;
    uint64_t by_symbol = 0, by_relocation = 0;
    const struct trn_feature *f = trn_member_features(m, TRN_FEATURE_IFUNC, &n);
    for (size_t i = 0; i < n; i++)
        if (f[i].value.n)
            by_symbol++;
        else
            by_relocation += f[i].number;
    return TRN_MAX(by_symbol, by_relocation);
}

static bool into_loader(struct trn_str symbol)
{
    return trn_str_starts(symbol, TRN_STR("_dl_audit")) || trn_str_starts(symbol, TRN_STR("_rtld_global")) ||
           trn_str_starts(symbol, TRN_STR("_dl_")) || trn_str_eq_c(symbol, "__tls_get_addr");
}

static void put(struct hook *h, const struct trn_feature *f)
{
    if (h->n < TRN_ARRAY_SIZE(h->evidence))
        h->evidence[h->n++] = f;
}

/* What such a feature's value says is a measure, and no name. */
static void put_block(struct trn_compare *c, struct hook *h, const struct trn_feature *f)
{
    struct trn_feature *said = trn_arena_alloc(c->arena, sizeof(*said));
    if (!said)
        return;
    *said = *f;
    said->value = trn_arena_printf(c->arena, "%llu bytes that look random", (unsigned long long)f->number);
    put(h, said);
}

static int collect(struct trn_compare *c, struct hook *h)
{
    const struct trn_feature *const *fresh;
    size_t n;
    int e = trn_compare_new(c, TRN_FEATURE_IMPORT, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (into_loader(fresh[i]->value)) {
            h->reaches = true;
            put(h, fresh[i]);
        }
    if (e == 0)
        e = trn_compare_new(c, TRN_FEATURE_LIBRARY, true, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (trn_str_eq_c(fresh[i]->key, "audit")) {
            h->reaches = true;
            put(h, fresh[i]);
        }
    if (e == 0)
        e = trn_compare_new(c, TRN_FEATURE_ABILITY, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        bool opens = trn_str_eq_c(fresh[i]->value, "dlopen"), asks = trn_str_eq_c(fresh[i]->value, "cpuid");
        h->opens = h->opens || opens;
        h->asks = h->asks || asks;
        if (opens || asks)
            put(h, fresh[i]);
    }
    if (e == 0)
        e = trn_compare_new(c, TRN_FEATURE_RANDOM, true, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (fresh[i]->number >= CONSTANTS_MIN && trn_str_find(fresh[i]->value, ' ') < 0) {
            h->block = true;
            put_block(c, h, fresh[i]);
        }
    return e;
}

static struct trn_str count(struct trn_compare *c, uint64_t n)
{
    return trn_arena_printf(c->arena, "%llu resolver%s", (unsigned long long)n, n == 1 ? "" : "s");
}

static int tell_hook(struct trn_compare *c, const struct hook *h, uint64_t before, uint64_t after)
{
    struct trn_finding f;
    int e = trn_compare_begin(c, "diff.elf-hooked-loading", &f);
    if (e < 0)
        return e;
    /* every resolver asks the processor; a library with resolvers that gains plug-ins is another thing */
    f.score = before && !h->reaches ? 25 : f.check->score;
    struct trn_str names = trn_compare_list(c, h->evidence, h->n, false);
    trn_compare_say(c, &f, "together with %llu function%s of it that the loader runs while it links it gained %s%.*s",
                    (unsigned long long)(after - before), after - before == 1 ? "" : "s",
                    h->reaches ? "what reaches into the loader: "
                    : h->opens ? "the loading of libraries by name: "
                               : "a block of constants: ",
                    TRN_STR_ARG(names));
    trn_compare_values(c, &f, count(c, before),
                       trn_arena_printf(c->arena, "%.*s; %.*s", TRN_STR_ARG(count(c, after)), TRN_STR_ARG(names)),
                       h->evidence[0]->at);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_code_elf(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    struct hook h = {0};
    struct trn_finding f = {0};
    size_t n;
    if (!trn_code_pair(c) || c->new_member->format != TRN_FORMAT_ELF || c->old_member->format != TRN_FORMAT_ELF ||
        !trn_member_is_library(c->new_member))
        return 0;
    uint64_t before = resolvers(c->old_member), after = resolvers(c->new_member);
    if (after <= before)
        return 0;
    int e = trn_compare_new(c, TRN_FEATURE_IFUNC, false, &fresh, &n);
    if (e < 0)
        return e;
    e = trn_compare_begin(c, "diff.elf-ifunc", &f);
    if (e < 0)
        return e;
    f.score = before ? 10 : f.check->score;
    struct trn_str names = n ? trn_compare_list(c, fresh, n, false) : TRN_STR_NONE;
    trn_compare_say(c, &f, "the loader runs %llu function%s of it while it links the process, %llu before%s%.*s",
                    (unsigned long long)after, after == 1 ? "" : "s", (unsigned long long)before, names.n ? ": " : "",
                    TRN_STR_ARG(names));
    trn_compare_values(c, &f, count(c, before), count(c, after), n ? fresh[0]->at : TRN_FEATURE_NOWHERE);
    e = trn_compare_found(c, c->change, &f);
    if (e == 0)
        e = collect(c, &h);
    return e < 0 || !(h.reaches || h.opens || h.block) ? e : tell_hook(c, &h, before, after);
}
