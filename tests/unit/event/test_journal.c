/* SPDX-License-Identifier: Apache-2.0 */
/* Does the journal give back what was written, and does it notice each way of changing the past? */
#include "event/event.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS 5u

static int count(void *ctx, const struct trn_journal_entry *e)
{
    uint64_t *n = ctx;
    cr_expect_eq(e->number, ++*n);
    cr_expect_eq(e->event.response.id, 40 + e->number);
    cr_expect(trn_str_eq_c(e->event.response.act, "isolate"));
    cr_expect(trn_str_eq_c(e->keep, "kept"));
    cr_expect(trn_str_is_none(e->files));
    return 0;
}

/* A memory file with some records; ret_at: where each begins, and the end. */
static int journal(size_t ret_at[RECORDS + 1])
{
    uint8_t head[TRN_SHA256_SIZE];
    int fd = memfd_create("journal", MFD_CLOEXEC);
    struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    trn_put_str(&b, trn_journal_begin(head));
    for (uint64_t i = 1; i <= RECORDS; i++) {
        struct trn_journal_entry e = {.number = i, .wall_ns = i, .keep = TRN_STR("kept")};
        ret_at[i - 1] = b.n;
        trn_event_init(&e.event, TRN_EV_RESPONSE);
        e.event.response.id = 40 + i;
        e.event.response.act = TRN_STR("isolate");
        cr_assert_eq(trn_journal_record(&e, head, &b), 0);
    }
    ret_at[RECORDS] = b.n;
    cr_assert_eq(trn_write_full(fd, b.p, b.n), 0);
    trn_buf_done(&b);
    return fd;
}

static struct trn_journal_end read_all(int fd)
{
    struct trn_journal_end end = {0};
    struct trn_err err = {0};
    uint64_t n = 0;
    cr_assert_eq(trn_journal_read(fd, count, &n, &end, &err), 0, "%s", err.message);
    cr_expect_eq(end.records, n);
    return end;
}

Test(journal, what_was_written_comes_back)
{
    size_t at[RECORDS + 1];
    int fd = journal(at);
    struct trn_journal_end end = read_all(fd);
    cr_expect_eq(end.state, TRN_JOURNAL_WHOLE);
    cr_expect_eq(end.records, RECORDS);
    cr_expect_eq(end.offset, at[RECORDS]);
    close(fd);
}

Test(journal, every_changed_byte_is_found_where_it_stands)
{
    size_t at[RECORDS + 1];
    int fd = journal(at);
    for (size_t i = 0, record = 0; i < at[RECORDS]; i++) {
        char was, is;
        if (i < at[0])
            continue;
        while (record + 1 < RECORDS && i >= at[record + 1])
            record++;
        cr_assert_eq(pread(fd, &was, 1, (off_t)i), 1);
        is = (char)(was ^ 0x10);
        cr_assert_eq(pwrite(fd, &is, 1, (off_t)i), 1);
        struct trn_journal_end end = read_all(fd);
        cr_expect_neq(end.state, TRN_JOURNAL_WHOLE, "byte %zu", i);
        cr_expect_eq(end.records, record, "byte %zu", i);
        cr_assert_eq(pwrite(fd, &was, 1, (off_t)i), 1);
    }
    close(fd);
}

Test(journal, a_cut_end_is_torn_and_whole_records_before_it_hold)
{
    size_t at[RECORDS + 1];
    int fd = journal(at);
    for (size_t n = at[RECORDS] - 1; n > at[RECORDS - 1]; n--) {
        cr_assert_eq(ftruncate(fd, (off_t)n), 0);
        struct trn_journal_end end = read_all(fd);
        cr_expect_eq(end.state, TRN_JOURNAL_TORN);
        cr_expect_eq(end.records, RECORDS - 1);
        cr_expect_eq(end.offset, at[RECORDS - 1]);
    }
    close(fd);
}

Test(journal, a_dropped_record_breaks_the_chain)
{
    size_t at[RECORDS + 1];
    int fd = journal(at);
    char rest[8192];
    ssize_t n = pread(fd, rest, sizeof rest, (off_t)at[2]);
    cr_assert_eq(pwrite(fd, rest, (size_t)n, (off_t)at[1]), n);
    cr_assert_eq(ftruncate(fd, (off_t)at[1] + n), 0);
    struct trn_journal_end end = read_all(fd);
    cr_expect_eq(end.state, TRN_JOURNAL_BROKEN);
    cr_expect_eq(end.records, 1);
    close(fd);
}

Test(journal, something_else_is_no_journal)
{
    struct trn_journal_end end;
    struct trn_err err = {0};
    int fd = memfd_create("other", MFD_CLOEXEC);
    cr_assert_eq(trn_write_full(fd, "TRNLOG", 6), 0);
    cr_expect_eq(trn_journal_read(fd, NULL, NULL, &end, &err), -EBADMSG);
    close(fd);
}
