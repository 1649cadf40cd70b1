/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a publish place: each file of it is judged against the last version before it that is not suspicious itself
 * (cmd_gate_place.c), the first one against the last release seen below it, and its verdict stands beside it
 * (NAME.turncoat.json). Judged again when the file, the one before, or the rules and indicators changed.
 * Must not: follow a link in that place, write anything else there, or judge a file that is still being written.
 */
#include "cli/gate.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LOOK_MS 5000 /* without news: rules and indicators may have changed */
#define AGAIN_MS 500
#define VERDICT_MAX (1u << 20)
#define FILE_MS 600000u
#define FOLDERS_WATCHED 1000u
#define HISTORY 4u /* releases that were seen before, of one product */

struct sweep {
    struct trn_cli *cli;
    struct trn_gate_place place;
    struct trn_scan_settings settings;
    struct trn_gate_published **now; /* those that are judged now */
    size_t n_now;
    char question[2 * TRN_SHA256_SIZE + 1];
    struct trn_map *settled; /* while it stays: of a file, its verdict's, and what was asked -> that verdict */
    struct trn_diff_seen seen;
    struct trn_release *history[HISTORY]; /* owned; of the product that is judged, newest first */
    size_t n_history;
    bool seen_open, seen_bad;
    enum trn_verdict worst;
    bool broken;
    size_t n_judged;    /* with the last look */
    char worst_of[300]; /* which file, escaped */
    uint64_t left_out;  /* as it was told last */
    unsigned bad_rules;
};

/* ---- the verdict beside a file ---- */

/* A name may be any bytes, JSON is UTF-8. */
static json_t *identity(const struct trn_gate_published *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 8 * TRN_GATE_PATH_MAX);
    if (!f)
        return json_null();
    trn_escape(&b, trn_str_of(f->path));
    return json_pack("{s:s%, s:I, s:I, s:I}", "file", b.p ? b.p : "", b.n, "size", (json_int_t)f->st.st_size, "changed",
                     (json_int_t)f->st.st_ctim.tv_sec * 1000000000 + f->st.st_ctim.tv_nsec, "number",
                     (json_int_t)f->st.st_ino);
}

/* Where its verdict stands: the name in its folder, which is opened. fd or negative. */
static int open_folder_of(const struct sweep *s, const struct trn_gate_published *f, char *name, size_t size)
{
    char folder[TRN_GATE_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)f->base, f->path);
    (void)snprintf(name, size, "%s" TRN_GATE_VERDICT_END, f->path + f->base);
    return trn_gate_place_open(&s->place, folder, O_RDONLY | O_DIRECTORY);
}

static bool is_a_verdict(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

static json_t *read_verdict(int dir, const char *name)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct stat st;
    trn_buf_init(&b, VERDICT_MAX);
    TRN_AUTO(trn_fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || !is_a_verdict(&st) || trn_read_all(fd, &b) < 0)
        return NULL;
    return json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
}

static uint64_t mix_file(uint64_t h, const struct stat *st)
{
    const uint64_t all[] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
                            (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++)
        h = trn_hash64_mix(h, all[i]);
    return h;
}

/* All that a verdict which was read once depends on. 0: there is none. */
static uint64_t settled_key(const struct sweep *s, const struct trn_gate_published *f, int dir, const char *name)
{
    struct stat st;
    uint64_t h = trn_hash64_mix(trn_hash64_str(trn_str_of(s->question)), trn_hash64_str(trn_str_of(f->path)));
    if (!s->settled || dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_a_verdict(&st))
        return 0;
    h = mix_file(mix_file(h, &st), &f->st);
    return (f->before ? mix_file(h, &f->before->st) : h) | 1;
}

static void weigh(struct sweep *s, struct trn_gate_published *f, enum trn_verdict verdict)
{
    f->known = true;
    f->bad = verdict >= TRN_VERDICT_SUSPICIOUS;
    if (verdict <= s->worst)
        return;
    s->worst = verdict;
    trn_escape_into(s->worst_of, sizeof(s->worst_of), trn_str_of(f->path));
}

/* What was said of these very files under these very rules. */
static bool is_settled(struct sweep *s, struct trn_gate_published *f)
{
    char name[NAME_MAX + sizeof(TRN_GATE_VERDICT_END) + 8];
    TRN_AUTO(trn_fd_closep) int dir = open_folder_of(s, f, name, sizeof(name));
    uint64_t key = settled_key(s, f, dir, name), known;
    if (key && trn_map_get(s->settled, key, &known)) {
        weigh(s, f, (enum trn_verdict)known);
        return true;
    }
    json_t *old = dir < 0 ? NULL : read_verdict(dir, name), *self = identity(f), *before = identity(f->before);
    enum trn_verdict verdict = TRN_VERDICT_CLEAN;
    bool same = old && self && before && json_equal(json_object_get(old, "of"), self) &&
                json_equal(json_object_get(old, "compared_with"), before) &&
                trn_str_eq_c(trn_json_text(old, "question"), s->question) &&
                trn_verdict_parse(trn_json_text(old, "verdict"), &verdict) == 0;
    if (same)
        weigh(s, f, verdict);
    s->broken |= same && trn_json_true(old, "undecided");
    if (same && key)
        (void)!trn_map_put(s->settled, key, verdict); /* full: it is read again */
    json_decref(old);
    json_decref(self);
    json_decref(before);
    return same;
}

