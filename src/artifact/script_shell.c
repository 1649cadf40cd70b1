/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: following what a shell script fetches or decodes to what runs it: through pipes, substitutions, files and variables.
 * Must not own: the words (src/formats/shell.c), weights. Hand-offs: evidence is the arena's.
 */
#include "artifact/script.h"
#include "formats/formats.h"

#include <ctype.h>

#define FILES 32u
#define NESTED 3u
#define SHOWN 240

enum mark { FETCHES = 1, DECODES = 2 };

struct judge {
    struct trn_arena *a;
    struct trn_script_found *found;
    uint8_t *marks; /* of each command by its number */
    uint32_t n_marks;
    uint32_t pipeline;
    uint8_t in_pipe;                           /* marks of the commands before this one in its pipeline */
    struct trn_str files[FILES], names[FILES]; /* fetched to; variables that hold what was fetched or decoded */
    uint8_t name_marks[FILES];
    uint32_t n_files, n_names;
    uint32_t nested;
    int error;
};

static bool has_c(struct trn_str s, const char *text)
{
    return trn_str_contains(s, trn_str_of(text));
}

static bool is_option(struct trn_str s)
{
    return s.n > 1 && s.p[0] == '-';
}

/* Marks of the commands in a word's substitutions, and of the variables it names. */
static uint8_t marks_of(const struct judge *j, const struct trn_shell_word *w)
{
    uint8_t m = 0;
    for (uint32_t i = w->first; i < w->last && i < j->n_marks; i++)
        m |= j->marks[i];
    for (uint32_t i = 0; i < j->n_names; i++) {
        struct trn_str t = w->text;
        for (ptrdiff_t d; (d = trn_str_find(t, '$')) >= 0;) {
            t = trn_str_slice(t, (size_t)d + 1, SIZE_MAX);
            if (trn_str_starts(t, TRN_STR("{")))
                t = trn_str_slice(t, 1, SIZE_MAX);
            char next = t.n > j->names[i].n ? t.p[j->names[i].n] : 0;
            if (trn_str_starts(t, j->names[i]) && !isalnum((unsigned char)next) && next != '_')
                m |= j->name_marks[i];
        }
    }
    return m;
}

static struct trn_str plain(struct trn_str file)
{
    while (trn_str_starts(file, TRN_STR("./")))
        file = trn_str_slice(file, 2, SIZE_MAX);
    return file;
}

static bool is_fetched(const struct judge *j, struct trn_str file)
{
    file = plain(file);
    for (uint32_t i = 0; i < j->n_files; i++)
        if (file.n && (trn_str_eq(file, j->files[i]) ||
                       (trn_str_find(j->files[i], '/') < 0 && trn_str_eq(trn_path_base(file), j->files[i]) &&
                        trn_str_find(file, '/') >= 0)))
            return true;
    return false;
}

static void fetched_to(struct judge *j, struct trn_str file)
{
    file = plain(file);
    if (file.n && j->n_files < FILES && !is_fetched(j, file) && !trn_str_starts(file, TRN_STR("/dev/")))
        j->files[j->n_files++] = file;
}

static void hit(struct judge *j, const struct trn_shell_command *c, enum trn_script_act act)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    struct trn_script_found f = {.act = act, .at = c->at, .line = c->line};
    if (act <= j->found->act)
        return;
    trn_buf_init(&b, SHOWN);
    for (uint32_t i = 0; i < c->n_words && !b.bad; i++) {
        trn_put_c(&b, i ? " " : "");
        trn_put_str(&b, trn_str_slice(c->words[i].text, 0, 100));
        if (c->words[i].substitution)
            trn_put_c(&b, "$(...)");
    }
    f.words = trn_arena_str(j->a, trn_buf_str(&b));
    trn_script_stronger(j->found, f);
}

static void hit_marks(struct judge *j, const struct trn_shell_command *c, uint8_t marks)
{
    if (marks & FETCHES)
        hit(j, c, TRN_SCRIPT_FETCH_RUN);
    else if (marks & DECODES)
        hit(j, c, TRN_SCRIPT_DECODE_RUN);
}

/* ---- what fetches ---- */

