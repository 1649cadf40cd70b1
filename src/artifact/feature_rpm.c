/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an RPM's header asks for and gives that its members do not say: required packages, file capabilities.
 * Must not: judge. Its scriptlets are members (unpack_rpm.c), its modes and services those of its payload.
 */
#include "artifact/kinds.h"
#include "formats/formats.h"

#define REQUIRES_MAX 4096u
#define FILES_MAX 1000000u
#define CAPABILITIES_MAX 256u
#define LESS 2u
#define GREATER 4u
#define EQUAL 8u

/* What the package manager asks of itself, and what stands in the files: which libraries they link. */
static bool is_of_rpm(struct trn_str name)
{
    return trn_str_starts(name, TRN_STR("rpmlib(")) || trn_str_starts(name, TRN_STR("rtld(")) ||
           trn_str_starts(name, TRN_STR("config(")) || trn_str_contains(name, TRN_STR(".so"));
}

static int dependencies(struct trn_look *l, const struct trn_rpm_header *h)
{
    struct trn_rpm_array names, versions, flags;
    struct trn_str name;
    int e = 0;
    if (!trn_rpm_array(h, TRN_RPM_TAG_REQUIRENAME, false, &names))
        return 0;
    bool versioned = trn_rpm_array(h, TRN_RPM_TAG_REQUIREVERSION, false, &versions) &&
                     trn_rpm_array(h, TRN_RPM_TAG_REQUIREFLAGS, true, &flags);
    for (uint32_t i = 0; e == 0 && i < REQUIRES_MAX && trn_rpm_next_string(&names, &name); i++) {
        struct trn_str version = TRN_STR("");
        uint32_t f = 0;
        versioned = versioned && trn_rpm_next_string(&versions, &version) && trn_rpm_next_number(&flags, &f);
        if (name.n == 0 || is_of_rpm(name))
            continue;
        struct trn_str asked =
            version.n ? trn_arena_printf(l->arena, "%s%s%s %.*s", f & LESS ? "<" : "", f & GREATER ? ">" : "",
                                         f & EQUAL ? "=" : "", TRN_STR_ARG(trn_str_slice(version, 0, 200)))
                      : TRN_STR("");
        e = trn_look_feature(l, &(struct trn_feature){TRN_FEATURE_DEPENDENCY, name, asked, 1, names.at});
    }
    return e;
}

static struct trn_str folder_at(const struct trn_rpm_header *h, uint32_t index)
{
    struct trn_rpm_array dirs;
    struct trn_str one = TRN_STR("");
    if (!trn_rpm_array(h, TRN_RPM_TAG_DIRNAMES, false, &dirs))
        return one;
    for (uint32_t i = 0; i <= index; i++)
        if (!trn_rpm_next_string(&dirs, &one))
            return TRN_STR("");
    return one;
}

/* "= cap_net_raw+ep" of some files, "" of all others. */
static int capabilities(struct trn_look *l, const struct trn_rpm_header *h)
{
    struct trn_rpm_array caps, names, indexes;
    struct trn_str cap, name;
    uint32_t folder, told = 0;
    int e = 0;
    if (!trn_rpm_array(h, TRN_RPM_TAG_FILECAPS, false, &caps) ||
        !trn_rpm_array(h, TRN_RPM_TAG_BASENAMES, false, &names) ||
        !trn_rpm_array(h, TRN_RPM_TAG_DIRINDEXES, true, &indexes))
        return 0;
    for (uint32_t i = 0; e == 0 && i < FILES_MAX && told < CAPABILITIES_MAX; i++) {
        if (!trn_rpm_next_string(&caps, &cap) || !trn_rpm_next_string(&names, &name) ||
            !trn_rpm_next_number(&indexes, &folder))
            break;
        if (cap.n == 0)
            continue;
        told++;
        struct trn_str dir = folder_at(h, folder);
        e = trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "capability",
                          trn_arena_printf(l->arena, "%.*s%.*s: %.*s", TRN_STR_ARG(trn_str_slice(dir, 0, 300)),
                                           TRN_STR_ARG(trn_str_slice(name, 0, 200)),
                                           TRN_STR_ARG(trn_str_slice(cap, 0, 200))),
                          1, caps.at);
    }
    return e;
}

int trn_feature_rpm(struct trn_look *l, struct trn_err *err)
{
    struct trn_rpm r;
    if (l->self->format != TRN_FORMAT_RPM)
        return 0;
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    int e = a ? trn_rpm_parse(l->bytes, a, &r) : -ENOMEM;
    if (e == -EMSGSIZE || e == -EBADMSG)
        return 0; /* who opens it says so */
    if (e == 0)
        e = dependencies(l, &r.main);
    if (e == 0)
        e = capabilities(l, &r.main);
    return e < 0 ? trn_fail(err, e, "what the package asks for cannot be read: %s", trn_errno_name(e)) : 0;
}
