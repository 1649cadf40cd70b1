/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a person may write for a target or for a host that stays reachable, and names to addresses.
 * Must not: take a process id: it may be another process by the time somebody acts on it.
 */
#include "cli/respond.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <unistd.h>

#define ENTITY_HEX 16
#define BUILD_ID_MAX 128
#define PID_DIGITS 10

static bool all_of(struct trn_str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(set, s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_hex(struct trn_str s)
{
    return all_of(s, "0123456789abcdefABCDEF");
}

static void put_lower(struct trn_buf *b, struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        trn_put_u8(b, (uint8_t)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] - 'A' + 'a' : s.p[i]));
}

/* The daemon has a working folder of its own. */
static int put_path(struct trn_buf *b, struct trn_str path, struct trn_err *err)
{
    char here[PATH_MAX];
    if (path.p[0] != '/') {
        if (!getcwd(here, sizeof here))
            return trn_fail(err, -ENOENT, "the working folder is gone");
        trn_put_c(b, here);
        trn_put_c(b, "/");
        if (trn_str_starts(path, TRN_STR("./")))
            path = trn_str_slice(path, 2, path.n);
    }
    trn_put_str(b, path);
    return b->n < PATH_MAX ? 0 : trn_fail(err, -ENAMETOOLONG, "the path is too long");
}

/* What it looks like, whatever the act takes. */
static enum trn_target kind_of(struct trn_str s, bool paths_only)
{
    if (paths_only || trn_str_find(s, '/') >= 0)
        return TRN_TARGET_PATH;
    if (s.n == (size_t)2 * TRN_SHA256_SIZE && is_hex(s))
        return TRN_TARGET_SHA256;
    if (trn_str_starts(s, TRN_STR("build-id:")))
        return TRN_TARGET_BUILD_ID;
    if (s.n == ENTITY_HEX && is_hex(s))
        return TRN_TARGET_ENTITY;
    return TRN_TARGET_SOFTWARE;
}

static int refuse_pid(struct trn_str s, struct trn_err *err)
{
    char shown[40];
    trn_escape_into(shown, sizeof shown, s);
    int r = trn_fail(err, -EINVAL, "'%s' is a process id: it may be another process by the time it is acted on", shown);
    trn_hint(err,
             "name the entity (16 hex digits): turncoat hunt pid=%s --json or turncoat stories ID --json "
             "shows it; or name the software",
             shown);
    return r;
}

static const char *takes(enum trn_respond r)
{
    switch (r) {
    case TRN_RESPOND_BLOCK:
        return "SHA256, build-id:HEX, PATH or NAME=VERSION";
    case TRN_RESPOND_HOLD:
        return "ENTITY or NAME[=VERSION]";
    case TRN_RESPOND_KILL:
        return "ENTITY";
    case TRN_RESPOND_QUARANTINE:
        return "PATH";
    default:
        return "NAME[=VERSION]";
    }
}

static int wrong(const struct trn_respond_word *w, enum trn_respond of, struct trn_str s, struct trn_err *err)
{
    char shown[100];
    trn_escape_into(shown, sizeof shown, s);
    int r = trn_fail(err, -EINVAL, "'%s' takes %s, not '%s'", w->word, takes(of), shown);
    trn_hint(err, "see turncoat respond --help");
    return r;
}

static int put_target(struct trn_respond_order *o, struct trn_str s, struct trn_err *err)
{
    struct trn_str hex = trn_str_slice(s, sizeof "build-id:" - 1, s.n);
    switch (o->target) {
    case TRN_TARGET_PATH:
        return put_path(&o->text, s, err);
    case TRN_TARGET_BUILD_ID:
        if (!is_hex(hex) || hex.n % 2 || hex.n < 8 || hex.n > BUILD_ID_MAX)
            return trn_fail(err, -EINVAL, "a build-id is 8 to %u hex digits", BUILD_ID_MAX);
        put_lower(&o->text, hex);
        return 0;
    case TRN_TARGET_SHA256:
    case TRN_TARGET_ENTITY:
        put_lower(&o->text, s);
        return 0;
    default:
        trn_put_str(&o->text, s);
        return 0;
    }
}

int trn_respond_target(const struct trn_respond_word *w, const char *operand, struct trn_respond_order *o,
                       struct trn_err *err)
{
    struct trn_str s = trn_str_of(operand ? operand : "");
    enum trn_respond of = w->undo_of ? w->undo_of : w->act;
    bool digits = all_of(s, "0123456789") && s.n <= PID_DIGITS;
    ptrdiff_t equals = trn_str_rfind(s, '=');
    o->act = w->act;
    o->undo_of = w->undo_of;
    if (w->by_id && digits && trn_str_u64(s, &o->id) == 0 && o->id) {
        o->undo_of = 0;
        return 0;
    }
    if (!w->by_target) {
        int r = trn_fail(err, -EINVAL, "'%s' needs the number of an action", w->word);
        trn_hint(err, "turncoat respond list shows it");
        return r;
    }
    if (of == TRN_RESPOND_ISOLATE && trn_str_eq_c(s, "host")) {
        o->act = w->undo_of ? TRN_RESPOND_UNDO : TRN_RESPOND_ISOLATE_HOST;
        o->undo_of = w->undo_of ? TRN_RESPOND_ISOLATE_HOST : 0;
        o->target = TRN_TARGET_NONE;
        trn_put_c(&o->text, "host");
        return 0;
    }
    if (digits && of != TRN_RESPOND_QUARANTINE)
        return refuse_pid(s, err);
    if (s.n == 0)
        return wrong(w, of, s, err);
    o->target = kind_of(s, of == TRN_RESPOND_QUARANTINE);
    bool named = o->target != TRN_TARGET_SOFTWARE || (equals != 0 && (size_t)equals + 1 != s.n);
    bool versioned = of != TRN_RESPOND_BLOCK || o->target != TRN_TARGET_SOFTWARE || equals > 0;
    if (!trn_respond_takes(of, o->target) || !named || !versioned)
        return wrong(w, of, s, err);
    return put_target(o, s, err);
}

