/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does LZFSE give back what was packed, and refuse what is damaged? */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 15];
static uint8_t out[1 << 16];

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/lzfse/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

Test(lzfse, each_kind_of_block_gives_the_same)
{
    static uint8_t first[9000];
    cr_assert_eq(trn_lzfse(corpus("v2"), out, sizeof(out)), 9000);
    cr_expect_eq(memcmp(out, "/* SPDX-License-Identifier: Apache-2.0 */\n", 42), 0);
    memcpy(first, out, sizeof(first));
    cr_assert_eq(trn_lzfse(corpus("lzvn"), out, sizeof(out)), 9000);
    cr_expect_eq(memcmp(out, first, 9000), 0);
    cr_assert_eq(trn_lzfse(corpus("raw"), out, sizeof(out)), 200);
    cr_expect_eq(memcmp(out, first, 200), 0);
    cr_assert_eq(trn_lzfse(corpus("runs"), out, sizeof(out)), 5000 + 3000 + 1800);
    for (size_t i = 0; i < 5000; i++)
        cr_assert_eq(out[i], 0);
    cr_expect_eq(memcmp(out + 5000, first, 3000), 0);
    cr_expect_eq(memcmp(out + 8000 + 1796, "abab", 4), 0);
}

Test(lzfse, the_room_is_a_limit)
{
    const char *names[] = {"v2", "lzvn", "raw"};
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(trn_lzfse(corpus(names[i]), out, 199), -EBADMSG, "%s", names[i]);
}

Test(lzfse, cut_short)
{
    const char *names[] = {"v2", "lzvn", "raw"};
    for (size_t i = 0; i < 3; i++) {
        struct trn_str whole = corpus(names[i]);
        for (size_t n = 0; n < whole.n; n += 7)
            cr_assert_eq(trn_lzfse(trn_str_slice(whole, 0, n), out, sizeof(out)), -EBADMSG, "%s %zu", names[i], n);
    }
}

Test(lzfse, what_is_none)
{
    cr_expect_eq(trn_lzfse(TRN_STR("bvx1xxxxxxxx"), out, sizeof(out)), -ENOTSUP);
    cr_expect_eq(trn_lzfse(TRN_STR("nothing of it"), out, sizeof(out)), -EBADMSG);
    cr_expect_eq(trn_lzfse(TRN_STR("bvx$"), out, sizeof(out)), 0);
    cr_expect_eq(trn_lzvn(TRN_STR("\x38\x01\x06"), out, sizeof(out)), -EBADMSG, "a match before the beginning");
    cr_expect_eq(trn_lzvn(TRN_STR("\xe3"
                                  "abc\xf6\x06"),
                          out, sizeof(out)),
                 -EBADMSG, "the distance before, but there was none");
    cr_expect_eq(trn_lzvn(TRN_STR("\x70\x06"), out, sizeof(out)), -EBADMSG, "an instruction that is none");
    cr_expect_eq(trn_lzvn(TRN_STR("\xe3"
                                  "abc\x0e\x00\x01\xf5\x06"),
                          out, sizeof(out)),
                 11);
    cr_expect_eq(memcmp(out, "abccccccccc", 11), 0);
}
