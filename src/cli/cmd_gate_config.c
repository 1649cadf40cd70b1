/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the settings of the gate (a file of "word value" lines that root writes) and the hook in apt's configuration.
 * Must not: keep apt from going on because a setting is wrong: it is told, and what was right before stays.
 */
#include "cli/gate.h"

#include <fcntl.h>
#include <unistd.h>

#define CONFIG_MAX (64u << 10)
#define WRONG_TOLD 8u
#define HINT_TIME "such as 20s or 2m"

void trn_gate_config_default(struct trn_gate_config *c)
{
    *c = (struct trn_gate_config){.deadline_ms = 60000, .package_ms = 20000, .keep_bytes = 2ull << 30};
}

static bool take_ms(struct trn_str v, uint64_t *ret)
{
    char text[32];
    uint64_t n;
    if (v.n == 0 || v.n >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", TRN_STR_ARG(v));
    if (trn_str_ends(v, TRN_STR("ms"))) {
        if (trn_str_u64(trn_str_slice(v, 0, v.n - 2), &n) < 0 || n == 0 || n > 3600000)
            return false;
        *ret = n;
        return true;
    }
    if (trn_cli_seconds(text, HINT_TIME, &n, NULL) < 0 || n > 3600)
        return false;
    *ret = n * 1000;
    return true;
}

static bool take_path(struct trn_str v, char *dst, size_t size)
{
    if (v.n == 0 || v.n >= size || v.p[0] != '/')
        return false;
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
            return false;
    (void)snprintf(dst, size, "%.*s", TRN_STR_ARG(v));
    return true;
}

static bool take_mb(struct trn_str v, uint64_t *ret)
{
    uint64_t n;
    if (trn_str_u64(v, &n) < 0 || n > 1u << 20)
        return false;
    *ret = n << 20;
    return true;
}

static bool take_watched(struct trn_str v, struct trn_gate_config *c)
{
    if (v.n == 0 || v.n >= TRN_GATE_WATCHED_NAME || c->n_watched == TRN_GATE_WATCHED_MAX)
        return false;
    for (size_t i = 0; i < v.n; i++) /* a package's name, with * and ? */
        if (!(v.p[i] >= 'a' && v.p[i] <= 'z') && !(v.p[i] >= '0' && v.p[i] <= '9') && !memchr("+-.*?", v.p[i], 5))
            return false;
    (void)snprintf(c->watched[c->n_watched++], TRN_GATE_WATCHED_NAME, "%.*s", TRN_STR_ARG(v));
    return true;
}

bool trn_gate_is_watched(const struct trn_gate_config *c, struct trn_str name)
{
    for (unsigned i = 0; i < c->n_watched; i++)
        if (trn_glob(trn_str_of(c->watched[i]), name, false))
            return true;
    return false;
}

static bool take_line(struct trn_str word, struct trn_str value, struct trn_gate_config *c)
{
    if (trn_str_eq_c(word, "fail")) {
        c->fail_closed = trn_str_eq_c(value, "closed");
        return c->fail_closed || trn_str_eq_c(value, "open");
    }
    return trn_str_eq_c(word, "deadline")           ? take_ms(value, &c->deadline_ms)
           : trn_str_eq_c(word, "package-deadline") ? take_ms(value, &c->package_ms)
           : trn_str_eq_c(word, "keep-mb")          ? take_mb(value, &c->keep_bytes)
           : trn_str_eq_c(word, "watch")            ? take_watched(value, c)
           : trn_str_eq_c(word, "rules")            ? take_path(value, c->rules, sizeof(c->rules))
           : trn_str_eq_c(word, "indicators")       ? take_path(value, c->indicators, sizeof(c->indicators))
                                                    : false;
}

void trn_gate_config_parse(FILE *told, const char *path, struct trn_str text, struct trn_gate_config *ret)
{
    struct trn_str rest = text, line;
    char name[200], shown[120];
    unsigned wrong = 0;
    trn_escape_into(name, sizeof(name), trn_str_of(path));
    for (unsigned n = 1; trn_str_split(&rest, '\n', &line); n++) {
        line = trn_str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        ptrdiff_t space = trn_str_find(line, ' ');
        struct trn_str word = space < 0 ? line : trn_str_slice(line, 0, (size_t)space);
        struct trn_gate_config next = *ret;
        if (space > 0 && take_line(word, trn_str_trim(trn_str_slice(line, (size_t)space, line.n)), &next))
            *ret = next;
        else if (wrong++ < WRONG_TOLD)
            fprintf(told, "turncoat: line %u of '%s' is no setting, ignoring: '%s'\n", n, name,
                    trn_escape_into(shown, sizeof(shown), line));
    }
    if (wrong > WRONG_TOLD)
        fprintf(told, "turncoat: '%s' has %u lines more that are no setting\n", name, wrong - WRONG_TOLD);
}

/* Who may write the settings decides what is judged, so nobody but root (or the caller) may. */
static int read_settings(const char *path, struct trn_buf *b)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int e = trn_fstat(fd, &st);
    if (e < 0)
        return e;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
        return -EPERM;
    return trn_read_all(fd, b);
}

