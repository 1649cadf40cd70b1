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

/* ---- what parts of an image carry ---- */

/* Base64 of random bytes, as an order to a program would look; NUL-ended. */
static const char *secret(char out[4096], size_t n)
{
    uint8_t noise[3000];
    random_bytes(noise, sizeof(noise), 11);
    encode_base64(noise, n, out);
    return out;
}

static struct told told_png(const char *type, struct trn_str data)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_png_with(&b, 0, TRN_STR_NONE, type, data);
    return told_of(trn_buf_str(&b), "a.png");
}

static struct told told_jpeg(uint8_t marker, struct trn_str data)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_jpeg_with(&b, marker, data);
    return told_of(trn_buf_str(&b), "a.jpg");
}

static struct told told_gif(const char *id, struct trn_str data)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_gif_with(&b, id, data);
    return told_of(trn_buf_str(&b), "a.gif");
}

Test(look_image, encoded_random_bytes_in_a_text_are_named_with_their_place_in_every_format)
{
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    char encoded[4096];
    start(&text);
    trn_put(&text, "Comment\0", 8);
    trn_put_c(&text, secret(encoded, 60));
    TRN_AUTO(told_done) struct told png = told_png("tEXt", trn_buf_str(&text));
    TRN_AUTO(told_done) struct told jpeg = told_jpeg(0xfe, trn_str_of(encoded));
    TRN_AUTO(told_done) struct told gif = told_gif(NULL, trn_str_of(encoded));
    cr_expect(told_has(&png, "finding image.hidden-data 60 in 1 offset=0x69 size=80"), "%s", TOLD(png));
    cr_expect(told_has(&png, "block=tEXt"), "%s", TOLD(png));
    cr_expect(told_has(&png, "they decode to 60 bytes: random"), "%s", TOLD(png));
    cr_expect(told_has(&jpeg, "finding image.hidden-data 60 in 1 offset=0xc size=80"), "%s", TOLD(jpeg));
    cr_expect(told_has(&gif, "finding image.hidden-data 60"), "%s", TOLD(gif));
    cr_expect_eq(png.findings + jpeg.findings + gif.findings, 3);
}

Test(look_image, encoded_text_in_a_compressed_chunk_is_seen_too)
{
    char encoded[4096];
    uint8_t packed[8192] = "Comment\0";
    uLongf n = sizeof(packed) - 9;
    secret(encoded, 1500);
    cr_assert_eq(compress(packed + 9, &n, (const uint8_t *)encoded, strlen(encoded)), Z_OK);
    TRN_AUTO(told_done) struct told t = told_png("zTXt", (struct trn_str){(const char *)packed, n + 9});
    cr_expect(told_has(&t, "finding image.hidden-data 60"), "%s", TOLD(t));
    cr_expect(told_has(&t, "decoded_size=1500"), "%s", TOLD(t));
}

Test(look_image, encoded_readable_text_is_a_note_and_a_long_one_hides_no_other)
{
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    char encoded[4096];
    start(&text);
    TRN_AUTO(told_done) struct told note = told_jpeg(0xfe, TRN_STR(HIDDEN));
    cr_expect(told_has(&note, "finding image.hidden-data 10"), "%s", TOLD(note));
    for (int i = 0; i < 4; i++)
        trn_put(&text, HIDDEN, sizeof(HIDDEN) - 2); /* without its padding one run */
    trn_put_c(&text, " ");
    trn_put_c(&text, secret(encoded, 60));
    TRN_AUTO(told_done) struct told both = told_jpeg(0xfe, trn_buf_str(&text));
    cr_expect(told_has(&both, "finding image.hidden-data 60"), "%s", TOLD(both));
}

