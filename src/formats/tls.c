/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading one ClientHello. Must not own: where it came from, putting pieces together, what a
 * fingerprint means.
 * Hand-offs: texts and work space are allocated in the caller's arena; the bytes are only borrowed.
 *
 * Hostile input: lengths nest (record, message, list, entry), so each level is a cursor of its own; the
 * message is bounded; a hello that is cut at a record's end is not guessed at.
 */
#include "formats/tls.h"

#define RECORD_HANDSHAKE 22u
#define RECORD_MAX (16384u + 256u)
#define CLIENT_HELLO 1u
#define TEXT_MAX (TRN_TLS_HELLO_MAX * 4u)
#define HASH_CHARS 12u

enum {
    EXT_SERVER_NAME = 0,
    EXT_SIGNATURE_ALGORITHMS = 13,
    EXT_ALPN = 16,
    EXT_SUPPORTED_VERSIONS = 43,
};

struct numbers {
    uint16_t *v; /* in the arena */
    size_t n;
};

struct hello {
    struct trn_tls_hello out;
    struct numbers ciphers, extensions, algorithms; /* without GREASE; extensions without SNI and ALPN */
    size_t n_extensions;                            /* with those two */
    bool names_server;
    struct trn_str first_alpn;
};

/* Values that clients mix in so that servers learn to ignore what they do not know (RFC 8701). */
static bool is_grease(uint16_t v)
{
    return (v & 0x0f0fu) == 0x0a0au && v >> 8 == (v & 0xffu);
}

/* u16 values up to the end of the region. */
static int read_numbers(struct trn_cursor c, struct trn_arena *a, struct numbers *ret)
{
    size_t max = trn_cur_left(&c) / 2;
    uint16_t *v = trn_arena_alloc(a, (max + 1) * sizeof(*v));
    size_t n = 0;

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < max; i++) {
        uint16_t x = trn_cur_u16be(&c);
        if (!is_grease(x))
            v[n++] = x;
    }
    *ret = (struct numbers){v, n};
    return 0;
}

/* The next n bytes as a region of their own. */
static struct trn_cursor take(struct trn_cursor *c, size_t n)
{
    struct trn_cursor part = trn_cur_sub(c, c->at, n);

    trn_cur_skip(c, n);
    return part;
}

static int read_server_name(struct trn_cursor c, struct trn_arena *a, struct hello *h)
{
    struct trn_cursor list = take(&c, trn_cur_u16be(&c));

    h->names_server = true;
    while (trn_cur_left(&list) > 0) {
        uint8_t type = trn_cur_u8(&list);
        struct trn_str name = trn_cur_bytes(&list, trn_cur_u16be(&list));
        char *lower;

        if (list.bad)
            break;
        if (type != 0 || name.n == 0 || !trn_str_is_none(h->out.sni))
            continue;
        lower = trn_arena_alloc(a, name.n);
        if (!lower)
            return -ENOMEM;
        for (size_t i = 0; i < name.n; i++)
            lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] - 'A' + 'a' : name.p[i]);
        h->out.sni = (struct trn_str){lower, name.n};
    }
    h->out.cut |= list.bad;
    return 0;
}

static int read_alpn(struct trn_cursor c, struct trn_arena *a, struct hello *h)
{
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    struct trn_cursor list = take(&c, trn_cur_u16be(&c));

    trn_buf_init(&text, TEXT_MAX);
    while (trn_cur_left(&list) > 0) {
        struct trn_str name = trn_cur_bytes(&list, trn_cur_u8(&list));

        if (list.bad)
            break;
        if (trn_str_is_none(h->first_alpn))
            h->first_alpn = name;
        if (memchr(name.p, 0, name.n)) {
            h->out.cut = true; /* would look like two */
            continue;
        }
        trn_put_str(&text, name);
        trn_put_u8(&text, 0);
    }
    h->out.cut |= list.bad;
    if (text.bad)
        return -ENOMEM;
    h->out.alpn = trn_arena_str(a, (struct trn_str){text.n ? text.p : "", text.n});
    return h->out.alpn.p ? 0 : -ENOMEM;
}

