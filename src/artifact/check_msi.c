/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a Windows Installer database and any compound file says about itself, for an inventory. Must not own: bytes in no
 * stream (check_ole2_slack.c), its signature and what that does not cover (check_signature*.c), its members (unpack_msi.c).
 */
#include "artifact/check_msi.h"
#include "artifact/kinds.h"
#include "artifact/msi.h"

#define TOLD_MAX 64u
#define VALUE_MAX 1024u
#define FILETIME_UNIX 11644473600ull

static struct trn_str time_of(struct trn_look *l, uint64_t filetime)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    uint64_t seconds = filetime / 10000000;
    if (seconds < FILETIME_UNIX || seconds - FILETIME_UNIX > UINT32_MAX)
        return TRN_STR_NONE;
    trn_buf_init(&b, 64);
    trn_put_time_iso(&b, (seconds - FILETIME_UNIX) * TRN_NS_PER_SEC);
    return trn_arena_str(l->arena, trn_buf_str(&b));
}

static int tell_summary(struct trn_look *l, const struct trn_ole2 *o)
{
    struct trn_ole2_summary s;
    int e = trn_ole2_read_summary(o, l->arena, &s);
    if (e < 0)
        return e == -ENOENT || e == -EBADMSG ? 0 : e;
    const struct {
        const char *key;
        struct trn_str value;
    } told[] = {
        {"title", s.title},
        {"subject", s.subject},
        {"author", s.author},
        {"package_code", s.revision},
        {"platform", s.platform},
        {"created_with", s.application},
        {"created", time_of(l, s.created)},
        {"saved", time_of(l, s.saved)},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(told); i++) {
        bool msi_only = i == 3 || i == 4;
        if (msi_only && l->self->format != TRN_FORMAT_MSI)
            continue;
        e = trn_look_property(l, told[i].key, trn_str_slice(told[i].value, 0, VALUE_MAX));
        if (e < 0)
            return e;
    }
    return 0;
}

static int tell_properties(struct trn_look *l, const struct trn_msi *m)
{
    static const struct {
        const char *name, *key;
    } wanted[] = {
        {"ProductName", "product"},      {"ProductVersion", "version"},   {"Manufacturer", "company"},
        {"ProductCode", "product_code"}, {"UpgradeCode", "upgrade_code"}, {"ProductLanguage", "language"},
    };
    struct trn_msi_table t;
    int e = trn_msi_table(m, "Property", &t);
    if (e < 0)
        return e == -ENOENT ? 0 : e;
    for (uint32_t i = 0, told = 0; i < t.rows && told < TOLD_MAX; i++) {
        struct trn_str name = trn_msi_text(&t, i, "Property");
        for (size_t k = 0; k < TRN_ARRAY_SIZE(wanted); k++) {
            if (!trn_str_eq_c(name, wanted[k].name))
                continue;
            e = trn_look_property(l, wanted[k].key, trn_str_slice(trn_msi_text(&t, i, "Value"), 0, VALUE_MAX));
            if (e < 0)
                return e;
            told++;
        }
    }
    return 0;
}

static int tell_database(struct trn_look *l, const struct trn_ole2 *o, struct trn_arena *a, struct trn_err *err)
{
    struct trn_msi *m;
    int e = trn_msi_open(o, a, &m, err);
    if (e == 0)
        e = tell_properties(l, m);
    return e == 0 ? trn_msi_tell_actions(l, m) : e;
}

int trn_look_ole2(struct trn_look *l, struct trn_err *err)
{
    /* of its own, so that the tables of a large file are not held twice while it is opened */
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_ole2 *o;
    int e = a ? trn_ole2_open(l->bytes, a, &o, err) : -ENOMEM;
    if (e == 0 && trn_ole2_trouble(o)[0])
        e = trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "the compound file is damaged: %s", trn_ole2_trouble(o));
    if (e == 0)
        e = tell_summary(l, o);
    if (e == 0 && !trn_ole2_find(o, "\5DigitalSignature"))
        e = trn_look_ole2_slack(l, o);
    if (e == 0 && l->self->format == TRN_FORMAT_MSI)
        e = tell_database(l, o, a, err);
    return e;
}
