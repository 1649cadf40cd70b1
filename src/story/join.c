/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which open story a finding belongs to. By cause: the same or a related acting process, the same package's
 * software in another life, a file that was written and then run. Never by a shared shell, login or service manager:
 * the process table's borders stand between. Must not: change a case.
 */
#include "story/internal.h"

#define CLIMB_MAX 64

uint64_t trn_software_key(const struct trn_software *w)
{
    /* Two programs of one's own may share a name; two packages may not. */
    if (trn_str_is_empty(w->name) || w->origin == TRN_ORIGIN_MANUAL || w->origin == TRN_ORIGIN_UNKNOWN)
        return 0;
    uint64_t h = trn_hash64_mix(trn_hash64_str(w->name), trn_hash64_str(w->version));
    return trn_hash64_mix(h, (uint64_t)w->origin) | 1;
}

uint64_t trn_session_key(const struct trn_finding *f)
{
    return trn_hash64_mix(trn_hash64_str(trn_str_of(f->check->id)), trn_hash64_str(f->software.name)) | 1;
}

uint64_t trn_finding_file(const struct trn_finding *f)
{
    struct trn_str rest = trn_evidence(f, "file"), dev, ino;
    struct trn_file_key key = {0};
    char text[40];
    if (!trn_str_split(&rest, ':', &dev) || !trn_str_split(&rest, ':', &ino) || dev.n > 16 || ino.n > 16)
        return 0;
    struct trn_buf b;
    trn_buf_init(&b, sizeof(text));
    trn_put_c(&b, "0x");
    trn_put_str(&b, dev);
    int bad = trn_str_u64(trn_buf_str(&b), &key.dev);
    trn_buf_clear(&b);
    trn_put_c(&b, "0x");
    trn_put_str(&b, ino);
    bad |= trn_str_u64(trn_buf_str(&b), &key.ino);
    trn_buf_done(&b);
    return bad || !key.ino ? 0 : trn_file_inode_hash(&key);
}

struct trn_case *trn_case_by_id(const struct trn_stories *s, uint64_t id)
{
    for (uint32_t i = 0; i < s->n_cases; i++)
        if (s->cases[i]->id == id)
            return s->cases[i];
    return NULL;
}

static struct trn_case *by_actor(const struct trn_stories *s, uint64_t entity)
{
    uint64_t id;
    return entity && trn_map_get(s->actors, entity, &id) ? trn_case_by_id(s, id) : NULL;
}

struct trn_case *trn_case_above(const struct trn_stories *s, const struct trn_entity *e)
{
    const struct trn_entity *at = e;
    if (s->n_cases == 0)
        return NULL;
    for (int i = 0; at && i < CLIMB_MAX; i++) {
        struct trn_case *c = by_actor(s, at->id);
        if (c)
            return trn_process_is_above(s->o.processes, at->id, e->id) ? c : NULL;
        at = at->parent ? trn_process_get(s->o.processes, at->parent) : NULL;
    }
    return NULL;
}

/* A case one of whose actors was started, directly or not, by this finding's. */
static struct trn_case *below(const struct trn_stories *s, uint64_t acting, const struct trn_case *but)
{
    for (uint32_t i = 0; acting && i < s->n_cases; i++) {
        struct trn_case *c = s->cases[i];
        for (uint32_t k = 0; c != but && k < c->n_actors; k++)
            if (trn_process_is_above(s->o.processes, acting, c->actors[k]))
                return c;
    }
    return NULL;
}

static bool has_file(const struct trn_case *c, uint64_t file)
{
    for (uint32_t i = 0; file && i < c->n_files; i++)
        if (c->files[i] == file)
            return true;
    return false;
}

/* The finding's process runs a file that a story has seen written and run: a second stage that was started again
 * by somebody else (init, cron) is still the same deed. */
static struct trn_case *by_file(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *but)
{
    const struct trn_entity *e = trn_process_get(s->o.processes, f->acting);
    uint64_t image = e ? trn_file_inode_hash(&e->image.file) : 0, told = trn_finding_file(f);
    for (uint32_t i = 0; i < s->n_cases; i++)
        if (s->cases[i] != but && (has_file(s->cases[i], image) || has_file(s->cases[i], told)))
            return s->cases[i];
    return NULL;
}

static struct trn_case *by_software(const struct trn_stories *s, const struct trn_finding *f,
                                    const struct trn_case *but)
{
    uint64_t key = trn_software_key(&f->software);
    for (uint32_t i = s->n_cases; key && i > 0; i--) /* the youngest */
        if (s->cases[i - 1] != but && s->cases[i - 1]->software == key)
            return s->cases[i - 1];
    return NULL;
}

static struct trn_case *by_session(const struct trn_stories *s, const struct trn_finding *f)
{
    uint64_t key = trn_session_key(f);
    for (uint32_t i = 0; i < s->n_cases; i++)
        if (s->cases[i]->session == key)
            return s->cases[i];
    return NULL;
}

struct trn_case *trn_join(const struct trn_stories *s, const struct trn_finding *f)
{
    /* What different programs do at one prompt has no cause but the person. */
    if (!f->acting)
        return by_session(s, f);
    struct trn_case *c = by_actor(s, f->acting);
    if (!c)
        c = trn_case_above(s, trn_process_get(s->o.processes, f->acting));
    if (!c)
        c = below(s, f->acting, NULL);
    if (!c)
        c = by_file(s, f, NULL);
    return c ? c : by_software(s, f, NULL);
}

struct trn_case *trn_join_second(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *c)
{
    if (!f->acting)
        return NULL;
    struct trn_case *other = below(s, f->acting, c);
    if (!other)
        other = by_file(s, f, c);
    return other && !other->session ? other : NULL;
}
