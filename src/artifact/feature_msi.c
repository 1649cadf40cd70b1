/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a Windows Installer database runs and puts in place, as features: custom actions, services, run keys.
 * Must not: judge; nearly every installer has some.
 */
#include "artifact/kinds.h"
#include "artifact/msi.h"

#include <ctype.h>

#define ROWS_MAX 4096u
#define TYPE_KIND 0x3fu
#define PART_MAX 300u

static struct trn_str cut(struct trn_str s)
{
    return trn_str_slice(s, 0, PART_MAX);
}

/* Kinds that run a program, a library or a script; the rest sets properties and folders. */
static const char *does(uint32_t kind)
{
    static const struct {
        uint8_t kind;
        const char *does;
    } kinds[] = {
        {1, "library"},   {2, "program"},  {5, "jscript"},   {6, "vbscript"},  {17, "library"},
        {18, "program"},  {21, "jscript"}, {22, "vbscript"}, {34, "program"},  {37, "jscript"},
        {38, "vbscript"}, {50, "program"}, {53, "jscript"},  {54, "vbscript"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].does;
    return NULL;
}

static int actions(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    int e = trn_msi_table(m, "CustomAction", &t);
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(t.rows, ROWS_MAX); i++) {
        int32_t type;
        const char *what = trn_msi_number(&t, i, "Type", &type) ? does((uint32_t)type & TYPE_KIND) : NULL;
        if (what)
            e = trn_look_fact(l, TRN_FEATURE_SCRIPT, "custom-action",
                              trn_arena_printf(l->arena, "%.*s: %s %.*s %.*s",
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Action"))), what,
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Source"))),
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Target")))),
                              (uint32_t)type, TRN_FEATURE_NOWHERE);
    }
    return e == -ENOENT ? 0 : e;
}

static int services(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    int e = trn_msi_table(m, "ServiceInstall", &t);
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(t.rows, ROWS_MAX); i++) {
        int32_t type = 0;
        bool driver = trn_msi_number(&t, i, "ServiceType", &type) && (type & 3);
        struct trn_str name = cut(trn_msi_text(&t, i, "Name"));
        e = driver ? trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "driver", name, 1, TRN_FEATURE_NOWHERE)
                   : trn_look_fact(l, TRN_FEATURE_SERVICE, "service",
                                   trn_arena_printf(l->arena, "%.*s: %.*s%s%.*s", TRN_STR_ARG(name),
                                                    TRN_STR_ARG(cut(trn_msi_text(&t, i, "Component_"))), " ",
                                                    TRN_STR_ARG(cut(trn_msi_text(&t, i, "Arguments")))),
                                   1, TRN_FEATURE_NOWHERE);
    }
    return e == -ENOENT ? 0 : e;
}

static bool contains_fold(struct trn_str s, const char *lower)
{
    size_t n = strlen(lower), k;
    for (size_t i = 0; i + n <= s.n; i++) {
        for (k = 0; k < n && tolower((unsigned char)s.p[i + k]) == lower[k]; k++)
            ;
        if (k == n)
            return true;
    }
    return false;
}

/* Keys below which Windows starts what is named there, or lets it stand in for something else. */
static bool starts(struct trn_str key)
{
    static const char *const parts[] = {"\\currentversion\\run",
                                        "\\winlogon",
                                        "\\image file execution options",
                                        "\\appcertdlls",
                                        "\\print\\monitors",
                                        "\\authentication packages",
                                        "\\active setup\\installed components"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++)
        if (contains_fold(key, parts[i]))
            return true;
    return false;
}

/* A shortcut in the folder of the session's start. */
static int shortcuts(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    int e = trn_msi_table(m, "Shortcut", &t);
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(t.rows, ROWS_MAX); i++)
        if (contains_fold(trn_msi_text(&t, i, "Directory_"), "startupfolder"))
            e = trn_look_fact(l, TRN_FEATURE_SERVICE, "autostart",
                              trn_arena_printf(l->arena, "%.*s: %.*s %.*s",
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Name"))),
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Target"))),
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Arguments")))),
                              1, TRN_FEATURE_NOWHERE);
    return e == -ENOENT ? 0 : e;
}

static int run_keys(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    int e = trn_msi_table(m, "Registry", &t);
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(t.rows, ROWS_MAX); i++) {
        struct trn_str key = cut(trn_msi_text(&t, i, "Key"));
        if (starts(key))
            e = trn_look_fact(l, TRN_FEATURE_SERVICE, "run-key",
                              trn_arena_printf(l->arena, "%.*s %.*s: %.*s", TRN_STR_ARG(key),
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Name"))),
                                               TRN_STR_ARG(cut(trn_msi_text(&t, i, "Value")))),
                              1, TRN_FEATURE_NOWHERE);
    }
    return e == -ENOENT ? 0 : e;
}

int trn_feature_msi(struct trn_look *l, struct trn_err *err)
{
    struct trn_ole2 *o;
    struct trn_msi *m;
    if (l->self->format != TRN_FORMAT_MSI)
        return 0;
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    int e = a ? trn_ole2_open(l->bytes, a, &o, err) : -ENOMEM;
    if (e == 0)
        e = trn_msi_open(o, a, &m, err);
    if (e == -ENOENT || e == -EBADMSG)
        return 0; /* the look says so */
    if (e == 0)
        e = actions(l, m);
    if (e == 0)
        e = services(l, m);
    if (e == 0)
        e = shortcuts(l, m);
    return e == 0 ? run_keys(l, m) : e;
}
