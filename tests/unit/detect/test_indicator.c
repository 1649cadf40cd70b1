/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is contact with what an indicator names told, whenever its hash or name comes to be known? */
#include "script.h"

#include <criterion/criterion.h>

static struct script *s;
static struct machine *m;
static struct trn_indicators *x;

static void add(enum trn_indicator_kind kind, const char *value, const char *note)
{
    struct trn_indicator i = {kind, trn_str_of(value), trn_str_of(note)};
    cr_assert_eq(trn_indicators_add(x, &i), 0);
}

static void setup(void)
{
    cr_assert_eq(trn_indicators_new(&x), 0);
    add(TRN_IND_SHA256, "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e", "helper of acme");
    add(TRN_IND_DOMAIN, "codehost.test", NULL);
    add(TRN_IND_IP, "10.9.0.0/24", NULL);
    add(TRN_IND_URL, "http://harmless.test/bad", NULL);
    cr_assert_eq(trn_indicators_seal(x), 0);
    s = script_new();
    m = machine_new(x);
    softphone(s, "1.1");
}

static void teardown(void)
{
    machine_free(m);
    script_free(s);
    trn_indicators_free(x);
}

static const struct trn_finding *one(const char *check)
{
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->n_findings, 1, "%zu findings", m->n_findings);
    cr_assert(machine_finding(m, check, 0), "%s is missing", check);
    return &m->findings[0];
}

TestSuite(indicator, .init = setup, .fini = teardown);

Test(indicator, hash_known_before_the_exec)
{
    act_identity_hash(s, "/tmp/x", 0x5e);
    act_start(s, 812, 900, "/tmp/x", "x");
    const struct trn_finding *f = one("indicator.sha256");
    cr_assert_eq(f->score, 90);
    cr_assert(trn_str_eq_c(f->summary, "ran /tmp/x (sha256 5e5e…), named by an indicator: helper of acme"), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1, "an exact hash alone is worth looking at");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_MALICIOUS), 0);
}

Test(indicator, hash_known_after_the_exec)
{
    act_start(s, 812, 900, "/tmp/x", "x");
    wait_ms(s, 300);
    act_identity_hash(s, "/tmp/x", 0x5e);
    cr_assert_eq(one("indicator.sha256")->entity, entity_of(900));
}

Test(indicator, hash_of_a_library_known_after_the_mapping)
{
    act_load(s, 812, "/home/alice/x.so", true);
    act_identity_hash(s, "/home/alice/x.so", 0x5e);
    cr_assert_eq(one("indicator.sha256")->entity, entity_of(812));
}

Test(indicator, a_file_that_nobody_runs_is_no_finding)
{
    act_write(s, 812, "/tmp/x");
    act_identity_hash(s, "/tmp/x", 0x5e);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->n_findings, 0);
}

Test(indicator, a_name_asked_for_twice_is_one_finding)
{
    act_dns(s, 812, "raw.codehost.test", NULL);
    act_dns(s, 812, "raw.codehost.test", "127.0.0.4");
    const struct trn_finding *f = one("indicator.domain");
    cr_assert_eq(f->score, 60);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one finding alone is a note");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
}

Test(indicator, an_alias_in_the_answer)
{
    act_dns(s, 812, "cdn.test", "x.codehost.test");
    one("indicator.domain");
}

Test(indicator, an_address_in_the_answer_and_then_talked_to)
{
    act_dns(s, 812, "cdn.test", "10.9.0.77");
    act_connect(s, 812, "10.9.0.77", 443);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_count(m, "indicator.ip"), 1);
}

Test(indicator, address)
{
    act_connect(s, 812, "10.9.0.5", 8443);
    cr_assert(trn_str_eq_c(one("indicator.ip")->summary, "talked to 10.9.0.5, named by an indicator"));
}

Test(indicator, the_host_of_a_url_is_not_the_url)
{
    act_dns(s, 812, "harmless.test", NULL);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->n_findings, 0);
}

Test(indicator, a_url_among_the_arguments)
{
    act_start(s, 812, 900, "/usr/bin/curl", "curl -s --url=HTTP://harmless.test:80/bad#x -o /tmp/x");
    const struct trn_finding *f = one("indicator.url");
    cr_assert(trn_str_eq_c(f->summary, "was given http://harmless.test/bad, named by an indicator"), "%.*s",
              TRN_STR_ARG(f->summary));
}

Test(indicator, other_pages_of_the_host)
{
    act_start(s, 812, 900, "/usr/bin/curl", "curl http://harmless.test/good :// ://x a:// http:// x");
    machine_run(m, s, 0, s->n);
    cr_assert_eq(m->n_findings, 0);
}
