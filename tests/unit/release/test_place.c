/* SPDX-License-Identifier: Apache-2.0 */
/* A content that was known before stands at another place, or has other rights: what that tells is not known with it. */
#include "release/compare_text.h"
#include "told_releases.h"

struct keys {
    struct trn_buf b;
};

static bool is_known(void *ctx, const struct trn_artifact *a, struct trn_str name)
{
    const struct keys *k = ctx;
    uint8_t key[TRN_KNOWN_KEY];
    trn_known_key(a->sha256, name, key);
    for (size_t i = 0; i + TRN_KNOWN_KEY <= k->b.n; i += TRN_KNOWN_KEY)
        if (memcmp(k->b.p + i, key, TRN_KNOWN_KEY) == 0)
            return true;
    return false;
}

/* As a folder of files, each scanned by itself; what other knows is not looked at again. */
static struct trn_release *folder_of(const struct packed *files, const struct trn_release *other)
{
    struct keys k;
    struct trn_scan_options so = {.sz = sizeof(so), .scratch = -1, .features = true};
    struct trn_release_options ro = {.sz = sizeof(ro), .label = TRN_STR("x"), .other = other};
    struct trn_release *r = NULL;
    trn_buf_init(&k.b, 1u << 20);
    if (other) {
        cr_assert_eq(trn_release_keys(other, &k.b), 0);
        so.known = is_known;
        so.known_ctx = &k;
    }
    cr_assert_eq(trn_release_new(&ro, &r), 0);
    for (uint32_t i = 0; files[i].path; i++) {
        struct trn_source source = trn_source_mem(trn_str_of(files[i].text));
        uint32_t file;
        cr_assert_eq(trn_release_file(r, trn_str_of(files[i].path), &file), 0);
        cr_assert_eq(file, 0, "one file a release: its number is what the sink says");
        struct trn_scan_sink sink = {to_artifact, to_signature, to_property, to_finding, to_gap, r, to_feature};
        cr_assert_eq(trn_scan_run(&source, trn_str_of(files[i].path), files[i].mode, &so, &sink, NULL), 0);
    }
    cr_assert_eq(trn_release_finish(r), 0);
    trn_buf_done(&k.b);
    return r;
}

#define SCRIPT "#!/bin/sh\ncurl -s https://a.test/x\n"
#define JOB "* * * * * root /usr/bin/x\n"

static void expect(const char *path, const char *text, unsigned mode, const char *to, unsigned to_mode,
                   const char *want)
{
    struct packed before[] = {{path, text, 0, mode}, {NULL, NULL, 0, 0}};
    struct packed after[] = {{to, text, 0, to_mode}, {NULL, NULL, 0, 0}};
    TRN_AUTO(told_diff_done) struct told_diff t;
    struct trn_release *a = folder_of(before, NULL), *b = folder_of(after, a);
    diff_of(&t, a, b, "diff.");
    cr_expect(trn_str_eq_c(trn_buf_str(&t.lines), want), "%s %o -> %s %o: told\n%s\nnot\n%s", path, mode, to, to_mode,
              trn_buf_str(&t.lines).p, want);
}

Test(place, rights_of_a_content_that_is_known)
{
    expect("usr/bin/x", SCRIPT, 0755, "usr/bin/x", 04755, "diff.privilege 40 x\n");
    expect("usr/bin/x", SCRIPT, 04755, "usr/bin/x", 04755, "");
    expect("usr/bin/x", SCRIPT, 04755, "usr/bin/x", 0755, "");
    expect("usr/bin/x", SCRIPT, 0755, "usr/bin/x", 0750, "");
}

Test(place, where_things_are_started_from)
{
    expect("usr/share/x/job", JOB, 0644, "etc/cron.d/job", 0644, "diff.autostart 29 job\n");
    expect("etc/cron.d/job", JOB, 0644, "etc/cron.d/job", 0644, "");
    expect("etc/cron.d/job", JOB, 0644, "usr/share/x/job", 0644, "");
    expect("usr/share/x/job", JOB, 0644, "usr/share/y/job", 0644, "");
}

/* The rights of the old one are not taken over with its content: the next comparison would take them for old. */
Test(place, rights_that_were_lost_are_not_remembered)
{
    struct packed set[] = {{"usr/bin/x", SCRIPT, 0, 04755}, {NULL, NULL, 0, 0}};
    struct packed plain[] = {{"usr/bin/x", SCRIPT, 0, 0755}, {NULL, NULL, 0, 0}};
    TRN_AUTO(trn_release_freep) struct trn_release *a = folder_of(set, NULL);
    TRN_AUTO(trn_release_freep) struct trn_release *b = folder_of(plain, a);
    const struct trn_release_member *m = trn_release_at(b, 0);
    cr_expect_null(trn_member_feature(m, TRN_FEATURE_PRIVILEGE, TRN_STR_NONE, TRN_STR_NONE));
    cr_expect_not_null(trn_member_feature(m, TRN_FEATURE_CALL, TRN_STR("network"), TRN_STR("curl")));
}

/* The same content and mode, other capabilities. */
Test(place, file_capabilities_alone_are_a_change)
{
    struct packed file[] = {{"usr/bin/x", SCRIPT, 0, 0755}, {NULL, NULL, 0, 0}};
    static const char *const sets[] = {NULL, "cap_net_raw=ep", "cap_sys_admin=ep"};
    static const struct {
        size_t before, after;
        const char *want;
    } cases[] = {{0, 1, "diff.privilege 40 x\n"}, {1, 2, "diff.privilege 40 x\n"}, {1, 1, ""}, {1, 0, ""}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_release *r[2];
        TRN_AUTO(told_diff_done) struct told_diff t;
        for (size_t k = 0; k < 2; k++) {
            const char *set = sets[k ? cases[i].after : cases[i].before];
            struct trn_release_options ro = {.sz = sizeof(ro), .label = TRN_STR("x")};
            struct trn_artifact a = {.id = 1, .name = trn_str_of(file->path), .format = TRN_FORMAT_SHELL, .size = 9};
            struct trn_feature f = {TRN_FEATURE_PRIVILEGE, TRN_STR("capability"), trn_str_of(set), 1,
                                    TRN_FEATURE_NOWHERE};
            uint32_t number;
            cr_assert_eq(trn_release_new(&ro, &r[k]), 0);
            cr_assert_eq(trn_release_file(r[k], trn_str_of(file->path), &number), 0);
            cr_assert_eq(trn_release_artifact(r[k], number, &a), 0);
            if (set)
                cr_assert_eq(trn_release_feature(r[k], number, 1, &f), 0);
            cr_assert_eq(trn_release_finish(r[k]), 0);
        }
        diff_of(&t, r[0], r[1], "diff.");
        cr_expect(trn_str_eq_c(trn_buf_str(&t.lines), cases[i].want), "%zu: %s", i, t.lines.p);
    }
}
