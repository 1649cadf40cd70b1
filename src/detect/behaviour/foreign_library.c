/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: noticing loads of libraries about which something may have to be said: of files that no package owns, that the
 * environment or /etc/ld.so.preload put there, that somebody wrote over. The engine identifies only libraries outside
 * packages, so an IDENTITY is the exception: most loads cost a look at the ring of latest loads and at who wrote the file.
 * Must not: weigh; that is foreign_library_judge.c.
 */
#include "detect/behaviour/abnormal_load.h"

#define RECENT 1024  /* latest loads: an identity comes after its load */
#define WAITING 64   /* loads that are to be judged when it is known whose program it is */
#define ASKED 1024   /* program and library that were judged today */
#define PRELOADS 512 /* processes whose environment names libraries */
#define NAMES 8
#define IDENTITY_NS (5 * TRN_NS_PER_SEC)
#define LATE_NS (10 * TRN_NS_PER_SEC)

struct recent {
    uint64_t path_hash, entity, seq, boot_ns, wall_ns;
    struct trn_file_key key;
    bool existing;
};

struct preload {
    uint64_t names[NAMES]; /* hashes of whole paths or of names */
    uint8_t variable[NAMES], n;
};

struct trn_foreign_library {
    struct recent recent[RECENT];
    uint32_t next;
    struct trn_library_load waiting[WAITING];
    size_t n_waiting;
    uint64_t asked[ASKED];
    struct trn_map *preloads; /* entity -> struct preload *, oldest first */
    uint64_t preload_seq;     /* latest change of /etc/ld.so.preload */
};

static const char *const variables[] = {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES",
                                        "DYLD_LIBRARY_PATH"};

struct trn_foreign_library *trn_foreign_library_new(void)
{
    struct trn_foreign_library *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->preloads = trn_map_new(PRELOADS);
    return l->preloads ? l : trn_foreign_library_free(l);
}

struct trn_foreign_library *trn_foreign_library_free(struct trn_foreign_library *l)
{
    if (l) {
        uint64_t key, row;
        for (size_t it = 0; l->preloads && trn_map_next(l->preloads, &it, &key, &row);)
            free((void *)(uintptr_t)row);
        trn_map_free(l->preloads);
        free(l);
    }
    return NULL;
}

/* ---- the environment ---- */

static void forget(struct trn_foreign_library *l, uint64_t entity)
{
    uint64_t row;
    if (trn_map_remove(l->preloads, entity, &row))
        free((void *)(uintptr_t)row);
}

static void take_names(struct preload *row, uint8_t variable, struct trn_str value)
{
    while (value.n && row->n < NAMES) {
        size_t n = 0;
        while (n < value.n && value.p[n] != ':' && value.p[n] != ' ')
            n++;
        struct trn_str name = trn_str_slice(value, 0, n);
        value = trn_str_slice(value, n + 1, value.n);
        while (name.n > 1 && name.p[name.n - 1] == '/')
            name.n--;
        if (name.n && (name.p[0] != '/' || trn_str_find(name, '$') >= 0))
            name = trn_path_base(name); /* "./x.so", "$LIB/x.so": where that is only the loader knows */
        if (name.n == 0)
            continue;
        row->variable[row->n] = variable;
        row->names[row->n++] = trn_hash64_str(name);
    }
}

static int executed(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    struct preload row = {0};
    struct trn_str env = ev->exec.env, one, name;
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    if (!e)
        return 0;
    forget(l, e->id);
    while (trn_str_split(&env, '\0', &one)) {
        if (!trn_str_split(&one, '=', &name))
            continue;
        for (size_t i = 0; i < TRN_ARRAY_SIZE(variables); i++)
            if (trn_str_eq_c(name, variables[i]))
                take_names(&row, (uint8_t)i, one);
    }
    if (row.n == 0)
        return 0;
    size_t it = 0;
    uint64_t oldest;
    if (trn_map_count(l->preloads) >= PRELOADS && trn_map_next(l->preloads, &it, &oldest, NULL))
        forget(l, oldest);
    struct preload *kept = malloc(sizeof(*kept));
    if (!kept)
        return -ENOMEM;
    *kept = row;
    int r = trn_map_put_ptr(l->preloads, e->id, kept);
    if (r)
        free(kept);
    return r;
}

