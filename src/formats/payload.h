/* SPDX-License-Identifier: Apache-2.0 */
/* What a run of bytes is by itself, and what the text among it decodes to: for bytes that stand where no format reads them. */
#ifndef TRN_FORMATS_PAYLOAD_H
#define TRN_FORMATS_PAYLOAD_H

#include "base/base.h"

enum trn_payload_kind {
    TRN_PAYLOAD_DATA = 0,   /* nothing in particular */
    TRN_PAYLOAD_TEXT,       /* UTF-8 or Latin-1 that people could read */
    TRN_PAYLOAD_IMAGE,      /* a picture, sound or film */
    TRN_PAYLOAD_COMPRESSED, /* a stream (zlib, gzip, deflate) that unpacks to neither text nor program */
    TRN_PAYLOAD_RANDOM,     /* encrypted, or compressed in a way that is not known here */
    TRN_PAYLOAD_ARCHIVE,
    TRN_PAYLOAD_PROGRAM, /* PE, ELF, Mach-O with a header that makes sense; a script in a language of servers or shells */
    TRN_PAYLOAD_KIND_MAX,
};

struct trn_payload {
    enum trn_payload_kind kind;
    const char *what; /* of an archive or program: "pe"; else "" */
    size_t at;        /* where that begins */
};

const char *trn_payload_name(enum trn_payload_kind k); /* "random bytes"; never NULL */
struct trn_payload trn_payload_of(const uint8_t *p, size_t n);

/* The header of a program at p; what it is, else NULL. */
const char *trn_program_at(const uint8_t *p, size_t n);
/* The first program in it from `from` on, or n. */
size_t trn_program_find(const uint8_t *p, size_t n, size_t from, const char **ret_what);
/* Bytes that a program's header can take, for who looks at it window by window. */
#define TRN_PROGRAM_HEAD 65600u

/* Entropy in thousandths from which so many bytes look random. */
uint32_t trn_random_milli(uint64_t n);

/* Text that stands for other bytes: the longest run of base64, else of hexadecimal digits. */
struct trn_encoded {
    size_t at, size; /* of the text; size 0: there is none */
    bool hex;
    bool even;                  /* its letters are spread as those of encoded bytes are, not as in names and paths */
    struct trn_payload payload; /* of what it stands for; at counts in that */
    struct trn_str decoded;     /* in the arena */
};
#define TRN_ENCODED_LEAST 64u /* characters */
#define TRN_HEX_LEAST 256u
/* 0 or -ENOMEM. */
int trn_encoded_find(const uint8_t *p, size_t n, struct trn_arena *a, struct trn_encoded *ret) TRN_MUST_CHECK;

#endif
