/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the files of an HFS+ volume as members: paths, data and resource forks, files that the system keeps compressed
 * (decmpfs with zlib, LZVN, LZFSE). Must not own: trees and forks (formats/hfs*.c), the disk under it.
 * Links are not followed; of hard links the one content is seen where the volume keeps it.
 */
#include "artifact/dmg_disk.h"
#include "artifact/unowned.h"

#include <sys/stat.h>
#include <zlib.h>

#define WINDOW (256u << 10)
#define FOLDERS_MAX 200000u
#define COMPRESSED_MAX 200000u
#define HEADER_COPY 1024u /* from the end */
#define HEADER_SIZE 512u
#define PATH_DEPTH 64u
#define PATH_BYTES 4096u
#define UF_COMPRESSED 0x20u
#define DECMPFS "com.apple.decmpfs"
#define DECMPFS_CHUNK 65536u
#define DECMPFS_CHUNKS_MAX 65536u

struct folder {
    uint32_t id, parent;
    struct trn_str name;
};
struct compressed {
    uint32_t file, size;
    uint64_t at;
};
struct walk {
    struct trn_look *l;
    struct trn_hfs v;
    struct trn_str prefix;
    const char *const *why;
    struct folder *folders;
    struct compressed *compressed;
    uint32_t n_folders, cap_folders, n_compressed, cap_compressed;
    bool cut; /* more folders than are kept */
    uint8_t *window, *packed;
    char path[PATH_BYTES];
};

static int grow(struct trn_arena *a, void **p, uint32_t *cap, uint32_t n, size_t each, uint32_t max)
{
    if (n < *cap)
        return 0;
    uint32_t more = *cap ? TRN_MIN(2 * *cap, max) : 256;
    if (n >= max)
        return -E2BIG;
    void *bigger = trn_arena_array(a, more, each);
    if (!bigger)
        return -ENOMEM;
    if (n)
        memcpy(bigger, *p, n * each);
    *p = bigger;
    *cap = more;
    return 0;
}

static int note_folder(void *ctx, const struct trn_hfs_record *r)
{
    struct walk *w = ctx;
    if (r->kind != TRN_HFS_FOLDER)
        return 0;
    if (trn_look_over(w->l))
        return -ETIME;
    int e = grow(w->l->arena, (void **)&w->folders, &w->cap_folders, w->n_folders, sizeof(*w->folders), FOLDERS_MAX);
    if (e == -E2BIG) {
        w->cut = true;
        return 0;
    }
    if (e < 0)
        return e;
    struct folder f = {r->id, r->parent, trn_arena_str(w->l->arena, r->name)};
    w->folders[w->n_folders++] = f;
    return 0;
}

static int note_compressed(void *ctx, const struct trn_hfs_attribute *x)
{
    struct walk *w = ctx;
    if (!trn_str_eq_c(x->name, DECMPFS))
        return 0;
    if (trn_look_over(w->l))
        return -ETIME;
    int e = grow(w->l->arena, (void **)&w->compressed, &w->cap_compressed, w->n_compressed, sizeof(*w->compressed),
                 COMPRESSED_MAX);
    if (e == 0)
        w->compressed[w->n_compressed++] = (struct compressed){x->file, x->size, x->at};
    return e == -E2BIG ? 0 : e;
}

static int by_id(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b; /* both structures begin with the number */
    return (*x > *y) - (*x < *y);
}

/* Prefix, folders, name. A loop of folders ends at PATH_DEPTH. */
static struct trn_str path_of(struct walk *w, uint32_t parent, struct trn_str name)
{
    const struct folder *up[PATH_DEPTH];
    uint32_t n = 0;
    struct trn_buf b;
    while (n < PATH_DEPTH && parent > TRN_HFS_ROOT) {
        const struct folder *f =
            w->n_folders ? bsearch(&parent, w->folders, w->n_folders, sizeof(*w->folders), by_id) : NULL;
        if (!f)
            break;
        up[n++] = f;
        parent = f->parent;
    }
    trn_buf_init(&b, PATH_BYTES - 1);
    trn_put_str(&b, w->prefix);
    while (n--) {
        trn_put_str(&b, up[n]->name);
        trn_put_c(&b, "/");
    }
    trn_put_str(&b, name);
    size_t len = TRN_MIN(b.n, (size_t)PATH_BYTES - 1);
    if (len)
        memcpy(w->path, b.p, len);
    trn_buf_done(&b);
    return (struct trn_str){w->path, len};
}

