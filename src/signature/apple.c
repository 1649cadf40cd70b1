/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the SuperBlob: which blobs it has, which of them a hash covers, what lies between and behind them.
 * Must not own: hashing of pages (apple_directory.c), certificates (apple_cms.c), what follows from it.
 * Hand-offs: views into the source or the arena.
 *
 *   SuperBlob -> index -> blobs -> code directories -> pages, special slots -> CMS over the first directory
 */
#include "signature/apple_internal.h"

#define SUPERBLOB 0xfade0cc0u
#define WRAPPER 0xfade0b01u
#define BLOBS_MAX 64u

#define SLOT_INFO 1u
#define SLOT_REQUIREMENTS 2u
#define SLOT_REP_SPECIFIC 6u
#define SLOT_ENTITLEMENTS 5u
#define SLOT_ENTITLEMENTS_DER 7u
#define SLOT_SPECIAL_LAST 0xfu
#define SLOT_ALTERNATE 0x1000u
#define SLOT_ALTERNATE_LAST 0x1005u
#define SLOT_CMS 0x10000u
#define SLOT_TICKET 0x10002u

struct blob {
    uint32_t slot, magic, at, size; /* at: in the SuperBlob */
};
struct super {
    struct trn_str bytes;
    uint32_t n, index_end;
    struct blob blobs[BLOBS_MAX];
};

int trn_apple_nonzero(const struct trn_source *s, uint64_t at, uint64_t size, uint64_t *ret_at, uint64_t *ret_size)
{
    uint8_t window[16384];
    uint64_t first = UINT64_MAX, last = 0;
    struct trn_source part = trn_source_part(s, at, size);
    for (uint64_t done = 0; done < part.size;) {
        int64_t n = trn_source_read(&part, done, window, sizeof(window));
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        for (size_t i = 0; i < (size_t)n; i++) {
            if (window[i] == 0)
                continue;
            first = TRN_MIN(first, done + i);
            last = done + i;
        }
        done += (uint64_t)n;
    }
    if (first == UINT64_MAX)
        return 0;
    *ret_at = at + first;
    *ret_size = last - first + 1;
    return 1;
}

static struct trn_str blob_bytes(const struct super *b, const struct blob *x)
{
    return trn_str_slice(b->bytes, x->at, x->size);
}

static const struct blob *blob_of(const struct super *b, uint32_t slot)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->blobs[i].slot == slot)
            return &b->blobs[i];
    return NULL;
}

/* Insertion by place: BLOBS_MAX is small. */
static void put_sorted(struct super *b, struct blob x)
{
    uint32_t i = b->n++;
    for (; i > 0 && b->blobs[i - 1].at > x.at; i--)
        b->blobs[i] = b->blobs[i - 1];
    b->blobs[i] = x;
}

static int read_index(struct super *b)
{
    struct trn_cursor c = trn_cur_of(b->bytes);
    trn_cur_skip(&c, 8);
    uint32_t n = trn_cur_u32be(&c);
    if (c.bad || n > BLOBS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        struct blob x = {.slot = trn_cur_u32be(&c)};
        x.at = trn_cur_u32be(&c);
        struct trn_cursor head = trn_cur_sub(&c, x.at, 8);
        x.magic = trn_cur_u32be(&head);
        x.size = trn_cur_u32be(&head);
        if (head.bad || x.size < 8 || x.size > b->bytes.n - x.at || blob_of(b, x.slot)) /* two of one: which counts? */
            return -EBADMSG;
        put_sorted(b, x);
    }
    b->index_end = (uint32_t)c.at;
    return c.bad ? -EBADMSG : 0;
}

/* A range of the SuperBlob that is nobody's, when something stands there. */
static void unclaimed(const struct trn_apple_where *w, const struct super *b, size_t from, size_t to, const char *what,
                      struct trn_apple *x)
{
    uint64_t at, size;
    struct trn_str part = trn_str_slice(b->bytes, from, to > from ? to - from : 0);
    struct trn_source s = trn_source_mem(part);
    if (part.n && trn_apple_nonzero(&s, 0, part.n, &at, &size) == 1)
        trn_signature_uncovered(&x->s, w->at + from + at, size, what, false);
}

static bool is_covered(const struct trn_apple *x, uint32_t slot)
{
    if (slot == 0 || (slot >= SLOT_ALTERNATE && slot <= SLOT_ALTERNATE_LAST))
        return true;
    for (uint32_t i = 0; i < x->n_directories; i++)
        if (slot <= SLOT_SPECIAL_LAST && trn_str_is_none(trn_apple_special(&x->directories[i], slot)))
            return false;
    return slot <= SLOT_SPECIAL_LAST;
}

