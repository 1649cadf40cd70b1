/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a program of each format give exactly its features, and nothing when nobody asks? */
#include "../formats/elf_build.h"
#include "../formats/pe_build.h"
#include "noted.h"

#define RANDOM_BYTES 20480u

static struct seen told;
static struct pe_build p;
static struct elf_build b;
static char content[1 << 17];

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return 0;
}
static int on_feature(void *ctx, uint32_t a, const struct trn_feature *f)
{
    note(ctx, "%s [%.*s] [%.*s] %llu", trn_feature_kind_name(f->kind), TRN_STR_ARG(f->key), TRN_STR_ARG(f->value),
         (unsigned long long)f->number);
    if (f->at != TRN_FEATURE_NOWHERE)
        note(ctx, " 0x%llx", (unsigned long long)f->at);
    note(ctx, "\n");
    return 0;
}

static void scan(const void *bytes, size_t n, const char *name, bool features)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1, .features = features};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, &told, on_feature};
    struct trn_source src = trn_source_mem((struct trn_str){bytes, n});
    memset(&told, 0, sizeof(told));
    cr_assert_eq(trn_scan_run(&src, trn_str_of(name), 0644, &o, &sink, NULL), 0);
}

static void fill_random(uint8_t *to, size_t n)
{
    uint32_t seed = 11;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
}

/* Lines that begin so. */
static size_t count(const char *begin)
{
    size_t n = 0;
    for (const char *l = told.log; *l; l = strchr(l, '\n') + 1)
        n += strncmp(l, begin, strlen(begin)) == 0;
    return n;
}

/* ---- Windows ---- */

#define RVA(at) (PE_FIRST_RVA + (at)-PE_FIRST_RAW)

static void put_text(size_t at, const char *text)
{
    pe_bytes(&p, at, text, strlen(text) + 1);
}

static void make_pe(void)
{
    pe_begin(&p, true, TRN_PE_FILE_DLL);
    pe_section(&p, ".text", PE_FIRST_RVA, PE_FIRST_RAW, 0x8000, TRN_PE_SECTION_READ | TRN_PE_SECTION_EXEC);
    pe_directory(&p, TRN_PE_IMPORTS, RVA(0x400), 40);
    pe_put(&p, 0x400, RVA(0x500), 4);
    pe_put(&p, 0x40c, RVA(0x600), 4);
    pe_put(&p, 0x410, RVA(0x540), 4);
    pe_put(&p, 0x500, RVA(0x620), 8);
    pe_put(&p, 0x508, 1ull << 63 | 115, 8);
    put_text(0x600, "WS2_32.dll");
    put_text(0x622, "Recv");
}

Test(feature_program, windows)
{
    make_pe();
    scan(p.b, p.n, "a.dll", true);
    HAS(&told, "section [.text] [r-x] 32768 0x400\n");
    HAS(&told, "early [entry] [.text] 1024 0x400\n");
    HAS(&told, "toolchain [linker] [0.0] 0\n");
    HAS(&told, "time [link] [] 1668284416 0x88\n");
    HAS(&told, "library [] [ws2_32.dll] 0\n");
    HAS(&told, "import [ws2_32.dll] [Recv] 0\n");
    HAS(&told, "import [ws2_32.dll] [#115] 0\n");
    HAS(&told, "measure [code.imports] [] 2000\n");
    cr_expect_eq(count("import"), 2);
    cr_expect_eq(count(""), 8, "%s", told.log);
    scan(p.b, p.n, "a.dll", false);
    cr_expect_str_eq(told.log, "", "nobody asked");
}

