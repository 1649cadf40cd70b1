/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: a program of 32 bits, without a library, that does by int 0x80 what the sensor must see whatever the width of
 * a system call: it writes a file in its current folder, connects to a port of loopback where nobody listens, reads its
 * own child's memory, and becomes /usr/bin/true. The numbers are those of the 32-bit table.
 */
enum {
    CALL_EXIT = 1,
    CALL_FORK = 2,
    CALL_WRITE = 4,
    CALL_OPEN = 5,
    CALL_CLOSE = 6,
    CALL_WAITPID = 7,
    CALL_EXECVE = 11,
    CALL_PAUSE = 29,
    CALL_KILL = 37,
    CALL_VM_READ = 347,
    CALL_SOCKET = 359,
    CALL_CONNECT = 362,
};

struct address {
    unsigned short family;
    unsigned char port[2], host[4], zero[8];
};

struct piece {
    void *at;
    unsigned long n;
};

static long call5(long nr, long a, long b, long c, long d, long e)
{
    long ret;

    __asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return ret;
}

static long call3(long nr, long a, long b, long c)
{
    return call5(nr, a, b, c, 0, 0);
}

/* Its child only waits, and is ended again. */
static void read_child(void)
{
    char byte, here = 'x';
    struct piece to = {&byte, 1}, from = {&here, 1};
    long child = call3(CALL_FORK, 0, 0, 0);

    if (child == 0) {
        call3(CALL_PAUSE, 0, 0, 0);
        call3(CALL_EXIT, 0, 0, 0);
    }
    if (child < 0)
        return;
    __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp" /* the sixth argument: no flags */
                     :
                     : "a"(CALL_VM_READ), "b"(child), "c"(&to), "d"(1), "S"(&from), "D"(1)
                     : "memory");
    call3(CALL_KILL, child, 9, 0);
    call3(CALL_WAITPID, child, 0, 0);
}

void _start(void);
__attribute__((force_align_arg_pointer)) void _start(void)
{
    static char *const argv[] = {"true", "from-32-bits", (char *)0};
    struct address nobody = {.family = 2, .port = {0, 9}, .host = {127, 0, 0, 1}};
    long fd = call3(CALL_OPEN, (long)"act32.written", 0101 /* create, write only */, 0600);

    call3(CALL_WRITE, fd, (long)"x", 1);
    call3(CALL_CLOSE, fd, 0, 0);
    fd = call3(CALL_SOCKET, 2, 1, 0);
    call3(CALL_CONNECT, fd, (long)&nobody, sizeof(nobody));
    read_child();
    call3(CALL_EXECVE, (long)"/usr/bin/true", (long)argv, 0);
    call3(CALL_EXIT, 1, 0, 0);
}
