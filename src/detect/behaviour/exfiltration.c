/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.exfiltration: bytes out to a place that is new for the software, within ten minutes after the same
 * software, or a program that it put there and started, read private data that it had no habit of reading.
 * Hand-offs: who read what outlives a restart as STATE rows of kind "read". Must not: know what the bytes were.
 */
#include "detect/behaviour/exfiltration.h"
#include "detect/behaviour/first_contact.h"
#include "detect/behaviour/template.h"

#define READERS 1024
#define OWN 1024
#define PLACES 4
#define WITHIN_NS (600 * TRN_NS_PER_SEC)
#define CLIMB 4
#define READ_VERSION 1
#define STAGE 25
#define SCORE_NOTE 20
#define WHAT_LENGTH 95
#define DNS_PORT 53

struct place {                     /* where bytes went after the read */
    uint64_t feature, bytes, told; /* told: how many of them */
};

struct reader {
    uint64_t boot_ns, wall_ns, seq; /* of the latest read; seq 0 after a restart */
    uint16_t weight;
    uint8_t n_what;
    char what[WHAT_LENGTH]; /* "browser-history, ssh-key" */
    struct place places[PLACES];
    uint32_t n_places;
};

struct trn_exfiltration {
    struct trn_map *readers; /* root -> struct reader *, oldest first */
    struct trn_seen *own;    /* ends where others connected to us: what is told as the far end of such a one is ours */
};

struct trn_exfiltration *trn_exfiltration_new(void)
{
    struct trn_exfiltration *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->readers = trn_map_new(READERS);
    x->own = trn_seen_new(OWN);
    return x->readers && x->own ? x : trn_exfiltration_free(x);
}

struct trn_exfiltration *trn_exfiltration_free(struct trn_exfiltration *x)
{
    if (x) {
        uint64_t key, row;
        for (size_t it = 0; x->readers && trn_map_next(x->readers, &it, &key, &row);)
            free((void *)(uintptr_t)row);
        trn_map_free(x->readers);
        if (x->own)
            trn_seen_free(x->own);
        free(x);
    }
    return NULL;
}

/* ---- who read ---- */

static struct reader *reader_for(struct trn_exfiltration *x, uint64_t root)
{
    struct reader *row = trn_map_get_ptr(x->readers, root);
    size_t it = 0;
    uint64_t oldest, value;
    if (row)
        return row;
    if (trn_map_count(x->readers) >= READERS && trn_map_next(x->readers, &it, &oldest, &value)) {
        trn_map_remove(x->readers, oldest, NULL);
        free((void *)(uintptr_t)value);
    }
    row = calloc(1, sizeof(*row));
    if (row && trn_map_put_ptr(x->readers, root, row)) {
        free(row);
        return NULL;
    }
    return row;
}

static int remember(const struct trn_detect_ctx *ctx, const struct trn_read *r, uint64_t root, const struct reader *row)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_event ev;
    trn_buf_init(&b, 256);
    trn_put_u8(&b, READ_VERSION);
    trn_put_u64(&b, row->boot_ns);
    trn_put_u64(&b, row->wall_ns);
    trn_put_u16(&b, row->weight);
    trn_put_lstr(&b, (struct trn_str){row->what, row->n_what});
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = r->boot_ns;
    ev.wall_ns = r->wall_ns;
    ev.state.kind = TRN_STR("read");
    ev.state.key = root;
    ev.state.value = trn_buf_str(&b);
    return b.bad ? -ENOMEM : trn_sink_event(&ctx->state, &ev);
}

static int restore(struct trn_exfiltration *x, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    if (trn_str_is_empty(ev->state.value) || trn_cur_u8(&in) != READ_VERSION)
        return 0;
    struct reader got = {.boot_ns = trn_cur_u64le(&in), .wall_ns = trn_cur_u64le(&in), .weight = trn_cur_u16le(&in)};
    uint32_t n = trn_cur_u32le(&in);
    struct trn_str what = trn_cur_bytes(&in, n);
    if (!trn_cur_end(&in) || what.n > WHAT_LENGTH || got.weight > 100)
        return 0; /* a damaged row is a forgotten one */
    got.n_what = (uint8_t)what.n;
    for (size_t i = 0; i < what.n; i++)
        got.what[i] = what.p[i];
    struct reader *row = reader_for(x, ev->state.key);
    if (!row)
        return -ENOMEM;
    if (!row->boot_ns)
        *row = got;
    return 0;
}

