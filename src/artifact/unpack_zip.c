/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: members of a zip (and of what is one: nupkg, jar, wheel, vsix, xpi, apk), by its directory; without one, by the
 * headers in front of the members. What is stored is looked at in place.
 * Must not: decide which of two descriptions is right: the directory is followed, as most programs do, and what differs is told.
 */
#include "artifact/kinds.h"
#include "artifact/zip_job.h"

#include <sys/stat.h>
#include <zlib.h>

#define LINK_MAX 4096u
#define LIST_MAX (16u << 20)
#define WALK_MAX 100000u

static enum trn_codec codec_of(uint16_t method)
{
    static const struct {
        uint16_t method;
        enum trn_codec codec;
    } table[] = {{8, TRN_CODEC_DEFLATE},
                 {12, TRN_CODEC_BZIP2},
                 {14, TRN_CODEC_LZMA_ZIP},
                 {93, TRN_CODEC_ZSTD},
                 {95, TRN_CODEC_XZ}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (table[i].method == method)
            return table[i].codec;
    return TRN_CODEC_MAX;
}

/* ---- one member ---- */

static int inflate_all(struct trn_look *l, struct trn_stream *s, const struct trn_zip_what *w, uint8_t *window,
                       const char **why)
{
    uint64_t done = 0;
    uLong sum = crc32(0, NULL, 0);
    int64_t n = 1;
    while (done != w->size && n > 0) {
        n = trn_stream_read(s, window, (size_t)TRN_MIN((uint64_t)TRN_STREAM_BLOCK, w->size - done));
        if (n <= 0)
            break;
        sum = crc32(sum, window, (uInt)n);
        done += (uint64_t)n;
        int e = trn_look_data(l, window, (size_t)n);
        if (e < 0)
            return e;
    }
    *why = trn_stream_why(s);
    if (n < 0)
        return (int)n == -EDQUOT || (int)n == -ETIME || (int)n == -ECANCELED ? -EIO : (int)n;
    if (w->size != TRN_SIZE_UNKNOWN && done != w->size) {
        *why = "it ends before the size that the archive says";
        return -EBADMSG;
    }
    *why = "its checksum is not the one that the archive says";
    return w->no_crc || sum == w->crc ? 0 : -EBADMSG;
}

/* The packed stream ends before the place that the archive says: nobody who unpacks the member sees the bytes between. */
static int check_slack(struct trn_look *l, const struct trn_zip_what *w, uint64_t end)
{
    char name[160];
    if (w->method != 8 || w->packed == TRN_SIZE_UNKNOWN || end >= w->data_at + w->packed)
        return 0;
    struct trn_irregular i = {
        .kind = "member-slack", .score = 45, .at = end, .size = w->data_at + w->packed - end, .member = w->name};
    return trn_irregular(
        l, &i,
        "%llu bytes lie behind the end of the packed member '%s', inside of the room the archive gives "
        "it: who unpacks it never sees them.",
        (unsigned long long)i.size, trn_escape_into(name, sizeof(name), w->name));
}

/* More comes out than is said: a program that trusts the stream gets another file than one that trusts the size. */
static int check_rest(struct trn_look *l, struct trn_stream *s, const struct trn_zip_what *w, uint8_t *window)
{
    char name[160];
    int64_t n = w->size == TRN_SIZE_UNKNOWN || w->method == 14 ? -1 : trn_stream_read(s, window, 1);
    if (n <= 0)
        return n < 0 ? 0 : check_slack(l, w, w->data_at + trn_stream_at(s));
    struct trn_irregular i = {.kind = "longer-than-said", .score = 50, .at = w->data_at, .member = w->name};
    return trn_irregular(
        l, &i,
        "The member '%s' unpacks to more bytes than the archive says: who trusts the size does not see "
        "the rest.",
        trn_escape_into(name, sizeof(name), w->name));
}

static int unpack_stream(struct trn_look *l, const struct trn_zip_what *w, const struct trn_member *m,
                         uint64_t *ret_end)
{
    TRN_AUTO(trn_stream_freep) struct trn_stream *s = NULL;
    TRN_AUTO(trn_freep) uint8_t *window = malloc(TRN_STREAM_BLOCK);
    struct trn_source packed = trn_source_part(l->bytes, w->data_at, w->packed);
    const char *why = NULL;
    int e = window ? trn_stream_new(codec_of(w->method), &packed, true, &s) : -ENOMEM;
    if (e == -ENOMEM)
        return e;
    if (e < 0)
        return trn_look_gap(l, trn_gap_of(e), w->name,
                            e == -ENOTSUP ? "zip method %u is not opened" : "damaged (method %u)", w->method);
    e = trn_look_member(l, m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = inflate_all(l, s, w, window, &why);
    *ret_end = w->data_at + trn_stream_at(s);
    if (e == -EDQUOT || e == -ETIME || e == -ENOMEM)
        return e;
    int ended = trn_look_end(l, e, why);
    return ended < 0 || e < 0 ? ended : check_rest(l, s, w, window);
}

static int check_stored(struct trn_look *l, const struct trn_zip_what *w)
{
    TRN_AUTO(trn_freep) uint8_t *window = l->bytes->mem ? NULL : malloc(TRN_STREAM_BLOCK);
    struct trn_source part = trn_source_part(l->bytes, w->data_at, w->packed);
    uLong sum = crc32(0, NULL, 0);
    for (uint64_t at = 0; at < part.size && !trn_look_over(l);) {
        size_t n = (size_t)TRN_MIN(part.size - at, (uint64_t)TRN_STREAM_BLOCK);
        int64_t got = part.mem ? (int64_t)n : window ? trn_source_read(&part, at, window, n) : -ENOMEM;
        if (got <= 0)
            return (int)got;
        sum = crc32(sum, part.mem ? part.mem + at : window, (uInt)got);
        at += (uint64_t)got;
    }
    if (w->no_crc || sum == w->crc || part.size < w->packed)
        return 0;
    return trn_look_gap(l, TRN_GAP_DAMAGED, w->name, "its checksum is not the one that the archive says");
}

/* 0, or what has to be handed on. *ret_end: the place behind its data. */
static int zip_unpack(struct trn_look *l, const struct trn_zip_what *w, uint64_t *ret_end)
{
    struct trn_member m = {.name = w->name, .size = w->size, .packed = w->packed, .mode = w->mode};
    *ret_end = w->data_at + (w->packed == TRN_SIZE_UNKNOWN ? 0 : w->packed);
    if (w->size == 0 && w->mode & S_IFMT && !S_ISREG(w->mode))
        return 0;
    if (S_ISLNK(w->mode) && w->size <= LINK_MAX)
        return 0;
    if (w->mode & S_IFMT) /* with content it is a file to most programs, whatever its type says */
        m.mode = S_IFREG | (w->mode & 07777);
    if (w->flags & (TRN_ZIP_FLAG_ENCRYPTED | TRN_ZIP_FLAG_MASKED) || w->method == 99)
        return trn_look_gap(l, TRN_GAP_ENCRYPTED, w->name, "needs a password");
    if (w->method != 0)
        return unpack_stream(l, w, &m, ret_end);
    if (w->packed == TRN_SIZE_UNKNOWN)
        return trn_look_gap(l, TRN_GAP_DAMAGED, w->name, "nothing says where it ends");
    int e = check_stored(l, w);
    return e < 0 ? e : trn_look_part(l, &m, w->data_at, w->packed);
}

/* ---- by the directory ---- */

/* Where a symbolic link leads stands in its content. */
static struct trn_str link_target(struct trn_zip_job *j, const struct trn_zip_what *w)
{
    TRN_AUTO(trn_stream_freep) struct trn_stream *s = NULL;
    char *text = NULL;
    int64_t n = 0;
    struct trn_source packed = trn_source_part(j->l->bytes, w->data_at, TRN_MIN(w->packed, (uint64_t)LINK_MAX));
    if (!S_ISLNK(w->mode) || w->size > LINK_MAX || !(text = trn_arena_alloc(j->l->arena, LINK_MAX)))
        return TRN_STR_NONE;
    if (w->method == 0)
        n = trn_source_read(&packed, 0, text, LINK_MAX);
    else if (trn_stream_new(codec_of(w->method), &packed, true, &s) == 0)
        n = trn_stream_read(s, text, LINK_MAX);
    return n > 0 ? (struct trn_str){text, (size_t)n} : TRN_STR_NONE;
}

static uint64_t end_of(const struct trn_source *s, const struct trn_zip_entry *e, const struct trn_zip_local *local)
{
    uint64_t end;
    if (!trn_add_ok(local->data_at, e->packed, &end) || end > s->size)
        return s->size;
    if ((e->flags | local->flags) & TRN_ZIP_FLAG_DESCRIPTOR)
        end += trn_zip_descriptor(s, end, e->crc, e->packed, e->size);
    return end;
}

static int on_entry(struct trn_zip_job *j, uint32_t index)
{
    const struct trn_zip_entry *e = &j->zip.entry[index];
    struct trn_zip_local local;
    uint64_t end;
    int r = trn_zip_local(j->l->bytes, e->local_at, j->buffer, &local);
    if (r == -EBADMSG)
        return trn_look_gap(j->l, TRN_GAP_DAMAGED, trn_zip_name(e),
                            "no header of a member where the directory says it is");
    if (r == 0) {
        trn_zip_fields_add(j, e, &local);
        r = trn_zip_compare(j, e, &local);
    }
    if (r == 0)
        r = trn_zip_twice(j, index);
    if (r < 0)
        return r;
    struct trn_zip_what w = {.name = trn_zip_name(e),
                             .flags = e->flags | (local.flags & TRN_ZIP_FLAG_ENCRYPTED),
                             .method = e->method,
                             .mode = trn_zip_mode(e),
                             .crc = e->crc,
                             .packed = e->packed,
                             .size = e->size,
                             .data_at = local.data_at};
    struct trn_named named = {.name = w.name, .link = link_target(j, &w), .mode = w.mode, .at = e->local_at};
    j->range[j->n_ranges++] = (struct trn_zip_range){e->local_at, end_of(j->l->bytes, e, &local), index};
    uint32_t before = 0, after = 0;
    (void)trn_look_last(j->l, &before);
    r = trn_member_names_add(&j->names, &named);
    if (r == 0)
        r = zip_unpack(j->l, &w, &end);
    (void)trn_look_last(j->l, &after);
    return r < 0 || after == before ? r : trn_listed_check(j->l, &j->listed, w.name, e->local_at);
}

/* The content of a small member, ahead of its turn. */
static struct trn_str content_of(struct trn_zip_job *j, const struct trn_zip_entry *e)
{
    TRN_AUTO(trn_stream_freep) struct trn_stream *s = NULL;
    struct trn_zip_local local;
    char *text;
    if (e->size > LIST_MAX || trn_zip_local(j->l->bytes, e->local_at, j->buffer, &local) < 0 ||
        !(text = trn_arena_alloc(j->l->arena, (size_t)e->size)))
        return TRN_STR_NONE;
    struct trn_source packed = trn_source_part(j->l->bytes, local.data_at, e->packed);
    int64_t n = 0;
    if (e->method == 0)
        n = trn_source_read(&packed, 0, text, (size_t)e->size);
    else if (trn_stream_new(codec_of(e->method), &packed, true, &s) == 0)
        n = trn_stream_read(s, text, (size_t)e->size);
    return n > 0 ? (struct trn_str){text, (size_t)n} : TRN_STR_NONE;
}

/* NuGet's, Java's, Mozilla's; Android's newer ones stand before the directory */
static bool is_signature(struct trn_str name)
{
    static const char *const ends[] = {".RSA", ".DSA", ".EC", ".rsa", "cose.sig"};
    if (trn_str_eq_c(name, ".signature.p7s"))
        return true;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends) && trn_str_starts(name, TRN_STR("META-INF/")); i++)
        if (trn_str_ends(name, trn_str_of(ends[i])))
            return true;
    return false;
}

