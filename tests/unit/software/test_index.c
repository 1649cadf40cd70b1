/* SPDX-License-Identifier: Apache-2.0 */
/* Does the index answer right, stay small, and refuse what a broken worker sends? */
#include "bundle.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct trn_package package(const char *name, const char *version)
{
    return (struct trn_package){.name = trn_str_of(name),
                                .version = trn_str_of(version),
                                .maintainer = TRN_STR("M"),
                                .arch = TRN_STR("amd64")};
}

static struct trn_package_index *index_of(const char *const *names_versions, size_t n)
{
    struct trn_package_index *x;
    cr_assert_eq(trn_package_index_new(&x), 0);
    for (size_t i = 0; i < n; i++) {
        struct trn_package p = package(names_versions[2 * i], names_versions[2 * i + 1]);
        cr_assert_eq(trn_package_index_package(x, (uint32_t)i, &p), 0);
    }
    return x;
}

Test(index, refuses_what_is_out_of_order)
{
    struct trn_package_index *x = index_of((const char *const[]){"a", "1"}, 1);
    struct trn_package p = package("b", "1"), none = package(NULL, "1");
    cr_assert_eq(trn_package_index_package(x, 5, &p), -EINVAL);
    cr_assert_eq(trn_package_index_package(x, 1, &none), -EINVAL);
    cr_assert_eq(trn_package_index_file(x, 1, TRN_STR("/x"), NULL), -EINVAL);
    cr_assert_eq(trn_package_index_file(x, UINT32_MAX, TRN_STR("/x"), NULL), -EINVAL);
    cr_assert_eq(trn_package_index_file(x, 0, TRN_STR(""), NULL), -EINVAL);
    cr_assert_eq(trn_package_index_file(x, 0, TRN_STR("/x"), NULL), 0);
    cr_assert_str_eq(owner_of(x, "/x"), "", "lookups only after sealing");
    cr_assert_eq(trn_package_index_seal(x), 0);
    cr_assert_str_eq(owner_of(x, "/x"), "a 1");
    cr_assert_eq(trn_package_index_file(x, 0, TRN_STR("/y"), NULL), -EINVAL);
    cr_assert_eq(trn_package_index_package(x, 1, &p), -EINVAL);
    trn_package_index_free(x);
}

Test(index, empty_one_answers)
{
    struct trn_package_index *x = index_of(NULL, 0);
    cr_assert_eq(trn_package_index_seal(x), 0);
    cr_assert_str_eq(owner_of(x, "/x"), "");
    cr_assert_null(trn_package_index_named(x, TRN_STR("a")));
    cr_assert_null(trn_package_index_at(x, 0));
    trn_package_index_free(x);
}

Test(index, of_two_owners_the_one_with_a_checksum)
{
    const uint8_t md5[16] = {9};
    struct trn_package_index *x = index_of((const char *const[]){"a", "1", "b", "1"}, 2);
    struct trn_owner o;
    cr_assert_eq(trn_package_index_file(x, 0, TRN_STR("/x"), NULL), 0);
    cr_assert_eq(trn_package_index_file(x, 1, TRN_STR("/x"), md5), 0);
    cr_assert_eq(trn_package_index_seal(x), 0);
    cr_assert(trn_package_index_find(x, TRN_STR("/x"), &o) && o.has_md5 && trn_str_eq_c(o.package->name, "b"));
    trn_package_index_free(x);
}

static int note(void *ctx, const struct trn_package *before, const struct trn_package *after)
{
    char *text = ctx;
    size_t n = strlen(text);
    snprintf(text + n, 200 - n, "%.*s:%.*s>%.*s ", TRN_STR_ARG(before ? before->name : after->name),
             TRN_STR_ARG(before ? before->version : TRN_STR("-")), TRN_STR_ARG(after ? after->version : TRN_STR("-")));
    return 0;
}

