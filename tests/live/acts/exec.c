/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that start a program, in a child ("child"): each ends with code 7, so that what ran is sure.
 * Must not own: who the program runs as, and in what (identity.c).
 */
#include "acts.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const words[] = {(char *)"acts", (char *)"END", (char *)"7", NULL};
static char *const no_env[] = {NULL};

static void want_seven(int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        fail("what was started ended with %d", status);
}

/* A copy of this program, so that its file is the act's own. */
static const char *own_copy(void)
{
    const char *path = fresh("program");

    copy_file(own_program(), path, 0755);
    return path;
}

static void child_execve(const void *path)
{
    (void)syscall(SYS_execve, path, words, no_env);
}

static void child_execveat(const void *path)
{
    (void)syscall(SYS_execveat, AT_FDCWD, path, words, no_env, 0);
}

static void child_descriptor(const void *path)
{
    (void)syscall(SYS_execveat, must(open(path, O_PATH | O_CLOEXEC), "open"), "", words, no_env, AT_EMPTY_PATH);
}

static void child_proc_descriptor(const void *path)
{
    char own[64];

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%ld", must(open(path, O_PATH), "open"));
    (void)syscall(SYS_execve, own, words, no_env);
}

static void child_compat(const void *path)
{
    uint32_t argv[4] = {(uint32_t)low_text("acts"), (uint32_t)low_text("END"), (uint32_t)low_text("7"), 0};
    uint32_t env[1] = {0};

    (void)compat_call(11, low_text(path), (uintptr_t)low(argv, sizeof(argv)), (uintptr_t)low(env, sizeof(env)), 0, 0);
}

static void *thread_execve(void *path)
{
    child_execve(path);
    return NULL;
}

static void child_thread(const void *path)
{
    pthread_t t;

    must(-pthread_create(&t, NULL, thread_execve, (void *)(uintptr_t)path), "pthread_create");
    for (;;)
        pause();
}

/* PATH, then the program as this process finds it. */
static const child_run plain_ways[] = {child_execve,          child_execveat, child_descriptor,
                                       child_proc_descriptor, child_compat,   child_thread};

static void exec_plain(const struct row *row)
{
    const char *path = own_copy();

    if (plain_ways[row->number] == child_compat)
        (void)compat_call(20, 0, 0, 0, 0, 0);
    tell_file(path);
    want_seven(in_child(plain_ways[row->number], path));
}

static void exec_vfork(const struct row *row)
{
    const char *path = own_copy();
    int status;
    pid_t child;

    tell_file(path);
    child = vfork();
    if (child == 0) {
        (void)syscall(SYS_execve, path, words, no_env);
        _exit(1);
    }
    tell_number("child", (uint64_t)must(child, "vfork"));
    must(waitpid(child, &status, 0), "waitpid");
    want_seven(status);
}

static void exec_spawn(const struct row *row)
{
    const char *path = own_copy();
    int status;
    pid_t child;

    tell_file(path);
    must(-posix_spawn(&child, path, NULL, NULL, words, no_env), "posix_spawn");
    tell_number("child", (uint64_t)child);
    must(waitpid(child, &status, 0), "waitpid");
    want_seven(status);
}

/* ---- what is a program ---- */

static const char *script(const char *folder, const char *name, const char *interpreter)
{
    const char *path = join(folder, name);
    int fd = (int)must(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755), "open");

    must(dprintf(fd, "#!%s\nexit 7\n", interpreter), "dprintf");
    close(fd);
    return path;
}

static void exec_script(const struct row *row)
{
    const char *path = script(fresh_folder(), "script", "/bin/sh");

    tell_file(path);
    tell_text("program", realpath("/bin/sh", NULL));
    tell_text("interpreter", "/bin/sh");
    want_seven(in_child(child_execve, path));
}

