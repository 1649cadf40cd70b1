/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an entity, a software or a host means now, in processes, files and addresses. Must not own: whether anything is
 * done to them; the order of a hash table: the table lists the living first, by the time of their start.
 */
#include "engine/resolve.h"

#include "policy/policy.h"

#define CLIMB_MAX 64

static bool is_alive(const struct trn_entity *e)
{
    return e->exit_boot_ns == 0 && e->pid > 0 && e->start_boot_ns > 0;
}

static int add_process(struct trn_resolved *r, const struct trn_entity *e)
{
    if (r->n_processes == TRN_ACT_PROCESSES) {
        r->cut = true;
        return 0;
    }
    r->processes[r->n_processes++] =
        (struct trn_act_process){.entity = e->id, .start_boot_ns = e->kernel_start_ns, .pid = e->pid};
    return 0;
}

static int add_file(struct trn_resolved *r, const struct trn_file_key *key, const struct trn_identity *id,
                    struct trn_str path, struct trn_arena *arena)
{
    for (uint32_t i = 0; i < r->n_files; i++)
        if (memcmp(&r->files[i].key, key, sizeof *key) == 0 &&
            (!trn_file_key_is_none(key) || trn_str_eq(r->files[i].path, path)))
            return 0;
    if (r->n_files == TRN_RESOLVE_FILES) {
        r->cut = true;
        return 0;
    }
    struct trn_act_file *f = &r->files[r->n_files];
    *f = (struct trn_act_file){.key = *key, .size = id ? id->size : TRN_NO_U64};
    if (id)
        memcpy(f->sha256, id->sha256, sizeof f->sha256);
    if (!trn_str_is_empty(path) && path.p[0] == '/') {
        f->path = trn_arena_str(arena, path);
        if (trn_str_is_none(f->path))
            return -ENOMEM;
    }
    if (trn_file_key_is_none(key) && trn_str_is_none(f->path) && trn_sha256_is_none(f->sha256))
        return 0; /* nothing by which it could be found */
    r->n_files++;
    return 0;
}

/* What e runs: its script, or its program, unless that only runs what others wrote. */
static int add_image(struct trn_resolved *r, const struct trn_entity *e, uint32_t mntns, struct trn_arena *arena)
{
    const struct trn_image *i = &e->image;
    bool here = mntns == 0 || e->mntns == 0 || e->mntns == mntns;
    if (!trn_str_is_none(i->script))
        return add_file(r, &i->script_file, i->script_identity, here ? i->script : TRN_STR_NONE, arena);
    if (i->role != TRN_ROLE_APPLICATION || trn_str_is_empty(i->path))
        return 0;
    bool named = here && !(i->flags & (TRN_EVF_MEMFD | TRN_EVF_DELETED));
    return add_file(r, &i->file, i->identity, named ? i->path : TRN_STR_NONE, arena);
}

static int room(struct trn_arena *arena, struct trn_resolved *r)
{
    r->processes = trn_arena_array(arena, TRN_ACT_PROCESSES, sizeof *r->processes);
    r->files = trn_arena_array(arena, TRN_RESOLVE_FILES, sizeof *r->files);
    return r->processes && r->files ? 0 : -ENOMEM;
}

static bool in_tree(const struct trn_process_table *t, uint64_t root, const struct trn_entity *e)
{
    for (int up = 0; e && up < CLIMB_MAX; up++) {
        if (e->id == root)
            return true;
        e = e->parent ? trn_process_get(t, e->parent) : NULL;
    }
    return false;
}

