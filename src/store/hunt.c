/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading a hunt expression, and matching one term against one event. Must not own: SQL.
 * Hand-offs: texts of the parsed expression live in the caller's arena.
 */
#include "store/hunt.h"

static const struct {
    const char *word;  /* what a person writes */
    const char *field; /* name in the field table */
    enum trn_hunt_column column;
    bool exact;
} words[] = {
    {"process", "process.executable", TRN_HUNT_PROCESS, false},
    {"process.executable", "process.executable", TRN_HUNT_PROCESS, false},
    {"process.name", "process.name", TRN_HUNT_PROCESS, false},
    {"path", "file.path", TRN_HUNT_PATH, false},
    {"file.path", "file.path", TRN_HUNT_PATH, true},
    {"dll.path", "dll.path", TRN_HUNT_PATH, true},
    {"file.Ext.original.path", "file.Ext.original.path", TRN_HUNT_PATH, true},
    {"turncoat.image.script", "turncoat.image.script", TRN_HUNT_PATH, true},
    {"sha256", "file.hash.sha256", TRN_HUNT_SHA256, false},
    {"file.hash.sha256", "file.hash.sha256", TRN_HUNT_SHA256, false},
    {"process.hash.sha256", "process.hash.sha256", TRN_HUNT_SHA256, false},
    {"domain", "dns.question.name", TRN_HUNT_DOMAIN, false},
    {"dns.question.name", "dns.question.name", TRN_HUNT_DOMAIN, true},
    {"destination.domain", "destination.domain", TRN_HUNT_DOMAIN, true},
    {"sni", "tls.client.server_name", TRN_HUNT_DOMAIN, true},
    {"tls.client.server_name", "tls.client.server_name", TRN_HUNT_DOMAIN, true},
    {"ja4", "tls.client.ja4", TRN_HUNT_MATCH, false},
    {"ip", "destination.ip", TRN_HUNT_IP, false},
    {"destination.ip", "destination.ip", TRN_HUNT_IP, true},
    {"port", "destination.port", TRN_HUNT_PORT, false},
    {"destination.port", "destination.port", TRN_HUNT_PORT, false},
    {"software", "package.name", TRN_HUNT_SOFTWARE, false},
    {"package.name", "package.name", TRN_HUNT_SOFTWARE, true},
    {"type", "turncoat.type", TRN_HUNT_TYPE, false},
    {"turncoat.type", "turncoat.type", TRN_HUNT_TYPE, false},
    {"pid", "process.pid", TRN_HUNT_PID, false},
    {"process.pid", "process.pid", TRN_HUNT_PID, false},
    {"user", "user.id", TRN_HUNT_USER, false},
    {"user.id", "user.id", TRN_HUNT_USER, false},
    {"entity", "process.entity_id", TRN_HUNT_ENTITY, false},
    {"process.entity_id", "process.entity_id", TRN_HUNT_ENTITY, false},
    {"seq", "event.sequence", TRN_HUNT_SEQ, false},
    {"event.sequence", "event.sequence", TRN_HUNT_SEQ, false},
    {"args", "process.command_line", TRN_HUNT_MATCH, false},
    {"action", "event.action", TRN_HUNT_MATCH, false},
    {"answer", "dns.answers", TRN_HUNT_MATCH, false},
    {"env", "process.env_vars", TRN_HUNT_MATCH, false},
    {"container", "container.id", TRN_HUNT_MATCH, false},
};

