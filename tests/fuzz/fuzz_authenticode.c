/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any signed PE crash the reader of its signature, or get places that are not in the file? */
#include "signed_input.h"

static int64_t read_window(void *ctx, uint64_t at, void *dst, size_t n)
{
    struct trn_source s = trn_source_mem(*(const struct trn_str *)ctx);
    return trn_source_read(&s, at, dst, TRN_MIN(n, 4096u));
}

static void look(const struct trn_source *s, struct trn_signed *x)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16 << 20);
    struct trn_pe pe;
    if (a && trn_pe_read(s, a, &pe) == 0 && trn_authenticode_pe(&pe, &fuzz_signature_options, a, x, NULL) == 0)
        fuzz_places(x, s->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str bytes = {(const char *)data, size};
    struct trn_source memory = trn_source_mem(bytes), window = {.size = size, .read = read_window, .ctx = &bytes};
    struct trn_signed x = {0}, y = {0};
    look(&memory, &x);
    look(&window, &y); /* the same by windows */
    if (x.n_places != y.n_places || x.signature.digest != y.signature.digest ||
        x.signature.uncovered_total != y.signature.uncovered_total)
        abort();
    return 0;
}
