/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a set of indicators, for the files of this folder and its tests. */
#ifndef TRN_DETECT_INDICATOR_SET_H
#define TRN_DETECT_INDICATOR_SET_H

#include "detect/indicator/indicator.h"

struct trn_ind_entry { /* places in the blob */
    uint32_t value, note;
    uint16_t value_n, note_n; /* note_n 0: none */
    uint8_t kind;
};

struct trn_ind_index {
    uint32_t *slots; /* entry number + 1; 0: empty */
    uint32_t mask;
    size_t count;
};

struct trn_indicators {
    struct trn_buf blob;
    struct trn_ind_entry *entries; /* sorted by kind and value once sealed */
    size_t n, cap;
    struct trn_ind_index index[TRN_IND_KIND_MAX];
    bool prefixes[2][129]; /* which prefix lengths of IPv4 and IPv6 are in use */
    uint32_t last_note, last_note_n;
    bool sealed;
};

/* key: 32 bytes of a hash, a struct trn_ip_key, or text. */
int trn_indicators_put(struct trn_indicators *x, enum trn_indicator_kind kind, struct trn_str key, struct trn_str note)
    TRN_MUST_CHECK;
struct trn_str trn_entry_value(const struct trn_indicators *x, const struct trn_ind_entry *e);
/* *probes grows by the entries looked at. */
const struct trn_ind_entry *trn_indicators_probe(const struct trn_indicators *x, enum trn_indicator_kind kind,
                                                 struct trn_str key, uint64_t *probes);

#endif
