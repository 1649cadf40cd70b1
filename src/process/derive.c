/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what follows from events and the table without anybody telling it: the ids a process had before a change, a
 * change that the kernel did not tell (how it looks when its memory of them was overwritten), other capabilities
 * after an exec, sessions that began, and sudo and su. Must not own: a clock; what it derives is told as an event of
 * its own, stands in the log, and is read from there in a replay.
 *
 *   event ─ trn_deriver_before ─> completed ─ the caller applies it ─ trn_deriver_after ─> derived events, one by one
 */
#include "process/internal.h"

#include <netinet/in.h>

#define OUT_MAX 4u
#define PENDING_MAX 64u
#define PATIENCE_NS (2 * TRN_NS_PER_SEC) /* how late the kernel's word about a change may come */
#define LOSS_EXCUSES_NS (5 * TRN_NS_PER_SEC)
#define SESSIONS 1024u /* the kernel counts them up: so many behind the newest are remembered */
#define UP_MAX 8

/* Ids at an event that nobody told a change to; not an untold change before its time is over. */
struct pending {
    uint64_t entity; /* 0: free */
    uint64_t boot_ns;
    uint32_t pid, uid, euid, old_uid, old_euid;
};

struct trn_deriver {
    const struct trn_process_table *t;
    struct trn_event_sink tell;
    bool changes_are_told, running;
    uint64_t lost_ns; /* when events about access and credentials were last lost */
    struct pending pending[PENDING_MAX];
    uint32_t newest_session;
    uint8_t seen_session[SESSIONS];
    struct trn_event out[OUT_MAX];
    char method[OUT_MAX][64], tty[OUT_MAX][64];
    size_t n_out;
};

int trn_deriver_new(const struct trn_process_table *t, struct trn_event_sink tell, struct trn_deriver **ret)
{
    struct trn_deriver *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->t = t;
    d->tell = tell;
    *ret = d;
    return 0;
}

struct trn_deriver *trn_deriver_free(struct trn_deriver *d)
{
    free(d);
    return NULL;
}

void trn_deriver_set(struct trn_deriver *d, bool changes_are_told, bool running)
{
    d->changes_are_told = changes_are_told;
    d->running = running;
}

/* ---- results ---- */

static struct trn_str keep(char *dst, size_t size, struct trn_str s)
{
    if (trn_str_is_empty(s))
        return TRN_STR_NONE;
    size_t n = TRN_MIN(s.n, size);
    memcpy(dst, s.p, n);
    return (struct trn_str){dst, n};
}

/* About the process of another event; NULL when there is no room, which no one event can fill. */
static struct trn_event *result(struct trn_deriver *d, enum trn_event_type type, enum trn_action action,
                                const struct trn_event *of)
{
    if (d->n_out == OUT_MAX)
        return NULL;
    struct trn_event *ev = &d->out[d->n_out++];
    trn_event_init(ev, type);
    ev->action = (uint16_t)action;
    ev->entity = of->entity;
    ev->boot_ns = of->boot_ns;
    ev->pid = of->pid;
    ev->tid = of->tid;
    ev->uid = of->uid;
    ev->euid = of->euid;
    ev->gid = of->gid;
    ev->mntns = of->mntns;
    ev->cgroup = of->cgroup;
    return ev;
}

int trn_deriver_after(struct trn_deriver *d)
{
    while (d->n_out) {
        struct trn_event ev = d->out[0]; /* telling it comes back here, with an event of its own */
        char method[sizeof(d->method[0])], tty[sizeof(d->tty[0])];
        if (ev.type == TRN_EV_LOGIN) {
            ev.login.method = keep(method, sizeof(method), ev.login.method);
            ev.login.tty = keep(tty, sizeof(tty), ev.login.tty);
        }
        d->n_out--;
        for (size_t i = 0; i < d->n_out; i++) {
            d->out[i] = d->out[i + 1];
            if (d->out[i].type != TRN_EV_LOGIN)
                continue;
            d->out[i].login.method = keep(d->method[i], sizeof(d->method[i]), d->out[i].login.method);
            d->out[i].login.tty = keep(d->tty[i], sizeof(d->tty[i]), d->out[i].login.tty);
        }
        int r = trn_sink_event(&d->tell, &ev);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- credentials ---- */

static struct pending *pending_of(struct trn_deriver *d, uint64_t entity)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (d->pending[i].entity == entity)
            return &d->pending[i];
    return NULL;
}

static void untold(struct trn_deriver *d, struct pending *p)
{
    const struct trn_event of = {.entity = p->entity, .boot_ns = p->boot_ns, .pid = p->pid, .tid = TRN_NO_U32};
    struct trn_event *ev = result(d, TRN_EV_CRED, TRN_ACT_USER, &of);
    if (!ev)
        return; /* stays for the next time */
    ev->uid = p->uid;
    ev->euid = p->euid;
    ev->gid = TRN_NO_U32;
    ev->cred.old_uid = p->old_uid;
    ev->cred.old_euid = p->old_euid;
    if (d->changes_are_told && (!d->lost_ns || d->lost_ns + LOSS_EXCUSES_NS < p->boot_ns))
        ev->flags |= TRN_EVF_UNTOLD;
    p->entity = 0;
}

void trn_deriver_time(struct trn_deriver *d, uint64_t boot_ns)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (d->pending[i].entity && boot_ns > d->pending[i].boot_ns + PATIENCE_NS)
            untold(d, &d->pending[i]);
}

