/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the checks of compound files share. */
#ifndef TRN_ARTIFACT_CHECK_MSI_H
#define TRN_ARTIFACT_CHECK_MSI_H

#include "artifact/look.h"
#include "formats/formats.h"

/* Bytes that are in no stream, of a file without a signature (check_ole2_slack.c). */
int trn_look_ole2_slack(struct trn_look *l, const struct trn_ole2 *o) TRN_MUST_CHECK;

#endif
