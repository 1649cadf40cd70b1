/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a program's change mean what it means, at its place, and do harmless twins stay quiet? */
#include "release/capability.h"
#include "release_build.h"

#include <ctype.h>

static struct built a, b;
static struct trn_diff *d;

static void begin(void)
{
    a = built_begin("1.0");
    b = built_begin("1.1");
}

static void finish(void)
{
    d = built_diff(&a, &b);
}

static void teardown(void)
{
    built_done(d, &a, &b);
    d = NULL;
}

TestSuite(compare_code, .fini = teardown);

#define EXPECT_NONE(id) cr_expect_null(built_find(d, id), "%s", id)

static uint16_t score_of(const char *id)
{
    const struct trn_finding *f = built_find(d, id);
    return f ? f->score : 0;
}

/* ---- the table ---- */

Test(compare_code_table, functions_are_in_order_and_found_by_their_variants)
{
    struct trn_ability x;
    const char *name, *before = "";
    size_t n = 0;
    for (; (name = trn_capability_function(n)); before = name, n++) {
        cr_expect_lt(strcmp(before, name), 0, "%s before %s", before, name);
        cr_expect(trn_ability_of(trn_str_of(name), &x), "%s", name);
    }
    cr_expect_gt(n, 200);
    static const struct {
        const char *symbol;
        enum trn_can can;
    } rows[] = {
        {"CreateFileA", TRN_CAN_FILE},
        {"CreateFileW", TRN_CAN_FILE},
        {"__fread_chk", TRN_CAN_FILE},
        {"fopen64", TRN_CAN_FILE},
        {"__openat64_chk", TRN_CAN_FILE},
        {"open$NOCANCEL", TRN_CAN_FILE},
        {"mprotect", TRN_CAN_MEMORY},
        {"ZwWriteVirtualMemory", TRN_CAN_MEMORY},
        {"OBJC_CLASS_$_NSTask", TRN_CAN_PROCESS},
        {"WSASocketW", TRN_CAN_NETWORK},
        {"CryptUnprotectData", TRN_CAN_BROWSER_DATA},
        {"CreateServiceW", TRN_CAN_PERSISTENCE},
        {"gethostname", TRN_CAN_SYSTEM_INFORMATION},
        {"BCryptDecrypt", TRN_CAN_CRYPTO},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        cr_assert(trn_ability_of(trn_str_of(rows[i].symbol), &x), "%s", rows[i].symbol);
        cr_expect_eq(x.can, rows[i].can, "%s", rows[i].symbol);
    }
    cr_expect(!trn_ability_of(TRN_STR("openfoo"), &x) && !trn_ability_of(TRN_STR("A"), &x) &&
              !trn_ability_of(TRN_STR(""), &x));
}

/* ---- the library of the rehearsal ---- */

#define CRT "malloc free memcpy strlen EnterCriticalSection LeaveCriticalSection"

static uint32_t dll(struct built *x, const char *name, uint8_t content, uint64_t size, const char *imports)
{
    uint32_t id = built_member(x, 1, name, TRN_FORMAT_PE, size, content);
    built_property(x, id, "dll", "yes");
    built_facts(x, id, TRN_FEATURE_IMPORT, "kernel32.dll", imports);
    built_fact(x, id, TRN_FEATURE_SECTION, ".text", "r-x", 4096, 1024);
    return id;
}

Test(compare_code, a_codec_gains_files_memory_and_reads_its_sibling)
{
    begin();
    (void)dll(&a, "d3dcompiler_47.dll", 9, 4000000, CRT);
    (void)dll(&b, "d3dcompiler_47.dll", 9, 4000000, CRT);
    uint32_t was = dll(&a, "ffmpeg.dll", 1, 2000000, CRT);
    uint32_t is = dll(&b, "ffmpeg.dll", 2, 2010000, CRT " CreateFileW ReadFile VirtualProtect");
    built_facts(&a, was, TRN_FEATURE_EXPORT, "", "av_malloc avcodec_open2 av_free");
    built_facts(&b, is, TRN_FEATURE_EXPORT, "", "av_malloc avcodec_open2 av_free");
    built_fact(&b, is, TRN_FEATURE_SIBLING, "", "d3dcompiler_47.dll", 1, 0x1234);
    finish();
    const struct trn_finding *can = built_find(d, "diff.new-capability"), *reads = built_find(d, "diff.sibling-read");
    cr_assert(can && reads);
    cr_expect_geq(built_alone(can), TRN_VERDICT_SUSPICIOUS);
    cr_expect_geq(built_alone(reads), TRN_VERDICT_SUSPICIOUS);
    cr_expect_eq(can->score, 50);
    cr_expect(trn_str_starts(can->summary, TRN_STR("it uses ")));
    cr_expect(trn_str_contains(can->summary, TRN_STR("CreateFileW, ReadFile and VirtualProtect")), "%.*s",
              TRN_STR_ARG(can->summary));
    cr_expect(trn_str_eq_c(built_evidence(can, "old"), "none of these abilities"));
    cr_expect(trn_str_eq_c(built_evidence(can, "new"), "file, memory"));
    cr_expect(trn_str_eq_c(built_evidence(can, "family"), "codec"));
    cr_expect(trn_str_eq_c(built_evidence(reads, "new"), "d3dcompiler_47.dll"));
    cr_expect(trn_str_eq_c(built_evidence(reads, "offset"), "0x1234"));
}

