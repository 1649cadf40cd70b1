/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: who owns which path of one root, in 20 bytes a file: no path is kept, only its 64-bit hash,
 * the package's number and the first 8 bytes of the MD5; but of what may be a program or a library the path itself
 * is kept, so that a whole software can be blocked. Two paths of one hash would be taken for one
 * (1 in 10^8 for a million paths); the MD5 then tells them apart. Must not own: reading the database
 * (dpkg_parse.c); what arrives here comes from a worker and is checked again.
 */
#include "software/internal.h"

#define LISTED 0x80000000u /* in entry.package: the MD5 is known */

struct entry { /* halves, so that it packs into 20 bytes */
    uint32_t hash_high, hash_low;
    uint32_t package;
    uint32_t md5_high, md5_low;
};

#define CODE_MAX 65536u /* paths; at 60 bytes each about 4 MB */

struct code {
    struct trn_str path; /* in the arena */
    uint32_t package;
};

struct trn_package_index {
    struct trn_arena *arena;
    struct code *code;
    size_t n_code, cap_code;
    struct trn_package *packages;
    uint32_t *by_name; /* after seal: numbers of packages by name, architecture */
    size_t n_packages, cap_packages;
    struct entry *entries;
    size_t n, cap;
    struct trn_map *makers; /* while building: one copy of each maintainer */
    bool sealed;
};

int trn_package_index_new(struct trn_package_index **ret)
{
    struct trn_package_index *x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->arena = trn_arena_new(32u << 20);
    x->makers = trn_map_new(TRN_DPKG_PACKAGES_MAX);
    if (!x->arena || !x->makers) {
        trn_package_index_free(x);
        return -ENOMEM;
    }
    *ret = x;
    return 0;
}

struct trn_package_index *trn_package_index_free(struct trn_package_index *x)
{
    if (!x)
        return NULL;
    trn_arena_free(x->arena);
    trn_map_free(x->makers);
    free(x->code);
    free(x->packages);
    free(x->by_name);
    free(x->entries);
    free(x);
    return NULL;
}

static bool keep(struct trn_package_index *x, struct trn_str s, struct trn_str *ret)
{
    *ret = trn_str_is_none(s) ? s : trn_arena_str(x->arena, trn_str_slice(s, 0, TRN_DPKG_WORD_MAX));
    return trn_str_is_none(s) || ret->p;
}

static bool keep_maker(struct trn_package_index *x, struct trn_str s, struct trn_str *ret)
{
    uint64_t hash = trn_hash64_str(s), i;
    if (!trn_str_is_empty(s) && trn_map_get(x->makers, hash, &i) && trn_str_eq(x->packages[i].maintainer, s)) {
        *ret = x->packages[i].maintainer;
        return true;
    }
    return keep(x, s, ret) && trn_map_put(x->makers, hash, x->n_packages) == 0;
}

int trn_package_index_package(struct trn_package_index *x, uint32_t index, const struct trn_package *p)
{
    if (x->sealed || index != x->n_packages || trn_str_is_empty(p->name))
        return -EINVAL;
    int r =
        trn_grow((void **)&x->packages, &x->cap_packages, x->n_packages, sizeof(*x->packages), TRN_DPKG_PACKAGES_MAX);
    if (r < 0)
        return r;
    struct trn_package k = {.flags = p->flags & (TRN_SW_BASE | TRN_SW_UNPACKED)};
    if (!keep(x, p->name, &k.name) || !keep(x, p->version, &k.version) || !keep(x, p->arch, &k.arch) ||
        !keep_maker(x, p->maintainer, &k.maintainer))
        return -ENOMEM;
    x->packages[x->n_packages++] = k;
    return 0;
}

