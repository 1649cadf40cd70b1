/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: running a compiled hunt: binding, the match function, counting, writing hits as JSON.
 * Must not own: grammar, SQL conditions.
 * Hand-offs: a hit's JSON is borrowed by the sink during the call.
 */
#include "store/hunt_sql.h"

#define DEADLINE_NS (20 * TRN_NS_PER_SEC)
#define ARENA_MAX (8u << 20)
#define JSON_MAX (4u << 20)
#define STEPS_BETWEEN_LOOKS 100000
#define POINTER_TYPE "trn_hunt"

/* trn_match(hunt, term, record): is this term true for the record? */
static void match_function(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct trn_hunt *h = sqlite3_value_pointer(argv[0], POINTER_TYPE);
    int term = sqlite3_value_int(argv[1]);
    struct trn_cursor c = trn_cur(sqlite3_value_blob(argv[2]), (size_t)sqlite3_value_bytes(argv[2]));
    struct trn_buf TRN_AUTO(trn_buf_done) scratch;
    struct trn_event ev;

    (void)argc;
    trn_buf_init(&scratch, JSON_MAX);
    if (h == NULL || term < 0 || (uint32_t)term >= h->n)
        sqlite3_result_error(ctx, "trn_match without a hunt", -1);
    else
        sqlite3_result_int(ctx, trn_event_decode(&c, &ev) == 0 && trn_hunt_match(&h->terms[term], &ev, &scratch));
}

int trn_hunt_register(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "trn_match", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, match_function, NULL,
                                      NULL, NULL);
}

static void bind(sqlite3_stmt *q, const struct trn_hunt *h, const struct trn_hunt_sql *sql)
{
    for (int i = 0; i < sql->n; i++) {
        const struct trn_hunt_bind *b = &sql->binds[i];
        if (b->kind == TRN_BIND_NUMBER)
            sqlite3_bind_int64(q, i + 1, b->number);
        else if (b->kind == TRN_BIND_BLOB)
            sqlite3_bind_blob(q, i + 1, b->blob, b->n, SQLITE_STATIC);
        else
            sqlite3_bind_pointer(q, i + 1, (void *)(uintptr_t)h, POINTER_TYPE, NULL);
    }
}

/* A statement around the condition: before, condition, behind; ready to step; h must outlive it. */
static int hunt_prepare(struct trn_store *s, const struct trn_hunt *h, const struct trn_hunt_sql *sql,
                        const char *before, const char *behind, sqlite3_stmt **ret, struct trn_err *err)
{
    struct trn_buf TRN_AUTO(trn_buf_done) text;

    trn_buf_init(&text, 1 << 17);
    trn_put_c(&text, before);
    trn_put_str(&text, trn_buf_str(&sql->where));
    trn_put_c(&text, behind);
    if (text.bad)
        return trn_fail(err, -E2BIG, "cannot hunt: too long an expression");
    int rc = sqlite3_prepare_v2(s->db, text.p, (int)text.n, ret, NULL);
    if (rc != SQLITE_OK)
        return trn_db_fail(s, rc, err, "search the store");
    bind(*ret, h, sql);
    return 0;
}

static void finalizep(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
}

static int stopped(struct trn_store *s, int rc, struct trn_err *err)
{
    if ((rc & 0xff) != SQLITE_INTERRUPT)
        return trn_db_fail(s, rc, err, "search the store");
    trn_fail(err, -ETIMEDOUT, "cannot hunt: it took longer than %u seconds", (unsigned)(DEADLINE_NS / TRN_NS_PER_SEC));
    trn_hint(err, "narrow it: add process=, ip= or since=2h");
    return -ETIMEDOUT;
}

static int summarise(struct trn_store *s, const struct trn_hunt *h, const struct trn_hunt_sql *sql,
                     struct trn_hunt_summary *sum, struct trn_err *err)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    int r = hunt_prepare(s, h, sql, "SELECT count(*),min(wall),max(wall) FROM event WHERE ", "", &q, err);

    if (r < 0)
        return r;
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW)
        return stopped(s, rc, err);
    sum->matches = (uint64_t)sqlite3_column_int64(q, 0);
    sum->first_wall_ns = (uint64_t)sqlite3_column_int64(q, 1);
    sum->last_wall_ns = (uint64_t)sqlite3_column_int64(q, 2);
    return 0;
}

