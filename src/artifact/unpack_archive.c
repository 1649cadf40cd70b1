/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: members of the formats that libarchive reads (tar, cpio, 7z, iso, xar). Only the reader of the format that was
 * recognised is switched on, and no filter: compression around an archive is stream.c's, so that no helper program can be
 * started (lrzip, lzop, grzip) and memory is bounded.
 * Must not: trust a size, write a file, believe that libarchive's words are free of foreign text.
 * Hand-offs: member's bytes to the driver; names to irregular.c.
 *
 * Names: with LC_CTYPE C.UTF-8 (trn_scan_warm) libarchive converts UTF-16 and UTF-8 by its own tables and opens no file. In
 * another locale a name may be missing; then it is asked for in UTF-8, and else has a number instead.
 */
#include "artifact/tar_watch.h"
#include "artifact/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#define WARNINGS_MAX 1000u
#define CAPABILITY_MAX 64u
#define TRAILING "[behind the end of the archive]"

struct reader {
    struct trn_look *l;
    const struct trn_archive_from *from;
    enum trn_archive_kind kind;
    struct archive *archive;
    struct trn_member_names names;
    uint8_t *window;
    uint64_t at;   /* of the source, or of what the stream gave */
    size_t last_n; /* of the last block that was given */
    bool head_given;
    int error; /* of the source or stream, or the driver's end of work */
    uint32_t members;
    struct trn_tar_watch watch; /* of a tar: fed by from_stream, or afterwards */
};

static const struct {
    int (*support)(struct archive *a);
    bool windows, packages;
} kinds[TRN_ARCHIVE_KIND_MAX] = {
    [TRN_ARCHIVE_TAR] = {archive_read_support_format_tar, false, false},
    [TRN_ARCHIVE_CPIO] = {archive_read_support_format_cpio, false, true},
    [TRN_ARCHIVE_SEVENZIP] = {archive_read_support_format_7zip, true, false},
    [TRN_ARCHIVE_ISO] = {archive_read_support_format_iso9660, false, true},
    [TRN_ARCHIVE_XAR] = {archive_read_support_format_xar, false, true},
};

/* ---- what libarchive reads from ---- */

static la_ssize_t from_stream(struct reader *r, const void **block)
{
    if (!r->head_given && r->from->head_n) {
        r->head_given = true;
        *block = r->from->head;
        r->at += r->last_n = r->from->head_n;
        trn_tar_watch_feed(&r->watch, r->from->head, r->last_n);
        return (la_ssize_t)r->last_n;
    }
    int64_t n = trn_stream_read(r->from->stream, r->window, TRN_STREAM_BLOCK);
    if (n < 0) {
        r->error = (int)n;
        return -1;
    }
    *block = r->window;
    r->last_n = (size_t)n;
    r->at += (uint64_t)n;
    trn_tar_watch_feed(&r->watch, r->window, (size_t)n);
    return (la_ssize_t)n;
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **block)
{
    struct reader *r = ctx;
    const struct trn_source *s = r->from->bytes;
    if (trn_look_over(r->l)) {
        r->error = -ETIME;
        return -1;
    }
    if (!s)
        return from_stream(r, block);
    if (r->at >= s->size)
        return 0;
    if (s->mem) {
        *block = s->mem + r->at;
        r->last_n = (size_t)(s->size - r->at);
        r->at = s->size;
        return (la_ssize_t)r->last_n;
    }
    int64_t n = trn_source_read(s, r->at, r->window, TRN_STREAM_BLOCK);
    if (n < 0) {
        r->error = (int)n;
        return -1;
    }
    *block = r->window;
    r->last_n = (size_t)n;
    r->at += (uint64_t)n;
    return (la_ssize_t)n;
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t want)
{
    struct reader *r = ctx;
    if (want <= 0 || !r->from->bytes)
        return 0;
    uint64_t n = TRN_MIN((uint64_t)want, r->from->bytes->size - TRN_MIN(r->at, r->from->bytes->size));
    r->at += n;
    return (la_int64_t)n;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
    struct reader *r = ctx;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)r->at : (int64_t)r->from->bytes->size, to;
    if (!trn_add_ok(base, (int64_t)offset, &to) || to < 0)
        return ARCHIVE_FATAL;
    r->at = TRN_MIN((uint64_t)to, r->from->bytes->size);
    return (la_int64_t)r->at;
}

/* ---- one member ---- */

