/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an MSI runs while it installs: its CustomAction table in words, and the scripts that stand in it as text.
 * Must not: judge that; nearly every installer has some.
 */
#include "artifact/msi.h"

#define ACTIONS_MAX 64u
#define TYPE_KIND 0x3fu
#define TYPE_DEFERRED 0x400u
#define TYPE_SYSTEM 0x800u /* not in the name of the user: as SYSTEM */

static const struct {
    uint8_t kind;
    const char *does;
} kinds[] = {
    {1, "calls a library kept in the installer"},
    {2, "runs a program kept in the installer"},
    {5, "runs JScript kept in the installer"},
    {6, "runs VBScript kept in the installer"},
    {17, "calls a library it installed"},
    {18, "runs a program it installed"},
    {21, "runs JScript it installed"},
    {22, "runs VBScript it installed"},
    {34, "runs a command line"},
    {37, "runs JScript"},
    {38, "runs VBScript"},
    {50, "runs a command line"},
    {53, "runs JScript from a property"},
    {54, "runs VBScript from a property"},
};

static const char *does(int32_t type)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++)
        if (kinds[i].kind == ((uint32_t)type & TYPE_KIND))
            return kinds[i].does;
    return NULL; /* sets a property or a folder, or shows an error */
}

int trn_msi_tell_actions(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    uint32_t told = 0;
    int e = trn_msi_table(m, "CustomAction", &t);
    if (e < 0)
        return e == -ENOENT ? 0 : e;
    for (uint32_t i = 0; i < t.rows && told < ACTIONS_MAX; i++) {
        int32_t type;
        if (!trn_msi_number(&t, i, "Type", &type) || !does(type))
            continue;
        struct trn_str source = trn_str_slice(trn_msi_text(&t, i, "Source"), 0, 80);
        struct trn_str target = trn_str_slice(trn_msi_text(&t, i, "Target"), 0, 200);
        bool as_system = ((uint32_t)type & (TYPE_DEFERRED | TYPE_SYSTEM)) == (TYPE_DEFERRED | TYPE_SYSTEM);
        struct trn_str words = trn_arena_printf(l->arena, "%.*s %s: %.*s%s%.*s%s",
                                                TRN_STR_ARG(trn_str_slice(trn_msi_text(&t, i, "Action"), 0, 80)),
                                                does(type), TRN_STR_ARG(source), source.n && target.n ? " " : "",
                                                TRN_STR_ARG(target), as_system ? " (as SYSTEM)" : "");
        e = trn_look_property(l, "custom_action", words);
        if (e < 0)
            return e;
        told++;
    }
    return 0;
}

static int open_script(struct trn_look *l, struct trn_str action, const char *end, struct trn_str text)
{
    struct trn_member member = {.name = trn_arena_printf(l->arena, "CustomAction/%.*s%s",
                                                         TRN_STR_ARG(trn_str_slice(action, 0, 200)), end),
                                .size = text.n};
    int e = trn_look_member(l, &member);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = trn_look_data(l, text.p, text.n);
    if (e < 0 && e != -ECANCELED)
        return e;
    return trn_look_end(l, 0, NULL);
}

int trn_msi_open_scripts(struct trn_look *l, const struct trn_msi *m)
{
    struct trn_msi_table t;
    int e = trn_msi_table(m, "CustomAction", &t);
    if (e < 0)
        return e == -ENOENT ? 0 : e;
    for (uint32_t i = 0; i < t.rows; i++) {
        int32_t type;
        if (!trn_msi_number(&t, i, "Type", &type))
            continue;
        uint32_t kind = (uint32_t)type & TYPE_KIND;
        struct trn_str text = trn_msi_text(&t, i, "Target");
        if ((kind != 37 && kind != 38) || trn_str_is_empty(text))
            continue;
        e = open_script(l, trn_msi_text(&t, i, "Action"), kind == 37 ? ".js" : ".vbs", text);
        if (e < 0)
            return e;
    }
    return 0;
}
