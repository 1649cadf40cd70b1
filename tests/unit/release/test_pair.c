/* SPDX-License-Identifier: Apache-2.0 */
/* Question: which member of the old release became which of the new one? */
#include "made.h"

#include <stdio.h>

#define PE TRN_FORMAT_PE
#define TEXT TRN_FORMAT_TEXT
#define PNG TRN_FORMAT_PNG
#define TAR TRN_FORMAT_TAR

static void expect(const struct trn_diff *d, const char *path, enum trn_change_kind kind, enum trn_pair_reason by)
{
    const struct trn_change *c = change_at(d, path);
    cr_expect_eq(c->kind, kind, "%s is %s", path, trn_change_kind_name(c->kind));
    cr_expect_eq(c->by, by, "%s by %s", path, trn_pair_reason_name(c->by));
}

Test(pair_name, version_numbers_become_one_mark)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"app_1.0_amd64.deb", "app_#_amd64.deb"},
        {"app_2.6.1+deb12u1_amd64.deb", "app_#_amd64.deb"},
        {"app_1.0~rc1-2_amd64.deb", "app_#_amd64.deb"},
        {"linux-image-6.1.0-56-amd64", "linux-image-#-amd64"},
        {"libfoo.so.1.2.3", "libfoo.so.#"},
        {"avcodec-58.dll", "avcodec-#.dll"},
        {"app-1.0.0-beta.2.tgz", "app-#.tgz"},
        {"app-v2/x", "app-#/x"},
        {"main.3f2a9c1b.js", "main.#.js"},
        {"defaultView-BQT9Z6FV.js", "defaultView-#.js"},
        {"index.CzXk-fAb.css", "index.#.css"},
        {"a-settings.js", "a-settings.js"},
        {"a-Settings.js", "a-Settings.js"},
        {"index-AwgwcYie.css", "index-#.css"},
        {"view-D-g2vrvf.js", "view-#.js"},
        {"x64/a.dll", "x64/a.dll"},
        {"x86_sse2.dll", "x86_sse2.dll"},
        {"sha256.dll", "sha256.dll"},
        {"win32-64bit/a", "win32-#bit/a"},
        {"data.tar.xz!data.tar!x", "data.tar!data.tar!x"},
        {"./app-1.0/x", "app-#/x"},
        {"data.tar!./usr/x", "data.tar!usr/x"},
        {"a./x", "a./x"},
        {"deadbeef", "deadbeef"},
        {"", ""},
        {"1", "#"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        char out[256];
        size_t n = trn_versionless(trn_str_of(cases[i].from), false, out, sizeof(out));
        cr_expect(trn_str_eq_c((struct trn_str){out, n}, cases[i].to), "%s: %.*s", cases[i].from, (int)n, out);
    }
}

Test(pair_name, a_long_name_is_cut_and_the_first_version_is_found)
{
    char out[4];
    cr_expect_eq(trn_versionless(TRN_STR("abcdefgh"), false, out, sizeof(out)), 4);
    cr_expect(trn_str_eq_c(trn_version_in(TRN_STR("msal-node-0.20.5.tgz")), "0.20.5"));
    cr_expect(trn_str_eq_c(trn_version_in(TRN_STR("x-v1.2.zip")), "1.2"));
    cr_expect(trn_str_is_none(trn_version_in(TRN_STR("x64.zip"))));
}

Test(pair, the_same_path_comes_first)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a", TEXT, "one");
    made_plain(&m, "b", TEXT, "two");
    made_plain(&m, "gone", TEXT, "three");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "a", TEXT, "two"); /* the content of b: still a */
    made_plain(&m, "b", TEXT, "two");
    made_plain(&m, "come", PNG, "four");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "a", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
    expect(d, "b", TRN_CHANGE_SAME, TRN_PAIR_PATH);
    expect(d, "come", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
    expect(d, "gone", TRN_CHANGE_REMOVED, TRN_PAIR_NONE);
    cr_expect_eq(d->n_changes, 4);
    for (size_t i = 1; i < d->n_changes; i++) {
        const struct trn_change *x = &d->changes[i - 1], *y = &d->changes[i];
        cr_expect_lt(trn_str_cmp((x->new_member ? x->new_member : x->old_member)->path,
                                 (y->new_member ? y->new_member : y->old_member)->path),
                     0, "by path");
    }
}

