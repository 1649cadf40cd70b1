/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the way down: each content is told, hashed, looked at, matched, opened; its members the same.
 * Must not: know any format; let one that cannot be read end more than itself.
 *
 *   trn_scan_run -> one(top) -> kind->open -> look.c: member, data, end -> one(member) -> ...
 */
#include "artifact/internal.h"
#include "artifact/kinds.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/mman.h>

#define WINDOW (256u << 10)
#define ARENA_MAX (64u << 20)
#define LARGE_PAGE ((size_t)2 << 20)
#define KEEP_MAX (48u << 20)

static int note_name(struct trn_scan *s, struct trn_str name)
{
    char lower[256];
    struct trn_str base = trn_path_base(name);
    if (base.n == 0 || base.n > sizeof(lower))
        return 0;
    for (size_t i = 0; i < base.n; i++)
        lower[i] = (char)tolower((unsigned char)base.p[i]);
    int e = trn_map_put(s->names, trn_hash64(lower, base.n), 1);
    return e == -ENOSPC ? 0 : e;
}

static int hash_all(struct trn_scan *s, const struct trn_source *bytes, struct trn_artifact *a)
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(s->o->with_md5);
    TRN_AUTO(trn_freep) uint8_t *window = NULL;
    uint64_t counts[256] = {0}, at = 0;
    int e = d ? 0 : -ENOMEM;
    if (!bytes->mem && !(window = malloc(WINDOW)))
        return -ENOMEM;
    while (e == 0 && at < bytes->size) {
        size_t n = (size_t)TRN_MIN(bytes->size - at, (uint64_t)WINDOW);
        const uint8_t *p = bytes->mem ? bytes->mem + at : window;
        int64_t got = bytes->mem ? (int64_t)n : trn_source_read(bytes, at, window, n);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO; /* cut while it is read */
        trn_histogram_add(counts, p, (size_t)got);
        e = trn_digest_update(d, p, (size_t)got);
        at += (uint64_t)got;
    }
    a->entropy_milli = trn_histogram_entropy(counts, bytes->size);
    return e < 0 ? e : trn_digest_end(d, a->sha256, s->o->with_md5 ? a->md5 : NULL);
}

static bool is_repeated(const struct trn_frame *f)
{
    for (const struct trn_frame *u = f->up; u; u = u->up)
        if (u->self.size == f->self.size && memcmp(u->self.sha256, f->self.sha256, TRN_SHA256_SIZE) == 0)
            return true;
    return false;
}

/* A reader's failure is a gap of this artifact, unless the whole job is to end. */
static int settle(struct trn_frame *f, int e, const struct trn_err *err)
{
    struct trn_scan *s = f->look.scan;
    if (s->fatal)
        return s->fatal;
    if (e >= 0 || s->stop || (e == -EDQUOT && f->stopped))
        return 0;
    return trn_scan_gap(s, f->self.id, e == -ENOMEM ? TRN_GAP_LIMIT : TRN_GAP_DAMAGED, TRN_STR_NONE,
                        e == -ENOMEM      ? TRN_STR("memory")
                        : err->message[0] ? trn_str_of(err->message)
                                          : trn_str_of(trn_errno_name(e)),
                        0, 0);
}

static int run(struct trn_frame *f, int (*fn)(struct trn_look *l, struct trn_err *err))
{
    struct trn_err err = {0};
    return fn ? settle(f, fn(&f->look, &err), &err) : 0;
}

static int found(void *ctx, const struct trn_finding *f)
{
    return trn_look_found(ctx, f);
}

static int match_late(struct trn_frame *f, const char *rule)
{
    char shown[256], what[300];
    (void)snprintf(what, sizeof(what), "match-seconds%s%s", rule[0] ? " of rule " : "",
                   trn_escape_into(shown, sizeof(shown), trn_str_of(rule)));
    return trn_scan_gap(f->look.scan, f->self.id, TRN_GAP_LIMIT, TRN_STR_NONE, trn_str_of(what), 0, 0);
}

