/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the state folder and who may enter it, the random host id, the users of the siblings.
 * Must not own: what lies in the folder (the engine's). Looks users up once, at start.
 */
#include "daemon/daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Where the package is not installed its users do not exist; these ids belong to nobody on Debian
 * (above the dynamic users of systemd, below "nobody"). Different ids, so that no sibling can trace another. */
#define SPARE_ENGINE_ID 65520
#define SPARE_INSPECT_ID 65521

static int make_folder(const char *path, struct trn_err *err)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return 0;
    int code = -errno;
    trn_fail(err, code, "cannot make the state folder '%s': %s", path, trn_errno_name(code));
    trn_hint(err, code == -ENOENT ? "its parent folder must exist" : "choose another with --state DIR");
    return code;
}

static int read_boot_id(uint8_t ret[16], struct trn_err *err)
{
    struct trn_buf b;
    int r = trn_read_file("/proc/sys/kernel/random/boot_id", 64, &b, err);
    if (r < 0)
        return r;
    char hex[33];
    size_t n = 0;
    for (size_t i = 0; i < b.n && n < 32; i++)
        if (b.p[i] != '-' && b.p[i] != '\n')
            hex[n++] = b.p[i];
    trn_buf_done(&b);
    r = trn_unhex((struct trn_str){hex, n}, ret, 16);
    return r < 0 ? trn_fail(err, r, "cannot read the boot id") : 0;
}

