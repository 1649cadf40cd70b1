/* SPDX-License-Identifier: Apache-2.0 */
/* Question: which commands look around a machine, on three systems, and which only look like it? */
#include "detect/behaviour/recon.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char *asked(const char *path, const char *argv, size_t n)
{
    static char text[64];
    struct trn_recon c;
    if (!trn_recon_of(trn_str_of(path), (struct trn_str){argv, n}, &c))
        return "";
    snprintf(text, sizeof(text), "%s%s%s", c.command, c.what ? " " : "", c.what ? c.what : "");
    return text;
}
#define ASKED(path, argv) asked(path, argv, sizeof(argv))

Test(recon, the_tables_are_sorted)
{
    cr_assert(trn_recon_tables_sorted());
}

Test(recon, commands_of_three_systems)
{
    cr_expect_str_eq(ASKED("/usr/bin/id", "id\0-u"), "id");
    cr_expect_str_eq(ASKED("/usr/bin/ss", "ss\0-t"), "ss");
    cr_expect_str_eq(ASKED("C:/Windows/System32/WHOAMI.EXE", "whoami\0/all"), "whoami");
    cr_expect_str_eq(ASKED("C:/Windows/System32/net1.exe", "net1\0user"), "net1");
    cr_expect_str_eq(ASKED("/usr/bin/sw_vers", "sw_vers"), "sw_vers");
    cr_expect_str_eq(ASKED("/usr/sbin/ioreg", "ioreg\0-l"), "ioreg");
}

Test(recon, the_argument_decides)
{
    cr_expect_str_eq(ASKED("/usr/bin/cat", "cat\0/etc/passwd"), "cat /etc/passwd");
    cr_expect_str_eq(ASKED("/usr/bin/find", "find\0/\0-name\0id_rsa*"), "find id_rsa");
    cr_expect_str_eq(ASKED("/usr/bin/ls", "ls\0-la\0/home/alice/.ssh"), "ls .ssh");
    cr_expect_str_eq(ASKED("/usr/bin/cat", "cat\0notes.txt"), "");
    cr_expect_str_eq(ASKED("/usr/bin/ls", "ls"), "");
    cr_expect_str_eq(ASKED("/usr/bin/env", "env"), "env");
    cr_expect_str_eq(ASKED("/usr/bin/env", "env\0python3\0x.py"), "", "it starts something");
    cr_expect_str_eq(ASKED("/usr/bin/sudo", "sudo\0-l"), "sudo -l");
    cr_expect_str_eq(ASKED("/usr/bin/sudo", "sudo\0apt"), "");
    cr_expect_str_eq(ASKED("C:/Windows/System32/reg.exe", "reg\0query\0HKLM"), "reg query");
}

Test(recon, one_file_with_many_commands)
{
    cr_expect_str_eq(ASKED("/usr/bin/busybox", "id"), "id");
    cr_expect_str_eq(ASKED("/usr/bin/busybox", "busybox\0netstat\0-t"), "netstat");
    cr_expect_str_eq(ASKED("/usr/bin/busybox", "busybox\0cat\0/etc/shadow"), "cat /etc/shadow");
    cr_expect_str_eq(ASKED("/usr/bin/busybox", "busybox"), "");
}

Test(recon, odd_input)
{
    struct trn_recon c;
    cr_expect_not(trn_recon_of(TRN_STR_NONE, TRN_STR_NONE, &c));
    cr_expect_not(trn_recon_of(TRN_STR("/"), TRN_STR("\0\0"), &c));
    cr_expect_not(trn_recon_of(TRN_STR("/x/a-name-that-is-longer-than-any-command-could-be"), TRN_STR("x"), &c));
    cr_expect(trn_recon_of(TRN_STR("/usr/bin/id"), TRN_STR_NONE, &c));
    cr_expect_not(trn_recon_of(TRN_STR("/usr/bin/cat"), TRN_STR_NONE, &c));
}