static int match(struct trn_frame *f)
{
    struct trn_scan *s = f->look.scan;
    const struct trn_matcher *m = s->o->matcher;
    if (!m || trn_look_over(&f->look))
        return s->fatal;
    int e = m->match(m->ctx, f->look.bytes, &f->self, f->look.name, s->deadline_ns, f->look.arena, found, &f->look);
    if (e == -ETIME && !s->fatal)
        return match_late(f, m->slow ? m->slow(m->ctx) : "");
    struct trn_err err = {0};
    return settle(f, e, &err);
}

static int known_bad(struct trn_frame *f)
{
    const struct trn_scan_options *o = f->look.scan->o;
    struct trn_finding bad;
    return o->known_bad && o->known_bad(o->known_bad_ctx, &f->self, &bad) ? trn_look_found(&f->look, &bad) : 0;
}

static int open_members(struct trn_frame *f, const struct trn_kind_ops *kind)
{
    struct trn_scan *s = f->look.scan;
    struct trn_err err = {0};
    if (!kind || !kind->open || s->stop)
        return s->fatal;
    if (is_repeated(f))
        return trn_scan_gap(s, f->self.id, TRN_GAP_REPEATED, TRN_STR_NONE,
                            TRN_STR("it is inside of itself, and not opened again"), 0, 0);
    if (f->self.depth >= s->limits.depth)
        return trn_scan_gap(s, f->self.id, TRN_GAP_LIMIT, TRN_STR_NONE, TRN_STR("depth"), f->self.depth + 1u,
                            s->limits.depth);
    int e = kind->open(&f->look, &err);
    int last = trn_frame_end(f, e < 0 ? e : -EBADMSG, err.message[0] ? err.message : NULL);
    if (last < 0 && s->fatal)
        return s->fatal;
    return settle(f, e, &err);
}

static int features(struct trn_frame *f)
{
    int e = 0;
    if (!trn_look_wants_features(&f->look))
        return 0;
    for (size_t i = 0; e == 0 && trn_look_features[i]; i++)
        e = run(f, trn_look_features[i]);
    return e;
}

static int look_at(struct trn_frame *f)
{
    const struct trn_kind_ops *kind = trn_kind_of(f->self.format);
    int e = known_bad(f);
    if (e == 0 && kind)
        e = run(f, kind->look);
    for (size_t i = 0; e == 0 && trn_look_always[i]; i++)
        e = run(f, trn_look_always[i]);
    if (e == 0)
        e = features(f);
    if (e == 0)
        e = match(f);
    if (e == 0)
        e = open_members(f, kind);
    if (e == 0 && kind)
        e = run(f, kind->after);
    for (size_t i = 0; e == 0 && !f->up && trn_look_release[i]; i++)
        e = run(f, trn_look_release[i]);
    return e == 0 ? trn_frame_features_end(f) : e;
}

int trn_scan_one(struct trn_scan *s, struct trn_frame *up, const struct trn_source *bytes,
                 const struct trn_artifact *as, uint64_t *ret_id)
{
    uint32_t depth = up ? up->self.depth + 1 : 0;
    struct trn_frame f = {.self = *as, .up = up, .first_trait = s->n_traits};
    if (depth > TRN_DEPTH_MAX)
        return 0;
    if (!s->arenas[depth] && !(s->arenas[depth] = trn_arena_new(ARENA_MAX)))
        return s->fatal = -ENOMEM;
    f.self.id = ++s->artifacts;
    f.self.parent = up ? up->self.id : 0;
    f.self.depth = depth;
    f.self.size = bytes->size;
    f.look = (struct trn_look){.bytes = bytes,
                               .arena = s->arenas[depth],
                               .self = &f.self,
                               .name = trn_path_base(as->name),
                               .parent_format = up ? up->self.format : TRN_FORMAT_EMPTY,
                               .scan = s,
                               .names = up ? up->look.names_within : NULL};
    int e = trn_format_probe(bytes, f.look.name, &f.self.format);
    if (e == 0)
        e = hash_all(s, bytes, &f.self);
    if (e == 0)
        e = note_name(s, as->name);
    if (e < 0) /* the bytes under it are gone; nothing can be said of it */
        return s->fatal = e;
    e = s->sink->artifact(s->sink->ctx, &f.self);
    s->fatal = e < 0 ? e : s->fatal;
    /* what its place tells is not known with its content */
    bool known = e == 0 && s->o->known && !(s->o->features && trn_feature_is_of_place(&f.look)) &&
                 s->o->known(s->o->known_ctx, &f.self, f.look.name);
    if (e == 0 && !known)
        e = look_at(&f);
    trn_spool_done(&f.spool);
    trn_arena_reset(s->arenas[depth]);
    if (up) {
        memcpy(up->last_sha256, f.self.sha256, TRN_SHA256_SIZE);
        up->last_id = f.self.id;
    }
    *ret_id = f.self.id;
    return e;
}

