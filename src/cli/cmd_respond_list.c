/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat respond list': the journal of actions as rows, and whether its chain of hashes is whole. Needs no daemon.
 * Must not: write, nor believe the journal: whoever reads it checks it.
 */
#include "cli/respond.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#define TEXTS_MAX (256u << 20)
#define ACTIONS_MAX 1000000u
#define AGAIN_MS 200

struct row {
    uint64_t id, story, since_wall_ns, wall_ns, until_wall_ns;
    uint32_t uid;
    struct trn_str act, target_kind, target, state, text, check, why; /* in the arena */
};

struct journal {
    struct row *rows; /* by first appearance */
    size_t n, cap;
    struct trn_map *by_id; /* id -> index */
    struct trn_arena *arena;
    struct trn_journal_end end;
};

static void journal_done(struct journal *j)
{
    free(j->rows);
    trn_map_free(j->by_id);
    trn_arena_free(j->arena);
}

static struct row *row_of(struct journal *j, uint64_t id)
{
    uint64_t at;
    if (trn_map_get(j->by_id, id, &at))
        return &j->rows[at];
    if (j->n == j->cap) {
        size_t cap = j->cap ? 2 * j->cap : 64;
        struct row *more = cap <= ACTIONS_MAX ? realloc(j->rows, cap * sizeof *more) : NULL;
        if (!more)
            return NULL;
        j->rows = more;
        j->cap = cap;
    }
    if (trn_map_put(j->by_id, id, j->n) < 0)
        return NULL;
    j->rows[j->n] = (struct row){.id = id};
    return &j->rows[j->n++];
}

static int on_entry(void *ctx, const struct trn_journal_entry *entry)
{
    struct journal *j = ctx;
    const struct trn_ev_response *e = &entry->event.response;
    struct row *r = e->id ? row_of(j, e->id) : NULL;
    if (!r)
        return e->id ? -ENOMEM : 0;
    if (!r->since_wall_ns) { /* who asked, and why, says the first step */
        r->since_wall_ns = entry->wall_ns;
        r->uid = entry->event.uid;
        r->story = e->story;
        r->act = trn_arena_str(j->arena, e->act);
        r->target_kind = trn_arena_str(j->arena, e->target_kind);
        r->target = trn_arena_str(j->arena, e->target);
        r->check = trn_arena_str(j->arena, e->check);
        r->why = trn_arena_str(j->arena, e->why);
    }
    r->wall_ns = entry->wall_ns;
    r->until_wall_ns = e->until_wall_ns;
    r->state = trn_arena_str(j->arena, e->state);
    r->text = trn_arena_str(j->arena, e->text);
    return 0;
}

/* 0; -ENOENT: there is none. A record that is just being written is not yet whole: looked at once more. */
static int read_journal(const char *state, struct journal *j, struct trn_err *err)
{
    char path[4200], shown[200];
    snprintf(path, sizeof path, "%s/response/" TRN_JOURNAL_NAME, state);
    trn_escape_into(shown, sizeof shown, trn_str_of(path));
    for (int tries = 0; tries < 2; tries++) {
        TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0) {
            int r = errno == ENOENT ? trn_fail(err, -ENOENT, "there is no journal: '%s'", shown)
                                    : trn_fail(err, -errno, "cannot read '%s': %s", shown, trn_errno_name(-errno));
            if (r == -EACCES)
                trn_hint(err, "members of the group 'turncoat' may look: sudo adduser \"$USER\" turncoat");
            return r;
        }
        journal_done(j);
        *j = (struct journal){.by_id = trn_map_new(ACTIONS_MAX), .arena = trn_arena_new(TEXTS_MAX)};
        if (!j->by_id || !j->arena)
            return trn_fail(err, -ENOMEM, "out of memory");
        int r = trn_journal_read(fd, on_entry, j, &j->end, err);
        if (r < 0)
            return trn_fail_in(err, r, "'%s'", shown);
        if (j->end.state != TRN_JOURNAL_TORN)
            return 0;
        poll(NULL, 0, AGAIN_MS);
    }
    return 0;
}

static bool is_kill(const struct row *r)
{
    return trn_str_eq_c(r->act, trn_respond_name(TRN_RESPOND_KILL));
}

