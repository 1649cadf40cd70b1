/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the one text form of each kind of indicator, and the guess of a bare value's kind. Lists write the same thing
 * in many ways ("hxxp://", "[.]", upper case, host bits behind a prefix).
 * Must not: accept what would match half the world: a top level name, a prefix of 0.
 */
#include "detect/indicator/indicator.h"

#include <arpa/inet.h>

static const char *const kind_names[TRN_IND_KIND_MAX] = {"sha256", "domain", "ip", "url"};

const char *trn_indicator_kind_name(enum trn_indicator_kind k)
{
    return (unsigned)k < TRN_IND_KIND_MAX ? kind_names[k] : "unknown";
}

bool trn_indicator_kind_parse(struct trn_str name, enum trn_indicator_kind *ret)
{
    static const struct {
        const char *name;
        enum trn_indicator_kind kind;
    } table[] = {
        {"sha256", TRN_IND_SHA256},
        {"sha-256", TRN_IND_SHA256},
        {"filehash-sha256", TRN_IND_SHA256},
        {"sha256_hash", TRN_IND_SHA256},
        {"domain", TRN_IND_DOMAIN},
        {"hostname", TRN_IND_DOMAIN},
        {"domain-name", TRN_IND_DOMAIN},
        {"host", TRN_IND_DOMAIN},
        {"ip", TRN_IND_IP},
        {"ipv4", TRN_IND_IP},
        {"ipv6", TRN_IND_IP},
        {"ipv4-addr", TRN_IND_IP},
        {"ipv6-addr", TRN_IND_IP},
        {"ip-dst", TRN_IND_IP},
        {"cidr", TRN_IND_IP},
        {"url", TRN_IND_URL},
        {"uri", TRN_IND_URL},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        if (name.n == strlen(table[i].name) && trn_glob(trn_str_of(table[i].name), name, true)) {
            *ret = table[i].kind;
            return true;
        }
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* "hxxp" and "[.]" are how lists keep people from clicking. */
static void refang(struct trn_str raw, struct trn_buf *out)
{
    size_t i = 0;
    if (raw.n >= 4 && lower(raw.p[0]) == 'h' && lower(raw.p[1]) == 'x' && lower(raw.p[2]) == 'x' &&
        lower(raw.p[3]) == 'p') {
        trn_put_c(out, "http");
        i = 4;
    }
    while (i < raw.n) {
        if (raw.n - i >= 3 && raw.p[i] == '[' && (raw.p[i + 1] == '.' || raw.p[i + 1] == ':') && raw.p[i + 2] == ']') {
            trn_put(out, &raw.p[i + 1], 1);
            i += 3;
        } else {
            trn_put(out, &raw.p[i++], 1);
        }
    }
}

bool trn_domain_normal(struct trn_str raw, char dst[TRN_DOMAIN_MAX + 1], size_t *ret_n)
{
    size_t label = 0;
    if (raw.n && raw.p[raw.n - 1] == '.')
        raw.n--;
    if (raw.n == 0 || raw.n > TRN_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char c = (unsigned char)lower(raw.p[i]);
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c >= 0x80;
        label = c == '.' ? 0 : label + 1;
        if ((c == '.' && (i == 0 || raw.p[i - 1] == '.')) || (c != '.' && !fine) || label > 63)
            return false;
        dst[i] = (char)c;
    }
    dst[raw.n] = '\0';
    *ret_n = raw.n;
    return true;
}

void trn_ip_mask(struct trn_ip_key *k, uint8_t prefix)
{
    k->prefix = prefix;
    for (unsigned i = 0; i < sizeof(k->address); i++) {
        unsigned first = i * 8;
        if (first >= prefix)
            k->address[i] = 0;
        else if (prefix - first < 8)
            k->address[i] = (uint8_t)(k->address[i] & (0xffu << (8 - (prefix - first))));
    }
}

int trn_ip_parse(struct trn_str text, struct trn_ip_key *ret)
{
    struct trn_ip_key k = {0};
    char address[INET6_ADDRSTRLEN + 1];
    ptrdiff_t slash = trn_str_find(text, '/');
    struct trn_str host = slash < 0 ? text : trn_str_slice(text, 0, (size_t)slash);
    uint64_t prefix;
    if (host.n == 0 || host.n >= sizeof(address) || memchr(host.p, 0, host.n))
        return -EINVAL;
    memcpy(address, host.p, host.n);
    address[host.n] = '\0';
    if (inet_pton(AF_INET, address, k.address) == 1)
        k.family = 4;
    else if (inet_pton(AF_INET6, address, k.address) == 1)
        k.family = 6;
    else
        return -EINVAL;
    prefix = k.family == 4 ? 32 : 128;
    if (slash >= 0) {
        uint64_t given;
        if (trn_str_u64(trn_str_slice(text, (size_t)slash + 1, text.n), &given) || given > prefix)
            return -EINVAL;
        prefix = given;
    }
    trn_ip_mask(&k, (uint8_t)prefix);
    *ret = k;
    return 0;
}

static int normal_ip(struct trn_str raw, struct trn_buf *out, const char **ret_why)
{
    struct trn_ip_key k;
    char text[INET6_ADDRSTRLEN];
    if (trn_ip_parse(raw, &k) || !inet_ntop(k.family == 4 ? AF_INET : AF_INET6, k.address, text, sizeof(text))) {
        *ret_why = "is no IP address and no prefix";
        return -EINVAL;
    }
    if (k.prefix == 0) {
        *ret_why = "would match every address";
        return -EINVAL;
    }
    trn_put_c(out, text);
    if (k.prefix != (k.family == 4 ? 32 : 128))
        trn_put_fmt(out, "/%u", k.prefix);
    return 0;
}

/* Scheme and host in lower case, no default port, no fragment, at least "/" as path; the rest as it is. */
static int normal_url(struct trn_str raw, struct trn_buf *out, const char **ret_why)
{
    ptrdiff_t hash = trn_str_find(raw, '#');
    if (hash >= 0)
        raw = trn_str_slice(raw, 0, (size_t)hash);
    ptrdiff_t colon = trn_str_find(raw, ':');
    *ret_why = "is no URL with a scheme and a host";
    if (colon <= 0 || (size_t)colon + 3 >= raw.n || raw.p[colon + 1] != '/' || raw.p[colon + 2] != '/')
        return -EINVAL;
    size_t host = (size_t)colon + 3, end = host;
    while (end < raw.n && raw.p[end] != '/' && raw.p[end] != '?')
        end++;
    struct trn_str authority = trn_str_slice(raw, host, end - host);
    struct trn_str scheme = trn_str_slice(raw, 0, (size_t)colon);
    bool http = scheme.n == 4 && lower(scheme.p[3]) == 'p';
    bool https = scheme.n == 5 && lower(scheme.p[4]) == 's';
    if (http && trn_str_ends(authority, TRN_STR(":80")))
        authority.n -= 3;
    else if (https && trn_str_ends(authority, TRN_STR(":443")))
        authority.n -= 4;
    if (authority.n == 0)
        return -EINVAL;
    for (size_t i = 0; i < raw.n; i++)
        if ((unsigned char)raw.p[i] <= ' ')
            return -EINVAL;
    for (size_t i = 0; i < host; i++)
        trn_put_u8(out, (uint8_t)lower(raw.p[i]));
    for (size_t i = 0; i < authority.n; i++)
        trn_put_u8(out, (uint8_t)lower(authority.p[i]));
    if (end == raw.n || raw.p[end] != '/')
        trn_put_c(out, "/");
    trn_put_str(out, trn_str_slice(raw, end, raw.n));
    return 0;
}

static int normal_domain(struct trn_str raw, struct trn_buf *out, const char **ret_why)
{
    char name[TRN_DOMAIN_MAX + 1];
    size_t n;
    if (trn_str_starts(raw, TRN_STR("*.")))
        raw = trn_str_slice(raw, 2, raw.n); /* below it is what every domain indicator means */
    if (!trn_domain_normal(raw, name, &n)) {
        *ret_why = "is no domain name";
        return -EINVAL;
    }
    if (!memchr(name, '.', n)) {
        *ret_why = "would match a whole top level domain";
        return -EINVAL;
    }
    trn_put(out, name, n);
    return 0;
}

static int normal_sha256(struct trn_str raw, struct trn_buf *out, const char **ret_why)
{
    uint8_t hash[TRN_SHA256_SIZE];
    if (raw.n != 2 * sizeof(hash) || trn_unhex(raw, hash, sizeof(hash))) {
        *ret_why = "is no SHA-256 (64 hex digits)";
        return -EINVAL;
    }
    if (trn_sha256_is_none(hash)) {
        *ret_why = "is all zero";
        return -EINVAL;
    }
    trn_put_hex(out, hash, sizeof(hash));
    return 0;
}

int trn_indicator_normal(enum trn_indicator_kind kind, struct trn_str raw, struct trn_buf *out, const char **ret_why)
{
    TRN_AUTO(trn_buf_done) struct trn_buf plain;
    trn_buf_init(&plain, TRN_INDICATOR_VALUE_MAX);
    trn_buf_clear(out);
    refang(trn_str_trim(raw), &plain);
    *ret_why = "is too long";
    if (plain.bad)
        return -EINVAL;
    *ret_why = "is empty";
    if (plain.n == 0)
        return -EINVAL;
    int r = -EINVAL;
    switch (kind) {
    case TRN_IND_SHA256:
        r = normal_sha256(trn_buf_str(&plain), out, ret_why);
        break;
    case TRN_IND_DOMAIN:
        r = normal_domain(trn_buf_str(&plain), out, ret_why);
        break;
    case TRN_IND_IP:
        r = normal_ip(trn_buf_str(&plain), out, ret_why);
        break;
    case TRN_IND_URL:
        r = normal_url(trn_buf_str(&plain), out, ret_why);
        break;
    default:
        *ret_why = "is of an unknown kind";
    }
    return r ? r : (out->bad ? -ENOMEM : 0);
}

static bool all_hex(struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (lower(s.p[i]) >= 'a' && lower(s.p[i]) <= 'f')))
            return false;
    return true;
}

