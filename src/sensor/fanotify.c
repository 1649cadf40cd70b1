/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns turncoatd's notification groups and reads their events. The groups' descriptors never leave
 * turncoatd. Must not decide what matters (fanotify_record.c), nor what is marked (fanotify_mark.c, sensitive_scan.c).
 *
 *   kernel ── events with handles and a name ──> path, stat ──> struct trn_wire_file ──> sink
 *
 * An event carries only the process's id, and whether that process was still there when it was read: it may be some
 * hundred microseconds late. The kernel's queues have no limit of their own, which would lose events without counting
 * them: what lies in a queue beyond ours is read, counted and left out here.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sensor/bpf/wire.h"

#define READS_DEFAULT 16u
#define READ_NS (30 * TRN_NS_PER_MS) /* a group: whoever reads has a heart that must beat */
#define QUEUE_MAX (4 << 20)          /* bytes that may wait in one queue: about 35,000 events */

static void free_list(char **list)
{
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
}

static char **copy_list(const char *const *from, size_t n)
{
    char **list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; list && i < n; i++) {
        list[i] = strdup(from[i]);
        if (!list[i]) {
            free_list(list);
            return NULL;
        }
    }
    return list;
}

struct trn_fanotify *trn_fanotify_close(struct trn_fanotify *f)
{
    if (!f)
        return NULL;
    trn_fanotify_end_batch(f);
    for (size_t i = 0; i < f->n_fs; i++)
        free(f->fs[i].point);
    trn_fanotify_views_done(f);
    trn_scope_done(&f->scope);
    for (int i = 0; i < TRN_GROUP_COUNT; i++)
        trn_fd_close(f->group[i]);
    trn_fd_close(f->epoll);
    free_list(f->roots);
    free_list(f->homes);
    trn_places_free(f->places);
    free(f->buffer);
    free(f->shares);
    free(f);
    return NULL;
}

static int set_up(struct trn_fanotify *f, const struct trn_fanotify_options *o, struct trn_err *err)
{
    static const char *const default_homes[] = {"/root", "/home/*"};
    bool own_homes = o && o->homes;
    int r;

    f->buffer = malloc(TRN_FANOTIFY_BUFFER);
    f->places = trn_places_new();
    f->shares = trn_file_shares_new(o ? o->share : 0);
    f->homes = copy_list(own_homes ? o->homes : default_homes, own_homes ? o->n_homes : TRN_ARRAY_SIZE(default_homes));
    if (o && o->roots)
        f->roots = copy_list(o->roots, o->n_roots);
    if (!f->buffer || !f->places || !f->shares || !f->homes || (o && o->roots && !f->roots))
        return trn_fail(err, -ENOMEM, "cannot watch files: out of memory");
    if (o && o->scope_cgroup) {
        r = trn_scope_open(o->scope_cgroup, &f->scope, err);
        if (r != 0)
            return r;
    }
    r = trn_fanotify_groups(f, err);
    return r == 0 ? trn_fanotify_rescan(f, err) : r;
}

int trn_fanotify_open(const struct trn_fanotify_options *o, struct trn_fanotify **ret, struct trn_err *err)
{
    struct trn_fanotify *f = calloc(1, sizeof(*f));
    int r;

    if (!f)
        return trn_fail(err, -ENOMEM, "cannot watch files: out of memory");
    f->self = (uint32_t)getpid();
    f->epoll = -1;
    f->scope.fd = -1;
    for (int i = 0; i < TRN_GROUP_COUNT; i++)
        f->group[i] = -1;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(f->cache); i++)
        f->cache[i].fd = -1;
    f->hooks[TRN_FILE_HOOK_MARKS] =
        (struct trn_sensor_hook){.name = "file.marks",
                                 .gives = "files created, written, renamed, deleted, their attributes"};
    f->hooks[TRN_FILE_HOOK_SENSITIVE] =
        (struct trn_sensor_hook){.name = "file.sensitive", .gives = "opens of browser stores, keys, wallets"};
    r = set_up(f, o, err);
    if (r != 0) {
        trn_fanotify_close(f);
        return r;
    }
    *ret = f;
    return 0;
}

int trn_fanotify_fd(const struct trn_fanotify *f)
{
    return f->epoll;
}

const struct trn_sensor_hook *trn_fanotify_hooks(const struct trn_fanotify *f, size_t *ret_count)
{
    *ret_count = TRN_ARRAY_SIZE(f->hooks);
    return f->hooks;
}

int trn_fanotify_rescan(struct trn_fanotify *f, struct trn_err *err)
{
    int r = trn_fanotify_mark_all(f, err);

    if (r == 0)
        trn_places_scan(f);
    return r;
}

/* ---- reading ---- */

static int give_loss(enum trn_group_kind kind, uint64_t count, uint64_t now, const struct trn_record_sink *sink)
{
    struct trn_wire_loss loss = {
        .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION, .time = now},
        .class = kind == TRN_GROUP_OPENS ? TRN_CLASS_OPEN : TRN_CLASS_FILE,
        .reason = TRN_WIRE_LOSS_QUEUE,
        .count = count,
        .since = now,
    };

    return sink->record(sink->ctx, (struct trn_str){(const char *)&loss, sizeof(loss)});
}

