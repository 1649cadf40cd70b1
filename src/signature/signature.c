/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: names of states, the list of uncovered bytes. Must not own: any format. */
#include "signature/signature.h"

const char *trn_signature_kind_name(enum trn_signature_kind k)
{
    static const char *const names[TRN_SIGNATURE_KIND_MAX] = {"none",   "authenticode", "msi", "apple", "apple-adhoc",
                                                              "module", "deb",          "rpm", "npm",   "asar"};
    return (unsigned)k < TRN_SIGNATURE_KIND_MAX ? names[k] : "none";
}

const char *trn_digest_state_name(enum trn_digest_state s)
{
    static const char *const names[TRN_DIGEST_STATE_MAX] = {"none", "ok", "bad", "unknown"};
    return (unsigned)s < TRN_DIGEST_STATE_MAX ? names[s] : "none";
}

const char *trn_chain_state_name(enum trn_chain_state s)
{
    static const char *const names[TRN_CHAIN_STATE_MAX] = {"none", "ok", "unknown", "bad", "expired"};
    return (unsigned)s < TRN_CHAIN_STATE_MAX ? names[s] : "none";
}

const char *trn_signature_state_name(const struct trn_signature *s)
{
    if (s->kind == TRN_SIGNATURE_NONE)
        return "unsigned";
    if (s->digest == TRN_DIGEST_BAD || s->chain == TRN_CHAIN_BAD)
        return "invalid";
    return s->digest == TRN_DIGEST_OK && s->chain == TRN_CHAIN_OK ? "valid" : "unverified";
}

void trn_signature_uncovered(struct trn_signature *s, uint64_t at, uint64_t size, const char *what, bool expected)
{
    if (size == 0)
        return;
    if (!trn_add_ok(s->uncovered_total, size, &s->uncovered_total))
        s->uncovered_total = UINT64_MAX;
    if (s->n_uncovered < TRN_UNCOVERED_MAX)
        s->uncovered[s->n_uncovered++] = (struct trn_uncovered){at, size, what, expected};
}
