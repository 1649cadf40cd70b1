/* SPDX-License-Identifier: Apache-2.0 */
/* Releases made by hand, for the tests of the room: told as a pool would tell them. */
#ifndef TRN_TEST_RELEASE_MADE_H
#define TRN_TEST_RELEASE_MADE_H

#include "release/compare.h"
#include "release/release_internal.h"

#include <criterion/criterion.h>

/* A release that is being told; what a call fails with is an assertion. */
struct made {
    struct trn_release *r;
    uint32_t file, last; /* number of the file, id of the last artifact in it */
};

struct made made_new(const char *label, const struct trn_release *other);
void made_file(struct made *m, const char *path);
/* One artifact below parent (0: the top of the file); its content is that text. Gives its id. */
uint32_t made_put(struct made *m, uint32_t parent, const char *name, enum trn_format format, const char *content);
/* A plain file of one artifact: both in one. */
uint32_t made_plain(struct made *m, const char *path, enum trn_format format, const char *content);
/* Of the last artifact. */
void made_size(struct made *m, uint64_t size); /* before the first feature */
void made_feature(struct made *m, enum trn_feature_kind kind, const char *key, const char *value);
void made_number(struct made *m, enum trn_feature_kind kind, const char *key, uint64_t number);
void made_features(struct made *m, enum trn_feature_kind kind, const char *prefix, unsigned from, unsigned to);
void made_property(struct made *m, const char *key, const char *value);
void made_finding(struct made *m, const char *check, uint16_t score);
void made_signed(struct made *m, const char *signer, const char *serial, const char *digest);
struct trn_signature made_signature(const char *signer, const char *serial, const char *digest);
void made_signature_put(struct made *m, const struct trn_signature *s);
struct trn_release *made_done(struct made *m); /* finished; the caller's to free */

/* The two compared; both must outlive it. */
struct trn_diff *made_diff(const struct trn_release *a, const struct trn_release *b);
struct trn_diff *made_diff_with(const struct trn_release *a, const struct trn_release *b,
                                const struct trn_diff_options *o);
/* The change of which the new member (else the old one) has this path; an assertion when there is none. */
const struct trn_change *change_at(const struct trn_diff *d, const char *path);
/* The strongest finding of the check, of any change or of that one; NULL: none. */
const struct trn_finding *found(const struct trn_diff *d, const char *check);
const struct trn_finding *found_in(const struct trn_change *c, const char *check);
const struct trn_release_member *member_at(const struct trn_release *r, const char *path); /* NULL: none */

#define MADE_AUTO(name) TRN_AUTO(trn_release_freep) struct trn_release *name

#endif
