/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the vault's folder, its lock, its records, and the order in which a file changes its place.
 * Must not own: the steps themselves (vault_take.c, vault_back.c), what is interrupted (vault_recover.c).
 * Hand-offs: descriptors are the caller's.
 *
 * At every moment the file is whole in at least one place, and the record says which one counts; after recovery it is in
 * exactly one. "->" is a rename, "+" an fsync of what was written and of its folder.
 *
 *   take, one file system            killed after this step, recovery
 *   1 record TAKING +                drops the record                      (the original counts)
 *   2 original -> ID.data +          writes HELD                           (it is the same inode)
 *   3 record HELD +                  nothing to do
 *
 *   take, another file system, or somebody has the file open for writing
 *   1 record TAKING +                drops the record
 *   2 copy to ID.part +, hashed      drops ID.part, record
 *   3 ID.part -> ID.data +           drops ID.data, record                 (original gone meanwhile: writes HELD)
 *   4 record HELD +                  removes the original, when it is still the one that was copied
 *   5 original removed +             nothing to do
 *
 *   restore, one file system
 *   1 record RESTORING +             writes HELD
 *   2 ID.data -> its place +         drops the record
 *   3 record dropped +
 *
 *   restore, another file system, or from a copy
 *   1 record RESTORING +             writes HELD
 *   2 copy beside its place +, hashed, owner, xattrs, mode, times
 *                                    removes that copy, writes HELD
 *   3 record with its inode +        the same
 *   4 copy -> its place +            drops ID.data, record                 (its place has that inode)
 *   5 record RESTORED +              drops ID.data, record
 *   6 ID.data dropped +              drops the record
 *   7 record dropped +
 *
 * No rename goes over an existing file.
 */
#include "response/execute/vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER "vault"

struct trn_vault_name trn_vault_name(uint64_t id, enum trn_vault_suffix suffix)
{
    static const char *const words[] = {"data", "record", "part", "new"};
    struct trn_vault_name n;

    (void)snprintf(n.s, sizeof(n.s), "%016llx.%s", (unsigned long long)id, words[suffix]);
    return n;
}

struct trn_vault_name trn_vault_name_beside(uint64_t id)
{
    struct trn_vault_name n;

    (void)snprintf(n.s, sizeof(n.s), ".turncoat-%016llx.back", (unsigned long long)id);
    return n;
}

void trn_vault_stepped(const struct trn_vault *v, enum trn_vault_step s)
{
    if (v->step)
        v->step(v->ctx, s);
}

int trn_vault_peek(int response_fd, struct trn_vault *ret, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;

    if (mkdirat(response_fd, FOLDER, 0700) != 0 && errno != EEXIST)
        return trn_fail(err, -errno, "cannot make the vault: %s", trn_errno_name(-errno));
    fd = openat(response_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0700) != 0)
        return trn_fail(err, -errno, "cannot open the vault: %s", trn_errno_name(-errno));
    *ret = (struct trn_vault){.fd = trn_fd_steal(&fd), .max_bytes = TRN_VAULT_MAX_BYTES};
    return 0;
}

int trn_vault_open(int response_fd, struct trn_vault *ret, struct trn_err *err)
{
    struct trn_vault v = {.fd = -1};
    int code = trn_vault_peek(response_fd, &v, err);

    if (code < 0)
        return code;
    while (flock(v.fd, LOCK_EX) != 0) {
        code = -errno;
        if (code == -EINTR)
            continue;
        trn_vault_close(&v);
        return trn_fail(err, code, "cannot lock the vault: %s", trn_errno_name(code));
    }
    *ret = v;
    return 0;
}

void trn_vault_close(struct trn_vault *v)
{
    v->fd = trn_fd_close(v->fd); /* and the lock */
}

int trn_vault_sync(int folder)
{
    TRN_AUTO(trn_fd_closep) int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    /* Some file systems have nothing to write out for a folder and say so. */
    return fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
}

