/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which two files are the versions of a package that were asked for: NAME_VERSION_ARCH.deb as apt keeps them, or
 * NAME-VERSION.ENDING; in dpkg's order of versions.
 * Must not: open one.
 */
#include "cli/diff.h"

#include <dirent.h>
#include <sys/utsname.h>

#define CACHE "/var/cache/apt/archives"
#define FOUND_MAX 4096u

struct found {
    char *file;
    char version[200]; /* without %3a */
    int rank;          /* of its architecture: the machine's own first */
};

struct search {
    const char *name, *dir;
    struct found *found; /* owned */
    size_t n, cap;
    const char *arch;
    bool too_many;
};

static void search_done(struct search *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->found[i].file);
    free(s->found);
}

static const char *own_arch(const struct utsname *u)
{
    static const char *const names[][2] = {{"x86_64", "amd64"},    {"aarch64", "arm64"},   {"i686", "i386"},
                                           {"riscv64", "riscv64"}, {"ppc64le", "ppc64el"}, {"s390x", "s390x"},
                                           {"armv7l", "armhf"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (strcmp(u->machine, names[i][0]) == 0)
            return names[i][1];
    return "";
}

/* "1%3a2.0" is "1:2.0". */
static bool put_version(struct trn_str s, char *dst, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool colon = s.p[i] == '%' && i + 2 < s.n && s.p[i + 1] == '3' && (s.p[i + 2] == 'a' || s.p[i + 2] == 'A');
        if (n + 1 >= size)
            return false;
        dst[n++] = colon ? ':' : s.p[i];
        i += colon ? 2 : 0;
    }
    dst[n] = '\0';
    return n > 0;
}

/* Is this file name a version of it? */
static bool parse(const struct search *s, struct trn_str file, struct found *ret)
{
    static const char *const endings[] = {".tgz",  ".tar.gz", ".tar.xz",   ".tar.zst", ".whl", ".rpm",  ".msi",
                                          ".exe",  ".zip",    ".AppImage", ".nupkg",   ".dmg", ".vsix", ".pkg",
                                          ".snap", ".iso",    ".jar",      ".7z",      ".deb"};
    struct trn_str name = trn_str_of(s->name);
    if (!trn_str_starts(file, name) || file.n < name.n + 2)
        return false;
    struct trn_str rest = trn_str_slice(file, name.n + 1, file.n);
    if (file.p[name.n] == '_' && trn_str_ends(rest, TRN_STR(".deb"))) {
        ptrdiff_t at = trn_str_rfind(rest, '_');
        struct trn_str arch = at < 0 ? TRN_STR_NONE : trn_str_slice(rest, (size_t)at + 1, rest.n - (size_t)at - 5);
        ret->rank = trn_str_eq_c(arch, s->arch) ? 0 : trn_str_eq_c(arch, "all") ? 1 : 2;
        return at > 0 && put_version(trn_str_slice(rest, 0, (size_t)at), ret->version, sizeof(ret->version));
    }
    if (file.p[name.n] != '-' || rest.p[0] < '0' || rest.p[0] > '9')
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(endings); i++)
        if (trn_str_ends(rest, trn_str_of(endings[i]))) {
            ret->rank = 0;
            rest.n -= strlen(endings[i]);
            return put_version(rest, ret->version, sizeof(ret->version));
        }
    return false;
}

