/* SPDX-License-Identifier: Apache-2.0 */
/* Is what an engine remembered given back whole, or refused, and never guessed? */
#include "engine/engine.h"
#include "folder.h"

struct rows {
    unsigned n;
    int result;
};

static int give_rows(void *ctx, const struct trn_event_sink *to)
{
    const struct rows *rows = ctx;
    for (unsigned i = 0; i < rows->n; i++) {
        struct trn_event row;
        trn_event_init(&row, TRN_EV_STATE);
        row.state.kind = TRN_STR("test");
        row.state.key = i + 1;
        row.state.value = TRN_STR("value");
        int r = trn_sink_event(to, &row);
        if (r < 0)
            return r;
    }
    return rows->result;
}

static int write_rows(const char *dir, unsigned n, uint8_t hash[TRN_SHA256_SIZE])
{
    struct rows rows = {.n = n};
    const struct trn_snapshot_source from = {give_rows, &rows};
    return trn_snapshot_write(dir, &from, hash, NULL);
}

static const char *file_of(const char *dir, const uint8_t hash[TRN_SHA256_SIZE], const char *suffix)
{
    static char path[256];
    char hex[2 * TRN_SHA256_SIZE + 1];
    trn_hex(hash, TRN_SHA256_SIZE, hex);
    snprintf(path, sizeof path, "%s/snapshots/%s.%s", dir, hex, suffix);
    return path;
}

static int load(const char *dir, const uint8_t hash[TRN_SHA256_SIZE], struct trn_err *err)
{
    char folder[96];
    struct trn_engine *e = NULL;
    snprintf(folder, sizeof folder, "%s/snapshots", dir);
    cr_assert_eq(trn_engine_new(&(struct trn_engine_options){.sz = sizeof(struct trn_engine_options)}, &e), 0);
    int r = trn_snapshot_load(folder, hash, e, err);
    trn_engine_free(e);
    return r;
}

Test(snapshot, the_same_rows_have_the_same_name_and_come_back)
{
    char dir[64];
    uint8_t a[TRN_SHA256_SIZE], b[TRN_SHA256_SIZE], c[TRN_SHA256_SIZE];
    struct trn_err err = {0};
    folder_new(dir);
    cr_assert_eq(write_rows(dir, 3, a), 0);
    cr_assert_eq(write_rows(dir, 3, b), 0);
    cr_assert_eq(write_rows(dir, 4, c), 0);
    cr_assert_arr_eq(a, b, sizeof a);
    cr_assert_neq(memcmp(a, c, sizeof a), 0);
    cr_assert_eq(load(dir, a, &err), 0, "%s", err.message);
    folder_done(dir);
}

Test(snapshot, nothing_remembered_is_no_file_and_no_error)
{
    char dir[64];
    const uint8_t zero[TRN_SHA256_SIZE] = {0};
    uint8_t hash[TRN_SHA256_SIZE] = {1};
    folder_new(dir);
    cr_assert_eq(write_rows(dir, 0, hash), 0);
    cr_assert_arr_eq(hash, zero, sizeof zero);
    cr_assert_eq(load(dir, hash, NULL), 0);
    folder_done(dir);
}

Test(snapshot, a_changed_or_missing_file_is_an_error_with_a_hint)
{
    char dir[64];
    uint8_t hash[TRN_SHA256_SIZE];
    struct trn_err err = {0};
    folder_new(dir);
    cr_assert_eq(write_rows(dir, 3, hash), 0);
    FILE *f = fopen(file_of(dir, hash, "trns"), "r+");
    cr_assert(f && fseek(f, -1, SEEK_END) == 0 && fputc('!', f) == '!' && fclose(f) == 0);
    cr_assert_eq(load(dir, hash, &err), -EBADMSG);
    cr_assert_eq(unlink(file_of(dir, hash, "trns")), 0);
    err = (struct trn_err){0};
    cr_assert_eq(load(dir, hash, &err), -ENOENT);
    cr_assert_neq(err.hint[0], 0);
    folder_done(dir);
}

Test(snapshot, a_source_that_fails_leaves_no_file_and_the_hash_untouched)
{
    char dir[64], tmp[96];
    uint8_t hash[TRN_SHA256_SIZE] = {42};
    struct rows rows = {.n = 2, .result = -EIO};
    const struct trn_snapshot_source from = {give_rows, &rows};
    folder_new(dir);
    cr_assert_eq(trn_snapshot_write(dir, &from, hash, NULL), -EIO);
    cr_assert_eq(hash[0], 42);
    snprintf(tmp, sizeof tmp, "%s/snapshots", dir);
    cr_assert_eq(rmdir(tmp), 0, "something was left behind");
    folder_done(dir);
}

Test(snapshot, what_a_log_needs_is_kept_and_the_rest_goes)
{
    char dir[64], path[96];
    struct trn_log_header header = {.wall_ns = 1};
    uint8_t other[TRN_SHA256_SIZE];
    struct trn_log_writer *log = NULL;
    folder_new(dir);
    cr_assert_eq(write_rows(dir, 3, header.snapshot), 0);
    cr_assert_eq(write_rows(dir, 9, other), 0);
    snprintf(path, sizeof path, "%s/log", dir);
    cr_assert_eq(mkdir(path, 0750), 0);
    snprintf(path, sizeof path, "%s/log/a.trnl", dir);
    cr_assert_eq(trn_log_create(path, &header, &log, NULL), 0);
    trn_snapshot_prune(dir); /* while the log is open, as at a start */
    cr_assert_eq(access(file_of(dir, header.snapshot, "trns"), F_OK), 0, "the running log's memory was thrown away");
    cr_assert_neq(access(file_of(dir, other, "trns"), F_OK), 0);
    trn_log_close(log);
    folder_done(dir);
}

Test(snapshot, indicators_come_back_as_they_were)
{
    char dir[64], folder[96];
    uint8_t hash[TRN_SHA256_SIZE], found[TRN_SHA256_SIZE];
    struct trn_indicators *x = NULL, *back = NULL;
    folder_new(dir);
    snprintf(folder, sizeof folder, "%s/snapshots", dir);
    cr_assert_eq(trn_indicators_new(&x), 0);
    const struct trn_indicator i = {.kind = TRN_IND_DOMAIN, .value = TRN_STR("evil.test"), .note = TRN_STR("n")};
    cr_assert_eq(trn_indicators_add(x, &i), 0);
    cr_assert_eq(trn_indicators_seal(x), 0);
    cr_assert_eq(trn_snapshot_indicators(dir, x, hash, NULL), 0);
    cr_assert_eq(trn_snapshot_indicators_load(folder, hash, &back, NULL), 0);
    cr_assert(trn_indicators_domain(back, TRN_STR("evil.test"), NULL));
    cr_assert(!trn_indicators_domain(back, TRN_STR("good.test"), NULL));
    cr_assert_eq(trn_snapshot_indicators(dir, back, found, NULL), 0);
    cr_assert_arr_eq(hash, found, sizeof hash, "loaded and saved again it has the same name");
    trn_indicators_free(x);
    trn_indicators_free(back);
    folder_done(dir);
}
