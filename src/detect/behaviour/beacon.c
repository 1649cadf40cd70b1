/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.beacon: which connections are calls to the same place, when a judgement is due, and what survives a
 * restart (STATE rows "beacon"; key 0 is the record of when the host was awake). A place is the registrable domain of
 * the name that was asked for, else the address; with its port, for one software whatever its version.
 * Never by timing alone: a place that the profile knows as ordinary is counted and never judged.
 * Left out: name servers, time sync (UDP 123), multicast, link-local, and 127.0.0.1 and ::1, where this host's own
 * services listen, whose calls are seen themselves; other loopback addresses count like any place.
 * Must not: know how regularity is computed (beacon_judge.c) or worded (beacon_tell.c).
 */
#include "detect/behaviour/beacon.h"
#include "detect/behaviour/beacon_table.h"
#include "detect/behaviour/first_contact.h"
#include "detect/behaviour/host_kind.h"
#include "detect/behaviour/template.h"

#include <netinet/in.h>

#define DNS_PORT 53
#define NTP_PORT 123
#define EVERY_CHECKIN_UNTIL 16u
#define ROW_AFTER (600u * TRN_BEACON_HZ)        /* two calls nearer than this are worth no row yet */
#define AWAKE_ROW_EVERY (3600u * TRN_BEACON_HZ) /* so much of it may be lost in a crash */
#define ACCUSED 256u
#define OF_WEIGHT 25 /* score of what accuses */
#define LIVES_AGAIN 3
#define LIVES_NEW 60
#define LIVES_HIGH 200
#define HIGH 50 /* score */

#define FLAG_STORED 0x80u /* a row of it was told */
#define FLAG_TOLD 0x1fu   /* log2 of the check-ins at the last finding; 0: none */

struct trn_beacons {
    struct trn_beacon_table *table;
    struct trn_awake awake;
    uint32_t awake_told;
    struct trn_seen *accused; /* software of whom something else was told */
};

struct trn_beacons *trn_beacons_new(uint32_t max)
{
    struct trn_beacons *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->table = trn_beacon_table_new(max);
    b->accused = trn_seen_new(ACCUSED);
    return b->table && b->accused ? b : trn_beacons_free(b);
}

struct trn_beacons *trn_beacons_free(struct trn_beacons *b)
{
    if (b) {
        trn_beacon_table_free(b->table);
        trn_seen_free(b->accused);
        free(b);
    }
    return NULL;
}

/* ---- rows ---- */

static int remember(const struct trn_detect_ctx *ctx, const struct trn_event *because, uint64_t key,
                    struct trn_str value)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("beacon");
    ev.state.key = key;
    ev.state.value = value;
    return trn_sink_event(&ctx->state, &ev);
}

static int tell_row(const struct trn_detect_ctx *ctx, const struct trn_event *because, struct trn_beacon *row)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    row->flags |= FLAG_STORED;
    trn_beacon_encode(row, &b);
    return b.bad ? -ENOMEM : remember(ctx, because, row->key, trn_buf_str(&b));
}

static int tell_awake(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_event *because)
{
    TRN_AUTO(trn_buf_done) struct trn_buf row;
    trn_buf_init(&row, 4096);
    trn_awake_encode(&b->awake, &row);
    b->awake_told = b->awake.s[b->awake.n - 1].to;
    return row.bad ? -ENOMEM : remember(ctx, because, 0, trn_buf_str(&row));
}

static int row_of(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_event *because,
                  uint64_t key, struct trn_beacon **ret)
{
    struct trn_beacon gone;
    *ret = trn_beacon_table_get(b->table, key, &gone);
    return gone.flags & FLAG_STORED ? remember(ctx, because, gone.key, TRN_STR("")) : 0;
}

static int restore(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    struct trn_beacon got, *row;
    struct trn_awake awake;
    if (trn_str_is_empty(ev->state.value))
        return 0;
    if (ev->state.key == 0) {
        if (!b->awake.n && trn_awake_decode(ev->state.value, &awake))
            b->awake = awake;
        return 0;
    }
    if (!trn_beacon_decode(ev->state.value, &got) || got.key != ev->state.key ||
        trn_beacon_table_find(b->table, got.key))
        return 0; /* a damaged row is a forgotten one */
    int r = row_of(b, ctx, ev, got.key, &row);
    *row = got;
    row->lives = got.score >= HIGH ? LIVES_HIGH : LIVES_AGAIN;
    return r;
}

