/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling from size, alphabet, entropy and headers what bytes are that no format reads. Must not own: what follows from
 * it; where they stand.
 * Hand-offs: decoded bytes are the arena's.
 */
#include "formats/payload.h"

#include "formats/base64.h"
#include "formats/kind.h"

#include <math.h>
#include <zlib.h>

#define RANDOM_LEAST 48u
#define SCRIPT_HEAD 4096u
#define INFLATED_MAX (4u << 20)
#define INFLATED_KEPT 4096u

const char *trn_payload_name(enum trn_payload_kind k)
{
    static const char *const names[TRN_PAYLOAD_KIND_MAX] = {
        "data", "text", "a picture, sound or film", "compressed data", "random bytes", "an archive", "a program",
    };
    return (unsigned)k < TRN_PAYLOAD_KIND_MAX ? names[k] : "data";
}

/* ---- programs ---- */

static uint32_t le32(const uint8_t *p)
{
    struct trn_cursor c = trn_cur(p, 4);
    return trn_cur_u32le(&c);
}

static uint32_t be32(const uint8_t *p)
{
    struct trn_cursor c = trn_cur(p, 4);
    return trn_cur_u32be(&c);
}

static bool is_pe(const uint8_t *p, size_t n)
{
    if (n < 64 || p[0] != 'M' || p[1] != 'Z')
        return false;
    uint32_t at = le32(p + 60);
    return at >= 16 && at <= 65536 && n >= 26 && at <= n - 26 && memcmp(p + at, "PE\0", 4) == 0 &&
           (p[at + 24] == 0x0b || p[at + 24] == 0x07) && (p[at + 25] == 1 || p[at + 25] == 2);
}

static bool is_elf(const uint8_t *p, size_t n)
{
    if (n < 24 || memcmp(p, "\177ELF", 4) != 0 || p[4] < 1 || p[4] > 2 || p[5] < 1 || p[5] > 2 || p[6] != 1)
        return false;
    bool big = p[5] == 2;
    uint32_t type = big ? p[17] : p[16], other = big ? p[16] : p[17];
    return type >= 1 && type <= 4 && other == 0 && (big ? be32(p + 20) : le32(p + 20)) == 1;
}

static bool is_cpu(uint32_t cpu)
{
    uint32_t kind = cpu & 0xffffff;
    return (cpu >> 24 <= 2) && (kind == 7 || kind == 12 || kind == 18);
}

static bool is_macho(const uint8_t *p, size_t n)
{
    if (n < 28)
        return false;
    uint32_t magic = be32(p);
    if (magic == 0xcafebabeu)
        return be32(p + 4) >= 1 && be32(p + 4) <= 16 && is_cpu(be32(p + 8));
    bool little = magic == 0xcefaedfeu || magic == 0xcffaedfeu;
    if (!little && magic != 0xfeedfaceu && magic != 0xfeedfacfu)
        return false;
    uint32_t cpu = little ? le32(p + 4) : be32(p + 4), type = little ? le32(p + 12) : be32(p + 12);
    uint32_t commands = little ? le32(p + 16) : be32(p + 16);
    return is_cpu(cpu) && type >= 1 && type <= 12 && commands >= 1 && commands <= 4096;
}

const char *trn_program_at(const uint8_t *p, size_t n)
{
    return is_pe(p, n) ? "pe" : is_elf(p, n) ? "elf" : is_macho(p, n) ? "macho" : NULL;
}

size_t trn_program_find(const uint8_t *p, size_t n, size_t from, const char **ret_what)
{
    static const uint8_t first[256] = {['M'] = 1, [0x7f] = 1, [0xfe] = 1, [0xce] = 1, [0xcf] = 1, [0xca] = 1};
    for (size_t i = from; i < n; i++) {
        const char *what = first[p[i]] ? trn_program_at(p + i, n - i) : NULL;
        if (!what)
            continue;
        *ret_what = what;
        return i;
    }
    return n;
}

/* Of a text: scripts of shells and of web servers; those of the latter run from wherever they stand. */
static const char *script_in(const uint8_t *p, size_t n, size_t *ret_at)
{
    const uint8_t *php = memmem(p, n, "<?php", 5);
    *ret_at = php ? (size_t)(php - p) : 0;
    if (php)
        return "php";
    return n > 3 && memcmp(p, "#!/", 3) == 0 ? "script" : NULL;
}

/* ---- text ---- */

static size_t utf8_size(const uint8_t *p, size_t n)
{
    size_t k = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] <= 0xf4 ? 4 : 0;
    if (p[0] >= 0x80 && p[0] < 0xc2)
        return 0;
    for (size_t i = 1; i < k; i++)
        if (i >= n) /* cut: the end of what was taken */
            return n;
        else if ((p[i] & 0xc0) != 0x80)
            return 0;
    return k;
}

