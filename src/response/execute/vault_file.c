/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what one open file is: its content, copied with its holes; its owner, mode, times and xattrs, read and put back.
 * Must not own: names and places (vault.c).
 */
#include "response/execute/vault.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHUNK (256u << 10)
#define RANGE_MAX (1u << 30)

int trn_vault_hash(int fd, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    TRN_AUTO(trn_freep) uint8_t *chunk = malloc(CHUNK);
    off_t at = 0;

    if (!d || !chunk)
        return -ENOMEM;
    for (;;) {
        ssize_t n = pread(fd, chunk, CHUNK, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return trn_digest_end(d, ret, NULL);
        if (trn_digest_update(d, chunk, (size_t)n) != 0)
            return -ENOMEM;
        at += n;
    }
}

static int copy_by_hand(int from, int to, off_t at, off_t end)
{
    TRN_AUTO(trn_freep) uint8_t *chunk = malloc(CHUNK);

    if (!chunk)
        return -ENOMEM;
    while (at < end) {
        ssize_t n = pread(from, chunk, TRN_MIN((size_t)(end - at), (size_t)CHUNK), at);
        ssize_t done = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0; /* it was cut meanwhile: the hash will tell */
        while (done < n) {
            ssize_t w = pwrite(to, chunk + done, (size_t)(n - done), at + done);

            if (w < 0 && errno != EINTR)
                return -errno;
            done += w > 0 ? w : 0;
        }
        at += n;
    }
    return 0;
}

static int copy_range(int from, int to, off_t at, off_t end)
{
    while (at < end) {
        off_t in = at, out = at;
        ssize_t n = copy_file_range(from, &in, to, &out, TRN_MIN((size_t)(end - at), (size_t)RANGE_MAX), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM))
            return copy_by_hand(from, to, at, end);
        if (n < 0)
            return -errno;
        if (n == 0)
            return copy_by_hand(from, to, at, end);
        at += n;
    }
    return 0;
}

int trn_vault_copy(int from, int to)
{
    struct stat st = {0};
    off_t at = 0;
    int r = 0;

    if (fstat(from, &st) != 0 || ftruncate(to, st.st_size) != 0)
        return -errno;
    while (r == 0 && at < st.st_size) {
        off_t data = lseek(from, at, SEEK_DATA), hole;

        if (data < 0 && errno == ENXIO)
            return 0; /* nothing but a hole up to the end */
        if (data < 0)
            data = at; /* a file system that does not tell */
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole <= data)
            hole = st.st_size;
        r = copy_range(from, to, data, hole);
        at = hole;
    }
    return r;
}

/* A view of the whole value in the arena; *left: what is still allowed. */
static int read_xattr(int fd, const char *name, struct trn_arena *arena, size_t *left, struct trn_str *ret)
{
    ssize_t n = fgetxattr(fd, name, NULL, 0);
    char *value;

    if (n < 0)
        return -errno;
    if ((size_t)n > *left)
        return -E2BIG;
    value = trn_arena_alloc(arena, (size_t)n + 1);
    if (!value)
        return -ENOMEM;
    n = fgetxattr(fd, name, value, (size_t)n);
    if (n < 0)
        return -errno;
    *left -= (size_t)n;
    *ret = (struct trn_str){value, (size_t)n};
    return 0;
}

static int read_xattrs(int fd, struct trn_arena *arena, struct trn_vault_record *ret)
{
    ssize_t n = flistxattr(fd, NULL, 0);
    struct trn_vault_xattr *x = trn_arena_array(arena, TRN_VAULT_XATTRS, sizeof(*x));
    struct trn_str rest, name;
    size_t left = TRN_VAULT_XATTRS_BYTES;
    char *names;

    ret->n_xattrs = 0;
    ret->xattrs = x;
    if (n < 0 && errno == EOPNOTSUPP)
        return 0;
    if (n < 0)
        return -errno;
    if (!x)
        return -ENOMEM;
    if (n == 0)
        return 0;
    names = trn_arena_alloc(arena, (size_t)n);
    if (!names)
        return -ENOMEM;
    n = flistxattr(fd, names, (size_t)n);
    if (n < 0)
        return -errno;
    rest = (struct trn_str){names, (size_t)n};
    while (trn_str_split(&rest, '\0', &name)) {
        int r;

        if (name.n == 0)
            continue;
        if (ret->n_xattrs == TRN_VAULT_XATTRS)
            return -E2BIG;
        x[ret->n_xattrs].name = trn_arena_str(arena, name);
        if (trn_str_is_none(x[ret->n_xattrs].name))
            return -ENOMEM;
        r = read_xattr(fd, x[ret->n_xattrs].name.p, arena, &left, &x[ret->n_xattrs].value);
        if (r == -ENODATA)
            continue; /* removed meanwhile: its change time will tell */
        if (r < 0)
            return r;
        ret->n_xattrs++;
    }
    return 0;
}

static struct trn_vault_time time_of(struct timespec t)
{
    return (struct trn_vault_time){t.tv_sec, (uint32_t)t.tv_nsec};
}

int trn_vault_look(int fd, struct trn_arena *arena, struct trn_vault_record *ret)
{
    struct stat st = {0};

    if (fstat(fd, &st) != 0)
        return -errno;
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    ret->size = (uint64_t)st.st_size;
    ret->links = st.st_nlink;
    ret->uid = st.st_uid;
    ret->gid = st.st_gid;
    ret->mode = st.st_mode;
    ret->accessed = time_of(st.st_atim);
    ret->modified = time_of(st.st_mtim);
    ret->changed = time_of(st.st_ctim);
    return read_xattrs(fd, arena, ret);
}

int trn_vault_apply(int fd, const struct trn_vault_record *r, struct trn_err *err)
{
    const struct timespec times[2] = {{.tv_sec = r->accessed.sec, .tv_nsec = r->accessed.nsec},
                                      {.tv_sec = r->modified.sec, .tv_nsec = r->modified.nsec}};
    char shown[160];

    /* A change of owner takes away set-user-id and file capabilities: owner first. An access list may change the mode:
     * mode after the xattrs. */
    if (fchown(fd, r->uid, r->gid) != 0)
        return trn_fail(err, -errno, "cannot give it its owner back: %s", trn_errno_name(-errno));
    for (uint32_t i = 0; i < r->n_xattrs; i++) {
        const struct trn_vault_xattr *x = &r->xattrs[i];

        if (fsetxattr(fd, x->name.p, x->value.p, x->value.n, 0) != 0) {
            int code = trn_fail(err, -errno, "cannot give it its attribute '%s' back: %s",
                                trn_escape_into(shown, sizeof(shown), x->name), trn_errno_name(-errno));
            trn_hint(err, code == -EPERM
                              ? "turncoatd's unit must leave it CAP_SETFCAP and CAP_SYS_ADMIN"
                              : "the file system there must know that attribute: mount the one it came from");
            return code;
        }
    }
    if (fchmod(fd, r->mode & 07777) != 0)
        return trn_fail(err, -errno, "cannot give it its mode back: %s", trn_errno_name(-errno));
    if (futimens(fd, times) != 0)
        return trn_fail(err, -errno, "cannot give it its times back: %s", trn_errno_name(-errno));
    return 0;
}
