/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the set of what the old release and its predecessors had anywhere, and where a member stands.
 * Must not: know any check.
 */
#include "release/compare_text.h"

#define KNOWN_MAX (4u << 20)

uint64_t trn_known_by_value(const struct trn_feature *f)
{
    return trn_hash64_mix(trn_hash64_str(f->key), trn_hash64_str(f->value)) | 1;
}

uint64_t trn_known_by_key(const struct trn_feature *f)
{
    return trn_hash64_str(f->key) | 1;
}

static int add_release(const struct trn_release *r, enum trn_feature_kind kind, trn_known_key_fn *key,
                       struct trn_map *known)
{
    for (size_t i = 0; i < trn_release_count(r); i++) {
        size_t n;
        const struct trn_feature *f = trn_member_features(trn_release_at(r, i), kind, &n);
        for (size_t k = 0; k < n; k++) {
            uint64_t hash = key(&f[k]);
            int e = hash && trn_map_count(known) < KNOWN_MAX ? trn_map_put(known, hash, 1) : 0;
            if (e < 0)
                return e;
        }
    }
    return 0;
}

static const struct {
    enum trn_feature_kind kind;
    trn_known_key_fn *key;
} sets[TRN_KNOWN_MAX] = {
    [TRN_KNOWN_WHO] = {TRN_FEATURE_TEXT, trn_known_who},
    [TRN_KNOWN_HOST] = {TRN_FEATURE_TEXT, trn_known_host},
    [TRN_KNOWN_DOMAIN] = {TRN_FEATURE_TEXT, trn_known_domain},
    [TRN_KNOWN_BROWSER] = {TRN_FEATURE_TEXT, trn_known_browser},
    [TRN_KNOWN_CALL] = {TRN_FEATURE_CALL, trn_known_by_key},
    [TRN_KNOWN_START_NAME] = {TRN_FEATURE_SERVICE, trn_known_start_name},
    [TRN_KNOWN_START_PROGRAM] = {TRN_FEATURE_SERVICE, trn_known_start_program},
    [TRN_KNOWN_START] = {TRN_FEATURE_SERVICE, trn_known_by_value},
    [TRN_KNOWN_DEPENDENCY] = {TRN_FEATURE_DEPENDENCY, trn_known_by_key},
};

int trn_known_add(struct trn_compare *c, const struct trn_release *r)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_KNOWN_MAX; i++) {
        if (!c->known[i] && !(c->known[i] = trn_map_new(KNOWN_MAX)))
            return -ENOMEM;
        e = add_release(r, sets[i].kind, sets[i].key, c->known[i]);
    }
    return e;
}

void trn_known_forget(struct trn_compare *c)
{
    for (size_t i = 0; i < TRN_KNOWN_MAX; i++)
        c->known[i] = trn_map_free(c->known[i]);
}

bool trn_is_known(const struct trn_map *known, uint64_t key)
{
    uint64_t unused;
    return trn_map_get(known, key, &unused);
}

struct trn_str trn_member_place(const struct trn_release_member *m)
{
    ptrdiff_t mark = trn_str_rfind(m->path, '!');
    return mark < 0 ? m->path : trn_str_slice(m->path, (size_t)mark + 1, m->path.n);
}

struct trn_str trn_member_maintainer_script(const struct trn_release_member *m)
{
    static const char *const keys[] = {"preinst",     "postinst",         "prerm",       "postrm",      "config",
                                       "prein",       "postin",           "preun",       "postun",      "pretrans",
                                       "posttrans",   "preuntrans",       "postuntrans", "verify",      "trigger",
                                       "filetrigger", "transfiletrigger", "preinstall",  "postinstall", "preflight",
                                       "postflight",  "preupgrade",       "postupgrade"};
    size_t n = 0;
    const struct trn_feature *f = m->format == TRN_FORMAT_JSON ? NULL : trn_member_features(m, TRN_FEATURE_SCRIPT, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < TRN_ARRAY_SIZE(keys); k++)
            if (trn_str_eq_c(f[i].key, keys[k]))
                return f[i].key;
    return TRN_STR("");
}

bool trn_member_is_aside(const struct trn_release_member *m)
{
    static const char *const parts[] = {"/test/", "/tests/", "/__tests__/", "/spec/",      "/examples/",  "/example/",
                                        "/docs/", "/doc/",   "/demo/",      "/benchmark/", "/benchmarks/"};
    static const char *const ends[] = {".md", ".markdown", ".rst", ".html", ".htm", ".txt", ".map", ".d.ts", ".svg"};
    struct trn_str path = trn_member_place(m);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++)
        if (trn_str_contains(path, trn_str_of(parts[i])))
            return true;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++)
        if (trn_str_ends(path, trn_str_of(ends[i])))
            return true;
    return TRN_ONE_OF(m->name, "README", "LICENSE", "CHANGELOG", "copyright", "AUTHORS", "NEWS", "THANKS");
}

const char *trn_member_shown(struct trn_compare *c, const struct trn_release_member *m)
{
    char text[220];
    struct trn_str place = trn_member_place(m);
    struct trn_str s =
        trn_arena_str(c->arena, trn_str_of(trn_escape_into(text, sizeof(text), place.n ? place : m->name)));
    return s.p ? s.p : "";
}
