/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of the journal of actions and their chain. Must not own: the file, or what a record means.
 * Reading holds one record in memory at a time.
 */
#include "event/journal.h"

#include "event/codec.h"

#include <stdlib.h>
#include <unistd.h>

static const char magic[] = "TRNACTS1";
#define MAGIC_SIZE (sizeof magic - 1)

static int chain(const uint8_t before[TRN_SHA256_SIZE], struct trn_str body, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    if (!d)
        return -ENOMEM;
    int r = trn_digest_update(d, before, TRN_SHA256_SIZE);
    if (r == 0)
        r = trn_digest_update(d, body.p, body.n);
    return r == 0 ? trn_digest_end(d, ret, NULL) : r;
}

struct trn_str trn_journal_begin(uint8_t ret_head[TRN_SHA256_SIZE])
{
    if (trn_sha256(magic, MAGIC_SIZE, ret_head) < 0)
        return TRN_STR_NONE;
    return (struct trn_str){magic, MAGIC_SIZE};
}

int trn_journal_record(const struct trn_journal_entry *e, uint8_t head[TRN_SHA256_SIZE], struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf body, event;
    uint8_t hash[TRN_SHA256_SIZE];
    trn_buf_init(&body, TRN_JOURNAL_RECORD_MAX);
    trn_buf_init(&event, TRN_JOURNAL_RECORD_MAX);
    trn_event_encode(&e->event, &event);
    trn_put_u64(&body, e->number);
    trn_put_u64(&body, e->wall_ns);
    trn_put_lstr(&body, trn_buf_str(&event));
    trn_put_lstr(&body, e->request);
    trn_put_lstr(&body, e->files);
    trn_put_lstr(&body, e->keep);
    if (event.bad || body.bad)
        return -EMSGSIZE;
    int r = chain(head, trn_buf_str(&body), hash);
    if (r < 0)
        return r;
    trn_put_u32(out, (uint32_t)body.n);
    trn_put_str(out, trn_buf_str(&body));
    trn_put(out, hash, sizeof hash);
    if (out->bad)
        return -EMSGSIZE;
    memcpy(head, hash, sizeof hash);
    return 0;
}

static int decode(struct trn_str body, struct trn_journal_entry *ret)
{
    struct trn_cursor in = trn_cur_of(body);
    ret->number = trn_cur_u64le(&in);
    ret->wall_ns = trn_cur_u64le(&in);
    struct trn_cursor event = trn_cur_of(trn_cur_lstr(&in));
    ret->request = trn_cur_lstr(&in);
    ret->files = trn_cur_lstr(&in);
    ret->keep = trn_cur_lstr(&in);
    if (!trn_cur_end(&in) || trn_event_decode(&event, &ret->event) < 0 || ret->event.type != TRN_EV_RESPONSE)
        return -EBADMSG;
    return 0;
}

struct reading {
    int fd;
    uint8_t *buf; /* TRN_JOURNAL_RECORD_MAX + a hash */
    struct trn_journal_end end;
};

/* 1: a record; 0: the end, end.state says of what kind; negative: it cannot be read. */
static int next(struct reading *r, struct trn_journal_entry *ret)
{
    uint8_t head[4];
    ssize_t got = pread(r->fd, head, sizeof head, (off_t)r->end.offset);
    if (got <= 0)
        return got < 0 ? -errno : 0;
    r->end.state = TRN_JOURNAL_TORN;
    if (got < (ssize_t)sizeof head)
        return 0;
    struct trn_cursor size_cur = trn_cur(head, sizeof head);
    size_t n = trn_cur_u32le(&size_cur);
    if (n > TRN_JOURNAL_RECORD_MAX) {
        r->end.state = TRN_JOURNAL_BROKEN;
        return 0;
    }
    got = pread(r->fd, r->buf, n + TRN_SHA256_SIZE, (off_t)(r->end.offset + sizeof head));
    if (got < (ssize_t)(n + TRN_SHA256_SIZE))
        return got < 0 ? -errno : 0;
    const struct trn_str body = {(const char *)r->buf, n};
    int c = chain(r->end.head, body, ret->hash);
    if (c < 0)
        return c;
    ret->offset = r->end.offset;
    r->end.state = TRN_JOURNAL_BROKEN;
    if (memcmp(ret->hash, r->buf + n, TRN_SHA256_SIZE) != 0 || decode(body, ret) < 0 ||
        ret->number != r->end.records + 1)
        return 0;
    r->end.state = TRN_JOURNAL_WHOLE;
    r->end.records++;
    r->end.offset += sizeof head + n + TRN_SHA256_SIZE;
    memcpy(r->end.head, ret->hash, sizeof ret->hash);
    return 1;
}

int trn_journal_read(int fd, int (*entry)(void *ctx, const struct trn_journal_entry *e), void *ctx,
                     struct trn_journal_end *ret, struct trn_err *err)
{
    char first[MAGIC_SIZE];
    struct reading r = {.fd = fd, .end = {.offset = MAGIC_SIZE}};
    if (trn_pread_full(fd, first, sizeof first, 0) < 0 || memcmp(first, magic, MAGIC_SIZE) != 0 ||
        trn_str_is_none(trn_journal_begin(r.end.head)))
        return trn_fail(err, -EBADMSG, "it is no journal of actions");
    TRN_AUTO(trn_freep) uint8_t *buf = malloc(TRN_JOURNAL_RECORD_MAX + TRN_SHA256_SIZE);
    if (!buf)
        return trn_fail(err, -ENOMEM, "out of memory");
    r.buf = buf;
    for (;;) {
        struct trn_journal_entry e = {0};
        int n = next(&r, &e);
        if (n < 0)
            return trn_fail(err, n, "the journal of actions cannot be read: %s", trn_errno_name(n));
        if (n == 0)
            break;
        n = entry ? entry(ctx, &e) : 0;
        if (n != 0)
            return n;
    }
    *ret = r.end;
    return 0;
}
