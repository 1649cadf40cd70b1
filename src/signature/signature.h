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

#include "signature/apple.h"

#endif
