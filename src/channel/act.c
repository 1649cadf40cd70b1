/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of requests to act, their answers, and of the questions about held programs. Must not own: whether
 * any of it may be done. Decoders refuse what is out of range and what is left over.
 */
#include "channel/act.h"

#define FILES_BYTES 60000u /* of a message of TRN_IPC_MAX */
#define TEXT_MAX 4096u

static int done(const struct trn_cursor *in)
{
    return trn_cur_end(in) ? 0 : -EPROTO;
}

static bool is_text(struct trn_str s, size_t max)
{
    return s.n <= max && trn_str_find(s, '\0') < 0;
}

/* ---- requests ---- */

static void put_process(struct trn_buf *out, const struct trn_act_process *p)
{
    trn_put_u64(out, p->entity);
    trn_put_u64(out, p->start_boot_ns);
    trn_put_u32(out, p->pid);
}

static void put_host(struct trn_buf *out, const struct trn_act_host *h)
{
    trn_put_u8(out, h->family);
    trn_put_u8(out, h->prefix);
    trn_put_u16(out, h->port);
    trn_put(out, h->address, sizeof h->address);
}

void trn_act_encode(const struct trn_act_request *q, struct trn_buf *out)
{
    trn_put_u64(out, q->job);
    trn_put_u8(out, q->act);
    trn_put_u8(out, q->target);
    trn_put_u8(out, q->score);
    trn_put_u8(out, q->undo_of);
    trn_put_u32(out, q->flags);
    trn_put_u64(out, q->seconds);
    trn_put_u64(out, q->id);
    trn_put_u64(out, q->story);
    trn_put_u64(out, q->found_boot_ns);
    trn_put_lstr(out, q->check);
    trn_put_lstr(out, q->text);
    trn_put_lstr(out, q->version);
    trn_put_lstr(out, q->why);
    trn_put_u32(out, q->n_processes);
    for (uint32_t i = 0; i < q->n_processes; i++)
        put_process(out, &q->processes[i]);
    trn_put_u32(out, q->n_hosts);
    for (uint32_t i = 0; i < q->n_hosts; i++)
        put_host(out, &q->hosts[i]);
}

static int get_processes(struct trn_cursor *in, struct trn_arena *arena, struct trn_act_request *q)
{
    uint32_t n = trn_cur_u32le(in);
    if (in->bad || n > TRN_ACT_PROCESSES)
        return -EPROTO;
    struct trn_act_process *p = trn_arena_array(arena, n, sizeof *p);
    if (n && !p)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        p[i].entity = trn_cur_u64le(in);
        p[i].start_boot_ns = trn_cur_u64le(in);
        p[i].pid = trn_cur_u32le(in);
        if (p[i].pid < 2 || p[i].pid > INT32_MAX)
            return -EPROTO;
    }
    q->processes = p;
    q->n_processes = n;
    return 0;
}

static int get_hosts(struct trn_cursor *in, struct trn_arena *arena, struct trn_act_request *q)
{
    uint32_t n = trn_cur_u32le(in);
    if (in->bad || n > TRN_ACT_HOSTS)
        return -EPROTO;
    struct trn_act_host *h = trn_arena_array(arena, n, sizeof *h);
    if (n && !h)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        h[i].family = trn_cur_u8(in);
        h[i].prefix = trn_cur_u8(in);
        h[i].port = trn_cur_u16le(in);
        trn_cur_copy(in, h[i].address, sizeof h[i].address);
        if ((h[i].family != 4 && h[i].family != 6) || h[i].prefix > (h[i].family == 4 ? 32 : 128))
            return -EPROTO;
    }
    q->hosts = h;
    q->n_hosts = n;
    return 0;
}

static bool is_sound(const struct trn_act_request *q)
{
    bool kind = q->act > 0 && q->act < TRN_RESPOND_KINDS;
    bool order = q->act == TRN_RESPOND_UNDO || q->act == TRN_RESPOND_CONFIRM;
    return (kind || order) && q->target < TRN_TARGET_MAX && q->score <= 100 && q->undo_of < TRN_RESPOND_KINDS &&
           (q->flags & ~(uint32_t)TRN_ACT_FLAGS) == 0 && q->seconds <= TRN_RESPOND_MAX_SEC && is_text(q->check, 100) &&
           is_text(q->text, TEXT_MAX - 1) && is_text(q->version, 200) && is_text(q->why, TRN_RESPOND_WHY_MAX);
}

