/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_plays: replays many files of JSON events in one process, a new engine for each, and tells what came of it. Standard
 * input: a line a file, "PATH<tab>NAME<tab>NAME..."; the names are software whose profiles are wanted. Standard output: JSON
 * lines as of 'turncoat replay --json' (each revision of a story), profiles, and {"type":"end"} behind each file.
 * 'turncoat replay' reads the same files; it starts once a file and shows no profile.
 */
#include "engine/engine.h"

#include <stdio.h>

struct play {
    struct trn_buf json;
    uint64_t events;
};

static int put(struct play *p, const char *type)
{
    if (p->json.bad || p->json.n < 2)
        return -ENOMEM;
    printf("{\"type\":\"%s\"%s%.*s\n", type, p->json.n > 2 ? "," : "", (int)p->json.n - 1, p->json.p + 1);
    return 0;
}

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct play *p = ctx;
    trn_buf_clear(&p->json);
    trn_finding_to_json(f, &p->json);
    return put(p, "finding");
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct play *p = ctx;
    trn_buf_clear(&p->json);
    trn_story_to_json(s, &p->json);
    return put(p, "story");
}

static int push_lines(struct play *p, struct trn_engine *engine, FILE *in, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new((size_t)16 << 20);
    TRN_AUTO(trn_freep) char *line = NULL;
    size_t size = 0;
    int e = arena ? 0 : -ENOMEM;
    for (ssize_t n; e == 0 && (n = getline(&line, &size, in)) >= 0;) {
        struct trn_event ev;
        trn_arena_reset(arena);
        e = trn_event_from_json(trn_str_trim((struct trn_str){line, (size_t)n}), arena, &ev, err);
        if (e == 0)
            e = trn_engine_push(engine, &ev);
        p->events += e == 0;
    }
    return e;
}

static void put_profiles(struct play *p, const struct trn_engine *engine, struct trn_str names)
{
    struct trn_str name;
    trn_buf_clear(&p->json);
    while (trn_str_split(&names, '\t', &name))
        if (name.n)
            trn_engine_profile(engine, name, &p->json);
    fwrite(p->json.p, 1, p->json.n, stdout);
}

static int play(struct play *p, const char *path, struct trn_str names)
{
    struct trn_engine_options o = {.sz = sizeof(o), .sink = {.finding = on_finding, .story = on_story, .ctx = p}};
    struct trn_engine *engine = NULL;
    struct trn_err err = {0};
    uint64_t start = trn_mono_ns();
    FILE *in = fopen(path, "re");
    int e = in ? trn_engine_new(&o, &engine) : -errno;
    p->events = 0;
    if (e == 0)
        e = push_lines(p, engine, in, &err);
    if (e < 0)
        fprintf(stderr, "run_plays: '%s', event %llu: %s\n", path, (unsigned long long)p->events + 1,
                err.code ? err.message : trn_errno_name(e));
    else
        put_profiles(p, engine, names);
    printf("{\"type\":\"end\",\"events\":%llu,\"seconds\":%.3f}\n", (unsigned long long)p->events,
           (double)(trn_mono_ns() - start) / (double)TRN_NS_PER_SEC);
    if (in)
        fclose(in);
    trn_engine_free(engine);
    return e;
}

int main(void)
{
    TRN_AUTO(trn_freep) char *line = NULL;
    struct play p = {0};
    size_t size = 0;
    int worst = 0;
    trn_buf_init(&p.json, (size_t)64 << 20);
    for (ssize_t n; (n = getline(&line, &size, stdin)) >= 0;) {
        struct trn_str rest = trn_str_trim((struct trn_str){line, (size_t)n});
        ptrdiff_t tab = trn_str_find(rest, '\t');
        size_t path = tab < 0 ? rest.n : (size_t)tab;
        line[path] = '\0';
        if (path && play(&p, line, trn_str_slice(rest, path + 1, tab < 0 ? 0 : rest.n - path - 1)) < 0)
            worst = 1;
    }
    trn_buf_done(&p.json);
    return worst;
}
