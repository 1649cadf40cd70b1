/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of the policy file: which keys there are, what each value may be, and what is said of one that may not.
 * Must not own: the file's syntax (parse.c). A key is one row of a table; what the row does not know is an error with the
 * known ones beside it.
 */
#include "policy/tree.h"

#include <stdio.h>

struct reader {
    struct trn_policy *p;
    struct trn_policy_rule *rule; /* of the rule that is being read */
    struct trn_policy_error *err;
};

struct key {
    const char *name;
    int (*read)(struct reader *r, const struct trn_policy_node *value);
};

static void hint(struct reader *r, const char *text)
{
    (void)snprintf(r->err->hint, sizeof r->err->hint, "%s", text);
}

static void hint_more(struct reader *r, const char *word)
{
    size_t n = strlen(r->err->hint), room = sizeof r->err->hint - n;
    if (strlen(word) + 3 < room)
        (void)snprintf(r->err->hint + n, room, "%s%s", n ? ", " : "known: ", word);
}

#define WRONG(r, at, ...) trn_policy_wrong((r)->err, at, __VA_ARGS__)

static const char *shown(const struct trn_policy_node *n, char text[120])
{
    return trn_escape_into(text, 120, n->text);
}

static int need_text(struct reader *r, const struct trn_policy_node *v, const char *what)
{
    return v->kind == TRN_NODE_TEXT && v->text.n ? 0 : WRONG(r, v, "%s is one word here", what);
}

/* One of a list of words; *ret its place in it. */
static int one_of(struct reader *r, const struct trn_policy_node *v, const char *const *words, size_t n, unsigned *ret)
{
    char text[120];
    for (size_t i = 0; v->kind == TRN_NODE_TEXT && i < n; i++)
        if (words[i] && trn_str_eq_c(v->text, words[i])) {
            *ret = (unsigned)i;
            return 0;
        }
    int code = v->kind == TRN_NODE_TEXT ? WRONG(r, v, "'%s' is no word for this", shown(v, text))
                                        : WRONG(r, v, "one word is expected here");
    for (size_t i = 0; i < n; i++)
        if (words[i])
            hint_more(r, words[i]);
    return code;
}

static int read_number(struct reader *r, const struct trn_policy_node *v, uint32_t min, uint32_t max, uint32_t *ret)
{
    char text[120];
    uint64_t n = 0;
    if (v->kind != TRN_NODE_TEXT || v->text.n == 0 || v->text.p[0] < '0' || v->text.p[0] > '9' ||
        trn_str_u64(v->text, &n) < 0 || n < min || n > max)
        return WRONG(r, v, "'%s' is no number from %u to %u", v->kind == TRN_NODE_TEXT ? shown(v, text) : "", min, max);
    *ret = (uint32_t)n;
    return 0;
}