Test(pair, a_mode_alone_is_a_change)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a", TEXT, "one");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "a", TEXT, "one");
    m.r->files[0].nodes[0].m.mode = 04755;
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "a", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
    cr_expect(!d->equal);
}

/* Also in the names of containers, and in folders. */
Test(pair, another_version_in_the_path_is_no_rename)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "app_1.0_amd64.deb");
    uint32_t deb = made_put(&m, 0, "app_1.0_amd64.deb", TRN_FORMAT_DEB, "deb 1");
    uint32_t tar = made_put(&m, deb, "data.tar", TAR, "tar 1");
    made_put(&m, tar, "usr/x", TEXT, "same");
    made_put(&m, tar, "usr/lib-1.0/y", TEXT, "y 1");
    made_put(&m, tar, "usr/lib/python3.11/z", TEXT, "z");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "app_1.1+deb12u1_amd64.deb");
    deb = made_put(&m, 0, "app_1.1+deb12u1_amd64.deb", TRN_FORMAT_DEB, "deb 2");
    tar = made_put(&m, deb, "data.tar", TAR, "tar 2");
    made_put(&m, tar, "usr/x", TEXT, "same");
    made_put(&m, tar, "usr/lib-1.1/y", TEXT, "y 2");
    made_put(&m, tar, "usr/lib/python3.12/z", TEXT, "z");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "app_1.1+deb12u1_amd64.deb", TRN_CHANGE_CHANGED, TRN_PAIR_VERSION_IN_PATH);
    expect(d, "app_1.1+deb12u1_amd64.deb!data.tar", TRN_CHANGE_CHANGED, TRN_PAIR_VERSION_IN_PATH);
    expect(d, "app_1.1+deb12u1_amd64.deb!data.tar!usr/x", TRN_CHANGE_SAME, TRN_PAIR_VERSION_IN_PATH);
    expect(d, "app_1.1+deb12u1_amd64.deb!data.tar!usr/lib-1.1/y", TRN_CHANGE_CHANGED, TRN_PAIR_VERSION_IN_PATH);
    expect(d, "app_1.1+deb12u1_amd64.deb!data.tar!usr/lib/python3.12/z", TRN_CHANGE_SAME, TRN_PAIR_VERSION_IN_PATH);
    cr_expect_eq(d->n_changes, 5);
}

Test(pair, a_stream_packed_otherwise_is_the_same_place)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "");
    uint32_t deb = made_put(&m, 0, "a.deb", TRN_FORMAT_DEB, "deb 1");
    uint32_t xz = made_put(&m, deb, "data.tar.xz", TRN_FORMAT_XZ, "xz");
    uint32_t tar = made_put(&m, xz, "data.tar", TAR, "tar 1");
    made_put(&m, tar, "x", TEXT, "x 1");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "");
    deb = made_put(&m, 0, "a.deb", TRN_FORMAT_DEB, "deb 2");
    xz = made_put(&m, deb, "data.tar.zst", TRN_FORMAT_ZSTD, "zst");
    tar = made_put(&m, xz, "data.tar", TAR, "tar 2");
    made_put(&m, tar, "x", TEXT, "x 2");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    cr_expect_eq(change_at(d, "data.tar.zst!data.tar!x")->kind, TRN_CHANGE_CHANGED);
    cr_expect_eq(d->counts[TRN_CHANGE_ADDED] + d->counts[TRN_CHANGE_REMOVED], 0);
}

