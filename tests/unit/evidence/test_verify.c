/* SPDX-License-Identifier: Apache-2.0 */
/* Is a bundle proven as it was signed, and is every other sequence of bytes refused, in words? */
#include "bundle.h"

#include <stdio.h>

static struct trn_buf good;

static void set_up(void)
{
    make_bundle(&good);
}

static void tear_down(void)
{
    trn_buf_done(&good);
}

TestSuite(verify, .init = set_up, .fini = tear_down, .timeout = 120);

Test(verify, what_was_signed_is_proven_and_says_what_it_is)
{
    struct trn_arena *a = trn_arena_new(0);
    struct trn_evidence_key *k = test_key(1);
    struct trn_evidence_facts f;
    struct trn_err err = {0};
    cr_assert_eq(trn_evidence_verify(trn_buf_str(&good), a, &f, &err), 0, "%s", err.message);
    cr_assert_arr_eq(f.key, trn_evidence_key_public(k), TRN_EVIDENCE_KEY);
    cr_assert(trn_str_eq_c(f.made, "2023-11-14T22:13:20.000000000Z"));
    cr_assert(trn_str_eq_c(f.host_id, "ab010000000000000000000000000000") && trn_str_eq_c(f.host_name, "pc7"));
    cr_assert(f.story == 7 && f.score == 93 && f.events == 2 && f.events_left_out == 1 && f.size == good.n);
    cr_assert(trn_str_eq_c(f.software, "acme-softphone") && trn_str_eq_c(f.verdict, "malicious"));
    cr_assert(trn_str_is_none(f.redacted));
    cr_assert(f.n_members == 4 && trn_str_eq_c(f.members[2].name, "losses.jsonl") && f.members[2].size == 0);
    trn_evidence_key_free(k);
    trn_arena_free(a);
}

Test(verify, the_same_story_gives_the_same_bytes)
{
    TRN_AUTO(trn_buf_done) struct trn_buf again;
    make_bundle(&again);
    cr_assert(trn_str_eq(trn_buf_str(&again), trn_buf_str(&good)));
}

Test(verify, every_changed_byte_is_refused_with_what_and_where)
{
    struct trn_err err;
    for (size_t i = 0; i < good.n; i++) {
        char was = good.p[i];
        good.p[i] = (char)(was ^ (1 << i % 8));
        int r = prove(trn_buf_str(&good), &err);
        cr_assert(r == -EBADMSG, "byte %zu of %zu: %d %s", i, good.n, r, err.message);
        cr_assert(trn_str_starts(trn_str_of(err.message), TRN_STR("changed")), "byte %zu: '%s'", i, err.message);
        good.p[i] = was;
    }
    cr_assert_eq(prove(trn_buf_str(&good), &err), 0);
}

Test(verify, a_shortened_or_lengthened_one_is_refused)
{
    struct trn_err err;
    for (size_t n = 600; n < good.n; n += n < 2000 ? 1 : 13)
        cr_assert_eq(prove(trn_str_slice(trn_buf_str(&good), 0, n), &err), -EBADMSG, "%zu of %zu bytes", n, good.n);
    size_t n = good.n;
    trn_put_u8(&good, 0);
    cr_assert_eq(prove(trn_buf_str(&good), &err), -EBADMSG);
    cr_assert(strstr(err.message, "bytes behind the end"), "%s", err.message);
    good.n = n;
    TRN_AUTO(trn_buf_done) struct trn_buf other;
    make_bundle(&other);
    trn_put_str(&good, trn_buf_str(&other)); /* tar would go on reading the second archive */
    cr_assert_eq(prove(trn_buf_str(&good), &err), -EBADMSG);
}

