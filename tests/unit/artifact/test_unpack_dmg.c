/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are the files in disk images told with their true contents, and is what cannot be opened said? */
#include "noted.h"

static char content[1 << 17];

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    char hex[17];
    trn_hex(a->sha256, 8, hex);
    note(ctx, "%u %.*s %s %llu %s\n", a->parent, TRN_STR_ARG(a->name), trn_format_name(a->format),
         (unsigned long long)a->size, hex);
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return ctx && a && k.n && v.n ? 0 : -EINVAL;
}

static size_t load(const char *name)
{
    return load_into(content, sizeof(content), name);
}

static void scan(struct seen *s, size_t n)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, s};
    struct trn_source src = trn_source_mem((struct trn_str){content, n});
    memset(s, 0, sizeof(*s));
    cr_assert_eq(trn_scan_run(&src, TRN_STR("x"), 0, &o, &sink, NULL), 0);
}

static void has_all_files(struct seen *s)
{
    HAS(s, "1 pieces.bin data 10317 6fe2ef60b669961c\n");   /* 20 pieces, extents overflow */
    HAS(s, "1 four.txt text 72000 e85865f830446e33\n");     /* compressed, in its resource fork */
    HAS(s, "1 three.txt text 420 96a3a61e51ccc5be\n");      /* compressed, in an attribute */
    HAS(s, "1 a/b/readme.txt text 120 4f79457b1ce1e186\n"); /* folders */
    HAS(s, "1 rsrc.txt/..namedfork/rsrc text 300 fd344b2bb096bc69\n");
    HAS(s, "1 seven.txt text 350 174e2d930af1ffbb\n");   /* LZVN, in an attribute */
    HAS(s, "1 eight.txt text 68000 0edac9009227cd44\n"); /* LZVN, in its resource fork */
    HAS(s, "1 eleven.txt text 420 e98e79c8bb208de1\n");  /* LZFSE */
    HAS(s, "1 twelve.txt text 72000 94d0ea28ae57c6c1\n");
    HAS(s, "1 many/f05 text 1 ");
    HAS_NOT(s, "gap");
}

Test(unpack_dmg, every_kind_of_chunk_gives_the_same_files)
{
    struct seen s;
    scan(&s, load("hfs/all"));
    has_all_files(&s);
    scan(&s, load("dmg/kinds")); /* zlib, bzip2, raw, xz, ADC, LZFSE, LZVN in turns */
    has_all_files(&s);
    HAS(&s, "1 Driver Descriptor Map (DDM : 0) data 512 ");
}

Test(unpack_dmg, maps_of_partitions_inside)
{
    struct seen s;
    scan(&s, load("dmg/gpt"));
    HAS(&s, "1 f text 3 ");
    scan(&s, load("dmg/apple-map"));
    HAS(&s, "1 f text 3 ");
}

Test(unpack_dmg, signed_images)
{
    struct seen s;
    size_t n = load("dmg/signed");
    scan(&s, n);
    HAS(&s, "signature 1 apple ok\n");
    HAS_NOT(&s, "finding");
    content[n - 512 + 100] ^= 1; /* the trailer was signed too */
    scan(&s, n);
    HAS(&s, "signature 1 apple bad\n");
    HAS(&s, "finding 1 signature.digest-mismatch 60\n");
    scan(&s, load("dmg/slack"));
    HAS(&s, "finding 1 macho.signature-slack 85 0x");
    HAS(&s, " 100\n");
}

Test(unpack_dmg, what_is_not_opened_is_said)
{
    struct seen s;
    scan(&s, load("dmg/apfs"));
    HAS(&s, "gap 2 unsupported : an APFS volume");
    scan(&s, load("dmg/unknown"));
    HAS(&s, "gap 1 unsupported whole disk (Apple_HFS : 0): the disk image is packed in a way that is not known here\n");
    memset(content, 0, 4096);
    memcpy(content, "encrcdsa", 8);
    scan(&s, 4096);
    HAS(&s, "gap 1 encrypted : the disk image is encrypted\n");
    memcpy(content, "sprs\0\0\0\3", 8);
    scan(&s, 4096);
    HAS(&s, "gap 1 unsupported : a growing (sparse) disk image is not opened here\n");
    scan(&s, load("dmg/damaged"));
    HAS(&s, "gap 1 damaged whole disk (Apple_HFS : 0): a part of the disk image is damaged\n");
}

Test(unpack_dmg, a_volume_whose_catalog_is_damaged_is_a_gap)
{
    struct seen s;
    size_t n = load("hfs/small");
    memset(content + 1024 + 272 + 16, 0x7f, 8); /* where the catalog begins */
    scan(&s, n);
    HAS(&s, "gap 1 damaged : the catalog of its HFS+ volume is damaged\n");
}

Test(unpack_dmg, a_disk_as_it_is)
{
    struct seen s;
    size_t n = load("hfs/small"), at = 6 * 512;
    memmove(content + at, content, n);
    memset(content, 0, at);
    memcpy(content + 512, "EFI PART", 8);
    content[512 + 72] = 2; /* the table: sector 2, one entry of 128 bytes */
    content[512 + 80] = 1;
    content[512 + 84] = (char)128;
    content[1024] = 1;
    content[1024 + 32] = 6; /* its first and last sector */
    content[1024 + 40] = (char)(6 + n / 512 - 1);
    content[1024 + 56] = 'M';
    scan(&s, at + n);
    HAS(&s, "0 x disk ");
    HAS(&s, "1 M hfs+ 7168 ");
    HAS(&s, "2 f text 3 ");
    HAS_NOT(&s, "gap");
}
