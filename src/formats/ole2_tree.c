/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the directory of a compound file: its tree of red and black siblings, walked without recursion, each entry once; and
 * whose each sector is. Names.
 * Must not own: reading along a chain.
 */
#include "formats/ole2_internal.h"

#define NO_STREAM 0xffffffffu
#define SEEN UINT32_MAX /* in place[], until the walk is over */

struct raw { /* one entry as it stands */
    struct trn_ole2_entry e;
    uint32_t left, right, child;
    bool bad_name;
};

struct todo {
    uint32_t id, parent;
    bool expanded; /* what is left of it was pushed already */
};

struct walk {
    struct trn_ole2 *o;
    struct trn_str bytes;
    struct todo *stack;
    size_t n, cap;
};

static struct raw parse(const struct walk *w, uint32_t id)
{
    struct raw r = {.e = {.id = id}};
    struct trn_cursor c = trn_cur_of(trn_str_slice(w->bytes, (size_t)id * OLE2_ENTRY_SIZE, OLE2_ENTRY_SIZE));
    struct trn_str name = trn_cur_bytes(&c, 64);
    uint16_t length = trn_cur_u16le(&c);
    r.bad_name = length > 64 || length % 2 != 0;
    r.e.name = trn_str_slice(name, 0, r.bad_name || length < 2 ? 0 : length - 2u);
    r.e.type = trn_cur_u8(&c);
    trn_cur_skip(&c, 1);
    r.left = trn_cur_u32le(&c);
    r.right = trn_cur_u32le(&c);
    r.child = trn_cur_u32le(&c);
    (void)trn_cur_copy(&c, r.e.clsid, sizeof(r.e.clsid));
    r.e.state = trn_cur_u32le(&c);
    r.e.created = trn_cur_u64le(&c);
    r.e.modified = trn_cur_u64le(&c);
    r.e.start = trn_cur_u32le(&c);
    r.e.size = trn_cur_u64le(&c);
    if (w->o->version == 3) /* the upper half may hold anything there */
        r.e.size &= UINT32_MAX;
    return r;
}

static void push(struct walk *w, uint32_t id, uint32_t parent, bool expanded)
{
    if (id != NO_STREAM && w->n < w->cap)
        w->stack[w->n++] = (struct todo){id, parent, expanded};
}

static void expand(struct walk *w, struct todo t)
{
    struct trn_ole2 *o = w->o;
    if (t.id >= o->n_ids || o->place[t.id]) {
        o->trouble = "its directory runs in a circle or out of itself";
        return;
    }
    o->place[t.id] = SEEN;
    struct raw r = parse(w, t.id);
    push(w, r.right, t.parent, false);
    push(w, t.id, t.parent, true);
    push(w, r.left, t.parent, false);
}

static void emit(struct walk *w, struct todo t)
{
    struct trn_ole2 *o = w->o;
    struct raw r = parse(w, t.id);
    if (r.e.type != TRN_OLE2_STORAGE && r.e.type != TRN_OLE2_STREAM) {
        o->trouble = "its directory has an entry of no known kind";
        return; /* it stays seen, or its siblings could lead back to it for ever */
    }
    if (r.bad_name)
        o->trouble = "its directory has an entry whose name does not fit";
    r.e.parent = t.parent;
    r.e.mini = r.e.type == TRN_OLE2_STREAM && r.e.size < o->cutoff;
    o->entries[o->n_entries++] = r.e;
    o->place[t.id] = (uint32_t)o->n_entries;
    if (r.e.type == TRN_OLE2_STORAGE)
        push(w, r.child, t.id, false);
}

static int walk_all(struct walk *w)
{
    struct trn_ole2 *o = w->o;
    struct raw root = parse(w, 0);
    w->cap = (size_t)o->n_ids * 4 + 2;
    w->stack = trn_arena_array(o->arena, w->cap, sizeof(*w->stack));
    o->entries = trn_arena_array(o->arena, o->n_ids, sizeof(*o->entries));
    o->place = trn_arena_array(o->arena, o->n_ids, sizeof(*o->place));
    if (!w->stack || !o->entries || !o->place)
        return -ENOMEM;
    root.e.parent = TRN_OLE2_NONE;
    o->entries[o->n_entries++] = root.e;
    o->place[0] = 1;
    push(w, root.child, 0, false);
    while (w->n) {
        struct todo t = w->stack[--w->n];
        if (t.expanded)
            emit(w, t);
        else
            expand(w, t);
    }
    for (uint32_t id = 0; id < o->n_ids; id++)
        if (o->place[id] == SEEN)
            o->place[id] = 0;
    return 0;
}