/* A kill that was seen needs nobody any more; one that did not take does. */
static bool is_over(const struct row *r)
{
    if (is_kill(r) && trn_str_eq_c(r->state, trn_action_state_name(TRN_ACTION_SEEN)))
        return true;
    for (unsigned i = TRN_ACTION_REQUESTED; i < TRN_ACTION_MAX; i++)
        if (trn_str_eq_c(r->state, trn_action_state_name((enum trn_action_state)i)))
            return trn_action_state_is_over((enum trn_action_state)i);
    return false;
}

static bool can_be_undone(const struct row *r)
{
    return !is_over(r) && !is_kill(r);
}

static void put_who(struct trn_buf *b, const struct row *r)
{
    struct passwd pw, *found = NULL;
    char buf[4096];
    if (!trn_str_is_empty(r->check)) {
        trn_put_c(b, "policy: ");
        trn_put_str(b, r->check);
    } else if (r->uid == TRN_NO_U32) {
        trn_put_c(b, "policy");
    } else if (getpwuid_r(r->uid, &pw, buf, sizeof buf, &found) == 0 && found) {
        trn_put_c(b, pw.pw_name);
    } else {
        trn_put_fmt(b, "user %u", r->uid);
    }
}

static json_t *text_or_null(struct trn_str s)
{
    json_t *j = trn_str_is_none(s) ? NULL : json_stringn(s.p, s.n);
    return j ? j : json_null();
}

static json_t *time_or_null(uint64_t wall_ns)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 64);
    if (wall_ns)
        trn_put_time_iso(&b, wall_ns);
    return wall_ns ? json_string(b.p) : json_null();
}

static json_t *row_json(const struct row *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf who;
    char undo[60];
    trn_buf_init(&who, 1024);
    put_who(&who, r);
    snprintf(undo, sizeof undo, "turncoat respond undo %llu", (unsigned long long)r->id);
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)r->id,
                     "act", text_or_null(r->act), "target_kind", text_or_null(r->target_kind), "target",
                     text_or_null(r->target), "state", text_or_null(r->state), "text", text_or_null(r->text), "by",
                     text_or_null(trn_buf_str(&who)), "why", text_or_null(r->why), "story",
                     r->story ? json_integer((json_int_t)r->story) : json_null(), "since",
                     time_or_null(r->since_wall_ns), "time", time_or_null(r->wall_ns), "until",
                     time_or_null(r->until_wall_ns), "undo", can_be_undone(r) ? json_string(undo) : json_null());
}

static const char *state_words(const struct journal *j)
{
    return j->end.state == TRN_JOURNAL_WHOLE ? "whole" : j->end.state == TRN_JOURNAL_TORN ? "torn" : "broken";
}

static void say_json(const struct trn_cli *cli, const struct journal *j, bool all)
{
    char head[2 * TRN_SHA256_SIZE + 1];
    json_t *rows = json_array();
    trn_hex(j->end.head, sizeof j->end.head, head);
    for (size_t i = 0; i < j->n; i++)
        if (all || !is_over(&j->rows[i]))
            json_array_append_new(rows, row_json(&j->rows[i]));
    json_t *out = json_pack("{s:s, s:o, s:{s:I, s:s, s:s}}", "schema", "turncoat.respond-list/1", "actions", rows,
                            "journal", "records", (json_int_t)j->end.records, "chain", state_words(j), "head", head);
    trn_print_json(cli->out, out);
    json_decref(out);
}

static void put_clock_of(struct trn_buf *b, uint64_t wall_ns)
{
    TRN_AUTO(trn_buf_done) struct trn_buf iso;
    trn_buf_init(&iso, 64);
    trn_buf_clear(b);
    if (wall_ns) {
        trn_put_time_iso(&iso, wall_ns);
        trn_put_clock(b, trn_buf_str(&iso), true);
    } else {
        trn_put_c(b, "-");
    }
}

/* What went wrong is more urgent than why it was asked for. */
static bool is_trouble(const struct row *r)
{
    return trn_str_eq_c(r->state, trn_action_state_name(TRN_ACTION_NOT_SEEN)) ||
           trn_str_eq_c(r->state, trn_action_state_name(TRN_ACTION_FAILED));
}

static enum trn_colour colour_of(const struct row *r)
{
    if (trn_str_eq_c(r->state, trn_action_state_name(TRN_ACTION_SEEN)))
        return TRN_GREEN;
    if (trn_str_eq_c(r->state, trn_action_state_name(TRN_ACTION_NOT_SEEN)))
        return TRN_RED;
    return is_over(r) ? TRN_DIM : TRN_YELLOW;
}

