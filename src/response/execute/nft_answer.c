/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading what the kernel answers over netlink, bounded. Must not own: sockets. What is handed on are views into
 * the datagram.
 */
#include "response/execute/nft.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define HEADER 16u /* struct nlmsghdr */
#define ATTRIBUTE 4u
#define TYPE_BITS 0x3fffu

struct attribute {
    uint16_t type;
    struct trn_cursor body;
};

/* The next attribute; false at the end, or with c->bad when it is none. */
static bool next(struct trn_cursor *c, struct attribute *ret)
{
    if (trn_cur_left(c) == 0)
        return false;
    uint16_t len = trn_cur_u16le(c), type = trn_cur_u16le(c);
    if (c->bad || len < ATTRIBUTE || len - ATTRIBUTE > trn_cur_left(c)) {
        c->bad = true;
        return false;
    }
    ret->type = (uint16_t)(type & TYPE_BITS);
    ret->body = trn_cur_sub(c, c->at, len - ATTRIBUTE);
    trn_cur_skip(c, len - ATTRIBUTE);
    trn_cur_skip(c, TRN_MIN((-len) & 3u, trn_cur_left(c)));
    return true;
}

static struct trn_str text_of(struct trn_cursor c)
{
    struct trn_str s = trn_cur_bytes(&c, trn_cur_left(&c));
    ptrdiff_t nul = trn_str_find(s, '\0');
    return nul < 0 ? s : trn_str_slice(s, 0, (size_t)nul);
}

static uint32_t number_of(struct trn_cursor c)
{
    return trn_cur_u32be(&c);
}

static void read_counter(struct trn_cursor c, struct trn_nft_answer *a)
{
    struct attribute at;
    while (next(&c, &at)) {
        if (at.type != NFTA_COUNTER_PACKETS)
            continue;
        a->packets = trn_cur_u64be(&at.body);
        a->has_packets = !at.body.bad;
    }
}

static int read_error(struct trn_cursor c, uint16_t flags, struct trn_nft_answer *a)
{
    struct attribute at;
    a->code = (int32_t)trn_cur_u32le(&c);
    size_t inner = trn_cur_u32le(&c);
    trn_cur_skip(&c, HEADER - 4);
    if (c.bad || a->code > 0 || a->code < -4095)
        return -EBADMSG;
    if (!(flags & NLM_F_ACK_TLVS))
        return 0;
    if (!(flags & NLM_F_CAPPED)) { /* the whole of what was asked stands between */
        if (inner < HEADER || inner - HEADER > trn_cur_left(&c))
            return -EBADMSG;
        trn_cur_skip(&c, TRN_MIN((inner - HEADER + 3) & ~(size_t)3, trn_cur_left(&c)));
    }
    while (next(&c, &at))
        if (at.type == NLMSGERR_ATTR_MSG)
            a->note = text_of(at.body);
    return c.bad ? -EBADMSG : 0;
}

static int read_thing(struct trn_cursor c, struct trn_nft_answer *a)
{
    struct attribute at;
    bool table = (a->type & 0xff) == NFT_MSG_NEWTABLE, object = (a->type & 0xff) == NFT_MSG_NEWOBJ;
    trn_cur_skip(&c, sizeof(struct nfgenmsg));
    if (!table && !object)
        return c.bad ? -EBADMSG : 0;
    while (next(&c, &at)) {
        if (at.type == (table ? (unsigned)NFTA_TABLE_NAME : (unsigned)NFTA_OBJ_NAME))
            a->name = text_of(at.body);
        else if (table && at.type == NFTA_TABLE_FLAGS)
            a->flags = number_of(at.body);
        else if (table && at.type == NFTA_TABLE_OWNER)
            a->owner = number_of(at.body);
        else if (object && at.type == NFTA_OBJ_DATA)
            read_counter(at.body, a);
    }
    return c.bad ? -EBADMSG : 0;
}

int trn_nft_answer_next(struct trn_cursor *d, struct trn_nft_answer *ret)
{
    struct trn_nft_answer a = {0};
    if (!d->bad && trn_cur_left(d) == 0)
        return -ENODATA;
    uint32_t len = trn_cur_u32le(d);
    a.type = trn_cur_u16le(d);
    uint16_t flags = trn_cur_u16le(d);
    a.sequence = trn_cur_u32le(d);
    trn_cur_skip(d, 4);
    if (d->bad || len < HEADER || len - HEADER > trn_cur_left(d)) {
        d->bad = true;
        return -EBADMSG;
    }
    struct trn_cursor body = trn_cur_sub(d, d->at, len - HEADER);
    trn_cur_skip(d, len - HEADER);
    trn_cur_skip(d, TRN_MIN((-len) & 3u, trn_cur_left(d)));
    int r = 0;
    if (a.type == NLMSG_ERROR)
        r = read_error(body, flags, &a);
    else if (a.type >> 8 == NFNL_SUBSYS_NFTABLES)
        r = read_thing(body, &a);
    if (r == 0)
        *ret = a;
    return r;
}
