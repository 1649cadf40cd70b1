/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: tables, indexes, migrations, and the text of the statements that run for each row.
 * Must not own: running them.
 * Hand-offs: texts are static.
 *
 * An event row repeats only what is searched often; record holds all of it. Numbers that are unsigned
 * in C are stored as the same 64 bits. string.base is a hash of the last path component, so that
 * process=curl finds /usr/bin/curl by index. Indexes end with wall: the count, first and last of a
 * search come from the index alone.
 */
#include "store/db.h"

#include <stdio.h>

#define APPLICATION_ID "0x54524e43" /* "TRNC" */

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE string(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, base INTEGER, text BLOB NOT NULL);"
    "CREATE INDEX string_hash ON string(hash);"
    "CREATE INDEX string_base ON string(base) WHERE base IS NOT NULL;"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, wall INTEGER NOT NULL, type INTEGER NOT NULL,"
    " entity INTEGER, pid INTEGER, uid INTEGER, process INTEGER, path INTEGER, path2 INTEGER, file INTEGER,"
    " name INTEGER, ip BLOB, port INTEGER, software INTEGER, record BLOB NOT NULL);"
    "CREATE INDEX event_wall ON event(wall);"
    "CREATE INDEX event_seq ON event(seq);"
    "CREATE INDEX event_entity ON event(entity, wall) WHERE entity IS NOT NULL;"
    "CREATE INDEX event_process ON event(process, wall) WHERE process IS NOT NULL;"
    "CREATE INDEX event_path ON event(path, wall) WHERE path IS NOT NULL;"
    "CREATE INDEX event_path2 ON event(path2, wall) WHERE path2 IS NOT NULL;"
    "CREATE INDEX event_file ON event(file, wall) WHERE file IS NOT NULL;"
    "CREATE INDEX event_name ON event(name, wall) WHERE name IS NOT NULL;"
    "CREATE INDEX event_ip ON event(ip, wall) WHERE ip IS NOT NULL;"
    "CREATE INDEX event_software ON event(software, wall) WHERE software IS NOT NULL;"
    "CREATE TABLE file(key INTEGER PRIMARY KEY, wall INTEGER NOT NULL, sha256 BLOB, software INTEGER, path INTEGER);"
    "CREATE INDEX file_sha256 ON file(sha256) WHERE sha256 IS NOT NULL;"
    "CREATE INDEX file_software ON file(software) WHERE software IS NOT NULL;"
    "CREATE INDEX file_path ON file(path) WHERE path IS NOT NULL;"
    "CREATE INDEX file_wall ON file(wall);"
    "CREATE TABLE sighting(value INTEGER NOT NULL, kind INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT "
    "NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY(value, kind)) WITHOUT ROWID;"
    "CREATE TABLE finding(id INTEGER PRIMARY KEY, wall INTEGER NOT NULL, story INTEGER, record BLOB NOT NULL);"
    "CREATE INDEX finding_wall ON finding(wall);"
    "CREATE TABLE story(id INTEGER PRIMARY KEY, verdict INTEGER NOT NULL, score INTEGER NOT NULL, updated INTEGER NOT "
    "NULL,"
    " closed INTEGER NOT NULL, close_verdict INTEGER NOT NULL, why BLOB, record BLOB NOT NULL);"
    "CREATE INDEX story_updated ON story(updated);"
    "CREATE TABLE state(kind BLOB NOT NULL, key INTEGER NOT NULL, value BLOB NOT NULL, wall INTEGER NOT NULL,"
    " PRIMARY KEY(kind, key)) WITHOUT ROWID;",
};

