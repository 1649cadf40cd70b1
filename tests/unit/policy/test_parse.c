/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is every key of the file read, and does each mistake say where it is and what would be right? */
#include "policy/policy.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_policy *p;
static struct trn_policy_error err;

static void set_up(void)
{
    p = calloc(1, sizeof *p);
    cr_assert(p);
    err = (struct trn_policy_error){0};
}

static void tear_down(void)
{
    free(p);
}

TestSuite(policy_parse, .init = set_up, .fini = tear_down);

static int parse(const char *text)
{
    return trn_policy_parse(trn_str_of(text), p, &err);
}

Test(policy_parse, an_empty_file_detects)
{
    static const char *const empty[] = {"", "\n", "# nothing\n", "---\n", "mode: detect\n"};
    struct trn_policy *def = calloc(1, sizeof *def);
    trn_policy_default(def);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(empty); i++) {
        cr_expect_eq(parse(empty[i]), 0, "'%s': %s", empty[i], err.message);
        cr_expect_eq(memcmp(p, def, sizeof *p), 0, "'%s'", empty[i]);
    }
    cr_expect(!def->protect && def->survive && !def->fail_closed && def->deadline_ms == 1500 && def->hold_ms == 1500);
    free(def);
}

static const char all_keys[] = "mode: protect\n"
                               "rules:\n"
                               "  - check: behaviour.second-stage\n"
                               "    act: [block, kill]\n"
                               "    on-timeout: refuse\n"
                               "  - software: acme-softphone=1.1\n"
                               "    score: 60\n"
                               "    stage: 3\n"
                               "    verdict: malicious\n"
                               "    act: isolate\n"
                               "    for: 1h\n"
                               "    except: [pbx.acme.test:5060, 10.9.0.0/24, \"[2001:db8::1]:443\"]\n"
                               "  - {check: \"behaviour.*\", stage: collection, act: [shield, hold, quarantine]}\n"
                               "hold-new-programs:\n"
                               "  for-ms: 2000\n"
                               "  fresh: 5m\n"
                               "  then: refuse\n"
                               "protect-mounts: [/home, /tmp]\n"
                               "deadline-ms: 800\n"
                               "on-timeout: refuse\n"
                               "survive-restart: no\n"
                               "vital: /usr/bin/acme-db\n"
                               "rates:\n"
                               "  acts-per-minute: 10\n"
                               "  kills-per-minute: 0\n"
                               "manager: 10.0.0.1:8443\n"
                               "dns: [10.0.0.53]\n"
                               "administration:\n"
                               "  - 10.0.1.0/24:22\n";

Test(policy_parse, every_key)
{
    cr_assert_eq(parse(all_keys), 0, "%u:%u %s", err.line, err.column, err.message);
    cr_expect(p->protect && p->fail_closed && !p->survive && p->hold_new && p->hold_refuse);
    cr_expect(p->hold_ms == 2000 && p->fresh_sec == 300 && p->deadline_ms == 800);
    cr_expect(p->acts_per_minute == 10 && p->kills_per_minute == 0);
    cr_assert_eq(p->n_rules, 3);
    const struct trn_policy_rule *r = &p->rules[0];
    cr_expect_str_eq(r->check, "behaviour.second-stage");
    cr_expect_eq(r->acts, 1u << TRN_RESPOND_BLOCK | 1u << TRN_RESPOND_KILL);
    cr_expect(r->fail_closed && r->line == 3 && r->seconds == 0 && r->except.n == 0);
    r = &p->rules[1];
    cr_expect_str_eq(r->name, "acme-softphone");
    cr_expect_str_eq(r->version, "1.1");
    cr_expect(r->score == 60 && r->stages == 3 && r->stage == 0 && r->verdict == TRN_VERDICT_MALICIOUS);
    cr_expect(r->acts == 1u << TRN_RESPOND_ISOLATE && r->seconds == 3600 && r->except.first == 0 && r->except.n == 3);
    cr_expect_str_eq(p->hosts[0].text, "pbx.acme.test");
    cr_expect_eq(p->hosts[0].port, 5060);
    cr_expect_str_eq(p->hosts[1].text, "10.9.0.0/24");
    cr_expect_str_eq(p->hosts[2].text, "2001:db8::1");
    r = &p->rules[2];
    cr_expect_str_eq(r->check, "behaviour.*");
    cr_expect(r->stage == TRN_STAGE_COLLECTION + 1 && r->stages == 0);
    cr_expect_eq(r->acts, 1u << TRN_RESPOND_SHIELD | 1u << TRN_RESPOND_HOLD | 1u << TRN_RESPOND_QUARANTINE);
    cr_expect(p->n_mounts == 2 && p->n_vital == 1);
    cr_expect_str_eq(p->mounts[1], "/tmp");
    cr_expect_str_eq(p->vital[0], "/usr/bin/acme-db");
    cr_expect(p->manager.first == 3 && p->manager.n == 1 && p->dns.n == 1 && p->administration.first == 5);
    cr_expect_eq(p->hosts[3].port, 8443);
}

