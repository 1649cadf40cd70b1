/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a parsed hunt to an SQL condition. Texts become numbers of the dictionary before SQLite plans,
 * and numbers are bound: nothing of the expression is ever part of the SQL text.
 * Must not own: the grammar (hunt.c), running (hunt_run.c).
 * Hand-offs: the result's buffer is the caller's to free.
 */
#include "store/hunt_sql.h"

#include <arpa/inet.h>

struct compiler {
    struct trn_store *s;
    const struct trn_hunt *h;
    struct trn_arena *arena;
    struct trn_hunt_sql *out;
    struct trn_err *err;
    int term; /* number of the one being written */
};

struct ids { /* numbers one text or pattern stands for; more than one are in temp.hunt_set */
    uint64_t count;
    int64_t first;
    int set;
};

static int number(struct compiler *c, int64_t v)
{
    if (c->out->n >= TRN_HUNT_BINDS)
        return -E2BIG;
    c->out->binds[c->out->n++] = (struct trn_hunt_bind){.kind = TRN_BIND_NUMBER, .number = v};
    return c->out->n;
}

static int blob(struct compiler *c, const uint8_t *p, size_t n)
{
    if (c->out->n >= TRN_HUNT_BINDS || n > 16)
        return -E2BIG;
    struct trn_hunt_bind *b = &c->out->binds[c->out->n++];
    *b = (struct trn_hunt_bind){.kind = TRN_BIND_BLOB, .n = (uint8_t)n};
    for (size_t i = 0; i < n; i++)
        b->blob[i] = p[i];
    return c->out->n;
}

static int whole_hunt(struct compiler *c)
{
    if (c->out->n >= TRN_HUNT_BINDS)
        return -E2BIG;
    c->out->binds[c->out->n++] = (struct trn_hunt_bind){.kind = TRN_BIND_HUNT};
    return c->out->n;
}

static int fail_sql(struct compiler *c, int rc)
{
    return trn_db_fail(c->s, rc, c->err, "search the store");
}

static int add_to_set(struct compiler *c, int set, int64_t id)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(c->s->db, "INSERT OR IGNORE INTO temp.hunt_set(term,id) VALUES(?1,?2)", -1, &q, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_bind_int(q, 1, set);
        sqlite3_bind_int64(q, 2, id);
        rc = sqlite3_step(q);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? 0 : fail_sql(c, rc);
}

static int add_id(struct compiler *c, struct ids *ids, int64_t id)
{
    int r = 0;

    if (ids->count && ids->first == id)
        return 0;
    if (ids->count >= TRN_HUNT_IDS) {
        trn_fail(c->err, -E2BIG, "cannot hunt: more than %d different values match one term", TRN_HUNT_IDS);
        trn_hint(c->err, "write more of the value before the '*'");
        return -E2BIG;
    }
    if (ids->count == 0)
        ids->first = id;
    else if (ids->count == 1)
        r = add_to_set(c, ids->set, ids->first);
    if (r == 0 && ids->count >= 1)
        r = add_to_set(c, ids->set, id);
    ids->count++;
    return r;
}

/* "column=?1", or membership in the set, or never. */
static int put_ids(struct compiler *c, const char *column, const struct ids *ids)
{
    if (ids->count == 0) {
        trn_put_c(&c->out->where, "0");
        return 0;
    }
    int at = number(c, ids->count == 1 ? ids->first : ids->set);
    if (at < 0)
        return at;
    if (ids->count == 1)
        trn_put_fmt(&c->out->where, "%s=?%d", column, at);
    else
        trn_put_fmt(&c->out->where, "%s IN (SELECT id FROM temp.hunt_set WHERE term=?%d)", column, at);
    return 0;
}

/* Texts by pattern: the dictionary is walked, not the events. */
static int scan_texts(struct compiler *c, const struct trn_hunt_term *t, bool base, struct ids *ids)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(c->s->db, "SELECT id,text FROM string", -1, &q, NULL), r = 0;

    while (r == 0 && rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct trn_str text = trn_db_column(q, 1);
        if (trn_glob(t->value, base ? trn_path_base(text) : text, false))
            r = add_id(c, ids, sqlite3_column_int64(q, 0));
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    if (r < 0)
        return r;
    return rc == SQLITE_DONE ? 0 : fail_sql(c, rc);
}

