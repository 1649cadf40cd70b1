/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: per acting process and remote address how often and how much it talked, from before any story is open, so
 * that a story knows where its beginning came from; and which name an address was answered for.
 * Must not: count twice: each row remembers what it has given to a story.
 */
#include "story/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define ROWS 4096
#define NAMES 2048
#define DNS_PORT 53

struct totals {
    uint64_t out, in;
    uint32_t count;
};

struct row {
    uint64_t actor;
    uint8_t address[16], family;
    uint32_t port;
    struct totals now, given;
};

struct name {
    uint32_t n;
    char p[];
};

struct trn_hosts {
    struct trn_map *rows;  /* hash(actor, address, port) -> struct row * */
    struct trn_map *names; /* hash(address text) -> struct name * */
};

struct trn_hosts *trn_hosts_new(void)
{
    struct trn_hosts *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->rows = trn_map_new(ROWS);
    h->names = trn_map_new(NAMES);
    return h->rows && h->names ? h : trn_hosts_free(h);
}

static void free_values(struct trn_map *m)
{
    size_t it = 0;
    uint64_t key, value;
    while (m && trn_map_next(m, &it, &key, &value))
        free((void *)(uintptr_t)value);
    trn_map_free(m);
}

struct trn_hosts *trn_hosts_free(struct trn_hosts *h)
{
    if (h) {
        free_values(h->rows);
        free_values(h->names);
        free(h);
    }
    return NULL;
}

/* Takes the oldest out when the map is full. */
static void make_room(struct trn_map *m, size_t max)
{
    size_t it = 0;
    uint64_t key, value;
    if (trn_map_count(m) < max || !trn_map_next(m, &it, &key, &value))
        return;
    trn_map_remove(m, key, NULL);
    free((void *)(uintptr_t)value);
}

static void put_address(struct trn_buf *b, const uint8_t *address, uint8_t family)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
        trn_put_c(b, text);
}

static int learn(struct trn_hosts *h, struct trn_str address, struct trn_str name)
{
    uint64_t key = trn_hash64_str(address), old;
    name = trn_str_slice(name, 0, 255);
    struct name *n = malloc(sizeof(*n) + name.n);
    if (!n)
        return -ENOMEM;
    n->n = (uint32_t)name.n;
    memcpy(n->p, name.p, name.n);
    if (trn_map_remove(h->names, key, &old))
        free((void *)(uintptr_t)old);
    make_room(h->names, NAMES);
    int r = trn_map_put_ptr(h->names, key, n);
    if (r)
        free(n);
    return r;
}

static int answered(struct trn_hosts *h, const struct trn_event *ev)
{
    struct trn_str rest = ev->dns.answers, piece;
    int r = 0;
    if (ev->action != TRN_ACT_ANSWER || trn_str_is_empty(ev->dns.name))
        return 0;
    while (!r && trn_str_split(&rest, '\0', &piece))
        if (piece.n)
            r = learn(h, piece, ev->dns.name);
    return r;
}

static uint64_t key_of(uint64_t actor, const uint8_t *address, uint32_t port)
{
    return trn_hash64_mix(trn_hash64_mix(actor, port), trn_hash64(address, 16));
}

static struct row *row_for(struct trn_hosts *h, uint64_t actor, const struct trn_ev_net *net, bool accepted, bool make)
{
    const uint8_t *address = accepted ? net->src : net->dst;
    uint32_t port = accepted ? TRN_NO_U32 : net->dst_port; /* a caller's port says nothing */
    uint64_t key = key_of(actor, address, port);
    struct row *row = trn_map_get_ptr(h->rows, key);
    if (row || !make)
        return row;
    make_room(h->rows, ROWS);
    row = calloc(1, sizeof(*row));
    if (!row)
        return NULL;
    row->actor = actor;
    row->family = net->family;
    row->port = port;
    memcpy(row->address, address, sizeof(row->address));
    if (trn_map_put_ptr(h->rows, key, row)) {
        free(row);
        return NULL;
    }
    return row;
}

