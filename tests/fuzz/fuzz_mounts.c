/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any text crash the reader of mountinfo, or make it point outside the text? */
#include "sensor/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    const char *end = text ? text + strlen(text) : NULL;
    struct trn_mounts m;

    if (!text || trn_mounts_parse(text, &m) != 0)
        return 0;
    for (size_t i = 0; i < m.n; i++) {
        if (m.v[i].point < text || m.v[i].point > end || m.v[i].fstype < text || m.v[i].fstype > end)
            abort();
    }
    trn_mounts_done(&m);
    return 0;
}
