/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: profiles over a restart: one STATE row "profile" a lineage. A changed one is written at most once in a while,
 * all of them when the engine stops, so that a busy machine does not write for ever. Must not: keep time of its own.
 */
#include "detect/behaviour/profile_internal.h"

#define ROW_VERSION 1
#define ROW_MAX 65536
#define LOOK_EVERY_NS (5 * TRN_NS_PER_SEC)
#define WRITE_EVERY_NS (60 * TRN_NS_PER_SEC)
#define FLAGS_ALL (TRN_FEATURE_YOUNG | TRN_FEATURE_TAINTED | TRN_FEATURE_LEARNED)

static uint32_t bits_of(float f)
{
    union {
        float f;
        uint32_t u;
    } both = {.f = f};
    return both.u;
}

/* Whatever a damaged row says, it is a number of at most some thousand bits. */
static float float_of(uint32_t u)
{
    union {
        uint32_t u;
        float f;
    } both = {.u = u};
    return both.f >= 0 && both.f < 65536 ? both.f : 0;
}

static void put_text(struct trn_buf *out, const char *p, uint8_t n)
{
    trn_put_u8(out, n);
    trn_put(out, p, n);
}

static bool get_text(struct trn_cursor *in, char *p, size_t max, uint8_t *ret_n)
{
    uint8_t n = trn_cur_u8(in);
    *ret_n = n;
    return n <= max && trn_cur_copy(in, p, n);
}

static void put_version(const struct trn_profile_version *v, struct trn_buf *out)
{
    trn_put_u64(out, v->hash);
    trn_put_u64(out, v->since_ns);
    trn_put_u32(out, v->runs);
    trn_put_u32(out, v->days);
    trn_put_u32(out, v->last_day);
    trn_put_u32(out, bits_of(v->drift));
    trn_put_u16(out, v->seq);
    trn_put_u8(out, (uint8_t)(v->installed | v->told << 1));
    put_text(out, v->text, v->n);
}

static bool get_version(struct trn_cursor *in, struct trn_profile_version *v)
{
    v->hash = trn_cur_u64le(in);
    v->since_ns = trn_cur_u64le(in);
    v->runs = trn_cur_u32le(in);
    v->days = trn_cur_u32le(in);
    v->last_day = trn_cur_u32le(in);
    v->drift = float_of(trn_cur_u32le(in));
    v->seq = trn_cur_u16le(in);
    uint8_t flags = trn_cur_u8(in);
    v->installed = flags & 1;
    v->told = flags & 2;
    return get_text(in, v->text, TRN_VERSION_TEXT, &v->n) && !in->bad;
}

static void put_feature(const struct trn_profile_feature *f, uint64_t key, struct trn_buf *out)
{
    trn_put_u64(out, key);
    trn_put_u32(out, f->first_s);
    trn_put_u32(out, f->last_s);
    trn_put_varint(out, f->runs);
    trn_put_varint(out, f->last_run);
    trn_put_u32(out, bits_of(f->bits));
    trn_put_varint(out, f->first_version);
    trn_put_varint(out, f->last_version);
    trn_put_u8(out, f->class);
    trn_put_u8(out, f->flags);
    put_text(out, f->text, f->n);
}

static uint64_t get_number(struct trn_cursor *in, uint64_t max)
{
    uint64_t n = trn_cur_varint(in);
    if (n > max)
        in->bad = true;
    return in->bad ? 0 : n;
}

static bool get_feature(struct trn_cursor *in, struct trn_profile_feature *f, uint64_t *ret_key)
{
    *ret_key = trn_cur_u64le(in);
    f->first_s = trn_cur_u32le(in);
    f->last_s = trn_cur_u32le(in);
    f->runs = (uint32_t)get_number(in, UINT32_MAX);
    f->last_run = (uint32_t)get_number(in, UINT32_MAX);
    f->bits = float_of(trn_cur_u32le(in));
    f->first_version = (uint16_t)get_number(in, UINT16_MAX);
    f->last_version = (uint16_t)get_number(in, UINT16_MAX);
    f->class = trn_cur_u8(in);
    f->flags = trn_cur_u8(in) & FLAGS_ALL;
    return get_text(in, f->text, TRN_FEATURE_TEXT, &f->n) && !in->bad && f->class < TRN_FEATURE_CLASS_MAX;
}

void trn_lineage_encode(const struct trn_lineage *l, struct trn_buf *out)
{
    trn_put_u8(out, ROW_VERSION);
    trn_put_u64(out, l->key);
    trn_put_u64(out, l->signer);
    trn_put_u64(out, l->first_ns);
    trn_put_u64(out, l->last_ns);
    trn_put_u32(out, l->runs);
    trn_put_u32(out, l->days);
    trn_put_u32(out, l->last_day);
    trn_put_u32(out, l->forgotten);
    trn_put_u16(out, l->version_seq);
    trn_put_u16(out, l->tainted);
    trn_put_u8(out, l->origin);
    trn_put_u8(out, l->category);
    put_text(out, l->name, l->n_name);
    trn_put_u8(out, l->n_versions);
    for (size_t i = 0; i < l->n_versions; i++)
        put_version(&l->versions[i], out);
    trn_put_u16(out, l->n);
    for (size_t i = 0; i < l->n; i++)
        put_feature(&l->of[i], l->keys[i], out);
}

