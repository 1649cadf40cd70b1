/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the build-id the right one, for every class and byte order, and are damaged files told apart? */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char content[1 << 16];

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");

    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/elf/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

Test(elf, build_id_in_all_four_shapes)
{
    const char *names[] = {"32le", "32be", "64le", "64be"};
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);

    for (size_t i = 0; i < 4; i++) {
        struct trn_elf e = {0};
        cr_assert_eq(trn_elf_parse(corpus(names[i]), a, &e), 0, "%s", names[i]);
        cr_expect_eq(e.bits, i < 2 ? 32 : 64);
        cr_expect_eq(e.big_endian, i % 2 == 1);
        cr_expect_eq(e.type, i < 2 ? TRN_ELF_EXEC : TRN_ELF_DYN);
        cr_expect(trn_str_eq_c(e.interp, "/lib/ld.so"));
        cr_assert_eq(e.build_id.n, 20, "%s", names[i]);
        for (int k = 0; k < 20; k++)
            cr_expect_eq(e.build_id.p[k], k);
    }
}

Test(elf, no_note_is_no_error)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_elf e;

    cr_assert_eq(trn_elf_parse(corpus("no-notes"), a, &e), 0);
    cr_expect(trn_str_is_none(e.build_id));
}

Test(elf, other_files_and_cut_ones)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_elf e;

    cr_expect_eq(trn_elf_parse(TRN_STR("#!/bin/sh\n"), a, &e), -ENOEXEC);
    cr_expect_eq(trn_elf_parse(TRN_STR(""), a, &e), -ENOEXEC);
    struct trn_str whole = corpus("64le");
    for (size_t n = 16; n < whole.n; n++)
        cr_expect_eq(trn_elf_parse(trn_str_slice(whole, 0, n), a, &e), -EBADMSG, "%zu bytes", n);
    content[4] = 3;
    cr_expect_eq(trn_elf_parse(whole, a, &e), -EBADMSG, "class 3");
}

Test(elf, notes_alone)
{
    struct trn_str id;

    cr_assert_eq(trn_elf_build_id(corpus("notes-only"), false, 4, &id), 0);
    cr_expect_eq(id.n, 20);
    cr_expect_eq(trn_elf_build_id(TRN_STR("\4\0\0\0\0\0\0\0\3\0\0\0GNU"), false, 4, &id), -EBADMSG, "empty id");
    cr_expect_eq(trn_elf_build_id(TRN_STR("\4\0\0\0\xff\xff\xff\xff\3\0\0\0GNU\0"), false, 4, &id), -EBADMSG);
    cr_expect_eq(trn_elf_build_id(TRN_STR(""), false, 4, &id), -ENOENT);
}

static int64_t read_fd(void *ctx, uint64_t at, void *dst, size_t n)
{
    ssize_t r = pread(*(int *)ctx, dst, n, (off_t)at);
    return r < 0 ? -errno : r;
}

Test(elf, a_real_program_through_a_descriptor)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct trn_elf_source s = {.read = read_fd, .ctx = &fd};
    struct trn_elf e;

    cr_assert_geq(fd, 0);
    cr_assert_eq(trn_elf_read(&s, a, &e), 0);
    cr_expect_eq(e.bits, sizeof(void *) * 8);
    cr_expect(e.interp.n > 0);
    close(fd);
    cr_expect_eq(trn_elf_read(&s, a, &e), -EBADF);
}
