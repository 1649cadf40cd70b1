/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat filter': what is not watched for a while: listing, setting, taking back.
 * Must not: decide who may; turncoatd does, and refuses what must stay watched.
 */
#include "cli/client.h"
#include "cli/render.h"

#include <limits.h>
#include <unistd.h>

struct list {
    struct trn_cli *cli;
    json_t *all;
    struct trn_table table;
    struct trn_buf text;
    size_t n;
};

static struct trn_str classes_of(struct list *l, const json_t *f)
{
    size_t i;
    json_t *name;
    trn_buf_clear(&l->text);
    json_array_foreach(json_object_get(f, "classes"), i, name)
    {
        trn_put_c(&l->text, i ? "," : "");
        trn_put_c(&l->text, json_is_string(name) ? json_string_value(name) : "?");
    }
    return trn_buf_str(&l->text);
}

static struct trn_str subject_of(struct list *l, const json_t *f)
{
    if (!trn_str_eq_c(trn_json_text(f, "what"), "process"))
        return trn_json_text(f, "path");
    trn_buf_clear(&l->text);
    trn_put_fmt(&l->text, "%llu", (unsigned long long)trn_json_count(f, "pid"));
    return trn_buf_str(&l->text);
}

static int on_filter(void *ctx, const char *type, json_t *f)
{
    struct list *l = ctx;
    if (strcmp(type, "filter") != 0)
        return 0;
    l->n++;
    if (l->all)
        return json_array_append(l->all, f) < 0 ? -ENOMEM : 0;
    trn_table_row(&l->table, TRN_YELLOW);
    trn_table_cell(&l->table, trn_json_text(f, "what"));
    trn_table_cell(&l->table, subject_of(l, f));
    trn_table_cell(&l->table, classes_of(l, f));
    trn_buf_clear(&l->text);
    trn_put_clock(&l->text, trn_json_text(f, "until"), true);
    trn_table_cell(&l->table, trn_buf_str(&l->text));
    trn_table_number(&l->table, trn_json_count(f, "by_uid"));
    trn_table_cell(&l->table, trn_json_text(f, "why"));
    return 0;
}

static int list(struct trn_cli *cli)
{
    static const char *const heads[] = {"what", "which", "not watched", "until", "by user", "why"};
    struct list l = {.cli = cli, .all = cli->json ? json_array() : NULL};
    struct trn_err err = {0};
    trn_buf_init(&l.text, 65536);
    trn_table_init(&l.table, heads, 6, 16);
    int e = trn_client_each(cli->state, json_pack("{s:s}", "ask", "filters"), on_filter, &l, &err);
    if (e == 0 && cli->json)
        trn_print_json(cli->out, l.all);
    else if (e == 0 && l.n)
        trn_table_print(&l.table, cli->out, cli->colour);
    else if (e == 0)
        fputs("no filter is set: all is watched\n", cli->err);
    trn_table_done(&l.table);
    trn_buf_done(&l.text);
    json_decref(l.all);
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

static json_t *class_list(const char *text)
{
    json_t *all = json_array();
    struct trn_str rest = trn_str_of(text ? text : ""), one;
    while (rest.n && trn_str_split(&rest, ',', &one))
        json_array_append_new(all, json_stringn(one.p, one.n));
    return all;
}

static const struct {
    const char *option, *what;
} KINDS[] = {{"program", "program"}, {"pid", "process"}, {"path", "path"}, {"filesystem", "filesystem"}};

/* Which one was given; -1 with err set unless it is exactly one. */
static int kind_of(const struct trn_cli *cli, struct trn_err *err)
{
    int found = -1, n = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(KINDS); i++) {
        if (!trn_cli_has(cli, KINDS[i].option))
            continue;
        found = (int)i;
        n++;
    }
    if (n == 1)
        return found;
    (void)trn_fail(err, -EINVAL, "a filter is about one thing: --program, --pid, --path or --filesystem");
    return -1;
}