/* Paths whose last part is this. */
static int find_base(struct compiler *c, struct trn_str base, struct ids *ids)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(c->s->db, "SELECT id,text FROM string WHERE base=?1", -1, &q, NULL), r = 0;

    if (rc == SQLITE_OK)
        sqlite3_bind_int64(q, 1, (int64_t)trn_hash64_str(base));
    while (r == 0 && rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (trn_str_eq(trn_path_base(trn_db_column(q, 1)), base))
            r = add_id(c, ids, sqlite3_column_int64(q, 0));
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    if (r < 0)
        return r;
    return rc == SQLITE_DONE ? 0 : fail_sql(c, rc);
}

static int resolve(struct compiler *c, const struct trn_hunt_term *t, bool path, struct ids *ids)
{
    bool base = path && trn_str_find(t->value, '/') < 0;
    int64_t id = 0;

    *ids = (struct ids){.set = 2 * c->term};
    if (t->wildcard)
        return scan_texts(c, t, base, ids);
    struct trn_str text = trn_hunt_literal(t, c->arena);
    if (text.p == NULL)
        return trn_fail(c->err, -ENOMEM, "cannot hunt: out of memory");
    int r = trn_dict_find(c->s, text, &id, c->err);
    if (r == 0 && id)
        r = add_id(c, ids, id);
    return r == 0 && base ? find_base(c, text, ids) : r;
}

static int paths(struct compiler *c, const struct trn_hunt_term *t)
{
    struct ids ids;
    int r = resolve(c, t, true, &ids);

    if (r < 0)
        return r;
    trn_put_c(&c->out->where, "(");
    r = put_ids(c, "path", &ids);
    trn_put_c(&c->out->where, " OR ");
    if (r == 0)
        r = put_ids(c, "path2", &ids);
    trn_put_c(&c->out->where, ")");
    return r;
}

static int one_column(struct compiler *c, const struct trn_hunt_term *t, const char *column)
{
    struct ids ids;
    int r = resolve(c, t, t->column == TRN_HUNT_PROCESS, &ids);
    return r < 0 ? r : put_ids(c, column, &ids);
}

/* Content keys of the files that a condition on table file is true for. */
static int file_keys(struct compiler *c, const char *sql, const void *hash, int64_t set, struct ids *keys)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(c->s->db, sql, -1, &q, NULL), r = 0;

    if (rc == SQLITE_OK && hash)
        sqlite3_bind_blob(q, 1, hash, TRN_SHA256_SIZE, SQLITE_STATIC);
    else if (rc == SQLITE_OK)
        sqlite3_bind_int64(q, 1, set);
    while (r == 0 && rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        r = add_id(c, keys, sqlite3_column_int64(q, 0));
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    if (r < 0)
        return r;
    return rc == SQLITE_DONE ? 0 : fail_sql(c, rc);
}

/* Everything done with a file of this content, not only the event that said what it is. */
static int sha256(struct compiler *c, const struct trn_hunt_term *t)
{
    uint8_t hash[TRN_SHA256_SIZE];
    struct ids keys = {.set = 2 * c->term};

    if (t->value.n != 2 * TRN_SHA256_SIZE || trn_unhex(t->value, hash, TRN_SHA256_SIZE) < 0) {
        trn_fail(c->err, -EINVAL, "cannot hunt: sha256 takes 64 hex digits");
        trn_hint(c->err, "sha256sum FILE prints them");
        return -EINVAL;
    }
    int r = file_keys(c, "SELECT key FROM file WHERE sha256=?1", hash, 0, &keys);
    return r < 0 ? r : put_ids(c, "file", &keys);
}

static int software(struct compiler *c, const struct trn_hunt_term *t)
{
    struct ids names, keys = {.set = 2 * c->term + 1};
    int r = resolve(c, t, false, &names);

    if (r < 0 || names.count == 0 || t->exact)
        return r < 0 ? r : put_ids(c, "software", &names);
    if (names.count == 1)
        r = file_keys(c, "SELECT key FROM file WHERE software=?1", NULL, names.first, &keys);
    else
        r = file_keys(c, "SELECT key FROM file WHERE software IN (SELECT id FROM temp.hunt_set WHERE term=?1)", NULL,
                      names.set, &keys);
    if (r < 0)
        return r;
    trn_put_c(&c->out->where, "(");
    r = put_ids(c, "software", &names);
    trn_put_c(&c->out->where, " OR ");
    if (r == 0)
        r = put_ids(c, "file", &keys);
    trn_put_c(&c->out->where, ")");
    return r;
}

