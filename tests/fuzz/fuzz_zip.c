/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any zip crash the reader of its two descriptions, hang it or get past the limits? */
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_scan(data, size, "input.zip");
    return 0;
}
