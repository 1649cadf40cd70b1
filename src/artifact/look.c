/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a reader of a format may say, and the limits that hold while it does.
 * Must not: know any format; go on after the sink said no.
 * Hand-offs: reader -> here -> sink; members' bytes -> spool -> scan.c.
 */
#include "artifact/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define EXCERPT 32u
#define RATIO_FROM (64ull << 20)
#define RATIO_OF_ALL 5 /* times the ratio of one container: for all levels together, which count the same bytes again */
#define TRAITS_MAX 200000u
#define ENTROPY_WINDOW 65536u
#define WHAT_MAX 320

static struct trn_frame *frame_of(struct trn_look *l)
{
    return TRN_CONTAINER_OF(l, struct trn_frame, look);
}

/* What a reader must hand on, and at once. */
static int halted(const struct trn_scan *s)
{
    return s->fatal ? s->fatal : s->stop;
}

static int from_sink(struct trn_scan *s, int e)
{
    if (e < 0 && !s->fatal)
        s->fatal = e;
    return e;
}

int trn_scan_gap(struct trn_scan *s, uint32_t artifact, enum trn_gap_kind kind, struct trn_str member,
                 struct trn_str what, uint64_t value, uint64_t limit)
{
    struct trn_gap g = {.kind = kind, .member = member, .what = what, .value = value, .limit = limit};
    return from_sink(s, s->sink->gap(s->sink->ctx, artifact, &g));
}

bool trn_look_over(struct trn_look *l)
{
    struct trn_scan *s = l->scan;
    if (halted(s))
        return true;
    if (trn_mono_ns() < s->deadline_ns)
        return false;
    s->stop = -ETIME;
    (void)!trn_scan_gap(s, l->self->id, TRN_GAP_LIMIT, TRN_STR_NONE, TRN_STR("seconds"), s->limits.seconds,
                        s->limits.seconds);
    return true;
}

/* ---- what was found ---- */

/* Of this one, or of a member that left a trait; NULL: not known. */
static const uint8_t *hash_of(const struct trn_look *l, uint32_t artifact)
{
    const struct trn_scan *s = l->scan;
    if (artifact == l->self->id)
        return l->self->sha256;
    for (size_t i = 0; i < s->n_traits; i++)
        if (s->traits[i].artifact == artifact)
            return s->traits[i].sha256;
    return NULL;
}

static int tell_finding(struct trn_look *l, uint32_t artifact, const struct trn_finding *f)
{
    struct trn_scan *s = l->scan;
    if (s->fatal)
        return s->fatal;
    if (s->findings >= s->limits.findings) {
        if (s->told_findings)
            return 0;
        s->told_findings = true;
        return trn_scan_gap(s, artifact, TRN_GAP_LIMIT, TRN_STR_NONE, TRN_STR("findings"), s->findings,
                            s->limits.findings);
    }
    struct trn_finding told = *f;
    told.telemetry = TRN_TEL_ARTIFACT;
    told.id = trn_hash64_mix(trn_hash64_str(trn_str_of(f->check->id)), trn_hash64(l->self->sha256, TRN_SHA256_SIZE));
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "offset") || trn_str_eq_c(f->evidence[i].key, "rule"))
            told.id = trn_hash64_mix(told.id, trn_hash64_str(f->evidence[i].value));
    const uint8_t *sha256 = hash_of(l, artifact);
    if (sha256)
        memcpy(told.image_sha256, sha256, TRN_SHA256_SIZE);
    if (artifact != l->self->id) /* of a member, told by the check of its release: a number of its own */
        told.id = trn_hash64_mix(told.id, artifact);
    s->findings++;
    return from_sink(s, s->sink->finding(s->sink->ctx, artifact, &told));
}

int trn_look_found(struct trn_look *l, const struct trn_finding *f)
{
    return tell_finding(l, l->self->id, f);
}

int trn_look_found_in(struct trn_look *l, uint32_t artifact, const struct trn_finding *f)
{
    return tell_finding(l, artifact, f);
}

int trn_look_signature(struct trn_look *l, const struct trn_signature *s)
{
    return l->scan->fatal ? l->scan->fatal
                          : from_sink(l->scan, l->scan->sink->signature(l->scan->sink->ctx, l->self->id, s));
}

int trn_look_property(struct trn_look *l, const char *key, struct trn_str value)
{
    if (l->scan->fatal || trn_str_is_empty(value))
        return l->scan->fatal;
    return from_sink(l->scan, l->scan->sink->property(l->scan->sink->ctx, l->self->id, trn_str_of(key), value));
}

int trn_look_gap(struct trn_look *l, enum trn_gap_kind kind, struct trn_str member, const char *what, ...)
{
    char text[WHAT_MAX];
    va_list ap;
    if (l->scan->fatal)
        return l->scan->fatal;
    va_start(ap, what);
    (void)vsnprintf(text, sizeof(text), what, ap);
    va_end(ap);
    return trn_scan_gap(l->scan, l->self->id, kind, member, trn_str_of(text), 0, 0);
}

