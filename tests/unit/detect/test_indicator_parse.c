/* SPDX-License-Identifier: Apache-2.0 */
/* Question: what do lists of indicators give, and does a bad line cost that line only? */
#include "detect/detect.h"

#include <criterion/criterion.h>

struct got {
    struct trn_buf text; /* "kind value|note" lines, "bad LINE why" */
    size_t n, n_bad;
};

static int on_indicator(void *ctx, const struct trn_indicator *i)
{
    static const char *const kinds[] = {"sha256", "domain", "ip", "url"};
    struct got *g = ctx;
    g->n++;
    trn_put_fmt(&g->text, "%s %.*s", kinds[i->kind], TRN_STR_ARG(i->value));
    if (i->note.p)
        trn_put_fmt(&g->text, "|%.*s", TRN_STR_ARG(i->note));
    trn_put_c(&g->text, "\n");
    return 0;
}

static int on_bad(void *ctx, uint64_t line, struct trn_str why)
{
    struct got *g = ctx;
    g->n_bad++;
    trn_put_fmt(&g->text, "bad %llu %.*s\n", (unsigned long long)line, TRN_STR_ARG(why));
    return 0;
}

static void check(const char *content, size_t n, const char *expected)
{
    struct got g = {0};
    struct trn_err err = {0};
    struct trn_indicator_sink sink = {on_indicator, on_bad, &g};
    trn_buf_init(&g.text, 1 << 20);
    int r = trn_indicators_parse((struct trn_str){content, n}, &sink, &err);
    cr_expect_eq(r, 0, "%d %s", r, err.message);
    cr_expect_str_eq(g.text.p ? g.text.p : "", expected);
    trn_buf_done(&g.text);
}

#define CHECK(content, expected) check(content, strlen(content), expected)
#define HASH "5E1F00000000000000000000000000000000000000000000000000000000ABCD"
#define HASH_LOW "5e1f00000000000000000000000000000000000000000000000000000000abcd"

Test(indicator_csv, kinds_and_notes)
{
    CHECK("sha256," HASH
          ",helper of acme\ndomain,Bad.Example.,\nipv4,10.9.0.5\nurl,HTTP://Bad.Example:80/a?B#c,\"a, \"\"b\"\"\"\n",
          "sha256 " HASH_LOW "|helper of acme\ndomain bad.example\nip 10.9.0.5\nurl http://bad.example/a?B|a, \"b\"\n");
}

Test(indicator_csv, bare_values_are_guessed)
{
    CHECK("\xef\xbb\xbf# comment\r\n" HASH
          "\r\n\r\nhxxps://evil[.]example\r\nevil[.]example\r\n2001:DB8::1\r\n10.1.2.3/8\r\n",
          "sha256 " HASH_LOW "\nurl https://evil.example/\ndomain evil.example\nip 2001:db8::1\nip 10.0.0.0/8\n");
}

Test(indicator_csv, a_header_names_the_columns)
{
    CHECK("description,indicator,type\nC2 of acme,evil.example,domain\nx,10.0.0.1,IPv4\n",
          "domain evil.example|C2 of acme\nip 10.0.0.1|x\n");
    CHECK("value\nevil.example\n", "domain evil.example\n");
}

Test(indicator_csv, a_bad_line_costs_that_line)
{
    CHECK("domain,evil.example\ndomain,com\nip,0.0.0.0/"
          "0\nip,10.0.0.300\nnonsense\nsha256,5e1f\nd41d8cd98f00b204e9800998ecf8427e\n"
          "domain,\"open\nwildcard,*.x\ndomain,*.late.example\n",
          "domain evil.example\n"
          "bad 2 'com' would match a whole top level domain\n"
          "bad 3 '0.0.0.0/0' would match every address\n"
          "bad 4 '10.0.0.300' is no IP address and no prefix\n"
          "bad 5 'nonsense' is neither a SHA-256, a domain, an IP address nor a URL\n"
          "bad 6 '5e1f' is no SHA-256 (64 hex digits)\n"
          "bad 7 'd41d8cd98f00b204e9800998ecf8427e' is an MD5 or SHA-1, which are not looked at\n"
          "bad 8 a quote has no end\n"
          "bad 9 'wildcard' is neither a SHA-256, a domain, an IP address nor a URL\n"
          "domain late.example\n");
}

