/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the parser: the file as a bounded tree (parse.c), which words.c reads. */
#ifndef TRN_POLICY_TREE_H
#define TRN_POLICY_TREE_H

#include "policy/internal.h"

enum trn_node_kind { TRN_NODE_TEXT, TRN_NODE_LIST, TRN_NODE_MAP };

struct trn_policy_node {
    enum trn_node_kind kind;
    uint32_t line, column;                       /* from 1 */
    struct trn_str text;                         /* of a TEXT, in the arena */
    struct trn_policy_node *child, *last, *next; /* a MAP's children are key, value, key, value */
};

/* Fills *err and gives -EINVAL. at NULL: the file as a whole. */
int trn_policy_wrong(struct trn_policy_error *err, const struct trn_policy_node *at, const char *fmt, ...)
    TRN_PRINTF(3, 4);

/* parse.c: the file as a tree in the arena; *ret NULL: an empty file. */
int trn_policy_tree(struct trn_str file, struct trn_arena *arena, const struct trn_policy_node **ret,
                    struct trn_policy_error *err) TRN_MUST_CHECK;

/* words.c: what the tree says; root NULL: an empty file. */
int trn_policy_words(const struct trn_policy_node *root, struct trn_policy *ret, struct trn_policy_error *err)
    TRN_MUST_CHECK;

#endif
