/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the tables of a PE image say what stands in them, and do damaged, looping and endless ones end? */
#include "pe_build.h"

#define RVA(at) (PE_FIRST_RVA + (at)-PE_FIRST_RAW)

static struct pe_build p;
static struct trn_arena *a;
static struct trn_pe pe;

static void begin(bool wide)
{
    pe_begin(&p, wide, TRN_PE_FILE_DLL);
    pe_section(&p, ".data", PE_FIRST_RVA, PE_FIRST_RAW, 0x2000, TRN_PE_SECTION_READ);
}

static void read_it(void)
{
    struct trn_source s = pe_source(&p);
    cr_assert_eq(trn_pe_read(&s, a, &pe), 0);
}

static void setup(void)
{
    a = trn_arena_new(0);
}

static void teardown(void)
{
    a = trn_arena_free(a);
}

TestSuite(pe_tables, .init = setup, .fini = teardown);

static void put_text(size_t at, const char *text)
{
    pe_bytes(&p, at, text, strlen(text) + 1);
}

static size_t put_utf16(size_t at, const char *text)
{
    for (; *text; text++, at += 2)
        pe_put(&p, at, (uint8_t)*text, 2);
    pe_put(&p, at, 0, 2);
    return at + 2;
}

/* One library with a name, an ordinal; the same as delayed one without the ordinal. */
static void put_imports(void)
{
    unsigned each = p.wide ? 8 : 4;
    pe_directory(&p, TRN_PE_IMPORTS, RVA(0x400), 40);
    pe_put(&p, 0x400, RVA(0x500), 4);
    pe_put(&p, 0x40c, RVA(0x600), 4);
    pe_put(&p, 0x410, RVA(0x540), 4);
    pe_put(&p, 0x500, RVA(0x620), each);
    pe_put(&p, 0x500 + each, (1ull << (8 * each - 1)) | 115, each);
    put_text(0x600, "WS2_32.dll");
    put_text(0x622, "Recv");
    pe_directory(&p, TRN_PE_DELAY_IMPORTS, RVA(0x700), 64);
    pe_put(&p, 0x700, 1, 4);
    pe_put(&p, 0x704, RVA(0x740), 4);
    pe_put(&p, 0x710, RVA(0x760), 4);
    pe_put(&p, 0x760, RVA(0x620), each);
    put_text(0x740, "late.dll");
}

Test(pe_tables, imports_by_name_by_ordinal_and_delayed)
{
    for (int wide = 0; wide < 2; wide++) {
        struct trn_pe_imports i;
        begin(wide);
        put_imports();
        read_it();
        cr_assert_eq(trn_pe_imports(&pe, a, &i), 0);
        cr_assert_eq(i.n_libraries, 2);
        cr_expect_not(i.cut);
        cr_expect(trn_str_eq_c(i.libraries[0].name, "WS2_32.dll"));
        cr_assert_eq(i.libraries[0].n_imports, 2);
        cr_expect(trn_str_eq_c(i.libraries[0].imports[0].name, "Recv"));
        cr_expect(trn_str_is_none(i.libraries[0].imports[1].name));
        cr_expect_eq(i.libraries[0].imports[1].ordinal, 115);
        cr_expect(i.libraries[1].delayed);
        cr_expect(trn_pe_imports_has(&i, "Recv") && !trn_pe_imports_has(&i, "recv"));
        cr_expect(trn_pe_imports_library(&i, TRN_STR("ws2_32.DLL")));
        char hash[33];
        cr_assert_eq(trn_pe_imphash(&i, hash), 0);
        cr_expect_str_eq(hash, "32161611090d5308485c9aa1f83fb8c2", "md5 of ws2_32.recv,ws2_32.ord115: %s", hash);
    }
}

Test(pe_tables, endless_imports_end)
{
    struct trn_pe_imports i;
    begin(false);
    pe_directory(&p, TRN_PE_IMPORTS, RVA(0x400), 40);
    for (size_t at = 0x400; at < 0x2400; at += 4) /* each descriptor names the next, no list has an end */
        pe_put(&p, at, RVA(0x1000), 4);
    read_it();
    cr_assert_eq(trn_pe_imports(&pe, a, &i), 0);
    cr_expect(i.cut);
    cr_expect_leq(i.n_imports, TRN_PE_IMPORTS_MAX);
    pe_directory(&p, TRN_PE_IMPORTS, 0xfffffff0, 40);
    read_it();
    cr_assert_eq(trn_pe_imports(&pe, a, &i), 0);
    cr_expect(i.cut && i.n_libraries == 0);
}

