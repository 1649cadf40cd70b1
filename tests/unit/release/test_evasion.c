/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a change still told when whoever made it knows how members are paired and what is counted? */
#include "made.h"

#include "release/context.h"

#include <stdio.h>

#define PE TRN_FORMAT_PE
#define ZIP TRN_FORMAT_ZIP

/* A codec library; turned: it reads files, and makes memory executable. */
static void codec(struct made *m, const char *path, const char *content, bool turned)
{
    made_plain(m, path, PE, content);
    made_property(m, "dll", "yes");
    made_features(m, TRN_FEATURE_EXPORT, "avcodec_", 0, 8);
    made_feature(m, TRN_FEATURE_IMPORT, "kernel32.dll", "HeapAlloc");
    if (turned) {
        made_feature(m, TRN_FEATURE_IMPORT, "kernel32.dll", "CreateFileW");
        made_feature(m, TRN_FEATURE_IMPORT, "kernel32.dll", "ReadFile");
        made_feature(m, TRN_FEATURE_IMPORT, "kernel32.dll", "VirtualProtect");
    }
}

/* What the turned codec weighs in the new release, under that path, when `beside` stands at the old place: none, the old one,
 * or another library. */
static uint16_t turned_at(const char *path, const char *beside)
{
    struct made m = made_new("1", NULL);
    codec(&m, "app/codec.dll", "old", false);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    if (strcmp(beside, "old") == 0) {
        codec(&m, "app/codec.dll", "old", false);
    } else if (strcmp(beside, "decoy") == 0) {
        made_plain(&m, "app/codec.dll", PE, "decoy");
        made_features(&m, TRN_FEATURE_EXPORT, "other_", 0, 8);
    }
    codec(&m, path, "new", true);
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found_in(change_at(d, path), "diff.new-capability");
    return f ? f->score : 0;
}

Test(evasion, another_name_for_the_place_of_an_old_member_hides_nothing)
{
    static const char *const paths[] = {"app/./codec.dll",  "app//codec.dll",           "app/x/../codec.dll",
                                        "APP/Codec.dll",    "app\\codec.dll",           "./app/codec.dll",
                                        "../app/codec.dll", "app/x/../../app/codec.dll"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++)
        cr_expect_geq(turned_at(paths[i], "old"), 50, "%s weighs %u", paths[i], turned_at(paths[i], "old"));
}

Test(evasion, a_library_that_moved_is_known_by_what_it_offers)
{
    cr_expect_geq(turned_at("plugins/helper.dll", ""), 50, "its place is gone");
    cr_expect_geq(turned_at("plugins/helper.dll", "decoy"), 50, "another stands there");
    cr_expect_lt(turned_at("plugins/helper.dll", "old"), 40, "beside the old one it is a new program");
}

Test(evasion, a_name_in_another_container_is_another_place)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "a.zip");
    uint32_t zip = made_put(&m, 0, "a.zip", ZIP, "zip 1");
    made_put(&m, zip, "x.js", TRN_FORMAT_JAVASCRIPT, "x");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "a.zip");
    zip = made_put(&m, 0, "a.zip", ZIP, "zip 2");
    made_put(&m, zip, "x.js", TRN_FORMAT_JAVASCRIPT, "x");
    made_put(&m, zip, "y/../../x.js", PE, "y");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, "diff.became-program");
    cr_assert_not_null(f, "no way leads out of the container");
    cr_expect(trn_str_eq_c(trn_finding_evidence(f, "in_place_of"), "a.zip!x.js"));
}

/* An archive with ten times the same archive in it, and so on: each level is looked at once. */
Test(evasion, archives_of_equal_archives_do_not_become_millions_of_members)
{
    const struct trn_release_options o = {.sz = sizeof(o), .label = TRN_STR("1"), .copies = 1000};
    struct made m = {.r = NULL};
    char content[16], name[16];
    cr_assert_eq(trn_release_new(&o, &m.r), 0);
    made_file(&m, "");
    uint32_t up = made_put(&m, 0, "top.zip", ZIP, "top"), first = 0;
    for (unsigned level = 0; level < 6; level++, up = first)
        for (unsigned i = 0; i < 10; i++) {
            (void)snprintf(content, sizeof(content), "level %u", level);
            (void)snprintf(name, sizeof(name), "%u/a.zip", i);
            uint32_t id = made_put(&m, up, name, ZIP, content);
            first = i == 0 ? id : first;
        }
    made_put(&m, up, "leaf", TRN_FORMAT_TEXT, "leaf");
    MADE_AUTO(r) = made_done(&m);
    cr_expect_leq(trn_release_count(r), 1100);
    cr_expect(trn_release_undecided(r), "it says so");
    const struct trn_release_gap *g = trn_release_gap_at(r, 0);
    cr_assert_not_null(g);
    cr_expect_eq(g->gap.kind, TRN_GAP_LIMIT);
    cr_expect_lt(g->member, trn_release_count(r));
    cr_expect_null(trn_release_gap_at(r, 1), "once");
}

