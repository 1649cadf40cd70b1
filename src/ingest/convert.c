/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one value of their JSON to one value of our field, by the row's converter. Must not own: which fields there are
 * (tables), nor texts themselves (convert_text.c). Every value is bounded by the record it stands in.
 */
#include "ingest/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

#define NAME_MAX_BYTES 96
#define DEPTH_MAX 8

/* The value of a dotted name below data; NULL when absent. */
static const json_t *below(const json_t *data, struct trn_str name)
{
    char key[NAME_MAX_BYTES];
    struct trn_str piece;
    for (int i = 0; data && i < DEPTH_MAX && trn_str_split(&name, '.', &piece); i++) {
        if (piece.n >= sizeof(key))
            return NULL;
        memcpy(key, piece.p, piece.n);
        key[piece.n] = 0;
        data = json_object_get(data, key);
    }
    return data;
}

static struct trn_str text_of(const json_t *j, struct trn_arena *arena)
{
    if (json_is_string(j))
        return (struct trn_str){json_string_value(j), json_string_length(j)};
    if (json_is_boolean(j))
        return json_is_true(j) ? TRN_STR("true") : TRN_STR("false");
    if (json_is_integer(j))
        return trn_arena_printf(arena, "%lld", (long long)json_integer_value(j));
    return TRN_STR_NONE;
}

struct trn_str trn_text_below(const struct trn_shape *s, struct trn_str name, struct trn_arena *arena)
{
    if (trn_str_eq_c(name, "@host"))
        return s->host && s->host[0] ? trn_str_of(s->host) : TRN_STR_NONE;
    if (trn_str_eq_c(name, "@time"))
        return trn_str_of(s->time);
    struct trn_str text = text_of(below(s->data, name), arena);
    return text.n == 0 || trn_str_eq_c(text, "-") ? TRN_STR_NONE : text;
}

/* Up to four parts that a row names. */
#define PARTS 4
struct parts {
    struct trn_str text[PARTS];
    const json_t *first;
    size_t n, present;
};

static void parts_of(const struct trn_shape *s, const char *from, struct trn_arena *arena, struct parts *ret)
{
    struct trn_str rest = trn_str_of(from), name;
    *ret = (struct parts){0};
    while (ret->n < PARTS && trn_str_split(&rest, ' ', &name)) {
        if (ret->n == 0)
            ret->first = below(s->data, name);
        ret->text[ret->n] = trn_text_below(s, name, arena);
        ret->present += !trn_str_is_none(ret->text[ret->n]);
        ret->n++;
    }
}

static bool is_signed(const struct parts *p)
{
    return p->n == 3 && trn_str_eq_c(p->text[1], "true") && trn_str_eq_c(p->text[2], "Valid");
}

static int text(struct trn_str s, struct trn_value *v)
{
    v->s = s;
    return trn_str_is_none(s) ? -ENODATA : 0;
}

static int time_of(struct trn_str s, struct trn_arena *arena, struct trn_value *v)
{
    if (s.n >= 11 && s.n < 64 && s.p[10] == ' ')
        s = trn_arena_printf(arena,
                             "%.10s"
                             "T%.*sZ",
                             s.p, (int)s.n - 11, s.p + 11);
    return s.p && trn_time_parse(s, 0, &v->u) == 0 && v->u ? 0 : -EINVAL;
}

static int ip_of(struct trn_str s, struct trn_value *v)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char t[INET6_ADDRSTRLEN];
    if (!s.p || s.n >= sizeof(t))
        return -EINVAL;
    memcpy(t, s.p, s.n);
    t[s.n] = 0;
    if (strchr(t, '%'))
        *strchr(t, '%') = 0;
    v->family = strchr(t, ':') ? 6 : 4;
    if (inet_pton(v->family == 6 ? AF_INET6 : AF_INET, t, v->ip) != 1)
        return -EINVAL;
    if (v->family == 6 && memcmp(v->ip, mapped, 12) == 0) {
        memmove(v->ip, v->ip + 12, 4);
        memset(v->ip + 4, 0, 12);
        v->family = 4;
    }
    return 0;
}

