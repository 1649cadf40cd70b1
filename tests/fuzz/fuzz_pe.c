/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash a reader of PE tables, make it hold more than it may, or say a place outside of the file? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int64_t read_mem(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *all = ctx;
    memcpy(dst, all->p + at, TRN_MIN(n, all->n - at));
    return (int64_t)TRN_MIN(n, all->n - at);
}

static void read_tables(const struct trn_pe *pe, struct trn_arena *a)
{
    struct trn_pe_imports imports;
    struct trn_pe_exports exports;
    struct trn_pe_resources resources;
    struct trn_pe_version version;
    struct trn_pe_rich rich;
    struct trn_pe_debug debug;
    struct trn_pe_tls tls;
    struct trn_pe_load_config config;
    struct trn_pe_clr clr;
    char hash[33];
    if (trn_pe_imports(pe, a, &imports) == 0)
        must(imports.n_imports <= TRN_PE_IMPORTS_MAX && trn_pe_imphash(&imports, hash) == 0);
    if (trn_pe_exports(pe, a, &exports) == 0)
        must(exports.n <= TRN_PE_EXPORTS_MAX);
    if (trn_pe_resources(pe, a, &resources) == 0) {
        for (uint32_t i = 0; i < resources.n; i++)
            must(resources.list[i].at + resources.list[i].size <= pe->bytes.size);
        if (trn_pe_version(pe, &resources, a, &version) == 0)
            must(version.n <= TRN_PE_VERSION_STRINGS_MAX);
    }
    if (trn_pe_rich(pe, a, &rich) == 0)
        must(rich.n <= TRN_PE_RICH_MAX && rich.at + rich.size <= pe->bytes.size);
    if (trn_pe_debug(pe, a, &debug) == 0)
        must(debug.end <= pe->bytes.size);
    if (trn_pe_tls(pe, a, &tls) == 0)
        must(tls.n_callbacks <= TRN_PE_TLS_CALLBACKS_MAX);
    (void)!trn_pe_load_config(pe, a, &config);
    (void)!trn_pe_clr(pe, a, &clr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_str all = {(const char *)data, size};
    struct trn_source s = trn_source_mem(all);
    struct trn_pe pe;
    struct trn_pe_version version;
    uint32_t sum;
    if (!a)
        return 0;
    if (size && data[size - 1] & 1) /* the same by window */
        s = (struct trn_source){.size = size, .read = read_mem, .ctx = &all};
    if (trn_pe_version_parse(all, a, &version) == 0)
        must(version.n <= TRN_PE_VERSION_STRINGS_MAX);
    if (trn_pe_read(&s, a, &pe) < 0)
        return 0;
    must(pe.image_end <= size && pe.overlay_at + pe.overlay_size <= size && pe.tail_at + pe.tail_size <= size);
    must(pe.n_sections <= TRN_PE_SECTIONS_MAX);
    must(pe.certificates_size ? pe.certificates_at + pe.certificates_size <= size
                              : !pe.certificates_cut || pe.certificates_at >= size);
    must(trn_pe_checksum(&pe, &sum) == 0);
    read_tables(&pe, a);
    return 0;
}
