/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a release what was told of it, also when what was told is nonsense or was known before? */
#include "made.h"

#include <stdio.h>

#define PE TRN_FORMAT_PE
#define TEXT TRN_FORMAT_TEXT
#define TAR TRN_FORMAT_TAR

Test(release, members_stand_depth_first_by_path_with_the_path_of_their_container)
{
    struct made m = made_new("1.0", NULL);
    made_file(&m, "z.tar");
    uint32_t tar = made_put(&m, 0, "z.tar", TAR, "z");
    uint32_t inner = made_put(&m, tar, "in/inner.tar", TAR, "i");
    made_put(&m, tar, "b.txt", TEXT, "b");
    made_put(&m, inner, "c.txt", TEXT, "c");
    made_plain(&m, "a.txt", TEXT, "a");
    MADE_AUTO(r) = made_done(&m);
    static const char *const paths[] = {"a.txt", "z.tar", "z.tar!in/inner.tar", "z.tar!in/inner.tar!c.txt",
                                        "z.tar!b.txt"};
    cr_assert_eq(trn_release_count(r), TRN_ARRAY_SIZE(paths));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++)
        cr_expect(trn_str_eq_c(trn_release_at(r, i)->path, paths[i]), "%zu: %.*s", i,
                  TRN_STR_ARG(trn_release_at(r, i)->path));
    cr_expect(trn_str_eq_c(trn_release_at(r, 2)->name, "inner.tar"));
    cr_expect_eq(trn_release_at(r, 1)->children, 2);
    cr_expect_eq(trn_release_at(r, 3)->parent, 2);
    cr_expect_eq(trn_release_at(r, 3)->depth, 2);
    cr_expect_null(trn_release_at(r, 5));
}

Test(release, features_are_sorted_and_none_is_there_twice)
{
    struct made m = made_new("1.0", NULL);
    made_plain(&m, "a.dll", PE, "a");
    made_feature(&m, TRN_FEATURE_EXPORT, "", "z");
    made_feature(&m, TRN_FEATURE_IMPORT, "k.dll", "b");
    made_number(&m, TRN_FEATURE_EARLY, "tls", 2);
    made_feature(&m, TRN_FEATURE_IMPORT, "k.dll", "a");
    made_feature(&m, TRN_FEATURE_IMPORT, "k.dll", "b");
    made_number(&m, TRN_FEATURE_EARLY, "tls", 5);
    MADE_AUTO(r) = made_done(&m);
    const struct trn_release_member *a = trn_release_at(r, 0);
    size_t n;
    cr_expect_eq(a->n_features, 4);
    const struct trn_feature *f = trn_member_features(a, TRN_FEATURE_IMPORT, &n);
    cr_assert_eq(n, 2);
    cr_expect(trn_str_eq_c(f[0].value, "a") && trn_str_eq_c(f[1].value, "b"));
    f = trn_member_feature(a, TRN_FEATURE_EARLY, TRN_STR("tls"), TRN_STR_NONE);
    cr_assert_not_null(f);
    cr_expect_eq(f->number, 5, "the larger measure stays");
    cr_expect_null(trn_member_feature(a, TRN_FEATURE_RPATH, TRN_STR_NONE, TRN_STR_NONE));
}

Test(release, programs_are_found_by_name_in_any_case_and_nothing_else_is)
{
    struct made m = made_new("1.0", NULL);
    made_plain(&m, "a/Codec.dll", PE, "a");
    made_plain(&m, "b/codec.DLL", PE, "b");
    made_plain(&m, "c/codec.dll", TEXT, "c");
    made_plain(&m, "codec", PE, "d");
    made_plain(&m, "zlib.dll", PE, "e");
    MADE_AUTO(r) = made_done(&m);
    cr_expect_eq(trn_release_programs(r), 4);
    const struct trn_release_member *first = trn_release_program_named(r, TRN_STR("CODEC.dll"), NULL);
    cr_assert_not_null(first);
    cr_expect(trn_str_eq_c(first->path, "a/Codec.dll"));
    const struct trn_release_member *other = trn_release_program_named(r, TRN_STR("codec.dll"), first);
    cr_assert_not_null(other);
    cr_expect(trn_str_eq_c(other->path, "b/codec.DLL"));
    cr_expect_not_null(trn_release_program_named(r, TRN_STR("zlib.dll"), NULL));
    cr_expect_null(
        trn_release_program_named(r, TRN_STR("zlib.dll"), trn_release_program_named(r, TRN_STR("zlib.dll"), NULL)));
    cr_expect_null(trn_release_program_named(r, TRN_STR("codec.dl"), NULL));
    cr_expect_null(trn_release_program_named(r, TRN_STR(""), NULL));
}