static const char *reason(const struct walk *w)
{
    return w->why && *w->why ? *w->why : "its blocks are not all in the volume";
}

/* What the driver says ends everything, but for a member it does not want. */
static bool ends(int e)
{
    return e == -EDQUOT || e == -ETIME;
}

/* The bytes of a fork as the member that is open. */
static int copy_fork(struct walk *w, const struct trn_hfs_fork *f)
{
    uint64_t at = 0;
    int e = 0;
    while (e == 0 && at < f->size) {
        int64_t n = trn_hfs_read(&w->v, f, at, w->window, WINDOW);
        if (n <= 0)
            return n == -EDQUOT || n == -ETIME || n == 0 ? -EBADMSG : (int)n; /* the source's, not the driver's */
        e = trn_look_data(w->l, w->window, (size_t)n);
        at += (uint64_t)n;
    }
    return e;
}

static int fork_member(struct walk *w, const struct trn_hfs_record *r, struct trn_hfs_fork *f, uint8_t kind,
                       struct trn_str path)
{
    struct trn_member m = {.name = path, .size = f->size, .mode = kind ? 0 : r->mode};
    int damaged = trn_hfs_fork_complete(&w->v, r->id, kind, f);
    if (damaged == -ENOMEM)
        return damaged;
    int e = trn_look_member(w->l, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = damaged < 0 ? damaged : copy_fork(w, f);
    return ends(e) ? e : trn_look_end(w->l, e, e < 0 ? reason(w) : NULL);
}

/* ---- files the system keeps compressed ---- */

enum packing { PACKED_ZLIB = 0, PACKED_LZVN = 1, PACKED_LZFSE = 2 };

static int64_t unpack_chunk(enum packing how, struct trn_str in, uint8_t *out, size_t size)
{
    uLongf n = size;
    if (how == PACKED_LZVN)
        return trn_lzvn(in, out, size);
    if (how == PACKED_LZFSE)
        return trn_lzfse(in, out, size);
    return uncompress(out, &n, (const Bytef *)in.p, (uLong)in.n) == Z_OK ? (int64_t)n : -EBADMSG;
}

/* One chunk: packed, or as it is behind a byte that no packed one begins with. */
static int put_chunk(struct walk *w, enum packing how, struct trn_str in)
{
    uint8_t first = in.n ? (uint8_t)in.p[0] : 0;
    if (in.n && ((how == PACKED_ZLIB && (first & 0x0f) == 0x0f) || (how == PACKED_LZVN && first == 0x06)))
        return trn_look_data(w->l, in.p + 1, in.n - 1);
    int64_t n = unpack_chunk(how, in, w->window, DECMPFS_CHUNK);
    return n < 0 ? (int)n : trn_look_data(w->l, w->window, (size_t)n);
}

static int put_chunk_at(struct walk *w, enum packing how, const struct trn_hfs_fork *f, uint64_t at, uint64_t size)
{
    if (size > 2 * DECMPFS_CHUNK || trn_hfs_read(&w->v, f, at, w->packed, (size_t)size) != (int64_t)size)
        return -EBADMSG;
    return put_chunk(w, how, (struct trn_str){(const char *)w->packed, (size_t)size});
}

static int read_words(struct walk *w, const struct trn_hfs_fork *f, uint64_t at, struct trn_cursor *ret, uint8_t raw[8])
{
    if (trn_hfs_read(&w->v, f, at, raw, 8) != 8)
        return -EBADMSG;
    *ret = trn_cur(raw, 8);
    return 0;
}

/* zlib's resource fork: a header of 256 bytes, then a table of (place, size) and the chunks. */
static int put_table(struct walk *w, const struct trn_hfs_fork *f)
{
    uint8_t raw[8];
    struct trn_cursor c;
    int e = read_words(w, f, 0, &c, raw);
    uint64_t base = e == 0 ? (uint64_t)trn_cur_u32be(&c) + 4 : 0;
    e = e == 0 ? read_words(w, f, base, &c, raw) : e;
    uint32_t n = e == 0 ? trn_cur_u32le(&c) : 0;
    if (n > DECMPFS_CHUNKS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; e == 0 && i < n; i++) {
        e = read_words(w, f, base + 4 + 8ull * i, &c, raw);
        uint64_t at = e == 0 ? base + trn_cur_u32le(&c) : 0;
        if (e == 0)
            e = put_chunk_at(w, PACKED_ZLIB, f, at, trn_cur_u32le(&c));
    }
    return e;
}

/* The newer ones: places only, the first of them is where the table ends. */
static int put_places(struct walk *w, enum packing how, const struct trn_hfs_fork *f)
{
    uint8_t raw[8];
    struct trn_cursor c;
    int e = read_words(w, f, 0, &c, raw);
    uint32_t n = e == 0 ? trn_cur_u32le(&c) / 4 : 0;
    if (n > DECMPFS_CHUNKS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; e == 0 && i + 1 < n; i++) {
        e = read_words(w, f, 4ull * i, &c, raw);
        uint64_t from = e == 0 ? trn_cur_u32le(&c) : 0, to = e == 0 ? trn_cur_u32le(&c) : 0;
        if (e == 0)
            e = to < from ? -EBADMSG : put_chunk_at(w, how, f, from, to - from);
    }
    return e;
}

/* 3 zlib, 7 LZVN, 11 LZFSE: in the attribute; one more: in the resource fork. */
static bool packing_of(uint32_t type, enum packing *ret, bool *ret_in_fork)
{
    uint32_t way = (type + 1) / 4;
    if (type % 4 != 3 && type % 4 != 0)
        return false;
    *ret_in_fork = type % 4 == 0;
    way = *ret_in_fork ? type / 4 : way;
    if (way < 1 || way > 3)
        return false;
    *ret = (enum packing)(way - 1);
    return true;
}

static int compressed_member(struct walk *w, const struct trn_hfs_record *r, const struct compressed *x,
                             struct trn_str path)
{
    struct trn_hfs_fork f = r->resources;
    enum packing how = PACKED_ZLIB;
    bool in_fork = false;
    uint32_t size = TRN_MIN(x->size, 2 * DECMPFS_CHUNK);
    if (size < 16 || trn_hfs_read(&w->v, &w->v.attributes, x->at, w->packed, size) != (int64_t)size)
        return trn_look_gap(w->l, TRN_GAP_DAMAGED, path, "what says how it is compressed is damaged");
    struct trn_cursor c = trn_cur(w->packed, size);
    trn_cur_skip(&c, 4);
    uint32_t type = trn_cur_u32le(&c);
    struct trn_member m = {.name = path, .size = trn_cur_u64le(&c), .mode = r->mode};
    if (!packing_of(type, &how, &in_fork))
        return trn_look_gap(w->l, TRN_GAP_UNSUPPORTED, path, "it is compressed in a way that is not opened here (%u)",
                            type);
    int damaged = in_fork ? trn_hfs_fork_complete(&w->v, r->id, 0xff, &f) : 0;
    int e = trn_look_member(w->l, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    if (damaged < 0)
        e = damaged;
    else if (in_fork)
        e = how == PACKED_ZLIB ? put_table(w, &f) : put_places(w, how, &f);
    else
        e = put_chunk(w, how, trn_cur_bytes(&c, trn_cur_left(&c)));
    return ends(e) ? e : trn_look_end(w->l, e, e < 0 ? "it is compressed, and damaged" : NULL);
}

static int tell_file(void *ctx, const struct trn_hfs_record *r)
{
    struct walk *w = ctx;
    if (r->kind != TRN_HFS_FILE)
        return 0;
    struct trn_hfs_record copy = *r;
    struct trn_str path = path_of(w, r->parent, r->name);
    const struct compressed *x = r->owner_flags & UF_COMPRESSED && w->n_compressed
                                     ? bsearch(&r->id, w->compressed, w->n_compressed, sizeof(*w->compressed), by_id)
                                     : NULL;
    if (x)
        return compressed_member(w, &copy, x, path);
    int e = fork_member(w, &copy, &copy.data, 0, path);
    if (e == 0 && copy.resources.size) {
        struct trn_str more = trn_arena_printf(w->l->arena, "%.*s/..namedfork/rsrc", TRN_STR_ARG(path));
        e = fork_member(w, &copy, &copy.resources, 0xff, more);
    }
    return e;
}

static int catalog_failed(struct walk *w, int e, struct trn_err *err)
{
    if (ends(e) || e == -ENOMEM || e == 0 || e == -ECANCELED)
        return e;
    if (w->why && *w->why)
        return trn_fail(err, e, "%s", *w->why);
    return trn_fail(err, e,
                    e == -ENOTSUP ? "it is a volume of the old HFS, which is not opened here"
                                  : "the catalog of its HFS+ volume is damaged");
}

/* Behind its last block stands at most a copy of the header. In a disk image the place is one of the disk, not of the file. */
static int behind_volume(struct walk *w, const struct trn_source *volume)
{
    static const struct trn_unowned behind = {"behind-end", "[behind the volume]",
                                              "lie behind the end of the HFS+ volume: who mounts it never sees them",
                                              45};
    uint64_t end = (uint64_t)w->v.block * w->v.blocks,
             copy = volume->size - TRN_MIN(volume->size, (uint64_t)HEADER_COPY);
    TRN_AUTO(trn_pieces_done) struct trn_pieces p;
    uint8_t b[2];
    struct trn_ranges owned = {.arena = w->l->arena};
    struct trn_span gap;
    trn_pieces_init(&p);
    trn_ranges_add(&owned, 0, end);
    if (copy >= end && trn_source_read(volume, copy, b, 2) == 2 && b[0] == 'H' && (b[1] == '+' || b[1] == 'X'))
        trn_ranges_add(&owned, copy, HEADER_SIZE);
    trn_ranges_close(&owned);
    if (volume == w->l->bytes)
        return trn_unowned_gaps(w->l, &behind, &owned, 0, volume->size);
    for (uint64_t at = end; trn_ranges_gap(&owned, at, volume->size, &gap) && !trn_look_over(w->l);) {
        size_t want = (size_t)TRN_MIN(gap.to - gap.from, (uint64_t)WINDOW), i = 0;
        int64_t n = trn_source_read(volume, gap.from, w->window, want);
        if (n <= 0)
            break; /* the partition was told as damaged */
        while (i < (size_t)n && w->window[i] == 0)
            i++;
        if (i < (size_t)n)
            trn_pieces_add(&p, TRN_NOWHERE, w->window + i, (size_t)n - i);
        at = gap.from + (uint64_t)n;
    }
    return trn_pieces_tell(w->l, &behind, &p);
}

static void walk_done(struct walk **w)
{
    if (*w) {
        free((*w)->window);
        free((*w)->packed);
    }
    free(*w);
}

int trn_unpack_hfs(struct trn_look *l, const struct trn_source *volume, struct trn_str prefix, const char *const *why,
                   struct trn_err *err)
{
    TRN_AUTO(walk_done) struct walk *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->l = l;
    w->prefix = prefix;
    w->why = why;
    w->window = malloc(WINDOW);
    w->packed = malloc(2 * DECMPFS_CHUNK);
    if (!w->window || !w->packed)
        return -ENOMEM;
    int e = trn_hfs_open(volume, l->arena, &w->v);
    if (e == 0)
        e = trn_hfs_catalog(&w->v, note_folder, w);
    if (e < 0)
        return catalog_failed(w, e, err);
    (void)!trn_hfs_attributes(&w->v, note_compressed, w); /* damaged ones cost the compressed files only */
    if (w->n_folders)
        qsort(w->folders, w->n_folders, sizeof(*w->folders), by_id);
    if (w->n_compressed)
        qsort(w->compressed, w->n_compressed, sizeof(*w->compressed), by_id);
    if (w->cut)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "more folders than are remembered: some paths are short");
    if (e == 0)
        e = catalog_failed(w, trn_hfs_catalog(&w->v, tell_file, w), err);
    return e < 0 ? e : behind_volume(w, volume);
}

int trn_open_hfs(struct trn_look *l, struct trn_err *err)
{
    return trn_unpack_hfs(l, l->bytes, TRN_STR(""), NULL, err);
}
