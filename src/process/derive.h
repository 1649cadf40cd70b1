/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that follow from others, and what the table can add to an event that knows only a pid. Used where events
 * are recorded: what is derived is told as an event and logged, so a replay needs none of this.
 */
#ifndef TRN_PROCESS_DERIVE_H
#define TRN_PROCESS_DERIVE_H

#include "event/event.h"

struct trn_process_table;
struct trn_deriver;

/* tell gets LOGIN and CRED events; it may lead back to trn_deriver_before. The table is borrowed. */
int trn_deriver_new(const struct trn_process_table *t, struct trn_event_sink tell, struct trn_deriver **ret)
    TRN_MUST_CHECK;
struct trn_deriver *trn_deriver_free(struct trn_deriver *d); /* takes NULL, returns NULL */
/* changes_are_told: the kernel tells each change of ids, so one that is only noticed is strange.
 * running: what was there at the start is known, so a session or su that appears now is new. */
void trn_deriver_set(struct trn_deriver *d, bool changes_are_told, bool running);
/* Before the event is applied to the table; completes it. */
void trn_deriver_before(struct trn_deriver *d, struct trn_event *ev);
/* Once in a while, when nothing happens. */
void trn_deriver_time(struct trn_deriver *d, uint64_t boot_ns);
/* After either, and after the event was applied: tells what follows. */
int trn_deriver_after(struct trn_deriver *d) TRN_MUST_CHECK;

#endif
