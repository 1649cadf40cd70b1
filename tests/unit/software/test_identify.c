/* SPDX-License-Identifier: Apache-2.0 */
/* Does a file get the right name, and is "modified" said only when it is known? */
#include "bundle.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CONTENT "the program of acme\n"

static struct trn_arena *arena;

static void setup(void)
{
    arena = trn_arena_new(0);
}

static void teardown(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(identify, .init = setup, .fini = teardown);

static struct trn_file_facts facts_of(const void *content, size_t n)
{
    struct trn_file_facts f;
    struct trn_err err = {0};
    int fd = file_with(content, n);
    cr_assert_eq(trn_file_facts_read(fd, 1u << 20, arena, &f, &err), 0, "%s", err.message);
    trn_fd_close(fd);
    return f;
}

static struct trn_package_index *acme(const char *state)
{
    struct trn_file_facts f = facts_of(CONTENT, strlen(CONTENT));
    char md5[33], sums[128], status[256];
    trn_hex(f.md5, sizeof(f.md5), md5);
    snprintf(sums, sizeof(sums), "%s  opt/acme/phone\n", md5);
    snprintf(status, sizeof(status), "Package: acme\nStatus: install ok %s\nVersion: 1.1\nMaintainer: A\n", state);
    const struct text_file files[] = {{"status", status},
                                      {"info/acme.list", "/opt/acme/phone\n/etc/acme.conf\n"},
                                      {"info/acme.md5sums", sums}};
    return INDEX_WITH(files);
}

static uint32_t flags_of(const struct trn_package_index *x, const char *path, const struct trn_file_facts *f)
{
    struct trn_identity id;
    trn_identify(x, trn_str_of(path), f, NULL, arena, &id);
    cr_assert(trn_str_eq_c(id.software.name, "acme") && trn_str_eq_c(id.software.version, "1.1"));
    cr_assert_eq(id.software.origin, TRN_ORIGIN_DPKG);
    return id.software.flags;
}

Test(identify, modified_is_said_only_when_known)
{
    struct trn_file_facts same = facts_of(CONTENT, strlen(CONTENT)), other = facts_of("x", 1), unread = {.size = 5};
    struct trn_package_index *x = acme("installed");
    cr_assert_eq(flags_of(x, "/opt/acme/phone", &same), TRN_SW_MODIFIED_KNOWN);
    cr_assert_eq(flags_of(x, "/opt/acme/phone", &other), TRN_SW_MODIFIED_KNOWN | TRN_SW_MODIFIED);
    cr_assert_eq(flags_of(x, "/opt/acme/phone", NULL), 0);
    cr_assert_eq(flags_of(x, "/opt/acme/phone", &unread), 0, "too long to be hashed");
    cr_assert_eq(flags_of(x, "/etc/acme.conf", &other), 0, "configuration is not in the list");
    trn_package_index_free(x);
}

Test(identify, half_way_through_an_installation_nothing_is_modified)
{
    struct trn_file_facts other = facts_of("x", 1);
    static const char *const states[] = {"unpacked", "half-installed", "half-configured"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(states); i++) {
        struct trn_package_index *x = acme(states[i]);
        cr_assert_eq(flags_of(x, "/opt/acme/phone", &other), TRN_SW_UNPACKED, "%s", states[i]);
        trn_package_index_free(x);
    }
}

static const char *name_of(const char *path, const struct trn_file_facts *f, const struct trn_software *manifest)
{
    static char text[128];
    struct trn_identity id;
    trn_identify(NULL, trn_str_of(path), f, manifest, arena, &id);
    snprintf(text, sizeof(text), "%s %.*s %.*s", trn_origin_name(id.software.origin), TRN_STR_ARG(id.software.name),
             TRN_STR_ARG(id.software.version));
    return text;
}

Test(identify, files_outside_packages)
{
    struct trn_software npm = {.name = TRN_STR("left-pad"), .version = TRN_STR("1.3.0"), .origin = TRN_ORIGIN_NPM};
    struct trn_file_facts appimage = {.kind = TRN_STR("appimage")};
    cr_assert_str_eq(name_of("/home/u/prog", NULL, NULL), "manual prog ");
    cr_assert_str_eq(name_of("/home/u/node_modules/left-pad/x.js", NULL, &npm), "npm left-pad 1.3.0");
    cr_assert_str_eq(name_of("/home/u/Foo-1.2.3-x86_64.AppImage", NULL, NULL), "appimage Foo 1.2.3");
    cr_assert_str_eq(name_of("/home/u/Foo_Bar-v2.0_amd64.appimage", &appimage, NULL), "appimage Foo_Bar 2.0");
    cr_assert_str_eq(name_of("/home/u/foo", &appimage, NULL), "appimage foo ");
    cr_assert_str_eq(name_of("/home/u/Foo-x86_64.AppImage", NULL, NULL), "appimage Foo ");
    cr_assert_str_eq(name_of("/home/u/7zip.AppImage", NULL, NULL), "appimage 7zip ");
    cr_assert_str_eq(name_of("/home/u/.AppImage", NULL, NULL), "appimage .AppImage ");
    cr_assert_str_eq(name_of("/tmp/.mount_FooBarXXXXXX/usr/bin/foo", NULL, NULL), "appimage FooBar ");
    cr_assert_str_eq(name_of("/tmp/.mount_short/foo", NULL, NULL), "manual foo ");
}

Test(identify, kinds_of_files)
{
    struct trn_file_facts f = facts_of("#!/usr/bin/env python3\n", 23);
    cr_assert(trn_str_eq_c(f.kind, "script") && trn_str_eq_c(f.interpreter, "/usr/bin/env"));
    f = facts_of("PK\3\4\24\0\10\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\11\0\4\0META-INF/", 39);
    cr_assert(trn_str_eq_c(f.kind, "jar"));
    f = facts_of("PK\3\4", 4);
    cr_assert(trn_str_eq_c(f.kind, "data"));
    f = facts_of("\177ELF", 4);
    cr_assert(trn_str_eq_c(f.kind, "elf") && trn_str_is_none(f.build_id), "damaged, but not refused");
    f = facts_of("", 0);
    cr_assert_eq(f.size, 0);
    uint8_t want[TRN_SHA256_SIZE];
    cr_assert_eq(trn_sha256("", 0, want), 0);
    cr_assert_arr_eq(f.sha256, want, sizeof(want));
}

Test(identify, digests_of_a_long_file_and_of_this_program)
{
    static char big[300001];
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7);
    struct trn_file_facts f = facts_of(big, sizeof(big));
    uint8_t want[TRN_SHA256_SIZE];
    cr_assert_eq(trn_sha256(big, sizeof(big), want), 0);
    cr_assert_arr_eq(f.sha256, want, sizeof(want));
    TRN_AUTO(trn_fd_closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(trn_file_facts_read(self, 1u << 30, arena, &f, NULL), 0);
    cr_assert(trn_str_eq_c(f.kind, "elf"));
}

Test(identify, too_long_files_give_size_and_kind)
{
    struct trn_file_facts f;
    int fd = file_with("#!/bin/sh\nxxxxxxxxxx", 20), ends[2];
    cr_assert_eq(trn_file_facts_read(fd, 19, arena, &f, NULL), -EFBIG);
    cr_assert(f.size == 20 && trn_str_eq_c(f.kind, "script") && trn_sha256_is_none(f.sha256));
    trn_fd_close(fd);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(trn_file_facts_read(ends[0], 19, arena, &f, NULL), -EINVAL);
}

static void expect_candidates(const char *path, const char *want)
{
    struct trn_str got[8];
    char text[1024] = "";
    size_t n = trn_manifest_candidates(trn_str_of(path), arena, got, TRN_ARRAY_SIZE(got));
    for (size_t i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s ", TRN_STR_ARG(got[i]));
    cr_assert_str_eq(text, want);
}

Test(identify, where_a_manifest_would_be)
{
    expect_candidates("/p/node_modules/a/node_modules/@s/b/bin/x.js",
                      "/p/node_modules/a/node_modules/@s/b/package.json /p/node_modules/a/package.json ");
    expect_candidates("/p/node_modules/x.js", "");
    expect_candidates("/home/u/v/bin/tool", "/home/u/v/pyvenv.cfg ");
    expect_candidates("/home/u/v/lib/python3.11/site-packages/foo/x.py",
                      "/home/u/v/lib/python3.11/site-packages/foo.egg-info/PKG-INFO /home/u/v/pyvenv.cfg ");
    expect_candidates("/v/lib/python3.11/site-packages/foo-1.dist-info/RECORD",
                      "/v/lib/python3.11/site-packages/foo-1.dist-info/METADATA /v/pyvenv.cfg ");
    expect_candidates("/usr/bin/id", "");
    expect_candidates("/home/u/prog", "");
    expect_candidates("relative", "");
    expect_candidates("", "");
    struct trn_str one[1];
    cr_assert_eq(trn_manifest_candidates(TRN_STR("/a/node_modules/b/node_modules/c/x"), arena, one, 1), 1);
}

static int manifest(const char *file, const char *content, struct trn_software *ret)
{
    return trn_manifest_parse(trn_str_of(file), trn_str_of(content), arena, ret, NULL);
}

Test(identify, manifests)
{
    struct trn_software s;
    cr_assert_eq(manifest("package.json", "{\"name\":\"@s/b\",\"version\":\"2.0.1\",\"x\":[1]}", &s), 0);
    cr_assert(s.origin == TRN_ORIGIN_NPM && trn_str_eq_c(s.name, "@s/b") && trn_str_eq_c(s.version, "2.0.1"));
    cr_assert_eq(manifest("package.json", "{\"name\":\"n\"}", &s), 0);
    cr_assert(trn_str_is_none(s.version));
    cr_assert_eq(manifest("package.json", "{\"name\":5}", &s), -ENODATA);
    cr_assert_eq(manifest("package.json", "[]", &s), -EBADMSG);
    cr_assert_eq(manifest("package.json", "{", &s), -EBADMSG);
    cr_assert_eq(manifest("package.json", "", &s), -EBADMSG);
    cr_assert_eq(manifest("/x/METADATA", "Metadata-Version: 2.1\nName: foo\nVersion: 1.2\n\nName: body\n", &s), 0);
    cr_assert(s.origin == TRN_ORIGIN_PYTHON && trn_str_eq_c(s.name, "foo") && trn_str_eq_c(s.version, "1.2"));
    cr_assert_eq(manifest("PKG-INFO", "\nName: foo\n", &s), -ENODATA);
    cr_assert_eq(manifest("/home/u/v/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n", &s), 0);
    cr_assert(trn_str_eq_c(s.name, "v") && trn_str_is_none(s.version));
    cr_assert_eq(manifest("/home/u/v/pyvenv.cfg", "home=/usr/bin\nprompt = 'mine'\n", &s), 0);
    cr_assert(trn_str_eq_c(s.name, "mine"));
    cr_assert_eq(manifest("pyvenv.cfg", "nothing\n", &s), -EBADMSG);
    cr_assert_eq(manifest("Cargo.toml", "", &s), -EINVAL);
}
