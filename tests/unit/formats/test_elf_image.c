/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is what an ELF file asks for, offers and says of itself read right, in every class and byte order? */
#include "elf_build.h"

#include <stdio.h>

static struct elf_build b;
static struct trn_arena *a;
static struct trn_elf_image f;
static struct trn_elf_dynamic d;

static void setup(void)
{
    a = trn_arena_new(0);
}

static void teardown(void)
{
    a = trn_arena_free(a);
}

TestSuite(elf_image, .init = setup, .fini = teardown);

static void read_it(void)
{
    struct trn_source s = elf_source(&b);
    cr_assert_eq(trn_elf_image_read(&s, a, &f), 0);
    cr_assert_eq(trn_elf_dynamic(&f, a, &d), 0);
}

struct names {
    uint32_t n, defined, ifunc;
    char last[64];
};

static int count(void *ctx, const struct trn_elf_symbol *s)
{
    struct names *n = ctx;
    n->n++;
    n->defined += s->defined;
    n->ifunc += s->type == TRN_ELF_STT_IFUNC;
    snprintf(n->last, sizeof(n->last), "%.*s", TRN_STR_ARG(s->name));
    return 0;
}

Test(elf_image, all_four_shapes)
{
    for (int i = 0; i < 4; i++) {
        struct trn_elf_notes notes;
        struct names n = {0};
        elf_begin(&b, i & 1, i & 2);
        elf_tag(&b, 1, elf_string(&b, "libc.so.6"));
        elf_tag(&b, 1, elf_string(&b, "libz.so.1"));
        elf_tag(&b, 14, elf_string(&b, "libme.so.1"));
        elf_tag(&b, 29, elf_string(&b, "$ORIGIN/x"));
        elf_tag(&b, 0x6ffffefc, elf_string(&b, "audit.so"));
        elf_tag(&b, 27, 24);
        elf_symbol(&b, "read", 2, false);
        elf_symbol(&b, "fast", 10, true);
        elf_note(&b, "GNU", 3, "\1\2\3\4\5", 5);
        elf_note(&b, "Go", 4, "go/id", 5);
        elf_note(&b, "FDO", 0xcafe1a7e, "{\"name\":\"x\"}", 13);
        read_it();
        cr_expect_eq(f.wide, i & 1);
        cr_expect_eq(f.end, ELF_END);
        cr_expect_not(f.cut || d.cut);
        cr_assert_eq(d.n_needed, 2, "%d", i);
        cr_expect(trn_str_eq_c(d.needed[1], "libz.so.1"));
        cr_expect(trn_str_eq_c(d.soname, "libme.so.1"));
        cr_expect(trn_str_eq_c(d.runpath, "$ORIGIN/x"));
        cr_expect(trn_str_eq_c(d.audit, "audit.so"));
        cr_expect(trn_str_is_none(d.rpath));
        cr_expect_eq(d.init_array_size, 24);
        cr_assert_eq(trn_elf_symbols(&f, &d, a, count, &n), 0);
        cr_expect(n.n == 2 && n.defined == 1 && n.ifunc == 1);
        cr_expect_str_eq(n.last, "fast");
        cr_assert_eq(trn_elf_notes(&f, a, &notes), 0);
        cr_expect(trn_str_eq(notes.build_id, TRN_STR("\1\2\3\4\5")));
        cr_expect(trn_str_eq_c(notes.go_build_id, "go/id"));
        cr_expect(trn_str_eq_c(notes.package, "{\"name\":\"x\"}"));
        cr_expect(notes.stripped);
    }
}

Test(elf_image, relocations_that_resolvers_give)
{
    elf_begin(&b, true, false);
    elf_tag(&b, 7, 0xd00); /* RELA */
    elf_tag(&b, 8, 3 * 24);
    elf_put(&b, 0xd08, 37, 8);
    elf_put(&b, 0xd20, 8, 8);
    elf_put(&b, 0xd38, 16, 8);
    read_it();
    cr_expect_eq(d.relocations, 3);
    cr_expect_eq(d.irelative, 1);
    cr_expect_eq(d.tls_relocations, 1);
    cr_expect_eq(d.strings_at, ELF_STRINGS);
}

