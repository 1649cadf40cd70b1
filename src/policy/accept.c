/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of a file of accepted changes. Must not own: its syntax (parse.c). Every entry says everything: what is not
 * bound to one content, one version and an end would accept what nobody has looked at. Runs in a strict worker.
 */
#include "policy/accept.h"
#include "policy/tree.h"

#include <stdio.h>

struct reader {
    struct trn_accept *entry;
    struct trn_policy_error *err;
};

static void hint(struct reader *r, const char *text)
{
    (void)snprintf(r->err->hint, sizeof(r->err->hint), "%s", text);
}

#define WRONG(r, at, ...) trn_policy_wrong((r)->err, at, __VA_ARGS__)

static int copy(struct reader *r, const struct trn_policy_node *v, const char *key, char *dst, size_t size, bool needed)
{
    if (v->kind != TRN_NODE_TEXT)
        return WRONG(r, v, "'%s' is one text", key);
    if (needed && v->text.n == 0)
        return WRONG(r, v, "'%s' says nothing", key);
    if (v->text.n >= size)
        return WRONG(r, v, "'%s' is longer than %zu bytes", key, size - 1);
    if (v->text.n)
        memcpy(dst, v->text.p, v->text.n);
    dst[v->text.n] = '\0';
    return 0;
}

static int read_check(struct reader *r, const struct trn_policy_node *v)
{
    char shown[120];
    int e = copy(r, v, "check", r->entry->check, sizeof(r->entry->check), true);
    bool family = trn_str_ends(v->text, TRN_STR(".*"));
    if (e < 0 || (!family && trn_check_find(v->text)) || (!family && trn_str_starts(v->text, TRN_STR("yara."))))
        return e;
    e = WRONG(r, v, "check: there is no check '%s'", trn_escape_into(shown, sizeof(shown), v->text));
    hint(r, "turncoat explain lists them; as the report says it, without '*'");
    return e;
}

static int read_path(struct reader *r, const struct trn_policy_node *v)
{
    return copy(r, v, "path", r->entry->path, sizeof(r->entry->path), true);
}

static int read_sha256(struct reader *r, const struct trn_policy_node *v)
{
    if (v->kind == TRN_NODE_TEXT && trn_unhex(v->text, r->entry->sha256, TRN_SHA256_SIZE) == 0)
        return 0;
    int e = WRONG(r, v, "sha256: 64 hexadecimal digits are expected");
    hint(r, "of the file as it is in the new release: turncoat diff --json says it");
    return e;
}

static int read_version(struct reader *r, const struct trn_policy_node *v)
{
    return copy(r, v, "version", r->entry->version, sizeof(r->entry->version), false);
}

static int read_reason(struct reader *r, const struct trn_policy_node *v)
{
    return copy(r, v, "reason", r->entry->reason, sizeof(r->entry->reason), true);
}

static int read_expires(struct reader *r, const struct trn_policy_node *v)
{
    char shown[60];
    if (v->kind == TRN_NODE_TEXT && trn_accept_day(v->text, &r->entry->expires) == 0)
        return 0;
    int e = WRONG(r, v, "expires: '%s' is no day",
                  v->kind == TRN_NODE_TEXT ? trn_escape_into(shown, sizeof(shown), v->text) : "");
    hint(r, "the last day on which it holds: 2027-01-31");
    return e;
}

static const struct {
    const char *name;
    int (*read)(struct reader *r, const struct trn_policy_node *value);
} KEYS[] = {
    {"check", read_check},     {"path", read_path},     {"sha256", read_sha256},
    {"version", read_version}, {"reason", read_reason}, {"expires", read_expires},
};

static int unknown(struct reader *r, const struct trn_policy_node *key)
{
    char shown[120];
    int e = WRONG(r, key, "there is no key '%s' here",
                  key->kind == TRN_NODE_TEXT ? trn_escape_into(shown, sizeof(shown), key->text) : "");
    hint(r, "known: check, path, sha256, version, reason, expires");
    return e;
}

static int read_entry(struct reader *r, const struct trn_policy_node *entry)
{
    unsigned seen = 0;
    if (entry->kind != TRN_NODE_MAP)
        return WRONG(r, entry, "an entry has keys: check, path, sha256, version, reason, expires");
    for (const struct trn_policy_node *key = entry->child; key && key->next; key = key->next->next) {
        size_t k = 0;
        while (k < TRN_ARRAY_SIZE(KEYS) && !(key->kind == TRN_NODE_TEXT && trn_str_eq_c(key->text, KEYS[k].name)))
            k++;
        if (k == TRN_ARRAY_SIZE(KEYS))
            return unknown(r, key);
        if (seen & 1u << k)
            return WRONG(r, key, "'%s' stands there twice", KEYS[k].name);
        seen |= 1u << k;
        int e = KEYS[k].read(r, key->next);
        if (e < 0)
            return e;
    }
    for (size_t k = 0; k < TRN_ARRAY_SIZE(KEYS); k++)
        if (!(seen & 1u << k)) {
            int e = WRONG(r, entry, "'%s' is missing in this entry", KEYS[k].name);
            hint(r, "each entry is bound to a check, a path, a content and a version, with a reason and an end");
            return e;
        }
    r->entry->line = entry->line;
    return 0;
}

static int read_list(struct reader *r, const struct trn_policy_node *list, struct trn_accept_list *ret)
{
    if (list->kind == TRN_NODE_TEXT && list->text.n == 0)
        return 0; /* "accept:" with nothing behind it */
    if (list->kind != TRN_NODE_LIST)
        return WRONG(r, list, "'accept' is a list of entries");
    for (const struct trn_policy_node *n = list->child; n; n = n->next) {
        if (ret->n == TRN_ACCEPT_MAX)
            return WRONG(r, n, "too many entries: at most %u", TRN_ACCEPT_MAX);
        r->entry = &ret->entries[ret->n];
        int e = read_entry(r, n);
        if (e < 0)
            return e;
        ret->n++;
    }
    return 0;
}

int trn_accept_parse(struct trn_str file, struct trn_accept_list *ret, struct trn_policy_error *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(4u << 20);
    const struct trn_policy_node *root = NULL;
    struct reader r = {.err = err};
    *ret = (struct trn_accept_list){.n = 0};
    int e = trn_policy_tree(file, arena, &root, err);
    if (e < 0 || !root || (root->kind == TRN_NODE_TEXT && root->text.n == 0))
        return e;
    if (root->kind != TRN_NODE_MAP) {
        e = WRONG(&r, root, "the file has one key: accept");
        return e;
    }
    for (const struct trn_policy_node *key = root->child; e == 0 && key && key->next; key = key->next->next) {
        bool known = key->kind == TRN_NODE_TEXT && trn_str_eq_c(key->text, "accept");
        if (!known || key != root->child) {
            e = WRONG(&r, key, known ? "'accept' stands there twice" : "there is no such key here");
            hint(&r, "known: accept");
            return e;
        }
        e = read_list(&r, key->next, ret);
    }
    if (e < 0)
        return e;
    TRN_AUTO(trn_buf_done) struct trn_buf bytes;
    trn_buf_init(&bytes, TRN_POLICY_WORDS);
    trn_accept_encode(ret, &bytes);
    return bytes.bad ? WRONG(&r, NULL, "it says too much: %u KB at most, when packed", TRN_POLICY_WORDS >> 10) : 0;
}