static struct pending *room(struct trn_deriver *d)
{
    struct pending *oldest = &d->pending[0];
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (!d->pending[i].entity)
            return &d->pending[i];
        if (d->pending[i].boot_ns < oldest->boot_ns)
            oldest = &d->pending[i];
    }
    untold(d, oldest);
    return oldest->entity ? NULL : oldest;
}

/* An event carries the ids of its moment: do they agree with what is known of the process? */
static void compare_ids(struct trn_deriver *d, const struct trn_slot *s, const struct trn_event *ev)
{
    if (s->split || s->uid == TRN_NO_U32 || ev->uid == TRN_NO_U32)
        return;
    bool euid_known = s->euid != TRN_NO_U32 && ev->euid != TRN_NO_U32;
    if (s->uid == ev->uid && (!euid_known || s->euid == ev->euid))
        return;
    struct pending *p = pending_of(d, s->id);
    bool fresh = !p;
    if (fresh)
        p = room(d);
    if (!p)
        return;
    if (fresh)
        *p = (struct pending){.boot_ns = ev->boot_ns, .old_uid = s->uid, .old_euid = s->euid};
    p->entity = s->id;
    p->pid = s->pid;
    p->uid = ev->uid;
    p->euid = ev->euid == TRN_NO_U32 ? s->euid : ev->euid;
    if (!d->changes_are_told)
        untold(d, p);
}

static bool same_ids(const struct pending *p, const struct trn_event *ev)
{
    return p->uid == ev->uid && (p->euid == TRN_NO_U32 || p->euid == ev->euid);
}

/* The kernel says the new ids of one kind; the rest, and the old ones, are known here. */
static void complete_cred(struct trn_deriver *d, const struct trn_slot *s, struct trn_event *ev)
{
    if (ev->flags & TRN_EVF_UNTOLD || ev->action == TRN_ACT_CAPABILITIES)
        return; /* our own */
    if (ev->uid == TRN_NO_U32)
        ev->uid = s->uid;
    if (ev->euid == TRN_NO_U32)
        ev->euid = s->euid;
    if (ev->gid == TRN_NO_U32)
        ev->gid = s->gid;
    if (ev->cred.old_uid == TRN_NO_U32)
        ev->cred.old_uid = s->uid;
    if (ev->cred.old_euid == TRN_NO_U32)
        ev->cred.old_euid = s->euid;
    if (ev->cred.old_gid == TRN_NO_U32)
        ev->cred.old_gid = s->gid;
    struct pending *p = pending_of(d, s->id);
    if (p && same_ids(p, ev)) { /* it was told, only late */
        ev->cred.old_uid = p->old_uid;
        ev->cred.old_euid = p->old_euid;
        p->entity = 0;
    }
}

/* Other users explain other capabilities; a new user namespace gives all of them, in it. */
static void compare_capabilities(struct trn_deriver *d, const struct trn_slot *s, const struct trn_event *ev)
{
    if (s->capabilities == TRN_NO_U64 || ev->exec.capabilities == TRN_NO_U64 ||
        s->capabilities == ev->exec.capabilities || s->uid != ev->uid || s->euid != ev->euid ||
        s->userns != ev->exec.userns)
        return;
    struct trn_event *out = result(d, TRN_EV_CRED, TRN_ACT_CAPABILITIES, ev);
    if (!out)
        return;
    out->cred.old_uid = s->uid;
    out->cred.old_euid = s->euid;
    out->cred.old_gid = s->gid;
    out->cred.old_capabilities = s->capabilities;
    out->cred.capabilities = ev->exec.capabilities;
}

/* ---- logins ---- */

/* True the first time. The newest ones are remembered one by one; what is far behind them is old. */
static bool is_new_session(struct trn_deriver *d, uint32_t session)
{
    if (session > d->newest_session) {
        uint32_t gap = TRN_MIN(session - d->newest_session, SESSIONS);
        for (uint32_t i = 1; i < gap; i++)
            d->seen_session[(session - i) % SESSIONS] = 0;
        d->newest_session = session;
    } else if (d->newest_session - session >= SESSIONS || d->seen_session[session % SESSIONS]) {
        return false;
    }
    d->seen_session[session % SESSIONS] = 1;
    return true;
}

static struct trn_str program_of(const struct trn_node *n)
{
    return n ? trn_path_base(trn_word_str(n->path)) : TRN_STR_NONE;
}

