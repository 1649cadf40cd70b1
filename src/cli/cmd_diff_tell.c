/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what of a comparison is told to the engine, when it is suspicious or worse: the reasons in files of NEW that are
 * installed, file by file; or all of them about the package that NEW is, when that version is installed.
 * Must not: judge, or decide whether something is installed (the engine knows).
 */
#include "cli/tell.h"

#include <limits.h>

#define FILES_MAX 64u

struct about_file {
    char path[PATH_MAX];
    struct trn_tell_about about;
};

static struct about_file *file_of(struct about_file *all, size_t *n, const char *real)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(all[i].path, real) == 0)
            return &all[i];
    if (*n == FILES_MAX)
        return NULL;
    struct about_file *x = &all[(*n)++];
    (void)snprintf(x->path, sizeof(x->path), "%s", real);
    x->about = (struct trn_tell_about){.path = x->path, .findings = json_array()};
    return x;
}

/* The file on disk that a member is in, and where in it: "/usr/lib/x.so", "!/data.tar!/y". */
static bool place_of(const struct trn_diff *d, const struct trn_release_member *m, char real[PATH_MAX],
                     struct trn_buf *shown)
{
    TRN_AUTO(trn_buf_done) struct trn_buf file, member;
    char path[PATH_MAX];
    trn_buf_init(&file, PATH_MAX);
    trn_buf_init(&member, 1u << 20);
    trn_diff_place(d->new_release, m, &file, &member);
    if (file.bad || file.n >= sizeof(path))
        return false;
    (void)snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(trn_buf_str(&file)));
    if (!realpath(path, real))
        return false;
    trn_put_c(shown, real);
    if (member.n)
        trn_put_c(shown, "!/");
    trn_put_str(shown, trn_buf_str(&member));
    return true;
}

/* The outermost member of the file that m is in: it has the hash of the file itself. */
static const struct trn_release_member *outermost(const struct trn_release *r, const struct trn_release_member *m)
{
    while (m->parent != TRN_NO_MEMBER)
        m = trn_release_at(r, m->parent);
    return m;
}

static void tell_files(struct trn_tell *t, const struct trn_diff *d, struct about_file *all)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_reasons; i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf shown;
        const struct trn_release_member *m = d->reasons[i].change->new_member;
        char real[PATH_MAX];
        trn_buf_init(&shown, 2u << 20);
        struct about_file *x =
            m && d->reasons[i].finding->score && place_of(d, m, real, &shown) ? file_of(all, &n, real) : NULL;
        if (!x)
            continue;
        memcpy(x->about.sha256, outermost(d->new_release, m)->sha256, TRN_SHA256_SIZE);
        trn_tell_add(x->about.findings, d->reasons[i].finding, trn_buf_str(&shown), d->reasons[i].finding->summary);
    }
    for (size_t i = 0; i < n; i++) {
        all[i].about.verdict = d->verdict;
        all[i].about.from = trn_diff_title_of(d).before;
        trn_tell(t, &all[i].about);
        json_decref(all[i].about.findings);
    }
}

static void tell_package(struct trn_tell *t, const struct trn_diff *d)
{
    struct trn_tell_about about = {.name = trn_release_product(d->new_release),
                                   .to = trn_release_version(d->new_release),
                                   .from = trn_diff_title_of(d).before,
                                   .verdict = d->verdict,
                                   .findings = json_array()};
    memcpy(about.sha256, trn_release_at(d->new_release, 0)->sha256, TRN_SHA256_SIZE);
    for (size_t i = 0; i < d->n_reasons; i++) {
        const struct trn_release_member *m = trn_diff_shown(d->reasons[i].change);
        if (d->reasons[i].finding->score)
            trn_tell_add(about.findings, d->reasons[i].finding, m->path, d->reasons[i].finding->summary);
    }
    trn_tell(t, &about);
    json_decref(about.findings);
}

void trn_diff_tell(struct trn_tell *t, const struct trn_diff *d)
{
    if (!t->on || !d || d->verdict < TRN_VERDICT_SUSPICIOUS || trn_release_count(d->new_release) == 0)
        return;
    const struct trn_release_member *top = trn_release_at(d->new_release, 0);
    if (top->path.n == 0 && top->format == TRN_FORMAT_DEB && trn_release_product(d->new_release).n &&
        trn_release_version(d->new_release).n) {
        tell_package(t, d);
        return;
    }
    struct about_file *all = calloc(FILES_MAX, sizeof(*all));
    if (all)
        tell_files(t, d, all);
    free(all);
}
