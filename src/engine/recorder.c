/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the heap of waiting events (encoded, so that a burst costs bytes and not structs), the event
 * number, the clock offset. Must not own: the log file, the engine, identities: they are behind ops.
 */
#include "engine/recorder.h"

#define CLOCK_JUMP_NS (500 * TRN_NS_PER_MS)
#define TICK_NS TRN_NS_PER_SEC
#define HURRIED_NS (40 * TRN_NS_PER_MS) /* records of files gather for 10 ms in turncoatd, a round here takes few */

struct item {
    uint64_t boot_ns;
    uint64_t rank; /* type, then content: the order among equal times */
    uint32_t n;
    bool gated; /* may have to wait for an identity */
    unsigned char bytes[];
};

struct trn_recorder {
    struct trn_recorder_options o;
    struct item **heap;
    size_t count, cap, bytes;
    struct trn_buf scratch;
    uint64_t seq, last_boot_ns, horizon_ns, last_tick_ns, hurry_ns;
    int64_t wall_offset;
    bool have_offset, active; /* active: events since the last tick */
    struct trn_recorder_stats stats;
};

static bool before(const struct item *a, const struct item *b)
{
    if (a->boot_ns != b->boot_ns)
        return a->boot_ns < b->boot_ns;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    size_t n = TRN_MIN(a->n, b->n);
    int c = memcmp(a->bytes, b->bytes, n);
    return c ? c < 0 : a->n < b->n;
}

static int heap_push(struct trn_recorder *r, struct item *it)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 256;
        struct item **bigger = realloc(r->heap, cap * sizeof *bigger);
        if (!bigger)
            return -ENOMEM;
        r->heap = bigger;
        r->cap = cap;
    }
    size_t i = r->count++;
    while (i > 0 && before(it, r->heap[(i - 1) / 2])) {
        r->heap[i] = r->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->heap[i] = it;
    r->bytes += sizeof *it + it->n;
    return 0;
}

static struct item *heap_pop(struct trn_recorder *r)
{
    struct item *top = r->heap[0], *last = r->heap[--r->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= r->count)
            break;
        if (child + 1 < r->count && before(r->heap[child + 1], r->heap[child]))
            child++;
        if (!before(r->heap[child], last))
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    if (r->count)
        r->heap[i] = last;
    r->bytes -= sizeof *top + top->n;
    return top;
}

/* Of two things at one instant a fork comes before the exec, both before what the image does, exit last. */
static uint64_t type_rank(const struct trn_event *ev)
{
    switch (ev->type) {
    case TRN_EV_FORK:
        return 0;
    case TRN_EV_EXEC:
        return 1;
    case TRN_EV_EXIT:
        return 3;
    default:
        return 2;
    }
}

int trn_recorder_new(const struct trn_recorder_options *o, struct trn_recorder **ret)
{
    struct trn_recorder *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->o = *o;
    if (!r->o.lateness_ns)
        r->o.lateness_ns = 150 * TRN_NS_PER_MS;
    if (!r->o.identity_wait_ns)
        r->o.identity_wait_ns = 600 * TRN_NS_PER_MS;
    if (!r->o.max_bytes)
        r->o.max_bytes = 4u << 20;
    trn_buf_init(&r->scratch, 256u << 10);
    *ret = r;
    return 0;
}

struct trn_recorder *trn_recorder_free(struct trn_recorder *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->count; i++)
        free(r->heap[i]);
    free(r->heap);
    trn_buf_done(&r->scratch);
    free(r);
    return NULL;
}

static int emit(struct trn_recorder *r, struct trn_event *ev)
{
    ev->seq = ++r->seq;
    ev->wall_ns = ev->boot_ns + (uint64_t)r->wall_offset;
    r->stats.events++;
    if (ev->type != TRN_EV_TICK)
        r->active = true;
    return trn_sink_event(&r->o.out, ev);
}

static int emit_item(struct trn_recorder *r, struct item *it)
{
    struct trn_event ev;
    struct trn_cursor in = trn_cur(it->bytes, it->n);
    int rc = trn_event_decode(&in, &ev);
    if (rc < 0)
        return rc; /* our own bytes: a bug, not an input */
    if (r->o.unwanted && r->o.unwanted(r->o.ctx, &ev)) {
        r->stats.unwanted++;
        return 0;
    }
    if (ev.boot_ns < r->last_boot_ns) {
        ev.flags |= TRN_EVF_LATE;
        r->stats.late++;
    } else {
        r->last_boot_ns = ev.boot_ns;
    }
    return emit(r, &ev);
}

static int pop_and_emit(struct trn_recorder *r)
{
    struct item *it = heap_pop(r);
    int rc = emit_item(r, it);
    free(it);
    return rc;
}

