/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: images that gained bytes of no image, archives of applications that gained native code or another entry, members that
 * can no longer be looked into, and built files that changed without their sources.
 * Must not: weigh what the scan already says of the new one alone (compare_scan.c does).
 */
#include "release/compare_text.h"

#include <stdio.h>

/* ---- images ---- */

#define CODED 1024u /* from so many bytes on it can hold an order or a program */
#define FEW_WEIGHT 15u

int trn_compare_embedded(struct trn_compare *c)
{
    size_t n = 0, n_old = 0;
    uint64_t is = 0, was = 0;
    const struct trn_feature *worst = NULL;
    struct trn_finding f;
    if (!c->old_member || !c->new_member || trn_member_is_script(c->new_member))
        return 0;
    const struct trn_feature *now = trn_member_features(c->new_member, TRN_FEATURE_EMBEDDED, &n);
    const struct trn_feature *before = trn_member_features(c->old_member, TRN_FEATURE_EMBEDDED, &n_old);
    for (size_t i = 0; i < n; i++) {
        is += now[i].number;
        worst = !worst || now[i].number > worst->number ? &now[i] : worst;
    }
    for (size_t i = 0; i < n_old; i++)
        was += before[i].number;
    if (!worst || is < was + 64)
        return 0;
    int e = trn_compare_begin(c, "diff.hidden-growth", &f);
    if (e < 0)
        return e;
    if (is < was + CODED)
        f.score = FEW_WEIGHT;
    trn_compare_say(c, &f, "'%s' carries %llu bytes more that belong to no part of it (%.*s)",
                    trn_member_shown(c, c->new_member), (unsigned long long)(is - was), TRN_STR_ARG(worst->key));
    trn_compare_values(c, &f, trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)was),
                       trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)is), worst->at);
    return trn_compare_found(c, c->change, &f);
}

/* ---- members that closed ---- */

#define UNSUPPORTED 10u

int trn_compare_closed(struct trn_compare *c)
{
    struct trn_finding f;
    const struct trn_release_member *a = c->old_member, *b = c->new_member;
    if (!a || !b || a->children == 0 || b->children || a->gaps || b->gaps == 0)
        return 0;
    enum trn_gap_kind why = b->gap;
    int e = trn_compare_begin(c, "diff.closed", &f);
    if (e < 0)
        return e;
    if (why == TRN_GAP_UNSUPPORTED)
        f.score = UNSUPPORTED;
    trn_compare_say(c, &f, "'%s' held %u member%s in the old release and cannot be looked into now (%s)",
                    trn_member_shown(c, b), a->children, a->children == 1 ? "" : "s", trn_gap_kind_name(why));
    trn_compare_values(c, &f,
                       trn_arena_printf(c->arena, "%s, opened (%u inside)", trn_format_name(a->format), a->children),
                       trn_arena_printf(c->arena, "%s, %s", trn_format_name(b->format), trn_gap_kind_name(why)),
                       TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* ---- archives of Electron applications ---- */

static const struct trn_release_member *archive_of(const struct trn_release *r, const struct trn_release_member *m)
{
    while (m && m->parent != TRN_NO_MEMBER) {
        m = trn_release_at(r, m->parent);
        if (m && m->format == TRN_FORMAT_ASAR)
            return m;
    }
    return NULL;
}

static bool had_archive(const struct trn_release *r)
{
    for (size_t i = 0; i < trn_release_count(r); i++)
        if (trn_release_at(r, i)->format == TRN_FORMAT_ASAR)
            return true;
    return false;
}

static int tell_archive(struct trn_compare *c, struct trn_change *change, const char *what, struct trn_str was,
                        struct trn_str is, uint64_t at)
{
    struct trn_finding f;
    int e = trn_compare_begin(c, "diff.archive-integrity", &f);
    if (e < 0)
        return e;
    trn_compare_say(c, &f, "the application's archive %s: '%s'", what, trn_member_shown(c, change->new_member));
    trn_compare_values(c, &f, was, is, at);
    return trn_compare_found(c, change, &f);
}

static int entry_changed(struct trn_compare *c, struct trn_change *change, enum trn_feature_kind kind, const char *key)
{
    const struct trn_feature *is = trn_member_feature(change->new_member, kind, trn_str_of(key), TRN_STR_NONE);
    const struct trn_feature *was =
        change->old_member ? trn_member_feature(change->old_member, kind, trn_str_of(key), TRN_STR_NONE) : NULL;
    if (!is || !change->old_member || (was && trn_str_eq(was->value, is->value)) ||
        trn_member_feature(change->old_member, kind, trn_str_of(key), is->value))
        return 0;
    return tell_archive(c, change, kind == TRN_FEATURE_CALL ? "has another preload script" : "has another main script",
                        was ? was->value : TRN_STR_NONE, is->value, is->at);
}

int trn_context_archives(struct trn_compare *c)
{
    int e = 0;
    if (!had_archive(c->diff->old_release))
        return 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        const struct trn_release_member *m = change->new_member;
        if (change->kind == TRN_CHANGE_SAME || !m || !archive_of(c->diff->new_release, m))
            continue;
        if (change->kind == TRN_CHANGE_ADDED && trn_member_is_program(m))
            e = tell_archive(c, change, "gained native code", TRN_STR("no such program"), m->name, TRN_FEATURE_NOWHERE);
        if (e == 0 && trn_str_eq_c(m->name, "package.json") &&
            archive_of(c->diff->new_release, m)->depth + 1 == m->depth && trn_str_find(trn_member_place(m), '/') < 0)
            e = entry_changed(c, change, TRN_FEATURE_SCRIPT, "main");
        if (e == 0)
            e = entry_changed(c, change, TRN_FEATURE_CALL, "preload");
    }
    return e;
}

/* ---- built without source ---- */

#define MOST_WEIGHT 8u
#define NO_NEWS 8u

static bool in_folder(const struct trn_release_member *m, const char *const *names, size_t n)
{
    struct trn_str place = trn_member_place(m);
    for (size_t i = 0; i < n; i++)
        if (trn_str_contains(place, trn_str_of(names[i])))
            return true;
    return false;
}

static bool is_built(const struct trn_release_member *m)
{
    static const char *const names[] = {"/dist/", "/build/", "/lib/", "/esm/", "/cjs/", "/umd/", "/bundle/"};
    return m->format == TRN_FORMAT_JAVASCRIPT && in_folder(m, names, TRN_ARRAY_SIZE(names));
}

static bool is_source(const struct trn_release_member *m)
{
    static const char *const names[] = {"/src/", "/source/"};
    static const char *const ends[] = {".ts", ".tsx", ".js", ".jsx", ".mjs", ".coffee"};
    if (!in_folder(m, names, TRN_ARRAY_SIZE(names)) || trn_str_contains(trn_member_place(m), TRN_STR("node_modules/")))
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++)
        if (trn_str_ends(m->name, trn_str_of(ends[i])))
            return true;
    return false;
}

