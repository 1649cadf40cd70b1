/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which script an interpreter runs, as a path that can be opened: the kernel tells it for "#!" starts
 * only, and as it was typed; for the rest the arguments do (process/process.h, trn_script_of_args).
 */
#ifndef TRN_ENGINE_SCRIPT_H
#define TRN_ENGINE_SCRIPT_H

#include "event/event.h"

/* Absolute, normalised path ("//", "/./", "/../" resolved as text) in the arena, or absent. */
struct trn_str trn_script_of(const struct trn_event *exec, struct trn_arena *arena);

#endif
