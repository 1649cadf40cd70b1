/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: noticing that a file which came from the network is executed, run as a script or mapped executable, also
 * when the news of its writing arrives a moment after its use (file events are stamped when they are read), and
 * waiting a moment for the file's identity. Code that no name leads to (a memory file, a deleted file, a descriptor)
 * counts when the software that runs it had talked to the network: who wrote it, nobody can be asked any more.
 * Must not: weigh it; that is second_stage_judge.c.
 */
#include "detect/behaviour/behaviour.h"

#define RECENT 1024
#define WAITING 64
#define LATE_NS (2 * TRN_NS_PER_SEC)
#define IDENTITY_NS (3 * TRN_NS_PER_SEC)
#define SEEN 8192
#define IDENTIFIED 4096
#define DELETED TRN_STR(" (deleted)") /* what the kernel appends to a path that is none any more */

struct waiting {
    struct trn_use use;
    struct trn_written *written; /* owned: the row may be gone when the identity comes */
};

struct trn_second_stage {
    struct trn_profiles *profiles;
    struct trn_use recent[RECENT]; /* ring: the latest uses of any file */
    uint32_t next;
    struct waiting waiting[WAITING]; /* in order of use */
    uint32_t n_waiting;
    struct trn_map *identified; /* inode hash -> ctime of its latest identity: nobody tells a script's own ctime */
    struct trn_seen *uses;      /* (entity, file) taken up already */
    struct trn_seen *fired;     /* (acting, file content) told already */
};

struct trn_second_stage *trn_second_stage_new(struct trn_profiles *p)
{
    struct trn_second_stage *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->profiles = p;
    s->identified = trn_map_new(IDENTIFIED);
    s->uses = trn_seen_new(SEEN);
    s->fired = trn_seen_new(SEEN);
    return s->identified && s->uses && s->fired ? s : trn_second_stage_free(s);
}

struct trn_second_stage *trn_second_stage_free(struct trn_second_stage *s)
{
    if (s) {
        for (uint32_t i = 0; i < s->n_waiting; i++)
            free(s->waiting[i].written);
        trn_map_free(s->identified);
        if (s->uses)
            trn_seen_free(s->uses);
        if (s->fired)
            trn_seen_free(s->fired);
        free(s);
    }
    return NULL;
}

static int fire(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, uint32_t i)
{
    struct waiting w = s->waiting[i];
    s->n_waiting--;
    memmove(&s->waiting[i], &s->waiting[i + 1], (s->n_waiting - i) * sizeof(s->waiting[0]));
    int r = trn_second_stage_judge(ctx, s->profiles, s->fired, &w.use, w.written);
    free(w.written);
    return r;
}

/* chmod after the writing changes ctime, and with it the key of the identity. */
static void take_key(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, struct waiting *w)
{
    uint64_t ctime;
    if (trn_process_identity(ctx->processes, &w->use.key))
        return;
    if (trn_file_key_is_none(&w->use.key))
        w->use.key = w->written->file;
    if (trn_map_get(s->identified, trn_file_inode_hash(&w->written->file), &ctime) &&
        ctime >= w->written->file.ctime_ns)
        w->use.key = (struct trn_file_key){w->written->file.dev, w->written->file.ino, ctime};
}

static int identified(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_file_key *key = &ev->identity.file;
    uint64_t inode = trn_file_inode_hash(key), oldest, value;
    size_t it = 0;
    if (trn_map_count(s->identified) >= IDENTIFIED && trn_map_next(s->identified, &it, &oldest, &value))
        trn_map_remove(s->identified, oldest, NULL);
    int r = trn_file_key_is_none(key) ? 0 : trn_map_put(s->identified, inode, key->ctime_ns);
    for (uint32_t i = 0; i < s->n_waiting; i++)
        if (trn_file_inode_hash(&s->waiting[i].written->file) == inode)
            take_key(s, ctx, &s->waiting[i]);
    return r;
}