static int number_of(const struct trn_field_def *f, struct trn_str s, struct trn_value *v)
{
    if (trn_str_u64(s, &v->u) < 0)
        return -EINVAL;
    v->i = v->u <= INT64_MAX ? (int64_t)v->u : -1;
    return f->kind == TRN_KIND_I64 && v->i < 0 ? -EINVAL : 0;
}

static int name_of(const struct trn_field_def *f, struct trn_str s, struct trn_value *v)
{
    char t[32];
    if (s.n >= sizeof(t))
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++)
        t[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
    return trn_field_name_parse(f, (struct trn_str){t, s.n}, &v->u);
}

static int sha256_of(struct trn_str hashes, struct trn_arena *arena, struct trn_value *v)
{
    struct trn_str hex = trn_sha256_text(hashes);
    char *raw = trn_arena_alloc(arena, TRN_SHA256_SIZE);
    if (!raw)
        return -ENOMEM;
    v->s = (struct trn_str){raw, TRN_SHA256_SIZE};
    return hex.p && trn_unhex(hex, raw, TRN_SHA256_SIZE) == 0 ? 0 : -EINVAL;
}

/* Of an environment only what decides which code the dynamic loader takes: the rest is private. */
static bool is_loaders(const char *variable)
{
    return strncmp(variable, "DYLD_", 5) == 0;
}

static int list_of(const json_t *j, bool env, struct trn_arena *arena, struct trn_value *v)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    const json_t *one;
    trn_buf_init(&b, TRN_RECORD_MAX);
    json_array_foreach((json_t *)j, i, one)
    {
        const char *s = json_string_value(one);
        if (!s || (env && !is_loaders(s)))
            continue;
        trn_put_c(&b, s); /* up to its first NUL, if it has one */
        trn_put_u8(&b, 0);
    }
    v->s = b.bad ? TRN_STR_NONE : trn_arena_str(arena, trn_buf_str(&b));
    return !json_is_array(j) || json_array_size(j) == 0 || (env && b.n == 0) ? -ENODATA : v->s.p ? 0 : -ENOMEM;
}

static int path_of(const struct parts *p, struct trn_arena *arena, struct trn_value *v)
{
    if (p->present < p->n)
        return -ENODATA;
    struct trn_str s = p->text[0];
    if (p->n == 2)
        s = trn_arena_printf(arena, "%.*s%s%.*s", TRN_STR_ARG(s), trn_str_ends(s, TRN_STR("/")) ? "" : "/",
                             TRN_STR_ARG(p->text[1]));
    if (s.n && s.p[0] != '/')
        s = trn_win_path(s, arena);
    return text(s, v);
}

static int entity_of(const struct parts *p, struct trn_arena *arena, struct trn_value *v)
{
    uint64_t h = 0;
    if (p->present < p->n)
        return -ENODATA;
    for (size_t i = 0; i < p->n; i++) {
        struct trn_str s = p->text[i]; /* GUIDs stand in braces or not */
        if (s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}')
            s = trn_str_slice(s, 1, s.n - 2);
        h = trn_hash64_mix(h, trn_hash_folded(s, arena));
    }
    v->u = h ? h : 1;
    return 0;
}

/* What a signature says, and what no signature means. */
static int signature(int how, const struct parts *p, struct trn_value *v)
{
    bool platform = trn_str_eq_c(p->text[0], "true");
    switch (how) {
    case TRN_AS_IF_SIGNED:
        return is_signed(p) ? text(p->text[0], v) : -ENODATA;
    case TRN_AS_ORIGIN_WIN:
        v->u = is_signed(p) ? TRN_ORIGIN_WINDOWS : TRN_ORIGIN_MANUAL;
        return 0;
    case TRN_AS_SYSTEM_WIN:
        v->u = TRN_SW_BASE;
        return is_signed(p) && trn_str_eq_c(p->text[0], "Microsoft Windows") ? 0 : -ENODATA;
    case TRN_AS_ORIGIN_MAC:
        v->u = platform || p->text[1].n ? TRN_ORIGIN_MACOS : TRN_ORIGIN_MANUAL;
        return 0;
    case TRN_AS_SYSTEM_MAC:
        v->u = TRN_SW_BASE;
        return platform ? 0 : -ENODATA;
    default:
        v->u = TRN_ORIGIN_MANUAL;
        return 0;
    }
}

