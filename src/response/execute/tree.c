/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: whole trees of processes, each held by a pidfd: who belongs, how all of them are stopped before anything else is
 * done to them, so that nothing forks away meanwhile.
 * Must not own: why (hold.c, kill.c), who may be acted on (process.c).
 * Hand-offs: the pidfds stay the tree's.
 *
 * Who belongs: the child of one that lives at that moment (its number is still its own then), and who is in a session that
 * one of the tree leads: a session has no other members than descendants of its leader, also when the parents in between
 * have ended. Each is stopped as soon as it is found, not after the search: what has forked and ended in between has left
 * a child that names another parent.
 * And whom the kernel says was forked by one of the tree (follow.c), also when that one has ended.
 * When it is whole: all are seen stopped, with all threads, and a look at every process that began after that found nobody.
 * A stopped process cannot fork.
 */
#include "response/execute/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOKS_MAX 16u /* trn_tree_look: what forks without end is shown as it was then */
#define PAUSE_US 200u /* between two questions whether all are stopped */
#define LINES_MAX 20u
#define WAITING_LOOKS 24u /* in a row: waits for its vfork child, which is stopped, or for a device */

void trn_tree_init(struct trn_tree *t)
{
    *t = (struct trn_tree){.follow_fd = -1};
}

void trn_tree_done(struct trn_tree *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        trn_fd_close(t->v[i].pidfd);
    free(t->v);
    free(t->told);
    t->follow_fd = trn_follow_close(t->follow_fd);
    t->by_pid = trn_map_free(t->by_pid);
    trn_tree_init(t);
}

