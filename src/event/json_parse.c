/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one JSON object to an event. jansson does the syntax; names and kinds come from the field
 * table. Names it does not know are ignored: foreign logs carry many.
 * Must not own: logs of other products that need their own mapping (src/ingest/).
 * Hand-offs: all views of the event live in the caller's arena.
 */
#include "event/field_table.h"
#include "event/json.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>

#define INPUT_MAX (4u << 20)
#define NAME_MAX_BYTES 128
#define DEPTH_MAX 8

struct reader {
    struct trn_event *ev;
    struct trn_arena *arena;
    struct trn_err *err;
    json_t *raw, *extras;        /* turncoat.raw, turncoat.extras */
    json_t *command_line, *name; /* derived ones: used when nothing better is there */
};

static void json_freep(json_t **j)
{
    json_decref(*j);
}

/* The value of a dotted name, nested or flat; NULL when absent. */
static json_t *find(json_t *object, const char *name)
{
    char head[NAME_MAX_BYTES];
    json_t *hit = json_object_get(object, name);

    for (const char *dot = strchr(name, '.'); hit == NULL && dot; dot = strchr(dot + 1, '.')) {
        if (snprintf(head, sizeof(head), "%.*s", (int)(dot - name), name) >= (int)sizeof(head))
            return NULL;
        json_t *below = json_object_get(object, head);
        if (json_is_object(below))
            hit = find(below, dot + 1);
    }
    return hit;
}

static struct trn_str text_of(const json_t *j)
{
    return json_is_string(j) ? (struct trn_str){json_string_value(j), json_string_length(j)} : TRN_STR_NONE;
}

static int bad_value(struct reader *r, const struct trn_field_def *f, const char *want)
{
    return trn_fail(r->err, -EINVAL, "cannot read '%s': expected %s", f->name, want);
}

static int unhex(struct reader *r, struct trn_str hex, struct trn_str *ret)
{
    if (hex.p == NULL || hex.n % 2)
        return -EINVAL;
    char *p = trn_arena_alloc(r->arena, hex.n / 2 + 1);
    if (p == NULL)
        return -ENOMEM;
    int x = hex.n ? trn_unhex(hex, p, hex.n / 2) : 0;
    *ret = (struct trn_str){p, hex.n / 2};
    return x < 0 ? -EINVAL : 0;
}

static int list_value(struct reader *r, const json_t *j, struct trn_str *ret)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    size_t n = json_is_array(j) ? json_array_size(j) : 1;

    trn_buf_init(&b, INPUT_MAX);
    for (size_t i = 0; i < n; i++) {
        struct trn_str s = text_of(json_is_array(j) ? json_array_get(j, i) : j);
        if (s.p == NULL || memchr(s.p, 0, s.n))
            return -EINVAL;
        trn_put_str(&b, s);
        trn_put_u8(&b, 0);
    }
    *ret = trn_arena_str(r->arena, trn_buf_str(&b));
    return ret->p && !b.bad ? 0 : -ENOMEM;
}

static int number_value(const json_t *j, uint64_t *ret)
{
    if (json_is_integer(j) && json_integer_value(j) >= 0) {
        *ret = (uint64_t)json_integer_value(j);
        return 0;
    }
    return json_is_string(j) && trn_str_u64(text_of(j), ret) == 0 ? 0 : -EINVAL;
}

static int ip_value(const json_t *j, struct trn_value *v)
{
    const char *text = json_string_value(j);

    if (text == NULL || json_string_length(j) != strlen(text))
        return -EINVAL;
    v->family = strchr(text, ':') ? 6 : 4;
    return inet_pton(v->family == 6 ? AF_INET6 : AF_INET, text, v->ip) == 1 ? 0 : -EINVAL;
}

