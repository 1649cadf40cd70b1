/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: from a bundle of sources to compiled rules; which file does not compile, and why.
 * Must not: open a file (includes are refused), scan, let one bad file cost another.
 *
 * libyara's compiler cannot go on after an error. So all files go into one compiler, which is the cheapest when all are good;
 * at the first bad one the rest is tried each alone (parsing only, no automaton), and the good ones are compiled once more.
 */
#include "artifact/yara_internal.h"
#include "software/software.h"

#include <stdio.h>

#define OUR_VERSION "turncoat-yara-2"
#define MATCH_DATA \
    0 /* bytes of a match that libyara copies: with any, its next match is not aligned; we read the content */

struct job {
    struct trn_yara_file *files;
    size_t n;
    struct trn_yara_rules *r;
};

struct said { /* the first error of one file */
    int line;
    char why[TRN_YARA_WHY_MAX];
};

static void files_done(struct job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        free(j->files[i].name);
        free(j->files[i].text);
        free(j->files[i].reduced);
        free(j->files[i].quiet.v);
    }
    free(j->files);
}

static void destroy_compiler(YR_COMPILER **c)
{
    if (*c)
        yr_compiler_destroy(*c);
}

/* ---- sources ---- */

static int take_file(struct job *j, const struct trn_bundle_entry *e, int fd, uint64_t *total, struct trn_err *err)
{
    struct trn_yara_file *f = &j->files[j->n];
    if (e->size > TRN_YARA_SOURCE_MAX - *total)
        return trn_fail(err, -EFBIG, "the YARA files have more than %llu MiB together", TRN_YARA_SOURCE_MAX >> 20);
    *total += e->size;
    *f = (struct trn_yara_file){.n = (size_t)e->size, .text = malloc((size_t)e->size + 1)};
    f->path = trn_arena_str(j->r->arena, (struct trn_str){e->name, e->name_length});
    f->name = strndup(e->name, e->name_length);
    j->n++;
    if (!f->text || !f->name || !f->path.p)
        return trn_fail(err, -ENOMEM, "cannot read the YARA files: out of memory");
    f->text[f->n] = '\0';
    int got = trn_pread_full(fd, f->text, f->n, e->offset);
    return got < 0 ? trn_fail(err, got, "cannot read the YARA files: %s", trn_errno_name(got)) : 0;
}

static int take_files(struct job *j, int fd, struct trn_err *err)
{
    struct trn_bundle_reader r;
    struct trn_bundle_entry entry;
    uint64_t total = 0;
    size_t cap = 0;
    int e = trn_bundle_open(fd, &r, err);
    while (e == 0 && (e = trn_bundle_next(&r, &entry, err)) == 1) {
        if (j->n == TRN_YARA_FILES_MAX)
            return trn_fail(err, -EFBIG, "more than %u YARA files", TRN_YARA_FILES_MAX);
        if (j->n == cap) {
            cap = cap ? cap * 2 : 64;
            struct trn_yara_file *more = reallocarray(j->files, cap, sizeof(*more));
            if (!more)
                return trn_fail(err, -ENOMEM, "cannot read the YARA files: out of memory");
            j->files = more;
        }
        e = take_file(j, &entry, fd, &total, err);
    }
    return e;
}

/* What the compiled rules depend on: every byte of every source, libyara's version, ours. */
static int key_of(const struct job *j, uint8_t key[TRN_YARA_KEY])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    static const char versions[] = OUR_VERSION " " TRN_VERSION " libyara " YR_VERSION;
    int e = d ? trn_digest_update(d, versions, sizeof(versions)) : -ENOMEM;
    for (size_t i = 0; e == 0 && i < j->n; i++) {
        uint64_t sizes[2] = {j->files[i].path.n, j->files[i].n};
        e = trn_digest_update(d, sizes, sizeof(sizes));
        if (e == 0)
            e = trn_digest_update(d, j->files[i].path.p, j->files[i].path.n);
        if (e == 0)
            e = trn_digest_update(d, j->files[i].text, j->files[i].n);
    }
    return e == 0 ? trn_digest_end(d, key, NULL) : e;
}

