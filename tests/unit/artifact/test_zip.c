/* SPDX-License-Identifier: Apache-2.0 */
/* Questions: are all members of a zip seen; is it told, with its place, when its two descriptions do not agree, when bytes
 * belong to no member; is a lawful zip quiet? */
#include "archive_build.h"
#include "seen.h"
#include "zip_build.h"

static struct seen_lines look(struct trn_str bytes)
{
    struct seen_lines s;
    cr_assert_eq(seen_scan(&s, bytes, "a.zip", (struct trn_limits){0}), 0);
    return s;
}

static void expect(struct zip_build *z, const char *comment, uint32_t findings, const char *what)
{
    struct seen_lines s = look(zip_end(z, comment));
    if (what)
        EXPECT_SEEN(&s, what);
    cr_expect_eq(s.findings, findings, "%s", s.text.p);
    cr_expect_eq(s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
    zip_done(z);
}

Test(zip, members_are_seen_in_place_and_nothing_is_odd)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "content of a");
    zip_add(&z, "d/b.txt", "content of b");
    expect(&z, "a comment", 0, "3<1 text d/b.txt 12 @0x54");
}

Test(zip, what_another_writer_made_is_quiet_also_with_sizes_behind_the_data)
{
    struct trn_buf b;
    char *text = malloc(300001);
    for (size_t i = 0; i < 300000; i++)
        text[i] = (char)('a' + i % 26 + (i / 1000) % 7);
    text[300000] = '\0';
    BUILD(&b, zip, NULL, {"d/a.txt", TRN_STR("first")}, {"b.txt", trn_str_of(text)}, {"gr\xc3\xbcn", TRN_STR("x")});
    struct seen_lines s = look(trn_buf_str(&b));
    EXPECT_SEEN(&s, "d/a.txt 5");
    EXPECT_SEEN(&s, "b.txt 300000");
    cr_expect_eq(s.artifacts, 4);
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
    free(text);
}

Test(zip, a_name_that_differs_in_the_two_descriptions_is_told_with_its_place)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    struct zip_header h = zip_header("setup.exe", "bbbb"), listed = h;
    listed.name = "readme.md";
    uint32_t at = zip_local(&z, &h);
    zip_list(&z, &listed, at);
    expect(&z, "", 1, "archive.irregular 60 kind=header-mismatch member=readme.md offset=0x27 size=39");
}

Test(zip, sizes_methods_and_checksums_that_differ_are_told)
{
    for (int which = 0; which < 3; which++) {
        struct zip_build z;
        zip_begin(&z);
        struct zip_header h = zip_header("a", "content"), listed = h;
        h.size += which == 0;
        h.method = which == 1 ? 8 : 0;
        h.crc ^= which == 2;
        uint32_t at = zip_local(&z, &h);
        zip_list(&z, &listed, at);
        expect(&z, "", 1, "archive.irregular 50 kind=header-mismatch member=a offset=0x0");
    }
}

Test(zip, zeroes_in_front_and_the_truth_behind_are_lawful)
{
    struct zip_build z;
    zip_begin(&z);
    struct zip_header listed = zip_header("a", "content"), h = listed;
    h.flags = listed.flags = 8;
    h.crc = h.size = h.packed = 0;
    uint32_t at = zip_local(&z, &h);
    trn_put(&z.out, "PK\7\10", 4);
    trn_put_u32(&z.out, listed.crc);
    trn_put_u32(&z.out, listed.packed);
    trn_put_u32(&z.out, listed.size);
    zip_list(&z, &listed, at);
    expect(&z, "", 0, "2<1 text a 7 @0x1f");
}

Test(zip, a_member_that_the_directory_does_not_list_is_told_and_looked_at)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    struct zip_header h = zip_header("hidden.sh", "#!/bin/sh\n");
    zip_local(&z, &h);
    zip_add(&z, "b.txt", "bbbb");
    struct seen_lines s = look(zip_end(&z, ""));
    EXPECT_SEEN(&s, "archive.irregular 55 kind=unlisted-member offset=0x27 size=49");
    EXPECT_SEEN(&s, "shell hidden.sh 10");
    cr_expect_eq(s.findings, 1, "%s", s.text.p);
    seen_done(&s);
    zip_done(&z);
}

