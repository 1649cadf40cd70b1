/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of 'turncoat scan' made into settings: limits, rules as a bundle, indicators, the folder of the cache,
 * and the hash of all that an answer depends on.
 * Must not: read a rule or an indicator; a worker does.
 */
#include "cli/scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define JOBS_MAX 16
#define RULES_TEXT_MAX (64u << 20) /* rules in all */
#define OLD_S (30 * 86400)

/* ---- limits ---- */

static bool is_name(struct trn_str given, const char *name)
{
    return trn_str_eq_c(given, name);
}

/* "64", "64k", "2M", "8G" */
static int parse_amount(struct trn_str s, uint64_t *ret)
{
    static const char units[] = "kKmMgG";
    uint64_t n, factor = 1;
    const char *u = s.n ? strchr(units, s.p[s.n - 1]) : NULL;
    if (u && *u) {
        factor = 1ull << (10 * ((u - units) / 2 + 1));
        s.n--;
    }
    if (trn_str_u64(s, &n) < 0 || n == 0 || !trn_mul_ok(n, factor, &n))
        return -EINVAL;
    *ret = n;
    return 0;
}

static int set_limit(struct trn_str name, uint64_t v, struct trn_limits *l)
{
    struct {
        const char *name;
        uint64_t *wide;
        uint32_t *narrow;
    } const all[] = {
        {"bytes", &l->bytes, NULL},       {"member_bytes", &l->member_bytes, NULL}, {"ratio", &l->ratio, NULL},
        {"memory", &l->memory, NULL},     {"members", NULL, &l->members},           {"depth", NULL, &l->depth},
        {"findings", NULL, &l->findings}, {"seconds", NULL, &l->seconds},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++) {
        if (!is_name(name, all[i].name))
            continue;
        if (all[i].narrow && v > UINT32_MAX)
            return -ERANGE;
        if (all[i].narrow)
            *all[i].narrow = (uint32_t)v;
        else
            *all[i].wide = v;
        return 0;
    }
    return -EINVAL;
}

int trn_scan_limits_parse(const char *text, struct trn_limits *l, struct trn_err *err)
{
    struct trn_str rest = trn_str_of(text), piece;
    while (trn_str_split(&rest, ',', &piece)) {
        ptrdiff_t eq = trn_str_find(piece, '=');
        uint64_t v = 0;
        char shown[80];
        int e = eq < 0 ? -EINVAL : parse_amount(trn_str_slice(piece, (size_t)eq + 1, piece.n), &v);
        if (e == 0)
            e = set_limit(trn_str_slice(piece, 0, (size_t)eq), v, l);
        if (e < 0) {
            e = trn_fail(err, -EINVAL, "'%s' is no limit", trn_escape_into(shown, sizeof(shown), piece));
            trn_hint(err, "name=number, with k, M or G behind it: bytes, member_bytes, ratio, memory, members, depth, "
                          "findings, seconds");
            return e;
        }
    }
    return 0;
}

/* ---- rules ---- */

struct rules {
    int fd; /* the bundle */
    uint64_t files, bytes;
};

static int add_rules(struct rules *r, const struct trn_walked *f, struct trn_err *err)
{
    char shown[200];
    trn_escape_into(shown, sizeof(shown), f->path);
    TRN_AUTO(trn_fd_closep) int fd = trn_walk_open(f);
    int e = fd < 0 ? fd : f->path.n > TRN_BUNDLE_NAME_MAX ? -ENAMETOOLONG : 0;
    r->bytes += (uint64_t)f->st.st_size;
    if (e == 0 && r->bytes > RULES_TEXT_MAX)
        return trn_fail(err, -EFBIG, "too many rules: more than 64 MiB of text");
    if (e == 0)
        e = trn_bundle_put_file(r->fd, f->path, fd);
    r->files += e == 0;
    return e < 0 ? trn_fail(err, e, "cannot read the rules '%s': %s", shown, trn_errno_words(e)) : 0;
}

static bool is_rules(const struct trn_walked *f)
{
    return f->named || trn_str_ends(f->path, TRN_STR(".yar")) || trn_str_ends(f->path, TRN_STR(".yara"));
}

static void walk_freep(struct trn_walk **w)
{
    *w = trn_walk_free(*w);
}