static bool has_ended(struct trn_tree_one *one)
{
    struct pollfd p = {.fd = one->pidfd, .events = POLLIN};

    if (!one->ended && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
        one->ended = one->settled = true;
    return one->ended;
}

static struct trn_tree_one *known(const struct trn_tree *tree, uint32_t pid)
{
    uint64_t i;

    return tree->by_pid && trn_map_get(tree->by_pid, pid, &i) ? &tree->v[i] : NULL;
}

static int grow(struct trn_tree *tree, struct trn_err *err)
{
    uint32_t cap = tree->cap ? tree->cap * 2 : 32;
    struct trn_tree_one *v;

    if (!tree->by_pid && !(tree->by_pid = trn_map_new(TRN_TREE_MAX)))
        return trn_fail(err, -ENOMEM, "out of memory");
    if (tree->n < tree->cap)
        return 0;
    if (tree->n >= TRN_TREE_MAX) {
        int r = trn_fail(err, -E2BIG, "the tree has more than %u processes", TRN_TREE_MAX);
        trn_hint(err, "limit its cgroup first: pids.max");
        return r;
    }
    v = reallocarray(tree->v, cap, sizeof(*v));
    if (!v)
        return trn_fail(err, -ENOMEM, "out of memory");
    tree->v = v;
    tree->cap = cap;
    return 0;
}

/* 1: joined; 0: it has ended. */
static int add(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_act_process *p,
               struct trn_err *err)
{
    struct trn_tree_one one = {.pid = p->pid, .start_boot_ns = p->start_boot_ns, .entity = p->entity};
    struct trn_stat s = {0};
    int r = grow(tree, err);

    if (r < 0)
        return r;
    one.pidfd = trn_process_open(t, p, err);
    if (one.pidfd == -EMFILE)
        trn_hint(err, "raise LimitNOFILE of turncoatd");
    if (one.pidfd < 0)
        return one.pidfd == -ESRCH ? 0 : one.pidfd;
    r = trn_stat_read(p->pid, &s);
    if (r == 0 && !trn_stat_is(&s, p->start_boot_ns))
        r = -ESRCH;
    if (r == 0) {
        one.parent = s.parent;
        one.leads = s.session == s.pid;
        one.was_stopped = s.state == 'T';
        r = trn_map_put(tree->by_pid, p->pid, tree->n);
    }
    if (r < 0) {
        trn_fd_close(one.pidfd);
        return r == -ESRCH ? 0 : trn_fail(err, r, "cannot add process %u: %s", p->pid, trn_errno_name(r));
    }
    tree->v[tree->n++] = one;
    return 1;
}

void trn_tree_follow(struct trn_tree *tree)
{
    if (tree->follow_fd >= 0)
        return;
    tree->forks = tree->n_told = 0;
    tree->follow_fd = trn_follow_open();
}

/* One that is known by its number alone: what it left behind belongs, too. */
static int add_ended(struct trn_tree *tree, uint32_t pid, bool leads, struct trn_err *err)
{
    int r = grow(tree, err);

    if (r == 0 && trn_map_put(tree->by_pid, pid, tree->n) != 0)
        r = trn_fail(err, -ENOMEM, "out of memory");
    if (r < 0)
        return r;
    tree->v[tree->n++] = (struct trn_tree_one){.pid = pid, .pidfd = -1, .leads = leads, .ended = true, .settled = true};
    return 1;
}

int trn_tree_roots(const struct trn_act_tools *t, const struct trn_act_process *p, uint32_t n, struct trn_tree *tree,
                   struct trn_err *err)
{
    int r = 0;

    for (uint32_t i = 0; i < n && r >= 0; i++) {
        if (known(tree, p[i].pid))
            continue;
        r = add(t, tree, &p[i], err);
        /* It has ended since it was named. A session with its number, which another one of the tree is in, was its own:
         * the number is not given away as long as the session lives. */
        if (r == 0)
            r = add_ended(tree, p[i].pid, true, err);
    }
    if (r < 0)
        return r;
    return trn_tree_met(tree) > 0
               ? 0
               : trn_fail(err, -ESRCH, n == 1 ? "the process has ended" : "all of the processes have ended");
}

/* Another one of this session, which lives, and still is in it. */
static bool is_in_session(struct trn_tree *tree, uint32_t session)
{
    struct trn_stat s = {0};

    for (uint32_t i = 0; i < tree->n; i++) {
        struct trn_tree_one *one = &tree->v[i];

        if (!has_ended(one) && trn_stat_read(one->pid, &s) == 0 && s.session == session && !has_ended(one))
            return true;
    }
    return false;
}

static bool belongs(struct trn_tree *tree, const struct trn_stat *s)
{
    struct trn_tree_one *parent = known(tree, s->parent), *leader = known(tree, s->session);
    struct trn_stat again = {0};

    if (parent && !has_ended(parent))
        return true;
    if (!leader || !leader->leads || !is_in_session(tree, s->session))
        return false;
    return trn_stat_read(s->pid, &again) == 0 && again.start_ticks == s->start_ticks && again.session == s->session;
}

static int stop_one(struct trn_tree_one *one, const struct trn_tree_join *join, struct trn_err *err)
{
    int r = join && join->join ? join->join(join->ctx, one, err) : 0;

    if (r < 0)
        return r;
    one->told_stop = true;
    if (syscall(SYS_pidfd_send_signal, one->pidfd, SIGSTOP, NULL, 0) == 0 || errno == ESRCH)
        return 0;
    return trn_fail(err, -errno, "cannot stop process %u: %s", one->pid, trn_errno_name(-errno));
}

/* One look at every process; ret_new: how many joined. join NULL and stop false: changes nothing. */
static int look_once(const struct trn_act_tools *t, struct trn_tree *tree, bool stop, const struct trn_tree_join *join,
                     uint32_t *ret_new, struct trn_err *err)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    uint32_t before = tree->n;
    struct trn_stat s = {0};
    uint64_t pid;
    int r = 0;

    if (!dir)
        return trn_fail(err, -errno, "cannot read /proc: %s", trn_errno_name(-errno));
    while (r >= 0 && (e = readdir(dir))) {
        if (trn_str_u64(trn_str_of(e->d_name), &pid) != 0 || pid > UINT32_MAX)
            continue;
        struct trn_tree_one *same = known(tree, (uint32_t)pid);
        if ((same && !has_ended(same)) || trn_stat_read((uint32_t)pid, &s) != 0 || trn_stat_ended(&s) ||
            !belongs(tree, &s))
            continue;
        r = add(t, tree, &(struct trn_act_process){.pid = s.pid, .start_boot_ns = trn_stat_start_ns(&s)}, err);
        if (r == 1 && stop)
            r = stop_one(&tree->v[tree->n - 1], join, err);
    }
    closedir(dir);
    if (r < 0)
        return r;
    *ret_new = tree->n - before;
    return 0;
}

int trn_tree_look(const struct trn_act_tools *t, struct trn_tree *tree, struct trn_err *err)
{
    uint32_t found = 1;
    int r = 0;

    for (unsigned i = 0; i < LOOKS_MAX && found > 0 && r == 0; i++)
        r = look_once(t, tree, false, NULL, &found, err);
    return r;
}

