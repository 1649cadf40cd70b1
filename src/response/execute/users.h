/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only. */
#ifndef TRN_RESPONSE_EXECUTE_USERS_H
#define TRN_RESPONSE_EXECUTE_USERS_H

#include "base/base.h"

/* Appends a warning for people when processes run this file or have it mapped; nothing when none is found. */
void trn_file_users(int fd, struct trn_buf *out);

#endif
