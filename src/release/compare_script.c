/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: scripts that became unreadable, and scripts that can do what no script of the old release could.
 * Must not: take a minifier for a disguise: what is only short and long-lined says nothing; what is coded says something.
 */
#include "release/compare_text.h"
#include "release/context.h"

#include <stdio.h>

#define MINIFIED 12u
#define NEW_FILE 40u

static uint64_t measure(const struct trn_release_member *m, const char *key)
{
    const struct trn_feature *f = m ? trn_member_feature(m, TRN_FEATURE_MEASURE, trn_str_of(key), TRN_STR_NONE) : NULL;
    return f ? f->number : 0;
}

/* ---- obfuscation ---- */

#define AS_OTHERS 8u /* a file of the old release was like that, perhaps the same under another name */

struct sign {
    const char *key;
    uint64_t from;  /* from this on it is one (thousandths) */
    uint64_t below; /* the old one had less */
    const char *words;
};
/* None appears in what minifiers and bundlers write (16,493 files, see check_javascript.c); token statistics, no names of tools. */
static const struct sign signs[] = {
    {"js.hex-names", 150, 50, "names that are hexadecimal numbers"},
    {"js.coded-letters", 250, 100, "ordinary letters written as numbers"},
    {"js.hex-name-count", 20 * 1000, 5 * 1000, "names that are hexadecimal numbers"},
    {"js.coded-letter-count", 60 * 1000, 10 * 1000, "ordinary letters written as numbers"},
    {"js.evaluates-decoded", 1000, 1000, "decoded text that is run as code"},
    {"js.symbols", 900, 700, "brackets and signs alone"},
};

static uint32_t new_signs(const struct trn_release_member *before, const struct trn_release_member *after,
                          const struct sign **ret)
{
    uint32_t n = 0;
    if (measure(after, "js.tokens") < 60 * 1000)
        return 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(signs); i++)
        if (measure(after, signs[i].key) >= signs[i].from &&
            (!before || measure(before, signs[i].key) < signs[i].below)) {
            *ret = n ? *ret : &signs[i];
            n++;
        }
    return n;
}

/* A table of strings that is put in order at run time, and what decodes it. */
static bool gained_table(const struct trn_release_member *before, const struct trn_release_member *after)
{
    return measure(after, "js.rotates") && measure(after, "js.string-list") >= 20 * 1000 &&
           !(measure(before, "js.rotates") && measure(before, "js.string-list") >= 20 * 1000);
}

static bool is_minified(const struct trn_release_member *m)
{
    uint64_t tokens = measure(m, "js.tokens"), lines = measure(m, "js.lines");
    return tokens >= 1000 * 1000 && tokens / TRN_MAX(lines, 1u) >= 40 && measure(m, "js.name-length") < 4500;
}

static const struct trn_feature *blob(const struct trn_release_member *m)
{
    return m ? trn_member_feature(m, TRN_FEATURE_EMBEDDED, TRN_STR("base64"), TRN_STR_NONE) : NULL;
}

/* Text in code letters that is much longer than it was, in a script that newly decodes or evaluates. */
static bool gained_blob(const struct trn_release_member *before, const struct trn_release_member *after)
{
    const struct trn_feature *was = blob(before), *is = blob(after);
    bool works = measure(after, "js.decoders") + measure(after, "js.evaluations") >
                 measure(before, "js.decoders") + measure(before, "js.evaluations");
    return is && works && is->number >= 1024 && is->number > 2 * (was ? was->number : 0);
}