void trn_look_say(struct trn_look *l, struct trn_finding *f, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f->summary = trn_arena_str(l->arena, trn_str_of(text));
}

uint32_t trn_look_entropy(struct trn_look *l, uint64_t at, uint64_t size)
{
    uint64_t counts[256] = {0}, done = 0;
    uint8_t window[ENTROPY_WINDOW];
    struct trn_source part = trn_source_part(l->bytes, at, size);
    if (part.mem)
        trn_histogram_add(counts, part.mem, (size_t)part.size);
    for (done = part.mem ? part.size : 0; done < part.size && !trn_look_over(l);) {
        int64_t n = trn_source_read(&part, done, window, sizeof(window));
        if (n <= 0)
            break;
        trn_histogram_add(counts, window, (size_t)n);
        done += (uint64_t)n;
    }
    return trn_histogram_entropy(counts, done);
}

void trn_look_evidence(struct trn_look *l, struct trn_finding *f, uint64_t at, uint64_t size)
{
    uint8_t head[EXCERPT];
    char hex[2 * EXCERPT + 1];
    uint32_t milli = trn_look_entropy(l, at, size);
    int64_t n = trn_source_read(l->bytes, at, head, (size_t)TRN_MIN(size, (uint64_t)EXCERPT));
    trn_hex(head, n > 0 ? (size_t)n : 0, hex);
    trn_finding_add(f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)at));
    trn_finding_add(f, "size", trn_arena_printf(l->arena, "%llu", (unsigned long long)size));
    trn_finding_add(f, "entropy", trn_arena_printf(l->arena, "%u.%02u", milli / 1000, milli % 1000 / 10));
    trn_finding_add(f, "excerpt", trn_arena_str(l->arena, trn_str_of(hex)));
}

/* ---- members ---- */

/* A limit of the whole scan: told once, nothing more is opened. */
static int stop_at(struct trn_frame *f, const char *what, uint64_t value, uint64_t limit)
{
    struct trn_scan *s = f->look.scan;
    s->stop = -EDQUOT;
    int e = trn_scan_gap(s, f->self.id, TRN_GAP_LIMIT, f->member_name, trn_str_of(what), value, limit);
    return e < 0 ? e : s->stop;
}

int trn_look_member(struct trn_look *l, const struct trn_member *m)
{
    struct trn_frame *f = frame_of(l);
    struct trn_scan *s = l->scan;
    if (trn_look_over(l))
        return halted(s);
    if (f->stopped)
        return -EDQUOT;
    mode_t type = m->mode & S_IFMT;
    if (type && type != S_IFREG)
        return -ECANCELED;
    if (s->artifacts >= s->limits.members) {
        int e = s->told_members ? 0
                                : trn_scan_gap(s, f->self.id, TRN_GAP_LIMIT, m->name, TRN_STR("members"), s->artifacts,
                                               s->limits.members);
        s->told_members = true;
        return e < 0 ? e : -ECANCELED;
    }
    f->member = *m;
    f->member_name = trn_arena_str(l->arena, m->name);
    if (trn_str_is_none(f->member_name) && !trn_str_is_none(m->name))
        return -ENOMEM;
    f->member_skipped = false;
    trn_spool_begin(&f->spool, s);
    return 0;
}

static int member_full(struct trn_frame *f, const char *what, uint64_t value, uint64_t limit)
{
    f->member_skipped = true;
    int e = trn_scan_gap(f->look.scan, f->self.id, TRN_GAP_LIMIT, f->member_name, trn_str_of(what), value, limit);
    return e < 0 ? e : -ECANCELED;
}

int trn_look_data(struct trn_look *l, const void *p, size_t n)
{
    struct trn_frame *f = frame_of(l);
    struct trn_scan *s = l->scan;
    if (trn_look_over(l))
        return halted(s);
    if (f->member_skipped || !f->spool.open)
        return -ECANCELED;
    f->unpacked += n;
    s->unpacked += n;
    if (s->unpacked > s->limits.bytes)
        return stop_at(f, "bytes", s->unpacked, s->limits.bytes);
    /* small containers side by side, each within its own ratio, and that again inside of each */
    if (s->unpacked > 4 * RATIO_FROM && s->unpacked / RATIO_OF_ALL / s->limits.ratio > s->top_size)
        return stop_at(f, "ratio", s->unpacked / TRN_MAX(s->top_size, 1u), RATIO_OF_ALL * s->limits.ratio);
    if (f->unpacked > RATIO_FROM && f->unpacked / s->limits.ratio > f->self.size) {
        f->stopped = true;
        int e = trn_scan_gap(s, f->self.id, TRN_GAP_LIMIT, f->member_name, TRN_STR("ratio"),
                             f->unpacked / TRN_MAX(f->self.size, 1u), s->limits.ratio);
        return e < 0 ? e : -EDQUOT;
    }
    if (f->spool.size + n > s->limits.member_bytes)
        return member_full(f, "member_bytes", f->spool.size + n, s->limits.member_bytes);
    int e = trn_spool_put(&f->spool, p, n);
    if (e == -ENOSPC || e == -ENOMEM)
        return member_full(f, e == -ENOSPC ? "scratch" : "memory", f->spool.size + n, s->limits.memory);
    return e;
}

