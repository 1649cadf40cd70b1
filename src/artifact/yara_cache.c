/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: compiled rules in a file. Must not: hand libyara a byte that was not hashed first.
 * Compiled rules are code for libyara's machine, which trusts them. So a cache is used only when it belongs to this user (or
 * root) and nobody else may write it, was made of these very sources by these very versions, and is whole.
 *
 *   "TRNYARC1" key[32] u64 body length, sha256[32] of the body
 *   body: u32 rules, u32 bad files, each: lstr path, u32 line, lstr why; per set: u64 length, libyara's
 *   own stream, lstr a byte for each rule (yara_quiet.c)
 */
#include "artifact/yara_internal.h"

#include <unistd.h>

static const char magic[8] = {'T', 'R', 'N', 'Y', 'A', 'R', 'C', '1'};
#define HEAD (sizeof(magic) + TRN_YARA_KEY + 8 + TRN_SHA256_SIZE)

/* ---- reading ---- */

static int parse_body(struct trn_str bytes, struct trn_yara_body *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_yara_body b = {.count = trn_cur_u32le(&c), .n_bad = trn_cur_u32le(&c)};
    size_t from = c.at;
    for (uint32_t i = 0; i < b.n_bad && !c.bad; i++) {
        (void)trn_cur_lstr(&c);
        (void)trn_cur_u32le(&c);
        (void)trn_cur_lstr(&c);
    }
    if (c.bad || b.n_bad > TRN_YARA_FILES_MAX)
        return -EBADMSG;
    b.bad = trn_cur_sub(&c, from, c.at - from);
    for (size_t i = 0; i < TRN_YARA_SETS; i++) {
        uint64_t n = trn_cur_u64le(&c);
        if (n == 0 || n > trn_cur_left(&c))
            return -EBADMSG;
        b.set[i] = trn_cur_bytes(&c, (size_t)n);
        b.quiet[i] = trn_cur_lstr(&c);
    }
    if (!trn_cur_end(&c))
        return -EBADMSG;
    *ret = b;
    return 0;
}

int trn_yara_cache_parse(struct trn_str bytes, const uint8_t key[TRN_YARA_KEY], struct trn_yara_body *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_str m = trn_cur_bytes(&c, sizeof(magic)), k = trn_cur_bytes(&c, TRN_YARA_KEY);
    uint64_t n = trn_cur_u64le(&c);
    struct trn_str said = trn_cur_bytes(&c, TRN_SHA256_SIZE);
    uint8_t hash[TRN_SHA256_SIZE];
    if (c.bad || memcmp(m.p, magic, sizeof(magic)) != 0)
        return -EBADMSG;
    if (memcmp(k.p, key, TRN_YARA_KEY) != 0)
        return -ESTALE;
    if (n != trn_cur_left(&c))
        return -EBADMSG;
    struct trn_str body = trn_cur_bytes(&c, (size_t)n);
    int e = trn_sha256(body.p, body.n, hash);
    if (e < 0)
        return e;
    return memcmp(hash, said.p, sizeof(hash)) == 0 ? parse_body(body, ret) : -EBADMSG;
}

static size_t read_part(void *dst, size_t size, size_t count, void *user)
{
    struct trn_cursor *c = user;
    size_t n;
    if (__builtin_mul_overflow(size, count, &n) || n > trn_cur_left(c))
        return 0;
    return n == 0 || trn_cur_copy(c, dst, n) ? count : 0;
}

static int load_sets(const struct trn_yara_body *b, YR_RULES *set[TRN_YARA_SETS], uint8_t *quiet[TRN_YARA_SETS])
{
    for (size_t i = 0; i < TRN_YARA_SETS; i++) {
        struct trn_cursor c = trn_cur_of(b->set[i]);
        YR_STREAM stream = {.user_data = &c, .read = read_part};
        if (yr_rules_load_stream(&stream, &set[i]) != ERROR_SUCCESS || b->quiet[i].n != (size_t)set[i]->num_rules + 1)
            return -EBADMSG;
        quiet[i] = malloc(b->quiet[i].n);
        if (!quiet[i])
            return -ENOMEM;
        memcpy(quiet[i], b->quiet[i].p, b->quiet[i].n);
    }
    return 0;
}

/* Nobody but this user and root may have written it. */
static int size_of_ours(int fd, uint64_t *ret)
{
    struct stat st;
    int e = trn_fstat(fd, &st);
    if (e < 0)
        return e;
    if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return -EPERM;
    if (st.st_size < (off_t)HEAD || (uint64_t)st.st_size > TRN_YARA_CACHE_MAX)
        return -EBADMSG;
    *ret = (uint64_t)st.st_size;
    return 0;
}

