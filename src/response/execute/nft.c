/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: building batches of nftables messages (libmnl), byte for byte what the kernel gets. Must not own: the socket
 * (nft_socket.c), what the kernel answers (nft_answer.c), which rules there are (host_rules.c).
 * Everything in a message that is more than a byte is big endian, but for the header's own members.
 */
#include "response/execute/nft.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#define MESSAGE_MAX 4096u /* one message; the room that is kept free for it */
#define DATATYPE_FAMILY 2 /* what nft(8) calls nf_proto: for people who list the table */

struct message {
    const char *kind, *chain, *name; /* for errors */
};

struct trn_nft_batch_memory {
    uint8_t *p;
    size_t n;
    struct nlmsghdr *open; /* in p */
    struct nlattr *rule;   /* of the open rule: its expressions */
    struct message messages[TRN_NFT_MESSAGES_MAX];
    bool closed;
};

/* ---- memory ---- */

static struct nlmsghdr *header(struct trn_nft_batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
    struct trn_nft_batch_memory *m = b->m;
    if (b->bad || m->open || m->closed || TRN_NFT_BATCH_MAX - m->n < MESSAGE_MAX) {
        b->bad = true;
        return NULL;
    }
    struct nlmsghdr *h = mnl_nlmsg_put_header(m->p + m->n);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | flags;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
    g->nfgen_family = family;
    g->version = NFNETLINK_V0;
    g->res_id = htons(res);
    return h;
}

static void finish(struct trn_nft_batch *b, struct nlmsghdr *h)
{
    if (h)
        b->m->n += NLMSG_ALIGN(h->nlmsg_len);
}