Test(zip, bytes_between_behind_the_directory_and_behind_the_end_are_told)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    trn_put_c(&z.out, "twenty bytes of dirt");
    zip_add(&z, "b.txt", "bbbb");
    expect(&z, "", 1, "archive.irregular 45 kind=between-members offset=0x27 size=20");
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    zip_end(&z, "");
    trn_put_c(&z.out, "twenty bytes of dirt");
    struct seen_lines s = look(trn_buf_str(&z.out));
    EXPECT_SEEN(&s, "archive.irregular 45 kind=behind-end offset=0x70 size=20");
    seen_done(&s);
    zip_done(&z);
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    trn_put_c(&z.directory, "twenty bytes of dirt");
    expect(&z, "", 1, "archive.irregular 45 kind=behind-directory offset=0x5a size=20");
}

Test(zip, zeroes_between_members_are_alignment)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "aaaa");
    trn_put(&z.out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    zip_add(&z, "b.txt", "bbbb");
    expect(&z, "", 0, NULL);
}

Test(zip, members_over_each_other_are_told)
{
    struct zip_build z;
    zip_begin(&z);
    struct zip_header h = zip_header("a", "content"), again = zip_header("b", "content");
    uint32_t at = zip_local(&z, &h);
    zip_list(&z, &h, at);
    again.name = "a";
    zip_list(&z, &again, at);
    expect(&z, "", 2, "archive.irregular 55 kind=overlapping-members member=a offset=0x0");
}

Test(zip, a_name_twice_with_two_contents_weighs_and_with_one_content_hardly)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "classes.dex", "one");
    zip_add(&z, "classes.dex", "two");
    expect(&z, "", 1, "archive.irregular 50 kind=duplicate-name member=classes.dex offset=0x2c");
    zip_begin(&z);
    zip_add(&z, "a", "one");
    zip_add(&z, "a", "one");
    expect(&z, "", 1, "archive.irregular 12 kind=duplicate-name member=a");
}

Test(zip, two_ends_are_two_archives)
{
    struct zip_build a;
    zip_begin(&a);
    zip_add(&a, "good.txt", "good");
    zip_end(&a, "");
    trn_buf_clear(&a.directory);
    a.entries = 0;
    size_t first_end = a.out.n - 22;
    zip_add(&a, "other.txt", "other");
    char what[80];
    snprintf(what, sizeof(what), "archive.irregular 60 kind=several-ends offset=0x%zx", first_end);
    struct seen_lines s = look(zip_end(&a, ""));
    EXPECT_SEEN(&s, what);
    EXPECT_SEEN(&s, "text other.txt 5");
    EXPECT_SEEN(&s, "text good.txt 4"); /* in what no member of the other one covers */
    seen_done(&s);
    zip_done(&a);
}

Test(zip, a_stored_zip_inside_has_an_end_that_is_no_second_one)
{
    struct trn_buf inner;
    BUILD(&inner, zip, NULL, {"x", TRN_STR("deep")});
    struct zip_build z;
    zip_begin(&z);
    struct zip_header h = zip_header("x", "");
    h.name = "inner.zip";
    h.data = trn_buf_str(&inner);
    h.crc = (uint32_t)crc32(0, (const Bytef *)h.data.p, (uInt)h.data.n);
    h.packed = h.size = (uint32_t)h.data.n;
    zip_list(&z, &h, zip_local(&z, &h));
    expect(&z, "", 0, "3<2 text x 4");
    trn_buf_done(&inner);
}

Test(zip, androids_signature_block_is_known)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "AndroidManifest.xml", "<x/>");
    trn_put_u64(&z.out, 24 + 16);
    trn_put(&z.out, "0123456789abcdef", 16);
    trn_put_u64(&z.out, 24 + 16);
    trn_put(&z.out, "APK Sig Block 42", 16);
    expect(&z, "", 0, "apk_signing_block=48");
}

