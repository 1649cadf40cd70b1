/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the act "block": a content, a path or a software from starting and from being loaded. Owns: the request as a
 * rule, its words, the attempt that shows that it holds. Must not own: who is refused what (blocker.h).
 *
 * What runs already goes on; to end it is the act "kill".
 */
#include "response/execute/block_files.h"

#include <stdio.h>
#include <unistd.h>

#define TRIES_MAX 4u

static int need_blocker(const struct trn_act_tools *t, struct trn_err *err)
{
    if (t->blocker)
        return 0;
    trn_fail(err, -ENOTSUP, "cannot block: turncoatd has no permission group here");
    trn_hint(err, "'turncoat status' says what this kernel refuses");
    return -ENOTSUP;
}

/* A rule that nothing here would notice is no rule. */
static int need_cover(const struct trn_act_tools *t, const struct trn_act_request *q, const struct block_found *f,
                      struct trn_err *err)
{
    if (q->target == TRN_TARGET_PATH || f->n_files > 0 || trn_blocker_has_gate(t->blocker) ||
        trn_blocker_protected(t->blocker) > 0)
        return 0;
    trn_fail(err, -ENOTSUP,
             "cannot block it: no file with it is known here, no file system is protected, and BPF is refused");
    trn_hint(err, "name file systems to protect in the policy, or block the path");
    return -ENOTSUP;
}

static void put_files(const struct trn_act_request *q, const struct block_found *f, struct trn_buf *out)
{
    char shown[200];

    for (uint32_t i = 0; i < f->n_files && i < 8; i++) {
        trn_escape_into(shown, sizeof(shown), trn_str_of(f->paths[i]));
        trn_put_fmt(out, "refuse to open, start, load or map '%s'%s\n", shown,
                    f->files[i].unsure ? ", if it is that content still" : "");
    }
    if (f->n_files > 8)
        trn_put_fmt(out, "the same for %u more files\n", f->n_files - 8);
    if (q->target == TRN_TARGET_PATH) {
        trn_escape_into(shown, sizeof(shown), q->text);
        trn_put_fmt(out, "the same for whatever stands at '%s' later; %s\n", shown,
                    f->n_files ? "each open in its folder is asked about" : "nothing is there now");
    }
}

static void put_elsewhere(const struct trn_act_tools *t, const struct trn_act_request *q, const struct block_found *f,
                          struct trn_buf *out)
{
    const uint32_t places = trn_blocker_protected(t->blocker);

    if (q->target == TRN_TARGET_PATH) {
        trn_put_fmt(out, "copies elsewhere are not refused: block the sha256 for that\n");
    } else {
        trn_put_fmt(out, "the same content under other names: refused on %u protected file system%s%s\n", places,
                    places == 1 ? "" : "s", trn_blocker_has_gate(t->blocker) ? ", and as a program in memory" : "");
    }
    if (q->target != TRN_TARGET_PATH && f->n_files == 0 && places == 0)
        trn_put_fmt(out,
                    "warning: no file with it is known here, and no file system is protected ('protect-mounts' of the "
                    "policy): files with it still start\n");
    if (f->build_id_n && !trn_blocker_has_inspector(t->blocker))
        trn_put_fmt(out, "other files with this build-id are not noticed\n");
    if (f->passed_over)
        trn_put_fmt(out,
                    f->passed_over == 1 ? "%u file of it is no program: it stays readable\n"
                                        : "%u files of it are no programs: they stay readable\n",
                    f->passed_over);
    if (f->other)
        trn_put_fmt(out,
                    f->other == 1 ? "%u of its files is not there, or has another content by now: left alone\n"
                                  : "%u of its files are not there, or have another content by now: left alone\n",
                    f->other);
    if (!trn_blocker_has_gate(t->blocker))
        trn_put_fmt(out, "BPF is refused here: what was open before can still be mapped\n");
    trn_put_fmt(out, "what runs already goes on ('kill' ends it)\n");
    if (q->flags & TRN_ACT_FAIL_CLOSED)
        trn_put_fmt(out, "what could be it and is not decided in time is refused\n");
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    TRN_AUTO(block_found_done) struct block_found f = {0};
    int r = need_blocker(t, err);

    if (r == 0)
        r = block_find(t, q, &f, err);
    if (r == 0)
        r = need_cover(t, q, &f, err);
    if (r != 0)
        return r;
    put_files(q, &f, ret_plan);
    put_elsewhere(t, q, &f, ret_plan);
    return 0;
}

