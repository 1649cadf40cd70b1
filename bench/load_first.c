/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a load of open + close on many files, each opened once, each timed by itself; or of one file again and again.
 * Must not own: what is compared with what (respond.py). Prints one JSON object, in ns.
 *
 *   load-first PREFIX COUNT          PREFIX0, PREFIX1, ...
 *   load-first PREFIX COUNT make SIZE    makes them first: SIZE bytes each, different contents
 */
#include "load.h"

#include <fcntl.h>

static void make(const char *prefix, uint64_t count, uint64_t size)
{
    char path[4096];
    for (uint64_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s%" PRIu64, prefix, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || pwrite(fd, &i, sizeof i, 0) != sizeof i)
            load_die(path);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: load-first PREFIX COUNT [make SIZE]\n");
        return 2;
    }
    uint64_t count = load_number(argv[2]), *ns = calloc(count, sizeof *ns);
    if (!ns)
        load_die("memory");
    if (argc == 5) {
        make(argv[1], count, load_number(argv[4]));
        printf("{\"made\": %" PRIu64 "}\n", count);
        free(ns);
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s%" PRIu64, argv[1], i);
        uint64_t began = load_clock(CLOCK_MONOTONIC);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            load_die(path);
        close(fd);
        ns[i] = load_clock(CLOCK_MONOTONIC) - began;
    }
    qsort(ns, count, sizeof *ns, load_order);
    printf("{\"count\": %" PRIu64 ", \"median\": %" PRIu64 ", \"p99\": %" PRIu64 "}\n", count, ns[count / 2],
           ns[count * 99 / 100]);
    free(ns);
    return 0;
}
