/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what was told about one file, encoded in the order told: u32 length, u8 kind, u32 artifact, body.
 * Must not: understand it. Small ones stay in memory, the rest of a large one goes to an unlinked file.
 * Hand-offs: read by cmd_scan_index.c; the same bytes are what the cache keeps.
 */
#include "cli/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define IN_MEMORY ((size_t)96 << 10)
#define MOST (2ull << 30) /* of one file: what a worker tells is limited, but not by us */
#define HEAD 4u

void trn_result_init(struct trn_result *r)
{
    *r = (struct trn_result){.fd = -1};
    trn_buf_init(&r->mem, (size_t)64 << 20);
}

void trn_result_done(struct trn_result *r)
{
    trn_buf_done(&r->mem);
    r->fd = trn_fd_close(r->fd);
}

static int unlinked_file(void)
{
    const char *tmp = getenv("TMPDIR");
    FILE *f = NULL;
    int fd = open(tmp && tmp[0] == '/' ? tmp : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        f = tmpfile(); /* a file system that knows no O_TMPFILE */
    if (f) {
        fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 3);
        fclose(f);
    }
    return fd;
}

static void spill(struct trn_result *r)
{
    if (r->fd < 0)
        r->fd = unlinked_file();
    r->bad = r->bad || r->fd < 0 || trn_write_full(r->fd, r->mem.p, r->mem.n) < 0;
    trn_buf_clear(&r->mem);
}

static size_t begin(struct trn_result *r, enum trn_item_kind kind, uint32_t artifact)
{
    size_t at = r->mem.n;
    trn_put_u32(&r->mem, 0);
    trn_put_u8(&r->mem, (uint8_t)kind);
    trn_put_u32(&r->mem, artifact);
    return at;
}

static void end(struct trn_result *r, size_t at)
{
    if (r->mem.bad || r->bad || r->size > MOST) {
        r->bad = true;
        trn_buf_clear(&r->mem);
        return;
    }
    uint32_t n = (uint32_t)(r->mem.n - at - HEAD);
    for (size_t i = 0; i < HEAD; i++)
        r->mem.p[at + i] = (char)(n >> 8 * i & 0xff);
    r->size += r->mem.n - at;
    if (r->mem.n > IN_MEMORY)
        spill(r);
}

void trn_result_artifact(struct trn_result *r, const struct trn_artifact *a)
{
    size_t at = begin(r, TRN_ITEM_ARTIFACT, a->id);
    struct trn_buf *b = &r->mem;
    bool md5 = false;
    for (size_t i = 0; i < TRN_MD5_SIZE; i++)
        md5 = md5 || a->md5[i];
    trn_put_varint(b, a->parent);
    trn_put_varint(b, a->depth);
    trn_put_lstr(b, a->name);
    trn_put_u8(b, (uint8_t)a->format);
    trn_put_varint(b, a->size);
    trn_put_u8(b, (uint8_t)(a->has_offset | md5 << 1));
    if (a->has_offset)
        trn_put_varint(b, a->offset);
    trn_put_varint(b, a->mode);
    trn_put_varint(b, a->entropy_milli);
    trn_put(b, a->sha256, TRN_SHA256_SIZE);
    if (md5)
        trn_put(b, a->md5, TRN_MD5_SIZE);
    end(r, at);
}

void trn_result_signature(struct trn_result *r, uint32_t artifact, const struct trn_signature *s)
{
    size_t at = begin(r, TRN_ITEM_SIGNATURE, artifact);
    struct trn_buf *b = &r->mem;
    trn_put_u8(b, (uint8_t)s->kind);
    trn_put_u8(b, (uint8_t)s->digest);
    trn_put_u8(b, (uint8_t)s->chain);
    trn_put_lstr(b, s->signer);
    trn_put_lstr(b, s->issuer);
    trn_put_lstr(b, s->serial);
    trn_put_lstr(b, s->team);
    trn_put_lstr(b, s->digest_name);
    trn_put_lstr(b, s->content_digest);
    trn_put_u64(b, (uint64_t)s->signed_at);
    trn_put_u32(b, s->signatures);
    trn_put_u64(b, s->uncovered_total);
    trn_put_u8(b, (uint8_t)s->n_uncovered);
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        const struct trn_uncovered *u = &s->uncovered[i];
        trn_put_u64(b, u->at);
        trn_put_u64(b, u->size);
        trn_put_u8(b, u->expected);
        trn_put_lstr(b, (struct trn_str){u->what, strlen(u->what) + 1}); /* with its NUL: read back as a C string */
    }
    end(r, at);
}

void trn_result_property(struct trn_result *r, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    size_t at = begin(r, TRN_ITEM_PROPERTY, artifact);
    trn_put_lstr(&r->mem, key);
    trn_put_lstr(&r->mem, value);
    end(r, at);
}

void trn_result_finding(struct trn_result *r, uint32_t artifact, const struct trn_finding *f)
{
    size_t at = begin(r, TRN_ITEM_FINDING, artifact);
    trn_finding_encode(f, &r->mem);
    end(r, at);
}

/* Limits that stand for this machine at this moment, not for the file. */
static bool is_passing(const struct trn_gap *g)
{
    static const char *const what[] = {"match-seconds", "memory", "scratch", "seconds"};
    return g->kind == TRN_GAP_CRASHED ||
           (g->kind == TRN_GAP_LIMIT && trn_str_in_table(g->what, what, TRN_ARRAY_SIZE(what)));
}

void trn_result_gap(struct trn_result *r, uint32_t artifact, const struct trn_gap *g)
{
    size_t at = begin(r, TRN_ITEM_GAP, artifact);
    trn_put_u8(&r->mem, (uint8_t)g->kind);
    trn_put_lstr(&r->mem, g->what);
    trn_put_lstr(&r->mem, g->member);
    trn_put_u64(&r->mem, g->value);
    trn_put_u64(&r->mem, g->limit);
    end(r, at);
    r->passing = r->passing || is_passing(g);
}

void trn_result_load(struct trn_result *r, struct trn_str bytes)
{
    trn_put_str(&r->mem, bytes);
    r->size = bytes.n;
    r->bad = r->mem.bad;
}

bool trn_result_bytes(struct trn_result *r, struct trn_buf *out)
{
    if (r->bad || r->size > out->max - out->n)
        return false;
    if (r->fd < 0) {
        trn_put_str(out, trn_buf_str(&r->mem));
        return !out->bad;
    }
    char window[32768];
    for (uint64_t at = 0, in_file = r->size - r->mem.n; at < in_file;) {
        size_t n = (size_t)TRN_MIN(in_file - at, (uint64_t)sizeof(window));
        if (trn_pread_full(r->fd, window, n, at) < 0)
            return false;
        trn_put(out, window, n);
        at += n;
    }
    trn_put_str(out, trn_buf_str(&r->mem));
    return !out->bad;
}