/* Who let them in: the login program above, or else whatever ran here before. */
static struct trn_str who_let_in(const struct trn_deriver *d, const struct trn_slot *s)
{
    const struct trn_slot *up = s;
    for (int i = 0; up && i < UP_MAX; i++) {
        if (up->node && up->node->border == TRN_BORDER_SESSION)
            return program_of(up->node);
        up = trn_slot_by_id(d->t, up->parent);
    }
    return program_of(s->node);
}

static void add_login(struct trn_deriver *d, enum trn_action action, struct trn_str method, uint32_t from,
                      const struct trn_event *ev)
{
    size_t at = d->n_out;
    struct trn_event *out = result(d, TRN_EV_LOGIN, action, ev);
    if (!out)
        return;
    out->login.method = keep(d->method[at], sizeof(d->method[at]), method);
    out->login.tty = keep(d->tty[at], sizeof(d->tty[at]), ev->exec.tty);
    out->login.auid = ev->exec.auid;
    out->login.login = ev->exec.login;
    out->login.from_uid = from;
}

static enum trn_action becoming(const struct trn_node *n)
{
    static const struct {
        const char *name;
        enum trn_action action;
    } programs[] = {{"sudo", TRN_ACT_SUDO}, {"doas", TRN_ACT_SUDO},  {"pkexec", TRN_ACT_SUDO},
                    {"su", TRN_ACT_SU},     {"runuser", TRN_ACT_SU}, {"sudo.ws", TRN_ACT_SUDO}};
    struct trn_str name = program_of(n);
    for (size_t i = 0; n && i < TRN_ARRAY_SIZE(programs); i++)
        if (trn_str_eq_c(name, programs[i].name) && trn_in_system(trn_word_str(n->path)))
            return programs[i].action;
    return TRN_ACT_NONE;
}

/* s->node is what ran until this exec: sudo or su itself, or a child that it forked. */
static void look_for_su(struct trn_deriver *d, const struct trn_slot *s, const struct trn_event *ev)
{
    struct trn_node *n = s->node;
    enum trn_action action = becoming(n);
    if (action == TRN_ACT_NONE || n->asker == TRN_NO_U32 || ev->uid == TRN_NO_U32 || ev->uid == n->asker ||
        ev->uid != ev->euid || n->became == ev->uid)
        return;
    n->became = ev->uid; /* once, not for each helper */
    if (d->running)
        add_login(d, action, program_of(n), n->asker, ev);
}

static void look_at_exec(struct trn_deriver *d, const struct trn_slot *s, const struct trn_event *ev)
{
    bool existing = ev->flags & TRN_EVF_EXISTING;
    if (ev->exec.login != TRN_NO_U32 && is_new_session(d, ev->exec.login) && !existing && d->running)
        add_login(d, TRN_ACT_LOGIN, s ? who_let_in(d, s) : TRN_STR_NONE, TRN_NO_U32, ev);
    if (!s || existing)
        return;
    compare_ids(d, s, ev);
    compare_capabilities(d, s, ev);
    look_for_su(d, s, ev);
}

/* ---- the two calls ---- */

static void complete_target(const struct trn_deriver *d, struct trn_event *ev)
{
    const struct trn_slot *target = NULL;
    if (!ev->access.target && ev->access.target_pid && ev->access.target_pid != TRN_NO_U32)
        target = trn_slot_by_pid(d->t, ev->access.target_pid, ev->boot_ns);
    if (target)
        ev->access.target = target->id;
}

void trn_deriver_before(struct trn_deriver *d, struct trn_event *ev)
{
    struct trn_slot *s = NULL;
    trn_deriver_time(d, ev->boot_ns);
    if (ev->type == TRN_EV_ACCESS || ev->type == TRN_EV_CRED || ev->type == TRN_EV_EXEC || ev->type == TRN_EV_EXIT ||
        ev->type == TRN_EV_CONNECT)
        s = ev->entity ? trn_slot_by_id(d->t, ev->entity) : trn_slot_by_pid(d->t, ev->pid, ev->boot_ns);
    if (s && !ev->entity && (ev->type == TRN_EV_ACCESS || ev->type == TRN_EV_CRED))
        ev->entity = s->id;
    switch (ev->type) {
    case TRN_EV_EXEC:
        look_at_exec(d, s, ev);
        break;
    case TRN_EV_CRED:
        if (s)
            complete_cred(d, s, ev);
        break;
    case TRN_EV_ACCESS:
        complete_target(d, ev);
        if (s && ev->uid != TRN_NO_U32)
            compare_ids(d, s, ev);
        break;
    case TRN_EV_EXIT:
        if (s)
            compare_ids(d, s, ev);
        break;
    case TRN_EV_CONNECT: /* later ones are told for the process, not by it; sums, up to a second later */
        if (s && ev->action == TRN_ACT_ATTEMPTED && ev->net.proto == IPPROTO_TCP && ev->net.count == TRN_NO_U32)
            compare_ids(d, s, ev);
        break;
    case TRN_EV_LOSS:
        if (ev->meta.klass == TRN_CLASS_ACCESS)
            d->lost_ns = ev->boot_ns;
        break;
    default:
        break;
    }
}
