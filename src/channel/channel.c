/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the byte form of the messages between turncoatd and the engine.
 * Must not own: sockets, policy. Every decoder borrows from the cursor and demands its end.
 */
#include "channel/channel.h"

static int done(const struct trn_cursor *in)
{
    return trn_cur_end(in) ? 0 : -EPROTO;
}

static void put_key(struct trn_buf *out, const struct trn_file_key *k)
{
    trn_put_u64(out, k->dev);
    trn_put_u64(out, k->ino);
    trn_put_u64(out, k->ctime_ns);
}

static struct trn_file_key get_key(struct trn_cursor *in)
{
    struct trn_file_key k;
    k.dev = trn_cur_u64le(in);
    k.ino = trn_cur_u64le(in);
    k.ctime_ns = trn_cur_u64le(in);
    return k;
}

void trn_hello_encode(const struct trn_hello *h, struct trn_buf *out)
{
    trn_put(out, h->host_id, sizeof h->host_id);
    trn_put(out, h->boot_id, sizeof h->boot_id);
    trn_put_u32(out, h->sensor_fds);
    trn_put_u32(out, h->restarts);
    trn_put_u32(out, h->dropped);
    trn_put_u32(out, h->daemon_pid);
    trn_put_u32(out, h->guard_pid);
    trn_put_u32(out, h->inspect_pid);
    trn_put_u32(out, h->indicator_files);
    trn_put_u32(out, h->mntns);
    trn_put_u32(out, h->respond_gid);
    trn_put_lstr(out, h->state_dir);
    trn_put_lstr(out, h->scope);
    trn_put_lstr(out, h->config_note);
    trn_put_lstr(out, h->indicator_names);
}

int trn_hello_decode(struct trn_cursor *in, struct trn_hello *ret)
{
    struct trn_hello h = {0};
    trn_cur_copy(in, h.host_id, sizeof h.host_id);
    trn_cur_copy(in, h.boot_id, sizeof h.boot_id);
    h.sensor_fds = trn_cur_u32le(in);
    h.restarts = trn_cur_u32le(in);
    h.dropped = trn_cur_u32le(in);
    h.daemon_pid = trn_cur_u32le(in);
    h.guard_pid = trn_cur_u32le(in);
    h.inspect_pid = trn_cur_u32le(in);
    h.indicator_files = trn_cur_u32le(in);
    h.mntns = trn_cur_u32le(in);
    h.respond_gid = trn_cur_u32le(in);
    h.state_dir = trn_cur_lstr(in);
    h.scope = trn_cur_lstr(in);
    h.config_note = trn_cur_lstr(in);
    h.indicator_names = trn_cur_lstr(in);
    if (done(in) || h.sensor_fds > 4096 || h.indicator_files > 1024)
        return -EPROTO;
    *ret = h;
    return 0;
}

static void put_answers(struct trn_buf *out, const struct trn_health_answers *a)
{
    const uint64_t n[] = {a->asked,        a->refused, a->allowed, a->late,
                          a->late_refused, a->held,    a->judged,  a->slowest_ns};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(n); i++)
        trn_put_u64(out, n[i]);
    trn_put_u32(out, a->rules);
    trn_put_u32(out, a->mounts);
}

static void get_answers(struct trn_cursor *in, struct trn_health_answers *ret)
{
    uint64_t *const n[] = {&ret->asked,        &ret->refused, &ret->allowed, &ret->late,
                           &ret->late_refused, &ret->held,    &ret->judged,  &ret->slowest_ns};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(n); i++)
        *n[i] = trn_cur_u64le(in);
    ret->rules = trn_cur_u32le(in);
    ret->mounts = trn_cur_u32le(in);
}

void trn_health_encode(const struct trn_health *h, struct trn_buf *out)
{
    trn_put_u32(out, h->n_hooks);
    for (uint32_t i = 0; i < h->n_hooks; i++) {
        trn_put_lstr(out, h->hooks[i].name);
        trn_put_lstr(out, h->hooks[i].state);
        trn_put_lstr(out, h->hooks[i].reason);
    }
    for (int c = 0; c < TRN_CLASS_MAX; c++)
        trn_put_u64(out, h->losses[c]);
    trn_put_u64(out, h->map_bytes);
    trn_put_u32(out, h->restarts);
    trn_put_u32(out, h->dropped);
    trn_put_u32(out, h->guard_pid);
    trn_put_u32(out, h->inspect_pid);
    put_answers(out, &h->answers);
}

