/* SPDX-License-Identifier: Apache-2.0 */
/* Do the parser, --help and the man page say the same, and does a wrong word get a clear answer? */
#include "call.h"

/* The man page with its escaped hyphens made plain. */
static char *man_page(void)
{
    const char *root = getenv("TRN_TEST_SOURCE");
    char path[4096];
    struct trn_buf b;
    struct trn_err err = {0};
    cr_assert(root, "TRN_TEST_SOURCE is not set");
    snprintf(path, sizeof(path), "%s/man/turncoat.1", root);
    cr_assert_eq(trn_read_file(path, 1 << 20, &b, &err), 0, "%s", err.message);
    char *text = calloc(1, b.n + 1), *to = text;
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] != '\\')
            *to++ = b.p[i];
    trn_buf_done(&b);
    return text;
}

/* The part of the page between two headings. */
static char *section(const char *page, const char *heading)
{
    const char *from = strstr(page, heading);
    if (!from)
        return NULL;
    const char *a = strstr(from + 1, "\n.SS "), *b = strstr(from + 1, "\n.SH ");
    const char *to = a && (!b || a < b) ? a : b;
    return to ? strndup(from, (size_t)(to - from)) : strdup(from);
}

Test(table, the_man_page_has_each_command_with_its_options)
{
    char *page = man_page();
    size_t n;
    const struct trn_command *const *all = trn_commands(&n);
    for (size_t i = 0; i < n; i++) {
        const struct trn_command *c = all[i];
        char heading[200], entry[300];
        snprintf(heading, sizeof(heading), "\n.SS %s%s%s\n%s.", c->name, c->usage[0] ? " " : "", c->usage, c->summary);
        char *part = section(page, heading);
        cr_assert(part, "man/turncoat.1 has no section '%s %s' that begins with '%s.'", c->name, c->usage, c->summary);
        for (size_t k = 0; k < c->n_options; k++) {
            const struct trn_option *o = &c->options[k];
            snprintf(entry, sizeof(entry), "\n.TP\n.B --%s%s%s\n%s\n", o->name, o->arg ? " " : "", o->arg ? o->arg : "",
                     o->help);
            char *closed = NULL;
            cr_assert(asprintf(&closed, "%s\n", part) > 0);
            cr_assert(strstr(closed, entry), "man/turncoat.1, %s: not as in the table: --%s", c->name, o->name);
            free(closed);
        }
        free(part);
    }
    free(page);
}

Test(table, the_man_page_has_nothing_that_is_not_built)
{
    char *page = man_page();
    size_t n, sections = 0;
    const struct trn_command *const *all = trn_commands(&n);
    for (const char *p = page; (p = strstr(p, "\n.SS ")) != NULL; p++) {
        size_t length = strcspn(p + 5, " \n");
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= strlen(all[i]->name) == length && strncmp(all[i]->name, p + 5, length) == 0;
        cr_assert(known, "man/turncoat.1 has a section for '%.*s'", (int)length, p + 5);
        sections++;
    }
    cr_assert_eq(sections, n);
    free(page);
}

