/* SPDX-License-Identifier: Apache-2.0 */
/* Code that has no business in a process: behaviour.exec-memory and behaviour.foreign-library. */
#ifndef TRN_DETECT_ABNORMAL_LOAD_H
#define TRN_DETECT_ABNORMAL_LOAD_H

#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

/* A version that started so often without a thing began to do it later than with its release. */
#define TRN_LOAD_SETTLED 3

/* What perf appends to the name of a file that has none any more. */
#define TRN_LOAD_DELETED TRN_STR(" (deleted)")

/* ---- exec_memory.c ---- */
struct trn_exec_memory;
struct trn_exec_memory *trn_exec_memory_new(void) TRN_MUST_CHECK;
struct trn_exec_memory *trn_exec_memory_free(struct trn_exec_memory *m);
int trn_exec_memory_push(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_contacts *contacts, const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_exec_memory_bytes(const struct trn_exec_memory *m);

/* ---- foreign_library.c ---- */
struct trn_foreign_library;
struct trn_foreign_library *trn_foreign_library_new(void) TRN_MUST_CHECK;
struct trn_foreign_library *trn_foreign_library_free(struct trn_foreign_library *l);
int trn_foreign_library_push(struct trn_foreign_library *l, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                             const struct trn_provenance *written, const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_foreign_library_bytes(const struct trn_foreign_library *l);

/* foreign_library_judge.c: one load of a library, when as much is known as will be */
#define TRN_LOAD_PATH 512
struct trn_library_load {
    uint64_t seq, boot_ns, wall_ns, entity;
    struct trn_file_key key;
    uint64_t preload_seq; /* of the change of /etc/ld.so.preload before it; 0 none */
    const char *by;       /* "LD_PRELOAD": the variable that names it; NULL */
    bool existing;        /* was there before us */
    uint16_t n;
    char path[TRN_LOAD_PATH];
};
/* Is there nothing to say about a library of this identity, whoever loads it? */
bool trn_library_is_vouched(const struct trn_identity *id);
/* Outside homes and the places where anybody writes: a package may own what lies there. */
bool trn_library_may_be_packaged(struct trn_str path);
/* Where nothing but packages has its files. */
bool trn_library_in_system(struct trn_str path);
/* What the library is, as far as it is known. */
const struct trn_identity *trn_library_identity(const struct trn_process_table *t, const struct trn_library_load *l);
int trn_foreign_library_judge(const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                              const struct trn_provenance *written, const struct trn_library_load *l) TRN_MUST_CHECK;

#endif
