/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host as people write it: "pbx.acme.test", "pbx.acme.test:5060", "10.9.0.5", "10.9.0.0/24:443", "2001:db8::/32",
 * "[2001:db8::1]:443".
 */
#ifndef TRN_POLICY_HOST_H
#define TRN_POLICY_HOST_H

#include "base/base.h"

struct trn_host {
    struct trn_str text; /* without port and brackets: a view */
    uint8_t family;      /* 4 or 6; 0: a name */
    uint8_t prefix;      /* bits; 32 or 128 for one address */
    uint16_t port;       /* 0: any */
    uint8_t address[16];
};
/* 0 or -EINVAL. */
int trn_host_parse(struct trn_str s, struct trn_host *ret) TRN_MUST_CHECK;

#endif
