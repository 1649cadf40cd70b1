/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat software': what is installed and what runs, with version, origin and drift; of one software also what
 * it has always done.
 * Must not: read a package database; the engine knows.
 */
#include "cli/client.h"
#include "cli/profile.h"
#include "cli/render.h"

struct inventory {
    struct trn_cli *cli;
    json_t *all;
    struct trn_table table;
    size_t n;
    bool only_running;
    json_t *profiles;
};

/* To the first line about the same software; a line of its own when it neither runs nor is installed. */
static int add_profile(struct inventory *v, json_t *profile)
{
    size_t i;
    json_t *s;
    if (json_array_append(v->profiles, profile) < 0)
        return -ENOMEM;
    json_array_foreach(v->all, i, s) if (trn_str_eq(trn_json_text(s, "name"), trn_json_text(profile, "name")) &&
                                         trn_str_eq(trn_json_text(s, "origin"), trn_json_text(profile, "origin")) &&
                                         !json_object_get(s, "profile")) return json_object_set(s, "profile", profile) <
            0
        ? -ENOMEM
        : 0;
    if (!v->all)
        return 0;
    s = json_pack("{s:O, s:O, s:i, s:O}", "name", json_object_get(profile, "name"), "origin",
                  json_object_get(profile, "origin"), "running", 0, "profile", profile);
    return json_array_append_new(v->all, s) < 0 ? -ENOMEM : 0;
}

static int on_software(void *ctx, const char *type, json_t *s)
{
    struct inventory *v = ctx;
    uint64_t running = trn_json_count(s, "running");
    if (strcmp(type, "profile") == 0)
        return add_profile(v, s);
    if (strcmp(type, "software") != 0 || (v->only_running && running == 0))
        return 0;
    v->n++;
    if (v->all)
        return json_array_append(v->all, s) < 0 ? -ENOMEM : 0;
    bool modified = trn_json_true(s, "modified");
    trn_table_row(&v->table, modified ? TRN_YELLOW : TRN_PLAIN);
    trn_table_cell(&v->table, trn_json_text(s, "name"));
    trn_table_cell(&v->table, trn_json_text(s, "version"));
    trn_table_cell(&v->table, trn_json_text(s, "origin"));
    trn_table_number(&v->table, running);
    trn_table_number(&v->table, trn_json_count(s, "files"));
    struct trn_str state = trn_json_text(s, "state");
    trn_table_cell(&v->table, modified ? TRN_STR("modified") : trn_str_is_none(state) ? TRN_STR("") : state);
    return 0;
}

static void print(struct inventory *v)
{
    size_t i;
    json_t *profile;
    if (v->n)
        trn_table_print(&v->table, v->cli->out, v->cli->colour);
    json_array_foreach(v->profiles, i, profile) trn_print_profile(v->cli, profile);
}

static int run(struct trn_cli *cli)
{
    static const char *const heads[] = {"name", "version", "origin", "running", "files", "state"};
    struct inventory v = {.cli = cli,
                          .all = cli->json ? json_array() : NULL,
                          .profiles = json_array(),
                          .only_running = trn_cli_has(cli, "running")};
    struct trn_err err = {0};
    json_t *ask = json_pack("{s:s, s:s*}", "ask", "software", "name", cli->n_operands ? cli->operands[0] : NULL);
    trn_table_init(&v.table, heads, 6, 8 | 16);
    int e = trn_client_each(cli->state, ask, on_software, &v, &err);
    if (e == 0 && v.n == 0 && cli->n_operands && !json_array_size(v.profiles)) {
        char shown[80];
        trn_escape_into(shown, sizeof(shown), trn_str_of(cli->operands[0]));
        e = trn_fail(&err, -ENOENT, "no software of the name '%s' is known", shown);
        trn_hint(&err, "turncoat software lists what is installed and what runs");
    }
    if (e == 0 && cli->json)
        trn_print_json(cli->out, v.all);
    else if (e == 0)
        print(&v);
    if (e == 0 && v.n == 0 && !json_array_size(v.profiles) && !cli->json)
        fputs("nothing that is watched runs\n", cli->err);
    trn_table_done(&v.table);
    json_decref(v.all);
    json_decref(v.profiles);
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat software", "all that is installed or runs"},
    {"turncoat software --running", "only what runs now"},
    {"turncoat software acme-softphone", "one of them, and what it has always done"},
};
static const struct trn_option OPTIONS[] = {
    {"running", NULL, "only software with running processes"},
};

const struct trn_command trn_cmd_software = {
    .name = "software",
    .usage = "[NAME]",
    .summary = "what is installed and what runs, with version and drift",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 1,
    .run = run,
};
