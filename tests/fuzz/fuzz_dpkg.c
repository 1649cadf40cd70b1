/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any bundle crash the reader of dpkg's database, or make an index that contradicts itself? */
#include "software/software.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct trn_package_index *index;
    uint64_t files;
};

static int on_package(void *ctx, uint32_t index, const struct trn_package *p)
{
    struct seen *s = ctx;
    if (trn_str_is_empty(p->name) || p->name.n > 256)
        abort();
    return trn_package_index_package(s->index, index, p);
}

static int on_file(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct seen *s = ctx;
    if (path.n < 2 || path.p[0] != '/')
        abort();
    s->files++;
    return trn_package_index_file(s->index, package, path, md5);
}

static void check(const struct trn_package_index *x, uint64_t files)
{
    uint64_t counted = 0;
    struct trn_owner o;
    for (size_t i = 0; i < trn_package_index_packages(x); i++) {
        const struct trn_package *p = trn_package_index_at(x, i);
        counted += p->files;
        if (!trn_package_index_named(x, p->name))
            abort();
    }
    if (counted != files || (trn_package_index_find(x, TRN_STR("/opt/p"), &o) && !o.package))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct seen s = {0};
    if (fd < 0)
        fd = memfd_create("bundle", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    if (trn_package_index_new(&s.index) < 0)
        return 0;
    struct trn_dpkg_sink sink = {.package = on_package, .file = on_file, .ctx = &s};
    struct trn_err err;
    if (trn_dpkg_parse(fd, &sink, &err) == 0 && trn_package_index_seal(s.index) == 0)
        check(s.index, s.files);
    trn_package_index_free(s.index);
    return 0;
}
