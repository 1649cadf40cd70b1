/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns turncoatd's notification group: reads its events and makes file records of them.
 * The group's descriptor never leaves turncoatd. Must not decide what matters: it forwards, except
 * for opens, of which only those of sensitive files are told.
 *
 *   kernel ── events with folder handle + name ──> path, stat ──> struct trn_wire_file ──> sink
 *
 * An event carries only the process's id, and is stamped when it is read: it may be some hundred
 * microseconds late, and the process may be gone.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sensor/bpf/wire.h"

#define READS_DEFAULT 16u
#define READ_NS (50 * TRN_NS_PER_MS) /* whoever reads has a heart that must beat; a file in a deep folder is dear */

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
    trn_fd_close(f->fd);
    free_list(f->roots);
    free_list(f->homes);
    free(f->buffer);
    free(f);
    return NULL;
}

static int set_up(struct trn_fanotify *f, const struct trn_fanotify_options *o, struct trn_err *err)
{
    static const char *const default_homes[] = {"/root", "/home/*"};
    bool own_homes = o && o->homes;

    f->buffer = malloc(TRN_FANOTIFY_BUFFER);
    f->homes = copy_list(own_homes ? o->homes : default_homes, own_homes ? o->n_homes : TRN_ARRAY_SIZE(default_homes));
    if (o && o->roots)
        f->roots = copy_list(o->roots, o->n_roots);
    if (!f->buffer || !f->homes || (o && o->roots && !f->roots))
        return trn_fail(err, -ENOMEM, "cannot watch files: out of memory");
    f->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0) {
        int r = trn_fail(err, -errno, "cannot watch files: fanotify: %s", trn_errno_name(-errno));

        if (r == -EPERM)
            trn_hint(err, "start turncoatd as root, or with CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH");
        return r;
    }
    return trn_fanotify_rescan(f, err);
}

int trn_fanotify_open(const struct trn_fanotify_options *o, struct trn_fanotify **ret, struct trn_err *err)
{
    struct trn_fanotify *f = calloc(1, sizeof(*f));
    int r;

    if (!f)
        return trn_fail(err, -ENOMEM, "cannot watch files: out of memory");
    f->fd = f->cache[0].fd = f->cache[1].fd = -1;
    f->hooks[TRN_FILE_HOOK_MARKS] =
        (struct trn_sensor_hook){.name = "file.marks", .gives = "files created, written, renamed, deleted"};
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
    return f->fd;
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

/* ---- one event ---- */

struct file_event {
    uint64_t mask;
    uint32_t pid;
    const struct trn_dir *dir, *old_dir; /* old: of a rename */
    struct trn_str name, old_name;
};

struct record {
    struct trn_wire_file head;
    char tail[2 * (PATH_MAX + NAME_MAX + 2)];
    size_t n;
};

static uint16_t add_path(struct record *r, const struct trn_dir *dir, struct trn_str name)
{
    size_t before = r->n;

    /* A folder that is gone cannot be named any more: the file's name alone is left. */
    if (dir && dir->fd >= 0) {
        size_t n = strlen(dir->path);

        memcpy(r->tail + r->n, dir->path, n);
        r->n += n;
        if (n > 1)
            r->tail[r->n++] = '/';
    }
    memcpy(r->tail + r->n, name.p, name.n);
    r->n += name.n;
    return (uint16_t)(r->n - before);
}

/* Device, inode and the rest, if the file is still there. */
static void add_stat(struct record *r, const struct trn_dir *dir, struct trn_str name)
{
    char text[NAME_MAX + 1];
    struct stat st;

    r->head.flags |= TRN_WIRE_FILE_NO_STAT;
    if (!dir || dir->fd < 0 || name.n > NAME_MAX)
        return;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    if (fstatat(dir->fd, text, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    r->head.flags &= ~TRN_WIRE_FILE_NO_STAT;
    r->head.inode = st.st_ino;
    r->head.file_size = (uint64_t)st.st_size;
    r->head.ctime_sec = st.st_ctim.tv_sec;
    r->head.ctime_nsec = (uint32_t)st.st_ctim.tv_nsec;
    r->head.nlink = (uint32_t)st.st_nlink;
    r->head.mode = st.st_mode;
    r->head.uid = st.st_uid;
    r->head.gid = st.st_gid;
    /* Not st_dev, which some file systems make up: the super block's, as the kernel programs see it. */
    r->head.dev_major = dir->fs->major;
    r->head.dev_minor = dir->fs->minor;
}

static unsigned place_of(const struct trn_fanotify *f, const struct trn_dir *dir, struct trn_str name)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct trn_str below;
    size_t n;

    if (!dir || dir->fd < 0)
        return 0;
    n = strlen(dir->path);
    memcpy(path, dir->path, n);
    path[n++] = '/';
    memcpy(path + n, name.p, name.n);
    below = trn_places_below_home(f->homes, (struct trn_str){path, n + name.n});
    return below.n ? trn_sensitive_find(below) : 0;
}

static int give_record(const struct file_event *e, uint16_t op, unsigned place, uint64_t now,
                       const struct trn_record_sink *sink)
{
    struct record r;

    memset(&r.head, 0, sizeof(r.head));
    r.n = 0;
    r.head.head.type = TRN_WIRE_FILE;
    r.head.head.version = TRN_WIRE_VERSION;
    r.head.head.time = now;
    r.head.head.tgid = e->pid;
    r.head.op = op;
    r.head.sensitive = (uint16_t)place;
    if (e->mask & FAN_ONDIR)
        r.head.flags |= TRN_WIRE_FILE_DIRECTORY;
    r.head.path_len = add_path(&r, e->dir, e->name);
    if (op == TRN_WIRE_FILE_RENAME)
        r.head.old_path_len = add_path(&r, e->old_dir, e->old_name);
    add_stat(&r, e->dir, e->name);
    r.head.head.size = (uint32_t)(offsetof(struct record, tail) + r.n);
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, r.head.head.size});
}