/* By where it lies and how it is called: what it is, whoever opens it sees. */
static bool may_be_code(struct trn_str path)
{
    static const char *const places[] = {"/bin/", "/sbin/", "/games/", "/libexec/", "/opt/"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(places); i++)
        if (trn_str_contains(path, trn_str_of(places[i])))
            return true;
    struct trn_str base = trn_path_base(path);
    return trn_str_contains(base, TRN_STR(".so")) ||
           (trn_str_contains(path, TRN_STR("/lib/")) && trn_str_find(base, '.') < 0);
}

/* Of the base system none: it is never blocked as a whole. What finds no room is left to what was seen to run. */
static int keep_code(struct trn_package_index *x, uint32_t package, struct trn_str path)
{
    if ((x->packages[package].flags & TRN_SW_BASE) || x->n_code == CODE_MAX || !may_be_code(path))
        return 0;
    int r = trn_grow((void **)&x->code, &x->cap_code, x->n_code, sizeof(*x->code), CODE_MAX);
    if (r < 0)
        return r;
    struct trn_str kept = trn_arena_str(x->arena, path);
    if (trn_str_is_none(kept))
        return -ENOMEM;
    x->code[x->n_code++] = (struct code){kept, package};
    return 0;
}

int trn_package_index_code(const struct trn_package_index *x, struct trn_str name, struct trn_str version,
                           int (*file)(void *ctx, struct trn_str path), void *ctx)
{
    for (size_t i = 0; i < x->n_code; i++) {
        const struct trn_package *p = &x->packages[x->code[i].package];
        if (!trn_str_eq(p->name, name) || (!trn_str_is_none(version) && !trn_str_eq(p->version, version)))
            continue;
        int r = file(ctx, x->code[i].path);
        if (r < 0)
            return r;
    }
    return 0;
}

int trn_package_index_file(struct trn_package_index *x, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    if (x->sealed || package >= x->n_packages || path.n == 0 || path.n > TRN_SOFTWARE_PATH_MAX)
        return -EINVAL;
    int r = trn_grow((void **)&x->entries, &x->cap, x->n, sizeof(*x->entries), TRN_DPKG_FILES_MAX);
    if (r < 0)
        return r;
    uint64_t hash = trn_path_hash(path);
    struct entry e = {.hash_high = (uint32_t)(hash >> 32), .hash_low = (uint32_t)hash, .package = package};
    if (md5) {
        memcpy(&e.md5_high, md5, 4);
        memcpy(&e.md5_low, md5 + 4, 4);
        e.package |= LISTED;
    }
    x->entries[x->n++] = e;
    x->packages[package].files++;
    return keep_code(x, package, path);
}

/* ---- sealing ---- */
static uint64_t hash_of(const struct entry *e)
{
    return (uint64_t)e->hash_high << 32 | e->hash_low;
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    uint64_t x = hash_of(a), y = hash_of(b);
    if (x != y)
        return x < y;
    if ((a->package ^ b->package) & LISTED)
        return a->package & LISTED; /* of the same path, the one with a checksum first */
    return a->package < b->package;
}

static void sift(struct entry *e, size_t at, size_t n)
{
    struct entry down = e[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(&e[child], &e[child + 1]))
            child++;
        if (!is_before(&down, &e[child]))
            break;
        e[at] = e[child];
    }
    e[at] = down;
}

/* In place (qsort would take as much memory again). */
static void heap_sort(struct entry *e, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(e, i, n);
    for (size_t end = n; end > 1;) {
        struct entry last = e[--end];
        e[end] = e[0];
        e[0] = last;
        sift(e, 0, end);
    }
}

static int name_order(const struct trn_package *a, const struct trn_package *b)
{
    int c = trn_str_cmp(a->name, b->name);
    return c ? c : trn_str_cmp(a->arch, b->arch);
}

static int by_name(const void *a, const void *b, void *ctx)
{
    const struct trn_package_index *x = ctx;
    return name_order(&x->packages[*(const uint32_t *)a], &x->packages[*(const uint32_t *)b]);
}

