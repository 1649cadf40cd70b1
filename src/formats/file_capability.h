/* SPDX-License-Identifier: Apache-2.0 */
/* File capabilities: the extended attribute "security.capability" of Linux, as archives and file systems carry it. */
#ifndef TRN_FORMATS_FILE_CAPABILITY_H
#define TRN_FORMATS_FILE_CAPABILITY_H

#include "base/base.h"

#define TRN_FILE_CAPABILITY_TEXT 1024u /* room that the text of any attribute has in */

/* "cap_net_raw,cap_sys_admin=ep" into out, which is given back; "" when the attribute gives nothing. What is no such attribute is
 * told as "not readable": a kernel would refuse it, another tool might not. */
const char *trn_file_capability_text(struct trn_str xattr, char *out, size_t size);

#endif