int trn_act_decode(struct trn_cursor *in, struct trn_arena *arena, struct trn_act_request *ret)
{
    struct trn_act_request q = {0};
    q.job = trn_cur_u64le(in);
    q.act = trn_cur_u8(in);
    q.target = trn_cur_u8(in);
    q.score = trn_cur_u8(in);
    q.undo_of = trn_cur_u8(in);
    q.flags = trn_cur_u32le(in);
    q.seconds = trn_cur_u64le(in);
    q.id = trn_cur_u64le(in);
    q.story = trn_cur_u64le(in);
    q.found_boot_ns = trn_cur_u64le(in);
    q.check = trn_cur_lstr(in);
    q.text = trn_cur_lstr(in);
    q.version = trn_cur_lstr(in);
    q.why = trn_cur_lstr(in);
    int r = get_processes(in, arena, &q);
    if (r == 0)
        r = get_hosts(in, arena, &q);
    if (r == 0 && (done(in) || !is_sound(&q)))
        r = -EPROTO;
    if (r == 0)
        *ret = q;
    return r;
}

static struct trn_str copy_text(struct trn_arena *arena, struct trn_str s, bool *ok)
{
    struct trn_str copy = trn_arena_str(arena, s);
    *ok = *ok && trn_str_is_none(s) == trn_str_is_none(copy);
    return copy;
}

static const void *copy_array(struct trn_arena *arena, const void *from, uint32_t n, size_t size)
{
    void *to = n ? trn_arena_array(arena, n, size) : NULL;
    if (to)
        memcpy(to, from, n * size);
    return to;
}

int trn_act_copy(const struct trn_act_request *q, struct trn_arena *arena, struct trn_act_request *ret)
{
    struct trn_act_request c = *q;
    bool ok = true;
    c.check = copy_text(arena, q->check, &ok);
    c.text = copy_text(arena, q->text, &ok);
    c.version = copy_text(arena, q->version, &ok);
    c.why = copy_text(arena, q->why, &ok);
    c.processes = copy_array(arena, q->processes, q->n_processes, sizeof *q->processes);
    c.hosts = copy_array(arena, q->hosts, q->n_hosts, sizeof *q->hosts);
    struct trn_act_file *files = q->n_files ? trn_arena_array(arena, q->n_files, sizeof *files) : NULL;
    for (uint32_t i = 0; files && i < q->n_files; i++) {
        files[i] = q->files[i];
        files[i].path = copy_text(arena, q->files[i].path, &ok);
    }
    c.files = files;
    if (!ok || (q->n_processes && !c.processes) || (q->n_hosts && !c.hosts) || (q->n_files && !files))
        return -ENOMEM;
    *ret = c;
    return 0;
}

/* ---- files ---- */

static void put_file(struct trn_buf *out, const struct trn_act_file *f)
{
    trn_put_u64(out, f->key.dev);
    trn_put_u64(out, f->key.ino);
    trn_put_u64(out, f->key.ctime_ns);
    trn_put_u64(out, f->size);
    trn_put(out, f->sha256, sizeof f->sha256);
    trn_put_lstr(out, f->path);
}

uint32_t trn_act_files_encode(uint64_t job, const struct trn_act_file *files, uint32_t n, struct trn_buf *out)
{
    uint32_t fits = 0;
    size_t bytes = 0;
    while (fits < n && bytes + 80 + files[fits].path.n <= FILES_BYTES)
        bytes += 80 + files[fits++].path.n;
    trn_put_u64(out, job);
    trn_put_u32(out, fits);
    for (uint32_t i = 0; i < fits; i++)
        put_file(out, &files[i]);
    return fits;
}