static int domain(struct compiler *c, const struct trn_hunt_term *t)
{
    struct trn_hunt_term folded = *t;
    char *p = trn_arena_alloc(c->arena, t->value.n + 1);

    if (p == NULL)
        return trn_fail(c->err, -ENOMEM, "cannot hunt: out of memory");
    for (size_t i = 0; i < t->value.n; i++) {
        char x = t->value.p[i];
        p[i] = (char)(x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x);
    }
    folded.value = (struct trn_str){p, t->value.n};
    if (folded.value.n > 1 && p[folded.value.n - 1] == '.')
        folded.value.n--; /* names are kept without the root's dot */
    return one_column(c, &folded, "name");
}

static int match(struct compiler *c)
{
    int at = whole_hunt(c);
    if (at < 0)
        return at;
    trn_put_fmt(&c->out->where, "trn_match(?%d,%d,record)", at, c->term);
    return 0;
}

static int bad_value(struct compiler *c, const char *what, const char *example)
{
    trn_fail(c->err, -EINVAL, "cannot hunt: %s", what);
    trn_hint(c->err, "for example %s", example);
    return -EINVAL;
}

/* Range of a network of bits leading bits. */
static int network(struct compiler *c, const uint8_t *address, size_t n, uint64_t bits)
{
    uint8_t low[16], high[16];

    for (size_t i = 0; i < n; i++) {
        unsigned keep = bits >= 8 * (i + 1) ? 0xffu : bits <= 8 * i ? 0u : 0xff00u >> (bits - 8 * i) & 0xffu;
        low[i] = (uint8_t)(address[i] & keep);
        high[i] = (uint8_t)(address[i] | (~keep & 0xffu));
    }
    int from = blob(c, low, n), to = blob(c, high, n);
    if (from < 0 || to < 0)
        return -E2BIG;
    trn_put_fmt(&c->out->where, "(ip>=?%d AND ip<=?%d AND length(ip)=%zu)", from, to, n);
    return 0;
}

static int ip(struct compiler *c, const struct trn_hunt_term *t)
{
    struct trn_str rest = t->value, address;
    uint8_t raw[16];
    char text[64];
    uint64_t bits = 0;

    if (t->wildcard)
        return match(c);
    if (!trn_str_split(&rest, '/', &address) || address.n >= sizeof(text))
        return bad_value(c, "ip takes an address or a network", "ip=10.9.0.5 or ip=10.9.0.0/16");
    for (size_t i = 0; i <= address.n; i++)
        text[i] = i < address.n ? address.p[i] : '\0';
    bool four = inet_pton(AF_INET, text, raw) == 1;
    size_t n = four ? 4 : 16;
    if (!four && inet_pton(AF_INET6, text, raw) != 1)
        return bad_value(c, "ip takes an address or a network", "ip=10.9.0.5 or ip=10.9.0.0/16");
    if (rest.p) {
        if (trn_str_u64(rest, &bits) < 0 || bits > 8 * n)
            return bad_value(c, "the network's length is wrong", "ip=10.9.0.0/16");
        return network(c, raw, n, bits);
    }
    int at = blob(c, raw, n);
    if (at < 0)
        return at;
    trn_put_fmt(&c->out->where, "ip=?%d", at);
    return 0;
}

static int plain_number(struct compiler *c, const struct trn_hunt_term *t, const char *column)
{
    uint64_t v;

    if (t->wildcard)
        return match(c);
    if (trn_str_u64(t->value, &v) < 0 || v > INT64_MAX)
        return bad_value(c, "a number is needed for port, pid, user and seq", "port=443 user=1000");
    int at = number(c, (int64_t)v);
    if (at < 0)
        return at;
    trn_put_fmt(&c->out->where, "%s=?%d", column, at);
    return 0;
}

static int type(struct compiler *c, const struct trn_hunt_term *t)
{
    enum trn_event_type type;

    if (t->wildcard)
        return match(c);
    if (trn_event_type_parse(t->value, &type) < 0)
        return bad_value(c, "there is no such type of event", "type=exec, type=connect, type=dns, type=file");
    int at = number(c, type);
    if (at < 0)
        return at;
    trn_put_fmt(&c->out->where, "type=?%d", at);
    return 0;
}

