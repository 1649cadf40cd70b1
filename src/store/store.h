/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind one handle: events (dictionary-encoded), findings, stories, remembered rows,
 * sightings (first and last seen). A full, read-only or damaged store never stops detection: puts
 * then return an error, what was lost is counted, and trn_store_health says why in one sentence.
 * Not thread-safe: one handle a thread (a second one, read-only, for queries).
 */
#ifndef TRN_STORE_STORE_H
#define TRN_STORE_STORE_H

#include "event/event.h"

struct trn_store;

struct trn_store_options {
    size_t sz;
    uint64_t max_bytes;  /* 0: 512 MiB; oldest events go first */
    uint64_t max_age_ns; /* 0: 30 days for events; sightings and provenance stay */
    bool read_only;
};

/* A result of SQLite as a negative errno, for who has a database of its own. */
int trn_store_code(int rc);

/* A damaged file is renamed to store.db.damaged-TIME (never deleted) and a new one begun; *ret_note
 * (arena) then says so. now_wall_ns: for names and retention. */
int trn_store_open(const char *path, const struct trn_store_options *o, uint64_t now_wall_ns, struct trn_arena *arena,
                   struct trn_store **ret, struct trn_str *ret_note, struct trn_err *err) TRN_MUST_CHECK;
struct trn_store *trn_store_close(struct trn_store *s);

/* Puts are grouped into one transaction until trn_store_commit. entity_path: executable of the acting
 * process, so that hunt finds it without a join; absent when unknown. */
int trn_store_event(struct trn_store *s, const struct trn_event *ev, struct trn_str entity_path, struct trn_err *err)
    TRN_MUST_CHECK;
/* The same for an event that was decoded from these bytes. */
int trn_store_encoded(struct trn_store *s, const struct trn_event *ev, struct trn_str encoded,
                      struct trn_str entity_path, struct trn_err *err) TRN_MUST_CHECK;
int trn_store_finding(struct trn_store *s, const struct trn_finding *f, uint64_t story, struct trn_err *err)
    TRN_MUST_CHECK;
int trn_store_story(struct trn_store *s, const struct trn_story *st, struct trn_err *err)
    TRN_MUST_CHECK; /* replaces the earlier revision */
int trn_store_state(struct trn_store *s, const struct trn_event *state, struct trn_err *err)
    TRN_MUST_CHECK; /* empty value: forget */
int trn_store_commit(struct trn_store *s, struct trn_err *err) TRN_MUST_CHECK;
/* Why rows are being lost, or what happened to the file; absent when all is well. Borrowed. */
struct trn_str trn_store_health(const struct trn_store *s);
/* Rows that were given and did not come to stay (a failed transaction loses all of its rows). */
uint64_t trn_store_lost(const struct trn_store *s);
/* Retention; a bounded amount of work a call. */
int trn_store_prune(struct trn_store *s, uint64_t now_wall_ns, struct trn_err *err) TRN_MUST_CHECK;

/* ---- queries ---- */
/* Remembered rows in (kind, key) order, as TRN_EV_STATE events. */
int trn_store_states(struct trn_store *s, const struct trn_event_sink *sink, struct trn_err *err) TRN_MUST_CHECK;
/* Stories as their JSON text, newest first; min: from this verdict up. limit 0: 1000. */
struct trn_json_sink {
    int (*line)(void *ctx, struct trn_str json);
    void *ctx;
};
int trn_store_stories(struct trn_store *s, enum trn_verdict min, uint32_t limit, const struct trn_json_sink *sink,
                      struct trn_err *err) TRN_MUST_CHECK;
int trn_store_story_json(struct trn_store *s, uint64_t id, struct trn_buf *out, struct trn_err *err)
    TRN_MUST_CHECK; /* -ENOENT */
/* The stored story itself, for printing and restoring; views in the arena. */
int trn_store_story_get(struct trn_store *s, uint64_t id, struct trn_arena *arena, struct trn_story **ret,
                        struct trn_err *err) TRN_MUST_CHECK;
int trn_store_findings(struct trn_store *s, uint64_t since_wall_ns, uint32_t limit, const struct trn_json_sink *sink,
                       struct trn_err *err) TRN_MUST_CHECK;
/* A DECISION about a stored story; -ENOENT. The engine does it for those that it holds. */
int trn_store_decide(struct trn_store *s, const struct trn_event *decision, struct trn_err *err) TRN_MUST_CHECK;

/* Hunt expression: FIELD=VALUE terms (ECS names or short aliases: process, path, sha256, domain, ip,
 * port, software, type, pid, user), '*' and '?' wildcards, != and quotes, joined by space (and) or
 * "or"; since=2h until=... bound the time. Grammar in hunt.h of the room; docs in man page. */
struct trn_hunt_summary {
    uint64_t matches, first_wall_ns, last_wall_ns; /* over everything, also past the limit */
};
int trn_store_hunt(struct trn_store *s, struct trn_str expr, uint64_t now_wall_ns, uint32_t limit,
                   const struct trn_json_sink *sink, struct trn_hunt_summary *ret, struct trn_err *err) TRN_MUST_CHECK;
/* The events behind a story, in the order of the log: those that its findings and its change name, what was lost in its
 * time, then what its processes did, until there are max of them. Once each. */
enum trn_row_kind { TRN_ROW_BEHIND, TRN_ROW_LOSS, TRN_ROW_ACT };
struct trn_store_rows {
    struct trn_store_row {
        int64_t id;
        enum trn_row_kind kind;
    } * rows;
    uint32_t n, missing; /* missing: named by a finding and not stored any more */
    uint64_t left_out;   /* acts past the limits */
};
int trn_store_story_rows(struct trn_store *s, const struct trn_story *story, uint32_t max, struct trn_store_rows *ret,
                         struct trn_err *err) TRN_MUST_CHECK;
void trn_store_rows_done(struct trn_store_rows *r);
/* May be walked more than once. The event is borrowed and may be changed by fn. */
typedef int trn_store_row_fn(void *ctx, struct trn_event *ev, enum trn_row_kind kind);
int trn_store_rows_each(struct trn_store *s, const struct trn_store_rows *rows, trn_store_row_fn *fn, void *ctx,
                        struct trn_err *err) TRN_MUST_CHECK;
/* Sightings: kind is "sha256" "domain" "ip" "path" "software". False: never seen. */
int trn_store_sighting(struct trn_store *s, struct trn_str kind, struct trn_str value, bool *ret_seen,
                       uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_count, struct trn_err *err)
    TRN_MUST_CHECK;
uint64_t trn_store_bytes(struct trn_store *s);

#endif
