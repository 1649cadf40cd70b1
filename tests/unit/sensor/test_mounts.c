/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the reader of mountinfo tell what can be watched, also with odd names and broken lines? */
#include "sensor/mounts.h"

#include <criterion/criterion.h>

static struct trn_mounts parse(const char *text)
{
    struct trn_mounts m;

    cr_assert_eq(trn_mounts_parse(strdup(text), &m), 0);
    return m;
}

Test(sensor_mounts, fields_and_flags)
{
    struct trn_mounts m = parse("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                                "30 22 0:27 / /run rw,nosuid shared:5 master:1 - tmpfs tmpfs rw,size=1\n"
                                "31 22 254:0 /var/x /srv/my\\040disk\\012 ro,relatime - ext4 /dev/vda rw\n"
                                "32 22 0:5 / /proc rw - proc proc rw\n"
                                "33 22 0:40 / /usr rw - overlay overlay ro,lowerdir=/a\n");

    cr_assert_eq(m.n, 5);
    cr_expect_eq(m.v[0].major, 254);
    cr_expect(m.v[0].watchable && !m.v[0].read_only && m.v[0].whole);
    cr_expect_str_eq(m.v[1].point, "/run");
    cr_expect(m.v[1].watchable);
    cr_expect_str_eq(m.v[2].point, "/srv/my disk\n");
    cr_expect(m.v[2].read_only && !m.v[2].whole);
    cr_expect(!m.v[3].watchable);
    cr_expect(m.v[4].read_only, "read-only as a file system");
    trn_mounts_done(&m);
}

Test(sensor_mounts, broken_lines_are_skipped)
{
    struct trn_mounts m = parse("\n1\n1 2 3\n22 1 x:y / / rw - ext4 a rw\n22 1 1:1 / / rw ext4 a rw\n"
                                "22 1 1:1 / / rw -\n22 1 1:1 / / rw - ext4\n22 1 1:1 / / rw - ext4 a\n"
                                "22 1 1:1 / /ok rw - ext4 a rw");

    cr_assert_eq(m.n, 1);
    cr_expect_str_eq(m.v[0].point, "/ok");
    trn_mounts_done(&m);
    m = parse("");
    cr_expect_eq(m.n, 0);
    trn_mounts_done(&m);
}

Test(sensor_mounts, the_real_one_parses)
{
    struct trn_mounts m;
    struct trn_err err;
    bool proc = false;

    cr_assert_eq(trn_mounts_read(&m, &err), 0);
    for (size_t i = 0; i < m.n; i++)
        proc = proc || strcmp(m.v[i].fstype, "proc") == 0;
    cr_expect(proc);
    trn_mounts_done(&m);
}