/* ---- which place ---- */

/* This host's own services listen at 127.0.0.1 and ::1. */
static bool is_nobody(const uint8_t *a, uint8_t family)
{
    static const uint8_t own4[4] = {127, 0, 0, 1}, own6[16] = {[15] = 1};
    struct trn_str address = {(const char *)a, family == 4 ? 4 : 16};
    return trn_host_is_nobody(a, family) ||
           trn_str_eq(address, (struct trn_str){(const char *)(family == 4 ? own4 : own6), address.n});
}

static bool is_call(const struct trn_event *ev)
{
    const struct trn_ev_net *net = &ev->net;
    if (net->dst_port == DNS_PORT || is_nobody(net->dst, net->family) || (ev->flags & TRN_EVF_EXISTING))
        return false;
    if (net->proto == IPPROTO_UDP && (net->dst_port == 0 || net->dst_port == NTP_PORT))
        return false;
    /* A refused call is a call; one that failed by waiting is told minutes after it was made. */
    return ev->action != TRN_ACT_FAILED || net->error == ECONNREFUSED;
}

struct place {
    struct trn_str name, feature; /* feature: the profile's word for it */
    struct trn_software software;
    uint64_t key;
    char text[TRN_TEMPLATE_MAX];
};

static bool place_of(const struct trn_detect_ctx *ctx, const struct trn_entity *e, const struct trn_event *ev,
                     struct place *ret)
{
    const struct trn_entity *acting = trn_process_acting(ctx->processes, e);
    ret->name = trn_contact_name(ev);
    ret->feature = trn_contact_feature(ret->name, ev->net.dst, ev->net.family, ret->text);
    uint64_t key = trn_hash64_str(ret->feature);
    if (trn_str_is_empty(ret->name)) /* the profile knows blocks of addresses */
        key = trn_hash64(ev->net.dst, ev->net.family == 4 ? 4 : 16);
    trn_process_software(acting ? acting : e, &ret->software);
    key = trn_hash64_mix(key, trn_hash64_str(ret->software.name));
    key = trn_hash64_mix(key, (uint64_t)ret->software.origin << 32 | ev->net.dst_port);
    ret->key = key ? key : 1;
    return !trn_str_is_empty(ret->feature);
}

/* ---- who else said something ---- */

static uint64_t software_key(const struct trn_software *s)
{
    return trn_hash64_mix(trn_hash64_mix(trn_hash64_str(s->name), trn_hash64_str(s->version)), s->origin);
}

void trn_beacons_finding(struct trn_beacons *b, const struct trn_finding *f)
{
    if (f->score >= OF_WEIGHT && f->acting && f->check->stage != TRN_STAGE_BEACON)
        trn_seen_count(b->accused, software_key(&f->software));
}

/* ---- calls ---- */

static void note_event(struct trn_beacon *row, uint64_t seq)
{
    if (!row->events[0]) {
        row->events[0] = seq;
        return;
    }
    row->events[1] = row->events[2];
    row->events[2] = row->events[3];
    row->events[3] = seq;
}

/* From the sixth check-in on, at each; later at each eighth more. */
static bool is_due(const struct trn_beacon *row)
{
    return row->n_checkins < EVERY_CHECKIN_UNTIL || row->n_checkins % TRN_MAX(1u, row->n_checkins / 8) == 0;
}

static uint8_t log2_of(uint32_t n)
{
    return (uint8_t)(31 - __builtin_clz(n | 1));
}

/* The program's file came from the network without a person or an installer: nobody's software does that. */
static const struct trn_written *from_network(const struct trn_provenance *provenance, const struct trn_entity *e)
{
    const struct trn_written *w = trn_provenance_find(provenance, &e->image.file, e->image.path);
    bool of_network = w && (w->flags & TRN_WRITTEN_NET) && !(w->flags & TRN_WRITTEN_SESSION);
    return of_network && !trn_is_installer(&w->software) ? w : NULL;
}

