/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that make memory executable: libraries, and memory without a file. Must not own: other
 * processes' memory (access.c). Nothing that is made executable is run, but the idle library.
 */
#include "acts.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u

static const char *library(void)
{
    const char *path = fresh("library.so");

    copy_file(join(own_folder(), "acts-library.so"), path, 0755);
    return path;
}

static void load(const char *path)
{
    int (*call)(void);
    void *l = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!l)
        fail("dlopen: %s", dlerror());
    call = (int (*)(void))(uintptr_t)dlsym(l, "acts_library");
    if (!call || call() != 7)
        fail("'%s' is not the library", path);
}

static void load_file(const struct row *row)
{
    const char *path = library();

    load(path);
    tell_file(path);
}

static void load_symlink(const struct row *row)
{
    const char *path = library(), *alias = fresh("alias.so");

    must(symlink(path, alias), "symlink");
    load(alias);
    tell_file(path);
}

static void load_deleted(const struct row *row)
{
    const char *path = library();
    char own[64];
    long fd = must(open(path, O_RDONLY | O_CLOEXEC), "open");

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%ld", fd);
    tell_file(path);
    must(unlink(path), "unlink");
    load(own);
}

static void load_memory(const struct row *row)
{
    char own[64];
    int fd = (int)must(memfd_create("acts-library", MFD_CLOEXEC), "memfd_create");

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    copy_file(library(), own, 0755);
    load(own);
    tell_text("path", "/memfd:acts-library (deleted)");
}

static void *map(size_t n, int prot, int flags, int fd)
{
    void *p = mmap(NULL, n, prot, flags, fd, 0);

    must(p == MAP_FAILED ? -1 : 0, "mmap");
    return p;
}

/* Without the loader. */
static void load_by_hand(const struct row *row)
{
    const char *path = library();
    int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), "open");

    if (row->number == 1) {
        void *p = map(PAGE, PROT_READ, MAP_PRIVATE, fd);

        must(mprotect(p, PAGE, PROT_READ | PROT_EXEC), "mprotect");
    } else {
        map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
    }
    tell_file(path);
}

static void load_compat(const struct row *row)
{
    const char *path = library();
    long fd = must(open(path, O_RDONLY | O_CLOEXEC), "open");

    must(compat_call(192, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, (uintptr_t)fd), "mmap2");
    tell_file(path);
}

/* ---- memory without a file ---- */

static void told_memory(const void *p)
{
    tell_number("address", (uint64_t)(uintptr_t)p);
}

