/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a replay of JSON lines in which the engine is another one after each START: it begins with nothing but the rows
 * that the one before asked to remember, as after a reboot. Prints findings and the last form of each story, as
 * 'turncoat replay --json' does.
 * Must not own: what is remembered, what it means.
 */
#include "engine/pure.h"

#include <stdio.h>

#define ROWS_MAX 200000u
#define STORIES_MAX 4096u

struct row {
    struct trn_buf kind, value;
    uint64_t key, boot_ns, wall_ns;
};

struct host {
    struct trn_engine *engine;
    struct trn_map *index; /* hash of kind and key -> number of its row */
    struct row *rows;      /* the last of each kind and key, in order of the first; sorted at a restart */
    size_t n_rows;
    struct trn_buf stories[STORIES_MAX]; /* by id */
    uint64_t restarts;
};

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    trn_finding_to_json(f, &b);
    if (!b.bad)
        printf("{\"type\":\"finding\",%.*s\n", (int)b.n - 1, (const char *)b.p + 1);
    trn_buf_done(&b);
    return 0;
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct host *h = ctx;
    if (s->id >= STORIES_MAX)
        return -ENOSPC;
    trn_buf_clear(&h->stories[s->id]);
    trn_story_to_json(s, &h->stories[s->id]);
    return h->stories[s->id].bad ? -ENOMEM : 0;
}

static int on_state(void *ctx, const struct trn_event *ev)
{
    struct host *h = ctx;
    uint64_t at, hash = trn_hash64_mix(trn_hash64_str(ev->state.kind), ev->state.key);
    if (!trn_map_get(h->index, hash, &at)) {
        if (h->n_rows == ROWS_MAX || trn_map_put(h->index, hash, h->n_rows) < 0)
            return -ENOSPC;
        at = h->n_rows++;
        trn_buf_init(&h->rows[at].kind, 256);
        trn_buf_init(&h->rows[at].value, 1u << 20);
        trn_put_str(&h->rows[at].kind, ev->state.kind);
    }
    struct row *row = &h->rows[at];
    row->key = ev->state.key;
    row->boot_ns = ev->boot_ns;
    row->wall_ns = ev->wall_ns;
    trn_buf_clear(&row->value);
    trn_put_str(&row->value, ev->state.value);
    return row->value.bad || row->kind.bad ? -ENOMEM : 0;
}

/* The order in which the store gives them. */
static int by_kind_and_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = strcmp(x->kind.p, y->kind.p);
    return c ? c : ((int64_t)x->key > (int64_t)y->key) - ((int64_t)x->key < (int64_t)y->key);
}

static int sort_rows(struct host *h)
{
    int r = 0;
    qsort(h->rows, h->n_rows, sizeof(h->rows[0]), by_kind_and_key);
    for (size_t i = 0; r >= 0 && i < h->n_rows; i++)
        r = trn_map_put(h->index, trn_hash64_mix(trn_hash64_str(trn_buf_str(&h->rows[i].kind)), h->rows[i].key), i);
    return r;
}

static int begin(struct host *h)
{
    struct trn_engine_options o = {.sz = sizeof(o),
                                   .sink = {.finding = on_finding, .story = on_story, .state = on_state, .ctx = h}};
    h->engine = trn_engine_free(h->engine);
    int r = trn_engine_new(&o, &h->engine);
    if (r >= 0)
        r = sort_rows(h);
    for (size_t i = 0, n = h->n_rows; r >= 0 && i < n; i++) {
        struct trn_event ev;
        struct trn_buf value; /* the engine may tell the row anew while it takes it */
        if (trn_buf_str(&h->rows[i].value).n == 0)
            continue;
        trn_buf_init(&value, 1u << 20);
        trn_put_str(&value, trn_buf_str(&h->rows[i].value));
        trn_event_init(&ev, TRN_EV_STATE);
        ev.boot_ns = h->rows[i].boot_ns;
        ev.wall_ns = h->rows[i].wall_ns;
        ev.state.kind = trn_buf_str(&h->rows[i].kind);
        ev.state.key = h->rows[i].key;
        ev.state.value = trn_buf_str(&value);
        r = value.bad ? -ENOMEM : trn_engine_push(h->engine, &ev);
        trn_buf_done(&value);
    }
    return r;
}

static int play(struct host *h, FILE *in, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new((size_t)16 << 20);
    TRN_AUTO(trn_freep) char *line = NULL;
    size_t size = 0;
    int r = arena ? 0 : -ENOMEM;
    for (ssize_t n; r >= 0 && (n = getline(&line, &size, in)) >= 0;) {
        struct trn_event ev;
        trn_arena_reset(arena);
        r = trn_event_from_json(trn_str_trim((struct trn_str){line, (size_t)n}), arena, &ev, err);
        if (r >= 0 && ev.type == TRN_EV_START) {
            h->restarts += h->engine != NULL;
            r = begin(h);
        }
        if (r >= 0)
            r = h->engine ? trn_engine_push(h->engine, &ev) : -EINVAL;
    }
    return r;
}

int main(int argc, char **argv)
{
    static struct host h;
    struct trn_err err = {0};
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    h.index = trn_map_new(ROWS_MAX);
    h.rows = calloc(ROWS_MAX, sizeof(*h.rows));
    if (!in || !h.index || !h.rows) {
        fprintf(stderr, "usage: replay-restarts EVENTS.jsonl\n");
        return 2;
    }
    for (size_t i = 0; i < STORIES_MAX; i++)
        trn_buf_init(&h.stories[i], 1u << 22);
    int r = play(&h, in, &err);
    for (size_t i = 0; i < STORIES_MAX; i++)
        if (h.stories[i].n)
            printf("{\"type\":\"story\",%.*s\n", (int)h.stories[i].n - 1, (const char *)h.stories[i].p + 1);
    printf("{\"type\":\"summary\",\"restarts\":%llu,\"rows\":%zu}\n", (unsigned long long)h.restarts, h.n_rows);
    if (r < 0)
        fprintf(stderr, "replay-restarts: %s: %s\n", trn_errno_name(r), err.message);
    trn_engine_free(h.engine);
    for (size_t i = 0; i < h.n_rows; i++) {
        trn_buf_done(&h.rows[i].kind);
        trn_buf_done(&h.rows[i].value);
    }
    for (size_t i = 0; i < STORIES_MAX; i++)
        trn_buf_done(&h.stories[i]);
    trn_map_free(h.index);
    free(h.rows);
    fclose(in);
    return r < 0 ? 1 : 0;
}
