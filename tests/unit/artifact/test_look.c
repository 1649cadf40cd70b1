/* SPDX-License-Identifier: Apache-2.0 */
/* Do limits hold while a container is read, and does what was read come out whole? A container is played by hand. */
#include "artifact/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct told {
    uint32_t artifacts, gaps, findings;
    struct trn_artifact last;
    struct trn_finding found[8]; /* their views are gone */
    uint32_t of[8];
    char gap[64], gap_member[64];
};

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    struct told *t = ctx;
    t->artifacts++;
    t->last = *a;
    return 0;
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return 0;
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct told *t = ctx;
    cr_assert_lt(t->findings, TRN_ARRAY_SIZE(t->found));
    t->of[t->findings] = a;
    t->found[t->findings++] = *f;
    return 0;
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct told *t = ctx;
    t->gaps++;
    snprintf(t->gap, sizeof(t->gap), "%s %.*s", trn_gap_kind_name(g->kind), TRN_STR_ARG(g->what));
    snprintf(t->gap_member, sizeof(t->gap_member), "%.*s", TRN_STR_ARG(g->member));
    return 0;
}

static const struct trn_scan_sink sink_template = {on_artifact, on_signature, on_property, on_finding, on_gap, NULL};

struct stage { /* a container of 100 bytes, being read */
    struct told told;
    struct trn_scan_sink sink;
    struct trn_scan_options o;
    struct trn_scan scan;
    struct trn_source bytes;
    struct trn_frame frame;
};

static void begin(struct stage *s, struct trn_limits limits)
{
    static const char content[100];
    *s = (struct stage){.sink = sink_template, .o = {.sz = sizeof(s->o), .scratch = -1, .limits = limits}};
    s->sink.ctx = &s->told;
    s->scan = (struct trn_scan){.o = &s->o, .limits = limits, .sink = &s->sink};
    trn_limits_fill(&s->scan.limits);
    s->scan.deadline_ns = trn_mono_ns() + 60 * TRN_NS_PER_SEC;
    s->scan.keep = trn_arena_new(0);
    s->scan.names = trn_map_new(1000);
    s->scan.artifacts = 1;
    s->bytes = trn_source_mem((struct trn_str){content, sizeof(content)});
    s->frame.self = (struct trn_artifact){.id = 1, .size = sizeof(content), .format = TRN_FORMAT_TAR};
    s->frame.look = (struct trn_look){.bytes = &s->bytes,
                                      .arena = trn_arena_new(0),
                                      .self = &s->frame.self,
                                      .name = TRN_STR("c.tar"),
                                      .scan = &s->scan};
    s->scan.arenas[0] = s->frame.look.arena;
}

static void end(struct stage *s)
{
    trn_spool_done(&s->frame.spool);
    cr_expect_eq(s->scan.memory, 0, "memory of members is given back");
    cr_expect_eq(s->scan.scratch_top, 0, "so is the scratch file");
    for (size_t i = 0; i <= TRN_DEPTH_MAX; i++)
        trn_arena_free(s->scan.arenas[i]);
    trn_arena_free(s->scan.keep);
    trn_map_free(s->scan.names);
    free(s->scan.traits);
    trn_fd_close(s->o.scratch);
}

static int member(struct stage *s, const char *name)
{
    struct trn_member m = {.name = trn_str_of(name), .size = TRN_SIZE_UNKNOWN, .mode = S_IFREG | 0644};
    return trn_look_member(&s->frame.look, &m);
}

Test(look, a_member_comes_out_as_it_went_in)
{
    struct stage s;
    uint8_t want[TRN_SHA256_SIZE];
    begin(&s, (struct trn_limits){0});
    cr_assert_eq(member(&s, "a/b.txt"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, "hel", 3), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, "lo", 2), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect_eq(trn_sha256("hello", 5, want), 0);
    cr_expect_arr_eq(s.told.last.sha256, want, sizeof(want));
    cr_expect_eq(s.told.last.parent, 1);
    cr_expect_eq(s.told.last.depth, 1);
    end(&s);
}

Test(look, a_large_member_goes_through_the_scratch_file_and_comes_out_the_same)
{
    struct stage s;
    TRN_AUTO(trn_freep) uint8_t *big = malloc(1 << 20);
    uint8_t want[TRN_SHA256_SIZE];
    begin(&s, (struct trn_limits){.memory = 64 << 10, .ratio = UINT64_MAX});
    s.o.scratch = memfd_create("scratch", MFD_CLOEXEC);
    for (size_t i = 0; i < 1 << 20; i++)
        big[i] = (uint8_t)(i * 7 + i / 999);
    for (int round = 0; round < 2; round++) { /* the second lies where the first did */
        cr_assert_eq(member(&s, "big"), 0);
        for (size_t at = 0; at < 1 << 20; at += 10000)
            cr_assert_eq(trn_look_data(&s.frame.look, big + at, TRN_MIN((size_t)10000, ((size_t)1 << 20) - at)), 0);
        cr_expect(s.frame.spool.in_scratch);
        cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
        cr_expect_eq(trn_sha256(big, 1 << 20, want), 0);
        cr_expect_arr_eq(s.told.last.sha256, want, sizeof(want));
        cr_expect_eq(s.told.last.size, 1 << 20);
    }
    end(&s);
}