/* A preloaded file is named by its path or its name, a search path by its folder. */
static const char *put_there_by(const struct trn_foreign_library *l, uint64_t entity, struct trn_str path)
{
    const struct preload *row = trn_map_count(l->preloads) ? trn_map_get_ptr(l->preloads, entity) : NULL;
    if (!row)
        return NULL;
    uint64_t whole = trn_hash64_str(path), base = trn_hash64_str(trn_path_base(path)),
             folder = trn_hash64_str(trn_path_dir(path));
    for (uint8_t i = 0; i < row->n; i++)
        if (row->names[i] == whole || row->names[i] == base || row->names[i] == folder)
            return variables[row->variable[i]];
    return NULL;
}

/* ---- what is worth judging ---- */

static bool is_ready(const struct trn_detect_ctx *ctx, const struct trn_library_load *w, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_get(ctx->processes, w->entity);
    bool late = ev->boot_ns > w->boot_ns + IDENTITY_NS || ev->boot_ns + IDENTITY_NS < w->boot_ns;
    if (!e || late || ev->type == TRN_EV_STOP)
        return true;
    const struct trn_entity *root = trn_root_of(ctx->processes, e);
    return trn_library_identity(ctx->processes, w) && e->image.identity && root->image.identity &&
           (trn_str_is_empty(root->image.script) || root->image.script_identity);
}

static int settle(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_provenance *written, const struct trn_event *ev, bool first)
{
    size_t kept = 0, n = l->n_waiting;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        const struct trn_library_load *w = &l->waiting[i];
        if (!r && ((first && i == 0) || is_ready(ctx, w, ev)))
            r = trn_foreign_library_judge(ctx, p, written, w);
        else
            l->waiting[kept++] = *w;
    }
    l->n_waiting = kept;
    return r;
}

/* The same program and library within a day, put there in the same way: nothing to ask. */
static bool is_asked(struct trn_foreign_library *l, const struct trn_entity *e, const struct recent *r, const char *by)
{
    uint64_t key = trn_hash64_mix(trn_file_key_hash(&e->image.file), r->path_hash);
    key = trn_hash64_mix(trn_hash64_mix(key, e->acting), trn_file_key_hash(&r->key));
    key = trn_hash64_mix(key, r->wall_ns / (24 * 3600 * TRN_NS_PER_SEC) * 2 + (by != NULL));
    uint64_t *slot = &l->asked[key % ASKED];
    bool there = *slot == key;
    *slot = key;
    return there;
}

static int judge_last(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                      const struct trn_provenance *written)
{
    return trn_foreign_library_judge(ctx, p, written, &l->waiting[--l->n_waiting]);
}

static int take_up(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                   const struct trn_provenance *written, const struct recent *r, const struct trn_event *ev,
                   struct trn_str path)
{
    const struct trn_entity *e = trn_process_get(ctx->processes, r->entity);
    const char *by = e ? put_there_by(l, e->id, path) : NULL;
    int err = 0;
    if (!e || is_asked(l, e, r, by))
        return 0;
    if (l->n_waiting == WAITING)
        err = settle(l, ctx, p, written, ev, true);
    struct trn_library_load *w = &l->waiting[l->n_waiting++];
    w->seq = r->seq;
    w->boot_ns = r->boot_ns;
    w->wall_ns = r->wall_ns;
    w->entity = r->entity;
    w->key = r->key;
    w->existing = r->existing;
    w->by = by;
    w->preload_seq = l->preload_seq < r->seq ? l->preload_seq : 0;
    w->n = (uint16_t)TRN_MIN(path.n, (size_t)TRN_LOAD_PATH);
    for (size_t i = 0; i < w->n; i++)
        w->path[i] = path.p[i];
    return !err && is_ready(ctx, w, ev) ? judge_last(l, ctx, p, written) : err;
}

