/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which open story a finding belongs to. By cause: the same or a related acting process, one that
 * reached into the other, the same package's software in another life, a file that was written and then run, the same
 * file of no package. Never by a shared shell, login or service manager: the process table's borders stand between;
 * never by a file that was only written or read (a log, a database, what lies in /tmp). Must not: change a case.
 */
#include "story/internal.h"

#define CLIMB_MAX 64

uint64_t trn_software_key(const struct trn_software *w)
{
    /* Two programs of one's own may share a name; two packages may not. */
    if (trn_str_is_empty(w->name) || w->origin == TRN_ORIGIN_MANUAL || w->origin == TRN_ORIGIN_UNKNOWN)
        return 0;
    uint64_t h = trn_hash64_mix(trn_hash64_str(w->name), trn_hash64_str(w->version));
    return trn_hash64_mix(h, (uint64_t)w->origin) | 1;
}

uint64_t trn_session_key(const struct trn_finding *f)
{
    return trn_hash64_mix(trn_hash64_str(trn_str_of(f->check->id)), trn_hash64_str(f->software.name)) | 1;
}

/* From "file" evidence: device and inode, hexadecimal. */
static uint64_t told_inode(const struct trn_finding *f)
{
    struct trn_str rest = trn_evidence(f, "file"), dev, ino;
    struct trn_file_key key = {0};
    char text[40];
    if (!trn_str_split(&rest, ':', &dev) || !trn_str_split(&rest, ':', &ino) || dev.n > 16 || ino.n > 16)
        return 0;
    struct trn_buf b;
    trn_buf_init(&b, sizeof(text));
    trn_put_c(&b, "0x");
    trn_put_str(&b, dev);
    int bad = trn_str_u64(trn_buf_str(&b), &key.dev);
    trn_buf_clear(&b);
    trn_put_c(&b, "0x");
    trn_put_str(&b, ino);
    bad |= trn_str_u64(trn_buf_str(&b), &key.ino);
    trn_buf_done(&b);
    return bad || !key.ino ? 0 : trn_file_inode_hash(&key);
}

/* Of the text as evidence has it, so that a content is the same wherever it lies. */
static uint64_t content_key(struct trn_str hex)
{
    return hex.n == 2 * TRN_SHA256_SIZE ? trn_hash64_mix(trn_hash64_str(hex), 1) | 1 : 0;
}

static uint64_t image_content(const struct trn_identity *id)
{
    char hex[2 * TRN_SHA256_SIZE + 1];
    if (!id || trn_sha256_is_none(id->sha256))
        return 0;
    trn_hex(id->sha256, TRN_SHA256_SIZE, hex);
    return content_key(trn_str_of(hex));
}

/* What a package brought is many programs' own; what came from nowhere is one thing, wherever it runs. */
static bool is_nobodys(const struct trn_identity *id)
{
    return id && (id->software.origin == TRN_ORIGIN_MANUAL || id->software.origin == TRN_ORIGIN_UNKNOWN);
}

uint32_t trn_finding_files(const struct trn_stories *s, const struct trn_finding *f, uint64_t ret[TRN_FINDING_FILES])
{
    const struct trn_entity *e = f->acting ? trn_process_get(s->o.processes, f->acting) : NULL;
    uint64_t told = told_inode(f);
    uint64_t all[TRN_FINDING_FILES] = {told, told ? content_key(trn_evidence(f, "sha256")) : 0};
    uint32_t n = 0;
    if (e && is_nobodys(e->image.identity) && trn_str_is_empty(e->image.script)) {
        all[2] = trn_file_key_is_none(&e->image.file) ? 0 : trn_file_inode_hash(&e->image.file);
        all[3] = image_content(e->image.identity);
    }
    for (uint32_t i = 0; i < TRN_FINDING_FILES; i++)
        if (all[i])
            ret[n++] = all[i];
    return n;
}

struct trn_case *trn_case_by_id(const struct trn_stories *s, uint64_t id)
{
    for (uint32_t i = 0; i < s->n_cases; i++)
        if (s->cases[i]->id == id)
            return s->cases[i];
    return NULL;
}

static struct trn_case *by_actor(const struct trn_stories *s, uint64_t entity)
{
    uint64_t id;
    return entity && trn_map_get(s->actors, entity, &id) ? trn_case_by_id(s, id) : NULL;
}

struct trn_case *trn_case_above(const struct trn_stories *s, const struct trn_entity *e)
{
    const struct trn_entity *at = e;
    if (s->n_cases == 0)
        return NULL;
    for (int i = 0; at && i < CLIMB_MAX; i++) {
        struct trn_case *c = by_actor(s, at->id);
        if (c)
            return trn_process_is_above(s->o.processes, at->id, e->id) ? c : NULL;
        at = at->parent ? trn_process_get(s->o.processes, at->parent) : NULL;
    }
    return NULL;
}

/* A case one of whose actors was started, directly or not, by this finding's. */
static struct trn_case *below(const struct trn_stories *s, uint64_t acting, const struct trn_case *but)
{
    for (uint32_t i = 0; acting && i < s->n_cases; i++) {
        struct trn_case *c = s->cases[i];
        for (uint32_t k = 0; c != but && k < c->n_actors; k++)
            if (trn_process_is_above(s->o.processes, acting, c->actors[k]))
                return c;
    }
    return NULL;
}

