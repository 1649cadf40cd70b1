/* SPDX-License-Identifier: Apache-2.0 */
/* Questions: does each archive give its members; is what lies outside of them seen; is what is odd told? */
#include "archive_build.h"
#include "seen.h"

#define A                                    \
    {                                        \
        "d/a.txt", TRN_STR("first member\n") \
    }
#define U                                        \
    {                                            \
        "d/gr\xc3\xbcn.txt", TRN_STR("second\n") \
    }

static void expect_both(int (*format)(struct archive *), int (*filter)(struct archive *), const char *name)
{
    struct trn_buf b;
    struct seen_lines s;
    const struct built_member members[] = {A, U};
    trn_scan_warm(); /* the writer needs the table of characters, too */
    build(&b, format, filter, members, 2);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), name, (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "d/a.txt 13");
    EXPECT_SEEN(&s, "d/gr\xc3\xbcn.txt 7");
    cr_expect_eq(s.artifacts, 3, "%s:\n%s", name, s.text.p);
    cr_expect_eq(s.findings + s.gaps, 0, "%s:\n%s", name, s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, every_archive_gives_its_members)
{
    expect_both(archive_write_set_format_ustar, NULL, "a.tar");
    expect_both(archive_write_set_format_pax, NULL, "pax.tar");
    expect_both(archive_write_set_format_gnutar, NULL, "gnu.tar");
    expect_both(archive_write_set_format_cpio_newc, NULL, "a.cpio");
    expect_both(archive_write_set_format_cpio, NULL, "odc.cpio");
    expect_both(archive_write_set_format_7zip, NULL, "a.7z");
    expect_both(archive_write_set_format_xar, NULL, "a.xar");
    expect_both(archive_write_set_format_iso9660, NULL, "a.iso");
}

Test(unpack, a_compressed_tar_is_one_container)
{
    expect_both(archive_write_set_format_pax, archive_write_add_filter_gzip, "a.tar.gz");
    expect_both(archive_write_set_format_pax, archive_write_add_filter_bzip2, "a.tar.bz2");
    expect_both(archive_write_set_format_pax, archive_write_add_filter_xz, "a.tar.xz");
    expect_both(archive_write_set_format_pax, archive_write_add_filter_lzma, "a.tar.lzma");
    expect_both(archive_write_set_format_pax, archive_write_add_filter_zstd, "a.tar.zst");
    expect_both(archive_write_set_format_pax, archive_write_add_filter_lz4, "a.tar.lz4");
    expect_both(archive_write_set_format_cpio_newc, archive_write_add_filter_gzip, "payload");
}

Test(unpack, one_stream_has_one_content_with_the_name_that_is_left)
{
    struct trn_buf b;
    struct seen_lines s;
    BUILD(&b, raw, archive_write_add_filter_gzip, {"x", TRN_STR("plain content\n")});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "notes.txt.gz", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "2<1 text notes.txt 14");
    cr_expect_eq(s.findings + s.gaps, 0);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, streams_one_behind_the_other_are_one)
{
    struct trn_buf b, c;
    struct seen_lines s;
    BUILD(&b, raw, archive_write_add_filter_xz, {"x", TRN_STR("one ")});
    BUILD(&c, raw, archive_write_add_filter_xz, {"x", TRN_STR("two")});
    trn_put(&b, "\0\0\0\0", 4);
    trn_put_str(&b, trn_buf_str(&c));
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.xz", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "2<1 text a 7");
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
    trn_buf_done(&c);
}

Test(unpack, what_lies_behind_a_stream_is_told_with_its_place_and_looked_at)
{
    struct trn_buf b;
    struct seen_lines s;
    char place[64];
    BUILD(&b, raw, archive_write_add_filter_gzip, {"x", TRN_STR("content")});
    size_t at = b.n;
    trn_put_c(&b, "nobody unpacks this");
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.gz", (struct trn_limits){0}), 0);
    snprintf(place, sizeof(place), "archive.irregular 45 kind=behind-end offset=0x%zx size=19", at);
    EXPECT_SEEN(&s, place);
    snprintf(place, sizeof(place), "text [behind the end of the stream] 19 @0x%zx", at);
    EXPECT_SEEN(&s, place);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, zeroes_behind_a_stream_are_padding)
{
    struct trn_buf b;
    struct seen_lines s;
    char zero[3000] = {0};
    BUILD(&b, raw, archive_write_add_filter_gzip, {"x", TRN_STR("content")});
    trn_put(&b, zero, sizeof(zero));
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.gz", (struct trn_limits){0}), 0);
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
}

