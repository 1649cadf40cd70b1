/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the files of a cabinet, by libmspack over the artifact's own bytes: no file is opened, written or named to it.
 * Must not: believe that the library saw all; the header's count is compared and what is missing is told.
 * Hand-offs: what a member's name means in an MSI comes from the container above (look.names).
 */
#include "artifact/irregular.h"
#include "artifact/kinds.h"
#include "formats/formats.h"

#include <mspack.h>

#define IRREGULAR_MIN 16u
#define ENTROPY_HIGH 7200u
#define LARGE 4096u
#define COUNT_AT 28u /* of the number of files, in the header */
#define SCORE_SMALL 15
#define SCORE_LARGE 50

struct cab_system {
    struct mspack_system sys; /* first: the library hands its address back */
    struct trn_look *look;
    const struct trn_cab *cab;
    struct trn_member_names names;
    bool opening; /* it reads the lists, which are shown to it as it wants them */
    bool warned;  /* a block's checksum is wrong */
    int e;        /* what the driver said: the library only knows good and bad */
};

struct handle { /* what the library holds as a struct mspack_file; after some errors it goes on with none (NULL) */
    struct cab_system *cab;
    uint64_t at;
    bool out;
};

static struct handle *handle_of(struct mspack_file *f)
{
    return (struct handle *)(void *)f;
}

static struct mspack_file *open_file(struct mspack_system *self, const char *name, int mode)
{
    struct handle *h = calloc(1, sizeof(*h));
    if (h) {
        h->cab = (struct cab_system *)(void *)self;
        h->out = mode != MSPACK_SYS_OPEN_READ;
    }
    return (struct mspack_file *)(void *)h;
}

static void close_file(struct mspack_file *f)
{
    free(handle_of(f));
}

/* The library takes the list of files to stand behind the list of folders, and gives up when there are fewer than it was
 * told: it is shown the list that the header names, and the number that is there. */
static uint64_t place_of(const struct handle *h)
{
    const struct trn_cab *c = h->cab->cab;
    return h->cab->opening && h->at >= c->folders_end ? h->at - c->folders_end + c->files_at : h->at;
}

static void show_count(const struct handle *h, uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; h->cab->opening && i < 2; i++)
        if (h->at <= COUNT_AT + i && COUNT_AT + i - h->at < n)
            p[COUNT_AT + i - h->at] = (uint8_t)(h->cab->cab->listed >> (8 * i));
}

static int read_file(struct mspack_file *f, void *dst, int n)
{
    struct handle *h = handle_of(f);
    if (!h || h->out || n < 0 || trn_look_over(h->cab->look)) /* also while it only skips to a file */
        return -1;
    int64_t got = trn_source_read(h->cab->look->bytes, place_of(h), dst, (size_t)n);
    if (got < 0)
        return -1;
    show_count(h, dst, (uint64_t)got);
    h->at += (uint64_t)got;
    return (int)got;
}

static int write_file(struct mspack_file *f, void *src, int n)
{
    struct handle *h = handle_of(f);
    if (!h || !h->out || n < 0)
        return -1;
    int e = trn_look_data(h->cab->look, src, (size_t)n);
    if (e < 0) {
        h->cab->e = e;
        return -1;
    }
    return n;
}

static int seek_file(struct mspack_file *f, off_t offset, int mode)
{
    struct handle *h = handle_of(f);
    uint64_t size = h ? h->cab->look->bytes->size : 0;
    if (!h)
        return -1;
    int64_t base = mode == MSPACK_SYS_SEEK_CUR ? (int64_t)h->at : mode == MSPACK_SYS_SEEK_END ? (int64_t)size : 0;
    int64_t to;
    if (!trn_add_ok(base, (int64_t)offset, &to) || to < 0 || (uint64_t)to > size)
        return -1;
    h->at = (uint64_t)to;
    return 0;
}

static off_t tell_file(struct mspack_file *f)
{
    return f ? (off_t)handle_of(f)->at : 0;
}

/* Its only words while it unpacks are about a block whose checksum is wrong; what is unpacked is wanted all the same. */
static void on_message(struct mspack_file *f, const char *format, ...)
{
    if (f && !handle_of(f)->cab->opening)
        handle_of(f)->cab->warned = true;
}

static void *alloc(struct mspack_system *self, size_t n)
{
    return calloc(1, n ? n : 1);
}

static void copy(void *src, void *dst, size_t n)
{
    memcpy(dst, src, n);
}

static void free_dec(struct mscab_decompressor **d)
{
    if (*d)
        mspack_destroy_cab_decompressor(*d);
}

static const char *words_of(int code)
{
    switch (code) {
    case MSPACK_ERR_CHECKSUM:
        return "a block of the cabinet does not have its checksum";
    case MSPACK_ERR_READ:
    case MSPACK_ERR_SEEK:
        return "the cabinet is cut off";
    case MSPACK_ERR_NOMEMORY:
        return "no memory";
    case MSPACK_ERR_DECRUNCH:
    case MSPACK_ERR_DATAFORMAT:
        return "its compressed data is damaged, or lies in another cabinet";
    default:
        return "it cannot be unpacked";
    }
}

/* ---- bytes that belong to nothing ---- */

