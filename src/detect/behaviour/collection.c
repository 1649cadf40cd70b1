/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.collection: keys, credentials and the like read by a software that never read such, or three kinds of
 * private data within two minutes. Browsers' data of one kind alone is behaviour.browser-data's.
 * Must not: judge what happens with the data afterwards.
 */
#include "detect/behaviour/reads.h"

#define READERS 1024
#define KINDS 8
#define KIND_LENGTH 24
#define WITHIN_NS (120 * TRN_NS_PER_SEC)
#define MANY 3
#define SCORE_MANY 35
#define SCORE_NOTE 20
#define SCORE_SESSION 15

struct kind {
    uint64_t boot_ns, seq;
    uint8_t n;
    bool ordinary;
    char text[KIND_LENGTH];
};

struct reader { /* one tree of processes */
    struct kind kinds[KINDS];
    uint32_t n, told; /* told: how many kinds the last finding named */
};

struct trn_collection {
    struct trn_map *readers; /* root -> struct reader *, oldest first */
};

struct trn_collection *trn_collection_new(void)
{
    struct trn_collection *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->readers = trn_map_new(READERS);
    return c->readers ? c : trn_collection_free(c);
}

struct trn_collection *trn_collection_free(struct trn_collection *c)
{
    if (c) {
        uint64_t key, row;
        for (size_t it = 0; c->readers && trn_map_next(c->readers, &it, &key, &row);)
            free((void *)(uintptr_t)row);
        trn_map_free(c->readers);
        free(c);
    }
    return NULL;
}

static void forget(struct trn_collection *c, uint64_t root)
{
    uint64_t row;
    if (trn_map_remove(c->readers, root, &row))
        free((void *)(uintptr_t)row);
}

void trn_collection_exit(struct trn_collection *c, const struct trn_event *ev)
{
    forget(c, ev->entity);
}

static struct reader *reader_of(struct trn_collection *c, uint64_t root)
{
    struct reader *row = trn_map_get_ptr(c->readers, root);
    size_t it = 0;
    uint64_t oldest;
    if (row)
        return row;
    if (trn_map_count(c->readers) >= READERS && trn_map_next(c->readers, &it, &oldest, NULL))
        forget(c, oldest);
    row = calloc(1, sizeof(*row));
    if (row && trn_map_put_ptr(c->readers, root, row)) {
        free(row);
        return NULL;
    }
    return row;
}

static bool is_browsers(const struct trn_read *r)
{
    return trn_str_starts(r->klass, TRN_STR("browser-"));
}

static bool is_ordinary(const struct trn_read *r)
{
    return r->has_novelty && trn_novelty_mature(&r->novelty) && r->novelty.state == TRN_FEATURE_ORDINARY;
}

/* All that browsers keep is one kind. Kinds of more than two minutes ago are over. */
static void note(struct reader *row, const struct trn_read *r)
{
    struct trn_str text = is_browsers(r) ? TRN_STR("browser") : trn_str_slice(r->klass, 0, KIND_LENGTH);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        const struct kind *k = &row->kinds[i];
        bool over = k->boot_ns + WITHIN_NS < r->boot_ns || trn_str_eq((struct trn_str){k->text, k->n}, text);
        if (!over)
            row->kinds[kept++] = *k;
    }
    if (kept < row->n && kept == 0)
        row->told = 0;
    if (kept == KINDS)
        memmove(&row->kinds[0], &row->kinds[1], --kept * sizeof(row->kinds[0]));
    struct kind *k = &row->kinds[kept++];
    *k = (struct kind){.boot_ns = r->boot_ns, .seq = r->seq, .n = (uint8_t)text.n, .ordinary = is_ordinary(r)};
    for (size_t i = 0; i < text.n; i++)
        k->text[i] = text.p[i];
    row->n = kept;
}

/* ---- telling ---- */

/* "SSH keys" for "ssh-key"; the class itself when it has no words. */
static void put_class(struct trn_buf *b, struct trn_str klass)
{
    static const struct {
        const char *klass, *words;
    } table[] = {
        {"ssh-key", "SSH keys"},
        {"gpg-key", "GnuPG keys"},
        {"cloud-credentials", "credentials of cloud services"},
        {"keyring", "keyrings"},
        {"wallet", "wallets"},
        {"shell-history", "the history of shells"},
        {"shadow", "the passwords of users"},
        {"browser", "data of browsers"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_str_eq_c(klass, table[i].klass)) {
            trn_put_c(b, table[i].words);
            return;
        }
    trn_escape(b, klass);
}

static void put_kinds(struct trn_buf *b, const struct reader *row)
{
    for (uint32_t i = 0; i < row->n; i++) {
        trn_put_c(b, i == 0 ? "" : i + 1 == row->n ? " and " : ", ");
        put_class(b, (struct trn_str){row->kinds[i].text, row->kinds[i].n});
    }
}

static int report(const struct trn_detect_ctx *ctx, struct trn_arena *a, struct trn_finding *f, struct trn_buf *b,
                  const struct trn_read *r, struct trn_str weight, uint64_t salt)
{
    f->summary = trn_keep(a, b);
    trn_buf_clear(b);
    f->boot_ns = r->boot_ns;
    f->wall_ns = r->wall_ns;
    f->telemetry = TRN_TEL_FILE;
    trn_finding_event(f, r->seq);
    trn_finding_add(f, "path", r->path);
    trn_finding_add(f, "class", r->klass);
    trn_finding_add(f, "program", r->entity->image.path);
    if (r->has_novelty) {
        trn_novelty_words(&r->novelty, b);
        trn_finding_add(f, "novelty", trn_keep(a, b));
    }
    trn_finding_add(f, "weight", weight);
    return f->summary.p ? trn_report(ctx, f, salt) : -ENOMEM;
}

static int begin(const struct trn_detect_ctx *ctx, const struct trn_read *r, struct trn_arena **ret_a,
                 struct trn_finding *f)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.collection"));
    if (!check)
        return -ENOENT;
    *ret_a = trn_arena_new(65536);
    if (!*ret_a)
        return -ENOMEM;
    trn_finding_init(f, check);
    trn_subject(ctx->processes, r->entity, f);
    return 0;
}

