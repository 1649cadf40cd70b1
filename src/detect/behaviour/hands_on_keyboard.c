/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: noticing shells that wait for commands, and commands that look around, below a software that acts. A row belongs to such a shell, or to the software when there is none: three
 * different commands within two minutes, or a shell whose input and output are a connection, are given to hands_judge.c.
 * Must not: weigh; see what a shell does itself (cd, echo, type): only programs that it starts are told.
 */
#include "detect/behaviour/hands_on_keyboard.h"
#include "detect/behaviour/hands.h"
#include "detect/behaviour/recon.h"
#include "detect/behaviour/template.h"

#define WITHIN_NS (120 * TRN_NS_PER_SEC)
#define QUIET_NS (3600 * TRN_NS_PER_SEC) /* after that it is another finding */
#define CLIMB 8

struct trn_hands_watch {
    struct trn_map *rows; /* key -> struct trn_hands *, oldest first */
};

struct seen { /* one event, and what is known about it */
    const struct trn_detect_ctx *ctx;
    struct trn_profiles *profiles;
    const struct trn_provenance *written;
    const struct trn_event *ev;
    const struct trn_entity *e, *starter, *root; /* starter: who acts; NULL in a session */
};

struct trn_hands_watch *trn_hands_watch_new(void)
{
    struct trn_hands_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->rows = trn_hands_rows_new();
    return w->rows ? w : trn_hands_watch_free(w);
}

struct trn_hands_watch *trn_hands_watch_free(struct trn_hands_watch *w)
{
    if (w) {
        trn_hands_rows_free(w->rows);
        free(w);
    }
    return NULL;
}

static uint64_t key_of_software(uint64_t root)
{
    return trn_hash64_mix(root, 1);
}

/* ---- who ---- */

/* A container's or a service's own shell acts for itself: nobody's software is behind it. */
static bool is_bare_shell(const struct trn_entity *e)
{
    return e->image.role == TRN_ROLE_SHELL && trn_str_is_empty(e->image.script);
}

static void find_who(struct seen *s)
{
    bool session;
    s->starter = trn_process_starter(s->ctx->processes, s->e, &session);
    s->root = s->starter ? trn_root_of(s->ctx->processes, s->starter) : NULL;
}

static bool is_identified(const struct trn_entity *e)
{
    return trn_str_is_empty(e->image.script) ? e->image.identity != NULL : e->image.script_identity != NULL;
}

/* False: this software has no profile, or it is not known yet whose it is. */
static int ask(const struct seen *s, enum trn_feature_class class, struct trn_str text, struct trn_hands *row)
{
    struct trn_novelty n;
    if (!is_identified(s->starter))
        return 0;
    int r = trn_profiles_ask(s->profiles, s->ctx, s->starter, s->ev, class, text, &n);
    if (r)
        return r == -ENODATA ? 0 : r;
    row->novelty = n;
    row->has_novelty = true;
    return 0;
}

/* A program of no package that another program, neither a person nor its own updater, put there. */
static bool is_placed(const struct seen *s)
{
    struct trn_software who;
    trn_process_software(s->root, &who);
    if (who.origin != TRN_ORIGIN_MANUAL && who.origin != TRN_ORIGIN_UNKNOWN)
        return false;
    const struct trn_written *w = trn_provenance_find(s->written, &s->root->image.file, s->root->image.path);
    return w && w->acting && !(w->flags & TRN_WRITTEN_SESSION) && !trn_is_installer(&w->software) &&
           !trn_str_eq(w->software.name, who.name);
}

/* ---- telling ---- */

static int judge(const struct seen *s, struct trn_hands *row)
{
    struct trn_software who;
    const char *why = NULL;
    if (row->n < TRN_HANDS_MANY && (row->how != TRN_SHELL_NETWORK || row->told_score))
        return 0;
    row->placed = is_placed(s);
    trn_process_software(s->starter, &who);
    uint16_t score = trn_hands_weigh(row, &who, &why);
    uint32_t next = row->told ? row->told + TRN_MAX(2u, row->told / 2) : TRN_HANDS_MANY;
    if (!score || (score <= row->told_score && row->n < next))
        return 0;
    score = TRN_MAX(score, row->told_score);
    row->told = row->n;
    row->told_score = score;
    return trn_hands_tell(s->ctx, row, s->e, s->starter, s->ev, score, why);
}

