/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are Windows installers opened down to the last file, under the names that those will have, and is told what does
 * not belong there or could not be read? The files are made by wixl and by tests/fixtures/cab.py. */
#include "../images.h"
#include "artifact/nsis_stream.h"
#include "tell.h"

#include <criterion/criterion.h>
#include <zlib.h>

static char content[1 << 17];
static struct tell told;

static void done(void)
{
    tell_done(&told);
}

TestSuite(msi, .fini = done);
TestSuite(cab, .fini = done);

static struct trn_str corpus(const char *folder, const char *name)
{
    char path[512];
    const char *root = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", root ? root : ".", folder, name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

#define SAYS(line) cr_expect(strstr(told.text.p, line) != NULL, "not said: %s\n%s", line, told.text.p)
#define SAYS_NOT(line) cr_expect(strstr(told.text.p, line) == NULL, "said: %s\n%s", line, told.text.p)

Test(msi, files_have_the_names_of_the_tables)
{
    cr_assert_eq(tell_scan(&told, corpus("msi", "wixl.msi"), "a.msi"), 0);
    SAYS("a.msi: msi ");
    SAYS("a.msi > acme.cab: cab ");
    SAYS("a.msi > acme.cab > ProgramFilesFolder/Acme Softphone/softphone-main.exe: text 10\n");
    SAYS("a.msi > acme.cab > ProgramFilesFolder/Acme Softphone/read me first.txt: text 22\n");
    SAYS("a.msi > Binary.Helper: text 22\n");
    SAYS_NOT("> !File");
    SAYS_NOT("finding");
    SAYS_NOT("gap");
}

Test(msi, says_what_it_is_and_what_it_runs)
{
    cr_assert_eq(tell_scan(&told, corpus("msi", "wixl.msi"), "a.msi"), 0);
    SAYS("property a.msi product=Acme Softphone\n");
    SAYS("property a.msi version=1.2.3\n");
    SAYS("property a.msi company=Acme GmbH\n");
    SAYS("property a.msi subject=Acme Softphone installer\n");
    SAYS("property a.msi package_code={");
    SAYS("property a.msi created_with=msitools");
    SAYS("property a.msi custom_action=RunIt calls a library kept in the installer: Helper Go\n");
    SAYS("property a.msi custom_action=Say runs VBScript: MsgBox \"hello\" (as SYSTEM)\n");
    SAYS("a.msi > CustomAction/Say.vbs: text 14\n");
}

/* The installer with so many bytes behind its last sector. */
static struct trn_str with_behind(const void *p, size_t n)
{
    struct trn_str s = corpus("msi", "wixl.msi");
    cr_assert_leq(s.n + n, sizeof(content));
    memcpy(content + s.n, p, n);
    return (struct trn_str){content, s.n + n};
}

Test(msi, bytes_behind_the_last_sector_of_an_unsigned_one_are_told)
{
    static uint8_t noise[70000];
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)((seed = seed * 6364136223846793005ull + 1442695040888963407ull) >> 56);
    noise[0] = noise[sizeof(noise) - 1] = noise[8191] = noise[511] = noise[99] = 1;
    cr_assert_eq(tell_scan(&told, with_behind(noise, sizeof(noise)), "a.msi"), 0); /* further than its table goes */
    SAYS("finding a.msi: archive.irregular 45 offset 0x10200 size 14192\n");
    done();
    cr_assert_eq(tell_scan(&told, with_behind(noise, 8192), "a.msi"), 0);
    SAYS("finding a.msi: archive.irregular 15 offset 0x2800 size 8192\n");
    done();
    cr_assert_eq(tell_scan(&told, with_behind(noise, 512), "a.msi"), 0);
    SAYS("finding a.msi: archive.irregular 8 offset 0x2800\n");
    done();
    memset(noise, 0, sizeof(noise));
    cr_assert_eq(tell_scan(&told, with_behind(noise, sizeof(noise)), "a.msi"), 0);
    SAYS_NOT("finding");
}

