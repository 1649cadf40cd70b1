/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property lists in XML, read one item after another: no tree is built, nothing grows with the file. The binary form is
 * not read (-ENOTSUP).
 */
#ifndef TRN_FORMATS_PLIST_H
#define TRN_FORMATS_PLIST_H

#include "base/base.h"

#define TRN_PLIST_DEPTH 32

enum trn_plist_kind {
    TRN_PLIST_END = 0, /* of the whole */
    TRN_PLIST_DICT,
    TRN_PLIST_DICT_END,
    TRN_PLIST_ARRAY,
    TRN_PLIST_ARRAY_END,
    TRN_PLIST_KEY,
    TRN_PLIST_STRING,
    TRN_PLIST_DATA,
    TRN_PLIST_INTEGER,
    TRN_PLIST_REAL,
    TRN_PLIST_DATE,
    TRN_PLIST_TRUE,
    TRN_PLIST_FALSE,
};

struct trn_plist {
    struct trn_cursor c;
    uint8_t stack[TRN_PLIST_DEPTH]; /* kinds that are open */
    uint32_t depth;
    enum trn_plist_kind pending; /* the end of an empty one (<dict/>) */
    bool begun;
};
struct trn_plist_item {
    enum trn_plist_kind kind;
    uint32_t depth;      /* dicts and arrays around it */
    struct trn_str text; /* of keys and values, as it stands there: trn_plist_text, trn_plist_data */
};

void trn_plist_init(struct trn_plist *p, struct trn_str bytes); /* borrowed */
/* -EBADMSG: no property list, or damaged; -ENOTSUP: the binary form; -E2BIG: too deep. Say END again and again at the end. */
int trn_plist_next(struct trn_plist *p, struct trn_plist_item *ret) TRN_MUST_CHECK;
/* Goes behind the end of the dict or array whose beginning was the last item. */
int trn_plist_skip(struct trn_plist *p) TRN_MUST_CHECK;

/* With its entities resolved; absent without memory. */
struct trn_str trn_plist_text(struct trn_arena *a, struct trn_str raw);
/* From base64; absent when it is none, or without memory. */
struct trn_str trn_plist_data(struct trn_arena *a, struct trn_str raw);

#endif
