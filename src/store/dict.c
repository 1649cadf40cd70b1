/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: texts as small numbers. Must not own: what the texts are.
 * Hand-offs: numbers stay valid until the text is swept (prune.c), which empties the cache here.
 */
#include "store/db.h"

static int64_t dict_base_hash(struct trn_str path)
{
    return (int64_t)trn_hash64_str(trn_path_base(path));
}

static struct trn_dict_entry *slot(struct trn_store *s, uint64_t hash)
{
    return &s->dict[hash % TRN_DICT_CACHE];
}

static bool cached(const struct trn_dict_entry *e, uint64_t hash, struct trn_str text)
{
    return e->id && e->hash == hash && trn_str_eq((struct trn_str){e->text, e->n}, text);
}

/* Remembering is only for speed: no memory, no entry. */
static void remember(struct trn_store *s, uint64_t hash, struct trn_str text, int64_t id)
{
    struct trn_dict_entry *e = slot(s, hash);
    char *copy;

    if (text.n > 512 || (copy = malloc(text.n + 1)) == NULL)
        return;
    for (size_t i = 0; i < text.n; i++)
        copy[i] = text.p[i];
    free(e->text);
    *e = (struct trn_dict_entry){.hash = hash, .id = id, .text = copy, .n = text.n};
}

void trn_dict_forget(struct trn_store *s)
{
    for (size_t i = 0; i < TRN_DICT_CACHE; i++) {
        free(s->dict[i].text);
        s->dict[i] = (struct trn_dict_entry){0};
    }
}

int trn_dict_find(struct trn_store *s, struct trn_str text, int64_t *ret, struct trn_err *err)
{
    uint64_t hash = trn_hash64_str(text);

    *ret = 0;
    if (text.p == NULL)
        return 0;
    if (cached(slot(s, hash), hash, text)) {
        *ret = slot(s, hash)->id;
        return 0;
    }
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_STRING_FIND);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "look up a text");
    sqlite3_bind_int64(q, 1, (int64_t)hash);
    trn_db_bind_text(q, 2, text);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return trn_db_fail(s, rc, err, "look up a text");
    if (*ret)
        remember(s, hash, text, *ret);
    return 0;
}

int trn_dict_intern(struct trn_store *s, struct trn_str text, int64_t *ret, struct trn_err *err)
{
    *ret = 0;
    if (text.p == NULL || text.n > TRN_STRING_MAX)
        return 0;
    int r = trn_dict_find(s, text, ret, err);
    if (r < 0 || *ret)
        return r;

    uint64_t hash = trn_hash64_str(text);
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_STRING_PUT);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "store a text");
    sqlite3_bind_int64(q, 1, (int64_t)hash);
    if (text.n && text.p[0] == '/')
        sqlite3_bind_int64(q, 2, dict_base_hash(text));
    trn_db_bind_text(q, 3, text);
    r = trn_db_run(s, q, err, "store a text");
    if (r < 0)
        return r;
    *ret = sqlite3_last_insert_rowid(s->db);
    remember(s, hash, text, *ret);
    return 0;
}
