/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what no detector asks the profile: runs, child programs, interpreters, shape of arguments, ports, privileges,
 * hours. An exec waits here for its identity, a few seconds at most. Must not: judge.
 */
#include "detect/behaviour/profile_internal.h"
#include "detect/behaviour/template.h"

#include <netinet/in.h>
#include <stdio.h>

#define IDENTITY_WAIT_NS (5 * TRN_NS_PER_SEC)
#define PRIVILEGED 1024u
#define EPHEMERAL 32768u
#define QUARTER_HOURS 6u

/* The profile of s, and its version; false: nobody's or out of memory (*ret_r). */
static bool open_profile(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_software *s,
                         uint64_t wall_ns, struct trn_lineage **ret_l, struct trn_profile_version **ret_v, int *ret_r)
{
    if (trn_str_is_empty(s->name))
        return false;
    *ret_l = trn_lineage_for(p, ctx, s, wall_ns);
    *ret_v = *ret_l ? trn_lineage_version(p, *ret_l, s->version, wall_ns) : NULL;
    if (!*ret_v)
        *ret_r = -ENOMEM;
    return *ret_v != NULL;
}

static int hours(struct trn_profiles *p, struct trn_lineage *l, struct trn_profile_version *v,
                 const struct trn_event *ev)
{
    static const char *const words[] = {"00-06 UTC", "06-12 UTC", "12-18 UTC", "18-24 UTC"};
    uint8_t quarter = (uint8_t)(ev->wall_ns / TRN_NS_PER_SEC % TRN_DAY_SEC / 3600 / QUARTER_HOURS);
    if (l->quarter == quarter)
        return 0;
    l->quarter = quarter;
    return trn_feature_record(p, l, v, ev, TRN_FEATURE_HOURS, trn_str_of(words[quarter]), NULL);
}

static int run(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
               const struct trn_software *s, const struct trn_event *ev)
{
    struct trn_lineage *l;
    struct trn_profile_version *v;
    char text[TRN_TEMPLATE_MAX];
    int r = 0;
    if (!open_profile(p, ctx, s, ev->wall_ns, &l, &v, &r))
        return r;
    l->runs++;
    v->runs++;
    l->dirty = true;
    trn_lineage_matures(l);
    trn_lineage_touch(l, v, ev->wall_ns);
    r = trn_feature_record(p, l, v, ev, TRN_FEATURE_ARGUMENTS, trn_template_flags(e->image.argv, text), NULL);
    return r ? r : hours(p, l, v, ev);
}

static bool has_package(const struct trn_software *s)
{
    return s->origin != TRN_ORIGIN_MANUAL && s->origin != TRN_ORIGIN_UNKNOWN;
}

static int child(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
                 const struct trn_software *by, const struct trn_software *s, const struct trn_event *ev)
{
    struct trn_lineage *l;
    struct trn_profile_version *v;
    char text[TRN_TEMPLATE_MAX];
    int r = 0;
    if (!open_profile(p, ctx, by, ev->wall_ns, &l, &v, &r))
        return r;
    struct trn_str name = has_package(s) ? s->name : trn_template_folder(e->image.path, text);
    r = trn_feature_record(p, l, v, ev, TRN_FEATURE_CHILD, name, NULL);
    if (!r && (e->image.role == TRN_ROLE_SHELL || e->image.role == TRN_ROLE_INTERPRETER))
        r = trn_feature_record(p, l, v, ev, TRN_FEATURE_INTERPRETER, trn_template_program(e->image.path, text), NULL);
    trn_lineage_touch(l, v, ev->wall_ns);
    return r ? r : hours(p, l, v, ev);
}

/* What was there when the sensor started has been counted, unless it is all that is known. */
static bool is_counted(const struct trn_profiles *p, const struct trn_software *s, const struct trn_event *ev)
{
    const struct trn_lineage *l = ev->flags & TRN_EVF_EXISTING ? trn_lineage_find(p, s) : NULL;
    return l && l->runs > 0;
}

static bool same_lineage(const struct trn_software *a, const struct trn_software *b)
{
    return a->origin == b->origin && trn_str_eq(a->name, b->name);
}