int trn_health_decode(struct trn_cursor *in, struct trn_health *ret)
{
    uint32_t n = trn_cur_u32le(in);
    if (in->bad || n > TRN_HEALTH_HOOKS)
        return -EPROTO;
    ret->n_hooks = n;
    for (uint32_t i = 0; i < n; i++) {
        ret->hooks[i].name = trn_cur_lstr(in);
        ret->hooks[i].state = trn_cur_lstr(in);
        ret->hooks[i].reason = trn_cur_lstr(in);
    }
    for (int c = 0; c < TRN_CLASS_MAX; c++)
        ret->losses[c] = trn_cur_u64le(in);
    ret->map_bytes = trn_cur_u64le(in);
    ret->restarts = trn_cur_u32le(in);
    ret->dropped = trn_cur_u32le(in);
    ret->guard_pid = trn_cur_u32le(in);
    ret->inspect_pid = trn_cur_u32le(in);
    get_answers(in, &ret->answers);
    return done(in);
}

void trn_open_encode(const struct trn_open_request *o, struct trn_buf *out)
{
    trn_put_u64(out, o->job);
    trn_put_u16(out, o->kind);
    trn_put_u32(out, o->pid);
    trn_put_u8(out, o->image);
    put_key(out, &o->want);
    trn_put_lstr(out, o->path);
}

int trn_open_decode(struct trn_cursor *in, struct trn_open_request *ret)
{
    struct trn_open_request o = {0};
    o.job = trn_cur_u64le(in);
    o.kind = trn_cur_u16le(in);
    o.pid = trn_cur_u32le(in);
    uint8_t image = trn_cur_u8(in);
    o.want = get_key(in);
    o.path = trn_cur_lstr(in);
    if (done(in) || image > 1 || o.path.n == 0 || o.path.n >= 4096 || o.path.p[0] != '/' ||
        trn_str_find(o.path, '\0') >= 0)
        return -EPROTO;
    o.image = image == 1;
    *ret = o;
    return 0;
}

void trn_opened_encode(const struct trn_opened *o, struct trn_buf *out)
{
    trn_put_u64(out, o->job);
    trn_put_u64(out, o->size);
    put_key(out, &o->key);
    trn_put_lstr(out, o->path);
}

int trn_opened_decode(struct trn_cursor *in, struct trn_opened *ret)
{
    struct trn_opened o;
    o.job = trn_cur_u64le(in);
    o.size = trn_cur_u64le(in);
    o.key = get_key(in);
    o.path = trn_cur_lstr(in);
    if (done(in))
        return -EPROTO;
    *ret = o;
    return 0;
}

void trn_failed_encode(const struct trn_failed *f, struct trn_buf *out)
{
    trn_put_u64(out, f->job);
    trn_put_u32(out, (uint32_t)f->code);
}

int trn_failed_decode(struct trn_cursor *in, struct trn_failed *ret)
{
    struct trn_failed f;
    f.job = trn_cur_u64le(in);
    f.code = (int32_t)trn_cur_u32le(in);
    if (done(in) || f.code >= 0)
        return -EPROTO;
    *ret = f;
    return 0;
}

void trn_dpkg_encode(const struct trn_dpkg_request *d, struct trn_buf *out)
{
    trn_put_u64(out, d->job);
    trn_put_u32(out, d->pid);
    trn_put_u64(out, d->stamp);
}

int trn_dpkg_decode(struct trn_cursor *in, struct trn_dpkg_request *ret)
{
    struct trn_dpkg_request d;
    d.job = trn_cur_u64le(in);
    d.pid = trn_cur_u32le(in);
    d.stamp = trn_cur_u64le(in);
    if (done(in))
        return -EPROTO;
    *ret = d;
    return 0;
}

void trn_dpkg_answer_encode(const struct trn_dpkg_answer *d, struct trn_buf *out)
{
    trn_put_u64(out, d->job);
    trn_put_u64(out, d->stamp);
}

