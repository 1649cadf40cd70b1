/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one package that is about to be unpacked: what it is compared with, the hashes of both sides, and what is known of them
 * from before: the verdict about these two, what was told of the old one.
 * Must not: judge, or take what was known under other rules, limits or another program: the question is a part of every key.
 */
#include "cli/gate_apt.h"

#include <fcntl.h>
#include <unistd.h>

#define PACKAGE_MAX (4ll << 30) /* bytes: one with a hole of terabytes would take the time of all others */

/* ---- both sides ---- */

int trn_gate_open_new(const struct trn_gate_entry *x)
{
    char path[TRN_GATE_PATH_MAX];
    struct stat st;
    if (!x->item)
        return -EINVAL;
    (void)snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(x->item->file));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int e = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? -EINVAL : st.st_size > PACKAGE_MAX ? -EFBIG : 0;
    if (e < 0) {
        trn_fd_close(fd);
        return e;
    }
    return fd;
}

int trn_gate_open_old(int folder, const struct trn_gate_entry *x)
{
    return x->old == TRN_GATE_OLD_KEPT ? trn_gate_kept_open(folder, x->item) : trn_gate_cached_open(x->item);
}

static int hash_file(int fd, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    TRN_AUTO(trn_freep) char *window = malloc(1u << 20);
    if (!d || !window)
        return -ENOMEM;
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, window, 1u << 20, at);
        if (n < 0)
            return -errno;
        if (n == 0)
            return trn_digest_end(d, ret, NULL);
        int e = trn_digest_update(d, window, (size_t)n);
        if (e < 0)
            return e;
        at += n;
    }
}

static int old_side(int folder, int fresh, struct trn_gate_entry *x)
{
    TRN_AUTO(trn_fd_closep) int old = folder >= 0 ? trn_gate_kept_open(folder, x->item) : -ENOENT;
    x->old = TRN_GATE_OLD_KEPT;
    if (old < 0) {
        old = trn_gate_cached_open(x->item);
        x->old = TRN_GATE_OLD_CACHE;
    }
    if (old >= 0 && hash_file(old, x->old_sha) == 0)
        return 0;
    x->old = TRN_GATE_OLD_INSTALLED;
    int e = trn_gate_installed_open(x->item, fresh, &x->installed);
    if (e == 0)
        e = trn_gate_installed_identity(&x->installed, x->old_sha);
    x->old = e < 0 ? TRN_GATE_OLD_NONE : x->old;
    return e < 0 ? -ENOENT : 0;
}

int trn_gate_sides(int folder, struct trn_gate_entry *x)
{
    TRN_AUTO(trn_fd_closep) int fresh = trn_gate_open_new(x);
    int e = fresh < 0 ? fresh : hash_file(fresh, x->new_sha);
    if (e < 0)
        return e;
    trn_hex(x->new_sha, TRN_SHA256_SIZE, x->told.sha256);
    if (x->item->old_version.n)
        e = old_side(folder, fresh, x);
    x->told.old_side = trn_gate_old_name(x->old);
    return e;
}

/* ---- what is known ---- */

static int key_of(const uint8_t question[TRN_SHA256_SIZE], const uint8_t a[TRN_SHA256_SIZE],
                  const uint8_t b[TRN_SHA256_SIZE], uint8_t ret[TRN_SHA256_SIZE])
{
    uint8_t all[3 * TRN_SHA256_SIZE];
    memcpy(all, a, TRN_SHA256_SIZE);
    memcpy(all + TRN_SHA256_SIZE, b, TRN_SHA256_SIZE);
    memcpy(all + 2 * TRN_SHA256_SIZE, question, TRN_SHA256_SIZE);
    return trn_sha256(all, sizeof(all), ret);
}

bool trn_gate_known_verdict(int folder, const uint8_t question[TRN_SHA256_SIZE], struct trn_gate_entry *x)
{
    uint8_t key[TRN_SHA256_SIZE];
    enum trn_verdict verdict;
    if (key_of(question, x->old_sha, x->new_sha, key) < 0)
        return false;
    json_t *o = trn_gate_remembered(folder, key);
    if (!o || trn_verdict_parse(trn_json_text(o, "verdict"), &verdict) < 0) {
        json_decref(o);
        return false;
    }
    x->told.judged = true;
    x->told.verdict = verdict;
    x->told.score = (uint16_t)TRN_MIN(trn_json_count(o, "score"), 99);
    x->told.reasons = json_incref(json_object_get(o, "reasons"));
    json_decref(o);
    return true;
}

int trn_gate_known_side(int folder, const uint8_t question[TRN_SHA256_SIZE], const struct trn_gate_entry *x,
                        struct trn_release **ret)
{
    uint8_t key[TRN_SHA256_SIZE];
    struct trn_release *r = NULL;
    if (x->old != TRN_GATE_OLD_KEPT && x->old != TRN_GATE_OLD_CACHE)
        return -ENOENT;
    int e = key_of(question, x->old_sha, x->old_sha, key);
    if (e == 0)
        e = trn_gate_features_read(folder, key, &r);
    if (e < 0)
        return e;
    const struct trn_release_member *top = trn_release_at(r, 0);
    if (!top || memcmp(top->sha256, x->old_sha, TRN_SHA256_SIZE) != 0) {
        trn_release_free(r);
        return -ENOENT;
    }
    *ret = r;
    return 0;
}

void trn_gate_know(int folder, const uint8_t question[TRN_SHA256_SIZE], const struct trn_gate_entry *x,
                   const struct trn_release *after)
{
    uint8_t key[TRN_SHA256_SIZE];
    if (!trn_release_undecided(after) && key_of(question, x->new_sha, x->new_sha, key) == 0)
        trn_gate_features_keep(folder, key, after);
    if (x->told.undecided || key_of(question, x->old_sha, x->new_sha, key) < 0)
        return;
    json_t *o = json_pack("{s:s, s:i, s:O}", "verdict", trn_verdict_name(x->told.verdict), "score", (int)x->told.score,
                          "reasons", x->told.reasons);
    if (o)
        trn_gate_remember(folder, key, o);
    json_decref(o);
}
