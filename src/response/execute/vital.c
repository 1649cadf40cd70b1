/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is never held, killed, blocked, quarantined or isolated, whoever asks: without it the machine would be lost
 * to its owner. Decided by what a thing is (its device and inode), never by how it is called.
 * Must not own: who may ask, how often (executor.c).
 */
#include "response/execute/execute.h"
#include "response/execute/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Users, as Debian and its relatives number people; and what user namespaces give them. */
#define FIRST_USER 1000u
#define LAST_USER 60000u
#define FIRST_SUB_UID 100000u

enum need { FILE_ONLY, RUNNING_TOO }; /* a shell is a file that is needed, and a process like others */

/* Where they stand on Debian and its relatives; what is not there is passed over. */
static const struct {
    const char *path;
    enum need need;
} vital[] = {
    {"/usr/lib/systemd/systemd", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-journald", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-logind", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-networkd", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-resolved", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-udevd", RUNNING_TOO},
    {"/usr/lib/systemd/systemd-executor", RUNNING_TOO},
    {"/usr/sbin/init", RUNNING_TOO},
    {"/usr/bin/dbus-daemon", RUNNING_TOO},
    {"/usr/bin/dbus-broker", RUNNING_TOO},
    {"/usr/sbin/agetty", RUNNING_TOO},
    {"/usr/bin/login", RUNNING_TOO},
    {"/usr/sbin/NetworkManager", RUNNING_TOO},
    {"/usr/bin/dpkg", RUNNING_TOO},
    {"/usr/bin/apt-get", RUNNING_TOO},
    {"/usr/sbin/sshd", FILE_ONLY},
    {"/usr/bin/apt", FILE_ONLY},
    {"/usr/bin/sudo", FILE_ONLY},
    {"/usr/bin/su", FILE_ONLY},
    {"/usr/bin/sh", FILE_ONLY},
    {"/usr/bin/bash", FILE_ONLY},
    {"/usr/bin/busybox", FILE_ONLY},
    {"/usr/bin/python3", FILE_ONLY},
    {"/usr/bin/perl", FILE_ONLY},
    {"/usr/bin/env", FILE_ONLY},
    {"/lib64/ld-linux-x86-64.so.2", FILE_ONLY},
    {"/lib/ld-linux-aarch64.so.1", FILE_ONLY},
    {"/lib/x86_64-linux-gnu/libc.so.6", FILE_ONLY},
    {"/lib/aarch64-linux-gnu/libc.so.6", FILE_ONLY},
    {"/etc/passwd", FILE_ONLY},
    {"/etc/shadow", FILE_ONLY},
    {"/etc/group", FILE_ONLY},
    {"/etc/fstab", FILE_ONLY},
    {"/etc/nsswitch.conf", FILE_ONLY},
    {"/etc/ld.so.cache", FILE_ONLY},
    {"/lib/x86_64-linux-gnu/libpam.so.0", FILE_ONLY},
    {"/lib/aarch64-linux-gnu/libpam.so.0", FILE_ONLY},
    {"/lib/x86_64-linux-gnu/security/pam_unix.so", FILE_ONLY},
    {"/lib/aarch64-linux-gnu/security/pam_unix.so", FILE_ONLY},
    {"/etc/pam.d/common-auth", FILE_ONLY},
    {"/etc/pam.d/common-account", FILE_ONLY},
    {"/etc/pam.d/login", FILE_ONLY},
    {"/etc/pam.d/sshd", FILE_ONLY},
    {"/etc/pam.d/sudo", FILE_ONLY},
    {"/etc/ssh/sshd_config", FILE_ONLY},
    {"/etc/sudoers", FILE_ONLY},
    {"/vmlinuz", FILE_ONLY},
    {"/initrd.img", FILE_ONLY},
};

struct trn_vital {
    pthread_mutex_t lock;
    char paths[TRN_VITAL_MAX][TRN_VITAL_PATH];
    uint32_t n;
};

struct trn_vital *trn_vital_new(void)
{
    struct trn_vital *v = calloc(1, sizeof *v);
    if (v)
        pthread_mutex_init(&v->lock, NULL);
    return v;
}

struct trn_vital *trn_vital_free(struct trn_vital *v)
{
    if (v)
        pthread_mutex_destroy(&v->lock);
    free(v);
    return NULL;
}

void trn_vital_set(struct trn_vital *v, const char (*paths)[TRN_VITAL_PATH], uint32_t n)
{
    pthread_mutex_lock(&v->lock);
    v->n = TRN_MIN(n, TRN_VITAL_MAX);
    memcpy(v->paths, paths, v->n * sizeof v->paths[0]);
    pthread_mutex_unlock(&v->lock);
}

static bool leads_to(const struct stat *st, const char *path)
{
    struct stat other;
    return stat(path, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

static const char *vital_of(const struct stat *st, enum need need)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(vital); i++)
        if (vital[i].need >= need && leads_to(st, vital[i].path))
            return vital[i].path;
    return NULL;
}

/* One that the policy names: into dst. */
static bool by_policy(const struct trn_act_tools *t, const struct stat *st, char dst[TRN_VITAL_PATH])
{
    bool found = false;
    if (!t->vital)
        return false;
    pthread_mutex_lock(&t->vital->lock);
    for (uint32_t i = 0; i < t->vital->n && !found; i++) {
        found = leads_to(st, t->vital->paths[i]);
        if (found)
            memcpy(dst, t->vital->paths[i], TRN_VITAL_PATH);
    }
    pthread_mutex_unlock(&t->vital->lock);
    return found;
}

static int refuse(struct trn_err *err, const char *what)
{
    int r = trn_fail(err, -EPERM, "%s is vital: it is never acted on", what);
    trn_hint(err, "act on the program that misuses it");
    return r;
}

/* No program: a kernel thread, which says so itself, or a process that is ending or has ended. */
static int without_program(uint32_t pid, struct trn_err *err)
{
    struct trn_stat st;
    int r = trn_stat_read(pid, &st);
    if (r == 0 && (st.flags & TRN_STAT_KERNEL_THREAD))
        return refuse(err, "a kernel thread");
    return trn_fail(err, r < 0 && r != -ESRCH ? r : -ESRCH, "process %u is gone", pid);
}

struct whose {
    uint64_t uid, parent;
};

/* "Uid:\t1000\t..." and "PPid:\t1" of /proc/PID/status: the owner of the folder is root for who hides its memory. */
static bool whose_is(uint32_t pid, struct whose *ret)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    struct trn_cursor c = trn_cur(text, n > 0 ? (size_t)n : 0);
    struct trn_str line, name, word;
    bool uid = false, parent = false;
    while (!(uid && parent) && !trn_str_is_none(line = trn_cur_line(&c))) {
        if (!trn_str_split(&line, '\t', &name) || !trn_str_split(&line, '\t', &word))
            continue;
        if (trn_str_eq_c(name, "Uid:"))
            uid = trn_str_u64(word, &ret->uid) == 0;
        else if (trn_str_eq_c(name, "PPid:"))
            parent = trn_str_u64(word, &ret->parent) == 0;
    }
    return uid && parent;
}