/* What kind of package it is, and the list of digests if it has one. */
static int look_for_list(struct trn_zip_job *j)
{
    const char *package = NULL;
    int e = 0;
    for (uint32_t i = 0; i < j->zip.n && e == 0; i++) {
        struct trn_str name = trn_zip_name(&j->zip.entry[i]);
        bool jar = trn_str_eq_c(name, "META-INF/MANIFEST.MF"), wheel = trn_str_ends(name, TRN_STR(".dist-info/RECORD"));
        j->names.case_matters |= jar || trn_str_eq_c(name, "AndroidManifest.xml"); /* a.class is not A.class */
        if (trn_str_eq_c(name, "AndroidManifest.xml"))
            package = "apk";
        else if (trn_str_ends(name, TRN_STR(".nuspec")) && trn_str_find(name, '/') < 0)
            package = "nupkg";
        else if (trn_str_eq_c(name, "extension.vsixmanifest"))
            package = "vsix";
        else if (wheel && !j->listed.list)
            e = trn_listed_wheel(j->l->arena, content_of(j, &j->zip.entry[i]), &j->listed);
        else if (jar && !j->listed.list)
            e = trn_listed_jar(j->l->arena, content_of(j, &j->zip.entry[i]), &j->listed);
        if (e == 0 && is_signature(name))
            e = trn_look_property(j->l, "package_signature", name);
        package = package ? package : wheel ? "wheel" : jar ? "jar" : NULL;
    }
    return e < 0 ? e : trn_look_property(j->l, "package", trn_str_of(package));
}

