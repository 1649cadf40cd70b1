/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of kinds of hosts. A row says what may be fetched there, not that anybody is bad; the weight comes from
 * whether a software ever went to that kind. Must not: keep anything, or know software.
 */
#include "detect/behaviour/host_kind.h"

#define HOST_MAX 255

static const struct trn_host_kind_def kinds[TRN_HOST_KIND_MAX] = {
    [TRN_HOST_ORDINARY] = {"ordinary", "a new host", 15, 0, false},
    [TRN_HOST_UPDATES] = {"updates", "an update server by its name", 15, 0, false},
    [TRN_HOST_TIME] = {"time", "time sync", 10, 0, false},
    [TRN_HOST_RELEASES] = {"releases", "code hosting with release downloads", 20, 0, true},
    [TRN_HOST_RAW_CODE] = {"raw-code", "raw code hosting", 35, 25, true},
    [TRN_HOST_PASTE] = {"paste", "a paste site", 40, 25, true},
    [TRN_HOST_FILE_DROP] = {"file-drop", "anonymous file hosting", 35, 25, true},
    [TRN_HOST_WEBHOOK] = {"webhook", "a chat service's interface for programs", 35, 25, true},
    [TRN_HOST_DYNAMIC_DNS] = {"dynamic-dns", "a dynamic name", 35, 25, true},
    [TRN_HOST_TUNNEL] = {"tunnel", "a tunnel service", 40, 25, true},
    [TRN_HOST_RARE_TLD] = {"rare-tld", "a top-level domain that honest software rarely uses", 25, 0, true},
    [TRN_HOST_LOOK_ALIKE] = {"look-alike", "a name made to look like one it knows", 40, 25, true},
    [TRN_HOST_PUBLIC] = {"public-address", "a bare public address", 25, 0, true},
    [TRN_HOST_PRIVATE] = {"private-address", "a bare private address", 15, 0, false},
    [TRN_HOST_LOOPBACK] = {"loopback", "this machine", 0, 0, false},
};