static void expect_behind_tar(int (*filter)(struct archive *))
{
    struct trn_buf b, hidden;
    struct seen_lines s;
    BUILD(&hidden, ustar, NULL, A);
    trn_put_c(&hidden, "#!/bin/sh\necho hidden\n");
    build(&b, archive_write_set_format_raw, filter, (const struct built_member[]){{"x", trn_buf_str(&hidden)}}, 1);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.tar.gz", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "d/a.txt 13");
    EXPECT_SEEN(&s, "kind=behind-end");
    EXPECT_SEEN(&s, "[behind the end of the archive]");
    seen_done(&s);
    trn_buf_done(&b);
    trn_buf_done(&hidden);
}

Test(unpack, what_lies_behind_the_end_of_a_tar_is_seen_compressed_or_not)
{
    expect_behind_tar(NULL);
    expect_behind_tar(archive_write_add_filter_gzip);
    expect_behind_tar(archive_write_add_filter_zstd);
}

Test(unpack, a_stream_that_is_cut_gives_what_came_and_says_so)
{
    struct trn_buf b;
    struct seen_lines s;
    char noise[20000];
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * i / 7);
    BUILD(&b, raw, archive_write_add_filter_gzip, {"x", {noise, sizeof(noise)}});
    cr_assert_eq(seen_scan(&s, (struct trn_str){b.p, b.n / 2}, "a.gz", (struct trn_limits){0}), 0);
    cr_expect_eq(s.artifacts, 2);
    EXPECT_SEEN(&s, "2? damaged the compressed data is cut off");
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, names_that_leave_the_folder_are_told)
{
    struct trn_buf b;
    struct seen_lines s;
    BUILD(&b, ustar, NULL, {"../../etc/x", TRN_STR("1")}, {"/etc/y", TRN_STR("2")}, {"a/b/../c", TRN_STR("3")});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.tar", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "archive.irregular 60 kind=path-traversal member=../../etc/x offset=0x0");
    EXPECT_SEEN(&s, "archive.irregular 25 kind=absolute-name member=/etc/y offset=0x400");
    cr_expect_eq(s.findings, 2, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, a_file_written_through_a_link_is_told_and_a_link_alone_is_not)
{
    struct trn_buf b;
    struct seen_lines s;
    BUILD(&b, ustar, NULL, {"out", .link = "../.."}, {"in/up", .link = "../other"}, {"out/passwd", TRN_STR("1")},
          {"in/up/fine", TRN_STR("2")});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.tar", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "kind=through-link member=out/passwd");
    cr_expect_eq(s.findings, 1, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, a_name_twice_weighs_little_in_a_tar)
{
    struct trn_buf b;
    struct seen_lines s;
    BUILD(&b, ustar, NULL, {"a", TRN_STR("1")}, {"./a", TRN_STR("2")});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.tar", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "archive.irregular 12 kind=duplicate-name");
    seen_done(&s);
    trn_buf_done(&b);
}

static void put_ar(struct trn_buf *b, const char *name, struct trn_str data)
{
    trn_put_fmt(b, "%-16s%-12u%-6u%-6u%-8o%-10zu`\n", name, 0u, 0u, 0u, 0100644u, data.n);
    trn_put_str(b, data);
    if (data.n & 1)
        trn_put_c(b, "\n");
}

Test(unpack, a_debian_package_nests_and_a_foreign_member_is_told)
{
    struct trn_buf b, control, data;
    struct seen_lines s;
    BUILD(&control, ustar, archive_write_add_filter_gzip, {"./control", TRN_STR("Package: x\n")});
    BUILD(&data, ustar, archive_write_add_filter_xz, {"./usr/bin/x", TRN_STR("#!/bin/sh\n"), 0755});
    trn_buf_init(&b, 1 << 20);
    trn_put_c(&b, "!<arch>\n");
    put_ar(&b, "debian-binary", TRN_STR("2.0\n"));
    put_ar(&b, "control.tar.gz", trn_buf_str(&control));
    put_ar(&b, "data.tar.xz", trn_buf_str(&data));
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "x.deb", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "1<0 deb x.deb");
    EXPECT_SEEN(&s, "2<1 text debian-binary 4 @0x44");
    EXPECT_SEEN(&s, "4<3 text ./control 11");
    EXPECT_SEEN(&s, "6<5 shell ./usr/bin/x 10");
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
    size_t at = b.n;
    put_ar(&b, "extra.bin", TRN_STR("what is this"));
    char place[96];
    snprintf(place, sizeof(place), "kind=foreign-member member=extra.bin offset=0x%zx", at);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "x.deb", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, place);
    seen_done(&s);
    trn_buf_done(&b);
    trn_buf_done(&control);
    trn_buf_done(&data);
}

