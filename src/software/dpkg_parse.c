/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading one bundle of dpkg's database: first which files it holds, then packages, diversions,
 * and each package's files to the sink. Runs in a strict worker: only pread on the one descriptor.
 * Must not own: the formats of the single files (dpkg_status.c, dpkg_divert.c, dpkg_list.c).
 */
#include "software/internal.h"

#define ENTRIES_MAX (4 * TRN_DPKG_PACKAGES_MAX)
#define JOURNAL_MAX 1024 /* dpkg folds its journal into the status file after 250 */

struct entry {
    struct trn_str name; /* in the arena */
    uint64_t offset, size;
};

struct parse {
    int fd;
    struct trn_arena *arena;
    struct entry *entries;
    size_t n, cap;
    struct trn_map *by_name;
    struct trn_buf list, md5sums;
    struct trn_dpkg_packages packages;
    struct trn_diversions diversions;
    struct trn_dpkg_list files;
    uint64_t n_files;
};

static void parse_done(struct parse *p)
{
    trn_dpkg_list_done(&p->files);
    trn_diversions_done(&p->diversions);
    trn_dpkg_packages_done(&p->packages);
    trn_buf_done(&p->list);
    trn_buf_done(&p->md5sums);
    trn_map_free(p->by_name);
    free(p->entries);
    trn_arena_free(p->arena);
}

static int read_names(struct parse *p, struct trn_err *err)
{
    struct trn_bundle_reader r;
    struct trn_bundle_entry e;
    int more = trn_bundle_open(p->fd, &r, err);
    if (more < 0)
        return more;
    while ((more = trn_bundle_next(&r, &e, err)) > 0) {
        int g = trn_grow((void **)&p->entries, &p->cap, p->n, sizeof(*p->entries), ENTRIES_MAX);
        struct entry x = {trn_arena_str(p->arena, (struct trn_str){e.name, e.name_length}), e.offset, e.size};
        if (g == 0 && !x.name.p)
            g = -ENOMEM;
        if (g == 0)
            g = trn_map_put(p->by_name, trn_hash64_str(x.name), p->n);
        if (g < 0)
            return trn_fail(err, g, "cannot keep the names in the bundle");
        p->entries[p->n++] = x;
    }
    return more;
}

static const struct entry *entry_named(const struct parse *p, struct trn_str name)
{
    uint64_t i;
    if (!trn_map_get(p->by_name, trn_hash64_str(name), &i) || !trn_str_eq(p->entries[i].name, name))
        return NULL;
    return &p->entries[i];
}

