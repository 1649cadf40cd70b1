/* SPDX-License-Identifier: Apache-2.0 */
#include "../images.h"
#include "told.h"

#include <criterion/criterion.h>

#define HIDDEN "VGhpcyBpcyBub3QgYSBzZWNyZXQsIG9ubHkgYSBsb25nIGxpbmUgb2YgdGV4dCB0byBlbmNvZGUuLi4="

static void start(struct trn_buf *b)
{
    trn_buf_init(b, 1 << 20);
}

Test(look_image, encoded_text_behind_an_icon_is_named_with_its_offset)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char want[64];
    start(&b);
    make_ico(&b, 0);
    snprintf(want, sizeof(want), "finding image.trailing-base64 80 in 1 offset=0x%zx size=80", b.n + 1);
    trn_put_c(&b, "$" HIDDEN);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "icon.ico");
    cr_expect(told_has(&t, want), "%s", TOLD(t));
    cr_expect(told_has(&t, "introduced by '$'"), "%s", TOLD(t));
    cr_expect_eq(t.findings, 1);
}

Test(look_image, random_bytes_behind_a_png_weigh_full_and_zeros_nothing)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, zeros;
    uint8_t noise[4096];
    char want[64];
    start(&b);
    start(&zeros);
    make_png(&b);
    make_png(&zeros);
    snprintf(want, sizeof(want), "finding image.trailing-data 60 in 1 offset=0x%zx size=4096", b.n);
    random_bytes(noise, sizeof(noise), 7);
    noise[0] = noise[4095] = 1;
    trn_put(&b, noise, sizeof(noise));
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
    cr_expect(told_has(&t, want), "%s", TOLD(t));
    memset(noise, 0, sizeof(noise));
    trn_put(&zeros, noise, sizeof(noise));
    TRN_AUTO(told_done) struct told quiet = told_of(trn_buf_str(&zeros), "a.png");
    cr_expect_eq(quiet.findings, 0, "%s", TOLD(quiet));
}

Test(look_image, a_comment_left_behind_is_a_note)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_jpeg(&b);
    for (int i = 0; i < 10; i++)
        trn_put_c(&b, "made with an old program\n");
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.jpg");
    cr_expect(told_has(&t, "finding image.trailing-data 15"), "%s", TOLD(t));
}

Test(look_image, a_file_behind_the_end_is_opened_as_a_member_and_weighs_full)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char want[80];
    start(&b);
    make_gif(&b);
    snprintf(want, sizeof(want), "artifact 2 in 1 zip 'behind-the-end' at 0x%zx size 22", b.n);
    trn_put(&b, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 22);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.gif");
    cr_expect(told_has(&t, want), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding image.trailing-data 60"), "%s", TOLD(t));
    cr_expect(told_has(&t, "format=zip"), "%s", TOLD(t));
}

Test(look_image, one_cut_short_is_a_gap_and_no_finding)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_png(&b);
    TRN_AUTO(told_done) struct told t = told_of((struct trn_str){b.p, b.n - 5}, "a.png");
    cr_expect_eq(t.findings, 0);
    cr_expect_eq(t.gaps, 1);
    cr_expect(told_has(&t, "property width=2 of 1"), "%s", TOLD(t));
}

Test(look_image, read_by_windows_the_same_is_told)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_ico(&b, 20);
    trn_put_c(&b, "$" HIDDEN);
    TRN_AUTO(told_done) struct told mem = told_by(trn_buf_str(&b), "a.ico", false);
    TRN_AUTO(told_done) struct told reads = told_by(trn_buf_str(&b), "a.ico", true);
    cr_expect_gt(mem.findings, 0);
    cr_expect_str_eq(TOLD(mem), TOLD(reads));
}
