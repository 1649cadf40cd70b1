/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which stored events lie behind one story, and reading them in the order of the log.
 * Must not own: what becomes of them.
 * Hand-offs: an event is borrowed by the sink during the call.
 *
 * Numbers of events begin again with each engine; so of several rows with a finding's number the one is taken that was
 * stored last before the finding and by one of the story's processes. A finding that was told again keeps its first time: then
 * the next one after it by one of them.
 */
#include "store/db.h"

#include <stdio.h>

#define ROWS_MAX 100000u
#define EACH_MAX 4000 /* events of one process */
#define SAME_NUMBER_MAX 16
#define LOSSES_MAX 500
#define STEPS_MAX 5000
#define CHANGES_MAX 8
#define WINDOW_NS (35ull * 86400 * TRN_NS_PER_SEC)
#define LATER_NS (10 * TRN_NS_PER_SEC) /* an event may be stored with a later clock than its finding */
#define DEADLINE_NS (20 * TRN_NS_PER_SEC)
#define STEPS_BETWEEN_LOOKS 100000
#define ARENA_MAX (8u << 20)

/* What a process does itself; libraries and files only where a finding names them. */
#define ACTS "(2,3,5,7,8,9,10,11,13,14,15,16,17)"
_Static_assert(TRN_EV_EXEC == 2 && TRN_EV_EXIT == 3 && TRN_EV_MEM_EXEC == 5 && TRN_EV_OPEN == 7 &&
                   TRN_EV_CONNECT == 8 && TRN_EV_ACCEPT == 9 && TRN_EV_NET_CLOSE == 10 && TRN_EV_DNS == 11 &&
                   TRN_EV_LISTEN == 13 && TRN_EV_TLS == 14 && TRN_EV_ACCESS == 15 && TRN_EV_CRED == 16 &&
                   TRN_EV_LOGIN == 17,
               "ACTS names types by number");
#define CHANGE "33"
_Static_assert(TRN_EV_SOFTWARE == 33, "CHANGE names a type by number");
#define STEP "45"
_Static_assert(TRN_EV_RESPONSE == 45, "STEP names a type by number");
#define UNSEEN "(34,36,37,38,39,41,42)"
_Static_assert(TRN_EV_LOSS == 34 && TRN_EV_START == 36 && TRN_EV_STOP == 37 && TRN_EV_GAP == 38 && TRN_EV_CLOCK == 39 &&
                   TRN_EV_FILTER == 41 && TRN_EV_HOOK == 42,
               "UNSEEN names types by number");

struct gather {
    struct trn_store *s;
    const struct trn_story *story;
    struct trn_store_rows rows;
    uint32_t max, cap;
    struct trn_err *err;
};

static void finalizep(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
}

static int prepare(struct trn_store *s, const char *sql, sqlite3_stmt **ret, struct trn_err *err)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);
    return rc == SQLITE_OK ? 0 : trn_db_fail(s, rc, err, "read what lies behind a story");
}

static int done(struct gather *g, int rc)
{
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return trn_fail(g->err, -ETIMEDOUT, "cannot read what lies behind the story: it took longer than %u seconds",
                        (unsigned)(DEADLINE_NS / TRN_NS_PER_SEC));
    return rc == SQLITE_DONE ? 0 : trn_db_fail(g->s, rc, g->err, "read what lies behind a story");
}

static int add(struct gather *g, int64_t id, enum trn_row_kind kind)
{
    if (g->rows.n == g->max)
        return 0;
    if (g->rows.n == g->cap) {
        uint32_t cap = g->cap ? g->cap * 2 : 1024;
        struct trn_store_row *p = realloc(g->rows.rows, cap * sizeof(*p));
        if (!p)
            return trn_fail(g->err, -ENOMEM, "cannot read what lies behind a story: out of memory");
        g->rows.rows = p;
        g->cap = cap;
    }
    g->rows.rows[g->rows.n++] = (struct trn_store_row){id, kind};
    return 0;
}

static bool is_ours(const struct trn_story *s, const struct trn_finding *f, uint64_t entity)
{
    bool ours = entity == f->entity || entity == f->acting;
    for (uint32_t i = 0; !ours && i < s->n_processes; i++)
        ours = s->processes[i].entity == entity;
    return ours;
}

/* The row of one number that a finding names: before it, or by whom the story is about. */
static int behind(struct gather *g, sqlite3_stmt *q, const struct trn_finding *f, uint64_t seq)
{
    int64_t best = 0, told = (int64_t)(f->wall_ns + LATER_NS);
    int rc;
    sqlite3_reset(q);
    sqlite3_bind_int64(q, 1, (int64_t)seq);
    sqlite3_bind_int64(q, 2, told);
    sqlite3_bind_int64(q, 3, TRN_MAX(told, (int64_t)(g->story->updated_wall_ns + LATER_NS)));
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0);
        bool ours = is_ours(g->story, f, (uint64_t)sqlite3_column_int64(q, 1));
        if (ours || (!best && sqlite3_column_int64(q, 2) <= told))
            best = id;
        if (ours)
            break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return done(g, rc);
    if (best)
        return add(g, best, TRN_ROW_BEHIND);
    g->rows.missing++;
    return 0;
}