Test(look_image, a_program_in_a_part_is_named_and_looked_at)
{
    TRN_AUTO(trn_buf_done) struct trn_buf exif;
    uint8_t program[256];
    char encoded[4096];
    start(&exif);
    make_program_head(program);
    random_bytes(program + 160, 96, 1);
    trn_put(&exif, "Exif\0\0MM\0*\0\0\0\10", 14);
    trn_put(&exif, program, sizeof(program));
    encode_base64(program, sizeof(program), encoded);
    TRN_AUTO(told_done) struct told t = told_jpeg(0xe1, trn_buf_str(&exif));
    TRN_AUTO(told_done) struct told text = told_jpeg(0xfe, trn_str_of(encoded));
    cr_expect(told_has(&t, "finding image.hidden-data 70 in 1 offset=0x1a size=256"), "%s", TOLD(t));
    cr_expect(told_has(&t, "in 1 pe 'in-the-metadata' at 0x1a size 256"), "%s", TOLD(t));
    cr_expect(told_has(&text, "finding image.hidden-data 75"), "%s", TOLD(text));
    cr_expect(told_has(&text, "in 1 pe 'in-the-metadata'"), "%s", TOLD(text));
}

Test(look_image, random_bytes_weigh_by_where_they_stand)
{
    uint8_t noise[8192];
    random_bytes(noise, sizeof(noise), 5);
    memcpy(noise, "Comment", 8);
    struct trn_str small = {(const char *)noise, 1000}, large = {(const char *)noise, sizeof(noise)};
    TRN_AUTO(told_done) struct told text = told_png("tEXt", small);
    TRN_AUTO(told_done) struct told private = told_png("prVt", large);
    TRN_AUTO(told_done) struct told little = told_png("prVt", small);
    TRN_AUTO(told_done) struct told app = told_jpeg(0xe9, large);
    TRN_AUTO(told_done) struct told gif = told_gif("ACMETOOL1.0", large);
    cr_expect(told_has(&text, "finding image.hidden-data 60"), "%s", TOLD(text));
    cr_expect(told_has(&private, "finding image.hidden-data 45"), "%s", TOLD(private));
    cr_expect(told_has(&little, "finding image.hidden-data 25"), "%s", TOLD(little));
    cr_expect(told_has(&app, "finding image.hidden-data 45"), "%s", TOLD(app));
    cr_expect(told_has(&gif, "finding image.hidden-data 45"), "%s", TOLD(gif));
}

Test(look_image, what_is_called_xmp_and_is_no_text_is_told)
{
    static const char name[] = "http://ns.adobe.com/xap/1.0/";
    uint8_t noise[8192];
    random_bytes(noise, sizeof(noise), 6);
    memcpy(noise, name, sizeof(name));
    TRN_AUTO(told_done) struct told jpeg = told_jpeg(0xe1, (struct trn_str){(const char *)noise, sizeof(noise)});
    TRN_AUTO(told_done) struct told gif = told_gif("XMP DataXMP", (struct trn_str){(const char *)noise + 64, 8000});
    cr_expect(told_has(&jpeg, "finding image.hidden-data 45"), "%s", TOLD(jpeg));
    cr_expect(told_has(&gif, "finding image.hidden-data 45"), "%s", TOLD(gif));
}

Test(look_image, a_private_part_that_says_little_is_a_note)
{
    char text[200];
    memset(text, 'x', sizeof(text));
    TRN_AUTO(told_done) struct told t = told_png("prVt", (struct trn_str){text, sizeof(text)});
    cr_expect(told_has(&t, "finding image.hidden-data 8 in 1 offset=0x61 size=200"), "%s", TOLD(t));
}

