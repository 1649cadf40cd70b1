/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the SQLite handle and its settings, transactions, turning SQLite's results into errors, and
 * setting damaged files aside. Must not own: tables (schema.c), rows.
 * Hand-offs: the handle is the caller's until trn_store_close.
 */
#include "store/db.h"
#include "store/hunt_sql.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BYTES (512ull << 20)
#define DEFAULT_AGE (30ull * 86400 * TRN_NS_PER_SEC)
#define SCRATCH_MAX (4u << 20)

int trn_store_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EAGAIN;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return -EACCES;
    case SQLITE_TOOBIG:
        return -E2BIG;
    default:
        return -EIO;
    }
}

int trn_db_fail(struct trn_store *s, int rc, struct trn_err *err, const char *what)
{
    int code = trn_store_code(rc);

    if (code == -EUCLEAN)
        s->damaged = true;
    snprintf(s->health, sizeof(s->health), "the store cannot %s: %s", what, sqlite3_errstr(rc));
    trn_fail(err, code, "cannot %s: %s", what, sqlite3_errstr(rc));
    if (code == -ENOSPC)
        trn_hint(err, "free disk space or raise the store's limit; detection goes on");
    else if (code == -EROFS || code == -EACCES)
        trn_hint(err, "check owner and mode of the state directory; detection goes on");
    return code;
}

sqlite3_stmt *trn_db_stmt(struct trn_store *s, enum trn_store_stmt which)
{
    if (s->stmt[which] == NULL) {
        if (sqlite3_prepare_v3(s->db, trn_schema_statement(which), -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[which],
                               NULL) != SQLITE_OK)
            return NULL;
    }
    sqlite3_reset(s->stmt[which]);
    sqlite3_clear_bindings(s->stmt[which]);
    return s->stmt[which];
}

void trn_db_bind_text(sqlite3_stmt *q, int at, struct trn_str v)
{
    if (v.p && v.n <= INT32_MAX)
        sqlite3_bind_blob(q, at, v.p, (int)v.n, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, at);
}

struct trn_str trn_db_column(sqlite3_stmt *q, int at)
{
    if (sqlite3_column_type(q, at) == SQLITE_NULL)
        return TRN_STR_NONE;
    const void *p = sqlite3_column_blob(q, at);
    return (struct trn_str){p ? p : "", (size_t)sqlite3_column_bytes(q, at)};
}

int trn_db_exec(struct trn_store *s, const char *sql, struct trn_err *err, const char *what)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : trn_db_fail(s, rc, err, what);
}

uint64_t trn_db_pragma_u64(struct trn_store *s, const char *sql)
{
    sqlite3_stmt *q = NULL;
    uint64_t v = 0;

    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        v = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

int trn_db_abort(struct trn_store *s, int code)
{
    if (s->in_transaction && !sqlite3_get_autocommit(s->db)) {
        sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_ROLLBACK);
        if (q) {
            sqlite3_step(q);
            sqlite3_reset(q);
        }
    }
    s->in_transaction = false;
    s->lost += s->pending;
    s->pending = 0;
    trn_dict_forget(s); /* it may name texts that were rolled back */
    for (size_t i = 0; i < TRN_SEEN_CACHE; i++)
        s->seen[i] = (struct trn_seen_entry){0};
    return code;
}

int trn_db_run(struct trn_store *s, sqlite3_stmt *q, struct trn_err *err, const char *what)
{
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? 0 : trn_db_abort(s, trn_db_fail(s, rc, err, what));
}

int trn_db_begin(struct trn_store *s, struct trn_err *err)
{
    if (s->in_transaction)
        return 0;
    if (s->options.read_only)
        return trn_fail(err, -EROFS, "cannot write to store: it was opened for reading");
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_BEGIN);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "begin a transaction");
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    if (rc != SQLITE_DONE)
        return trn_db_fail(s, rc, err, "begin a transaction");
    s->in_transaction = true;
    return 0;
}