static int value_of(struct reader *r, const struct trn_field_def *f, const json_t *j, struct trn_value *v)
{
    struct trn_str s = text_of(j);
    uint8_t id[8] = {0};

    *v = (struct trn_value){.kind = f->kind};
    switch (f->kind) {
    case TRN_KIND_STR:
        if (s.p == NULL)
            return bad_value(r, f, "a string");
        v->s = trn_arena_str(r->arena, s);
        return v->s.p ? 0 : -ENOMEM;
    case TRN_KIND_LIST:
        return list_value(r, j, &v->s) < 0 ? bad_value(r, f, "a list of strings") : 0;
    case TRN_KIND_BYTES:
        return unhex(r, s, &v->s) < 0 ? bad_value(r, f, "hex digits") : 0;
    case TRN_KIND_U64:
        return number_value(j, &v->u) < 0 ? bad_value(r, f, "a number") : 0;
    case TRN_KIND_I64:
        v->i = json_integer_value(j);
        return json_is_integer(j) ? 0 : bad_value(r, f, "a number");
    case TRN_KIND_IP:
        return ip_value(j, v) < 0 ? bad_value(r, f, "an address") : 0;
    case TRN_KIND_ENTITY:
        if (s.n != 16 || trn_unhex(s, id, 8) < 0)
            return bad_value(r, f, "16 hex digits");
        for (int i = 0; i < 8; i++)
            v->u = v->u << 8 | id[i];
        return 0;
    case TRN_KIND_TIME:
        return s.p == NULL || trn_time_parse(s, 0, &v->u) < 0 ? bad_value(r, f, "a time") : 0;
    case TRN_KIND_NAME:
        if (number_value(j, &v->u) == 0 || (s.p && trn_field_name_parse(f, s, &v->u) == 0))
            return 0;
        /* The type stands where there is no verb, and verbs of other products are not ours to keep. */
        if (s.p && f->id == TRN_F_ACTION)
            return 0;
        return bad_value(r, f, "a known name");
    }
    return -EINVAL;
}

static int put(struct reader *r, const struct trn_field_def *f, const struct trn_value *v)
{
    int x;

    if (trn_field_has(f, (enum trn_event_type)r->ev->type) && !f->derived)
        x = trn_event_set(r->ev, f, v);
    else
        x = trn_event_set_extra(r->ev, f, v, r->arena);
    return x < 0
               ? trn_fail(r->err, x, "cannot keep '%s': %s", f->name, x == -ENOSPC ? "too many extras" : "not possible")
               : 0;
}

static int field(struct reader *r, const char *name, json_t *j)
{
    const struct trn_field_def *f = trn_field_by_name(trn_str_of(name), (enum trn_event_type)r->ev->type);
    struct trn_value v;

    if (f == NULL || json_is_null(j) || f->id == TRN_F_TYPE || f->id == TRN_F_EVENT_KIND ||
        f->id == TRN_F_EVENT_CATEGORY)
        return 0;
    if (f->id == TRN_F_COMMAND_LINE) {
        r->command_line = j;
        return 0;
    }
    if (f->id == TRN_F_PROCESS_NAME) {
        r->name = j;
        return 0;
    }
    int x = value_of(r, f, j, &v);
    return x < 0 ? x : put(r, f, &v);
}

static int walk(struct reader *r, json_t *object, const char *prefix, unsigned depth)
{
    const char *key;
    json_t *j;

    json_object_foreach(object, key, j)
    {
        char name[NAME_MAX_BYTES];
        int n = snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
        if (n < 0 || (size_t)n >= sizeof(name))
            continue; /* longer than any name we know */
        if (strcmp(name, "turncoat.raw") == 0) {
            r->raw = j;
        } else if (strcmp(name, "turncoat.extras") == 0) {
            r->extras = j;
        } else if (json_is_object(j)) {
            int x = depth < DEPTH_MAX ? walk(r, j, name, depth + 1) : 0;
            if (x < 0)
                return x;
        } else {
            int x = field(r, name, j);
            if (x < 0)
                return x;
        }
    }
    return 0;
}

/* Exact bytes of texts that were not UTF-8, over what was read from the readable form. */
static int restore_raw(struct reader *r)
{
    const char *key;
    json_t *j;

    json_object_foreach(r->raw, key, j)
    {
        const struct trn_field_def *f = trn_field_by_name(trn_str_of(key), (enum trn_event_type)r->ev->type);
        struct trn_value v = {0};
        if (f == NULL || (f->kind != TRN_KIND_STR && f->kind != TRN_KIND_LIST))
            continue;
        v.kind = f->kind;
        if (unhex(r, text_of(j), &v.s) < 0)
            return bad_value(r, f, "hex digits in 'turncoat.raw'");
        if (trn_field_has(f, (enum trn_event_type)r->ev->type)) {
            int x = put(r, f, &v);
            if (x < 0)
                return x;
            continue;
        }
        for (uint32_t i = 0; i < r->ev->n_extras; i++)
            if (r->ev->extras[i].field == f->id)
                r->ev->extras[i].value = v.s;
    }
    return 0;
}

