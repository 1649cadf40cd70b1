/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the list of acts. One line each, in the order of enum trn_respond. Must not own: what they do. */
#include "response/execute/acts.h"

/* clang-format off */
static const struct trn_act_ops *const acts[TRN_RESPOND_KINDS] = {
    [TRN_RESPOND_BLOCK] = &trn_act_block,       [TRN_RESPOND_HOLD] = &trn_act_hold,
    [TRN_RESPOND_KILL] = &trn_act_kill,         [TRN_RESPOND_ISOLATE] = &trn_act_isolate,
    [TRN_RESPOND_SHIELD] = &trn_act_shield,     [TRN_RESPOND_QUARANTINE] = &trn_act_quarantine,
    [TRN_RESPOND_REMOVE] = &trn_act_remove,     [TRN_RESPOND_ROLLBACK] = &trn_act_rollback,
    [TRN_RESPOND_ISOLATE_HOST] = &trn_act_host,
};
/* clang-format on */

const struct trn_act_ops *trn_act_ops_of(unsigned act)
{
    return act < TRN_ARRAY_SIZE(acts) ? acts[act] : NULL;
}
