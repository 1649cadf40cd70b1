/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the order of events by time. Products write a record when they get to it: events wait until one arrives that
 * is LATENESS younger, at most WAITING of them; equal times keep the order of the file. What comes later still is given
 * at once and marked. Must not own: a clock; the same file gives the same order.
 */
#include "ingest/internal.h"

#define WAITING 65536u
#define WAITING_BYTES (64u << 20)
#define LATENESS_NS (60 * TRN_NS_PER_SEC)

struct held {
    uint64_t time, number;
    char *bytes; /* the event, encoded */
    size_t n;
};

struct trn_ingest_order {
    struct held heap[WAITING];
    uint32_t n;
    size_t bytes;
    uint64_t number, newest, given;
    struct trn_buf scratch;
};

struct trn_ingest_order *trn_order_new(void)
{
    struct trn_ingest_order *o = calloc(1, sizeof(*o));
    if (o)
        trn_buf_init(&o->scratch, 4 * TRN_RECORD_MAX);
    return o;
}

struct trn_ingest_order *trn_order_free(struct trn_ingest_order *o)
{
    if (o) {
        for (uint32_t i = 0; i < o->n; i++)
            free(o->heap[i].bytes);
        trn_buf_done(&o->scratch);
        free(o);
    }
    return NULL;
}

static bool before(const struct held *a, const struct held *b)
{
    return a->time != b->time ? a->time < b->time : a->number < b->number;
}

static void swap(struct held *a, struct held *b)
{
    struct held t = *a;
    *a = *b;
    *b = t;
}

static void sift_up(struct trn_ingest_order *o, uint32_t i)
{
    for (; i && before(&o->heap[i], &o->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&o->heap[i], &o->heap[(i - 1) / 2]);
}

static void sift_down(struct trn_ingest_order *o)
{
    for (uint32_t i = 0, least;; i = least) {
        least = i;
        for (uint32_t kid = 2 * i + 1; kid <= 2 * i + 2 && kid < o->n; kid++)
            if (before(&o->heap[kid], &o->heap[least]))
                least = kid;
        if (least == i)
            return;
        swap(&o->heap[i], &o->heap[least]);
    }
}

static int give_first(struct trn_ingest_order *o, const struct trn_event_sink *sink)
{
    struct held first = o->heap[0];
    struct trn_event ev;
    o->heap[0] = o->heap[--o->n];
    sift_down(o);
    o->bytes -= first.n;
    o->given = TRN_MAX(o->given, first.time);
    struct trn_cursor in = trn_cur_of((struct trn_str){first.bytes, first.n});
    int r = trn_event_decode(&in, &ev);
    if (r == 0)
        r = trn_sink_event(sink, &ev);
    free(first.bytes);
    return r;
}

int trn_order_push(struct trn_ingest_order *o, const struct trn_event *ev, const struct trn_event_sink *sink,
                   bool *ret_late)
{
    struct trn_event own = *ev;
    *ret_late = ev->wall_ns < o->given;
    if (*ret_late)
        own.flags |= TRN_EVF_LATE;
    trn_buf_clear(&o->scratch);
    trn_event_encode(&own, &o->scratch);
    char *bytes = o->scratch.bad ? NULL : malloc(o->scratch.n);
    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, o->scratch.p, o->scratch.n);
    o->heap[o->n] = (struct held){own.wall_ns, o->number++, bytes, o->scratch.n};
    o->bytes += o->scratch.n;
    sift_up(o, o->n++);
    o->newest = TRN_MAX(o->newest, own.wall_ns);
    int r = 0;
    while (r == 0 && o->n && (o->n == WAITING || o->bytes > WAITING_BYTES || o->heap[0].time + LATENESS_NS < o->newest))
        r = give_first(o, sink);
    return r;
}

int trn_order_flush(struct trn_ingest_order *o, const struct trn_event_sink *sink)
{
    int r = 0;
    while (r == 0 && o->n)
        r = give_first(o, sink);
    return r;
}

uint64_t trn_order_last(const struct trn_ingest_order *o)
{
    return o->newest;
}
