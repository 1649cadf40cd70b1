/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is every file of an HFS+ volume found with all of its pieces, and does a tree that is wrong end? */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 17];

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/hfs/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

struct found {
    uint32_t files, folders;
    struct trn_hfs_record pieces;
    bool stop;
};
static int note(void *ctx, const struct trn_hfs_record *r)
{
    struct found *f = ctx;
    f->files += r->kind == TRN_HFS_FILE;
    f->folders += r->kind == TRN_HFS_FOLDER;
    if (trn_str_eq_c(r->name, "pieces.bin"))
        f->pieces = *r;
    return f->stop ? -EPIPE : 0;
}

Test(hfs, catalog_and_a_file_in_many_pieces)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source s = trn_source_mem(corpus("all"));
    struct trn_hfs v;
    struct found f = {0};
    static char out[16384];
    cr_assert_eq(trn_hfs_open(&s, a, &v), 0);
    cr_assert_eq(trn_hfs_catalog(&v, note, &f), 0);
    cr_expect_eq(f.files, v.n_files);
    cr_expect_eq(f.folders, v.n_folders + 1, "the root is not counted in the header");
    cr_expect_gt(v.n_overflow, 0);
    cr_assert_eq(f.pieces.data.size, 20 * 512 + 77);
    cr_assert_eq(trn_hfs_fork_complete(&v, f.pieces.id, 0, &f.pieces.data), 0);
    cr_expect_gt(f.pieces.data.n, 8);
    cr_assert_eq(trn_hfs_read(&v, &f.pieces.data, 0, out, sizeof(out)), 20 * 512 + 77);
    for (size_t i = 0; i + 1 < 20 * 512; i += 512) /* between the pieces lies what is not of it */
        cr_expect(memcmp(out + i, "\xee\xee\xee\xee", 4) != 0);
    char one[10];
    cr_expect_eq(trn_hfs_read(&v, &f.pieces.data, 1000, one, sizeof(one)), 10);
    cr_expect_eq(memcmp(one, out + 1000, 10), 0);
    cr_expect_eq(trn_hfs_read(&v, &f.pieces.data, f.pieces.data.size, one, 1), 0);
}

Test(hfs, who_is_told_may_end_it)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source s = trn_source_mem(corpus("all"));
    struct trn_hfs v;
    struct found f = {.stop = true};
    cr_assert_eq(trn_hfs_open(&s, a, &v), 0);
    cr_expect_eq(trn_hfs_catalog(&v, note, &f), -EPIPE);
    cr_expect_eq(f.files + f.folders, 1);
}

/* Places of the catalog's first leaf in the volume "small" (blocks of 512, nodes of 1024). */
static size_t first_leaf(const struct trn_hfs *v)
{
    return v->catalog.first[0].start * (size_t)v->block + 1024;
}

Test(hfs, a_leaf_that_leads_back_to_itself_ends)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source s = trn_source_mem(corpus("small"));
    struct trn_hfs v;
    struct found f = {0};
    cr_assert_eq(trn_hfs_open(&s, a, &v), 0);
    content[first_leaf(&v) + 3] = 1;
    cr_expect_eq(trn_hfs_catalog(&v, note, &f), -EBADMSG);
    cr_expect_lt(f.files, 10);
}

Test(hfs, blocks_outside_of_the_volume_are_refused)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source s = trn_source_mem(corpus("small"));
    struct trn_hfs v;
    struct trn_hfs_fork f = {.size = 512, .blocks = 1, .n = 1, .first = {{0xfffffff0u, 1}}};
    cr_assert_eq(trn_hfs_open(&s, a, &v), 0);
    cr_expect_eq(trn_hfs_fork_complete(&v, 99, 0, &f), -EBADMSG);
    f = (struct trn_hfs_fork){.size = 5000, .blocks = 10, .n = 1, .first = {{1, 1}}};
    cr_expect_eq(trn_hfs_fork_complete(&v, 99, 0, &f), -EBADMSG, "nine blocks are nowhere");
    f = (struct trn_hfs_fork){.size = 5000, .blocks = 1, .n = 1, .first = {{1, 1}}};
    cr_expect_eq(trn_hfs_fork_complete(&v, 99, 0, &f), -EBADMSG, "larger than its blocks");
}

Test(hfs, cut_short)
{
    struct trn_str whole = corpus("small");
    for (size_t n = 0; n < whole.n; n += 101) {
        struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
        struct trn_source s = trn_source_mem(trn_str_slice(whole, 0, n));
        struct trn_hfs v;
        struct found f = {0};
        int e = trn_hfs_open(&s, a, &v);
        if (e == 0)
            e = trn_hfs_catalog(&v, note, &f);
        cr_expect(e == 0 || e == -ENOEXEC || e == -EBADMSG, "%zu: %d", n, e);
    }
}

Test(hfs, the_old_one_is_told_apart)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source s = trn_source_mem(corpus("small"));
    struct trn_hfs v;
    memcpy(content + 1024, "BD", 2);
    cr_expect_eq(trn_hfs_open(&s, a, &v), -ENOTSUP);
    memcpy(content + 1024, "XX", 2);
    cr_expect_eq(trn_hfs_open(&s, a, &v), -ENOEXEC);
}