static int write_verdict(const struct sweep *s, const struct trn_gate_published *f, const json_t *o)
{
    char name[NAME_MAX + sizeof(TRN_GATE_VERDICT_END) + 8], part[sizeof(name) + 8];
    TRN_AUTO(trn_freep) char *text = json_dumps(o, JSON_INDENT(1));
    TRN_AUTO(trn_fd_closep) int dir = open_folder_of(s, f, name, sizeof(name));
    (void)snprintf(part, sizeof(part), ".%s.new", name);
    if (dir < 0)
        return dir;
    if (!text)
        return -ENOMEM;
    (void)unlinkat(dir, part, 0);
    TRN_AUTO(trn_fd_closep)
    int fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int e = fd < 0 ? -errno : trn_write_full(fd, text, strlen(text));
    if (e == 0)
        e = trn_write_full(fd, "\n", 1);
    if (e == 0 && renameat(dir, part, dir, name) < 0) /* a link that stands there is replaced, not followed */
        e = -errno;
    if (e < 0 && fd >= 0)
        (void)unlinkat(dir, part, 0);
    return e;
}

/* ---- judging ---- */

static int on_next(void *ctx, size_t pair, bool after, uint32_t k, struct trn_gate_file *ret)
{
    const struct sweep *s = ctx;
    const struct trn_gate_published *f = after ? s->now[pair] : s->now[pair]->before;
    struct stat st;
    if (k > 0 || !f)
        return 0;
    int fd = trn_gate_place_open(&s->place, f->path, O_RDONLY);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        trn_fd_close(fd);
        return -EINVAL;
    }
    return trn_gate_give(fd, "", trn_str_of(f->path + f->base), ret);
}

/* ---- releases that were seen before, here or by 'turncoat diff' ---- */

/* Opened after the workers were started, closed before the next ones are: it is not to be carried over a fork. */
static bool open_seen(struct sweep *s)
{
    struct trn_err err = {0};
    if (s->seen_open || s->seen_bad || trn_cli_has(s->cli, "no-remember"))
        return s->seen_open;
    s->seen_open = trn_diff_seen_open(&s->seen, trn_cli_value(s->cli, "store"), &err) == 0;
    if (!s->seen_open)
        (void)trn_cli_error(s->cli, &err, TRN_EXIT_OK);
    s->seen_bad = !s->seen_open;
    return s->seen_open;
}

static void close_seen(struct sweep *s)
{
    if (s->seen_open)
        trn_diff_seen_done(&s->seen);
    s->seen_open = false;
}

static void forget_history(struct sweep *s)
{
    for (size_t i = 0; i < s->n_history; i++)
        s->history[i] = trn_release_free(s->history[i]);
    s->n_history = 0;
}

/* The first of its product here: compared with the last version below it that was seen. NULL: with nothing. */
static struct trn_diff *compare_with_seen(struct sweep *s, const struct trn_release *after, char *was, size_t size)
{
    const struct trn_release *below[HISTORY + 1] = {NULL};
    struct trn_str version = trn_release_version(after);
    struct trn_diff *d = NULL;
    struct trn_err err = {0};
    size_t n = 0;
    if (!trn_release_product(after).n || !version.n || !open_seen(s) ||
        trn_release_store_history(s->seen.store, after, HISTORY, s->history, &s->n_history, &err) < 0)
        return NULL;
    for (size_t i = 0; i < s->n_history; i++) {
        struct trn_str other = trn_release_version(s->history[i]);
        if (other.n && trn_version_compare(other, version) < 0)
            below[n++] = s->history[i];
    }
    const struct trn_diff_options o = {.sz = sizeof(o), .history = below + 1, .n_history = n ? n - 1 : 0};
    if (n && trn_diff_new(below[0], after, &o, &d, &err) == 0)
        trn_escape_into(was, size, trn_release_version(below[0]));
    return d;
}

/* What the next one is compared with: nothing that is suspicious, or was not looked at whole. */
static void remember(struct sweep *s, const struct trn_release *after, enum trn_verdict verdict)
{
    struct trn_err err = {0};
    if (verdict >= TRN_VERDICT_SUSPICIOUS || trn_release_undecided(after) || !trn_release_product(after).n ||
        !trn_release_version(after).n || !open_seen(s) || trn_diff_seen_remember(&s->seen, after, &err) == 0)
        return;
    if (err.code != -EFBIG)
        (void)trn_cli_error(s->cli, &err, TRN_EXIT_OK);
}

