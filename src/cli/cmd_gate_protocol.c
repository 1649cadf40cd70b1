/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading what apt says to hooks of DPkg::Pre-Install-Pkgs in version 3 of that protocol.
 * Must not: open a file, or trust a line: names of files come from an index that a server sent. Pure.
 *
 *   VERSION 3 / Option::Name=value ... / (empty line) /
 *   name old-version old-arch old-multi-arch <|=|> new-version new-arch new-multi-arch /path.deb|**CONFIGURE**|**REMOVE**
 */
#include "cli/gate.h"

#define FIELDS 8

static bool all_of(struct trn_str s, const char *more, size_t max)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && !(c && strchr(more, c)))
            return false;
    }
    return s.n > 0 && s.n <= max;
}

bool trn_gate_is_name(struct trn_str s)
{
    return all_of(s, "+-.", 128) && s.p[0] != '-' && s.p[0] != '.' && s.p[0] != '+';
}

bool trn_gate_is_version(struct trn_str s)
{
    return all_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~:-_", 200) && s.p[0] != '-' && s.p[0] != '.';
}

static bool is_arch(struct trn_str s)
{
    return all_of(s, "-", 32);
}

static bool is_multi_arch(struct trn_str s)
{
    return TRN_ONE_OF(s, "none", "same", "foreign", "allowed");
}

/* An absolute name without a way up and without control bytes. */
static bool is_path(struct trn_str s)
{
    if (s.n < 2 || s.n >= TRN_GATE_PATH_MAX || s.p[0] != '/')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    struct trn_str rest = s, piece;
    while (trn_str_split(&rest, '/', &piece))
        if (trn_str_eq_c(piece, ".."))
            return false;
    return true;
}

/* "-" for a version or an architecture: there is none. */
static bool take(struct trn_str word, bool (*is)(struct trn_str), struct trn_str *ret)
{
    *ret = trn_str_eq_c(word, "-") ? TRN_STR_NONE : word;
    return trn_str_is_none(*ret) || is(word);
}

static bool parse_line(struct trn_str line, struct trn_gate_item *i)
{
    struct trn_str f[FIELDS], rest = line;
    if (line.n > TRN_GATE_LINE_MAX)
        return false;
    for (size_t k = 0; k < FIELDS; k++)
        if (!trn_str_split(&rest, ' ', &f[k]) || trn_str_is_none(rest))
            return false;
    *i = (struct trn_gate_item){.name = f[0]};
    if (!trn_gate_is_name(f[0]) || !take(f[1], trn_gate_is_version, &i->old_version) ||
        !take(f[2], is_arch, &i->old_arch) || !is_multi_arch(f[3]) || !TRN_ONE_OF(f[4], "<", "=", ">") ||
        !take(f[5], trn_gate_is_version, &i->new_version) || !take(f[6], is_arch, &i->new_arch) || !is_multi_arch(f[7]))
        return false;
    if (trn_str_eq_c(rest, "**CONFIGURE**") || trn_str_eq_c(rest, "**REMOVE**")) {
        i->step = rest.p[2] == 'C' ? TRN_GATE_CONFIGURE : TRN_GATE_REMOVE;
        return true;
    }
    i->file = rest;
    return is_path(rest) && i->new_version.n && i->new_arch.n && (i->old_version.n == 0) == (i->old_arch.n == 0);
}

static int add(struct trn_gate_list *l, const struct trn_gate_item *i)
{
    if (l->n == TRN_GATE_ITEMS_MAX)
        return -EFBIG;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct trn_gate_item *more = reallocarray(l->items, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        l->items = more;
        l->cap = cap;
    }
    l->items[l->n++] = *i;
    return 0;
}

int trn_gate_parse(struct trn_str text, struct trn_gate_list *ret, struct trn_err *err)
{
    TRN_AUTO(trn_gate_list_done) struct trn_gate_list l = {0};
    struct trn_str rest = text, line;
    struct trn_gate_item item;
    bool options = true;
    int e = 0;
    if (text.n == 0 || text.p[text.n - 1] != '\n')
        return trn_fail(err, -EPROTO, "what apt said is cut off");
    if (!trn_str_split(&rest, '\n', &line) || !trn_str_eq_c(line, "VERSION 3"))
        return trn_fail(err, -EPROTO, "what apt said is not version 3 of its protocol for hooks");
    for (size_t n = 2; e == 0 && rest.n && trn_str_split(&rest, '\n', &line); n++) {
        if (options) { /* apt's configuration, that nothing here depends on */
            options = line.n > 0;
            continue;
        }
        if (parse_line(line, &item)) {
            e = add(&l, &item);
        } else {
            l.bad_line = l.bad ? l.bad_line : n;
            l.bad++;
        }
    }
    if (e == 0 && options)
        e = -EPROTO;
    if (e < 0)
        return trn_fail(err, e, "what apt said cannot be read: %s",
                        e == -EPROTO ? "it has no list of packages" : trn_errno_words(e));
    *ret = l;
    l = (struct trn_gate_list){0};
    return 0;
}

void trn_gate_list_done(struct trn_gate_list *l)
{
    free(l->items);
    *l = (struct trn_gate_list){0};
}