static bool has_file(const struct trn_case *c, uint64_t file)
{
    for (uint32_t i = 0; file && i < c->n_files; i++)
        if (c->files[i] == file)
            return true;
    return false;
}

/* The finding's process runs a file that a story has seen written and run, or it is about one: a second stage that was
 * started again by somebody else (init, cron), or by another software, is still the same deed. */
static struct trn_case *by_file(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *but)
{
    uint64_t files[TRN_FINDING_FILES + 1];
    uint32_t n = trn_finding_files(s, f, files);
    const struct trn_entity *e = trn_process_get(s->o.processes, f->acting);
    if (e && !trn_file_key_is_none(&e->image.file)) /* before anybody has said whose it is */
        files[n++] = trn_file_inode_hash(&e->image.file);
    for (uint32_t i = 0; n && i < s->n_cases; i++)
        for (uint32_t k = 0; s->cases[i] != but && k < n; k++)
            if (has_file(s->cases[i], files[k]))
                return s->cases[i];
    return NULL;
}

/* Who wrote the file that a finding is about, as it acted; 0: not told. */
static uint64_t writer_of(const struct trn_finding *f)
{
    struct trn_str hex = trn_evidence(f, "writer");
    char text[24];
    uint64_t id = 0;
    struct trn_buf b;
    if (hex.n != 16)
        return 0;
    trn_buf_init(&b, sizeof(text));
    trn_put_c(&b, "0x");
    trn_put_str(&b, hex);
    int bad = trn_str_u64(trn_buf_str(&b), &id);
    trn_buf_done(&b);
    return bad ? 0 : id;
}

uint64_t trn_writer_key(uint64_t acting)
{
    return trn_hash64_mix(acting, 2) | 1;
}

uint64_t trn_finding_writer(const struct trn_finding *f)
{
    uint64_t writer = f->acting ? writer_of(f) : 0;
    return writer && writer != f->acting ? trn_writer_key(writer) : 0;
}

/* One software wrote what another one ran. A note about the writer is not enough: a browser fetches for everybody. */
static struct trn_case *by_writer(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *but)
{
    struct trn_case *c = by_actor(s, writer_of(f));
    if (c && c != but)
        return c;
    uint64_t own = f->score >= TRN_COUNTS_FROM ? trn_writer_key(f->acting) : 0;
    for (uint32_t i = 0; own && i < s->n_cases; i++)
        if (s->cases[i] != but && has_file(s->cases[i], own))
            return s->cases[i];
    return NULL;
}

/* Somebody reached into this finding's process, or it reached into one that acts in a case. */
static struct trn_case *by_reach(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *but)
{
    struct trn_case *c = by_actor(s, trn_reached_by(s->reaches, f->acting));
    if (c && c != but)
        return c;
    uint64_t targets[TRN_REACH_MAX];
    uint32_t n = trn_reached_into(s->reaches, f->acting, targets);
    for (uint32_t i = 0; i < n; i++) {
        c = by_actor(s, targets[i]);
        if (c && c != but)
            return c;
    }
    return NULL;
}

static struct trn_case *by_software(const struct trn_stories *s, const struct trn_finding *f,
                                    const struct trn_case *but)
{
    uint64_t key = trn_software_key(&f->software);
    for (uint32_t i = s->n_cases; key && i > 0; i--) /* the youngest; what a person did with it is another matter */
        if (s->cases[i - 1] != but && !s->cases[i - 1]->session && s->cases[i - 1]->software == key)
            return s->cases[i - 1];
    return NULL;
}

/* What an update brought, or a file holds, is the software's, also when none of its processes is there any more. */
bool trn_is_of_session(const struct trn_finding *f)
{
    return !f->acting && f->check->stage != TRN_STAGE_RELEASE_CHANGE && f->telemetry != TRN_TEL_ARTIFACT;
}

static struct trn_case *by_session(const struct trn_stories *s, const struct trn_finding *f)
{
    uint64_t key = trn_session_key(f);
    for (uint32_t i = 0; i < s->n_cases; i++)
        if (s->cases[i]->session == key)
            return s->cases[i];
    return NULL;
}

struct trn_case *trn_join(const struct trn_stories *s, const struct trn_finding *f)
{
    /* What different programs do at one prompt has no cause but the person. */
    if (!f->acting)
        return trn_is_of_session(f) ? by_session(s, f) : by_software(s, f, NULL);
    struct trn_case *c = by_actor(s, f->acting);
    if (!c)
        c = trn_case_above(s, trn_process_get(s->o.processes, f->acting));
    if (!c)
        c = below(s, f->acting, NULL);
    if (!c)
        c = by_reach(s, f, NULL);
    if (!c)
        c = by_file(s, f, NULL);
    if (!c)
        c = by_writer(s, f, NULL);
    return c ? c : by_software(s, f, NULL);
}

struct trn_case *trn_join_second(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *c)
{
    if (!f->acting)
        return NULL;
    struct trn_case *other = below(s, f->acting, c);
    if (!other)
        other = by_reach(s, f, c);
    if (!other)
        other = by_file(s, f, c);
    if (!other)
        other = by_writer(s, f, c);
    return other && !other->session ? other : NULL;
}