Test(look_image, ordinary_texts_and_metadata_are_not_told)
{
    static const char words[] =
        "Comment\0made by hand, on a rainy day, with a pencil and a lot of patience; all rights reserved";
    static const char xmp[] =
        "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><xmpGImg:image>" HIDDEN "</xmpGImg:image></x:xmpmeta>";
    uint8_t exif[600];
    random_bytes(exif, sizeof(exif), 3); /* makers keep notes of their own in it */
    memcpy(exif, "Exif\0\0MM\0*", 10);
    TRN_AUTO(told_done) struct told text = told_png("tEXt", (struct trn_str){words, sizeof(words) - 1});
    TRN_AUTO(told_done) struct told meta = told_jpeg(0xe1, (struct trn_str){xmp, sizeof(xmp) - 1});
    TRN_AUTO(told_done) struct told camera = told_jpeg(0xe1, (struct trn_str){(const char *)exif, sizeof(exif)});
    TRN_AUTO(told_done) struct told gif = told_gif("NETSCAPE2.0", TRN_STR("\1\0\0"));
    cr_expect_eq(text.findings, 0, "%s", TOLD(text));
    cr_expect_eq(meta.findings, 0, "%s", TOLD(meta));
    cr_expect_eq(camera.findings, 0, "%s", TOLD(camera));
    cr_expect_eq(gif.findings, 0, "%s", TOLD(gif));
}

Test(look_image, bytes_behind_the_stream_of_pixels_are_told_as_behind_the_end)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, plain;
    uint8_t noise[4096];
    start(&b);
    start(&plain);
    random_bytes(noise, sizeof(noise), 9);
    noise[0] = noise[4095] = 1;
    make_png_with(&b, 0, (struct trn_str){(const char *)noise, sizeof(noise)}, NULL, TRN_STR_NONE);
    make_png(&plain);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
    cr_expect(told_has(&t, "finding image.trailing-data 60"), "%s", TOLD(t));
    cr_expect(told_has(&t, "size=4096"), "%s", TOLD(t));
    cr_expect(told_has(&t, "in the chunks of the pixels"), "%s", TOLD(t));
    TRN_AUTO(told_done) struct told quiet = told_of(trn_buf_str(&plain), "a.png");
    cr_expect_eq(quiet.findings + quiet.gaps, 0, "%s", TOLD(quiet));
}

Test(look_image, rows_behind_the_last_one_are_told)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    start(&b);
    make_png_with(&b, 5000, TRN_STR_NONE, NULL, TRN_STR_NONE);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
    cr_expect(told_has(&t, "finding image.hidden-data 45"), "%s", TOLD(t));
    cr_expect(told_has(&t, "5000 bytes more than the picture has rows for"), "%s", TOLD(t));
}

/* A moving picture with one further frame: its stream, of `more` bytes too many, and what stands behind it. */
static struct told told_frame(size_t more, struct trn_str tail, bool stream)
{
    static const uint8_t frame[26] = {[7] = 2, [11] = 3};
    TRN_AUTO(trn_buf_done) struct trn_buf b, data;
    uint8_t rows[3 * 7 + 8192] = {0}, packed[sizeof(rows) + 64];
    uLongf n = sizeof(packed);
    start(&b);
    start(&data);
    (void)compress2(packed, &n, rows, 3 * 7 + more, 0);
    trn_put(&data, "\0\0\0\1", 4);
    trn_put(&data, packed, stream ? n : 0);
    trn_put_str(&data, tail);
    make_png_with(&b, 0, TRN_STR_NONE, "acTL", TRN_STR("\0\0\0\2\0\0\0\0"));
    b.n -= 12;
    png_chunk(&b, "fcTL", frame, sizeof(frame));
    png_chunk(&b, "fdAT", data.p, data.n);
    png_chunk(&b, "IEND", NULL, 0);
    return told_of(trn_buf_str(&b), "a.png");
}

Test(look_image, the_frames_of_a_moving_picture_hide_nothing)
{
    uint8_t noise[4096];
    random_bytes(noise, sizeof(noise), 21);
    noise[0] = noise[4095] = 1;
    struct trn_str secret = {(const char *)noise, sizeof(noise)};
    TRN_AUTO(told_done) struct told plain = told_frame(0, TRN_STR_NONE, true);
    TRN_AUTO(told_done) struct told behind = told_frame(0, secret, true);
    TRN_AUTO(told_done) struct told more = told_frame(5000, TRN_STR_NONE, true);
    TRN_AUTO(told_done) struct told none = told_frame(0, secret, false);
    cr_expect_eq(plain.findings + plain.gaps, 0, "%s", TOLD(plain));
    cr_expect(told_has(&behind, "finding image.trailing-data 60"), "%s", TOLD(behind));
    cr_expect(told_has(&more, "5000 bytes more than the picture has rows for"), "%s", TOLD(more));
    cr_expect(told_has(&none, "finding image.hidden-data 45"), "%s", TOLD(none));
}

