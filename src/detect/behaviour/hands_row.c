/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the rows of behaviour.hands-on-keyboard, the oldest of which goes when there are too many, and their form as STATE
 * rows of kind "hands". Must not: decide what is in a row.
 */
#include "detect/behaviour/hands.h"

#define ROWS 512
#define ROW_VERSION 1

struct trn_map *trn_hands_rows_new(void)
{
    return trn_map_new(ROWS);
}

struct trn_map *trn_hands_rows_free(struct trn_map *rows)
{
    uint64_t key, row;
    for (size_t it = 0; rows && trn_map_next(rows, &it, &key, &row);)
        free((void *)(uintptr_t)row);
    return trn_map_free(rows);
}

uint8_t trn_hands_keep(char *to, size_t max, struct trn_str from)
{
    size_t n = TRN_MIN(from.n, max);
    for (size_t i = 0; i < n; i++)
        to[i] = from.p[i];
    return (uint8_t)n;
}

static int store(const struct trn_detect_ctx *ctx, const struct trn_event *because, uint64_t key, struct trn_str value)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("hands");
    ev.state.key = key;
    ev.state.value = value;
    return trn_sink_event(&ctx->state, &ev);
}

int trn_hands_forget(struct trn_map *rows, const struct trn_detect_ctx *ctx, const struct trn_event *because,
                     uint64_t key)
{
    uint64_t row;
    if (!trn_map_remove(rows, key, &row))
        return 0;
    const struct trn_hands *old = (const void *)(uintptr_t)row;
    bool kept = old->n || old->told_score;
    free((void *)(uintptr_t)row);
    return kept ? store(ctx, because, key, TRN_STR("")) : 0;
}

int trn_hands_row(struct trn_map *rows, const struct trn_detect_ctx *ctx, const struct trn_event *ev, uint64_t key,
                  struct trn_hands **ret)
{
    struct trn_hands *row = trn_map_get_ptr(rows, key);
    size_t it = 0;
    uint64_t oldest;
    int r = 0;
    if (!row && trn_map_count(rows) >= ROWS && trn_map_next(rows, &it, &oldest, NULL))
        r = trn_hands_forget(rows, ctx, ev, oldest);
    if (!row && !r) {
        row = calloc(1, sizeof(*row));
        r = row ? trn_map_put_ptr(rows, key, row) : -ENOMEM;
        if (r) {
            free(row);
            return r;
        }
        row->key = key;
    }
    if (!r)
        *ret = row;
    return r;
}

static void put_novelty(struct trn_buf *b, const struct trn_novelty *n)
{
    trn_put_u8(b, (uint8_t)n->state);
    trn_put_u8(b, (uint8_t)(n->first_in_version | n->before_version << 1));
    trn_put_u32(b, (uint32_t)(n->maturity * 1000000));
    trn_put_u32(b, n->runs);
    trn_put_u32(b, n->days);
    trn_put_u32(b, n->versions);
    trn_put_u32(b, n->lineages_with);
}

static bool get_novelty(struct trn_cursor *in, struct trn_novelty *ret)
{
    uint8_t state = trn_cur_u8(in), flags = trn_cur_u8(in);
    if (state > TRN_FEATURE_NEW)
        return false;
    *ret = (struct trn_novelty){.state = (enum trn_feature_state)state,
                                .first_in_version = flags & 1u,
                                .before_version = flags >> 1 & 1u,
                                .maturity = trn_cur_u32le(in) / 1000000.0};
    ret->runs = trn_cur_u32le(in);
    ret->days = trn_cur_u32le(in);
    ret->versions = trn_cur_u32le(in);
    ret->lineages_with = trn_cur_u32le(in);
    return !in->bad;
}

