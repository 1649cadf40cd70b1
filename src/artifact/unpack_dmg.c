/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a disk image as a container: its signature; its partitions. An HFS+ partition is not unpacked as one large member:
 * its files are the image's members; every other partition is a member by itself.
 * Must not own: chunks (dmg_disk.c), file systems (unpack_hfs.c), signatures.
 */
#include "artifact/check_macho.h"
#include "artifact/dmg_disk.h"
#include "artifact/unowned.h"
#include "artifact/unpack.h"

#define WINDOW (256u << 10)
#define FORK_HEAD 16u
#define KOLY_SIGNATURE 296u /* place and size of the signature in the trailer */

/* ---- its signature ---- */

static int signed_image(struct trn_look *l, const struct trn_dmg *d)
{
    struct trn_str koly;
    uint64_t end = d->end - TRN_DMG_TRAILER;
    TRN_AUTO(trn_freep) struct trn_apple *x = calloc(1, sizeof(*x));
    char *place = trn_arena_alloc(l->arena, TRN_DMG_TRAILER), *both = trn_arena_alloc(l->arena, TRN_DMG_TRAILER);
    if (!x || !place || !both)
        return -ENOMEM;
    int e = trn_source_take(l->bytes, end, TRN_DMG_TRAILER, l->arena, &koly);
    if (e < 0)
        return e;
    /* its size is not known when the trailer is hashed, so zeros stand for it; older tools blind the place too */
    memcpy(place, koly.p, koly.n);
    memset(place + KOLY_SIGNATURE + 8, 0, 8);
    memcpy(both, place, koly.n);
    memset(both + KOLY_SIGNATURE, 0, 8);
    struct trn_apple_where w = {.bytes = l->bytes, .at = d->signature_at, .size = end - d->signature_at};
    w.rep_specific[0] = (struct trn_str){place, TRN_DMG_TRAILER};
    w.rep_specific[1] = (struct trn_str){both, TRN_DMG_TRAILER};
    e = trn_apple_verify(&w, l->arena, x);
    if (e < 0 || x->s.kind == TRN_SIGNATURE_NONE)
        return e;
    e = trn_apple_tell_signature(l, x);
    for (uint32_t i = 0; e == 0 && i < x->s.n_uncovered; i++) {
        const struct trn_uncovered *u = &x->s.uncovered[i];
        if (!u->expected)
            e = trn_macho_tell_slack(l, u->at, u->size, trn_arena_printf(l->arena, "in the %s", u->what).p, true);
    }
    return e == 0 && x->s.digest == TRN_DIGEST_BAD ? trn_apple_tell_mismatch(l, x, "disk image") : e;
}

int trn_look_dmg(struct trn_look *l, struct trn_err *err)
{
    struct trn_dmg d;
    if (trn_dmg_read(l->bytes, l->arena, &d, err) < 0)
        return 0; /* open says it */
    int e = trn_look_property(l, "partitions", trn_arena_printf(l->arena, "%u", d.n_tables));
    if (e == 0 && d.signature_size && d.signature_at < d.end - TRN_DMG_TRAILER)
        e = signed_image(l, &d);
    return e;
}

/* ---- its partitions ---- */

struct image {
    struct trn_look *l;
    struct trn_dmg_disk disk;
    struct trn_source bytes;
    uint8_t *window;
    uint32_t volumes; /* HFS+ ones so far */
};

static int copy(struct image *x, const struct trn_source *part)
{
    uint64_t at = 0;
    int e = 0;
    while (e == 0 && at < part->size) {
        int64_t n = trn_source_read(part, at, x->window, WINDOW);
        if (n <= 0)
            return n == 0 || n == -EDQUOT || n == -ETIME ? -EBADMSG : (int)n;
        e = trn_look_data(x->l, x->window, (size_t)n);
        at += (uint64_t)n;
    }
    return e;
}

