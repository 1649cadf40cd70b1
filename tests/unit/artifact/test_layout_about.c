/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is what a package says of itself told, and nothing of a file that only has such a name? */
#include "pe_seen.h"

static struct seen_all s;

static void scan(const char *name, const char *text)
{
    seen_scan(&s, trn_str_of(text), name, 0644);
}

Test(layout_about, debian_control)
{
    scan("control",
         "Package: acme\nVersion: 1.1-2\nMaintainer: Acme <a@acme.test>\nDescription: x\n Version: 9\n\nName: no\n");
    cr_expect(seen_has_property(&s, "product=acme"));
    cr_expect(seen_has_property(&s, "version=1.1-2"));
    cr_expect(!seen_has_property(&s, "version=9") && !seen_has_property(&s, "product=no"));
    scan("control", "Version: 1\n");
    cr_expect(!seen_has_property(&s, "version=1"), "not a control file");
}

Test(layout_about, python_metadata)
{
    scan("METADATA", "Metadata-Version: 2.1\nName: acme\r\nVersion: 3\r\n\nVersion: 4\n");
    cr_expect(seen_has_property(&s, "product=acme") && seen_has_property(&s, "version=3"));
    cr_expect(!seen_has_property(&s, "version=4"));
}

Test(layout_about, nuspec)
{
    scan("acme.nuspec",
         "<?xml version=\"1.0\"?><package xmlns=\"x\"><metadata><id>Acme.App</id><version> 18.12 </version>"
         "<authors>Acme</authors><license type=\"file\">L.txt</license></metadata></package>");
    cr_expect(seen_has_property(&s, "product=Acme.App"));
    cr_expect(seen_has_property(&s, "version=18.12"));
    cr_expect(seen_has_property(&s, "license=L.txt"));
    scan("acme.nuspec", "<id");
    scan("acme.nuspec", "<id>");
    scan("acme.nuspec", "<id><<<<");
    cr_expect_eq(s.n_findings, 0);
}

Test(layout_about, bundle)
{
    scan("Info.plist",
         "<?xml version=\"1.0\"?><plist><dict><key>CFBundleIdentifier</key><string>test.acme.phone</string>\n"
         "\t<key>CFBundleVersion</key>\n\t<string>416</string>"
         "<key>CFBundleShortVersionString</key><string>18.12</string></dict></plist>");
    cr_expect(seen_has_property(&s, "product=test.acme.phone"));
    cr_expect(seen_has_property(&s, "version=18.12") && !seen_has_property(&s, "version=416"));
    scan("Info.plist",
         "<?xml version=\"1.0\"?><plist><key>CFBundleName</key><true/><key>CFBundleVersion</key><string>");
    cr_expect(!seen_has_property(&s, "product=") && !seen_has_property(&s, "version="));
    cr_expect_eq(s.n_findings, 0);
}