static int unknown_extras(struct reader *r)
{
    const char *key;
    json_t *j;

    json_object_foreach(r->extras, key, j)
    {
        struct trn_str raw;
        uint64_t id;
        if (trn_str_u64(trn_str_of(key), &id) < 0 || id > UINT16_MAX || unhex(r, text_of(j), &raw) < 0)
            return trn_fail(r->err, -EINVAL, "cannot read 'turncoat.extras': expected numbers and hex digits");
        if (trn_field_by_id((uint16_t)id))
            continue;
        if (r->ev->n_extras >= TRN_EV_EXTRAS)
            return trn_fail(r->err, -ENOSPC, "cannot read 'turncoat.extras': too many");
        r->ev->extras[r->ev->n_extras++] = (struct trn_extra){.field = (uint16_t)id, .value = raw};
    }
    return 0;
}

static int put_derived(struct reader *r, uint16_t id, uint16_t source, const json_t *j)
{
    const struct trn_field_def *f = trn_field_by_id(id), *from = trn_field_by_id(source);
    struct trn_value v;

    if (j == NULL || (trn_field_has(from, (enum trn_event_type)r->ev->type) && trn_event_get(r->ev, from, &v)))
        return 0;
    int x = value_of(r, f, j, &v);
    return x < 0 ? x : put(r, f, &v);
}

/* What kind of event it is: ours say so; others are told by what they carry. */
static enum trn_event_type type_of(json_t *object)
{
    static const struct {
        const char *name;
        enum trn_event_type type;
    } signs[] = {
        {"dns.question.name", TRN_EV_DNS},     {"destination.ip", TRN_EV_CONNECT},
        {"dll.path", TRN_EV_LIB_LOAD},         {"file.path", TRN_EV_FILE},
        {"process.executable", TRN_EV_EXEC},   {"process.args", TRN_EV_EXEC},
        {"process.command_line", TRN_EV_EXEC},
    };
    enum trn_event_type type;
    const json_t *own = find(object, "turncoat.type");

    if (own)
        return trn_event_type_parse(text_of(own), &type) == 0 ? type : TRN_EV_INVALID;
    if (trn_event_type_parse(text_of(find(object, "event.action")), &type) == 0)
        return type;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(signs); i++)
        if (find(object, signs[i].name))
            return signs[i].type;
    return TRN_EV_INVALID;
}

int trn_event_from_json(struct trn_str json, struct trn_arena *arena, struct trn_event *ret, struct trn_err *err)
{
    json_error_t e;

    if (json.n > INPUT_MAX)
        return trn_fail(err, -E2BIG, "cannot read event: longer than %u bytes", INPUT_MAX);
    json_t TRN_AUTO(json_freep) *object = json_loadb(json.p, json.n, JSON_ALLOW_NUL, &e);
    if (!json_is_object(object))
        return trn_fail(err, -EBADMSG, "cannot read event: %s", object ? "not a JSON object" : "not valid JSON");

    enum trn_event_type type = type_of(object);
    if (type == TRN_EV_INVALID)
        return trn_fail(err, -EINVAL, "cannot read event: its type is unknown");
    struct trn_event ev;
    struct reader r = {.ev = &ev, .arena = arena, .err = err};
    trn_event_init(&ev, type);
    int x = walk(&r, object, "", 0);
    if (x == 0)
        x = put_derived(&r, TRN_F_COMMAND_LINE, TRN_F_ARGS, r.command_line);
    if (x == 0)
        x = put_derived(&r, TRN_F_PROCESS_NAME, TRN_F_EXECUTABLE, r.name);
    if (x == 0)
        x = restore_raw(&r);
    if (x == 0)
        x = unknown_extras(&r);
    if (x == 0)
        *ret = ev;
    return x;
}
