/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: features that bytes tell, whatever the format of the program: runs that look random, constants of ciphers, and
 * instructions that do what imports do not say (system calls, questions to the processor).
 * Must not own: which bytes are code (the formats' feature files); what follows from a feature (src/release/).
 * Hand-offs: texts live in the look's arena.
 *
 * Fast, since it sees every byte: a block is counted only when a sample of it has many different values, and words are
 * compared with constants only where a small table of their low bits says that it may be worth it.
 */
#include "artifact/feature_code.h"
#include "artifact/check_pe.h"
#include "artifact/internal.h"
#include "artifact/kinds.h"

#include <ctype.h>
#include <stdio.h>

#define WINDOW (1u << 20)
#define BEYOND 64u /* bytes behind a window that are seen with it */
#define BLOCK 2048u
#define SAMPLE 256u
#define SAMPLE_DISTINCT 138u    /* of 256 random bytes about 162 are different, with a deviation of 6 */
#define BLOCK_SQUARES 21500u    /* sum of squared counts: random bytes have 18,400, code 80,000 and more */
#define RUN_BLOCKS 7u           /* 16 KiB, wherever it begins */
#define RUNS_MAX 64u            /* told one by one */
#define RC4_CODE_MAX (8u << 20) /* the search for its loops is the slowest: only of programs of this size */
#define BEFORE 16u              /* bytes before an instruction that must make sense of it */

enum table { AES, CHACHA, SHA256, SHA512, MD5, BLOWFISH, SM4, BASE64, RC4, TABLES };
static const char *const table_names[TABLES] = {"aes",      "chacha", "sha256", "sha512", "md5",
                                                "blowfish", "sm4",    "base64", "rc4"};

/* Two words that follow each other in a table or constant of the cipher, as they stand in the file. */
static const struct {
    uint32_t first, second;
    enum table what;
} words[] = {
    {0x7b777c63, 0xc56f6bf2, AES},    {0xd56a0952, 0x38a53630, AES}, {0xc66363a5, 0xf87c7c84, AES},
    {0x6363a5c6, 0x7c7c84f8, AES},    {0xa56363c6, 0x847c7cf8, AES}, {0x428a2f98, 0x71374491, SHA256},
    {0xd728ae22, 0x428a2f98, SHA512}, {0xd76aa478, 0xe8c7b756, MD5}, {0x243f6a88, 0x85a308d3, BLOWFISH},
    {0xfee990d6, 0x3de1ccb7, SM4},
};
static const char sigma[] = "expand 32-byte k";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static const struct {
    const char *bytes;
    uint8_t n;
    const char *what;
} magics[] = {
    {"\x1f\x8b\x08", 3, "gzip"},
    {"\x28\xb5\x2f\xfd", 4, "zstd"},
    {"\xfd"
     "7zXZ",
     5, "xz"},
    {"PK\3\4", 4, "zip"},
    {"\x89PNG\r\n", 6, "png"},
    {"\xff\xd8\xff", 3, "jpeg"},
    {"wOF2", 4, "font"},
    {"wOFF", 4, "font"},
    {"OggS", 4, "ogg"},
    {"\4\x22\x4d\x18", 4, "lz4"},
    {"7z\xbc\xaf\x27\x1c", 6, "7z"},
    {"MSCF\0", 5, "cab"},
    {"RIFF", 4, "riff"},
    {"ftyp", 4, "media"},
    {"BZh9", 4, "bzip2"},
    {"UPX!", 4, "upx"},
    {"ZLIB\0\0\0", 7, "zlib"},
};

struct first {
    uint64_t at, n;
};

struct work {
    struct trn_look *l;
    const struct trn_code_region *r;
    uint8_t low[8192]; /* one bit for each value of a first word's lower half */
    char *buffer;
    struct first tables[TABLES], calls, asks;
    uint64_t code_left;
    /* the run of random blocks that is open */
    uint64_t run_at, run_blocks;
    uint64_t counts[256];
    uint32_t runs;
    uint64_t more_bytes; /* of runs that were not told one by one */
};

/* ---- what is shared ---- */

struct trn_str trn_feature_access(struct trn_look *l, bool r, bool w, bool x)
{
    return trn_arena_printf(l->arena, "%c%c%c", r ? 'r' : '-', w ? 'w' : '-', x ? 'x' : '-');
}

struct trn_str trn_feature_lower(struct trn_look *l, struct trn_str s)
{
    char *p = trn_arena_alloc(l->arena, s.n + 1);
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = (char)tolower((unsigned char)s.p[i]);
    return p ? (struct trn_str){p, s.n} : s;
}

int trn_feature_count(struct trn_look *l, const char *key, uint64_t n)
{
    return n ? trn_look_fact(l, TRN_FEATURE_MEASURE, key, TRN_STR_NONE, n * 1000, TRN_FEATURE_NOWHERE) : 0;
}

int trn_feature_hex(struct trn_look *l, const char *key, const void *p, size_t n)
{
    char hex[2 * 64 + 1];
    if (n == 0 || n > 64)
        return 0;
    trn_hex(p, n, hex);
    return trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, key, trn_str_of(hex), 0, TRN_FEATURE_NOWHERE);
}

