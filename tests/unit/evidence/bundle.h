/* SPDX-License-Identifier: Apache-2.0 */
/* A small bundle of a made-up story, and its archive taken apart and put together again as an attacker would. */
#ifndef TRN_TEST_EVIDENCE_BUNDLE_H
#define TRN_TEST_EVIDENCE_BUNDLE_H

#include "evidence/internal.h"

#include <criterion/criterion.h>

#define MADE (1700000000ull * TRN_NS_PER_SEC)

static inline struct trn_evidence_key *test_key(uint8_t first)
{
    const uint8_t seed[TRN_EVIDENCE_KEY] = {first, 2, 3};
    struct trn_evidence_key *k = NULL;
    cr_assert_eq(trn_evidence_key_from(seed, &k), 0);
    return k;
}

static inline void make_bundle(struct trn_buf *out)
{
    struct trn_story *s = calloc(1, sizeof(*s));
    struct trn_evidence_key *k = test_key(1);
    struct trn_evidence_writer *w = trn_evidence_writer_new(MADE, 1u << 20);
    s->id = 7;
    s->score = 93;
    s->verdict = TRN_VERDICT_MALICIOUS;
    s->software = (struct trn_software){.name = TRN_STR("acme-softphone"), .version = TRN_STR("1.1")};
    s->sentence = TRN_STR("acme-softphone 1.1 ran a program that it had fetched");
    const struct trn_evidence_about about = {.made_wall_ns = MADE,
                                             .host_id = {0xab, 1},
                                             .host_name = TRN_STR("pc7"),
                                             .kernel = TRN_STR("Linux 6.1"),
                                             .story = s,
                                             .events = 2,
                                             .events_left_out = 1};
    trn_put_c(trn_evidence_member(w, "story.json"), "{\"id\":7}\n");
    struct trn_buf *b = trn_evidence_member(w, "events.jsonl");
    for (int i = 0; i < 40; i++)
        trn_put_fmt(b, "{\"event\":{\"sequence\":%d}}\n", i);
    (void)trn_evidence_member(w, "losses.jsonl"); /* empty */
    trn_put_c(trn_evidence_member(w, "page.txt"), "MALICIOUS 93\n");
    trn_buf_init(out, TRN_EVIDENCE_MAX);
    cr_assert_eq(trn_evidence_finish(w, &about, k, out, NULL), 0);
    trn_evidence_writer_free(w);
    trn_evidence_key_free(k);
    free(s);
}

/* The proof's answer and words, the facts in *ret when it may be NULL. */
static inline int prove(struct trn_str bytes, struct trn_err *err)
{
    struct trn_arena *a = trn_arena_new(0);
    struct trn_evidence_facts f;
    *err = (struct trn_err){0};
    int r = trn_evidence_verify(bytes, a, &f, err);
    trn_arena_free(a);
    return r;
}

struct parts {
    struct trn_tar_entry e[24];
    uint32_t n;
};

static inline struct parts take_apart(struct trn_str bytes)
{
    struct parts p = {0};
    struct trn_cursor c = trn_cur_of(bytes);
    int r;
    while ((r = trn_tar_next(&c, &p.e[p.n], NULL)) == 1)
        p.n++;
    cr_assert_eq(r, 0);
    return p;
}

static inline void put_part(struct trn_buf *b, const struct trn_tar_entry *e)
{
    uint8_t block[TRN_TAR_BLOCK];
    trn_tar_header(block, e->name, e->content.n, e->mtime);
    trn_put(b, block, sizeof(block));
    trn_put_str(b, e->content);
    for (size_t i = trn_tar_padding(e->content.n); i > 0; i--)
        trn_put_u8(b, 0);
}

static inline void put_end(struct trn_buf *b)
{
    for (size_t i = 0; i < TRN_TAR_END; i++)
        trn_put_u8(b, 0);
}

static inline void put_together(struct trn_buf *b, const struct parts *p)
{
    trn_buf_init(b, TRN_EVIDENCE_MAX * 2);
    for (uint32_t i = 0; i < p->n; i++)
        put_part(b, &p->e[i]);
    put_end(b);
}

#endif
