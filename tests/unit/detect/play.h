/* SPDX-License-Identifier: Apache-2.0 */
/* One script and the machine that it is played on: what the tests of single detectors share. */
#ifndef TRN_TEST_PLAY_H
#define TRN_TEST_PLAY_H

#include "script.h"

extern struct script *s;
extern struct machine *m;
extern uint32_t pid; /* the last one that was given out */

void play_setup(void);
void play_teardown(void);
/* Everything that was written into the script since the last time. */
void play_on(void);
/* The same; then how many findings of this check there are in all. */
size_t told_of(const char *check);

#endif
