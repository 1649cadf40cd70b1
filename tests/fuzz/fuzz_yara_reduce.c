/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files by whoever wrote them: what is left out leaves length and line breaks as they were. First byte: which set. */
#include "artifact/yara_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the line breaks stand, as one number. */
static uint64_t lines_of(const char *text)
{
    uint64_t h = 0;
    for (size_t i = 0; text[i]; i++)
        if (text[i] == '\n' || text[i] == '\r')
            h = trn_hash64_mix(h, i);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *reduced = NULL;
    struct trn_yara_names quiet = {0};
    if (size < 1)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = text[i] ? text[i] : ' '; /* a file with a NUL byte is refused before */
    if (trn_yara_reduce(text, size - 1, (enum trn_yara_set)(data[0] % TRN_YARA_SETS), &reduced, &quiet) < 0 && reduced)
        abort();
    if (reduced && (strlen(reduced) != strlen(text) || lines_of(reduced) != lines_of(text)))
        abort();
    for (size_t i = 0; i < quiet.n; i++)
        if (quiet.v[i].p < text || quiet.v[i].p + quiet.v[i].n > text + size)
            abort();
    free(quiet.v);
    free(reduced);
    free(text);
    return 0;
}
