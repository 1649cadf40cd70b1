/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of a vault's record. Must not own: files.
 * Layout: magic, fields as written below (little endian), SHA-256 of all that. A record that was cut short, or changed, is
 * no record.
 */
#include "response/execute/vault.h"

#define MAGIC "TRNVAULT"
#define MAGIC_BYTES 8u
#define VERSION 1u

static void put_time(struct trn_buf *out, struct trn_vault_time t)
{
    trn_put_u64(out, (uint64_t)t.sec);
    trn_put_u32(out, t.nsec);
}

void trn_vault_record_encode(const struct trn_vault_record *r, struct trn_buf *out)
{
    size_t from = out->n;
    uint8_t digest[TRN_SHA256_SIZE];

    trn_put(out, MAGIC, MAGIC_BYTES);
    trn_put_u8(out, VERSION);
    trn_put_u8(out, (uint8_t)r->state);
    trn_put_u8(out, r->copied);
    trn_put_u64(out, r->id);
    trn_put_lstr(out, r->path);
    trn_put_u64(out, r->folder_dev);
    trn_put_u64(out, r->folder_ino);
    trn_put_u32(out, r->folder_uid);
    trn_put_u32(out, r->folder_gid);
    trn_put_u32(out, r->folder_mode);
    trn_put_u64(out, r->dev);
    trn_put_u64(out, r->ino);
    trn_put_u64(out, r->size);
    trn_put_u64(out, r->links);
    trn_put_u32(out, r->uid);
    trn_put_u32(out, r->gid);
    trn_put_u32(out, r->mode);
    put_time(out, r->accessed);
    put_time(out, r->modified);
    put_time(out, r->changed);
    trn_put(out, r->sha256, sizeof(r->sha256));
    trn_put_u64(out, r->back_dev);
    trn_put_u64(out, r->back_ino);
    trn_put_u64(out, r->held_ino);
    trn_put_u32(out, r->n_xattrs);
    for (uint32_t i = 0; i < r->n_xattrs; i++) {
        trn_put_lstr(out, r->xattrs[i].name);
        trn_put_lstr(out, r->xattrs[i].value);
    }
    if (out->bad || trn_sha256(out->p + from, out->n - from, digest) != 0)
        out->bad = true;
    else
        trn_put(out, digest, sizeof(digest));
}

static struct trn_vault_time take_time(struct trn_cursor *c)
{
    int64_t sec = (int64_t)trn_cur_u64le(c);

    return (struct trn_vault_time){sec, trn_cur_u32le(c)};
}

static int take_xattrs(struct trn_cursor *c, struct trn_arena *arena, struct trn_vault_record *r)
{
    struct trn_vault_xattr *x;

    r->n_xattrs = trn_cur_u32le(c);
    if (c->bad || r->n_xattrs > TRN_VAULT_XATTRS)
        return -EPROTO;
    x = trn_arena_array(arena, r->n_xattrs, sizeof(*x));
    if (!x)
        return -ENOMEM;
    for (uint32_t i = 0; i < r->n_xattrs; i++) {
        struct trn_str name = trn_cur_lstr(c), value = trn_cur_lstr(c);

        /* The name is given to the kernel as a C string. */
        if (c->bad || name.n == 0 || name.n > 255 || trn_str_find(name, '\0') >= 0 || trn_str_is_none(value))
            return -EPROTO;
        x[i].name = trn_arena_str(arena, name);
        x[i].value = trn_arena_str(arena, value);
        if (trn_str_is_none(x[i].name) || trn_str_is_none(x[i].value))
            return -ENOMEM;
    }
    r->xattrs = x;
    return 0;
}

static bool makes_sense(const struct trn_vault_record *r)
{
    return r->state >= TRN_VAULT_TAKING && r->state < TRN_VAULT_STATE_MAX && r->path.n > 1 && r->path.n < 4096 &&
           r->path.p[0] == '/' && trn_str_find(r->path, '\0') < 0 && r->path.p[r->path.n - 1] != '/' &&
           S_ISREG(r->mode) && r->size <= INT64_MAX && r->accessed.nsec < TRN_NS_PER_SEC &&
           r->modified.nsec < TRN_NS_PER_SEC && r->changed.nsec < TRN_NS_PER_SEC;
}

static int take_fields(struct trn_cursor *c, struct trn_arena *arena, struct trn_vault_record *r)
{
    uint8_t copied;
    int code;

    r->state = trn_cur_u8(c);
    copied = trn_cur_u8(c);
    r->copied = copied == 1;
    r->id = trn_cur_u64le(c);
    r->path = trn_cur_lstr(c);
    r->folder_dev = trn_cur_u64le(c);
    r->folder_ino = trn_cur_u64le(c);
    r->folder_uid = trn_cur_u32le(c);
    r->folder_gid = trn_cur_u32le(c);
    r->folder_mode = trn_cur_u32le(c);
    r->dev = trn_cur_u64le(c);
    r->ino = trn_cur_u64le(c);
    r->size = trn_cur_u64le(c);
    r->links = trn_cur_u64le(c);
    r->uid = trn_cur_u32le(c);
    r->gid = trn_cur_u32le(c);
    r->mode = trn_cur_u32le(c);
    r->accessed = take_time(c);
    r->modified = take_time(c);
    r->changed = take_time(c);
    (void)trn_cur_copy(c, r->sha256, sizeof(r->sha256));
    r->back_dev = trn_cur_u64le(c);
    r->back_ino = trn_cur_u64le(c);
    r->held_ino = trn_cur_u64le(c);
    code = take_xattrs(c, arena, r);
    if (code < 0)
        return code;
    return trn_cur_end(c) && copied <= 1 && makes_sense(r) ? 0 : -EPROTO;
}

int trn_vault_record_decode(struct trn_str bytes, struct trn_arena *arena, struct trn_vault_record *ret)
{
    struct trn_vault_record r = {0};
    uint8_t digest[TRN_SHA256_SIZE];
    int code;

    if (bytes.n < MAGIC_BYTES + 1 + TRN_SHA256_SIZE || bytes.n > TRN_VAULT_RECORD_MAX)
        return -EPROTO;
    struct trn_cursor c = trn_cur(bytes.p, bytes.n - TRN_SHA256_SIZE);
    if (!trn_str_eq(trn_cur_bytes(&c, MAGIC_BYTES), TRN_STR(MAGIC)) || trn_cur_u8(&c) != VERSION)
        return -EPROTO;
    code = trn_sha256(bytes.p, bytes.n - TRN_SHA256_SIZE, digest);
    if (code < 0)
        return code;
    if (memcmp(digest, bytes.p + bytes.n - TRN_SHA256_SIZE, TRN_SHA256_SIZE) != 0)
        return -EPROTO;
    code = take_fields(&c, arena, &r);
    if (code < 0)
        return code;
    r.path = trn_arena_str(arena, r.path);
    if (trn_str_is_none(r.path))
        return -ENOMEM;
    *ret = r;
    return 0;
}
