/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a package newly runs on installation, and what it newly asks for: lifecycle and maintainer scripts, custom actions,
 * dependencies.
 * Must not: run or read a script; what it can do was told by who read it.
 */
#include "release/compare_text.h"

#include <ctype.h>

/* ---- npm: lifecycle scripts ---- */

#define KNOWN_TOOL 5u
#define BY_USER 3u
#define NESTED 25u /* of a package inside of the package: npm does not run it with that */
#define SAME_PROGRAM 8u

static uint64_t measure_of(const struct trn_release_member *m, const char *key)
{
    const struct trn_feature *f = trn_member_feature(m, TRN_FEATURE_MEASURE, trn_str_of(key), TRN_STR_NONE);
    return f ? f->number : 0;
}

/* The scan knows tools that build or fetch: it weighs those as next to nothing. */
static bool is_usual(const struct trn_release_member *m, struct trn_str key)
{
    for (size_t i = 0; i < m->n_findings; i++) {
        const struct trn_finding *f = m->findings[i];
        if (!trn_str_eq_c(trn_str_of(f->check->id), "script.lifecycle") || f->score > KNOWN_TOOL)
            continue;
        for (uint32_t k = 0; k < f->n_evidence; k++)
            if (trn_str_eq_c(f->evidence[k].key, "script") && trn_str_eq(f->evidence[k].value, key))
                return true;
    }
    return false;
}

/* The program and the file it is given: "node install.js --x=1" -> "node install.js". */
static struct trn_str program_of(struct trn_str command)
{
    size_t words = 0, i = 0;
    for (; i < command.n; i++)
        if (command.p[i] == ' ' && ++words == 2)
            break;
    return trn_str_slice(command, 0, i);
}

#define HARMLESS 20u

/* "scripts/x.js" as "node" takes it, beside the package.json; NULL: not in the release. */
static const struct trn_release_member *script_at(const struct trn_compare *c, struct trn_str file)
{
    struct trn_str path = c->new_member->path, dir;
    dir = trn_str_slice(path, 0, path.n - TRN_MIN(path.n, c->new_member->name.n));
    while (trn_str_starts(file, TRN_STR("./")))
        file = trn_str_slice(file, 2, file.n);
    for (size_t i = 0; i < trn_release_count(c->diff->new_release); i++) {
        const struct trn_release_member *m = trn_release_at(c->diff->new_release, i);
        if (file.n && m->path.n == dir.n + file.n && trn_str_starts(m->path, dir) && trn_str_ends(m->path, file))
            return m;
    }
    return NULL;
}

/* It reads, writes and starts what is there: it neither fetches nor decodes nor makes code from text nor reads secrets. */
static bool stays_here(const struct trn_release_member *m)
{
    static const char *const far[] = {"network", "code", "decode", "secret", "persist"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(far); i++)
        if (trn_member_feature(m, TRN_FEATURE_CALL, trn_str_of(far[i]), TRN_STR_NONE))
            return false;
    return m->format == TRN_FORMAT_JAVASCRIPT && measure_of(m, "js.hex-name-count") == 0 &&
           measure_of(m, "js.coded-letter-count") == 0 &&
           trn_member_feature(m, TRN_FEATURE_CALL, TRN_STR_NONE, TRN_STR_NONE);
}

/* Each part of the command runs a script of the package that stays here, or a tool that builds (and is only a part of it). */
static bool is_harmless(const struct trn_compare *c, struct trn_str command)
{
    bool any = false;
    struct trn_str rest = command, part;
    while (trn_str_split(&rest, '|', &part)) {
        part = trn_str_trim(part);
        if (part.n == 0 || trn_str_starts(part, TRN_STR("node-gyp")))
            continue;
        const struct trn_release_member *m =
            trn_str_starts(part, TRN_STR("node ")) ? script_at(c, trn_str_slice(part, 5, part.n)) : NULL;
        if (!m || !stays_here(m))
            return false;
        any = true;
    }
    return any;
}

