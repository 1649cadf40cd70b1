/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: code directories: their fields, their page hashes over the file. Must not own: who signed them (apple_cms.c).
 * Hand-offs: views into the blob.
 */
#include "signature/apple_internal.h"

#include <openssl/evp.h>

#define MAGIC 0xfade0c02u
#define SCATTER_VERSION 0x20100u
#define TEAM_VERSION 0x20200u
#define LIMIT64_VERSION 0x20300u
#define RUNTIME_VERSION 0x20500u
#define WINDOW (256u << 10)

static const struct {
    const char *name; /* of OpenSSL */
    uint8_t size;     /* of the stored hash */
} hashes[] = {
    [1] = {"sha1", 20},
    [2] = {"sha256", 32},
    [3] = {"sha256", 20}, /* cut */
    [4] = {"sha384", 48},
};

static void free_md(EVP_MD **md)
{
    EVP_MD_free(*md);
}
static void free_ctx(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

static struct trn_str text_at(struct trn_str blob, uint32_t at)
{
    struct trn_cursor c = trn_cur_of(blob);
    trn_cur_seek(&c, at);
    return at ? trn_cur_until(&c, '\0', 1024) : TRN_STR_NONE;
}

int trn_apple_directory(struct trn_str blob, uint32_t slot, struct trn_apple_directory *ret)
{
    struct trn_apple_directory d = {.slot = slot, .bytes = blob};
    struct trn_cursor c = trn_cur_of(blob);
    uint32_t magic = trn_cur_u32be(&c);
    trn_cur_skip(&c, 4);
    d.version = trn_cur_u32be(&c);
    d.flags = trn_cur_u32be(&c);
    d.hashes_at = trn_cur_u32be(&c);
    uint32_t identifier = trn_cur_u32be(&c), team = 0, scatter = 0;
    d.n_special = trn_cur_u32be(&c);
    d.n_code = trn_cur_u32be(&c);
    d.code_limit = trn_cur_u32be(&c);
    d.hash_size = trn_cur_u8(&c);
    d.hash_type = trn_cur_u8(&c);
    d.platform = trn_cur_u8(&c);
    uint8_t page_bits = trn_cur_u8(&c);
    trn_cur_skip(&c, 4);
    if (c.bad || magic != MAGIC || page_bits > 30)
        return -EBADMSG;
    scatter = d.version >= SCATTER_VERSION ? trn_cur_u32be(&c) : 0;
    team = d.version >= TEAM_VERSION ? trn_cur_u32be(&c) : 0;
    if (d.version >= LIMIT64_VERSION) {
        trn_cur_skip(&c, 4);
        uint64_t wide = trn_cur_u64be(&c);
        d.code_limit = wide ? wide : d.code_limit;
    }
    if (d.version >= RUNTIME_VERSION) {
        trn_cur_skip(&c, 24);
        d.runtime = trn_cur_u32be(&c);
    }
    uint64_t special = (uint64_t)d.n_special * d.hash_size, code = (uint64_t)d.n_code * d.hash_size;
    if (c.bad || special > d.hashes_at || code > blob.n - TRN_MIN(d.hashes_at, blob.n))
        return -EBADMSG;
    if (scatter || d.hash_type >= TRN_ARRAY_SIZE(hashes) || d.hash_size != hashes[d.hash_type].size || !d.hash_size)
        d.hash_type = 0; /* not known here */
    /* one bit or none: the whole in one hash (disk images say 1) */
    d.page = page_bits ? 1ull << page_bits : 0;
    d.identifier = text_at(blob, identifier);
    d.team = text_at(blob, team);
    d.hash_name = d.hash_type ? trn_str_of(hashes[d.hash_type].name) : TRN_STR_NONE;
    if (d.hash_type) {
        unsigned n = 0;
        TRN_AUTO(free_md) EVP_MD *md = EVP_MD_fetch(NULL, hashes[d.hash_type].name, NULL);
        if (!md || EVP_Digest(blob.p, blob.n, d.digest, &n, md, NULL) != 1)
            return -ENOMEM;
        d.digest_size = n;
    }
    *ret = d;
    return 0;
}

struct trn_str trn_apple_special(const struct trn_apple_directory *d, uint32_t slot)
{
    static const char zeros[64];
    if (slot == 0 || slot > d->n_special)
        return TRN_STR_NONE;
    struct trn_str h = trn_str_slice(d->bytes, d->hashes_at - (size_t)slot * d->hash_size, d->hash_size);
    return h.n > sizeof(zeros) || memcmp(h.p, zeros, h.n) == 0 ? TRN_STR_NONE : h;
}

bool trn_apple_hash_is(const struct trn_apple_directory *d, struct trn_str bytes, struct trn_str hash)
{
    uint8_t got[EVP_MAX_MD_SIZE];
    TRN_AUTO(free_md) EVP_MD *md = d->hash_type ? EVP_MD_fetch(NULL, hashes[d->hash_type].name, NULL) : NULL;
    return md && EVP_Digest(bytes.p, bytes.n, got, NULL, md, NULL) == 1 && hash.n == d->hash_size &&
           memcmp(got, hash.p, hash.n) == 0;
}

struct pages {
    const struct trn_apple_directory *d;
    EVP_MD_CTX *ctx;
    EVP_MD *md;
    uint64_t page, in_page, at; /* bytes of the page so far; place in the file */
    uint32_t index;
};

/* 1: as it should be; 0: not; negative. */
static int page_ends(struct pages *x)
{
    uint8_t got[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(x->ctx, got, NULL) != 1)
        return -ENOMEM;
    const char *want = x->d->bytes.p + x->d->hashes_at + (size_t)x->index * x->d->hash_size;
    return memcmp(got, want, x->d->hash_size) == 0;
}

/* 1: all pages that ended are as they should be; 0: one is not, x->at - x->in_page is its place; negative. */
static int feed(struct pages *x, const uint8_t *p, size_t n, uint64_t limit)
{
    while (n) {
        if (x->in_page == 0 && EVP_DigestInit_ex(x->ctx, x->md, NULL) != 1)
            return -ENOMEM;
        size_t take = (size_t)TRN_MIN((uint64_t)n, x->page - x->in_page);
        if (EVP_DigestUpdate(x->ctx, p, take) != 1)
            return -ENOMEM;
        p += take;
        n -= take;
        x->in_page += take;
        x->at += take;
        if (x->in_page < x->page && x->at < limit)
            continue;
        int ok = page_ends(x);
        if (ok <= 0)
            return ok;
        x->index++;
        x->in_page = 0;
    }
    return 1;
}

static int all_pages(const struct trn_source *s, struct pages *x, uint64_t limit, uint8_t *window)
{
    int ok = 1;
    while (ok == 1 && x->at < limit) {
        size_t n = (size_t)TRN_MIN(limit - x->at, (uint64_t)WINDOW);
        const uint8_t *p = s->mem ? s->mem + x->at : window;
        int64_t got = s->mem ? (int64_t)n : trn_source_read(s, x->at, window, n);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        ok = feed(x, p, (size_t)got, limit);
    }
    return ok;
}

int trn_apple_pages(const struct trn_source *s, uint64_t limit, const struct trn_apple_directory *d,
                    struct trn_arena *a, enum trn_digest_state *ret, uint64_t *ret_at)
{
    if (d->hash_type == 0) {
        *ret = TRN_DIGEST_UNKNOWN;
        return 0;
    }
    uint64_t page = d->page ? d->page : TRN_MAX(d->code_limit, 1u);
    uint64_t pages = d->code_limit / page + (d->code_limit % page != 0);
    /* it must name the whole up to its signature, no more and no less */
    if (d->code_limit != limit || d->code_limit > s->size || pages != d->n_code) {
        *ret = TRN_DIGEST_BAD;
        *ret_at = TRN_MIN(d->code_limit, limit);
        return 0;
    }
    TRN_AUTO(free_md) EVP_MD *md = EVP_MD_fetch(NULL, hashes[d->hash_type].name, NULL);
    TRN_AUTO(free_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *window = s->mem ? NULL : trn_arena_alloc(a, WINDOW);
    if (!md || !ctx || (!s->mem && !window))
        return -ENOMEM;
    struct pages x = {.d = d, .ctx = ctx, .md = md, .page = page};
    int ok = all_pages(s, &x, limit, window);
    if (ok < 0)
        return ok;
    *ret = ok ? TRN_DIGEST_OK : TRN_DIGEST_BAD;
    if (!ok)
        *ret_at = x.at - x.in_page;
    return 0;
}