static void close_db(struct trn_store *s)
{
    for (size_t i = 0; i < TRN_SQL_MAX; i++) {
        sqlite3_finalize(s->stmt[i]);
        s->stmt[i] = NULL;
    }
    sqlite3_close_v2(s->db);
    s->db = NULL;
}

/* Schema and settings; -EUCLEAN when the file is damaged. */
static int open_db(struct trn_store *s, struct trn_err *err)
{
    static const char settings[] = "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                                   "PRAGMA journal_size_limit=4194304; PRAGMA wal_autocheckpoint=1000;";
    static const char both[] = "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                               "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA analysis_limit=400;";
    int flags = s->options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    char limit[80];

    int rc = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return trn_db_fail(s, rc, err, "open store");
    sqlite3_busy_timeout(s->db, 2000);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    int r = trn_hunt_register(s->db) == SQLITE_OK ? 0 : trn_fail(err, -ENOMEM, "cannot open store: out of memory");
    if (r == 0)
        r = trn_db_exec(s, both, err, "open store");
    if (r == 0 && !s->options.read_only)
        r = trn_db_exec(s, settings, err, "open store");
    if (r == 0) /* reads the first page and the schema, where damage usually shows */
        r = trn_db_exec(s, "SELECT count(*) FROM sqlite_schema", err, "open store");
    if (r == 0)
        r = trn_schema_apply(s, err);
    if (r == 0 && !s->options.read_only) {
        /* A hard end a quarter past the limit, should pruning not keep up. */
        uint64_t page = trn_db_pragma_u64(s, "PRAGMA page_size");
        snprintf(limit, sizeof(limit), "PRAGMA max_page_count=%llu",
                 (unsigned long long)(s->options.max_bytes / (page ? page : 4096) * 5 / 4 + 64));
        r = trn_db_exec(s, limit, err, "open store");
    }
    return r;
}

/* Renames the file and its companions; nothing is deleted. */
static int set_aside(struct trn_store *s, uint64_t now_wall_ns, struct trn_str *ret_name, struct trn_arena *arena)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    struct trn_buf TRN_AUTO(trn_buf_done) from, to, stamp;

    trn_buf_init(&from, 8192);
    trn_buf_init(&to, 8192);
    trn_buf_init(&stamp, 64);
    trn_put_time_iso(&stamp, now_wall_ns);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++) {
        trn_buf_clear(&from);
        trn_buf_clear(&to);
        trn_put_fmt(&from, "%s%s", s->path, parts[i]);
        trn_put_fmt(&to, "%s.damaged-%s%s", s->path, stamp.p, parts[i]);
        if (from.bad || to.bad)
            return -ENAMETOOLONG;
        if (rename(from.p, to.p) < 0 && (i == 0 || errno != ENOENT))
            return -errno;
        if (i == 0 && arena)
            *ret_name = trn_arena_str(arena, trn_buf_str(&to));
    }
    return 0;
}

static int open_or_begin_anew(struct trn_store *s, struct trn_arena *arena, struct trn_str *ret_note,
                              struct trn_err *err)
{
    struct trn_str name = TRN_STR_NONE;
    char shown[200];

    int r = open_db(s, err);
    if (r != -EUCLEAN || s->options.read_only)
        return r;
    close_db(s);
    r = set_aside(s, s->opened_wall_ns, &name, arena);
    if (r < 0)
        return trn_fail(err, r, "cannot set aside damaged store '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(s->path)), trn_errno_name(r));
    s->damaged = false;
    snprintf(s->health, sizeof(s->health), "the store was damaged; it was set aside and a new one begun");
    if (arena)
        *ret_note = trn_arena_printf(arena, "the store was damaged: it is kept as '%s' and a new one was begun",
                                     trn_escape_into(shown, sizeof(shown), name));
    return open_db(s, err);
}

int trn_store_open(const char *path, const struct trn_store_options *o, uint64_t now_wall_ns, struct trn_arena *arena,
                   struct trn_store **ret, struct trn_str *ret_note, struct trn_err *err)
{
    struct trn_store *s = calloc(1, sizeof(*s));
    struct trn_str note = TRN_STR_NONE;

    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return trn_fail(err, -ENOMEM, "cannot open store: out of memory");
    }
    s->options = o ? *o : (struct trn_store_options){.sz = sizeof(*o)};
    if (s->options.max_bytes == 0)
        s->options.max_bytes = DEFAULT_BYTES;
    if (s->options.max_age_ns == 0)
        s->options.max_age_ns = DEFAULT_AGE;
    s->opened_wall_ns = now_wall_ns;
    trn_buf_init(&s->scratch, SCRATCH_MAX);
    int r = open_or_begin_anew(s, arena, &note, err);
    if (r < 0) {
        trn_store_close(s);
        return r;
    }
    if (note.p == NULL)
        s->health[0] = '\0';
    if (ret_note)
        *ret_note = note;
    *ret = s;
    return 0;
}

