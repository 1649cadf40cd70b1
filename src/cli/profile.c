/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how a profile looks on a terminal: its history, its versions, what is new in the running one, what it always
 * did. Must not: know how a profile is made.
 */
#include "cli/profile.h"

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_head(struct trn_cli *cli, const json_t *p)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint64_t runs = trn_json_count(p, "runs"), days = trn_json_count(p, "days"),
             versions = trn_json_count(p, "n_versions"), forgotten = trn_json_count(p, "forgotten");
    trn_buf_init(&b, 4096);
    trn_put_c(&b, "\nProfile of ");
    trn_escape(&b, trn_json_text(p, "name"));
    trn_put_c(&b, " (");
    trn_escape(&b, trn_json_text(p, "origin"));
    trn_put_fmt(&b, "): %llu run%s on %llu day%s, %llu version%s; ", (unsigned long long)runs, plural(runs),
                (unsigned long long)days, plural(days), (unsigned long long)versions, plural(versions));
    trn_put_fmt(&b, "%s (maturity %.2f)\n",
                trn_json_true(p, "mature") ? "history enough to say what is new"
                                           : "too little history to say what is new",
                json_number_value(json_object_get(p, "maturity")));
    if (forgotten)
        trn_put_fmt(&b, "%llu thing%s it did seldom and long ago %s forgotten\n", (unsigned long long)forgotten,
                    plural(forgotten), forgotten == 1 ? "is" : "are");
    trn_print(cli->out, &b);
}

static void cell_time(struct trn_table *t, const json_t *o, const char *key)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 128);
    trn_put_clock(&b, trn_json_text(o, key), true);
    trn_table_cell(t, trn_buf_str(&b));
}

static void print_versions(struct trn_cli *cli, const json_t *p)
{
    static const char *const heads[] = {"version", "since", "runs", "days", "drift", "usual", ""};
    struct trn_table t;
    size_t i;
    json_t *v;
    trn_table_init(&t, heads, 7, 4 | 8 | 16 | 32);
    json_array_foreach(json_object_get(p, "versions"), i, v)
    {
        char drift[32], usual[32];
        double d = json_number_value(json_object_get(v, "drift")),
               u = json_number_value(json_object_get(v, "usual_drift"));
        (void)snprintf(drift, sizeof(drift), "%.1f", d);
        (void)snprintf(usual, sizeof(usual), "%.1f", u);
        struct trn_str text = trn_json_text(v, "version");
        trn_table_row(&t, TRN_PLAIN);
        trn_table_cell(&t, trn_str_is_none(text) ? TRN_STR("-") : text);
        cell_time(&t, v, "since");
        trn_table_number(&t, trn_json_count(v, "runs"));
        trn_table_number(&t, trn_json_count(v, "days"));
        trn_table_cell(&t, d > 0 ? trn_str_of(drift) : TRN_STR("-"));
        trn_table_cell(&t, u > 0 ? trn_str_of(usual) : TRN_STR("-"));
        trn_table_cell(&t, trn_json_true(v, "current") ? TRN_STR("ran last") : TRN_STR(""));
    }
    fputs("\n", cli->out);
    trn_table_print(&t, cli->out, cli->colour);
    trn_table_done(&t);
}

static size_t print_features(struct trn_cli *cli, const json_t *p, bool fresh)
{
    static const char *const heads_new[] = {"new in this version", "first", "last", "runs", "state"};
    static const char *const heads_old[] = {"what it does", "first", "last", "runs", "state"};
    struct trn_table t;
    size_t i, n = 0;
    json_t *f;
    trn_table_init(&t, fresh ? heads_new : heads_old, 5, 8);
    json_array_foreach(json_object_get(p, "features"), i, f)
    {
        if (trn_json_true(f, "new") != fresh)
            continue;
        n++;
        trn_table_row(&t, fresh ? TRN_YELLOW : TRN_PLAIN);
        trn_table_cell(&t, trn_json_text(f, "words"));
        cell_time(&t, f, "first");
        cell_time(&t, f, "last");
        trn_table_number(&t, trn_json_count(f, "runs"));
        trn_table_cell(&t, trn_json_text(f, "state"));
    }
    if (n) {
        fputs("\n", cli->out);
        trn_table_print(&t, cli->out, cli->colour);
    }
    trn_table_done(&t);
    return n;
}

void trn_print_profile(struct trn_cli *cli, const json_t *profile)
{
    print_head(cli, profile);
    print_versions(cli, profile);
    if (!print_features(cli, profile, true) && trn_json_count(profile, "n_versions") > 1)
        fputs("\nnothing is new in the version that ran last\n", cli->out);
    (void)print_features(cli, profile, false);
}