Test(indicator_csv, foreign_bytes_are_escaped_in_what_is_told)
{
    check("\033[2J\0x\n", 7, "bad 1 '\\x1b[2J\\x00x' is neither a SHA-256, a domain, an IP address nor a URL\n");
}

#define BUNDLE(pattern)                                                                                                \
    "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"identity\"},{\"type\":\"indicator\",\"name\":" \
    "\"acme\","                                                                                                        \
    "\"pattern_type\":\"stix\",\"pattern\":\"" pattern "\"}]}"

Test(indicator_stix, comparisons)
{
    CHECK(BUNDLE("[file:hashes.'SHA-256' = '" HASH "']"), "sha256 " HASH_LOW "|acme\n");
    CHECK(BUNDLE("[domain-name:value = 'a.example'] OR [domain-name:value = 'b.example']"),
          "domain a.example|acme\ndomain b.example|acme\n");
    CHECK(BUNDLE("[ipv4-addr:value IN ('10.0.0.1', '10.0.0.2') OR ipv4-addr:value ISSUBSET '10.1.0.0/16']"),
          "ip 10.0.0.1|acme\nip 10.0.0.2|acme\nip 10.1.0.0/16|acme\n");
    CHECK(BUNDLE("[ipv6-addr:value = '2001:db8::1']"), "ip 2001:db8::1|acme\n");
    CHECK(BUNDLE("[url:value = 'http://a.example/it\\\\'s']"), "url http://a.example/it's|acme\n");
    CHECK(BUNDLE("[(file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e' OR file:hashes.'SHA-256' = '" HASH "')]"),
          "sha256 " HASH_LOW "|acme\n");
}

Test(indicator_stix, what_and_narrows)
{
    /* a hash says enough alone; an address without its port would match more than was meant */
    CHECK(BUNDLE("[file:name = 'helper' AND file:hashes.'SHA-256' = '" HASH "']"), "sha256 " HASH_LOW "|acme\n");
    CHECK(BUNDLE("[ipv4-addr:value = '10.0.0.1' AND network-traffic:dst_port = 443]"),
          "bad 2 it joins comparisons by AND\n");
    CHECK(BUNDLE("[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']"),
          "bad 2 the pattern is not understood\n");
    CHECK(BUNDLE("[(domain-name:value = 'a.example' OR domain-name:value = 'b.example') AND file:name = 'x']"),
          "bad 2 the pattern is not understood\n");
    CHECK(BUNDLE("[domain-name:value NOT = 'a.example']"), "bad 2 its comparison is of a kind that is not looked up\n");
    CHECK(BUNDLE("[domain-name:value LIKE '%.example']"), "bad 2 its comparison is of a kind that is not looked up\n");
    CHECK(BUNDLE("[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']"),
          "bad 2 the pattern is not understood\n");
}

Test(indicator_stix, nonsense)
{
    CHECK(BUNDLE(""), "bad 2 the pattern is not understood\n");
    CHECK(BUNDLE("["), "bad 2 the pattern is not understood\n");
    CHECK(BUNDLE("[domain-name:value = 'a.example"), "bad 2 the pattern is not understood\n");
    CHECK(BUNDLE("[domain-name:value = 'com']"), "bad 2 'com' would match a whole top level domain\n");
    CHECK(
        "{\"objects\":[7,{\"type\":\"indicator\"},{\"type\":\"indicator\",\"pattern\":\"x\",\"pattern_type\":\"yara\"},"
        "{\"type\":\"indicator\",\"revoked\":true,\"pattern\":\"[domain-name:value = 'a.example']\"}]}",
        "bad 1 the object of this number is no JSON object\nbad 2 the indicator has no pattern\nbad 3 its pattern is "
        "not in the STIX language\n");
}

Test(indicator_stix, broken_json_is_an_error_with_a_line)
{
    struct trn_err err = {0};
    struct trn_indicator_sink sink = {0};
    cr_assert_eq(trn_indicators_parse(TRN_STR("{\"objects\":[\n{,}]}"), &sink, &err), -EBADMSG);
    cr_assert(strstr(err.message, "line 2"), "%s", err.message);
    cr_assert(err.hint[0]);
}
