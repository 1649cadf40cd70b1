/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the parts of a pure engine in one hand (src/engine/pure.c says the same, with the product's sizes).
 * Must not own: what happens in it.
 */
#include "full_engine.h"

#include <malloc.h>
#include <stdio.h>

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct full_engine *e = ctx;
    e->findings++;
    return trn_stories_finding(e->stories, f);
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct full_engine *e = ctx;
    if (s->id < e->max_told)
        e->told[s->id] = (struct told){s->score, (uint16_t)s->verdict, s->closed};
    return 0;
}

static int on_state(void *ctx, const struct trn_event *ev)
{
    ((struct full_engine *)ctx)->rows++;
    return 0;
}

static int on_event(void *ctx, const struct trn_event *ev)
{
    struct full_engine *e = ctx;
    int r = trn_process_apply(e->processes, ev);
    if (r >= 0)
        r = trn_detect_push(e->detect, ev);
    return r < 0 ? r : trn_stories_event(e->stories, ev);
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

int full_engine_begin(struct full_engine *e, uint32_t stories, uint32_t processes, uint64_t max_told)
{
    e->max_told = max_told;
    e->told = calloc(max_told, sizeof(*e->told));
    if (!e->told)
        return -ENOMEM;
    e->heap_before = heap();
    struct trn_process_options p = {.sz = sizeof(p), .max_entities = processes};
    int r = trn_process_table_new(&p, &e->processes);
    if (r < 0)
        return r;
    struct trn_detect_options d = {.sz = sizeof(d),
                                   .processes = e->processes,
                                   .findings = {on_finding, e},
                                   .state = {on_state, e}};
    r = trn_detect_new(&d, &e->detect);
    if (r < 0)
        return r;
    struct trn_stories_options s = {.sz = sizeof(s),
                                    .processes = e->processes,
                                    .story = on_story,
                                    .state = {on_state, e},
                                    .ctx = e,
                                    .max_open = stories};
    r = trn_stories_new(&s, &e->stories);
    if (r == 0)
        stage_init(&e->s, &(struct trn_event_sink){on_event, e});
    return r;
}

void full_engine_end(struct full_engine *e)
{
    trn_stories_free(e->stories);
    trn_detect_free(e->detect);
    trn_process_table_free(e->processes);
    free(e->told);
}

void full_engine_report(const struct full_engine *e, const char *when)
{
    size_t processes = trn_process_bytes(e->processes), detection = trn_detect_bytes(e->detect),
           stories = trn_stories_bytes(e->stories);
    printf("{\"when\": \"%s\", \"processes\": %zu, \"detection\": %zu, \"stories\": %zu, \"all\": %zu, \"heap\": %zu, "
           "\"entities\": %zu}",
           when, processes, detection, stories, processes + detection + stories, heap() - e->heap_before,
           trn_process_count(e->processes));
}