/* ---- the compiler ---- */

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
    struct said *said = user;
    if (level != YARA_ERROR_LEVEL_ERROR || said->why[0])
        return;
    said->line = line > 0 ? line : 0;
    (void)trn_escape_into(said->why, sizeof(said->why), trn_str_of(message));
}

static int new_compiler(struct said *said, YR_COMPILER **ret)
{
    YR_COMPILER *c = NULL;
    int e = yr_compiler_create(&c);
    for (size_t i = 0; e == ERROR_SUCCESS && trn_yara_variables[i]; i++)
        e = yr_compiler_define_string_variable(c, trn_yara_variables[i], "");
    if (e != ERROR_SUCCESS) {
        destroy_compiler(&c);
        return -ENOMEM;
    }
    yr_compiler_set_callback(c, on_message, said);
    yr_compiler_set_include_callback(c, NULL, NULL, NULL);
    *ret = c;
    return 0;
}

static const char *text_of(const struct trn_yara_file *f)
{
    return f->reduced ? f->reduced : f->text;
}

/* True when the file is in the compiler; else *said says why not, and the compiler is of no use any more. */
static bool add_file(YR_COMPILER *c, const struct trn_yara_file *f, struct said *said)
{
    *said = (struct said){0};
    if (yr_compiler_add_string(c, text_of(f), f->name) == 0)
        return true;
    if (!said->why[0])
        (void)snprintf(said->why, sizeof(said->why), "it does not compile");
    return false;
}

/* A reduced text that does not compile was reduced wrongly: the whole one is taken instead. Else the file is bad. */
static int not_good(struct job *j, struct trn_yara_file *f, const struct said *said)
{
    if (f->reduced) {
        free(f->reduced);
        f->reduced = NULL;
        return 0;
    }
    f->bad = true;
    return trn_yara_add_bad(j->r, f->path, (uint32_t)said->line, trn_str_of(said->why));
}

static int try_alone(struct job *j, size_t from)
{
    for (size_t i = from; i < j->n; i++) {
        TRN_AUTO(destroy_compiler) YR_COMPILER *c = NULL;
        struct said said;
        if (j->files[i].bad)
            continue;
        int e = new_compiler(&said, &c);
        if (e == 0 && !add_file(c, &j->files[i], &said))
            e = not_good(j, &j->files[i], &said);
        if (e < 0)
            return e;
    }
    return 0;
}

/* Index of the first file that does not compile, or n when all are in. SIZE_MAX: out of memory. */
static size_t add_all(struct job *j, YR_COMPILER *c, struct said *said)
{
    if (yr_compiler_add_string(c, TRN_YARA_FIRST, TRN_YARA_FIRST_NAME) != 0)
        return SIZE_MAX;
    for (size_t i = 0; i < j->n; i++)
        if (!j->files[i].bad && !add_file(c, &j->files[i], said))
            return i;
    return j->n;
}

static int compile_set(struct job *j, enum trn_yara_set set)
{
    for (bool tried = false;; tried = true) {
        TRN_AUTO(destroy_compiler) YR_COMPILER *c = NULL;
        struct said said;
        int e = new_compiler(&said, &c);
        if (e < 0)
            return e;
        size_t bad = add_all(j, c, &said);
        if (bad == SIZE_MAX)
            return -ENOMEM;
        if (bad == j->n)
            return yr_compiler_get_rules(c, &j->r->set[set]) == ERROR_SUCCESS
                       ? trn_yara_quiet_mark(j->files, j->n, j->r->set[set], &j->r->quiet[set])
                       : -ENOMEM;
        e = not_good(j, &j->files[bad], &said);
        if (e == 0 && !tried)
            e = try_alone(j, bad + 1);
        if (e < 0)
            return e;
    }
}

static int reduce_all(struct job *j, enum trn_yara_set set)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < j->n; i++) {
        free(j->files[i].reduced);
        j->files[i].reduced = NULL;
        j->files[i].quiet.n = 0;
        if (!j->files[i].bad)
            e = trn_yara_reduce(j->files[i].text, j->files[i].n, set, &j->files[i].reduced, &j->files[i].quiet);
    }
    return e;
}

static int refuse_nul(struct job *j)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < j->n; i++) {
        j->files[i].bad = memchr(j->files[i].text, '\0', j->files[i].n) != NULL;
        if (j->files[i].bad)
            e = trn_yara_add_bad(j->r, j->files[i].path, 0, TRN_STR("it has a NUL byte, so it is no text"));
    }
    return e;
}

