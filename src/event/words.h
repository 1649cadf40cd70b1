/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of sentences for people. Foreign text is escaped. */
#ifndef TRN_EVENT_WORDS_H
#define TRN_EVENT_WORDS_H

#include "event/types.h"

void trn_put_path(struct trn_buf *b, struct trn_str path);              /* "~/x" for a file in a home */
void trn_put_software(struct trn_buf *b, const struct trn_software *s); /* "acme-softphone 1.1", "an unknown program" */

#endif
