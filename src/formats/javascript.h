/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JavaScript as tokens, and what its tokens say about how it was written. No grammar: a bounded walk that never fails; text
 * that is no JavaScript gives tokens that mean little.
 */
#ifndef TRN_FORMATS_JAVASCRIPT_H
#define TRN_FORMATS_JAVASCRIPT_H

#include "base/base.h"

#define TRN_JS_TEMPLATES 32u

enum trn_js_kind {
    TRN_JS_END = 0,
    TRN_JS_NAME, /* identifiers and keywords */
    TRN_JS_NUMBER,
    TRN_JS_STRING,   /* text: without the quotes */
    TRN_JS_TEMPLATE, /* a part of one, up to ${ or the end */
    TRN_JS_REGEX,
    TRN_JS_PUNCT, /* one character, or => */
};

struct trn_js_token {
    enum trn_js_kind kind;
    struct trn_str text;
    uint32_t escapes;       /* \xHH and \uHHHH in it */
    uint32_t plain_escapes; /* of those, letters, digits and the like that needed none */
};

struct trn_js {
    struct trn_str text; /* borrowed */
    size_t at;
    bool divides; /* a '/' here would be a division */
    uint32_t depth;
    uint32_t braces[TRN_JS_TEMPLATES]; /* open braces in each template's ${ */
    uint64_t vain;                     /* bytes walked for regular expressions that were none */
};

void trn_js_begin(struct trn_js *j, struct trn_str text);
/* Comments and space are passed over. False at the end. */
bool trn_js_next(struct trn_js *j, struct trn_js_token *ret);

/* ---- javascript_measure.c ---- */
struct trn_js_measures {
    uint64_t tokens, names, hex_names; /* hex_names: _0x1a2b */
    uint64_t lines, longest_line;
    uint64_t strings, string_bytes, escapes, plain_escapes;
    uint64_t longest_string;
    uint64_t longest_string_at;
    uint32_t string_entropy_milli; /* over all string literals */
    uint32_t largest_string_list;  /* elements of the longest list of nothing but strings */
    bool rotates;                  /* x.push(x.shift()): how a list of strings is brought into order at run time */
    bool packed;                   /* eval(function(p,a,c,k,e, */
    uint64_t symbols;              /* tokens of []()!+{} only */
    uint32_t evals;                /* eval, Function, vm.run..., and the like with an argument that is no plain text */
    uint32_t decoders;             /* atob, unescape, fromCharCode, Buffer.from(x, 'base64' or 'hex') */
    uint32_t evals_decoded;        /* evaluation of what a decoder gave */
    uint64_t eval_decoded_at;
    /* what a script can do to its machine */
    bool network, process, writes_files, makes_executable, evaluates;
    uint64_t network_at, process_at;
};
void trn_js_measure(struct trn_str text, struct trn_js_measures *ret);

/* Calls fn with each string literal that is given to something that starts a process (exec, execSync, spawn...), at: its place.
 * fn says false to end. */
void trn_js_commands(struct trn_str text, bool (*fn)(void *ctx, struct trn_str command, size_t at), void *ctx);

#endif
