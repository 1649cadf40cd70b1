/* SPDX-License-Identifier: Apache-2.0 */
/* Does the self-test take an event for an act's only when it is about what that act did? */
#include "cli/selftest.h"

#include <criterion/criterion.h>

static const struct trn_selftest_act *act_of(const char *name)
{
    size_t i = 0;
    while (i < trn_n_acts_file && strcmp(trn_acts_file[i].name, name) != 0)
        i++;
    cr_assert_lt(i, trn_n_acts_file, "no act is called '%s'", name);
    return &trn_acts_file[i];
}

Test(selftest, a_file_of_another_act_is_not_taken_for_its_own)
{
    static const struct {
        const char *act, *own;
        enum trn_action action;
    } cases[] = {
        {"file created", "/tmp/scratch/marker.txt", TRN_ACT_CREATED},
        {"file written and closed", "/tmp/scratch/marker.txt", TRN_ACT_WRITTEN},
        {"file's attributes changed", "/tmp/scratch/marker.txt", TRN_ACT_ATTRIBUTES},
        {"file renamed", "/tmp/scratch/marker.renamed", TRN_ACT_RENAMED},
        {"file deleted", "/tmp/scratch/marker.renamed", TRN_ACT_DELETED},
    };
    struct trn_scratch s = {.dir = "/tmp/scratch", .marker = "marker"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        const struct trn_selftest_act *act = act_of(cases[i].act);
        struct trn_event ev = {.type = TRN_EV_FILE, .action = (uint16_t)cases[i].action};
        ev.file.path = trn_str_of(cases[i].own);
        cr_expect(act->seen(&s, &ev), "%s", act->name);
        ev.file.path = TRN_STR("/tmp/scratch/marker.so"); /* the library that is loaded */
        cr_expect_not(act->seen(&s, &ev), "%s", act->name);
    }
}
