/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the signature of a cabinet: in the reserve of its header stands where it is, mostly at the end of the file. Must not
 * own: the cabinet's folders and files.
 * Signed: the header without reserved1, iCabinet and the reserve; names of neighbours, folders, and all up to the signature.
 */
#include "formats/formats.h"
#include "signature/spc.h"

#define MAGIC 0x4643534du
#define FLAG_RESERVE 4u
#define RESERVE 20u
#define HEADER 60u /* with the reserve that a signature needs */

struct cab {
    const struct trn_source *s;
    uint64_t at, size; /* of the signature */
    struct trn_spc_job job;
};

static int find(const struct trn_source *s, struct trn_arena *a, uint64_t *ret_at, uint64_t *ret_size)
{
    struct trn_cursor c;
    int e = trn_source_cursor(s, 0, HEADER, a, &c);
    if (e < 0)
        return e;
    uint32_t magic = trn_cur_u32le(&c);
    trn_cur_seek(&c, 30);
    uint16_t flags = trn_cur_u16le(&c);
    trn_cur_seek(&c, 36);
    uint16_t reserve = trn_cur_u16le(&c);
    trn_cur_skip(&c, 2);
    uint32_t kind = trn_cur_u32le(&c), at = trn_cur_u32le(&c), size = trn_cur_u32le(&c);
    if (c.bad || magic != MAGIC || !(flags & FLAG_RESERVE) || reserve != RESERVE || (kind & 0xffff) != 0 || !size)
        return -ENOENT;
    if (at < HEADER || at > s->size || size > s->size - at)
        return -EBADMSG;
    *ret_at = at;
    *ret_size = size;
    return 0;
}

static int digest(void *ctx, const EVP_MD *md, uint8_t *ret)
{
    struct cab *c = ctx;
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *m = EVP_MD_CTX_new();
    static const struct {
        uint8_t at, n;
    } head[] = {{0, 4}, {8, 26}, {56, 4}};
    unsigned n = 0;
    int e = m && EVP_DigestInit_ex(m, md, NULL) == 1 ? 0 : -ENOMEM;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(head); i++)
        e = trn_md_source(m, c->s, head[i].at, head[i].n);
    if (e == 0)
        e = trn_md_source(m, c->s, HEADER, c->at - HEADER);
    if (e < 0)
        return e;
    return EVP_DigestFinal_ex(m, ret, &n) == 1 ? (int)n : -EIO;
}

static void rest(struct cab *c, uint64_t at, uint64_t n, enum trn_unsigned_place_kind kind, const char *what)
{
    struct trn_str view;
    if (!n || trn_source_take(c->s, at, (size_t)TRN_MIN(n, 65536u), c->job.arena, &view) < 0)
        return;
    bool zero = trn_is_zero(view);
    trn_signature_uncovered(&c->job.out->signature, at, n, what, n <= 7 && zero);
    if (n <= 7 && zero)
        return;
    struct trn_unsigned_place p = {kind, at, n, !zero, "", what};
    trn_unsigned_place_add(c->job.out, &p);
}

static int check(struct cab *c)
{
    struct trn_signed *out = c->job.out;
    struct trn_str all;
    size_t size = 0;
    if (c->size > TRN_CMS_MAX)
        return -EBADMSG;
    int e = trn_source_take(c->s, c->at, (size_t)c->size, c->job.arena, &all);
    if (e == 0)
        e = trn_spc_check_within(&c->job, all, c->at, &size);
    if (e < 0)
        return e == -ENODATA ? -EBADMSG : e;
    trn_signature_uncovered(&out->signature, c->at, size, "the signature itself", true);
    rest(c, c->at + size, c->size - size, TRN_PLACE_SLACK, "behind the signature, in the room for it");
    rest(c, c->at + c->size, c->s->size - c->at - c->size, TRN_PLACE_BEHIND, "behind the signature of the cabinet");
    return 0;
}

int trn_cab_signature(const struct trn_source *s, const struct trn_signature_options *o, struct trn_arena *a,
                      struct trn_signed *ret)
{
    struct trn_signed *out = trn_arena_alloc(a, sizeof(*out));
    struct cab c = {.s = s, .job = {.digest = digest, .o = o, .arena = a, .out = out}};
    if (!out)
        return -ENOMEM;
    c.job.ctx = &c;
    int e = find(s, a, &c.at, &c.size);
    if (e < 0)
        return e;
    out->why = out->chain_why = "";
    out->signature.kind = TRN_SIGNATURE_AUTHENTICODE;
    trn_signature_uncovered(&out->signature, 4, 4, "a reserved number of the header", true);
    trn_signature_uncovered(&out->signature, 34, 22, "place of the signature in the header", true);
    e = trn_spc_settle(out, check(&c));
    if (e == 0)
        *ret = *out;
    return e;
}
