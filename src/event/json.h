/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECS JSON of events, and the JSON contracts of DESIGN section 6 for findings and stories.
 * Nested objects ({"process":{"executable":...}}), one line, keys in the order of the field table.
 * Bytes that are not UTF-8: the readable string has U+FFFD and "turncoat.raw" carries
 * {"process.executable": "<hex>"}, so that decoding gives back the exact bytes.
 */
#ifndef TRN_EVENT_JSON_H
#define TRN_EVENT_JSON_H

#include "event/finding.h"
#include "event/record.h"
#include "event/story.h"

void trn_event_to_json(const struct trn_event *ev, struct trn_buf *out);
/* One JSON object (flat dotted keys are accepted too); views live in the arena. */
int trn_event_from_json(struct trn_str json, struct trn_arena *arena, struct trn_event *ret, struct trn_err *err)
    TRN_MUST_CHECK;
void trn_finding_to_json(const struct trn_finding *f, struct trn_buf *out);
void trn_story_to_json(const struct trn_story *s, struct trn_buf *out);

#endif
