/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is told of texts in programs: hidden ones, those that ask browsers for their data, and a program's own name when
 * it says picture. Must not own: the search (src/formats/hidden.c), files that are no programs.
 * Hand-offs: none.
 */
#include "artifact/kinds.h"
#include "formats/formats.h"

#include <strings.h>

#define WINDOW (256u << 10)
#define SHOWN 64u
#define BROWSER_SIZE (20ull << 20) /* what is larger may well be a browser itself */
#define LOW_WEIGHT 25u

static bool is_program(const struct trn_look *l)
{
    enum trn_format f = l->self->format;
    return f == TRN_FORMAT_PE || f == TRN_FORMAT_ELF || f == TRN_FORMAT_MACHO || f == TRN_FORMAT_MACHO_FAT ||
           f == TRN_FORMAT_APPIMAGE;
}

/* Calls fn with windows that overlap by TRN_HIDDEN_REACH. */
static int over_windows(struct trn_look *l, void (*fn)(void *ctx, const uint8_t *p, size_t n, uint64_t at, bool last),
                        void *ctx)
{
    const struct trn_source *s = l->bytes;
    if (s->mem) {
        fn(ctx, s->mem, (size_t)s->size, 0, true);
        return 0;
    }
    uint8_t *window = trn_arena_alloc(l->arena, WINDOW);
    if (!window)
        return -ENOMEM;
    for (uint64_t at = 0; at < s->size && !trn_look_over(l);) {
        int64_t n = trn_source_read(s, at, window, WINDOW);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        bool last = at + (uint64_t)n >= s->size;
        fn(ctx, window, (size_t)n, at, last);
        if (last)
            break;
        if (n <= (int64_t)TRN_HIDDEN_REACH)
            return -EIO;
        at += (uint64_t)n - TRN_HIDDEN_REACH;
    }
    return 0;
}

static void scan(void *ctx, const uint8_t *p, size_t n, uint64_t at, bool last)
{
    trn_hidden_scan(ctx, p, n, at, last);
}

/* What stands at a place once the key is taken off, escaped; of base64 as it is. */
static struct trn_str shown(struct trn_look *l, uint64_t at, uint8_t key, bool wide)
{
    uint8_t raw[2 * SHOWN];
    char text[SHOWN], escaped[4 * SHOWN + 4];
    size_t n = 0, step = wide ? 2 : 1;
    int64_t got = trn_source_read(l->bytes, at, raw, sizeof(raw));
    for (size_t i = 0; (int64_t)i < got && n < SHOWN; i += step) {
        uint8_t c = raw[i] ^ key;
        bool unused = (int64_t)i + 4 <= got && memcmp(raw + i, "\0\0\0\0", 4) == 0; /* a single one may be a letter */
        if (c < ' ' || c > 0x7e || unused)
            break;
        text[n++] = (char)c;
    }
    return trn_arena_str(l->arena, trn_str_of(trn_escape_into(escaped, sizeof(escaped), (struct trn_str){text, n})));
}

static int tell_key(struct trn_look *l, const struct trn_hidden *h, uint8_t key)
{
    struct trn_finding f;
    TRN_AUTO(trn_buf_done) struct trn_buf names;
    uint64_t first = UINT64_MAX;
    enum trn_hidden_string which = 0;
    uint32_t n = 0;
    trn_buf_init(&names, 256);
    for (enum trn_hidden_string s = 0; s < TRN_HIDDEN_MAX; s++) {
        if (!(h->key[key].seen >> s & 1))
            continue;
        trn_put_fmt(&names, "%s'%s'", n++ ? ", " : "", trn_hidden_name(s));
        which = h->key[key].at[s] < first ? s : which;
        first = TRN_MIN(first, h->key[key].at[s]);
    }
    bool wide = h->key[key].wide >> which & 1;
    trn_finding_init(&f, trn_check_find(TRN_STR("strings.hidden")));
    if (key == TRN_HIDDEN_BASE64)
        trn_look_say(l, &f, "the program hides texts of network traffic as base64: %s", trn_buf_str(&names).p);
    else
        trn_look_say(l, &f, "the program hides texts of network traffic by XOR with 0x%02x%s: %s", key,
                     wide ? " (UTF-16)" : "", trn_buf_str(&names).p);
    trn_look_evidence(l, &f, first, SHOWN);
    trn_finding_add(&f, "text", shown(l, first, key, wide));
    trn_finding_add(&f, "encoding",
                    key == TRN_HIDDEN_BASE64 ? TRN_STR("base64") : trn_arena_printf(l->arena, "xor 0x%02x", key));
    return trn_look_found(l, &f);
}

/* ---- browsers' data ---- */

static const struct place {
    const char *text;
    uint8_t family;
} places[] = {
    {"Google/Chrome", 0},   {"Google\\Chrome", 0},   {"google-chrome", 0},   {"BraveSoftware", 1},
    {"Microsoft\\Edge", 2}, {"Microsoft/Edge", 2},   {"Microsoft Edge", 2},  {"microsoft-edge", 2},
    {"Mozilla/Firefox", 3}, {"Mozilla\\Firefox", 3}, {"mozilla/firefox", 3}, {"Firefox/Profiles", 3},
    {"places.sqlite", 3},   {"cookies.sqlite", 3},   {"Opera Software", 4},  {"YandexBrowser", 5},
    {"Vivaldi", 6},
};
static const char *const families[] = {"Chrome", "Brave", "Edge", "Firefox", "Opera", "Yandex", "Vivaldi"};

