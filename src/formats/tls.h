/* SPDX-License-Identifier: Apache-2.0 */
/* The first thing a TLS client says (RFC 8446, 4.1.2), and its JA4 fingerprint. */
#ifndef TRN_FORMATS_TLS_H
#define TRN_FORMATS_TLS_H

#include "base/base.h"

#define TRN_TLS_HELLO_MAX 65536u /* bytes of the handshake message */

struct trn_tls_hello {
    uint16_t version;    /* highest that is offered, such as 0x0304 */
    bool cut;            /* an extension that we read makes no sense; it counts in the fingerprint all the same */
    struct trn_str sni;  /* lower case; absent when none is named. With ECH it is the outer name. */
    struct trn_str alpn; /* protocols, each ended by NUL; empty when none */
    struct trn_str ja4;  /* "t13d1516h2_8daaf6152771_e5627efa2ab1" */
};

/* A ClientHello in TLS records, as the client sends them over TCP; it may be spread over several records. What comes
 * behind it is not read. Texts live in the arena.
 * 0; -EAGAIN when it is one as far as it goes; -EBADMSG when it is none; -ENOMEM. */
int trn_tls_hello(struct trn_cursor *in, struct trn_arena *a, struct trn_tls_hello *ret) TRN_MUST_CHECK;

#endif
