/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to src/store: a hunt as SQL. */
#ifndef TRN_STORE_HUNT_SQL_H
#define TRN_STORE_HUNT_SQL_H

#include "store/db.h"
#include "store/hunt.h"

#define TRN_HUNT_BINDS 128
#define TRN_HUNT_IDS 100000 /* values that one term may stand for */

struct trn_hunt_bind {
    enum { TRN_BIND_NUMBER, TRN_BIND_BLOB, TRN_BIND_HUNT } kind;
    int64_t number;
    uint8_t blob[16];
    uint8_t n;
};

struct trn_hunt_sql {
    struct trn_buf where; /* condition on table event, with ?1 .. ?n */
    struct trn_hunt_bind binds[TRN_HUNT_BINDS];
    int n;
};

/* Resolves texts to numbers first (more than one: into temp.hunt_set), then writes the condition. */
int trn_hunt_compile(struct trn_store *s, const struct trn_hunt *h, struct trn_arena *arena, struct trn_hunt_sql *out,
                     struct trn_err *err) TRN_MUST_CHECK;
/* How SQLite goes about an expression, one step a line; for tests and whoever tunes. */
int trn_hunt_plan(struct trn_store *s, struct trn_str expr, uint64_t now_wall_ns, struct trn_buf *out,
                  struct trn_err *err) TRN_MUST_CHECK;
/* Registers trn_match() on a new handle. */
int trn_hunt_register(sqlite3 *db);

/* Numbers of the newest hits first, then their records. The '+' keeps SQLite from walking all events in
 * order of time in the hope of soon having enough; CROSS JOIN fixes who comes first. */
#define TRN_HUNT_LIST                                                      \
    "SELECT e.record, (SELECT text FROM string WHERE string.id=e.process)" \
    " FROM (SELECT id FROM event WHERE "
#define TRN_HUNT_NEWEST                                                                    \
    " ORDER BY +wall DESC, +id DESC LIMIT %u) AS hit CROSS JOIN event AS e ON e.id=hit.id" \
    " ORDER BY +e.wall DESC, +e.id DESC"

#endif