static struct trn_str name_of(struct reader *r, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    if (!name)
        name = archive_entry_pathname_utf8(entry);
    return name ? trn_str_of(name) : trn_arena_printf(r->l->arena, "[member %u, its name cannot be read]", r->members);
}

static struct trn_str link_of(struct archive_entry *entry)
{
    const char *link = archive_entry_symlink(entry);
    return trn_str_of(link ? link : archive_entry_hardlink(entry));
}

/* A hole is zeroes; a file of a terabyte made of holes ends at the limits. */
static int give_zeroes(struct reader *r, uint64_t n)
{
    static const uint8_t zeroes[TRN_STREAM_BLOCK];
    int e = 0;
    while (n && e == 0) {
        size_t now = (size_t)TRN_MIN(n, (uint64_t)sizeof(zeroes));
        e = trn_look_data(r->l, zeroes, now);
        n -= now;
    }
    return e;
}

static const char *words(struct reader *r, char *text, size_t size)
{
    const char *why = archive_error_string(r->archive);
    if (!why || strncmp(why, "INTERNAL ERROR", 14) == 0) /* asked for the data of a member without a header */
        why = "it cannot be read";
    return trn_escape_into(text, size, trn_str_of(why));
}

/* 0, or what ends this member: ECANCELED, EBADMSG, or the driver's. */
static int give_data(struct reader *r, const void *block, size_t n, int64_t offset, uint64_t size)
{
    uint64_t done = 0;
    int e, status = ARCHIVE_OK;
    do {
        if (offset < 0 || (uint64_t)offset < done)
            return -EBADMSG;
        e = give_zeroes(r, (uint64_t)offset - done);
        if (e == 0 && n)
            e = trn_look_data(r->l, block, n);
        if (e < 0)
            return e;
        done = (uint64_t)offset + n;
        status = archive_read_data_block(r->archive, &block, &n, &offset);
    } while (status == ARCHIVE_OK || status == ARCHIVE_WARN || status == ARCHIVE_RETRY);
    if (status != ARCHIVE_EOF)
        return r->error ? r->error : -EBADMSG;
    return size != TRN_SIZE_UNKNOWN && size > done ? give_zeroes(r, size - done) : 0; /* a hole at the end */
}

static int end_member(struct reader *r, int e, struct trn_str name, bool locked)
{
    char text[160];
    if (e == -ENOMEM || e == -EDQUOT || (e == -ETIME && trn_look_over(r->l)))
        return e;
    if (e == -EBADMSG && locked) {
        int told = trn_look_gap(r->l, TRN_GAP_ENCRYPTED, name, "needs a password");
        return told < 0 ? told : trn_look_end(r->l, -ECANCELED, NULL);
    }
    return trn_look_end(r->l, e, e == -EBADMSG ? words(r, text, sizeof(text)) : NULL);
}

/* Does the first block lie in our own memory and hold the whole member? Then nothing needs to be copied. */
static bool is_part(const struct reader *r, const uint8_t *block, size_t n, int64_t offset, uint64_t size)
{
    const struct trn_source *s = r->from->bytes;
    return s && s->mem && s == r->l->bytes && offset == 0 && n && n == size && block >= s->mem &&
           (uint64_t)(block - s->mem) <= s->size && n <= s->size - (uint64_t)(block - s->mem);
}

