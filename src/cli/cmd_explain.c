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
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:b, s:o, s:s, s:s}", "check", c->id, "title", c->title, "score",
                     (int)c->score, "stage", trn_stage_name(c->stage), "category", trn_category_name(c->category),
                     "structural", (int)c->structural, "attack", attack, "means", c->means, "false_alarms",
                     c->false_alarms);
}

static int list(struct trn_cli *cli)
{
    static const char *const heads[] = {"check", "score", "category or stage", "title"};
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
        trn_table_cell(&t, trn_str_of(c->category != TRN_CATEGORY_NONE ? trn_category_name(c->category)
                                                                       : trn_stage_name(c->stage)));
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
    fprintf(cli->out, "  score %u of 100 where nothing else is known;", c->score);
    if (c->category == TRN_CATEGORY_NONE)
        fprintf(cli->out, " stage %s;", trn_stage_name(c->stage));
    fputs(" ATT&CK v" TRN_ATTACK_VERSION, cli->out);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++) {
        const char *renamed = trn_attack_renamed(trn_str_of(c->attack[i]));
        fprintf(cli->out, " %s", c->attack[i]);
        if (renamed)
            fprintf(cli->out, " (later %s)", renamed);
    }
    fputc('\n', cli->out);
    if (c->category != TRN_CATEGORY_NONE)
        fprintf(cli->out, "  of an artifact; category %s%s\n", trn_category_name(c->category),
                c->structural ? "; a proof by the structure of the file: alone enough for malicious" : "");
    paragraph(cli->out, "What it means", c->means);
    paragraph(cli->out, "When it is a false alarm", c->false_alarms);
}

/* The text of the registry as Markdown: nothing of it may be read as mark-up. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*_`<>|[]\\#", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void markdown_one(FILE *out, const struct trn_check *c)
{
    fprintf(out, "\n### `%s`\n", c->id);
    put_plain(out, c->title);
    fprintf(out, ". Weight %u; ", c->score);
    if (c->category == TRN_CATEGORY_NONE)
        fprintf(out, "stage %s", trn_stage_name(c->stage));
    else
        fprintf(out, "category %s%s", trn_category_name(c->category), c->structural ? ", structural" : "");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++)
        fprintf(out, "%s %s", i ? "," : "; ATT&CK", c->attack[i]);
    fputs(".\n\n", out);
    put_plain(out, c->means);
    fputs("\n\n*False alarms:* ", out);
    put_plain(out, c->false_alarms);
    fputc('\n', out);
}

static bool is_of_releases(const struct trn_check *c)
{
    return trn_str_starts(trn_str_of(c->id), TRN_STR("diff."));
}

/* docs/checks.md is what this prints; a test compares both. */
static int markdown(struct trn_cli *cli)
{
    const struct trn_check *c;
    fputs("# Checks\n\n"
          "Made by `turncoat explain --markdown` from the one table in `src/event/check*.c`; do not edit here.\n"
          "ATT&CK ids are of version " TRN_ATTACK_VERSION ". A weight is what one finding says where nothing else is "
          "known, of 100; a finding may weigh less.\n\n## Of files (`turncoat scan`)\n\n"
          "Doubts of one category add up to its cap at most, categories add up as independent doubts. `malicious` (85) "
          "needs a check marked structural, or two categories; text alone stays below.\n",
          cli->out);
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (c->category != TRN_CATEGORY_NONE && !is_of_releases(c))
            markdown_one(cli->out, c);
    fputs("\n## Of changes between releases (`turncoat diff`, `turncoat gate`)\n\n"
          "Added up as those of files; what only the new release has counts, of both lists.\n",
          cli->out);
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (is_of_releases(c))
            markdown_one(cli->out, c);
    fputs("\n## Of what runs (`turncoat watch`, `turncoat replay`)\n", cli->out);
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (c->category == TRN_CATEGORY_NONE)
            markdown_one(cli->out, c);
    return TRN_EXIT_OK;
}

static int run(struct trn_cli *cli)
{
    if (trn_cli_has(cli, "markdown"))
        return markdown(cli);
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

static const struct trn_option OPTIONS[] = {
    {"markdown", NULL, "all of them as the page docs/checks.md"},
};

const struct trn_command trn_cmd_explain = {
    .name = "explain",
    .usage = "[CHECK]",
    .summary = "what a check means, its weight, its false alarms",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 1,
    .run = run,
};