/* ---- verdicts ---- */

static void say(const struct sweep *s, const struct trn_gate_published *f, const char *was, json_t *o)
{
    char name[400], before[400] = "";
    FILE *to = s->cli->out;
    if (s->cli->json) {
        trn_print_json(to, o);
        fflush(to);
        return;
    }
    trn_escape_into(name, sizeof(name), trn_str_of(f->path));
    if (f->before)
        trn_escape_into(before, sizeof(before), trn_str_of(f->before->path));
    else if (was[0])
        (void)snprintf(before, sizeof(before), "%.200s, which was seen before", was);
    fprintf(to, "%.*s %u  %s, %s%s%s\n", TRN_STR_ARG(trn_json_text(o, "verdict")), (unsigned)trn_json_count(o, "score"),
            name, before[0] ? "compared with " : "nothing to compare it with", before,
            trn_json_true(o, "undecided") ? "; not all of it could be looked at" : "");
    trn_gate_say_reasons(to, json_object_get(o, "reasons"));
    fflush(to);
}

/* One file, its verdict as it is to stand beside it. */
static json_t *judge(struct sweep *s, const struct trn_gate_outcome *out, char *was, size_t size)
{
    struct trn_gate_published *f = s->now[out->pair];
    TRN_AUTO(trn_diff_freep)
    struct trn_diff *own = out->diff ? NULL : compare_with_seen(s, out->after, was, size);
    const struct trn_diff *d = out->diff ? out->diff : own;
    enum trn_verdict verdict = d ? d->verdict : TRN_VERDICT_CLEAN;
    uint16_t score = d ? d->score : 0;
    bool undecided = d ? d->undecided : trn_release_undecided(out->after);
    char hex[2 * TRN_SHA256_SIZE + 1];
    json_t *reasons = d ? trn_gate_reasons(d) : trn_gate_alone(out->after, &verdict, &score);
    json_t *o = trn_gate_now("verdict");
    trn_hex(trn_release_at(out->after, 0)->sha256, TRN_SHA256_SIZE, hex);
    json_object_update_new(o,
                           json_pack("{s:s, s:s, s:i, s:b, s:s, s:o, s:o, s:s, s:o}", "schema", "turncoat.gate-file/1",
                                     "verdict", trn_verdict_name(verdict), "score", (int)score, "undecided", undecided,
                                     "sha256", hex, "of", identity(f), "compared_with", identity(f->before), "question",
                                     s->question, "reasons", reasons));
    json_object_set_new(o, "seen_before", own ? json_string(was) : json_null());
    json_object_del(o, "event");
    weigh(s, f, verdict);
    s->broken |= undecided;
    own = trn_diff_free(own); /* it borrows the history */
    forget_history(s);
    remember(s, out->after, verdict);
    return o;
}

static int on_done(void *ctx, const struct trn_gate_outcome *out)
{
    struct sweep *s = ctx;
    const struct trn_gate_published *f = s->now[out->pair];
    char shown[300], was[120] = "";
    trn_escape_into(shown, sizeof(shown), trn_str_of(f->path));
    if (out->code < 0 || !out->after || !trn_release_count(out->after)) {
        fprintf(s->cli->err, "turncoat: '%s' is not judged: %s\n", shown, out->code < 0 ? out->why : "it is gone");
        s->broken = true;
        return 0;
    }
    json_t *o = judge(s, out, was, sizeof(was));
    say(s, f, was, o);
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
    trn_gate_say_bad_rule(s->cli->err, file, line, why);
    s->bad_rules++;
}

static void forget(struct sweep *s)
{
    close_seen(s);
    trn_gate_place_forget(&s->place);
    free(s->now);
    s->now = NULL;
    s->n_now = 0;
}

static void say_left_out(struct sweep *s)
{
    if (s->place.left_out != s->left_out && s->place.left_out)
        fprintf(s->cli->err,
                "turncoat: %llu folders or names are not looked at: too deep, too many, too long, not to be read, or "
                "another "
                "file system\n",
                (unsigned long long)s->place.left_out);
    s->left_out = s->place.left_out;
    s->broken |= s->left_out > 0;
}

/* Those that can be judged now. What a suspicious version brought would not be new in the one after it: it is passed over, so each
 * waits until the one before it is known. */
static void choose(struct sweep *s)
{
    s->n_now = 0;
    for (size_t i = 0; i < s->place.n; i++) {
        struct trn_gate_published *f = &s->place.files[i];
        if (f->known)
            continue;
        while (f->before && f->before->bad)
            f->before = f->before->before;
        if ((!f->before || f->before->known) && !is_settled(s, f))
            s->now[s->n_now++] = f;
    }
}

