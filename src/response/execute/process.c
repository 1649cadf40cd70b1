/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what makes a number a process: its pidfd, its start as /proc tells it, whether it is in scope and not vital.
 * Must not own: signals, trees (tree.c).
 * Hand-offs: the pidfd is the caller's.
 *
 * The pidfd comes first, then the start time is compared: had the number been given away in between, the one that has it
 * now would have started later than what was meant, and the pidfd would be that of one that has ended.
 */
#include "response/execute/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAT_MAX 1024u
#define FIELD_FIRST 3u /* behind the name: the state */

/* Numbers of fields as in proc(5). */
static int take_field(unsigned number, struct trn_str word, struct trn_stat *s)
{
    uint64_t v = 0;

    if (number == 6 && trn_str_eq(word, TRN_STR("-1")))
        return 0; /* its session, when nothing but its number is left */
    if (number == FIELD_FIRST) {
        s->state = word.n == 1 ? word.p[0] : '?';
        return word.n == 1 ? 0 : -EPROTO;
    }
    if (number != 4 && number != 6 && number != 9 && number != 20 && number != 22)
        return 0; /* some of the others are negative */
    if (trn_str_u64(word, &v) != 0 || (number != 22 && v > UINT32_MAX))
        return -EPROTO;
    if (number == 4)
        s->parent = (uint32_t)v;
    else if (number == 6)
        s->session = (uint32_t)v;
    else if (number == 9)
        s->flags = v;
    else if (number == 20)
        s->threads = (uint32_t)v;
    else
        s->start_ticks = v;
    return 0;
}

/* "812 (soft) phone) S 1 ...": the name may hold anything, so it ends at the last parenthesis. */
int trn_stat_parse(struct trn_str text, struct trn_stat *ret)
{
    struct trn_cursor c = trn_cur_of(text);
    struct trn_stat s = {0};
    ptrdiff_t close = trn_str_rfind(text, ')');
    struct trn_str number = trn_cur_until(&c, ' ', 12), rest, word;
    uint64_t pid;
    unsigned field = FIELD_FIRST;

    if (c.bad || close < 0 || (size_t)close + 2 > text.n || text.p[close + 1] != ' ' ||
        trn_str_u64(number, &pid) != 0 || pid > UINT32_MAX || trn_cur_u8(&c) != '(')
        return -EPROTO;
    s.pid = (uint32_t)pid;
    rest = trn_str_trim(trn_str_slice(text, (size_t)close + 2, text.n));
    for (; field <= 22 && trn_str_split(&rest, ' ', &word); field++) {
        if (take_field(field, word, &s) != 0)
            return -EPROTO;
    }
    if (field <= 22)
        return -EPROTO;
    *ret = s;
    return 0;
}

static int read_stat(const char *path, struct trn_stat *ret)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char text[STAT_MAX];
    ssize_t n;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    n = read(fd, text, sizeof(text));
    if (n < 0)
        return -errno; /* ESRCH: between open and read */
    return trn_stat_parse((struct trn_str){text, (size_t)n}, ret);
}

int trn_stat_read(uint32_t pid, struct trn_stat *ret)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    return read_stat(path, ret);
}

int trn_thread_read(uint32_t pid, uint32_t tid, struct trn_stat *ret)
{
    char path[56];

    (void)snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, tid);
    return read_stat(path, ret);
}

/* What this time namespace adds to the boot clock; the kernel adds it to what /proc tells, too. */
static int64_t boot_offset_ns(void)
{
    TRN_AUTO(trn_fd_closep) int fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
    char text[256];
    struct trn_str line, word;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    struct trn_cursor c = trn_cur(text, n > 0 ? (size_t)n : 0);

    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        int64_t part[2] = {0, 0};
        unsigned got = 0;

        if (!trn_str_starts(line, TRN_STR("boottime")))
            continue;
        line = trn_str_slice(line, sizeof("boottime") - 1, line.n);
        while (got < 2 && trn_str_split(&line, ' ', &word)) {
            uint64_t v;
            bool minus = word.n > 0 && word.p[0] == '-';

            if (word.n == 0)
                continue;
            if (trn_str_u64(trn_str_slice(word, minus, word.n), &v) != 0 || v > INT64_MAX / (int64_t)TRN_NS_PER_SEC)
                return 0;
            part[got++] = minus ? -(int64_t)v : (int64_t)v;
        }
        return part[0] * (int64_t)TRN_NS_PER_SEC + part[1];
    }
    return 0; /* a kernel without time namespaces */
}

static uint64_t tick_ns(void)
{
    long hz = sysconf(_SC_CLK_TCK);

    return TRN_NS_PER_SEC / (uint64_t)(hz > 0 ? hz : 100);
}

