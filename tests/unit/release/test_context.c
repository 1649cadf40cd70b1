/* SPDX-License-Identifier: Apache-2.0 */
/* Question: what does the rest of the release, its version, its history and its reference builds say about a change? */
#include "made.h"

#include "release/context.h"

#include <stdio.h>

#define PE TRN_FORMAT_PE
#define DAY 86400ull
#define BUILT 1764000000ull

/* ---- tools and times ---- */

/* n libraries, all built by tool "a" before; of the new ones the first `other` by tool "b"; of the rest, by `rest`. */
static struct trn_diff *built(unsigned n, unsigned other, const char *rest, struct trn_release **ret_a,
                              struct trn_release **ret_b)
{
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    char path[32], content[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "lib%c.dll", (int)('a' + i));
        snprintf(content, sizeof(content), "old %u", i);
        made_plain(&a, path, PE, content);
        made_feature(&a, TRN_FEATURE_TOOLCHAIN, "linker", "a");
        made_feature(&a, TRN_FEATURE_TOOLCHAIN, "build_id", content);
        snprintf(content, sizeof(content), "new %u", i);
        made_plain(&b, path, PE, content);
        made_feature(&b, TRN_FEATURE_TOOLCHAIN, "linker", i < other ? "b" : rest);
        made_feature(&b, TRN_FEATURE_TOOLCHAIN, "build_id", content);
    }
    *ret_a = made_done(&a);
    *ret_b = made_done(&b);
    return made_diff(*ret_a, *ret_b);
}

Test(outlier, one_library_was_built_by_other_tools)
{
    static const struct {
        unsigned n, other;
        const char *rest;
        bool told;
    } cases[] = {
        {6, 1, "a", true},  /* one alone */
        {6, 1, "c", true},  /* all moved on, it elsewhere */
        {6, 2, "a", false}, /* two: no outlier */
        {6, 6, "a", false}, /* a new toolchain touches all */
        {4, 1, "a", false}, /* too few to say what is usual */
        {6, 0, "a", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        MADE_AUTO(a) = NULL;
        MADE_AUTO(b) = NULL;
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = built(cases[i].n, cases[i].other, cases[i].rest, &a, &b);
        const struct trn_finding *f = found_in(change_at(d, "liba.dll"), "diff.toolchain-outlier");
        cr_expect_eq(f != NULL, cases[i].told, "case %zu", i);
        cr_expect_null(found_in(change_at(d, "libb.dll"), "diff.toolchain-outlier"));
        if (f)
            cr_expect(trn_str_contains(f->summary, TRN_STR("of 6 files")) &&
                      trn_str_ends(trn_finding_evidence(f, "old"), TRN_STR(" a")) &&
                      trn_str_ends(trn_finding_evidence(f, "new"), TRN_STR(" b")));
    }
}

static const struct trn_finding *timed(uint64_t was, uint64_t is, struct trn_release **ret_a,
                                       struct trn_release **ret_b, struct trn_diff **ret_d)
{
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    char path[32], content[32];
    for (unsigned i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "lib%c.dll", (int)('a' + i));
        snprintf(content, sizeof(content), "old %u", i);
        made_plain(&a, path, PE, content);
        made_number(&a, TRN_FEATURE_TIME, "build", i == 2 ? was : BUILT + i * 60);
        snprintf(content, sizeof(content), "new %u", i);
        made_plain(&b, path, PE, content);
        made_number(&b, TRN_FEATURE_TIME, "build", i == 2 ? is : BUILT + 90 * DAY + i * 60);
    }
    *ret_a = made_done(&a);
    *ret_b = made_done(&b);
    *ret_d = made_diff(*ret_a, *ret_b);
    return found_in(change_at(*ret_d, "libc.dll"), "diff.time-outlier");
}

Test(outlier, one_library_was_built_at_another_time)
{
    static const struct {
        uint64_t was, is;
        bool told;
    } cases[] = {
        {BUILT, BUILT + 130 * DAY, true},      {BUILT, BUILT + 50 * DAY, true},
        {BUILT, BUILT + 91 * DAY, false},      {BUILT, 0, false}, /* none */
        {BUILT, 4294967295ull, false},                            /* made up */
        {BUILT - 400 * DAY, BUILT + 1, false},                    /* it never was built with them */
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        MADE_AUTO(a) = NULL;
        MADE_AUTO(b) = NULL;
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = NULL;
        const struct trn_finding *f = timed(cases[i].was, cases[i].is, &a, &b, &d);
        cr_expect_eq(f != NULL, cases[i].told, "case %zu", i);
        if (f)
            cr_expect(trn_finding_evidence(f, "new").n == 10, "a day");
    }
}

/* ---- mass ---- */