/* All files, or none: whoever fails takes the rule away. */
static int watch_all(const struct trn_act_tools *t, const struct block_found *f, struct trn_err *err)
{
    for (uint32_t i = 0; i < f->n_files; i++) {
        TRN_AUTO(trn_fd_closep) int fd = block_open(&f->files[i], f->paths[i], f->path[0] != '\0');
        if (fd == -ENOENT || fd == -ESTALE)
            continue; /* replaced this moment: it is not that file any more */
        int r = fd < 0               ? trn_fail(err, fd, "cannot open a file of the rule: %s", trn_errno_name(fd))
                : f->files[i].unsure ? trn_blocker_ask_about(t->blocker, fd, err)
                                     : trn_blocker_watch(t->blocker, fd, err);
        if (r != 0)
            return r;
    }
    return 0;
}

static int add(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    TRN_AUTO(block_found_done) struct block_found f = {0};
    int r = need_blocker(t, err);

    if (r == 0)
        r = block_find(t, &a->q, &f, err);
    if (r == 0)
        r = need_cover(t, &a->q, &f, err);
    if (r != 0)
        return r;
    const struct trn_block_rule rule = {.id = a->id,
                                        .fail_closed = (a->q.flags & TRN_ACT_FAIL_CLOSED) != 0,
                                        .files = f.files,
                                        .n_files = f.n_files,
                                        .contents = f.contents,
                                        .n_contents = f.n_contents,
                                        .build_id = {f.build_id_n ? (const char *)f.build_id : NULL, f.build_id_n},
                                        .path = f.path[0] ? f.path : NULL};
    r = trn_blocker_add(t->blocker, &rule, err);
    if (r != 0)
        return r;
    r = watch_all(t, &f, err);
    if (r != 0) {
        (void)!trn_blocker_remove(t->blocker, a->id);
        return r;
    }
    if (ret_did)
        trn_put_fmt(ret_did, "%u file%s and %u content%s are refused, on %u protected file system%s%s", f.n_files,
                    f.n_files == 1 ? "" : "s", f.n_contents, f.n_contents == 1 ? "" : "s",
                    trn_blocker_protected(t->blocker), trn_blocker_protected(t->blocker) == 1 ? "" : "s",
                    trn_blocker_has_gate(t->blocker) ? " and at the gate" : "");
    return 0;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    int r = block_keep(t, a, err);

    if (r == 0)
        r = add(t, a, ret_did, err);
    if (r != 0)
        block_keep_forget(t, a);
    return r;
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    int r = block_recall(t, a, err);

    return r == 0 ? add(t, a, NULL, err) : r;
}

/* ---- does it hold? ---- */

/* It holds, for what there may be in memory; whoever asked meant more than that. */
static int only_in_memory(struct trn_err *err)
{
    int r = trn_fail(err, -ENODATA,
                     "it is refused ONLY as a program in memory: no file with it is known here, and no "
                     "file system is protected");
    trn_hint(err, "block the file by its path, or name its mount in the policy's protect-mounts");
    return r;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    TRN_AUTO(block_found_done) struct block_found f = {0};
    int r = block_find(t, &a->q, &f, err);
    uint32_t tried = 0;
    char shown[200];

    for (uint32_t i = 0; i < f.n_files && r == 0 && tried < TRIES_MAX; i++) {
        trn_escape_into(shown, sizeof(shown), trn_str_of(f.paths[i]));
        r = block_try(t, f.paths[i]);
        if (r == -ENOENT || r == -EACCES || (r == 0 && f.files[i].unsure)) { /* unsure: it is another content */
            r = 0;
            continue;
        }
        if (r != -EPERM)
            return trn_fail(err, r == 0 ? -EPROTO : r,
                            r == 0 ? "'%s' could still be opened" : "opening '%s' failed otherwise", shown);
        r = 0;
        tried++;
    }
    if (r != 0)
        return r;
    if (tried == 1)
        trn_put_fmt(ret_seen, "a child tried to open '%s': EPERM", shown);
    else if (tried)
        trn_put_fmt(ret_seen, "a child tried to open %u of the files, the last '%s': EPERM", tried, shown);
    else if (a->q.target != TRN_TARGET_PATH && trn_blocker_protected(t->blocker) == 0)
        return only_in_memory(err);
    else
        trn_put_fmt(ret_seen, "no file of it is here to be tried; %u protected file system%s watched%s",
                    trn_blocker_protected(t->blocker), trn_blocker_protected(t->blocker) == 1 ? " is" : "s are",
                    trn_blocker_has_gate(t->blocker) ? ", and the gate is armed" : "");
    return 0;
}

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    int r = need_blocker(t, err);

    if (r == 0)
        r = trn_blocker_remove(t->blocker, a->id);
    if (r != 0 && r != -ENOENT)
        return trn_fail(err, r, "cannot take the rule away: %s", trn_errno_name(r));
    block_keep_forget(t, a);
    trn_put_fmt(ret_did, "opened, started and loaded again as before");
    return 0;
}

const struct trn_act_ops trn_act_block = {
    .kind = TRN_RESPOND_BLOCK,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};