/* True when it is new there. */
static bool add_what(struct reader *row, struct trn_str klass)
{
    struct trn_str rest = {row->what, row->n_what}, one;
    while (row->n_what && trn_str_split(&rest, ',', &one))
        if (trn_str_eq(trn_str_trim(one), klass))
            return false;
    if (row->n_what + klass.n + 2 > WHAT_LENGTH)
        return false;
    if (row->n_what) {
        row->what[row->n_what++] = ',';
        row->what[row->n_what++] = ' ';
    }
    for (size_t i = 0; i < klass.n; i++)
        row->what[row->n_what++] = klass.p[i];
    return true;
}

static int note(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_read *r, uint64_t root,
                uint16_t weight)
{
    struct reader *row = reader_for(x, root);
    if (!row)
        return -ENOMEM;
    if (row->boot_ns + WITHIN_NS < r->boot_ns)
        *row = (struct reader){0};
    bool news = row->weight < weight;
    row->boot_ns = r->boot_ns;
    row->wall_ns = r->wall_ns;
    row->seq = r->seq;
    row->weight = TRN_MAX(row->weight, weight);
    news = add_what(row, r->klass) || news;
    return news ? remember(ctx, r, root, row) : 0;
}

/* The software that put the program there and started it has what the program read. */
static const struct trn_entity *owner_of(const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                                         const struct trn_entity *root)
{
    bool session;
    struct trn_software s;
    const struct trn_entity *starter = trn_process_starter(ctx->processes, root, &session);
    const struct trn_written *w = trn_provenance_find(p, &root->image.file, root->image.path);
    if (!starter || !w)
        return NULL;
    trn_process_software(starter, &s);
    return trn_same_software(&s, &w->software) ? trn_root_of(ctx->processes, starter) : NULL;
}

int trn_exfiltration_read(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                          const struct trn_read *r, uint16_t weight)
{
    if (!weight)
        return 0;
    int err = note(x, ctx, r, r->root->id, weight);
    const struct trn_entity *owner = owner_of(ctx, p, r->root);
    return err || !owner || owner->id == r->root->id ? err : note(x, ctx, r, owner->id, weight);
}

/* Who read of those that stand behind e: its own software, or one that started it. */
static struct reader *reader_behind(const struct trn_exfiltration *x, const struct trn_detect_ctx *ctx,
                                    const struct trn_entity *e, uint64_t boot_ns)
{
    for (int i = 0; e && i < CLIMB; i++) {
        const struct trn_entity *root = trn_root_of(ctx->processes, e);
        struct reader *row = trn_map_get_ptr(x->readers, root->id);
        bool session;
        if (row && boot_ns >= row->boot_ns && boot_ns <= row->boot_ns + WITHIN_NS)
            return row;
        e = trn_process_starter(ctx->processes, root, &session);
    }
    return NULL;
}

/* ---- where bytes went ---- */

static uint64_t end_of(const struct trn_ev_net *net)
{
    return trn_hash64_mix(trn_hash64(net->dst, sizeof(net->dst)), (uint64_t)net->dst_port << 8 | net->family);
}

static struct place *place_of(struct reader *row, uint64_t feature)
{
    for (uint32_t i = 0; i < row->n_places; i++)
        if (row->places[i].feature == feature)
            return &row->places[i];
    if (row->n_places == PLACES)
        return NULL;
    row->places[row->n_places] = (struct place){.feature = feature};
    return &row->places[row->n_places++];
}

struct sent {
    const struct trn_event *ev;
    const struct trn_entity *e;
    struct trn_str name, feature;
    struct trn_novelty novelty;
};

/* Without history everything is new; then what an earlier version did is not. */
static bool is_new(const struct trn_profiles *p, const struct trn_software *s, struct sent *sent)
{
    if (!trn_profiles_look(p, s, TRN_FEATURE_DESTINATION, sent->feature, &sent->novelty))
        return true;
    if (sent->novelty.state == TRN_FEATURE_ORDINARY)
        return false;
    return trn_novelty_mature(&sent->novelty) || !sent->novelty.before_version;
}

static void put_to(struct trn_buf *b, const struct sent *sent)
{
    if (trn_str_is_empty(sent->name))
        trn_put_address(b, sent->ev->net.dst, sent->ev->net.family, sent->ev->net.dst_port);
    else
        trn_escape(b, sent->name);
}

