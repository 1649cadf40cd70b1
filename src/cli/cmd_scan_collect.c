/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the way of a file: walked to, known from before or handed to a worker, its result kept until its turn has come.
 * Order out is order in, however many workers there are: what is ready early waits in a ring of slots.
 * Must not: read a byte of a file that could be understood; remember what is not certain.
 * Hand-offs: who asked gets each file in order, during the call.
 */
#include "cli/scan.h"

#include <fcntl.h>
#include <unistd.h>

#define SLOTS 2048u
#define WAITING_MAX ((size_t)24 << 20) /* results in memory that wait for their turn */
#define OPEN_MAX 96u                   /* files at workers: each holds a descriptor here */
#define WAIT_MS 100
#define WAIT_HEAD_MS 20
#define CACHE_BYTES (512ull << 20)

enum slot_state { SLOT_FREE = 0, SLOT_PENDING, SLOT_RUNNING, SLOT_DONE };

struct slot {
    enum slot_state state;
    char *path, *why; /* owned; why: NULL for none */
    size_t name_at;   /* of the base name in path */
    int fd, code;
    bool note, changed, keep; /* keep: may be remembered */
    bool written;             /* somebody held it open for writing when it was opened here */
    struct stat st;
    struct trn_cache_key key;
    uint8_t sha256[TRN_SHA256_SIZE];
    struct trn_result result;
};

struct collect {
    const struct trn_collect_options *o;
    struct trn_walk *walk;
    struct trn_scan_pool *pool;
    struct trn_cache *cache;
    struct slot *slots; /* SLOTS of them: number n stands in slots[n % SLOTS] */
    uint64_t head, tail;
    unsigned open;
    size_t waiting;
    bool walked;
    uint64_t bytes, cached;
    struct trn_scanned judged; /* its memory is used again for each file */
    struct trn_scan_sum *sum;
    uint64_t looks;
};

static struct slot *slot_of(struct collect *c, uint64_t n)
{
    return &c->slots[n % SLOTS];
}

/* The slot of a job that a worker is at; NULL for what is none. */
static struct slot *running(struct collect *c, uint64_t job)
{
    struct slot *s = job >= c->head && job < c->tail ? slot_of(c, job) : NULL;
    return s && s->state == SLOT_RUNNING ? s : NULL;
}

/* ---- what the workers tell ---- */

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct slot *s = running(ctx, job);
    if (!s)
        return 0;
    if (a->id == 1)
        memcpy(s->sha256, a->sha256, TRN_SHA256_SIZE);
    trn_result_artifact(&s->result, a);
    return 0;
}

static int on_signature(void *ctx, uint64_t job, uint32_t artifact, const struct trn_signature *sig)
{
    struct slot *s = running(ctx, job);
    if (s)
        trn_result_signature(&s->result, artifact, sig);
    return 0;
}

static int on_property(void *ctx, uint64_t job, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    struct slot *s = running(ctx, job);
    if (s)
        trn_result_property(&s->result, artifact, key, value);
    return 0;
}

static int on_finding(void *ctx, uint64_t job, uint32_t artifact, const struct trn_finding *f)
{
    struct slot *s = running(ctx, job);
    if (s)
        trn_result_finding(&s->result, artifact, f);
    return 0;
}

static int on_gap(void *ctx, uint64_t job, uint32_t artifact, const struct trn_gap *g)
{
    struct slot *s = running(ctx, job);
    if (s)
        trn_result_gap(&s->result, artifact, g);
    return 0;
}

static bool was_changed(const struct slot *s)
{
    struct stat now;
    return fstat(s->fd, &now) < 0 || now.st_size != s->st.st_size || now.st_ctim.tv_sec != s->st.st_ctim.tv_sec ||
           now.st_ctim.tv_nsec != s->st.st_ctim.tv_nsec;
}

/* Who holds it open for writing may change it through a mapping without its times telling: the kernel gives no lease then.
 * Not ours to ask, or a file system without leases: false. */
static bool is_being_written(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static void finish(struct collect *c, struct slot *s)
{
    s->state = SLOT_DONE;
    c->waiting += s->result.mem.cap;
    if (s->fd >= 0)
        c->open--;
    s->fd = trn_fd_close(s->fd);
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    struct collect *c = ctx;
    struct slot *s = running(c, job);
    char text[400];
    if (!s)
        return 0;
    s->code = code < 0 ? code : 0;
    if (code < 0) {
        trn_escape_into(text, sizeof(text), why);
        s->why = strdup(why.n            ? text
                        : code == -EPIPE ? "its worker crashed"
                        : code == -ETIME ? "its worker hung"
                                         : trn_errno_name(code));
    }
    s->changed = was_changed(s);
    s->keep = c->cache && s->code == 0 && !s->changed && !s->result.bad && !s->result.passing && !s->written &&
              !is_being_written(s->fd) && !trn_cache_too_fresh(&s->key, trn_wall_ns());
    finish(c, s);
    return 0;
}

static int on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct collect *c = ctx;
    c->o->bad_rule(c->o->ctx, file, line, why);
    return 0;
}