Test(verify, members_removed_added_reordered_or_doubled_are_refused)
{
    const struct parts p = take_apart(trn_buf_str(&good));
    static const char *const words[] = {"stands where", "was added", "stands where", "was added"};
    struct trn_err err;
    cr_assert_eq(p.n, 6);
    for (int how = 0; how < 4; how++) {
        struct parts q = p;
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        if (how == 0) { /* removed */
            q.e[3] = q.e[4];
            q.e[4] = q.e[5];
            q.n = 5;
        } else if (how == 1) {
            q.e[q.n] = q.e[2];
            q.e[q.n++].name = TRN_STR("more.txt");
        } else if (how == 2) {
            q.e[3] = p.e[4];
            q.e[4] = p.e[3];
        } else {
            q.e[q.n++] = p.e[5];
        }
        put_together(&b, &q);
        cr_assert_eq(prove(trn_buf_str(&b), &err), -EBADMSG);
        cr_assert(strstr(err.message, words[how]), "%d: %s", how, err.message);
    }
}

Test(verify, the_last_member_missing_is_told_by_name)
{
    struct parts q = take_apart(trn_buf_str(&good));
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_err err;
    q.n--;
    put_together(&b, &q);
    cr_assert_eq(prove(trn_buf_str(&b), &err), -EBADMSG);
    cr_assert(strstr(err.message, "'page.txt' is missing"), "%s", err.message);
}

static void rewrite(struct trn_buf *header, size_t at, const char *bytes, size_t n)
{
    uint32_t sum = 0;
    memcpy(header->p + at, bytes, n);
    memcpy(header->p + 148, "        ", 8);
    for (size_t i = 0; i < TRN_TAR_BLOCK; i++)
        sum += (uint8_t)header->p[i];
    char text[8];
    snprintf(text, sizeof(text), "%06o", sum);
    memcpy(header->p + 148, text, 7);
}

/* What other readers of tar would act on: each with a correct checksum, as the very first header. */
Test(verify, no_header_means_anything_but_a_plain_member)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t n;
    } evil[] = {
        {0, "/etc/passwd", 12},
        {0, "../../x", 8},
        {0, "a/b", 4},
        {0, "MANIFEST.json", 13},
        {156, "1", 1},
        {156, "2", 1},
        {156, "3", 1},
        {156, "5", 1},
        {156, "L", 1},
        {156, "x", 1},
        {156, "\0", 1},
        {157, "/etc/shadow", 11},
        {100, "0006777", 7},
        {108, "0001750", 7},
        {124, "77777777777", 11},
        {124, "\x80\0\0\0\xff", 5},
        {257, "ustar  ", 7},
        {265, "root", 4},
        {345, "/tmp", 4},
        {500, "junk", 4},
    };
    struct trn_err err;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(evil); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        make_bundle(&b);
        rewrite(&b, evil[i].at, evil[i].bytes, evil[i].n);
        int r = prove(trn_buf_str(&b), &err);
        cr_assert(r == -EBADMSG, "header %zu: %d %s", i, r, err.message);
    }
}

/* A manifest with these bytes, properly signed by our own key. */
static int prove_manifest(struct trn_str json, const char *domain, struct trn_err *err)
{
    struct parts q = take_apart(trn_buf_str(&good));
    struct trn_evidence_key *k = test_key(1);
    uint8_t signature[TRN_EVIDENCE_SIGNATURE];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    cr_assert_eq(trn_evidence_sign(k, json, signature), 0);
    cr_assert_eq(trn_evidence_check(trn_evidence_key_public(k), trn_str_of(domain), json,
                                    (struct trn_str){(char *)signature, sizeof(signature)}),
                 strcmp(domain, TRN_EVIDENCE_DOMAIN) == 0 ? 0 : -EBADMSG, "a signature is good in its own domain only");
    q.e[0].content = json;
    q.e[1].content = (struct trn_str){(char *)signature, sizeof(signature)};
    put_together(&b, &q);
    trn_evidence_key_free(k);
    return prove(trn_buf_str(&b), err);
}

/* The good manifest with one text replaced. */
static void manifest_with(struct trn_buf *b, const char *from, const char *to)
{
    struct trn_str json = take_apart(trn_buf_str(&good)).e[0].content;
    const char *at = memmem(json.p, json.n, from, strlen(from));
    cr_assert(at, "'%s'", from);
    trn_buf_init(b, 1u << 20);
    trn_put(b, json.p, (size_t)(at - json.p));
    trn_put_c(b, to);
    trn_put_str(b, trn_str_slice(json, (size_t)(at - json.p) + strlen(from), json.n));
}

