/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: consumes a BPF ring buffer through a mapping, with no system call but mmap: the engine
 * has no right to bpf(). Owns the two mappings. Must not decode.
 *
 * The kernel lays the ring out as: one page for the reader's position (ours to write), one page for
 * the writer's, then the data twice in a row, so that a record never wraps. Each record begins with
 * a 32-bit length whose top bits say "still being written" and "thrown away", and 4 bytes for the
 * kernel's own use.
 */
#include "sensor/reader.h"

#include <sys/mman.h>
#include <unistd.h>

#define RECORD_BUSY (1u << 31)
#define RECORD_DISCARDED (1u << 30)
#define RECORD_HEAD 8u

int trn_ring_map(int fd, uint32_t size, struct trn_ring *ret)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct trn_ring r = {.size = size, .consumer_size = page, .producer_size = page + 2 * (size_t)size};

    if (size < page || (size & (size - 1)) != 0 || size > (64u << 20))
        return -EINVAL;
    r.consumer = mmap(NULL, r.consumer_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (r.consumer == MAP_FAILED)
        return -errno;
    r.producer = mmap(NULL, r.producer_size, PROT_READ, MAP_SHARED, fd, (off_t)page);
    if (r.producer == MAP_FAILED) {
        int e = -errno;

        (void)munmap(r.consumer, r.consumer_size);
        return e;
    }
    r.data = (const uint8_t *)r.producer + page;
    *ret = r;
    return 0;
}

void trn_ring_unmap(struct trn_ring *r)
{
    if (r->consumer)
        (void)munmap(r->consumer, r->consumer_size);
    if (r->producer)
        (void)munmap(r->producer, r->producer_size);
    *r = (struct trn_ring){0};
}

int trn_ring_drain(struct trn_ring *r, trn_record_fn fn, void *ctx)
{
    unsigned long *at = r->consumer;
    uint64_t here = __atomic_load_n(at, __ATOMIC_RELAXED);
    /* Only what is there now: a flood must not keep the caller here for ever. */
    uint64_t end = __atomic_load_n((const unsigned long *)r->producer, __ATOMIC_ACQUIRE);
    int count = 0;

    while (here < end) {
        const uint8_t *head = r->data + (here & (r->size - 1));
        uint32_t word = __atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);
        uint32_t n = word & ~(RECORD_BUSY | RECORD_DISCARDED);

        if (word & RECORD_BUSY)
            break;
        if (n > r->size - RECORD_HEAD || end - here < RECORD_HEAD + n) {
            __atomic_store_n(at, end, __ATOMIC_RELEASE);
            return -EBADMSG;
        }
        if (!(word & RECORD_DISCARDED)) {
            int rc = fn(ctx, trn_cur(head + RECORD_HEAD, n));

            if (rc < 0)
                return rc; /* the record stays */
            count++;
        }
        here += (RECORD_HEAD + (uint64_t)n + 7) & ~7ull;
        __atomic_store_n(at, here, __ATOMIC_RELEASE);
    }
    return count;
}
