/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: ar archives and Debian packages: their members lie there as they are, and are looked at in place.
 * Must not: unpack control.tar.* or data.tar.*: they are members with members of their own.
 */
#include "artifact/kinds.h"
#include "artifact/unowned.h"
#include "artifact/unpack.h"
#include "formats/formats.h"

#define MEMBERS_MAX 100000u
#define SIGNATURE_MAX 65536u
#define VERSION_SIZE 4u

static int behind(struct trn_look *l, uint64_t at)
{
    uint64_t size = l->bytes->size - TRN_MIN(at, l->bytes->size);
    struct trn_member m = {.name = TRN_STR("[behind the last member]"), .size = size};
    struct trn_irregular i = {.kind = "behind-end", .score = 45, .at = at, .size = size};
    int e = trn_irregular(l, &i, "%llu bytes at 0x%llx are no member of the archive: who unpacks it never sees them.",
                          (unsigned long long)size, (unsigned long long)at);
    return e < 0 ? e : trn_look_part(l, &m, at, size);
}

static bool is_deb_member(struct trn_str name, uint32_t index)
{
    return index == 0   ? trn_str_eq_c(name, "debian-binary")
           : index == 1 ? trn_str_starts(name, TRN_STR("control.tar"))
           : index == 2 ? trn_str_starts(name, TRN_STR("data.tar"))
                        : false;
}

/* debsigs and dpkg-sig: an OpenPGP signature, in text or as it is. */
static bool is_signature(struct trn_look *l, const struct trn_ar_member *a)
{
    uint8_t b[16];
    if (!trn_str_starts(a->name, TRN_STR("_gpg")) || a->size > SIGNATURE_MAX ||
        trn_source_read(l->bytes, a->at, b, sizeof(b)) != (int64_t)sizeof(b))
        return false;
    return memcmp(b, "-----BEGIN PGP ", 15) == 0 || (b[0] & 0xfc) == 0x88 || b[0] == 0xc2;
}

static int foreign(struct trn_look *l, const struct trn_ar_member *a)
{
    char text[64];
    bool passed_over = trn_str_starts(a->name, TRN_STR("_"));
    struct trn_irregular i = {.kind = "foreign-member",
                              .score = passed_over ? 30 : 35,
                              .at = a->header_at,
                              .size = a->size,
                              .member = a->name};
    return trn_irregular(l, &i, "The package has the member '%s', which %s.",
                         trn_escape_into(text, sizeof(text), a->name),
                         passed_over ? "dpkg passes over for its name: it is never installed"
                                     : "no Debian package has at this place");
}

/* "2.0" and a line's end; what follows nobody reads. */
static int version_member(struct trn_look *l, const struct trn_ar_member *a)
{
    static const struct trn_unowned more = {"behind-version", "[behind the version of the format]",
                                            "stand in the package's first member behind the version of the format, "
                                            "where nobody reads on",
                                            0};
    return a->size > VERSION_SIZE ? trn_unowned_tell(l, &more, a->at + VERSION_SIZE, a->size - VERSION_SIZE) : 0;
}

static int member(struct trn_look *l, struct trn_member_names *names, const struct trn_ar_member *a, uint32_t index)
{
    struct trn_member m = {.name = a->name, .size = a->size, .mode = a->mode};
    struct trn_named named = {.name = a->name, .mode = a->mode, .at = a->header_at};
    int e = trn_member_names_add(names, &named);
    bool deb = l->self->format == TRN_FORMAT_DEB;
    if (e == 0 && deb && !is_deb_member(a->name, index) && !is_signature(l, a))
        e = foreign(l, a);
    if (e == 0 && deb && index == 0)
        e = version_member(l, a);
    return e < 0 ? e : trn_look_part(l, &m, a->at, a->size);
}

static int members(struct trn_look *l, struct trn_member_names *names, struct trn_err *err)
{
    struct trn_ar ar = {0};
    struct trn_ar_member a;
    uint64_t at = TRN_AR_FIRST;
    uint32_t index = 0;
    for (;;) {
        uint64_t header = at;
        int e = trn_ar_next(l->bytes, &at, &ar, l->arena, &a);
        if (e == 0)
            return 0;
        if (e == -EBADMSG && index && l->self->format == TRN_FORMAT_DEB)
            return behind(l, header);
        if (e < 0)
            return e == -EBADMSG ? trn_fail(err, e, "no member of an ar archive at 0x%llx", (unsigned long long)header)
                                 : e;
        if (trn_look_over(l) || index == MEMBERS_MAX)
            return index == MEMBERS_MAX ? trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "members") : -ETIME;
        e = a.table ? 0 : member(l, names, &a, index);
        if (e < 0)
            return e;
        index += !a.table;
    }
}

int trn_open_ar(struct trn_look *l, struct trn_err *err)
{
    TRN_AUTO(trn_member_names_done) struct trn_member_names names = {0};
    int e = trn_member_names_new(l, &names);
    if (e < 0)
        return e;
    if (l->self->format == TRN_FORMAT_AR)
        names.duplicate = 0; /* a static library has one object name several times, lawfully */
    else
        names.duplicate = 50; /* dpkg takes the first, others the last */
    return members(l, &names, err);
}