Test(msi, text_in_free_sectors_is_the_least_note)
{
    static char text[1024];
    memset(text, 'x', sizeof(text));
    cr_assert_eq(tell_scan(&told, with_behind(text, sizeof(text)), "a.msi"), 0);
    SAYS("finding a.msi: archive.irregular 3 offset 0x2800\n");
}

Test(msi, a_program_in_no_stream_is_named_and_looked_at)
{
    uint8_t program[512];
    make_program_head(program);
    memset(program + 256, 0, 256);
    cr_assert_eq(tell_scan(&told, with_behind(program, sizeof(program)), "a.msi"), 0);
    SAYS("finding a.msi: archive.irregular 25 offset 0x2800 size 512\n");
    SAYS("a.msi > in-no-stream: pe 512\n");
}

Test(msi, a_plain_compound_file_is_its_streams)
{
    cr_assert_eq(tell_scan(&told, corpus("ole2", "v3-scattered"), "a.doc"), 0);
    SAYS("a.doc: ole2 18432\n");
    SAYS("a.doc > Alpha: data 4868\n"); /* scattered over the file */
    SAYS("a.doc > Inner/Deep2: text 5000\n");
    SAYS_NOT("gap");
}

Test(msi, a_stream_that_is_cut_off_is_a_gap)
{
    struct trn_str bytes = corpus("ole2", "v3");
    uint32_t start = 0, fat;
    memcpy(&fat, content + 76, 4);
    memset(content + 512 + fat * 512 + start * 4, 0xff, 4); /* Alpha's first sector: nothing follows */
    cr_assert_eq(tell_scan(&told, bytes, "a.doc"), 0);
    SAYS("a.doc > Alpha: data 512\n");
    SAYS("gap a.doc > Alpha: damaged  its chain of sectors is broken\n");
    SAYS("a.doc > Beta: text 5000\n");
}

Test(msi, large_random_bytes_in_no_stream_are_told)
{
    struct trn_str bytes = corpus("ole2", "v3");
    uint64_t x = 88172645463325252ull;
    char line[96];
    for (size_t i = bytes.n; i < bytes.n + 8192; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        content[i] = (char)(x >> 24);
    }
    bytes.n += 8192;
    cr_assert_eq(tell_scan(&told, bytes, "a.doc"), 0);
    snprintf(line, sizeof(line), "finding a.doc: archive.irregular 15 offset 0x%zx size 8192\n", bytes.n - 8192);
    SAYS(line);
}

Test(cab, each_method)
{
    static const char *const names[] = {"mszip", "stored", "lzx"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        tell_done(&told);
        cr_assert_eq(tell_scan(&told, corpus("cab", names[i]), "a.cab"), 0);
        SAYS("a.cab > readme.txt: text 560\n");
        SAYS_NOT("gap");
        SAYS_NOT("finding");
    }
    cr_assert_eq((tell_done(&told), tell_scan(&told, corpus("cab", "mszip"), "a.cab")), 0);
    SAYS("a.cab > bin/tool.dat: data 35840\n");
}

Test(cab, a_signature_behind_it_is_no_finding)
{
    cr_assert_eq(tell_scan(&told, corpus("cab", "signed"), "a.cab"), 0);
    SAYS_NOT("finding");
}

Test(cab, bytes_that_belong_to_no_file_have_their_place)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"appended", "finding a.cab: archive.irregular 15 offset 0x67 size 64\n"},
        {"between", "finding a.cab: archive.irregular 15 offset 0x47 size 48\n"},
        {"reserved", "finding a.cab: archive.irregular 15 offset 0x28 size 100\n"},
        {"reserved", "finding a.cab: archive.irregular 15 offset 0xb7 size 30\n"},
        {"lists", "finding a.cab: archive.irregular 50 offset 0x2c size 26\n"}, /* a second list of files */
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        tell_done(&told);
        cr_assert_eq(tell_scan(&told, corpus("cab", cases[i].file), "a.cab"), 0);
        SAYS(cases[i].says);
        SAYS("a.cab > readme.txt: text 560\n");
        SAYS_NOT("gap");
    }
}

