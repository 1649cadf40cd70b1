/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: feeds that lie in a release beside the files they list: Squirrel's RELEASES (SHA-1 and size of packages),
 * electron-builder's latest*.yml (SHA-512 of installers). A file that is not what its feed says was changed after the feed was
 * written.
 * Must not: parse more of YAML than these lines.
 * Hand-offs: traits of single artifacts to the release check.
 */
#include "artifact/kinds.h"

#include "artifact/irregular.h"

#include <ctype.h>
#include <openssl/evp.h>

#define FEED_MAX (256u << 10)
#define LINES_MAX 512u
#define WINDOW 65536u
#define SQUIRREL_LISTED "squirrel.listed"
#define SQUIRREL_IS "squirrel.sha1"
#define ELECTRON_LISTED "electron.listed"
#define ELECTRON_IS "electron.sha512"

static void free_md(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

static int digest_of(struct trn_look *l, const EVP_MD *md, uint8_t out[EVP_MAX_MD_SIZE], unsigned *ret_n)
{
    TRN_AUTO(free_md) EVP_MD_CTX *c = EVP_MD_CTX_new();
    TRN_AUTO(trn_freep) uint8_t *window = malloc(WINDOW);
    if (!c || !window || EVP_DigestInit_ex(c, md, NULL) != 1)
        return -ENOMEM;
    for (uint64_t at = 0; at < l->bytes->size && !trn_look_over(l);) {
        int64_t n = trn_source_read(l->bytes, at, window, WINDOW);
        if (n <= 0 || EVP_DigestUpdate(c, window, (size_t)n) != 1)
            return n < 0 ? (int)n : -EIO;
        at += (uint64_t)n;
    }
    return EVP_DigestFinal_ex(c, out, ret_n) == 1 ? 0 : -EIO;
}

static bool ends_in(struct trn_str name, const char *const *ends, size_t n)
{
    char lower[16];
    size_t len = TRN_MIN(name.n, sizeof(lower));
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)tolower((unsigned char)name.p[name.n - len + i]);
    for (size_t i = 0; i < n; i++)
        if (trn_str_ends((struct trn_str){lower, len}, trn_str_of(ends[i])))
            return true;
    return false;
}

/* ---- what files are ---- */

static int note_package(struct trn_look *l)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    int e = digest_of(l, EVP_sha1(), md, &n);
    trn_hex(md, n, hex);
    return e < 0 ? e : trn_look_trait(l, SQUIRREL_IS, trn_str_of(hex));
}

static int note_installer(struct trn_look *l)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    char text[EVP_MAX_MD_SIZE * 4 / 3 + 8];
    unsigned n = 0;
    int e = digest_of(l, EVP_sha512(), md, &n);
    if (e < 0)
        return e;
    (void)EVP_EncodeBlock((unsigned char *)text, md, (int)n);
    return trn_look_trait(l, ELECTRON_IS, trn_str_of(text));
}

/* ---- what feeds say ---- */

static struct trn_str word(struct trn_str *rest)
{
    struct trn_str w = TRN_STR_NONE;
    while (trn_str_split(rest, ' ', &w) && w.n == 0)
        continue;
    return trn_str_is_none(w) ? TRN_STR("") : w;
}

/* "SHA1 name size", of a name only its last part counts */
static int squirrel_line(struct trn_look *l, struct trn_str line)
{
    struct trn_str sha1 = word(&line), name = trn_path_base(word(&line));
    if (sha1.n < 40 || name.n == 0)
        return 0;
    sha1 = trn_str_slice(sha1, sha1.n - 40, 40); /* behind a byte order mark in the first line */
    char lower[41] = {0};
    for (size_t i = 0; i < 40; i++)
        lower[i] = (char)tolower((unsigned char)sha1.p[i]);
    return trn_look_trait(l, SQUIRREL_LISTED, trn_arena_printf(l->arena, "%s %.*s", lower, TRN_STR_ARG(name)));
}

static struct trn_str yaml_value(struct trn_str line, const char *key)
{
    line = trn_str_trim(line);
    if (trn_str_starts(line, TRN_STR("- ")))
        line = trn_str_trim(trn_str_slice(line, 2, line.n));
    if (!trn_str_starts(line, trn_str_of(key)))
        return TRN_STR_NONE;
    line = trn_str_trim(trn_str_slice(line, strlen(key), line.n));
    if (line.n >= 2 && (line.p[0] == '\'' || line.p[0] == '"'))
        line = trn_str_slice(line, 1, line.n - 2);
    return line;
}

