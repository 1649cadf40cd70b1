/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: putting a file back from the vault; the order of steps stands in vault.c.
 * Must not own: where it came from (the record says it), which restore was interrupted (vault_recover.c).
 */
#include "response/execute/vault.h"

#include <fcntl.h>
#include <unistd.h>

struct back {
    const struct trn_vault *v;
    struct trn_vault_record r;
    int folder; /* borrowed */
    char base[256];
};

static int fail_back(const struct back *b, struct trn_err *err, int code)
{
    char shown[200];
    int r = trn_fail(err, code, "cannot put '%s' back: %s", trn_escape_into(shown, sizeof(shown), b->r.path),
                     code == -EEXIST ? "another file has its name now" : trn_errno_name(code));

    if (code == -EEXIST)
        trn_hint(err, "move that file away and undo again; the content stays in the vault until then");
    else if (code == -ENOSPC || code == -EDQUOT)
        trn_hint(err, "make room there and undo again; the content stays in the vault until then");
    else if (code == -EROFS)
        trn_hint(err, "mount it writable and undo again; the content stays in the vault until then");
    return r;
}

/* The vault counts again; err keeps what led to it. */
static int stays(struct back *b, int code)
{
    struct trn_err ignored;

    b->r.state = TRN_VAULT_HELD;
    b->r.back_dev = b->r.back_ino = 0;
    (void)!trn_vault_save(b->v, &b->r, &ignored); /* otherwise recovery does it */
    return code;
}

/* 1: done; 0: it must be copied. */
static int back_by_rename(struct back *b, struct trn_err *err)
{
    struct trn_vault_name data = trn_vault_name(b->r.id, TRN_VAULT_DATA);
    int code = trn_vault_rename_new(b->v->fd, data.s, b->folder, b->base);

    if (code == -EXDEV)
        return 0;
    if (code < 0)
        return stays(b, fail_back(b, err, code));
    trn_vault_stepped(b->v, TRN_STEP_BACK_MOVED);
    code = trn_vault_sync(b->folder);
    if (code < 0)
        return fail_back(b, err, code);
    code = trn_vault_forget(b->v, b->r.id, err);
    return code < 0 ? code : 1;
}

/* The whole file with all that belongs to it, beside its place. */
static int make_beside(struct back *b, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep)
    int data =
        openat(b->v->fd, trn_vault_name(b->r.id, TRN_VAULT_DATA).s, O_RDONLY | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);
    uint8_t hash[TRN_SHA256_SIZE];
    struct stat st = {0};
    int code = data < 0 ? -errno : trn_vault_copy(data, fd);

    if (code == 0)
        code = trn_vault_hash(fd, hash);
    if (code == 0 && memcmp(hash, b->r.sha256, sizeof(hash)) != 0)
        code = -EBADMSG;
    if (code < 0)
        return fail_back(b, err, code);
    code = trn_vault_apply(fd, &b->r, err);
    if (code < 0)
        return code;
    if (fsync(fd) != 0 || fstat(fd, &st) != 0)
        return fail_back(b, err, -errno);
    trn_vault_stepped(b->v, TRN_STEP_BACK_COPIED);
    b->r.back_dev = st.st_dev;
    b->r.back_ino = st.st_ino;
    return trn_vault_save(b->v, &b->r, err);
}

static int name_it(struct back *b, const char *beside, struct trn_err *err)
{
    struct stat st = {0};
    int code = trn_vault_rename_new(b->folder, beside, b->folder, b->base);

    if (code < 0)
        return fail_back(b, err, code);
    trn_vault_stepped(b->v, TRN_STEP_BACK_NAMED);
    /* Whoever may write in that folder may have put another file under the name beside. */
    if (fstatat(b->folder, b->base, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != b->r.back_ino) {
        code = trn_fail(err, -ESTALE, "what was put back was replaced at once");
        trn_hint(err, "hold or kill who writes in that folder, then undo again");
        return code;
    }
    code = trn_vault_sync(b->folder);
    return code < 0 ? fail_back(b, err, code) : 0;
}

static int back_by_copy(struct back *b, struct trn_err *err)
{
    struct trn_vault_name beside = trn_vault_name_beside(b->r.id);
    TRN_AUTO(trn_fd_closep) int fd = -1;
    int code;

    (void)unlinkat(b->folder, beside.s, 0); /* of an attempt that was interrupted */
    fd = openat(b->folder, beside.s, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOATIME | O_CLOEXEC, 0600);
    if (fd < 0)
        return stays(b, fail_back(b, err, -errno));
    trn_vault_stepped(b->v, TRN_STEP_BACK_HALF);
    code = make_beside(b, fd, err);
    if (code == 0) {
        trn_vault_stepped(b->v, TRN_STEP_BACK_NUMBER);
        code = name_it(b, beside.s, err);
    }
    if (code < 0) {
        (void)unlinkat(b->folder, beside.s, 0);
        return stays(b, code);
    }
    b->r.state = TRN_VAULT_RESTORED;
    code = trn_vault_save(b->v, &b->r, err);
    if (code < 0)
        return code; /* recovery sees that it is in its place */
    trn_vault_stepped(b->v, TRN_STEP_BACK_DONE);
    if (unlinkat(b->v->fd, trn_vault_name(b->r.id, TRN_VAULT_DATA).s, 0) != 0 && errno != ENOENT)
        return fail_back(b, err, -errno);
    trn_vault_stepped(b->v, TRN_STEP_BACK_UNLINKED);
    return trn_vault_forget(b->v, b->r.id, err);
}

static int back_steps(struct back *b, struct trn_err *err)
{
    struct stat st = {0};
    int code;

    if (fstatat(b->folder, b->base, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return fail_back(b, err, -EEXIST);
    code = trn_vault_verify(b->v, &b->r);
    if (code < 0) {
        code = trn_fail(err, code, "what the vault holds is not what it took: %s", trn_errno_name(code));
        trn_hint(err, "it is not put back; look at '%s' in the vault", trn_vault_name(b->r.id, TRN_VAULT_DATA).s);
        return code;
    }
    b->r.state = TRN_VAULT_RESTORING;
    b->r.back_dev = b->r.back_ino = 0;
    code = trn_vault_save(b->v, &b->r, err);
    if (code < 0)
        return code;
    trn_vault_stepped(b->v, TRN_STEP_BACK_RECORD);
    if (!b->r.copied && !b->v->always_copy) {
        code = back_by_rename(b, err);
        if (code != 0)
            return code < 0 ? code : 0;
    }
    return back_by_copy(b, err);
}

int trn_vault_restore(const struct trn_vault *v, uint64_t id, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    TRN_AUTO(trn_fd_closep) int folder = -1;
    struct back b = {.v = v};
    int code;

    if (!arena)
        return trn_fail(err, -ENOMEM, "out of memory");
    code = trn_vault_load(v, id, arena, &b.r, err);
    if (code < 0)
        return code;
    if (b.r.state != TRN_VAULT_HELD)
        return trn_fail(err, -EBUSY, "what was interrupted before is not cleared up yet");
    if (trn_vault_base(&b.r, b.base) != 0)
        return fail_back(&b, err, -ENAMETOOLONG);
    folder = trn_vault_folder(&b.r, err);
    if (folder < 0)
        return folder;
    b.folder = folder;
    return back_steps(&b, err);
}
