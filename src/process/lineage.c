/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the rules of DESIGN section 2, who acts. Must not own: the graph itself (image.c), roles
 * (role.c).
 * Climbing goes from an image to the one it was started from:
 *   application            acts
 *   shell, tool, interpreter   go on
 *   terminal, tmux         go on, but from here it can only be an application or a session
 *   login, sshd, cron      a session
 *   service manager, container runtime   the program right below acts, unless a terminal is its own
 *   nothing more known     a session: in a scope, what started the topmost program is out of sight
 */
#include "process/internal.h"

static struct trn_actor climb(const struct trn_node *n, uint64_t entity, const struct trn_node *top,
                              uint64_t top_entity)
{
    bool soft = false;
    for (int step = 0; n && step < TRN_CLIMB_MAX; step++) {
        if (n->role == TRN_ROLE_APPLICATION)
            return (struct trn_actor){n, entity, false};
        if (n->role == TRN_ROLE_BORDER) {
            if (!top)
                return (struct trn_actor){n, entity, false}; /* sshd itself */
            if (n->border == TRN_BORDER_SERVICE && !soft && !top->tty_leader)
                return (struct trn_actor){top, top_entity, false};
            if (n->border != TRN_BORDER_SOFT)
                return (struct trn_actor){.session = true};
            soft = true;
        }
        top = n;
        top_entity = entity;
        entity = n->from_entity;
        n = n->from;
    }
    return (struct trn_actor){.session = true};
}

struct trn_actor trn_lineage_actor(const struct trn_slot *s)
{
    if (!s->node)
        return (struct trn_actor){0}; /* never seen to run anything: unknown */
    return climb(s->node, s->id, NULL, 0);
}

const struct trn_entity *trn_process_acting(const struct trn_process_table *t, const struct trn_entity *e)
{
    struct trn_slot *s = e ? trn_slot_by_id(t, e->id) : NULL;
    if (!s)
        return NULL;
    struct trn_actor a = trn_lineage_actor(s);
    return a.node ? trn_view_as(t, a.entity, a.node) : NULL;
}

const struct trn_entity *trn_process_starter(const struct trn_process_table *t, const struct trn_entity *e,
                                             bool *ret_session)
{
    struct trn_slot *s = e ? trn_slot_by_id(t, e->id) : NULL;
    const struct trn_node *n = s ? s->node : NULL;
    *ret_session = n != NULL;
    if (!n || !n->from)
        return NULL;
    struct trn_actor a = climb(n->from, n->from_entity, n, s->id);
    /* n itself stands for "the service manager": a service that nobody's software started. */
    bool nobody = a.node == n;
    *ret_session = a.session;
    return a.node && !nobody ? trn_view_as(t, a.entity, a.node) : NULL;
}

bool trn_process_is_above(const struct trn_process_table *t, uint64_t a, uint64_t b)
{
    if (a == b)
        return a != 0;
    const struct trn_slot *s = trn_slot_by_id(t, b);
    for (int step = 0; s && s->parent && step < TRN_CLIMB_MAX; step++) {
        const struct trn_slot *up = trn_slot_by_id(t, s->parent);
        bool border = up && up->node && up->node->role == TRN_ROLE_BORDER && up->node->border != TRN_BORDER_SOFT;
        if (border)
            return false;
        if (s->parent == a)
            return true;
        s = up;
    }
    return false;
}

void trn_process_software(const struct trn_entity *e, struct trn_software *ret)
{
    const struct trn_image *i = &e->image;
    bool script = !trn_str_is_none(i->script);
    const struct trn_identity *id = script ? i->script_identity : i->identity;
    if (id && !trn_str_is_empty(id->software.name)) {
        *ret = id->software;
        return;
    }
    struct trn_str name = trn_path_base(script ? i->script : i->path);
    *ret = (struct trn_software){.name = trn_str_is_empty(name) ? TRN_STR_NONE : name, .origin = TRN_ORIGIN_MANUAL};
}
