/* SPDX-License-Identifier: Apache-2.0 */
/* Is dpkg's database read as dpkg means it, also when it is half-way, and when it is nonsense? */
#include "bundle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define STATUS                                                                                                    \
    "Package: acme-softphone\nStatus: install ok installed\nPriority: optional\nMaintainer: Acme <a@acme.test>\n" \
    "Architecture: amd64\nVersion: 1.0\nDescription: phone\n Package: not-a-field\n .\n Version: 9\n\n"           \
    "Package: coreutils\nEssential: yes\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\n" \
    "Version: 9.1-1\n\n"                                                                                          \
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.36\n\n"      \
    "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: same\nVersion: 2.36\n\n"       \
    "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 3\n\n"                         \
    "Package: never\nStatus: unknown ok not-installed\nArchitecture: all\n"

#define MD5_A "0123456789abcdef0123456789abcdef"
#define MD5_B "ffffffffffffffffffffffffffffffff"

static const struct text_file plain[] = {
    {"info/acme-softphone.list", "/.\n/opt\n/opt/acme-softphone\n/opt/acme-softphone/softphone\n/opt/acme-softphone/"
                                 "libcall.so\n/etc\n/etc/acme.conf\n"},
    {"info/acme-softphone.md5sums", MD5_A "  opt/acme-softphone/softphone\n" MD5_B "  opt/acme-softphone/libcall.so\n"},
    {"info/coreutils.list", "/.\n/bin\n/bin/ls\n/usr\n/usr/bin\n/usr/bin/id\n"},
    {"info/coreutils.md5sums", MD5_A "  bin/ls\n"},
    {"info/libc6:amd64.list", "/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n"},
    {"info/libc6:i386.list", "/lib\n/lib/i386-linux-gnu\n/lib/i386-linux-gnu/libc.so.6\n"},
    {"info/gone.list", "/etc/gone.conf\n"},
    {"diversions", ""},
    {"status", STATUS}, /* last on purpose */
};

Test(dpkg, packages_and_their_files)
{
    struct trn_package_index *x = INDEX_WITH(plain);
    cr_assert_eq(trn_package_index_packages(x), 4);
    cr_assert_str_eq(owner_of(x, "/opt/acme-softphone/softphone"), "acme-softphone 1.0");
    cr_assert_str_eq(owner_of(x, "/opt/acme-softphone/libcall.so"), "acme-softphone 1.0");
    cr_assert_str_eq(owner_of(x, "/etc/acme.conf"), "acme-softphone 1.0");
    cr_assert_str_eq(owner_of(x, "/opt/acme-softphone"), "", "a directory is nobody's");
    cr_assert_str_eq(owner_of(x, "/opt/acme-softphone/other"), "");
    cr_assert_str_eq(owner_of(x, "/etc/gone.conf"), "", "a removed package owns nothing");
    cr_assert_str_eq(owner_of(x, ""), "");
    const struct trn_package *p = trn_package_index_named(x, TRN_STR("acme-softphone"));
    cr_assert(p && p->files == 3 && p->flags == 0 && trn_str_eq_c(p->maintainer, "Acme <a@acme.test>"));
    cr_assert_eq(trn_package_index_named(x, TRN_STR("coreutils"))->flags, TRN_SW_BASE);
    cr_assert_null(trn_package_index_named(x, TRN_STR("gone")));
    trn_package_index_free(x);
}

Test(dpkg, merged_usr_is_tried_both_ways)
{
    struct trn_package_index *x = INDEX_WITH(plain);
    cr_assert_str_eq(owner_of(x, "/bin/ls"), "coreutils 9.1-1");
    cr_assert_str_eq(owner_of(x, "/usr/bin/ls"), "coreutils 9.1-1");
    cr_assert_str_eq(owner_of(x, "/bin/id"), "coreutils 9.1-1");
    cr_assert_str_eq(owner_of(x, "/usr/lib/x86_64-linux-gnu/libc.so.6"), "libc6 2.36");
    cr_assert_str_eq(owner_of(x, "/usr/lib/i386-linux-gnu/libc.so.6"), "libc6 2.36");
    cr_assert_str_eq(owner_of(x, "/usr/opt/acme-softphone/softphone"), "", "only the merged directories");
    trn_package_index_free(x);
}