static bool is_local(struct trn_str url)
{
    return has_c(url, "localhost") || has_c(url, "127.0.0.1") || has_c(url, "[::1]") ||
           trn_str_starts(url, TRN_STR("file:"));
}

/* Where curl or wget writes to: absent: standard output. False: it fetches nothing. */
static bool fetch_target(const struct trn_shell_command *c, uint32_t from, bool curl, struct trn_str *ret)
{
    struct trn_str target = TRN_STR_NONE, url = TRN_STR_NONE;
    bool own_name = !curl;
    for (uint32_t i = from; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text;
        if (!is_option(w)) {
            bool any = w.n || c->words[i].substitution;
            url = any && (trn_str_is_none(url) || has_c(w, "://")) ? w : url;
            continue;
        }
        char out = curl ? 'o' : 'O', last = w.p[w.n - 1];
        bool lng = w.p[1] == '-';
        if (lng && TRN_ONE_OF(w, "--version", "--help"))
            return false;
        if (curl && !lng && trn_str_find(w, 'O') > 0)
            own_name = true;
        if ((!lng && last == out) || TRN_ONE_OF(w, "--output", "--output-document")) {
            target = i + 1 < c->n_words ? c->words[++i].text : TRN_STR_NONE;
            own_name = false;
        } else if (!lng && !curl && trn_str_find(w, 'O') > 0) { /* -qO- */
            target = trn_str_slice(w, (size_t)trn_str_find(w, 'O') + 1, SIZE_MAX);
            own_name = false;
        } else if (trn_str_starts(w, TRN_STR("--output-document="))) {
            target = trn_str_slice(w, 18, SIZE_MAX);
            own_name = false;
        }
    }
    if (trn_str_is_none(url) || is_local(url))
        return false;
    *ret = own_name ? trn_path_base(url) : trn_str_eq_c(target, "-") ? TRN_STR_NONE : target;
    return true;
}

static uint8_t marks_of_program(struct judge *j, const struct trn_shell_command *c, uint32_t k, struct trn_str program)
{
    struct trn_str to = TRN_STR_NONE;
    bool curl = trn_str_eq_c(program, "curl");
    if (curl || TRN_ONE_OF(program, "wget", "wget2")) {
        if (!fetch_target(c, k + 1, curl, &to))
            return 0;
        fetched_to(j, trn_str_is_none(to) ? c->output : to);
        return trn_str_is_none(to) && trn_str_is_none(c->output) ? FETCHES : 0;
    }
    if (TRN_ONE_OF(program, "lynx", "GET", "lwp-request", "fetch", "http") && c->n_words > k + 1) {
        fetched_to(j, c->output);
        return FETCHES;
    }
    bool decodes = false;
    for (uint32_t i = k + 1; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text;
        decodes |= TRN_ONE_OF(program, "base64", "base32", "openssl") && TRN_ONE_OF(w, "-d", "-D", "--decode", "-di");
        decodes |= trn_str_eq_c(program, "xxd") && trn_str_starts(w, TRN_STR("-r"));
    }
    return decodes ? DECODES : 0;
}

/* ---- what runs ---- */

static int judge_text(struct judge *j, struct trn_str text, uint32_t nested);

/* Code that is handed over as an argument: sh -c, python -c, node -e, perl -e. */
static void inline_code(struct judge *j, const struct trn_shell_command *c, const struct trn_shell_word *w,
                        struct trn_str program)
{
    struct trn_script_found f = {0};
    int e = 0;
    hit_marks(j, c, marks_of(j, w));
    if (trn_str_starts(program, TRN_STR("python")))
        e = trn_python_judge(w->text, j->a, &f);
    else if (TRN_ONE_OF(program, "node", "nodejs", "deno", "bun"))
        e = trn_javascript_judge(w->text, j->a, &f);
    else if (TRN_ONE_OF(program, "perl", "ruby", "php")) {
        bool net = has_c(w->text, "http") && (has_c(w->text, "get") || has_c(w->text, "open"));
        f.act = net && (has_c(w->text, "eval") || has_c(w->text, "system") || has_c(w->text, "exec"))
                    ? TRN_SCRIPT_FETCH_RUN
                    : TRN_SCRIPT_NOTHING;
    } else
        e = judge_text(j, w->text, j->nested + 1);
    j->error = e < 0 ? e : j->error;
    if (f.act == TRN_SCRIPT_FETCHES) /* a whole program in an argument: nothing usual about it */
        f.act = TRN_SCRIPT_FETCH_RUN;
    if (f.act > TRN_SCRIPT_NOTHING)
        hit(j, c, f.act);
}

