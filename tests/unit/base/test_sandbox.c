/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does each wall hold when somebody inside tries to climb it? Every test forks, enters a profile and
 * acts; the kernel's answer is what is asserted.
 */
#include "base/base.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPARE_ID 64901
#define RELAXED 99 /* exit code: sanitizer build, the wall is not all there */
#define KILLED (128 + SIGSYS)

static char state[] = "/tmp/trn-test-sandbox-XXXXXX";

/* What one act inside gave: its exit code, or 128 + signal. */
static int inside(enum trn_sandbox_profile profile, int (*act)(void), bool needs_all)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        bool guard = profile == TRN_SANDBOX_GUARD;
        struct trn_err err = {0};
        struct trn_sandbox_result result;
        struct trn_sandbox_options o = {
            .profile = profile,
            .uid = guard ? (uid_t)-1 : SPARE_ID,
            .gid = guard ? (gid_t)-1 : SPARE_ID,
            .keep_cap_kill = guard,
            .state_dir = profile == TRN_SANDBOX_ENGINE ? state : NULL,
            .max_files = 64,
            .max_memory = 1ull << 30,
        };
        uint8_t warm[TRN_SHA256_SIZE];
        if (trn_sha256("", 0, warm) < 0 || trn_sandbox_enter(&o, &result, &err) < 0) {
            fprintf(stderr, "%s\n", err.message);
            _exit(98);
        }
        _exit(needs_all && result.relaxed ? RELAXED : act());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void need_root(void)
{
    if (geteuid() != 0)
        cr_skip("needs root to change users");
}

static void setup(void)
{
    need_root();
    cr_assert_not_null(mkdtemp(state));
    cr_assert_eq(chown(state, SPARE_ID, SPARE_ID), 0);
}

static void teardown(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/f", state);
    (void)unlink(path);
    (void)rmdir(state);
}

/* A skip leaves the test at once, without its .fini. */
static void skip(const char *why)
{
    teardown();
    cr_skip("%s", why);
}

/* Every profile must refuse the act; a relaxed build cannot say. */
static void refused_from(enum trn_sandbox_profile from, int (*act)(void), const char *what)
{
    for (int p = (int)from; p < TRN_SANDBOX_PROFILE_MAX; p++) {
        int got = inside((enum trn_sandbox_profile)p, act, true);
        if (got == RELAXED)
            skip("sanitizer build: its own system calls are let through");
        cr_assert_eq(got, KILLED, "profile %d, %s: %d", p, what, got);
    }
}

static int open_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int execute(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0;
}

static int load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) < 0;
}

static int read_parent_memory(void)
{
    char c;
    struct iovec v = {&c, 1};
    return syscall(SYS_process_vm_readv, getppid(), &v, 1, &v, 1, 0) < 0;
}

static int make_namespace(void)
{
    return syscall(SYS_unshare, 0x10000000) < 0;
}

static int map_executable(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int make_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0;
}

static int open_secret(void)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? 10 : 11;
}

Test(sandbox, nobody_opens_a_socket, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_GUARD, open_socket, "socket");
}

Test(sandbox, nobody_executes, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_GUARD, execute, "execve");
}

Test(sandbox, nobody_traces_or_reads_others, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_GUARD, trace_parent, "ptrace");
    refused_from(TRN_SANDBOX_GUARD, read_parent_memory, "process_vm_readv");
}

Test(sandbox, nobody_loads_bpf_or_leaves_its_namespaces, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_GUARD, load_bpf, "bpf");
    refused_from(TRN_SANDBOX_GUARD, make_namespace, "unshare");
}

Test(sandbox, nobody_makes_memory_executable, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_GUARD, map_executable, "mmap");
    refused_from(TRN_SANDBOX_GUARD, make_executable, "mprotect");
}

Test(sandbox, only_the_engine_opens_files_and_only_its_own, .init = setup, .fini = teardown)
{
    refused_from(TRN_SANDBOX_INSPECT_SERVER, open_secret, "openat");
    int got = inside(TRN_SANDBOX_ENGINE, open_secret, true);
    cr_assert(got == 10 || got == RELAXED, "landlock refuses what is outside the state folder: %d", got);
}

static int do_fork(void)
{
    return fork() < 0;
}

