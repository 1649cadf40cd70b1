/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the local reference store: its schema, which releases are kept, how they are found again.
 * Must not: believe what the file holds: another file, a newer schema, anything but our two indexes and one table is refused; a
 * record is read like a worker's words (store_codec.c).
 * Hand-offs: releases that are read are their caller's.
 */
#include "store/store.h"
#include "release/release_internal.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define APPLICATION_ID 0x54524e52 /* "TRNR" */
#define SCHEMA 1
#define RECORD_MAX (64u << 20)   /* one release, packed */
#define KEPT_MAX 256             /* of one product: as many as are asked (TRN_HISTORY_MAX) */
#define STORE_MAX (1024ll << 20) /* packed, of all */
#define NAME_MAX_LEN 1024u
#define TEXT_OF(x) #x
#define NUMBER_OF(x) TEXT_OF(x)

struct trn_release_store {
    sqlite3 *db;
    char *path;
};

static int failed(const struct trn_release_store *s, int rc, const char *what, struct trn_err *err)
{
    char shown[200];
    int e = trn_fail(err, trn_store_code(rc), "cannot %s the store of releases '%s': %s", what,
                     trn_escape_into(shown, sizeof(shown), trn_str_of(s->path)), sqlite3_errstr(rc));
    if (e == -EUCLEAN)
        trn_hint(err, "move the file away; a new one is begun with the next release");
    return e;
}

static int run_sql(struct trn_release_store *s, const char *sql, const char *what, struct trn_err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : failed(s, rc, what, err);
}

static void statement_done(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
}

static int prepare(struct trn_release_store *s, const char *sql, sqlite3_stmt **ret, struct trn_err *err)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);
    return rc == SQLITE_OK ? 0 : failed(s, rc, "read", err);
}

static int number(struct trn_release_store *s, const char *sql, int64_t *ret, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL;
    int e = prepare(s, sql, &q, err);
    if (e < 0)
        return e;
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW)
        return failed(s, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "read", err);
    *ret = sqlite3_column_int64(q, 0);
    return 0;
}

static void bind(sqlite3_stmt *q, int at, struct trn_str v)
{
    (void)sqlite3_bind_blob(q, at, v.n ? v.p : "", (int)TRN_MIN(v.n, (size_t)INT32_MAX), SQLITE_STATIC);
}

static struct trn_str column(sqlite3_stmt *q, int at)
{
    const void *p = sqlite3_column_blob(q, at);
    return (struct trn_str){p ? p : "", p ? (size_t)sqlite3_column_bytes(q, at) : 0};
}

/* ---- opening ---- */

