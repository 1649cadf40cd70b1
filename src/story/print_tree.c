/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the drawing of who started whom. Childless siblings stand in one line, the same name once with its count.
 * Must not: choose the processes (tree.c).
 */
#include "story/internal.h"

#define DEPTH_MAX 16
#define LEAVES_MAX 8
#define NAME_MAX_SHOWN 40

struct tree {
    const struct trn_story *s;
    struct trn_buf *out;
    struct trn_buf prefix; /* what stands left of the children of the node that is drawn */
};

static uint32_t children(const struct tree *t, uint64_t parent, bool leaves, uint32_t *ret)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->s->n_processes; i++) {
        bool leaf = true;
        if (t->s->processes[i].parent != parent)
            continue;
        for (uint32_t k = 0; leaf && k < t->s->n_processes; k++)
            leaf = t->s->processes[k].parent != t->s->processes[i].entity;
        if (leaf == leaves)
            ret[n++] = i;
    }
    return n;
}

static struct trn_str name_of(const struct trn_story_process *p)
{
    struct trn_str base = trn_path_base(p->path);
    return trn_str_is_empty(base) ? TRN_STR("?") : trn_str_slice(base, 0, NAME_MAX_SHOWN);
}

static size_t put_name(struct trn_buf *b, const struct trn_story_process *p, bool with_pid)
{
    size_t before = b->n, bytes;
    trn_escape(b, name_of(p));
    if (with_pid && p->pid != TRN_NO_U32)
        trn_put_fmt(b, "(%u)", p->pid);
    bytes = b->n - before;
    size_t n = 0;
    for (size_t i = before; i < before + bytes && i < b->n; i++)
        n += ((unsigned char)b->p[i] & 0xc0) != 0x80;
    return n;
}

/* "id, hostname ×2, ss": in order of first start. */
static void put_leaves(struct tree *t, const uint32_t *leaf, uint32_t n)
{
    uint32_t shown = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct trn_str name = name_of(&t->s->processes[leaf[i]]);
        uint32_t same = 0;
        bool known = false;
        for (uint32_t k = 0; k < n; k++) {
            bool eq = trn_str_eq(name, name_of(&t->s->processes[leaf[k]]));
            known = known || (eq && k < i);
            same += eq;
        }
        if (known)
            continue;
        if (shown == LEAVES_MAX) {
            trn_put_c(t->out, ", …");
            return;
        }
        trn_put_c(t->out, shown++ ? ", " : "");
        put_name(t->out, &t->s->processes[leaf[i]], n == 1);
        if (same > 1)
            trn_put_fmt(t->out, " ×%u", same);
    }
}

static void put_node(struct tree *t, uint32_t i, int depth);

/* Branches with children of their own first, then all leaves in one line; they share one stem. */
static void put_children(struct tree *t, uint64_t parent, size_t width, int depth)
{
    uint32_t branch[TRN_STORY_PROCESSES], leaf[TRN_STORY_PROCESSES];
    uint32_t n_branch = children(t, parent, false, branch), n_leaf = children(t, parent, true, leaf);
    uint32_t lines = n_branch + (n_leaf ? 1 : 0);
    size_t prefix = t->prefix.n;
    if (depth >= DEPTH_MAX || lines == 0) {
        trn_put_c(t->out, lines ? " ── …\n" : "\n");
        return;
    }
    for (size_t k = 0; k < width + 1; k++)
        trn_put_c(&t->prefix, " ");
    for (uint32_t i = 0; i < lines; i++) {
        bool last = i + 1 == lines;
        if (i)
            trn_put_str(t->out, trn_buf_str(&t->prefix));
        else
            trn_put_c(t->out, " ");
        trn_put_c(t->out, lines == 1 ? "── " : i == 0 ? "─┬─ " : last ? " └─ " : " ├─ ");
        if (n_leaf && i == 0) {
            put_leaves(t, leaf, n_leaf);
            trn_put_c(t->out, "\n");
            continue;
        }
        size_t own = t->prefix.n;
        trn_put_c(&t->prefix, lines == 1 ? "   " : last ? "    " : " │  ");
        put_node(t, branch[i - (n_leaf ? 1 : 0)], depth + 1);
        t->prefix.n = own;
    }
    t->prefix.n = prefix;
}

static void put_node(struct tree *t, uint32_t i, int depth)
{
    const struct trn_story_process *p = &t->s->processes[i];
    size_t n = put_name(t->out, p, true);
    put_children(t, p->entity, n, depth);
}

void trn_print_tree(const struct trn_story *s, struct trn_buf *out)
{
    struct tree t = {.s = s, .out = out};
    trn_buf_init(&t.prefix, 4096);
    for (uint32_t i = 0; i < s->n_processes; i++) {
        if (s->processes[i].parent)
            continue;
        trn_buf_clear(&t.prefix);
        trn_put_c(&t.prefix, "   ");
        trn_put_c(out, "   ");
        put_node(&t, i, 0);
    }
    trn_buf_done(&t.prefix);
}
