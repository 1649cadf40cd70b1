/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: many pairs of releases, judged at the same time in one pool of strict workers: the old side of a pair first (unless
 * what was told of it is still known), then the new one, of which contents that the old one had are not looked at again.
 * Must not: open a file by name (the caller does); decide what a verdict means. A pair that cannot be judged ends with a
 * code, and the others go on.
 */
#include "cli/gate.h"

#include <sys/mman.h>
#include <unistd.h>

#define WAIT_MS 50
#define FILES_MAX 100000u
#define OPEN_PAIRS 6u
#define PAIR_MEMORY (256u << 20)

enum state { WAITING, OLD_SIDE, NEW_SIDE, OVER };

struct pair {
    enum state state;
    struct trn_release *side[2];
    uint32_t given, ended;    /* files of the side it is at */
    bool all_given, finished; /* finished: it was known */
    struct trn_gate_file
        *held; /* while it is judged (one is large): opened, and the pool had no room for it; fd -1: none */
    uint32_t held_number;
    int known;
    uint64_t until_mono_ns;
    int code;
    char why[200];
};

struct judging {
    const struct trn_gate_judge *j;
    struct trn_scan_pool *pool;
    struct pair *pairs;
    size_t first, begun, over, active; /* first: all before it are over */
};

/* ---- jobs: a pair, a side, a file of it ---- */

static uint64_t job_of(size_t pair, bool after, uint32_t file)
{
    return (uint64_t)pair << 33 | (uint64_t)after << 32 | file;
}

/* The release that a job is of; NULL: its pair has ended meanwhile. */
static struct trn_release *release_of(struct judging *g, uint64_t job, struct pair **ret)
{
    struct pair *p = job >> 33 < g->j->n ? &g->pairs[job >> 33] : NULL;
    bool after = job >> 32 & 1;
    if (!p || p->code < 0 || p->state != (after ? NEW_SIDE : OLD_SIDE))
        return NULL;
    *ret = p;
    return p->side[after];
}

/* What a release refuses costs this pair, not the others. */
static int noted(struct pair *p, int e)
{
    if (e < 0 && p->code == 0) {
        p->code = e;
        (void)snprintf(p->why, sizeof(p->why), "%s", trn_errno_words(e));
    }
    return 0;
}

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_artifact(r, (uint32_t)job, a)) : 0;
}

static int on_signature(void *ctx, uint64_t job, uint32_t artifact, const struct trn_signature *s)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_signature(r, (uint32_t)job, artifact, s)) : 0;
}

static int on_property(void *ctx, uint64_t job, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_property(r, (uint32_t)job, artifact, key, value)) : 0;
}

static int on_finding(void *ctx, uint64_t job, uint32_t artifact, const struct trn_finding *f)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_finding(r, (uint32_t)job, artifact, f)) : 0;
}

static int on_gap(void *ctx, uint64_t job, uint32_t artifact, const struct trn_gap *x)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_gap(r, (uint32_t)job, artifact, x)) : 0;
}

static int on_feature(void *ctx, uint64_t job, uint32_t artifact, const struct trn_feature *f)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    return r ? noted(p, trn_release_feature(r, (uint32_t)job, artifact, f)) : 0;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    struct pair *p;
    struct trn_release *r = release_of(ctx, job, &p);
    if (!r)
        return 0;
    p->ended++;
    return noted(p, trn_release_end(r, (uint32_t)job, code, why));
}

static int on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    const struct judging *g = ctx;
    if (g->j->bad_rule)
        g->j->bad_rule(g->j->ctx, file, line, why);
    return 0;
}

/* ---- one pair ---- */

static void forget(struct pair *p)
{
    p->side[1] = trn_release_free(p->side[1]);
    p->side[0] = trn_release_free(p->side[0]);
    p->known = trn_fd_close(p->known);
    if (p->held)
        p->held->fd = trn_fd_close(p->held->fd);
    free(p->held);
    p->held = NULL;
}

static int over(struct judging *g, struct pair *p, struct trn_diff *d)
{
    struct trn_gate_outcome o = {.pair = (size_t)(p - g->pairs),
                                 .code = p->code,
                                 .why = p->why,
                                 .diff = d,
                                 .after = p->code < 0 ? NULL : p->side[1]};
    p->state = OVER;
    g->over++;
    g->active--;
    int e = g->j->done(g->j->ctx, &o);
    return e;
}

static int compare(struct judging *g, struct pair *p)
{
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = NULL;
    const struct trn_diff_options o = {.sz = sizeof(o)};
    struct trn_err err = {0};
    if (p->code == 0 && trn_release_count(p->side[0]))
        p->code = trn_diff_new(p->side[0], p->side[1], &o, &d, &err);
    if (p->code < 0 && !p->why[0])
        (void)snprintf(p->why, sizeof(p->why), "%.199s", err.message);
    int e = over(g, p, d);
    d = trn_diff_free(d);
    forget(p);
    return e;
}

/* What is known of the old side needs no look. */
static void take_known(const struct judging *g, struct pair *p)
{
    struct trn_release *known = NULL;
    if (!g->j->known || g->j->known(g->j->ctx, (size_t)(p - g->pairs), &known) < 0 || !known)
        return;
    trn_release_free(p->side[0]);
    p->side[0] = known;
    p->all_given = p->finished = true;
}

