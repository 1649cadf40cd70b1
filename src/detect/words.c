/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: pieces of sentences that several detectors use, and the last step of every finding.
 * Must not: print; every foreign byte goes through trn_escape.
 */
#include "detect/internal.h"

#include <arpa/inet.h>

void trn_put_address(struct trn_buf *b, const uint8_t *address, uint8_t family, uint32_t port)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (family != 4 && family != 6)
        return;
    if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
        return;
    trn_put_fmt(b, family == 6 && port != TRN_NO_U32 ? "[%s]" : "%s", text);
    if (port != TRN_NO_U32)
        trn_put_fmt(b, ":%u", port);
}

struct trn_str trn_keep(struct trn_arena *a, const struct trn_buf *b)
{
    return b->bad ? TRN_STR_NONE : trn_arena_str(a, trn_buf_str(b));
}

int trn_report(const struct trn_detect_ctx *ctx, struct trn_finding *f, uint64_t salt)
{
    f->id = trn_hash64_mix(trn_hash64_str(trn_str_of(f->check->id)), salt);
    if (!f->id)
        f->id = 1;
    return trn_sink_finding(&ctx->findings, f);
}
