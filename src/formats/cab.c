/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the layout of a cabinet: header, lists, blocks, and what lies between and behind them.
 * Must not own: unpacking.
 * Hand-offs: none; what is read is in the caller's arena.
 */
#include "formats/cab.h"

#define HEADER_MAX (65536u + 1200u) /* with reserve and the four names of neighbours */
#define HEADER 36u
#define NAME_MAX_ 256u
#define FILE_ENTRY 16u
#define CONTINUED 0xfffdu /* from here on: in another cabinet of the set */
#define FOLDER_ENTRY 8u
#define RESERVES_TOLD 64u
#define LIST_MAX (24u << 20)

struct layout {
    const struct trn_source *s;
    const struct trn_cab *cab;
    struct trn_arena *arena;
    int (*tell)(void *ctx, enum trn_cab_gap_kind kind, uint64_t at, uint64_t size);
    void *ctx;
    uint64_t folders_at;
    uint64_t blocks_left;   /* each takes room, so folders that share them are walked no further */
    uint32_t reserves_left; /* that are told; all of them would say no more */
};

static int read_header(const struct trn_source *s, struct trn_arena *a, struct trn_cab *cab, struct layout *ret_layout)
{
    struct trn_cursor c;
    int e = trn_source_cursor(s, 0, HEADER_MAX, a, &c);
    if (e < 0)
        return e;
    if (c.n < 4 || memcmp(c.p, "MSCF", 4) != 0)
        return -ENOEXEC;
    trn_cur_skip(&c, 8);
    cab->size = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4);
    cab->files_at = trn_cur_u32le(&c);
    trn_cur_skip(&c, 6);
    cab->folders = trn_cur_u16le(&c);
    cab->files = trn_cur_u16le(&c);
    cab->flags = trn_cur_u16le(&c);
    cab->set = trn_cur_u16le(&c);
    cab->number = trn_cur_u16le(&c);
    if (cab->flags & TRN_CAB_RESERVE) {
        cab->reserve_size = trn_cur_u16le(&c);
        cab->folder_reserve = trn_cur_u8(&c);
        cab->block_reserve = trn_cur_u8(&c);
        cab->reserve_at = c.at;
        trn_cur_skip(&c, (size_t)cab->reserve_size);
    }
    for (uint32_t i = 0; i < (cab->flags & TRN_CAB_PREVIOUS ? 2u : 0u) + (cab->flags & TRN_CAB_NEXT ? 2u : 0u); i++)
        (void)trn_cur_until(&c, '\0', NAME_MAX_);
    ret_layout->folders_at = c.at;
    cab->folders_end = c.at + (FOLDER_ENTRY + (uint64_t)cab->folder_reserve) * cab->folders;
    return c.bad || cab->size < HEADER ? -EBADMSG : 0;
}

/* A signed cabinet says in its 20 reserved bytes where the signature stands. */
static int read_signature(const struct trn_source *s, struct trn_arena *a, struct trn_cab *cab)
{
    struct trn_cursor c;
    if (cab->reserve_size != 20)
        return 0;
    int e = trn_source_cursor(s, cab->reserve_at, 20, a, &c);
    if (e < 0)
        return e;
    uint32_t mark = trn_cur_u32le(&c);
    uint64_t at = trn_cur_u32le(&c), size = trn_cur_u32le(&c);
    if (!c.bad && mark == 0x00100000 && at >= cab->size && size && at + size <= s->size) {
        cab->signature_at = at;
        cab->signature_size = size;
    }
    return 0;
}

/* The list of files: how many entries are whole and name a folder, and where it ends. */
static int read_files(const struct trn_source *s, struct trn_arena *a, struct trn_cab *cab)
{
    struct trn_cursor c;
    size_t most = TRN_MIN((size_t)cab->files * (FILE_ENTRY + NAME_MAX_), (size_t)LIST_MAX);
    int e = trn_source_cursor(s, cab->files_at, most, a, &c);
    cab->files_end = cab->files_at;
    for (uint32_t i = 0; e == 0 && i < cab->files; i++) {
        trn_cur_skip(&c, 8);
        uint32_t folder = trn_cur_u16le(&c);
        trn_cur_skip(&c, 6);
        struct trn_str name = trn_cur_until(&c, '\0', NAME_MAX_);
        if (c.bad || name.n == 0 || (folder >= cab->folders && folder < CONTINUED))
            break;
        cab->listed++;
        cab->files_end = cab->files_at + c.at;
    }
    return e;
}

static int read_all(const struct trn_source *s, struct trn_arena *a, struct trn_cab *cab, struct layout *layout)
{
    int e = read_header(s, a, cab, layout);
    if (e == 0)
        e = read_signature(s, a, cab);
    return e == 0 ? read_files(s, a, cab) : e;
}

