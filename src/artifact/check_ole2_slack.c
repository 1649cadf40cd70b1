/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bytes of a compound file (Office document, Windows installer) that are in no stream, where no signature makes them a
 * stronger sign. Must not own: finding them (formats/ole2_slack.c); those of a signed one (check_signature_msi.c).
 * Hand-offs: a program among them becomes a member.
 *
 * Writers leave in free sectors what was in a stream before, and memory of their own behind the ends of streams: text, tables,
 * at times a program that was replaced. So most of it is a note. What lies behind the last sector no writer puts there.
 */
#include "artifact/check_msi.h"
#include "artifact/irregular.h"

#define TOLD_MAX 8u
#define LARGE 4096u
#define SMALL 64u
#define SUM_LEAST 512u
#define OUTSIDE_LEAST 64u
#define SEARCHED_MAX (4u << 20) /* of one range, for a program */

struct slack {
    struct trn_look *l;
    uint32_t told, left_out;
    struct sum {
        uint64_t size, at; /* bytes; the first of them */
        uint32_t places;
    } random, plain; /* of what is too small to be told alone; of sectors with what is not random */
};

static bool is_outside(const struct trn_ole2_slack *s)
{
    return s->kind == TRN_OLE2_SLACK_BEHIND || s->kind == TRN_OLE2_SLACK_HEADER;
}

static uint16_t worth(const struct trn_ole2_slack *s, uint64_t size, bool random)
{
    if (is_outside(s))
        return size < OUTSIDE_LEAST ? 0 : !random ? 10 : size >= LARGE ? 45 : 25;
    return random && size >= LARGE ? 15 : 0;
}

static int tell(struct slack *k, const struct trn_irregular *i, const char *what, const char *where)
{
    if (k->told == TOLD_MAX) {
        k->left_out++;
        return 0;
    }
    k->told++;
    return trn_irregular(
        k->l, i,
        "%llu bytes that %s lie where no stream of this file is (%s, at 0x%llx): nothing that opens it "
        "shows them.",
        (unsigned long long)i->size, what, where, (unsigned long long)i->at);
}

/* The first program in a range, or its end. */
static int find_program(struct trn_look *l, const struct trn_ole2_slack *s, uint64_t *ret_at)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = l->bytes->mem ? NULL : trn_arena_new(SEARCHED_MAX + 4096);
    uint64_t size = TRN_MIN(s->end - s->first, (uint64_t)SEARCHED_MAX);
    struct trn_str bytes;
    const char *what;
    if (!l->bytes->mem && !a)
        return -ENOMEM;
    int e = trn_source_take(l->bytes, s->first, (size_t)size, a, &bytes);
    if (e < 0)
        return e;
    size_t at = trn_program_find((const uint8_t *)bytes.p, bytes.n, 0, &what);
    *ret_at = at < bytes.n ? s->first + at : s->end;
    return 0;
}

static int tell_program(struct slack *k, const struct trn_ole2_slack *s, uint64_t at)
{
    uint64_t size = s->at + s->size - at; /* zeros at its end are the program's too */
    struct trn_irregular i = {.kind = "no-stream", .score = is_outside(s) ? 60 : 25, .at = at, .size = size};
    struct trn_member m = {.name = TRN_STR("in-no-stream"), .size = size};
    int e = tell(k, &i, "begin a program", trn_ole2_slack_name(s->kind));
    return e < 0 ? e : trn_look_part(k->l, &m, at, size);
}

static void add(struct sum *u, uint64_t at, uint64_t size)
{
    u->at = u->places++ ? u->at : at;
    u->size += size;
}

static int on_slack(void *ctx, const struct trn_ole2_slack *s)
{
    struct slack *k = ctx;
    uint64_t size = s->end - s->first, program = s->end;
    if (size < SMALL || trn_look_over(k->l))
        return 0;
    int e = find_program(k->l, s, &program);
    if (e < 0 || program < s->end)
        return e < 0 ? e : tell_program(k, s, program);
    bool random = trn_look_entropy(k->l, s->first, size) >= trn_random_milli(size);
    uint16_t score = worth(s, size, random);
    if (score) {
        struct trn_irregular i = {.kind = "no-stream", .score = score, .at = s->first, .size = size};
        return tell(k, &i, random ? "look random" : "belong to nothing", trn_ole2_slack_name(s->kind));
    }
    if (random)
        add(&k->random, s->first, size);
    else if (s->kind == TRN_OLE2_SLACK_FREE || s->kind == TRN_OLE2_SLACK_ORPHAN)
        add(&k->plain, s->first, size);
    return 0;
}

static int tell_sum(struct trn_look *l, const struct sum *u, uint16_t score, const char *what)
{
    struct trn_irregular i = {.kind = "no-stream", .score = score, .at = u->at};
    return trn_irregular(l, &i,
                         "%llu bytes that %s lie in %u places where no stream of this file is, the first at 0x%llx: "
                         "nothing that opens it shows them.",
                         (unsigned long long)u->size, what, u->places, (unsigned long long)u->at);
}

int trn_look_ole2_slack(struct trn_look *l, const struct trn_ole2 *o)
{
    struct slack k = {.l = l};
    int e = trn_ole2_slack(o, on_slack, &k);
    if (e == 0 && k.random.size >= SUM_LEAST)
        e = tell_sum(l, &k.random, k.random.size >= LARGE ? 15 : 8, "look random");
    if (e == 0 && k.plain.size >= SUM_LEAST)
        e = tell_sum(l, &k.plain, 3, "an earlier version may have left");
    if (e == 0 && k.left_out)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "ranges told of one file (%u more are in no stream)",
                         k.left_out);
    return e;
}