/* Shares are told in thousandths of all, numbers in thousandths of one. */
static void say_measure(char *text, size_t size, const char *key, uint64_t v)
{
    static const struct {
        const char *key, *of;
    } shares[] = {{"js.hex-names", "of its names"},
                  {"js.coded-letters", "of the letters in its strings"},
                  {"js.symbols", "of what it is made of"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(shares); i++)
        if (strcmp(key, shares[i].key) == 0) {
            (void)snprintf(text, size, "%llu %% %s", (unsigned long long)v / 10, shares[i].of);
            return;
        }
    (void)snprintf(text, size, "%llu (%s)", (unsigned long long)v / 1000, key + strlen("js."));
}

static int tell_obfuscation(struct trn_compare *c, const char *words, const char *key, uint16_t score, uint64_t at)
{
    struct trn_finding f;
    char before[60] = "no such file", after[60];
    int e = trn_compare_begin(c, "diff.obfuscation", &f);
    if (e < 0)
        return e;
    f.score = TRN_MIN(score, f.score);
    trn_compare_say(c, &f, c->old_member ? "'%s' could be read and now has %s" : "the new '%s' has %s",
                    trn_member_shown(c, c->new_member), words);
    if (c->old_member)
        say_measure(before, sizeof(before), key, measure(c->old_member, key));
    say_measure(after, sizeof(after), key, measure(c->new_member, key));
    trn_compare_values(c, &f, trn_str_of(before), trn_str_of(after), at);
    return trn_compare_found(c, c->change, &f);
}

/* Has a file of the old release that sign? New ones are not all new: a hash in the name makes another name. */
static bool others_had(const struct trn_compare *c, const struct sign *sign)
{
    for (size_t i = 0; i < trn_release_count(c->diff->old_release); i++)
        if (measure(trn_release_at(c->diff->old_release, i), sign->key) >= sign->from)
            return true;
    return false;
}

int trn_compare_obfuscation(struct trn_compare *c)
{
    const struct trn_release_member *before = c->old_member, *after = c->new_member;
    const struct sign *first = NULL;
    if (!after || after->format != TRN_FORMAT_JAVASCRIPT || (before && before->format != TRN_FORMAT_JAVASCRIPT))
        return 0;
    if (new_signs(before, after, &first))
        return tell_obfuscation(c, first->words, first->key, !before && others_had(c, first) ? AS_OTHERS : NEW_FILE,
                                TRN_FEATURE_NOWHERE);
    if (gained_table(before, after))
        return tell_obfuscation(c, "a table of strings that is put in order at run time", "js.string-list", NEW_FILE,
                                TRN_FEATURE_NOWHERE);
    if (gained_blob(before, after))
        return tell_obfuscation(c, "a long coded text and what decodes it", "js.longest-string", NEW_FILE,
                                blob(after)->at);
    if (before && is_minified(after) && !is_minified(before))
        return tell_obfuscation(c, "the short names and long lines of a minifier", "js.name-length", MINIFIED,
                                TRN_FEATURE_NOWHERE);
    return 0;
}

/* ---- abilities ---- */

static const struct {
    const char *group, *words;
    uint16_t weight;
} groups[] = {
    {"network", "talks to the network", 20}, {"process", "starts programs", 20},
    {"code", "makes code from text", 20},    {"decode", "decodes text", 8},
    {"secret", "reads secrets", 28},         {"persist", "has itself started again", 25},
    {"native", "calls native code", 12},     {"account", "changes accounts", 20},
    {"privilege", "gives rights", 20},       {"trust", "changes what is trusted", 20},
};
enum { NETWORK = 0, PROCESS = 1, CODE = 2, DECODE = 3 }; /* of groups */
#define COMBINED 40u
#define ASIDE 3u
#define ELSEWHERE 4u /* other scripts of the release could before */
#define INSTALLING 45u
/* A file that was there can reach the network, and gained at once what decodes and what runs: that others could do parts of it is no
 * excuse. */
#define STAGED 40u
#define IN_A_FIX 40u /* what no script of the release could before comes with a version that says it is a fix */

static bool has_group(const struct trn_release_member *m, size_t g)
{
    if (!m)
        return false;
    if (strcmp(groups[g].group, "secret") == 0 &&
        trn_member_feature(m, TRN_FEATURE_TEXT, TRN_STR("secret"), TRN_STR_NONE))
        return true;
    return trn_member_feature(m, TRN_FEATURE_CALL, trn_str_of(groups[g].group), TRN_STR_NONE) != NULL;
}

static const struct trn_feature *example_of(const struct trn_release_member *m, size_t g)
{
    const struct trn_feature *f = trn_member_feature(m, TRN_FEATURE_CALL, trn_str_of(groups[g].group), TRN_STR_NONE);
    return f ? f : trn_member_feature(m, TRN_FEATURE_TEXT, TRN_STR("secret"), TRN_STR_NONE);
}

struct gained {
    const struct trn_feature *calls[TRN_ARRAY_SIZE(groups)];
    const char *words[TRN_ARRAY_SIZE(groups)];
    uint32_t n, strong; /* strong: no script of the old release could, and it matters by itself */
    uint16_t largest;
    bool brings, decodes, runs, first; /* first: no script of the release ran programs, read secrets, stayed */
};

static void gather(const struct trn_compare *c, const struct trn_map *known, struct gained *g)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(groups); i++) {
        if (!has_group(c->new_member, i) || has_group(c->old_member, i))
            continue;
        bool elsewhere = trn_is_known(known, trn_hash64_str(trn_str_of(groups[i].group)) | 1);
        uint16_t w = elsewhere ? ELSEWHERE : groups[i].weight;
        g->words[g->n] = groups[i].words;
        g->calls[g->n++] = example_of(c->new_member, i);
        g->strong += w >= 20;
        g->first = g->first || (!elsewhere && groups[i].weight >= 20 && i != NETWORK && i != CODE);
        g->brings = g->brings || has_group(c->new_member, NETWORK);
        g->decodes = g->decodes || i == DECODE;
        g->runs = g->runs || i == PROCESS || i == CODE;
        g->largest = TRN_MAX(g->largest, w);
    }
}

