/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is asked of a finished release and its members.
 * Must not: change one.
 */
#include "release/release_internal.h"

#include <stdlib.h>
#include <strings.h>

int trn_feature_compare(const struct trn_feature *a, const struct trn_feature *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int d = trn_str_cmp(a->key, b->key);
    return d ? d : trn_str_cmp(a->value, b->value);
}

/* ---- keys ---- */

int trn_release_note_key(struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY], uint32_t member)
{
    uint64_t unused;
    if (!r->first && !(r->first = trn_map_new(TRN_NO_MEMBER)))
        return -ENOMEM;
    if (r->n_keys == r->cap_keys) {
        size_t cap = r->cap_keys ? r->cap_keys * 2 : 64;
        struct trn_release_key *more = reallocarray(r->by_key, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        r->by_key = more;
        r->cap_keys = cap;
    }
    memcpy(r->by_key[r->n_keys].key, key, TRN_KNOWN_KEY);
    r->by_key[r->n_keys++].member = member;
    uint64_t hash = trn_hash64(key, TRN_KNOWN_KEY);
    return trn_map_get(r->first, hash, &unused) ? 0 : trn_map_put(r->first, hash, r->n_keys - 1);
}

uint32_t trn_release_first_of(const struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY], uint32_t before)
{
    uint64_t at;
    if (!r->first || !trn_map_get(r->first, trn_hash64(key, TRN_KNOWN_KEY), &at) || at >= r->n_keys)
        return TRN_NO_MEMBER;
    const struct trn_release_key *k = &r->by_key[at];
    return memcmp(k->key, key, TRN_KNOWN_KEY) == 0 && k->member < before ? k->member : TRN_NO_MEMBER;
}

static int by_key_then_member(const void *a, const void *b)
{
    const struct trn_release_key *x = a, *y = b;
    int d = memcmp(x->key, y->key, TRN_KNOWN_KEY);
    return d ? d : x->member < y->member ? -1 : x->member > y->member;
}

void trn_release_sort_keys(struct trn_release *r)
{
    r->first = trn_map_free(r->first);
    if (r->n_keys)
        qsort(r->by_key, r->n_keys, sizeof(*r->by_key), by_key_then_member);
}

static int only_key(const void *key, const void *entry)
{
    return memcmp(key, ((const struct trn_release_key *)entry)->key, TRN_KNOWN_KEY);
}

uint32_t trn_release_by_key(const struct trn_release *r, const uint8_t key[TRN_KNOWN_KEY])
{
    const struct trn_release_key *k =
        r->n_keys ? bsearch(key, r->by_key, r->n_keys, sizeof(*r->by_key), only_key) : NULL;
    if (!k)
        return TRN_NO_MEMBER;
    while (k > r->by_key && memcmp(k[-1].key, key, TRN_KNOWN_KEY) == 0)
        k--;
    return k->member;
}

int trn_release_keys(const struct trn_release *r, struct trn_buf *out)
{
    for (size_t i = 0; i < r->n_keys; i++)
        if (i == 0 || memcmp(r->by_key[i - 1].key, r->by_key[i].key, TRN_KNOWN_KEY) != 0)
            trn_put(out, r->by_key[i].key, TRN_KNOWN_KEY);
    return out->bad ? -ENOMEM : 0;
}

/* ---- the release ---- */

size_t trn_release_count(const struct trn_release *r)
{
    return r->n_members;
}

const struct trn_release_member *trn_release_at(const struct trn_release *r, size_t i)
{
    return i < r->n_members ? &r->members[i] : NULL;
}

struct trn_str trn_release_label(const struct trn_release *r)
{
    return r->label;
}

const struct trn_release_gap *trn_release_gap_at(const struct trn_release *r, size_t i)
{
    return i < r->n_gaps ? &r->gaps[i].g : NULL;
}

bool trn_release_undecided(const struct trn_release *r)
{
    return r->undecided;
}

/* Whom to believe about the whole: the file itself or package metadata before the resource of a program in it, then the one that stands least deep, then
 * the first. Only who says both is asked for either, else who says one. */
static const struct trn_release_member *spokesman(const struct trn_release *r, const char *key)
{
    const struct trn_release_member *best = NULL;
    uint64_t best_rank = UINT64_MAX;
    for (size_t i = 0; i < r->n_members; i++) {
        const struct trn_release_member *m = &r->members[i];
        if (m->n_properties == 0 || trn_member_property(m, key).n == 0)
            continue;
        bool both = trn_member_property(m, "product").n && trn_member_property(m, "version").n;
        bool whole = m->parent == TRN_NO_MEMBER && r->n_files == 1;
        uint64_t rank = (both ? 0u : 2u) + (trn_member_is_program(m) && !whole ? 1u : 0u);
        rank = rank << 32 | trn_member_level(m);
        if (rank < best_rank) {
            best = m;
            best_rank = rank;
        }
    }
    return best;
}

