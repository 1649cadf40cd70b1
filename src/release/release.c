/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one release as workers told it, and its order when all was told: depth first, each container before what is in it.
 * Must not: judge; trust a number that it did not give out itself.
 * Hand-offs: everything told is copied into the arena; known contents borrow from the other release.
 */
#include "release/release_internal.h"

#include <stdlib.h>

#define MEMORY (512ull << 20)
#define PATH_MAX_LEN 16384u
#define PATH_BYTES (128ull << 20) /* of all paths together: long names may not use up the memory */
#define COPIES 500000u            /* as many as a worker tells members of one file */

/* ---- being told ---- */

int trn_release_new(const struct trn_release_options *o, struct trn_release **ret)
{
    struct trn_release *r = calloc(1, sizeof(*r));
    if (!r || !(r->arena = trn_arena_new(o->memory ? o->memory : MEMORY))) {
        free(r);
        return -ENOMEM;
    }
    r->other = o->other;
    r->copies_max = o->copies ? o->copies : COPIES;
    r->label = trn_arena_str(r->arena, o->label);
    *ret = r;
    return 0;
}

static void file_done(struct trn_release_source *f)
{
    free(f->nodes);
    free(f->items);
}

struct trn_release *trn_release_free(struct trn_release *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->n_files; i++)
        file_done(&r->files[i]);
    free(r->files);
    free(r->members);
    free(r->gaps);
    free(r->by_key);
    free(r->programs);
    trn_arena_free(r->arena);
    free(r);
    return NULL;
}

/* Room for one more in an array that grows. */
static int grow(void **array, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 16;
    void *p = reallocarray(*array, more, each);
    if (!p)
        return -ENOMEM;
    *array = p;
    *cap = more;
    return 0;
}

int trn_release_file(struct trn_release *r, struct trn_str path, uint32_t *ret_file)
{
    int e = grow((void **)&r->files, r->n_files, &r->cap_files, sizeof(*r->files));
    if (e < 0)
        return e;
    struct trn_str copy = trn_arena_str(r->arena, path);
    if (!copy.p && path.n)
        return -ENOMEM;
    r->files[r->n_files] = (struct trn_release_source){.path = copy};
    *ret_file = (uint32_t)r->n_files++;
    return 0;
}

static struct trn_release_source *file_of(struct trn_release *r, uint32_t file)
{
    return file < r->n_files && !r->finished ? &r->files[file] : NULL;
}

int trn_release_artifact(struct trn_release *r, uint32_t file, const struct trn_artifact *a)
{
    struct trn_release_source *f = file_of(r, file);
    if (!f || a->id != f->n_nodes + 1 || a->parent >= a->id || (a->parent == 0) != (a->id == 1))
        return -EINVAL;
    int e = grow((void **)&f->nodes, f->n_nodes, &f->cap_nodes, sizeof(*f->nodes));
    struct trn_str name = trn_arena_str(r->arena, a->name);
    if (e < 0 || (!name.p && a->name.n))
        return -ENOMEM;
    f->nodes[f->n_nodes++] = (struct trn_release_node){.parent = a->parent,
                                                       .m = {.name = name,
                                                             .depth = a->depth,
                                                             .format = a->format,
                                                             .size = a->size,
                                                             .mode = a->mode,
                                                             .gap = TRN_GAP_UNSUPPORTED,
                                                             .entropy_milli = a->entropy_milli}};
    memcpy(f->nodes[f->n_nodes - 1].m.sha256, a->sha256, TRN_SHA256_SIZE);
    return 0;
}

static int add_item(struct trn_release *r, uint32_t file, uint32_t artifact, struct trn_release_item **ret)
{
    struct trn_release_source *f = file_of(r, file);
    if (!f || artifact == 0 || artifact > f->n_nodes)
        return -EINVAL;
    int e = grow((void **)&f->items, f->n_items, &f->cap_items, sizeof(*f->items));
    if (e < 0)
        return e;
    f->items[f->n_items] = (struct trn_release_item){.artifact = artifact};
    *ret = &f->items[f->n_items++];
    return 0;
}

