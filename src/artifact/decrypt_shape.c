/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the shapes that code and tables of common ciphers have: AES tables and instructions, the constant of ChaCha and
 * Salsa, the loops of RC4 as compilers write them for x86. Must not own: what follows from one.
 * Hand-offs: none.
 *
 * RC4 has no constant. What is told is two comparisons with 256 close together (the loops that fill and shuffle its table)
 * or two remainders by 256 of signed numbers, with byte loads, byte stores into tables and an XOR around them. A compiler
 * that turns a loop into vector code hides it.
 */
#include "artifact/check_pe.h"

#define NEAR 192u   /* from one loop's end to the other's */
#define BEHIND 384u /* code behind them */

static const struct {
    const char *bytes;
    uint8_t n;
    bool in_code;
    const char *what;
} tables[] = {
    {"\x63\x7c\x77\x7b\xf2\x6b\x6f\xc5\x30\x01\x67\x2b\xfe\xd7\xab\x76", 16, false, "AES table"},
    {"\x52\x09\x6a\xd5\x30\x36\xa5\x38\xbf\x40\xa3\x9e\x81\xf3\xd7\xfb", 16, false, "AES table"},
    {"\xa5\x63\x63\xc6\x84\x7c\x7c\xf8", 8, false, "AES table"},
    {"expand 32-byte k", 16, false, "ChaCha constant"},
    {"\x66\x0f\x38\xde", 4, true, "AES instruction"},
};

/* The operand is an element of a table: base and index, or a register and a far place that is none of the stack's. */
static bool is_element(const uint8_t *p)
{
    uint8_t mode = p[0] >> 6, base = p[0] & 7;
    if (mode == 3)
        return false;
    return base == 4 ? (p[1] >> 3 & 7) != 4 : mode == 2 && base != 5;
}

static bool is_stream(const uint8_t *p, size_t n)
{
    uint32_t loads = 0, stores = 0, xors = 0;
    for (size_t i = 0; i + 3 < n; i++) {
        loads += p[i] == 0x0f && p[i + 1] == 0xb6;
        stores += p[i] == 0x88 && is_element(p + i + 1);
        xors += (p[i] >= 0x30 && p[i] <= 0x33);
    }
    return loads >= 4 && stores >= 2 && xors;
}

/* Is the number at i what a comparison (or a bitwise AND) with it takes? */
static bool is_operand(const uint8_t *p, size_t i, uint8_t short_op, uint8_t modrm)
{
    return (i >= 1 && p[i - 1] == short_op) || (i >= 2 && p[i - 2] == 0x81 && (p[i - 1] & 0xf8) == modrm);
}

static bool loops_of_rc4(struct trn_str code, const char *number, bool is_compare, size_t *ret_at)
{
    const uint8_t *p = (const uint8_t *)code.p;
    size_t last = SIZE_MAX;
    for (const char *at = code.p; (at = memmem(at, code.n - (size_t)(at - code.p), number, 4)); at++) {
        size_t i = (size_t)(at - code.p);
        if (!is_operand(p, i, is_compare ? 0x3d : 0x25, is_compare ? 0xf8 : 0xe0))
            continue;
        if (last != SIZE_MAX && i - last < NEAR && is_stream(p + last, TRN_MIN(code.n - last, i - last + BEHIND))) {
            *ret_at = last;
            return true;
        }
        last = i;
    }
    return false;
}

const char *trn_decrypts(struct trn_str bytes, bool is_code, size_t *ret_at)
{
    if (is_code && (loops_of_rc4(bytes, "\x00\x01\x00\x00", true, ret_at) ||
                    loops_of_rc4(bytes, "\xff\x00\x00\x80", false, ret_at)))
        return TRN_SHAPE_RC4;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tables); i++) {
        const char *p = tables[i].in_code && !is_code ? NULL : memmem(bytes.p, bytes.n, tables[i].bytes, tables[i].n);
        if (p) {
            *ret_at = (size_t)(p - bytes.p);
            return tables[i].what;
        }
    }
    return NULL;
}