/* Guesses the kind of a bare value; false: nothing we know, *ret_why says more. */
static bool indicator_guess(struct trn_str raw, enum trn_indicator_kind *ret, const char **ret_why)
{
    TRN_AUTO(trn_buf_done) struct trn_buf plain;
    struct trn_ip_key ip;
    trn_buf_init(&plain, TRN_INDICATOR_VALUE_MAX);
    refang(trn_str_trim(raw), &plain);
    struct trn_str s = trn_buf_str(&plain);
    *ret_why = "is neither a SHA-256, a domain, an IP address nor a URL";
    if (plain.bad || s.n == 0)
        return false;
    if (all_hex(s) && (s.n == 32 || s.n == 40)) {
        *ret_why = "is an MD5 or SHA-1, which are not looked at";
        return false;
    }
    if (all_hex(s) && s.n == 64)
        *ret = TRN_IND_SHA256;
    else if (trn_str_contains(s, TRN_STR("://")))
        *ret = TRN_IND_URL;
    else if (!trn_ip_parse(s, &ip))
        *ret = TRN_IND_IP;
    else if (trn_str_find(s, '.') >= 0)
        *ret = TRN_IND_DOMAIN;
    else
        return false;
    return true;
}

int trn_indicator_bad(const struct trn_indicator_sink *sink, uint64_t line, const char *why)
{
    return sink->bad ? sink->bad(sink->ctx, line, trn_str_of(why)) : 0;
}

