/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a match says as a finding, and what it weighs.
 * Must not: trust a rule's own words (they are escaped in the summary), weigh text above what text may weigh.
 *
 * weight = weight of the check x the rule's `score` / 75 (what public sets mean by "no special score"), at most the cap of text.
 */
#include "artifact/yara_internal.h"

#define USUAL_SCORE 75
#define HIGHEST 75
#define OTHERS_MAX 5 /* further strings named */
#define EXCERPT 32u
#define TEXT_MAX 240 /* of the author's words */

struct metas {
    struct trn_str description, author, reference;
    int64_t score; /* -1: none */
};

static struct trn_str cut(const char *text)
{
    return trn_str_slice(trn_str_of(text), 0, TEXT_MAX);
}

static struct metas metas_of(const YR_RULE *rule)
{
    struct metas m = {.score = -1};
    const YR_META *meta;
    uint64_t number;
    yr_rule_metas_foreach(rule, meta)
    {
        struct trn_str key = trn_str_of(meta->identifier);
        bool text = meta->type == META_TYPE_STRING;
        if (text && trn_str_eq_c(key, "description"))
            m.description = cut(meta->string);
        else if (text && trn_str_eq_c(key, "author"))
            m.author = cut(meta->string);
        else if (text && trn_str_eq_c(key, "reference"))
            m.reference = cut(meta->string);
        else if (trn_str_eq_c(key, "score") && meta->type == META_TYPE_INTEGER && meta->integer >= 0)
            m.score = TRN_MIN(meta->integer, (int64_t)100);
        else if (text && trn_str_eq_c(key, "score") && trn_str_u64(trn_str_of(meta->string), &number) == 0)
            m.score = (int64_t)TRN_MIN(number, (uint64_t)100);
    }
    return m;
}

static uint16_t weight_of(uint16_t check, int64_t score)
{
    int64_t w = score < 0 ? check : ((int64_t)check * score + USUAL_SCORE / 2) / USUAL_SCORE;
    return (uint16_t)TRN_MIN(w, (int64_t)HIGHEST);
}

static uint64_t place_of(const YR_MATCH *m)
{
    return (uint64_t)m->base + (uint64_t)m->offset;
}

static void tell_string(struct trn_finding *f, const struct trn_yara_told *t, const YR_STRING *s, const YR_MATCH *m,
                        uint32_t count)
{
    uint8_t head[EXCERPT];
    char hex[2 * EXCERPT + 1];
    uint64_t at = place_of(m);
    size_t n = (size_t)TRN_MIN(TRN_MAX(m->match_length, 0), (int32_t)EXCERPT);
    int64_t got = trn_source_read(t->bytes, at, head, n);
    trn_hex(head, got > 0 ? (size_t)got : 0, hex);
    trn_finding_add(f, "string", trn_arena_str(t->arena, trn_str_of(s->identifier)));
    trn_finding_add(f, "offset", trn_arena_printf(t->arena, "0x%llx", (unsigned long long)at));
    trn_finding_add(f, "size", trn_arena_printf(t->arena, "%d", m->match_length));
    trn_finding_add(f, "excerpt", trn_arena_str(t->arena, trn_str_of(hex)));
    trn_finding_add(f, "count", trn_arena_printf(t->arena, "%u", count));
}

/* The first string with all there is to say of it, a few more by name and place. */
static void tell_strings(struct trn_finding *f, const struct trn_yara_told *t, YR_SCAN_CONTEXT *scan,
                         const YR_RULE *rule)
{
    struct trn_arena *arena = t->arena;
    const YR_STRING *s;
    struct trn_str others = TRN_STR_NONE;
    uint32_t strings = 0;
    yr_rule_strings_foreach(rule, s)
    {
        const YR_MATCH *m, *first = NULL;
        uint32_t count = 0;
        yr_string_matches_foreach(scan, s, m)
        {
            first = first ? first : m;
            count++;
        }
        if (!first)
            continue;
        if (strings++ == 0)
            tell_string(f, t, s, first, count);
        else if (strings <= OTHERS_MAX + 1)
            others = trn_arena_printf(arena, "%.*s%s%s at 0x%llx", TRN_STR_ARG(others), others.n ? ", " : "",
                                      s->identifier, (unsigned long long)place_of(first));
    }
    if (strings > OTHERS_MAX + 1)
        others = trn_arena_printf(arena, "%.*s and %u more", TRN_STR_ARG(others), strings - OTHERS_MAX - 1);
    trn_finding_add(f, "strings", others);
}

int trn_yara_tell(struct trn_yara_told *t, YR_SCAN_CONTEXT *scan, const YR_RULE *rule)
{
    struct metas m = metas_of(rule);
    struct trn_finding f;
    char name[160], words[2 * TEXT_MAX];
    trn_finding_init(&f, trn_check_find(TRN_STR("yara.*")));
    f.score = weight_of(f.score, m.score);
    f.full_score = f.score;
    (void)trn_escape_into(name, sizeof(name), trn_str_of(rule->identifier));
    (void)trn_escape_into(words, sizeof(words), m.description);
    f.summary = trn_arena_printf(t->arena, "the YARA rule '%s' matched%s%s", name, words[0] ? ": " : "", words);
    trn_finding_add(&f, "rule", trn_arena_str(t->arena, trn_str_of(rule->identifier)));
    trn_finding_add(&f, "file", trn_arena_str(t->arena, trn_str_of(rule->ns->name)));
    trn_finding_add(&f, "description", m.description);
    trn_finding_add(&f, "author", m.author);
    trn_finding_add(&f, "reference", m.reference);
    if (m.score >= 0)
        trn_finding_add(&f, "score", trn_arena_printf(t->arena, "%lld", (long long)m.score));
    tell_strings(&f, t, scan, rule);
    if (!f.summary.p)
        return -ENOMEM;
    return t->found(t->found_ctx, &f);
}