/* ---- runs that look random ---- */

static bool looks_random(struct work *w, const uint8_t *p, uint32_t counts[256])
{
    uint64_t seen[4] = {0};
    uint32_t squares = 0;
    for (size_t i = 0; i < SAMPLE; i++)
        seen[p[i] >> 6] |= 1ull << (p[i] & 63);
    uint32_t distinct = (uint32_t)(__builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1]) +
                                   __builtin_popcountll(seen[2]) + __builtin_popcountll(seen[3]));
    if (distinct < SAMPLE_DISTINCT)
        return false;
    memset(counts, 0, 256 * sizeof(*counts));
    for (size_t i = 0; i < BLOCK; i++)
        counts[p[i]]++;
    for (size_t i = 0; i < 256; i++)
        squares += counts[i] * counts[i];
    return squares <= BLOCK_SQUARES;
}

/* What stands at the run's beginning, when it is a format that is packed by nature; "": none that is known. */
static const char *format_at(struct work *w, uint64_t at)
{
    char head[2 * BLOCK];
    uint64_t from = at - TRN_MIN(at, (uint64_t)BLOCK);
    int64_t n = trn_source_read(w->l->bytes, from, head, sizeof(head));
    for (size_t i = 0; n > 0 && i < TRN_ARRAY_SIZE(magics); i++)
        if (memmem(head, (size_t)n, magics[i].bytes, magics[i].n))
            return magics[i].what;
    return "";
}

static int end_run(struct work *w)
{
    uint64_t size = w->run_blocks * BLOCK;
    bool told = w->run_blocks >= RUN_BLOCKS;
    w->run_blocks = 0;
    if (!told)
        return 0;
    if (w->runs++ >= RUNS_MAX) {
        w->more_bytes += size;
        return 0;
    }
    const char *what = w->r->packed ? "packed" : format_at(w, w->run_at);
    uint32_t e = trn_histogram_entropy(w->counts, size);
    struct trn_str value =
        trn_arena_printf(w->l->arena, "%u.%02u%s%s", e / 1000, e % 1000 / 10, what[0] ? " " : "", what);
    return trn_look_feature(w->l, &(struct trn_feature){TRN_FEATURE_RANDOM, w->r->name, value, size, w->run_at});
}

static int find_runs(struct work *w, const uint8_t *p, size_t n, uint64_t at)
{
    uint32_t counts[256];
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
        if (!looks_random(w, p + i, counts)) {
            int e = w->run_blocks ? end_run(w) : 0;
            if (e < 0)
                return e;
            continue;
        }
        if (w->run_blocks++ == 0) {
            w->run_at = at + i;
            memset(w->counts, 0, sizeof(w->counts));
        }
        for (size_t v = 0; v < 256; v++)
            w->counts[v] += counts[v];
    }
    return 0;
}

/* ---- constants of ciphers ---- */

static void note(struct first *f, uint64_t at)
{
    if (f->n++ == 0)
        f->at = at;
}

static void find_words(struct work *w, const char *p, size_t n, uint64_t at)
{
    struct trn_cursor c;
    for (size_t i = (4 - at % 4) % 4; i + 8 <= n; i += 4) {
        uint16_t half = (uint16_t)((uint8_t)p[i] | (uint8_t)p[i + 1] << 8);
        if (!(w->low[half >> 3] & 1 << (half & 7)))
            continue;
        c = trn_cur(p + i, 8);
        uint32_t a = trn_cur_u32le(&c), b = trn_cur_u32le(&c);
        for (size_t k = 0; k < TRN_ARRAY_SIZE(words); k++)
            if (words[k].first == a && words[k].second == b)
                note(&w->tables[words[k].what], at + i);
    }
}

