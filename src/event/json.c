/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: writing one event as ECS JSON through the field table, and the small writers that findings
 * and stories share. Must not own: parsing (json_parse.c), which fields exist (field_table.h).
 * Hand-offs: text is appended to the caller's buffer.
 */
#include "event/json.h"

#include "event/field_table.h"
#include "event/json_write.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define RAW_MAX 48

struct writer {
    struct trn_buf *out;
    const char *open; /* name of the last field: its prefix is what stands open */
    struct {
        const char *name;
        struct trn_str bytes;
    } raw[RAW_MAX]; /* what the text cannot give back exactly */
    size_t n_raw;
};

void trn_json_comma(struct trn_buf *out)
{
    if (out->n && out->p[out->n - 1] != '{' && out->p[out->n - 1] != '[')
        trn_put_u8(out, ',');
}

void trn_json_key(struct trn_buf *out, const char *key)
{
    trn_json_comma(out);
    trn_put_u8(out, '"');
    trn_put_c(out, key);
    trn_put_c(out, "\":");
}

void trn_json_member_str(struct trn_buf *out, const char *key, struct trn_str s)
{
    trn_json_key(out, key);
    (void)trn_json_str(out, s);
}

void trn_json_member_c(struct trn_buf *out, const char *key, const char *s)
{
    trn_json_member_str(out, key, trn_str_of(s));
}

void trn_json_member_u64(struct trn_buf *out, const char *key, uint64_t v)
{
    trn_json_key(out, key);
    trn_put_fmt(out, "%" PRIu64, v);
}

void trn_json_member_bool(struct trn_buf *out, const char *key, bool v)
{
    trn_json_key(out, key);
    trn_put_c(out, v ? "true" : "false");
}

void trn_json_member_time(struct trn_buf *out, const char *key, uint64_t wall_ns)
{
    trn_json_key(out, key);
    if (wall_ns == 0) {
        trn_put_c(out, "null");
        return;
    }
    trn_put_u8(out, '"');
    trn_put_time_iso(out, wall_ns);
    trn_put_u8(out, '"');
}

void trn_json_member_entity(struct trn_buf *out, const char *key, uint64_t id)
{
    trn_json_key(out, key);
    if (id)
        trn_put_fmt(out, "\"%016" PRIx64 "\"", id);
    else
        trn_put_c(out, "null");
}

void trn_json_member_software(struct trn_buf *out, const char *key, const struct trn_software *s)
{
    trn_json_key(out, key);
    trn_put_u8(out, '{');
    trn_json_member_str(out, "name", s->name);
    trn_json_member_str(out, "version", s->version);
    trn_json_member_c(out, "origin", trn_origin_name(s->origin));
    if (s->signer.p)
        trn_json_member_str(out, "signer", s->signer);
    trn_json_member_bool(out, "modified", s->flags & TRN_SW_MODIFIED);
    trn_put_u8(out, '}');
}

static unsigned dots(const char *name)
{
    unsigned n = 0;
    for (; *name; name++)
        n += *name == '.';
    return n;
}

/* Closes and opens objects so that the value of this dotted name can follow. */
static void open_key(struct writer *w, const char *name)
{
    size_t common = 0;
    unsigned depth = 0;

    for (size_t i = 0; w->open && name[i] && w->open[i] == name[i]; i++) {
        if (name[i] == '.') {
            common = i + 1;
            depth++;
        }
    }
    for (unsigned d = w->open ? dots(w->open) : 0; d > depth; d--)
        trn_put_u8(w->out, '}');
    trn_json_comma(w->out);
    trn_put_u8(w->out, '"');
    for (const char *p = name + common; *p; p++) {
        if (*p == '.')
            trn_put_c(w->out, "\":{\"");
        else
            trn_put_u8(w->out, (uint8_t)*p);
    }
    trn_put_c(w->out, "\":");
    w->open = name;
}

static void close_all(struct writer *w)
{
    for (unsigned d = w->open ? dots(w->open) : 0; d > 0; d--)
        trn_put_u8(w->out, '}');
    w->open = NULL;
}

static void keep_raw(struct writer *w, const char *name, struct trn_str bytes)
{
    if (w->n_raw < RAW_MAX) {
        w->raw[w->n_raw].name = name;
        w->raw[w->n_raw++].bytes = bytes;
    }
}

static void put_list(struct writer *w, const struct trn_field_def *f, struct trn_str list)
{
    struct trn_str rest = list, item;
    bool faithful = list.n == 0 || list.p[list.n - 1] == '\0';

    if (list.n && faithful)
        rest.n--;
    trn_put_u8(w->out, '[');
    while (list.n && trn_str_split(&rest, '\0', &item)) {
        trn_json_comma(w->out);
        faithful &= trn_json_str(w->out, item);
    }
    trn_put_u8(w->out, ']');
    if (!faithful)
        keep_raw(w, f->name, list);
}

