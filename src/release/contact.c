/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what kind of host a text names.
 * Must not: know who is good or bad; a kind says only who can put something there.
 */
#include "release/compare_text.h"

#include <ctype.h>

/* Anybody can put code or texts there without giving a name, or have data sent there. "." in front: and all below it. */
static const char *const raw_hosts[] = {
    "raw.githubusercontent.com",
    "gist.githubusercontent.com",
    "gist.github.com",
    "pastebin.com",
    "hastebin.com",
    "paste.ee",
    "rentry.co",
    "transfer.sh",
    "file.io",
    "0x0.st",
    "anonfiles.com",
    "gofile.io",
    "catbox.moe",
    "cdn.discordapp.com",
    "media.discordapp.net",
    "api.telegram.org",
    "webhook.site",
    ".requestbin.net",
    ".pipedream.net",
    ".ngrok.io",
    ".ngrok-free.app",
    ".trycloudflare.com",
    ".workers.dev",
    ".duckdns.org",
    ".burpcollaborator.net",
    ".oast.fun",
    ".interact.sh",
    ".ddns.net",
    ".hopto.org",
    ".zapto.org",
    ".serveo.net",
    "ipfs.io",
    ".onion",
    "ptpb.pw",
    "ix.io",
    "sprunge.us",
    "dpaste.org",
    "controlc.com",
};
/* Ends under which a name costs nothing or next to it. */
static const char *const free_ends[] = {"bit",   "cf",     "click",   "club", "ga",   "gq",    "icu",   "life", "link",
                                        "ml",    "online", "pw",      "shop", "site", "space", "store", "su",   "tk",
                                        "today", "top",    "website", "wiki", "work", "world", "xyz"};
/* Examples and names that only look like hosts. */
static const char *const no_hosts[] = {"localhost",
                                       "example.com",
                                       "example.org",
                                       "example.net",
                                       "example.test",
                                       ".example.com",
                                       ".example.org",
                                       ".example.net",
                                       "schemas.microsoft.com",
                                       "schemas.xmlsoap.org",
                                       "schemas.openxmlformats.org",
                                       "ns.adobe.com",
                                       "purl.org",
                                       "www.w3.org",
                                       "xmlns.com",
                                       "json-schema.org"};

static bool is_below(struct trn_str host, const char *known)
{
    struct trn_str k = trn_str_of(known);
    if (k.p[0] == '.')
        return trn_str_ends(host, k) || trn_str_eq(host, trn_str_slice(k, 1, k.n));
    return trn_str_eq(host, k);
}

static bool is_listed(struct trn_str host, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_below(host, list[i]))
            return true;
    return false;
}

static bool is_number(struct trn_str host)
{
    bool digits = false;
    for (size_t i = 0; i < host.n; i++) {
        digits = digits || isdigit((unsigned char)host.p[i]);
        if (host.p[i] != '.' && !isdigit((unsigned char)host.p[i]))
            return false;
    }
    return digits;
}

static struct trn_str last_part(struct trn_str host)
{
    ptrdiff_t dot = trn_str_rfind(host, '.');
    return trn_str_slice(host, dot < 0 ? 0 : (size_t)dot + 1, host.n);
}

/* Of the network one is in, or of no network at all: 10.*, 192.168.*, 172.16-31.*, 169.254.*, 100.64-127.*, 127.*, 0.*; and
 * what is the first or last of a network, as lists of ranges have it. */
static bool is_near(struct trn_str host)
{
    uint64_t a = 0, b = 0;
    struct trn_str rest = host, piece;
    if (!trn_str_split(&rest, '.', &piece) || trn_str_u64(piece, &a) < 0 || !trn_str_split(&rest, '.', &piece) ||
        trn_str_u64(piece, &b) < 0)
        return false;
    struct trn_str last = last_part(host);
    return trn_str_eq_c(last, "0") || trn_str_eq_c(last, "255") || (a == 100 && b >= 64 && b < 128) || a == 0 ||
           a == 10 || a == 127 || a >= 224 || (a == 192 && b == 168) || (a == 169 && b == 254) ||
           (a == 172 && b >= 16 && b < 32);
}

