/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that were looked at before are told and no more; features are told when somebody wants them, and only good ones. */
#include "inspect/scan_messages.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512u

struct seen {
    char names[16][64];
    uint8_t keys[16][TRN_KNOWN_KEY];
    uint32_t n, features, ended, properties[17];
    int code;
};

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct seen *s = ctx;
    cr_assert_lt(s->n, 16);
    snprintf(s->names[s->n], sizeof(s->names[0]), "%.*s", TRN_STR_ARG(a->name));
    trn_known_key(a->sha256, trn_path_base(a->name), s->keys[s->n]);
    s->n++;
    return 0;
}
static int on_signature(void *ctx, uint64_t job, uint32_t a, const struct trn_signature *sig)
{
    return 0;
}
static int on_property(void *ctx, uint64_t job, uint32_t a, struct trn_str k, struct trn_str v)
{
    ((struct seen *)ctx)->properties[a]++;
    return 0;
}
static int on_finding(void *ctx, uint64_t job, uint32_t a, const struct trn_finding *f)
{
    return 0;
}
static int on_gap(void *ctx, uint64_t job, uint32_t a, const struct trn_gap *g)
{
    return 0;
}
static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    struct seen *s = ctx;
    s->ended++;
    s->code = code;
    return 0;
}
static int on_feature(void *ctx, uint64_t job, uint32_t a, const struct trn_feature *f)
{
    ((struct seen *)ctx)->features++;
    return 0;
}

static struct trn_scan_pool_sink sink_of(struct seen *s)
{
    return (struct trn_scan_pool_sink){on_artifact, on_signature, on_property, on_finding, on_gap,
                                       on_end,      NULL,         s,           on_feature};
}

static void tar_add(int fd, const char *name, const char *text, unsigned mode)
{
    char head[BLOCK] = {0}, body[BLOCK] = {0};
    unsigned sum = 8 * ' ';
    snprintf(head, 100, "%s", name);
    snprintf(head + 100, 8, "%07o", mode);
    snprintf(head + 124, 12, "%011o", (unsigned)strlen(text));
    memcpy(head + 257, "ustar", 6);
    memcpy(head + 263, "00", 2);
    head[156] = '0';
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    memcpy(body, text, strlen(text));
    cr_assert_eq(write(fd, head, BLOCK) + write(fd, body, BLOCK), 2 * BLOCK);
}

#define PACKAGE "{\"name\": \"acme\", \"version\": \"1.0\", \"description\": \"a package\"}\n"

/* A tar of a package.json, the same under its name again, the same under another name, and a setuid script. */
static int release(void)
{
    int fd = memfd_create("release", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    tar_add(fd, "package/package.json", PACKAGE, 0644);
    tar_add(fd, "package/copy/package.json", PACKAGE, 0644);
    tar_add(fd, "package/other.json", PACKAGE, 0644);
    tar_add(fd, "package/run.sh", "#!/bin/sh\necho made up\n", 04755);
    static const char end[2 * BLOCK];
    cr_assert_eq(write(fd, end, sizeof(end)), (ssize_t)sizeof(end));
    return fd;
}

static void look(struct seen *s, bool features, int known)
{
    const struct trn_scan_pool_options o = {.sz = sizeof(o),
                                            .workers = 1,
                                            .rules = -1,
                                            .rules_compiled = -1,
                                            .rules_save = -1,
                                            .indicators = -1,
                                            .features = features};
    const struct trn_scan_pool_sink sink = sink_of(s);
    struct trn_scan_pool *p = NULL;
    struct trn_err err = {0};
    TRN_AUTO(trn_fd_closep) int fd = release();
    cr_assert_eq(trn_scan_pool_new(&o, &sink, &p, &err), 0, "%s", err.message);
    cr_assert_eq(trn_scan_pool_submit_but(p, 7, fd, TRN_STR("release.tar"), 0, known), 0);
    while (!s->ended)
        cr_assert_eq(trn_scan_pool_wait(p, 5000, &err), 0, "%s", err.message);
    trn_scan_pool_free(p);
}

static int known_of(const uint8_t key[TRN_KNOWN_KEY], size_t n)
{
    int fd = memfd_create("known", MFD_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, key, n) == (ssize_t)n);
    return fd;
}

