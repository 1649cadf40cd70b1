/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the content of an open story: taken apart into the one scratch struct, changed, scored, worded, put together
 * again, reported and remembered. Must not: choose the case (join.c) or the words (words.c).
 */
#include "story/internal.h"

#define CASE_BYTES_MAX (1u << 20)

struct trn_case *trn_case_free(struct trn_case *c)
{
    if (c) {
        free(c->blob);
        free(c);
    }
    return NULL;
}

int trn_case_open(struct trn_stories *s, const struct trn_case *c)
{
    trn_arena_reset(s->arena);
    if (!c->blob) {
        memset(s->scratch, 0, sizeof(*s->scratch));
        s->scratch->id = c->id;
        return 0;
    }
    struct trn_cursor in = trn_cur(c->blob, c->n_blob);
    return trn_story_decode(&in, s->scratch);
}

static int encode(struct trn_stories *s, struct trn_case *c)
{
    struct trn_buf b;
    trn_buf_init(&b, CASE_BYTES_MAX);
    trn_story_encode(s->scratch, &b);
    if (b.bad) {
        trn_buf_done(&b);
        return -ENOMEM;
    }
    /* The old bytes stay until the new ones are whole: scratch borrows from them. */
    char *blob = malloc(b.n);
    if (blob)
        memcpy(blob, b.p, b.n);
    size_t n = b.n;
    trn_buf_done(&b);
    if (!blob)
        return -ENOMEM;
    s->blobs += n - c->n_blob;
    free(c->blob);
    c->blob = blob;
    c->n_blob = n;
    return trn_case_open(s, c);
}

int trn_case_close(struct trn_stories *s, struct trn_case *c, const struct trn_event *now)
{
    struct trn_story *st = s->scratch;
    int r = trn_hosts_into(s, c, st);
    if (r)
        return r;
    trn_changes_into(s->changes, st);
    st->revision++;
    st->score = trn_story_score(st->findings, st->n_findings, &st->verdict);
    if (now && now->wall_ns > st->updated_wall_ns)
        st->updated_wall_ns = now->wall_ns;
    c->loss = c->loss || trn_losses_touch(s, c);
    st->loss_overlap = c->loss;
    c->score = st->score;
    c->closed = st->closed;
    c->n_findings = st->n_findings;
    c->n_processes = st->n_processes;
    c->told++;
    if (c->dirty)
        s->n_dirty--;
    c->dirty = false;
    r = trn_words(s, c);
    if (!r)
        r = encode(s, c);
    if (!r && s->o.story)
        r = s->o.story(s->o.ctx, s->scratch);
    return r ? r : trn_case_remember(s, c, now);
}

bool trn_case_has_actor(const struct trn_case *c, uint64_t entity)
{
    for (uint32_t i = 0; i < c->n_actors; i++)
        if (c->actors[i] == entity)
            return true;
    return false;
}

int trn_case_add_actor(struct trn_stories *s, struct trn_case *c, uint64_t entity, bool first)
{
    if (!entity)
        return 0;
    if (trn_case_has_actor(c, entity)) {
        for (uint32_t i = 1; first && i < c->n_actors; i++) {
            if (c->actors[i] == entity) {
                c->actors[i] = c->actors[0];
                c->actors[0] = entity;
            }
        }
        return 0;
    }
    if (c->n_actors == TRN_CASE_ACTORS) { /* the oldest but the first goes */
        trn_map_remove(s->actors, c->actors[1], NULL);
        memmove(&c->actors[1], &c->actors[2], (TRN_CASE_ACTORS - 2) * sizeof(c->actors[0]));
        c->n_actors--;
    }
    uint32_t at = first ? 0 : c->n_actors;
    memmove(&c->actors[at + 1], &c->actors[at], (c->n_actors - at) * sizeof(c->actors[0]));
    c->actors[at] = entity;
    c->n_actors++;
    int r = trn_map_put(s->actors, entity, c->id);
    return r == -ENOSPC ? 0 : r;
}

static void note_file(struct trn_case *c, uint64_t file)
{
    if (!file)
        return;
    for (uint32_t i = 0; i < c->n_files; i++)
        if (c->files[i] == file)
            return;
    if (c->n_files < TRN_CASE_FILES)
        c->files[c->n_files++] = file;
}

/* It wrote what others of this story ran. */
static bool wrote_for(const struct trn_case *c, uint64_t acting)
{
    for (uint32_t i = 0; i < c->n_files; i++)
        if (c->files[i] == trn_writer_key(acting))
            return true;
    return false;
}

static const char *role_of(const struct trn_finding *f)
{
    struct trn_str id = trn_str_of(f->check->id);
    if (f->telemetry == TRN_TEL_ARTIFACT)
        return "came with";
    if (trn_str_eq_c(id, "behaviour.second-stage"))
        return trn_str_eq_c(trn_evidence(f, "how"), "mapped executable") ? "wrote and loaded" : "wrote and ran";
    if (trn_str_eq_c(id, "behaviour.browser-data") || trn_str_eq_c(id, "behaviour.collection"))
        return "read";
    if (trn_str_eq_c(id, "behaviour.foreign-library"))
        return "loaded";
    if (trn_str_eq_c(id, "behaviour.persistence"))
        return "wrote";
    return trn_str_starts(id, TRN_STR("indicator.")) ? "ran or loaded" : "touched";
}

