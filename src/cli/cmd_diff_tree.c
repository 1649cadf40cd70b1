/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: every change as a tree: what stands in what, how each was paired, the findings of each. What is the same is a number.
 * Must not: print foreign text unescaped; recurse deeper than containers do.
 */
#include "cli/diff.h"

#include <stdlib.h>

#define FLUSH ((size_t)1 << 20)

struct node {                   /* one change; numbers of others from 1, 0: none */
    uint32_t child, next, same; /* same: its children that did not change, nor anything in them */
    bool shown;                 /* it, or something in it, changed */
};

struct tree {
    const struct trn_diff *d;
    struct trn_buf *b, draw;
    FILE *out;
    struct node *nodes;        /* nodes[n_changes] is the root */
    uint32_t *of_old, *of_new; /* index of a member -> number of its change */
};

static void tree_done(struct tree *t)
{
    free(t->nodes);
    free(t->of_old);
    free(t->of_new);
    trn_buf_done(&t->draw);
}

/* The change that a change lies in: of the new member's container, else of the old one's. n_changes: the root. */
static size_t up_of(const struct tree *t, const struct trn_change *c)
{
    const struct trn_release_member *m = trn_diff_shown(c);
    const uint32_t *of = c->new_member ? t->of_new : t->of_old;
    return m->parent == TRN_NO_MEMBER || of[m->parent] == 0 ? t->d->n_changes : of[m->parent] - 1;
}

static int build(struct tree *t)
{
    const struct trn_diff *d = t->d;
    t->nodes = calloc(d->n_changes + 1, sizeof(*t->nodes));
    t->of_old = calloc(trn_release_count(d->old_release) + 1, sizeof(*t->of_old));
    t->of_new = calloc(trn_release_count(d->new_release) + 1, sizeof(*t->of_new));
    if (!t->nodes || !t->of_old || !t->of_new || d->n_changes >= UINT32_MAX)
        return -ENOMEM;
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        if (c->old_member)
            t->of_old[trn_member_index(d->old_release, c->old_member)] = (uint32_t)i + 1;
        if (c->new_member)
            t->of_new[trn_member_index(d->new_release, c->new_member)] = (uint32_t)i + 1;
    }
    for (size_t i = d->n_changes; i-- > 0;) { /* backwards: children come out in order */
        struct node *up = &t->nodes[up_of(t, &d->changes[i])];
        t->nodes[i].next = up->child;
        up->child = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < d->n_changes; i++) {
        size_t at = i;
        if (d->changes[i].kind == TRN_CHANGE_SAME && d->changes[i].n_findings == 0)
            continue;
        for (unsigned deep = 0; at != d->n_changes && !t->nodes[at].shown && deep < TRN_DIFF_DEPTH; deep++) {
            t->nodes[at].shown = true;
            at = up_of(t, &d->changes[at]);
        }
    }
    for (size_t i = 0; i < d->n_changes; i++)
        if (!t->nodes[i].shown)
            t->nodes[up_of(t, &d->changes[i])].same++;
    return 0;
}

static void put_pairing(struct tree *t, const struct trn_change *c)
{
    if (c->kind == TRN_CHANGE_SAME || c->by == TRN_PAIR_NONE)
        return;
    trn_put_fmt(t->b, ", paired by %s", trn_pair_reason_name(c->by));
    if (c->by == TRN_PAIR_SIMILAR)
        trn_put_fmt(t->b, " %u.%u %%", c->similarity / 10, c->similarity % 10);
    if (trn_str_eq(c->old_member->path, c->new_member->path))
        return;
    trn_put_c(t->b, ", was ");
    trn_escape(t->b, trn_diff_path(t->d->old_release, c->old_member));
}