static int behind_findings(struct gather *g)
{
    char sql[200];
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT id,entity,wall FROM event WHERE seq=?1 AND wall<=?3 ORDER BY wall>?2, abs(wall-?2) LIMIT %d",
                   SAME_NUMBER_MAX);
    int r = prepare(g->s, sql, &q, g->err);
    for (uint32_t i = 0; r == 0 && i < g->story->n_findings; i++) {
        const struct trn_finding *f = &g->story->findings[i];
        for (uint32_t k = 0; r == 0 && k < f->n_events; k++)
            r = behind(g, q, f, f->events[k]);
    }
    return r;
}

static int add_all(struct gather *g, sqlite3_stmt *q, enum trn_row_kind kind)
{
    int rc, r = 0;
    while (r == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW)
        r = add(g, sqlite3_column_int64(q, 0), kind);
    return r < 0 ? r : done(g, rc);
}

/* The update that the story names. */
static int behind_change(struct gather *g)
{
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    int64_t name = 0;
    int r = trn_dict_find(g->s, g->story->software.name, &name, g->err);
    if (r < 0 || !name || !g->story->change_wall_ns)
        return r;
    r = prepare(g->s, "SELECT id FROM event WHERE software=?1 AND type=" CHANGE " ORDER BY wall DESC LIMIT ?2", &q,
                g->err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, name);
    sqlite3_bind_int(q, 2, CHANGES_MAX);
    return add_all(g, q, TRN_ROW_BEHIND);
}

static int acts_of(struct gather *g, sqlite3_stmt *list, sqlite3_stmt *count, uint64_t entity)
{
    sqlite3_reset(list);
    sqlite3_reset(count);
    sqlite3_bind_int64(list, 1, (int64_t)entity);
    sqlite3_bind_int(list, 2, EACH_MAX);
    sqlite3_bind_int64(count, 1, (int64_t)entity);
    uint32_t before = g->rows.n;
    int r = add_all(g, list, TRN_ROW_ACT);
    if (r < 0)
        return r;
    int rc = sqlite3_step(count);
    if (rc != SQLITE_ROW)
        return done(g, rc);
    uint64_t all = (uint64_t)sqlite3_column_int64(count, 0), got = g->rows.n - before;
    g->rows.left_out += all > got ? all - got : 0;
    return 0;
}

static int acts(struct gather *g)
{
    sqlite3_stmt TRN_AUTO(finalizep) *list = NULL;
    sqlite3_stmt TRN_AUTO(finalizep) *count = NULL;
    int r = prepare(g->s, "SELECT id FROM event WHERE entity=?1 AND type IN " ACTS " ORDER BY wall LIMIT ?2", &list,
                    g->err);
    if (r == 0)
        r = prepare(g->s, "SELECT count(*) FROM event WHERE entity=?1 AND type IN " ACTS, &count, g->err);
    for (uint32_t i = 0; r == 0 && i < g->story->n_processes; i++)
        r = acts_of(g, list, count, g->story->processes[i].entity);
    return r;
}

/* The steps of the actions that the story names. */
static int actions(struct gather *g)
{
    const struct trn_story *s = g->story;
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    if (s->n_actions == 0)
        return 0;
    int rc = SQLITE_DONE,
        r = prepare(g->s,
                    "SELECT id,record FROM event WHERE wall>=?1 AND wall<=?2 AND type=" STEP " ORDER BY wall LIMIT ?3",
                    &q, g->err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)TRN_MIN(s->opened_wall_ns, s->actions[0].since_wall_ns));
    sqlite3_bind_int64(q, 2, (int64_t)(s->updated_wall_ns + LATER_NS));
    sqlite3_bind_int(q, 3, STEPS_MAX);
    while (r == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct trn_event ev;
        struct trn_cursor c = trn_cur_of(trn_db_column(q, 1));
        bool ours = false;
        if (trn_event_decode(&c, &ev) < 0 || ev.type != TRN_EV_RESPONSE)
            continue;
        for (uint32_t i = 0; i < s->n_actions && !ours; i++)
            ours = s->actions[i].id == ev.response.id;
        r = ours ? add(g, sqlite3_column_int64(q, 0), TRN_ROW_BEHIND) : 0;
    }
    return r < 0 ? r : done(g, rc);
}

