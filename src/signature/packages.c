/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: hashes and signatures of rpm and deb packages, as far as they can be checked without keys: the hashes of an rpm are
 * computed; of an OpenPGP signature only who made it and when is read. Must not own: the formats themselves, keys.
 */
#include "formats/formats.h"
#include "signature/crypto.h"

#define SIG_DSA 267u
#define SIG_RSA 268u
#define SIG_SHA1 269u
#define SIG_SHA256 273u
#define SIG_PGP 1002u
#define SIG_MD5 1004u
#define SIG_GPG 1005u
#define TAG_PAYLOAD_DIGEST 5092u
#define TYPE_BINARY 7u
#define PGP_MAX (64u << 10)
#define MEMBERS_MAX 64u

/* ---- OpenPGP signature packets (RFC 4880): the id of the key and the time ---- */

static struct trn_cursor packet_body(struct trn_cursor *c)
{
    uint8_t tag = trn_cur_u8(c);
    uint32_t n = 0;
    if (!(tag & 0x80))
        c->bad = true;
    if (tag & 0x40) {
        uint8_t first = trn_cur_u8(c);
        n = first < 192    ? first
            : first < 224  ? (first - 192u) * 256u + trn_cur_u8(c) + 192u
            : first == 255 ? trn_cur_u32be(c)
                           : UINT32_MAX;
    } else {
        n = (tag & 3) == 0   ? trn_cur_u8(c)
            : (tag & 3) == 1 ? trn_cur_u16be(c)
            : (tag & 3) == 2 ? trn_cur_u32be(c)
                             : UINT32_MAX;
    }
    struct trn_cursor body = trn_cur_sub(c, c->at, n);
    body.bad |= c->bad;
    return body;
}

static void subpackets(struct trn_cursor c, struct trn_str *ret_key, int64_t *ret_when)
{
    while (trn_cur_left(&c)) {
        uint8_t first = trn_cur_u8(&c);
        uint32_t n = first < 192   ? first
                     : first < 255 ? (first - 192u) * 256u + trn_cur_u8(&c) + 192u
                                   : trn_cur_u32be(&c);
        struct trn_cursor in = trn_cur_sub(&c, c.at, n);
        trn_cur_skip(&c, n);
        uint8_t type = trn_cur_u8(&in) & 0x7f;
        if (c.bad || in.bad)
            return;
        if (type == 2)
            *ret_when = trn_cur_u32be(&in);
        else if (type == 16 && trn_cur_left(&in) == 8)
            *ret_key = trn_cur_bytes(&in, 8);
        else if (type == 33 && trn_cur_left(&in) >= 9) { /* version, fingerprint: its last 8 bytes are the id */
            trn_cur_skip(&in, trn_cur_left(&in) - 8);
            *ret_key = trn_cur_bytes(&in, 8);
        }
    }
}

static void read_pgp(struct trn_str packet, struct trn_arena *a, struct trn_signature *s)
{
    struct trn_cursor c = trn_cur_of(packet);
    struct trn_cursor in = packet_body(&c);
    struct trn_str key = TRN_STR_NONE;
    int64_t when = 0;
    char hex[17];
    uint8_t version = trn_cur_u8(&in);
    if (version == 3) {
        trn_cur_skip(&in, 2);
        when = trn_cur_u32be(&in);
        key = trn_cur_bytes(&in, 8);
    } else if (version == 4) {
        trn_cur_skip(&in, 3);
        for (int part = 0; part < 2 && !in.bad; part++) {
            uint16_t n = trn_cur_u16be(&in);
            subpackets(trn_cur_sub(&in, in.at, n), &key, &when);
            trn_cur_skip(&in, n);
        }
    }
    s->signatures++;
    s->signed_at = when;
    if (key.n == 8) {
        trn_hex(key.p, key.n, hex);
        s->signer = trn_arena_printf(a, "OpenPGP key %s", hex);
    }
}

/* ---- rpm ---- */

/* The bytes of a binary tag; absent: none. */
static struct trn_str binary(const struct trn_rpm_header *h, uint32_t tag)
{
    struct trn_cursor c = trn_cur_of(h->index);
    while (trn_cur_left(&c) >= 16) {
        uint32_t t = trn_cur_u32be(&c), type = trn_cur_u32be(&c), at = trn_cur_u32be(&c), n = trn_cur_u32be(&c);
        if (t == tag && type == TYPE_BINARY) {
            struct trn_cursor d = trn_cur_of(h->data), part = trn_cur_sub(&d, at, n);
            return part.bad ? TRN_STR_NONE : trn_cur_bytes(&part, n);
        }
    }
    return TRN_STR_NONE;
}