Test(elf_image, symbols_counted_by_the_gnu_table)
{
    struct names n = {0};
    elf_begin(&b, true, false);
    elf_symbol(&b, "one", 2, false);
    elf_symbol(&b, "two", 2, true);
    elf_symbol(&b, "three", 2, true);
    elf_put(&b, ELF_DYNAMIC + 48, 0x6ffffef5, 8); /* in the place of the older table */
    elf_put(&b, 0xa00, 1, 4);                     /* buckets */
    elf_put(&b, 0xa04, 2, 4);                     /* first symbol in it */
    elf_put(&b, 0xa08, 1, 4);                     /* filter words */
    elf_put(&b, 0xa18, 2, 4);
    elf_put(&b, 0xa1c, 8, 4); /* hash, more follows */
    elf_put(&b, 0xa20, 9, 4); /* the last */
    read_it();
    cr_expect_eq(d.symbols, 4);
    cr_assert_eq(trn_elf_symbols(&f, &d, a, count, &n), 0);
    cr_expect_eq(n.n, 3);
}

Test(elf_image, end_is_behind_the_section_table)
{
    struct trn_elf_notes notes;
    elf_begin(&b, true, false);
    elf_put(&b, 40, 0x1100, 8);
    elf_put(&b, 58, 64, 2);
    elf_put(&b, 60, 3, 2);
    elf_put(&b, 62, 2, 2);
    memcpy(b.b + 0x1000, "\0.comment\0", 10);
    memcpy(b.b + 0x1020, "GCC: (x) 1\0GCC: (x) 1\0clang 2\0", 30);
    elf_put(&b, 0x1140, 1, 4);
    elf_put(&b, 0x1144, 1, 4);
    elf_put(&b, 0x1158, 0x1020, 8);
    elf_put(&b, 0x1160, 30, 8);
    elf_put(&b, 0x1184, 3, 4);
    elf_put(&b, 0x1198, 0x1000, 8);
    elf_put(&b, 0x11a0, 10, 8);
    elf_put(&b, 0x11c0 + 99, 7, 1);
    read_it();
    cr_expect_eq(f.end, 0x11c0);
    cr_expect_eq(f.n_sections, 3);
    cr_assert_eq(trn_elf_notes(&f, a, &notes), 0);
    cr_assert_eq(notes.n_comments, 2, "each once");
    cr_expect(trn_str_eq_c(notes.comments[1], "clang 2"));
}

Test(elf_image, other_files_cut_ones_and_numbers_without_bounds)
{
    struct trn_source s = trn_source_mem(TRN_STR("MZ"));
    cr_expect_eq(trn_elf_image_read(&s, a, &f), -ENOEXEC);
    elf_begin(&b, true, false);
    elf_tag(&b, 1, elf_string(&b, "libc.so.6"));
    elf_symbol(&b, "read", 2, false);
    struct trn_source whole = elf_source(&b);
    for (size_t n = 0; n < b.n; n += n < 0x100 ? 1 : 7) {
        s = trn_source_part(&whole, 0, n);
        int e = trn_elf_image_read(&s, a, &f);
        cr_expect(e == 0 ? f.cut && f.end <= n : e == -ENOEXEC || e == -EBADMSG, "%zu", n);
        cr_expect(e < 0 || trn_elf_dynamic(&f, a, &d) == 0);
    }
    elf_put(&b, 56, 0xffff, 2); /* segments */
    elf_put(&b, 60, 0xffff, 2); /* sections */
    elf_put(&b, 40, 8, 8);
    elf_put(&b, 58, 64, 2);
    elf_put(&b, 0xa04, 0xffffffff, 4);
    read_it();
    cr_expect(f.cut);
    cr_expect_leq(d.symbols, TRN_ELF_SYMBOLS_MAX);
}