/* ---- shells ---- */

static void name_shell(struct trn_hands *row, const struct seen *s, struct trn_str name, enum trn_shell_how how,
                       bool network)
{
    struct trn_str rest = s->ev->exec.stdio, one;
    char text[sizeof(row->stdio)];
    size_t n = 0;
    while (trn_str_split(&rest, '\0', &one) && rest.p && n + one.n + 2 < sizeof(text)) {
        n += trn_hands_keep(text + n, 2, n ? TRN_STR(", ") : TRN_STR(""));
        n += trn_hands_keep(text + n, sizeof(text) - n, one);
    }
    row->n_stdio = trn_hands_keep(row->stdio, sizeof(row->stdio), (struct trn_str){text, n});
    row->n_name = trn_hands_keep(row->name, sizeof(row->name), name);
    row->how = (uint8_t)how;
    row->network = network;
    row->shell = s->e->id;
    row->shell_seq = s->ev->seq;
    row->shell_boot_ns = s->ev->boot_ns;
}

/* The row of a shell that waits, above e or e itself. */
static struct trn_hands *row_above(const struct trn_hands_watch *w, const struct trn_detect_ctx *ctx,
                                   const struct trn_entity *e)
{
    for (int i = 0; e && i < CLIMB; i++) {
        struct trn_hands *row = trn_map_get_ptr(w->rows, e->id);
        if (row)
            return row;
        e = e->parent ? trn_process_get(ctx->processes, e->parent) : NULL;
    }
    return NULL;
}

/* Nobody's software: a person at a prompt, a timed job, a service that is a shell. */
static int shell_of_nobody(struct seen *s, struct trn_str name, enum trn_shell_how how)
{
    struct trn_hands row = {.key = s->e->id, .first_seq = s->ev->seq};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_software who;
    const char *why = NULL;
    int r = 0;
    trn_buf_init(&b, TRN_TEMPLATE_MAX + 32);
    if (how != TRN_SHELL_NETWORK)
        return 0;
    name_shell(&row, s, name, how, true);
    s->starter = trn_process_acting(s->ctx->processes, s->e);
    if (s->starter) {
        trn_process_software(s->starter, &who);
        r = ask(s, TRN_FEATURE_INTERPRETER, trn_shell_feature(name, how, &b), &row);
    }
    uint16_t score = trn_hands_weigh(&row, s->starter ? &who : NULL, &why);
    return r || !score ? r : trn_hands_tell(s->ctx, &row, s->e, s->starter, s->ev, score, why);
}

/* Of several shells within two minutes the first says how new they are. */
static int ask_shell(const struct seen *s, struct trn_hands *row, struct trn_str feature)
{
    struct trn_novelty before = row->novelty;
    bool fresh = row->has_novelty && row->shell_boot_ns + WITHIN_NS >= s->ev->boot_ns;
    row->has_novelty = false;
    int r = ask(s, TRN_FEATURE_INTERPRETER, feature, row);
    if (!r && row->has_novelty && fresh && before.state == TRN_FEATURE_NEW && row->novelty.state == TRN_FEATURE_WAITING)
        row->novelty = before;
    return r;
}

