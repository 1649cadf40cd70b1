/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions: does a container that was cut, or has one bit wrong, or is made to burst its reader, end in bounded time and
 * memory with a clear word? Fixtures: the corpus of the fuzz targets, and bombs made here.
 */
#include "archive_build.h"
#include "seen.h"
#include "zip_build.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>

#define FLIPS 128u
#define MOST_MS 5000u
#ifdef __SANITIZE_ADDRESS__ /* which keeps what was freed, and a shadow of it */
#define MOST_KIB (1 << 20)
#else
#define MOST_KIB (200 << 10)
#endif

/* meson fills what malloc gives, so that a dictionary that nobody fills would count as used. */
static void measure_honestly(void)
{
    (void)mallopt(M_PERTURB, 0);
}
TestSuite(bombs, .init = measure_honestly, .timeout = 120);

static const struct trn_limits small = {.bytes = 8 << 20, .member_bytes = 2 << 20, .members = 500, .seconds = 5};

static uint32_t peak_kib(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint32_t)r.ru_maxrss;
}

/* Each file of the corpus of one fuzz target. */
static void each_fixture(const char *corpus, void (*what)(struct trn_str bytes, const char *name))
{
    char folder[512], path[1024];
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", getenv("TRN_TEST_SOURCE"), corpus);
    DIR *d = opendir(folder);
    cr_assert(d, "%s", folder);
    for (struct dirent *e; (e = readdir(d));) {
        struct trn_buf b;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        cr_assert_eq(trn_read_file(path, 1 << 20, &b, NULL), 0, "%s", path);
        what(trn_buf_str(&b), e->d_name);
        trn_buf_done(&b);
    }
    closedir(d);
}

static void cut(struct trn_str bytes, const char *name)
{
    struct seen_lines whole, s;
    cr_assert_eq(seen_scan(&whole, bytes, "x", small), 0);
    for (size_t k = 1; k < 16; k++) {
        uint64_t begin = trn_mono_ns();
        cr_assert_eq(seen_scan(&s, (struct trn_str){bytes.p, bytes.n * k / 16}, "x", small), 0);
        cr_expect_lt((trn_mono_ns() - begin) / TRN_NS_PER_MS, MOST_MS, "%s at %zu/16", name, k);
        /* what is opened and lacks something says so; a head that is not recognised any more is plain data */
        cr_expect(s.gaps + s.findings > 0 || s.artifacts >= whole.artifacts || s.artifacts <= 1,
                  "%s cut at %zu/16 says nothing:\n%s\nwhole:\n%s", name, k, s.text.p, whole.text.p);
        seen_done(&s);
    }
    seen_done(&whole);
}

static void flip(struct trn_str bytes, const char *name)
{
    struct seen_lines s;
    char *copy = malloc(bytes.n);
    size_t step = TRN_MAX(bytes.n / FLIPS, (size_t)1);
    for (size_t at = 0; at < bytes.n; at += step) {
        uint64_t begin = trn_mono_ns();
        memcpy(copy, bytes.p, bytes.n);
        copy[at] ^= (char)(1 << (at / step % 8));
        cr_assert_eq(seen_scan(&s, (struct trn_str){copy, bytes.n}, "x", small), 0);
        cr_expect_lt((trn_mono_ns() - begin) / TRN_NS_PER_MS, MOST_MS, "%s at 0x%zx", name, at);
        seen_done(&s);
    }
    free(copy);
}

static const char *const corpora[] = {"archive", "zip", "squashfs", "rpm"};

Test(bombs, every_fixture_cut_at_each_sixteenth)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(corpora); i++)
        each_fixture(corpora[i], cut);
    cr_expect_lt(peak_kib(), MOST_KIB);
}

Test(bombs, every_fixture_with_single_bits_flipped)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(corpora); i++)
        each_fixture(corpora[i], flip);
    cr_expect_lt(peak_kib(), MOST_KIB);
}

