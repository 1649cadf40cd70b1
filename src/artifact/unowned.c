/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling bytes of a container that nobody who unpacks it sees, and what they weigh.
 * Must not: know a format; read more than once what is all zeroes.
 */
#include "artifact/unowned.h"

#include "artifact/internal.h"
#include "artifact/trim.h"

#define SMALL 16u
#define SMALL_SCORE 20u
#define NOTE_SCORE 25u
#define RANDOM_SIZE 512u
#define RANDOM_ENTROPY 7200u /* thousandths of a bit; 512 random bytes have about 7.6 */
#define LOOKED_MAX 1000u
#define PIECES_MAX (1u << 20)

bool trn_unowned_trim(struct trn_look *l, uint64_t *at, uint64_t *size)
{
    struct trn_range r = {*at, trn_source_part(l->bytes, *at, *size).size};
    if (r.size == 0 || trn_look_over(l) || trn_trim_zeros(l->bytes, &r) < 0 || r.size == 0)
        return false;
    *at = r.at;
    *size = r.size;
    return true;
}

/* ---- what it weighs ---- */

static bool is_program(enum trn_format f)
{
    return f == TRN_FORMAT_PE || f == TRN_FORMAT_ELF || f == TRN_FORMAT_MACHO || f == TRN_FORMAT_MACHO_FAT ||
           f == TRN_FORMAT_MSI || f == TRN_FORMAT_APPIMAGE || f == TRN_FORMAT_NSIS;
}

static uint16_t weight(const struct trn_unowned *u, const struct trn_source *bytes, uint32_t entropy)
{
    enum trn_format f = TRN_FORMAT_DATA;
    if (bytes->size < SMALL)
        return SMALL_SCORE;
    if (u->score)
        return u->score;
    if (trn_format_probe(bytes, TRN_STR_NONE, &f) < 0)
        return NOTE_SCORE;
    if (is_program(f))
        return 60;
    return f == TRN_FORMAT_DATA && bytes->size >= RANDOM_SIZE && entropy >= RANDOM_ENTROPY ? 45 : NOTE_SCORE;
}

static int found(struct trn_look *l, const struct trn_unowned *u, uint64_t at, uint64_t size)
{
    struct trn_source part = trn_source_part(l->bytes, at, size);
    struct trn_irregular i = {.kind = u->kind, .at = at, .size = size};
    i.score = weight(u, &part, u->score ? 0 : trn_look_entropy(l, at, size));
    return trn_irregular(l, &i, "%llu bytes at 0x%llx %s.", (unsigned long long)size, (unsigned long long)at, u->words);
}

int trn_unowned_tell(struct trn_look *l, const struct trn_unowned *u, uint64_t at, uint64_t size)
{
    struct trn_member m = {.name = trn_str_of(u->name)};
    if (!trn_unowned_trim(l, &at, &size))
        return 0;
    m.size = size;
    int e = found(l, u, at, size);
    return e < 0 ? e : trn_look_part(l, &m, at, size);
}

int trn_unowned_gaps(struct trn_look *l, const struct trn_unowned *u, const struct trn_ranges *owned, uint64_t at,
                     uint64_t end)
{
    struct trn_span gap;
    uint64_t largest = 0;
    uint32_t n = 0;
    int e = 0;
    if (owned->bad)
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "places that belong to something");
    end = TRN_MIN(end, l->bytes->size);
    while (e == 0 && !trn_look_over(l) && trn_ranges_gap(owned, at, end, &gap)) {
        uint64_t from = gap.from, size = gap.to - gap.from;
        at = gap.to;
        if (!trn_unowned_trim(l, &from, &size))
            continue;
        if (n == LOOKED_MAX)
            return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "places that belong to nothing");
        struct trn_member m = {.name = trn_str_of(u->name), .size = size};
        bool tell = n++ < TRN_UNOWNED_TOLD || size / 2 >= largest; /* small ones in front hide no large one */
        largest = tell ? TRN_MAX(largest, size) : largest;
        e = tell ? found(l, u, from, size) : 0;
        if (e == 0)
            e = trn_look_part(l, &m, from, size);
    }
    return e;
}

/* ---- in pieces ---- */

void trn_pieces_init(struct trn_pieces *p)
{
    *p = (struct trn_pieces){.first = TRN_NOWHERE};
    trn_buf_init(&p->bytes, PIECES_MAX);
}

void trn_pieces_done(struct trn_pieces *p)
{
    trn_buf_done(&p->bytes);
}

void trn_pieces_add(struct trn_pieces *p, uint64_t at, const void *bytes, size_t n)
{
    if (p->total == 0)
        p->first = at;
    p->total += n;
    n = TRN_MIN(n, (size_t)PIECES_MAX - TRN_MIN(p->bytes.n, (size_t)PIECES_MAX));
    if (n)
        trn_put(&p->bytes, bytes, n);
}

int trn_pieces_tell(struct trn_look *l, const struct trn_unowned *u, const struct trn_pieces *p)
{
    struct trn_str bytes = trn_buf_str(&p->bytes);
    struct trn_source s = trn_source_mem(bytes);
    struct trn_member m = {.name = trn_str_of(u->name), .size = bytes.n};
    struct trn_irregular i = {.kind = u->kind, .at = p->first, .size = p->total, .bytes = bytes};
    uint64_t counts[256] = {0};
    if (bytes.n == 0)
        return 0;
    trn_histogram_add(counts, s.mem, bytes.n);
    i.score = weight(u, &s, trn_histogram_entropy(counts, bytes.n));
    int e = trn_irregular(l, &i, "%llu bytes %s.", (unsigned long long)p->total, u->words);
    if (e == 0)
        e = trn_look_member(l, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = trn_look_data(l, bytes.p, bytes.n);
    e = e == -EDQUOT || e == -ETIME ? e : trn_look_end(l, e, NULL);
    return e == 0 && p->total > bytes.n
               ? trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE,
                              "bytes looked at in pieces beside the members (%llu more left out)",
                              (unsigned long long)(p->total - bytes.n))
               : e;
}

bool trn_is_short_text(struct trn_str s, size_t most)
{
    bool plain = s.n <= most && trn_utf8_valid(s);
    for (size_t i = 0; i < s.n && plain; i++)
        plain = (uint8_t)s.p[i] >= ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t';
    return plain;
}
