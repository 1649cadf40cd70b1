/* SPDX-License-Identifier: Apache-2.0 */
#include "../images.h"
#include "formats/formats.h"

#include <criterion/criterion.h>

enum which { PNG, GIF, JPEG, BMP, ICO, ALL };
static const char *const names[ALL] = {"png", "gif", "jpeg", "bmp", "ico"};

static void make(enum which w, struct trn_buf *b)
{
    trn_buf_init(b, 1 << 20);
    if (w == PNG)
        make_png(b);
    else if (w == GIF)
        make_gif(b);
    else if (w == JPEG)
        make_jpeg(b);
    else if (w == BMP)
        make_bmp(b);
    else
        make_ico(b, 0);
}

static int walk(enum which w, struct trn_str bytes, struct trn_image_extent *i)
{
    struct trn_source s = trn_source_mem(bytes);
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 20);
    return w == PNG    ? trn_png_walk(&s, i)
           : w == GIF  ? trn_gif_walk(&s, i)
           : w == JPEG ? trn_jpeg_walk(&s, i)
           : w == BMP  ? trn_bmp_walk(&s, i)
                       : trn_ico_walk(&s, a, i);
}

Test(image, a_whole_one_ends_at_its_last_byte)
{
    for (enum which w = PNG; w < ALL; w++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        struct trn_image_extent i;
        make(w, &b);
        cr_assert_eq(walk(w, trn_buf_str(&b), &i), 0, "%s", names[w]);
        cr_expect_null(i.damaged, "%s: %s", names[w], i.damaged);
        cr_expect_eq(i.end, b.n, "%s: %zu of %zu", names[w], (size_t)i.end, b.n);
        cr_expect_eq(i.n_rests, 0, "%s", names[w]);
        cr_expect_eq(i.width, 2, "%s", names[w]);
        cr_expect_eq(i.height, 3, "%s", names[w]);
    }
}

Test(image, what_stands_behind_the_end_is_a_rest_of_the_right_place)
{
    for (enum which w = PNG; w < ALL; w++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        struct trn_image_extent i;
        make(w, &b);
        size_t end = b.n;
        trn_put_c(&b, "twenty bytes behind!");
        cr_assert_eq(walk(w, trn_buf_str(&b), &i), 0, "%s", names[w]);
        cr_assert_eq(i.n_rests, 1, "%s", names[w]);
        cr_expect_eq(i.rests[0].at, end, "%s", names[w]);
        cr_expect_eq(i.rests[0].size, 20, "%s", names[w]);
        cr_expect_eq(i.rests[0].kind, TRN_IMAGE_BEHIND, "%s", names[w]);
    }
}

Test(image, what_stands_in_the_last_chunk_of_a_png_is_a_rest)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(PNG, &b);
    b.n -= 12;
    png_chunk(&b, "IEND", "twenty bytes inside!", 20);
    cr_assert_eq(walk(PNG, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 1);
    cr_expect_eq(i.rests[0].at, b.n - 24);
    cr_expect_eq(i.rests[0].size, 20);
}

Test(image, cut_short_anywhere_it_is_damaged_or_none_and_has_no_rest)
{
    for (enum which w = PNG; w < ALL; w++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        make(w, &b);
        for (size_t n = 0; n < b.n; n++) {
            struct trn_image_extent i = {0};
            TRN_AUTO(trn_freep) char *exact = malloc(n ? n : 1);
            memcpy(exact, b.p, n);
            int e = walk(w, (struct trn_str){exact, n}, &i);
            cr_assert(e == -ENOMSG || (e == 0 && i.damaged), "%s at %zu: %d", names[w], n, e);
            cr_assert_eq(i.n_rests, 0, "%s at %zu", names[w], n);
        }
    }
}

Test(image, a_png_whose_chunk_was_changed_says_which)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(PNG, &b);
    b.p[8 + 25 + 9] ^= 1; /* in IDAT, behind what says that it is compressed */
    cr_assert_eq(walk(PNG, trn_buf_str(&b), &i), 0);
    cr_expect_str_eq(i.damaged, "a chunk does not have its checksum");
    cr_expect_eq(i.damaged_at, 8 + 25);
    cr_expect_eq(i.end, b.n);
}

Test(image, bytes_between_two_pictures_of_an_icon_are_a_rest)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    trn_buf_init(&b, 4096);
    make_ico(&b, 9);
    cr_assert_eq(walk(ICO, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 1);
    cr_expect_eq(i.rests[0].kind, TRN_IMAGE_BETWEEN);
    cr_expect_eq(i.rests[0].at, 6 + 32 + 40 + 36);
    cr_expect_eq(i.rests[0].size, 9);
}

Test(image, an_icons_entry_longer_than_its_picture_holds_a_rest)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(ICO, &b);
    size_t end = b.n;
    trn_put_c(&b, "inside of the last entry");
    b.p[6 + 16 + 8] = (char)(b.p[6 + 16 + 8] + 24);
    cr_assert_eq(walk(ICO, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 1);
    cr_expect_eq(i.rests[0].kind, TRN_IMAGE_IN_ENTRY);
    cr_expect_eq(i.rests[0].at, end);
    cr_expect_eq(i.rests[0].size, 24);
}

Test(image, entries_that_overlap_are_damage)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(ICO, &b);
    b.p[6 + 8] = (char)(b.p[6 + 8] + 1); /* the first picture reaches into the second */
    cr_assert_eq(walk(ICO, trn_buf_str(&b), &i), 0);
    cr_expect_str_eq(i.damaged, "two entries overlap");
}