static bool get_features(struct trn_cursor *in, struct trn_lineage *l)
{
    for (size_t i = 0; i < l->cap; i++) {
        uint64_t key;
        struct trn_profile_feature f = {0};
        if (!get_feature(in, &f, &key) || trn_feature_find(l, key))
            return false;
        l->keys[i] = key;
        l->of[i] = f;
        l->n++;
    }
    return trn_cur_end(in);
}

static bool get_head(struct trn_cursor *in, struct trn_lineage *l)
{
    if (trn_cur_u8(in) != ROW_VERSION)
        return false;
    l->key = trn_cur_u64le(in);
    l->signer = trn_cur_u64le(in);
    l->first_ns = trn_cur_u64le(in);
    l->last_ns = trn_cur_u64le(in);
    l->runs = trn_cur_u32le(in);
    l->days = trn_cur_u32le(in);
    l->last_day = trn_cur_u32le(in);
    l->forgotten = trn_cur_u32le(in);
    l->version_seq = trn_cur_u16le(in);
    l->tainted = trn_cur_u16le(in);
    l->origin = trn_cur_u8(in);
    l->category = trn_cur_u8(in);
    if (!get_text(in, l->name, TRN_LINEAGE_NAME, &l->n_name))
        return false;
    uint8_t n = trn_cur_u8(in);
    for (; n <= TRN_LINEAGE_VERSIONS && l->n_versions < n; l->n_versions++)
        if (!get_version(in, &l->versions[l->n_versions]))
            return false;
    l->cap = trn_cur_u16le(in);
    return !in->bad && n <= TRN_LINEAGE_VERSIONS && l->cap <= TRN_LINEAGE_FEATURES && l->n_name &&
           l->category < TRN_PROFILE_CATEGORIES && l->origin < TRN_ORIGIN_MAX;
}

int trn_lineage_decode(struct trn_str bytes, struct trn_lineage **ret)
{
    struct trn_cursor in = trn_cur_of(bytes);
    struct trn_lineage *l = calloc(1, sizeof(*l));
    int r = -EBADMSG;
    if (!l)
        return -ENOMEM;
    l->quarter = UINT8_MAX;
    if (get_head(&in, l)) {
        l->keys = calloc(l->cap ? l->cap : 1u, sizeof(*l->keys));
        l->of = calloc(l->cap ? l->cap : 1u, sizeof(*l->of));
        if (!l->keys || !l->of)
            r = -ENOMEM;
        else if (get_features(&in, l))
            r = 0;
    }
    if (r) {
        trn_lineage_free(l);
        return r;
    }
    trn_lineage_matures(l);
    *ret = l;
    return 0;
}

int trn_profile_restore(struct trn_profiles *p, const struct trn_event *ev)
{
    struct trn_lineage *l;
    int r = trn_str_is_empty(ev->state.value) ? -EBADMSG : trn_lineage_decode(ev->state.value, &l);
    if (r)
        return r == -EBADMSG ? 0 : r; /* a damaged row is a forgotten one */
    if (l->key != ev->state.key || trn_map_get_ptr(p->lineages, l->key) || trn_map_count(p->lineages) >= TRN_LINEAGES ||
        p->features + l->n > TRN_PROFILE_FEATURES) {
        trn_lineage_free(l);
        return 0;
    }
    l->written_boot_ns = 1; /* the store has it */
    r = trn_lineage_add(p, l);
    if (r)
        trn_lineage_free(l);
    return r;
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_event *because, uint64_t key, struct trn_str value)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("profile");
    ev.state.key = key;
    ev.state.value = value;
    return trn_sink_event(&ctx->state, &ev);
}

int trn_profile_unwrite(const struct trn_detect_ctx *ctx, const struct trn_event *ev, uint64_t key)
{
    return tell(ctx, ev, key, TRN_STR(""));
}

static int write_one(struct trn_lineage *l, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, ROW_MAX);
    trn_lineage_encode(l, &out);
    if (out.bad)
        return -ENOMEM;
    l->dirty = false;
    l->written_boot_ns = ev->boot_ns ? ev->boot_ns : 1;
    return tell(ctx, ev, l->key, trn_buf_str(&out));
}

int trn_profile_write(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    bool all = ev->type == TRN_EV_STOP;
    uint64_t key, value;
    int r = 0;
    if (!all && ev->boot_ns < p->next_write_boot_ns)
        return 0;
    p->next_write_boot_ns = ev->boot_ns + LOOK_EVERY_NS;
    for (size_t it = 0; !r && trn_map_next(p->lineages, &it, &key, &value);) {
        struct trn_lineage *l = (void *)(uintptr_t)value;
        bool due = l->written_boot_ns <= 1 || ev->boot_ns < l->written_boot_ns ||
                   ev->boot_ns - l->written_boot_ns >= WRITE_EVERY_NS;
        if (l->dirty && (all || due))
            r = write_one(l, ctx, ev);
    }
    return r;
}
