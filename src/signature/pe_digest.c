/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which bytes of a PE are signed, and hashes over them and over its pages. Must not own: the signature; the format
 * (formats/pe.h).
 */
#include "signature/pe_digest.h"

#define PAGE 4096u
#define PAGE_MAX (1u << 20)

/* [0, end) without the checksum and the directory's entry. */
static int skip_hash(EVP_MD_CTX *ctx, const struct trn_pe *pe, uint64_t end)
{
    const struct trn_source *s = &pe->bytes;
    uint64_t sum = pe->checksum_at, entry = pe->certificate_entry_at, behind = entry + 8;
    if (sum + 4 > entry || end < behind)
        return -EBADMSG;
    int e = trn_md_source(ctx, s, 0, sum);
    if (e == 0)
        e = trn_md_source(ctx, s, sum + 4, entry - sum - 4);
    return e == 0 ? trn_md_source(ctx, s, behind, end - behind) : e;
}

static int zeros(EVP_MD_CTX *ctx, uint64_t n)
{
    static const uint8_t zero[PAGE];
    while (n) {
        size_t some = (size_t)TRN_MIN(n, (uint64_t)sizeof(zero));
        if (EVP_DigestUpdate(ctx, zero, some) != 1)
            return -EIO;
        n -= some;
    }
    return 0;
}

int trn_pe_digest(const struct trn_pe *pe, const EVP_MD *md, uint8_t *ret)
{
    uint64_t end = pe->certificates_size ? pe->certificates_at : pe->bytes.size;
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    if (!ctx || EVP_DigestInit_ex(ctx, md, NULL) != 1)
        return -ENOMEM;
    int e = skip_hash(ctx, pe, end);
    if (e == 0) /* who signs fills up to a multiple of 8 and signs that */
        e = zeros(ctx, (8 - end % 8) % 8);
    if (e < 0)
        return e;
    return EVP_DigestFinal_ex(ctx, ret, &n) == 1 ? (int)n : -EIO;
}

struct pages {
    const struct trn_pe *pe;
    const EVP_MD *md;
    EVP_MD_CTX *ctx;
    struct trn_cursor list;
    uint32_t end, page;
};

/* The next stated page is this one: [at, at + n), filled up with zeros. */
static enum trn_digest_state one_page(struct pages *p, uint32_t at, uint32_t n, bool header)
{
    uint8_t hash[TRN_MD_MAX];
    unsigned size = 0;
    uint32_t where = trn_cur_u32le(&p->list);
    struct trn_str said = trn_cur_bytes(&p->list, (size_t)EVP_MD_get_size(p->md));
    if (p->list.bad || where != at)
        return TRN_DIGEST_BAD;
    int e = EVP_DigestInit_ex(p->ctx, p->md, NULL) == 1 ? 0 : -EIO;
    if (e == 0)
        e = header ? skip_hash(p->ctx, p->pe, n) : trn_md_source(p->ctx, &p->pe->bytes, at, n);
    if (e == 0 && n < p->page)
        e = zeros(p->ctx, p->page - n);
    if (e < 0 || EVP_DigestFinal_ex(p->ctx, hash, &size) != 1)
        return TRN_DIGEST_BAD;
    return memcmp(hash, said.p, size) == 0 ? TRN_DIGEST_OK : TRN_DIGEST_BAD;
}

static enum trn_digest_state section_pages(struct pages *p, uint32_t at, uint32_t size)
{
    enum trn_digest_state state = TRN_DIGEST_OK;
    uint32_t end;
    if (!trn_add_ok(at, size, &end))
        return TRN_DIGEST_BAD;
    for (uint32_t done = 0; state == TRN_DIGEST_OK && done < size;) {
        uint32_t n = TRN_MIN(size - done, p->page);
        state = one_page(p, at + done, n, false);
        done += n;
    }
    p->end = end;
    return state;
}

enum trn_digest_state trn_pe_pages(const struct trn_pe *pe, const EVP_MD *md, struct trn_str list)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct pages p = {pe, md, ctx, trn_cur_of(list), pe->headers_size, pe->section_alignment};
    if (!ctx || p.page < 512 || p.page > PAGE_MAX || pe->headers_size > p.page || pe->n_sections < pe->sections_stated)
        return TRN_DIGEST_UNKNOWN;
    enum trn_digest_state state = one_page(&p, 0, pe->headers_size, true);
    for (uint32_t i = 0; state == TRN_DIGEST_OK && i < pe->n_sections; i++)
        if (pe->sections[i].raw_size)
            state = section_pages(&p, pe->sections[i].raw_at, pe->sections[i].raw_size);
    if (state == TRN_DIGEST_OK && trn_cur_u32le(&p.list) != p.end)
        state = TRN_DIGEST_BAD;
    return state;
}
