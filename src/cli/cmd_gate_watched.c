/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is said of watched software in 'turncoat gate status' and 'list': which of its packages are kept, and the one
 * command that goes back to the one before.
 * Must not: run that command, or guess what is installed: the newest kept package is the one that was let through last.
 */
#include "cli/gate.h"

#define SHOWN_MAX 4096u

struct row { /* of one name and architecture, the newest two */
    char name[160], file[2][300];
    unsigned n;
};

struct rows {
    const struct trn_gate_config *config;
    struct row *all; /* owned */
    size_t n;
};

static struct trn_str arch_of(struct trn_str file)
{
    size_t at = file.n;
    while (at > 0 && file.p[at - 1] != '_')
        at--;
    return trn_str_slice(file, at, file.n);
}

static struct row *row_of(struct rows *r, struct trn_str name, struct trn_str file)
{
    for (size_t i = 0; i < r->n; i++)
        if (trn_str_eq_c(name, r->all[i].name) && trn_str_eq(arch_of(trn_str_of(r->all[i].file[0])), arch_of(file)))
            return &r->all[i];
    struct row *more = r->n < SHOWN_MAX ? reallocarray(r->all, r->n + 1, sizeof(*more)) : NULL;
    if (!more)
        return NULL;
    r->all = more;
    r->all[r->n] = (struct row){0};
    (void)snprintf(r->all[r->n].name, sizeof(r->all->name), "%.*s", TRN_STR_ARG(name));
    return &r->all[r->n++];
}

static void on_kept(void *ctx, struct trn_str name, struct trn_str file, uint64_t wall_ns)
{
    struct rows *r = ctx;
    struct row *row = trn_gate_is_watched(r->config, name) ? row_of(r, name, file) : NULL;
    (void)wall_ns;
    if (row && row->n < TRN_ARRAY_SIZE(row->file))
        (void)snprintf(row->file[row->n++], sizeof(row->file[0]), "%.*s", TRN_STR_ARG(file));
}

/* "1%3a2.0_amd64.deb" is the version 1:2.0. */
static void put_version(struct trn_buf *b, const char *file)
{
    const char *end = strrchr(file, '_');
    for (const char *p = file; *p && p != end; p++) {
        bool colon = strncmp(p, "%3a", 3) == 0;
        char c = *p;
        trn_put_u8(b, (uint8_t)(colon ? ':' : c));
        p += colon ? 2 : 0;
    }
}

static void put_command(struct trn_buf *b, const char *state, const struct row *row)
{
    struct trn_str s = trn_str_of(state);
    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    trn_put_fmt(b, "dpkg -i '%.*s-gate/kept/%s/%s'", TRN_STR_ARG(s), row->name, row->file[1]);
}

static bool is_kept(const struct rows *r, const char *pattern)
{
    for (size_t i = 0; i < r->n; i++)
        if (trn_glob(trn_str_of(pattern), trn_str_of(r->all[i].name), false))
            return true;
    return false;
}

void trn_gate_put_watched(const struct trn_gate_config *c, const char *state, int folder, struct trn_buf *b)
{
    struct rows r = {.config = c};
    trn_gate_kept_each(folder, on_kept, &r);
    for (size_t i = 0; i < r.n; i++) {
        const struct row *row = &r.all[i];
        trn_put_fmt(b, "watched       %s ", row->name);
        put_version(b, row->file[0]);
        if (row->n < 2) {
            trn_put_c(b, ", the one before it is not kept\n");
            continue;
        }
        trn_put_c(b, ", back to ");
        put_version(b, row->file[1]);
        trn_put_c(b, ": sudo ");
        put_command(b, state, row);
        trn_put_c(b, "\n");
    }
    for (unsigned i = 0; i < c->n_watched; i++)
        if (!is_kept(&r, c->watched[i]))
            trn_put_fmt(b, "watched       %s, nothing of it is kept yet\n", c->watched[i]);
    free(r.all);
}

static json_t *version_json(const char *file)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 512);
    put_version(&b, file);
    return json_stringn(b.p ? b.p : "", b.n);
}

json_t *trn_gate_watched_json(const struct trn_gate_config *c, const char *state, int folder)
{
    struct rows r = {.config = c};
    json_t *all = json_array();
    trn_gate_kept_each(folder, on_kept, &r);
    for (size_t i = 0; i < r.n; i++) {
        const struct row *row = &r.all[i];
        json_t *o = json_pack("{s:s, s:[]}", "package", row->name, "kept"), *kept = json_object_get(o, "kept");
        for (unsigned k = 0; k < row->n; k++)
            json_array_append_new(kept, version_json(row->file[k]));
        if (row->n == 2) {
            TRN_AUTO(trn_buf_done) struct trn_buf b;
            trn_buf_init(&b, TRN_GATE_PATH_MAX);
            put_command(&b, state, row);
            json_object_set_new(o, "back", json_stringn(b.p ? b.p : "", b.n));
        }
        json_array_append_new(all, o);
    }
    free(r.all);
    return all;
}
