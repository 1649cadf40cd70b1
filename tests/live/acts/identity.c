/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that change who a process is and what it may: users, capabilities, namespaces, cgroup,
 * login, programs of the kernel. Must not own: anything outside the test's own root and cgroup.
 */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER 1000u

/* ---- users: done by this process itself, as the last thing ---- */

enum user_way { SETUID, SETEUID, SETREUID, SETRESUID, SETFSUID, SETGID, SETRESGID, SETGROUPS, SETUID_COMPAT };

static long change_user(enum user_way way)
{
    static const gid_t groups[] = {OTHER};

    switch (way) {
    case SETUID:
        return syscall(SYS_setuid, OTHER);
    case SETEUID:
        return syscall(SYS_setresuid, -1, OTHER, -1);
    case SETREUID:
        return syscall(SYS_setreuid, OTHER, OTHER);
    case SETRESUID:
        return syscall(SYS_setresuid, OTHER, OTHER, OTHER);
    case SETFSUID:
        return syscall(SYS_setfsuid, OTHER) == 0 ? 0 : -1;
    case SETGID:
        return syscall(SYS_setgid, OTHER);
    case SETRESGID:
        return syscall(SYS_setresgid, OTHER, OTHER, OTHER);
    case SETGROUPS:
        return syscall(SYS_setgroups, 1, groups);
    case SETUID_COMPAT:
        return compat_call(213, OTHER, 0, 0, 0, 0);
    }
    return -1;
}

static void user(const struct row *row)
{
    must(change_user((enum user_way)row->number), row->way);
}

/* ---- capabilities ---- */

static char *const words[] = {(char *)"acts", (char *)"END", (char *)"7", NULL};
static char *const no_env[] = {NULL};

static void child_exec(const void *path)
{
    (void)execve(path, words, no_env);
}

static struct __user_cap_data_struct *capabilities(struct __user_cap_header_struct *h)
{
    static struct __user_cap_data_struct d[2];

    *h = (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
    must(syscall(SYS_capget, h, d), "capget");
    return d;
}

static void drop_capability(const struct row *row)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct *d = capabilities(&h);

    d[0].effective &= ~(1u << CAP_NET_RAW);
    must(syscall(SYS_capset, &h, d), "capset");
}

static void raise_capability(const struct row *row)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct *d = capabilities(&h);

    d[0].effective &= ~(1u << CAP_NET_RAW);
    must(syscall(SYS_capset, &h, d), "capset");
    d[0].effective |= 1u << CAP_NET_RAW;
    must(syscall(SYS_capset, &h, d), "capset");
}

static void keep_capabilities(const struct row *row)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct *d = capabilities(&h);

    d[0].inheritable |= 1u << CAP_NET_RAW;
    must(syscall(SYS_capset, &h, d), "capset");
    must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0), "PR_CAP_AMBIENT");
}

static void child_exec_dropped(const void *path)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct *d = capabilities(&h);

    must(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), "PR_CAPBSET_DROP");
    d[0].effective &= ~(1u << CAP_NET_RAW);
    d[0].permitted &= ~(1u << CAP_NET_RAW);
    must(syscall(SYS_capset, &h, d), "capset");
    child_exec(path);
}

struct in_namespace {
    const char *path;
    uint64_t *ret_number; /* shared with the parent */
};

static void child_exec_in_namespace(const void *arg)
{
    const struct in_namespace *n = arg;
    struct stat st;

    must(syscall(SYS_setresuid, OTHER, OTHER, OTHER), "setresuid");
    must(unshare(CLONE_NEWUSER), "unshare");
    must(stat("/proc/self/ns/user", &st), "stat");
    *n->ret_number = st.st_ino;
    child_exec(n->path);
}

/* All capabilities, in a user namespace of its own. */
static void user_namespace(const struct row *row)
{
    must(syscall(SYS_setresuid, OTHER, OTHER, OTHER), "setresuid");
    if (unshare(CLONE_NEWUSER) != 0)
        skip("this kernel refuses user namespaces to users: %s", strerror(errno));
}