static int one_event(struct trn_fanotify *f, enum trn_group_kind kind, struct trn_cursor *c, uint64_t now,
                     const struct trn_record_sink *sink)
{
    struct trn_file_event e;
    int r = trn_file_shares_over(f, kind, *c, now, sink);

    if (r < 0)
        return r;
    if (r > 0) { /* left out, and counted; what descriptors it brought are ours to close all the same */
        f->counting = true;
        r = trn_fanotify_event(f, c, &e);
        f->counting = false;
        return r;
    }
    r = trn_fanotify_event(f, c, &e);
    if (r < 0)
        return r;
    if (e.mask & FAN_Q_OVERFLOW)
        return give_loss(kind, 1, now, sink); /* at least: the kernel does not say how many */
    if (!e.dir || (e.dir->fd < 0 && e.dir->fs->view))
        f->stray = e.pid;
    return e.pid == f->self ? 0 : trn_fanotify_records(f, &e, now, sink);
}

int trn_fanotify_batch(struct trn_fanotify *f, enum trn_group_kind kind, const void *p, size_t n,
                       const struct trn_record_sink *sink)
{
    struct trn_cursor all = trn_cur(p, n);
    uint64_t now = trn_boot_ns();

    while (trn_cur_left(&all) > 0) {
        struct trn_cursor peek = all, one;
        uint32_t size = trn_cur_u32le(&peek);
        int r;

        one = trn_cur_sub(&all, all.at, size);
        if (peek.bad || one.bad || size == 0)
            return -EBADMSG;
        r = one_event(f, kind, &one, now, sink);
        if (r < 0)
            return r;
        trn_cur_skip(&all, size);
    }
    return 0;
}

/* Events that are left out because too many wait; the same walk, without a look at any file. */
static uint64_t count_batch(struct trn_fanotify *f, const void *p, size_t n)
{
    struct trn_cursor all = trn_cur(p, n);
    uint64_t count = 0;

    f->counting = true;
    while (trn_cur_left(&all) >= 4) {
        struct trn_cursor peek = all, one;
        uint32_t size = trn_cur_u32le(&peek);
        struct trn_file_event e;

        one = trn_cur_sub(&all, all.at, size);
        if (one.bad || size == 0 || trn_fanotify_event(f, &one, &e) < 0)
            break;
        count += trn_fanotify_worth(e.mask);
        trn_cur_skip(&all, size);
    }
    f->counting = false;
    return count;
}

/* 1: something was read, 0: nothing there. */
static int read_once(struct trn_fanotify *f, enum trn_group_kind kind, size_t *ret_n, struct trn_err *err)
{
    ssize_t n;

    do
        n = read(f->group[kind], f->buffer, TRN_FANOTIFY_BUFFER);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n < 0)
        return trn_fail(err, -errno, "cannot read file events: %s", trn_errno_name(-errno));
    *ret_n = (size_t)n;
    return n > 0;
}

/* Too many wait: what is beyond the limit is the loss. */
static int shorten_queue(struct trn_fanotify *f, enum trn_group_kind kind, const struct trn_record_sink *sink,
                         struct trn_err *err)
{
    uint64_t now = trn_boot_ns(), lost = 0;
    int waiting = 0, r = 1;

    if (ioctl(f->group[kind], FIONREAD, &waiting) != 0 || waiting <= QUEUE_MAX)
        return 0;
    for (size_t n = 0, left = (size_t)waiting - QUEUE_MAX / 2; left > 0 && r > 0; left -= TRN_MIN(left, n)) {
        r = read_once(f, kind, &n, err);
        if (r > 0)
            lost += count_batch(f, f->buffer, n);
    }
    if (r >= 0 && lost > 0)
        r = give_loss(kind, lost, now, sink);
    return r < 0 ? r : 0;
}

static int read_group(struct trn_fanotify *f, enum trn_group_kind kind, unsigned budget,
                      const struct trn_record_sink *sink, struct trn_err *err)
{
    uint64_t until = trn_mono_ns() + READ_NS;
    int r = 1;

    for (unsigned i = 0; i < budget && r > 0 && trn_mono_ns() < until; i++) {
        size_t n = 0;
        int passed;

        r = read_once(f, kind, &n, err);
        if (r <= 0)
            break;
        passed = trn_fanotify_batch(f, kind, f->buffer, n, sink);
        if (passed < 0)
            return trn_fail(err, passed, "cannot pass on file events: %s", trn_errno_name(passed));
    }
    if (r > 0) /* there may be more than we keep up with */
        r = shorten_queue(f, kind, sink, err);
    return r;
}

int trn_fanotify_read(struct trn_fanotify *f, unsigned budget, const struct trn_record_sink *sink, struct trn_err *err)
{
    int r = 0;

    for (int kind = 0; kind < TRN_GROUP_COUNT && r >= 0; kind++) {
        if (f->group[kind] >= 0)
            r = read_group(f, (enum trn_group_kind)kind, budget ? budget : READS_DEFAULT, sink, err);
    }
    trn_fanotify_end_batch(f);
    if (f->look_again)
        trn_places_scan(f);
    return r;
}
