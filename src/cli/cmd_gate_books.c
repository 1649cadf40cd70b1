/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the books of the gate, in its folder: the journal (a JSON line for each thing that happened), what is allowed against
 * a refusal (who, when, why, which content, until when), and verdicts that were given before.
 * Must not: keep apt from going on when there is no room to write: the caller tells it.
 */
#include "cli/gate.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#define JOURNAL "journal.jsonl"
#define JOURNAL_MAX (8u << 20)
#define ALLOWED "allowed.jsonl"
#define ALLOWED_MAX (1u << 20)
#define VERDICT_MAX (256u << 10)
#define ALLOW_S 86400u
#define ALLOW_MOST_S (14u * 86400u)
#define CLOCKS_APART_S 300u /* a clock that is set right */
#define READ_MOST 2000u
#define TOLD_MOST (2u * TRN_GATE_ITEMS_MAX) /* lines that one transaction may have, and some others */

json_t *trn_gate_now(const char *event)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 64);
    trn_put_time_iso(&b, trn_wall_ns());
    return json_pack("{s:s, s:s}", "event", event, "time", b.p ? b.p : "");
}

/* ---- files of lines ---- */

/* The whole line or none of it; behind one that was cut off (power, a full disk) it begins anew. */
static int append_whole(int fd, const char *line, size_t n)
{
    struct stat st;
    char last = '\n';
    int e = trn_fstat(fd, &st);
    if (e < 0)
        return e;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
        return -EIO;
    e = last == '\n' ? 0 : trn_write_full(fd, "\n", 1);
    if (e == 0)
        e = trn_write_full(fd, line, n);
    if (e < 0)
        (void)!ftruncate(fd, st.st_size);
    return e;
}

static int append_line(int folder, const char *name, size_t max, json_t *line)
{
    char old[64];
    struct stat st;
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(line);
    if (!text)
        return -ENOMEM;
    TRN_AUTO(trn_freep) char *whole = NULL;
    int n = asprintf(&whole, "%s\n", text);
    free(text);
    if (n < 0) {
        whole = NULL;
        return -ENOMEM;
    }
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (size_t)st.st_size > max) {
        (void)snprintf(old, sizeof(old), "%s.1", name);
        (void)renameat(folder, name, folder, old);
    }
    TRN_AUTO(trn_fd_closep)
    int fd = openat(folder, name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    return fd < 0 ? -errno : append_whole(fd, whole, (size_t)n);
}

/* Lines that are objects; a line that was cut off (a full disk) is passed over. */
static json_t *read_lines(int folder, const char *name, size_t max, size_t most)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str rest, line;
    json_t *all = json_array();
    trn_buf_init(&b, 2 * max);
    TRN_AUTO(trn_fd_closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || !all || trn_read_all(fd, &b) < 0)
        return all;
    rest = trn_buf_str(&b);
    while (rest.n && trn_str_split(&rest, '\n', &line)) {
        json_t *o = line.n ? json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (json_is_object(o))
            json_array_append_new(all, o);
        else
            json_decref(o);
        if (json_array_size(all) > most)
            json_array_remove(all, 0);
    }
    return all;
}

int trn_gate_book(int folder, json_t *line)
{
    return append_line(folder, JOURNAL, JOURNAL_MAX, line);
}

json_t *trn_gate_lines(int folder, const char *name, size_t most)
{
    return read_lines(folder, name, ALLOWED_MAX, most);
}

int trn_gate_append(int folder, const char *name, json_t *line)
{
    return append_line(folder, name, ALLOWED_MAX, line);
}

/* When the journal has just begun anew, what was told last stands in the one before it. */
json_t *trn_gate_book_read(int folder, size_t most)
{
    json_t *now = read_lines(folder, JOURNAL, JOURNAL_MAX, most);
    if (json_array_size(now) >= most)
        return now;
    json_t *all = read_lines(folder, JOURNAL ".1", JOURNAL_MAX, most - json_array_size(now));
    (void)json_array_extend(all, now);
    json_decref(now);
    return all;
}

/* ---- what is told of a package ---- */

static json_t *text_of(struct trn_str s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 8192);
    trn_escape(&b, s); /* names of files may be any bytes */
    return json_stringn(b.p ? b.p : "", b.n);
}

