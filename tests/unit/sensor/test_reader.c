/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the reader survive what it is handed: bad rings, bad records, a closed pipe? */
#include "sensor/reader.h"
#include "wire_build.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

/* A ring as the kernel maps it, in a memory file: consumer page, producer page, data twice. */
struct fake {
    int fd;
    uint8_t *p;
};

static struct fake fake_ring(uint32_t size)
{
    struct fake f = {.fd = memfd_create("ring", MFD_CLOEXEC)};
    size_t n = 2 * PAGE + 2 * (size_t)size;

    cr_assert_eq(ftruncate(f.fd, (off_t)n), 0);
    f.p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0);
    cr_assert_neq(f.p, MAP_FAILED);
    return f;
}

static void put_record(struct fake *f, uint64_t *end, uint32_t head, const void *p, size_t n)
{
    uint8_t *at = f->p + 2 * PAGE + *end;

    memcpy(at, &head, sizeof(head));
    if (n)
        memcpy(at + 8, p, n);
    *end += (8 + n + 7) & ~7ull;
    memcpy(f->p + PAGE, end, sizeof(*end));
}

static int count_record(void *ctx, struct trn_cursor record)
{
    unsigned *n = ctx;

    *n += 1;
    return record.n == 3 ? -ECANCELED : 0;
}

Test(sensor_reader, a_ring_gives_what_is_finished)
{
    struct fake f = fake_ring(PAGE);
    struct trn_ring ring;
    uint64_t end = 0;
    unsigned n = 0;

    cr_assert_eq(trn_ring_map(f.fd, PAGE, &ring), 0);
    put_record(&f, &end, 16, "0123456789abcdef", 16);
    put_record(&f, &end, 8u | 1u << 30, "discard!", 8);
    put_record(&f, &end, 8, "eightbyt", 8);
    put_record(&f, &end, 8u | 1u << 31, "busy....", 8);
    put_record(&f, &end, 8, "behind..", 8);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), 2);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), 0, "still busy");
    cr_expect_eq(n, 2);
    trn_ring_unmap(&ring);
    close(f.fd);
}

Test(sensor_reader, a_sink_that_stops_gets_the_record_again)
{
    struct fake f = fake_ring(PAGE);
    struct trn_ring ring;
    uint64_t end = 0;
    unsigned n = 0;

    cr_assert_eq(trn_ring_map(f.fd, PAGE, &ring), 0);
    put_record(&f, &end, 3, "abc", 3);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), -ECANCELED);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), -ECANCELED);
    cr_expect_eq(n, 2);
    trn_ring_unmap(&ring);
    close(f.fd);
}

Test(sensor_reader, a_ring_that_lies_is_skipped)
{
    struct fake f = fake_ring(PAGE);
    struct trn_ring ring;
    uint64_t end = 0;
    unsigned n = 0;

    cr_assert_eq(trn_ring_map(f.fd, PAGE, &ring), 0);
    put_record(&f, &end, 5000, "x", 1);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), -EBADMSG);
    put_record(&f, &end, 8, "eightbyt", 8);
    cr_expect_eq(trn_ring_drain(&ring, count_record, &n), 1, "and goes on behind it");
    trn_ring_unmap(&ring);
    cr_expect_eq(trn_ring_map(f.fd, 3000, &ring), -EINVAL);
    cr_expect_eq(trn_ring_map(f.fd, 0, &ring), -EINVAL);
    cr_expect_eq(trn_ring_map(f.fd, 1u << 31, &ring), -EINVAL);
    close(f.fd);
}

static int keep_last(void *ctx, const struct trn_event *ev)
{
    struct trn_event *last = ctx;

    *last = *ev;
    return 0;
}

Test(sensor_reader, records_losses_and_the_end_of_the_pipe)
{
    struct trn_wire_exit r = {.head = wire_head(TRN_WIRE_EXIT, sizeof(r)), .status = 0x200};
    struct trn_wire_loss loss = {.head = wire_head(TRN_WIRE_LOSS, sizeof(loss)), .class = TRN_CLASS_FILE, .count = 4};
    uint64_t lost[TRN_CLASS_MAX];
    struct trn_event last = {0};
    const struct trn_event_sink sink = {.event = keep_last, .ctx = &last};
    struct trn_sensor_fd fd = {.kind = TRN_SENSOR_FD_RECORDS};
    struct trn_record_pipe *c;
    struct trn_reader *reader;

    cr_assert_eq(trn_record_pipe_new(&c, &fd.fd, NULL), 0);
    cr_assert_eq(trn_reader_new(&fd, 1, 1, &reader, NULL), 0);
    cr_expect_eq(trn_reader_poll(reader, 0), 0);
    cr_assert_eq(trn_record_pipe_send(c, (struct trn_str){(const char *)&r, sizeof(r)}), 0);
    cr_expect_eq(trn_reader_poll(reader, 0), 1);
    cr_expect_eq(trn_reader_drain(reader, &sink), 1);
    cr_expect_eq(last.exit.code, 2);

    cr_assert_eq(trn_record_pipe_send(c, TRN_STR("nonsense")), 0);
    cr_assert_eq(trn_record_pipe_send(c, (struct trn_str){(const char *)&loss, sizeof(loss)}), 0);
    cr_expect_eq(trn_reader_drain(reader, &sink), 1);
    cr_expect_eq(trn_reader_malformed(reader), 1);
    cr_expect_eq(last.type, TRN_EV_LOSS);
    cr_expect_eq(last.meta.klass, TRN_CLASS_FILE);
    cr_expect_eq(last.meta.count, 4);
    trn_reader_losses(reader, lost);
    cr_expect_eq(lost[TRN_CLASS_FILE], 4);
    cr_expect_eq(trn_reader_drain(reader, &sink), 0, "a loss is told once");

    trn_record_pipe_free(c);
    cr_expect_eq(trn_reader_drain(reader, &sink), -EPIPE);
    cr_expect_null(trn_reader_free(reader));
}

Test(sensor_reader, descriptors_that_are_none_are_refused)
{
    struct trn_sensor_fd fd = {.kind = TRN_SENSOR_FD_PROCESS, .size = PAGE, .fd = -1};
    struct trn_reader *reader = NULL;
    struct trn_err err = {0};

    cr_expect_lt(trn_reader_new(&fd, 1, 1, &reader, &err), 0);
    cr_expect_neq(err.message[0], '\0');
    fd.kind = 99;
    fd.fd = memfd_create("x", MFD_CLOEXEC);
    cr_expect_eq(trn_reader_new(&fd, 1, 1, &reader, &err), -EINVAL);
    cr_expect_eq(fcntl(fd.fd, F_GETFD), -1, "taken, also on failure");
    cr_expect_null(reader);
}
