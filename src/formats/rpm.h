/* SPDX-License-Identifier: Apache-2.0 */
/* RPM packages: lead, signature header, main header, payload. Only what says what is inside. */
#ifndef TRN_FORMATS_RPM_H
#define TRN_FORMATS_RPM_H

#include "base/base.h"

#define TRN_RPM_TAG_NAME 1000u
#define TRN_RPM_TAG_VERSION 1001u
#define TRN_RPM_TAG_RELEASE 1002u
#define TRN_RPM_TAG_VENDOR 1011u
#define TRN_RPM_TAG_LICENSE 1014u
#define TRN_RPM_TAG_ARCH 1022u
#define TRN_RPM_TAG_PREIN 1023u
#define TRN_RPM_TAG_POSTIN 1024u
#define TRN_RPM_TAG_PREUN 1025u
#define TRN_RPM_TAG_POSTUN 1026u
#define TRN_RPM_TAG_VERIFYSCRIPT 1079u
#define TRN_RPM_TAG_PAYLOADFORMAT 1124u
#define TRN_RPM_TAG_PAYLOADCOMPRESSOR 1125u
#define TRN_RPM_TAG_PRETRANS 1151u
#define TRN_RPM_TAG_POSTTRANS 1152u

struct trn_rpm_header {
    uint64_t at, size; /* magic to the end of its data */
    uint32_t entries;
    struct trn_str index, data; /* views, of the arena */
};
struct trn_rpm {
    struct trn_rpm_header signature, main;
    uint64_t payload_at, payload_size;
};
/* -EBADMSG: not whole; -EMSGSIZE: a header larger than 32 MiB. */
int trn_rpm_parse(const struct trn_source *s, struct trn_arena *arena, struct trn_rpm *ret) TRN_MUST_CHECK;
/* The text of a tag (the first, of an array); absent: none. *ret_at: its place in the file. */
struct trn_str trn_rpm_string(const struct trn_rpm_header *h, uint32_t tag, uint64_t *ret_at);

#endif