/* What the SuperBlob holds beside its blobs, and blobs that no hash is about. */
static void find_uncovered(const struct trn_apple_where *w, const struct super *b, struct trn_apple *x)
{
    size_t end = b->index_end;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct blob *o = &b->blobs[i];
        unclaimed(w, b, end, o->at, "gap between the parts of the signature", x);
        end = TRN_MAX(end, (size_t)o->at + o->size);
        if (o->slot == SLOT_CMS || o->slot == SLOT_TICKET)
            trn_signature_uncovered(&x->s, w->at + o->at, o->size,
                                    o->slot == SLOT_CMS ? "the signature itself" : "the notarization ticket", true);
        else if (!is_covered(x, o->slot))
            unclaimed(w, b, (size_t)o->at + 8, (size_t)o->at + o->size, "part of the signature that no hash covers", x);
    }
    unclaimed(w, b, end, b->bytes.n, "gap behind the parts of the signature", x);
}

static int behind(const struct trn_apple_where *w, struct trn_apple *x)
{
    uint64_t from = w->at + x->superblob, left = w->size - x->superblob, at, size;
    int e = trn_apple_nonzero(w->bytes, from, left, &at, &size);
    if (e == 1 && x->superblob && trn_apple_remains(w->bytes, w->at, from, at + size, from + left))
        trn_signature_uncovered(&x->s, from, left, "hashes that an earlier signature left", true);
    else if (e == 1)
        trn_signature_uncovered(&x->s, at, size, "room behind the signature", false);
    else if (e == 0)
        trn_signature_uncovered(&x->s, from, left, "zeros behind the signature", true);
    return e < 0 ? e : 0;
}

static int read_directories(const struct trn_apple_where *w, const struct super *b, struct trn_apple *x)
{
    for (uint32_t pass = 0; pass < 2; pass++) /* slot 0 first: it is what the signer signed */
        for (uint32_t i = 0; i < b->n; i++) {
            const struct blob *o = &b->blobs[i];
            bool alternate = o->slot >= SLOT_ALTERNATE && o->slot <= SLOT_ALTERNATE_LAST;
            if ((pass == 0 && o->slot != 0) || (pass == 1 && !alternate) ||
                x->n_directories == TRN_APPLE_DIRECTORIES_MAX)
                continue;
            int e = trn_apple_directory(blob_bytes(b, o), o->slot, &x->directories[x->n_directories]);
            if (e == -EBADMSG)
                trn_apple_wrong(x, "a code directory is damaged", w->at + o->at);
            else if (e < 0)
                return e;
            else
                x->n_directories++;
        }
    return 0;
}

static void special(const struct trn_apple_where *w, const struct super *b, const struct trn_apple_directory *d,
                    struct trn_apple *x)
{
    for (uint32_t slot = 1; d->hash_type && slot <= TRN_MIN(d->n_special, SLOT_SPECIAL_LAST); slot++) {
        struct trn_str hash = trn_apple_special(d, slot);
        const struct blob *o = blob_of(b, slot);
        if (trn_str_is_none(hash))
            continue;
        if (o && !trn_apple_hash_is(d, blob_bytes(b, o), hash))
            trn_apple_wrong(x, "a part of the signature is not what was signed", w->at + o->at);
        else if (!o && (slot == SLOT_REQUIREMENTS || slot == SLOT_ENTITLEMENTS || slot == SLOT_ENTITLEMENTS_DER))
            trn_apple_wrong(x, "a part that was signed is missing", UINT64_MAX);
        else if (slot == SLOT_INFO && !trn_str_is_none(w->info_plist) && !trn_apple_hash_is(d, w->info_plist, hash))
            trn_apple_wrong(x, "its Info.plist is not the one that was signed", UINT64_MAX);
        else if (slot == SLOT_REP_SPECIFIC && !trn_str_is_none(w->rep_specific[0]) &&
                 !trn_apple_hash_is(d, w->rep_specific[0], hash) && !trn_apple_hash_is(d, w->rep_specific[1], hash))
            trn_apple_wrong(x, "the image's trailer is not the one that was signed", UINT64_MAX);
    }
}

static int check_directories(const struct trn_apple_where *w, const struct super *b, struct trn_arena *a,
                             struct trn_apple *x)
{
    bool known = false;
    if (x->n_directories == 0 || x->directories[0].slot != 0)
        trn_apple_wrong(x, "it has no code directory", w->at);
    for (uint32_t i = 0; i < x->n_directories; i++) {
        enum trn_digest_state state = TRN_DIGEST_UNKNOWN;
        uint64_t at = UINT64_MAX;
        int e = trn_apple_pages(w->bytes, w->at, &x->directories[i], a, &state, &at);
        if (e < 0)
            return e;
        known = known || state == TRN_DIGEST_OK;
        if (state == TRN_DIGEST_BAD)
            trn_apple_wrong(x, at >= w->at ? "it does not say as much as the file has" : "a page was changed", at);
        special(w, b, &x->directories[i], x);
    }
    if (x->s.digest != TRN_DIGEST_BAD)
        x->s.digest = known ? TRN_DIGEST_OK : TRN_DIGEST_UNKNOWN;
    return 0;
}

