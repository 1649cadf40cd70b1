/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign bytes are stored raw and escaped at each output edge, here.
 * Terminal: control bytes, ESC, DEL, C1, bidi and zero-width controls, and bytes that are not UTF-8
 * become \n, \t, \x1b, \u202e, \xff; backslash becomes \\ ; the rest is printed as it is.
 */
#ifndef TRN_BASE_ESCAPE_H
#define TRN_BASE_ESCAPE_H

#include "base/buf.h"

void trn_escape(struct trn_buf *out, struct trn_str s);
/* Into a fixed array (always terminated, cut with "..." when too long); returns dst for printf. */
const char *trn_escape_into(char *dst, size_t size, struct trn_str s);
/* JSON string with quotes (absent: null); controls and bidi marks are escaped here too. Bytes that
 * are not UTF-8 become U+FFFD; returns false when that happened, so that the caller can add the raw
 * bytes beside it. */
bool trn_json_str(struct trn_buf *out, struct trn_str s);
/* Text of an HTML page, also between quotes: no byte of it is markup. Controls are the caller's to escape before (trn_escape). */
void trn_html_text(struct trn_buf *out, struct trn_str s);
bool trn_utf8_valid(struct trn_str s);

#endif