Test(feature_program, bytes_that_look_random_and_constants_of_ciphers)
{
    make_pe();
    fill_random(p.b + 0x1400, RANDOM_BYTES);
    pe_bytes(&p, 0x7000, "\x63\x7c\x77\x7b\xf2\x6b\x6f\xc5", 8);
    pe_bytes(&p, 0x7020, "expand 32-byte k", 16);
    put_text(0x7040, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    pe_bytes(&p, 0x7100, "\xb8\1\0\0\0\x31\xc9\x0f\xa2", 9);
    pe_bytes(&p, 0x7140, "\x4c\x8b\xd1\xb8\x18\0\0\0\x0f\5", 10);
    pe_bytes(&p, 0x7200, "\x0f\xa2\0\0\0\x0f\5", 7); /* by chance: nothing is prepared for them */
    scan(p.b, p.n, "a.dll", true);
    HAS(&told, "random [.text] [7.9");
    HAS(&told, "] 20480 0x1400\n");
    HAS(&told, "table [] [aes] 1 0x7000\n");
    HAS(&told, "table [] [chacha] 1 0x7020\n");
    HAS(&told, "table [] [base64] 1 0x7040\n");
    HAS(&told, "ability [] [cpuid] 1 0x7107\n");
    HAS(&told, "ability [] [syscall] 1 0x7148\n");
    cr_expect_eq(count("random") + count("table") + count("ability"), 6, "%s", told.log);
}

Test(feature_program, functions_asked_for_by_name)
{
    make_pe();
    pe_section(&p, ".rdata", PE_FIRST_RVA + 0x8000, 0x8400, 0x400, TRN_PE_SECTION_READ);
    pe_bytes(&p, 0x8480, "\0VirtualProtect\0WriteProcessMemoryX\0WinExec ", 45);
    scan(p.b, p.n, "a.dll", true);
    HAS_NOT(&told, "by name");
    put_text(0x622, "GetProcAddress");
    scan(p.b, p.n, "a.dll", true);
    HAS(&told, "import [by name] [VirtualProtect] 0 0x8481\n");
    cr_expect_eq(count("import"), 3, "%s", told.log);
}

Test(feature_program, what_is_packed_by_nature_says_so)
{
    make_pe();
    fill_random(p.b + 0x1400, RANDOM_BYTES);
    pe_bytes(&p, 0x1400, "\x28\xb5\x2f\xfd", 4);
    scan(p.b, p.n, "a.dll", true);
    HAS(&told, " zstd] 20480 0x1400\n");
    make_pe();
    fill_random(p.b + 0x1400, 12288); /* too little */
    scan(p.b, p.n, "a.dll", true);
    HAS_NOT(&told, "random");
}

/* ---- ELF ---- */

static void make_elf(void)
{
    elf_begin(&b, true, false);
    elf_tag(&b, 14, elf_string(&b, "libx.so.1"));
    elf_tag(&b, 1, elf_string(&b, "libc.so.6"));
    elf_tag(&b, 29, elf_string(&b, "$ORIGIN:/tmp"));
    elf_tag(&b, 27, 16);
    elf_symbol(&b, "fopen64", 2, false);
    elf_symbol(&b, "fread", 2, false);
    elf_symbol(&b, "mprotect", 2, false);
    elf_symbol(&b, "x_run", 2, true);
    elf_symbol(&b, "x_fast", TRN_ELF_STT_IFUNC, true);
    elf_note(&b, "GNU", 3, "\1\2\3\4", 4);
    static const char texts[] = "libc.so.6\0libother.so.2\0lib/helper.exe\0see libno.so.1 too\0/x/libx.so.1";
    memcpy(b.b + 0xd00, texts, sizeof(texts));
}

Test(feature_program, elf)
{
    make_elf();
    scan(b.b, b.n, "libx.so.1", true);
    HAS(&told, "segment [load] [r-x] 4096 0x0\n");
    HAS(&told, "library [] [libc.so.6] 0 0x60b\n");
    HAS(&told, "rpath [] [$ORIGIN] 0 0x615\n");
    HAS(&told, "rpath [] [/tmp] 0 0x61d\n");
    HAS(&told, "early [init_array] [] 2\n");
    HAS(&told, "toolchain [build_id] [01020304] 0\n");
    HAS(&told, "import [] [fopen64] 0\n");
    HAS(&told, "export [] [x_run] 0\n");
    HAS(&told, "ifunc [] [x_fast] 1\n");
    HAS(&told, "sibling [] [libother.so.2] 1 0xd0a\n");
    HAS(&told, "sibling [] [helper.exe] 1 0xd1c\n");
    cr_expect_eq(count("sibling"), 2, "%s", told.log);
    cr_expect_eq(count("import"), 3);
    cr_expect_eq(count("export"), 2, "%s", told.log);
    HAS_NOT(&told, "dlopen");
    elf_symbol(&b, "dlopen", 2, false);
    scan(b.b, b.n, "libx.so.1", true);
    HAS(&told, "ability [] [dlopen] 1\n");
    HAS(&told, "sibling [] [libother.so.2] 0 0xd0a\n");
}

/* ---- Mac ---- */

Test(feature_program, mac)
{
    size_t n = load_into(content, sizeof(content), "apple_signature/entitlements");
    scan(content, n, "app", true);
    HAS(&told, "segment [__TEXT] [r-x] ");
    HAS(&told, "library [] [/usr/lib/libSystem.B.dylib] ");
    HAS(&told, "toolchain [build_id] [000102030405060708090a0b0c0d0e0f] 0\n");
    HAS(&told, "toolchain [min_os] [11.0] 0\n");
    HAS(&told, "entitlement [com.apple.security.cs.disable-library-validation] [true] 0\n");
}

/* ---- no program ---- */

Test(feature_program, bytes_of_no_format)
{
    fill_random((uint8_t *)content, RANDOM_BYTES);
    content[0] = 1;
    scan(content, RANDOM_BYTES, "a.bin", true);
    HAS(&told, "random [] [7.9");
    cr_expect_eq(count(""), 1, "%s", told.log);
}
