/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the seeded generator of events for property tests. Must not own: any test. Texts live in the arena. */
#include "random_event.h"

uint64_t random_u64(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return trn_hash64_mix(1, *seed);
}

static struct trn_str random_text(uint64_t *seed, struct trn_arena *arena, bool nul)
{
    static const char *const pieces[] = {"/usr/bin/",    "a",    "ü", "\xff\xfe", "\n", "\x1b[31m", "\"", "\\",
                                         "\xe2\x80\xae", "\xc3", " "};
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    uint64_t n = random_u64(seed) % 8;

    trn_buf_init(&b, 4096);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = random_u64(seed) % (TRN_ARRAY_SIZE(pieces) + 1);
        if (k < TRN_ARRAY_SIZE(pieces))
            trn_put_c(&b, pieces[k]);
        else if (nul)
            trn_put_u8(&b, 0);
    }
    return trn_arena_str(arena, trn_buf_str(&b));
}

static struct trn_str random_list(uint64_t *seed, struct trn_arena *arena)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    uint64_t n = random_u64(seed) % 5;

    trn_buf_init(&b, 4096);
    for (uint64_t i = 0; i < n; i++) {
        trn_put_str(&b, random_text(seed, arena, false));
        if (i + 1 < n || random_u64(seed) % 8)
            trn_put_u8(&b, 0); /* now and then the last one is cut */
    }
    return trn_arena_str(arena, trn_buf_str(&b));
}

/* Small and large numbers alike. */
static uint64_t random_number(uint64_t *seed, unsigned bytes)
{
    uint64_t v = random_u64(seed) >> random_u64(seed) % 64;
    return bytes < 8 ? v & ((1ull << 8 * bytes) - 1) : v;
}

static uint64_t random_name(const struct trn_field_def *f, uint64_t *seed)
{
    uint64_t r = random_u64(seed);

    switch (f->id) {
    case TRN_F_ACTION:
        return r % TRN_ACT_MAX;
    case TRN_F_LOSS_CLASS:
        return r % TRN_CLASS_MAX;
    case TRN_F_IDENTITY_ORIGIN:
    case TRN_F_SOFTWARE_ORIGIN:
        return r % TRN_ORIGIN_MAX;
    case TRN_F_NET_FAMILY:
        return r & 1 ? 4 : 6;
    default:
        return r % 260 & (f->size == 1 ? 0xff : 0x1ff);
    }
}

static void random_value(const struct trn_field_def *f, const struct trn_event *ev, uint64_t *seed,
                         struct trn_arena *arena, struct trn_value *v)
{
    *v = (struct trn_value){.kind = f->kind};
    switch (f->kind) {
    case TRN_KIND_STR:
        v->s = random_text(seed, arena, true);
        break;
    case TRN_KIND_LIST:
        v->s = random_list(seed, arena);
        break;
    case TRN_KIND_BYTES:
        v->s = random_text(seed, arena, true);
        if (f->size == TRN_SHA256_SIZE || f->size == 0) {
            char *p = trn_arena_alloc(arena, TRN_SHA256_SIZE);
            for (int i = 0; i < TRN_SHA256_SIZE; i++)
                p[i] = (char)random_u64(seed);
            v->s = (struct trn_str){p, TRN_SHA256_SIZE};
        }
        break;
    case TRN_KIND_IP:
        v->family = ev->net.family ? ev->net.family : 6;
        for (int i = 0; i < (v->family == 4 ? 4 : 16); i++)
            v->ip[i] = (uint8_t)random_u64(seed);
        break;
    case TRN_KIND_I64:
        v->i = f->size == 4 ? (int32_t)random_u64(seed) : (int64_t)random_u64(seed) >> random_u64(seed) % 64;
        break;
    case TRN_KIND_TIME:
        v->u = random_u64(seed) % 7000000000000000000u;
        break;
    case TRN_KIND_NAME:
        v->u = random_name(f, seed);
        break;
    default:
        v->u = random_number(seed, f->size ? f->size : 8);
    }
}

static void random_extra(struct trn_event *ev, uint64_t *seed, struct trn_arena *arena)
{
    static const uint16_t known[] = {TRN_F_PROCESS_SHA256, TRN_F_EXECUTABLE, TRN_F_UID, TRN_F_DST_PORT, TRN_F_MESSAGE};
    const struct trn_field_def *f = trn_field_by_id(known[random_u64(seed) % TRN_ARRAY_SIZE(known)]);
    struct trn_value v;

    if (random_u64(seed) & 1) {
        ev->extras[ev->n_extras++] = (struct trn_extra){.field = 60000, .value = random_text(seed, arena, true)};
        return;
    }
    if (trn_field_has(f, ev->type))
        return;
    random_value(f, ev, seed, arena, &v);
    if (trn_event_set_extra(ev, f, &v, arena) < 0)
        abort();
}

void random_event(uint64_t *seed, struct trn_arena *arena, struct trn_event *ret)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);
    enum trn_event_type type;
    struct trn_value v;

    do
        type = (enum trn_event_type)(random_u64(seed) % TRN_EV_MAX);
    while (type == TRN_EV_INVALID || trn_event_type_name(type)[0] == '\0');
    trn_event_init(ret, type);
    for (size_t i = 0; i < n; i++) {
        if (!trn_field_has(&f[i], type) || f[i].derived || f[i].id == TRN_F_TYPE || random_u64(seed) % 4 == 0)
            continue;
        random_value(&f[i], ret, seed, arena, &v);
        if (trn_event_set(ret, &f[i], &v) < 0)
            abort();
    }
    if (random_u64(seed) % 4 == 0)
        random_extra(ret, seed, arena);
}

static bool same_value(const struct trn_value *a, const struct trn_value *b)
{
    if (a->kind != b->kind || a->u != b->u || a->i != b->i || a->family != b->family)
        return false;
    if (a->kind <= TRN_KIND_BYTES && !trn_str_eq(a->s, b->s))
        return false;
    for (int i = 0; i < 16; i++)
        if (a->ip[i] != b->ip[i])
            return false;
    return true;
}

const char *event_difference(const struct trn_event *a, const struct trn_event *b)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    if (a->type != b->type)
        return "type";
    for (size_t i = 0; i < n; i++) {
        struct trn_value va = {0}, vb = {0};
        if (!trn_field_has(&f[i], a->type))
            continue;
        bool has = trn_field_read(a, &f[i], &va);
        if (has != trn_field_read(b, &f[i], &vb) || (has && !same_value(&va, &vb)))
            return f[i].name;
    }
    if (a->n_extras != b->n_extras)
        return "number of extras";
    for (uint32_t i = 0; i < a->n_extras; i++)
        if (a->extras[i].field != b->extras[i].field || !trn_str_eq(a->extras[i].value, b->extras[i].value))
            return "extras";
    return NULL;
}
