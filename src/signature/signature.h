/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a signature says about a file and which bytes it leaves out. Digest and chain are told apart: a signature can be
 * right about every byte and lead to a root that nobody here knows.
 * Views of a result borrow from the arena or the source.
 */
#ifndef TRN_SIGNATURE_SIGNATURE_H
#define TRN_SIGNATURE_SIGNATURE_H

#include "formats/formats.h"

enum trn_signature_kind {
    TRN_SIGNATURE_NONE = 0,
    TRN_SIGNATURE_AUTHENTICODE, /* PE, CAB */
    TRN_SIGNATURE_MSI,
    TRN_SIGNATURE_APPLE,
    TRN_SIGNATURE_APPLE_ADHOC, /* hashes only, no signer */
    TRN_SIGNATURE_MODULE,      /* trailer of kernel modules */
    TRN_SIGNATURE_DEB,
    TRN_SIGNATURE_RPM,
    TRN_SIGNATURE_NPM, /* a provenance statement */
    TRN_SIGNATURE_ASAR,
    TRN_SIGNATURE_KIND_MAX,
};
enum trn_digest_state {
    TRN_DIGEST_NONE = 0,
    TRN_DIGEST_OK,
    TRN_DIGEST_BAD,
    TRN_DIGEST_UNKNOWN, /* cannot be computed here: its hash or its form is not known */
    TRN_DIGEST_STATE_MAX,
};
enum trn_chain_state {
    TRN_CHAIN_NONE = 0,
    TRN_CHAIN_OK,
    TRN_CHAIN_UNKNOWN, /* no known root at its end, or the key is not at hand */
    TRN_CHAIN_BAD,     /* a signature in it is wrong, or it is not for this use */
    TRN_CHAIN_EXPIRED, /* over when it was signed, or now and there is no time stamp */
    TRN_CHAIN_STATE_MAX,
};

#define TRN_UNCOVERED_MAX 32
struct trn_uncovered { /* bytes that the signature does not vouch for */
    uint64_t at, size; /* in the file */
    const char *what;  /* static: "certificate table padding" */
    bool expected;     /* the format wants it so (the checksum, the table's own bytes) */
};

struct trn_signature {
    enum trn_signature_kind kind;
    enum trn_digest_state digest;
    enum trn_chain_state chain;
    struct trn_str signer;         /* organisation, or common name; raw; absent when nobody is named */
    struct trn_str issuer;         /* of the signer's certificate */
    struct trn_str serial;         /* raw bytes */
    struct trn_str team;           /* Apple team id */
    struct trn_str digest_name;    /* "sha256" */
    struct trn_str content_digest; /* raw: what was signed (authentihash, code directory hash) */
    int64_t signed_at;             /* seconds; 0: no time stamp that could be read */
    uint32_t signatures;           /* how many, nested ones too */
    uint32_t n_uncovered;
    uint64_t uncovered_total; /* bytes, also of those that found no room in the list */
    struct trn_uncovered uncovered[TRN_UNCOVERED_MAX];
};

const char *trn_signature_kind_name(enum trn_signature_kind k); /* "authenticode"; "none" */
const char *trn_digest_state_name(enum trn_digest_state s);     /* none ok bad unknown */
const char *trn_chain_state_name(enum trn_chain_state s);       /* none ok unknown bad expired */
/* One word for all: "unsigned", "valid" (digest and chain ok), "invalid" (one of them bad), "unverified" (else). */
const char *trn_signature_state_name(const struct trn_signature *s);
/* Adds a range; counts it when the list is full. */
void trn_signature_uncovered(struct trn_signature *s, uint64_t at, uint64_t size, const char *what, bool expected);

/* ---- roots.c: whom to believe ---- */
/* Certificates as PEM, one after another; read before the sandbox closes, given as bytes. What is no certificate is passed
 * over. NULL roots everywhere below: every chain is unknown. */
struct trn_trust_roots;
int trn_trust_roots_load(struct trn_str pem, struct trn_trust_roots **ret) TRN_MUST_CHECK;
struct trn_trust_roots *trn_trust_roots_free(struct trn_trust_roots *r); /* takes NULL, returns NULL */
size_t trn_trust_roots_count(const struct trn_trust_roots *r);
static inline void trn_trust_roots_freep(struct trn_trust_roots **r)
{
    *r = trn_trust_roots_free(*r);
}
/* Makes OpenSSL ready for a process that may open no file: once, before its sandbox closes. */
int trn_signature_warm(void);

