/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any list of indicators (CSV or STIX) confuse the parser, or give a value that a set refuses? */
#include "detect/detect.h"

static int on_indicator(void *ctx, const struct trn_indicator *i)
{
    if (trn_indicators_add(ctx, i))
        abort(); /* what the parser lets through is in normal form */
    return 0;
}

static int on_bad(void *ctx, uint64_t line, struct trn_str why)
{
    (void)ctx;
    if (line == 0 || why.n == 0)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_indicators *x, *again;
    struct trn_buf bytes;
    if (trn_indicators_new(&x))
        return 0;
    struct trn_indicator_sink sink = {on_indicator, on_bad, x};
    (void)!trn_indicators_parse((struct trn_str){(const char *)data, size}, &sink, NULL);
    if (trn_indicators_seal(x))
        abort();
    trn_buf_init(&bytes, 1 << 24);
    if (!trn_indicators_save(x, &bytes)) {
        if (trn_indicators_load(trn_buf_str(&bytes), &again, NULL) ||
            trn_indicators_count(again) != trn_indicators_count(x))
            abort();
        trn_indicators_free(again);
    }
    trn_buf_done(&bytes);
    trn_indicators_free(x);
    return 0;
}