static int tell_gained(struct trn_compare *c, const struct gained *g)
{
    struct trn_finding f;
    bool installs = trn_member_feature(c->new_member, TRN_FEATURE_SCRIPT, TRN_STR("setup.py"), TRN_STR_NONE) != NULL;
    int e = trn_compare_begin(c, "diff.script-capability", &f);
    if (e < 0)
        return e;
    f.score = g->strong >= 2 ? COMBINED : g->largest;
    enum trn_bump bump = g->first && c->old_member ? trn_diff_bump(c->diff) : TRN_BUMP_UNKNOWN;
    if (bump == TRN_BUMP_PATCH || bump == TRN_BUMP_NONE)
        f.score = TRN_MAX(f.score, (uint16_t)IN_A_FIX);
    if (c->old_member && g->brings && g->runs && g->decodes)
        f.score = TRN_MAX(f.score, (uint16_t)STAGED);
    if (installs && g->n >= 2)
        f.score = INSTALLING;
    if (trn_member_is_aside(c->new_member))
        f.score = ASIDE;
    trn_compare_say(c, &f, "%s'%s' %s%s%s, and did not before", c->old_member ? "" : "the new ",
                    trn_member_shown(c, c->new_member), g->words[0], g->n > 1 ? " and " : "",
                    g->n > 1 ? g->words[1] : "");
    trn_compare_values(c, &f, c->old_member ? TRN_STR("no such call") : TRN_STR("no such file"),
                       trn_compare_list(c, g->calls, g->n, false), g->calls[0]->at);
    return trn_compare_found(c, c->change, &f);
}

/* Maintainer scripts have a check of their own. */
static bool is_script(const struct trn_release_member *m)
{
    return trn_member_maintainer_script(m).n == 0 && m->format != TRN_FORMAT_JSON && trn_member_is_script(m);
}

int trn_context_abilities(struct trn_compare *c)
{
    const struct trn_map *known = c->known[TRN_KNOWN_CALL];
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        struct gained g = {0};
        if (change->kind == TRN_CHANGE_SAME || !change->new_member || !is_script(change->new_member))
            continue;
        c->change = change;
        c->old_member = change->old_member;
        c->new_member = change->new_member;
        gather(c, known, &g);
        if (g.n && (g.largest > ELSEWHERE || g.n >= 2)) /* one that others could as well says nothing */
            e = tell_gained(c, &g);
    }
    c->change = NULL;
    c->old_member = c->new_member = NULL;
    return e;
}
