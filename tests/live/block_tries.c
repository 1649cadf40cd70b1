/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: tries to start, load or open one file in every way that a program can, and says how each attempt ended:
 * "ran" (it was started, mapped or opened), "refused" (EPERM), "killed", or the name of another error. What it starts is
 * a copy of /usr/bin/true.
 *
 *   block-tries WAY FILE [COUNT]      with COUNT: {"ran":N,"refused":N,"killed":N,"other":N}
 *   ways    exec execveat opath thread vfork open uring map memfd memfd-map fresh renamed loader
 *           interpreter dlopen
 *   block-tries kept WAY FILE         opened first, then waits for a line: exec, map, protect, read
 *   block-tries received WAY FILE     the same, with a descriptor that came over a socket
 * memfd takes FILE as the source of what the memory file holds. fresh and renamed make FILE first, of $TRIES_SOURCE.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { RAN, REFUSED, KILLED, OTHER, ENDS };
static const char *const words[ENDS] = {"ran", "refused", "killed", "other"};

struct way {
    const char *name;
    int (*run)(const char *file, int fd); /* in a child: 0 done, or an errno; does not return from an exec */
};

static int by_exec(const char *file, int fd)
{
    char *argv[] = {(char *)(uintptr_t)file, NULL};
    execve(file, argv, environ);
    return errno;
}

static int by_descriptor(int fd)
{
    char *argv[] = {(char *)(uintptr_t) "tried", NULL};
    syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    return errno;
}

/* As a program's argument: no exec of the file itself. */
static int by_loader(const char *file, int fd)
{
    char *argv[] = {(char *)(uintptr_t) "/lib64/ld-linux-x86-64.so.2", (char *)(uintptr_t)file, NULL};
    int null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    execve(argv[0], argv, environ);
    argv[0] = (char *)(uintptr_t) "/lib/ld-linux-aarch64.so.1";
    execve(argv[0], argv, environ);
    return errno;
}

static int by_interpreter(const char *file, int fd)
{
    char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t)file, NULL};
    int null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    execve(argv[0], argv, environ);
    return errno;
}

static int by_dlopen(const char *file, int fd)
{
    const char *why;
    if (dlopen(file, RTLD_NOW))
        return 0;
    why = dlerror();
    return why && strstr(why, strerror(EPERM)) ? EPERM : ENOEXEC;
}

static int by_execveat(const char *file, int fd)
{
    fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : by_descriptor(fd);
}

static int by_opath(const char *file, int fd)
{
    fd = open(file, O_PATH | O_CLOEXEC);
    return fd < 0 ? errno : by_descriptor(fd);
}

struct in_thread {
    const char *file;
    int result;
};

static void *thread_main(void *arg)
{
    struct in_thread *t = arg;
    t->result = by_exec(t->file, -1);
    return NULL;
}

static int by_thread(const char *file, int fd)
{
    struct in_thread t = {file, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, &t) != 0)
        return ENOMEM;
    pthread_join(thread, NULL);
    return t.result;
}

static int by_open(const char *file, int fd)
{
    fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int by_uring(const char *file, int fd)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    int r = io_uring_queue_init(2, &ring, 0);
    if (r < 0)
        return ENOSYS;
    io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    r = io_uring_submit_and_wait(&ring, 1);
    r = r < 0 ? r : io_uring_wait_cqe(&ring, &cqe);
    return r < 0 ? -r : cqe->res < 0 ? -cqe->res : 0;
}

static int by_map_of(int fd)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int by_map(const char *file, int fd)
{
    fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : by_map_of(fd);
}

static int copy_to(const char *file, int to)
{
    static char piece[1 << 16];
    int from = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while (from >= 0 && to >= 0 && (n = read(from, piece, sizeof piece)) > 0) {
        if (write(to, piece, (size_t)n) != n)
            return -1;
    }
    close(from);
    return from < 0 ? -1 : to;
}

static int memory_copy(const char *file)
{
    return copy_to(file, memfd_create("tried", MFD_CLOEXEC));
}