Test(policy_parse, what_was_parsed_can_be_packed)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_freep) struct trn_policy *q = calloc(1, sizeof *q);
    trn_buf_init(&b, TRN_POLICY_WORDS);
    cr_assert_eq(parse(all_keys), 0);
    trn_policy_encode(p, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_policy_decode(&in, q), 0);
    cr_expect_eq(memcmp(p, q, sizeof *p), 0);
}

struct mistake {
    const char *text;
    uint32_t line, column;
    const char *says, *hint; /* parts of them */
};

static const struct mistake mistakes[] = {
    {"mode: protct\n", 1, 7, "'protct' is no word for this", "known: detect, protect"},
    {"mode: [detect]\n", 1, 7, "one word is expected here", "known: detect"},
    {"mode: detect\nmode: detect\n", 2, 1, "'mode' stands here twice", ""},
    {"modes: detect\n", 1, 1, "'modes' is no key of a policy", "known: mode, rules, hold-new-programs"},
    {"detect\n", 1, 1, "a policy is made of 'key: value' lines", ""},
    {"- mode\n", 1, 1, "a policy is made of 'key: value' lines", ""},
    {"rules: kill\n", 1, 8, "rules are a list", ""},
    {"rules:\n  - kill\n", 2, 5, "a rule is made of", ""},
    {"rules:\n  - check: behaviour.beacon\n", 2, 5, "a rule without 'act'", "known: act: [block"},
    {"rules:\n  - act: kill\n", 2, 5, "says not when", "name at least one of"},
    {"rules:\n  - chek: x\n    act: kill\n", 2, 5, "'chek' is no key of a rule", "known: check, software, score"},
    {"rules:\n  - check: behaviour.bacon\n    act: kill\n", 2, 12, "there is no check 'behaviour.bacon'", "explain"},
    {"rules:\n  - check: bacon*\n    act: kill\n", 2, 12, "there is no check 'bacon*'", "explain"},
    {"rules:\n  - check: *all\n    act: kill\n", 2, 12, "an alias", ""},
    {"rules:\n  - {software: \"=1\", act: kill}\n", 2, 16, "a software has a name", "acme-softphone=1.1"},
    {"rules:\n  - {software: a=, act: kill}\n", 2, 16, "a software has a name", ""},
    {"rules:\n  - {score: 0, act: kill}\n", 2, 13, "'0' is no number from 1 to 100", ""},
    {"rules:\n  - {score: 101, act: kill}\n", 2, 13, "'101' is no number from 1 to 100", ""},
    {"rules:\n  - {score: -5, act: kill}\n", 2, 13, "'-5' is no number", ""},
    {"rules:\n  - {stage: 13, act: kill}\n", 2, 13, "'13' is no number from 1 to 12", ""},
    {"rules:\n  - {stage: becon, act: kill}\n", 2, 13, "'becon' is no word", "known: release-change"},
    {"rules:\n  - {verdict: bad, act: kill}\n", 2, 15, "'bad' is no word", "known: note, suspicious, malicious"},
    {"rules:\n  - {score: 1, act: ack}\n", 2, 21, "'ack' is no word",
     "known: block, hold, kill, isolate, shield, quarantine"},
    {"rules:\n  - {score: 1, act: [kill, isolate-host]}\n", 2, 28, "'isolate-host' is no word", "known: block"},
    {"rules:\n  - {score: 1, act: [[kill]]}\n", 2, 22, "each entry is one word", ""},
    {"rules:\n  - {score: 1, act: {a: b}}\n", 2, 21, "a word or a list", ""},
    {"rules:\n  - {score: 1, act: kill, for: 10}\n", 2, 32, "'10' is no time", "known: 90s, 10m"},
    {"rules:\n  - {score: 1, act: kill, for: 0m}\n", 2, 32, "'0m' is no time", ""},
    {"rules:\n  - {score: 1, act: kill, for: 999d}\n", 2, 32, "'999d' is no time", "366d"},
    {"rules:\n  - {score: 1, act: isolate, except: [10.0.0.500]}\n", 2, 39, "'10.0.0.500' is no host", "known: pbx"},
    {"rules:\n  - {score: 1, act: block, on-timeout: wait}\n", 2, 40, "'wait' is no word", "known: allow, refuse"},
    {"hold-new-programs: {for-ms: 5}\n", 1, 29, "'5' is no number from 10 to 60000", ""},
    {"hold-new-programs: {fresh: x}\n", 1, 28, "'x' is no time", ""},
    {"hold-new-programs: {until: x}\n", 1, 21, "no key of hold-new-programs", "known: for-ms, fresh, then"},
    {"hold-new-programs: maybe\n", 1, 20, "'maybe' is no word", "known: no, yes"},
    {"protect-mounts: [home]\n", 1, 18, "'home' is no absolute path", ""},
    {"protect-mounts: [/home/../etc]\n", 1, 18, "no absolute path", ""},
    {"deadline-ms: soon\n", 1, 14, "'soon' is no number", ""},
    {"on-timeout: hang\n", 1, 13, "'hang' is no word", "known: allow, refuse"},
    {"survive-restart: perhaps\n", 1, 18, "'perhaps' is no word", ""},
    {"vital: [bin/x]\n", 1, 9, "'bin/x' is no absolute path", ""},
    {"rates: {acts: 1}\n", 1, 9, "'acts' is no key of rates", "known: acts-per-minute, kills-per-minute"},
    {"rates: 5\n", 1, 8, "rates is made of", ""},
    {"manager: \"a b\"\n", 1, 10, "'a b' is no host", ""},
    {"dns: [10.0.0.53, \"x:\"]\n", 1, 18, "is no host", ""},
    {"administration: [[x]]\n", 1, 18, "each entry is one word", ""},
    {"mode: &a detect\n", 1, 7, "an anchor", ""},
    {"mode: !!str detect\n", 1, 7, "a tag", ""},
    {"mode: detect\n---\nmode: protect\n", 2, 1, "a second document", ""},
    {"mode: \"a\\0b\"\n", 1, 7, "control characters", ""},
    {"mode: \"detect\n", 2, 1, "unexpected end", ""},
    {"rules: [\n", 2, 1, "", ""},
    {"mode: detect\n\tx: y\n", 2, 1, "", ""},
    {"mode: \xff\n", 1, 7, "UTF-8", ""},
    {"rules: [[[[[[x]]]]]]\n", 1, 12, "nested too deep", ""},
};