Test(index, diff_tells_added_removed_and_updated)
{
    struct trn_package_index *a = index_of((const char *const[]){"phone", "1.0", "gone", "1", "same", "2"}, 3);
    struct trn_package_index *b = index_of((const char *const[]){"same", "2", "new", "5", "phone", "1.1"}, 3);
    char text[200] = "";
    cr_assert_eq(trn_package_index_seal(a), 0);
    cr_assert_eq(trn_package_index_seal(b), 0);
    cr_assert_eq(trn_package_index_diff(a, b, note, text), 0);
    cr_assert_str_eq(text, "gone:1>- new:->5 phone:1.0>1.1 ");
    text[0] = '\0';
    cr_assert_eq(trn_package_index_diff(a, a, note, text), 0);
    cr_assert_str_eq(text, "");
    trn_package_index_free(a);
    trn_package_index_free(b);
}

Test(index, three_hundred_thousand_files_fit_8_mb)
{
    enum { PACKAGES = 1000, FILES = 300000 };
    struct trn_package_index *x;
    char text[128];
    uint8_t md5[16];
    cr_assert_eq(trn_package_index_new(&x), 0);
    for (uint32_t i = 0; i < PACKAGES; i++) {
        snprintf(text, sizeof(text), "some-package-name-%u", i);
        struct trn_package p = package(text, "1.2.3-4+deb12u1");
        p.maintainer = TRN_STR("Debian Something Maintainers <pkg-something@lists.alioth.debian.test>");
        cr_assert_eq(trn_package_index_package(x, i, &p), 0);
    }
    for (uint32_t i = 0; i < FILES; i++) {
        int n = snprintf(text, sizeof(text), "/usr/share/some/where/file-%u", i);
        memset(md5, (int)i, sizeof(md5));
        cr_assert_eq(trn_package_index_file(x, i % PACKAGES, (struct trn_str){text, (size_t)n}, md5), 0);
    }
    cr_assert_eq(trn_package_index_seal(x), 0);
    for (uint32_t i = 0; i < FILES; i += 37) {
        struct trn_owner o;
        snprintf(text, sizeof(text), "/usr/share/some/where/file-%u", i);
        cr_assert(trn_package_index_find(x, trn_str_of(text), &o));
        cr_assert(o.has_md5 && o.md5_head[3] == (uint8_t)i && o.package == trn_package_index_named(x, o.package->name));
        snprintf(text, sizeof(text), "some-package-name-%u", i % PACKAGES);
        cr_assert(trn_str_eq_c(o.package->name, text));
    }
    cr_log_info("%d files in %zu bytes", FILES, trn_package_index_bytes(x));
    cr_assert_lt(trn_package_index_bytes(x), 8u << 20);
    trn_package_index_free(x);
}

/* ---- this machine's own database, only read ---- */
#define ADMIN "/var/lib/dpkg"

static void put(int bundle, const char *dir, const char *name, const char *as)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        cr_assert_eq(trn_bundle_put_file(bundle, trn_str_of(as), fd), 0);
}

static struct trn_package_index *host_index(void)
{
    DIR *d = opendir(ADMIN "/info");
    if (!d || access("/usr/bin/dpkg-query", X_OK) < 0)
        cr_skip("no dpkg database on this machine");
    int bundle = file_with("", 0);
    cr_assert_eq(trn_bundle_put_header(bundle), 0);
    put(bundle, ADMIN, "status", "status");
    put(bundle, ADMIN, "diversions", "diversions");
    for (struct dirent *e; (e = readdir(d));) {
        char as[300];
        struct trn_str name = trn_str_of(e->d_name);
        if (!trn_str_ends(name, TRN_STR(".list")) && !trn_str_ends(name, TRN_STR(".md5sums")))
            continue;
        snprintf(as, sizeof(as), "info/%s", e->d_name);
        put(bundle, ADMIN "/info", e->d_name, as);
    }
    closedir(d);
    return index_of_bundle(bundle);
}

/* "a, b:amd64: /path" names the owners; a diversion's own line does not. */
static bool agrees(const struct trn_package_index *x, char *line, size_t *asked)
{
    char *path = strstr(line, ": /");
    if (!path || strncmp(line, "diversion ", 10) == 0)
        return true;
    *path = '\0';
    path += 2;
    path[strcspn(path, "\n")] = '\0';
    struct trn_owner o;
    (*asked)++;
    if (!trn_package_index_find(x, trn_str_of(path), &o)) {
        cr_log_warn("%s: dpkg says '%s', the index nobody", path, line);
        return false;
    }
    for (char *save = NULL, *owner = strtok_r(line, ", ", &save); owner; owner = strtok_r(NULL, ", ", &save)) {
        owner[strcspn(owner, ":")] = '\0';
        if (trn_str_eq_c(o.package->name, owner))
            return true;
    }
    cr_log_warn("%s: the index says %.*s", path, TRN_STR_ARG(o.package->name));
    return false;
}

