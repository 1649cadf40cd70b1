/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure engine: numbered events in, findings, stories and rows to remember out. It reads no
 * clock, no file and no map order, so the same snapshot and log give the same output byte for byte.
 */
#ifndef TRN_ENGINE_PURE_H
#define TRN_ENGINE_PURE_H

#include "detect/detect.h"
#include "event/event.h"
#include "process/process.h"
#include "story/story.h"

struct trn_engine;

struct trn_engine_options {
    size_t sz;
    const struct trn_indicators *indicators; /* borrowed, outlives the engine; NULL: none */
    struct trn_engine_sink sink;
};

int trn_engine_new(const struct trn_engine_options *o, struct trn_engine **ret) TRN_MUST_CHECK;
struct trn_engine *trn_engine_free(struct trn_engine *e);
/* 0 or a negative errno (out of memory, or what a sink returned). Odd events are not errors. */
int trn_engine_push(struct trn_engine *e, const struct trn_event *ev) TRN_MUST_CHECK;
const struct trn_process_table *trn_engine_processes(const struct trn_engine *e);
const struct trn_detect *trn_engine_detect(const struct trn_engine *e);
const struct trn_story *trn_engine_story(const struct trn_engine *e, uint64_t id);
/* The version that was here before the last update of that software; absent: none is known. Borrowed until the next push. */
struct trn_str trn_engine_version_before(const struct trn_engine *e, struct trn_str name);
/* A story, not closed, of suspicious or worse about that version; 0: none. */
uint64_t trn_engine_story_against(const struct trn_engine *e, struct trn_str name, struct trn_str version);

/* What software of this name has always done: a JSON line of type "profile" each. */
void trn_engine_profile(const struct trn_engine *e, struct trn_str name, struct trn_buf *out);

/* One line of the budget table. */
struct trn_memory_row {
    const char *part;
    uint64_t bytes;
};
size_t trn_engine_memory(const struct trn_engine *e, struct trn_memory_row *ret, size_t max);

/* What was forgotten because there was no room, the least worth keeping first. */
struct trn_forgotten {
    uint64_t stories, processes, places; /* places: that software called */
};
struct trn_forgotten trn_engine_forgotten(const struct trn_engine *e);

#endif
