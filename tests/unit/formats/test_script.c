/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the program behind a "#!" line the one the kernel would start? */
#include "formats/formats.h"

#include <criterion/criterion.h>

static void expect(const char *head, const char *interp, const char *argument, const char *program)
{
    struct trn_script s = {0};

    cr_assert(trn_script_parse(trn_str_of(head), &s), "%s", head);
    cr_expect(trn_str_eq_c(s.interp, interp), "%s: interp %.*s", head, TRN_STR_ARG(s.interp));
    cr_expect(trn_str_eq(s.argument, trn_str_of(argument)), "%s: argument %.*s", head, TRN_STR_ARG(s.argument));
    cr_expect(trn_str_eq_c(s.program, program), "%s: program %.*s", head, TRN_STR_ARG(s.program));
}

Test(script, lines)
{
    expect("#!/bin/sh\necho", "/bin/sh", NULL, "sh");
    expect("#!  /bin/sh \t\n", "/bin/sh", NULL, "sh");
    expect("#!/usr/bin/perl -w -T\n", "/usr/bin/perl", "-w -T", "perl");
    expect("#!/usr/bin/env python3\n", "/usr/bin/env", "python3", "python3");
    expect("#!/usr/bin/env -S -u HOME A=1 /opt/x/node --y\n", "/usr/bin/env", "-S -u HOME A=1 /opt/x/node --y", "node");
    expect("#!/usr/bin/env -Snode --y\n", "/usr/bin/env", "-Snode --y", "node");
    expect("#!/usr/bin/env", "/usr/bin/env", NULL, "env");
    expect("#!interp", "interp", NULL, "interp");
}

Test(script, no_scripts)
{
    struct trn_script s;

    cr_expect(!trn_script_parse(TRN_STR(""), &s));
    cr_expect(!trn_script_parse(TRN_STR("#"), &s));
    cr_expect(!trn_script_parse(TRN_STR("#!\n/bin/sh"), &s));
    cr_expect(!trn_script_parse(TRN_STR("#!  \t"), &s));
    cr_expect(!trn_script_parse(TRN_STR(" #!/bin/sh"), &s));
}

Test(script, the_line_is_bounded)
{
    struct trn_script s = {0};
    char head[1024] = "#!";

    for (size_t i = 2; i < sizeof(head); i++)
        head[i] = 'x';
    cr_assert(trn_script_parse((struct trn_str){head, sizeof(head)}, &s));
    cr_expect_eq(s.interp.n, TRN_SCRIPT_LINE_MAX - 2);
}

Test(kind, from_the_first_bytes)
{
    cr_expect_eq(trn_format_of(TRN_STR("")), TRN_FORMAT_EMPTY);
    cr_expect_eq(trn_format_of(TRN_STR("hello")), TRN_FORMAT_DATA);
    cr_expect_eq(trn_format_of(TRN_STR("\177ELF\2\1\1\0\0\0\0")), TRN_FORMAT_ELF);
    cr_expect_eq(trn_format_of(TRN_STR("\177ELF\2\1\1\0AI\2")), TRN_FORMAT_APPIMAGE);
    cr_expect_eq(trn_format_of(TRN_STR("\177ELF\2\1\1\0AI\7")), TRN_FORMAT_ELF);
    cr_expect_eq(trn_format_of(TRN_STR("\177ELF\2\1\1\0AI")), TRN_FORMAT_ELF);
    cr_expect_eq(trn_format_of(TRN_STR("#!/bin/sh")), TRN_FORMAT_SCRIPT);
    cr_expect_str_eq(trn_format_name(TRN_FORMAT_APPIMAGE), "appimage");
}