Test(policy_parse, every_mistake_says_where_and_what)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        memset(p, 0x5a, sizeof *p);
        cr_expect_eq(parse(m->text), -EINVAL, "%s", m->text);
        cr_expect(err.line == m->line && err.column == m->column, "%s: line %u, column %u", m->text, err.line,
                  err.column);
        cr_expect(strstr(err.message, m->says), "%s: '%s'", m->text, err.message);
        cr_expect(strstr(err.hint, m->hint), "%s: hint '%s'", m->text, err.hint);
        cr_expect_eq(((unsigned char *)p)[0], 0x5a, "%s: what failed changes nothing", m->text);
        err = (struct trn_policy_error){0};
    }
}

Test(policy_parse, foreign_text_is_escaped)
{
    cr_expect_eq(parse("mode: \"\\e[2J\xe2\x80\xae\"\n"), -EINVAL);
    cr_expect(strstr(err.message, "control") || strstr(err.message, "\\x1b"), "%s", err.message);
    cr_expect_eq(parse("mode: \"\xe2\x80\xaex\"\n"), -EINVAL);
    cr_expect(strstr(err.message, "\\u202e"), "%s", err.message);
}

/* head, then line n times */
static int many(const char *head, const char *line, unsigned n)
{
    struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    trn_put_c(&b, head);
    for (unsigned i = 0; i < n; i++)
        trn_put_c(&b, line);
    int r = trn_policy_parse(trn_buf_str(&b), p, &err);
    trn_buf_done(&b);
    return r;
}

