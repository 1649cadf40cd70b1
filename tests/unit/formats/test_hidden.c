/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/formats.h"

#include <criterion/criterion.h>

#define SIZE 4096u

static struct trn_hidden *scan(const uint8_t *p, size_t n)
{
    struct trn_hidden *h = calloc(1, sizeof(*h));
    trn_hidden_scan(h, p, n, 0, true);
    return h;
}

static void put(uint8_t *dst, const char *text, uint8_t key, size_t step)
{
    for (size_t i = 0; text[i]; i++) {
        dst[i * step] = (uint8_t)text[i] ^ key;
        if (step == 2)
            dst[i * step + 1] = key;
    }
}

Test(hidden, every_string_under_every_key_at_every_alignment)
{
    static const char *const texts[TRN_HIDDEN_MAX] = {"http://host", "https://host", "Mozilla/5.0 (X", "User-Agent: x",
                                                      "Cookie: a=b"};
    for (uint32_t key = 1; key < 256; key += 7)
        for (size_t step = 1; step <= 2; step++)
            for (size_t at = 0; at < 130; at += 13) {
                uint8_t b[SIZE];
                memset(b, (int)(key + 3), sizeof(b));
                for (size_t s = 0; s < TRN_HIDDEN_MAX; s++)
                    put(b + at + s * 200, texts[s], (uint8_t)key, step);
                TRN_AUTO(trn_freep) struct trn_hidden *h = scan(b, sizeof(b));
                cr_assert_eq(h->key[key].seen, (1u << TRN_HIDDEN_MAX) - 1, "key %u step %zu at %zu: %x", key, step, at,
                             h->key[key].seen);
                cr_assert_eq(h->key[key].at[TRN_HIDDEN_MOZILLA], at + 400);
                cr_assert_eq(h->key[key].wide, step == 2 ? (1u << TRN_HIDDEN_MAX) - 1 : 0);
                cr_assert(trn_hidden_tells(h, (uint8_t)key));
            }
}

Test(hidden, plain_text_is_not_hidden)
{
    uint8_t b[SIZE] = {0};
    put(b + 10, "http://host Mozilla/5.0 (X) User-Agent: x Cookie: a=b", 0, 1);
    put(b + 1000, "http://host Mozilla/5.0 (X) User-Agent: x Cookie: a=b", 0, 2);
    TRN_AUTO(trn_freep) struct trn_hidden *h = scan(b, sizeof(b));
    for (uint32_t key = 0; key < 256; key++)
        cr_assert_eq(h->key[key].seen, 0, "key %u", key);
}

Test(hidden, base64_in_each_of_its_three_forms)
{
    static const char *const forms[] = {"aHR0cDovL2hvc3QgTW96aWxsYS81LjAgKFgp", /* "http://host Mozilla/5.0 (X)" */
                                        "eGh0dHA6Ly9ob3N0IE1vemlsbGEvNS4wIChYKQ==",
                                        "eHhodHRwOi8vaG9zdCBNb3ppbGxhLzUuMCAoWCk="};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(forms); i++) {
        uint8_t b[SIZE] = {0};
        memcpy(b + 301, forms[i], strlen(forms[i]));
        TRN_AUTO(trn_freep) struct trn_hidden *h = scan(b, sizeof(b));
        cr_expect_eq(h->key[TRN_HIDDEN_BASE64].seen, 1u << TRN_HIDDEN_HTTP | 1u << TRN_HIDDEN_MOZILLA, "%zu: %x", i,
                     h->key[TRN_HIDDEN_BASE64].seen);
        cr_expect(trn_hidden_tells(h, TRN_HIDDEN_BASE64));
    }
}

Test(hidden, one_short_string_alone_is_chance)
{
    uint8_t b[SIZE] = {0};
    put(b + 100, "https://host", 0x5a, 1);
    put(b + 200, "http://host", 0x5a, 1);
    TRN_AUTO(trn_freep) struct trn_hidden *h = scan(b, sizeof(b));
    cr_expect_eq(h->key[0x5a].seen, 3);
    cr_expect_not(trn_hidden_tells(h, 0x5a));
}

Test(hidden, what_spans_two_windows_is_found_once)
{
    uint8_t b[SIZE] = {0};
    for (size_t cut = 400; cut < 420; cut++) {
        TRN_AUTO(trn_freep) struct trn_hidden *h = calloc(1, sizeof(*h));
        memset(b, 0, sizeof(b));
        put(b + 405, "Mozilla/5.0 (X", 0x7a, 1);
        trn_hidden_scan(h, b, cut + TRN_HIDDEN_REACH, 0, false);
        trn_hidden_scan(h, b + cut, sizeof(b) - cut, cut, true);
        cr_assert_eq(h->key[0x7a].seen, 1u << TRN_HIDDEN_MOZILLA, "cut at %zu", cut);
        cr_assert_eq(h->key[0x7a].at[TRN_HIDDEN_MOZILLA], 405);
    }
}

Test(hidden, questions_to_browsers_plain_and_wide)
{
    uint8_t b[SIZE] = {0};
    put(b + 100, "SELECT url FROM urls ORDER", 0, 1);
    TRN_AUTO(trn_freep) struct trn_hidden *h = scan(b, sizeof(b));
    cr_expect_str_eq(h->question, "urls");
    memset(b, 0, sizeof(b));
    put(b + 100, "select * from moz_places", 0, 2);
    TRN_AUTO(trn_freep) struct trn_hidden *wide = scan(b, sizeof(b));
    cr_expect_str_eq(wide->question, "moz_places");
    cr_expect_eq(wide->question_at, 100 + 2 * 14);
    memset(b, 0, sizeof(b));
    put(b + 100, "FROM urlsets, FROM moz_other", 0, 1);
    TRN_AUTO(trn_freep) struct trn_hidden *none = scan(b, sizeof(b));
    cr_expect_eq(none->questions, 0);
}
