/* SPDX-License-Identifier: Apache-2.0 */
#include "../images.h"
#include "told.h"

#include <criterion/criterion.h>

#define OBJECT "1 0 obj\n<< /Type /Catalog >>\nendobj\n"
#define PDF "%PDF-1.4\n" OBJECT "trailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"
#define TEXT "This is what somebody wrote, line by line, for people to read.\n"

static struct told told_with(const char *first, const void *more, size_t n, const char *name, bool reads)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 1 << 20);
    trn_put_c(&b, first);
    trn_put(&b, more, n);
    return told_by(trn_buf_str(&b), name, reads);
}

Test(document, a_program_behind_a_text_is_named_with_its_offset_and_looked_at)
{
    uint8_t program[256];
    make_program_head(program);
    for (int reads = 0; reads < 2; reads++) {
        TRN_AUTO(told_done) struct told t = told_with(TEXT, program, sizeof(program), "README.txt", reads);
        cr_expect(told_has(&t, "finding document.trailing-data 60 in 1 offset=0x3f size=256"), "%s", TOLD(t));
        cr_expect(told_has(&t, "in 1 pe 'behind-the-document' at 0x3f size 256"), "%s", TOLD(t));
    }
}

Test(document, a_text_alone_or_with_zeros_or_the_letters_of_a_program_is_not_told)
{
    static const char more[] = "MZ is what such programs begin with, \177ELF others\0\0\0\0MZ and no more";
    TRN_AUTO(told_done) struct told t = told_with(TEXT, more, sizeof(more) - 1, "README.txt", false);
    cr_expect_eq(t.findings, 0, "%s", TOLD(t));
}

Test(document, a_script_with_its_program_behind_it_is_a_note)
{
    static const uint8_t elf[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x3e, 0, 1};
    TRN_AUTO(told_done)
    struct told t = told_with("#!/bin/sh\ntail -c 64 \"$0\" > x\n", elf, sizeof(elf), "setup.sh", false);
    cr_expect(told_has(&t, "finding document.trailing-data 10"), "%s", TOLD(t));
}

Test(document, a_program_behind_the_end_of_a_pdf_is_told_even_when_another_end_follows)
{
    uint8_t program[256 + 8];
    make_program_head(program);
    memcpy(program + 256, "\n%%EOF\n", 8);
    for (size_t n = 256; n <= 264; n += 8) {
        TRN_AUTO(told_done) struct told t = told_with(PDF, program, n, "a.pdf", false);
        cr_expect(told_has(&t, "finding document.trailing-data 60"), "%s", TOLD(t));
        cr_expect(told_has(&t, "pe 'behind-the-document'"), "%s", TOLD(t));
    }
}

Test(document, no_number_of_ends_in_front_hides_what_stands_behind_the_last)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t program[256], noise[100];
    make_program_head(program);
    random_bytes(noise, sizeof(noise), 3);
    for (size_t n = 1; n <= sizeof(noise); n += sizeof(noise) - 1) { /* too small to tell; told, until it is enough */
        trn_buf_init(&b, 65536);
        noise[0] = '(';
        for (int i = 0; i < 12; i++) {
            trn_put(&b, noise, n);
            trn_put_c(&b, "\n%%EOF");
        }
        trn_put(&b, program, sizeof(program));
        for (int reads = 0; reads < 2; reads++) {
            TRN_AUTO(told_done) struct told t = told_with(PDF, b.p, b.n, "a.pdf", reads);
            cr_expect(told_has(&t, "pe 'behind-the-document'"), "%zu: %s", n, TOLD(t));
            cr_expect_eq(told_has(&t, "gap limit"), n > 1, "%zu: %s", n, TOLD(t));
        }
        trn_buf_done(&b);
    }
}

Test(document, random_bytes_behind_a_pdf_are_told_and_weigh_by_size)
{
    uint8_t noise[8192];
    random_bytes(noise, sizeof(noise), 2);
    TRN_AUTO(told_done) struct told large = told_with(PDF, noise, sizeof(noise), "a.pdf", true);
    TRN_AUTO(told_done) struct told small = told_with(PDF, noise, 500, "a.pdf", false);
    cr_expect(told_has(&large, "finding document.trailing-data 45"), "%s", TOLD(large));
    cr_expect(told_has(&small, "finding document.trailing-data 20"), "%s", TOLD(small));
}

Test(document, only_what_a_pdf_goes_on_with_may_stand_between_two_ends)
{
    static const char *const honest[] = {"\n12 0 obj\n", "\r\n% by hand\r\n%%x\nxref\n", "\nendstream\nendobj\n",
                                         "\n\n"};
    static const char *const others[] = {"\n%", "\n1", "\ns", "%x\n12 0 R"};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t noise[8192];
    random_bytes(noise, sizeof(noise), 4);
    for (size_t i = 0; i < sizeof(noise); i++) /* no end of a line */
        noise[i] = noise[i] == '\r' || noise[i] == '\n' ? 0x80 : noise[i];
    for (size_t i = 0; i < 8; i++) {
        trn_buf_init(&b, 65536);
        trn_put_c(&b, i < 4 ? honest[i] : others[i - 4]);
        trn_put(&b, noise, i == 3 ? 0 : sizeof(noise));
        trn_put_c(&b, "\nstartxref\n0\n%%EOF\n");
        TRN_AUTO(told_done) struct told t = told_with(PDF, b.p, b.n, "a.pdf", i % 2);
        cr_expect_eq(told_has(&t, "finding document.trailing-data 45"), i >= 4, "%zu: %s", i, TOLD(t));
        cr_expect_eq(t.findings, i >= 4, "%zu: %s", i, TOLD(t));
        trn_buf_done(&b);
    }
}

Test(document, a_pdf_that_was_updated_or_padded_is_not_told)
{
    char zeros[300] = {0};
    TRN_AUTO(told_done) struct told updated = told_with(PDF, &PDF[9], sizeof(PDF) - 10, "a.pdf", false);
    TRN_AUTO(told_done) struct told padded = told_with(PDF, zeros, sizeof(zeros), "a.pdf", false);
    cr_expect_eq(updated.findings, 0, "%s", TOLD(updated));
    cr_expect_eq(padded.findings, 0, "%s", TOLD(padded));
}
