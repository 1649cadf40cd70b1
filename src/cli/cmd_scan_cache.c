/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: results of files that were scanned before, in one SQLite file of the user's (folder 0700, file 0600).
 * A row is found by a hash over the file's identity and the question that was asked of it, and taken only when all of both
 * stands in it again and the sum over it is right.
 * Must not: fail a scan. Damaged: thrown away, begun anew. Full disk, no right to write: it remembers no more, and says so once.
 */
#include "cli/scan.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

/* Raised with every change of a check or a reader that changes what is told. */
#define ANSWERS 2u
#define VALUE_MAX ((size_t)32 << 20)
#define FRESH_NS (50 * 1000 * 1000ull) /* longer than the kernel's clock for files steps */
#define DAY_S 86400u
#define COMMIT_EACH 4096u
#define HASH_WORTH (16ull << 20) /* hashing in the hope of a known content: up to this size only */

static const char SCHEMA[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
    "CREATE TABLE IF NOT EXISTS results(id INTEGER PRIMARY KEY, identity BLOB NOT NULL, sha256 BLOB NOT NULL,"
    " sum INTEGER NOT NULL, day INTEGER NOT NULL, told BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS contents(id INTEGER PRIMARY KEY, result INTEGER NOT NULL) ;"
    "CREATE INDEX IF NOT EXISTS results_day ON results(day)";

enum { FIND, CONTENT, PUT, PUT_CONTENT, USED, STATEMENTS };
static const char *const SQL[STATEMENTS] = {
    [FIND] = "SELECT identity, sha256, sum, day, told FROM results WHERE id = ?1",
    [CONTENT] = "SELECT result FROM contents WHERE id = ?1",
    [PUT] = "INSERT OR REPLACE INTO results(id, identity, sha256, sum, day, told) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [PUT_CONTENT] = "INSERT OR REPLACE INTO contents(id, result) VALUES(?1, ?2)",
    [USED] = "UPDATE results SET day = ?2 WHERE id = ?1",
};

struct trn_cache {
    sqlite3 *db;
    sqlite3_stmt *q[STATEMENTS];
    uint8_t question[TRN_SHA256_SIZE];
    uint64_t max_bytes, day;
    char path[4096];
    unsigned pending;
    bool open; /* a transaction */
    bool damaged, full;
    char why[160]; /* it writes no more */
    struct trn_buf value;
};

#define IDENTITY (6 * 8 + TRN_SHA256_SIZE)

static uint64_t identity_of(const struct trn_cache *c, const struct trn_cache_key *k, uint8_t ret[IDENTITY])
{
    const uint64_t parts[] = {k->dev, k->ino, k->ctime_ns, k->size, k->name, k->mode};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++)
        for (size_t b = 0; b < 8; b++)
            ret[8 * i + b] = (uint8_t)(parts[i] >> 8 * b);
    memcpy(ret + 8 * TRN_ARRAY_SIZE(parts), c->question, TRN_SHA256_SIZE);
    return trn_hash64(ret, IDENTITY);
}

static uint64_t content_of(const struct trn_cache *c, const struct trn_cache_key *k)
{
    uint64_t h = trn_hash64_mix(trn_hash64_mix(trn_hash64(c->question, TRN_SHA256_SIZE), k->size), k->name);
    return trn_hash64_mix(h, k->mode);
}

