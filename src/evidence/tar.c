/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the archive's blocks: ustar in one canonical form. A header is not interpreted: name, size and time are read,
 * the one header that these can have is made, and every byte must be the same. So no link, device, path, extension or
 * second meaning can hide in it.
 * Must not own: which members there are.
 */
#include "evidence/internal.h"

#include <stdio.h>

#define AT_NAME 0
#define AT_SIZE 124
#define AT_MTIME 136
#define AT_SUM 148
#define OCTAL 11

bool trn_tar_name_ok(struct trn_str name)
{
    bool ok = name.n > 0 && name.n <= TRN_EVIDENCE_NAME && name.p[0] != '.';
    for (size_t i = 0; ok && i < name.n; i++) {
        char c = name.p[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    }
    return ok;
}

static void put(uint8_t *block, size_t at, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block[at + i] = (uint8_t)text[i];
}

static void put_octal(uint8_t *block, size_t at, unsigned digits, uint64_t v)
{
    for (unsigned i = digits; i-- > 0; v >>= 3)
        block[at + i] = (uint8_t)('0' + (v & 7));
}

void trn_tar_header(uint8_t block[TRN_TAR_BLOCK], struct trn_str name, uint64_t size, uint64_t mtime)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < TRN_TAR_BLOCK; i++)
        block[i] = 0;
    put(block, AT_NAME, name.p, TRN_MIN(name.n, (size_t)TRN_EVIDENCE_NAME));
    put(block, 100, "0000644", 7);
    put(block, 108, "0000000", 7);
    put(block, 116, "0000000", 7);
    put_octal(block, AT_SIZE, OCTAL, size);
    put_octal(block, AT_MTIME, OCTAL, mtime);
    put(block, AT_SUM, "        ", 8);
    block[156] = '0'; /* a plain file */
    put(block, 257,
        "ustar\0"
        "00",
        8);
    put(block, 329, "0000000", 7);
    put(block, 337, "0000000", 7);
    for (size_t i = 0; i < TRN_TAR_BLOCK; i++)
        sum += block[i];
    put_octal(block, AT_SUM, 6, sum);
    block[AT_SUM + 6] = 0;
}

static bool read_octal(const uint8_t *block, size_t at, uint64_t *ret)
{
    uint64_t v = 0;
    for (size_t i = at; i < at + OCTAL; i++) {
        if (block[i] < '0' || block[i] > '7')
            return false;
        v = v << 3 | (uint64_t)(block[i] - '0');
    }
    *ret = v;
    return true;
}

static int changed(struct trn_err *err, uint64_t at, const char *what)
{
    return trn_fail(err, -EBADMSG, "changed at byte %llu: %s", (unsigned long long)at, what);
}

/* The block's first byte that is not the one it must be; TRN_TAR_BLOCK: none. */
static size_t first_difference(const uint8_t *a, const uint8_t *b)
{
    size_t i = 0;
    while (i < TRN_TAR_BLOCK && a[i] == b[i])
        i++;
    return i;
}

/* Both zero blocks, and the end of the file. */
static int end_of_archive(struct trn_cursor *c, struct trn_err *err)
{
    for (size_t i = 0; i < TRN_TAR_END; i++) {
        if (trn_cur_left(c) == 0)
            return changed(err, c->at, "the file ends too soon");
        if (trn_cur_u8(c) != 0)
            return changed(err, c->at - 1, "there is something in the end mark, which is zeros");
    }
    return trn_cur_left(c) ? changed(err, c->at, "there are bytes behind the end") : 0;
}

static int padding(struct trn_cursor *c, uint64_t size, struct trn_err *err)
{
    for (size_t i = trn_tar_padding(size); i > 0; i--) {
        if (trn_cur_left(c) == 0)
            return changed(err, c->at, "the file ends too soon");
        if (trn_cur_u8(c) != 0)
            return changed(err, c->at - 1, "there is something between two members, where zeros belong");
    }
    return 0;
}

int trn_tar_next(struct trn_cursor *c, struct trn_tar_entry *ret, struct trn_err *err)
{
    struct trn_tar_entry e = {.at = c->at};
    uint8_t want[TRN_TAR_BLOCK];
    uint64_t size = 0;
    if (trn_cur_left(c) < TRN_TAR_BLOCK)
        return changed(err, c->n, "the file ends too soon");
    const uint8_t *block = c->p + c->at;
    if (block[0] == 0)
        return end_of_archive(c, err);
    size_t n = 0;
    while (n <= TRN_EVIDENCE_NAME && block[n])
        n++;
    e.name = (struct trn_str){(const char *)block, n};
    if (!trn_tar_name_ok(e.name))
        return changed(err, e.at, "a member has a name that a bundle does not have");
    if (!read_octal(block, AT_SIZE, &size) || !read_octal(block, AT_MTIME, &e.mtime))
        return changed(err, e.at + AT_SIZE, "the header of a member is not the one that a bundle has");
    trn_tar_header(want, e.name, size, e.mtime);
    size_t differs = first_difference(block, want);
    if (differs < TRN_TAR_BLOCK)
        return changed(err, e.at + differs, "the header of a member is not the one that a bundle has");
    trn_cur_skip(c, TRN_TAR_BLOCK);
    if (size > trn_cur_left(c))
        return trn_fail(err, -EBADMSG, "changed at byte %llu: the file ends within '%.*s'", (unsigned long long)c->n,
                        TRN_STR_ARG(e.name));
    e.content = trn_cur_bytes(c, (size_t)size);
    int r = padding(c, size, err);
    if (r < 0)
        return r;
    *ret = e;
    return 1;
}
