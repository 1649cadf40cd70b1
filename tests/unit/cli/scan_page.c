/* SPDX-License-Identifier: Apache-2.0 */
/* Prints made-up results in the form that is asked for, for the golden tests: scan-page tree|all|json|sarif|sbom|bytes */
#include "made_up.h"

static int show(const char *form, struct trn_scanned *files, size_t n, struct trn_scan_sum *sum)
{
    struct trn_scan_tree tree;
    struct trn_scan_json json;
    struct trn_scan_sarif sarif;
    struct trn_scan_sbom sbom;
    bool all = strcmp(form, "all") == 0, is_tree = all || strcmp(form, "tree") == 0,
         is_json = strcmp(form, "json") == 0;
    bool is_sarif = strcmp(form, "sarif") == 0;
    int e = 0;
    if (is_tree)
        trn_scan_tree_init(&tree, stdout, false, all);
    else if (is_json)
        trn_scan_json_init(&json, stdout);
    else if (is_sarif)
        trn_scan_sarif_init(&sarif, stdout);
    else
        trn_scan_sbom_init(&sbom, stdout);
    for (size_t i = 0; e == 0 && i < n; i++)
        e = is_tree    ? trn_scan_tree_file(&tree, &files[i])
            : is_json  ? trn_scan_json_file(&json, &files[i])
            : is_sarif ? trn_scan_sarif_file(&sarif, &files[i])
                       : trn_scan_sbom_file(&sbom, &files[i]);
    if (is_tree)
        trn_scan_tree_end(&tree, sum);
    else if (is_json)
        trn_scan_json_end(&json, sum);
    else if (is_sarif)
        trn_scan_sarif_end(&sarif, sum);
    else
        trn_scan_sbom_end(&sbom, sum);
    return e;
}

int main(int argc, char **argv)
{
    static void (*const made[])(struct trn_result *) = {made_up_installer, made_up_clean, made_up_cut};
    static const char *const paths[] = {"dist/agent.iso", "dist/notes.txt", "dist/b.gz", "dist/gone\xff",
                                        "dist/locked"};
    struct trn_result results[TRN_ARRAY_SIZE(paths)];
    struct trn_scanned files[TRN_ARRAY_SIZE(paths)] = {0};
    struct trn_scan_sum sum = {0};
    int e = argc == 2 ? 0 : -EINVAL;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(paths); i++) {
        trn_result_init(&results[i]);
        trn_results_init(&files[i].index);
        if (i < TRN_ARRAY_SIZE(made))
            made[i](&results[i]);
        files[i].path = trn_str_of(paths[i]);
        if (i == 3) {
            files[i].code = -EPIPE;
            files[i].why = TRN_STR("its worker crashed (signal 11)");
        }
        if (i == 4) {
            files[i].note = true;
            files[i].code = -EACCES;
            files[i].why = TRN_STR("permission denied");
        }
        e = trn_scanned_judge(&files[i], &results[i]);
        trn_scan_sum_add(&sum, &files[i]);
    }
    if (e == 0 && strcmp(argv[1], "bytes") == 0) /* a seed of tests/fuzz/corpus/told */
        (void)fwrite(results[0].mem.p, 1, results[0].mem.n, stdout);
    if (e == 0 && strcmp(argv[1], "bytes") != 0)
        e = show(argv[1], files, TRN_ARRAY_SIZE(paths), &sum);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths) && argc == 2; i++) {
        trn_results_done(&files[i].index);
        trn_result_done(&results[i]);
    }
    return e < 0;
}
