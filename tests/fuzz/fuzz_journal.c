/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the journal of actions, as turncoatd and the command line read it. The input is bodies, each behind its
 * size (u16): the target makes their hashes, so that what stands behind the chain is looked at, too. Then the input as a
 * journal of its own. And what an act keeps of its programs.
 */
#include "event/event.h"
#include "response/execute/marked.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int entry(void *ctx, const struct trn_journal_entry *e)
{
    uint64_t *n = ctx;
    struct trn_marked_keep *keep = NULL;
    assert(e->number == ++*n && e->event.type == TRN_EV_RESPONSE);
    if (trn_marked_read_keep(e->keep, &keep) == 0)
        free(keep);
    return 0;
}

static void read_journal(const struct trn_buf *b)
{
    struct trn_journal_end end = {0};
    struct trn_err err = {0};
    uint64_t n = 0;
    int fd = memfd_create("journal", MFD_CLOEXEC);
    assert(fd >= 0 && trn_write_full(fd, b->p, b->n) == 0);
    if (trn_journal_read(fd, entry, &n, &end, &err) == 0) {
        assert(end.records == n && end.offset <= b->n);
        assert((end.state == TRN_JOURNAL_WHOLE) == (end.offset == b->n));
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_cursor in = trn_cur(data, size);
    struct trn_marked_keep *keep = NULL;
    uint8_t head[TRN_SHA256_SIZE];
    struct trn_buf b;
    if (size > 65536)
        return 0;
    trn_buf_init(&b, 1u << 20);
    trn_put_str(&b, trn_journal_begin(head));
    while (trn_cur_left(&in) > 2) {
        struct trn_str body = trn_cur_bytes(&in, trn_cur_u16le(&in));
        if (in.bad)
            break;
        struct trn_digest *d = trn_digest_new(false);
        assert(d && trn_digest_update(d, head, sizeof head) == 0 && trn_digest_update(d, body.p, body.n) == 0 &&
               trn_digest_end(d, head, NULL) == 0);
        trn_digest_free(d);
        trn_put_u32(&b, (uint32_t)body.n);
        trn_put_str(&b, body);
        trn_put(&b, head, sizeof head);
    }
    read_journal(&b);
    trn_buf_clear(&b);
    trn_put(&b, data, size);
    read_journal(&b);
    trn_buf_done(&b);
    if (trn_marked_read_keep((struct trn_str){(const char *)data, size}, &keep) == 0)
        free(keep);
    return 0;
}