struct trn_store *trn_store_close(struct trn_store *s)
{
    if (s == NULL)
        return NULL;
    if (s->db) {
        if (s->in_transaction && trn_store_commit(s, NULL) < 0)
            s->in_transaction = false; /* counted; nobody is left to be told */
        if (!s->options.read_only && !s->damaged)
            (void)sqlite3_exec(s->db, "PRAGMA optimize", NULL, NULL, NULL);
        close_db(s);
        struct trn_str name = TRN_STR_NONE;
        if (s->damaged && !s->options.read_only)
            (void)set_aside(s, trn_wall_ns(), &name, NULL); /* else the next one would open it unawares */
    }
    trn_dict_forget(s);
    trn_buf_done(&s->scratch);
    free(s->path);
    free(s);
    return NULL;
}

/* A file found damaged while in use: the same as at the start, without stopping. */
static int replace_damaged(struct trn_store *s, struct trn_err *err)
{
    struct trn_err first = err ? *err : (struct trn_err){.code = -EUCLEAN};
    struct trn_str name = TRN_STR_NONE;

    trn_dict_forget(s);
    close_db(s);
    int r = set_aside(s, trn_wall_ns(), &name, NULL);
    if (r == 0) {
        s->damaged = false;
        r = open_db(s, err);
    }
    if (err)
        *err = first;
    if (r == 0)
        snprintf(s->health, sizeof(s->health), "the store was damaged; it was set aside and a new one begun");
    return -EUCLEAN; /* the rows of this transaction are lost all the same */
}

int trn_store_commit(struct trn_store *s, struct trn_err *err)
{
    if (s->db == NULL)
        return trn_fail(err, -EUCLEAN, "cannot write to store: it is damaged");
    if (s->damaged)
        return s->options.read_only ? -EUCLEAN : replace_damaged(s, err);
    if (!s->in_transaction)
        return 0;
    int r = trn_seen_flush(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_COMMIT);
    if (q == NULL)
        return trn_db_abort(s, trn_db_fail(s, sqlite3_errcode(s->db), err, "commit"));
    r = trn_db_run(s, q, err, "commit");
    if (r < 0)
        return r;
    s->in_transaction = false;
    s->pending = 0;
    s->health[0] = '\0';
    return 0;
}

struct trn_str trn_store_health(const struct trn_store *s)
{
    return s->health[0] ? trn_str_of(s->health) : TRN_STR_NONE;
}

uint64_t trn_store_lost(const struct trn_store *s)
{
    return s->lost;
}

uint64_t trn_store_bytes(struct trn_store *s)
{
    struct trn_buf TRN_AUTO(trn_buf_done) wal;
    struct stat st;

    if (s->db == NULL)
        return 0;
    trn_buf_init(&wal, 8192);
    trn_put_fmt(&wal, "%s-wal", s->path);
    uint64_t bytes = trn_db_pragma_u64(s, "PRAGMA page_count") * trn_db_pragma_u64(s, "PRAGMA page_size");
    if (!wal.bad && stat(wal.p, &st) == 0)
        bytes += (uint64_t)st.st_size;
    return bytes;
}