static int copy_texts(struct trn_release *r, struct trn_str *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct trn_str copy = trn_arena_str(r->arena, *texts[i]);
        if (!copy.p && texts[i]->n)
            return -ENOMEM;
        *texts[i] = copy;
    }
    return 0;
}

int trn_release_signature(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_signature *s)
{
    struct trn_release_source *f = file_of(r, file);
    struct trn_signature *copy = trn_arena_alloc(r->arena, sizeof(*copy));
    if (!f || artifact == 0 || artifact > f->n_nodes)
        return -EINVAL;
    if (!copy)
        return -ENOMEM;
    *copy = *s;
    struct trn_str *const texts[] = {&copy->signer, &copy->issuer,      &copy->serial,
                                     &copy->team,   &copy->digest_name, &copy->content_digest};
    int e = copy_texts(r, texts, TRN_ARRAY_SIZE(texts));
    for (uint32_t i = 0; e == 0 && i < copy->n_uncovered; i++) {
        copy->uncovered[i].what = trn_arena_str(r->arena, trn_str_of(s->uncovered[i].what)).p;
        e = copy->uncovered[i].what ? 0 : -ENOMEM;
    }
    f->nodes[artifact - 1].m.signature = copy;
    return e;
}

int trn_release_property(struct trn_release *r, uint32_t file, uint32_t artifact, struct trn_str key,
                         struct trn_str value)
{
    struct trn_release_item *item = NULL;
    int e = add_item(r, file, artifact, &item);
    if (e < 0)
        return e;
    item->kind = TRN_RELEASE_PROPERTY;
    item->p = (struct trn_property){key, value};
    return copy_texts(r, (struct trn_str *const[]){&item->p.key, &item->p.value}, 2);
}

int trn_release_feature(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_feature *f)
{
    struct trn_release_item *item = NULL;
    int e = add_item(r, file, artifact, &item);
    if (e < 0)
        return e;
    item->kind = TRN_RELEASE_FEATURE;
    item->f = *f;
    return copy_texts(r, (struct trn_str *const[]){&item->f.key, &item->f.value}, 2);
}

int trn_release_finding(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_finding *f)
{
    struct trn_release_item *item = NULL;
    struct trn_finding *copy = trn_arena_alloc(r->arena, sizeof(*copy));
    int e = copy ? add_item(r, file, artifact, &item) : -ENOMEM;
    if (e < 0)
        return e;
    item->kind = TRN_RELEASE_FINDING;
    item->finding = copy;
    return trn_finding_copy(f, r->arena, copy);
}

static int add_gap(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_gap *g)
{
    int e = grow((void **)&r->gaps, r->n_gaps, &r->cap_gaps, sizeof(*r->gaps));
    if (e < 0)
        return e;
    struct trn_release_told_gap *t = &r->gaps[r->n_gaps++];
    *t = (struct trn_release_told_gap){.file = file, .artifact = artifact, .g = {TRN_NO_MEMBER, *g}};
    r->undecided = r->undecided || g->kind != TRN_GAP_UNSUPPORTED;
    return copy_texts(r, (struct trn_str *const[]){&t->g.gap.what, &t->g.gap.member}, 2);
}

static void note_gap(struct trn_release_member *m, enum trn_gap_kind kind)
{
    m->gaps++;
    m->gap = kind != TRN_GAP_UNSUPPORTED ? kind : m->gap;
}

int trn_release_gap(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_gap *g)
{
    struct trn_release_source *f = file_of(r, file);
    if (!f || artifact == 0 || artifact > f->n_nodes)
        return -EINVAL;
    note_gap(&f->nodes[artifact - 1].m, g->kind);
    return add_gap(r, file, artifact, g);
}