Test(verify, a_signed_manifest_is_still_not_trusted_with_nonsense)
{
    static const char *const edits[][2] = {
        {"\"name\":\"story.json\"", "\"name\":\"../story.json\""},
        {"\"size\":9", "\"size\":-1"},
        {"\"size\":9", "\"size\":\"9\""},
        {"\"made_unix\":1700000000", "\"made_unix\":1700000001"},
        {"\"host_id\":\"ab", "\"host_id\":\"zz"},
        {"\"id\":7", "\"id\":7,\"id\":8"},
        {"\"score\":93", "\"score\":null"},
        {"\"members\":[", "\"members\":{},\"more\":["},
        {"turncoat.bundle/1", "turncoat.bundle/"},
        {"turncoat.bundle/1", "something else"},
    };
    struct trn_err err;
    struct trn_str json = take_apart(trn_buf_str(&good)).e[0].content;
    cr_assert_eq(prove_manifest(json, TRN_EVIDENCE_DOMAIN, &err), 0, "%s", err.message);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(edits); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        manifest_with(&b, edits[i][0], edits[i][1]);
        int r = prove_manifest(trn_buf_str(&b), TRN_EVIDENCE_DOMAIN, &err);
        cr_assert(r == -EBADMSG, "%s: %d %s", edits[i][1], r, err.message);
    }
}

Test(verify, a_signature_of_another_key_or_purpose_proves_nothing)
{
    struct parts q = take_apart(trn_buf_str(&good));
    struct trn_evidence_key *other = test_key(9);
    uint8_t signature[TRN_EVIDENCE_SIGNATURE];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_err err;
    cr_assert_eq(trn_evidence_sign(other, q.e[0].content, signature), 0);
    q.e[1].content = (struct trn_str){(char *)signature, sizeof(signature)};
    put_together(&b, &q);
    cr_assert_eq(prove(trn_buf_str(&b), &err), -EBADMSG);
    cr_assert(strstr(err.message, "signature"), "%s", err.message);
    cr_assert_eq(prove_manifest(take_apart(trn_buf_str(&good)).e[0].content, "other/1\n", &err), 0);
    trn_evidence_key_free(other);
}

Test(verify, what_is_no_bundle_is_not_called_changed)
{
    struct trn_err err;
    cr_assert_eq(prove(TRN_STR(""), &err), -ENOMSG);
    cr_assert_eq(prove(TRN_STR("%PDF-1.7 something else entirely"), &err), -ENOMSG);
    TRN_AUTO(trn_buf_done) struct trn_buf zeros;
    trn_buf_init(&zeros, 20000);
    for (int i = 0; i < 10240; i++)
        trn_put_u8(&zeros, 0);
    cr_assert_eq(prove(trn_buf_str(&zeros), &err), -ENOMSG); /* tar's empty archive */
}

Test(verify, a_writer_that_runs_out_of_room_says_so)
{
    struct trn_evidence_key *k = test_key(1);
    const struct trn_story story = {.sentence = TRN_STR("x")};
    const struct trn_evidence_about about = {.story = &story};
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    struct trn_err err = {0};
    trn_buf_init(&out, 1u << 20);
    struct trn_evidence_writer *w = trn_evidence_writer_new(MADE, 2000);
    struct trn_buf *b = trn_evidence_member(w, "big.txt");
    for (int i = 0; i < 3000; i++)
        trn_put_u8(b, 'x');
    cr_assert_eq(trn_evidence_finish(w, &about, k, &out, &err), -EFBIG);
    trn_evidence_writer_free(w);
    w = trn_evidence_writer_new(MADE, 1u << 20);
    (void)trn_evidence_member(w, "../escape");
    cr_assert_eq(trn_evidence_finish(w, &about, k, &out, &err), -EINVAL);
    trn_evidence_writer_free(w);
    trn_evidence_key_free(k);
}