/* ---- files into slots ---- */

static int fail_slot(struct collect *c, struct slot *s, int code, const char *why)
{
    s->code = code;
    s->why = strdup(why);
    finish(c, s);
    return s->why ? 0 : -ENOMEM;
}

static const char *open_words(int e)
{
    return e == -EACCES || e == -EPERM ? "permission denied"
           : e == -ESTALE              ? "it became another file while it was looked at"
           : e == -ENOENT              ? "it is gone"
                                       : trn_errno_name(e);
}

/* Known from before: nothing is opened for that. */
static bool known(struct collect *c, struct slot *s)
{
    if (!c->cache || !trn_cache_find(c->cache, &s->key, &s->result))
        return false;
    c->cached++;
    finish(c, s);
    return true;
}

static bool known_content(struct collect *c, struct slot *s)
{
    if (!c->cache || !trn_cache_find_content(c->cache, &s->key, s->fd, &s->result) || was_changed(s))
        return false;
    c->cached++;
    finish(c, s);
    return true;
}

static int add_file(struct collect *c, const struct trn_walked *f)
{
    struct slot *s = slot_of(c, c->tail);
    *s = (struct slot){.state = SLOT_PENDING, .fd = -1, .st = f->st};
    trn_result_init(&s->result);
    s->path = strndup(f->path.p ? f->path.p : "", f->path.n);
    if (!s->path)
        return -ENOMEM;
    c->tail++;
    s->note = f->error < 0;
    if (f->error)
        return fail_slot(c, s, f->error, f->why);
    struct trn_str name = trn_path_base(trn_str_of(s->path));
    s->name_at = (size_t)(name.p - s->path);
    s->key = trn_cache_key_of(&f->st, name);
    if (known(c, s))
        return 0;
    s->fd = trn_walk_open(f);
    if (s->fd < 0)
        return fail_slot(c, s, s->fd, open_words(s->fd));
    c->open++;
    s->written = c->cache && is_being_written(s->fd);
    (void)known_content(c, s);
    return 0;
}

/* Hands the newest slot to a worker. 1: they have enough to do. */
static int submit(struct collect *c, uint64_t n, struct trn_err *err)
{
    struct slot *s = slot_of(c, n);
    int e = trn_scan_pool_begin(c->pool, err);
    if (e < 0)
        return e;
    s->state = SLOT_RUNNING;
    e = trn_scan_pool_submit(c->pool, n, s->fd, trn_str_of(s->path + s->name_at), s->st.st_mode);
    if (e == -EAGAIN) {
        s->state = SLOT_PENDING;
        return 1;
    }
    return e;
}

static bool has_room(const struct collect *c)
{
    return c->tail - c->head < SLOTS && c->waiting < WAITING_MAX && c->open < OPEN_MAX;
}

/* Walks on until the workers have enough to do. 1: they have; 0: there is no room, or no more. */
static int fill(struct collect *c, struct trn_err *err)
{
    struct trn_walked f;
    bool pending = c->tail > c->head && slot_of(c, c->tail - 1)->state == SLOT_PENDING;
    for (;;) {
        int e = 0;
        if (pending && (e = submit(c, c->tail - 1, err)) != 0)
            return e;
        if (c->walked || !has_room(c))
            return 0;
        e = trn_walk_next(c->walk, &f);
        c->walked = e == 0;
        if (e == 1)
            e = add_file(c, &f);
        if (e < 0 || c->walked)
            return e;
        pending = slot_of(c, c->tail - 1)->state == SLOT_PENDING;
        if (++c->looks % 64 == 0 && c->o->stopped(c->o->ctx))
            return 0;
        if (!pending && slot_of(c, c->head)->state == SLOT_DONE && c->tail - c->head > 256)
            return 0; /* all of it known: tell it */
    }
}

/* ---- slots out, in order ---- */

static void empty(struct collect *c, struct slot *s)
{
    if (s->state == SLOT_DONE)
        c->waiting -= s->result.mem.cap;
    trn_result_done(&s->result);
    s->fd = trn_fd_close(s->fd);
    free(s->path);
    free(s->why);
    *s = (struct slot){.fd = -1};
}

