/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: opening an Electron archive (its files lie in it as they are) and holding it against its own header: hashes of files
 * and blocks, bytes that belong to no file, files that overlap, names that lead elsewhere.
 * Must not own: the header (src/formats/asar.c), JavaScript. Hand-offs: files become parts, nothing is copied.
 */
#include "artifact/kinds.h"
#include "artifact/trim.h"
#include "formats/formats.h"

#include <sys/stat.h>

#define WINDOW (64u << 10)
#define TOLD_MAX 100u /* findings of one sort */
#define NAME_MAX_TOLD 160

struct look {
    struct trn_look *l;
    struct trn_asar asar;
    uint8_t *window;
    uint32_t told;
};

static const char *shown(char dst[NAME_MAX_TOLD], const struct trn_asar_file *f)
{
    return trn_escape_into(dst, NAME_MAX_TOLD, f->path);
}

static int tell(struct look *k, struct trn_finding *f, const struct trn_asar_file *file, uint64_t at, uint64_t size)
{
    char name[NAME_MAX_TOLD];
    if (k->told++ >= TOLD_MAX)
        return 0;
    trn_look_evidence(k->l, f, at, size);
    if (file)
        trn_finding_add(f, "member", trn_arena_str(k->l->arena, trn_str_of(shown(name, file))));
    return trn_look_found(k->l, f);
}

static int irregular(struct look *k, const struct trn_asar_file *file, uint16_t score, const char *what)
{
    char name[NAME_MAX_TOLD] = "";
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("archive.irregular")));
    f.score = score ? score : f.score;
    if (file)
        trn_look_say(k->l, &f, "the Electron archive's file '%s' %s", shown(name, file), what);
    else
        trn_look_say(k->l, &f, "the Electron archive is not as its writer makes it: %s", what);
    bool placed = file && !file->bad_place && !file->link && !file->unpacked;
    return tell(k, &f, file, placed ? file->at : k->asar.json_at, placed ? file->size : k->asar.json_size);
}

/* ---- hashes ---- */

static bool is_packed(const struct trn_asar_file *f)
{
    return !f->link && !f->unpacked && !f->bad_place;
}

/* SHA-256 over [at, at + n). */
static int hash(struct look *k, uint64_t at, uint64_t n, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    int e = d ? 0 : -ENOMEM;
    for (uint64_t done = 0; e == 0 && done < n;) {
        int64_t got = trn_source_read(k->l->bytes, at + done, k->window, (size_t)TRN_MIN(n - done, (uint64_t)WINDOW));
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        e = trn_look_over(k->l) ? -ETIME : trn_digest_update(d, k->window, (size_t)got);
        done += (uint64_t)got;
    }
    return e < 0 ? e : trn_digest_end(d, ret, NULL);
}

static int tell_hash(struct look *k, const struct trn_asar_file *file, uint64_t at, uint64_t n, const uint8_t *told,
                     const uint8_t *is, const char *of)
{
    char name[NAME_MAX_TOLD], hex[2 * TRN_SHA256_SIZE + 1];
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("asar.integrity")));
    trn_look_say(k->l, &f,
                 "%s '%s' in the Electron archive does not have the hash that the archive states for it: it was "
                 "changed after the archive was made",
                 of, shown(name, file));
    trn_hex(told, TRN_SHA256_SIZE, hex);
    trn_finding_add(&f, "stated", trn_arena_str(k->l->arena, trn_str_of(hex)));
    trn_hex(is, TRN_SHA256_SIZE, hex);
    trn_finding_add(&f, "found", trn_arena_str(k->l->arena, trn_str_of(hex)));
    return tell(k, &f, file, at, n);
}

static int check_blocks(struct look *k, const struct trn_asar_file *file)
{
    struct trn_json j = {0};
    uint8_t told[TRN_SHA256_SIZE], is[TRN_SHA256_SIZE];
    uint64_t need = file->block ? (file->size + file->block - 1) / file->block : 0;
    if (!file->block || !file->n_blocks)
        return 0;
    bool one_more = file->size % file->block == 0 && file->n_blocks == need + 1; /* writers end with an empty block */
    if (need != file->n_blocks && !one_more)
        return irregular(k, file, 20, "has another number of block hashes than blocks");
    for (uint32_t i = 0; i < file->n_blocks; i++) {
        uint64_t from = i * file->block, n = TRN_MIN(file->size - TRN_MIN(from, file->size), file->block);
        int e = trn_asar_block(file, &j, told);
        if (e < 0)
            return irregular(k, file, 20, "has a block hash that is none");
        e = hash(k, file->at + from, n, is);
        if (e < 0)
            return e;
        if (memcmp(told, is, sizeof(is)) != 0)
            return tell_hash(k, file, file->at + from, n, told, is, "a block of"); /* the first says it */
    }
    return 0;
}

static int check_file(struct look *k, const struct trn_asar_file *file)
{
    uint8_t is[TRN_SHA256_SIZE];
    if (file->other_algorithm)
        return trn_look_gap(k->l, TRN_GAP_UNSUPPORTED, file->path, "its hash in the archive is not SHA-256");
    if (!file->has_hash)
        return 0;
    int e = hash(k, file->at, file->size, is);
    if (e < 0)
        return e;
    if (memcmp(is, file->sha256, sizeof(is)) != 0)
        return tell_hash(k, file, file->at, file->size, file->sha256, is, "the file");
    return check_blocks(k, file);
}