struct whole {
    uint8_t *mem; /* NULL: it is not held */
    void *map;    /* where mem lies; NULL: on the heap */
    size_t map_n;
};

static void whole_done(struct whole *w)
{
    if (w->map)
        (void)munmap(w->map, w->map_n);
    else
        free(w->mem);
}

/* A large one in large pages where the kernel has them: to fault in 4 KiB after 4 KiB costs more than to hash them. */
static int whole_alloc(struct whole *w, size_t n)
{
    if (n < LARGE_PAGE / 2) {
        w->mem = malloc(n);
        return w->mem ? 0 : -ENOMEM;
    }
    size_t room = (n + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE, all = room + LARGE_PAGE;
    void *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return -errno;
    w->map = map;
    w->map_n = all;
    w->mem = (uint8_t *)map + (LARGE_PAGE - (uintptr_t)map % LARGE_PAGE) % LARGE_PAGE;
    (void)madvise(w->mem, room, MADV_HUGEPAGE);
    return 0;
}

/* Whole into memory when it is small: everything that looks at it is then spared the copying. */
static int take_whole(const struct trn_source *bytes, const struct trn_limits *l, struct whole *w)
{
    if (bytes->mem || bytes->size == 0 || bytes->size > TRN_MIN(TRN_WHOLE_MAX, l->memory / 2))
        return 0;
    int e = whole_alloc(w, (size_t)bytes->size);
    int64_t n = e == 0 ? trn_source_read(bytes, 0, w->mem, (size_t)bytes->size) : e;
    return n == (int64_t)bytes->size ? 0 : n < 0 ? (int)n : -EIO;
}

static void scan_done(struct trn_scan *s)
{
    for (size_t i = 0; i <= TRN_DEPTH_MAX; i++)
        trn_arena_free(s->arenas[i]);
    trn_arena_free(s->keep);
    trn_map_free(s->names);
    free(s->traits);
}

int trn_scan_run(const struct trn_source *bytes, struct trn_str name, uint32_t mode, const struct trn_scan_options *o,
                 const struct trn_scan_sink *sink, struct trn_err *err)
{
    TRN_AUTO(scan_done) struct trn_scan s = {.o = o, .limits = o->limits, .sink = sink};
    TRN_AUTO(whole_done) struct whole whole = {0};
    struct trn_artifact as = {.name = name, .mode = mode};
    struct trn_source top = *bytes;
    uint64_t id;
    trn_limits_fill(&s.limits);
    s.limits.depth = TRN_MIN(s.limits.depth, TRN_DEPTH_MAX - 1);
    s.top_size = bytes->size;
    s.deadline_ns = trn_mono_ns() + s.limits.seconds * TRN_NS_PER_SEC;
    s.keep = trn_arena_new(KEEP_MAX);
    s.names = trn_map_new(s.limits.members);
    int e = s.keep && s.names ? take_whole(bytes, &s.limits, &whole) : -ENOMEM;
    if (e < 0)
        return trn_fail(err, e, "cannot read it: %s", e == -EIO ? "it became shorter" : trn_errno_name(e));
    if (whole.mem) {
        top = trn_source_mem((struct trn_str){(const char *)whole.mem, (size_t)bytes->size});
        s.memory += bytes->size;
    }
    e = trn_scan_one(&s, NULL, &top, &as, &id);
    return e < 0 ? trn_fail(err, e, "cannot look at it: %s", trn_errno_name(e)) : 0;
}
