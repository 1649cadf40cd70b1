/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <criterion/criterion.h>

#define SIZE 8192u

/* The head of an ELF program, then zeros. */
static void program(uint8_t b[SIZE])
{
    memset(b, 0, SIZE);
    memcpy(b, "\177ELF\2\1\1", 7);
}

Test(check_strings, texts_under_one_key_are_told_with_place_and_text)
{
    uint8_t b[SIZE];
    static const char text[] = "Mozilla/5.0 (X11; Linux)";
    program(b);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        b[0x1234 + i] = (uint8_t)text[i] ^ 0x7a;
    TRN_AUTO(told_done) struct told t = told_of((struct trn_str){(char *)b, SIZE}, "libffmpeg.so");
    cr_expect(told_has(&t, "finding strings.hidden 60 in 1 offset=0x1234"), "%s", TOLD(t));
    cr_expect(told_has(&t, "text=Mozilla/5.0 (X11; Linux) encoding="), "%s", TOLD(t));
    cr_expect(told_has(&t, "XOR with 0x7a"), "%s", TOLD(t));
    b[0] = 'x'; /* no program: not looked at */
    TRN_AUTO(told_done) struct told other = told_of((struct trn_str){(char *)b, SIZE}, "libffmpeg.so");
    cr_expect_eq(other.findings, 0, "%s", TOLD(other));
}

Test(check_strings, places_and_questions_of_two_browsers_weigh_full_of_one_little)
{
    uint8_t b[SIZE];
    program(b);
    strcpy((char *)b + 0x800, "SELECT url, title FROM urls ORDER BY id");
    TRN_AUTO(told_done) struct told none = told_of((struct trn_str){(char *)b, SIZE}, "tool");
    cr_expect_not(told_has(&none, "strings.browser-data"), "%s", TOLD(none));
    strcpy((char *)b + 0xa00, "/.config/google-chrome/Default/History");
    TRN_AUTO(told_done) struct told one = told_of((struct trn_str){(char *)b, SIZE}, "tool");
    cr_expect(told_has(&one, "finding strings.browser-data 25"), "%s", TOLD(one));
    strcpy((char *)b + 0xc00, ".mozilla/firefox");
    TRN_AUTO(told_done) struct told two = told_of((struct trn_str){(char *)b, SIZE}, "tool");
    cr_expect(told_has(&two, "finding strings.browser-data 70 in 1 offset=0x817"), "%s", TOLD(two));
    cr_expect(told_has(&two, "where Chrome, Firefox keep their data"), "%s", TOLD(two));
    TRN_AUTO(told_done) struct told own = told_of((struct trn_str){(char *)b, SIZE}, "brave-browser");
    cr_expect(told_has(&own, "finding strings.browser-data 25"), "%s", TOLD(own));
}

Test(check_strings, a_program_named_like_a_picture_is_told)
{
    uint8_t b[SIZE];
    program(b);
    TRN_AUTO(told_done) struct told t = told_of((struct trn_str){(char *)b, SIZE}, "logo.PNG");
    cr_expect(told_has(&t, "finding file.disguised 30"), "%s", TOLD(t));
    TRN_AUTO(told_done) struct told fon = told_of((struct trn_str){(char *)b, SIZE}, "vga.fon");
    cr_expect_eq(fon.findings, 0, "%s", TOLD(fon));
}

Test(check_strings, in_a_file_read_by_windows_the_same_is_found)
{
    size_t n = 600000, at = (256 << 10) - 5; /* over the border of two windows */
    TRN_AUTO(trn_freep) uint8_t *b = calloc(1, n);
    static const char text[] = "Mozilla/5.0 (X11; Linux)";
    memcpy(b, "\177ELF\2\1\1", 7);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        b[at + i] = (uint8_t)text[i] ^ 0x21;
    strcpy((char *)b + 300000, "FROM moz_places");
    strcpy((char *)b + 500000, "mozilla/firefox");
    TRN_AUTO(told_done) struct told mem = told_by((struct trn_str){(char *)b, n}, "tool", false);
    TRN_AUTO(told_done) struct told reads = told_by((struct trn_str){(char *)b, n}, "tool", true);
    cr_expect(told_has(&mem, "finding strings.hidden 60 in 1 offset=0x3fffb"), "%s", TOLD(mem));
    cr_expect(told_has(&mem, "finding strings.browser-data 25"), "%s", TOLD(mem));
    cr_expect_str_eq(TOLD(mem), TOLD(reads));
}