/* Names so long that all paths together would fill the memory: the name alone stands for the path. */
Test(evasion, long_names_do_not_use_up_the_memory)
{
    char *outer = malloc(16001), name[16];
    cr_assert_not_null(outer);
    memset(outer, 'a', 16000);
    outer[16000] = '\0';
    struct made m = made_new("1", NULL);
    made_file(&m, "");
    uint32_t top = made_put(&m, 0, "top.zip", ZIP, "top");
    uint32_t inner = made_put(&m, top, outer, ZIP, "inner");
    for (unsigned i = 0; i < 50000; i++) {
        (void)snprintf(name, sizeof(name), "%u.txt", i);
        made_put(&m, inner, name, TRN_FORMAT_TEXT, name);
    }
    free(outer);
    MADE_AUTO(r) = made_done(&m);
    cr_expect_eq(trn_release_count(r), 50002);
}

Test(evasion, why_a_container_closed_is_known_of_each_member)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "a.zip");
    uint32_t a = made_put(&m, 0, "a.zip", ZIP, "open");
    made_put(&m, a, "x.txt", TRN_FORMAT_TEXT, "x");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "a.zip");
    a = made_put(&m, 0, "a.zip", ZIP, "shut");
    const struct trn_gap gaps[] = {{.kind = TRN_GAP_ENCRYPTED, .what = TRN_STR("encrypted"), .member = TRN_STR_NONE},
                                   {.kind = TRN_GAP_UNSUPPORTED, .what = TRN_STR("method"), .member = TRN_STR_NONE}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(gaps); i++)
        cr_assert_eq(trn_release_gap(m.r, m.file, a, &gaps[i]), 0);
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, "diff.closed");
    cr_assert_not_null(f);
    cr_expect(trn_str_contains(trn_finding_evidence(f, "new"), TRN_STR("encrypted")), "%.*s",
              TRN_STR_ARG(trn_finding_evidence(f, "new")));
    cr_expect_eq(f->score, f->check->score, "the worst counts, not the last");
}

/* A worker that crashed at the old release must not make the new one look as if all of it had just come. */
Test(evasion, what_is_known_of_the_old_one_in_part_only_is_no_change)
{
    for (int alone = 0; alone < 2; alone++) {
        const struct trn_diff_options o = {.sz = sizeof(o)};
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = NULL;
        struct trn_err err = {0};
        struct made m = made_new("1", NULL);
        made_file(&m, alone ? "" : "a.zip");
        made_put(&m, 0, "a.zip", ZIP, "zip 1");
        cr_assert_eq(trn_release_end(m.r, m.file, -EPIPE, TRN_STR("its worker crashed")), 0);
        if (!alone)
            codec(&m, "codec.dll", "old", false);
        MADE_AUTO(before) = made_done(&m);
        m = made_new("2", NULL);
        made_file(&m, alone ? "" : "a.zip");
        uint32_t zip = made_put(&m, 0, "a.zip", ZIP, "zip 2");
        made_put(&m, zip, "x.dll", PE, "x");
        made_feature(&m, TRN_FEATURE_IMPORT, "kernel32.dll", "VirtualProtect");
        if (!alone)
            codec(&m, "codec.dll", "new", true);
        MADE_AUTO(after) = made_done(&m);
        int e = trn_diff_new(before, after, &o, &d, &err);
        if (alone) {
            cr_expect_eq(e, -EIO);
            cr_expect(strstr(err.message, "its worker crashed"), "%s", err.message);
            continue;
        }
        cr_assert_eq(e, 0, "%s", err.message);
        cr_expect(d->undecided);
        cr_expect_null(found_in(change_at(d, "a.zip!x.dll"), "diff.new-program"));
        cr_expect_not_null(found_in(change_at(d, "codec.dll"), "diff.new-capability"), "the rest is compared");
    }
}

/* The other side of it: what stands in a file of the new one that could not be read is not gone. */
Test(evasion, what_could_not_be_read_neither_came_nor_went)
{
    for (int turned = 0; turned < 2; turned++) {
        struct made m = made_new("1", NULL);
        made_plain(&m, "read.txt", TRN_FORMAT_TEXT, "x");
        codec(&m, "codec.dll", "old", false);
        codec(&m, "gone.dll", "other", false);
        MADE_AUTO(whole) = made_done(&m);
        m = made_new("2", NULL);
        made_plain(&m, "read.txt", TRN_FORMAT_TEXT, "y");
        made_file(&m, "codec.dll");
        cr_assert_eq(trn_release_end(m.r, m.file, -EACCES, TRN_STR("permission denied")), 0);
        MADE_AUTO(part) = made_done(&m);
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = turned ? made_diff(part, whole) : made_diff(whole, part);
        enum trn_change_kind kind = turned ? TRN_CHANGE_ADDED : TRN_CHANGE_REMOVED;
        cr_expect_eq(change_at(d, "codec.dll")->kind, TRN_CHANGE_UNSEEN);
        cr_expect_eq(change_at(d, "gone.dll")->kind, kind);
        cr_expect(d->undecided && d->counts[TRN_CHANGE_UNSEEN] == 1 && d->counts[kind] == 1);
    }
}

/* A worker that ended before it said anything. */
Test(evasion, nothing_that_could_be_read_is_no_release)
{
    const struct trn_diff_options o = {.sz = sizeof(o)};
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = NULL;
    struct trn_err err = {0};
    struct made m = made_new("1", NULL);
    codec(&m, "", "old", false);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "");
    cr_assert_eq(trn_release_end(m.r, m.file, -EPIPE, TRN_STR("its worker crashed")), 0);
    MADE_AUTO(after) = made_done(&m);
    cr_expect_eq(trn_diff_new(before, after, &o, &d, &err), -EINVAL);
    cr_expect(strstr(err.message, "nothing that could be read"), "%s", err.message);
}
