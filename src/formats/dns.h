/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035): the question, and the addresses and names of the answer section. */
#ifndef TRN_FORMATS_DNS_H
#define TRN_FORMATS_DNS_H

#include "base/base.h"

#define TRN_DNS_TYPE_A 1u
#define TRN_DNS_TYPE_CNAME 5u
#define TRN_DNS_TYPE_AAAA 28u

#define TRN_DNS_MAX_ANSWERS 64 /* more records than that: cut is set */

struct trn_dns {
    uint16_t id;
    bool answer; /* the QR bit: a response */
    bool cut;    /* the server set TC, or the answer section could not be read whole */
    uint16_t rcode;
    uint16_t qtype, qclass;
    /* Lower-case, dotted, no trailing dot; a dot inside a label is "\.", a backslash "\\", other bytes
     * as they are (they may be anything). The root is "." */
    struct trn_str name;
    struct trn_str answers; /* A, AAAA and CNAME of the answer section as text, each ended by NUL */
};

/* One message as carried by UDP (over TCP: without the two length bytes). Texts live in the arena.
 * 0; -EBADMSG when header or question do not parse (no question, more than one, reserved label kinds,
 * pointer loops); -ENOMEM. A damaged answer section is no error: what came before it is kept, cut is set. */
int trn_dns_parse(struct trn_cursor *in, struct trn_arena *a, struct trn_dns *ret) TRN_MUST_CHECK;

#endif
