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

/* -1: cannot be read. */
static int count_marks(int fd, const char *kind)
{
    char path[64], line[256];
    int n = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    f = fopen(path, "re");
    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f))
        n += strncmp(line, kind, strlen(kind)) == 0;
    (void)fclose(f);
    return n;
}

static bool marks_missing(const struct trn_fanotify *f)
{
    int changes = count_marks(f->group[TRN_GROUP_CHANGES], FILE_SYSTEM);
    int attributes = count_marks(f->group[TRN_GROUP_ATTRIBUTES], FILE_SYSTEM);
    int opens = count_marks(f->group[TRN_GROUP_OPENS], FOLDER);

    if (changes < 0 || attributes < 0 || opens < 0)
        return false;
    /* Folders come and go with their marks; that all are gone is somebody's work. */
    return (size_t)changes < f->n_fs || (size_t)attributes < f->n_fs || (opens == 0 && f->n_places > 0);
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
