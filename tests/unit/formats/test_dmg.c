/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are chunk tables of disk images read with their places, and are false ones refused? */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 16];

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/dmg/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

static int read_dmg(struct trn_str bytes, struct trn_arena *a, struct trn_dmg *ret)
{
    struct trn_source s = trn_source_mem(bytes);
    struct trn_err err = {0};
    return trn_dmg_read(&s, a, ret, &err);
}

Test(dmg, tables_and_chunks)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_dmg d;
    uint64_t hole = 0;
    cr_assert_eq(read_dmg(corpus("kinds"), a, &d), 0);
    cr_assert_eq(d.n_tables, 2);
    cr_expect(trn_str_eq_c(d.tables[0].name, "Driver Descriptor Map (DDM : 0)"));
    cr_expect(trn_str_eq_c(d.tables[1].name, "disk image (Apple_HFS : 1)"));
    cr_expect_eq(d.tables[1].sector, 1);
    cr_expect_eq(d.disk_size, d.sectors * TRN_DMG_SECTOR);
    cr_expect_eq(d.n_chunks, d.tables[0].n_chunks + d.tables[1].n_chunks);
    const struct trn_dmg_chunk *c = trn_dmg_chunk_of(&d, 1, &hole);
    cr_assert_not_null(c);
    cr_expect_eq(c->sector, 1);
    cr_expect_eq(trn_dmg_chunk_of(&d, 8, &hole), c, "a chunk of eight sectors");
    cr_expect_null(trn_dmg_chunk_of(&d, d.sectors, &hole));
    cr_expect_eq(hole, UINT64_MAX);
    cr_expect_eq(d.signature_size, 0);
    cr_assert_eq(read_dmg(corpus("signed"), a, &d), 0);
    cr_expect_gt(d.signature_size, 1000);
}

Test(dmg, cut_short_is_no_image)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_dmg d;
    struct trn_str whole = corpus("gpt");
    for (size_t n = 0; n < whole.n; n++) /* the trailer is the end */
        cr_assert_lt(read_dmg(trn_str_slice(whole, 0, n), a, &d), 0, "%zu", n);
}

Test(dmg, a_list_of_partitions_that_is_not_there)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_dmg d;
    struct trn_str f = corpus("gpt");
    memset(content + f.n - 512 + 216, 0x7f, 8); /* its place */
    cr_expect_eq(read_dmg(f, a, &d), -EBADMSG);
    f = corpus("gpt");
    memset(content + f.n - 512 + 224, 0, 8); /* its size */
    cr_expect_eq(read_dmg(f, a, &d), -EBADMSG);
    memset(content + f.n - 512 + 224, 0x11, 8);
    cr_expect_eq(read_dmg(f, a, &d), -E2BIG);
}

Test(dmg, adc)
{
    uint8_t out[64];
    /* "ab", three back by two: "aba", four back by one */
    cr_assert_eq(trn_dmg_adc(TRN_STR("\x81"
                                     "ab\x00\x01\x40\x00\x00"),
                             out, sizeof(out)),
                 9);
    cr_expect_eq(memcmp(out, "ababaaaaa", 9), 0);
    cr_expect_eq(trn_dmg_adc(TRN_STR("\x00\x05"), out, sizeof(out)), -EBADMSG, "before the beginning");
    cr_expect_eq(trn_dmg_adc(TRN_STR("\x8f"
                                     "short"),
                             out, sizeof(out)),
                 -EBADMSG);
    cr_expect_eq(trn_dmg_adc(TRN_STR("\x80"
                                     "a\x7f\x00\x00"),
                             out, 8),
                 -EBADMSG, "more than there is room");
}

Test(dmg, partition_maps)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_partitions p;
    static uint8_t disk[64 * 512];
    struct trn_source s = trn_source_mem((struct trn_str){(char *)disk, sizeof(disk)});
    cr_expect_eq(trn_partitions_read(&s, a, &p), -ENOEXEC);
    memcpy(disk + 512, "EFI PART", 8);
    disk[512 + 72] = 2; /* entries */
    disk[512 + 80] = 2;
    disk[512 + 84] = 128;
    for (int i = 0; i < 2; i++) {
        uint8_t *entry = disk + 1024 + 128 * i;
        entry[0] = 1;
        entry[32] = i ? 200 : 10; /* the second lies outside */
        entry[40] = i ? 210 : 19;
        entry[56] = 'M';
    }
    cr_assert_eq(trn_partitions_read(&s, a, &p), 0);
    cr_assert_eq(p.n, 1);
    cr_expect_eq(p.list[0].at, 10 * 512);
    cr_expect_eq(p.list[0].size, 10 * 512);
    cr_expect(trn_str_eq_c(p.list[0].name, "M"));
    disk[512 + 84] = 0;
    cr_expect_eq(trn_partitions_read(&s, a, &p), -EBADMSG, "entries of no size");
}
