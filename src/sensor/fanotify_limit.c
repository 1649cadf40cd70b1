/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: what file events are left out on purpose: ignore marks that a filter asked for, and the
 * share of each process. Owns the table of shares. Must not decide who may ask for a filter.
 *
 * A share has two buckets, so that somebody who makes files without end cannot hide the opening of a
 * sensitive one in them. The table is small: who falls out of it is told at once and starts anew.
 */
#include "sensor/fanotify.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#include "sensor/bpf/wire.h"

#ifndef FAN_MARK_IGNORE /* Linux 6.0 */
#define FAN_MARK_IGNORE 0x00000400
#endif

#define ROWS 512u /* a power of two */
#define WAYS 4u

/* A rename stays told, so that nothing leaves a filtered folder unseen. Opens are of sensitive places only. */
static const struct {
    enum trn_group_kind group;
    uint64_t file, folder; /* folder: in addition */
} ignored[] = {
    {TRN_GROUP_CHANGES, FAN_CLOSE_WRITE, FAN_CREATE | FAN_DELETE},
    {TRN_GROUP_ATTRIBUTES, FAN_ATTRIB, 0},
};

struct share {
    uint32_t pid;
    uint64_t due[2];      /* as in bpf/limits.h; 0: changes, 1: opens of sensitive files */
    uint64_t left_out[2]; /* not told yet */
    uint64_t since, used;
};

struct trn_file_shares {
    uint64_t token_ns; /* 0: no limit */
    struct share rows[ROWS];
};

struct trn_file_shares *trn_file_shares_new(uint32_t a_second)
{
    struct trn_file_shares *s = calloc(1, sizeof(*s));

    if (s && a_second != TRN_SHARE_NONE)
        s->token_ns = TRN_MAX(TRN_NS_PER_SEC / (a_second ? a_second : TRN_SHARE_DEFAULT), 1u);
    return s;
}

static int tell(struct share *row, uint64_t now, const struct trn_record_sink *sink)
{
    static const enum trn_class classes[2] = {TRN_CLASS_FILE, TRN_CLASS_OPEN};
    int r = 0;

    for (unsigned k = 0; k < 2 && r >= 0; k++) {
        struct trn_wire_throttle t = {
            .head = {.size = sizeof(t), .type = TRN_WIRE_THROTTLE, .version = TRN_WIRE_VERSION, .time = now},
            .class = classes[k],
            .count = row->left_out[k],
            .since = row->since,
        };

        t.head.tgid = row->pid;
        row->left_out[k] = 0;
        if (t.count)
            r = sink->record(sink->ctx, (struct trn_str){(const char *)&t, sizeof(t)});
    }
    row->since = 0;
    return r;
}

/* Its row, or the one of its set that was not used for longest. */
static struct share *row_of(struct trn_file_shares *s, uint32_t pid, uint64_t now, const struct trn_record_sink *sink,
                            int *ret)
{
    struct share *set = &s->rows[trn_hash64_mix(1, pid) % (ROWS / WAYS) * WAYS], *oldest = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].pid == pid)
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    *ret = oldest->pid ? tell(oldest, now, sink) : 0;
    *oldest = (struct share){.pid = pid};
    return oldest;
}

/* n: how many records the event would make. 1: left out. */
static int take(struct trn_file_shares *s, uint32_t pid, bool open, uint64_t n, uint64_t now,
                const struct trn_record_sink *sink)
{
    int r = 0;
    struct share *row = row_of(s, pid, now, sink, &r);

    if (r < 0)
        return r;
    row->used = now;
    if (row->due[open] < now)
        row->due[open] = now;
    if (row->due[open] - now <= TRN_NS_PER_SEC) {
        row->due[open] += n * s->token_ns;
        return 0;
    }
    row->left_out[open] += n;
    if (!row->since)
        row->since = now;
    return 1;
}

/* Looks at the fixed head only: what is left out must cost next to nothing. */
int trn_file_shares_over(struct trn_fanotify *f, enum trn_group_kind kind, struct trn_cursor event, uint64_t now,
                         const struct trn_record_sink *sink)
{
    uint64_t mask, n;
    uint32_t pid;

    trn_cur_skip(&event, offsetof(struct fanotify_event_metadata, mask));
    mask = trn_cur_u64le(&event);
    (void)trn_cur_u32le(&event);
    pid = trn_cur_u32le(&event);
    n = kind == TRN_GROUP_OPENS ? 1 : trn_fanotify_worth(mask);
    if (!f->shares || f->shares->token_ns == 0 || event.bad || (mask & FAN_Q_OVERFLOW) || n == 0)
        return 0;
    return take(f->shares, pid, kind == TRN_GROUP_OPENS, n, now, sink);
}

int trn_fanotify_throttled(struct trn_fanotify *f, const struct trn_record_sink *sink)
{
    uint64_t now = trn_boot_ns();
    int r = 0;

    for (unsigned i = 0; f->shares && i < ROWS && r >= 0; i++) {
        if (f->shares->rows[i].since)
            r = tell(&f->shares->rows[i], now, sink);
    }
    return r;
}

/* path: by this name and not by the descriptor, which only opens a path. */
static int ignore_in(int group, unsigned what, uint64_t mask, bool children, const char *path)
{
    uint64_t with = mask | (children ? FAN_EVENT_ON_CHILD : 0);

    if (fanotify_mark(group, what | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY, with, AT_FDCWD, path) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    /* Before 6.0 an ignore mask takes no flags, and children of a folder are ignored with it. */
    if (fanotify_mark(group, what | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, mask, AT_FDCWD, path) == 0)
        return 0;
    return -errno;
}

int trn_fanotify_ignore(struct trn_fanotify *f, int at, bool file_system, bool on)
{
    unsigned what = (on ? FAN_MARK_ADD : FAN_MARK_REMOVE) | (file_system ? FAN_MARK_FILESYSTEM : FAN_MARK_INODE);
    char path[64];
    struct stat st;
    int r = 0;

    if (fstat(at, &st) != 0)
        return -errno;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ignored) && (r == 0 || !on); i++) {
        bool folder = S_ISDIR(st.st_mode) && !file_system;
        uint64_t mask = ignored[i].file | (folder || file_system ? ignored[i].folder : 0);
        int one = ignore_in(f->group[ignored[i].group], what, mask, folder, path);

        r = r == 0 ? one : r;
    }
    if (r != 0 && on && trn_fanotify_ignore(f, at, file_system, false) != 0)
        return r; /* all or nothing; what was not there could not be taken away */
    return r;
}

bool trn_path_is_private(struct trn_str path)
{
    static char root[] = "/root", homes[] = "/home/*";
    static char *const all[] = {root, homes, NULL};
    struct trn_str below = trn_places_below_home(all, path);

    if (trn_str_is_none(below))
        return false;
    return below.n == 0 || below.p[0] == '.' || trn_str_starts(below, TRN_STR("snap/")) || trn_places_on_the_way(below);
}
