/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzz targets of signature readers: what they are asked, and what every result must keep to. */
#ifndef TRN_FUZZ_SIGNED_INPUT_H
#define TRN_FUZZ_SIGNED_INPUT_H

#include "signature/signature.h"

static const struct trn_signature_options fuzz_signature_options = {.sz = sizeof(fuzz_signature_options),
                                                                    .now = 1750000000};

/* Places lie in the file. */
static inline void fuzz_places(const struct trn_signed *x, uint64_t size)
{
    for (uint32_t i = 0; i < x->n_places; i++)
        if (x->places[i].at > size || x->places[i].size > size - x->places[i].at)
            abort();
}

#endif