/* Named files are taken as they are, folders give what ends in .yar or .yara. */
static int gather(struct trn_cli *cli, struct rules *r, struct trn_err *err)
{
    TRN_AUTO(walk_freep) struct trn_walk *w = NULL;
    const char *given[TRN_CLI_MANY];
    char *paths[TRN_CLI_MANY];
    struct trn_walked f;
    int n = trn_cli_all(cli, "rules", given);
    for (int i = 0; i < n; i++)
        paths[i] = (char *)(uintptr_t)given[i];
    int e = trn_walk_new(paths, n, &w);
    while (e == 0 && (e = trn_walk_next(w, &f)) == 1) {
        char shown[200];
        e = 0;
        if (f.error)
            e = trn_fail(err, f.error, "cannot read the rules '%s': %s", trn_escape_into(shown, sizeof(shown), f.path),
                         f.why);
        else if (is_rules(&f))
            e = add_rules(r, &f, err);
        if (e == 0)
            continue;
        return e;
    }
    if (e < 0)
        return trn_fail(err, e, "cannot read the rules: %s", trn_errno_name(e));
    if (r->files == 0) {
        e = trn_fail(err, -ENOENT, "no rules there");
        trn_hint(err, "--rules takes a file, or a folder with files that end in .yar or .yara");
    }
    return e;
}

static int hash_fd(struct trn_digest *d, int fd)
{
    char window[32768];
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, window, sizeof(window), at);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int e = trn_digest_update(d, window, (size_t)n);
        if (e < 0)
            return e;
        at += n;
    }
}

/* ---- the cache's folder, and rules that were compiled before ---- */

