/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what the files of the loader half share. */
#ifndef TRN_SENSOR_LOADER_H
#define TRN_SENSOR_LOADER_H

#include "sensor/sensor.h"

#define TRN_SENSOR_CPUS_MAX 256

/* A cgroup v2 folder: descriptor, id and depth below the root. */
struct trn_scope {
    int fd;      /* owned */
    uint64_t id; /* 0: the whole machine (fd is the root then) */
    uint32_t level;
};

int trn_scope_open(const char *path, struct trn_scope *ret, struct trn_err *err) TRN_MUST_CHECK;
/* Whether the process is in the scope; true when there is none. */
bool trn_scope_has(const struct trn_scope *s, uint32_t pid);
void trn_scope_done(struct trn_scope *s);

/* One perf event a CPU; returns how many descriptors were added to fds, and fills the hook. */
size_t trn_perf_open(const struct trn_scope *scope, struct trn_sensor_fd *fds, size_t max,
                     struct trn_sensor_hook *hook);

/* access_open.c: which program tells that a process reaches into another one. Fills the hook when none can. */
enum trn_access_choice { TRN_ACCESS_NONE, TRN_ACCESS_CHECK, TRN_ACCESS_MEMORY };
enum trn_access_choice trn_access_choose(bool fexit_loads, struct trn_sensor_hook *hook);
/* Untouched when the kernel does not show where it is. */
void trn_access_find_mem_rw(uint64_t *ret_start, uint64_t *ret_end);

/* Runs an iterator's program; what: for messages, "processes that run". */
int trn_existing_run(int iter_fd, const char *what, const struct trn_record_sink *sink, struct trn_err *err)
    TRN_MUST_CHECK;

/* ---- shares.c: the maps that say what is left out on purpose ---- */

struct trn_shares;

/* counters: the map of losses, one row a CPU. Descriptors stay the caller's. */
struct trn_shares *trn_shares_new(int shares_fd, int counters_fd, uint32_t cpus) TRN_MUST_CHECK;
struct trn_shares *trn_shares_free(struct trn_shares *s);
int trn_shares_tell(struct trn_shares *s, const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* ---- repeats.c: connections that are told as sums ---- */

struct trn_repeats;

/* Descriptors stay the caller's. */
struct trn_repeats *trn_repeats_new(int rows_fd, int total_fd) TRN_MUST_CHECK;
struct trn_repeats *trn_repeats_free(struct trn_repeats *s);
int trn_repeats_tell(struct trn_repeats *s, const struct trn_record_sink *sink) TRN_MUST_CHECK;

#endif
