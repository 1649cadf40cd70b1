/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the small texts of "remove" and "rollback": a target as people write it, one line of dpkg-query in our format,
 * the lines of a simulation, the pin, the record. Pure functions, foreign bytes through the cursor.
 * Must not own: where the texts come from and what is done about them (package.c).
 */
#include "response/execute/package.h"

#include <ctype.h>
#include <stdio.h>

static bool all_of(struct trn_str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(more, c))))
            return false;
    }
    return s.n > 0;
}

/* Debian policy 5.6.1; what begins with a letter or a digit cannot be an option. */
bool trn_package_name_ok(struct trn_str name)
{
    ptrdiff_t colon = trn_str_find(name, ':');
    struct trn_str arch = colon < 0 ? TRN_STR("any") : trn_str_slice(name, (size_t)colon + 1, name.n);
    struct trn_str bare = colon < 0 ? name : trn_str_slice(name, 0, (size_t)colon);
    return name.n < TRN_PACKAGE_NAME && bare.n >= 2 && all_of(trn_str_slice(bare, 0, 1), "") && all_of(bare, "+-.") &&
           arch.n < 32 && all_of(arch, "-") && arch.p[0] != '-';
}

bool trn_package_version_ok(struct trn_str v)
{
    return v.n > 0 && v.n < TRN_PACKAGE_NAME && v.p[0] >= '0' && v.p[0] <= '9' &&
           all_of(v, ".+-~:ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

struct trn_str trn_package_bare(const char *name)
{
    struct trn_str s = trn_str_of(name);
    ptrdiff_t colon = trn_str_find(s, ':');
    return colon < 0 ? s : trn_str_slice(s, 0, (size_t)colon);
}

static void keep(char *ret, size_t size, struct trn_str s)
{
    size_t n = TRN_MIN(s.n, size - 1);
    for (size_t i = 0; i < n; i++)
        ret[i] = s.p[i];
    ret[n] = 0;
}

static int not_a(struct trn_err *err, const char *what, struct trn_str text)
{
    char shown[160];
    int r = trn_fail(err, -EINVAL, "'%s' is no %s", trn_escape_into(shown, sizeof shown, text), what);
    trn_hint(err, "write NAME or NAME=VERSION, as 'dpkg -l' shows them");
    return r;
}

int trn_package_target_parse(struct trn_str text, struct trn_package_target *ret, struct trn_err *err)
{
    struct trn_package_target t = {0};
    struct trn_str rest = text, first, piece;
    if (!trn_str_split(&rest, ',', &first))
        return not_a(err, "package", text);
    ptrdiff_t equals = trn_str_find(first, '=');
    if (equals >= 0) {
        struct trn_str version = trn_str_slice(first, (size_t)equals + 1, first.n);
        if (!trn_package_version_ok(version))
            return not_a(err, "version of a package", version);
        keep(t.version, sizeof t.version, version);
        first = trn_str_slice(first, 0, (size_t)equals);
    }
    if (!trn_package_name_ok(first))
        return not_a(err, "name of a package", first);
    keep(t.name, sizeof t.name, first);
    while (trn_str_split(&rest, ',', &piece)) {
        if (!trn_package_name_ok(piece))
            return not_a(err, "name of a package", piece);
        if (t.n_others == TRN_PACKAGE_OTHERS)
            return trn_fail(err, -E2BIG, "more than %u packages in one order", TRN_PACKAGE_OTHERS + 1);
        keep(t.others[t.n_others++], TRN_PACKAGE_NAME, piece);
    }
    *ret = t;
    return 0;
}

static enum trn_package_state state_of(struct trn_str status, struct trn_str flag)
{
    if (!trn_str_eq_c(flag, "ok")) /* reinstreq */
        return TRN_PACKAGE_HALF;
    if (trn_str_eq_c(status, "installed") || trn_str_starts(status, TRN_STR("triggers-")))
        return TRN_PACKAGE_WHOLE;
    if (trn_str_eq_c(status, "not-installed") || trn_str_eq_c(status, "config-files"))
        return TRN_PACKAGE_ABSENT;
    if (trn_str_eq_c(status, "unpacked") || trn_str_eq_c(status, "half-configured"))
        return TRN_PACKAGE_UNPACKED;
    return TRN_PACKAGE_HALF;
}

int trn_package_facts_parse(struct trn_str text, struct trn_package_facts *ret)
{
    struct trn_cursor c = trn_cur_of(text);
    struct trn_package_facts f = {0};
    struct trn_str status = trn_cur_until(&c, '|', sizeof f.status - 1), flag = trn_cur_until(&c, '|', 32);
    struct trn_str version = trn_cur_until(&c, '|', TRN_PACKAGE_NAME - 1);
    struct trn_str arch = trn_cur_until(&c, '|', sizeof f.arch - 1), priority = trn_cur_until(&c, '|', 64);
    struct trn_str essential = trn_cur_until(&c, '|', 8), protected = trn_cur_until(&c, '|', 8);
    struct trn_str end = trn_cur_until(&c, '\n', 1);
    if (c.bad || end.n)
        return -EBADMSG;
    if (!trn_cur_end(&c))
        return -EMLINK;
    f.state = state_of(status, flag);
    if (f.state != TRN_PACKAGE_ABSENT && version.n && !trn_package_version_ok(version))
        return -EBADMSG;
    keep(f.status, sizeof f.status, status);
    keep(f.version, sizeof f.version, version);
    keep(f.arch, sizeof f.arch, arch);
    if (f.arch[0] && (f.arch[0] == '-' || !all_of(arch, "-")))
        return -EBADMSG;
    f.needed = trn_str_eq_c(essential, "yes") || trn_str_eq_c(protected, "yes") || trn_str_eq_c(priority, "required");
    *ret = f;
    return 0;
}

bool trn_package_would_install(struct trn_str simulation, struct trn_str name, struct trn_str version)
{
    struct trn_cursor c = trn_cur_of(simulation);
    struct trn_str line;
    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        struct trn_cursor l = trn_cur_of(line);
        if (!trn_str_eq_c(trn_cur_until(&l, ' ', 8), "Inst"))
            continue;
        struct trn_str who = trn_cur_until(&l, ' ', 2 * TRN_PACKAGE_NAME);
        ptrdiff_t colon = trn_str_find(who, ':');
        if (!trn_str_eq(colon < 0 ? who : trn_str_slice(who, 0, (size_t)colon), name))
            continue;
        struct trn_str next = trn_cur_until(&l, ' ', 2 * TRN_PACKAGE_NAME);
        if (next.n && next.p[0] == '[')
            next = trn_cur_until(&l, ' ', 2 * TRN_PACKAGE_NAME);
        if (next.n && next.p[0] == '(' && trn_str_eq(trn_str_slice(next, 1, next.n), version))
            return true;
    }
    return false;
}

void trn_package_put_steps(struct trn_buf *out, struct trn_str simulation, unsigned max)
{
    struct trn_cursor c = trn_cur_of(simulation);
    struct trn_str line;
    unsigned n = 0;
    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        if (!trn_str_starts(line, TRN_STR("Inst ")) && !trn_str_starts(line, TRN_STR("Remv ")) &&
            !trn_str_starts(line, TRN_STR("Conf ")))
            continue;
        if (n++ >= max)
            continue;
        trn_put_c(out, "  ");
        trn_escape(out, trn_str_slice(line, 0, 160));
        trn_put_c(out, "\n");
    }
    if (n > max)
        trn_put_fmt(out, "  and %u steps more\n", n - max);
}