static void child_exec_as_user(const void *path)
{
    must(syscall(SYS_setresgid, OTHER, OTHER, OTHER), "setresgid");
    must(syscall(SYS_setresuid, OTHER, OTHER, OTHER), "setresuid");
    (void)execve(path, words, no_env);
}

static const char *own_copy(unsigned mode)
{
    const char *path = fresh("program");

    copy_file(own_program(), path, 0755);
    must(chmod(path, mode), "chmod");
    return path;
}

static void want_seven(int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        fail("what was started ended with %d", status);
}

static void set_user_id_program(const struct row *row)
{
    const char *path = own_copy(04755);

    tell_file(path);
    want_seven(in_child(child_exec_as_user, path));
}

static uint64_t own_capabilities(void)
{
    struct __user_cap_header_struct h;
    const struct __user_cap_data_struct *d = capabilities(&h);

    return d[0].effective | (uint64_t)d[1].effective << 32;
}

static void drop_and_exec(const struct row *row)
{
    const char *path = own_copy(0755);

    tell_file(path);
    tell_number("capabilities", own_capabilities() & ~(uint64_t)(1u << CAP_NET_RAW));
    want_seven(in_child(child_exec_dropped, path));
}

static void user_namespace_exec(const struct row *row)
{
    struct in_namespace n = {.path = own_copy(0755)};

    n.ret_number = mmap(NULL, sizeof(*n.ret_number), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(n.ret_number == MAP_FAILED ? -1 : 0, "mmap");
    tell_file(n.path);
    want_seven(in_child(child_exec_in_namespace, &n));
    tell_number("userns", *n.ret_number);
}

static void file_capability_program(const struct row *row)
{
    static const uint32_t v2[5] = {0x02000001, 1u << CAP_NET_BIND_SERVICE, 0, 0, 0};
    const char *path = own_copy(0755);

    if (syscall(SYS_setxattr, path, "security.capability", v2, sizeof(v2), 0) != 0)
        skip("this file system keeps no file capabilities: %s", strerror(errno));
    tell_file(path);
    tell_number("capabilities", 1u << CAP_NET_BIND_SERVICE);
    want_seven(in_child(child_exec_as_user, path));
}

/* ---- namespaces and containers: told with the program that is run there ---- */

static void tell_namespace(const char *key, const char *name)
{
    struct stat st;

    must(stat(join("/proc/self/ns", name), &st), name);
    tell_number(key, st.st_ino);
}

static void unshare_all(const struct row *row)
{
    const char *path = own_copy(0755);

    must(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP), "unshare");
    tell_namespace("mntns", "mnt");
    tell_namespace("netns", "net");
    tell_file(path);
    want_seven(in_child(child_exec, path));
}

static void new_pid_namespace(const struct row *row)
{
    const char *path = own_copy(0755);

    must(unshare(CLONE_NEWPID), "unshare");
    tell_file(path);
    want_seven(in_child(child_exec, path));
    tell_namespace("pidns", "pid_for_children");
}

static void enter_namespaces(const struct row *row)
{
    const char *path = own_copy(0755);
    int ready[2], fd;
    pid_t holder;
    char byte, place[64];

    must(pipe2(ready, O_CLOEXEC), "pipe");
    holder = (pid_t)must(fork(), "fork");
    if (holder == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        must(unshare(CLONE_NEWNET), "unshare");
        must(write(ready[1], "x", 1), "write");
        for (;;)
            pause();
    }
    must(read(ready[0], &byte, 1), "read");
    (void)snprintf(place, sizeof(place), "/proc/%d/ns/net", (int)holder);
    fd = (int)must(open(place, O_RDONLY | O_CLOEXEC), "open");
    must(setns(fd, CLONE_NEWNET), "setns");
    let_go(holder);
    tell_namespace("netns", "net");
    tell_file(path);
    want_seven(in_child(child_exec, path));
}

