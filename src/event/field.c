/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading and writing members of an event through their rows, and values as text.
 * Must not own: any encoding of whole events; the table itself (field_table.h).
 * Hand-offs: values borrow from the event; extras' bytes live in the caller's arena.
 */
#include "event/field_table.h"

#include <arpa/inet.h>
#include <inttypes.h>

static void *member(struct trn_event *ev, const struct trn_field_def *f)
{
    return (char *)ev + f->offset;
}

static const void *member_c(const struct trn_event *ev, const struct trn_field_def *f)
{
    return (const char *)ev + f->offset;
}

static bool is_view(const struct trn_field_def *f)
{
    return (f->kind == TRN_KIND_STR || f->kind == TRN_KIND_LIST || f->kind == TRN_KIND_BYTES) &&
           f->size == sizeof(struct trn_str);
}

static uint64_t load(const void *p, size_t size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        return *(const uint64_t *)p;
    }
}

static bool save(void *p, size_t size, uint64_t v)
{
    if (size < 8 && v >> (8 * size))
        return false;
    switch (size) {
    case 1:
        *(uint8_t *)p = (uint8_t)v;
        break;
    case 2:
        *(uint16_t *)p = (uint16_t)v;
        break;
    case 4:
        *(uint32_t *)p = (uint32_t)v;
        break;
    default:
        *(uint64_t *)p = v;
    }
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* An address is there when the family is known; 0.0.0.0 counts only with a port beside it. */
static bool read_ip(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    const uint8_t *p = member_c(ev, f);
    uint32_t port = f->id == TRN_F_SRC_IP ? ev->net.src_port : ev->net.dst_port;

    if (ev->net.family != 4 && ev->net.family != 6)
        return false;
    ret->family = ev->net.family;
    for (int i = 0; i < 16; i++)
        ret->ip[i] = ret->family == 6 || i < 4 ? p[i] : 0;
    return port != TRN_NO_U32 || !all_zero(ret->ip, 16);
}

bool trn_field_read_raw(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    const void *p = member_c(ev, f);

    if (f->size == 0)
        return false;
    *ret = (struct trn_value){.kind = f->kind};
    if (is_view(f)) {
        ret->s = *(const struct trn_str *)p;
        return ret->s.p != NULL;
    }
    if (f->kind == TRN_KIND_BYTES) {
        ret->s = (struct trn_str){p, f->size};
        return !all_zero(p, f->size);
    }
    if (f->kind == TRN_KIND_IP)
        return read_ip(ev, f, ret);
    if (f->kind == TRN_KIND_I64) {
        ret->i = f->size == 4 ? *(const int32_t *)p : *(const int64_t *)p;
        return (uint64_t)ret->i != f->absent;
    }
    ret->u = load(p, f->size);
    return ret->u != f->absent;
}

bool trn_field_read(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    if (!trn_field_read_raw(ev, f, ret))
        return false;
    if (f->kind == TRN_KIND_NAME)
        ret->s = trn_str_of(trn_field_name_of(f, ret->u));
    return true;
}

void trn_field_clear(struct trn_event *ev, const struct trn_field_def *f)
{
    void *p = member(ev, f);

    if (f->size == 0)
        return;
    if (is_view(f))
        *(struct trn_str *)p = TRN_STR_NONE;
    else if (f->kind == TRN_KIND_BYTES || f->kind == TRN_KIND_IP)
        for (size_t i = 0; i < f->size; i++)
            ((uint8_t *)p)[i] = 0;
    else
        (void)save(p, f->size, f->size == 4 ? (uint32_t)f->absent : f->absent);
}

static bool derived(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    *ret = (struct trn_value){.kind = f->kind};
    switch (f->id) {
    case TRN_F_EVENT_KIND:
        ret->s = trn_str_of(trn_field_kind_name((enum trn_event_type)ev->type));
        break;
    case TRN_F_EVENT_CATEGORY:
        ret->s = trn_str_of(trn_field_category_name((enum trn_event_type)ev->type));
        break;
    case TRN_F_PROCESS_NAME:
        if (ev->type == TRN_EV_EXEC)
            ret->s = ev->exec.path.p ? trn_path_base(ev->exec.path) : TRN_STR_NONE;
        break;
    case TRN_F_COMMAND_LINE:
        if (ev->type == TRN_EV_EXEC)
            ret->s = ev->exec.argv;
        break;
    default:
        break;
    }
    return ret->s.p != NULL;
}

static bool extra(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    for (uint32_t i = 0; i < ev->n_extras && i < TRN_EV_EXTRAS; i++) {
        struct trn_str raw = ev->extras[i].value;
        if (ev->extras[i].field != f->id || raw.p == NULL)
            continue;
        *ret = (struct trn_value){.kind = f->kind};
        if (f->kind == TRN_KIND_STR || f->kind == TRN_KIND_LIST || f->kind == TRN_KIND_BYTES) {
            ret->s = raw;
            return true;
        }
        struct trn_cursor c = trn_cur_of(raw);
        if (f->kind == TRN_KIND_IP) {
            ret->family = raw.n == 4 ? 4 : 6;
            return (raw.n == 4 || raw.n == 16) && trn_cur_copy(&c, ret->ip, raw.n);
        }
        if (raw.n != 8)
            return false;
        ret->u = trn_cur_u64le(&c);
        ret->i = (int64_t)ret->u;
        if (f->kind == TRN_KIND_NAME)
            ret->s = trn_str_of(trn_field_name_of(f, ret->u));
        return true;
    }
    return false;
}

bool trn_event_get(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret)
{
    struct trn_value v;

    if (trn_field_has(f, (enum trn_event_type)ev->type)) {
        if (f->derived ? derived(ev, f, &v) : trn_field_read(ev, f, &v)) {
            *ret = v;
            return true;
        }
        if (f->id == TRN_F_ACTION) { /* the type says it all */
            *ret = (struct trn_value){.kind = f->kind,
                                      .s = trn_str_of(trn_event_type_name((enum trn_event_type)ev->type))};
            return true;
        }
        if (!f->derived)
            return false;
    }
    if (!extra(ev, f, &v))
        return false;
    *ret = v;
    return true;
}

/* Numbers that later index tables are checked here, once, for every decoder. */
static bool in_range(const struct trn_event *ev, const struct trn_field_def *f, uint64_t v)
{
    switch (f->id) {
    case TRN_F_TYPE:
        return v == ev->type;
    case TRN_F_ACTION:
        return v < TRN_ACT_MAX;
    case TRN_F_LOSS_CLASS:
        return v < TRN_CLASS_MAX || v == f->absent;
    case TRN_F_IDENTITY_ORIGIN:
    case TRN_F_SOFTWARE_ORIGIN:
        return v < TRN_ORIGIN_MAX;
    case TRN_F_NET_FAMILY:
        return v == 4 || v == 6 || v == 0;
    default:
        return true;
    }
}

static int set_ip(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v)
{
    uint8_t *p = member(ev, f);

    if ((v->family != 4 && v->family != 6) || (ev->net.family && ev->net.family != v->family))
        return -EINVAL;
    ev->net.family = v->family;
    for (int i = 0; i < 16; i++)
        p[i] = v->family == 6 || i < 4 ? v->ip[i] : 0;
    return 0;
}

int trn_event_set(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v)
{
    void *p = member(ev, f);

    if (v->kind != f->kind || f->size == 0 || !trn_field_has(f, (enum trn_event_type)ev->type))
        return -EINVAL;
    if (is_view(f)) {
        *(struct trn_str *)p = v->s;
        return 0;
    }
    if (f->kind == TRN_KIND_BYTES) {
        if (v->s.n != f->size)
            return -EINVAL;
        for (size_t i = 0; i < f->size; i++)
            ((uint8_t *)p)[i] = (uint8_t)v->s.p[i];
        return 0;
    }
    if (f->kind == TRN_KIND_IP)
        return set_ip(ev, f, v);
    if (f->kind == TRN_KIND_I64) {
        if (f->size == 4 && (v->i < INT32_MIN || v->i > INT32_MAX))
            return -EINVAL;
        return save(p, f->size, f->size == 4 ? (uint32_t)v->i : (uint64_t)v->i) ? 0 : -EINVAL;
    }
    return in_range(ev, f, v->u) && save(p, f->size, v->u) ? 0 : -EINVAL;
}

int trn_event_set_extra(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v,
                        struct trn_arena *arena)
{
    struct trn_str raw;
    uint8_t bytes[8];

    if (v->kind != f->kind)
        return -EINVAL;
    if (ev->n_extras >= TRN_EV_EXTRAS)
        return -ENOSPC;
    if (f->kind == TRN_KIND_STR || f->kind == TRN_KIND_LIST || f->kind == TRN_KIND_BYTES) {
        raw = v->s;
    } else if (f->kind == TRN_KIND_IP) {
        if (v->family != 4 && v->family != 6)
            return -EINVAL;
        raw = (struct trn_str){(const char *)v->ip, v->family == 4 ? 4 : 16};
    } else {
        uint64_t u = f->kind == TRN_KIND_I64 ? (uint64_t)v->i : v->u;
        for (int i = 0; i < 8; i++)
            bytes[i] = (uint8_t)(u >> (8 * i));
        raw = (struct trn_str){(const char *)bytes, 8};
    }
    raw = trn_arena_str(arena, raw);
    if (raw.p == NULL)
        return -ENOMEM;
    ev->extras[ev->n_extras++] = (struct trn_extra){.field = f->id, .value = raw};
    return 0;
}

static void list_text(struct trn_str list, struct trn_buf *out)
{
    struct trn_str item;

    if (list.n && list.p[list.n - 1] == '\0')
        list.n--; /* the end of the last one, not another one */
    for (bool first = true; trn_str_split(&list, '\0', &item); first = false) {
        if (!first)
            trn_put_u8(out, ' ');
        trn_put_str(out, item);
    }
}

void trn_value_text(const struct trn_value *v, struct trn_buf *out)
{
    char text[INET6_ADDRSTRLEN];

    switch (v->kind) {
    case TRN_KIND_STR:
        trn_put_str(out, v->s);
        break;
    case TRN_KIND_LIST:
        list_text(v->s, out);
        break;
    case TRN_KIND_BYTES:
        trn_put_hex(out, v->s.p, v->s.n);
        break;
    case TRN_KIND_IP:
        if (inet_ntop(v->family == 4 ? AF_INET : AF_INET6, v->ip, text, sizeof(text)))
            trn_put_c(out, text);
        break;
    case TRN_KIND_ENTITY:
        trn_put_fmt(out, "%016" PRIx64, v->u);
        break;
    case TRN_KIND_TIME:
        trn_put_time_iso(out, v->u);
        break;
    case TRN_KIND_I64:
        trn_put_fmt(out, "%" PRId64, v->i);
        break;
    case TRN_KIND_NAME:
        if (v->s.p) {
            trn_put_str(out, v->s);
            break;
        }
        __attribute__((fallthrough));
    case TRN_KIND_U64:
        trn_put_fmt(out, "%" PRIu64, v->u);
        break;
    }
}
