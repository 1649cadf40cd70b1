/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a made-up diff in the form that is asked for, for the golden tests: diff-page text|all|json|sarif|sbom|html */
#include "made_up_diff.h"

int main(int argc, char **argv)
{
    struct made m = made_diff();
    struct trn_diff_report r = {.diff = m.diff};
    const char *form = argc == 2 ? argv[1] : "";
    int e = 0;
    r.all = strcmp(form, "all") == 0;
    if (r.all || strcmp(form, "text") == 0)
        trn_diff_report_text(&r, stdout, false);
    else if (strcmp(form, "json") == 0)
        trn_diff_report_json(&r, stdout);
    else if (strcmp(form, "sarif") == 0)
        e = trn_diff_report_sarif(&r, stdout);
    else if (strcmp(form, "sbom") == 0)
        e = trn_diff_report_sbom(&r, stdout);
    else if (strcmp(form, "html") == 0)
        e = trn_diff_report_html(&r, stdout);
    else
        e = -EINVAL;
    made_done(&m);
    return e < 0;
}
