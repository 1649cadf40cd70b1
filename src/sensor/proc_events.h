/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room, and for the fuzz target of its one parser. */
#ifndef TRN_SENSOR_PROC_EVENTS_H
#define TRN_SENSOR_PROC_EVENTS_H

#include "sensor/sensor.h"

#define TRN_PROC_SEEN 64

/* Who attached to whom lately; the oldest is overwritten. */
struct trn_proc_seen {
    struct {
        uint32_t tracer, target;
        uint64_t time;
    } pair[TRN_PROC_SEEN];
    size_t next;
};

/* One datagram of the kernel's. to_boot: what its time lacks to boot time. -EBADMSG; or what the sink says. */
int trn_proc_event(struct trn_proc_seen *seen, struct trn_str datagram, int64_t to_boot,
                   const struct trn_record_sink *sink) TRN_MUST_CHECK;

#endif
