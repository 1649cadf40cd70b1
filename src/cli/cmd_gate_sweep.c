/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a publish place: each file in a folder is judged against the version before it in the same folder, and its verdict
 * stands beside it (NAME.turncoat.json). Judged again when the file, the one before, or the rules and indicators changed.
 * Must not: follow a link in that folder, write anything else there, or judge a file that is still being written.
 */
#include "cli/gate.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SUFFIX ".turncoat.json"
#define SETTLED_NS (2 * TRN_NS_PER_SEC)
#define LOOK_MS 5000 /* without news: rules and indicators may have changed */
#define AGAIN_MS 500
#define FILES_MAX 100000u
#define VERDICT_MAX (1u << 20)
#define FILE_MS 600000u

struct file {
    char *name; /* owned */
    struct stat st;
    struct file *before; /* the version before it; NULL: none */
};

struct sweep {
    struct trn_cli *cli;
    int dir;
    struct trn_scan_settings settings;
    struct file *files; /* in order of version */
    size_t n, cap;
    struct file **now; /* those that are judged now */
    size_t n_now;
    char question[2 * TRN_SHA256_SIZE + 1];
    enum trn_verdict worst;
    bool later, broken;
    size_t n_later, n_seen, n_judged; /* what the last look came to */
    char worst_of[300];               /* which file, escaped */
    unsigned bad_rules;
};

/* ---- which files, and what was before each ---- */

static int add(struct sweep *s, const char *name, const struct stat *st)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        struct file *more = cap > FILES_MAX ? NULL : reallocarray(s->files, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->files = more;
        s->cap = cap;
    }
    s->files[s->n] = (struct file){.name = strdup(name), .st = *st};
    return s->files[s->n].name ? (s->n++, 0) : -ENOMEM;
}

static bool is_fresh(const struct stat *st)
{
    uint64_t ctime = (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec, now = trn_wall_ns();
    return ctime <= now && ctime + SETTLED_NS > now; /* one from the future is a wrong clock */
}

static int read_folder(struct sweep *s)
{
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), e = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    if (!d) {
        trn_fd_close(fd);
        return -errno;
    }
    while (e == 0 && (de = readdir(d)) != NULL) {
        struct stat st;
        struct trn_str name = trn_str_of(de->d_name);
        if (de->d_name[0] == '.' || trn_str_ends(name, TRN_STR(SUFFIX)) ||
            fstatat(s->dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (is_fresh(&st)) { /* perhaps still being written */
            s->later = true;
            s->n_later++;
        } else {
            e = add(s, de->d_name, &st);
        }
    }
    closedir(d);
    return e;
}

static int by_version(const void *a, const void *b)
{
    return strverscmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* The next run of digits, with dots between them, is one version. */
static const char *behind_version(const char *p)
{
    while (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1])))
        p++;
    return p;
}

/* The same name but for version numbers. */
static bool same_product(const char *a, const char *b)
{
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a = behind_version(a);
            b = behind_version(b);
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

static void find_before(struct sweep *s)
{
    if (s->n)
        qsort(s->files, s->n, sizeof(*s->files), by_version);
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = i; k-- > 0 && !s->files[i].before;)
            if (same_product(s->files[i].name, s->files[k].name))
                s->files[i].before = &s->files[k];
}

/* ---- the verdict beside a file ---- */

static json_t *identity(const struct file *f)
{
    return f ? json_pack("{s:s%, s:I, s:I, s:I}", "file", f->name, strlen(f->name), "size", (json_int_t)f->st.st_size,
                         "changed", (json_int_t)f->st.st_ctim.tv_sec * 1000000000 + f->st.st_ctim.tv_nsec, "number",
                         (json_int_t)f->st.st_ino)
             : json_null();
}

static json_t *read_verdict(const struct sweep *s, const struct file *f)
{
    char name[NAME_MAX + sizeof(SUFFIX) + 8];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct stat st;
    trn_buf_init(&b, VERDICT_MAX);
    (void)snprintf(name, sizeof(name), "%s" SUFFIX, f->name);
    TRN_AUTO(trn_fd_closep) int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || trn_read_all(fd, &b) < 0)
        return NULL;
    return json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
}

static void weigh(struct sweep *s, const struct file *f, enum trn_verdict verdict)
{
    if (verdict <= s->worst)
        return;
    s->worst = verdict;
    trn_escape_into(s->worst_of, sizeof(s->worst_of), trn_str_of(f->name));
}