/* A kind of data that this software never read; told once a version. */
static int tell_new(const struct trn_detect_ctx *ctx, const struct trn_read *r, uint16_t score, struct trn_str weight)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = NULL;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_finding f;
    trn_buf_init(&b, 8192);
    int err = begin(ctx, r, &a, &f);
    if (err)
        return err;
    f.score = score;
    trn_put_c(&b, "read ");
    put_class(&b, r->klass);
    trn_put_c(&b, ": ");
    trn_put_path(&b, r->path);
    uint64_t salt = trn_hash64_mix(trn_hash64_str(f.software.name), trn_hash64_str(f.software.version));
    return report(ctx, a, &f, &b, r, weight, trn_hash64_mix(salt, trn_hash64_str(r->klass)));
}

static int tell_many(const struct trn_detect_ctx *ctx, const struct trn_read *r, const struct reader *row,
                     uint16_t score, struct trn_str weight)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = NULL;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_finding f;
    trn_buf_init(&b, 8192);
    int err = begin(ctx, r, &a, &f);
    if (err)
        return err;
    f.score = score;
    put_kinds(&b, row);
    trn_finding_add(&f, "kinds", trn_keep(a, &b));
    trn_buf_clear(&b);
    for (uint32_t i = 0; i < row->n; i++)
        trn_finding_event(&f, row->kinds[i].seq);
    trn_put_fmt(&b, "read %u kinds of private data in ", row->n);
    trn_put_span(&b, r->boot_ns - row->kinds[0].boot_ns);
    trn_put_c(&b, ": ");
    put_kinds(&b, row);
    return report(ctx, a, &f, &b, r, weight, trn_hash64_mix(r->root->id, MANY));
}

static bool all_ordinary(const struct reader *row)
{
    for (uint32_t i = 0; i < row->n; i++)
        if (!row->kinds[i].ordinary)
            return false;
    return true;
}

static uint16_t weigh_many(const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                           const struct trn_read *r, struct trn_str *ret_why)
{
    uint16_t score = trn_read_weight(r, SCORE_MANY, ret_why);
    bool young = !r->has_novelty || !trn_novelty_mature(&r->novelty);
    if (r->session)
        return SCORE_SESSION;
    /* Of a kind that is ordinary, while another is not. */
    if (score == 0)
        score = SCORE_MANY;
    if (young && score > SCORE_NOTE && !trn_contacts_of(contacts, ctx->processes, r->entity)) {
        *ret_why = TRN_STR("without history, and it talked to nobody");
        score = SCORE_NOTE;
    }
    return score;
}

int trn_collection_read(struct trn_collection *c, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                        const struct trn_read *r, uint16_t *ret_weight)
{
    struct reader *row = reader_of(c, r->root->id);
    struct trn_str why;
    int err = 0;
    if (!row)
        return -ENOMEM;
    note(row, r);
    bool mature = r->has_novelty && trn_novelty_mature(&r->novelty);
    if (mature && !r->session && !is_browsers(r) && !is_ordinary(r)) {
        uint16_t score = trn_read_weight(r, trn_check_find(TRN_STR("behaviour.collection"))->score, &why);
        *ret_weight = TRN_MAX(*ret_weight, score);
        if (r->novelty.state == TRN_FEATURE_NEW || r->novelty.first_in_version)
            err = tell_new(ctx, r, score, why);
    }
    if (err || row->n < MANY || all_ordinary(row))
        return err;
    uint16_t score = weigh_many(ctx, contacts, r, &why);
    *ret_weight = TRN_MAX(*ret_weight, score);
    if (row->n <= row->told)
        return 0;
    row->told = row->n;
    return tell_many(ctx, r, row, score, why);
}

size_t trn_collection_bytes(const struct trn_collection *c)
{
    return sizeof(*c) + trn_map_bytes(c->readers) + trn_map_count(c->readers) * sizeof(struct reader);
}