/* The worst of its threads: 'T' when all are stopped, 'D' when some wait for what cannot be interrupted, 'R' otherwise. */
static char worst_thread(const struct trn_stat *s)
{
    char path[64], worst = 'T';
    struct trn_stat thread = {0};
    struct dirent *e;
    DIR *dir;

    if (s->threads <= 1)
        return s->state == 'T' || s->state == 't' ? 'T' : s->state == 'D' ? 'D' : 'R';
    (void)snprintf(path, sizeof(path), "/proc/%u/task", s->pid);
    dir = opendir(path);
    while (dir && worst != 'R' && (e = readdir(dir))) {
        uint64_t tid;

        if (trn_str_u64(trn_str_of(e->d_name), &tid) != 0 || tid > UINT32_MAX ||
            trn_thread_read(s->pid, (uint32_t)tid, &thread) != 0 || thread.state == 'Z' || thread.state == 'X' ||
            thread.state == 'T' || thread.state == 't')
            continue;
        worst = thread.state == 'D' ? 'D' : 'R';
    }
    if (dir)
        closedir(dir);
    return worst;
}

char trn_tree_state(struct trn_tree_one *one)
{
    struct trn_stat s = {0};

    if (has_ended(one) || trn_stat_read(one->pid, &s) != 0 || has_ended(one))
        return 'X';
    return worst_thread(&s);
}

/* Until every one that was told is stopped. */
static int wait_stopped(struct trn_tree *tree, uint64_t deadline_mono_ns, struct trn_err *err)
{
    for (uint32_t i = 0; i < tree->n; i++) {
        struct trn_tree_one *one = &tree->v[i];
        unsigned waiting = 0;

        while (!one->settled) {
            char state = trn_tree_state(one);

            waiting = state == 'D' ? waiting + 1 : 0;
            one->settled = state == 'T' || state == 'X' || waiting >= WAITING_LOOKS;
            if (one->settled)
                break;
            if (trn_mono_ns() > deadline_mono_ns)
                return trn_fail(err, -ETIMEDOUT, "process %u did not stop in time", one->pid);
            (void)usleep(PAUSE_US);
        }
    }
    return 0;
}

/* One that the kernel says was forked by one of the tree: stopped first, looked at afterwards, since it may fork and end
 * within the time that looking takes. 1: joined. */
static int add_forked(const struct trn_act_tools *t, struct trn_tree *tree, uint32_t pid,
                      const struct trn_tree_join *join, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct trn_stat s = {0};
    int r;

    if (fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0);
    if (fd >= 0 && trn_stat_read(pid, &s) == 0 && !trn_stat_ended(&s)) {
        r = add(t, tree, &(struct trn_act_process){.pid = pid, .start_boot_ns = trn_stat_start_ns(&s)}, err);
        if (r == 1) {
            tree->v[tree->n - 1].was_stopped = false;
            return stop_one(&tree->v[tree->n - 1], join, err) < 0 ? err->code : 1;
        }
        if (r < 0) {
            (void)syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
            return r;
        }
    }
    return add_ended(tree, pid, false, err); /* what it forked is told behind it */
}

static int keep_told(struct trn_tree *tree, uint32_t parent, uint32_t child)
{
    if (tree->n_told == tree->cap_told) {
        uint32_t cap = tree->cap_told ? tree->cap_told * 2 : 64;
        struct trn_fork *more = reallocarray(tree->told, cap, sizeof(*more));

        if (!more)
            return -ENOMEM;
        tree->told = more;
        tree->cap_told = cap;
    }
    tree->told[tree->n_told++] = (struct trn_fork){parent, child};
    return 0;
}

/* All that was told up to now, and belongs. */
static int follow(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *join,
                  uint32_t *ret_new, struct trn_err *err)
{
    uint32_t before = tree->n, last;
    int r = 0, got = 0;

    do {
        struct trn_fork f;

        last = tree->n;
        while (tree->follow_fd >= 0 && r == 0 &&
               (got = trn_follow_next(tree->follow_fd, &tree->forks, &f.parent, &f.child)) == 1)
            r = keep_told(tree, f.parent, f.child);
        if (got < 0 || r < 0) {
            tree->follow_fd = trn_follow_close(tree->follow_fd);
            tree->n_told = 0;
            r = 0;
        }
        for (uint32_t i = 0; i < tree->n_told && r >= 0; i++) {
            f = tree->told[i];
            if (f.child && known(tree, f.parent)) {
                tree->told[i].child = 0;
                r = known(tree, f.child) ? 0 : add_forked(t, tree, f.child, join, err);
            }
        }
        r = r > 0 ? 0 : r;
    } while (r == 0 && tree->n > last);
    if (r < 0)
        return r;
    *ret_new = tree->n - before;
    return 0;
}