static int bad(struct trn_err *err, const char *what, struct trn_str subject)
{
    char shown[120];

    trn_fail(err, -EINVAL, "cannot read hunt: %s '%s'", what, trn_escape_into(shown, sizeof(shown), subject));
    trn_hint(err, "write FIELD=VALUE, such as: process=curl ip=10.9.0.5 since=2h");
    return -EINVAL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A word up to white space (or, for a field, up to the operator); views into the text. */
static struct trn_str take(struct trn_str *rest, bool field)
{
    size_t n = 0;

    while (n < rest->n && !is_space(rest->p[n]) && !(field && (rest->p[n] == '=' || rest->p[n] == '!')))
        n++;
    struct trn_str word = trn_str_slice(*rest, 0, n);
    *rest = trn_str_slice(*rest, n, rest->n);
    return word;
}

/* After the opening quote; only \" and \\ of the quotes' own are undone: \* stays for the pattern. */
static int take_quoted(struct trn_str *rest, struct trn_arena *arena, struct trn_str *ret)
{
    char *p = trn_arena_alloc(arena, rest->n + 1);
    size_t n = 0, i = 0;

    if (p == NULL)
        return -ENOMEM;
    for (; i < rest->n && rest->p[i] != '"'; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->n && rest->p[i + 1] == '"')
            i++;
        else if (rest->p[i] == '\\' && i + 1 < rest->n)
            p[n++] = rest->p[i++];
        p[n++] = rest->p[i];
    }
    if (i == rest->n)
        return -EINVAL;
    *rest = trn_str_slice(*rest, i + 1, rest->n);
    *ret = (struct trn_str){p, n};
    return 0;
}

static bool has_wildcard(struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '*' || s.p[i] == '?')
            return true;
    }
    return false;
}

struct trn_str trn_hunt_literal(const struct trn_hunt_term *t, struct trn_arena *arena)
{
    char *p = trn_arena_alloc(arena, t->value.n + 1);
    size_t n = 0;

    if (p == NULL)
        return TRN_STR_NONE;
    for (size_t i = 0; i < t->value.n; i++) {
        if (t->value.p[i] == '\\' && i + 1 < t->value.n)
            i++;
        p[n++] = t->value.p[i];
    }
    return (struct trn_str){p, n};
}

static int name_term(struct trn_hunt_term *t, struct trn_str field, struct trn_err *err)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        if (trn_str_eq_c(field, words[i].word)) {
            t->name = trn_str_of(words[i].field);
            t->column = words[i].column;
            t->exact = words[i].exact;
            return 0;
        }
    }
    const struct trn_field_def *f = trn_field_by_name(field, TRN_EV_INVALID);
    if (f == NULL)
        return bad(err, "no field is called", field);
    t->name = trn_str_of(f->name);
    t->column = TRN_HUNT_MATCH;
    return 0;
}

static int time_term(struct trn_hunt *h, struct trn_str field, struct trn_str value, uint64_t now, struct trn_err *err)
{
    uint64_t ns;

    if (trn_time_parse(value, now, &ns) < 0) {
        bad(err, "no time:", value);
        trn_hint(err, "write 30m, 2h, 7d, or 2026-11-23T07:00:00Z");
        return -EINVAL;
    }
    if (trn_str_eq_c(field, "since"))
        h->since = ns;
    else
        h->until = ns;
    return 0;
}

/* FIELD, operator and VALUE at the start of *rest. */
static int take_term(struct trn_str *rest, struct trn_arena *arena, struct trn_str *ret_field, bool *ret_negate,
                     struct trn_str *ret_value, struct trn_err *err)
{
    struct trn_str whole = *rest, field = take(rest, true);
    bool negate = trn_str_starts(*rest, TRN_STR("!="));

    if (field.n == 0 || !(negate || trn_str_starts(*rest, TRN_STR("="))))
        return bad(err, "expected FIELD=VALUE, not", take(&whole, false));
    *rest = trn_str_slice(*rest, negate ? 2 : 1, rest->n);
    if (rest->n && rest->p[0] == '"') {
        *rest = trn_str_slice(*rest, 1, rest->n);
        int r = take_quoted(rest, arena, ret_value);
        if (r < 0)
            return bad(err, "a quote is not closed after", field);
    } else {
        struct trn_str value = take(rest, false);
        if (value.n == 0)
            return bad(err, "no value after", field);
        *ret_value = trn_arena_str(arena, value);
        if (ret_value->p == NULL)
            return trn_fail(err, -ENOMEM, "cannot read hunt: out of memory");
    }
    *ret_field = field;
    *ret_negate = negate;
    return 0;
}