int trn_vault_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
    if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    /* A file system without that: a new name is never put over another one either. */
    if (linkat(from_dir, from, to_dir, to, 0) != 0)
        return -errno;
    return unlinkat(from_dir, from, 0) == 0 ? 0 : -errno;
}

int trn_vault_base(const struct trn_vault_record *r, char ret[256])
{
    struct trn_str base = trn_path_base(r->path);

    if (base.n == 0 || base.n > 255)
        return -ENAMETOOLONG;
    memcpy(ret, base.p, base.n);
    ret[base.n] = '\0';
    return 0;
}

static int save(const struct trn_vault *v, const struct trn_vault_record *r, struct trn_str bytes)
{
    struct trn_vault_name tmp = trn_vault_name(r->id, TRN_VAULT_NEW), name = trn_vault_name(r->id, TRN_VAULT_RECORD);
    TRN_AUTO(trn_fd_closep) int fd = openat(v->fd, tmp.s, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int code;

    if (fd < 0)
        return -errno;
    code = trn_write_full(fd, bytes.p, bytes.n);
    if (code == 0 && (fsync(fd) != 0 || renameat(v->fd, tmp.s, v->fd, name.s) != 0))
        code = -errno;
    if (code < 0)
        (void)unlinkat(v->fd, tmp.s, 0);
    return code < 0 ? code : trn_vault_sync(v->fd);
}

int trn_vault_save(const struct trn_vault *v, const struct trn_vault_record *r, struct trn_err *err)
{
    struct trn_buf b;
    int code;

    trn_buf_init(&b, TRN_VAULT_RECORD_MAX);
    trn_vault_record_encode(r, &b);
    code = b.bad ? -EMSGSIZE : save(v, r, trn_buf_str(&b));
    trn_buf_done(&b);
    if (code == 0)
        return 0;
    code = trn_fail(err, code, "cannot write the vault's record: %s", trn_errno_name(code));
    if (code == -ENOSPC || code == -EDQUOT)
        trn_hint(err, "make room on the file system of turncoat's state folder");
    return code;
}

int trn_vault_load(const struct trn_vault *v, uint64_t id, struct trn_arena *arena, struct trn_vault_record *ret,
                   struct trn_err *err)
{
    struct trn_vault_name name = trn_vault_name(id, TRN_VAULT_RECORD);
    TRN_AUTO(trn_fd_closep) int fd = openat(v->fd, name.s, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct trn_vault_record r = {0};
    struct trn_buf b;
    int code;

    if (fd < 0 && errno == ENOENT)
        return trn_fail(err, -ENOENT, "the vault has no file of this action: it was put back, or never taken");
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open the vault's record: %s", trn_errno_name(-errno));
    trn_buf_init(&b, TRN_VAULT_RECORD_MAX);
    code = trn_read_all(fd, &b);
    if (code == 0)
        code = trn_vault_record_decode(trn_buf_str(&b), arena, &r);
    trn_buf_done(&b);
    if (code == 0 && r.id != id)
        code = -EPROTO;
    if (code < 0) {
        code = trn_fail(err, code, "cannot read the vault's record '%s': %s", name.s, trn_errno_name(code));
        trn_hint(err, "the content is untouched: it stands beside it as '%016llx.data'", (unsigned long long)id);
        return code;
    }
    *ret = r;
    return 0;
}

static int drop(const struct trn_vault *v, uint64_t id, enum trn_vault_suffix suffix)
{
    return unlinkat(v->fd, trn_vault_name(id, suffix).s, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int trn_vault_forget(const struct trn_vault *v, uint64_t id, struct trn_err *err)
{
    int code = drop(v, id, TRN_VAULT_PART);

    if (code == 0)
        code = drop(v, id, TRN_VAULT_DATA);
    if (code == 0)
        code = trn_vault_sync(v->fd);
    if (code == 0)
        code = drop(v, id, TRN_VAULT_RECORD);
    if (code == 0)
        code = trn_vault_sync(v->fd);
    return code == 0 ? 0 : trn_fail(err, code, "cannot remove from the vault: %s", trn_errno_name(code));
}

int trn_vault_folder(const struct trn_vault_record *r, struct trn_err *err)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    TRN_AUTO(trn_fd_closep) int fd = -1;
    struct trn_str dir = trn_path_dir(r->path);
    char path[4096], shown[200];
    struct stat st = {0};
    int code;

    if (dir.n >= sizeof(path))
        return trn_fail(err, -ENAMETOOLONG, "the folder's name is too long");
    memcpy(path, dir.p, dir.n);
    path[dir.n] = '\0';
    (void)trn_escape_into(shown, sizeof(shown), dir);
    fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    if (fd < 0 || fstat(fd, &st) != 0) {
        code = trn_fail(err, -errno, "cannot open its folder '%s': %s", shown, trn_errno_name(-errno));
        if (code == -ENOENT)
            trn_hint(err, "make it again: owner %u:%u, mode %04o", r->folder_uid, r->folder_gid,
                     r->folder_mode & 07777);
        return code;
    }
    /* Numbers of devices change when something is mounted again. */
    if (st.st_ino != r->folder_ino &&
        (st.st_uid != r->folder_uid || st.st_gid != r->folder_gid || st.st_mode != r->folder_mode)) {
        code = trn_fail(err, -ESTALE, "'%s' is another folder than it was", shown);
        trn_hint(err, "give it back its owner %u:%u and mode %04o, if you trust it", r->folder_uid, r->folder_gid,
                 r->folder_mode & 07777);
        return code;
    }
    return trn_fd_steal(&fd);
}

int trn_vault_at_place(const struct trn_vault_record *r, struct stat *ret)
{
    struct trn_err err;
    TRN_AUTO(trn_fd_closep) int folder = trn_vault_folder(r, &err);
    char base[256];

    if (folder < 0)
        return folder == -ESTALE || folder == -ELOOP || folder == -ENOTDIR ? -ENOENT : folder;
    if (trn_vault_base(r, base) != 0)
        return -ENAMETOOLONG;
    return fstatat(folder, base, ret, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

int trn_vault_verify(const struct trn_vault *v, const struct trn_vault_record *r)
{
    TRN_AUTO(trn_fd_closep)
    int fd = openat(v->fd, trn_vault_name(r->id, TRN_VAULT_DATA).s, O_RDONLY | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);
    uint8_t have[TRN_SHA256_SIZE];
    int code = fd < 0 ? -errno : trn_vault_hash(fd, have);

    if (code < 0)
        return code;
    return memcmp(have, r->sha256, sizeof(have)) == 0 ? 0 : -EBADMSG;
}

int trn_vault_room(const struct trn_vault *v, uint64_t bytes, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int again = openat(v->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    uint64_t used = 0, files = 0;
    struct dirent *e;
    struct stat st = {0};
    int code;

    if (!dir)
        return trn_fail(err, -errno, "cannot read the vault: %s", trn_errno_name(-errno));
    (void)trn_fd_steal(&again);
    while ((e = readdir(dir))) {
        if (!trn_str_ends(trn_str_of(e->d_name), TRN_STR(".data")) ||
            fstatat(v->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        used += (uint64_t)st.st_blocks * 512;
        files++;
    }
    closedir(dir);
    if (used <= v->max_bytes && bytes <= v->max_bytes - used && files < TRN_VAULT_ENTRIES)
        return 0;
    code = trn_fail(err, -EDQUOT, "the vault is full: %llu files, %llu of %llu MB, and this file has %llu MB",
                    (unsigned long long)files, (unsigned long long)used >> 20, (unsigned long long)v->max_bytes >> 20,
                    (unsigned long long)bytes >> 20);
    trn_hint(err, "restore what is harmless ('turncoat respond list'), or block this file instead");
    return code;
}
