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
#define TRN_RPM_TAG_REQUIREFLAGS 1048u
#define TRN_RPM_TAG_REQUIRENAME 1049u
#define TRN_RPM_TAG_REQUIREVERSION 1050u
#define TRN_RPM_TAG_TRIGGERSCRIPTS 1065u
#define TRN_RPM_TAG_VERIFYSCRIPT 1079u
#define TRN_RPM_TAG_DIRINDEXES 1116u
#define TRN_RPM_TAG_BASENAMES 1117u
#define TRN_RPM_TAG_DIRNAMES 1118u
#define TRN_RPM_TAG_PAYLOADFORMAT 1124u
#define TRN_RPM_TAG_PAYLOADCOMPRESSOR 1125u
#define TRN_RPM_TAG_PRETRANS 1151u
#define TRN_RPM_TAG_POSTTRANS 1152u
#define TRN_RPM_TAG_FILECAPS 5010u
#define TRN_RPM_TAG_FILETRIGGERSCRIPTS 5066u
#define TRN_RPM_TAG_TRANSFILETRIGGERSCRIPTS 5076u
#define TRN_RPM_TAG_PREUNTRANS 5104u
#define TRN_RPM_TAG_POSTUNTRANS 5105u

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

/* The values of an array, one after another: texts, or numbers of 32 bits. */
struct trn_rpm_array {
    struct trn_cursor c;
    uint32_t left;
    uint64_t at; /* of the text that was given last, in the file */
    uint64_t data_at;
};
/* false: the tag is not there, or of another type. */
bool trn_rpm_array(const struct trn_rpm_header *h, uint32_t tag, bool numbers, struct trn_rpm_array *ret);
bool trn_rpm_next_string(struct trn_rpm_array *a, struct trn_str *ret);
bool trn_rpm_next_number(struct trn_rpm_array *a, uint32_t *ret);

#endif
