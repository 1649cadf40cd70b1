/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: starts a program, or loads a library, in one of the ways that the gate must see, and says what became of it.
 *
 *   gate-act run WAY PROGRAM [ARGS]   becomes it: plain, fd, thread, memfd, sealed
 *   gate-act vfork COUNT PROGRAM      a child each; prints how many ended with 0, by SIGKILL, otherwise
 *   gate-act load WAY LIBRARY         dlopen, mmap, protect, legacy (READ_IMPLIES_EXEC); prints "loaded"
 *   gate-act traced - PROGRAM [ARGS]  a child that it traces; prints whether it was killed
 *   gate-act flood COUNT PROGRAM      children that start it as a memory file, while another process sends each of them
 *                                     SIGCONT without end; prints how many of them ran (wrote to descriptor 9)
 *   gate-act late COUNT PROGRAM       the same; the signals begin 0 to 600 us after it is told to go
 *   gate-act time exec|mmap COUNT PROGRAM   prints nanoseconds each
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK_FD 9
#define LATE_US 600u /* an exec takes less */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "gate-act: %s: %s\n", what, strerror(errno));
    exit(3);
}

static unsigned number(const char *text)
{
    unsigned long n = strtoul(text, NULL, 10);

    return n > 0 && n < 10000000 ? (unsigned)n : 1;
}

static int memory_copy(const char *path, bool sealed)
{
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stat st;

    if (from < 0 || to < 0 || fstat(from, &st) != 0 || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
        fail("copy");
    close(from);
    if (sealed && fcntl(to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        fail("seal");
    return to;
}

static void *run_it(void *arg)
{
    char **argv = arg;

    execv(argv[0], argv);
    return NULL;
}

static int run(const char *way, char **argv)
{
    pthread_t thread;
    int fd;

    if (strcmp(way, "plain") == 0) {
        execv(argv[0], argv);
    } else if (strcmp(way, "thread") == 0) {
        if (pthread_create(&thread, NULL, run_it, argv) == 0)
            pthread_join(thread, NULL);
    } else {
        fd = strcmp(way, "fd") == 0 ? open(argv[0], O_RDONLY | O_CLOEXEC)
                                    : memory_copy(argv[0], strcmp(way, "sealed") == 0);
        fexecve(fd, argv, environ);
    }
    fail("exec");
}

static pid_t start(char **argv)
{
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): the way that is asked about */

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static int vforks(unsigned count, char **argv)
{
    unsigned ended = 0, killed = 0, other = 0;

    for (unsigned i = 0; i < count; i++) {
        int status = 0;

        waitpid(start(argv), &status, 0);
        ended += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        other += !(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !WIFSIGNALED(status);
    }
    printf("{\"ended\":%u,\"killed\":%u,\"other\":%u}\n", ended, killed, other);
    return 0;
}

static int load(const char *way, const char *path)
{
    bool legacy = strcmp(way, "legacy") == 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *p;

    if (strcmp(way, "dlopen") == 0) {
        if (!dlopen(path, RTLD_NOW))
            return 5;
    } else if (strcmp(way, "protect") == 0) {
        p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED || mprotect((char *)p + 4096, 4096, PROT_READ | PROT_EXEC) != 0)
            fail("mprotect");
    } else {
        if (legacy && personality(READ_IMPLIES_EXEC) < 0)
            fail("personality");
        p = mmap(NULL, 4096, legacy ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            fail("mmap");
    }
    puts("loaded");
    return 0;
}

/* Started by who traces it, and throws away every signal but SIGKILL. */
static int traced(char **argv)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[0], argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
        ptrace(PTRACE_CONT, pid, NULL, NULL);
    printf("{\"killed\":%d}\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return 0;
}

/* ---- flood ---- */

struct flood {
    volatile pid_t target;
    volatile unsigned wait_us; /* before the first signal */
    volatile bool end;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void send_for_ever(struct flood *f)
{
    while (!f->end) {
        pid_t pid = f->target;
        uint64_t from = now_ns() + f->wait_us * 1000u;

        while (pid > 0 && now_ns() < from)
            ;
        while (pid > 0 && f->target == pid)
            kill(pid, SIGCONT);
    }
    _exit(0);
}

/* One try: whether the program's first instruction ran. */
static bool one_try(struct flood *f, char **argv)
{
    int marks[2], go[2], copy = memory_copy(argv[0], true);
    char byte = 'g';
    bool ran;
    pid_t pid;

    if (pipe2(marks, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0)
        fail("pipe");
    pid = fork();
    if (pid == 0) {
        if (read(go[0], &byte, 1) != 1 || dup2(marks[1], MARK_FD) < 0)
            _exit(3);
        fexecve(copy, argv, environ);
        _exit(4);
    }
    (void)!write(go[1], &byte, 1);
    f->target = pid;
    waitpid(pid, NULL, 0);
    f->target = 0;
    close(marks[1]);
    ran = read(marks[0], &byte, 1) == 1;
    close(marks[0]);
    close(go[0]);
    close(go[1]);
    close(copy);
    return ran;
}

static int flood(unsigned count, bool late, char **argv)
{
    struct flood *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned ran = 0;
    pid_t sender;

    if (f == MAP_FAILED)
        fail("mmap");
    sender = fork();
    if (sender == 0)
        send_for_ever(f);
    for (unsigned i = 0; i < count; i++) {
        f->wait_us = late ? i * 7 % LATE_US : 0;
        ran += one_try(f, argv);
    }
    f->end = true;
    waitpid(sender, NULL, 0);
    printf("{\"tries\":%u,\"ran\":%u}\n", count, ran);
    return 0;
}

/* ---- time ---- */

static int take_time(const char *what, unsigned count, char **argv)
{
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    uint64_t began = now_ns();

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(what, "mmap") == 0) {
            void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

            if (p == MAP_FAILED || munmap(p, 4096) != 0)
                fail("mmap");
        } else {
            waitpid(start(argv), NULL, 0);
        }
    }
    printf("{\"ns\":%llu}\n", (unsigned long long)((now_ns() - began) / (count ? count : 1)));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    if (strcmp(argv[1], "run") == 0)
        return run(argv[2], argv + 3);
    if (strcmp(argv[1], "load") == 0)
        return load(argv[2], argv[3]);
    if (strcmp(argv[1], "traced") == 0)
        return traced(argv + 3);
    if (strcmp(argv[1], "vfork") == 0)
        return vforks(number(argv[2]), argv + 3);
    if (strcmp(argv[1], "flood") == 0 || strcmp(argv[1], "late") == 0)
        return flood(number(argv[2]), argv[1][0] == 'l', argv + 3);
    if (strcmp(argv[1], "time") == 0 && argc > 4)
        return take_time(argv[2], number(argv[3]), argv + 4);
    return 2;
}