void trn_gate_config_read(struct trn_cli *cli, const char *path, struct trn_gate_config *ret)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char name[200];
    trn_buf_init(&b, CONFIG_MAX);
    trn_gate_config_default(ret);
    int e = read_settings(path, &b);
    if (e == 0)
        trn_gate_config_parse(cli->err, path, trn_buf_str(&b), ret);
    else if (e != -ENOENT)
        fprintf(cli->err, "turncoat: the settings of the gate in '%s' are not used, the defaults are: %s\n",
                trn_escape_into(name, sizeof(name), trn_str_of(path)),
                e == -EPERM    ? "others than root may write them"
                : e == -EINVAL ? "that is no file"
                : e == -EFBIG  ? "they are too long"
                               : trn_errno_words(e));
}

static void set_value(struct trn_cli *cli, const char *name, const char *value)
{
    const struct trn_option *o;
    for (size_t i = 0; (o = trn_cli_option_at(cli->command, i)) != NULL; i++)
        if (strcmp(o->name, name) == 0)
            cli->values[i] = value;
}

void trn_gate_forget_value(struct trn_cli *cli, const char *name)
{
    set_value(cli, name, NULL);
}

void trn_gate_cache_beside(struct trn_cli *cli, char *dst, size_t size)
{
    if ((size_t)snprintf(dst, size, "%s-gate", cli->state) < size)
        set_value(cli, "state", dst);
}

void trn_gate_config_apply(struct trn_cli *cli, const struct trn_gate_config *c)
{
    const struct trn_option *o;
    for (size_t i = 0; c->rules[0] && cli->n_many == 0 && (o = trn_cli_option_at(cli->command, i)) != NULL; i++) {
        if (strcmp(o->name, "rules") != 0)
            continue;
        cli->many_of[cli->n_many] = (uint8_t)i;
        cli->many[cli->n_many++] = c->rules;
    }
    if (c->indicators[0] && !trn_cli_has(cli, "indicators"))
        set_value(cli, "indicators", c->indicators);
}

/* ---- install, remove ---- */

/* Where this very program stands: the hook names it. */
static int own_path(char *dst, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", dst, size - 1);
    if (n <= 0 || (size_t)n >= size - 1)
        return n < 0 ? -errno : -ENAMETOOLONG;
    dst[n] = '\0';
    return strpbrk(dst, " '\"\\;{}$`:\n") ? -EINVAL : 0; /* it stands in a shell's and in apt's own text */
}

/* A hook that is not there, or ends by a signal, must not keep apt from going on, unless that was asked for. */
static void put_hook(struct trn_buf *b, const char *self, bool closed)
{
    trn_put_fmt(b,
                "// Written by 'turncoat gate install'; 'turncoat gate remove' takes it away.\n"
                "// Each package is compared with the installed version before it is unpacked (docs/gate.md).\n"
                "DPkg::Tools::Options::%s::Version \"3\";\n",
                self);
    if (closed)
        trn_put_fmt(b, "DPkg::Pre-Install-Pkgs {\"%s gate apt\";};\n", self);
    else
        trn_put_fmt(b,
                    "DPkg::Pre-Install-Pkgs {\"%s gate apt || { r=$?; test $r -eq 1 && exit 1; "
                    "echo turncoat: the gate ended with $r and judged nothing, apt goes on >&2; }\";};\n",
                    self);
}

static int write_config(const struct trn_gate_config *c, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, CONFIG_MAX);
    trn_put_fmt(&b,
                "# Settings of 'turncoat gate', one a line. docs/gate.md says what each means.\n"
                "fail %s\ndeadline %llums\npackage-deadline %llums\nkeep-mb %llu\n",
                c->fail_closed ? "closed" : "open", (unsigned long long)c->deadline_ms,
                (unsigned long long)c->package_ms, (unsigned long long)(c->keep_bytes >> 20));
    if (c->rules[0])
        trn_put_fmt(&b, "rules %s\n", c->rules);
    if (c->indicators[0])
        trn_put_fmt(&b, "indicators %s\n", c->indicators);
    for (unsigned i = 0; i < c->n_watched; i++)
        trn_put_fmt(&b, "watch %s\n", c->watched[i]);
    if (b.bad)
        return trn_fail(err, -ENOMEM, "out of memory");
    if (mkdir("/etc/turncoat", 0755) < 0 && errno != EEXIST)
        return trn_fail(err, -errno, "cannot make '/etc/turncoat': %s", trn_errno_words(-errno));
    return trn_write_file_atomic(TRN_GATE_CONFIG, trn_buf_str(&b), 0644, err);
}

