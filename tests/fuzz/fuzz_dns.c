/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any message crash the DNS parser, or make it break its promises? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(1 << 16);
    struct trn_cursor c = trn_cur(data, size);
    struct trn_dns dns;

    if (a == NULL || trn_dns_parse(&c, a, &dns) < 0)
        return 0;
    if (dns.name.n == 0 || dns.name.n > 510 || (dns.answers.n && dns.answers.p[dns.answers.n - 1] != 0))
        abort();
    if (trn_cur_left(&c) != 0 || (!dns.answer && dns.answers.n))
        abort();
    return 0;
}
