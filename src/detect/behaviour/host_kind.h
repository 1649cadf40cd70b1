/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of hosts by their names and addresses, and names made to look like others. Pure. */
#ifndef TRN_DETECT_HOST_KIND_H
#define TRN_DETECT_HOST_KIND_H

#include "base/base.h"

enum trn_host_kind {
    TRN_HOST_ORDINARY = 0,
    TRN_HOST_UPDATES,  /* mirrors and update servers, by their usual names */
    TRN_HOST_TIME,     /* time sync; told by its port */
    TRN_HOST_RELEASES, /* release downloads of code hosting */
    TRN_HOST_RAW_CODE,
    TRN_HOST_PASTE,
    TRN_HOST_FILE_DROP,
    TRN_HOST_WEBHOOK,
    TRN_HOST_DYNAMIC_DNS,
    TRN_HOST_TUNNEL,
    TRN_HOST_RARE_TLD,
    TRN_HOST_LOOK_ALIKE, /* only trn_look_alike knows */
    TRN_HOST_PUBLIC,     /* an address for which no name was asked */
    TRN_HOST_PRIVATE,
    TRN_HOST_LOOPBACK,
    TRN_HOST_KIND_MAX,
};

struct trn_host_kind_def {
    const char *name;  /* in profiles: "raw-code" */
    const char *words; /* "raw code hosting" */
    uint16_t never;    /* score for a lineage with history that never used this kind */
    uint16_t impostor; /* score for a packaged application without history; 0: nothing can be said */
    bool suspicious;   /* what stages of an attack are fetched from */
};
const struct trn_host_kind_def *trn_host_kind_def(enum trn_host_kind k);

struct trn_host_row {
    const char *glob;
    enum trn_host_kind kind;
};
const struct trn_host_row *trn_host_rows(size_t *ret_count); /* the table; the first that matches says it */

enum trn_host_kind trn_host_kind_of(struct trn_str name); /* never LOOK_ALIKE, PUBLIC, PRIVATE, LOOPBACK */
enum trn_host_kind trn_host_kind_of_address(const uint8_t *address, uint8_t family);
/* Multicast, broadcast, link-local, unspecified: nobody's host in particular. */
bool trn_host_is_nobody(const uint8_t *address, uint8_t family);

/* Registrable domains: is name made to be taken for known? Letters that look alike, one letter more, less or other (two in
 * long names), the same words in another order. Not: the same name below another suffix, names that differ in digits only
 * (cdn1, cdn2), names of fewer than five letters. */
bool trn_look_alike(struct trn_str name, struct trn_str known);

#endif
