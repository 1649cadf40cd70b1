/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a signature permits the program (entitlements), and which of it opens the program to others; programs that
 * nobody signed among those that somebody did. Must not own: reading a signature.
 */
#include "artifact/check_macho.h"

#define TOLD_MAX 128u
#define UNSIGNED_TOLD 64u

static const struct {
    const char *key;
    uint16_t score;
    const char *means;
} dangerous[] = {
    {"com.apple.security.get-task-allow", 12, "debuggers may take it over"},
    {"com.apple.security.cs.allow-dyld-environment-variables", 12, "the environment may put libraries into it"},
    {"com.apple.security.cs.disable-library-validation", 8, "it loads libraries that others signed"},
    {"com.apple.security.cs.disable-executable-page-protection", 15, "it may change its own code"},
    {"com.apple.security.cs.allow-unsigned-executable-memory", 8, "it may run code from memory that nobody signed"},
    {"com.apple.security.cs.debugger", 12, "it may take over other programs"},
    {"com.apple.private.tcc.allow", 25, "it asks nobody before it reads protected data"},
    {"com.apple.system-task-ports", 25, "it may take over any program"},
    {"task_for_pid-allow", 25, "it may take over any program"},
    {"com.apple.rootless.install", 25, "it may change protected parts of the system"},
};

struct entitlements {
    struct trn_look *l;
    struct trn_finding f;
    uint32_t told, hits;
    uint16_t score;
    const char *means;
    bool library, environment;
};

static int one(struct entitlements *x, struct trn_str key, const char *value, bool on)
{
    for (size_t i = 0; on && i < TRN_ARRAY_SIZE(dangerous); i++) {
        if (!trn_str_eq_c(key, dangerous[i].key))
            continue;
        x->hits++;
        x->means = dangerous[i].score > x->score ? dangerous[i].means : x->means;
        x->score = TRN_MAX(x->score, dangerous[i].score);
        x->library = x->library || i == 2;
        x->environment = x->environment || i == 1;
        trn_finding_add(&x->f, "entitlement", trn_arena_str(x->l->arena, key));
    }
    if (x->told == TOLD_MAX)
        return 0;
    x->told++;
    int e = trn_look_feature(x->l, &(struct trn_feature){TRN_FEATURE_ENTITLEMENT, key, trn_str_of(value), 0,
                                                         TRN_FEATURE_NOWHERE});
    return e < 0 ? e
                 : trn_look_property(x->l, "entitlement",
                                     trn_arena_printf(x->l->arena, "%.*s=%s", TRN_STR_ARG(key), value));
}

/* The value behind a key of the outermost dict; lists and dicts are only named as such, short texts told. */
static int value(struct entitlements *x, struct trn_plist *p, const struct trn_plist_item *v, struct trn_str key)
{
    int e = 0;
    const char *text = v->kind == TRN_PLIST_TRUE    ? "true"
                       : v->kind == TRN_PLIST_FALSE ? "false"
                       : v->kind == TRN_PLIST_ARRAY ? "list"
                       : v->kind == TRN_PLIST_DICT  ? "dict"
                                                    : NULL;
    bool on = v->kind != TRN_PLIST_FALSE;
    if (v->kind == TRN_PLIST_ARRAY || v->kind == TRN_PLIST_DICT)
        e = trn_plist_skip(p);
    if (!text)
        text = trn_arena_printf(x->l->arena, "%.*s", TRN_STR_ARG(trn_str_slice(v->text, 0, 200))).p;
    return e < 0 ? e : one(x, key, text ? text : "", on);
}

static int walk(struct entitlements *x, struct trn_str xml)
{
    struct trn_plist p;
    struct trn_plist_item item = {0};
    struct trn_str key = TRN_STR_NONE;
    trn_plist_init(&p, xml);
    int e = trn_plist_next(&p, &item);
    if (e == 0 && item.kind != TRN_PLIST_DICT)
        return -EBADMSG;
    while (e == 0 && (e = trn_plist_next(&p, &item)) == 0 && item.kind != TRN_PLIST_END) {
        if (item.kind == TRN_PLIST_KEY)
            key = trn_plist_text(x->l->arena, trn_str_slice(item.text, 0, 512));
        else if (item.kind != TRN_PLIST_DICT_END)
            e = value(x, &p, &item, key);
    }
    return e;
}

int trn_macho_entitlements(struct trn_look *l, const struct trn_apple *x)
{
    struct entitlements list = {.l = l};
    if (trn_str_is_empty(x->entitlements))
        return 0;
    trn_finding_init(&list.f, trn_check_find(TRN_STR("macho.entitlement")));
    int e = walk(&list, x->entitlements);
    if (e == -EBADMSG || e == -ENOTSUP || e == -E2BIG)
        e = trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "the entitlements in its signature cannot be read");
    if (e < 0 || list.hits == 0)
        return e;
    /* the two together let anybody who sets a variable run his code in it */
    list.f.score = list.library && list.environment ? TRN_MAX(list.score, (uint16_t)20) : list.score;
    trn_look_say(l, &list.f, "the signature grants %u right%s that open%s the program to others: %s", list.hits,
                 list.hits == 1 ? "" : "s", list.hits == 1 ? "s" : "", list.means);
    return trn_look_found(l, &list.f);
}

int trn_release_macho(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0, signed_ = 0, told = 0;
    const struct trn_trait *traits = trn_look_traits(l, &n);
    int e = 0;
    (void)err;
    for (size_t i = 0; i < n; i++)
        signed_ += strcmp(traits[i].trait, "macho.signer") == 0 && trn_str_eq_c(traits[i].value, "developer");
    for (size_t i = 0; e == 0 && signed_ && i < n && told < UNSIGNED_TOLD; i++) {
        if (strcmp(traits[i].trait, "macho.signer") != 0 || trn_str_eq_c(traits[i].value, "developer"))
            continue;
        struct trn_finding f;
        char name[200];
        trn_finding_init(&f, trn_check_find(TRN_STR("macho.unsigned-among-signed")));
        trn_finding_add(&f, "signature", traits[i].value);
        trn_finding_add(&f, "signed_siblings", trn_arena_printf(l->arena, "%zu", signed_));
        trn_look_say(l, &f, "'%s' is %s, while %zu other program%s of this release carr%s a developer's signature",
                     trn_escape_into(name, sizeof(name), traits[i].name),
                     trn_str_eq_c(traits[i].value, "none") ? "not signed" : "signed only by itself (ad-hoc)", signed_,
                     signed_ == 1 ? "" : "s", signed_ == 1 ? "ies" : "y");
        e = trn_look_found_in(l, traits[i].artifact, &f);
        told++;
    }
    return e;
}
