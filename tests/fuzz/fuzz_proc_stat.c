/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any text crash the reader of /proc/PID/stat, which a program's name is part of? */
#include "response/execute/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_stat s = {.pid = 7};

    if (trn_stat_parse((struct trn_str){(const char *)data, size}, &s) != 0 && s.pid != 7)
        abort();
    return 0;
}
