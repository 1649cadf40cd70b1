/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: walking a JPEG's segments and scans to its end of image, and the known things that cameras put behind it: further
 * pictures that an MPF segment lists, a film (Motion Photo), Samsung's trailer; which segments carry what no viewer shows.
 * Must not own: decoding; what is carried (a thumbnail lies inside its segment). Hand-offs: none.
 */
#include "formats/image.h"

#include <stdio.h>

#define SEGMENTS_MAX (1u << 20)
#define WINDOW 16384u
#define MPF_MAX 16u
#define BOXES_MAX 64u
#define PADDING_MAX 65536u
#define PROFILE_HEAD 14u
#define JFIF_SIZE 14u
#define FIELDS_MAX 64u
#define DUCKY_MAX 2048u

struct jpeg {
    const struct trn_source *s;
    struct trn_image_extent *i;
    uint64_t at;
    struct {
        uint64_t at, size;
    } listed[MPF_MAX]; /* further pictures, by MPF */
    uint32_t n_listed;
    uint64_t profile_told, profile_size; /* of a colour profile: as it says itself, and of its segments */
    uint64_t profile_at, profile_last;   /* the last of them */
};

/* From compressed data to the next marker: FF and neither 00 (stuffed) nor RST nor fill. */
static int skip_scan(struct jpeg *j)
{
    uint8_t window[WINDOW];
    while (j->at + 1 < j->s->size) {
        size_t want = (size_t)TRN_MIN(j->s->size - j->at, j->s->mem ? UINT64_MAX : (uint64_t)WINDOW);
        const uint8_t *p = j->s->mem ? j->s->mem + j->at : window;
        if (!j->s->mem && trn_image_get(j->s, j->at, window, want) < 0)
            return -EIO;
        const uint8_t *q = p;
        while ((q = memchr(q, 0xff, want - 1 - (size_t)(q - p)))) {
            if (q[1] != 0 && q[1] != 0xff && (q[1] < 0xd0 || q[1] > 0xd7)) {
                j->at += (uint64_t)(q - p);
                return 0;
            }
            q++;
        }
        j->at += want - 1;
    }
    return -EBADMSG;
}

static uint32_t number(struct trn_cursor *c, bool big, int bytes)
{
    return bytes == 2 ? (big ? trn_cur_u16be(c) : trn_cur_u16le(c)) : (big ? trn_cur_u32be(c) : trn_cur_u32le(c));
}

/* The list of pictures in an MPF segment (CIPA DC-007): a TIFF directory with entry B002. base: where its TIFF header stands,
 * from which the pictures' places count. */
static void read_mpf(struct jpeg *j, struct trn_cursor c, uint64_t base)
{
    uint32_t count = 0, list_at = 0;
    bool big = trn_cur_u16be(&c) == 0x4d4d;
    trn_cur_skip(&c, 2);
    trn_cur_seek(&c, number(&c, big, 4));
    uint32_t tags = number(&c, big, 2);
    for (uint32_t k = 0; k < tags && k < 64 && !c.bad; k++) {
        uint32_t tag = number(&c, big, 2);
        trn_cur_skip(&c, 2);
        uint32_t n = number(&c, big, 4), value = number(&c, big, 4);
        if (tag == 0xb002) {
            count = n / 16;
            list_at = value;
        }
    }
    trn_cur_seek(&c, list_at);
    for (uint32_t k = 0; k < count && k < MPF_MAX && !c.bad; k++) {
        trn_cur_skip(&c, 4);
        uint32_t size = number(&c, big, 4), at = number(&c, big, 4);
        trn_cur_skip(&c, 4);
        if (!c.bad && at && j->n_listed < MPF_MAX) {
            j->listed[j->n_listed].at = base + at;
            j->listed[j->n_listed++].size = size;
        }
    }
}

/* Segments of applications that are known, by marker and first bytes. */
static const struct {
    uint8_t marker;
    enum trn_image_carried_kind kind;
    const char *first;
} applications[] = {
    {0xe0, TRN_IMAGE_META, "JFIF"},        {0xe0, TRN_IMAGE_META, "JFXX"},     {0xe0, TRN_IMAGE_META, "AVI1"},
    {0xe1, TRN_IMAGE_META, "Exif"},        {0xe1, TRN_IMAGE_META, "http:"},    {0xe1, TRN_IMAGE_META, "FLIR"},
    {0xe2, TRN_IMAGE_PROFILE, "ICC_PROF"}, {0xe2, TRN_IMAGE_META, "MPF"},      {0xe2, TRN_IMAGE_META, "FPXR"},
    {0xe2, TRN_IMAGE_META, "urn:iso:"},    {0xe3, TRN_IMAGE_META, "META"},     {0xe3, TRN_IMAGE_META, "Meta"},
    {0xe5, TRN_IMAGE_META, "RMETA"},       {0xeb, TRN_IMAGE_META, "JP"},       {0xeb, TRN_IMAGE_META, "HDR_RI"},
    {0xec, TRN_IMAGE_META, "Ducky"},       {0xec, TRN_IMAGE_META, "PictureI"}, {0xec, TRN_IMAGE_META, "[picture"},
    {0xed, TRN_IMAGE_META, "Photosho"},    {0xed, TRN_IMAGE_META, "Adobe_"},   {0xee, TRN_IMAGE_META, "Adobe"},
};