static void exec_env_script(const struct row *row)
{
    const char *path = script(fresh_folder(), "script", "/usr/bin/env sh");

    tell_file(path);
    tell_text("program", "/usr/bin/env");
    tell_text("second", realpath("/bin/sh", NULL));
    want_seven(in_child(child_execve, path));
}

/* A script whose interpreter is a script. */
static void exec_script_of_script(const struct row *row)
{
    const char *folder = fresh_folder(), *inner = script(folder, "inner", "/bin/sh");
    const char *path = script(folder, "outer", inner);

    tell_file(path);
    tell_text("program", realpath("/bin/sh", NULL));
    want_seven(in_child(child_execve, path));
}

static void child_memory_script(const void *arg)
{
    static char *const argv[] = {(char *)"sh", NULL};
    int fd = (int)must(memfd_create("acts-script", 0), "memfd_create");

    must(write(fd, "#!/bin/sh\nexit 7\n", 17), "write");
    (void)syscall(SYS_execveat, fd, "", argv, no_env, AT_EMPTY_PATH);
}

static void exec_memory_script(const struct row *row)
{
    tell_text("program", realpath("/bin/sh", NULL));
    want_seven(in_child(child_memory_script, NULL));
}

/* As an argument of an interpreter: the kernel knows only the interpreter. */
static void child_argument(const void *path)
{
    char *const argv[] = {(char *)"sh", (char *)(uintptr_t)path, NULL};

    (void)execve("/bin/sh", argv, no_env);
}

static void exec_argument(const struct row *row)
{
    const char *path = script(fresh_folder(), "script", "/bin/sh");

    tell_file(path);
    tell_text("program", realpath("/bin/sh", NULL));
    want_seven(in_child(child_argument, path));
}

static int find_loader(struct dl_phdr_info *info, size_t n, void *ret)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_INTERP)
            *(const char **)ret = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    (void)n;
    return *(const char **)ret != NULL;
}

static const char *loader(void)
{
    const char *path = NULL;

    (void)dl_iterate_phdr(find_loader, &path);
    if (!path)
        skip("this program has no dynamic loader");
    return realpath(path, NULL);
}

static void child_loader(const void *path)
{
    char *const argv[] = {(char *)"ld.so", (char *)(uintptr_t)path, (char *)"END", (char *)"7", NULL};

    (void)execve(loader(), argv, no_env);
}

static void exec_loader(const struct row *row)
{
    const char *path = own_copy();

    tell_file(path);
    tell_text("program", loader());
    want_seven(in_child(child_loader, path));
}

static void child_memfd(const void *sealed)
{
    int fd = (int)must(memfd_create("acts-stage", MFD_CLOEXEC), "memfd_create");
    char own[64];

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    copy_file(own_program(), own, 0755);
    if (sealed)
        (void)syscall(SYS_execve, own, words, no_env);
    else
        (void)syscall(SYS_execveat, fd, "", words, no_env, AT_EMPTY_PATH);
}

static void exec_memfd(const struct row *row)
{
    tell_text("path", "/memfd:acts-stage");
    want_seven(in_child(child_memfd, row->number ? row : NULL));
}

static void child_deleted(const void *path)
{
    long fd = must(open(path, O_PATH | O_CLOEXEC), "open");

    must(unlink(path), "unlink");
    (void)syscall(SYS_execveat, fd, "", words, no_env, AT_EMPTY_PATH);
}

static void exec_deleted(const struct row *row)
{
    const char *path = own_copy();

    tell_file(path);
    want_seven(in_child(child_deleted, path));
}

/* ---- another name for it ---- */

static void exec_symlink(const struct row *row)
{
    const char *path = own_copy(), *alias = fresh("alias");

    must(symlink(path, alias), "symlink");
    tell_file(path);
    tell_text("invoked", alias);
    want_seven(in_child(child_execve, alias));
}

static void exec_hard_link(const struct row *row)
{
    const char *path = own_copy(), *alias = fresh("alias");

    must(link(path, alias), "link");
    tell_file(alias);
    want_seven(in_child(child_execve, alias));
}