int trn_dpkg_answer_decode(struct trn_cursor *in, struct trn_dpkg_answer *ret)
{
    struct trn_dpkg_answer d;
    d.job = trn_cur_u64le(in);
    d.stamp = trn_cur_u64le(in);
    if (done(in))
        return -EPROTO;
    *ret = d;
    return 0;
}

void trn_view_encode(const struct trn_view_request *v, struct trn_buf *out)
{
    trn_put_u32(out, v->pid);
}

int trn_view_decode(struct trn_cursor *in, struct trn_view_request *ret)
{
    struct trn_view_request v;
    v.pid = trn_cur_u32le(in);
    if (done(in) || v.pid == 0 || v.pid > INT32_MAX)
        return -EPROTO;
    *ret = v;
    return 0;
}

void trn_filter_encode(const struct trn_filter_request *f, struct trn_buf *out)
{
    trn_put_u64(out, f->job);
    trn_put_u8(out, f->remove);
    trn_put_u16(out, f->kind);
    trn_put_u32(out, f->pid);
    trn_put_u32(out, f->classes);
    trn_put_u64(out, f->seconds);
    trn_put_lstr(out, f->path);
    trn_put_lstr(out, f->why);
}

static bool has_control(struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

/* Which members a kind of filter needs; a path is looked at no further than its first byte and its length. */
static bool filter_fits(const struct trn_filter_request *f)
{
    bool of_process = f->kind == TRN_FILTER_PROCESS, of_path = f->kind >= TRN_FILTER_PATH;
    if (f->kind < TRN_FILTER_PROGRAM || f->kind >= TRN_FILTER_KINDS || of_process != (f->pid != 0) ||
        of_process != trn_str_is_none(f->path))
        return false;
    if (!of_process && (f->path.n == 0 || f->path.n >= 4096 || f->path.p[0] != '/' || trn_str_find(f->path, '\0') >= 0))
        return false;
    if (f->remove)
        return true;
    return f->why.n >= 3 && f->why.n <= TRN_FILTER_WHY_MAX && !has_control(f->why) &&
           (of_path ? f->classes == 1u << TRN_CLASS_FILE : f->classes && !(f->classes & ~TRN_FILTER_CLASSES));
}

int trn_filter_decode(struct trn_cursor *in, struct trn_filter_request *ret)
{
    struct trn_filter_request f = {0};
    f.job = trn_cur_u64le(in);
    uint8_t remove = trn_cur_u8(in);
    f.kind = trn_cur_u16le(in);
    f.pid = trn_cur_u32le(in);
    f.classes = trn_cur_u32le(in);
    f.seconds = trn_cur_u64le(in);
    f.path = trn_cur_lstr(in);
    f.why = trn_cur_lstr(in);
    f.remove = remove == 1;
    if (done(in) || remove > 1 || !filter_fits(&f))
        return -EPROTO;
    *ret = f;
    return 0;
}

void trn_filter_answer_encode(const struct trn_filter_answer *f, struct trn_buf *out)
{
    trn_put_u64(out, f->job);
    trn_put_u32(out, (uint32_t)f->code);
    trn_put_lstr(out, f->message);
    trn_put_lstr(out, f->hint);
}

int trn_filter_answer_decode(struct trn_cursor *in, struct trn_filter_answer *ret)
{
    struct trn_filter_answer f;
    f.job = trn_cur_u64le(in);
    f.code = (int32_t)trn_cur_u32le(in);
    f.message = trn_cur_lstr(in);
    f.hint = trn_cur_lstr(in);
    if (done(in) || f.code > 0 || f.message.n > 1024 || f.hint.n > 1024)
        return -EPROTO;
    *ret = f;
    return 0;
}

int trn_channel_job(int jobs_sock, uint64_t id, uint16_t kind, struct trn_str name, int fd)
{
    struct trn_buf body;
    trn_buf_init(&body, 8192);
    trn_put_u64(&body, id);
    trn_put_u16(&body, kind);
    trn_put_lstr(&body, name);
    int r = body.bad ? -EMSGSIZE : trn_ipc_send(jobs_sock, TRN_CH_INSPECT_JOB, trn_buf_str(&body), &fd, 1);
    trn_buf_done(&body);
    return r;
}