static void windows(struct trn_str bytes, const char *name)
{
    struct seen_lines whole, s;
    cr_assert_eq(seen_scan(&whole, bytes, name, (struct trn_limits){0}), 0);
    cr_assert_eq(seen_scan_windows(&s, bytes, name), 0);
    cr_expect(s.artifacts == whole.artifacts && s.findings == whole.findings && s.gaps == whole.gaps,
              "%s by windows:\n%s\nin memory:\n%s", name, s.text.p, whole.text.p);
    seen_done(&whole);
    seen_done(&s);
}

Test(bombs, every_fixture_gives_the_same_by_windows_as_in_memory)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(corpora); i++)
        each_fixture(corpora[i], windows);
}

/* Runs with the default limits; says what it cost, for who measures. */
static void burst(const char *what, struct trn_str bytes, const char *expected)
{
    struct seen_lines s;
    uint64_t begin = trn_mono_ns();
    cr_assert_eq(seen_scan(&s, bytes, what, (struct trn_limits){0}), 0);
    uint64_t ms = (trn_mono_ns() - begin) / TRN_NS_PER_MS;
    fprintf(stderr, "# %-24s %9zu bytes, %6u artifacts, %5llu ms, peak %u MiB\n", what, bytes.n, s.artifacts,
            (unsigned long long)ms, peak_kib() >> 10);
    cr_expect(seen_has(&s, expected), "%s: '%s' is not in\n%.2000s", what, expected, s.text.p);
    cr_expect_lt(ms, 60000u, "%s", what);
    cr_expect_lt(peak_kib(), MOST_KIB, "%s", what);
    seen_done(&s);
}

static struct trn_buf zeroes(int (*filter)(struct archive *), size_t n)
{
    struct trn_buf b;
    char *zero = calloc(1, n);
    build(&b, archive_write_set_format_raw, filter, (const struct built_member[]){{"x", {zero, n}}}, 1);
    free(zero);
    return b;
}

Test(bombs, zeroes_in_every_compression)
{
    struct trn_buf b = zeroes(archive_write_add_filter_gzip, 80 << 20);
    burst("zeroes.gz", trn_buf_str(&b), "? limit ratio");
    trn_buf_done(&b);
    b = zeroes(archive_write_add_filter_xz, 80 << 20);
    burst("zeroes.xz", trn_buf_str(&b), "? limit ratio");
    trn_buf_done(&b);
    b = zeroes(archive_write_add_filter_bzip2, 80 << 20);
    burst("zeroes.bz2", trn_buf_str(&b), "? limit ratio");
    trn_buf_done(&b);
    b = zeroes(archive_write_add_filter_zstd, 80 << 20);
    burst("zeroes.zst", trn_buf_str(&b), "? limit ratio");
    trn_buf_done(&b);
}

/* Raw deflate of zeroes, as it stands in a zip. */
static struct trn_buf deflated(struct trn_str data)
{
    struct trn_buf b;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data.p, .avail_in = (uInt)data.n};
    trn_buf_init(&b, 4 << 20);
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    int r;
    do {
        uint8_t out[65536];
        z.next_out = out;
        z.avail_out = sizeof(out);
        r = deflate(&z, Z_FINISH);
        trn_put(&b, out, sizeof(out) - z.avail_out);
    } while (r == Z_OK);
    deflateEnd(&z);
    return b;
}

static struct zip_header packed_header(const char *name, const struct trn_buf *packed, struct trn_str data)
{
    return (struct zip_header){.name = name,
                               .data = trn_buf_str(packed),
                               .method = 8,
                               .crc = (uint32_t)crc32(0, (const Bytef *)data.p, (uInt)data.n),
                               .packed = (uint32_t)packed->n,
                               .size = (uint32_t)data.n};
}

Test(bombs, a_thousand_members_on_the_same_bytes)
{
    struct zip_build z;
    char *zero = calloc(1, 10 << 20);
    struct trn_str data = {zero, 10 << 20};
    struct trn_buf packed = deflated(data);
    zip_begin(&z);
    struct zip_header h = packed_header("a", &packed, data);
    uint32_t at = zip_local(&z, &h);
    for (int i = 0; i < 1000; i++)
        zip_list(&z, &h, at);
    burst("overlap.zip", zip_end(&z, ""), "? limit ratio");
    zip_done(&z);
    trn_buf_done(&packed);
    free(zero);
}