/* The new release hears only "a container that was known": it, and everything in it, is what the other one knew. */
Test(release, a_known_content_brings_what_the_other_release_knew_and_all_below_it)
{
    struct made m = made_new("1.0", NULL);
    made_file(&m, "p.tar");
    uint32_t tar = made_put(&m, 0, "p.tar", TAR, "outer 1");
    uint32_t lib = made_put(&m, tar, "lib.zip", TRN_FORMAT_ZIP, "lib");
    made_feature(&m, TRN_FEATURE_TEXT, "url", "in the zip");
    uint32_t deep = made_put(&m, lib, "deep.tar", TAR, "deep");
    made_put(&m, deep, "x.dll", PE, "x");
    made_feature(&m, TRN_FEATURE_IMPORT, "k", "f");
    made_finding(&m, "pe.overlay", 10);
    MADE_AUTO(before) = made_done(&m);

    m = made_new("1.1", before);
    made_file(&m, "p.tar");
    tar = made_put(&m, 0, "p.tar", TAR, "outer 2");
    made_put(&m, tar, "moved/lib.zip", TRN_FORMAT_ZIP, "lib");
    MADE_AUTO(after) = made_done(&m);
    const struct trn_release_member *x = member_at(after, "p.tar!moved/lib.zip!deep.tar!x.dll");
    cr_assert_not_null(x);
    cr_expect(x->known);
    cr_expect_eq(x->depth, 3);
    cr_expect_eq(x->n_features, 1);
    cr_expect_eq(x->n_findings, 1);
    cr_expect(trn_str_eq_c(trn_release_at(after, x->parent)->path, "p.tar!moved/lib.zip!deep.tar"));
    cr_expect_eq(member_at(after, "p.tar!moved/lib.zip")->n_features, 1);
    cr_expect_eq(trn_release_at(after, 0)->known, false);
}

Test(release, a_known_content_of_another_name_is_not_taken)
{
    struct made m = made_new("1.0", NULL);
    made_plain(&m, "a.dll", PE, "same");
    made_feature(&m, TRN_FEATURE_IMPORT, "k", "f");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("1.1", before);
    made_plain(&m, "b.dll", PE, "same");
    MADE_AUTO(after) = made_done(&m);
    cr_expect_eq(trn_release_at(after, 0)->known, false, "a look depends on the name, so the key has it");
    cr_expect_eq(trn_release_at(after, 0)->n_features, 0);
}

Test(release, a_content_twice_in_one_release_is_known_the_second_time)
{
    struct made m = made_new("1.0", NULL);
    made_file(&m, "p.tar");
    uint32_t tar = made_put(&m, 0, "p.tar", TAR, "p");
    uint32_t one = made_put(&m, tar, "a/in.zip", TRN_FORMAT_ZIP, "zip");
    made_put(&m, one, "x.dll", PE, "x");
    made_feature(&m, TRN_FEATURE_IMPORT, "k", "f");
    made_put(&m, tar, "b/in.zip", TRN_FORMAT_ZIP, "zip");
    MADE_AUTO(r) = made_done(&m);
    const struct trn_release_member *x = member_at(r, "p.tar!b/in.zip!x.dll");
    cr_assert_not_null(x);
    cr_expect(x->known);
    cr_expect_eq(x->n_features, 1);
    cr_expect_eq(member_at(r, "p.tar!a/in.zip!x.dll")->known, false);
}

