/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one record to its events by the rows of its source's table, what was told once already, and the counting of what
 * was left out. Must not own: what any product's field means (tables), JSON syntax (jansson), the file.
 * Hand-offs: events go through the order of time (order.c) to the caller's sink.
 */
#include "ingest/internal.h"

#define PROCESSES_MAX 65536u
#define FILES_MAX 65536u
#define TOLD_KINDS_MAX 256u
#define TOLD_BAD 5u

struct trn_ingest {
    struct trn_ingest_options o;
    struct trn_records records;
    struct trn_ingest_order *order;
    struct trn_arena *arena;
    struct trn_map *processes; /* entity -> 1: its image was told */
    struct trn_map *files;     /* file and content -> 1 + signed: what it is was told */
    struct trn_map *kinds;     /* unmapped kinds that were told */
    struct trn_ingest_counts counts;
};

struct trn_ingest *trn_ingest_free(struct trn_ingest *in)
{
    if (in) {
        trn_records_done(&in->records);
        trn_order_free(in->order);
        trn_arena_free(in->arena);
        trn_map_free(in->processes);
        trn_map_free(in->files);
        trn_map_free(in->kinds);
        free(in);
    }
    return NULL;
}

int trn_ingest_new(const struct trn_ingest_options *o, struct trn_ingest **ret)
{
    struct trn_ingest *in = calloc(1, sizeof(*in));
    if (!in)
        return -ENOMEM;
    in->o = *o;
    trn_records_init(&in->records);
    in->order = trn_order_new();
    in->arena = trn_arena_new(16u * TRN_RECORD_MAX);
    in->processes = trn_map_new(PROCESSES_MAX);
    in->files = trn_map_new(FILES_MAX);
    in->kinds = trn_map_new(TOLD_KINDS_MAX);
    if (!in->order || !in->arena || !in->processes || !in->files || !in->kinds) {
        trn_ingest_free(in);
        return -ENOMEM;
    }
    *ret = in;
    return 0;
}

static void tell(const struct trn_ingest *in, uint64_t line, const char *what, struct trn_str subject)
{
    char shown[120], text[240];
    if (!in->o.notice)
        return;
    trn_escape_into(shown, sizeof(shown), subject);
    int n = snprintf(text, sizeof(text), subject.p ? "%s '%s'" : "%s", what, shown);
    in->o.notice(in->o.ctx, line, (struct trn_str){text, n < 0 ? 0 : TRN_MIN((size_t)n, sizeof(text) - 1)});
}

/* The oldest is forgotten: it may be told twice, which harms nothing. */
static int put_bounded(struct trn_map *m, size_t max, uint64_t key, uint64_t value)
{
    size_t it = 0;
    uint64_t oldest, v;
    if (trn_map_count(m) >= max && !trn_map_get(m, key, &v) && trn_map_next(m, &it, &oldest, &v))
        trn_map_remove(m, oldest, NULL);
    return trn_map_put(m, key, value);
}

static bool holds(const struct trn_shape *s, const char *when, struct trn_arena *arena)
{
    if (!when)
        return true;
    size_t n = strcspn(when, "=&!");
    struct trn_str text = trn_text_below(s, (struct trn_str){when, n}, arena);
    if (when[n] == '=')
        return trn_str_eq_c(text, when + n + 1);
    uint64_t value, bits;
    if (trn_str_u64(text, &value) < 0 || trn_str_u64(trn_str_of(when + n + 1), &bits) < 0)
        return false;
    return when[n] == '&' ? (value & bits) != 0 : (value & bits) == 0;
}

/* Rows of a table that give nothing leave their field absent; the first that gives something wins. */
static int fill(const struct trn_shape *s, const struct trn_map_row *rows, struct trn_arena *arena, uint64_t *set,
                struct trn_event *ev)
{
    for (size_t i = 0; i < TRN_MAP_ROWS && rows[i].from; i++) {
        const struct trn_field_def *f = trn_field_by_id(rows[i].field);
        struct trn_value v;
        uint16_t id = rows[i].field;
        if (!f || !trn_field_has(f, (enum trn_event_type)ev->type) || (set[id / 64] >> id % 64 & 1))
            continue;
        int r = trn_convert(s, &rows[i], f, arena, &v);
        if (r == -ENOMEM)
            return r;
        if (r == 0 && trn_event_set(ev, f, &v) == 0)
            set[id / 64] |= 1ull << id % 64;
    }
    return 0;
}

static bool is_complete(const struct trn_event *ev)
{
    if (!ev->wall_ns || (ev->type != TRN_EV_IDENTITY && !ev->entity))
        return false;
    switch (ev->type) {
    case TRN_EV_IDENTITY:
        return ev->identity.path.n && !trn_file_key_is_none(&ev->identity.file);
    case TRN_EV_EXEC:
        return ev->exec.path.n != 0;
    case TRN_EV_LIB_LOAD:
        return ev->map.path.n != 0;
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
        return ev->file.path.n != 0;
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
        return ev->net.family != 0;
    case TRN_EV_DNS:
        return ev->dns.name.n != 0;
    case TRN_EV_ACCESS:
        return ev->access.target != 0;
    default:
        return true;
    }
}

/* 1: is news, 0: was told already. */
static int is_news(struct trn_ingest *in, const struct trn_map_kind *k, const struct trn_event *ev)
{
    uint64_t known;
    int r = 0;
    if (ev->type == TRN_EV_EXEC || ev->type == TRN_EV_FORK) {
        if (k->once == TRN_ONCE_PROCESS && trn_map_get(in->processes, ev->entity, &known))
            return 0;
        r = put_bounded(in->processes, PROCESSES_MAX, ev->entity, 1);
    } else if (k->once == TRN_ONCE_FILE) {
        const struct trn_identity *id = &ev->identity.id;
        bool vouched = id->software.origin != TRN_ORIGIN_MANUAL && id->software.origin != TRN_ORIGIN_UNKNOWN;
        uint64_t key = trn_file_key_hash(&ev->identity.file);
        if (trn_map_get(in->files, key, &known) && (known == 2 || !vouched))
            return 0;
        r = put_bounded(in->files, FILES_MAX, key, vouched ? 2 : 1);
    }
    return r < 0 ? r : 1;
}

