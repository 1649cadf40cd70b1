/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what the files of the fanotify reader share. */
#ifndef TRN_SENSOR_FANOTIFY_H
#define TRN_SENSOR_FANOTIFY_H

#include "sensor/loader.h"
#include "sensor/sensor.h"

#include <limits.h>

#define TRN_FS_MAX 128
#define TRN_HANDLE_MAX 128
#define TRN_FANOTIFY_BUFFER 16384u /* what one read takes is worked on without a pause */
#define TRN_VIEWS 32               /* mount namespaces beside our own */
#define TRN_DIRS 16                /* folders remembered within a batch; a rename needs two */

/* Groups are read in this order: what is rare and precious first. Each has a queue of its own, so that no flood of
 * changes can push out an open of a sensitive file. */
enum trn_group_kind {
    TRN_GROUP_OPENS,      /* inode marks on sensitive folders and files */
    TRN_GROUP_CHANGES,    /* file system marks */
    TRN_GROUP_ATTRIBUTES, /* file system marks; apart, since with handles of files each unlink would be one, too */
    TRN_GROUP_COUNT,
};

/* A process that lives in a view: held by its descriptor, so that its number is never another's. */
struct trn_holder {
    uint32_t pid; /* 0: none */
    int pidfd;
};

/* Another mount namespace. */
struct trn_mount_view {
    uint64_t ns;  /* its number; 0: free */
    bool foreign; /* of another user namespace than ours: root there is somebody here */
    struct trn_holder holder[4];
    unsigned turn;
    uint64_t look_ns, young_ns, seen; /* next look; often until then; what the last look saw */
};

/* A file system that carries a mark. No descriptor is kept: an open one would make it busy. */
struct trn_fs {
    uint8_t fsid[8];
    uint32_t major, minor;
    char *point;                 /* owned; as the view's processes see it */
    struct trn_mount_view *view; /* NULL: our own mount namespace */
    uint32_t mount_id;           /* of a view */
    int fd;                      /* during a batch only; -1 */
};

/* A folder that an event named by its file handle. */
struct trn_dir {
    uint8_t key[8 + 8 + TRN_HANDLE_MAX]; /* fsid, handle head, handle */
    size_t key_len;
    uint64_t hash; /* of the key: names the folder among the sensitive places */
    int fd;        /* O_PATH; -1: could not be opened */
    struct trn_fs *fs;
    char path[PATH_MAX];
};

struct trn_mount;
struct trn_places; /* sensitive_set.c: the folders and files that carry marks, by their handles */

struct trn_fanotify {
    int epoll; /* holds the groups */
    int group[TRN_GROUP_COUNT];
    uint32_t self;  /* our own pid: what we do is no event */
    bool pidfds;    /* events may bring descriptors of processes, which are ours to close */
    bool counting;  /* events are only counted: no folder is looked up */
    bool no_rename; /* before Linux 5.17: the two sides of a rename come apart, and only the new one is told */
    struct trn_fs fs[TRN_FS_MAX];
    size_t n_fs;
    struct trn_scope scope; /* owned; id 0: none */
    struct trn_mount_view view[TRN_VIEWS];
    unsigned view_turn, views_left_out;
    uint32_t stray;        /* who changed a file on a file system that we have no path to */
    char **roots, **homes; /* owned, NULL ends */
    struct trn_sensor_hook hooks[2];
    struct trn_dir cache[TRN_DIRS];
    unsigned turn;
    bool look_again;                /* a folder appeared on the way to a sensitive place */
    struct trn_places *places;      /* owned */
    size_t n_places;                /* folders marked by the last scan */
    uint8_t *buffer;                /* owned; TRN_FANOTIFY_BUFFER */
    struct trn_file_shares *shares; /* owned; NULL: no limits */
};

enum { TRN_FILE_HOOK_MARKS, TRN_FILE_HOOK_SENSITIVE };

/* One event as the kernel wrote it. Views into the buffer; folders borrowed from the cache. */
struct trn_file_event {
    uint64_t mask;
    uint32_t pid;
    bool gone;                           /* the process had ended when the event was read */
    const struct trn_dir *dir, *old_dir; /* old: of a rename; NULL: not told, or on no file system that we know */
    struct trn_str name, old_name;       /* absent when not told; "." is the folder itself */
    struct trn_str fsid, child;          /* handle of the file itself; absent when not told */
};

