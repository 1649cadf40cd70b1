/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the version resource (VS_VERSIONINFO): numbers and all its strings. Must not own: where it lies.
 * Hand-offs: strings are copies in the caller's arena.
 *
 * The format: a block is length, length of value, type, key (UTF-16, NUL), value, children, each on four bytes. Writers
 * disagree about the length of a value (bytes, characters, with or without NUL), so a string ends at its NUL or its block.
 */
#include "formats/pe_tables.h"

#define SIGNATURE 0xfeef04bdu
#define BLOCKS_MAX 1024u
#define VERSION_MAX (1u << 20)

struct block {
    struct trn_str key; /* UTF-16 */
    uint32_t value_size;
    struct trn_cursor rest; /* value and children; place 0 of it is on four bytes in the whole */
};

struct work {
    struct trn_arena *a;
    struct trn_pe_version out;
    uint32_t blocks;
};

static void align(struct trn_cursor *c, size_t base)
{
    size_t off = (base + c->at) % 4;
    if (off && !c->bad)
        trn_cur_skip(c, TRN_MIN(4 - off, trn_cur_left(c)));
}

/* UTF-16 up to a NUL, which is taken too; without one all that is left. */
static struct trn_str take_text(struct trn_cursor *c)
{
    size_t from = c->at, n = 0;
    while (trn_cur_left(c) >= 2 && trn_cur_u16le(c))
        n += 2;
    return c->bad ? TRN_STR_NONE : (struct trn_str){(const char *)c->p + from, n};
}

/* The next block of `in`, whose place 0 is `base` in the whole. False: no more, or damaged. */
static bool next_block(struct work *w, struct trn_cursor *in, size_t base, struct block *ret, size_t *ret_base)
{
    align(in, base);
    size_t start = in->at;
    if (trn_cur_left(in) < 6 || w->blocks++ >= BLOCKS_MAX)
        return false;
    uint32_t size = trn_cur_u16le(in);
    if (size < 6)
        return false;
    size = (uint32_t)TRN_MIN((size_t)size, in->n - start);
    struct trn_cursor whole = trn_cur_sub(in, start, size);
    trn_cur_skip(&whole, 2);
    ret->value_size = trn_cur_u16le(&whole);
    trn_cur_skip(&whole, 2);
    ret->key = take_text(&whole);
    align(&whole, base + start);
    *ret_base = base + start + whole.at;
    ret->rest = trn_cur_sub(&whole, whole.at, trn_cur_left(&whole));
    trn_cur_seek(in, start + size);
    return !whole.bad && !ret->rest.bad;
}

static bool key_is(const struct block *b, const char *name)
{
    size_t n = strlen(name);
    bool same = b->key.n == 2 * n;
    for (size_t i = 0; same && i < n; i++)
        same = b->key.p[2 * i] == name[i] && b->key.p[2 * i + 1] == 0;
    return same;
}

static int add_string(struct work *w, struct trn_str table, struct block *b)
{
    if (w->out.n == TRN_PE_VERSION_STRINGS_MAX) {
        w->out.cut = true;
        return 0;
    }
    struct trn_pe_version_string *s = &w->out.strings[w->out.n];
    s->table = table;
    s->key = trn_pe_utf8(b->key, w->a);
    s->value = trn_pe_utf8(take_text(&b->rest), w->a);
    if (trn_str_is_none(s->key) || trn_str_is_none(s->value))
        return -ENOMEM;
    w->out.n++;
    return 0;
}

static int read_strings(struct work *w, struct block *info, size_t base)
{
    struct block table, string;
    size_t table_base, string_base;
    while (next_block(w, &info->rest, base, &table, &table_base)) {
        struct trn_str name = trn_pe_utf8(table.key, w->a);
        if (trn_str_is_none(name))
            return -ENOMEM;
        while (next_block(w, &table.rest, table_base, &string, &string_base)) {
            int e = add_string(w, name, &string);
            if (e < 0)
                return e;
        }
    }
    return 0;
}

static void read_fixed(struct work *w, struct block *root)
{
    struct trn_cursor c = trn_cur_sub(&root->rest, 0, TRN_MIN((size_t)root->value_size, root->rest.n));
    if (trn_cur_u32le(&c) != SIGNATURE)
        return;
    trn_cur_skip(&c, 4);
    uint32_t v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = trn_cur_u32le(&c);
    if (c.bad)
        return;
    w->out.has_fixed = true;
    for (size_t i = 0; i < 4; i++) {
        uint32_t word = v[i / 2], other = v[2 + i / 2];
        w->out.file[i] = (uint16_t)(i % 2 ? word : word >> 16);
        w->out.product[i] = (uint16_t)(i % 2 ? other : other >> 16);
    }
}

int trn_pe_version_parse(struct trn_str bytes, struct trn_arena *a, struct trn_pe_version *ret)
{
    struct work w = {.a = a};
    struct trn_cursor c = trn_cur_of(bytes);
    struct block root, child;
    size_t base, child_base;
    *ret = (struct trn_pe_version){0};
    if (!next_block(&w, &c, 0, &root, &base) || !key_is(&root, "VS_VERSION_INFO")) {
        ret->cut = true;
        return 0;
    }
    w.out.strings = trn_arena_array(a, TRN_PE_VERSION_STRINGS_MAX, sizeof(*w.out.strings));
    if (!w.out.strings)
        return -ENOMEM;
    read_fixed(&w, &root);
    trn_cur_skip(&root.rest, TRN_MIN((size_t)root.value_size, root.rest.n));
    while (next_block(&w, &root.rest, base, &child, &child_base)) {
        int e = key_is(&child, "StringFileInfo") ? read_strings(&w, &child, child_base) : 0;
        if (e < 0)
            return e;
    }
    *ret = w.out;
    return 0;
}

int trn_pe_version(const struct trn_pe *pe, const struct trn_pe_resources *r, struct trn_arena *a,
                   struct trn_pe_version *ret)
{
    const struct trn_pe_resource *res = trn_pe_resource_find(r, TRN_PE_RT_VERSION);
    struct trn_str bytes;
    *ret = (struct trn_pe_version){0};
    if (!res || res->size == 0)
        return 0;
    int e = trn_source_take(&pe->bytes, res->at, (size_t)TRN_MIN(res->size, (uint64_t)VERSION_MAX), a, &bytes);
    return e < 0 ? e : trn_pe_version_parse(bytes, a, ret);
}

struct trn_str trn_pe_version_get(const struct trn_pe_version *v, const char *key)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (trn_str_eq_c(v->strings[i].key, key))
            return v->strings[i].value;
    return TRN_STR_NONE;
}
