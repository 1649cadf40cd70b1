/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: following what a Python script fetches or decodes to exec, eval and the shell.
 * Must not own: tokens (src/formats/python.c), weights. Hand-offs: evidence is the arena's.
 */
#include "artifact/script.h"
#include "formats/formats.h"

#define CALLS 32u
#define NAMES 32u
#define SHOWN 160u

enum mark { FETCHES = 1, DECODES = 2 };

struct call {
    uint32_t brackets; /* it ends where fewer are open */
    bool evaluates, shell;
    size_t at;
};

struct judge {
    struct trn_py p;
    struct trn_arena *a;
    struct trn_script_found *found;
    struct call calls[CALLS];
    uint32_t n_calls;
    struct trn_str target, names[NAMES];
    uint8_t marks[NAMES];
    uint32_t n_names;
    bool network, process, writes, mode;
    size_t process_at;
    int error;
};

static uint32_t line_of(struct trn_str text, size_t at)
{
    uint32_t line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static void hit(struct judge *j, size_t at, enum trn_script_act act)
{
    if (act <= j->found->act)
        return;
    struct trn_str rest = trn_str_slice(j->p.text, at, SHOWN);
    ptrdiff_t end = trn_str_find(rest, '\n');
    struct trn_script_found f = {.act = act, .at = at, .line = line_of(j->p.text, at)};
    f.words = trn_arena_str(j->a, trn_str_slice(rest, 0, end < 0 ? rest.n : (size_t)end));
    trn_script_stronger(j->found, f);
}

static void mark(struct judge *j, uint8_t m)
{
    for (uint32_t i = 0; i < j->n_calls; i++)
        if (j->calls[i].evaluates || j->calls[i].shell)
            hit(j, j->calls[i].at, m & FETCHES ? TRN_SCRIPT_FETCH_RUN : TRN_SCRIPT_DECODE_RUN);
    if (j->target.n && j->n_names < NAMES) {
        j->names[j->n_names] = j->target;
        j->marks[j->n_names++] = m;
    }
}

/* name ( : what it does. member: a '.' stands before it. */
static void called(struct judge *j, const struct trn_py_token *t, struct trn_str owner, bool member)
{
    struct call c = {.brackets = j->p.brackets, .at = t->at};
    c.evaluates = !member && TRN_ONE_OF(t->text, "exec", "eval");
    c.shell = (member && trn_str_eq_c(owner, "os") && TRN_ONE_OF(t->text, "system", "popen")) ||
              (member && trn_str_eq_c(owner, "subprocess") &&
               TRN_ONE_OF(t->text, "call", "run", "Popen", "check_call", "check_output", "getoutput"));
    j->process |= c.shell;
    j->process_at = c.shell && !j->process_at ? t->at : j->process_at;
    if (j->n_calls < CALLS)
        j->calls[j->n_calls++] = c;
    if (TRN_ONE_OF(t->text, "b64decode", "b32decode", "a85decode", "b85decode", "unhexlify", "fromhex", "decompress") ||
        (member && trn_str_eq_c(owner, "marshal") && trn_str_eq_c(t->text, "loads")))
        mark(j, DECODES);
    bool requests =
        member && TRN_ONE_OF(owner, "requests", "httpx", "urllib3") && TRN_ONE_OF(t->text, "get", "post", "request");
    if (TRN_ONE_OF(t->text, "urlopen", "urlretrieve") || requests) {
        j->network = true;
        mark(j, FETCHES);
    }
    j->mode |= trn_str_eq_c(t->text, "chmod");
    j->writes |= TRN_ONE_OF(t->text, "write", "write_bytes", "urlretrieve", "copyfileobj");
}

static void used(struct judge *j, const struct trn_py_token *t)
{
    uint8_t m = 0;
    for (uint32_t i = 0; i < j->n_names; i++)
        if (trn_str_eq(j->names[i], t->text))
            m |= j->marks[i];
    if (m)
        mark(j, m);
}

/* Text given to os.system and the like is a script of the shell. */
static void text(struct judge *j, const struct trn_py_token *t)
{
    struct trn_script_found f = {0};
    if (!j->n_calls || !j->calls[j->n_calls - 1].shell || trn_str_find(t->text, ' ') < 0)
        return;
    int e = trn_shell_judge(t->text, j->a, &f);
    j->error = e < 0 ? e : j->error;
    if (f.act > TRN_SCRIPT_FETCHES)
        hit(j, j->calls[j->n_calls - 1].at, f.act);
}

/* Without one word of each list there is nothing to follow: most files are passed over at memory speed. */
static bool may_act(struct trn_str s)
{
    static const char *const runs[] = {"exec", "eval", "system", "popen", "subprocess"};
    static const char *const gets[] = {"decode",  "unhexlify",   "fromhex",  "decompress", "marshal",
                                       "urlopen", "urlretrieve", "requests", "httpx",      "urllib3",
                                       "curl",    "wget",        "base64",   "powershell"};
    bool run = false, get = false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(runs) && !run; i++)
        run = trn_str_contains(s, trn_str_of(runs[i]));
    for (size_t i = 0; run && i < TRN_ARRAY_SIZE(gets) && !get; i++)
        get = trn_str_contains(s, trn_str_of(gets[i]));
    return run && get;
}

int trn_python_judge(struct trn_str source, struct trn_arena *a, struct trn_script_found *found)
{
    struct judge j = {.a = a, .found = found};
    struct trn_py_token t, last = {0}, before = {0}, first = {0};
    if (!may_act(source))
        return 0;
    trn_py_begin(&j.p, source);
    while (j.error == 0 && trn_py_next(&j.p, &t)) {
        char sign = t.kind == TRN_PY_PUNCT ? t.text.p[0] : 0;
        while (j.n_calls && j.p.brackets < j.calls[j.n_calls - 1].brackets)
            j.n_calls--;
        if (sign == '(' && last.kind == TRN_PY_NAME) {
            bool member = trn_str_eq_c(before.text, ".");
            called(&j, &last, member ? first.text : TRN_STR_NONE, member);
        } else if (sign == '=' && last.kind == TRN_PY_NAME && j.p.brackets == 0) {
            j.target = last.text;
        } else if (t.kind == TRN_PY_LINE) {
            j.target = TRN_STR_NONE;
        } else if (t.kind == TRN_PY_NAME && !trn_str_eq_c(last.text, ".")) {
            used(&j, &t);
        } else if (t.kind == TRN_PY_STRING) {
            text(&j, &t);
        }
        first = before;
        before = last;
        last = t;
    }
    if (j.network && j.process && (j.writes || j.mode))
        hit(&j, j.process_at, TRN_SCRIPT_FETCHES);
    return j.error;
}