static int shell(struct trn_hands_watch *w, struct seen *s, bool interpreter)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char text[TRN_TEMPLATE_MAX], called[TRN_TEMPLATE_MAX];
    bool network;
    trn_buf_init(&b, TRN_TEMPLATE_MAX + 32);
    enum trn_shell_how how = trn_shell_how_of(s->ev, &network);
    if (!trn_str_is_empty(s->e->image.script))
        how = TRN_SHELL_ORDERS;
    if (interpreter && how != TRN_SHELL_NETWORK)
        return 0;
    struct trn_str name = trn_shell_name(s->ev, called);
    find_who(s);
    if (!s->starter || is_bare_shell(s->starter))
        return shell_of_nobody(s, name, how);
    struct trn_hands *row = row_above(w, s->ctx, s->e);
    if (row && row->root == s->root->id && row->how >= how)
        return 0; /* a shell in a shell; or told again after a restart */
    int r =
        trn_hands_row(w->rows, s->ctx, s->ev, how > TRN_SHELL_ORDERS ? s->e->id : key_of_software(s->root->id), &row);
    if (r || (row->root && row->how > how))
        return r;
    row->root = s->root->id;
    r = ask_shell(s, row, trn_shell_feature(trn_template_program(s->ev->exec.path, text), how, &b));
    name_shell(row, s, name, how, network);
    row->first_seq = row->first_seq ? row->first_seq : s->ev->seq;
    if (!r && how == TRN_SHELL_NETWORK)
        r = judge(s, row);
    return r ? r : row->told_score ? trn_hands_remember(s->ctx, s->ev, row) : 0;
}

/* ---- commands ---- */

/* Commands of more than two minutes ago are over, and all pace with the last of them. */
static void age(struct trn_hands *row, const struct trn_event *ev)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        uint64_t then = row->commands[i].boot_ns;
        if (then <= ev->boot_ns && then + WITHIN_NS >= ev->boot_ns)
            row->commands[kept++] = row->commands[i];
    }
    row->n = kept;
    if (kept == 0)
        row->runs = row->others = row->n_gaps = 0;
    bool again = row->last_boot_ns > ev->boot_ns || row->last_boot_ns + QUIET_NS < ev->boot_ns;
    if (again && row->last_boot_ns) {
        row->told = row->told_score = 0;
        row->first_seq = ev->seq;
    }
}

/* How long it took from the end of the one before: a script does not think. */
static void note_gap(struct trn_hands *row, const struct seen *s)
{
    const struct trn_entity *last = trn_process_get(s->ctx->processes, row->last_entity);
    uint64_t from = row->last_boot_ns, now = s->ev->boot_ns;
    if (!row->runs)
        return;
    if (last && last->exit_boot_ns > from && last->exit_boot_ns <= now)
        from = last->exit_boot_ns;
    if (row->n_gaps == TRN_HANDS_GAPS)
        memmove(&row->gaps_ms[0], &row->gaps_ms[1], --row->n_gaps * sizeof(row->gaps_ms[0]));
    row->gaps_ms[row->n_gaps++] = now > from ? (uint32_t)((now - from) / TRN_NS_PER_MS) : 0;
}

static struct trn_str text_of(const struct trn_recon *c, struct trn_buf *b)
{
    trn_buf_clear(b);
    trn_put_c(b, c->command);
    if (c->what)
        trn_put_fmt(b, " %s", c->what);
    return trn_str_slice(trn_buf_str(b), 0, TRN_HANDS_TEXT);
}

/* True when it was not among them. */
static bool note(struct trn_hands *row, const struct seen *s, struct trn_str text)
{
    age(row, s->ev);
    note_gap(row, s);
    row->runs++;
    row->last_entity = s->e->id;
    row->last_boot_ns = s->ev->boot_ns;
    if (!row->first_seq)
        row->first_seq = s->ev->seq;
    for (uint32_t i = 0; i < row->n; i++)
        if (trn_str_eq((struct trn_str){row->commands[i].text, row->commands[i].n}, text))
            return false;
    if (row->n == TRN_HANDS_COMMANDS)
        return false;
    struct trn_hands_command *c = &row->commands[row->n++];
    *c = (struct trn_hands_command){.boot_ns = s->ev->boot_ns, .seq = s->ev->seq};
    c->n = trn_hands_keep(c->text, sizeof(c->text), text);
    return true;
}

static bool is_habit(const struct trn_hands *row)
{
    return row->has_novelty && trn_novelty_mature(&row->novelty) && row->novelty.state == TRN_FEATURE_ORDINARY;
}