Test(compare_code, a_library_of_no_family_gains_a_loaders_means_in_a_small_change)
{
    begin();
    (void)dll(&a, "acme.dll", 1, 2000000, CRT);
    (void)dll(&b, "acme.dll", 2, 2004000, CRT " CreateFileW ReadFile VirtualProtect");
    finish();
    cr_expect_geq(score_of("diff.new-capability"), 40);
}

Test(compare_code, harmless_twins_of_it)
{
    begin();
    (void)dll(&a, "acme.dll", 1, 2000000, CRT);
    (void)dll(&b, "acme.dll", 2, 3000000,
              CRT " CreateFileW ReadFile VirtualProtect"); /* a new version with much in it */
    (void)dll(&a, "libpng16.dll", 3, 300000, CRT);
    (void)dll(&b, "libpng16.dll", 4, 300100, CRT " _wfopen fread"); /* files are an image library's task */
    uint32_t id = dll(&b, "other.dll", 6, 100, CRT);
    (void)dll(&a, "other.dll", 5, 100, CRT);
    built_fact(&b, id, TRN_FEATURE_SIBLING, "", "notthere.dll", 1, 7);
    finish();
    EXPECT_NONE("diff.sibling-read");
    cr_expect_lt(score_of("diff.new-capability"), 30);
    cr_expect_leq(d->verdict, TRN_VERDICT_NOTE);
}

Test(compare_code, more_of_what_it_had_is_nothing)
{
    begin();
    (void)dll(&a, "ffmpeg.dll", 1, 2000000, CRT " CreateFileW ReadFile VirtualProtect");
    (void)dll(&b, "ffmpeg.dll", 2, 2000000,
              CRT " CreateFileW ReadFile WriteFile DeleteFileW VirtualProtect VirtualAlloc");
    finish();
    EXPECT_NONE("diff.new-capability");
    cr_expect_eq(d->verdict, TRN_VERDICT_CLEAN);
}

Test(compare_code, memory_that_was_only_allocated_is_protected_now)
{
    begin();
    (void)dll(&a, "ffmpeg.dll", 1, 2000000, CRT " CreateFileW WriteFile VirtualAlloc");
    (void)dll(&b, "ffmpeg.dll", 2, 2000000, CRT " CreateFileW WriteFile VirtualAlloc VirtualProtect");
    finish();
    cr_expect_eq(score_of("diff.new-capability"), 50);
}

Test(compare_code, a_small_change_that_brings_a_remote_hand)
{
    begin();
    uint32_t was = dll(&a, "tool.exe", 1, 2000000, CRT),
             is = dll(&b, "tool.exe", 2, 2000000, CRT " CreateRemoteThread InternetOpenUrlW");
    (void)was;
    (void)is;
    finish();
    cr_expect_eq(score_of("diff.new-capability"), 42);
}

Test(compare_code, a_new_program_that_can_do_what_none_could)
{
    begin();
    (void)dll(&a, "one.dll", 1, 2000000, CRT " CreateFileW");
    (void)dll(&b, "one.dll", 1, 2000000, CRT " CreateFileW");
    (void)dll(&b, "two.dll", 2, 2000000, CRT " CreateFileW");
    finish();
    EXPECT_NONE("diff.new-capability");
    teardown();
    begin();
    (void)dll(&a, "one.dll", 1, 2000000, CRT " CreateFileW");
    (void)dll(&b, "one.dll", 1, 2000000, CRT " CreateFileW");
    (void)dll(&b, "two.dll", 2, 2000000, CRT " InternetOpenUrlW");
    finish();
    cr_expect_eq(score_of("diff.new-capability"), 5);
}