static int host_id(int state_fd, uint8_t ret[16], struct trn_err *err)
{
    /* The folder is the engine's: what stands there may be anything, a FIFO too. */
    TRN_AUTO(trn_fd_closep)
    int fd = openat(state_fd, "host-id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && trn_read_full(fd, ret, 16) == 0)
        return 0;
    if (fd >= 0 || errno != ENOENT) {
        trn_fail(err, -EBADMSG, "the host id file is damaged");
        trn_hint(err,
                 "remove 'host-id' from the state folder: a new id is made, and earlier entities keep the old one");
        return -EBADMSG;
    }
    if (getrandom(ret, 16, 0) != 16)
        return trn_fail(err, -EIO, "cannot make a host id");
    fd = openat(state_fd, "host-id", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0 || trn_write_full(fd, ret, 16) < 0)
        return trn_fail(err, -errno, "cannot write the host id: %s", trn_errno_name(-errno));
    return 0;
}

static gid_t group_or(const char *name, gid_t otherwise)
{
    const struct group *g = getgrnam(name); /* single thread at this point; NOLINT(concurrency-mt-unsafe) */
    return g ? g->gr_gid : otherwise;
}

static void find_users(struct trn_place *p)
{
    p->engine_uid = p->engine_gid = SPARE_ENGINE_ID;
    p->inspect_uid = p->inspect_gid = SPARE_INSPECT_ID;
    p->spare_users = true;
    const struct passwd *pw = getpwnam("_turncoat"); /* NOLINT(concurrency-mt-unsafe) */
    if (pw) {
        p->engine_uid = pw->pw_uid;
        p->engine_gid = pw->pw_gid;
    }
    const struct passwd *insp = getpwnam("_turncoat-inspect"); /* NOLINT(concurrency-mt-unsafe) */
    if (insp) {
        p->inspect_uid = insp->pw_uid;
        p->inspect_gid = insp->pw_gid;
        p->spare_users = !pw;
    }
    p->look_gid = group_or("turncoat", (gid_t)-1);
    p->respond_gid = group_or("turncoat-respond", (gid_t)-1);
}

/* What may lie in a folder before the first start. */
static bool may_be_there(const char *name)
{
    static const char *const names[] = {".", "..", "indicators", "turncoatd.out", "lost+found"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The folder is given to the engine, whole: never a folder that is somebody else's, '--state /tmp' say. */
static int check_ours(const struct trn_place *p, struct trn_err *err)
{
    if (faccessat(p->lock_fd, "host-id", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    int fd = openat(p->lock_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        r = trn_fail(err, -errno, "cannot read the state folder '%s': %s", p->state_dir, trn_errno_name(-errno));
        trn_fd_close(fd);
        return r;
    }
    for (const struct dirent *de; r == 0 && (de = readdir(dir)) != NULL;) {
        if (may_be_there(de->d_name))
            continue;
        r = trn_fail(err, -ENOTEMPTY, "'%s' is not a state folder, and not empty", p->state_dir);
        trn_hint(err, "name a new or an empty folder with --state DIR");
    }
    closedir(dir);
    return r;
}

static int take_folder(struct trn_place *p, struct trn_err *err)
{
    p->state_fd = open(p->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    p->lock_fd = open(p->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a lock needs more than a path */
    if (p->state_fd < 0 || p->lock_fd < 0)
        return trn_fail(err, -errno, "cannot open the state folder '%s': %s", p->state_dir, trn_errno_name(-errno));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        trn_fail(err, -EBUSY, "another turncoatd uses the state folder '%s'", p->state_dir);
        trn_hint(err, "stop it first, or choose another folder with --state DIR");
        return -EBUSY;
    }
    int r = check_ours(p, err);
    if (r < 0)
        return r;
    gid_t group = p->look_gid == (gid_t)-1 ? p->engine_gid : p->look_gid;
    if (fchown(p->lock_fd, p->engine_uid, group) < 0 || fchmod(p->lock_fd, 0750) < 0) {
        int code = -errno;
        trn_fail(err, code, "cannot give '%s' to the engine: %s", p->state_dir, trn_errno_name(code));
        trn_hint(err, code == -EROFS ? "the file system is read-only: choose another folder with --state DIR"
                                     : "turncoatd must run as root");
        return code;
    }
    return 0;
}

int trn_place_open(const char *state_dir, struct trn_place *ret, struct trn_err *err)
{
    struct trn_place p = {.state_fd = -1, .lock_fd = -1};
    struct stat ns;
    int r = make_folder(state_dir, err);
    if (r < 0)
        return r;
    if (!realpath(state_dir, p.state_dir))
        return trn_fail(err, -errno, "cannot find the state folder '%s': %s", state_dir, trn_errno_name(-errno));
    find_users(&p);
    r = read_boot_id(p.boot_id, err);
    if (r == 0)
        r = take_folder(&p, err);
    if (r == 0)
        r = host_id(p.state_fd, p.host_id, err);
    if (r < 0) {
        trn_place_close(&p);
        return r;
    }
    p.mntns = stat("/proc/self/ns/mnt", &ns) == 0 ? (uint32_t)ns.st_ino : 0;
    *ret = p;
    return 0;
}

void trn_place_close(struct trn_place *p)
{
    p->state_fd = trn_fd_close(p->state_fd);
    p->lock_fd = trn_fd_close(p->lock_fd);
}

int trn_place_listen(const struct trn_place *p, struct trn_err *err)
{
    /* Through the descriptor: a path of any length fits. */
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/turncoat.sock", p->state_fd);
    TRN_AUTO(trn_fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot make a socket: %s", trn_errno_name(-errno));
    if (unlinkat(p->state_fd, "turncoat.sock", 0) < 0 && errno != ENOENT)
        return trn_fail(err, -errno, "cannot replace the old socket: %s", trn_errno_name(-errno));
    mode_t before = umask(0117); /* never open to others, not even for a moment */
    int r = bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0 ? -errno : 0;
    umask(before);
    if (r == 0 && p->look_gid != (gid_t)-1 &&
        fchownat(p->state_fd, "turncoat.sock", 0, p->look_gid, AT_SYMLINK_NOFOLLOW) < 0)
        r = -errno;
    if (r < 0)
        return trn_fail(err, r, "cannot listen on '%s/turncoat.sock': %s", p->state_dir, trn_errno_name(r));
    return trn_fd_steal(&fd);
}
