/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: where in events and stories private words can stand. Events go through the field table, so that a field that
 * is added later is looked at too. Arguments, values of variables and notes of people leave whole; names and homes leave
 * every text; what was an argument also leaves sentences and evidence that quote it.
 * Must not: touch numbers, hashes, addresses, times.
 */
#include "evidence/redact_words.h"

#define ARGUMENT_SHORTEST 4u /* "-c" and "id" are words of every sentence */
#define SCRIPT_MAX 2048u
#define LIST_MAX ((size_t)256 << 10)

/* ---- learning ---- */

int trn_redactor_user(struct trn_redactor *r, struct trn_str name)
{
    return trn_str_eq_c(name, "root") ? 0 : trn_private_add(r, name, TRN_PRIVATE_USER);
}

int trn_redactor_home(struct trn_redactor *r, struct trn_str path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    return path.n > 2 && path.p[0] == '/' ? trn_private_add(r, path, TRN_PRIVATE_HOME) : 0;
}

int trn_redactor_host(struct trn_redactor *r, struct trn_str name)
{
    ptrdiff_t dot = trn_str_find(name, '.');
    if (trn_str_eq_c(name, "localhost") || trn_str_starts(name, TRN_STR("localhost.")))
        return 0;
    int e = trn_private_add(r, name, TRN_PRIVATE_HOST);
    return e < 0 || dot < 0 ? e : trn_private_add(r, trn_str_slice(name, 0, (size_t)dot), TRN_PRIVATE_HOST);
}

/* A word of a command line, what stands behind its '=', and both as our sentences would escape them. */
static int learn_word(struct trn_redactor *r, struct trn_str a)
{
    ptrdiff_t eq = trn_str_find(a, '=');
    struct trn_str forms[2] = {a, eq < 0 ? TRN_STR_NONE : trn_str_slice(a, (size_t)eq + 1, a.n)};
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(forms); i++) {
        if (forms[i].n < ARGUMENT_SHORTEST)
            continue;
        TRN_AUTO(trn_buf_done) struct trn_buf shown;
        trn_buf_init(&shown, LIST_MAX);
        trn_escape(&shown, forms[i]);
        e = trn_private_add(r, forms[i], TRN_PRIVATE_ARGUMENT);
        if (e == 0 && !shown.bad && !trn_str_eq(trn_buf_str(&shown), forms[i]))
            e = trn_private_add(r, trn_buf_str(&shown), TRN_PRIVATE_ARGUMENT);
    }
    return e;
}

/* An argument, and the words in it: "sh -c" has a whole command line in one. */
static int learn_argument(struct trn_redactor *r, struct trn_str a)
{
    struct trn_str rest = a, word;
    int e = trn_private_learn(r, a);
    if (e == 0)
        e = learn_word(r, a);
    while (e == 0 && a.n <= SCRIPT_MAX && trn_str_split(&rest, ' ', &word))
        e = word.n < a.n ? learn_word(r, word) : 0;
    return e;
}

/* A text of a person, as it is and as our sentences would escape it. */
static int learn_note(struct trn_redactor *r, struct trn_str note)
{
    TRN_AUTO(trn_buf_done) struct trn_buf shown;
    trn_buf_init(&shown, LIST_MAX);
    trn_escape(&shown, note);
    int e = trn_private_add(r, note, TRN_PRIVATE_NOTE);
    return e < 0 || shown.bad ? e : trn_private_add(r, trn_buf_str(&shown), TRN_PRIVATE_NOTE);
}

/* The first word is the program's own name. */
static int learn_arguments(struct trn_redactor *r, struct trn_str list, char separator)
{
    struct trn_str item;
    int e = 0;
    for (bool first = true; e == 0 && trn_str_split(&list, separator, &item); first = false)
        e = first ? trn_private_learn(r, item) : learn_argument(r, item);
    return e;
}

static int learn_list(struct trn_redactor *r, struct trn_str list)
{
    struct trn_str item;
    int e = 0;
    while (e == 0 && trn_str_split(&list, '\0', &item))
        e = trn_private_learn(r, item);
    return e;
}

/* Texts of an event that are evidence in themselves. */
static bool is_evidence(uint16_t field)
{
    switch (field) {
    case TRN_F_EXECUTABLE:
    case TRN_F_SCRIPT:
    case TRN_F_INTERP:
    case TRN_F_FILE_PATH:
    case TRN_F_FILE_OLD_PATH:
    case TRN_F_DLL_PATH:
    case TRN_F_IDENTITY_PATH:
    case TRN_F_DNS_NAME:
    case TRN_F_DST_DOMAIN:
    case TRN_F_TLS_SNI:
        return true;
    default:
        return false;
    }
}

