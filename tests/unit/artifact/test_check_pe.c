/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the checks of Windows images name what does not belong, at its place, and leave its harmless twin alone? */
#include "../formats/pe_build.h"
#include "artifact/internal.h"
#include "artifact/kinds.h"
#include "pe_seen.h"

static struct pe_build p;
static struct seen_all s;

static void begin(uint16_t characteristics)
{
    pe_begin(&p, true, characteristics);
    pe_section(&p, ".text", 0x1000, 0x400, 0x400, TRN_PE_SECTION_EXEC | TRN_PE_SECTION_CODE);
    pe_section(&p, ".data", 0x2000, 0x800, 0x800, TRN_PE_SECTION_WRITE);
}

static void add_random(size_t at, size_t n)
{
    uint32_t seed = 5;
    for (size_t i = 0; i < n; i++)
        pe_put(&p, at + i, seen_random(&seed), 1);
}

static void scan(const char *name)
{
    seen_scan(&s, (struct trn_str){(const char *)p.b, p.n}, name, 0644);
}

Test(check_pe, random_bytes_behind_a_library_and_a_program)
{
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 5000);
    scan("a.dll");
    const struct seen_finding *f = seen_find(&s, "pe.overlay");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 45);
    cr_expect_str_eq(f->offset, "0x1000");
    cr_expect(seen_has_artifact(&s, "data overlay"), "what is there is looked at by itself");
    begin(0);
    add_random(0x1000, 5000);
    scan("a.exe");
    cr_assert_not_null(seen_find(&s, "pe.overlay"));
    cr_expect_eq(seen_find(&s, "pe.overlay")->score, 10);
}

Test(check_pe, bytes_of_a_section_that_memory_has_no_room_for)
{
    begin(TRN_PE_FILE_DLL);
    pe_section(&p, ".rsrc2", 0x3000, 0x1000, 0x6000, 0);
    add_random(0x1000, 0x6000);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"), "all of it is mapped");
    pe_put(&p, PE_OPTIONAL + 240 + 2 * 40 + 8, 16, 4); /* 16 bytes in memory: one page of it is mapped, five are not */
    scan("a.dll");
    const struct seen_finding *f = seen_find(&s, "pe.overlay");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 45);
    cr_expect_str_eq(f->offset, "0x2000");
}

Test(check_pe, an_overlay_that_is_small_plain_or_known_is_not_told)
{
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 4096);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"), "4 KB are not more than 4 KB");
    begin(TRN_PE_FILE_DLL);
    pe_put(&p, 0x1000 + 9999, 1, 1);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"), "zeros do not look random");
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 9000);
    pe_bytes(&p, 0x1000,
             "\xfd"
             "7zXZ\0",
             6);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"));
    cr_expect(seen_has_artifact(&s, "xz overlay"));
    cr_expect(seen_has_property(&s, "overlay=xz"));
}

Test(check_pe, bytes_that_are_called_symbols_or_stand_behind_the_certificates)
{
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 5400);
    pe_put(&p, PE_AT + 12, 0x1000, 4); /* 300 symbols */
    pe_put(&p, PE_AT + 16, 300, 4);
    scan("a.dll");
    cr_expect_not_null(seen_find(&s, "pe.overlay"));
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 0x100 + 5000);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x1000, 0x100);
    scan("a.dll");
    cr_assert_not_null(seen_find(&s, "pe.overlay"));
    cr_expect_str_eq(seen_find(&s, "pe.overlay")->offset, "0x1100");
    begin(TRN_PE_FILE_DLL);
    add_random(0x1000, 5000);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x1000, 5000);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"), "the table itself is for the checks of signatures");
}

Test(check_pe, what_a_section_has_in_the_file_and_not_in_memory)
{
    begin(TRN_PE_FILE_DLL);
    pe_section(&p, ".dat", 0x3000, 0x1000, 0x4000, 0);
    add_random(0x1000, 0x4000);
    scan("a.dll");
    cr_expect_null(seen_find(&s, "pe.overlay"), "all of it is in memory");
    pe_put(&p, PE_OPTIONAL + 240 + 40 * (p.sections - 1) + 8, 16, 4);
    scan("a.dll");
    cr_assert_not_null(seen_find(&s, "pe.overlay"));
    cr_expect_str_eq(seen_find(&s, "pe.overlay")->offset, "0x2000");
}

Test(check_pe, writable_code)
{
    begin(0);
    scan("a.exe");
    cr_expect_null(seen_find(&s, "pe.writable-code"));
    pe_section(&p, "UPX0", 0x3000, 0x1000, 0x200, TRN_PE_SECTION_EXEC | TRN_PE_SECTION_WRITE);
    scan("a.exe");
    cr_assert_not_null(seen_find(&s, "pe.writable-code"));
    cr_expect_not_null(strstr(seen_find(&s, "pe.writable-code")->summary, "'UPX0'"));
}

