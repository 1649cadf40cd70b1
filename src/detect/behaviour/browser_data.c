/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.browser-data: a program opens a browser's history, cookies or logins and neither it nor its package
 * nor who acts is that browser. One finding per (who, browser, kind of data), told again at 10, 100, ... opens with the
 * same id and its count. Who has always read such data (a backup, by its profile) gives none. Must not: know where browsers keep their data; the sensor's table says so in the event.
 */
#include "detect/behaviour/reads.h"

#define SEEN 8192

struct trn_browser_data {
    struct trn_seen *seen;
};

struct trn_browser_data *trn_browser_data_new(void)
{
    struct trn_browser_data *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->seen = trn_seen_new(SEEN);
    return b->seen ? b : trn_browser_data_free(b);
}

struct trn_browser_data *trn_browser_data_free(struct trn_browser_data *b)
{
    if (b) {
        trn_seen_free(b->seen);
        free(b);
    }
    return NULL;
}

static bool worth_telling_again(uint64_t count)
{
    while (count >= 10 && count % 10 == 0)
        count /= 10;
    return count == 1;
}

static void put_owner(struct trn_buf *b, struct trn_str hint)
{
    if (hint.n && hint.p[hint.n - 1] == '*')
        hint.n--;
    if (!hint.n)
        return;
    char first = hint.p[0] >= 'a' && hint.p[0] <= 'z' ? (char)(hint.p[0] - 'a' + 'A') : hint.p[0];
    trn_escape(b, (struct trn_str){&first, 1});
    trn_escape(b, trn_str_slice(hint, 1, hint.n));
}

static void put_summary(struct trn_buf *b, const struct trn_read *r)
{
    trn_put_c(b, "read ");
    put_owner(b, r->owner);
    trn_put_c(b, " ");
    trn_escape(b, trn_path_base(r->path));
    trn_put_c(b, "; its owner is ");
    struct trn_str hint = r->owner;
    if (hint.n && hint.p[hint.n - 1] == '*')
        hint.n--;
    trn_escape(b, hint);
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_read *r, uint64_t key, uint64_t count,
                uint16_t score, struct trn_str weight)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.browser-data"));
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    struct trn_finding f;
    trn_buf_init(&text, 8192);
    if (!check || !a)
        return check ? -ENOMEM : -ENOENT;
    trn_finding_init(&f, check);
    trn_subject(ctx->processes, r->entity, &f);
    f.score = score;
    f.boot_ns = r->boot_ns;
    f.wall_ns = r->wall_ns;
    f.telemetry = TRN_TEL_FILE;
    put_summary(&text, r);
    f.summary = trn_keep(a, &text);
    trn_buf_clear(&text);
    trn_finding_event(&f, r->seq);
    trn_finding_add(&f, "path", r->path);
    trn_finding_add(&f, "class", r->klass);
    trn_finding_add(&f, "owner", r->owner);
    trn_finding_add(&f, "program", r->entity->image.path);
    trn_finding_add(&f, "count", trn_arena_printf(a, "%llu", (unsigned long long)count));
    if (r->has_novelty) {
        trn_novelty_words(&r->novelty, &text);
        trn_finding_add(&f, "novelty", trn_keep(a, &text));
    }
    trn_finding_add(&f, "weight", weight);
    return trn_report(ctx, &f, key);
}

int trn_browser_data_read(struct trn_browser_data *b, const struct trn_detect_ctx *ctx, const struct trn_read *r,
                          uint16_t *ret_weight)
{
    struct trn_str weight;
    if (!trn_str_starts(r->klass, TRN_STR("browser-")) || trn_str_is_empty(r->owner))
        return 0;
    uint16_t score = trn_read_weight(r, trn_check_find(TRN_STR("behaviour.browser-data"))->score, &weight);
    if (!score)
        return 0; /* it has always done this */
    *ret_weight = TRN_MAX(*ret_weight, score);
    const struct trn_entity *acting = trn_process_acting(ctx->processes, r->entity);
    uint64_t key = trn_hash64_mix(acting ? acting->id : r->entity->id, trn_hash64_str(r->owner));
    key = trn_hash64_mix(key, trn_hash64_str(r->klass));
    uint64_t count = trn_seen_count(b->seen, key) + 1;
    return worth_telling_again(count) ? tell(ctx, r, key, count, score, weight) : 0;
}

size_t trn_browser_data_bytes(const struct trn_browser_data *b)
{
    return sizeof(*b) + trn_seen_bytes(b->seen);
}