static int as_member(struct image *x, const struct trn_source *part, struct trn_str name)
{
    struct trn_member m = {.name = name, .size = part->size};
    int e = trn_look_member(x->l, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = copy(x, part);
    if (e == -EDQUOT || e == -ETIME)
        return e;
    return trn_look_end(x->l, e, e < 0 ? (x->disk.why ? x->disk.why : "it cannot be read") : NULL);
}

static bool is_hfs(const uint8_t *head, size_t n)
{
    return n >= 1028 && head[1024] == 'H' && (head[1025] == '+' || head[1025] == 'X') && head[1026] == 0;
}

/* A file system that nobody here opens; NULL: none that is known. */
static const char *file_system(const uint8_t *head, size_t n)
{
    static const struct {
        uint16_t at;
        const char *magic, *name;
    } table[] = {{1024, "BD", "the old HFS"},
                 {82, "FAT32", "FAT"},
                 {54, "FAT1", "FAT"},
                 {3, "EXFAT", "exFAT"},
                 {3, "NTFS", "NTFS"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        size_t size = strlen(table[i].magic);
        if (n >= table[i].at + size && memcmp(head + table[i].at, table[i].magic, size) == 0)
            return table[i].name;
    }
    return NULL;
}

static int partition(struct image *x, uint64_t at, uint64_t size, struct trn_str name, struct trn_err *err)
{
    uint8_t head[2048];
    struct trn_source part = trn_source_part(&x->bytes, at, size);
    if (part.size == 0)
        return 0;
    if (trn_str_is_empty(name))
        name = TRN_STR("partition");
    int64_t n = trn_source_read(&part, 0, head, sizeof(head));
    if (n < 0)
        return trn_look_gap(x->l, n == -ENOTSUP ? TRN_GAP_UNSUPPORTED : TRN_GAP_DAMAGED, name, "%s",
                            x->disk.why ? x->disk.why : "it cannot be read");
    if (!is_hfs(head, (size_t)n)) {
        const char *fs = file_system(head, (size_t)n);
        int told = fs ? trn_look_gap(x->l, TRN_GAP_UNSUPPORTED, name, "a volume of %s is not opened here", fs) : 0;
        return told < 0 ? told : as_member(x, &part, name);
    }
    struct trn_str prefix = x->volumes++ ? trn_arena_printf(x->l->arena, "%.*s/", TRN_STR_ARG(name)) : TRN_STR("");
    int e = trn_unpack_hfs(x->l, &part, prefix, &x->disk.why, err);
    if (e == 0 || e == -EDQUOT || e == -ETIME || e == -ENOMEM)
        return e;
    return trn_look_gap(x->l, e == -ENOTSUP ? TRN_GAP_UNSUPPORTED : TRN_GAP_DAMAGED, name, "%s", err->message);
}

/* One table for the whole disk: the map of partitions is on it, or it is one volume. */
static int whole_disk(struct image *x, struct trn_str name, struct trn_err *err)
{
    struct trn_partitions parts;
    int e = trn_partitions_read(&x->bytes, x->l->arena, &parts);
    if (e == -ENOMEM)
        return e;
    if (e < 0 || parts.n == 0)
        return partition(x, 0, x->bytes.size, name, err);
    for (uint32_t i = 0; e == 0 && i < parts.n; i++)
        e = partition(x, parts.list[i].at, parts.list[i].size, parts.list[i].name, err);
    return e;
}

static int partitions(struct image *x, const struct trn_dmg *d, struct trn_err *err)
{
    int e = 0;
    if (d->n_tables == 1)
        return whole_disk(x, d->tables[0].name, err);
    for (uint32_t i = 0; e == 0 && i < d->n_tables; i++) {
        const struct trn_dmg_table *t = &d->tables[i];
        e = partition(x, t->sector * TRN_DMG_SECTOR, t->sectors * TRN_DMG_SECTOR, t->name, err);
    }
    return e;
}

/* Images that have no trailer: encrypted, or growing. 1: it was one, and told. */
static int other_image(struct trn_look *l)
{
    char head[8] = {0};
    if (trn_source_read(l->bytes, 0, head, sizeof(head)) != sizeof(head))
        return 0;
    int e = 0;
    if (memcmp(head, "encrcdsa", 8) == 0)
        e = trn_look_gap(l, TRN_GAP_ENCRYPTED, TRN_STR_NONE, "the disk image is encrypted");
    else if (memcmp(head, "sprs\0\0\0\3", 8) == 0)
        e = trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "a growing (sparse) disk image is not opened here");
    else
        return 0;
    return e < 0 ? e : 1;
}

/* A fork of resources says where its map ends, and that is its end; it is looked at. Anything else that the trailer calls one
 * belongs to nothing. */
static int resources(struct trn_look *l, const struct trn_dmg *d, struct trn_ranges *owned)
{
    uint8_t head[FORK_HEAD];
    struct trn_member m = {.name = TRN_STR("[resources of the image]"), .size = d->resources_size};
    if (d->resources_size < sizeof(head) || d->resources_at > d->end || d->resources_size > d->end - d->resources_at ||
        trn_source_read(l->bytes, d->resources_at, head, sizeof(head)) != (int64_t)sizeof(head))
        return 0;
    struct trn_cursor c = trn_cur(head, sizeof(head));
    uint64_t data = trn_cur_u32be(&c), map = trn_cur_u32be(&c);
    data += trn_cur_u32be(&c);
    if (data > map || map + trn_cur_u32be(&c) != d->resources_size)
        return 0;
    trn_ranges_add(owned, d->resources_at, d->resources_size);
    return trn_look_part(l, &m, d->resources_at, d->resources_size);
}

/* The file itself: what none of its tables, lists and signatures points to, and what stands behind its trailer. */
static int outside(struct trn_look *l, const struct trn_dmg *d)
{
    static const struct trn_unowned unowned = {"unowned-bytes", "[of no part of the disk]",
                                               "belong to no part of the disk in the image: who mounts it never sees "
                                               "them",
                                               25};
    struct trn_ranges owned = {.arena = l->arena};
    for (uint32_t i = 0; i < d->n_chunks; i++)
        if (d->chunks[i].type != TRN_DMG_ZERO && d->chunks[i].type != TRN_DMG_IGNORED)
            trn_ranges_add(&owned, d->chunks[i].at, d->chunks[i].size);
    trn_ranges_add(&owned, d->plist_at, d->plist_size);
    int e = resources(l, d, &owned);
    if (d->signature_size && d->signature_at < d->end) /* what stands behind it the look at the signature tells */
        trn_ranges_add(&owned, d->signature_at, d->end - d->signature_at);
    trn_ranges_add(&owned, d->end - TRN_DMG_TRAILER, TRN_DMG_TRAILER);
    trn_ranges_close(&owned);
    if (e == 0 && d->n_segments <= 1)
        e = trn_unowned_gaps(l, &unowned, &owned, 0, d->end);
    return e < 0 ? e : trn_tell_behind(l, d->end, "[behind the end of the image]", "the trailer of the disk image");
}

int trn_open_dmg(struct trn_look *l, struct trn_err *err)
{
    struct trn_dmg d;
    struct image x = {.l = l};
    int other = other_image(l);
    if (other)
        return other < 0 ? other : 0;
    int e = trn_dmg_read(l->bytes, l->arena, &d, err);
    if (e < 0)
        return e;
    if (d.n_segments > 1)
        e = trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "the disk image lies in %u files", d.n_segments);
    TRN_AUTO(trn_freep) uint8_t *window = malloc(WINDOW);
    if (!window)
        return -ENOMEM;
    x.window = window;
    x.bytes = trn_dmg_disk(&x.disk, l->bytes, &d);
    if (e == 0)
        e = partitions(&x, &d, err);
    trn_dmg_disk_done(&x.disk);
    return e < 0 ? e : outside(l, &d);
}

int trn_look_apfs(struct trn_look *l, struct trn_err *err)
{
    (void)err;
    return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "an APFS volume is recognised but not opened here");
}

/* A disk as it is: its partitions lie in it, nothing is unpacked. */
int trn_open_disk(struct trn_look *l, struct trn_err *err)
{
    struct trn_partitions parts;
    int e = trn_partitions_read(l->bytes, l->arena, &parts);
    if (e < 0)
        return trn_fail(err, e, "its map of partitions is damaged");
    for (uint32_t i = 0; e == 0 && i < parts.n; i++) {
        const struct trn_partition *p = &parts.list[i];
        struct trn_member m = {.name = trn_str_is_empty(p->name) ? TRN_STR("partition") : p->name, .size = p->size};
        e = trn_look_part(l, &m, p->at, p->size);
    }
    return e;
}
