/* SPDX-License-Identifier: Apache-2.0 */
/* Does what two rules both name stay refused when one of them ends, and does a rule leave nothing behind? */
#include "response/execute/block_index.h"

#include <criterion/criterion.h>

static const struct trn_permit_key key = {.dev = 1, .ino = 2, .ctime_ns = 3, .size = 4};

static struct trn_block_file file_of(uint64_t ino, uint8_t hash, bool spread)
{
    struct trn_block_file f = {.key = key, .has_sha256 = true, .spread = spread};
    f.key.ino = ino;
    memset(f.sha256, hash, sizeof f.sha256);
    return f;
}

static int add(struct block_index *x, uint64_t id, const struct trn_block_file *files, uint32_t n, bool closed)
{
    const struct trn_block_rule r = {.id = id, .files = files, .n_files = n, .fail_closed = closed};
    return block_index_add(x, &r);
}

Test(block_index, a_file_is_refused_as_long_as_a_rule_names_it)
{
    struct block_index *x = block_index_new();
    const struct trn_block_file f = file_of(2, 0xaa, true);
    cr_assert_eq(add(x, 1, &f, 1, false), 0);
    cr_assert_eq(add(x, 2, &f, 1, false), 0);
    cr_expect_eq(add(x, 2, &f, 1, false), -EEXIST);
    cr_expect_eq(block_index_file(x, &key), BLOCK_REFUSED);
    cr_expect_eq(block_index_remove(x, 1), 0);
    cr_expect_eq(block_index_file(x, &key), BLOCK_REFUSED);
    cr_expect(block_index_content(x, f.sha256, 4));
    cr_expect_eq(block_index_remove(x, 2), 0);
    cr_expect_eq(block_index_remove(x, 2), -ENOENT);
    cr_expect_eq(block_index_file(x, &key), BLOCK_STRANGER);
    cr_expect_not(block_index_content(x, f.sha256, 4));
    cr_expect_not(block_index_may_be(x, 4));
    const struct block_index_counts n = block_index_counts(x);
    cr_expect_eq(n.rules + n.files + n.contents, 0);
    block_index_free(x);
}

Test(block_index, another_content_of_a_known_file_is_not_the_content)
{
    struct block_index *x = block_index_new();
    const struct trn_block_file f = file_of(2, 0xaa, true);
    struct trn_permit_key changed = key, other = key;
    changed.ctime_ns++;
    other.ino = 7;
    cr_assert_eq(add(x, 1, &f, 1, false), 0);
    cr_expect_eq(block_index_file(x, &changed), BLOCK_CHANGED);
    cr_expect_eq(block_index_file(x, &other), BLOCK_STRANGER);
    block_index_free(x);
}

Test(block_index, a_path_rule_refuses_whatever_is_there)
{
    struct block_index *x = block_index_new();
    const struct trn_block_file f = file_of(2, 0xaa, true);
    const struct trn_block_rule r = {.id = 1, .files = &f, .n_files = 1, .path = "/srv/bad"};
    struct trn_permit_key changed = key;
    changed.size++;
    cr_assert_eq(block_index_add(x, &r), 0);
    cr_expect_eq(block_index_file(x, &changed), BLOCK_REFUSED);
    cr_expect_not(block_index_may_be(x, 4)); /* copies elsewhere are not meant */
    cr_expect_str_eq(block_index_paths(x)->base, "bad");
    changed.ino = 9;
    cr_expect_eq(block_index_add_file(x, 5, &changed), -ENOENT);
    cr_assert_eq(block_index_add_file(x, 1, &changed), 0);
    cr_expect_eq(block_index_file(x, &changed), BLOCK_REFUSED);
    cr_assert_eq(block_index_remove(x, 1), 0);
    cr_expect_eq(block_index_file(x, &changed), BLOCK_STRANGER);
    cr_expect_null(block_index_paths(x));
    block_index_free(x);
}

