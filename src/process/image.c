/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: images and the graph of what started what; which of them wait for an identity. Must not own:
 * entities (they hold references to images).
 * A node is freed with its last reference: the entities that run it, and the images started from it.
 */
#include "process/internal.h"

struct trn_node *trn_node_ref(struct trn_node *n)
{
    if (n)
        n->refs++;
    return n;
}

/* ---- waiting for identities ---- */
static struct trn_node **file_bucket(const struct trn_process_table *t, const struct trn_file_key *k)
{
    return &t->wait_file[trn_file_inode_hash(k) & (TRN_WAIT_BUCKETS - 1)];
}

static struct trn_node **script_bucket(const struct trn_process_table *t, struct trn_str path)
{
    return &t->wait_script[trn_hash64_str(path) & (TRN_WAIT_BUCKETS - 1)];
}

static void stop_waiting_file(struct trn_process_table *t, struct trn_node *n)
{
    if (!n->waits_file)
        return;
    struct trn_node **at = file_bucket(t, &n->file);
    while (*at != n)
        at = &(*at)->wait_file;
    *at = n->wait_file;
    n->wait_file = NULL;
    n->waits_file = false;
}

static void stop_waiting_script(struct trn_process_table *t, struct trn_node *n)
{
    if (!n->waits_script)
        return;
    struct trn_node **at = script_bucket(t, trn_word_str(n->script));
    while (*at != n)
        at = &(*at)->wait_script;
    *at = n->wait_script;
    n->wait_script = NULL;
    n->waits_script = false;
}

static void wait_for_script(struct trn_process_table *t, struct trn_node *n)
{
    struct trn_node **b = script_bucket(t, trn_word_str(n->script));
    n->wait_script = *b;
    *b = n;
    n->waits_script = true;
}

static void start_waiting(struct trn_process_table *t, struct trn_node *n)
{
    if (!n->known && !trn_file_key_is_none(&n->file)) {
        struct trn_node **b = file_bucket(t, &n->file);
        n->wait_file = *b;
        *b = n;
        n->waits_file = true;
    }
    if (n->script && !n->script_known)
        wait_for_script(t, n);
}

static void set_role(struct trn_node *n)
{
    const struct trn_known *k = n->script ? n->script_known : n->known;
    const struct trn_software *sw = k ? &k->id.software : NULL;
    struct trn_str path = trn_word_str(n->path);
    n->role = (uint8_t)trn_role_of(path, sw, n->script != NULL);
    n->border = (uint8_t)(n->role == TRN_ROLE_BORDER ? trn_border_of(path, sw) : TRN_BORDER_NONE);
}

/* Nothing that arrives later can change the role. */
static bool is_settled(const struct trn_node *n)
{
    return !n->waits_file && !n->waits_script;
}

static bool is_transparent(const struct trn_node *n)
{
    return n->role != TRN_ROLE_APPLICATION && n->role != TRN_ROLE_BORDER;
}

/* ---- the graph ---- */
static void free_node(struct trn_process_table *t, struct trn_node *n)
{
    stop_waiting_file(t, n);
    stop_waiting_script(t, n);
    *(n->prev ? &n->prev->next : &t->nodes) = n->next;
    if (n->next)
        n->next->prev = n->prev;
    t->n_nodes--;
    trn_words_drop(&t->words, n->path);
    trn_words_drop(&t->words, n->invoked);
    trn_words_drop(&t->words, n->script);
    trn_words_drop(&t->words, n->argv);
    trn_words_drop(&t->words, n->cwd);
    trn_known_drop(&t->known, &t->words, n->known);
    trn_known_drop(&t->known, &t->words, n->script_known);
    free(n);
}

void trn_node_drop(struct trn_process_table *t, struct trn_node *n)
{
    while (n && --n->refs == 0) { /* a loop: chains are long after a storm of execs */
        struct trn_node *from = n->from;
        free_node(t, n);
        n = from;
    }
}

/* Where a new image hangs. Settled shells and tools are skipped, so that a loop of execs does not grow
 * a chain; the one right below a border stays, because a service's own program acts. */