static const char *const statements[TRN_SQL_MAX] = {
    [TRN_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [TRN_SQL_COMMIT] = "COMMIT",
    [TRN_SQL_ROLLBACK] = "ROLLBACK",
    [TRN_SQL_STRING_FIND] = "SELECT id FROM string WHERE hash=?1 AND text=?2",
    [TRN_SQL_STRING_PUT] = "INSERT INTO string(hash,base,text) VALUES(?1,?2,?3)",
    [TRN_SQL_EVENT_PUT] =
        "INSERT INTO event(seq,wall,type,entity,pid,uid,process,path,path2,file,name,ip,port,software,record)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
    /* What is not known now does not wipe out what was known before. */
    [TRN_SQL_FILE_PUT] = "INSERT INTO file(key,wall,sha256,software,path) VALUES(?1,?2,?3,?4,?5)"
                         " ON CONFLICT(key) DO UPDATE SET wall=excluded.wall, sha256=coalesce(excluded.sha256,sha256),"
                         " software=coalesce(excluded.software,software), path=coalesce(excluded.path,path)",
    [TRN_SQL_SIGHTING_PUT] = "INSERT INTO sighting(value,kind,first,last,count) VALUES(?1,?2,?3,?4,?5)"
                             " ON CONFLICT(value,kind) DO UPDATE SET first=min(first,excluded.first),"
                             " last=max(last,excluded.last), count=count+excluded.count",
    [TRN_SQL_SIGHTING_GET] = "SELECT first,last,count FROM sighting WHERE value=?1 AND kind=?2",
    [TRN_SQL_FINDING_PUT] = "INSERT INTO finding(id,wall,story,record) VALUES(?1,?2,?3,?4)"
                            " ON CONFLICT(id) DO UPDATE SET wall=excluded.wall, story=coalesce(excluded.story,story),"
                            " record=excluded.record",
    /* Whether it is closed is the engine's word; the column is there to search by. close_verdict is no longer used. */
    [TRN_SQL_STORY_PUT] = "INSERT INTO story(id,verdict,score,updated,closed,close_verdict,why,record)"
                          " VALUES(?1,?2,?3,?4,?5,?2,?6,?7) ON CONFLICT(id) DO UPDATE SET verdict=excluded.verdict,"
                          " score=excluded.score, updated=excluded.updated, record=excluded.record,"
                          " why=excluded.why, closed=excluded.closed",
    [TRN_SQL_STATE_PUT] = "INSERT INTO state(kind,key,value,wall) VALUES(?1,?2,?3,?4)"
                          " ON CONFLICT(kind,key) DO UPDATE SET value=excluded.value, wall=excluded.wall",
    [TRN_SQL_STATE_DELETE] = "DELETE FROM state WHERE kind=?1 AND key=?2",
};

const char *trn_schema_statement(enum trn_store_stmt which)
{
    return statements[which];
}

int trn_schema_apply(struct trn_store *s, struct trn_err *err)
{
    uint64_t version = trn_db_pragma_u64(s, "PRAGMA user_version");
    char bump[64];

    if (version > TRN_ARRAY_SIZE(migrations)) {
        trn_fail(err, -ENOTSUP,
                 "cannot open store: it was written by a newer version (schema %llu, this one knows %zu)",
                 (unsigned long long)version, TRN_ARRAY_SIZE(migrations));
        trn_hint(err, "install the newer version, or move the file away");
        return -ENOTSUP;
    }
    if (version == TRN_ARRAY_SIZE(migrations) || s->options.read_only)
        return 0;
    int r = trn_db_exec(s, "BEGIN IMMEDIATE", err, "migrate store");
    for (; r == 0 && version < TRN_ARRAY_SIZE(migrations); version++)
        r = trn_db_exec(s, migrations[version], err, "migrate store");
    snprintf(bump, sizeof(bump), "PRAGMA user_version=%zu", TRN_ARRAY_SIZE(migrations));
    if (r == 0)
        r = trn_db_exec(s, bump, err, "migrate store");
    if (r == 0)
        r = trn_db_exec(s, "PRAGMA application_id=" APPLICATION_ID, err, "migrate store");
    if (r == 0)
        r = trn_db_exec(s, "COMMIT", err, "migrate store");
    if (r < 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}
