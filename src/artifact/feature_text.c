/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: texts by class out of any content that is not compressed: URLs, host names and addresses that stand by themselves, and
 * the words of feature_words.c; in one byte a letter and in UTF-16. One pass at memory speed, each text told once.
 * Must not: judge a host; look into what is a container (its members are looked at).
 * Hand-offs: features; a URL is told once for each host and the first two parts of its path.
 */
#include "artifact/feature_text.h"
#include "artifact/kinds.h"

#include <ctype.h>

#define CORE (128u << 10) /* looked at in one go: stays in the cache for all three walks */
#define BEFORE 512u
#define BEHIND 2048u
#define TEXTS_MAX 4096u
#define URL_MAX 240u
#define HOST_MAX 253u
#define SCHEME_MAX 8u
#define VALUES_PER_HOST 12u

struct pass {
    struct trn_look *l;
    const uint8_t *p; /* n bytes from place `base` on; only what begins in [from, to) is told */
    size_t n, from, to;
    uint64_t base;
    struct trn_map *seen; /* hash of class and value; hash of host -> how many of it */
    uint64_t words[2];    /* told already */
    uint32_t told;
    int error;
};

struct place {
    size_t at;
    bool alone; /* a text of its own: begins at a quote, or where a text of a program does */
};

static bool wants(const struct trn_look *l)
{
    switch (l->self->format) {
    case TRN_FORMAT_PE:
    case TRN_FORMAT_ELF:
    case TRN_FORMAT_MACHO:
    case TRN_FORMAT_DATA:
    case TRN_FORMAT_SCRIPT:
    case TRN_FORMAT_JSON:
    case TRN_FORMAT_JAVASCRIPT:
    case TRN_FORMAT_SHELL:
    case TRN_FORMAT_PYTHON:
    case TRN_FORMAT_TEXT:
    case TRN_FORMAT_CLASS:
    case TRN_FORMAT_WASM:
        return l->bytes->size >= TRN_TEXT_WORDS_LEAST;
    default:
        return false;
    }
}

static void tell(struct pass *s, const char *class, struct trn_str value, uint64_t hash, struct place at)
{
    uint64_t unused, key = trn_hash64_mix(trn_hash64_mix(hash, trn_hash64_str(trn_str_of(class))), at.alone);
    if (s->error < 0 || s->told >= TEXTS_MAX || trn_map_get(s->seen, key, &unused))
        return;
    s->error = trn_map_put(s->seen, key, 1);
    s->told++;
    if (s->error == 0)
        s->error = trn_look_fact(s->l, TRN_FEATURE_TEXT, class, value, at.alone ? TRN_TEXT_ALONE : 1, s->base + at.at);
}

/* ---- letters of either width ---- */

/* The letter at i; -1: none of that width. */
static int letter(const struct pass *s, size_t i, size_t step)
{
    return i + step > s->n || (step == 2 && s->p[i + 1]) ? -1 : s->p[i];
}

static int letter_before(const struct pass *s, size_t i, size_t step)
{
    return i < step ? 0 : letter(s, i - step, step);
}

static bool in_url(int c)
{
    return c > ' ' && c < 0x7f && !strchr("\"'<>`\\(){}|^,;", c);
}