/* Of n changed files the first `with` have the finding of the scan-independent check in the new release. */
static uint16_t mass(unsigned n, unsigned with)
{
    struct trn_diff d = {.n_changes = 0};
    struct trn_release_member was[12] = {0}, is[12] = {0};
    struct trn_change changes[12] = {0};
    const struct trn_diff_options o = {.sz = sizeof(o)};
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_compare c = {.diff = &d, .o = &o, .arena = arena};
    c.told_end = &c.told;
    d.changes = changes;
    for (unsigned i = 0; i < n; i++) {
        was[i].format = is[i].format = PE;
        is[i].sha256[0] = 1;
        changes[i] = (struct trn_change){.kind = TRN_CHANGE_CHANGED, .old_member = &was[i], .new_member = &is[i]};
        d.n_changes++;
        struct trn_finding f;
        cr_assert_eq(trn_compare_begin(&c, "diff.memory-permissions", &f), 0);
        f.summary = TRN_STR("made");
        for (unsigned k = 0; i < with && k < 2; k++)
            cr_assert_eq(trn_compare_found(&c, &changes[i], &f), 0);
    }
    cr_assert_eq(trn_context_mass(&c), 0);
    return c.told->finding->score;
}

Test(mass, what_most_files_changed_alike_weighs_little)
{
    cr_expect_eq(mass(10, 1), 40);
    cr_expect_eq(mass(10, 3), 40);
    cr_expect_eq(mass(10, 4), 40, "less than half");
    cr_expect_eq(mass(10, 5), 12);
    cr_expect_eq(mass(10, 10), 12);
    cr_expect_eq(mass(3, 3), 40, "too few to be a habit");
}

/* ---- version ---- */