Test(look_image, a_known_part_that_comes_again_or_is_too_large_is_private)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t noise[8192];
    static const struct {
        uint8_t marker;
        const char *first;
    } cases[] = {{0xe0, "JFIF\0\1\2\0\0\1\0\1\0"}, {0xe0, "AVI1"}, {0xec, "Ducky"}, {0xee, "Adobe"}};
    random_bytes(noise, sizeof(noise), 23);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        memset(noise, 0, 14);
        memcpy(noise, cases[i].first, strlen(cases[i].first));
        TRN_AUTO(told_done) struct told large = told_jpeg(cases[i].marker, (struct trn_str){(const char *)noise, 8192});
        TRN_AUTO(told_done) struct told honest = told_jpeg(cases[i].marker, (struct trn_str){(const char *)noise, 14});
        cr_expect(told_has(&large, "finding image.hidden-data 45"), "%s: %s", cases[i].first, TOLD(large));
        cr_expect_eq(honest.findings, 0, "%s: %s", cases[i].first, TOLD(honest));
    }
    for (size_t twice = 0; twice < 2; twice++) {
        start(&b);
        make_png_with(&b, 0, TRN_STR_NONE, "hIST", (struct trn_str){(const char *)noise + 14, 512});
        b.n -= 12;
        for (size_t i = 0; i < twice; i++)
            png_chunk(&b, "hIST", noise + 1000, 512);
        png_chunk(&b, "IEND", NULL, 0);
        TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
        cr_expect_eq(told_has(&t, "finding image.hidden-data 25"), twice == 1, "%s", TOLD(t));
        trn_buf_done(&b);
    }
}

/* A colour profile of 200 bytes, with `more` random ones behind it. */
static struct trn_str profile(uint8_t p[2048], size_t more)
{
    random_bytes(p, 2048, 13);
    memset(p, 0, 200);
    p[3] = 200;
    memcpy(p + 36, "acsp", 4);
    return (struct trn_str){(const char *)p, 200 + more};
}

Test(look_image, bytes_behind_a_colour_profile_are_told_and_a_profile_alone_is_not)
{
    uint8_t p[2048];
    for (size_t more = 0; more <= 1000; more += 1000) {
        struct trn_str icc = profile(p, more);
        TRN_AUTO(trn_buf_done) struct trn_buf segment;
        uint8_t chunk[4096] = "icc\0";
        uLongf n = sizeof(chunk) - 5;
        start(&segment);
        trn_put(&segment, "ICC_PROFILE\0\1\1", 14);
        trn_put_str(&segment, icc);
        cr_assert_eq(compress(chunk + 5, &n, (const uint8_t *)icc.p, icc.n), Z_OK);
        TRN_AUTO(told_done) struct told jpeg = told_jpeg(0xe2, trn_buf_str(&segment));
        TRN_AUTO(told_done) struct told png = told_png("iCCP", (struct trn_str){(const char *)chunk, n + 5});
        cr_expect_eq(told_has(&jpeg, "finding image.trailing-data 60"), more > 0, "%s", TOLD(jpeg));
        cr_expect_eq(told_has(&png, "finding image.hidden-data 60"), more > 0, "%s", TOLD(png));
        cr_expect_eq(jpeg.findings + png.findings, more ? 2 : 0);
    }
}

