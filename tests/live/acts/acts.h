/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts: one thing that a program can do, done in one of the ways that the kernel offers for it. The
 * coverage test does each of them and asks what the sensor told. Everything is inert: files of its
 * own, loopback, children of its own.
 *
 * An act does its one thing and tells with tell_*() what it did: pid, paths, inode, ports. What this
 * machine cannot do is skip()ped with the reason. Anything else that fails ends the act by fail().
 */
#ifndef TRN_TEST_ACTS_H
#define TRN_TEST_ACTS_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct row;
typedef void (*act_run)(const struct row *row);

/* How an act is done, for runs that serve several rows: one of these, and a number. */
struct row {
    const char *act, *way;
    act_run run;
    union how {
        long (*one)(const char *path);
        long (*two)(const char *from, const char *to);
        long (*fd)(int fd);
        void (*sqe_one)(struct io_uring_sqe *sqe, const char *path);
        void (*sqe_two)(struct io_uring_sqe *sqe, const char *from, const char *to);
        void (*sqe_fd)(struct io_uring_sqe *sqe, int fd);
    } how;
    int number;
};

struct family {
    const char *name;
    const struct row *rows; /* ends with an act that is NULL */
};

extern const struct family files_family, content_family, open_family, net_family, names_family, exec_family,
    process_family, memory_family, access_family, identity_family, before_family;

/* ---- tell.c: what was done, and how an act ends early ---- */

void tell_text(const char *key, const char *value);
void tell_number(const char *key, uint64_t value);
void tell_file(const char *path); /* path and inode */
/* The one line, to stdout. */
void tell_end(const struct row *row);
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* v, or the end of the act when it is negative (-1 with errno, or a negative errno); a call that is not there skips. */
long must(long v, const char *what);

/* ---- place.c: files and children ---- */

/* A new folder below $ACTS_DIR, and a path in it; the string is never freed. */
const char *fresh_folder(void);
const char *fresh(const char *name);
const char *join(const char *folder, const char *name);
int make_file(const char *path); /* with a few bytes; returns its descriptor, open for reading and writing */
/* The same, made by a child: nothing of it is told of this process. */
void file_of_another(const char *path, unsigned mode);
void copy_file(const char *from, const char *to, unsigned mode);
const char *own_program(void); /* path of this program */
const char *own_folder(void);  /* of this program: acts-library.so is in it too */
/* A child that runs what() and ends; waited for. Tells "child". */
typedef void (*child_run)(const void *arg);
int in_child(child_run what, const void *arg); /* its wait status */
/* A child that waits until it is killed by let_go(). */
pid_t hold_child(void);
void let_go(pid_t child);

/* ---- ring.c: by io_uring ---- */

enum ring_mode {
    RING_PLAIN = 0,
    RING_ASYNC = 1,  /* IOSQE_ASYNC: a worker thread does it */
    RING_LINKED = 2, /* behind another request */
    RING_SQPOLL = 3, /* the kernel's polling thread submits it */
};

struct ring;
struct ring *ring_new(enum ring_mode mode, int opcode); /* skips when the kernel does not know the opcode */
struct io_uring_sqe *ring_sqe(struct ring *r);
void ring_sparse_files(struct ring *r); /* room for files without a descriptor */
int ring_do(struct ring *r);            /* submits and waits; the result of the last request */
/* The four rows of one operation. */
#define RING_ROWS(act, name, run, member, prep)                                     \
    {act, "io_uring " name, run, {.member = prep}, RING_PLAIN},                     \
        {act, "io_uring " name ", by a worker", run, {.member = prep}, RING_ASYNC}, \
        {act, "io_uring " name ", linked", run, {.member = prep}, RING_LINKED},     \
    {                                                                               \
        act, "io_uring " name ", SQPOLL", run, {.member = prep}, RING_SQPOLL        \
    }

/* ---- compat.c: the 32-bit system calls ---- */

/* Skips when this kernel has none. Pointers must be from low(). Returns the value or -1 with errno. */
long compat_call(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e);
void *low(const void *bytes, size_t n); /* a copy that 32 bits can point to */
uintptr_t low_text(const char *s);

#endif