static int take_words(struct trn_cli *cli, struct trn_gate_config *c, struct trn_err *err)
{
    static const char *const words[] = {"deadline", "package-deadline", "keep-mb", "rules", "indicators"};
    static const char *const hints[] = {HINT_TIME ", from 1ms to 60m", HINT_TIME ", from 1ms to 60m",
                                        "MiB, a number up to 1048576; 0 keeps none", "a path", "a path"};
    char real[sizeof(c->rules)], shown[120];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        const char *given = trn_cli_value(cli, words[i]);
        if (given && i >= 3) { /* the hook runs from elsewhere: a whole path */
            char *whole = realpath(given, NULL);
            int e = whole ? 0 : -errno;
            (void)snprintf(real, sizeof(real), "%s", whole ? whole : given);
            free(whole);
            if (e < 0) /* every update would be judged without them */
                return trn_fail(err, -EINVAL, "cannot use --%s '%s': %s", words[i],
                                trn_escape_into(shown, sizeof(shown), trn_str_of(given)), trn_errno_words(e));
            given = real;
        }
        if (given && !take_line(trn_str_of(words[i]), trn_str_of(given), c)) {
            (void)trn_fail(err, -EINVAL, "'--%s' cannot be '%s'", words[i],
                           trn_escape_into(shown, sizeof(shown), trn_str_of(given)));
            trn_hint(err, "%s", hints[i]);
            return -EINVAL;
        }
    }
    const char *rules[TRN_CLI_MANY];
    if (trn_cli_all(cli, "rules", rules) > 1) {
        (void)trn_fail(err, -EINVAL, "'gate install' takes one --rules");
        trn_hint(err, "a folder with all of them");
        return -EINVAL;
    }
    c->fail_closed |= trn_cli_has(cli, "fail-closed");
    return 0;
}

/* None said: those that stand there stay, they name what somebody wants to be able to go back to. */
static int take_watch_words(struct trn_cli *cli, struct trn_gate_config *c, struct trn_err *err)
{
    const char *said[TRN_CLI_MANY];
    int n = trn_cli_all(cli, "watch", said);
    if (n == 0) {
        struct trn_gate_config before;
        trn_gate_config_read(cli, TRN_GATE_CONFIG, &before);
        memcpy(c->watched, before.watched, sizeof(c->watched));
        c->n_watched = before.n_watched;
    }
    for (int i = 0; i < n; i++) {
        char shown[120];
        if (!take_watched(trn_str_of(said[i]), c))
            return trn_fail(err, -EINVAL, "'--watch' cannot be '%s': a package's name, with * and ? for any",
                            trn_escape_into(shown, sizeof(shown), trn_str_of(said[i])));
    }
    return 0;
}

int trn_gate_hook_install(struct trn_cli *cli, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_gate_config c;
    char self[1024];
    trn_buf_init(&b, 16384);
    trn_gate_config_default(&c);
    int e = take_words(cli, &c, err);
    if (e == 0)
        e = take_watch_words(cli, &c, err);
    if (e == 0 && access(TRN_GATE_HOOK_DIR, F_OK) < 0)
        return trn_fail(err, -ENOENT, "cannot find apt's folder '" TRN_GATE_HOOK_DIR "': %s", trn_errno_words(-errno));
    if (e == 0 && (e = own_path(self, sizeof(self))) < 0)
        return trn_fail(err, e, "cannot name this program in apt's configuration: %s", trn_errno_words(e));
    if (e == 0) {
        TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(cli->state, err);
        e = folder < 0 ? folder : 0;
    }
    if (e == 0)
        e = write_config(&c, err);
    if (e < 0)
        return e;
    put_hook(&b, self, c.fail_closed);
    return trn_write_file_atomic(TRN_GATE_HOOK, trn_buf_str(&b), 0644, err);
}

int trn_gate_hook_remove(struct trn_cli *cli, struct trn_err *err)
{
    (void)cli;
    if (unlink(TRN_GATE_HOOK) == 0 || errno == ENOENT)
        return 0;
    return trn_fail(err, -errno, "cannot remove '%s': %s", TRN_GATE_HOOK, trn_errno_words(-errno));
}

/* Between "{\"" and " gate apt" stands the program. */
bool trn_gate_hook_is_broken(char *program, size_t size)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    struct trn_err err = {0};
    if (trn_read_file(TRN_GATE_HOOK, CONFIG_MAX, &b, &err) < 0)
        return false;
    struct trn_str rest = trn_buf_str(&b), line;
    while (trn_str_split(&rest, '\n', &line)) {
        struct trn_str begin = TRN_STR("DPkg::Pre-Install-Pkgs {\"");
        if (!trn_str_starts(line, begin))
            continue;
        line = trn_str_slice(line, begin.n, line.n);
        ptrdiff_t end = trn_str_find(line, ' ');
        if (end <= 0 || (size_t)end >= size)
            return false;
        (void)snprintf(program, size, "%.*s", (int)end, line.p);
        return access(program, X_OK) < 0;
    }
    return false;
}

bool trn_gate_hook_is_there(void)
{
    return faccessat(AT_FDCWD, TRN_GATE_HOOK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
