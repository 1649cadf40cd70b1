/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: whether the group's marks are still there, by the kernel's own list. A file system that was unmounted took
 * its mark along, which is no loss: only what is still mounted and has none was taken away.
 */
#include "sensor/fanotify.h"
#include "sensor/hook_check.h"

#include <stdio.h>

#define FILE_SYSTEM "fanotify sdev:" /* "fanotify sdev:2b mflags:0 mask:..." */
#define FOLDER "fanotify ino:"
#define MINOR_BITS 20 /* of the kernel's own device numbers */

/* Which of the file systems the line is about; of a view none: they may go at any time. */
static int file_system_of(const struct trn_fanotify *f, const char *line)
{
    uint64_t device = strtoull(line + strlen(FILE_SYSTEM), NULL, 16);

    for (size_t i = 0; i < f->n_fs; i++) {
        if (!f->fs[i].view && ((uint64_t)f->fs[i].major << MINOR_BITS | f->fs[i].minor) == device)
            return (int)i;
    }
    return -1;
}

struct found {
    bool fs[TRN_FS_MAX];
    size_t folders;
};

static bool read_marks(const struct trn_fanotify *f, enum trn_group_kind kind, struct found *ret)
{
    char path[64], line[256];
    FILE *list;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", f->group[kind]);
    list = fopen(path, "re");
    if (!list)
        return false;
    while (fgets(line, sizeof(line), list)) {
        int i = strncmp(line, FILE_SYSTEM, strlen(FILE_SYSTEM)) == 0 ? file_system_of(f, line) : -1;

        if (i >= 0)
            ret->fs[i] = true;
        ret->folders += strncmp(line, FOLDER, strlen(FOLDER)) == 0;
    }
    (void)fclose(list);
    return true;
}

static bool marks_missing(const struct trn_fanotify *f)
{
    struct found changes = {0}, attributes = {0}, opens = {0};

    if (!read_marks(f, TRN_GROUP_CHANGES, &changes) || !read_marks(f, TRN_GROUP_ATTRIBUTES, &attributes) ||
        !read_marks(f, TRN_GROUP_OPENS, &opens))
        return false;
    for (size_t i = 0; i < f->n_fs; i++) {
        if (!f->fs[i].view && !(changes.fs[i] && attributes.fs[i]))
            return true;
    }
    /* Folders come and go with their marks; that all are gone is somebody's work. */
    return opens.folders == 0 && f->n_places > 0;
}

int trn_fanotify_check(struct trn_fanotify *f, const struct trn_record_sink *sink, struct trn_err *err)
{
    const struct trn_sensor_hook *hook = &f->hooks[TRN_FILE_HOOK_MARKS];
    int r;

    if (!marks_missing(f))
        return 0;
    r = trn_fanotify_rescan(f, err);
    if (r != 0 || !marks_missing(f))
        return r;
    r = trn_hook_tell(hook, false, "somebody took marks away", sink);
    trn_fanotify_forget_marks(f);
    if (r == 0)
        r = trn_fanotify_rescan(f, err);
    if (r == 0 && !marks_missing(f))
        r = trn_hook_tell(hook, true, "marked again", sink);
    return r;
}