static void claim(struct trn_ole2 *o, struct trn_ole2_entry *e)
{
    uint32_t shift = e->mini ? OLE2_MINI_SHIFT : o->shift;
    uint64_t need = (e->size >> shift) + ((e->size & ((1ull << shift) - 1)) != 0);
    if (need)
        e->units = ole2_claim(o, e->start, need, (uint16_t)(e->id + OWNER_FIRST), e->mini, &e->broken);
}

static int claim_all(struct trn_ole2 *o)
{
    struct trn_ole2_entry *root = &o->entries[0];
    claim(o, root);
    int e = ole2_chain_source(o, root->start, root->units, root->size, false, o->arena, &o->mini);
    uint64_t mini = (o->mini.size + (1u << OLE2_MINI_SHIFT) - 1) >> OLE2_MINI_SHIFT;
    o->n_mini = (uint32_t)TRN_MIN((uint64_t)o->n_mini, mini);
    for (size_t i = 1; e == 0 && i < o->n_entries; i++)
        if (o->entries[i].type == TRN_OLE2_STREAM)
            claim(o, &o->entries[i]);
    return e;
}

int ole2_read_tree(struct trn_ole2 *o, struct trn_err *err)
{
    struct walk w = {.o = o};
    struct trn_source s;
    int e = ole2_chain_source(o, o->directory[0], o->n_directory, (uint64_t)o->n_directory << o->shift, false, o->arena,
                              &s);
    uint64_t ids = e < 0 ? 0 : s.size / OLE2_ENTRY_SIZE;
    if (ids > TRN_OLE2_ENTRIES_MAX)
        o->trouble = "its directory has too many entries";
    o->n_ids = (uint32_t)TRN_MIN(ids, (uint64_t)TRN_OLE2_ENTRIES_MAX);
    if (e == 0)
        e = trn_source_take(&s, 0, (size_t)o->n_ids * OLE2_ENTRY_SIZE, o->arena, &w.bytes);
    if (e < 0)
        return trn_fail(err, e, "the directory of the compound file cannot be read: %s", trn_errno_name(e));
    if (o->n_ids == 0 || parse(&w, 0).e.type != TRN_OLE2_ROOT)
        return trn_fail(err, -EBADMSG, "the directory of the compound file has no root");
    e = walk_all(&w);
    return e < 0 ? e : claim_all(o);
}

/* ---- names ---- */

/* MSI packs two characters of 64 into one unit, since a name has room for 31 only. */
static void put_unit(struct trn_buf *b, uint32_t c)
{
    static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    if (c >= 0x3800 && c < 0x4800) {
        trn_put_u8(b, (uint8_t)set[(c - 0x3800) & 63]);
        trn_put_u8(b, (uint8_t)set[(c - 0x3800) >> 6]);
    } else if (c >= 0x4800 && c < 0x4840) {
        trn_put_u8(b, (uint8_t)set[c - 0x4800]);
    } else if (c == 0x4840) {
        trn_put_u8(b, '!');
    } else {
        char utf8[4];
        trn_put(b, utf8, trn_utf8_of(c, utf8));
    }
}

static void put_name(struct trn_buf *b, const struct trn_ole2_entry *e)
{
    struct trn_cursor c = trn_cur_of(e->name);
    while (trn_cur_left(&c) >= 2) {
        uint32_t unit = trn_cur_u16le(&c);
        if (unit >= 0xd800 && unit < 0xdc00 && trn_cur_left(&c) >= 2) {
            struct trn_cursor ahead = c;
            uint32_t low = trn_cur_u16le(&ahead);
            if (low >= 0xdc00 && low < 0xe000) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                c = ahead;
            }
        }
        put_unit(b, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
    }
}

struct trn_str trn_ole2_name(const struct trn_ole2_entry *e, struct trn_arena *a)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 256);
    put_name(&b, e);
    return trn_arena_str(a, trn_buf_str(&b));
}

const struct trn_ole2_entry *trn_ole2_find(const struct trn_ole2 *o, const char *name)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 256);
    for (size_t i = 1; i < o->n_entries; i++) {
        const struct trn_ole2_entry *e = &o->entries[i];
        if (e->type != TRN_OLE2_STREAM || e->parent != 0)
            continue;
        trn_buf_clear(&b);
        put_name(&b, e);
        if (trn_str_eq_c(trn_buf_str(&b), name))
            return e;
    }
    return NULL;
}