Test(version, how_much_a_version_says_that_changed)
{
    static const struct {
        const char *was, *is;
        enum trn_bump bump;
    } cases[] = {
        {"1.2.3", "1.2.4", TRN_BUMP_PATCH},
        {"1.2.3", "1.3.0", TRN_BUMP_MINOR},
        {"1.2.3", "2.0.0", TRN_BUMP_MAJOR},
        {"1.2.3", "1.2.3", TRN_BUMP_NONE},
        {"1.2", "1.2.0.1", TRN_BUMP_PATCH},
        {"0.20.5", "0.20.6", TRN_BUMP_MINOR},
        {"0.3.1", "0.4.0", TRN_BUMP_MAJOR},
        {"1:2.6.1-1", "1:2.6.1-2", TRN_BUMP_PATCH},
        {"18.12.407", "18.12.416", TRN_BUMP_PATCH},
        {"v1.0", "v2.0", TRN_BUMP_MAJOR},
        {"99999999999999999999999.1", "99999999999999999999999.2", TRN_BUMP_MINOR},
        {"", "1.0", TRN_BUMP_UNKNOWN},
        {"trunk", "1.0", TRN_BUMP_UNKNOWN},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(trn_version_bump(trn_str_of(cases[i].was), trn_str_of(cases[i].is)), cases[i].bump, "%s %s",
                     cases[i].was, cases[i].is);
}

/* One program of this version that gained these findings of the kinds of abilities. */
static struct trn_diff *versions(const char *was, const char *is, unsigned abilities, struct trn_release **ret_a,
                                 struct trn_release **ret_b)
{
    static const char *const checks[] = {"diff.memory-permissions", "diff.early-code", "diff.rpath",
                                         "diff.crypto-table", "diff.privilege"};
    struct made a = made_new(was, NULL), b = made_new(is, NULL);
    made_plain(&a, "app", TRN_FORMAT_DATA, "old");
    made_property(&a, "product", "acme");
    made_property(&a, "version", was);
    made_plain(&b, "app", TRN_FORMAT_DATA, "new");
    made_property(&b, "product", "acme");
    made_property(&b, "version", is);
    for (unsigned i = 0; i < abilities; i++)
        made_finding(&b, checks[i], 20); /* as a comparer would tell it */
    *ret_a = made_done(&a);
    *ret_b = made_done(&b);
    return made_diff(*ret_a, *ret_b);
}

Test(version, a_fix_that_brings_many_abilities_is_told)
{
    static const struct {
        const char *was, *is;
        unsigned abilities;
        bool told;
    } cases[] = {
        {"1.2.3", "1.2.4", 4, true},  {"1.2.3", "1.2.4", 3, false}, {"1.2.3", "1.3.0", 5, false},
        {"1.2.3", "2.0.0", 5, false}, {"1.2.3", "1.2.3", 4, true},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        MADE_AUTO(a) = NULL;
        MADE_AUTO(b) = NULL;
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = versions(cases[i].was, cases[i].is, cases[i].abilities, &a, &b);
        cr_expect_eq(found(d, "diff.small-version-large-change") != NULL, cases[i].told, "case %zu", i);
    }
}

Test(version, a_first_number_that_changes_announces_new_functions_but_excuses_no_proof)
{
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    made_plain(&a, "app", TRN_FORMAT_DATA, "old");
    made_property(&a, "product", "acme");
    made_property(&a, "version", "1.9.0");
    made_plain(&b, "app", TRN_FORMAT_DATA, "new");
    made_property(&b, "product", "acme");
    made_property(&b, "version", "2.0.0");
    made_finding(&b, "diff.new-capability", 50);
    made_finding(&b, "diff.same-authentihash", 85);
    made_finding(&b, "diff.browser-data", 70);
    MADE_AUTO(before) = made_done(&a);
    MADE_AUTO(after) = made_done(&b);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    cr_expect_eq(found(d, "diff.new-capability")->score, 25);
    cr_expect_eq(found(d, "diff.same-authentihash")->score, 85);
    cr_expect_eq(found(d, "diff.browser-data")->score, 70);
}

/* ---- history ---- */

Test(history, what_a_release_before_had_is_not_new)
{
    struct made m = made_new("0.9", NULL);
    made_plain(&m, "lib-0.9/app", TRN_FORMAT_DATA, "older");
    made_finding(&m, "diff.memory-permissions", 40);
    MADE_AUTO(older) = made_done(&m);
    m = made_new("1.0", NULL);
    made_plain(&m, "lib-1.0/app", TRN_FORMAT_DATA, "old");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("1.1", NULL);
    made_plain(&m, "lib-1.1/app", TRN_FORMAT_DATA, "new");
    made_finding(&m, "diff.memory-permissions", 40);
    made_finding(&m, "diff.early-code", 35);
    made_finding(&m, "diff.same-authentihash", 85);
    MADE_AUTO(after) = made_done(&m);
    const struct trn_release *const history[] = {older};
    const struct trn_diff_options o = {.sz = sizeof(o), .history = history, .n_history = 1};
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff_with(before, after, &o);
    cr_expect_eq(found(d, "diff.memory-permissions")->score, 8);
    cr_expect(trn_str_eq_c(trn_finding_evidence(found(d, "diff.memory-permissions"), "context"),
                           "release 0.9 had it as well"));
    cr_expect_eq(found(d, "diff.early-code")->score, 35, "that it had not");
    cr_expect_eq(found(d, "diff.same-authentihash")->score, 85, "a proof stays one");
}

/* The older one is small and shares nothing: that comparers are milder about so large a change is no excuse. */
Test(history, an_older_release_that_is_another_program_excuses_nothing)
{
    struct made m = made_new("0.1", NULL);
    made_plain(&m, "app", TRN_FORMAT_DATA, "older");
    made_finding(&m, "diff.memory-permissions", 40);
    MADE_AUTO(older) = made_done(&m);
    m = made_new("1.0", NULL);
    made_plain(&m, "app", TRN_FORMAT_DATA, "old");
    made_features(&m, TRN_FEATURE_TEXT, "t", 0, 10);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("1.1", NULL);
    made_plain(&m, "app", TRN_FORMAT_DATA, "new");
    made_features(&m, TRN_FEATURE_TEXT, "t", 0, 12);
    made_finding(&m, "diff.memory-permissions", 40);
    MADE_AUTO(after) = made_done(&m);
    const struct trn_release *const history[] = {older};
    const struct trn_diff_options o = {.sz = sizeof(o), .history = history, .n_history = 1};
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff_with(before, after, &o);
    cr_expect_eq(found(d, "diff.memory-permissions")->score, 40);
}

/* Read one by one, and only when there is something that they could know. */
struct shelf {
    const struct trn_release *all[3];
    size_t n, asked;
};

static int from_shelf(void *ctx, size_t i, const struct trn_release **ret)
{
    struct shelf *s = ctx;
    s->asked++;
    *ret = i < s->n ? s->all[i] : NULL;
    return 0;
}

static struct trn_release *app(const char *label, const char *content, bool writable, const char *host)
{
    struct made m = made_new(label, NULL);
    made_plain(&m, "app", TRN_FORMAT_DATA, content);
    if (writable)
        made_finding(&m, "diff.memory-permissions", 40);
    made_plain(&m, "x.py", TRN_FORMAT_PYTHON, content);
    made_feature(&m, TRN_FEATURE_CALL, "network", "socket");
    if (host) {
        const struct trn_feature f = {TRN_FEATURE_TEXT, TRN_STR("url"), trn_str_of(host), 2, 0};
        cr_assert_eq(trn_release_feature(m.r, m.file, m.last, &f), 0);
    }
    return made_done(&m);
}

Test(history, all_releases_before_are_asked_and_none_when_there_is_no_question)
{
    MADE_AUTO(first) = app("0.1", "first", true, NULL);
    MADE_AUTO(second) = app("0.2", "second", false, "http://203.0.113.5/");
    MADE_AUTO(third) = app("0.3", "third", false, NULL);
    MADE_AUTO(before) = app("1.0", "old", false, NULL);
    MADE_AUTO(plain) = app("1.1", "new", false, NULL);
    MADE_AUTO(turned) = app("1.1", "turned", true, "http://203.0.113.5/");
    MADE_AUTO(other) = app("1.1", "other", true, "http://203.0.113.6/");
    struct shelf s = {{third, second, first}, 3, 0};
    const struct trn_diff_options o = {.sz = sizeof(o), .older = from_shelf, .older_ctx = &s};
    TRN_AUTO(trn_diff_freep) struct trn_diff *none = made_diff_with(before, plain, &o);
    cr_expect_eq(none->n_reasons, 0);
    cr_expect_eq(s.asked, 0, "nothing was told, so nobody is asked");
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff_with(before, turned, &o);
    cr_expect_eq(s.asked, 4, "three, and that there is no fourth");
    cr_expect_eq(found(d, "diff.memory-permissions")->score, 8, "the first of all had it");
    cr_expect_null(found(d, "diff.new-contact"), "the second named it");
    /* what no release before named is as new as it was, whatever else they had */
    TRN_AUTO(trn_diff_freep) struct trn_diff *x = made_diff_with(before, other, &o);
    cr_expect_eq(found(x, "diff.new-contact")->score, 40);
    cr_expect_eq(found(x, "diff.memory-permissions")->score, 8);
}

static int no_shelf(void *ctx, size_t i, const struct trn_release **ret)
{
    (void)ctx, (void)i, (void)ret;
    return -EIO;
}

Test(history, a_shelf_that_cannot_be_read_ends_the_comparison)
{
    MADE_AUTO(before) = app("1.0", "old", false, NULL);
    MADE_AUTO(turned) = app("1.1", "turned", true, NULL);
    struct trn_diff *d = NULL;
    struct trn_err err = {0};
    const struct trn_diff_options o = {.sz = sizeof(o), .older = no_shelf};
    cr_expect_eq(trn_diff_new(before, turned, &o, &d, &err), -EIO);
    cr_expect_null(d);
    cr_expect_neq(err.message[0], 0);
}

/* ---- upstream ---- */

static struct trn_release *library(const char *path, const char *content, const char *version, const char *symbol)
{
    struct made m = made_new("reference", NULL);
    made_plain(&m, path, PE, content);
    if (version)
        made_property(&m, "version", version);
    made_feature(&m, TRN_FEATURE_IMPORT, "kernel32.dll", "ReadFile");
    if (symbol)
        made_feature(&m, TRN_FEATURE_IMPORT, "kernel32.dll", symbol);
    return made_done(&m);
}

static uint16_t against(const char *ref_version, const char *version, const char *content, const char *symbol,
                        const char *name)
{
    MADE_AUTO(reference) = library("upstream/ffmpeg.dll", "reference", ref_version, NULL);
    MADE_AUTO(before) = library("app/ffmpeg.dll", "old", version, symbol);
    MADE_AUTO(after) = library(name, content, version, symbol);
    const struct trn_release *const upstream[] = {reference};
    const struct trn_diff_options o = {.sz = sizeof(o), .upstream = upstream, .n_upstream = 1};
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff_with(before, after, &o);
    const struct trn_finding *f = found(d, "diff.upstream-differs");
    if (f && symbol)
        cr_expect(trn_str_contains(f->summary, trn_str_of(symbol)), "%.*s", TRN_STR_ARG(f->summary));
    return f ? f->score : 0;
}

Test(upstream, a_bundled_library_that_can_more_than_its_reference_is_told)
{
    cr_expect_eq(against("4.4", "4.4", "ours", "VirtualProtect", "app/ffmpeg.dll"), 65);
    cr_expect_eq(against("4.4.0", "4.4", "ours", "VirtualProtect", "app/ffmpeg.dll"), 65, "the same version");
    cr_expect_eq(against("4.4", "4.4", "old", "VirtualProtect", "app/ffmpeg.dll"), 65, "also when it did not change");
    cr_expect_eq(against("4.4", "4.4", "ours", NULL, "app/ffmpeg.dll"), 10, "layout only");
    cr_expect_eq(against("4.4", "4.4", "reference", NULL, "app/ffmpeg.dll"), 0, "the very file");
    cr_expect_eq(against("4.3", "4.4", "ours", "VirtualProtect", "app/ffmpeg.dll"), 0, "another version");
    cr_expect_eq(against(NULL, NULL, "ours", "VirtualProtect", "app/ffmpeg.dll"), 30, "of no version");
    cr_expect_eq(against("4.4", "4.4", "ours", "VirtualProtect", "app/other.dll"), 0, "another library");
}
