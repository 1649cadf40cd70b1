/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the process table, the detectors and the stories of one engine, and the order in which an
 * event reaches them (table first, so that detectors see the world with the event in it; stories last).
 * Must not own: time, files, sockets, the store. Results are borrowed by the sink during its call.
 */
#include "engine/pure.h"

struct trn_engine {
    struct trn_process_table *processes;
    struct trn_detect *detect;
    struct trn_stories *stories;
    struct trn_engine_sink sink;
};

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct trn_engine *e = ctx;
    int r = e->sink.finding ? e->sink.finding(e->sink.ctx, f) : 0;
    return r < 0 ? r : trn_stories_finding(e->stories, f);
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct trn_engine *e = ctx;
    return e->sink.story ? e->sink.story(e->sink.ctx, s) : 0;
}

static bool is_usual(void *ctx, const struct trn_software *s, struct trn_str name, const uint8_t *address,
                     uint8_t family)
{
    const struct trn_engine *e = ctx;
    return trn_detect_usual_place(e->detect, s, name, address, family);
}

static int on_state(void *ctx, const struct trn_event *state)
{
    struct trn_engine *e = ctx;
    return e->sink.state ? e->sink.state(e->sink.ctx, state) : 0;
}

struct trn_engine *trn_engine_free(struct trn_engine *e)
{
    if (!e)
        return NULL;
    trn_stories_free(e->stories);
    trn_detect_free(e->detect);
    trn_process_table_free(e->processes);
    free(e);
    return NULL;
}

static void engine_freep(struct trn_engine **e)
{
    *e = trn_engine_free(*e);
}

int trn_engine_new(const struct trn_engine_options *o, struct trn_engine **ret)
{
    TRN_AUTO(engine_freep) struct trn_engine *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->sink = o->sink;
    int r = trn_process_table_new(NULL, &e->processes);
    if (r < 0)
        return r;
    r = trn_detect_new(&(struct trn_detect_options){.sz = sizeof(struct trn_detect_options),
                                                    .processes = e->processes,
                                                    .indicators = o->indicators,
                                                    .findings = {on_finding, e},
                                                    .state = {on_state, e}},
                       &e->detect);
    if (r < 0)
        return r;
    r = trn_stories_new(&(struct trn_stories_options){.sz = sizeof(struct trn_stories_options),
                                                      .processes = e->processes,
                                                      .story = on_story,
                                                      .usual = is_usual,
                                                      .ctx = e,
                                                      .state = {on_state, e}},
                        &e->stories);
    if (r < 0)
        return r;
    *ret = TRN_STEAL(e);
    return 0;
}

int trn_engine_push(struct trn_engine *e, const struct trn_event *ev)
{
    int r = trn_process_apply(e->processes, ev);
    if (r < 0)
        return r;
    r = trn_detect_push(e->detect, ev);
    if (r < 0)
        return r;
    return trn_stories_event(e->stories, ev);
}

const struct trn_process_table *trn_engine_processes(const struct trn_engine *e)
{
    return e->processes;
}

const struct trn_detect *trn_engine_detect(const struct trn_engine *e)
{
    return e->detect;
}

const struct trn_story *trn_engine_story(const struct trn_engine *e, uint64_t id)
{
    return trn_stories_get(e->stories, id);
}

struct trn_str trn_engine_version_before(const struct trn_engine *e, struct trn_str name)
{
    return trn_stories_version_before(e->stories, name);
}

uint64_t trn_engine_story_against(const struct trn_engine *e, struct trn_str name, struct trn_str version)
{
    return trn_stories_against(e->stories, name, version);
}

void trn_engine_profile(const struct trn_engine *e, struct trn_str name, struct trn_buf *out)
{
    trn_detect_profile(e->detect, name, out);
}

size_t trn_engine_memory(const struct trn_engine *e, struct trn_memory_row *ret, size_t max)
{
    const struct trn_memory_row rows[] = {
        {"processes", trn_process_bytes(e->processes)},
        {"detection", trn_detect_bytes(e->detect)},
        {"stories", trn_stories_bytes(e->stories)},
    };
    size_t n = TRN_MIN(max, TRN_ARRAY_SIZE(rows));
    for (size_t i = 0; i < n; i++)
        ret[i] = rows[i];
    return n;
}

struct trn_forgotten trn_engine_forgotten(const struct trn_engine *e)
{
    return (struct trn_forgotten){.stories = trn_stories_dropped(e->stories),
                                  .processes = trn_process_evicted(e->processes),
                                  .places = trn_detect_places_forgotten(e->detect)};
}