Test(pe_tables, exports_with_forwards)
{
    struct trn_pe_exports x;
    begin(true);
    pe_directory(&p, TRN_PE_EXPORTS, RVA(0x400), 0x200);
    pe_put(&p, 0x40c, RVA(0x500), 4);
    pe_put(&p, 0x410, 5, 4); /* first ordinal */
    pe_put(&p, 0x414, 3, 4);
    pe_put(&p, 0x418, 2, 4);
    pe_put(&p, 0x41c, RVA(0x440), 4);
    pe_put(&p, 0x420, RVA(0x450), 4);
    pe_put(&p, 0x424, RVA(0x460), 4);
    pe_put(&p, 0x440, RVA(0x900), 4); /* code; the second is a hole */
    pe_put(&p, 0x448, RVA(0x520), 4);
    pe_put(&p, 0x450, RVA(0x540), 4);
    pe_put(&p, 0x454, RVA(0x560), 4);
    pe_put(&p, 0x460, 0, 2);
    pe_put(&p, 0x462, 2, 2);
    put_text(0x500, "me.dll");
    put_text(0x520, "NTDLL.Rtl");
    put_text(0x540, "one");
    put_text(0x560, "three");
    read_it();
    cr_assert_eq(trn_pe_exports(&pe, a, &x), 0);
    cr_expect(trn_str_eq_c(x.module, "me.dll"));
    cr_assert_eq(x.n, 2);
    cr_expect_not(x.cut);
    cr_expect(trn_str_eq_c(x.list[0].name, "one") && x.list[0].ordinal == 5 && x.list[0].rva == RVA(0x900));
    cr_expect(trn_str_eq_c(x.list[1].name, "three") && x.list[1].ordinal == 7);
    cr_expect(trn_str_eq_c(x.list[1].forward, "NTDLL.Rtl"));
    pe_put(&p, 0x414, 0xffffffff, 4);
    pe_put(&p, 0x418, 0xffffffff, 4);
    read_it();
    cr_assert_eq(trn_pe_exports(&pe, a, &x), 0);
    cr_expect(x.cut);
}

/* type 10 / name "BLOB" / language 1033 -> 0x30 bytes at 0x900 */
static void put_resources(void)
{
    pe_directory(&p, TRN_PE_RESOURCES, RVA(0x400), 0x400);
    pe_put(&p, 0x40e, 1, 2);
    pe_put(&p, 0x410, 10, 4);
    pe_put(&p, 0x414, 0x80000020, 4);
    pe_put(&p, 0x42c, 1, 2); /* one with a name */
    pe_put(&p, 0x430, 0x80000080, 4);
    pe_put(&p, 0x434, 0x80000040, 4);
    pe_put(&p, 0x44e, 1, 2);
    pe_put(&p, 0x450, 1033, 4);
    pe_put(&p, 0x454, 0x60, 4);
    pe_put(&p, 0x460, RVA(0x900), 4);
    pe_put(&p, 0x464, 0x30, 4);
    pe_put(&p, 0x480, 4, 2);
    put_utf16(0x482, "BLOB");
}

Test(pe_tables, resources_with_names)
{
    struct trn_pe_resources r;
    begin(true);
    put_resources();
    read_it();
    cr_assert_eq(trn_pe_resources(&pe, a, &r), 0);
    cr_assert_eq(r.n, 1);
    cr_expect_not(r.cut);
    cr_expect_eq(r.list[0].type, TRN_PE_RT_RCDATA);
    cr_expect(trn_str_eq_c(r.list[0].name, "BLOB"));
    cr_expect_eq(r.list[0].language, 1033);
    cr_expect_eq(r.list[0].at, 0x900);
    cr_expect_eq(r.list[0].size, 0x30);
    cr_expect_not(r.list[0].outside);
    pe_put(&p, 0x464, 0x7fffffff, 4);
    cr_assert_eq(trn_pe_resources(&pe, a, &r), 0);
    cr_expect(r.list[0].outside);
    cr_expect_eq(r.list[0].size, 0x2400 - 0x900);
}

