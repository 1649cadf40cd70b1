/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: telling padding from data. Must not own: what data between parts means. Hand-offs: none. */
#include "artifact/trim.h"

#define WINDOW 4096u

int trn_trim_zeros(const struct trn_source *s, struct trn_range *r)
{
    static const uint8_t zeros[WINDOW];
    uint8_t window[WINDOW];
    uint64_t first = UINT64_MAX, last = 0;
    for (uint64_t done = 0; done < r->size;) {
        size_t n = (size_t)TRN_MIN(r->size - done, (uint64_t)WINDOW);
        int64_t got = trn_source_read(s, r->at + done, window, n);
        if (got != (int64_t)n)
            return got < 0 ? (int)got : -EBADMSG;
        if (memcmp(window, zeros, n) != 0) {
            size_t from = 0, to = n;
            while (!window[from])
                from++;
            while (!window[to - 1])
                to--;
            first = first == UINT64_MAX ? done + from : first;
            last = done + to;
        }
        done += n;
    }
    r->at += first == UINT64_MAX ? 0 : first;
    r->size = first == UINT64_MAX ? 0 : last - first;
    return 0;
}
