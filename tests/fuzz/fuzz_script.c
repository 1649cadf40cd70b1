/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the first bytes of any file confuse the script line or the kind of file? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str head = {(const char *)data, size};
    struct trn_script s;

    if (trn_script_parse(head, &s)) {
        if (s.interp.n == 0 || s.interp.n > TRN_SCRIPT_LINE_MAX || s.program.n > TRN_SCRIPT_LINE_MAX)
            abort();
        if (trn_format_of(head) != TRN_FORMAT_SCRIPT)
            abort();
    }
    return trn_format_name(trn_format_of(head)) == NULL;
}
