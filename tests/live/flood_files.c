/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: a flood of opens of files that nobody has seen, and of starts of programs that nobody has seen, in a folder
 * that the caller made; it says the longest time that any of them took. Inert: its programs are copies of itself that
 * end at once.
 *   flood-files FOLDER MS OPENERS STARTERS   "ready", then one line of JSON at the end
 *   flood-files --burst FOLDER N             the same: N files, opened at once by N processes
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 512
#define PATIENCE_NS (8ull * 1000000000ull) /* beyond the end: who has not come back by then hangs */
#define QUICK_NS (300ull * 1000000ull)

struct worker { /* shared with it */
    uint64_t opens, starts, refused, killed, failed, longest_open_ns, longest_start_ns;
    uint64_t busy_since_ns; /* of an open or a start that has not come back */
    bool starting;
};

struct shared {
    int go;
    struct worker w[WORKERS_MAX];
};

static char *self;
static size_t self_size;

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int number(const char *text)
{
    unsigned long n = strtoul(text, NULL, 10);

    return n > 60000 ? 60000 : (int)n;
}

static int read_self(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    off_t n = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (n <= 0)
        return -1;
    self_size = (size_t)n;
    self = malloc(self_size);
    int r = self && pread(fd, self, self_size, 0) == (ssize_t)self_size ? 0 : -1;
    close(fd);
    return r;
}

/* ---- one open, one start ---- */

static void begin(struct worker *w, bool starting)
{
    __atomic_store_n(&w->starting, starting, __ATOMIC_RELAXED);
    __atomic_store_n(&w->busy_since_ns, now_ns(), __ATOMIC_RELEASE);
}

static uint64_t end(struct worker *w)
{
    uint64_t took = now_ns() - w->busy_since_ns, *longest = w->starting ? &w->longest_start_ns : &w->longest_open_ns;

    if (took > *longest)
        *longest = took;
    __atomic_store_n(&w->busy_since_ns, 0, __ATOMIC_RELEASE);
    return took;
}

static void count_error(struct worker *w)
{
    if (errno == EPERM)
        w->refused++;
    else
        w->failed++;
}

static int timed_open(struct worker *w, const char *path, int flags)
{
    begin(w, false);
    int fd = open(path, flags | O_CLOEXEC, 0755);
    int e = errno;
    (void)end(w);
    w->opens++;
    errno = e;
    if (fd < 0)
        count_error(w);
    return fd;
}

/* Another content each time: this program and a number. */
static bool make(struct worker *w, const char *path, uint64_t number)
{
    int fd = timed_open(w, path, O_WRONLY | O_CREAT | O_EXCL);

    if (fd < 0)
        return false;
    bool good = write(fd, self, self_size) == (ssize_t)self_size && write(fd, &number, sizeof number) > 0;
    close(fd);
    return good;
}

static void start(struct worker *w, const char *path)
{
    int status = 0;

    begin(w, true);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl(path, path, "--end", (char *)NULL);
        _exit(errno == EPERM ? 126 : 127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)end(w);
    w->starts++;
    w->killed += WIFSIGNALED(status);
    w->refused += WIFEXITED(status) && WEXITSTATUS(status) == 126;
    w->failed += WIFEXITED(status) && WEXITSTATUS(status) == 127;
}

static void work(struct worker *w, const char *folder, bool starter, uint64_t until)
{
    char path[4096];

    for (uint64_t i = 0; now_ns() < until; i++) {
        (void)snprintf(path, sizeof path, "%s/f-%d-%llu", folder, getpid(), (unsigned long long)i);
        if (make(w, path, (uint64_t)getpid() << 32 | i)) {
            if (starter) {
                start(w, path);
            } else {
                int fd = timed_open(w, path, O_RDONLY);
                if (fd >= 0)
                    close(fd);
            }
        }
        (void)unlink(path);
    }
}

/* ---- all of them ---- */