Test(table, common_options_are_in_the_man_page)
{
    char *page = man_page();
    char *part = section(page, "\n.SH COMMON OPTIONS");
    const struct trn_command *c = trn_command_find("status");
    cr_assert(part && c);
    for (size_t i = c->n_options; trn_cli_option_at(c, i); i++) {
        char entry[200];
        const struct trn_option *o = trn_cli_option_at(c, i);
        snprintf(entry, sizeof(entry), ".B --%s%s%s\n%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "", o->help);
        cr_assert(strstr(part, entry), "man/turncoat.1, common: not as in the table: --%s", o->name);
    }
    free(part);
    free(page);
}

Test(table, help_lists_each_command_and_each_option)
{
    size_t n;
    const struct trn_command *const *all = trn_commands(&n);
    TRN_AUTO(said_done) struct said whole = CALL("--help");
    cr_assert_eq(whole.code, TRN_EXIT_OK);
    for (size_t i = 0; i < n; i++) {
        cr_assert(strstr(whole.out, all[i]->summary));
        cr_assert(all[i]->n_examples > 0, "%s has no example", all[i]->name);
        TRN_AUTO(said_done) struct said one = CALL(all[i]->name, "--help");
        cr_assert_eq(one.code, TRN_EXIT_OK);
        cr_assert_eq(strncmp(one.out, "  ", 2), 0, "examples come first");
        const struct trn_option *o;
        size_t k = 0;
        for (; (o = trn_cli_option_at(all[i], k)) != NULL; k++)
            cr_assert(strstr(one.out, o->help));
        cr_assert_leq(k, TRN_CLI_OPTIONS, "%s has more options than there is room for", all[i]->name);
    }
}

Test(table, version)
{
    TRN_AUTO(said_done) struct said s = CALL("--version");
    cr_assert_eq(s.code, TRN_EXIT_OK);
    cr_assert_str_eq(s.out, "turncoat " TRN_VERSION "\n");
}

Test(table, no_command_is_usage)
{
    TRN_AUTO(said_done) struct said s = call(1, (const char *const[]){"turncoat"});
    cr_assert_eq(s.code, TRN_EXIT_USAGE);
    cr_assert_eq(s.out_n, 0);
    cr_assert(strstr(s.err, "Commands:"));
}

Test(table, wrong_words_are_usage_with_a_hint)
{
    const char *const cases[][4] = {
        {"stalk", NULL, NULL, "turncoat: unknown command 'stalk'\nhint: "},
        {"status", "--jason", NULL, "turncoat: unknown option '--jason'\nhint: "},
        {"status", "-x", NULL, "turncoat: unknown option '-x'\nhint: "},
        {"status", "now", NULL, "turncoat: too many operands: 'now'\nhint: "},
        {"status", "--json=yes", NULL, "turncoat: this option takes no value: '--json=yes'\nhint: "},
        {"status", "--state", NULL, "turncoat: this option needs a value: '--state'\nhint: "},
        {"hunt", NULL, NULL, "turncoat: 'hunt' needs EXPR\nhint: "},
        {"replay", NULL, NULL, "turncoat: 'replay' needs FILE...\nhint: "},
        {"stories", "--fail-on", "evil", "turncoat: unknown verdict 'evil'\nhint: "},
        {"stories", "seven", NULL, "turncoat: the story's id is not a number from 1 to "},
        {"hunt", "--limit=x", "pid=1",
         "turncoat: '--limit' is not a number from 1 to 100000: 'x'\nhint: see turncoat hunt --help\n"},
        {"stories", "--close", "why", "turncoat: '--close' needs a story's id and a reason\nhint: "},
        {"hunt", "--limit=0", "pid=1", "turncoat: '--limit' is not a number from 1 to 100000: '0'"},
        {"explain", "no.such", NULL, "turncoat: unknown check 'no.such'\nhint: "},
        {"watch", "ls", NULL, "turncoat: a command to watch stands behind '--': 'ls'\nhint: "},
        {"watch", "--", NULL, "turncoat: no command behind '--'\nhint: "},
        {"status", "--\033[31m", NULL, "turncoat: unknown option '--\\x1b[31m'\nhint: "},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        const char *argv[4] = {"turncoat", cases[i][0], cases[i][1], cases[i][2]};
        int argc = 2 + (cases[i][1] != NULL) + (cases[i][2] != NULL);
        TRN_AUTO(said_done) struct said s = call(argc, argv);
        cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s %s: %d", argv[1], argv[2], s.code);
        cr_assert_eq(s.out_n, 0);
        cr_assert_eq(strncmp(s.err, cases[i][3], strlen(cases[i][3])), 0, "%s", s.err);
    }
}

Test(table, options_and_operands_in_any_order)
{
    const struct trn_command *c = trn_command_find("hunt");
    char *argv[] = {(char *)"hunt", (char *)"pid=1", (char *)"--limit=7", (char *)"or", (char *)"--state",
                    (char *)"/s",   (char *)"--",    (char *)"--odd",     NULL};
    struct trn_cli cli = {.command = c};
    bool help = false;
    cr_assert_eq(trn_cli_parse(&cli, 8, argv, &help, NULL), 0);
    cr_assert(!help);
    cr_assert_eq(cli.n_operands, 3);
    cr_assert_str_eq(cli.operands[0], "pid=1");
    cr_assert_str_eq(cli.operands[1], "or");
    cr_assert_str_eq(cli.operands[2], "--odd");
    cr_assert_str_eq(trn_cli_value(&cli, "limit"), "7");
    cr_assert_str_eq(cli.state, "/s");
    cr_assert(!cli.json);
}

Test(table, what_stands_behind_two_dashes_is_not_ours)
{
    char *argv[] = {(char *)"watch", (char *)"--json", (char *)"--", (char *)"ls", (char *)"--help", NULL};
    struct trn_cli cli = {.command = trn_command_find("watch")};
    bool help = false;
    cr_assert_eq(trn_cli_parse(&cli, 5, argv, &help, NULL), 0);
    cr_assert(!help && cli.json);
    cr_assert_eq(cli.n_operands, 0);
    cr_assert_str_eq(cli.inner[0], "ls");
    cr_assert_str_eq(cli.inner[1], "--help");
    cr_assert_null(cli.inner[2]);
}

Test(table, explain_needs_no_daemon)
{
    TRN_AUTO(said_done)
    struct said all = CALL("explain"), one = CALL("explain", "behaviour.second-stage"),
                json = CALL("explain", "behaviour.second-stage", "--json");
    const struct trn_check *c;
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        cr_assert(strstr(all.out, c->id));
    const char *slack = strstr(all.out, "\npe.certificate-slack ");
    cr_assert(slack);
    const char *word = strstr(slack, " signature "), *next = strchr(slack + 1, '\n');
    cr_assert(word && word < next, "a check of a file is listed with its category");
    cr_assert(strstr(one.out, "When it is a false alarm"));
    cr_assert_eq(strncmp(json.out, "{\"check\":\"behaviour.second-stage\"", 33), 0);
}

Test(table, no_daemon_is_one_error_with_a_hint)
{
    const char *const commands[] = {"status", "stories", "software", "watch"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(commands); i++) {
        TRN_AUTO(said_done) struct said s = CALL(commands[i], "--state", "/nonexistent/turncoat");
        cr_assert_eq(s.code, TRN_EXIT_UNDECIDED);
        cr_assert_eq(s.out_n, 0);
        cr_assert_str_eq(s.err,
                         "turncoat: cannot reach the daemon: nothing listens in '/nonexistent/turncoat'\n"
                         "hint: is turncoatd running? start it with: sudo turncoatd --state '/nonexistent/turncoat'\n");
    }
}

Test(table, common_options_may_stand_before_the_command)
{
    TRN_AUTO(said_done) struct said a = CALL("--state", "/nonexistent/state", "status");
    cr_assert_eq(a.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(a.err, "'/nonexistent/state'"), "%s", a.err);
    TRN_AUTO(said_done) struct said b = CALL("--json", "--state=/nonexistent/state", "explain", "indicator.ip");
    cr_assert_eq(b.code, TRN_EXIT_OK, "%s", b.err);
    cr_assert_eq(b.out[0], '{', "%s", b.out);
    TRN_AUTO(said_done) struct said c = CALL("--state", "/nonexistent/state");
    cr_assert_eq(c.code, TRN_EXIT_USAGE);
}