uint64_t trn_stat_start_ns(const struct trn_stat *s)
{
    return s->start_ticks * tick_ns() - (uint64_t)boot_offset_ns();
}

/* The engine may know a process only since it ran something in our scope: then it started before. Whoever was given its
 * number after it was seen has started later; whoever has that number and is older than that moment is the same one. */
bool trn_stat_is(const struct trn_stat *s, uint64_t start_boot_ns)
{
    if (start_boot_ns > trn_boot_ns())
        return false;
    uint64_t ticks = (start_boot_ns + (uint64_t)boot_offset_ns()) / tick_ns();

    return s->start_ticks <= ticks + 1; /* a tick is /proc's precision */
}

/* The leader of a process may have ended while its other threads go on; what they run is what the process runs. */
static uint32_t living_thread(const struct trn_stat *s)
{
    char path[40];
    uint32_t found = s->pid;
    struct dirent *e;
    uint64_t tid;
    DIR *dir;

    if (s->state != 'Z')
        return s->pid;
    (void)snprintf(path, sizeof(path), "/proc/%u/task", s->pid);
    dir = opendir(path);
    while (dir && found == s->pid && (e = readdir(dir))) {
        if (trn_str_u64(trn_str_of(e->d_name), &tid) == 0 && tid <= UINT32_MAX)
            found = (uint32_t)tid;
    }
    if (dir)
        closedir(dir);
    return found;
}

static bool is_ours(const struct trn_act_tools *t, uint32_t pid)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(t->own); i++) {
        if (pid == t->own[i])
            return true;
    }
    return pid <= 1;
}

static int may_act_on(const struct trn_act_tools *t, const struct trn_stat *s, struct trn_err *err)
{
    struct trn_stat again = {0};
    uint32_t asked = is_ours(t, s->pid) ? s->pid : living_thread(s);
    int r = trn_vital_process(t, asked, err);

    /* One that ends just now has no program either, like a thread of the kernel. */
    if (r == -EPERM &&
        (trn_stat_read(s->pid, &again) != 0 || trn_stat_ended(&again) || again.start_ticks != s->start_ticks))
        return trn_fail(err, -ESRCH, "process %u has ended", s->pid);
    if (r < 0)
        return r;
    if (t->scope_fd >= 0 && t->scope_cgroup && !trn_cgroup_has(t->scope_fd, s->pid)) {
        if (trn_stat_read(s->pid, &again) != 0)
            return trn_fail(err, -ESRCH, "process %u has ended", s->pid);
        r = trn_fail(err, -EPERM, "process %u is outside the scope", s->pid);
        trn_hint(err, "turncoatd was started with --scope-cgroup; it acts on nothing else");
        return r;
    }
    return 0;
}

int trn_process_open(const struct trn_act_tools *t, const struct trn_act_process *p, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    struct trn_stat s = {0};
    int r;

    if (fd < 0 && errno != ESRCH && errno != EINVAL)
        return trn_fail(err, -errno, "cannot open process %u: %s", p->pid, trn_errno_name(-errno));
    r = fd < 0 ? -ESRCH : trn_stat_read(p->pid, &s);
    if (r == -ESRCH || (r == 0 && (trn_stat_ended(&s) || !trn_stat_is(&s, p->start_boot_ns))))
        return trn_fail(err, -ESRCH, "process %u has ended", p->pid);
    if (r < 0)
        return trn_fail(err, r, "cannot read what process %u is: %s", p->pid, trn_errno_name(r));
    r = may_act_on(t, &s, err);
    return r < 0 ? r : trn_fd_steal(&fd);
}

/* By the parent that each process names: the list of children is not there on every kernel, and leaves out some while
 * others end. */
int trn_process_children(uint32_t pid, struct trn_act_process *ret, uint32_t max, uint32_t *ret_n)
{
    DIR *dir = opendir("/proc");
    struct trn_stat s = {0};
    struct dirent *e;
    uint64_t number;
    uint32_t n = 0;
    int r = 0;

    if (!dir)
        return -errno;
    while (r == 0 && (e = readdir(dir))) {
        if (trn_str_u64(trn_str_of(e->d_name), &number) != 0 || number > UINT32_MAX ||
            trn_stat_read((uint32_t)number, &s) != 0 || s.parent != pid || trn_stat_ended(&s))
            continue;
        if (n == max)
            r = -ENOSPC;
        else
            ret[n++] = (struct trn_act_process){.pid = s.pid, .start_boot_ns = trn_stat_start_ns(&s)};
    }
    closedir(dir);
    if (r == 0)
        *ret_n = n;
    return r;
}