static int take_up(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_use *use,
                   const struct trn_written *w)
{
    uint64_t key = trn_hash64_mix(trn_hash64_mix(use->entity, trn_file_inode_hash(&w->file)), w->wall_ns);
    if (trn_seen_count(s->uses, key))
        return 0;
    if (s->n_waiting == WAITING) {
        int r = fire(s, ctx, 0);
        if (r)
            return r;
    }
    struct waiting *slot = &s->waiting[s->n_waiting];
    slot->use = *use;
    slot->written = trn_written_copy(w);
    if (!slot->written)
        return -ENOMEM;
    take_key(s, ctx, slot);
    s->n_waiting++;
    return 0;
}

/* Settles what is known by now or has waited long enough. */
static int settle(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint32_t i = 0;
    while (i < s->n_waiting) {
        const struct trn_use *use = &s->waiting[i].use;
        bool known = trn_use_identity(ctx->processes, use, s->waiting[i].written) != NULL;
        bool late = ev->boot_ns > use->boot_ns + IDENTITY_NS || ev->boot_ns + IDENTITY_NS < use->boot_ns;
        if (!known && !late && ev->type != TRN_EV_STOP) {
            i++;
            continue;
        }
        int r = fire(s, ctx, i);
        if (r)
            return r;
    }
    return 0;
}

/* ---- code without a name ---- */

static struct trn_str without_mark(struct trn_str path)
{
    return trn_str_ends(path, DELETED) ? trn_str_slice(path, 0, path.n - DELETED.n) : path;
}

/* Its own program, started again: an update took the name of the file that it runs. */
static bool is_itself(const struct trn_entity *user, const struct trn_file_key *key)
{
    return key->ino && user->image.file.ino == key->ino && user->image.file.dev == key->dev;
}

static int unnamed(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                   const struct trn_use *use, const struct trn_entity *e, struct trn_str path)
{
    bool session = e->session_only;
    const struct trn_entity *user = use->how == TRN_USE_LOAD ? trn_process_acting(ctx->processes, e)
                                                             : trn_process_starter(ctx->processes, e, &session);
    if (!user && !session)
        return 0; /* the service manager's: nobody talked */
    const struct trn_entity *who = user ? user : e;
    const struct trn_contact *c = trn_contacts_of(contacts, ctx->processes, who);
    if (!c || (user && is_itself(user, &use->key)))
        return 0;
    TRN_AUTO(trn_buf_done) struct trn_buf remote;
    trn_buf_init(&remote, 128);
    trn_put_address(&remote, c->address, c->family, c->port);
    struct trn_written w = {.file = use->key,
                            .boot_ns = use->boot_ns,
                            .wall_ns = use->wall_ns,
                            .seq = c->seq,
                            .writer = who->id,
                            .acting = user ? user->id : 0,
                            .flags = TRN_WRITTEN_NET | TRN_WRITTEN_TALKED | (user ? 0 : TRN_WRITTEN_SESSION),
                            .path = without_mark(path),
                            .remote = trn_buf_str(&remote)};
    trn_process_software(who, &w.software);
    return take_up(s, ctx, use, &w);
}

static bool is_descriptor(struct trn_str path)
{
    return trn_str_starts(path, TRN_STR("/dev/fd/")) || trn_glob(TRN_STR("/proc/*/fd/*"), path, false);
}

static int used(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                const struct trn_use *use, struct trn_str path)
{
    s->recent[s->next++ % RECENT] = *use;
    const struct trn_written *w = trn_provenance_find(p, &use->key, path);
    return w && (w->flags & TRN_WRITTEN_NET) ? take_up(s, ctx, use, w) : 0;
}

static bool is_fetched(const struct trn_provenance *p, const struct trn_file_key *key, struct trn_str path)
{
    const struct trn_written *w = trn_provenance_find(p, key, path);
    return w && (w->flags & TRN_WRITTEN_NET);
}