Test(sandbox, engine_and_worker_do_not_fork, .init = setup, .fini = teardown)
{
    int got = inside(TRN_SANDBOX_ENGINE, do_fork, true);
    cr_assert(got == KILLED || got == RELAXED, "engine: %d", got);
    got = inside(TRN_SANDBOX_INSPECT_WORKER, do_fork, true);
    cr_assert(got == KILLED || got == RELAXED, "worker: %d", got);
    got = inside(TRN_SANDBOX_SCAN_WORKER, do_fork, true);
    cr_assert(got == KILLED || got == RELAXED, "scan worker: %d", got);
}

static int kill_parent(void)
{
    return kill(getppid(), 0) < 0 ? 10 : 11;
}

Test(sandbox, nobody_signals_its_parent, .init = setup, .fini = teardown)
{
    cr_assert_eq(inside(TRN_SANDBOX_ENGINE, kill_parent, false), KILLED);
    cr_assert_eq(inside(TRN_SANDBOX_INSPECT_WORKER, kill_parent, false), KILLED);
    cr_assert_eq(inside(TRN_SANDBOX_SCAN_WORKER, kill_parent, false), KILLED);
    cr_assert_eq(inside(TRN_SANDBOX_INSPECT_SERVER, kill_parent, false), 10, "another user, another domain");
}

static void *in_thread(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

/* What the engine lives on: files in its folder as SQLite uses them, a thread, a timer, a given socket. */
static int engine_work(void)
{
    char path[128], other[140];
    int ran = 0, one = 1;
    pthread_t thread;
    struct stat st;
    snprintf(path, sizeof(path), "%s/f", state);
    snprintf(other, sizeof(other), "%s/g", state);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fd < 0 || pwrite(fd, "abc", 3, 0) != 3 || fdatasync(fd) < 0 || ftruncate(fd, 1) < 0)
        return 2;
    if (fcntl(fd, F_SETLK, &lock) < 0 || fstat(fd, &st) < 0 || st.st_size != 1)
        return 3;
    if (rename(path, other) < 0 || unlink(other) < 0 || stat(other, &st) == 0)
        return 4;
    if (pthread_create(&thread, NULL, in_thread, &ran) != 0 || pthread_join(thread, NULL) != 0 || !ran)
        return 5;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        return 6;
    if (isatty(fd) || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)) == 0)
        return 7;
    return getuid() == SPARE_ID && getgid() == SPARE_ID ? 42 : 8;
}

Test(sandbox, the_engine_can_do_its_work, .init = setup, .fini = teardown)
{
    cr_assert_eq(inside(TRN_SANDBOX_ENGINE, engine_work, false), 42);
}

static int given = -1;

static int worker_work(void)
{
    uint8_t sum[TRN_SHA256_SIZE];
    char head[4];
    void *big = malloc(1 << 20);
    if (!big || trn_pread_full(given, head, 4, 0) < 0 ||
        memcmp(head,
               "\x7f"
               "ELF",
               4) != 0)
        return 2;
    memset(big, 1, 1 << 20);
    if (trn_sha256(big, 1 << 20, sum) < 0)
        return 3;
    free(big);
    return write(STDERR_FILENO, "", 0) == 0 ? 42 : 4;
}

/* Fork, the strict filter on top of the server's, a job, and its end seen by the server. */
static int server_work(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct trn_sandbox_options o = {.profile = TRN_SANDBOX_INSPECT_WORKER,
                                        .uid = (uid_t)-1,
                                        .gid = (gid_t)-1,
                                        .max_memory = 512ull << 20,
                                        .max_cpu_sec = 5};
        struct trn_err err;
        _exit(trn_sandbox_enter(&o, NULL, &err) < 0 ? 5 : worker_work());
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
        return 6;
    pid = fork();
    if (pid == 0)
        for (;;)
            sched_yield();
    if (pid < 0 || kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid)
        return 7;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 42 : 8;
}

/* A file in, a file taken from a socket, a scratch file written. */
static int scan_work(void)
{
    uint8_t buf[TRN_IPC_MAX];
    struct trn_msg m;
    if (trn_ipc_recv(given, buf, sizeof(buf), &m) < 0 || m.n_fds != 1)
        return 2;
    int scratch = trn_msg_take_fd(&m, 0);
    if (pwrite(scratch, "turn", 4, 0) != 4 || ftruncate(scratch, 2) < 0 || pread(scratch, buf, 4, 0) != 2)
        return 3;
    return 42;
}