static bool in_host(int c)
{
    return c == '.' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool is_edge(int c)
{
    return c <= 0 || strchr("\"'`", c) != NULL;
}

static size_t take(const struct pass *s, size_t i, size_t step, bool (*fits)(int c), char *dst, size_t max)
{
    size_t n = 0;
    for (int c; n < max && (c = letter(s, i + n * step, step)) > 0 && fits(c); n++)
        dst[n] = (char)c;
    return n;
}

/* What stands in front of a text of its own: a quote, or what is no letter at all. */
static bool begins_alone(int before)
{
    return before < ' ' || before > '~' || is_edge(before);
}

/* ---- URLs ---- */

static bool is_scheme(struct trn_str s)
{
    return TRN_ONE_OF(s, "http", "https", "ws", "wss", "ftp", "tcp", "udp", "socks", "ssh", "sftp");
}

/* In a certificate a URL has its length right before it, and what comes behind may well be a letter. */
static bool is_in_certificate(const struct pass *s, size_t at, size_t step, size_t n)
{
    return step == 1 && at >= 2 && s->p[at - 1] <= n && s->p[at - 1] >= 10 &&
           (s->p[at - 2] == 0x86 || s->p[at - 2] == 0x16);
}

/* What of a URL makes it another one: host and the first two parts of the path. */
static size_t significant(const char *rest, size_t n, size_t *ret_host)
{
    size_t i = 0;
    while (i < n && rest[i] != '/' && rest[i] != '?' && rest[i] != '#')
        i++;
    *ret_host = i;
    for (unsigned parts = 0; i < n && rest[i] != '?' && rest[i] != '#'; i++)
        if (rest[i] == '/' && ++parts > 2)
            break;
    return i;
}

static void url(struct pass *s, size_t colon, size_t step)
{
    char scheme[SCHEME_MAX], text[URL_MAX + 16];
    size_t n = 0, host;
    while (n < SCHEME_MAX && colon >= (n + 1) * step && isalpha(letter(s, colon - (n + 1) * step, step)))
        n++;
    for (size_t i = 0; i < n; i++)
        scheme[i] = (char)tolower(letter(s, colon - (n - i) * step, step));
    while (n > 2 && !is_scheme((struct trn_str){scheme, n})) /* "bhttps": a letter that is none of it */
        memmove(scheme, scheme + 1, --n);
    if (!is_scheme((struct trn_str){scheme, n}))
        return;
    size_t at = colon - n * step;
    memcpy(text, scheme, n);
    memcpy(text + n, "://", 3);
    size_t rest = take(s, colon + 3 * step, step, in_url, text + n + 3, URL_MAX), all = n + 3 + rest;
    while (rest && strchr(".:!]*", text[all - 1]))
        all--, rest--;
    size_t end = significant(text + n + 3, rest, &host);
    if (host < 4 || !memchr(text + n + 3, '.', host) || strchr("%$*.-", text[n + 3]) ||
        is_in_certificate(s, at, step, all))
        return;
    uint64_t of_host = trn_hash64(text + n + 3, host), count = 0;
    (void)trn_map_get(s->seen, of_host, &count);
    if (count >= VALUES_PER_HOST)
        return;
    uint64_t before = s->told;
    tell(s, "url", (struct trn_str){text, all}, trn_hash64(text, n + 3 + end),
         (struct place){at, begins_alone(letter_before(s, at, step))});
    if (s->told > before && s->error == 0)
        s->error = trn_map_put(s->seen, of_host, count + 1);
}

static void colons(struct pass *s)
{
    for (size_t i = s->from; i < s->to && s->error == 0; i++) {
        const uint8_t *q = memchr(s->p + i, ':', s->to - i);
        if (!q)
            return;
        i = (size_t)(q - s->p);
        if (i + 5 > s->n)
            return;
        if (q[1] == '/' && q[2] == '/')
            url(s, i, 1);
        else if (q[1] == 0 && q[2] == '/' && q[3] == 0 && q[4] == '/')
            url(s, i, 2);
    }
}

/* ---- names of hosts and addresses that stand alone ---- */

/* Ends of names that are hosts, and are not the ends of files as well ("sh", "py", "so", "rs" are both). */
static bool is_top(struct trn_str s)
{
    static const char *const tops[] = {
        "app",  "at",    "au",      "bit",  "biz",   "br",     "ca",  "cf",  "ch",    "click", "cloud", "club",
        "cn",   "co",    "com",     "cz",   "de",    "dev",    "dk",  "es",  "eu",    "fi",    "fr",    "ga",
        "gq",   "icu",   "info",    "io",   "ir",    "it",     "jp",  "kp",  "kr",    "life",  "link",  "live",
        "me",   "ml",    "net",     "nl",   "onion", "online", "org", "pro", "pw",    "ru",    "se",    "shop",
        "site", "space", "store",   "su",   "tech",  "test",   "tk",  "to",  "today", "top",   "tv",    "ua",
        "uk",   "us",    "website", "wiki", "work",  "world",  "ws",  "xyz",
    };
    return trn_str_in_table(s, tops, TRN_ARRAY_SIZE(tops)) != NULL;
}

/* A port behind a name is part of it. How many letters; 0: what follows is neither a port nor an end. */
static bool ends_here(const struct pass *s, size_t i, size_t step, char *dst, size_t *n)
{
    size_t digits = 0;
    if (letter(s, i, step) == ':')
        while (digits < 5 && isdigit(letter(s, i + (1 + digits) * step, step)))
            digits++;
    if (digits) {
        dst[(*n)++] = ':';
        for (size_t k = 0; k < digits; k++)
            dst[(*n)++] = (char)letter(s, i + (1 + k) * step, step);
        i += (1 + digits) * step;
    }
    int c = letter(s, i, step);
    return is_edge(c) || (c == '/' && digits);
}

static size_t begin_of(const struct pass *s, size_t i, size_t step)
{
    size_t n = 0;
    while (n < HOST_MAX && in_host(letter_before(s, i, step))) {
        i -= step;
        n++;
    }
    return i;
}

static void name_of_host(struct pass *s, size_t dot, size_t step)
{
    char text[2 * HOST_MAX + 8];
    size_t n = 1, last;
    int c;
    while (n < 10 && (c = letter(s, dot + n * step, step)) >= 'a' && c <= 'z') {
        text[n - 1] = (char)c;
        n++;
    }
    if (!is_top((struct trn_str){text, n - 1}))
        return;
    last = dot + n * step;
    size_t at = begin_of(s, dot, step);
    n = take(s, at, step, in_host, text, HOST_MAX);
    if (n < 6 || at + n * step != last || !is_edge(letter_before(s, at, step)) || !isalnum((uint8_t)text[0]) ||
        memmem(text, n, "..", 2) || !ends_here(s, last, step, text, &n))
        return;
    tell(s, "domain", (struct trn_str){text, n}, trn_hash64(text, n), (struct place){at, true});
}

/* Numbers of a version look like an address: one that counts for one has a part above 99, or a port. */
static bool is_address(const char *text, size_t n, bool port)
{
    unsigned parts = 0, v = 0, digits = 0, first = 0, largest = 0;
    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? text[i] : '.';
        if (isdigit((uint8_t)c)) {
            v = v * 10 + (unsigned)(c - '0');
            if (++digits > 3 || (digits == 2 && v < 10))
                return false;
            continue;
        }
        if (c != '.' || !digits || v > 255)
            return false;
        first = parts++ ? first : v;
        largest = TRN_MAX(largest, v);
        v = digits = 0;
    }
    return parts == 4 && first > 0 && first != 127 && first < 224 && (port || largest > 99);
}