static int members(struct trn_zip_job *j)
{
    int e = 0;
    j->range = trn_arena_array(j->l->arena, j->zip.n ? j->zip.n : 1, sizeof(*j->range));
    if (!j->range)
        return -ENOMEM;
    e = look_for_list(j);
    for (uint32_t i = 0; i < j->zip.n && e == 0; i++)
        e = trn_look_over(j->l) ? -ETIME : on_entry(j, i);
    if (e == 0 && j->zip.damaged)
        e = trn_look_gap(j->l, TRN_GAP_DAMAGED, TRN_STR_NONE, "its directory is damaged behind entry %u", j->zip.n);
    if (e == 0 && j->zip.more)
        e = trn_look_gap(j->l, TRN_GAP_LIMIT, TRN_STR_NONE, "members");
    return e;
}

/* ---- without a directory ---- */

/* Without a directory: header after header from the front. */
static int zip_walk(struct trn_look *l, uint64_t at, struct trn_err *err)
{
    TRN_AUTO(trn_freep) uint8_t *buffer = malloc(TRN_ZIP_LOCAL_MAX);
    struct trn_zip_local local;
    if (!buffer)
        return -ENOMEM;
    for (uint32_t i = 0; i < WALK_MAX && at < l->bytes->size && !trn_look_over(l); i++) {
        int e = trn_zip_local(l->bytes, at, buffer, &local);
        if (e < 0)
            break;
        bool open_end = (local.flags & TRN_ZIP_FLAG_DESCRIPTOR) && local.packed == 0;
        struct trn_zip_what w = {.name = trn_arena_str(l->arena, local.name),
                                 .flags = local.flags,
                                 .method = local.method,
                                 .mode = local.name.n && local.name.p[local.name.n - 1] == '/' ? S_IFDIR : 0,
                                 .crc = local.crc,
                                 .packed = open_end ? TRN_SIZE_UNKNOWN : local.packed,
                                 .size = open_end ? TRN_SIZE_UNKNOWN : local.size,
                                 .data_at = local.data_at,
                                 .no_crc = open_end};
        uint64_t end = at;
        e = zip_unpack(l, &w, &end);
        if (e < 0)
            return e;
        if (open_end) { /* 12 to 24 bytes behind the data say what it was */
            uint8_t b[28];
            int64_t n = trn_source_read(l->bytes, end, b, sizeof(b));
            for (int64_t k = 12; k + 4 <= n; k += 4)
                if (memcmp(b + k, "PK", 2) == 0) {
                    end += (uint64_t)k;
                    break;
                }
        }
        if (end <= at)
            break;
        at = end;
    }
    return 0;
}

