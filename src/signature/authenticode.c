/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the certificate table of a PE: every entry, and every byte of it that is not a signature. Must not own: what one
 * signature says (spc.c), the hash of a PE (pe_digest.c), verdicts (src/artifact/).
 *
 *   table = entry { length 4, revision 2, type 2, bytes } padded to 8, one after another
 *   entry's bytes = one DER structure; what stands behind it in the entry no signature covers
 */
#include "formats/formats.h"
#include "signature/pe_digest.h"
#include "signature/spc.h"

#define ENTRIES_MAX 64u
#define TYPE_PKCS 2u
#define HEAD 8u
#define SCAN_WINDOW 16384u
#define TAKEN_MAX (16u << 20)

static int digest(void *ctx, const EVP_MD *md, uint8_t *ret);
static enum trn_digest_state pages(void *ctx, const EVP_MD *md, struct trn_str list);

#define CUT_OFF "the certificate table is cut off: the file ends before it does"

struct table {
    const struct trn_pe *pe;
    const struct trn_source *s;
    struct trn_spc_job job;
    const EVP_MD *known; /* the hash of the file was computed with this one already */
    uint8_t hash[TRN_MD_MAX];
    int hash_n;
    uint64_t taken; /* bytes of signatures that were copied */
};

static int digest(void *ctx, const EVP_MD *md, uint8_t *ret)
{
    struct table *t = ctx;
    if (t->known != md) { /* two signatures of one file mostly use one hash */
        t->hash_n = trn_pe_digest(t->pe, md, t->hash);
        t->known = t->hash_n > 0 ? md : NULL;
    }
    if (t->hash_n > 0)
        memcpy(ret, t->hash, (size_t)t->hash_n);
    return t->hash_n;
}

static enum trn_digest_state pages(void *ctx, const EVP_MD *md, struct trn_str list)
{
    struct table *t = ctx;
    return trn_pe_pages(t->pe, md, list);
}