static int judge_all(struct sweep *s, struct trn_err *err)
{
    int e = 0;
    for (choose(s); e == 0 && s->n_now; choose(s)) {
        const struct trn_gate_judge j = {.settings = &s->settings,
                                         .n = s->n_now,
                                         .package_ms = FILE_MS,
                                         .until_mono_ns = UINT64_MAX,
                                         .next = on_next,
                                         .done = on_done,
                                         .bad_rule = s->n_judged ? NULL : on_bad_rule,
                                         .ctx = s};
        e = trn_gate_judge(&j, err);
        close_seen(s);
        s->n_judged += s->n_now;
        for (size_t i = 0; i < s->n_now; i++)
            if (!s->now[i]->known) /* it could not be judged, and was told */
                s->now[i]->known = s->now[i]->bad = true;
    }
    return e;
}

static int sweep_once(struct sweep *s, struct trn_err *err)
{
    s->worst = TRN_VERDICT_CLEAN;
    s->broken = s->seen_bad = false;
    s->bad_rules = 0;
    s->n_judged = 0;
    int e = trn_scan_settings_read(s->cli, &s->settings, err);
    if (e < 0)
        return e;
    trn_hex(s->settings.question, TRN_SHA256_SIZE, s->question);
    forget(s);
    e = trn_gate_place_read(&s->place);
    if (e == 0) {
        s->now = calloc(s->place.n + 1, sizeof(*s->now));
        e = s->now ? judge_all(s, err) : -ENOMEM;
    }
    trn_scan_settings_done(&s->settings, e == 0, s->bad_rules);
    if (e == 0)
        say_left_out(s);
    return e < 0 && !err->code ? trn_fail(err, e, "cannot look at that folder: %s", trn_errno_words(e)) : e;
}

/* Also folders that are new; those beyond the limit are seen with the next look. */
static void watch_folders(const struct sweep *s, const char *top, int news)
{
    for (size_t i = 0; i < s->place.n_folders && i < FOLDERS_WATCHED; i++) {
        char path[2 * TRN_GATE_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", top, s->place.folders[i]);
        (void)inotify_add_watch(news, path,
                                IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW);
    }
}

static int stay_there(struct sweep *s, const char *path, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int news = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (news < 0 ||
        inotify_add_watch(news, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0)
        return trn_fail(err, -errno, "cannot watch that folder: %s", trn_errno_words(-errno));
    s->settled = trn_map_new(2 * 100000u);
    for (int e = 0; e == 0;) {
        struct pollfd p = {.fd = news, .events = POLLIN};
        char drained[65536];
        e = sweep_once(s, err);
        watch_folders(s, path, news);
        if (poll(&p, 1, s->place.later ? AGAIN_MS : LOOK_MS) > 0) {
            (void)poll(NULL, 0, AGAIN_MS); /* more may come with it */
            while (read(news, drained, sizeof(drained)) > 0)
                ;
        }
    }
    return err->code;
}

static void sweep_done(struct sweep *s)
{
    forget(s);
    s->settled = trn_map_free(s->settled);
    s->place.dir = trn_fd_close(s->place.dir);
}

/* What is as it was is not told again, and the exit code speaks of all: why, stands here. */
static void say_sum(const struct sweep *s)
{
    FILE *to = s->cli->err;
    if (s->place.n + s->place.later == 0) {
        fputs("turncoat: there is no file to judge in this folder\n", to);
        return;
    }
    bool worst = s->worst > TRN_VERDICT_CLEAN;
    if (s->place.n)
        fprintf(to, "turncoat: %zu judged now, %zu as before%s%s%s%s\n", s->n_judged, s->place.n - s->n_judged,
                worst ? "; the worst is " : "", worst ? s->worst_of : "", worst ? ", " : "",
                worst ? trn_verdict_name(s->worst) : "");
    if (s->place.later)
        fprintf(to, "turncoat: %zu changed less than 2 s ago and may still be written: not judged\n", s->place.later);
}

static int sweep(struct trn_cli *cli, bool stay)
{
    TRN_AUTO(sweep_done) struct sweep s = {.cli = cli, .place = {.dir = -1}};
    struct trn_err err = {0};
    char shown[200];
    const char *path = cli->operands[1];
    int e = 0;
    s.place.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.place.dir < 0) {
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
    if (s.worst >= cli->fail_on && s.worst > TRN_VERDICT_CLEAN)
        return TRN_EXIT_FINDINGS;
    return s.broken || s.place.later ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}

int trn_gate_sweep_once(struct trn_cli *cli)
{
    return sweep(cli, false);
}

int trn_gate_sweep_stay(struct trn_cli *cli)
{
    return sweep(cli, true);
}
