/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is so on this machine: a package's state, whether dpkg's database is free, where a version can be had, which
 * files a package has. Changes nothing (apt may freshen its own cache of the lists).
 * Must not own: what is done about it (package.c).
 */
#include "response/execute/package.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DPKG "/var/lib/dpkg"
#define ARCHIVES "/var/cache/apt/archives"
#define LIST_MAX (8u * 1024u * 1024u)

int trn_package_tools_here(struct trn_err *err)
{
    static const char *const needed[] = {"/usr/bin/dpkg", "/usr/bin/dpkg-query", "/usr/bin/dpkg-deb",
                                         "/usr/bin/apt-get"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(needed); i++)
        if (access(needed[i], X_OK) < 0) {
            trn_fail(err, -ENOTSUP, "packages cannot be removed or rolled back here: no '%s'", needed[i]);
            trn_hint(err, "isolate the software and block its files instead");
            return -ENOTSUP;
        }
    return 0;
}

int trn_package_facts_of(const char *name, struct trn_package_facts *ret, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    struct trn_package_argv a;
    int code = 0;
    trn_package_argv_query(&a, name);
    int r = trn_package_ask(&a, false, &said, &code, err);
    if (r < 0)
        return r;
    if (code != 0) { /* dpkg does not know the name */
        *ret = (struct trn_package_facts){.state = TRN_PACKAGE_ABSENT, .status = "not-installed"};
        return 0;
    }
    r = trn_package_facts_parse(trn_buf_str(&said), ret);
    if (r == -EMLINK) {
        trn_fail(err, r, "'%s' is installed for several architectures", name);
        trn_hint(err, "write which: %s:amd64", name);
    } else if (r < 0)
        trn_fail(err, r, "dpkg-query says nothing that can be read about '%s'", name);
    return r;
}

static int locked(const char *path, struct trn_err *err)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char comm[64] = "", shown[80], at[64];
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* nobody has locked it yet */
    if (fcntl(fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
        return 0;
    snprintf(at, sizeof at, "/proc/%d/comm", (int)l.l_pid);
    TRN_AUTO(trn_fd_closep) int cfd = open(at, O_RDONLY | O_CLOEXEC);
    ssize_t n = cfd < 0 ? 0 : read(cfd, comm, sizeof comm - 1);
    struct trn_str who = trn_str_trim((struct trn_str){comm, n > 0 ? (size_t)n : 0});
    trn_fail(err, -EBUSY, "dpkg's database is in use");
    trn_hint(err, "process %d (%s) holds '%s': try again when it has ended", (int)l.l_pid,
             trn_escape_into(shown, sizeof shown, who), path);
    return -EBUSY;
}

/* A file of digits in updates/: dpkg was stopped before it wrote its status down; apt refuses everything then. */
static bool interrupted(void)
{
    DIR *d = opendir(DPKG "/updates");
    bool found = false;
    for (const struct dirent *e; d && !found && (e = readdir(d));)
        found = isdigit((unsigned char)e->d_name[0]) != 0;
    if (d)
        closedir(d);
    return found;
}

/* 0: dpkg's database is free and not in the middle of something. -EBUSY with who holds it. */
static int package_idle(struct trn_err *err)
{
    int r = locked(DPKG "/lock-frontend", err);
    if (r == 0)
        r = locked(DPKG "/lock", err);
    if (r == 0 && interrupted()) {
        r = trn_fail(err, -EUCLEAN, "dpkg was stopped in the middle of its work");
        trn_hint(err, "run 'dpkg --configure -a' first");
    }
    return r;
}

int trn_package_wait_idle(unsigned sec, struct trn_err *err)
{
    int r;
    for (uint64_t until = trn_mono_ns() + sec * TRN_NS_PER_SEC; (r = package_idle(err)) == -EBUSY;) {
        if (trn_mono_ns() > until)
            return r;
        usleep(100 * 1000);
    }
    return r;
}

static int simulate(const char *what, struct trn_buf *ret_said, int *ret_code, struct trn_err *err)
{
    struct trn_package_argv a;
    trn_package_argv_install(&a, what, TRN_PACKAGE_SIMULATE);
    return trn_package_ask(&a, true, ret_said, ret_code, err);
}

/* A .deb that root put into apt's archives, and that says itself that it is this version of this package. */
static bool is_archived(const char *path, const char *name, const char *version)
{
    struct stat st;
    struct trn_package_argv a;
    char want[2 * TRN_PACKAGE_NAME];
    int code = 0;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
        return false;
    trn_package_argv_deb(&a, path);
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    if (trn_package_ask(&a, false, &said, &code, NULL) < 0 || code != 0)
        return false;
    struct trn_str bare = trn_package_bare(name);
    snprintf(want, sizeof want, "%.*s|%s|\n", TRN_STR_ARG(bare), version);
    return trn_str_eq_c(trn_buf_str(&said), want);
}

static void archive_path(char *ret, size_t size, const char *name, const char *version, const char *arch)
{
    char v[3 * TRN_PACKAGE_NAME] = "";
    size_t n = 0;
    for (const char *p = version; *p && n + 4 < sizeof v; p++)
        n += (size_t)snprintf(v + n, sizeof v - n, *p == ':' ? "%%3a" : "%c", *p);
    struct trn_str bare = trn_package_bare(name);
    snprintf(ret, size, ARCHIVES "/%.*s_%s_%s.deb", TRN_STR_ARG(bare), v, arch);
}

int trn_package_find(const char *name, const char *arch, const char *version, char *ret, size_t size,
                     struct trn_buf *ret_simulation, struct trn_err *err)
{
    char what[600], complaint[200];
    int code = 0;
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0}, text = {0};
    snprintf(what, sizeof what, "%s=%s", name, version);
    int r = simulate(what, &said, &code, err); /* from the sources: apt has checked who signed them */
    for (int i = 0; r == 0 && code != 0 && i < 2; i++) {
        struct trn_buf other = {0};
        archive_path(what, sizeof what, name, version, i ? "all" : arch);
        if (!is_archived(what, name, version))
            continue;
        r = simulate(what, &other, &code, err);
        trn_buf_done(&said);
        said = other;
    }
    if (r < 0)
        return r;
    if (code != 0) {
        trn_buf_init(&text, sizeof complaint);
        trn_package_put_complaint(&text, trn_buf_str(&said), sizeof complaint - 1);
        r = trn_fail(err, -ENOENT, "'%s' %s cannot be installed: %.*s", name, version, TRN_STR_ARG(trn_buf_str(&text)));
        archive_path(what, sizeof what, name, version, arch);
        trn_hint(err, "put its .deb, owned by root, at '%s', or add a source that has it", what);
        return r;
    }
    if (snprintf(ret, size, "%s", what) >= (int)size)
        return trn_fail(err, -ENAMETOOLONG, "'%s' has too long a name", name);
    if (ret_simulation)
        trn_put_str(ret_simulation, trn_buf_str(&said));
    return 0;
}