static int started(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
                   const struct trn_event *ev)
{
    struct trn_software s, by;
    bool session;
    trn_process_software(e, &s);
    const struct trn_entity *starter = trn_process_starter(ctx->processes, e, &session);
    int r = 0;
    if (starter) {
        trn_process_software(starter, &by);
        p->actor = starter->id;
        if (!same_lineage(&s, &by) && !is_counted(p, &by, ev))
            r = child(p, ctx, e, &by, &s, ev);
    }
    if (r || is_counted(p, &s, ev) || trn_root_of(ctx->processes, e)->id != e->id)
        return r;
    p->actor = e->acting;
    return run(p, ctx, e, &s, ev);
}

static bool is_identified(const struct trn_entity *e)
{
    return e->image.identity && (trn_str_is_empty(e->image.script) || e->image.script_identity);
}

/* Those that are told by now, and those that have waited long enough, in the order of their coming. */
static int settle(struct trn_profiles *p, const struct trn_detect_ctx *ctx, uint64_t now_ns, bool all)
{
    int r = 0;
    size_t kept = 0;
    for (size_t i = 0; i < p->n_pending; i++) {
        struct trn_pending_exec *w = &p->pending[i];
        const struct trn_entity *e = trn_process_get(ctx->processes, w->entity);
        if (!e || e->image.exec_seq != w->exec_seq)
            continue;
        if (!r && (all || is_identified(e) || w->boot_ns + IDENTITY_WAIT_NS < now_ns))
            r = started(p, ctx, e, &w->ev);
        else
            p->pending[kept++] = *w;
    }
    p->n_pending = kept;
    return r;
}

static int executed(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    int r = 0;
    if (!e)
        return 0;
    if (is_identified(e))
        return started(p, ctx, e, ev);
    if (p->n_pending == TRN_PENDING)
        r = settle(p, ctx, ev->boot_ns, true);
    struct trn_pending_exec *w = &p->pending[p->n_pending++];
    *w = (struct trn_pending_exec){.entity = e->id, .exec_seq = e->image.exec_seq, .boot_ns = ev->boot_ns};
    trn_event_init(&w->ev, TRN_EV_EXEC);
    w->ev.seq = ev->seq;
    w->ev.boot_ns = ev->boot_ns;
    w->ev.wall_ns = ev->wall_ns;
    w->ev.flags = ev->flags;
    return r;
}

static int ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev,
               enum trn_feature_class class, struct trn_str text)
{
    struct trn_novelty n;
    const struct trn_entity *e = trn_process_of(ctx->processes, ev);
    int r = e ? trn_profiles_ask(p, ctx, e, ev, class, text, &n) : 0;
    return r == -ENODATA ? 0 : r;
}

static int listens(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    char bytes[48];
    uint32_t port = ev->net.src_port;
    const char *proto = ev->net.proto == IPPROTO_UDP ? "udp" : "tcp";
    if (port == TRN_NO_U32 || port >= EPHEMERAL || port == 0)
        snprintf(bytes, sizeof(bytes), "%s ephemeral", proto);
    else
        snprintf(bytes, sizeof(bytes), "%s %s %u", proto, port < PRIVILEGED ? "privileged" : "registered", port);
    return ask(p, ctx, ev, TRN_FEATURE_LISTEN, trn_str_of(bytes));
}

static int privileges(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_ev_cred *c = &ev->cred;
    if (ev->action == TRN_ACT_CAPABILITIES) {
        bool known = c->capabilities != TRN_NO_U64 && c->old_capabilities != TRN_NO_U64;
        return known && (c->capabilities & ~c->old_capabilities)
                   ? ask(p, ctx, ev, TRN_FEATURE_PRIVILEGE, TRN_STR("gains capabilities"))
                   : 0;
    }
    bool becomes_root = ev->euid == 0 && c->old_euid != 0;
    return ask(p, ctx, ev, TRN_FEATURE_PRIVILEGE,
               becomes_root ? TRN_STR("becomes root") : TRN_STR("becomes another user"));
}

int trn_profile_acts(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    int r = 0;
    if (p->n_pending && (ev->type == TRN_EV_IDENTITY || p->pending[0].boot_ns + IDENTITY_WAIT_NS < ev->boot_ns))
        r = settle(p, ctx, ev->boot_ns, false);
    if (r)
        return r;
    switch (ev->type) {
    case TRN_EV_EXEC:
        return executed(p, ctx, ev);
    case TRN_EV_LISTEN:
        return listens(p, ctx, ev);
    case TRN_EV_CRED:
        return privileges(p, ctx, ev);
    case TRN_EV_STOP:
        return settle(p, ctx, ev->boot_ns, true);
    default:
        return 0;
    }
}