static void put_size(struct tree *t, const struct trn_change *c)
{
    trn_put_fmt(t->b, ", %s, ", trn_format_name(trn_diff_shown(c)->format));
    if (c->old_member && c->new_member && c->old_member->size != c->new_member->size) {
        trn_put_count(t->b, c->old_member->size);
        trn_put_c(t->b, " -> ");
    }
    trn_put_count(t->b, trn_diff_shown(c)->size);
    trn_put_c(t->b, " bytes");
    if (c->old_member && c->new_member && c->old_member->mode != c->new_member->mode)
        trn_put_fmt(t->b, ", mode %o -> %o", c->old_member->mode, c->new_member->mode);
}

/* Its path in the container that it is drawn under. */
static struct trn_str own_path(const struct tree *t, const struct trn_change *c)
{
    const struct trn_release *r = trn_diff_side(t->d, c);
    const struct trn_release_member *m = trn_diff_shown(c), *up = trn_release_at(r, m->parent);
    if (m->parent == TRN_NO_MEMBER || !up || up->path.n == 0)
        return trn_diff_path(r, m);
    return trn_str_slice(m->path, up->path.n + 1, m->path.n);
}

static void put_findings(struct tree *t, const struct trn_change *c, bool has_children)
{
    for (size_t i = 0; i < c->n_findings; i++) {
        const struct trn_finding *f = &c->findings[i];
        char name[160];
        trn_put_str(t->b, trn_buf_str(&t->draw));
        trn_put_fmt(t->b, "%s%2u %s: ", has_children ? "│  " : "   ", f->score ? trn_score_alone(f, NULL) : 0,
                    trn_finding_name(f, name, sizeof(name)));
        trn_page_sentence(t->b, f->summary);
        trn_put_c(t->b, "\n");
    }
}

static void put_below(struct tree *t, size_t at);

static void put_one(struct tree *t, size_t at, bool last)
{
    static const char marks[TRN_CHANGE_KIND_MAX] = {'=', '+', '-', '~', '>', '?'};
    const struct trn_change *c = &t->d->changes[at];
    size_t before = t->draw.n;
    trn_put_str(t->b, trn_buf_str(&t->draw));
    trn_put_fmt(t->b, "%s%c ", last ? "└─ " : "├─ ", marks[c->kind]);
    trn_escape(t->b, own_path(t, c));
    trn_put_fmt(t->b, "  %s", trn_change_kind_name(c->kind));
    put_size(t, c);
    put_pairing(t, c);
    trn_put_c(t->b, "\n");
    trn_put_c(&t->draw, last ? "   " : "│  ");
    put_findings(t, c, t->nodes[at].child != 0);
    put_below(t, at);
    t->draw.n = before;
    if (t->b->n > FLUSH)
        trn_print(t->out, t->b);
}

/* Those that changed, then the number of the others. As deep as containers are in containers. */
static void put_below(struct tree *t, size_t at)
{
    const struct node *n = &t->nodes[at];
    uint32_t last = 0;
    if (t->draw.n > TRN_DIFF_DEPTH * 5)
        return;
    for (uint32_t c = n->child; c; c = t->nodes[c - 1].next)
        if (t->nodes[c - 1].shown)
            last = c;
    for (uint32_t c = n->child; c; c = t->nodes[c - 1].next)
        if (t->nodes[c - 1].shown)
            put_one(t, c - 1, c == last && n->same == 0);
    if (n->same == 0)
        return;
    trn_put_str(t->b, trn_buf_str(&t->draw));
    trn_put_c(t->b, "└─ = ");
    trn_put_count(t->b, n->same);
    trn_put_c(t->b, " the same\n");
}

void trn_diff_put_tree(const struct trn_diff *d, struct trn_buf *b, FILE *out)
{
    TRN_AUTO(tree_done) struct tree t = {.d = d, .b = b, .out = out};
    trn_buf_init(&t.draw, 4096);
    if (build(&t) < 0) {
        trn_put_c(b, "(out of memory: the changes are not shown one by one)\n");
        return;
    }
    put_below(&t, d->n_changes);
}