/* What was lost, left out or not watched while the story happened. */
static int losses(struct gather *g)
{
    const struct trn_story *s = g->story;
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    uint64_t from = s->opened_wall_ns;
    if (s->n_findings)
        from = TRN_MIN(from, s->findings[0].wall_ns);
    for (uint32_t i = 0; i < s->n_processes; i++)
        from = s->processes[i].start_wall_ns ? TRN_MIN(from, s->processes[i].start_wall_ns) : from;
    from = TRN_MAX(from, s->updated_wall_ns > WINDOW_NS ? s->updated_wall_ns - WINDOW_NS : 0);
    int r =
        prepare(g->s, "SELECT id FROM event WHERE wall>=?1 AND wall<=?2 AND type IN " UNSEEN " ORDER BY wall LIMIT ?3",
                &q, g->err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, (int64_t)from);
    sqlite3_bind_int64(q, 2, (int64_t)(s->updated_wall_ns + LATER_NS));
    sqlite3_bind_int(q, 3, LOSSES_MAX);
    return add_all(g, q, TRN_ROW_LOSS);
}

/* In order of the log; of a row that came twice, the stronger reason. */
static int by_row(const void *a, const void *b)
{
    const struct trn_store_row *x = a, *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (int)x->kind - (int)y->kind;
}

static void sort_once_each(struct trn_store_rows *r)
{
    uint32_t n = 0;
    if (r->n)
        qsort(r->rows, r->n, sizeof(*r->rows), by_row);
    for (uint32_t i = 0; i < r->n; i++)
        if (n == 0 || r->rows[n - 1].id != r->rows[i].id)
            r->rows[n++] = r->rows[i];
    r->n = n;
}

static int past_deadline(void *ctx)
{
    return trn_mono_ns() > *(const uint64_t *)ctx;
}

int trn_store_story_rows(struct trn_store *s, const struct trn_story *story, uint32_t max, struct trn_store_rows *ret,
                         struct trn_err *err)
{
    uint64_t deadline = trn_mono_ns() + DEADLINE_NS;
    struct gather g = {.s = s, .story = story, .max = TRN_MIN(max, ROWS_MAX), .err = err};
    if (s->db == NULL || s->damaged)
        return trn_fail(err, -EUCLEAN, "cannot use store: it is damaged");
    sqlite3_progress_handler(s->db, STEPS_BETWEEN_LOOKS, past_deadline, &deadline);
    int r = behind_findings(&g);
    if (r == 0)
        r = behind_change(&g);
    if (r == 0)
        r = actions(&g);
    if (r == 0)
        r = losses(&g);
    if (r == 0)
        r = acts(&g);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (r < 0) {
        trn_store_rows_done(&g.rows);
        return r;
    }
    sort_once_each(&g.rows);
    *ret = g.rows;
    return 0;
}

void trn_store_rows_done(struct trn_store_rows *r)
{
    free(r->rows);
    *r = (struct trn_store_rows){0};
}

/* With what the store knows beside the record: the program that acted, the hash of the file. */
static int complete(sqlite3_stmt *q, struct trn_event *ev, struct trn_arena *arena)
{
    struct trn_value path = {.kind = TRN_KIND_STR, .s = trn_db_column(q, 1)};
    struct trn_value hash = {.kind = TRN_KIND_BYTES, .s = trn_db_column(q, 2)};
    uint16_t field = ev->type == TRN_EV_EXEC ? TRN_F_PROCESS_SHA256 : TRN_F_IDENTITY_SHA256;
    int r = 0;
    if (path.s.p && ev->type != TRN_EV_EXEC)
        r = trn_event_set_extra(ev, trn_field_by_id(TRN_F_EXECUTABLE), &path, arena);
    if (r != -ENOMEM && hash.s.n == TRN_SHA256_SIZE && ev->type != TRN_EV_IDENTITY)
        r = trn_event_set_extra(ev, trn_field_by_id(field), &hash, arena);
    return r == -ENOMEM ? r : 0;
}

int trn_store_rows_each(struct trn_store *s, const struct trn_store_rows *rows, trn_store_row_fn *fn, void *ctx,
                        struct trn_err *err)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(ARENA_MAX);
    sqlite3_stmt TRN_AUTO(finalizep) *q = NULL;
    if (!arena)
        return trn_fail(err, -ENOMEM, "cannot read events: out of memory");
    int r = prepare(s,
                    "SELECT e.record, s.text, f.sha256 FROM event e LEFT JOIN string s ON s.id=e.process"
                    " LEFT JOIN file f ON f.key=e.file WHERE e.id=?1",
                    &q, err);
    for (uint32_t i = 0; r == 0 && i < rows->n; i++) {
        struct trn_event ev;
        sqlite3_reset(q);
        sqlite3_bind_int64(q, 1, rows->rows[i].id);
        int rc = sqlite3_step(q);
        if (rc == SQLITE_DONE)
            continue; /* retention took it meanwhile */
        if (rc != SQLITE_ROW)
            return trn_db_fail(s, rc, err, "read events");
        struct trn_cursor c = trn_cur_of(trn_db_column(q, 0));
        trn_arena_reset(arena);
        if (trn_event_decode(&c, &ev) < 0)
            continue; /* one damaged row does not hide the others */
        r = complete(q, &ev, arena);
        if (r == 0)
            r = fn(ctx, &ev, rows->rows[i].kind);
        if (r < 0 && err && !err->code)
            (void)trn_fail(err, r, "cannot read events: %s", trn_errno_name(r));
    }
    return r;
}
