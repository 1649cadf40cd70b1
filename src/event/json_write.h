/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to src/event: commas and common members of the JSON that is written by hand. */
#ifndef TRN_EVENT_JSON_WRITE_H
#define TRN_EVENT_JSON_WRITE_H

#include "event/finding.h"

/* "key": with a comma before it unless an object or list was just opened. */
void trn_json_key(struct trn_buf *out, const char *key);
void trn_json_comma(struct trn_buf *out);
void trn_json_member_str(struct trn_buf *out, const char *key, struct trn_str s); /* absent: null */
void trn_json_member_c(struct trn_buf *out, const char *key, const char *s);
void trn_json_member_u64(struct trn_buf *out, const char *key, uint64_t v);
void trn_json_member_bool(struct trn_buf *out, const char *key, bool v);
void trn_json_member_time(struct trn_buf *out, const char *key, uint64_t wall_ns); /* 0: null */
void trn_json_member_entity(struct trn_buf *out, const char *key, uint64_t id);    /* 0: null */
void trn_json_member_software(struct trn_buf *out, const char *key, const struct trn_software *s);

#endif
