/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the code of base that meets foreign bytes first: cursor, escapes, numbers, times,
 * glob. Each property that must hold for every input is asserted, not only "does not crash".
 */
#include "base/base.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cursor_program(const uint8_t *data, size_t size)
{
    struct trn_cursor c = trn_cur(data, size);
    while (trn_cur_left(&c) > 0) {
        size_t before = c.at;
        struct trn_str s = TRN_STR_NONE;
        switch (trn_cur_u8(&c) % 8) {
        case 0:
            (void)trn_cur_varint(&c);
            break;
        case 1:
            s = trn_cur_lstr(&c);
            break;
        case 2:
            s = trn_cur_line(&c);
            break;
        case 3:
            s = trn_cur_until(&c, '\0', trn_cur_u8(&c));
            break;
        case 4:
            s = trn_cur_bytes(&c, trn_cur_u16le(&c));
            break;
        case 5:
            (void)trn_cur_u64be(&c);
            break;
        case 6: {
            struct trn_cursor sub = trn_cur_sub(&c, trn_cur_u8(&c), trn_cur_u8(&c));
            assert(sub.bad || sub.n <= c.n);
            break;
        }
        default:
            trn_cur_skip(&c, trn_cur_u8(&c));
            break;
        }
        assert(c.bad || (c.at > before && c.at <= c.n));
        assert(!s.p || s.n == 0 || (s.p >= (const char *)data && s.p + s.n <= (const char *)data + size));
    }
}

static void text(struct trn_str s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    char small[24];
    uint64_t v;
    trn_buf_init(&out, 1 << 20);
    trn_escape(&out, s);
    for (size_t i = 0; i < out.n; i++)
        assert((uint8_t)out.p[i] >= 0x20 && out.p[i] != 0x7f);
    assert(out.bad || trn_utf8_valid(trn_buf_str(&out)));
    assert(strlen(trn_escape_into(small, sizeof(small), s)) < sizeof(small));
    trn_buf_clear(&out);
    bool faithful = trn_json_str(&out, s);
    assert(faithful == (trn_utf8_valid(s) || !s.p) && trn_utf8_valid(trn_buf_str(&out)));
    (void)!trn_str_u64(s, &v);
    (void)!trn_time_parse(s, TRN_NS_PER_SEC, &v);
    /* A text that holds no special byte matches itself. */
    if (trn_str_find(s, '\\') < 0)
        assert(trn_glob(s, s, false) && trn_glob(s, s, true));
    trn_glob(trn_str_slice(s, 0, s.n / 2), trn_str_slice(s, s.n / 2, s.n), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cursor_program(data, size);
    text((struct trn_str){size ? (const char *)data : "", size});
    return 0;
}