/* ---- the whole ---- */

static void job_done(struct trn_zip_job *j)
{
    trn_member_names_done(&j->names);
    trn_listed_done(&j->listed);
    trn_map_freep(&j->first);
    trn_pieces_done(&j->listed_fields);
    trn_pieces_done(&j->local_fields);
    trn_pieces_done(&j->comments);
    free(j->buffer);
}

/* The last record whose comment reaches the end of the file and that has a directory; else one that has a directory. */
static size_t choose(const struct trn_zip_job *j)
{
    for (size_t i = 0; i < j->n_ends; i++)
        if (j->ends[i].fits && j->ends[i].comment_at + j->ends[i].comment_n == j->l->bytes->size)
            return i;
    for (size_t i = 0; i < j->n_ends; i++)
        if (j->ends[i].fits)
            return i;
    return j->n_ends;
}

int trn_open_zip(struct trn_look *l, struct trn_err *err)
{
    TRN_AUTO(job_done) struct trn_zip_job j = {.l = l};
    int e = trn_zip_ends(l->bytes, j.ends, &j.n_ends);
    if (e < 0)
        return e;
    j.main = choose(&j);
    if (j.main == j.n_ends) {
        e = zip_walk(l, 0, err);
        return e < 0 ? e : trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "it has no directory: cut off?");
    }
    if (j.ends[j.main].split)
        return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "it is one part of several");
    e = trn_zip_directory(l->bytes, &j.ends[j.main], l->arena, &j.zip);
    if (e == -EMSGSIZE)
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "its directory is larger than 40 MiB");
    if (e == 0)
        e = trn_member_names_new(l, &j.names);
    j.first = trn_map_new(TRN_ZIP_ENTRIES_MAX);
    j.buffer = malloc(TRN_ZIP_LOCAL_MAX);
    if (e < 0 || !j.first || !j.buffer)
        return e < 0 ? e : -ENOMEM;
    j.names.windows = true;
    j.names.duplicate = 0;
    trn_pieces_init(&j.listed_fields);
    trn_pieces_init(&j.local_fields);
    trn_pieces_init(&j.comments);
    e = members(&j);
    if (e == 0)
        e = trn_zip_fields_tell(&j);
    return e < 0 ? e : trn_zip_layout(&j);
}
