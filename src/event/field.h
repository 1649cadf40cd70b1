/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field table: every member of struct trn_event that anybody outside may name, once, with its
 * id (stable in logs, never reused), its ECS name, its kind, the event types that have it, and its
 * place in the struct. Codec, JSON, hunt and (later) rules read events through it only.
 */
#ifndef TRN_EVENT_FIELD_H
#define TRN_EVENT_FIELD_H

#include "event/record.h"

enum trn_kind {
    TRN_KIND_STR,   /* text or path */
    TRN_KIND_LIST,  /* strings each ended by NUL: JSON array */
    TRN_KIND_BYTES, /* JSON: hex */
    TRN_KIND_U64,   /* any unsigned width in the struct */
    TRN_KIND_I64,
    TRN_KIND_IP,
    TRN_KIND_ENTITY, /* u64, JSON: 16 hex digits */
    TRN_KIND_TIME,   /* wall ns, JSON: ISO 8601 */
    TRN_KIND_NAME,   /* small enumeration with a name table: JSON string */
};

struct trn_value {
    enum trn_kind kind;
    struct trn_str s; /* STR LIST BYTES, and the name of NAME */
    uint64_t u;       /* U64 ENTITY TIME NAME */
    int64_t i;
    uint8_t ip[16];
    uint8_t family; /* of ip: 4 or 6 */
};

struct trn_field_def {
    uint16_t id;
    const char *name;    /* ECS dotted name, such as "process.executable" */
    enum trn_kind kind;
    uint64_t types;      /* bit set: 1ull << enum trn_event_type */
    uint16_t offset, size;
    const char *about;   /* one phrase for docs and hunt's help */
};

const struct trn_field_def *trn_fields(size_t *ret_count); /* the whole table */
const struct trn_field_def *trn_field_by_id(uint16_t id);  /* NULL when unknown */
/* By ECS name; for one type, or (TRN_EV_INVALID) the first of that name. */
const struct trn_field_def *trn_field_by_name(struct trn_str name, enum trn_event_type type);

/* False when the event has no such field or it is absent. *ret borrows from ev. */
bool trn_event_get(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret);
/* Puts a value of the right kind; -EINVAL when it does not fit. Views are kept, not copied. */
int trn_event_set(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v) TRN_MUST_CHECK;
/* Text form as hunt and people see it ("10.0.0.1", "5e1f", "812"); LIST joined by spaces. */
void trn_value_text(const struct trn_value *v, struct trn_buf *out);

#endif
