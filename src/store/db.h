/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to src/store: the handle, and what its files share. */
#ifndef TRN_STORE_DB_H
#define TRN_STORE_DB_H

#include "store/store.h"

#include <sqlite3.h>

enum trn_store_stmt { /* prepared once, used for each row */
                      TRN_SQL_BEGIN,
                      TRN_SQL_COMMIT,
                      TRN_SQL_ROLLBACK,
                      TRN_SQL_STRING_FIND,
                      TRN_SQL_STRING_PUT,
                      TRN_SQL_EVENT_PUT,
                      TRN_SQL_FILE_PUT,
                      TRN_SQL_SIGHTING_PUT,
                      TRN_SQL_SIGHTING_GET,
                      TRN_SQL_FINDING_PUT,
                      TRN_SQL_STORY_PUT,
                      TRN_SQL_STATE_PUT,
                      TRN_SQL_STATE_DELETE,
                      TRN_SQL_MAX,
};

enum trn_sighting_kind {
    TRN_SEEN_SHA256 = 1,
    TRN_SEEN_DOMAIN,
    TRN_SEEN_IP,
    TRN_SEEN_PATH,
    TRN_SEEN_SOFTWARE,
    TRN_SEEN_MAX,
};

#define TRN_DICT_CACHE 4096   /* texts whose number is known without asking SQLite */
#define TRN_SEEN_CACHE 1024   /* sightings gathered before they are written */
#define TRN_STRING_MAX 65536u /* longer texts are only in the encoded event */

struct trn_dict_entry {
    uint64_t hash;
    int64_t id; /* 0: free */
    char *text; /* owned; compared, because hashes can be made to collide */
    size_t n;
};

struct trn_seen_entry {
    int64_t kind, value; /* value 0: free */
    uint64_t first, last, count;
};

struct trn_store {
    sqlite3 *db;
    sqlite3_stmt *stmt[TRN_SQL_MAX]; /* made when first used */
    char *path;
    struct trn_store_options options;
    uint64_t opened_wall_ns;
    bool in_transaction, damaged;
    uint64_t pending, lost; /* rows since BEGIN; rows that did not come to stay */
    int64_t sweep;          /* how far unused texts were looked for */
    struct trn_buf scratch;
    char health[320];
    struct trn_dict_entry dict[TRN_DICT_CACHE];
    struct trn_seen_entry seen[TRN_SEEN_CACHE];
};

/* open.c */
/* Turns an SQLite result into an error; notes damage and a sentence for trn_store_health. */
int trn_db_fail(struct trn_store *s, int rc, struct trn_err *err, const char *what);
/* The prepared statement, reset and without bindings; NULL on failure. */
sqlite3_stmt *trn_db_stmt(struct trn_store *s, enum trn_store_stmt which);
int trn_db_exec(struct trn_store *s, const char *sql, struct trn_err *err, const char *what);
int trn_db_begin(struct trn_store *s, struct trn_err *err); /* when none is open */
/* Gives up the open transaction: its rows are counted as lost. Returns code. */
int trn_db_abort(struct trn_store *s, int code);
/* Runs a statement that returns no rows; aborts the transaction when it fails. */
int trn_db_run(struct trn_store *s, sqlite3_stmt *q, struct trn_err *err, const char *what);
uint64_t trn_db_pragma_u64(struct trn_store *s, const char *sql);
void trn_db_bind_text(sqlite3_stmt *q, int at, struct trn_str v); /* absent: NULL */
struct trn_str trn_db_column(sqlite3_stmt *q, int at);            /* borrowed until the next step; NULL: absent */

/* schema.c */
int trn_schema_apply(struct trn_store *s, struct trn_err *err); /* creates or migrates */
const char *trn_schema_statement(enum trn_store_stmt which);

/* dict.c */
/* Number of a text, made when new. Absent and overlong texts: 0, to be stored as NULL. */
int trn_dict_intern(struct trn_store *s, struct trn_str text, int64_t *ret, struct trn_err *err);
/* Number of a text that is there; 0 when it is not. */
int trn_dict_find(struct trn_store *s, struct trn_str text, int64_t *ret, struct trn_err *err);
void trn_dict_forget(struct trn_store *s); /* empties the cache */

/* sighting.c */
int trn_seen_event(struct trn_store *s, const struct trn_event *ev, struct trn_err *err);
int trn_seen_flush(struct trn_store *s, struct trn_err *err);

#endif