static struct trn_str domain_of(struct trn_str host)
{
    struct trn_str top = last_part(host), left = trn_str_slice(host, 0, host.n - TRN_MIN(host.n, top.n + 1));
    struct trn_str second = last_part(left);
    size_t n = second.n + 1 + top.n;
    if (left.n == 0 || left.n == second.n)
        return host;
    if (top.n == 2 && second.n <= 3) /* "co.uk" */
        n += last_part(trn_str_slice(left, 0, left.n - second.n - 1)).n + 1;
    return trn_str_slice(host, host.n - n, n);
}

/* Letters, digits, dots and "-" alone: what else is in it is a pattern, or the end of another thing. */
static bool is_name(struct trn_str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (!isalnum((unsigned char)host.p[i]) && host.p[i] != '.' && host.p[i] != '-')
            return false;
    return host.n > 0;
}

static enum trn_contact_kind kind_of(struct trn_str host, struct trn_str port)
{
    if (!is_name(host) || is_listed(host, no_hosts, TRN_ARRAY_SIZE(no_hosts)) || trn_str_find(host, '.') < 0 ||
        trn_str_ends(host, TRN_STR(".local")) || trn_str_ends(host, TRN_STR(".localhost")))
        return TRN_CONTACT_NONE;
    if (is_number(host))
        return is_near(host) ? TRN_CONTACT_NONE : TRN_CONTACT_ADDRESS;
    if (is_listed(host, raw_hosts, TRN_ARRAY_SIZE(raw_hosts)))
        return TRN_CONTACT_RAW;
    if (trn_str_starts(host, TRN_STR("xn--")) || trn_str_contains(host, TRN_STR(".xn--")) ||
        trn_str_one_of(last_part(host), free_ends, TRN_ARRAY_SIZE(free_ends)) ||
        (port.n && !TRN_ONE_OF(port, "80", "443")))
        return TRN_CONTACT_UNUSUAL;
    return TRN_CONTACT_PLAIN;
}

struct trn_named_host trn_contact_of(const struct trn_feature *f)
{
    struct trn_named_host c = {.kind = TRN_CONTACT_NONE};
    struct trn_str s = f->value, port = TRN_STR("");
    size_t i = 0, parts = 0;
    if (f->kind != TRN_FEATURE_TEXT || !TRN_ONE_OF(f->key, "url", "domain", "address"))
        return c;
    if (trn_str_eq_c(f->key, "url"))
        while (i + 3 <= s.n && memcmp(s.p + i, "://", 3) != 0)
            i++;
    s = trn_str_slice(s, i && i + 3 <= s.n ? i + 3 : 0, s.n);
    size_t end = 0;
    while (end < s.n && !strchr("/?#", s.p[end]))
        end++;
    struct trn_str host = trn_str_slice(s, 0, end);
    ptrdiff_t user = trn_str_rfind(host, '@'), colon;
    host = trn_str_slice(host, user < 0 ? 0 : (size_t)user + 1, host.n);
    if ((colon = trn_str_rfind(host, ':')) >= 0) {
        port = trn_str_slice(host, (size_t)colon + 1, host.n);
        host = trn_str_slice(host, 0, (size_t)colon);
    }
    c.host = host;
    c.domain = is_number(host) ? host : domain_of(host);
    c.kind = kind_of(host, port);
    while (end < s.n && !strchr("?#", s.p[end]) && !(s.p[end] == '/' && ++parts > 2))
        end++;
    c.who = c.kind == TRN_CONTACT_RAW ? trn_str_slice(s, 0, end) : host;
    return c;
}

const char *trn_contact_words(enum trn_contact_kind k)
{
    static const char *const words[] = {
        [TRN_CONTACT_NONE] = "no host",
        [TRN_CONTACT_PLAIN] = "a host",
        [TRN_CONTACT_UNUSUAL] = "a host of unusual form",
        [TRN_CONTACT_ADDRESS] = "a bare address",
        [TRN_CONTACT_RAW] = "a place where anybody can put code",
    };
    return k < TRN_CONTACT_KIND_MAX ? words[k] : "no host";
}
