/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any datagram on the netlink socket crash the reader of the packet filter's answers, or keep it busy? */
#include "response/execute/nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_cursor c = trn_cur(data, size);
    struct trn_nft_answer a;
    size_t before;
    int r;

    do {
        before = c.at;
        r = trn_nft_answer_next(&c, &a);
        if (r == 0 && (a.code > 0 || a.name.n > size || a.note.n > size || c.at <= before))
            abort();
    } while (r == 0);
    if (r != -ENODATA && r != -EBADMSG)
        abort();
    return 0;
}