Test(compare_code, what_is_asked_for_by_name_counts)
{
    begin();
    (void)dll(&a, "ffmpeg.dll", 1, 2000000, CRT " GetProcAddress");
    uint32_t id = dll(&b, "ffmpeg.dll", 2, 2000000, CRT " GetProcAddress");
    built_fact(&b, id, TRN_FEATURE_IMPORT, "by name", "VirtualProtect", 0, 0x5000);
    finish();
    cr_expect_eq(score_of("diff.new-capability"), 50);
    cr_expect(trn_str_eq_c(built_evidence(built_find(d, "diff.new-capability"), "offset"), "0x5000"));
}

Test(compare_code, telling_functions_of_a_group_that_it_had_are_named)
{
    begin();
    (void)dll(&a, "acme.dll", 1, 2000000, CRT " VirtualProtect");
    (void)dll(&b, "acme.dll", 2, 2000000, CRT " VirtualProtect WriteProcessMemory");
    finish();
    cr_expect_eq(score_of("diff.new-capability"), 10);
}

/* ---- the shape of xz ---- */

static uint32_t so(struct built *x, const char *name, uint8_t content, const char *imports)
{
    uint32_t id = built_member(x, 1, name, TRN_FORMAT_ELF, 200000, content);
    built_property(x, id, "type", "library");
    built_facts(x, id, TRN_FEATURE_IMPORT, "", imports);
    built_facts(x, id, TRN_FEATURE_EXPORT, "", "lzma_code lzma_end lzma_crc64");
    built_fact(x, id, TRN_FEATURE_SEGMENT, "load", "r-x", 4096, 0);
    return id;
}

Test(compare_code, an_elf_gains_a_resolver_and_a_way_to_load)
{
    begin();
    (void)so(&a, "liblzma.so.5", 1, "malloc free");
    uint32_t id = so(&b, "liblzma.so.5", 2, "malloc free dlopen");
    built_fact(&b, id, TRN_FEATURE_IFUNC, "", "lzma_crc64", 1, TRN_FEATURE_NOWHERE);
    built_fact(&b, id, TRN_FEATURE_ABILITY, "", "dlopen", 1, TRN_FEATURE_NOWHERE);
    finish();
    const struct trn_finding *ifunc = built_find(d, "diff.elf-ifunc"), *hook = built_find(d, "diff.elf-hooked-loading");
    cr_assert(ifunc && hook);
    cr_expect_geq(built_alone(ifunc), TRN_VERDICT_SUSPICIOUS);
    cr_expect_geq(built_alone(hook), TRN_VERDICT_SUSPICIOUS);
    cr_expect_eq(hook->score, 70);
    cr_expect(trn_str_contains(ifunc->summary, TRN_STR("lzma_crc64")));
    cr_expect(trn_str_eq_c(built_evidence(ifunc, "old"), "0 resolvers") &&
              trn_str_eq_c(built_evidence(ifunc, "new"), "1 resolver"));
}

Test(compare_code, more_resolvers_where_some_were)
{
    begin();
    uint32_t was = so(&a, "libz.so.1", 1, "malloc free"), is = so(&b, "libz.so.1", 2, "malloc free");
    built_fact(&a, was, TRN_FEATURE_IFUNC, "", "", 3, TRN_FEATURE_NOWHERE);
    built_fact(&b, is, TRN_FEATURE_IFUNC, "", "", 5, TRN_FEATURE_NOWHERE);
    built_fact(&b, is, TRN_FEATURE_ABILITY, "", "cpuid", 2, 100);
    finish();
    EXPECT_NONE("diff.elf-hooked-loading");
    cr_expect_eq(score_of("diff.elf-ifunc"), 10);
    cr_expect_eq(d->verdict, TRN_VERDICT_NOTE);
}

/* ---- universal programs ---- */

static uint32_t slices(struct built *x, uint8_t content, const char *first, const char *second)
{
    uint32_t fat = built_member(x, 1, "libffmpeg.dylib", TRN_FORMAT_MACHO_FAT, 400000, content);
    const char *const imports[] = {first, second}, *const names[] = {"x86_64", "arm64"};
    for (size_t i = 0; i < 2; i++) {
        uint32_t id = built_member(x, fat, names[i], TRN_FORMAT_MACHO, 200000, (uint8_t)(content + 1 + i));
        built_property(x, id, "type", "dylib");
        built_facts(x, id, TRN_FEATURE_IMPORT, "libSystem.B.dylib", imports[i]);
        built_fact(x, id, TRN_FEATURE_SEGMENT, "__TEXT", "r-x", 4096, 0);
    }
    return fat;
}