int trn_redactor_see_event(struct trn_redactor *r, const struct trn_event *ev)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);
    struct trn_value v;
    int e = 0;
    for (size_t i = 0; e == 0 && i < n; i++) {
        if (f[i].derived || (f[i].kind != TRN_KIND_STR && f[i].kind != TRN_KIND_LIST) || !trn_event_get(ev, &f[i], &v))
            continue;
        if (f[i].id == TRN_F_ARGS)
            e = learn_arguments(r, v.s, '\0');
        else if (f[i].id == TRN_F_EXCEPTION_BY || f[i].id == TRN_F_RESPONSE_BY)
            e = trn_redactor_user(r, v.s);
        else if (f[i].id == TRN_F_EXCEPTION_REASON || f[i].id == TRN_F_FILTER_WHY || f[i].id == TRN_F_DECISION_TEXT ||
                 f[i].id == TRN_F_RESPONSE_WHY)
            e = learn_note(r, v.s);
        else if (f[i].kind == TRN_KIND_LIST)
            e = learn_list(r, v.s);
        else
            e = trn_private_learn(r, v.s);
        if (is_evidence(f[i].id))
            trn_private_keep(r, v.s);
        if (f[i].id == TRN_F_EXECUTABLE)
            trn_private_keep(r, trn_path_base(v.s));
    }
    return e;
}

/* Who made an exception, until when and why: src/detect/exceptions.c. */
static int learn_evidence(struct trn_redactor *r, const struct trn_pair *p)
{
    if (trn_str_eq_c(p->key, "last_by"))
        return trn_redactor_user(r, p->value);
    if (trn_str_eq_c(p->key, "exception"))
        return learn_note(r, p->value);
    return trn_private_learn(r, p->value);
}

static int learn_findings(struct trn_redactor *r, const struct trn_story *s)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < s->n_findings; i++) {
        const struct trn_finding *f = &s->findings[i];
        e = trn_private_learn(r, f->summary);
        for (uint32_t k = 0; e == 0 && k < f->n_evidence; k++)
            e = learn_evidence(r, &f->evidence[k]);
    }
    return e;
}

#define BY_USER TRN_STR("user ")

static int learn_action(struct trn_redactor *r, const struct trn_story_action *a)
{
    int e = trn_private_learn(r, a->target);
    if (e == 0 && trn_str_starts(a->by, BY_USER))
        e = trn_redactor_user(r, trn_str_slice(a->by, BY_USER.n, a->by.n));
    return e;
}

int trn_redactor_see_story(struct trn_redactor *r, const struct trn_story *s)
{
    int e = trn_private_learn(r, s->sentence);
    if (e == 0)
        e = learn_note(r, s->close_why);
    if (e == 0)
        e = trn_redactor_user(r, s->assigned);
    if (e == 0)
        e = learn_findings(r, s);
    for (uint32_t i = 0; e == 0 && i < s->n_processes; i++) {
        trn_private_keep(r, s->processes[i].path);
        trn_private_keep(r, trn_path_base(s->processes[i].path));
        e = trn_private_learn(r, s->processes[i].path);
        if (e == 0) /* a command line is words with spaces between: each, and what follows the first */
            e = learn_arguments(r, s->processes[i].args, ' ');
    }
    for (uint32_t i = 0; e == 0 && i < s->n_files; i++) {
        trn_private_keep(r, s->files[i].path);
        e = trn_private_learn(r, s->files[i].path);
    }
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        trn_private_keep(r, s->hosts[i].address);
        trn_private_keep(r, s->hosts[i].name);
    }
    for (uint32_t i = 0; e == 0 && i < s->n_actions; i++)
        e = learn_action(r, &s->actions[i]);
    trn_private_keep(r, s->software.name);
    trn_private_keep(r, s->software.version);
    return e;
}

/* ---- removing ---- */

/* "LD_PRELOAD=/home/..." -> "LD_PRELOAD=": which variable was set is what counts. */
static int only_names(struct trn_redactor *r, struct trn_str *list, struct trn_arena *arena)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str rest = *list, item;
    trn_buf_init(&b, LIST_MAX);
    while (trn_str_split(&rest, '\0', &item)) {
        ptrdiff_t eq = trn_str_find(item, '=');
        if (eq < 0)
            continue;
        trn_put(&b, item.p, (size_t)eq + 1);
        trn_put_u8(&b, 0);
        r->counts.variables++;
    }
    *list = trn_arena_str(arena, trn_buf_str(&b));
    return b.bad || !list->p ? -ENOMEM : 0;
}

static int each_item(struct trn_redactor *r, struct trn_str *list, struct trn_arena *arena)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str rest = *list, item;
    trn_buf_init(&b, LIST_MAX);
    if (rest.n && rest.p[rest.n - 1] == '\0')
        rest.n--;
    while (list->n && trn_str_split(&rest, '\0', &item)) {
        if (trn_redact_name(r, &item, arena) < 0)
            return -ENOMEM;
        trn_put_str(&b, item);
        trn_put_u8(&b, 0);
    }
    struct trn_str fresh = trn_arena_str(arena, trn_buf_str(&b));
    if (b.bad || !fresh.p)
        return -ENOMEM;
    *list = fresh;
    return 0;
}

static uint64_t arguments_in(struct trn_str list)
{
    uint64_t n = 0;
    for (size_t i = 0; i < list.n; i++)
        n += list.p[i] == '\0';
    return n ? n - 1 : 0;
}