Test(dpkg, checksums_only_where_listed)
{
    struct trn_package_index *x = INDEX_WITH(plain);
    struct trn_owner o;
    const uint8_t head[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    cr_assert(trn_package_index_find(x, TRN_STR("/opt/acme-softphone/softphone"), &o));
    cr_assert(o.has_md5 && memcmp(o.md5_head, head, 8) == 0);
    cr_assert(trn_package_index_find(x, TRN_STR("/usr/bin/ls"), &o) && o.has_md5);
    cr_assert(trn_package_index_find(x, TRN_STR("/etc/acme.conf"), &o) && !o.has_md5);
    trn_package_index_free(x);
}

Test(dpkg, diverted_file_is_where_it_was_diverted_to)
{
    const struct text_file files[] = {
        {"status", "Package: a\nStatus: install ok installed\nVersion: 1\n\n"
                   "Package: b\nStatus: install ok installed\nVersion: 2\n"},
        {"diversions", "/usr/bin/tool\n/usr/bin/tool.distrib\nb\n/bin/local\n/bin/local.real\n:\n"},
        {"info/a.list", "/usr/bin/tool\n/usr/bin/local\n"},
        {"info/a.md5sums", MD5_A "  usr/bin/tool\n"},
        {"info/b.list", "/usr/bin/tool\n"},
        {"info/b.md5sums", MD5_B "  usr/bin/tool\n"},
    };
    struct trn_package_index *x = INDEX_WITH(files);
    struct trn_owner o;
    cr_assert_str_eq(owner_of(x, "/usr/bin/tool"), "b 2");
    cr_assert_str_eq(owner_of(x, "/usr/bin/tool.distrib"), "a 1");
    cr_assert(trn_package_index_find(x, TRN_STR("/usr/bin/tool.distrib"), &o) && o.has_md5 && o.md5_head[0] == 0x01);
    cr_assert_str_eq(owner_of(x, "/usr/bin/local.real"), "a 1", "the administrator's, told by the other name");
    cr_assert_str_eq(owner_of(x, "/usr/bin/local"), "");
    trn_package_index_free(x);
}

Test(dpkg, diversion_to_the_root_is_none)
{
    const struct text_file files[] = {
        {"status", "Package: a\nStatus: install ok installed\nVersion: 1\n"},
        {"diversions", "/opt/p\n/\nb\n/\n/opt/q\nb\n"},
        {"info/a.list", "/opt/p\n"},
        {"info/a.md5sums", MD5_A "  opt/p\n"},
    };
    struct trn_package_index *x = INDEX_WITH(files);
    cr_assert_str_eq(owner_of(x, "/opt/p"), "a 1");
    cr_assert_str_eq(owner_of(x, "/opt/q"), "");
    trn_package_index_free(x);
}

static uint32_t flags_in_state(const char *status, const char *journal)
{
    const struct text_file files[] = {{"status", status},
                                      {"info/p.list", "/opt/p\n"},
                                      {"info/p.md5sums", MD5_A "  opt/p\n"},
                                      {"updates/0001", journal}};
    struct trn_package_index *x = INDEX_WITH(files);
    const struct trn_package *p = trn_package_index_named(x, TRN_STR("p"));
    uint32_t flags = p ? p->flags : UINT32_MAX;
    trn_package_index_free(x);
    return flags;
}

Test(dpkg, states_of_a_package)
{
    cr_assert_eq(flags_in_state("Package: p\nStatus: install ok installed\nVersion: 1\n", ""), 0);
    cr_assert_eq(flags_in_state("Package: p\nStatus: install ok triggers-pending\nVersion: 1\n", ""), 0);
    cr_assert_eq(flags_in_state("Package: p\nStatus: install ok triggers-awaited\nVersion: 1\n", ""), 0);
    cr_assert_eq(flags_in_state("Package: p\nStatus: install ok unpacked\nVersion: 1\n", ""), TRN_SW_UNPACKED);
    cr_assert_eq(flags_in_state("Package: p\nStatus: install reinstreq half-installed\nVersion: 1\n", ""),
                 TRN_SW_UNPACKED);
    cr_assert_eq(flags_in_state("Package: p\nStatus: install ok half-configured\nVersion: 1\n", ""), TRN_SW_UNPACKED);
    cr_assert_eq(flags_in_state("Package: p\nStatus: deinstall ok config-files\nVersion: 1\n", ""), UINT32_MAX);
}

Test(dpkg, journal_lies_over_the_status_file)
{
    const char *old = "Package: p\nStatus: install ok installed\nVersion: 1\n";
    cr_assert_eq(flags_in_state(old, "Package: p\nStatus: install ok half-installed\nVersion: 2\n"), TRN_SW_UNPACKED);
    cr_assert_eq(flags_in_state(old, "Package: p\nStatus: deinstall ok not-installed\n"), UINT32_MAX);
    cr_assert_eq(flags_in_state("", "Package: p\nStatus: install ok installed\nVersion: 2\n"), 0);
}

Test(dpkg, nonsense_is_left_out_and_the_rest_counts)
{
    const struct text_file files[] = {
        {"status", "garbage\n: x\nPackage: ../../etc\nStatus: install ok installed\n\n\n\nPackage: \n\n"
                   "Package: p\nStatus: install ok installed\nArchitecture: a/b\n\n"
                   "Package: q\nStatus: install ok installed\nVersion: 1\r\n\r\n"},
        {"diversions", "only\ntwo\n"},
        {"info/q.list", "relative/path\n\n/\n/ok\n"},
        {"info/q.md5sums", "zz  ok\nshort\n" MD5_A "  \n" MD5_A " ok\n\n" MD5_B "  ./ok\n"},
    };
    struct trn_package_index *x = INDEX_WITH(files);
    struct trn_owner o;
    cr_assert_eq(trn_package_index_packages(x), 1);
    cr_assert(trn_package_index_find(x, TRN_STR("/ok"), &o) && o.has_md5 && o.md5_head[0] == 0xff);
    trn_package_index_free(x);
}

static int parse(int fd, struct trn_err *err)
{
    struct trn_package_index *x;
    cr_assert_eq(trn_package_index_new(&x), 0);
    struct trn_dpkg_sink sink = index_sink(x);
    int r = trn_dpkg_parse(fd, &sink, err);
    trn_package_index_free(x);
    trn_fd_close(fd);
    return r;
}

Test(dpkg, damaged_bundles_are_refused)
{
    struct trn_err err = {0};
    cr_assert_eq(parse(file_with("", 0), &err), -EFBIG);
    cr_assert_eq(parse(file_with("TRNX", 4), &err), -EBADMSG);
    cr_assert_eq(parse(file_with("TRNB", 4), &err), -ENOENT);
    cr_assert_str_eq(err.message, "no status file in the package database");
    cr_assert_eq(parse(file_with("TRNB\1\0\0", 7), NULL), -EBADMSG);
    cr_assert_eq(parse(file_with("TRNB\6\0\0\0\1\0\0\0\0\0\0\0status", 22), NULL), -EBADMSG, "one byte short");
    cr_assert_eq(parse(file_with("TRNB\6\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffstatus", 22), NULL), -EBADMSG);
    cr_assert_eq(parse(file_with("TRNB\0\0\0\0\0\0\0\0\0\0\0\0", 16), NULL), -EBADMSG, "no name");
    cr_assert_eq(parse(file_with("TRNB\6\0\0\0\0\0\0\0\0\0\0\0status", 22), NULL), 0, "an empty database is one");
}

static int refuse(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    return -ECANCELED;
}

Test(dpkg, sink_can_stop)
{
    struct trn_package_index *x;
    cr_assert_eq(trn_package_index_new(&x), 0);
    struct trn_dpkg_sink sink = index_sink(x);
    sink.file = refuse;
    int fd = bundle_with(plain, TRN_ARRAY_SIZE(plain));
    cr_assert_eq(trn_dpkg_parse(fd, &sink, NULL), -ECANCELED);
    trn_fd_close(fd);
    trn_package_index_free(x);
}

Test(dpkg, bundle_names_and_sizes_survive)
{
    int fd = bundle_with(plain, TRN_ARRAY_SIZE(plain));
    struct trn_bundle_reader r;
    struct trn_bundle_entry e;
    cr_assert_eq(trn_bundle_open(fd, &r, NULL), 0);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(plain); i++) {
        char content[2048] = "";
        cr_assert_eq(trn_bundle_next(&r, &e, NULL), 1);
        cr_assert(trn_str_eq_c((struct trn_str){e.name, e.name_length}, plain[i].name));
        cr_assert_eq(trn_pread_full(fd, content, e.size, e.offset), 0);
        cr_assert_str_eq(content, plain[i].content);
    }
    cr_assert_eq(trn_bundle_next(&r, &e, NULL), 0);
    cr_assert_eq(trn_bundle_next(&r, &e, NULL), 0);
    trn_fd_close(fd);
}

Test(dpkg, bundle_takes_only_regular_files)
{
    int fd = memfd_create("bundle", 0), ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(trn_bundle_put_file(fd, TRN_STR("x"), ends[0]), -EINVAL);
    cr_assert_eq(trn_bundle_put_file(fd, TRN_STR(""), fd), -EINVAL);
}
