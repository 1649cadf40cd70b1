/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: addresses with the name that was asked for, per process and for the whole machine (a resolver of the system asks
 * for others); bounded, the one that was learned first goes first, and what is older than an hour is not believed.
 * Must not own: what is made of a name.
 */
#include "engine/names.h"

#include <arpa/inet.h>
#include <strings.h>

#define NAMES_MAX 4096
#define NAME_LENGTH_MAX 255
#define BELIEVED_NS (3600 * TRN_NS_PER_SEC)

struct name {
    uint64_t learned_ns;
    uint32_t n;
    uint8_t family, address[16];
    bool anybody; /* of the whole machine, not of one process */
    char p[];
};

struct trn_names {
    struct trn_map *map; /* hash(entity or 0, address) -> struct name * */
    size_t text;         /* bytes of names */
};

struct trn_names *trn_names_new(void)
{
    struct trn_names *n = calloc(1, sizeof(*n));

    if (n && !(n->map = trn_map_new(NAMES_MAX)))
        return trn_names_free(n);
    return n;
}

static void forget(struct trn_names *n, uint64_t key)
{
    uint64_t value;

    if (!trn_map_remove(n->map, key, &value))
        return;
    struct name *old = (struct name *)(uintptr_t)value;
    n->text -= sizeof(*old) + old->n;
    free(old);
}

struct trn_names *trn_names_free(struct trn_names *n)
{
    size_t it = 0;
    uint64_t key;

    if (!n)
        return NULL;
    while (n->map && trn_map_next(n->map, &it, &key, NULL))
        forget(n, key);
    trn_map_free(n->map);
    free(n);
    return NULL;
}

static uint64_t key_of(uint64_t entity, uint8_t family, const uint8_t address[16])
{
    return trn_hash64_mix(trn_hash64_mix(trn_hash64(address, 16), family), entity);
}

static int learn(struct trn_names *n, uint64_t entity, uint8_t family, const uint8_t address[16], struct trn_str name,
                 uint64_t now)
{
    uint64_t key = key_of(entity, family, address);
    struct name *new = malloc(sizeof(*new) + name.n);
    size_t it = 0;
    uint64_t oldest;
    int r;

    if (!new)
        return -ENOMEM;
    new->learned_ns = now;
    new->n = (uint32_t)name.n;
    new->family = family;
    memcpy(new->address, address, sizeof(new->address));
    new->anybody = entity == 0;
    memcpy(new->p, name.p, name.n);
    forget(n, key); /* learned again: it is the youngest now */
    if (trn_map_count(n->map) == NAMES_MAX && trn_map_next(n->map, &it, &oldest, NULL))
        forget(n, oldest);
    r = trn_map_put_ptr(n->map, key, new);
    if (r < 0)
        free(new);
    else
        n->text += sizeof(*new) + new->n;
    return r;
}

static int answered(struct trn_names *n, const struct trn_event *ev)
{
    struct trn_str rest = ev->dns.answers, one, name = trn_str_slice(ev->dns.name, 0, NAME_LENGTH_MAX);
    int r = 0;

    if (ev->action != TRN_ACT_ANSWER || trn_str_is_empty(name))
        return 0;
    while (r == 0 && rest.n && trn_str_split(&rest, '\0', &one)) {
        uint8_t address[16] = {0};
        char text[INET6_ADDRSTRLEN];
        uint8_t family;

        if (one.n == 0 || one.n >= sizeof(text))
            continue;
        memcpy(text, one.p, one.n);
        text[one.n] = '\0';
        family = inet_pton(AF_INET, text, address) == 1 ? 4 : inet_pton(AF_INET6, text, address) == 1 ? 6 : 0;
        if (family == 0)
            continue; /* a name: the question's own is the one that was wanted */
        r = learn(n, 0, family, address, name, ev->boot_ns);
        if (r == 0 && ev->entity)
            r = learn(n, ev->entity, family, address, name, ev->boot_ns);
    }
    return r;
}

static const struct name *believed(const struct trn_names *n, uint64_t entity, const struct trn_event *ev)
{
    const struct name *name = trn_map_get_ptr(n->map, key_of(entity, ev->net.family, ev->net.dst));

    return name && ev->boot_ns < name->learned_ns + BELIEVED_NS ? name : NULL;
}

static int name_it(const struct trn_names *n, struct trn_event *ev, struct trn_arena *arena)
{
    const struct name *name = ev->entity ? believed(n, ev->entity, ev) : NULL;
    struct trn_value v = {.kind = TRN_KIND_STR};
    int r;

    if (!name)
        name = believed(n, 0, ev);
    if (!name)
        return 0;
    v.s = (struct trn_str){name->p, name->n};
    r = trn_event_set_extra(ev, trn_field_by_id(TRN_F_DST_DOMAIN), &v, arena);
    return r == -ENOMEM ? r : 0;
}

int trn_names_see(struct trn_names *n, struct trn_event *ev, struct trn_arena *arena)
{
    switch (ev->type) {
    case TRN_EV_DNS:
        return answered(n, ev);
    case TRN_EV_CONNECT:
    case TRN_EV_NET_CLOSE:
    case TRN_EV_TLS:
        return name_it(n, ev, arena);
    default:
        return 0;
    }
}

/* Names of DNS know no case. */
static bool same_name(const struct name *a, struct trn_str b)
{
    return a->n == b.n && strncasecmp(a->p, b.p, b.n) == 0;
}

int trn_names_addresses(const struct trn_names *n, struct trn_str name, uint16_t port, struct trn_act_host *hosts,
                        uint32_t max, uint32_t *ret_n)
{
    size_t it = 0;
    uint64_t value;
    int r = -ENOENT;

    while (n && trn_map_next(n->map, &it, NULL, &value)) {
        const struct name *one = (const struct name *)(uintptr_t)value;
        if (!one->anybody || !same_name(one, name))
            continue;
        if (*ret_n == max)
            return -E2BIG;
        struct trn_act_host *h = &hosts[(*ret_n)++];
        *h = (struct trn_act_host){.family = one->family, .prefix = one->family == 4 ? 32 : 128, .port = port};
        memcpy(h->address, one->address, sizeof(h->address));
        r = 0;
    }
    return r;
}

size_t trn_names_bytes(const struct trn_names *n)
{
    return sizeof(*n) + trn_map_bytes(n->map) + n->text;
}