/* In the order in which they must have happened, since the kernel merges the events of one file. */
static const struct {
    uint64_t bit;
    uint16_t op;
} operations[] = {
    {FAN_CREATE, TRN_WIRE_FILE_CREATE},           {FAN_OPEN, TRN_WIRE_FILE_OPEN},
    {FAN_CLOSE_WRITE, TRN_WIRE_FILE_CLOSE_WRITE}, {FAN_RENAME, TRN_WIRE_FILE_RENAME},
    {FAN_DELETE, TRN_WIRE_FILE_DELETE},
};

/* New folders are of interest only where they may become a sensitive place. */
static void see_folder(struct trn_fanotify *f, const struct file_event *e)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct trn_str below;
    size_t n;

    if (e->mask & FAN_RENAME)
        trn_fanotify_forget(f);
    if (!(e->mask & (FAN_CREATE | FAN_RENAME)) || !e->dir || e->dir->fd < 0)
        return;
    n = strlen(e->dir->path);
    memcpy(path, e->dir->path, n);
    if (n > 1)
        path[n++] = '/';
    memcpy(path + n, e->name.p, e->name.n);
    below = trn_places_below_home(f->homes, (struct trn_str){path, n + e->name.n});
    if (!trn_str_is_none(below) && trn_places_on_the_way(below))
        f->look_again = true;
}

static int give_event(struct trn_fanotify *f, const struct file_event *e, uint64_t now,
                      const struct trn_record_sink *sink)
{
    bool folder = (e->mask & FAN_ONDIR) != 0;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(operations); i++) {
        uint16_t op = operations[i].op;
        unsigned place = 0;
        int r;

        if (!(e->mask & operations[i].bit) || (folder && op != TRN_WIRE_FILE_RENAME))
            continue;
        if (op == TRN_WIRE_FILE_OPEN) {
            place = place_of(f, e->dir, e->name);
            if (place == 0)
                continue;
        }
        r = give_record(e, op, place, now, sink);
        if (r < 0)
            return r;
    }
    if (folder)
        see_folder(f, e);
    return 0;
}

/* ---- what the kernel writes: fanotify(7) ---- */

