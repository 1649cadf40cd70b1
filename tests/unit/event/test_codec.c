/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does an event come back exactly, and is everything else refused? */
#include "random_event.h"

#include "event/event.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int decode(struct trn_str s, struct trn_event *ret)
{
    struct trn_cursor c = trn_cur_of(s);
    return trn_event_decode(&c, ret);
}

Test(codec, round_trip_is_exact)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    uint64_t seed = 1;

    trn_buf_init(&b, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        struct trn_event ev, back;
        random_event(&seed, a, &ev);
        trn_buf_clear(&b);
        trn_event_encode(&ev, &b);
        cr_assert(!b.bad);
        cr_assert_eq(decode(trn_buf_str(&b), &back), 0, "event %d", i);
        const char *d = event_difference(&ev, &back);
        cr_assert_null(d, "event %d: %s", i, d);
        trn_arena_reset(a);
    }
}

Test(codec, zero_is_not_absent)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev, back;

    trn_buf_init(&b, 1000);
    trn_event_init(&ev, TRN_EV_EXIT);
    ev.exit.code = 0;
    ev.uid = 0;
    ev.comm = TRN_STR("");
    trn_event_encode(&ev, &b);
    cr_assert_eq(decode(trn_buf_str(&b), &back), 0);
    cr_expect_eq(back.exit.code, 0);
    cr_expect_eq(back.exit.signal, TRN_NO_U32);
    cr_expect_eq(back.uid, 0);
    cr_expect_eq(back.euid, TRN_NO_U32);
    cr_expect(!trn_str_is_none(back.comm));
}

Test(codec, cut_and_wrong_bytes_are_refused)
{
    struct trn_event ev, back = {.type = 99};
    struct trn_buf TRN_AUTO(trn_buf_done) b;

    trn_buf_init(&b, 1000);
    trn_event_init(&ev, TRN_EV_FILE);
    ev.file.path = TRN_STR("/etc/passwd");
    trn_event_encode(&ev, &b);
    for (size_t n = 3; n < b.n; n++)
        cr_expect_eq(decode(trn_str_slice(trn_buf_str(&b), 0, n), &back), -EBADMSG, "%zu bytes", n);
    cr_expect_eq(decode(TRN_STR(""), &back), -EBADMSG);
    cr_expect_eq(decode(TRN_STR("\0\0"), &back), -EBADMSG, "type 0");
    cr_expect_eq(decode(TRN_STR("\x1f\0"), &back), -EBADMSG, "a type in the gap");
    cr_expect_eq(decode(TRN_STR("\xff\xff"), &back), -EBADMSG);
    cr_expect_eq(back.type, 99, "untouched on failure");
}

static int decode_one(enum trn_event_type type, uint16_t id, struct trn_str raw)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev;

    trn_buf_init(&b, 1000);
    trn_put_u16(&b, (uint16_t)type);
    trn_put_u16(&b, id);
    trn_put_varint(&b, raw.n);
    trn_put_str(&b, raw);
    return decode(trn_buf_str(&b), &ev);
}

Test(codec, fields_are_checked)
{
    cr_expect_eq(decode_one(TRN_EV_EXIT, TRN_F_PID, TRN_STR("\1\0\0\0\0\0\0\0")), 0);
    cr_expect_eq(decode_one(TRN_EV_EXIT, TRN_F_PID, TRN_STR("\1\0\0\0\1")), -EBADMSG, "more than 32 bits");
    cr_expect_eq(decode_one(TRN_EV_EXIT, TRN_F_PID, TRN_STR("123456789")), -EBADMSG, "nine bytes");
    cr_expect_eq(decode_one(TRN_EV_EXIT, TRN_F_TYPE, TRN_STR("\2")), -EBADMSG, "the type twice");
    cr_expect_eq(decode_one(TRN_EV_FILE, TRN_F_ACTION, TRN_STR("\x7f")), -EBADMSG, "action");
    cr_expect_eq(decode_one(TRN_EV_LOSS, TRN_F_LOSS_CLASS, TRN_STR("\x7f")), -EBADMSG, "class");
    cr_expect_eq(decode_one(TRN_EV_CONNECT, TRN_F_NET_FAMILY, TRN_STR("\5")), -EBADMSG, "family");
    cr_expect_eq(decode_one(TRN_EV_CONNECT, TRN_F_DST_IP, TRN_STR("12345")), -EBADMSG, "address of five bytes");
    cr_expect_eq(decode_one(TRN_EV_IDENTITY, TRN_F_IDENTITY_SHA256, TRN_STR("short")), -EBADMSG, "hash");
    cr_expect_eq(decode_one(TRN_EV_IDENTITY, TRN_F_IDENTITY_ORIGIN, TRN_STR("\x63")), -EBADMSG, "origin");
}

