/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON read piece by piece, as RFC 8259 has it: nothing is kept but the depth, so a text of any size costs no memory. For
 * foreign texts that are large (the header of an Electron archive) or of which only a few members matter (package.json).
 */
#ifndef TRN_FORMATS_JSON_H
#define TRN_FORMATS_JSON_H

#include "base/base.h"

#define TRN_JSON_DEPTH 192u

enum trn_json_kind {
    TRN_JSON_END = 0, /* of the whole text */
    TRN_JSON_OBJECT,
    TRN_JSON_OBJECT_END,
    TRN_JSON_ARRAY,
    TRN_JSON_ARRAY_END,
    TRN_JSON_KEY, /* its value is the next piece */
    TRN_JSON_STRING,
    TRN_JSON_NUMBER,
    TRN_JSON_TRUE,
    TRN_JSON_FALSE,
    TRN_JSON_NULL,
};

struct trn_json_piece {
    enum trn_json_kind kind;
    struct trn_str raw; /* of a key, string or number: as it stands there, without the quotes */
    bool escaped;       /* raw holds a backslash */
    size_t at;          /* where it begins */
};

struct trn_json {
    struct trn_str text; /* borrowed */
    size_t at;
    uint32_t depth;
    uint64_t is_object[TRN_JSON_DEPTH / 64];
    bool wants_value, after_value, started;
};

void trn_json_begin(struct trn_json *j, struct trn_str text);
/* 0, or -EBADMSG when the text is no JSON from j->at on or nested deeper than TRN_JSON_DEPTH. */
int trn_json_next(struct trn_json *j, struct trn_json_piece *ret) TRN_MUST_CHECK;
/* The value that `first` (just read) begins, passed over. */
int trn_json_skip(struct trn_json *j, const struct trn_json_piece *first) TRN_MUST_CHECK;
/* The text of a key or string, escapes resolved (halves of surrogate pairs become U+FFFD); borrowed from the text when it has
 * none, else the arena's. Absent when there is no room. */
struct trn_str trn_json_unescape(const struct trn_json_piece *p, struct trn_arena *a);

#endif
