/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: finding the script in an interpreter's arguments ("python3 -u /opt/acme/run.py"): the kernel
 * tells of a script only when it was started by its "#!" line. argv is what the interpreter itself
 * reads, so it cannot name another file than the one that runs. Must not own: whose script it is.
 */
#include "process/internal.h"

struct interpreter {
    const char *name;
    const char *stop;      /* letters of short options after which no script follows: -c, -e */
    const char *with_arg;  /* letters of short options that take the next argument */
    const char *skip_long; /* long options (with their dashes) that take the next argument, by spaces */
    const char *stop_long; /* long options after which no script follows */
    const char *script;    /* option whose argument is the script (java -jar); else NULL */
    bool needs_option;     /* only that option names one */
    bool needs_slash;      /* a name without one is looked for in other places than the working directory */
};

#define LOADER_WITH_ARG \
    "--library-path --inhibit-rpath --preload --audit --argv0 --glibc-hwcaps-mask --glibc-hwcaps-prepend"
#define LOADER_STOPS "--list --verify --help --version --list-tunables --list-diagnostics" /* nothing runs */

static const struct interpreter interpreters[] = {
    {"ash", "cs", "o", "", "", NULL, false, false},
    {"bash", "cs", "oO", "--rcfile --init-file", "", NULL, false, false},
    {"dash", "cs", "o", "", "", NULL, false, false},
    {"java", "", "", "-cp -classpath --class-path -p --module-path -m --module", "", "-jar", true, false},
    {"ksh", "cs", "o", "", "", NULL, false, false},
    {"ld-linux", "", "", LOADER_WITH_ARG, LOADER_STOPS, NULL, false, true},
    {"ld-linux-aarch64", "", "", LOADER_WITH_ARG, LOADER_STOPS, NULL, false, true},
    {"ld-linux-x86-64", "", "", LOADER_WITH_ARG, LOADER_STOPS, NULL, false, true},
    {"ld-musl-aarch64", "", "", LOADER_WITH_ARG, LOADER_STOPS, NULL, false, true},
    {"ld-musl-x86_64", "", "", LOADER_WITH_ARG, LOADER_STOPS, NULL, false, true},
    {"lua", "", "el", "", "", NULL, false, false},
    {"mksh", "cs", "o", "", "", NULL, false, false},
    {"node", "ep", "rC", "--require --import --loader --experimental-loader --conditions", "--eval --print", NULL,
     false, false},
    {"nodejs", "ep", "rC", "--require --import --loader --experimental-loader --conditions", "--eval --print", NULL,
     false, false},
    {"perl", "eE", "I", "", "", NULL, false, false},
    {"php", "rBRE", "cdz", "", "--run", "-f", false, false},
    {"pypy", "cm", "WX", "", "", NULL, false, false},
    {"python", "cm", "WX", "--check-hash-based-pycs", "", NULL, false, false},
    {"ruby", "e", "rIEC", "", "", NULL, false, false},
    {"sh", "cs", "o", "", "", NULL, false, false},
    {"zsh", "cs", "o", "", "", NULL, false, false},
};

static bool has_word(const char *words, struct trn_str w)
{
    struct trn_str rest = trn_str_of(words), piece;
    while (trn_str_split(&rest, ' ', &piece))
        if (piece.n && trn_str_eq(piece, w))
            return true;
    return false;
}

enum option { OPTION_PLAIN, OPTION_TAKES_NEXT, OPTION_STOPS };

/* "-lc": the letters together; a letter that takes an argument ends the group, attached or not. */
static enum option short_option(const struct interpreter *in, struct trn_str a)
{
    for (size_t i = 1; i < a.n; i++) {
        if (strchr(in->stop, a.p[i]) && a.p[i])
            return OPTION_STOPS;
        if (strchr(in->with_arg, a.p[i]) && a.p[i])
            return i + 1 == a.n ? OPTION_TAKES_NEXT : OPTION_PLAIN;
    }
    return OPTION_PLAIN;
}

static enum option option_of(const struct interpreter *in, struct trn_str a)
{
    if (has_word(in->skip_long, a))
        return OPTION_TAKES_NEXT;
    if (has_word(in->stop_long, a))
        return OPTION_STOPS;
    if (a.n > 1 && a.p[1] == '-')
        return OPTION_PLAIN;
    return in->needs_option ? OPTION_PLAIN : short_option(in, a);
}

static struct trn_str find(const struct interpreter *in, struct trn_str argv)
{
    struct trn_str rest = argv, a;
    bool options = true;
    if (!trn_str_split(&rest, '\0', &a)) /* argv[0] */
        return TRN_STR_NONE;
    /* The bytes behind the last NUL are one empty piece, or an argument that was cut: not a path to trust. */
    while (trn_str_split(&rest, '\0', &a) && rest.p) {
        if (options && in->script && trn_str_eq_c(a, in->script))
            return trn_str_split(&rest, '\0', &a) && rest.p && a.n ? a : TRN_STR_NONE;
        if (!options || a.n == 0 || (a.p[0] != '-' && (a.p[0] != '+' || in->stop[0] != 'c')))
            return a.n && !in->needs_option && (!in->needs_slash || trn_str_find(a, '/') >= 0) ? a : TRN_STR_NONE;
        if (trn_str_eq_c(a, "--")) {
            options = false;
            continue;
        }
        if (a.n == 1)
            return TRN_STR_NONE; /* "-": standard input */
        enum option o = option_of(in, a);
        if (o == OPTION_STOPS)
            return TRN_STR_NONE;
        if (o == OPTION_TAKES_NEXT && !trn_str_split(&rest, '\0', &a))
            return TRN_STR_NONE;
    }
    return TRN_STR_NONE;
}

struct trn_str trn_script_of_args(struct trn_str program, struct trn_str argv)
{
    struct trn_str plain = trn_plain_program(program);
    if (trn_str_is_none(argv))
        return TRN_STR_NONE;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(interpreters); i++)
        if (trn_str_eq_c(plain, interpreters[i].name))
            return find(&interpreters[i], argv);
    return TRN_STR_NONE;
}

bool trn_is_loader(struct trn_str path)
{
    struct trn_str plain = trn_plain_program(trn_path_base(path));
    return trn_str_starts(plain, TRN_STR("ld-linux")) || trn_str_starts(plain, TRN_STR("ld-musl"));
}
