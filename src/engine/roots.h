/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One package index per root file system (mount namespace): ours and a few containers'. An index is
 * fresh for a file when it was checked against the database after the file last changed. Most mount
 * namespaces are services with our own root file system: they are recognised by their database's stamp
 * and share our index.
 */
#ifndef TRN_ENGINE_ROOTS_H
#define TRN_ENGINE_ROOTS_H

#include "event/event.h"
#include "inspect/inspect.h"

struct trn_roots;

struct trn_roots_options {
    int files_sock;             /* borrowed */
    uint32_t mntns;             /* our own */
    uint32_t run;               /* as in enrich.h */
    struct trn_event_sink tell; /* SOFTWARE events */
};

struct trn_root; /* borrowed from the roots */

int trn_roots_new(const struct trn_roots_options *o, struct trn_roots **ret) TRN_MUST_CHECK;
struct trn_roots *trn_roots_free(struct trn_roots *r);
/* The root of a mount namespace; a new one evicts the one used longest ago. NULL out of memory. */
struct trn_root *trn_roots_get(struct trn_roots *r, uint32_t mntns, uint32_t pid, uint64_t now_boot_ns);
/* The same, but only if it is known; the pointer is good until the next trn_roots_get. */
struct trn_root *trn_roots_find(struct trn_roots *r, uint32_t mntns);
/* True: the index (or its known absence) may be used for a file that changed at ctime (wall). False:
 * a check is under way or was just asked for. */
bool trn_root_fresh(struct trn_roots *r, struct trn_root *root, uint64_t ctime_wall_ns);
const struct trn_package_index *trn_root_index(const struct trn_root *root); /* NULL: none; both take NULL */
bool trn_root_answered(const struct trn_root *root); /* false: its very first check is not over */
bool trn_root_is_ours(const struct trn_root *root);

void trn_roots_changed(struct trn_roots *r, struct trn_str by); /* our database was written to */
void trn_roots_tick(struct trn_roots *r, uint64_t now_boot_ns, uint64_t now_wall_ns);
size_t trn_roots_bytes(const struct trn_roots *r);
uint64_t trn_roots_reindexed(const struct trn_roots *r);

/* Messages about index jobs; each returns false when the job is not one of ours. */
bool trn_roots_answer(struct trn_roots *r, uint64_t job, uint64_t stamp, bool same);
bool trn_roots_failed(struct trn_roots *r, uint64_t job, int code);
bool trn_roots_package(struct trn_roots *r, uint64_t job, uint32_t index, const struct trn_package *p);
bool trn_roots_file(struct trn_roots *r, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5);
void trn_roots_inspect_lost(struct trn_roots *r);
bool trn_roots_end(struct trn_roots *r, uint64_t job, int code);

#define TRN_ROOTS_JOB_FIRST (1ull << 48) /* job numbers from here on are index jobs */

#endif
