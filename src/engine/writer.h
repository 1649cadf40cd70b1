/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's own thread: takes copies from a bounded queue, groups them into transactions. What
 * finds no room, or what the store refuses (full, read-only, damaged), is counted; detection never
 * waits. All functions are called by the engine's main thread, except where said.
 */
#ifndef TRN_ENGINE_WRITER_H
#define TRN_ENGINE_WRITER_H

#include "event/event.h"
#include "store/store.h"

struct trn_writer;

/* Fails only when out of memory; a store that cannot be opened is a state, retried now and then. */
int trn_writer_new(const char *store_path, struct trn_writer **ret) TRN_MUST_CHECK;
struct trn_writer *trn_writer_free(struct trn_writer *w); /* writes what is queued first */
/* Remembered rows of earlier runs; before anything was queued. */
int trn_writer_states(struct trn_writer *w, const struct trn_event_sink *sink, struct trn_err *err) TRN_MUST_CHECK;

/* encoded: by trn_event_encode; absent counts as lost. */
void trn_writer_event(struct trn_writer *w, struct trn_str encoded, struct trn_str entity_path);
void trn_writer_finding(struct trn_writer *w, const struct trn_finding *f);
void trn_writer_story(struct trn_writer *w, const struct trn_story *s);
void trn_writer_state(struct trn_writer *w, const struct trn_event *state);
/* What a person decided about a story that only the store has. */
void trn_writer_decision(struct trn_writer *w, const struct trn_event *decision);

struct trn_writer_stats {
    uint64_t lost, written, bytes;
    size_t queued_bytes;
    char state[400]; /* "ok", or why not; already escaped */
};
void trn_writer_stats(struct trn_writer *w, struct trn_writer_stats *ret); /* from any thread */

#endif
