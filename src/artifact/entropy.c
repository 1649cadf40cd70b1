/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: Shannon's entropy of bytes: H = - sum over values of p(v) log2 p(v), in thousandths of a bit per byte.
 * Four tables side by side, since equal bytes in a row would otherwise wait for one counter.
 */
#include "artifact/internal.h"

#include <math.h>

void trn_histogram_add(uint64_t counts[256], const uint8_t *p, size_t n)
{
    while (n) {
        uint32_t t[4][256] = {0};
        size_t part = TRN_MIN(n, (size_t)1 << 30), i = 0;
        for (; i + 4 <= part; i += 4) {
            t[0][p[i]]++;
            t[1][p[i + 1]]++;
            t[2][p[i + 2]]++;
            t[3][p[i + 3]]++;
        }
        for (; i < part; i++)
            t[0][p[i]]++;
        for (size_t v = 0; v < 256; v++)
            counts[v] += (uint64_t)t[0][v] + t[1][v] + t[2][v] + t[3][v];
        p += part;
        n -= part;
    }
}

uint32_t trn_histogram_entropy(const uint64_t counts[256], uint64_t n)
{
    double h = 0;
    for (size_t v = 0; v < 256 && n; v++) {
        double p = (double)counts[v] / (double)n;
        if (counts[v])
            h -= p * log2(p);
    }
    return (uint32_t)(h * 1000.0 + 0.5);
}
