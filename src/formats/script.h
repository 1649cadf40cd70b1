/* SPDX-License-Identifier: Apache-2.0 */
/* The "#!" line of a script, as the kernel reads it. */
#ifndef TRN_FORMATS_SCRIPT_H
#define TRN_FORMATS_SCRIPT_H

#include "base/base.h"

#define TRN_SCRIPT_LINE_MAX 256 /* the kernel looks no further (BINPRM_BUF_SIZE) */

struct trn_script {
    struct trn_str interp;   /* "/usr/bin/env" */
    struct trn_str argument; /* everything behind it as one argument; absent when there is none */
    struct trn_str program;  /* what runs in the end: "python3"; env, its options and NAME=VALUE looked through */
};

/* head: the first bytes of the file. False when it is no script. Views into head. */
bool trn_script_parse(struct trn_str head, struct trn_script *ret);

#endif
