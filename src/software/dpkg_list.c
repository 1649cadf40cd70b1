/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the files of one package, joined from NAME.list (all paths, directories too) and NAME.md5sums
 * (paths without the leading "/", configuration files missing). Must not own: where diverted files
 * are (dpkg_divert.c). Lines that make no sense are left out.
 */
#include "software/internal.h"

#define MD5_HEX ((size_t)(2 * TRN_MD5_SIZE))

void trn_dpkg_list_done(struct trn_dpkg_list *l)
{
    free(l->files);
    free(l->parents);
    *l = (struct trn_dpkg_list){0};
}

static int by_hash(const void *a, const void *b)
{
    const struct trn_dpkg_file *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int read_list(struct trn_str text, struct trn_dpkg_list *l)
{
    struct trn_cursor c = trn_cur_of(text);
    l->n = 0;
    for (struct trn_str path; (path = trn_cur_line(&c)).p;) {
        if (path.n < 2 || path.n > TRN_SOFTWARE_PATH_MAX || path.p[0] != '/' || trn_str_eq_c(path, "/."))
            continue;
        int r = trn_grow((void **)&l->files, &l->cap, l->n, sizeof(*l->files), TRN_DPKG_FILES_MAX);
        if (r == 0)
            r = trn_grow((void **)&l->parents, &l->cap_parents, l->n, sizeof(*l->parents), TRN_DPKG_FILES_MAX);
        if (r < 0)
            return r;
        l->parents[l->n] = trn_path_hash(trn_path_dir(path));
        l->files[l->n++] = (struct trn_dpkg_file){.hash = trn_path_hash(path), .path = path};
    }
    return 0;
}

/* The list does not say what is a directory; one that holds something is named by its content. */
static void drop_directories(struct trn_dpkg_list *l)
{
    size_t kept = 0;
    qsort(l->parents, l->n, sizeof(*l->parents), by_number);
    for (size_t i = 0; i < l->n; i++)
        if (!bsearch(&l->files[i].hash, l->parents, l->n, sizeof(*l->parents), by_number))
            l->files[kept++] = l->files[i];
    l->n = kept;
}

/* "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x" */
static void read_md5(struct trn_str line, struct trn_dpkg_list *l)
{
    uint8_t md5[TRN_MD5_SIZE];
    char path[TRN_SOFTWARE_PATH_MAX + 1];
    if (line.n < MD5_HEX + 3 || line.p[MD5_HEX] != ' ' ||
        trn_unhex(trn_str_slice(line, 0, MD5_HEX), md5, sizeof(md5)) < 0)
        return;
    struct trn_str rest = trn_str_slice(line, MD5_HEX + 2, line.n);
    if (trn_str_starts(rest, TRN_STR("./")))
        rest = trn_str_slice(rest, 2, rest.n);
    if (rest.n == 0 || rest.n >= sizeof(path))
        return;
    size_t slash = rest.p[0] != '/';
    path[0] = '/';
    memcpy(path + slash, rest.p, rest.n);
    struct trn_dpkg_file key = {.hash = trn_path_hash((struct trn_str){path, rest.n + slash})};
    struct trn_dpkg_file *f = bsearch(&key, l->files, l->n, sizeof(*l->files), by_hash);
    if (f) {
        memcpy(f->md5, md5, sizeof(md5));
        f->has_md5 = true;
    }
}

int trn_dpkg_list_parse(struct trn_str list, struct trn_str md5sums, struct trn_dpkg_list *l)
{
    int r = read_list(list, l);
    if (r < 0 || l->n == 0)
        return r;
    drop_directories(l);
    qsort(l->files, l->n, sizeof(*l->files), by_hash);
    struct trn_cursor c = trn_cur_of(md5sums);
    for (struct trn_str line; (line = trn_cur_line(&c)).p;)
        read_md5(line, l);
    return 0;
}