static int tell(struct collect *c, struct slot *s)
{
    struct trn_results index = c->judged.index; /* with its memory */
    c->judged = (struct trn_scanned){.path = trn_str_of(s->path),
                                     .index = index,
                                     .code = s->code,
                                     .why = trn_str_of(s->why),
                                     .note = s->note,
                                     .changed = s->changed};
    int e = trn_scanned_judge(&c->judged, &s->result);
    if (e < 0)
        return e;
    if (s->keep && c->cache && c->judged.code == 0)
        trn_cache_put(c->cache, &s->key, s->sha256, &s->result);
    trn_scan_sum_add(c->sum, &c->judged);
    c->bytes += c->judged.size;
    return c->o->file(c->o->ctx, &c->judged);
}

static int drain(struct collect *c)
{
    int e = 0;
    while (e == 0 && c->head < c->tail && slot_of(c, c->head)->state == SLOT_DONE) {
        e = tell(c, slot_of(c, c->head));
        empty(c, slot_of(c, c->head));
        c->head++;
    }
    return e;
}

/* Somebody wants an end: what is whole is told, what a worker was at is told as not looked at. */
static int wind_up(struct collect *c)
{
    int e = 0;
    c->pool = trn_scan_pool_free(c->pool);
    c->sum->interrupted = c->sum->undecided = true;
    while (e == 0 && c->head < c->tail) {
        struct slot *s = slot_of(c, c->head);
        if (s->state == SLOT_DONE)
            e = tell(c, s);
        empty(c, s);
        c->head++;
    }
    return e;
}

static void show(struct collect *c)
{
    struct trn_str at = c->head < c->tail ? trn_str_of(slot_of(c, c->head)->path) : TRN_STR_NONE;
    c->o->idle(c->o->ctx, c->sum->files, c->bytes, at);
}

static int loop(struct collect *c, struct trn_err *err)
{
    int e = 0;
    while (e == 0 && (c->head < c->tail || !c->walked)) {
        int busy = fill(c, err);
        if (busy < 0)
            return busy; /* what the pool did not say of it, who called does */
        bool ready = c->head < c->tail && slot_of(c, c->head)->state == SLOT_DONE;
        if (trn_scan_pool_busy(c->pool))
            e = trn_scan_pool_wait(c->pool, ready && !busy ? 0 : busy ? WAIT_MS : WAIT_HEAD_MS, err);
        if (e == 0)
            e = drain(c);
        show(c);
        if (c->o->stopped(c->o->ctx))
            return e < 0 ? e : wind_up(c);
    }
    return e;
}

static void done(struct collect *c)
{
    c->pool = trn_scan_pool_free(c->pool);
    for (; c->slots && c->head < c->tail; c->head++)
        empty(c, slot_of(c, c->head));
    free(c->slots);
    trn_walk_free(c->walk);
    trn_results_done(&c->judged.index);
}

int trn_collect(const struct trn_collect_options *o, struct trn_scan_sum *sum, struct trn_err *err)
{
    TRN_AUTO(done) struct collect c = {.o = o, .sum = sum, .slots = calloc(SLOTS, sizeof(*c.slots))};
    const struct trn_scan_pool_sink sink = {on_artifact, on_signature, on_property, on_finding,
                                            on_gap,      on_end,       on_bad_rule, &c};
    struct trn_err warning = {0};
    trn_results_init(&c.judged.index);
    int e = c.slots ? trn_walk_new(o->paths, o->n_paths, &c.walk) : -ENOMEM;
    if (e < 0)
        return trn_fail(err, e, "cannot begin: %s", trn_errno_name(e));
    struct trn_scan_pool_options pool = o->settings->pool;
    pool.late = o->settings->quiet;
    e = trn_scan_pool_new(&pool, &sink, &c.pool, err);
    if (e < 0)
        return e;
    /* After the workers' mother was made: a database is not to be carried over a fork. */
    if (o->settings->cache)
        e = trn_cache_open(o->settings->dir, o->settings->question, CACHE_BYTES, &c.cache, &warning);
    if (warning.code)
        o->warn(o->ctx, &warning);
    if (e == 0)
        e = loop(&c, err);
    warning = (struct trn_err){0};
    c.cache = trn_cache_close(c.cache, &warning);
    if (warning.code)
        o->warn(o->ctx, &warning);
    trn_walk_counts(c.walk, &sum->links, &sum->skipped);
    sum->cached = c.cached;
    return e < 0 && err && !err->code ? trn_fail(err, e, "cannot go on: %s", trn_errno_name(e)) : e;
}