static int lifecycle(struct trn_compare *c, const struct trn_feature *s)
{
    struct trn_finding f;
    char text[160];
    const struct trn_feature *was =
        c->old_member ? trn_member_feature(c->old_member, TRN_FEATURE_SCRIPT, s->key, TRN_STR_NONE) : NULL;
    int e = trn_compare_begin(c, "diff.lifecycle-script", &f);
    if (e < 0)
        return e;
    if (!TRN_ONE_OF(s->key, "preinstall", "install", "postinstall"))
        f.score = BY_USER;
    else if (is_usual(c->new_member, s->key))
        f.score = KNOWN_TOOL;
    else if (was && trn_str_eq(program_of(was->value), program_of(s->value)) &&
             !trn_str_contains(s->value, TRN_STR("&")) && !trn_str_contains(s->value, TRN_STR("|")) &&
             !trn_str_contains(s->value, TRN_STR(";")))
        f.score = SAME_PROGRAM;
    else if (is_harmless(c, s->value))
        f.score = HARMLESS;
    else if (trn_str_contains(trn_member_place(c->new_member), TRN_STR("node_modules/")))
        f.score = NESTED;
    trn_compare_say(c, &f, "the package %s at '%.*s': %s", was ? "now runs another command" : "now runs a command",
                    TRN_STR_ARG(s->key), trn_escape_into(text, sizeof(text), s->value));
    trn_compare_values(c, &f, was ? was->value : TRN_STR("no such command"), s->value, s->at);
    trn_finding_add(&f, "script", s->key);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_lifecycle(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    size_t n;
    if (!c->new_member || !trn_str_eq_c(c->new_member->name, "package.json"))
        return 0;
    int e = trn_compare_new(c, TRN_FEATURE_SCRIPT, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (!trn_str_eq_c(fresh[i]->key, "main"))
            e = lifecycle(c, fresh[i]);
    return e;
}

/* ---- Debian, RPM: maintainer scripts ---- */

static const struct {
    const char *group, *words;
    uint16_t weight;
} gains[] = {
    {"network", "fetches from the network", 35},
    {"code", "runs code made from text", 35},
    {"decode", "decodes text", 35},
    {"persist", "has something started again", 30},
    {"trust", "changes which keys are trusted", 28},
    {"privilege", "gives rights", 28},
    {"account", "changes accounts", 15},
    {"file-mode", "makes something executable", 15},
    {"process", "starts an interpreter", 12},
    {"run", "runs a program of its own", 8},
};
#define BOTH 50u /* fetches or decodes, and runs */

static struct trn_str script_key(const struct trn_release_member *m)
{
    return m ? trn_member_maintainer_script(m) : TRN_STR_NONE;
}

int trn_compare_maintainer(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    const struct trn_feature *told[TRN_ARRAY_SIZE(gains)];
    struct trn_str key = script_key(c->new_member);
    struct trn_finding f;
    const char *words[TRN_ARRAY_SIZE(gains)];
    size_t n = 0, n_told = 0;
    bool brings = false, runs = false;
    uint16_t weight = 0;
    if (key.n == 0)
        return 0;
    int e = trn_compare_new(c, TRN_FEATURE_CALL, false, &fresh, &n);
    for (size_t g = 0; e == 0 && g < TRN_ARRAY_SIZE(gains); g++)
        for (size_t i = 0; i < n; i++) {
            if (!trn_str_eq_c(fresh[i]->key, gains[g].group))
                continue;
            weight = TRN_MAX(weight, gains[g].weight);
            brings = brings || g == 0 || g == 2;
            runs = runs || TRN_ONE_OF(fresh[i]->key, "code", "process", "run", "file-mode", "persist");
            words[n_told] = gains[g].words;
            told[n_told++] = fresh[i];
            break;
        }
    if (e < 0 || n_told == 0 || (e = trn_compare_begin(c, "diff.maintainer-script", &f)) < 0)
        return e;
    f.score = brings && runs ? BOTH : weight;
    trn_compare_say(c, &f, "the package's %.*s, run as root, now %s%s%s", TRN_STR_ARG(key), words[0],
                    n_told > 1 ? " and " : "", n_told > 1 ? words[1] : "");
    trn_compare_values(c, &f, c->old_member ? TRN_STR("no such command") : TRN_STR("no such script"),
                       trn_compare_list(c, told, n_told, false), told[0]->at);
    return trn_compare_found(c, c->change, &f);
}

/* ---- MSI: custom actions ---- */

/* Digits and what is no letter differ from version to version. */
static bool same_letters(struct trn_str a, struct trn_str b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a.n && !isalpha((unsigned char)a.p[i]))
            i++;
        while (k < b.n && !isalpha((unsigned char)b.p[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (a.p[i++] != b.p[k++])
            return false;
    }
}

#define CHANGED_ACTION 20u

static int action(struct trn_compare *c, const struct trn_feature *s)
{
    struct trn_finding f;
    char text[200];
    size_t n;
    ptrdiff_t colon = trn_str_find(s->value, ':');
    struct trn_str name = trn_str_slice(s->value, 0, colon < 0 ? s->value.n : (size_t)colon + 1), was = TRN_STR_NONE;
    const struct trn_feature *before = trn_member_features(c->old_member, TRN_FEATURE_SCRIPT, &n);
    for (size_t i = 0; i < n; i++) {
        if (!trn_str_eq_c(before[i].key, "custom-action"))
            continue;
        if (same_letters(before[i].value, s->value))
            return 0;
        was = trn_str_starts(before[i].value, name) ? before[i].value : was;
    }
    int e = trn_compare_begin(c, "diff.custom-action", &f);
    if (e < 0)
        return e;
    if (was.n)
        f.score = CHANGED_ACTION;
    trn_compare_say(c, &f, "the installer has %s action that runs something: %s", was.n ? "changed an" : "gained an",
                    trn_escape_into(text, sizeof(text), s->value));
    trn_compare_values(c, &f, was.n ? was : TRN_STR("no such action"), s->value, s->at);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_actions(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    size_t n;
    if (!c->old_member || !c->new_member || c->new_member->format != TRN_FORMAT_MSI)
        return 0;
    int e = trn_compare_new(c, TRN_FEATURE_SCRIPT, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++)
        if (trn_str_eq_c(fresh[i]->key, "custom-action"))
            e = action(c, fresh[i]);
    return e;
}
