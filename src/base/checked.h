/* SPDX-License-Identifier: Apache-2.0 */
/* Checked arithmetic: true when the result fits. (stdckdint.h is missing in gcc 12.) */
#ifndef TRN_BASE_CHECKED_H
#define TRN_BASE_CHECKED_H

#include "base/macros.h"

#define trn_add_ok(a, b, ret) (!__builtin_add_overflow((a), (b), (ret)))
#define trn_mul_ok(a, b, ret) (!__builtin_mul_overflow((a), (b), (ret)))

#endif