static int make_schema(struct trn_release_store *s, struct trn_err *err)
{
    static const char sql[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE release(id INTEGER PRIMARY KEY AUTOINCREMENT, product BLOB NOT NULL, version BLOB NOT NULL,"
        " label BLOB NOT NULL, wall INTEGER NOT NULL, content BLOB NOT NULL, members INTEGER NOT NULL,"
        " bytes INTEGER NOT NULL, raw INTEGER NOT NULL, size INTEGER NOT NULL, record BLOB NOT NULL);"
        "CREATE UNIQUE INDEX release_version ON release(product, version);"
        "CREATE INDEX release_size ON release(id, size);"
        "PRAGMA application_id=" NUMBER_OF(APPLICATION_ID) ";"
                                                           "PRAGMA user_version=" NUMBER_OF(SCHEMA) ";"
                                                                                                    "COMMIT";
    int e = run_sql(s, sql, "begin", err);
    if (e < 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

static int not_ours(const struct trn_release_store *s, struct trn_err *err)
{
    char shown[200];
    trn_fail(err, -EUCLEAN, "cannot use '%s': it is no store of releases",
             trn_escape_into(shown, sizeof(shown), trn_str_of(s->path)));
    trn_hint(err, "name another file, or move this one away");
    return -EUCLEAN;
}

static int check_schema(struct trn_release_store *s, struct trn_err *err)
{
    int64_t id = 0, version = 0, objects = 0, odd = 0;
    int e = number(s, "PRAGMA application_id", &id, err);
    if (e == 0)
        e = number(s, "PRAGMA user_version", &version, err);
    if (e == 0)
        e = number(s, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (e == 0)
        e = number(s,
                   "SELECT count(*) FROM sqlite_schema WHERE name NOT IN('release','release_version','release_size',"
                   "'sqlite_sequence','sqlite_stat1') OR type NOT IN('table','index')",
                   &odd, err);
    if (e < 0)
        return e;
    if (id == 0 && version == 0 && objects == 0)
        return make_schema(s, err);
    if (id != APPLICATION_ID || odd)
        return not_ours(s, err);
    if (version > SCHEMA) {
        trn_fail(err, -ENOTSUP,
                 "cannot use the store of releases: a newer version wrote it (schema %lld, this one knows %d)",
                 (long long)version, SCHEMA);
        trn_hint(err, "install the newer version, or move the file away");
        return -ENOTSUP;
    }
    return version == SCHEMA ? 0 : not_ours(s, err);
}

/* Nobody else's business: the file is there, and its owner's alone, before SQLite opens it. */
static int make_file(const char *path, struct trn_err *err)
{
    char shown[200];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open the store of releases '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)), trn_errno_words(-errno));
    trn_fd_close(fd);
    return 0;
}

static int open_database(struct trn_release_store *s, struct trn_err *err)
{
    static const char settings[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                                   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048;";
    int rc =
        sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return failed(s, rc, "open", err);
    sqlite3_busy_timeout(s->db, 2000);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, RECORD_MAX + 65536);
    int e = run_sql(s, settings, "open", err);
    return e < 0 ? e : check_schema(s, err);
}

int trn_release_store_open(const char *path, struct trn_release_store **ret, struct trn_err *err)
{
    int e = make_file(path, err);
    if (e < 0)
        return e;
    struct trn_release_store *s = calloc(1, sizeof(*s));
    if (!s)
        return trn_fail(err, -ENOMEM, "cannot open the store of releases: out of memory");
    s->path = strdup(path);
    e = s->path ? open_database(s, err) : trn_fail(err, -ENOMEM, "cannot open the store of releases: out of memory");
    if (e < 0) {
        trn_release_store_close(s);
        return e;
    }
    *ret = s;
    return 0;
}

struct trn_release_store *trn_release_store_close(struct trn_release_store *s)
{
    if (!s)
        return NULL;
    sqlite3_close_v2(s->db);
    free(s->path);
    free(s);
    return NULL;
}

/* ---- what a release is called ---- */

struct called {
    struct trn_str product, version;
    uint8_t content[TRN_SHA256_SIZE];
    uint64_t bytes;
    char name[NAME_MAX_LEN], hex[TRN_SHA256_SIZE * 2 + 1];
};

static int content_of(const struct trn_release *r, struct called *ret)
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    int e = d ? 0 : -ENOMEM;
    for (size_t i = 0; e == 0 && i < r->n_members; i++) {
        const struct trn_release_member *m = &r->members[i];
        if (m->parent != TRN_NO_MEMBER)
            continue;
        ret->bytes += m->size;
        e = trn_digest_update(d, m->path.p, m->path.n);
        if (e == 0)
            e = trn_digest_update(d, m->sha256, TRN_SHA256_SIZE);
    }
    if (e == 0)
        e = trn_digest_end(d, ret->content, NULL);
    if (e == 0 && r->n_members && r->members[0].path.n == 0)
        memcpy(ret->content, r->members[0].sha256, TRN_SHA256_SIZE);
    return e;
}

static int called_of(const struct trn_release *r, struct called *ret)
{
    struct trn_str base = trn_path_base(r->label);
    int e = content_of(r, ret);
    ret->product = trn_str_slice(trn_release_product(r), 0, NAME_MAX_LEN);
    ret->version = trn_str_slice(trn_release_version(r), 0, NAME_MAX_LEN);
    if (ret->product.n == 0)
        ret->product = (struct trn_str){ret->name, trn_versionless(base, true, ret->name, sizeof(ret->name))};
    if (ret->version.n == 0)
        ret->version = trn_str_slice(trn_version_in(base), 0, NAME_MAX_LEN);
    if (ret->version.n == 0) { /* then each content is a version of its own */
        trn_hex(ret->content, TRN_SHA256_SIZE, ret->hex);
        ret->version = trn_str_of(ret->hex);
    }
    return e;
}

/* ---- keeping ---- */

static int done(struct trn_release_store *s, sqlite3_stmt *q, struct trn_err *err)
{
    int rc = sqlite3_step(q);
    return rc == SQLITE_DONE ? 0 : failed(s, rc, "write", err);
}

/* The row of this product and version goes; of the same content, its place in the order and its time stay. */
static int make_room(struct trn_release_store *s, const struct called *c, int64_t *ret_id, uint64_t *wall_ns,
                     struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL, *gone = NULL;
    int e = prepare(s, "SELECT id, wall, content FROM release WHERE product=?1 AND version=?2", &q, err);
    if (e < 0)
        return e;
    bind(q, 1, c->product);
    bind(q, 2, c->version);
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? 0 : failed(s, rc, "read", err);
    int64_t id = sqlite3_column_int64(q, 0);
    if (trn_str_eq(column(q, 2), (struct trn_str){(const char *)c->content, TRN_SHA256_SIZE})) {
        *ret_id = id;
        *wall_ns = (uint64_t)sqlite3_column_int64(q, 1);
    }
    e = prepare(s, "DELETE FROM release WHERE id=?1", &gone, err);
    if (e < 0)
        return e;
    sqlite3_bind_int64(gone, 1, id);
    return done(s, gone, err);
}

static int insert(struct trn_release_store *s, const struct trn_release *r, const struct called *c,
                  struct trn_str record, uint64_t wall_ns, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL;
    int64_t id = 0;
    int e = make_room(s, c, &id, &wall_ns, err);
    if (e == 0)
        e = prepare(s, "INSERT INTO release VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)", &q, err);
    if (e < 0)
        return e;
    if (id)
        sqlite3_bind_int64(q, 1, id);
    bind(q, 2, c->product);
    bind(q, 3, c->version);
    bind(q, 4, trn_str_slice(r->label, 0, NAME_MAX_LEN));
    sqlite3_bind_int64(q, 5, (int64_t)wall_ns);
    bind(q, 6, (struct trn_str){(const char *)c->content, TRN_SHA256_SIZE});
    sqlite3_bind_int64(q, 7, (int64_t)r->n_members);
    sqlite3_bind_int64(q, 8, (int64_t)c->bytes);
    sqlite3_bind_int64(q, 9, (int64_t)trn_release_packed_raw(record));
    sqlite3_bind_int64(q, 10, (int64_t)record.n);
    bind(q, 11, record);
    return done(s, q, err);
}

/* The oldest of the product go, then the oldest of all. */
static int prune(struct trn_release_store *s, const struct called *c, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *of_product = NULL, *of_all = NULL;
    int e = prepare(s,
                    "DELETE FROM release WHERE product=?1 AND id NOT IN"
                    "(SELECT id FROM release WHERE product=?1 ORDER BY id DESC LIMIT " NUMBER_OF(KEPT_MAX) ")",
                    &of_product, err);
    if (e == 0) {
        bind(of_product, 1, c->product);
        e = done(s, of_product, err);
    }
    if (e == 0)
        e = prepare(s,
                    "DELETE FROM release WHERE id IN(SELECT id FROM(SELECT id, sum(size) OVER(ORDER BY id DESC) AS "
                    "total FROM release) WHERE total > ?1)",
                    &of_all, err);
    if (e < 0)
        return e;
    sqlite3_bind_int64(of_all, 1, STORE_MAX);
    return done(s, of_all, err);
}

int trn_release_store_put(struct trn_release_store *s, const struct trn_release *r, uint64_t wall_ns,
                          struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf record;
    TRN_AUTO(trn_freep) struct called *c = calloc(1, sizeof(*c));
    trn_buf_init(&record, RECORD_MAX);
    int e = c ? called_of(r, c) : -ENOMEM;
    if (e == 0)
        e = trn_release_pack(r, &record);
    if (e < 0)
        return trn_fail(err, e, "cannot keep the release: %s",
                        e == -EFBIG ? "it is made of more than the store takes" : trn_errno_words(e));
    e = run_sql(s, "BEGIN IMMEDIATE", "write", err);
    if (e < 0)
        return e;
    e = insert(s, r, c, trn_buf_str(&record), wall_ns, err);
    if (e == 0)
        e = prune(s, c, err);
    if (e == 0)
        e = run_sql(s, "COMMIT", "write", err);
    if (e < 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* ---- reading ---- */

int trn_release_store_older(struct trn_release_store *s, const struct trn_release *after, int64_t *ret, size_t max,
                            size_t *ret_n, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL;
    TRN_AUTO(trn_freep) struct called *c = calloc(1, sizeof(*c));
    size_t n = 0;
    int e = c ? called_of(after, c) : -ENOMEM, rc = SQLITE_DONE;
    if (e < 0)
        return trn_fail(err, e, "cannot read the store of releases: out of memory");
    /* Is it kept itself, then those that were seen before it; else all. */
    e = prepare(s,
                "SELECT id FROM release WHERE product=?1 AND content<>?2 AND id<coalesce((SELECT min(id) FROM "
                "release WHERE product=?1 AND content=?2), 9223372036854775807) ORDER BY id DESC",
                &q, err);
    if (e < 0)
        return e;
    bind(q, 1, c->product);
    bind(q, 2, (struct trn_str){(const char *)c->content, TRN_SHA256_SIZE});
    while (n < max && (rc = sqlite3_step(q)) == SQLITE_ROW)
        ret[n++] = sqlite3_column_int64(q, 0);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return failed(s, rc, "read", err);
    *ret_n = n;
    return 0;
}

int trn_release_store_read(struct trn_release_store *s, int64_t id, struct trn_release **ret, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL;
    int e = prepare(s, "SELECT record, raw FROM release WHERE id=?1", &q, err);
    if (e < 0)
        return e;
    sqlite3_bind_int64(q, 1, id);
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? -ENOENT : failed(s, rc, "read", err);
    struct trn_str record = column(q, 0);
    bool whole = sqlite3_column_int64(q, 1) == (int64_t)trn_release_packed_raw(record);
    e = whole ? trn_release_unpack(record, ret) : -EBADMSG;
    return e == -ENOMEM ? trn_fail(err, e, "cannot read the store of releases: out of memory") : e;
}

int trn_release_store_history(struct trn_release_store *s, const struct trn_release *after, size_t max,
                              struct trn_release **ret, size_t *ret_n, struct trn_err *err)
{
    int64_t ids[TRN_HISTORY_MAX];
    size_t n_ids = 0, n = 0;
    int e = trn_release_store_older(s, after, ids, TRN_ARRAY_SIZE(ids), &n_ids, err);
    for (size_t i = 0; e == 0 && i < n_ids && n < max; i++) {
        e = trn_release_store_read(s, ids[i], &ret[n], err);
        n += e == 0;
        e = e == -EBADMSG || e == -ENOENT ? 0 : e; /* what cannot be read any more is passed over */
    }
    for (; e < 0 && n; n--)
        ret[n - 1] = trn_release_free(ret[n - 1]);
    if (e == 0)
        *ret_n = n;
    return e;
}

int trn_release_store_last(struct trn_release_store *s, const struct trn_release *after, struct trn_release **ret,
                           struct trn_err *err)
{
    size_t n = 0;
    struct trn_release *one = NULL;
    char shown[200];
    int e = trn_release_store_history(s, after, 1, &one, &n, err);
    if (e < 0)
        return e;
    if (n == 0) {
        trn_fail(err, -ENOENT, "no earlier release of '%s' was seen",
                 trn_escape_into(shown, sizeof(shown),
                                 trn_release_product(after).n ? trn_release_product(after) : trn_release_label(after)));
        trn_hint(err, "name the old release too; both are remembered");
        return -ENOENT;
    }
    *ret = one;
    return 0;
}

int trn_release_store_list(struct trn_release_store *s, struct trn_str only,
                           int (*each)(void *ctx, const struct trn_release_seen *seen), void *ctx, struct trn_err *err)
{
    TRN_AUTO(statement_done) sqlite3_stmt *q = NULL;
    int e = prepare(s,
                    "SELECT product, version, label, wall, content, members, bytes FROM release WHERE ?1 IS NULL OR "
                    "product=?1 ORDER BY product, id DESC",
                    &q, err);
    int rc = SQLITE_DONE;
    if (e < 0)
        return e;
    if (!trn_str_is_none(only))
        bind(q, 1, only);
    while (e == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct trn_release_seen seen = {.product = column(q, 0),
                                        .version = column(q, 1),
                                        .label = column(q, 2),
                                        .wall_ns = (uint64_t)sqlite3_column_int64(q, 3),
                                        .members = (uint64_t)sqlite3_column_int64(q, 5),
                                        .bytes = (uint64_t)sqlite3_column_int64(q, 6)};
        struct trn_str content = column(q, 4);
        if (content.n == TRN_SHA256_SIZE)
            memcpy(seen.content, content.p, TRN_SHA256_SIZE);
        e = each(ctx, &seen);
    }
    return e || rc == SQLITE_DONE ? e : failed(s, rc, "read", err);
}
