/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: fields and frames of compressed files that no decompressor gives. Must not: decompress, say damage (the codec does).
 */
#include "artifact/stream_fields.h"

#define UNKNOWN_TOTAL 64u /* a tool of its own leaves a few bytes */
#define TEXT_MAX 1024u
#define TEXTS_MAX 65536u /* of all members together */
#define TEXT_LOOK 65536u
#define LARGE 4096u /* looked at where it lies; smaller ones together */
#define EXTRA 4u
#define NAME 8u
#define COMMENT 16u
#define SEEK_MAGIC 0x8f92eab1u
#define SEEK_FOOT 9u
#define SEEK_FRAMES_MAX 1000000u /* no more are unpacked */
#define SEEK_WINDOW 256u         /* entries read at once */
#define FRAME_MAGIC 0xfd2fb528u
#define FRAME_LEAST 8u

void trn_stream_fields_done(struct trn_stream_fields *f)
{
    free(f->list);
    *f = (struct trn_stream_fields){0};
}

static int add(struct trn_stream_fields *f, uint64_t at, uint64_t size)
{
    if (f->n == TRN_STREAM_FIELDS_MAX || size == 0) {
        f->more |= size != 0;
        return 0;
    }
    if ((f->n & (f->n - 1)) == 0) { /* 0, 1, 2, 4, ... */
        struct trn_span *more = reallocarray(f->list, f->n ? 2 * (size_t)f->n : 1, sizeof(*more));
        if (!more)
            return -ENOMEM;
        f->list = more;
    }
    f->list[f->n++] = (struct trn_span){at, at + size};
    f->total += size;
    return 0;
}

/* ---- gzip ---- */

/* dictzip's table: how long each chunk is packed; together no more than the file. */
static bool is_chunk_table(struct trn_cursor c, uint64_t file_size)
{
    uint16_t version = trn_cur_u16le(&c);
    trn_cur_skip(&c, 2);
    size_t n = trn_cur_u16le(&c);
    uint64_t sum = 0;
    if (c.bad || version != 1 || trn_cur_left(&c) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++)
        sum += trn_cur_u16le(&c);
    return sum <= file_size;
}

static int gzip_extra(struct trn_stream_fields *f, const struct trn_source *s, uint64_t at, size_t size)
{
    TRN_AUTO(trn_freep) uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        return -ENOMEM;
    int64_t n = trn_source_read(s, at, bytes, size);
    struct trn_cursor c = trn_cur(bytes, n > 0 ? (size_t)n : 0);
    for (bool seen = false; trn_cur_left(&c) >= 4; seen = true) {
        size_t from = c.at;
        struct trn_str id = trn_cur_bytes(&c, 2);
        uint16_t len = trn_cur_u16le(&c);
        struct trn_cursor field = trn_cur_sub(&c, c.at, len);
        trn_cur_skip(&c, len);
        bool blocks = !seen && memcmp(id.p, "BC", 2) == 0 && len == 2; /* of bgzip */
        if (!c.bad && (blocks || (memcmp(id.p, "RA", 2) == 0 && is_chunk_table(field, s->size))))
            continue;
        return add(f, at + from, size - from);
    }
    return 0;
}

/* Behind the NUL; *at is left when there is none. */
static int gzip_text(struct trn_stream_fields *f, const struct trn_source *s, uint64_t *at)
{
    TRN_AUTO(trn_freep) char *text = malloc(TEXT_LOOK);
    if (!text)
        return -ENOMEM;
    int64_t n = trn_source_read(s, *at, text, 256); /* mostly enough */
    const char *end = n > 0 ? memchr(text, '\0', (size_t)n) : NULL;
    if (!end && n == 256) {
        n = trn_source_read(s, *at, text, TEXT_LOOK);
        end = n > 0 ? memchr(text, '\0', (size_t)n) : NULL;
    }
    uint64_t from = *at, size = end ? (uint64_t)(end - text) : n > 0 ? (uint64_t)n : 0;
    *at += size + 1;
    f->texts += size;
    if (f->texts > TEXTS_MAX)
        return add(f, from, size);
    for (uint64_t i = 0; i < size; i++) /* names and comments are Latin-1: all but control characters is text */
        if (size > TEXT_MAX || ((uint8_t)text[i] < ' ' && !strchr("\t\r\n", text[i])))
            return add(f, from, size);
    return 0;
}

static int gzip_at(struct trn_stream_fields *f, const struct trn_source *s, uint64_t at)
{
    uint8_t b[12];
    int64_t n = trn_source_read(s, at, b, sizeof(b));
    int e = 0;
    if (n < (int64_t)sizeof(b))
        return 0;
    at += 10;
    if (b[3] & EXTRA) {
        size_t size = b[10] | (size_t)b[11] << 8;
        e = gzip_extra(f, s, at + 2, size);
        at += 2 + size;
    }
    if (e == 0 && b[3] & NAME)
        e = gzip_text(f, s, &at);
    return e == 0 && b[3] & COMMENT ? gzip_text(f, s, &at) : e;
}