static bool is_control(uint8_t c)
{
    return (c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f') || c == 0x7f;
}

static bool is_text(const uint8_t *p, size_t n)
{
    size_t high = 0, i, k;
    while (n && p[n - 1] == 0) /* ends of C strings */
        n--;
    for (i = 0; i < n; i += k)
        if (is_control(p[i]) || !(k = utf8_size(p + i, n - i)))
            break;
    if (i >= n)
        return n > 0;
    for (i = 0; i < n; i++) { /* Latin-1: some letters among many */
        if (is_control(p[i]) || (p[i] >= 0x80 && p[i] < 0xa0))
            return false;
        high += p[i] >= 0xa0;
    }
    return high < n / 4;
}

/* ---- entropy ---- */

static uint32_t payload_entropy(const uint8_t *p, size_t n)
{
    uint64_t counts[256] = {0};
    double h = 0;
    for (size_t i = 0; i < n; i++)
        counts[p[i]]++;
    for (size_t v = 0; v < 256 && n; v++) {
        double q = (double)counts[v] / (double)n;
        if (counts[v])
            h -= q * log2(q);
    }
    return (uint32_t)(h * 1000.0 + 0.5);
}

/* Of n random bytes a value is expected n/256 times, spread as Poisson found: log2 n - 256/n * E(k log2 k). */
uint32_t trn_random_milli(uint64_t n)
{
    double each = (double)n / 256, chance = exp(-each), sum = 0;
    if (n > 8192)
        return 7200;
    for (int k = 1; k < 128; k++) {
        chance *= each / k;
        sum += chance * k * log2(k);
    }
    double expected = n ? log2((double)n) - sum * 256 / (double)n : 8;
    return (uint32_t)TRN_MIN(7200.0, 950.0 * expected);
}

/* ---- the whole ---- */

/* A stream that unpacks: window as for inflateInit2. Its first bytes are kept. */
static bool unpacks(const uint8_t *p, size_t n, int window, uint8_t *kept, size_t *ret_kept)
{
    uint8_t out[16384] = {0};
    z_stream z = {0};
    size_t given = 0;
    int r = Z_OK;
    if (inflateInit2(&z, window) != Z_OK)
        return false;
    z.next_in = (uint8_t *)(uintptr_t)p; /* zlib does not write there */
    z.avail_in = (uInt)TRN_MIN(n, (size_t)INT32_MAX);
    while (r == Z_OK && given < INFLATED_MAX) {
        z.next_out = out;
        z.avail_out = sizeof(out);
        r = inflate(&z, Z_NO_FLUSH);
        size_t got = sizeof(out) - z.avail_out, room = TRN_MIN(got, INFLATED_KEPT - TRN_MIN(given, INFLATED_KEPT));
        if (room)
            memcpy(kept + given, out, room);
        given += got;
    }
    bool whole = (r == Z_STREAM_END && z.avail_in <= 16) || (r == Z_OK && given >= INFLATED_MAX);
    (void)inflateEnd(&z);
    *ret_kept = TRN_MIN(given, (size_t)INFLATED_KEPT);
    return whole && given >= n / 2;
}

static bool is_media(const uint8_t *p, size_t n, enum trn_format f)
{
    bool container = n >= 12 && (memcmp(p, "RIFF", 4) == 0 || memcmp(p + 4, "ftyp", 4) == 0);
    return container || f == TRN_FORMAT_PNG || f == TRN_FORMAT_JPEG || f == TRN_FORMAT_GIF || f == TRN_FORMAT_BMP;
}

static bool is_archive(enum trn_format f)
{
    static const enum trn_format archives[] = {
        TRN_FORMAT_OLE2, TRN_FORMAT_MSI,  TRN_FORMAT_ZIP, TRN_FORMAT_TAR, TRN_FORMAT_BZIP2,    TRN_FORMAT_XZ,
        TRN_FORMAT_ZSTD, TRN_FORMAT_RAR,  TRN_FORMAT_CAB, TRN_FORMAT_DEB, TRN_FORMAT_AR,       TRN_FORMAT_RPM,
        TRN_FORMAT_XAR,  TRN_FORMAT_ASAR, TRN_FORMAT_DMG, TRN_FORMAT_ISO, TRN_FORMAT_SEVENZIP,
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(archives); i++)
        if (archives[i] == f)
            return true;
    return false;
}

static struct trn_payload compressed(const uint8_t *p, size_t n)
{
    static const int windows[] = {15 + 32 /* zlib or gzip */, -15 /* neither head */};
    struct trn_payload r = {.what = ""};
    uint8_t kept[INFLATED_KEPT];
    size_t got = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(windows); i++) {
        if (!unpacks(p, n, windows[i], kept, &got))
            continue;
        const char *program = trn_program_at(kept, got);
        r.kind = program ? TRN_PAYLOAD_PROGRAM : is_text(kept, got) ? TRN_PAYLOAD_TEXT : TRN_PAYLOAD_COMPRESSED;
        r.what = program ? program : "";
        break;
    }
    return r;
}

