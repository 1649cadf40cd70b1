/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are Windows installers opened down to the last file, under the names that those will have, and is told what does
 * not belong there or could not be read? The files are made by wixl and by tests/fixtures/cab.py. */
#include "tell.h"

#include <criterion/criterion.h>

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