/* Without a shell in between, the program that it starts is what may be a habit. */
static int ask_child(const struct seen *s, struct trn_hands *row, bool *ret_habit)
{
    char text[TRN_TEMPLATE_MAX];
    struct trn_software of;
    struct trn_hands asked = {0};
    *ret_habit = false;
    trn_process_software(s->e, &of);
    if (!is_identified(s->e))
        return 0;
    bool packaged = of.origin != TRN_ORIGIN_MANUAL && of.origin != TRN_ORIGIN_UNKNOWN;
    int r = ask(s, TRN_FEATURE_CHILD, packaged ? of.name : trn_template_folder(s->e->image.path, text), &asked);
    *ret_habit = is_habit(&asked);
    if (r || *ret_habit || !asked.has_novelty)
        return r;
    row->novelty = asked.novelty;
    row->has_novelty = true;
    return 0;
}

static int command(struct trn_hands_watch *w, struct seen *s, const struct trn_recon *c)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    bool habit = false;
    int r = 0;
    trn_buf_init(&b, 256);
    find_who(s);
    if (!s->starter || is_bare_shell(s->starter))
        return 0;
    struct trn_hands *row = row_above(w, s->ctx, s->e);
    if (!row || row->root != s->root->id)
        r = trn_hands_row(w->rows, s->ctx, s->ev, key_of_software(s->root->id), &row);
    if (r)
        return r;
    row->root = s->root->id;
    if (row->how == TRN_SHELL_ORDERS && row->shell_boot_ns + WITHIN_NS < s->ev->boot_ns) {
        row->how = TRN_SHELL_NONE; /* that one ran something else */
        row->has_novelty = false;
    }
    if (row->how == TRN_SHELL_NONE)
        r = ask_child(s, row, &habit);
    if (r || habit || is_habit(row))
        return r;
    uint16_t before = row->told_score;
    bool news = note(row, s, text_of(c, &b));
    r = judge(s, row);
    return !r && (news || row->told_score != before) ? trn_hands_remember(s->ctx, s->ev, row) : r;
}

/* A program that does not look around, below a shell that is watched: scripts run many of them. */
static void other(const struct trn_hands_watch *w, const struct seen *s)
{
    struct trn_hands *row = trn_map_count(w->rows) ? row_above(w, s->ctx, s->e) : NULL;
    if (row && row->runs)
        row->others++;
}

static int executed(struct trn_hands_watch *w, struct seen *s)
{
    const struct trn_event *ev = s->ev;
    struct trn_recon c;
    s->e = trn_process_of(s->ctx->processes, ev);
    if (!s->e || trn_str_is_empty(ev->exec.path))
        return 0;
    enum trn_role role = s->e->image.role;
    if (role == TRN_ROLE_SHELL || role == TRN_ROLE_INTERPRETER)
        return shell(w, s, role == TRN_ROLE_INTERPRETER);
    if (ev->flags & TRN_EVF_EXISTING)
        return 0;
    if (trn_recon_of(ev->exec.path, ev->exec.argv, &c))
        return command(w, s, &c);
    other(w, s);
    return 0;
}

int trn_hands_watch_push(struct trn_hands_watch *w, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_provenance *written, const struct trn_event *ev)
{
    struct seen s = {.ctx = ctx, .profiles = p, .written = written, .ev = ev};
    int r;
    switch (ev->type) {
    case TRN_EV_EXEC:
        return executed(w, &s);
    case TRN_EV_EXIT:
        r = trn_hands_forget(w->rows, ctx, ev, ev->entity);
        return r ? r : trn_hands_forget(w->rows, ctx, ev, key_of_software(ev->entity));
    case TRN_EV_STATE:
        return trn_str_eq_c(ev->state.kind, "hands") ? trn_hands_restore(w->rows, ev) : 0;
    default:
        return 0;
    }
}

size_t trn_hands_watch_bytes(const struct trn_hands_watch *w)
{
    return sizeof(*w) + trn_map_bytes(w->rows) + trn_map_count(w->rows) * sizeof(struct trn_hands);
}
