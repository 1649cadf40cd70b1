/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a 32-bit system call out of a 64-bit program, by int 0x80, and memory that it can point to.
 * Must not own: the acts.
 */
#include "acts.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
static long int80(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
    long result = number;

    /* The sixth value stands in rbp, which the compiler may need; nothing here has one, so it is 0. */
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\txor %%ebp, %%ebp\n\tint $0x80\n\t"
                     "pop %%rbp\n\tlea 128(%%rsp), %%rsp"
                     : "+a"(result)
                     : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

/* Without the emulation the instruction is a fault, so a child tries it. */
static void want_compat(void)
{
    int status;
    pid_t child = (pid_t)must(fork(), "fork");

    if (child == 0)
        _exit(int80(20, 0, 0, 0, 0, 0) == getpid() ? 0 : 1);
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0)
        skip("this kernel has no 32-bit system calls");
}

long compat_call(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
    long result;

    want_compat();
    result = int80(number, a, b, c, d, e);
    if (result >= 0 || result < -4095) /* an address may look negative */
        return result & 0xffffffff;
    errno = (int)-result;
    return -1;
}
#else
long compat_call(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
    (void)number, (void)a, (void)b, (void)c, (void)d, (void)e;
    skip("the 32-bit calls of this architecture are not made here");
}

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif
#endif

void *low(const void *bytes, size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    if (p == MAP_FAILED)
        fail("no memory below 4 GiB");
    if (bytes)
        memcpy(p, bytes, n);
    return p;
}

uintptr_t low_text(const char *s)
{
    return (uintptr_t)low(s, strlen(s) + 1);
}
