/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: dpkg's diversions: triples of lines "from", "to", "package". All packages but that one have
 * their file `from` at `to`. Must not own: packages.
 */
#include "software/internal.h"

int trn_diversions_init(struct trn_diversions *d, struct trn_arena *arena)
{
    *d = (struct trn_diversions){.arena = arena, .by_path = trn_map_new(2 * TRN_DPKG_DIVERSIONS_MAX)};
    return d->by_path ? 0 : -ENOMEM;
}

void trn_diversions_done(struct trn_diversions *d)
{
    d->by_path = trn_map_free(d->by_path);
    free(d->rows);
    d->rows = NULL;
}

static int add(struct trn_diversions *d, struct trn_str from, struct trn_str to, struct trn_str package)
{
    /* A name below the root on both sides: "/" itself is no file. */
    if (from.n < 2 || from.p[0] != '/' || to.n < 2 || to.p[0] != '/' || to.n > TRN_SOFTWARE_PATH_MAX ||
        package.n == 0 || package.n > TRN_DPKG_WORD_MAX)
        return 0;
    int r = trn_grow((void **)&d->rows, &d->cap, d->n, sizeof(*d->rows), TRN_DPKG_DIVERSIONS_MAX);
    if (r < 0)
        return r;
    struct trn_diversion row = {trn_arena_str(d->arena, to), trn_arena_str(d->arena, package)};
    if (!row.to.p || !row.package.p)
        return -ENOMEM;
    d->rows[d->n] = row;
    uint64_t alias;
    r = trn_map_put(d->by_path, trn_path_hash(from), d->n);
    if (r == 0 && trn_path_hash_alias(from, &alias))
        r = trn_map_put(d->by_path, alias, d->n);
    if (r == 0)
        d->n++;
    return r;
}

int trn_diversions_parse(struct trn_str text, struct trn_diversions *d)
{
    struct trn_cursor c = trn_cur_of(text);
    for (;;) {
        struct trn_str from = trn_cur_line(&c), to = trn_cur_line(&c), package = trn_cur_line(&c);
        if (trn_str_is_none(package))
            return 0;
        int r = add(d, from, to, package);
        if (r < 0)
            return r;
    }
}

struct trn_str trn_diversions_apply(const struct trn_diversions *d, struct trn_str package, struct trn_str path)
{
    uint64_t i;
    if (d->n == 0 || !trn_map_get(d->by_path, trn_path_hash(path), &i) || trn_str_eq(d->rows[i].package, package))
        return path;
    return d->rows[i].to;
}