static void all_at_once(const struct row *row)
{
    told_memory(map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void only_executable(const struct row *row)
{
    told_memory(map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void *written(void)
{
    void *p = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    memset(p, 0xc3, PAGE);
    return p;
}

static void written_then_executable(const struct row *row)
{
    void *p = written();

    must(mprotect(p, 4 * PAGE, PROT_READ | PROT_EXEC), "mprotect");
    told_memory(p);
}

static void written_then_both(const struct row *row)
{
    void *p = written();

    must(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), "mprotect");
    told_memory(p);
}

static void by_pkey(const struct row *row)
{
    void *p = written();

    if (syscall(SYS_pkey_mprotect, p, 4 * PAGE, PROT_READ | PROT_EXEC, -1) != 0)
        skip("this kernel has no pkey_mprotect: %s", strerror(errno));
    told_memory(p);
}

static void on_the_stack(const struct row *row)
{
    char here[3 * PAGE];
    uintptr_t p = ((uintptr_t)here + PAGE) & ~(uintptr_t)(PAGE - 1);

    must(mprotect((void *)p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), "mprotect");
    told_memory((void *)p);
}

static void on_the_heap(const struct row *row)
{
    uintptr_t p = ((uintptr_t)sbrk(2 * PAGE) + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

    must(mprotect((void *)p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), "mprotect");
    told_memory((void *)p);
}

static void old_personality(const struct row *row)
{
    must(personality(READ_IMPLIES_EXEC), "personality");
    told_memory(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

/* Written by one mapping, run by the other. */
static void memory_file(const struct row *row)
{
    int fd = (int)must(memfd_create("acts-code", MFD_CLOEXEC), "memfd_create");

    must(ftruncate(fd, PAGE), "ftruncate");
    memset(map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd), 0xc3, PAGE);
    told_memory(map(PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd));
    tell_text("path", "/memfd:acts-code (deleted)");
}

static void shared_anonymous(const struct row *row)
{
    told_memory(map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1));
}

static void system_v(const struct row *row)
{
    int id = (int)must(shmget(IPC_PRIVATE, PAGE, 0700), "shmget");
    void *p = shmat(id, NULL, SHM_EXEC);

    (void)shmctl(id, IPC_RMID, NULL);
    must(p == (void *)-1 ? -1 : 0, "shmat");
    told_memory(p);
}

/* The library's own page in memory, changed where it stands. */
static void *code_page(void)
{
    const char *path = library();
    void *l = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    uintptr_t code = l ? (uintptr_t)dlsym(l, "acts_library") : 0;

    if (!code)
        fail("dlopen: %s", dlerror());
    tell_file(path);
    return (void *)(code & ~(uintptr_t)(PAGE - 1));
}

static void overwrite_code(const struct row *row)
{
    unsigned char *p = code_page();

    must(mprotect(p, PAGE, PROT_READ | PROT_WRITE), "mprotect");
    p[PAGE - 1] = 0xc3;
    must(mprotect(p, PAGE, PROT_READ | PROT_EXEC), "mprotect");
    told_memory(p);
}

static void overwrite_code_both(const struct row *row)
{
    unsigned char *p = code_page();

    must(mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), "mprotect");
    p[PAGE - 1] = 0xc3;
    told_memory(p);
}

/* By the file of its own memory, which asks for no permission of the page. */
static void overwrite_code_by_file(const struct row *row)
{
    unsigned char *p = code_page();
    int fd = (int)must(open("/proc/self/mem", O_RDWR | O_CLOEXEC), "open");

    must(pwrite(fd, "\xc3", 1, (off_t)((uintptr_t)p + PAGE - 1)), "pwrite");
    told_memory(p);
}

static void by_compat(const struct row *row)
{
    void *p = low(NULL, PAGE);

    must(compat_call(125, (uintptr_t)p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0), "mprotect");
    told_memory(p);
}

static const struct row rows[] = {
    {"load a library", "dlopen", load_file},
    {"load a library", "dlopen of a symbolic link", load_symlink},
    {"load a library", "dlopen of a memory file", load_memory},
    {"load a library", "dlopen of a deleted file", load_deleted},
    {"load a library", "mmap by hand", load_by_hand, {0}, 0},
    {"load a library", "mmap, then mprotect", load_by_hand, {0}, 1},
    {"load a library", "32-bit mmap2", load_compat},
    {"executable memory", "mmap, writable and executable", all_at_once},
    {"executable memory", "mmap, executable", only_executable},
    {"executable memory", "mprotect of what was written", written_then_executable},
    {"executable memory", "mprotect, writable and executable", written_then_both},
    {"executable memory", "pkey_mprotect", by_pkey},
    {"executable memory", "mprotect of the stack", on_the_stack},
    {"executable memory", "mprotect of the heap", on_the_heap},
    {"executable memory", "READ_IMPLIES_EXEC", old_personality},
    {"executable memory", "memory file, mapped twice", memory_file},
    {"executable memory", "shared, without a file", shared_anonymous},
    {"executable memory", "shmat with SHM_EXEC", system_v},
    {"executable memory", "32-bit mprotect", by_compat},
    {"overwrite loaded code", "mprotect to write, and back", overwrite_code},
    {"overwrite loaded code", "mprotect, writable and executable", overwrite_code_both},
    {"overwrite loaded code", "/proc/self/mem", overwrite_code_by_file},
    {NULL},
};

const struct family memory_family = {"executable memory", rows};