static int read_span(struct reader *r, const struct trn_policy_node *v, uint64_t *ret)
{
    static const struct {
        char unit;
        uint32_t sec;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char text[120];
    uint64_t n;
    struct trn_str s = v->kind == TRN_NODE_TEXT ? v->text : TRN_STR("");
    for (size_t i = 0; s.n > 1 && i < TRN_ARRAY_SIZE(units); i++)
        if (s.p[s.n - 1] == units[i].unit && s.p[0] >= '0' && s.p[0] <= '9' &&
            trn_str_u64(trn_str_slice(s, 0, s.n - 1), &n) == 0 && n > 0 && n <= TRN_RESPOND_MAX_SEC / units[i].sec) {
            *ret = n * units[i].sec;
            return 0;
        }
    int code = WRONG(r, v, "'%s' is no time", v->kind == TRN_NODE_TEXT ? shown(v, text) : "");
    hint(r, "known: 90s, 10m, 1h, 7d; at most 366d");
    return code;
}

static int read_bool(struct reader *r, const struct trn_policy_node *v, bool *ret)
{
    static const char *const words[] = {"no", "yes", "false", "true"};
    unsigned at;
    int code = one_of(r, v, words, TRN_ARRAY_SIZE(words), &at);
    if (code == 0)
        *ret = at & 1;
    return code;
}

static int read_timeout(struct reader *r, const struct trn_policy_node *v, bool *ret)
{
    static const char *const words[] = {"allow", "refuse"};
    unsigned at;
    int code = one_of(r, v, words, TRN_ARRAY_SIZE(words), &at);
    if (code == 0)
        *ret = at == 1;
    return code;
}

static int copy(struct reader *r, const struct trn_policy_node *v, struct trn_str s, char *dst, size_t size)
{
    if (s.n >= size)
        return WRONG(r, v, "a text is longer than %zu bytes here", size - 1);
    memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
    return 0;
}

/* One value, or each of a list. */
static int each(struct reader *r, const struct trn_policy_node *v,
                int (*read)(struct reader *, const struct trn_policy_node *))
{
    if (v->kind == TRN_NODE_MAP)
        return WRONG(r, v, "a word or a list of words is expected here");
    if (v->kind == TRN_NODE_TEXT)
        return v->text.n ? read(r, v) : 0; /* "except:" with nothing behind it */
    int code = 0;
    for (const struct trn_policy_node *n = v->child; code == 0 && n; n = n->next)
        code = need_text(r, n, "each entry");
    for (const struct trn_policy_node *n = v->child; code == 0 && n; n = n->next)
        code = read(r, n);
    return code;
}

static int read_map(struct reader *r, const struct trn_policy_node *v, const char *what, const struct key *keys,
                    size_t n_keys)
{
    uint64_t seen = 0;
    char text[120];
    if (v->kind != TRN_NODE_MAP)
        return WRONG(r, v, "%s is made of 'key: value' lines", what);
    for (const struct trn_policy_node *k = v->child; k && k->next; k = k->next->next) {
        size_t i = 0;
        while (i < n_keys && !(k->kind == TRN_NODE_TEXT && trn_str_eq_c(k->text, keys[i].name)))
            i++;
        if (i == n_keys) {
            int code = WRONG(r, k, "'%s' is no key of %s", k->kind == TRN_NODE_TEXT ? shown(k, text) : "?", what);
            for (i = 0; i < n_keys; i++)
                hint_more(r, keys[i].name);
            return code;
        }
        if (seen & (1ull << i))
            return WRONG(r, k, "'%s' stands here twice", keys[i].name);
        seen |= 1ull << i;
        int code = keys[i].read(r, k->next);
        if (code < 0)
            return code;
    }
    return 0;
}

/* ---- hosts and paths ---- */

static int add_host(struct reader *r, const struct trn_policy_node *v)
{
    char text[120];
    struct trn_host h;
    if (r->p->n_hosts == TRN_POLICY_HOSTS)
        return WRONG(r, v, "more than %u hosts in all", TRN_POLICY_HOSTS);
    if (trn_host_parse(v->text, &h) < 0) {
        int code = WRONG(r, v, "'%s' is no host", shown(v, text));
        hint(r, "known: pbx.acme.test, pbx.acme.test:5060, 10.9.0.5, 10.9.0.0/24:443, \"[2001:db8::1]:443\"");
        return code;
    }
    struct trn_policy_host *to = &r->p->hosts[r->p->n_hosts++];
    to->port = h.port;
    return copy(r, v, h.text, to->text, sizeof to->text);
}

static int read_hosts(struct reader *r, const struct trn_policy_node *v, struct trn_policy_hosts *ret)
{
    struct trn_policy_hosts h = {.first = (uint16_t)r->p->n_hosts};
    int code = each(r, v, add_host);
    h.n = (uint16_t)(r->p->n_hosts - h.first);
    if (code == 0)
        *ret = h;
    return code;
}

static int check_path(struct reader *r, const struct trn_policy_node *v)
{
    char text[120];
    if (v->text.p[0] != '/' || trn_str_contains(v->text, TRN_STR("/../")) || trn_str_ends(v->text, TRN_STR("/..")))
        return WRONG(r, v, "'%s' is no absolute path", shown(v, text));
    return 0;
}

static int add_mount(struct reader *r, const struct trn_policy_node *v)
{
    if (r->p->n_mounts == TRN_POLICY_MOUNTS)
        return WRONG(r, v, "more than %u mounts", TRN_POLICY_MOUNTS);
    int code = check_path(r, v);
    return code < 0 ? code : copy(r, v, v->text, r->p->mounts[r->p->n_mounts++], TRN_POLICY_PATH);
}

static int add_vital(struct reader *r, const struct trn_policy_node *v)
{
    if (r->p->n_vital == TRN_POLICY_VITAL)
        return WRONG(r, v, "more than %u vital programs", TRN_POLICY_VITAL);
    int code = check_path(r, v);
    return code < 0 ? code : copy(r, v, v->text, r->p->vital[r->p->n_vital++], TRN_POLICY_PATH);
}

/* ---- a rule ---- */

static bool may_be_check(struct trn_str s)
{
    bool begins = trn_str_ends(s, TRN_STR("*"));
    struct trn_str head = begins ? trn_str_slice(s, 0, s.n - 1) : s;
    const struct trn_check *c;
    if (trn_str_starts(head, TRN_STR("sigma.")) || trn_str_starts(head, TRN_STR("yara.")))
        return true; /* the rules' own names */
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (begins ? trn_str_starts(trn_str_of(c->id), head) : trn_str_eq_c(head, c->id))
            return true;
    return false;
}

static int rule_check(struct reader *r, const struct trn_policy_node *v)
{
    char text[120];
    int code = need_text(r, v, "a check");
    if (code == 0 && !may_be_check(v->text)) {
        code = WRONG(r, v, "there is no check '%s'", shown(v, text));
        hint(r, "'turncoat explain' lists the checks; \"behaviour.*\" stands for all that begin so");
    }
    return code < 0 ? code : copy(r, v, v->text, r->rule->check, sizeof r->rule->check);
}

static int rule_software(struct reader *r, const struct trn_policy_node *v)
{
    int code = need_text(r, v, "a software");
    if (code < 0)
        return code;
    ptrdiff_t at = trn_str_find(v->text, '=');
    struct trn_str name = at < 0 ? v->text : trn_str_slice(v->text, 0, (size_t)at);
    if (name.n == 0 || (at >= 0 && (size_t)at + 1 == v->text.n)) {
        code = WRONG(r, v, "a software has a name, and a version behind '='");
        hint(r, "known: acme-softphone, acme-softphone=1.1");
        return code;
    }
    code = copy(r, v, name, r->rule->name, sizeof r->rule->name);
    if (code == 0 && at >= 0)
        code = copy(r, v, trn_str_slice(v->text, (size_t)at + 1, v->text.n), r->rule->version, sizeof r->rule->version);
    return code;
}

static int rule_score(struct reader *r, const struct trn_policy_node *v)
{
    uint32_t n = 0;
    int code = read_number(r, v, 1, 100, &n);
    r->rule->score = (uint16_t)n;
    return code;
}

static int rule_stage(struct reader *r, const struct trn_policy_node *v)
{
    const char *names[TRN_STAGE_MAX];
    unsigned at = 0;
    uint32_t n = 0;
    if (v->kind == TRN_NODE_TEXT && v->text.n && v->text.p[0] >= '0' && v->text.p[0] <= '9') {
        int code = read_number(r, v, 1, TRN_STAGE_MAX, &n);
        r->rule->stages = (uint8_t)n;
        return code;
    }
    for (unsigned i = 0; i < TRN_STAGE_MAX; i++)
        names[i] = trn_stage_name((enum trn_stage)i);
    int code = one_of(r, v, names, TRN_STAGE_MAX, &at);
    r->rule->stage = code < 0 ? 0 : (uint8_t)(at + 1);
    return code;
}

static int rule_verdict(struct reader *r, const struct trn_policy_node *v)
{
    static const char *const words[TRN_VERDICT_MAX] = {
        [TRN_VERDICT_NOTE] = "note", [TRN_VERDICT_SUSPICIOUS] = "suspicious", [TRN_VERDICT_MALICIOUS] = "malicious"};
    unsigned at = 0;
    int code = one_of(r, v, words, TRN_VERDICT_MAX, &at);
    r->rule->verdict = (uint8_t)at;
    return code;
}

static int add_act(struct reader *r, const struct trn_policy_node *v)
{
    const char *names[TRN_RESPOND_KINDS] = {0};
    unsigned at = 0;
    for (unsigned i = 0; i < TRN_RESPOND_KINDS; i++)
        names[i] = TRN_POLICY_ACTS & (1u << i) ? trn_respond_name((enum trn_respond)i) : NULL;
    int code = one_of(r, v, names, TRN_RESPOND_KINDS, &at);
    if (code == 0)
        r->rule->acts |= 1u << at;
    return code;
}

static int rule_act(struct reader *r, const struct trn_policy_node *v)
{
    return each(r, v, add_act);
}

static int rule_for(struct reader *r, const struct trn_policy_node *v)
{
    return read_span(r, v, &r->rule->seconds);
}

static int rule_except(struct reader *r, const struct trn_policy_node *v)
{
    return read_hosts(r, v, &r->rule->except);
}

static int rule_timeout(struct reader *r, const struct trn_policy_node *v)
{
    return read_timeout(r, v, &r->rule->fail_closed);
}

static int read_rule(struct reader *r, const struct trn_policy_node *v)
{
    static const struct key keys[] = {
        {"check", rule_check}, {"software", rule_software}, {"score", rule_score},
        {"stage", rule_stage}, {"verdict", rule_verdict},   {"act", rule_act},
        {"for", rule_for},     {"except", rule_except},     {"on-timeout", rule_timeout},
    };
    if (r->p->n_rules == TRN_POLICY_RULES)
        return WRONG(r, v, "more than %u rules", TRN_POLICY_RULES);
    struct trn_policy_rule *rule = r->rule = &r->p->rules[r->p->n_rules++];
    rule->line = v->line;
    int code = read_map(r, v, "a rule", keys, TRN_ARRAY_SIZE(keys));
    if (code < 0)
        return code;
    if (!rule->acts) {
        code = WRONG(r, v, "a rule without 'act'");
        hint(r, "known: act: [block, hold, kill, isolate, shield, quarantine]");
        return code;
    }
    if (rule->check[0] || rule->name[0] || rule->score || rule->stages || rule->stage || rule->verdict)
        return 0;
    code = WRONG(r, v, "a rule that says not when it is meant");
    hint(r, "name at least one of: check, software, score, stage, verdict");
    return code;
}

/* ---- the file ---- */

static int top_mode(struct reader *r, const struct trn_policy_node *v)
{
    static const char *const words[] = {"detect", "protect"};
    unsigned at = 0;
    int code = one_of(r, v, words, TRN_ARRAY_SIZE(words), &at);
    r->p->protect = at == 1;
    return code;
}

static int top_rules(struct reader *r, const struct trn_policy_node *v)
{
    if (v->kind == TRN_NODE_TEXT && v->text.n == 0)
        return 0;
    if (v->kind != TRN_NODE_LIST)
        return WRONG(r, v, "rules are a list: each begins with '-'");
    int code = 0;
    for (const struct trn_policy_node *n = v->child; code == 0 && n; n = n->next)
        code = read_rule(r, n);
    return code;
}

static int hold_ms(struct reader *r, const struct trn_policy_node *v)
{
    return read_number(r, v, TRN_POLICY_MS_MIN, TRN_POLICY_MS_MAX, &r->p->hold_ms);
}

static int hold_fresh(struct reader *r, const struct trn_policy_node *v)
{
    uint64_t sec = 0;
    int code = read_span(r, v, &sec);
    r->p->fresh_sec = (uint32_t)sec;
    return code;
}

static int hold_then(struct reader *r, const struct trn_policy_node *v)
{
    return read_timeout(r, v, &r->p->hold_refuse);
}

static int top_hold(struct reader *r, const struct trn_policy_node *v)
{
    static const struct key keys[] = {{"for-ms", hold_ms}, {"fresh", hold_fresh}, {"then", hold_then}};
    if (v->kind == TRN_NODE_TEXT)
        return read_bool(r, v, &r->p->hold_new);
    r->p->hold_new = true;
    return read_map(r, v, "hold-new-programs", keys, TRN_ARRAY_SIZE(keys));
}

static int top_mounts(struct reader *r, const struct trn_policy_node *v)
{
    return each(r, v, add_mount);
}

static int top_deadline(struct reader *r, const struct trn_policy_node *v)
{
    return read_number(r, v, TRN_POLICY_MS_MIN, TRN_POLICY_MS_MAX, &r->p->deadline_ms);
}

static int top_timeout(struct reader *r, const struct trn_policy_node *v)
{
    return read_timeout(r, v, &r->p->fail_closed);
}

static int top_survive(struct reader *r, const struct trn_policy_node *v)
{
    return read_bool(r, v, &r->p->survive);
}

static int top_vital(struct reader *r, const struct trn_policy_node *v)
{
    return each(r, v, add_vital);
}

static int rate_acts(struct reader *r, const struct trn_policy_node *v)
{
    return read_number(r, v, 0, TRN_POLICY_RATE_MAX, &r->p->acts_per_minute);
}

static int rate_kills(struct reader *r, const struct trn_policy_node *v)
{
    return read_number(r, v, 0, TRN_POLICY_RATE_MAX, &r->p->kills_per_minute);
}

static int top_rates(struct reader *r, const struct trn_policy_node *v)
{
    static const struct key keys[] = {{"acts-per-minute", rate_acts}, {"kills-per-minute", rate_kills}};
    return read_map(r, v, "rates", keys, TRN_ARRAY_SIZE(keys));
}

static int top_manager(struct reader *r, const struct trn_policy_node *v)
{
    return read_hosts(r, v, &r->p->manager);
}

static int top_dns(struct reader *r, const struct trn_policy_node *v)
{
    return read_hosts(r, v, &r->p->dns);
}

static int top_administration(struct reader *r, const struct trn_policy_node *v)
{
    return read_hosts(r, v, &r->p->administration);
}

int trn_policy_words(const struct trn_policy_node *root, struct trn_policy *ret, struct trn_policy_error *err)
{
    static const struct key keys[] = {
        {"mode", top_mode},
        {"rules", top_rules},
        {"hold-new-programs", top_hold},
        {"protect-mounts", top_mounts},
        {"deadline-ms", top_deadline},
        {"on-timeout", top_timeout},
        {"survive-restart", top_survive},
        {"vital", top_vital},
        {"rates", top_rates},
        {"manager", top_manager},
        {"dns", top_dns},
        {"administration", top_administration},
    };
    struct reader r = {.p = ret, .err = err};
    trn_policy_default(ret);
    if (!root || (root->kind == TRN_NODE_TEXT && root->text.n == 0))
        return 0;
    int code = read_map(&r, root, "a policy", keys, TRN_ARRAY_SIZE(keys));
    if (code < 0)
        return code;
    TRN_AUTO(trn_buf_done) struct trn_buf bytes;
    trn_buf_init(&bytes, TRN_POLICY_WORDS);
    trn_policy_encode(ret, &bytes);
    return bytes.bad ? WRONG(&r, NULL, "it says too much: %u KB at most, when packed", TRN_POLICY_WORDS >> 10) : 0;
}
