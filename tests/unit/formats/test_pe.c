/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do headers, places and the end of a PE image come out right, also for odd and for damaged ones? */
#include "pe_build.h"

static struct pe_build p;

static struct trn_pe must_read(struct trn_arena *a)
{
    struct trn_source s = pe_source(&p);
    struct trn_pe pe;
    cr_assert_eq(trn_pe_read(&s, a, &pe), 0);
    return pe;
}

Test(pe, headers_of_both_classes)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    for (int wide = 0; wide < 2; wide++) {
        pe_begin(&p, wide, TRN_PE_FILE_DLL);
        pe_section(&p, ".text", 0x1000, 0x400, 0x200, TRN_PE_SECTION_EXEC);
        pe_section(&p, ".verylong", 0x2000, 0x600, 0x200, TRN_PE_SECTION_WRITE);
        struct trn_pe pe = must_read(a);
        cr_expect_eq(pe.wide, wide);
        cr_expect_str_eq(trn_pe_machine_name(pe.machine), wide ? "x86_64" : "x86");
        cr_expect_eq(pe.characteristics, TRN_PE_FILE_DLL);
        cr_expect_eq(pe.image_base, 0x10000000);
        cr_expect_eq(pe.entry, 0x1000);
        cr_expect_eq(pe.timestamp, 0x63700000);
        cr_expect_str_eq(trn_pe_subsystem_name(pe.subsystem), "windows console");
        cr_expect_eq(pe.checksum_at, PE_OPTIONAL + 64);
        cr_expect_eq(pe.certificate_entry_at, pe_directories_at(&p) + 32);
        cr_assert_eq(pe.n_sections, 2);
        cr_expect(trn_str_eq_c(pe.sections[0].name, ".text"));
        cr_expect(trn_str_eq_c(pe.sections[1].name, ".verylon"));
        cr_expect_eq(pe.sections[1].flags, TRN_PE_SECTION_WRITE);
        cr_expect_eq(pe.image_end, 0x800);
        cr_expect_eq(pe.overlay_size + pe.tail_size + pe.certificates_size, 0);
    }
}

Test(pe, fewer_directories_than_sixteen)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    pe_put(&p, PE_OPTIONAL + 108, 3, 4);
    pe_directory(&p, TRN_PE_EXPORTS, 7, 8);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x500, 0x10);
    struct trn_pe pe = must_read(a);
    cr_expect_eq(pe.n_directories, 3);
    cr_expect_eq(pe.directories[TRN_PE_EXPORTS].rva, 7);
    cr_expect_eq(pe.certificate_entry_at, 0);
    cr_expect_eq(pe.certificates_size, 0);
}

Test(pe, overlay_leaves_out_the_certificate_table)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    pe_put(&p, 0x600 + 99, 1, 1); /* 100 bytes behind it */
    cr_expect_eq(must_read(a).overlay_at, 0x600);
    cr_expect_eq(must_read(a).overlay_size, 100);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x668, 0x80);
    pe_put(&p, 0x668 + 0x80 + 9, 1, 1); /* 10 bytes behind the table */
    struct trn_pe pe = must_read(a);
    cr_expect_eq(pe.certificates_at, 0x668);
    cr_expect_eq(pe.certificates_size, 0x80);
    cr_expect_eq(pe.overlay_size, 0x68);
    cr_expect_eq(pe.tail_at, 0x6e8);
    cr_expect_eq(pe.tail_size, 10);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x668, 0x7fffffff);
    pe = must_read(a);
    cr_expect(pe.certificates_cut);
    cr_expect_eq(pe.certificates_size, p.n - 0x668);
    cr_expect_eq(pe.tail_size, 0);
}

Test(pe, a_certificate_table_behind_the_end_of_the_file_is_cut_and_has_no_bytes)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    cr_expect_not(must_read(a).certificates_cut);
    pe_directory(&p, TRN_PE_CERTIFICATES, 0x7000, 0x80);
    struct trn_pe pe = must_read(a);
    cr_expect(pe.certificates_cut);
    cr_expect_eq(pe.certificates_size, 0);
    cr_expect_eq(pe.tail_at, p.n);
}

