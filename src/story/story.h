/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins findings by cause into stories about one software, scores and words them. Pure: reads the
 * process table and what it was pushed; time comes from events.
 */
#ifndef TRN_STORY_STORY_H
#define TRN_STORY_STORY_H

#include "event/event.h"
#include "process/process.h"

struct trn_stories;

struct trn_stories_options {
    size_t sz;
    const struct trn_process_table *processes;          /* borrowed */
    int (*story)(void *ctx, const struct trn_story *s); /* at every change; s borrowed during the call */
    struct trn_event_sink state;                        /* rows to remember open stories by */
    void *ctx;
    /* An earlier version of that software talked to it, or it is learned; NULL: not known. name may be absent. */
    bool (*usual)(void *ctx, const struct trn_software *s, struct trn_str name, const uint8_t *address, uint8_t family);
    uint32_t max_open; /* 0: 1,024; past it the lowest score is dropped and counted, what was closed before that */
    size_t max_bytes;  /* 0: 8 MiB of contents; the same */
};

int trn_stories_new(const struct trn_stories_options *o, struct trn_stories **ret) TRN_MUST_CHECK;
struct trn_stories *trn_stories_free(struct trn_stories *s);
int trn_stories_finding(struct trn_stories *s, const struct trn_finding *f) TRN_MUST_CHECK;
/* Every event, after detection: network totals, process trees, losses, software changes, STATE rows, time. */
int trn_stories_event(struct trn_stories *s, const struct trn_event *ev) TRN_MUST_CHECK;
const struct trn_story *trn_stories_get(const struct trn_stories *s, uint64_t id); /* NULL when not in memory */
/* The version before the last update of that software; absent: none is known. Borrowed until the next event. */
struct trn_str trn_stories_version_before(const struct trn_stories *s, struct trn_str name);
/* An open story of suspicious or worse about that version; 0: none. */
uint64_t trn_stories_against(const struct trn_stories *s, struct trn_str name, struct trn_str version);
uint64_t trn_stories_dropped(const struct trn_stories *s);
size_t trn_stories_bytes(const struct trn_stories *s);

/* Score of a set of findings and its verdict (behaviour.md section 4; also used by static scans later). */
uint16_t trn_story_score(const struct trn_finding *f, uint32_t n, enum trn_verdict *ret_verdict);

/* The page a person sees (DESIGN section 6). width 0: 100 columns; colour only when asked. */
void trn_story_print(const struct trn_story *s, unsigned width, bool colour, struct trn_buf *out);
/* The same as one self-contained HTML file, for an evidence bundle: no script, nothing from outside. */
struct trn_story_about { /* what the page says of the bundle that it is part of */
    uint64_t made_wall_ns;
    struct trn_str host_name, host_id, system, version, key, removed; /* absent: not shown */
    uint64_t events, events_left_out, events_missing, losses;
};
void trn_story_html(const struct trn_story *s, const struct trn_story_about *about, struct trn_buf *out);

#endif
