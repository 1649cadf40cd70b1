/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a changed program can do that it could not: groups of imported functions, files of its own release that it
 * opens as data.
 * Must not: take a name as evidence: a family says what does not belong, never what is harmless.
 */
#include "release/compare_code.h"

#include <stdio.h>

#define BIT(can) (1u << (can))
#define SYMBOLS_MAX 64u
/* Without a task that is known new functions are mostly just that. */
#define UNKNOWN_MAX 28u
#define NEW_READS 25u
#define NEW_MAX 25u   /* of a program that is new itself */
#define SMALL_MIN 42u /* a small change that brings a loader's means, or those of a remote hand */
#define ALONE_MIN 40u /* a small change that brings one such group that no function of it was of */
#define HAD_BEFORE 5u /* more functions of a group that it had: of weight 2; twice that of weight 3 */

bool trn_code_pair(const struct trn_compare *c)
{
    return c->old_member && c->new_member && trn_member_is_program(c->old_member) &&
           trn_member_is_program(c->new_member) && c->old_member->n_features && c->new_member->n_features;
}

uint64_t trn_code_number(const struct trn_release_member *m, enum trn_feature_kind kind, const char *key)
{
    size_t n = 0;
    uint64_t sum = 0;
    const struct trn_feature *f = m ? trn_member_features(m, kind, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (!key || trn_str_eq_c(f[i].key, key))
            sum += f[i].number;
    return sum;
}

static uint64_t imports_of(const struct trn_release_member *m)
{
    return trn_code_number(m, TRN_FEATURE_MEASURE, "code.imports") / 1000;
}

bool trn_code_small_change(const struct trn_release_member *before, const struct trn_release_member *after)
{
    uint64_t a = imports_of(before), b = imports_of(after), more = b > a ? b - a : 0;
    uint64_t slack = TRN_MAX(before->size / 10, (uint64_t)65536);
    return after->size <= before->size + slack && after->size + slack >= before->size &&
           more <= TRN_MAX(a / 10, (uint64_t)12);
}

/* What it had for its own house alone (memory that is only allocated) is not what it has now. */
static uint32_t gained(const struct trn_abilities *a, const struct trn_abilities *b)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < TRN_CAN_MAX; i++)
        if (b->weight[i] > a->weight[i] && a->weight[i] < 2)
            mask |= BIT(i);
    return mask;
}

uint32_t trn_code_gained(const struct trn_release_member *before, const struct trn_release_member *after)
{
    struct trn_abilities a = trn_abilities_of(before), b = trn_abilities_of(after);
    return gained(&a, &b);
}

struct trn_str trn_code_says(struct trn_compare *c, uint64_t n)
{
    return trn_arena_printf(c->arena, "%llu", (unsigned long long)n);
}

/* ---- groups ---- */

struct gain {
    uint32_t mask, foreign;   /* groups that are new; those that are not of its task */
    uint32_t before;          /* groups that it had */
    struct trn_abilities all; /* of the new one */
    const struct trn_feature *symbols[SYMBOLS_MAX];
    size_t n;
    uint8_t more;     /* highest weight of new functions in groups that it had */
    uint32_t reaches; /* of those: how many reach into other processes */
    bool small;
    const struct trn_family *family;
};

/* Functions that are new: of new groups; else the telling ones of groups that it had. */
static void collect(struct gain *g, const struct trn_feature *const *fresh, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct trn_ability a;
        if (!trn_ability_of(fresh[i]->value, &a))
            continue;
        bool is_new = g->mask & BIT(a.can);
        if (!is_new) {
            g->more = TRN_MAX(g->more, a.weight);
            g->reaches += a.can == TRN_CAN_MEMORY && a.weight == 3;
        }
        if ((is_new || (g->mask == 0 && a.weight >= 2)) && g->n < SYMBOLS_MAX)
            g->symbols[g->n++] = fresh[i];
    }
}

/* What groups weigh in a program of no known task. */
static uint32_t weigh(const struct gain *g)
{
    static const uint8_t weights[TRN_CAN_MAX] = {
        [TRN_CAN_FILE] = 6,   [TRN_CAN_NETWORK] = 16,     [TRN_CAN_PROCESS] = 16,      [TRN_CAN_MEMORY] = 12,
        [TRN_CAN_CRYPTO] = 5, [TRN_CAN_PERSISTENCE] = 16, [TRN_CAN_BROWSER_DATA] = 22, [TRN_CAN_SYSTEM_INFORMATION] = 4,
    };
    uint32_t sum = 0;
    for (uint32_t i = 0; i < TRN_CAN_MAX; i++)
        if (g->mask & BIT(i))
            sum += g->all.weight[i] == 1 ? weights[i] / 2 + 1 : weights[i];
    return sum;
}

