/* SPDX-License-Identifier: Apache-2.0 */
/* Questions: is a file that is not what the release's own list says told, and one that is left alone? */
#include "archive_build.h"
#include "seen.h"
#include "zip_build.h"

#include <openssl/evp.h>

#define DIST "x-1.0.dist-info/"

/* Digest as base64 (url: the alphabet of RECORD, without padding). */
static const char *base64_of(char *text, const EVP_MD *md, const char *data, bool url)
{
    uint8_t out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    cr_assert_eq(EVP_Digest(data, strlen(data), out, &n, md, NULL), 1);
    EVP_EncodeBlock((unsigned char *)text, out, (int)n);
    for (char *p = text; url && *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p;
    return text;
}

static struct seen_lines look(struct zip_build *z, const char *name)
{
    struct seen_lines s;
    cr_assert_eq(seen_scan(&s, zip_end(z, ""), name, (struct trn_limits){0}), 0);
    zip_done(z);
    return s;
}

static struct seen_lines wheel(const char *content, bool extra)
{
    char digest[128], record[512];
    struct zip_build z;
    zip_begin(&z);
    zip_add(&z, "x/__init__.py", content);
    if (extra)
        zip_add(&z, "x/more.py", "more = 1\n");
    snprintf(record, sizeof(record), "x/__init__.py,sha256=%s,9\r\n" DIST "RECORD,,\r\n",
             base64_of(digest, EVP_sha256(), "good = 1\n", true));
    zip_add(&z, DIST "RECORD", record);
    return look(&z, "x.whl");
}

Test(layout, a_wheel_whose_record_is_right_is_quiet)
{
    struct seen_lines s = wheel("good = 1\n", false);
    EXPECT_SEEN(&s, "1: package=wheel");
    cr_expect_eq(s.findings + s.gaps, 0, "%s", s.text.p);
    seen_done(&s);
}

Test(layout, a_member_of_a_wheel_that_was_changed_or_added_is_told)
{
    struct seen_lines s = wheel("evil = 1\n", true);
    EXPECT_SEEN(&s, "archive.irregular 50 kind=list-mismatch member=x/__init__.py offset=0x0");
    EXPECT_SEEN(&s, "archive.irregular 15 kind=not-in-list member=x/more.py");
    cr_expect_eq(s.findings, 2, "%s", s.text.p);
    seen_done(&s);
}

Test(layout, a_class_that_is_not_what_the_manifest_says_is_told)
{
    char digest[128], manifest[512];
    for (int bad = 0; bad < 2; bad++) {
        struct zip_build z;
        zip_begin(&z);
        /* a long name is broken over lines that begin with a blank */
        snprintf(manifest, sizeof(manifest),
                 "Manifest-Version: 1.0\r\n\r\nName: org/a\r\n /B.txt\r\nSHA-256-Digest: %s\r\n\r\n",
                 base64_of(digest, EVP_sha256(), "content", false));
        zip_add(&z, "META-INF/MANIFEST.MF", manifest);
        zip_add(&z, "org/a/B.txt", bad ? "kontent" : "content");
        struct seen_lines s = look(&z, "x.jar");
        EXPECT_SEEN(&s, "1: package=jar");
        cr_expect_eq(s.findings, (uint32_t)bad, "%s", s.text.p);
        if (bad)
            EXPECT_SEEN(&s, "kind=list-mismatch member=org/a/B.txt");
        seen_done(&s);
    }
}

Test(layout, a_squirrel_package_that_its_releases_file_does_not_list_so_is_told)
{
    for (int bad = 0; bad < 2; bad++) {
        struct zip_build z;
        uint8_t md[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        char hex[64], releases[256];
        cr_assert_eq(EVP_Digest("package", 7, md, &n, EVP_sha1(), NULL), 1);
        trn_hex(md, n, hex);
        snprintf(releases, sizeof(releases), "\xef\xbb\xbf%s app-1.0-full.nupkg 7\n", hex);
        zip_begin(&z);
        zip_add(&z, "win/RELEASES", releases);
        zip_add(&z, "win/app-1.0-full.nupkg", bad ? "pakkage" : "package");
        struct seen_lines s = look(&z, "release.zip");
        cr_expect_eq(s.findings, (uint32_t)bad, "%s", s.text.p);
        if (bad)
            EXPECT_SEEN(&s, "3! archive.irregular 50 kind=feed-mismatch member=win/app-1.0-full.nupkg");
        seen_done(&s);
    }
}

Test(layout, an_installer_that_its_electron_feed_does_not_list_so_is_told)
{
    for (int bad = 0; bad < 2; bad++) {
        struct zip_build z;
        char digest[128], feed[512];
        snprintf(feed, sizeof(feed),
                 "version: 1.0.0\nfiles:\n  - url: App Setup 1.0.0.exe\n    sha512: %s\n    size: 9\npath: App Setup "
                 "1.0.0.exe\n",
                 base64_of(digest, EVP_sha512(), "installer", false));
        zip_begin(&z);
        zip_add(&z, "App Setup 1.0.0.exe", bad ? "installed" : "installer");
        zip_add(&z, "latest.yml", feed);
        struct seen_lines s = look(&z, "release.zip");
        cr_expect_eq(s.findings, (uint32_t)bad, "%s", s.text.p);
        if (bad)
            EXPECT_SEEN(&s, "2! archive.irregular 50 kind=feed-mismatch member=App Setup 1.0.0.exe");
        seen_done(&s);
    }
}
