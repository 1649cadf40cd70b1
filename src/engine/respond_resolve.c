/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a person's request means at this moment, in the main thread: an entity or a software to processes and files, a
 * hash to the files that have it, a package to the version to go back to. Must not own: whether it may be done (turncoatd);
 * paths that a person gave: turncoatd opens those itself.
 *
 * Out of it come the messages that respond.c sends on:  i32 code, lstr message, lstr hint, u32 n, n x lstr ACT_FILES,
 * lstr ACT.
 */
#include "engine/pipeline_internal.h"
#include "engine/resolve.h"

#include "story/story.h"

#define ARENA_MAX (8u << 20)
#define HASH_FILES 64u

static void split_name(struct trn_str text, struct trn_str *name, struct trn_str *version)
{
    ptrdiff_t at = trn_str_rfind(text, '=');
    *name = at < 0 ? text : trn_str_slice(text, 0, (size_t)at);
    *version = at < 0 ? TRN_STR_NONE : trn_str_slice(text, (size_t)at + 1, text.n);
}

static bool package_has(const struct trn_pipeline *p, struct trn_str name, struct trn_str version)
{
    const struct trn_package_index *x = trn_enrich_packages(p->enrich);
    const struct trn_package *found = x ? trn_package_index_named(x, name) : NULL;
    return found && (trn_str_is_none(version) || trn_str_eq(found->version, version));
}

static int not_here(const struct trn_act_request *q, const char *what, struct trn_err *err)
{
    char shown[120];
    int r = trn_fail(err, -ENOENT, "%s '%s'", what, trn_escape_into(shown, sizeof shown, q->text));
    trn_hint(err, q->target == TRN_TARGET_ENTITY ? "turncoat stories ID --json and turncoat hunt show the entities"
                                                 : "turncoat software lists names and versions");
    return r;
}

static void give(struct trn_act_request *q, const struct trn_resolved *found)
{
    q->processes = found->processes;
    q->n_processes = found->n_processes;
    q->files = found->files;
    q->n_files = found->n_files;
}

static int of_entity(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena,
                     struct trn_err *err)
{
    struct trn_resolved found = {0};
    uint8_t bytes[8];
    uint64_t entity = 0;
    if (trn_unhex(q->text, bytes, sizeof bytes) < 0)
        return trn_fail(err, -EINVAL, "an entity is 16 hex digits");
    for (size_t i = 0; i < sizeof bytes; i++)
        entity = entity << 8 | bytes[i];
    int r = trn_resolve_entity(trn_engine_processes(p->engine), entity, p->hello.mntns, arena, &found);
    if (r == -ENOENT)
        return not_here(q, "no process is known as", err);
    if (r == 0 && !found.n_processes)
        return not_here(q, "nothing of it runs any more:", err);
    if (r == 0 && found.cut)
        return trn_fail(err, -E2BIG, "it has more than %u processes", TRN_ACT_PROCESSES);
    if (r == 0)
        give(q, &found);
    return r;
}

struct code {
    struct trn_resolved *to;
    struct trn_arena *arena;
    bool programs_only;
};

static int add_code(void *ctx, struct trn_str path)
{
    struct code *c = ctx;
    if (c->programs_only && trn_str_contains(trn_path_base(path), TRN_STR(".so")))
        return 0;
    return trn_resolve_add_path(c->to, path, c->arena);
}

/* What never ran here, too: a software is blocked before its first start. */
static int add_package(const struct trn_pipeline *p, const struct trn_act_request *q, struct trn_str name,
                       struct trn_str version, struct trn_resolved *to, struct trn_arena *arena)
{
    struct code c = {to, arena, q->act != TRN_RESPOND_BLOCK};
    const struct trn_package_index *x = trn_enrich_packages(p->enrich);
    return x ? trn_package_index_code(x, name, version, add_code, &c) : 0;
}

static int of_software(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena,
                       struct trn_err *err)
{
    struct trn_resolved found = {0};
    struct trn_str name, version;
    split_name(q->text, &name, &version);
    int r = trn_resolve_software(trn_engine_processes(p->engine), name, version, p->hello.mntns, arena, &found);
    if (r == 0)
        r = add_package(p, q, name, version, &found, arena);
    if (r < 0)
        return r;
    if (found.cut)
        return trn_fail(err, -E2BIG, "it has more than %u processes or %u files", TRN_ACT_PROCESSES, TRN_RESOLVE_FILES);
    if (q->act == TRN_RESPOND_HOLD && !found.n_processes)
        return not_here(q, "nothing runs of", err);
    if (!found.n_processes && !found.n_files && !package_has(p, name, version))
        return not_here(q, "no such software is installed or was seen to run:", err);
    give(q, &found);
    return 0;
}

