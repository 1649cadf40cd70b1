/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of private data, and the detectors that they reach: behaviour.browser-data, collection, exfiltration. */
#ifndef TRN_DETECT_READS_H
#define TRN_DETECT_READS_H

#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

/* One sensitive file opened by a program that neither owns the data nor acts for who does. Views are borrowed. */
struct trn_read {
    uint64_t seq, boot_ns, wall_ns;
    const struct trn_entity *entity, *root; /* root: of the acting software */
    struct trn_str path, klass, owner;      /* owner: what its names begin with; absent */
    struct trn_software software;           /* acting, or the image's in a session */
    bool session;
    bool has_novelty;
    struct trn_novelty novelty; /* of the class, for this software */
};

struct trn_reads;
struct trn_reads *trn_reads_new(void) TRN_MUST_CHECK;
struct trn_reads *trn_reads_free(struct trn_reads *r);
/* Remembers an OPEN until it is known whose program read. */
int trn_reads_push(struct trn_reads *r, const struct trn_detect_ctx *ctx, const struct trn_event *ev) TRN_MUST_CHECK;
/* The next read that can be judged by now, after ev; false: none. *ret_r: 0 or -ENOMEM. */
bool trn_reads_next(struct trn_reads *r, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                    const struct trn_provenance *written, const struct trn_event *ev, struct trn_read *ret, int *ret_r);
size_t trn_reads_bytes(const struct trn_reads *r);

/* What a read weighs when nothing but the reader's history speaks: an ordinary act 0, else full or a note. */
uint16_t trn_read_weight(const struct trn_read *r, uint16_t full, struct trn_str *ret_why);

/* ---- collection.c ---- */
struct trn_collection;
struct trn_collection *trn_collection_new(void) TRN_MUST_CHECK;
struct trn_collection *trn_collection_free(struct trn_collection *c);
int trn_collection_read(struct trn_collection *c, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                        const struct trn_read *r, uint16_t *ret_weight) TRN_MUST_CHECK;
void trn_collection_exit(struct trn_collection *c, const struct trn_event *ev);
size_t trn_collection_bytes(const struct trn_collection *c);

#endif