int trn_resolve_entity(const struct trn_process_table *t, uint64_t entity, uint32_t mntns, struct trn_arena *arena,
                       struct trn_resolved *ret)
{
    struct trn_resolved r = {0};
    const struct trn_entity *root = trn_process_get(t, entity), *e;
    size_t it = 0;
    int code = root ? room(arena, &r) : -ENOENT;
    if (code < 0)
        return code;
    if (is_alive(root))
        code = add_process(&r, root);
    while (code == 0 && trn_process_next(t, &it, &e) && e->exit_boot_ns == 0)
        if (e->id != entity && is_alive(e) && in_tree(t, entity, e))
            code = add_process(&r, e);
    if (code == 0)
        code = add_image(&r, trn_process_get(t, entity), mntns, arena);
    if (code == 0)
        *ret = r;
    return code;
}

struct wanted {
    struct trn_str name, version;
};

static bool is_it(const struct wanted *w, const struct trn_entity *e)
{
    struct trn_software s;
    trn_process_software(e, &s);
    return trn_str_eq(s.name, w->name) && (trn_str_is_none(w->version) || trn_str_eq(s.version, w->version));
}

/* Installed software that acts by itself, whoever started it: a browser that a link was opened with is not the softphone. */
static bool is_another(const struct trn_entity *e)
{
    struct trn_software s;
    trn_process_software(e, &s);
    return e->image.role == TRN_ROLE_APPLICATION && s.origin != TRN_ORIGIN_UNKNOWN && s.origin != TRN_ORIGIN_MANUAL;
}

static bool acts_for(const struct trn_process_table *t, const struct wanted *w, const struct trn_entity *e)
{
    const struct trn_entity *at = e;
    for (int up = 0; at && up < CLIMB_MAX; up++) {
        if (is_it(w, at))
            return true;
        if (is_another(at))
            return false;
        const struct trn_entity *above = at->parent ? trn_process_get(t, at->parent) : NULL;
        at = above && trn_process_is_above(t, above->id, at->id) ? above : NULL;
    }
    const struct trn_entity *acting = trn_process_acting(t, e); /* as it was when it started e */
    return acting && is_it(w, acting);
}

int trn_resolve_software(const struct trn_process_table *t, struct trn_str name, struct trn_str version, uint32_t mntns,
                         struct trn_arena *arena, struct trn_resolved *ret)
{
    const struct wanted w = {name, version};
    struct trn_resolved r = {0};
    const struct trn_entity *e;
    size_t it = 0;
    int code = room(arena, &r);
    while (code == 0 && trn_process_next(t, &it, &e)) {
        if (is_alive(e) && acts_for(t, &w, e))
            code = add_process(&r, e);
        if (code == 0 && is_it(&w, e))
            code = add_image(&r, e, mntns, arena);
    }
    if (code == 0)
        *ret = r;
    return code;
}

int trn_resolve_add_path(struct trn_resolved *r, struct trn_str path, struct trn_arena *arena)
{
    static const struct trn_file_key none;
    for (uint32_t i = 0; i < r->n_files; i++)
        if (trn_str_eq(r->files[i].path, path))
            return 0;
    return add_file(r, &none, NULL, path, arena);
}

const struct trn_entity *trn_resolve_process(const struct trn_process_table *t, uint32_t pid, uint64_t start_boot_ns)
{
    const struct trn_entity *e;
    size_t it = 0;
    while (trn_process_next(t, &it, &e) && e->exit_boot_ns == 0)
        if (e->pid == pid && e->kernel_start_ns == start_boot_ns)
            return e;
    return NULL;
}

/* ---- hosts ---- */

int trn_resolve_host(const struct trn_names *names, struct trn_str text, struct trn_act_host *hosts, uint32_t max,
                     uint32_t *n)
{
    struct trn_host h;
    if (trn_host_parse(text, &h) < 0)
        return -EINVAL;
    if (!h.family)
        return trn_names_addresses(names, h.text, h.port, hosts, max, n);
    if (*n >= max)
        return -E2BIG;
    struct trn_act_host *to = &hosts[(*n)++];
    *to = (struct trn_act_host){.family = h.family, .prefix = h.prefix, .port = h.port};
    memcpy(to->address, h.address, sizeof to->address);
    return 0;
}