/* ---- files of a hash ---- */

struct hash_files {
    struct trn_act_file *files;
    uint32_t n;
};

static void add_file(struct hash_files *all, const struct trn_identity *id, const struct trn_file_key *key,
                     struct trn_str path)
{
    for (uint32_t i = 0; i < all->n; i++)
        if (trn_file_key_hash(&all->files[i].key) == trn_file_key_hash(key))
            return;
    if (all->n == HASH_FILES)
        return; /* the hash itself goes with the request: what runs later is asked about */
    struct trn_act_file *f = &all->files[all->n++];
    *f = (struct trn_act_file){.key = *key, .size = id->size, .path = path};
    memcpy(f->sha256, id->sha256, sizeof f->sha256);
}

static struct trn_str plain_path(const struct trn_image *image, bool ours)
{
    bool named = ours && image->path.n && image->path.p[0] == '/' && !(image->flags & TRN_EVF_MEMFD);
    return named ? image->path : TRN_STR_NONE;
}

static int of_hash(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena)
{
    const struct trn_process_table *t = trn_engine_processes(p->engine);
    struct hash_files all = {trn_arena_array(arena, HASH_FILES, sizeof(struct trn_act_file)), 0};
    const struct trn_entity *e;
    uint8_t hash[TRN_SHA256_SIZE];
    if (!all.files)
        return -ENOMEM;
    if (trn_unhex(q->text, hash, sizeof hash) < 0)
        return -EINVAL;
    for (size_t it = 0; trn_process_next(t, &it, &e);) {
        const struct trn_identity *id = e->image.identity, *script = e->image.script_identity;
        bool ours = e->mntns == 0 || e->mntns == p->hello.mntns;
        if (id && memcmp(id->sha256, hash, sizeof hash) == 0)
            add_file(&all, id, &e->image.file, plain_path(&e->image, ours));
        if (script && memcmp(script->sha256, hash, sizeof hash) == 0)
            add_file(&all, script, &e->image.script_file, TRN_STR_NONE);
    }
    q->files = all.files;
    q->n_files = all.n;
    return 0;
}

/* ---- whom the policy keeps reachable when the host is isolated ---- */

static int add_hosts(const struct trn_pipeline *p, const struct trn_policy_hosts *part, const char *key, uint16_t port,
                     struct trn_act_host *hosts, uint32_t *n, struct trn_err *err)
{
    const struct trn_policy *policy = trn_plan_policy_of(p->plan);
    for (uint32_t i = 0; i < part->n; i++) {
        const struct trn_policy_host *h = &policy->hosts[part->first + i];
        uint32_t from = *n;
        int r = trn_resolve_host(p->names, trn_str_of(h->text), hosts, TRN_ACT_HOSTS, n);
        if (r < 0) { /* not without the manager: a machine that nobody reaches was not meant */
            r = trn_fail(err, r, "the policy's %s '%s' %s", key, h->text,
                         r == -ENOENT ? "has no address that is known here" : "finds no room among 64 addresses");
            trn_hint(err, "write its address into the policy");
            return r;
        }
        for (uint32_t k = from; k < *n; k++)
            hosts[k].port = h->port ? h->port : port;
    }
    return 0;
}

static int host_exceptions(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena,
                           struct trn_err *err)
{
    const struct trn_policy *policy = p->plan ? trn_plan_policy_of(p->plan) : NULL;
    struct trn_act_host *hosts = trn_arena_array(arena, TRN_ACT_HOSTS, sizeof *hosts);
    uint32_t n = q->n_hosts;
    if (!policy)
        return 0;
    if (!hosts)
        return -ENOMEM;
    if (n)
        memcpy(hosts, q->hosts, n * sizeof *hosts);
    int r = add_hosts(p, &policy->manager, "manager", 0, hosts, &n, err);
    if (r == 0)
        r = add_hosts(p, &policy->dns, "dns", 53, hosts, &n, err);
    if (r == 0)
        r = add_hosts(p, &policy->administration, "administration", 22, hosts, &n, err);
    q->hosts = hosts;
    q->n_hosts = n;
    return r;
}