int trn_cab_read(const struct trn_source *s, struct trn_arena *a, struct trn_cab *ret, struct trn_err *err)
{
    struct trn_cab cab = {0};
    struct layout layout = {0};
    int e = read_all(s, a, &cab, &layout);
    if (e < 0)
        return trn_fail(err, e, "%s",
                        e == -ENOEXEC   ? "no cabinet"
                        : e == -EBADMSG ? "the header of the cabinet is cut off or makes no sense"
                                        : trn_errno_name(e));
    *ret = cab;
    return 0;
}

static int gap(const struct layout *l, enum trn_cab_gap_kind kind, uint64_t from, uint64_t to)
{
    to = TRN_MIN(to, l->s->size);
    return to > from ? l->tell(l->ctx, kind, from, to - from) : 0;
}

struct run {
    uint64_t from, to;
};

static int by_place(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* One folder's blocks: where they begin and end; their reserved room is told. */
static int walk_blocks(struct layout *l, uint64_t at, uint32_t blocks, struct run *ret)
{
    uint8_t head[8];
    uint32_t reserve = l->cab->block_reserve;
    int e = 0;
    ret->from = ret->to = at;
    for (uint32_t i = 0; i < blocks && l->blocks_left && e == 0; i++, l->blocks_left--) {
        int64_t n = trn_source_read(l->s, ret->to, head, sizeof(head));
        if (n < (int64_t)sizeof(head))
            return n < 0 ? (int)n : 0; /* cut off: who unpacks it says so */
        struct trn_cursor c = trn_cur(head, sizeof(head));
        trn_cur_skip(&c, 4);
        uint64_t packed = trn_cur_u16le(&c), data = ret->to + sizeof(head);
        if (reserve && l->reserves_left && l->reserves_left--)
            e = gap(l, TRN_CAB_GAP_BLOCK, data, data + reserve);
        ret->to = TRN_MIN(data + reserve + packed, l->s->size);
    }
    return e;
}

static int between(const struct layout *l, struct run *runs, size_t n)
{
    uint64_t end = TRN_MIN(l->cab->size, l->s->size), at = 0;
    int e = 0;
    qsort(runs, n, sizeof(*runs), by_place);
    for (size_t i = 0; i < n && e == 0; i++) {
        bool lists = at == l->cab->folders_end && runs[i].from == l->cab->files_at;
        e = gap(l, lists ? TRN_CAB_GAP_LISTS : TRN_CAB_GAP_BETWEEN, at, TRN_MIN(runs[i].from, end));
        at = TRN_MAX(at, runs[i].to);
    }
    return e == 0 ? gap(l, TRN_CAB_GAP_BETWEEN, at, end) : e;
}

static int behind(const struct layout *l)
{
    const struct trn_cab *c = l->cab;
    if (!c->signature_size)
        return gap(l, TRN_CAB_GAP_BEHIND, c->size, l->s->size);
    int e = gap(l, TRN_CAB_GAP_BEHIND, c->size, c->signature_at);
    return e == 0 ? gap(l, TRN_CAB_GAP_BEHIND, c->signature_at + c->signature_size, l->s->size) : e;
}

int trn_cab_gaps(const struct trn_source *s, const struct trn_cab *cab, struct trn_arena *a,
                 int (*tell)(void *ctx, enum trn_cab_gap_kind kind, uint64_t at, uint64_t size), void *ctx)
{
    struct trn_cab again = {0};
    struct layout l = {.s = s, .cab = cab, .arena = a, .tell = tell, .ctx = ctx};
    l.blocks_left = s->size / 8 + 1;
    l.reserves_left = RESERVES_TOLD;
    int e = read_all(s, a, &again, &l);
    if (e < 0)
        return e;
    struct run *runs = trn_arena_array(a, (size_t)cab->folders + 2, sizeof(*runs));
    struct trn_cursor c;
    uint64_t each = FOLDER_ENTRY + (uint64_t)cab->folder_reserve;
    size_t n = 0;
    if (!runs)
        return -ENOMEM;
    runs[n++] = (struct run){0, cab->folders_end};
    runs[n++] = (struct run){cab->files_at, cab->files_end};
    e = trn_source_cursor(s, l.folders_at, (size_t)(each * cab->folders), a, &c);
    if (e == 0 && cab->reserve_size && !cab->signature_size)
        e = gap(&l, TRN_CAB_GAP_RESERVE, cab->reserve_at, cab->reserve_at + cab->reserve_size);
    for (uint32_t i = 0; i < cab->folders && e == 0 && trn_cur_left(&c) >= each; i++) {
        uint32_t at = trn_cur_u32le(&c), blocks = trn_cur_u16le(&c);
        trn_cur_skip(&c, 2);
        if (cab->folder_reserve && l.reserves_left && l.reserves_left--)
            e = gap(&l, TRN_CAB_GAP_BLOCK, l.folders_at + c.at, l.folders_at + c.at + cab->folder_reserve);
        trn_cur_skip(&c, cab->folder_reserve);
        if (e == 0 && at < s->size)
            e = walk_blocks(&l, at, blocks, &runs[n++]);
    }
    if (e == 0)
        e = between(&l, runs, n);
    return e == 0 ? behind(&l) : e;
}
