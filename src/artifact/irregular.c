/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is odd about the names of members, whatever the container. Weights: what no packer writes by accident weighs
 * as much as the check (a name that leaves the folder, a file written through a link), what some do weighs little.
 * Must not: follow a name, remember more than hashes.
 */
#include "artifact/irregular.h"

#include "artifact/internal.h"
#include "event/event.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAMES_MAX 500000u
#define TOLD_MAX 8u /* of one kind in one container; all of them would say no more */
#define NAME_TEXT 200u
#define EXCERPT 32u

enum odd { ODD_LEAVES = 0, ODD_ABSOLUTE, ODD_NUL, ODD_TWICE, ODD_FOLDED, ODD_LINK, ODD_DEVICE, ODD_SETUID };

static void pieces_evidence(struct trn_look *l, struct trn_finding *f, const struct trn_irregular *i)
{
    uint64_t counts[256] = {0};
    char hex[2 * EXCERPT + 1];
    trn_histogram_add(counts, (const uint8_t *)i->bytes.p, i->bytes.n);
    uint32_t milli = trn_histogram_entropy(counts, i->bytes.n);
    trn_hex((const uint8_t *)i->bytes.p, TRN_MIN(i->bytes.n, (size_t)EXCERPT), hex);
    if (i->at != TRN_NOWHERE)
        trn_finding_add(f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)i->at));
    trn_finding_add(f, "size", trn_arena_printf(l->arena, "%llu", (unsigned long long)i->size));
    trn_finding_add(f, "entropy", trn_arena_printf(l->arena, "%u.%02u", milli / 1000, milli % 1000 / 10));
    trn_finding_add(f, "excerpt", trn_arena_str(l->arena, trn_str_of(hex)));
}

int trn_irregular(struct trn_look *l, const struct trn_irregular *i, const char *fmt, ...)
{
    struct trn_finding f;
    char text[1024], name[NAME_TEXT];
    va_list ap;
    trn_finding_init(&f, trn_check_find(TRN_STR("archive.irregular")));
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f.score = i->score;
    f.summary = trn_arena_str(l->arena, trn_str_of(text));
    trn_finding_add(&f, "kind", trn_str_of(i->kind));
    if (!trn_str_is_none(i->member))
        trn_finding_add(&f, "member",
                        trn_arena_str(l->arena, trn_str_of(trn_escape_into(name, sizeof(name), i->member))));
    if (!trn_str_is_empty(i->bytes))
        pieces_evidence(l, &f, i);
    else if (i->at != TRN_NOWHERE && i->size)
        trn_look_evidence(l, &f, i->at, i->size);
    else if (i->at != TRN_NOWHERE)
        trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)i->at));
    return trn_look_found(l, &f);
}

int trn_member_names_new(struct trn_look *l, struct trn_member_names *ret)
{
    struct trn_member_names n = {.l = l,
                                 .seen = trn_map_new(NAMES_MAX),
                                 .folded = trn_map_new(NAMES_MAX),
                                 .links = trn_map_new(NAMES_MAX),
                                 .duplicate = 12};
    if (!n.seen || !n.folded || !n.links) {
        trn_member_names_done(&n);
        return -ENOMEM;
    }
    *ret = n;
    return 0;
}

void trn_member_names_done(struct trn_member_names *n)
{
    n->seen = trn_map_free(n->seen);
    n->folded = trn_map_free(n->folded);
    n->links = trn_map_free(n->links);
}

/* "./a//b/" and "a/b" are one file. */
static size_t normal(const struct trn_member_names *n, struct trn_str name, char *out, size_t size)
{
    size_t k = 0;
    for (size_t i = 0; i < name.n && k < size;) {
        size_t end = i;
        while (end < name.n && name.p[end] != '/' && !(n->windows && name.p[end] == '\\'))
            end++;
        size_t len = end - i;
        if (len && !(len == 1 && name.p[i] == '.')) {
            if (k)
                out[k++] = '/';
            for (; i < end && k < size; i++)
                out[k++] = name.p[i];
        }
        i = end + 1;
    }
    return k;
}

static bool leaves(const struct trn_member_names *n, struct trn_str name, int depth)
{
    struct trn_str rest = name;
    while (rest.n) {
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '/' && !(n->windows && rest.p[end] == '\\'))
            end++;
        if (end == 2 && rest.p[0] == '.' && rest.p[1] == '.')
            depth--;
        else if (end && !(end == 1 && rest.p[0] == '.'))
            depth++;
        if (depth < 0)
            return true;
        rest = trn_str_slice(rest, TRN_MIN(end + 1, rest.n), rest.n);
    }
    return false;
}

