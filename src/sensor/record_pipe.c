/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: carries records that turncoatd makes to the engine over a SOCK_SEQPACKET pair, whole records, one or more
 * a packet. Owns turncoatd's end. Must not wait (except where the name says so) and must not
 * look into a record further than its type: turncoatd parses nothing. What finds no room is counted
 * by class and told as a loss record before the next record that finds room.
 */
#include "sensor/sensor.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "sensor/bpf/wire.h"

#define CHANNEL_BUFFER (1 << 20)
#define WAIT_MS 2000
#define HELD_MAX 16384u /* bytes of records that go together */

struct trn_record_pipe {
    int fd;
    pthread_mutex_t lock;            /* of what follows: turncoatd sends from two threads */
    uint64_t dropped[TRN_CLASS_MAX]; /* since the start */
    uint64_t untold[TRN_CLASS_MAX];  /* of these, not yet told to the reader */
    uint64_t since[TRN_CLASS_MAX];
    uint32_t held_of[TRN_CLASS_MAX]; /* records that wait in held */
    size_t n_held;
    char held[HELD_MAX];
};

int trn_record_pipe_new(struct trn_record_pipe **ret, int *ret_reader_fd, struct trn_err *err)
{
    struct trn_record_pipe *c = calloc(1, sizeof(*c));
    int fds[2], size = CHANNEL_BUFFER;

    if (!c)
        return trn_fail(err, -ENOMEM, "cannot make a pipe for records: out of memory");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        int r = trn_fail(err, -errno, "cannot make a pipe for records: %s", trn_errno_name(-errno));

        free(c);
        return r;
    }
    if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pthread_mutex_init(&c->lock, NULL);
    c->fd = fds[0];
    *ret_reader_fd = fds[1];
    *ret = c;
    return 0;
}

struct trn_record_pipe *trn_record_pipe_free(struct trn_record_pipe *c)
{
    if (c) {
        trn_fd_close(c->fd);
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
    return NULL;
}

uint64_t trn_record_pipe_dropped(const struct trn_record_pipe *c, enum trn_class klass)
{
    return c->dropped[klass];
}

static int send_now(const struct trn_record_pipe *c, const void *p, size_t n)
{
    ssize_t sent;

    do
        sent = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static bool no_room(int r)
{
    return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM;
}

static enum trn_class class_of(struct trn_str record)
{
    struct trn_cursor c = trn_cur_of(record);
    uint16_t type, op;
    uint32_t lost;

    (void)trn_cur_u32le(&c);
    type = trn_cur_u16le(&c);
    if (type == TRN_WIRE_LOSS || type == TRN_WIRE_THROTTLE) { /* a loss that is lost itself stays in its class */
        trn_cur_seek(&c, offsetof(struct trn_wire_loss, class));
        lost = trn_cur_u32le(&c);
        return lost < TRN_CLASS_MAX ? (enum trn_class)lost : TRN_CLASS_PROCESS;
    }
    if (type == TRN_WIRE_ACCESS || type == TRN_WIRE_CRED)
        return TRN_CLASS_ACCESS;
    if (type != TRN_WIRE_FILE)
        return TRN_CLASS_PROCESS;
    trn_cur_seek(&c, offsetof(struct trn_wire_file, op));
    op = trn_cur_u16le(&c);
    return op == TRN_WIRE_FILE_OPEN ? TRN_CLASS_OPEN : TRN_CLASS_FILE;
}

/* Tells what was dropped; -EAGAIN while there is still no room. */
static int tell_losses(struct trn_record_pipe *c)
{
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++) {
        struct trn_wire_loss loss = {
            .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION},
            .class = k,
            .reason = TRN_WIRE_LOSS_PIPE,
            .count = c->untold[k],
            .since = c->since[k],
        };
        int r;

        if (c->untold[k] == 0)
            continue;
        loss.head.time = trn_boot_ns();
        r = send_now(c, &loss, sizeof(loss));
        if (r != 0)
            return r;
        c->untold[k] = 0;
    }
    return 0;
}

static void drop(struct trn_record_pipe *c, enum trn_class k, uint64_t n)
{
    if (n == 0)
        return;
    if (c->untold[k] == 0)
        c->since[k] = trn_boot_ns();
    c->untold[k] += n;
    c->dropped[k] += n;
}

/* All of them in one packet, or none. */
static int send_held(struct trn_record_pipe *c)
{
    int r;

    if (c->n_held == 0)
        return 0;
    r = tell_losses(c);
    if (r == 0)
        r = send_now(c, c->held, c->n_held);
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++) {
        if (no_room(r))
            drop(c, (enum trn_class)k, c->held_of[k]);
        c->held_of[k] = 0;
    }
    c->n_held = 0;
    return no_room(r) ? 0 : r;
}

/* What finds no room: counted when it is to be dropped, otherwise the caller tries again. */
static int send_record(struct trn_record_pipe *c, struct trn_str record, bool may_drop)
{
    int r;

    pthread_mutex_lock(&c->lock);
    r = send_held(c);
    if (r == 0)
        r = tell_losses(c);
    if (r == 0)
        r = send_now(c, record.p, record.n);
    if (no_room(r) && may_drop) {
        drop(c, class_of(record), 1);
        r = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

int trn_record_pipe_hold(struct trn_record_pipe *c, struct trn_str record)
{
    int r = 0;

    if (record.n > HELD_MAX)
        return trn_record_pipe_send(c, record);
    pthread_mutex_lock(&c->lock);
    if (record.n > HELD_MAX - c->n_held)
        r = send_held(c);
    memcpy(c->held + c->n_held, record.p, record.n);
    c->n_held += record.n;
    c->held_of[class_of(record)]++;
    pthread_mutex_unlock(&c->lock);
    return r;
}

int trn_record_pipe_flush(struct trn_record_pipe *c)
{
    int r;

    pthread_mutex_lock(&c->lock);
    r = send_held(c);
    pthread_mutex_unlock(&c->lock);
    return r;
}

int trn_record_pipe_send(struct trn_record_pipe *c, struct trn_str record)
{
    return send_record(c, record, true);
}

int trn_record_pipe_send_wait(struct trn_record_pipe *c, struct trn_str record, int timeout_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};

    for (;;) {
        int r = send_record(c, record, false);

        if (!no_room(r))
            return r;
        if (poll(&p, 1, timeout_ms) <= 0)
            return trn_record_pipe_send(c, record); /* counts it */
    }
}

static int sink_hold(void *ctx, struct trn_str record)
{
    return trn_record_pipe_hold(ctx, record);
}

static int sink_send_wait(void *ctx, struct trn_str record)
{
    return trn_record_pipe_send_wait(ctx, record, WAIT_MS);
}

struct trn_record_sink trn_record_pipe_sink_hold(struct trn_record_pipe *c)
{
    return (struct trn_record_sink){.record = sink_hold, .ctx = c};
}

struct trn_record_sink trn_record_pipe_sink_wait(struct trn_record_pipe *c)
{
    return (struct trn_record_sink){.record = sink_send_wait, .ctx = c};
}

uint32_t trn_record_pid(struct trn_str record)
{
    struct trn_cursor c = trn_cur_of(record);
    trn_cur_skip(&c, offsetof(struct trn_wire_header, tgid));
    return trn_cur_u32le(&c);
}
