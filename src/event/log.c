/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the log file: header, framing, checksums, the torn end. Must not own: what events mean,
 * rotation, where logs lie.
 * Hand-offs: a read event's views live in the reader's buffer until the next call.
 *
 * File: magic, u32 length of the header's rest, that rest, then records of u32 length, u32 checksum,
 * bytes. A machine that stops while writing leaves a torn tail; that is no error. A record that does
 * not fit its checksum although more follows is one.
 */
#include "event/codec.h"

#include <fcntl.h>
#include <unistd.h>

static const char magic[8] = {'T', 'R', 'N', 'L', 'O', 'G', '1', '\n'};

#define HEADER_REST (16u + 16u + 2u * TRN_SHA256_SIZE + 8u)
#define HEADER_REST_MAX 4096u
#define FRAME 8u
#define RECORD_MAX (1u << 20)
#define FLUSH_AT 65536u

struct trn_log_writer {
    int fd;
    uint64_t size; /* bytes known to be in the file */
    struct trn_buf pending, record;
};

struct trn_log_reader {
    int fd;
    bool torn, ended;
    struct trn_log_header header;
    uint8_t *buffer; /* bytes [at, n) are not read yet */
    size_t at, n, cap;
    uint64_t offset; /* in the file, of buffer[at] */
};

