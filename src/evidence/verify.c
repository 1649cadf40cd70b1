/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the proof that a bundle is what its key signed: every byte is either compared with the one it must be, hashed
 * by the manifest, or signed. Pure; the bytes are foreign and the worker that runs this can do nothing else.
 * Must not: say whose key it is. That only a comparison with the host's own `turncoat status` can.
 */
#include "evidence/internal.h"

#include <inttypes.h>

#define FIRST_BLOCKS 4096u /* a bundle says what it is within these */

/* Is it meant to be a bundle? Then what is wrong with it is a change; else it is something else. */
static bool looks_like_one(struct trn_str bytes)
{
    struct trn_str head = trn_str_slice(bytes, 0, FIRST_BLOCKS);
    return trn_str_starts(bytes, TRN_STR(TRN_EVIDENCE_MANIFEST_NAME)) ||
           trn_str_contains(head, TRN_STR("\"schema\":\"turncoat.bundle/"));
}

static int expect(struct trn_cursor *c, const char *name, struct trn_tar_entry *ret, struct trn_err *err)
{
    int r = trn_tar_next(c, ret, err);
    if (r < 0)
        return r;
    if (r == 0 || !trn_str_eq_c(ret->name, name))
        return trn_fail(err, -EBADMSG, "changed at byte %" PRIu64 ": '%s' is not where it belongs",
                        r == 0 ? (uint64_t)c->at : ret->at, name);
    return 0;
}

static int hash_of(const struct trn_tar_entry *e, const struct trn_evidence_entry *want, struct trn_err *err)
{
    uint8_t sha256[TRN_SHA256_SIZE];
    int r = trn_sha256(e->content.p ? e->content.p : "", e->content.n, sha256);
    if (r < 0)
        return trn_fail(err, r, "cannot hash '%.*s': %s", TRN_STR_ARG(e->name), trn_errno_name(r));
    if (memcmp(sha256, want->sha256, sizeof(sha256)) != 0)
        return trn_fail(err, -EBADMSG,
                        "changed between bytes %" PRIu64 " and %" PRIu64
                        ": '%.*s' does not have the hash that was signed",
                        e->at + TRN_TAR_BLOCK, e->at + TRN_TAR_BLOCK + e->content.n, TRN_STR_ARG(e->name));
    return 0;
}

/* The members behind the signature: the manifest's, all of them, in its order, and nothing else. */
static int check_members(struct trn_cursor *c, const struct trn_evidence_facts *f, uint64_t mtime, struct trn_err *err)
{
    for (uint32_t i = 0; i < f->n_members; i++) {
        struct trn_tar_entry e;
        char shown[100];
        int r = trn_tar_next(c, &e, err);
        if (r < 0)
            return r;
        trn_escape_into(shown, sizeof(shown), f->members[i].name);
        if (r == 0)
            return trn_fail(err, -EBADMSG, "changed at byte %zu: '%s' is missing", c->at, shown);
        if (!trn_str_eq(e.name, f->members[i].name))
            return trn_fail(err, -EBADMSG, "changed at byte %" PRIu64 ": '%.*s' stands where '%s' belongs", e.at,
                            TRN_STR_ARG(e.name), shown);
        if (e.mtime != mtime || e.content.n != f->members[i].size)
            return trn_fail(err, -EBADMSG, "changed at byte %" PRIu64 ": '%s' has another size or time than was signed",
                            e.at, shown);
        r = hash_of(&e, &f->members[i], err);
        if (r < 0)
            return r;
    }
    struct trn_tar_entry more;
    int r = trn_tar_next(c, &more, err);
    if (r > 0)
        return trn_fail(err, -EBADMSG, "changed at byte %" PRIu64 ": '%.*s' was added", more.at,
                        TRN_STR_ARG(more.name));
    return r;
}

/* "turncoat.bundle/" and a number: what a later form signs under is its own name. */
static bool schema_ok(struct trn_str schema)
{
    uint64_t n;
    return trn_str_starts(schema, TRN_STR("turncoat.bundle/")) &&
           trn_str_u64(trn_str_slice(schema, sizeof("turncoat.bundle/") - 1, schema.n), &n) == 0;
}

static int check_signature(const struct trn_evidence_facts *f, struct trn_str schema, struct trn_str manifest,
                           struct trn_str signature, struct trn_arena *arena, struct trn_err *err)
{
    struct trn_str domain = trn_arena_printf(arena, "%.*s\n", TRN_STR_ARG(schema));
    if (!domain.p)
        return trn_fail(err, -ENOMEM, "cannot check the signature: out of memory");
    int r = trn_evidence_check(f->key, domain, manifest, signature);
    if (r == -EBADMSG)
        return trn_fail(err, r, "changed: the signature was not made over this manifest by the key that it names");
    return r < 0 ? trn_fail(err, r, "cannot check the signature: %s", trn_errno_name(r)) : 0;
}

int trn_evidence_verify(struct trn_str bytes, struct trn_arena *arena, struct trn_evidence_facts *ret,
                        struct trn_err *err)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_tar_entry manifest, signature;
    struct trn_evidence_facts f;
    struct trn_str schema;
    uint64_t mtime;
    if (bytes.n > TRN_EVIDENCE_MAX)
        return trn_fail(err, -EFBIG, "it is larger than any evidence bundle (64 MB)");
    if (!looks_like_one(bytes))
        return trn_fail(err, -ENOMSG, "it is no evidence bundle");
    int r = expect(&c, TRN_EVIDENCE_MANIFEST_NAME, &manifest, err);
    if (r == 0)
        r = expect(&c, TRN_EVIDENCE_SIGNATURE_NAME, &signature, err);
    if (r == 0)
        r = trn_manifest_read(manifest.content, arena, &schema, &f, &mtime, err);
    if (r == 0 && !schema_ok(schema))
        r = trn_fail(err, -EBADMSG, "changed: the manifest does not say which form it has");
    if (r == 0)
        r = check_signature(&f, schema, manifest.content, signature.content, arena, err);
    if (r == 0 && !trn_str_eq_c(schema, TRN_EVIDENCE_SCHEMA)) {
        r = trn_fail(err, -ENOTSUP, "its form is newer than this program; its manifest is signed and unchanged");
        trn_hint(err, "verify it with a newer turncoat");
    }
    if (r == 0 && (manifest.mtime != mtime || signature.mtime != mtime))
        r = trn_fail(err, -EBADMSG, "changed: the manifest has another time than was signed");
    if (r == 0)
        r = check_members(&c, &f, mtime, err);
    if (r < 0)
        return r;
    f.size = bytes.n;
    *ret = f;
    return 0;
}