Test(pair, of_several_versions_the_one_with_the_same_content_is_taken)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "icon-1.png", PNG, "sun");
    made_plain(&m, "icon-2.png", PNG, "moon");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "icon-3.png", PNG, "moon");
    made_plain(&m, "icon-4.png", PNG, "sun");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "icon-3.png", TRN_CHANGE_SAME, TRN_PAIR_VERSION_IN_PATH);
    expect(d, "icon-4.png", TRN_CHANGE_SAME, TRN_PAIR_VERSION_IN_PATH);
    cr_expect(!d->equal, "names differ");
}

Test(pair, what_moved_is_found_by_its_content_but_not_what_is_empty)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "old/a.dll", PE, "code");
    made_plain(&m, "old/empty", TRN_FORMAT_EMPTY, "");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "new/b.dll", PE, "code");
    made_plain(&m, "new/void", TRN_FORMAT_EMPTY, "");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "new/b.dll", TRN_CHANGE_RENAMED, TRN_PAIR_CONTENT);
    expect(d, "new/void", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
    expect(d, "old/empty", TRN_CHANGE_REMOVED, TRN_PAIR_NONE);
}

Test(pair, a_program_renamed_and_changed_is_found_by_what_it_is_made_of)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "libalpha.dll", PE, "one");
    made_size(&m, 100000);
    made_features(&m, TRN_FEATURE_EXPORT, "alpha_", 0, 50);
    made_features(&m, TRN_FEATURE_IMPORT, "f", 0, 50);
    made_plain(&m, "libbeta.dll", PE, "two");
    made_size(&m, 100000);
    made_features(&m, TRN_FEATURE_EXPORT, "beta_", 0, 50);
    made_features(&m, TRN_FEATURE_IMPORT, "f", 0, 50);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "core/alpha_core.dll", PE, "three");
    made_size(&m, 104000);
    made_features(&m, TRN_FEATURE_EXPORT, "alpha_", 0, 52);
    made_features(&m, TRN_FEATURE_IMPORT, "f", 0, 51);
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "core/alpha_core.dll", TRN_CHANGE_RENAMED, TRN_PAIR_SIMILAR);
    const struct trn_change *c = change_at(d, "core/alpha_core.dll");
    cr_assert_not_null(c->old_member);
    cr_expect(trn_str_eq_c(c->old_member->path, "libalpha.dll"));
    cr_expect(c->similarity >= 700 && c->similarity < 1000, "%u", c->similarity);
    expect(d, "libbeta.dll", TRN_CHANGE_REMOVED, TRN_PAIR_NONE);
}

Test(pair, what_shares_little_or_is_for_another_processor_is_not_alike)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a.dll", PE, "one");
    made_size(&m, 100000);
    made_features(&m, TRN_FEATURE_EXPORT, "a", 0, 40);
    made_plain(&m, "b.dll", PE, "two");
    made_size(&m, 100000);
    made_property(&m, "arch", "x86_64");
    made_features(&m, TRN_FEATURE_EXPORT, "b", 0, 40);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "c.dll", PE, "three");
    made_size(&m, 100000);
    made_features(&m, TRN_FEATURE_EXPORT, "a", 20, 60);
    made_plain(&m, "d.dll", PE, "four");
    made_size(&m, 100000);
    made_property(&m, "arch", "arm64");
    made_features(&m, TRN_FEATURE_EXPORT, "b", 0, 40);
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "c.dll", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
    expect(d, "d.dll", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
}

/* Without features only name, folder and size are left; a name that everybody has is not enough. */
Test(pair, a_file_without_features_needs_its_folder)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a/img/logo.png", PNG, "0123456789");
    made_plain(&m, "a/one/index.png", PNG, "abcdefghij");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "b/img/logo.png", PNG, "0123456780");
    made_plain(&m, "b/two/index.png", PNG, "ABCDEFGHIJ");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "b/img/logo.png", TRN_CHANGE_RENAMED, TRN_PAIR_SIMILAR);
    expect(d, "b/two/index.png", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
}