json_t *trn_gate_reason(const struct trn_release_member *m, const struct trn_finding *f)
{
    char name[200];
    return json_pack("{s:s, s:i, s:o, s:o}", "check", trn_finding_name(f, name, sizeof(name)), "score",
                     (int)trn_score_alone(f, NULL), "path", text_of(m ? m->path : TRN_STR("")), "summary",
                     text_of(f->summary));
}

json_t *trn_gate_reasons(const struct trn_diff *d)
{
    json_t *all = json_array();
    for (size_t i = 0; i < d->n_reasons && json_array_size(all) < TRN_GATE_REASONS; i++) {
        const struct trn_change *c = d->reasons[i].change;
        if (d->reasons[i].finding->score)
            json_array_append_new(all, trn_gate_reason(c->new_member ? c->new_member : c->old_member,
                                                       d->reasons[i].finding));
    }
    return all;
}

json_t *trn_gate_alone(const struct trn_release *r, enum trn_verdict *ret_verdict, uint16_t *ret_score)
{
    struct trn_score score = {0};
    json_t *all = json_array();
    for (size_t i = 0; i < trn_release_count(r); i++) {
        const struct trn_release_member *m = trn_release_at(r, i);
        for (size_t k = 0; k < m->n_findings; k++) {
            const struct trn_finding *f = m->findings[k];
            trn_score_add(&score, f);
            if (f->score && json_array_size(all) < TRN_GATE_REASONS)
                json_array_append_new(all, trn_gate_reason(m, f));
        }
    }
    *ret_score = trn_score_of(&score, ret_verdict);
    return all;
}

void trn_gate_say_bad_rule(FILE *to, struct trn_str file, uint32_t line, struct trn_str why)
{
    char shown[200];
    fprintf(to, "turncoat: the rules of '%s' are not used: line %u: %.*s\n",
            trn_escape_into(shown, sizeof(shown), file), line, TRN_STR_ARG(why));
}

void trn_gate_say_reasons(FILE *to, const json_t *reasons)
{
    size_t i;
    json_t *o;
    json_array_foreach(reasons, i, o)
    {
        fprintf(to, "  %2d  %-26.*s %.*s\n      %.*s\n", (int)trn_json_count(o, "score"),
                TRN_STR_ARG(trn_json_text(o, "check")), TRN_STR_ARG(trn_json_text(o, "path")),
                TRN_STR_ARG(trn_json_text(o, "summary")));
    }
}

json_t *trn_gate_told_json(const struct trn_gate_told *t, uint64_t transaction)
{
    json_t *o = trn_gate_now("package");
    json_object_set_new(o, "transaction", json_integer((json_int_t)transaction));
    json_object_set_new(o, "package", text_of(t->name));
    json_object_set_new(o, "from", t->from.n ? text_of(t->from) : json_null());
    json_object_set_new(o, "to", text_of(t->to));
    json_object_set_new(o, "arch", text_of(t->arch));
    json_object_set_new(o, "old", json_string(t->old_side));
    json_object_set_new(o, "judged", json_boolean(t->judged));
    if (t->sha256[0])
        json_object_set_new(o, "sha256", json_string(t->sha256));
    json_object_set_new(o, "ms", json_integer((json_int_t)t->ms));
    if (!t->judged) {
        json_object_set_new(o, "why", text_of(t->why));
        return o;
    }
    json_object_set_new(o, "verdict", json_string(trn_verdict_name(t->verdict)));
    json_object_set_new(o, "score", json_integer(t->score));
    json_object_set_new(o, "undecided", json_boolean(t->undecided));
    json_object_set_new(o, "allowed", json_boolean(t->allowed));
    if (t->reasons)
        json_object_set(o, "reasons", t->reasons);
    return o;
}

/* ---- verdicts that were given before ---- */

static int verdict_name(const uint8_t key[TRN_SHA256_SIZE], char *dst)
{
    trn_hex(key, TRN_SHA256_SIZE, dst);
    return 0;
}

