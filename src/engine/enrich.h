/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out what files are, for the recorder: asks turncoatd to open them, takes the facts that
 * inspect read, looks the owner up in the package index, and tells IDENTITY and SOFTWARE events.
 * Live half of the engine; the pure half sees only the told events.
 */
#ifndef TRN_ENGINE_ENRICH_H
#define TRN_ENGINE_ENRICH_H

#include "detect/detect.h"
#include "event/event.h"
#include "inspect/inspect.h"
#include "process/process.h"

struct trn_enrich;

struct trn_enrich_options {
    size_t sz;
    int files_sock;                            /* borrowed: requests to turncoatd, its answers */
    int results_sock;                          /* borrowed: from inspect */
    uint32_t mntns;                            /* our own */
    uint32_t run;                              /* engines before this one: its jobs have other numbers */
    const struct trn_process_table *processes; /* borrowed */
    struct trn_event_sink tell;                /* IDENTITY and SOFTWARE events */
    uint64_t max_wait_ns;                      /* an identity not found by then is told without hashes; 0: 2 s */
};

int trn_enrich_new(const struct trn_enrich_options *o, struct trn_enrich **ret) TRN_MUST_CHECK;
struct trn_enrich *trn_enrich_free(struct trn_enrich *e);

/* An EXEC arrived: look its image and script up unless they are known. */
void trn_enrich_exec(struct trn_enrich *e, const struct trn_event *exec);
/* A LIB_LOAD arrived: libraries outside packages only. */
void trn_enrich_library(struct trn_enrich *e, const struct trn_event *load);
/* The package database was written to; by: "apt", "dpkg" ... */
void trn_enrich_database_changed(struct trn_enrich *e, struct trn_str by);
/* The jobs that were under way will never end: asked once more. */
void trn_enrich_inspect_lost(struct trn_enrich *e);
/* Is this exec still being looked up? NULL: is anything? */
bool trn_enrich_waiting(const struct trn_enrich *e, const struct trn_event *exec);

/* Reads what has come; 0, or -EPROTO/-ECONNRESET: that peer is lost. */
int trn_enrich_read_answers(struct trn_enrich *e) TRN_MUST_CHECK;
/* Results of other jobs (indicators) go to `others`; its members may be NULL. */
int trn_enrich_read_results(struct trn_enrich *e, const struct trn_inspect_sink *others) TRN_MUST_CHECK;
/* Deadlines, and a look at the package database now and then. */
int trn_enrich_tick(struct trn_enrich *e, uint64_t now_boot_ns, uint64_t now_wall_ns) TRN_MUST_CHECK;

/* The package index of our own root; NULL until read (or without dpkg). */
const struct trn_package_index *trn_enrich_packages(const struct trn_enrich *e);
struct trn_enrich_stats {
    uint64_t asked, told, failed, given_up, refused, reindexed, malformed;
    size_t pending, bytes;
    bool packages_read; /* the package database, or the knowledge that there is none */
};
void trn_enrich_stats(const struct trn_enrich *e, struct trn_enrich_stats *ret);

#endif
