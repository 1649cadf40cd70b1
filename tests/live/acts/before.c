/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is there before anybody watches: one process that holds it all, told a line each, and stays
 * until its standard input ends. Must not own: acts that begin while somebody watches.
 */
#include "sock.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static void process(const struct row *row)
{
    tell_file(own_program());
}

static void library(const struct row *row)
{
    const char *path = fresh("library.so");

    copy_file(join(own_folder(), "acts-library.so"), path, 0755);
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL))
        fail("dlopen: %s", dlerror());
    tell_file(path);
}

static void memory(const struct row *row)
{
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(p == MAP_FAILED ? -1 : 0, "mmap");
    tell_number("address", (uint64_t)(uintptr_t)p);
}

static void bound(const struct row *row)
{
    struct end e = loopback(TO_V4, 0);
    int fd = new_socket(TO_V4, row->number);

    must(bind(fd, &e.any, e.n), "bind");
    if (row->number == SOCK_STREAM)
        must(listen(fd, 4), "listen");
    tell_text("src", "127.0.0.1");
    tell_own_port(fd);
}

static void connection(const struct row *row)
{
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TCP);

    tell_peer(TO_V4, PEER_TCP);
    tell_own_port(fd);
}

static const struct row rows[] = {
    {"was there before", "process", process},
    {"was there before", "library", library},
    {"was there before", "executable memory", memory},
    {"was there before", "TCP port", bound, {0}, SOCK_STREAM},
    {"was there before", "UDP port", bound, {0}, SOCK_DGRAM},
    {"was there before", "TCP connection", connection},
    {NULL},
};

const struct family before_family = {"what was there before", rows};
