/* SPDX-License-Identifier: Apache-2.0 */
/* A softphone that is started once a day, and its profile: what the tests of profile and drift share. */
#ifndef TRN_TEST_PHONE_H
#define TRN_TEST_PHONE_H

#include "detect/behaviour/profile_internal.h"
#include "script.h"

#define DAY_NS ((uint64_t)TRN_DAY_SEC * TRN_NS_PER_SEC)
#define WALL_NS 1795417260000000000ull
#define PHONE "/opt/acme-softphone/bin/acme-softphone"

extern struct script *s; /* play.c */
extern struct trn_process_table *t;
extern struct trn_profiles *p;
extern struct trn_detect_ctx ctx;
extern uint64_t days; /* added to the wall clock */
extern uint32_t next_pid;
extern uint64_t seq;
extern size_t rows; /* written */

void phone_setup(void);
void phone_teardown(void);
void play(void); /* everything that was written into the script since the last time */
uint32_t start(const char *version);
struct trn_novelty ask(uint32_t pid, enum trn_feature_class class, const char *text);
uint32_t grow(const char *version, unsigned n); /* one run a day with the ordinary destination; the pid of the last */
struct trn_lineage *phone(void);

#endif
