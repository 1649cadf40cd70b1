/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: findings, stories and remembered rows: in and out. Must not own: events.
 * Hand-offs: a story read back lives in the caller's arena.
 */
#include "store/db.h"

#define RECORD_MAX (4u << 20)
/* Keys are unsigned; flipping the top bit keeps their order in SQLite's signed numbers. */
#define KEY(u) ((int64_t)((u) ^ 1ull << 63))

static int usable(struct trn_store *s, struct trn_err *err)
{
    return s->db && !s->damaged ? 0 : trn_fail(err, -EUCLEAN, "cannot use store: it is damaged");
}

/* Begins the transaction if need be and counts one row more in it. */
static int begin_row(struct trn_store *s, struct trn_err *err)
{
    int r = usable(s, err);
    if (r == 0)
        r = trn_db_begin(s, err);
    if (r < 0)
        s->lost++;
    else
        s->pending++;
    return r;
}

static sqlite3_stmt *writer(struct trn_store *s, enum trn_store_stmt which, int *r, struct trn_err *err)
{
    sqlite3_stmt *q = trn_db_stmt(s, which);
    if (q == NULL)
        *r = trn_db_abort(s, trn_db_fail(s, sqlite3_errcode(s->db), err, "write a row"));
    return q;
}

int trn_store_finding(struct trn_store *s, const struct trn_finding *f, uint64_t story, struct trn_err *err)
{
    int r = begin_row(s, err);
    if (r < 0)
        return r;
    trn_buf_clear(&s->scratch);
    trn_finding_encode(f, &s->scratch);
    sqlite3_stmt *q = writer(s, TRN_SQL_FINDING_PUT, &r, err);
    if (q == NULL)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)f->id);
    sqlite3_bind_int64(q, 2, (int64_t)f->wall_ns);
    if (story)
        sqlite3_bind_int64(q, 3, (int64_t)story);
    trn_db_bind_text(q, 4, trn_buf_str(&s->scratch));
    return trn_db_run(s, q, err, "store a finding");
}

int trn_store_story(struct trn_store *s, const struct trn_story *st, struct trn_err *err)
{
    int r = begin_row(s, err);
    if (r < 0)
        return r;
    trn_buf_clear(&s->scratch);
    trn_story_encode(st, &s->scratch);
    if (s->scratch.bad)
        return trn_db_abort(s, trn_fail(err, -E2BIG, "cannot store story: it is too large"));
    sqlite3_stmt *q = writer(s, TRN_SQL_STORY_PUT, &r, err);
    if (q == NULL)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)st->id);
    sqlite3_bind_int64(q, 2, st->verdict);
    sqlite3_bind_int64(q, 3, st->score);
    sqlite3_bind_int64(q, 4, (int64_t)st->updated_wall_ns);
    sqlite3_bind_int64(q, 5, st->closed);
    trn_db_bind_text(q, 6, st->closed ? st->close_why : TRN_STR_NONE);
    trn_db_bind_text(q, 7, trn_buf_str(&s->scratch));
    return trn_db_run(s, q, err, "store a story");
}

int trn_store_state(struct trn_store *s, const struct trn_event *state, struct trn_err *err)
{
    if (state->type != TRN_EV_STATE || state->state.kind.p == NULL)
        return trn_fail(err, -EINVAL, "cannot remember row: it is none");
    bool forget = trn_str_is_empty(state->state.value);
    int r = begin_row(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *q = writer(s, forget ? TRN_SQL_STATE_DELETE : TRN_SQL_STATE_PUT, &r, err);
    if (q == NULL)
        return r;
    trn_db_bind_text(q, 1, state->state.kind);
    sqlite3_bind_int64(q, 2, KEY(state->state.key));
    if (!forget) {
        trn_db_bind_text(q, 3, state->state.value);
        sqlite3_bind_int64(q, 4, (int64_t)state->wall_ns);
    }
    return trn_db_run(s, q, err, "remember a row");
}

static int prepare(struct trn_store *s, const char *sql, sqlite3_stmt **ret, struct trn_err *err)
{
    int r = usable(s, err);
    if (r < 0)
        return r;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);
    return rc == SQLITE_OK ? 0 : trn_db_fail(s, rc, err, "read rows");
}

static void finalizep(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
}

int trn_store_states(struct trn_store *s, const struct trn_event_sink *sink, struct trn_err *err)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    int rc, r = prepare(s, "SELECT kind,key,value,wall FROM state ORDER BY kind,key", &q, err);

    if (r < 0)
        return r;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_STATE);
        ev.state.kind = trn_db_column(q, 0);
        ev.state.key = (uint64_t)KEY((uint64_t)sqlite3_column_int64(q, 1));
        ev.state.value = trn_db_column(q, 2);
        ev.wall_ns = (uint64_t)sqlite3_column_int64(q, 3);
        r = trn_sink_event(sink, &ev);
        if (r < 0)
            return r;
    }
    return rc == SQLITE_DONE ? 0 : trn_db_fail(s, rc, err, "read rows");
}

