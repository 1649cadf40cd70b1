/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the lists of digests that wheels and jars carry, and the comparison. Must not: hash (the driver has), verify the
 * signature over a list.
 */
#include "artifact/layout.h"

#include "artifact/irregular.h"
#include "formats/formats.h"

#define LISTED_MAX 200000u
#define TOLD_MAX 8u

void trn_listed_done(struct trn_listed *t)
{
    t->digests = trn_map_free(t->digests);
}

static int put(struct trn_listed *t, struct trn_arena *arena, struct trn_str name, struct trn_str base64)
{
    uint8_t *digest = trn_arena_alloc(arena, TRN_SHA256_SIZE);
    if (!digest)
        return -ENOMEM;
    if (trn_base64_decode(base64, digest, TRN_SHA256_SIZE) != TRN_SHA256_SIZE)
        return 0; /* another algorithm, or nonsense: nothing to compare with */
    int e = trn_map_put_ptr(t->digests, trn_hash64_str(name), digest);
    return e == -ENOSPC ? 0 : e;
}

/* A field of a CSV line; "" around it are taken off, a doubled one inside is not expected in a file name. */
static struct trn_str csv_field(struct trn_str *rest)
{
    if (rest->n && rest->p[0] == '"') {
        struct trn_str inner = trn_str_slice(*rest, 1, rest->n);
        ptrdiff_t end = trn_str_find(inner, '"');
        if (end >= 0) {
            *rest = trn_str_slice(inner, TRN_MIN((size_t)end + 2, inner.n), inner.n);
            return trn_str_slice(inner, 0, (size_t)end);
        }
    }
    struct trn_str field = TRN_STR("");
    (void)trn_str_split(rest, ',', &field);
    return field;
}

int trn_listed_wheel(struct trn_arena *arena, struct trn_str record, struct trn_listed *ret)
{
    struct trn_cursor c = trn_cur_of(record);
    struct trn_listed t = {.digests = trn_map_new(LISTED_MAX), .list = "RECORD", .complete = true};
    int e = t.digests ? 0 : -ENOMEM;
    for (struct trn_str line; e == 0 && !trn_str_is_none(line = trn_cur_line(&c));) {
        struct trn_str name = csv_field(&line), hash = csv_field(&line);
        if (trn_str_starts(hash, TRN_STR("sha256=")))
            e = put(&t, arena, name, trn_str_slice(hash, 7, hash.n));
    }
    if (e < 0)
        trn_listed_done(&t);
    else
        *ret = t;
    return e;
}

/* One header: a line and those behind it that begin with a blank. */
static struct trn_str header(struct trn_cursor *c, struct trn_arena *arena)
{
    struct trn_str line = trn_cur_line(c);
    while (!trn_str_is_none(line) && c->at < c->n && c->p[c->at] == ' ') {
        struct trn_str more = trn_cur_line(c);
        line = trn_arena_printf(arena, "%.*s%.*s", TRN_STR_ARG(line), TRN_STR_ARG(trn_str_slice(more, 1, more.n)));
    }
    return line;
}

int trn_listed_jar(struct trn_arena *arena, struct trn_str manifest, struct trn_listed *ret)
{
    struct trn_cursor c = trn_cur_of(manifest);
    struct trn_listed t = {.digests = trn_map_new(LISTED_MAX), .list = "MANIFEST.MF"};
    struct trn_str name = TRN_STR_NONE;
    int e = t.digests ? 0 : -ENOMEM;
    for (struct trn_str line; e == 0 && !trn_str_is_none(line = header(&c, arena));) {
        if (line.n == 0)
            name = TRN_STR_NONE;
        else if (trn_str_starts(line, TRN_STR("Name: ")))
            name = trn_str_slice(line, 6, line.n);
        else if (trn_str_starts(line, TRN_STR("SHA-256-Digest: ")) && name.n)
            e = put(&t, arena, name, trn_str_slice(line, 16, line.n));
    }
    if (e < 0)
        trn_listed_done(&t);
    else
        *ret = t;
    return e;
}

static bool is_list_itself(struct trn_str name)
{
    return trn_str_contains(name, TRN_STR(".dist-info/RECORD")); /* also RECORD.jws, RECORD.p7s */
}

int trn_listed_check(struct trn_look *l, struct trn_listed *t, struct trn_str name, uint64_t at)
{
    char text[160], is[2 * TRN_SHA256_SIZE + 1], said[2 * TRN_SHA256_SIZE + 1];
    struct trn_irregular i = {.kind = "not-in-list", .score = 15, .at = at, .member = name};
    const uint8_t *sha256 = trn_look_last(l, NULL), *digest;
    if (!t->list || !sha256 || is_list_itself(name) || t->told >= TOLD_MAX)
        return 0;
    trn_escape_into(text, sizeof(text), name);
    digest = trn_map_get_ptr(t->digests, trn_hash64_str(name));
    if (!digest && (!t->complete || trn_map_count(t->digests) == 0))
        return 0;
    if (digest && memcmp(digest, sha256, TRN_SHA256_SIZE) == 0)
        return 0;
    t->told++;
    if (!digest)
        return trn_irregular(l, &i, "The member '%s' is not in the package's own list (%s).", text, t->list);
    trn_hex(sha256, TRN_SHA256_SIZE, is);
    trn_hex(digest, TRN_SHA256_SIZE, said);
    i.kind = "list-mismatch";
    i.score = 50;
    return trn_irregular(
        l, &i,
        "The content of '%s' is not what the package's own list (%s) says: SHA-256 %.16s... instead of "
        "%.16s...; it was changed after the package was made.",
        text, t->list, is, said);
}
