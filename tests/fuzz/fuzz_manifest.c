/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: do manifests, paths, versions or the head of a file crash what names software? The first
 * byte chooses the manifest, the rest is its content, a path, two versions, and a file.
 */
#include "software/software.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_facts(struct trn_str s, struct trn_arena *a)
{
    static int fd = -1;
    struct trn_file_facts f = {0};
    struct trn_identity id;
    if (fd < 0)
        fd = memfd_create("file", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, s.p, s.n, 0) != (ssize_t)s.n)
        abort();
    if (trn_file_facts_read(fd, 1 << 20, a, &f, NULL) == 0 && (f.size != s.n || trn_str_is_none(f.kind)))
        abort();
    trn_identify(NULL, s, &f, NULL, a, &id);
    if (trn_str_is_none(id.software.name) && s.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct trn_str names[] = {TRN_STR("/x/package.json"), TRN_STR("/x/METADATA"), TRN_STR("/x/pyvenv.cfg"),
                                           TRN_STR("pyvenv.cfg")};
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 20);
    if (size == 0 || !a)
        return 0;
    struct trn_str s = {(const char *)data + 1, size - 1}, got[8];
    struct trn_software sw;
    if (trn_manifest_parse(names[data[0] % TRN_ARRAY_SIZE(names)], s, a, &sw, NULL) == 0 &&
        sw.origin == TRN_ORIGIN_UNKNOWN)
        abort();
    if (trn_manifest_candidates(s, a, got, TRN_ARRAY_SIZE(got)) > TRN_ARRAY_SIZE(got))
        abort();
    struct trn_str left = trn_str_slice(s, 0, s.n / 2), right = trn_str_slice(s, s.n / 2, s.n);
    if (trn_version_compare(left, right) != -trn_version_compare(right, left) || trn_version_compare(s, s) != 0)
        abort();
    read_facts(s, a);
    return 0;
}
