/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: filling, copying and the binary form of findings. Must not own: when a check fires, wording.
 * Hand-offs: decoded views point into the cursor's bytes; a copy's into the arena.
 */
#include "event/finding.h"

#include <stdio.h>

#define FINDING_VERSION 2u
#define FINDING_VERSION_SHORT 1u /* ends with the evidence */

#define STAGE_MOST 45 /* the most that a behaviour weighs which some such software has */

bool trn_finding_is_impossible(const struct trn_finding *f)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "impossible") && !trn_str_is_empty(f->evidence[i].value))
            return true;
    return f->score > STAGE_MOST && trn_str_starts(trn_str_of(f->check->id), TRN_STR("behaviour."));
}

const char *trn_finding_name(const struct trn_finding *f, char *dst, size_t size)
{
    struct trn_str family = trn_str_of(f->check->id);
    char rule[128];
    if (!trn_str_ends(family, TRN_STR(".*"))) {
        (void)snprintf(dst, size, "%s", f->check->id);
        return dst;
    }
    rule[0] = '\0';
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "rule"))
            (void)trn_escape_into(rule, sizeof(rule), f->evidence[i].value);
    (void)snprintf(dst, size, "%.*s%s", (int)family.n - 1, family.p, rule[0] ? rule : "*");
    return dst;
}

void trn_finding_init(struct trn_finding *f, const struct trn_check *check)
{
    *f = (struct trn_finding){.check = check, .score = check->score};
}

void trn_finding_add(struct trn_finding *f, const char *key, struct trn_str value)
{
    if (value.p == NULL || f->n_evidence >= TRN_FINDING_EVIDENCE)
        return;
    f->evidence[f->n_evidence++] = (struct trn_pair){.key = trn_str_of(key), .value = value};
}

void trn_finding_event(struct trn_finding *f, uint64_t seq)
{
    uint32_t at = f->n_events;

    for (uint32_t i = 0; i < f->n_events; i++)
        if (f->events[i] == seq)
            return;
    if (f->n_events >= TRN_FINDING_EVENTS)
        return;
    for (; at > 0 && f->events[at - 1] > seq; at--)
        f->events[at] = f->events[at - 1];
    f->events[at] = seq;
    f->n_events++;
}

/* Copies a view; false when that failed (absent stays absent and is no failure). */
static bool copy_view(struct trn_str *s, struct trn_arena *arena)
{
    if (s->p == NULL)
        return true;
    *s = trn_arena_str(arena, *s);
    return s->p != NULL;
}

int trn_finding_copy(const struct trn_finding *f, struct trn_arena *arena, struct trn_finding *ret)
{
    struct trn_finding copy = *f;
    bool ok = copy_view(&copy.summary, arena) && copy_view(&copy.software.name, arena) &&
              copy_view(&copy.software.version, arena) && copy_view(&copy.software.signer, arena);

    for (uint32_t i = 0; ok && i < copy.n_evidence; i++)
        ok = copy_view(&copy.evidence[i].key, arena) && copy_view(&copy.evidence[i].value, arena);
    if (!ok)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

void trn_software_encode(const struct trn_software *s, struct trn_buf *out)
{
    trn_put_lstr(out, s->name);
    trn_put_lstr(out, s->version);
    trn_put_lstr(out, s->signer);
    trn_put_u8(out, (uint8_t)s->origin);
    trn_put_u32(out, s->flags);
}

int trn_software_decode(struct trn_cursor *in, struct trn_software *ret)
{
    struct trn_software s = {0};

    s.name = trn_cur_lstr(in);
    s.version = trn_cur_lstr(in);
    s.signer = trn_cur_lstr(in);
    uint8_t origin = trn_cur_u8(in);
    s.flags = trn_cur_u32le(in);
    if (in->bad || origin >= TRN_ORIGIN_MAX)
        return -EBADMSG;
    s.origin = (enum trn_origin)origin;
    *ret = s;
    return 0;
}

void trn_finding_encode(const struct trn_finding *f, struct trn_buf *out)
{
    trn_put_u8(out, FINDING_VERSION);
    trn_put_lstr(out, trn_str_of(f->check->id));
    trn_put_u64(out, f->id);
    trn_put_u16(out, f->score);
    trn_put_lstr(out, f->summary);
    trn_software_encode(&f->software, out);
    trn_put_u64(out, f->acting);
    trn_put_u64(out, f->entity);
    trn_put_u64(out, f->boot_ns);
    trn_put_u64(out, f->wall_ns);
    trn_put_u32(out, f->telemetry);
    trn_put_u8(out, (uint8_t)f->n_events);
    for (uint32_t i = 0; i < f->n_events; i++)
        trn_put_u64(out, f->events[i]);
    trn_put_u8(out, (uint8_t)f->n_evidence);
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        trn_put_lstr(out, f->evidence[i].key);
        trn_put_lstr(out, f->evidence[i].value);
    }
    trn_put(out, f->image_sha256, sizeof f->image_sha256);
    trn_put_u64(out, f->exception);
    trn_put_u16(out, f->full_score);
}

int trn_finding_decode(struct trn_cursor *in, struct trn_finding *ret)
{
    struct trn_finding f = {0};

    uint8_t version = trn_cur_u8(in);
    if (version != FINDING_VERSION && version != FINDING_VERSION_SHORT)
        return -EBADMSG;
    f.check = trn_check_find(trn_cur_lstr(in));
    f.id = trn_cur_u64le(in);
    f.score = trn_cur_u16le(in);
    f.summary = trn_cur_lstr(in);
    if (f.check == NULL || trn_software_decode(in, &f.software) < 0)
        return -EBADMSG;
    f.acting = trn_cur_u64le(in);
    f.entity = trn_cur_u64le(in);
    f.boot_ns = trn_cur_u64le(in);
    f.wall_ns = trn_cur_u64le(in);
    f.telemetry = trn_cur_u32le(in);
    f.n_events = trn_cur_u8(in);
    if (in->bad || f.n_events > TRN_FINDING_EVENTS)
        return -EBADMSG;
    for (uint32_t i = 0; i < f.n_events; i++)
        f.events[i] = trn_cur_u64le(in);
    f.n_evidence = trn_cur_u8(in);
    if (in->bad || f.n_evidence > TRN_FINDING_EVIDENCE)
        return -EBADMSG;
    for (uint32_t i = 0; i < f.n_evidence; i++) {
        f.evidence[i].key = trn_cur_lstr(in);
        f.evidence[i].value = trn_cur_lstr(in);
    }
    if (version == FINDING_VERSION) {
        trn_cur_copy(in, f.image_sha256, sizeof f.image_sha256);
        f.exception = trn_cur_u64le(in);
        f.full_score = trn_cur_u16le(in);
    }
    if (in->bad)
        return -EBADMSG;
    *ret = f;
    return 0;
}