json_t *trn_gate_remembered(int folder, const uint8_t key[TRN_SHA256_SIZE])
{
    char name[2 * TRN_SHA256_SIZE + 1];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, VERDICT_MAX);
    (void)verdict_name(key, name);
    TRN_AUTO(trn_fd_closep)
    int dir = openat(folder, TRN_GATE_VERDICTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    TRN_AUTO(trn_fd_closep)
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || trn_read_all(fd, &b) < 0)
        return NULL;
    json_t *o = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(o) && json_is_string(json_object_get(o, "verdict")) &&
        json_is_integer(json_object_get(o, "score")) && json_is_array(json_object_get(o, "reasons")))
        return o;
    json_decref(o);
    return NULL;
}

void trn_gate_remember(int folder, const uint8_t key[TRN_SHA256_SIZE], const json_t *verdict)
{
    char name[2 * TRN_SHA256_SIZE + 1], part[sizeof(name) + 8];
    char *text = json_dumps(verdict, JSON_COMPACT);
    if (!text || (mkdirat(folder, TRN_GATE_VERDICTS, 0700) < 0 && errno != EEXIST)) {
        free(text);
        return;
    }
    TRN_AUTO(trn_fd_closep)
    int dir = openat(folder, TRN_GATE_VERDICTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    (void)verdict_name(key, name);
    (void)snprintf(part, sizeof(part), "%s.new", name);
    TRN_AUTO(trn_fd_closep)
    int fd = dir < 0 ? -1 : openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && (trn_write_full(fd, text, strlen(text)) < 0 || renameat(dir, part, dir, name) < 0))
        (void)unlinkat(dir, part, 0);
    free(text);
}

/* ---- what is allowed against a refusal ---- */

/* Not before it was said either: when the clock goes back, what is allowed does not live longer for it. */
static bool holds(const json_t *a, uint64_t now_ns)
{
    uint64_t from = 0, until = 0;
    struct trn_str begun = trn_json_text(a, "time"), ends = trn_json_text(a, "until");
    if (trn_str_find(begun, '-') < 0 || trn_str_find(ends, '-') < 0) /* a moment, not a span before now */
        return false;
    return trn_time_parse(begun, now_ns, &from) == 0 && trn_time_parse(ends, now_ns, &until) == 0 && until > now_ns &&
           from <= now_ns + CLOCKS_APART_S * TRN_NS_PER_SEC && until <= from + ALLOW_MOST_S * TRN_NS_PER_SEC;
}

json_t *trn_gate_allow_list(int folder)
{
    return read_lines(folder, ALLOWED, ALLOWED_MAX, READ_MOST);
}

json_t *trn_gate_allowed(int folder, struct trn_str name, struct trn_str version, const char *sha256)
{
    json_t *all = trn_gate_allow_list(folder), *found = NULL;
    uint64_t now = trn_wall_ns();
    for (size_t i = json_array_size(all); i-- > 0 && !found;) {
        json_t *a = json_array_get(all, i);
        if (trn_str_eq(trn_json_text(a, "package"), name) && trn_str_eq(trn_json_text(a, "version"), version) &&
            trn_str_eq_c(trn_json_text(a, "sha256"), sha256) && holds(a, now))
            found = json_incref(a);
    }
    json_decref(all);
    return found;
}

/* The last package of that name and version that was judged: what is allowed is its content, no other. */
static json_t *last_told(int folder, struct trn_str name, struct trn_str version)
{
    json_t *all = trn_gate_book_read(folder, TOLD_MOST), *found = NULL;
    for (size_t i = json_array_size(all); i-- > 0 && !found;) {
        json_t *o = json_array_get(all, i);
        if (trn_str_eq_c(trn_json_text(o, "event"), "package") && trn_str_eq(trn_json_text(o, "package"), name) &&
            trn_str_eq(trn_json_text(o, "to"), version) && trn_json_text(o, "sha256").n)
            found = json_incref(o);
    }
    json_decref(all);
    return found;
}

/* Who is behind sudo, else who is logged in, else the number. */
static void put_who(json_t *o)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    uint64_t uid = getuid(), login = UINT32_MAX;
    if (trn_read_file("/proc/self/loginuid", 32, &b, NULL) == 0 &&
        trn_str_u64(trn_str_trim(trn_buf_str(&b)), &login) == 0 && login != UINT32_MAX)
        uid = login;
    const struct passwd *pw = getpwuid((uid_t)uid); /* one thread; NOLINT(concurrency-mt-unsafe) */
    json_object_set_new(o, "uid", json_integer((json_int_t)uid));
    json_object_set_new(o, "by", pw ? text_of(trn_str_of(pw->pw_name)) : json_null());
}

