/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for results of a scan as the command line reads them back, from a worker or from its cache: the index, the
 * verdict, and every form of output. Nothing that is printed may hold a raw control byte.
 */
#include "cli/scan.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(struct trn_scanned *t, FILE *out)
{
    struct trn_scan_tree tree;
    struct trn_scan_json json;
    struct trn_scan_sarif sarif;
    struct trn_scan_sbom sbom;
    struct trn_scan_sum sum = {0};
    trn_scan_tree_init(&tree, out, false, true);
    trn_scan_json_init(&json, out);
    trn_scan_sarif_init(&sarif, out);
    trn_scan_sbom_init(&sbom, out);
    (void)!trn_scan_tree_file(&tree, t);
    (void)!trn_scan_json_file(&json, t);
    (void)!trn_scan_sarif_file(&sarif, t);
    (void)!trn_scan_sbom_file(&sbom, t);
    trn_scan_sum_add(&sum, t);
    trn_scan_tree_end(&tree, &sum);
    trn_scan_json_end(&json, &sum);
    trn_scan_sarif_end(&sarif, &sum);
    trn_scan_sbom_end(&sbom, &sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_result r;
    struct trn_scanned t = {.path = TRN_STR("a\x1b/b")};
    char *text = NULL;
    size_t n = 0;
    trn_result_init(&r);
    trn_results_init(&t.index);
    trn_result_load(&r, (struct trn_str){(const char *)data, size});
    assert(trn_scanned_judge(&t, &r) == 0);
    assert(t.code == 0 || t.index.n == 0);
    FILE *out = open_memstream(&text, &n);
    assert(out);
    print_all(&t, out);
    fclose(out);
    for (size_t i = 0; i < n; i++)
        assert((unsigned char)text[i] >= 0x20 || text[i] == '\n');
    free(text);
    trn_results_done(&t.index);
    trn_result_done(&r);
    return 0;
}
