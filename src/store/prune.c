/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: retention: by age, by bytes, and texts that nobody names any more. A bounded amount of work a
 * call. Must not own: when it is called.
 * Hand-offs: none. Sightings of hashes, names, addresses and software stay; those of paths, which any
 * program can make without end, go when they are older than the oldest event and space is short.
 */
#include "store/db.h"

#define BATCH "4000"
#define ROUNDS 25 /* transactions a call at most: some tenths of a second */
#define SWEEP 4000

static int bind_run(struct trn_store *s, const char *sql, int64_t a, int64_t b, uint64_t *ret_changes,
                    struct trn_err *err)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    if (rc == SQLITE_OK) {
        if (sqlite3_bind_parameter_count(q) >= 1)
            sqlite3_bind_int64(q, 1, a);
        if (sqlite3_bind_parameter_count(q) >= 2)
            sqlite3_bind_int64(q, 2, b);
        rc = sqlite3_step(q);
    }
    sqlite3_finalize(q);
    if (rc != SQLITE_DONE)
        return trn_db_abort(s, trn_db_fail(s, rc, err, "prune the store"));
    if (ret_changes)
        *ret_changes += (uint64_t)sqlite3_changes(s->db);
    return 0;
}

static uint64_t used_bytes(struct trn_store *s)
{
    uint64_t pages = trn_db_pragma_u64(s, "PRAGMA page_count"), idle = trn_db_pragma_u64(s, "PRAGMA freelist_count");
    return (pages > idle ? pages - idle : 0) * trn_db_pragma_u64(s, "PRAGMA page_size");
}

static int by_age(struct trn_store *s, uint64_t now_wall_ns, uint64_t *ret_changes, struct trn_err *err)
{
    int64_t oldest = (int64_t)(now_wall_ns > s->options.max_age_ns ? now_wall_ns - s->options.max_age_ns : 0);

    int r =
        bind_run(s, "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE wall<?1 ORDER BY wall LIMIT " BATCH ")",
                 oldest, 0, ret_changes, err);
    /* What a file is stays as long as an act on it does. */
    if (r == 0)
        r = bind_run(s,
                     "DELETE FROM file WHERE key IN (SELECT key FROM file WHERE wall<?1 ORDER BY wall LIMIT " BATCH ")"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE event.file=file.key)",
                     oldest, 0, ret_changes, err);
    return r;
}

static int by_bytes(struct trn_store *s, uint64_t *ret_changes, struct trn_err *err)
{
    if (used_bytes(s) <= s->options.max_bytes)
        return 0;
    int r = bind_run(s, "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT " BATCH ")", 0, 0,
                     ret_changes, err);
    if (r == 0)
        r = bind_run(
            s,
            "DELETE FROM sighting WHERE kind=4 AND value IN (SELECT id FROM string WHERE id>?1 ORDER BY id LIMIT ?2)"
            " AND last<(SELECT coalesce(min(wall),0x7fffffffffffffff) FROM event)",
            s->sweep, SWEEP, ret_changes, err);
    return r;
}

/* A window over the dictionary each time; the cache is emptied because it may name what is gone. */
static int sweep_texts(struct trn_store *s, struct trn_err *err)
{
    uint64_t gone = 0;
    int r = bind_run(s,
                     "DELETE FROM string WHERE id IN (SELECT id FROM string WHERE id>?1 ORDER BY id LIMIT ?2)"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE path=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE process=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE path2=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE name=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM event WHERE software=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM file WHERE path=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM file WHERE software=string.id)"
                     " AND NOT EXISTS(SELECT 1 FROM sighting WHERE value=string.id)",
                     s->sweep, SWEEP, &gone, err);
    if (r < 0)
        return r;
    if (gone)
        trn_dict_forget(s);
    int64_t top = (int64_t)trn_db_pragma_u64(s, "SELECT coalesce(max(id),0) FROM string");
    s->sweep = s->sweep + SWEEP < top ? s->sweep + SWEEP : 0;
    return 0;
}

/* One transaction of each kind of pruning. */
static int round_of(struct trn_store *s, uint64_t now_wall_ns, uint64_t *ret_changes, struct trn_err *err)
{
    int r = trn_db_begin(s, err);
    if (r == 0)
        r = by_age(s, now_wall_ns, ret_changes, err);
    if (r == 0)
        r = by_bytes(s, ret_changes, err);
    if (r == 0)
        r = sweep_texts(s, err);
    return r == 0 ? trn_store_commit(s, err) : r;
}

int trn_store_prune(struct trn_store *s, uint64_t now_wall_ns, struct trn_err *err)
{
    uint64_t all = 0, changes = 1;

    int r = trn_store_commit(s, err);
    for (int i = 0; r == 0 && changes && i < ROUNDS; i++) {
        changes = 0;
        r = round_of(s, now_wall_ns, &changes, err);
        all += changes;
    }
    if (r < 0 || all == 0)
        return r;
    /* Gives free pages back to the file system, and keeps the planner's statistics true. */
    return trn_db_exec(s, "PRAGMA incremental_vacuum(4000); PRAGMA optimize", err, "prune the store");
}