Test(release, nonsense_numbers_are_refused)
{
    struct made m = made_new("1.0", NULL);
    MADE_AUTO(r) = m.r;
    const struct trn_feature f = {TRN_FEATURE_IMPORT, TRN_STR("k"), TRN_STR("v"), 0, 0};
    const struct trn_gap gap = {.kind = TRN_GAP_DAMAGED, .what = TRN_STR("x")};
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 1}), -EINVAL, "no file yet");
    made_file(&m, "f");
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 2, .parent = 1}), -EINVAL, "not the first");
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 1, .parent = 1}), -EINVAL, "in itself");
    cr_expect_eq(trn_release_feature(r, 0, 1, &f), -EINVAL, "of what was not told");
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 1}), 0);
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 2, .parent = 0}), -EINVAL, "a second top");
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = 2, .parent = 3}), -EINVAL,
                 "in what comes later");
    cr_expect_eq(trn_release_artifact(r, 0, &(struct trn_artifact){.id = UINT32_MAX, .parent = 1}), -EINVAL);
    cr_expect_eq(trn_release_artifact(r, 1, &(struct trn_artifact){.id = 1}), -EINVAL, "another file");
    cr_expect_eq(trn_release_feature(r, 0, 0, &f), -EINVAL);
    cr_expect_eq(trn_release_feature(r, 0, 2, &f), -EINVAL);
    cr_expect_eq(trn_release_gap(r, 0, 2, &gap), -EINVAL);
    cr_expect_eq(trn_release_signature(r, 0, 2, &(struct trn_signature){0}), -EINVAL);
    cr_expect_eq(trn_release_property(r, 9, 1, TRN_STR("k"), TRN_STR("v")), -EINVAL);
    cr_expect_eq(trn_release_end(r, 9, 0, TRN_STR("")), -EINVAL);
    cr_expect_eq(trn_release_finish(r), 0);
    cr_expect_eq(trn_release_count(r), 1);
    cr_expect_eq(trn_release_feature(r, 0, 1, &f), -EINVAL, "nothing is told of a finished one");
}

Test(release, what_is_told_stays_within_the_memory_that_was_given)
{
    const struct trn_release_options o = {.sz = sizeof(o), .label = TRN_STR("1.0"), .memory = 65536};
    struct trn_release *r = NULL;
    uint32_t file;
    char text[1000];
    int e = 0;
    memset(text, 'x', sizeof(text));
    cr_assert_eq(trn_release_new(&o, &r), 0);
    cr_assert_eq(trn_release_file(r, TRN_STR("f"), &file), 0);
    cr_assert_eq(trn_release_artifact(r, file, &(struct trn_artifact){.id = 1}), 0);
    const struct trn_feature f = {TRN_FEATURE_TEXT, TRN_STR("url"), {text, sizeof(text)}, 0, 0};
    for (unsigned i = 0; e == 0 && i < 200; i++)
        e = trn_release_feature(r, file, 1, &f);
    cr_expect_eq(e, -ENOMEM);
    trn_release_free(r);
}

Test(release, gaps_are_kept_with_their_member_and_make_it_undecided)
{
    struct made m = made_new("1.0", NULL);
    const struct trn_gap odd = {.kind = TRN_GAP_UNSUPPORTED, .what = TRN_STR("wim")};
    const struct trn_gap bad = {.kind = TRN_GAP_DAMAGED, .what = TRN_STR("cut off"), .member = TRN_STR("x")};
    made_plain(&m, "z", TAR, "z");
    cr_assert_eq(trn_release_gap(m.r, m.file, 1, &odd), 0);
    cr_expect_eq(trn_release_undecided(m.r), false, "what nobody opens is no doubt");
    cr_assert_eq(trn_release_gap(m.r, m.file, 1, &bad), 0);
    made_plain(&m, "a", TAR, "a");
    made_file(&m, "never");
    cr_assert_eq(trn_release_end(m.r, m.file, -EPIPE, TRN_STR("its worker crashed")), 0);
    MADE_AUTO(r) = made_done(&m);
    cr_expect(trn_release_undecided(r));
    cr_expect(trn_str_eq_c(trn_release_at(r, trn_release_gap_at(r, 0)->member)->path, "z"));
    cr_expect(trn_str_eq_c(trn_release_gap_at(r, 1)->gap.what, "cut off"));
    cr_expect_eq(trn_release_gap_at(r, 2)->member, TRN_NO_MEMBER);
    cr_expect(trn_str_eq_c(trn_release_gap_at(r, 2)->gap.member, "never"));
    cr_expect_null(trn_release_gap_at(r, 3));
    cr_expect_eq(member_at(r, "z")->gaps, 2);
}

