/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one row per software tree that talked to the network: since when, and with whom last. Loopback counts: a
 * local relay is a way out. Questions to a name server do not: they fetch no program.
 * Must not: judge. Rows outlive a restart as STATE rows of kind "contact".
 */
#include "detect/behaviour/behaviour.h"

#include <netinet/in.h>

#define DNS_PORT 53
#define CONTACT_VERSION 1

struct trn_contacts {
    struct trn_map *rows; /* root -> struct trn_contact *, oldest first */
    uint32_t max;
};

struct trn_contacts *trn_contacts_new(uint32_t max)
{
    struct trn_contacts *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->max = max;
    c->rows = trn_map_new(max);
    return c->rows ? c : trn_contacts_free(c);
}

struct trn_contacts *trn_contacts_free(struct trn_contacts *c)
{
    if (c) {
        size_t it = 0;
        uint64_t key, row;
        while (c->rows && trn_map_next(c->rows, &it, &key, &row))
            free((void *)(uintptr_t)row);
        trn_map_free(c->rows);
        free(c);
    }
    return NULL;
}

static int remember(const struct trn_detect_ctx *ctx, const struct trn_event *because, uint64_t root,
                    struct trn_str value)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("contact");
    ev.state.key = root;
    ev.state.value = value;
    return trn_sink_event(&ctx->state, &ev);
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_event *because, const struct trn_contact *row)
{
    char bytes[64];
    struct trn_buf b;
    trn_buf_init(&b, sizeof(bytes));
    trn_put_u8(&b, CONTACT_VERSION);
    trn_put_u64(&b, row->first_boot_ns);
    trn_put_u64(&b, row->first_wall_ns);
    trn_put_u8(&b, row->family);
    trn_put(&b, row->address, sizeof(row->address));
    trn_put_u32(&b, row->port);
    int r = b.bad ? -ENOMEM : remember(ctx, because, row->root, trn_buf_str(&b));
    trn_buf_done(&b);
    return r;
}

static struct trn_contact *row_for(struct trn_contacts *c, uint64_t root, bool *ret_new)
{
    struct trn_contact *row = trn_map_get_ptr(c->rows, root);
    *ret_new = !row;
    if (row)
        return row;
    if (trn_map_count(c->rows) >= c->max) {
        size_t it = 0;
        uint64_t key, oldest;
        if (trn_map_next(c->rows, &it, &key, &oldest)) {
            trn_map_remove(c->rows, key, NULL);
            free((void *)(uintptr_t)oldest);
        }
    }
    row = calloc(1, sizeof(*row));
    if (!row)
        return NULL;
    row->root = root;
    row->port = TRN_NO_U32;
    if (trn_map_put_ptr(c->rows, root, row)) {
        free(row);
        return NULL;
    }
    return row;
}

static bool is_contact(const struct trn_event *ev)
{
    if (ev->type == TRN_EV_CONNECT && ev->action == TRN_ACT_FAILED)
        return false;
    /* UDP to port 0 is how libc sorts addresses; nothing is sent. */
    return ev->net.dst_port != DNS_PORT && ev->net.src_port != DNS_PORT &&
           !(ev->net.proto == IPPROTO_UDP && ev->net.dst_port == 0);
}

static int talked(struct trn_contacts *c, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    bool fresh;
    if (!e || !is_contact(ev))
        return 0;
    const struct trn_entity *root = trn_root_of(ctx->processes, e);
    struct trn_contact *row = row_for(c, root->id, &fresh);
    if (!row)
        return -ENOMEM;
    bool accepted = ev->type == TRN_EV_ACCEPT;
    row->seq = ev->seq;
    row->family = ev->net.family;
    row->port = accepted ? ev->net.src_port : ev->net.dst_port;
    for (size_t i = 0; i < sizeof(row->address); i++)
        row->address[i] = accepted ? ev->net.src[i] : ev->net.dst[i];
    if (!fresh)
        return 0;
    row->first_boot_ns = ev->boot_ns;
    row->first_wall_ns = ev->wall_ns;
    /* The tools of a session live for seconds; only what acts is worth remembering over a restart. */
    return trn_process_acting(ctx->processes, root) ? tell(ctx, ev, row) : 0;
}

static int restore(struct trn_contacts *c, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    struct trn_contact got = {.root = ev->state.key};
    bool fresh;
    if (trn_str_is_empty(ev->state.value) || trn_cur_u8(&in) != CONTACT_VERSION)
        return 0;
    got.first_boot_ns = trn_cur_u64le(&in);
    got.first_wall_ns = trn_cur_u64le(&in);
    got.family = trn_cur_u8(&in);
    trn_cur_copy(&in, got.address, sizeof(got.address));
    got.port = trn_cur_u32le(&in);
    if (!trn_cur_end(&in))
        return 0; /* a damaged row is a forgotten one */
    struct trn_contact *row = row_for(c, got.root, &fresh);
    if (!row)
        return -ENOMEM;
    if (fresh)
        *row = got;
    return 0;
}

int trn_contacts_push(struct trn_contacts *c, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    switch (ev->type) {
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
        return talked(c, ctx, ev);
    case TRN_EV_EXIT: /* its files say who wrote them; the row itself is only good for a living process */
        return trn_map_get_ptr(c->rows, ev->entity) ? remember(ctx, ev, ev->entity, TRN_STR("")) : 0;
    case TRN_EV_STATE:
        return trn_str_eq_c(ev->state.kind, "contact") ? restore(c, ev) : 0;
    default:
        return 0;
    }
}

const struct trn_contact *trn_contacts_of(const struct trn_contacts *c, const struct trn_process_table *t,
                                          const struct trn_entity *e)
{
    const struct trn_contact *row = trn_map_get_ptr(c->rows, trn_root_of(t, e)->id);
    return row ? row : trn_map_get_ptr(c->rows, e->id);
}

size_t trn_contacts_bytes(const struct trn_contacts *c)
{
    return sizeof(*c) + trn_map_bytes(c->rows) + trn_map_count(c->rows) * sizeof(struct trn_contact);
}
