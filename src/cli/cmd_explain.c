/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat explain': the registry of checks in words. Needs no daemon.
 * Must not: hold text about a check; the registry does.
 */
#include "cli/render.h"

static json_t *check_json(const struct trn_check *c)
{
    json_t *attack = json_array();
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++)
        json_array_append_new(attack, json_string(c->attack[i]));
    return json_pack("{s:s, s:s, s:i, s:s, s:o, s:s, s:s}", "check", c->id, "title", c->title, "score", (int)c->score,
                     "stage", trn_stage_name(c->stage), "attack", attack, "means", c->means, "false_alarms",
                     c->false_alarms);
}

static int list(struct trn_cli *cli)
{
    static const char *const heads[] = {"check", "score", "stage", "title"};
    const struct trn_check *c;
    if (cli->json) {
        json_t *all = json_array();
        for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
            json_array_append_new(all, check_json(c));
        trn_print_json(cli->out, all);
        json_decref(all);
        return TRN_EXIT_OK;
    }
    struct trn_table t;
    trn_table_init(&t, heads, 4, 2);
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++) {
        trn_table_row(&t, TRN_PLAIN);
        trn_table_cell(&t, trn_str_of(c->id));
        trn_table_number(&t, c->score);
        trn_table_cell(&t, trn_str_of(trn_stage_name(c->stage)));
        trn_table_cell(&t, trn_str_of(c->title));
    }
    trn_table_print(&t, cli->out, cli->colour);
    trn_table_done(&t);
    return TRN_EXIT_OK;
}

/* Breaks at blanks, so that a paragraph of the registry is read on any terminal. */
static void paragraph(FILE *out, const char *head, const char *text)
{
    size_t column = 0;
    fprintf(out, "\n%s\n", head);
    for (const char *p = text; *p;) {
        size_t word = strcspn(p, " ");
        if (column && column + 1 + word > 88) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column ? " " : "  ", (int)word, p);
        p += word;
        p += strspn(p, " ");
    }
    fputc('\n', out);
}

static void one(struct trn_cli *cli, const struct trn_check *c)
{
    fprintf(cli->out, "%s%s%s  %s\n", trn_colour_on(cli->colour, TRN_BOLD), c->id,
            trn_colour_off(cli->colour, TRN_BOLD), c->title);
    fprintf(cli->out, "  score %u of 100 where nothing else is known; stage %s;", c->score, trn_stage_name(c->stage));
    fputs(" ATT&CK v" TRN_ATTACK_VERSION, cli->out);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++) {
        const char *renamed = trn_attack_renamed(trn_str_of(c->attack[i]));
        fprintf(cli->out, " %s", c->attack[i]);
        if (renamed)
            fprintf(cli->out, " (later %s)", renamed);
    }
    fputc('\n', cli->out);
    paragraph(cli->out, "What it means", c->means);
    paragraph(cli->out, "When it is a false alarm", c->false_alarms);
}

static int run(struct trn_cli *cli)
{
    if (cli->n_operands == 0)
        return list(cli);
    const struct trn_check *c = trn_check_find(trn_str_of(cli->operands[0]));
    if (!c) {
        struct trn_err e = {0};
        char shown[80];
        trn_escape_into(shown, sizeof(shown), trn_str_of(cli->operands[0]));
        (void)trn_fail(&e, -ENOENT, "unknown check '%s'", shown);
        trn_hint(&e, "turncoat explain lists them");
        return trn_cli_error(cli, &e, TRN_EXIT_USAGE);
    }
    if (cli->json) {
        json_t *o = check_json(c);
        trn_print_json(cli->out, o);
        json_decref(o);
    } else {
        one(cli, c);
    }
    return TRN_EXIT_OK;
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat explain", "all checks with their weights"},
    {"turncoat explain behaviour.second-stage", "what it means, and when it is a false alarm"},
};

const struct trn_command trn_cmd_explain = {
    .name = "explain",
    .usage = "[CHECK]",
    .summary = "what a check means, its weight, its false alarms",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .max_operands = 1,
    .run = run,
};
