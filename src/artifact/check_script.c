/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which scripts run when a package is installed, and looking at shell and Python scripts.
 * Must not own: following what they do (script_*.c). Hand-offs: what a script does is remembered as a trait, for a
 * package.json that names it.
 */
#include "artifact/kinds.h"
#include "artifact/script.h"

static bool is_name(struct trn_str s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (trn_str_eq_c(s, names[i]))
            return true;
    return false;
}

/* Scripts of the package itself: Debian's, those of an rpm (the reader of rpm names them so), setup.py. */
static bool installs(const struct trn_look *l)
{
    static const char *const names[] = {"preinst", "postinst",   "prerm",      "postrm",
                                        "config",  "preinstall", "postinstall"};
    if (trn_str_eq_c(l->name, "setup.py") || trn_str_starts(l->self->name, TRN_STR("[script]/")))
        return true;
    return l->self->depth > 0 && is_name(l->name, names, TRN_ARRAY_SIZE(names));
}

int trn_script_settle(struct trn_look *l, int e, const struct trn_script_found *found, struct trn_err *err)
{
    if (e < 0)
        return trn_fail(err, e, "cannot read the script: %s", trn_errno_name(e));
    if (found->act > TRN_SCRIPT_NOTHING) {
        struct trn_str value = trn_arena_printf(l->arena, "%u %zu %u %.*s", (unsigned)found->act, found->at,
                                                found->line, TRN_STR_ARG(found->words));
        e = trn_look_trait(l, TRN_TRAIT_SCRIPT, value);
    }
    /* the usual way of large packages is only told of what is known to run at installation */
    if (e < 0 || (found->act == TRN_SCRIPT_FETCHES && !installs(l)))
        return e;
    return trn_script_tell(l, 0, found, installs(l));
}

int trn_look_shell(struct trn_look *l, struct trn_err *err)
{
    struct trn_script_found found = {0};
    struct trn_str text;
    int e = trn_script_take(l, &text);
    if (e == 0)
        e = trn_shell_judge(text, l->arena, &found);
    return trn_script_settle(l, e, &found, err);
}

static int tell_cmdclass(struct trn_look *l, struct trn_str text)
{
    struct trn_finding f;
    const char *at = text.n ? memmem(text.p, text.n, "cmdclass", 8) : NULL;
    if (!at)
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("script.lifecycle")));
    trn_look_say(l, &f, "the package's setup.py replaces steps of the installation by code of its own (cmdclass)");
    trn_look_evidence(l, &f, (uint64_t)(at - text.p), 8);
    return trn_look_found(l, &f);
}

int trn_look_python(struct trn_look *l, struct trn_err *err)
{
    struct trn_script_found found = {0};
    struct trn_str text;
    int e = trn_script_take(l, &text);
    if (e == 0)
        e = trn_python_judge(text, l->arena, &found);
    e = trn_script_settle(l, e, &found, err);
    return e == 0 && trn_str_eq_c(l->name, "setup.py") ? tell_cmdclass(l, text) : e;
}
