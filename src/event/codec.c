/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the binary form of one event. Must not own: framing, files (log.c).
 * Hand-offs: a decoded event's views point into the cursor's bytes.
 *
 * Numbers are little endian without leading zero bytes, so 0 has length 0 and is not the same as
 * absent, which is not written. An address has 4 or 16 bytes. Signed numbers are zigzag.
 */
#include "event/codec.h"

#include "event/field_table.h"

static void put_field(struct trn_buf *out, uint16_t id, const void *p, size_t n)
{
    trn_put_u16(out, id);
    trn_put_varint(out, n);
    trn_put(out, p, n);
}

static void put_number(struct trn_buf *out, uint16_t id, uint64_t v)
{
    uint8_t raw[8];
    size_t n = 0;

    for (; v; v >>= 8)
        raw[n++] = (uint8_t)v;
    put_field(out, id, raw, n);
}

void trn_event_encode(const struct trn_event *ev, struct trn_buf *out)
{
    enum trn_event_type type = (enum trn_event_type)ev->type;
    size_t count;
    const struct trn_field_def *f = trn_fields(&count);
    struct trn_value v;

    trn_put_u16(out, ev->type);
    for (size_t i = trn_field_next(type, 0); i < count; i = trn_field_next(type, i + 1)) {
        if (f[i].id == TRN_F_TYPE || !trn_field_read_raw(ev, &f[i], &v))
            continue;
        if (v.kind == TRN_KIND_STR || v.kind == TRN_KIND_LIST || v.kind == TRN_KIND_BYTES)
            put_field(out, f[i].id, v.s.p, v.s.n);
        else if (v.kind == TRN_KIND_IP)
            put_field(out, f[i].id, v.ip, v.family == 4 ? 4 : 16);
        else if (v.kind == TRN_KIND_I64)
            put_number(out, f[i].id, (uint64_t)v.i << 1 ^ (v.i < 0 ? UINT64_MAX : 0));
        else
            put_number(out, f[i].id, v.u);
    }
    for (uint32_t i = 0; i < ev->n_extras && i < TRN_EV_EXTRAS; i++)
        if (ev->extras[i].value.p)
            put_field(out, ev->extras[i].field, ev->extras[i].value.p, ev->extras[i].value.n);
}

static bool number(struct trn_str raw, uint64_t *ret)
{
    uint64_t v = 0;

    if (raw.n > 8)
        return false;
    for (size_t i = raw.n; i > 0; i--)
        v = v << 8 | (uint8_t)raw.p[i - 1];
    *ret = v;
    return true;
}

static bool value_of(const struct trn_field_def *f, struct trn_str raw, struct trn_value *v)
{
    *v = (struct trn_value){.kind = f->kind, .s = raw};
    switch (f->kind) {
    case TRN_KIND_STR:
    case TRN_KIND_LIST:
    case TRN_KIND_BYTES:
        return true;
    case TRN_KIND_IP:
        v->family = raw.n == 4 ? 4 : 6;
        for (size_t i = 0; i < raw.n && i < 16; i++)
            v->ip[i] = (uint8_t)raw.p[i];
        return raw.n == 4 || raw.n == 16;
    case TRN_KIND_I64:
        if (!number(raw, &v->u))
            return false;
        v->i = (int64_t)(v->u >> 1 ^ (~(v->u & 1) + 1));
        return true;
    default:
        return number(raw, &v->u);
    }
}

static int decode_field(struct trn_event *ev, uint16_t id, struct trn_str raw)
{
    const struct trn_field_def *f = trn_field_by_id(id);
    struct trn_value v;

    if (f && f->size && trn_field_has(f, (enum trn_event_type)ev->type)) {
        if (id == TRN_F_TYPE || !value_of(f, raw, &v) || trn_event_set(ev, f, &v) < 0)
            return -EBADMSG;
        return 0;
    }
    if (ev->n_extras >= TRN_EV_EXTRAS)
        return -EBADMSG;
    ev->extras[ev->n_extras++] = (struct trn_extra){.field = id, .value = raw};
    return 0;
}

int trn_event_decode(struct trn_cursor *in, struct trn_event *ret)
{
    struct trn_event ev;

    uint16_t type = trn_cur_u16le(in);
    if (in->bad || type == TRN_EV_INVALID || type >= TRN_EV_MAX || trn_event_type_name(type)[0] == '\0')
        return -EBADMSG;
    trn_event_init(&ev, type);
    while (trn_cur_left(in)) {
        uint16_t id = trn_cur_u16le(in);
        uint64_t n = trn_cur_varint(in);
        if (n > trn_cur_left(in))
            return -EBADMSG;
        struct trn_str raw = trn_cur_bytes(in, (size_t)n);
        if (in->bad || decode_field(&ev, id, raw) < 0)
            return -EBADMSG;
    }
    if (!trn_cur_end(in))
        return -EBADMSG;
    *ret = ev;
    return 0;
}
