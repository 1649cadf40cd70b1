/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what the files of the fanotify reader share. */
#ifndef TRN_SENSOR_FANOTIFY_H
#define TRN_SENSOR_FANOTIFY_H

#include "sensor/sensor.h"

#include <limits.h>

#define TRN_FS_MAX 128
#define TRN_HANDLE_MAX 128
#define TRN_FANOTIFY_BUFFER 16384u /* what one read takes is worked on without a pause */

/* A file system that carries a mark. No descriptor is kept: an open one would make it busy. */
struct trn_fs {
    uint8_t fsid[8];
    uint32_t major, minor;
    char *point; /* owned */
    int fd;      /* during a batch only; -1 */
};

/* A folder that an event named by its file handle. */
struct trn_dir {
    uint8_t key[8 + 8 + TRN_HANDLE_MAX]; /* fsid, handle head, handle */
    size_t key_len;
    int fd; /* O_PATH; -1: could not be opened */
    const struct trn_fs *fs;
    char path[PATH_MAX];
};

struct trn_fanotify {
    int fd;
    struct trn_fs fs[TRN_FS_MAX];
    size_t n_fs;
    char **roots, **homes; /* owned, NULL ends */
    struct trn_sensor_hook hooks[2];
    struct trn_dir cache[2]; /* old and new name of a rename, or the last folders seen */
    unsigned turn;
    bool look_again; /* a folder appeared on the way to a sensitive place */
    size_t n_places; /* folders marked by the last scan */
    uint8_t *buffer; /* owned; TRN_FANOTIFY_BUFFER */
};

enum { TRN_FILE_HOOK_MARKS, TRN_FILE_HOOK_SENSITIVE };

/* fanotify.c: one read's worth of events to records; separate for its fuzz target. */
int trn_fanotify_batch(struct trn_fanotify *f, const void *p, size_t n, const struct trn_record_sink *sink)
    TRN_MUST_CHECK;

/* fanotify_mark.c: marks what is new and forgets what is gone; fills the hook. */
int trn_fanotify_mark_all(struct trn_fanotify *f, struct trn_err *err) TRN_MUST_CHECK;

/* fanotify_name.c: the folder of a handle; borrowed until two more were asked for or the batch ends.
 * NULL when it is on no file system that we know. */
const struct trn_dir *trn_fanotify_dir(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle);
void trn_fanotify_forget(struct trn_fanotify *f);    /* folders: one was renamed */
void trn_fanotify_end_batch(struct trn_fanotify *f); /* folders and mounts */

/* sensitive_scan.c */
void trn_places_scan(struct trn_fanotify *f);
/* What stands behind the home in a path: "/home/al/.ssh/id" -> ".ssh/id"; absent: below no home. */
struct trn_str trn_places_below_home(char *const *homes, struct trn_str path);
/* True when a folder of this path (below a home) is a sensitive place or on the way to one. */
bool trn_places_on_the_way(struct trn_str below_home);

#endif