static int by_fresh(const char *file, int fd)
{
    unlink(file);
    fd = copy_to(getenv("TRIES_SOURCE"), open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (fd < 0)
        return EIO;
    close(fd);
    return by_exec(file, -1);
}

static int by_renamed(const char *file, int fd)
{
    char other[4096];
    snprintf(other, sizeof other, "%s.new", file);
    unlink(other);
    fd = copy_to(getenv("TRIES_SOURCE"), open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (fd < 0 || rename(other, file) != 0)
        return EIO;
    close(fd);
    return by_exec(file, -1);
}

static int by_memfd(const char *file, int fd)
{
    fd = memory_copy(file);
    return fd < 0 ? errno : by_descriptor(fd);
}

static int by_memfd_map(const char *file, int fd)
{
    fd = memory_copy(file);
    return fd < 0 ? errno : by_map_of(fd);
}

static int kept_exec(const char *file, int fd)
{
    return by_descriptor(fd);
}

static int kept_map(const char *file, int fd)
{
    return by_map_of(fd);
}

static int kept_protect(const char *file, int fd)
{
    void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    return at == MAP_FAILED || mprotect(at, 4096, PROT_READ | PROT_EXEC) != 0 ? errno : 0;
}

static int kept_read(const char *file, int fd)
{
    char c;
    return pread(fd, &c, 1, 0) == 1 ? 0 : errno;
}

static const struct way ways[] = {{"exec", by_exec},        {"execveat", by_execveat}, {"opath", by_opath},
                                  {"thread", by_thread},    {"open", by_open},         {"uring", by_uring},
                                  {"map", by_map},          {"memfd", by_memfd},       {"memfd-map", by_memfd_map},
                                  {"kept-exec", kept_exec}, {"kept-map", kept_map},    {"kept-protect", kept_protect},
                                  {"kept-read", kept_read}, {"vfork", NULL},           {"fresh", by_fresh},
                                  {"renamed", by_renamed},  {"loader", by_loader},     {"interpreter", by_interpreter},
                                  {"dlopen", by_dlopen}};

static int end_of(int status, int error)
{
    if (error)
        return error == EPERM ? REFUSED : OTHER;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGKILL ? KILLED : OTHER;
    return WEXITSTATUS(status) == 0 ? RAN : REFUSED; /* the loader, the interpreter: they could not read it */
}

static int attempt_vfork(const char *file)
{
    volatile int error = 0;
    int status = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        error = by_exec(file, -1);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return end_of(status, error);
}

static int attempt(const struct way *way, const char *file, int fd)
{
    int pipe_fds[2], status = 0, error = 0;
    if (!way->run)
        return attempt_vfork(file);
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return OTHER;
    pid_t pid = fork();
    if (pid == 0) {
        error = way->run(file, fd);
        if (write(pipe_fds[1], &error, sizeof error) != sizeof error)
            _exit(1);
        _exit(0);
    }
    close(pipe_fds[1]);
    ssize_t n = read(pipe_fds[0], &error, sizeof error);
    close(pipe_fds[0]);
    waitpid(pid, &status, 0);
    return pid < 0 ? OTHER : end_of(status, n == sizeof error ? error : 0);
}

static const struct way *way_of(const char *prefix, const char *name)
{
    char full[32];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].name, full) == 0)
            return &ways[i];
    }
    fprintf(stderr, "block-tries: no way '%s'\n", full);
    exit(2);
}

/* Over a socket and back: what another process has opened. */
static int received(const char *file)
{
    int pair[2], fd = open(file, O_RDONLY | O_CLOEXEC);
    char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 'x';
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(pair[0], &m, 0) != 1)
        return -1;
    close(fd);
    m.msg_controllen = sizeof control;
    if (recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) != 1 || !(c = CMSG_FIRSTHDR(&m)))
        return -1;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static int later(int argc, char **argv)
{
    const struct way *way = way_of("kept-", argv[2]);
    int fd = argv[1][0] == 'r' ? -1 : open(argv[3], O_RDONLY | O_CLOEXEC);
    if (argv[1][0] != 'r' && fd < 0)
        return 1;
    if (argv[1][0] == 'r')
        fd = received(argv[3]);
    puts("ready");
    fflush(stdout);
    if (fd < 0 || getchar() == EOF)
        return 1;
    puts(words[attempt(way, argv[3], fd)]);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long ends[ENDS] = {0};
    if (argc == 4 && (strcmp(argv[1], "kept") == 0 || strcmp(argv[1], "received") == 0))
        return later(argc, argv);
    if (argc < 3 || argc > 4)
        return 2;
    const struct way *way = way_of("", argv[1]);
    setenv("TRIES_SOURCE", argv[2], 0);
    if (argc == 3) {
        puts(words[attempt(way, argv[2], -1)]);
        return 0;
    }
    for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--)
        ends[attempt(way, argv[2], -1)]++;
    printf("{\"ran\":%lu,\"refused\":%lu,\"killed\":%lu,\"other\":%lu}\n", ends[RAN], ends[REFUSED], ends[KILLED],
           ends[OTHER]);
    return 0;
}