static bool absolute(const struct trn_member_names *n, struct trn_str name)
{
    bool drive = name.n >= 2 && isalpha((unsigned char)name.p[0]) && name.p[1] == ':';
    return name.n && (name.p[0] == '/' || (n->windows && (name.p[0] == '\\' || drive)));
}

static int tell(struct trn_member_names *n, enum odd odd, uint16_t score, const struct trn_named *m, const char *what)
{
    static const char *const kinds[] = {"path-traversal", "absolute-name", "nul-in-name", "duplicate-name",
                                        "case-duplicate", "through-link",  "device-node", "setuid"};
    char name[NAME_TEXT];
    if (n->told[odd]++ >= TOLD_MAX)
        return 0;
    struct trn_irregular i = {.kind = kinds[odd], .score = score, .at = m->at, .member = m->name};
    return trn_irregular(n->l, &i, "The member '%s' %s.", trn_escape_into(name, sizeof(name), m->name), what);
}

/* Is a folder of this name a link that an earlier member made, and that leads out? */
static bool through_link(const struct trn_member_names *n, const char *name, size_t len)
{
    uint64_t unused;
    for (size_t i = 1; i < len && trn_map_count(n->links); i++)
        if (name[i] == '/' && trn_map_get(n->links, trn_hash64(name, i), &unused))
            return true;
    return false;
}

static int look_at_name(struct trn_member_names *n, const struct trn_named *m)
{
    int e = 0;
    if (leaves(n, m->name, 0))
        e = tell(n, ODD_LEAVES, 60, m, "has a name that leaves the folder it is unpacked to");
    if (e == 0 && absolute(n, m->name))
        e = tell(n, ODD_ABSOLUTE, n->packages ? 5 : 25, m, "has an absolute name: it chooses where it is unpacked");
    if (e == 0 && m->name.n && memchr(m->name.p, '\0', m->name.n))
        e = tell(n, ODD_NUL, 50, m, "has a zero byte in its name: programs disagree on where the name ends");
    return e;
}

static int look_at_mode(struct trn_member_names *n, const struct trn_named *m)
{
    mode_t type = m->mode & S_IFMT;
    if (type == S_IFCHR || type == S_IFBLK)
        return tell(n, ODD_DEVICE, n->packages ? 5 : 20, m, "is a device node");
    if ((m->mode & S_ISUID) && (type == S_IFREG || !type) && !n->packages)
        return tell(n, ODD_SETUID, 15, m, "asks to run with the rights of its owner (setuid)");
    return 0;
}

static int put(struct trn_map *map, uint64_t key)
{
    int e = trn_map_put(map, key, 1);
    return e == -ENOSPC ? 0 : e;
}

static int remember(struct trn_member_names *n, const struct trn_named *m, char *name, size_t len)
{
    uint64_t unused, key = trn_hash64(name, len);
    int depth = 0;
    for (size_t i = 0; i < len; i++)
        depth += name[i] == '/';
    bool folder = S_ISDIR(m->mode), twice = trn_map_get(n->seen, key, &unused);
    int e = 0;
    if (twice && !folder && n->duplicate)
        e = tell(n, ODD_TWICE, n->duplicate, m, "is there twice: the later one replaces the earlier when unpacked");
    if (e == 0 && S_ISLNK(m->mode) && (absolute(n, m->link) || leaves(n, m->link, depth)))
        e = put(n->links, key);
    if (e == 0)
        e = put(n->seen, key);
    if (e < 0 || !n->windows || n->case_matters || twice || folder)
        return e;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
    key = trn_hash64(name, len);
    if (trn_map_get(n->folded, key, &unused))
        e = tell(n, ODD_FOLDED, 10, m,
                 "differs from another only in upper and lower case: on Windows one replaces the other");
    return e < 0 ? e : put(n->folded, key);
}

int trn_member_names_add(struct trn_member_names *n, const struct trn_named *m)
{
    char name[4096];
    size_t len = normal(n, m->name, name, sizeof(name));
    int e = look_at_name(n, m);
    if (e == 0)
        e = look_at_mode(n, m);
    if (e == 0 && !S_ISDIR(m->mode) && through_link(n, name, len))
        e = tell(n, ODD_LINK, 60, m,
                 "is written through a link that an earlier member made and that leads out of the folder");
    return e < 0 || len == 0 ? e : remember(n, m, name, len);
}
