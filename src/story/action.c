/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which story an action belongs to: the one that it names, the one that has it already, else the open one that is
 * about the software, process or file it was done to. Must not own: the rows (event/story_action.c), nor the acts.
 */
#include "story/internal.h"

#include <stdio.h>

static bool has_action(const struct trn_story *st, uint64_t id)
{
    for (uint32_t i = 0; i < st->n_actions; i++)
        if (st->actions[i].id == id)
            return true;
    return false;
}

/* "acme-softphone" is meant whatever its version is, "acme-softphone=1.1" only that one. */
static bool is_software(const struct trn_software *w, struct trn_str target)
{
    ptrdiff_t at = trn_str_rfind(target, '=');
    struct trn_str name = at < 0 ? target : trn_str_slice(target, 0, (size_t)at);
    if (trn_str_is_empty(w->name) || !trn_str_eq(w->name, name))
        return false;
    return at < 0 || trn_str_eq(w->version, trn_str_slice(target, (size_t)at + 1, target.n));
}

static bool has_process(const struct trn_story *st, struct trn_str hex)
{
    char text[20];
    for (uint32_t i = 0; i < st->n_processes; i++) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)st->processes[i].entity);
        if (trn_str_eq_c(hex, text))
            return true;
    }
    return false;
}

static bool has_file(const struct trn_story *st, struct trn_str target)
{
    for (uint32_t i = 0; i < st->n_files; i++)
        if (trn_str_eq(st->files[i].path, target) || trn_str_eq(st->files[i].sha256, target))
            return true;
    return false;
}

static bool is_about(const struct trn_story *st, const struct trn_ev_response *e)
{
    if (trn_str_eq_c(e->target_kind, trn_target_name(TRN_TARGET_SOFTWARE)))
        return is_software(&st->software, e->target);
    if (trn_str_eq_c(e->target_kind, trn_target_name(TRN_TARGET_ENTITY)))
        return has_process(st, e->target);
    return !trn_str_is_empty(e->target) && has_file(st, e->target);
}

/* The newest: what is done now is done about what goes on now. Opens each, into s->scratch. */
static struct trn_case *find(struct trn_stories *s, const struct trn_ev_response *e)
{
    struct trn_case *about = NULL;
    for (uint32_t i = s->n_cases; i-- > 0;) {
        struct trn_case *c = s->cases[i];
        if (trn_case_open(s, c))
            continue;
        if (has_action(s->scratch, e->id))
            return c;
        if (!about && !c->closed && is_about(s->scratch, e))
            about = c;
    }
    return about;
}

int trn_responded(struct trn_stories *s, const struct trn_event *ev)
{
    struct trn_case *c = ev->response.story ? trn_case_by_id(s, ev->response.story) : NULL;
    if (!c)
        c = find(s, &ev->response);
    int r = c ? trn_case_open(s, c) : 0;
    if (!c || r || !trn_story_respond(s->scratch, ev, s->arena))
        return r;
    return trn_case_close(s, c, ev);
}

/* What was done about the story that is merged into another; the oldest number first. */
void trn_actions_move(struct trn_story *into, const struct trn_story *from)
{
    for (uint32_t i = 0; i < from->n_actions && into->n_actions < TRN_STORY_ACTIONS; i++) {
        uint32_t at = into->n_actions;
        if (has_action(into, from->actions[i].id))
            continue;
        while (at > 0 && into->actions[at - 1].id > from->actions[i].id)
            at--;
        memmove(&into->actions[at + 1], &into->actions[at], (into->n_actions - at) * sizeof into->actions[0]);
        into->actions[at] = from->actions[i];
        into->n_actions++;
    }
}

uint64_t trn_stories_against(const struct trn_stories *s, struct trn_str name, struct trn_str version)
{
    struct trn_stories *own = (struct trn_stories *)(uintptr_t)s; /* the scratch struct is no state */
    for (uint32_t i = 0; i < s->n_cases; i++) {
        if (s->cases[i]->closed || trn_case_open(own, s->cases[i]))
            continue;
        const struct trn_story *st = s->scratch;
        if (st->verdict >= TRN_VERDICT_SUSPICIOUS && trn_str_eq(st->software.name, name) &&
            trn_str_eq(st->software.version, version))
            return st->id;
    }
    return 0;
}

struct trn_str trn_stories_version_before(const struct trn_stories *s, struct trn_str name)
{
    return trn_changes_before(s->changes, name);
}
