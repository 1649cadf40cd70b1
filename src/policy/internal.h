/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges that the parser and the codec share. */
#ifndef TRN_POLICY_INTERNAL_H
#define TRN_POLICY_INTERNAL_H

#include "policy/policy.h"

#define TRN_POLICY_MS_MIN 10u
#define TRN_POLICY_MS_MAX 60000u
#define TRN_POLICY_RATE_MAX 100000u

#endif
