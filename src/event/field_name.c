/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: names of enumeration values as JSON and hunt show them. Must not own: the enumerations of
 * types.h, whose names it only passes on.
 * Hand-offs: names are static.
 */
#include "event/field_table.h"

struct name {
    uint32_t value;
    const char *text;
};

static const struct name families[] = {{4, "ipv4"}, {6, "ipv6"}, {0, NULL}};
static const struct name protocols[] = {
    {1, "icmp"},   {6, "tcp"},       {17, "udp"},  {33, "dccp"}, {58, "ipv6-icmp"},
    {132, "sctp"}, {136, "udplite"}, {255, "raw"}, {0, NULL},
};
static const struct name qtypes[] = {
    {1, "A"},     {2, "NS"},    {5, "CNAME"},  {6, "SOA"},    {12, "PTR"},  {15, "MX"},
    {16, "TXT"},  {28, "AAAA"}, {33, "SRV"},   {35, "NAPTR"}, {43, "DS"},   {48, "DNSKEY"},
    {52, "TLSA"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"},  {257, "CAA"}, {0, NULL},
};
static const struct name rcodes[] = {
    {0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"}, {5, "REFUSED"}, {0, NULL},
};

static const struct name *names_of(uint16_t id)
{
    switch (id) {
    case TRN_F_NET_FAMILY:
        return families;
    case TRN_F_NET_PROTO:
        return protocols;
    case TRN_F_DNS_TYPE:
        return qtypes;
    case TRN_F_DNS_RCODE:
        return rcodes;
    default:
        return NULL;
    }
}

static const char *or_null(const char *s)
{
    return s[0] ? s : NULL;
}

const char *trn_field_name_of(const struct trn_field_def *f, uint64_t v)
{
    const struct name *n = names_of(f->id);

    for (; n && n->text; n++)
        if (n->value == v)
            return n->text;
    if (v > UINT16_MAX)
        return NULL;
    switch (f->id) {
    case TRN_F_TYPE:
        return or_null(trn_event_type_name((enum trn_event_type)v));
    case TRN_F_ACTION:
        return or_null(trn_action_name((enum trn_action)v));
    case TRN_F_LOSS_CLASS:
        return or_null(trn_class_name((enum trn_class)v));
    case TRN_F_IDENTITY_ORIGIN:
    case TRN_F_SOFTWARE_ORIGIN:
        return or_null(trn_origin_name((enum trn_origin)v));
    default:
        return NULL;
    }
}

int trn_field_name_parse(const struct trn_field_def *f, struct trn_str s, uint64_t *ret)
{
    /* The largest number of any of the enumerations is small; so is this search. */
    for (const struct name *n = names_of(f->id); n && n->text; n++) {
        if (trn_str_eq_c(s, n->text)) {
            *ret = n->value;
            return 0;
        }
    }
    if (names_of(f->id) == NULL) {
        for (uint64_t v = 0; v < TRN_MAX((uint64_t)TRN_EV_MAX, (uint64_t)TRN_ACT_MAX); v++) {
            const char *name = trn_field_name_of(f, v);
            if (name && trn_str_eq_c(s, name)) {
                *ret = v;
                return 0;
            }
        }
    }
    return trn_str_u64(s, ret) < 0 ? -EINVAL : 0;
}

const char *trn_field_kind_name(enum trn_event_type type)
{
    switch (type) {
    case TRN_EV_LOSS:
    case TRN_EV_TICK:
        return "metric";
    case TRN_EV_IDENTITY:
    case TRN_EV_STATE:
        return "state";
    default:
        return "event";
    }
}

const char *trn_field_category_name(enum trn_event_type type)
{
    switch (type) {
    case TRN_EV_FORK:
    case TRN_EV_EXEC:
    case TRN_EV_EXIT:
    case TRN_EV_MEM_EXEC:
    case TRN_EV_ACCESS:
    case TRN_EV_CRED:
        return "process";
    case TRN_EV_LOGIN:
        return "authentication";
    case TRN_EV_LIB_LOAD:
        return "library";
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
    case TRN_EV_IDENTITY:
        return "file";
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
    case TRN_EV_NET_CLOSE:
    case TRN_EV_DNS:
    case TRN_EV_LISTEN:
    case TRN_EV_TLS:
        return "network";
    case TRN_EV_SOFTWARE:
    case TRN_EV_BROUGHT:
        return "package";
    case TRN_EV_BPF:
        return "driver";
    default:
        return "host";
    }
}