Test(check_pe, inventory)
{
    begin(TRN_PE_FILE_DLL);
    scan("a.dll");
    cr_expect(seen_has_property(&s, "arch=x86_64"));
    cr_expect(seen_has_property(&s, "dll=yes"));
    cr_expect(seen_has_property(&s, "timestamp=2022-11-12T20:20:16Z"));
    cr_expect_eq(s.n_findings, 0);
    cr_expect_eq(s.n_gaps, 0);
}

Test(check_pe, damaged_headers_are_a_gap_and_dos_programs_are_not)
{
    begin(0);
    pe_put(&p, PE_AT + 6, 0xffff, 2);
    scan("a.exe");
    cr_expect_eq(s.n_gaps, 1);
    seen_scan(&s, TRN_STR("MZ\220\0\3\0\0\0\4\0\0\0\377\377\0\0"), "a.com", 0);
    cr_expect_eq(s.n_gaps, 0);
}

/* ---- over a release ---- */

static uint8_t tar[1 << 20];
static size_t tar_n;

static void tar_begin(void)
{
    memset(tar, 0, sizeof(tar));
    tar_n = 0;
}

static void tar_add(const char *name)
{
    seen_tar_add(tar, sizeof(tar), &tar_n, name, p.b, p.n);
}

static void scan_tar(void)
{
    seen_scan(&s, (struct trn_str){(const char *)tar, tar_n + 1024}, "release.tar", 0);
}

/* Imports the functions, one after another; their slots are at rva 0x2040 + 8 k. */
static void put_imports(const char *const *functions)
{
    size_t text = 0xa00;
    pe_directory(&p, TRN_PE_IMPORTS, 0x2000, 40);
    pe_put(&p, 0x800, 0x2100, 4);
    pe_put(&p, 0x80c, 0x2180, 4);
    pe_put(&p, 0x810, 0x2040, 4);
    pe_bytes(&p, 0x980, "KERNEL32.dll", 13);
    for (size_t i = 0; functions[i]; i++, text += 32) {
        pe_put(&p, 0x900 + 8 * i, 0x2000 + text - 0x800, 8);
        pe_bytes(&p, text + 2, functions[i], strlen(functions[i]) + 1);
    }
}

/* A library whose code takes the name's address and calls the import of that number with it. */
static void make_reader(const char *const *functions, uint32_t call)
{
    begin(TRN_PE_FILE_DLL);
    put_imports(functions);
    pe_bytes(&p, 0xf00, "store_47.dll", 13); /* rva 0x2700 */
    pe_put(&p, 0x400, 0x0d8d48, 3);          /* lea rcx, [rip + name] */
    pe_put(&p, 0x403, 0x2700 - 0x1007, 4);
    pe_put(&p, 0x407, 0x15ff, 2); /* call [rip + slot] */
    pe_put(&p, 0x409, 0x2040 + 8 * call - 0x100d, 4);
    pe_bytes(&p, 0xf80, "expand 32-byte k", 17);
    tar_begin();
    tar_add("app/loader.dll");
}

Test(check_pe, a_library_that_reads_its_sibling_as_data)
{
    static const char *const functions[] = {"CreateFileW", "ReadFile", "VirtualProtect", NULL};
    make_reader(functions, 0);
    scan_tar();
    cr_expect_null(seen_find(&s, "pe.sibling-read"), "no such sibling");
    begin(TRN_PE_FILE_DLL);
    tar_add("app/Store_47.dll");
    scan_tar();
    const struct seen_finding *f = seen_find(&s, "pe.sibling-read");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 55);
    cr_expect_eq(f->artifact, 2);
    cr_expect_str_eq(f->offset, "0xf00");
    cr_expect_not_null(strstr(f->summary, "store_47.dll"));
}

Test(check_pe, a_library_that_loads_its_sibling_is_not_told)
{
    static const char *const functions[] = {"CreateFileW", "ReadFile", "VirtualProtect", "LoadLibraryW", NULL};
    make_reader(functions, 3);
    begin(TRN_PE_FILE_DLL);
    tar_add("app/store_47.dll");
    scan_tar();
    cr_expect_null(seen_find(&s, "pe.sibling-read"));
    make_reader(functions, 0); /* could load it, but gives the name to somebody else */
    begin(TRN_PE_FILE_DLL);
    tar_add("app/store_47.dll");
    scan_tar();
    cr_assert_not_null(seen_find(&s, "pe.sibling-read"));
    cr_expect_eq(seen_find(&s, "pe.sibling-read")->score, 35, "a cipher's table may be there for other reasons");
}

