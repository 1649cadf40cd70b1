/* SPDX-License-Identifier: Apache-2.0 */
/* Does a result come back as it was told, from memory and from a file, and does a damaged one harm nobody? */
#include "made_up.h"

#include <criterion/criterion.h>

static struct trn_scanned judged(struct trn_result *r)
{
    struct trn_scanned t = {.path = TRN_STR("x")};
    trn_results_init(&t.index);
    cr_assert_eq(trn_scanned_judge(&t, r), 0);
    return t;
}

Test(scan_result, what_was_told_comes_back)
{
    struct trn_result r;
    struct trn_item item;
    trn_result_init(&r);
    made_up_installer(&r);
    struct trn_scanned t = judged(&r);
    cr_assert_eq(t.code, 0, "%s", t.why.p);
    cr_assert_eq(t.index.n, 7);
    cr_assert_eq(t.findings, 3);
    cr_assert_eq(t.gaps[TRN_GAP_ENCRYPTED], 1);
    cr_assert_eq(t.verdict, TRN_VERDICT_MALICIOUS);
    cr_assert_eq(t.size, 9000000);
    cr_assert(!trn_scanned_undecided(&t), "encrypted is told, and decides nothing");
    cr_assert(strstr(t.strongest_text, "certificate table"));
    cr_assert_eq(trn_results_artifact(&t.index, 4, &item), 0);
    cr_assert(trn_str_eq_c(item.a.name, "usr/lib/agent/render\x1b[31m.dll"));
    cr_assert_eq(item.a.entropy_milli, 6543);
    cr_assert_eq(trn_results_read(&t.index, t.index.links[t.index.nodes[3].first - 1].at, &item, NULL), 0);
    cr_assert_eq(item.kind, TRN_ITEM_SIGNATURE);
    cr_assert_eq(item.s.n_uncovered, 2);
    cr_assert_eq(item.s.uncovered_total, 277260);
    cr_assert_str_eq(item.s.uncovered[1].what, "certificate table");
    cr_assert(!item.s.uncovered[1].expected && item.s.uncovered[0].expected);
    cr_assert(trn_str_eq_c(item.s.signer, "Acme Ltd") && trn_str_is_none(item.s.team));
    trn_results_done(&t.index);
    trn_result_done(&r);
}

Test(scan_result, members_are_named_by_the_way_to_them)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_result r;
    trn_result_init(&r);
    made_up_installer(&r);
    struct trn_scanned t = judged(&r);
    trn_buf_init(&b, 4096);
    cr_assert_eq(trn_results_member(&t.index, 5, &b), 0);
    cr_assert(trn_str_eq_c(trn_buf_str(&b), "pool/agent.deb!/data.tar!/usr/share/doc/agent/copyright"));
    trn_buf_clear(&b);
    cr_assert_eq(trn_results_member(&t.index, 1, &b), 0);
    cr_assert_eq(b.n, 0);
    trn_results_done(&t.index);
    trn_result_done(&r);
}

Test(scan_result, a_large_one_goes_to_a_file_and_reads_the_same)
{
    struct trn_result r;
    struct trn_item item;
    trn_result_init(&r);
    told_artifact(&r, 1, 0, "big.zip", TRN_FORMAT_ZIP, 1);
    for (uint32_t i = 2; i <= 20000; i++) {
        char name[40];
        snprintf(name, sizeof(name), "folder/file-%u.txt", i);
        told_artifact(&r, i, 1, name, TRN_FORMAT_TEXT, i);
    }
    told_finding(&r, 7, "archive.irregular", 30, "one");
    cr_assert_geq(r.fd, 0, "it should be in a file by now");
    cr_assert_lt(r.mem.n, (size_t)128 << 10);
    struct trn_scanned t = judged(&r);
    cr_assert_eq(t.index.n, 20000);
    cr_assert_eq(t.index.nodes[0].below, 20000);
    cr_assert(t.index.nodes[0].told_below && t.index.nodes[6].told && !t.index.nodes[7].told);
    for (uint32_t i = 20000; i > 1777; i -= 1777) {
        cr_assert_eq(trn_results_artifact(&t.index, i, &item), 0);
        cr_assert_eq(item.a.size, i);
    }
    TRN_AUTO(trn_buf_done) struct trn_buf all;
    trn_buf_init(&all, 64u << 20);
    cr_assert(trn_result_bytes(&r, &all));
    cr_assert_eq(all.n, r.size);
    struct trn_result again;
    trn_result_init(&again);
    trn_result_load(&again, trn_buf_str(&all));
    cr_assert_eq(trn_scanned_judge(&t, &again), 0);
    cr_assert(t.code == 0 && t.index.n == 20000);
    trn_result_done(&again);
    trn_results_done(&t.index);
    trn_result_done(&r);
}