static void unshare_alone(const struct row *row)
{
    must(unshare(CLONE_NEWNET), "unshare");
    tell_namespace("netns", "net");
}

#define CONTAINER "4e2d5d3c2b1a09f8e7d6c5b4a3928170615243342516070899aabbccddeeff00"

struct born {
    const char *folder, *path;
};

static void child_in_cgroup(const void *arg)
{
    const struct born *b = arg;
    int fd = (int)must(open(join(b->folder, "cgroup.procs"), O_WRONLY | O_CLOEXEC), "open");

    must(write(fd, "0", 1), "write");
    child_exec(b->path);
}

static const char *const container_names[] = {"docker-" CONTAINER ".scope", "libpod-" CONTAINER ".scope",
                                              "cri-containerd-" CONTAINER ".scope", CONTAINER};

static void in_a_container(const struct row *row)
{
    const char *scope = getenv("ACTS_CGROUP");
    struct born b;

    if (!scope)
        skip("ACTS_CGROUP is not set");
    b.folder = join(scope, container_names[row->number]);
    if (mkdir(b.folder, 0755) != 0 && errno != EEXIST)
        fail("mkdir '%s': %s", b.folder, strerror(errno));
    b.path = own_copy(0755);
    tell_file(b.path);
    tell_text("container", CONTAINER);
    want_seven(in_child(child_in_cgroup, &b));
}

/* ---- logins ---- */

static void child_login(const void *path)
{
    int fd = (int)must(open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC), "open");

    must(write(fd, "1000", 4), "write");
    close(fd);
    child_exec(path);
}

static void login(const struct row *row)
{
    const char *path = own_copy(0755);

    if (access("/proc/self/loginuid", W_OK) != 0)
        skip("this kernel knows no login user");
    tell_file(path);
    want_seven(in_child(child_login, path));
}

static void child_su(const void *path)
{
    char *const argv[] = {(char *)"su", (char *)"-c", (char *)(uintptr_t)path, (char *)"alice", NULL};

    (void)execv("/usr/bin/su", argv);
}

static void child_sudo(const void *path)
{
    char *const argv[] = {(char *)"sudo",          (char *)"-n",  (char *)"-u", (char *)"alice",
                          (char *)(uintptr_t)path, (char *)"END", (char *)"7",  NULL};

    (void)execv("/usr/bin/sudo", argv);
}

static void by_su(const struct row *row)
{
    const char *path = own_copy(0755);
    char *command;

    if (access("/usr/bin/su", X_OK) != 0)
        skip("there is no su here");
    must(asprintf(&command, "%s END 7", path), "asprintf");
    tell_file(path);
    want_seven(in_child(child_su, command));
}

static void by_sudo(const struct row *row)
{
    const char *path = own_copy(0755);

    if (access("/usr/bin/sudo", X_OK) != 0)
        skip("there is no sudo here");
    tell_file(path);
    want_seven(in_child(child_sudo, path));
}

/* ---- programs in the kernel ---- */

static int load_program(void)
{
    static const struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}}; /* r0 = 0; exit */
    union bpf_attr attr;
    struct bpf_prog_info info;
    union bpf_attr ask;
    char tag[2 * BPF_TAG_SIZE + 1], *text;
    long fd;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr.insns = (uint64_t)(uintptr_t)code;
    attr.insn_cnt = 2;
    attr.license = (uint64_t)(uintptr_t) "GPL";
    memcpy(attr.prog_name, "acts_idle", 10);
    fd = must(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "BPF_PROG_LOAD");
    memset(&info, 0, sizeof(info));
    memset(&ask, 0, sizeof(ask));
    ask.info.bpf_fd = (uint32_t)fd;
    ask.info.info_len = sizeof(info);
    ask.info.info = (uint64_t)(uintptr_t)&info;
    must(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(ask)), "BPF_OBJ_GET_INFO_BY_FD");
    tell_number("program", info.id);
    for (size_t i = 0; i < sizeof(info.tag); i++)
        (void)snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
    must(asprintf(&text, "acts_idle (%s)", tag), "asprintf");
    tell_text("text", text);
    return (int)fd;
}

