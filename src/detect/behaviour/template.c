/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: templates of paths, names, addresses and arguments. The public suffix list is the one built into libpsl: no
 * file, no locale. Must not: keep anything.
 */
#include "detect/behaviour/template.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <stdio.h>

#define DEPTH_MAX 5 /* folders deeper down are somebody's own */
#define HEX_MIN 8
#define UUID_SIZE 36
#define FLAGS_MAX 32

struct out {
    char *p;
    size_t n;
};

static struct out begin(char *p)
{
    p[0] = '\0';
    return (struct out){p, 0};
}

static void put(struct out *o, struct trn_str s)
{
    for (size_t i = 0; i < s.n && o->n < TRN_TEMPLATE_MAX - 1; i++)
        o->p[o->n++] = s.p[i];
}

static struct trn_str end(struct out *o)
{
    o->p[o->n] = '\0';
    return (struct trn_str){o->p, o->n};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_uuid(struct trn_str s)
{
    if (s.n != UUID_SIZE)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    return true;
}

/* Long and with a digit in it, or a word like "deadbeef" could not be told from a name. */
static bool is_hex_word(struct trn_str s)
{
    bool digit = false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_hex(s.p[i]))
            return false;
        digit |= is_digit(s.p[i]);
    }
    return s.n >= HEX_MIN && digit;
}

static void put_part(struct out *o, struct trn_str part)
{
    if (is_uuid(part)) {
        put(o, TRN_STR("<uuid>"));
        return;
    }
    if (is_hex_word(part)) {
        put(o, TRN_STR("<hex>"));
        return;
    }
    for (size_t i = 0; i < part.n; i++) {
        if (!is_digit(part.p[i]))
            put(o, trn_str_slice(part, i, 1));
        else if (i == 0 || !is_digit(part.p[i - 1]))
            put(o, TRN_STR("#"));
    }
}

/* Takes the home away. */
static struct trn_str below_home(struct trn_str path, bool *ret_home)
{
    *ret_home = true;
    if (trn_str_starts(path, TRN_STR("/root/")))
        return trn_str_slice(path, sizeof("/root") - 1, path.n);
    if (trn_str_starts(path, TRN_STR("/home/"))) {
        struct trn_str below = trn_str_slice(path, sizeof("/home/") - 1, path.n);
        ptrdiff_t slash = trn_str_find(below, '/');
        if (slash > 0)
            return trn_str_slice(below, (size_t)slash, below.n);
    }
    /* "/Users/alice/..." of macOS, "C:/Users/alice/..." of Windows */
    struct trn_str rest = path.n > 2 && path.p[1] == ':' ? trn_str_slice(path, 2, path.n) : path;
    if (trn_str_starts(rest, TRN_STR("/Users/"))) {
        struct trn_str below = trn_str_slice(rest, sizeof("/Users/") - 1, rest.n);
        ptrdiff_t slash = trn_str_find(below, '/');
        if (slash > 0)
            return trn_str_slice(below, (size_t)slash, below.n);
    }
    *ret_home = false;
    return path;
}

/* What lies below is named at random or by a person. */
static bool is_shared(struct trn_str dir, struct out *o)
{
    static const char *const shared[] = {"/tmp", "/var/tmp", "/dev/shm"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(shared); i++) {
        struct trn_str s = trn_str_of(shared[i]);
        if (trn_str_eq(dir, s) || (trn_str_starts(dir, s) && dir.n > s.n && dir.p[s.n] == '/')) {
            put(o, s);
            return true;
        }
    }
    return false;
}

struct trn_str trn_template_folder(struct trn_str path, char out[TRN_TEMPLATE_MAX])
{
    struct out o = begin(out);
    bool home;
    struct trn_str rest = below_home(path, &home), part;
    struct trn_str dir = trn_path_dir(rest);
    if (is_shared(dir, &o))
        return end(&o);
    if (home)
        put(&o, TRN_STR("~"));
    for (int depth = 0; depth < DEPTH_MAX && trn_str_split(&dir, '/', &part);) {
        if (part.n == 0)
            continue;
        put(&o, TRN_STR("/"));
        put_part(&o, part);
        depth++;
    }
    if (o.n == 0)
        put(&o, TRN_STR("/"));
    return end(&o);
}

