/* SPDX-License-Identifier: Apache-2.0 */
/* Does a record of the vault come out of its bytes as it went in, and is every damaged one refused? */
#include "response/execute/vault.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

static const struct trn_vault_xattr xattrs[] = {
    {{"user.empty", 10}, {"", 0}},
    {{"security.capability", 19}, {"\1\0\0\2\0\4", 6}},
};

static struct trn_vault_record whole(void)
{
    return (struct trn_vault_record){.id = 7,
                                     .state = TRN_VAULT_HELD,
                                     .copied = true,
                                     .path = TRN_STR("/opt/acme/two\nlines\x1b"),
                                     .folder_ino = 11,
                                     .folder_mode = 040755,
                                     .ino = 12,
                                     .size = 4711,
                                     .links = 2,
                                     .uid = 1000,
                                     .gid = 1001,
                                     .mode = S_IFREG | 04755,
                                     .accessed = {-1, 999999999},
                                     .modified = {1234567890, 123456789},
                                     .changed = {1, 2},
                                     .sha256 = {1, 2, 3},
                                     .held_ino = 13,
                                     .xattrs = xattrs,
                                     .n_xattrs = 2};
}

static void bytes_of(const struct trn_vault_record *r, struct trn_buf *b)
{
    trn_buf_init(b, TRN_VAULT_RECORD_MAX);
    trn_vault_record_encode(r, b);
    cr_assert(!b->bad);
}

Test(vault, a_record_survives_its_bytes)
{
    struct trn_vault_record r = whole(), got;
    struct trn_arena *arena = trn_arena_new(0);
    struct trn_buf b;

    bytes_of(&r, &b);
    cr_assert_eq(trn_vault_record_decode(trn_buf_str(&b), arena, &got), 0);
    cr_expect(trn_str_eq(got.path, r.path));
    cr_expect_eq(got.path.p[got.path.n], '\0', "it is given to the kernel");
    cr_expect_eq(got.accessed.sec, -1);
    cr_expect_eq(got.mode, r.mode);
    cr_expect_eq(got.held_ino, 13);
    cr_assert_eq(got.n_xattrs, 2);
    cr_expect(got.xattrs[0].value.p && got.xattrs[0].value.n == 0);
    cr_expect(trn_str_eq(got.xattrs[1].value, xattrs[1].value));
    trn_buf_done(&b);
    trn_arena_free(arena);
}

Test(vault, a_record_that_was_cut_or_changed_is_none)
{
    struct trn_vault_record r = whole(), got = {.id = 99};
    struct trn_buf b;

    bytes_of(&r, &b);
    trn_put_u8(&b, 0);
    for (size_t i = 0; i < b.n; i++) {
        struct trn_arena *arena = trn_arena_new(0);

        if (i != b.n - 1)
            cr_expect_eq(trn_vault_record_decode((struct trn_str){b.p, i}, arena, &got), -EPROTO, "%zu bytes", i);
        b.p[i] ^= 1;
        cr_expect_eq(trn_vault_record_decode((struct trn_str){b.p, b.n - 1}, arena, &got), i == b.n - 1 ? 0 : -EPROTO,
                     "byte %zu", i);
        b.p[i] ^= 1;
        trn_arena_free(arena);
    }
    trn_buf_done(&b);
}

Test(vault, a_record_that_makes_no_sense_is_refused)
{
    struct trn_vault_xattr odd[] = {{{"a\0b", 3}, {"", 0}}}, nameless[] = {{{"", 0}, {"", 0}}};
    struct trn_vault_record bad[8], got;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        bad[i] = whole();
    bad[0].state = TRN_VAULT_STATE_MAX;
    bad[1].path = TRN_STR("relative");
    bad[2].path = TRN_STR("/a\0b");
    bad[3].mode = S_IFDIR | 0755;
    bad[4].modified.nsec = 1000000000;
    bad[5].xattrs = odd;
    bad[6].xattrs = nameless;
    bad[5].n_xattrs = bad[6].n_xattrs = 1;
    bad[7].path = TRN_STR("/folder/");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_arena *arena = trn_arena_new(0);
        struct trn_buf b;

        bytes_of(&bad[i], &b);
        cr_expect_eq(trn_vault_record_decode(trn_buf_str(&b), arena, &got), -EPROTO, "case %zu", i);
        trn_buf_done(&b);
        trn_arena_free(arena);
    }
}

Test(vault, holes_stay_holes_and_the_end_is_kept)
{
    char from_name[] = "/tmp/turncoat-vault-XXXXXX", to_name[] = "/tmp/turncoat-vault-XXXXXX";
    TRN_AUTO(trn_fd_closep) int from = mkstemp(from_name), to = mkstemp(to_name);
    static const off_t lengths[] = {0, 1, 4096, 100000, 3 << 20};

    cr_assert(from >= 0 && to >= 0);
    (void)unlink(from_name);
    (void)unlink(to_name);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lengths); i++) {
        uint8_t a[TRN_SHA256_SIZE], b[TRN_SHA256_SIZE];
        struct stat st;

        cr_assert_eq(ftruncate(from, 0) | ftruncate(to, 0) | ftruncate(from, lengths[i]), 0);
        if (lengths[i] > 100)
            cr_assert_eq(pwrite(from, "middle", 6, lengths[i] / 2), 6);
        cr_assert_eq(trn_vault_copy(from, to), 0);
        cr_assert_eq(trn_vault_hash(from, a) | trn_vault_hash(to, b), 0);
        cr_expect_arr_eq(a, b, sizeof(a), "%lld bytes", (long long)lengths[i]);
        cr_assert_eq(fstat(to, &st), 0);
        cr_expect_eq(st.st_size, lengths[i]);
        cr_expect_lt(st.st_blocks * 512, (1 << 20), "%lld bytes", (long long)lengths[i]);
    }
}