Test(compare_code, one_slice_alone_gains_the_network)
{
    begin();
    (void)slices(&a, 10, "malloc free", "malloc free");
    (void)slices(&b, 20, "malloc free OBJC_CLASS_$_NSURLSession", "malloc free memcpy");
    finish();
    const struct trn_finding *f = built_find(d, "diff.one-slice");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 50);
    cr_expect(trn_str_contains(f->summary, TRN_STR("x86_64")) && trn_str_contains(f->summary, TRN_STR("network")),
              "%.*s", TRN_STR_ARG(f->summary));
}

Test(compare_code, both_slices_gain_it)
{
    begin();
    (void)slices(&a, 10, "malloc free", "malloc free");
    (void)slices(&b, 20, "malloc free socket", "malloc free socket");
    finish();
    EXPECT_NONE("diff.one-slice");
}

/* ---- form ---- */

Test(compare_code, each_change_of_form_says_old_new_and_place)
{
    begin();
    uint32_t was = so(&a, "libx.so.1", 1, "malloc"), is = so(&b, "libx.so.1", 2, "malloc");
    built_fact(&b, is, TRN_FEATURE_SEGMENT, "load", "rwx", 4096, 0x3000);
    built_fact(&a, was, TRN_FEATURE_EARLY, "init_array", "", 2, TRN_FEATURE_NOWHERE);
    built_fact(&b, is, TRN_FEATURE_EARLY, "init_array", "", 3, 0x10);
    built_fact(&b, is, TRN_FEATURE_RPATH, "", "/tmp/build", 0, 0x601);
    built_fact(&b, is, TRN_FEATURE_LIBRARY, "", "libsocket.so.1", 0, 0x620);
    built_fact(&b, is, TRN_FEATURE_TABLE, "", "rc4", 1, 0x700);
    built_fact(&b, is, TRN_FEATURE_RANDOM, ".rodata", "7.98", 32768, 0x9000);
    built_facts(&a, was, TRN_FEATURE_EXPORT, "", "x_one x_two");
    finish();
    static const struct {
        const char *check, *before, *after, *at;
        uint16_t score;
    } rows[] = {
        {"diff.memory-permissions", "r-x", "rwx", "0x3000", 40},
        {"diff.early-code", "2 functions", "3 functions", "0x10", 15},
        {"diff.rpath", "no folder of its own", "/tmp/build", "0x601", 45},
        {"diff.new-library", "not needed", "libsocket.so.1", "", 8},
        {"diff.crypto-table", "no such constants", "rc4", "0x700", 20},
        {"diff.hidden-growth", "0 bytes", "32768 bytes", "0x9000", 35},
        {"diff.exports-changed", "x_one and x_two", "none", "", 25},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        const struct trn_finding *f = built_find(d, rows[i].check);
        cr_assert_not_null(f, "%s", rows[i].check);
        cr_expect_eq(f->score, rows[i].score, "%s %u", rows[i].check, f->score);
        cr_expect(trn_str_eq_c(built_evidence(f, "old"), rows[i].before), "%s", rows[i].check);
        cr_expect(trn_str_eq_c(built_evidence(f, "new"), rows[i].after), "%s", rows[i].check);
        cr_expect(rows[i].at[0] == '\0' || trn_str_eq_c(built_evidence(f, "offset"), rows[i].at), "%s", rows[i].check);
    }
}

Test(compare_code, thread_callbacks_of_the_compiler_weigh_less)
{
    static const struct {
        const char *toolchain;
        uint64_t callbacks;
        uint16_t score;
    } rows[] = {{"rich", 2, 8}, {"rich", 1, 22}, {"rich", 3, 22}, {"linker", 2, 22}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        begin();
        (void)dll(&a, "acme.dll", 1, 2000000, CRT);
        uint32_t id = dll(&b, "acme.dll", 2, 2000000, CRT);
        built_fact(&b, id, TRN_FEATURE_EARLY, "tls", "", rows[i].callbacks, 0x400);
        built_fact(&b, id, TRN_FEATURE_TOOLCHAIN, rows[i].toolchain, "14", 0, TRN_FEATURE_NOWHERE);
        finish();
        cr_expect_eq(score_of("diff.early-code"), rows[i].score, "%zu: %u", i, score_of("diff.early-code"));
        teardown();
    }
    begin();
    finish();
}