static int redact_value(struct trn_redactor *r, const struct trn_field_def *f, struct trn_str *s,
                        struct trn_arena *arena)
{
    switch (f->id) {
    case TRN_F_ARGS:
        r->counts.arguments += arguments_in(*s);
        *s = TRN_STR_NONE;
        return 0;
    case TRN_F_ENV:
        return only_names(r, s, arena);
    case TRN_F_FILTER_WHY:
    case TRN_F_EXCEPTION_REASON:
    case TRN_F_DECISION_TEXT:
    case TRN_F_RESPONSE_WHY:
        r->counts.notes++;
        *s = TRN_STR_NONE;
        return 0;
    case TRN_F_MESSAGE:
        return trn_redact_text(r, s, arena);
    default:
        return f->kind == TRN_KIND_LIST ? each_item(r, s, arena) : trn_redact_name(r, s, arena);
    }
}

static int redact_extras(struct trn_redactor *r, struct trn_event *ev, struct trn_arena *arena)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < ev->n_extras && i < TRN_EV_EXTRAS; i++) {
        struct trn_extra x = ev->extras[i];
        const struct trn_field_def *f = trn_field_by_id(x.field);
        if (!f)
            continue; /* bytes that nobody here can read do not leave */
        if ((f->kind == TRN_KIND_STR || f->kind == TRN_KIND_LIST) && redact_value(r, f, &x.value, arena) < 0)
            return -ENOMEM;
        if (!trn_str_is_none(x.value))
            ev->extras[n++] = x;
    }
    ev->n_extras = n;
    return 0;
}

int trn_redact_event(struct trn_redactor *r, struct trn_event *ev, struct trn_arena *arena)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);
    struct trn_value v;
    for (size_t i = 0; i < n; i++) {
        if (f[i].derived || f[i].size == 0 || (f[i].kind != TRN_KIND_STR && f[i].kind != TRN_KIND_LIST) ||
            !trn_field_has(&f[i], (enum trn_event_type)ev->type) || !trn_event_get(ev, &f[i], &v))
            continue;
        int e = redact_value(r, &f[i], &v.s, arena);
        if (e == 0)
            e = trn_event_set(ev, &f[i], &v);
        if (e < 0)
            return e;
    }
    return redact_extras(r, ev, arena);
}

struct texts { /* one error for many texts */
    struct trn_redactor *r;
    struct trn_arena *arena;
    int e;
};

static void name(struct texts *t, struct trn_str *s)
{
    if (t->e == 0)
        t->e = trn_redact_name(t->r, s, t->arena);
}

static void sentence(struct texts *t, struct trn_str *s)
{
    if (t->e == 0)
        t->e = trn_redact_text(t->r, s, t->arena);
}

static void software(struct texts *t, struct trn_software *s)
{
    name(t, &s->name);
    name(t, &s->version);
    name(t, &s->signer);
}

static void findings(struct texts *t, struct trn_story *s)
{
    for (uint32_t i = 0; i < s->n_findings; i++) {
        struct trn_finding *f = &s->findings[i];
        sentence(t, &f->summary);
        software(t, &f->software);
        for (uint32_t k = 0; k < f->n_evidence; k++)
            sentence(t, &f->evidence[k].value);
    }
}

int trn_redact_story(struct trn_redactor *r, struct trn_story *s, struct trn_arena *arena)
{
    struct texts t = {r, arena, 0};
    software(&t, &s->software);
    name(&t, &s->change_from);
    name(&t, &s->change_to);
    name(&t, &s->change_by);
    sentence(&t, &s->sentence);
    findings(&t, s);
    for (uint32_t i = 0; i < s->n_processes; i++) {
        name(&t, &s->processes[i].path);
        r->counts.arguments += !trn_str_is_empty(s->processes[i].args);
        s->processes[i].args = TRN_STR_NONE;
    }
    for (uint32_t i = 0; i < s->n_files; i++)
        name(&t, &s->files[i].path);
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        name(&t, &s->hosts[i].address);
        name(&t, &s->hosts[i].name);
    }
    for (uint32_t i = 0; i < s->n_why; i++)
        sentence(&t, &s->why[i]);
    for (uint32_t i = 0; i < s->n_benign_if; i++)
        sentence(&t, &s->benign_if[i]);
    for (uint32_t i = 0; i < s->n_actions; i++) {
        name(&t, &s->actions[i].target);
        sentence(&t, &s->actions[i].text);
        if (!trn_str_starts(s->actions[i].by, BY_USER))
            continue; /* root, or the policy */
        s->actions[i].by = TRN_STR("[removed]");
        r->counts.notes++;
    }
    if (!trn_str_is_empty(s->close_why)) {
        s->close_why = TRN_STR("[removed]");
        r->counts.notes++;
    }
    if (!trn_str_is_empty(s->assigned)) { /* a person's name */
        s->assigned = TRN_STR("[removed]");
        r->counts.notes++;
    }
    return t.e;
}
