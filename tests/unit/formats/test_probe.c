/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a content told by what it is, and not by what it is called? */
#include "formats/formats.h"

#include <criterion/criterion.h>

static const char *told(struct trn_str bytes, const char *name)
{
    struct trn_source s = trn_source_mem(bytes);
    enum trn_format f = TRN_FORMAT_MAX;
    cr_assert_eq(trn_format_probe(&s, trn_str_of(name), &f), 0);
    return trn_format_name(f);
}

Test(probe, by_the_first_bytes_whatever_the_name)
{
    cr_expect_str_eq(told(TRN_STR(""), "a.exe"), "empty");
    cr_expect_str_eq(told(TRN_STR("PK\3\4rest"), "a.png"), "zip");
    cr_expect_str_eq(told(TRN_STR("\211PNG\r\n\32\nrest"), "a.zip"), "png");
    cr_expect_str_eq(told(TRN_STR("MSWIM\0\0\0rest"), "a"), "wim");
    cr_expect_str_eq(told(TRN_STR("\xca\xfe\xba\xbe\0\0\0\2"), "a"), "macho-fat");
    cr_expect_str_eq(told(TRN_STR("\xca\xfe\xba\xbe\0\0\0\64"), "a"), "class");
    cr_expect_str_eq(told(TRN_STR("!<arch>\ndebian-binary   "), "a"), "deb");
}

Test(probe, text_by_its_first_line_and_its_name)
{
    cr_expect_str_eq(told(TRN_STR("#!/usr/bin/env python3\n"), "x"), "python");
    cr_expect_str_eq(told(TRN_STR("#!/bin/sh\n"), "x.py"), "shell");
    cr_expect_str_eq(told(TRN_STR("var a = 1;\n"), "x.js"), "javascript");
    cr_expect_str_eq(told(TRN_STR("var a = 1;\n"), "x"), "text");
    cr_expect_str_eq(told(TRN_STR("\1\2\3\4"), "x.js"), "data");
}

Test(probe, a_file_system_needs_more_than_two_bytes)
{
    static char image[16384];
    image[1024 + 56] = 0x53, image[1024 + 57] = (char)0xef;
    cr_expect_str_eq(told((struct trn_str){image, sizeof(image)}, "x"), "data", "no block, no inode");
    image[1024] = 16, image[1024 + 4] = 16;
    cr_expect_str_eq(told((struct trn_str){image, sizeof(image)}, "x"), "ext");
    image[1024 + 24] = 50;
    cr_expect_str_eq(told((struct trn_str){image, sizeof(image)}, "x"), "data", "blocks of 2^60 bytes");
}