static bool is_shell(struct trn_str p)
{
    return TRN_ONE_OF(p, "sh", "bash", "dash", "zsh", "ksh", "ash", "fish");
}

static bool is_interpreter(struct trn_str p)
{
    return is_shell(p) || trn_str_starts(p, TRN_STR("python")) ||
           TRN_ONE_OF(p, "perl", "ruby", "php", "node", "nodejs", "deno", "bun", "osascript", "pwsh");
}

static void interpreter(struct judge *j, const struct trn_shell_command *c, uint32_t k, struct trn_str program)
{
    for (uint32_t i = k + 1; i < c->n_words; i++) {
        const struct trn_shell_word *w = &c->words[i];
        bool code = is_shell(program) ? is_option(w->text) && w->text.p[1] != '-' && trn_str_find(w->text, 'c') > 0
                                      : TRN_ONE_OF(w->text, "-c", "-e", "-p", "-r", "--eval");
        if (code && i + 1 < c->n_words) {
            inline_code(j, c, &c->words[i + 1], program);
            return;
        }
        if (trn_str_eq_c(w->text, "-") || trn_str_eq_c(w->text, "-s") || trn_str_eq_c(w->text, "/dev/stdin"))
            break; /* reads its script from the pipe */
        if (is_option(w->text) && !w->substitution)
            continue;
        if (is_fetched(j, w->text))
            hit(j, c, TRN_SCRIPT_FETCH_RUN);
        hit_marks(j, c, w->substitution && w->text.n == 0 ? marks_of(j, w) : 0);
        return; /* a script of its own: the pipe is only its input */
    }
    hit_marks(j, c, j->in_pipe);
    if (c->here.n) {
        struct trn_shell_word here = {.text = c->here};
        hit_marks(j, c, marks_of(j, &here));
    }
}

static void powershell(struct judge *j, const struct trn_shell_command *c, uint32_t k)
{
    bool fetches = false, runs = false;
    for (uint32_t i = k + 1; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text;
        char low[512];
        size_t n = TRN_MIN(w.n, sizeof(low));
        for (size_t x = 0; x < n; x++)
            low[x] = (char)tolower((unsigned char)w.p[x]);
        struct trn_str l = {low, n};
        fetches |= has_c(l, "downloadstring") || has_c(l, "downloadfile") || has_c(l, "invoke-webrequest") ||
                   has_c(l, "iwr ") || has_c(l, "net.webclient") || has_c(l, "invoke-restmethod") || has_c(l, "irm ");
        runs |= has_c(l, "iex") || has_c(l, "invoke-expression") || has_c(l, "start-process");
        if (n >= 4 && (trn_str_starts(l, TRN_STR("-enc")) || trn_str_eq_c(l, "-ec")))
            hit(j, c, TRN_SCRIPT_DECODE_RUN);
    }
    if (fetches && runs)
        hit(j, c, TRN_SCRIPT_FETCH_RUN);
}

/* Words in front that only say how the command is to run. Where the program stands; n_words: there is none. */
static uint32_t program_at(const struct trn_shell_command *c)
{
    uint32_t k = 0;
    while (k < c->n_words) {
        struct trn_str w = trn_path_base(c->words[k].text);
        bool asks = trn_str_eq_c(w, "command") && k + 1 < c->n_words && TRN_ONE_OF(c->words[k + 1].text, "-v", "-V");
        if (asks)
            return c->n_words;
        if (!TRN_ONE_OF(w, "sudo", "env", "exec", "nohup", "command", "nice", "time", "timeout", "doas", "xargs",
                        "busybox", "setsid"))
            return k;
        for (k++; k < c->n_words; k++) { /* its options, numbers and NAME=value */
            struct trn_str o = c->words[k].text;
            bool number = o.n && isdigit((unsigned char)o.p[0]);
            if (!is_option(o) && !number && trn_str_find(o, '=') <= 0)
                break;
        }
    }
    return k;
}