static int begin_side(struct pair *p, bool after)
{
    const struct trn_release_options o = {.sz = sizeof(o),
                                          .label = TRN_STR(""),
                                          .other = p->side[0],
                                          .memory = PAIR_MEMORY};
    p->state = after ? NEW_SIDE : OLD_SIDE;
    p->given = p->ended = 0;
    p->all_given = p->finished = false;
    return trn_release_new(&o, &p->side[after]);
}

/* What the old side has goes with each file of the new one. */
static int write_known(struct pair *p)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_SCAN_KNOWN_MAX);
    int e = trn_release_keys(p->side[0], &b);
    if (e < 0 || b.n == 0)
        return e;
    p->known = memfd_create("turncoat-known", MFD_CLOEXEC);
    return p->known < 0 ? -errno : trn_write_full(p->known, b.p, b.n);
}

/* 0: given, or no more; 1: the pool has no room; negative: not this pair. */
static int give(struct judging *g, struct pair *p)
{
    size_t index = (size_t)(p - g->pairs);
    bool after = p->state == NEW_SIDE;
    if (p->held->fd < 0) {
        int e = p->given < FILES_MAX ? g->j->next(g->j->ctx, index, after, p->given, p->held) : -EFBIG;
        p->all_given = e == 0;
        if (e <= 0)
            return e;
        e = trn_release_file(p->side[after], trn_str_of(p->held->path), &p->held_number);
        if (e < 0)
            return e;
    }
    int e = trn_scan_pool_submit_but(g->pool, job_of(index, after, p->held_number), p->held->fd,
                                     trn_str_of(p->held->name), p->held->mode, p->known);
    if (e == -EAGAIN)
        return 1;
    p->held->fd = trn_fd_close(p->held->fd);
    p->given++;
    return e;
}

/* Gives what there is room for; a side that has ended becomes the next, or a verdict. *room false: the pool is full. */
static int advance(struct judging *g, struct pair *p, uint64_t now, bool *room)
{
    int e = 0;
    if (p->code == 0 && now > p->until_mono_ns) {
        p->code = -ETIME;
        (void)snprintf(p->why, sizeof(p->why), "it took longer than it may");
    }
    while (p->code == 0 && !p->all_given && *room) {
        e = give(g, p);
        *room = e != 1;
        if (e < 0)
            noted(p, e);
    }
    if (p->code < 0)
        return compare(g, p);
    if (!p->all_given || p->ended < p->given)
        return 0;
    if (!p->finished)
        e = trn_release_finish(p->side[p->state == NEW_SIDE]);
    if (e == 0 && p->state == OLD_SIDE) {
        e = write_known(p);
        if (e == 0)
            e = begin_side(p, true);
        noted(p, e);
        return e == 0 ? advance(g, p, now, room) : compare(g, p);
    }
    noted(p, e);
    return compare(g, p);
}

/* ---- all of them ---- */

static void begin_more(struct judging *g, uint64_t now)
{
    while (g->begun < g->j->n && g->active < OPEN_PAIRS) {
        struct pair *p = &g->pairs[g->begun++];
        g->active++;
        p->until_mono_ns = now + g->j->package_ms * TRN_NS_PER_MS;
        p->held = calloc(1, sizeof(*p->held));
        noted(p, p->held ? begin_side(p, false) : -ENOMEM);
        if (p->held)
            p->held->fd = -1;
        if (p->code == 0)
            take_known(g, p);
    }
}

/* Nobody waits any longer: what is not judged ends as too late. */
static int give_up(struct judging *g, const char *why)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < g->j->n; i++) {
        struct pair *p = &g->pairs[i];
        if (p->state == OVER)
            continue;
        g->active += p->state == WAITING;
        p->code = -ETIME;
        (void)snprintf(p->why, sizeof(p->why), "%s", why);
        e = compare(g, p);
    }
    return e;
}

static int turn(struct judging *g, struct trn_err *err)
{
    uint64_t now = trn_mono_ns();
    bool room = true;
    int e = 0;
    if (g->j->stopped && g->j->stopped(g->j->ctx))
        return -ECANCELED;
    if (now > g->j->until_mono_ns)
        return give_up(g, "the time of the whole transaction was over");
    begin_more(g, now);
    while (g->first < g->begun && g->pairs[g->first].state == OVER)
        g->first++;
    for (size_t i = g->first; e == 0 && i < g->begun; i++)
        if (g->pairs[i].state != OVER)
            e = advance(g, &g->pairs[i], now, &room);
    if (e == 0 && trn_scan_pool_busy(g->pool))
        e = trn_scan_pool_wait(g->pool, WAIT_MS, err);
    return e;
}

static void judging_done(struct judging *g)
{
    g->pool = trn_scan_pool_free(g->pool);
    for (size_t i = 0; g->pairs && i < g->j->n; i++)
        forget(&g->pairs[i]);
    free(g->pairs);
}

int trn_gate_judge(const struct trn_gate_judge *j, struct trn_err *err)
{
    TRN_AUTO(judging_done) struct judging g = {.j = j};
    const struct trn_scan_pool_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap,
                                            on_end,      on_bad_rule,  &g,          on_feature};
    struct trn_scan_pool_options pool = j->settings->pool;
    pool.features = true;
    if (j->n == 0)
        return 0;
    g.pairs = calloc(j->n, sizeof(*g.pairs));
    if (!g.pairs)
        return trn_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < j->n; i++)
        g.pairs[i].known = -1;
    int e = trn_scan_pool_new(&pool, &sink, &g.pool, err);
    while (e == 0 && g.over < j->n)
        e = turn(&g, err);
    return e < 0 && err && !err->code ? trn_fail(err, e, "cannot judge: %s", trn_errno_words(e)) : e;
}
