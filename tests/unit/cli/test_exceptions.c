/* SPDX-License-Identifier: Apache-2.0 */
/* Does 'turncoat exceptions' end as its caller must know: 2 for what was written wrongly, 3 for what could not be done? */
#include "call.h"
#include "pretend.h"

#define ADD                                                                        \
    "exceptions", "add", "behaviour.beacon", "--software", "acme=1.1", "--sha256", \
        "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f", "--reason", "vendor said so"

TestSuite(cli_exceptions, .timeout = 30);

Test(cli_exceptions, what_the_engine_refuses_as_wrong_is_usage)
{
    static const struct {
        const char *answer;
        int code;
    } answers[] = {
        {"{\"type\":\"error\",\"message\":\"a reason is short\",\"hint\":\"x\",\"code\":\"EINVAL\"}\n", TRN_EXIT_USAGE},
        {"{\"type\":\"error\",\"message\":\"14 days\",\"hint\":\"x\",\"code\":\"ERANGE\"}\n", TRN_EXIT_USAGE},
        {"{\"type\":\"error\",\"message\":\"use sudo\",\"hint\":\"x\",\"code\":\"EPERM\"}\n", TRN_EXIT_UNDECIDED},
        {"{\"type\":\"error\",\"message\":\"64 already\",\"hint\":\"x\",\"code\":\"ENOSPC\"}\n", TRN_EXIT_UNDECIDED},
        {"{\"type\":\"exception\",\"exception\":{\"id\":3}}\n{\"type\":\"end\"}\n", TRN_EXIT_OK},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(answers); i++) {
        ENGINE(e, answers[i].answer);
        struct said s = CALL(ADD, "--state", e.dir);
        cr_expect_eq(s.code, answers[i].code, "%s: %d", answers[i].answer, s.code);
        said_done(&s);
    }
}

Test(cli_exceptions, what_is_wrong_by_itself_asks_nobody)
{
    static const char *const words[][5] = {
        {"exceptions", "bogus"},
        {"exceptions", "list", "all"},
        {"exceptions", "remove"},
        {"exceptions", "remove", "x"},
        {"exceptions", "add", "behaviour.nothing", "--reason", "vendor said so"},
        {"exceptions", "add", "behaviour.beacon", "--reason", "vendor said so"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        const char *argv[8] = {"turncoat"};
        int n = 1;
        for (size_t k = 0; k < 5 && words[i][k]; k++)
            argv[n++] = words[i][k];
        argv[n++] = "--state=/nonexistent";
        struct said s = call(n, argv);
        cr_expect_eq(s.code, TRN_EXIT_USAGE, "%zu: %d %s", i, s.code, s.err);
        cr_expect(strstr(s.err, "\nhint: "), "%zu: %s", i, s.err);
        said_done(&s);
    }
}