int trn_recorder_add(struct trn_recorder *r, const struct trn_event *ev)
{
    trn_buf_clear(&r->scratch);
    trn_event_encode(ev, &r->scratch);
    if (r->scratch.bad)
        return -EMSGSIZE;
    struct item *it = malloc(sizeof *it + r->scratch.n);
    if (!it)
        return -ENOMEM;
    it->boot_ns = ev->boot_ns;
    it->rank = type_rank(ev);
    it->gated = ev->type == TRN_EV_EXEC && !(ev->flags & TRN_EVF_EXISTING);
    it->n = (uint32_t)r->scratch.n;
    memcpy(it->bytes, r->scratch.p, r->scratch.n);
    int rc = heap_push(r, it);
    if (rc < 0) {
        free(it);
        return rc;
    }
    while (r->bytes > r->o.max_bytes && r->count > 1) {
        r->stats.hurried++;
        rc = pop_and_emit(r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int trn_recorder_tell(struct trn_recorder *r, const struct trn_event *ev)
{
    struct trn_event told = *ev;
    /* Told things belong to the place in the order where they are told: not to the time of the teller. */
    uint64_t here = TRN_MAX(r->last_boot_ns, r->horizon_ns);
    told.boot_ns = here ? here : ev->boot_ns;
    return emit(r, &told);
}

static bool must_wait(struct trn_recorder *r, const struct item *it, uint64_t now)
{
    if (!it->gated || !r->o.waiting || !r->o.waiting(r->o.ctx, NULL))
        return false;
    struct trn_event ev;
    struct trn_cursor in = trn_cur(it->bytes, it->n);
    if (trn_event_decode(&in, &ev) < 0 || !r->o.waiting(r->o.ctx, &ev))
        return false;
    if (now >= it->boot_ns + r->o.lateness_ns + r->o.identity_wait_ns) {
        r->stats.identity_timeouts++;
        return false;
    }
    return true;
}

static int follow_wall_clock(struct trn_recorder *r, uint64_t boot, uint64_t wall)
{
    int64_t offset = (int64_t)(wall - boot);
    if (!r->have_offset) {
        r->have_offset = true;
        r->wall_offset = offset;
        return 0;
    }
    int64_t jump = offset - r->wall_offset;
    if (llabs(jump) < (long long)CLOCK_JUMP_NS)
        return 0;
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_CLOCK);
    ev.boot_ns = boot;
    ev.meta.delta_ns = jump;
    r->wall_offset = offset;
    return trn_recorder_tell(r, &ev);
}

static int tick_when_idle(struct trn_recorder *r)
{
    if (!r->active || r->horizon_ns < r->last_tick_ns + TICK_NS || r->horizon_ns < r->last_boot_ns)
        return 0;
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_TICK);
    ev.boot_ns = r->last_boot_ns = r->horizon_ns;
    r->last_tick_ns = r->horizon_ns;
    r->active = false;
    return emit(r, &ev);
}

void trn_recorder_hurry(struct trn_recorder *r, uint64_t until_boot_ns)
{
    r->hurry_ns = TRN_MAX(r->hurry_ns, until_boot_ns);
}

static uint64_t horizon_of(const struct trn_recorder *r, uint64_t now)
{
    uint64_t horizon = now > r->o.lateness_ns ? now - r->o.lateness_ns : 0;
    uint64_t hurried = now > HURRIED_NS ? TRN_MIN(r->hurry_ns, now - HURRIED_NS) : 0;
    return TRN_MAX(horizon, hurried);
}

int trn_recorder_advance(struct trn_recorder *r, uint64_t now, uint64_t wall)
{
    int rc = follow_wall_clock(r, now, wall);
    if (rc < 0)
        return rc;
    uint64_t horizon = horizon_of(r, now);
    while (r->count && r->heap[0]->boot_ns <= horizon) {
        if (must_wait(r, r->heap[0], now))
            return 0;
        rc = pop_and_emit(r);
        if (rc < 0)
            return rc;
    }
    r->horizon_ns = TRN_MAX(horizon, r->horizon_ns);
    if (!r->last_tick_ns)
        r->last_tick_ns = r->horizon_ns; /* the first second begins with the first look at the clock */
    return tick_when_idle(r);
}

int trn_recorder_flush(struct trn_recorder *r)
{
    while (r->count) {
        int rc = pop_and_emit(r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void trn_recorder_stats(const struct trn_recorder *r, struct trn_recorder_stats *ret)
{
    *ret = r->stats;
    ret->pending = r->count;
    ret->bytes = r->bytes;
}
