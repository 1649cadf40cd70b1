/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the signature of a Windows installer (a compound file): which streams are signed, in which order, and what is left.
 * Must not own: the file system (formats/ole2.h), tables of an MSI, what uncovered bytes are worth (src/artifact/).
 *
 * Hash: the bytes of every stream of a storage in the order of their names (as bytes), storages in their place, then the
 * storage's class id; without the two streams that hold the signature. When MsiDigitalSignatureEx is there, it is a hash of
 * all names, sizes and times, and goes in first.
 */
#include "formats/formats.h"
#include "signature/spc.h"

#define SIGNATURE "\5DigitalSignature"
#define SIGNATURE_EX "\5MsiDigitalSignatureEx"
#define EX_MAX 64u
#define STORAGE_DEPTH 32u

struct msi {
    const struct trn_ole2 *ole;
    const struct trn_ole2_entry **sorted; /* all, by parent and name */
    size_t n;
    const struct trn_ole2_entry *signature, *ex;
    struct trn_str ex_bytes;
    struct trn_spc_job job;
    bool ex_bad;
};

static int by_parent_and_name(const void *a, const void *b)
{
    const struct trn_ole2_entry *x = *(const struct trn_ole2_entry *const *)a;
    const struct trn_ole2_entry *y = *(const struct trn_ole2_entry *const *)b;
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    int order = memcmp(x->name.p, y->name.p, TRN_MIN(x->name.n, y->name.n));
    if (order)
        return order;
    return x->name.n < y->name.n ? -1 : x->name.n > y->name.n;
}

static size_t first_child(const struct msi *m, uint32_t parent)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (m->sorted[mid]->parent < parent)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_signature(const struct msi *m, const struct trn_ole2_entry *e)
{
    return e == m->signature || e == m->ex;
}

static int add_stream(EVP_MD_CTX *ctx, struct msi *m, const struct trn_ole2_entry *e)
{
    struct trn_source s;
    int r = trn_ole2_stream(m->ole, e, m->job.arena, &s);
    if (r == 0 && s.size != e->size)
        r = -EBADMSG;
    return r < 0 ? r : trn_md_source(ctx, &s, 0, s.size);
}

static int hash_storage(EVP_MD_CTX *ctx, struct msi *m, const struct trn_ole2_entry *storage, unsigned depth)
{
    int e = depth < STORAGE_DEPTH ? 0 : -EBADMSG;
    for (size_t i = first_child(m, storage->id); e == 0 && i < m->n && m->sorted[i]->parent == storage->id; i++) {
        const struct trn_ole2_entry *c = m->sorted[i];
        if (is_signature(m, c))
            continue;
        if (c->type == TRN_OLE2_STORAGE)
            e = hash_storage(ctx, m, c, depth + 1);
        else if (c->size)
            e = add_stream(ctx, m, c);
    }
    if (e == 0 && EVP_DigestUpdate(ctx, storage->clsid, TRN_OLE2_CLSID) != 1)
        e = -EIO;
    return e;
}

/* What the tree says of one entry. */
static void put_metadata(struct trn_buf *b, const struct trn_ole2_entry *e)
{
    bool root = e->parent == TRN_OLE2_NONE;
    trn_buf_clear(b);
    if (!root)
        trn_put_str(b, e->name);
    if (e->type == TRN_OLE2_STREAM)
        trn_put_u32(b, (uint32_t)e->size);
    else
        trn_put(b, e->clsid, TRN_OLE2_CLSID);
    trn_put_u32(b, e->state);
    if (!root) {
        trn_put_u64(b, e->created);
        trn_put_u64(b, e->modified);
    }
}

static int hash_metadata(EVP_MD_CTX *ctx, struct msi *m, const struct trn_ole2_entry *entry, struct trn_buf *b,
                         unsigned depth)
{
    int e = depth < STORAGE_DEPTH ? 0 : -EBADMSG;
    put_metadata(b, entry);
    if (e == 0 && (b->bad || EVP_DigestUpdate(ctx, b->p, b->n) != 1))
        e = -ENOMEM;
    if (entry->type == TRN_OLE2_STREAM)
        return e;
    for (size_t i = first_child(m, entry->id); e == 0 && i < m->n && m->sorted[i]->parent == entry->id; i++)
        if (!is_signature(m, m->sorted[i]))
            e = hash_metadata(ctx, m, m->sorted[i], b, depth + 1);
    return e;
}