struct trn_cache_key trn_cache_key_of(const struct stat *st, struct trn_str name)
{
    return (struct trn_cache_key){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .ctime_ns = (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec,
        .size = (uint64_t)st->st_size,
        .name = trn_hash64_str(name),
        .mode = st->st_mode,
    };
}

bool trn_cache_too_fresh(const struct trn_cache_key *k, uint64_t now_wall_ns)
{
    return k->ctime_ns + FRESH_NS > now_wall_ns;
}

int trn_cache_program(struct trn_digest *d)
{
    const struct trn_check *c;
    struct stat st = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    (void)stat("/proc/self/exe", &st);
    trn_put_fmt(&b, TRN_VERSION " %u %lld %lld.%ld\n", ANSWERS, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                st.st_mtim.tv_nsec);
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        trn_put_fmt(&b, "%s %u %d %d\n", c->id, c->score, (int)c->category, c->structural);
    return b.bad ? -ENOMEM : trn_digest_update(d, b.p, b.n);
}

int trn_cache_roots(struct trn_digest *d, const char *path)
{
    TRN_AUTO(trn_buf_done) struct trn_buf pem = {0};
    uint8_t hash[TRN_SHA256_SIZE] = {0}; /* none, or it cannot be read: then every chain is unknown */
    if (path[0] && trn_read_file(path, TRN_SCAN_ROOTS_MAX, &pem, NULL) == 0) {
        int e = trn_sha256(pem.p, pem.n, hash);
        if (e < 0)
            return e;
    }
    return trn_digest_update(d, hash, sizeof(hash));
}

/* ---- opening ---- */

static void close_db(struct trn_cache *c)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(c->q[i]);
        c->q[i] = NULL;
    }
    sqlite3_close(c->db);
    c->db = NULL;
}

static int open_db(struct trn_cache *c)
{
    int rc = sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(c->db, 200);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, SCHEMA, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v3(c->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &c->q[i], NULL);
    if (rc != SQLITE_OK)
        close_db(c);
    return rc & 0xff;
}

static void throw_away(const struct trn_cache *c)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++) {
        char path[sizeof(c->path) + 16];
        (void)snprintf(path, sizeof(path), "%s%s", c->path, ends[i]);
        (void)unlink(path);
    }
}

int trn_cache_folder(const char *dir)
{
    char part[4096];
    if ((size_t)snprintf(part, sizeof(part), "%s", dir) >= sizeof(part))
        return -ENAMETOOLONG;
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(part, 0700); /* what fails here fails below */
            *p = '/';
        }
    struct stat st;
    if (mkdir(part, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(part, &st) < 0)
        return -errno;
    /* Whoever may write here may say what is clean. */
    return !S_ISDIR(st.st_mode) ? -ENOTDIR : st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

static int make_file(const struct trn_cache *c)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return -EPERM;
    return (st.st_mode & 077) && fchmod(fd, 0600) < 0 ? -errno : 0;
}

int trn_cache_open(const char *dir, const uint8_t question[TRN_SHA256_SIZE], uint64_t max_bytes, struct trn_cache **ret,
                   struct trn_err *err)
{
    char shown[200];
    trn_escape_into(shown, sizeof(shown), trn_str_of(dir));
    *ret = NULL;
    int e = trn_cache_folder(dir);
    if (e < 0) {
        (void)trn_fail(err, e, "cannot remember results in '%s': %s", shown,
                       e == -EPERM ? "others may write there, or it is not yours" : trn_errno_words(e));
        trn_hint(err, "going on without; --no-cache says the same without this word");
        return 0;
    }
    struct trn_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    (void)snprintf(c->path, sizeof(c->path), "%s/scan.db", dir);
    memcpy(c->question, question, TRN_SHA256_SIZE);
    c->max_bytes = max_bytes;
    c->day = trn_wall_ns() / TRN_NS_PER_SEC / DAY_S;
    trn_buf_init(&c->value, VALUE_MAX);
    e = make_file(c);
    int rc = e < 0 ? SQLITE_CANTOPEN : open_db(c);
    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR) {
        throw_away(c);
        e = make_file(c);
        rc = e < 0 ? SQLITE_CANTOPEN : open_db(c);
        (void)trn_fail(err, -EUCLEAN, "the remembered results in '%s' were damaged and are thrown away", shown);
    }
    if (rc != SQLITE_OK) {
        (void)trn_fail(err, -EIO, "cannot remember results in '%s': %s", shown,
                       e == -EPERM ? "'scan.db' is not yours, or no file"
                       : e < 0     ? trn_errno_words(e)
                                   : sqlite3_errstr(rc));
        trn_hint(err, "going on without; --no-cache says the same without this word");
        free(c);
        return 0;
    }
    *ret = c;
    return 0;
}

