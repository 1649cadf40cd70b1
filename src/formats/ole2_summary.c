/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the property set "\5SummaryInformation" of a compound file ([MS-OLEPS]): one section, simple values.
 * Must not own: other property sets; code pages (texts are given as they stand).
 */
#include "formats/msi.h"

#define SET_MAX (256u << 10)
#define PROPERTIES_MAX 64u
enum { VT_I2 = 2, VT_I4 = 3, VT_LPSTR = 30, VT_FILETIME = 64 };

static struct trn_str text_of(struct trn_cursor v)
{
    struct trn_str s = trn_cur_bytes(&v, trn_cur_u32le(&v));
    while (s.n && s.p[s.n - 1] == '\0')
        s.n--;
    return s;
}

static void take(struct trn_ole2_summary *s, uint32_t id, struct trn_cursor v)
{
    uint32_t type = trn_cur_u32le(&v);
    struct trn_str *const texts[] = {
        [2] = &s->title,    [3] = &s->subject,  [4] = &s->author,   [5] = &s->keywords,
        [6] = &s->comments, [7] = &s->platform, [9] = &s->revision, [18] = &s->application};
    if (type == VT_LPSTR && id < TRN_ARRAY_SIZE(texts) && texts[id])
        *texts[id] = text_of(v);
    else if (type == VT_FILETIME && id == 12)
        s->created = trn_cur_u64le(&v);
    else if (type == VT_FILETIME && id == 13)
        s->saved = trn_cur_u64le(&v);
    else if (type == VT_I2 && id == 1)
        s->codepage = trn_cur_u16le(&v);
    else if (type == VT_I4 && id == 15)
        s->words = trn_cur_u32le(&v);
}

int trn_ole2_read_summary(const struct trn_ole2 *o, struct trn_arena *a, struct trn_ole2_summary *ret)
{
    const struct trn_ole2_entry *e = trn_ole2_find(o, "\5SummaryInformation");
    struct trn_ole2_summary s = {0};
    struct trn_source bytes;
    struct trn_cursor c;
    int r = e ? trn_ole2_stream(o, e, a, &bytes) : -ENOENT;
    if (r == 0)
        r = trn_source_cursor(&bytes, 0, SET_MAX, a, &c);
    if (r < 0)
        return r;
    uint16_t order = trn_cur_u16le(&c);
    trn_cur_skip(&c, 22);
    uint32_t sets = trn_cur_u32le(&c);
    trn_cur_skip(&c, 16);
    uint32_t at = trn_cur_u32le(&c);
    if (c.bad || order != 0xfffe || sets == 0 || at >= c.n)
        return -EBADMSG;
    struct trn_cursor set = trn_cur_sub(&c, at, c.n - at);
    trn_cur_skip(&set, 4);
    uint32_t count = trn_cur_u32le(&set);
    for (uint32_t i = 0; i < TRN_MIN(count, PROPERTIES_MAX) && trn_cur_left(&set) >= 8; i++) {
        uint32_t id = trn_cur_u32le(&set), place = trn_cur_u32le(&set);
        if (place < set.n)
            take(&s, id, trn_cur_sub(&set, place, set.n - place));
    }
    *ret = s;
    return 0;
}
