/* SPDX-License-Identifier: Apache-2.0 */
/* The rehearsal's chain (tests/emulation) as events. */
#ifndef TRN_TEST_CHAIN_H
#define TRN_TEST_CHAIN_H

#include "../detect/script.h"

void the_chain(struct script *s);

#endif