/* ---- the version to go back to ---- */

static int earlier(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena,
                   struct trn_err *err)
{
    struct trn_str name, version;
    split_name(q->text, &name, &version);
    if (!trn_str_is_empty(q->version))
        return 0;
    struct trn_str before = trn_engine_version_before(p->engine, name);
    char shown[120];
    trn_escape_into(shown, sizeof shown, name);
    if (trn_str_is_empty(before)) {
        int r = trn_fail(err, -ENODATA, "no earlier version of '%s' is known here", shown);
        trn_hint(err, "name it: --to VERSION; apt-cache madison %s shows which there are", shown);
        return r;
    }
    uint64_t story = trn_engine_story_against(p->engine, name, before);
    if (story) {
        int r = trn_fail(err, -EPERM, "the version before is suspicious itself: story %llu", (unsigned long long)story);
        trn_hint(err, "name another: --to VERSION");
        return r;
    }
    q->version = trn_arena_str(arena, before);
    return trn_str_is_none(q->version) ? -ENOMEM : 0;
}

static int resolve(const struct trn_pipeline *p, struct trn_act_request *q, struct trn_arena *arena,
                   struct trn_err *err)
{
    if (q->act >= TRN_RESPOND_KINDS)
        return 0;
    if (q->act == TRN_RESPOND_ISOLATE_HOST)
        return host_exceptions(p, q, arena, err);
    if (q->target == TRN_TARGET_ENTITY)
        return of_entity(p, q, arena, err);
    if (q->target == TRN_TARGET_SHA256)
        return of_hash(p, q, arena);
    if (q->target != TRN_TARGET_SOFTWARE)
        return 0;
    int r = q->act == TRN_RESPOND_ROLLBACK ? earlier(p, q, arena, err) : 0;
    bool package = q->act == TRN_RESPOND_ROLLBACK || q->act == TRN_RESPOND_REMOVE;
    return r < 0 || package ? r : of_software(p, q, arena, err);
}

/* ---- the messages ---- */

static void put_files(struct trn_buf *out, const struct trn_act_request *q)
{
    TRN_AUTO(trn_buf_done) struct trn_buf all;
    uint32_t messages = 0;
    trn_buf_init(&all, ARENA_MAX);
    for (uint32_t done = 0; done < q->n_files; messages++) {
        TRN_AUTO(trn_buf_done) struct trn_buf one;
        trn_buf_init(&one, TRN_IPC_MAX - 64);
        uint32_t n = trn_act_files_encode(q->job, q->files + done, q->n_files - done, &one);
        trn_put_lstr(&all, trn_buf_str(&one));
        out->bad = out->bad || one.bad || n == 0;
        done = out->bad ? q->n_files : done + n;
    }
    trn_put_u32(out, messages);
    trn_put_str(out, trn_buf_str(&all));
    out->bad = out->bad || all.bad;
}

static void put_refusal(struct trn_buf *out, int code, const struct trn_err *err)
{
    trn_put_u32(out, (uint32_t)code);
    trn_put_lstr(out, trn_str_of(err->message[0] ? err->message : trn_errno_name(code)));
    trn_put_lstr(out, trn_str_of(err->hint));
    trn_put_u32(out, 0);
}

void trn_pipe_respond(struct trn_pipeline *p, struct trn_str encoded, struct trn_buf *out)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(ARENA_MAX);
    TRN_AUTO(trn_buf_done) struct trn_buf act;
    struct trn_cursor in = trn_cur_of(encoded);
    struct trn_act_request q = {0};
    struct trn_err err = {0};
    trn_buf_init(&act, TRN_IPC_MAX - 64);
    int r = arena ? trn_act_decode(&in, arena, &q) : -ENOMEM;
    if (r == 0)
        r = resolve(p, &q, arena, &err);
    if (r == 0) {
        trn_act_encode(&q, &act);
        r = act.bad ? -EMSGSIZE : 0;
    }
    if (r < 0) {
        put_refusal(out, r, &err);
        return;
    }
    trn_put_u32(out, 0);
    trn_put_lstr(out, TRN_STR_NONE);
    trn_put_lstr(out, TRN_STR_NONE);
    put_files(out, &q);
    trn_put_lstr(out, trn_buf_str(&act));
}
