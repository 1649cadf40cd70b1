/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.persistence, and the table of places from which programs start by themselves. Inside src/detect only. */
#ifndef TRN_DETECT_PERSISTENCE_H
#define TRN_DETECT_PERSISTENCE_H

#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

/* ---- persistence_place.c: pure ---- */
struct trn_start_kind {
    const char *name;      /* the feature's text in a profile: "autostart", "cron" */
    const char *words;     /* "starts at login" */
    const char *technique; /* of ATT&CK */
    uint16_t score;        /* for software with history that never wrote there */
    bool own;              /* programs offer this by a switch: an entry with the software's own name is that */
    bool grave;            /* no script of a package's installation writes there */
};
/* The kind of place that a file of this path is in; NULL: none. Temporary names of editors and package managers are none. */
const struct trn_start_kind *trn_start_kind_of(struct trn_str path);

/* ---- persistence.c ---- */
struct trn_persistence;
struct trn_persistence *trn_persistence_new(void) TRN_MUST_CHECK;
struct trn_persistence *trn_persistence_free(struct trn_persistence *x);
/* FILE, IDENTITY, STATE, STOP; after provenance, which knows what came from the network. */
int trn_persistence_push(struct trn_persistence *x, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_provenance *written, const struct trn_event *ev) TRN_MUST_CHECK;
/* A finding was told: who runs what it fetched weighs more. */
int trn_persistence_finding(struct trn_persistence *x, const struct trn_detect_ctx *ctx, const struct trn_finding *f)
    TRN_MUST_CHECK;
size_t trn_persistence_bytes(const struct trn_persistence *x);

#endif