static bool is_complaint(struct trn_str line)
{
    return trn_str_starts(line, TRN_STR("E: ")) || trn_str_contains(line, TRN_STR("error")) ||
           trn_str_contains(line, TRN_STR("depends on")) || trn_str_contains(line, TRN_STR("Depends:"));
}

void trn_package_put_complaint(struct trn_buf *out, struct trn_str said, size_t max)
{
    char one[512];
    size_t room = max;
    for (int complaints = 1; complaints >= 0 && room == max; complaints--) {
        struct trn_cursor c = trn_cur_of(said);
        struct trn_str line;
        if (!complaints && said.n > max) /* only the end of it */
            trn_cur_skip(&c, said.n - max);
        while (!trn_str_is_none(line = trn_cur_line(&c))) {
            line = trn_str_trim(line);
            if (!line.n || (complaints && !is_complaint(line)))
                continue;
            trn_escape_into(one, sizeof one, line);
            size_t n = strlen(one) + (room == max ? 0 : 2);
            if (n > room)
                return;
            trn_put_fmt(out, "%s%s", room == max ? "" : "; ", one);
            room -= n;
        }
    }
    if (room == max)
        trn_put_c(out, "it said nothing");
}

/* apt reads only names of letters, digits, '-', '_', '.', ending in ".pref": a '+' would make the pin void, silently. */
void trn_package_pin_path(char *ret, size_t size, const char *name, uint64_t id)
{
    char safe[TRN_PACKAGE_NAME];
    keep(safe, sizeof safe, trn_package_bare(name));
    for (char *p = safe; *p; p++)
        if (*p == '+')
            *p = '_'; /* stands in no name of a package: two names stay two */
    snprintf(ret, size, "/etc/apt/preferences.d/turncoat-%s-%llu.pref", safe, (unsigned long long)id);
}

