/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the life of a scan worker: one file after another, what is found in batches.
 * Must not: open or fork; go on to the next file after one that had others inside of it (foreign libraries read those): then
 * it ends, and a fresh worker takes the next.
 */
#include "inspect/scan_messages.h"

#include <signal.h>
#include <stdio.h>

#define FLUSH_AT 32768u
#define FLUSH_NS (200 * TRN_NS_PER_MS)

struct worker {
    int sock;
    uint64_t job, flushed_ns;
    uint32_t artifacts;
    struct trn_buf batch, item;
    char *known_bytes; /* owned: hashes of what was looked at before, for this job */
    struct trn_str known;
    struct trn_map *seen; /* with features: keys of the contents of this job */
};

static int flush(struct worker *w)
{
    if (w->batch.n <= sizeof(w->job)) /* nothing but the job's number: after its end that would be a lie */
        return 0;
    int e = w->batch.bad ? -ENOMEM : trn_ipc_send(w->sock, TRN_SCAN_RESULTS, trn_buf_str(&w->batch), NULL, 0);
    trn_buf_clear(&w->batch);
    trn_put_u64(&w->batch, w->job);
    w->flushed_ns = trn_mono_ns();
    return e;
}

static int add(struct worker *w, enum trn_scan_item kind)
{
    int e = 0;
    if (w->item.bad)
        return -ENOMEM;
    if (w->batch.n + w->item.n + 5 > TRN_SCAN_BODY_MAX)
        e = flush(w);
    trn_put_u8(&w->batch, (uint8_t)kind);
    trn_put_u32(&w->batch, (uint32_t)w->item.n);
    trn_put_str(&w->batch, trn_buf_str(&w->item));
    trn_buf_clear(&w->item);
    if (e == 0 && (w->batch.n > FLUSH_AT || trn_mono_ns() - w->flushed_ns > FLUSH_NS))
        e = flush(w);
    return e;
}

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    struct worker *w = ctx;
    w->artifacts++;
    trn_item_put_artifact(&w->item, a);
    return add(w, TRN_ITEM_ARTIFACT);
}

static int on_signature(void *ctx, uint32_t artifact, const struct trn_signature *s)
{
    struct worker *w = ctx;
    trn_item_put_signature(&w->item, artifact, s);
    return add(w, TRN_ITEM_SIGNATURE);
}

static int on_property(void *ctx, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    struct worker *w = ctx;
    trn_item_put_property(&w->item, artifact, key, value);
    return add(w, TRN_ITEM_PROPERTY);
}

static int on_finding(void *ctx, uint32_t artifact, const struct trn_finding *f)
{
    struct worker *w = ctx;
    trn_item_put_finding(&w->item, artifact, f);
    return add(w, TRN_ITEM_FINDING);
}

static int on_gap(void *ctx, uint32_t artifact, const struct trn_gap *g)
{
    struct worker *w = ctx;
    trn_item_put_gap(&w->item, artifact, g);
    return add(w, TRN_ITEM_GAP);
}

static int on_feature(void *ctx, uint32_t artifact, const struct trn_feature *f)
{
    struct worker *w = ctx;
    trn_item_put_feature(&w->item, artifact, f);
    return add(w, TRN_ITEM_FEATURE);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, TRN_KNOWN_KEY);
}

/* In the caller's list, which is sorted, or seen in this file before: by 128 bits, for who made the file may have made two
 * contents that are the same in 64. */
static bool is_known(void *ctx, const struct trn_artifact *a, struct trn_str name)
{
    struct worker *w = ctx;
    uint8_t key[TRN_KNOWN_KEY];
    uint64_t had, other;
    trn_known_key(a->sha256, name, key);
    if (w->known.n && bsearch(key, w->known.p, w->known.n / TRN_KNOWN_KEY, TRN_KNOWN_KEY, compare_keys))
        return true;
    uint64_t short_key = trn_hash64(key, sizeof(key));
    memcpy(&other, a->sha256, sizeof(other));
    if (w->seen && trn_map_get(w->seen, short_key, &had))
        return had == other;
    if (w->seen)
        (void)!trn_map_put(w->seen, short_key, other); /* full: looked at again */
    return false;
}

static int read_known(struct worker *w, int fd)
{
    struct stat st;
    w->known = TRN_STR_NONE;
    free(w->known_bytes);
    w->known_bytes = NULL;
    int e = trn_fstat(fd, &st);
    if (e < 0)
        return e;
    if (st.st_size <= 0 || (uint64_t)st.st_size > TRN_SCAN_KNOWN_MAX || st.st_size % TRN_KNOWN_KEY)
        return -EPROTO;
    w->known_bytes = malloc((size_t)st.st_size);
    if (!w->known_bytes)
        return -ENOMEM;
    e = trn_pread_full(fd, w->known_bytes, (size_t)st.st_size, 0);
    if (e == 0)
        w->known = (struct trn_str){w->known_bytes, (size_t)st.st_size};
    return e;
}