Test(pe_tables, a_tree_that_leads_back_ends)
{
    struct trn_pe_resources r;
    begin(true);
    put_resources();
    pe_put(&p, 0x454, 0x80000000, 4); /* the third level is the first again */
    read_it();
    cr_assert_eq(trn_pe_resources(&pe, a, &r), 0);
    cr_expect(r.cut && r.n == 0);
    pe_put(&p, 0x40c, 0xffff, 2); /* as many entries as can be said, each of them the root */
    pe_put(&p, 0x40e, 0xffff, 2);
    for (size_t at = 0x414; at < 0x2400; at += 8)
        pe_put(&p, at, 0x80000000, 4);
    read_it();
    cr_assert_eq(trn_pe_resources(&pe, a, &r), 0);
    cr_expect(r.cut);
}

static size_t put_string(size_t at, const char *key, const char *value)
{
    size_t start = at;
    pe_put(&p, at + 2, strlen(value) + 1, 2);
    pe_put(&p, at + 4, 1, 2);
    at = (put_utf16(at + 6, key) + 3) / 4 * 4;
    at = put_utf16(at, value);
    pe_put(&p, start, at - start, 2);
    return (at + 3) / 4 * 4;
}

/* Fixed part and two strings at 0x800; returns its end. */
static size_t put_version(void)
{
    pe_put(&p, 0x802, 52, 2);
    size_t at = (put_utf16(0x806, "VS_VERSION_INFO") + 3) / 4 * 4;
    pe_put(&p, at, 0xfeef04bd, 4);
    pe_put(&p, at + 8, 0x00120000 | 4, 4);
    pe_put(&p, at + 12, 0x02000000 | 16, 4);
    at += 52;
    size_t info = at, table = (put_utf16(info + 6, "StringFileInfo") + 3) / 4 * 4;
    at = (put_utf16(table + 6, "040904b0") + 3) / 4 * 4;
    at = put_string(at, "CompanyName", "Acme");
    at = put_string(at, "OriginalFilename", "a.dll");
    pe_put(&p, table, at - table, 2);
    pe_put(&p, info, at - info, 2);
    pe_put(&p, 0x800, at - 0x800, 2);
    return at;
}

Test(pe_tables, version_strings)
{
    struct trn_pe_version v;
    begin(true);
    size_t end = put_version();
    struct trn_str bytes = {(const char *)p.b + 0x800, end - 0x800};
    cr_assert_eq(trn_pe_version_parse(bytes, a, &v), 0);
    cr_expect(v.has_fixed && v.file[0] == 18 && v.file[1] == 4 && v.file[2] == 512 && v.file[3] == 16);
    cr_assert_eq(v.n, 2);
    cr_expect(trn_str_eq_c(v.strings[0].table, "040904b0"));
    cr_expect(trn_str_eq_c(trn_pe_version_get(&v, "CompanyName"), "Acme"));
    cr_expect(trn_str_eq_c(trn_pe_version_get(&v, "OriginalFilename"), "a.dll"));
    cr_expect(trn_str_is_none(trn_pe_version_get(&v, "ProductName")));
    for (size_t n = 0; n < bytes.n; n++) {
        cr_assert_eq(trn_pe_version_parse((struct trn_str){bytes.p, n}, a, &v), 0, "%zu", n);
        cr_expect_leq(v.n, 2);
    }
}

