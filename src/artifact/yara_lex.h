/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the YARA part of the room: the words of a rule file, as far as it takes to know where each rule begins and ends. */
#ifndef TRN_ARTIFACT_YARA_LEX_H
#define TRN_ARTIFACT_YARA_LEX_H

#include "base/base.h"

enum trn_yara_word {
    TRN_YARA_IDENT,  /* also key words */
    TRN_YARA_NUMBER, /* value holds it, KB and MB applied */
    TRN_YARA_TEXT,   /* "..." or a regular expression */
    TRN_YARA_STRING, /* $a #a @a !a, with or without * */
    TRN_YARA_PUNCT,  /* op holds one or two characters */
};
struct trn_yara_token {
    enum trn_yara_word kind;
    uint16_t op; /* ':', or '=' << 8 | '=' */
    uint32_t at, n;
    uint64_t value; /* UINT64_MAX: not a plain integer */
};
#define TRN_YARA_OP(a, b) ((uint16_t)((a) << 8 | (b)))

struct trn_yara_rule_text {
    uint32_t from, to; /* bytes, modifiers and braces included */
    struct trn_str name;
    uint32_t condition, condition_end; /* tokens */
    bool global;
    bool referenced; /* another rule of the file asks for it */
    bool left_out;
};
struct trn_yara_import {
    uint32_t from, to;
    struct trn_str module; /* without quotes */
};
struct trn_yara_parsed {
    struct trn_str text;
    struct trn_yara_token *tokens; /* owned */
    struct trn_yara_rule_text *rules;
    struct trn_yara_import *imports;
    size_t n_tokens, n_rules, n_imports;
    size_t cap_tokens, cap_rules, cap_imports;
};
/* -EBADMSG: not understood (the compiler will say more, or it is newer than we are). */
int trn_yara_lex(struct trn_str text, struct trn_yara_parsed *ret) TRN_MUST_CHECK;
void trn_yara_parsed_done(struct trn_yara_parsed *p);
struct trn_str trn_yara_token_text(const struct trn_yara_parsed *p, size_t i);

#endif