static bool strong(const struct gain *g, enum trn_can can)
{
    return (g->mask & BIT(can)) && g->all.weight[can] >= 2;
}

/* Out of its own process and files, or into other processes. */
static bool reaches_out(const struct gain *g)
{
    return strong(g, TRN_CAN_NETWORK) || strong(g, TRN_CAN_PROCESS) || strong(g, TRN_CAN_PERSISTENCE) ||
           strong(g, TRN_CAN_BROWSER_DATA) || (strong(g, TRN_CAN_MEMORY) && g->all.weight[TRN_CAN_MEMORY] == 3);
}

static uint16_t score_of(const struct trn_compare *c, const struct gain *g)
{
    if (!g->mask && g->small && g->reaches > 1)
        return ALONE_MIN;
    if (!g->mask)
        return (uint16_t)(g->more == 3 ? 2 * HAD_BEFORE : g->more == 2 ? HAD_BEFORE : 0);
    uint32_t sum = weigh(g);
    if (g->family && g->foreign) {
        bool telling = false;
        for (uint32_t i = 0; i < TRN_CAN_MAX; i++)
            telling = telling || (g->foreign & BIT(i) && g->all.weight[i] >= 2);
        uint32_t full = telling ? 50u : __builtin_popcount(g->foreign) > 1 ? 30u : 15u;
        return (uint16_t)(g->small || full < 50 ? full : full * 3 / 5);
    }
    bool loader = strong(g, TRN_CAN_MEMORY) && g->mask & BIT(TRN_CAN_FILE);
    bool agent = strong(g, TRN_CAN_NETWORK) && strong(g, TRN_CAN_PROCESS);
    uint32_t telling = 0, most = 0;
    for (uint32_t i = 0; i < TRN_CAN_MAX; i++) {
        telling += strong(g, (enum trn_can)i);
        most = g->mask & BIT(i) ? TRN_MAX(most, g->all.weight[i]) : most;
    }
    bool hand = telling > 1 && most == 3;
    if (g->small && (hand || (loader && trn_member_is_library(c->new_member)) || agent))
        return SMALL_MIN;
    if (g->small && reaches_out(g))
        return ALONE_MIN; /* a fix gives no program the network; a version with new functions may (context_version.c) */
    return (uint16_t)TRN_MIN(g->small ? sum : sum / 2 + 1, UNKNOWN_MAX);
}

/* "file, network" -> "file, network, and now memory" */
static void tell_abilities(struct trn_compare *c, struct trn_finding *f, const char *had, const char *won, uint64_t at)
{
    bool none = strcmp(had, "none") == 0;
    trn_compare_values(c, f, none ? TRN_STR("none of these abilities") : trn_arena_str(c->arena, trn_str_of(had)),
                       !won   ? trn_arena_printf(c->arena, "%s, by more functions", had)
                       : none ? trn_arena_str(c->arena, trn_str_of(won))
                              : trn_arena_printf(c->arena, "%s, and now %s", had, won),
                       at);
}

static int new_capability(struct trn_compare *c)
{
    struct trn_abilities was = trn_abilities_of(c->old_member);
    struct gain g = {.all = trn_abilities_of(c->new_member)};
    const struct trn_feature *const *fresh;
    char won[120], had[120];
    struct trn_finding f;
    size_t n;
    int e = trn_compare_new(c, TRN_FEATURE_IMPORT, false, &fresh, &n);
    g.mask = gained(&was, &g.all);
    g.before = was.mask & ~g.mask;
    collect(&g, fresh, n);
    g.small = trn_code_small_change(c->old_member, c->new_member);
    g.family = g.mask ? trn_family_of(c->new_member) : NULL;
    g.foreign = g.family ? g.mask & ~g.family->task : 0;
    uint16_t score = e == 0 && g.n ? score_of(c, &g) : 0;
    if (!score)
        return e;
    e = trn_compare_begin(c, "diff.new-capability", &f);
    if (e < 0)
        return e;
    f.score = score;
    const struct trn_feature *asked_for = NULL; /* by its name, and not imported as others are */
    for (size_t i = 0; i < g.n && !asked_for; i++)
        asked_for = trn_str_eq_c(g.symbols[i]->key, "by name") ? g.symbols[i] : NULL;
    struct trn_str names = trn_compare_list(c, g.symbols, g.n, false);
    trn_abilities_say(g.mask ? g.mask : g.all.mask & g.before, won, sizeof(won));
    trn_abilities_say(g.before, had, sizeof(had));
    if (g.foreign)
        trn_compare_say(c, &f, "it uses %.*s now (%s): the old one could not, and %s needs none of it",
                        TRN_STR_ARG(names), won, g.family->is);
    else
        trn_compare_say(c, &f, "it uses %.*s now (%s)%s", TRN_STR_ARG(names), won,
                        g.mask ? ", which the old one could not" : ", more than it did before");
    tell_abilities(c, &f, had, g.mask ? won : NULL, asked_for ? asked_for->at : TRN_FEATURE_NOWHERE);
    if (asked_for)
        trn_finding_add(&f, "by_name", trn_compare_list(c, &asked_for, 1, false));
    trn_finding_add(&f, "symbols", names);
    if (g.family)
        trn_finding_add(&f, "family", trn_str_of(g.family->name));
    if (!g.small)
        trn_finding_add(&f, "weight", TRN_STR("less: the file changed much as a whole"));
    return trn_compare_found(c, c->change, &f);
}