Test(policy_parse, limits_are_said)
{
    cr_expect_eq(many("rules:\n", "- {score: 1, act: kill}\n", TRN_POLICY_RULES), 0, "%s", err.message);
    cr_expect_eq(many("rules:\n", "- {score: 1, act: kill}\n", TRN_POLICY_RULES + 1), -EINVAL);
    cr_expect(strstr(err.message, "more than 64 rules"), "%s", err.message);
    cr_expect_eq(err.line, TRN_POLICY_RULES + 2);
    cr_expect_eq(many("dns:\n", "- 10.0.0.1\n", TRN_POLICY_HOSTS + 1), -EINVAL);
    cr_expect(strstr(err.message, "more than 64 hosts"), "%s", err.message);
    cr_expect_eq(many("vital:\n", "- /a\n", TRN_POLICY_VITAL + 1), -EINVAL);
    cr_expect_eq(many("protect-mounts:\n", "- /a\n", TRN_POLICY_MOUNTS + 1), -EINVAL);
    cr_expect_eq(many("", "# a comment that is long enough to matter\n", 4000), -EINVAL);
    cr_expect(strstr(err.message, "larger than 64 KB"), "%s", err.message);
    cr_expect_eq(many("dns: [", "a,", 9000), -EINVAL);
    cr_expect_eq(many("", "[", 2000), -EINVAL);
}

/* ---- what people read about it ---- */

static void read_source(const char *name, struct trn_buf *b)
{
    char path[4096];
    struct trn_err e = {0};
    const char *top = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
    cr_assert_eq(trn_read_file(path, 1u << 20, b, &e), 0, "%s", e.message);
}

Test(policy_parse, the_examples_are_right)
{
    TRN_AUTO(trn_buf_done) struct trn_buf detect, protect, doc;
    read_source("packaging/policy.yaml", &detect);
    cr_expect_eq(trn_policy_parse(trn_buf_str(&detect), p, &err), 0, "%u:%u %s", err.line, err.column, err.message);
    cr_expect(!p->protect && p->n_rules == 0, "the package installs one that does nothing");
    read_source("packaging/policy-protect.yaml", &protect);
    cr_expect_eq(trn_policy_parse(trn_buf_str(&protect), p, &err), 0, "%u:%u %s", err.line, err.column, err.message);
    cr_expect(p->protect && p->n_rules > 0 && trn_policy_may_refuse(p));
    read_source("docs/policy.md", &doc);
    const char *from = strstr(doc.p, "```yaml\n"), *to = from ? strstr(from + 8, "```") : NULL;
    cr_assert(to);
    struct trn_str block = {from + 8, (size_t)(to - from - 8)};
    cr_expect_eq(trn_policy_parse(block, p, &err), 0, "%u:%u %s", err.line, err.column, err.message);
}

static void is_told(const char *file, const char *keys, bool roff)
{
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    struct trn_str rest = trn_str_of(keys + strlen("known: ")), key;
    read_source(file, &text);
    while (trn_str_split(&rest, ',', &key)) {
        char name[64];
        size_t n = 0;
        key = trn_str_trim(key);
        for (size_t i = 0; i < key.n && n + 2 < sizeof name; i++) {
            if (roff && key.p[i] == '-')
                name[n++] = '\\';
            name[n++] = key.p[i];
        }
        name[n] = 0;
        cr_expect(strstr(text.p, name), "%s does not tell '%s'", file, name);
    }
}

Test(policy_parse, every_key_is_told_in_docs_and_man_page)
{
    static const char *const unknown[] = {"x: 1\n", "rules:\n- {x: 1}\n", "hold-new-programs: {x: 1}\n",
                                          "rates: {x: 1}\n", "rules:\n- {score: 1, act: x}\n"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(unknown); i++) {
        cr_assert_eq(parse(unknown[i]), -EINVAL);
        char keys[sizeof err.hint];
        memcpy(keys, err.hint, sizeof keys);
        cr_assert(strncmp(keys, "known: ", 7) == 0 && strchr(keys, ','));
        is_told("docs/policy.md", keys, false);
        is_told("man/turncoat-policy.5", keys, true);
    }
}