static json_t *allow_of(struct trn_cli *cli, const json_t *told, const char *reason, uint64_t seconds)
{
    TRN_AUTO(trn_buf_done) struct trn_buf until;
    json_t *o = trn_gate_now("allow");
    (void)cli;
    trn_buf_init(&until, 64);
    trn_put_time_iso(&until, trn_wall_ns() + seconds * TRN_NS_PER_SEC);
    json_object_set(o, "package", json_object_get(told, "package"));
    json_object_set(o, "version", json_object_get(told, "to"));
    json_object_set(o, "sha256", json_object_get(told, "sha256"));
    json_object_set(o, "verdict", json_object_get(told, "verdict"));
    json_object_set_new(o, "until", json_string(until.p ? until.p : ""));
    json_object_set_new(o, "reason", text_of(trn_str_of(reason)));
    put_who(o);
    return o;
}

static int allow_words(struct trn_cli *cli, struct trn_str *name, struct trn_str *version, uint64_t *seconds,
                       struct trn_err *err)
{
    const char *what = cli->n_operands > 1 ? cli->operands[1] : "", *time = trn_cli_value(cli, "for");
    const char *reason = trn_cli_value(cli, "reason");
    ptrdiff_t eq = trn_str_find(trn_str_of(what), '=');
    *seconds = ALLOW_S;
    if (eq <= 0)
        return trn_fail(err, -EINVAL, "'allow' needs PACKAGE=VERSION");
    *name = trn_str_slice(trn_str_of(what), 0, (size_t)eq);
    *version = trn_str_slice(trn_str_of(what), (size_t)eq + 1, strlen(what));
    if (!trn_gate_is_name(*name) || !trn_gate_is_version(*version))
        return trn_fail(err, -EINVAL, "'allow' needs PACKAGE=VERSION");
    if (!reason || !trn_str_trim(trn_str_of(reason)).n || strlen(reason) > 1000) {
        int e = trn_fail(err, -EINVAL, "what is allowed needs a reason");
        trn_hint(err, "--reason 'TEXT', at most 1000 bytes: it is recorded");
        return e;
    }
    int e = time ? trn_cli_seconds(time, "such as 12h or 7d; 14d at most", seconds, err) : 0;
    if (e == 0 && *seconds > ALLOW_MOST_S)
        e = trn_fail(err, -EINVAL, "--for '%s' is too long: 14 days at most", time);
    return e;
}

static void say_allowed(struct trn_cli *cli, struct trn_str name, struct trn_str version, const json_t *line)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_put_fmt(&b, "%.*s %.*s may be installed until ", TRN_STR_ARG(name), TRN_STR_ARG(version));
    trn_put_clock(&b, trn_json_text(line, "until"), true);
    trn_put_c(&b, "; this content and no other, and it is recorded\n");
    trn_print(cli->err, &b);
}

int trn_gate_allow(struct trn_cli *cli, struct trn_err *err)
{
    struct trn_str name = TRN_STR_NONE, version = TRN_STR_NONE;
    uint64_t seconds;
    int e = allow_words(cli, &name, &version, &seconds, err);
    if (e < 0)
        return e;
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(cli->state, err);
    if (folder < 0)
        return folder;
    json_t *told = last_told(folder, name, version);
    if (!told) {
        e = trn_fail(err, -ENOENT, "%.*s %.*s was not judged by the gate", TRN_STR_ARG(name), TRN_STR_ARG(version));
        trn_hint(err, "allow what was refused: the content that was judged is what is let through");
        return e;
    }
    json_t *line = allow_of(cli, told, trn_cli_value(cli, "reason"), seconds);
    json_decref(told);
    e = append_line(folder, ALLOWED, ALLOWED_MAX, json_incref(line));
    if (e == 0)
        e = trn_gate_book(folder, json_incref(line));
    if (e < 0)
        (void)trn_fail(err, e, "cannot record what is allowed: %s", trn_errno_words(e));
    else if (cli->json)
        trn_print_json(cli->out, line);
    else
        say_allowed(cli, name, version, line);
    json_decref(line);
    return e;
}