static void report(const struct shared *s, int n, uint64_t hung)
{
    struct worker all = {0};
    uint64_t now = now_ns();

    for (int i = 0; i < n; i++) {
        const struct worker *w = &s->w[i];
        uint64_t since = __atomic_load_n(&w->busy_since_ns, __ATOMIC_ACQUIRE), rest = since ? now - since : 0;
        uint64_t o = !w->starting && rest > w->longest_open_ns ? rest : w->longest_open_ns;
        uint64_t t = w->starting && rest > w->longest_start_ns ? rest : w->longest_start_ns;
        all.opens += w->opens;
        all.starts += w->starts;
        all.refused += w->refused;
        all.killed += w->killed;
        all.failed += w->failed;
        all.longest_open_ns = o > all.longest_open_ns ? o : all.longest_open_ns;
        all.longest_start_ns = t > all.longest_start_ns ? t : all.longest_start_ns;
    }
    printf("{\"opens\":%llu,\"starts\":%llu,\"refused\":%llu,\"killed\":%llu,\"failed\":%llu,\"hung\":%llu,"
           "\"longest_open\":%.3f,\"longest_start\":%.3f",
           (unsigned long long)all.opens, (unsigned long long)all.starts, (unsigned long long)all.refused,
           (unsigned long long)all.killed, (unsigned long long)all.failed, (unsigned long long)hung,
           (double)all.longest_open_ns / 1e9, (double)all.longest_start_ns / 1e9);
}

/* How many have not come back; those are ended. */
static uint64_t wait_for(const pid_t *pids, int n, uint64_t until)
{
    bool gone[WORKERS_MAX] = {false};
    int left = n;

    while (left > 0 && now_ns() < until) {
        for (int i = 0; i < n; i++) {
            if (gone[i] || waitpid(pids[i], NULL, WNOHANG) == 0)
                continue;
            gone[i] = true;
            left--;
        }
        (void)usleep(5000);
    }
    for (int i = 0; i < n; i++)
        if (!gone[i])
            (void)kill(pids[i], SIGKILL);
    return (uint64_t)left;
}

static int flood(struct shared *s, char **argv)
{
    const int openers = number(argv[3]), starters = number(argv[4]), n = openers + starters;
    const uint64_t until = now_ns() + (uint64_t)number(argv[2]) * 1000000u;
    pid_t pids[WORKERS_MAX];

    if (n > WORKERS_MAX)
        return 2;
    for (int i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            work(&s->w[i], argv[1], i >= openers, until);
            _exit(0);
        }
    }
    printf("ready\n");
    fflush(stdout);
    uint64_t hung = wait_for(pids, n, until + PATIENCE_NS);
    report(s, n, hung);
    printf("}\n");
    return 0;
}

static void open_at_go(struct shared *s, struct worker *w, const char *path)
{
    while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
        (void)usleep(1000);
    int fd = timed_open(w, path, O_RDONLY);
    if (fd >= 0)
        close(fd);
}

static int burst(struct shared *s, const char *folder, int n)
{
    pid_t pids[WORKERS_MAX];
    char path[4096];
    int quick = 0;

    if (n > WORKERS_MAX)
        return 2;
    for (int i = 0; i < n; i++) {
        struct worker not_counted = {0};
        (void)snprintf(path, sizeof path, "%s/b-%d-%d", folder, getpid(), i);
        if (!make(&not_counted, path, (uint64_t)getpid() << 32 | (uint64_t)i))
            return 3;
        pids[i] = fork();
        if (pids[i] == 0) {
            open_at_go(s, &s->w[i], path);
            _exit(0);
        }
    }
    __atomic_store_n(&s->go, 1, __ATOMIC_RELEASE);
    printf("ready\n");
    fflush(stdout);
    uint64_t hung = wait_for(pids, n, now_ns() + PATIENCE_NS);
    for (int i = 0; i < n; i++)
        quick += s->w[i].opens > 0 && s->w[i].longest_open_ns < QUICK_NS;
    report(s, n, hung);
    printf(",\"quick\":%d}\n", quick);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--end") == 0)
        return 0;
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED || read_self() != 0)
        return 3;
    if (argc == 4 && strcmp(argv[1], "--burst") == 0)
        return burst(s, argv[2], number(argv[3]));
    return argc == 5 ? flood(s, argv) : 2;
}
