/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a datagram of the kernel's become the right record, and anything else none? */
#include "sensor/proc_events.h"
#include "wire_build.h"

#include <criterion/criterion.h>

#define UID 0x4u
#define GID 0x40u
#define PTRACE 0x100u

struct datagram {
    uint32_t w[19]; /* netlink head 4, connector head 5, what, cpu, time 2, ids 4, and three that are not used */
};

static struct datagram datagram(uint32_t what, uint32_t tid, uint32_t tgid, uint32_t a, uint32_t b)
{
    return (struct datagram){{76, 3, 9, 0, 1, 1, 7, 0, 40, what, 1, 100, 0, tid, tgid, a, b}};
}

static struct {
    unsigned n;
    size_t size;
    union {
        struct trn_wire_access access;
        struct trn_wire_cred cred;
    };
} got;

static int keep(void *ctx, struct trn_str record)
{
    cr_assert_leq(record.n, sizeof(got.access));
    memcpy(&got.access, record.p, record.n);
    got.size = record.n;
    got.n++;
    return 0;
}

static int give(struct trn_proc_seen *seen, const struct datagram *d, size_t n)
{
    const struct trn_record_sink sink = {keep, NULL};

    return trn_proc_event(seen, (struct trn_str){(const char *)d->w, n}, 1000, &sink);
}

static void begin(void)
{
    got.n = 0;
}

TestSuite(proc_events, .init = begin);

Test(proc_events, another_user)
{
    struct trn_proc_seen seen = {0};
    struct datagram d = datagram(UID, 43, 42, 1000, 0);

    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_assert_eq(got.n, 1);
    cr_expect_eq(got.size, sizeof(struct trn_wire_cred));
    cr_expect(got.cred.head.type == TRN_WIRE_CRED && got.cred.head.tgid == 42 && got.cred.head.tid == 43);
    cr_expect(got.cred.uid == 1000 && got.cred.euid == 0 && got.cred.gid == TRN_NO_U32);
    cr_expect_eq(got.cred.head.time, 1100);
}

Test(proc_events, another_group)
{
    struct trn_proc_seen seen = {0};
    struct datagram d = datagram(GID, 42, 42, 100, 5);

    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect(got.n == 1 && got.cred.gid == 100 && got.cred.uid == TRN_NO_U32);
}

Test(proc_events, a_debugger_attaches_to_many_threads_and_leaves)
{
    struct trn_proc_seen seen = {0};
    struct datagram d = datagram(PTRACE, 43, 42, 51, 50);

    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect(got.access.head.type == TRN_WIRE_ACCESS && got.access.head.tgid == 50 && got.access.head.tid == 51);
    cr_expect(got.access.target_tgid == 42 && got.access.act == TRN_WIRE_ACCESS_ATTACH);
    d.w[13] = 44; /* another thread of the same */
    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect_eq(got.n, 1);
    d.w[11] += 2000000000u; /* and again later */
    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect_eq(got.n, 2);
    d = datagram(PTRACE, 43, 42, 0, 0);
    cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect_eq(got.n, 2, "detached");
}

Test(proc_events, the_memory_of_attachments_is_bounded)
{
    struct trn_proc_seen seen = {0};

    for (uint32_t i = 1; i <= 1000; i++) {
        struct datagram d = datagram(PTRACE, i, i, 5000, 5000);

        cr_assert_eq(give(&seen, &d, sizeof(d)), 0);
    }
    cr_expect_eq(got.n, 1000);
}

Test(proc_events, what_nobody_asked_for_is_nothing)
{
    struct trn_proc_seen seen = {0};
    struct datagram d = datagram(2, 42, 42, 0, 0); /* exec */

    cr_expect_eq(give(&seen, &d, sizeof(d)), 0);
    d = datagram(UID, 42, TRN_NO_U32, 0, 0); /* no process has this number */
    cr_expect_eq(give(&seen, &d, sizeof(d)), 0);
    d = datagram(0, 0, 0, 0, 0);
    cr_expect_eq(give(&seen, &d, sizeof(d)), 0);
    cr_expect_eq(got.n, 0);
}

Test(proc_events, nonsense_is_refused)
{
    struct trn_proc_seen seen = {0};
    struct datagram d = datagram(UID, 42, 42, 0, 0);

    for (size_t n = 0; n < sizeof(d); n++)
        cr_expect_eq(give(&seen, &d, n), -EBADMSG, "%zu bytes", n);
    d.w[0] = 200; /* longer than what came */
    cr_expect_eq(give(&seen, &d, sizeof(d)), -EBADMSG);
    d = datagram(UID, 42, 42, 0, 0);
    d.w[1] = 2; /* an error message */
    cr_expect_eq(give(&seen, &d, sizeof(d)), -EBADMSG);
    d = datagram(UID, 42, 42, 0, 0);
    d.w[4] = 2; /* another connector */
    cr_expect_eq(give(&seen, &d, sizeof(d)), -EBADMSG);
    d = datagram(UID, 42, 42, 0, 0);
    d.w[8] = 41; /* longer than the message */
    cr_expect_eq(give(&seen, &d, sizeof(d)), -EBADMSG);
    d.w[8] = 31; /* shorter than its ids */
    cr_expect_eq(give(&seen, &d, sizeof(d)), -EBADMSG);
    cr_expect_eq(got.n, 0);
}
