/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what Python can do, by the modules it imports and what it calls.
 * Must not own: tokens (src/formats/python.c); follow values.
 */
#include "artifact/feature_script.h"
#include "formats/formats.h"

static const struct trn_call_name modules[] = {
    {"subprocess", "process"},
    {"pty", "process"},
    {"multiprocessing", "process"},
    {"socket", "network"},
    {"urllib", "network"},
    {"urllib2", "network"},
    {"urllib3", "network"},
    {"requests", "network"},
    {"httpx", "network"},
    {"aiohttp", "network"},
    {"http", "network"},
    {"ftplib", "network"},
    {"smtplib", "network"},
    {"telnetlib", "network"},
    {"paramiko", "network"},
    {"websocket", "network"},
    {"websockets", "network"},
    {"base64", "decode"},
    {"binascii", "decode"},
    {"marshal", "code"},
    {"codeop", "code"},
    {"imp", "code"},
    {"ctypes", "native"},
    {"winreg", "persist"},
    {"_winreg", "persist"},
    {"shutil", "file"},
    {"tempfile", "file"},
    {"getpass", "environment"},
    {"keyring", "secret"},
    {"browser_cookie3", "secret"},
    {"win32crypt", "secret"},
    {"platform", "environment"},
    {"cryptography", "crypto"},
    {"Crypto", "crypto"},
};

static const struct trn_call_name alone[] = {
    {"exec", "code"},           {"eval", "code"},        {"compile", "code"},
    {"__import__", "code"},     {"open", "file"},        {"urlopen", "network"},
    {"urlretrieve", "network"}, {"b64decode", "decode"}, {"unhexlify", "decode"},
};

static const struct trn_call_name members[] = {
    {"system", "process"},         {"popen", "process"},
    {"Popen", "process"},          {"check_output", "process"},
    {"check_call", "process"},     {"execv", "process"},
    {"execve", "process"},         {"spawnl", "process"},
    {"b64decode", "decode"},       {"b85decode", "decode"},
    {"a85decode", "decode"},       {"unhexlify", "decode"},
    {"fromhex", "decode"},         {"urlopen", "network"},
    {"urlretrieve", "network"},    {"create_connection", "network"},
    {"chmod", "file-mode"},        {"rmtree", "file-write"},
    {"write_bytes", "file-write"}, {"unlink", "file-write"},
    {"getenv", "environment"},     {"gethostname", "environment"},
    {"getuser", "environment"},    {"getlogin", "environment"},
    {"uname", "environment"},      {"SetValueEx", "persist"},
    {"VirtualAlloc", "native"},    {"CDLL", "native"},
};

struct walk {
    struct trn_calls *c;
    struct trn_py p;
    struct trn_py_token last, before, first; /* the three before this one, the nearest first */
    bool imports, from;                      /* in such a line, before the names that come out of it */
};

static void tell(struct walk *w, const char *group, struct trn_str call, size_t at)
{
    if (group)
        trn_calls_tell(w->c, group, call, at);
}

/* import a.b, c as d; from a.b import c: a and c are modules */
static void name(struct walk *w, const struct trn_py_token *t)
{
    bool starts = w->last.kind == TRN_PY_LINE || w->last.kind == TRN_PY_END || trn_str_eq_c(w->last.text, ";") ||
                  trn_str_eq_c(w->last.text, ":");
    if (starts && TRN_ONE_OF(t->text, "import", "from")) {
        w->imports = true;
        w->from = trn_str_eq_c(t->text, "from");
        return;
    }
    bool first = TRN_ONE_OF(w->last.text, "import", "from") || (!w->from && trn_str_eq_c(w->last.text, ","));
    if (w->imports && first && !(w->from && trn_str_eq_c(w->last.text, "import")))
        tell(w, trn_call_group(t->text, modules, TRN_ARRAY_SIZE(modules)), t->text, t->at);
    if (trn_str_eq_c(t->text, "environ") && trn_str_eq_c(w->last.text, "."))
        tell(w, "environment", TRN_STR("os.environ"), t->at);
}

static void call(struct walk *w)
{
    struct trn_str name = w->last.text;
    if (w->last.kind != TRN_PY_NAME || trn_str_eq_c(w->before.text, "def"))
        return;
    bool member = trn_str_eq_c(w->before.text, ".");
    if (!member) {
        tell(w, trn_call_group(name, alone, TRN_ARRAY_SIZE(alone)), name, w->last.at);
        return;
    }
    if (trn_str_eq_c(w->first.text, "subprocess") && TRN_ONE_OF(name, "run", "call", "getoutput"))
        tell(w, "process", name, w->last.at);
    else if (trn_str_eq_c(w->first.text, "requests") && TRN_ONE_OF(name, "get", "post", "put"))
        tell(w, "network", name, w->last.at);
    else if (trn_str_eq_c(w->first.text, "marshal") && trn_str_eq_c(name, "loads"))
        tell(w, "code", name, w->last.at);
    else if (trn_str_eq_c(w->first.text, "os") || !TRN_ONE_OF(name, "system", "popen", "uname", "unlink"))
        tell(w, trn_call_group(name, members, TRN_ARRAY_SIZE(members)), name, w->last.at);
}

int trn_python_calls(struct trn_calls *c, struct trn_str text)
{
    struct walk w = {.c = c};
    struct trn_py_token t;
    trn_py_begin(&w.p, text);
    while (c->error == 0 && trn_py_next(&w.p, &t)) {
        if (t.kind == TRN_PY_NAME)
            name(&w, &t);
        else if (t.kind == TRN_PY_LINE)
            w.imports = w.from = false;
        else if (t.kind == TRN_PY_PUNCT && t.text.p[0] == '(')
            call(&w);
        w.first = w.before;
        w.before = w.last;
        w.last = t;
    }
    return c->error;
}
