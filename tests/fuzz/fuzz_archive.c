/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any tar, cpio, 7z, iso, xar, ar or compressed stream crash its reader, hang it or get past the limits? */
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_scan(data, size, "input");
    return 0;
}
