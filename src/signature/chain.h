/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: from a certificate to a root. */
#ifndef TRN_SIGNATURE_CHAIN_H
#define TRN_SIGNATURE_CHAIN_H

#include "signature/cms.h"

enum trn_chain_use { TRN_USE_ANY = 0, TRN_USE_CODE, TRN_USE_TIME };

/* Does certificate `leaf` of the bag lead to a root, at this time, for this use? why: static, what is wrong. */
enum trn_chain_state trn_chain_check(const struct trn_cms *bag, int leaf, const struct trn_trust_roots *roots,
                                     int64_t at, enum trn_chain_use use, const char **ret_why);
/* Marks the certificates of the bag that stand above this one, each signed by the next; used: one flag a certificate. */
void trn_chain_mark(const struct trn_cms *bag, int leaf, bool used[TRN_CMS_CERTS]);
/* Adds the roots of this subject (whole name) to the store. */
int trn_trust_roots_add(const struct trn_trust_roots *r, struct trn_str subject, X509_STORE *store) TRN_MUST_CHECK;
/* Organisation of a name, or common name; absent: neither. */
struct trn_str trn_chain_name(const X509_NAME *name, struct trn_arena *a);
/* Subject, organisation (or common name), issuer, serial as views in the arena. */
int trn_chain_names(X509 *x, struct trn_arena *a, struct trn_signature *ret) TRN_MUST_CHECK;

#endif
