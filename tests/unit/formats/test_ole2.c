/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are the streams of a compound file the right bytes, wherever their sectors lie, and is every other byte accounted
 * for; do circles and cuts end in a clear word? The files are made by tests/fixtures/ole2.py. */
#include "formats/formats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 17];
static struct trn_arena *arena;
static struct trn_source source;

static void setup(void)
{
    arena = trn_arena_new(0);
}

static void teardown(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(ole2, .init = setup, .fini = teardown);

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *root = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/ole2/%s", root ? root : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

static struct trn_ole2 *open_bytes(struct trn_str bytes)
{
    struct trn_ole2 *o = NULL;
    struct trn_err err = {0};
    source = trn_source_mem(bytes);
    cr_assert_eq(trn_ole2_open(&source, arena, &o, &err), 0, "%s", err.message);
    return o;
}

static struct trn_str stream(struct trn_ole2 *o, const char *name)
{
    const struct trn_ole2_entry *e = trn_ole2_find(o, name);
    struct trn_source s;
    struct trn_str bytes;
    cr_assert_not_null(e, "%s", name);
    cr_assert_not(e->broken, "%s", name);
    cr_assert_eq(trn_ole2_stream(o, e, arena, &s), 0);
    cr_assert_eq(s.size, e->size);
    cr_assert_eq(trn_source_take(&s, 0, (size_t)s.size, arena, &bytes), 0);
    return bytes;
}

static void is_alpha(struct trn_str s)
{
    cr_assert_eq(s.n, 256 * 19 + 4);
    for (size_t i = 0; i < s.n - 4; i++)
        cr_assert_eq((uint8_t)s.p[i], i % 256, "byte %zu", i);
    cr_expect_arr_eq(s.p + s.n - 4, "tail", 4);
}

Test(ole2, streams_small_and_large_with_packed_names)
{
    struct trn_ole2 *o = open_bytes(corpus("v3"));
    uint64_t at;
    cr_expect_str_eq(trn_ole2_trouble(o), "");
    cr_expect_eq(trn_ole2_count(o), 5);
    is_alpha(stream(o, "Alpha"));
    cr_expect(trn_str_eq_c(stream(o, "!Property"), "small stream"));
    cr_expect_eq(stream(o, "\5SummaryInformation").n, 100);
    cr_assert(trn_ole2_contiguous(o, trn_ole2_find(o, "Alpha"), &at));
    cr_expect_arr_eq(content + at, "\0\1\2\3", 4);
    cr_assert(trn_ole2_contiguous(o, trn_ole2_find(o, "!Property"), &at));
    cr_expect_arr_eq(content + at, "small stream", 12);
}

Test(ole2, scattered_sectors_and_storages)
{
    struct trn_ole2 *o = open_bytes(corpus("v3-scattered"));
    uint64_t at;
    is_alpha(stream(o, "Alpha"));
    cr_expect_not(trn_ole2_contiguous(o, trn_ole2_find(o, "Alpha"), &at));
    const struct trn_ole2_entry *deep = trn_ole2_entry(o, trn_ole2_count(o) - 2);
    cr_expect(trn_str_eq_c(trn_ole2_name(deep, arena), "Deep"));
    cr_expect(trn_str_eq_c(trn_ole2_name(trn_ole2_by_id(o, deep->parent), arena), "Inner"));
    cr_expect_null(trn_ole2_find(o, "Deep"), "it is none of the root's");
}

static int64_t read_mem(void *ctx, uint64_t at, void *dst, size_t n)
{
    memcpy(dst, (const char *)ctx + at, n);
    return (int64_t)n;
}

Test(ole2, the_same_through_windows)
{
    struct trn_str bytes = corpus("v3-scattered");
    struct trn_ole2 *o = NULL;
    source = (struct trn_source){.size = bytes.n, .read = read_mem, .ctx = content};
    cr_assert_eq(trn_ole2_open(&source, arena, &o, NULL), 0);
    is_alpha(stream(o, "Alpha"));
}

Test(ole2, sectors_of_four_kilobytes)
{
    struct trn_ole2 *o = open_bytes(corpus("v4"));
    cr_expect_eq(trn_ole2_version(o), 4);
    is_alpha(stream(o, "Alpha"));
    cr_expect(trn_str_eq_c(stream(o, "Gamma"), "small stream"));
}

struct told {
    uint32_t n;
    struct trn_ole2_slack s[8];
};

static int on_slack(void *ctx, const struct trn_ole2_slack *s)
{
    struct told *t = ctx;
    if (t->n < TRN_ARRAY_SIZE(t->s))
        t->s[t->n] = *s;
    t->n++;
    return 0;
}

static struct told slack_of(struct trn_ole2 *o)
{
    struct told t = {0};
    cr_assert_eq(trn_ole2_slack(o, on_slack, &t), 0);
    return t;
}

Test(ole2, nothing_is_hidden_in_a_plain_one)
{
    cr_expect_eq(slack_of(open_bytes(corpus("v3"))).n, 0);
    cr_expect_eq(slack_of(open_bytes(corpus("v3-scattered"))).n, 0);
    cr_expect_eq(slack_of(open_bytes(corpus("v4"))).n, 0);
}

Test(ole2, bytes_behind_ends_and_in_free_sectors_with_their_places)
{
    struct told t = slack_of(open_bytes(corpus("slack")));
    cr_assert_eq(t.n, 2);
    cr_expect_eq(t.s[0].kind, TRN_OLE2_SLACK_FREE);
    cr_expect_arr_eq(content + t.s[0].first, "in a free sector", 16);
    cr_expect_eq(t.s[0].end - t.s[0].first, 16);
    cr_expect_eq(t.s[0].size, 512);
    cr_expect_eq(t.s[1].kind, TRN_OLE2_SLACK_END);
    cr_expect_arr_eq(content + t.s[1].first, "HIDDEN", 6);
    cr_expect_eq(t.s[1].nonzero, 6);
}

Test(ole2, each_place_where_bytes_can_hide)
{
    static const struct {
        const char *file;
        size_t at; /* 0: behind the end */
        enum trn_ole2_slack_kind kind;
    } cases[] = {
        {"v3", 10, TRN_OLE2_SLACK_HEADER},   {"v3", 36, TRN_OLE2_SLACK_HEADER}, {"v3", 500, TRN_OLE2_SLACK_TABLE},
        {"v4", 2000, TRN_OLE2_SLACK_HEADER}, {"v3", 0, TRN_OLE2_SLACK_FREE},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_str bytes = corpus(cases[i].file);
        size_t at = cases[i].at ? cases[i].at : bytes.n + 7;
        content[at] = 'x';
        bytes.n = TRN_MAX(bytes.n, at + 1);
        struct told t = slack_of(open_bytes(bytes));
        cr_assert_eq(t.n, 1, "case %zu: %u", i, t.n);
        cr_expect_eq(t.s[0].kind, cases[i].kind, "case %zu: %s", i, trn_ole2_slack_name(t.s[0].kind));
        cr_expect_eq(t.s[0].first, at, "case %zu", i);
    }
}

Test(ole2, cut_anywhere_is_an_error_or_a_broken_stream)
{
    struct trn_str whole = corpus("v3");
    struct trn_ole2 *o;
    struct trn_err err = {0};
    cr_expect_eq((source = trn_source_mem(TRN_STR("MZ")), trn_ole2_open(&source, arena, &o, &err)), -ENOEXEC);
    for (size_t n = 8; n < whole.n; n += 64) {
        struct trn_source s = trn_source_mem(trn_str_slice(whole, 0, n));
        trn_arena_reset(arena);
        int e = trn_ole2_open(&s, arena, &o, &err);
        cr_expect(e == 0 || e == -EBADMSG, "%zu bytes: %d", n, e);
        cr_expect(e == 0 || err.message[0], "%zu bytes", n);
    }
}

Test(ole2, circles_end)
{
    struct trn_str bytes = corpus("v3");
    struct trn_ole2 *o = open_bytes(bytes);
    const struct trn_ole2_entry *beta = trn_ole2_find(o, "Beta");
    uint32_t start = beta->start, fat;
    memcpy(&fat, content + 76, 4);
    memcpy(content + 512 + fat * 512 + start * 4, &start, 4); /* its first sector follows itself */
    o = open_bytes(bytes);
    cr_expect(trn_ole2_find(o, "Beta")->broken);
    cr_expect_eq(trn_ole2_find(o, "Beta")->units, 1);
    is_alpha(stream(o, "Alpha"));
    /* and a circle in the tree: the second entry's right sibling is itself */
    uint32_t directory, second = 1;
    memcpy(&directory, content + 48, 4);
    memcpy(content + 512 + directory * 512 + 128 + 72, &second, 4);
    o = open_bytes(bytes);
    cr_expect_neq(trn_ole2_trouble(o)[0], '\0');
    cr_expect_eq(trn_ole2_count(o), 2);
}

Test(ole2, circle_through_an_unused_entry_ends) /* found by fuzzing */
{
    struct trn_str bytes = corpus("v3");
    uint32_t directory, itself = 1;
    memcpy(&directory, content + 48, 4);
    char *entry = content + 512 + directory * 512 + 128;
    entry[66] = TRN_OLE2_UNUSED;
    memcpy(entry + 72, &itself, 4);
    cr_expect_eq(trn_ole2_count(open_bytes(bytes)), 1);
}
