/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the filters that are set: who may set one, how many, how often, for how long; carrying it out;
 * its end; the record of both. Must not own: what may be filtered (filter_target.c), the programs and
 * marks themselves (src/sensor).
 *
 * A filter is a blind spot, so everything about it is told to the engine, which writes it into the log.
 * None survives turncoatd: a restart watches everything again. Threads: the opener's sets, the main
 * thread lets expire; the lock is never held while a name is opened.
 */
#include "daemon/filter.h"

#include <pthread.h>
#include <unistd.h>

#define CHANGES_MAX 20u /* a minute */
#define MINUTE_NS (60 * TRN_NS_PER_SEC)

struct row {
    struct trn_filter_target target;
    uint64_t until;
    uint32_t uid, pid; /* who asked */
    char why[TRN_FILTER_WHY_MAX + 1];
};

struct trn_filters {
    pthread_mutex_t lock;
    struct trn_sensor *sensor; /* borrowed */
    struct trn_fanotify *files;
    char state_dir[4096];
    struct trn_peer_rule peers;
    struct row rows[TRN_FILTERS_MAX];
    uint32_t n;
    uint64_t minute_ns;
    uint32_t changes; /* in it */
};

struct trn_filters *trn_filters_new(struct trn_sensor *sensor, const char *state_dir, gid_t respond_gid, int listen_fd)
{
    struct trn_filters *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    f->sensor = sensor;
    trn_peer_rule_init(&f->peers, listen_fd, respond_gid);
    memccpy(f->state_dir, state_dir, '\0', sizeof f->state_dir - 1);
    return f;
}

struct trn_filters *trn_filters_free(struct trn_filters *f)
{
    if (!f)
        return NULL;
    for (uint32_t i = 0; i < f->n; i++)
        trn_filter_target_done(&f->rows[i].target);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}

void trn_filters_files(struct trn_filters *f, struct trn_fanotify *files)
{
    pthread_mutex_lock(&f->lock);
    f->files = files;
    pthread_mutex_unlock(&f->lock);
}

/* ---- telling ---- */

static void tell(const struct row *row, bool ended, bool existing, const struct trn_record_sink *sink)
{
    const struct trn_filter_target *t = &row->target;
    const struct trn_filter_note n = {.pid = row->pid,
                                      .uid = row->uid,
                                      .target_pid = t->rule.pid,
                                      .classes = t->rule.classes,
                                      .inode = t->kind == TRN_FILTER_FILESYSTEM ? 0 : t->inode,
                                      .ctime_ns = t->rule.ctime_ns,
                                      .until_boot_ns = row->until,
                                      .ended = ended,
                                      .existing = existing,
                                      .path = t->kind == TRN_FILTER_PROCESS ? TRN_STR_NONE : trn_str_of(t->path),
                                      .why = trn_str_of(row->why)};
    /* An engine that is gone hears of it when the next one starts. */
    if (trn_filter_record(&n, sink) < 0)
        return;
}

void trn_filters_tell(struct trn_filters *f, const struct trn_record_sink *sink)
{
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < f->n; i++)
        tell(&f->rows[i], false, true, sink);
    pthread_mutex_unlock(&f->lock);
}

/* ---- carrying out ---- */

static bool is_mute(const struct trn_filter_target *t)
{
    return t->kind == TRN_FILTER_PROGRAM || t->kind == TRN_FILTER_PROCESS;
}

static int apply(struct trn_filters *f, const struct trn_filter_target *t)
{
    if (is_mute(t))
        return trn_sensor_mute(f->sensor, &t->rule);
    return f->files ? trn_fanotify_ignore(f->files, t->fd, t->kind == TRN_FILTER_FILESYSTEM, true) : -ENOTSUP;
}

/* A mark that went away with its file system is gone too: then all of it is watched anyway. */
static void undo(struct trn_filters *f, const struct trn_filter_target *t)
{
    if (is_mute(t))
        trn_sensor_unmute(f->sensor, &t->rule);
    else if (f->files)
        (void)!trn_fanotify_ignore(f->files, t->fd, t->kind == TRN_FILTER_FILESYSTEM, false);
}

static void end_row(struct trn_filters *f, uint32_t i, const struct trn_record_sink *sink)
{
    undo(f, &f->rows[i].target);
    f->rows[i].until = trn_boot_ns();
    tell(&f->rows[i], true, false, sink);
    trn_filter_target_done(&f->rows[i].target);
    f->rows[i] = f->rows[--f->n];
}

void trn_filters_tick(struct trn_filters *f, const struct trn_record_sink *sink)
{
    uint64_t now = trn_boot_ns();
    if (pthread_mutex_trylock(&f->lock) != 0)
        return; /* in a second again */
    for (uint32_t i = f->n; i-- > 0;)
        if (now >= f->rows[i].until)
            end_row(f, i, sink);
    pthread_mutex_unlock(&f->lock);
}