int trn_release_end(struct trn_release *r, uint32_t file, int code, struct trn_str why)
{
    if (!file_of(r, file))
        return -EINVAL;
    return code == 0 ? 0
                     : add_gap(r, file, 0,
                               &(struct trn_gap){.kind = TRN_GAP_CRASHED, .what = why, .member = r->files[file].path});
}

/* ---- all was told ---- */

static int by_feature(const void *a, const void *b)
{
    return trn_feature_compare(a, b);
}

static size_t without_doubles(struct trn_feature *f, size_t n)
{
    size_t out = n ? 1 : 0;
    for (size_t i = 1; i < n; i++) {
        if (trn_feature_compare(&f[out - 1], &f[i]) == 0)
            f[out - 1].number = TRN_MAX(f[out - 1].number, f[i].number);
        else
            f[out++] = f[i];
    }
    return out;
}

/* Items of one file, in the order told, become arrays of their members. */
static int give_items(struct trn_release *r, struct trn_release_source *f)
{
    for (size_t i = 0; i < f->n_items; i++) {
        struct trn_release_node *n = &f->nodes[f->items[i].artifact - 1];
        n->count[f->items[i].kind]++;
    }
    for (size_t i = 0; i < f->n_nodes; i++) {
        struct trn_release_node *n = &f->nodes[i];
        n->properties = trn_arena_array(r->arena, n->count[TRN_RELEASE_PROPERTY], sizeof(*n->properties));
        n->features = trn_arena_array(r->arena, n->count[TRN_RELEASE_FEATURE], sizeof(*n->features));
        n->findings = trn_arena_array(r->arena, n->count[TRN_RELEASE_FINDING], sizeof(*n->findings));
        if ((n->count[TRN_RELEASE_PROPERTY] && !n->properties) || (n->count[TRN_RELEASE_FEATURE] && !n->features) ||
            (n->count[TRN_RELEASE_FINDING] && !n->findings))
            return -ENOMEM;
    }
    for (size_t i = 0; i < f->n_items; i++) {
        const struct trn_release_item *item = &f->items[i];
        struct trn_release_node *n = &f->nodes[item->artifact - 1];
        if (item->kind == TRN_RELEASE_PROPERTY)
            n->properties[n->m.n_properties++] = item->p;
        else if (item->kind == TRN_RELEASE_FEATURE)
            n->features[n->m.n_features++] = item->f;
        else
            n->findings[n->m.n_findings++] = item->finding;
    }
    for (size_t i = 0; i < f->n_nodes; i++) {
        struct trn_release_node *n = &f->nodes[i];
        qsort(n->features, n->m.n_features, sizeof(*n->features), by_feature);
        n->m.n_features = without_doubles(n->features, n->m.n_features);
        n->m.properties = n->properties;
        n->m.features = n->features;
        n->m.findings = n->findings;
    }
    free(f->items);
    f->items = NULL;
    return 0;
}

/* Links each node to its first child and its next sibling, in the order told. */
static void link_nodes(struct trn_release_source *f)
{
    for (size_t i = 0; i < f->n_nodes; i++)
        f->nodes[i].last_child = f->nodes[i].child = f->nodes[i].next = 0;
    for (uint32_t id = 2; id <= f->n_nodes; id++) {
        struct trn_release_node *up = &f->nodes[f->nodes[id - 1].parent - 1];
        if (up->last_child)
            f->nodes[up->last_child - 1].next = id;
        else
            up->child = id;
        up->last_child = id;
    }
}

static struct trn_str join(struct trn_release *r, const struct trn_release_member *up, struct trn_str name)
{
    if (!up || up->path.n == 0)
        return name;
    if (up->path.n + name.n > PATH_MAX_LEN || r->path_bytes > PATH_BYTES)
        return name;
    r->path_bytes += up->path.n + name.n + 1;
    return trn_arena_printf(r->arena, "%.*s!%.*s", TRN_STR_ARG(up->path), TRN_STR_ARG(name));
}

