/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is each kind of host told by its name or address, and nothing else taken for one? */
#include "detect/behaviour/host_kind.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

/* A name that the row is for: each '*' is some labels. */
static struct trn_str example(const char *glob, char out[256])
{
    size_t n = 0;
    for (const char *p = glob; *p; p++) {
        const char *put = *p != '*' ? (char[]){*p, '\0'} : p == glob ? "x1" : "example";
        while (*put && n < 255)
            out[n++] = *put++;
    }
    return (struct trn_str){out, n};
}

Test(host_kind, every_row_is_reached)
{
    size_t n;
    const struct trn_host_row *rows = trn_host_rows(&n);
    cr_assert_gt(n, 100);
    for (size_t i = 0; i < n; i++) {
        char out[256];
        struct trn_str name = example(rows[i].glob, out);
        cr_assert_eq(trn_host_kind_of(name), rows[i].kind, "%s: '%.*s' is %s", rows[i].glob, TRN_STR_ARG(name),
                     trn_host_kind_def(trn_host_kind_of(name))->name);
    }
}

Test(host_kind, names_of_life)
{
    static const struct {
        const char *name;
        enum trn_host_kind kind;
    } cases[] = {
        {"RAW.githubusercontent.com.", TRN_HOST_RAW_CODE},
        {"gist.githubusercontent.com", TRN_HOST_RAW_CODE},
        {"raw.codehost.test", TRN_HOST_RAW_CODE},
        {"github.com", TRN_HOST_RELEASES},
        {"objects.githubusercontent.com", TRN_HOST_RELEASES},
        {"alice.github.io", TRN_HOST_RAW_CODE},
        {"pastebin.com", TRN_HOST_PASTE},
        {"paste.acme.test", TRN_HOST_PASTE},
        {"home.duckdns.org", TRN_HOST_DYNAMIC_DNS},
        {"a.b.trycloudflare.com", TRN_HOST_TUNNEL},
        {"hooks.slack.com", TRN_HOST_WEBHOOK},
        {"0.debian.pool.ntp.org", TRN_HOST_TIME},
        {"updates.acme.test", TRN_HOST_UPDATES},
        {"kjsdf.top", TRN_HOST_RARE_TLD},
        {"pbx.acme.test", TRN_HOST_ORDINARY},
        {"example.com", TRN_HOST_ORDINARY},
        {"draw.example.com", TRN_HOST_ORDINARY},
        {"desktop.example.com", TRN_HOST_ORDINARY},
        {"notgithub.com", TRN_HOST_ORDINARY},
        {"github.com.example.net", TRN_HOST_ORDINARY},
        {"stop", TRN_HOST_ORDINARY},
        {"", TRN_HOST_ORDINARY},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(trn_host_kind_of(trn_str_of(cases[i].name)), cases[i].kind, "%s: %s", cases[i].name,
                     trn_host_kind_def(trn_host_kind_of(trn_str_of(cases[i].name)))->name);
}

Test(host_kind, addresses)
{
    static const struct {
        const char *text;
        enum trn_host_kind kind;
    } cases[] = {
        {"127.0.0.9", TRN_HOST_LOOPBACK},  {"::1", TRN_HOST_LOOPBACK},       {"::ffff:127.0.0.1", TRN_HOST_LOOPBACK},
        {"10.9.0.5", TRN_HOST_PRIVATE},    {"172.16.0.1", TRN_HOST_PRIVATE}, {"172.32.0.1", TRN_HOST_PUBLIC},
        {"192.168.1.1", TRN_HOST_PRIVATE}, {"100.64.0.1", TRN_HOST_PRIVATE}, {"203.0.113.9", TRN_HOST_PUBLIC},
        {"fd00::1", TRN_HOST_PRIVATE},     {"2001:db8::1", TRN_HOST_PUBLIC}, {"::ffff:203.0.113.9", TRN_HOST_PUBLIC},
    };
    static const char *const nobody[] = {"224.0.0.251", "255.255.255.255", "169.254.169.254",
                                         "0.0.0.0",     "ff02::fb",        "fe80::1",
                                         "::"};
    uint8_t a[16];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        bool six = strchr(cases[i].text, ':') != NULL;
        cr_assert_eq(inet_pton(six ? AF_INET6 : AF_INET, cases[i].text, a), 1);
        cr_expect_eq(trn_host_kind_of_address(a, six ? 6 : 4), cases[i].kind, "%s", cases[i].text);
        cr_expect_not(trn_host_is_nobody(a, six ? 6 : 4), "%s", cases[i].text);
    }
    for (size_t i = 0; i < TRN_ARRAY_SIZE(nobody); i++) {
        bool six = strchr(nobody[i], ':') != NULL;
        cr_assert_eq(inet_pton(six ? AF_INET6 : AF_INET, nobody[i], a), 1);
        cr_expect(trn_host_is_nobody(a, six ? 6 : 4), "%s", nobody[i]);
    }
    cr_expect(trn_host_is_nobody(a, 0));
}

Test(host_kind, look_alikes)
{
    static const struct {
        const char *name, *known;
        bool alike;
    } cases[] = {
        {"acrne-phone.com", "acme-phone.com", true},
        {"acmeph0ne.com", "acmephone.com", true},
        {"acmephone.com", "acme-phone.com", true},
        {"phone-acme.com", "acme-phone.com", true},
        {"amcephone.com", "acmephone.com", true},
        {"acmephonne.net", "acmephone.com", true},
        {"microsotf.com", "microsoft.com", true},
        {"rnicrosoft.com", "microsoft.com", true},
        {"acmephone.com", "acmephone.com", false},
        {"acmephone.net", "acmephone.com", false},
        {"acme-phone-cdn.com", "acme-phone.com", false},
        {"cdn12.example", "cdn13.example", false},
        {"acme.com", "acne.com", false},
        {"google.com", "mozilla.org", false},
        {"", "acmephone.com", false},
        {"-----", "acmephone.com", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(trn_look_alike(trn_str_of(cases[i].name), trn_str_of(cases[i].known)), cases[i].alike, "%s, %s",
                     cases[i].name, cases[i].known);
}

Test(host_kind, words_and_scores_hold_the_rules)
{
    for (int k = 0; k < TRN_HOST_KIND_MAX; k++) {
        const struct trn_host_kind_def *d = trn_host_kind_def((enum trn_host_kind)k);
        cr_assert(d->name && *d->name && d->words && *d->words);
        cr_assert_leq(d->never, 40, "%s", d->name);
        cr_assert_leq(d->impostor, d->never, "%s", d->name);
        cr_assert(d->suspicious || d->never <= 20, "%s: what is merely new is a note", d->name);
    }
}
