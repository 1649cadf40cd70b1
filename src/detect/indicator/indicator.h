/* SPDX-License-Identifier: Apache-2.0 */
/* The indicator parsers, their normal forms and the detector. Inside src/detect only. */
#ifndef TRN_DETECT_INDICATOR_H
#define TRN_DETECT_INDICATOR_H

#include "detect/internal.h"

/* ---- normal.c: one text form per indicator, so that equal things compare equal ---- */
#define TRN_INDICATOR_VALUE_MAX 2048
#define TRN_INDICATOR_NOTE_MAX 256
#define TRN_DOMAIN_MAX 255

struct trn_ip_key {
    uint8_t family, prefix; /* 4 or 6; bits */
    uint8_t address[16];    /* masked; bytes past the prefix are 0 */
};

/* Into out (cleared first). 0, or -EINVAL with *ret_why saying what is wrong with it. */
int trn_indicator_normal(enum trn_indicator_kind kind, struct trn_str raw, struct trn_buf *out, const char **ret_why)
    TRN_MUST_CHECK;
bool trn_indicator_kind_parse(struct trn_str name, enum trn_indicator_kind *ret);
const char *trn_indicator_kind_name(enum trn_indicator_kind k);
int trn_ip_parse(struct trn_str text, struct trn_ip_key *ret) TRN_MUST_CHECK; /* "10.0.0.0/8", "::1" */
void trn_ip_mask(struct trn_ip_key *k, uint8_t prefix);
/* Lower case, no trailing dot, into dst; false when it is no name. */
bool trn_domain_normal(struct trn_str raw, char dst[TRN_DOMAIN_MAX + 1], size_t *ret_n);

/* Normalises and hands to the sink, or tells it why not. */
int trn_indicator_emit(const struct trn_indicator_sink *sink, uint64_t line, const enum trn_indicator_kind *kind,
                       struct trn_str raw, struct trn_str note) TRN_MUST_CHECK;
int trn_indicator_bad(const struct trn_indicator_sink *sink, uint64_t line, const char *why) TRN_MUST_CHECK;

/* ---- csv.c, stix.c, stix_pattern.c ---- */
int trn_indicators_parse_csv(struct trn_str content, const struct trn_indicator_sink *sink) TRN_MUST_CHECK;
/* One pattern; object: its number in the bundle, told in place of a line. */
int trn_stix_pattern(struct trn_str pattern, struct trn_str note, uint64_t object,
                     const struct trn_indicator_sink *sink) TRN_MUST_CHECK;

/* ---- set.c: for tests: slots looked at by all lookups so far of this thread's calls ---- */
uint64_t trn_indicators_probe_sha256(const struct trn_indicators *x, const uint8_t hash[TRN_SHA256_SIZE]);

/* ---- watch.c: the detector ---- */
struct trn_indicator_watch;
struct trn_indicator_watch *trn_indicator_watch_new(void) TRN_MUST_CHECK;
struct trn_indicator_watch *trn_indicator_watch_free(struct trn_indicator_watch *w);
int trn_indicator_watch_push(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx,
                             const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_indicator_watch_bytes(const struct trn_indicator_watch *w);

#endif