Test(pe_tables, utf16_to_utf8)
{
    struct trn_str s = trn_pe_utf8(TRN_STR("\xe4\0\xac\x20\x3d\xd8\x00\xde\x3d\xd8x\0"), a);
    cr_expect(trn_str_eq_c(s, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx"));
}

Test(pe_tables, rich_header_and_its_checksum)
{
    struct trn_pe_rich r;
    uint32_t id = 0x0105u << 16 | 30139, count = 7, key = 0x80;
    memset(&p, 0, sizeof(p));
    begin(true);
    for (size_t i = 0x40; i < 0x80; i++)
        pe_put(&p, i, i, 1);
    for (size_t i = 0; i < 0x80; i++) /* as the linker does it, with places below 32 written out */
        if (i < 0x3c || i >= 0x40)
            key += i % 32 ? (uint32_t)p.b[i] << (i % 32) | (uint32_t)p.b[i] >> (32 - i % 32) : p.b[i];
    key += id << count | id >> (32 - count);
    /* the PE header moves behind it */
    memmove(p.b + 0xc0, p.b + 0x80, 0x200);
    pe_put(&p, 60, 0xc0, 4);
    pe_put(&p, 0x80, 0x536e6144 ^ key, 4);
    for (size_t i = 0x84; i < 0x90; i += 4)
        pe_put(&p, i, key, 4);
    pe_put(&p, 0x90, id ^ key, 4);
    pe_put(&p, 0x94, count ^ key, 4);
    pe_put(&p, 0x98, 0x68636952, 4);
    pe_put(&p, 0x9c, key, 4);
    read_it();
    cr_assert_eq(trn_pe_rich(&pe, a, &r), 0);
    cr_assert_eq(r.n, 1);
    cr_expect_eq(r.entries[0].product, 0x105);
    cr_expect_eq(r.entries[0].build, 30139);
    cr_expect_eq(r.entries[0].count, 7);
    cr_expect(r.checksum_ok);
    cr_expect(trn_str_eq_c(trn_pe_rich_toolchain(&r, a), "visual studio 2019, build 30139"));
    pe_put(&p, 0x94, 8 ^ key, 4);
    cr_assert_eq(trn_pe_rich(&pe, a, &r), 0);
    cr_expect_not(r.checksum_ok, "a count was changed");
}

Test(pe_tables, debug_tls_and_dotnet)
{
    struct trn_pe_debug d;
    struct trn_pe_tls t;
    struct trn_pe_clr c;
    begin(true);
    pe_directory(&p, TRN_PE_DEBUG, RVA(0x400), 56);
    pe_put(&p, 0x40c, 2, 4);
    pe_put(&p, 0x410, 40, 4);
    pe_put(&p, 0x418, 0x500, 4);
    pe_put(&p, 0x428, 16, 4);
    pe_bytes(&p, 0x500, "RSDS", 4);
    for (size_t i = 0; i < 16; i++)
        pe_put(&p, 0x504 + i, i, 1);
    pe_put(&p, 0x514, 3, 4);
    put_text(0x518, "c:\\x.pdb");
    pe_directory(&p, TRN_PE_TLS, RVA(0x600), 40);
    pe_put(&p, 0x618, 0x10000000 + RVA(0x640), 8);
    pe_put(&p, 0x640, 0x10001234, 8);
    pe_directory(&p, TRN_PE_CLR, RVA(0x700), 72);
    pe_put(&p, 0x704, 2, 2);
    pe_put(&p, 0x706, 5, 2);
    pe_put(&p, 0x708, RVA(0x780), 4);
    pe_put(&p, 0x710, 9, 4);
    pe_put(&p, 0x720, RVA(0x800), 4);
    pe_put(&p, 0x724, 128, 4);
    pe_bytes(&p, 0x780, "BSJB", 4);
    pe_put(&p, 0x78c, 12, 4);
    put_text(0x790, "v4.0.30319");
    read_it();
    cr_assert_eq(trn_pe_debug(&pe, a, &d), 0);
    cr_expect(d.has_guid && d.guid[15] == 15 && d.age == 3 && d.reproducible && d.end == 0x528);
    cr_expect(trn_str_eq_c(d.pdb, "c:\\x.pdb"));
    cr_assert_eq(trn_pe_tls(&pe, a, &t), 0);
    cr_expect(t.present && !t.cut && t.n_callbacks == 1 && t.callbacks[0] == 0x1234);
    cr_assert_eq(trn_pe_clr(&pe, a, &c), 0);
    cr_expect(c.present && c.il_only && c.strong_name && c.major == 2 && c.minor == 5);
    cr_expect(trn_str_eq_c(c.version, "v4.0.30319"));
}
