/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things go: small ops structs. A test is a source plus a sink. The callee copies what it
 * keeps; a negative return stops the source.
 */
#ifndef TRN_EVENT_SINK_H
#define TRN_EVENT_SINK_H

#include "event/finding.h"
#include "event/record.h"
#include "event/story.h"

struct trn_event_sink {
    int (*event)(void *ctx, const struct trn_event *ev);
    void *ctx;
};
static inline int trn_sink_event(const struct trn_event_sink *s, const struct trn_event *ev)
{
    return s && s->event ? s->event(s->ctx, ev) : 0;
}

struct trn_finding_sink {
    int (*finding)(void *ctx, const struct trn_finding *f);
    void *ctx;
};
static inline int trn_sink_finding(const struct trn_finding_sink *s, const struct trn_finding *f)
{
    return s && s->finding ? s->finding(s->ctx, f) : 0;
}

/* What the pure engine says. Any member may be NULL. */
struct trn_engine_sink {
    int (*finding)(void *ctx, const struct trn_finding *f);
    int (*story)(void *ctx, const struct trn_story *s);     /* whole story, at every change */
    int (*state)(void *ctx, const struct trn_event *state); /* a TRN_EV_STATE row to remember */
    void *ctx;
};

#endif
