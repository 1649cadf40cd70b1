/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of root certificates and their names. Must not own: files, any certificate that came with a signature.
 * Only the names are read when they are loaded: a certificate becomes an object when a chain ends at its name.
 */
#include "formats/formats.h"
#include "signature/chain.h"

#define PEM_MAX (8u << 20)
#define ROOTS_MAX 4096u
#define BEGIN TRN_STR("-----BEGIN CERTIFICATE-----")
#define END TRN_STR("-----END CERTIFICATE-----")

struct trn_trust_roots {
    struct trn_arena *arena;
    uint32_t n;
    struct root {
        struct trn_str whole, subject;
    } root[ROOTS_MAX];
};

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static struct trn_str from_base64(struct trn_str text, struct trn_arena *a)
{
    char *out = trn_arena_alloc(a, text.n * 3 / 4 + 3);
    uint32_t bits = 0, have = 0;
    size_t n = 0;
    if (!out)
        return TRN_STR_NONE;
    for (size_t i = 0; i < text.n; i++) {
        int v = value_of(text.p[i]);
        if (v < 0)
            continue;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    return (struct trn_str){out, n};
}

/* The subject of a certificate as it stands there. */
static bool subject_of(struct trn_str whole, struct trn_str *ret)
{
    struct trn_cursor c = trn_cur_of(whole);
    struct trn_der d = {0};
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    (void)trn_der_accept(&c, TRN_DER_CONTEXT_IN(0), &d);
    static const uint8_t before[] = {TRN_DER_INTEGER, TRN_DER_SEQUENCE, TRN_DER_SEQUENCE, TRN_DER_SEQUENCE,
                                     TRN_DER_SEQUENCE}; /* serial, algorithm, issuer, validity, subject */
    for (size_t i = 0; i < TRN_ARRAY_SIZE(before); i++)
        if (trn_der_expect(&c, before[i], &d) < 0)
            return false;
    *ret = d.whole;
    return true;
}

static ptrdiff_t find(struct trn_str s, struct trn_str what)
{
    const char *p = memmem(s.p, s.n, what.p, what.n);
    return p ? p - s.p : -1;
}

int trn_trust_roots_load(struct trn_str pem, struct trn_trust_roots **ret)
{
    struct trn_trust_roots *r = pem.n <= PEM_MAX ? calloc(1, sizeof(*r)) : NULL;
    if (!r || !(r->arena = trn_arena_new(0))) {
        free(r);
        return pem.n <= PEM_MAX ? -ENOMEM : -E2BIG;
    }
    while (r->n < ROOTS_MAX) {
        ptrdiff_t from = find(pem, BEGIN);
        if (from < 0)
            break;
        pem = trn_str_slice(pem, (size_t)from + BEGIN.n, SIZE_MAX);
        ptrdiff_t to = find(pem, END);
        if (to < 0)
            break;
        struct root *root = &r->root[r->n];
        root->whole = from_base64(trn_str_slice(pem, 0, (size_t)to), r->arena);
        if (trn_str_is_none(root->whole)) {
            trn_trust_roots_free(r);
            return -ENOMEM;
        }
        r->n += subject_of(root->whole, &root->subject);
    }
    *ret = r;
    return 0;
}

struct trn_trust_roots *trn_trust_roots_free(struct trn_trust_roots *r)
{
    if (r)
        trn_arena_free(r->arena);
    free(r);
    return NULL;
}

size_t trn_trust_roots_count(const struct trn_trust_roots *r)
{
    return r ? r->n : 0;
}

int trn_trust_roots_add(const struct trn_trust_roots *r, struct trn_str subject, X509_STORE *store)
{
    for (uint32_t i = 0; r && i < r->n; i++) {
        if (!trn_str_eq(r->root[i].subject, subject))
            continue;
        const unsigned char *p = (const unsigned char *)r->root[i].whole.p;
        TRN_AUTO(trn_x509_freep) X509 *x = d2i_X509(NULL, &p, (long)r->root[i].whole.n);
        if (x && X509_STORE_add_cert(store, x) != 1)
            return -ENOMEM;
    }
    return 0;
}