Test(pair, what_is_in_a_container_that_moved_is_at_its_place_there)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "setup.msi");
    uint32_t top = made_put(&m, 0, "setup.msi", TRN_FORMAT_MSI, "msi");
    made_put(&m, top, "app.dll", PE, "app 1");
    made_put(&m, top, "note.txt", TEXT, "note");
    made_features(&m, TRN_FEATURE_TEXT, "t", 0, 9);
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "pub/installer.msi");
    top = made_put(&m, 0, "installer.msi", TRN_FORMAT_MSI, "msi");
    made_put(&m, top, "app.dll", PE, "app 2");
    made_put(&m, top, "note.txt", TEXT, "note");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    expect(d, "pub/installer.msi", TRN_CHANGE_RENAMED, TRN_PAIR_CONTENT);
    expect(d, "pub/installer.msi!app.dll", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
}

/* Names and contents that are all alike: each is paired once, and it does not take the square of the time. */
Test(pair, many_alike, .timeout = 20)
{
    static const unsigned N = 30000;
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    char path[64], content[32];
    for (unsigned i = 0; i < N; i++) {
        snprintf(path, sizeof(path), "lib-%u/x.txt", i);
        made_plain(&a, path, TEXT, "the same");
        snprintf(path, sizeof(path), "lib-%u/x.txt", i + N);
        made_plain(&b, path, TEXT, "the same");
        snprintf(path, sizeof(path), "old-%u/y.dll", i);
        snprintf(content, sizeof(content), "old %u", i);
        made_plain(&a, path, PE, content);
        made_features(&a, TRN_FEATURE_IMPORT, "f", 0, 9);
        snprintf(path, sizeof(path), "new%u/y.dll", i);
        snprintf(content, sizeof(content), "new %u", i);
        made_plain(&b, path, PE, content);
        made_features(&b, TRN_FEATURE_IMPORT, "f", 0, 9);
    }
    MADE_AUTO(before) = made_done(&a);
    MADE_AUTO(after) = made_done(&b);
    struct trn_diff *d = calloc(1, sizeof(*d));
    cr_assert_not_null(d);
    d->arena = trn_arena_new(64u << 20);
    d->old_release = before;
    d->new_release = after;
    cr_assert_eq(trn_pair_members(d), 0);
    cr_expect_eq(d->counts[TRN_CHANGE_SAME], N);
    size_t pairs = 0;
    for (size_t i = 0; i < d->n_changes; i++)
        pairs += d->changes[i].old_member && d->changes[i].new_member;
    cr_expect_geq(pairs, N);
    cr_expect_eq(d->n_changes, 4 * (size_t)N - pairs);
    trn_diff_free(d);
}

Test(diff, two_of_different_kinds_are_refused)
{
    struct made m = made_new("1", NULL);
    made_file(&m, "");
    made_put(&m, 0, "a.exe", PE, "exe");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_file(&m, "");
    uint32_t top = made_put(&m, 0, "a.deb", TRN_FORMAT_DEB, "deb");
    made_put(&m, top, "x", TEXT, "x");
    MADE_AUTO(after) = made_done(&m);
    struct trn_diff *d = NULL;
    struct trn_err err = {0};
    const struct trn_diff_options o = {.sz = sizeof(o)};
    cr_expect_eq(trn_diff_new(before, after, &o, &d, &err), -EINVAL);
    cr_expect_null(d);
    cr_expect_not_null(strstr(err.message, "different kinds"));
}

Test(diff, two_equal_ones_are_equal_and_clean)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a.dll", PE, "a");
    made_finding(&m, "pe.overlay", 45);
    MADE_AUTO(r) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(r, r);
    cr_expect(d->equal);
    cr_expect_eq(d->verdict, TRN_VERDICT_CLEAN);
    cr_expect_eq(d->n_reasons, 0, "what was there before is not told");
}