static void read_versions(struct trn_cursor c, struct hello *h)
{
    struct trn_cursor list = take(&c, trn_cur_u8(&c));
    uint16_t highest = 0;

    while (trn_cur_left(&list) >= 2) {
        uint16_t v = trn_cur_u16be(&list);
        if (!is_grease(v) && v > highest)
            highest = v;
    }
    if (highest)
        h->out.version = highest;
    h->out.cut |= list.bad;
}

static int read_extension(uint16_t type, struct trn_cursor body, struct trn_arena *a, struct hello *h)
{
    struct trn_cursor list;

    switch (type) {
    case EXT_SERVER_NAME:
        return read_server_name(body, a, h);
    case EXT_ALPN:
        return read_alpn(body, a, h);
    case EXT_SUPPORTED_VERSIONS:
        read_versions(body, h);
        return 0;
    case EXT_SIGNATURE_ALGORITHMS:
        list = take(&body, trn_cur_u16be(&body));
        h->out.cut |= list.bad;
        return read_numbers(list, a, &h->algorithms);
    default:
        return 0;
    }
}

static int read_extensions(struct trn_cursor c, struct trn_arena *a, struct hello *h)
{
    uint16_t *v = trn_arena_alloc(a, (trn_cur_left(&c) / 4 + 1) * sizeof(*v));

    if (!v)
        return -ENOMEM;
    h->extensions.v = v;
    while (trn_cur_left(&c) > 0) {
        uint16_t type = trn_cur_u16be(&c);
        struct trn_cursor body = take(&c, trn_cur_u16be(&c));
        int r;

        if (c.bad)
            return -EBADMSG;
        if (is_grease(type))
            continue;
        h->n_extensions++;
        if (type != EXT_SERVER_NAME && type != EXT_ALPN)
            v[h->extensions.n++] = type;
        r = read_extension(type, body, a, h);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_body(struct trn_cursor c, struct trn_arena *a, struct hello *h)
{
    struct trn_cursor ciphers, extensions;
    int r;

    h->out.version = trn_cur_u16be(&c);
    trn_cur_skip(&c, 32); /* random */
    trn_cur_skip(&c, trn_cur_u8(&c));
    ciphers = take(&c, trn_cur_u16be(&c));
    trn_cur_skip(&c, trn_cur_u8(&c)); /* compression */
    if (c.bad || trn_cur_left(&ciphers) % 2)
        return -EBADMSG;
    r = read_numbers(ciphers, a, &h->ciphers);
    if (r < 0 || trn_cur_left(&c) == 0)
        return r; /* old clients have no extensions */
    extensions = take(&c, trn_cur_u16be(&c));
    if (!trn_cur_end(&c))
        return -EBADMSG;
    return read_extensions(extensions, a, h);
}

/* ---- JA4 (FoxIO, TLS client fingerprint) ---- */

static const char *version_chars(uint16_t v)
{
    static const struct {
        uint16_t v;
        const char *chars;
    } names[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"}, {0x0002, "s2"}};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (names[i].v == v)
            return names[i].chars;
    return "00";
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* First and last character of the first protocol; of its hex digits when one of them is no letter or digit. */
static void alpn_chars(struct trn_str name, char ret[2])
{
    char hex[5];

    ret[0] = ret[1] = '0';
    if (name.n == 0)
        return;
    ret[0] = name.p[0];
    ret[1] = name.p[name.n - 1];
    if (is_alphanumeric(ret[0]) && is_alphanumeric(ret[1]))
        return;
    trn_hex(ret, 2, hex);
    ret[0] = hex[0];
    ret[1] = hex[3];
}

static int ascending(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void put_numbers(struct trn_buf *b, const struct numbers *x)
{
    for (size_t i = 0; i < x->n; i++)
        trn_put_fmt(b, "%s%04x", i ? "," : "", x->v[i]);
}

static int put_hash(struct trn_buf *out, const struct trn_buf *text, bool nothing)
{
    uint8_t digest[TRN_SHA256_SIZE] = {0}; /* of nothing: zeroes */
    char hex[2 * TRN_SHA256_SIZE + 1];
    int r = nothing ? 0 : trn_sha256(text->p, text->n, digest);

    trn_hex(digest, sizeof(digest), hex);
    trn_put_c(out, "_");
    trn_put(out, hex, HASH_CHARS);
    return r < 0 ? r : out->bad || text->bad ? -ENOMEM : 0;
}

static int fingerprint(struct hello *h, struct trn_arena *a)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    char alpn[2];
    int r;

    trn_buf_init(&out, 64);
    trn_buf_init(&text, TEXT_MAX);
    alpn_chars(h->first_alpn, alpn);
    trn_put_fmt(&out, "t%s%c%02zu%02zu%c%c", version_chars(h->out.version), h->names_server ? 'd' : 'i',
                TRN_MIN(h->ciphers.n, (size_t)99), TRN_MIN(h->n_extensions, (size_t)99), alpn[0], alpn[1]);
    qsort(h->ciphers.v, h->ciphers.n, sizeof(uint16_t), ascending);
    put_numbers(&text, &h->ciphers);
    r = put_hash(&out, &text, h->ciphers.n == 0);
    if (r < 0)
        return r;
    trn_buf_clear(&text);
    if (h->extensions.n)
        qsort(h->extensions.v, h->extensions.n, sizeof(uint16_t), ascending);
    put_numbers(&text, &h->extensions);
    if (h->algorithms.n) { /* in the order in which they stand */
        trn_put_c(&text, "_");
        put_numbers(&text, &h->algorithms);
    }
    r = put_hash(&out, &text, h->extensions.n == 0);
    if (r < 0)
        return r;
    h->out.ja4 = trn_arena_str(a, trn_buf_str(&out));
    return h->out.ja4.p ? 0 : -ENOMEM;
}

/* ---- the record layer ---- */

/* Joins the records' content until the message is whole. */
static int read_message(struct trn_cursor *in, struct trn_buf *out)
{
    size_t want = 4;

    while (out->n < want) {
        struct trn_str part;
        uint8_t type, major;
        uint16_t n;

        if (trn_cur_left(in) == 0)
            return -EAGAIN;
        type = trn_cur_u8(in);
        if (type != RECORD_HANDSHAKE)
            return -EBADMSG;
        major = trn_cur_u8(in);
        if (!in->bad && major != 3)
            return -EBADMSG;
        trn_cur_skip(in, 1);
        n = trn_cur_u16be(in);
        if (!in->bad && (n == 0 || n > RECORD_MAX))
            return -EBADMSG;
        if (in->bad)
            return -EAGAIN;
        part = trn_cur_bytes(in, TRN_MIN(n, trn_cur_left(in)));
        trn_put_str(out, part);
        if (out->n > 0 && (uint8_t)out->p[0] != CLIENT_HELLO)
            return -EBADMSG;
        if (out->n >= 4)
            want = 4 + ((size_t)(uint8_t)out->p[1] << 16 | (size_t)(uint8_t)out->p[2] << 8 | (uint8_t)out->p[3]);
        if (want > TRN_TLS_HELLO_MAX)
            return -EBADMSG;
        if (part.n < n && out->n < want)
            return -EAGAIN;
    }
    return out->bad ? -ENOMEM : 0;
}

int trn_tls_hello(struct trn_cursor *in, struct trn_arena *a, struct trn_tls_hello *ret)
{
    TRN_AUTO(trn_buf_done) struct trn_buf message;
    struct hello h = {.out = {.sni = TRN_STR_NONE, .alpn = TRN_STR("")}, .first_alpn = TRN_STR_NONE};
    struct trn_cursor body;
    int r;

    trn_buf_init(&message, TRN_TLS_HELLO_MAX + RECORD_MAX);
    r = read_message(in, &message);
    if (r < 0)
        return r;
    body = trn_cur(message.p, message.n);
    trn_cur_skip(&body, 1);
    r = (int)trn_cur_u8(&body) << 16; /* the length, which the record layer has checked */
    r |= trn_cur_u16be(&body);
    r = read_body(take(&body, (size_t)r), a, &h);
    if (r == 0)
        r = fingerprint(&h, a);
    if (r == 0)
        *ret = h.out;
    return r;
}