static int on_ordered(void *ctx, const struct trn_event *ev)
{
    struct trn_ingest *in = ctx;
    in->counts.events++;
    return trn_sink_event(&in->o.sink, ev);
}

/* 1: made or known already, 0: incomplete, -ENODATA: nobody needs it. */
static int make(struct trn_ingest *in, const struct trn_shape *s, const struct trn_map_kind *k)
{
    uint64_t set[(TRN_F_MAX + 63) / 64] = {0};
    struct trn_event ev;
    bool late;
    trn_event_init(&ev, (enum trn_event_type)k->type);
    ev.action = k->action;
    ev.flags = k->flags;
    int r = fill(s, k->rows, in->arena, set, &ev);
    if (r == 0)
        r = fill(s, s->source->common, in->arena, set, &ev);
    if (r < 0)
        return r;
    ev.boot_ns = ev.wall_ns;
    if (ev.type == TRN_EV_IDENTITY) {
        ev.entity = 0;
        ev.pid = TRN_NO_U32;
    }
    if (!is_complete(&ev))
        return 0;
    if (ev.type == TRN_EV_OPEN && trn_str_is_none(ev.file.sensitive))
        return -ENODATA;
    r = is_news(in, k, &ev);
    if (r != 1)
        return r < 0 ? r : 1;
    r = trn_order_push(in->order, &ev, &(struct trn_event_sink){on_ordered, in}, &late);
    in->counts.late += r == 0 && late;
    return r < 0 ? r : 1;
}

static int unmapped(struct trn_ingest *in, const struct trn_shape *s, uint64_t line)
{
    struct trn_str what = trn_arena_printf(in->arena, "%s %s", s->product, s->id);
    uint64_t key = trn_hash64_str(what), before;
    in->counts.unmapped++;
    if (trn_map_get(in->kinds, key, &before) || trn_map_count(in->kinds) >= TOLD_KINDS_MAX)
        return 0;
    int r = trn_map_put(in->kinds, key, 1);
    if (r == 0)
        tell(in, line, "no use for events of kind", what);
    return r;
}

static int apply(struct trn_ingest *in, const struct trn_shape *s, uint64_t line)
{
    bool known = false, made = false, unneeded = false;
    for (size_t i = 0; s->source && i < s->source->n_kinds; i++) {
        const struct trn_map_kind *k = &s->source->kinds[i];
        bool any = strcmp(k->id, "*") == 0;
        if (!any && strcmp(k->id, s->id) != 0)
            continue;
        known |= !any;
        if (!holds(s, k->when, in->arena)) {
            unneeded |= !any;
            continue;
        }
        int r = make(in, s, k);
        if (r < 0 && r != -ENODATA)
            return r;
        unneeded |= r == -ENODATA;
        made |= r == 1 && !any && !k->once;
    }
    if (!known)
        return unmapped(in, s, line);
    in->counts.unneeded += !made && unneeded;
    in->counts.incomplete += !made && !unneeded;
    return 0;
}

static void bad(struct trn_ingest *in, uint64_t line, const char *why)
{
    if (in->counts.bad++ < TOLD_BAD)
        tell(in, line, why, TRN_STR_NONE);
}

static int on_record(void *ctx, uint64_t line, struct trn_str text, bool too_long)
{
    struct trn_ingest *in = ctx;
    struct trn_shape s;
    if (too_long) {
        bad(in, line, "longer than 1 MiB, left out");
        return 0;
    }
    json_t *object = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    int r = 0;
    if (!object) {
        bad(in, line, "not valid JSON, left out");
    } else if (!trn_shape_of(object, &s)) {
        bad(in, line, "of no known shape, left out");
    } else {
        in->counts.records++;
        trn_arena_reset(in->arena);
        r = apply(in, &s, line);
    }
    json_decref(object);
    return r;
}

int trn_ingest_feed(struct trn_ingest *in, struct trn_str bytes)
{
    return trn_records_feed(&in->records, bytes, on_record, in);
}

int trn_ingest_end(struct trn_ingest *in)
{
    struct trn_event stop;
    int r = trn_records_end(&in->records, on_record, in);
    if (r == 0)
        r = trn_order_flush(in->order, &(struct trn_event_sink){on_ordered, in});
    if (r < 0 || in->counts.events == 0)
        return r;
    trn_event_init(&stop, TRN_EV_STOP);
    stop.boot_ns = stop.wall_ns = trn_order_last(in->order);
    return on_ordered(in, &stop);
}

void trn_ingest_counted(const struct trn_ingest *in, struct trn_ingest_counts *ret)
{
    *ret = in->counts;
}

static int first_record(void *ctx, uint64_t line, struct trn_str text, bool too_long)
{
    struct trn_shape s;
    json_t *object = too_long ? NULL : json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    *(bool *)ctx = object && trn_shape_of(object, &s);
    json_decref(object);
    return 1; /* enough */
}

bool trn_ingest_knows(struct trn_str head)
{
    struct trn_records r;
    bool knows = false;
    trn_records_init(&r);
    if (trn_records_feed(&r, head, first_record, &knows) == 0)
        (void)(trn_records_end(&r, first_record, &knows) == 0);
    trn_records_done(&r);
    return knows;
}
