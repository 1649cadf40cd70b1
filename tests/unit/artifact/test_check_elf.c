/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the checks of ELF files name what they ask of the loader and hide behind their end, and leave the usual alone? */
#include "../formats/elf_build.h"
#include "pe_seen.h"

#include <sys/stat.h>

static struct elf_build b;
static struct seen_all s;

static void scan_as(uint32_t mode)
{
    seen_scan(&s, (struct trn_str){(const char *)b.b, b.n}, "libx.so.1", mode);
}

static void add_random(size_t n)
{
    uint32_t seed = 3;
    for (size_t i = 0; i < n; i++)
        elf_put(&b, ELF_END + i, seen_random(&seed), 1);
}

/* Score of elf.rpath for this path, 0 when not told. */
static uint16_t score_of_path(const char *path, uint64_t tag, uint32_t mode)
{
    elf_begin(&b, true, false);
    elf_tag(&b, tag, elf_string(&b, path));
    scan_as(mode);
    const struct seen_finding *f = seen_find(&s, "elf.rpath");
    return f ? f->score : 0;
}

Test(check_elf, search_paths)
{
    static const struct {
        const char *path;
        uint16_t score;
    } rows[] = {
        {"$ORIGIN/../lib:/opt/x/lib", 0}, {"${ORIGIN}", 0}, {"/usr/lib/x", 0},  {"", 0},        {"/tmpfiles/lib", 0},
        {"/usr/lib:/tmp/build/lib", 45},  {"/var/tmp", 45}, {"/dev/shm/x", 45}, {"/a::/b", 25}, {"../lib", 25},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        cr_expect_eq(score_of_path(rows[i].path, 29, 0755), rows[i].score, "%s", rows[i].path);
        cr_expect_eq(score_of_path(rows[i].path, 15, 0755), rows[i].score, "%s", rows[i].path);
    }
    cr_expect_eq(score_of_path("/tmp", 29, S_IFREG | S_ISUID | 0755), 65, "with the rights of its owner it is worse");
    score_of_path("/tmp/x", 29, 0);
    cr_expect_str_eq(seen_find(&s, "elf.rpath")->offset, "0x601", "where the text stands");
}

Test(check_elf, audit_libraries)
{
    elf_begin(&b, false, true);
    scan_as(0);
    cr_expect_eq(s.n_findings + s.n_gaps, 0, "nothing is wrong with an empty library");
    elf_tag(&b, 0x6ffffefb, elf_string(&b, "watch.so"));
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.audit"));
    cr_expect_not_null(strstr(seen_find(&s, "elf.audit")->summary, "watch.so"));
}

Test(check_elf, writable_code)
{
    elf_begin(&b, true, false);
    elf_segment(&b, TRN_ELF_PT_GNU_STACK, 7, 0, 0);
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.writable-code"));
    cr_expect_eq(seen_find(&s, "elf.writable-code")->score, 10);
    elf_begin(&b, true, false);
    elf_segment(&b, TRN_ELF_PT_LOAD, 7, 0x800, 0x100);
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.writable-code"));
    cr_expect_eq(seen_find(&s, "elf.writable-code")->score, 15);
}

Test(check_elf, random_bytes_behind_the_end)
{
    elf_begin(&b, true, false);
    add_random(4096);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.overlay"));
    add_random(5000);
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.overlay"));
    cr_expect_eq(seen_find(&s, "elf.overlay")->score, 30);
    cr_expect_str_eq(seen_find(&s, "elf.overlay")->offset, "0x1000");
    cr_expect(seen_has_artifact(&s, "data overlay"));
    elf_segment(&b, TRN_ELF_PT_INTERP, 4, ELF_STRINGS, 1); /* a program */
    scan_as(0);
    cr_expect_eq(seen_find(&s, "elf.overlay")->score, 10);
    elf_begin(&b, true, false);
    add_random(5000);
    memcpy(b.b + ELF_END,
           "\xfd"
           "7zXZ\0",
           6);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.overlay"));
    cr_expect(seen_has_artifact(&s, "xz overlay"), "what can be opened is opened");
}

