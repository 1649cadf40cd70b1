/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: always close-on-exec, all-or-error reads and writes, opens that cannot leave a folder. */
#ifndef TRN_BASE_FD_H
#define TRN_BASE_FD_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/stat.h>
#include <sys/types.h>

int trn_fd_close(int fd); /* takes -1; returns -1; keeps errno */
static inline void trn_fd_closep(int *fd)
{
    *fd = trn_fd_close(*fd);
}
static inline int trn_fd_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* All n bytes or a negative errno (-ENODATA at a short end of file). EINTR is retried. */
int trn_read_full(int fd, void *p, size_t n) TRN_MUST_CHECK;
int trn_pread_full(int fd, void *p, size_t n, uint64_t offset) TRN_MUST_CHECK;
int trn_write_full(int fd, const void *p, size_t n) TRN_MUST_CHECK;
/* Whole file from its current offset, at most out->max bytes (-EFBIG). */
int trn_read_all(int fd, struct trn_buf *out) TRN_MUST_CHECK;
/* out is initialised here; the caller done()s it on success. */
int trn_read_file(const char *path, size_t max, struct trn_buf *out, struct trn_err *err) TRN_MUST_CHECK;
/* Writes path.tmp in the same folder, fsyncs, renames: readers see the old or the new, never half. */
int trn_write_file_atomic(const char *path, struct trn_str content, mode_t mode, struct trn_err *err) TRN_MUST_CHECK;
/* openat2 with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: path is taken relative to dirfd as its "/". */
int trn_open_in_root(int dirfd, const char *path, int flags) TRN_MUST_CHECK; /* fd or negative errno */
/* fstat by the system call of that name: libc's own asks newfstatat, which takes paths and so is refused
 * to sandboxed workers. 0 or negative errno. */
int trn_fstat(int fd, struct stat *ret) TRN_MUST_CHECK;
int trn_set_nonblock(int fd, bool on) TRN_MUST_CHECK;

#endif
