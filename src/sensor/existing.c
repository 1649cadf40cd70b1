/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: reads an iterator's stream and cuts it into records. Owns only its buffer; the
 * records go to the sink as they are and are decoded by the reader half.
 */
#include "sensor/loader.h"

#include <unistd.h>

#include "sensor/bpf/wire.h"

/* Gives all whole records in buf and returns how many bytes they took, or a negative errno. */
static ssize_t give_records(const char *buf, size_t n, const struct trn_record_sink *sink)
{
    size_t at = 0;

    while (n - at >= sizeof(struct trn_wire_header)) {
        struct trn_cursor c = trn_cur(buf + at, n - at);
        uint32_t size = trn_cur_u32le(&c);
        int r;

        if (size < sizeof(struct trn_wire_header) || size > TRN_WIRE_RECORD_MAX)
            return -EBADMSG;
        if (size > n - at)
            break;
        r = sink->record(sink->ctx, (struct trn_str){buf + at, size});
        if (r < 0)
            return r;
        at += size;
    }
    return (ssize_t)at;
}

int trn_existing_run(int iter_fd, const char *what, const struct trn_record_sink *sink, struct trn_err *err)
{
    const size_t size = 8 * TRN_WIRE_RECORD_MAX;
    TRN_AUTO(trn_freep) char *buf = malloc(size);
    size_t have = 0;

    if (!buf)
        return trn_fail(err, -ENOMEM, "cannot list the %s: out of memory", what);
    for (;;) {
        ssize_t n = read(iter_fd, buf + have, size - have);
        ssize_t used;

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return trn_fail(err, -errno, "cannot list the %s: %s", what, trn_errno_name(-errno));
        if (n == 0)
            return have == 0 ? 0 : trn_fail(err, -EBADMSG, "the list of the %s ends inside a record", what);
        have += (size_t)n;
        used = give_records(buf, have, sink);
        if (used < 0)
            return trn_fail(err, (int)used, "cannot pass on the %s: %s", what, trn_errno_name((int)used));
        have -= (size_t)used;
        memmove(buf, buf + used, have);
    }
}
