/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what a rule needs to hold again after a restart: the files that the request brought. Few go into the
 * journal (keep), many into a file beside it, whose hash stands in the journal.
 * keep: 'K' + one message of files | 'F' + sha256 of the file "block-ID.files": u32 length + message, again and again.
 */
#include "response/execute/block_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILES_MAX (8u << 20)

static void name_of(const struct trn_act *a, char *ret, size_t size)
{
    (void)snprintf(ret, size, "block-%llu.files", (unsigned long long)a->id);
}

static int write_beside(const struct trn_act_tools *t, const struct trn_act *a, struct trn_str content)
{
    char name[64];
    name_of(a, name, sizeof(name));
    TRN_AUTO(trn_fd_closep) int fd = openat(t->response_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : trn_write_full(fd, content.p, content.n);

    return r == 0 && fsync(fd) != 0 ? -errno : r;
}

static void put_all(const struct trn_act_request *q, struct trn_buf *out)
{
    for (uint32_t done = 0; done < q->n_files && !out->bad;) {
        TRN_AUTO(trn_buf_done) struct trn_buf one;
        trn_buf_init(&one, TRN_IPC_MAX);
        const uint32_t n = trn_act_files_encode(0, q->files + done, q->n_files - done, &one);
        if (n == 0 || one.bad)
            out->bad = true;
        trn_put_lstr(out, trn_buf_str(&one));
        done += n;
    }
}

int block_keep(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf all;
    char keep[1 + TRN_SHA256_SIZE] = "F";
    int r = 0;

    trn_buf_init(&all, FILES_MAX);
    trn_put_u8(&all, 'K');
    put_all(&a->q, &all);
    if (all.bad)
        return trn_fail(err, -E2BIG, "cannot keep the files of the rule: too many");
    if (all.n <= TRN_ACT_KEEP_MAX) {
        a->keep = trn_arena_str(a->arena, trn_buf_str(&all));
    } else {
        const struct trn_str content = trn_str_slice(trn_buf_str(&all), 1, all.n);
        r = trn_sha256(content.p, content.n, (uint8_t *)keep + 1);
        if (r == 0)
            r = write_beside(t, a, content);
        a->keep = trn_arena_str(a->arena, (struct trn_str){keep, sizeof(keep)});
    }
    if (r == 0 && trn_str_is_none(a->keep))
        r = -ENOMEM;
    return r == 0 ? 0 : trn_fail(err, r, "cannot keep the files of the rule: %s", trn_errno_name(r));
}

static int read_beside(const struct trn_act_tools *t, const struct trn_act *a, struct trn_buf *out)
{
    uint8_t sha256[TRN_SHA256_SIZE];
    char name[64];
    name_of(a, name, sizeof(name));
    TRN_AUTO(trn_fd_closep) int fd = openat(t->response_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 ? -errno : trn_read_all(fd, out);

    if (r == 0)
        r = trn_sha256(out->p, out->n, sha256);
    return r == 0 && memcmp(sha256, a->keep.p + 1, sizeof(sha256)) != 0 ? -EBADMSG : r;
}

static int decode_all(struct trn_cursor *in, struct trn_act *a)
{
    struct trn_act_file *files = trn_arena_array(a->arena, TRN_ACT_FILES, sizeof(*files));
    uint32_t n = 0;
    uint64_t job;

    if (!files)
        return -ENOMEM;
    while (trn_cur_left(in) > 0) {
        struct trn_cursor one = trn_cur_of(trn_cur_lstr(in));
        int r = in->bad ? -EBADMSG : trn_act_files_decode(&one, a->arena, &job, files, &n);
        if (r != 0)
            return r;
    }
    a->q.files = files;
    a->q.n_files = n;
    return in->bad ? -EBADMSG : 0;
}

int block_recall(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf beside;
    struct trn_cursor in = trn_cur_of(trn_str_slice(a->keep, 1, a->keep.n));
    int r = a->keep.n > 0 ? 0 : -EBADMSG;

    trn_buf_init(&beside, FILES_MAX);
    if (r == 0 && a->keep.p[0] == 'F') {
        r = a->keep.n == 1 + TRN_SHA256_SIZE ? read_beside(t, a, &beside) : -EBADMSG;
        in = trn_cur_of(trn_buf_str(&beside));
    }
    if (r == 0)
        r = decode_all(&in, a);
    return r == 0 ? 0 : trn_fail(err, r, "the files of the rule cannot be read again: %s", trn_errno_name(r));
}

void block_keep_forget(const struct trn_act_tools *t, const struct trn_act *a)
{
    char name[64];

    name_of(a, name, sizeof(name));
    if (a->keep.n > 0 && a->keep.p[0] == 'F')
        (void)unlinkat(t->response_fd, name, 0);
}
