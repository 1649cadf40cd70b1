/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the stable 64-bit hash and hex text.
 * Must not: need libcrypto (see hash_digest.c), or depend on machine, run or seed.
 */
#include "base/hash.h"

#include <endian.h>
#include <xxhash.h>

uint64_t trn_hash64(const void *p, size_t n)
{
    return XXH3_64bits(n ? p : "", n);
}

uint64_t trn_hash64_str(struct trn_str s)
{
    return trn_hash64(s.p, s.n);
}

uint64_t trn_hash64_mix(uint64_t h, uint64_t v)
{
    uint64_t both[2] = {htole64(h), htole64(v)};
    return XXH3_64bits(both, sizeof(both));
}

void trn_hex(const void *p, size_t n, char *dst)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        dst[2 * i] = digits[bytes[i] >> 4];
        dst[2 * i + 1] = digits[bytes[i] & 15];
    }
    dst[2 * n] = '\0';
}

/* 16 for what is no hex digit. */
static unsigned nibble(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 16;
}

int trn_unhex(struct trn_str s, void *dst, size_t n)
{
    uint8_t *out = dst;
    if (!s.p || n > SIZE_MAX / 2 || s.n != 2 * n)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (nibble(s.p[i]) > 15)
            return -EINVAL;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(nibble(s.p[2 * i]) << 4 | nibble(s.p[2 * i + 1]));
    return 0;
}
