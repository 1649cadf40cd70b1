/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine remembered when it started, as a file of TRN_EV_STATE events named by its hash:
 * STATE/snapshots/HEX.trns. The log's header names the hash, so that a replay starts from the same
 * memory; a snapshot that is missing or changed is an error, not a guess.
 */
#ifndef TRN_ENGINE_SNAPSHOT_H
#define TRN_ENGINE_SNAPSHOT_H

#include "engine/pure.h"
#include "event/event.h"

/* Writes the rows that `rows` gives (in their order) and names the file; an empty set gives an all-zero
 * hash and no file. */
struct trn_snapshot_source {
    int (*rows)(void *ctx, const struct trn_event_sink *to);
    void *ctx;
};
int trn_snapshot_write(const char *state_dir, const struct trn_snapshot_source *from, uint8_t ret_hash[TRN_SHA256_SIZE],
                       struct trn_err *err) TRN_MUST_CHECK;
/* Pushes the rows of snapshot `hash` into the engine; checks the hash. Zero hash: nothing to do. */
int trn_snapshot_load(const char *snapshot_dir, const uint8_t hash[TRN_SHA256_SIZE], struct trn_engine *e,
                      struct trn_err *err) TRN_MUST_CHECK;

/* The indicator set of a run, kept beside it as HEX.trni for replay; zero hash for none. */
int trn_snapshot_indicators(const char *state_dir, const struct trn_indicators *x, uint8_t ret_hash[TRN_SHA256_SIZE],
                            struct trn_err *err) TRN_MUST_CHECK;
int trn_snapshot_indicators_load(const char *snapshot_dir, const uint8_t hash[TRN_SHA256_SIZE],
                                 struct trn_indicators **ret, struct trn_err *err) TRN_MUST_CHECK;

/* Removes snapshots that no log in state_dir/log refers to (hashes as hex file names in `keep`, or all
 * referred to by headers). Best effort. */
void trn_snapshot_prune(const char *state_dir);

#endif