/* The event of a row, with the program that acted where the record itself does not say. */
static int emit(sqlite3_stmt *q, struct trn_arena *arena, struct trn_buf *json, const struct trn_json_sink *sink)
{
    struct trn_cursor c = trn_cur_of(trn_db_column(q, 0));
    struct trn_str path = trn_db_column(q, 1);
    struct trn_event ev;

    if (trn_event_decode(&c, &ev) < 0)
        return 0; /* one damaged row does not hide the others */
    if (path.p && ev.type != TRN_EV_EXEC) {
        const struct trn_value v = {.kind = TRN_KIND_STR, .s = path};
        if (trn_event_set_extra(&ev, trn_field_by_id(TRN_F_EXECUTABLE), &v, arena) == -ENOMEM)
            return -ENOMEM;
    }
    trn_buf_clear(json);
    trn_event_to_json(&ev, json);
    trn_arena_reset(arena);
    return json->bad ? 0 : sink->line(sink->ctx, trn_buf_str(json));
}

static int list(struct trn_store *s, const struct trn_hunt *h, const struct trn_hunt_sql *sql, uint32_t limit,
                const struct trn_json_sink *sink, struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(ARENA_MAX);
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    struct trn_buf TRN_AUTO(trn_buf_done) json, order;
    int rc, r;

    trn_buf_init(&json, JSON_MAX);
    trn_buf_init(&order, 1000);
    if (arena == NULL)
        return trn_fail(err, -ENOMEM, "cannot hunt: out of memory");
    trn_put_fmt(&order, TRN_HUNT_NEWEST, limit);
    r = order.bad ? -ENOMEM : hunt_prepare(s, h, sql, TRN_HUNT_LIST, order.p, &q, err);
    if (r < 0)
        return r;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        r = emit(q, arena, &json, sink);
        if (r < 0)
            return r;
    }
    return rc == SQLITE_DONE ? 0 : stopped(s, rc, err);
}

static int past_deadline(void *ctx)
{
    return trn_mono_ns() > *(const uint64_t *)ctx;
}

static int run(struct trn_store *s, const struct trn_hunt *h, struct trn_arena *arena, uint32_t limit,
               const struct trn_json_sink *sink, struct trn_hunt_summary *sum, struct trn_err *err)
{
    struct trn_hunt_sql sql;

    int r = trn_hunt_compile(s, h, arena, &sql, err);
    if (r == 0)
        r = summarise(s, h, &sql, sum, err);
    if (r == 0 && sum->matches && sink)
        r = list(s, h, &sql, limit, sink, err);
    trn_buf_done(&sql.where);
    return r;
}

int trn_store_hunt(struct trn_store *s, struct trn_str expr, uint64_t now_wall_ns, uint32_t limit,
                   const struct trn_json_sink *sink, struct trn_hunt_summary *ret, struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(ARENA_MAX);
    uint64_t deadline = trn_mono_ns() + DEADLINE_NS;
    struct trn_hunt_summary sum = {0};
    struct trn_hunt h;

    if (arena == NULL)
        return trn_fail(err, -ENOMEM, "cannot hunt: out of memory");
    if (s->db == NULL || s->damaged)
        return trn_fail(err, -EUCLEAN, "cannot search store: it is damaged");
    int r = trn_hunt_parse(expr, now_wall_ns, arena, &h, err);
    if (r < 0)
        return r;
    sqlite3_progress_handler(s->db, STEPS_BETWEEN_LOOKS, past_deadline, &deadline);
    r = run(s, &h, arena, limit ? limit : 1000, sink, &sum, err);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (r == 0)
        *ret = sum;
    return r;
}

int trn_hunt_plan(struct trn_store *s, struct trn_str expr, uint64_t now_wall_ns, struct trn_buf *out,
                  struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(ARENA_MAX);
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    struct trn_buf TRN_AUTO(trn_buf_done) order;
    struct trn_hunt_sql sql = {0};
    struct trn_hunt h;

    trn_buf_init(&order, 1000);
    trn_put_fmt(&order, TRN_HUNT_NEWEST, 100u);

    if (arena == NULL)
        return trn_fail(err, -ENOMEM, "cannot hunt: out of memory");
    int r = trn_hunt_parse(expr, now_wall_ns, arena, &h, err);
    if (r == 0)
        r = trn_hunt_compile(s, &h, arena, &sql, err);
    if (r == 0)
        r = hunt_prepare(s, &h, &sql, "EXPLAIN QUERY PLAN " TRN_HUNT_LIST, order.p, &q, err);
    trn_buf_done(&sql.where);
    while (r == 0 && sqlite3_step(q) == SQLITE_ROW) {
        trn_put_str(out, trn_db_column(q, 3));
        trn_put_c(out, "\n");
    }
    return r;
}
