/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: who wrote which file, by device and inode: two queues, rows that touched the network and the rest; the rest
 * goes first when the table is full, then the oldest. chmod and rename change ctime, never the writer.
 * Must not: judge. Rows of the first queue outlive restart and reboot as STATE rows of kind "provenance".
 */
#include "detect/behaviour/behaviour.h"

struct trn_provenance {
    struct trn_map *net, *plain; /* inode hash -> struct trn_written *, oldest first */
    struct trn_map *paths;       /* path hash -> inode hash: perf names a mapping by path only */
    uint32_t max;
    size_t bytes; /* of rows */
};

struct trn_provenance *trn_provenance_new(uint32_t max)
{
    struct trn_provenance *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->max = max;
    p->net = trn_map_new(max);
    p->plain = trn_map_new(max);
    p->paths = trn_map_new((size_t)max + 1);
    return p->net && p->plain && p->paths ? p : trn_provenance_free(p);
}

static void free_rows(struct trn_map *m)
{
    size_t it = 0;
    uint64_t key, row;
    while (m && trn_map_next(m, &it, &key, &row))
        free((void *)(uintptr_t)row);
    trn_map_free(m);
}

struct trn_provenance *trn_provenance_free(struct trn_provenance *p)
{
    if (p) {
        free_rows(p->net);
        free_rows(p->plain);
        trn_map_free(p->paths);
        free(p);
    }
    return NULL;
}

static size_t row_bytes(const struct trn_written *w)
{
    return sizeof(*w) + w->path.n + w->remote.n + w->software.name.n + w->software.version.n;
}

static struct trn_written *row_at(const struct trn_provenance *p, uint64_t key)
{
    struct trn_written *w = trn_map_get_ptr(p->net, key);
    return w ? w : trn_map_get_ptr(p->plain, key);
}

static int remember(const struct trn_detect_ctx *ctx, const struct trn_event *because, uint64_t key,
                    const struct trn_written *w)
{
    struct trn_buf b;
    struct trn_event ev;
    if (!ctx->state.event)
        return 0;
    trn_buf_init(&b, 8192);
    if (w)
        trn_written_encode(w, &b);
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("provenance");
    ev.state.key = key;
    ev.state.value = trn_buf_str(&b);
    int r = b.bad ? -ENOMEM : trn_sink_event(&ctx->state, &ev);
    trn_buf_done(&b);
    return r;
}

/* Takes a row out; true when it was one of those that are remembered. */
static bool take_out(struct trn_provenance *p, uint64_t key)
{
    uint64_t value, at;
    bool net = trn_map_remove(p->net, key, &value);
    if (!net && !trn_map_remove(p->plain, key, &value))
        return false;
    struct trn_written *w = (struct trn_written *)(uintptr_t)value;
    uint64_t path = trn_hash64_str(w->path);
    if (trn_map_get(p->paths, path, &at) && at == key)
        trn_map_remove(p->paths, path, NULL);
    p->bytes -= row_bytes(w);
    free(w);
    return net;
}

static int make_room(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_event *because)
{
    if (trn_map_count(p->net) + trn_map_count(p->plain) < p->max)
        return 0;
    size_t it = 0;
    uint64_t key, value;
    if (!trn_map_next(p->plain, &it, &key, &value)) {
        it = 0;
        if (!trn_map_next(p->net, &it, &key, &value))
            return 0;
    }
    return take_out(p, key) ? remember(ctx, because, key, NULL) : 0;
}

/* Puts a row in the place of an earlier one. */
static int put_in(struct trn_provenance *p, uint64_t key, const struct trn_written *w)
{
    struct trn_written *row = trn_written_copy(w);
    if (!row)
        return -ENOMEM;
    int r = trn_map_put_ptr(row->flags & TRN_WRITTEN_NET ? p->net : p->plain, key, row);
    if (r) {
        free(row);
        return r;
    }
    p->bytes += row_bytes(row);
    return trn_str_is_empty(row->path) ? 0 : trn_map_put(p->paths, trn_hash64_str(row->path), key);
}

/* What the file that e runs owes to the network: a program fetched by another is itself from there. */
static const struct trn_written *came_from(const struct trn_provenance *p, const struct trn_entity *e)
{
    const struct trn_written *w = NULL;
    if (!e)
        return NULL;
    if (!trn_str_is_empty(e->image.script))
        w = trn_provenance_find(p, &e->image.script_file, e->image.script);
    if (!w || !(w->flags & TRN_WRITTEN_NET))
        w = trn_provenance_find(p, &e->image.file, e->image.path);
    return w && (w->flags & TRN_WRITTEN_NET) ? w : NULL;
}

static void describe_writer(const struct trn_provenance *p, const struct trn_detect_ctx *ctx,
                            const struct trn_contacts *contacts, const struct trn_entity *e, struct trn_written *w,
                            struct trn_buf *remote)
{
    const struct trn_entity *acting = trn_process_acting(ctx->processes, e);
    const struct trn_contact *c = trn_contacts_of(contacts, ctx->processes, e);
    const struct trn_written *own = came_from(p, e);
    w->writer = e->id;
    w->acting = acting ? acting->id : 0;
    w->flags = acting ? 0 : TRN_WRITTEN_SESSION;
    trn_process_software(acting ? acting : e, &w->software);
    if (!own)
        own = came_from(p, acting);
    if (c) {
        w->flags |= TRN_WRITTEN_NET | TRN_WRITTEN_TALKED;
        trn_put_address(remote, c->address, c->family, c->port);
        w->remote = trn_buf_str(remote);
    } else if (own) {
        w->flags |= TRN_WRITTEN_NET;
        w->remote = own->remote;
    }
}

