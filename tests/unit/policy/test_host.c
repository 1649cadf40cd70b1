/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is every form of a host read, and what is none refused? */
#include "policy/policy.h"

#include <criterion/criterion.h>

Test(policy_host, every_form)
{
    static const struct {
        const char *text, *host;
        uint8_t family, prefix;
        uint16_t port;
    } cases[] = {
        {"10.9.0.5", "10.9.0.5", 4, 32, 0},
        {"10.9.0.5:8443", "10.9.0.5", 4, 32, 8443},
        {"10.9.0.0/24", "10.9.0.0/24", 4, 24, 0},
        {"10.9.0.0/24:443", "10.9.0.0/24", 4, 24, 443},
        {"0.0.0.0/0", "0.0.0.0/0", 4, 0, 0},
        {"2001:db8::1", "2001:db8::1", 6, 128, 0},
        {"[2001:db8::1]:443", "2001:db8::1", 6, 128, 443},
        {"[2001:db8::1]", "2001:db8::1", 6, 128, 0},
        {"2001:db8::/32", "2001:db8::/32", 6, 32, 0},
        {"pbx.acme.test", "pbx.acme.test", 0, 0, 0},
        {"pbx.acme.test:5060", "pbx.acme.test", 0, 0, 5060},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_host h = {0};
        cr_assert_eq(trn_host_parse(trn_str_of(cases[i].text), &h), 0, "%s", cases[i].text);
        cr_expect(trn_str_eq_c(h.text, cases[i].host), "%s", cases[i].text);
        cr_expect(h.family == cases[i].family && h.prefix == cases[i].prefix && h.port == cases[i].port, "%s",
                  cases[i].text);
    }
}

Test(policy_host, what_is_none)
{
    static const char *const bad[] = {
        "",      "10.9.0.5:0", "10.9.0.5:70000", "10.9.0.5/33", "10.9.0.5/",   "a b",
        "[::1",  "[::1]x",     "[acme]:5",       "10.9.0.500",  "x/8",         "-acme.test",
        ".test", "acme:port",  "10.9.0.5:+80",   "1.2.3/8",     "2001:db8::g", "/24",
        ":80"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_host h;
        cr_expect_eq(trn_host_parse(trn_str_of(bad[i]), &h), -EINVAL, "'%s'", bad[i]);
    }
}
