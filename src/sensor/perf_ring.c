/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: consumes one CPU's perf buffer through a mapping. Owns the mapping. Must not decode.
 * A record that wraps at the end of the buffer is put together in the caller's scratch.
 */
#include "sensor/reader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <linux/perf_event.h>

int trn_perf_ring_map(int fd, uint32_t size, struct trn_perf_ring *ret)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct trn_perf_ring r = {.size = size, .offset = page, .map_size = page + size};

    if (size < page || (size & (size - 1)) != 0 || size > (64u << 20))
        return -EINVAL;
    r.map = mmap(NULL, r.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (r.map == MAP_FAILED)
        return -errno;
    *ret = r;
    return 0;
}

void trn_perf_ring_unmap(struct trn_perf_ring *r)
{
    if (r->map)
        (void)munmap(r->map, r->map_size);
    *r = (struct trn_perf_ring){0};
}

/* Copies n bytes from position `from`, over the end of the buffer if need be. */
static void copy_out(const struct trn_perf_ring *r, uint64_t from, uint8_t *to, size_t n)
{
    const uint8_t *data = (const uint8_t *)r->map + r->offset;
    size_t at = (size_t)(from & (r->size - 1));
    size_t first = TRN_MIN(n, (size_t)r->size - at);

    memcpy(to, data + at, first);
    memcpy(to + first, data, n - first);
}

int trn_perf_ring_drain(struct trn_perf_ring *r, uint8_t *scratch, trn_record_fn fn, void *ctx)
{
    struct perf_event_mmap_page *control = r->map;
    uint64_t end = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    uint64_t here = control->data_tail;
    int count = 0;

    while (here < end) {
        struct perf_event_header head;
        int rc;

        if (end - here < sizeof(head))
            break;
        copy_out(r, here, scratch, sizeof(head));
        memcpy(&head, scratch, sizeof(head));
        if (head.size < sizeof(head) || head.size > end - here || head.size > r->size) {
            __atomic_store_n(&control->data_tail, end, __ATOMIC_RELEASE);
            return -EBADMSG;
        }
        copy_out(r, here, scratch, head.size);
        rc = fn(ctx, trn_cur(scratch, head.size));
        if (rc < 0)
            return rc;
        count++;
        here += head.size;
        __atomic_store_n(&control->data_tail, here, __ATOMIC_RELEASE);
    }
    return count;
}