static int judge(struct trn_beacons *b, const struct trn_detect_ctx *ctx, struct trn_beacon *row,
                 const struct trn_beacon_case *known)
{
    struct trn_beacon_case c = *known;
    struct trn_beacon_verdict v;
    if (!trn_beacon_judge(row, &b->awake, &v))
        return 0;
    row->score = (uint8_t)(v.score * 100);
    if (row->score >= HIGH)
        trn_beacon_table_keep(row, LIVES_HIGH);
    /* Told again with the same id when there are twice as many. */
    if (v.score < TRN_BEACON_TOLD_AT || log2_of(row->n_checkins) <= (row->flags & FLAG_TOLD))
        return 0;
    row->flags = (uint8_t)((row->flags & ~FLAG_TOLD) | log2_of(row->n_checkins));
    c.verdict = &v;
    return trn_beacon_tell(ctx, &c);
}

static int called(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_profiles *profiles,
                  const struct trn_provenance *provenance, const struct trn_event *ev)
{
    const struct trn_entity *e = is_call(ev) ? trn_process_of(ctx->processes, ev) : NULL;
    struct trn_beacon *row;
    struct trn_novelty novelty;
    struct place place;
    if (!e || !place_of(ctx, e, ev, &place))
        return 0;
    int r = row_of(b, ctx, ev, place.key, &row);
    if (r || !trn_beacon_connection(row, trn_beacon_time(ev->wall_ns)))
        return r;
    note_event(row, ev->seq);
    if (row->n_checkins < 2 || !is_due(row))
        return 0;
    trn_beacon_table_keep(row, LIVES_AGAIN);
    bool has_profile = trn_profiles_look(profiles, &place.software, TRN_FEATURE_DESTINATION, place.feature, &novelty);
    if (has_profile && novelty.state == TRN_FEATURE_ORDINARY)
        return 0;
    if (has_profile && !novelty.before_version)
        trn_beacon_table_keep(row, LIVES_NEW);
    struct trn_beacon_case c = {.beacon = row,
                                .entity = e,
                                .ev = ev,
                                .place = place.name,
                                .novelty = has_profile ? &novelty : NULL,
                                .accused = trn_seen_has(b->accused, software_key(&place.software)),
                                .written = from_network(provenance, e)};
    r = judge(b, ctx, row, &c);
    bool early = row->n_checkins < 3 && row->last - row->first < ROW_AFTER;
    return r || early ? r : tell_row(ctx, ev, row);
}

static int closed(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_entity *e = is_call(ev) ? trn_process_of(ctx->processes, ev) : NULL;
    struct place place;
    if (!e || ev->net.bytes_out == TRN_NO_U64 || !place_of(ctx, e, ev, &place))
        return 0;
    struct trn_beacon *row = trn_beacon_table_find(b->table, place.key);
    if (row)
        trn_beacon_bytes_out(row, ev->net.bytes_out);
    return 0;
}

int trn_beacons_push(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_profiles *profiles,
                     const struct trn_provenance *provenance, const struct trn_event *ev)
{
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "beacon") ? restore(b, ctx, ev) : 0;
    int r = 0;
    uint32_t now = trn_beacon_time(ev->wall_ns);
    if (ev->wall_ns && (trn_awake_seen(&b->awake, now) ||
                        (b->awake.n && b->awake.s[b->awake.n - 1].to - b->awake_told > AWAKE_ROW_EVERY)))
        r = tell_awake(b, ctx, ev);
    if (!r && ev->type == TRN_EV_CONNECT)
        r = called(b, ctx, profiles, provenance, ev);
    else if (!r && ev->type == TRN_EV_NET_CLOSE)
        r = closed(b, ctx, ev);
    return r;
}

size_t trn_beacons_count(const struct trn_beacons *b)
{
    return trn_beacon_table_count(b->table);
}

uint64_t trn_beacons_evicted(const struct trn_beacons *b)
{
    return trn_beacon_table_evicted(b->table);
}

size_t trn_beacons_bytes(const struct trn_beacons *b)
{
    return sizeof(*b) + trn_beacon_table_bytes(b->table) + trn_seen_bytes(b->accused);
}
