/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what host.c (the act), host_rules.c (who stays reachable) and host_try.c (does it hold) share. */
#ifndef TRN_RESPONSE_EXECUTE_HOST_H
#define TRN_RESPONSE_EXECUTE_HOST_H

#include "response/execute/execute.h"
#include "response/execute/nft.h"

#define TRN_HOST_TABLE "turncoat"
#define TRN_HOST_HOLDS "holds" /* the set whose elements are the kernel's own dead man's timer */
#define TRN_HOST_COUNT_IN "dropped-in"
#define TRN_HOST_COUNT_OUT "dropped-out"
#define TRN_HOST_COUNT_FORWARD "dropped-forward"
#define TRN_HOST_COUNT_TRIED "tried" /* packets of host_try.c that came as far as the last rule */

#define TRN_HOST_PORT_ADMIN 22u
#define TRN_HOST_PORT_DNS 53u
#define TRN_HOST_TRY_PORT 9u /* discard */

/* How a host that stays reachable is meant; decided by its port alone. */
enum trn_host_role {
    TRN_HOST_ANY,     /* port 0: everything, both ways */
    TRN_HOST_ADMIN,   /* 22: it may come in by ssh; nobody may go out to it */
    TRN_HOST_DNS,     /* 53 */
    TRN_HOST_MANAGER, /* another port: we may go out to it */
};
enum trn_host_role trn_host_role_of(const struct trn_act_host *h);
int trn_host_check(const struct trn_act_host *h, struct trn_err *err) TRN_MUST_CHECK; /* family, prefix */
/* "10.0.0.5:8443", "[2001:db8::]/32" */
void trn_host_put(struct trn_buf *out_text, const struct trn_act_host *h);

/* RFC 5737, RFC 3849: addresses of nobody, for host_try.c. */
extern const uint8_t trn_host_nowhere4[4], trn_host_nowhere6[16];

/* host_rules.c: the whole table. The kernel opens everything by itself after timeout_ms (0: never). */
void trn_host_rules(struct trn_nft_batch *b, const struct trn_act_host *hosts, uint32_t n, uint64_t timeout_ms);
/* Another end of that timer. */
void trn_host_rules_hold(struct trn_nft_batch *b, uint64_t timeout_ms);

/* host_try.c */
struct trn_host_try;                                            /* connections to managers that are being tried */
struct trn_host_try *trn_host_try_free(struct trn_host_try *t); /* takes NULL */
/* One packet to where nobody may go, per family: 0 when it came as far as our last rule and was dropped there. */
int trn_host_try_dropped(struct trn_nft *n, struct trn_buf *seen, struct trn_err *err) TRN_MUST_CHECK;
/* Whether one of the managers answers; -EAGAIN: not yet. *t is made at the first call. */
int trn_host_try_managers(struct trn_host_try **t, const struct trn_act_host *hosts, uint32_t n, struct trn_buf *seen,
                          struct trn_err *err) TRN_MUST_CHECK;

#endif