static int compile_all(struct job *j, struct trn_err *err)
{
    int e = refuse_nul(j);
    for (int set = 0; e == 0 && set < TRN_YARA_SETS; set++) {
        e = reduce_all(j, (enum trn_yara_set)set);
        if (e == 0)
            e = compile_set(j, (enum trn_yara_set)set);
    }
    if (e < 0)
        return trn_fail(err, e, "cannot compile the YARA rules: %s", trn_errno_name(e));
    j->r->count = j->r->set[TRN_YARA_ALL]->num_rules;
    return 0;
}

static int set_up(struct trn_yara_rules *r, struct trn_err *err)
{
    uint32_t kept = MATCH_DATA;
    if (yr_initialize() != ERROR_SUCCESS)
        return trn_fail(err, -ENOMEM, "cannot start libyara");
    r->initialised = true;
    (void)yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &kept);
    r->arena = trn_arena_new(64u << 20);
    return r->arena ? 0 : trn_fail(err, -ENOMEM, "cannot start libyara: out of memory");
}

int trn_yara_warm(struct trn_err *err)
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(true);
    uint8_t sha256[TRN_SHA256_SIZE], md5[TRN_MD5_SIZE];
    if (d)
        (void)trn_digest_end(d, sha256, md5);
    return yr_initialize() == ERROR_SUCCESS ? 0 : trn_fail(err, -ENOMEM, "cannot start libyara");
}

int trn_yara_compile(const struct trn_yara_options *o, struct trn_yara_rules **ret, struct trn_err *err)
{
    TRN_AUTO(trn_yara_rules_freep) struct trn_yara_rules *r = calloc(1, sizeof(*r));
    TRN_AUTO(files_done) struct job j = {.r = r};
    uint8_t key[TRN_YARA_KEY];
    if (!r)
        return trn_fail(err, -ENOMEM, "cannot compile YARA rules: out of memory");
    int e = set_up(r, err);
    if (e == 0)
        e = take_files(&j, o->bundle, err);
    if (e < 0)
        return e;
    e = key_of(&j, key);
    if (e < 0)
        return trn_fail(err, e, "cannot hash the YARA files: %s", trn_errno_name(e));
    r->cached = o->cache_in >= 0 && trn_yara_cache_load(o->cache_in, key, r) == 0;
    if (!r->cached)
        e = compile_all(&j, err);
    if (e < 0)
        return e;
    for (size_t i = 0; o->bad_rule && i < r->n_bad; i++)
        o->bad_rule(o->ctx, r->bad[i].file, r->bad[i].line, r->bad[i].why);
    if (j.n > 0 && r->n_bad >= j.n) {
        (void)trn_fail(err, -EINVAL, "none of the %zu YARA files can be used", j.n);
        return -EINVAL;
    }
    if (!r->cached && o->cache_out >= 0)
        (void)!trn_yara_cache_save(o->cache_out, key, r); /* the next start is slow again, no more */
    *ret = TRN_STEAL(r);
    return 0;
}

int trn_yara_add_bad(struct trn_yara_rules *r, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct trn_yara_bad *more = reallocarray(r->bad, r->n_bad + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    r->bad = more;
    more[r->n_bad] = (struct trn_yara_bad){trn_arena_str(r->arena, file), line, trn_arena_str(r->arena, why)};
    if (!more[r->n_bad].file.p || !more[r->n_bad].why.p)
        return -ENOMEM;
    r->n_bad++;
    return 0;
}

struct trn_yara_rules *trn_yara_rules_free(struct trn_yara_rules *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < TRN_YARA_SETS; i++) {
        if (r->set[i])
            (void)yr_rules_destroy(r->set[i]);
        free(r->quiet[i]);
    }
    if (r->initialised)
        (void)yr_finalize();
    trn_arena_free(r->arena);
    free(r->bad);
    free(r);
    return NULL;
}

uint32_t trn_yara_rules_count(const struct trn_yara_rules *r)
{
    return r->count;
}

bool trn_yara_rules_cached(const struct trn_yara_rules *r)
{
    return r->cached;
}