/* record, closed, why of the row into *st. A store of before version 2 of the record has closing only beside it. */
static int story_of_row(sqlite3_stmt *q, struct trn_story *st)
{
    struct trn_cursor c = trn_cur_of(trn_db_column(q, 0));
    int r = trn_story_decode(&c, st);

    if (r == 0 && sqlite3_column_int(q, 1) && !st->closed) {
        st->closed = true;
        st->close_why = trn_db_column(q, 2);
    }
    return r;
}

int trn_store_stories(struct trn_store *s, enum trn_verdict min, uint32_t limit, const struct trn_json_sink *sink,
                      struct trn_err *err)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    struct trn_buf TRN_AUTO(trn_buf_done) json;
    struct trn_story TRN_AUTO(trn_freep) *st = calloc(1, sizeof(*st));
    int rc;

    trn_buf_init(&json, RECORD_MAX);
    if (st == NULL)
        return trn_fail(err, -ENOMEM, "cannot read stories: out of memory");
    int r = prepare(s, "SELECT record,closed,why FROM story WHERE verdict>=?1 ORDER BY updated DESC, id DESC LIMIT ?2",
                    &q, err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, min);
    sqlite3_bind_int64(q, 2, limit ? limit : 1000);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        trn_buf_clear(&json);
        if (story_of_row(q, st) < 0)
            continue; /* one damaged row does not hide the others */
        trn_story_to_json(st, &json);
        r = json.bad ? 0 : sink->line(sink->ctx, trn_buf_str(&json));
        if (r < 0)
            return r;
    }
    return rc == SQLITE_DONE ? 0 : trn_db_fail(s, rc, err, "read stories");
}

static int not_there(uint64_t id, struct trn_err *err)
{
    int r = trn_fail(err, -ENOENT, "cannot find story %llu", (unsigned long long)id);
    trn_hint(err, "turncoat stories --all lists them");
    return r;
}

int trn_store_story_get(struct trn_store *s, uint64_t id, struct trn_arena *arena, struct trn_story **ret,
                        struct trn_err *err)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    int r = prepare(s, "SELECT record,closed,why FROM story WHERE id=?1", &q, err);

    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)id);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_DONE)
        return not_there(id, err);
    if (rc != SQLITE_ROW)
        return trn_db_fail(s, rc, err, "read a story");

    struct trn_story *st = trn_arena_alloc(arena, sizeof(*st));
    /* The record moves into the arena first: decoded views point into it. */
    struct trn_str record = trn_arena_str(arena, trn_db_column(q, 0));
    if (st == NULL || record.p == NULL)
        return trn_fail(err, -ENOMEM, "cannot read story: out of memory");
    struct trn_cursor c = trn_cur_of(record);
    if (trn_story_decode(&c, st) < 0)
        return trn_fail(err, -EBADMSG, "cannot read story %llu: its record is damaged", (unsigned long long)id);
    if (sqlite3_column_int(q, 1) && !st->closed) {
        st->closed = true;
        st->close_why = trn_arena_str(arena, trn_db_column(q, 2));
    }
    *ret = st;
    return 0;
}

int trn_store_story_json(struct trn_store *s, uint64_t id, struct trn_buf *out, struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(RECORD_MAX * 2);
    struct trn_story *st = NULL;

    if (arena == NULL)
        return trn_fail(err, -ENOMEM, "cannot read story: out of memory");
    int r = trn_store_story_get(s, id, arena, &st, err);
    if (r < 0 || st == NULL)
        return r;
    trn_story_to_json(st, out);
    return out->bad ? trn_fail(err, -E2BIG, "cannot show story: it is too large") : 0;
}

int trn_store_findings(struct trn_store *s, uint64_t since_wall_ns, uint32_t limit, const struct trn_json_sink *sink,
                       struct trn_err *err)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    struct trn_buf TRN_AUTO(trn_buf_done) json;
    struct trn_finding f;
    int rc, r = prepare(s, "SELECT record FROM finding WHERE wall>=?1 ORDER BY wall DESC, id LIMIT ?2", &q, err);

    trn_buf_init(&json, RECORD_MAX);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)TRN_MIN(since_wall_ns, (uint64_t)INT64_MAX));
    sqlite3_bind_int64(q, 2, limit ? limit : 1000);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct trn_cursor c = trn_cur_of(trn_db_column(q, 0));
        trn_buf_clear(&json);
        if (trn_finding_decode(&c, &f) < 0)
            continue;
        trn_finding_to_json(&f, &json);
        r = json.bad ? 0 : sink->line(sink->ctx, trn_buf_str(&json));
        if (r < 0)
            return r;
    }
    return rc == SQLITE_DONE ? 0 : trn_db_fail(s, rc, err, "read findings");
}

int trn_store_decide(struct trn_store *s, const struct trn_event *decision, struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(RECORD_MAX * 2);
    struct trn_story *st = NULL;

    if (arena == NULL)
        return trn_fail(err, -ENOMEM, "cannot change story: out of memory");
    int r = trn_store_story_get(s, decision->decision.story, arena, &st, err);
    if (r < 0 || st == NULL)
        return r;
    if (!trn_story_decide(st, decision))
        return trn_fail(err, -EINVAL, "cannot change story: what was decided is not known");
    st->revision++;
    return trn_store_story(s, st, err);
}
