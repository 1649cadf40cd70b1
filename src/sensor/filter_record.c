/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: what turncoatd knows of a filter, as a record for the engine. Must not decide anything.
 */
#include "sensor/sensor.h"

#include <limits.h>

#include "sensor/bpf/wire.h"

int trn_filter_record(const struct trn_filter_note *n, const struct trn_record_sink *sink)
{
    struct {
        struct trn_wire_filter head;
        char tail[PATH_MAX + TRN_WIRE_FILTER_WHY_MAX];
    } r = {.head = {.head = {.type = TRN_WIRE_FILTER, .version = TRN_WIRE_VERSION, .time = trn_boot_ns()},
                    .inode = n->inode,
                    .ctime = n->ctime_ns,
                    .until = n->until_boot_ns,
                    .target_tgid = n->target_pid,
                    .uid = n->uid,
                    .classes = n->classes,
                    .flags = (n->ended ? TRN_WIRE_FILTER_ENDED : 0) | (n->existing ? TRN_WIRE_FILTER_EXISTING : 0)}};

    if (n->path.n > PATH_MAX || n->why.n > TRN_WIRE_FILTER_WHY_MAX)
        return -E2BIG;
    r.head.head.tgid = n->pid;
    r.head.path_len = (uint16_t)n->path.n;
    r.head.why_len = (uint16_t)n->why.n;
    if (n->path.n)
        memcpy(r.tail, n->path.p, n->path.n);
    if (n->why.n)
        memcpy(r.tail + n->path.n, n->why.p, n->why.n);
    r.head.head.size = (uint32_t)(offsetof(typeof(r), tail) + n->path.n + n->why.n);
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, r.head.head.size});
}