struct trn_signature_options {
    size_t sz;
    const struct trn_trust_roots *roots;
    int64_t now; /* seconds: what has no time stamp must be good at this time */
};

/* ---- what stands in a signed file without being signed ---- */
enum trn_unsigned_place_kind {
    TRN_PLACE_SLACK = 0,   /* in an entry of the certificate table, behind the signature; or between entries */
    TRN_PLACE_BEHIND,      /* behind the certificate table */
    TRN_PLACE_ENTRY,       /* an entry that is no signature */
    TRN_PLACE_ATTRIBUTE,   /* an attribute that nobody signed */
    TRN_PLACE_CERTIFICATE, /* a certificate that no signer needs */
    TRN_PLACE_STRAY,       /* elements or parameters where the structure has none */
    TRN_PLACE_STAMP,       /* a time stamp that is not about this signature */
    TRN_PLACE_FURTHER,     /* a further signature that cannot be checked, or parts of one that it does not need */
    TRN_PLACE_KIND_MAX,
};
#define TRN_PLACES_MAX 24
struct trn_unsigned_place {
    enum trn_unsigned_place_kind kind;
    uint64_t at, size; /* in the file */
    bool non_zero;
    char oid[48];     /* of an attribute */
    const char *what; /* static */
};

/* Authenticode, of whatever carries it. */
struct trn_signed {
    struct trn_signature signature; /* of the first signature; digest bad when any is */
    enum trn_digest_state pages;    /* hashes of pages; none: it has none */
    uint32_t n_places, places_left_out;
    struct trn_unsigned_place places[TRN_PLACES_MAX];
    uint64_t table_at, table_size; /* of a PE */
    uint32_t entries;
    bool stamped;          /* there is a time stamp, good or not */
    bool stamp_bad;        /* one that does not fit its signature */
    const char *why;       /* static: what is wrong with the digest; "" */
    const char *chain_why; /* the same of the chain */
    char program[128];     /* what the signer called it, raw, cut; "" */
};

/* module.c: a trailer as kernel modules have, at the end of anything. -ENOENT: none. places: what its lengths do not account
 * for, and parts that must be empty and are not. */
int trn_module_trailer(const struct trn_source *s, const struct trn_signature_options *o, struct trn_arena *a,
                       struct trn_signed *ret) TRN_MUST_CHECK;

/* msi.c: -ENOENT: not signed. Uncovered bytes of the compound file are in signature.uncovered, what they are in ole2.h. */
int trn_msi_signature(const struct trn_ole2 *ole, const struct trn_signature_options *o, struct trn_arena *a,
                      struct trn_signed *ret) TRN_MUST_CHECK;
/* cab.c: -ENOENT: not signed; -EBADMSG: the header points to a signature that is not in the file. */
int trn_cab_signature(const struct trn_source *s, const struct trn_signature_options *o, struct trn_arena *a,
                      struct trn_signed *ret) TRN_MUST_CHECK;

/* packages.c. Their keys are not here: of an rpm the digest is that of its own hashes (and kind is none when nobody signed
 * those); of a deb it is unknown. -ENOENT: neither signed nor hashed; -EBADMSG: not whole. */
int trn_rpm_signature(const struct trn_source *s, struct trn_arena *a, struct trn_signature *ret) TRN_MUST_CHECK;
int trn_deb_signature(const struct trn_source *s, struct trn_arena *a, struct trn_signature *ret) TRN_MUST_CHECK;

/* provenance.c: a Sigstore bundle with an in-toto statement, as npm publishes it. -ENOENT: other JSON; -EBADMSG: damaged. */
struct trn_npm_provenance {
    struct trn_signature signature; /* digest: did the key of its own certificate sign the statement? */
    struct trn_str subject;         /* "pkg:npm/name@1.2.3" */
    struct trn_str digest;          /* of the content it is about, in hex */
    struct trn_str predicate;       /* type of what is said */
    const char *digest_algorithm;   /* "sha512" */
};
int trn_provenance_read(const struct trn_source *s, struct trn_arena *a, struct trn_npm_provenance *ret) TRN_MUST_CHECK;

/* authenticode.c: -ENOENT: not signed; -EBADMSG: its directory points nowhere (err says where). */
int trn_authenticode_pe(const struct trn_pe *pe, const struct trn_signature_options *o, struct trn_arena *a,
                        struct trn_signed *ret, struct trn_err *err) TRN_MUST_CHECK;

#include "signature/apple.h"

#endif
