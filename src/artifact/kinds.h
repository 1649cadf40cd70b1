/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the looks and opens that kinds.c knows, one line each: int trn_look_pe(struct trn_look *, struct trn_err *) */
#ifndef TRN_ARTIFACT_KINDS_H
#define TRN_ARTIFACT_KINDS_H

#include "artifact/look.h"

#endif
