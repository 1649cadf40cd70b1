/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the exceptions that hold, and which finding one of them lowers. Must not: hide a finding, carry one over to another
 * version or content, trust the log or a remembered row, or own who may ask for one (src/engine).
 *
 * A row is the EXCEPTION event that set it, so that what is remembered is what the log has (STATE rows "exception"; key 0:
 * the next number). It is dead from its time on, or when its version is replaced, whether anybody tells so or not; the
 * EXPIRED event that follows removes it.
 */
#include "detect/exceptions.h"

#define KIND TRN_STR("exception")
#define BLOB_MAX 8192

struct row {
    struct trn_event ev; /* SET; its texts point into blob */
    char *blob;
    size_t n;
    bool gone; /* its version is no longer installed */
};

struct trn_exceptions {
    struct row rows[TRN_EXCEPTIONS_MAX]; /* by number */
    uint32_t n;
    uint64_t next_id, wall_ns; /* wall_ns: of the last event */
    struct trn_buf text;
};

struct trn_exceptions *trn_exceptions_new(void)
{
    struct trn_exceptions *x = calloc(1, sizeof(*x));
    if (x) {
        x->next_id = 1;
        trn_buf_init(&x->text, 2048);
    }
    return x;
}

struct trn_exceptions *trn_exceptions_free(struct trn_exceptions *x)
{
    if (x) {
        for (uint32_t i = 0; i < x->n; i++)
            free(x->rows[i].blob);
        trn_buf_done(&x->text);
        free(x);
    }
    return NULL;
}

size_t trn_exceptions_bytes(const struct trn_exceptions *x)
{
    size_t n = sizeof(*x) + x->text.cap;
    for (uint32_t i = 0; i < x->n; i++)
        n += x->rows[i].n;
    return n;
}

static bool same_binding(const struct trn_ev_exception *a, const struct trn_ev_exception *b)
{
    return trn_str_eq(a->check, b->check) && trn_str_eq(a->name, b->name) && trn_str_eq(a->version, b->version) &&
           trn_str_eq(a->only, b->only) && memcmp(a->sha256, b->sha256, TRN_SHA256_SIZE) == 0;
}

int trn_exceptions_room(const struct trn_exceptions *x, const struct trn_event *set, uint64_t *ret_id,
                        struct trn_err *err)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (same_binding(&x->rows[i].ev.exception, &set->exception)) {
            *ret_id = x->rows[i].ev.exception.id;
            return 0;
        }
    if (x->n == TRN_EXCEPTIONS_MAX) {
        int r = trn_fail(err, -ENOSPC, "there are %d exceptions already", TRN_EXCEPTIONS_MAX);
        trn_hint(err, "turncoat exceptions list shows them; remove one");
        return r;
    }
    *ret_id = x->next_id;
    return 0;
}

/* ---- rows ---- */

static uint32_t find(const struct trn_exceptions *x, uint64_t id)
{
    uint32_t i = 0;
    while (i < x->n && x->rows[i].ev.exception.id != id)
        i++;
    return i;
}

/* The row's own copy; x is untouched when that fails. */
static int keep(struct row *row, const struct trn_event *set)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_event own = *set;
    struct row fresh = {0};
    own.seq = 0;
    trn_buf_init(&b, BLOB_MAX);
    trn_event_encode(&own, &b);
    fresh.blob = b.bad || !b.n ? NULL : malloc(b.n);
    if (!fresh.blob)
        return -ENOMEM;
    fresh.n = b.n;
    memcpy(fresh.blob, b.p, b.n);
    struct trn_cursor in = trn_cur(fresh.blob, fresh.n);
    if (trn_event_decode(&in, &fresh.ev) < 0) {
        free(fresh.blob);
        return -ENOMEM;
    }
    free(row->blob);
    *row = fresh;
    return 0;
}

static void drop(struct trn_exceptions *x, uint32_t at)
{
    free(x->rows[at].blob);
    memmove(&x->rows[at], &x->rows[at + 1], (x->n - at - 1) * sizeof(x->rows[0]));
    x->rows[--x->n] = (struct row){0};
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_event *now, uint64_t key, struct trn_str value)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = now->boot_ns;
    ev.wall_ns = now->wall_ns;
    ev.state.kind = KIND;
    ev.state.key = key;
    ev.state.value = value;
    return trn_sink_event(&ctx->state, &ev);
}

static int remember(const struct trn_detect_ctx *ctx, const struct row *row, const struct trn_event *now)
{
    return tell(ctx, now, row->ev.exception.id, (struct trn_str){row->blob, row->n});
}

static int remember_next(const struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *now)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 16);
    trn_put_u64(&b, x->next_id);
    return b.bad ? -ENOMEM : tell(ctx, now, 0, trn_buf_str(&b));
}