static void say_table(const struct trn_cli *cli, const struct journal *j, bool all)
{
    static const char *const heads[] = {"id", "act", "target", "state", "who asked", "since", "until", "why"};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_table_done) struct trn_table table;
    size_t shown = 0, undoable = 0;
    trn_buf_init(&b, 65536);
    trn_table_init(&table, heads, TRN_ARRAY_SIZE(heads), 1);
    for (size_t i = 0; i < j->n; i++) {
        const struct row *r = &j->rows[i];
        if (!all && is_over(r))
            continue;
        shown++;
        undoable += can_be_undone(r);
        trn_table_row(&table, colour_of(r));
        trn_table_number(&table, r->id);
        trn_table_cell(&table, r->act);
        trn_table_cell(&table, r->target);
        trn_table_cell(&table, r->state);
        trn_buf_clear(&b);
        put_who(&b, r);
        trn_table_cell(&table, trn_buf_str(&b));
        put_clock_of(&b, r->since_wall_ns);
        trn_table_cell(&table, trn_buf_str(&b));
        put_clock_of(&b, r->until_wall_ns);
        trn_table_cell(&table, trn_buf_str(&b));
        trn_table_cell(&table, trn_str_is_empty(r->why) || is_trouble(r) ? r->text : r->why);
    }
    if (shown)
        trn_table_print(&table, cli->out, cli->colour);
    else
        fputs(all || !j->n ? "no action was taken here\n" : "nothing holds now; --all shows what is over\n", cli->err);
    if (undoable)
        fputs("take one back: turncoat respond undo ID\n", cli->err);
}

/* Whoever lists is told of a damaged journal in any case. */
static enum trn_exit verdict(struct trn_cli *cli, const struct journal *j, bool verify)
{
    char head[2 * TRN_SHA256_SIZE + 1];
    struct trn_err err = {0};
    unsigned long long n = j->end.records;
    if (j->end.state == TRN_JOURNAL_WHOLE) {
        trn_hex(j->end.head, sizeof j->end.head, head);
        if (verify && !cli->json)
            fprintf(cli->out, "%llu record%s, chain whole, head %s\n", n, n == 1 ? "" : "s", head);
        return TRN_EXIT_OK;
    }
    if (j->end.state == TRN_JOURNAL_TORN)
        (void)trn_fail(&err, -EBADMSG, "record %llu of the journal is not whole (at byte %llu); %llu before it hold",
                       n + 1, (unsigned long long)j->end.offset, n);
    else
        (void)trn_fail(&err, -EBADMSG,
                       "record %llu of the journal does not fit what stands before it (at byte %llu): "
                       "it was changed; %llu before it hold",
                       n + 1, (unsigned long long)j->end.offset, n);
    trn_hint(&err, "the engine's log (turncoat hunt type=response) has every step as well");
    return (enum trn_exit)trn_cli_error(cli, &err, TRN_EXIT_FINDINGS);
}

static int check_options(const struct trn_cli *cli, struct trn_err *err)
{
    static const char *const others[] = {"dry-run", "for",         "why",         "story", "except",
                                         "to",      "run-scripts", "fail-closed", "wait"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(others); i++)
        if (trn_cli_has(cli, others[i]))
            return trn_fail(err, -EINVAL, "'--%s' means nothing to 'list'", others[i]);
    return 0;
}

int trn_respond_list(struct trn_cli *cli)
{
    TRN_AUTO(journal_done) struct journal j = {0};
    struct trn_err err = {0};
    bool verify = trn_cli_has(cli, "verify"), all = trn_cli_has(cli, "all");
    if (check_options(cli, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    int r = read_journal(cli->state, &j, &err);
    if (r == -ENOENT && !verify && access(cli->state, F_OK) == 0) {
        if (cli->json)
            fputs("{\"schema\":\"turncoat.respond-list/1\",\"actions\":[],\"journal\":null}\n", cli->out);
        else
            fputs("no action was taken here: there is no journal\n", cli->err);
        return TRN_EXIT_OK;
    }
    if (r < 0)
        return trn_cli_error(cli, &err, r == -EBADMSG ? TRN_EXIT_FINDINGS : TRN_EXIT_UNDECIDED);
    if (cli->json)
        say_json(cli, &j, all);
    else
        say_table(cli, &j, all);
    return verdict(cli, &j, verify);
}