/* Judges and prints bytes that may be anything. */
static int survive(struct trn_str bytes)
{
    TRN_AUTO(trn_freep) char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct trn_result r;
    struct trn_scan_tree tree;
    struct trn_scan_json json;
    trn_result_init(&r);
    trn_result_load(&r, bytes);
    struct trn_scanned t = judged(&r);
    int code = t.code;
    trn_scan_tree_init(&tree, out, false, true);
    trn_scan_json_init(&json, out);
    cr_assert_leq(trn_scan_tree_file(&tree, &t), 0);
    cr_assert_leq(trn_scan_json_file(&json, &t), 0);
    struct trn_scan_sum sum = {0};
    trn_scan_sum_add(&sum, &t);
    trn_scan_tree_end(&tree, &sum);
    trn_scan_json_end(&json, &sum);
    fclose(out);
    cr_assert(!memchr(text, 0x1b, n), "raw escape bytes reached the output");
    trn_results_done(&t.index);
    trn_result_done(&r);
    return code;
}

Test(scan_result, cut_anywhere_or_with_any_byte_changed_it_is_refused_or_read)
{
    TRN_AUTO(trn_buf_done) struct trn_buf all;
    struct trn_result r;
    int refused = 0;
    trn_buf_init(&all, 1u << 20);
    trn_result_init(&r);
    made_up_installer(&r);
    cr_assert(trn_result_bytes(&r, &all));
    for (size_t n = 0; n < all.n; n++)
        refused += survive((struct trn_str){all.p, n}) < 0;
    cr_assert_gt(refused, (int)all.n / 2, "a cut inside of something told must be seen");
    for (size_t i = 0; i < all.n; i++) {
        char was = all.p[i];
        all.p[i] = (char)(was ^ (1 << i % 8));
        (void)survive(trn_buf_str(&all));
        all.p[i] = was;
    }
    cr_assert_eq(survive(trn_buf_str(&all)), 0);
    trn_result_done(&r);
}

Test(scan_result, numbers_out_of_order_are_refused)
{
    static const struct {
        uint32_t id, parent;
    } bad[][2] = {{{2, 0}, {0, 0}}, {{1, 1}, {0, 0}}, {{1, 0}, {1, 0}},
                  {{1, 0}, {2, 2}}, {{1, 0}, {2, 0}}, {{1, 0}, {3, 1}}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_result r;
        trn_result_init(&r);
        told_artifact(&r, bad[i][0].id, bad[i][0].parent, "a", TRN_FORMAT_DATA, 1);
        if (bad[i][1].id)
            told_artifact(&r, bad[i][1].id, bad[i][1].parent, "b", TRN_FORMAT_DATA, 1);
        struct trn_scanned t = judged(&r);
        cr_assert_eq(t.code, -EBADMSG, "case %zu", i);
        cr_assert(trn_scanned_undecided(&t));
        trn_results_done(&t.index);
        trn_result_done(&r);
    }
}

Test(scan_result, limits_of_the_moment_are_not_the_files_own)
{
    static const struct {
        const char *what;
        bool passing;
    } cases[] = {{"ratio", false},        {"bytes", false}, {"depth", false}, {"seconds", true},
                 {"match-seconds", true}, {"memory", true}, {"scratch", true}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_result r;
        const struct trn_gap g = {.kind = TRN_GAP_LIMIT, .what = trn_str_of(cases[i].what)};
        trn_result_init(&r);
        told_artifact(&r, 1, 0, "a", TRN_FORMAT_DATA, 1);
        trn_result_gap(&r, 1, &g);
        cr_assert_eq(r.passing, cases[i].passing, "%s", cases[i].what);
        trn_result_done(&r);
    }
}
