/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER, and the indefinite lengths of BER that signatures in the wild have: one element after another, as views. For exact
 * lengths and places of what stands in a signature; the mathematics is OpenSSL's.
 */
#ifndef TRN_FORMATS_DER_H
#define TRN_FORMATS_DER_H

#include "base/base.h"

#define TRN_DER_BOOLEAN 0x01
#define TRN_DER_INTEGER 0x02
#define TRN_DER_BITS 0x03
#define TRN_DER_OCTETS 0x04
#define TRN_DER_OID 0x06
#define TRN_DER_UTC_TIME 0x17
#define TRN_DER_TIME 0x18
#define TRN_DER_SEQUENCE 0x30
#define TRN_DER_SET 0x31
#define TRN_DER_CONTEXT(n) (0x80 | (n))    /* [n] IMPLICIT, primitive */
#define TRN_DER_CONTEXT_IN(n) (0xa0 | (n)) /* [n], with elements in it */
#define TRN_DER_DEPTH 32                   /* indefinite lengths in one another */
#define TRN_DER_OID_TEXT 96

struct trn_der {
    uint8_t ident; /* class, "constructed" and number; numbers from 31 on are 31 here */
    bool indefinite;
    struct trn_str whole; /* with its head, and with the end mark of an indefinite length */
    struct trn_str body;
};

/* The next element of c. -ENOENT: nothing is left; -EBADMSG: not one, or it does not fit (c is then bad). */
int trn_der_next(struct trn_cursor *c, struct trn_der *ret) TRN_MUST_CHECK;
/* The same, and it must be of this kind: -EBADMSG when it is another or when nothing is left. */
int trn_der_expect(struct trn_cursor *c, uint8_t ident, struct trn_der *ret) TRN_MUST_CHECK;
/* Takes the next one when it is of this kind; false, and nothing is taken, when not. */
bool trn_der_accept(struct trn_cursor *c, uint8_t ident, struct trn_der *ret);
/* How long the element is that begins with these bytes (16 suffice), head included. -EBADMSG: not one; -ENODATA: an
 * indefinite length, only all bytes tell. */
int trn_der_size(struct trn_str bytes, uint64_t *ret) TRN_MUST_CHECK;
/* The bytes of an OCTET STRING: its body, or of one in parts these put together in the arena. */
int trn_der_octets(const struct trn_der *d, struct trn_arena *a, struct trn_str *ret) TRN_MUST_CHECK;
/* "1.2.840.113549" of an OID's body; "?" when it is none. Returns dst. */
const char *trn_der_oid_text(struct trn_str oid, char dst[TRN_DER_OID_TEXT]);
/* Seconds of a UTCTime or GeneralizedTime in Z. */
int trn_der_time(const struct trn_der *d, int64_t *ret) TRN_MUST_CHECK;

#endif