Test(pe, coff_symbols_belong_to_the_image)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    pe_begin(&p, false, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    pe_put(&p, PE_AT + 12, 0x600, 4);
    pe_put(&p, PE_AT + 16, 2, 4);
    pe_put(&p, 0x600 + 36, 10, 4);
    pe_put(&p, 0x600 + 36 + 19, 0, 1);
    struct trn_pe pe = must_read(a);
    cr_expect_eq(pe.symbols_size, 46);
    cr_expect_eq(pe.overlay_at, 0x600 + 46);
    cr_expect_eq(pe.overlay_size, 10);
    pe_put(&p, PE_AT + 16, 0x0fffffff, 4); /* more symbols than the file has bytes */
    cr_expect_eq(must_read(a).symbols_size, 0);
}

Test(pe, addresses_to_places)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    uint64_t at, left;
    struct trn_str text;
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    pe_section(&p, ".data", 0x3000, 0x600, 0x200, 0);
    pe_bytes(&p, 0x600, "name", 5);
    struct trn_pe pe = must_read(a);
    cr_expect(trn_pe_offset(&pe, 0x1010, &at, &left) && at == 0x410 && left == 0x1f0);
    cr_expect(trn_pe_offset(&pe, 0x31ff, &at, &left) && at == 0x7ff && left == 1);
    cr_expect(trn_pe_offset(&pe, 0x3f, &at, &left) && at == 0x3f && left == 0x3c1, "headers are mapped as they are");
    cr_expect_not(trn_pe_offset(&pe, 0x1200, &at, &left));
    cr_expect_not(trn_pe_offset(&pe, 0xfffffff0, &at, &left));
    cr_expect_eq(trn_pe_text(&pe, 0x3000, 10, a, &text), 0);
    cr_expect(trn_str_eq_c(text, "name"));
    cr_expect_eq(trn_pe_text(&pe, 0x3000, 3, a, &text), -EBADMSG);
    cr_expect_eq(trn_pe_take(&pe, 0x31f0, 17, a, &text), -EBADMSG);
    cr_expect_eq(trn_pe_section_of(&pe, 0x3001), &pe.sections[1]);
    cr_expect_null(trn_pe_section_of(&pe, 0x2fff));
}

Test(pe, raw_data_is_rounded_down_as_the_loader_does)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    uint64_t at, left;
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x410, 0x1f0, 0);
    struct trn_pe pe = must_read(a);
    cr_expect(trn_pe_offset(&pe, 0x1000, &at, &left) && at == 0x400);
}

/* The sum of 16-bit words, as the format's description has it. */
static uint32_t plain_checksum(size_t field)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p.n; i += 2) {
        uint32_t lo = i >= field && i < field + 4 ? 0 : p.b[i];
        uint32_t hi = i + 1 < p.n && !(i + 1 >= field && i + 1 < field + 4) ? p.b[i + 1] : 0;
        sum += lo + (hi << 8);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint32_t)(sum + p.n);
}

Test(pe, checksum_equals_the_plain_sum)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    uint32_t sum = 0, seed = 7;
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    for (size_t extra = 0; extra < 5; extra++) {
        pe_put(&p, PE_OPTIONAL + 64, 0xfedcba98, 4); /* the field itself does not count */
        for (size_t i = 0x400; i < 0x11000 + extra; i++)
            pe_put(&p, i, (seed = seed * 1664525 + 1013904223) >> 24, 1);
        struct trn_pe pe = must_read(a);
        cr_assert_eq(trn_pe_checksum(&pe, &sum), 0);
        cr_expect_eq(sum, plain_checksum(PE_OPTIONAL + 64));
    }
}

Test(pe, other_files_and_cut_ones)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_pe pe;
    struct trn_source s = trn_source_mem(TRN_STR("MZ"));
    cr_expect_eq(trn_pe_read(&s, a, &pe), -ENOEXEC);
    pe_begin(&p, true, 0);
    pe_section(&p, ".text", 0x1000, 0x400, 0x200, 0);
    struct trn_source whole = pe_source(&p);
    for (size_t n = 0; n < p.n; n++) {
        s = trn_source_part(&whole, 0, n);
        int e = trn_pe_read(&s, a, &pe);
        cr_expect(e == 0 ? n >= PE_OPTIONAL + 280 : e == -ENOEXEC || e == -EBADMSG, "%zu: %d", n, e);
        if (e == 0)
            cr_expect_leq(pe.image_end, n);
    }
    pe_put(&p, PE_AT + 6, 0xffff, 2);
    s = pe_source(&p);
    cr_expect_eq(trn_pe_read(&s, a, &pe), -EBADMSG, "more sections than the file has room for");
    pe_put(&p, 60, 0xfffffff0, 4);
    cr_expect_eq(trn_pe_read(&s, a, &pe), -ENOEXEC);
}
