/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the field table as data, and finding rows in it. Must not own: reading or writing values.
 * Hand-offs: rows are static.
 */
#include "event/field_table.h"

#define ROW(sym, name_, kind_, types_, place, absent_, about_) \
    {TRN_F_##sym, name_, TRN_KIND_##kind_, types_, place, absent_, about_},
static const struct trn_field_def table[] = {TRN_FIELD_ROWS(ROW)};

#define TYPES(sym, name_, kind_, types_, ...) types_,
static const uint64_t types_of[] = {TRN_FIELD_ROWS(TYPES)};

#define PLACE(sym, ...) [TRN_F_##sym] = TRN_ROW_##sym + 1,
static const uint8_t by_id[TRN_F_MAX] = {TRN_FIELD_ROWS(PLACE)};

_Static_assert(TRN_FIELD_ROW_MAX == TRN_F_MAX - 1, "each id has one row");
_Static_assert(TRN_FIELD_ROW_MAX < UINT8_MAX, "positions fit");
_Static_assert(TRN_EV_MAX <= 64, "type sets are 64 bits");
/* One row serves connections and DNS, which begins with the connection. */
_Static_assert(offsetof(struct trn_event, net) == offsetof(struct trn_event, dns.net), "same place");
_Static_assert(offsetof(struct trn_event, net) == offsetof(struct trn_event, tls.net), "same place");

const struct trn_field_def *trn_fields(size_t *ret_count)
{
    *ret_count = TRN_ARRAY_SIZE(table);
    return table;
}

const struct trn_field_def *trn_field_by_id(uint16_t id)
{
    return id < TRN_F_MAX && by_id[id] ? &table[by_id[id] - 1] : NULL;
}

size_t trn_field_next(enum trn_event_type type, size_t from)
{
    for (size_t i = from; (unsigned)type < TRN_EV_MAX && i < TRN_FIELD_ROW_MAX; i++)
        if (types_of[i] >> (unsigned)type & 1u)
            return i;
    return TRN_FIELD_ROW_MAX;
}

bool trn_field_has(const struct trn_field_def *f, enum trn_event_type type)
{
    return (unsigned)type < TRN_EV_MAX && (f->types >> (unsigned)type & 1u);
}

const struct trn_field_def *trn_field_by_name(struct trn_str name, enum trn_event_type type)
{
    const struct trn_field_def *first = NULL;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        if (!trn_str_eq_c(name, table[i].name))
            continue;
        if (type == TRN_EV_INVALID || trn_field_has(&table[i], type))
            return &table[i];
        if (first == NULL)
            first = &table[i];
    }
    return first;
}