static int add_member(struct trn_release *r, const struct trn_release_member *m, uint32_t parent, struct trn_str path,
                      uint32_t *ret)
{
    int e = grow((void **)&r->members, r->n_members, &r->cap_members, sizeof(*r->members));
    if (e < 0 || r->n_members >= TRN_NO_MEMBER - 1)
        return e < 0 ? e : -EOVERFLOW;
    struct trn_release_member *to = &r->members[r->n_members];
    *to = *m;
    to->path = path;
    /* what is in a container has a name of its own: "app.asar!package.json" is "package.json" */
    to->name = trn_path_base(path.n && (parent == TRN_NO_MEMBER || m->name.n == 0) ? path : m->name);
    to->parent = parent;
    to->children = 0;
    to->depth = parent == TRN_NO_MEMBER ? 0 : r->members[parent].depth + 1;
    if (parent != TRN_NO_MEMBER)
        r->members[parent].children++;
    *ret = (uint32_t)r->n_members++;
    return 0;
}

/* Archives in archives, each many times in the next: what a worker looks at once would be millions of members here. */
static int too_many_copies(struct trn_release *r, uint32_t file, uint32_t to)
{
    const struct trn_gap g = {.kind = TRN_GAP_LIMIT,
                              .what = TRN_STR("members of archives that are in it more than once"),
                              .value = r->copies_max,
                              .limit = r->copies_max};
    int e = add_gap(r, file, 0, &g);
    if (e == 0) {
        note_gap(&r->members[to], g.kind);
        r->gaps[r->n_gaps - 1].g.member = to;
    }
    return e;
}

/* What stands below a known content in the release that looked at it, copied below ours. */
static int copy_below(struct trn_release *r, uint32_t file, uint32_t to, const struct trn_release *from, uint32_t at)
{
    uint32_t map_depth[TRN_RELEASE_DEPTH];
    uint32_t base = trn_release_at(from, at)->depth;
    map_depth[0] = to;
    for (size_t i = at + 1; i < trn_release_count(from) && trn_release_at(from, i)->depth > base; i++) {
        const struct trn_release_member *m = trn_release_at(from, i);
        uint32_t d = m->depth - base, id;
        if (r->members[to].depth + d >= TRN_RELEASE_DEPTH) /* as add_tree: a copy stands no deeper either */
            continue;
        if (r->copies++ >= r->copies_max)
            return r->copies == r->copies_max + 1 ? too_many_copies(r, file, to) : 0;
        struct trn_release_member copy = *m;
        copy.known = true;
        struct trn_str own = m->path;
        const struct trn_release_member *up = trn_release_at(from, m->parent);
        own = trn_str_slice(own, up->path.n ? up->path.n + 1 : 0, own.n);
        struct trn_str path = join(r, &r->members[map_depth[d - 1]], own);
        int e = add_member(r, &copy, map_depth[d - 1], path, &id);
        if (e < 0)
            return e;
        map_depth[d] = id;
    }
    return 0;
}

/* It came as a hash and a name only: what is known of it stands earlier in this release, or in the other one. */
static int take_known(struct trn_release *r, uint32_t file, uint32_t id, uint8_t (*seen)[TRN_KNOWN_KEY])
{
    struct trn_release_member *m = &r->members[id];
    const struct trn_release *from = r->other;
    uint32_t at = from ? trn_release_by_key(from, *seen) : TRN_NO_MEMBER;
    if (at == TRN_NO_MEMBER) {
        from = r;
        at = trn_release_first_of(r, *seen, id);
    }
    if (at == TRN_NO_MEMBER)
        return 0; /* nothing can be said of it: an empty content, or one that has no features */
    const struct trn_release_member k = *trn_release_at(from, at);
    m->signature = k.signature;
    m->properties = k.properties;
    m->n_properties = k.n_properties;
    m->features = k.features;
    m->n_features = k.n_features;
    m->findings = k.findings;
    m->n_findings = k.n_findings;
    m->gaps = k.gaps;
    m->gap = k.gap;
    m->known = true;
    return k.children ? copy_below(r, file, id, from, at) : 0;
}

