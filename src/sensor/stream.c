/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what is on its way in TCP connections: messages of DNS and the ClientHello of TLS, put
 * together from pieces, a bounded number at a time; the one that was quiet for longest goes.
 *
 *   piece ── in order? ──> bytes of one message ── whole ──> trn_dns_parse, trn_tls_hello ──> event
 *
 * Packets that come in may be out of order, so a few pieces are held until the gap is filled. When it is
 * not, the message is lost, and the next segment is taken for the beginning of one: most are. Must not
 * tell anything about bytes that are no message.
 */
#include "sensor/reader.h"

#include "formats/formats.h"
#include "sensor/bpf/wire.h"

#define STREAMS 64
#define HELD 4
#define AHEAD_MAX 65536u /* bytes: further ahead is no gap but nonsense */
#define DNS_KEPT 4096u   /* of one message; the rest is skipped and the event says so */
#define LENGTH_SIZE 2u

enum kind { FREE = 0, HELLO, QUESTIONS, ANSWERS };

struct held {
    uint32_t seq;
    struct trn_buf bytes;
};

struct stream {
    enum kind kind;
    uint64_t cookie, used; /* used: number of the last piece */
    uint32_t next;         /* sequence number */
    uint32_t skip;         /* DNS: bytes of the message that are not kept */
    bool lost;             /* DNS: waits for the beginning of a segment */
    bool in_doubt;         /* DNS: began after a loss, and made no sense yet */
    struct trn_buf bytes;  /* of the message, as far as it is there */
    struct held held[HELD];
    /* HELLO: whose it is, in case it never becomes whole */
    uint64_t boot_ns, entity;
    uint32_t pid, tid;
    struct trn_ev_net net;
};

struct trn_streams {
    struct stream s[STREAMS];
    uint64_t pieces;
};

struct trn_streams *trn_streams_new(void)
{
    struct trn_streams *all = calloc(1, sizeof(*all));

    for (size_t i = 0; all && i < STREAMS; i++) {
        trn_buf_init(&all->s[i].bytes, TRN_WIRE_HELLO_MAX + TRN_WIRE_PIECE_MAX);
        for (size_t k = 0; k < HELD; k++)
            trn_buf_init(&all->s[i].held[k].bytes, TRN_WIRE_PIECE_MAX);
    }
    return all;
}

static void forget(struct stream *s)
{
    trn_buf_done(&s->bytes);
    trn_buf_init(&s->bytes, TRN_WIRE_HELLO_MAX + TRN_WIRE_PIECE_MAX);
    for (size_t k = 0; k < HELD; k++) {
        trn_buf_done(&s->held[k].bytes);
        trn_buf_init(&s->held[k].bytes, TRN_WIRE_PIECE_MAX);
    }
    s->kind = FREE;
}

struct trn_streams *trn_streams_free(struct trn_streams *all)
{
    for (size_t i = 0; all && i < STREAMS; i++)
        forget(&all->s[i]);
    free(all);
    return NULL;
}

/* A hello that began and never became whole is told all the same: that there was one. */
static int give_up(struct stream *s, const struct trn_event_sink *sink)
{
    struct trn_event ev;
    bool hello = s->kind == HELLO;

    forget(s);
    if (!hello)
        return 0;
    trn_event_init(&ev, TRN_EV_TLS);
    ev.flags = TRN_EVF_NET_RAW;
    ev.boot_ns = s->boot_ns;
    ev.entity = s->entity;
    ev.pid = s->pid;
    ev.tid = s->tid;
    ev.tls.net = s->net;
    return trn_sink_event(sink, &ev);
}

static struct stream *find(struct trn_streams *all, uint64_t cookie, enum kind kind)
{
    for (size_t i = 0; i < STREAMS; i++)
        if (all->s[i].kind == kind && all->s[i].cookie == cookie)
            return &all->s[i];
    return NULL;
}

static int begin(struct trn_streams *all, const struct trn_piece *p, enum kind kind, const struct trn_event_sink *sink,
                 struct stream **ret)
{
    struct stream *s = &all->s[0];
    int r = 0;