Test(bombs, zips_in_zips_in_zips)
{
    struct zip_build z;
    char *zero = calloc(1, 1 << 20);
    struct trn_buf level;
    trn_buf_init(&level, 4 << 20);
    trn_put(&level, zero, 1 << 20);
    for (int depth = 0; depth < 5; depth++) {
        struct trn_buf packed = deflated(trn_buf_str(&level));
        struct zip_header h = packed_header("lib.zip", &packed, trn_buf_str(&level));
        zip_begin(&z);
        for (int i = 0; i < 16; i++) {
            char name[16];
            snprintf(name, sizeof(name), "lib %d.zip", i);
            h.name = name;
            zip_list(&z, &h, zip_local(&z, &h));
        }
        trn_buf_clear(&level);
        trn_put_str(&level, zip_end(&z, ""));
        zip_done(&z);
        trn_buf_done(&packed);
    }
    struct seen_lines s;
    uint64_t begin = trn_mono_ns();
    cr_assert_eq(seen_scan(&s, trn_buf_str(&level), "42.zip", (struct trn_limits){.bytes = 256 << 20}), 0);
    fprintf(stderr, "# 42.zip, at most 256 MiB: %zu bytes, %u artifacts, %llu ms\n", level.n, s.artifacts,
            (unsigned long long)((trn_mono_ns() - begin) / TRN_NS_PER_MS));
    EXPECT_SEEN(&s, "? limit bytes");
    cr_expect_lt(peak_kib(), MOST_KIB);
    seen_done(&s);
    trn_buf_done(&level);
    free(zero);
}

static void put_tar_block(struct trn_buf *b, char type, const char *name, size_t size)
{
    char block[512] = {0};
    uint32_t sum = 0;
    (void)snprintf(block, 100, "%s", name);
    memcpy(block + 100, "0000644", 8);
    memcpy(block + 108, "0000000", 8);
    memcpy(block + 116, "0000000", 8);
    (void)snprintf(block + 124, 12, "%011zo", size);
    memcpy(block + 136, "00000000000", 12);
    block[156] = type;
    memcpy(block + 257, "ustar\00000", 8);
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof(block); i++)
        sum += (uint8_t)block[i];
    (void)snprintf(block + 148, 8, "%06o", sum);
    trn_put(b, block, sizeof(block));
}

Test(bombs, a_file_of_a_terabyte_made_of_one_hole)
{
    struct trn_buf b, pax;
    static const char *const records[] = {"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=hole",
                                          "GNU.sparse.realsize=1099511627776"};
    char zero[1024] = {0};
    trn_buf_init(&b, 1 << 20);
    trn_buf_init(&pax, 4096);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(records); i++)
        trn_put_fmt(&pax, "%zu %s\n", strlen(records[i]) + 4, records[i]);
    put_tar_block(&b, 'x', "pax", pax.n);
    trn_put_str(&b, trn_buf_str(&pax));
    trn_put(&b, zero, 512 - pax.n % 512);
    put_tar_block(&b, '0', "hole", 1024);
    size_t map = b.n;
    trn_put_c(&b, "1\n1099511627264\n512\n"); /* one piece of data, at the very end */
    trn_put(&b, zero, 512 - (b.n - map));
    trn_put(&b, zero, 512);
    trn_put(&b, zero, sizeof(zero));
    burst("sparse.tar", trn_buf_str(&b), "? limit ratio");
    trn_buf_done(&pax);
    trn_buf_done(&b);
}

Test(bombs, a_million_streams_of_nothing)
{
    static const uint8_t nothing[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct trn_buf b;
    trn_buf_init(&b, 32 << 20);
    for (int i = 0; i < 1100000; i++)
        trn_put(&b, nothing, sizeof(nothing));
    burst("nothing.gz", trn_buf_str(&b), "? limit it has more than a million members");
    trn_buf_done(&b);
}

Test(bombs, a_directory_of_many_nothings)
{
    struct zip_build z;
    zip_begin(&z);
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        zip_add(&z, name, "");
    }
    burst("many.zip", zip_end(&z, ""), "20001<1 empty 19999 0");
    zip_done(&z);
}