/* ---- frames to be skipped ---- */

static bool is_skipped(uint32_t magic)
{
    return (magic & 0xfffffff0u) == 0x184d2a50u;
}

static bool is_frame(const struct trn_source *s, uint64_t at)
{
    uint8_t b[4] = {0};
    struct trn_cursor c = trn_cur(b, sizeof(b));
    if (at > s->size || trn_source_read(s, at, b, sizeof(b)) != (int64_t)sizeof(b))
        return false;
    uint32_t magic = trn_cur_u32le(&c);
    return magic == FRAME_MAGIC || is_skipped(magic);
}

/* The seekable format's table of frames: packed and unpacked sizes, maybe checksums. Each frame is where it says, from the
 * beginning of the file to the table. */
static bool is_seek_table(const struct trn_source *s, uint64_t at, uint64_t size)
{
    uint8_t b[SEEK_FOOT], window[12 * SEEK_WINDOW];
    if (size < SEEK_FOOT || trn_source_read(s, at + size - SEEK_FOOT, b, sizeof(b)) != (int64_t)sizeof(b))
        return false;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    uint64_t n = trn_cur_u32le(&c), each = trn_cur_u8(&c) & 0x80 ? 12 : 8, place = 0;
    if (trn_cur_u32le(&c) != SEEK_MAGIC || n > SEEK_FRAMES_MAX || n * each + SEEK_FOOT != size)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        size_t want = (size_t)(TRN_MIN(n - i, (uint64_t)SEEK_WINDOW) * each);
        if (i % SEEK_WINDOW == 0) {
            if (trn_source_read(s, at + i * each, window, want) != (int64_t)want)
                return false;
            c = trn_cur(window, want);
        }
        uint32_t packed = trn_cur_u32le(&c);
        trn_cur_skip(&c, (size_t)each - 4);
        if (packed < FRAME_LEAST || !is_frame(s, place))
            return false;
        place += packed;
    }
    return place + 8 == at;
}

static int frame_at(struct trn_stream_fields *f, const struct trn_source *s, uint64_t at, uint64_t size)
{
    uint8_t b[4];
    if (size == 4 && trn_source_read(s, at, b, 4) == 4) { /* pzstd: how long the next frame is */
        struct trn_cursor c = trn_cur(b, 4);
        if (trn_cur_u32le(&c) <= s->size)
            return 0;
    }
    return is_seek_table(s, at, size) ? 0 : add(f, at, size);
}

int trn_stream_fields_at(struct trn_stream_fields *f, const struct trn_source *s, uint64_t at)
{
    uint8_t b[8];
    int64_t n = trn_source_read(s, at, b, sizeof(b));
    if (n < (int64_t)sizeof(b))
        return 0;
    if (memcmp(b, "\x1f\x8b\x08", 3) == 0)
        return gzip_at(f, s, at);
    struct trn_cursor c = trn_cur(b, sizeof(b));
    return is_skipped(trn_cur_u32le(&c)) ? frame_at(f, s, at + 8, trn_cur_u32le(&c)) : 0;
}

/* ---- telling ---- */

int trn_stream_fields_tell(const struct trn_stream_fields *f, struct trn_look *l)
{
    static const struct trn_unowned skipped = {"skipped-frame", "[skipped frame]",
                                               "are a frame that says of itself that it is to be skipped: who unpacks "
                                               "the file never sees it",
                                               0};
    static const struct trn_unowned field = {"header-fields", "[fields of the header]",
                                             "stand beside the content in fields that no known program writes: who "
                                             "unpacks the file never sees them",
                                             0};
    TRN_AUTO(trn_pieces_done) struct trn_pieces small;
    uint8_t bytes[LARGE];
    int e = 0;
    trn_pieces_init(&small);
    if (f->total <= UNKNOWN_TOTAL)
        return 0;
    for (uint32_t i = 0; i < f->n && e == 0 && !trn_look_over(l); i++) {
        uint64_t at = f->list[i].from, size = f->list[i].to - at;
        if (size > LARGE) {
            e = trn_unowned_tell(l, l->self->format == TRN_FORMAT_GZIP ? &field : &skipped, at, size);
            continue;
        }
        int64_t n = trn_source_read(l->bytes, at, bytes, (size_t)size);
        if (n > 0)
            trn_pieces_add(&small, at, bytes, (size_t)n);
    }
    if (e == 0)
        e = trn_pieces_tell(l, &field, &small);
    return e == 0 && f->more ? trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "fields beside the content") : e;
}
