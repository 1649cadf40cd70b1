/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what FORK, EXEC, EXIT, IDENTITY and LIB_LOAD events do to the table. Must not own: a clock, files, or an
 * opinion about the events: whatever arrives leaves a table that holds together.
 */
#include "process/internal.h"

static uint64_t id_of(const struct trn_process_table *t, const struct trn_event *ev)
{
    if (ev->entity)
        return ev->entity;
    /* Foreign logs know pids only: the pid's present owner, or an id made of what there is. */
    const struct trn_slot *s = ev->type == TRN_EV_FORK ? NULL : trn_slot_by_pid(t, ev->pid, ev->boot_ns);
    return s ? s->id : trn_entity_id(0, ev->pid, ev->boot_ns);
}

static uint64_t parent_of(const struct trn_process_table *t, const struct trn_event *ev, uint64_t id, uint32_t pid)
{
    if (id || pid == 0 || pid == TRN_NO_U32)
        return id;
    const struct trn_slot *s = trn_slot_by_pid(t, pid, ev->boot_ns);
    return s ? s->id : 0;
}

static void take_header(struct trn_slot *s, const struct trn_event *ev)
{
    if (ev->uid != TRN_NO_U32)
        s->uid = ev->uid;
    if (ev->euid != TRN_NO_U32)
        s->euid = ev->euid;
    if (ev->gid != TRN_NO_U32)
        s->gid = ev->gid;
    if (ev->mntns)
        s->mntns = ev->mntns;
    if (ev->cgroup)
        s->cgroup = ev->cgroup;
    if (ev->start_ns)
        s->kernel_start_ns = ev->start_ns;
}

static void inherit(struct trn_process_table *t, struct trn_slot *s, const struct trn_slot *parent)
{
    s->uid = parent->uid;
    s->euid = parent->euid;
    s->gid = parent->gid;
    s->userns = parent->userns;
    s->capabilities = parent->capabilities;
    s->split = parent->split;
    s->split_uid = parent->split_uid;
    s->split_euid = parent->split_euid;
    s->mntns = parent->mntns;
    s->cgroup = parent->cgroup;
    s->session = parent->session;
    s->node = trn_node_ref(parent->node);
    if (parent->tty) {
        parent->tty->refs++;
        trn_words_drop(&t->words, s->tty);
        s->tty = parent->tty;
    }
}

static int apply_fork(struct trn_process_table *t, const struct trn_event *ev)
{
    uint64_t id = id_of(t, ev), parent_id = parent_of(t, ev, ev->fork.parent, ev->fork.parent_pid);
    struct trn_slot *s = trn_slot_by_id(t, id);
    if (s) { /* late: its exec was here first */
        trn_slot_set_parent(t, s, parent_id);
        const struct trn_slot *parent = trn_slot_by_id(t, s->parent);
        if (s->node && parent && s->node->owner == s->id)
            trn_node_link(t, s->node, parent->node, parent->id);
        if (s->start_unknown && ev->boot_ns <= s->start_boot_ns) {
            s->start_boot_ns = ev->boot_ns;
            s->start_wall_ns = ev->wall_ns;
            s->start_unknown = false;
        }
        return 0;
    }
    s = trn_slot_add(t, id, ev->pid, ev->boot_ns);
    s->start_wall_ns = ev->wall_ns;
    trn_slot_set_parent(t, s, parent_id);
    const struct trn_slot *parent = trn_slot_by_id(t, s->parent);
    if (parent)
        inherit(t, s, parent);
    take_header(s, ev);
    return 0;
}

/* Processes that existed before are told in no order: a child may have come before its parent. */
static void adopt(struct trn_process_table *t, const struct trn_slot *parent)
{
    for (uint32_t i = 0; t->n_unlinked && i < t->fresh; i++) {
        struct trn_slot *s = &t->slots[i];
        if (!s->used || !s->unlinked || s->parent != parent->id)
            continue;
        s->unlinked = false;
        t->n_unlinked--;
        t->slots[parent - t->slots].kids++;
        if (s->node && s->node->owner == s->id)
            trn_node_link(t, s->node, parent->node, parent->id);
    }
}

static int take_tty(struct trn_process_table *t, struct trn_slot *s, struct trn_str tty)
{
    struct trn_word *w;
    int r = trn_words_take(&t->words, tty, TRN_WORD_KEPT, &w);
    if (r < 0)
        return r;
    trn_words_drop(&t->words, s->tty);
    s->tty = w;
    return 0;
}

