/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: noticing that a file which came from the network is executed, run as a script or mapped executable, also
 * when the news of its writing arrives a moment after its use (file events are stamped when they are read), and
 * waiting a moment for the file's identity. Must not: weigh it; that is second_stage_judge.c.
 */
#include "detect/behaviour/behaviour.h"

#define RECENT 1024
#define WAITING 64
#define LATE_NS (2 * TRN_NS_PER_SEC)
#define IDENTITY_NS (3 * TRN_NS_PER_SEC)
#define SEEN 8192

struct waiting {
    struct trn_use use;
    struct trn_written *written; /* owned: the row may be gone when the identity comes */
};

struct trn_second_stage {
    struct trn_use recent[RECENT]; /* ring: the latest uses of any file */
    uint32_t next;
    struct waiting waiting[WAITING]; /* in order of use */
    uint32_t n_waiting;
    struct trn_seen *uses;  /* (entity, file) taken up already */
    struct trn_seen *fired; /* (acting, file content) told already */
};

struct trn_second_stage *trn_second_stage_new(void)
{
    struct trn_second_stage *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->uses = trn_seen_new(SEEN);
    s->fired = trn_seen_new(SEEN);
    return s->uses && s->fired ? s : trn_second_stage_free(s);
}

struct trn_second_stage *trn_second_stage_free(struct trn_second_stage *s)
{
    if (s) {
        for (uint32_t i = 0; i < s->n_waiting; i++)
            free(s->waiting[i].written);
        s->uses = trn_seen_free(s->uses);
        s->fired = trn_seen_free(s->fired);
        free(s);
    }
    return NULL;
}

static int fire_first(struct trn_second_stage *s, const struct trn_detect_ctx *ctx)
{
    struct waiting w = s->waiting[0];
    s->n_waiting--;
    memmove(&s->waiting[0], &s->waiting[1], s->n_waiting * sizeof(s->waiting[0]));
    int r = trn_second_stage_judge(ctx, s->fired, &w.use, w.written);
    free(w.written);
    return r;
}

static int take_up(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_use *use,
                   const struct trn_written *w)
{
    uint64_t key = trn_hash64_mix(trn_hash64_mix(use->entity, trn_file_inode_hash(&w->file)), w->wall_ns);
    if (trn_seen_count(s->uses, key))
        return 0;
    if (s->n_waiting == WAITING) {
        int r = fire_first(s, ctx);
        if (r)
            return r;
    }
    struct waiting *slot = &s->waiting[s->n_waiting];
    slot->use = *use;
    if (trn_file_key_is_none(&slot->use.key))
        slot->use.key = w->file;
    slot->written = trn_written_copy(w);
    if (!slot->written)
        return -ENOMEM;
    s->n_waiting++;
    return 0;
}

/* Settles, in order of use, what is known by now or has waited long enough. */
static int settle(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    while (s->n_waiting) {
        const struct trn_use *use = &s->waiting[0].use;
        const struct trn_identity *id = trn_use_identity(ctx->processes, use, s->waiting[0].written);
        bool late = ev->boot_ns > use->boot_ns + IDENTITY_NS || ev->boot_ns + IDENTITY_NS < use->boot_ns;
        if (!id && !late && ev->type != TRN_EV_STOP)
            return 0;
        int r = fire_first(s, ctx);
        if (r)
            return r;
    }
    return 0;
}

static int used(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                const struct trn_use *use, struct trn_str path)
{
    s->recent[s->next++ % RECENT] = *use;
    const struct trn_written *w = trn_provenance_find(p, &use->key, path);
    return w && (w->flags & TRN_WRITTEN_NET) ? take_up(s, ctx, use, w) : 0;
}

static int executed(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                    const struct trn_event *ev)
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
    int r = used(s, ctx, p, &use, ev->exec.path);
    if (r)
        return r;
    if (trn_str_is_empty(e->image.script))
        return 0;
    use.key = e->image.script_file;
    use.how = TRN_USE_SCRIPT;
    use.path_hash = trn_hash64_str(e->image.script);
    return used(s, ctx, p, &use, e->image.script);
}

static int loaded(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                  const struct trn_event *ev)
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
    return used(s, ctx, p, &use, ev->map.path);
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
                          const struct trn_event *ev, const struct trn_written *changed)
{
    int r = 0;
    if (ev->type == TRN_EV_EXEC)
        r = executed(s, ctx, p, ev);
    else if (ev->type == TRN_EV_LIB_LOAD)
        r = loaded(s, ctx, p, ev);
    else if (changed && (changed->flags & TRN_WRITTEN_NET))
        r = written_after_use(s, ctx, changed);
    if (!r && s->n_waiting && ev->type != TRN_EV_STATE)
        r = settle(s, ctx, ev);
    return r;
}

size_t trn_second_stage_bytes(const struct trn_second_stage *s)
{
    return sizeof(*s) + trn_seen_bytes(s->uses) + trn_seen_bytes(s->fired);
}