static int give_member(struct reader *r, struct archive_entry *entry, const struct trn_member *m)
{
    const void *block = NULL;
    size_t n = 0;
    la_int64_t offset = 0;
    bool locked = archive_entry_is_encrypted(entry) > 0;
    int status = archive_read_data_block(r->archive, &block, &n, &offset), e;
    if (status == ARCHIVE_OK && is_part(r, block, n, offset, m->size))
        return trn_look_part(r->l, m, (uint64_t)((const uint8_t *)block - r->l->bytes->mem), n);
    e = trn_look_member(r->l, m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    if (status == ARCHIVE_OK || status == ARCHIVE_WARN || status == ARCHIVE_RETRY)
        e = give_data(r, block, n, offset, m->size);
    else if (status == ARCHIVE_EOF)
        e = m->size != TRN_SIZE_UNKNOWN ? give_zeroes(r, m->size) : 0;
    else
        e = r->error ? r->error : -EBADMSG;
    return end_member(r, e, m->name, locked);
}

/* A copy: the entry is gone when the member is looked at. */
static struct trn_str capability_of(struct reader *r, struct archive_entry *entry)
{
    const char *name;
    const void *value;
    size_t n;
    int left = archive_entry_xattr_reset(entry);
    for (int i = 0; i < left && archive_entry_xattr_next(entry, &name, &value, &n) == ARCHIVE_OK; i++)
        if (name && value && strcmp(name, "security.capability") == 0)
            return trn_arena_str(r->l->arena, trn_str_slice((struct trn_str){value, n}, 0, CAPABILITY_MAX));
    return TRN_STR_NONE;
}

static int on_entry(struct reader *r, struct archive_entry *entry)
{
    struct trn_member m = {.name = name_of(r, entry),
                           .size = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry)
                                                                    : TRN_SIZE_UNKNOWN,
                           .mode = archive_entry_mode(entry),
                           .capability = capability_of(r, entry)};
    struct trn_named named = {.name = m.name, .link = link_of(entry), .mode = m.mode, .at = TRN_NOWHERE};
    if (m.size != TRN_SIZE_UNKNOWN && m.size && !S_ISLNK(m.mode) && m.mode & S_IFMT &&
        !(r->kind == TRN_ARCHIVE_ISO && S_ISDIR(m.mode)))
        m.mode = S_IFREG | (m.mode & 07777); /* a device or folder with content: look at it */
    if (r->kind == TRN_ARCHIVE_TAR && r->from->bytes)
        named.at = (uint64_t)archive_read_header_position(r->archive);
    int e = trn_str_eq_c(m.name, ".") ? 0 : trn_member_names_add(&r->names, &named);
    /* a hard link without content of its own was told where its content is */
    if (e < 0 || (archive_entry_hardlink(entry) && (m.size == TRN_SIZE_UNKNOWN || m.size == 0)))
        return e;
    return give_member(r, entry, &m);
}

/* ---- behind the end ---- */

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && (n == 1 || memcmp(p, p + 1, n - 1) == 0));
}

static int tell_behind(struct reader *r, uint64_t at, uint64_t size)
{
    struct trn_irregular i = {.kind = "behind-end", .score = 45, .at = TRN_NOWHERE};
    if (r->kind == TRN_ARCHIVE_CPIO)
        return 0; /* a boot image is several of them, one behind the other */
    if (r->from->bytes == r->l->bytes) {
        i.at = at;
        i.size = size;
    }
    return trn_irregular(r->l, &i,
                         "Data lies at 0x%llx, behind the mark that ends the archive: who unpacks it never sees it.",
                         (unsigned long long)at);
}

static int behind_in_bytes(struct reader *r, uint64_t at)
{
    const struct trn_source *s = r->from->bytes;
    struct trn_member m = {.name = TRN_STR(TRAILING)};
    uint8_t window[4096];
    while (at < s->size && !trn_look_over(r->l)) {
        int64_t n = trn_source_read(s, at, window, sizeof(window));
        if (n <= 0)
            return (int)n;
        if (!all_zero(window, (size_t)n)) {
            int e = tell_behind(r, at, s->size - at);
            m.size = s->size - at;
            return e < 0 ? e : trn_look_part(r->l, &m, at, s->size - at);
        }
        at += (uint64_t)n;
    }
    return 0;
}

/* The rest of what the decompressor gives; from the first block on that is not all zeroes it is a member. */
static int behind_in_stream(struct reader *r, const uint8_t *left, size_t n)
{
    struct trn_member m = {.name = TRN_STR(TRAILING), .size = TRN_SIZE_UNKNOWN};
    struct trn_archive_from head = {.stream = r->from->stream};
    uint64_t at = r->at - n;
    while (all_zero(left, n)) {
        at += n;
        int64_t got = trn_look_over(r->l) ? 0 : trn_stream_read(r->from->stream, r->window, TRN_STREAM_BLOCK);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return 0;
        left = r->window;
        n = (size_t)got;
    }
    int e = tell_behind(r, at, 0);
    head.head = left;
    head.head_n = n;
    return e < 0 ? e : trn_stream_member(r->l, r->from->stream, &m, &head);
}

static int look_behind(struct reader *r, struct trn_err *err)
{
    uint64_t used = (uint64_t)archive_filter_bytes(r->archive, 0);
    if (r->kind != TRN_ARCHIVE_TAR && r->kind != TRN_ARCHIVE_CPIO)
        return 0;
    if (r->from->bytes)
        return behind_in_bytes(r, used);
    size_t left = (size_t)TRN_MIN(r->at - TRN_MIN(used, r->at), (uint64_t)r->last_n);
    const uint8_t *block = r->head_given && r->at == r->from->head_n ? r->from->head : r->window;
    int e = behind_in_stream(r, block + (r->last_n - left), left);
    return e == -EBADMSG ? trn_fail(err, e, "%s", trn_stream_why(r->from->stream)) : e;
}