Test(release, keys_are_sorted_and_each_is_there_once)
{
    struct made m = made_new("1.0", NULL);
    made_plain(&m, "a/x.dll", PE, "one");
    made_plain(&m, "b/x.dll", PE, "one");
    made_plain(&m, "c/y.dll", PE, "one");
    MADE_AUTO(r) = made_done(&m);
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    trn_buf_init(&b, 4096);
    cr_assert_eq(trn_release_keys(r, &b), 0);
    cr_assert_eq(b.n, 2 * TRN_KNOWN_KEY, "a hash and a base name each");
    cr_expect_lt(memcmp(b.p, b.p + TRN_KNOWN_KEY, TRN_KNOWN_KEY), 0);
}

/* ---- product and version ---- */

Test(release, a_package_speaks_for_a_release_before_a_program_in_it)
{
    struct made m = made_new("app", NULL);
    made_plain(&m, "app.exe", PE, "exe");
    made_property(&m, "product", "Some Runtime");
    made_property(&m, "version", "9.9");
    made_plain(&m, "deep/er/package.json", TRN_FORMAT_JSON, "inner");
    made_property(&m, "product", "left-pad");
    made_property(&m, "version", "1.0.0");
    made_plain(&m, "resources/package.json", TRN_FORMAT_JSON, "outer");
    made_property(&m, "product", "acme-phone");
    made_property(&m, "version", "18.12.416");
    MADE_AUTO(r) = made_done(&m);
    cr_expect(trn_str_eq_c(trn_release_product(r), "acme-phone"));
    cr_expect(trn_str_eq_c(trn_release_version(r), "18.12.416"));
}

Test(release, a_program_given_by_itself_speaks_for_itself)
{
    struct made m = made_new("setup.exe", NULL);
    made_file(&m, "");
    uint32_t top = made_put(&m, 0, "setup.exe", PE, "exe");
    made_property(&m, "product", "Acme Phone");
    made_property(&m, "version", "2.0");
    made_put(&m, top, "package.json", TRN_FORMAT_JSON, "json");
    made_property(&m, "product", "left-pad");
    made_property(&m, "version", "1.0");
    MADE_AUTO(r) = made_done(&m);
    cr_expect(trn_str_eq_c(trn_release_product(r), "Acme Phone"));
    cr_expect(trn_str_eq_c(trn_release_version(r), "2.0"), "both from one mouth");
}

Test(release, nobody_says_what_it_is)
{
    struct made m = made_new("x", NULL);
    made_plain(&m, "a.txt", TEXT, "a");
    MADE_AUTO(r) = made_done(&m);
    cr_expect_eq(trn_release_product(r).n, 0);
    cr_expect_not_null(trn_release_product(r).p, "empty, not absent");
}

/* "app.asar!package.json": the name of what is in it is its own. */
Test(release, what_stands_first_in_a_container_has_its_own_name)
{
    struct made m = made_new("x", NULL);
    made_file(&m, "resources/app.asar");
    uint32_t top = made_put(&m, 0, "app.asar", TRN_FORMAT_ASAR, "a");
    made_put(&m, top, "package.json", TRN_FORMAT_JSON, "b");
    MADE_AUTO(r) = made_done(&m);
    cr_expect(trn_str_eq_c(trn_release_at(r, 1)->path, "resources/app.asar!package.json"));
    cr_expect(trn_str_eq_c(trn_release_at(r, 1)->name, "package.json"));
}
