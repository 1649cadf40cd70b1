/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.browser-data: a program opens a browser's history, cookies or logins and neither it nor its package
 * nor who acts is that browser. One finding per (who, browser, kind of data), told again at 10, 100, ... opens with the
 * same id and its count. Must not: know where browsers keep their data; the sensor's table says so in the event.
 */
#include "detect/behaviour/behaviour.h"

#define SCORE_SESSION 20
#define SCORE_BROWSER 20
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

/* The hint is what names of the owner begin with; a '*' at its end means the same. */
static bool named_like(struct trn_str name, struct trn_str hint)
{
    if (hint.n && hint.p[hint.n - 1] == '*')
        hint.n--;
    return hint.n && trn_str_starts(name, hint);
}

/* Is e that browser? By its package; by its file's name only outside packages (a browser unpacked by hand), and not
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

static void put_summary(struct trn_buf *b, const struct trn_event *ev)
{
    trn_put_c(b, "read ");
    put_owner(b, ev->file.owner_hint);
    trn_put_c(b, " ");
    trn_escape(b, trn_path_base(ev->file.path));
    trn_put_c(b, "; its owner is ");
    struct trn_str hint = ev->file.owner_hint;
    if (hint.n && hint.p[hint.n - 1] == '*')
        hint.n--;
    trn_escape(b, hint);
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_entity *e, const struct trn_event *ev, uint64_t key,
                uint64_t count)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.browser-data"));
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    struct trn_finding f;
    trn_buf_init(&text, 8192);
    if (!check || !a)
        return check ? -ENOMEM : -ENOENT;
    trn_finding_init(&f, check);
    bool session = trn_subject(ctx->processes, e, &f);
    f.score = check->score;
    if (session)
        f.score = SCORE_SESSION;
    else if (trn_is_browser(&f.software))
        f.score = SCORE_BROWSER; /* importing from another browser, asked for by its user as a rule */
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    f.telemetry = TRN_TEL_FILE;
    put_summary(&text, ev);
    f.summary = trn_keep(a, &text);
    trn_finding_event(&f, ev->seq);
    trn_finding_add(&f, "path", ev->file.path);
    trn_finding_add(&f, "class", ev->file.sensitive);
    trn_finding_add(&f, "owner", ev->file.owner_hint);
    trn_finding_add(&f, "program", e->image.path);
    trn_finding_add(&f, "count", trn_arena_printf(a, "%llu", (unsigned long long)count));
    if (session)
        trn_finding_add(&f, "weight", TRN_STR("started by hand"));
    return trn_report(ctx, &f, key);
}

int trn_browser_data_push(struct trn_browser_data *b, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                          const struct trn_event *ev)
{
    if (ev->type != TRN_EV_OPEN || !trn_str_starts(ev->file.sensitive, TRN_STR("browser-")) ||
        trn_str_is_empty(ev->file.owner_hint))
        return 0;
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    if (!e || is_owners(ctx, p, e, ev->file.owner_hint))
        return 0;
    const struct trn_entity *acting = trn_process_acting(ctx->processes, e);
    uint64_t key = trn_hash64_mix(acting ? acting->id : e->id, trn_hash64_str(ev->file.owner_hint));
    key = trn_hash64_mix(key, trn_hash64_str(ev->file.sensitive));
    uint64_t count = trn_seen_count(b->seen, key) + 1;
    return worth_telling_again(count) ? tell(ctx, e, ev, key, count) : 0;
}

size_t trn_browser_data_bytes(const struct trn_browser_data *b)
{
    return sizeof(*b) + trn_seen_bytes(b->seen);
}