int trn_tree_stop(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *join,
                  uint64_t deadline_mono_ns, struct trn_err *err)
{
    uint32_t found = 1, forked;
    int r = 0;

    trn_tree_follow(tree);
    for (uint32_t i = 0; i < tree->n && r == 0; i++) {
        if (!tree->v[i].told_stop && !has_ended(&tree->v[i]))
            r = stop_one(&tree->v[i], join, err);
    }
    while (r == 0 && found > 0) {
        r = follow(t, tree, join, &forked, err);
        if (r == 0)
            r = wait_stopped(tree, deadline_mono_ns, err);
        if (r == 0)
            r = look_once(t, tree, true, join, &found, err);
        if (r == 0)
            r = follow(t, tree, join, &forked, err);
        found += r == 0 ? forked : 0;
        if (r == 0 && found > 0 && trn_mono_ns() > deadline_mono_ns)
            r = trn_fail(err, -ETIMEDOUT, "new processes kept appearing");
    }
    return r;
}

int trn_tree_late(const struct trn_act_tools *t, struct trn_tree *tree, const struct trn_tree_join *join,
                  uint32_t *ret_new, struct trn_err *err)
{
    return follow(t, tree, join, ret_new, err);
}

void trn_tree_unfollow(struct trn_tree *tree)
{
    tree->follow_fd = trn_follow_close(tree->follow_fd);
    tree->n_told = 0;
}

uint32_t trn_tree_continue(struct trn_tree *tree)
{
    uint32_t n = 0;

    /* Parents last: who was stopped waiting for a child finds it running. */
    for (uint32_t i = tree->n; i-- > 0;) {
        struct trn_tree_one *one = &tree->v[i];

        if (one->told_stop && !one->was_stopped && syscall(SYS_pidfd_send_signal, one->pidfd, SIGCONT, NULL, 0) == 0)
            n++;
        one->told_stop = one->settled = false;
    }
    return n;
}

void trn_tree_unsettle(struct trn_tree *tree)
{
    for (uint32_t i = 0; i < tree->n; i++)
        tree->v[i].settled = tree->v[i].ended;
}

uint32_t trn_tree_signal(const struct trn_tree *tree, int signal)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tree->n; i++) {
        if (!tree->v[i].ended && syscall(SYS_pidfd_send_signal, tree->v[i].pidfd, signal, NULL, 0) == 0)
            n++;
    }
    return n;
}

uint32_t trn_tree_met(const struct trn_tree *tree)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tree->n; i++)
        n += tree->v[i].pidfd >= 0;
    return n;
}

uint32_t trn_tree_alive(struct trn_tree *tree)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tree->n; i++)
        n += !has_ended(&tree->v[i]);
    return n;
}

int trn_tree_left(const struct trn_tree *tree, uint32_t *ret_left)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    struct trn_stat s = {0};
    uint64_t pid;
    uint32_t n = 0;

    if (!dir)
        return -errno;
    while ((e = readdir(dir))) {
        const struct trn_tree_one *leader;

        if (trn_str_u64(trn_str_of(e->d_name), &pid) != 0 || pid > UINT32_MAX ||
            trn_stat_read((uint32_t)pid, &s) != 0 || trn_stat_ended(&s))
            continue;
        leader = known(tree, s.session);
        n += known(tree, s.parent) || (leader && leader->leads);
    }
    closedir(dir);
    *ret_left = n;
    return 0;
}

void trn_tree_lines(const struct trn_tree *tree, struct trn_buf *out)
{
    uint32_t met = trn_tree_met(tree), told = 0;

    for (uint32_t i = 0; i < tree->n && told < LINES_MAX; i++) {
        TRN_AUTO(trn_fd_closep) int fd = -1;
        char path[32], name[64], shown[256];
        ssize_t n;

        if (tree->v[i].pidfd < 0)
            continue;
        told++;
        (void)snprintf(path, sizeof(path), "/proc/%u/comm", tree->v[i].pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? 0 : read(fd, name, sizeof(name));
        n -= n > 0 && name[n - 1] == '\n';
        trn_put_fmt(out, "  %u %s\n", tree->v[i].pid,
                    n > 0 ? trn_escape_into(shown, sizeof(shown), (struct trn_str){name, (size_t)n}) : "(ended)");
    }
    if (met > told)
        trn_put_fmt(out, "  and %u more\n", met - told);
}
