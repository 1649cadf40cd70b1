/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: which ops carry out an act. */
#ifndef TRN_RESPONSE_EXECUTE_ACTS_H
#define TRN_RESPONSE_EXECUTE_ACTS_H

#include "response/execute/execute.h"

const struct trn_act_ops *trn_act_ops_of(unsigned act); /* NULL: there is no such act here */

#endif
