/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: the file systems that this mount namespace sees. */
#ifndef TRN_SENSOR_MOUNTS_H
#define TRN_SENSOR_MOUNTS_H

#include "base/base.h"

struct trn_mount {
    uint32_t id;           /* as fdinfo tells it of a descriptor on this mount */
    uint32_t major, minor; /* of the super block */
    char *point;           /* unescaped; inside the list's memory */
    bool whole;            /* shows the file system from its root */
    bool read_only;
    bool watchable; /* a disk or memory file system, not one of the kernel's own */
    const char *fstype;
};

struct trn_mounts {
    struct trn_mount *v; /* owned */
    size_t n;
    char *text; /* owned */
};

int trn_mounts_read(struct trn_mounts *ret, struct trn_err *err) TRN_MUST_CHECK;
/* As another process sees them; a list of more than max_bytes is refused. -ENOENT: it is gone. */
int trn_mounts_read_of(uint32_t pid, size_t max_bytes, struct trn_mounts *ret, struct trn_err *err) TRN_MUST_CHECK;
/* Parses mountinfo text in place; separate for its test. text: allocated, taken also on failure. */
int trn_mounts_parse(char *text, struct trn_mounts *ret) TRN_MUST_CHECK;
void trn_mounts_done(struct trn_mounts *m);

#endif