static int check_cms(const struct trn_apple_where *w, const struct super *b, struct trn_arena *a, struct trn_apple *x)
{
    const struct blob *o = blob_of(b, SLOT_CMS);
    if (!o || o->size <= 8 || x->n_directories == 0) { /* ad-hoc ones have an empty wrapper, or none */
        x->s.kind = TRN_SIGNATURE_APPLE_ADHOC;
        if (x->n_directories && !(x->directories[0].flags & TRN_APPLE_ADHOC))
            trn_apple_wrong(x, "it does not say that it is ad-hoc, but nobody signed it", w->at);
        return 0;
    }
    size_t used = 0;
    struct trn_str der = trn_str_slice(blob_bytes(b, o), 8, o->size - 8u);
    if (o->magic != WRAPPER)
        trn_apple_wrong(x, "its signature is not where it should be", w->at + o->at);
    int e = trn_apple_cms(der, a, x, &used);
    if (e == 0 && used)
        unclaimed(w, b, (size_t)o->at + 8 + used, (size_t)o->at + o->size, "room behind the certificates", x);
    return e;
}

/* The strongest directory speaks for the file. */
static void describe(struct trn_apple *x)
{
    const struct trn_apple_directory *best = NULL;
    for (uint32_t i = 0; i < x->n_directories; i++)
        if (!best || x->directories[i].hash_type > best->hash_type)
            best = &x->directories[i];
    if (!best)
        return;
    x->s.digest_name = best->hash_name;
    x->s.content_digest = (struct trn_str){(const char *)best->digest, best->digest_size};
    x->s.team = best->team;
}

static int verify(const struct trn_apple_where *w, struct trn_arena *a, struct trn_apple *x)
{
    struct super b = {0};
    int e = trn_source_take(w->bytes, w->at, (size_t)x->superblob, a, &b.bytes);
    if (e < 0)
        return e;
    e = read_index(&b);
    if (e == 0)
        e = read_directories(w, &b, x);
    if (e == 0)
        e = check_directories(w, &b, a, x);
    if (e == 0)
        e = check_cms(w, &b, a, x);
    const struct blob *xml = blob_of(&b, SLOT_ENTITLEMENTS), *der = blob_of(&b, SLOT_ENTITLEMENTS_DER);
    if (e == 0 && xml)
        x->entitlements = trn_str_slice(blob_bytes(&b, xml), 8, xml->size);
    if (e == 0 && der)
        x->entitlements_der = trn_str_slice(blob_bytes(&b, der), 8, der->size);
    x->has_ticket = blob_of(&b, SLOT_TICKET) != NULL;
    if (e == 0)
        find_uncovered(w, &b, x);
    return e;
}

int trn_apple_verify(const struct trn_apple_where *w, struct trn_arena *a, struct trn_apple *ret)
{
    uint8_t head[8];
    uint64_t at, size;
    memset(ret, 0, sizeof(*ret));
    ret->wrong_at = UINT64_MAX;
    int64_t n = trn_source_read(w->bytes, w->at, head, sizeof(head));
    if (n < 0)
        return (int)n;
    int e = trn_apple_nonzero(w->bytes, w->at, w->size, &at, &size);
    if (e <= 0)
        return e;
    struct trn_cursor c = trn_cur(head, (size_t)n);
    uint32_t magic = trn_cur_u32be(&c);
    ret->superblob = trn_cur_u32be(&c);
    ret->s.kind = TRN_SIGNATURE_APPLE;
    ret->s.signatures = 1;
    ret->s.digest = TRN_DIGEST_UNKNOWN;
    ret->s.chain = TRN_CHAIN_NONE;
    if (c.bad || magic != SUPERBLOB || ret->superblob < 12 || ret->superblob > w->size ||
        w->size > w->bytes->size - TRN_MIN(w->at, w->bytes->size)) {
        trn_apple_wrong(ret, "its signature is damaged", w->at);
        ret->superblob = 0;
        return 0;
    }
    e = ret->superblob > TRN_APPLE_SUPERBLOB_MAX ? 0 : verify(w, a, ret);
    if (e == -EBADMSG)
        trn_apple_wrong(ret, "its signature is damaged", w->at);
    else if (e < 0)
        return e;
    describe(ret);
    return behind(w, ret);
}

struct trn_str trn_apple_flags(struct trn_arena *a, uint32_t flags)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {TRN_APPLE_ADHOC, "adhoc"},
        {0x4, "get-task-allow"},
        {0x100, "hard"},
        {0x200, "kill"},
        {0x400, "expires"},
        {0x800, "restrict"},
        {0x1000, "enforcement"},
        {0x2000, "library-validation"},
        {TRN_APPLE_RUNTIME, "runtime"},
        {TRN_APPLE_LINKER_SIGNED, "linker-signed"},
    };
    struct trn_str all = TRN_STR("");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (flags & names[i].bit)
            all = trn_arena_printf(a, "%.*s%s%s", TRN_STR_ARG(all), all.n ? "," : "", names[i].name);
    return all;
}