struct browser {
    uint32_t families;
    uint64_t at;
    const char *text;
};

static const uint8_t *find_text(const uint8_t *p, size_t n, const char *text, bool wide)
{
    uint8_t needle[64];
    size_t k = strlen(text), step = wide ? 2 : 1;
    memset(needle, 0, sizeof(needle));
    for (size_t i = 0; i < k; i++)
        needle[i * step] = (uint8_t)text[i];
    return memmem(p, n, needle, k * step);
}

static void find_places(void *ctx, const uint8_t *p, size_t n, uint64_t at, bool last)
{
    struct browser *b = ctx;
    (void)last;
    for (size_t i = 0; i < 2 * TRN_ARRAY_SIZE(places); i++) {
        const struct place *pl = &places[i / 2];
        const uint8_t *q = b->families >> pl->family & 1 ? NULL : find_text(p, n, pl->text, i & 1);
        if (!q)
            continue;
        b->at = b->families ? b->at : at + (uint64_t)(q - p);
        b->text = b->families ? b->text : pl->text;
        b->families |= 1u << pl->family;
    }
}

/* By its own name or size a browser, or what keeps passwords: it may know. */
static bool may_know(const struct trn_look *l)
{
    static const char *const names[] = {"chrom",   "firefox",   "xul",       "edge",     "brave", "opera",
                                        "vivaldi", "browser",   "webkit",    "qtweb",    "cef",   "electron",
                                        "keepass", "bitwarden", "1password", "lastpass", "backup"};
    if (l->self->size >= BROWSER_SIZE)
        return true;
    char name[128];
    size_t n = TRN_MIN(l->name.n, sizeof(name) - 1);
    memcpy(name, l->name.p ? l->name.p : "", n);
    name[n] = '\0';
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (strcasestr(name, names[i]))
            return true;
    return false;
}

static int tell_browser(struct trn_look *l, const struct trn_hidden *h, const struct browser *b)
{
    struct trn_finding f;
    TRN_AUTO(trn_buf_done) struct trn_buf names;
    uint32_t n = 0;
    trn_buf_init(&names, 256);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(families); i++)
        if (b->families >> i & 1)
            trn_put_fmt(&names, "%s%s", n++ ? ", " : "", families[i]);
    trn_finding_init(&f, trn_check_find(TRN_STR("strings.browser-data")));
    if (n < 2 || may_know(l))
        f.score = LOW_WEIGHT;
    trn_look_say(l, &f, "the program knows where %s %s data and asks %s databases for it (table '%s')",
                 trn_buf_str(&names).p, n > 1 ? "keep their" : "keeps its", n > 1 ? "their" : "its", h->question);
    trn_look_evidence(l, &f, h->question_at, strlen(h->question));
    trn_finding_add(&f, "place", trn_str_of(b->text));
    trn_finding_add(&f, "place_offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)b->at));
    return trn_look_found(l, &f);
}

int trn_look_strings(struct trn_look *l, struct trn_err *err)
{
    if (!is_program(l))
        return 0;
    struct browser b = {0};
    struct trn_hidden *h = trn_arena_alloc(l->arena, sizeof(*h));
    int e = h ? over_windows(l, scan, h) : -ENOMEM;
    for (uint32_t key = 0; e == 0 && key < 256; key++)
        if (trn_hidden_tells(h, (uint8_t)key))
            e = tell_key(l, h, (uint8_t)key);
    if (e == 0 && h->questions)
        e = over_windows(l, find_places, &b);
    if (e == 0 && b.families)
        e = tell_browser(l, h, &b);
    return e < 0 ? trn_fail(err, e, "cannot look through its texts: %s", trn_errno_name(e)) : 0;
}

/* ---- names ---- */

int trn_look_disguise(struct trn_look *l, struct trn_err *err)
{
    static const struct {
        const char *end, *what;
    } ends[] = {
        {".png", "picture"},  {".jpg", "picture"}, {".jpeg", "picture"}, {".gif", "picture"}, {".bmp", "picture"},
        {".ico", "picture"},  {".svg", "picture"}, {".webp", "picture"}, {".ttf", "font"},    {".otf", "font"},
        {".woff", "font"},    {".woff2", "font"},  {".mp3", "sound"},    {".wav", "sound"},   {".ogg", "sound"},
        {".flac", "sound"},   {".mp4", "film"},    {".txt", "text"},     {".md", "text"},     {".log", "text"},
        {".csv", "text"},     {".xml", "text"},    {".html", "text"},    {".css", "text"},    {".json", "text"},
        {".pdf", "document"},
    };
    (void)err;
    if (!is_program(l) || l->self->size < 64)
        return 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++) {
        size_t n = strlen(ends[i].end);
        struct trn_finding f;
        if (l->name.n <= n || strncasecmp(l->name.p + l->name.n - n, ends[i].end, n) != 0)
            continue;
        trn_finding_init(&f, trn_check_find(TRN_STR("file.disguised")));
        trn_look_say(l, &f, "its name says %s, its content is a program (%s)", ends[i].what,
                     trn_format_name(l->self->format));
        trn_look_evidence(l, &f, 0, TRN_MIN(l->self->size, (uint64_t)4096));
        return trn_look_found(l, &f);
    }
    return 0;
}
