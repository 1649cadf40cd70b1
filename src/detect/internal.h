/* SPDX-License-Identifier: Apache-2.0 */
/* What the detectors of this room share. Not for outsiders. */
#ifndef TRN_DETECT_INTERNAL_H
#define TRN_DETECT_INTERNAL_H

#include "detect/detect.h"

/* Lent to every detector; outlives them. */
struct trn_detect_ctx {
    const struct trn_process_table *processes;
    const struct trn_indicators *indicators;
    struct trn_finding_sink findings;
    struct trn_event_sink state;
};

/* ---- seen.c: a bounded set that forgets the oldest ---- */
struct trn_seen;
struct trn_seen *trn_seen_new(uint32_t max) TRN_MUST_CHECK;
struct trn_seen *trn_seen_free(struct trn_seen *s);
/* How often the key was there before, this time not counted; counts it. */
uint64_t trn_seen_count(struct trn_seen *s, uint64_t key);
bool trn_seen_has(const struct trn_seen *s, uint64_t key);
size_t trn_seen_bytes(const struct trn_seen *s);

/* ---- subject.c: who is this about ---- */

/* Same name, version and origin; two unknown ones are not the same. */
bool trn_same_software(const struct trn_software *a, const struct trn_software *b);
/* The uppermost process of the software that acts for e (a browser's main process for its helpers); e itself
 * when nobody acts for it. */
const struct trn_entity *trn_root_of(const struct trn_process_table *t, const struct trn_entity *e);
/* Fills f->acting, f->entity and f->software for an act of e. True when only a session acts: f->acting is 0 then
 * and the software is that of the image. */
bool trn_subject(const struct trn_process_table *t, const struct trn_entity *e, struct trn_finding *f);
/* Software whose own business is to fetch code and run it: package managers, version control, build drivers.
 * It lowers a score, it never silences, and a file outside any package cannot claim the name. */
bool trn_is_installer(const struct trn_software *s);
/* The same, editors and tools that fetch what developers name. */
bool trn_is_developers(const struct trn_software *s);
/* A web browser, by its package; the same care. */
bool trn_is_browser(const struct trn_software *s);
/* Backup, search, sync and password tools, by their package: what they read is what a person told them to read. */
bool trn_is_data_reader(const struct trn_software *s);
/* Whose program e runs is known, or nothing more will be told about it. */
bool trn_image_is_known(const struct trn_entity *e);
/* The person at a prompt (or a job) started e: nothing but shells and tools above it. */
bool trn_started_by_session(const struct trn_process_table *t, const struct trn_entity *e);

/* ---- words.c: pieces of sentences; foreign text escaped ---- */
void trn_put_address(struct trn_buf *b, const uint8_t *address, uint8_t family, uint32_t port);
/* View of the buffer kept in the arena; absent when the buffer went bad. */
struct trn_str trn_keep(struct trn_arena *a, const struct trn_buf *b);

/* ---- brought.c ---- */
int trn_brought_push(const struct trn_detect_ctx *ctx, const struct trn_event *ev) TRN_MUST_CHECK;

/* Completes id and times from ev and gives it to the sink. salt: what makes it this finding besides the check. */
int trn_report(const struct trn_detect_ctx *ctx, struct trn_finding *f, uint64_t salt);

#endif