static struct trn_node *shorten(struct trn_process_table *t, struct trn_node *f, uint64_t *entity)
{
    while (f && f->from && is_transparent(f) && is_settled(f) && f->from->role != TRN_ROLE_BORDER) {
        *entity = f->from_entity;
        f = f->from;
    }
    if (!f || f->depth < TRN_DEPTH_MAX)
        return f;
    while (f->from && is_transparent(f)) {
        *entity = f->from_entity;
        f = f->from;
    }
    if (f->depth >= TRN_DEPTH_MAX) { /* 64 applications deep: who started the first of them no longer matters */
        struct trn_node *above = f->from;
        f->from = NULL;
        f->from_entity = 0;
        f->depth = 0;
        trn_node_drop(t, above);
    }
    return f;
}

void trn_node_link(struct trn_process_table *t, struct trn_node *n, struct trn_node *from, uint64_t from_entity)
{
    if (!from || n->from)
        return;
    for (const struct trn_node *up = from; up; up = up->from)
        if (up == n)
            return; /* each the other's parent: nonsense, but it must not become a ring */
    from = shorten(t, from, &from_entity);
    n->from = trn_node_ref(from);
    n->from_entity = from_entity;
    n->depth = (uint16_t)(from->depth + 1);
}

/* Absolute; "./" removed. ".." stays: it means what the file system says. */
static int take_script(struct trn_process_table *t, struct trn_str script, struct trn_str cwd, struct trn_word **ret)
{
    char path[2 * TRN_PATH_KEPT + 2];
    if (trn_str_is_empty(script) || script.p[0] == '/' || trn_str_is_empty(cwd))
        return trn_words_take(&t->words, trn_str_is_empty(script) ? TRN_STR_NONE : script, TRN_PATH_KEPT, ret);
    while (trn_str_starts(script, TRN_STR("./")))
        script = trn_str_slice(script, 2, script.n);
    size_t n = TRN_MIN(cwd.n, (size_t)TRN_PATH_KEPT), m = TRN_MIN(script.n, (size_t)TRN_PATH_KEPT);
    memcpy(path, cwd.p, n);
    if (path[n - 1] != '/')
        path[n++] = '/';
    memcpy(path + n, script.p, m);
    return trn_words_take(&t->words, (struct trn_str){path, n + m}, TRN_PATH_KEPT, ret);
}

static int take_words(struct trn_process_table *t, const struct trn_ev_exec *x, struct trn_node *n)
{
    struct trn_str script = x->script;
    if (trn_str_is_empty(script))
        script = trn_script_of_args(trn_path_base(x->path), x->argv);
    int r = trn_words_take(&t->words, x->path, TRN_PATH_KEPT, &n->path);
    if (r == 0)
        r = trn_words_take(&t->words, x->invoked, TRN_WORD_KEPT, &n->invoked);
    if (r == 0)
        r = trn_words_take(&t->words, x->argv, TRN_ARGV_KEPT, &n->argv);
    if (r == 0)
        r = trn_words_take(&t->words, x->cwd, TRN_WORD_KEPT, &n->cwd);
    return r < 0 ? r : take_script(t, script, x->cwd, &n->script);
}

/* ---- told before the exec ---- */
static void forget_told(struct trn_process_table *t, struct trn_process_told *x)
{
    trn_known_drop(&t->known, &t->words, x->known);
    trn_words_drop(&t->words, x->path);
    *x = (struct trn_process_told){0};
}

void trn_told_done(struct trn_process_table *t)
{
    for (size_t i = 0; i < TRN_TOLD_MAX; i++)
        forget_told(t, &t->told[i]);
}

static void keep_told(struct trn_process_table *t, const struct trn_event *ev, struct trn_known *k)
{
    struct trn_word *path;
    if (trn_words_take(&t->words, ev->identity.path, TRN_PATH_KEPT, &path) < 0 || !path)
        return;
    struct trn_process_told *x = &t->told[t->told_next++ % TRN_TOLD_MAX];
    forget_told(t, x);
    *x = (struct trn_process_told){.known = k, .path = path, .boot_ns = ev->boot_ns, .mntns = ev->identity.id.mntns};
    k->refs++;
}

