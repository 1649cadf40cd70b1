/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of a policy, and the numbers that hold without a file. Must not own: the file (parse.c), what follows from a
 * rule (match.c). turncoatd links this: no parser, no allocation, every reader bounded. What is decoded was made by a
 * worker that may be under the control of the file it read.
 */
#include "policy/internal.h"

#define VERSION 1u

void trn_policy_default(struct trn_policy *p)
{
    *p = (struct trn_policy){.survive = true,
                             .hold_ms = 1500,
                             .fresh_sec = 600,
                             .deadline_ms = 1500,
                             .acts_per_minute = 60,
                             .kills_per_minute = 20};
}

static void put_text(struct trn_buf *b, const char *text, size_t size)
{
    trn_put_lstr(b, (struct trn_str){text, strnlen(text, size)});
}

static void put_part(struct trn_buf *b, const struct trn_policy_hosts *h)
{
    trn_put_u16(b, h->first);
    trn_put_u16(b, h->n);
}

static void put_rule(struct trn_buf *b, const struct trn_policy_rule *r)
{
    put_text(b, r->check, sizeof r->check);
    put_text(b, r->name, sizeof r->name);
    put_text(b, r->version, sizeof r->version);
    trn_put_u16(b, r->score);
    trn_put_u8(b, r->stages);
    trn_put_u8(b, r->stage);
    trn_put_u8(b, r->verdict);
    trn_put_u8(b, r->fail_closed);
    trn_put_u32(b, r->acts);
    trn_put_u64(b, r->seconds);
    put_part(b, &r->except);
    trn_put_u32(b, r->line);
}

void trn_policy_encode(const struct trn_policy *p, struct trn_buf *out)
{
    const uint32_t numbers[] = {p->hold_ms, p->fresh_sec, p->deadline_ms, p->acts_per_minute, p->kills_per_minute,
                                p->n_rules, p->n_hosts,   p->n_mounts,    p->n_vital};
    trn_put_u8(out, VERSION);
    trn_put_u8(out,
               (uint8_t)(p->protect | p->fail_closed << 1 | p->survive << 2 | p->hold_new << 3 | p->hold_refuse << 4));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        trn_put_u32(out, numbers[i]);
    put_part(out, &p->manager);
    put_part(out, &p->dns);
    put_part(out, &p->administration);
    for (uint32_t i = 0; i < p->n_rules; i++)
        put_rule(out, &p->rules[i]);
    for (uint32_t i = 0; i < p->n_hosts; i++) {
        put_text(out, p->hosts[i].text, sizeof p->hosts[i].text);
        trn_put_u16(out, p->hosts[i].port);
    }
    for (uint32_t i = 0; i < p->n_mounts; i++)
        put_text(out, p->mounts[i], sizeof p->mounts[i]);
    for (uint32_t i = 0; i < p->n_vital; i++)
        put_text(out, p->vital[i], sizeof p->vital[i]);
}

/* ---- reading ---- */

static void take_text(struct trn_cursor *c, char *dst, size_t size)
{
    struct trn_str s = trn_cur_lstr(c);
    if (trn_str_is_none(s) || s.n >= size || (s.n && memchr(s.p, 0, s.n)))
        c->bad = true;
    if (c->bad)
        return;
    memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
}

static void take_path(struct trn_cursor *c, char dst[TRN_POLICY_PATH])
{
    take_text(c, dst, TRN_POLICY_PATH);
    if (dst[0] != '/')
        c->bad = true;
}

static uint32_t take_number(struct trn_cursor *c, uint32_t min, uint32_t max)
{
    uint32_t n = trn_cur_u32le(c);
    if (n < min || n > max)
        c->bad = true;
    return c->bad ? 0 : n;
}

static uint8_t take_small(struct trn_cursor *c, uint8_t max)
{
    uint8_t n = trn_cur_u8(c);
    if (n > max)
        c->bad = true;
    return c->bad ? 0 : n;
}