Test(cab, what_could_not_be_read_is_told)
{
    cr_assert_eq(tell_scan(&told, corpus("cab", "counted"), "a.cab"), 0);
    SAYS("a.cab > readme.txt: text 560\n");
    SAYS("gap a.cab: damaged  the cabinet says that it holds 9 files, 1 could be read\n");
    tell_done(&told);
    cr_assert_eq(tell_scan(&told, corpus("cab", "checksum"), "a.cab"), 0);
    SAYS("a.cab > readme.txt: text 560\n");
    SAYS("gap a.cab > readme.txt: damaged  a block of the cabinet does not have its checksum\n");
    tell_done(&told);
    cr_assert_eq(tell_scan(&told, corpus("cab", "cut"), "a.cab"), 0);
    SAYS("gap a.cab: damaged readme.txt the cabinet is cut off\n");
}

Test(cab, names_that_leave_the_folder_or_come_twice)
{
    cr_assert_eq(tell_scan(&told, corpus("cab", "leaves"), "a.cab"), 0);
    SAYS("finding a.cab: archive.irregular 60\n");
    SAYS("finding a.cab: archive.irregular 12\n");
    SAYS("a.cab > ../../evil.txt: text 30\n");
}

Test(cab, one_of_a_set_says_so)
{
    cr_assert_eq(tell_scan(&told, corpus("cab", "spanned"), "a.cab"), 0);
    SAYS("a.cab > readme.txt: text 560\n");
    SAYS("gap a.cab: unsupported  it is number 1 of a set of cabinets");
}

Test(cab, a_library_that_goes_on_without_a_file) /* found by fuzzing: it reads from none after it closed it */
{
    cr_assert_eq(tell_scan(&told, corpus("cab", "no-handle"), "a.cab"), 0);
    SAYS("gap a.cab: damaged");
}

/* ---- NSIS: made by makensis, the part behind the program ---- */

TestSuite(nsis, .fini = done);

Test(nsis, each_method_solid_or_not)
{
    static const char *const names[] = {"lzma-solid-true", "lzma-each-false",  "zlib-solid-false",
                                        "zlib-each-true",  "bzip2-solid-true", "bzip2-each-false"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        tell_done(&told);
        cr_assert_eq(tell_scan(&told, corpus("nsis", names[i]), "overlay"), 0);
        SAYS("overlay: nsis ");
        SAYS("overlay > rand.bin: data 3000\n");
        SAYS("overlay > text.txt: text 1490\n");
        SAYS("overlay > sub folder/small.txt: text 6\n");
        SAYS("overlay > uninst.exe: nsis ");
        SAYS_NOT("gap");
        SAYS_NOT("finding");
    }
}

/* A stored block, then one that zlib packed with the first as its dictionary. */
static size_t two_blocks(uint8_t *dst, size_t room, bool complement)
{
    static const uint8_t text[] = "stored: made-up words. ", again[] = "stored: made-up words. once more";
    z_stream z = {0};
    size_t n = 0, length = sizeof(text) - 1;
    dst[n++] = 0; /* not the last one, stored; the rest of the byte is not used */
    dst[n++] = (uint8_t)length;
    dst[n++] = 0;
    if (complement) {
        dst[n++] = (uint8_t)(length ^ 0xff);
        dst[n++] = 0xff;
    }
    memcpy(dst + n, text, length);
    n += length;
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflateSetDictionary(&z, text, (uInt)length), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)again;
    z.avail_in = sizeof(again) - 1;
    z.next_out = dst + n;
    z.avail_out = (uInt)(room - n);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    n += z.total_out;
    deflateEnd(&z);
    return n;
}

