/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what the rules name: files by device and inode, contents by sha256, their sizes, build-ids, paths.
 * Must not own: locks, the kernel, what becomes of an answer.
 *
 * A file that two rules name is there twice, so that a rule takes with it only what is its own.
 */
#include "response/execute/block_index.h"

#include <unistd.h>

struct file {
    struct file *next;
    uint64_t rule;
    struct trn_permit_key key;
    bool whatever; /* refused whatever it holds */
};

struct content {
    struct content *next;
    uint64_t rule, size;
    bool fail_closed;
    uint8_t sha256[TRN_SHA256_SIZE];
};

struct rule {
    uint64_t id;
    bool fail_closed;
    uint8_t build_id[BLOCK_BUILD_ID_MAX];
    size_t build_id_n;
};

struct block_index {
    struct rule rules[TRN_BLOCKER_RULES];
    struct trn_map *files;    /* device and inode, mixed -> chain */
    struct trn_map *contents; /* first bytes of the hash -> chain */
    struct trn_map *sizes;    /* size -> contents of fail-closed rules << 32 | all contents */
    uint64_t any_size;        /* the same, of contents whose size is not known */
    uint32_t n_closed_builds;
    struct block_path *paths;
    struct block_index_counts n;
};

#define ONE_CLOSED (UINT64_C(1) << 32)

struct block_index *block_index_new(void)
{
    struct block_index *x = calloc(1, sizeof(*x));

    if (x) {
        x->files = trn_map_new(TRN_BLOCKER_FILES);
        x->contents = trn_map_new(TRN_BLOCKER_FILES);
        x->sizes = trn_map_new(TRN_BLOCKER_FILES);
    }
    return x && x->files && x->contents && x->sizes ? x : block_index_free(x);
}

struct block_index *block_index_free(struct block_index *x)
{
    if (!x)
        return NULL;
    for (size_t i = 0; x->sizes && i < TRN_BLOCKER_RULES; i++) {
        if (x->rules[i].id)
            (void)!block_index_remove(x, x->rules[i].id);
    }
    trn_map_free(x->files);
    trn_map_free(x->contents);
    trn_map_free(x->sizes);
    free(x);
    return NULL;
}

static struct rule *find_rule(struct block_index *x, uint64_t id) /* 0: a free one */
{
    for (size_t i = 0; i < TRN_BLOCKER_RULES; i++) {
        if (x->rules[i].id == id)
            return &x->rules[i];
    }
    return NULL;
}

/* ---- files ---- */

static uint64_t inode_hash(const struct trn_permit_key *k)
{
    return trn_hash64_mix(k->dev, k->ino);
}

static int add_file(struct block_index *x, uint64_t rule, const struct trn_permit_key *key, bool whatever)
{
    struct file *f = x->n.files < TRN_BLOCKER_FILES ? malloc(sizeof(*f)) : NULL;
    int r;

    if (!f)
        return x->n.files < TRN_BLOCKER_FILES ? -ENOMEM : -ENOSPC;
    *f = (struct file){trn_map_get_ptr(x->files, inode_hash(key)), rule, *key, whatever};
    r = trn_map_put_ptr(x->files, inode_hash(key), f);
    if (r != 0)
        free(f);
    else
        x->n.files++;
    return r;
}

int block_index_add_file(struct block_index *x, uint64_t rule, const struct trn_permit_key *key)
{
    return find_rule(x, rule) ? add_file(x, rule, key, true) : -ENOENT;
}

enum block_known block_index_file(const struct block_index *x, const struct trn_permit_key *key)
{
    enum block_known known = BLOCK_STRANGER;

    for (const struct file *f = trn_map_get_ptr(x->files, inode_hash(key)); f; f = f->next) {
        if (f->key.dev != key->dev || f->key.ino != key->ino)
            continue;
        if (f->whatever || (f->key.ctime_ns == key->ctime_ns && f->key.size == key->size))
            return BLOCK_REFUSED;
        known = BLOCK_CHANGED;
    }
    return known;
}