/* Everybody may start these programs: what a user runs is not the machine's, and a tree must not be safe from us because
 * one of it is dpkg. But for the user's own systemd, without which the session ends; pid 1 started it. */
static bool is_some_users(uint32_t pid, const char *program)
{
    struct whose w;
    if (!whose_is(pid, &w) || w.uid < FIRST_USER || (w.uid > LAST_USER && w.uid < FIRST_SUB_UID))
        return false;
    return w.parent != 1 || strcmp(program, vital[0].path) != 0;
}

int trn_vital_process(const struct trn_act_tools *t, uint32_t pid, struct trn_err *err)
{
    char path[64], text[TRN_VITAL_PATH + 40];
    struct stat st;
    if (pid <= 1 || pid == (uint32_t)getpid())
        return refuse(err, pid == 1 ? "process 1" : "turncoatd itself");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(t->own); i++)
        if (pid == t->own[i])
            return refuse(err, "a process of turncoat");
    snprintf(path, sizeof path, "/proc/%u/exe", pid);
    if (stat(path, &st) < 0) {
        int code = -errno;
        if (code == -ENOENT)
            return without_program(pid, err);
        return trn_fail(err, code, "process %u cannot be looked at: %s", pid, trn_errno_name(code));
    }
    char policy[TRN_VITAL_PATH];
    const char *which = vital_of(&st, RUNNING_TOO);
    if (which && is_some_users(pid, which))
        which = NULL;
    if (!which && by_policy(t, &st, policy))
        which = policy;
    if (!which)
        return 0;
    snprintf(text, sizeof text, "process %u ('%s')", pid, which);
    return refuse(err, text);
}

int trn_vital_file(const struct trn_act_tools *t, int fd, const char *path, struct trn_err *err)
{
    char text[256], shown[200];
    struct stat st, folder;
    if (fstat(fd, &st) < 0)
        return trn_fail(err, -errno, "the file cannot be looked at: %s", trn_errno_name(-errno));
    trn_escape_into(shown, sizeof shown, trn_str_of(path));
    snprintf(text, sizeof text, "'%s'", shown);
    char policy[TRN_VITAL_PATH];
    if (vital_of(&st, FILE_ONLY) || by_policy(t, &st, policy))
        return refuse(err, text);
    /* Our own programs, and what lies in our state folder. */
    struct stat self;
    if (stat("/proc/self/exe", &self) == 0 && self.st_dev == st.st_dev && self.st_ino == st.st_ino)
        return refuse(err, "turncoat's own program");
    struct trn_str own = trn_str_of(t->state_dir ? t->state_dir : ""), all = trn_str_of(path);
    if (own.n && all.p && trn_str_starts(all, own) && (all.n == own.n || all.p[own.n] == '/') &&
        fstat(t->response_fd, &folder) == 0)
        return refuse(err, "turncoat's own folder");
    return 0;
}
