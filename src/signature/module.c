/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the trailer that Linux kernel modules (and some kernel images) carry. Must not own: the module itself.
 *
 *   content | signature bytes | struct { algorithm, hash, id type, name length, key id length, 3 zeros, length (be32) } | magic
 *
 * Modules are signed without the signer's certificate, so that mostly only the kernel can say whose key it was; the lengths,
 * the structure and (when they stand in it) the hash can be checked here.
 */
#include "signature/spc.h"

#define MAGIC TRN_STR("~Module signature appended~\n")
#define TRAILER 12u
#define ID_PKCS7 2u
#define LATE_MAX 4096u

struct trailer {
    uint64_t content, at, size; /* the signature is [at, at + size) */
    uint8_t id_type;
    bool empty; /* what must be zero is */
    bool fits;
};

static int find_trailer(const struct trn_source *s, struct trn_arena *a, struct trailer *ret, uint64_t *ret_late)
{
    struct trn_str tail;
    uint64_t n = TRN_MIN(s->size, (uint64_t)LATE_MAX);
    struct trailer t = {0};
    if (s->size < MAGIC.n + TRAILER)
        return -ENOENT;
    int e = trn_source_take(s, s->size - n, (size_t)n, a, &tail);
    if (e < 0)
        return e;
    *ret_late = 0;
    if (!trn_str_ends(tail, MAGIC)) {
        const char *p = memmem(tail.p, tail.n, MAGIC.p, MAGIC.n);
        if (p)
            *ret_late = tail.n - (size_t)(p - tail.p) - MAGIC.n;
        return -ENOENT;
    }
    struct trn_cursor c = trn_cur_of(trn_str_slice(tail, tail.n - MAGIC.n - TRAILER, TRAILER));
    uint8_t algorithm = trn_cur_u8(&c), hash = trn_cur_u8(&c);
    t.id_type = trn_cur_u8(&c);
    uint8_t name = trn_cur_u8(&c), key = trn_cur_u8(&c);
    bool padding = trn_cur_u16be(&c) != 0;
    padding |= trn_cur_u8(&c) != 0;
    t.size = trn_cur_u32be(&c);
    t.empty = !(algorithm | hash | name | key | padding);
    uint64_t before = s->size - MAGIC.n - TRAILER, all = t.size + (t.id_type == ID_PKCS7 ? 0u : name + (unsigned)key);
    t.fits = all <= before && t.size;
    t.at = t.fits ? before - t.size : before;
    t.content = t.fits ? before - all : before;
    *ret = t;
    return 0;
}

static void odd(struct trn_signed *out, enum trn_unsigned_place_kind kind, uint64_t at, uint64_t size, const char *what)
{
    struct trn_unsigned_place p = {kind, at, size, true, "", what};
    trn_unsigned_place_add(out, &p);
    trn_signature_uncovered(&out->signature, at, size, what, false);
}

static int content_hash(const struct trn_source *s, uint64_t n, const EVP_MD *md, uint8_t *ret)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned size = 0;
    int e = ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1 ? trn_md_source(ctx, s, 0, n) : -ENOMEM;
    if (e < 0)
        return e;
    return EVP_DigestFinal_ex(ctx, ret, &size) == 1 ? (int)size : -EIO;
}

/* Name of who signed from the signer's id, when no certificate says it: the common name in the issuer. */
static struct trn_str issuer_name(struct trn_str issuer, struct trn_arena *a)
{
    const unsigned char *p = (const unsigned char *)issuer.p;
    struct trn_str name = TRN_STR_NONE;
    X509_NAME *n = issuer.n && issuer.n < INT32_MAX ? d2i_X509_NAME(NULL, &p, (long)issuer.n) : NULL;
    if (n)
        name = trn_chain_name(n, a);
    X509_NAME_free(n);
    return name;
}

