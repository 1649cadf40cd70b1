/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>

int file_with(const void *content, size_t n)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(trn_write_full(fd, content, n), 0);
    return fd;
}

int bundle_with(const struct text_file *files, size_t n)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    cr_assert_eq(trn_bundle_put_header(fd), 0);
    for (size_t i = 0; i < n; i++) {
        int from = file_with(files[i].content, strlen(files[i].content));
        cr_assert_eq(trn_bundle_put_file(fd, trn_str_of(files[i].name), from), 0);
        trn_fd_close(from);
    }
    return fd;
}

static int on_package(void *ctx, uint32_t index, const struct trn_package *p)
{
    return trn_package_index_package(ctx, index, p);
}

static int on_file(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    return trn_package_index_file(ctx, package, path, md5);
}

struct trn_dpkg_sink index_sink(struct trn_package_index *x)
{
    return (struct trn_dpkg_sink){.package = on_package, .file = on_file, .ctx = x};
}

struct trn_package_index *index_of_bundle(int fd)
{
    struct trn_package_index *x;
    struct trn_err err = {0};
    cr_assert_eq(trn_package_index_new(&x), 0);
    struct trn_dpkg_sink sink = index_sink(x);
    int r = trn_dpkg_parse(fd, &sink, &err);
    cr_assert_eq(r, 0, "%s", err.message);
    cr_assert_eq(trn_package_index_seal(x), 0);
    trn_fd_close(fd);
    return x;
}

const char *owner_of(const struct trn_package_index *x, const char *path)
{
    static char text[128];
    struct trn_owner o;
    if (!trn_package_index_find(x, trn_str_of(path), &o))
        return "";
    snprintf(text, sizeof(text), "%.*s %.*s", TRN_STR_ARG(o.package->name), TRN_STR_ARG(o.package->version));
    return text;
}