/* "- url: NAME" and the "sha512: ..." behind it; the old form has "path: NAME" */
static int electron_lines(struct trn_look *l, struct trn_cursor *c)
{
    struct trn_str name = TRN_STR_NONE;
    int e = 0;
    uint32_t n = 0;
    for (struct trn_str line; e == 0 && n++ < LINES_MAX && !trn_str_is_none(line = trn_cur_line(c));) {
        struct trn_str url = yaml_value(line, "url:"), path = yaml_value(line, "path:"),
                       sha = yaml_value(line, "sha512:");
        if (url.n || path.n)
            name = trn_path_base(url.n ? url : path);
        else if (sha.n && name.n)
            e = trn_look_trait(l, ELECTRON_LISTED,
                               trn_arena_printf(l->arena, "%.*s %.*s", TRN_STR_ARG(sha), TRN_STR_ARG(name)));
    }
    return e;
}

static int squirrel_lines(struct trn_look *l, struct trn_cursor *c)
{
    int e = 0;
    uint32_t n = 0;
    for (struct trn_str line; e == 0 && n++ < LINES_MAX && !trn_str_is_none(line = trn_cur_line(c));)
        e = squirrel_line(l, line);
    return e;
}

/* Apple's installers pack their payload in chunks of xz that no library here reads. */
static int tell_pbzx(struct trn_look *l)
{
    char magic[4];
    if (l->parent_format != TRN_FORMAT_XAR || trn_source_read(l->bytes, 0, magic, 4) != 4 ||
        memcmp(magic, "pbzx", 4) != 0)
        return 0;
    return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "a payload that is packed as pbzx is not opened");
}

int trn_look_feed(struct trn_look *l, struct trn_err *err)
{
    static const char *const packages[] = {".nupkg"};
    static const char *const installers[] = {".exe", ".appimage", ".dmg", ".zip", ".deb", ".rpm", ".7z"};
    struct trn_cursor c;
    struct trn_str name = l->name;
    if (l->self->depth == 0 || l->self->size == 0)
        return 0; /* nothing lies beside it */
    int told = tell_pbzx(l);
    if (told < 0)
        return told;
    if (ends_in(name, packages, 1))
        return note_package(l);
    bool squirrel = trn_str_eq_c(name, "RELEASES");
    bool electron = trn_str_ends(name, TRN_STR(".yml")) && trn_str_contains(name, TRN_STR("latest"));
    if ((squirrel || electron) && l->self->size <= FEED_MAX) {
        int e = trn_source_cursor(l->bytes, 0, FEED_MAX, l->arena, &c);
        return e < 0 ? e : squirrel ? squirrel_lines(l, &c) : electron_lines(l, &c);
    }
    if (l->self->depth == 1 && ends_in(name, installers, TRN_ARRAY_SIZE(installers)))
        return note_installer(l);
    return 0;
}

/* ---- compared ---- */

static int compare(struct trn_look *l, const struct trn_trait *listed, const struct trn_trait *is, const char *feed)
{
    struct trn_str rest = listed->value, said = word(&rest), name = rest;
    char text[160], feed_name[160];
    struct trn_finding f;
    if (!trn_str_eq(trn_path_base(is->name), name) || trn_str_eq(is->value, said))
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("archive.irregular")));
    f.score = 50;
    trn_look_say(l, &f,
                 "The file '%s' is not the one that the %s feed '%s' lists: it was changed after the feed was written.",
                 trn_escape_into(text, sizeof(text), is->name), feed,
                 trn_escape_into(feed_name, sizeof(feed_name), listed->name));
    trn_finding_add(&f, "kind", TRN_STR("feed-mismatch"));
    trn_finding_add(&f, "member", trn_arena_str(l->arena, trn_str_of(text)));
    trn_finding_add(&f, "listed", trn_arena_str(l->arena, said));
    trn_finding_add(&f, "found", trn_arena_str(l->arena, is->value));
    return trn_look_found_in(l, is->artifact, &f);
}

int trn_release_feed(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0, listed = 0;
    const struct trn_trait *t = trn_look_traits(l, &n);
    int e = 0;
    for (size_t i = 0; i < n && e == 0; i++) {
        bool squirrel = strcmp(t[i].trait, SQUIRREL_LISTED) == 0;
        if ((!squirrel && strcmp(t[i].trait, ELECTRON_LISTED) != 0) || ++listed > LINES_MAX)
            continue;
        for (size_t k = 0; k < n && e == 0; k++)
            if (strcmp(t[k].trait, squirrel ? SQUIRREL_IS : ELECTRON_IS) == 0)
                e = compare(l, &t[i], &t[k], squirrel ? "Squirrel" : "electron-builder");
    }
    return e;
}