/* A segment of a colour profile: mark of 12 bytes, its number, how many; the first begins with the size of all. */
static void profile(struct jpeg *j, uint64_t at, uint64_t n)
{
    uint8_t head[PROFILE_HEAD + 4];
    if (n < sizeof(head) || trn_image_get(j->s, at, head, sizeof(head)) < 0)
        return;
    struct trn_cursor c = trn_cur(head + PROFILE_HEAD, 4);
    if (head[12] == 1)
        j->profile_told = trn_cur_u32be(&c);
    j->profile_at = at + PROFILE_HEAD;
    j->profile_last = n - PROFILE_HEAD;
    j->profile_size += n - PROFILE_HEAD;
}

/* How large the content of a segment is at most that has nothing but a few fields. */
static uint64_t most_of(uint8_t marker, const char *head)
{
    if (marker == 0xe0 && memcmp(head, "JFIF", 4) == 0) /* and a small picture, as wide and high as it says */
        return JFIF_SIZE + 3ull * (uint8_t)head[12] * (uint8_t)head[13];
    return marker == 0xee || (marker == 0xe0 && memcmp(head, "AVI1", 4) == 0) ? FIELDS_MAX
           : marker == 0xec && memcmp(head, "Ducky", 5) == 0                  ? DUCKY_MAX
                                                                              : UINT64_MAX;
}

/* at: of the segment's content, n: its size. */
static void carried(struct jpeg *j, uint8_t marker, uint64_t at, uint64_t n)
{
    struct trn_image_carried c = {.at = at, .size = n, .kind = TRN_IMAGE_PRIVATE};
    char head[sizeof(c.keyword)] = {0};
    bool app = marker >= 0xe0 && marker <= 0xef, comment = marker == 0xfe;
    /* what is neither: tables and frames that decoders need, or reserved */
    if (marker >= 0xc0 && marker <= 0xdf)
        return;
    snprintf(c.block, sizeof(c.block), comment ? "COM" : app ? "APP%u" : "0x%02x", app ? marker - 0xe0u : marker);
    if (comment)
        c.kind = TRN_IMAGE_TEXT;
    if (app && trn_source_read(j->s, at, head, sizeof(head) - 1) > 0)
        for (size_t k = 0; k < sizeof(head) && head[k] > ' ' && head[k] <= '~'; k++)
            c.keyword[k] = head[k];
    for (size_t k = 0; app && n <= most_of(marker, head) && k < TRN_ARRAY_SIZE(applications); k++)
        if (applications[k].marker == marker && memcmp(applications[k].first, head, strlen(applications[k].first)) == 0)
            c.kind = applications[k].kind;
    if (c.kind == TRN_IMAGE_PROFILE)
        profile(j, at, n);
    trn_image_carry(j->i, &c);
}

static int segment(struct jpeg *j, uint8_t marker)
{
    uint8_t head[10] = {0};
    int e = trn_image_get(j->s, j->at, head, 2);
    uint64_t n = (uint64_t)head[0] << 8 | head[1];
    if (e < 0 || n < 2 || n > j->s->size - j->at)
        return e < 0 ? e : -EBADMSG;
    bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (n >= 8 && (frame || marker == 0xe2))
        e = trn_image_get(j->s, j->at, head, 8);
    if (e == 0 && frame && n >= 8) {
        j->i->height = (uint32_t)head[3] << 8 | head[4];
        j->i->width = (uint32_t)head[5] << 8 | head[6];
    }
    if (e == 0 && marker == 0xe2 && memcmp(head + 2, "MPF", 4) == 0) {
        uint8_t mpf[1024];
        int64_t got = trn_source_read(j->s, j->at + 6, mpf, (size_t)TRN_MIN(n - 6, (uint64_t)sizeof(mpf)));
        if (got > 0)
            read_mpf(j, trn_cur(mpf, (size_t)got), j->at + 6);
    }
    if (e == 0)
        carried(j, marker, j->at + 2, n - 2);
    j->at += n;
    return e;
}

/* One marker and what follows it. 1: the end of the image was read. */
static int marker(struct jpeg *j)
{
    uint8_t m[2];
    int e = trn_image_get(j->s, j->at, m, 2);
    if (e < 0)
        return e;
    if (m[0] != 0xff)
        return -EBADMSG;
    if (m[1] == 0xff) { /* fill */
        j->at++;
        return 0;
    }
    j->at += 2;
    j->i->parts++;
    if (m[1] == 0xd9)
        return 1;
    if (m[1] == 0xd8 || m[1] == 0x01 || (m[1] >= 0xd0 && m[1] <= 0xd7))
        return 0;
    e = segment(j, m[1]);
    return e < 0 || m[1] != 0xda ? e : skip_scan(j);
}