/* clang-format off */
static const struct trn_host_row rows[] = {
    /* A host that is called "raw" serves raw files of a code hosting, whoever runs it. */
    {"raw.*", TRN_HOST_RAW_CODE}, {"gist.*", TRN_HOST_RAW_CODE}, {"*.raw.githack.com", TRN_HOST_RAW_CODE},
    {"*.statically.io", TRN_HOST_RAW_CODE}, {"cdn.jsdelivr.net", TRN_HOST_RAW_CODE},
    {"codeload.github.com", TRN_HOST_RELEASES}, {"api.github.com", TRN_HOST_RELEASES},
    {"bitbucket.org", TRN_HOST_RELEASES}, {"*.bitbucket.io", TRN_HOST_RAW_CODE}, {"gitlab.com", TRN_HOST_RELEASES},
    {"*.gitlab.io", TRN_HOST_RAW_CODE}, {"gitee.com", TRN_HOST_RELEASES}, {"codeberg.org", TRN_HOST_RELEASES},
    {"*.codeberg.page", TRN_HOST_RAW_CODE}, {"*.github.io", TRN_HOST_RAW_CODE}, {"git.sr.ht", TRN_HOST_RELEASES},

    {"github.com", TRN_HOST_RELEASES}, {"objects.githubusercontent.com", TRN_HOST_RELEASES},
    {"release-assets.githubusercontent.com", TRN_HOST_RELEASES}, {"github-releases.*", TRN_HOST_RELEASES},
    {"downloads.sourceforge.net", TRN_HOST_RELEASES}, {"*.dl.sourceforge.net", TRN_HOST_RELEASES},
    {"*.githubusercontent.com", TRN_HOST_RAW_CODE},

    {"pastebin.com", TRN_HOST_PASTE}, {"paste.*", TRN_HOST_PASTE}, {"pastes.*", TRN_HOST_PASTE},
    {"hastebin.com", TRN_HOST_PASTE}, {"ghostbin.*", TRN_HOST_PASTE}, {"rentry.co", TRN_HOST_PASTE},
    {"rentry.org", TRN_HOST_PASTE}, {"dpaste.*", TRN_HOST_PASTE}, {"ix.io", TRN_HOST_PASTE},
    {"controlc.com", TRN_HOST_PASTE}, {"justpaste.it", TRN_HOST_PASTE}, {"termbin.com", TRN_HOST_PASTE},
    {"privatebin.*", TRN_HOST_PASTE}, {"sprunge.us", TRN_HOST_PASTE}, {"telegra.ph", TRN_HOST_PASTE},
    {"pastecode.*", TRN_HOST_PASTE}, {"p.ip.fi", TRN_HOST_PASTE},

    {"transfer.sh", TRN_HOST_FILE_DROP}, {"file.io", TRN_HOST_FILE_DROP}, {"0x0.st", TRN_HOST_FILE_DROP},
    {"*.anonfiles.com", TRN_HOST_FILE_DROP}, {"gofile.io", TRN_HOST_FILE_DROP}, {"*.gofile.io", TRN_HOST_FILE_DROP},
    {"catbox.moe", TRN_HOST_FILE_DROP}, {"*.catbox.moe", TRN_HOST_FILE_DROP}, {"temp.sh", TRN_HOST_FILE_DROP},
    {"mega.nz", TRN_HOST_FILE_DROP}, {"*.mega.nz", TRN_HOST_FILE_DROP}, {"*.userstorage.mega.co.nz", TRN_HOST_FILE_DROP},
    {"bashupload.com", TRN_HOST_FILE_DROP}, {"wetransfer.com", TRN_HOST_FILE_DROP}, {"send.*", TRN_HOST_FILE_DROP},
    {"*.mediafire.com", TRN_HOST_FILE_DROP}, {"pixeldrain.com", TRN_HOST_FILE_DROP}, {"tmpfiles.org", TRN_HOST_FILE_DROP},
    {"litterbox.*", TRN_HOST_FILE_DROP}, {"ipfs.*", TRN_HOST_FILE_DROP}, {"*.ipfs.*", TRN_HOST_FILE_DROP},

    {"discord.com", TRN_HOST_WEBHOOK}, {"discordapp.com", TRN_HOST_WEBHOOK}, {"cdn.discordapp.com", TRN_HOST_WEBHOOK},
    {"hooks.slack.com", TRN_HOST_WEBHOOK}, {"api.telegram.org", TRN_HOST_WEBHOOK}, {"*.webhook.office.com", TRN_HOST_WEBHOOK},
    {"webhook.site", TRN_HOST_WEBHOOK}, {"*.webhook.site", TRN_HOST_WEBHOOK}, {"*.pipedream.net", TRN_HOST_WEBHOOK},
    {"ntfy.sh", TRN_HOST_WEBHOOK}, {"hooks.zapier.com", TRN_HOST_WEBHOOK}, {"*.requestbin.net", TRN_HOST_WEBHOOK},
    {"*.oast.*", TRN_HOST_WEBHOOK}, {"*.interact.sh", TRN_HOST_WEBHOOK}, {"*.burpcollaborator.net", TRN_HOST_WEBHOOK},

    {"*.duckdns.org", TRN_HOST_DYNAMIC_DNS}, {"*.ddns.net", TRN_HOST_DYNAMIC_DNS}, {"*.no-ip.*", TRN_HOST_DYNAMIC_DNS},
    {"*.noip.*", TRN_HOST_DYNAMIC_DNS}, {"*.hopto.org", TRN_HOST_DYNAMIC_DNS}, {"*.zapto.org", TRN_HOST_DYNAMIC_DNS},
    {"*.sytes.net", TRN_HOST_DYNAMIC_DNS}, {"*.myftp.*", TRN_HOST_DYNAMIC_DNS}, {"*.servehttp.com", TRN_HOST_DYNAMIC_DNS},
    {"*.dyndns.*", TRN_HOST_DYNAMIC_DNS}, {"*.dynu.net", TRN_HOST_DYNAMIC_DNS}, {"*.afraid.org", TRN_HOST_DYNAMIC_DNS},
    {"*.mooo.com", TRN_HOST_DYNAMIC_DNS}, {"*.chickenkiller.com", TRN_HOST_DYNAMIC_DNS}, {"*.ddnss.de", TRN_HOST_DYNAMIC_DNS},
    {"*.nip.io", TRN_HOST_DYNAMIC_DNS}, {"*.sslip.io", TRN_HOST_DYNAMIC_DNS}, {"*.dynv6.net", TRN_HOST_DYNAMIC_DNS},
    {"*.gotdns.*", TRN_HOST_DYNAMIC_DNS}, {"*.serveftp.*", TRN_HOST_DYNAMIC_DNS},

    {"*.ngrok.io", TRN_HOST_TUNNEL}, {"*.ngrok.app", TRN_HOST_TUNNEL}, {"*.ngrok-free.*", TRN_HOST_TUNNEL},
    {"*.ngrok.com", TRN_HOST_TUNNEL}, {"*.trycloudflare.com", TRN_HOST_TUNNEL}, {"*.argotunnel.com", TRN_HOST_TUNNEL},
    {"*.loca.lt", TRN_HOST_TUNNEL}, {"localhost.run", TRN_HOST_TUNNEL}, {"*.lhr.life", TRN_HOST_TUNNEL},
    {"serveo.net", TRN_HOST_TUNNEL}, {"*.serveo.net", TRN_HOST_TUNNEL}, {"*.pagekite.me", TRN_HOST_TUNNEL},
    {"*.devtunnels.ms", TRN_HOST_TUNNEL}, {"*.tunnelto.dev", TRN_HOST_TUNNEL}, {"*.playit.gg", TRN_HOST_TUNNEL},
    {"*.bore.pub", TRN_HOST_TUNNEL}, {"bore.pub", TRN_HOST_TUNNEL}, {"*.onion.*", TRN_HOST_TUNNEL},
    {"*.onion", TRN_HOST_TUNNEL}, {"*.pinggy.*", TRN_HOST_TUNNEL},

    {"pool.ntp.org", TRN_HOST_TIME}, {"*.pool.ntp.org", TRN_HOST_TIME}, {"ntp.*", TRN_HOST_TIME}, {"time.*", TRN_HOST_TIME},

    {"deb.*", TRN_HOST_UPDATES}, {"security.*", TRN_HOST_UPDATES}, {"archive.*", TRN_HOST_UPDATES},
    {"update.*", TRN_HOST_UPDATES}, {"updates.*", TRN_HOST_UPDATES}, {"mirror.*", TRN_HOST_UPDATES},
    {"mirrors.*", TRN_HOST_UPDATES}, {"repo.*", TRN_HOST_UPDATES}, {"dl.*", TRN_HOST_UPDATES},
    {"download.*", TRN_HOST_UPDATES}, {"downloads.*", TRN_HOST_UPDATES},

    /* Cheap or free, and most of what is there lives for days. */
    {"*.tk", TRN_HOST_RARE_TLD}, {"*.ml", TRN_HOST_RARE_TLD}, {"*.ga", TRN_HOST_RARE_TLD}, {"*.cf", TRN_HOST_RARE_TLD},
    {"*.gq", TRN_HOST_RARE_TLD}, {"*.top", TRN_HOST_RARE_TLD}, {"*.xyz", TRN_HOST_RARE_TLD}, {"*.icu", TRN_HOST_RARE_TLD},
    {"*.click", TRN_HOST_RARE_TLD}, {"*.cyou", TRN_HOST_RARE_TLD}, {"*.sbs", TRN_HOST_RARE_TLD}, {"*.zip", TRN_HOST_RARE_TLD},
    {"*.mov", TRN_HOST_RARE_TLD}, {"*.buzz", TRN_HOST_RARE_TLD}, {"*.rest", TRN_HOST_RARE_TLD}, {"*.monster", TRN_HOST_RARE_TLD},
    {"*.quest", TRN_HOST_RARE_TLD}, {"*.cfd", TRN_HOST_RARE_TLD}, {"*.bond", TRN_HOST_RARE_TLD}, {"*.lol", TRN_HOST_RARE_TLD},
    {"*.pw", TRN_HOST_RARE_TLD}, {"*.su", TRN_HOST_RARE_TLD}, {"*.bit", TRN_HOST_RARE_TLD},
};
/* clang-format on */