static void make_executable(struct judge *j, const struct trn_shell_command *c, uint32_t k)
{
    bool adds = false;
    for (uint32_t i = k + 1; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text;
        adds |= (trn_str_find(w, '+') >= 0 && trn_str_find(w, 'x') > 0) ||
                (w.n >= 3 && w.n <= 4 &&
                 TRN_ONE_OF(w, "755", "0755", "777", "0777", "700", "0700", "775", "500", "555", "4755"));
        if (adds && is_fetched(j, w))
            hit(j, c, TRN_SCRIPT_FETCH_MODE);
    }
}

static void runs(struct judge *j, const struct trn_shell_command *c, uint32_t k, struct trn_str program)
{
    if (is_interpreter(program)) {
        interpreter(j, c, k, program);
    } else if (TRN_ONE_OF(program, "eval", "source", ".", "su")) {
        for (uint32_t i = k + 1; i < c->n_words; i++) {
            hit_marks(j, c, marks_of(j, &c->words[i]));
            if (!trn_str_eq_c(program, "eval") && is_fetched(j, c->words[i].text))
                hit(j, c, TRN_SCRIPT_FETCH_RUN);
        }
    } else if (TRN_ONE_OF(program, "powershell", "powershell.exe", "pwsh", "pwsh.exe")) {
        powershell(j, c, k);
    } else if (trn_str_eq_c(program, "chmod")) {
        make_executable(j, c, k);
    } else if (is_fetched(j, c->words[k].text)) {
        hit(j, c, TRN_SCRIPT_FETCH_RUN);
    }
}

static bool command(void *ctx, const struct trn_shell_command *c)
{
    struct judge *j = ctx;
    uint32_t k = program_at(c);
    uint8_t marks = 0;
    if (c->pipeline != j->pipeline) {
        j->pipeline = c->pipeline;
        j->in_pipe = 0;
    }
    for (uint32_t i = 0; i < c->n_words; i++) /* echo $(curl ...) gives it on */
        marks |= marks_of(j, &c->words[i]);
    if (!trn_str_is_none(c->assigned)) {
        if (marks && j->n_names < FILES) {
            j->names[j->n_names] = trn_arena_str(j->a, c->assigned);
            j->name_marks[j->n_names++] = marks;
        }
    } else if (k < c->n_words) {
        struct trn_str program = trn_path_base(c->words[k].text);
        runs(j, c, k, program);
        bool prints = TRN_ONE_OF(program, "echo", "printf", "cat");
        marks = (prints ? marks : 0) | marks_of_program(j, c, k, program);
        if (!trn_str_is_none(c->output) && (marks | j->in_pipe) & FETCHES)
            fetched_to(j, c->output); /* curl ... | tee x > file */
    }
    j->in_pipe |= marks;
    if (c->number < j->n_marks)
        j->marks[c->number] = j->in_pipe;
    return j->error == 0;
}

static int judge_text(struct judge *j, struct trn_str text, uint32_t nested)
{
    struct judge inner = {.a = j->a, .found = j->found, .nested = nested, .pipeline = UINT32_MAX};
    struct trn_script_found before = *j->found;
    if (nested > NESTED)
        return 0;
    inner.n_marks = (uint32_t)TRN_MIN(text.n / 2 + 2, (size_t)TRN_SHELL_COMMANDS);
    inner.marks = trn_arena_alloc(j->a, inner.n_marks);
    if (!inner.marks)
        return -ENOMEM;
    int e = trn_shell_parse(text, j->a, command, &inner);
    if (nested && j->found->act > before.act) /* its place is the place of the command around it */
        j->found->line = before.line ? before.line : 1;
    return e < 0 && e != -EFBIG ? e : inner.error;
}

int trn_shell_judge(struct trn_str text, struct trn_arena *a, struct trn_script_found *found)
{
    struct judge top = {.a = a, .found = found};
    return judge_text(&top, text, 0);
}