Test(compare_code, what_was_there_or_is_packed_by_nature_is_quiet)
{
    begin();
    uint32_t was = so(&a, "libx.so.1", 1, "malloc"), is = so(&b, "libx.so.1", 2, "malloc");
    for (int i = 0; i < 2; i++) {
        struct built *x = i ? &b : &a;
        uint32_t id = i ? is : was;
        built_fact(x, id, TRN_FEATURE_SEGMENT, "load", "rwx", 4096, 0x3000);
        built_fact(x, id, TRN_FEATURE_EARLY, "init_array", "", 2, TRN_FEATURE_NOWHERE);
        built_fact(x, id, TRN_FEATURE_TABLE, "", "aes", 1, 0x700);
        built_fact(x, id, TRN_FEATURE_RANDOM, ".rodata", i ? "7.98 gzip" : "7.97 gzip", i ? 90000 : 100, 0x9000);
    }
    finish();
    cr_expect_eq(d->n_reasons, 0);
    cr_expect_eq(d->verdict, TRN_VERDICT_CLEAN);
}

Test(compare_code, a_block_that_begins_like_a_packed_one_weighs_less)
{
    begin();
    uint32_t was = so(&a, "libx.so.1", 1, "malloc"), is = so(&b, "libx.so.1", 2, "malloc");
    (void)was;
    built_fact(&b, is, TRN_FEATURE_RANDOM, ".rodata", "7.98 gzip", 32768, 0x9000);
    finish();
    cr_expect_eq(score_of("diff.hidden-growth"), 10);
}

Test(compare_code, random_bytes_behind_a_program)
{
    begin();
    uint32_t was = so(&a, "libx.so.1", 1, "malloc"), is = so(&b, "libx.so.1", 2, "malloc");
    (void)was;
    uint32_t id = built_member(&b, is, "overlay", TRN_FORMAT_DATA, 65536, 9);
    built_fact(&b, id, TRN_FEATURE_RANDOM, "", "7.99", 65536, 0);
    finish();
    cr_expect_eq(score_of("diff.hidden-growth"), 35);
}

/* ---- Mac ---- */

Test(compare_code, entitlements)
{
    begin();
    struct trn_signature s = {.kind = TRN_SIGNATURE_APPLE, .digest = TRN_DIGEST_OK, .team = TRN_STR("TEAM1")};
    for (int i = 0; i < 2; i++) {
        struct built *x = i ? &b : &a;
        uint32_t id = built_member(x, 1, "app", TRN_FORMAT_MACHO, 5000, (uint8_t)i);
        built_fact(x, id, TRN_FEATURE_SEGMENT, "__TEXT", "r-x", 4096, 0);
        if (i) {
            built_fact(x, id, TRN_FEATURE_ENTITLEMENT, "com.apple.security.cs.allow-dyld-environment-variables", "true",
                       0, TRN_FEATURE_NOWHERE);
            built_fact(x, id, TRN_FEATURE_ENTITLEMENT, "com.apple.security.device.camera", "true", 0,
                       TRN_FEATURE_NOWHERE);
        }
        cr_assert_eq(trn_release_signature(x->r, x->file, id, &s), 0);
    }
    finish();
    cr_expect_eq(score_of("diff.entitlement"), 55);
    cr_expect(trn_str_eq_c(built_evidence(built_find(d, "diff.entitlement"), "new"), "true"));
}

/* ---- programs that were not there ---- */

Test(compare_code, a_program_where_an_image_was_and_a_new_one)
{
    begin();
    (void)built_member(&a, 1, "logo.png", TRN_FORMAT_PNG, 5000, 1);
    (void)built_member(&b, 1, "logo.png", TRN_FORMAT_PE, 6000, 2);
    (void)built_member(&b, 1, "helper.exe", TRN_FORMAT_PE, 7000, 3);
    finish();
    const struct trn_finding *f = built_find(d, "diff.became-program");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 55);
    cr_expect(trn_str_eq_c(built_evidence(f, "old"), "png") && trn_str_eq_c(built_evidence(f, "new"), "pe"));
    cr_expect_eq(score_of("diff.new-program"), 28 * 7 / 10, "no version says how much changed");
}

Test(compare_code, a_launcher_that_was_a_script)
{
    begin();
    (void)built_member(&a, 1, "run", TRN_FORMAT_SHELL, 5000, 1);
    (void)built_member(&b, 1, "run", TRN_FORMAT_ELF, 6000, 2);
    finish();
    cr_expect_eq(score_of("diff.became-program"), 20);
}