static bool take_word_if(struct trn_str *rest, const char *word)
{
    struct trn_str after = *rest, w = take(&after, false);
    if (!trn_str_eq_c(w, word))
        return false;
    *rest = after;
    return true;
}

int trn_hunt_parse(struct trn_str expr, uint64_t now_wall_ns, struct trn_arena *arena, struct trn_hunt *ret,
                   struct trn_err *err)
{
    struct trn_hunt h = {.until = UINT64_MAX};
    bool group = true, timed = false, dangling = false;

    if (expr.n > TRN_HUNT_TEXT)
        return trn_fail(err, -E2BIG, "cannot read hunt: longer than %d bytes", TRN_HUNT_TEXT);
    for (struct trn_str rest = trn_str_trim(expr); rest.n; rest = trn_str_trim(rest)) {
        struct trn_str field = TRN_STR_NONE, value = TRN_STR_NONE;
        bool negate = false;
        if (take_word_if(&rest, "or") || take_word_if(&rest, "OR")) {
            if (group)
                return bad(err, "nothing stands before", TRN_STR("or"));
            group = dangling = true;
            continue;
        }
        if (take_word_if(&rest, "and") || take_word_if(&rest, "AND"))
            continue;
        int r = take_term(&rest, arena, &field, &negate, &value, err);
        if (r < 0)
            return r;
        if (trn_str_eq_c(field, "since") || trn_str_eq_c(field, "until")) {
            r = time_term(&h, field, value, now_wall_ns, err);
            if (r < 0)
                return r;
            timed = true;
            continue;
        }
        if (h.n >= TRN_HUNT_TERMS)
            return trn_fail(err, -E2BIG, "cannot read hunt: more than %d terms", TRN_HUNT_TERMS);
        struct trn_hunt_term *t = &h.terms[h.n++];
        *t = (struct trn_hunt_term){.value = value,
                                    .negate = negate,
                                    .wildcard = has_wildcard(value),
                                    .begins_group = group};
        r = name_term(t, field, err);
        if (r < 0)
            return r;
        group = dangling = false;
    }
    if (dangling)
        return bad(err, "nothing stands behind", TRN_STR("or"));
    if (h.n == 0 && !timed)
        return bad(err, "it is empty", TRN_STR(""));
    *ret = h;
    return 0;
}

static bool text_matches(const struct trn_hunt_term *t, struct trn_str text)
{
    return trn_glob(t->value, text, false);
}

/* True when one item of the list, or all of them joined, match. */
static bool list_matches(const struct trn_hunt_term *t, struct trn_str list)
{
    struct trn_str item;

    if (list.n && list.p[list.n - 1] == '\0')
        list.n--;
    while (trn_str_split(&list, '\0', &item))
        if (text_matches(t, item))
            return true;
    return false;
}

static bool field_matches(const struct trn_hunt_term *t, struct trn_str name, const struct trn_event *ev,
                          struct trn_buf *scratch)
{
    const struct trn_field_def *f = trn_field_by_name(name, (enum trn_event_type)ev->type);
    struct trn_value v;

    if (f == NULL || !trn_event_get(ev, f, &v))
        return false;
    if (v.kind == TRN_KIND_STR)
        return text_matches(t, v.s);
    if (v.kind == TRN_KIND_LIST && list_matches(t, v.s))
        return true;
    trn_buf_clear(scratch);
    trn_value_text(&v, scratch);
    return text_matches(t, trn_buf_str(scratch));
}

bool trn_hunt_match(const struct trn_hunt_term *t, const struct trn_event *ev, struct trn_buf *scratch)
{
    if (field_matches(t, t->name, ev, scratch))
        return true;
    if (t->exact)
        return false;
    if (t->column == TRN_HUNT_DOMAIN)
        return field_matches(t, TRN_STR("destination.domain"), ev, scratch) ||
               field_matches(t, TRN_STR("tls.client.server_name"), ev, scratch);
    return t->column == TRN_HUNT_IP && field_matches(t, TRN_STR("source.ip"), ev, scratch);
}
