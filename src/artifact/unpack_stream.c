/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: gz, bz2, xz, lzma, zst, lz4 as containers: of the members of the tar or cpio inside, else of the one content; and
 * what lies behind the end of the stream.
 * Must not: hold the content, know the codecs.
 */
#include "artifact/iso_trees.h"
#include "artifact/kinds.h"
#include "artifact/stream_fields.h"
#include "artifact/unpack.h"
#include "formats/formats.h"

#define HEAD 1032u
#define SEVENZIP_MEMORY \
    (64u << 20) /* libarchive takes what a dictionary says; its decoders have no limit of their own */

/* The codec of a format; TRN_CODEC_MAX: none. */
static enum trn_codec codec_of(enum trn_format f)
{
    switch (f) {
    case TRN_FORMAT_GZIP:
        return TRN_CODEC_GZIP;
    case TRN_FORMAT_BZIP2:
        return TRN_CODEC_BZIP2;
    case TRN_FORMAT_XZ:
        return TRN_CODEC_XZ;
    case TRN_FORMAT_LZMA:
        return TRN_CODEC_LZMA;
    case TRN_FORMAT_ZSTD:
        return TRN_CODEC_ZSTD;
    case TRN_FORMAT_LZ4:
        return TRN_CODEC_LZ4;
    default:
        return TRN_CODEC_MAX;
    }
}

enum trn_gap_kind trn_gap_of(int e)
{
    return e == -ENOTSUP ? TRN_GAP_UNSUPPORTED : e == -EMSGSIZE || e == -ENOMEM ? TRN_GAP_LIMIT : TRN_GAP_DAMAGED;
}

/* Whatever is wrong with the stream: 0 when it was told and the job goes on. */
static int stream_gap(struct trn_look *l, struct trn_stream *s, int e)
{
    if (e == -EDQUOT || e == -ETIME || e == -ECANCELED)
        return e;
    return trn_look_gap(l, trn_gap_of(e), TRN_STR_NONE, "%s", trn_stream_why(s));
}

static int copy(struct trn_look *l, struct trn_stream *s, const struct trn_archive_from *head, uint8_t *window)
{
    int64_t n = 1;
    int e = head && head->head_n ? trn_look_data(l, head->head, head->head_n) : 0;
    while (e == 0 && n > 0) {
        n = trn_stream_read(s, window, TRN_STREAM_BLOCK);
        e = n > 0 ? trn_look_data(l, window, (size_t)n) : (int)n;
        if (n < 0)
            e = (int)n == -EDQUOT || (int)n == -ETIME ? -EBADMSG : (int)n; /* the source's, not the driver's */
    }
    return e;
}

int trn_stream_member(struct trn_look *l, struct trn_stream *s, const struct trn_member *m,
                      const struct trn_archive_from *head)
{
    TRN_AUTO(trn_freep) uint8_t *window = malloc(TRN_STREAM_BLOCK);
    if (!window)
        return -ENOMEM;
    int e = trn_look_member(l, m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = copy(l, s, head, window);
    if (e == -EDQUOT || e == -ETIME)
        return e;
    return trn_look_end(l, e, e < 0 ? trn_stream_why(s) : NULL);
}

/* "x.tar.gz" -> "x.tar", "x.tgz" -> "x.tar" */
static struct trn_str inner_name(struct trn_look *l)
{
    static const char *const ends[] = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".lz4"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++)
        if (trn_str_ends(l->name, trn_str_of(ends[i])))
            return trn_str_slice(l->name, 0, l->name.n - strlen(ends[i]));
    if (l->name.n == 0)
        return TRN_STR("content");
    return trn_arena_printf(l->arena, "%.*s.content", TRN_STR_ARG(l->name));
}

static int content(struct trn_look *l, struct trn_stream *s, struct trn_err *err)
{
    uint8_t head[HEAD];
    enum trn_format f = TRN_FORMAT_EMPTY;
    int64_t n = trn_stream_read(s, head, sizeof(head));
    if (n < 0)
        return stream_gap(l, s, (int)n);
    struct trn_archive_from from = {.stream = s, .head = head, .head_n = (size_t)n};
    struct trn_source probed = trn_source_mem((struct trn_str){(const char *)head, (size_t)n});
    struct trn_member m = {.name = inner_name(l), .size = TRN_SIZE_UNKNOWN, .mode = l->self->mode};
    int e = trn_format_probe(&probed, m.name, &f);
    if (e < 0)
        return e;
    if (f != TRN_FORMAT_TAR && f != TRN_FORMAT_CPIO)
        return trn_stream_member(l, s, &m, &from);
    e = trn_look_property(l, "content", trn_str_of(trn_format_name(f)));
    if (e == 0)
        e = trn_archive_members(l, f == TRN_FORMAT_TAR ? TRN_ARCHIVE_TAR : TRN_ARCHIVE_CPIO, &from, err);
    if (e == -EMSGSIZE || e == -ENOTSUP) /* of the stream, in the middle */
        return stream_gap(l, s, e);
    return e;
}