/* Somebody wrote over a file that packages own: not the package manager, which is known by its own package. */
static bool is_written_over(const struct trn_provenance *written, const struct trn_event *ev)
{
    const struct trn_written *w = trn_provenance_find(written, &ev->map.file, ev->map.path);
    return w && !trn_is_installer(&w->software);
}

static int loaded(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_provenance *written, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    struct trn_str path = ev->map.path;
    if (!e || trn_str_is_empty(path) || trn_str_eq(path, e->image.path) || trn_str_ends(path, TRN_LOAD_DELETED))
        return 0; /* the image itself is an exec's; what has no name any more is exec-memory's */
    struct recent *r = &l->recent[l->next++ % RECENT];
    *r = (struct recent){.path_hash = trn_hash64_str(path),
                         .entity = e->id,
                         .seq = ev->seq,
                         .boot_ns = ev->boot_ns,
                         .wall_ns = ev->wall_ns,
                         .key = ev->map.file,
                         .existing = (ev->flags & TRN_EVF_EXISTING) != 0};
    const struct trn_identity *id = trn_process_identity(ctx->processes, &ev->map.file);
    bool fine = id ? trn_library_is_vouched(id) : trn_library_may_be_packaged(path);
    if (fine && !(trn_library_in_system(path) && is_written_over(written, ev)))
        return 0;
    return take_up(l, ctx, p, written, r, ev, path);
}

/* An identity that came after its load. */
static int identified(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                      const struct trn_provenance *written, const struct trn_event *ev)
{
    const struct trn_ev_identity *i = &ev->identity;
    uint32_t n = TRN_MIN(l->next, (uint32_t)RECENT);
    if (trn_str_is_empty(i->path) || trn_library_is_vouched(&i->id) || !trn_library_may_be_packaged(i->path))
        return 0; /* what lies elsewhere waits already */
    uint64_t hash = trn_hash64_str(i->path);
    for (uint32_t at = l->next - n; at != l->next; at++) {
        struct recent *r = &l->recent[at % RECENT];
        if (r->path_hash != hash || r->boot_ns + LATE_NS < ev->boot_ns)
            continue;
        r->key = i->file;
        int err = take_up(l, ctx, p, written, r, ev, i->path);
        if (err)
            return err;
    }
    return 0;
}

/* perf tells no ctime, and maybe another device than the identity has. */
static void learn_key(struct trn_foreign_library *l, const struct trn_event *ev)
{
    for (size_t i = 0; i < l->n_waiting; i++) {
        struct trn_library_load *w = &l->waiting[i];
        if (w->key.ctime_ns == 0 && trn_str_eq((struct trn_str){w->path, w->n}, ev->identity.path))
            w->key = ev->identity.file;
    }
}

int trn_foreign_library_push(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                             const struct trn_provenance *written, const struct trn_event *ev)
{
    int r = 0;
    switch (ev->type) {
    case TRN_EV_LIB_LOAD:
        r = loaded(l, ctx, p, written, ev);
        break;
    case TRN_EV_IDENTITY:
        learn_key(l, ev);
        r = identified(l, ctx, p, written, ev);
        break;
    case TRN_EV_EXEC:
        r = ev->exec.env.n || trn_map_count(l->preloads) ? executed(l, ctx, ev) : 0;
        break;
    case TRN_EV_EXIT:
        if (trn_map_count(l->preloads))
            forget(l, ev->entity);
        break;
    case TRN_EV_FILE:
        if (trn_str_eq_c(ev->file.path, "/etc/ld.so.preload") && ev->action != TRN_ACT_DELETED)
            l->preload_seq = ev->seq;
        break;
    default:
        break;
    }
    bool due = l->n_waiting && (ev->type == TRN_EV_IDENTITY || ev->type == TRN_EV_STOP ||
                                l->waiting[0].boot_ns + IDENTITY_NS < ev->boot_ns);
    return !r && due ? settle(l, ctx, p, written, ev, false) : r;
}

size_t trn_foreign_library_bytes(const struct trn_foreign_library *l)
{
    return sizeof(*l) + trn_map_bytes(l->preloads) + trn_map_count(l->preloads) * sizeof(struct preload);
}