static int look_into(struct trn_frame *f, const struct trn_source *bytes, const struct trn_artifact *as, int code,
                     const char *why)
{
    struct trn_scan *s = f->look.scan;
    uint64_t id = 0;
    int e = trn_scan_one(s, f, bytes, as, &id);
    if (e == 0 && code < 0 && code != -EDQUOT && code != -ETIME && code != -ECANCELED)
        e = trn_scan_gap(s, (uint32_t)id, TRN_GAP_DAMAGED, TRN_STR_NONE, trn_str_of(why ? why : trn_errno_name(code)),
                         0, 0);
    return e < 0 ? e : halted(s);
}

int trn_frame_end(struct trn_frame *f, int code, const char *why)
{
    struct trn_scan *s = f->look.scan;
    if (!f->spool.open)
        return halted(s);
    int e = s->fatal;
    struct trn_source bytes = trn_spool_source(&f->spool);
    struct trn_artifact as = {.name = f->member_name, .mode = f->member.mode, .capability = f->member.capability};
    if (e == 0 && code < 0 && f->spool.size == 0)
        e = f->member_skipped ? 0
                              : trn_scan_gap(s, f->self.id, TRN_GAP_DAMAGED, f->member_name,
                                             trn_str_of(why ? why : trn_errno_name(code)), 0, 0);
    else if (e == 0)
        e = look_into(f, &bytes, &as, code, why);
    trn_spool_done(&f->spool);
    return e < 0 ? e : halted(s);
}

int trn_look_end(struct trn_look *l, int code, const char *why)
{
    struct trn_frame *f = frame_of(l);
    int e = trn_frame_end(f, code, why);
    return e == 0 && f->stopped ? -EDQUOT : e;
}

int trn_look_part(struct trn_look *l, const struct trn_member *m, uint64_t at, uint64_t size)
{
    struct trn_frame *f = frame_of(l);
    struct trn_scan *s = l->scan;
    int e = trn_look_member(l, m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    trn_spool_done(&f->spool);
    struct trn_source part = trn_source_part(l->bytes, at, size);
    struct trn_artifact as = {
        .name = f->member_name, .mode = m->mode, .capability = m->capability, .offset = at, .has_offset = true};
    s->unpacked += part.size;
    if (s->unpacked > s->limits.bytes)
        return stop_at(f, "bytes", s->unpacked, s->limits.bytes);
    return look_into(f, &part, &as, part.size < size ? -EBADMSG : 0, "it ends before its container says");
}

const uint8_t *trn_look_last(struct trn_look *l, uint32_t *ret_id)
{
    const struct trn_frame *f = frame_of(l);
    if (ret_id)
        *ret_id = f->last_id;
    return f->last_id ? f->last_sha256 : NULL;
}

/* ---- siblings ---- */

static const uint8_t *keep_hash(struct trn_scan *s, const uint8_t sha256[TRN_SHA256_SIZE])
{
    uint8_t *p = trn_arena_alloc(s->keep, TRN_SHA256_SIZE);
    if (p)
        memcpy(p, sha256, TRN_SHA256_SIZE);
    return p;
}

int trn_look_trait(struct trn_look *l, const char *trait, struct trn_str value)
{
    struct trn_scan *s = l->scan;
    if (s->n_traits == TRAITS_MAX)
        return 0; /* what compares siblings has seen enough */
    if (s->n_traits == s->cap_traits) {
        size_t cap = s->cap_traits ? 2 * s->cap_traits : 256;
        struct trn_trait *more = reallocarray(s->traits, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->traits = more;
        s->cap_traits = cap;
    }
    const struct trn_trait *last = s->n_traits ? &s->traits[s->n_traits - 1] : NULL;
    const bool same = s->n_traits && last->artifact == l->self->id;
    struct trn_trait t = {.artifact = l->self->id,
                          .trait = trait,
                          .value = trn_arena_str(s->keep, value),
                          .name = same ? last->name : trn_arena_str(s->keep, l->self->name),
                          .sha256 = same ? last->sha256 : keep_hash(s, l->self->sha256)};
    if (!t.sha256)
        return -ENOMEM;
    s->traits[s->n_traits++] = t;
    return 0;
}

const struct trn_trait *trn_look_traits(struct trn_look *l, size_t *ret_count)
{
    struct trn_frame *f = frame_of(l);
    *ret_count = l->scan->n_traits - f->first_trait;
    return *ret_count ? l->scan->traits + f->first_trait : NULL;
}

bool trn_look_has_sibling(struct trn_look *l, struct trn_str base_name)
{
    char lower[256];
    uint64_t unused;
    if (base_name.n == 0 || base_name.n > sizeof(lower))
        return false;
    for (size_t i = 0; i < base_name.n; i++)
        lower[i] = (char)tolower((unsigned char)base_name.p[i]);
    return trn_map_get(l->scan->names, trn_hash64(lower, base_name.n), &unused);
}
