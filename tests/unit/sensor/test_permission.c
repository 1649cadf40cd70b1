/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the permission group ask the kernel for nothing, and stay bounded, as long as nothing is watched? */
#include "sensor/sensor.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

static struct trn_permission *fresh(void)
{
    const struct trn_permission_options o = {.sz = sizeof(o)};
    struct trn_permission *p = NULL;
    struct trn_err err = {0};

    cr_assert_eq(trn_permission_new(&o, &p, &err), 0);
    return p;
}

Test(permission, nothing_is_open_and_nothing_is_stuck_before_the_first_file)
{
    struct trn_permission *p = fresh();
    struct trn_permit_counts c;

    cr_expect_not(trn_permission_is_open(p));
    cr_expect_not(trn_permission_stuck(p));
    trn_permission_counts(p, &c);
    cr_expect_eq(c.asked, 0);
    cr_expect_eq(trn_permission_unwatch(p, 0, TRN_PERMIT_OPEN), -ENOENT);
    trn_permission_free(p);
    trn_permission_free(NULL);
}

Test(permission, only_plain_files_can_be_watched)
{
    TRN_AUTO(trn_fd_closep) int folder = open("/", O_PATH | O_CLOEXEC);
    struct trn_permission *p = fresh();
    struct trn_permit_key key;
    struct trn_err err = {0};

    cr_expect_eq(trn_permission_watch(p, folder, TRN_PERMIT_OPEN, &err), -EINVAL);
    cr_expect_eq(trn_permission_watch(p, -1, TRN_PERMIT_OPEN, &err), -EBADF);
    cr_expect_eq(trn_permit_key_of(folder, &key), -EINVAL);
    cr_expect_not(trn_permission_is_open(p));
    trn_permission_free(p);
}

Test(permission, verdicts_are_bounded)
{
    struct trn_permission *p = fresh();
    struct trn_permit_key key = {.dev = 1, .ctime_ns = 2, .size = 3};

    for (key.ino = 1; key.ino <= 10000; key.ino++)
        cr_assert_eq(trn_permission_decide(p, &key, TRN_PERMIT_EXEC, -1), 0);
    trn_permission_free(p);
}

Test(permission, eight_of_our_own_and_no_more)
{
    struct trn_permission *p = fresh();

    for (uint32_t pid = 1; pid <= 8; pid++)
        cr_expect_eq(trn_permission_own(p, 0, pid), 0);
    cr_expect_eq(trn_permission_own(p, 0, 9), -ENOSPC);
    cr_expect_eq(trn_permission_own(p, 3, 0), 0);
    cr_expect_eq(trn_permission_own(p, 0, 9), 0);
    cr_expect_eq(trn_permission_own(p, 77, 1), -ENOSPC, "not one of ours");
    trn_permission_free(p);
}