int trn_package_index_seal(struct trn_package_index *x)
{
    if (x->sealed)
        return 0;
    x->by_name = calloc(TRN_MAX(x->n_packages, (size_t)1), sizeof(*x->by_name));
    if (!x->by_name)
        return -ENOMEM;
    for (uint32_t i = 0; i < x->n_packages; i++)
        x->by_name[i] = i;
    qsort_r(x->by_name, x->n_packages, sizeof(*x->by_name), by_name, x);
    heap_sort(x->entries, x->n);
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++)
        if (kept == 0 || hash_of(&x->entries[kept - 1]) != hash_of(&x->entries[i]))
            x->entries[kept++] = x->entries[i];
    x->n = kept;
    struct entry *smaller = kept ? realloc(x->entries, kept * sizeof(*smaller)) : NULL;
    if (smaller) {
        x->entries = smaller;
        x->cap = kept;
    }
    x->makers = trn_map_free(x->makers);
    x->sealed = true;
    return 0;
}

/* ---- looking up ---- */
static const struct entry *entry_of(const struct trn_package_index *x, uint64_t hash)
{
    size_t lo = 0, hi = x->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        uint64_t h = hash_of(&x->entries[mid]);
        if (h == hash)
            return &x->entries[mid];
        if (h < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool trn_package_index_find(const struct trn_package_index *x, struct trn_str path, struct trn_owner *ret)
{
    uint64_t alias;
    if (!x->sealed || path.n == 0)
        return false;
    const struct entry *e = entry_of(x, trn_path_hash(path));
    if (!e && trn_path_hash_alias(path, &alias))
        e = entry_of(x, alias);
    if (!e)
        return false;
    *ret = (struct trn_owner){.package = &x->packages[e->package & ~LISTED], .has_md5 = e->package & LISTED};
    memcpy(ret->md5_head, &e->md5_high, 4);
    memcpy(ret->md5_head + 4, &e->md5_low, 4);
    return true;
}

size_t trn_package_index_packages(const struct trn_package_index *x)
{
    return x->n_packages;
}

const struct trn_package *trn_package_index_at(const struct trn_package_index *x, size_t i)
{
    if (i >= x->n_packages)
        return NULL;
    return &x->packages[x->sealed ? x->by_name[i] : i];
}

const struct trn_package *trn_package_index_named(const struct trn_package_index *x, struct trn_str name)
{
    size_t lo = 0, hi = x->sealed ? x->n_packages : 0;
    while (lo < hi) { /* the first of that name */
        size_t mid = lo + (hi - lo) / 2;
        if (trn_str_cmp(x->packages[x->by_name[mid]].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    const struct trn_package *p = x->sealed ? trn_package_index_at(x, lo) : NULL;
    return p && trn_str_eq(p->name, name) ? p : NULL;
}

size_t trn_package_index_bytes(const struct trn_package_index *x)
{
    return sizeof(*x) + x->cap * sizeof(*x->entries) + x->cap_code * sizeof(*x->code) +
           x->cap_packages * sizeof(*x->packages) + x->n_packages * sizeof(*x->by_name) + trn_arena_used(x->arena) +
           (x->makers ? trn_map_bytes(x->makers) : 0);
}

int trn_package_index_diff(const struct trn_package_index *before, const struct trn_package_index *after,
                           int (*change)(void *ctx, const struct trn_package *before, const struct trn_package *after),
                           void *ctx)
{
    size_t i = 0, j = 0;
    while (i < before->n_packages || j < after->n_packages) {
        const struct trn_package *a = trn_package_index_at(before, i), *b = trn_package_index_at(after, j);
        int c = !a ? 1 : !b ? -1 : name_order(a, b);
        int r = 0;
        if (c != 0 || !trn_str_eq(a->version, b->version))
            r = change(ctx, c <= 0 ? a : NULL, c >= 0 ? b : NULL);
        if (r < 0)
            return r;
        i += c <= 0;
        j += c >= 0;
    }
    return 0;
}