static int entity(struct compiler *c, const struct trn_hunt_term *t)
{
    uint8_t raw[8];
    uint64_t v = 0;

    if (t->value.n != 16 || trn_unhex(t->value, raw, 8) < 0)
        return bad_value(c, "entity takes 16 hex digits", "entity=00c0ffee00c0ffee");
    for (int i = 0; i < 8; i++)
        v = v << 8 | raw[i];
    int at = number(c, (int64_t)v);
    if (at < 0)
        return at;
    trn_put_fmt(&c->out->where, "entity=?%d", at);
    return 0;
}

static int condition(struct compiler *c, const struct trn_hunt_term *t)
{
    switch (t->column) {
    case TRN_HUNT_PROCESS:
        return one_column(c, t, "process");
    case TRN_HUNT_PATH:
        return paths(c, t);
    case TRN_HUNT_SHA256:
        return sha256(c, t);
    case TRN_HUNT_DOMAIN:
        return domain(c, t);
    case TRN_HUNT_IP:
        return ip(c, t);
    case TRN_HUNT_PORT:
        return plain_number(c, t, "port");
    case TRN_HUNT_SOFTWARE:
        return software(c, t);
    case TRN_HUNT_TYPE:
        return type(c, t);
    case TRN_HUNT_PID:
        return plain_number(c, t, "pid");
    case TRN_HUNT_USER:
        return plain_number(c, t, "uid");
    case TRN_HUNT_ENTITY:
        return entity(c, t);
    case TRN_HUNT_SEQ:
        return plain_number(c, t, "seq");
    case TRN_HUNT_MATCH:
        break;
    }
    return match(c);
}

static int term(struct compiler *c, const struct trn_hunt_term *t)
{
    trn_put_c(&c->out->where, "(");
    int r = condition(c, t);
    if (r == 0 && t->exact && t->column != TRN_HUNT_SOFTWARE) {
        trn_put_c(&c->out->where, " AND ");
        r = match(c);
    }
    trn_put_c(&c->out->where, t->negate ? ") IS NOT 1" : ")");
    return r;
}

static int time_bounds(struct compiler *c)
{
    if (c->h->since) {
        int at = number(c, (int64_t)TRN_MIN(c->h->since, (uint64_t)INT64_MAX));
        if (at < 0)
            return at;
        trn_put_fmt(&c->out->where, " AND wall>=?%d", at);
    }
    if (c->h->until != UINT64_MAX) {
        int at = number(c, (int64_t)TRN_MIN(c->h->until, (uint64_t)INT64_MAX));
        if (at < 0)
            return at;
        trn_put_fmt(&c->out->where, " AND wall<?%d", at);
    }
    return 0;
}

int trn_hunt_compile(struct trn_store *s, const struct trn_hunt *h, struct trn_arena *arena, struct trn_hunt_sql *out,
                     struct trn_err *err)
{
    struct compiler c = {.s = s, .h = h, .arena = arena, .out = out, .err = err};

    trn_buf_init(&out->where, 1 << 16);
    out->n = 0;
    int r = trn_db_exec(s,
                        "CREATE TEMP TABLE IF NOT EXISTS hunt_set(term INTEGER, id INTEGER, PRIMARY KEY(term,id))"
                        " WITHOUT ROWID; DELETE FROM temp.hunt_set",
                        err, "search the store");
    trn_put_c(&out->where, h->n ? "(" : "1");
    for (uint32_t i = 0; r == 0 && i < h->n; i++) {
        c.term = (int)i;
        if (i)
            trn_put_c(&out->where, h->terms[i].begins_group ? ") OR (" : " AND ");
        r = term(&c, &h->terms[i]);
    }
    trn_put_c(&out->where, h->n ? ")" : "");
    if (r == 0 && h->n) { /* the times bound all groups */
        struct trn_str whole = trn_arena_printf(arena, "(%s)", out->where.p);
        trn_buf_clear(&out->where);
        trn_put_str(&out->where, whole);
    }
    if (r == 0)
        r = time_bounds(&c);
    if (r == 0 && out->where.bad)
        r = -E2BIG;
    return r == -E2BIG && (err == NULL || err->code != -E2BIG) ? trn_fail(err, r, "cannot hunt: too long an expression")
                                                               : r;
}
