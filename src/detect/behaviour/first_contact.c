/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.first-contact: a software talks to a place, or to a kind of place, that it never talked to. One contact
 * is enough. Connections wait until it is known whose program connected (at most some seconds, at most WAITING of them).
 * Hand-offs: what was there before is the profile's memory; a restart costs nothing but the names of addresses.
 * Must not: know what was sent.
 */
#include "detect/behaviour/first_contact.h"
#include "detect/behaviour/host_kind.h"
#include "detect/behaviour/template.h"

#include <netinet/in.h>

#define WAITING 64
#define IDENTITY_NS (5 * TRN_NS_PER_SEC)
#define RECENT 4096 /* contacts that were asked about today */
#define NAMED 8192  /* blocks of addresses whose names were asked for */
#define NAME_CACHE_NS (3600 * TRN_NS_PER_SEC)
#define BROAD 24 /* who talks to that many places may talk to one more */
#define NAME_LENGTH 255
#define DNS_PORT 53
#define NTP_PORT 123
#define SCORE_KNOWN_KIND 15
#define SCORE_SESSION 10
#define SCORE_TOOL 15
#define SCORE_LOOSE 20 /* class rules about a program of no package */

struct contact {
    uint64_t seq, boot_ns, wall_ns, entity;
    uint32_t port;
    uint8_t family, proto, address[16];
    bool existing;
    uint8_t n;
    char name[NAME_LENGTH];
};

struct trn_first_contact {
    struct contact waiting[WAITING];
    size_t n_waiting;
    uint64_t recent[RECENT];
    uint64_t started_ns; /* the engine: what was asked for before is not known */
    struct trn_seen *named;
};

struct trn_first_contact *trn_first_contact_new(void)
{
    struct trn_first_contact *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->named = trn_seen_new(NAMED);
    return c->named ? c : trn_first_contact_free(c);
}

struct trn_first_contact *trn_first_contact_free(struct trn_first_contact *c)
{
    if (c) {
        if (c->named)
            trn_seen_free(c->named);
        free(c);
    }
    return NULL;
}

struct trn_str trn_contact_name(const struct trn_event *ev)
{
    struct trn_value v;
    return trn_event_get(ev, trn_field_by_id(TRN_F_DST_DOMAIN), &v) ? v.s : TRN_STR_NONE;
}

struct trn_str trn_contact_feature(struct trn_str name, const uint8_t *address, uint8_t family, char *out)
{
    if (trn_host_is_nobody(address, family))
        return TRN_STR_NONE;
    struct trn_str domain = trn_str_is_empty(name) ? TRN_STR_NONE : trn_template_domain(name, out);
    return trn_str_is_empty(domain) ? trn_template_address(address, family, out) : domain;
}

/* ---- one contact, judged ---- */

struct verdict {
    const struct contact *c;
    const struct trn_entity *e;
    enum trn_host_kind kind;
    struct trn_str name, feature, like, weight;
    struct trn_novelty place, of_kind;
    uint16_t score;
    struct trn_finding f; /* who */
};

static bool is_literal(enum trn_host_kind k)
{
    return k == TRN_HOST_PUBLIC || k == TRN_HOST_PRIVATE || k == TRN_HOST_LOOPBACK;
}

static bool has_package(const struct trn_software *s)
{
    return s->origin != TRN_ORIGIN_MANUAL && s->origin != TRN_ORIGIN_UNKNOWN && !(s->flags & TRN_SW_MODIFIED);
}

/* "discord" talks to discord.com. */
static bool is_its_own(const struct trn_software *s, struct trn_str domain)
{
    ptrdiff_t dot = trn_str_find(domain, '.');
    return dot >= 4 && trn_str_contains(s->name, trn_str_slice(domain, 0, (size_t)dot));
}

static void weigh_down(struct verdict *v, uint16_t most, struct trn_str why)
{
    if (v->score <= most)
        return;
    v->score = most;
    v->weight = why;
}

static size_t places(const struct trn_profiles *p, const struct trn_software *s)
{
    struct trn_str text;
    size_t n = 0, it = 0;
    while (trn_profiles_next(p, s, TRN_FEATURE_DESTINATION, &it, &text))
        n++;
    return n;
}

