/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading by place, bounded by the size that was told. Must not own: the file, a cache.
 * Hand-offs: views of memory are borrowed from it; copies are the arena's.
 */
#include "base/source.h"

#include "base/checked.h"
#include "base/fd.h"

#include <unistd.h>

struct trn_source trn_source_mem(struct trn_str bytes)
{
    static const uint8_t nothing[1];
    return (struct trn_source){.size = bytes.n, .mem = bytes.p ? (const uint8_t *)bytes.p : nothing};
}

static int64_t read_fd(void *ctx, uint64_t at, void *dst, size_t n)
{
    const int *fd = ctx;
    ssize_t got;
    do
        got = pread(*fd, dst, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

int trn_source_fd(const int *fd, uint64_t size, struct trn_source *ret)
{
    if (!size) {
        struct stat st;
        int e = trn_fstat(*fd, &st);
        if (e < 0)
            return e;
        size = (uint64_t)st.st_size;
    }
    if (size > INT64_MAX)
        return -EFBIG;
    *ret = (struct trn_source){.size = size, .read = read_fd, .ctx = (void *)(uintptr_t)fd};
    return 0;
}

struct trn_source trn_source_part(const struct trn_source *s, uint64_t at, uint64_t n)
{
    struct trn_source part = *s;
    at = TRN_MIN(at, s->size);
    part.size = TRN_MIN(n, s->size - at);
    if (s->mem)
        part.mem = s->mem + at;
    else
        part.from = s->from + at; /* both below s's own end, so no wrap */
    return part;
}

int64_t trn_source_read(const struct trn_source *s, uint64_t at, void *dst, size_t n)
{
    if (at >= s->size)
        return 0;
    n = (size_t)TRN_MIN((uint64_t)n, s->size - at);
    if (s->mem) {
        memcpy(dst, s->mem + at, n);
        return (int64_t)n;
    }
    size_t done = 0;
    while (done < n) {
        int64_t got = s->read(s->ctx, s->from + at + done, (char *)dst + done, n - done);
        if (got < 0)
            return got >= -4095 ? got : -EIO;
        if (got == 0)
            break; /* cut meanwhile */
        if ((uint64_t)got > n - done)
            return -EIO;
        done += (size_t)got;
    }
    return (int64_t)done;
}

static int fetch(const struct trn_source *s, uint64_t at, size_t n, struct trn_arena *a, struct trn_str *ret)
{
    if (s->mem) {
        *ret = (struct trn_str){(const char *)s->mem + at, n};
        return 0;
    }
    char *copy = trn_arena_alloc(a, n);
    if (!copy)
        return -ENOMEM;
    int64_t got = trn_source_read(s, at, copy, n);
    if (got < 0)
        return (int)got;
    *ret = (struct trn_str){copy, (size_t)got};
    return 0;
}

int trn_source_take(const struct trn_source *s, uint64_t at, size_t n, struct trn_arena *a, struct trn_str *ret)
{
    struct trn_str got;
    if (at > s->size || n > s->size - at)
        return -EBADMSG;
    int e = fetch(s, at, n, a, &got);
    if (e == 0 && got.n != n)
        e = -EBADMSG;
    if (e == 0)
        *ret = got;
    return e;
}

int trn_source_cursor(const struct trn_source *s, uint64_t at, size_t n, struct trn_arena *a, struct trn_cursor *ret)
{
    struct trn_str got;
    at = TRN_MIN(at, s->size);
    int e = fetch(s, at, (size_t)TRN_MIN((uint64_t)n, s->size - at), a, &got);
    if (e == 0)
        *ret = trn_cur_of(got);
    return e;
}
