/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a template keep what is the same every time, and nothing that is private? */
#include "detect/behaviour/template.h"

#include <criterion/criterion.h>

static char out[TRN_TEMPLATE_MAX];

static const char *folder(const char *path)
{
    trn_template_folder(trn_str_of(path), out);
    return out;
}
static const char *domain(const char *name)
{
    return trn_template_domain(trn_str_of(name), out).p ? out : NULL;
}

Test(template, folders)
{
    cr_assert_str_eq(folder("/home/alice/.config/acme/17/x"), "~/.config/acme/#");
    cr_assert_str_eq(folder("/root/.ssh/authorized_keys"), "~/.ssh");
    cr_assert_str_eq(folder("/run/user/1000/app/s"), "/run/user/#/app");
    cr_assert_str_eq(folder("/opt/x/6ba7b810-9dad-11d1-80b4-00c04fd430c8/y"), "/opt/x/<uuid>");
    cr_assert_str_eq(folder("/opt/x/0123abcd/y"), "/opt/x/<hex>");
    cr_assert_str_eq(folder("/tmp/tmp.aBcD/run.sh"), "/tmp");
    cr_assert_str_eq(folder("/tmpfiles/run.sh"), "/tmpfiles");
    cr_assert_str_eq(folder("/Users/alice/Library/Acme/x"), "~/Library/Acme");
    cr_assert_str_eq(folder("C:/Users/alice/AppData/Local/Temp/x.dll"), "~/AppData/Local/Temp");
    cr_assert_str_eq(folder("C:/Program Files/Acme/x.dll"), "/C:/Program Files/Acme");
    cr_assert_str_eq(folder("/x"), "/");
    cr_assert_str_eq(folder(""), "/");
    cr_assert_str_eq(folder("/a/b/c/d/e/f/g/h"), "/a/b/c/d/e");
}

Test(template, domains)
{
    cr_assert_str_eq(domain("a.b.Example.CO.UK."), "example.co.uk");
    cr_assert_str_eq(domain("cdn.example.com"), "example.com");
    cr_assert_str_eq(domain("alice.github.io"), "alice.github.io", "a suffix of private registrations");
    cr_assert_str_eq(domain("localhost"), "localhost");
    cr_assert_str_eq(domain("a.b.c.internal"), "c.internal");
    cr_assert_null(domain(""));
    cr_assert_null(domain("..."));
    cr_assert_not_null(domain("\xff\xfe.\x01.com"));
}

Test(template, addresses)
{
    static const uint8_t v4[16] = {203, 0, 113, 77}, v6[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 3},
                         mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 9, [14] = 8, [15] = 7};
    cr_assert(trn_str_eq_c(trn_template_address(v4, 4, out), "203.0.113.0/24"));
    cr_assert(trn_str_eq_c(trn_template_address(v6, 6, out), "2001:db8:1::/48"));
    cr_assert(trn_str_eq_c(trn_template_address(mapped, 6, out), "10.9.8.0/24"));
    cr_assert(trn_str_is_none(trn_template_address(v4, 0, out)));
}

Test(template, flags_without_their_values)
{
    static const char argv[] = "mysql\0-pSECRET\0--user=alice\0/home/alice/x\0-v\0-v\0-9\0--\0--not-a-flag";
    trn_template_flags((struct trn_str){argv, sizeof(argv)}, out);
    cr_assert_str_eq(out, "--user -p -v");
    trn_template_flags(TRN_STR("id"), out);
    cr_assert_str_eq(out, "-");
}
