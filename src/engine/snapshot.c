/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the form and the names of snapshot files. Must not own: what the rows mean, the store.
 * Written to a temporary name first, so a crash leaves no half snapshot under a good name.
 */
#include "engine/snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNAPSHOT_MAX (256u << 20)
#define HEX_SIZE (2 * TRN_SHA256_SIZE + 1)

static bool is_zero(const uint8_t hash[TRN_SHA256_SIZE])
{
    return trn_sha256_is_none(hash);
}

static int hash_file(const char *path, uint8_t ret[TRN_SHA256_SIZE], struct trn_err *err)
{
    struct trn_buf content;
    int r = trn_read_file(path, SNAPSHOT_MAX, &content, err);
    if (r < 0)
        return r;
    r = trn_sha256(content.p ? content.p : "", content.n, ret);
    trn_buf_done(&content);
    return r;
}

struct counted {
    struct trn_log_writer *log;
    uint64_t rows;
};

static int write_row(void *ctx, const struct trn_event *row)
{
    struct counted *c = ctx;
    c->rows++;
    return trn_log_write(c->log, row);
}

static void log_closep(struct trn_log_writer **w)
{
    *w = trn_log_close(*w);
}

static int write_rows(const char *tmp, const struct trn_snapshot_source *from, uint64_t *ret_rows, struct trn_err *err)
{
    struct counted c = {0};
    TRN_AUTO(log_closep) struct trn_log_writer *log = NULL;
    int r = trn_log_create(tmp, &(struct trn_log_header){.wall_ns = 0}, &log, err);
    if (r < 0)
        return r;
    c.log = log;
    const struct trn_event_sink to = {write_row, &c};
    r = from->rows(from->ctx, &to);
    if (r >= 0)
        r = trn_log_flush(log);
    if (r < 0)
        return trn_fail(err, r, "cannot write the snapshot '%s': %s", tmp, trn_errno_name(r));
    *ret_rows = c.rows;
    return 0;
}

static int make_dir(const char *state_dir, struct trn_err *err)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/snapshots", state_dir);
    if (mkdir(dir, 0750) < 0 && errno != EEXIST)
        return trn_fail(err, -errno, "cannot make the folder '%s': %s", dir, trn_errno_name(-errno));
    return 0;
}

int trn_snapshot_write(const char *state_dir, const struct trn_snapshot_source *from, uint8_t ret_hash[TRN_SHA256_SIZE],
                       struct trn_err *err)
{
    char tmp[4096], path[4200], hex[HEX_SIZE];
    uint8_t hash[TRN_SHA256_SIZE] = {0};
    uint64_t rows = 0;
    int r = make_dir(state_dir, err);
    if (r < 0)
        return r;
    snprintf(tmp, sizeof tmp, "%s/snapshots/new.trns", state_dir);
    unlink(tmp); /* left by a crash */
    r = write_rows(tmp, from, &rows, err);
    if (r == 0 && rows)
        r = hash_file(tmp, hash, err);
    if (r < 0 || !rows) {
        unlink(tmp);
        if (r == 0)
            memset(ret_hash, 0, TRN_SHA256_SIZE);
        return r;
    }
    trn_hex(hash, sizeof hash, hex);
    snprintf(path, sizeof path, "%s/snapshots/%s.trns", state_dir, hex);
    if (rename(tmp, path) < 0)
        return trn_fail(err, -errno, "cannot name the snapshot '%s': %s", path, trn_errno_name(-errno));
    memcpy(ret_hash, hash, TRN_SHA256_SIZE);
    return 0;
}

static void reader_freep(struct trn_log_reader **r)
{
    *r = trn_log_reader_free(*r);
}

static int open_checked(const char *dir, const uint8_t hash[TRN_SHA256_SIZE], const char *suffix, char *path,
                        size_t size, struct trn_err *err)
{
    char hex[HEX_SIZE];
    uint8_t found[TRN_SHA256_SIZE];
    trn_hex(hash, TRN_SHA256_SIZE, hex);
    snprintf(path, size, "%s/%s.%s", dir, hex, suffix);
    int r = hash_file(path, found, err);
    if (r < 0) {
        trn_hint(err, "the log needs the %s it was made with; keep the snapshots folder beside the log folder", suffix);
        return r;
    }
    if (memcmp(found, hash, sizeof found) != 0)
        return trn_fail(err, -EBADMSG, "'%s' is not what its name says: it was changed", path);
    return 0;
}

