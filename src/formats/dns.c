/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading one DNS message. Must not own: where it came from, caches, meaning of names.
 * Hand-offs: texts are allocated in the caller's arena; the message itself is only borrowed.
 *
 * Hostile input: compression pointers must point strictly backwards and their number is bounded; a
 * name never grows past 255 wire bytes; the answer section stops at TRN_DNS_MAX_ANSWERS.
 */
#include "formats/dns.h"

#include <arpa/inet.h>

#define HEADER_SIZE 12u
#define NAME_WIRE_MAX 255u
#define NAME_TEXT_MAX (2u * NAME_WIRE_MAX)
#define POINTERS_MAX 32u
#define ANSWER_TEXT_MAX 16384u
#define FLAG_QR 0x8000u
#define FLAG_TC 0x0200u

struct name {
    char text[NAME_TEXT_MAX];
    size_t n;    /* bytes of text */
    size_t wire; /* bytes of labels, with their length bytes */
};

static bool add_label(struct name *out, struct trn_str label)
{
    out->wire += label.n + 1;
    if (label.p == NULL || out->wire > NAME_WIRE_MAX - 1)
        return false;
    if (out->n)
        out->text[out->n++] = '.';
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (c == '.' || c == '\\')
            out->text[out->n++] = '\\';
        out->text[out->n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return true;
}

/* Reads a name at the cursor's place; leaves the cursor behind it (behind the first pointer). */
static bool read_name(struct trn_cursor *in, struct name *out)
{
    struct trn_cursor c = *in;
    size_t lowest = in->at; /* pointers go strictly below this, so a loop cannot be */
    bool followed = false;

    out->n = out->wire = 0;
    for (unsigned pointers = 0;;) {
        uint8_t len = trn_cur_u8(&c);
        if (c.bad)
            return false;
        if (len == 0)
            break;
        if ((len & 0xc0u) == 0xc0u) {
            size_t to = (size_t)(len & 0x3fu) << 8 | trn_cur_u8(&c);
            if (c.bad || to >= lowest || ++pointers > POINTERS_MAX)
                return false;
            if (!followed)
                in->at = c.at;
            followed = true;
            lowest = to;
            trn_cur_seek(&c, to);
        } else if ((len & 0xc0u) || !add_label(out, trn_cur_bytes(&c, len))) {
            return false;
        }
    }
    if (!followed)
        in->at = c.at;
    if (out->n == 0)
        out->text[out->n++] = '.';
    return true;
}

/* One resource record of the answer section; false when it cannot be read. */
static bool read_answer(struct trn_cursor *in, struct trn_buf *out)
{
    struct name name;
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];

    if (!read_name(in, &name))
        return false;
    uint16_t type = trn_cur_u16be(in), klass = trn_cur_u16be(in);
    trn_cur_skip(in, 4); /* ttl */
    uint16_t len = trn_cur_u16be(in);
    size_t at = in->at;
    trn_cur_skip(in, len);
    if (in->bad)
        return false;
    if (klass != 1)
        return true;

    struct trn_cursor data = *in;
    trn_cur_seek(&data, at);
    if ((type == TRN_DNS_TYPE_A && len == 4) || (type == TRN_DNS_TYPE_AAAA && len == 16)) {
        if (!trn_cur_copy(&data, address, len) ||
            !inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
            return false;
        trn_put_c(out, text);
    } else if (type == TRN_DNS_TYPE_CNAME) {
        if (!read_name(&data, &name) || data.at > in->at)
            return false;
        if (memchr(name.text, 0, name.n))
            return false; /* would look like two answers */
        trn_put(out, name.text, name.n);
    } else {
        return true;
    }
    trn_put_u8(out, 0);
    return !out->bad;
}

static int read_answers(struct trn_cursor *in, uint16_t count, struct trn_arena *a, struct trn_dns *dns)
{
    struct trn_buf TRN_AUTO(trn_buf_done) out;

    trn_buf_init(&out, ANSWER_TEXT_MAX);
    for (unsigned i = 0; i < count; i++) {
        size_t good = out.n;
        if (i >= TRN_DNS_MAX_ANSWERS || !read_answer(in, &out)) {
            out.n = TRN_MIN(good, out.n);
            dns->cut = true;
            break;
        }
    }
    dns->answers = trn_arena_str(a, (struct trn_str){out.n ? out.p : "", out.n});
    return dns->answers.p ? 0 : -ENOMEM;
}

int trn_dns_parse(struct trn_cursor *in, struct trn_arena *a, struct trn_dns *ret)
{
    struct trn_dns dns = {0};
    struct name name;
    /* Pointers count from the start of the message, so the message gets a cursor of its own. */
    struct trn_cursor c = trn_cur_sub(in, in->at, trn_cur_left(in));

    dns.id = trn_cur_u16be(&c);
    uint16_t flags = trn_cur_u16be(&c), questions = trn_cur_u16be(&c), answers = trn_cur_u16be(&c);
    trn_cur_skip(&c, 4); /* authority and additional records: not read */
    if (c.bad || c.at != HEADER_SIZE || questions != 1 || !read_name(&c, &name))
        return -EBADMSG;
    dns.answer = flags & FLAG_QR;
    dns.cut = flags & FLAG_TC;
    dns.rcode = flags & 0xfu;
    dns.qtype = trn_cur_u16be(&c);
    dns.qclass = trn_cur_u16be(&c);
    if (c.bad)
        return -EBADMSG;
    dns.name = trn_arena_str(a, (struct trn_str){name.text, name.n});
    if (dns.name.p == NULL)
        return -ENOMEM;
    dns.answers = TRN_STR_NONE;
    if (dns.answer) {
        int r = read_answers(&c, answers, a, &dns);
        if (r < 0)
            return r;
    }
    trn_cur_skip(in, trn_cur_left(in));
    *ret = dns;
    return 0;
}
