/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the two trees of an ISO image, and what is in none. */
#ifndef TRN_ARTIFACT_ISO_TREES_H
#define TRN_ARTIFACT_ISO_TREES_H

#include "artifact/look.h"

/* Tells files that only one of two trees names, and looks at them. */
int trn_iso_compare(struct trn_look *l) TRN_MUST_CHECK;
/* check_iso_layout.c: tells every byte that belongs to no file and no structure, and looks at it. */
int trn_iso_layout(struct trn_look *l) TRN_MUST_CHECK;

#endif