static void address(struct pass *s, size_t dot, size_t step)
{
    char text[64];
    size_t at = dot, n = 0;
    int c;
    while (dot - at < 4 * step && isdigit(letter_before(s, at, step)))
        at -= step;
    while (n < 16 && (c = letter(s, at + n * step, step)) > 0 && (c == '.' || isdigit(c)))
        text[n++] = (char)c;
    size_t bare = n;
    c = letter_before(s, at, step);
    bool begins = is_edge(c) || strchr(" =@(", c);
    if (!begins || n > 15 || !ends_here(s, at + n * step, step, text, &n) || !is_address(text, bare, n > bare))
        return;
    tell(s, "address", (struct trn_str){text, n}, trn_hash64(text, n), (struct place){at, true});
}

static void dots(struct pass *s)
{
    for (size_t i = s->from; i < s->to && s->error == 0; i++) {
        const uint8_t *q = memchr(s->p + i, '.', s->to - i);
        if (!q)
            return;
        i = (size_t)(q - s->p);
        size_t step = i + 2 < s->n && q[1] == 0 ? 2 : 1;
        if (i < step || i + step >= s->n)
            continue;
        uint8_t before = q[-(ptrdiff_t)step], behind = q[step];
        if (behind >= 'a' && behind <= 'z' && isalnum(before))
            name_of_host(s, i, step);
        else if (isdigit(behind) && isdigit(before))
            address(s, i, step);
    }
}

/* ---- all of it ---- */

static void word(void *ctx, size_t number, size_t at)
{
    struct pass *s = ctx;
    if (s->words[number / 64] >> (number % 64) & 1)
        return;
    s->words[number / 64] |= 1ull << (number % 64);
    struct trn_str text = trn_str_of(trn_text_words[number].text);
    tell(s, trn_text_words[number].class, text, trn_hash64_str(text), (struct place){at, true});
}

static int look_at(struct pass *s, const struct trn_word_table *t)
{
    colons(s);
    dots(s);
    trn_word_table_scan(t, s->p, s->n, s->from, s->to, word, s);
    return s->error;
}

/* In pieces with what stands around them: of memory where it is, else of a window. */
static int over(struct pass *s, const struct trn_word_table *t)
{
    const struct trn_source *b = s->l->bytes;
    uint8_t *window = b->mem ? NULL : trn_arena_alloc(s->l->arena, BEFORE + CORE + BEHIND);
    if (!b->mem && !window)
        return -ENOMEM;
    for (uint64_t at = 0; at < b->size && !trn_look_over(s->l); at += CORE) {
        uint64_t begin = at > BEFORE ? at - BEFORE : 0, end = TRN_MIN(b->size, at + CORE + BEHIND);
        s->p = b->mem ? b->mem + begin : window;
        s->n = (size_t)(end - begin);
        s->base = begin;
        s->from = (size_t)(at - begin);
        s->to = TRN_MIN(s->n, s->from + CORE);
        int64_t got = b->mem ? (int64_t)s->n : trn_source_read(b, begin, window, s->n);
        if (got < (int64_t)s->n)
            return got < 0 ? (int)got : -EIO;
        int e = look_at(s, t);
        if (e < 0)
            return e;
    }
    return 0;
}

int trn_feature_text(struct trn_look *l, struct trn_err *err)
{
    if (!wants(l))
        return 0;
    TRN_AUTO(trn_map_freep) struct trn_map *seen = trn_map_new(4 * TEXTS_MAX);
    const struct trn_word_table *t = trn_word_table_new(l->arena);
    struct pass s = {.l = l, .seen = seen};
    int e = seen && t ? over(&s, t) : -ENOMEM;
    return e < 0 ? trn_fail(err, e, "cannot look through its texts: %s", trn_errno_name(e)) : 0;
}