Test(check_pe, one_that_was_built_long_after_the_others)
{
    char name[16];
    tar_begin();
    for (int i = 0; i < 6; i++) {
        begin(TRN_PE_FILE_DLL);
        pe_put(&p, PE_AT + 8, 0x63700001 + 3600 * (uint32_t)i + (i == 3 ? 40 * 86400 : 0), 4);
        snprintf(name, sizeof(name), "%d.dll", i);
        tar_add(name);
    }
    scan_tar();
    const struct seen_finding *f = seen_find(&s, "pe.timestamp-outlier");
    cr_assert_not_null(f);
    cr_expect_eq(f->artifact, 5);
    tar_begin();
    for (int i = 0; i < 6; i++) {
        begin(TRN_PE_FILE_DLL);
        pe_put(&p, PE_AT + 8, i == 3 ? 0xf3700001 : 0x63700001, 4); /* the future: a hash, no time */
        snprintf(name, sizeof(name), "%d.dll", i);
        tar_add(name);
    }
    scan_tar();
    cr_expect_null(seen_find(&s, "pe.timestamp-outlier"));
}

/* Score of pe.version-mismatch for a file that says `company` and is signed by `signer`; another one is signed by `other`. */
static uint16_t score_of_makers(const char *company, const char *signer, const char *other)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_scan_sink sink = {seen_artifact, seen_signature, seen_property, seen_finding, seen_gap, &s};
    struct trn_trait traits[] = {
        {1, "signature.signer", trn_str_of(other), TRN_STR("other.exe")},
        {2, "pe.timestamp", TRN_STR("0"), TRN_STR("a.dll")},
        {2, "pe.company", trn_str_of(company), TRN_STR("a.dll")},
        {2, "signature.signer", trn_str_of(signer), TRN_STR("a.dll")},
    };
    struct trn_scan scan = {.limits = trn_limits_default(), .sink = &sink, .traits = traits, .n_traits = 4};
    struct trn_frame frame = {.look = {.arena = a, .self = &frame.self, .scan = &scan}};
    memset(&s, 0, sizeof(s));
    cr_assert_eq(trn_look_pe_release(&frame.look, NULL), 0);
    return s.n_findings ? s.findings[0].score : 0;
}

Test(check_pe, a_maker_that_is_not_the_signer)
{
    cr_expect_eq(score_of_makers("Microsoft Corporation", "Microsoft Windows", "Acme Ltd"), 0);
    cr_expect_eq(score_of_makers("3CX", "3CX Ltd", "Acme Ltd"), 0);
    cr_expect_eq(score_of_makers("Inc.", "Acme Ltd", "Acme Ltd"), 0, "no word to compare");
    cr_expect_eq(score_of_makers("The OpenSSL Project", "Acme Ltd", "Acme Ltd"), 8);
    cr_expect_eq(score_of_makers("Microsoft Corporation", "Acme Ltd", "Microsoft Corporation"), 15);
}

Test(check_pe, a_resource_that_holds_a_file_is_looked_at)
{
    begin(TRN_PE_FILE_DLL);
    pe_section(&p, ".rsrc", 0x3000, 0x1000, 0x2000, TRN_PE_SECTION_READ);
    pe_directory(&p, TRN_PE_RESOURCES, 0x3000, 0x2000);
    for (uint32_t level = 0; level < 3; level++) { /* RCDATA / 7 / language */
        static const uint32_t ids[] = {TRN_PE_RT_RCDATA, 7, 1033};
        pe_put(&p, 0x1000 + 0x20 * level + 14, 1, 2);
        pe_put(&p, 0x1000 + 0x20 * level + 16, ids[level], 4);
        pe_put(&p, 0x1000 + 0x20 * level + 20, level < 2 ? 0x80000020 + 0x20 * level : 0x60, 4);
    }
    pe_put(&p, 0x1060, 0x3100, 4);
    pe_put(&p, 0x1064, 0x1400, 4);
    pe_bytes(&p, 0x1100,
             "\xfd"
             "7zXZ\0",
             6);
    scan("a.dll");
    cr_expect(seen_has_artifact(&s, "xz .rsrc/RCDATA/7"));
    pe_put(&p, 0x1064, 0x1000, 4); /* 4 KB are not more than 4 KB */
    scan("a.dll");
    cr_expect_not(seen_has_artifact(&s, "xz .rsrc/RCDATA/7"));
}

Test(check_pe, a_program_that_was_cut_off_is_said_to_be)
{
    begin(TRN_PE_FILE_DLL);
    size_t whole = p.n;
    scan("a.dll");
    cr_expect_eq(s.n_gaps, 0);
    p.n = whole - 1;
    scan("a.dll");
    cr_expect_eq(s.n_gaps, 1);
}
