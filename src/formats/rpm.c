/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the two headers of an RPM package and the place of its payload. Must not: unpack it, check its signatures.
 */
#include "formats/rpm.h"

#define LEAD 96u
#define INTRO 16u
#define ENTRY 16u
#define ENTRIES_MAX 65536u
#define HEADER_MAX (32u << 20)

#define TYPE_INT32 4u
#define TYPE_STRING 6u
#define TYPE_STRINGS 8u
#define TYPE_I18N 9u

static int header(const struct trn_source *s, uint64_t at, struct trn_arena *arena, struct trn_rpm_header *ret)
{
    struct trn_str intro, body;
    int e = trn_source_take(s, at, INTRO, arena, &intro);
    if (e < 0)
        return e;
    struct trn_cursor c = trn_cur_of(intro);
    bool magic = trn_str_starts(intro, TRN_STR("\x8e\xad\xe8\x01"));
    trn_cur_skip(&c, 8);
    uint32_t entries = trn_cur_u32be(&c), data = trn_cur_u32be(&c);
    if (!magic || entries == 0)
        return -EBADMSG;
    if (entries > ENTRIES_MAX || data > HEADER_MAX)
        return -EMSGSIZE;
    e = trn_source_take(s, at + INTRO, (size_t)entries * ENTRY + data, arena, &body);
    if (e < 0)
        return e;
    *ret = (struct trn_rpm_header){.at = at,
                                   .size = INTRO + body.n,
                                   .entries = entries,
                                   .index = trn_str_slice(body, 0, (size_t)entries * ENTRY),
                                   .data = trn_str_slice(body, (size_t)entries * ENTRY, data)};
    return 0;
}

int trn_rpm_parse(const struct trn_source *s, struct trn_arena *arena, struct trn_rpm *ret)
{
    struct trn_rpm r = {0};
    int e = header(s, LEAD, arena, &r.signature);
    if (e < 0)
        return e;
    e = header(s, (LEAD + r.signature.size + 7) & ~(uint64_t)7, arena, &r.main);
    if (e < 0)
        return e;
    r.payload_at = r.main.at + r.main.size;
    r.payload_size = s->size - r.payload_at; /* the header was read whole: it ends inside */
    *ret = r;
    return 0;
}

struct trn_str trn_rpm_string(const struct trn_rpm_header *h, uint32_t tag, uint64_t *ret_at)
{
    struct trn_cursor c = trn_cur_of(h->index);
    for (uint32_t i = 0; i < h->entries && !c.bad; i++) {
        uint32_t t = trn_cur_u32be(&c), type = trn_cur_u32be(&c), at = trn_cur_u32be(&c);
        trn_cur_skip(&c, 4);
        if (t != tag || (type != TYPE_STRING && type != TYPE_STRINGS && type != TYPE_I18N))
            continue;
        struct trn_cursor data = trn_cur_of(h->data);
        trn_cur_seek(&data, at);
        if (ret_at)
            *ret_at = h->at + INTRO + h->index.n + at;
        return trn_cur_until(&data, '\0', h->data.n);
    }
    return TRN_STR_NONE;
}

bool trn_rpm_array(const struct trn_rpm_header *h, uint32_t tag, bool numbers, struct trn_rpm_array *ret)
{
    struct trn_cursor c = trn_cur_of(h->index);
    for (uint32_t i = 0; i < h->entries && !c.bad; i++) {
        uint32_t t = trn_cur_u32be(&c), type = trn_cur_u32be(&c), at = trn_cur_u32be(&c), n = trn_cur_u32be(&c);
        bool fits = numbers ? type == TYPE_INT32 : type == TYPE_STRINGS || type == TYPE_STRING;
        if (t != tag || !fits || at > h->data.n)
            continue;
        *ret = (struct trn_rpm_array){.left = n, .data_at = h->at + INTRO + h->index.n};
        ret->c = trn_cur_of(h->data);
        trn_cur_seek(&ret->c, at);
        return true;
    }
    return false;
}

bool trn_rpm_next_string(struct trn_rpm_array *a, struct trn_str *ret)
{
    if (a->left == 0 || a->c.at >= a->c.n)
        return false;
    a->left--;
    a->at = a->data_at + a->c.at;
    struct trn_str s = trn_cur_until(&a->c, '\0', a->c.n);
    if (a->c.bad || trn_str_is_none(s))
        return false;
    *ret = s;
    return true;
}

bool trn_rpm_next_number(struct trn_rpm_array *a, uint32_t *ret)
{
    if (a->left == 0)
        return false;
    a->left--;
    uint32_t v = trn_cur_u32be(&a->c);
    if (a->c.bad)
        return false;
    *ret = v;
    return true;
}
