/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: an output that goes into a file: under another name until it is whole, or standard output.
 * Must not: leave half a file behind.
 */
#include "cli/scan.h"

#include <fcntl.h>
#include <unistd.h>

int trn_output_open(struct trn_output *o, const char *path, FILE *out, struct trn_err *err)
{
    char shown[200];
    if (!path)
        return 0;
    o->path = path;
    o->standard = strcmp(path, "-") == 0;
    if (o->standard) {
        o->f = out;
        return 0;
    }
    if (asprintf(&o->temporary, "%s.%d.part", path, (int)getpid()) < 0) {
        o->temporary = NULL;
        return trn_fail(err, -ENOMEM, "out of memory");
    }
    int fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    o->f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!o->f) {
        int e = trn_fail(err, -errno, "cannot write '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(path)),
                         trn_errno_name(-errno));
        trn_fd_close(fd);
        return e;
    }
    return 0;
}

int trn_output_close(struct trn_output *o, bool whole, struct trn_err *err)
{
    int e = 0;
    char shown[200];
    if (!o->path || o->standard || !o->f) {
        free(o->temporary);
        o->temporary = NULL;
        return 0;
    }
    if (ferror(o->f) || fflush(o->f) != 0)
        e = -EIO;
    if (fclose(o->f) != 0 && e == 0)
        e = -errno;
    o->f = NULL;
    if (e == 0 && whole && rename(o->temporary, o->path) < 0)
        e = -errno;
    if (e < 0 || !whole)
        (void)unlink(o->temporary);
    free(o->temporary);
    o->temporary = NULL;
    if (e < 0)
        (void)trn_fail(err, e, "cannot write '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(o->path)),
                       trn_errno_name(e));
    return e;
}