Test(look, without_a_scratch_file_a_large_member_is_a_gap_and_the_next_goes_on)
{
    struct stage s;
    static const uint8_t zeros[128 << 10];
    begin(&s, (struct trn_limits){.memory = 64 << 10});
    cr_assert_eq(member(&s, "big"), 0);
    cr_expect_eq(trn_look_data(&s.frame.look, zeros, sizeof(zeros)), -ECANCELED);
    cr_expect_str_eq(s.told.gap, "limit scratch");
    cr_expect_str_eq(s.told.gap_member, "big");
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_assert_eq(member(&s, "small"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, "x", 1), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect_eq(s.told.last.size, 1);
    end(&s);
}

Test(look, a_bomb_is_stopped_by_its_ratio_and_told_once)
{
    struct stage s;
    TRN_AUTO(trn_freep) uint8_t *zeros = calloc(1, 1 << 20);
    int e = 0;
    begin(&s, (struct trn_limits){0});
    s.o.scratch = memfd_create("scratch", MFD_CLOEXEC);
    cr_assert_eq(member(&s, "bomb"), 0);
    for (int i = 0; e == 0 && i < 100; i++)
        e = trn_look_data(&s.frame.look, zeros, 1 << 20);
    cr_expect_eq(e, -EDQUOT);
    cr_expect_str_eq(s.told.gap, "limit ratio");
    cr_expect_eq(s.told.gaps, 1);
    cr_expect_eq(trn_look_end(&s.frame.look, -EDQUOT, NULL), -EDQUOT, "the container goes no further");
    cr_expect_eq(member(&s, "next"), -EDQUOT);
    cr_expect_eq(s.told.gaps, 1);
    end(&s);
}

Test(look, the_limit_of_bytes_ends_all_and_the_limit_of_members_only_the_rest)
{
    struct stage s;
    begin(&s, (struct trn_limits){.bytes = 10, .members = 3});
    cr_assert_eq(member(&s, "a"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, "12345678", 8), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_assert_eq(member(&s, "b"), 0);
    cr_expect_eq(trn_look_data(&s.frame.look, "12345678", 8), -EDQUOT);
    cr_expect_str_eq(s.told.gap, "limit bytes");
    cr_expect_eq(trn_look_end(&s.frame.look, -EDQUOT, NULL), -EDQUOT);
    cr_expect_eq(s.scan.stop, -EDQUOT);
    end(&s);
    begin(&s, (struct trn_limits){.members = 2});
    cr_assert_eq(member(&s, "a"), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect_eq(member(&s, "b"), -ECANCELED);
    cr_expect_eq(member(&s, "c"), -ECANCELED);
    cr_expect_eq(s.told.gaps, 1);
    cr_expect_str_eq(s.told.gap, "limit members");
    end(&s);
}

Test(look, many_small_bombs_are_one_large_bomb)
{
    struct stage s;
    TRN_AUTO(trn_freep) uint8_t *zeros = calloc(1, 1 << 20);
    int e = 0, bombs = 0;
    begin(&s, (struct trn_limits){0});
    s.scan.top_size = 1000;
    s.o.scratch = memfd_create("scratch", MFD_CLOEXEC);
    for (; e == 0 && bombs < 20; bombs++) { /* each a container of its own, below what one may give */
        s.frame.unpacked = 0;
        cr_assert_eq(member(&s, "bomb"), 0);
        for (int i = 0; e == 0 && i < 60; i++)
            e = trn_look_data(&s.frame.look, zeros, 1 << 20);
        trn_spool_done(&s.frame.spool);
    }
    cr_expect_eq(e, -EDQUOT);
    cr_expect_eq(bombs, 5, "after %d", bombs);
    cr_expect_str_eq(s.told.gap, "limit ratio");
    end(&s);
}

Test(look, a_container_in_itself_is_told_and_not_opened_again)
{
    static const char gz[] = "\37\213\10\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0"; /* of nothing */
    struct stage s;
    begin(&s, (struct trn_limits){0});
    s.frame.self.size = sizeof(gz) - 1; /* as if the container had just this content */
    cr_assert_eq(trn_sha256(gz, sizeof(gz) - 1, s.frame.self.sha256), 0);
    cr_assert_eq(member(&s, "me.gz"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, gz, sizeof(gz) - 1), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect_str_eq(s.told.gap, "repeated it is inside of itself, and not opened again");
    cr_expect_eq(s.told.artifacts, 1);
    cr_assert_eq(member(&s, "other.gz"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, gz, sizeof(gz) - 1), 0);
    s.frame.self.size = 7; /* now it is another: opened, and the nothing in it told */
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect_eq(s.told.artifacts, 3);
    end(&s);
}

Test(look, what_is_cut_off_is_looked_at_and_said)
{
    struct stage s;
    begin(&s, (struct trn_limits){0});
    cr_assert_eq(member(&s, "a"), 0);
    cr_assert_eq(trn_look_data(&s.frame.look, "half", 4), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, -EBADMSG, "it ends too early"), 0);
    cr_expect_eq(s.told.last.size, 4);
    cr_expect_str_eq(s.told.gap, "damaged it ends too early");
    cr_assert_eq(member(&s, "nothing"), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, -EBADMSG, NULL), 0);
    cr_expect_str_eq(s.told.gap_member, "nothing");
    cr_expect_eq(s.told.artifacts, 1);
    end(&s);
}

Test(look, folders_and_links_are_no_members)
{
    struct stage s;
    struct trn_member m = {.name = TRN_STR("d"), .mode = S_IFDIR | 0755};
    begin(&s, (struct trn_limits){0});
    cr_expect_eq(trn_look_member(&s.frame.look, &m), -ECANCELED);
    m.mode = S_IFLNK | 0777;
    cr_expect_eq(trn_look_member(&s.frame.look, &m), -ECANCELED);
    cr_expect_eq(s.told.artifacts, 0);
    end(&s);
}

Test(look, a_part_past_the_end_is_cut_and_said)
{
    struct stage s;
    struct trn_member m = {.name = TRN_STR("overlay")};
    begin(&s, (struct trn_limits){0});
    cr_assert_eq(trn_look_part(&s.frame.look, &m, 90, 50), 0);
    cr_expect_eq(s.told.last.size, 10);
    cr_expect_eq(s.told.last.offset, 90);
    cr_expect(s.told.last.has_offset);
    cr_expect_eq(s.told.gaps, 1);
    cr_assert_eq(trn_look_part(&s.frame.look, &m, UINT64_MAX, 50), 0);
    cr_expect_eq(s.told.last.size, 0);
    end(&s);
}

Test(look, siblings_are_known_by_name_in_any_case_and_traits_below_an_artifact)
{
    struct stage s;
    size_t n;
    begin(&s, (struct trn_limits){0});
    cr_assert_eq(member(&s, "lib/D3DCompiler_47.DLL"), 0);
    cr_assert_eq(trn_look_end(&s.frame.look, 0, NULL), 0);
    cr_expect(trn_look_has_sibling(&s.frame.look, TRN_STR("d3dcompiler_47.dll")));
    cr_expect(!trn_look_has_sibling(&s.frame.look, TRN_STR("d3dcompiler_46.dll")));
    cr_expect(!trn_look_has_sibling(&s.frame.look, TRN_STR_NONE));
    cr_assert_eq(trn_look_trait(&s.frame.look, "pe.signed", TRN_STR("yes")), 0);
    const struct trn_trait *t = trn_look_traits(&s.frame.look, &n);
    cr_assert_eq(n, 1);
    cr_expect(trn_str_eq_c(t->value, "yes"));
    end(&s);
}

/* A member that leaves a trait, as scan.c has it. */
static void leave_trait(struct stage *s, uint32_t id, const char *name)
{
    struct trn_artifact self = {.id = id, .parent = 1, .depth = 1};
    struct trn_look member = s->frame.look;
    cr_assert_eq(trn_sha256(name, strlen(name), self.sha256), 0);
    member.self = &self;
    member.name = trn_str_of(name);
    cr_assert_eq(trn_look_trait(&member, "a.trait", TRN_STR("one")), 0);
    cr_assert_eq(trn_look_trait(&member, "a.trait", TRN_STR("two")), 0);
}

Test(look, findings_of_members_by_a_check_of_the_release_are_told_apart_and_carry_the_members_hash)
{
    static const char *const names[] = {"", "", "a.dll", "b.dll", "c.dll"}; /* by id */
    struct stage s;
    struct trn_finding f;
    uint8_t want[TRN_SHA256_SIZE];
    begin(&s, (struct trn_limits){0});
    memset(s.frame.self.sha256, 7, sizeof(s.frame.self.sha256));
    for (uint32_t id = 2; id <= 4; id++)
        leave_trait(&s, id, names[id]);
    trn_finding_init(&f, trn_check_find(TRN_STR("pe.timestamp-outlier"))); /* nothing in it says of which member */
    for (uint32_t id = 2; id <= 4; id++)
        cr_assert_eq(trn_look_found_in(&s.frame.look, id, &f), 0);
    cr_assert_eq(trn_look_found(&s.frame.look, &f), 0);
    cr_assert_eq(s.told.findings, 4);
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect_eq(s.told.of[i], i + 2);
        cr_assert_eq(trn_sha256(names[i + 2], strlen(names[i + 2]), want), 0);
        cr_expect_arr_eq(s.told.found[i].image_sha256, want, sizeof(want), "of '%s'", names[i + 2]);
        for (uint32_t k = i + 1; k < 4; k++)
            cr_expect_neq(s.told.found[i].id, s.told.found[k].id, "%u and %u", i, k);
    }
    cr_expect_arr_eq(s.told.found[3].image_sha256, s.frame.self.sha256, sizeof(want), "of the release itself");
    end(&s);
}
