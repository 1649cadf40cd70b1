/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the stanzas of dpkg's status file and of its journal ("updates/NNNN"): which packages there
 * are and in what state. Must not own: their files. A stanza that makes no sense is left out; the rest
 * counts.
 */
#include "software/internal.h"

struct stanza {
    struct trn_str name, version, arch, maintainer, status, priority, essential;
};

int trn_dpkg_packages_init(struct trn_dpkg_packages *l, struct trn_arena *arena)
{
    *l = (struct trn_dpkg_packages){.arena = arena, .by_name = trn_map_new(TRN_DPKG_PACKAGES_MAX)};
    return l->by_name ? 0 : -ENOMEM;
}

void trn_dpkg_packages_done(struct trn_dpkg_packages *l)
{
    l->by_name = trn_map_free(l->by_name);
    free(l->rows);
    l->rows = NULL;
}

static bool is_name(struct trn_str s)
{
    if (s.n == 0 || s.n > TRN_DPKG_WORD_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
                    c == '-' || c == '.' || c == '_';
        if (!good)
            return false;
    }
    return true;
}

/* "install ok half-configured" -> what it means for the files on the disk. */
static bool read_state(struct trn_str status, uint32_t *flags)
{
    ptrdiff_t blank = trn_str_rfind(status, ' ');
    struct trn_str state = blank < 0 ? status : trn_str_slice(status, (size_t)blank + 1, status.n);
    if (trn_str_eq_c(state, "not-installed") || trn_str_eq_c(state, "config-files"))
        return false;
    if (trn_str_eq_c(state, "half-installed") || trn_str_eq_c(state, "unpacked") ||
        trn_str_eq_c(state, "half-configured"))
        *flags |= TRN_SW_UNPACKED;
    return true;
}

static struct trn_str keep(struct trn_arena *a, struct trn_str s)
{
    return trn_str_is_empty(s) ? TRN_STR_NONE : trn_arena_str(a, trn_str_slice(s, 0, TRN_DPKG_WORD_MAX));
}

static int add(struct trn_dpkg_packages *l, const struct stanza *s)
{
    if (!is_name(s->name) || trn_str_is_empty(s->status) || (!trn_str_is_empty(s->arch) && !is_name(s->arch)))
        return 0;
    struct trn_dpkg_row row = {0};
    row.present = read_state(s->status, &row.p.flags);
    if (trn_str_eq_c(s->essential, "yes") || trn_str_eq_c(s->priority, "required") ||
        trn_str_eq_c(s->priority, "important"))
        row.p.flags |= TRN_SW_BASE;
    uint64_t key = trn_hash64_mix(trn_hash64_str(s->name), trn_hash64_str(s->arch)), at;
    bool known = trn_map_get(l->by_name, key, &at);
    if (!known && !row.present)
        return 0;
    row.p.name = known ? l->rows[at].p.name : keep(l->arena, s->name);
    row.p.version = keep(l->arena, s->version);
    row.p.arch = keep(l->arena, s->arch);
    row.p.maintainer = keep(l->arena, s->maintainer);
    if (!row.p.name.p || (s->version.n && !row.p.version.p) || (s->arch.n && !row.p.arch.p))
        return -ENOMEM;
    if (known) {
        l->rows[at] = row;
        return 0;
    }
    int r = trn_grow((void **)&l->rows, &l->cap, l->n, sizeof(*l->rows), TRN_DPKG_PACKAGES_MAX);
    if (r == 0)
        r = trn_map_put(l->by_name, key, l->n);
    if (r < 0)
        return r;
    l->rows[l->n++] = row;
    return 0;
}

static void read_field(struct stanza *s, struct trn_str line)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"Package", offsetof(struct stanza, name)},          {"Status", offsetof(struct stanza, status)},
        {"Version", offsetof(struct stanza, version)},       {"Architecture", offsetof(struct stanza, arch)},
        {"Maintainer", offsetof(struct stanza, maintainer)}, {"Priority", offsetof(struct stanza, priority)},
        {"Essential", offsetof(struct stanza, essential)},
    };
    ptrdiff_t colon = trn_str_find(line, ':');
    if (colon <= 0 || line.p[0] == ' ' || line.p[0] == '\t')
        return; /* a continuation line */
    struct trn_str name = trn_str_slice(line, 0, (size_t)colon);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(fields); i++)
        if (trn_str_eq_c(name, fields[i].name)) {
            struct trn_str value = trn_str_trim(trn_str_slice(line, (size_t)colon + 1, line.n));
            memcpy((char *)s + fields[i].offset, &value, sizeof(value));
            return;
        }
}

int trn_dpkg_status_parse(struct trn_str text, struct trn_dpkg_packages *l)
{
    struct trn_cursor c = trn_cur_of(text);
    struct stanza s = {0};
    for (;;) {
        struct trn_str line = trn_cur_line(&c);
        if (line.n) {
            read_field(&s, line);
            continue;
        }
        int r = add(l, &s); /* an empty line or the end closes a stanza */
        if (r < 0 || trn_str_is_none(line))
            return r;
        s = (struct stanza){0};
    }
}