Test(sandbox, a_scan_worker_takes_a_file_and_writes_its_scratch_file, .init = setup, .fini = teardown)
{
    int pair[2], scratch = memfd_create("scratch", MFD_CLOEXEC);
    cr_assert(scratch >= 0 && trn_ipc_pair(pair, 0) == 0);
    given = pair[1];
    cr_assert_eq(trn_ipc_send(pair[0], 1, TRN_STR("x"), &scratch, 1), 0);
    cr_assert_eq(inside(TRN_SANDBOX_SCAN_WORKER, scan_work, false), 42);
    trn_fd_close(pair[0]);
    trn_fd_close(pair[1]);
    trn_fd_close(scratch);
}

Test(sandbox, a_worker_can_do_its_work_inside_the_server, .init = setup, .fini = teardown)
{
    given = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(given, 0);
    cr_assert_eq(inside(TRN_SANDBOX_INSPECT_WORKER, worker_work, false), 42);
    cr_assert_eq(inside(TRN_SANDBOX_INSPECT_SERVER, server_work, false), 42);
    trn_fd_close(given);
}

static int guard_work(void)
{
    if (syscall(SYS_pidfd_send_signal, given, SIGCONT, NULL, 0) < 0 || getuid() != 0)
        return 2;
    return 42;
}

Test(sandbox, the_guard_signals_another_user_with_cap_kill_alone, .init = setup, .fini = teardown)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(SPARE_ID, SPARE_ID, SPARE_ID) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    given = (int)syscall(SYS_pidfd_open, pid, 0);
    cr_assert_eq(inside(TRN_SANDBOX_GUARD, guard_work, false), 42);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    trn_fd_close(given);
}

static int wait_there(void)
{
    char c;
    return read(given, &c, 1) == 1;
}

/* A sibling of the same user: seccomp aside, the kernel itself must refuse. */
Test(sandbox, a_sibling_of_the_same_user_cannot_trace, .init = setup, .fini = teardown, .timeout = 20)
{
    int p[2];
    cr_assert_eq(pipe2(p, O_CLOEXEC), 0);
    given = p[0];
    pid_t watcher = fork();
    if (watcher == 0) {
        trn_fd_close(p[1]);
        _exit(inside(TRN_SANDBOX_ENGINE, wait_there, true));
    }
    usleep(300000);
    char children[64], line[32] = "";
    snprintf(children, sizeof(children), "/proc/%d/task/%d/children", (int)watcher, (int)watcher);
    TRN_AUTO(trn_fd_closep) int fd = open(children, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    int target = n > 0 ? atoi(line) : 0;
    int climbed = 0;
    pid_t sibling = fork();
    if (sibling == 0) {
        if (setresgid(SPARE_ID, SPARE_ID, SPARE_ID) < 0 || setresuid(SPARE_ID, SPARE_ID, SPARE_ID) < 0)
            _exit(2);
        _exit(ptrace(PTRACE_ATTACH, target, NULL, NULL) == 0 ? 1 : errno == EPERM ? 0 : 3);
    }
    waitpid(sibling, &climbed, 0);
    trn_fd_close(p[1]);
    trn_fd_close(p[0]);
    waitpid(watcher, NULL, 0);
    if (target == 0)
        skip("no sandboxed sibling to try (sanitizer build, or /proc without children)");
    cr_assert_eq(climbed, 0, "status %x", (unsigned)climbed);
}

Test(sandbox, not_root_and_nonsense_are_errors)
{
    struct trn_err err = {0};
    struct trn_sandbox_options o = {.profile = (enum trn_sandbox_profile)99};
    cr_assert_eq(trn_sandbox_enter(&o, NULL, &err), -EINVAL);
    cr_assert_gt(strlen(err.message), 0);
    if (geteuid() != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        struct trn_sandbox_options user = {.profile = TRN_SANDBOX_ENGINE, .uid = SPARE_ID, .gid = SPARE_ID};
        if (setresgid(2, 2, 2) < 0 || setresuid(2, 2, 2) < 0)
            _exit(9);
        int r = trn_sandbox_enter(&user, NULL, &err);
        _exit(r == -EPERM && strlen(err.hint) > 0 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
}

static int use_much_memory(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_max != 64)
        return 2;
    return malloc(2ull << 30) == NULL ? 42 : 3;
}

Test(sandbox, limits_hold, .init = setup, .fini = teardown)
{
    int got = inside(TRN_SANDBOX_ENGINE, use_much_memory, true);
    cr_assert(got == 42 || got == RELAXED, "%d", got);
}
