/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the frame of a bundle, both ways. The writer runs in turncoatd and looks at no byte of what it
 * copies; the reader runs in a worker. Must not own: the descriptors, and what the files mean.
 */
#include "software/software.h"

#include <sys/stat.h>
#include <unistd.h>

#define HEAD 12 /* u32 name length, u64 data length */

static const char magic[4] = {'T', 'R', 'N', 'B'};

int trn_bundle_put_header(int fd)
{
    return trn_write_full(fd, magic, sizeof(magic));
}

static int copy(int to, int from, uint64_t size)
{
    char window[32768];
    for (uint64_t at = 0; at < size;) {
        size_t n = (size_t)TRN_MIN(size - at, (uint64_t)sizeof(window));
        int r = trn_pread_full(from, window, n, at);
        if (r == 0)
            r = trn_write_full(to, window, n);
        if (r < 0)
            return r;
        at += n;
    }
    return 0;
}

int trn_bundle_put_file(int fd, struct trn_str name, int from)
{
    struct stat st;
    if (fstat(from, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || name.n == 0 || name.n > TRN_BUNDLE_NAME_MAX)
        return -EINVAL;
    TRN_AUTO(trn_buf_done) struct trn_buf head;
    trn_buf_init(&head, HEAD + TRN_BUNDLE_NAME_MAX);
    trn_put_u32(&head, (uint32_t)name.n);
    trn_put_u64(&head, (uint64_t)st.st_size);
    trn_put_str(&head, name);
    if (head.bad)
        return -ENOMEM;
    int r = trn_write_full(fd, head.p, head.n);
    return r < 0 ? r : copy(fd, from, (uint64_t)st.st_size);
}

int trn_bundle_open(int fd, struct trn_bundle_reader *ret, struct trn_err *err)
{
    struct stat st;
    int sized = trn_fstat(fd, &st);
    if (sized < 0)
        return trn_fail(err, sized, "cannot size the bundle");
    if (st.st_size < (off_t)sizeof(magic) || (uint64_t)st.st_size > TRN_BUNDLE_MAX)
        return trn_fail(err, -EFBIG, "bundle of %lld bytes is not between 4 and 256 MiB", (long long)st.st_size);
    char head[sizeof(magic)];
    int r = trn_pread_full(fd, head, sizeof(head), 0);
    if (r < 0)
        return trn_fail(err, r, "cannot read the bundle");
    if (memcmp(head, magic, sizeof(magic)) != 0)
        return trn_fail(err, -EBADMSG, "not a bundle");
    *ret = (struct trn_bundle_reader){.fd = fd, .at = sizeof(magic), .size = (uint64_t)st.st_size};
    return 0;
}

int trn_bundle_next(struct trn_bundle_reader *r, struct trn_bundle_entry *ret, struct trn_err *err)
{
    if (r->at == r->size)
        return 0;
    uint8_t head[HEAD];
    if (r->size - r->at < HEAD)
        return trn_fail(err, -EBADMSG, "bundle ends inside an entry");
    int e = trn_pread_full(r->fd, head, sizeof(head), r->at);
    if (e < 0)
        return trn_fail(err, e, "cannot read the bundle");
    struct trn_cursor c = trn_cur(head, sizeof(head));
    uint32_t name = trn_cur_u32le(&c);
    uint64_t size = trn_cur_u64le(&c), left = r->size - r->at - HEAD;
    if (name == 0 || name > TRN_BUNDLE_NAME_MAX || name > left || size > left - name)
        return trn_fail(err, -EBADMSG, "bundle entry does not fit");
    e = trn_pread_full(r->fd, ret->name, name, r->at + HEAD);
    if (e < 0)
        return trn_fail(err, e, "cannot read the bundle");
    ret->name_length = name;
    ret->offset = r->at + HEAD + name;
    ret->size = size;
    r->at = ret->offset + size;
    return 1;
}
