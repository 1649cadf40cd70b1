/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: putting together what is known of one file: the package's word first, then what the file and
 * its directory say of themselves, then its name. Must not own: reading anything.
 */
#include "software/internal.h"

/* "Foo-1.2.3-x86_64" -> words, split at '-' and '_'. */
static bool next_word(struct trn_str s, size_t *at, struct trn_str *ret)
{
    size_t from = *at;
    if (from >= s.n)
        return false;
    while (*at < s.n && s.p[*at] != '-' && s.p[*at] != '_')
        (*at)++;
    *ret = trn_str_slice(s, from, *at - from);
    (*at)++;
    return true;
}

static bool is_platform(struct trn_str w)
{
    static const char *const words[] = {"x86", "amd64", "aarch64", "arm64", "armhf", "i386", "i686", "linux", "Linux"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++)
        if (trn_str_eq_c(w, words[i]))
            return true;
    return false;
}

static bool is_number(struct trn_str w)
{
    if (w.n > 1 && (w.p[0] == 'v' || w.p[0] == 'V'))
        w = trn_str_slice(w, 1, w.n);
    return w.n && w.p[0] >= '0' && w.p[0] <= '9';
}

/* The name ends before the version or the platform, whichever comes first. */
static void name_appimage(struct trn_str path, struct trn_software *sw)
{
    struct trn_str s = trn_path_base(path), word;
    if (s.n > 9 && trn_glob(TRN_STR("*.appimage"), s, true))
        s = trn_str_slice(s, 0, s.n - 9);
    size_t at = 0, name = s.n;
    for (size_t from = 0; next_word(s, &at, &word); from = at) {
        bool version = from && is_number(word);
        if (version)
            sw->version = trn_str_slice(word, word.p[0] == 'v' || word.p[0] == 'V', word.n);
        if (version || (from && is_platform(word))) {
            name = from - 1;
            break;
        }
    }
    sw->name = trn_str_slice(s, 0, name);
    sw->origin = TRN_ORIGIN_APPIMAGE;
}

/* A running AppImage is mounted at /tmp/.mount_NAMEXXXXXX (its first letters and six at random). */
static bool name_mounted_appimage(struct trn_str path, struct trn_software *sw)
{
    struct trn_str prefix = TRN_STR("/tmp/.mount_");
    if (!trn_str_starts(path, prefix))
        return false;
    struct trn_str rest = trn_str_slice(path, prefix.n, path.n);
    ptrdiff_t slash = trn_str_find(rest, '/');
    if (slash <= 6)
        return false;
    sw->name = trn_str_slice(rest, 0, (size_t)slash - 6);
    sw->origin = TRN_ORIGIN_APPIMAGE;
    return true;
}

static void name_package(const struct trn_owner *o, const struct trn_file_facts *facts, struct trn_software *sw)
{
    *sw = (struct trn_software){.name = o->package->name,
                                .version = o->package->version,
                                .signer = o->package->maintainer,
                                .origin = TRN_ORIGIN_DPKG,
                                .flags = o->package->flags & (TRN_SW_BASE | TRN_SW_UNPACKED)};
    /* Half-way through an installation the list is of one version and the file maybe of the other. */
    if (!o->has_md5 || !facts || trn_sha256_is_none(facts->sha256) || (sw->flags & TRN_SW_UNPACKED))
        return;
    sw->flags |= TRN_SW_MODIFIED_KNOWN;
    if (memcmp(o->md5_head, facts->md5, sizeof(o->md5_head)) != 0)
        sw->flags |= TRN_SW_MODIFIED;
}

void trn_identify(const struct trn_package_index *index, struct trn_str path, const struct trn_file_facts *facts,
                  const struct trn_software *manifest, struct trn_arena *arena, struct trn_identity *ret)
{
    struct trn_owner owner;
    *ret = (struct trn_identity){.size = TRN_NO_U64};
    if (facts) {
        memcpy(ret->sha256, facts->sha256, sizeof(ret->sha256));
        ret->build_id = facts->build_id;
        ret->size = facts->size;
        ret->kind = facts->kind;
    }
    struct trn_software *sw = &ret->software;
    if (index && trn_package_index_find(index, path, &owner)) {
        name_package(&owner, facts, sw);
        return;
    }
    if ((facts && trn_str_eq_c(facts->kind, "appimage")) || trn_str_ends(path, TRN_STR(".AppImage")))
        name_appimage(path, sw);
    else if (!name_mounted_appimage(path, sw) && manifest && !trn_str_is_empty(manifest->name))
        *sw = *manifest;
    if (trn_str_is_empty(sw->name))
        *sw = (struct trn_software){.name = trn_path_base(path), .origin = TRN_ORIGIN_MANUAL};
}
