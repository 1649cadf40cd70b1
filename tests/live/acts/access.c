/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that reach into another process: always a child of the act's own ("target"), which only
 * waits. Must not own: a process that the act did not start.
 */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long field = 7; /* at the same place in the child */

static void attach(pid_t target)
{
    int status;

    must(ptrace(PTRACE_ATTACH, target, NULL, NULL), "PTRACE_ATTACH");
    must(waitpid(target, &status, __WALL), "waitpid");
}

static void ptrace_attach(const struct row *row)
{
    pid_t target = hold_child();

    attach(target);
    let_go(target);
}

static void ptrace_seize(const struct row *row)
{
    pid_t target = hold_child();

    must(ptrace(PTRACE_SEIZE, target, NULL, NULL), "PTRACE_SEIZE");
    let_go(target);
}

/* The child asks for it: what debuggers do when they start a program. */
static void ptrace_me(const struct row *row)
{
    pid_t child = (pid_t)must(fork(), "fork");
    int status;

    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        _exit(7);
    }
    tell_number("target", (uint64_t)child);
    must(waitpid(child, &status, 0), "waitpid");
}

/* ... and then starts a program: it stops there, held by its parent. */
static void ptrace_me_exec(const struct row *row)
{
    pid_t child = (pid_t)must(fork(), "fork");
    int status;

    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)execl(own_program(), "acts", "END", "7", (char *)NULL);
        _exit(1);
    }
    tell_number("child", (uint64_t)child);
    must(waitpid(child, &status, 0), "waitpid");
    must(ptrace(PTRACE_CONT, child, NULL, NULL), "PTRACE_CONT");
    must(waitpid(child, &status, 0), "waitpid");
}

static void ptrace_compat(const struct row *row)
{
    pid_t target;

    (void)compat_call(20, 0, 0, 0, 0, 0);
    target = hold_child();
    must(compat_call(26, PTRACE_SEIZE, (uintptr_t)target, 0, 0, 0), "PTRACE_SEIZE");
    let_go(target);
}

static void ptrace_peek(const struct row *row)
{
    pid_t target = hold_child();

    attach(target);
    errno = 0;
    if (ptrace(PTRACE_PEEKDATA, target, &field, NULL) != 7)
        fail("PTRACE_PEEKDATA: %s", strerror(errno));
    let_go(target);
}

static void ptrace_poke(const struct row *row)
{
    pid_t target = hold_child();

    attach(target);
    must(ptrace(PTRACE_POKEDATA, target, &field, (void *)8), "PTRACE_POKEDATA");
    let_go(target);
}

/* Registers only: where to go on, without a byte of its memory. */
static void ptrace_registers(const struct row *row)
{
    pid_t target = hold_child();
    char space[1024];
    struct iovec v = {space, sizeof(space)};

    attach(target);
    must(ptrace(PTRACE_GETREGSET, target, (void *)1, &v), "PTRACE_GETREGSET");
    must(ptrace(PTRACE_SETREGSET, target, (void *)1, &v), "PTRACE_SETREGSET");
    let_go(target);
}

static void vm_read(const struct row *row)
{
    pid_t target = hold_child();
    long value = 0;
    struct iovec here = {&value, sizeof(value)}, there = {(void *)(uintptr_t)&field, sizeof(value)};

    must(process_vm_readv(target, &here, 1, &there, 1, 0), "process_vm_readv");
    let_go(target);
}

static void vm_write(const struct row *row)
{
    pid_t target = hold_child();
    long value = 8;
    struct iovec here = {&value, sizeof(value)}, there = {(void *)(uintptr_t)&field, sizeof(value)};

    must(process_vm_writev(target, &here, 1, &there, 1, 0), "process_vm_writev");
    let_go(target);
}

