/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat respond': its words, its options, and reading a call. Must not: decide who may, or carry out anything;
 * turncoatd does. What stands behind a word is read by cmd_respond_target.c.
 */
#include "cli/respond.h"

#define WAIT_SEC 15u
#define WAIT_PACKAGE_SEC 600u
#define WAIT_MAX_SEC 3600u

static const struct trn_respond_word WORDS[] = {
    {"block", TRN_RESPOND_BLOCK, 0, false, true},
    {"unblock", TRN_RESPOND_UNDO, TRN_RESPOND_BLOCK, false, true},
    {"hold", TRN_RESPOND_HOLD, 0, false, true},
    {"continue", TRN_RESPOND_UNDO, TRN_RESPOND_HOLD, false, true},
    {"kill", TRN_RESPOND_KILL, 0, false, true},
    {"isolate", TRN_RESPOND_ISOLATE, 0, false, true},
    {"unisolate", TRN_RESPOND_UNDO, TRN_RESPOND_ISOLATE, false, true},
    {"shield", TRN_RESPOND_SHIELD, 0, false, true},
    {"unshield", TRN_RESPOND_UNDO, TRN_RESPOND_SHIELD, false, true},
    {"quarantine", TRN_RESPOND_QUARANTINE, 0, false, true},
    {"restore", TRN_RESPOND_UNDO, TRN_RESPOND_QUARANTINE, true, true},
    {"remove", TRN_RESPOND_REMOVE, 0, false, true},
    {"rollback", TRN_RESPOND_ROLLBACK, 0, false, true},
    {"confirm", TRN_RESPOND_CONFIRM, 0, true, false},
    {"undo", TRN_RESPOND_UNDO, 0, true, false},
};

static const struct trn_respond_word *find(const char *word)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(WORDS); i++)
        if (strcmp(WORDS[i].word, word) == 0)
            return &WORDS[i];
    return NULL;
}

/* An option that this act does not know is a mistake, not something to pass over. */
static int check_options(const struct trn_cli *cli, const struct trn_respond_order *o, struct trn_err *err)
{
    const bool acts = o->act < TRN_RESPOND_KINDS,
               cuts = o->act == TRN_RESPOND_ISOLATE || o->act == TRN_RESPOND_ISOLATE_HOST;
    const bool package = o->act == TRN_RESPOND_REMOVE || o->act == TRN_RESPOND_ROLLBACK;
    const struct {
        const char *option;
        bool fits;
    } rules[] = {
        {"except", cuts},
        {"run-scripts", package},
        {"to", o->act == TRN_RESPOND_ROLLBACK},
        {"fail-closed", o->act == TRN_RESPOND_BLOCK},
        {"for", acts && trn_respond_default_sec(o->act) > 0},
        {"story", acts},
        {"all", false},
        {"verify", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rules); i++) {
        if (rules[i].fits || !trn_cli_has(cli, rules[i].option))
            continue;
        int r = trn_fail(err, -EINVAL, "'--%s' means nothing to '%s'", rules[i].option, o->word->word);
        const bool time = strcmp(rules[i].option, "for") == 0 && acts;
        trn_hint(err, !time                        ? "see turncoat respond --help"
                      : o->act == TRN_RESPOND_KILL ? "it cannot be undone; 'hold' has an end"
                                                   : "it has no end of its own: undo it by its number");
        return r;
    }
    return 0;
}

static int read_times(const struct trn_cli *cli, struct trn_respond_order *o, struct trn_err *err)
{
    const char *time = trn_cli_value(cli, "for"), *wait = trn_cli_value(cli, "wait"),
               *story = trn_cli_value(cli, "story");
    bool package = o->act == TRN_RESPOND_REMOVE || o->act == TRN_RESPOND_ROLLBACK ||
                   (o->act == TRN_RESPOND_UNDO && o->id); /* which may be of one */
    int r = time ? trn_cli_seconds(time, "such as 30m, 12h or 7d; 366d at most", &o->seconds, err) : 0;
    if (r == 0 && o->seconds > TRN_RESPOND_MAX_SEC)
        r = trn_fail(err, -ERANGE, "an action holds for 366 days at most");
    o->wait_sec = package ? WAIT_PACKAGE_SEC : WAIT_SEC;
    if (r == 0 && wait)
        r = trn_cli_number("--wait", wait, 0, WAIT_MAX_SEC, &o->wait_sec, err);
    if (r == 0 && story)
        r = trn_cli_number("--story", story, 1, INT64_MAX, &o->story, err);
    return r;
}

