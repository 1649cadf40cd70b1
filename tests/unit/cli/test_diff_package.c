/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are two versions of a package? */
#include "scan_place.h"

#include "cli/diff.h"

TestSuite(diff_package, .init = place_make, .fini = place_done);

static void found(int n, const char *a, const char *b, const char *before, const char *after)
{
    char *versions[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b};
    struct trn_diff_package p = {0};
    struct trn_err err = {0};
    cr_assert_eq(trn_diff_package_find("acme", "t", versions, n, &p, &err), 0, "%s", err.message);
    cr_assert_str_eq(p.before, before);
    cr_assert_str_eq(p.after, after);
    trn_diff_package_done(&p);
}

static void not_found(const char *name, int n, const char *a, const char *words)
{
    char *versions[] = {(char *)(uintptr_t)a, NULL};
    struct trn_diff_package p = {0};
    struct trn_err err = {0};
    cr_assert_lt(trn_diff_package_find(name, "t", versions, n, &p, &err), 0);
    cr_assert(strstr(err.message, words), "%s", err.message);
    cr_assert(p.before == NULL && p.after == NULL);
}

Test(diff_package, versions_are_in_dpkgs_order)
{
    place_put("t/acme_1.9-1_all.deb", "");
    place_put("t/acme_1.10~rc1-1_all.deb", "");
    place_put("t/acme_1.10-1_all.deb", "");
    place_put("t/acme_1%3a0.5_all.deb", "");
    place_put("t/acme-extra_9.0_all.deb", "");
    place_put("t/acme.txt", "");
    found(0, NULL, NULL, "t/acme_1.10-1_all.deb", "t/acme_1%3a0.5_all.deb");
    found(1, "1.10-1", NULL, "t/acme_1.10~rc1-1_all.deb", "t/acme_1.10-1_all.deb");
    found(2, "1.9-1", "1:0.5", "t/acme_1.9-1_all.deb", "t/acme_1%3a0.5_all.deb");
}

Test(diff_package, other_packages_too_and_one_architecture)
{
    place_put("t/acme-2.0.0.tgz", "");
    place_put("t/acme-10.0.0.tgz", "");
    place_put("t/acme-native-99.0.tgz", "");
    found(0, NULL, NULL, "t/acme-2.0.0.tgz", "t/acme-10.0.0.tgz");
    place_put("t/acme_11_zz.deb", "");
    place_put("t/acme_11_all.deb", "");
    found(0, NULL, NULL, "t/acme-10.0.0.tgz", "t/acme_11_all.deb");
}

Test(diff_package, what_is_missing_is_named)
{
    not_found("acme", 0, NULL, "there is no 'acme' in 't'");
    place_put("t/acme_1_all.deb", "");
    not_found("acme", 0, NULL, "there is one version of 'acme' only in 't'");
    not_found("acme", 1, "2", "there is no version '2' of 'acme'");
    not_found("acme", 1, "1", "there is no version of 'acme' before '1'");
    not_found("../acme", 0, NULL, "a name without '/'");
}
