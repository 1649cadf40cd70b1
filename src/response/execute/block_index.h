/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the blocker only: what rules name, to be looked up at once. No lock, no kernel. */
#ifndef TRN_RESPONSE_EXECUTE_BLOCK_INDEX_H
#define TRN_RESPONSE_EXECUTE_BLOCK_INDEX_H

#include "response/execute/blocker.h"

#define BLOCK_BUILD_ID_MAX 64u

struct block_path {
    struct block_path *next;
    uint64_t rule;
    int folder; /* O_PATH, owned; -1: not there now */
    int watch;  /* of inotify; -1 */
    uint64_t folder_dev, folder_ino;
    char *base; /* of the real path: what its last link is called */
    char *path; /* as it was given */
};

struct block_index;

struct block_index *block_index_new(void) TRN_MUST_CHECK;
struct block_index *block_index_free(struct block_index *x);
/* All of the rule, or nothing: -EEXIST, -ENOSPC, -ENOMEM. Its path comes as block_index_path. */
int block_index_add(struct block_index *x, const struct trn_block_rule *r) TRN_MUST_CHECK;
int block_index_remove(struct block_index *x, uint64_t id) TRN_MUST_CHECK; /* -ENOENT */
/* One more file of a path rule: refused whatever it holds. */
int block_index_add_file(struct block_index *x, uint64_t rule, const struct trn_permit_key *key) TRN_MUST_CHECK;

enum block_known { BLOCK_STRANGER, BLOCK_CHANGED, BLOCK_REFUSED }; /* CHANGED: the file is, its content is another */
enum block_known block_index_file(const struct block_index *x, const struct trn_permit_key *key);
/* Whether it was born after all that is known of its number: that was another file, which is gone. */
bool block_index_is_newer(const struct block_index *x, const struct trn_permit_key *key, uint64_t born_ns);
/* Could a content of this size be meant: is it worth to be hashed? */
bool block_index_may_be(const struct block_index *x, uint64_t size);
bool block_index_may_be_closed(const struct block_index *x, uint64_t size); /* by a rule that fails closed */
bool block_index_content(const struct block_index *x, const uint8_t sha256[TRN_SHA256_SIZE], uint64_t size);
bool block_index_build_id(const struct block_index *x, struct trn_str build_id);
struct block_path *block_index_paths(const struct block_index *x); /* the first of a list */

struct block_index_counts {
    uint32_t rules, files, contents, build_ids, paths;
};
struct block_index_counts block_index_counts(const struct block_index *x);

#endif
