/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the written forms of a host. Must not own: what a name stands for. */
#include "policy/host.h"

#include <arpa/inet.h>

static bool number(struct trn_str s, uint64_t max, uint64_t *ret)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0 && trn_str_u64(s, ret) == 0 && *ret <= max;
}

/* "HOST", "HOST:PORT", "[HOST]:PORT"; with two colons and no brackets it is an address of IPv6 alone. */
static bool split_port(struct trn_str s, struct trn_host *h)
{
    ptrdiff_t first = trn_str_find(s, ':'), at = trn_str_rfind(s, ':');
    uint64_t port = 0;
    h->text = s;
    if (s.n && s.p[0] == '[') {
        ptrdiff_t end = trn_str_find(s, ']');
        if (end < 0 || trn_str_find(trn_str_slice(s, 1, (size_t)end - 1), ':') < 0 ||
            ((size_t)end + 1 < s.n && s.p[end + 1] != ':'))
            return false;
        h->text = trn_str_slice(s, 1, (size_t)end - 1);
        if ((size_t)end + 1 == s.n)
            return true;
        at = end + 1;
    } else if (at < 0 || first != at) {
        return true;
    } else {
        h->text = trn_str_slice(s, 0, (size_t)at);
    }
    if (!number(trn_str_slice(s, (size_t)at + 1, s.n), 65535, &port) || port == 0)
        return false;
    h->port = (uint16_t)port;
    return true;
}

static bool address(struct trn_str s, struct trn_host *h)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    h->family = inet_pton(AF_INET, text, h->address) == 1 ? 4 : inet_pton(AF_INET6, text, h->address) == 1 ? 6 : 0;
    h->prefix = h->family == 4 ? 32 : 128;
    return h->family != 0;
}

/* Letters, digits and hyphens, at least one letter: "10.9.0.500" is an address that was mistyped. */
static bool is_name(struct trn_str s)
{
    bool letter = false;
    if (s.n == 0 || s.n > 253 || s.p[0] == '.' || s.p[0] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
        letter = letter || is_letter;
    }
    return letter;
}

int trn_host_parse(struct trn_str s, struct trn_host *ret)
{
    struct trn_host h = {0};
    uint64_t prefix = 0;
    if (s.n > 300 || !split_port(s, &h))
        return -EINVAL;
    ptrdiff_t slash = trn_str_find(h.text, '/');
    if (slash >= 0) {
        if (!address(trn_str_slice(h.text, 0, (size_t)slash), &h) ||
            !number(trn_str_slice(h.text, (size_t)slash + 1, h.text.n), h.prefix, &prefix))
            return -EINVAL;
        h.prefix = (uint8_t)prefix;
    } else if (!address(h.text, &h)) {
        h.prefix = 0;
        if (!is_name(h.text))
            return -EINVAL;
    }
    *ret = h;
    return 0;
}
