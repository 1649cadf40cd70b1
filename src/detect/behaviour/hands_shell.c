/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: where a shell has its commands from, by its arguments and its first descriptors, and what a shell is called. Pure.
 * Must not: look at anything but the exec.
 */
#include "detect/behaviour/hands.h"
#include "detect/behaviour/template.h"

static bool is_letter_option(struct trn_str a, char letter)
{
    return a.n > 1 && (a.p[0] == '-' || a.p[0] == '+') && a.p[1] != '-' && trn_str_find(a, letter) > 0;
}

/* powershell -c ..., -File ..., -EncodedCommand ...; cmd /c ... */
static bool is_order_of_windows(struct trn_str name, struct trn_str a)
{
    if (trn_glob(TRN_STR("cmd.exe"), name, true))
        return trn_glob(TRN_STR("/c*"), a, true) || trn_glob(TRN_STR("/r*"), a, true);
    return trn_glob(TRN_STR("-c*"), a, true) || trn_glob(TRN_STR("-f*"), a, true) ||
           (trn_glob(TRN_STR("-e*"), a, true) && !trn_glob(TRN_STR("-ex*"), a, true));
}

/* It waits for commands: no "-c", no script. Options that take a word of their own are skipped with it. */
static bool waits_for_commands(const struct trn_event *ev)
{
    struct trn_str rest = ev->exec.argv, a, name = trn_path_base(ev->exec.path);
    bool windows = trn_glob(TRN_STR("*.exe"), name, true);
    if (!trn_str_split(&rest, '\0', &a))
        return true;
    while (trn_str_split(&rest, '\0', &a) && rest.p) {
        if (windows && is_order_of_windows(name, a))
            return false;
        if (windows || trn_str_is_empty(a) || trn_str_eq_c(a, "-") || is_letter_option(a, 's'))
            continue;
        if (is_letter_option(a, 'c') || (a.p[0] != '-' && a.p[0] != '+'))
            return false;
        if (trn_str_eq_c(a, "--rcfile") || trn_str_eq_c(a, "--init-file") || is_letter_option(a, 'o') ||
            is_letter_option(a, 'O'))
            (void)trn_str_split(&rest, '\0', &a);
    }
    return true;
}

static bool is_network(struct trn_str word)
{
    return trn_str_eq_c(word, "network-socket");
}

enum trn_shell_how trn_shell_how_of(const struct trn_event *ev, bool *ret_network)
{
    struct trn_str rest = ev->exec.stdio, in = TRN_STR_NONE, out = TRN_STR_NONE, err = TRN_STR_NONE;
    bool told = trn_str_split(&rest, '\0', &in) && trn_str_split(&rest, '\0', &out) && trn_str_split(&rest, '\0', &err);
    *ret_network = told && is_network(in) && (is_network(out) || is_network(err));
    if (!waits_for_commands(ev))
        return TRN_SHELL_ORDERS;
    if (*ret_network)
        return TRN_SHELL_NETWORK;
    if (!told || trn_str_eq_c(in, "unknown"))
        return TRN_SHELL_UNTOLD;
    if (trn_str_eq_c(in, "terminal"))
        return TRN_SHELL_TERMINAL;
    return trn_str_eq_c(in, "pipe") || trn_str_eq_c(in, "unix-socket") || is_network(in) ? TRN_SHELL_FED
                                                                                         : TRN_SHELL_ORDERS;
}

struct trn_str trn_shell_feature(struct trn_str name, enum trn_shell_how how, struct trn_buf *b)
{
    static const char *const words[TRN_SHELL_MAX] = {[TRN_SHELL_TERMINAL] = " on a terminal",
                                                     [TRN_SHELL_FED] = " fed by a pipe",
                                                     [TRN_SHELL_NETWORK] = " on a connection"};
    trn_buf_clear(b);
    trn_put_str(b, name);
    if (words[how])
        trn_put_c(b, words[how]);
    return trn_buf_str(b);
}

struct trn_str trn_shell_name(const struct trn_event *ev, char *out)
{
    bool sh = trn_str_eq_c(trn_path_base(ev->exec.invoked), "sh");
    return sh ? TRN_STR("sh") : trn_template_program(ev->exec.path, out);
}