static int look(struct search *s, struct trn_err *err)
{
    char shown[200];
    const struct dirent *e;
    DIR *d = opendir(s->dir);
    if (!d)
        return trn_fail(err, -errno, "cannot look into '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(s->dir)), trn_errno_words(-errno));
    int r = 0;
    while (r == 0 && (e = readdir(d)) != NULL) {
        struct found f = {0};
        if (!parse(s, trn_str_of(e->d_name), &f))
            continue;
        if (s->n == s->cap) {
            size_t cap = s->cap ? 2 * s->cap : 16;
            struct found *more = cap <= FOUND_MAX ? reallocarray(s->found, cap, sizeof(*more)) : NULL;
            r = more ? 0 : -ENOMEM;
            if (r < 0)
                break;
            s->found = more;
            s->cap = cap;
        }
        f.file = strdup(e->d_name);
        r = f.file ? 0 : -ENOMEM;
        if (r == 0)
            s->found[s->n++] = f;
    }
    closedir(d);
    return r < 0 ? trn_fail(err, r, "cannot look for versions of a package: out of memory") : 0;
}

static int by_version(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int d = trn_version_compare(trn_str_of(x->version), trn_str_of(y->version));
    if (d == 0)
        d = trn_str_cmp(trn_str_of(x->version), trn_str_of(y->version));
    return d ? d : x->rank != y->rank ? x->rank - y->rank : trn_str_cmp(trn_str_of(x->file), trn_str_of(y->file));
}

/* One file a version: that of the machine's own architecture. */
static void one_each(struct search *s)
{
    size_t n = 0;
    if (s->n)
        qsort(s->found, s->n, sizeof(*s->found), by_version);
    for (size_t i = 0; i < s->n; i++) {
        if (n && strcmp(s->found[n - 1].version, s->found[i].version) == 0)
            free(s->found[i].file);
        else
            s->found[n++] = s->found[i];
    }
    s->n = n;
}

static void list(const struct search *s, struct trn_err *err)
{
    char text[160] = "", one[80];
    size_t at = 0, from = s->n > 5 ? s->n - 5 : 0;
    for (size_t i = from; i < s->n; i++) {
        trn_escape_into(one, sizeof(one), trn_str_of(s->found[i].version));
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ", " : "", one);
        at = TRN_MIN(at, sizeof(text) - 1);
    }
    if (s->n)
        trn_hint(err, "there are: %s", text);
    else
        trn_hint(err, "files are called NAME_VERSION_ARCH.deb or NAME-VERSION.ENDING; --from DIR says where they are");
}

static bool is_version(const struct found *f, const char *version)
{
    return trn_str_eq_c(trn_str_of(f->version), version);
}

static const struct found *of_version(const struct search *s, const char *version)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_version(&s->found[i], version))
            return &s->found[i];
    return NULL;
}

static int choose(const struct search *s, char *const *versions, int n, const struct found *ret[2], struct trn_err *err)
{
    char name[100], shown[100];
    trn_escape_into(name, sizeof(name), trn_str_of(s->name));
    if (s->n == 0 || (n == 0 && s->n < 2)) {
        int e = trn_fail(err, -ENOENT, s->n ? "there is one version of '%s' only in '%s'" : "there is no '%s' in '%s'",
                         name, trn_escape_into(shown, sizeof(shown), trn_str_of(s->dir)));
        list(s, err);
        return e;
    }
    ret[0] = n == 0 ? &s->found[s->n - 2] : NULL;
    ret[1] = n == 0 ? &s->found[s->n - 1] : NULL;
    for (int i = 0; i < n; i++) {
        const struct found *f = of_version(s, versions[i]);
        if (!f) {
            int e = trn_fail(err, -ENOENT, "there is no version '%s' of '%s'",
                             trn_escape_into(shown, sizeof(shown), trn_str_of(versions[i])), name);
            list(s, err);
            return e;
        }
        ret[n == 1 ? 1 : i] = f;
    }
    if (n == 1 && ret[1] == s->found) {
        int e = trn_fail(err, -ENOENT, "there is no version of '%s' before '%s'", name,
                         trn_escape_into(shown, sizeof(shown), trn_str_of(versions[0])));
        list(s, err);
        return e;
    }
    if (n == 1)
        ret[0] = ret[1] - 1;
    return 0;
}

int trn_diff_package_find(const char *name, const char *dir, char *const *versions, int n, struct trn_diff_package *ret,
                          struct trn_err *err)
{
    struct utsname u;
    TRN_AUTO(search_done) struct search s = {.name = name, .dir = dir ? dir : CACHE, .arch = ""};
    const struct found *chosen[2] = {NULL, NULL};
    if (name[0] == '\0' || strchr(name, '/'))
        return trn_fail(err, -EINVAL, "a package has a name without '/'");
    if (uname(&u) == 0)
        s.arch = own_arch(&u);
    int e = look(&s, err);
    if (e < 0)
        return e;
    one_each(&s);
    e = choose(&s, versions, n, chosen, err);
    if (e < 0 || !chosen[0] || !chosen[1])
        return e;
    struct trn_diff_package p = {0};
    if (asprintf(&p.before, "%s/%s", s.dir, chosen[0]->file) < 0)
        p.before = NULL;
    if (asprintf(&p.after, "%s/%s", s.dir, chosen[1]->file) < 0)
        p.after = NULL;
    if (!p.before || !p.after) {
        trn_diff_package_done(&p);
        return trn_fail(err, -ENOMEM, "out of memory");
    }
    *ret = p;
    return 0;
}

void trn_diff_package_done(struct trn_diff_package *p)
{
    free(p->before);
    free(p->after);
    p->before = p->after = NULL;
}