/* The alias is a mount that only this process has; the kernel's path is the alias, the inode the same. */
static void exec_bind(const struct row *row)
{
    const char *path = own_copy(), *alias = fresh("alias");

    close(make_file(alias));
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount(path, alias, NULL, MS_BIND, NULL), "mount bind");
    tell_file(alias);
    want_seven(in_child(child_execve, alias));
}

static void child_chroot(const void *folder)
{
    must(chroot(folder), "chroot");
    (void)syscall(SYS_execve, "/program", words, no_env);
}

/* The root is a folder with a copy of everything that the program needs: bound, not copied. */
static void exec_chroot(const struct row *row)
{
    static const char *const parts[] = {"usr", "lib", "lib64"};
    const char *root = fresh_folder();

    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *from = join("", parts[i]), *to = join(root, parts[i]);

        if (access(from, F_OK) != 0)
            continue;
        must(mkdir(to, 0755), "mkdir");
        must(mount(from, to, NULL, MS_BIND, NULL), "mount bind");
    }
    copy_file(own_program(), join(root, "program"), 0755);
    tell_file(join(root, "program"));
    tell_text("inside", "/program");
    want_seven(in_child(child_chroot, root));
}

/* ---- what decides which code runs ---- */

static const char *library(void)
{
    const char *path = fresh("library.so");

    copy_file(join(own_folder(), "acts-library.so"), path, 0755);
    return path;
}

struct with_env {
    const char *path;
    char *env[2];
};

static void child_with_env(const void *arg)
{
    const struct with_env *w = arg;

    (void)syscall(SYS_execve, w->path, words, w->env);
}

static const char *const variables[] = {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONPATH"};

static void exec_with_variable(const struct row *row)
{
    const char *lib = library();
    struct with_env w = {.path = own_copy()};

    tell_file(w.path);
    tell_text("library", lib);
    must(asprintf(&w.env[0], "%s=%s", variables[row->number], lib), "asprintf");
    tell_text("variable", w.env[0]);
    want_seven(in_child(child_with_env, &w));
}

static const struct row rows[] = {
    {"exec", "execve", exec_plain, {0}, 0},
    {"exec", "execveat", exec_plain, {0}, 1},
    {"exec", "execveat of a descriptor", exec_plain, {0}, 2},
    {"exec", "/proc/self/fd", exec_plain, {0}, 3},
    {"exec", "32-bit execve", exec_plain, {0}, 4},
    {"exec", "from a thread", exec_plain, {0}, 5},
    {"exec", "vfork and execve", exec_vfork},
    {"exec", "posix_spawn", exec_spawn},
    {"exec of a script", "execve", exec_script},
    {"exec of a script", "interpreter by env", exec_env_script},
    {"exec of a script", "interpreter is a script", exec_script_of_script},
    {"exec of a script", "in memory", exec_memory_script},
    {"exec of a script", "argument of its interpreter", exec_argument},
    {"exec of what has no name", "memory file, execveat", exec_memfd, {0}, 0},
    {"exec of what has no name", "memory file, /proc/self/fd", exec_memfd, {0}, 1},
    {"exec of what has no name", "deleted file", exec_deleted},
    {"exec by another name", "symbolic link", exec_symlink},
    {"exec by another name", "hard link", exec_hard_link},
    {"exec by another name", "bind mount of its own", exec_bind},
    {"exec by another name", "in a changed root", exec_chroot},
    {"exec by another program", "argument of ld.so", exec_loader},
    {"exec with a variable", "LD_PRELOAD", exec_with_variable, {0}, 0},
    {"exec with a variable", "LD_AUDIT", exec_with_variable, {0}, 1},
    {"exec with a variable", "LD_LIBRARY_PATH", exec_with_variable, {0}, 2},
    {"exec with a variable", "PYTHONPATH", exec_with_variable, {0}, 3},
    {NULL},
};

const struct family exec_family = {"programs", rows};