static void bpf_load(const struct row *row)
{
    (void)load_program();
}

static void bpf_unload(const struct row *row)
{
    close(load_program());
}

static void classic_filter(const struct row *row)
{
    struct sock_filter code[] = {{.code = BPF_RET | BPF_K, .k = 0xffff}};
    struct sock_fprog program = {.len = 1, .filter = code};
    int fd = (int)must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

    must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "SO_ATTACH_FILTER");
}

/* ---- the machine ---- */

/* Over a file of the act's own, in a mount namespace of its own. */
static void mount_over(const struct row *row)
{
    const char *path = fresh("below"), *other = fresh("above");

    file_of_another(path, 0644);
    file_of_another(other, 0644);
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount(other, path, NULL, MS_BIND, NULL), "mount bind");
    tell_file(path);
}

/* The name of the machine as it is, in a name space of its own: nothing changes. */
static void kernel_setting(const struct row *row)
{
    char name[65] = "";
    int fd;

    must(unshare(CLONE_NEWUTS), "unshare");
    must(gethostname(name, sizeof(name) - 1), "gethostname");
    fd = (int)must(open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC), "open");
    must(write(fd, name, strlen(name)), "write");
    close(fd);
    tell_text("path", "/proc/sys/kernel/hostname");
}

static void load_module(const struct row *row)
{
    if (access("/proc/modules", F_OK) != 0)
        skip("this kernel has no modules");
    skip("no module is loaded into the machine that runs the test");
}

static const struct row rows[] = {
    {"change user", "setuid", user, {0}, SETUID},
    {"change user", "seteuid", user, {0}, SETEUID},
    {"change user", "setreuid", user, {0}, SETREUID},
    {"change user", "setresuid", user, {0}, SETRESUID},
    {"change user", "setfsuid", user, {0}, SETFSUID},
    {"change user", "setgid", user, {0}, SETGID},
    {"change user", "setresgid", user, {0}, SETRESGID},
    {"change user", "setgroups", user, {0}, SETGROUPS},
    {"change user", "32-bit setuid", user, {0}, SETUID_COMPAT},
    {"change user", "exec of a set-user-id program", set_user_id_program},
    {"change capabilities", "capset, one dropped", drop_capability},
    {"change capabilities", "capset, one taken back", raise_capability},
    {"change capabilities", "capset, then exec", drop_and_exec},
    {"change capabilities", "user namespace, then exec", user_namespace_exec},
    {"change capabilities", "ambient", keep_capabilities},
    {"change capabilities", "user namespace", user_namespace},
    {"change capabilities", "exec with file capabilities", file_capability_program},
    {"other namespaces", "unshare, then exec", unshare_all},
    {"other namespaces", "process namespace, then exec", new_pid_namespace},
    {"other namespaces", "setns, then exec", enter_namespaces},
    {"other namespaces", "unshare alone", unshare_alone},
    {"in a container", "docker", in_a_container, {0}, 0},
    {"in a container", "podman", in_a_container, {0}, 1},
    {"in a container", "containerd", in_a_container, {0}, 2},
    {"in a container", "plain id", in_a_container, {0}, 3},
    {"log in", "/proc/self/loginuid, then exec", login},
    {"become another user", "su", by_su},
    {"become another user", "sudo", by_sudo},
    {"program in the kernel", "BPF_PROG_LOAD", bpf_load},
    {"program in the kernel", "the last reference goes", bpf_unload},
    {"program in the kernel", "SO_ATTACH_FILTER", classic_filter},
    {"program in the kernel", "init_module", load_module},
    {"change the machine", "bind mount over a file", mount_over},
    {"change the machine", "setting in /proc/sys", kernel_setting},
    {NULL},
};

const struct family identity_family = {"identity and rights", rows};
