/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act "quarantine": one file leaves its place for the vault, and comes back bit for bit.
 * Must not own: the steps (vault*.c), who may ask.
 * Hand-offs: nothing lives between its calls but the record in the vault, under the number of the action.
 */
#include "response/execute/execute.h"
#include "response/execute/users.h"
#include "response/execute/vault.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

static int wanted_path(const struct trn_act_request *q, struct trn_str *ret, struct trn_err *err)
{
    int r;

    if (q->n_files > 1) {
        r = trn_fail(err, -E2BIG, "%u files are meant", q->n_files);
        trn_hint(err, "quarantine takes one file: name it by its path");
        return r;
    }
    if (q->n_files == 1 && !trn_str_is_empty(q->files[0].path))
        *ret = q->files[0].path;
    else if (q->target == TRN_TARGET_PATH)
        *ret = q->text;
    else {
        r = trn_fail(err, -EINVAL, "no file is known for that target");
        trn_hint(err, "name the file by its path");
        return r;
    }
    return 0;
}

/* The number and the change time as the engine saw them; its device may have another number inside the kernel. */
static int is_meant(const struct trn_act_request *q, const struct trn_vault_place *p, struct trn_err *err)
{
    const struct trn_file_key *k = q->n_files == 1 ? &q->files[0].key : NULL;
    uint64_t changed = (uint64_t)p->r.changed.sec * TRN_NS_PER_SEC + p->r.changed.nsec;
    int r;

    if (!k || trn_file_key_is_none(k) || (k->ino == p->r.ino && (!k->ctime_ns || k->ctime_ns == changed)))
        return 0;
    r = trn_fail(err, -ESTALE, "the file is not the one any more that was meant");
    trn_hint(err, "look at what stands there now, and ask again");
    return r;
}

static const uint8_t *wanted_hash(const struct trn_act_request *q)
{
    static const uint8_t none[TRN_SHA256_SIZE];

    return q->n_files == 1 && memcmp(q->files[0].sha256, none, sizeof(none)) != 0 ? q->files[0].sha256 : NULL;
}

static int find(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_arena *arena,
                struct trn_vault_place *ret, struct trn_err *err)
{
    struct trn_str path = TRN_STR_NONE;
    int r = wanted_path(q, &path, err);

    if (r == 0)
        r = trn_vault_find(path, arena, ret, err);
    if (r < 0)
        return r;
    r = is_meant(q, ret, err);
    if (r == 0)
        r = trn_vital_file(t, ret->fd, ret->r.path.p, err);
    if (r < 0)
        trn_vault_place_done(ret);
    return r;
}

static int open_vault(const struct trn_act_tools *t, struct trn_vault *ret, struct trn_err *err)
{
    struct trn_err left;
    int r = trn_vault_open(t->response_fd, ret, err);

    if (r < 0)
        return r;
    /* What another action left broken is told when that one is looked at. */
    (void)!trn_vault_recover(ret, &left);
    return 0;
}