static bool known_bad(void *ctx, const struct trn_artifact *a, struct trn_finding *ret)
{
    struct trn_indicator i;
    const struct trn_check *check = trn_check_find(TRN_STR("indicator.sha256"));
    if (!check || !trn_indicators_sha256(ctx, a->sha256, &i))
        return false;
    trn_finding_init(ret, check);
    ret->summary = TRN_STR("this exact content stands in the list of indicators as bad");
    trn_finding_add(ret, "note", i.note);
    return true;
}

static int scan(struct worker *w, const struct trn_scan_setup *setup, int fd, struct trn_str name, uint32_t mode,
                struct trn_err *err)
{
    const struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, w, on_feature};
    const struct trn_scan_options o = {.sz = sizeof(o),
                                       .limits = setup->limits,
                                       .scratch = setup->scratch,
                                       .with_md5 = setup->with_md5,
                                       .matcher = setup->matcher,
                                       .known_bad = setup->indicators ? known_bad : NULL,
                                       .known_bad_ctx = (void *)(uintptr_t)setup->indicators,
                                       .features = setup->features,
                                       .known = setup->features ? is_known : NULL,
                                       .known_ctx = w,
                                       .roots = setup->roots};
    struct trn_source bytes;
    struct stat st;
    int e = trn_fstat(fd, &st);
    if (e < 0)
        return trn_fail(err, e, "cannot ask for its size: %s", trn_errno_name(e));
    if (st.st_size == 0)
        bytes = trn_source_mem(TRN_STR(""));
    else
        e = trn_source_fd(&fd, (uint64_t)st.st_size, &bytes);
    return e < 0 ? trn_fail(err, e, "cannot read it: %s", trn_errno_name(e))
                 : trn_scan_run(&bytes, name, mode, &o, &sink, err);
}

static int one_job(struct worker *w, const struct trn_scan_setup *setup, struct trn_msg *m)
{
    struct trn_err err = {0};
    struct trn_cursor c = m->body;
    uint64_t job = trn_cur_u64le(&c);
    uint32_t mode = trn_cur_u32le(&c);
    struct trn_str name = trn_cur_lstr(&c);
    TRN_AUTO(trn_fd_closep) int fd = trn_msg_take_fd(m, 0);
    TRN_AUTO(trn_fd_closep) int known = m->n_fds > 1 ? trn_msg_take_fd(m, 1) : -1;
    w->known = TRN_STR_NONE;
    if (m->type != TRN_SCAN_JOB || fd < 0 || !trn_cur_end(&c) || name.n > TRN_SCAN_NAME_MAX)
        return -EPROTO;
    int got = known >= 0 ? read_known(w, known) : 0;
    if (got < 0)
        return got;
    w->job = job;
    w->seen = trn_map_free(w->seen);
    if (setup->features && !(w->seen = trn_map_new(setup->limits.members)))
        return -ENOMEM;
    w->artifacts = 0;
    w->flushed_ns = trn_mono_ns();
    trn_buf_clear(&w->batch);
    trn_put_u64(&w->batch, job);
    int code = scan(w, setup, fd, name, mode, &err);
    trn_buf_clear(&w->item);
    trn_item_put_end(&w->item, code, err.message[0] ? trn_str_of(err.message) : TRN_STR_NONE);
    int e = add(w, TRN_ITEM_END);
    return e < 0 ? e : flush(w);
}

static void worker_done(struct worker *w)
{
    trn_buf_done(&w->batch);
    trn_buf_done(&w->item);
    free(w->known_bytes);
    trn_map_free(w->seen);
}

int trn_scan_worker(int sock, const struct trn_scan_setup *setup)
{
    TRN_AUTO(worker_done) struct worker w = {.sock = sock};
    TRN_AUTO(trn_freep) uint8_t *buf = malloc(TRN_IPC_MAX);
    struct trn_msg m;
    trn_buf_init(&w.batch, TRN_SCAN_BODY_MAX);
    trn_buf_init(&w.item, TRN_SCAN_ITEM_MAX);
    (void)signal(SIGXFSZ, SIG_IGN); /* a full scratch file is an error, not the end */
    while (buf && trn_ipc_recv(sock, buf, TRN_IPC_MAX, &m) == 0) {
        int e = one_job(&w, setup, &m);
        trn_msg_done(&m);
        if (e < 0)
            return 1;
        if (w.artifacts > 1)
            return 0;
    }
    return 0;
}