/* What was said of these very files under these very rules. */
static bool is_settled(struct sweep *s, const struct file *f)
{
    json_t *old = read_verdict(s, f), *self = identity(f), *before = identity(f->before);
    enum trn_verdict verdict;
    bool same = old && self && before && json_equal(json_object_get(old, "of"), self) &&
                json_equal(json_object_get(old, "compared_with"), before) &&
                trn_str_eq_c(trn_json_text(old, "question"), s->question) &&
                trn_verdict_parse(trn_json_text(old, "verdict"), &verdict) == 0;
    if (same)
        weigh(s, f, verdict);
    json_decref(old);
    json_decref(self);
    json_decref(before);
    return same;
}

static int write_verdict(const struct sweep *s, const struct file *f, const json_t *o)
{
    char name[NAME_MAX + sizeof(SUFFIX) + 8], part[sizeof(name) + 8];
    TRN_AUTO(trn_freep) char *text = json_dumps(o, JSON_INDENT(1));
    (void)snprintf(name, sizeof(name), "%s" SUFFIX, f->name);
    (void)snprintf(part, sizeof(part), ".%s.new", name);
    if (!text)
        return -ENOMEM;
    (void)unlinkat(s->dir, part, 0);
    TRN_AUTO(trn_fd_closep)
    int fd = openat(s->dir, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int e = fd < 0 ? -errno : trn_write_full(fd, text, strlen(text));
    if (e == 0)
        e = trn_write_full(fd, "\n", 1);
    if (e == 0 && renameat(s->dir, part, s->dir, name) < 0) /* a link that stands there is replaced, not followed */
        e = -errno;
    if (e < 0 && fd >= 0)
        (void)unlinkat(s->dir, part, 0);
    return e;
}

/* ---- judging ---- */

static int on_next(void *ctx, size_t pair, bool after, uint32_t k, struct trn_gate_file *ret)
{
    const struct sweep *s = ctx;
    const struct file *f = after ? s->now[pair] : s->now[pair]->before;
    struct stat st;
    if (k > 0 || !f)
        return 0;
    int fd = openat(s->dir, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        trn_fd_close(fd);
        return -EINVAL;
    }
    return trn_gate_give(fd, "", trn_str_of(f->name), ret);
}

static void say(const struct sweep *s, const struct file *f, json_t *o)
{
    char name[400], before[400] = "";
    FILE *to = s->cli->out;
    if (s->cli->json) {
        trn_print_json(to, o);
        fflush(to);
        return;
    }
    trn_escape_into(name, sizeof(name), trn_str_of(f->name));
    if (f->before)
        trn_escape_into(before, sizeof(before), trn_str_of(f->before->name));
    fprintf(to, "%.*s %u  %s, %s%s\n", TRN_STR_ARG(trn_json_text(o, "verdict")), (unsigned)trn_json_count(o, "score"),
            name, before[0] ? "compared with " : "nothing to compare it with", before);
    trn_gate_say_reasons(to, json_object_get(o, "reasons"));
    fflush(to);
}

static int on_done(void *ctx, const struct trn_gate_outcome *out)
{
    struct sweep *s = ctx;
    const struct file *f = s->now[out->pair];
    const struct trn_release_member *top = out->after ? trn_release_at(out->after, 0) : NULL;
    char shown[300], hex[2 * TRN_SHA256_SIZE + 1];
    enum trn_verdict verdict = TRN_VERDICT_CLEAN;
    uint16_t score = 0;
    trn_escape_into(shown, sizeof(shown), trn_str_of(f->name));
    if (out->code < 0 || !top) {
        fprintf(s->cli->err, "turncoat: '%s' is not judged: %s\n", shown, out->code < 0 ? out->why : "it is gone");
        s->broken = true;
        return 0;
    }
    json_t *reasons = out->diff ? trn_gate_reasons(out->diff) : trn_gate_alone(out->after, &verdict, &score);
    json_t *o = trn_gate_now("verdict");
    if (out->diff) {
        verdict = out->diff->verdict;
        score = out->diff->score;
    }
    trn_hex(top->sha256, TRN_SHA256_SIZE, hex);
    json_object_update_new(o,
                           json_pack("{s:s, s:s, s:i, s:b, s:s, s:o, s:o, s:s, s:o}", "schema", "turncoat.gate-file/1",
                                     "verdict", trn_verdict_name(verdict), "score", (int)score, "undecided",
                                     out->diff ? out->diff->undecided : trn_release_undecided(out->after), "sha256",
                                     hex, "of", identity(f), "compared_with", identity(f->before), "question",
                                     s->question, "reasons", reasons));
    json_object_del(o, "event");
    weigh(s, f, verdict);
    say(s, f, o);
    int e = write_verdict(s, f, o);
    if (e < 0) {
        fprintf(s->cli->err, "turncoat: cannot write the verdict beside '%s': %s\n", shown, trn_errno_words(e));
        s->broken = true;
    }
    json_decref(o);
    return 0;
}

static void on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct sweep *s = ctx;
    char shown[200];
    fprintf(s->cli->err, "turncoat: the rules of '%s' are not used: line %u: %.*s\n",
            trn_escape_into(shown, sizeof(shown), file), line, TRN_STR_ARG(why));
    s->bad_rules++;
}

