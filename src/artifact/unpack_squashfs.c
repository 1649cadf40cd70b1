/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: squashfs images (snap packages, the file system in an AppImage), read by libsquashfs over our own source: it opens
 * nothing. Folders are walked with a queue of our own, so that one that contains itself ends.
 * Must not: trust an inode number (a made-up image may give two files one number).
 */
#include "artifact/kinds.h"
#include "artifact/unpack.h"

#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sys/stat.h>

#define FOLDERS_MAX 100000u
#define PATH_TEXT_MAX 4096u
#define FRAGMENTS_MAX (2u << 20) /* libsquashfs holds 16 bytes for each that the image says it has */

struct folder {
    struct folder *next;
    sqfs_inode_generic_t *inode; /* the library's; freed when it was read */
    struct trn_str path;
};
struct image {
    sqfs_file_t file; /* first: libsquashfs hands it back */
    struct trn_look *l;
    sqfs_super_t super;
    sqfs_compressor_t *codec;
    sqfs_dir_reader_t *folders;
    sqfs_data_reader_t *data;
    struct folder *first, *last;
    struct trn_map *seen; /* listings of folders that were read */
    struct trn_member_names names;
    uint8_t *window;
    uint32_t n_folders;
    bool cut; /* too many folders */
};

/* ---- what libsquashfs reads from ---- */

static int read_at(sqfs_file_t *file, sqfs_u64 at, void *buffer, size_t size)
{
    struct image *m = (struct image *)(void *)file;
    if (trn_look_over(m->l))
        return SQFS_ERROR_IO;
    int64_t n = trn_source_read(m->l->bytes, at, buffer, size);
    return n < 0 ? SQFS_ERROR_IO : (uint64_t)n < size ? SQFS_ERROR_OUT_OF_BOUNDS : 0;
}

static int write_at(sqfs_file_t *file, sqfs_u64 at, const void *buffer, size_t size)
{
    return SQFS_ERROR_IO;
}

static sqfs_u64 get_size(const sqfs_file_t *file)
{
    return ((const struct image *)(const void *)file)->l->bytes->size;
}

static int no_truncate(sqfs_file_t *file, sqfs_u64 size)
{
    return SQFS_ERROR_IO;
}

static const char *words(int e)
{
    switch (e) {
    case SQFS_ERROR_COMPRESSOR:
        return "a compressed block is damaged";
    case SQFS_ERROR_CORRUPTED:
        return "its tables are damaged";
    case SQFS_ERROR_OUT_OF_BOUNDS:
        return "a table or block lies outside of it: cut off?";
    case SQFS_ERROR_OVERFLOW:
        return "a number in it is too large";
    case SQFS_ERROR_LINK_LOOP:
        return "a folder contains itself";
    default:
        return "it is damaged";
    }
}

static int to_errno(int e)
{
    return e == SQFS_ERROR_ALLOC ? -ENOMEM : e == SQFS_ERROR_UNSUPPORTED ? -ENOTSUP : -EBADMSG;
}

/* ---- one file ---- */

static uint64_t size_of(const sqfs_inode_generic_t *inode)
{
    return inode->base.type == SQFS_INODE_EXT_FILE ? inode->data.file_ext.file_size : inode->data.file.file_size;
}

static int copy(struct image *m, const sqfs_inode_generic_t *inode, uint64_t size, const char **why)
{
    for (uint64_t at = 0; at < size;) {
        uint32_t want = (uint32_t)TRN_MIN(size - at, (uint64_t)m->super.block_size);
        sqfs_s32 n = sqfs_data_reader_read(m->data, inode, at, m->window, want);
        if (n <= 0) {
            *why = n < 0 ? words(n) : "it ends before its size says";
            return n < 0 ? to_errno(n) : -EBADMSG;
        }
        int e = trn_look_data(m->l, m->window, (size_t)n);
        if (e < 0)
            return e;
        at += (uint64_t)n;
    }
    return 0;
}

static int on_file(struct image *m, const sqfs_inode_generic_t *inode, struct trn_str path)
{
    const char *why = NULL;
    struct trn_member member = {.name = path, .size = size_of(inode), .mode = inode->base.mode};
    int e = trn_look_member(m->l, &member);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = copy(m, inode, member.size, &why);
    if (e == -EDQUOT || e == -ETIME || e == -ENOMEM)
        return e;
    return trn_look_end(m->l, e, why);
}

static struct trn_str link_of(const sqfs_inode_generic_t *inode)
{
    return S_ISLNK(inode->base.mode) ? trn_str_of((const char *)inode->extra) : TRN_STR_NONE;
}

/* ---- folders ---- */

static uint64_t listing_of(const sqfs_inode_generic_t *inode)
{
    return inode->base.type == SQFS_INODE_EXT_DIR
               ? (uint64_t)inode->data.dir_ext.start_block << 16 | inode->data.dir_ext.offset
               : (uint64_t)inode->data.dir.start_block << 16 | inode->data.dir.offset;
}

/* Takes the inode over. */
static int queue(struct image *m, sqfs_inode_generic_t *inode, struct trn_str path)
{
    struct folder *f = m->n_folders < FOLDERS_MAX ? trn_arena_alloc(m->l->arena, sizeof(*f)) : NULL;
    if (!f) {
        m->cut = true;
        sqfs_free(inode);
        return 0;
    }
    f->inode = inode;
    f->path = path;
    if (m->last)
        m->last->next = f;
    else
        m->first = f;
    m->last = f;
    m->n_folders++;
    return 0;
}