static int counted(struct trn_hosts *h, uint64_t actor, const struct trn_event *ev)
{
    const struct trn_ev_net *net = &ev->net;
    struct row *row;
    if (ev->type == TRN_EV_NET_CLOSE) {
        row = row_for(h, actor, net, false, false);
        if (!row)
            row = row_for(h, actor, net, true, false);
        if (!row)
            row = row_for(h, actor, net, false, true);
        if (!row)
            return -ENOMEM;
        row->now.out += net->bytes_out == TRN_NO_U64 ? 0 : net->bytes_out;
        row->now.in += net->bytes_in == TRN_NO_U64 ? 0 : net->bytes_in;
        if (net->count != TRN_NO_U32 &&
            row->port != TRN_NO_U32) /* outgoing ones that were not told when they were up */
            row->now.count += net->count;
        return 0;
    }
    row = row_for(h, actor, net, ev->type == TRN_EV_ACCEPT, true);
    if (!row)
        return -ENOMEM;
    /* TCP tells an attempt and, when it worked, that it did; UDP only the attempt. */
    if (ev->type == TRN_EV_ACCEPT || ev->action == TRN_ACT_ESTABLISHED || net->proto == IPPROTO_UDP)
        row->now.count += net->count == TRN_NO_U32 ? 1 : net->count;
    return 0;
}

int trn_hosts_push(struct trn_hosts *h, const struct trn_process_table *t, const struct trn_event *ev,
                   uint64_t *ret_actor)
{
    *ret_actor = 0;
    if (ev->type == TRN_EV_DNS)
        return answered(h, ev);
    if (ev->type != TRN_EV_CONNECT && ev->type != TRN_EV_ACCEPT && ev->type != TRN_EV_NET_CLOSE)
        return 0;
    if (ev->net.dst_port == DNS_PORT || ev->net.src_port == DNS_PORT || (ev->net.family != 4 && ev->net.family != 6))
        return 0;
    if (ev->net.proto == IPPROTO_UDP && ev->net.dst_port == 0)
        return 0; /* libc sorts addresses so; nothing is sent */
    const struct trn_entity *e = trn_process_of(t, ev);
    if (!e)
        return 0;
    uint64_t actor = e->acting ? e->acting : e->id;
    int r = counted(h, actor, ev);
    if (!r)
        *ret_actor = actor;
    return r;
}

static struct trn_story_host *host_of(struct trn_story *st, struct trn_str address)
{
    for (uint32_t i = 0; i < st->n_hosts; i++)
        if (trn_str_eq(st->hosts[i].address, address))
            return &st->hosts[i];
    if (st->n_hosts == TRN_STORY_HOSTS)
        return NULL;
    struct trn_story_host *host = &st->hosts[st->n_hosts++];
    *host = (struct trn_story_host){.address = address};
    return host;
}

static int give(struct trn_stories *s, struct row *row, struct trn_story *st)
{
    struct trn_hosts *h = s->hosts;
    struct trn_arena *a = s->arena;
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    trn_buf_init(&text, 128);
    put_address(&text, row->address, row->family);
    const struct name *name = trn_map_get_ptr(h->names, trn_hash64_str(trn_buf_str(&text)));
    if (row->port != TRN_NO_U32 && row->family == 6) {
        trn_buf_clear(&text);
        trn_put_c(&text, "[");
        put_address(&text, row->address, row->family);
        trn_put_c(&text, "]");
    }
    if (row->port != TRN_NO_U32)
        trn_put_fmt(&text, ":%u", row->port);
    struct trn_str address = trn_arena_str(a, trn_buf_str(&text));
    struct trn_story_host *host = address.p ? host_of(st, address) : NULL;
    if (!host)
        return address.p ? 0 : -ENOMEM; /* no room: the first hosts tell most */
    if (name && trn_str_is_none(host->name))
        host->name = trn_arena_str(a, (struct trn_str){name->p, name->n});
    if (s->o.usual && row->port != TRN_NO_U32)
        host->usual = s->o.usual(s->o.ctx, &st->software, host->name, row->address, row->family);
    host->bytes_out += row->now.out - row->given.out;
    host->bytes_in += row->now.in - row->given.in;
    host->count += row->now.count - row->given.count;
    row->given = row->now;
    return 0;
}

int trn_hosts_into(struct trn_stories *s, const struct trn_case *c, struct trn_story *st)
{
    size_t it = 0;
    uint64_t key, value;
    int r = 0;
    while (!r && trn_map_next(s->hosts->rows, &it, &key, &value)) {
        struct row *row = (struct row *)(uintptr_t)value;
        bool news = row->now.out != row->given.out || row->now.in != row->given.in ||
                    row->now.count != row->given.count || !row->given.count;
        if (news && trn_case_has_actor(c, row->actor))
            r = give(s, row, st);
    }
    return r;
}

size_t trn_hosts_bytes(const struct trn_hosts *h)
{
    return sizeof(*h) + trn_map_bytes(h->rows) + trn_map_bytes(h->names) + trn_map_count(h->rows) * sizeof(struct row) +
           trn_map_count(h->names) * 64;
}