static int write_all(struct trn_log_writer *w)
{
    struct trn_str s = trn_buf_str(&w->pending);
    int r = 0;

    if (w->pending.bad)
        r = -ENOMEM;
    for (size_t done = 0; r == 0 && done < s.n;) {
        ssize_t n = write(w->fd, s.p + done, s.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = -errno;
        else
            done += (size_t)n;
    }
    /* Half a record would make everything behind it unreadable: take it back. The caller counts the loss. */
    if (r < 0) {
        if (ftruncate(w->fd, (off_t)w->size) < 0)
            r = -errno;
    } else {
        w->size += s.n;
    }
    trn_buf_clear(&w->pending);
    return r;
}

int trn_log_create(const char *path, const struct trn_log_header *h, struct trn_log_writer **ret, struct trn_err *err)
{
    char shown[200];
    struct trn_log_writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return trn_fail(err, -ENOMEM, "cannot create log: out of memory");
    trn_buf_init(&w->pending, FLUSH_AT + RECORD_MAX + FRAME);
    trn_buf_init(&w->record, RECORD_MAX);
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (w->fd < 0) {
        int code = -errno;
        trn_log_close(w);
        return trn_fail(err, code, "cannot create log '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)), trn_errno_name(code));
    }
    trn_put(&w->pending, magic, sizeof(magic));
    trn_put_u32(&w->pending, HEADER_REST);
    trn_put(&w->pending, h->host_id, sizeof(h->host_id));
    trn_put(&w->pending, h->boot_id, sizeof(h->boot_id));
    trn_put(&w->pending, h->snapshot, sizeof(h->snapshot));
    trn_put(&w->pending, h->indicators, sizeof(h->indicators));
    trn_put_u64(&w->pending, h->wall_ns);
    int r = write_all(w);
    if (r < 0) {
        trn_log_close(w);
        return trn_fail(err, r, "cannot write log '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(path)),
                        trn_errno_name(r));
    }
    *ret = w;
    return 0;
}

int trn_log_write(struct trn_log_writer *w, const struct trn_event *ev)
{
    trn_buf_clear(&w->record);
    trn_event_encode(ev, &w->record);
    return w->record.bad ? -E2BIG : trn_log_write_encoded(w, trn_buf_str(&w->record));
}

int trn_log_write_encoded(struct trn_log_writer *w, struct trn_str event)
{
    if (event.n > RECORD_MAX)
        return -E2BIG;
    trn_put_u32(&w->pending, (uint32_t)event.n);
    trn_put_u32(&w->pending, (uint32_t)trn_hash64(event.p, event.n));
    trn_put_str(&w->pending, event);
    return w->pending.n >= FLUSH_AT || w->pending.bad ? write_all(w) : 0;
}

int trn_log_flush(struct trn_log_writer *w)
{
    return w->pending.n || w->pending.bad ? write_all(w) : 0;
}

uint64_t trn_log_size(const struct trn_log_writer *w)
{
    return w->size + w->pending.n;
}

struct trn_log_writer *trn_log_close(struct trn_log_writer *w)
{
    if (w == NULL)
        return NULL;
    if (w->fd >= 0) {
        write_all(w); /* who needs to know how that went calls trn_log_flush first */
        close(w->fd);
    }
    trn_buf_done(&w->pending);
    trn_buf_done(&w->record);
    free(w);
    return NULL;
}

/* Makes at least want bytes readable at buffer[at], or as many as the file has. */
static int fill(struct trn_log_reader *r, size_t want)
{
    if (r->n - r->at >= want || r->ended)
        return 0;
    for (size_t i = 0; r->at && i < r->n - r->at; i++)
        r->buffer[i] = r->buffer[r->at + i];
    r->n -= r->at;
    r->at = 0;
    if (want > r->cap) {
        uint8_t *p = realloc(r->buffer, want);
        if (p == NULL)
            return -ENOMEM;
        r->buffer = p;
        r->cap = want;
    }
    while (r->n < want && !r->ended) {
        ssize_t got = read(r->fd, r->buffer + r->n, r->cap - r->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        r->n += (size_t)got;
        r->ended = got == 0;
    }
    return 0;
}

static void consume(struct trn_log_reader *r, size_t n)
{
    r->at += n;
    r->offset += n;
}

static int read_header(struct trn_log_reader *r)
{
    struct trn_log_header *h = &r->header;

    int x = fill(r, sizeof(magic) + 4);
    if (x < 0)
        return x;
    struct trn_cursor c = trn_cur(r->buffer + r->at, r->n - r->at);
    struct trn_str m = trn_cur_bytes(&c, sizeof(magic));
    uint32_t rest = trn_cur_u32le(&c);
    if (c.bad || !trn_str_eq(m, (struct trn_str){magic, sizeof(magic)}) || rest < HEADER_REST || rest > HEADER_REST_MAX)
        return -EBADMSG;
    consume(r, sizeof(magic) + 4);
    x = fill(r, rest);
    if (x < 0)
        return x;
    c = trn_cur(r->buffer + r->at, r->n - r->at);
    trn_cur_copy(&c, h->host_id, sizeof(h->host_id));
    trn_cur_copy(&c, h->boot_id, sizeof(h->boot_id));
    trn_cur_copy(&c, h->snapshot, sizeof(h->snapshot));
    trn_cur_copy(&c, h->indicators, sizeof(h->indicators));
    h->wall_ns = trn_cur_u64le(&c);
    if (c.bad || r->n - r->at < rest)
        return -EBADMSG;
    consume(r, rest); /* what a later version added is skipped */
    return 0;
}

int trn_log_open(int fd, struct trn_log_reader **ret, struct trn_err *err)
{
    struct trn_log_reader *r = calloc(1, sizeof(*r));
    int x = -ENOMEM;

    if (r == NULL) {
        close(fd);
        return trn_fail(err, x, "cannot read log: out of memory");
    }
    r->fd = fd;
    r->cap = FLUSH_AT;
    r->buffer = malloc(r->cap);
    if (r->buffer)
        x = read_header(r);
    if (x < 0) {
        trn_log_reader_free(r);
        if (x == -EBADMSG)
            return trn_fail(err, x, "cannot read log: it does not begin like one");
        return trn_fail(err, x, "cannot read log: %s", trn_errno_name(x));
    }
    *ret = r;
    return 0;
}

const struct trn_log_header *trn_log_header(const struct trn_log_reader *r)
{
    return &r->header;
}

int trn_log_next(struct trn_log_reader *r, struct trn_event *ret, struct trn_err *err)
{
    int x = fill(r, FRAME);
    if (x < 0)
        return trn_fail(err, x, "cannot read log: %s", trn_errno_name(x));
    if (r->n == r->at)
        return 0;
    struct trn_cursor c = trn_cur(r->buffer + r->at, r->n - r->at);
    uint32_t length = trn_cur_u32le(&c), sum = trn_cur_u32le(&c);
    if (c.bad || length == 0) {
        r->torn = true; /* a file system may leave zeros where a write did not end */
        return 0;
    }
    if (length > RECORD_MAX)
        return trn_fail(err, -EBADMSG, "cannot read log: damaged record at byte %llu", (unsigned long long)r->offset);
    x = fill(r, FRAME + length);
    if (x < 0)
        return trn_fail(err, x, "cannot read log: %s", trn_errno_name(x));
    if (r->n - r->at < FRAME + length) {
        r->torn = true;
        return 0;
    }
    const uint8_t *body = r->buffer + r->at + FRAME;
    c = trn_cur(body, length);
    if ((uint32_t)trn_hash64(body, length) != sum || trn_event_decode(&c, ret) < 0)
        return trn_fail(err, -EBADMSG, "cannot read log: damaged record at byte %llu", (unsigned long long)r->offset);
    consume(r, FRAME + length);
    return 1;
}

bool trn_log_torn(const struct trn_log_reader *r)
{
    return r->torn;
}

struct trn_log_reader *trn_log_reader_free(struct trn_log_reader *r)
{
    if (r == NULL)
        return NULL;
    close(r->fd);
    free(r->buffer);
    free(r);
    return NULL;
}