Test(look_image, bytes_between_parts_of_icons_and_bitmaps_are_told)
{
    TRN_AUTO(trn_buf_done) struct trn_buf ico, bmp, plain;
    uint8_t noise[512];
    start(&ico);
    start(&bmp);
    start(&plain);
    random_bytes(noise, sizeof(noise), 17);
    noise[0] = noise[511] = 1;
    make_ico(&ico, sizeof(noise));
    uint8_t *gap = memmem(ico.p, ico.n, "wwwwwwww", 8); /* what make_ico fills it with */
    cr_assert_not_null(gap);
    memcpy(gap, noise, sizeof(noise));
    make_bmp(&plain);
    trn_put(&bmp, plain.p, 54);
    trn_put(&bmp, noise, sizeof(noise));
    trn_put(&bmp, plain.p + 54, plain.n - 54);
    bmp.p[10] = 54; /* where the pixels are */
    bmp.p[11] = 2;
    TRN_AUTO(told_done) struct told icon = told_of(trn_buf_str(&ico), "a.ico");
    TRN_AUTO(told_done) struct told bitmap = told_of(trn_buf_str(&bmp), "a.bmp");
    TRN_AUTO(told_done) struct told quiet = told_of(trn_buf_str(&plain), "a.bmp");
    cr_expect(told_has(&icon, "finding image.trailing-data 60"), "%s", TOLD(icon));
    cr_expect(told_has(&icon, "between two parts"), "%s", TOLD(icon));
    cr_expect(told_has(&bitmap, "finding image.trailing-data 60 in 1 offset=0x36 size=512"), "%s", TOLD(bitmap));
    cr_expect_eq(quiet.findings, 0, "%s", TOLD(quiet));
}

Test(look_image, many_small_parts_make_no_room_scarce_for_a_large_one)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, plain;
    char encoded[4096];
    uint8_t noise[3000];
    start(&b);
    start(&plain);
    make_png(&plain);
    trn_put(&b, plain.p, plain.n - 12);
    for (int i = 0; i < 60; i++)
        png_chunk(&b, "tEXt",
                  "Comment\0just a line of text, of which there are many in this picture, one like the other", 88);
    random_bytes(noise, sizeof(noise), 11);
    trn_buf_clear(&plain);
    trn_put(&plain, "Comment\0", 8);
    trn_put_c(&plain, secret(encoded, 1500));
    png_chunk(&b, "tEXt", plain.p, plain.n);
    png_chunk(&b, "IEND", NULL, 0);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
    cr_expect(told_has(&t, "finding image.hidden-data 60"), "%s", TOLD(t));
    cr_expect(told_has(&t, "parts looked at in one image (29 smaller ones left out)"), "%s", TOLD(t));
}

Test(look_image, very_many_parts_too_small_to_be_looked_at_are_counted)
{
    for (int many = 0; many < 2; many++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b, plain;
        start(&b);
        start(&plain);
        make_png(&plain);
        trn_put(&b, plain.p, plain.n - 12);
        for (int i = 0; i < (many ? 300 : 30); i++)
            png_chunk(&b, "tEXt", "Comment\0a piece of something longer than it", 40);
        png_chunk(&b, "IEND", NULL, 0);
        TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "a.png");
        cr_expect_eq(told_has(&t, "9600 bytes stand in 300 small parts"), many, "%s", TOLD(t));
        cr_expect_eq(t.findings, many ? 1u : 0u);
    }
}

Test(look_image, read_by_windows_the_same_parts_are_told)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t noise[8000];
    start(&b);
    random_bytes(noise, sizeof(noise), 21);
    make_png_with(&b, 100, (struct trn_str){(const char *)noise, 300}, "prVt",
                  (struct trn_str){(const char *)noise, sizeof(noise)});
    TRN_AUTO(told_done) struct told mem = told_by(trn_buf_str(&b), "a.png", false);
    TRN_AUTO(told_done) struct told reads = told_by(trn_buf_str(&b), "a.png", true);
    cr_expect_eq(mem.findings, 3, "%s", TOLD(mem));
    cr_expect_str_eq(TOLD(mem), TOLD(reads));
}
