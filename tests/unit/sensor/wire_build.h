/* SPDX-License-Identifier: Apache-2.0 */
/* Builds wire records for the tests of their readers. */
#ifndef TRN_TEST_WIRE_BUILD_H
#define TRN_TEST_WIRE_BUILD_H

#include "sensor/bpf/wire.h"
#include "sensor/sensor.h"

static inline struct trn_wire_header wire_head(uint16_t type, size_t size)
{
    return (struct trn_wire_header){.size = (uint32_t)size,
                                    .type = type,
                                    .version = TRN_WIRE_VERSION,
                                    .time = 1000,
                                    .start = 77,
                                    .tgid = 42,
                                    .tid = 43};
}

/* Fixed part and tail in one buffer; the size in the head is set. */
static inline size_t wire_join(uint8_t *dst, const void *fixed, size_t n, const void *tail, size_t tail_n)
{
    uint32_t size = (uint32_t)(n + tail_n);

    memcpy(dst, fixed, n);
    if (tail_n)
        memcpy(dst + n, tail, tail_n);
    memcpy(dst, &size, sizeof(size));
    return size;
}

#endif
