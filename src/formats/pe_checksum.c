/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the checksum of a PE image and the names of its numbers. Must not own: reading of headers.
 * Hand-offs: none.
 *
 * The checksum is the sum of all 16-bit words with end-around carry, the field itself as zero, plus the size. Such a sum may
 * be taken over 32-bit words into 64 bits and folded at the end: 2^16 is 1 modulo 2^16 - 1.
 */
#include "formats/pe.h"

#include <endian.h>

#define WINDOW 65536u

static uint64_t sum_words(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t w;
        memcpy(&w, p + i, 4);
        sum += le32toh(w);
    }
    for (size_t k = 0; i + k < n; k++) /* the last, shorter word as if zeros followed */
        sum += (uint64_t)p[i + k] << (8 * k);
    return sum;
}

static uint64_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* What the field itself gave to the sum of a window that begins at `at`, a multiple of four. */
static uint64_t sum_field(const struct trn_pe *pe, uint64_t at, const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = pe->checksum_at; i < pe->checksum_at + 4; i++)
        if (i >= at && i - at < n)
            sum += (uint64_t)p[i - at] << (8 * (i % 4));
    return sum;
}

int trn_pe_checksum(const struct trn_pe *pe, uint32_t *ret)
{
    TRN_AUTO(trn_freep) uint8_t *window = pe->bytes.mem ? NULL : malloc(WINDOW);
    uint64_t sum = 0, at = 0;
    if (!pe->bytes.mem && !window)
        return -ENOMEM;
    while (at < pe->bytes.size) {
        size_t n = (size_t)TRN_MIN(pe->bytes.size - at, (uint64_t)WINDOW);
        const uint8_t *p = pe->bytes.mem ? pe->bytes.mem + at : window;
        int64_t got = pe->bytes.mem ? (int64_t)n : trn_source_read(&pe->bytes, at, window, n);
        if (got != (int64_t)n)
            return got < 0 ? (int)got : -EIO;
        sum = fold(sum) + sum_words(p, n) - sum_field(pe, at, p, n);
        at += n;
    }
    *ret = (uint32_t)(fold(sum) + pe->bytes.size);
    return 0;
}

const char *trn_pe_machine_name(uint16_t machine)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        {0x014c, "x86"},      {0x8664, "x86_64"},       {0xaa64, "aarch64"},     {0xa641, "arm64ec"},
        {0xa64e, "arm64x"},   {0x01c0, "arm"},          {0x01c2, "thumb"},       {0x01c4, "armv7"},
        {0x0200, "ia64"},     {0x0ebc, "efi bytecode"}, {0x5032, "riscv32"},     {0x5064, "riscv64"},
        {0x5128, "riscv128"}, {0x6232, "loongarch32"},  {0x6264, "loongarch64"}, {0x0166, "mips"},
        {0x0169, "mips wce"}, {0x0184, "alpha"},        {0x01a2, "sh3"},         {0x01a6, "sh4"},
        {0x01f0, "powerpc"},  {0x9041, "m32r"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "unknown";
}

const char *trn_pe_subsystem_name(uint16_t subsystem)
{
    static const char *const names[] = {
        [1] = "native",
        [2] = "windows gui",
        [3] = "windows console",
        [5] = "os/2 console",
        [7] = "posix console",
        [8] = "native windows",
        [9] = "windows ce",
        [10] = "efi application",
        [11] = "efi boot driver",
        [12] = "efi runtime driver",
        [13] = "efi rom",
        [14] = "xbox",
        [16] = "windows boot application",
    };
    return subsystem < TRN_ARRAY_SIZE(names) && names[subsystem] ? names[subsystem] : "unknown";
}