static struct trn_policy_hosts take_part(struct trn_cursor *c, uint32_t n_hosts)
{
    struct trn_policy_hosts h = {.first = trn_cur_u16le(c)};
    h.n = trn_cur_u16le(c);
    if ((uint32_t)h.first + h.n > n_hosts)
        c->bad = true;
    if (c->bad)
        h.first = h.n = 0;
    return h;
}

static void take_rule(struct trn_cursor *c, uint32_t n_hosts, struct trn_policy_rule *r)
{
    take_text(c, r->check, sizeof r->check);
    take_text(c, r->name, sizeof r->name);
    take_text(c, r->version, sizeof r->version);
    r->score = trn_cur_u16le(c);
    r->stages = take_small(c, TRN_STAGE_MAX);
    r->stage = take_small(c, TRN_STAGE_MAX);
    r->verdict = take_small(c, TRN_VERDICT_MAX - 1);
    r->fail_closed = take_small(c, 1);
    r->acts = trn_cur_u32le(c);
    r->seconds = trn_cur_u64le(c);
    r->except = take_part(c, n_hosts);
    r->line = trn_cur_u32le(c);
    if (r->score > 100 || r->acts == 0 || (r->acts & ~TRN_POLICY_ACTS) || r->seconds > TRN_RESPOND_MAX_SEC ||
        (r->version[0] && !r->name[0]))
        c->bad = true;
}

static void take_flags(struct trn_cursor *c, struct trn_policy *p)
{
    uint8_t flags = take_small(c, 31);
    p->protect = flags & 1;
    p->fail_closed = flags & 2;
    p->survive = flags & 4;
    p->hold_new = flags & 8;
    p->hold_refuse = flags & 16;
}

int trn_policy_decode(struct trn_cursor *in, struct trn_policy *ret)
{
    struct trn_policy *p = ret; /* too large for the stack of a thread: cleared again on failure */
    *p = (struct trn_policy){0};
    if (in->n > TRN_POLICY_WORDS || trn_cur_u8(in) != VERSION)
        in->bad = true;
    take_flags(in, p);
    p->hold_ms = take_number(in, TRN_POLICY_MS_MIN, TRN_POLICY_MS_MAX);
    p->fresh_sec = take_number(in, 0, TRN_RESPOND_MAX_SEC);
    p->deadline_ms = take_number(in, TRN_POLICY_MS_MIN, TRN_POLICY_MS_MAX);
    p->acts_per_minute = take_number(in, 0, TRN_POLICY_RATE_MAX);
    p->kills_per_minute = take_number(in, 0, TRN_POLICY_RATE_MAX);
    p->n_rules = take_number(in, 0, TRN_POLICY_RULES);
    p->n_hosts = take_number(in, 0, TRN_POLICY_HOSTS);
    p->n_mounts = take_number(in, 0, TRN_POLICY_MOUNTS);
    p->n_vital = take_number(in, 0, TRN_POLICY_VITAL);
    p->manager = take_part(in, p->n_hosts);
    p->dns = take_part(in, p->n_hosts);
    p->administration = take_part(in, p->n_hosts);
    for (uint32_t i = 0; i < p->n_rules && !in->bad; i++)
        take_rule(in, p->n_hosts, &p->rules[i]);
    for (uint32_t i = 0; i < p->n_hosts && !in->bad; i++) {
        take_text(in, p->hosts[i].text, sizeof p->hosts[i].text);
        p->hosts[i].port = trn_cur_u16le(in);
        if (!p->hosts[i].text[0])
            in->bad = true;
    }
    for (uint32_t i = 0; i < p->n_mounts && !in->bad; i++)
        take_path(in, p->mounts[i]);
    for (uint32_t i = 0; i < p->n_vital && !in->bad; i++)
        take_path(in, p->vital[i]);
    if (trn_cur_end(in))
        return 0;
    trn_policy_default(ret);
    return -EPROTO;
}
