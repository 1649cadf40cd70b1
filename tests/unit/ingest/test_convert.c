/* SPDX-License-Identifier: Apache-2.0 */
/* Do the texts of Windows and macOS become ours? */
#include "ingest/internal.h"

#include <criterion/criterion.h>

static struct trn_arena *arena;
static void setup(void)
{
    arena = trn_arena_new(0);
}
static void teardown(void)
{
    trn_arena_free(arena);
}
TestSuite(convert, .init = setup, .fini = teardown);

#define SAME(got, want)                                                                          \
    do {                                                                                         \
        struct trn_str g_ = (got), w_ = (want);                                                  \
        cr_assert(trn_str_eq(g_, w_), "'%.*s' is not '%.*s'", TRN_STR_ARG(g_), TRN_STR_ARG(w_)); \
    } while (0)

Test(convert, paths_keep_all_but_the_backslash)
{
    SAME(trn_win_path(TRN_STR("C:\\Program Files\\Acme\\a.exe"), arena), TRN_STR("C:/Program Files/Acme/a.exe"));
    SAME(trn_win_path(TRN_STR("\\\\?\\C:\\x"), arena), TRN_STR("C:/x"));
    SAME(trn_win_path(TRN_STR("\\\\server\\share\\x"), arena), TRN_STR("//server/share/x"));
    SAME(trn_win_path(TRN_STR("System"), arena), TRN_STR("System"));
}

Test(convert, command_lines_are_cut_as_windows_does)
{
    SAME(trn_win_args(TRN_STR("\"C:\\a b\\c.exe\" /x  \"d e\""), arena), TRN_STR("C:\\a b\\c.exe\0/x\0d e\0"));
    SAME(trn_win_args(TRN_STR("a \\\\ b\\\"c \"\" d\\"), arena), TRN_STR("a\0\\\\\0b\"c\0\0d\\\0"));
    SAME(trn_win_args(TRN_STR("a \"b\\\\\" c"), arena), TRN_STR("a\0b\\\0c\0"));
    SAME(trn_win_args(TRN_STR("a\\ \"never closed"), arena), TRN_STR("a\\\0never closed\0"));
}

Test(convert, answers_are_the_names_and_addresses)
{
    SAME(trn_win_answers(TRN_STR("type:  5 edge.codehost.test;::ffff:192.0.2.7;2001:db8::1;"), arena),
         TRN_STR("edge.codehost.test\0"
                 "192.0.2.7\0"
                 "2001:db8::1\0"));
    cr_assert(trn_str_is_none(trn_win_answers(TRN_STR(";"), arena)));
}

Test(convert, one_hash_is_found_among_others)
{
    const char *hex = "0fcec4fb26b43563e6ba2ebe159a9efbbc8ec7196c86a451673b8e979d5032dd";
    SAME(trn_sha256_text(trn_arena_printf(arena, "MD5=00,SHA256=%s,IMPHASH=00", hex)), trn_str_of(hex));
    cr_assert(trn_str_is_none(trn_sha256_text(TRN_STR("MD5=974CC5D34501E82E308B4E89A4016221"))));
}

Test(convert, the_outermost_bundle_names_the_product)
{
    SAME(trn_app_name(TRN_STR("/Applications/Acme Desktop App.app/Contents/Helpers/h.app/Contents/MacOS/h")),
         TRN_STR("Acme Desktop App"));
    cr_assert(trn_str_is_none(trn_app_name(TRN_STR("/usr/bin/id"))));
}

Test(convert, places_are_found_without_regard_to_case)
{
    const struct trn_foreign_place *p =
        trn_foreign_place_of(TRN_STR("/Users/alice/Library/Application Support/Google/Chrome/Default/Login Data"));
    cr_assert(p);
    cr_assert_str_eq(p->klass, "browser-logins");
    cr_assert_str_eq(p->owner, "Google Chrome");
    cr_assert(trn_foreign_place_of(TRN_STR("c:/users/a/appdata/local/google/chrome/user data/default/history")));
    cr_assert_null(trn_foreign_place_of(TRN_STR("/Users/alice/.ssh/id_ed25519.pub")));
    cr_assert_null(trn_foreign_place_of(TRN_STR("/Users/alice/notes.txt")));
}

Test(convert, rights_are_told_in_words)
{
    SAME(trn_win_rights(0x1410, arena), TRN_STR("handle 0x1410: read memory"));
    SAME(trn_win_rights(0x1000, arena), TRN_STR("handle 0x1000"));
}
