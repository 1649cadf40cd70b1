/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the two halves of the check of images share. */
#ifndef TRN_ARTIFACT_CHECK_IMAGE_H
#define TRN_ARTIFACT_CHECK_IMAGE_H

#include "artifact/kinds.h"
#include "formats/formats.h"

/* Bytes that belong to no part of the image (check_image.c). */
int trn_look_image_rest(struct trn_look *l, struct trn_image_rest r) TRN_MUST_CHECK;
/* What its parts carry that viewers pass over (check_image_carried.c). */
int trn_look_image_carried(struct trn_look *l, const struct trn_image_extent *i) TRN_MUST_CHECK;

#endif