    for (size_t i = 1; i < STREAMS && s->kind != FREE; i++)
        if (all->s[i].kind == FREE || all->s[i].used < s->used)
            s = &all->s[i];
    if (s->kind != FREE)
        r = give_up(s, sink);
    s->kind = kind;
    s->cookie = p->cookie;
    s->next = p->seq;
    s->skip = 0;
    s->lost = s->in_doubt = false;
    *ret = s;
    return r;
}

/* ---- TLS ---- */

static int hello_is_there(struct stream *s, struct trn_arena *arena, struct trn_event *ev,
                          const struct trn_event_sink *sink)
{
    struct trn_cursor c = trn_cur(s->bytes.p, s->bytes.n);
    struct trn_tls_hello h;
    int r = trn_tls_hello(&c, arena, &h);

    if (r == -EAGAIN)
        return s->bytes.n < TRN_WIRE_HELLO_MAX ? 0 : give_up(s, sink);
    forget(s);
    if (r != 0)
        return r == -EBADMSG ? 0 : r; /* it only looked like one */
    if (h.cut)
        ev->flags |= TRN_EVF_NET_RAW;
    ev->tls.sni = h.sni;
    ev->tls.alpn = h.alpn.n ? h.alpn : TRN_STR_NONE;
    ev->tls.ja4 = h.ja4;
    ev->tls.version = h.version;
    return trn_sink_event(sink, ev);
}

static int tls_piece(struct trn_streams *all, const struct trn_piece *p, struct trn_arena *arena, struct trn_event *ev,
                     const struct trn_event_sink *sink)
{
    struct stream *s = find(all, p->cookie, HELLO);
    int r = 0;

    if (p->first) {
        if (s)
            forget(s);
        r = begin(all, p, HELLO, sink, &s);
        s->boot_ns = ev->boot_ns;
        s->entity = ev->entity;
        s->pid = ev->pid;
        s->tid = ev->tid;
        s->net = ev->tls.net;
    }
    if (r < 0 || !s)
        return r;
    s->used = ++all->pieces;
    if (p->seq != s->next)
        return give_up(s, sink); /* a piece was lost on its way to us; the kernel counted it */
    s->next += (uint32_t)p->bytes.n;
    trn_put_str(&s->bytes, p->bytes);
    return s->bytes.bad ? give_up(s, sink) : hello_is_there(s, arena, ev, sink);
}

/* ---- DNS ---- */

static int message_is_there(struct stream *s, bool cut, struct trn_arena *arena, const struct trn_event *base,
                            const struct trn_event_sink *sink)
{
    struct trn_str message = trn_str_slice(trn_buf_str(&s->bytes), LENGTH_SIZE, s->bytes.n);
    struct trn_event ev = *base;
    bool doubt = s->in_doubt;
    int r;

    trn_arena_reset(arena); /* a piece may hold many messages */
    r = trn_decode_dns_message(message, cut, arena, &ev);
    trn_buf_clear(&s->bytes);
    if (r < 0)
        return r;
    s->lost = s->in_doubt = trn_str_is_none(ev.dns.name); /* no message: this is no place where one begins */
    return s->lost && doubt ? 0 : trn_sink_event(sink, &ev);
}

/* Bytes in their order, of any number of messages. */
static int dns_bytes(struct stream *s, struct trn_str bytes, struct trn_arena *arena, const struct trn_event *base,
                     const struct trn_event_sink *sink)
{
    struct trn_cursor c = trn_cur_of(bytes);
    int r = 0;

    while (r >= 0 && !s->lost && trn_cur_left(&c) > 0) {
        size_t left = trn_cur_left(&c), length = 0, kept, want = LENGTH_SIZE;

        if (s->skip > 0) {
            size_t n = TRN_MIN((size_t)s->skip, left);
            trn_cur_skip(&c, n);
            s->skip -= (uint32_t)n;
            continue;
        }
        if (s->bytes.n >= LENGTH_SIZE) {
            length = (size_t)(uint8_t)s->bytes.p[0] << 8 | (uint8_t)s->bytes.p[1];
            want += TRN_MIN(length, (size_t)DNS_KEPT);
            s->lost = length == 0; /* no message at all */
        }
        if (s->lost)
            return 0;
        trn_put_str(&s->bytes, trn_cur_bytes(&c, TRN_MIN(want - s->bytes.n, left)));
        if (s->bytes.bad)
            return -ENOMEM;
        if (s->bytes.n < want || want == LENGTH_SIZE)
            continue;
        kept = want - LENGTH_SIZE;
        s->skip = (uint32_t)(length - kept);
        r = message_is_there(s, kept < length, arena, base, sink);
    }
    return r;
}

