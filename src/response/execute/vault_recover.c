/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what was interrupted in the vault: for each record, which place counts, and nothing left in the other. The table
 * stands in vault.c. Must not own: taking and putting back.
 *
 * Devices have other numbers after a restart of the machine; a file is known by its inode, and an original that is to be
 * removed by its change time as well.
 */
#include "response/execute/vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static bool same_time(struct trn_vault_time a, struct timespec b)
{
    return a.sec == b.tv_sec && a.nsec == (uint32_t)b.tv_nsec;
}

static int in_vault(const struct trn_vault *v, uint64_t id, struct stat *ret)
{
    return fstatat(v->fd, trn_vault_name(id, TRN_VAULT_DATA).s, ret, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

static int becomes_held(const struct trn_vault *v, struct trn_vault_record *r, struct trn_err *err)
{
    r->state = TRN_VAULT_HELD;
    r->back_dev = r->back_ino = 0;
    return trn_vault_save(v, r, err);
}

/* What came into the vault under the name is another file: out again. */
static int move_out(const struct trn_vault *v, const struct trn_vault_record *r, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_vault_folder(r, err);
    char base[256], shown[200];
    int code = folder < 0 ? folder : trn_vault_base(r, base);

    if (folder < 0)
        return folder;
    if (code == 0)
        code = trn_vault_rename_new(v->fd, trn_vault_name(r->id, TRN_VAULT_DATA).s, folder, base);
    if (code == 0)
        code = trn_vault_sync(folder);
    if (code < 0)
        return trn_fail(err, code, "cannot put '%s' back: %s", trn_escape_into(shown, sizeof(shown), r->path),
                        trn_errno_name(code));
    return trn_vault_forget(v, r->id, err);
}

/* One file under both names: where a rename that spares others is not known, it is a link and an unlink. */
static bool is_linked(const struct trn_vault_record *r, const struct stat *data)
{
    struct stat place = {0};

    return trn_vault_at_place(r, &place) == 0 && place.st_ino == data->st_ino && place.st_dev == data->st_dev;
}

static int was_taking(const struct trn_vault *v, struct trn_vault_record *r, struct trn_err *err)
{
    struct stat data = {0}, place = {0};

    if (in_vault(v, r->id, &data) != 0 || is_linked(r, &data))
        return trn_vault_forget(v, r->id, err);
    if (!r->copied)
        return data.st_ino == r->ino ? becomes_held(v, r, err) : move_out(v, r, err);
    /* A copy, and the original may have been removed by somebody else: then it is the only one. */
    if (trn_vault_at_place(r, &place) == 0 && place.st_ino == r->ino)
        return trn_vault_forget(v, r->id, err);
    return becomes_held(v, r, err);
}

static int was_held(const struct trn_vault *v, struct trn_vault_record *r, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int folder = -1;
    char base[256], shown[200];
    struct stat data = {0}, place = {0};
    struct trn_err ignored;

    if (in_vault(v, r->id, &data) != 0)
        return trn_fail(err, -ENODATA, "the content of '%s' is gone from the vault",
                        trn_escape_into(shown, sizeof(shown), r->path));
    if (!r->copied || trn_vault_at_place(r, &place) != 0 || place.st_ino != r->ino ||
        r->size != (uint64_t)place.st_size || !same_time(r->changed, place.st_ctim))
        return 0;
    folder = trn_vault_folder(r, &ignored);
    if (folder < 0 || trn_vault_base(r, base) != 0 || unlinkat(folder, base, 0) != 0)
        return trn_fail(err, -EIO, "cannot remove '%s', which is in the vault",
                        trn_escape_into(shown, sizeof(shown), r->path));
    return trn_vault_sync(folder);
}

static int was_restoring(const struct trn_vault *v, struct trn_vault_record *r, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int folder = -1;
    struct trn_vault_name beside = trn_vault_name_beside(r->id);
    struct stat data = {0}, st = {0};
    struct trn_err ignored;

    if (in_vault(v, r->id, &data) != 0 || is_linked(r, &data)) /* it left by a rename: nothing else removes it then */
        return trn_vault_forget(v, r->id, err);
    if (r->back_ino && trn_vault_at_place(r, &st) == 0 && st.st_ino == r->back_ino && r->size == (uint64_t)st.st_size)
        return trn_vault_forget(v, r->id, err);
    folder = trn_vault_folder(r, &ignored);
    if (folder >= 0 && fstatat(folder, beside.s, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
        (void)unlinkat(folder, beside.s, 0);
    return becomes_held(v, r, err);
}

static int recover_one(const struct trn_vault *v, uint64_t id, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_vault_record r = {0};
    int code = arena ? trn_vault_load(v, id, arena, &r, err) : trn_fail(err, -ENOMEM, "out of memory");

    if (code < 0)
        return code;
    (void)unlinkat(v->fd, trn_vault_name(id, TRN_VAULT_PART).s, 0);
    switch (r.state) {
    case TRN_VAULT_TAKING:
        return was_taking(v, &r, err);
    case TRN_VAULT_HELD:
        return was_held(v, &r, err);
    case TRN_VAULT_RESTORING:
        return was_restoring(v, &r, err);
    default:
        return trn_vault_forget(v, id, err);
    }
}

/* The numbers first: the folder changes while they are gone through. */
static int numbers(const struct trn_vault *v, uint64_t *ids, size_t max, size_t *ret_n)
{
    TRN_AUTO(trn_fd_closep) int again = openat(v->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    struct dirent *e;
    size_t n = 0;

    if (!dir)
        return -errno;
    (void)trn_fd_steal(&again);
    while (n < max && (e = readdir(dir))) {
        struct trn_str name = trn_str_of(e->d_name);
        uint8_t id[8];

        if (trn_str_ends(name, TRN_STR(".new")))
            (void)unlinkat(v->fd, e->d_name, 0); /* a record that was not written to its end */
        if (!trn_str_ends(name, TRN_STR(".record")) || trn_unhex(trn_str_slice(name, 0, name.n - 7), id, 8) != 0)
            continue;
        ids[n] = 0;
        for (size_t i = 0; i < 8; i++)
            ids[n] = ids[n] << 8 | id[i];
        n++;
    }
    closedir(dir);
    *ret_n = n;
    return 0;
}

int trn_vault_recover(const struct trn_vault *v, struct trn_err *err)
{
    TRN_AUTO(trn_freep) uint64_t *ids = calloc(TRN_VAULT_ENTRIES, sizeof(*ids));
    size_t n = 0;
    int code = ids ? numbers(v, ids, TRN_VAULT_ENTRIES, &n) : -ENOMEM, first = 0;
    struct trn_err ignored;

    if (code < 0)
        return trn_fail(err, code, "cannot read the vault: %s", trn_errno_name(code));
    for (size_t i = 0; i < n; i++) {
        code = recover_one(v, ids[i], first ? &ignored : err);
        first = first ? first : code;
    }
    return first;
}
