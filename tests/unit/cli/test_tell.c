/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does every finding that is told to the engine arrive, whatever bytes it is made of? */
#include "cli/tell.h"

#include <criterion/criterion.h>

Test(tell, a_long_text_that_is_no_ascii_is_cut_between_two_characters)
{
    const struct trn_finding f = {.check = trn_check_find(TRN_STR("diff.new-capability")), .score = 50};
    char path[2000];
    cr_assert_not_null(f.check);
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = 0;
        json_t *all = json_array();
        for (; n < shift; n++)
            path[n] = '/';
        for (; n + 4 <= sizeof(path); n += 4)
            memcpy(path + n, "\xf0\x9f\x93\xa6", 4); /* four bytes, one character */
        trn_tell_add(all, &f, (struct trn_str){path, n}, (struct trn_str){path, n});
        cr_expect_eq(json_array_size(all), 1, "shifted by %zu", shift);
        cr_expect_leq(json_string_length(json_object_get(json_array_get(all, 0), "path")), 600);
        json_decref(all);
    }
}