static int place(int how, struct trn_str path, struct trn_arena *arena, struct trn_value *v)
{
    const struct trn_foreign_place *at = trn_foreign_place_of(trn_win_path(path, arena));
    return at ? text(trn_str_of(how == TRN_AS_SENSITIVE ? at->klass : at->owner), v) : -ENODATA;
}

static int hashed(int how, const struct parts *p, struct trn_arena *arena, struct trn_value *v)
{
    struct trn_str s = p->text[0];
    if (how == TRN_AS_FILE_ID)
        s = trn_win_path(s, arena);
    v->u = trn_hash_folded(s, arena) >> (how == TRN_AS_CONTENT_ID ? 2 : 0); /* a time of ours prints to the year 2554 */
    return 0;
}

static int convert(const struct trn_map_row *row, const struct parts *p, const struct trn_field_def *f,
                   struct trn_arena *arena, struct trn_value *v)
{
    struct trn_str s = p->text[0];
    switch (row->how) {
    case TRN_AS_TEXT:
        return text(s, v);
    case TRN_AS_PATH:
        return path_of(p, arena, v);
    case TRN_AS_NUMBER:
        return number_of(f, s, v);
    case TRN_AS_NAME:
        return name_of(f, s, v);
    case TRN_AS_TIME:
        return time_of(s, arena, v);
    case TRN_AS_IP:
        return ip_of(s, v);
    case TRN_AS_ENTITY:
        return entity_of(p, arena, v);
    case TRN_AS_FILE_ID:
    case TRN_AS_HOST_ID:
    case TRN_AS_CONTENT_ID:
        return hashed(row->how, p, arena, v);
    case TRN_AS_SHA256:
        return sha256_of(s, arena, v);
    case TRN_AS_ARGS:
        return text(trn_win_args(s, arena), v);
    case TRN_AS_ANSWERS:
        return text(trn_win_answers(s, arena), v);
    case TRN_AS_VERSION:
        return text(trn_str_slice(s, 0, trn_str_find(s, ' ') > 0 ? (size_t)trn_str_find(s, ' ') : s.n), v);
    case TRN_AS_APP:
        return text(trn_app_name(s), v);
    case TRN_AS_EXIT:
        return number_of(f, s, v) < 0 || v->u & 0x7f ? -ENODATA : (v->u = v->u >> 8 & 0xff, 0);
    case TRN_AS_RIGHTS:
        return number_of(f, s, v) < 0 ? -EINVAL : text(trn_win_rights(v->u, arena), v);
    case TRN_AS_SENSITIVE:
    case TRN_AS_PLACE_OWNER:
        return place(row->how, s, arena, v);
    default:
        return signature(row->how, p, v);
    }
}

int trn_convert(const struct trn_shape *s, const struct trn_map_row *row, const struct trn_field_def *f,
                struct trn_arena *arena, struct trn_value *ret)
{
    struct parts p;
    struct trn_value v = {.kind = f->kind};
    parts_of(s, row->from, arena, &p);
    if (row->how == TRN_AS_LIST || row->how == TRN_AS_ENV) {
        int r = list_of(p.first, row->how == TRN_AS_ENV, arena, &v);
        if (r == 0)
            *ret = v;
        return r;
    }
    if (p.present == 0)
        return -ENODATA;
    int r = convert(row, &p, f, arena, &v);
    if (r == 0)
        *ret = v;
    return r;
}