struct trn_payload trn_payload_of(const uint8_t *p, size_t n)
{
    struct trn_payload r = {.what = ""};
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)p, n});
    enum trn_format f = TRN_FORMAT_DATA;
    const char *what = NULL;
    size_t at = trn_program_find(p, n, 0, &what);
    if (at < n)
        return (struct trn_payload){TRN_PAYLOAD_PROGRAM, what, at};
    if (trn_format_probe(&s, TRN_STR_NONE, &f) < 0)
        return r;
    if (is_media(p, n, f))
        return (struct trn_payload){TRN_PAYLOAD_IMAGE, "", 0};
    if (is_archive(f))
        return (struct trn_payload){TRN_PAYLOAD_ARCHIVE, trn_format_name(f), 0};
    if (is_text(p, n)) {
        what = script_in(p, n, &at);
        return (struct trn_payload){what ? TRN_PAYLOAD_PROGRAM : TRN_PAYLOAD_TEXT, what ? what : "", at};
    }
    r = compressed(p, n);
    if (r.kind == TRN_PAYLOAD_DATA && n >= RANDOM_LEAST && payload_entropy(p, n) >= trn_random_milli(n))
        r.kind = TRN_PAYLOAD_RANDOM;
    return r;
}

/* ---- encoded text ---- */

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The longest run of hexadecimal digits; line breaks between digits are allowed. */
static void find_hex(const uint8_t *p, size_t n, struct trn_encoded *ret)
{
    size_t from = 0, digits = 0, best = 0;
    for (size_t i = 0; i <= n; i++) {
        bool digit = i < n && hex_value(p[i]) >= 0, stays = i < n && digits && (p[i] == '\n' || p[i] == '\r');
        if (digit && !digits++)
            from = i;
        if (digit || stays)
            continue;
        if (digits >= TRN_HEX_LEAST && digits > best) {
            best = digits;
            ret->at = from;
            ret->size = i - from;
            ret->hex = true;
        }
        digits = 0;
    }
}

/* Of 64 characters that stand for random bytes about 26 are capitals, 26 small letters, 10 digits. */
static bool spread_evenly(const uint8_t *p, size_t n)
{
    size_t upper = 0, lower = 0, digit = 0;
    for (size_t i = 0; i < n; i++) {
        upper += p[i] >= 'A' && p[i] <= 'Z';
        lower += p[i] >= 'a' && p[i] <= 'z';
        digit += p[i] >= '0' && p[i] <= '9';
    }
    return upper * 5 >= n && lower * 5 >= n && digit * 20 >= n;
}

static int decode(const uint8_t *p, struct trn_arena *a, struct trn_encoded *ret)
{
    size_t room = ret->size / 4 * 3 + 4, n = 0;
    int high = -1;
    uint8_t *out = trn_arena_alloc(a, room);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; ret->hex && i < ret->size && n < room; i++) {
        int v = hex_value(p[ret->at + i]);
        if (v < 0)
            continue;
        if (high >= 0)
            out[n++] = (uint8_t)(high << 4 | v);
        high = high < 0 ? v : -1;
    }
    if (!ret->hex) {
        int64_t got = trn_base64_decode((struct trn_str){(const char *)p + ret->at, ret->size}, out, room);
        n = got > 0 ? (size_t)got : 0;
    }
    ret->decoded = (struct trn_str){(const char *)out, n};
    ret->payload = trn_payload_of(out, n);
    return 0;
}

int trn_encoded_find(const uint8_t *p, size_t n, struct trn_arena *a, struct trn_encoded *ret)
{
    struct trn_base64_finder finder;
    struct trn_encoded r = {.payload = {.what = ""}};
    trn_base64_begin(&finder, 0);
    trn_base64_feed(&finder, p, n);
    struct trn_base64_run run = trn_base64_end(&finder, TRN_ENCODED_LEAST);
    r.at = (size_t)run.at;
    r.size = (size_t)run.size;
    /* a run does not count its line breaks: it goes on until as many characters are had */
    for (size_t i = r.at, left = (size_t)run.size; left && i < n; i++) {
        left -= p[i] != '\n' && p[i] != '\r';
        r.size = i + 1 - r.at;
    }
    r.even = r.size && spread_evenly(p + r.at, r.size);
    if (!r.size) {
        find_hex(p, n, &r);
        r.even = r.size;
    }
    int e = r.size ? decode(p, a, &r) : 0;
    if (e == 0)
        *ret = r;
    return e;
}