Test(image, zeros_and_ones_alone_make_no_icon)
{
    static const char numbers[64] = {0, 0, 1, 0, 2, 0, 9, 9, 9, 9};
    struct trn_image_extent i;
    cr_expect_eq(walk(ICO, (struct trn_str){numbers, sizeof(numbers)}, &i), -ENOMSG);
}

Test(image, a_film_behind_a_photo_and_what_stands_behind_the_film_are_told_apart)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(JPEG, &b);
    size_t end = b.n;
    put_be32(&b, 16);
    trn_put(&b, "ftypmp42\0\0\0\0", 12);
    put_be32(&b, 12);
    trn_put(&b, "mdatABCD", 8);
    trn_put_c(&b, "and more than that");
    cr_assert_eq(walk(JPEG, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 2);
    cr_expect_eq(i.rests[0].kind, TRN_IMAGE_VIDEO);
    cr_expect_eq(i.rests[0].size, 28);
    cr_expect_eq(i.rests[1].kind, TRN_IMAGE_BEHIND);
    cr_expect_eq(i.rests[1].at, end + 28);
}

Test(image, a_preview_without_its_first_bytes_is_the_cameras)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_image_extent i;
    make(JPEG, &b);
    size_t end = b.n;
    trn_put(&b, "\0\0\0\0LN\1\2", 8);
    make_jpeg(&b);
    b.p[end + 8] = 3; /* FF of the start of image */
    cr_assert_eq(walk(JPEG, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 1);
    cr_expect_eq(i.rests[0].kind, TRN_IMAGE_CAMERA);
    cr_expect_eq(i.rests[0].at, end + 4);
    cr_expect_eq(i.rests[0].size, b.n - end - 4);
}

Test(image, a_further_picture_that_the_first_lists_belongs_to_it)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, second;
    struct trn_image_extent i;
    trn_buf_init(&b, 4096);
    trn_buf_init(&second, 4096);
    make_jpeg(&second);
    size_t rest = second.n - 2, mpf = 2 + 2 + 2 + 4; /* where the TIFF header stands */
    uint32_t size = 2 + 2 + 2 + 4 + 8 + 2 + 12 + 4 + 32 + (uint32_t)rest;
    trn_put(&b, "\xff\xd8\xff\xe2\0\100MPF\0", 10);
    b.p[5] = 2 + 4 + 8 + 2 + 12 + 4 + 32;
    trn_put(&b, "II*\0\10\0\0\0\1\0\2\xb0\7\0", 14);
    trn_put_u32(&b, 32);
    trn_put_u32(&b, 8 + 2 + 12 + 4);
    trn_put_u32(&b, 0);
    for (int k = 0; k < 2; k++) { /* the first picture is at 0, the second behind it */
        trn_put_u32(&b, 0);
        trn_put_u32(&b, k ? (uint32_t)second.n : size);
        trn_put_u32(&b, k ? size - (uint32_t)mpf : 0);
        trn_put_u32(&b, 0);
    }
    trn_put(&b, second.p + 2, rest);
    cr_assert_eq(b.n, size);
    trn_put_str(&b, trn_buf_str(&second));
    cr_assert_eq(walk(JPEG, trn_buf_str(&b), &i), 0);
    cr_assert_eq(i.n_rests, 1);
    cr_expect_eq(i.rests[0].kind, TRN_IMAGE_SECOND);
    cr_expect_eq(i.rests[0].at, size);
}

Test(base64, the_longest_run_is_found_across_pieces)
{
    struct trn_base64_finder f;
    const char *text =
        "short QUJD and $VGhpcyBpcyBub3QgYSBzZWNyZXQsIG9ubHkgYSBsb25nIGxpbmUgb2YgdGV4dCB0byBlbmNvZGUuLi4=";
    struct trn_base64_run run;
    trn_base64_begin(&f, 1000);
    for (const char *p = text; *p; p++)
        trn_base64_feed(&f, (const uint8_t *)p, 1);
    run = trn_base64_end(&f, 64);
    cr_expect_eq(run.at, 1000 + 16);
    cr_expect_eq(run.size, strlen(text) - 16);
    cr_expect(run.dollar);
}

Test(base64, hashes_paths_and_lines_of_one_letter_are_none)
{
    static const char *const none[] = {
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "59e1edf4d82fae4978e97512b0331b7eb21dd4b838b850ba46794d9c7a2c0983",
        "usr/share/icons/hicolor/scalable/applications/organisation/something/else/again",
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(none); i++) {
        struct trn_base64_finder f;
        trn_base64_begin(&f, 0);
        trn_base64_feed(&f, (const uint8_t *)none[i], strlen(none[i]));
        cr_expect_eq(trn_base64_end(&f, 64).size, 0, "%s", none[i]);
    }
}

Test(base64, decodes_both_alphabets_and_refuses_others)
{
    uint8_t out[16];
    cr_assert_eq(trn_base64_decode(TRN_STR("aGVs\nbG8="), out, sizeof(out)), 5);
    cr_expect_arr_eq(out, "hello", 5);
    cr_expect_eq(trn_base64_decode(TRN_STR("-_-_"), out, sizeof(out)), 3);
    cr_expect_eq(trn_base64_decode(TRN_STR("a$b"), out, sizeof(out)), -EBADMSG);
    cr_expect_eq(trn_base64_decode(TRN_STR("aGVsbG8="), out, 2), -ENOSPC);
}