/* out empty when e is NULL: a missing list is an empty one. */
static int read_entry(const struct parse *p, const struct entry *e, struct trn_buf *out, struct trn_err *err)
{
    char window[32768];
    trn_buf_clear(out);
    for (uint64_t at = 0; e && at < e->size;) {
        size_t n = (size_t)TRN_MIN(e->size - at, (uint64_t)sizeof(window));
        int r = trn_pread_full(p->fd, window, n, e->offset + at);
        if (r < 0)
            return trn_fail(err, r, "cannot read the bundle");
        trn_put(out, window, n);
        if (out->bad)
            return trn_fail(err, -EFBIG, "a file of the package database is longer than %u bytes", TRN_DPKG_TEXT_MAX);
        at += n;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return trn_str_cmp((*(const struct entry *const *)a)->name, (*(const struct entry *const *)b)->name);
}

/* dpkg's journal lies over the status file, in the order of its numbers (four digits each). */
static int read_journal(struct parse *p, struct trn_err *err)
{
    const struct entry *journal[JOURNAL_MAX] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < p->n && n < TRN_ARRAY_SIZE(journal); i++)
        if (trn_str_starts(p->entries[i].name, TRN_STR("updates/")))
            journal[n++] = &p->entries[i];
    qsort(journal, n, sizeof(const struct entry *), by_name);
    for (size_t i = 0; i < n; i++) {
        int r = read_entry(p, journal[i], &p->list, err);
        if (r == 0)
            r = trn_dpkg_status_parse(trn_buf_str(&p->list), &p->packages);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_database(struct parse *p, struct trn_err *err)
{
    const struct entry *status = entry_named(p, TRN_STR("status"));
    if (!status)
        return trn_fail(err, -ENOENT, "no status file in the package database");
    int r = read_entry(p, status, &p->list, err);
    if (r < 0)
        return r;
    r = trn_dpkg_status_parse(trn_buf_str(&p->list), &p->packages);
    if (r == 0)
        r = read_journal(p, err);
    if (r < 0)
        return trn_fail(err, r, "cannot keep the packages of the status file");
    r = read_entry(p, entry_named(p, TRN_STR("diversions")), &p->list, err);
    if (r < 0)
        return r;
    r = trn_diversions_parse(trn_buf_str(&p->list), &p->diversions);
    return r < 0 ? trn_fail(err, r, "cannot keep the diversions") : 0;
}

/* "info/NAME:ARCH.list" of packages that can be installed for several architectures, else "info/NAME.list". */
static const struct entry *info_of(const struct parse *p, const struct trn_package *pkg, const char *kind)
{
    TRN_AUTO(trn_buf_done) struct trn_buf name;
    trn_buf_init(&name, TRN_BUNDLE_NAME_MAX + 64);
    trn_put_fmt(&name, "info/%.*s:%.*s.%s", TRN_STR_ARG(pkg->name), TRN_STR_ARG(pkg->arch), kind);
    const struct entry *e = name.bad ? NULL : entry_named(p, trn_buf_str(&name));
    if (e)
        return e;
    trn_buf_clear(&name);
    trn_put_fmt(&name, "info/%.*s.%s", TRN_STR_ARG(pkg->name), kind);
    return name.bad ? NULL : entry_named(p, trn_buf_str(&name));
}

static int tell_package(struct parse *p, uint32_t index, struct trn_package pkg, const struct trn_dpkg_sink *sink,
                        struct trn_err *err)
{
    int r = read_entry(p, info_of(p, &pkg, "list"), &p->list, err);
    if (r == 0)
        r = read_entry(p, info_of(p, &pkg, "md5sums"), &p->md5sums, err);
    if (r < 0)
        return r;
    r = trn_dpkg_list_parse(trn_buf_str(&p->list), trn_buf_str(&p->md5sums), &p->files);
    p->n_files += p->files.n;
    if (r == 0 && p->n_files > TRN_DPKG_FILES_MAX)
        r = -EFBIG;
    if (r < 0)
        return trn_fail(err, r, "too many files in the package database");
    pkg.files = p->files.n;
    r = sink->package(sink->ctx, index, &pkg);
    for (size_t i = 0; r >= 0 && i < p->files.n; i++) {
        const struct trn_dpkg_file *f = &p->files.files[i];
        r = sink->file(sink->ctx, index, trn_diversions_apply(&p->diversions, pkg.name, f->path),
                       f->has_md5 ? f->md5 : NULL);
    }
    return r < 0 ? trn_fail(err, r, "cannot hand on the package database") : 0;
}

int trn_dpkg_parse(int fd, const struct trn_dpkg_sink *sink, struct trn_err *err)
{
    TRN_AUTO(parse_done) struct parse p = {.fd = fd, .arena = trn_arena_new(128u << 20)};
    trn_buf_init(&p.list, TRN_DPKG_TEXT_MAX);
    trn_buf_init(&p.md5sums, TRN_DPKG_TEXT_MAX);
    p.by_name = trn_map_new(ENTRIES_MAX);
    if (!p.arena || !p.by_name || trn_dpkg_packages_init(&p.packages, p.arena) < 0 ||
        trn_diversions_init(&p.diversions, p.arena) < 0)
        return trn_fail(err, -ENOMEM, "out of memory for the package database");
    int r = read_names(&p, err);
    if (r == 0)
        r = read_database(&p, err);
    uint32_t index = 0;
    for (size_t i = 0; r == 0 && i < p.packages.n; i++)
        if (p.packages.rows[i].present)
            r = tell_package(&p, index++, p.packages.rows[i].p, sink, err);
    return r;
}