static void weigh_mature(const struct trn_profiles *p, struct verdict *v)
{
    const struct trn_host_kind_def *d = trn_host_kind_def(v->kind);
    bool never = d->suspicious && (v->of_kind.state == TRN_FEATURE_NEW ||
                                   (v->of_kind.state == TRN_FEATURE_WAITING && v->place.state == TRN_FEATURE_NEW) ||
                                   (v->of_kind.state == TRN_FEATURE_WAITING && v->of_kind.first_in_version));
    if (never)
        v->score = d->never;
    else if (v->place.state == TRN_FEATURE_NEW && places(p, &v->f.software) < BROAD)
        v->score = TRN_MIN(d->never, (uint16_t)SCORE_KNOWN_KIND);
}

/* Without history only what no such program does counts. */
static void weigh_young(struct verdict *v)
{
    const struct trn_host_kind_def *d = trn_host_kind_def(v->kind);
    if (v->place.state == TRN_FEATURE_ORDINARY || !v->place.first_in_version || trn_is_developers(&v->f.software))
        return;
    v->score = d->impostor;
    if (!has_package(&v->f.software))
        weigh_down(v, SCORE_LOOSE, TRN_STR("a program of no package, without history"));
}

static void weigh(const struct trn_first_contact *fc, const struct trn_profiles *p, struct verdict *v)
{
    bool mature = trn_novelty_mature(&v->place), session = v->f.acting == 0;
    if (mature)
        weigh_mature(p, v);
    else if (!session && !trn_is_browser(&v->f.software))
        weigh_young(v);
    if (session || trn_is_browser(&v->f.software)) {
        /* A person decides where these go: one note for each kind, never for a place. */
        if (!trn_host_kind_def(v->kind)->suspicious || v->of_kind.state != TRN_FEATURE_NEW)
            v->score = 0;
        weigh_down(v, SCORE_SESSION, session ? TRN_STR("started by hand") : TRN_STR("a person chooses where it goes"));
        return;
    }
    if (trn_is_developers(&v->f.software))
        weigh_down(v, SCORE_TOOL, TRN_STR("a tool of developers"));
    if (v->kind != TRN_HOST_LOOK_ALIKE && !is_literal(v->kind) && is_its_own(&v->f.software, v->feature)) {
        if (!mature)
            v->score = 0;
        weigh_down(v, SCORE_KNOWN_KIND, TRN_STR("the place has the software's own name"));
    }
    if (v->kind == TRN_HOST_PUBLIC && fc->started_ns && v->c->boot_ns < fc->started_ns + NAME_CACHE_NS)
        weigh_down(v, SCORE_KNOWN_KIND, TRN_STR("its name may have been asked for before turncoat started"));
}

static void put_summary(struct trn_buf *b, const struct verdict *v, struct trn_str address)
{
    trn_put_c(b, "talks to ");
    trn_escape(b, trn_str_is_empty(v->name) ? address : v->name);
    if (v->kind != TRN_HOST_ORDINARY)
        trn_put_fmt(b, " (%s)", trn_host_kind_def(v->kind)->words);
    trn_put_c(b, "; ");
    trn_novelty_words(v->place.state == TRN_FEATURE_ORDINARY ? &v->of_kind : &v->place, b);
}

static int tell(const struct trn_detect_ctx *ctx, struct verdict *v)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 8192);
    if (!a)
        return -ENOMEM;
    struct trn_finding *f = &v->f;
    trn_put_address(&b, v->c->address, v->c->family, v->c->port);
    struct trn_str address = trn_keep(a, &b);
    trn_buf_clear(&b);
    put_summary(&b, v, address);
    f->summary = trn_keep(a, &b);
    trn_buf_clear(&b);
    trn_novelty_words(v->place.state == TRN_FEATURE_ORDINARY ? &v->of_kind : &v->place, &b);
    struct trn_str novelty = trn_keep(a, &b);
    trn_buf_clear(&b);
    f->score = v->score;
    f->boot_ns = v->c->boot_ns;
    f->wall_ns = v->c->wall_ns;
    f->telemetry = TRN_TEL_NETWORK;
    trn_finding_event(f, v->c->seq);
    trn_finding_add(f, "kind", trn_str_of(trn_host_kind_def(v->kind)->name));
    trn_finding_add(f, "domain", v->name);
    trn_finding_add(f, "address", address);
    trn_finding_add(f, "novelty", novelty);
    if (v->place.version_wall_ns && v->place.version_wall_ns < v->c->wall_ns) {
        trn_put_span(&b, v->c->wall_ns - v->place.version_wall_ns);
        trn_finding_add(f, "since_version", trn_keep(a, &b));
        trn_buf_clear(&b);
    }
    trn_finding_add(f, "looks_like", v->like);
    trn_finding_add(f, "program", v->e->image.path);
    trn_finding_add(f, "weight", v->weight);
    uint64_t salt = trn_hash64_mix(trn_hash64_str(f->software.name), trn_hash64_str(f->software.version));
    salt = trn_hash64_mix(trn_hash64_mix(salt, f->software.origin), trn_hash64_str(v->feature));
    return trn_report(ctx, f, trn_hash64_mix(salt, v->kind));
}

