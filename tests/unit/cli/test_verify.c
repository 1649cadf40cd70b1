/* SPDX-License-Identifier: Apache-2.0 */
/* Does 'turncoat stories --verify' say in words and by its exit code what a bundle is worth, without a daemon? */
#include "../evidence/bundle.h"
#include "call.h"

#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static struct trn_buf bundle;

static void write_file(struct trn_str content)
{
    cr_assert_eq(trn_write_file_atomic(path, content, 0600, NULL), 0);
}

static void set_up(void)
{
    snprintf(path, sizeof(path), "/tmp/trn-verify-%d.tcb", (int)getpid());
    make_bundle(&bundle);
    write_file(trn_buf_str(&bundle));
}

static void tear_down(void)
{
    trn_buf_done(&bundle);
    unlink(path);
}

TestSuite(verify_command, .init = set_up, .fini = tear_down, .timeout = 60);

#define KEY_HEX(name)                                    \
    char name[65];                                       \
    struct trn_evidence_key *name##_ = test_key(1);      \
    trn_hex(trn_evidence_key_public(name##_), 32, name); \
    trn_evidence_key_free(name##_)

Test(verify_command, a_good_one_is_proven_and_what_that_means_is_said)
{
    KEY_HEX(key);
    struct said s = CALL("stories", "--verify", path);
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s%s", s.out, s.err);
    cr_assert(strstr(s.out, "is unchanged since it was signed") && strstr(s.out, key), "%s", s.out);
    cr_assert(strstr(s.out, "id ab01") && strstr(s.out, "malicious 93  acme-softphone 1.1 ran"), "%s", s.out);
    cr_assert(strstr(s.out, "2 events (1 left out)") && strstr(s.out, "turncoat status"), "%s", s.out);
    said_done(&s);
}

Test(verify_command, the_key_that_must_have_signed)
{
    KEY_HEX(key);
    struct said s = CALL("stories", "--verify", path, "--key", key);
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s%s", s.out, s.err);
    said_done(&s);
    key[0] = key[0] == '0' ? '1' : '0';
    s = CALL("stories", "--verify", path, "--key", key);
    cr_assert_eq(s.code, TRN_EXIT_FINDINGS);
    cr_assert(strstr(s.err, "signed by another key") && s.out_n == 0, "%s", s.err);
    said_done(&s);
    s = CALL("stories", "--verify", path, "--key", "1234");
    cr_assert_eq(s.code, TRN_EXIT_USAGE);
    said_done(&s);
}

Test(verify_command, a_changed_one_is_refused_with_what_and_where)
{
    bundle.p[bundle.n - 1024 - 512 + 2] ^= 1; /* in page.txt, the last member */
    write_file(trn_buf_str(&bundle));
    struct said s = CALL("stories", "--verify", path);
    cr_assert_eq(s.code, TRN_EXIT_FINDINGS, "%s%s", s.out, s.err);
    cr_assert(strstr(s.err, "changed between bytes") && strstr(s.err, "'page.txt'") && s.out_n == 0, "%s", s.err);
    said_done(&s);
    s = CALL("stories", "--verify", path, "--json");
    cr_assert_eq(s.code, TRN_EXIT_FINDINGS);
    cr_assert(strstr(s.out, "\"result\": \"changed\"") || strstr(s.out, "\"result\":\"changed\""), "%s", s.out);
    said_done(&s);
}

Test(verify_command, what_is_no_bundle_cannot_be_decided)
{
    write_file(TRN_STR("just a text\n"));
    struct said s = CALL("stories", "--verify", path);
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "%s%s", s.out, s.err);
    cr_assert(strstr(s.err, "no evidence bundle"), "%s", s.err);
    said_done(&s);
    s = CALL("stories", "--verify", "/nonexistent/file");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED);
    said_done(&s);
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    s = CALL("stories", "--verify", path); /* nobody writes: it must not wait */
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED);
    said_done(&s);
}

Test(verify_command, options_that_mean_nothing_together_are_refused)
{
    static const char *const words[][5] = {
        {"7", "--verify", "x"},
        {"7", "--redact"},
        {"7", "--force"},
        {"--key", "00"},
        {"--bundle", "x"},
        {"7", "--bundle", ""},
        {"7", "--bundle", "x", "--verify", "y"},
        {"7", "--bundle=x", "--close=y"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        const char *all[8] = {"turncoat", "stories"};
        int n = 2;
        for (size_t k = 0; k < 5 && words[i][k]; k++)
            all[n++] = words[i][k];
        struct said s = call(n, all);
        cr_assert_eq(s.code, TRN_EXIT_USAGE, "%zu: %d %s", i, s.code, s.err);
        said_done(&s);
    }
}