Test(zip, a_comment_that_is_no_text_is_told)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a", "one");
    expect(&z, "\x90\x90 this is longer than sixteen bytes \x01\x02", 1, "archive.irregular 30 kind=comment-content");
}

Test(zip, passwords_and_unknown_methods_are_gaps)
{
    struct zip_build z;
    zip_begin(&z);
    struct zip_header h = zip_header("secret", "content"), odd = zip_header("odd", "content");
    h.flags = 1;
    odd.method = 98;
    zip_list(&z, &h, zip_local(&z, &h));
    zip_list(&z, &odd, zip_local(&z, &odd));
    struct seen_lines s = look(zip_end(&z, ""));
    EXPECT_SEEN(&s, "1? encrypted needs a password [secret]");
    EXPECT_SEEN(&s, "1? unsupported zip method 98 is not opened [odd]");
    seen_done(&s);
    zip_done(&z);
}

Test(zip, a_wrong_checksum_is_a_gap_and_the_content_is_looked_at)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a.txt", "content");
    struct trn_str bytes = zip_end(&z, "");
    z.out.p[35] ^= 1;
    struct seen_lines s = look(bytes);
    EXPECT_SEEN(&s, "1? damaged its checksum is not the one that the archive says [a.txt]");
    EXPECT_SEEN(&s, "text a.txt 7");
    seen_done(&s);
    zip_done(&z);
}

Test(zip, without_its_directory_the_members_are_still_seen)
{
    struct trn_buf b;
    BUILD(&b, zip, NULL, {"a.txt", TRN_STR("first content")}, {"b.txt", TRN_STR("second content")});
    struct seen_lines s = look((struct trn_str){b.p, b.n - 60});
    EXPECT_SEEN(&s, "text a.txt 13");
    EXPECT_SEEN(&s, "text b.txt 14");
    EXPECT_SEEN(&s, "1? damaged it has no directory");
    seen_done(&s);
    trn_buf_done(&b);
}

Test(zip, names_that_leave_and_links_are_told)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "..\\..\\x.dll", "one");
    struct zip_header h = zip_header("out", "/etc");
    h.external = 0120777u << 16;
    zip_list(&z, &h, zip_local(&z, &h));
    zip_add(&z, "out/passwd", "two");
    struct seen_lines s = look(zip_end(&z, ""));
    EXPECT_SEEN(&s, "kind=path-traversal");
    EXPECT_SEEN(&s, "kind=through-link member=out/passwd");
    cr_expect_eq(s.findings, 2, "%s", s.text.p);
    seen_done(&s);
    zip_done(&z);
}

static void put_end64(struct zip_build *z, uint64_t entries, uint64_t dir_at)
{
    uint64_t at = z->out.n + z->directory.n;
    trn_put(&z->directory, "PK\6\6", 4);
    trn_put_u64(&z->directory, 44);
    trn_put(&z->directory, "\55\0\55\0\0\0\0\0\0\0\0\0", 12);
    trn_put_u64(&z->directory, entries);
    trn_put_u64(&z->directory, entries);
    trn_put_u64(&z->directory, at - z->out.n);
    trn_put_u64(&z->directory, dir_at);
    trn_put(&z->directory, "PK\6\7\0\0\0\0", 8);
    trn_put_u64(&z->directory, at);
    trn_put_u32(&z->directory, 1);
}

static void expect_end64(uint32_t small_entries, uint32_t findings, const char *what)
{
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "a", "content");
    size_t dir = z.directory.n;
    put_end64(&z, 1, z.out.n);
    zip_end(&z, "");
    trn_buf_clear(&z.directory);
    z.out.p[z.out.n - 12] = z.out.p[z.out.n - 14] = (char)small_entries;
    z.out.p[z.out.n - 10] = (char)dir; /* not with the two records behind it */
    struct seen_lines s = look(trn_buf_str(&z.out));
    EXPECT_SEEN(&s, "text a 7");
    EXPECT_SEEN(&s, what);
    cr_expect_eq(s.findings, findings, "%s", s.text.p);
    seen_done(&s);
    zip_done(&z);
}