/* Texts stand anywhere. */
static void find_texts(struct work *w, const char *p, size_t n, uint64_t at)
{
    static const struct trn_str texts[] = {{alphabet, sizeof(alphabet) - 1}, {sigma, sizeof(sigma) - 1}};
    static const enum table of[] = {BASE64, CHACHA};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(of); i++) {
        const char *hit = w->tables[of[i]].n ? NULL : memmem(p, n, texts[i].p, texts[i].n);
        if (hit)
            note(&w->tables[of[i]], at + (uint64_t)(hit - p));
    }
}

/* ---- instructions (x86, x86_64) ---- */

/* Two bytes alone stand anywhere by chance; what must be prepared for them stands before them. */
static bool prepared(const uint8_t *p, size_t i, bool is_call)
{
    for (size_t k = i - TRN_MIN(i, (size_t)BEFORE); k + 2 <= i; k++) {
        bool number = p[k] == 0xb8 && k + 5 <= i && p[k + 3] == 0 && (p[k + 4] & 0x3f) == 0; /* mov eax, small */
        bool zero = (p[k] == 0x31 || p[k] == 0x33) && (p[k + 1] == 0xc0 || p[k + 1] == 0xc9);
        bool windows = (p[k] == 0x4c && p[k + 1] == 0x8b && k + 3 <= i && p[k + 2] == 0xd1) ||
                       (p[k] == 0x49 && p[k + 1] == 0x89 && k + 3 <= i && p[k + 2] == 0xca); /* mov r10, rcx */
        if (number || (zero && !is_call) || (windows && is_call))
            return true;
    }
    return false;
}

static void find_instructions(struct work *w, const char *s, size_t n, uint64_t at)
{
    const uint8_t *p = (const uint8_t *)s;
    for (const uint8_t *q = p; (q = memchr(q, 0x0f, n - (size_t)(q - p))) && q + 1 < p + n; q++) {
        size_t i = (size_t)(q - p);
        if (q[1] == 0xa2 && prepared(p, i, false))
            note(&w->asks, at + i);
        else if (q[1] == 0x05 && prepared(p, i, true))
            note(&w->calls, at + i);
    }
}

static void find_loops(struct work *w, struct trn_str bytes, uint64_t at)
{
    size_t i = 0;
    if (w->tables[RC4].n || w->code_left < bytes.n)
        return;
    w->code_left -= bytes.n;
    const char *what = trn_decrypts(bytes, true, &i);
    if (what && strcmp(what, TRN_SHAPE_RC4) == 0)
        note(&w->tables[RC4], at + i);
}

/* ---- the way through all bytes ---- */

static int see_window(struct work *w, const char *p, size_t n, size_t with_beyond, uint64_t at)
{
    find_words(w, p, with_beyond, at);
    find_texts(w, p, with_beyond, at);
    if (w->r->code && w->r->x86) {
        find_instructions(w, p, n, at);
        find_loops(w, (struct trn_str){p, n}, at);
    }
    return find_runs(w, (const uint8_t *)p, n, at);
}

static int see_region(struct work *w, uint64_t *budget)
{
    const struct trn_source *s = w->l->bytes;
    uint64_t at = TRN_MIN(w->r->at, s->size), end = at + TRN_MIN(w->r->size, s->size - at);
    for (; at < end && *budget && !trn_look_over(w->l); at += WINDOW) {
        size_t n = (size_t)TRN_MIN(end - at, (uint64_t)WINDOW),
               all = (size_t)TRN_MIN(end - at, (uint64_t)WINDOW + BEYOND);
        *budget -= TRN_MIN(*budget, (uint64_t)n);
        int64_t got = s->mem ? (int64_t)all : trn_source_read(s, at, w->buffer, all);
        if (got < (int64_t)n)
            return got < 0 ? (int)got : 0;
        int e = see_window(w, s->mem ? (const char *)s->mem + at : w->buffer, n, (size_t)got, at);
        if (e < 0)
            return e;
        if (end - at <= WINDOW)
            break;
    }
    return end_run(w);
}