/* ---- hosts ---- */

struct place { /* "[2001:db8::1]:443" taken apart */
    char host[256];
    uint64_t prefix, port; /* prefix UINT64_MAX: none given */
};

static int bad_host(const char *text, const char *why, struct trn_err *err)
{
    char shown[120];
    int r = trn_fail(err, -EINVAL, "'%s' is no host: %s", trn_escape_into(shown, sizeof shown, trn_str_of(text)), why);
    trn_hint(err, "--except pbx.acme.test, 10.9.0.5:443, 10.0.0.0/8, [2001:db8::1]:443");
    return r;
}

static bool take_apart(struct trn_str s, struct place *ret)
{
    struct trn_str host = s, rest = TRN_STR_NONE;
    ptrdiff_t end = trn_str_find(s, ']'), colon = trn_str_rfind(s, ':'), slash;
    *ret = (struct place){.prefix = UINT64_MAX};
    if (s.n && s.p[0] == '[' && end > 0) {
        host = trn_str_slice(s, 1, (size_t)end - 1);
        rest = trn_str_slice(s, (size_t)end + 1, s.n);
    } else if (colon >= 0 && trn_str_find(s, ':') == colon) { /* one colon; more are an IPv6 address */
        host = trn_str_slice(s, 0, (size_t)colon);
        rest = trn_str_slice(s, (size_t)colon, s.n);
    }
    if (rest.n && (rest.p[0] != ':' || trn_str_u64(trn_str_slice(rest, 1, rest.n), &ret->port) < 0 || ret->port == 0 ||
                   ret->port > UINT16_MAX))
        return false;
    slash = trn_str_find(host, '/');
    if (slash >= 0 && trn_str_u64(trn_str_slice(host, (size_t)slash + 1, host.n), &ret->prefix) < 0)
        return false;
    host = slash >= 0 ? trn_str_slice(host, 0, (size_t)slash) : host;
    if (host.n == 0 || host.n >= sizeof ret->host)
        return false;
    memcpy(ret->host, host.p, host.n);
    return true;
}

static int add(json_t *list, const char *address, const struct place *p, unsigned bits, struct trn_err *err)
{
    if (p->prefix != UINT64_MAX && (p->prefix == 0 || p->prefix > bits))
        return trn_fail(err, -EINVAL, "a prefix of '%s' has 1 to %u bits", address, bits);
    if (json_array_size(list) == TRN_RESPOND_HOSTS)
        return trn_fail(err, -E2BIG, "more than %u addresses would stay reachable", TRN_RESPOND_HOSTS);
    uint64_t prefix = p->prefix == UINT64_MAX ? bits : p->prefix;
    return json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "address", address, "prefix", (json_int_t)prefix,
                                                 "port", (json_int_t)p->port)) < 0
               ? -ENOMEM
               : 0;
}

static int add_names(json_t *list, const char *text, const struct place *p, struct trn_err *err)
{
    const struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    char address[INET6_ADDRSTRLEN];
    if (p->prefix != UINT64_MAX)
        return bad_host(text, "a prefix belongs to an address", err);
    int e = getaddrinfo(p->host, NULL, &want, &all), r = 0;
    if (e != 0)
        return bad_host(text, e == EAI_NONAME ? "no such name" : gai_strerror(e), err);
    for (const struct addrinfo *a = all; r == 0 && a; a = a->ai_next) {
        const struct sockaddr *s = a->ai_addr;
        const void *at = s->sa_family == AF_INET
                             ? (const void *)&((const struct sockaddr_in *)(const void *)s)->sin_addr
                             : &((const struct sockaddr_in6 *)(const void *)s)->sin6_addr;
        if ((s->sa_family == AF_INET || s->sa_family == AF_INET6) &&
            inet_ntop(s->sa_family, at, address, sizeof address))
            r = add(list, address, p, s->sa_family == AF_INET ? 32 : 128, err);
    }
    freeaddrinfo(all);
    return r;
}

int trn_respond_except(const char *text, json_t *list, struct trn_err *err)
{
    struct place p;
    uint8_t bytes[16];
    char address[INET6_ADDRSTRLEN];
    if (!take_apart(trn_str_of(text), &p))
        return bad_host(text, "it is a name or an address, and a port or a prefix", err);
    if (inet_pton(AF_INET, p.host, bytes) == 1)
        return add(list, inet_ntop(AF_INET, bytes, address, sizeof address), &p, 32, err);
    if (inet_pton(AF_INET6, p.host, bytes) == 1)
        return add(list, inet_ntop(AF_INET6, bytes, address, sizeof address), &p, 128, err);
    return add_names(list, text, &p, err);
}