Test(check_elf, a_program_behind_the_end)
{
    elf_begin(&b, true, false);
    add_random(5000);
    memcpy(b.b + ELF_END, "MZ", 2);
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.overlay"));
    cr_expect_eq(seen_find(&s, "elf.overlay")->score, 30);
    cr_expect(seen_has_artifact(&s, "pe overlay"));
}

Test(check_elf, resolvers_that_reach_into_the_loader)
{
    elf_begin(&b, true, false);
    elf_symbol(&b, "fast_copy", TRN_ELF_STT_IFUNC, true);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.ifunc-hook"), "resolvers alone are usual");
    elf_symbol(&b, "_dl_audit_symbind_alt", 2, false);
    scan_as(0);
    cr_assert_not_null(seen_find(&s, "elf.ifunc-hook"));
    elf_begin(&b, true, false);
    elf_symbol(&b, "_dl_audit_symbind_alt", 2, false);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.ifunc-hook"), "without a resolver");
    elf_begin(&b, true, false);
    elf_tag(&b, 14, elf_string(&b, "libm.so.6"));
    elf_symbol(&b, "fast_sin", TRN_ELF_STT_IFUNC, true);
    elf_symbol(&b, "_rtld_global_ro", 1, false);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.ifunc-hook"), "a part of the C library");
}

Test(check_elf, thread_local_calls_without_thread_local_data)
{
    elf_begin(&b, true, false);
    elf_symbol(&b, "fast_crc", TRN_ELF_STT_IFUNC, true);
    elf_symbol(&b, "__tls_get_addr", 2, false);
    scan_as(0);
    cr_expect_not_null(seen_find(&s, "elf.ifunc-hook"));
    elf_segment(&b, TRN_ELF_PT_TLS, 4, 0xf00, 8);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.ifunc-hook"));
}

static uint8_t tar[1 << 20];

/* A release of n libraries; number 3 has no build-id when told so. */
static void scan_release(int n, bool odd)
{
    size_t size = 0;
    memset(tar, 0, sizeof(tar));
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "lib%d.so.1", i);
        elf_begin(&b, true, false);
        elf_tag(&b, 14, elf_string(&b, name));
        if (i != 3 || !odd)
            elf_note(&b, "GNU", 3, "0123456789", 10);
        seen_tar_add(tar, sizeof(tar), &size, name, b.b, b.n);
    }
    seen_scan(&s, (struct trn_str){(const char *)tar, size + 1024}, "release.tar", 0);
}

Test(check_elf, the_only_one_without_a_build_id)
{
    scan_release(9, false);
    cr_expect_null(seen_find(&s, "elf.toolchain-outlier"));
    scan_release(9, true);
    cr_assert_not_null(seen_find(&s, "elf.toolchain-outlier"));
    cr_expect_eq(seen_find(&s, "elf.toolchain-outlier")->artifact, 5);
    scan_release(7, true);
    cr_expect_null(seen_find(&s, "elf.toolchain-outlier"), "too few to compare with");
}

Test(check_elf, a_library_that_was_cut_off_is_said_to_be)
{
    elf_begin(&b, true, false);
    scan_as(0);
    cr_expect_eq(s.n_gaps, 0);
    b.n = 0x500;
    scan_as(0);
    cr_expect_gt(s.n_gaps, 0);
}

Test(check_elf, random_bytes_between_the_parts)
{
    elf_begin(&b, true, false);
    elf_segment(&b, 4, 4, ELF_END + 0x3000, 0x100); /* a further one; between the two is room for 12 KB */
    add_random(0x3000);
    for (size_t i = 0; i < 0x100; i++)
        elf_put(&b, ELF_END + 0x3000 + i, 0, 1);
    scan_as(0);
    const struct seen_finding *f = seen_find(&s, "elf.overlay");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 30);
    cr_expect_str_eq(f->offset, "0x1000");
    elf_begin(&b, true, false);
    elf_segment(&b, 4, 4, ELF_END, 0x3100); /* all of it is in one */
    add_random(0x3100);
    scan_as(0);
    cr_expect_null(seen_find(&s, "elf.overlay"));
}