static int on_entry(struct image *m, sqfs_inode_generic_t *inode, struct trn_str parent, const sqfs_dir_entry_t *ent)
{
    struct trn_str path = trn_arena_printf(m->l->arena, "%.*s%s%.*s", TRN_STR_ARG(parent), parent.n ? "/" : "",
                                           ent->size + 1, (const char *)ent->name);
    struct trn_named named = {.name = path, .link = link_of(inode), .mode = inode->base.mode, .at = TRN_NOWHERE};
    bool folder = S_ISDIR(inode->base.mode);
    int e = trn_str_is_none(path) || path.n > PATH_TEXT_MAX ? -ENOMEM : trn_member_names_add(&m->names, &named);
    if (e == 0 && S_ISREG(inode->base.mode))
        e = on_file(m, inode, path);
    if (e == 0 && folder)
        return queue(m, inode, path);
    sqfs_free(inode);
    return e;
}

static int read_folder(struct image *m, struct folder *f, int *ret_sqfs)
{
    sqfs_inode_generic_t *inode = NULL;
    int s = sqfs_dir_reader_open_dir(m->folders, f->inode, 0), e = 0;
    while (s == 0 && e == 0) {
        TRN_AUTO(trn_freep) sqfs_dir_entry_t *ent = NULL;
        s = sqfs_dir_reader_read(m->folders, &ent);
        if (s != 0) /* 1: the end */
            break;
        s = sqfs_dir_reader_get_inode(m->folders, &inode);
        if (s == 0)
            e = trn_look_over(m->l) ? (sqfs_free(inode), -ETIME) : on_entry(m, inode, f->path, ent);
    }
    *ret_sqfs = s < 0 ? s : 0;
    return e;
}

static int walk(struct image *m)
{
    while (m->first) {
        struct folder *f = m->first;
        uint64_t unused, key = listing_of(f->inode);
        int s = 0, e = 0;
        bool again = trn_map_get(m->seen, key, &unused);
        if (!again && (e = trn_map_put(m->seen, key, 1)) == 0)
            e = read_folder(m, f, &s);
        sqfs_free(f->inode);
        m->first = f->next;
        if (!m->first)
            m->last = NULL;
        if (e == 0 && s < 0 && !trn_look_over(m->l))
            e = trn_look_gap(m->l, s == SQFS_ERROR_ALLOC ? TRN_GAP_LIMIT : TRN_GAP_DAMAGED, f->path,
                             "a folder cannot be read: %s", words(s));
        if (e < 0)
            return e;
    }
    return m->cut ? trn_look_gap(m->l, TRN_GAP_LIMIT, TRN_STR_NONE, "folders") : 0;
}

/* ---- the image ---- */

static void image_done(struct image *m)
{
    for (struct folder *f = m->first; f; f = f->next)
        sqfs_free(f->inode);
    sqfs_destroy(m->data);
    sqfs_destroy(m->folders);
    sqfs_destroy(m->codec);
    trn_member_names_done(&m->names);
    trn_map_freep(&m->seen);
    free(m->window);
}

/* 0 or an error of libsquashfs. */
static int begin(struct image *m)
{
    sqfs_compressor_config_t config;
    int s = sqfs_super_read(&m->super, &m->file);
    if (s == 0 && (m->super.fragment_entry_count > FRAGMENTS_MAX || m->super.fragment_entry_count > m->l->bytes->size))
        s = SQFS_ERROR_OVERFLOW;
    if (s == 0)
        s = sqfs_compressor_config_init(&config, m->super.compression_id, m->super.block_size,
                                        SQFS_COMP_FLAG_UNCOMPRESS);
    if (s == 0)
        s = sqfs_compressor_create(&config, &m->codec);
    if (s == 0 && (m->super.flags & SQFS_FLAG_COMPRESSOR_OPTIONS))
        s = m->codec->read_options(m->codec, &m->file);
    if (s < 0)
        return s;
    m->folders = sqfs_dir_reader_create(&m->super, m->codec, &m->file, 0);
    m->data = sqfs_data_reader_create(&m->file, m->super.block_size, m->codec, 0);
    m->window = malloc(m->super.block_size);
    m->seen = trn_map_new(FOLDERS_MAX);
    if (!m->folders || !m->data || !m->window || !m->seen)
        return SQFS_ERROR_ALLOC;
    return sqfs_data_reader_load_fragment_table(m->data, &m->super);
}

int trn_open_squashfs(struct trn_look *l, struct trn_err *err)
{
    TRN_AUTO(image_done)
    struct image m = {.file = {.read_at = read_at, .write_at = write_at, .get_size = get_size, .truncate = no_truncate},
                      .l = l};
    sqfs_inode_generic_t *root = NULL;
    int e = trn_member_names_new(l, &m.names), s = e < 0 ? SQFS_ERROR_ALLOC : begin(&m);
    if (s == 0)
        s = sqfs_dir_reader_get_root_inode(m.folders, &root);
    if (s == SQFS_ERROR_UNSUPPORTED)
        return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "its compression (%u) is not opened",
                            m.super.compression_id);
    if (s < 0)
        return to_errno(s) == -ENOMEM ? -ENOMEM
                                      : trn_fail(err, -EBADMSG, "the file system cannot be read: %s", words(s));
    if (!root || !S_ISDIR(root->base.mode)) {
        sqfs_free(root); /* takes NULL */
        return trn_fail(err, -EBADMSG, "its first folder is none");
    }
    m.names.packages = true;
    e = queue(&m, root, TRN_STR(""));
    if (e == 0)
        e = walk(&m);
    return e < 0 ? e : trn_tell_behind(l, m.super.bytes_used, "[behind the file system]", "the end of the file system");
}