static void find_folder(struct trn_cli *cli, struct trn_scan_settings *s)
{
    const char *state = trn_cli_value(cli, "state"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = 0;
    if (state)
        n = snprintf(s->dir, sizeof(s->dir), "%s/scan-cache", state);
    else if (xdg && xdg[0] == '/')
        n = snprintf(s->dir, sizeof(s->dir), "%s/turncoat", xdg);
    else if (home && home[0] == '/')
        n = snprintf(s->dir, sizeof(s->dir), "%s/.cache/turncoat", home);
    if (n < 0 || (size_t)n >= sizeof(s->dir))
        s->dir[0] = '\0';
    s->cache = s->cache && s->dir[0];
}

/* Named by the hash of their sources and of this program: never the wrong ones. */
static void find_compiled(struct trn_scan_settings *s, const uint8_t rules[TRN_SHA256_SIZE])
{
    char hex[2 * TRN_SHA256_SIZE + 1], path[sizeof(s->compiled_at) + 16];
    struct stat st;
    trn_hex(rules, TRN_SHA256_SIZE, hex);
    if (!s->cache || trn_cache_folder(s->dir) < 0)
        return;
    (void)snprintf(s->compiled_at, sizeof(s->compiled_at), "%s/rules-%.24s.bin", s->dir, hex);
    s->compiled = open(s->compiled_at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (s->compiled >= 0 && fstat(s->compiled, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        !(st.st_mode & 077) && st.st_size > 0)
        return;
    s->compiled = trn_fd_close(s->compiled);
    (void)snprintf(path, sizeof(path), "%s.new", s->compiled_at);
    (void)unlink(path);
    s->save = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Rules and indicators that were good once are good again, as the same program reads them: a mark says that they were. */
static void find_quiet(struct trn_scan_settings *s)
{
    char hex[2 * TRN_SHA256_SIZE + 1];
    s->quiet = s->cache && s->rules < 0 && s->indicators < 0;
    if (!s->cache || s->quiet || trn_cache_folder(s->dir) < 0)
        return;
    trn_hex(s->question, TRN_SHA256_SIZE, hex);
    (void)snprintf(s->quiet_at, sizeof(s->quiet_at), "%s/rules-%.24s.good", s->dir, hex);
    s->quiet = faccessat(AT_FDCWD, s->quiet_at, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void keep_quiet(const struct trn_scan_settings *s, bool good)
{
    if (s->quiet_at[0] && !s->quiet && good)
        trn_fd_close(open(s->quiet_at, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    else if (s->quiet_at[0] && !good)
        (void)unlink(s->quiet_at);
}

/* Of other rules, and not used for a while. */
static void forget_old(const struct trn_scan_settings *s)
{
    DIR *d = opendir(s->dir);
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        struct stat st;
        struct trn_str name = trn_str_of(e->d_name);
        if (trn_str_starts(name, TRN_STR("rules-")) && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_mtim.tv_sec + OLD_S < (time_t)(trn_wall_ns() / TRN_NS_PER_SEC))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

static void keep_compiled(struct trn_scan_settings *s, bool good)
{
    char path[sizeof(s->compiled_at) + 16];
    struct stat st;
    if (s->compiled >= 0 && !good) /* perhaps because of these: the next time without */
        (void)unlink(s->compiled_at);
    else if (s->compiled >= 0)
        (void)futimens(s->compiled, NULL);
    if (s->save < 0)
        return;
    (void)snprintf(path, sizeof(path), "%s.new", s->compiled_at);
    /* empty: nobody compiled them */
    if (!good || fstat(s->save, &st) < 0 || st.st_size == 0 || rename(path, s->compiled_at) < 0)
        (void)unlink(path);
    else
        forget_old(s);
}

static int read_rules(struct trn_cli *cli, struct trn_scan_settings *s, struct trn_digest *all, struct trn_err *err)
{
    uint8_t hash[TRN_SHA256_SIZE];
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    const char *given[TRN_CLI_MANY];
    if (trn_cli_all(cli, "rules", given) == 0)
        return 0;
    s->rules = memfd_create("rules", MFD_CLOEXEC);
    struct rules r = {.fd = s->rules};
    int e = s->rules < 0 ? -errno : !d ? -ENOMEM : trn_bundle_put_header(s->rules);
    if (e < 0)
        return trn_fail(err, e, "cannot gather the rules: %s", trn_errno_name(e));
    e = gather(cli, &r, err);
    if (e < 0)
        return e;
    s->rule_files = r.files;
    e = trn_cache_program(d);
    if (e == 0)
        e = hash_fd(d, s->rules);
    if (e == 0)
        e = trn_digest_end(d, hash, NULL);
    if (e == 0)
        e = trn_digest_update(all, hash, sizeof(hash));
    if (e == 0)
        find_compiled(s, hash);
    return e;
}

static int read_indicators(struct trn_cli *cli, struct trn_scan_settings *s, struct trn_digest *all,
                           struct trn_err *err)
{
    const char *path = trn_cli_value(cli, "indicators");
    char shown[200];
    struct stat st;
    if (!path)
        return trn_digest_update(all, "-", 1);
    s->indicators = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int e = s->indicators < 0 || fstat(s->indicators, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (e == 0)
        e = hash_fd(all, s->indicators);
    if (e < 0)
        return trn_fail(err, e, "cannot read the indicators '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)), trn_errno_words(e));
    return 0;
}

static int read_words(struct trn_cli *cli, struct trn_scan_settings *s, struct trn_err *err)
{
    const char *jobs = trn_cli_value(cli, "jobs"), *limit = trn_cli_value(cli, "limit");
    uint64_t n = 0;
    int e = jobs ? trn_cli_number("'--jobs'", jobs, 1, JOBS_MAX, &n, err) : 0;
    s->pool.workers = (uint32_t)n;
    s->pool.limits = trn_limits_default();
    if (e == 0 && limit)
        e = trn_scan_limits_parse(limit, &s->pool.limits, err);
    s->all = trn_cli_has(cli, "all");
    s->cache = !trn_cli_has(cli, "no-cache");
    return e;
}

static int put_limits(const struct trn_limits *l, struct trn_digest *d)
{
    const uint64_t v[] = {l->bytes,   l->member_bytes, l->ratio,    l->memory,
                          l->members, l->depth,        l->findings, l->seconds};
    return trn_digest_update(d, v, sizeof(v));
}

int trn_scan_settings_read(struct trn_cli *cli, struct trn_scan_settings *ret, struct trn_err *err)
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    struct trn_scan_settings *s = ret;
    *s = (struct trn_scan_settings){.rules = -1, .compiled = -1, .save = -1, .indicators = -1};
    s->pool.sz = sizeof(s->pool);
    int e = read_words(cli, s, err);
    if (e < 0)
        return e;
    if (!d)
        return trn_fail(err, -ENOMEM, "out of memory");
    find_folder(cli, s);
    e = trn_cache_program(d);
    if (e == 0)
        e = trn_cache_roots(d, TRN_SCAN_ROOTS);
    if (e == 0)
        e = put_limits(&s->pool.limits, d);
    if (e == 0)
        e = read_indicators(cli, s, d, err);
    if (e == 0)
        e = read_rules(cli, s, d, err);
    if (e == 0)
        e = trn_digest_end(d, s->question, NULL);
    if (e == 0)
        find_quiet(s);
    s->pool.rules = s->rules;
    s->pool.rules_compiled = s->compiled;
    s->pool.rules_save = s->save;
    s->pool.indicators = s->indicators;
    return e < 0 && err && !err->code ? trn_fail(err, e, "cannot prepare: %s", trn_errno_name(e)) : e;
}

void trn_scan_settings_done(struct trn_scan_settings *s, bool good, unsigned faults)
{
    keep_quiet(s, good && faults == 0);
    keep_compiled(s, good);
    s->rules = trn_fd_close(s->rules);
    s->compiled = trn_fd_close(s->compiled);
    s->save = trn_fd_close(s->save);
    s->indicators = trn_fd_close(s->indicators);
}