Test(codec, unknown_fields_are_kept_and_bounded)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev;

    trn_buf_init(&b, 1000);
    trn_put_u16(&b, TRN_EV_EXEC);
    for (int i = 0; i <= TRN_EV_EXTRAS; i++) {
        cr_expect_eq(decode(trn_buf_str(&b), &ev), 0, "%d extras", i);
        cr_expect_eq(ev.n_extras, (uint32_t)i);
        trn_put_u16(&b, 5000);
        trn_put_varint(&b, 3);
        trn_put(&b, "abc", 3);
    }
    cr_expect_eq(decode(trn_buf_str(&b), &ev), -EBADMSG);
}

/* ---- the log ---- */

static char path[] = "/tmp/trn-log-XXXXXX";
static struct trn_log_header header = {
    .host_id = {1}, .boot_id = {2}, .snapshot = {3}, .indicators = {4}, .wall_ns = 5};

static void make_log(unsigned events)
{
    struct trn_log_writer *w;
    struct trn_event ev;
    struct trn_err err;

    close(mkstemp(path));
    cr_expect_eq(trn_log_create(path, &header, &w, &err), -EEXIST, "never over something that exists");
    unlink(path);
    cr_assert_eq(trn_log_create(path, &header, &w, &err), 0, "%s", err.message);
    for (unsigned i = 0; i < events; i++) {
        trn_event_init(&ev, TRN_EV_EXEC);
        ev.seq = i + 1;
        ev.exec.path = TRN_STR("/bin/true");
        cr_assert_eq(trn_log_write(w, &ev), 0);
    }
    cr_assert_eq(trn_log_flush(w), 0);
    cr_expect_eq(trn_log_size(w), (uint64_t)lseek(open(path, O_RDONLY), 0, SEEK_END));
    cr_expect_null(trn_log_close(w));
}

/* Number of events, or negative errno. */
static int read_log(bool *ret_torn)
{
    struct trn_log_reader *r;
    struct trn_event ev;
    int n = 0, x = trn_log_open(open(path, O_RDONLY), &r, NULL);

    if (x < 0)
        return x;
    while ((x = trn_log_next(r, &ev, NULL)) == 1)
        cr_expect_eq(ev.seq, (uint64_t)++n);
    *ret_torn = trn_log_torn(r);
    cr_expect_eq(trn_log_header(r)->wall_ns, 5);
    cr_expect_eq(trn_log_header(r)->indicators[0], 4);
    trn_log_reader_free(r);
    return x < 0 ? x : n;
}

static void clean(void)
{
    unlink(path);
}

TestSuite(log, .fini = clean);

Test(log, round_trip_over_many_buffers)
{
    bool torn = true;

    make_log(20000);
    cr_expect_eq(read_log(&torn), 20000);
    cr_expect(!torn);
}

Test(log, a_torn_tail_is_no_error)
{
    bool torn = false;

    make_log(3);
    int fd = open(path, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t cut = 1; cut < 20; cut++) {
        cr_assert_eq(ftruncate(fd, size - cut), 0);
        cr_expect_eq(read_log(&torn), 2, "%d bytes less", (int)cut);
        cr_expect(torn);
    }
    cr_assert_eq(ftruncate(fd, size + 100), 0); /* zeros behind what is left */
    cr_expect_lt(read_log(&torn), 3);
    close(fd);
}

Test(log, a_damaged_record_is_one)
{
    bool torn;

    make_log(3);
    int fd = open(path, O_RDWR);
    cr_assert_eq(pwrite(fd, "X", 1, lseek(fd, 0, SEEK_END) - 40), 1);
    cr_expect_eq(read_log(&torn), -EBADMSG);
    cr_assert_eq(pwrite(fd, "X", 1, 0), 1);
    cr_expect_eq(read_log(&torn), -EBADMSG, "no log at all");
    close(fd);
}

Test(log, too_large_a_record_leaves_whole_ones)
{
    struct trn_log_writer *w;
    struct trn_event ev;
    bool torn;

    trn_event_init(&ev, TRN_EV_STATE);
    cr_assert_eq(trn_log_create(path, &header, &w, NULL), 0);
    char TRN_AUTO(trn_freep) *large = calloc(1, 2 << 20);
    ev.state.value = (struct trn_str){large, 2 << 20};
    cr_expect_eq(trn_log_write(w, &ev), -E2BIG, "a record past the maximum");
    trn_log_close(w);
    cr_expect_eq(read_log(&torn), 0);
    cr_expect(!torn);
}