static void begin(struct trn_nft_batch *b, unsigned type, uint16_t flags, struct message message)
{
    if (b->n_messages == TRN_NFT_MESSAGES_MAX)
        b->bad = true;
    struct nlmsghdr *h = header(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
    if (!h)
        return;
    b->m->open = h;
    b->m->messages[b->n_messages++] = message;
    h->nlmsg_seq = b->n_messages;
}

static void end(struct trn_nft_batch *b)
{
    if (!b->bad)
        finish(b, b->m->open);
    b->m->open = NULL;
}

int trn_nft_batch_init(struct trn_nft_batch *b, const char *table)
{
    *b = (struct trn_nft_batch){.m = calloc(1, sizeof *b->m), .table = table};
    if (b->m)
        b->m->p = malloc(TRN_NFT_BATCH_MAX);
    if (!b->m || !b->m->p) {
        trn_nft_batch_done(b);
        return -ENOMEM;
    }
    finish(b, header(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return 0;
}

void trn_nft_batch_done(struct trn_nft_batch *b)
{
    if (b->m)
        free(b->m->p);
    free(b->m);
    b->m = NULL;
}

/* Only the last message is acknowledged: hundreds of "done" would not fit into the socket, and errors come anyway. */
int trn_nft_batch_close(struct trn_nft_batch *b, struct trn_str *ret)
{
    struct trn_nft_batch_memory *m = b->m;
    if (!m->closed && !b->bad && b->n_messages > 0) {
        struct nlmsghdr *h = (struct nlmsghdr *)(void *)m->p;
        for (uint32_t i = 0; i < b->n_messages; i++)
            h = (struct nlmsghdr *)(void *)((uint8_t *)h + NLMSG_ALIGN(h->nlmsg_len));
        h->nlmsg_flags |= NLM_F_ACK;
        finish(b, header(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
        m->closed = true;
    }
    if (b->bad || !m->closed)
        return -E2BIG;
    *ret = (struct trn_str){(const char *)m->p, m->n};
    return 0;
}

const char *trn_nft_batch_name(const struct trn_nft_batch *b, uint32_t sequence, char *dst, size_t size)
{
    if (sequence == 0 || sequence > b->n_messages) {
        snprintf(dst, size, "the batch");
        return dst;
    }
    const struct message *m = &b->m->messages[sequence - 1];
    if (m->chain)
        snprintf(dst, size, "%s '%s' of '%s'", m->kind, m->name, m->chain);
    else
        snprintf(dst, size, "%s '%s'", m->kind, m->name);
    return dst;
}

/* ---- attributes ---- */

static void put(struct trn_nft_batch *b, uint16_t type, const void *p, size_t n)
{
    if (b->bad || !b->m->open || !mnl_attr_put_check(b->m->open, MESSAGE_MAX, type, n, p))
        b->bad = true;
}

static void put_text(struct trn_nft_batch *b, uint16_t type, const char *text)
{
    put(b, type, text, strlen(text) + 1);
}

static void put_u32(struct trn_nft_batch *b, uint16_t type, uint32_t v)
{
    v = htonl(v);
    put(b, type, &v, sizeof v);
}

static void put_u64(struct trn_nft_batch *b, uint16_t type, uint64_t v)
{
    const uint32_t parts[2] = {htonl((uint32_t)(v >> 32)), htonl((uint32_t)v)};
    put(b, type, parts, sizeof parts);
}

static struct nlattr *nest(struct trn_nft_batch *b, uint16_t type)
{
    struct nlattr *a = b->bad || !b->m->open ? NULL : mnl_attr_nest_start_check(b->m->open, MESSAGE_MAX, type);
    if (!a)
        b->bad = true;
    return a;
}

static void nest_end(struct trn_nft_batch *b, struct nlattr *a)
{
    if (!b->bad)
        mnl_attr_nest_end(b->m->open, a);
}

static void put_value(struct trn_nft_batch *b, uint16_t type, const void *p, size_t n)
{
    struct nlattr *data = nest(b, type);
    put(b, NFTA_DATA_VALUE, p, n);
    nest_end(b, data);
}

/* ---- table, counters, chains, sets ---- */

void trn_nft_put_table(struct trn_nft_batch *b, bool owner)
{
    begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, (struct message){"table", NULL, b->table});
    put_text(b, NFTA_TABLE_NAME, b->table);
    put_u32(b, NFTA_TABLE_FLAGS, owner ? NFT_TABLE_F_OWNER : 0);
    end(b);
}

void trn_nft_put_counter(struct trn_nft_batch *b, const char *name)
{
    begin(b, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_EXCL, (struct message){"counter", NULL, name});
    put_text(b, NFTA_OBJ_TABLE, b->table);
    put_text(b, NFTA_OBJ_NAME, name);
    put_u32(b, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nest_end(b, nest(b, NFTA_OBJ_DATA));
    end(b);
}

static void begin_chain(struct trn_nft_batch *b, const char *name)
{
    begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, (struct message){"chain", NULL, name});
    put_text(b, NFTA_CHAIN_TABLE, b->table);
    put_text(b, NFTA_CHAIN_NAME, name);
}

void trn_nft_put_chain(struct trn_nft_batch *b, const char *name)
{
    begin_chain(b, name);
    end(b);
}

void trn_nft_put_base_chain(struct trn_nft_batch *b, const char *name, enum trn_nft_hook hook, int32_t priority)
{
    static const uint32_t hooks[] = {
        [TRN_NFT_INPUT] = NF_INET_LOCAL_IN,
        [TRN_NFT_FORWARD] = NF_INET_FORWARD,
        [TRN_NFT_OUTPUT] = NF_INET_LOCAL_OUT,
        [TRN_NFT_POSTROUTING] = NF_INET_POST_ROUTING,
    };
    begin_chain(b, name);
    struct nlattr *at = nest(b, NFTA_CHAIN_HOOK);
    put_u32(b, NFTA_HOOK_HOOKNUM, hooks[hook]);
    put_u32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
    nest_end(b, at);
    put_u32(b, NFTA_CHAIN_POLICY, NF_DROP);
    put_text(b, NFTA_CHAIN_TYPE, "filter");
    end(b);
}

void trn_nft_put_family_set(struct trn_nft_batch *b, const char *name)
{
    begin(b, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, (struct message){"set", NULL, name});
    put_text(b, NFTA_SET_TABLE, b->table);
    put_text(b, NFTA_SET_NAME, name);
    put_u32(b, NFTA_SET_FLAGS, NFT_SET_TIMEOUT);
    put_u32(b, NFTA_SET_KEY_TYPE, DATATYPE_FAMILY);
    put_u32(b, NFTA_SET_KEY_LEN, 1);
    put_u32(b, NFTA_SET_ID, 1);
    end(b);
}

static void set_element(struct trn_nft_batch *b, unsigned type, uint16_t flags, const char *set, uint8_t family,
                        uint64_t timeout_ms)
{
    begin(b, type, flags, (struct message){"element", NULL, set});
    put_text(b, NFTA_SET_ELEM_LIST_TABLE, b->table);
    put_text(b, NFTA_SET_ELEM_LIST_SET, set);
    struct nlattr *all = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS), *one = nest(b, NFTA_LIST_ELEM);
    put_value(b, NFTA_SET_ELEM_KEY, &family, 1);
    if (timeout_ms)
        put_u64(b, NFTA_SET_ELEM_TIMEOUT, timeout_ms);
    nest_end(b, one);
    nest_end(b, all);
    end(b);
}

void trn_nft_put_family(struct trn_nft_batch *b, const char *set, uint8_t family, uint64_t timeout_ms)
{
    set_element(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, family, timeout_ms);
}

void trn_nft_delete_family(struct trn_nft_batch *b, const char *set, uint8_t family)
{
    set_element(b, NFT_MSG_DELSETELEM, 0, set, family, 0);
}

/* ---- rules ---- */

struct expression {
    struct nlattr *outer, *data;
};

static struct expression expression(struct trn_nft_batch *b, const char *name)
{
    struct expression e = {.outer = nest(b, NFTA_LIST_ELEM)};
    put_text(b, NFTA_EXPR_NAME, name);
    e.data = nest(b, NFTA_EXPR_DATA);
    return e;
}

static void expression_end(struct trn_nft_batch *b, struct expression e)
{
    nest_end(b, e.data);
    nest_end(b, e.outer);
}

static void compare(struct trn_nft_batch *b, bool differs, const void *value, size_t n)
{
    struct expression e = expression(b, "cmp");
    put_u32(b, NFTA_CMP_SREG, NFT_REG_1);
    put_u32(b, NFTA_CMP_OP, differs ? NFT_CMP_NEQ : NFT_CMP_EQ);
    put_value(b, NFTA_CMP_DATA, value, n);
    expression_end(b, e);
}

static void load_meta(struct trn_nft_batch *b, uint32_t key)
{
    struct expression e = expression(b, "meta");
    put_u32(b, NFTA_META_KEY, key);
    put_u32(b, NFTA_META_DREG, NFT_REG_1);
    expression_end(b, e);
}

void trn_nft_rule_begin(struct trn_nft_batch *b, const char *chain, const char *name)
{
    begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, (struct message){"rule", chain, name});
    put_text(b, NFTA_RULE_TABLE, b->table);
    put_text(b, NFTA_RULE_CHAIN, chain);
    b->m->rule = nest(b, NFTA_RULE_EXPRESSIONS);
}

void trn_nft_rule_end(struct trn_nft_batch *b)
{
    nest_end(b, b->m->rule);
    end(b);
}

void trn_nft_rule_meta(struct trn_nft_batch *b, enum trn_nft_meta what, uint16_t value)
{
    static const uint32_t keys[] = {
        [TRN_NFT_FAMILY] = NFT_META_NFPROTO,
        [TRN_NFT_PROTOCOL] = NFT_META_L4PROTO,
        [TRN_NFT_IN_TYPE] = NFT_META_IIFTYPE,
        [TRN_NFT_OUT_TYPE] = NFT_META_OIFTYPE,
    };
    uint8_t byte = (uint8_t)value;
    load_meta(b, keys[what]);
    if (what == TRN_NFT_FAMILY || what == TRN_NFT_PROTOCOL)
        compare(b, false, &byte, 1);
    else
        compare(b, false, &value, sizeof value); /* the one that stays in the machine's own order */
}

void trn_nft_rule_field(struct trn_nft_batch *b, struct trn_nft_field f, const void *value, const void *mask)
{
    static const uint8_t none[16];
    uint8_t masked[16];
    if (f.len == 0 || f.len > sizeof none) {
        b->bad = true;
        return;
    }
    struct expression e = expression(b, "payload");
    put_u32(b, NFTA_PAYLOAD_DREG, NFT_REG_1);
    put_u32(b, NFTA_PAYLOAD_BASE,
            f.base == TRN_NFT_NETWORK ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER);
    put_u32(b, NFTA_PAYLOAD_OFFSET, f.offset);
    put_u32(b, NFTA_PAYLOAD_LEN, f.len);
    expression_end(b, e);
    for (uint8_t i = 0; i < f.len; i++)
        masked[i] = (uint8_t)(((const uint8_t *)value)[i] & (mask ? ((const uint8_t *)mask)[i] : 0xff));
    if (mask) {
        e = expression(b, "bitwise");
        put_u32(b, NFTA_BITWISE_SREG, NFT_REG_1);
        put_u32(b, NFTA_BITWISE_DREG, NFT_REG_1);
        put_u32(b, NFTA_BITWISE_LEN, f.len);
        put_value(b, NFTA_BITWISE_MASK, mask, f.len);
        put_value(b, NFTA_BITWISE_XOR, none, f.len);
        expression_end(b, e);
    }
    compare(b, f.differs, masked, f.len);
}

void trn_nft_rule_family_in(struct trn_nft_batch *b, const char *set, bool differs)
{
    load_meta(b, NFT_META_NFPROTO);
    struct expression e = expression(b, "lookup");
    put_text(b, NFTA_LOOKUP_SET, set);
    put_u32(b, NFTA_LOOKUP_SREG, NFT_REG_1);
    if (differs)
        put_u32(b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    expression_end(b, e);
}

void trn_nft_rule_count(struct trn_nft_batch *b, const char *counter)
{
    struct expression e = expression(b, "objref");
    put_u32(b, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    put_text(b, NFTA_OBJREF_IMM_NAME, counter);
    expression_end(b, e);
}

void trn_nft_rule_verdict(struct trn_nft_batch *b, enum trn_nft_verdict v, const char *chain)
{
    static const uint32_t codes[] = {
        [TRN_NFT_DROP] = NF_DROP, [TRN_NFT_ACCEPT] = NF_ACCEPT, [TRN_NFT_GOTO] = (uint32_t)NFT_GOTO};
    struct expression e = expression(b, "immediate");
    put_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    struct nlattr *data = nest(b, NFTA_IMMEDIATE_DATA), *verdict = nest(b, NFTA_DATA_VERDICT);
    put_u32(b, NFTA_VERDICT_CODE, codes[v]);
    if (v == TRN_NFT_GOTO)
        put_text(b, NFTA_VERDICT_CHAIN, chain);
    nest_end(b, verdict);
    nest_end(b, data);
    expression_end(b, e);
}