/* The daemon has a working folder of its own. */
static int absolute(const char *text, char dst[PATH_MAX], struct trn_err *err)
{
    char here[PATH_MAX];
    if (!text[0])
        return trn_fail(err, -EINVAL, "the path is empty");
    if (text[0] == '/')
        return snprintf(dst, PATH_MAX, "%s", text) < PATH_MAX ? 0
                                                              : trn_fail(err, -ENAMETOOLONG, "the path is too long");
    if (!getcwd(here, sizeof here) || snprintf(dst, PATH_MAX, "%s/%s", here, text) >= PATH_MAX)
        return trn_fail(err, -ENAMETOOLONG, "the path is too long");
    return 0;
}

static int change(struct trn_cli *cli, bool remove)
{
    struct trn_err err = {0};
    char path[PATH_MAX] = "";
    uint64_t pid = 0, seconds = 0;
    const char *why = trn_cli_value(cli, "why"), *time = trn_cli_value(cli, "for");
    int kind = kind_of(cli, &err), r = kind < 0 ? -EINVAL : 0;
    if (r == 0 && !remove && !why) {
        r = trn_fail(&err, -EINVAL, "a filter needs a reason");
        trn_hint(&err, "--why 'TEXT': it stands in the log and in every story that it touches");
    }
    if (r == 0 && time)
        r = trn_cli_seconds(time, "such as 90s, 30m or 2h; 24h at most", &seconds, &err);
    if (r == 0)
        r = strcmp(KINDS[kind].option, "pid") == 0
                ? trn_cli_number("process id", trn_cli_value(cli, "pid"), 1, INT32_MAX, &pid, &err)
                : absolute(trn_cli_value(cli, KINDS[kind].option), path, &err);
    if (r < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    json_t *ask = json_pack("{s:s, s:s, s:s, s:o, s:s*, s:s*}", "ask", "filter", "act", remove ? "remove" : "set",
                            "what", KINDS[kind].what, "classes", class_list(trn_cli_value(cli, "class")), "path",
                            path[0] ? path : NULL, "why", why);
    if (ask && pid)
        json_object_set_new(ask, "pid", json_integer((json_int_t)pid));
    if (ask && seconds)
        json_object_set_new(ask, "seconds", json_integer((json_int_t)seconds));
    struct list none = {.cli = cli};
    r = trn_client_each(cli->state, ask, on_filter, &none, &err);
    if (r < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    if (cli->json)
        fputs("{\"done\":true}\n", cli->out);
    else
        fputs(remove ? "watched again\n" : "set; 'turncoat filter list' shows until when\n", cli->err);
    return TRN_EXIT_OK;
}

static int run(struct trn_cli *cli)
{
    const char *act = cli->n_operands ? cli->operands[0] : "list";
    struct trn_err err = {0};
    char shown[60];
    if (strcmp(act, "list") == 0)
        return list(cli);
    if (strcmp(act, "add") == 0 || strcmp(act, "remove") == 0)
        return change(cli, act[0] == 'r');
    (void)trn_fail(&err, -EINVAL, "'%s' is not add, list or remove",
                   trn_escape_into(shown, sizeof shown, trn_str_of(act)));
    return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat filter list", "what is not watched now, until when, and why"},
    {"turncoat filter add --program /usr/sbin/unbound --class dns --for 2h --why 'load test'",
     "names that it asks for"},
    {"turncoat filter add --path /srv/build/out --why 'nightly build'", "changes of files in this folder"},
    {"turncoat filter remove --path /srv/build/out", "watch it again"},
};
static const struct trn_option OPTIONS[] = {
    {"program", "PATH", "every process that runs this file, until the file changes"},
    {"pid", "N", "one process, until it runs something else"},
    {"path", "PATH", "a file, or what lies in a folder but not deeper"},
    {"filesystem", "PATH", "all of a file system, named by where it is mounted"},
    {"class", "LIST", "network,dns,tls,access of a program or process (default: all four)"},
    {"for", "TIME", "how long: 30m, 2h (default 1h, at most 24h)"},
    {"why", "TEXT", "the reason; it stands in the log"},
};

const struct trn_command trn_cmd_filter = {
    .name = "filter",
    .usage = "[add|list|remove]",
    .summary = "leave a program or folder unwatched for a while; starts of programs are always seen",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 1,
    .run = run,
};
