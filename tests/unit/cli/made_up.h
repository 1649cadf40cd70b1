/* SPDX-License-Identifier: Apache-2.0 */
/* Results as a worker would tell them, made up: an installer with something hidden in it, a clean folder, one that is cut. */
#ifndef TRN_TEST_CLI_MADE_UP_H
#define TRN_TEST_CLI_MADE_UP_H

#include "cli/scan.h"

static inline void told_artifact(struct trn_result *r, uint32_t id, uint32_t parent, const char *name,
                                 enum trn_format format, uint64_t size)
{
    struct trn_artifact a = {.id = id,
                             .parent = parent,
                             .depth = parent ? 1 : 0,
                             .name = trn_str_of(name),
                             .format = format,
                             .size = size,
                             .entropy_milli = 6543};
    (void)!trn_sha256(name, strlen(name), a.sha256);
    trn_result_artifact(r, &a);
}

static inline void told_finding(struct trn_result *r, uint32_t artifact, const char *check, uint16_t score,
                                const char *summary)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(trn_str_of(check)));
    f.id = 0x1122334455667788;
    f.score = score;
    f.summary = trn_str_of(summary);
    f.telemetry = TRN_TEL_ARTIFACT;
    trn_finding_add(&f, "offset", TRN_STR("0x4a9e58"));
    trn_finding_add(&f, "size", TRN_STR("277256"));
    trn_finding_add(&f, "entropy", TRN_STR("7.99"));
    trn_finding_add(&f, "excerpt", TRN_STR("feedfacefeedface00112233"));
    if (strncmp(check, "yara.", 5) == 0)
        trn_finding_add(&f, "rule", TRN_STR("Made_Up"));
    trn_result_finding(r, artifact, &f);
}

/* iso > deb > tar > a library with bytes in its certificate table; a sealed zip; two clean files. */
static inline void made_up_installer(struct trn_result *r)
{
    struct trn_signature s = {.kind = TRN_SIGNATURE_AUTHENTICODE,
                              .digest = TRN_DIGEST_OK,
                              .chain = TRN_CHAIN_UNKNOWN,
                              .signer = TRN_STR("Acme Ltd"),
                              .issuer = TRN_STR("Acme Test CA"),
                              .serial = TRN_STR("\x01\x02\xff"),
                              .digest_name = TRN_STR("sha256"),
                              .content_digest = TRN_STR("\xaa\xbb"),
                              .signed_at = 1669680000,
                              .signatures = 1};
    const struct trn_gap sealed = {.kind = TRN_GAP_ENCRYPTED, .what = TRN_STR("it needs a password")};
    trn_signature_uncovered(&s, 216, 4, "checksum", true);
    trn_signature_uncovered(&s, 0x4a9e58, 277256, "certificate table", false);
    told_artifact(r, 1, 0, "agent.iso", TRN_FORMAT_ISO, 9000000);
    told_artifact(r, 2, 1, "pool/agent.deb", TRN_FORMAT_DEB, 4200000);
    trn_result_property(r, 2, TRN_STR("name"), TRN_STR("acme-agent"));
    trn_result_property(r, 2, TRN_STR("version"), TRN_STR("1.1"));
    trn_result_property(r, 2, TRN_STR("company"), TRN_STR("Acme Ltd"));
    trn_result_property(r, 2, TRN_STR("dependency"), TRN_STR("libc6"));
    trn_result_property(r, 2, TRN_STR("dependency"), TRN_STR("zlib1g"));
    told_artifact(r, 3, 2, "data.tar", TRN_FORMAT_TAR, 5400000);
    told_artifact(r, 4, 3, "usr/lib/agent/render\x1b[31m.dll", TRN_FORMAT_PE, 5168344);
    trn_result_signature(r, 4, &s);
    told_finding(r, 4, "pe.certificate-slack", 90,
                 "277,256 bytes that look encrypted lie in the certificate table behind the signature, where nothing "
                 "vouches for them");
    told_finding(r, 4, "yara.*", 50, "the rule Made_Up matches");
    told_artifact(r, 5, 3, "usr/share/doc/agent/copyright", TRN_FORMAT_TEXT, 300);
    told_artifact(r, 6, 1, "docs.zip", TRN_FORMAT_ZIP, 1200);
    trn_result_gap(r, 6, &sealed);
    told_artifact(r, 7, 1, "README", TRN_FORMAT_TEXT, 100);
    told_finding(r, 1, "archive.irregular", 20, "two entries of the image have the same name");
}

static inline void made_up_clean(struct trn_result *r)
{
    told_artifact(r, 1, 0, "notes.txt", TRN_FORMAT_TEXT, 12);
}

static inline void made_up_cut(struct trn_result *r)
{
    const struct trn_gap g = {
        .kind = TRN_GAP_LIMIT, .what = TRN_STR("ratio"), .member = TRN_STR("big\nname"), .value = 2100, .limit = 200};
    const struct trn_gap d = {.kind = TRN_GAP_DAMAGED, .what = TRN_STR("it ends before its last block")};
    told_artifact(r, 1, 0, "b.gz", TRN_FORMAT_GZIP, 5000);
    trn_result_gap(r, 1, &g);
    trn_result_gap(r, 1, &d);
}

#endif
