/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading the "#!" line. Must not own: which interpreter belongs to whom (src/process/).
 * Hand-offs: results are views into the caller's bytes.
 */
#include "formats/script.h"

static struct trn_str trim_blanks(struct trn_str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = trn_str_slice(s, 1, s.n);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes the first word off *rest (both stay views). */
static struct trn_str take_word(struct trn_str *rest)
{
    size_t n = 0;

    *rest = trim_blanks(*rest);
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    struct trn_str word = trn_str_slice(*rest, 0, n);
    *rest = trim_blanks(trn_str_slice(*rest, n, rest->n));
    return word;
}

/* "env -S -u X A=1 python3 -u" runs python3: what stands behind options and assignments. */
static struct trn_str behind_env(struct trn_str words)
{
    while (words.n) {
        struct trn_str w = take_word(&words);
        if (trn_str_eq_c(w, "-u") || trn_str_eq_c(w, "--unset") || trn_str_eq_c(w, "-C") || trn_str_eq_c(w, "--chdir"))
            take_word(&words);
        else if (trn_str_starts(w, TRN_STR("-S")) && w.n > 2)
            return trn_str_slice(w, 2, w.n);
        else if (w.n && w.p[0] != '-' && trn_str_find(w, '=') < 0)
            return w;
    }
    return TRN_STR_NONE;
}

bool trn_script_parse(struct trn_str head, struct trn_script *ret)
{
    if (!trn_str_starts(head, TRN_STR("#!")))
        return false;
    struct trn_str line = trn_str_slice(head, 2, TRN_SCRIPT_LINE_MAX - 2);
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '\n' || line.p[i] == '\0')
            line.n = i;
    struct trn_str interp = take_word(&line);
    if (interp.n == 0)
        return false; /* the kernel refuses it too */

    *ret = (struct trn_script){.interp = interp, .argument = line.n ? line : TRN_STR_NONE};
    ret->program = trn_path_base(interp);
    if (trn_str_eq_c(ret->program, "env")) {
        struct trn_str behind = behind_env(line);
        if (behind.n)
            ret->program = trn_path_base(behind);
    }
    return true;
}
