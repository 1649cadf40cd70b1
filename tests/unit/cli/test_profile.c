/* SPDX-License-Identifier: Apache-2.0 */
/* Does a person see what a software always did, and what is new? */
#include "cli/profile.h"

#include <criterion/criterion.h>

static const char PROFILE[] =
    "{\"name\":\"acme-softphone\",\"origin\":\"dpkg\",\"runs\":44,\"days\":13,\"maturity\":0.89,\"mature\":true,"
    "\"n_versions\":2,\"forgotten\":0,\"versions\":["
    "{\"version\":\"1.0\",\"since\":\"2026-11-01T07:01:00Z\",\"runs\":41,\"days\":12,\"drift\":0,\"usual_drift\":0},"
    "{\"version\":\"1.1\",\"since\":\"2026-11-13T07:01:00Z\",\"runs\":3,\"days\":1,\"drift\":31.25,\"usual_drift\":4,"
    "\"current\":true}],\"features\":["
    "{\"words\":\"talks to acme.example\",\"first\":\"2026-11-01T07:01:00Z\",\"last\":\"2026-11-13T09:00:00Z\","
    "\"runs\":44,\"state\":\"ordinary\",\"new\":false},"
    "{\"words\":\"talks to raw.\\u001b[31mexample\",\"first\":\"2026-11-13T08:00:00Z\","
    "\"last\":\"2026-11-13T09:00:00Z\",\"runs\":2,\"state\":\"waiting\",\"new\":true}]}";

Test(cli_profile, history_then_what_is_new_then_the_rest)
{
    char *text = NULL;
    size_t n;
    json_t *p = json_loads(PROFILE, 0, NULL);
    cr_assert_not_null(p);
    setenv("TZ", "UTC", 1);
    FILE *out = open_memstream(&text, &n);
    struct trn_cli cli = {.out = out, .err = out};
    trn_print_profile(&cli, p);
    fclose(out);
    cr_assert_str_eq(text, "\n"
                           "Profile of acme-softphone (dpkg): 44 runs on 13 days, 2 versions; history enough to say "
                           "what is new (maturity 0.89)\n"
                           "\n"
                           "version  since            runs  days  drift  usual\n"
                           "1.0      01 Nov 07:01:00    41    12      -      -\n"
                           "1.1      13 Nov 07:01:00     3     1   31.2    4.0  ran last\n"
                           "\n"
                           "new in this version           first            last             runs  state\n"
                           "talks to raw.\\x1b[31mexample  13 Nov 08:00:00  13 Nov 09:00:00     2  waiting\n"
                           "\n"
                           "what it does           first            last             runs  state\n"
                           "talks to acme.example  01 Nov 07:01:00  13 Nov 09:00:00    44  ordinary\n");
    free(text);
    json_decref(p);
}
