/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: STATE/response/scripts/ID: the maintainer scripts of a suspected version, set aside while dpkg works, the record
 * that says that this is going on, and what the tool said. Each script is whole in the folder before it leaves dpkg's
 * database, and whole in the database before it is forgotten here: killed at any moment, none is lost.
 * Must not own: when scripts are set aside and put back (package.c).
 */
#include "response/execute/package.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define INFO "/var/lib/dpkg/info"
#define SCRIPT_MAX (16u * 1024u * 1024u)
#define RECORD "record"
#define SETTLED "settled"
#define OUTPUT "output"

/* preinst and postinst too: dpkg calls the old ones when it takes a failed step back. */
static const char *const kinds[] = {"prerm", "postrm", "preinst", "postinst", "config"};

/* The name of a script in dpkg's database: NAME.prerm, or NAME:ARCH.prerm when several architectures may be there. */
static void script_name(char *ret, size_t size, unsigned i, const char *name, const char *arch)
{
    struct trn_str bare = trn_package_bare(name);
    const char *kind = kinds[i / 2];
    if (i % 2)
        snprintf(ret, size, "%.*s:%s.%s", TRN_STR_ARG(bare), arch, kind);
    else
        snprintf(ret, size, "%.*s.%s", TRN_STR_ARG(bare), kind);
}
#define N_SCRIPTS (2 * TRN_ARRAY_SIZE(kinds))

static int folder(int at, const char *name, bool make)
{
    if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int trn_package_place(const struct trn_act_tools *t, uint64_t id, bool make, struct trn_err *err)
{
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)id);
    TRN_AUTO(trn_fd_closep) int all = folder(t->response_fd, "scripts", make);
    int fd = all < 0 ? all : folder(all, name, make);
    if (fd < 0)
        return trn_fail(err, fd, "no folder for the scripts of action %s: %s", name, trn_errno_name(fd));
    return fd;
}

void trn_package_place_drop(const struct trn_act_tools *t, uint64_t id)
{
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)id);
    TRN_AUTO(trn_fd_closep) int all = folder(t->response_fd, "scripts", false);
    int fd = all < 0 ? -1 : folder(all, name, false);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        trn_fd_close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    (void)unlinkat(all, name, AT_REMOVEDIR);
}

/* Whole or not there; instead: may replace what has the name. */
static int write_whole(int at, const char *name, struct trn_str content, mode_t mode, bool instead)
{
    char fresh[300];
    snprintf(fresh, sizeof fresh, ".turncoat-%s", name); /* dpkg passes over names that begin with a dot */
    (void)unlinkat(at, fresh, 0);
    TRN_AUTO(trn_fd_closep) int fd = openat(at, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = trn_write_full(fd, content.p, content.n);
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = -errno;
    if (r == 0 && renameat2(at, fresh, at, name, instead ? 0 : RENAME_NOREPLACE) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(at, fresh, 0);
    else if (fsync(at) < 0)
        r = -errno;
    return r;
}

static int read_whole(int at, const char *name, size_t max, struct trn_buf *ret)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -ELOOP;
    trn_buf_init(ret, max);
    int r = trn_read_all(fd, ret);
    if (r < 0)
        trn_buf_done(ret);
    return r;
}

int trn_package_record_write(int place, const struct trn_package_record *r, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_ACT_KEEP_MAX);
    trn_package_record_encode(r, &b);
    int code = b.bad ? -ENOMEM : write_whole(place, RECORD, trn_buf_str(&b), 0600, true);
    return code ? trn_fail(err, code, "cannot write down what is about to be done: %s", trn_errno_name(code)) : 0;
}

int trn_package_record_read(int place, bool settled, struct trn_package_record *ret)
{
    struct trn_buf b = {0};
    int r = read_whole(place, settled ? SETTLED : RECORD, TRN_ACT_KEEP_MAX, &b);
    if (r < 0)
        return r;
    r = trn_package_record_decode(trn_buf_str(&b), ret);
    trn_buf_done(&b);
    return r;
}

int trn_package_record_settled(int place)
{
    if (renameat(place, RECORD, place, SETTLED) < 0)
        return -errno;
    return fsync(place) < 0 ? -errno : 0;
}

/* from/name is whole in to/name, then it leaves from. -ENOENT: there is none. */
static int carry(int from, int to, const char *name, mode_t mode, bool instead)
{
    struct trn_buf b = {0};
    int r = read_whole(from, name, SCRIPT_MAX, &b);
    if (r < 0)
        return r;
    r = write_whole(to, name, trn_buf_str(&b), mode, instead);
    trn_buf_done(&b);
    if (r < 0)
        return r;
    return unlinkat(from, name, 0) < 0 || fsync(from) < 0 ? -errno : 0;
}

int trn_package_aside(int place, const char *name, const char *arch, struct trn_err *err)
{
    char script[300];
    TRN_AUTO(trn_fd_closep) int info = open(INFO, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = info < 0 ? -errno : 0;
    for (unsigned i = 0; i < N_SCRIPTS && r == 0; i++) {
        script_name(script, sizeof script, i, name, arch);
        r = carry(info, place, script, 0600, true);
        if (r == -ENOENT)
            r = 0;
    }
    if (r == 0)
        return 0;
    trn_fail(err, r, "the scripts of '%s' cannot be set aside: %s", name, trn_errno_name(r));
    (void)!trn_package_put_back(place, name, arch, NULL); /* what cannot go back stays whole in the folder */
    return r;
}

int trn_package_put_back(int place, const char *name, const char *arch, struct trn_err *err)
{
    char script[300];
    TRN_AUTO(trn_fd_closep) int info = open(INFO, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = info < 0 ? -errno : 0;
    for (unsigned i = 0; i < N_SCRIPTS && r == 0; i++) {
        script_name(script, sizeof script, i, name, arch);
        r = carry(place, info, script, 0755, false);
        if (r == -ENOENT || r == -EEXIST) /* dpkg has put one of its own there: that one is right */
            r = 0;
    }
    return r ? trn_fail(err, r, "the scripts of '%s' cannot be put back: %s", name, trn_errno_name(r)) : 0;
}

struct trn_buf trn_package_script_names(const char *name, const char *arch)
{
    char script[300], path[340];
    struct trn_buf b = {0};
    trn_buf_init(&b, 256);
    for (unsigned i = 0; i < N_SCRIPTS; i++) {
        script_name(script, sizeof script, i, name, arch);
        snprintf(path, sizeof path, INFO "/%s", script);
        if (access(path, F_OK) == 0)
            trn_put_fmt(&b, "%s%s", b.n ? ", " : "", kinds[i / 2]);
    }
    return b;
}

/* The lock belongs to the open file, which the tool and its children inherit: it is free when the last of them is gone,
 * whoever of us is still there to see it. */
int trn_package_output(int place, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = openat(place, OUTPUT, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;
    if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (r == -EBUSY)
        return trn_fail(err, r, "dpkg is still at work for this action");
    if (r < 0)
        return trn_fail(err, r, "no file for the words of dpkg: %s", trn_errno_name(r));
    return trn_fd_steal(&fd);
}

int trn_package_wait_output(int place, unsigned sec, struct trn_err *err)
{
    int fd;
    for (uint64_t until = trn_mono_ns() + sec * TRN_NS_PER_SEC; (fd = trn_package_output(place, err)) == -EBUSY;) {
        if (trn_mono_ns() >= until)
            return fd;
        usleep(50 * 1000);
    }
    trn_fd_close(fd);
    return fd < 0 ? fd : 0;
}