/* ---- who, how often, how long ---- */

static int check_rate(struct trn_filters *f, struct trn_err *err)
{
    uint64_t now = trn_boot_ns();
    if (now > f->minute_ns + MINUTE_NS) {
        f->minute_ns = now;
        f->changes = 0;
    }
    if (f->changes >= CHANGES_MAX)
        return trn_fail(err, -EAGAIN, "more than %u changes of filters a minute", CHANGES_MAX);
    f->changes++;
    return 0;
}

static int check_time(const struct trn_filter_request *q, struct trn_err *err)
{
    if (q->seconds <= TRN_FILTER_MAX_SEC)
        return 0;
    int r = trn_fail(err, -ERANGE, "a filter holds for %u hours at most", TRN_FILTER_MAX_SEC / 3600);
    trn_hint(err, "set it again when it has expired");
    return r;
}

/* ---- requests ---- */

static bool is_same(const struct trn_filter_target *a, const struct trn_filter_target *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == TRN_FILTER_PROCESS ? a->rule.pid == b->rule.pid
                                         : strcmp(a->path, b->path) == 0 || (a->dev == b->dev && a->inode == b->inode);
}

/* The same again replaces it: another time, other classes. */
static int set(struct trn_filters *f, struct trn_filter_target *t, const struct trn_filter_request *q,
               const struct ucred *who, const struct trn_record_sink *sink, struct trn_err *err)
{
    uint32_t at = 0;
    while (at < f->n && !is_same(&f->rows[at].target, t))
        at++;
    if (at == TRN_FILTERS_MAX) {
        int r = trn_fail(err, -ENOSPC, "there are %d filters already", TRN_FILTERS_MAX);
        trn_hint(err, "turncoat filter list shows them; remove one");
        return r;
    }
    uint64_t seconds = q->seconds ? q->seconds : TRN_FILTER_DEFAULT_SEC;
    struct row row = {.until = trn_boot_ns() + seconds * TRN_NS_PER_SEC, .uid = who->uid, .pid = (uint32_t)who->pid};
    t->rule.until_boot_ns = row.until;
    memcpy(row.why, q->why.p, q->why.n);
    if (at < f->n && !(is_mute(t) && t->rule.inode == f->rows[at].target.rule.inode))
        undo(f, &f->rows[at].target);
    int r = apply(f, t);
    if (r < 0) {
        if (at < f->n) /* neither the old nor the new one holds */
            end_row(f, at, sink);
        return trn_fail(err, r, "the kernel does not take that filter: %s", trn_errno_name(r));
    }
    if (at < f->n)
        trn_filter_target_done(&f->rows[at].target);
    else
        f->n++;
    row.target = *t;
    t->fd = -1;
    f->rows[at] = row;
    tell(&row, false, false, sink);
    return 0;
}

/* By what it was called when it was set: the thing itself may be gone. */
static int take_back(struct trn_filters *f, const struct trn_filter_request *q, const struct ucred *who,
                     const struct trn_record_sink *sink, struct trn_err *err)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const struct trn_filter_target *t = &f->rows[i].target;
        if (q->kind == TRN_FILTER_PROCESS ? t->kind != q->kind || t->rule.pid != q->pid
                                          : t->kind == TRN_FILTER_PROCESS || !trn_str_eq_c(q->path, t->path))
            continue;
        f->rows[i].uid = who->uid;
        f->rows[i].pid = (uint32_t)who->pid;
        end_row(f, i, sink);
        return 0;
    }
    int r = trn_fail(err, -ENOENT, "there is no such filter");
    trn_hint(err, "turncoat filter list shows them by their full paths");
    return r;
}

int trn_filters_serve(struct trn_filters *f, const struct trn_filter_request *q, int client,
                      const struct trn_record_sink *sink, struct trn_err *err)
{
    struct trn_filter_target t = {.fd = -1};
    struct ucred who = {0};
    int r = trn_peer_check(&f->peers, client, "set a filter", &who, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&f->lock);
    bool files = f->files != NULL;
    r = check_rate(f, err);
    pthread_mutex_unlock(&f->lock);
    if (r == 0 && !q->remove)
        r = check_time(q, err);
    if (r == 0 && !q->remove)
        r = trn_filter_find(q, files, f->state_dir, &t, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&f->lock);
    r = q->remove ? take_back(f, q, &who, sink, err) : set(f, &t, q, &who, sink, err);
    pthread_mutex_unlock(&f->lock);
    trn_filter_target_done(&t);
    return r;
}
