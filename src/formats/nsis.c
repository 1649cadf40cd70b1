/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the first header of NSIS data and what its first block says about the rest.
 * Must not own: unpacking, the script (nsis_script.c).
 */
#include "formats/nsis.h"

#define FLAG_UNINSTALL 1u
#define FLAG_NO_CRC 4u
#define FLAG_FORCE_CRC 8u
#define COMPRESSED 0x80000000u

static bool is_lzma(const uint8_t *p, size_t n)
{
    /* properties, a dictionary of whole 64 KiB, and LZMA's first byte, which is always 0 */
    return n >= 6 && p[0] == 0x5d && p[1] == 0 && p[2] == 0 && p[5] == 0;
}

static bool is_bzip2(const uint8_t *p, size_t n)
{
    /* a block's mark is one byte here, then the highest byte of a place within 900,000 */
    return n >= 2 && p[0] == 0x31 && p[1] < 14;
}

enum trn_nsis_method trn_nsis_method_of(const uint8_t *p, size_t n)
{
    return is_lzma(p, n) ? TRN_NSIS_LZMA : is_bzip2(p, n) ? TRN_NSIS_BZIP2 : TRN_NSIS_DEFLATE;
}

/* Nothing says it outright. A block by itself begins with its size, of which the highest bit is set when it is compressed. */
static void guess(struct trn_nsis *h, const uint8_t *p, size_t n)
{
    struct trn_cursor c = trn_cur(p, n);
    uint32_t size = trn_cur_u32le(&c);
    uint64_t room = h->data_end - TRN_NSIS_FIRST_HEADER;
    bool fits = !c.bad && (size & COMPRESSED) && (size & ~COMPRESSED) + 4ull <= room && (size & ~COMPRESSED) > 0;
    h->method = trn_nsis_method_of(p, n);
    h->solid = h->method == TRN_NSIS_LZMA || (size != h->script_size && !fits);
    if (!h->solid && n > 4)
        h->method = trn_nsis_method_of(p + 4, n - 4);
}

int trn_nsis_read(const struct trn_source *s, struct trn_nsis *ret, struct trn_err *err)
{
    uint8_t raw[TRN_NSIS_FIRST_HEADER + 16];
    int64_t n = trn_source_read(s, 0, raw, sizeof(raw));
    struct trn_nsis h = {0};
    if (n < 0)
        return trn_fail(err, (int)n, "cannot read the header: %s", trn_errno_name((int)n));
    struct trn_cursor c = trn_cur(raw, (size_t)n);
    h.flags = trn_cur_u32le(&c);
    struct trn_str mark = trn_cur_bytes(&c, 16);
    h.script_size = trn_cur_u32le(&c);
    h.size = trn_cur_u32le(&c);
    if (mark.n != 16 || memcmp(mark.p, "\xef\xbe\xad\xdeNullsoftInst", 16) != 0)
        return trn_fail(err, -ENOEXEC, "no NSIS installer");
    h.uninstaller = h.flags & FLAG_UNINSTALL;
    h.has_crc = !(h.flags & FLAG_NO_CRC) || h.flags & FLAG_FORCE_CRC;
    if (c.bad || h.size < TRN_NSIS_FIRST_HEADER + (h.has_crc ? 4u : 0u))
        return trn_fail(err, -EBADMSG, "the first header of the NSIS installer makes no sense");
    h.data_end = TRN_MIN(h.size - (h.has_crc ? 4u : 0u), s->size);
    if (h.data_end < TRN_NSIS_FIRST_HEADER)
        return trn_fail(err, -EBADMSG, "the NSIS installer ends in its first header");
    guess(&h, raw + TRN_NSIS_FIRST_HEADER, (size_t)n - TRN_NSIS_FIRST_HEADER);
    *ret = h;
    return 0;
}

const char *trn_nsis_method_name(enum trn_nsis_method m)
{
    static const char *const names[TRN_NSIS_METHOD_MAX] = {"deflate", "bzip2", "lzma"};
    return (unsigned)m < TRN_NSIS_METHOD_MAX ? names[m] : "unknown";
}
