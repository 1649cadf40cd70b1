/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: an output that goes into a file: under another name until it is whole; into a device or a pipe; or standard output.
 * Must not: leave half a file behind, or put a file in the place of something that is none.
 */
#include "cli/scan.h"

#include <fcntl.h>
#include <unistd.h>

bool trn_output_is_standard(const char *path)
{
    return path && TRN_ONE_OF(trn_str_of(path), "-", "/dev/stdout", "/dev/fd/1");
}

static int cannot(const struct trn_output *o, int code, struct trn_err *err)
{
    char shown[200];
    const char *why = code != -ENOENT      ? trn_errno_words(code)
                      : o->path[0] == '\0' ? "the name is empty"
                                           : "its folder is not there";
    return trn_fail(err, code, "cannot write '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(o->path)),
                    code == -EEXIST ? "it is being written already" : why);
}

/* A device or a pipe is written into: another file in its place would take it away from everybody. A link is replaced, never
 * followed, except where the system itself keeps its links. */
static bool stays(const char *path, const struct stat *st)
{
    struct trn_str name = trn_str_of(path);
    return S_ISLNK(st->st_mode) ? trn_str_starts(name, TRN_STR("/dev/")) || trn_str_starts(name, TRN_STR("/proc/"))
                                : !S_ISREG(st->st_mode);
}

int trn_output_open(struct trn_output *o, const char *path, FILE *out, struct trn_err *err)
{
    struct stat st;
    if (!path)
        return 0;
    o->path = path;
    o->standard = trn_output_is_standard(path);
    if (o->standard) {
        o->f = out;
        return 0;
    }
    bool there = lstat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return cannot(o, -EISDIR, err);
    bool direct = there && stays(path, &st);
    if (!direct && asprintf(&o->temporary, "%s.%d.part", path, (int)getpid()) < 0) {
        o->temporary = NULL;
        return trn_fail(err, -ENOMEM, "out of memory");
    }
    int follow = there && S_ISLNK(st.st_mode) ? 0 : O_NOFOLLOW; /* it may have been exchanged meanwhile */
    int fd = direct || !path[0] ? open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | follow)
                                : open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    o->f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!o->f) {
        int e = cannot(o, -errno, err);
        trn_fd_close(fd);
        return e;
    }
    return 0;
}

/* What was written before may have failed; the reason is the one that still holds. */
static int finish(struct trn_output *o)
{
    bool failed = ferror(o->f) != 0;
    int e = fflush(o->f) != 0 ? -errno : failed ? -EIO : 0;
    if (fclose(o->f) != 0 && e == 0)
        e = -errno;
    o->f = NULL;
    return e;
}

int trn_output_close(struct trn_output *o, bool whole, struct trn_err *err)
{
    if (!o->path || o->standard || !o->f) {
        free(o->temporary);
        o->temporary = NULL;
        return 0;
    }
    int e = finish(o);
    if (o->temporary && e == 0 && whole && rename(o->temporary, o->path) < 0)
        e = -errno;
    if (o->temporary && (e < 0 || !whole))
        (void)unlink(o->temporary);
    free(o->temporary);
    o->temporary = NULL;
    return e < 0 ? cannot(o, e, err) : 0;
}
