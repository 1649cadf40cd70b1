/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the way of a sensitive open to the detectors: who owns the data is no matter; who else reads waits until it is
 * known whose program it is (some seconds at most, WAITING at most), then the profile is asked once for all of them.
 * Must not: know where private data lies; the sensor's table says so in the event.
 */
#include "detect/behaviour/reads.h"

#define WAITING 64
#define IDENTITY_NS (5 * TRN_NS_PER_SEC)
#define PATH_LENGTH 512
#define WORD_LENGTH 47
#define SCORE_NOTE 20
#define UPDATE_NS (35ull * 24 * 3600 * TRN_NS_PER_SEC)

struct waiting {
    uint64_t seq, boot_ns, wall_ns, entity;
    uint16_t n_path;
    uint8_t n_klass, n_owner;
    char path[PATH_LENGTH], klass[WORD_LENGTH], owner[WORD_LENGTH];
};

struct trn_reads {
    struct waiting waiting[WAITING], current;
    size_t n_waiting;
};

struct trn_reads *trn_reads_new(void)
{
    return calloc(1, sizeof(struct trn_reads));
}

struct trn_reads *trn_reads_free(struct trn_reads *r)
{
    free(r);
    return NULL;
}

/* ---- whose data is it ---- */

/* The hint is what names of the owner begin with; a '*' at its end means the same. */
static bool named_like(struct trn_str name, struct trn_str hint)
{
    if (hint.n && hint.p[hint.n - 1] == '*')
        hint.n--;
    return hint.n && trn_str_starts(name, hint);
}

/* Is e the owner? By its package; by its file's name only outside packages (a browser unpacked by hand), and not
 * when other software put that file there: then the name is a mask. */
static bool is_owner(const struct trn_provenance *p, const struct trn_entity *e, struct trn_str hint)
{
    struct trn_software s;
    trn_process_software(e, &s);
    if (s.origin != TRN_ORIGIN_MANUAL && s.origin != TRN_ORIGIN_UNKNOWN)
        return named_like(s.name, hint);
    if (!named_like(s.name, hint) && !named_like(trn_path_base(e->image.path), hint))
        return false;
    const struct trn_written *w = trn_provenance_find(p, &e->image.file, e->image.path);
    return !w || !(w->flags & TRN_WRITTEN_NET) || (w->flags & TRN_WRITTEN_SESSION) ||
           named_like(w->software.name, hint) || trn_is_installer(&w->software);
}

static bool is_owners(const struct trn_detect_ctx *ctx, const struct trn_provenance *p, const struct trn_entity *e,
                      struct trn_str hint)
{
    const struct trn_entity *acting = trn_process_acting(ctx->processes, e);
    return is_owner(p, e, hint) || (acting && acting->id != e->id && is_owner(p, acting, hint));
}

/* ---- waiting ---- */

static uint8_t keep(char *to, struct trn_str s)
{
    size_t n = TRN_MIN(s.n, (size_t)WORD_LENGTH);
    for (size_t i = 0; i < n; i++)
        to[i] = s.p[i];
    return (uint8_t)n;
}

int trn_reads_push(struct trn_reads *r, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    if (ev->type != TRN_EV_OPEN || trn_str_is_empty(ev->file.sensitive))
        return 0;
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    if (!e || r->n_waiting == WAITING) /* full cannot be: the caller takes them out until there is room */
        return 0;
    struct waiting *w = &r->waiting[r->n_waiting++];
    w->seq = ev->seq;
    w->boot_ns = ev->boot_ns;
    w->wall_ns = ev->wall_ns;
    w->entity = e->id;
    w->n_klass = keep(w->klass, ev->file.sensitive);
    w->n_owner = keep(w->owner, ev->file.owner_hint);
    w->n_path = (uint16_t)TRN_MIN(ev->file.path.n, (size_t)PATH_LENGTH);
    for (size_t i = 0; i < w->n_path; i++)
        w->path[i] = ev->file.path.p[i];
    return 0;
}