Test(nsis, stored_blocks_with_and_without_the_complement_of_their_length)
{
    static const char whole[] = "stored: made-up words. stored: made-up words. once more";
    for (int complement = 0; complement < 2; complement++) {
        uint8_t packed[256], out[128];
        size_t n = two_blocks(packed, sizeof(packed), complement), done = 0;
        struct trn_source in = trn_source_mem((struct trn_str){(const char *)packed, n});
        struct trn_nsis_stream *s = NULL;
        cr_assert_eq(trn_nsis_stream_new(TRN_NSIS_DEFLATE, &in, &s), 0);
        for (int64_t got = 1; got > 0 && done < sizeof(out); done += (size_t)got) {
            got = trn_nsis_stream_read(s, out + done, 1 + done % 3);
            cr_assert_geq(got, 0, "%d after %zu bytes", (int)got, done);
        }
        trn_nsis_stream_free(s);
        cr_expect_eq(done, sizeof(whole) - 1);
        cr_expect_arr_eq(out, whole, TRN_MIN(done, sizeof(whole) - 1));
    }
}

Test(nsis, cut_off_anywhere_is_told)
{
    struct trn_str whole = corpus("nsis", "lzma-solid-true");
    for (size_t n = 28; n < whole.n - 4; n += 97) {
        tell_done(&told);
        cr_assert_eq(tell_scan(&told, trn_str_slice(whole, 0, n), "overlay"), 0);
        SAYS("gap overlay: damaged");
    }
}

Test(nsis, bytes_behind_its_end_have_their_place)
{
    struct trn_str bytes = corpus("nsis", "lzma-each-false");
    char line[96];
    memcpy(content + bytes.n, "appended, and in no file", 24);
    snprintf(line, sizeof(line), "finding overlay: archive.irregular 15 offset 0x%zx size 24\n", bytes.n);
    bytes.n += 24;
    cr_assert_eq(tell_scan(&told, bytes, "overlay"), 0);
    SAYS(line);
    SAYS("overlay > text.txt: text 1490\n");
}

Test(sfx, settings_and_archive_of_a_7zip_installer, .fini = done)
{
    static const char bytes[] = ";!@Install@!UTF-8!\nTitle=\"Acme\"\n;!@InstallEnd@!7z\xbc\xaf\x27\x1c nothing more";
    cr_assert_eq(tell_scan(&told, (struct trn_str){bytes, sizeof(bytes) - 1}, "overlay"), 0);
    SAYS("overlay: 7z-sfx ");
    SAYS("overlay > settings.txt: ");
    SAYS("overlay > archive.7z: 7z ");
}

/* ---- all of them, damaged ---- */

TestSuite(damaged, .fini = done, .timeout = 60);

Test(damaged, flipped_bits_and_cuts_end_well)
{
    static const char *const files[][2] = {
        {"ole2", "v3-scattered"},
        {"ole2", "v4"},
        {"msi", "wixl.msi"},
        {"cab", "mszip"},
        {"cab", "lzx"},
        {"cab", "reserved"},
        {"nsis", "lzma-solid-true"},
        {"nsis", "zlib-each-true"},
        {"nsis", "zlib-solid-false"},
        {"nsis", "bzip2-solid-true"},
    };
    uint64_t x = 88172645463325252ull;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(files); i++) {
        for (uint32_t k = 0; k < 120; k++) {
            struct trn_str bytes = corpus(files[i][0], files[i][1]);
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            size_t at = (size_t)((k & 1 ? x : x % 1024) % bytes.n); /* every second one among the headers */
            if (k % 3 == 2)
                bytes.n = at;
            else
                content[at] ^= (char)(1u << (x >> 40 & 7));
            tell_done(&told);
            cr_assert_eq(tell_scan(&told, bytes, "file"), 0, "%s at %zu", files[i][1], at);
        }
    }
}