/* ---- behind the end ---- */

/* How far boxes of ISO base media go from `at` on; at itself when there is none. */
static uint64_t film_end(const struct trn_source *s, uint64_t at)
{
    uint8_t head[16];
    uint64_t start = at;
    for (uint32_t k = 0; k < BOXES_MAX && trn_image_get(s, at, head, sizeof(head)) == 0; k++) {
        struct trn_cursor c = trn_cur(head, sizeof(head));
        uint64_t size = trn_cur_u32be(&c);
        trn_cur_skip(&c, 4);
        size = size == 1 ? trn_cur_u64be(&c) : size;
        bool first = memcmp(head + 4, "ftyp", 4) == 0;
        bool known = first || memcmp(head + 4, "moov", 4) == 0 || memcmp(head + 4, "mdat", 4) == 0 ||
                     memcmp(head + 4, "free", 4) == 0 || memcmp(head + 4, "wide", 4) == 0 ||
                     memcmp(head + 4, "uuid", 4) == 0 || memcmp(head + 4, "meta", 4) == 0;
        if (first != (k == 0) || !known || size < 8 || size > s->size - at)
            break;
        at += size;
    }
    return at > start ? at : start;
}

/* A camera's preview: a picture whose first bytes were overwritten (Minolta), walked from its second segment on. Its end, or
 * at when there is none. */
static uint64_t preview_end(const struct trn_source *s, uint64_t at)
{
    uint8_t head[16];
    if (trn_image_get(s, at, head, sizeof(head)) < 0)
        return at;
    for (size_t k = 0; k + 3 < sizeof(head); k++) {
        struct trn_image_extent unused = {0};
        struct jpeg j = {.s = s, .i = &unused, .at = at + k + 1};
        int e = 0;
        if (head[k] != 0xd8 || head[k + 1] != 0xff || head[k + 2] < 0xc0)
            continue;
        while (e == 0)
            e = unused.parts < SEGMENTS_MAX ? marker(&j) : -EBADMSG;
        return e == 1 && unused.width ? j.at : at;
    }
    return at;
}

static void behind(struct jpeg *j)
{
    struct trn_image_extent *i = j->i;
    uint64_t at = i->end, size = j->s->size;
    uint8_t last[4] = {0};
    for (uint32_t k = 0; k < j->n_listed; k++) { /* in the order of the list, which is that of the file */
        uint64_t from = j->listed[k].at, n = j->listed[k].size;
        if (from < at || from >= size || n == 0 || n > size - from)
            continue;
        trn_image_rest(i, TRN_IMAGE_BEHIND, at, from - at);
        trn_image_rest(i, TRN_IMAGE_SECOND, from, n);
        at = from + n;
    }
    uint64_t from = at;
    while (from < size && from - at < PADDING_MAX && trn_image_get(j->s, from, last, 1) == 0 && last[0] == 0)
        from++; /* padding */
    uint64_t preview = preview_end(j->s, from), film;
    trn_image_rest(i, TRN_IMAGE_CAMERA, from, preview - from);
    at = preview > from ? preview : at;
    film = film_end(j->s, at);
    trn_image_rest(i, TRN_IMAGE_VIDEO, at, film - at);
    at = film;
    if (size - at >= 8 && trn_image_get(j->s, size - 4, last, 4) == 0 && memcmp(last, "SEFT", 4) == 0)
        trn_image_rest(i, TRN_IMAGE_CAMERA, at, size - at);
    else
        trn_image_rest(i, TRN_IMAGE_BEHIND, at, size - at);
}

/* What its segments hold more than the profile says is in the last of them. */
static void behind_profile(struct jpeg *j)
{
    if (!j->profile_told || j->profile_size <= j->profile_told)
        return;
    uint64_t extra = TRN_MIN(j->profile_size - j->profile_told, j->profile_last);
    trn_image_rest(j->i, TRN_IMAGE_IN_BLOCK, j->profile_at + j->profile_last - extra, extra);
}

int trn_jpeg_walk(const struct trn_source *s, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {0};
    struct jpeg j = {.s = s, .i = &i, .at = 2};
    uint8_t magic[3];
    int e = trn_image_get(s, 0, magic, sizeof(magic));
    if (e < 0 || memcmp(magic, "\xff\xd8\xff", 3) != 0)
        return e < 0 && e != -EBADMSG ? e : -ENOMSG;
    do
        e = i.parts < SEGMENTS_MAX ? marker(&j) : -EBADMSG;
    while (e == 0);
    if (e < 0 && e != -EBADMSG)
        return e;
    if (e < 0) {
        trn_image_damaged(&i, j.at + 2 >= s->size ? "it has no end" : "no marker where one must be",
                          TRN_MIN(j.at, s->size));
    } else {
        i.end = j.at;
        behind_profile(&j);
        behind(&j);
    }
    *ret = i;
    return 0;
}
