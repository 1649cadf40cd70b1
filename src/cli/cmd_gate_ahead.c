/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat gate ahead': packages that lie complete in apt's cache are judged before apt is about to unpack them, so that
 * the hook finds the verdict by content. Which package has which version installed is read from dpkg's own list.
 * Must not: decide what apt does: the hook hashes what is there then, and asks for itself.
 */
#include "cli/gate_apt.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define CACHE "/var/cache/apt/archives"
#define STATUS "/var/lib/dpkg/status"
#define STATUS_MAX (128u << 20)
#define TEXT_MAX (16u << 20)
#define FILES_MAX 20000u
#define AHEAD_MS (60u * 60 * 1000)

struct ahead {
    struct trn_arena *arena;
    struct trn_buf status;
    struct trn_gate_list list; /* by name */
};

static void ahead_done(struct ahead *a)
{
    trn_gate_list_done(&a->list);
    trn_buf_done(&a->status);
    trn_arena_free(a->arena);
}

/* ---- apt's cache: NAME_VERSION_ARCH.deb, a ':' of the version written "%3a" ---- */

static struct trn_str version_of(struct ahead *a, struct trn_str s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 512);
    for (size_t i = 0; i < s.n; i++) {
        bool colon = s.n - i >= 3 && trn_str_eq(trn_str_slice(s, i, 3), TRN_STR("%3a"));
        trn_put_u8(&b, colon ? ':' : (uint8_t)s.p[i]);
        i += colon ? 2 : 0;
    }
    return trn_arena_str(a->arena, trn_buf_str(&b));
}

static int add(struct ahead *a, const char *file)
{
    struct trn_gate_list *l = &a->list;
    struct trn_str rest = trn_str_of(file), name, version, arch;
    if (!trn_str_ends(rest, TRN_STR(".deb")) || rest.n > 255)
        return 0;
    rest.n -= 4;
    if (!trn_str_split(&rest, '_', &name) || !trn_str_split(&rest, '_', &version))
        return 0;
    arch = rest;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        struct trn_gate_item *more = cap > 2 * FILES_MAX ? NULL : reallocarray(l->items, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        l->items = more;
        l->cap = cap;
    }
    struct trn_gate_item i = {.name = trn_arena_str(a->arena, name),
                              .new_version = version_of(a, version),
                              .new_arch = trn_arena_str(a->arena, arch),
                              .file = trn_arena_printf(a->arena, CACHE "/%s", file),
                              .step = TRN_GATE_UNPACK};
    if (trn_gate_is_name(i.name) && trn_gate_is_version(i.new_version) && i.new_arch.n && i.file.n)
        l->items[l->n++] = i;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return trn_str_cmp(((const struct trn_gate_item *)a)->name, ((const struct trn_gate_item *)b)->name);
}

/* Files come here whole: apt fetches them into partial/ and moves them. */
static int read_cache(struct ahead *a, struct trn_err *err)
{
    struct stat st;
    int fd = open(CACHE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), e = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    if (!d) {
        e = -errno;
        trn_fd_close(fd);
        return trn_fail(err, e, "cannot look at apt's cache: %s", trn_errno_words(e));
    }
    if (fstat(fd, &st) < 0 || !trn_gate_only_roots(&st))
        e = trn_fail(err, -EPERM, "apt's cache is not root's alone");
    while (e == 0 && (de = readdir(d)) != NULL)
        if (de->d_name[0] != '.')
            e = add(a, de->d_name);
    closedir(d);
    if (a->list.n)
        qsort(a->list.items, a->list.n, sizeof(*a->list.items), by_name);
    return e == -ENOMEM ? trn_fail(err, e, "out of memory") : e;
}

/* ---- what is installed ---- */

static bool field(struct trn_str line, struct trn_str name, struct trn_str *ret)
{
    if (!trn_str_starts(line, name))
        return false;
    *ret = trn_str_trim(trn_str_slice(line, name.n, line.n));
    return true;
}