static int tell(const struct trn_detect_ctx *ctx, const struct reader *row, const struct place *place,
                const struct sent *sent, struct trn_finding *f)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const struct trn_event *ev = sent->ev;
    trn_buf_init(&b, 8192);
    if (!a)
        return -ENOMEM;
    f->score = row->weight >= STAGE && f->acting ? f->check->score : SCORE_NOTE;
    f->boot_ns = ev->boot_ns;
    f->wall_ns = ev->wall_ns;
    f->telemetry = TRN_TEL_NETWORK | TRN_TEL_FILE;
    trn_put_fmt(&b, "%llu byte%s out to ", (unsigned long long)place->bytes, place->bytes == 1 ? "" : "s");
    put_to(&b, sent);
    trn_put_c(&b, " within ");
    trn_put_span(&b, ev->boot_ns - row->boot_ns);
    trn_put_c(&b, " after it read private data");
    f->summary = trn_keep(a, &b);
    trn_buf_clear(&b);
    if (row->seq)
        trn_finding_event(f, row->seq);
    trn_finding_event(f, ev->seq);
    trn_finding_add(f, "bytes", trn_arena_printf(a, "%llu", (unsigned long long)place->bytes));
    trn_finding_add(f, "domain", sent->name);
    trn_put_address(&b, ev->net.dst, ev->net.family, ev->net.dst_port);
    trn_finding_add(f, "address", trn_keep(a, &b));
    trn_buf_clear(&b);
    trn_finding_add(f, "read", (struct trn_str){row->what, row->n_what});
    trn_put_span(&b, ev->boot_ns - row->boot_ns);
    trn_finding_add(f, "after", trn_keep(a, &b));
    trn_buf_clear(&b);
    trn_novelty_words(&sent->novelty, &b);
    trn_finding_add(f, "novelty", trn_keep(a, &b));
    trn_finding_add(f, "program", sent->e->image.path);
    if (f->score < STAGE)
        trn_finding_add(f, "weight", TRN_STR("what it read is its trade, or a person's doing"));
    uint64_t salt = trn_hash64_mix(trn_root_of(ctx->processes, sent->e)->id, trn_hash64_str(sent->feature));
    return trn_report(ctx, f, salt);
}

static int closed(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_profiles *p,
                  const struct trn_event *ev)
{
    char feature[TRN_TEMPLATE_MAX];
    struct sent sent = {.ev = ev, .e = trn_process_of(ctx->processes, ev), .name = trn_contact_name(ev)};
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.exfiltration"));
    bool known = ev->net.bytes_out != TRN_NO_U64 && ev->net.bytes_out > 0 && ev->net.dst_port != DNS_PORT;
    if (!known || !sent.e || !check || !trn_map_count(x->readers))
        return 0;
    struct reader *row = reader_behind(x, ctx, sent.e, ev->boot_ns);
    if (!row || trn_seen_has(x->own, end_of(&ev->net)))
        return 0;
    struct trn_finding f;
    trn_finding_init(&f, check);
    trn_subject(ctx->processes, sent.e, &f);
    sent.feature = trn_contact_feature(sent.name, ev->net.dst, ev->net.family, feature);
    if (trn_str_is_empty(sent.feature) || !is_new(p, &f.software, &sent))
        return 0;
    struct place *place = place_of(row, trn_hash64_str(sent.feature));
    if (!place)
        return 0;
    place->bytes += ev->net.bytes_out;
    if (place->told && place->bytes < 10 * place->told)
        return 0;
    place->told = place->bytes;
    return tell(ctx, row, place, &sent, &f);
}

/* The row itself is only good for a living process. */
static int gone(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_event *because)
{
    struct trn_event ev;
    if (!trn_map_get_ptr(x->readers, because->entity))
        return 0;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("read");
    ev.state.key = because->entity;
    ev.state.value = TRN_STR("");
    return trn_sink_event(&ctx->state, &ev);
}

int trn_exfiltration_push(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_profiles *p,
                          const struct trn_event *ev)
{
    switch (ev->type) {
    case TRN_EV_ACCEPT:
        trn_seen_count(x->own, end_of(&ev->net));
        return 0;
    case TRN_EV_NET_CLOSE:
        return closed(x, ctx, p, ev);
    case TRN_EV_EXIT:
        return gone(x, ctx, ev);
    case TRN_EV_STATE:
        return trn_str_eq_c(ev->state.kind, "read") ? restore(x, ev) : 0;
    default:
        return 0;
    }
}

size_t trn_exfiltration_bytes(const struct trn_exfiltration *x)
{
    return sizeof(*x) + trn_map_bytes(x->readers) + trn_map_count(x->readers) * sizeof(struct reader) +
           trn_seen_bytes(x->own);
}