/* What lies behind the end of a stream or archive, and so is never unpacked; zeroes are padding of tapes and devices. */
int trn_tell_behind(struct trn_look *l, uint64_t at, const char *name, const char *of)
{
    uint64_t size = l->bytes->size - TRN_MIN(at, l->bytes->size), zero = 0;
    uint8_t window[4096];
    while (zero < size && !trn_look_over(l)) {
        int64_t n = trn_source_read(l->bytes, at + zero, window, sizeof(window)), i = 0;
        while (i < n && window[i] == 0)
            i++;
        if (n <= 0)
            return (int)n;
        zero += (uint64_t)i;
        if (i < n)
            break;
    }
    if (zero == size)
        return 0;
    struct trn_member m = {.name = trn_str_of(name), .size = size};
    struct trn_irregular i = {.kind = "behind-end", .score = size < 16 ? 20 : 45, .at = at, .size = size};
    int e = trn_irregular(l, &i, "%llu bytes lie behind %s at 0x%llx: who unpacks it never sees them.",
                          (unsigned long long)size, of, (unsigned long long)at);
    return e < 0 ? e : trn_look_part(l, &m, at, size);
}

int trn_open_stream(struct trn_look *l, struct trn_err *err)
{
    TRN_AUTO(trn_stream_freep) struct trn_stream *s = NULL;
    uint8_t rest[256];
    int64_t more;
    int e = trn_stream_new(codec_of(l->self->format), l->bytes, false, &s);
    if (e < 0)
        return e == -ENOTSUP ? trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "this compression is not opened") : e;
    e = content(l, s, err);
    if (e == 0 || e == -EBADMSG) {
        int told = trn_stream_fields_tell(trn_stream_fields_of(s), l);
        e = told < 0 ? told : e;
    }
    if (e < 0 || trn_look_over(l))
        return e;
    more = trn_stream_read(s, rest, sizeof(rest));
    return more == 0 ? trn_tell_behind(l, trn_stream_at(s), "[behind the end of the stream]", "the end of the stream")
                     : 0; /* not at its end: damaged or a limit, told already */
}

static int open_kind(struct trn_look *l, enum trn_archive_kind kind, struct trn_err *err)
{
    struct trn_archive_from from = {.bytes = l->bytes};
    return trn_archive_members(l, kind, &from, err);
}

int trn_open_tar(struct trn_look *l, struct trn_err *err)
{
    return open_kind(l, TRN_ARCHIVE_TAR, err);
}

int trn_open_cpio(struct trn_look *l, struct trn_err *err)
{
    return open_kind(l, TRN_ARCHIVE_CPIO, err);
}

int trn_open_sevenzip(struct trn_look *l, struct trn_err *err)
{
    static const struct trn_unowned between = {"between-members", "[between the streams]",
                                               "belong to no packed stream and no header of the archive: who unpacks "
                                               "it never sees them",
                                               45};
    struct trn_sevenzip z;
    int e = trn_sevenzip_parse(l->bytes, SEVENZIP_MEMORY, l->arena, &z);
    if (e == -EMSGSIZE || (e == 0 && z.memory > SEVENZIP_MEMORY))
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "its dictionary is larger than 64 MiB");
    if (e == -ENOTSUP)
        return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "its header is packed in a way that is not opened");
    if (e < 0)
        return e == -EBADMSG ? trn_fail(err, e, "the header of the archive is damaged or cut off") : e;
    e = open_kind(l, TRN_ARCHIVE_SEVENZIP, err);
    if (e == 0 && !z.incomplete)
        e = trn_unowned_gaps(l, &between, &z.owned, 0, z.end);
    return e < 0 ? e : trn_tell_behind(l, z.end, "[behind the end of the archive]", "the end of the archive");
}

int trn_open_iso(struct trn_look *l, struct trn_err *err)
{
    int e = open_kind(l, TRN_ARCHIVE_ISO, err);
    if (e == 0)
        e = trn_iso_compare(l);
    if (e < 0 && e != -EBADMSG)
        return e;
    int told = trn_iso_layout(l); /* whatever libarchive makes of its trees */
    return told < 0 ? told : e;
}

int trn_open_xar(struct trn_look *l, struct trn_err *err)
{
    return open_kind(l, TRN_ARCHIVE_XAR, err);
}

int trn_open_not(struct trn_look *l, struct trn_err *err)
{
    return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE,
                        "file systems and images of this kind (%s) are not opened", trn_format_name(l->self->format));
}

int trn_open_rar(struct trn_look *l, struct trn_err *err)
{
    return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "RAR archives are not opened");
}