static int read_list(const struct trn_package_record *r, struct trn_buf *ret)
{
    char path[400];
    struct trn_str bare = trn_package_bare(r->name);
    snprintf(path, sizeof path, DPKG "/info/%.*s:%s.list", TRN_STR_ARG(bare), r->arch);
    int code = trn_read_file(path, LIST_MAX, ret, NULL);
    if (code != -ENOENT)
        return code;
    snprintf(path, sizeof path, DPKG "/info/%.*s.list", TRN_STR_ARG(bare));
    return trn_read_file(path, LIST_MAX, ret, NULL);
}

/* Files that nobody else has and that matter when they stay. */
static bool is_sample(const char *path, const struct stat *st)
{
    struct trn_str p = trn_str_of(path);
    return S_ISREG(st->st_mode) && !trn_str_starts(p, TRN_STR("/etc/")) &&
           !trn_str_starts(p, TRN_STR("/usr/share/doc/"));
}

static bool may_be_vital(struct trn_str path)
{
    return trn_str_contains(path, TRN_STR("bin/")) || trn_str_contains(path, TRN_STR("/systemd/")) ||
           trn_str_contains(path, TRN_STR("/ld-linux")) || trn_str_contains(path, TRN_STR("/libc.so"));
}

static int look_at(const struct trn_act_tools *t, struct trn_package_record *r, struct trn_str line,
                   struct trn_err *err)
{
    char path[sizeof r->samples[0]];
    struct stat st;
    if (line.n >= sizeof path || !trn_str_starts(line, TRN_STR("/")) || trn_str_find(line, 0) >= 0)
        return 0;
    snprintf(path, sizeof path, "%.*s", TRN_STR_ARG(line));
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (r->n_samples < TRN_PACKAGE_SAMPLES && is_sample(path, &st))
        snprintf(r->samples[r->n_samples++], sizeof r->samples[0], "%s", path);
    return may_be_vital(line) ? trn_vital_file(t, fd, path, err) : 0;
}

int trn_package_files(const struct trn_act_tools *t, struct trn_package_record *r, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf list = {0};
    struct trn_str line;
    int code = read_list(r, &list);
    if (code < 0)
        return trn_fail(err, code, "the list of files of '%s' cannot be read: %s", r->name, trn_errno_name(code));
    struct trn_cursor c = trn_cur_of(trn_buf_str(&list));
    while (code == 0 && !trn_str_is_none(line = trn_cur_line(&c)))
        code = look_at(t, r, line, err);
    return code;
}

void trn_package_repair(const struct trn_package_record *r, const struct trn_package_facts *f, struct trn_err *err)
{
    bool to_is_there = r->to[0] && strcmp(f->version, r->to) == 0;
    trn_fail(err, -EUCLEAN, "'%s' %s is %s: dpkg was stopped or failed in the middle of it", r->name, f->version,
             f->status);
    /* dpkg takes up its own journal with whatever it is asked next; apt refuses until somebody has asked it. */
    if (!r->to[0])
        trn_hint(err, "finish it: dpkg --remove --force-remove-reinstreq %s", r->name);
    else if (f->state == TRN_PACKAGE_UNPACKED && to_is_there)
        trn_hint(err, "finish it: dpkg --configure %s", r->name);
    else
        trn_hint(err, "finish it: %sapt-get install --reinstall --allow-downgrades %s=%s",
                 interrupted() ? "dpkg --configure -a; " : "", r->name, r->to);
}