struct trn_str trn_template_program(struct trn_str path, char out[TRN_TEMPLATE_MAX])
{
    struct out o = begin(out);
    struct trn_str base = trn_path_base(path);
    size_t n = base.n;
    while (n > 1 && (is_digit(base.p[n - 1]) || base.p[n - 1] == '.' || base.p[n - 1] == '-'))
        n--;
    put(&o, trn_str_slice(base, 0, n));
    return end(&o);
}

/* Two labels: for names that the list cannot judge. */
static struct trn_str last_labels(struct trn_str name)
{
    ptrdiff_t dot = trn_str_rfind(name, '.');
    ptrdiff_t before = dot > 0 ? trn_str_rfind(trn_str_slice(name, 0, (size_t)dot), '.') : -1;
    return before >= 0 ? trn_str_slice(name, (size_t)before + 1, name.n) : name;
}

struct trn_str trn_template_domain(struct trn_str name, char out[TRN_TEMPLATE_MAX])
{
    struct out o = {out, 0};
    const psl_ctx_t *list = psl_builtin();
    const char *domain = NULL;
    while (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n == 0 || name.n >= TRN_TEMPLATE_MAX || memchr(name.p, '\0', name.n))
        return TRN_STR_NONE;
    put(&o, name);
    for (size_t i = 0; i < o.n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    end(&o);
    if (list)
        domain = psl_registrable_domain(list, out);
    struct trn_str found = domain                                    ? trn_str_of(domain)
                           : list && psl_is_public_suffix(list, out) ? end(&o)
                                                                     : last_labels(end(&o));
    memmove(out, found.p, found.n);
    out[found.n] = '\0';
    return (struct trn_str){out, found.n};
}

struct trn_str trn_template_address(const uint8_t *address, uint8_t family, char out[TRN_TEMPLATE_MAX])
{
    struct in6_addr block = {0};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family == 6 && memcmp(address, mapped, sizeof(mapped)) == 0) {
        address += sizeof(mapped);
        family = 4;
    }
    if (family == 4)
        return (struct trn_str){out, (size_t)snprintf(out, TRN_TEMPLATE_MAX, "%u.%u.%u.0/24", address[0], address[1],
                                                      address[2])};
    if (family != 6)
        return TRN_STR_NONE;
    for (size_t i = 0; i < 6; i++)
        block.s6_addr[i] = address[i];
    if (!inet_ntop(AF_INET6, &block, out, TRN_TEMPLATE_MAX - 4))
        return TRN_STR_NONE;
    struct out o = {out, strlen(out)};
    put(&o, TRN_STR("/48"));
    return end(&o);
}

/* "-p" of "-pSECRET", "--user" of "--user=alice"; absent for what is no flag. */
static struct trn_str flag_of(struct trn_str arg)
{
    size_t n = 2;
    if (arg.n < 2 || arg.p[0] != '-' || is_digit(arg.p[1]))
        return TRN_STR_NONE;
    if (arg.p[1] != '-')
        return trn_str_slice(arg, 0, 2);
    while (n < arg.n &&
           ((arg.p[n] >= 'a' && arg.p[n] <= 'z') || (arg.p[n] >= 'A' && arg.p[n] <= 'Z') || arg.p[n] == '-'))
        n++;
    return n > 2 ? trn_str_slice(arg, 0, n) : TRN_STR_NONE;
}

struct trn_str trn_template_flags(struct trn_str argv, char out[TRN_TEMPLATE_MAX])
{
    struct out o = begin(out);
    struct trn_str flags[FLAGS_MAX], arg;
    size_t n = 0;
    (void)trn_str_split(&argv, '\0', &arg); /* its own name */
    while (n < FLAGS_MAX && trn_str_split(&argv, '\0', &arg)) {
        struct trn_str flag = flag_of(arg);
        size_t at = 0;
        if (trn_str_eq_c(arg, "--"))
            break;
        while (at < n && trn_str_cmp(flags[at], flag) < 0)
            at++;
        if (trn_str_is_none(flag) || (at < n && trn_str_eq(flags[at], flag)))
            continue;
        for (size_t i = n++; i > at; i--)
            flags[i] = flags[i - 1];
        flags[at] = flag;
    }
    for (size_t i = 0; i < n; i++) {
        put(&o, i ? TRN_STR(" ") : TRN_STR(""));
        put(&o, flags[i]);
    }
    if (n == 0)
        put(&o, TRN_STR("-"));
    return end(&o);
}