int trn_yara_cache_load(int fd, const uint8_t key[TRN_YARA_KEY], struct trn_yara_rules *r)
{
    uint64_t size = 0;
    struct trn_yara_body b;
    YR_RULES *set[TRN_YARA_SETS] = {NULL};
    uint8_t *quiet[TRN_YARA_SETS] = {NULL};
    int e = size_of_ours(fd, &size);
    TRN_AUTO(trn_freep) char *bytes = e == 0 ? malloc((size_t)size) : NULL;
    if (!bytes)
        return e < 0 ? e : -ENOMEM;
    e = trn_pread_full(fd, bytes, (size_t)size, 0);
    if (e == 0)
        e = trn_yara_cache_parse((struct trn_str){bytes, (size_t)size}, key, &b);
    if (e == 0)
        e = load_sets(&b, set, quiet);
    for (uint32_t i = 0; e == 0 && i < b.n_bad; i++) {
        struct trn_str file = trn_cur_lstr(&b.bad);
        uint32_t line = trn_cur_u32le(&b.bad);
        e = trn_yara_add_bad(r, file, line, trn_cur_lstr(&b.bad));
    }
    if (e == 0) {
        memcpy(r->set, set, sizeof(set));
        memcpy(r->quiet, quiet, sizeof(quiet));
        r->count = b.count;
        return 0;
    }
    for (size_t i = 0; i < TRN_YARA_SETS; i++) {
        if (set[i])
            (void)yr_rules_destroy(set[i]);
        free(quiet[i]);
    }
    r->n_bad = 0;
    return e;
}

/* ---- writing ---- */

struct out {
    struct trn_buf body;
};

static size_t write_part(const void *src, size_t size, size_t count, void *user)
{
    struct out *o = user;
    size_t n;
    if (__builtin_mul_overflow(size, count, &n))
        return 0;
    trn_put(&o->body, src, n);
    return o->body.bad ? 0 : count;
}

static void out_done(struct out *o)
{
    trn_buf_done(&o->body);
}

static int put_set(struct out *o, YR_RULES *rules, const uint8_t *quiet)
{
    YR_STREAM stream = {.user_data = o, .write = write_part};
    size_t at = o->body.n;
    trn_put_u64(&o->body, 0);
    if (yr_rules_save_stream(rules, &stream) != ERROR_SUCCESS || o->body.bad)
        return -ENOMEM;
    uint64_t n = o->body.n - at - 8;
    for (size_t i = 0; i < 8; i++)
        o->body.p[at + i] = (char)(n >> (8 * i));
    trn_put_lstr(&o->body, (struct trn_str){(const char *)quiet, (size_t)rules->num_rules + 1});
    return o->body.bad ? -ENOMEM : 0;
}

static int pwrite_full(int fd, const char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pwrite(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        p += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return 0;
}

int trn_yara_cache_save(int fd, const uint8_t key[TRN_YARA_KEY], const struct trn_yara_rules *r)
{
    TRN_AUTO(out_done) struct out o;
    TRN_AUTO(trn_buf_done) struct trn_buf head;
    uint8_t hash[TRN_SHA256_SIZE];
    trn_buf_init(&o.body, TRN_YARA_CACHE_MAX);
    trn_buf_init(&head, HEAD);
    trn_put_u32(&o.body, r->count);
    trn_put_u32(&o.body, (uint32_t)r->n_bad);
    for (size_t i = 0; i < r->n_bad; i++) {
        trn_put_lstr(&o.body, r->bad[i].file);
        trn_put_u32(&o.body, r->bad[i].line);
        trn_put_lstr(&o.body, r->bad[i].why);
    }
    int e = o.body.bad ? -ENOMEM : 0;
    for (size_t i = 0; e == 0 && i < TRN_YARA_SETS; i++)
        e = put_set(&o, r->set[i], r->quiet[i]);
    if (e == 0)
        e = trn_sha256(o.body.p, o.body.n, hash);
    if (e < 0)
        return e;
    trn_put(&head, magic, sizeof(magic));
    trn_put(&head, key, TRN_YARA_KEY);
    trn_put_u64(&head, o.body.n);
    trn_put(&head, hash, sizeof(hash));
    e = head.bad ? -ENOMEM : pwrite_full(fd, o.body.p, o.body.n, HEAD);
    return e < 0 ? e : pwrite_full(fd, head.p, head.n, 0); /* last: what is half written has no head */
}
