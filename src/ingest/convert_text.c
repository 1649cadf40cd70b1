/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the small texts of Windows and macOS: paths, command lines, hashes, answers of DNS, rights. Pure functions;
 * results live in the arena and are absent when it is full. Must not own: JSON, fields.
 */
#include "ingest/internal.h"

struct trn_str trn_win_path(struct trn_str path, struct trn_arena *arena)
{
    if (trn_str_starts(path, TRN_STR("\\\\?\\")) || trn_str_starts(path, TRN_STR("\\??\\")))
        path = trn_str_slice(path, 4, path.n);
    char *p = trn_arena_alloc(arena, path.n + 1);
    if (!p)
        return TRN_STR_NONE;
    for (size_t i = 0; i < path.n; i++)
        p[i] = path.p[i] == '\\' ? '/' : path.p[i];
    return (struct trn_str){p, path.n};
}

/* One argument of a command line as CommandLineToArgvW reads it; writes it to out. */
static size_t win_arg(struct trn_str line, size_t *at, char *out)
{
    size_t n = 0, i = *at;
    bool quoted = false;
    for (; i < line.n && (quoted || (line.p[i] != ' ' && line.p[i] != '\t')); i++) {
        size_t slashes = 0;
        while (i < line.n && line.p[i] == '\\') {
            slashes++;
            i++;
        }
        bool quote = i < line.n && line.p[i] == '"';
        for (size_t k = 0; k < (quote ? slashes / 2 : slashes); k++)
            out[n++] = '\\';
        if (i >= line.n)
            break;
        if (quote && slashes % 2 == 0) {
            quoted = !quoted;
        } else if (!quoted && !quote && (line.p[i] == ' ' || line.p[i] == '\t')) {
            break;
        } else if (line.p[i]) {
            out[n++] = line.p[i];
        }
    }
    *at = i;
    return n;
}

struct trn_str trn_win_args(struct trn_str line, struct trn_arena *arena)
{
    char *out = trn_arena_alloc(arena, 2 * line.n + 2);
    size_t n = 0, at = 0;
    if (!out)
        return TRN_STR_NONE;
    while (at < line.n) {
        if (line.p[at] == ' ' || line.p[at] == '\t') {
            at++;
            continue;
        }
        n += win_arg(line, &at, out + n);
        out[n++] = 0;
    }
    return (struct trn_str){out, n};
}

struct trn_str trn_win_answers(struct trn_str text, struct trn_arena *arena)
{
    char *out = trn_arena_alloc(arena, text.n + 2);
    size_t n = 0;
    struct trn_str piece;
    if (!out)
        return TRN_STR_NONE;
    while (trn_str_split(&text, ';', &piece)) {
        piece = trn_str_trim(piece);
        if (trn_str_starts(piece, TRN_STR("type:")))
            piece = trn_str_slice(piece, (size_t)(trn_str_rfind(piece, ' ') + 1), piece.n);
        if (trn_str_starts(piece, TRN_STR("::ffff:")) && trn_str_find(piece, '.') > 0)
            piece = trn_str_slice(piece, 7, piece.n);
        if (piece.n == 0 || memchr(piece.p, 0, piece.n))
            continue;
        memcpy(out + n, piece.p, piece.n);
        n += piece.n;
        out[n++] = 0;
    }
    return n ? (struct trn_str){out, n} : TRN_STR_NONE;
}

struct trn_str trn_win_rights(uint64_t granted, struct trn_arena *arena)
{
    static const struct {
        uint64_t bit;
        const char *word;
    } rights[] = {{0x1, "terminate"},     {0x2, "create thread"}, {0x8, "change memory"},   {0x10, "read memory"},
                  {0x20, "write memory"}, {0x40, "copy handles"}, {0x80, "create process"}, {0x800, "suspend"}};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 512);
    trn_put_fmt(&b, "handle 0x%llx", (unsigned long long)granted);
    for (size_t i = 0, told = 0; i < TRN_ARRAY_SIZE(rights); i++)
        if (granted & rights[i].bit)
            trn_put_fmt(&b, "%s%s", told++ ? ", " : ": ", rights[i].word);
    return trn_arena_str(arena, trn_buf_str(&b));
}

struct trn_str trn_sha256_text(struct trn_str hashes)
{
    struct trn_str one;
    while (trn_str_split(&hashes, ',', &one)) {
        one = trn_str_trim(one);
        if (trn_str_starts(one, TRN_STR("SHA256=")))
            one = trn_str_slice(one, 7, one.n);
        if (one.n == 2 * TRN_SHA256_SIZE)
            return one;
    }
    return TRN_STR_NONE;
}

/* The outermost bundle: helpers inside an application belong to it. */
struct trn_str trn_app_name(struct trn_str path)
{
    struct trn_str piece;
    while (trn_str_split(&path, '/', &piece))
        if (piece.n > 4 && trn_str_ends(piece, TRN_STR(".app")) && path.p)
            return trn_str_slice(piece, 0, piece.n - 4);
    return TRN_STR_NONE;
}

uint64_t trn_hash_folded(struct trn_str s, struct trn_arena *arena)
{
    char *p = trn_arena_alloc(arena, s.n + 1);
    if (!p)
        return 1;
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
    return trn_hash64(p, s.n) | 1;
}