static bool is_ready(const struct trn_reads *r, const struct trn_detect_ctx *ctx, const struct waiting *w,
                     const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_get(ctx->processes, w->entity);
    bool late = ev->boot_ns > w->boot_ns + IDENTITY_NS || ev->boot_ns + IDENTITY_NS < w->boot_ns;
    return !e || late || r->n_waiting == WAITING || ev->type == TRN_EV_STOP ||
           (trn_image_is_known(e) && trn_image_is_known(trn_root_of(ctx->processes, e)));
}

static bool take(struct trn_reads *r, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    for (size_t i = 0; i < r->n_waiting; i++) {
        if (!is_ready(r, ctx, &r->waiting[i], ev))
            continue;
        r->current = r->waiting[i];
        r->n_waiting--;
        memmove(&r->waiting[i], &r->waiting[i + 1], (r->n_waiting - i) * sizeof(r->waiting[0]));
        return true;
    }
    return false;
}

static int ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, struct trn_read *read)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_OPEN);
    ev.seq = read->seq;
    ev.boot_ns = read->boot_ns;
    ev.wall_ns = read->wall_ns;
    int r = trn_profiles_ask(p, ctx, read->entity, &ev, TRN_FEATURE_SENSITIVE, read->klass, &read->novelty);
    read->has_novelty = r == 0;
    return r == -ENODATA ? 0 : r;
}

bool trn_reads_next(struct trn_reads *r, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                    const struct trn_provenance *written, const struct trn_event *ev, struct trn_read *ret, int *ret_r)
{
    const struct waiting *w = &r->current;
    while (r->n_waiting && take(r, ctx, ev)) {
        const struct trn_entity *e = trn_process_get(ctx->processes, w->entity);
        struct trn_str owner = w->n_owner ? (struct trn_str){w->owner, w->n_owner} : TRN_STR_NONE;
        if (!e || is_owners(ctx, written, e, owner))
            continue;
        *ret = (struct trn_read){.seq = w->seq,
                                 .boot_ns = w->boot_ns,
                                 .wall_ns = w->wall_ns,
                                 .entity = e,
                                 .root = trn_root_of(ctx->processes, e),
                                 .path = {w->path, w->n_path},
                                 .klass = {w->klass, w->n_klass},
                                 .owner = owner};
        const struct trn_entity *acting = trn_process_acting(ctx->processes, e);
        trn_process_software(acting ? acting : e, &ret->software);
        ret->session = acting == NULL;
        *ret_r = ask(p, ctx, ret);
        return true;
    }
    return false;
}

/* A grown-up software reads what no version before did, soon after an update: then it is the update that wants it. */
static bool came_with_update(const struct trn_read *r)
{
    const struct trn_novelty *n = &r->novelty;
    return r->has_novelty && trn_novelty_mature(n) && n->versions > 1 && !n->before_version && n->version_wall_ns &&
           n->version_wall_ns + UPDATE_NS > r->wall_ns;
}

uint16_t trn_read_weight(const struct trn_read *r, uint16_t full, struct trn_str *ret_why)
{
    *ret_why = TRN_STR_NONE;
    if (r->session) {
        *ret_why = TRN_STR("started by hand");
        return TRN_MIN(full, (uint16_t)SCORE_NOTE);
    }
    if (r->has_novelty && trn_novelty_mature(&r->novelty) && r->novelty.state == TRN_FEATURE_ORDINARY)
        return 0;
    if (trn_is_browser(&r->software)) { /* importing from another browser, asked for by its user as a rule */
        *ret_why = TRN_STR("a browser");
        return TRN_MIN(full, (uint16_t)SCORE_NOTE);
    }
    if (trn_is_data_reader(&r->software) && !came_with_update(r)) {
        *ret_why = TRN_STR("a backup, search, sync or password tool reads what it is told to");
        return TRN_MIN(full, (uint16_t)SCORE_NOTE);
    }
    return full;
}

size_t trn_reads_bytes(const struct trn_reads *r)
{
    return sizeof(*r);
}
