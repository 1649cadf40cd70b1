/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: an RPM package: what its header says of it, its scripts, and its payload as one member (a compressed cpio).
 * Must not: run or judge a script; the looks of scripts do that.
 */
#include "artifact/kinds.h"
#include "artifact/unpack.h"
#include "formats/formats.h"

#define TRIGGERS_MAX 256u

static int properties(struct trn_look *l, const struct trn_rpm_header *h)
{
    static const struct {
        const char *key;
        uint32_t tag;
    } table[] = {
        {"product", TRN_RPM_TAG_NAME},   {"version", TRN_RPM_TAG_VERSION}, {"release", TRN_RPM_TAG_RELEASE},
        {"company", TRN_RPM_TAG_VENDOR}, {"license", TRN_RPM_TAG_LICENSE}, {"arch", TRN_RPM_TAG_ARCH},
    };
    int e = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table) && e == 0; i++)
        e = trn_look_property(l, table[i].key, trn_rpm_string(h, table[i].tag, NULL));
    return e;
}

static int scripts(struct trn_look *l, const struct trn_rpm_header *h)
{
    static const struct {
        const char *name;
        uint32_t tag;
    } table[] = {
        {"[script]/prein.sh", TRN_RPM_TAG_PREIN},
        {"[script]/postin.sh", TRN_RPM_TAG_POSTIN},
        {"[script]/preun.sh", TRN_RPM_TAG_PREUN},
        {"[script]/postun.sh", TRN_RPM_TAG_POSTUN},
        {"[script]/pretrans.sh", TRN_RPM_TAG_PRETRANS},
        {"[script]/posttrans.sh", TRN_RPM_TAG_POSTTRANS},
        {"[script]/verify.sh", TRN_RPM_TAG_VERIFYSCRIPT},
        {"[script]/preuntrans.sh", TRN_RPM_TAG_PREUNTRANS},
        {"[script]/postuntrans.sh", TRN_RPM_TAG_POSTUNTRANS},
    };
    int e = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table) && e == 0; i++) {
        uint64_t at = 0;
        struct trn_str text = trn_rpm_string(h, table[i].tag, &at);
        struct trn_member m = {.name = trn_str_of(table[i].name), .size = text.n};
        if (text.n)
            e = trn_look_part(l, &m, at, text.n);
    }
    return e;
}

/* Scripts that run when another package, or a file in some folder, comes or goes. */
static int triggers(struct trn_look *l, const struct trn_rpm_header *h)
{
    static const struct {
        const char *name;
        uint32_t tag;
    } table[] = {
        {"trigger", TRN_RPM_TAG_TRIGGERSCRIPTS},
        {"filetrigger", TRN_RPM_TAG_FILETRIGGERSCRIPTS},
        {"transfiletrigger", TRN_RPM_TAG_TRANSFILETRIGGERSCRIPTS},
    };
    struct trn_rpm_array a;
    struct trn_str text;
    int e = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        if (!trn_rpm_array(h, table[i].tag, false, &a))
            continue;
        for (uint32_t k = 0; e == 0 && k < TRIGGERS_MAX && trn_rpm_next_string(&a, &text); k++) {
            struct trn_member m = {.name = trn_arena_printf(l->arena, "[script]/%s-%u.sh", table[i].name, k),
                                   .size = text.n};
            if (text.n)
                e = trn_look_part(l, &m, a.at, text.n);
        }
    }
    return e;
}

int trn_open_rpm(struct trn_look *l, struct trn_err *err)
{
    struct trn_rpm r;
    int e = trn_rpm_parse(l->bytes, l->arena, &r);
    if (e == -EMSGSIZE)
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "a header of the package is larger than 32 MiB");
    if (e < 0)
        return e == -EBADMSG ? trn_fail(err, e, "the headers of the package are damaged or cut off") : e;
    e = properties(l, &r.main);
    if (e == 0)
        e = scripts(l, &r.main);
    if (e == 0)
        e = triggers(l, &r.main);
    struct trn_member payload = {.name = TRN_STR("payload.cpio"), .size = r.payload_size};
    return e < 0 ? e : trn_look_part(l, &payload, r.payload_at, r.payload_size);
}