/* The newest first: the same path may just have got other content. */
static struct trn_known *told_of(const struct trn_process_table *t, const struct trn_node *n)
{
    for (uint32_t i = 1; i <= TRN_TOLD_MAX; i++) {
        const struct trn_process_told *x = &t->told[(t->told_next - i) % TRN_TOLD_MAX];
        if (x->known && x->path == n->script && x->boot_ns + TRN_TOLD_NS >= n->exec_boot_ns &&
            (!x->mntns || !n->mntns || x->mntns == n->mntns))
            return x->known;
    }
    return NULL;
}

int trn_node_exec(struct trn_process_table *t, struct trn_slot *s, const struct trn_event *ev, struct trn_node **ret)
{
    struct trn_node *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    n->next = t->nodes;
    if (n->next)
        n->next->prev = n;
    t->nodes = n;
    t->n_nodes++;
    n->refs = 1;
    int r = take_words(t, &ev->exec, n);
    if (r < 0) {
        trn_node_drop(t, n);
        return r;
    }
    n->owner = s->id;
    n->file = ev->exec.file;
    n->flags = ev->flags & (TRN_EVF_MEMFD | TRN_EVF_DELETED | TRN_EVF_EXISTING | TRN_EVF_ARGS_CUT | TRN_EVF_PATH_CUT);
    n->mntns = s->mntns;
    n->asker = ev->flags & TRN_EVF_EXISTING ? TRN_NO_U32 : ev->uid; /* it may have become another since */
    n->became = TRN_NO_U32;
    n->exec_boot_ns = ev->boot_ns;
    n->exec_seq = ev->seq;
    n->tty_leader = s->tty && s->session && s->session == s->pid;
    n->known = trn_known_find(&t->known, &n->file);
    if (n->known)
        n->known->refs++;
    n->script_known = n->script ? told_of(t, n) : NULL;
    if (n->script_known)
        n->script_known->refs++;
    set_role(n);
    start_waiting(t, n);

    /* What ran here until now was either started here, or came with the fork from the parent. */
    struct trn_node *old = s->node;
    uint64_t from_entity = old && old->owner == s->id ? s->id : s->parent;
    if (!old) {
        struct trn_slot *parent = s->parent ? trn_slot_by_id(t, s->parent) : NULL;
        old = parent && parent != s ? parent->node : NULL;
    }
    trn_node_link(t, n, old, from_entity);
    *ret = n;
    return 0;
}

int trn_node_set_script(struct trn_process_table *t, struct trn_node *n, struct trn_str path,
                        const struct trn_file_key *file)
{
    int r = trn_words_take(&t->words, path, TRN_PATH_KEPT, &n->script);
    if (r < 0 || !n->script)
        return r;
    n->script_known = trn_file_key_is_none(file) ? told_of(t, n) : trn_known_find(&t->known, file);
    if (n->script_known)
        n->script_known->refs++;
    set_role(n);
    if (!n->script_known)
        wait_for_script(t, n);
    return 0;
}

/* ---- learning ---- */
static bool same_file(const struct trn_file_key *a, const struct trn_file_key *b)
{
    return a->dev == b->dev && a->ino == b->ino && (a->ctime_ns == b->ctime_ns || !a->ctime_ns || !b->ctime_ns);
}

void trn_nodes_learn(struct trn_process_table *t, const struct trn_event *ev, struct trn_known *k, bool changed)
{
    const struct trn_ev_identity *i = &ev->identity;
    for (struct trn_node *n = *file_bucket(t, &k->key), *next; n; n = next) {
        next = n->wait_file;
        if (!same_file(&n->file, &k->key))
            continue;
        stop_waiting_file(t, n);
        n->known = k;
        k->refs++;
        set_role(n);
    }
    keep_told(t, ev, k);
    if (!trn_str_is_empty(i->path))
        for (struct trn_node *n = *script_bucket(t, i->path), *next; n; n = next) {
            next = n->wait_script;
            if (!trn_str_eq(trn_word_str(n->script), i->path) || (i->id.mntns && n->mntns && i->id.mntns != n->mntns))
                continue;
            stop_waiting_script(t, n);
            n->script_known = k;
            k->refs++;
            set_role(n);
        }
    if (changed)
        for (struct trn_node *n = t->nodes; n; n = n->next)
            if (n->known == k || n->script_known == k)
                set_role(n);
}
