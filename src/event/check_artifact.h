/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the checks of artifacts and of changes between releases, parts of the registry. */
#ifndef TRN_EVENT_CHECK_ARTIFACT_H
#define TRN_EVENT_CHECK_ARTIFACT_H

#include "event/check.h"

extern const struct trn_check trn_artifact_checks[];
extern const size_t trn_artifact_checks_count;
extern const struct trn_check trn_release_checks[]; /* check_release.c */
extern const size_t trn_release_checks_count;

#endif