/* It names or calls something new: more than a version number changed. */
static bool has_news(struct trn_compare *c, struct trn_change *change, const struct trn_feature **ret)
{
    const struct trn_feature *const *fresh;
    size_t n = 0;
    c->new_member = change->new_member;
    c->old_member = change->old_member;
    if (trn_compare_new(c, TRN_FEATURE_CALL, false, &fresh, &n) == 0 && n)
        *ret = fresh[0];
    else if (trn_compare_new(c, TRN_FEATURE_TEXT, false, &fresh, &n) == 0 && n)
        *ret = fresh[0];
    c->new_member = c->old_member = NULL;
    return n != 0;
}

int trn_context_built(struct trn_compare *c)
{
    size_t sources = 0, sources_changed = 0, built = 0, built_changed = 0;
    struct trn_change *one = NULL;
    const struct trn_feature *news = NULL, *any = NULL;
    struct trn_finding f;
    for (size_t i = 0; i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        const struct trn_release_member *m = change->new_member ? change->new_member : change->old_member;
        bool differs = change->kind != TRN_CHANGE_SAME && change->kind != TRN_CHANGE_RENAMED;
        if (is_source(m)) {
            sources++;
            sources_changed += differs;
        } else if (is_built(m) && change->new_member) {
            built++;
            built_changed += differs;
            if (differs && change->old_member && (!one || (!news && has_news(c, change, &any)))) {
                one = change;
                news = has_news(c, change, &any) ? any : NULL;
            }
        }
    }
    if (sources < 1 || sources_changed || !one)
        return 0;
    int e = trn_compare_begin(c, "diff.built-alone", &f);
    if (e < 0)
        return e;
    if (!news)
        f.score = NO_NEWS;
    else if (built_changed * 2 > built && built > 2)
        f.score = MOST_WEIGHT;
    trn_compare_say(c, &f, "'%s' changed, while no source in the package did (of %zu; %zu of %zu built files differ)",
                    trn_member_shown(c, one->new_member), sources, built_changed, built);
    trn_compare_values(c, &f,
                       trn_arena_printf(c->arena, "%llu bytes%s", (unsigned long long)one->old_member->size,
                                        news ? ", without it" : ""),
                       trn_arena_printf(c->arena, "%llu bytes%s%.*s", (unsigned long long)one->new_member->size,
                                        news ? ", and names or calls " : " of another content",
                                        TRN_STR_ARG(news ? news->value : TRN_STR(""))),
                       news ? news->at : TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, one, &f);
}
