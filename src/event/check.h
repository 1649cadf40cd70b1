/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of checks: one table. Docs and `turncoat explain` are made from it. A check that is
 * not in it cannot fire (trn_finding_init takes the entry). indicator.* share entries by kind.
 */
#ifndef TRN_EVENT_CHECK_H
#define TRN_EVENT_CHECK_H

#include "event/types.h"

#define TRN_CHECK_MANY_EXCEPTIONS "exceptions.many"
/* The version of ATT&CK that the ids of this table, and so of findings and stories, are of. */
#define TRN_ATTACK_VERSION "17"

/* What kind of doubt a check of an artifact raises. Doubts of one category add up to its cap at most; categories are
 * independent of each other (artifact/score.c). Behaviour checks have none: stories count stages. */
enum trn_category {
    TRN_CATEGORY_NONE = 0,
    TRN_CATEGORY_SIGNATURE, /* the signature does not cover what it seems to, or is broken */
    TRN_CATEGORY_EMBEDDED,  /* bytes where none belong: behind an image, in an overlay */
    TRN_CATEGORY_CONTAINER, /* an archive that says two things */
    TRN_CATEGORY_CODE,      /* what the code can do and how it is laid out */
    TRN_CATEGORY_SCRIPT,    /* install scripts, obfuscated source */
    TRN_CATEGORY_METADATA,  /* versions, times, names that do not fit */
    TRN_CATEGORY_TEXT,      /* strings and YARA rules: never more than suspicious alone */
    TRN_CATEGORY_INDICATOR, /* a hash that somebody named as bad */
    TRN_CATEGORY_MAX,
};

struct trn_check {
    const char *id;    /* "behaviour.second-stage" */
    const char *title; /* a few words */
    uint16_t score;    /* 0-100: weight of one finding where nothing else is known */
    enum trn_stage stage;
    const char *attack[4];    /* ATT&CK technique ids, NULL ends */
    const char *means;        /* what it says, two or three sentences */
    const char *false_alarms; /* when it fires on harmless software */
    enum trn_category category;
    bool structural; /* a proof by the file's own structure: may be malicious without a second category */
};

/* All of them, in the order of the docs: for (size_t i = 0; (c = trn_check_at(i)); i++). NULL past the end. */
const struct trn_check *trn_check_at(size_t i);
const char *trn_category_name(enum trn_category c);        /* "signature"; "" for none */
const struct trn_check *trn_check_find(struct trn_str id); /* NULL when unknown */
/* ATT&CK renames: what an id of TRN_ATTACK_VERSION or before is called in a later version that content may already use
 * (v19 split Defense Evasion); NULL when it kept its name. For who compares our ids with another's. */
const char *trn_attack_renamed(struct trn_str id);

#endif