/* One package of dpkg's list: those of the cache that would replace it get to know it. */
static void take_installed(struct ahead *a, struct trn_str stanza)
{
    struct trn_str line, name = TRN_STR_NONE, version = TRN_STR_NONE, arch = TRN_STR_NONE, status = TRN_STR_NONE;
    while (stanza.n && trn_str_split(&stanza, '\n', &line))
        (void)(field(line, TRN_STR("Package:"), &name) || field(line, TRN_STR("Version:"), &version) ||
               field(line, TRN_STR("Architecture:"), &arch) || field(line, TRN_STR("Status:"), &status));
    const struct trn_gate_item key = {.name = name};
    if (!trn_str_ends(status, TRN_STR(" installed")) || !trn_gate_is_name(name) || !trn_gate_is_version(version))
        return;
    struct trn_gate_item *i = a->list.n ? bsearch(&key, a->list.items, a->list.n, sizeof(key), by_name) : NULL;
    while (i && i > a->list.items && trn_str_eq(i[-1].name, name))
        i--;
    for (; i && i < a->list.items + a->list.n && trn_str_eq(i->name, name); i++) {
        if (!trn_str_eq(i->new_arch, arch) && !trn_str_eq_c(i->new_arch, "all") && !trn_str_eq_c(arch, "all"))
            continue;
        i->old_version = version;
        i->old_arch = arch;
        if (trn_version_compare(i->new_version, version) <= 0)
            i->step = TRN_GATE_CONFIGURE; /* it is installed, or was before: apt will not unpack it */
    }
}

static int read_installed(struct ahead *a, struct trn_err *err)
{
    int e = trn_read_file(STATUS, STATUS_MAX, &a->status, err);
    struct trn_str all = trn_buf_str(&a->status), line;
    size_t from = 0;
    for (struct trn_str rest = all; e == 0 && rest.n && trn_str_split(&rest, '\n', &line);) {
        size_t at = all.n - rest.n;
        if (line.n && rest.n)
            continue;
        take_installed(a, trn_str_slice(all, from, at - from));
        from = at;
    }
    return e;
}

/* ---- judging ---- */

static int judge(struct trn_gate_run *r, struct trn_err *err)
{
    TRN_AUTO(ahead_done) struct ahead a = {.arena = trn_arena_new(TEXT_MAX)};
    trn_buf_init(&a.status, STATUS_MAX);
    int e = a.arena ? read_cache(&a, err) : trn_fail(err, -ENOMEM, "out of memory");
    if (e == 0)
        e = read_installed(&a, err);
    return e < 0 ? e : trn_gate_transaction(r, &a.list, err);
}

static void run_done(struct trn_gate_run *r)
{
    r->folder = trn_fd_close(r->folder);
}

int trn_gate_run_ahead(struct trn_cli *cli)
{
    TRN_AUTO(run_done) struct trn_gate_run r = {.cli = cli, .ahead = true, .folder = -1};
    struct trn_err err = {0};
    const char *config = trn_cli_value(cli, "config");
    trn_gate_config_read(cli, config ? config : TRN_GATE_CONFIG, &r.config);
    r.began_mono_ns = trn_mono_ns();
    r.until_mono_ns = r.began_mono_ns + AHEAD_MS * TRN_NS_PER_MS;
    r.folder = trn_gate_folder(cli->state, &err);
    if (r.folder < 0) /* there would be no place for a verdict */
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    trn_gate_config_apply(cli, &r.config);
    trn_gate_cache_beside(cli, r.cache, sizeof(r.cache));
    (void)signal(SIGPIPE, SIG_IGN);
    if (judge(&r, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    fprintf(cli->out, "%u packages judged, %u of them were known; %u will be refused, %u warned of, %u not judged\n",
            r.judged, r.remembered, r.refused, r.warned, r.unjudged);
    return r.refused || r.warned ? TRN_EXIT_FINDINGS : r.unjudged ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}