const struct trn_host_kind_def *trn_host_kind_def(enum trn_host_kind k)
{
    return &kinds[(unsigned)k < TRN_HOST_KIND_MAX ? k : TRN_HOST_ORDINARY];
}

const struct trn_host_row *trn_host_rows(size_t *ret_count)
{
    *ret_count = TRN_ARRAY_SIZE(rows);
    return rows;
}

enum trn_host_kind trn_host_kind_of(struct trn_str name)
{
    while (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n > HOST_MAX)
        return TRN_HOST_ORDINARY;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++)
        if (trn_glob(trn_str_of(rows[i].glob), name, true))
            return rows[i].kind;
    return TRN_HOST_ORDINARY;
}

/* An IPv4 address inside an IPv6 one. */
static const uint8_t *plain(const uint8_t *address, uint8_t *family)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (*family != 6 || memcmp(address, mapped, sizeof(mapped)) != 0)
        return address;
    *family = 4;
    return address + sizeof(mapped);
}

enum trn_host_kind trn_host_kind_of_address(const uint8_t *address, uint8_t family)
{
    static const uint8_t one[16] = {[15] = 1};
    const uint8_t *a = plain(address, &family);
    if (family == 4) {
        bool private = a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
                       (a[0] == 100 && (a[1] & 0xc0) == 64);
        return a[0] == 127 ? TRN_HOST_LOOPBACK : private ? TRN_HOST_PRIVATE : TRN_HOST_PUBLIC;
    }
    if (memcmp(a, one, sizeof(one)) == 0)
        return TRN_HOST_LOOPBACK;
    return (a[0] & 0xfe) == 0xfc ? TRN_HOST_PRIVATE : TRN_HOST_PUBLIC;
}