static void describe(const struct trn_vault_place *p, struct trn_str asked, struct trn_buf *out)
{
    char shown[512], real[512];

    (void)trn_escape_into(real, sizeof(real), p->r.path);
    if (trn_str_eq(asked, p->r.path))
        trn_put_fmt(out, "move '%s' (%llu bytes) into the vault\n", real, (unsigned long long)p->r.size);
    else
        trn_put_fmt(out, "move '%s' (%llu bytes), where '%s' leads, into the vault\n", real,
                    (unsigned long long)p->r.size, trn_escape_into(shown, sizeof(shown), asked));
    if (p->r.links > 1)
        trn_put_fmt(
            out,
            "  warning: %llu other name%s of it (hard links) stay%s and can still be opened: block its content, too\n",
            (unsigned long long)p->r.links - 1, p->r.links == 2 ? "" : "s", p->r.links == 2 ? "s" : "");
    if (p->written)
        trn_put_c(out, "  warning: a process has it open for writing: the vault gets a copy of what it is now\n");
    trn_file_users(p->fd, out);
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_vault_place p = {.fd = -1, .folder = -1};
    struct trn_vault v = {.fd = -1};
    struct trn_str path = TRN_STR_NONE;
    int r = arena ? find(t, q, arena, &p, err) : trn_fail(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    r = wanted_path(q, &path, err);
    if (r == 0)
        r = trn_vault_peek(t->response_fd, &v, err);
    if (r == 0) {
        r = trn_vault_room(&v, p.r.size, err);
        trn_vault_close(&v);
    }
    if (r == 0)
        describe(&p, path, ret_plan);
    trn_vault_place_done(&p);
    return r;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_vault_place p = {.fd = -1, .folder = -1};
    struct trn_vault v = {.fd = -1};
    char shown[512], hex[2 * TRN_SHA256_SIZE + 1];
    int r = arena ? find(t, &a->q, arena, &p, err) : trn_fail(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    r = open_vault(t, &v, err);
    if (r == 0) {
        r = trn_vault_take(&v, a->id, &p, wanted_hash(&a->q), err);
        trn_vault_close(&v);
    }
    if (r == 0) {
        trn_hex(p.r.sha256, sizeof(p.r.sha256), hex);
        trn_put_fmt(ret_did, "'%s' is in the vault, sha256 %s", trn_escape_into(shown, sizeof(shown), p.r.path), hex);
        if (p.r.links > 1)
            trn_put_fmt(ret_did, "; %llu other names of it stay", (unsigned long long)p.r.links - 1);
        a->keep = trn_arena_str(a->arena, p.r.path);
    }
    trn_vault_place_done(&p);
    return r;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    struct trn_vault_record rec = {0};
    struct trn_vault v = {.fd = -1};
    char shown[512];
    int r = arena ? trn_vault_open(t->response_fd, &v, err) : trn_fail(err, -ENOMEM, "out of memory"), fd;

    if (r < 0)
        return r;
    r = trn_vault_load(&v, a->id, arena, &rec, err);
    if (r == 0)
        r = trn_vault_verify(&v, &rec);
    trn_vault_close(&v);
    if (r < 0)
        return trn_fail(err, r, "the vault does not hold what it took: %s", trn_errno_name(r));
    (void)trn_escape_into(shown, sizeof(shown), rec.path);
    fd = (int)syscall(SYS_openat2, AT_FDCWD, rec.path.p, &how, sizeof(how));
    if (fd >= 0) {
        trn_fd_close(fd);
        r = trn_fail(err, -EEXIST, "'%s' can be opened again: it was made anew", shown);
        trn_hint(err, "hold or kill who makes it, and block its content");
        return r;
    }
    trn_put_fmt(ret_seen, "'%s' cannot be opened (%s), and the vault holds its content", shown, trn_errno_name(-errno));
    return 0;
}

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    char shown[512];
    struct trn_vault v = {.fd = -1};
    int r = open_vault(t, &v, err);

    if (r < 0)
        return r;
    r = trn_vault_restore(&v, a->id, err);
    trn_vault_close(&v);
    if (r == 0)
        trn_put_fmt(ret_did, "'%s' is back, with its owner, mode, times and attributes",
                    trn_escape_into(shown, sizeof(shown), a->keep));
    return r;
}

/* What lies in the vault needs nobody to hold it; only what was interrupted is cleared up. */
static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_vault_record rec = {0};
    struct trn_vault v = {.fd = -1};
    int r = arena ? open_vault(t, &v, err) : trn_fail(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    r = trn_vault_load(&v, a->id, arena, &rec, err);
    trn_vault_close(&v);
    return r;
}

const struct trn_act_ops trn_act_quarantine = {
    .kind = TRN_RESPOND_QUARANTINE,
    .slow = true, /* content is read to its end, and may have to be copied */
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};