static void put_quoted(struct trn_buf *out, const struct trn_value *v)
{
    trn_put_u8(out, '"');
    trn_value_text(v, out);
    trn_put_u8(out, '"');
}

/* Arguments joined into one line; its exact bytes are in process.args. */
static void put_joined(struct trn_buf *out, const struct trn_value *v)
{
    struct trn_buf TRN_AUTO(trn_buf_done) text;

    trn_buf_init(&text, v->s.n + 1);
    trn_value_text(v, &text);
    (void)trn_json_str(out, trn_buf_str(&text));
}

static void put_value(struct writer *w, const struct trn_field_def *f, const struct trn_value *v)
{
    switch (f->kind) {
    case TRN_KIND_STR:
        if (!trn_json_str(w->out, v->s) && !f->derived)
            keep_raw(w, f->name, v->s);
        break;
    case TRN_KIND_LIST:
        if (f->derived)
            put_joined(w->out, v);
        else
            put_list(w, f, v->s);
        break;
    case TRN_KIND_U64:
        /* Many readers know signed numbers only. */
        if (v->u > INT64_MAX)
            put_quoted(w->out, v);
        else
            trn_value_text(v, w->out);
        break;
    case TRN_KIND_I64:
        trn_value_text(v, w->out);
        break;
    case TRN_KIND_NAME:
        if (v->s.p)
            put_quoted(w->out, v);
        else
            trn_value_text(v, w->out);
        break;
    default:
        put_quoted(w->out, v);
    }
}

static void put_flag_names(struct writer *w, uint32_t flags)
{
    static const char *const names[] = {"existing", "late",    "args_cut", "path_cut", "memfd",
                                        "deleted",  "net_raw", "env_cut",  "gone",     "untold"};

    open_key(w, "turncoat.flag_names");
    trn_put_u8(w->out, '[');
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        if (flags >> i & 1u) {
            trn_json_comma(w->out);
            trn_put_fmt(w->out, "\"%s\"", names[i]);
        }
    }
    trn_put_u8(w->out, ']');
}

static void put_unknown_extras(struct writer *w, const struct trn_event *ev)
{
    bool any = false;

    for (uint32_t i = 0; i < ev->n_extras && i < TRN_EV_EXTRAS; i++) {
        const struct trn_extra *x = &ev->extras[i];
        if (trn_field_by_id(x->field) || x->value.p == NULL)
            continue;
        if (!any) {
            open_key(w, "turncoat.extras");
            trn_put_u8(w->out, '{');
        }
        any = true;
        trn_json_comma(w->out);
        trn_put_fmt(w->out, "\"%u\":\"", x->field);
        trn_put_hex(w->out, x->value.p, x->value.n);
        trn_put_u8(w->out, '"');
    }
    if (any)
        trn_put_u8(w->out, '}');
}

static void put_raw(struct writer *w)
{
    if (w->n_raw == 0)
        return;
    open_key(w, "turncoat.raw");
    trn_put_u8(w->out, '{');
    for (size_t i = 0; i < w->n_raw; i++) {
        trn_json_comma(w->out);
        trn_put_fmt(w->out, "\"%s\":\"", w->raw[i].name);
        trn_put_hex(w->out, w->raw[i].bytes.p, w->raw[i].bytes.n);
        trn_put_u8(w->out, '"');
    }
    trn_put_u8(w->out, '}');
}

void trn_event_to_json(const struct trn_event *ev, struct trn_buf *out)
{
    struct writer w = {.out = out};
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);
    struct trn_value v;

    trn_put_u8(out, '{');
    for (size_t i = 0; i < n; i++) {
        /* Without extras only the rows of this type can have a value. */
        if (ev->n_extras == 0 && !trn_field_has(&f[i], (enum trn_event_type)ev->type))
            continue;
        if (!trn_event_get(ev, &f[i], &v) || (f[i].id == TRN_F_FLAGS && v.u == 0))
            continue;
        /* The same name of another type's row would come twice. */
        if (!trn_field_has(&f[i], (enum trn_event_type)ev->type) &&
            trn_field_by_name(trn_str_of(f[i].name), (enum trn_event_type)ev->type) != &f[i])
            continue;
        open_key(&w, f[i].name);
        put_value(&w, &f[i], &v);
        if (f[i].id == TRN_F_FLAGS)
            put_flag_names(&w, ev->flags);
    }
    put_unknown_extras(&w, ev);
    put_raw(&w);
    close_all(&w);
    trn_put_u8(out, '}');
}