Test(index, agrees_with_dpkg_about_this_machine, .timeout = 60)
{
    struct trn_package_index *x = host_index();
    cr_log_info("this machine: %zu packages in %zu bytes", trn_package_index_packages(x), trn_package_index_bytes(x));
    /* 400 files of the lists at random (a fixed seed), asked of dpkg itself; directories fall out. */
    FILE *p = popen("awk 'BEGIN{srand(7)} rand() < 0.02' " ADMIN "/info/*.list | grep '^/usr/[^*?\\\\[]*$' | "
                    "while read -r f; do [ -f \"$f\" ] && echo \"$f\"; done | head -400 | xargs -d '\\n' dpkg-query -S",
                    "r");
    char line[8192];
    size_t asked = 0, wrong = 0;
    while (fgets(line, sizeof(line), p))
        wrong += !agrees(x, line, &asked);
    pclose(p);
    cr_assert_geq(asked, 200);
    cr_assert_eq(wrong, 0);
    trn_package_index_free(x);
}

Test(index, finds_what_runs_here_under_merged_usr)
{
    struct trn_package_index *x = host_index();
    cr_assert(strncmp(owner_of(x, "/usr/bin/ls"), "coreutils ", 10) == 0);
    cr_assert(strncmp(owner_of(x, "/bin/ls"), "coreutils ", 10) == 0);
    cr_assert(strncmp(owner_of(x, "/usr/bin/bash"), "bash ", 5) == 0);
    trn_package_index_free(x);
}

static int list_code(void *ctx, struct trn_str path)
{
    struct trn_buf *out = ctx;
    trn_put_str(out, path);
    trn_put_c(out, " ");
    return 0;
}

static void expect_code(const struct trn_package_index *x, const char *name, struct trn_str version, const char *paths)
{
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    cr_assert_eq(trn_package_index_code(x, trn_str_of(name), version, list_code, &b), 0);
    trn_put_u8(&b, 0);
    cr_expect_str_eq((const char *)b.p, paths);
    trn_buf_done(&b);
}

Test(index, programs_and_libraries_of_one_software_are_listed)
{
    static const char *const files[] = {"/opt/acme/bin/phone",           "/usr/lib/x86_64-linux-gnu/libacme.so.1.2",
                                        "/usr/share/doc/acme/copyright", "/usr/libexec/acme-helper",
                                        "/usr/lib/acme/helper",          "/usr/lib/acme/strings.txt"};
    struct trn_package_index *x = index_of((const char *const[]){"acme", "1.1", "other", "2"}, 2);
    struct trn_package base = package("base", "1");
    base.flags = TRN_SW_BASE;
    cr_assert_eq(trn_package_index_package(x, 2, &base), 0);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(files); i++)
        cr_assert_eq(trn_package_index_file(x, 0, trn_str_of(files[i]), NULL), 0);
    cr_assert_eq(trn_package_index_file(x, 1, TRN_STR("/usr/bin/other"), NULL), 0);
    cr_assert_eq(trn_package_index_file(x, 2, TRN_STR("/usr/bin/ls"), NULL), 0);
    cr_assert_eq(trn_package_index_seal(x), 0);
    const char *all = "/opt/acme/bin/phone /usr/lib/x86_64-linux-gnu/libacme.so.1.2 /usr/libexec/acme-helper "
                      "/usr/lib/acme/helper ";
    expect_code(x, "acme", TRN_STR("1.1"), all);
    expect_code(x, "acme", TRN_STR_NONE, all);
    expect_code(x, "acme", TRN_STR("1.0"), "");
    expect_code(x, "base", TRN_STR_NONE, "");
    trn_package_index_free(x);
}