bool block_index_is_newer(const struct block_index *x, const struct trn_permit_key *key, uint64_t born_ns)
{
    for (const struct file *f = trn_map_get_ptr(x->files, inode_hash(key)); f; f = f->next) {
        if (f->key.dev == key->dev && f->key.ino == key->ino && f->key.ctime_ns >= born_ns)
            return false;
    }
    return true;
}

/* ---- contents ---- */

static uint64_t sha_hash(const uint8_t *sha256)
{
    return trn_hash64(sha256, TRN_SHA256_SIZE);
}

/* Fails only for a size that is new. */
static int count_size(struct block_index *x, uint64_t size, uint64_t by)
{
    uint64_t n = 0;

    if (size == TRN_NO_U64) {
        x->any_size += by;
        return 0;
    }
    (void)trn_map_get(x->sizes, size, &n);
    if (n + by != 0)
        return trn_map_put(x->sizes, size, n + by);
    (void)trn_map_remove(x->sizes, size, NULL);
    return 0;
}

static int add_content(struct block_index *x, const struct rule *r, const uint8_t *sha256, uint64_t size)
{
    struct content *c = x->n.contents < TRN_BLOCKER_FILES ? malloc(sizeof(*c)) : NULL;
    int code;

    if (!c)
        return x->n.contents < TRN_BLOCKER_FILES ? -ENOMEM : -ENOSPC;
    *c = (struct content){trn_map_get_ptr(x->contents, sha_hash(sha256)), r->id, size, r->fail_closed, {0}};
    memcpy(c->sha256, sha256, TRN_SHA256_SIZE);
    code = count_size(x, size, 1 + (r->fail_closed ? ONE_CLOSED : 0));
    if (code == 0) {
        code = trn_map_put_ptr(x->contents, sha_hash(sha256), c);
        if (code != 0)
            (void)!count_size(x, size, 0 - (1 + (r->fail_closed ? ONE_CLOSED : 0)));
    }
    if (code != 0)
        free(c);
    else
        x->n.contents++;
    return code;
}

static uint64_t of_size(const struct block_index *x, uint64_t size)
{
    uint64_t n = 0;

    (void)trn_map_get(x->sizes, size, &n);
    return n | x->any_size;
}

bool block_index_may_be(const struct block_index *x, uint64_t size)
{
    return of_size(x, size) != 0;
}

bool block_index_may_be_closed(const struct block_index *x, uint64_t size)
{
    return x->n_closed_builds > 0 || of_size(x, size) >= ONE_CLOSED;
}

bool block_index_content(const struct block_index *x, const uint8_t sha256[TRN_SHA256_SIZE], uint64_t size)
{
    for (const struct content *c = trn_map_get_ptr(x->contents, sha_hash(sha256)); c; c = c->next) {
        if (memcmp(c->sha256, sha256, TRN_SHA256_SIZE) == 0 && (c->size == size || c->size == TRN_NO_U64))
            return true;
    }
    return false;
}

bool block_index_build_id(const struct block_index *x, struct trn_str build_id)
{
    for (size_t i = 0; build_id.n > 0 && i < TRN_BLOCKER_RULES; i++) {
        const struct rule *r = &x->rules[i];
        if (r->id && r->build_id_n == build_id.n && memcmp(r->build_id, build_id.p, build_id.n) == 0)
            return true;
    }
    return false;
}

/* ---- rules ---- */

static void free_path(struct block_path *p)
{
    trn_fd_close(p->folder);
    free(p->path);
    free(p->base);
    free(p);
}

static int add_path(struct block_index *x, const struct trn_block_rule *r)
{
    struct block_path *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    *p = (struct block_path){.next = x->paths, .rule = r->id, .folder = -1, .watch = -1};
    p->path = strdup(r->path);
    p->base = strdup(strrchr(r->path, '/') ? strrchr(r->path, '/') + 1 : r->path);
    if (!p->path || !p->base) {
        free_path(p);
        return -ENOMEM;
    }
    x->paths = p;
    x->n.paths++;
    return 0;
}