Test(zip, a_64_bit_end_is_lawful_and_told_when_it_says_something_else)
{
    expect_end64(1, 0, "text a 7");
    expect_end64(2, 1, "archive.irregular 60 kind=several-directories offset=0x55 size=56");
}

Test(zip, each_compression_of_zip_is_opened)
{
    static const char *const names[] = {"bz.zip", "lzma.zip", "desc.zip", "z64.zip"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char path[512];
        struct trn_buf b;
        snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/zip/%s", getenv("TRN_TEST_SOURCE"), names[i]);
        cr_assert_eq(trn_read_file(path, 1 << 20, &b, NULL), 0, "%s", path);
        struct seen_lines s = look(trn_buf_str(&b));
        cr_expect_eq(s.artifacts, 2, "%s: %s", names[i], s.text.p);
        cr_expect_eq(s.gaps + s.findings, 0, "%s: %s", names[i], s.text.p);
        seen_done(&s);
        trn_buf_done(&b);
    }
}

Test(zip, a_folder_or_device_with_content_is_looked_at)
{
    struct zip_build z;
    zip_begin(&z);
    struct zip_header h = zip_header("dir/", "#!/bin/sh\n"), device = zip_header("pipe", "#!/bin/sh\n");
    device.external = 0010644u << 16;
    zip_list(&z, &h, zip_local(&z, &h));
    zip_list(&z, &device, zip_local(&z, &device));
    struct seen_lines s = look(zip_end(&z, ""));
    EXPECT_SEEN(&s, "shell dir/ 10");
    EXPECT_SEEN(&s, "shell pipe 10");
    seen_done(&s);
    zip_done(&z);
}

/* What is found in a zip behind these bytes. */
static struct seen_lines look_behind(const char *front, size_t n)
{
    TRN_AUTO(trn_buf_done) struct trn_buf all;
    struct zip_build z;
    trn_buf_init(&all, 1 << 20);
    zip_begin(&z);
    zip_add(&z, "a.txt", "content of a");
    trn_put(&all, front, n);
    trn_put_str(&all, zip_end(&z, "a comment"));
    struct seen_lines s = look(trn_buf_str(&all));
    zip_done(&z);
    return s;
}

Test(zip, bytes_in_front_of_the_archive_do_not_hide_it)
{
    static const char junk[] = "\1\2\3 made-up bytes that are no format\4\5";
    struct seen_lines s = look_behind(junk, sizeof(junk));
    EXPECT_SEEN(&s, "text a.txt 12");
    cr_expect_geq(s.findings, 1, "%s", s.text.p);
    seen_done(&s);
}

Test(zip, what_honest_tools_put_in_front_is_quiet)
{
    static const char chrome[] = "Cr24\3\0\0\0\4\0\0\0abcd", longer[] = "Cr24\3\0\0\0\4\0\0\0abcde";
    struct seen_lines s = look_behind(chrome, 16), t = look_behind(longer, 17);
    EXPECT_SEEN(&s, "text a.txt 12");
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    cr_expect_geq(t.findings, 1, "one byte more than the header says: %s", t.text.p);
    seen_done(&s);
    seen_done(&t);
}

Test(zip, bytes_behind_the_packed_stream_of_a_member_are_told)
{
    static const uint8_t packed[] = "\3\0\1\2 made-up bytes that nobody unpacks"; /* an empty stream, and more */
    struct zip_build z;
    zip_begin(&z);
    struct zip_header h = zip_header("a.txt", "");
    h.data = (struct trn_str){(const char *)packed, sizeof(packed)};
    h.packed = sizeof(packed);
    h.method = 8;
    zip_list(&z, &h, zip_local(&z, &h));
    expect(&z, "", 1, "member-slack");
}