/* ---- rows ---- */

/* What SQLite said about reading or writing: a cache that cannot is left alone. */
static void note(struct trn_cache *c, int rc)
{
    rc &= 0xff;
    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
        c->damaged = true;
    if (!c->why[0])
        (void)snprintf(c->why, sizeof(c->why), "%s", sqlite3_errstr(rc));
    c->full = true;
    if (c->open && sqlite3_get_autocommit(c->db))
        c->open = false;
}

static bool begin(struct trn_cache *c)
{
    if (c->full)
        return false;
    if (c->open && ++c->pending < COMMIT_EACH)
        return true;
    int rc = c->open ? sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    c->open = rc == SQLITE_OK;
    c->pending = 0;
    if (rc != SQLITE_OK)
        note(c, rc);
    return c->open;
}

static bool run(struct trn_cache *c, sqlite3_stmt *q)
{
    int rc = sqlite3_step(q);
    (void)sqlite3_reset(q);
    (void)sqlite3_clear_bindings(q);
    if (rc != SQLITE_DONE)
        note(c, rc);
    return rc == SQLITE_DONE;
}

static void used(struct trn_cache *c, uint64_t id)
{
    if (!begin(c))
        return;
    sqlite3_bind_int64(c->q[USED], 1, (sqlite3_int64)id);
    sqlite3_bind_int64(c->q[USED], 2, (sqlite3_int64)c->day);
    (void)run(c, c->q[USED]);
}

static struct trn_str column(sqlite3_stmt *q, int at)
{
    const void *p = sqlite3_column_blob(q, at);
    return (struct trn_str){p ? p : "", (size_t)sqlite3_column_bytes(q, at)};
}

/* The row of this id; identity NULL: whichever it is of, when sha256 is that. */
static bool take(struct trn_cache *c, uint64_t id, const uint8_t *identity, const uint8_t *sha256, struct trn_result *r)
{
    sqlite3_stmt *q = c->q[FIND];
    uint64_t day = c->day;
    bool found = false;
    sqlite3_bind_int64(q, 1, (sqlite3_int64)id);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        struct trn_str who = column(q, 0), hash = column(q, 1), told = column(q, 4);
        day = (uint64_t)sqlite3_column_int64(q, 3);
        found = who.n == IDENTITY && hash.n == TRN_SHA256_SIZE &&
                (!identity || memcmp(who.p, identity, IDENTITY) == 0) &&
                (!sha256 || memcmp(hash.p, sha256, TRN_SHA256_SIZE) == 0) &&
                memcmp(who.p + IDENTITY - TRN_SHA256_SIZE, c->question, TRN_SHA256_SIZE) == 0 &&
                (uint64_t)sqlite3_column_int64(q, 2) == trn_hash64_mix(trn_hash64_str(told), id);
        if (found)
            trn_result_load(r, told);
    } else if (rc != SQLITE_DONE) {
        note(c, rc);
    }
    (void)sqlite3_reset(q);
    if (found && day != c->day)
        used(c, id);
    return found && !r->bad;
}

bool trn_cache_find(struct trn_cache *c, const struct trn_cache_key *k, struct trn_result *r)
{
    uint8_t identity[IDENTITY];
    return !c->damaged && take(c, identity_of(c, k, identity), identity, NULL, r);
}

static int hash_file(int fd, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    TRN_AUTO(trn_freep) char *window = malloc((size_t)256 << 10);
    int e = d && window ? 0 : -ENOMEM;
    for (off_t at = 0; e == 0;) {
        ssize_t n = pread(fd, window, (size_t)256 << 10, at);
        if (n <= 0)
            return n < 0 ? -errno : trn_digest_end(d, ret, NULL);
        e = trn_digest_update(d, window, (size_t)n);
        at += n;
    }
    return e;
}