/* Asked once. */
static const struct trn_abilities *of_old_release(struct trn_compare *c)
{
    const struct trn_release *r = c->diff->old_release;
    struct trn_abilities *all = c->old_abilities ? NULL : trn_arena_alloc(c->arena, sizeof(*all));
    for (size_t i = 0, n = all ? trn_release_count(r) : 0; i < n; i++) {
        const struct trn_release_member *m = trn_release_at(r, i);
        struct trn_abilities one = trn_member_is_program(m) ? trn_abilities_of(m) : (struct trn_abilities){0};
        all->mask |= one.mask;
        for (size_t k = 0; k < TRN_CAN_MAX; k++)
            all->weight[k] = TRN_MAX(all->weight[k], one.weight[k]);
    }
    if (all)
        c->old_abilities = all;
    return c->old_abilities;
}

/* What no program of the old release could: of one that is new in the release. */
static int new_among_all(struct trn_compare *c)
{
    struct gain g = {.all = trn_abilities_of(c->new_member), .small = true};
    const struct trn_abilities *before = of_old_release(c);
    char won[120], had[120], name[160];
    struct trn_finding f;
    if (!before)
        return -ENOMEM;
    g.mask = gained(before, &g.all);
    uint32_t sum = weigh(&g);
    if (!sum)
        return 0;
    int e = trn_compare_begin(c, "diff.new-capability", &f);
    if (e < 0)
        return e;
    f.score = (uint16_t)TRN_MIN(sum / 4 + 1, NEW_MAX);
    trn_compare_say(c, &f, "'%s' is new, and can do what no program of the old release could: %s",
                    trn_escape_into(name, sizeof(name), c->new_member->name),
                    trn_abilities_say(g.mask, won, sizeof(won)));
    trn_abilities_say(before->mask, had, sizeof(had));
    trn_compare_values(c, &f,
                       before->mask ? trn_arena_printf(c->arena, "all programs: %s", had)
                                    : TRN_STR("no program could any of it"),
                       trn_arena_str(c->arena, trn_str_of(won)), TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* ---- siblings ---- */

static bool had_siblings(const struct trn_compare *c)
{
    size_t n = 0;
    const struct trn_feature *f = trn_member_features(c->old_member, TRN_FEATURE_SIBLING, &n);
    for (size_t i = 0; i < n; i++)
        if (trn_release_program_named(c->diff->old_release, f[i].value, c->old_member))
            return true;
    return false;
}

static int sibling_read(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    const struct trn_feature *first = NULL;
    struct trn_finding f;
    char name[120];
    size_t n;
    int e = trn_compare_new(c, TRN_FEATURE_SIBLING, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (trn_release_program_named(c->diff->new_release, fresh[i]->value, c->new_member) &&
            (!first || fresh[i]->number > first->number))
            first = fresh[i];
    if (e < 0 || !first)
        return e;
    e = trn_compare_begin(c, "diff.sibling-read", &f);
    if (e < 0)
        return e;
    bool before = c->old_member && had_siblings(c), runs = first->number != 0;
    if (!c->old_member && !runs)
        return 0; /* new programs of a release name each other */
    f.score = !c->old_member                                                ? NEW_READS
              : before                                                      ? 15
              : runs && trn_code_small_change(c->old_member, c->new_member) ? f.check->score
              : runs                                                        ? 28
                                                                            : 12;
    trn_compare_say(c, &f, "it names '%s', a program of the same release, reads files%s, and does not load it: %s",
                    trn_escape_into(name, sizeof(name), first->value),
                    runs ? " and can decrypt or run what it read" : "",
                    c->old_member ? "it did not name it before" : "it is new itself");
    trn_compare_values(c, &f, before ? TRN_STR("other programs of the release") : TRN_STR("no program beside it"),
                       first->value, first->at);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_code(struct trn_compare *c)
{
    if (!c->old_member && c->new_member && trn_member_is_program(c->new_member)) {
        int e = new_among_all(c);
        return e < 0 ? e : sibling_read(c);
    }
    if (!trn_code_pair(c))
        return 0;
    int e = new_capability(c);
    return e < 0 ? e : sibling_read(c);
}