static int tell(struct work *w)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < TABLES; i++)
        if (w->tables[i].n)
            e = trn_look_fact(w->l, TRN_FEATURE_TABLE, "", trn_str_of(table_names[i]), w->tables[i].n, w->tables[i].at);
    if (e == 0 && w->asks.n)
        e = trn_look_fact(w->l, TRN_FEATURE_ABILITY, "", TRN_STR("cpuid"), w->asks.n, w->asks.at);
    if (e == 0 && w->calls.n)
        e = trn_look_fact(w->l, TRN_FEATURE_ABILITY, "", TRN_STR("syscall"), w->calls.n, w->calls.at);
    if (e == 0 && w->more_bytes)
        e = trn_look_fact(w->l, TRN_FEATURE_RANDOM, "...", TRN_STR("more"), w->more_bytes, TRN_FEATURE_NOWHERE);
    return e;
}

static void work_done(struct work *w)
{
    free(w->buffer);
}

int trn_feature_regions(struct trn_look *l, const struct trn_code_region *r, size_t n)
{
    TRN_AUTO(work_done) struct work w = {.l = l, .code_left = RC4_CODE_MAX};
    uint64_t budget = 2 * l->bytes->size; /* regions may lie over each other, but not without end */
    int e = 0;
    if (!trn_look_wants_features(l))
        return 0;
    if (!l->bytes->mem && !(w.buffer = malloc(WINDOW + BEYOND)))
        return -ENOMEM;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        uint16_t half = (uint16_t)words[i].first;
        w.low[half >> 3] |= (uint8_t)(1 << (half & 7));
    }
    for (size_t i = 0; e == 0 && i < n; i++) {
        w.r = &r[i];
        e = see_region(&w, &budget);
    }
    return e < 0 ? e : tell(&w);
}

int trn_feature_imports_end(struct trn_look *l, uint32_t wanted)
{
    return wanted <= TRN_FEATURE_IMPORTS_MAX
               ? 0
               : trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "of %u imported functions only %u were compared", wanted,
                              TRN_FEATURE_IMPORTS_MAX);
}

bool trn_feature_left_out(struct trn_str import)
{
    static const char *const begins[] = {"_Z",        "__Z",        "?",
                                         "_R",        "$s",         "_$s",
                                         "#",         ".objc",      "OBJC_METACLASS",
                                         "OBJC_IVAR", "OBJC_EHTYPE"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(begins); i++)
        if (trn_str_starts(import, trn_str_of(begins[i])))
            return true;
    return false;
}

/* Of what is no program: bytes of no known format. */
int trn_feature_code(struct trn_look *l, struct trn_err *err)
{
    struct trn_code_region all = {.name = TRN_STR(""), .size = l->bytes->size};
    return l->self->format == TRN_FORMAT_DATA ? trn_feature_regions(l, &all, 1) : 0;
}

/* ---- texts ---- */

int trn_feature_windows(struct trn_look *l, const struct trn_code_region *r, size_t n, uint32_t overlap,
                        trn_text_window *window, void *ctx)
{
    const struct trn_source *s = l->bytes;
    TRN_AUTO(trn_freep) char *buffer = s->mem ? NULL : malloc(WINDOW);
    uint64_t budget = 2 * s->size; /* regions may lie over one another */
    if (!s->mem && !buffer)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = TRN_MIN(r[i].at, s->size), end = at + TRN_MIN(r[i].size, s->size - at);
        for (; !(r[i].code && r[i].name.n) && at < end && budget && !trn_look_over(l); at += WINDOW - overlap) {
            size_t want = (size_t)TRN_MIN(end - at, (uint64_t)WINDOW);
            budget -= TRN_MIN(budget, (uint64_t)want);
            int64_t got = s->mem ? (int64_t)want : trn_source_read(s, at, buffer, want);
            if (got < 0)
                return (int)got;
            const char *from = s->mem ? (const char *)s->mem + at : buffer;
            int e = window(ctx, (struct trn_str){from, (size_t)got}, at, at == r[i].at);
            if (e < 0)
                return e;
            if (end - at <= WINDOW)
                break;
        }
    }
    return 0;
}