Test(unpack, limits_end_a_bomb_and_are_told)
{
    struct trn_buf b;
    struct seen_lines s;
    char *zeroes = calloc(1, 80 << 20);
    BUILD(&b, raw, archive_write_add_filter_gzip, {"x", {zeroes, 80 << 20}});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "bomb.gz", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "? limit ratio");
    seen_done(&s);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "bomb.gz", (struct trn_limits){.bytes = 1 << 20}), 0);
    EXPECT_SEEN(&s, "? limit bytes");
    seen_done(&s);
    trn_buf_done(&b);
    free(zeroes);
}

static struct seen_lines from_corpus(const char *which)
{
    char path[512];
    struct trn_buf b;
    struct seen_lines s;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", getenv("TRN_TEST_SOURCE"), which);
    cr_assert_eq(trn_read_file(path, 1 << 20, &b, NULL), 0, "%s", path);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), trn_path_base(trn_str_of(which)).p, (struct trn_limits){0}), 0);
    trn_buf_done(&b);
    return s;
}

Test(unpack, squashfs_of_each_compression_and_an_appimage)
{
    static const char *const names[] = {"squashfs/gzip", "squashfs/xz", "squashfs/lz4", "squashfs/zstd",
                                        "squashfs/lzma"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        struct seen_lines s = from_corpus(names[i]);
        EXPECT_SEEN(&s, "shell d/run.sh 17");
        EXPECT_SEEN(&s, "zeros 3000");
        cr_expect_eq(s.findings + s.gaps, 0, "%s: %s", names[i], s.text.p);
        seen_done(&s);
    }
    struct seen_lines s = from_corpus("squashfs/x.AppImage");
    EXPECT_SEEN(&s, "2<1 squashfs filesystem.squashfs 481 @0x40");
    EXPECT_SEEN(&s, "shell d/run.sh 17");
    seen_done(&s);
}

Test(unpack, an_rpm_says_what_it_is_and_its_scripts_are_looked_at)
{
    struct seen_lines s = from_corpus("rpm/inert-w6.xzdio.rpm");
    EXPECT_SEEN(&s, "1: product=inert");
    EXPECT_SEEN(&s, "2<1 shell [script]/postin.sh 14 @0x157a");
    EXPECT_SEEN(&s, "5<4 shell ./opt/x/run 10");
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
}

Test(unpack, what_needs_a_password_is_a_gap)
{
    struct seen_lines s = from_corpus("archive/enc.7z");
    EXPECT_SEEN(&s, "1? encrypted needs a password");
    seen_done(&s);
}

Test(unpack, methods_of_7z_and_kinds_of_cpio)
{
    static const char *const names[] = {"LZMA.7z",   "LZMA2.7z", "PPMd.7z",  "BZip2.7z", "Deflate.7z", "Copy.7z",
                                        "newc.cpio", "odc.cpio", "crc.cpio", "rr.iso",   "sparse.tar"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char which[64];
        snprintf(which, sizeof(which), "archive/%s", names[i]);
        struct seen_lines s = from_corpus(which);
        EXPECT_SEEN(&s, "zeros 3000");
        cr_expect_eq(s.findings + s.gaps, 0, "%s: %s", names[i], s.text.p);
        seen_done(&s);
    }
}

static struct trn_buf corpus_bytes(const char *which)
{
    char path[512];
    struct trn_buf b;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", getenv("TRN_TEST_SOURCE"), which);
    cr_assert_eq(trn_read_file(path, 1 << 20, &b, NULL), 0, "%s", path);
    return b;
}

