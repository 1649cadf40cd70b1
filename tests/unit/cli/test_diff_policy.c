/* SPDX-License-Identifier: Apache-2.0 */
/* Does a policy accept exactly what it names, and is what is wrong in it named with line and key? */
#include "scan_place.h"

#include "made_up_diff.h"

TestSuite(diff_policy, .init = place_make, .fini = place_done, .timeout = 60);

#define HASH_6 "0606060606060606060606060606060606060606060606060606060606060606"
#define ENTRY(check, path, hash, version, expires)                                              \
    "  - check: " check "\n    path: '" path "'\n    sha256: " hash "\n    version: \"" version \
    "\"\n    reason: looked at\n    expires: " expires "\n"

static void wrong(const char *text, const char *words)
{
    struct trn_accepts a;
    struct trn_err err = {0};
    place_put("p.yml", text);
    cr_assert_eq(trn_accepts_read(&a, "p.yml", &err), -EINVAL, "%s", text);
    cr_assert(strstr(err.message, words), "%s: %s", text, err.message);
    trn_accepts_done(&a);
}

Test(diff_policy, errors_name_line_and_key)
{
    wrong("accept:\n  - check: diff.rpath\n", "line 2, column 5: 'path' is missing in this entry");
    wrong("accept:\n  - check: diff.nonsense\n", "line 2, column 12: check: there is no check 'diff.nonsense'");
    wrong("accept:\n  - check: yara.*\n", "there is no check 'yara.*'");
    wrong("accept:\n  - sha256: 12\n", "line 2, column 13: sha256: 64 hexadecimal digits");
    wrong("accept:\n  - expires: 2026-02-30\n", "expires: '2026-02-30' is no day");
    wrong("accept:\n  - until: 1\n", "line 2, column 5: there is no key 'until' here");
    wrong("accept:\n  - path: a\n    path: b\n", "line 3, column 5: 'path' stands there twice");
    wrong("accepted: []\n", "line 1, column 1: there is no such key here");
    wrong("accept: word\n", "'accept' is a list");
    wrong("accept: [\n", "line ");
}

Test(diff_policy, an_empty_file_accepts_nothing)
{
    struct trn_accepts a;
    struct trn_err err = {0};
    place_put("p.yml", "# nothing yet\n");
    cr_assert_eq(trn_accepts_read(&a, "p.yml", &err), 0, "%s", err.message);
    cr_assert_eq(a.list->n, 0);
    trn_accepts_done(&a);
    cr_assert_eq(trn_accepts_read(&a, "none.yml", &err), -ENOENT);
    trn_accepts_done(&a);
}

Test(diff_policy, only_what_fits_in_everything_is_accepted)
{
    static const char *const states[] = {NULL,      "another content", "another content",
                                         "expired", "unmatched",       "unmatched"};
    struct trn_accepts a;
    struct trn_err err = {0};
    struct made m = made_diff();
    struct trn_str why = TRN_STR_NONE;
    const struct trn_change *c = &m.diff->changes[2];
    place_put("p.yml",
              "accept:\n" ENTRY("diff.same-authentihash", "app/d3d*.dll", HASH_6, "1.1", "2500-01-31")
                  ENTRY("diff.same-authentihash", "app/*", HASH_6, "1.2", "2500-01-31")
                      ENTRY("diff.same-authentihash", "*", "07" HASH_6 /* one byte off */, "1.1", "2500-01-31"));
    cr_assert_eq(trn_accepts_read(&a, "p.yml", &err), -EINVAL); /* 66 digits */
    trn_accepts_done(&a);
    place_put("p.yml",
              "accept:\n" ENTRY("diff.same-authentihash", "app/d3d*.dll", HASH_6, "1.1", "2500-01-31")
                  ENTRY("diff.same-authentihash", "app/*", HASH_6, "1.2", "2500-01-31")
                      ENTRY("diff.same-authentihash", "*",
                            "0706060606060606060606060606060606060606060606060606060606060606", "1.1", "2500-01-31")
                          ENTRY("diff.same-authentihash", "app/d3d*.dll", HASH_6, "1.1", "2020-01-31")
                              ENTRY("diff.rpath", "app/d3d*.dll", HASH_6, "1.1", "2500-01-31")
                                  ENTRY("diff.same-authentihash", "lib/d3d*.dll", HASH_6, "1.1", "2500-01-31"));
    err = (struct trn_err){0};
    cr_assert_eq(trn_accepts_read(&a, "p.yml", &err), 0, "%s", err.message);
    a.after = m.after;
    cr_assert(trn_accepts_ask(&a, c, &c->findings[0], &why));
    cr_assert(trn_str_eq_c(why, "looked at"));
    for (uint32_t i = 0; i < TRN_ARRAY_SIZE(states); i++) {
        const char *state = trn_accepts_state(&a, i);
        cr_assert(states[i] ? state && strcmp(state, states[i]) == 0 : state == NULL, "entry %u: %s", i,
                  state ? state : "used");
    }
    c = &m.diff->changes[1];
    cr_assert(!trn_accepts_ask(&a, c, &c->findings[0], &why));
    made_done(&m);
    trn_accepts_done(&a);
}

Test(diff_policy, an_expired_entry_accepts_nothing)
{
    struct trn_accepts a;
    struct trn_err err = {0};
    struct made m = made_diff();
    struct trn_str why = TRN_STR_NONE;
    place_put("p.yml", "accept:\n" ENTRY("diff.same-authentihash", "app/*", HASH_6, "1.1", "2020-02-29"));
    cr_assert_eq(trn_accepts_read(&a, "p.yml", &err), 0, "%s", err.message);
    a.after = m.after;
    cr_assert(!trn_accepts_ask(&a, &m.diff->changes[2], &m.diff->changes[2].findings[0], &why));
    made_done(&m);
    trn_accepts_done(&a);
}
