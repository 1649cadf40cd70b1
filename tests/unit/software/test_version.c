/* SPDX-License-Identifier: Apache-2.0 */
/* Are versions ordered as dpkg orders them? */
#include "software/software.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const char *a, const char *b)
{
    int c = trn_version_compare(trn_str_of(a), trn_str_of(b)), d = trn_version_compare(trn_str_of(b), trn_str_of(a));
    cr_assert_eq(c, -d, "%s and %s: not antisymmetric", a, b);
    return c;
}

Test(version, known_pairs)
{
    static const struct {
        const char *a, *b;
        int want;
    } cases[] = {
        {"1.0", "1.1", -1},
        {"1.0", "1.0", 0},
        {"1.9", "1.10", -1},
        {"1.0", "1.0-1", -1},
        {"1.0-0", "1.0", 0},
        {"1:0.1", "9.9", 1},
        {"0:1", "1", 0},
        {"1.0~rc1", "1.0", -1},
        {"1.0~~", "1.0~", -1},
        {"1.0~", "1.0", -1},
        {"1.0a", "1.0", 1},
        {"1.0a", "1.0+", -1},
        {"1.0+b1", "1.0-1", 1},
        {"1.0.", "1.0a", 1},
        {"007", "7", 0},
        {"2.36-9+deb12u4", "2.36-9+deb12u10", -1},
        {"1-2-3", "1-2-4", -1},
        {"", "0", 0},
        {"a", "", 1},
        {"~", "", -1},
        {"18446744073709551616", "18446744073709551615", 1},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_assert_eq(compare(cases[i].a, cases[i].b), cases[i].want, "%s ? %s", cases[i].a, cases[i].b);
    cr_assert_eq(trn_version_compare(TRN_STR_NONE, TRN_STR("")), 0);
}

static int dpkg_says(const char *a, const char *b)
{
    static const char *const ops[] = {"lt", "eq", "gt"};
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execl("/usr/bin/dpkg", "dpkg", "--force-all", "--compare-versions", a, ops[i], b, (char *)NULL);
            _exit(99);
        }
        int status;
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return i - 1;
    }
    return 99;
}

Test(version, dpkg_agrees_on_random_pairs, .timeout = 60)
{
    static const char alphabet[] = "0019ab~+.-";
    uint64_t x = 88172645463325252ull;
    if (access("/usr/bin/dpkg", X_OK) < 0)
        cr_skip("no dpkg on this machine");
    for (int i = 0; i < 150; i++) {
        char v[2][16];
        for (int k = 0; k < 2; k++) {
            int n = snprintf(v[k], sizeof(v[k]), "%d", (int)(x >> 60) % 3);
            for (int more = (int)(x >> 40) % 6; more >= 0; more--) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                v[k][n++] = alphabet[(x >> 33) % (sizeof(alphabet) - 1)];
            }
            v[k][n++] = '1'; /* dpkg refuses an empty revision */
            v[k][n] = '\0';
        }
        cr_assert_eq(compare(v[0], v[1]), dpkg_says(v[0], v[1]), "%s ? %s", v[0], v[1]);
    }
}