/* A place among the rows, by number; -ENOSPC. */
static int insert(struct trn_exceptions *x, const struct trn_event *set)
{
    struct row row = {0};
    if (x->n == TRN_EXCEPTIONS_MAX)
        return -ENOSPC;
    int r = keep(&row, set);
    if (r < 0)
        return r;
    uint32_t at = x->n;
    while (at > 0 && x->rows[at - 1].ev.exception.id > set->exception.id)
        at--;
    memmove(&x->rows[at + 1], &x->rows[at], (x->n - at) * sizeof(x->rows[0]));
    x->rows[at] = row;
    x->n++;
    x->next_id = TRN_MAX(x->next_id, set->exception.id + 1);
    return 0;
}

static int restore(struct trn_exceptions *x, const struct trn_event *state)
{
    struct trn_cursor in = trn_cur_of(state->state.value);
    struct trn_event set;
    if (!trn_str_eq(state->state.kind, KIND))
        return 0;
    if (state->state.key == 0) {
        uint64_t next = trn_cur_u64le(&in);
        if (trn_cur_end(&in))
            x->next_id = TRN_MAX(x->next_id, next);
        return 0;
    }
    /* A damaged row is no exception: what it lowered weighs again. */
    if (trn_event_decode(&in, &set) < 0 || !trn_cur_end(&in) || set.type != TRN_EV_EXCEPTION ||
        set.action != TRN_ACT_SET || set.exception.id != state->state.key || set.exception.id == UINT64_MAX ||
        trn_exception_check(&set, NULL) < 0 || find(x, set.exception.id) < x->n)
        return 0;
    int r = insert(x, &set);
    return r == -ENOSPC ? 0 : r;
}

/* ---- which finding is lowered ---- */

const struct trn_identity *trn_acting_file(const struct trn_entity *e)
{
    return trn_str_is_none(e->image.script) ? e->image.identity : e->image.script_identity;
}

/* Only where the process that acts still runs what the finding is about. */
static void note_file(const struct trn_detect_ctx *ctx, struct trn_finding *f)
{
    const struct trn_entity *e = trn_process_get(ctx->processes, f->acting ? f->acting : f->entity);
    const struct trn_identity *id = e ? trn_acting_file(e) : NULL;
    if (id && trn_str_eq(id->software.name, f->software.name) && trn_str_eq(id->software.version, f->software.version))
        memcpy(f->image_sha256, id->sha256, sizeof(f->image_sha256));
}

static bool says(const struct trn_finding *f, struct trn_str only)
{
    if (trn_str_is_none(only))
        return true;
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq(f->evidence[i].value, only))
            return true;
    return false;
}

static bool holds(const struct row *row, uint64_t now_wall_ns)
{
    return !row->gone && now_wall_ns >= row->ev.wall_ns && now_wall_ns < row->ev.exception.until_wall_ns;
}

bool trn_exceptions_hold(const struct trn_exceptions *x, size_t at, uint64_t now_wall_ns)
{
    return at < x->n && holds(&x->rows[at], now_wall_ns);
}

static const struct row *match(const struct trn_exceptions *x, const struct trn_finding *f)
{
    uint64_t now = TRN_MAX(f->wall_ns, x->wall_ns);
    if (trn_sha256_is_none(f->image_sha256) || trn_exception_is_never(trn_str_of(f->check->id)) ||
        trn_finding_is_impossible(f))
        return NULL;
    for (uint32_t i = 0; i < x->n; i++) {
        const struct trn_ev_exception *e = &x->rows[i].ev.exception;
        if (holds(&x->rows[i], now) && trn_str_eq_c(e->check, f->check->id) && trn_str_eq(e->name, f->software.name) &&
            trn_str_eq(e->version, f->software.version) &&
            memcmp(e->sha256, f->image_sha256, sizeof(f->image_sha256)) == 0 && says(f, e->only))
            return &x->rows[i];
    }
    return NULL;
}

/* "2026-12-04 01:00 UTC" */
static void put_minute(struct trn_buf *b, uint64_t wall_ns)
{
    TRN_AUTO(trn_buf_done) struct trn_buf iso;
    trn_buf_init(&iso, 64);
    trn_put_time_iso(&iso, wall_ns);
    trn_put_str(b, trn_str_slice(trn_buf_str(&iso), 0, 10));
    trn_put_c(b, " ");
    trn_put_str(b, trn_str_slice(trn_buf_str(&iso), 11, 5));
    trn_put_c(b, " UTC");
}