static int read_call(const struct trn_cli *cli, struct trn_respond_order *o, json_t *except, struct trn_err *err)
{
    const char *why = trn_cli_value(cli, "why"), *to = trn_cli_value(cli, "to");
    int r = trn_respond_target(o->word, cli->n_operands > 1 ? cli->operands[1] : NULL, o, err);
    if (r == 0)
        r = check_options(cli, o, err);
    if (r == 0)
        r = read_times(cli, o, err);
    if (r == 0 && to && !*to) /* an empty variable of a script is not "whichever" */
        r = trn_fail(err, -EINVAL, "'--to' needs a version");
    if (r == 0 && why && (strlen(why) > TRN_RESPOND_WHY_MAX || !trn_utf8_valid(trn_str_of(why))))
        r = trn_fail(err, -EINVAL, "the reason is text of at most %u bytes", TRN_RESPOND_WHY_MAX);
    if (r == 0 && (o->text.bad || !trn_utf8_valid(trn_buf_str(&o->text))))
        r = trn_fail(err, -EINVAL, "what is given is not valid UTF-8 text");
    for (int i = 0; r == 0 && i < cli->n_many; i++)
        r = trn_respond_except(cli->many[i], except, err);
    return r;
}

static int act(struct trn_cli *cli, const struct trn_respond_word *w)
{
    struct trn_respond_order o = {.word = w};
    struct trn_err err = {0};
    json_t *except = json_array();
    trn_buf_init(&o.text, 8192);
    int r = except ? read_call(cli, &o, except, &err) : -ENOMEM;
    int code = r < 0 ? trn_cli_error(cli, &err, TRN_EXIT_USAGE) : trn_respond_ask(cli, &o, except);
    json_decref(except);
    trn_buf_done(&o.text);
    return code;
}

static int run(struct trn_cli *cli)
{
    const char *word = cli->operands[0];
    const struct trn_respond_word *w = find(word);
    struct trn_err err = {0};
    char shown[60];
    if (strcmp(word, "list") == 0 && cli->n_operands == 1)
        return trn_respond_list(cli);
    if (w)
        return act(cli, w);
    trn_escape_into(shown, sizeof shown, trn_str_of(word));
    (void)trn_fail(&err, -EINVAL, strcmp(word, "list") == 0 ? "'%s' takes nothing behind it" : "there is no act '%s'",
                   shown);
    trn_hint(&err,
             "block hold continue kill isolate unisolate shield unshield unblock quarantine restore remove rollback "
             "confirm undo list");
    return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat respond isolate acme-softphone=1.1 --except pbx.acme.test", "its network, but for the PBX"},
    {"turncoat respond block 5e1f... --story 7", "this content from starting, under whatever name"},
    {"turncoat respond hold 2ab94e4bc2998c2b", "stop it and what it started, to look; then continue or kill"},
    {"turncoat respond quarantine ~/.cache/acme/helper", "into the vault; restore brings it back bit for bit"},
    {"turncoat respond rollback acme-softphone --dry-run", "show what would be done, change nothing"},
    {"turncoat respond isolate host --except 10.0.0.5:22 --for 30m", "ends after 30 minutes unless confirmed"},
    {"turncoat respond undo 12", "take action 12 back"},
    {"turncoat respond list --verify", "what holds, and whether the journal is whole"},
};
static const char NOTES[] =
    "Acts, what they are about, and how long they hold unless --for says otherwise:\n"
    "  block SHA256|build-id:HEX|PATH|NAME=VERSION   from starting, from being loaded   7d    unblock\n"
    "  hold ENTITY|NAME[=VERSION]                    its processes, stopped             15m   continue\n"
    "  kill ENTITY                                   it and all that it started         -\n"
    "  isolate NAME[=VERSION]                        its network                        7d    unisolate\n"
    "  isolate host                                  the network of this machine        10m   unisolate host, confirm "
    "ID\n"
    "  shield NAME[=VERSION]                         browser data and keys from it      7d    unshield\n"
    "  quarantine PATH                               a file, into the vault             -     restore PATH|ID\n"
    "  remove NAME[=VERSION]                         a package, and hold it             -     undo ID\n"
    "  rollback NAME                                 a package, to an earlier version   -     undo ID\n"
    "Orders: undo ID, confirm ID, list. An ENTITY is one process over its life, 16 hex digits; never a process id.\n"
    "Exit: 0 seen to hold, 1 it did not take, 2 usage, 3 it could not be done.\n";
static const struct trn_option OPTIONS[] = {
    {"dry-run", NULL, "show what would be done, change nothing", false},
    {"for", "TIME", "how long it holds: 30m, 12h, 7d (default as above, at most 366d)", false},
    {"why", "TEXT", "the reason; it stands in the journal", false},
    {"story", "ID", "the story that it answers", false},
    {"except", "HOST", "isolate: stays reachable; NAME, ADDRESS, PREFIX, each with :PORT; may be given again", true},
    {"to", "VERSION", "rollback: to which (default: the one before the last update, if it is clean)", false},
    {"run-scripts", NULL, "remove, rollback: the suspected version's own scripts may run", false},
    {"fail-closed", NULL, "block: what is not decided in time is refused, not let through", false},
    {"wait", "SECONDS", "how long to wait until it is seen to hold (default 15, packages 600; 0: do not wait)", false},
    {"all", NULL, "list: also what is over", false},
    {"verify", NULL, "list: walk the journal's chain of hashes", false},
};

const struct trn_command trn_cmd_respond = {
    .name = "respond",
    .usage = "ACT [TARGET]",
    .summary = "stop it, see that it stopped, take it back",
    .notes = NOTES,
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 1,
    .max_operands = 2,
    .run = run,
};
