/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: an installed package as one release: its files by dpkg's own list, and its maintainer scripts, under the names that
 * they have in the new package, so that each is compared with its own.
 * Must not: follow a link at the end of a name, or understand a file (workers do; of the new package only its names of parts).
 */
#include "cli/gate.h"

#include <fcntl.h>
#include <unistd.h>

#define INFO "/var/lib/dpkg/info"
#define LIST_MAX (32u << 20)

int trn_gate_give(int fd, const char *member, struct trn_str name, struct trn_gate_file *ret)
{
    struct stat st;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0) {
        trn_fd_close(fd);
        return -EIO;
    }
    (void)snprintf(ret->path, sizeof(ret->path), "%s", member);
    (void)snprintf(ret->name, sizeof(ret->name), "%.*s", TRN_STR_ARG(name));
    ret->fd = fd;
    ret->mode = st.st_mode;
    return 1;
}

/* ---- how a package calls its two parts: names of an ar archive, 60 bytes each ---- */

static bool is_part(struct trn_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '.' || (name.p[i] >= '0' && name.p[i] <= '9')))
            return false;
    return name.n > 0;
}

static int part_at(int fd, uint64_t at, char *dst, size_t size, uint64_t *ret_next)
{
    char head[60];
    uint64_t n;
    int e = trn_pread_full(fd, head, sizeof(head), at);
    if (e < 0)
        return e;
    struct trn_str name = trn_str_trim((struct trn_str){head, 16}),
                   bytes = trn_str_trim((struct trn_str){head + 48, 10});
    if (name.n && name.p[name.n - 1] == '/')
        name.n--;
    if (!is_part(name) || trn_str_u64(bytes, &n) < 0 || n > UINT32_MAX)
        return -EBADMSG;
    (void)snprintf(dst, size, "%.*s!./", TRN_STR_ARG(name));
    *ret_next = at + sizeof(head) + n + (n & 1);
    return 0;
}

/* What cannot be read so keeps the usual names: then fewer members are paired, and a worker tells what is wrong with it. */
static void name_parts(int fresh, struct trn_gate_installed *x)
{
    char control[32], data[32];
    uint64_t next;
    (void)snprintf(x->control, sizeof(x->control), "control.tar.xz!./");
    (void)snprintf(x->data, sizeof(x->data), "data.tar.xz!./");
    if (part_at(fresh, 72, control, sizeof(control), &next) < 0 || part_at(fresh, next, data, sizeof(data), &next) < 0)
        return;
    if (strncmp(control, "control.tar", 11) == 0 && strncmp(data, "data.tar", 8) == 0) {
        memcpy(x->control, control, sizeof(control));
        memcpy(x->data, data, sizeof(data));
    }
}

int trn_gate_installed_open(const struct trn_gate_item *i, int fresh, struct trn_gate_installed *ret)
{
    char path[400];
    struct trn_gate_installed x = {.name = i->name, .arch = i->old_arch};
    (void)snprintf(path, sizeof(path), INFO "/%.*s.list", TRN_STR_ARG(i->name));
    int e = trn_read_file(path, LIST_MAX, &x.list, NULL);
    if (e == -ENOENT) {
        (void)snprintf(path, sizeof(path), INFO "/%.*s:%.*s.list", TRN_STR_ARG(i->name), TRN_STR_ARG(i->old_arch));
        e = trn_read_file(path, LIST_MAX, &x.list, NULL);
    }
    if (e < 0)
        return e;
    name_parts(fresh, &x);
    x.rest = trn_buf_str(&x.list);
    *ret = x;
    return 0;
}

void trn_gate_installed_done(struct trn_gate_installed *x)
{
    trn_buf_done(&x->list);
}

/* ---- file by file ---- */

/* As a worker would be told of it inside the package, "./etc/sudoers": what a file means depends on where it lies. */
static struct trn_str name_inside(const char *member)
{
    const char *at = strchr(member, '!');
    struct trn_str name = trn_str_of(at ? at + 1 : member);
    return name.n < sizeof(((struct trn_gate_file *)0)->name) ? name : trn_path_base(name);
}

/* What is gone, or no plain file, is passed over. */
static int open_one(const char *path, const char *member, struct trn_gate_file *ret)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        trn_fd_close(fd);
        return 0;
    }
    return fd < 0 ? 0 : trn_gate_give(fd, member, name_inside(member), ret);
}

/* The next path of it that there may be, and how it is called as a member. */
struct place {
    char path[TRN_GATE_PATH_MAX], member[TRN_GATE_PATH_MAX];
};

static bool next_script(struct trn_gate_installed *x, struct place *ret)
{
    static const char *const scripts[] = {"preinst", "postinst", "prerm", "postrm", "config", "triggers", "conffiles"};
    if (x->script == 2 * TRN_ARRAY_SIZE(scripts))
        return false;
    const char *name = scripts[x->script / 2];
    if (x->script++ % 2)
        (void)snprintf(ret->path, sizeof(ret->path), INFO "/%.*s:%.*s.%s", TRN_STR_ARG(x->name), TRN_STR_ARG(x->arch),
                       name);
    else
        (void)snprintf(ret->path, sizeof(ret->path), INFO "/%.*s.%s", TRN_STR_ARG(x->name), name);
    (void)snprintf(ret->member, sizeof(ret->member), "%s%s", x->control, name);
    return true;
}

static bool next_place(struct trn_gate_installed *x, struct place *ret)
{
    struct trn_str line;
    while (x->rest.n && trn_str_split(&x->rest, '\n', &line)) {
        if (line.n < 2 || line.p[0] != '/' || line.n + sizeof(x->data) >= sizeof(ret->member))
            continue;
        (void)snprintf(ret->path, sizeof(ret->path), "%.*s", TRN_STR_ARG(line));
        (void)snprintf(ret->member, sizeof(ret->member), "%s%.*s", x->data, (int)line.n - 1, line.p + 1);
        return true;
    }
    return next_script(x, ret);
}

int trn_gate_installed_next(struct trn_gate_installed *x, struct trn_gate_file *ret)
{
    struct place p;
    int e = 0;
    while (e == 0 && next_place(x, &p))
        e = open_one(p.path, p.member, ret);
    return e;
}

/* Who may set a file's time of change back is root, or has the disk. */
int trn_gate_installed_identity(const struct trn_gate_installed *x, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    struct trn_gate_installed walk = *x;
    struct place p;
    struct stat st;
    int e = d ? 0 : -ENOMEM;
    while (e == 0 && next_place(&walk, &p)) {
        if (lstat(p.path, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        const uint64_t who[] = {st.st_dev,
                                st.st_ino,
                                (uint64_t)st.st_size,
                                st.st_mode,
                                (uint64_t)st.st_mtim.tv_sec,
                                (uint64_t)st.st_mtim.tv_nsec,
                                (uint64_t)st.st_ctim.tv_sec,
                                (uint64_t)st.st_ctim.tv_nsec};
        e = trn_digest_update(d, p.member, strlen(p.member) + 1);
        if (e == 0)
            e = trn_digest_update(d, who, sizeof(who));
    }
    return e < 0 ? e : trn_digest_end(d, ret, NULL);
}