bool trn_host_is_nobody(const uint8_t *address, uint8_t family)
{
    static const uint8_t zero[16];
    const uint8_t *a = plain(address, &family);
    if (family == 4)
        return a[0] >= 224 || a[0] == 0 || (a[0] == 169 && a[1] == 254);
    return family != 6 || a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || memcmp(a, zero, 16) == 0;
}

/* ---- names that look like others ---- */

#define LABEL_MAX 63
#define WORDS_MAX 8
#define SHORT 5
#define LONG 10

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct trn_str first_label(struct trn_str domain)
{
    ptrdiff_t dot = trn_str_find(domain, '.');
    return trn_str_slice(domain, 0, dot >= 0 ? (size_t)dot : domain.n);
}

/* The next letter as the eye takes it, NUL at the end: "rn" is m, "vv" is w, 0 is o, 1 and i are l, 5 is s. */
static char next_seen(struct trn_str s, size_t *at)
{
    while (*at < s.n && s.p[*at] == '-')
        ++*at;
    if (*at >= s.n)
        return '\0';
    char c = s.p[(*at)++], next = *at < s.n ? s.p[*at] : '\0';
    if ((c == 'r' && next == 'n') || (c == 'v' && next == 'v')) {
        ++*at;
        return c == 'r' ? 'm' : 'w';
    }
    return c == '0' ? 'o' : c == '1' || c == 'i' ? 'l' : c == '5' ? 's' : c == '3' ? 'e' : c;
}

static char next_but_digits(struct trn_str s, size_t *at)
{
    while (*at < s.n && is_digit(s.p[*at]))
        ++*at;
    return *at < s.n ? s.p[(*at)++] : '\0';
}

/* Most names differ in their first letters: nothing is made of the rest. */
static bool same_by(char (*next)(struct trn_str, size_t *), struct trn_str a, struct trn_str b)
{
    size_t i = 0, k = 0;
    for (;;) {
        char x = next(a, &i), y = next(b, &k);
        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}

/* Letters changed, added, left out; two neighbours exchanged count as one. */
static size_t distance(struct trn_str a, struct trn_str b)
{
    size_t row[3][LABEL_MAX + 1];
    for (size_t k = 0; k <= b.n; k++)
        row[0][k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            size_t best = before[k - 1] + (a.p[i - 1] != b.p[k - 1]);
            best = TRN_MIN(best, before[k] + 1);
            best = TRN_MIN(best, now[k - 1] + 1);
            if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
                best = TRN_MIN(best, two[k - 2] + 1);
            now[k] = best;
        }
    }
    return row[a.n % 3][b.n];
}

static size_t words_of(struct trn_str s, struct trn_str out[WORDS_MAX])
{
    size_t n = 0;
    while (n < WORDS_MAX && trn_str_split(&s, '-', &out[n])) {
        size_t at = n++;
        for (; at > 0 && trn_str_cmp(out[at], out[at - 1]) < 0; at--) {
            struct trn_str t = out[at];
            out[at] = out[at - 1];
            out[at - 1] = t;
        }
    }
    return n;
}

static bool same_words(struct trn_str a, struct trn_str b)
{
    struct trn_str wa[WORDS_MAX], wb[WORDS_MAX];
    size_t n = words_of(a, wa);
    if (n < 2 || n != words_of(b, wb))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!trn_str_eq(wa[i], wb[i]))
            return false;
    return true;
}

bool trn_look_alike(struct trn_str name, struct trn_str known)
{
    struct trn_str a = first_label(name), b = first_label(known);
    if (a.n < SHORT || b.n < SHORT || a.n > LABEL_MAX || b.n > LABEL_MAX || trn_str_eq(a, b))
        return false;
    if (same_by(next_seen, a, b) || (a.n == b.n && same_words(a, b)))
        return true;
    size_t most = TRN_MIN(a.n, b.n) >= LONG ? 2 : 1;
    if (a.n > b.n + most || b.n > a.n + most)
        return false;
    if (same_by(next_but_digits, a, b)) /* cdn1 and cdn2 */
        return false;
    return distance(a, b) <= most;
}
