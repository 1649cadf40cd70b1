/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is what the load commands say read right, in every byte order and width, and are damaged ones told apart? */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 16];

static struct trn_str corpus(const char *folder, const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", source ? source : ".", folder, name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

Test(macho, says_the_same_in_every_shape)
{
    const struct {
        const char *name, *arch;
        uint8_t bits;
        bool big;
    } shapes[] = {{"64le", "arm64", 64, false}, {"32le", "i386", 32, false}, {"64be", "ppc", 32, true}};
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);

    for (size_t i = 0; i < TRN_ARRAY_SIZE(shapes); i++) {
        struct trn_macho m;
        struct trn_source s = trn_source_mem(corpus("macho", shapes[i].name));
        cr_assert_eq(trn_macho_read(&s, a, &m), 0, "%s", shapes[i].name);
        cr_expect_eq(m.bits, shapes[i].bits);
        cr_expect_eq(m.big_endian, shapes[i].big);
        cr_expect_str_eq(trn_macho_arch_name(m.cpu, m.subtype), shapes[i].arch);
        cr_expect_str_eq(trn_macho_type_name(m.type), "dylib");
        cr_expect(trn_str_eq_c(m.id, "@rpath/libfixture.dylib"));
        cr_assert_eq(m.n_dylibs, 1);
        cr_expect(trn_str_eq_c(m.dylibs[0].name, "/usr/lib/libSystem.B.dylib"));
        cr_expect(trn_str_eq_c(trn_macho_version(a, m.dylibs[0].version), "1281.0"));
        cr_assert_eq(m.n_rpaths, 1);
        cr_expect(trn_str_eq_c(m.rpaths[0], "@loader_path/lib"));
        cr_assert_eq(m.n_segments, 2);
        cr_expect(trn_str_eq_c(m.segments[1].name, "__LINKEDIT"));
        cr_assert_eq(m.n_sections, 2);
        cr_expect(trn_str_eq_c(m.sections[1].name, "__mod_init_func"));
        cr_expect_eq(m.init_entries, 16u / (m.bits / 8u));
        cr_expect(m.has_uuid && m.uuid[15] == 15);
        cr_expect_eq(m.min_os, 0xb0000u);
        cr_expect_eq(m.end, s.size, "%s", shapes[i].name);
    }
}

struct symbols {
    uint32_t imported, exported;
    bool popen;
};
static int count(void *ctx, const struct trn_macho_symbol *s)
{
    struct symbols *n = ctx;
    n->imported += s->imported;
    n->exported += !s->imported;
    n->popen = n->popen || (s->imported && trn_str_eq_c(s->name, "_popen") && s->library == 1);
    return 0;
}

Test(macho, imports_and_exports)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    const char *names[] = {"64le", "32le", "64be"};
    for (size_t i = 0; i < 3; i++) {
        struct trn_macho m;
        struct symbols n = {0};
        struct trn_source s = trn_source_mem(corpus("macho", names[i]));
        cr_assert_eq(trn_macho_read(&s, a, &m), 0);
        cr_assert_eq(trn_macho_symbols(&s, &m, 100, count, &n), 0);
        cr_expect_eq(n.imported, 2);
        cr_expect_eq(n.exported, 1);
        cr_expect(n.popen, "%s", names[i]);
    }
}

Test(macho, cut_short_is_damaged_or_no_macho_never_more)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_str whole = corpus("macho", "64le");
    struct trn_macho m;
    struct trn_source s = trn_source_mem(whole);
    cr_assert_eq(trn_macho_read(&s, a, &m), 0);
    for (size_t n = 0; n < m.commands_end; n++) {
        s = trn_source_mem(trn_str_slice(whole, 0, n));
        int e = trn_macho_read(&s, a, &m);
        cr_assert(e == -ENOEXEC || e == -EBADMSG, "%zu bytes: %d", n, e);
        trn_arena_reset(a);
    }
}

Test(macho, a_command_that_is_too_small_is_damage)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_macho m;
    struct trn_source s = trn_source_mem(corpus("macho", "64le"));
    content[36] = 4; /* size of the first command */
    content[37] = 0;
    cr_expect_eq(trn_macho_read(&s, a, &m), -EBADMSG);
}

Test(macho, universal_files)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_macho_fat f;
    struct trn_source s = trn_source_mem(corpus("macho", "fat64"));
    cr_assert_eq(trn_macho_fat_read(&s, a, &f), 0);
    cr_expect(f.wide);
    cr_assert_eq(f.n, 2);
    cr_expect_eq(f.slices[0].size, 40);
    cr_expect_str_eq(trn_macho_arch_name(f.slices[1].cpu, f.slices[1].subtype), "arm64");
    cr_expect_eq(f.header_end, 72);
    s.size = 71;
    cr_expect_eq(trn_macho_fat_read(&s, a, &f), -EBADMSG);
    s = trn_source_mem(TRN_STR("\xca\xfe\xba\xbe\0\0\0\x34")); /* a Java class */
    cr_expect_eq(trn_macho_fat_read(&s, a, &f), -ENOEXEC);
}