int trn_snapshot_load(const char *dir, const uint8_t hash[TRN_SHA256_SIZE], struct trn_engine *e, struct trn_err *err)
{
    char path[4300];
    if (is_zero(hash))
        return 0;
    int r = open_checked(dir, hash, "trns", path, sizeof path, err);
    if (r < 0)
        return r;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open '%s': %s", path, trn_errno_name(-errno));
    TRN_AUTO(reader_freep) struct trn_log_reader *log = NULL;
    r = trn_log_open(fd, &log, err);
    if (r < 0)
        return r;
    struct trn_event row;
    while ((r = trn_log_next(log, &row, err)) > 0) {
        r = trn_engine_push(e, &row);
        if (r < 0)
            return trn_fail(err, r, "cannot take a row of '%s': %s", path, trn_errno_name(r));
    }
    return r;
}

int trn_snapshot_indicators(const char *state_dir, const struct trn_indicators *x, uint8_t ret_hash[TRN_SHA256_SIZE],
                            struct trn_err *err)
{
    uint8_t hash[TRN_SHA256_SIZE] = {0};
    memset(ret_hash, 0, TRN_SHA256_SIZE);
    if (!x || trn_indicators_count(x) == 0)
        return 0;
    struct trn_buf bytes;
    trn_buf_init(&bytes, SNAPSHOT_MAX);
    int r = make_dir(state_dir, err);
    if (r == 0)
        r = trn_indicators_save(x, &bytes);
    if (r == 0)
        r = trn_sha256(bytes.p, bytes.n, hash);
    if (r == 0) {
        char path[4300], hex[HEX_SIZE];
        trn_hex(hash, sizeof hash, hex);
        snprintf(path, sizeof path, "%s/snapshots/%s.trni", state_dir, hex);
        r = access(path, F_OK) == 0 ? 0 : trn_write_file_atomic(path, trn_buf_str(&bytes), 0640, err);
    }
    trn_buf_done(&bytes);
    if (r == 0)
        memcpy(ret_hash, hash, sizeof hash);
    return r;
}

int trn_snapshot_indicators_load(const char *dir, const uint8_t hash[TRN_SHA256_SIZE], struct trn_indicators **ret,
                                 struct trn_err *err)
{
    char path[4300];
    if (is_zero(hash))
        return 0;
    int r = open_checked(dir, hash, "trni", path, sizeof path, err);
    if (r < 0)
        return r;
    struct trn_buf content;
    r = trn_read_file(path, SNAPSHOT_MAX, &content, err);
    if (r < 0)
        return r;
    r = trn_indicators_load(trn_buf_str(&content), ret, err);
    trn_buf_done(&content);
    return r;
}

/* Collects, as a text of hex names, what the headers of all logs refer to. */
static void referred(const char *state_dir, struct trn_buf *names)
{
    char dir[4096], path[4400];
    snprintf(dir, sizeof dir, "%s/log", state_dir);
    DIR *d = opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, de->d_name);
        int fd = de->d_name[0] == '.' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        struct trn_log_reader *log = NULL;
        if (fd < 0 || trn_log_open(fd, &log, NULL) < 0)
            continue;
        trn_put_hex(names, trn_log_header(log)->snapshot, TRN_SHA256_SIZE);
        trn_put_c(names, " ");
        trn_put_hex(names, trn_log_header(log)->indicators, TRN_SHA256_SIZE);
        trn_put_c(names, " ");
        trn_log_reader_free(log);
    }
    if (d)
        closedir(d);
}

void trn_snapshot_prune(const char *state_dir)
{
    struct trn_buf names;
    trn_buf_init(&names, 1u << 20);
    referred(state_dir, &names);
    char dir[4096], path[4400];
    snprintf(dir, sizeof dir, "%s/snapshots", state_dir);
    DIR *d = names.bad ? NULL : opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));) {
        struct trn_str name = trn_str_of(de->d_name);
        if (name.n < 2 * TRN_SHA256_SIZE ||
            trn_str_contains(trn_buf_str(&names), trn_str_slice(name, 0, 2 * TRN_SHA256_SIZE)))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, de->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    trn_buf_done(&names);
}
