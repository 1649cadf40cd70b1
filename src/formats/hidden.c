/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: finding hidden strings in one pass. A filter over vectors of bytes (by the compiler's vector types, no intrinsics)
 * says which blocks may hold a string; those are read byte by byte.
 * Must not own: which files to look through, a verdict. Hand-offs: places only.
 *
 * In the differences of neighbours (x[i] = p[i] ^ p[i + 1]) the key is gone: "http" is 1c 00 04 whatever the key. UTF-16 text
 * XORed byte by byte shows there as each character twice: 'h' 't' 't' 't' 't' 'p' 'p'.
 */
#include "formats/hidden.h"

#define VECTOR 32u
#define ROUND 4u /* vectors at once */

typedef uint8_t vec __attribute__((vector_size(VECTOR)));
typedef int8_t svec __attribute__((vector_size(VECTOR))); /* what comparing gives: 0 or -1 */
typedef uint64_t wvec __attribute__((vector_size(VECTOR)));

static const struct needle {
    const char *text;
    uint8_t n;
    const char *base64[3]; /* what of it is the same whatever stands around, for each place in a group of three */
} needles[TRN_HIDDEN_MAX] = {
    {"http://", 7, {"aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"}},
    {"https://", 8, {"aHR0cHM6Ly", "h0dHBzOi8v", "odHRwczovL"}},
    {"Mozilla/5.0", 11, {"TW96aWxsYS81Lj", "1vemlsbGEvNS4w", "Nb3ppbGxhLzUuM"}},
    {"User-Agent", 10, {"VXNlci1BZ2Vud", "VzZXItQWdlbn", "Vc2VyLUFnZW50"}},
    {"Cookie:", 7, {"Q29va2llO", "Nvb2tpZT", "Db29raWU6"}},
};

/* Pairs of characters of which each base64 form above has one; rare in programs. */
static const char pairs[][3] = {"0c", "Ly", "8v", "Rw", "bG", "aW", "Vu", "Vz", "Vc", "Q2", "Nv"};

static const char *const tables[] = {
    "urls",       "visits",      "logins",     "cookies",           "credit_cards",    "autofill",
    "moz_places", "moz_cookies", "moz_logins", "moz_historyvisits", "moz_formhistory", "keyword_search_terms"};

const char *trn_hidden_name(enum trn_hidden_string s)
{
    return s < TRN_HIDDEN_MAX ? needles[s].text : "";
}

/* ---- the filter ---- */

/* By pointer: vectors are no part of a calling convention that all builds share. */
static inline __attribute__((always_inline)) void load(const uint8_t *p, vec *ret)
{
    memcpy(ret, p, sizeof(*ret));
}

/* Adds the lanes where one of the strings may begin (or, of base64, where a pair of it stands). */
static inline __attribute__((always_inline)) void may_begin(const uint8_t *p, svec *ret)
{
    vec c0, c1, c2, c3;
    load(p, &c0);
    load(p + 1, &c1);
    load(p + 2, &c2);
    load(p + 3, &c3);
    const vec x0 = c0 ^ c1, x1 = c1 ^ c2, x2 = c2 ^ c3;
    /* ht-tp, Co-ok share two differences */
    svec any = ((x0 & 0xcf) == 0x0c) & (x1 == 0) & (x2 == 4);
    any |= (x0 == ('M' ^ 'o')) & (x1 == ('o' ^ 'z'));
    any |= (x0 == ('U' ^ 's')) & (x1 == ('s' ^ 'e'));
    svec wide = ((x0 == 'h') & (x1 == 't')) | (((x0 == 'M') | (x0 == 'C')) & (x1 == 'o')) | ((x0 == 'U') & (x1 == 's'));
    any |= wide & (c1 == c3);
    any |= ((c0 == '0') & (c1 == 'c')) | ((c0 == 'L') & (c1 == 'y')) | ((c0 == '8') & (c1 == 'v'));
    any |= ((c0 == 'R') & (c1 == 'w')) | ((c0 == 'b') & (c1 == 'G')) | ((c0 == 'a') & (c1 == 'W'));
    any |= (c0 == 'V') & ((c1 == 'u') | (c1 == 'z') | (c1 == 'c'));
    any |= ((c0 == 'Q') & (c1 == '2')) | ((c0 == 'N') & (c1 == 'v'));
    /* "FROM urls", "moz_places", also as UTF-16 */
    any |= (c0 == 'M') & ((c1 == ' ') | ((c1 == 0) & (c2 == ' ')));
    any |= (c0 == 'z') & ((c1 == '_') | ((c1 == 0) & (c2 == '_')));
    *ret |= any;
}

static inline __attribute__((always_inline)) size_t next_block_body(const uint8_t *p, size_t from, size_t n)
{
    for (; from + VECTOR * ROUND + 3 <= n; from += VECTOR * ROUND) {
        svec any = {0};
        for (size_t k = 0; k < ROUND; k++)
            may_begin(p + from + k * VECTOR, &any);
        wvec w = (wvec)any;
        if (w[0] | w[1] | w[2] | w[3])
            break;
    }
    return from;
}

#if defined(__x86_64__)
static __attribute__((target("avx2"))) size_t next_block_avx2(const uint8_t *p, size_t from, size_t n)
{
    return next_block_body(p, from, n);
}
#endif

static size_t next_block_plain(const uint8_t *p, size_t from, size_t n)
{
    return next_block_body(p, from, n);
}

/* The first block from `from` on that may hold something; where no whole block is left: the rest. */
static size_t next_block(const uint8_t *p, size_t from, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return next_block_avx2(p, from, n);
#endif
    return next_block_plain(p, from, n);
}

/* ---- one place ---- */

struct window {
    const uint8_t *p;
    size_t n;
    uint64_t at;
};

static bool prints(uint8_t c)
{
    return c > ' ' && c < 0x7f;
}

static void seen(struct trn_hidden *h, uint8_t key, enum trn_hidden_string s, uint64_t at, bool wide)
{
    if (h->key[key].seen & 1u << s)
        return;
    h->key[key].seen |= (uint8_t)(1u << s);
    h->key[key].wide |= (uint8_t)(wide << s);
    h->key[key].at[s] = at;
}

/* A URL goes on with a host; the others with text or the end of it. step 2: UTF-16. */
static bool goes_on(const struct window *w, size_t i, uint8_t key, enum trn_hidden_string s, size_t step)
{
    size_t want = s <= TRN_HIDDEN_HTTPS ? 3 : 1;
    for (size_t k = 0; k < want; k++) {
        if (i + k * step >= w->n)
            return false;
        uint8_t c = w->p[i + k * step] ^ key;
        bool ends = s > TRN_HIDDEN_HTTPS && (c == 0 || c == ' ' || c == '\r' || c == '\n');
        if (!prints(c) && !ends)
            return false;
    }
    return true;
}

static void try_xor(struct trn_hidden *h, const struct window *w, size_t i, size_t step)
{
    for (enum trn_hidden_string s = 0; s < TRN_HIDDEN_MAX; s++) {
        const struct needle *d = &needles[s];
        size_t k = 0;
        uint8_t key = w->p[i] ^ (uint8_t)d->text[0];
        if (key == 0 || i + d->n * step > w->n)
            continue;
        while (k < d->n && (w->p[i + k * step] ^ key) == (uint8_t)d->text[k] &&
               (step == 1 || w->p[i + k * step + 1] == key))
            k++;
        if (k == d->n && goes_on(w, i + d->n * step, key, s, step))
            seen(h, key, s, w->at + i, step == 2);
    }
}

/* A pair stands at i: is it in one of the forms? */
static void try_base64(struct trn_hidden *h, const struct window *w, size_t i)
{
    for (enum trn_hidden_string s = 0; s < TRN_HIDDEN_MAX; s++)
        for (size_t a = 0; a < 3; a++) {
            const char *form = needles[s].base64[a];
            size_t n = strlen(form);
            for (size_t k = 0; k + 1 < n; k++) {
                bool pair = (uint8_t)form[k] == w->p[i] && (uint8_t)form[k + 1] == w->p[i + 1];
                if (pair && k <= i && n <= w->n - (i - k) && memcmp(w->p + i - k, form, n) == 0)
                    seen(h, TRN_HIDDEN_BASE64, s, w->at + i - k, false);
            }
        }
}

static bool reads(const struct window *w, size_t i, const char *text, size_t step)
{
    size_t n = strlen(text);
    if (i > w->n || n * step > w->n - i)
        return false;
    for (size_t k = 0; k < n; k++)
        if (w->p[i + k * step] != (uint8_t)text[k] || (step == 2 && w->p[i + k * step + 1] != 0))
            return false;
    return true;
}

/* M of "FROM " or z of "moz_" stands at i. */
static void try_question(struct trn_hidden *h, const struct window *w, size_t i, size_t step)
{
    size_t back = w->p[i] == 'M' ? 3 : 2, from = i + 2 * step;
    if (i < back * step || !reads(w, i - back * step, w->p[i] == 'M' ? "FROM " : "moz_", step))
        return;
    if (w->p[i] == 'z')
        from = i - back * step;
    for (size_t k = 0; k < TRN_ARRAY_SIZE(tables); k++) {
        size_t end = from + strlen(tables[k]) * step;
        uint8_t next = end < w->n ? w->p[end] : 0;
        bool word =
            (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '_' || (next >= '0' && next <= '9');
        if (!reads(w, from, tables[k], step) || word)
            continue;
        if (!h->questions) {
            h->question_at = w->at + from;
            memcpy(h->question, tables[k], TRN_MIN(strlen(tables[k]), sizeof(h->question) - 1));
        }
        h->questions |= 1u << k;
    }
}

static bool is_pair(const uint8_t *p)
{
    for (size_t k = 0; k < TRN_ARRAY_SIZE(pairs); k++)
        if (p[0] == (uint8_t)pairs[k][0] && p[1] == (uint8_t)pairs[k][1])
            return true;
    return false;
}

static void try_place(struct trn_hidden *h, const struct window *w, size_t i)
{
    const uint8_t *p = w->p + i;
    if (i + 4 > w->n)
        return;
    uint8_t x0 = p[0] ^ p[1], x1 = p[1] ^ p[2];
    if ((x0 == ('h' ^ 't') && x1 == 0) || (x0 == ('C' ^ 'o') && x1 == 0) || (x0 == ('M' ^ 'o') && x1 == ('o' ^ 'z')) ||
        (x0 == ('U' ^ 's') && x1 == ('s' ^ 'e')))
        try_xor(h, w, i, 1);
    if (p[1] == p[3] && (x0 == 'h' || x0 == 'M' || x0 == 'C' || x0 == 'U'))
        try_xor(h, w, i, 2);
    if (is_pair(p))
        try_base64(h, w, i);
    if ((p[0] == 'M' && p[1] == ' ') || (p[0] == 'z' && p[1] == '_'))
        try_question(h, w, i, 1);
    if (p[1] == 0 && ((p[0] == 'M' && p[2] == ' ') || (p[0] == 'z' && p[2] == '_')))
        try_question(h, w, i, 2);
}

void trn_hidden_scan(struct trn_hidden *h, const uint8_t *p, size_t n, uint64_t at, bool last)
{
    const struct window w = {p, n, at};
    size_t end = last ? n : n - TRN_MIN(n, (size_t)TRN_HIDDEN_REACH);
    for (size_t i = 0; i < end;) {
        i = next_block(p, i, n);
        for (size_t stop = TRN_MIN(end, i + VECTOR * ROUND); i < stop; i++)
            try_place(h, &w, i);
    }
}

bool trn_hidden_tells(const struct trn_hidden *h, uint8_t key)
{
    uint8_t s = h->key[key].seen;
    int urls = (s & (1u << TRN_HIDDEN_HTTP | 1u << TRN_HIDDEN_HTTPS)) != 0;
    int others = (s >> TRN_HIDDEN_MOZILLA & 1) + (s >> TRN_HIDDEN_USER_AGENT & 1) + (s >> TRN_HIDDEN_COOKIE & 1);
    return urls + others >= 2 || (s >> TRN_HIDDEN_MOZILLA & 1);
}