/* fanotify.c: one read's worth of events to records; separate for its fuzz target. */
int trn_fanotify_batch(struct trn_fanotify *f, enum trn_group_kind kind, const void *p, size_t n,
                       const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* fanotify_event.c: one event from one region of the buffer. 0 or -EBADMSG; closes what descriptors it brought. */
int trn_fanotify_event(struct trn_fanotify *f, struct trn_cursor *c, struct trn_file_event *ret) TRN_MUST_CHECK;

/* fanotify_record.c: the records of one event. Negative: what the sink said. */
int trn_fanotify_records(struct trn_fanotify *f, const struct trn_file_event *e, uint64_t now,
                         const struct trn_record_sink *sink) TRN_MUST_CHECK;
/* How many records an event of this mask would have made. */
uint64_t trn_fanotify_worth(uint64_t mask);

/* fanotify_mark.c: opens the groups; marks what is new and forgets what is gone; fills the hook. */
int trn_fanotify_groups(struct trn_fanotify *f, struct trn_err *err) TRN_MUST_CHECK;
int trn_fanotify_mark_all(struct trn_fanotify *f, struct trn_err *err) TRN_MUST_CHECK;
void trn_fanotify_forget_marks(struct trn_fanotify *f); /* all file systems: they are to be marked again */
/* Marks what fd is on and puts it on the list. */
int trn_fanotify_mark_fd(struct trn_fanotify *f, const struct trn_mount *m, int fd, struct trn_mount_view *view)
    TRN_MUST_CHECK;
void trn_fanotify_drop_fs(struct trn_fanotify *f, size_t i); /* from the list; the mark stays with the file system */
bool trn_path_is_below(const char *path, const char *root);

/* fanotify_view.c: a folder of the file system, to open handles by; negative errno. */
int trn_fanotify_open_view(struct trn_fs *fs) TRN_MUST_CHECK;
void trn_fanotify_views_done(struct trn_fanotify *f);

/* fanotify_name.c: the folder of a handle; borrowed until more than one other was asked for or the batch ends.
 * NULL when it is on no file system that we know. */
const struct trn_dir *trn_fanotify_dir(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle);
/* The file of a handle, O_PATH; -1 when it is gone. */
int trn_fanotify_open_child(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle);
const struct trn_fs *trn_fanotify_fs(struct trn_fanotify *f, struct trn_str fsid); /* NULL: not one of ours */
/* The inode number that a handle of a known kind carries; 0: not known. */
uint64_t trn_handle_inode(struct trn_str handle);
void trn_fanotify_forget(struct trn_fanotify *f);    /* folders: one was renamed */
void trn_fanotify_end_batch(struct trn_fanotify *f); /* folders and mounts */

/* fanotify_limit.c: the share of each process. */
struct trn_file_shares;
struct trn_file_shares *trn_file_shares_new(uint32_t a_second) TRN_MUST_CHECK; /* to be freed */
/* 1: this event (the bytes behind the cursor, which stays) is over its process's share, and was counted; negative: the
 * sink's failure. */
int trn_file_shares_over(struct trn_fanotify *f, enum trn_group_kind kind, struct trn_cursor event, uint64_t now,
                         const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* sensitive_scan.c */
void trn_places_scan(struct trn_fanotify *f);
/* The same walk for somebody else: each sensitive folder that is there, and each sensitive file in it, O_PATH, borrowed.
 * Of f it needs the homes and the file systems. Returns how many folders. */
struct trn_place_visit {
    bool (*folder)(void *ctx, int dir); /* false: failed, its files are passed over */
    void (*file)(void *ctx, int fd);
    void *ctx;
};
size_t trn_places_visit(struct trn_fanotify *f, const struct trn_place_visit *visit, size_t *ret_failed);
/* Marks the file `name` in the folder `at`, when its name says that it is sensitive. below: of the folder. */
void trn_places_mark_file(struct trn_fanotify *f, int at, const char *name, const char *below);
/* What stands behind the home in a path: "/home/al/.ssh/id" -> ".ssh/id"; absent: below no home. */
struct trn_str trn_places_below_home(char *const *homes, struct trn_str path);
/* True when a folder of this path (below a home) is a sensitive place or on the way to one. */
bool trn_places_on_the_way(struct trn_str below_home);

/* sensitive_follow.c: where a symbolic link leads, O_PATH; negative errno when that is none of its owner's business. */
int trn_places_follow(const struct trn_fanotify *f, int at, const char *name) TRN_MUST_CHECK;

/* sensitive_set.c */
struct trn_places *trn_places_new(void) TRN_MUST_CHECK;
struct trn_places *trn_places_free(struct trn_places *p);
uint64_t trn_place_key(struct trn_str fsid, struct trn_str handle);
int trn_place_key_of(int fd, uint64_t *ret) TRN_MUST_CHECK; /* of what a descriptor names */
int trn_places_put_folder(struct trn_places *p, uint64_t key, const char *below) TRN_MUST_CHECK;
/* path: told where the event brings no name. */
int trn_places_put_file(struct trn_places *p, uint64_t key, unsigned place, const char *path) TRN_MUST_CHECK;
const char *trn_places_folder(const struct trn_places *p, uint64_t key);                   /* NULL: not a place */
unsigned trn_places_file(const struct trn_places *p, uint64_t key, const char **ret_path); /* 0: not a place */
size_t trn_places_count(const struct trn_places *p);

#endif