static void hold(struct stream *s, const struct trn_piece *p)
{
    for (size_t k = 0; k < HELD; k++) {
        if (s->held[k].bytes.n > 0)
            continue;
        s->held[k].seq = p->seq;
        trn_put_str(&s->held[k].bytes, p->bytes);
        return;
    }
    s->lost = true; /* too many are out of order */
}

/* Gives what is next, also of pieces that overlap what was there before. False when nothing of it is. */
static bool advance(struct stream *s, uint32_t seq, struct trn_str *bytes)
{
    uint32_t old = s->next - seq; /* bytes that are known */

    if (old > bytes->n)
        return false;
    *bytes = trn_str_slice(*bytes, old, bytes->n);
    s->next += (uint32_t)bytes->n;
    return bytes->n > 0;
}

static int dns_in_order(struct stream *s, const struct trn_piece *p, struct trn_arena *arena,
                        const struct trn_event *base, const struct trn_event_sink *sink)
{
    struct trn_str bytes = p->bytes;
    int r = 0;

    if (!advance(s, p->seq, &bytes))
        return 0;
    r = dns_bytes(s, bytes, arena, base, sink);
    for (size_t k = 0; k < HELD && r >= 0; k++) {
        struct held *h = &s->held[k];
        bytes = trn_buf_str(&h->bytes);
        if (bytes.n == 0 || h->seq - s->next - 1 < AHEAD_MAX)
            continue; /* free, or still ahead */
        if (advance(s, h->seq, &bytes)) {
            r = dns_bytes(s, bytes, arena, base, sink);
            k = (size_t)-1; /* what was before it in the list may be next now */
        }
        trn_buf_clear(&h->bytes);
    }
    return r;
}

static int dns_piece(struct trn_streams *all, const struct trn_piece *p, struct trn_arena *arena,
                     const struct trn_event *base, const struct trn_event_sink *sink)
{
    enum kind kind = p->incoming ? ANSWERS : QUESTIONS;
    struct stream *s = find(all, p->cookie, kind);
    uint32_t ahead;
    int r = 0;

    if (!s)
        r = begin(all, p, kind, sink, &s);
    if (r < 0)
        return r;
    s->used = ++all->pieces;
    ahead = p->seq - s->next;
    if (!s->lost && !(s->in_doubt && p->first)) {
        if (ahead == 0 || ahead > AHEAD_MAX)
            return dns_in_order(s, p, arena, base, sink);
        hold(s, p);
    }
    if (!p->first || !(s->lost || s->in_doubt))
        return 0;
    /* Takes this segment for the beginning of a message, and each after it until one is whole. */
    forget(s);
    s->kind = kind;
    s->next = p->seq;
    s->skip = 0;
    s->lost = false;
    s->in_doubt = true;
    return dns_in_order(s, p, arena, base, sink);
}

int trn_streams_piece(struct trn_streams *all, const struct trn_piece *p, struct trn_arena *arena, struct trn_event *ev,
                      const struct trn_event_sink *sink)
{
    if (p->bytes.n == 0)
        return 0;
    if (ev->type == TRN_EV_TLS)
        return tls_piece(all, p, arena, ev, sink);
    return dns_piece(all, p, arena, ev, sink);
}

int trn_streams_closed(struct trn_streams *all, uint64_t cookie, const struct trn_event_sink *sink)
{
    int r = 0;

    for (size_t i = 0; i < STREAMS && r >= 0; i++)
        if (all->s[i].kind != FREE && all->s[i].cookie == cookie)
            r = give_up(&all->s[i], sink);
    return r;
}
