/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shield: opens of sensitive files (browser stores, keys, wallets: sensitive.c) are asked about, and refused to
 * processes whose mark takes data away (cut.h). Everybody else is allowed at once. A permission group of its own; no file
 * is watched, and no group is open, until the first hold. What a process has open already stays open to it.
 */
#ifndef TRN_SENSOR_SHIELD_H
#define TRN_SENSOR_SHIELD_H

#include "sensor/cut.h"
#include "sensor/permission.h"

struct trn_shield;

struct trn_shield_options {
    size_t sz;
    const struct trn_cut *cut; /* must live longer */
    const char *const *homes;  /* as in trn_fanotify_options */
    size_t n_homes;
};

int trn_shield_new(const struct trn_shield_options *o, struct trn_shield **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_shield *trn_shield_free(struct trn_shield *s); /* takes NULL */

struct trn_shield_places {
    size_t folders, files;
    size_t failed; /* folders that cannot be watched */
};
/* What there is to be refused; watches nothing. */
int trn_shield_look(struct trn_shield *s, struct trn_shield_places *ret, struct trn_err *err) TRN_MUST_CHECK;
/* The first hold watches all places, and those that come to be, until the last one is given back. All by one thread. */
int trn_shield_hold(struct trn_shield *s, struct trn_shield_places *ret, struct trn_err *err) TRN_MUST_CHECK;
void trn_shield_release(struct trn_shield *s);
/* One more file that is as good as sensitive: to try it with. fd: O_PATH. */
int trn_shield_watch(struct trn_shield *s, int fd, struct trn_err *err) TRN_MUST_CHECK;
/* The path of one sensitive file that is watched; false: there is none. */
bool trn_shield_example(struct trn_shield *s, char *dst, size_t size);
uint64_t trn_shield_refused(struct trn_shield *s);

/* For the heartbeat, as of any permission group; from any thread, without waiting. */
bool trn_shield_is_open(const struct trn_shield *s);
bool trn_shield_stuck(struct trn_shield *s);

#endif
