/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the question whether two things that were given can be two releases of one product at all, and what to say when not.
 * Must not: judge: what changed between two that fit is for src/release/.
 */
#include "cli/diff.h"

#define OTHER_KINDS "are of different kinds: there is nothing to compare"

/* Programs of one system, packages of one packager: two of a family can be two releases of one thing. "": any other. */
static const char *family_of(const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    static const char *const names[TRN_FORMAT_MAX] = {
        [TRN_FORMAT_PE] = "a Windows program",  [TRN_FORMAT_ELF] = "a Linux program",
        [TRN_FORMAT_MACHO] = "a macOS program", [TRN_FORMAT_MACHO_FAT] = "a macOS program",
        [TRN_FORMAT_DEB] = "a Debian package",  [TRN_FORMAT_RPM] = "an RPM package",
        [TRN_FORMAT_MSI] = "a Windows package", [TRN_FORMAT_DMG] = "a macOS disk image",
    };
    const char *name = top->path.n || top->format >= TRN_FORMAT_MAX ? NULL : names[top->format];
    return name ? name : "";
}

/* What it is, for who gave the wrong one. */
static const char *kind_of(const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    const char *family = family_of(r);
    return top->path.n ? "a folder" : family[0] ? family : trn_format_name(top->format);
}

static bool is_damaged(const struct trn_release *r)
{
    const struct trn_release_gap *g = trn_release_gap_at(r, 0);
    return g && (g->gap.kind == TRN_GAP_DAMAGED || g->gap.kind == TRN_GAP_LIMIT);
}

static int misfit(const struct trn_release *before, const struct trn_release *after, const char *why, const char *hint,
                  struct trn_err *err)
{
    char a[160], b[160];
    int e =
        trn_fail(err, -EINVAL, "'%s' (%s) and '%s' (%s) %s", trn_escape_into(a, sizeof(a), trn_release_label(before)),
                 kind_of(before), trn_escape_into(b, sizeof(b), trn_release_label(after)), kind_of(after), why);
    trn_hint(err, "%s",
             is_damaged(before)  ? "OLD is damaged or was cut short"
             : is_damaged(after) ? "NEW is damaged or was cut short"
                                 : hint);
    return e;
}

int trn_diff_other_kinds(const struct trn_release *before, const struct trn_release *after, struct trn_err *err)
{
    const char *form = "give two releases of one product in the same form, or two folders";
    return misfit(before, after, OTHER_KINDS, form, err);
}

int trn_diff_fit(const struct trn_release *before, const struct trn_release *after, struct trn_err *err)
{
    const struct trn_release *sides[] = {before, after};
    for (size_t i = 0; i < 2; i++) { /* nothing in the one file could be in the folder */
        const struct trn_release_member *one = trn_release_at(sides[i], 0), *other = trn_release_at(sides[1 - i], 0);
        if (one->path.n == 0 && one->children == 0 && other->path.n)
            return misfit(before, after, OTHER_KINDS, "give two files or two folders", err);
    }
    const char *p = family_of(before), *q = family_of(after);
    return p[0] && q[0] && strcmp(p, q) != 0 ? trn_diff_other_kinds(before, after, err) : 0;
}

int trn_diff_paired(const struct trn_diff *d, struct trn_err *err)
{
    size_t members = 0, pairs = 0;
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        bool within = trn_diff_shown(c)->path.n > 0;       /* two files that were given are always a pair */
        members += within && c->kind != TRN_CHANGE_UNSEEN; /* what was not read may have one */
        pairs += within && c->old_member && c->new_member;
    }
    if (members == 0 || pairs > 0)
        return 0;
    return misfit(d->old_release, d->new_release,
                  "have nothing in common: not one member of the one has a counterpart in the other",
                  "give two releases of one product", err);
}
