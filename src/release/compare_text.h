/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what comparers of texts, scripts and packages share. */
#ifndef TRN_RELEASE_COMPARE_TEXT_H
#define TRN_RELEASE_COMPARE_TEXT_H

#include "release/compare.h"

/* ---- known.c: what the old release, and those before it, had anywhere ---- */
typedef uint64_t trn_known_key_fn(const struct trn_feature *f); /* 0: does not count */
uint64_t trn_known_by_value(const struct trn_feature *f);       /* key and value */
uint64_t trn_known_by_key(const struct trn_feature *f);
trn_known_key_fn trn_known_who, trn_known_host, trn_known_domain, trn_known_browser; /* compare_text.c */
trn_known_key_fn trn_known_start_name, trn_known_start_program;                      /* compare_service.c */
bool trn_is_known(const struct trn_map *known, uint64_t key);

/* The text behind the last "!" of a member's path: where it stands in its container. */
struct trn_str trn_member_place(const struct trn_release_member *m);
/* Which script of the package itself it is, run as root by who installs: "postinst"; "": none. */
struct trn_str trn_member_maintainer_script(const struct trn_release_member *m);
/* Tests, examples and documentation: nobody runs them. */
bool trn_member_is_aside(const struct trn_release_member *m);
/* For people: the place in the container, escaped; the arena's. */
const char *trn_member_shown(struct trn_compare *c, const struct trn_release_member *m);

/* ---- contact.c: which kind of host a URL, domain or address names ---- */
enum trn_contact_kind {
    TRN_CONTACT_NONE = 0, /* the machine itself, an example, an XML name */
    TRN_CONTACT_PLAIN,
    TRN_CONTACT_UNUSUAL, /* punycode, a port of its own, an end that costs nothing */
    TRN_CONTACT_ADDRESS, /* a bare number */
    TRN_CONTACT_RAW,     /* where anybody can put code or take data away */
    TRN_CONTACT_KIND_MAX,
};
struct trn_named_host {
    enum trn_contact_kind kind;
    struct trn_str host;   /* without port */
    struct trn_str domain; /* the last two parts of it (three where the second is short: "co.uk") */
    struct trn_str who;    /* of a raw host: host and the first two parts of the path; else the host */
};
/* Of a TRN_FEATURE_TEXT of class url, domain or address; kind NONE for others. Views into the value. */
struct trn_named_host trn_contact_of(const struct trn_feature *f);
const char *trn_contact_words(enum trn_contact_kind k);

#endif