static int hash_range(const struct trn_source *s, uint64_t at, uint64_t n, const EVP_MD *md, uint8_t *ret)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned size = 0;
    int e = ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1 ? trn_md_source(ctx, s, at, n) : -ENOMEM;
    if (e < 0)
        return e;
    return EVP_DigestFinal_ex(ctx, ret, &size) == 1 ? (int)size : -EIO;
}

static void judge(struct trn_signature *s, bool same)
{
    if (!same)
        s->digest = TRN_DIGEST_BAD;
    else if (s->digest == TRN_DIGEST_NONE)
        s->digest = TRN_DIGEST_OK;
}

static int check_hex(const struct trn_source *s, uint64_t at, uint64_t n, const EVP_MD *md, struct trn_str said,
                     struct trn_signature *ret)
{
    uint8_t hash[TRN_MD_MAX];
    char hex[2 * TRN_MD_MAX + 1];
    if (said.n != 2u * (size_t)EVP_MD_get_size(md)) /* none, or of another kind */
        return 0;
    int got = hash_range(s, at, n, md, hash);
    if (got < 0)
        return got == -EBADMSG ? 0 : got;
    trn_hex(hash, (size_t)got, hex);
    judge(ret, trn_str_eq_c(said, hex));
    return 0;
}

static int check_hashes(const struct trn_source *s, const struct trn_rpm *r, struct trn_signature *ret)
{
    struct trn_str md5 = binary(&r->signature, SIG_MD5);
    uint8_t hash[TRN_MD_MAX];
    uint64_t end = r->payload_at + r->payload_size;
    int e = check_hex(s, r->main.at, r->main.size, EVP_sha256(), trn_rpm_string(&r->signature, SIG_SHA256, NULL), ret);
    if (e == 0)
        e = check_hex(s, r->main.at, r->main.size, EVP_sha1(), trn_rpm_string(&r->signature, SIG_SHA1, NULL), ret);
    if (e == 0)
        e = check_hex(s, r->payload_at, r->payload_size, EVP_sha256(),
                      trn_rpm_string(&r->main, TAG_PAYLOAD_DIGEST, NULL), ret);
    if (e < 0 || md5.n != TRN_MD5_SIZE)
        return e;
    e = hash_range(s, r->main.at, end - r->main.at, EVP_md5(), hash);
    if (e > 0)
        judge(ret, memcmp(hash, md5.p, md5.n) == 0);
    return e > 0 || e == -EBADMSG ? 0 : e;
}

int trn_rpm_signature(const struct trn_source *s, struct trn_arena *a, struct trn_signature *ret)
{
    static const uint32_t tags[] = {SIG_RSA, SIG_DSA, SIG_PGP, SIG_GPG};
    struct trn_signature sig = {.digest_name = TRN_STR("sha256")};
    struct trn_rpm r;
    int e = trn_rpm_parse(s, a, &r);
    if (e == 0)
        e = check_hashes(s, &r, &sig);
    if (e < 0)
        return e;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tags); i++) {
        struct trn_str packet = binary(&r.signature, tags[i]);
        if (packet.n)
            read_pgp(packet, a, &sig);
    }
    if (sig.signatures) {
        sig.kind = TRN_SIGNATURE_RPM;
        sig.chain = TRN_CHAIN_UNKNOWN;
    }
    trn_signature_uncovered(&sig, 0, r.main.at, "lead and signature header", true);
    *ret = sig;
    return sig.kind || sig.digest ? 0 : -ENOENT;
}

/* ---- deb: debsigs puts a signature beside control and data ---- */

int trn_deb_signature(const struct trn_source *s, struct trn_arena *a, struct trn_signature *ret)
{
    struct trn_signature sig = {.kind = TRN_SIGNATURE_DEB, .digest = TRN_DIGEST_UNKNOWN, .chain = TRN_CHAIN_UNKNOWN};
    struct trn_ar ar = {0};
    struct trn_ar_member m;
    struct trn_str packet;
    uint64_t at = TRN_AR_FIRST;
    int e = 0;
    for (unsigned i = 0; i < MEMBERS_MAX && (e = trn_ar_next(s, &at, &ar, a, &m)) == 1; i++) {
        if (!trn_str_starts(m.name, TRN_STR("_gpg")) || m.size == 0 || m.size > PGP_MAX)
            continue;
        if ((e = trn_source_take(s, m.at, (size_t)m.size, a, &packet)) < 0)
            break;
        read_pgp(packet, a, &sig);
        trn_signature_uncovered(&sig, m.header_at, m.at + m.size - m.header_at, "the signature itself", true);
    }
    if (e < 0 && e != -EBADMSG)
        return e;
    if (!sig.signatures)
        return -ENOENT;
    *ret = sig;
    return 0;
}