/* A name made to be taken for a place that this software knows. */
static bool looks_like(const struct trn_profiles *p, struct verdict *v, char *keep)
{
    struct trn_str known;
    size_t it = 0;
    while (trn_profiles_next(p, &v->f.software, TRN_FEATURE_DESTINATION, &it, &known)) {
        if (trn_str_find(known, '/') >= 0 || !trn_look_alike(v->feature, known))
            continue;
        memcpy(keep, known.p, known.n); /* the profile may move it */
        v->like = (struct trn_str){keep, known.n};
        return true;
    }
    return false;
}

static enum trn_host_kind kind_of(const struct contact *c, struct trn_str name)
{
    enum trn_host_kind k =
        trn_str_is_empty(name) ? trn_host_kind_of_address(c->address, c->family) : trn_host_kind_of(name);
    bool ntp = c->proto == IPPROTO_UDP && c->port == NTP_PORT;
    if (k == TRN_HOST_TIME && !ntp)
        return TRN_HOST_ORDINARY;
    return ntp && (k == TRN_HOST_ORDINARY || k == TRN_HOST_PUBLIC) ? TRN_HOST_TIME : k;
}

static int ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct verdict *v,
               enum trn_feature_class class, struct trn_str text, struct trn_novelty *ret)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.seq = v->c->seq;
    ev.boot_ns = v->c->boot_ns;
    ev.wall_ns = v->c->wall_ns;
    return trn_profiles_ask(p, ctx, v->e, &ev, class, text, ret);
}

/* An address whose name was asked for some time ago is no bare address. */
static bool was_named(struct trn_first_contact *fc, const struct verdict *v)
{
    char block[TRN_TEMPLATE_MAX];
    uint64_t key = trn_hash64_mix(trn_hash64_str(v->f.software.name),
                                  trn_hash64_str(trn_template_address(v->c->address, v->c->family, block)));
    if (v->kind == TRN_HOST_PUBLIC || v->kind == TRN_HOST_PRIVATE)
        return trn_seen_has(fc->named, key);
    if (!is_literal(v->kind))
        trn_seen_count(fc->named, key);
    return false;
}

static int judge(struct trn_first_contact *fc, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                 const struct contact *c, const struct trn_entity *e)
{
    char feature[TRN_TEMPLATE_MAX], like[TRN_TEMPLATE_MAX];
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.first-contact"));
    struct verdict v = {.c = c, .e = e};
    if (!check)
        return -ENOENT;
    trn_finding_init(&v.f, check);
    trn_subject(ctx->processes, e, &v.f);
    v.name = c->n ? (struct trn_str){c->name, c->n} : TRN_STR_NONE;
    v.feature = trn_contact_feature(v.name, c->address, c->family, feature);
    v.kind = kind_of(c, v.name);
    if (trn_str_is_empty(v.feature) || was_named(fc, &v))
        return 0;
    bool alike = v.kind == TRN_HOST_ORDINARY && looks_like(p, &v, like);
    int r = ask(p, ctx, &v, TRN_FEATURE_DESTINATION, v.feature, &v.place);
    if (!r && alike && v.place.state != TRN_FEATURE_ORDINARY)
        v.kind = TRN_HOST_LOOK_ALIKE;
    else
        v.like = TRN_STR_NONE;
    if (!r)
        r = ask(p, ctx, &v, TRN_FEATURE_HOST_KIND, trn_str_of(trn_host_kind_def(v.kind)->name), &v.of_kind);
    if (r)
        return r == -ENODATA ? 0 : r;
    if (c->existing)
        return 0; /* it was there before us: known, not new */
    weigh(fc, p, &v);
    return v.score ? tell(ctx, &v) : 0;
}

