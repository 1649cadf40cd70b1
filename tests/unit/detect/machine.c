/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: running a script's events the way the engine does, and keeping what came out. */
#include "script.h"

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct machine *m = ctx;
    must(m->n_findings < MACHINE_MAX);
    must(trn_finding_copy(f, m->arena, &m->findings[m->n_findings++]) == 0);
    return trn_stories_finding(m->stories, f);
}

static int on_story(void *ctx, const struct trn_story *st)
{
    struct machine *m = ctx;
    must(st->id < TRN_ARRAY_SIZE(m->told));
    m->tellings++;
    if (!m->told[st->id])
        m->told[st->id] = calloc(1, sizeof(*st));
    must(m->told[st->id] != NULL);
    trn_buf_done(&m->blobs[st->id]);
    trn_buf_init(&m->blobs[st->id], 1 << 20);
    trn_story_encode(st, &m->blobs[st->id]);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&m->blobs[st->id]));
    must(trn_story_decode(&in, m->told[st->id]) == 0);
    return 0;
}

static int on_state(void *ctx, const struct trn_event *ev)
{
    struct machine *m = ctx;
    must(m->n_state < TRN_ARRAY_SIZE(m->state));
    must(trn_event_copy(ev, m->arena, &m->state[m->n_state++]) == 0);
    return 0;
}

static bool is_usual(void *ctx, const struct trn_software *s, struct trn_str name, const uint8_t *address,
                     uint8_t family)
{
    const struct machine *m = ctx;
    return trn_detect_usual_place(m->detect, s, name, address, family);
}

struct machine *machine_new(const struct trn_indicators *indicators)
{
    struct machine *m = calloc(1, sizeof(*m));
    must(m != NULL);
    m->arena = trn_arena_new(0);
    must(m->arena && trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)},
                                           &m->processes) == 0);
    struct trn_detect_options d = {.sz = sizeof(d),
                                   .processes = m->processes,
                                   .indicators = indicators,
                                   .findings = {on_finding, m},
                                   .state = {on_state, m}};
    struct trn_stories_options o = {.sz = sizeof(o),
                                    .processes = m->processes,
                                    .story = on_story,
                                    .usual = is_usual,
                                    .ctx = m,
                                    .state = {on_state, m}};
    must(trn_detect_new(&d, &m->detect) == 0 && trn_stories_new(&o, &m->stories) == 0);
    return m;
}

void machine_free(struct machine *m)
{
    trn_detect_free(m->detect);
    trn_stories_free(m->stories);
    trn_process_table_free(m->processes);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(m->told); i++) {
        free(m->told[i]);
        trn_buf_done(&m->blobs[i]);
    }
    trn_arena_free(m->arena);
    free(m->page);
    free(m);
}

void machine_push(struct machine *m, const struct trn_event *ev)
{
    must(trn_process_apply(m->processes, ev) == 0);
    must(trn_detect_push(m->detect, ev) == 0);
    must(trn_stories_event(m->stories, ev) == 0);
}

void machine_run(struct machine *m, const struct script *s, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < s->n; i++)
        machine_push(m, &s->ev[i]);
}

void machine_restore(struct machine *m, const struct machine *before, const struct script *s, size_t to)
{
    /* The store keeps the last row of each kind and key. */
    for (size_t i = 0; i < before->n_state; i++) {
        const struct trn_event *row = &before->state[i];
        bool last = true;
        for (size_t k = i + 1; last && k < before->n_state; k++)
            last = row->state.key != before->state[k].state.key ||
                   !trn_str_eq(row->state.kind, before->state[k].state.kind);
        if (last && row->state.value.n)
            machine_push(m, row);
    }
    for (size_t i = 0; i < to && i < s->n; i++) {
        struct trn_event ev = s->ev[i];
        if (ev.type == TRN_EV_EXEC)
            ev.flags |= TRN_EVF_EXISTING;
        if (ev.type == TRN_EV_EXEC || ev.type == TRN_EV_FORK || ev.type == TRN_EV_IDENTITY || ev.type == TRN_EV_EXIT)
            machine_push(m, &ev);
    }
}

size_t machine_stories(const struct machine *m, enum trn_verdict min)
{
    size_t n = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(m->told); i++)
        n += m->told[i] && !m->told[i]->closed && m->told[i]->verdict >= min;
    return n;
}

const char *machine_page(struct machine *m, uint64_t id)
{
    struct trn_buf b;
    trn_buf_init(&b, 1 << 20);
    must(id < TRN_ARRAY_SIZE(m->told) && m->told[id]);
    trn_story_print(m->told[id], 100, false, &b);
    must(!b.bad);
    free(m->page);
    m->page = b.p; /* NUL-terminated; ours now */
    return m->page;
}

const struct trn_finding *machine_finding(const struct machine *m, const char *check, size_t nth)
{
    for (size_t i = 0; i < m->n_findings; i++)
        if (trn_str_eq_c(trn_str_of(m->findings[i].check->id), check) && nth-- == 0)
            return &m->findings[i];
    return NULL;
}

size_t machine_count(const struct machine *m, const char *check)
{
    size_t n = 0;
    while (machine_finding(m, check, n))
        n++;
    return n;
}
