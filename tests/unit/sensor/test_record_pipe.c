/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the pipe of records drop without waiting, count by class, and tell what it dropped? */
#include "wire_build.h"

#include <criterion/criterion.h>
#include <sys/socket.h>

static struct trn_str file_record(struct trn_wire_file *f, uint16_t op)
{
    *f = (struct trn_wire_file){.head = wire_head(TRN_WIRE_FILE, sizeof(*f)), .op = op};
    return (struct trn_str){(const char *)f, sizeof(*f)};
}

Test(record_pipe, records_arrive_whole)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f, got;
    int fd;

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
    cr_expect_eq(recv(fd, &got, sizeof(got), MSG_TRUNC), sizeof(got));
    cr_expect_arr_eq(&got, &f, sizeof(f));
    trn_fd_close(fd);
    cr_expect_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_CREATE)), -EPIPE);
    cr_expect_null(trn_record_pipe_free(c));
}

Test(record_pipe, a_full_one_drops_counts_and_tells)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f;
    unsigned sent = 0;
    uint64_t told[TRN_CLASS_MAX] = {0};
    char got[TRN_WIRE_RECORD_MAX];
    ssize_t n;
    int fd;

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    while (trn_record_pipe_dropped(c, TRN_CLASS_FILE) == 0 && sent < 1000000) {
        cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
        sent++;
    }
    cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_OPEN)), 0);
    cr_expect_eq(trn_record_pipe_dropped(c, TRN_CLASS_OPEN), 1);
    while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0)
        sent--;
    cr_expect_eq(sent, 1, "all but the one dropped arrived");

    cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_DELETE)), 0);
    while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
        struct trn_wire_loss loss;

        if ((size_t)n != sizeof(loss))
            continue;
        memcpy(&loss, got, sizeof(loss));
        cr_assert_eq(loss.head.type, TRN_WIRE_LOSS);
        told[loss.class] += loss.count;
    }
    cr_expect_eq(told[TRN_CLASS_FILE], 1);
    cr_expect_eq(told[TRN_CLASS_OPEN], 1);
    trn_fd_close(fd);
    trn_record_pipe_free(c);
}

Test(record_pipe, a_loss_record_without_room_is_no_loss_of_processes)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f;
    int fd;
    const struct trn_wire_loss loss = {
        .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION},
        .class = TRN_CLASS_FILE,
        .count = 1,
    };

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    while (trn_record_pipe_dropped(c, TRN_CLASS_FILE) == 0)
        cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
    cr_assert_eq(trn_record_pipe_send(c, (struct trn_str){(const char *)&loss, sizeof(loss)}), 0);
    cr_expect_eq(trn_record_pipe_dropped(c, TRN_CLASS_PROCESS), 0);
    cr_expect_eq(trn_record_pipe_dropped(c, TRN_CLASS_FILE), 2);
    trn_fd_close(fd);
    trn_record_pipe_free(c);
}

Test(record_pipe, a_reader_that_left_something_unread_is_gone_all_the_same)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f = {0};
    int fd;

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
    trn_fd_close(fd);
    for (int i = 0; i < 3; i++) {
        int r = trn_record_pipe_send_wait(c, file_record(&f, TRN_WIRE_FILE_CREATE), 5000);

        cr_expect(r == -ECONNRESET || r == -EPIPE, "%d", r);
    }
    cr_expect_eq(trn_record_pipe_dropped(c, TRN_CLASS_FILE), 0, "what nobody is there to read is no loss");
    trn_record_pipe_free(c);
}

Test(record_pipe, held_records_go_together_and_before_the_next_one)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f;
    char got[TRN_WIRE_RECORD_MAX];
    int fd;

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(trn_record_pipe_hold(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
    cr_expect_lt(recv(fd, got, sizeof(got), MSG_DONTWAIT), 0, "held");
    cr_assert_eq(trn_record_pipe_send(c, file_record(&f, TRN_WIRE_FILE_DELETE)), 0);
    cr_expect_eq(recv(fd, got, sizeof(got), MSG_DONTWAIT), 3 * sizeof(f));
    cr_expect_eq(recv(fd, got, sizeof(got), MSG_DONTWAIT), sizeof(f));
    cr_assert_eq(trn_record_pipe_flush(c), 0);
    cr_expect_lt(recv(fd, got, sizeof(got), MSG_DONTWAIT), 0, "nothing is left");
    trn_fd_close(fd);
    trn_record_pipe_free(c);
}

Test(record_pipe, held_records_without_room_are_counted_each)
{
    struct trn_record_pipe *c;
    struct trn_wire_file f;
    uint64_t held = 0, arrived = 0, told = 0;
    char got[65536];
    ssize_t n;
    int fd;

    cr_assert_eq(trn_record_pipe_new(&c, &fd, NULL), 0);
    for (; trn_record_pipe_dropped(c, TRN_CLASS_FILE) == 0 && held < 1000000; held++)
        cr_assert_eq(trn_record_pipe_hold(c, file_record(&f, TRN_WIRE_FILE_CREATE)), 0);
    cr_assert_eq(trn_record_pipe_flush(c), 0);
    while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0)
        arrived += (uint64_t)n / sizeof(f);
    cr_expect_eq(arrived + trn_record_pipe_dropped(c, TRN_CLASS_FILE), held);
    cr_assert_eq(trn_record_pipe_hold(c, file_record(&f, TRN_WIRE_FILE_OPEN)), 0);
    cr_assert_eq(trn_record_pipe_flush(c), 0);
    while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
        struct trn_wire_loss loss;

        if ((size_t)n != sizeof(loss))
            continue;
        memcpy(&loss, got, sizeof(loss));
        told += loss.count;
    }
    cr_expect_eq(told, trn_record_pipe_dropped(c, TRN_CLASS_FILE));
    trn_fd_close(fd);
    trn_record_pipe_free(c);
}
