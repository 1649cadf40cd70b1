/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.hands-on-keyboard: somebody types through a program that never had a shell. */
#ifndef TRN_DETECT_HANDS_ON_KEYBOARD_H
#define TRN_DETECT_HANDS_ON_KEYBOARD_H

#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

struct trn_hands_watch;
struct trn_hands_watch *trn_hands_watch_new(void) TRN_MUST_CHECK;
struct trn_hands_watch *trn_hands_watch_free(struct trn_hands_watch *w);
int trn_hands_watch_push(struct trn_hands_watch *w, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_provenance *written, const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_hands_watch_bytes(const struct trn_hands_watch *w);

#endif