/* ---- places ---- */

static int compare(const void *a, const void *b)
{
    const struct trn_asar_file *x = *(const struct trn_asar_file *const *)a;
    const struct trn_asar_file *y = *(const struct trn_asar_file *const *)b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->size > y->size) - (x->size < y->size);
}

static int tell_hole(struct look *k, uint64_t at, uint64_t end)
{
    struct trn_range r = {at, end - at};
    struct trn_finding f;
    int e = trn_trim_zeros(k->l->bytes, &r);
    if (e < 0 || r.size == 0)
        return e;
    trn_finding_init(&f, trn_check_find(TRN_STR("asar.integrity")));
    trn_look_say(k->l, &f, "%llu bytes in the Electron archive belong to no file of it", (unsigned long long)r.size);
    e = tell(k, &f, NULL, r.at, r.size);
    struct trn_member m = {.name = TRN_STR("of-no-file"), .size = r.size};
    return e < 0 ? e : trn_look_part(k->l, &m, r.at, r.size);
}

static int check_places(struct look *k)
{
    struct trn_asar_file **all = trn_arena_array(k->l->arena, k->asar.n_files, sizeof(struct trn_asar_file *));
    uint64_t end = k->asar.data_at;
    size_t n = 0;
    int e = 0;
    if (!all)
        return -ENOMEM;
    for (struct trn_asar_file *f = k->asar.files; f; f = f->next)
        if ((is_packed(f) || (f->beyond && f->at < k->l->bytes->size)) && f->size)
            all[n++] = f; /* what is left of one that was cut off belongs to it */
    qsort(all, n, sizeof(struct trn_asar_file *), compare);
    for (size_t i = 0; e == 0 && i < n; i++) {
        bool same = i && all[i]->at == all[i - 1]->at && all[i]->size == all[i - 1]->size;
        if (all[i]->at > end)
            e = tell_hole(k, end, all[i]->at);
        else if (all[i]->at < end && !same) /* writers may store equal files once */
            e = irregular(k, all[i], 40, i ? "overlaps another one" : "overlaps the header");
        end = TRN_MAX(end, all[i]->beyond ? k->l->bytes->size : all[i]->at + all[i]->size);
    }
    return e == 0 && end < k->l->bytes->size && !k->asar.cut ? tell_hole(k, end, k->l->bytes->size) : e;
}

static int check_names(struct look *k, const struct trn_asar_file *f)
{
    int e = 0;
    if (f->bad_name)
        e = irregular(k, f, 0, "has a name that leads out of its folder");
    bool leads_out = f->link && (trn_str_starts(f->target, TRN_STR("/")) || trn_str_starts(f->target, TRN_STR("..")) ||
                                 trn_str_contains(f->target, TRN_STR("/../")));
    if (e == 0 && leads_out)
        e = irregular(k, f, 0, "is a link that leads out of the archive");
    if (e == 0 && f->twice)
        e = irregular(k, f, 25, "stands twice under the same name");
    if (e == 0 && f->beyond)
        return trn_look_gap(k->l, TRN_GAP_DAMAGED, f->path, "the Electron archive ends before this file does");
    if (e == 0 && f->bad_place && !f->link && !f->unpacked)
        e = irregular(k, f, 20, "lies behind the end of the archive, or nowhere");
    return e;
}

static int parse(struct look *k, struct trn_err *err)
{
    int e = trn_asar_parse(k->l->bytes, k->l->arena, &k->asar, err);
    return e == -ENOMSG ? trn_fail(err, e, "it is no Electron archive after all") : e;
}

int trn_look_asar(struct trn_look *l, struct trn_err *err)
{
    struct look k = {.l = l};
    int e = parse(&k, err);
    if (e < 0)
        return e;
    k.window = trn_arena_alloc(l->arena, WINDOW);
    if (!k.window)
        return -ENOMEM;
    if (k.asar.irregular)
        e = irregular(&k, NULL, 30, k.asar.irregular);
    for (struct trn_asar_file *f = k.asar.files; e == 0 && f; f = f->next) {
        e = check_names(&k, f);
        if (e == 0 && is_packed(f))
            e = check_file(&k, f);
    }
    if (e == 0)
        e = check_places(&k);
    if (e == 0 && k.asar.cut)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "more than %u files in an Electron archive",
                         TRN_ASAR_FILES_MAX);
    return e;
}

int trn_open_asar(struct trn_look *l, struct trn_err *err)
{
    struct look k = {.l = l};
    int e = parse(&k, err);
    for (struct trn_asar_file *f = k.asar.files; e == 0 && f; f = f->next) {
        struct trn_member m = {.name = f->path, .size = f->size, .mode = S_IFREG | (f->executable ? 0755 : 0644)};
        if (is_packed(f))
            e = trn_look_part(l, &m, f->at, f->size);
    }
    return e;
}
