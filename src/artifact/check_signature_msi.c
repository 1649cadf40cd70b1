/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bytes of a signed Windows installer that its signature does not cover, and what they are worth. Must not own: finding
 * them (formats/ole2_slack.c, src/signature/msi.c); those of an unsigned one (check_msi.c).
 *
 * Writers leave in free sectors what was in a stream before, and memory of their own behind the ends of streams: text, tables,
 * at times a whole cabinet that was replaced. What looks random and is none of that was put there.
 */
#include "artifact/check_signature.h"

#define TOLD_MAX 8u
#define LARGE 4096u
#define SMALL 512u
#define RANDOM_MILLI 7000u

struct uncovered {
    struct trn_look *l;
    const struct trn_signed *x;
    uint32_t told, left_out;
};

static bool is_stale_cabinet(struct trn_look *l, uint64_t at)
{
    char head[4];
    return trn_source_read(l->bytes, at, head, sizeof(head)) == sizeof(head) && memcmp(head, "MSCF", 4) == 0;
}

static uint16_t worth(struct trn_look *l, const struct trn_ole2_slack *s, uint64_t size)
{
    bool outside = s->kind == TRN_OLE2_SLACK_BEHIND || s->kind == TRN_OLE2_SLACK_HEADER;
    if (size < SMALL)
        return 0;
    bool random = trn_look_entropy(l, s->first, size) > RANDOM_MILLI;
    if (random && is_stale_cabinet(l, s->first))
        return 25;
    if (random && size >= LARGE)
        return 60;
    if (random || outside)
        return 30;
    return size >= LARGE ? 10 : 0;
}

static int tell(void *ctx, const struct trn_ole2_slack *s)
{
    struct uncovered *u = ctx;
    struct trn_look *l = u->l;
    uint64_t size = s->end - s->first;
    uint16_t score = trn_look_over(l) ? 0 : worth(l, s, size);
    if (!score)
        return 0;
    if (u->told == TOLD_MAX) {
        u->left_out++;
        return 0;
    }
    struct trn_finding f;
    struct trn_str words = trn_look_signed_words(l, &u->x->signature);
    trn_finding_init(&f, trn_check_find(TRN_STR("msi.uncovered-bytes")));
    f.score = score;
    trn_look_say(l, &f, "%llu bytes stand where its signature does not look (%s); %.*s", (unsigned long long)size,
                 trn_ole2_slack_name(s->kind), TRN_STR_ARG(words));
    trn_look_evidence(l, &f, s->first, size);
    trn_finding_add(&f, "place", trn_str_of(trn_ole2_slack_name(s->kind)));
    trn_finding_add(&f, "digest", trn_str_of(trn_digest_state_name(u->x->signature.digest)));
    trn_finding_add(&f, "signer", u->x->signature.signer);
    u->told++;
    return trn_look_found(l, &f);
}

int trn_look_signed_msi(struct trn_look *l, struct trn_err *err)
{
    /* of its own, so that the tables of a large file are not held while it is opened */
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature_options o = trn_look_trust(l);
    struct trn_signed *x = a ? trn_arena_alloc(a, sizeof(*x)) : NULL;
    struct uncovered u = {.l = l, .x = x};
    struct trn_ole2 *ole;
    if (!x)
        return -ENOMEM;
    int e = trn_ole2_open(l->bytes, a, &ole, err);
    if (e < 0)
        return e == -ENOMEM ? e : 0; /* check_msi.c says what is wrong with it */
    e = trn_msi_signature(ole, &o, a, x);
    if (e == -ENOENT)
        return 0;
    if (e == 0)
        e = trn_look_signed_file(l, x, "msi.uncovered-bytes");
    if (e == 0)
        e = trn_ole2_slack(ole, tell, &u);
    if (e == 0 && u.left_out)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "%u more ranges that its signature does not cover",
                         u.left_out);
    return e;
}
