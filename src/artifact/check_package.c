/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: package.json: what an inventory wants, the commands that run at installation, and (over the whole release) what the
 * scripts do that those commands name.
 * Must not own: reading scripts (script_*.c). Hand-offs: commands' scripts are remembered as traits.
 */
#include "artifact/kinds.h"
#include "artifact/script.h"
#include "formats/formats.h"

#define SIZE_MAX_READ (4u << 20)
#define DEPENDENCIES_MAX 2000u
#define TRAIT_RUNS "script.runs" /* path of a script that a lifecycle command names, from the top of the release */
#define NAMED_MAX 500u
#define KNOWN_WEIGHT 3u
#define SHOWN 200
#define PATH_MAX_SCRIPT 512u

struct package {
    struct trn_look *l;
    struct trn_json j;
    uint32_t dependencies;
};

/* ---- scripts that a command names ---- */

static bool is_script_name(struct trn_str s)
{
    static const char *const ends[] = {".js", ".cjs", ".mjs", ".sh", ".py", ".ps1", ".ts"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++)
        if (trn_str_ends(s, trn_str_of(ends[i])))
            return true;
    return false;
}

static bool note_scripts(void *ctx, const struct trn_shell_command *c)
{
    struct trn_look *l = ctx;
    for (uint32_t i = 0; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text, dir = trn_path_dir(l->self->name);
        while (trn_str_starts(w, TRN_STR("./")))
            w = trn_str_slice(w, 2, SIZE_MAX);
        bool runs = i && trn_str_starts(trn_path_base(c->words[0].text), TRN_STR("node")) && w.n && w.p[0] != '-';
        if ((!is_script_name(w) && !runs) || w.n > PATH_MAX_SCRIPT)
            continue;
        bool top = trn_str_find(l->self->name, '/') < 0;
        struct trn_str path = top ? w : trn_arena_printf(l->arena, "%.*s/%.*s", TRN_STR_ARG(dir), TRN_STR_ARG(w));
        if (trn_look_trait(l, TRAIT_RUNS, path) < 0)
            return false;
    }
    return true;
}

/* Builds and fetches by tools that everybody knows, and what does nothing at all for who installs. */
static bool is_known(struct trn_str command)
{
    static const char *const words[] = {"node-gyp",
                                        "node-gyp-build",
                                        "prebuild-install",
                                        "prebuildify",
                                        "node-pre-gyp",
                                        "husky",
                                        "is-ci",
                                        "patch-package",
                                        "cmake-js",
                                        "electron-builder",
                                        "electron-rebuild",
                                        "opencollective",
                                        "opencollective-postinstall",
                                        "napi-postinstall",
                                        "tsc",
                                        "lerna",
                                        "echo",
                                        "exit"};
    struct trn_str first = TRN_STR_NONE, rest = trn_str_trim(command);
    (void)trn_str_split(&rest, ' ', &first);
    if (TRN_ONE_OF(first, "npx", "npm", "yarn", "pnpm"))
        (void)trn_str_split(&rest, ' ', &first);
    return trn_str_one_of(first, words, TRN_ARRAY_SIZE(words)) && !trn_str_contains(command, TRN_STR("&&")) &&
           !trn_str_contains(command, TRN_STR(";")) && !trn_str_contains(command, TRN_STR("|"));
}

static int tell_lifecycle(struct package *p, struct trn_str name, struct trn_str command, size_t at)
{
    struct trn_finding f;
    char shown[SHOWN];
    struct trn_script_found found = {0};
    bool by_user = TRN_ONE_OF(name, "prepare", "prepublish", "preuninstall", "uninstall", "postuninstall");
    trn_finding_init(&f, trn_check_find(TRN_STR("script.lifecycle")));
    if (by_user || is_known(command))
        f.score = KNOWN_WEIGHT;
    trn_escape_into(shown, sizeof(shown), command);
    trn_look_say(p->l, &f, "the package runs a command of its own at '%.*s': %s", TRN_STR_ARG(name), shown);
    trn_finding_add(&f, "offset", trn_arena_printf(p->l->arena, "0x%zx", at));
    trn_finding_add(&f, "script", name);
    trn_finding_add(&f, "command", trn_arena_str(p->l->arena, trn_str_of(shown)));
    int e = trn_look_found(p->l, &f);
    if (e == 0)
        e = trn_shell_judge(command, p->l->arena, &found);
    found.at = at;
    if (e == 0)
        e = trn_script_tell(p->l, 0, &found, true);
    return e < 0 || by_user ? e : trn_shell_parse(command, p->l->arena, note_scripts, p->l);
}

/* ---- members ---- */

