/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any installer database crash the reader of its tables, or give a text outside of its pool? */
#include "formats/formats.h"
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_table(const struct trn_msi *m, const char *name)
{
    static const char *const columns[] = {"File",   "FileName", "FileSize", "Type",
                                          "Target", "Value",    "Table",    "Cabinet"};
    struct trn_msi_table t;
    if (trn_msi_table(m, name, &t) < 0)
        return;
    for (uint32_t row = 0; row < TRN_MIN(t.rows, 200u); row++) {
        for (size_t i = 0; i < TRN_ARRAY_SIZE(columns); i++) {
            int32_t number;
            struct trn_str s = trn_msi_long_name(trn_msi_text(&t, row, columns[i]));
            if (!trn_str_is_none(s) && s.n && trn_hash64(s.p, s.n) == 1)
                abort(); /* all of it was read */
            (void)trn_msi_number(&t, row, columns[i], &number);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tables[] = {"File", "Property", "CustomAction", "Media", "Component", "Binary"};
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16u << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_ole2_summary summary;
    struct trn_ole2 *o;
    struct trn_msi *m;
    (void)trn_msi_probe(&s);
    if (!a || trn_ole2_open(&s, a, &o, NULL) < 0)
        return 0;
    if (trn_ole2_read_summary(o, a, &summary) == 0 && summary.title.n && trn_hash64_str(summary.title) == 1)
        abort();
    if (trn_msi_open(o, a, &m, NULL) < 0)
        return 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tables); i++)
        read_table(m, tables[i]);
    fuzz_scan(data, size, "a.msi");
    return 0;
}