int trn_indicator_emit(const struct trn_indicator_sink *sink, uint64_t line, const enum trn_indicator_kind *kind,
                       struct trn_str raw, struct trn_str note)
{
    TRN_AUTO(trn_buf_done) struct trn_buf value;
    enum trn_indicator_kind k;
    const char *why = "";
    char shown[96], text[256];
    trn_buf_init(&value, 2 * TRN_INDICATOR_VALUE_MAX);
    int r = -EINVAL;
    if (kind)
        k = *kind;
    if (kind || indicator_guess(raw, &k, &why))
        r = trn_indicator_normal(k, raw, &value, &why);
    if (r == -ENOMEM)
        return r;
    if (r) {
        struct trn_buf b;
        trn_buf_init(&b, sizeof(text));
        trn_put_fmt(&b, "'%s' %s", trn_escape_into(shown, sizeof(shown), trn_str_trim(raw)), why);
        r = sink->bad ? sink->bad(sink->ctx, line, trn_buf_str(&b)) : 0;
        trn_buf_done(&b);
        return r;
    }
    note = trn_str_slice(trn_str_trim(note), 0, TRN_INDICATOR_NOTE_MAX);
    struct trn_indicator i = {.kind = k, .value = trn_buf_str(&value), .note = note.n ? note : TRN_STR_NONE};
    return sink->indicator ? sink->indicator(sink->ctx, &i) : 0;
}
