/* SPDX-License-Identifier: Apache-2.0 */
/* A pure engine that made-up events (stage.h) go into, and what it holds and told. */
#ifndef TRN_BENCH_FULL_ENGINE_H
#define TRN_BENCH_FULL_ENGINE_H

#include "detect/detect.h"
#include "stage.h"
#include "story/story.h"

struct told {
    uint16_t score;
    uint16_t verdict;
    bool closed;
};

struct full_engine {
    struct stage s;
    struct trn_process_table *processes;
    struct trn_detect *detect;
    struct trn_stories *stories;
    struct told *told; /* by id: the last form of each story */
    uint64_t max_told, rows, findings;
    size_t heap_before;
};

/* 0: what the product takes. */
int full_engine_begin(struct full_engine *e, uint32_t stories, uint32_t processes, uint64_t max_told) TRN_MUST_CHECK;
void full_engine_end(struct full_engine *e);
/* What each part holds by its own account, and what malloc says, as a JSON object. */
void full_engine_report(const struct full_engine *e, const char *when);

#endif