static int scripts(struct package *p)
{
    struct trn_json_piece k, v;
    int e;
    while ((e = trn_json_next(&p->j, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = trn_json_next(&p->j, &v);
        bool runs = TRN_ONE_OF(k.raw, "preinstall", "install", "postinstall", "prepare", "prepublish", "preuninstall",
                               "uninstall", "postuninstall");
        if (e == 0 && runs && v.kind == TRN_JSON_STRING && v.raw.n)
            e = tell_lifecycle(p, k.raw, trn_json_unescape(&v, p->l->arena), v.at);
        else if (e == 0)
            e = trn_json_skip(&p->j, &v);
        if (e < 0)
            return e;
    }
    return e;
}

static int dependencies(struct package *p)
{
    struct trn_json_piece k, v;
    int e;
    while ((e = trn_json_next(&p->j, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = trn_json_next(&p->j, &v);
        if (e == 0 && v.kind == TRN_JSON_STRING && p->dependencies++ < DEPENDENCIES_MAX)
            e = trn_look_property(p->l, "dependency",
                                  trn_arena_printf(p->l->arena, "%.*s@%.*s", TRN_STR_ARG(k.raw), TRN_STR_ARG(v.raw)));
        else if (e == 0)
            e = trn_json_skip(&p->j, &v);
        if (e < 0)
            return e;
    }
    return e;
}

static int member(struct package *p, struct trn_str key, const struct trn_json_piece *v)
{
    if (v->kind == TRN_JSON_OBJECT && trn_str_eq_c(key, "scripts"))
        return scripts(p);
    if (v->kind == TRN_JSON_OBJECT && TRN_ONE_OF(key, "dependencies", "optionalDependencies"))
        return dependencies(p);
    if (v->kind != TRN_JSON_STRING)
        return trn_json_skip(&p->j, v);
    struct trn_str text = trn_json_unescape(v, p->l->arena);
    if (trn_str_eq_c(key, "name"))
        return trn_look_property(p->l, "product", text);
    if (trn_str_eq_c(key, "version"))
        return trn_look_property(p->l, "version", text);
    return trn_str_eq_c(key, "license") ? trn_look_property(p->l, "license", text) : 0;
}

int trn_look_package_json(struct trn_look *l, struct trn_err *err)
{
    struct package p = {.l = l};
    struct trn_json_piece k, v;
    struct trn_str text;
    (void)err;
    if (!trn_str_eq_c(l->name, "package.json") || l->bytes->size > SIZE_MAX_READ)
        return 0;
    int e = trn_source_take(l->bytes, 0, (size_t)l->bytes->size, l->arena, &text);
    if (e < 0)
        return e;
    trn_json_begin(&p.j, text);
    e = trn_json_next(&p.j, &k);
    if (e == 0 && k.kind != TRN_JSON_OBJECT)
        return 0;
    while (e == 0 && (e = trn_json_next(&p.j, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = trn_json_next(&p.j, &v);
        if (e == 0)
            e = member(&p, k.raw, &v);
    }
    return e == -EBADMSG ? trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "no JSON as it must be, at 0x%zx", p.j.at)
                         : e;
}

/* ---- over the release ---- */

static bool is_named(struct trn_str wanted, struct trn_str name)
{
    if (trn_str_eq(wanted, name))
        return true;
    struct trn_str with_end = trn_str_slice(name, 0, name.n > 3 ? name.n - 3 : 0); /* "node install" is install.js */
    return trn_str_ends(name, TRN_STR(".js")) && trn_str_eq(wanted, with_end);
}

static bool number(struct trn_str *rest, uint64_t *ret)
{
    struct trn_str piece;
    return trn_str_split(rest, ' ', &piece) && trn_str_u64(piece, ret) == 0;
}

int trn_release_lifecycle(struct trn_look *l, struct trn_err *err)
{
    size_t n, told = 0, named = 0;
    const struct trn_trait *t = trn_look_traits(l, &n);
    (void)err;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(t[i].trait, TRAIT_RUNS) != 0 || named++ >= NAMED_MAX)
            continue;
        for (size_t k = 0; k < n && told < 100; k++) {
            struct trn_script_found f = {0};
            struct trn_str rest = t[k].value;
            uint64_t act, at, line;
            if (strcmp(t[k].trait, TRN_TRAIT_SCRIPT) != 0 || !is_named(t[i].value, t[k].name) || !number(&rest, &act) ||
                !number(&rest, &at) || !number(&rest, &line))
                continue;
            f = (struct trn_script_found){.act = (enum trn_script_act)act,
                                          .at = (size_t)at,
                                          .line = (uint32_t)line,
                                          .words = rest};
            told++;
            int e = trn_script_tell(l, t[k].artifact, &f, true);
            if (e < 0)
                return e;
        }
    }
    return 0;
}
