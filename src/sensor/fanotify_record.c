/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: from one event to its records: names, what the file is now, and what of it is worth telling. Opens are told
 * of sensitive files only; attributes of what may run, of what everybody may write, and of sensitive files.
 *
 * The kernel merges the events of one file under one name that wait in the queue: their order is lost within the event
 * and is put back here as far as it can be.
 */
#include "sensor/fanotify.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sensor/bpf/wire.h"

#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif

struct record {
    struct trn_wire_file head;
    char tail[2 * (PATH_MAX + NAME_MAX + 2)];
    size_t n;
    bool named; /* the name still leads to the file */
};

/* ---- names ---- */

static bool is_folder_itself(struct trn_str name)
{
    return name.n == 0 || trn_str_eq_c(name, ".");
}

static uint16_t add_path(struct record *r, const struct trn_dir *dir, struct trn_str name)
{
    size_t before = r->n;

    /* A folder that is gone cannot be named any more: the file's name alone is left. */
    if (dir && dir->fd >= 0) {
        size_t n = strlen(dir->path);

        memcpy(r->tail + r->n, dir->path, n);
        r->n += n;
        if (n > 1 && !is_folder_itself(name))
            r->tail[r->n++] = '/';
    }
    if (!is_folder_itself(name)) {
        memcpy(r->tail + r->n, name.p, name.n);
        r->n += name.n;
    }
    return (uint16_t)(r->n - before);
}

/* ---- what the file is ---- */

static bool name_of(struct trn_str name, char dst[NAME_MAX + 1])
{
    if (name.n > NAME_MAX)
        return false;
    memcpy(dst, name.p, name.n);
    dst[name.n] = '\0';
    return true;
}