static int on_gap(void *ctx, enum trn_cab_gap_kind kind, uint64_t at, uint64_t size)
{
    static const char *const places[TRN_CAB_GAP_KIND_MAX] = {"in the reserved part of its header",
                                                             "between its lists of folders and files",
                                                             "between its parts", "in the reserved part of a block",
                                                             "behind its end"};
    static const char *const kinds[TRN_CAB_GAP_KIND_MAX] = {"reserved", "lists", "between", "reserved", "appended"};
    struct trn_look *l = ctx;
    uint32_t entropy = size >= IRREGULAR_MIN ? trn_look_entropy(l, at, size) : 0;
    if (entropy == 0 || trn_look_over(l)) /* too small, or one byte all over: padding */
        return 0;
    struct trn_irregular i = {.kind = kinds[kind],
                              .score = kind != TRN_CAB_GAP_LISTS && entropy < ENTROPY_HIGH && size < LARGE
                                           ? SCORE_SMALL
                                           : SCORE_LARGE,
                              .at = at,
                              .size = size};
    return trn_irregular(l, &i, "The cabinet holds %llu bytes %s, at 0x%llx, that belong to none of its files.",
                         (unsigned long long)size, places[kind], (unsigned long long)at);
}

int trn_look_cab(struct trn_look *l, struct trn_err *err)
{
    struct trn_cab cab;
    int e = trn_cab_read(l->bytes, l->arena, &cab, err);
    return e == 0 ? trn_cab_gaps(l->bytes, &cab, l->arena, on_gap, l) : e;
}

/* ---- files ---- */

static struct trn_str name_of(struct trn_look *l, const char *key)
{
    struct trn_str real = TRN_STR_NONE;
    if (l->names)
        real = l->names->name_of(l->names->ctx, trn_str_of(key));
    if (!trn_str_is_none(real))
        return real;
    struct trn_str name = trn_arena_str(l->arena, trn_str_of(key));
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '\\')
            ((char *)(uintptr_t)name.p)[i] = '/'; /* ours: a copy */
    return name;
}

static int open_member(struct cab_system *s, struct mscab_decompressor *d, struct mscabd_file *file)
{
    struct trn_member m = {.name = name_of(s->look, file->filename), .size = file->length};
    struct trn_named named = {.name = m.name, .at = TRN_NOWHERE};
    int e = trn_member_names_add(&s->names, &named);
    if (e == 0)
        e = trn_look_member(s->look, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    s->e = 0;
    s->warned = false;
    int code = d->extract(d, file, "");
    if (s->e < 0 && s->e != -ECANCELED)
        return s->e;
    if (s->e == -ECANCELED || (code == MSPACK_ERR_OK && !s->warned))
        return trn_look_end(s->look, 0, NULL);
    if (trn_look_over(s->look))
        return -ETIME;
    return trn_look_end(s->look, -EBADMSG, words_of(code == MSPACK_ERR_OK ? MSPACK_ERR_CHECKSUM : code));
}

static int open_cab(struct cab_system *s, struct mscab_decompressor *d, const struct trn_cab *cab, struct trn_err *err)
{
    /* lists with faults are read as far as possible, and blocks with a wrong checksum are unpacked */
    (void)d->set_param(d, MSCABD_PARAM_SALVAGE, 1);
    s->opening = true;
    struct mscabd_cabinet *c = cab->listed ? d->open(d, "") : NULL;
    s->opening = false;
    uint32_t seen = 0;
    int e = 0;
    if (!c && cab->files == 0)
        return 0; /* an empty one is no mistake: installers carry some */
    if (!c)
        return trn_fail(err, -EBADMSG, "the cabinet cannot be opened: its lists are damaged");
    for (struct mscabd_file *f = c->files; f && e == 0; f = f->next, seen++)
        e = open_member(s, d, f);
    d->close(d, c);
    if (e == 0 && seen < cab->files)
        e = trn_look_gap(s->look, TRN_GAP_DAMAGED, TRN_STR_NONE,
                         "the cabinet says that it holds %u files, %u could be read", cab->files, seen);
    if (e == 0 && cab->flags & (TRN_CAB_PREVIOUS | TRN_CAB_NEXT))
        e = trn_look_gap(s->look, TRN_GAP_UNSUPPORTED, TRN_STR_NONE,
                         "it is number %u of a set of cabinets: files that lie partly in another were not read",
                         cab->number + 1u);
    return e;
}

int trn_open_cab(struct trn_look *l, struct trn_err *err)
{
    struct cab_system s = {.sys = {.open = open_file,
                                   .close = close_file,
                                   .read = read_file,
                                   .write = write_file,
                                   .seek = seek_file,
                                   .tell = tell_file,
                                   .message = on_message,
                                   .alloc = alloc,
                                   .free = free,
                                   .copy = copy},
                           .look = l};
    struct trn_cab cab;
    int e = trn_cab_read(l->bytes, l->arena, &cab, err);
    if (e < 0)
        return e;
    TRN_AUTO(free_dec) struct mscab_decompressor *d = mspack_create_cab_decompressor(&s.sys);
    if (!d)
        return -ENOMEM;
    s.cab = &cab;
    e = trn_member_names_new(l, &s.names);
    if (e < 0)
        return e;
    s.names.windows = true;
    e = open_cab(&s, d, &cab, err);
    trn_member_names_done(&s.names);
    return e;
}