int trn_hands_remember(const struct trn_detect_ctx *ctx, const struct trn_event *ev, const struct trn_hands *row)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_put_u8(&b, ROW_VERSION);
    const uint64_t numbers[] = {row->root,      row->shell,       row->shell_seq,   row->shell_boot_ns,
                                row->first_seq, row->last_entity, row->last_boot_ns};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        trn_put_u64(&b, numbers[i]);
    trn_put_u8(&b, (uint8_t)(row->has_novelty | row->network << 1 | row->placed << 2));
    trn_put_u8(&b, row->how);
    put_novelty(&b, &row->novelty);
    trn_put_u32(&b, row->runs);
    trn_put_u32(&b, row->others);
    trn_put_u32(&b, row->told);
    trn_put_u16(&b, row->told_score);
    trn_put_u8(&b, (uint8_t)row->n_gaps);
    for (uint32_t i = 0; i < row->n_gaps; i++)
        trn_put_u32(&b, row->gaps_ms[i]);
    trn_put_lstr(&b, (struct trn_str){row->name, row->n_name});
    trn_put_lstr(&b, (struct trn_str){row->stdio, row->n_stdio});
    trn_put_u8(&b, (uint8_t)row->n);
    for (uint32_t i = 0; i < row->n; i++) {
        trn_put_u64(&b, row->commands[i].boot_ns);
        trn_put_u64(&b, row->commands[i].seq);
        trn_put_lstr(&b, (struct trn_str){row->commands[i].text, row->commands[i].n});
    }
    return b.bad ? -ENOMEM : store(ctx, ev, row->key, trn_buf_str(&b));
}

/* At most max bytes; false when there are more. */
static bool take_text(struct trn_cursor *in, char *to, size_t max, uint8_t *ret_n)
{
    struct trn_str s = trn_cur_lstr(in);
    if (in->bad || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.p[i];
    *ret_n = (uint8_t)s.n;
    return true;
}

static bool decode(struct trn_cursor *in, struct trn_hands *row)
{
    uint64_t *const numbers[] = {&row->root,      &row->shell,       &row->shell_seq,   &row->shell_boot_ns,
                                 &row->first_seq, &row->last_entity, &row->last_boot_ns};
    if (trn_cur_u8(in) != ROW_VERSION)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        *numbers[i] = trn_cur_u64le(in);
    uint8_t flags = trn_cur_u8(in);
    row->has_novelty = flags & 1u;
    row->network = flags >> 1 & 1u;
    row->placed = flags >> 2 & 1u;
    row->how = trn_cur_u8(in);
    if (row->how >= TRN_SHELL_MAX || !get_novelty(in, &row->novelty))
        return false;
    row->runs = trn_cur_u32le(in);
    row->others = trn_cur_u32le(in);
    row->told = trn_cur_u32le(in);
    row->told_score = trn_cur_u16le(in);
    row->n_gaps = trn_cur_u8(in);
    if (row->n_gaps > TRN_HANDS_GAPS || row->told_score > 100 || row->told > TRN_HANDS_COMMANDS)
        return false;
    for (uint32_t i = 0; i < row->n_gaps; i++)
        row->gaps_ms[i] = trn_cur_u32le(in);
    if (!take_text(in, row->name, sizeof(row->name), &row->n_name) ||
        !take_text(in, row->stdio, sizeof(row->stdio), &row->n_stdio))
        return false;
    row->n = trn_cur_u8(in);
    if (row->n > TRN_HANDS_COMMANDS)
        return false;
    for (uint32_t i = 0; i < row->n; i++) {
        row->commands[i].boot_ns = trn_cur_u64le(in);
        row->commands[i].seq = trn_cur_u64le(in);
        if (!take_text(in, row->commands[i].text, TRN_HANDS_TEXT, &row->commands[i].n))
            return false;
    }
    return trn_cur_end(in);
}

int trn_hands_restore(struct trn_map *rows, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    struct trn_hands got = {.key = ev->state.key};
    if (trn_str_is_empty(ev->state.value) || !decode(&in, &got) || trn_map_count(rows) >= ROWS ||
        trn_map_get_ptr(rows, got.key))
        return 0; /* a damaged row is a forgotten one */
    struct trn_hands *row = malloc(sizeof(*row));
    if (!row)
        return -ENOMEM;
    *row = got;
    int r = trn_map_put_ptr(rows, row->key, row);
    if (r)
        free(row);
    return r;
}