static int executed(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                    const struct trn_contacts *contacts, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    if (!e)
        return 0;
    struct trn_use use = {.how = TRN_USE_EXEC,
                          .seq = ev->seq,
                          .boot_ns = ev->boot_ns,
                          .wall_ns = ev->wall_ns,
                          .entity = e->id,
                          .key = ev->exec.file,
                          .path_hash = trn_hash64_str(ev->exec.path)};
    bool existing = (ev->flags & TRN_EVF_EXISTING) != 0;
    struct trn_str path = without_mark(ev->exec.path);
    int r = used(s, ctx, p, &use, path);
    if (r)
        return r;
    if ((ev->flags & (TRN_EVF_MEMFD | TRN_EVF_DELETED)) && !existing && !is_fetched(p, &use.key, path)) {
        use.unnamed = ev->flags & TRN_EVF_MEMFD ? TRN_UNNAMED_MEMORY : TRN_UNNAMED_DELETED;
        return unnamed(s, ctx, contacts, &use, e, ev->exec.path);
    }
    if (trn_str_is_empty(e->image.script))
        return 0;
    use.key = e->image.script_file;
    use.how = TRN_USE_SCRIPT;
    use.path_hash = trn_hash64_str(e->image.script);
    if (is_descriptor(e->image.script) && !existing) {
        use.unnamed = TRN_UNNAMED_DESCRIPTOR;
        return unnamed(s, ctx, contacts, &use, e, e->image.script);
    }
    return used(s, ctx, p, &use, e->image.script);
}

static int loaded(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                  const struct trn_contacts *contacts, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    if (!e)
        return 0;
    struct trn_use use = {.how = TRN_USE_LOAD,
                          .seq = ev->seq,
                          .boot_ns = ev->boot_ns,
                          .wall_ns = ev->wall_ns,
                          .entity = e->id,
                          .key = ev->map.file,
                          .path_hash = trn_hash64_str(ev->map.path)};
    /* The kernel maps the image itself at exec: that use has been told. */
    if (trn_str_eq(ev->map.path, e->image.path))
        return 0;
    if (!trn_str_ends(ev->map.path, DELETED))
        return used(s, ctx, p, &use, ev->map.path);
    struct trn_str path = without_mark(ev->map.path);
    int r = used(s, ctx, p, &use, path);
    if (r || (ev->flags & TRN_EVF_EXISTING) || is_itself(e, &use.key) || is_fetched(p, &use.key, path))
        return r;
    use.unnamed = TRN_UNNAMED_DELETED;
    return unnamed(s, ctx, contacts, &use, e, ev->map.path);
}

/* The writing of a file that was used a moment ago, as far as events tell. */
static int written_after_use(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_written *w)
{
    uint64_t path = trn_hash64_str(w->path);
    uint32_t n = TRN_MIN(s->next, RECENT);
    for (uint32_t i = s->next - n; i != s->next; i++) {
        const struct trn_use *use = &s->recent[i % RECENT];
        bool same = trn_file_key_is_none(&use->key)
                        ? use->path_hash == path
                        : use->key.ino == w->file.ino && (use->key.dev == w->file.dev || use->path_hash == path);
        if (!same || use->boot_ns + LATE_NS < w->boot_ns)
            continue;
        int r = take_up(s, ctx, use, w);
        if (r)
            return r;
    }
    return 0;
}

int trn_second_stage_push(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                          const struct trn_contacts *contacts, const struct trn_event *ev,
                          const struct trn_written *changed)
{
    int r = 0;
    if (ev->type == TRN_EV_EXEC)
        r = executed(s, ctx, p, contacts, ev);
    else if (ev->type == TRN_EV_LIB_LOAD)
        r = loaded(s, ctx, p, contacts, ev);
    else if (ev->type == TRN_EV_IDENTITY)
        r = identified(s, ctx, ev);
    else if (changed && (changed->flags & TRN_WRITTEN_NET))
        r = written_after_use(s, ctx, changed);
    if (!r && s->n_waiting && ev->type != TRN_EV_STATE)
        r = settle(s, ctx, ev);
    return r;
}

size_t trn_second_stage_bytes(const struct trn_second_stage *s)
{
    return sizeof(*s) + trn_map_bytes(s->identified) + trn_seen_bytes(s->uses) + trn_seen_bytes(s->fired);
}