static bool range_is_zero(const struct trn_source *s, uint64_t at, uint64_t n)
{
    char window[SCAN_WINDOW];
    while (n) {
        int64_t got = trn_source_read(s, at, window, (size_t)TRN_MIN(n, (uint64_t)sizeof(window)));
        if (got <= 0)
            return true;
        if (!trn_is_zero((struct trn_str){window, (size_t)got}))
            return false;
        at += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return true;
}

/* Up to seven zeros are padding, which the format wants; everything else is a place. */
static void between(struct table *t, uint64_t at, uint64_t n, enum trn_unsigned_place_kind kind, const char *what)
{
    bool zero = range_is_zero(t->s, at, n);
    if (n == 0)
        return;
    if (n <= 7 && zero) {
        trn_signature_uncovered(&t->job.out->signature, at, n, "padding of the certificate table", true);
        return;
    }
    struct trn_unsigned_place p = {kind, at, n, !zero, "", what};
    trn_unsigned_place_add(t->job.out, &p);
    trn_signature_uncovered(&t->job.out->signature, at, n, what, false);
}

static void unreadable(struct table *t, const char *why)
{
    struct trn_signed *out = t->job.out;
    if (!out->signature.signatures)
        out->signature.digest = TRN_DIGEST_UNKNOWN;
    if (!out->why[0])
        out->why = why;
}

/* May so many bytes be copied? Those of a source in memory are not. */
static bool may_take(struct table *t, uint64_t n)
{
    t->taken += t->s->mem ? 0 : n;
    return n <= TRN_CMS_MAX && t->taken <= TAKEN_MAX;
}

/* How long the structure is that begins here; -EBADMSG: none, or none that ends within n. */
static int structure_size(struct table *t, uint64_t at, uint64_t n, uint64_t *ret)
{
    struct trn_cursor c;
    struct trn_der d = {0};
    uint64_t size = 0;
    int e = trn_source_cursor(t->s, at, (size_t)TRN_MIN(n, 16u), t->job.arena, &c);
    if (e < 0)
        return e;
    e = trn_der_size((struct trn_str){(const char *)c.p, c.n}, &size);
    if (e == -ENODATA) { /* an indefinite length: the end is found by walking it */
        n = TRN_MIN(n, (uint64_t)TRN_CMS_MAX);
        if (!may_take(t, n))
            return -EBADMSG;
        if ((e = trn_source_cursor(t->s, at, (size_t)n, t->job.arena, &c)) < 0)
            return e;
        e = trn_der_next(&c, &d) < 0 ? -EBADMSG : 0;
        size = d.whole.n;
    }
    if (e < 0 || size > n || !may_take(t, size))
        return -EBADMSG;
    *ret = size;
    return 0;
}

/* The bytes of one entry of type PKCS: how many of them are the signature; 0: none that can be read. */
static int entry_signature(struct table *t, uint64_t at, uint64_t n, uint64_t *ret_used)
{
    struct trn_str der;
    uint64_t size = 0;
    int e = structure_size(t, at, n, &size);
    if (e == -EBADMSG) {
        unreadable(t, "an entry holds no signature that can be read");
        *ret_used = t->pe->certificates_cut ? n : 0; /* what is cut off hides nothing */
        return 0;
    }
    if (e < 0)
        return e;
    if ((e = trn_source_take(t->s, at, (size_t)size, t->job.arena, &der)) < 0)
        return e;
    t->job.bytes = der;
    t->job.at = at;
    e = trn_spc_check(&t->job, der, 0);
    if (e == -EBADMSG) { /* a structure, but no signature: anything can be in it */
        unreadable(t, "an entry holds no signature that can be read");
        return 0;
    }
    *ret_used = size;
    trn_signature_uncovered(&t->job.out->signature, at, size, "the signature itself", true);
    return e;
}

static int entry(struct table *t, uint64_t at, uint32_t length, uint16_t type)
{
    uint64_t used = 0;
    t->job.out->entries++;
    trn_signature_uncovered(&t->job.out->signature, at, HEAD, "head of a certificate entry", true);
    if (type != TYPE_PKCS) {
        between(t, at + HEAD, length - HEAD, TRN_PLACE_ENTRY,
                "in an entry of the certificate table that is no signature");
        return 0;
    }
    int e = entry_signature(t, at + HEAD, length - HEAD, &used);
    if (e < 0)
        return e;
    if (used)
        between(t, at + HEAD + used, length - HEAD - used, TRN_PLACE_SLACK,
                "in the certificate table, behind a signature");
    else
        between(t, at + HEAD, length - HEAD, TRN_PLACE_ENTRY, "in the certificate table, where a signature should be");
    return 0;
}

static int walk(struct table *t)
{
    uint64_t at = t->pe->certificates_at, end = at + t->pe->certificates_size;
    while (end - at > HEAD && t->job.out->entries < ENTRIES_MAX) {
        struct trn_cursor c;
        int e = trn_source_cursor(t->s, at, HEAD, t->job.arena, &c);
        if (e < 0)
            return e;
        uint32_t length = trn_cur_u32le(&c);
        trn_cur_skip(&c, 2);
        uint16_t type = trn_cur_u16le(&c);
        if (c.bad || length <= HEAD || length > end - at)
            break; /* no entry: what is left stands there for nothing */
        if ((e = entry(t, at, length, type)) < 0)
            return e;
        uint64_t padded = TRN_MIN(((uint64_t)length + 7) / 8 * 8, end - at);
        between(t, at + length, padded - length, TRN_PLACE_SLACK, "in the padding of the certificate table");
        at += padded;
    }
    if (!t->pe->certificates_cut) /* else it is a part of an entry that went on */
        between(t, at, end - at, TRN_PLACE_SLACK, "in the certificate table, behind its last entry");
    between(t, end, t->s->size - end, TRN_PLACE_BEHIND, "behind the certificate table");
    return 0;
}

int trn_authenticode_pe(const struct trn_pe *pe, const struct trn_signature_options *o, struct trn_arena *a,
                        struct trn_signed *ret, struct trn_err *err)
{
    struct trn_signed *out = trn_arena_alloc(a, sizeof(*out));
    struct table t = {.pe = pe,
                      .s = &pe->bytes,
                      .job = {.digest = digest, .pages = pages, .o = o, .arena = a, .out = out}};
    if (!out)
        return -ENOMEM;
    t.job.ctx = &t;
    if (!pe->certificates_size && !pe->certificates_cut)
        return -ENOENT;
    if (pe->certificates_at < pe->certificate_entry_at + 8 || !pe->certificates_size)
        return trn_fail(err, -EBADMSG, "its certificate table (at 0x%llx, %u bytes) is not inside of the file%s",
                        (unsigned long long)pe->certificates_at, pe->directories[TRN_PE_CERTIFICATES].size,
                        pe->certificates_cut ? ": it was cut off, or its signature was taken away" : "");
    out->why = out->chain_why = "";
    out->signature.kind = TRN_SIGNATURE_AUTHENTICODE;
    out->table_at = pe->certificates_at;
    out->table_size = pe->certificates_size;
    trn_signature_uncovered(&out->signature, pe->checksum_at, 4, "checksum of the header", true);
    trn_signature_uncovered(&out->signature, pe->certificate_entry_at, 8, "directory entry of the certificate table",
                            true);
    int e = walk(&t);
    if (e < 0)
        return trn_fail(err, e, "the certificate table cannot be read");
    if (pe->certificates_cut) { /* whatever else was said: this is the cause */
        unreadable(&t, CUT_OFF);
        out->why = out->signature.digest == TRN_DIGEST_UNKNOWN ? CUT_OFF : out->why;
    }
    *ret = *out;
    return 0;
}