static int apply_exec(struct trn_process_table *t, const struct trn_event *ev)
{
    uint64_t id = id_of(t, ev);
    struct trn_slot *s = trn_slot_by_id(t, id);
    bool existing = ev->flags & TRN_EVF_EXISTING;
    if (s && existing && s->node && (s->node->owner == s->id || trn_str_eq(trn_word_str(s->node->path), ev->exec.path)))
        return 0; /* told again after a restart: what was seen happening is worth more */
    if (!s) {
        s = trn_slot_add(t, id, ev->pid, ev->boot_ns);
        s->start_wall_ns = ev->wall_ns;
        s->start_unknown = true;
    }
    trn_slot_set_parent(t, s, parent_of(t, ev, ev->exec.parent, ev->exec.parent_pid));
    take_header(s, ev);
    s->capabilities = ev->exec.capabilities;
    s->userns = ev->exec.userns;
    s->split = false; /* the other threads are gone */
    if (ev->exec.session && ev->exec.session != TRN_NO_U32)
        s->session = ev->exec.session;
    int r = take_tty(t, s, ev->exec.tty);
    if (r < 0)
        return r;
    struct trn_node *n;
    r = trn_node_exec(t, s, ev, &n);
    if (r < 0)
        return r;
    trn_node_drop(t, s->node);
    s->node = n;
    s->exec_count++;
    if (existing && t->n_unlinked)
        adopt(t, s);
    return 0;
}

/* The leader's ids are the process's. A thread may have its own (file servers do that): then nothing that a thread of
 * the process does later can be compared. The C library changes all threads one after the other: they agree again. */
static void apply_cred(struct trn_process_table *t, const struct trn_event *ev)
{
    struct trn_slot *s = ev->entity ? trn_slot_by_id(t, ev->entity) : trn_slot_by_pid(t, ev->pid, ev->boot_ns);
    if (!s || ev->action == TRN_ACT_CAPABILITIES)
        return;
    uint32_t uid = ev->uid == TRN_NO_U32 ? s->uid : ev->uid, euid = ev->euid == TRN_NO_U32 ? s->euid : ev->euid;
    bool thread = ev->tid != TRN_NO_U32 && ev->tid != s->pid;
    if (thread && (uid != s->uid || euid != s->euid)) {
        s->split = true;
        s->split_uid = uid;
        s->split_euid = euid;
        return;
    }
    if (s->split && s->split_uid == uid && s->split_euid == euid)
        s->split = false;
    if (uid != s->uid || euid != s->euid)
        s->capabilities = TRN_NO_U64;
    take_header(s, ev);
}

static int apply_identity(struct trn_process_table *t, const struct trn_event *ev)
{
    if (trn_file_key_is_none(&ev->identity.file))
        return 0;
    struct trn_known *k;
    bool changed;
    int r = trn_known_put(&t->known, &t->words, &ev->identity, &k, &changed);
    if (r < 0)
        return r;
    trn_nodes_learn(t, ev, k, changed);
    return 0;
}

/* The first file that a loader maps is the program it was told to run. */
static int apply_load(struct trn_process_table *t, const struct trn_event *ev)
{
    struct trn_slot *s = ev->entity ? trn_slot_by_id(t, ev->entity) : trn_slot_by_pid(t, ev->pid, ev->boot_ns);
    if (!s || !s->node || s->node->owner != s->id || s->node->loaded)
        return 0;
    s->node->loaded = true;
    if (s->node->script || ev->boot_ns < s->node->exec_boot_ns || !trn_is_loader(trn_word_str(s->node->path)))
        return 0;
    return trn_node_set_script(t, s->node, ev->map.path, &ev->map.file);
}

int trn_process_apply(struct trn_process_table *t, const struct trn_event *ev)
{
    int r = 0;
    trn_views_reset(t);
    switch (ev->type) {
    case TRN_EV_FORK:
        r = apply_fork(t, ev);
        break;
    case TRN_EV_EXEC:
        r = apply_exec(t, ev);
        break;
    case TRN_EV_EXIT: {
        struct trn_slot *s = trn_slot_by_id(t, id_of(t, ev));
        if (s)
            trn_slot_exit(t, s, ev->boot_ns);
        break;
    }
    case TRN_EV_CRED:
        apply_cred(t, ev);
        break;
    case TRN_EV_IDENTITY:
        r = apply_identity(t, ev);
        break;
    case TRN_EV_LIB_LOAD:
        r = apply_load(t, ev);
        break;
    default:
        return 0;
    }
    trn_table_fit(t);
    return r;
}

const struct trn_identity *trn_process_identity(const struct trn_process_table *t, const struct trn_file_key *k)
{
    const struct trn_known *known = trn_known_find(&t->known, k);
    return known ? &known->id : NULL;
}