/* libarchive 3.6.2 called a stray pointer when it was asked about passwords after it had recognised nothing. */
Test(unpack, an_image_that_libarchive_does_not_recognise_is_a_gap)
{
    struct trn_buf b = corpus_bytes("archive/rr.iso");
    struct seen_lines s;
    cr_assert_eq(seen_scan(&s, (struct trn_str){b.p, b.n * 7 / 16}, "a.iso", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "1<0 iso");
    EXPECT_SEEN(&s, "1? damaged");
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, a_file_that_only_one_tree_of_an_image_names_is_told_and_looked_at)
{
    struct trn_buf b = corpus_bytes("archive/rr.iso");
    struct seen_lines s;
    char *name = memmem(b.p, b.n, "\0a\0.\0t\0x\0t", 10); /* as Joliet writes it */
    cr_assert(name);
    memset(name - 33 + 2, 0, 8); /* its content is at sector 0 now, whichever byte order is read */
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.iso", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "archive.irregular 30 kind=one-tree-only member=a.txt offset=0x0 size=6");
    EXPECT_SEEN(&s, "archive.irregular 30 kind=one-tree-only member=A.TXT;1 offset=0x10800 size=6");
    cr_expect_eq(s.findings, 2, "%s", s.text.p);
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, a_payload_that_is_not_opened_is_said)
{
    struct trn_buf b;
    struct seen_lines s;
    BUILD(&b, xar, NULL, {"Payload", TRN_STR("pbzx\0\0\0\0\1\0\0\0")});
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.pkg", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "2? unsupported a payload that is packed as pbzx is not opened");
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, streams_that_want_too_much_memory_are_gaps)
{
    /* a frame with a window of 128 MiB; the old lzma format with a dictionary of 1 GiB */
    static const char zstd[] = "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00",
                      lzma[] = "\x5d\0\0\0\x40\xff\xff\xff\xff\xff\xff\xff\xff\0"
                               "\x33\x3e\x46\x5f\x11";
    struct seen_lines s;
    cr_assert_eq(seen_scan(&s, (struct trn_str){zstd, sizeof(zstd) - 1}, "a.zst", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "1? limit");
    seen_done(&s);
    cr_assert_eq(seen_scan(&s, (struct trn_str){lzma, sizeof(lzma) - 1}, "a.lzma", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "1? limit its dictionary is larger than 64 MiB");
    seen_done(&s);
}

Test(unpack, a_7z_that_wants_too_much_memory_is_a_gap_and_bytes_behind_one_are_told)
{
    char path[512], what[96];
    struct trn_buf b;
    struct seen_lines s;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/archive/LZMA.7z", getenv("TRN_TEST_SOURCE"));
    cr_assert_eq(trn_read_file(path, 1 << 20, &b, NULL), 0, "%s", path);
    snprintf(what, sizeof(what), "kind=behind-end offset=0x%zx size=20", b.n);
    trn_put_c(&b, "twenty bytes of dirt");
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.7z", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, what);
    EXPECT_SEEN(&s, "zeros 3000");
    seen_done(&s);
    char *dictionary = memmem(b.p + b.n - 60, 60, "\x5d\x00\x10\x00\x00", 5);
    cr_assert(dictionary);
    memset(dictionary + 1, 0xff, 4);
    cr_assert_eq(seen_scan(&s, trn_buf_str(&b), "a.7z", (struct trn_limits){0}), 0);
    EXPECT_SEEN(&s, "1? limit its dictionary is larger than 64 MiB");
    seen_done(&s);
    trn_buf_done(&b);
}

Test(unpack, one_odd_byte_before_a_volume_or_a_frame_to_skip_before_a_stream_hides_neither)
{
    static const char skip[] = "\x5a\x2a\x4d\x18\3\0\0\0abc\x28\xb5\x2f\xfd\0\0\0\0";
    uint8_t volume[4096] = {[0] = 1, [1023] = 7, [1024] = 'H', [1025] = '+', [1027] = 4};
    struct trn_source hfs = trn_source_mem((struct trn_str){(const char *)volume, sizeof(volume)});
    struct trn_source zstd = trn_source_mem((struct trn_str){skip, sizeof(skip) - 1});
    struct trn_source only = trn_source_mem((struct trn_str){skip, 11});
    enum trn_format f;
    cr_assert_eq(trn_format_probe(&hfs, TRN_STR("a"), &f), 0);
    cr_expect_eq(f, TRN_FORMAT_HFSPLUS);
    cr_assert_eq(trn_format_probe(&zstd, TRN_STR("a"), &f), 0);
    cr_expect_eq(f, TRN_FORMAT_ZSTD);
    cr_assert_eq(trn_format_probe(&only, TRN_STR("a"), &f), 0);
    cr_expect_eq(f, TRN_FORMAT_DATA);
}