Test(block_index, sizes_say_what_is_worth_to_be_hashed)
{
    struct block_index *x = block_index_new();
    const struct trn_block_content any = {.size = TRN_NO_U64, .sha256 = {1}};
    const struct trn_block_rule r = {.id = 2, .contents = &any, .n_contents = 1, .fail_closed = true};
    const struct trn_block_file files[] = {file_of(2, 0xaa, true), file_of(3, 0xbb, false)};
    cr_assert_eq(add(x, 1, files, 2, false), 0);
    cr_expect(block_index_may_be(x, 4));
    cr_expect_not(block_index_may_be(x, 5));
    cr_expect_not(block_index_may_be_closed(x, 4));
    cr_expect_not(block_index_content(x, files[1].sha256, 4)); /* not spread */
    cr_assert_eq(block_index_add(x, &r), 0);
    cr_expect(block_index_may_be(x, 5));
    cr_expect(block_index_may_be_closed(x, 5));
    cr_expect(block_index_content(x, any.sha256, 5));
    cr_assert_eq(block_index_remove(x, 2), 0);
    cr_expect_not(block_index_may_be(x, 5));
    cr_expect(block_index_may_be(x, 4));
    block_index_free(x);
}

Test(block_index, a_rule_that_finds_no_room_leaves_nothing)
{
    struct block_index *x = block_index_new();
    struct trn_block_file *files = calloc(TRN_BLOCKER_FILES + 1u, sizeof *files);
    for (uint32_t i = 0; i <= TRN_BLOCKER_FILES; i++) {
        files[i].key.ino = i + 1;
        files[i].spread = files[i].has_sha256 = true;
        memcpy(files[i].sha256, &i, sizeof i);
    }
    cr_expect_eq(add(x, 1, files, TRN_BLOCKER_FILES + 1u, true), -ENOSPC);
    cr_expect_eq(block_index_counts(x).files, 0);
    cr_expect_not(block_index_may_be_closed(x, 0));
    for (uint64_t id = 1; id <= TRN_BLOCKER_RULES; id++)
        cr_assert_eq(add(x, id, &files[id], 1, false), 0);
    cr_expect_eq(add(x, TRN_BLOCKER_RULES + 1u, files, 1, false), -ENOSPC);
    cr_assert_eq(block_index_remove(x, 9), 0);
    cr_expect_eq(add(x, TRN_BLOCKER_RULES + 1u, files, 1, false), 0);
    block_index_free(x);
    free(files);
}

Test(block_index, build_ids)
{
    struct block_index *x = block_index_new();
    const struct trn_block_rule r = {.id = 1, .build_id = {"\1\2\3\4", 4}, .fail_closed = true};
    cr_assert_eq(block_index_add(x, &r), 0);
    cr_expect(block_index_build_id(x, (struct trn_str){"\1\2\3\4", 4}));
    cr_expect_not(block_index_build_id(x, (struct trn_str){"\1\2\3", 3}));
    cr_expect_not(block_index_build_id(x, TRN_STR_NONE));
    cr_expect(block_index_may_be_closed(x, 12345));
    cr_assert_eq(block_index_remove(x, 1), 0);
    cr_expect_eq(block_index_counts(x).build_ids, 0);
    cr_expect_not(block_index_may_be_closed(x, 12345));
    block_index_free(x);
}

Test(block_index, a_number_that_was_given_away_is_another_file)
{
    struct block_index *x = block_index_new();
    struct trn_permit_key later = key;
    const struct trn_block_file f = file_of(2, 0xaa, true);
    later.ctime_ns = 30;
    cr_assert_eq(add(x, 1, &f, 1, false), 0);
    cr_expect_not(block_index_is_newer(x, &key, 2), "it is as old as it was");
    cr_expect_not(block_index_is_newer(x, &key, 3), "known since it was made");
    cr_expect(block_index_is_newer(x, &key, 4));
    cr_assert_eq(block_index_add_file(x, 1, &later), 0);
    cr_expect_not(block_index_is_newer(x, &key, 4), "that one is known by now");
    cr_expect(block_index_is_newer(x, &key, 31));
    block_index_free(x);
}
