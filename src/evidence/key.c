/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the host's key: its file, signing, checking a signature (Ed25519, OpenSSL).
 * Must not: replace a key that is there, give out the secret half, or sign what it is given under another domain.
 */
#include "evidence/internal.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define KEY_FILE "host-key"

struct trn_evidence_key {
    EVP_PKEY *pair;
    uint8_t public[TRN_EVIDENCE_KEY];
};

static void ctx_freep(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

static void pkey_freep(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

int trn_evidence_key_from(const uint8_t seed[TRN_EVIDENCE_KEY], struct trn_evidence_key **ret)
{
    struct trn_evidence_key *k = calloc(1, sizeof(*k));
    size_t n = sizeof(k->public);
    if (!k)
        return -ENOMEM;
    k->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, TRN_EVIDENCE_KEY);
    if (!k->pair || EVP_PKEY_get_raw_public_key(k->pair, k->public, &n) != 1 || n != sizeof(k->public)) {
        trn_evidence_key_free(k);
        return -EIO;
    }
    *ret = k;
    return 0;
}

struct trn_evidence_key *trn_evidence_key_free(struct trn_evidence_key *k)
{
    if (k)
        EVP_PKEY_free(k->pair);
    free(k);
    return NULL;
}

const uint8_t *trn_evidence_key_public(const struct trn_evidence_key *k)
{
    return k->public;
}

static int damaged(struct trn_err *err, const char *why)
{
    trn_fail(err, -EBADMSG, "the host's key '" KEY_FILE "' cannot be used: %s", why);
    trn_hint(err,
             "move it out of the state folder: a new one is made, and what is signed from then on names the new one");
    return -EBADMSG;
}

static int read_seed(const char *path, uint8_t seed[TRN_EVIDENCE_KEY], struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    uint8_t more;
    if (fd < 0)
        return errno == ENOENT ? -ENOENT : damaged(err, trn_errno_name(-errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return damaged(err, "it is no plain file");
    if (st.st_mode & 077)
        return damaged(err, "others may read or change it");
    if (trn_read_full(fd, seed, TRN_EVIDENCE_KEY) < 0 || read(fd, &more, 1) != 0)
        return damaged(err, "it is not 32 bytes long");
    return 0;
}

int trn_evidence_key_load(const char *state_dir, struct trn_evidence_key **ret, struct trn_err *err)
{
    char path[4200];
    uint8_t seed[TRN_EVIDENCE_KEY];
    int n = snprintf(path, sizeof(path), "%s/" KEY_FILE, state_dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return trn_fail(err, -ENAMETOOLONG, "the path of the state folder is too long");
    int r = read_seed(path, seed, err);
    if (r == -ENOENT) {
        if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
            return trn_fail(err, -EIO, "cannot make the host's key");
        r = trn_write_file_atomic(path, (struct trn_str){(const char *)seed, sizeof(seed)}, 0600, err);
    }
    if (r == 0) {
        r = trn_evidence_key_from(seed, ret);
        if (r < 0)
            trn_fail(err, r, "cannot use the host's key: %s", trn_errno_name(r));
    }
    OPENSSL_cleanse(seed, sizeof(seed));
    return r;
}

/* Ed25519 takes its message whole. */
static int message_of(struct trn_str domain, struct trn_str manifest, struct trn_buf *ret)
{
    trn_buf_init(ret, TRN_EVIDENCE_MANIFEST_MAX + 256);
    trn_put_str(ret, domain);
    trn_put_str(ret, manifest);
    return ret->bad ? -ENOMEM : 0;
}

int trn_evidence_sign(const struct trn_evidence_key *k, struct trn_str manifest, uint8_t ret[TRN_EVIDENCE_SIGNATURE])
{
    TRN_AUTO(trn_buf_done) struct trn_buf message = {0};
    TRN_AUTO(ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = TRN_EVIDENCE_SIGNATURE;
    int r = message_of(TRN_STR(TRN_EVIDENCE_DOMAIN), manifest, &message);
    if (r < 0 || !ctx)
        return -ENOMEM;
    if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pair) != 1 ||
        EVP_DigestSign(ctx, ret, &n, (const uint8_t *)message.p, message.n) != 1 || n != TRN_EVIDENCE_SIGNATURE)
        return -EIO;
    return 0;
}

int trn_evidence_check(const uint8_t key[TRN_EVIDENCE_KEY], struct trn_str domain, struct trn_str manifest,
                       struct trn_str signature)
{
    TRN_AUTO(trn_buf_done) struct trn_buf message = {0};
    TRN_AUTO(ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    TRN_AUTO(pkey_freep)
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, TRN_EVIDENCE_KEY);
    int r = message_of(domain, manifest, &message);
    if (r < 0 || !ctx || !public)
        return -ENOMEM;
    if (signature.n != TRN_EVIDENCE_SIGNATURE)
        return -EBADMSG;
    if (EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) != 1)
        return -EIO;
    return EVP_DigestVerify(ctx, (const uint8_t *)signature.p, signature.n, (const uint8_t *)message.p, message.n) == 1
               ? 0
               : -EBADMSG;
}