static int check_ex(struct msi *m, const EVP_MD *md)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t hash[TRN_MD_MAX];
    unsigned n = 0;
    trn_buf_init(&b, 4096);
    int e = ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1 ? 0 : -ENOMEM;
    if (e == 0)
        e = hash_metadata(ctx, m, trn_ole2_root(m->ole), &b, 0);
    if (e == 0 && EVP_DigestFinal_ex(ctx, hash, &n) != 1)
        e = -EIO;
    if (e == 0)
        m->ex_bad |= !trn_str_eq(m->ex_bytes, (struct trn_str){(const char *)hash, n});
    return e;
}

static int digest(void *ctx, const EVP_MD *md, uint8_t *ret)
{
    struct msi *m = ctx;
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
    unsigned n = 0;
    int e = c && EVP_DigestInit_ex(c, md, NULL) == 1 ? 0 : -ENOMEM;
    if (e == 0 && m->ex)
        e = check_ex(m, md);
    if (e == 0 && m->ex && EVP_DigestUpdate(c, m->ex_bytes.p, m->ex_bytes.n) != 1)
        e = -EIO;
    if (e == 0)
        e = hash_storage(c, m, trn_ole2_root(m->ole), 0);
    if (e < 0)
        return e == -EBADMSG ? -EOPNOTSUPP : e; /* a stream that is not whole: its bytes cannot be told */
    return EVP_DigestFinal_ex(c, ret, &n) == 1 ? (int)n : -EIO;
}

static int sort_entries(struct msi *m)
{
    m->sorted = trn_arena_array(m->job.arena, trn_ole2_count(m->ole) + 1, sizeof(struct trn_ole2_entry *));
    if (!m->sorted)
        return -ENOMEM;
    for (; m->n < trn_ole2_count(m->ole); m->n++)
        m->sorted[m->n] = trn_ole2_entry(m->ole, m->n);
    qsort(m->sorted, m->n, sizeof(struct trn_ole2_entry *), by_parent_and_name);
    return 0;
}

static int take_stream(struct msi *m, const struct trn_ole2_entry *e, size_t max, struct trn_str *ret)
{
    struct trn_source s;
    int r = trn_ole2_stream(m->ole, e, m->job.arena, &s);
    if (r == 0 && (s.size > max || s.size != e->size))
        r = -EBADMSG;
    return r < 0 ? r : trn_source_take(&s, 0, (size_t)s.size, m->job.arena, ret);
}

/* Bytes of the signature's own stream that are not the signature. */
static void stream_slack(struct msi *m, struct trn_str all, size_t used)
{
    struct trn_str rest = trn_str_slice(all, used, SIZE_MAX);
    if (rest.n > 7 || !trn_is_zero(rest))
        trn_spc_place(&m->job, TRN_PLACE_SLACK, rest, "behind the signature in its own stream", TRN_STR_NONE);
}

static int check(struct msi *m)
{
    struct trn_signed *out = m->job.out;
    struct trn_str all;
    uint64_t at;
    size_t size = 0;
    int e = take_stream(m, m->signature, TRN_CMS_MAX, &all);
    if (e == 0 && m->ex)
        e = take_stream(m, m->ex, EX_MAX, &m->ex_bytes);
    if (e == 0)
        e = sort_entries(m);
    if (e == 0)
        e = trn_spc_check_within(&m->job, all, trn_ole2_contiguous(m->ole, m->signature, &at) ? at : 0, &size);
    if (e < 0)
        return e == -ENODATA ? -EBADMSG : e;
    if (m->ex_bad && out->signature.digest == TRN_DIGEST_OK) {
        out->signature.digest = TRN_DIGEST_BAD;
        out->why = "names, sizes or times in it are not those that were signed";
    }
    stream_slack(m, all, size);
    return 0;
}

static int slack(void *ctx, const struct trn_ole2_slack *s)
{
    struct trn_signed *out = ctx;
    trn_signature_uncovered(&out->signature, s->first, s->end - s->first, trn_ole2_slack_name(s->kind), false);
    return 0;
}

int trn_msi_signature(const struct trn_ole2 *ole, const struct trn_signature_options *o, struct trn_arena *a,
                      struct trn_signed *ret)
{
    struct trn_signed *out = trn_arena_alloc(a, sizeof(*out));
    struct msi m = {.ole = ole, .job = {.digest = digest, .o = o, .arena = a, .out = out}};
    if (!out)
        return -ENOMEM;
    m.job.ctx = &m;
    m.signature = trn_ole2_find(ole, SIGNATURE);
    m.ex = trn_ole2_find(ole, SIGNATURE_EX);
    if (!m.signature)
        return -ENOENT;
    out->why = out->chain_why = "";
    out->signature.kind = TRN_SIGNATURE_MSI;
    int e = trn_spc_settle(out, check(&m));
    if (e == 0)
        e = trn_ole2_slack(ole, slack, out);
    if (e == 0)
        *ret = *out;
    return e;
}
