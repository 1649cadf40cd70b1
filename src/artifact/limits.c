/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the default limits and the names of gaps. */
#include "artifact/artifact.h"

struct trn_limits trn_limits_default(void)
{
    return (struct trn_limits){
        .bytes = 8ull << 30,
        .member_bytes = 4ull << 30,
        .ratio = 200,
        .memory = 64ull << 20,
        .members = 500000,
        .depth = 16,
        .findings = 10000,
        .seconds = 600,
    };
}

void trn_limits_fill(struct trn_limits *l)
{
    struct trn_limits d = trn_limits_default();
    l->bytes = l->bytes ? l->bytes : d.bytes;
    l->member_bytes = l->member_bytes ? l->member_bytes : d.member_bytes;
    l->ratio = l->ratio ? l->ratio : d.ratio;
    l->memory = l->memory ? l->memory : d.memory;
    l->members = l->members ? l->members : d.members;
    l->depth = l->depth ? l->depth : d.depth;
    l->findings = l->findings ? l->findings : d.findings;
    l->seconds = l->seconds ? l->seconds : d.seconds;
}

const char *trn_gap_kind_name(enum trn_gap_kind k)
{
    static const char *const names[TRN_GAP_KIND_MAX] = {"limit",       "damaged",  "encrypted",
                                                        "unsupported", "repeated", "crashed"};
    return (unsigned)k < TRN_GAP_KIND_MAX ? names[k] : "damaged";
}