/* Folder handle and name. The new name of a rename, or the only one, is e->dir and e->name. */
static void read_info(struct trn_fanotify *f, struct trn_cursor *c, struct file_event *e)
{
    uint8_t type = trn_cur_u8(c);
    struct trn_str fsid, handle, name;
    struct trn_cursor peek;
    uint32_t handle_bytes;

    trn_cur_skip(c, 3);
    if (type != FAN_EVENT_INFO_TYPE_DFID_NAME && type != FAN_EVENT_INFO_TYPE_OLD_DFID_NAME &&
        type != FAN_EVENT_INFO_TYPE_NEW_DFID_NAME)
        return;
    fsid = trn_cur_bytes(c, 8);
    peek = *c;
    handle_bytes = trn_cur_u32le(&peek);
    if (handle_bytes > TRN_HANDLE_MAX)
        return;
    handle = trn_cur_bytes(c, 8 + (size_t)handle_bytes);
    name = trn_cur_until(c, '\0', NAME_MAX + 1);
    if (c->bad)
        return;
    if (type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME) {
        e->old_dir = trn_fanotify_dir(f, fsid, handle);
        e->old_name = name;
    } else {
        e->dir = trn_fanotify_dir(f, fsid, handle);
        e->name = name;
    }
}

static int give_loss(uint64_t now, const struct trn_record_sink *sink)
{
    struct trn_wire_loss loss = {
        .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION, .time = now},
        .class = TRN_CLASS_FILE,
        .reason = TRN_WIRE_LOSS_QUEUE,
        .count = 1, /* at least: the kernel does not say how many */
        .since = now,
    };

    return sink->record(sink->ctx, (struct trn_str){(const char *)&loss, sizeof(loss)});
}

static int read_event(struct trn_fanotify *f, struct trn_cursor *c, uint64_t now, const struct trn_record_sink *sink)
{
    struct file_event e = {0};
    uint16_t metadata_len;
    uint8_t version;

    (void)trn_cur_u32le(c);
    version = trn_cur_u8(c);
    (void)trn_cur_u8(c);
    metadata_len = trn_cur_u16le(c);
    e.mask = trn_cur_u64le(c);
    (void)trn_cur_u32le(c); /* no descriptor in this mode */
    e.pid = trn_cur_u32le(c);
    if (c->bad || version != FANOTIFY_METADATA_VERSION)
        return -EBADMSG;
    if (e.mask & FAN_Q_OVERFLOW)
        return give_loss(now, sink);
    if (e.pid == (uint32_t)getpid())
        return 0;
    trn_cur_seek(c, metadata_len);
    while (trn_cur_left(c) >= 4) {
        size_t at = c->at;
        struct trn_cursor info;
        uint16_t n;

        trn_cur_skip(c, 2);
        n = trn_cur_u16le(c);
        info = trn_cur_sub(c, at, n);
        if (n < 4 || info.bad)
            return -EBADMSG;
        read_info(f, &info, &e);
        trn_cur_seek(c, at + n);
    }
    if (e.name.n == 0 || trn_str_eq_c(e.name, "."))
        return 0; /* about the folder itself */
    return give_event(f, &e, now, sink);
}

int trn_fanotify_batch(struct trn_fanotify *f, const void *p, size_t n, const struct trn_record_sink *sink)
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
        r = read_event(f, &one, now, sink);
        if (r < 0)
            return r;
        trn_cur_skip(&all, size);
    }
    return 0;
}

int trn_fanotify_read(struct trn_fanotify *f, unsigned budget, const struct trn_record_sink *sink, struct trn_err *err)
{
    uint64_t until = trn_mono_ns() + READ_NS;
    int r = 0;

    for (unsigned i = 0; i < (budget ? budget : READS_DEFAULT) && r == 0 && trn_mono_ns() < until; i++) {
        ssize_t n = read(f->fd, f->buffer, TRN_FANOTIFY_BUFFER);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0)
            r = trn_fail(err, -errno, "cannot read file events: %s", trn_errno_name(-errno));
        else
            r = trn_fanotify_batch(f, f->buffer, (size_t)n, sink);
        if (r < 0 && n >= 0)
            (void)trn_fail(err, r, "cannot pass on file events: %s", trn_errno_name(r));
    }
    trn_fanotify_end_batch(f);
    if (f->look_again)
        trn_places_scan(f);
    return r;
}