int block_index_add(struct block_index *x, const struct trn_block_rule *r)
{
    struct rule *rule = find_rule(x, 0);
    int code = 0;

    if (r->id == 0 || r->build_id.n > BLOCK_BUILD_ID_MAX)
        return -EINVAL;
    if (!rule || find_rule(x, r->id))
        return rule ? -EEXIST : -ENOSPC;
    *rule = (struct rule){.id = r->id, .fail_closed = r->fail_closed, .build_id_n = r->build_id.n};
    if (r->build_id.n)
        memcpy(rule->build_id, r->build_id.p, r->build_id.n);
    x->n.rules++;
    x->n.build_ids += r->build_id.n > 0;
    x->n_closed_builds += r->build_id.n > 0 && r->fail_closed;
    for (uint32_t i = 0; i < r->n_files && code == 0; i++) {
        const struct trn_block_file *f = &r->files[i];
        code = add_file(x, r->id, &f->key, r->path != NULL);
        if (code == 0 && f->has_sha256 && f->spread && !r->path)
            code = add_content(x, rule, f->sha256, f->key.size);
    }
    for (uint32_t i = 0; i < r->n_contents && code == 0; i++)
        code = add_content(x, rule, r->contents[i].sha256, r->contents[i].size);
    if (code == 0 && r->path)
        code = add_path(x, r);
    if (code != 0)
        (void)!block_index_remove(x, r->id);
    return code;
}

static void remove_files(struct block_index *x, uint64_t rule)
{
    uint64_t key, value;
    size_t it = 0;

    while (trn_map_next(x->files, &it, &key, &value)) {
        struct file *first = (void *)(uintptr_t)value;
        for (struct file **at = &first; *at;) {
            struct file *f = *at;
            if (f->rule != rule) {
                at = &f->next;
                continue;
            }
            *at = f->next;
            free(f);
            x->n.files--;
        }
        if (!first)
            (void)trn_map_remove(x->files, key, NULL);
        else if ((uint64_t)(uintptr_t)first != value)
            (void)!trn_map_put_ptr(x->files, key, first); /* replaces: cannot fail */
    }
}

static void remove_contents(struct block_index *x, uint64_t rule)
{
    uint64_t key, value;
    size_t it = 0;

    while (trn_map_next(x->contents, &it, &key, &value)) {
        struct content *first = (void *)(uintptr_t)value;
        for (struct content **at = &first; *at;) {
            struct content *c = *at;
            if (c->rule != rule) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            (void)!count_size(x, c->size, 0 - (1 + (c->fail_closed ? ONE_CLOSED : 0)));
            free(c);
            x->n.contents--;
        }
        if (!first)
            (void)trn_map_remove(x->contents, key, NULL);
        else if ((uint64_t)(uintptr_t)first != value)
            (void)!trn_map_put_ptr(x->contents, key, first);
    }
}

int block_index_remove(struct block_index *x, uint64_t id)
{
    struct rule *r = id ? find_rule(x, id) : NULL;

    if (!r)
        return -ENOENT;
    remove_files(x, id);
    remove_contents(x, id);
    for (struct block_path **at = &x->paths; *at;) {
        struct block_path *p = *at;
        if (p->rule != id) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        free_path(p);
        x->n.paths--;
    }
    x->n.build_ids -= r->build_id_n > 0;
    x->n_closed_builds -= r->build_id_n > 0 && r->fail_closed;
    x->n.rules--;
    *r = (struct rule){0};
    return 0;
}

struct block_path *block_index_paths(const struct block_index *x)
{
    return x->paths;
}

struct block_index_counts block_index_counts(const struct block_index *x)
{
    return x->n;
}
