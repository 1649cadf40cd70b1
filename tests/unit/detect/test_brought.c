/* SPDX-License-Identifier: Apache-2.0 */
/* Is what the gate found told as a finding about that version, and nothing else under its name? */
#include "detect/internal.h"

#include <criterion/criterion.h>

static size_t told;
static struct trn_finding last;
static char words[400];
static char texts[TRN_FINDING_EVIDENCE][80]; /* of its evidence, as it was told */

static int on_finding(void *c, const struct trn_finding *f)
{
    (void)c;
    told++;
    last = *f;
    trn_escape_into(words, sizeof words, f->summary);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        trn_escape_into(texts[i], sizeof texts[i], f->evidence[i].value);
    return 0;
}

static struct trn_event event(const char *check, uint64_t score, const char *verdict)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_BROUGHT);
    ev.seq = 7;
    ev.wall_ns = 1000;
    ev.brought = (struct trn_ev_brought){.name = TRN_STR("acme"),
                                         .version = TRN_STR("1.1"),
                                         .from = TRN_STR("1.0"),
                                         .check = trn_str_of(check),
                                         .path = TRN_STR("data.tar!./opt/codec.dll"),
                                         .summary = TRN_STR("bytes were added"),
                                         .verdict = trn_str_of(verdict),
                                         .score = score};
    return ev;
}

static void push(const struct trn_event *ev)
{
    const struct trn_detect_ctx ctx = {.findings = {on_finding, NULL}};
    told = 0;
    cr_assert_eq(trn_brought_push(&ctx, ev), 0);
}

static struct trn_str evidence(const char *key)
{
    for (uint32_t i = 0; i < last.n_evidence; i++)
        if (trn_str_eq_c(last.evidence[i].key, key))
            return trn_str_of(texts[i]);
    return TRN_STR_NONE;
}

static bool proof(void)
{
    return evidence("impossible").n > 0;
}

Test(brought, a_change_is_told_about_its_version)
{
    struct trn_event ev = event("diff.same-authentihash", 85, "malicious");
    push(&ev);
    cr_assert_eq(told, 1);
    cr_assert(trn_str_eq_c(last.software.name, "acme") && trn_str_eq_c(last.software.version, "1.1"));
    cr_assert(last.software.origin == TRN_ORIGIN_DPKG && last.acting == 0 && last.score == 85 &&
              last.telemetry == TRN_TEL_ARTIFACT);
    cr_assert(last.n_events == 1 && last.events[0] == 7 && last.wall_ns == 1000);
    cr_assert_str_eq(words, "codec.dll: bytes were added");
    cr_assert(proof(), "a package that is malicious as a whole is enough by itself");
    uint64_t id = last.id;
    ev.seq = 9;
    push(&ev);
    cr_assert_eq(last.id, id, "told again it is the same finding");
    ev.brought.version = TRN_STR("1.2");
    push(&ev);
    cr_assert_neq(last.id, id);
}

Test(brought, it_weighs_no_more_than_its_check_and_a_suspicion_is_no_proof)
{
    struct trn_event ev = event("diff.signer-changed", 99, "suspicious");
    push(&ev);
    cr_assert(told == 1 && last.score == trn_check_find(TRN_STR("diff.signer-changed"))->score && !proof());
    ev = event("diff.signer-changed", 9, "malicious");
    push(&ev);
    cr_assert(told == 1 && last.score == 9 && !proof());
}

Test(brought, what_is_suspicious_as_a_whole_counts_as_a_stage)
{
    struct trn_event ev = event("diff.signer-changed", 20, "suspicious");
    push(&ev);
    cr_assert(told == 1 && last.score == 25 && evidence("weight").n, "%u", last.score);
    ev = event("diff.signer-changed", 20, "note");
    push(&ev);
    cr_assert(told == 1 && last.score == 20 && !evidence("weight").n, "%u", last.score);
}

Test(brought, a_scan_of_an_installed_file_is_told_with_its_place)
{
    struct trn_event ev = event("pe.certificate-slack", 90, "malicious");
    ev.brought.from = TRN_STR_NONE;
    ev.brought.by = TRN_STR("scan");
    ev.brought.origin = TRN_STR("npm");
    ev.brought.path = TRN_STR("/opt/acme/codec.dll!/overlay");
    ev.brought.sha256 = TRN_STR("5e1f");
    push(&ev);
    cr_assert(told == 1 && last.software.origin == TRN_ORIGIN_NPM && proof());
    cr_assert(trn_str_eq_c(evidence("path"), "/opt/acme/codec.dll") && trn_str_eq_c(evidence("sha256"), "5e1f"));
    cr_assert(!evidence("compared_with").n && !evidence("package_sha256").n);
    ev.brought.origin = TRN_STR("no such");
    push(&ev);
    cr_assert(last.software.origin == TRN_ORIGIN_UNKNOWN);
}

Test(brought, a_rule_keeps_its_name_and_is_no_proof)
{
    struct trn_event ev = event("yara.Made_Up", 90, "malicious");
    char name[80];
    push(&ev);
    cr_assert(told == 1 && !proof());
    cr_assert_str_eq(trn_finding_name(&last, name, sizeof(name)), "yara.Made_Up");
}

Test(brought, what_is_no_change_of_a_release_is_not_told)
{
    static const char *const others[] = {"behaviour.beacon", "behaviour.exfiltration", "behaviour.drift", "no.such",
                                         ""};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(others); i++) {
        struct trn_event ev = event(others[i], 50, "malicious");
        push(&ev);
        cr_assert_eq(told, 0, "%s", others[i]);
    }
    struct trn_event ev = event("diff.same-authentihash", 85, "malicious");
    ev.brought.name = TRN_STR_NONE;
    push(&ev);
    cr_assert_eq(told, 0);
}