static void forget(struct sweep *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->files[i].name);
    free(s->files);
    free(s->now);
    s->files = NULL;
    s->now = NULL;
    s->n = s->cap = s->n_now = 0;
}

static int sweep_once(struct sweep *s, struct trn_err *err)
{
    s->worst = TRN_VERDICT_CLEAN;
    s->later = s->broken = false;
    s->n_later = 0;
    s->bad_rules = 0;
    int e = trn_scan_settings_read(s->cli, &s->settings, err);
    if (e < 0)
        return e;
    trn_hex(s->settings.question, TRN_SHA256_SIZE, s->question);
    e = read_folder(s);
    if (e == 0) {
        find_before(s);
        s->now = calloc(s->n + 1, sizeof(struct file *));
        e = s->now ? 0 : -ENOMEM;
    }
    for (size_t i = 0; e == 0 && i < s->n; i++)
        if (!is_settled(s, &s->files[i]))
            s->now[s->n_now++] = &s->files[i];
    const struct trn_gate_judge j = {.settings = &s->settings,
                                     .n = s->n_now,
                                     .package_ms = FILE_MS,
                                     .until_mono_ns = UINT64_MAX,
                                     .next = on_next,
                                     .done = on_done,
                                     .bad_rule = on_bad_rule,
                                     .ctx = s};
    if (e == 0)
        e = trn_gate_judge(&j, err);
    trn_scan_settings_done(&s->settings, e == 0, s->bad_rules);
    s->n_seen = s->n;
    s->n_judged = s->n_now;
    forget(s);
    return e < 0 && !err->code ? trn_fail(err, e, "cannot look at that folder: %s", trn_errno_words(e)) : e;
}

static int stay_there(struct sweep *s, const char *path, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int news = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (news < 0 ||
        inotify_add_watch(news, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0)
        return trn_fail(err, -errno, "cannot watch that folder: %s", trn_errno_words(-errno));
    for (int e = 0; e == 0;) {
        struct pollfd p = {.fd = news, .events = POLLIN};
        char drained[65536];
        e = sweep_once(s, err);
        if (poll(&p, 1, s->later ? AGAIN_MS : LOOK_MS) > 0) {
            (void)poll(NULL, 0, AGAIN_MS); /* more may come with it */
            while (read(news, drained, sizeof(drained)) > 0)
                ;
        }
    }
    return err->code;
}

static void sweep_done(struct sweep *s)
{
    s->dir = trn_fd_close(s->dir);
    forget(s);
}

/* What is as it was is not told again, and the exit code speaks of all: why, stands here. */
static void say_sum(const struct sweep *s)
{
    FILE *to = s->cli->err;
    if (s->n_seen + s->n_later == 0) {
        fputs("turncoat: there is no file to judge in this folder\n", to);
        return;
    }
    bool worst = s->worst > TRN_VERDICT_CLEAN;
    if (s->n_seen)
        fprintf(to, "turncoat: %zu judged now, %zu as before%s%s%s%s\n", s->n_judged, s->n_seen - s->n_judged,
                worst ? "; the worst is " : "", worst ? s->worst_of : "", worst ? ", " : "",
                worst ? trn_verdict_name(s->worst) : "");
    if (s->n_later)
        fprintf(to, "turncoat: %zu changed less than 2 s ago and may still be written: not judged\n", s->n_later);
}

static int sweep(struct trn_cli *cli, bool stay)
{
    TRN_AUTO(sweep_done) struct sweep s = {.cli = cli, .dir = -1};
    struct trn_err err = {0};
    char shown[200];
    const char *path = cli->operands[1];
    int e = 0;
    s.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.dir < 0) {
        (void)trn_fail(&err, -errno, "cannot look at '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(path)),
                       errno == ENOTDIR ? "it is no folder" : trn_errno_words(-errno));
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    if (stay)
        e = stay_there(&s, path, &err);
    else
        e = sweep_once(&s, &err);
    if (e < 0)
        return trn_cli_error(cli, &err, e == -EINVAL || e == -ENOENT ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    if (!stay)
        say_sum(&s);
    return s.worst >= cli->fail_on ? TRN_EXIT_FINDINGS : s.broken || s.later ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}

int trn_gate_sweep_once(struct trn_cli *cli)
{
    return sweep(cli, false);
}

int trn_gate_sweep_stay(struct trn_cli *cli)
{
    return sweep(cli, true);
}
