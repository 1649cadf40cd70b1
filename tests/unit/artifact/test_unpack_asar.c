/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <criterion/criterion.h>

static const char body[] = "console.log('hello')\n{\"name\":\"x\"}";

static struct trn_str of(struct trn_buf *b, const char *json, const char *files)
{
    size_t n = strlen(json), padded = (n + 3) & ~3ull;
    trn_buf_init(b, 1 << 20);
    trn_put_u32(b, 4);
    trn_put_u32(b, (uint32_t)padded + 8);
    trn_put_u32(b, (uint32_t)padded + 4);
    trn_put_u32(b, (uint32_t)n);
    trn_put_c(b, json);
    trn_put(b, "\0\0\0", padded - n);
    trn_put_c(b, files);
    return trn_buf_str(b);
}

/* An archive of main.js (21 bytes) and lib/package.json (12), with the hash of the first. */
static struct trn_str good(struct trn_buf *b, const char *extra)
{
    uint8_t sha[TRN_SHA256_SIZE];
    char hex[2 * TRN_SHA256_SIZE + 1], json[1024];
    cr_assert_eq(trn_sha256(body, 21, sha), 0);
    trn_hex(sha, sizeof(sha), hex);
    snprintf(json, sizeof(json),
             "{\"files\":{\"main.js\":{\"size\":21,\"offset\":\"0\",\"executable\":true,\"integrity\":{\"algorithm\":"
             "\"SHA256\",\"hash\":\"%s\",\"blockSize\":4194304,\"blocks\":[\"%s\"]}},\"lib\":{\"files\":{"
             "\"package.json\":{\"size\":12,\"offset\":\"21\"},\"out.node\":{\"size\":9,\"unpacked\":true},"
             "\"l\":{\"link\":\"main.js\"}}}%s}}",
             hex, hex, extra);
    return of(b, json, body);
}

Test(unpack_asar, opens_every_packed_file_where_it_lies)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(told_done) struct told t = told_of(good(&b, ""), "app.asar");
    cr_expect(told_has(&t, "javascript 'main.js'"), "%s", TOLD(t));
    cr_expect(told_has(&t, "json 'lib/package.json'"), "%s", TOLD(t));
    cr_expect_eq(t.artifacts, 3, "%s", TOLD(t));
    cr_expect_eq(t.findings, 0, "%s", TOLD(t));
    cr_expect_eq(t.gaps, 0, "%s", TOLD(t));
}

Test(unpack_asar, a_changed_file_is_told_with_its_place)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str s = good(&b, "");
    char want[80];
    size_t at = s.n - strlen(body);
    b.p[at] ^= 1;
    snprintf(want, sizeof(want), "offset=0x%zx size=21", at);
    TRN_AUTO(told_done) struct told t = told_of(s, "app.asar");
    cr_expect(told_has(&t, "finding asar.integrity 50"), "%s", TOLD(t));
    cr_expect(told_has(&t, want), "%s", TOLD(t));
    cr_expect(told_has(&t, "member=main.js"), "%s", TOLD(t));
}

Test(unpack_asar, bytes_of_no_file_are_told_and_looked_at)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    good(&b, "");
    trn_put_c(&b, "#!/bin/sh\necho more\n");
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "app.asar");
    cr_expect(told_has(&t, "20 bytes in the Electron archive belong to no file of it"), "%s", TOLD(t));
    cr_expect(told_has(&t, "shell 'of-no-file'"), "%s", TOLD(t));
}

Test(unpack_asar, names_that_lead_out_overlaps_and_doubles_are_irregular)
{
    static const struct {
        const char *extra, *want;
    } cases[] = {
        {",\"..\":{\"files\":{\"x\":{\"size\":0,\"offset\":\"0\"}}}", "'../x' has a name that leads out"},
        {",\"a/b\":{\"size\":0,\"offset\":\"0\"}", "'a/b' has a name that leads out"},
        {",\"over\":{\"size\":5,\"offset\":\"20\"}", "'over' overlaps another one"},
        {",\"main.js\":{\"size\":0,\"offset\":\"0\"}", "'main.js' stands twice"},
        {",\"far\":{\"size\":5,\"offset\":\"18446744073709551615\"}", "'far' lies behind the end"},
        {",\"s\":{\"link\":\"../../etc/passwd\"}", "'s' is a link that leads out"},
        {",\"none\":{\"size\":5}", "'none' lies behind the end of the archive, or nowhere"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        TRN_AUTO(told_done) struct told t = told_of(good(&b, cases[i].extra), "app.asar");
        cr_expect(told_has(&t, "finding archive.irregular"), "%s: %s", cases[i].extra, TOLD(t));
        cr_expect(told_has(&t, cases[i].want), "%s: %s", cases[i].extra, TOLD(t));
    }
}

Test(unpack_asar, a_header_that_is_no_json_is_a_gap)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(told_done) struct told t = told_of(of(&b, "{\"files\":{\"a\":3}}", ""), "app.asar");
    cr_expect(told_has(&t, "gap damaged its header is no JSON as it must be"), "%s", TOLD(t));
}

Test(unpack_asar, folders_deeper_than_allowed_are_refused_without_harm)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, json;
    trn_buf_init(&json, 1 << 20);
    for (int i = 0; i < 5000; i++)
        trn_put_c(&json, "{\"files\":{\"d\":");
    TRN_AUTO(told_done) struct told t = told_of(of(&b, trn_buf_str(&json).p, ""), "app.asar");
    cr_expect(told_has(&t, "gap damaged"), "%s", TOLD(t));
}

Test(unpack_asar, read_by_windows_the_same_is_told)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    good(&b, ",\"over\":{\"size\":5,\"offset\":\"20\"}");
    trn_put_c(&b, "#!/bin/sh\necho more\n");
    TRN_AUTO(told_done) struct told mem = told_by(trn_buf_str(&b), "app.asar", false);
    TRN_AUTO(told_done) struct told reads = told_by(trn_buf_str(&b), "app.asar", true);
    cr_expect_gt(mem.findings, 1);
    cr_expect_str_eq(TOLD(mem), TOLD(reads));
}

Test(unpack_asar, one_that_was_cut_off_is_damaged_and_not_accused)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str s = good(&b, "");
    s.n -= 5; /* of the last file, whose end is the archive's */
    TRN_AUTO(told_done) struct told t = told_of(s, "app.asar");
    cr_expect(told_has(&t, "gap damaged the Electron archive ends before this file does"), "%s", TOLD(t));
    cr_expect(!told_has(&t, "asar.integrity"), "%s", TOLD(t));
}