static void add_file(struct trn_story *st, const struct trn_finding *f)
{
    struct trn_story_file file = {.path = trn_evidence(f, "path"),
                                  .sha256 = trn_evidence(f, "sha256"),
                                  .role = trn_str_of(role_of(f))};
    if (trn_str_is_empty(file.path))
        return;
    for (uint32_t i = 0; i < st->n_files; i++) {
        if (trn_str_eq(st->files[i].path, file.path) && trn_str_eq(st->files[i].role, file.role)) {
            if (file.sha256.p)
                st->files[i].sha256 = file.sha256;
            return;
        }
    }
    if (st->n_files < TRN_STORY_FILES)
        st->files[st->n_files++] = file;
}

static bool before(const struct trn_finding *a, const struct trn_finding *b)
{
    if (a->wall_ns != b->wall_ns)
        return a->wall_ns < b->wall_ns;
    int c = strcmp(a->check->id, b->check->id);
    return c ? c < 0 : a->id < b->id;
}

/* A finding with a known id is told again with news: it takes the earlier one's place. Past the limit the weakest
 * goes, the latest of them first. */
static bool place(struct trn_story *st, const struct trn_finding *f)
{
    uint32_t n = st->n_findings, at = n;
    for (uint32_t i = 0; i < n; i++) {
        if (st->findings[i].id == f->id && st->findings[i].check == f->check) {
            uint64_t boot = st->findings[i].boot_ns, wall = st->findings[i].wall_ns;
            st->findings[i] = *f;
            st->findings[i].boot_ns = boot;
            st->findings[i].wall_ns = wall;
            return true;
        }
    }
    if (n == TRN_STORY_FINDINGS) {
        uint32_t weakest = 0;
        for (uint32_t i = 1; i < n; i++)
            if (st->findings[i].score <= st->findings[weakest].score)
                weakest = i;
        st->n_findings_dropped++;
        if (st->findings[weakest].score >= f->score)
            return false;
        memmove(&st->findings[weakest], &st->findings[weakest + 1], (n - weakest - 1) * sizeof(*f));
        at = n = --st->n_findings;
    }
    while (at > 0 && before(f, &st->findings[at - 1]))
        at--;
    memmove(&st->findings[at + 1], &st->findings[at], (n - at) * sizeof(*f));
    st->findings[at] = *f;
    st->n_findings++;
    return true;
}

static bool knows(const struct trn_story *st, const struct trn_finding *f)
{
    for (uint32_t i = 0; i < st->n_findings; i++)
        if (st->findings[i].id == f->id && st->findings[i].check == f->check)
            return true;
    return false;
}

/* What was closed was what was known then. Traffic and notes do not open it; what counts as a stage does. */
void trn_case_reopen(struct trn_story *st, const struct trn_finding *f)
{
    if (!st->closed || f->score < TRN_COUNTS_FROM)
        return;
    st->closed = false;
    st->reopened_wall_ns = TRN_MAX(f->wall_ns, st->close_wall_ns);
    st->reopen_why = trn_str_of(f->check->title);
}

/* Who reached into the one that acts here is part of it. */
static int add_reacher(struct trn_stories *s, struct trn_case *c, const struct trn_finding *f)
{
    const struct trn_entity *e = trn_process_get(s->o.processes, trn_reached_by(s->reaches, f->acting));
    if (!e || trn_case_has_actor(c, e->id))
        return 0;
    int r = trn_case_add_actor(s, c, e->id, false);
    return r ? r : trn_tree_add(s, c, e);
}

int trn_case_add_finding(struct trn_stories *s, struct trn_case *c, const struct trn_finding *f)
{
    struct trn_story *st = s->scratch;
    bool above = c->n_actors && f->acting && f->acting != c->actors[0] &&
                 (trn_process_is_above(s->o.processes, f->acting, c->actors[0]) ||
                  trn_reached_by(s->reaches, c->actors[0]) == f->acting || wrote_for(c, f->acting));
    if (st->n_findings == 0 || above) {
        st->software = f->software; /* the story is about the one who stands above the others */
        c->software = trn_software_key(&f->software);
    }
    if (st->n_findings == 0)
        st->opened_wall_ns = f->wall_ns;
    if (trn_is_of_session(f))
        c->session = trn_session_key(f);
    int r = trn_case_add_actor(s, c, f->acting, above);
    if (r)
        return r;
    if (!c->first_wall_ns || f->wall_ns < c->first_wall_ns)
        c->first_wall_ns = f->wall_ns;
    c->last_wall_ns = TRN_MAX(c->last_wall_ns, f->wall_ns);
    if (!knows(st, f))
        trn_case_reopen(st, f);
    if (!place(st, f))
        return 0;
    uint64_t files[TRN_FINDING_FILES];
    uint32_t n = f->acting ? trn_finding_files(s, f, files) : 0;
    for (uint32_t i = 0; i < n; i++)
        note_file(c, files[i]);
    note_file(c, trn_finding_writer(f));
    add_file(st, f);
    const struct trn_entity *e = trn_process_get(s->o.processes, f->entity);
    r = e ? trn_tree_add(s, c, e) : 0;
    return r ? r : add_reacher(s, c, f);
}