/* What libarchive throws away of a tar. From a stream it was fed as it came. */
static int tell_thrown_away(struct reader *r)
{
    uint8_t window[2 * TRN_TAR_BLOCK];
    const struct trn_source *s = r->from->bytes;
    if (r->kind != TRN_ARCHIVE_TAR)
        return 0;
    while (s && r->watch.at < s->size && !r->watch.over && !trn_look_over(r->l)) {
        uint64_t skip = trn_tar_watch_skip(&r->watch);
        if (skip) {
            trn_tar_watch_pass(&r->watch, TRN_MIN(skip, s->size - r->watch.at));
            continue;
        }
        int64_t n = trn_source_read(s, r->watch.at, window, sizeof(window));
        if (n <= 0)
            break;
        trn_tar_watch_feed(&r->watch, window, (size_t)n);
    }
    return trn_tar_watch_tell(&r->watch, r->l, s == r->l->bytes);
}

/* ---- the whole ---- */

static int fatal(struct reader *r, struct trn_err *err)
{
    char text[200];
    const char *why = words(r, text, sizeof(text));
    if (r->error == -ETIME)
        return r->error;
    if (r->error < 0 && r->from->stream)
        return trn_fail(err, r->error, "%s", trn_stream_why(r->from->stream));
    if (r->error < 0)
        return r->error;
    /* libarchive 3.6.2 follows a stray pointer here when no format was recognised: ask only the one that can say yes */
    if (archive_format(r->archive) == ARCHIVE_FORMAT_7ZIP && archive_read_has_encrypted_entries(r->archive) > 0)
        return trn_look_gap(r->l, TRN_GAP_ENCRYPTED, TRN_STR_NONE, "needs a password: %s", why);
    if (archive_errno(r->archive) == ENOMEM)
        return trn_look_gap(r->l, TRN_GAP_LIMIT, TRN_STR_NONE, "memory");
    return trn_fail(err, -EBADMSG, "%s (after %u members)", why, r->members);
}

static int each_member(struct reader *r, struct trn_err *err)
{
    struct archive_entry *entry;
    uint32_t warnings = 0;
    for (;;) {
        int status = archive_read_next_header(r->archive, &entry);
        if (status == ARCHIVE_EOF)
            return look_behind(r, err);
        if (status == ARCHIVE_FATAL || (status < ARCHIVE_WARN && ++warnings > WARNINGS_MAX) || trn_look_over(r->l))
            return fatal(r, err);
        if (status < ARCHIVE_WARN)
            continue;
        r->members++;
        int e = on_entry(r, entry);
        if (e < 0)
            return e;
    }
}

static void reader_done(struct reader *r)
{
    if (r->archive)
        archive_read_free(r->archive);
    trn_member_names_done(&r->names);
    trn_tar_watch_done(&r->watch);
    free(r->window);
}

int trn_archive_members(struct trn_look *l, enum trn_archive_kind kind, const struct trn_archive_from *from,
                        struct trn_err *err)
{
    TRN_AUTO(reader_done) struct reader r = {.l = l, .from = from, .kind = kind, .archive = archive_read_new()};
    int e = trn_member_names_new(l, &r.names);
    trn_tar_watch_init(&r.watch);
    r.watch.over = kind != TRN_ARCHIVE_TAR;
    if (!(from->bytes && from->bytes->mem))
        r.window = malloc(TRN_STREAM_BLOCK);
    if (e < 0 || !r.archive || (!r.window && !(from->bytes && from->bytes->mem)))
        return -ENOMEM;
    r.names.windows = kinds[kind].windows;
    r.names.packages = kinds[kind].packages || l->parent_format == TRN_FORMAT_DEB;
    if (kinds[kind].support(r.archive) < ARCHIVE_WARN)
        return trn_fail(err, -ENOTSUP, "libarchive does not read this format here");
    archive_read_set_read_callback(r.archive, on_read);
    archive_read_set_callback_data(r.archive, &r);
    if (from->bytes) {
        archive_read_set_skip_callback(r.archive, on_skip);
        archive_read_set_seek_callback(r.archive, on_seek);
    }
    if (archive_read_open1(r.archive) < ARCHIVE_WARN)
        return fatal(&r, err);
    e = each_member(&r, err);
    if (e < 0 && e != -EBADMSG)
        return e;
    int told = tell_thrown_away(&r);
    return told < 0 ? told : e;
}