bool trn_cache_find_content(struct trn_cache *c, const struct trn_cache_key *k, int fd, struct trn_result *r)
{
    uint8_t sha256[TRN_SHA256_SIZE];
    sqlite3_stmt *q = c->q[CONTENT];
    uint64_t id = 0;
    if (c->damaged || k->size > HASH_WORTH)
        return false;
    sqlite3_bind_int64(q, 1, (sqlite3_int64)content_of(c, k));
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        id = (uint64_t)sqlite3_column_int64(q, 0);
    else if (rc != SQLITE_DONE)
        note(c, rc);
    (void)sqlite3_reset(q);
    return rc == SQLITE_ROW && hash_file(fd, sha256) == 0 && take(c, id, NULL, sha256, r);
}

void trn_cache_put(struct trn_cache *c, const struct trn_cache_key *k, const uint8_t sha256[TRN_SHA256_SIZE],
                   struct trn_result *r)
{
    uint8_t identity[IDENTITY];
    uint64_t id = identity_of(c, k, identity);
    sqlite3_stmt *q = c->q[PUT];
    trn_buf_clear(&c->value);
    if (!trn_result_bytes(r, &c->value) || !begin(c))
        return;
    uint64_t sum = trn_hash64_mix(trn_hash64_str(trn_buf_str(&c->value)), id);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)id);
    sqlite3_bind_blob(q, 2, identity, IDENTITY, SQLITE_STATIC);
    sqlite3_bind_blob(q, 3, sha256, TRN_SHA256_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)sum);
    sqlite3_bind_int64(q, 5, (sqlite3_int64)c->day);
    sqlite3_bind_blob(q, 6, trn_buf_str(&c->value).p, (int)c->value.n, SQLITE_STATIC);
    if (!run(c, q))
        return;
    sqlite3_bind_int64(c->q[PUT_CONTENT], 1, (sqlite3_int64)content_of(c, k));
    sqlite3_bind_int64(c->q[PUT_CONTENT], 2, (sqlite3_int64)id);
    (void)run(c, c->q[PUT_CONTENT]);
}

/* ---- closing ---- */

static uint64_t ask_number(struct trn_cache *c, const char *sql)
{
    sqlite3_stmt *q = NULL;
    uint64_t v = 0;
    if (sqlite3_prepare_v2(c->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        v = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

/* Days that were not used longest go first, until three quarters of the room are taken. */
static void shrink(struct trn_cache *c)
{
    uint64_t page = ask_number(c, "PRAGMA page_size");
    for (int round = 0; round < 64; round++) {
        uint64_t pages = ask_number(c, "PRAGMA page_count"), spare = ask_number(c, "PRAGMA freelist_count");
        uint64_t taken = (pages - TRN_MIN(pages, spare)) * page;
        if (taken <= (round ? c->max_bytes / 4 * 3 : c->max_bytes))
            break;
        if (sqlite3_exec(c->db,
                         "DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY day LIMIT"
                         " (SELECT count(*) / 8 + 1 FROM results))",
                         NULL, NULL, NULL) != SQLITE_OK)
            break;
        if (round == 0)
            c->pending = 1;
    }
    if (c->pending == 1) {
        (void)sqlite3_exec(c->db, "DELETE FROM contents WHERE result NOT IN (SELECT id FROM results); VACUUM", NULL,
                           NULL, NULL);
    }
}

struct trn_cache *trn_cache_close(struct trn_cache *c, struct trn_err *err)
{
    if (!c)
        return NULL;
    if (c->open) {
        int rc = sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            note(c, rc);
    }
    c->pending = 0;
    if (!c->full)
        shrink(c);
    close_db(c);
    if (c->damaged)
        throw_away(c);
    if (c->damaged)
        (void)trn_fail(err, -EUCLEAN, "the remembered results were damaged and are thrown away");
    else if (c->why[0])
        (void)trn_fail(err, -EIO, "cannot remember results: %s", c->why);
    trn_buf_done(&c->value);
    free(c);
    return NULL;
}
