/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a bundle while it is written: members one behind the other, then the manifest and its signature in front.
 * Must not: know what a member means. One buffer holds the members; a second one the finished bundle.
 */
#include "evidence/internal.h"

struct trn_evidence_writer {
    struct trn_buf members;
    uint64_t mtime;
    size_t header; /* of the member that is being written */
    struct trn_evidence_entry entries[TRN_EVIDENCE_MEMBERS];
    uint32_t n;
    bool open;
    int failed;
};

struct trn_evidence_writer *trn_evidence_writer_new(uint64_t made_wall_ns, size_t max)
{
    struct trn_evidence_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->mtime = made_wall_ns / TRN_NS_PER_SEC;
    trn_buf_init(&w->members, TRN_MIN(max, TRN_EVIDENCE_MAX - TRN_EVIDENCE_MANIFEST_MAX - 8 * TRN_TAR_BLOCK));
    return w;
}

struct trn_evidence_writer *trn_evidence_writer_free(struct trn_evidence_writer *w)
{
    if (w)
        trn_buf_done(&w->members);
    free(w);
    return NULL;
}

static void put_zeros(struct trn_buf *b, size_t n)
{
    for (; n > 0; n--)
        trn_put_u8(b, 0);
}

static void put_header(struct trn_buf *b, struct trn_str name, uint64_t size, uint64_t mtime)
{
    uint8_t block[TRN_TAR_BLOCK];
    trn_tar_header(block, name, size, mtime);
    trn_put(b, block, sizeof(block));
}

/* Ends the open member: its header, which stands empty so far, and its padding. */
static void close_member(struct trn_evidence_writer *w)
{
    if (!w->open || w->failed)
        return;
    w->open = false;
    if (w->members.bad) {
        w->failed = -EFBIG;
        return;
    }
    struct trn_evidence_entry *e = &w->entries[w->n - 1];
    size_t from = w->header + TRN_TAR_BLOCK;
    e->size = w->members.n - from;
    if (trn_sha256(w->members.p + from, (size_t)e->size, e->sha256) < 0)
        w->failed = -EIO;
    trn_tar_header((uint8_t *)w->members.p + w->header, e->name, e->size, w->mtime);
    put_zeros(&w->members, trn_tar_padding(e->size));
}

struct trn_buf *trn_evidence_member(struct trn_evidence_writer *w, const char *name)
{
    close_member(w);
    if (w->n == TRN_EVIDENCE_MEMBERS || !trn_tar_name_ok(trn_str_of(name))) {
        w->failed = w->failed ? w->failed : -EINVAL;
        return &w->members;
    }
    w->entries[w->n++] = (struct trn_evidence_entry){.name = trn_str_of(name)};
    w->open = true;
    w->header = w->members.n;
    put_zeros(&w->members, TRN_TAR_BLOCK);
    return &w->members;
}

static void put_member(struct trn_buf *out, const char *name, struct trn_str content, uint64_t mtime)
{
    put_header(out, trn_str_of(name), content.n, mtime);
    trn_put_str(out, content);
    put_zeros(out, trn_tar_padding(content.n));
}

int trn_evidence_finish(struct trn_evidence_writer *w, const struct trn_evidence_about *about,
                        const struct trn_evidence_key *key, struct trn_buf *out, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf manifest;
    uint8_t signature[TRN_EVIDENCE_SIGNATURE];
    trn_buf_init(&manifest, TRN_EVIDENCE_MANIFEST_MAX);
    close_member(w);
    if (w->members.bad || w->failed == -EFBIG)
        return trn_fail(err, -EFBIG, "the bundle is too large");
    if (w->failed)
        return trn_fail(err, w->failed, "cannot make the bundle: %s", trn_errno_name(w->failed));
    trn_manifest_write(about, trn_evidence_key_public(key), w->entries, w->n, &manifest);
    if (manifest.bad)
        return trn_fail(err, -EFBIG, "cannot make the bundle: its manifest is too large");
    int r = trn_evidence_sign(key, trn_buf_str(&manifest), signature);
    if (r < 0)
        return trn_fail(err, r, "cannot sign the bundle: %s", trn_errno_name(r));
    put_member(out, TRN_EVIDENCE_MANIFEST_NAME, trn_buf_str(&manifest), w->mtime);
    put_member(out, TRN_EVIDENCE_SIGNATURE_NAME, (struct trn_str){(const char *)signature, sizeof(signature)},
               w->mtime);
    trn_put_str(out, trn_buf_str(&w->members));
    put_zeros(out, TRN_TAR_END);
    return out->bad ? trn_fail(err, -EFBIG, "the bundle is too large") : 0;
}
