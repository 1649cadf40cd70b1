/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the act "block" only: which files and contents a request is about, as they are now. */
#ifndef TRN_RESPONSE_EXECUTE_BLOCK_FILES_H
#define TRN_RESPONSE_EXECUTE_BLOCK_FILES_H

#include "response/execute/blocker.h"

struct block_found {
    struct trn_block_file *files; /* owned; n_files of them */
    const char **paths;           /* owned, of views into the request, of each file */
    struct trn_block_content *contents;
    uint32_t n_files, n_contents;
    uint32_t passed_over; /* files of the software that are no programs */
    uint32_t other;       /* another content is there by now, or none */
    uint8_t build_id[64];
    size_t build_id_n;
    char path[4096]; /* of a path rule */
};
/* Looks, changes nothing. -EPERM: a vital one is among them. done() also after a failure. */
int block_find(const struct trn_act_tools *t, const struct trn_act_request *q, struct block_found *ret,
               struct trn_err *err) TRN_MUST_CHECK;
void block_found_done(struct block_found *f);
/* The same file again: an O_PATH descriptor; -ESTALE. */
int block_open(const struct trn_block_file *f, const char *path, bool whatever) TRN_MUST_CHECK;

/* A child of its own, in the scope, opens the file for reading. 0: it could; -EPERM: refused; -ETIME: it hung. */
int block_try(const struct trn_act_tools *t, const char *path) TRN_MUST_CHECK;

/* The files of a request, to be there after a restart: in keep, or, if they are many, in a file beside the journal. */
int block_keep(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err) TRN_MUST_CHECK;
int block_recall(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err) TRN_MUST_CHECK;
void block_keep_forget(const struct trn_act_tools *t, const struct trn_act *a);

#endif