static int written(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                   const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    uint64_t key = trn_file_inode_hash(&ev->file.file);
    struct trn_written w = {
        .file = ev->file.file, .boot_ns = ev->boot_ns, .wall_ns = ev->wall_ns, .seq = ev->seq, .path = ev->file.path};
    if (!e)
        return 0;
    /* A second name (a hard link) is told as created, too, and does not change who wrote it. */
    if (ev->action == TRN_ACT_CREATED && trn_map_get_ptr(p->net, key))
        return 0;
    TRN_AUTO(trn_buf_done) struct trn_buf remote;
    trn_buf_init(&remote, 128);
    describe_writer(p, ctx, contacts, e, &w, &remote);
    /* Copied before the earlier row goes: w.remote may borrow from it. */
    struct trn_written *fresh = trn_written_copy(&w);
    if (!fresh)
        return -ENOMEM;
    bool was_net = take_out(p, key);
    int r = make_room(p, ctx, ev);
    if (!r)
        r = put_in(p, key, fresh);
    if (!r && (fresh->flags & TRN_WRITTEN_NET) && ev->action == TRN_ACT_WRITTEN)
        r = remember(ctx, ev, key, fresh);
    else if (!r && was_net && !(fresh->flags & TRN_WRITTEN_NET))
        r = remember(ctx, ev, key, NULL);
    free(fresh);
    return r;
}

static int renamed(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint64_t key = trn_file_inode_hash(&ev->file.file), over;
    if (trn_map_get(p->paths, trn_hash64_str(ev->file.path), &over) && over != key && take_out(p, over)) {
        int r = remember(ctx, ev, over, NULL); /* the file that stood at the new name is gone */
        if (r)
            return r;
    }
    const struct trn_written *old = row_at(p, key);
    if (!old)
        return 0;
    struct trn_written moved = *old;
    moved.path = ev->file.path;
    struct trn_written *fresh = trn_written_copy(&moved);
    if (!fresh)
        return -ENOMEM;
    take_out(p, key);
    int r = put_in(p, key, fresh);
    if (!r && (fresh->flags & TRN_WRITTEN_NET))
        r = remember(ctx, ev, key, fresh);
    free(fresh);
    return r;
}

/* A deleted file cannot be looked at any more, so its path alone may be known. Only the name by which it was
 * written counts: another name of the same file keeps the row alive. */
static int deleted(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    uint64_t key;
    if (!trn_map_get(p->paths, trn_hash64_str(ev->file.path), &key))
        return 0;
    const struct trn_written *w = row_at(p, key);
    if (!w || !trn_str_eq(w->path, ev->file.path))
        return 0;
    return take_out(p, key) ? remember(ctx, ev, key, NULL) : 0;
}

static int restore(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    struct trn_written w;
    if (trn_str_is_empty(ev->state.value) || trn_written_decode(ev->state.value, &w))
        return 0; /* a damaged row is a forgotten one */
    uint64_t key = trn_file_inode_hash(&w.file);
    const struct trn_written *old = row_at(p, key);
    if (key != ev->state.key || (old && old->wall_ns >= w.wall_ns))
        return 0;
    take_out(p, key);
    int r = make_room(p, ctx, ev);
    return r ? r : put_in(p, key, &w);
}

int trn_provenance_push(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                        const struct trn_event *ev, const struct trn_written **ret_changed)
{
    int r = 0;
    if (ret_changed)
        *ret_changed = NULL;
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "provenance") ? restore(p, ctx, ev) : 0;
    if (ev->type != TRN_EV_FILE)
        return 0;
    if (ev->action == TRN_ACT_DELETED)
        return deleted(p, ctx, ev);
    if (trn_file_key_is_none(&ev->file.file))
        return 0;
    if (ev->action == TRN_ACT_CREATED || ev->action == TRN_ACT_WRITTEN)
        r = written(p, ctx, contacts, ev);
    else if (ev->action == TRN_ACT_RENAMED)
        r = renamed(p, ctx, ev);
    if (!r && ret_changed)
        *ret_changed = row_at(p, trn_file_inode_hash(&ev->file.file));
    return r;
}

const struct trn_written *trn_provenance_find(const struct trn_provenance *p, const struct trn_file_key *key,
                                              struct trn_str path)
{
    uint64_t at;
    const struct trn_written *w = NULL;
    if (key && !trn_file_key_is_none(key)) {
        w = row_at(p, trn_file_inode_hash(key));
        /* Older than what was written there: the inode's earlier life. */
        if (w && key->ctime_ns && key->ctime_ns < w->file.ctime_ns)
            w = NULL;
        if (w)
            return w;
    }
    if (trn_str_is_empty(path) || !trn_map_get(p->paths, trn_hash64_str(path), &at))
        return NULL;
    w = row_at(p, at);
    if (!w || !trn_str_eq(w->path, path))
        return NULL;
    /* Same name and number on a device that two sources number differently is the same file. */
    return !key || trn_file_key_is_none(key) || key->ino == w->file.ino ? w : NULL;
}

size_t trn_provenance_count(const struct trn_provenance *p)
{
    return trn_map_count(p->net) + trn_map_count(p->plain);
}

size_t trn_provenance_bytes(const struct trn_provenance *p)
{
    return sizeof(*p) + p->bytes + trn_map_bytes(p->net) + trn_map_bytes(p->plain) + trn_map_bytes(p->paths);
}
