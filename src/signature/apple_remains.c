/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one question: are the bytes behind a signature a part of an earlier one that was written over? A linker signs what it
 * makes, its hashes end the signature; who signs again with a shorter one and does not blank the room leaves them there. They
 * are known for what they are: each is the hash of a page of this very file, page after page; the first may be cut off by the
 * new signature, the last by the end of the room.
 * Must not: believe anything that is not such a hash.
 */
#include "signature/apple_internal.h"

#include <openssl/evp.h>

#define HASH 32u
#define PAGE_MAX 16384u
#define ANCHOR (3 * HASH - 1) /* has two whole hashes, wherever they begin */

struct remains {
    const struct trn_source *s;
    uint64_t from, to, room_end; /* [from, to): from the end of the signature to the last byte that is not zero */
    uint64_t limit;              /* of the pages */
    uint32_t page;
    EVP_MD *md;
    uint8_t window[PAGE_MAX];
    uint8_t anchor[ANCHOR];
    uint8_t hash[EVP_MAX_MD_SIZE];
};

static void remains_done(struct remains **r)
{
    if (*r)
        EVP_MD_free((*r)->md);
    free(*r);
}

/* Empty parts that a signer puts behind the hashes: requirements, no CMS. */
static void strip_tail(struct remains *r)
{
    static const struct {
        const char *bytes;
        uint32_t n;
    } tails[] = {{"\xfa\xde\x0b\x01\0\0\0\10", 8}, {"\xfa\xde\x0c\x01\0\0\0\14\0\0\0\0", 12}};
    char raw[12];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tails); i++)
        if (r->to - r->from >= tails[i].n &&
            trn_source_read(r->s, r->to - tails[i].n, raw, tails[i].n) == (int64_t)tails[i].n &&
            memcmp(raw, tails[i].bytes, tails[i].n) == 0)
            r->room_end = r->to -= tails[i].n;
}

static bool hash_page(struct remains *r, uint64_t number)
{
    uint64_t at = number * r->page;
    if (at >= r->limit)
        return false;
    size_t size = (size_t)TRN_MIN((uint64_t)r->page, r->limit - at);
    return trn_source_read(r->s, at, r->window, size) == (int64_t)size &&
           EVP_Digest(r->window, size, r->hash, NULL, r->md, NULL) == 1;
}

/* Some page whose hash stands whole in the first bytes: which, and where. */
static bool find_anchor(struct remains *r, uint64_t *ret_page, uint64_t *ret_at)
{
    for (uint64_t number = 0; hash_page(r, number); number++) {
        const uint8_t *p = memmem(r->anchor, ANCHOR, r->hash, HASH);
        if (p) {
            *ret_page = number;
            *ret_at = r->from + (uint64_t)(p - r->anchor);
            return true;
        }
    }
    return false;
}

/* Is the part [at, at + n) the part [skip, skip + n) of this page's hash? */
static bool is_hash(struct remains *r, uint64_t number, uint64_t at, size_t n, size_t skip)
{
    uint8_t there[HASH];
    return hash_page(r, number) && trn_source_read(r->s, at, there, n) == (int64_t)n &&
           memcmp(there, r->hash + skip, n) == 0;
}

static bool are_hashes(struct remains *r)
{
    uint64_t first = 0, at = 0;
    if (!find_anchor(r, &first, &at))
        return false;
    uint64_t page = first;
    for (uint64_t end = at; end > r->from;) { /* what stands before it */
        size_t n = (size_t)TRN_MIN(end - r->from, (uint64_t)HASH);
        if (page-- == 0 || !is_hash(r, page, end - n, n, HASH - n))
            return false;
        end -= n;
    }
    for (page = first; at < r->to; page++) { /* it and what stands behind it */
        size_t n = (size_t)TRN_MIN(r->room_end - at, (uint64_t)HASH);
        if (!is_hash(r, page, at, n, 0))
            return false;
        at += n;
    }
    return true;
}

bool trn_apple_remains(const struct trn_source *s, uint64_t limit, uint64_t from, uint64_t to, uint64_t room_end)
{
    static const uint32_t pages[] = {4096, PAGE_MAX};
    TRN_AUTO(remains_done) struct remains *r = calloc(1, sizeof(*r));
    if (!r || to > room_end || room_end > s->size || from > to || to - from < ANCHOR ||
        !(r->md = EVP_MD_fetch(NULL, "sha256", NULL)))
        return false;
    r->s = s;
    r->from = from;
    r->to = to;
    r->room_end = room_end;
    r->limit = limit;
    strip_tail(r);
    if (trn_source_read(s, from, r->anchor, ANCHOR) != ANCHOR)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(pages); i++) {
        r->page = pages[i];
        if (are_hashes(r))
            return true;
    }
    return false;
}