static struct trn_str said(const struct trn_release *r, const char *key)
{
    const struct trn_release_member *m = spokesman(r, key);
    return m ? trn_member_property(m, key) : TRN_STR("");
}

struct trn_str trn_release_product(const struct trn_release *r)
{
    return said(r, "product");
}

struct trn_str trn_release_version(const struct trn_release *r)
{
    return said(r, "version");
}

/* ---- programs by name ---- */

static int name_cmp(struct trn_str a, struct trn_str b)
{
    int d = strncasecmp(a.p ? a.p : "", b.p ? b.p : "", TRN_MIN(a.n, b.n));
    return d ? d : a.n < b.n ? -1 : a.n > b.n;
}

static int by_name(const void *a, const void *b, void *ctx)
{
    const struct trn_release *r = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int d = name_cmp(r->members[x].name, r->members[y].name);
    return d ? d : x < y ? -1 : x > y;
}

int trn_release_sort_programs(struct trn_release *r)
{
    r->programs = malloc((r->n_members + 1) * sizeof(*r->programs));
    if (!r->programs)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_members; i++)
        if (trn_member_is_program(&r->members[i]))
            r->programs[r->n_programs++] = (uint32_t)i;
    if (r->n_programs)
        qsort_r(r->programs, r->n_programs, sizeof(*r->programs), by_name, r);
    return 0;
}

size_t trn_release_programs(const struct trn_release *r)
{
    return r->n_programs;
}

const struct trn_release_member *trn_release_program_named(const struct trn_release *r, struct trn_str name,
                                                           const struct trn_release_member *but)
{
    size_t lo = 0, hi = r->n_programs;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (name_cmp(r->members[r->programs[mid]].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; name.n && lo < r->n_programs; lo++) {
        const struct trn_release_member *m = &r->members[r->programs[lo]];
        if (name_cmp(m->name, name) != 0)
            return NULL;
        if (m != but)
            return m;
    }
    return NULL;
}

/* ---- a member ---- */

struct trn_str trn_member_property(const struct trn_release_member *m, const char *key)
{
    for (size_t i = 0; i < m->n_properties; i++)
        if (trn_str_eq_c(m->properties[i].key, key))
            return m->properties[i].value;
    return TRN_STR_NONE;
}

const struct trn_feature *trn_member_features(const struct trn_release_member *m, enum trn_feature_kind kind,
                                              size_t *ret_n)
{
    size_t lo = 0, hi = m->n_features;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->features[mid].kind < kind)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (hi = lo; hi < m->n_features && m->features[hi].kind == kind; hi++)
        ;
    *ret_n = hi - lo;
    return m->features ? m->features + lo : NULL;
}

const struct trn_feature *trn_member_feature(const struct trn_release_member *m, enum trn_feature_kind kind,
                                             struct trn_str key, struct trn_str value)
{
    size_t n;
    const struct trn_feature *f = trn_member_features(m, kind, &n);
    for (size_t i = 0; i < n; i++)
        if ((trn_str_is_none(key) || trn_str_eq(key, f[i].key)) &&
            (trn_str_is_none(value) || trn_str_eq(value, f[i].value)))
            return &f[i];
    return NULL;
}

struct trn_str trn_member_inner_path(const struct trn_release *r, const struct trn_release_member *m)
{
    const struct trn_release_member *up = m->parent < r->n_members ? &r->members[m->parent] : NULL;
    if (!up || up->path.n == 0 || m->path.n <= up->path.n || !trn_str_starts(m->path, up->path))
        return m->path;
    return trn_str_slice(m->path, up->path.n + 1, m->path.n);
}

uint32_t trn_member_level(const struct trn_release_member *m)
{
    uint32_t level = m->depth;
    for (size_t i = 0; i < m->path.n; i++) {
        bool here = m->path.p[i] == '/' && i && m->path.p[i - 1] == '.' && (i == 1 || strchr("/!", m->path.p[i - 2]));
        level += m->path.p[i] == '/' && !here; /* "./" leads nowhere */
    }
    return level;
}

bool trn_member_is_program(const struct trn_release_member *m)
{
    return m->format == TRN_FORMAT_PE || m->format == TRN_FORMAT_ELF || m->format == TRN_FORMAT_MACHO ||
           m->format == TRN_FORMAT_MACHO_FAT;
}

bool trn_member_is_script(const struct trn_release_member *m)
{
    return m->format == TRN_FORMAT_JAVASCRIPT || m->format == TRN_FORMAT_SHELL || m->format == TRN_FORMAT_PYTHON ||
           m->format == TRN_FORMAT_JSON ||
           trn_member_feature(m, TRN_FEATURE_MEASURE, TRN_STR("script.language"), TRN_STR_NONE);
}