static int check_signer(struct trn_spc_job *job, const struct trn_cms *cms, const struct trn_source *s,
                        uint64_t content)
{
    struct trn_signature *sig = &job->out->signature;
    const struct trn_cms_signer *signer = &cms->signers[0];
    const EVP_MD *md = trn_md_of_oid(signer->digest_oid);
    struct trn_cms_verdict v = {.certificate = -1};
    bool used[TRN_CMS_CERTS] = {0};
    uint8_t hash[TRN_MD_MAX];
    int n = md ? content_hash(s, content, md, hash) : 0;
    if (n < 0)
        return n;
    struct trn_str got = {(const char *)hash, (size_t)n};
    int e = trn_cms_check_hash(cms, signer, md, got, &v);
    if (e < 0)
        return e;
    sig->digest_name = trn_str_of(trn_md_name(md));
    sig->content_digest = trn_arena_str(job->arena, got);
    sig->digest = v.content;
    if (v.signature == TRN_DIGEST_BAD)
        sig->digest = v.signature;
    if (sig->digest != TRN_DIGEST_OK)
        job->out->why = sig->digest == TRN_DIGEST_BAD
                            ? "the content is not what was signed"
                            : "the signer's key is not at hand, so that only its form can be checked";
    if (v.certificate >= 0)
        e = trn_chain_names(cms->x509[v.certificate], job->arena, sig);
    else
        sig->signer = issuer_name(signer->issuer, job->arena);
    sig->chain = trn_chain_check(cms, v.certificate, job->o->roots, job->o->now, TRN_USE_ANY, &job->out->chain_why);
    trn_chain_mark(cms, v.certificate, used);
    trn_spc_places(job, cms, used);
    return e;
}

static int check_pkcs7(struct trn_spc_job *job, const struct trn_source *s, const struct trailer *t)
{
    struct trn_str bytes;
    struct trn_cms cms;
    struct trn_signed *out = job->out;
    int e = trn_source_take(s, t->at, (size_t)TRN_MIN(t->size, (uint64_t)TRN_CMS_MAX), job->arena, &bytes);
    if (e < 0)
        return e;
    job->bytes = bytes;
    job->at = t->at;
    e = trn_cms_parse(bytes, job->arena, &cms);
    if (e == -EBADMSG) {
        out->why = "its signature cannot be read";
        out->signature.digest = TRN_DIGEST_UNKNOWN;
        odd(out, TRN_PLACE_ENTRY, t->at, t->size, "where the trailer says that a signature stands");
        return 0;
    }
    if (e < 0)
        return e;
    if (cms.n_signers)
        e = check_signer(job, &cms, s, t->content);
    if (t->size > cms.whole.n)
        odd(out, TRN_PLACE_SLACK, t->at + cms.whole.n, t->size - cms.whole.n,
            "behind the signature, before its trailer");
    out->signature.signatures = cms.n_signers;
    trn_cms_done(&cms);
    return e;
}

/* Bytes behind a trailer: only told of what is a module by its form, since programs that sign name the magic too. */
static int late(const struct trn_source *s, struct trn_arena *a, uint64_t behind, struct trn_signed *out)
{
    struct trn_cursor c;
    int e = trn_source_cursor(s, 0, 18, a, &c);
    if (e < 0 || !behind)
        return e < 0 ? e : -ENOENT;
    uint32_t magic = trn_cur_u32be(&c);
    trn_cur_skip(&c, 12);
    uint16_t type = trn_cur_u16le(&c);
    if (c.bad || magic != 0x7f454c46 || (type != 1 && type != 0x100))
        return -ENOENT;
    out->signature.kind = TRN_SIGNATURE_MODULE;
    out->signature.digest = TRN_DIGEST_UNKNOWN;
    out->why = "its trailer is not at the end, so that the kernel does not see it";
    odd(out, TRN_PLACE_BEHIND, s->size - behind, behind, "behind the trailer of its signature");
    return 0;
}

int trn_module_trailer(const struct trn_source *s, const struct trn_signature_options *o, struct trn_arena *a,
                       struct trn_signed *ret)
{
    struct trn_signed *out = trn_arena_alloc(a, sizeof(*out));
    struct trn_spc_job job = {.o = o, .arena = a, .out = out};
    struct trailer t;
    uint64_t behind = 0;
    if (!out)
        return -ENOMEM;
    out->why = out->chain_why = "";
    int e = find_trailer(s, a, &t, &behind);
    if (e == -ENOENT)
        e = late(s, a, behind, out);
    else if (e == 0) {
        out->signature.kind = TRN_SIGNATURE_MODULE;
        trn_signature_uncovered(&out->signature, t.content, s->size - t.content, "the signature and its trailer", true);
        if (!t.fits || (t.id_type == ID_PKCS7 && !t.empty)) {
            out->signature.digest = TRN_DIGEST_UNKNOWN;
            out->why = "its trailer is not as the kernel wants it";
            odd(out, TRN_PLACE_ENTRY, s->size - MAGIC.n - TRAILER, TRAILER, "in a trailer whose numbers cannot be");
        } else if (t.id_type == ID_PKCS7) {
            e = check_pkcs7(&job, s, &t);
        } else {
            out->signature.digest = TRN_DIGEST_UNKNOWN;
            out->why = "a signature of the old kind, without a structure";
        }
    }
    if (e == 0)
        *ret = *out;
    return e;
}