Test(scan_known, features_are_told_only_when_they_are_wanted, .timeout = 60)
{
    struct seen without = {0}, with = {0};
    look(&without, false, -1);
    look(&with, true, -1);
    cr_expect_eq(without.features, 0);
    cr_expect_gt(with.features, 0, "the setuid bit at least");
    cr_expect_eq(without.n, 5);
    cr_expect_eq(with.n, 5);
    cr_expect_gt(without.properties[3], 0, "without features each is looked at");
}

Test(scan_known, a_content_that_comes_again_under_its_name_is_looked_at_once, .timeout = 60)
{
    struct seen s = {0};
    look(&s, true, -1);
    cr_expect_str_eq(s.names[2], "package/copy/package.json");
    cr_expect_gt(s.properties[2], 0);
    cr_expect_eq(s.properties[3], 0, "the same content and name: told, not looked at again");
}

Test(scan_known, what_the_caller_knows_is_told_and_not_looked_at, .timeout = 60)
{
    struct seen first = {0}, second = {0}, other = {0};
    look(&first, true, -1);
    TRN_AUTO(trn_fd_closep) int known = known_of(first.keys[1], TRN_KNOWN_KEY);
    look(&second, true, known);
    cr_expect_eq(second.code, 0);
    cr_expect_eq(second.n, 5);
    cr_expect_eq(second.properties[2], 0);
    cr_expect_eq(memcmp(second.keys[1], first.keys[1], TRN_KNOWN_KEY), 0, "its hash is told all the same");
    TRN_AUTO(trn_fd_closep) int whole = known_of(first.keys[0], TRN_KNOWN_KEY);
    look(&other, true, whole);
    cr_expect_eq(other.n, 1, "a known container is not opened");
}

Test(scan_known, a_list_that_is_none_costs_the_worker_and_not_the_caller, .timeout = 60)
{
    struct seen s = {0};
    static const uint8_t odd[TRN_KNOWN_KEY + 1];
    TRN_AUTO(trn_fd_closep) int known = known_of(odd, sizeof(odd));
    look(&s, true, known);
    cr_expect_lt(s.code, 0);
    cr_expect_eq(s.n, 0);
}

/* One feature item as a worker could send it. */
static int decode(struct seen *s, enum trn_feature_kind kind, size_t key_n, uint32_t artifact)
{
    static char text[TRN_FEATURE_KEY_MAX + 64];
    const struct trn_scan_pool_sink sink = sink_of(s);
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(1 << 16);
    TRN_AUTO(trn_buf_done) struct trn_buf b, item;
    struct trn_scan_state state = {0};
    struct trn_artifact a = {.id = 1, .name = TRN_STR("a")};
    memset(text, 'k', sizeof(text));
    trn_buf_init(&b, 4096);
    trn_buf_init(&item, 4096);
    trn_item_put_artifact(&item, &a);
    trn_put_u8(&b, TRN_ITEM_ARTIFACT);
    trn_put_lstr(&b, trn_buf_str(&item));
    trn_buf_clear(&item);
    trn_put_u32(&item, artifact);
    trn_put_u8(&item, (uint8_t)kind);
    trn_put_lstr(&item, (struct trn_str){text, key_n});
    trn_put_lstr(&item, TRN_STR("value"));
    trn_put_u64(&item, 1);
    trn_put_u64(&item, TRN_FEATURE_NOWHERE);
    trn_put_u8(&b, TRN_ITEM_FEATURE);
    trn_put_lstr(&b, trn_buf_str(&item));
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    return trn_scan_results_decode(&c, 0, &state, arena, &sink);
}

Test(scan_known, a_feature_that_makes_no_sense_is_refused)
{
    struct seen s = {0};
    cr_expect_eq(decode(&s, TRN_FEATURE_IMPORT, 3, 1), 0);
    cr_expect_eq(s.features, 1);
    cr_expect_eq(decode(&s, TRN_FEATURE_NONE, 3, 1), -EPROTO);
    cr_expect_eq(decode(&s, TRN_FEATURE_KIND_MAX, 3, 1), -EPROTO);
    cr_expect_eq(decode(&s, TRN_FEATURE_IMPORT, TRN_FEATURE_KEY_MAX + 1, 1), -EPROTO);
    cr_expect_eq(decode(&s, TRN_FEATURE_IMPORT, 3, 2), -EPROTO, "of an artifact that was not told");
    cr_expect_eq(s.features, 1);
}