/* ---- which contacts, and when they are judged ---- */

static bool knows_image(const struct trn_entity *e)
{
    return e->image.identity && (trn_str_is_empty(e->image.script) || e->image.script_identity);
}

static int settle(struct trn_first_contact *fc, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  uint64_t now_ns, bool all)
{
    size_t kept = 0, n = fc->n_waiting;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        const struct contact *c = &fc->waiting[i];
        const struct trn_entity *e = trn_process_get(ctx->processes, c->entity);
        bool known = e && knows_image(e) && knows_image(trn_root_of(ctx->processes, e));
        bool late = now_ns > c->boot_ns + IDENTITY_NS || now_ns + IDENTITY_NS < c->boot_ns;
        if (!e)
            continue;
        if (!r && (all || known || late))
            r = judge(fc, ctx, p, c, e);
        else
            fc->waiting[kept++] = *c;
    }
    fc->n_waiting = kept;
    return r;
}

/* The same process and place within a day: nothing to ask. */
static bool is_recent(struct trn_first_contact *fc, const struct trn_entity *e, const struct trn_event *ev,
                      struct trn_str name)
{
    uint64_t key = trn_hash64_mix(e->id, e->image.exec_seq);
    key = trn_hash64_mix(key, name.n ? trn_hash64_str(name) : trn_hash64(ev->net.dst, sizeof(ev->net.dst)));
    key = trn_hash64_mix(key, ev->wall_ns / (24 * 3600 * TRN_NS_PER_SEC) * 2 + (ev->net.dst_port == NTP_PORT));
    uint64_t *slot = &fc->recent[key % RECENT];
    bool there = *slot == key;
    *slot = key;
    return there;
}

static int connected(struct trn_first_contact *fc, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                     const struct trn_event *ev)
{
    const struct trn_ev_net *net = &ev->net;
    if ((net->family != 4 && net->family != 6) || net->dst_port == DNS_PORT || ev->action == TRN_ACT_FAILED ||
        (net->proto == IPPROTO_UDP && net->dst_port == 0) || trn_host_is_nobody(net->dst, net->family))
        return 0;
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    struct trn_str name = trn_contact_name(ev);
    if (!e || is_recent(fc, e, ev, name))
        return 0;
    int r = 0;
    if (fc->n_waiting == WAITING)
        r = settle(fc, ctx, p, ev->boot_ns, true);
    struct contact *c = &fc->waiting[fc->n_waiting++];
    *c = (struct contact){.seq = ev->seq,
                          .boot_ns = ev->boot_ns,
                          .wall_ns = ev->wall_ns,
                          .entity = e->id,
                          .port = net->dst_port,
                          .family = net->family,
                          .proto = net->proto,
                          .existing = (ev->flags & TRN_EVF_EXISTING) != 0,
                          .n = (uint8_t)TRN_MIN(name.n, (size_t)NAME_LENGTH)};
    for (size_t i = 0; i < c->n; i++)
        c->name[i] = name.p[i];
    for (size_t i = 0; i < sizeof(c->address); i++)
        c->address[i] = net->dst[i];
    return r ? r : settle(fc, ctx, p, ev->boot_ns, false);
}

int trn_first_contact_push(struct trn_first_contact *fc, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                           const struct trn_event *ev)
{
    if (ev->type == TRN_EV_CONNECT)
        return connected(fc, ctx, p, ev);
    if (ev->type == TRN_EV_START)
        fc->started_ns = ev->boot_ns;
    if (fc->n_waiting && (ev->type == TRN_EV_IDENTITY || fc->waiting[0].boot_ns + IDENTITY_NS < ev->boot_ns))
        return settle(fc, ctx, p, ev->boot_ns, false);
    return fc->n_waiting && ev->type == TRN_EV_STOP ? settle(fc, ctx, p, ev->boot_ns, true) : 0;
}

size_t trn_first_contact_bytes(const struct trn_first_contact *fc)
{
    return sizeof(*fc) + trn_seen_bytes(fc->named);
}
