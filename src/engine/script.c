/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading an interpreter's arguments as far as finding its script. Must not own: any decision
 * about it. Arguments are foreign bytes; nothing here follows a link or opens a file.
 */
#include "engine/script.h"

/* Options that take the next argument as theirs; without them "-W ignore app.py" would name "ignore". */
struct interpreter {
    const char *prefix;    /* of the base name: "python" also means python3.11 */
    const char *with_value; /* option letters that take a separate value */
    const char *no_script;  /* option letters after which there is no script file */
};

static const struct interpreter interpreters[] = {
    {"python", "WXQ", "cm"}, {"pypy", "WX", "cm"}, {"perl", "IMm", "eE"}, {"ruby", "IrC", "e"},
    {"node", "r", "ep"},     {"nodejs", "r", "ep"}, {"bash", "oO", "cs"}, {"dash", "o", "cs"},
    {"sh", "o", "cs"},       {"zsh", "o", "cs"},    {"ksh", "o", "cs"},   {"lua", "l", "e"},
    {"php", "dc", "r"},      {"tclsh", "", ""},
};

static bool named_like(struct trn_str base, const char *prefix)
{
    size_t n = strlen(prefix);
    if (base.n < n || memcmp(base.p, prefix, n) != 0)
        return false;
    for (size_t i = n; i < base.n; i++) /* only a version may follow */
        if ((base.p[i] < '0' || base.p[i] > '9') && base.p[i] != '.' && base.p[i] != '-')
            return false;
    return true;
}

static const struct interpreter *interpreter_of(struct trn_str path)
{
    struct trn_str base = trn_path_base(path);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(interpreters); i++)
        if (named_like(base, interpreters[i].prefix))
            return &interpreters[i];
    return NULL;
}

struct trn_str trn_path_absolute(struct trn_str cwd, struct trn_str path, struct trn_arena *arena)
{
    if (path.n == 0 || (path.p[0] != '/' && (cwd.n == 0 || cwd.p[0] != '/')))
        return TRN_STR_NONE;
    char *out = trn_arena_alloc(arena, cwd.n + path.n + 3);
    if (!out)
        return TRN_STR_NONE;
    size_t n = 0;
    struct trn_str parts[2] = {path.p[0] == '/' ? TRN_STR_NONE : cwd, path};
    for (int i = 0; i < 2; i++) {
        struct trn_str rest = parts[i], piece;
        while (trn_str_split(&rest, '/', &piece)) {
            if (piece.n == 0 || trn_str_eq_c(piece, "."))
                continue;
            if (trn_str_eq_c(piece, "..")) {
                while (n > 0 && out[--n] != '/')
                    ;
                continue;
            }
            out[n++] = '/';
            memcpy(out + n, piece.p, piece.n);
            n += piece.n;
        }
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = 0;
    return (struct trn_str){out, n};
}

/* Walks the options; returns the first argument that is a script's name, or absent. */
static struct trn_str first_operand(const struct interpreter *in, struct trn_str argv)
{
    struct trn_str rest = argv, arg;
    if (!trn_str_split(&rest, '\0', &arg)) /* argv[0] */
        return TRN_STR_NONE;
    while (trn_str_split(&rest, '\0', &arg) && arg.n) {
        if (arg.p[0] != '-' || arg.n == 1)
            return arg.n == 1 ? TRN_STR_NONE : arg; /* "-": standard input */
        if (arg.p[1] == '-') {
            if (arg.n == 2) /* "--": the next is an operand whatever it looks like */
                return trn_str_split(&rest, '\0', &arg) && arg.n ? arg : TRN_STR_NONE;
            continue;
        }
        for (size_t i = 1; i < arg.n; i++) {
            if (strchr(in->no_script, arg.p[i]))
                return TRN_STR_NONE;
            if (strchr(in->with_value, arg.p[i])) {
                if (i + 1 == arg.n && !trn_str_split(&rest, '\0', &arg))
                    return TRN_STR_NONE;
                break;
            }
        }
    }
    return TRN_STR_NONE;
}

struct trn_str trn_script_of(const struct trn_event *exec, struct trn_arena *arena)
{
    const struct interpreter *in = interpreter_of(exec->exec.path);
    if (!in || trn_str_is_empty(exec->exec.argv))
        return TRN_STR_NONE;
    struct trn_str name = first_operand(in, exec->exec.argv);
    return trn_str_is_empty(name) ? TRN_STR_NONE : trn_path_absolute(exec->exec.cwd, name, arena);
}