void trn_exceptions_apply(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, struct trn_finding *f)
{
    note_file(ctx, f);
    const struct row *row = match(x, f);
    if (!row)
        return;
    trn_buf_clear(&x->text);
    trn_put_c(&x->text, "by ");
    trn_put_str(&x->text, row->ev.exception.by);
    trn_put_c(&x->text, " until ");
    put_minute(&x->text, row->ev.exception.until_wall_ns);
    trn_put_c(&x->text, ": ");
    trn_put_str(&x->text, row->ev.exception.reason);
    if (x->text.bad)
        return; /* what cannot be told is not done */
    f->exception = row->ev.exception.id;
    f->full_score = f->score;
    f->score = TRN_MIN(f->score, (uint16_t)TRN_EXCEPTION_SCORE);
    if (f->n_evidence == TRN_FINDING_EVIDENCE)
        f->n_evidence--; /* this one must not be missing */
    trn_finding_add(f, "exception", trn_buf_str(&x->text));
}

/* ---- events ---- */

static int set(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint64_t id = ev->exception.id;
    if (!id || id == UINT64_MAX || trn_exception_check(ev, NULL) < 0)
        return 0;
    uint32_t at = find(x, id);
    if (at < x->n && !same_binding(&x->rows[at].ev.exception, &ev->exception))
        return 0; /* a number means one thing for ever */
    int r = at < x->n ? keep(&x->rows[at], ev) : insert(x, ev);
    if (r < 0)
        return r == -ENOSPC ? 0 : r;
    r = remember(ctx, &x->rows[find(x, id)], ev);
    if (r == 0)
        r = remember_next(x, ctx, ev);
    return r < 0 ? r : trn_exceptions_tell_many(x, ctx, ev);
}

static int end(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint32_t at = find(x, ev->exception.id);
    if (at == x->n)
        return 0;
    drop(x, at);
    return tell(ctx, ev, ev->exception.id, TRN_STR(""));
}

/* Another version came in its place, or none: it is not carried over, nor does it wait for the old one to come back. */
static int changed(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_ev_software *s = &ev->software;
    bool removed = ev->action == TRN_ACT_REMOVED;
    struct trn_str old = removed ? s->software.version : s->from;
    if (!removed && (ev->action != TRN_ACT_UPDATED || trn_str_eq(s->from, s->software.version)))
        return 0;
    for (uint32_t i = 0; i < x->n; i++) {
        struct row *row = &x->rows[i];
        if (row->gone || !trn_str_eq(row->ev.exception.name, s->software.name) ||
            !trn_str_eq(row->ev.exception.version, old))
            continue;
        row->gone = true;
        int r = tell(ctx, ev, row->ev.exception.id, TRN_STR(""));
        if (r < 0)
            return r;
    }
    return 0;
}

/* A clock that is set back gives no exception more time. */
static int clock_jumped(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint64_t back = ev->meta.delta_ns < 0 ? 0 - (uint64_t)ev->meta.delta_ns : 0;
    for (uint32_t i = 0; back && i < x->n; i++) {
        struct trn_event moved = x->rows[i].ev;
        bool gone = x->rows[i].gone;
        moved.wall_ns -= TRN_MIN(back, moved.wall_ns);
        moved.exception.until_wall_ns -= TRN_MIN(back, moved.exception.until_wall_ns);
        int r = keep(&x->rows[i], &moved);
        if (r < 0)
            return r;
        x->rows[i].gone = gone;
        r = gone ? 0 : remember(ctx, &x->rows[i], ev);
        if (r < 0)
            return r;
    }
    return 0;
}

int trn_exceptions_push(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    if (ev->type == TRN_EV_STATE)
        return restore(x, ev);
    x->wall_ns = ev->wall_ns;
    switch (ev->type) {
    case TRN_EV_EXCEPTION:
        return ev->action == TRN_ACT_SET ? set(x, ctx, ev) : end(x, ctx, ev);
    case TRN_EV_SOFTWARE:
        return changed(x, ctx, ev);
    case TRN_EV_CLOCK:
        return clock_jumped(x, ctx, ev);
    default:
        return 0;
    }
}

/* ---- for whoever asks ---- */

bool trn_exceptions_next(const struct trn_exceptions *x, size_t *it, const struct trn_event **ret)
{
    if (*it >= x->n)
        return false;
    *ret = &x->rows[(*it)++].ev;
    return true;
}

bool trn_exceptions_over(const struct trn_exceptions *x, uint64_t now_wall_ns, struct trn_event *ret)
{
    for (uint32_t i = 0; i < x->n; i++) {
        const struct row *row = &x->rows[i];
        if (!row->gone && now_wall_ns < row->ev.exception.until_wall_ns)
            continue;
        *ret = row->ev;
        ret->action = TRN_ACT_EXPIRED;
        ret->pid = ret->tid = ret->uid = ret->euid = ret->gid = TRN_NO_U32; /* nobody's act */
        return true;
    }
    return false;
}
