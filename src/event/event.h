/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct trn_event: one thing that happened; the one type for live, replayed, foreign and fleet
 * events. Header, class body, and a bounded list of extras. Absent is not empty: strings have p ==
 * NULL, numbers TRN_NO_*. All views are borrowed (from the arena or record they were decoded from);
 * trn_event_copy makes them independent. Start from trn_event_init, never from {0}.
 * field.h names every member once; codec, JSON and hunt go through that table.
 */
#ifndef TRN_EVENT_EVENT_H
#define TRN_EVENT_EVENT_H

#include "event/act.h"
#include "event/check.h"
#include "event/codec.h"
#include "event/field.h"
#include "event/finding.h"
#include "event/journal.h"
#include "event/json.h"
#include "event/record.h"
#include "event/sink.h"
#include "event/story.h"
#include "event/types.h"
#include "event/words.h"

#endif