static int get_file(struct trn_cursor *in, struct trn_arena *arena, struct trn_act_file *ret)
{
    struct trn_act_file f = {0};
    f.key.dev = trn_cur_u64le(in);
    f.key.ino = trn_cur_u64le(in);
    f.key.ctime_ns = trn_cur_u64le(in);
    f.size = trn_cur_u64le(in);
    trn_cur_copy(in, f.sha256, sizeof f.sha256);
    struct trn_str path = trn_cur_lstr(in);
    bool named = !trn_str_is_empty(path);
    if (in->bad || !is_text(path, TEXT_MAX - 1) || (named && path.p[0] != '/') ||
        (!named && trn_sha256_is_none(f.sha256)))
        return -EPROTO;
    bool ok = true;
    f.path = copy_text(arena, path, &ok);
    *ret = f;
    return ok ? 0 : -ENOMEM;
}

int trn_act_files_decode(struct trn_cursor *in, struct trn_arena *arena, uint64_t *ret_job, struct trn_act_file *files,
                         uint32_t *n)
{
    uint64_t job = trn_cur_u64le(in);
    uint32_t more = trn_cur_u32le(in);
    if (in->bad || more > TRN_ACT_FILES - *n)
        return -EPROTO;
    for (uint32_t i = 0; i < more; i++) {
        int r = get_file(in, arena, &files[*n + i]);
        if (r < 0)
            return r;
    }
    if (done(in))
        return -EPROTO;
    *n += more;
    *ret_job = job;
    return 0;
}

/* ---- answers and questions ---- */

void trn_acted_encode(const struct trn_act_answer *a, struct trn_buf *out)
{
    trn_put_u64(out, a->job);
    trn_put_u64(out, a->id);
    trn_put_u32(out, (uint32_t)a->code);
    trn_put_lstr(out, a->plan);
    trn_put_lstr(out, a->message);
    trn_put_lstr(out, a->hint);
}

int trn_acted_decode(struct trn_cursor *in, struct trn_act_answer *ret)
{
    struct trn_act_answer a = {0};
    a.job = trn_cur_u64le(in);
    a.id = trn_cur_u64le(in);
    a.code = (int32_t)trn_cur_u32le(in);
    a.plan = trn_cur_lstr(in);
    a.message = trn_cur_lstr(in);
    a.hint = trn_cur_lstr(in);
    if (done(in) || a.code > 0 || a.code < -4095)
        return -EPROTO;
    *ret = a;
    return 0;
}

void trn_held_encode(const struct trn_held_question *h, struct trn_buf *out)
{
    trn_put_u64(out, h->question);
    trn_put_u64(out, h->start_boot_ns);
    trn_put_u64(out, h->deadline_boot_ns);
    trn_put_u32(out, h->pid);
    trn_put_u64(out, h->key.dev);
    trn_put_u64(out, h->key.ino);
    trn_put_u64(out, h->key.ctime_ns);
}

int trn_held_decode(struct trn_cursor *in, struct trn_held_question *ret)
{
    struct trn_held_question h = {0};
    h.question = trn_cur_u64le(in);
    h.start_boot_ns = trn_cur_u64le(in);
    h.deadline_boot_ns = trn_cur_u64le(in);
    h.pid = trn_cur_u32le(in);
    h.key.dev = trn_cur_u64le(in);
    h.key.ino = trn_cur_u64le(in);
    h.key.ctime_ns = trn_cur_u64le(in);
    if (done(in) || h.pid == 0 || h.pid > INT32_MAX)
        return -EPROTO;
    *ret = h;
    return 0;
}

void trn_judged_encode(const struct trn_judged *j, struct trn_buf *out)
{
    trn_put_u64(out, j->question);
    trn_put_u8(out, j->refuse);
}

int trn_judged_decode(struct trn_cursor *in, struct trn_judged *ret)
{
    struct trn_judged j = {.question = trn_cur_u64le(in)};
    uint8_t refuse = trn_cur_u8(in);
    if (done(in) || refuse > 1)
        return -EPROTO;
    j.refuse = refuse == 1;
    *ret = j;
    return 0;
}