void trn_package_pin_text(struct trn_buf *out, const char *name, const char *version, uint64_t id)
{
    struct trn_str bare = trn_package_bare(name);
    trn_put_fmt(out, "Explanation: turncoat keeps this version away. To take this back: turncoat respond undo %llu\n",
                (unsigned long long)id);
    trn_put_fmt(out, "Package: %.*s:any\nPin: version %s\nPin-Priority: -1\n", TRN_STR_ARG(bare), version);
}

void trn_package_record_encode(const struct trn_package_record *r, struct trn_buf *out)
{
    trn_put_u8(out, 1);
    trn_put_lstr(out, trn_str_of(r->name));
    trn_put_lstr(out, trn_str_of(r->arch));
    trn_put_lstr(out, trn_str_of(r->from));
    trn_put_lstr(out, trn_str_of(r->to));
    trn_put_u32(out, r->n_samples);
    for (uint32_t i = 0; i < r->n_samples; i++)
        trn_put_lstr(out, trn_str_of(r->samples[i]));
}

static bool take(struct trn_cursor *c, char *ret, size_t size)
{
    struct trn_str s = trn_cur_lstr(c);
    if (trn_str_is_none(s) || s.n >= size || trn_str_find(s, 0) >= 0)
        return false;
    keep(ret, size, s);
    return true;
}

int trn_package_record_decode(struct trn_str bytes, struct trn_package_record *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_package_record r = {0};
    if (trn_cur_u8(&c) != 1 || !take(&c, r.name, sizeof r.name) || !take(&c, r.arch, sizeof r.arch) ||
        !take(&c, r.from, sizeof r.from) || !take(&c, r.to, sizeof r.to))
        return -EBADMSG;
    r.n_samples = trn_cur_u32le(&c);
    if (r.n_samples > TRN_PACKAGE_SAMPLES)
        return -EBADMSG;
    for (uint32_t i = 0; i < r.n_samples; i++)
        if (!take(&c, r.samples[i], sizeof r.samples[i]) || r.samples[i][0] != '/')
            return -EBADMSG;
    if (!trn_cur_end(&c) || !trn_package_name_ok(trn_str_of(r.name)) || !trn_package_version_ok(trn_str_of(r.from)) ||
        (r.to[0] && !trn_package_version_ok(trn_str_of(r.to))) || (r.arch[0] && !all_of(trn_str_of(r.arch), "-")))
        return -EBADMSG;
    *ret = r;
    return 0;
}
