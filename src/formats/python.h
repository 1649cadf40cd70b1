/* SPDX-License-Identifier: Apache-2.0 */
/* Python as tokens: names, strings, numbers, signs. Comments, space and line ends are passed over. No grammar; never fails. */
#ifndef TRN_FORMATS_PYTHON_H
#define TRN_FORMATS_PYTHON_H

#include "base/base.h"

enum trn_py_kind {
    TRN_PY_END = 0,
    TRN_PY_NAME,
    TRN_PY_NUMBER,
    TRN_PY_STRING, /* text: between the quotes, as it stands */
    TRN_PY_PUNCT,  /* one character */
    TRN_PY_LINE,   /* the end of a line outside of brackets */
};

struct trn_py_token {
    enum trn_py_kind kind;
    struct trn_str text;
    size_t at;
};

struct trn_py {
    struct trn_str text; /* borrowed */
    size_t at;
    uint32_t brackets;
};

void trn_py_begin(struct trn_py *p, struct trn_str text);
bool trn_py_next(struct trn_py *p, struct trn_py_token *ret); /* false at the end */

#endif