static void vm_compat(const struct row *row)
{
    pid_t target;
    uint32_t *value = low(NULL, sizeof(*value)), *v = low(NULL, 4 * sizeof(*v));

    (void)compat_call(20, 0, 0, 0, 0, 0);
    v[0] = v[2] = (uint32_t)(uintptr_t)value;
    v[1] = v[3] = sizeof(*value);
    target = hold_child();
    must(compat_call(348, (uintptr_t)target, (uintptr_t)v, 1, (uintptr_t)(v + 2), 1), "process_vm_writev");
    let_go(target);
}

static int memory_of(pid_t target, int flags)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)target);
    return (int)must(open(path, flags | O_CLOEXEC), "open /proc/PID/mem");
}

static void mem_read(const struct row *row)
{
    pid_t target = hold_child();
    long value;

    must(pread(memory_of(target, O_RDONLY), &value, sizeof(value), (off_t)(uintptr_t)&field), "pread");
    let_go(target);
}

static void mem_write(const struct row *row)
{
    pid_t target = hold_child();
    long value = 8;

    must(pwrite(memory_of(target, O_RDWR), &value, sizeof(value), (off_t)(uintptr_t)&field), "pwrite");
    let_go(target);
}

/* The descriptor was opened by one and is used by another. */
static void child_mem_write(const void *fd)
{
    long value = 8;

    must(pwrite(*(const int *)fd, &value, sizeof(value), (off_t)(uintptr_t)&field), "pwrite");
}

static void mem_inherited(const struct row *row)
{
    pid_t target = hold_child();
    int fd = memory_of(target, O_RDWR);

    in_child(child_mem_write, &fd);
    let_go(target);
}

static void mem_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_WRITE);
    pid_t target = hold_child();
    long value = 8;

    io_uring_prep_write(ring_sqe(r), memory_of(target, O_RDWR), &value, sizeof(value), (uint64_t)(uintptr_t)&field);
    must(ring_do(r), "write");
    let_go(target);
}

static void mem_read_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_READ);
    pid_t target = hold_child();
    long value;

    io_uring_prep_read(ring_sqe(r), memory_of(target, O_RDONLY), &value, sizeof(value), (uint64_t)(uintptr_t)&field);
    must(ring_do(r), "read");
    let_go(target);
}

static void steal_descriptor(const struct row *row)
{
    pid_t target = hold_child();
    int pidfd = (int)must(syscall(SYS_pidfd_open, target, 0), "pidfd_open");

    must(syscall(SYS_pidfd_getfd, pidfd, 1, 0), "pidfd_getfd");
    let_go(target);
}

static void send_signal(const struct row *row)
{
    pid_t target = hold_child();

    must(kill(target, SIGCONT), "kill");
    let_go(target);
}

static const struct row rows[] = {
    {"debug a process", "PTRACE_ATTACH", ptrace_attach},
    {"debug a process", "PTRACE_SEIZE", ptrace_seize},
    {"debug a process", "PTRACE_TRACEME", ptrace_me},
    {"debug a process", "PTRACE_TRACEME, then exec", ptrace_me_exec},
    {"debug a process", "registers", ptrace_registers},
    {"debug a process", "32-bit ptrace", ptrace_compat},
    {"read another's memory", "PTRACE_PEEKDATA", ptrace_peek},
    {"read another's memory", "process_vm_readv", vm_read},
    {"read another's memory", "/proc/PID/mem, pread", mem_read},
    RING_ROWS("read another's memory", "read of /proc/PID/mem", mem_read_by_ring, one, NULL),
    {"write another's memory", "PTRACE_POKEDATA", ptrace_poke},
    {"write another's memory", "process_vm_writev", vm_write},
    {"write another's memory", "32-bit process_vm_writev", vm_compat},
    {"write another's memory", "/proc/PID/mem, pwrite", mem_write},
    {"write another's memory", "/proc/PID/mem, inherited descriptor", mem_inherited},
    RING_ROWS("write another's memory", "write of /proc/PID/mem", mem_by_ring, one, NULL),
    {"take another's descriptor", "pidfd_getfd", steal_descriptor},
    {"signal another process", "kill", send_signal},
    {NULL},
};

const struct family access_family = {"other processes", rows};