static bool stat_by_name(const struct trn_file_event *e, struct stat *ret)
{
    char text[NAME_MAX + 1];
    uint64_t ino;

    if (!e->dir || e->dir->fd < 0)
        return false;
    if (is_folder_itself(e->name))
        return fstat(e->dir->fd, ret) == 0;
    if (!name_of(e->name, text) || fstatat(e->dir->fd, text, ret, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    /* The name may be another file's by now. */
    ino = trn_str_is_none(e->child) ? 0 : trn_handle_inode(e->child);
    return ino == 0 || ino == ret->st_ino;
}

static bool stat_by_handle(struct trn_fanotify *f, const struct trn_file_event *e, struct stat *ret)
{
    /* A temporary file that came and went: nothing but its number is left, mostly; not worth another look. */
    if (trn_str_is_none(e->child) || (e->mask & FAN_DELETE))
        return false;
    TRN_AUTO(trn_fd_closep) int fd = trn_fanotify_open_child(f, e->fsid, e->child);
    return fd >= 0 && fstat(fd, ret) == 0;
}

/* Not st_dev, which some file systems make up: the super block's, as the kernel programs see it. */
static void add_device(struct trn_fanotify *f, struct record *r, const struct trn_file_event *e)
{
    const struct trn_fs *fs = trn_str_is_none(e->child) ? NULL : trn_fanotify_fs(f, e->fsid);

    if (!fs && e->dir)
        fs = e->dir->fs;
    if (fs) {
        r->head.dev_major = fs->major;
        r->head.dev_minor = fs->minor;
    }
}

static void add_stat(struct record *r, const struct stat *st)
{
    r->head.inode = st->st_ino;
    r->head.file_size = (uint64_t)st->st_size;
    r->head.ctime_sec = st->st_ctim.tv_sec;
    r->head.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec;
    r->head.nlink = (uint32_t)st->st_nlink;
    r->head.mode = st->st_mode;
    r->head.uid = st->st_uid;
    r->head.gid = st->st_gid;
}

/* ---- sensitive places ---- */

/* The file's own mark first: it knows it under any name. */
static unsigned place_of(const struct trn_fanotify *f, const struct trn_file_event *e, const char **ret_path)
{
    char path[PATH_MAX + NAME_MAX + 2];
    unsigned place =
        trn_str_is_none(e->child) ? 0 : trn_places_file(f->places, trn_place_key(e->fsid, e->child), ret_path);
    const char *below;
    size_t n;

    if (place || !e->dir || is_folder_itself(e->name))
        return place;
    below = trn_places_folder(f->places, e->dir->hash);
    if (!below)
        return 0;
    n = strlen(below);
    memcpy(path, below, n);
    path[n++] = '/';
    memcpy(path + n, e->name.p, e->name.n);
    return trn_sensitive_find((struct trn_str){path, n + e->name.n});
}

/* A file in a sensitive folder is found under its other names, too, once it carries a mark itself. */
static void see_file(struct trn_fanotify *f, const struct trn_file_event *e)
{
    const char *below = e->dir && e->dir->fd >= 0 ? trn_places_folder(f->places, e->dir->hash) : NULL, *known;
    char text[NAME_MAX + 1];

    if (!trn_str_is_none(e->child) && trn_places_file(f->places, trn_place_key(e->fsid, e->child), &known))
        return;
    if (below && !is_folder_itself(e->name) && name_of(e->name, text))
        trn_places_mark_file(f, e->dir->fd, text, below);
}

/* New folders, and links that may lead to one, are of interest only where they may become a sensitive place. */
static void see_folder(struct trn_fanotify *f, const struct trn_file_event *e)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct trn_str below;
    size_t n;

    if (!e->dir || e->dir->fd < 0)
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

/* ---- one event ---- */

static bool worth_attributes(const struct trn_wire_file *h, unsigned place)
{
    bool folder = S_ISDIR(h->mode), plain = S_ISREG(h->mode);

    if (h->flags & TRN_WIRE_FILE_NO_STAT)
        return false;
    if (plain && (place || h->mode & (S_ISUID | S_ISGID | S_IXUSR | S_IXGRP | S_IXOTH)))
        return true;
    return (h->mode & S_IWOTH) && !S_ISLNK(h->mode) && !(folder && h->mode & S_ISVTX);
}

static void fill_head(struct trn_fanotify *f, struct record *r, const struct trn_file_event *e, uint64_t now)
{
    struct stat st;

    memset(&r->head, 0, sizeof(r->head));
    r->head.head.type = TRN_WIRE_FILE;
    r->head.head.version = TRN_WIRE_VERSION;
    r->head.head.time = now;
    r->head.head.tgid = e->pid;
    if (e->mask & FAN_ONDIR)
        r->head.flags |= TRN_WIRE_FILE_DIRECTORY;
    if (e->gone)
        r->head.flags |= TRN_WIRE_FILE_GONE;
    add_device(f, r, e);
    r->head.inode = trn_str_is_none(e->child) ? 0 : trn_handle_inode(e->child);
    if ((e->mask & ~(uint64_t)FAN_ONDIR) == FAN_DELETE) {
        r->head.flags |= TRN_WIRE_FILE_NO_STAT; /* nothing to be seen there any more */
        return;
    }
    if (stat_by_name(e, &st))
        r->named = true;
    else if (!stat_by_handle(f, e, &st)) {
        r->head.flags |= TRN_WIRE_FILE_NO_STAT;
        return;
    }
    add_stat(r, &st);
}

/* What a deleted file was is not known any more, but for its number. */
static int give(struct record *r, uint16_t op, unsigned place, const struct trn_record_sink *sink)
{
    struct trn_wire_file whole = r->head;
    int told;

    r->head.op = op;
    r->head.sensitive = (uint16_t)place;
    if (op == TRN_WIRE_FILE_DELETE && !(r->head.flags & TRN_WIRE_FILE_NO_STAT)) {
        r->head.flags |= TRN_WIRE_FILE_NO_STAT;
        r->head.file_size = 0;
        r->head.mode = r->head.nlink = r->head.uid = r->head.gid = r->head.ctime_nsec = 0;
        r->head.ctime_sec = 0;
    }
    r->head.head.size = (uint32_t)(offsetof(struct record, tail) + r->n);
    told = sink->record(sink->ctx, (struct trn_str){(const char *)r, r->head.head.size});
    r->head = whole;
    return told;
}

struct operation {
    uint64_t bits;
    uint16_t op;
};

/* In the order in which they must have happened. */
static const struct operation in_order[] = {
    {FAN_CREATE, TRN_WIRE_FILE_CREATE},
    {FAN_OPEN, TRN_WIRE_FILE_OPEN},
    {FAN_ATTRIB, TRN_WIRE_FILE_ATTRIBUTES},
    {FAN_CLOSE_WRITE, TRN_WIRE_FILE_CLOSE_WRITE},
    {FAN_RENAME | FAN_MOVED_TO, TRN_WIRE_FILE_RENAME},
    {FAN_DELETE, TRN_WIRE_FILE_DELETE},
};

uint64_t trn_fanotify_worth(uint64_t mask)
{
    uint64_t n = 0;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(in_order); i++)
        n += (mask & in_order[i].bits) != 0;
    return mask & FAN_ONDIR ? (mask & (FAN_RENAME | FAN_MOVED_TO | FAN_ATTRIB)) != 0 : n;
}

static int give_one(struct trn_fanotify *f, struct record *r, const struct trn_file_event *e, uint16_t op,
                    const struct trn_record_sink *sink)
{
    bool folder = (e->mask & FAN_ONDIR) != 0;
    const char *path = NULL;
    unsigned place = 0;

    if (folder && op != TRN_WIRE_FILE_RENAME && op != TRN_WIRE_FILE_ATTRIBUTES)
        return 0;
    if (op == TRN_WIRE_FILE_OPEN || op == TRN_WIRE_FILE_ATTRIBUTES)
        place = place_of(f, e, &path);
    if ((op == TRN_WIRE_FILE_OPEN && place == 0) ||
        (op == TRN_WIRE_FILE_ATTRIBUTES && !worth_attributes(&r->head, place)))
        return 0;
    if (r->head.path_len == 0 && path) { /* opened by its handle: no name was used */
        r->n = TRN_MIN(strlen(path), sizeof(r->tail) / 2);
        memcpy(r->tail, path, r->n);
        r->head.path_len = (uint16_t)r->n;
    }
    return give(r, op, place, sink);
}

int trn_fanotify_records(struct trn_fanotify *f, const struct trn_file_event *e, uint64_t now,
                         const struct trn_record_sink *sink)
{
    bool rename = (e->mask & (FAN_RENAME | FAN_MOVED_TO)) != 0, reborn;
    const char *unused;
    struct record r;
    int told = 0;

    if (trn_str_is_none(e->name) && !(e->mask & FAN_OPEN))
        return 0;
    if (is_folder_itself(e->name) && !(e->mask & (FAN_ATTRIB | FAN_OPEN)))
        return 0;
    if (e->mask == FAN_OPEN && place_of(f, e, &unused) == 0)
        return 0; /* of most files in a sensitive folder */
    r.n = 0;
    r.named = false;
    fill_head(f, &r, e, now);
    r.head.path_len = add_path(&r, e->dir, e->name);
    if (e->mask & FAN_RENAME)
        r.head.old_path_len = add_path(&r, e->old_dir, e->old_name);
    /* Deleted and created in one: which came last shows in whether the name is there. */
    reborn = (e->mask & FAN_DELETE) && (e->mask & FAN_CREATE) && r.named;
    if (reborn)
        told = give_one(f, &r, e, TRN_WIRE_FILE_DELETE, sink);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(in_order) && told >= 0; i++) {
        if ((e->mask & in_order[i].bits) && !(reborn && in_order[i].op == TRN_WIRE_FILE_DELETE))
            told = give_one(f, &r, e, in_order[i].op, sink);
    }
    if (told < 0)
        return told;
    if (e->mask & (FAN_CREATE | FAN_CLOSE_WRITE | FAN_RENAME | FAN_MOVED_TO | FAN_OPEN)) {
        if (e->mask & FAN_ONDIR || (r.named && S_ISLNK(r.head.mode)))
            see_folder(f, e);
        if (!(e->mask & FAN_ONDIR))
            see_file(f, e);
    }
    if (rename && (e->mask & FAN_ONDIR))
        trn_fanotify_forget(f);
    return 0;
}