/* Told of its place or its mode, not of its content alone: another one with this content tells that itself. (An installer's services
 * are its content.) */
static bool is_of_place(const struct trn_release_member *m)
{
    return trn_member_feature(m, TRN_FEATURE_PRIVILEGE, TRN_STR_NONE, TRN_STR_NONE) ||
           (m->format != TRN_FORMAT_MSI && trn_member_feature(m, TRN_FEATURE_SERVICE, TRN_STR_NONE, TRN_STR_NONE));
}

static bool was_looked_at(const struct trn_release_node *n)
{
    return n->child || n->m.signature || n->m.n_properties || n->m.n_features || n->m.n_findings || n->m.gaps;
}

/* Node id and all below it, depth first. Recursion is as deep as containers are in containers (64 at most). */
static int add_tree(struct trn_release *r, struct trn_release_source *f, uint32_t id, uint32_t parent, unsigned depth)
{
    struct trn_release_node *n = &f->nodes[id - 1];
    uint8_t key[TRN_KNOWN_KEY];
    uint32_t index;
    if (depth >= TRN_RELEASE_DEPTH)
        return 0;
    struct trn_str path = parent == TRN_NO_MEMBER ? f->path : join(r, &r->members[parent], n->m.name);
    int e = add_member(r, &n->m, parent, path, &index);
    if (e < 0)
        return e;
    n->index = index;
    trn_known_key(n->m.sha256, trn_path_base(n->m.name), key);
    if (!was_looked_at(n))
        e = take_known(r, (uint32_t)(f - r->files), index, &key);
    if (e == 0 && !is_of_place(&r->members[index]))
        e = trn_release_note_key(r, key, index);
    for (uint32_t child = n->child; e == 0 && child; child = f->nodes[child - 1].next)
        e = add_tree(r, f, child, index, depth + 1);
    return e;
}

static int by_path(const void *a, const void *b)
{
    const struct trn_release_source *x = a, *y = b;
    return trn_str_cmp(x->path, y->path);
}

int trn_release_finish(struct trn_release *r)
{
    int e = 0;
    uint32_t *order = malloc((r->n_files + 1) * sizeof(*order));
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_files; i++)
        r->files[i].number = (uint32_t)i;
    if (r->n_files)
        qsort(r->files, r->n_files, sizeof(*r->files), by_path);
    for (size_t i = 0; i < r->n_files; i++)
        order[r->files[i].number] = (uint32_t)i;
    for (size_t i = 0; e == 0 && i < r->n_files; i++) {
        e = give_items(r, &r->files[i]);
        link_nodes(&r->files[i]);
        if (e == 0 && r->files[i].n_nodes)
            e = add_tree(r, &r->files[i], 1, TRN_NO_MEMBER, 0);
    }
    for (size_t i = 0; e == 0 && i < r->n_gaps; i++)
        if (r->gaps[i].artifact)
            r->gaps[i].g.member = r->files[order[r->gaps[i].file]].nodes[r->gaps[i].artifact - 1].index;
    for (size_t i = 0; i < r->n_files; i++) {
        free(r->files[i].nodes);
        r->files[i].nodes = NULL;
        r->files[i].n_nodes = 0;
    }
    free(order);
    r->finished = e == 0;
    trn_release_sort_keys(r);
    return e < 0 ? e : trn_release_sort_programs(r);
}

int trn_release_restore(struct trn_release *r, const struct trn_release_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->files[places[i].file].nodes[places[i].artifact - 1].m.gaps = places[i].gaps;
    return trn_release_finish(r);
}
