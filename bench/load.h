/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both load generators share: the clock, the pace, the result line. Static functions in a header because a load
 * is one small program without a library: nothing of ours runs in it that could blur what is measured.
 */
#ifndef TRN_BENCH_LOAD_H
#define TRN_BENCH_LOAD_H

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOAD_NS 1000000000ull

#define LOAD_SLICES 65536u

struct load {
    uint64_t wall, cpu, slice; /* when the load, and when the present slice, began */
    uint64_t *slices;          /* how long each took, divided by its count: the whole load in small pieces */
    uint32_t n;
};

static inline void load_die(const char *what)
{
    fprintf(stderr, "load: cannot go on at '%s': %s\n", what, strerror(errno));
    exit(1);
}

static inline uint64_t load_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * LOAD_NS + (uint64_t)t.tv_nsec;
}

static inline uint64_t load_number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || end == text || n == 0 || n > 1000000000ull) {
        fprintf(stderr, "load: '%s' is not a number from 1 to 10^9\n", text);
        exit(2);
    }
    return n;
}

/* Processor time of this process and of the children it waited for: what others on the machine do is not in it. */
static inline uint64_t load_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_CHILDREN, &r);
    uint64_t us = (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000u;
    us += (uint64_t)r.ru_utime.tv_usec + (uint64_t)r.ru_stime.tv_usec;
    return load_clock(CLOCK_PROCESS_CPUTIME_ID) + us * 1000u;
}

static inline struct load load_begin(void)
{
    struct load l = {.cpu = load_cpu(), .slices = calloc(LOAD_SLICES, sizeof(uint64_t))};
    if (!l.slices)
        load_die("memory");
    l.wall = l.slice = load_clock(CLOCK_MONOTONIC);
    return l;
}

/* One slice of 'count' operations is done. */
static inline void load_slice(struct load *l, uint64_t count)
{
    uint64_t now = load_clock(CLOCK_MONOTONIC);
    if (l->n < LOAD_SLICES)
        l->slices[l->n++] = (now - l->slice) / count;
    l->slice = now;
}

static inline int load_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many should have been done by now at 'rate' a second. */
static inline uint64_t load_due(const struct load *l, uint64_t rate, uint64_t total)
{
    uint64_t gone = load_clock(CLOCK_MONOTONIC) - l->wall;
    uint64_t due = gone / LOAD_NS * rate + gone % LOAD_NS * rate / LOAD_NS;
    return due < total ? due : total;
}

static inline void load_pause(void)
{
    struct timespec ms = {0, 1000000};
    nanosleep(&ms, NULL);
}

static inline void load_end(struct load *l, uint64_t count)
{
    uint64_t wall = load_clock(CLOCK_MONOTONIC) - l->wall;
    uint64_t cpu = load_cpu() - l->cpu;
    printf("{\"count\": %" PRIu64 ", \"wall_ns\": %" PRIu64 ", \"cpu\": %.1f", count, wall,
           (double)cpu / (double)count);
    if (l->n) {
        qsort(l->slices, l->n, sizeof(uint64_t), load_order);
        printf(", \"middle\": %" PRIu64 ", \"quiet\": %" PRIu64, l->slices[l->n / 2], l->slices[l->n / 10]);
    }
    printf("}\n");
    free(l->slices);
}

#endif
