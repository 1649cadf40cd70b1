/* SPDX-License-Identifier: Apache-2.0 */
/* Does a package database reach the worker whole, does its stamp follow it, and can a hostile root hurt us? */
#include "daemon/daemon.h"
#include "folder.h"
#include "software/software.h"

struct seen {
    int packages, files;
};

static int on_package(void *ctx, uint32_t index, const struct trn_package *p)
{
    ((struct seen *)ctx)->packages++;
    return 0;
}

static int on_file(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    ((struct seen *)ctx)->files++;
    return 0;
}

static struct folder database(void)
{
    struct folder f = folder_new();
    cr_assert(mkdirat(f.fd, "var", 0755) == 0 && mkdirat(f.fd, "var/lib", 0755) == 0 &&
              mkdirat(f.fd, "var/lib/dpkg", 0755) == 0 && mkdirat(f.fd, "var/lib/dpkg/info", 0755) == 0);
    folder_put(&f, "var/lib/dpkg/status",
               "Package: acme\nStatus: install ok installed\nArchitecture: all\nMaintainer: A <a@acme.test>\nVersion: "
               "1.0\n\n");
    folder_put(&f, "var/lib/dpkg/info/acme.list", "/.\n/opt\n/opt/acme\n/opt/acme/run\n");
    folder_put(&f, "var/lib/dpkg/info/acme.md5sums", "d41d8cd98f00b204e9800998ecf8427e  opt/acme/run\n");
    folder_put(&f, "var/lib/dpkg/info/acme.postinst", "#!/bin/sh\n");
    return f;
}

static struct seen parse(int fd)
{
    struct seen s = {0};
    const struct trn_dpkg_sink sink = {on_package, on_file, &s};
    struct trn_err err = {0};
    cr_assert_eq(trn_dpkg_parse(fd, &sink, &err), 0, "%s", err.message);
    return s;
}

Test(bundle, a_database_arrives_whole)
{
    struct folder f = database();
    TRN_AUTO(trn_fd_closep) int fd = trn_dpkg_bundle(f.fd);
    cr_assert_geq(fd, 0);
    struct seen s = parse(fd);
    cr_assert_eq(s.packages, 1);
    cr_assert_geq(s.files, 1);
    folder_done(&f);
}

Test(bundle, the_stamp_changes_with_the_database_and_only_then)
{
    struct folder f = database();
    uint64_t first, again, later;
    cr_assert_eq(trn_dpkg_stamp(f.fd, &first), 0);
    cr_assert_eq(trn_dpkg_stamp(f.fd, &again), 0);
    cr_assert_eq(first, again);
    folder_put(&f, "var/lib/dpkg/status-new", "Package: acme\n\n");
    cr_assert_eq(renameat(f.fd, "var/lib/dpkg/status-new", f.fd, "var/lib/dpkg/status"), 0); /* as dpkg does it */
    cr_assert_eq(trn_dpkg_stamp(f.fd, &later), 0);
    cr_assert_neq(first, later);
    cr_assert_eq(unlinkat(f.fd, "var/lib/dpkg/status", 0), 0);
    cr_assert_eq(trn_dpkg_stamp(f.fd, &later), -ENODATA);
    folder_done(&f);
}

Test(bundle, odd_things_in_the_folder_are_left_out, .timeout = 10)
{
    struct folder f = database();
    cr_assert_eq(mkfifoat(f.fd, "var/lib/dpkg/info/fifo.list", 0644), 0);
    cr_assert_eq(mkdirat(f.fd, "var/lib/dpkg/info/folder.list", 0755), 0);
    cr_assert_eq(symlinkat("/etc/shadow", f.fd, "var/lib/dpkg/info/out.list"), 0);
    TRN_AUTO(trn_fd_closep) int fd = trn_dpkg_bundle(f.fd);
    cr_assert_geq(fd, 0);
    cr_assert_eq(parse(fd).packages, 1);
    folder_done(&f);
}

Test(bundle, a_huge_database_is_refused)
{
    struct folder f = database();
    TRN_AUTO(trn_fd_closep) int big = openat(f.fd, "var/lib/dpkg/diversions", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(big, (off_t)1 << 40), 0);
    cr_assert_eq(trn_dpkg_bundle(f.fd), -EFBIG);
    folder_done(&f);
}
